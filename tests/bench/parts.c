/* parts.c - what runs in a process of its own, so that its memory is its own and the peer is really another one. */
#include "bench.h"
#include "replica/ingest.h"
#include "replica/stream.h"
#include "replica/talk.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000

static void say(const char *name, double value)
{
    printf("%s %.9g\n", name, value);
    fflush(stdout);
}

static void fine(int rc, const char *what, const struct ward_error *err)
{
    if (rc)
        bench_die(what, err);
}

static void say_memory(double base)
{
    double peak;
    bench_memory(&peak);
    say("peak", peak);
    say("above", peak - base);
}

static void ingest_frame(struct ward_apply *a, const uint8_t *p, size_t len, double *changes)
{
    struct ward_error err = {0};
    struct ward_message m;
    struct ward_ingested done;
    fine(ward_frame_parse(&m, p, len, &err), "frame", &err);
    fine(ward_ingest_run(a, &m.run, &done, &err), "ingest", &err);
    *changes += done.applied;
}

/* ---- the hub takes in what the cells wrote: file of (unit, frames ..., 0), each frame with its length before it */

struct letter {
    uint8_t frame[WARD_FRAME_MAX];
    uint32_t len;
    bool opens, closes; /* the first of a cell, the last */
};

/* The next frame, its reading begun; its circle is made known. */
static bool next_letter(ward_replica *r, FILE *f, struct letter *l, bool opens)
{
    struct ward_id unit;
    struct ward_hash space;
    struct ward_message m;
    uint32_t more;
    l->opens = opens;
    if (opens) {
        if (fread(&unit, sizeof unit, 1, f) != 1)
            return false;
        fine(ward_replica_know_circle(r, &unit, 1, &space), "circle", NULL);
    }
    if (fread(&l->len, sizeof l->len, 1, f) != 1 || l->len > sizeof l->frame || fread(l->frame, 1, l->len, f) != l->len ||
        fread(&more, sizeof more, 1, f) != 1 || ward_frame_parse(&m, l->frame, l->len, NULL))
        bench_die("frames", NULL);
    l->closes = more == 0;
    if (more)
        fseek(f, -(long)sizeof more, SEEK_CUR);
    ward_ingest_ahead(r, &m.run);
    return true;
}

/* As many as are read ahead wait in memory, as they would for their turn. */
static int part_ingest(struct bench_ward *w, char **arg, double base)
{
    static struct letter letters[WARD_AHEAD_RUNS];
    struct ward_error err = {0};
    struct ward_apply a;
    double changes = 0, bytes = 0, start = bench_work();
    ward_replica *r = bench_open(w, arg[0]);
    FILE *f = fopen(arg[1], "rb");
    say("open_ms", (bench_work() - start) * 1e3);
    double cpu = bench_cpu_seconds();
    bool more = f != NULL, opens = true;
    start = bench_work();
    for (size_t came = 0, taken = 0; more || taken < came; taken++) {
        for (; more && came - taken < WARD_AHEAD_RUNS; came += more) {
            more = next_letter(r, f, &letters[came % WARD_AHEAD_RUNS], opens);
            opens = letters[came % WARD_AHEAD_RUNS].closes;
        }
        if (taken == came)
            break;
        const struct letter *l = &letters[taken % WARD_AHEAD_RUNS];
        if (l->opens)
            fine(ward_apply_begin(&a, r, &err), "begin", &err);
        ingest_frame(&a, l->frame, l->len, &changes);
        bytes += l->len;
        if (l->closes)
            fine(ward_apply_end(&a, 0, &err), "commit", &err);
    }
    say("seconds", bench_work() - start);
    say("cpu_seconds", bench_cpu_seconds() - cpu);
    say("changes", changes);
    say("bytes", bytes);
    if (f)
        fclose(f);
    say_memory(base);
    ward_close(r);
    return 0;
}

/* ---- a new operator's replica takes in all that the hub holds, in batches like a link's */

static void know_spaces(ward_replica *hub, ward_replica *r, struct ward_stream *s)
{
    struct ward_hash space;
    for (size_t i = 0; i < hub->dir.space_count; i++) {
        const struct ward_space *sp = &hub->dir.spaces[i];
        if (sp->circle_count)
            fine(ward_replica_know_circle(r, sp->circle, sp->circle_count, &space), "circle", NULL);
    }
    for (size_t i = 0; i < hub->dir.feed_count; i++) {
        const struct ward_feed *f = &hub->dir.feeds[i];
        if (ward_directory_space(&hub->dir, f->sid)->circle_count == 0)
            fine(ward_vv_raise(&s->have, &hub->env, f->fid, f->head_seq), "heads", NULL);
    }
}

static int part_clone(struct bench_ward *w, char **arg, double base)
{
    struct ward_error err = {0};
    struct ward_stream s;
    struct ward_streamed run;
    struct ward_apply a;
    struct ward_buf frame;
    struct ward_status here, there;
    double changes = 0, bytes = 0, runs = 0;
    bool got = true, open = false;
    ward_replica *hub = bench_open(w, arg[0]), *r = bench_open(w, arg[1]);
    ward_buf_init(&frame, &w->env);
    ward_stream_init(&s, hub, ward_replica_grant(r));
    know_spaces(hub, r, &s);
    double start = bench_work();
    fine(ward_stream_seek(&s, &err), "stream", &err);
    while (got) {
        fine(ward_stream_next(&s, &frame, &run, &got, &err), "stream", &err);
        if (got && !open)
            fine(ward_apply_begin(&a, r, &err), "begin", &err);
        open |= got;
        if (got) {
            ingest_frame(&a, frame.p, frame.len, &changes);
            bytes += (double)frame.len;
            runs++;
        }
        if (open && (!got || (unsigned)runs % WARD_WINDOW == 0)) {
            fine(ward_apply_end(&a, 0, &err), "commit", &err);
            open = false;
        }
    }
    say("seconds", bench_work() - start);
    say("changes", changes);
    say("bytes", bytes);
    say("runs", runs);
    fine(ward_status(hub, &there, &err), "status", &err);
    fine(ward_status(r, &here, &err), "status", &err);
    say("equal", memcmp(&here.digest, &there.digest, sizeof here.digest) == 0);
    say_memory(base);
    ward_stream_free(&s);
    ward_buf_free(&frame);
    ward_close(r);
    ward_close(hub);
    return 0;
}

/* ---- a hub that listens until its standard input ends */

static void on_serve(void *ctx, const struct ward_event *e)
{
    (void)ctx;
    if (e->type == WARD_EVENT_LISTENING) {
        printf("listening %s\n", e->text);
        fflush(stdout);
    }
}

static int part_serve(struct bench_ward *w, char **arg, double base)
{
    static const char *const listen[] = {"tcp://127.0.0.1:0"};
    struct ward_error err = {0};
    struct ward_serve_options o = {.listen = listen, .listen_count = 1, .on_event = on_serve};
    struct pollfd in = {.fd = 0, .events = POLLIN};
    ward_server *server;
    mallopt(M_MMAP_THRESHOLD, 16384); /* as the program does, and for its reason: cli/cmd_serve.c */
    ward_replica *r = bench_open(w, arg[0]);
    fine(ward_serve_open(r, &o, &server, &err), "serve", &err);
    double start = bench_work();
    while (poll(&in, 1, 0) == 0)
        fine(ward_serve_step(server, 50, &err), "serve", &err);
    say("served", bench_work() - start);
    ward_serve_close(server);
    say("cpu_seconds", bench_cpu_seconds());
    say_memory(base);
    ward_close(r);
    return 0;
}

/* ---- the other end: a first round, then rounds with nothing new, then rounds with one change each */

static int first_task(void *ctx, const ward_record *rec)
{
    *(struct ward_id *)ctx = *ward_record_id(rec);
    return 1;
}

static void one_edit(struct bench_ward *w, ward_replica *r, int percent)
{
    struct ward_error err = {0};
    struct ward_id id;
    struct ward_hash space;
    struct ward_value v = ward_value_int(percent);
    ward_txn *t;
    w->now_ms += 60000;
    if (ward_each(r, BENCH_KIND_TASK, first_task, &id, &err) != 1)
        bench_die("no task", &err);
    fine(ward_space_of_record(r, &space, BENCH_KIND_TASK, &id, &err), "space", &err);
    fine(ward_begin(r, &t, &err), "edit", &err);
    fine(ward_put(t, &space, BENCH_KIND_TASK, &id, BENCH_PERCENT, NULL, 0, &v, &err), "edit", &err);
    fine(ward_commit(t, NULL, &err), "edit", &err);
}

static void round_with(ward_replica *r, const char *address, bool history, struct ward_sync_result *out, double *ms)
{
    struct ward_error err = {0};
    struct ward_hash hub = bench_hub_grant(r)->id;
    struct ward_sync_options o = {.address = address, .device = &hub, .history = history};
    double start = bench_seconds();
    fine(ward_sync(r, &o, out, &err), "sync", &err);
    *ms = (bench_seconds() - start) * 1e3;
}

static void round_of(ward_replica *r, const char *address, struct ward_sync_result *out, double *ms)
{
    round_with(r, address, true, out, ms);
}

static void first_round(ward_replica *r, const char *address, bool history)
{
    struct ward_sync_result x;
    double ms;
    round_with(r, address, history, &x, &ms);
    say("first_ms", ms);
    say("first_in", (double)x.bytes_in);
    say("first_out", (double)x.bytes_out);
    say("first_moved", (double)(x.received + x.sent));
}

#define ROUNDS 9
static void say_rounds(const char *what, double *ms, const struct ward_sync_result *x)
{
    char name[64];
    snprintf(name, sizeof name, "%s_ms", what);
    say(name, bench_median(ms, ROUNDS));
    snprintf(name, sizeof name, "%s_out", what);
    say(name, (double)x->bytes_out);
    snprintf(name, sizeof name, "%s_in", what);
    say(name, (double)x->bytes_in);
    snprintf(name, sizeof name, "%s_moved", what);
    say(name, (double)(x->sent + x->received));
}

static int part_sync(struct bench_ward *w, char **arg, double base)
{
    struct ward_sync_result x;
    double ms[ROUNDS];
    w->now_ms += 7 * 24 * HOUR_MS;
    ward_replica *r = bench_open(w, arg[0]);
    first_round(r, arg[1], true);
    for (int i = 0; i < ROUNDS; i++)
        round_of(r, arg[1], &x, &ms[i]);
    say_rounds("noop", ms, &x);
    for (int i = 0; i < ROUNDS; i++) {
        one_edit(w, r, i);
        round_of(r, arg[1], &x, &ms[i]);
    }
    say_rounds("one", ms, &x);
    say_memory(base);
    ward_close(r);
    return 0;
}

/* The first copy as a new device gets it: spaces as their state where that saves half. */
static int part_snapshot(struct bench_ward *w, char **arg, double base)
{
    w->now_ms += 7 * 24 * HOUR_MS;
    ward_replica *r = bench_open(w, arg[0]);
    first_round(r, arg[1], false);
    say_memory(base);
    ward_close(r);
    return 0;
}

/* ---- a week on one laptop */

static int part_laptop(struct bench_ward *w, char **arg, double base)
{
    struct bench_week week;
    struct ward_hash space;
    struct ward_sync_result x;
    struct ward_id *ids = calloc(100, sizeof *ids);
    double ms;
    ward_replica *r = bench_open(w, arg[0]);
    bench_own_space(r, &space);
    if (!ids || bench_week_make(&week, 99, 0, 100, 10))
        bench_die("memory", NULL);
    for (size_t i = 0; i < week.count; i++)
        bench_commit(w, r, &space, &week, i, 1, ids);
    round_of(r, arg[1], &x, &ms);
    say("ms", ms);
    say("sent", (double)x.sent);
    say_memory(base);
    bench_week_free(&week);
    free(ids);
    ward_close(r);
    return 0;
}

/* ---- many laptops at once: arg[0] is COUNT:PATH, their homes are PATH0, PATH1 ... */

struct laptop {
    struct bench_ward w;
    ward_replica *r;
    const char *address;
    pthread_barrier_t *together;
    pthread_t thread;
    double sent;
};

static void *laptop_syncs(void *arg)
{
    struct laptop *l = arg;
    struct ward_sync_result x;
    double ms;
    pthread_barrier_wait(l->together);
    round_of(l->r, l->address, &x, &ms);
    l->sent = (double)x.sent;
    return NULL;
}

static int part_crowd(struct bench_ward *w, char **arg, double base)
{
    char *prefix, path[600];
    unsigned n = (unsigned)strtoul(arg[0], &prefix, 10);
    struct laptop *l = calloc(n, sizeof *l);
    pthread_barrier_t together;
    pthread_barrier_init(&together, NULL, n + 1);
    for (unsigned i = 0; l && i < n; i++) {
        snprintf(path, sizeof path, "%s%u", prefix + 1, i);
        bench_ward_init(&l[i].w, w->rng.s + i);
        l[i].w.now_ms += 7 * 24 * HOUR_MS;
        l[i].address = arg[1];
        l[i].together = &together;
        l[i].r = bench_open(&l[i].w, path);
        if (pthread_create(&l[i].thread, NULL, laptop_syncs, &l[i]))
            bench_die("thread", NULL);
    }
    pthread_barrier_wait(&together);
    double start = bench_seconds(), cpu = bench_cpu_seconds(), sent = 0;
    for (unsigned i = 0; l && i < n; i++) {
        pthread_join(l[i].thread, NULL);
        sent += l[i].sent;
    }
    say("seconds", bench_seconds() - start);
    say("cpu_seconds", bench_cpu_seconds() - cpu);
    say("sent", sent);
    say_memory(base);
    for (unsigned i = 0; l && i < n; i++)
        ward_close(l[i].r);
    pthread_barrier_destroy(&together);
    free(l);
    return 0;
}

int bench_part(const char *part, int argc, char **argv, uint64_t seed)
{
    static const struct {
        const char *name;
        int (*run)(struct bench_ward *w, char **arg, double base);
    } parts[] = {{"ingest", part_ingest},   {"ingest-alone", part_ingest}, {"clone", part_clone},      {"serve", part_serve},
                 {"sync", part_sync},       {"snapshot", part_snapshot},   {"laptop", part_laptop},    {"crowd", part_crowd},
                 {"open", bench_part_open}, {"edits", bench_part_edits},   {"state", bench_part_state}};
    struct ward_helper *helper = NULL;
    struct bench_ward w;
    double base;
    if (argc >= 2 && strcmp(part, "session") == 0)
        return bench_session_part(argv);
    bench_memory(&base);
    uint64_t mixed = seed * 31;
    for (const char *p = part; *p; p++)
        mixed = mixed * 131 + (uint8_t)*p;
    for (const char *p = argc ? argv[0] : ""; *p; p++) /* no two homes may draw the same ids */
        mixed = mixed * 131 + (uint8_t)*p;
    bench_ward_init(&w, mixed);
    if (strcmp(part, "ingest-alone") != 0)
        fine(ward_helper_open(&helper, NULL), "helper", NULL);
    w.options.helper = helper;
    int code = 2;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (argc >= 2 && strcmp(parts[i].name, part) == 0)
            code = parts[i].run(&w, argv, base);
    ward_helper_close(helper);
    return code;
}
