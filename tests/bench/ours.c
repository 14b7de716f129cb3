/* ours.c - this library at "ward week": writing on a laptop, the hub's intake, the first copy, small syncs. */
#include "bench.h"
#include "replica/stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACE 512

static double changes_of(const struct bench *b)
{
    const struct bench_scale *s = &b->scale[b->at];
    return (double)s->cells * s->tasks * s->edits;
}

/* ---- writing on one device */

static double write_rate(struct bench_ward *w, ward_replica *r, const struct bench_week *week, size_t batch)
{
    struct ward_hash space;
    size_t tasks = 0;
    for (size_t i = 0; i < week->count; i++)
        tasks = week->edits[i].task >= tasks ? week->edits[i].task + 1u : tasks;
    struct ward_id *ids = calloc(tasks + 1, sizeof *ids);
    bench_own_space(r, &space);
    double start = bench_work();
    for (size_t i = 0; ids && i < week->count; i += batch)
        bench_commit(w, r, &space, week, i, i + batch > week->count ? week->count - i : batch, ids);
    double took = bench_work() - start;
    free(ids);
    return (double)week->count / took;
}

void bench_ours_write(struct bench *b, struct bench_ward *w, const struct bench_week *week, size_t batch)
{
    char path[PLACE];
    bench_path(path, b, batch > 1 ? "xbatch" : "xcommit");
    ward_replica *r = bench_open(w, path);
    bench_sample(b, OURS, batch > 1 ? BENCH_BATCH : BENCH_COMMIT, write_rate(w, r, week, batch));
    ward_close(r);
}

/* ---- the cells' week, and its runs as they would travel */

static void cell_name(char out[16], unsigned i)
{
    snprintf(out, 16, "c%u", i);
}

/* Not measured, so in memory where that can be: a commit an edit takes a disk its time. */
static void write_weeks(struct bench *b, struct bench_ward *w)
{
    const struct bench_scale *s = &b->scale[b->at];
    char place[64], quick[80];
    bool memory = bench_memory_dir(place);
    double start = bench_seconds();
    snprintf(quick, sizeof quick, "%s/home", place);
    for (unsigned i = 0; i < s->cells; i++) {
        char name[16], path[PLACE];
        struct bench_week week;
        cell_name(name, i);
        bench_path(path, b, name);
        if (bench_week_make(&week, b->seed, i, s->tasks, s->edits))
            bench_die("week", NULL);
        w->now_ms = 1746403200000 + i * 7919; /* all of the same week */
        if (memory)
            bench_copy_path(path, quick);
        ward_replica *r = bench_open(w, memory ? quick : path);
        write_rate(w, r, &week, 1);
        ward_close(r);
        if (memory)
            bench_copy_path(quick, path);
        bench_week_free(&week);
    }
    if (memory)
        bench_remove_tree(place);
    bench_say(b, "%u cells wrote their week, an edit a commit: %.1f s", s->cells, bench_seconds() - start);
}

struct streamed {
    double bytes, seconds;
};

static void stream_cell(const struct bench *b, struct bench_ward *w, unsigned i, FILE *out, struct streamed *sum)
{
    static const uint32_t end = 0;
    struct ward_error err = {0};
    char name[16], path[PLACE];
    struct ward_stream s;
    struct ward_streamed run;
    struct ward_buf frame;
    bool got = true;
    cell_name(name, i);
    bench_path(path, b, name);
    ward_replica *r = bench_open(w, path);
    ward_buf_init(&frame, &w->env);
    fwrite(&ward_replica_grant(r)->unit, 16, 1, out);
    double start = bench_seconds();
    ward_stream_init(&s, r, bench_hub_grant(r));
    for (size_t k = 0; k < r->dir.feed_count; k++) {
        const struct ward_feed *f = &r->dir.feeds[k];
        if (ward_directory_space(&r->dir, f->sid)->circle_count == 0 && ward_vv_raise(&s.have, &r->env, f->fid, f->head_seq))
            bench_die("memory", NULL);
    }
    while (got) {
        if (ward_stream_next(&s, &frame, &run, &got, &err))
            bench_die("stream", &err);
        uint32_t len = (uint32_t)frame.len;
        if (got && (fwrite(&len, sizeof len, 1, out) != 1 || fwrite(frame.p, 1, len, out) != len))
            bench_die("frames", NULL);
        sum->bytes += got ? len : 0;
    }
    sum->seconds += bench_seconds() - start;
    fwrite(&end, sizeof end, 1, out);
    ward_stream_free(&s);
    ward_buf_free(&frame);
    ward_close(r);
}

void bench_ours_prepare(struct bench *b, struct bench_ward *w)
{
    struct streamed sum = {0};
    char path[PLACE];
    write_weeks(b, w);
    bench_path(path, b, "frames");
    FILE *f = fopen(path, "wb");
    for (unsigned i = 0; f && i < b->scale[b->at].cells; i++)
        stream_cell(b, w, i, f, &sum);
    if (!f || fclose(f))
        bench_die(path, NULL);
    bench_sample(b, OURS, BENCH_STREAM, changes_of(b) / sum.seconds);
    bench_sample(b, OURS, BENCH_RUN_B, sum.bytes / changes_of(b));
}

/* ---- the hub takes in what the cells wrote */

static void ingest_by(struct bench *b, const char *who, const char *part, const char *name)
{
    char home[PLACE], frames[PLACE], file[PLACE + 16];
    struct bench_answers a;
    bench_path(home, b, name);
    bench_path(frames, b, "frames");
    bench_copy_home(b, "hub", name);
    bench_run_part(b, &a, part, home, frames);
    bench_expect(bench_answer(&a, "changes") == changes_of(b), "the hub did not take in every change");
    bench_sample(b, who, BENCH_INGEST, changes_of(b) / bench_answer(&a, "seconds"));
    bench_sample(b, who, BENCH_PEAK, bench_answer(&a, "peak"));
    bench_sample(b, who, BENCH_ABOVE, bench_answer(&a, "above"));
    snprintf(file, sizeof file, "%s/replica.db", home);
    bench_sample(b, who, BENCH_FILE_MB, bench_file_mb(file));
}

static void ingest(struct bench *b)
{
    ingest_by(b, OURS_ALONE, "ingest-alone", "hub0");
    ingest_by(b, OURS, "ingest", "hub1");
}

static void clone(struct bench *b)
{
    char hub[PLACE], home[PLACE];
    struct bench_answers a;
    bench_path(hub, b, "hub1");
    bench_path(home, b, "op2a");
    bench_copy_home(b, "op2", "op2a");
    bench_run_part(b, &a, "clone", hub, home);
    bench_expect(bench_answer(&a, "equal") == 1, "the copy differs from the hub");
    bench_sample(b, OURS, BENCH_COPY_S, bench_answer(&a, "seconds"));
    bench_sample(b, OURS, BENCH_COPY_MB, bench_answer(&a, "bytes") / 1e6);
    bench_sample(b, OURS, BENCH_COPY_ZSTD, bench_answer(&a, "bytes") / 1e6); /* the runs are packed already */
    bench_run_part(b, &a, "state", hub, "-");
    bench_sample(b, OURS_STATES, BENCH_COPY_MB, bench_answer(&a, "frames") / 1e6);
}

/* ---- over CURVE: a hub in a process of its own */

static void serve(struct bench *b, struct bench_child *hub, const char *name, char address[192])
{
    char home[PLACE], word[64];
    bench_path(home, b, name);
    bench_child_start(b, hub, "serve", home, "-");
    bench_expect(bench_child_line(hub, word, address) && strcmp(word, "listening") == 0, "the hub does not listen");
}

static void serve_end(struct bench_child *hub, struct bench_answers *a)
{
    close(hub->to);
    hub->to = -1;
    bench_expect(bench_collect(hub, a), "the hub failed");
}

static void small_syncs(struct bench *b, const char *who, const struct bench_answers *a)
{
    bench_sample(b, who, BENCH_NOOP_B, bench_answer(a, "noop_out") + bench_answer(a, "noop_in"));
    bench_sample(b, who, BENCH_NOOP_MS, bench_answer(a, "noop_ms"));
    bench_sample(b, who, BENCH_ONE_B, bench_answer(a, "one_out") + bench_answer(a, "one_in"));
    bench_sample(b, who, BENCH_ONE_MS, bench_answer(a, "one_ms"));
    bench_expect(bench_answer(a, "noop_moved") == 0 && bench_answer(a, "one_moved") == 1, "a round moved something else than it should");
}

static void sync_all(struct bench *b)
{
    char home[PLACE], address[192];
    struct bench_child hub;
    struct bench_answers a;
    serve(b, &hub, "hub1", address);
    bench_copy_home(b, "op2", "op2b");
    bench_path(home, b, "op2b");
    bench_run_part(b, &a, "sync", home, address);
    bench_expect(bench_answer(&a, "first_moved") == changes_of(b), "the first round did not bring every change");
    bench_sample(b, OURS_CURVE, BENCH_COPY_S, bench_answer(&a, "first_ms") / 1e3);
    bench_sample(b, OURS_CURVE, BENCH_COPY_MB, (bench_answer(&a, "first_in") + bench_answer(&a, "first_out")) / 1e6);
    small_syncs(b, OURS, &a);
    bench_copy_home(b, "op2", "op2b");
    bench_run_part(b, &a, "snapshot", home, address);
    bench_sample(b, OURS_SNAPSHOT, BENCH_COPY_S, bench_answer(&a, "first_ms") / 1e3);
    bench_sample(b, OURS_SNAPSHOT, BENCH_COPY_MB, (bench_answer(&a, "first_in") + bench_answer(&a, "first_out")) / 1e6);
    bench_copy_home(b, "c0", "c0a");
    bench_path(home, b, "c0a");
    bench_run_part(b, &a, "sync", home, address);
    small_syncs(b, OURS_CELL, &a);
    bench_copy_home(b, "xlaptop", "xlaptop1");
    bench_path(home, b, "xlaptop1");
    bench_run_part(b, &a, "laptop", home, address);
    bench_sample(b, OURS_CELL, BENCH_PEAK, bench_answer(&a, "peak"));
    bench_sample(b, OURS_CELL, BENCH_ABOVE, bench_answer(&a, "above"));
    serve_end(&hub, &a);
}

/* All cells at once, each over a connection of its own from another process, to the last ack. */
static void crowd(struct bench *b)
{
    unsigned cells = b->scale[b->at].cells;
    char first[PLACE], many[PLACE + 16], address[192], from[16], to[32];
    struct bench_child hub;
    struct bench_answers a;
    bench_copy_home(b, "hub", "hub2");
    for (unsigned i = 0; i < cells; i++) {
        cell_name(from, i);
        snprintf(to, sizeof to, "y%s", from);
        bench_copy_home(b, from, to);
    }
    serve(b, &hub, "hub2", address);
    bench_path(first, b, "yc");
    snprintf(many, sizeof many, "%u:%s", cells, first);
    bench_run_part(b, &a, "crowd", many, address);
    bench_expect(bench_answer(&a, "sent") == changes_of(b), "the hub did not ack every change");
    double took = bench_answer(&a, "seconds");
    bench_sample(b, OURS_CURVE, BENCH_CELLS_CPU, bench_answer(&a, "cpu_seconds"));
    serve_end(&hub, &a);
    bench_sample(b, OURS_CURVE, BENCH_HUB_CPU, bench_answer(&a, "cpu_seconds"));
    took = bench_work_cpu() ? bench_answer(&a, "served") : took;
    bench_sample(b, OURS_CURVE, BENCH_INGEST, changes_of(b) / took);
    bench_sample(b, OURS_CURVE, BENCH_PEAK, bench_answer(&a, "peak"));
    bench_sample(b, OURS_CURVE, BENCH_ABOVE, bench_answer(&a, "above"));
}

void bench_ours_hub(struct bench *b)
{
    ingest(b);
    clone(b);
    sync_all(b);
    crowd(b);
}
