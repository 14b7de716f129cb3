/* store_base.c - snapshots that stand where a space's history is not held, and where the log of its feeds begins. */
#include "base/err.h"
#include "shell/store_sql.h"

/* A file that is only read may be of a format that has none. */
static bool has_bases(const struct ward_store *s)
{
    return s->format >= 3;
}

int ward_store_forget_log(struct ward_store *s, uint32_t fid, uint64_t upto, const struct ward_segment *shorter, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SEGMENT_UPTO, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)upto);
    int rc = store_run(s, st, err);
    return rc || !shorter ? rc : store_move_front(s, shorter, err);
}

int ward_store_put_base(struct ward_store *s, const struct ward_hash *space, bool staged, uint32_t number,
                        const struct ward_store_part *part, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_BASE_PUT, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, space);
    sqlite3_bind_int(st, 2, staged);
    sqlite3_bind_int64(st, 3, number);
    sqlite3_bind_int64(st, 4, part->codec);
    sqlite3_bind_blob(st, 5, part->data, (int)part->len, SQLITE_STATIC);
    return store_run(s, st, err);
}

/* Copied, so that no statement stays open. */
static int copy_part(struct ward_store *s, sqlite3_stmt *st, int column, struct ward_store_part *out, struct ward_error *err)
{
    out->len = (size_t)sqlite3_column_bytes(st, column);
    ward_buf_clear(&s->scratch);
    ward_buf_add(&s->scratch, sqlite3_column_blob(st, column), out->len);
    out->data = s->scratch.p;
    return ward_buf_status(&s->scratch) ? ward_fail(err, WARD_ERR_MEMORY, "base") : WARD_OK;
}

int ward_store_get_base(struct ward_store *s, const struct ward_hash *space, bool staged, uint32_t number, struct ward_store_part *out,
                        struct ward_error *err)
{
    if (!has_bases(s))
        return ward_fail(err, WARD_ERR_NOT_FOUND, "base");
    sqlite3_stmt *st = store_stmt(s, SQL_BASE_GET, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, space);
    sqlite3_bind_int(st, 2, staged);
    sqlite3_bind_int64(st, 3, number);
    int rc = sqlite3_step(st), code = WARD_OK;
    if (rc == SQLITE_ROW) {
        *out = (struct ward_store_part){.codec = (uint32_t)sqlite3_column_int64(st, 0)};
        code = copy_part(s, st, 1, out, err);
    } else {
        code = rc == SQLITE_DONE ? ward_fail(err, WARD_ERR_NOT_FOUND, "base") : store_fail(s, rc, err, "base");
    }
    sqlite3_reset(st);
    return code;
}

int ward_store_count_base(struct ward_store *s, const struct ward_hash *space, bool staged, size_t *parts, struct ward_error *err)
{
    *parts = 0;
    if (!has_bases(s))
        return WARD_OK;
    sqlite3_stmt *st = store_stmt(s, SQL_BASE_COUNT, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, space);
    sqlite3_bind_int(st, 2, staged);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *parts = (size_t)sqlite3_column_int64(st, 0);
    int code = rc == SQLITE_ROW ? WARD_OK : store_fail(s, rc, err, "base");
    sqlite3_reset(st);
    return code;
}

int ward_store_clear_base(struct ward_store *s, const struct ward_hash *space, bool staged, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_BASE_CLEAR, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, space);
    sqlite3_bind_int(st, 2, staged);
    return store_run(s, st, err);
}

int ward_store_note_lack(struct ward_store *s, const struct ward_hash *space, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_BASE_LACKS, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, space);
    return store_run(s, st, err);
}

int ward_store_adopt_base(struct ward_store *s, const struct ward_hash *space, struct ward_error *err)
{
    int rc = ward_store_clear_base(s, space, false, err);
    sqlite3_stmt *st = rc ? NULL : store_stmt(s, SQL_BASE_ADOPT, err);
    if (!st)
        return rc ? rc : s->code;
    bind_hash(st, 1, space);
    return store_run(s, st, err);
}

int ward_store_put_base_feed(struct ward_store *s, uint32_t fid, uint64_t depth, const struct ward_vv *seen, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_BASE_FEED_PUT, err);
    if (!st)
        return s->code;
    ward_buf_clear(&s->scratch);
    ward_vv_encode(&s->scratch, seen);
    if (ward_buf_status(&s->scratch))
        return ward_fail(err, WARD_ERR_MEMORY, "base");
    sqlite3_bind_int64(st, 1, fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)depth);
    sqlite3_bind_blob(st, 3, s->scratch.p, (int)s->scratch.len, SQLITE_STATIC);
    return store_run(s, st, err);
}

int ward_store_get_base_feed(struct ward_store *s, uint32_t fid, uint64_t *depth, struct ward_vv *seen, struct ward_error *err)
{
    sqlite3_stmt *st = has_bases(s) ? store_stmt(s, SQL_BASE_FEED_GET, err) : NULL;
    if (!st)
        return has_bases(s) ? s->code : ward_fail(err, WARD_ERR_CORRUPT, "feed %u has a base", (unsigned)fid);
    sqlite3_bind_int64(st, 1, fid);
    int rc = sqlite3_step(st), code = WARD_OK;
    if (rc == SQLITE_ROW) {
        *depth = (uint64_t)sqlite3_column_int64(st, 0);
        if (seen)
            code = ward_vv_decode(seen, s->env, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
        if (code)
            ward_fail(err, code, "feed %u", (unsigned)fid);
    } else {
        code =
            rc == SQLITE_DONE ? ward_fail(err, WARD_ERR_CORRUPT, "feed %u lacks its base", (unsigned)fid) : store_fail(s, rc, err, "base");
    }
    sqlite3_reset(st);
    return code;
}

int ward_store_drop_base_feed(struct ward_store *s, uint32_t fid, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_BASE_FEED_DROP, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, fid);
    return store_run(s, st, err);
}

int store_load_lacks(struct ward_store *s, struct ward_directory *d, struct ward_error *err)
{
    sqlite3_stmt *st = has_bases(s) ? store_stmt(s, SQL_BASES_LACKING, err) : NULL;
    int rc, code = WARD_OK;
    if (!st)
        return has_bases(s) ? s->code : WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct ward_hash id;
        struct ward_space *space = column_exact(st, 0, id.b, sizeof id.b) ? ward_directory_space_by_id(d, &id) : NULL;
        if (space)
            space->lacks = true;
        else
            code = ward_fail(err, WARD_ERR_CORRUPT, "base: of no space");
    }
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "base");
    sqlite3_reset(st);
    return code;
}
