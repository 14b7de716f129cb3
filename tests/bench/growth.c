/* growth.c - how cost grows: the same measures at 10^3 ... 10^6 changes, and with 10 ... 1,000 devices. The wards are made first, in a
 * folder in memory if there is one; what is measured lies on the disk. Then all sizes take their turn in every round. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZES_MAX 4
#define PLACE     600
#define BULK      15000

enum axis { CHANGES, DEVICES };
static const char *const axis_names[] = {"changes", "devices"};

struct curve {
    const char *name, *who, *unit, *part; /* part: what a part of the run calls it */
    enum axis axis;
    double at_most; /* 0: none */
    int digits;
    double sample[SIZES_MAX][BENCH_ROUNDS_MAX];
    unsigned count[SIZES_MAX];
};

static struct curve curves[] = {
    {"ingest at the hub, a change", OURS, "us", "ingest_us", CHANGES, 0, 2, {{0}}, {0}},
    {"ingest at the hub, a change: processor", OURS, "us", "ingest_cpu", CHANGES, 0, 2, {{0}}, {0}},
    {"hub while it takes in: memory above empty", OURS, "MiB", "ingest_above", CHANGES, 16, 1, {{0}}, {0}},
    {"hub's file, a change", OURS, "B", "file_b", CHANGES, 0, 1, {{0}}, {0}},
    {"opening a replica that holds all", OURS, "ms", "open_ms", CHANGES, 20, 2, {{0}}, {0}},
    {"opening a replica that holds all: processor", OURS, "ms", "open_cpu", CHANGES, 20, 2, {{0}}, {0}},
    {"durable commit of one edit", OURS, "us", "commit_us", CHANGES, 0, 0, {{0}}, {0}},
    {"durable commit of one edit", PLAIN, "us", "plain_us", CHANGES, 0, 0, {{0}}, {0}},
    {"durable commit of one edit: processor", OURS, "us", "commit_cpu", CHANGES, 0, 1, {{0}}, {0}},
    {"an edit, 100 a commit", OURS, "us", "batch_us", CHANGES, 0, 1, {{0}}, {0}},
    {"an edit, 15,000 new ones a commit: processor", OURS, "us", "bulk_cpu", CHANGES, 0, 1, {{0}}, {0}},
    {"operator who writes: memory above empty", OURS, "MiB", "edits_above", CHANGES, 0, 1, {{0}}, {0}},
    {"no-op sync of a cell, both ways", OURS, "B", "noop_b", CHANGES, 200, 0, {{0}}, {0}},
    {"no-op sync of a cell, with connecting", OURS, "ms", "noop_ms", CHANGES, 4, 2, {{0}}, {0}},
    {"one-change sync of a cell, both ways", OURS, "B", "one_b", CHANGES, 0, 0, {{0}}, {0}},
    {"one-change sync of a cell, with connecting", OURS, "ms", "one_ms", CHANGES, 0, 2, {{0}}, {0}},
    {"cell that syncs: memory above empty", OURS, "MiB", "cell_above", CHANGES, 8, 1, {{0}}, {0}},
    {"hub that answers: memory above empty", OURS, "MiB", "serve_above", CHANGES, 16, 1, {{0}}, {0}},
    {"opening a hub's replica", OURS, "ms", "open_ms", DEVICES, 20, 2, {{0}}, {0}},
    {"opening a hub's replica: processor", OURS, "ms", "open_cpu", DEVICES, 20, 2, {{0}}, {0}},
    {"no-op sync of a cell, both ways", OURS, "B", "noop_b", DEVICES, 200, 0, {{0}}, {0}},
    {"no-op sync of a cell, with connecting", OURS, "ms", "noop_ms", DEVICES, 4, 2, {{0}}, {0}},
    {"one-change sync of a cell, both ways", OURS, "B", "one_b", DEVICES, 0, 0, {{0}}, {0}},
    {"one-change sync of a cell, with connecting", OURS, "ms", "one_ms", DEVICES, 0, 2, {{0}}, {0}},
    {"hub that answers: memory above empty", OURS, "MiB", "serve_above", DEVICES, 0, 1, {{0}}, {0}},
};
#define CURVES (sizeof curves / sizeof curves[0])

struct size {
    enum axis axis;
    double n;
    struct bench_scale scale;
};

static void sample(const struct size *sizes, size_t at, const char *part, double value)
{
    size_t k = at;
    while (k > 0 && sizes[k - 1].axis == sizes[at].axis)
        k--;
    for (size_t i = 0; i < CURVES; i++)
        if (curves[i].axis == sizes[at].axis && strcmp(curves[i].part, part) == 0)
            curves[i].sample[at - k][curves[i].count[at - k]++] = value;
}

/* ---- parts, each in a process of its own */

/* arg: home, "". Opening and closing, a second process's view of it: nothing is in this one's memory before. */
int bench_part_open(struct bench_ward *w, char **arg, double base)
{
    double ms[9], cpu[9];
    (void)base;
    for (size_t i = 0; i < 9; i++) {
        double start = bench_seconds(), began = bench_cpu_seconds();
        ward_replica *r = bench_open(w, arg[0]);
        ms[i] = (bench_seconds() - start) * 1e3;
        cpu[i] = (bench_cpu_seconds() - began) * 1e3;
        ward_close(r);
    }
    printf("open_ms %.9g\nopen_cpu %.9g\n", bench_median(ms, 9), bench_median(cpu, 9));
    return 0;
}

struct some {
    struct ward_id ids[50];
    struct ward_hash space;
    size_t count;
};

static int take(void *ctx, const ward_record *rec)
{
    struct some *s = ctx;
    if (s->count == 0)
        s->space = *ward_record_space(rec);
    if (memcmp(&s->space, ward_record_space(rec), sizeof s->space) == 0)
        s->ids[s->count++] = *ward_record_id(rec);
    return s->count == 50;
}

static void edit(struct bench_ward *w, ward_replica *r, const struct some *s, size_t n, int64_t value)
{
    struct ward_error err = {0};
    ward_txn *t;
    w->now_ms += 60000;
    if (ward_begin(r, &t, &err))
        bench_die("edit", &err);
    for (size_t i = 0; i < n; i++) {
        struct ward_value v = ward_value_int(value + (int64_t)i);
        uint32_t field = i % 2 ? BENCH_PERCENT : BENCH_PRIORITY;
        if (ward_put(t, &s->space, BENCH_KIND_TASK, &s->ids[(i / 2 + (size_t)value) % s->count], field, NULL, 0, &v, &err))
            bench_die("edit", &err);
    }
    if (ward_commit(t, NULL, &err))
        bench_die("edit", &err);
}

/* So many new records of two fields in one transaction, as a plan is imported. */
static void bulk(ward_replica *r, const struct ward_hash *space, size_t n)
{
    struct ward_error err = {0};
    struct ward_id id;
    ward_txn *t;
    if (ward_begin(r, &t, &err))
        bench_die("bulk", &err);
    for (size_t i = 0; i < n; i++) {
        struct ward_value v = ward_value_int((int64_t)i);
        if (i % 2 == 0 && ward_new_id(r, &id, &err))
            bench_die("bulk", &err);
        if (ward_put(t, space, BENCH_KIND_TASK, &id, i % 2 ? BENCH_PERCENT : BENCH_PRIORITY, NULL, 0, &v, &err))
            bench_die("bulk", &err);
    }
    if (ward_commit(t, NULL, &err))
        bench_die("bulk", &err);
}

/* arg: the home of an operator who holds everything, "". */
int bench_part_edits(struct bench_ward *w, char **arg, double base)
{
    struct some s = {.count = 0};
    struct ward_error err = {0};
    double peak;
    w->now_ms += (int64_t)7 * 24 * 3600000;
    ward_replica *r = bench_open(w, arg[0]);
    if (ward_each(r, BENCH_KIND_TASK, take, &s, &err) < 0 || s.count == 0)
        bench_die("no task", &err);
    edit(w, r, &s, 1, 1000); /* the feed of this device in that space, and what there is to catch up with */
    double start = bench_seconds(), began = bench_cpu_seconds();
    for (int i = 0; i < 300; i++)
        edit(w, r, &s, 1, 2000 + i);
    printf("commit_us %.9g\ncommit_cpu %.9g\n", (bench_seconds() - start) / 300 * 1e6, (bench_cpu_seconds() - began) / 300 * 1e6);
    start = bench_seconds();
    for (int i = 0; i < 50; i++)
        edit(w, r, &s, 2 * s.count, 3000 + 200 * i);
    printf("batch_us %.9g\n", (bench_seconds() - start) / 50 / (double)(2 * s.count) * 1e6);
    bench_memory(&peak);
    began = bench_cpu_seconds();
    bulk(r, &s.space, BULK);
    printf("bulk_cpu %.9g\n", (bench_cpu_seconds() - began) / BULK * 1e6);
    printf("edits_above %.9g\n", peak - base);
    ward_close(r);
    return 0;
}

/* ---- one turn of one size */

static void run_copy(const char *from, const char *to)
{
    const char *const argv[] = {"cp", "-r", from, to, NULL};
    struct bench_child c;
    bench_child_exec(&c, argv);
    bench_expect(bench_child_end(&c), "cp failed");
}

static void make(struct bench *b, const char *fast, size_t at)
{
    static const char *const kept[] = {"hub", "op2", "c0", "frames"};
    struct bench_ward w;
    char disk[sizeof b->dir], from[PLACE], to[PLACE];
    snprintf(disk, sizeof disk, "%s", b->dir);
    snprintf(b->dir, sizeof b->dir, "%.300s/%zu", fast, at);
    bench_make_dir(b->dir);
    bench_ward_init(&w, b->seed);
    bench_ward_found(b, &w);
    bench_ours_prepare(b, &w);
    snprintf(to, sizeof to, "%.380s/%zu", disk, at);
    bench_make_dir(to);
    for (size_t i = 0; i < 4; i++) {
        snprintf(from, sizeof from, "%.380s/%s", b->dir, kept[i]);
        snprintf(to, sizeof to, "%.380s/%zu/%s", disk, at, kept[i]);
        run_copy(from, to);
    }
    bench_remove_tree(b->dir);
    snprintf(b->dir, sizeof b->dir, "%s", disk);
}

static double ingest(struct bench *b, const char *from, const char *to, struct bench_answers *a)
{
    char home[512], frames[512];
    bench_copy_home(b, from, to);
    bench_path(home, b, to);
    bench_path(frames, b, "frames");
    bench_run_part(b, a, "ingest", home, frames);
    return bench_answer(a, "changes");
}

static void syncs(struct bench *b, const struct size *sizes, size_t at)
{
    char home[512], word[64], address[192];
    struct bench_child hub;
    struct bench_answers a;
    bench_path(home, b, "hub1");
    bench_child_start(b, &hub, "serve", home, "-");
    bench_expect(bench_child_line(&hub, word, address) && strcmp(word, "listening") == 0, "the hub does not listen");
    bench_copy_home(b, "c0", "c0a");
    bench_path(home, b, "c0a");
    bench_run_part(b, &a, "sync", home, address);
    sample(sizes, at, "noop_b", bench_answer(&a, "noop_out") + bench_answer(&a, "noop_in"));
    sample(sizes, at, "noop_ms", bench_answer(&a, "noop_ms"));
    sample(sizes, at, "one_b", bench_answer(&a, "one_out") + bench_answer(&a, "one_in"));
    sample(sizes, at, "one_ms", bench_answer(&a, "one_ms"));
    sample(sizes, at, "cell_above", bench_answer(&a, "above"));
    close(hub.to);
    hub.to = -1;
    bench_expect(bench_collect(&hub, &a), "the hub failed");
    sample(sizes, at, "serve_above", bench_answer(&a, "above"));
}

static void turn(struct bench *b, const struct size *sizes, size_t at)
{
    double n = (double)sizes[at].scale.cells * sizes[at].scale.tasks * sizes[at].scale.edits, us;
    char home[512], file[PLACE];
    struct bench_answers a;
    struct bench_week week;
    bench_expect(ingest(b, "hub", "hub1", &a) == n, "the hub did not take in every change");
    sample(sizes, at, "ingest_us", bench_answer(&a, "seconds") / n * 1e6);
    sample(sizes, at, "ingest_cpu", bench_answer(&a, "cpu_seconds") / n * 1e6);
    sample(sizes, at, "ingest_above", bench_answer(&a, "above"));
    bench_path(home, b, "hub1");
    snprintf(file, sizeof file, "%s/replica.db", home);
    sample(sizes, at, "file_b", bench_file_mb(file) * 1e6 / n);
    bench_run_part(b, &a, "open", home, "-");
    sample(sizes, at, "open_ms", bench_answer(&a, "open_ms"));
    sample(sizes, at, "open_cpu", bench_answer(&a, "open_cpu"));
    if (sizes[at].axis == CHANGES) {
        ingest(b, "op2", "op2a", &a);
        bench_path(home, b, "op2a");
        if (bench_week_make(&week, b->seed, 5000 + b->round, 100, 3))
            bench_die("week", NULL);
        b->at = 0;
        bench_plain_write(b, &week, 1);
        for (size_t i = 0; i < b->figure_count; i++)
            if (b->figures[i].measure == BENCH_COMMIT && strcmp(b->figures[i].who, PLAIN) == 0) {
                us = 1e6 / b->figures[i].sample[b->figures[i].count - 1];
                sample(sizes, at, "plain_us", us);
                b->figures[i].count = 0;
            }
        bench_week_free(&week);
        bench_run_part(b, &a, "edits", home, "-");
        sample(sizes, at, "commit_us", bench_answer(&a, "commit_us"));
        sample(sizes, at, "commit_cpu", bench_answer(&a, "commit_cpu"));
        sample(sizes, at, "batch_us", bench_answer(&a, "batch_us"));
        sample(sizes, at, "bulk_cpu", bench_answer(&a, "bulk_cpu"));
        sample(sizes, at, "edits_above", bench_answer(&a, "edits_above"));
    }
    syncs(b, sizes, at);
}

/* ---- out */

static void print(const struct size *sizes, size_t count)
{
    for (enum axis axis = CHANGES; axis <= DEVICES; axis++) {
        size_t first = 0, n = 0;
        for (size_t i = 0; i < count; i++) {
            first = sizes[i].axis == axis && n == 0 ? i : first;
            n += sizes[i].axis == axis;
        }
        if (n == 0)
            continue;
        printf("\n%-46s", axis_names[axis]);
        for (size_t k = 0; k < n; k++)
            printf(" %12.0f", sizes[first + k].n);
        printf("\n");
        for (size_t i = 0; i < CURVES; i++) {
            struct curve *c = &curves[i];
            char name[80];
            if (c->axis != axis)
                continue;
            snprintf(name, sizeof name, "%s%s%s, %s", strcmp(c->who, OURS) ? c->who : "", strcmp(c->who, OURS) ? ": " : "", c->name,
                     c->unit);
            printf("%-46s", name);
            for (size_t k = 0; k < n; k++)
                printf(" %12.*f", c->digits, bench_median(c->sample[k], c->count[k]));
            if (c->at_most > 0)
                printf("   aim <= %.0f", c->at_most);
            printf("\n");
        }
    }
}

static void json_points(const struct size *sizes, size_t count, FILE *f)
{
    for (size_t i = 0; i < CURVES; i++) {
        size_t k = 0;
        fprintf(f, "%s\n{\"name\": \"%s\", \"who\": \"%s\", \"unit\": \"%s\", \"axis\": \"%s\", \"at_most\": %.9g, \"points\": [",
                i ? "," : "", curves[i].name, curves[i].who, curves[i].unit, axis_names[curves[i].axis], curves[i].at_most);
        for (size_t s = 0; s < count; s++)
            if (sizes[s].axis == curves[i].axis) {
                fprintf(f, "%s{\"n\": %.0f, \"value\": %.9g}", k ? ", " : "", sizes[s].n,
                        bench_median(curves[i].sample[k], curves[i].count[k]));
                k++;
            }
        fprintf(f, "]}");
    }
}

/* ---- the whole */

int bench_growth(struct bench *b, const char *json)
{
    static const struct size all[] = {
        {CHANGES, 1e3, {10, 10, 10}}, {CHANGES, 1e4, {10, 100, 10}}, {CHANGES, 1e5, {100, 100, 10}},  {CHANGES, 1e6, {100, 1000, 10}},
        {DEVICES, 10, {10, 10, 10}},  {DEVICES, 100, {100, 10, 10}}, {DEVICES, 1000, {1000, 10, 10}},
    };
    size_t count = sizeof all / sizeof all[0];
    char root[sizeof b->dir], fast[sizeof b->dir];
    snprintf(root, sizeof root, "%s", b->dir);
    snprintf(fast, sizeof fast, "/dev/shm/ward-growth.XXXXXX");
    if (!mkdtemp(fast)) {
        snprintf(fast, sizeof fast, "%.300s/making", root);
        bench_make_dir(fast);
    }
    for (size_t i = 0; i < count; i++) {
        b->at = 0;
        b->scale[0] = all[i].scale;
        b->scale_count = 1;
        bench_say(b, "making %.0f %s", all[i].n, axis_names[all[i].axis]);
        make(b, fast, i);
    }
    for (b->round = 0; b->round < b->repeat; b->round++)
        for (size_t i = 0; i < count; i++) {
            bench_say(b, "round %u of %u: %.0f %s", b->round + 1, b->repeat, all[i].n, axis_names[all[i].axis]);
            b->scale[0] = all[i].scale;
            snprintf(b->dir, sizeof b->dir, "%.380s/%zu", root, i);
            turn(b, all, i);
            snprintf(b->dir, sizeof b->dir, "%s", root);
        }
    bench_remove_tree(fast);
    b->figure_count = 0;
    bench_settings_print(b, stdout);
    print(all, count);
    FILE *f = json ? fopen(json, "w") : NULL;
    if (json && !f)
        return -1;
    if (f) {
        bench_settings_json(b, f);
        fprintf(f, ",\n\"measures\": [");
        json_points(all, count, f);
        fprintf(f, "],\n\"targets\": []}\n");
    }
    return f ? fclose(f) : 0;
}
