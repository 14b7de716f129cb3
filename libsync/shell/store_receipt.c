/* store_receipt.c - receipts as they came, and the newest of them by signer and feed. */
#include "base/err.h"
#include "shell/store_sql.h"

#include <assert.h>

int ward_store_add_receipt(struct ward_store *s, struct ward_store_receipt *receipt, struct ward_error *err)
{
    assert(s->format >= 2); /* whoever opens it for writing has brought it there */
    sqlite3_stmt *st = store_stmt(s, SQL_RECEIPT_ADD, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, &receipt->grant);
    sqlite3_bind_int64(st, 2, receipt->wall_ms);
    sqlite3_bind_int64(st, 3, receipt->came_ms);
    sqlite3_bind_int(st, 4, receipt->against);
    sqlite3_bind_blob(st, 5, receipt->heads, (int)receipt->len, SQLITE_STATIC);
    sqlite3_bind_blob(st, 6, receipt->sig, sizeof receipt->sig, SQLITE_STATIC);
    int rc = store_run(s, st, err);
    if (!rc)
        receipt->number = sqlite3_last_insert_rowid(s->db);
    return rc;
}

int ward_store_thin_receipts(struct ward_store *s, const struct ward_hash *grant, size_t keep, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_RECEIPT_THIN, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, grant);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)keep);
    return store_run(s, st, err);
}

static int read_receipt(sqlite3_stmt *st, struct ward_store_receipt *r, struct ward_error *err)
{
    *r = (struct ward_store_receipt){.number = sqlite3_column_int64(st, 0),
                                     .wall_ms = sqlite3_column_int64(st, 2),
                                     .came_ms = sqlite3_column_int64(st, 3),
                                     .against = sqlite3_column_int(st, 4) != 0};
    if (!column_exact(st, 1, r->grant.b, sizeof r->grant.b) || !column_exact(st, 6, r->sig, sizeof r->sig))
        return ward_fail(err, WARD_ERR_CORRUPT, "receipt");
    r->heads = sqlite3_column_blob(st, 5);
    r->len = (size_t)sqlite3_column_bytes(st, 5);
    return WARD_OK;
}

int ward_store_each_receipt(struct ward_store *s, ward_store_receipt_fn *fn, void *ctx, struct ward_error *err)
{
    if (s->format < 2)
        return WARD_OK;
    sqlite3_stmt *st = store_stmt(s, SQL_RECEIPTS, err);
    if (!st)
        return s->code;
    int rc, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct ward_store_receipt r;
        code = read_receipt(st, &r, err);
        if (!code)
            code = fn(ctx, &r);
    }
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "receipts");
    sqlite3_reset(st);
    return code;
}

int ward_store_put_receipted(struct ward_store *s, const struct ward_store_receipted *row, struct ward_error *err)
{
    assert(s->format >= 2);
    sqlite3_stmt *st = store_stmt(s, SQL_RECEIPTED_PUT, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, &row->grant);
    sqlite3_bind_int64(st, 2, row->fid);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)row->seq);
    sqlite3_bind_int64(st, 4, row->wall_ms);
    sqlite3_bind_int64(st, 5, row->number);
    sqlite3_bind_int64(st, 6, row->held);
    sqlite3_bind_int(st, 7, row->rewritten);
    sqlite3_bind_int64(st, 8, row->noticed_ms);
    return store_run(s, st, err);
}

int ward_store_each_receipted(struct ward_store *s, ward_store_receipted_fn *fn, void *ctx, struct ward_error *err)
{
    if (s->format < 2)
        return WARD_OK;
    sqlite3_stmt *st = store_stmt(s, SQL_RECEIPTED, err);
    if (!st)
        return s->code;
    int rc, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct ward_store_receipted row = {.fid = (uint32_t)sqlite3_column_int64(st, 1),
                                           .seq = (uint64_t)sqlite3_column_int64(st, 2),
                                           .wall_ms = sqlite3_column_int64(st, 3),
                                           .number = sqlite3_column_int64(st, 4),
                                           .held = sqlite3_column_int64(st, 5),
                                           .rewritten = sqlite3_column_int(st, 6) != 0,
                                           .noticed_ms = sqlite3_column_int64(st, 7)};
        code = column_exact(st, 0, row.grant.b, sizeof row.grant.b) ? fn(ctx, &row) : ward_fail(err, WARD_ERR_CORRUPT, "receipts");
    }
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "receipts");
    sqlite3_reset(st);
    return code;
}

int ward_store_forget_receipted(struct ward_store *s, uint32_t fid, uint64_t upto, struct ward_error *err)
{
    assert(s->format >= 2);
    sqlite3_stmt *st = store_stmt(s, SQL_RECEIPTED_DROP, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)upto);
    return store_run(s, st, err);
}
