/* receipt_list.c - what is kept of receipts, for who asks: by status, one by one, and where a hub does not hold what it sealed. */
#include "base/err.h"
#include "replica/receipt_parts.h"
#include "values/feed.h"
#include "values/receipt.h"

int ward_receipts_status(ward_replica *r, struct ward_status *s, struct ward_error *err)
{
    struct ward_receipt_rows rows;
    int rc = ward_receipt_rows_load(&rows, r, NULL, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        const struct ward_store_receipted *row = &rows.v[i];
        if (ward_grant_is_cut(&r->dir, &row->grant)) /* it answers for nothing any more */
            continue;
        s->hub_lost += row->held != WARD_HELD_ALL ? row->seq - (uint64_t)row->held : 0;
        s->hub_rewrote += row->rewritten;
    }
    for (size_t i = 0; !rc && i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        uint64_t most = 0;
        if (ward_hash_compare(&f->grant, &r->self) != 0)
            continue;
        for (size_t j = 0; j < rows.count; j++)
            if (rows.v[j].fid == f->fid && rows.v[j].seq > most)
                most = rows.v[j].seq;
        s->receipted += most < f->head_seq ? most : f->head_seq;
    }
    ward_receipt_rows_free(&rows);
    return rc;
}

struct listing {
    ward_replica *r;
    ward_receipt_fn *fn;
    void *ctx;
    struct ward_error *err;
};

static int list_one(void *ctx, const struct ward_store_receipt *row)
{
    struct listing *x = ctx;
    struct ward_receipt receipt;
    struct ward_receipted_head heads[WARD_RECEIPT_HEADS_MAX];
    if (ward_receipt_read_heads(&receipt, row->heads, row->len))
        return ward_fail(x->err, WARD_ERR_CORRUPT, "receipt %lld", (long long)row->number);
    for (size_t i = 0; i < receipt.count; i++) {
        const struct ward_feed *f = ward_directory_feed_by_id(&x->r->dir, &receipt.heads[i].feed);
        heads[i] = (struct ward_receipted_head){.feed = receipt.heads[i].feed, .seq = receipt.heads[i].seq, .hash = receipt.heads[i].hash};
        if (f)
            heads[i].space = ward_directory_space(&x->r->dir, f->sid)->id;
    }
    const struct ward_receipt_info info = {.number = row->number,
                                           .grant = row->grant,
                                           .wall_ms = row->wall_ms,
                                           .came_ms = row->came_ms,
                                           .against = row->against,
                                           .heads = heads,
                                           .head_count = receipt.count};
    return x->fn(x->ctx, &info);
}

int ward_receipts(ward_replica *r, ward_receipt_fn *fn, void *ctx, struct ward_error *err)
{
    struct listing x = {r, fn, ctx, err};
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = ward_store_each_receipt(r->store, list_one, &x, err);
    ward_replica_looked(r);
    return rc;
}

int ward_hub_notices(ward_replica *r, ward_hub_notice_fn *fn, void *ctx, struct ward_error *err)
{
    struct ward_receipt_rows rows = {0};
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = ward_receipt_rows_load(&rows, r, NULL, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        const struct ward_store_receipted *row = &rows.v[i];
        const struct ward_feed *f = ward_directory_feed(&r->dir, row->fid);
        bool lost = row->held != WARD_HELD_ALL;
        if (!f || (!lost && !row->rewritten) || ward_grant_is_cut(&r->dir, &row->grant))
            continue;
        const struct ward_hub_notice notice = {.grant = row->grant,
                                               .space = ward_directory_space(&r->dir, f->sid)->id,
                                               .feed = f->id,
                                               .seq = row->seq,
                                               .wall_ms = row->wall_ms,
                                               .held = lost ? (uint64_t)row->held : row->seq,
                                               .rewritten = row->rewritten,
                                               .noticed_ms = row->noticed_ms};
        rc = fn(ctx, &notice);
    }
    ward_receipt_rows_free(&rows);
    ward_replica_looked(r);
    return rc;
}
