#include "paper.h"
#include "rules/frame.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/feed.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS 1750000000000

static const struct {
    enum ward_role role;
    char unit;
} people[AUTHORS] = {
    [ROOT] = {WARD_ROLE_ROOT, 0},        [FIRST] = {WARD_ROLE_OPERATOR, 'o'},  [SECOND] = {WARD_ROLE_OPERATOR, 'b'},
    [THIRD] = {WARD_ROLE_OPERATOR, 'o'}, [CELL_A] = {WARD_ROLE_CELL, 'a'},     [CELL_B] = {WARD_ROLE_CELL, 'b'},
    [OTHER_A] = {WARD_ROLE_CELL, 'a'},   [CHECK] = {WARD_ROLE_INSPECTOR, 'a'}, [HUB] = {WARD_ROLE_HUB, 'h'},
};
static const char *const circles[SPACES] = {[WARD_ITSELF] = "", [SPACE_A] = "a", [SPACE_AB] = "ab", [SPACE_B] = "b"};

static struct ward_id unit_of(char letter)
{
    struct ward_id id;
    memset(id.b, letter, sizeof id.b);
    return id;
}

static void key_of(struct ward_sign_key *out, size_t i)
{
    uint8_t seed[32];
    memset(seed, (int)(17 * i + 3), sizeof seed);
    ward_sign_key_from_seed(out, seed);
}

bool paper_key(struct ward_sign_key *out, const uint8_t pk[32])
{
    struct ward_sign_key key;
    for (size_t i = 0; i < AUTHORS; i++) {
        key_of(&key, i);
        if (memcmp(key.pk, pk, 32) == 0) {
            *out = key;
            return true;
        }
    }
    return false;
}

static void make_author(struct paper *p, size_t i, const struct ward_env *env)
{
    struct author *a = &p->authors[i];
    uint8_t link_sk[32];
    struct ward_buf b;
    memset(link_sk, (int)(29 * i + 5), sizeof link_sk);
    key_of(&a->key, i);
    if (i == ROOT) {
        ward_name_ward(&p->ward, a->key.pk);
        ward_grant_of_root(&a->grant, &p->ward, a->key.pk);
    } else {
        a->grant = (struct ward_grant){.role = people[i].role, .unit = unit_of(people[i].unit)};
        memcpy(a->grant.sign_pk, a->key.pk, 32);
        crypto_scalarmult_base(a->grant.link_pk, link_sk);
        ward_buf_init(&b, env);
        ward_grant_write(&b, &a->grant);
        a->len = b.len;
        memcpy(a->bytes, b.p, b.len);
        ward_name_grant(&a->grant.id, b.p, b.len);
        ward_buf_free(&b);
    }
    ward_grant_entity(&a->entity, &a->grant.id);
    a->of = i;
}

void paper_init(struct paper *p, const struct ward_env *env)
{
    memset(p, 0, sizeof *p);
    ward_buf_init(&p->bodies, env);
    ward_buf_init(&p->scratch, env);
    for (size_t i = 0; i < AUTHORS; i++)
        make_author(p, i, env);
    for (size_t i = 0; i < SPACES; i++) {
        struct paper_space *s = &p->spaces[i];
        for (const char *u = circles[i]; *u; u++)
            s->circle[s->circle_count++] = unit_of(*u);
        ward_name_space(&s->id, &p->ward, s->circle, s->circle_count);
    }
    p->writers = AUTHORS;
    for (size_t i = 0; i < AUTHORS * SPACES; i++)
        ward_name_feed(&p->feeds[i].id, &p->ward, &p->spaces[i % SPACES].id, &p->authors[i / SPACES].grant.id);
}

void paper_free(struct paper *p)
{
    ward_buf_free(&p->bodies);
    ward_buf_free(&p->scratch);
}

void paper_clear(struct paper *p)
{
    for (size_t i = 0; i < FEEDS; i++)
        p->feeds[i].count = 0;
    p->count = 0;
    p->writers = AUTHORS;
    p->mixes = false;
    ward_buf_clear(&p->bodies);
    memset(p->knows, 0, sizeof p->knows);
}

size_t paper_twin(struct paper *p, size_t of, const uint8_t upto[SPACES])
{
    size_t twin = p->writers;
    if (twin == WRITERS)
        return SIZE_MAX;
    p->writers++;
    p->authors[twin] = p->authors[of];
    memcpy(p->knows[twin], p->knows[of], sizeof p->knows[of]);
    for (size_t space = 0; space < SPACES; space++) {
        struct paper_feed *f = &p->feeds[twin * SPACES + space];
        *f = p->feeds[of * SPACES + space];
        f->count = upto[space] < f->count ? upto[space] : f->count;
        p->knows[twin][twin * SPACES + space] = f->count;
    }
    return twin;
}

size_t paper_origin(const struct paper *p, size_t feed)
{
    return p->authors[feed / SPACES].of * SPACES + feed % SPACES;
}

size_t paper_shared(const struct paper *p, size_t a, size_t b)
{
    const struct paper_feed *f = &p->feeds[a], *g = &p->feeds[b];
    size_t n = 0;
    while (n < f->count && n < g->count && f->changes[n] == g->changes[n])
        n++;
    return n;
}

/* ---------------------------------------------------------------- writing */

void paper_op(struct paper_ops *ops, uint32_t kind, const struct ward_id *entity, uint32_t field, const char *key, struct ward_value value)
{
    struct ward_op *op = &ops->v[ops->count];
    uint32_t records = 0;
    struct ward_buf encoded;
    ward_buf_init(&encoded, ward_platform_env());
    ward_put_value(&encoded, &value);
    bool room = !encoded.failed && ops->count < PAPER_OPS_MAX && ops->len + encoded.len <= sizeof ops->bytes;
    if (room)
        memcpy(ops->bytes + ops->len, encoded.p, encoded.len);
    size_t len = encoded.len;
    ward_buf_free(&encoded);
    if (!room)
        return;
    *op = (struct ward_op){.kind = kind, .entity = *entity, .field = field, .key = (const uint8_t *)key, .raw_len = len};
    op->raw = ops->bytes + ops->len;
    op->key_len = key ? strlen(key) : 0;
    ops->len += len;
    for (size_t i = 0; i < ops->count; i++) {
        const struct ward_op *before = &ops->v[i];
        if (before->kind == kind && ward_id_equal(&before->entity, entity)) {
            op->record = before->record;
            break;
        }
        records = before->record >= records ? before->record + 1 : records;
        op->record = records;
    }
    ops->count++;
}

static const struct ward_hash *hash_at(const struct paper *p, size_t feed, size_t seq)
{
    const struct paper_feed *f = &p->feeds[feed];
    return seq ? &p->changes[f->changes[seq - 1]].hash : &f->id;
}

static int by_feed(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_dep *)a)->feed, &((const struct ward_dep *)b)->feed);
}

/* The next change of a feed, its deps still to come; NULL when the paper is full. */
static struct paper_change *begin_change(struct paper *p, size_t own)
{
    const struct paper_feed *f = &p->feeds[own];
    if (p->count == CHANGES_MAX)
        return NULL;
    struct paper_change *c = &p->changes[p->count];
    *c = (struct paper_change){.feed = (uint8_t)own, .seq = (uint8_t)(f->count + 1), .at = p->bodies.len};
    if (f->count) {
        const struct paper_change *before = &p->changes[f->changes[f->count - 1]];
        memcpy(c->seen, before->seen, sizeof c->seen);
        c->depth = before->depth;
    }
    return c;
}

static struct ward_dep see(struct paper *p, struct paper_change *c, size_t feed, uint8_t seq)
{
    uint8_t number = p->feeds[feed].changes[seq - 1], *seen = &c->seen[paper_origin(p, feed)];
    const struct paper_change *d = &p->changes[number];
    *seen = seq > *seen ? seq : *seen;
    c->rests[number] = true;
    c->depth = d->depth > c->depth ? d->depth : c->depth;
    return (struct ward_dep){p->feeds[feed].id, seq, d->hash};
}

/* What an author names of the feed and its twins, at most `most`: one of those he knows, up to where they part unless he mixes. */
static size_t named(const struct paper *p, size_t author, size_t feed, uint8_t most, uint8_t *seq)
{
    const uint8_t *knows = p->knows[author];
    size_t row = feed, rows = 0, agreed;
    for (size_t g = feed; g < p->writers * SPACES; g += SPACES) {
        if (paper_origin(p, g) != feed || !knows[g])
            continue;
        if (p->mixes ? (p->count + rows) % 2 == 0 : knows[g] > knows[row])
            row = g;
        rows++;
    }
    agreed = knows[row];
    for (size_t g = feed; !p->mixes && g < p->writers * SPACES; g += SPACES) {
        size_t shared = paper_origin(p, g) == feed ? paper_shared(p, row, g) : SIZE_MAX;
        if (shared < knows[g] && shared < agreed)
            agreed = shared;
    }
    *seq = (uint8_t)(agreed < most ? agreed : most);
    return row;
}

static struct paper_change *end_change(struct paper *p, struct paper_change *c, struct ward_dep *deps, size_t dep_count,
                                       const struct paper_ops *ops)
{
    struct paper_feed *f = &p->feeds[c->feed];
    qsort(deps, dep_count, sizeof deps[0], by_feed);
    c->depth++;
    c->seen[c->feed] = c->seq;
    ward_change_write(&p->bodies, WALL_MS + (int64_t)p->count * 1000, c->depth, deps, dep_count, ops->v, ops->count);
    if (p->bodies.failed)
        abort();
    c->len = p->bodies.len - c->at;
    ward_chain(&c->hash, c->seq, hash_at(p, c->feed, f->count), p->bodies.p + c->at, c->len);
    f->changes[f->count++] = (uint8_t)p->count++;
    p->knows[c->feed / SPACES][c->feed] = f->count;
    return c;
}

struct paper_change *paper_write(struct paper *p, size_t author, size_t space, const struct paper_ops *ops, size_t pass_over)
{
    size_t own = author * SPACES + space, dep_count = 0;
    struct ward_dep deps[AUTHORS];
    struct paper_change *c = begin_change(p, own);
    for (size_t g = space; c && g < AUTHORS * SPACES; g += SPACES) {
        uint8_t seq;
        size_t row = named(p, author, g, UINT8_MAX, &seq);
        if (g != paper_origin(p, own) && g != pass_over && seq > c->seen[g])
            deps[dep_count++] = see(p, c, row, seq);
    }
    return c ? end_change(p, c, deps, dep_count, ops) : NULL;
}

struct paper_change *paper_write_late(struct paper *p, size_t author, size_t space, const struct paper_ops *ops, uint8_t own_seen,
                                      const uint8_t most[FEEDS])
{
    size_t own = author * SPACES + space, dep_count = 0;
    struct ward_dep deps[AUTHORS + 1];
    struct paper_change *c = begin_change(p, own);
    for (size_t g = space; c && g < AUTHORS * SPACES; g += SPACES) {
        uint8_t seq;
        size_t row = named(p, author, g, most[g], &seq);
        if (g != paper_origin(p, own) && seq)
            deps[dep_count++] = see(p, c, row, seq);
    }
    if (c)
        deps[dep_count++] = (struct ward_dep){p->feeds[own].id, own_seen, p->feeds[own].id};
    return c ? end_change(p, c, deps, dep_count, ops) : NULL;
}

void paper_learn(struct paper *p, size_t author, size_t from, size_t feed)
{
    for (size_t f = 0; f < p->writers * SPACES; f++)
        if ((feed == FEEDS || f == feed) && paper_may_read(p, author, f % SPACES) && p->knows[from][f] > p->knows[author][f])
            p->knows[author][f] = p->knows[from][f];
}

bool paper_may_read(const struct paper *p, size_t author, size_t space)
{
    return ward_may_read(&p->authors[author].grant, p->spaces[space].circle, p->spaces[space].circle_count);
}

bool paper_may_write(const struct paper *p, size_t author, size_t space)
{
    return ward_may_write(&p->authors[author].grant, p->spaces[space].circle, p->spaces[space].circle_count);
}

/* ---------------------------------------------------------------- runs */

static void put_run(struct paper *p, struct ward_buf *out, size_t feed, size_t first, size_t count, const void *data, size_t len,
                    const uint8_t *sig)
{
    const struct ward_run run = {.space8 = p->spaces[feed % SPACES].id.b,
                                 .grant8 = p->authors[feed / SPACES].grant.id.b,
                                 .first = first,
                                 .count = (uint32_t)count,
                                 .data = data,
                                 .len = len,
                                 .sig = sig};
    ward_buf_clear(out);
    ward_frame_run(out, &run);
    if (out->failed)
        abort();
}

void paper_run(struct paper *p, struct ward_buf *out, size_t feed, size_t first, size_t count)
{
    const struct paper_feed *f = &p->feeds[feed];
    struct paper_change *last = &p->changes[f->changes[first + count - 2]];
    ward_buf_clear(&p->scratch);
    for (size_t seq = first; seq < first + count; seq++) {
        const struct paper_change *c = &p->changes[f->changes[seq - 1]];
        ward_buf_add(&p->scratch, p->bodies.p + c->at, c->len);
    }
    if (!last->sealed)
        ward_seal_make(last->sig, &f->id, last->seq, &last->hash, &p->authors[feed / SPACES].key);
    last->sealed = true;
    put_run(p, out, feed, first, count, p->scratch.p, p->scratch.len, last->sig);
}

void paper_false_run(struct paper *p, struct ward_buf *out, size_t feed, size_t seq, const void *body, size_t len)
{
    const struct paper_feed *f = &p->feeds[feed];
    struct ward_hash hash;
    uint8_t sig[WARD_SEAL_BYTES];
    ward_chain(&hash, seq, hash_at(p, feed, seq - 1), body, len);
    ward_seal_make(sig, &f->id, seq, &hash, &p->authors[feed / SPACES].key);
    put_run(p, out, feed, seq, 1, body, len, sig);
}

/* Another feed that the change had seen, or FEEDS. */
static size_t seen_by(const struct paper *p, const struct paper_change *c)
{
    size_t feed = 0;
    while (feed < FEEDS && (feed == paper_origin(p, c->feed) || !c->seen[feed]))
        feed++;
    return feed;
}

bool paper_lie(struct paper *p, struct ward_buf *out, const struct paper_change *c, enum paper_lie lie)
{
    struct ward_scratch s;
    size_t used;
    bool told = true;
    ward_scratch_init(&s, p->bodies.env);
    if (ward_change_parse(&s, p->bodies.p + c->at, c->len, &used, NULL))
        abort();
    struct ward_change *was = &s.changes[0];
    struct ward_dep *deps = s.deps, again;
    size_t feed;
    switch (lie) {
    case LIE_DEPTH:
        was->depth++;
        break;
    case LIE_DEP_SEQ:
    case LIE_DEP_HASH:
        told = was->dep_count > 0;
        if (told && lie == LIE_DEP_SEQ)
            deps[0].seq++;
        else if (told)
            deps[0].hash.b[0] ^= 1;
        break;
    case LIE_DEP_OWN:
    case LIE_DEP_OLD:
    case LIE_DEP_SPACE:
        feed = lie == LIE_DEP_OWN ? c->feed : lie == LIE_DEP_OLD ? seen_by(p, c) : ROOT * SPACES + WARD_ITSELF;
        told = was->dep_count == 0 && feed < FEEDS && (lie == LIE_DEP_SPACE ? c->feed % SPACES != WARD_ITSELF : c->seq > 1);
        if (told)
            again = (struct ward_dep){p->feeds[feed].id, 1, *hash_at(p, feed, 1)};
        deps = &again;
        was->dep_count = 1;
        break;
    case LIE_LATE: /* of its own feed it had seen itself, or the own feed is another */
        feed = c->depth & 1 ? c->feed : (size_t)(c->feed + SPACES) % (AUTHORS * SPACES);
        told = was->dep_count == 0;
        again = (struct ward_dep){p->feeds[feed].id, feed == c->feed ? c->seq : 0, p->feeds[feed].id};
        deps = &again;
        was->dep_count = 1;
        break;
    default:
        was->wall_ms++;
    }
    ward_buf_clear(out);
    if (told)
        ward_change_write(out, was->wall_ms, was->depth, deps, was->dep_count, s.ops, was->op_count);
    ward_scratch_free(&s);
    return told && !out->failed;
}
