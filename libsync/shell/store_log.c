/* store_log.c - segments: sealed runs, kept as they came. */
#include "base/err.h"
#include "base/limits.h"
#include "shell/pack.h"
#include "shell/store_sql.h"

#include <string.h>

#define SEGMENT_DATA 7 /* the column */

/* Into the log or beside it: the columns are the same. */
static int add(struct ward_store *s, enum sql where, const struct ward_segment *seg, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, where, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, seg->fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)seg->first);
    sqlite3_bind_int64(st, 3, seg->count);
    sqlite3_bind_int64(st, 4, seg->codec);
    bind_hash(st, 5, &seg->last_hash);
    sqlite3_bind_blob(st, 6, seg->sig, sizeof seg->sig, SQLITE_STATIC);
    sqlite3_bind_blob(st, 7, seg->data, (int)seg->len, SQLITE_STATIC);
    return store_run(s, st, err);
}

int ward_store_add_segment(struct ward_store *s, struct ward_segment *seg, struct ward_error *err)
{
    int rc = add(s, SQL_SEGMENT_ADD, seg, err);
    if (!rc)
        seg->seg = sqlite3_last_insert_rowid(s->db);
    return rc;
}

int store_move_front(struct ward_store *s, const struct ward_segment *seg, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_FRONT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, seg->seg);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)seg->first);
    sqlite3_bind_int64(st, 3, seg->count);
    sqlite3_bind_int64(st, 4, seg->codec);
    sqlite3_bind_blob(st, 5, seg->data, (int)seg->len, SQLITE_STATIC);
    return store_run(s, st, err);
}

int ward_store_join_segments(struct ward_store *s, uint64_t first_before, const struct ward_segment *joined, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENTS_BETWEEN, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, joined->fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)joined->first);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)first_before);
    int rc = store_run(s, st, err);
    return rc ? rc : store_move_front(s, joined, err);
}

int ward_store_drop_segment(struct ward_store *s, int64_t seg, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_DROP, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, seg);
    return store_run(s, st, err);
}

int ward_store_move_segments(struct ward_store *s, uint32_t fid, uint32_t to, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_MOVE, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, to);
    return store_run(s, st, err);
}

int ward_store_put_back_segment(struct ward_store *s, int64_t seg, int64_t to, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_PUT_BACK, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, seg);
    sqlite3_bind_int64(st, 2, to);
    return store_run(s, st, err);
}

int ward_store_drop_segments(struct ward_store *s, uint32_t fid, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_CUT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, 0);
    return store_run(s, st, err);
}

/* Numbers that no run has are damage; whoever reads the segment counts on them. */
static bool read_numbers(sqlite3_stmt *st, struct ward_segment *out)
{
    sqlite3_int64 fid = sqlite3_column_int64(st, 1), first = sqlite3_column_int64(st, 2), count = sqlite3_column_int64(st, 3),
                  codec = sqlite3_column_int64(st, 4);
    *out = (struct ward_segment){.seg = sqlite3_column_int64(st, 0),
                                 .fid = (uint32_t)fid,
                                 .first = (uint64_t)first,
                                 .count = (uint32_t)count,
                                 .codec = (uint32_t)codec};
    return fid >= 1 && fid <= UINT32_MAX && count >= 1 && count <= WARD_RUN_CHANGES_MAX && first >= 1 && first <= INT64_MAX - count &&
           codec >= 0 && codec <= UINT32_MAX;
}

static int take(struct ward_store *s, sqlite3_stmt *st, bool head_only, struct ward_segment *out, bool *got, struct ward_error *err)
{
    int rc = sqlite3_step(st);
    *got = rc == SQLITE_ROW;
    if (rc == SQLITE_DONE) {
        sqlite3_reset(st);
        return WARD_OK;
    }
    if (rc != SQLITE_ROW) {
        rc = store_fail(s, rc, err, "log");
        sqlite3_reset(st);
        return rc;
    }
    if (!read_numbers(st, out) || !column_exact(st, 5, out->last_hash.b, sizeof out->last_hash.b) ||
        !column_exact(st, 6, out->sig, sizeof out->sig)) {
        sqlite3_reset(st);
        return ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)out->seg);
    }
    if (head_only) {
        sqlite3_reset(st);
        return WARD_OK;
    }
    /* Copied, so that no statement stays open: an open read would hold back checkpoints. */
    out->len = (size_t)sqlite3_column_bytes(st, SEGMENT_DATA);
    ward_buf_clear(&s->scratch);
    ward_buf_add(&s->scratch, sqlite3_column_blob(st, SEGMENT_DATA), out->len);
    sqlite3_reset(st);
    if (ward_buf_status(&s->scratch))
        return ward_fail(err, WARD_ERR_MEMORY, "segment");
    out->data = s->scratch.p;
    return WARD_OK;
}

int ward_store_next_segment(struct ward_store *s, int64_t after, bool head_only, struct ward_segment *out, bool *got,
                            struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, head_only ? SQL_SEGMENT_NEXT_HEAD : SQL_SEGMENT_NEXT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, after);
    return take(s, st, head_only, out, got, err);
}

int ward_store_add_backfill(struct ward_store *s, const struct ward_segment *seg, struct ward_error *err)
{
    return add(s, SQL_BACKFILL_ADD, seg, err);
}

int ward_store_last_backfill(struct ward_store *s, uint32_t fid, struct ward_segment *out, bool *got, struct ward_error *err)
{
    *got = false;
    sqlite3_stmt *st = s->format < 3 ? NULL : store_stmt(s, SQL_BACKFILL_LAST, err);
    if (!st)
        return s->format < 3 ? WARD_OK : s->code;
    sqlite3_bind_int64(st, 1, fid);
    return take(s, st, true, out, got, err);
}

int ward_store_find_backfill(struct ward_store *s, uint32_t fid, uint64_t seq, struct ward_segment *out, bool *got, struct ward_error *err)
{
    *got = false;
    sqlite3_stmt *st = s->format < 3 ? NULL : store_stmt(s, SQL_BACKFILL_FIND, err);
    if (!st)
        return s->format < 3 ? WARD_OK : s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)seq);
    int rc = take(s, st, false, out, got, err);
    *got = *got && !rc && seq < out->first + out->count;
    return rc;
}

int ward_store_next_backfill(struct ward_store *s, int64_t after, struct ward_segment *out, bool *got, struct ward_error *err)
{
    *got = false;
    sqlite3_stmt *st = s->format < 3 ? NULL : store_stmt(s, SQL_BACKFILL_NEXT, err);
    if (!st)
        return s->format < 3 ? WARD_OK : s->code;
    sqlite3_bind_int64(st, 1, after);
    return take(s, st, false, out, got, err);
}

int ward_store_drop_backfill(struct ward_store *s, uint32_t fid, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_BACKFILL_DROP, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    return store_run(s, st, err);
}

int ward_store_prior_segment(struct ward_store *s, int64_t before, struct ward_segment *out, bool *got, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_PRIOR, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, before);
    return take(s, st, false, out, got, err);
}

static int each(struct ward_store *s, sqlite3_stmt *st, ward_store_segment_fn *fn, void *ctx, struct ward_error *err)
{
    int rc, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW)
        code = fn(ctx, sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1));
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "log");
    sqlite3_reset(st);
    return code;
}

int ward_store_each_segment_of(struct ward_store *s, uint32_t fid, ward_store_segment_fn *fn, void *ctx, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENTS_OF, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    return each(s, st, fn, ctx, err);
}

int ward_store_each_segment_back(struct ward_store *s, uint32_t fid, int64_t upto, size_t most, ward_store_segment_fn *fn, void *ctx,
                                 struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENTS_BACK, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, upto);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)most);
    return each(s, st, fn, ctx, err);
}

static int seek(struct ward_store *s, enum sql statement, uint32_t fid, uint64_t seq, struct ward_segment *out, bool *got,
                struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, statement, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)seq);
    return take(s, st, false, out, got, err);
}

int ward_store_segment_from(struct ward_store *s, uint32_t fid, uint64_t seq, struct ward_segment *out, bool *got, struct ward_error *err)
{
    int rc = seek(s, SQL_SEGMENT_FIND, fid, seq, out, got, err);
    return rc || (*got && seq < out->first + out->count) ? rc : seek(s, SQL_SEGMENT_AFTER, fid, seq, out, got, err);
}

int ward_store_find_segment(struct ward_store *s, uint32_t fid, uint64_t seq, struct ward_segment *out, struct ward_error *err)
{
    bool got = false;
    int rc = seek(s, SQL_SEGMENT_FIND, fid, seq, out, &got, err);
    if (rc)
        return rc;
    if (!got || seq >= out->first + out->count)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "feed %u, change %llu", (unsigned)fid, (unsigned long long)seq);
    return WARD_OK;
}

int ward_store_weigh_segments(struct ward_store *s, uint32_t fid, uint64_t upto, uint64_t *changes, uint64_t *bytes, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_WEIGH, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)upto);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *changes = (uint64_t)sqlite3_column_int64(st, 0);
        *bytes = (uint64_t)sqlite3_column_int64(st, 1);
    }
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? WARD_OK : store_fail(s, rc, err, "log");
}

int ward_store_last_segment(struct ward_store *s, int64_t *out, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_LAST, err);
    if (!st)
        return s->code;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? WARD_OK : store_fail(s, rc, err, "log");
}

struct ward_packer *ward_store_packer(struct ward_store *s)
{
    return &s->packer;
}

int ward_store_unpack(struct ward_store *s, const struct ward_segment *seg, struct ward_buf *out, struct ward_error *err)
{
    int rc = ward_unpack(&s->packer, out, seg->codec, seg->data, seg->len, seg->count, err);
    return rc && rc != WARD_ERR_MEMORY ? ward_fail(err, WARD_ERR_CORRUPT, "segment %lld cannot be unpacked", (long long)seg->seg) : rc;
}
