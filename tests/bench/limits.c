/* limits.c - what bounds us all: the primitives, the disk, SQLite and ZeroMQ with nothing else done, each for a fifth of a second a round.
 */
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define LONG_ENOUGH 0.2
#define ROW         200

/* ---- libsodium */

static double sign_rate(void)
{
    uint8_t pk[32], sk[64], sig[64], text[ROW] = {7};
    size_t n = 0;
    crypto_sign_keypair(pk, sk);
    double start = bench_seconds();
    for (; n % 64 || bench_seconds() - start < LONG_ENOUGH; n++)
        crypto_sign_detached(sig, NULL, text, sizeof text, sk);
    return (double)n / (bench_seconds() - start);
}

static double verify_rate(void)
{
    uint8_t pk[32], sk[64], sig[64], text[ROW] = {7};
    size_t n = 0;
    crypto_sign_keypair(pk, sk);
    crypto_sign_detached(sig, NULL, text, sizeof text, sk);
    double start = bench_work();
    for (; n % 64 || bench_work() - start < LONG_ENOUGH; n++)
        if (crypto_sign_verify_detached(sig, text, sizeof text, pk))
            bench_die("verify", NULL);
    return (double)n / (bench_work() - start);
}

static void *verify_thread(void *out)
{
    *(double *)out = verify_rate();
    return NULL;
}

static double verify_rate_two(void)
{
    double a = 0, c;
    pthread_t t;
    if (pthread_create(&t, NULL, verify_thread, &a))
        bench_die("thread", NULL);
    c = verify_rate();
    pthread_join(t, NULL);
    return a + c;
}

static double chain_rate(void)
{
    uint8_t text[ROW] = {7};
    size_t n = 0;
    double start = bench_seconds();
    for (; n % 1024 || bench_seconds() - start < LONG_ENOUGH; n++)
        crypto_generichash(text, 32, text, sizeof text, NULL, 0);
    return (double)n / (bench_seconds() - start);
}

/* ---- the disk, and SQLite on it */

static double fdatasync_rate(const struct bench *b)
{
    uint8_t text[ROW] = {7};
    char path[512];
    size_t n = 0;
    bench_path(path, b, "limit.log");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    double start = bench_seconds();
    for (; bench_seconds() - start < LONG_ENOUGH; n++)
        if (write(fd, text, sizeof text) != (ssize_t)sizeof text || fdatasync(fd))
            bench_die(path, NULL);
    double took = bench_seconds() - start;
    close(fd);
    return (double)n / took;
}

/* So many a transaction of: an insert into a log, or an upsert by (id, field) over 2,000 entities of 8 fields. */
static double sqlite_rate(const struct bench *b, const char *sql, size_t batch, size_t count)
{
    static const uint8_t text[ROW] = {7};
    struct bench_rng r = {b->seed};
    char path[512], wal[520];
    size_t n = 0;
    sqlite3 *db;
    sqlite3_stmt *st;
    bench_path(path, b, "limit.db");
    snprintf(wal, sizeof wal, "%s-wal", path);
    remove(path);
    remove(wal);
    if (sqlite3_open(path, &db))
        bench_die(path, NULL);
    bench_sqlite_do(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE log (row BLOB, a, b);"
                        "CREATE TABLE slot (id, field, value, PRIMARY KEY (id, field)) WITHOUT ROWID");
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
        bench_die(sql, NULL);
    double start = bench_work();
    while (n < count && (n % batch || bench_work() - start < LONG_ENOUGH)) {
        bench_sqlite_do(db, "BEGIN IMMEDIATE");
        for (size_t i = 0; i < batch; i++, n++) {
            sqlite3_bind_blob(st, 1, text, sizeof text, SQLITE_STATIC);
            sqlite3_bind_int64(st, 2, bench_below(&r, 2000));
            sqlite3_bind_int64(st, 3, bench_below(&r, 8));
            if (sqlite3_step(st) != SQLITE_DONE)
                bench_die("sqlite", NULL);
            sqlite3_reset(st);
        }
        bench_sqlite_do(db, "COMMIT");
    }
    double took = bench_work() - start;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return (double)n / took;
}

/* ---- ZeroMQ with CURVE over loopback */

struct curve {
    void *ctx, *server;
    char address[128], server_pk[41], pk[41], sk[41];
    size_t size, count;
};

static void must(int rc, const char *what)
{
    if (rc < 0)
        bench_die(what, NULL);
}

static void curve_open(struct curve *c, int type)
{
    char secret[41];
    size_t len = sizeof c->address;
    int one = 1, zero = 0;
    c->ctx = zmq_ctx_new();
    c->server = zmq_socket(c->ctx, type);
    must(zmq_curve_keypair(c->server_pk, secret), "curve");
    must(zmq_curve_keypair(c->pk, c->sk), "curve");
    must(zmq_setsockopt(c->server, ZMQ_CURVE_SERVER, &one, sizeof one), "curve");
    must(zmq_setsockopt(c->server, ZMQ_CURVE_SECRETKEY, secret, 41), "curve");
    must(zmq_setsockopt(c->server, ZMQ_LINGER, &zero, sizeof zero), "curve");
    must(zmq_bind(c->server, "tcp://127.0.0.1:*"), "bind");
    must(zmq_getsockopt(c->server, ZMQ_LAST_ENDPOINT, c->address, &len), "bind");
}

static void *curve_connect(struct curve *c, int type)
{
    void *s = zmq_socket(c->ctx, type);
    must(zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, c->server_pk, 41), "curve");
    must(zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, c->pk, 41), "curve");
    must(zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, c->sk, 41), "curve");
    must(zmq_connect(s, c->address), "connect");
    return s;
}

static void *push(void *ctx)
{
    struct curve *c = ctx;
    void *s = curve_connect(c, ZMQ_PUSH), *text = calloc(1, c->size);
    for (size_t i = 0; text && i <= c->count; i++)
        must(zmq_send(s, text, c->size, 0), "send");
    free(text);
    zmq_close(s);
    return NULL;
}

/* Messages a second, the first one not counted: it waits for the handshake. */
static double curve_rate(size_t size, size_t count)
{
    struct curve c = {.size = size, .count = count};
    pthread_t t;
    zmq_msg_t m;
    double start = 0;
    curve_open(&c, ZMQ_PULL);
    if (pthread_create(&t, NULL, push, &c))
        bench_die("thread", NULL);
    zmq_msg_init(&m);
    for (size_t i = 0; i <= count; i++) {
        must(zmq_msg_recv(&m, c.server, 0), "recv");
        start = i ? start : bench_seconds();
    }
    double took = bench_seconds() - start;
    zmq_msg_close(&m);
    pthread_join(t, NULL);
    zmq_close(c.server);
    zmq_ctx_term(c.ctx);
    return (double)count / took;
}

static void *echo(void *ctx)
{
    struct curve *c = ctx;
    zmq_msg_t m;
    int more = 1;
    size_t len = sizeof more;
    zmq_msg_init(&m);
    for (size_t left = c->count; left;) { /* the sender's name, then its word */
        must(zmq_msg_recv(&m, c->server, 0), "recv");
        must(zmq_getsockopt(c->server, ZMQ_RCVMORE, &more, &len), "recv");
        must(zmq_msg_send(&m, c->server, more ? ZMQ_SNDMORE : 0), "send");
        left -= more ? 0 : 1;
    }
    zmq_msg_close(&m);
    return NULL;
}

#define TRIPS 64
static void round_trips(double *warm_ms, double *cold_ms)
{
    struct curve c = {.count = 2 * TRIPS};
    double warm[TRIPS], cold[TRIPS];
    char word[64] = {7};
    pthread_t t;
    curve_open(&c, ZMQ_ROUTER);
    if (pthread_create(&t, NULL, echo, &c))
        bench_die("thread", NULL);
    for (int i = 0; i < TRIPS; i++) {
        double start = bench_seconds();
        void *s = curve_connect(&c, ZMQ_DEALER);
        for (int k = 0; k < 2; k++) {
            must(zmq_send(s, word, sizeof word, 0), "send");
            must(zmq_recv(s, word, sizeof word, 0), "recv");
            *(k ? &warm[i] : &cold[i]) = (bench_seconds() - start) * 1e3;
            start = bench_seconds();
        }
        zmq_close(s);
    }
    pthread_join(t, NULL);
    zmq_close(c.server);
    zmq_ctx_term(c.ctx);
    *warm_ms = bench_median(warm, TRIPS);
    *cold_ms = bench_median(cold, TRIPS);
}

void bench_limits(struct bench *b)
{
    static const char *const insert = "INSERT INTO log VALUES (?1, ?2, ?3)";
    static const char *const upsert = "INSERT INTO slot VALUES (?2, ?3, ?1) ON CONFLICT (id, field) DO UPDATE SET value = excluded.value";
    double warm, cold;
    bench_sample(b, "limit: Ed25519 sign", BENCH_COMMIT, sign_rate());
    bench_sample(b, "limit: SQLite, a row a commit, FULL", BENCH_COMMIT, sqlite_rate(b, insert, 1, SIZE_MAX));
    bench_sample(b, "limit: 200 B and fdatasync", BENCH_COMMIT, fdatasync_rate(b));
    bench_sample(b, "limit: Ed25519 verify, one core", BENCH_INGEST, verify_rate());
    bench_sample(b, "limit: Ed25519 verify, two threads", BENCH_INGEST, verify_rate_two());
    bench_sample(b, "limit: BLAKE2b-256 chained, 200 B", BENCH_INGEST, chain_rate());
    bench_sample(b, "limit: SQLite insert, 10,000 a commit", BENCH_INGEST, sqlite_rate(b, insert, 10000, 100000));
    bench_sample(b, "limit: SQLite upsert, 10,000 a commit", BENCH_INGEST, sqlite_rate(b, upsert, 10000, 100000));
    bench_sample(b, "limit: CURVE, 200 B messages", BENCH_INGEST, curve_rate(ROW, 100000));
    bench_sample(b, "limit: CURVE, 64 KiB frames", BENCH_WIRE, curve_rate(65536, 2000) * 65536 / 1e6);
    round_trips(&warm, &cold);
    bench_sample(b, "limit: CURVE round trip, warm", BENCH_NOOP_MS, warm);
    bench_sample(b, "limit: CURVE, connecting and a trip", BENCH_NOOP_MS, cold);
}
