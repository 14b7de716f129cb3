/* store_own.c - how far own feeds have reached others, and what was withdrawn of them and waits. */
#include "base/err.h"
#include "shell/store_sql.h"

int store_load_published(struct ward_store *s, struct ward_directory *d, struct ward_error *err)
{
    for (size_t i = 0; s->format < 2 && i < d->feed_count; i++)
        d->feeds[i].published = d->feeds[i].head_seq;
    sqlite3_stmt *st = s->format < 2 ? NULL : store_stmt(s, SQL_PUBLISHED, err);
    if (!st)
        return s->format < 2 ? WARD_OK : s->code;
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct ward_feed *f = ward_directory_feed(d, (uint32_t)sqlite3_column_int64(st, 0));
        if (f)
            f->published = (uint64_t)sqlite3_column_int64(st, 1);
    }
    int code = rc == SQLITE_DONE ? WARD_OK : store_fail(s, rc, err, "published");
    sqlite3_reset(st);
    return code;
}

int ward_store_put_published(struct ward_store *s, uint32_t fid, uint64_t seq, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_PUBLISHED_PUT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)seq);
    return store_run(s, st, err);
}

static int beyond(struct ward_store *s, enum sql which, uint32_t fid, uint64_t base, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, which, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)base);
    return store_run(s, st, err);
}

int ward_store_end_feed(struct ward_store *s, uint32_t fid, uint64_t base, const struct ward_segment *shorter, struct ward_error *err)
{
    int rc = beyond(s, SQL_SEGMENT_CUT, fid, base, err);
    if (!rc && shorter) {
        sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_SHORTEN, err);
        if (!st)
            return s->code;
        sqlite3_bind_int64(st, 1, shorter->seg);
        sqlite3_bind_int64(st, 2, shorter->count);
        sqlite3_bind_int64(st, 3, shorter->codec);
        bind_hash(st, 4, &shorter->last_hash);
        sqlite3_bind_blob(st, 5, shorter->sig, sizeof shorter->sig, SQLITE_STATIC);
        sqlite3_bind_blob(st, 6, shorter->data, (int)shorter->len, SQLITE_STATIC);
        rc = store_run(s, st, err);
    }
    return rc ? rc : ward_store_forget_authority(s, fid, base, err);
}

int ward_store_forget_authority(struct ward_store *s, uint32_t fid, uint64_t base, struct ward_error *err)
{
    int rc = beyond(s, SQL_GRANT_FORGET, fid, base, err);
    if (!rc)
        rc = beyond(s, SQL_CUT_FORGET, fid, base, err);
    return rc ? rc : beyond(s, SQL_FLOOR_FORGET, fid, base, err);
}

int ward_store_add_waiting(struct ward_store *s, const struct ward_hash *space, const void *body, size_t len, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_WAITING_ADD, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, space);
    sqlite3_bind_blob(st, 2, body, (int)len, SQLITE_STATIC);
    return store_run(s, st, err);
}

int ward_store_next_waiting(struct ward_store *s, int64_t after, struct ward_store_waiting *out, bool *got, struct ward_error *err)
{
    *got = false;
    if (s->format < 2)
        return WARD_OK;
    sqlite3_stmt *st = store_stmt(s, SQL_WAITING_NEXT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, after);
    int rc = sqlite3_step(st), code = rc == SQLITE_ROW || rc == SQLITE_DONE ? WARD_OK : store_fail(s, rc, err, "waiting");
    *got = rc == SQLITE_ROW;
    if (*got) {
        *out = (struct ward_store_waiting){.number = sqlite3_column_int64(st, 0), .len = (size_t)sqlite3_column_bytes(st, 2)};
        if (!column_exact(st, 1, out->space.b, sizeof out->space.b))
            code = ward_fail(err, WARD_ERR_CORRUPT, "waiting");
        ward_buf_clear(&s->scratch);
        ward_buf_add(&s->scratch, sqlite3_column_blob(st, 2), out->len);
        if (!code && ward_buf_status(&s->scratch))
            code = ward_fail(err, WARD_ERR_MEMORY, "waiting");
        out->body = s->scratch.p;
    }
    sqlite3_reset(st);
    return code;
}

int ward_store_drop_waiting(struct ward_store *s, int64_t number, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_WAITING_DROP, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, number);
    return store_run(s, st, err);
}

int ward_store_count_waiting(struct ward_store *s, size_t *out, struct ward_error *err)
{
    *out = 0;
    sqlite3_stmt *st = s->format < 2 ? NULL : store_stmt(s, SQL_WAITING_COUNT, err);
    if (!st)
        return s->format < 2 ? WARD_OK : s->code;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = (size_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? WARD_OK : store_fail(s, rc, err, "waiting");
}
