#include "model.h"
#include "base/buf.h"
#include "check.h"
#include "disk_inside.h"
#include "replica/replica.h"
#include "rules/authority.h"
#include "rules/floor.h"
#include "rules/schema.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/hash.h"
#include "work.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK 262144u
#define FIRST_FIELD 4u /* a grant's body, an invitation's key */
#define GRANT_CUT   12u
#define FLOOR_KIND  6u
#define CUTS_MAX    64
#define FLOORS_MAX  128
#define ENTRIES_MAX 256
#define ROOT_RANK   3u

/* ---------------------------------------------------------------- memory */

static void *keep(struct model *m, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > m->arena_left) {
        size_t chunk = size + 16 > ARENA_CHUNK ? size + 16 : ARENA_CHUNK;
        uint8_t *p = disk_memory(NULL, chunk);
        memcpy(p, &m->arena, sizeof m->arena);
        m->arena = p;
        m->arena_at = p + 16;
        m->arena_left = chunk - 16;
    }
    void *out = m->arena_at;
    m->arena_at += size;
    m->arena_left -= size;
    return out;
}

static void *keep_copy(struct model *m, const void *p, size_t size)
{
    void *out = keep(m, size + 1);
    if (size)
        memcpy(out, p, size);
    return out;
}

struct model *model_new(struct world *w)
{
    struct model *m = disk_memory(NULL, sizeof *m);
    memset(m, 0, sizeof *m);
    m->w = w;
    return m;
}

void model_free(struct model *m)
{
    while (m->arena) {
        uint8_t *chunk = m->arena;
        memcpy(&m->arena, chunk, sizeof m->arena);
        free(chunk);
    }
    for (size_t i = 0; i < m->feed_count; i++)
        free(m->feeds[i].changes);
    free(m->records);
    free(m->withdrawn);
    free(m);
}

/* ---------------------------------------------------------------- looking up */

size_t model_find_feed(const struct model *m, const struct ward_hash *id)
{
    for (size_t i = 0; i < m->feed_count; i++)
        if (memcmp(m->feeds[i].id.b, id->b, sizeof id->b) == 0)
            return i;
    return SIZE_MAX;
}

size_t model_find_short(const struct model *m, const uint8_t space8[8], const uint8_t grant8[8])
{
    for (size_t i = 0; i < m->feed_count; i++)
        if (memcmp(m->feeds[i].grant.b, grant8, 8) == 0 && memcmp(m->spaces[m->feeds[i].space].id.b, space8, 8) == 0)
            return i;
    return SIZE_MAX;
}

size_t model_find_space(const struct model *m, const struct ward_hash *id)
{
    for (size_t i = 0; i < m->space_count; i++)
        if (memcmp(m->spaces[i].id.b, id->b, sizeof id->b) == 0)
            return i;
    return SIZE_MAX;
}

size_t model_ward_space(const struct model *m)
{
    size_t i = 0;
    while (!m->spaces[i].is_ward) /* it is the first to be written in */
        i++;
    return i;
}

const struct model_change *model_change(const struct model *m, size_t branch, uint64_t seq)
{
    while (seq <= m->feeds[branch].base)
        branch = m->feeds[branch].stem;
    return &m->feeds[branch].changes[seq - m->feeds[branch].base - 1];
}

/* The branch of a feed on which this change lies; seq 0 is where the first begins. */
static size_t find_branch(const struct model *m, size_t first, uint64_t seq, const struct ward_hash *hash)
{
    for (size_t i = first; seq && i != SIZE_MAX; i = m->feeds[i].next)
        if (seq > m->feeds[i].base && seq <= m->feeds[i].count && memcmp(model_change(m, i, seq)->hash.b, hash->b, sizeof hash->b) == 0)
            return i;
    return seq ? SIZE_MAX : first;
}

size_t model_find_branch(const struct model *m, size_t first, uint64_t seq, const uint8_t hash[32])
{
    struct ward_hash h;
    memcpy(h.b, hash, sizeof h.b);
    return first == SIZE_MAX || !seq ? SIZE_MAX : find_branch(m, first, seq, &h);
}

/* Up to some change of a branch, and so its stems up to where they were left. */
static void raise_to(const struct model *m, size_t branch, uint64_t seq, uint64_t *held)
{
    for (; branch != SIZE_MAX; seq = m->feeds[branch].base, branch = m->feeds[branch].stem)
        held[branch] = held[branch] > seq ? held[branch] : seq;
}

void model_look(const struct model *m, const ward_replica *r, uint64_t *held)
{
    for (size_t i = 0; i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        size_t first = model_find_feed(m, &f->id);
        size_t branch = first == SIZE_MAX ? SIZE_MAX : find_branch(m, first, f->head_seq, &f->head_hash);
        raise_to(m, branch, f->head_seq, held);
    }
}

/* Whether two that are held follow this change. */
static bool parts_at(const struct model *m, size_t first, size_t branch, uint64_t seq, const uint64_t *held)
{
    int n = held[branch] > seq;
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next)
        n += m->feeds[i].stem == branch && m->feeds[i].base == seq && held[i] > seq;
    return n > 1;
}

uint64_t model_fork_point(const struct model *m, size_t branch, const uint64_t *held)
{
    size_t first = m->feeds[branch].first;
    uint64_t least = UINT64_MAX;
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next)
        if (m->feeds[i].stem != SIZE_MAX && m->feeds[i].base < least && parts_at(m, first, m->feeds[i].stem, m->feeds[i].base, held))
            least = m->feeds[i].base;
    return least;
}

/* What anybody has, or has laid by. */
static void held_anywhere(const struct model *m, uint64_t *held)
{
    memset(held, 0, MODEL_FEEDS_MAX * sizeof *held);
    for (size_t n = 0; n < m->w->count; n++)
        for (size_t i = 0; i < m->feed_count; i++) {
            const struct device *d = &m->w->d[n];
            held[i] = d->held[i] > held[i] ? d->held[i] : held[i];
            held[i] = d->old_held && d->old_held[i] > held[i] ? d->old_held[i] : held[i];
        }
}

bool model_tainted(const struct model *m, size_t space)
{
    uint64_t held[MODEL_FEEDS_MAX];
    held_anywhere(m, held);
    for (size_t i = 0; i < m->feed_count; i++)
        if ((m->feeds[i].space == space || m->spaces[m->feeds[i].space].is_ward) && m->feeds[i].stem != SIZE_MAX &&
            model_fork_point(m, i, held) != UINT64_MAX)
            return true;
    return false;
}

/* ---------------------------------------------------------------- taking in */

static size_t add_feed(struct model *m, const struct ward_directory *dir, const struct ward_feed *f, struct device *author)
{
    const struct ward_space *space = ward_directory_space(dir, f->sid);
    size_t s = model_find_space(m, &space->id);
    if (s == SIZE_MAX) {
        s = m->space_count++;
        m->spaces[s] = (struct model_space){.id = space->id, .is_ward = space->circle_count == 0, .unit_count = space->circle_count};
        if (space->circle_count > 4)
            violated(m->w, "the model", "a circle of %zu", space->circle_count);
        else if (space->circle_count)
            memcpy(m->spaces[s].units, space->circle, space->circle_count * sizeof *space->circle);
    }
    if (m->feed_count == MODEL_FEEDS_MAX) {
        violated(m->w, "the model", "more than %d feeds", MODEL_FEEDS_MAX);
        return m->feed_count - 1;
    }
    m->feeds[m->feed_count] = (struct model_feed){.id = f->id,
                                                  .grant = f->grant,
                                                  .space = s,
                                                  .author = author,
                                                  .rank = ward_role_rules(f->role)->rank,
                                                  .stem = SIZE_MAX,
                                                  .next = SIZE_MAX,
                                                  .first = m->feed_count};
    return m->feed_count++;
}

/* Leaves the branch after a change. */
static size_t add_branch(struct model *m, size_t stem, uint64_t base)
{
    struct model_feed *f = &m->feeds[stem];
    if (m->feed_count == MODEL_FEEDS_MAX) {
        violated(m->w, "the model", "more than %d branches", MODEL_FEEDS_MAX);
        return stem;
    }
    m->feeds[m->feed_count] = *f;
    struct model_feed *b = &m->feeds[m->feed_count];
    b->stem = stem;
    b->base = b->count = base;
    b->changes = NULL;
    b->cap = 0;
    f->next = m->feed_count;
    b->forked = false;
    if (f->author && !f->author->may_fork && !f->author->hostile)
        violated(m->w, "S3", "there are two changes %llu of %s", (unsigned long long)base + 1, f->author->name);
    deed(m->w, DEED_ASTRAY);
    trace(m->w, f->author, "has written change %llu twice", (unsigned long long)base + 1);
    return m->feed_count++;
}

static void note_record(struct model *m, const struct model_op *op, size_t space)
{
    if (op->kind < 16)
        return;
    for (size_t i = m->record_count; i > 0; i--)
        if (memcmp(m->records[i - 1].entity.b, op->entity.b, 16) == 0 && m->records[i - 1].kind == op->kind)
            return;
    if (m->record_count == m->record_cap) {
        m->record_cap = m->record_cap ? 2 * m->record_cap : 64;
        m->records = disk_memory(m->records, m->record_cap * sizeof *m->records);
    }
    m->records[m->record_count++] = (struct model_record){op->kind, op->entity, space};
}

static void take_ops(struct model *m, struct model_change *c, const struct ward_scratch *s, size_t space)
{
    const struct ward_change *ch = &s->changes[0];
    c->op_count = ch->op_count;
    c->ops = keep(m, ch->op_count * sizeof *c->ops);
    for (size_t i = 0; i < ch->op_count; i++) {
        const struct ward_op *o = &s->ops[ch->op_first + i];
        struct model_op *op = &c->ops[i];
        *op = (struct model_op){.kind = o->kind, .field = o->field, .entity = o->entity, .len = (uint32_t)o->raw_len};
        op->key_len = (uint8_t)o->key_len;
        if (o->key_len)
            memcpy(op->key, o->key, o->key_len);
        op->raw = keep_copy(m, o->raw, o->raw_len);
        note_record(m, op, space);
    }
}

static struct model_vv keep_vv(struct model *m, const uint64_t *seen)
{
    struct model_vv vv = {(uint32_t)m->feed_count, keep(m, m->feed_count * sizeof *vv.seq)};
    for (uint32_t i = 0; i < vv.count; i++)
        vv.seq[i] = (uint32_t)seen[i];
    return vv;
}

/* The branch that a change of this one stands on, itself or a stem. */
static size_t branch_of(const struct model *m, size_t branch, uint64_t seq)
{
    while (m->feeds[branch].stem != SIZE_MAX && seq <= m->feeds[branch].base)
        branch = m->feeds[branch].stem;
    return branch;
}

/* Below what is settled a dep may be named by the hash at its end. */
static size_t settled_branch(const struct model *m, size_t first, const struct ward_dep *dep)
{
    for (size_t i = first; dep->seq && i != SIZE_MAX; i = m->feeds[i].next)
        for (uint64_t seq = m->feeds[i].base + 1; seq <= m->feeds[i].count; seq++)
            if (seq > dep->seq && memcmp(model_change(m, i, seq)->hash.b, dep->hash.b, sizeof dep->hash.b) == 0)
                return branch_of(m, i, dep->seq);
    return SIZE_MAX;
}

/* What a change had seen: what the one before it had, and what its deps name; a late change what they name alone. */
static void take_deps(struct model *m, size_t feed, struct model_change *c, const struct ward_scratch *s)
{
    const struct model_feed *f = &m->feeds[feed];
    const struct model_change *before = f->count ? model_change(m, feed, f->count) : NULL;
    uint64_t deepest = before ? before->depth : 0, seen[MODEL_FEEDS_MAX] = {0}, named[MODEL_FEEDS_MAX] = {0};
    bool late = false;
    for (uint32_t i = 0; before && i < before->seen.count; i++)
        seen[i] = before->seen.seq[i];
    for (size_t i = 0; i < s->changes[0].dep_count; i++) {
        const struct ward_dep *dep = &s->deps[s->changes[0].dep_first + i];
        size_t first = model_find_feed(m, &dep->feed);
        if (memcmp(dep->feed.b, dep->hash.b, sizeof dep->hash.b) == 0) {
            late = true;
            if (memcmp(dep->feed.b, f->id.b, sizeof f->id.b) != 0 || dep->seq > f->count)
                violated(m->w, "S9", "a late change has seen of its own feed what is not there");
            else
                raise_to(m, branch_of(m, feed, dep->seq), dep->seq, named);
            continue;
        }
        size_t g = first == SIZE_MAX ? SIZE_MAX : find_branch(m, first, dep->seq, &dep->hash);
        g = g == SIZE_MAX && m->w->settles ? settled_branch(m, first, dep) : g;
        if (g == SIZE_MAX || m->feeds[g].space != f->space || !dep->seq) {
            violated(m->w, "S9", "a change names a dep that nobody has written");
            continue;
        }
        raise_to(m, g, dep->seq, seen);
        raise_to(m, g, dep->seq, named);
        uint64_t depth = model_change(m, g, dep->seq)->depth;
        deepest = depth > deepest ? depth : deepest;
    }
    raise_to(m, feed, f->count + 1, seen);
    c->seen = keep_vv(m, seen);
    c->sight = late ? keep_vv(m, named) : c->seen;
    c->late = late;
    bool vague = m->w->settles && c->depth > (before ? before->depth : 0); /* below what is settled nothing is looked up */
    if (c->depth != deepest + 1 && !vague)
        violated(m->w, "S9", "a change has depth %llu where %llu follows", (unsigned long long)c->depth, (unsigned long long)deepest + 1);
}

static void add_change(struct model *m, size_t feed, const struct ward_hash *hash, const struct ward_scratch *s)
{
    struct model_feed *f = &m->feeds[feed];
    size_t n = (size_t)(f->count - f->base);
    if (n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 16;
        f->changes = disk_memory(f->changes, f->cap * sizeof *f->changes);
    }
    struct model_change *c = &f->changes[n];
    *c = (struct model_change){.hash = *hash, .depth = s->changes[0].depth, .number = m->change_count++};
    take_deps(m, feed, c, s);
    take_ops(m, c, s, f->space);
    f->count++;
}

/* The change after one of a branch: it is known, or goes on from its end, or parts from it. */
static size_t follow(struct model *m, size_t branch, uint64_t seq, const struct ward_hash *hash, const struct ward_scratch *s)
{
    size_t known = find_branch(m, m->feeds[branch].first, seq, hash);
    if (known != SIZE_MAX)
        return known;
    if (m->feeds[branch].count >= seq)
        branch = add_branch(m, branch, seq - 1);
    if (!m->w->failed)
        add_change(m, branch, hash, s);
    return branch;
}

/* What the model does not have yet, from the store of the device that wrote it. Gives the branch of the head; SIZE_MAX: not now. */
static size_t take_in(struct model *m, size_t branch, ward_replica *r, const struct ward_feed *f)
{
    struct ward_scratch scratch;
    struct ward_buf raw;
    const struct model_feed *known = &m->feeds[branch];
    bool goes_on = known->next == SIZE_MAX && known->count < f->head_seq && known->author && !known->author->may_fork;
    uint64_t seq = goes_on ? known->count : f->base; /* else it may have parted anywhere */
    if (!goes_on && seq)
        branch = find_branch(m, branch, seq, &f->base_hash);
    if (branch == SIZE_MAX) /* the row that it leaves is looked at later */
        return SIZE_MAX;
    struct ward_hash hash = seq ? model_change(m, branch, seq)->hash : f->id;
    ward_scratch_init(&scratch, ward_platform_env());
    ward_buf_init(&raw, ward_platform_env());
    while (seq < f->head_seq && !m->w->failed) {
        struct ward_segment seg;
        size_t at = 0, used = 0;
        if (ward_store_find_segment(r->store, f->fid, seq + 1, &seg, NULL) || ward_store_unpack(r->store, &seg, &raw, NULL))
            break; /* the disk fails just now: another time */
        if (seg.first <= seq)
            hash = seg.first > f->base + 1 ? model_change(m, branch, seg.first - 1)->hash : hash;
        for (uint64_t n = seg.first; n < seg.first + seg.count && !m->w->failed; n++, at += used) {
            ward_scratch_clear(&scratch);
            if (ward_change_parse(&scratch, raw.p + at, raw.len - at, &used, NULL)) {
                violated(m->w, "S4", "a stored change cannot be read");
                break;
            }
            ward_chain(&hash, n, &hash, raw.p + at, used);
            if (n > seq)
                branch = follow(m, branch, seq = n, &hash, &scratch);
        }
    }
    ward_scratch_free(&scratch);
    ward_buf_free(&raw);
    if (seq < f->head_seq)
        return SIZE_MAX;
    if (memcmp(hash.b, f->head_hash.b, sizeof hash.b) != 0)
        violated(m->w, "S4", "the stored changes of a feed do not lead to its head");
    return branch;
}

static bool is_author(const struct device *d, const ward_replica *r, const struct ward_feed *f)
{
    return ward_replica_was(r, &f->grant) || (f->role == WARD_ROLE_ROOT && d->i == 0);
}

static struct device *owner(struct model *m, const struct ward_hash *grant)
{
    for (size_t i = 0; i < m->w->count; i++)
        if (m->w->d[i].joined && memcmp(m->w->d[i].grant.b, grant->b, 32) == 0)
            return &m->w->d[i];
    return NULL;
}

static void note_fork(struct model *m, size_t first)
{
    struct model_feed *f = &m->feeds[first];
    uint64_t held[MODEL_FEEDS_MAX] = {0};
    if (f->next == SIZE_MAX || f->forked)
        return;
    for (size_t n = 0; n < m->w->count; n++) {
        const struct device *d = &m->w->d[n];
        bool own = d == f->author || memcmp(d->grant.b, f->grant.b, sizeof f->grant.b) == 0; /* or its twin's */
        for (size_t i = first; !own && i != SIZE_MAX; i = m->feeds[i].next)
            raise_to(m, i, d->held[i], held);
    }
    uint64_t point = model_fork_point(m, first, held);
    if (point == UINT64_MAX)
        return;
    f->forked = true;
    deed(m->w, DEED_FORK);
    trace(m->w, f->author, "has two histories after change %llu: a fork", (unsigned long long)point);
}

static void observe_feed(struct model *m, struct device *d, ward_replica *r, const struct ward_feed *f)
{
    size_t i = model_find_feed(m, &f->id);
    bool author = is_author(d, r, f);
    struct device *wrote = author ? d : owner(m, &f->grant);
    bool may_be_new = author || (wrote && wrote->hostile);
    if (i == SIZE_MAX && !may_be_new) {
        violated(m->w, "S5", "%s holds a feed that nobody began", d->name);
        return;
    }
    i = i == SIZE_MAX ? add_feed(m, &r->dir, f, wrote) : i;
    size_t branch = find_branch(m, i, f->head_seq, &f->head_hash);
    if (branch == SIZE_MAX && !may_be_new) {
        violated(m->w, "S5", "%s holds %llu changes of %s, who never wrote the last of them", d->name, (unsigned long long)f->head_seq,
                 m->feeds[i].author ? m->feeds[i].author->name : "the root");
        return;
    }
    bool written = branch == SIZE_MAX;
    branch = written ? take_in(m, i, r, f) : branch;
    if (branch == SIZE_MAX)
        return;
    raise_to(m, branch, f->head_seq, d->held);
    if (written && author)
        raise_to(m, branch, f->head_seq, d->own);
    note_fork(m, i);
}

static bool held_by_another(const struct model *m, const struct device *d, size_t branch, uint64_t seq)
{
    for (size_t i = 0; i < m->w->count; i++)
        if (&m->w->d[i] != d && m->w->d[i].held[branch] >= seq)
            return true;
    return false;
}

static bool is_beside_settled(const struct model *m, const struct device *d, size_t branch, uint64_t seq);

static void withdraw(struct model *m, struct device *d, size_t branch, uint64_t seq)
{
    /* An older copy cannot know what was given away after it was made, and a full disk had no room for a note. And what the ward has
     * settled otherwise nobody takes any more. */
    bool may_not_know = d->restored || model_change(m, branch, seq)->number < d->unnoted || is_beside_settled(m, d, branch, seq);
    if (!may_not_know && held_by_another(m, d, branch, seq))
        violated(m->w, "S3", "%s takes back change %llu, which others hold", d->name, (unsigned long long)seq);
    if (m->withdrawn_count == m->withdrawn_cap) {
        m->withdrawn_cap = m->withdrawn_cap ? 2 * m->withdrawn_cap : 16;
        m->withdrawn = disk_memory(m->withdrawn, m->withdrawn_cap * sizeof *m->withdrawn);
    }
    m->withdrawn[m->withdrawn_count++] = (struct model_withdrawn){.d = d, .branch = branch, .seq = seq};
    deed(m->w, DEED_WITHDRAWN);
}

/* What a device no longer holds of a feed of its own. One process may not know yet what another has written: then it is looked at later. */
static void find_withdrawn(struct model *m, struct device *d, ward_replica *r, size_t first)
{
    uint64_t now[MODEL_FEEDS_MAX] = {0}, stamp;
    if (ward_store_stamp(r->store, &stamp, NULL) || stamp != r->stamp)
        return;
    model_look(m, r, now);
    size_t before = m->withdrawn_count;
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next) {
        uint64_t from = now[i] > m->feeds[i].base ? now[i] : m->feeds[i].base;
        for (uint64_t seq = from + 1; seq <= d->held[i]; seq++)
            withdraw(m, d, i, seq);
        d->held[i] = now[i];
        d->own[i] = d->own[i] < now[i] ? d->own[i] : now[i];
    }
    trace(m->w, d, "takes back %zu changes of its own", m->withdrawn_count - before);
}

static bool holds_less(const struct model *m, const struct device *d, const ward_replica *r, const struct ward_feed *f)
{
    size_t first = model_find_feed(m, &f->id);
    size_t branch = first == SIZE_MAX ? SIZE_MAX : find_branch(m, first, f->head_seq, &f->head_hash);
    if (branch == SIZE_MAX || (m->feeds[first].next == SIZE_MAX && d->held[branch] <= f->head_seq))
        return false;
    uint64_t now[MODEL_FEEDS_MAX] = {0};
    model_look(m, r, now);
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next)
        if (d->held[i] > now[i] && d->held[i] > m->feeds[i].base)
            return true;
    return false;
}

static void check_readable(struct device *d, const ward_replica *r)
{
    const struct ward_grant *self = ward_replica_grant(r);
    for (size_t i = 0; self && i < r->dir.space_count; i++)
        if (!ward_may_read(self, r->dir.spaces[i].circle, r->dir.spaces[i].circle_count))
            violated(d->w, "S12", "%s holds a space that its unit does not belong to", d->name);
}

/* An own change has seen nothing that its author does not hold. It is asked of those that are new, from number `since` on: what they saw
 * may give way later to what is settled. And what was told again may name a chain that gave way, up to where its feed is settled: there no
 * dep is looked at (seal.md). */
static void check_honest_sight(struct model *m, struct device *d, const struct ward_feed *f, uint64_t since)
{
    size_t branch = f->head_seq ? find_branch(m, model_find_feed(m, &f->id), f->head_seq, &f->head_hash) : SIZE_MAX;
    if (branch == SIZE_MAX)
        return;
    const struct model_change *c = model_change(m, branch, f->head_seq);
    const struct model_vv *seen = &c->seen;
    struct ward_hash hash;
    for (size_t i = 0; c->number >= since && i < seen->count; i++)
        if (d->held[i] < seen->seq[i] && seen->seq[i] > model_settled(m, d->held, m->feeds[i].first, &hash))
            violated(m->w, "S9", "a change of %s claims to have seen what it does not hold", d->name);
}

/* Of each feed that is held. */
static void check_settled(struct model *m, struct device *d, const ward_replica *r)
{
    struct ward_hash hash;
    for (size_t i = 0; i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        size_t first = f->parent ? SIZE_MAX : model_find_feed(m, &f->id);
        uint64_t want = first == SIZE_MAX ? 0 : model_settled(m, d->held, first, &hash);
        if (first != SIZE_MAX && f->settled.seq != want)
            violated(m->w, "S15", "%s takes %llu changes of %s for settled, there are %llu", d->name, (unsigned long long)f->settled.seq,
                     m->feeds[first].author ? m->feeds[first].author->name : "the root", (unsigned long long)want);
    }
}

static bool is_news(const struct model *m, const struct device *d, const struct ward_feed *f)
{
    size_t first = model_find_feed(m, &f->id);
    size_t branch = first == SIZE_MAX ? SIZE_MAX : find_branch(m, first, f->head_seq, &f->head_hash);
    return branch == SIZE_MAX || d->held[branch] < f->head_seq;
}

bool model_observe(struct device *d, ward_replica *r)
{
    struct model *m = d->w->model;
    uint64_t since = m->change_count;
    bool news = false, less = false;
    if (!r || r->stamp == 0 || ward_store_in_transaction(r->store))
        return false;
    for (size_t i = 0; i < r->dir.feed_count && !m->w->failed; i++) {
        if (!is_news(m, d, &r->dir.feeds[i]))
            continue;
        news = true;
        observe_feed(m, d, r, &r->dir.feeds[i]);
    }
    for (size_t i = 0; i < r->dir.feed_count && !m->w->failed; i++)
        if (is_author(d, r, &r->dir.feeds[i]) && holds_less(m, d, r, &r->dir.feeds[i])) {
            less = true;
            find_withdrawn(m, d, r, model_find_feed(m, &r->dir.feeds[i].id));
        }
    for (size_t i = 0; news && i < r->dir.feed_count && !m->w->failed; i++)
        if (is_author(d, r, &r->dir.feeds[i]))
            check_honest_sight(m, d, &r->dir.feeds[i], since);
    if (news)
        check_readable(d, r);
    uint64_t stamp;
    if (news && m->w->settles && !m->w->failed && ward_store_stamp(r->store, &stamp, NULL) == WARD_OK && stamp == r->stamp)
        check_settled(m, d, r);
    return !news && !less;
}

/* ---------------------------------------------------------------- written anew */

static bool same_record(const struct model_op *a, const struct model_op *b)
{
    return a->kind == b->kind && memcmp(a->entity.b, b->entity.b, 16) == 0;
}

static bool same_slot(const struct model_op *a, const struct model_op *b)
{
    return same_record(a, b) && a->field == b->field && a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

/* "Of several values of one slot only the last is told": a later one that followed it was withdrawn as well. To write anything of a
 * record is to say that it exists, so that also takes the place of what was said of that before, a deletion for one. */
static bool is_told_later(const struct model *m, const struct model_withdrawn *x, const struct model_op *op)
{
    for (size_t i = 0; i < m->withdrawn_count; i++) {
        const struct model_withdrawn *y = &m->withdrawn[i];
        bool follows = y->seq >= x->seq && branch_of(m, y->branch, x->seq) == x->branch;
        const struct model_change *c = follows ? model_change(m, y->branch, y->seq) : NULL;
        for (size_t k = 0; c && k < c->op_count; k++)
            if (y->seq > x->seq ? same_slot(&c->ops[k], op) || (op->field == WARD_FIELD_PRESENCE && same_record(&c->ops[k], op))
                                : same_slot(&c->ops[k], op) && &c->ops[k] > op)
                return true;
    }
    return false;
}

/* On whichever branch it was named. */
static uint64_t seen_of(const struct model *m, size_t first, const struct model_vv *vv)
{
    uint64_t seen = 0;
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next) /* a later branch may stand before an earlier one */
        seen = i < vv->count && vv->seq[i] > seen ? vv->seq[i] : seen;
    return seen;
}

/* Of other feeds than its own. */
static bool has_seen_more(const struct model *m, size_t own, const struct model_change *a, const struct model_change *b)
{
    for (size_t i = 0; i < a->sight.count; i++)
        if (m->feeds[i].first == i && i != m->feeds[own].first && seen_of(m, i, &a->sight) > seen_of(m, i, &b->sight))
            return true;
    return false;
}

/* Whether a late change tells it: the same value, or, in a sum, some. */
static bool tells(const struct model_op *op, const struct model_change *c, bool *as_existence)
{
    for (size_t k = 0; k < c->op_count; k++) {
        const struct model_op *now = &c->ops[k];
        bool sum = (op->field & 3u) == WARD_TALLY;
        bool exists = op->field == WARD_FIELD_PRESENCE && op->raw[0] == 0xf5; /* any value of it says so */
        *as_existence = exists && now->kind == op->kind && now->field != op->field && memcmp(now->entity.b, op->entity.b, 16) == 0;
        if (*as_existence || (same_slot(now, op) && (sum || (now->len == op->len && memcmp(now->raw, op->raw, op->len) == 0))))
            return true;
    }
    return false;
}

/* The same value may have been withdrawn, and told again, more than once: one of those that tell it must not have seen more. */
static bool op_is_anew(struct model *m, const struct model_withdrawn *x, const struct model_change *old, const struct model_op *op)
{
    const struct model_feed *from = &m->feeds[x->branch];
    bool of_more = false, as_existence;
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct model_feed *f = &m->feeds[i];
        bool may_tell = (f->author == from->author || f->author == x->d) && f->space == from->space;
        for (uint64_t n = f->count - f->base; may_tell && n > 0; n--) {
            const struct model_change *c = &f->changes[n - 1];
            if (!c->late || c->number <= old->number || !tells(op, c, &as_existence))
                continue;
            if (as_existence || (op->field & 3u) == WARD_TALLY || !has_seen_more(m, x->branch, c, old))
                return true;
            of_more = true;
        }
    }
    if (is_told_later(m, x, op))
        return true;
    if (of_more)
        violated(m->w, "S9", "%s writes a change anew and claims to have seen more than it had", x->d->name);
    return false;
}

static bool find_anew(struct model *m, const struct model_withdrawn *x)
{
    const struct model_change *old = model_change(m, x->branch, x->seq);
    for (size_t k = 0; k < old->op_count; k++)
        if (!op_is_anew(m, x, old, &old->ops[k]))
            return false;
    return true;
}

/* Its own feed there has branches: until it is let in anew it cannot write in that space. */
static bool is_frozen(const struct model *m, const struct device *d, size_t space)
{
    for (size_t i = 0; i < m->feed_count; i++)
        if (m->feeds[i].space == space && memcmp(m->feeds[i].grant.b, d->grant.b, sizeof d->grant.b) == 0 &&
            model_fork_point(m, i, d->held) != UINT64_MAX)
            return true;
    return false;
}

const struct model_withdrawn *model_written_anew(struct model *m)
{
    const struct model_withdrawn *missing = NULL;
    for (size_t i = 0; i < m->withdrawn_count; i++) {
        struct model_withdrawn *x = &m->withdrawn[i];
        x->anew = x->anew || find_anew(m, x);
        if (!x->anew && !missing && device_counts(x->d) && !is_frozen(m, x->d, m->feeds[x->branch].space))
            missing = x;
    }
    return missing;
}

void model_forget_withdrawn(struct model *m, const struct device *d)
{
    model_written_anew(m);
    for (size_t i = 0; i < m->withdrawn_count; i++)
        m->withdrawn[i].anew |= m->withdrawn[i].d == d;
}

/* ---------------------------------------------------------------- cuts */

struct model_cut {
    struct ward_id grant_entity;
    struct ward_cut_entry entries[32];
    size_t count;
};

/* What is held, judged: how far each feed has effect. */
struct judged {
    const struct model *m;
    const uint64_t *held;
    struct model_cut cuts[CUTS_MAX];
    size_t cut_count;
    uint64_t limit[MODEL_FEEDS_MAX];
    bool known[MODEL_FEEDS_MAX];
    struct ward_floor_entry settled[MODEL_FEEDS_MAX]; /* by a feed's first branch; seq 0: nothing is */
};

/* Those in the ward space; who makes them is never cut here, but may have parted his feed. */
static void find_cuts(struct judged *g)
{
    const struct model *m = g->m;
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct model_feed *f = &m->feeds[i];
        uint64_t fork = m->spaces[f->space].is_ward ? model_fork_point(m, i, g->held) : 0;
        for (uint64_t seq = f->base + 1; seq <= g->held[i] && seq <= fork; seq++)
            for (size_t k = 0; k < model_change(m, i, seq)->op_count; k++) {
                const struct model_op *op = &model_change(m, i, seq)->ops[k];
                struct model_cut *cut = &g->cuts[g->cut_count];
                if (op->kind != 1 || op->field != GRANT_CUT || g->cut_count == CUTS_MAX)
                    continue;
                cut->grant_entity = op->entity;
                if (ward_cut_parse(cut->entries, 32, &cut->count, op->raw, op->len) == WARD_OK)
                    g->cut_count++;
            }
    }
}

static uint64_t limit_by_cuts(const struct judged *g, size_t feed)
{
    uint64_t limit = UINT64_MAX;
    for (size_t i = 0; i < g->cut_count; i++) {
        const struct model_cut *cut = &g->cuts[i];
        uint64_t here = 0;
        if (memcmp(cut->grant_entity.b, g->m->feeds[feed].grant.b, 16) != 0)
            continue;
        for (size_t j = 0; j < cut->count; j++)
            if (memcmp(cut->entries[j].feed.b, g->m->feeds[feed].id.b, 32) == 0)
                here = cut->entries[j].seq;
        limit = here < limit ? here : limit;
    }
    return limit;
}

/* ---- what is settled: proto/authority.md, Floor */

struct floor_op {
    const struct model_op *op;
    const struct model_feed *by;
    uint64_t seq, depth;
    size_t nth;
};

/* The root's first, then by depth, feed, seq and place. */
static int closing_order(const void *pa, const void *pb)
{
    const struct floor_op *a = pa, *b = pb;
    bool root_a = a->by->rank == ROOT_RANK, root_b = b->by->rank == ROOT_RANK;
    int order = root_b - root_a;
    if (!order)
        order = (a->depth > b->depth) - (a->depth < b->depth);
    if (!order)
        order = memcmp(a->by->id.b, b->by->id.b, 32);
    if (!order)
        order = (a->seq > b->seq) - (a->seq < b->seq);
    return order ? order : (a->nth > b->nth) - (a->nth < b->nth);
}

static void settle(struct judged *g, const struct model_op *floor)
{
    struct ward_floor_entry e[ENTRIES_MAX];
    size_t count;
    if (ward_floor_parse(e, ENTRIES_MAX, &count, floor->raw, floor->len))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t first = model_find_feed(g->m, &e[i].feed);
        struct ward_floor_entry *s = first == SIZE_MAX ? NULL : &g->settled[first];
        if (!s || e[i].seq <= s->seq)
            continue;
        uint64_t effect = s->effect < s->seq ? s->effect : e[i].effect > s->seq ? e[i].effect : s->seq;
        *s = e[i];
        s->effect = effect;
    }
}

static void find_settled(struct judged *g)
{
    const struct model *m = g->m;
    struct floor_op floors[FLOORS_MAX], closings[FLOORS_MAX];
    size_t floor_count = 0, closing_count = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct model_feed *f = &m->feeds[i];
        uint64_t fork = m->spaces[f->space].is_ward ? model_fork_point(m, i, g->held) : 0;
        for (uint64_t seq = f->base + 1; m->spaces[f->space].is_ward && seq <= g->held[i]; seq++)
            for (size_t k = 0; k < model_change(m, i, seq)->op_count; k++) {
                const struct model_change *c = model_change(m, i, seq);
                struct floor_op one = {&c->ops[k], f, seq, c->depth, k};
                if (one.op->kind == FLOOR_KIND && one.op->field == WARD_FLOOR_HEADS && floor_count < FLOORS_MAX)
                    floors[floor_count++] = one; /* held, with effect or not */
                if (one.op->kind == FLOOR_KIND && one.op->field == WARD_FLOOR_CLOSED && seq <= fork && closing_count < FLOORS_MAX)
                    closings[closing_count++] = one;
            }
    }
    qsort(closings, closing_count, sizeof *closings, closing_order);
    for (size_t i = 0; i < closing_count; i++)
        for (size_t j = 0; j < floor_count; j++) {
            struct ward_hash name;
            const struct model_op *c = closings[i].op;
            if (memcmp(floors[j].op->entity.b, c->entity.b, 16) != 0 || c->len != 34)
                continue;
            ward_floor_name(&name, floors[j].op->raw, floors[j].op->len);
            if (memcmp(c->raw + 2, name.b, 32) == 0)
                settle(g, floors[j].op);
        }
}

/* As model_fork_point, of branches that leave at what is settled or beyond. */
static uint64_t fork_above(const struct model *m, size_t first, const uint64_t *held, uint64_t settled)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next)
        if (m->feeds[i].stem != SIZE_MAX && m->feeds[i].base >= settled && m->feeds[i].base < least &&
            parts_at(m, first, m->feeds[i].stem, m->feeds[i].base, held))
            least = m->feeds[i].base;
    return least;
}

/* Where a branch leaves the chain that is settled, below its end; UINT64_MAX: it does not. */
static uint64_t leaves_settled(const struct model *m, size_t branch, size_t on, uint64_t settled)
{
    uint64_t at = UINT64_MAX; /* the branch's own chain against the other's, from the ends down to where they are one */
    size_t a = branch, b = on;
    uint64_t a_end = UINT64_MAX, b_end = settled;
    while (a != b)
        if (a > b) {
            a_end = m->feeds[a].base;
            a = m->feeds[a].stem;
        } else {
            b_end = m->feeds[b].base < b_end ? m->feeds[b].base : b_end;
            b = m->feeds[b].stem;
        }
    uint64_t end = a_end < b_end ? a_end : b_end;
    if (end < settled)
        at = end;
    return at;
}

static uint64_t limit_of(struct judged *g, size_t feed);

/* Whether a change with effect brought in the grant under which a feed is written. */
static bool is_granted(struct judged *g, size_t feed)
{
    const struct model *m = g->m;
    if (m->feeds[feed].rank == ROOT_RANK)
        return true;
    for (size_t i = 0; i < m->feed_count; i++)
        for (uint64_t seq = m->feeds[i].base + 1; m->spaces[m->feeds[i].space].is_ward && seq <= g->held[i]; seq++)
            for (size_t k = 0; k < model_change(m, i, seq)->op_count; k++) {
                const struct model_op *op = &model_change(m, i, seq)->ops[k];
                if (op->kind == 1 && op->field == FIRST_FIELD && memcmp(op->entity.b, m->feeds[feed].grant.b, 16) == 0 &&
                    seq <= limit_of(g, i))
                    return true;
            }
    return false;
}

/* The last seq that has effect: up to where it is cut, or parts; nothing where its grant has none. */
static uint64_t limit_of(struct judged *g, size_t feed)
{
    if (g->known[feed])
        return g->limit[feed];
    g->known[feed] = true;
    g->limit[feed] = 0; /* while it is looked for: grants that rest on one another have no effect */
    const struct model *m = g->m;
    size_t first = m->feeds[feed].first;
    const struct ward_floor_entry *s = &g->settled[first];
    size_t on = s->seq ? find_branch(m, first, s->seq, &s->hash) : SIZE_MAX;
    uint64_t cut = limit_by_cuts(g, feed), fork = fork_above(m, first, g->held, s->seq), limit = cut < fork ? cut : fork;
    uint64_t leaves = on == SIZE_MAX ? UINT64_MAX : leaves_settled(m, feed, on, s->seq);
    if (leaves != UINT64_MAX)
        limit = s->effect < s->seq && s->effect < leaves ? s->effect : leaves;
    else if (on != SIZE_MAX)
        limit = s->effect < s->seq ? s->effect : limit > s->seq ? limit : s->seq;
    g->limit[feed] = !is_granted(g, feed) ? 0 : limit;
    return g->limit[feed];
}

static struct judged *judge(const struct model *m, const uint64_t *held, bool cuts)
{
    static struct judged g;
    g.m = m;
    g.held = held;
    g.cut_count = 0;
    memset(g.known, 0, sizeof g.known);
    memset(g.settled, 0, sizeof g.settled);
    if (cuts)
        find_cuts(&g);
    if (m->w->settles)
        find_settled(&g);
    return &g;
}

uint64_t model_settled(const struct model *m, const uint64_t *held, size_t first, struct ward_hash *hash)
{
    const struct judged *g = judge(m, held, true);
    *hash = g->settled[first].hash;
    return g->settled[first].seq;
}

uint64_t model_settled_share(const struct model *m, const uint64_t *held, size_t branch)
{
    size_t first = m->feeds[branch].first;
    const struct ward_floor_entry *s = &judge(m, held, true)->settled[first];
    size_t on = s->seq ? find_branch(m, first, s->seq, &s->hash) : SIZE_MAX;
    uint64_t share = on == SIZE_MAX ? UINT64_MAX : leaves_settled(m, branch, on, s->seq);
    return share <= m->feeds[branch].base ? 0 : share; /* what its stem has is counted there */
}

/* Whether the branch is held beyond what is settled, beside it. */
static bool is_held_beside(const struct judged *g, size_t branch)
{
    const struct model_feed *f = &g->m->feeds[branch];
    const struct ward_floor_entry *s = &g->settled[f->first];
    size_t on = s->seq && g->held[branch] > s->seq ? find_branch(g->m, f->first, s->seq, &s->hash) : SIZE_MAX;
    return on != SIZE_MAX && leaves_settled(g->m, branch, on, s->seq) != UINT64_MAX;
}

/* What has seen such gives way too, when its holder hears of it; and what has seen that. */
static bool rests_beside(const struct judged *g, size_t branch, uint64_t seq, int depth)
{
    const struct model_vv *seen = &model_change(g->m, branch, seq)->seen;
    bool rests = false;
    for (size_t i = 0; !rests && i < seen->count; i++) {
        if (i == branch || seen->seq[i] <= g->m->feeds[i].base)
            continue;
        rests = seen->seq[i] > g->settled[g->m->feeds[i].first].seq &&
                (is_held_beside(g, i) || (depth && rests_beside(g, i, seen->seq[i], depth - 1)));
    }
    return rests;
}

bool model_can_tell(const struct model *m, size_t space, const uint64_t *held)
{
    const struct judged *g = judge(m, held, true);
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct ward_floor_entry *s = &g->settled[i];
        size_t on = m->feeds[i].space == space && m->feeds[i].stem == SIZE_MAX && s->seq ? find_branch(m, i, s->seq, &s->hash) : SIZE_MAX;
        if (on != SIZE_MAX && held[on] < s->seq)
            return false;
    }
    bool beside = false;
    for (size_t i = 0; !beside && i < m->feed_count; i++)
        beside = m->feeds[i].space == space && is_held_beside(g, i);
    for (size_t i = 0; beside && i < m->feed_count; i++)
        if (m->feeds[i].space == space && held[i] > m->feeds[i].base && rests_beside(g, i, held[i], 0))
            return false;
    return true;
}

static bool is_beside_settled(const struct model *m, const struct device *d, size_t branch, uint64_t seq)
{
    return seq > model_settled_share(m, d->held, branch) || rests_beside(judge(m, d->held, true), branch, seq, 2);
}

bool model_is_cut(const struct model *m, const uint64_t *held, const struct ward_hash *grant)
{
    const struct judged *g = judge(m, held, true);
    for (size_t i = 0; i < g->cut_count; i++)
        if (memcmp(g->cuts[i].grant_entity.b, grant->b, 16) == 0)
            return true;
    return false;
}

bool model_is_ended(const struct model *m, const struct ward_hash *grant)
{
    for (size_t i = 0; i < m->w->count; i++)
        if (model_is_cut(m, m->w->d[i].held, grant))
            return true;
    return false;
}

/* Whether a change that brought in a record of this kind, a grant or an invitation, has effect in what is held. */
static bool is_brought_in(uint32_t kind, const uint8_t entity[16], struct judged *g)
{
    const struct model *m = g->m;
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct model_feed *f = &m->feeds[i];
        for (uint64_t seq = f->base + 1; m->spaces[f->space].is_ward && seq <= g->held[i]; seq++)
            for (size_t k = 0; k < model_change(m, i, seq)->op_count; k++) {
                const struct model_op *op = &model_change(m, i, seq)->ops[k];
                if (op->kind == kind && op->field == FIRST_FIELD && memcmp(op->entity.b, entity, 16) == 0 &&
                    (f->rank == ROOT_RANK || seq <= limit_of(g, i)))
                    return true;
            }
    }
    return false;
}

static bool is_known_by(const struct device *d, struct judged *g)
{
    return d->joined ? is_brought_in(1, d->grant.b, g) : is_brought_in(2, d->invited.b, g);
}

bool model_knows(const struct model *m, const struct device *d, const struct device *whom)
{
    return is_known_by(whom, judge(m, d->held, true));
}

/* The hub's door opens to whom it knows; they bring along whom they know, and so on. By all together: who knows one branch of the feed
 * that a grant stands on alone will hear of the other. */
bool model_find_stranded(struct model *m)
{
    struct world *w = m->w;
    uint64_t held[MODEL_FEEDS_MAX] = {0};
    bool inside[DEVICES_MAX] = {false}, more = true, changed = false;
    while (more) {
        more = false;
        for (size_t i = 0; i < w->count; i++) {
            struct device *d = &w->d[i];
            bool may = d == w->hub || (!d->shut_out && !d->hostile && !d->revoked && is_known_by(d, judge(m, held, true)));
            if (inside[i] || !may)
                continue;
            inside[i] = more = true;
            for (size_t f = 0; d->joined && f < m->feed_count; f++)
                held[f] = d->held[f] > held[f] ? d->held[f] : held[f];
        }
    }
    for (size_t i = 0; i < w->count; i++) {
        struct device *d = &w->d[i];
        bool known = d == w->hub || d->revoked || is_known_by(d, judge(m, held, true));
        if (d->shut_out || d->stranded == !known)
            continue;
        d->stranded = !known;
        changed = true;
        trace(w, d, known ? "is known again" : "is known to nobody any more");
        if (known)
            work_join(d);
    }
    return changed;
}

/* Whether the writer of a note of release is an operator, the root, or of the unit of the feed. */
static bool may_note(const struct model_feed *by, const struct model_feed *f)
{
    return by->rank == ROOT_RANK ||
           (by->author && (by->author->role == WARD_ROLE_OPERATOR || (f->author && ward_id_equal(&by->author->unit, &f->author->unit))));
}

static uint64_t shared_seq(const struct model *m, size_t a, size_t b, const uint64_t *held)
{
    uint64_t upto = held[a], other = held[b];
    while (a != b) /* a stem has the smaller number */
        if (a > b) {
            upto = m->feeds[a].base;
            a = m->feeds[a].stem;
        } else {
            other = m->feeds[b].base;
            b = m->feeds[b].stem;
        }
    return upto < other ? upto : other;
}

/* Up to where the change that a note of release names, and all before it, cover a branch. */
static uint64_t covered(const struct judged *g, size_t branch, uint64_t upto, const uint8_t hash[32])
{
    const struct model *m = g->m;
    size_t on = model_find_branch(m, m->feeds[branch].first, upto, hash);
    uint64_t shared = on == SIZE_MAX || upto > g->held[on] ? 0 : shared_seq(m, branch, on, g->held);
    return upto < shared ? upto : shared;
}

/* proto/authority.md, Set aside: up to which change of a branch a note with effect says that it was written anew. */
static uint64_t released(struct judged *g, size_t branch)
{
    const struct model *m = g->m;
    const struct model_feed *f = &m->feeds[branch];
    uint64_t most = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        uint64_t limit = m->feeds[i].space == f->space && may_note(&m->feeds[i], f) ? limit_of(g, i) : 0;
        for (uint64_t seq = m->feeds[i].base + 1; seq <= g->held[i] && seq <= limit; seq++)
            for (size_t k = 0; k < model_change(m, i, seq)->op_count; k++) {
                const struct model_op *op = &model_change(m, i, seq)->ops[k];
                uint64_t upto = 0;
                if (op->kind != WARD_KIND_ASIDE || op->field != WARD_ASIDE_RELEASED || op->key_len != 8 + 32 || op->raw[0] != 0xf5 ||
                    memcmp(op->entity.b, f->id.b, sizeof op->entity.b) != 0)
                    continue;
                for (int j = 0; j < 8; j++)
                    upto = upto << 8 | op->key[j];
                upto = covered(g, branch, upto, (const uint8_t *)op->key + 8);
                if (upto > most && upto > f->base)
                    most = upto;
            }
    }
    return most;
}

uint64_t model_quarantined(const struct model *m, const uint64_t *held)
{
    struct judged *g = judge(m, held, true);
    uint64_t n = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        uint64_t limit = limit_of(g, i), from = limit > m->feeds[i].base ? limit : m->feeds[i].base;
        uint64_t done = held[i] > from ? released(g, i) : 0;
        from = done > from ? done : from;
        n += held[i] > from ? held[i] - from : 0;
    }
    return n;
}

uint64_t model_waiting(const struct model *m, const struct device *d, size_t *branches)
{
    struct judged *g = judge(m, d->held, true);
    uint64_t n = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct model_feed *f = &m->feeds[i];
        bool forked = model_fork_point(m, i, d->held) != UINT64_MAX;
        uint64_t upto = !forked ? d->held[i] : d->own[i]; /* of several branches it tells the one again that is its own */
        if ((f->author != d && d->own[i] <= f->base) || memcmp(f->grant.b, d->grant.b, sizeof f->grant.b) == 0 || f->rank == ROOT_RANK ||
            is_frozen(m, d, f->space))
            continue;
        uint64_t limit = limit_of(g, i), from = limit > f->base ? limit : f->base, done = upto > from ? released(g, i) : 0;
        *branches += forked && upto > from && done >= upto;
        from = done > from ? done : from;
        n += upto > from ? upto - from : 0;
    }
    return n;
}

size_t model_releases(const struct model *m, const uint64_t *held)
{
    struct judged *g = judge(m, held, true);
    size_t n = 0;
    for (size_t i = 0; i < m->feed_count; i++)
        n += released(g, i) > 0;
    return n;
}

/* ---------------------------------------------------------------- the merge */

/* One value written at one slot. */
struct write {
    uint32_t kind, field;
    const struct ward_id *entity;
    const uint8_t *key;
    size_t key_len;
    size_t feed;
    uint64_t seq;
    size_t order; /* among the writes of its change */
    const struct model_change *change;
    const uint8_t *raw;
    size_t len;
    bool dead;
};
struct writes {
    const struct model *m;
    struct write *v;
    size_t count, cap;
};

static int slot_order(const struct write *a, const struct write *b)
{
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    if (!order)
        order = memcmp(a->entity->b, b->entity->b, 16);
    if (!order)
        order = (a->field > b->field) - (a->field < b->field);
    size_t common = a->key_len < b->key_len ? a->key_len : b->key_len;
    if (!order && common)
        order = memcmp(a->key, b->key, common);
    return order ? order : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static const struct model *sorting; /* qsort takes no context */

static int write_order(const void *pa, const void *pb)
{
    const struct write *a = pa, *b = pb;
    int order = slot_order(a, b);
    if (!order)
        order = memcmp(sorting->feeds[a->feed].id.b, sorting->feeds[b->feed].id.b, 32);
    if (!order)
        order = (a->seq > b->seq) - (a->seq < b->seq);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static void add_write(struct writes *ws, const struct write *w)
{
    if (ws->count == ws->cap) {
        ws->cap = ws->cap ? 2 * ws->cap : 512;
        ws->v = disk_memory(ws->v, ws->cap * sizeof *ws->v);
    }
    ws->v[ws->count++] = *w;
}

static bool writes_presence(const struct model_change *c, const struct model_op *op)
{
    for (size_t i = 0; i < c->op_count; i++)
        if (c->ops[i].kind == op->kind && c->ops[i].field == WARD_FIELD_PRESENCE && memcmp(c->ops[i].entity.b, op->entity.b, 16) == 0)
            return true;
    return false;
}

static bool first_of_record(const struct model_change *c, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (c->ops[i].kind == c->ops[at].kind && memcmp(c->ops[i].entity.b, c->ops[at].entity.b, 16) == 0)
            return false;
    return true;
}

/* "To edit a thing is to hold that it exists." */
static void add_change_writes(struct writes *ws, size_t feed, uint64_t seq)
{
    static const uint8_t yes[] = {0xf5};
    const struct model_feed *f = &ws->m->feeds[feed];
    const struct model_change *c = model_change(ws->m, feed, seq);
    for (size_t i = 0; i < c->op_count; i++) {
        const struct model_op *op = &c->ops[i];
        struct write w = {.kind = op->kind,
                          .field = op->field,
                          .entity = &op->entity,
                          .key = op->key,
                          .key_len = op->key_len,
                          .feed = feed,
                          .seq = seq,
                          .order = i,
                          .change = c,
                          .raw = op->raw,
                          .len = op->len};
        if ((op->field & 3u) == WARD_TALLY) {
            w.key = f->id.b;
            w.key_len = 32;
        }
        add_write(ws, &w);
        if (!first_of_record(c, i) || writes_presence(c, op))
            continue;
        w.field = WARD_FIELD_PRESENCE;
        w.key_len = 0;
        w.order = c->op_count + i;
        w.raw = yes;
        w.len = sizeof yes;
        add_write(ws, &w);
    }
}

/* "Seqs are compared whatever branch they were named on." */
static bool has_seen(const struct model *m, const struct model_vv *vv, const struct write *v)
{
    for (size_t i = m->feeds[v->feed].first; i != SIZE_MAX; i = m->feeds[i].next)
        if (i < vv->count && vv->seq[i] >= v->seq)
            return true;
    return false;
}

static bool supersedes(const struct model *m, const struct write *c, const struct write *v)
{
    if (c->feed == v->feed && c->seq == v->seq)
        return c->order > v->order;
    if ((v->field & 3u) == WARD_TALLY) /* the slot is its feed's alone */
        return has_seen(m, &c->change->seen, v);
    return has_seen(m, &c->change->sight, v) && ((v->field & 3u) != WARD_GOVERNED || m->feeds[c->feed].rank >= m->feeds[v->feed].rank);
}

static bool value_equal(const struct write *a, const struct write *b)
{
    return a->len == b->len && memcmp(a->raw, b->raw, a->len) == 0;
}

static bool known_to(const struct ward_schema *schema, uint32_t kind, uint32_t field, enum ward_policy *policy)
{
    *policy = WARD_CONFLICT;
    for (size_t i = 0; i < schema->kind_count; i++)
        for (size_t j = 0; schema->kinds[i].number == kind && j < schema->kinds[i].field_count; j++)
            if (field == WARD_FIELD_PRESENCE || schema->kinds[i].fields[j].number == field) {
                *policy = field == WARD_FIELD_PRESENCE ? WARD_CONFLICT : schema->kinds[i].fields[j].policy;
                return true;
            }
    return false;
}

/* proto/merge.md, Conflict: two live values that differ, of the greatest rank there is in a governed field; presence: whatever the ranks.
 */
static bool in_conflict(const struct model *m, const struct write *v, size_t n, const struct ward_schema *schema)
{
    enum ward_policy policy;
    unsigned cls = v->field & 3u, top = 0;
    const struct write *first = NULL;
    if (cls > WARD_GOVERNED || !known_to(schema, v->kind, v->field, &policy) || (policy != WARD_CONFLICT && policy != WARD_FIXED))
        return false;
    bool ranked = cls == WARD_GOVERNED && v->field != WARD_FIELD_PRESENCE;
    for (size_t i = 0; i < n; i++)
        if (!v[i].dead && m->feeds[v[i].feed].rank > top)
            top = m->feeds[v[i].feed].rank;
    for (size_t i = 0; i < n; i++) {
        if (v[i].dead || (ranked && m->feeds[v[i].feed].rank < top))
            continue;
        if (first && !value_equal(first, &v[i]))
            return true;
        first = first ? first : &v[i];
    }
    return false;
}

static void digest_slot(const struct model *m, struct ward_buf *b, const struct write *v, size_t n)
{
    size_t live = 0;
    for (size_t i = 0; i < n; i++)
        live += !v[i].dead;
    ward_put_array(b, 5);
    ward_put_uint(b, v->kind);
    ward_put_bytes(b, v->entity->b, 16);
    ward_put_uint(b, v->field);
    ward_put_bytes(b, v->key, v->key_len);
    ward_put_array(b, live);
    for (size_t i = 0; i < n; i++) {
        if (v[i].dead)
            continue;
        ward_put_array(b, 4);
        ward_put_bytes(b, m->feeds[v[i].feed].id.b, 32);
        ward_put_uint(b, v[i].seq);
        ward_put_uint(b, v[i].change->depth);
        ward_buf_add(b, v[i].raw, v[i].len);
    }
}

void model_digest(const struct model *m, size_t space, const uint64_t *held, bool cuts, struct ward_hash *out, size_t *conflicts,
                  const struct ward_schema *schema)
{
    struct judged *g = judge(m, held, cuts);
    struct writes ws = {.m = m};
    struct ward_buf b;
    for (size_t i = 0; i < m->feed_count; i++) {
        uint64_t limit = m->feeds[i].space == space ? limit_of(g, i) : 0;
        for (uint64_t seq = m->feeds[i].base + 1; seq <= held[i] && seq <= limit; seq++)
            add_change_writes(&ws, i, seq);
    }
    sorting = m;
    if (ws.count)
        qsort(ws.v, ws.count, sizeof *ws.v, write_order);
    ward_buf_init(&b, ward_platform_env());
    for (size_t i = 0, n; i < ws.count; i += n) {
        struct write *v = &ws.v[i];
        for (n = 1; i + n < ws.count && slot_order(v, &v[n]) == 0;)
            n++;
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < n && !v[j].dead; k++)
                v[j].dead = j != k && supersedes(m, &v[k], &v[j]);
        digest_slot(m, &b, v, n);
        *conflicts += in_conflict(m, v, n, schema);
    }
    ward_hash_once(out, "wardsync state", b.p, b.len);
    ward_buf_free(&b);
    free(ws.v);
}
