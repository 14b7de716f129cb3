/* store_record.c - records and conflicts. */
#include "base/err.h"
#include "shell/store_sql.h"

#include <string.h>

int ward_store_get_record(struct ward_store *s, uint32_t sid, uint32_t kind, const struct ward_id *entity,
                          const struct ward_authors *authors, struct ward_state *out, size_t *conflicts, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_RECORD_GET, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, kind);
    bind_id(st, 2, entity);
    sqlite3_bind_int64(st, 3, sid);
    int rc = sqlite3_step(st), code = WARD_OK;
    if (rc == SQLITE_ROW) {
        *conflicts = (size_t)sqlite3_column_int64(st, 0);
        code = ward_state_decode(out, authors, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
        if (code)
            ward_fail(err, code, "record of kind %u", (unsigned)kind);
    } else {
        code = rc == SQLITE_DONE ? ward_fail(err, WARD_ERR_NOT_FOUND, "record") : store_fail(s, rc, err, "record");
    }
    sqlite3_reset(st);
    return code;
}

int ward_store_put_record(struct ward_store *s, uint32_t sid, uint32_t kind, const struct ward_id *entity, const void *p, size_t len,
                          size_t conflicts, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_RECORD_PUT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, kind);
    bind_id(st, 2, entity);
    sqlite3_bind_int64(st, 3, sid);
    sqlite3_bind_int64(st, 4, (sqlite3_int64)conflicts);
    sqlite3_bind_blob(st, 5, p, (int)len, SQLITE_STATIC);
    return store_run(s, st, err);
}

static int each(struct ward_store *s, sqlite3_stmt *st, ward_store_record_fn *fn, void *ctx, struct ward_error *err)
{
    int rc, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct ward_id entity;
        if (!column_exact(st, 2, entity.b, sizeof entity.b))
            code = ward_fail(err, WARD_ERR_CORRUPT, "record");
        else
            code = fn(ctx, (uint32_t)sqlite3_column_int64(st, 0), (uint32_t)sqlite3_column_int64(st, 1), &entity,
                      (size_t)sqlite3_column_int64(st, 3), sqlite3_column_blob(st, 4), (size_t)sqlite3_column_bytes(st, 4));
    }
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "records");
    sqlite3_finalize(st);
    return code;
}

/* A statement of its own for each walk: a callback may start another. */
static sqlite3_stmt *walk(struct ward_store *s, enum sql which, struct ward_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, store_sql(which), -1, &st, NULL);
    if (rc)
        store_fail(s, rc, err, "prepare");
    return st;
}

int ward_store_each_record(struct ward_store *s, uint32_t kind, const struct ward_id *low, const struct ward_id *high,
                           ward_store_record_fn *fn, void *ctx, struct ward_error *err)
{
    sqlite3_stmt *st = walk(s, SQL_RECORD_RANGE, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, kind);
    bind_id(st, 2, low);
    bind_id(st, 3, high);
    return each(s, st, fn, ctx, err);
}

int ward_store_each_in_space(struct ward_store *s, uint32_t sid, ward_store_record_fn *fn, void *ctx, struct ward_error *err)
{
    sqlite3_stmt *st = walk(s, SQL_RECORD_SPACE, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, sid);
    return each(s, st, fn, ctx, err);
}

int ward_store_each_space_of(struct ward_store *s, uint32_t kind, const struct ward_id *entity, ward_store_sid_fn *fn, void *ctx,
                             struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_RECORD_SPACES, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, kind);
    bind_id(st, 2, entity);
    int rc, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW)
        code = fn(ctx, (uint32_t)sqlite3_column_int64(st, 0));
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "records");
    sqlite3_reset(st);
    return code;
}

int ward_store_put_conflict(struct ward_store *s, const struct ward_store_conflict *c, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_CONFLICT_PUT, err);
    if (!st)
        return s->code;
    bind_id(st, 1, &c->id);
    sqlite3_bind_int64(st, 2, c->sid);
    sqlite3_bind_int64(st, 3, c->kind);
    bind_id(st, 4, &c->entity);
    sqlite3_bind_int64(st, 5, c->field);
    return store_run(s, st, err);
}

int ward_store_clear_conflicts(struct ward_store *s, uint32_t sid, uint32_t kind, const struct ward_id *entity, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_CONFLICT_CLEAR, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, sid);
    sqlite3_bind_int64(st, 2, kind);
    bind_id(st, 3, entity);
    return store_run(s, st, err);
}

int ward_store_each_conflict(struct ward_store *s, const struct ward_id *low, const struct ward_id *high, ward_store_conflict_fn *fn,
                             void *ctx, struct ward_error *err)
{
    sqlite3_stmt *st = walk(s, SQL_CONFLICTS, err);
    if (!st)
        return s->code;
    bind_id(st, 1, low);
    bind_id(st, 2, high);
    int rc, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct ward_store_conflict c = {.sid = (uint32_t)sqlite3_column_int64(st, 1),
                                        .kind = (uint32_t)sqlite3_column_int64(st, 2),
                                        .field = (uint32_t)sqlite3_column_int64(st, 4)};
        if (!column_exact(st, 0, c.id.b, sizeof c.id.b) || !column_exact(st, 3, c.entity.b, sizeof c.entity.b))
            code = ward_fail(err, WARD_ERR_CORRUPT, "conflict");
        else
            code = fn(ctx, &c);
    }
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "conflicts");
    sqlite3_finalize(st);
    return code;
}

int ward_store_count_conflicts(struct ward_store *s, size_t *out, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_CONFLICT_COUNT, err);
    if (!st)
        return s->code;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = (size_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? WARD_OK : store_fail(s, rc, err, "conflicts");
}

int ward_store_clear_space(struct ward_store *s, uint32_t sid, struct ward_error *err)
{
    const enum sql clears[] = {SQL_RECORD_CLEAR, SQL_CONFLICT_CLEAR_SPACE};
    for (size_t i = 0; i < 2; i++) {
        sqlite3_stmt *st = store_stmt(s, clears[i], err);
        if (!st)
            return s->code;
        sqlite3_bind_int64(st, 1, sid);
        int rc = store_run(s, st, err);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < s->plain_count; i++) {
        char sql[128];
        sqlite3_snprintf(sizeof sql, sql, "DELETE FROM \"%w\" WHERE space = %u", s->plains[i].kind->name, (unsigned)sid);
        int rc = store_exec(s, sql, err);
        if (rc)
            return rc;
    }
    return WARD_OK;
}
