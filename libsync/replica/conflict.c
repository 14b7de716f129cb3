/* conflict.c - what two people wrote without sight of each other, laid side by side, and settled by a person. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/commit.h"
#include "replica/replica.h"
#include "rules/view.h"
#include "values/feed.h"

#include <string.h>

struct walk {
    ward_replica *r;
    struct ward_id low, high; /* which */
    ward_conflict_fn *fn;
    void *ctx;
    struct ward_error *err;
};

static bool same(const struct ward_live_value *a, const struct ward_live_value *b)
{
    return a->len == b->len && memcmp(a->raw, b->raw, a->len) == 0;
}

/* Each value once, by the greatest of those who wrote it, in descending order. */
static size_t distinct(const struct ward_slot *slot, const struct ward_live_value **out)
{
    size_t n = 0;
    for (size_t i = 0; i < slot->live_count; i++) {
        bool known = false;
        for (size_t j = 0; j < n; j++)
            known |= same(out[j], &slot->live[i]);
        if (!known)
            out[n++] = &slot->live[i];
    }
    return n;
}

/* What a segment says of a feed, up to one change. */
struct mention {
    const struct ward_hash *feed;
    uint64_t upto, most; /* the greatest seq named */
    bool early;          /* by a change that is not late: no change before it has named more */
    bool late;           /* the change at upto alone, since it is late */
};

static int read_mentions(ward_replica *r, const struct ward_segment *seg, const struct ward_buf *raw, struct mention *m,
                         struct ward_error *err)
{
    size_t at = 0, used = 0;
    int rc = WARD_OK;
    for (uint64_t i = seg->first; !rc && i < seg->first + seg->count && i <= m->upto; i++, at += used) {
        ward_scratch_clear(&r->scratch);
        rc = ward_change_parse(&r->scratch, raw->p + at, raw->len - at, &used, err);
        bool late = !rc && r->scratch.changes[0].late;
        if (i == m->upto && late)
            m->most = 0, m->late = true;
        for (size_t j = 0; !rc && j < r->scratch.dep_count; j++) {
            const struct ward_dep *dep = &r->scratch.deps[j];
            if (ward_hash_compare(&dep->feed, m->feed) != 0)
                continue;
            m->most = dep->seq > m->most ? dep->seq : m->most;
            m->early |= !late;
        }
    }
    return rc;
}

static int named_below(ward_replica *r, const struct ward_feed *f, const struct ward_live_value *other, uint64_t *most,
                       struct ward_error *err)
{
    struct ward_vv before = {0};
    uint64_t depth, seq;
    int rc = ward_store_get_base_feed(r->store, f->fid, &depth, &before, err);
    seq = ward_vv_get(&before, other->fid);
    *most = seq > *most ? seq : *most;
    ward_vv_free(&before, &r->env);
    return rc;
}

/* Whether the change (fid, seq) had seen other's. What it had seen lies less deep than itself, and its feed has named it by now; where that
 * leaves it open, the deps of its feed before it say so, the latest first: each but a late one's names more than those before, and where
 * the log begins at a base, that says what was named below it. Of a change below a base it is not known any more. Of its own feed
 * it had seen none that still lives beside it: it would have replaced that. */
static int had_seen(ward_replica *r, const struct ward_live_value *v, const struct ward_live_value *other, bool *out,
                    struct ward_error *err)
{
    struct ward_feed *f = ward_directory_feed(&r->dir, v->fid);
    const struct ward_feed *trunk = ward_directory_trunk(&r->dir, ward_directory_feed(&r->dir, other->fid));
    struct mention m = {.feed = &trunk->id, .upto = v->seq};
    struct ward_segment seg = {0};
    struct ward_buf raw;
    *out = v->fid == other->fid && v->seq == other->seq;
    if (v->fid == other->fid)
        return WARD_OK;
    if (v->depth <= other->depth)
        return WARD_OK;
    int rc = ward_store_load_vv(r->store, f, err);
    if (rc || ward_dep_seen(r, &f->vv, trunk) < other->seq)
        return rc;
    ward_buf_init(&raw, &r->env);
    for (uint64_t seq = v->seq; !rc && seq > f->base && !m.early && !m.late && m.most < other->seq; seq = seg.first - 1) {
        rc = ward_store_find_segment(r->store, v->fid, seq, &seg, err);
        if (!rc)
            rc = ward_store_unpack(r->store, &seg, &raw, err);
        if (!rc)
            rc = read_mentions(r, &seg, &raw, &m, err);
    }
    ward_buf_free(&raw);
    if (!rc && !m.early && !m.late && f->base && v->seq > f->base)
        rc = named_below(r, f, other, &m.most, err);
    *out = m.most >= other->seq;
    return rc;
}

static int fill(ward_replica *r, const struct ward_live_value **values, size_t n, struct ward_live *live, bool *seen,
                struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < n; i++) {
        rc = ward_live_author(r, values[i], &live[i], err);
        for (size_t j = 0; !rc && j < n; j++)
            rc = had_seen(r, values[i], values[j], &seen[i * n + j], err);
    }
    return rc;
}

static int lay_out(struct walk *w, const struct ward_store_conflict *row, const struct ward_slot *slot, struct ward_arena *arena)
{
    ward_replica *r = w->r;
    const struct ward_live_value **values = ward_arena_take(arena, slot->live_count * sizeof *values);
    size_t n = values ? distinct(slot, values) : 0;
    struct ward_live *live = ward_arena_take(arena, (n + 1) * sizeof *live);
    bool *seen = ward_arena_take(arena, (n * n + 1) * sizeof *seen);
    if (!values || !live || !seen)
        return ward_fail(w->err, WARD_ERR_MEMORY, "conflict");
    int rc = fill(r, values, n, live, seen, w->err);
    struct ward_conflict c = {.id = row->id,
                              .space = ward_directory_space(&r->dir, row->sid)->id,
                              .kind = row->kind,
                              .entity = row->entity,
                              .field = row->field,
                              .value_count = n,
                              .values = live,
                              .seen = seen};
    return rc ? rc : w->fn(w->ctx, &c);
}

static int visit(void *ctx, const struct ward_store_conflict *row)
{
    struct walk *w = ctx;
    struct ward_arena arena;
    struct ward_state state;
    size_t conflicts;
    ward_arena_init(&arena, &w->r->env);
    ward_state_init(&state, &arena);
    int rc = ward_store_get_record(w->r->store, row->sid, row->kind, &row->entity, &w->r->dir.authors, &state, &conflicts, w->err);
    if (!rc)
        ward_state_order(&state, &w->r->dir.authors);
    const struct ward_slot *slot = rc ? NULL : ward_state_find(&state, row->field, NULL, 0);
    if (!rc)
        rc = slot ? lay_out(w, row, slot, &arena) : ward_fail(w->err, WARD_ERR_CORRUPT, "a conflict over nothing");
    ward_arena_free(&arena);
    return rc;
}

static int walk(struct walk *w, ward_replica *r, struct ward_error *err)
{
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = ward_store_each_conflict(r->store, &w->low, &w->high, visit, w, err);
    ward_replica_looked(r);
    return rc;
}

int ward_conflicts(ward_replica *r, ward_conflict_fn *fn, void *ctx, struct ward_error *err)
{
    struct walk w = {.r = r, .fn = fn, .ctx = ctx, .err = err};
    memset(w.high.b, 0xff, sizeof w.high.b);
    return walk(&w, r, err);
}

int ward_conflicts_prefix(ward_replica *r, const char *hex, ward_conflict_fn *fn, void *ctx, struct ward_error *err)
{
    struct walk w = {.r = r, .fn = fn, .ctx = ctx, .err = err};
    return ward_id_range(hex, &w.low, &w.high) ? walk(&w, r, err) : ward_fail(err, WARD_ERR_NOT_FOUND, "%.40s", hex);
}

int ward_conflict_count(ward_replica *r, size_t *out, struct ward_error *err)
{
    return ward_store_count_conflicts(r->store, out, err);
}

struct settle {
    ward_replica *r;
    size_t expected, take;
    const struct ward_value *value;
    const char *reason;
    struct ward_error *err;
    bool found;
    ward_txn *txn;
};

/* Prepares the transaction while the conflict's values are at hand; it is committed after the walk. */
static int prepare(void *ctx, const struct ward_conflict *c)
{
    struct settle *s = ctx;
    s->found = true;
    if (c->value_count != s->expected)
        return ward_fail(s->err, WARD_ERR_STALE, "%zu values stand here now", c->value_count);
    if (!s->value && s->take >= c->value_count)
        return ward_fail(s->err, WARD_ERR_ARGUMENT, "there is no value %zu", s->take);
    const struct ward_value *v = s->value ? s->value : &c->values[s->take].value;
    int rc = ward_begin(s->r, &s->txn, s->err);
    if (rc)
        return rc;
    ward_txn_settles(s->txn, c->kind, &c->entity, c->field, c->value_count);
    rc = ward_put(s->txn, &c->space, c->kind, &c->entity, c->field, NULL, 0, v, s->err);
    return rc ? rc : ward_reason(s->txn, &c->space, c->kind, &c->entity, s->reason, s->err);
}

int ward_resolve(ward_replica *r, const struct ward_id *conflict, size_t expected_count, size_t take, const struct ward_value *value,
                 const char *reason, struct ward_error *err)
{
    struct settle s = {.r = r, .expected = expected_count, .take = take, .value = value, .reason = reason, .err = err};
    struct walk w = {.r = r, .low = *conflict, .high = *conflict, .fn = prepare, .ctx = &s, .err = err};
    if (!reason || !reason[0])
        return ward_fail(err, WARD_ERR_REASON, "reason");
    int rc = walk(&w, r, err);
    if (!rc && !s.found)
        rc = ward_fail(err, WARD_ERR_NOT_FOUND, "conflict");
    if (rc) {
        ward_abort(s.txn);
        return rc;
    }
    return ward_commit(s.txn, NULL, err);
}
