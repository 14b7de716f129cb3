#include "check.h"
#include "disk_inside.h"
#include "model_parts.h"
#include "replica/replica.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK 262144u

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

size_t model_branch_at(const struct model *m, size_t first, uint64_t seq, const struct ward_hash *hash)
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
    return first == SIZE_MAX || !seq ? SIZE_MAX : model_branch_at(m, first, seq, &h);
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
        size_t branch = first == SIZE_MAX ? SIZE_MAX : model_branch_at(m, first, f->head_seq, &f->head_hash);
        raise_to(m, branch, f->head_seq, held);
    }
}

bool model_parts_at(const struct model *m, size_t first, size_t branch, uint64_t seq, const uint64_t *held)
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
        if (m->feeds[i].stem != SIZE_MAX && m->feeds[i].base < least && model_parts_at(m, first, m->feeds[i].stem, m->feeds[i].base, held))
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

/* Of the root, and held by nobody whose bundle it could have read before. */
static bool is_lost_word(const struct model *m, size_t branch, uint64_t seq)
{
    const uint64_t none[MODEL_FEEDS_MAX] = {0};
    bool readable[DEVICES_MAX];
    if (m->feeds[branch].rank != ROOT_RANK)
        return false;
    model_find_readable(m, none, readable);
    for (size_t i = 0; i < m->w->count; i++)
        if (m->w->d[i].held[branch] >= seq && readable[i])
            return false;
    return true;
}

/* Leaves the branch after a change. The root may say something in the place of a word that burnt before anybody had heard it. */
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
    bool may = !f->author || f->author->may_fork || f->author->hostile || is_lost_word(m, stem, base + 1) ||
               (m->w->settles && model_is_beside(m, f->author, stem, base + 1));
    if (!may)
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
        c->brings_in |= op->field == MODEL_FIRST_FIELD && (op->kind == MODEL_KIND_GRANT || op->kind == MODEL_KIND_INVITATION);
        c->cuts |= op->kind == MODEL_KIND_GRANT && op->field == MODEL_GRANT_CUT;
        c->settles |= op->kind == MODEL_KIND_FLOOR;
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

size_t model_branch_of(const struct model *m, size_t branch, uint64_t seq)
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
                return model_branch_of(m, i, dep->seq);
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
                raise_to(m, model_branch_of(m, feed, dep->seq), dep->seq, named);
            continue;
        }
        size_t g = first == SIZE_MAX ? SIZE_MAX : model_branch_at(m, first, dep->seq, &dep->hash);
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
    size_t known = model_branch_at(m, m->feeds[branch].first, seq, hash);
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
        branch = model_branch_at(m, branch, seq, &f->base_hash);
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
    size_t branch = model_branch_at(m, i, f->head_seq, &f->head_hash);
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

/* By being given it: a folder that was copied has what the other wrote before. */
static bool held_by_another(const struct model *m, const struct device *d, size_t branch, uint64_t seq)
{
    for (size_t i = 0; i < m->w->count; i++)
        if (&m->w->d[i] != d && m->w->d[i].held[branch] >= seq && m->w->d[i].own[branch] < seq)
            return true;
    return false;
}

static void withdraw(struct model *m, struct device *d, size_t branch, uint64_t seq)
{
    /* An older copy cannot know what was given away after it was made, and a full disk had no room for a note. And what the ward has
     * settled otherwise nobody takes any more. */
    bool may_not_know = d->restored || model_change(m, branch, seq)->number < d->unnoted || model_is_beside(m, d, branch, seq);
    if (!may_not_know && held_by_another(m, d, branch, seq))
        violated(m->w, "S3", "%s takes back change %llu, which others hold", d->name, (unsigned long long)seq);
    if (m->withdrawn_count == m->withdrawn_cap) {
        m->withdrawn_cap = m->withdrawn_cap ? 2 * m->withdrawn_cap : 16;
        m->withdrawn = disk_memory(m->withdrawn, m->withdrawn_cap * sizeof *m->withdrawn);
    }
    m->withdrawn[m->withdrawn_count++] = (struct model_withdrawn){.d = d, .branch = branch, .seq = seq};
    deed(m->w, DEED_WITHDRAWN);
}

/* Of a feed under former keys, which can be sealed nowhere any more, what ends beside the settled falls to the last seal before that: "the
 * rest has to come first" (proto/authority.md, Floor), and comes again. */
static bool comes_again(const struct model *m, const struct device *d, const ward_replica *r, size_t branch, uint64_t seq)
{
    bool former = memcmp(m->feeds[branch].grant.b, r->self.b, sizeof r->self.b) != 0, ends_beside = false;
    if (!m->w->settles || !former || model_is_beside(m, d, branch, seq) || !held_by_another(m, d, branch, seq))
        return false;
    for (size_t i = branch; !ends_beside && i != SIZE_MAX; i = m->feeds[i].next) /* what leaves it stands after it */
        ends_beside = d->held[i] > m->feeds[i].base && d->held[i] >= seq && model_branch_of(m, i, seq) == branch &&
                      model_is_beside(m, d, i, d->held[i]);
    return ends_beside;
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
            if (!comes_again(m, d, r, i, seq))
                withdraw(m, d, i, seq);
        d->held[i] = now[i];
        d->own[i] = d->own[i] < now[i] ? d->own[i] : now[i];
    }
    trace(m->w, d, "takes back %zu changes of its own", m->withdrawn_count - before);
}

static bool holds_less(const struct model *m, const struct device *d, const ward_replica *r, const struct ward_feed *f)
{
    size_t first = model_find_feed(m, &f->id);
    size_t branch = first == SIZE_MAX ? SIZE_MAX : model_branch_at(m, first, f->head_seq, &f->head_hash);
    if (branch == SIZE_MAX || (m->feeds[first].next == SIZE_MAX && d->held[branch] <= f->head_seq))
        return false;
    uint64_t now[MODEL_FEEDS_MAX] = {0};
    model_look(m, r, now);
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next)
        if (d->held[i] > now[i] && d->held[i] > m->feeds[i].base)
            return true;
    return false;
}

/* What it no longer holds of others' feeds: what lies beside that which is settled by now, or has seen such, it may let go of
 * (proto/authority.md, Floor), with what has no seal to end with before that, or stands on a branch. Later more may be settled, and say
 * otherwise of it. */
static bool find_given_way(struct model *m, const struct device *d, const ward_replica *r, uint64_t *held)
{
    uint64_t now[MODEL_FEEDS_MAX] = {0};
    bool some = false;
    memcpy(held, d->held, MODEL_FEEDS_MAX * sizeof *held);
    for (size_t k = 0; k < r->dir.feed_count; k++) {
        const struct ward_feed *f = &r->dir.feeds[k];
        if (f->parent || is_author(d, r, f) || !holds_less(m, d, r, f))
            continue;
        if (!some)
            model_look(m, r, now);
        some = true;
        for (size_t i = model_find_feed(m, &f->id); i != SIZE_MAX; i = m->feeds[i].next) {
            uint64_t from = now[i] > m->feeds[i].base ? now[i] : m->feeds[i].base;
            if (d->held[i] > from && model_is_beside(m, d, i, d->held[i]))
                held[i] = now[i];
        }
    }
    return some;
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
    size_t branch = f->head_seq ? model_branch_at(m, model_find_feed(m, &f->id), f->head_seq, &f->head_hash) : SIZE_MAX;
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
    const struct judged *g = model_judge(m, d->held, true);
    for (size_t i = 0; i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        size_t first = f->parent ? SIZE_MAX : model_find_feed(m, &f->id);
        uint64_t want = first == SIZE_MAX ? 0 : g->settled[first].seq;
        if (first != SIZE_MAX && f->settled.seq != want)
            violated(m->w, "S15", "%s takes %llu changes of %s for settled, there are %llu", d->name, (unsigned long long)f->settled.seq,
                     m->feeds[first].author ? m->feeds[first].author->name : "the root", (unsigned long long)want);
    }
}

static bool is_news(const struct model *m, const struct device *d, const struct ward_feed *f)
{
    size_t first = model_find_feed(m, &f->id);
    size_t branch = first == SIZE_MAX ? SIZE_MAX : model_branch_at(m, first, f->head_seq, &f->head_hash);
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
    uint64_t held[MODEL_FEEDS_MAX];
    bool gave_way = m->w->settles && !m->w->failed && find_given_way(m, d, r, held);
    for (size_t i = 0; i < r->dir.feed_count && !m->w->failed; i++)
        if (is_author(d, r, &r->dir.feeds[i]) && holds_less(m, d, r, &r->dir.feeds[i])) {
            less = true;
            find_withdrawn(m, d, r, model_find_feed(m, &r->dir.feeds[i].id));
        }
    for (size_t i = 0; gave_way && i < m->feed_count; i++)
        d->held[i] = held[i] < d->held[i] ? held[i] : d->held[i];
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
