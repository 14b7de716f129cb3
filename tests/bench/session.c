/* session.c - SQLite's session extension as a peer: changesets recorded on the laptop, applied at the hub and kept there for others to
 * fetch past a cursor. One changeset an edit keeps the history; one net changeset of the whole week does not. Nothing is signed, and the
 * last write wins without a word. */
#define SQLITE_ENABLE_SESSION        1 /* Debian's library has both; the header declares them only so */
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include "bench.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define CURSOR_BYTES 8
#define ROUNDS       9
#define COPY_BATCH   1000

struct peer {
    sqlite3 *db;
    sqlite3_stmt *upsert[16], *log, *read;
    sqlite3_session *session;
};

static void fine(int rc, const char *what)
{
    if (rc)
        bench_die(what, NULL);
}

static void peer_open(struct peer *p, const char *path)
{
    char wal[600];
    *p = (struct peer){0};
    if (path[0] != ':') {
        snprintf(wal, sizeof wal, "%s-wal", path);
        remove(path);
        remove(wal);
    }
    p->db = bench_sqlite_open(path);
    bench_sqlite_do(p->db, "CREATE TABLE log (seq INTEGER PRIMARY KEY, changes BLOB)");
    fine(sqlite3_prepare_v2(p->db, "INSERT INTO log (changes) VALUES (?1)", -1, &p->log, NULL), "session");
    fine(sqlite3_prepare_v2(p->db, "SELECT changes FROM log WHERE seq > ?1 ORDER BY seq", -1, &p->read, NULL), "session");
}

static void peer_close(struct peer *p)
{
    for (size_t i = 0; i < 16; i++)
        sqlite3_finalize(p->upsert[i]);
    sqlite3_finalize(p->log);
    sqlite3_finalize(p->read);
    sqlite3_close(p->db);
}

static void record(struct peer *p)
{
    fine(sqlite3session_create(p->db, "main", &p->session), "session");
    fine(sqlite3session_attach(p->session, "task"), "session");
}

static void *recorded(struct peer *p, int *len)
{
    void *changes;
    fine(sqlite3session_changeset(p->session, len, &changes), "changeset");
    sqlite3session_delete(p->session);
    p->session = NULL;
    return changes;
}

static void keep(struct peer *p, const void *changes, int len)
{
    sqlite3_bind_blob(p->log, 1, changes, len, SQLITE_STATIC);
    if (sqlite3_step(p->log) != SQLITE_DONE)
        bench_die("session", NULL);
    sqlite3_reset(p->log);
}

static int last_wins(void *ctx, int conflict, sqlite3_changeset_iter *at)
{
    (void)ctx, (void)at;
    return conflict == SQLITE_CHANGESET_DATA || conflict == SQLITE_CHANGESET_CONFLICT ? SQLITE_CHANGESET_REPLACE : SQLITE_CHANGESET_OMIT;
}

static void take_in(struct peer *p, void *changes, int len)
{
    fine(sqlite3changeset_apply(p->db, len, changes, NULL, last_wins, NULL), "apply");
    keep(p, changes, len);
}

/* Free with sqlite3_free. */
static void *edit_recorded(struct peer *p, unsigned cell, const struct bench_edit *e, int *len)
{
    record(p);
    bench_sqlite_upsert(p->db, p->upsert, cell, e);
    return recorded(p, len);
}

/* ---- writing on a laptop */

static double write_rate(const struct bench *b, const struct bench_week *w, size_t batch, bool net)
{
    struct peer p;
    char path[512];
    int len;
    void *changes;
    bench_path(path, b, "session.db");
    peer_open(&p, path);
    double start = bench_work();
    if (net)
        record(&p);
    for (size_t i = 0; i < w->count; i += batch) {
        bench_sqlite_do(p.db, "BEGIN IMMEDIATE");
        for (size_t j = i; j < i + batch && j < w->count; j++)
            if (net)
                bench_sqlite_upsert(p.db, p.upsert, 0, &w->edits[j]);
            else {
                changes = edit_recorded(&p, 0, &w->edits[j], &len);
                keep(&p, changes, len);
                sqlite3_free(changes);
            }
        bench_sqlite_do(p.db, "COMMIT");
    }
    if (net) {
        changes = recorded(&p, &len);
        keep(&p, changes, len);
        sqlite3_free(changes);
    }
    double took = bench_work() - start;
    peer_close(&p);
    return (double)w->count / took;
}

void bench_session_write(struct bench *b, const struct bench_week *w, size_t batch)
{
    enum bench_measure m = batch > 1 ? BENCH_BATCH : BENCH_COMMIT;
    bench_sample(b, SESSION_EDITS, m, write_rate(b, w, batch, false));
    bench_sample(b, SESSION_NET, m, write_rate(b, w, batch, true));
}

/* ---- what the cells send: a file of (length, changeset) ..., a length of 0 after each cell */

static void put(FILE *f, const void *changes, int len)
{
    if (fwrite(&len, sizeof len, 1, f) != 1 || (len && fwrite(changes, 1, (size_t)len, f) != (size_t)len))
        bench_die("changesets", NULL);
}

static void send_week(const struct bench_week *w, unsigned cell, bool net, FILE *f)
{
    struct peer p;
    void *changes;
    int len;
    peer_open(&p, ":memory:");
    if (net)
        record(&p);
    for (size_t i = 0; i < w->count; i++)
        if (net)
            bench_sqlite_upsert(p.db, p.upsert, cell, &w->edits[i]);
        else {
            changes = edit_recorded(&p, cell, &w->edits[i], &len);
            put(f, changes, len);
            sqlite3_free(changes);
        }
    if (net) {
        changes = recorded(&p, &len);
        put(f, changes, len);
        sqlite3_free(changes);
    }
    put(f, NULL, 0);
    peer_close(&p);
}

void bench_session_prepare(struct bench *b)
{
    const struct bench_scale *s = &b->scale[b->at];
    for (int net = 0; net < 2; net++) {
        char path[512];
        bench_path(path, b, net ? "changesets-net" : "changesets");
        FILE *f = fopen(path, "wb");
        for (unsigned i = 0; f && i < s->cells; i++) {
            struct bench_week week;
            if (bench_week_make(&week, b->seed, i, s->tasks, s->edits))
                bench_die("week", NULL);
            send_week(&week, i, net, f);
            bench_week_free(&week);
        }
        if (!f || fclose(f))
            bench_die(path, NULL);
    }
}

/* ---- the hub, in a process of its own */

static void say(const char *name, double value)
{
    printf("%s %.9g\n", name, value);
}

static void ingest(struct peer *hub, const char *path)
{
    static uint8_t buf[1 << 20];
    FILE *f = fopen(path, "rb");
    int len;
    double start = bench_work();
    while (f && fread(&len, sizeof len, 1, f) == 1) {
        bench_sqlite_do(hub->db, "BEGIN IMMEDIATE");
        for (; len > 0; len = fread(&len, sizeof len, 1, f) == 1 ? len : 0) {
            if ((size_t)len > sizeof buf || fread(buf, 1, (size_t)len, f) != (size_t)len)
                bench_die(path, NULL);
            take_in(hub, buf, len);
        }
        bench_sqlite_do(hub->db, "COMMIT");
    }
    say("ingest_s", bench_work() - start);
    if (f)
        fclose(f);
}

/* All that the hub has past the cursor; returns how many bytes, which out (if not NULL) gets end to end. */
static size_t fetch(struct peer *hub, struct peer *to, sqlite3_int64 after, uint8_t *out)
{
    size_t bytes = 0, n = 0;
    sqlite3_bind_int64(hub->read, 1, after);
    bench_sqlite_do(to->db, "BEGIN IMMEDIATE");
    while (sqlite3_step(hub->read) == SQLITE_ROW) {
        int len = sqlite3_column_bytes(hub->read, 0);
        void *changes = (void *)sqlite3_column_blob(hub->read, 0);
        take_in(to, changes, len);
        if (out)
            memcpy(out + bytes, changes, (size_t)len);
        bytes += (size_t)len;
        if (++n % COPY_BATCH == 0)
            bench_sqlite_do(to->db, "COMMIT; BEGIN IMMEDIATE");
    }
    bench_sqlite_do(to->db, "COMMIT");
    sqlite3_reset(hub->read);
    return bytes;
}

static void first_copy(struct peer *hub, struct peer *to, size_t most)
{
    uint8_t *all = malloc(most + 1), *packed = malloc(ZSTD_compressBound(most));
    if (!all || !packed)
        bench_die("memory", NULL);
    double start = bench_work();
    size_t bytes = fetch(hub, to, 0, all);
    say("copy_s", bench_work() - start);
    say("copy_b", (double)bytes);
    say("copy_zstd", (double)ZSTD_compress(packed, ZSTD_compressBound(most), all, bytes, 3));
    free(all);
    free(packed);
}

static void small_syncs(struct peer *hub, struct peer *to)
{
    double noop[ROUNDS], one[ROUNDS], bytes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        const struct bench_edit e = {.task = 0, .field = BENCH_PERCENT, .value = ward_value_int(i)};
        int len;
        double start = bench_seconds();
        fetch(hub, to, INT64_MAX, NULL);
        noop[i] = (bench_seconds() - start) * 1e3;
        start = bench_seconds();
        bench_sqlite_do(to->db, "BEGIN IMMEDIATE");
        void *changes = edit_recorded(to, 0, &e, &len);
        keep(to, changes, len);
        bench_sqlite_do(to->db, "COMMIT");
        bench_sqlite_do(hub->db, "BEGIN IMMEDIATE");
        take_in(hub, changes, len);
        bench_sqlite_do(hub->db, "COMMIT");
        one[i] = (bench_seconds() - start) * 1e3;
        bytes = len + CURSOR_BYTES;
        sqlite3_free(changes);
    }
    say("noop_b", CURSOR_BYTES);
    say("noop_ms", bench_median(noop, ROUNDS));
    say("one_b", bytes);
    say("one_ms", bench_median(one, ROUNDS));
}

int bench_session_part(char **arg)
{
    struct peer hub, to;
    char path[600];
    double base, peak, size;
    bench_memory(&base);
    peer_open(&hub, arg[0]);
    ingest(&hub, arg[1]);
    bench_memory(&peak);
    say("peak", peak);
    say("above", peak - base);
    bench_sqlite_do(hub.db, "PRAGMA wal_checkpoint(TRUNCATE)");
    size = bench_file_mb(arg[0]) * 1e6;
    say("file_b", size);
    snprintf(path, sizeof path, "%s-copy", arg[0]);
    peer_open(&to, path);
    first_copy(&hub, &to, (size_t)size);
    small_syncs(&hub, &to);
    peer_close(&to);
    peer_close(&hub);
    return 0;
}

void bench_session_hub(struct bench *b)
{
    const struct bench_scale *s = &b->scale[b->at];
    for (int net = 0; net < 2; net++) {
        const char *who = net ? SESSION_NET : SESSION_EDITS;
        char hub[512], changesets[512];
        struct bench_answers a;
        bench_path(hub, b, "session-hub.db");
        bench_path(changesets, b, net ? "changesets-net" : "changesets");
        bench_run_part(b, &a, "session", hub, changesets);
        bench_sample(b, who, BENCH_INGEST, (double)s->cells * s->tasks * s->edits / bench_answer(&a, "ingest_s"));
        bench_sample(b, who, BENCH_PEAK, bench_answer(&a, "peak"));
        bench_sample(b, who, BENCH_ABOVE, bench_answer(&a, "above"));
        bench_sample(b, who, BENCH_FILE_MB, bench_answer(&a, "file_b") / 1e6);
        bench_sample(b, who, BENCH_COPY_S, bench_answer(&a, "copy_s"));
        bench_sample(b, who, BENCH_COPY_MB, bench_answer(&a, "copy_b") / 1e6);
        bench_sample(b, who, BENCH_COPY_ZSTD, bench_answer(&a, "copy_zstd") / 1e6);
        bench_sample(b, who, BENCH_NOOP_B, bench_answer(&a, "noop_b"));
        bench_sample(b, who, BENCH_NOOP_MS, bench_answer(&a, "noop_ms"));
        bench_sample(b, who, BENCH_ONE_B, bench_answer(&a, "one_b"));
        bench_sample(b, who, BENCH_ONE_MS, bench_answer(&a, "one_ms"));
    }
}
