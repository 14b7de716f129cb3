/* plain.c - plain SQLite doing the same edits: one table, no history, nothing signed. */
#include "bench.h"

#include <sqlite3.h>
#include <string.h>

static const char *column(uint32_t field)
{
    const struct ward_kind_def *k = &bench_schema.kinds[0];
    for (size_t i = 0; i < k->field_count; i++)
        if (k->fields[i].number == field)
            return k->fields[i].name;
    return NULL;
}

void bench_sqlite_do(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL)) {
        fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
        bench_die("sqlite", NULL);
    }
}

sqlite3 *bench_sqlite_open(const char *path)
{
    sqlite3 *db;
    if (sqlite3_open(path, &db))
        bench_die(path, NULL);
    bench_sqlite_do(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS task (id BLOB PRIMARY KEY, title, "
                        "status, lead_unit, deadline, percent, note, priority, updated_by) WITHOUT ROWID");
    return db;
}

void bench_sqlite_upsert(sqlite3 *db, sqlite3_stmt **st, unsigned cell, const struct bench_edit *e)
{
    uint8_t id[16] = {0};
    char text[256];
    size_t n = e->field >> 2;
    memcpy(id + 8, &cell, 4);
    memcpy(id + 12, &e->task, 4);
    if (!st[n]) {
        snprintf(text, sizeof text, "INSERT INTO task (id, %s) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET %s = excluded.%s",
                 column(e->field), column(e->field), column(e->field));
        if (sqlite3_prepare_v2(db, text, -1, &st[n], NULL))
            bench_die("sqlite", NULL);
    }
    sqlite3_bind_blob(st[n], 1, id, sizeof id, SQLITE_STATIC);
    if (e->value.type == WARD_INT)
        sqlite3_bind_int64(st[n], 2, e->value.integer);
    else if (e->value.type == WARD_TEXT)
        sqlite3_bind_text(st[n], 2, (const char *)e->value.p, (int)e->value.len, SQLITE_STATIC);
    else
        sqlite3_bind_blob(st[n], 2, e->value.p, (int)e->value.len, SQLITE_STATIC);
    if (sqlite3_step(st[n]) != SQLITE_DONE)
        bench_die("sqlite", NULL);
    sqlite3_reset(st[n]);
}

void bench_plain_write(struct bench *b, const struct bench_week *w, size_t batch)
{
    char path[512];
    sqlite3_stmt *st[16] = {0};
    bench_path(path, b, "plain.db");
    remove(path);
    sqlite3 *db = bench_sqlite_open(path);
    double start = bench_work();
    for (size_t i = 0; i < w->count; i += batch) {
        bench_sqlite_do(db, "BEGIN IMMEDIATE");
        for (size_t j = i; j < i + batch && j < w->count; j++)
            bench_sqlite_upsert(db, st, 0, &w->edits[j]);
        bench_sqlite_do(db, "COMMIT");
    }
    bench_sample(b, PLAIN, batch > 1 ? BENCH_BATCH : BENCH_COMMIT, (double)w->count / (bench_work() - start));
    for (size_t i = 0; i < 16; i++)
        sqlite3_finalize(st[i]);
    sqlite3_close(db);
}
