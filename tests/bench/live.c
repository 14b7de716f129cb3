/* live.c - changes that come one by one: what each takes in the log, and how long its commit lasts, on a cell that works alone and at a hub
 * to which all cells push in turns. */
#include "bench.h"
#include "replica/ingest.h"
#include "replica/stream.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct frames { /* each with its length before it */
    uint8_t *p;
    size_t len, cap, at;
};

static void keep(struct frames *f, const struct ward_buf *frame)
{
    uint32_t len = (uint32_t)frame->len;
    if (f->len + sizeof len + len > f->cap) {
        f->cap = (f->cap + len) * 2 + 4096;
        f->p = realloc(f->p, f->cap);
    }
    if (!f->p)
        bench_die("memory", NULL);
    memcpy(f->p + f->len, &len, sizeof len);
    memcpy(f->p + f->len + sizeof len, frame->p, len);
    f->len += sizeof len + len;
}

/* Pages of the log and its index, and its rows. */
static double log_bytes(const struct bench *b, const char *home, double *segments)
{
    char path[600];
    double bytes = 0;
    sqlite3_stmt *st;
    bench_path(path, b, home);
    strcat(path, "/replica.db");
    sqlite3 *db = bench_sqlite_open(path);
    if (sqlite3_prepare_v2(db, "SELECT sum(pgsize), (SELECT count(*) FROM ward_segment) FROM dbstat WHERE name GLOB 'ward_segment*'", -1,
                           &st, NULL) ||
        sqlite3_step(st) != SQLITE_ROW)
        bench_die(sqlite3_errmsg(db), NULL);
    bytes = sqlite3_column_double(st, 0);
    *segments = sqlite3_column_double(st, 1);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return bytes;
}

/* How long each took, by the clock and of the processor. */
struct times {
    double *us, *cpu_us;
    size_t n;
    double start, cpu_start;
};

static void times_init(struct times *t, size_t most)
{
    *t = (struct times){.us = calloc(most + 1, sizeof *t->us), .cpu_us = calloc(most + 1, sizeof *t->cpu_us)};
    bench_expect(t->us && t->cpu_us, "memory");
}

static void times_free(struct times *t)
{
    free(t->us);
    free(t->cpu_us);
}

static void begin(struct times *t)
{
    t->start = bench_seconds();
    t->cpu_start = bench_cpu_seconds();
}

static void end(struct times *t)
{
    t->cpu_us[t->n] = (bench_cpu_seconds() - t->cpu_start) * 1e6;
    t->us[t->n++] = (bench_seconds() - t->start) * 1e6;
}

static void tell_times(const char *what, double *us, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += us[i];
    const double p50 = bench_median(us, n); /* and sorted now */
    printf("; %s, us: mean %.0f, p50 %.0f, p99 %.0f, p99.9 %.0f", what, sum / (double)n, p50, us[n * 99 / 100], us[n * 999 / 1000]);
}

static void tell(const struct bench *b, const char *what, const char *home, struct times *t)
{
    double segments, bytes = log_bytes(b, home, &segments);
    printf("%s: %zu changes, log %.1f B a change in %.0f segments", what, t->n, bytes / (double)t->n, segments);
    tell_times("a commit", t->us, t->n);
    tell_times("of the processor", t->cpu_us, t->n);
    printf("\n");
    fflush(stdout);
}

static void work_alone(struct bench *b, struct bench_ward *w, unsigned changes)
{
    char path[512];
    struct bench_week week;
    struct ward_hash space;
    bench_path(path, b, "xcommit");
    if (bench_week_make(&week, b->seed, 7000, changes / 10, 10))
        bench_die("week", NULL);
    struct ward_id *ids = calloc(changes / 10 + 1, sizeof *ids);
    struct times times;
    times_init(&times, week.count);
    ward_replica *r = bench_open(w, path);
    bench_own_space(r, &space);
    for (size_t i = 0; i < week.count; i++) {
        begin(&times);
        bench_commit(w, r, &space, &week, i, 1, ids);
        end(&times);
    }
    ward_close(r);
    tell(b, "a cell alone", "xcommit", &times);
    free(ids);
    times_free(&times);
    bench_week_free(&week);
}

/* A cell's week, each change as the run in which it is pushed. */
static void write_week(struct bench *b, struct bench_ward *w, unsigned i, struct frames *out, struct ward_id *unit)
{
    const struct bench_scale *s = &b->scale[b->at];
    struct ward_error err = {0};
    char name[16], path[512];
    struct bench_week week;
    struct ward_hash space;
    struct ward_stream stream;
    struct ward_streamed run;
    struct ward_buf frame;
    snprintf(name, sizeof name, "c%u", i);
    bench_path(path, b, name);
    if (bench_week_make(&week, b->seed, i, s->tasks, s->edits))
        bench_die("week", NULL);
    struct ward_id *ids = calloc(s->tasks + 1, sizeof *ids);
    ward_replica *r = bench_open(w, path);
    bench_own_space(r, &space);
    *unit = ward_replica_grant(r)->unit;
    ward_buf_init(&frame, &w->env);
    ward_stream_init(&stream, r, bench_hub_grant(r));
    for (size_t k = 0; k < r->dir.feed_count; k++)
        if (ward_vv_raise(&stream.have, &r->env, r->dir.feeds[k].fid, r->dir.feeds[k].head_seq))
            bench_die("memory", NULL);
    for (size_t k = 0; k < week.count; k++) {
        bool got;
        bench_commit(w, r, &space, &week, k, 1, ids);
        if (ward_stream_seek(&stream, &err) || ward_stream_next(&stream, &frame, &run, &got, &err))
            bench_die("stream", &err);
        bench_expect(got && run.count == 1, "a change did not go out by itself");
        keep(out, &frame);
    }
    ward_stream_free(&stream);
    ward_buf_free(&frame);
    ward_close(r);
    free(ids);
    bench_week_free(&week);
}

static void take_next(ward_replica *r, struct frames *f)
{
    struct ward_error err = {0};
    struct ward_apply a;
    struct ward_message m;
    struct ward_ingested done;
    uint32_t len;
    memcpy(&len, f->p + f->at, sizeof len);
    if (ward_apply_begin(&a, r, &err) || ward_frame_parse(&m, f->p + f->at + sizeof len, len, &err) ||
        ward_ingest_run(&a, &m.run, &done, &err) || ward_apply_end(&a, 0, &err))
        bench_die("ingest", &err);
    f->at += sizeof len + len;
}

static void push_in_turns(struct bench *b, struct bench_ward *w)
{
    const struct bench_scale *s = &b->scale[b->at];
    const size_t changes = (size_t)s->cells * s->tasks * s->edits;
    struct frames *f = calloc(s->cells, sizeof *f);
    struct ward_id *units = calloc(s->cells, sizeof *units);
    struct times times;
    struct ward_hash space;
    char path[512];
    times_init(&times, changes);
    for (unsigned i = 0; i < s->cells; i++)
        write_week(b, w, i, &f[i], &units[i]);
    bench_path(path, b, "hub");
    ward_replica *r = bench_open(w, path);
    for (unsigned i = 0; i < s->cells; i++)
        if (ward_replica_know_circle(r, &units[i], 1, &space))
            bench_die("circle", NULL);
    while (times.n < changes) { /* whose turn it is, is drawn */
        unsigned i = bench_below(&w->rng, s->cells);
        if (f[i].at == f[i].len)
            continue;
        begin(&times);
        take_next(r, &f[i]);
        end(&times);
    }
    ward_close(r);
    tell(b, "a hub to which all push", "hub", &times);
    for (unsigned i = 0; i < s->cells; i++)
        free(f[i].p);
    free(f);
    free(units);
    times_free(&times);
}

int bench_live(struct bench *b)
{
    const struct bench_scale *s = &b->scale[b->at];
    struct bench_ward w;
    bench_settings_print(b, stdout);
    bench_ward_init(&w, b->seed);
    bench_ward_found(b, &w);
    work_alone(b, &w, s->cells * s->tasks * s->edits);
    push_in_turns(b, &w);
    return 0;
}
