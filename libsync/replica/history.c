/* history.c - the log, change by change, for people. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/replica.h"
#include "values/feed.h"

struct history {
    ward_replica *r;
    const struct ward_id *entity;
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
    for (size_t i = 0; i < ch->op_count; i++)
        if (!h->entity || ward_id_equal(&ops[i].entity, h->entity))
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

static int give_segment(struct history *h, const struct ward_segment *seg, struct ward_error *err)
{
    ward_replica *r = h->r;
    struct ward_buf raw;
    struct ward_hash hash;
    uint64_t depth;
    size_t at = 0, used = 0;
    const struct ward_feed *f = ward_directory_feed(&r->dir, seg->fid);
    ward_buf_init(&raw, &r->env);
    int rc = f ? ward_store_unpack(seg, &raw, err) : ward_fail(err, WARD_ERR_CORRUPT, "segment of no feed");
    if (!rc)
        rc = ward_chain_at(r, seg->fid, seg->first - 1, &hash, &depth, err);
    for (uint32_t i = 0; !rc && i < seg->count; i++, at += used) {
        ward_scratch_clear(&r->scratch);
        rc = ward_change_parse(&r->scratch, raw.p + at, raw.len - at, &used, err);
        if (rc)
            break;
        ward_chain(&hash, seg->first + i, &hash, raw.p + at, used);
        f = ward_directory_feed(&r->dir, seg->fid); /* the callback may have read, and so renewed the directory */
        uint64_t seq = seg->first + i;
        if (h->to ? seq >= h->from && seq <= h->to : seq <= f->limit)
            rc = give_change(h, f, seg->first + i, &hash, &r->scratch.changes[0], err);
    }
    ward_buf_free(&raw);
    return rc;
}

int ward_history_range(ward_replica *r, uint32_t fid, uint64_t from, uint64_t to, ward_history_fn *fn, void *ctx, struct ward_error *err)
{
    struct history h = {.r = r, .from = from, .to = to, .fn = fn, .ctx = ctx};
    struct ward_segment seg = {0};
    int rc = WARD_OK;
    for (uint64_t seq = from; !rc && seq <= to; seq = seg.first + seg.count) {
        rc = ward_store_find_segment(r->store, fid, seq, &seg, err);
        if (!rc)
            rc = give_segment(&h, &seg, err);
    }
    ward_release(&r->env, h.ops);
    return rc;
}

int ward_history(ward_replica *r, const struct ward_id *entity, ward_history_fn *fn, void *ctx, struct ward_error *err)
{
    struct history h = {.r = r, .entity = entity, .fn = fn, .ctx = ctx};
    struct ward_segment seg = {0};
    bool got = true;
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    while (!rc && got) {
        rc = ward_store_next_segment(r->store, seg.seg, false, &seg, &got, err);
        if (!rc && got)
            rc = give_segment(&h, &seg, err);
    }
    ward_release(&r->env, h.ops);
    ward_replica_looked(r);
    return rc;
}
