/* history.c - the log, change by change, for people. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/replica.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

struct history {
    ward_replica *r;
    const struct ward_id *entity;
    const struct ward_hash *grant;
    bool whole; /* of a change that names the entity all is given */
    bool backward;
    uint64_t from, to; /* of one feed; to 0: what has effect of all */
    ward_history_fn *fn;
    void *ctx;
    struct ward_op_info *ops;
    size_t op_cap;
};

static int give_change(struct history *h, const struct ward_feed *f, uint64_t seq, const struct ward_hash *hash,
                       const struct ward_change *ch, struct ward_error *err)
{
    const struct ward_op *ops = h->r->scratch.ops + ch->op_first;
    size_t n = 0;
    while (h->op_cap < ch->op_count)
        if (ward_grow(&h->r->env, (void **)&h->ops, &h->op_cap, h->op_cap, sizeof *h->ops))
            return ward_fail(err, WARD_ERR_MEMORY, "history");
    bool named = !h->entity;
    for (size_t i = 0; i < ch->op_count; i++)
        named |= h->entity && ward_id_equal(&ops[i].entity, h->entity);
    for (size_t i = 0; named && i < ch->op_count; i++)
        if (!h->entity || h->whole || ward_id_equal(&ops[i].entity, h->entity))
            h->ops[n++] = (struct ward_op_info){.kind = ops[i].kind,
                                                .entity = ops[i].entity,
                                                .field = ops[i].field,
                                                .key = ops[i].key,
                                                .key_len = ops[i].key_len,
                                                .value = ops[i].value};
    if (n == 0)
        return WARD_OK;
    struct ward_change_info info = {.space = ward_directory_space(&h->r->dir, f->sid)->id,
                                    .feed = f->id,
                                    .seq = seq,
                                    .hash = *hash,
                                    .grant = f->grant,
                                    .unit = f->unit,
                                    .role = f->role,
                                    .wall_ms = ch->wall_ms,
                                    .depth = ch->depth,
                                    .op_count = ch->op_count,
                                    .own = ward_hash_compare(&f->grant, &h->r->self) == 0};
    return h->fn(h->ctx, &info, h->ops, n);
}

/* A change that names a record holds its id as it is (proto/change.md): a run without it need not be taken apart. */
static bool holds(const struct ward_buf *raw, const struct ward_id *id)
{
    const uint8_t *p = raw->p, *end = raw->p + raw->len;
    while ((size_t)(end - p) >= sizeof id->b && (p = memchr(p, id->b[0], (size_t)(end - p) - sizeof id->b + 1)) != NULL) {
        if (memcmp(p, id->b, sizeof id->b) == 0)
            return true;
        p++;
    }
    return false;
}

static int parse_at(struct history *h, const struct ward_buf *raw, size_t at, size_t *used, struct ward_error *err)
{
    ward_scratch_clear(&h->r->scratch);
    return ward_change_parse(&h->r->scratch, raw->p + at, raw->len - at, used, err);
}

static int give_at(struct history *h, const struct ward_segment *seg, uint64_t seq, const struct ward_hash *hash, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&h->r->dir, seg->fid); /* the callback may have read, and so renewed the directory */
    if (h->grant && ward_hash_compare(&f->grant, h->grant) != 0)
        return WARD_OK;
    bool asked = h->to ? seq >= h->from && seq <= h->to : seq <= f->limit;
    return asked ? give_change(h, f, seq, hash, &h->r->scratch.changes[0], err) : WARD_OK;
}

/* Where each change of a segment begins, and its hash. */
struct place {
    size_t at;
    struct ward_hash hash;
};

static int give_backward(struct history *h, const struct ward_segment *seg, const struct ward_buf *raw, struct ward_hash hash,
                         struct ward_error *err)
{
    struct place *v = ward_alloc(&h->r->env, seg->count * sizeof *v);
    size_t at = 0, used = 0;
    int rc = v ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "history");
    for (uint32_t i = 0; !rc && i < seg->count; i++, at += used) {
        rc = parse_at(h, raw, at, &used, err);
        if (!rc)
            ward_chain(&hash, seg->first + i, &hash, raw->p + at, used);
        v[i] = (struct place){at, hash};
    }
    for (uint32_t i = seg->count; !rc && i > 0; i--) {
        rc = parse_at(h, raw, v[i - 1].at, &used, err);
        if (!rc)
            rc = give_at(h, seg, seg->first + i - 1, &v[i - 1].hash, err);
    }
    ward_release(&h->r->env, v);
    return rc;
}

static int give_forward(struct history *h, const struct ward_segment *seg, const struct ward_buf *raw, struct ward_hash hash,
                        struct ward_error *err)
{
    size_t at = 0, used = 0;
    int rc = WARD_OK;
    for (uint32_t i = 0; !rc && i < seg->count; i++, at += used) {
        rc = parse_at(h, raw, at, &used, err);
        if (rc)
            break;
        ward_chain(&hash, seg->first + i, &hash, raw->p + at, used);
        rc = give_at(h, seg, seg->first + i, &hash, err);
    }
    return rc;
}

static int give_segment(struct history *h, const struct ward_segment *seg, struct ward_error *err)
{
    ward_replica *r = h->r;
    struct ward_buf raw;
    struct ward_hash hash;
    uint64_t depth;
    ward_buf_init(&raw, &r->env);
    int rc = ward_directory_feed(&r->dir, seg->fid) ? ward_store_unpack(r->store, seg, &raw, err)
                                                    : ward_fail(err, WARD_ERR_CORRUPT, "segment of no feed");
    bool asked = !rc && (!h->entity || holds(&raw, h->entity));
    if (asked)
        rc = ward_chain_at(r, seg->fid, seg->first - 1, &hash, &depth, err);
    if (asked && !rc)
        rc = h->backward ? give_backward(h, seg, &raw, hash, err) : give_forward(h, seg, &raw, hash, err);
    ward_buf_free(&raw);
    return rc;
}

int ward_history_range(ward_replica *r, uint32_t fid, uint64_t from, uint64_t to, ward_history_fn *fn, void *ctx, struct ward_error *err)
{
    struct history h = {.r = r, .to = to, .fn = fn, .ctx = ctx};
    struct ward_segment seg = {0};
    int rc = WARD_OK;
    for (uint64_t seq = from; !rc && seq <= to; seq = seg.first + seg.count) {
        h.from = seq; /* segments may be joined meanwhile */
        rc = ward_store_find_segment(r->store, fid, seq, &seg, err);
        if (!rc)
            rc = give_segment(&h, &seg, err);
    }
    ward_release(&r->env, h.ops);
    return rc;
}

/* ---- all of it */

static int give_all(struct history *h, struct ward_error *err)
{
    struct ward_segment seg = {.seg = h->backward ? INT64_MAX : 0};
    bool got = true;
    int rc = WARD_OK;
    while (!rc && got) {
        rc = h->backward ? ward_store_prior_segment(h->r->store, seg.seg, &seg, &got, err)
                         : ward_store_next_segment(h->r->store, seg.seg, false, &seg, &got, err);
        if (!rc && got)
            rc = give_segment(h, &seg, err);
    }
    return rc;
}

/* ---- of some feeds: their segments, in order of arrival */

struct spot {
    int64_t seg;
    uint32_t fid;
    uint64_t first;
};
struct spots {
    ward_replica *r;
    struct spot *v;
    size_t count, cap;
    uint32_t fid;
    struct ward_error *err;
};

static int add_spot(void *ctx, int64_t seg, uint64_t first)
{
    struct spots *s = ctx;
    if (ward_grow(&s->r->env, (void **)&s->v, &s->cap, s->count, sizeof *s->v))
        return ward_fail(s->err, WARD_ERR_MEMORY, "history");
    s->v[s->count++] = (struct spot){seg, s->fid, first};
    return WARD_OK;
}

static int add_feed(struct spots *s, uint32_t fid)
{
    s->fid = fid;
    return ward_store_each_segment_of(s->r->store, fid, add_spot, s, s->err);
}

static int add_space(void *ctx, uint32_t sid)
{
    struct spots *s = ctx;
    const struct ward_space *space = ward_directory_space(&s->r->dir, sid);
    int rc = space ? WARD_OK : ward_fail(s->err, WARD_ERR_CORRUPT, "record of no space");
    for (size_t i = 0; !rc && i < space->feed_count; i++)
        rc = add_feed(s, space->feeds[i]);
    return rc;
}

static int by_arrival(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    return (x->seg > y->seg) - (x->seg < y->seg);
}

static int give_spots(struct history *h, struct spots *s, struct ward_error *err)
{
    int rc = WARD_OK;
    if (s->count > 1)
        qsort(s->v, s->count, sizeof *s->v, by_arrival);
    for (size_t i = 0; !rc && i < s->count; i++) {
        const struct spot *at = &s->v[h->backward ? s->count - 1 - i : i];
        struct ward_segment seg;
        rc = ward_store_find_segment(h->r->store, at->fid, at->first, &seg, err);
        if (!rc)
            rc = give_segment(h, &seg, err);
    }
    return rc;
}

static int give_some(struct history *h, const struct ward_history_query *q, struct ward_error *err)
{
    struct spots s = {.r = h->r, .err = err};
    int rc = q->entity ? ward_store_each_space_of(h->r->store, q->kind, q->entity, add_space, &s, err) : WARD_OK;
    for (size_t i = 0; !rc && !q->entity && i < h->r->dir.feed_count; i++)
        if (ward_hash_compare(&h->r->dir.feeds[i].grant, q->grant) == 0)
            rc = add_feed(&s, h->r->dir.feeds[i].fid);
    if (!rc)
        rc = give_spots(h, &s, err);
    ward_release(&h->r->env, s.v);
    return rc;
}

static int look(struct history *h, const struct ward_history_query *q, struct ward_error *err)
{
    int rc = ward_replica_look(h->r, err);
    if (rc)
        return rc;
    rc = q && (q->entity || q->grant) ? give_some(h, q, err) : give_all(h, err);
    ward_release(&h->r->env, h->ops);
    ward_replica_looked(h->r);
    return rc;
}

int ward_history(ward_replica *r, const struct ward_id *entity, ward_history_fn *fn, void *ctx, struct ward_error *err)
{
    struct history h = {.r = r, .entity = entity, .fn = fn, .ctx = ctx};
    return look(&h, NULL, err);
}

int ward_history_find(ward_replica *r, const struct ward_history_query *query, ward_history_fn *fn, void *ctx, struct ward_error *err)
{
    struct history h = {
        .r = r, .entity = query->entity, .grant = query->grant, .whole = true, .backward = query->backward, .fn = fn, .ctx = ctx};
    return look(&h, query, err);
}
