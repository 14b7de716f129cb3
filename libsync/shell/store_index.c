/* store_index.c - the entries of the schema's indexes: one table for all of them, in the order of their keys. */
#include "base/err.h"
#include "shell/store_sql.h"

#include <string.h>

static const char table[] =
    "DROP TABLE IF EXISTS ward_index;"
    "CREATE TABLE ward_index(number INTEGER NOT NULL, key BLOB NOT NULL, entity BLOB NOT NULL, sid INTEGER NOT NULL,"
    " PRIMARY KEY(number, key, entity, sid)) STRICT, WITHOUT ROWID;";

int store_index_renew(struct ward_store *s, struct ward_error *err)
{
    return store_exec(s, table, err);
}

static sqlite3_stmt *bind_entry(struct ward_store *s, enum sql which, const struct ward_index_entry *e, uint32_t sid,
                                const struct ward_id *entity, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, which, err);
    if (!st)
        return NULL;
    sqlite3_bind_int64(st, 1, e->index);
    sqlite3_bind_blob(st, 2, e->len ? (const void *)e->key : "", (int)e->len, SQLITE_STATIC);
    bind_id(st, 3, entity);
    sqlite3_bind_int64(st, 4, sid);
    return st;
}

int ward_store_put_entry(struct ward_store *s, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity,
                         struct ward_error *err)
{
    sqlite3_stmt *st = bind_entry(s, SQL_ENTRY_PUT, e, sid, entity, err);
    return st ? store_run(s, st, err) : s->code;
}

int ward_store_drop_entry(struct ward_store *s, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity,
                          struct ward_error *err)
{
    sqlite3_stmt *st = bind_entry(s, SQL_ENTRY_DROP, e, sid, entity, err);
    return st ? store_run(s, st, err) : s->code;
}

int ward_store_has_entry(struct ward_store *s, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity, bool *out,
                         struct ward_error *err)
{
    sqlite3_stmt *st = bind_entry(s, SQL_ENTRY_GET, e, sid, entity, err);
    if (!st)
        return s->code;
    int rc = sqlite3_step(st), code = WARD_OK;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        *out = rc == SQLITE_ROW;
    else
        code = store_fail(s, rc, err, "index");
    sqlite3_reset(st);
    return code;
}

/* From the prefix to before what comes after all that begins with it: a tag, a character or a zero follows there, and never FF. */
static int bind_range(struct ward_store *s, sqlite3_stmt *st, const struct ward_index_entry *prefix, struct ward_error *err)
{
    ward_buf_clear(&s->scratch);
    ward_buf_add(&s->scratch, prefix->key, prefix->len);
    ward_buf_add(&s->scratch, "\xff", 1);
    if (ward_buf_status(&s->scratch))
        return ward_fail(err, WARD_ERR_MEMORY, "index");
    sqlite3_bind_int64(st, 1, prefix->index);
    sqlite3_bind_blob(st, 2, prefix->len ? (const void *)prefix->key : "", (int)prefix->len, SQLITE_STATIC);
    int rc = sqlite3_bind_blob(st, 3, s->scratch.p, (int)s->scratch.len, SQLITE_TRANSIENT);
    return rc ? store_fail(s, rc, err, "index") : WARD_OK;
}

static int each(struct ward_store *s, sqlite3_stmt *st, uint32_t index, ward_store_entry_fn *fn, void *ctx, struct ward_error *err)
{
    int rc = SQLITE_DONE, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct ward_index_entry e = {.index = index, .key = sqlite3_column_blob(st, 0), .len = (size_t)sqlite3_column_bytes(st, 0)};
        struct ward_id entity;
        if (!column_exact(st, 1, entity.b, sizeof entity.b))
            code = ward_fail(err, WARD_ERR_CORRUPT, "index");
        else
            code = fn(ctx, &e, (uint32_t)sqlite3_column_int64(st, 2), &entity);
    }
    return !code && rc != SQLITE_DONE ? store_fail(s, rc, err, "index") : code;
}

int ward_store_each_entry(struct ward_store *s, const struct ward_index_entry *prefix, bool backward, ward_store_entry_fn *fn, void *ctx,
                          struct ward_error *err)
{
    sqlite3_stmt *st = NULL; /* of its own: a callback may look for something else */
    int rc = sqlite3_prepare_v2(s->db, store_sql(backward ? SQL_ENTRIES_BACKWARD : SQL_ENTRIES), -1, &st, NULL);
    if (rc)
        return store_fail(s, rc, err, "prepare");
    rc = bind_range(s, st, prefix, err);
    if (!rc)
        rc = each(s, st, prefix->index, fn, ctx, err);
    sqlite3_finalize(st);
    return rc;
}

int ward_store_count_entries(struct ward_store *s, const struct ward_index_entry *prefix, uint64_t *out, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_ENTRY_COUNT, err);
    if (!st)
        return s->code;
    int rc = bind_range(s, st, prefix, err);
    if (rc)
        return rc;
    int step = sqlite3_step(st);
    if (step == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(st, 0);
    else
        rc = store_fail(s, step, err, "index");
    sqlite3_reset(st);
    return rc;
}
