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
    const struct ward_id *only; /* one conflict, or all */
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

/* Whether the change (fid, seq) had seen other's: its version vector is rebuilt from the deps of its feed up to it; a late one had seen its
 * own deps and no more. Of a change below a base that is not known any more. */
static int had_seen(ward_replica *r, const struct ward_live_value *v, const struct ward_live_value *other, bool *out,
                    struct ward_error *err)
{
    const struct ward_hash *target = &ward_directory_feed(&r->dir, other->fid)->id;
    struct ward_segment seg = {0};
    struct ward_buf raw;
    bool own = v->fid == other->fid;
    *out = own && other->seq <= v->seq;
    ward_buf_init(&raw, &r->env);
    const struct ward_feed *f = ward_directory_feed(&r->dir, v->fid);
    struct ward_vv before = {0};
    uint64_t depth;
    int rc = !own && f->base ? ward_store_get_base_feed(r->store, v->fid, &depth, &before, err) : WARD_OK;
    *out |= v->seq > f->base && ward_vv_get(&before, other->fid) >= other->seq;
    ward_vv_free(&before, &r->env);
    for (uint64_t seq = own ? v->seq : f->base + 1; !rc && seq > f->base && seq <= v->seq; seq = seg.first + seg.count) {
        size_t at = 0, used = 0;
        rc = ward_store_find_segment(r->store, v->fid, seq, &seg, err);
        if (!rc)
            rc = ward_store_unpack(&seg, &raw, err);
        for (uint64_t i = seg.first; !rc && i < seg.first + seg.count && i <= v->seq; i++, at += used) {
            ward_scratch_clear(&r->scratch);
            rc = ward_change_parse(&r->scratch, raw.p + at, raw.len - at, &used, err);
            if (!rc && i == v->seq && r->scratch.changes[0].late)
                *out = own && other->seq == v->seq;
            for (size_t j = 0; !rc && (!own || i == v->seq) && j < r->scratch.dep_count; j++)
                *out |= ward_hash_compare(&r->scratch.deps[j].feed, target) == 0 && r->scratch.deps[j].seq >= other->seq;
        }
    }
    ward_buf_free(&raw);
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
    if (w->only && !ward_id_equal(w->only, &row->id))
        return WARD_OK;
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
    rc = ward_store_each_conflict(r->store, visit, w, err);
    ward_replica_looked(r);
    return rc;
}

int ward_conflicts(ward_replica *r, ward_conflict_fn *fn, void *ctx, struct ward_error *err)
{
    struct walk w = {.r = r, .fn = fn, .ctx = ctx, .err = err};
    return walk(&w, r, err);
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
    struct walk w = {.r = r, .only = conflict, .fn = prepare, .ctx = &s, .err = err};
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
