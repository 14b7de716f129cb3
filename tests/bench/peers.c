/* peers.c - plain SQLite doing the same edits without keeping any history, and what the primitives give alone. */
#include "bench.h"

#include <sodium.h>
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

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL)) {
        fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
        bench_die("sqlite", NULL);
    }
}

static void upsert(sqlite3 *db, sqlite3_stmt *st[], const struct bench_edit *e)
{
    uint8_t id[16] = {0};
    char text[256];
    size_t n = e->field >> 2;
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

double bench_sqlite_rate(const struct bench *b, const struct bench_week *w, size_t count, size_t batch)
{
    char path[512];
    sqlite3 *db;
    sqlite3_stmt *st[16] = {0};
    bench_path(path, b, "plain.db");
    remove(path);
    if (sqlite3_open(path, &db))
        bench_die(path, NULL);
    sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE task (id BLOB PRIMARY KEY, title, status, lead_unit, deadline, "
            "percent, note, "
            "priority, updated_by) WITHOUT ROWID");
    double start = bench_seconds();
    for (size_t i = 0; i < count; i += batch) {
        sql(db, "BEGIN IMMEDIATE");
        for (size_t j = i; j < i + batch && j < count; j++)
            upsert(db, st, &w->edits[j % w->count]);
        sql(db, "COMMIT");
    }
    double took = bench_seconds() - start;
    for (size_t i = 0; i < 16; i++)
        sqlite3_finalize(st[i]);
    sqlite3_close(db);
    return (double)count / took;
}

double bench_verify_rate(void)
{
    uint8_t pk[32], sk[64], sig[64], text[200] = {7};
    size_t n = 0;
    crypto_sign_keypair(pk, sk);
    crypto_sign_detached(sig, NULL, text, sizeof text, sk);
    double start = bench_seconds();
    for (; n % 256 || bench_seconds() - start < 0.5; n++)
        if (crypto_sign_verify_detached(sig, text, sizeof text, pk))
            bench_die("verify", NULL);
    return (double)n / (bench_seconds() - start);
}

double bench_chain_rate(void)
{
    uint8_t text[200] = {7};
    size_t n = 0;
    double start = bench_seconds();
    for (; n % 4096 || bench_seconds() - start < 0.5; n++)
        crypto_generichash(text, 32, text, sizeof text, NULL, 0);
    return (double)n / (bench_seconds() - start);
}
