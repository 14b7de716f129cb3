/* ward-bench: measures this library at "ward week" and, in the same rounds, its peers and what bounds it. */
#include "bench.h"
#include "shell/keys.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- one scale */

static bool alone(const struct bench *b) /* the share's one cell, for commits on the disk */
{
    return b->scale[b->at].cells == 1;
}

static void writes(struct bench *b, struct bench_ward *w, unsigned turn, unsigned tasks, size_t batch)
{
    struct bench_week week;
    if (bench_week_make(&week, b->seed, 5000 + 100 * b->round + turn, tasks, 10))
        bench_die("week", NULL);
    bench_plain_write(b, &week, batch);
    bench_ours_write(b, w, &week, batch);
    if (!alone(b))
        bench_session_write(b, &week, batch);
    bench_week_free(&week);
}

/* A disk that others use too changes its mind from one tenth of a second to the next: many short turns. */
static void commits(struct bench *b, struct bench_ward *w)
{
    for (unsigned turn = 0; turn < (b->check ? 1 : BENCH_TURNS); turn++)
        writes(b, w, turn, b->check ? 50 : alone(b) ? 10 : 20, 1);
}

/* All take their turn in every round, so that what else the machine does falls on all alike. */
static void one_round(struct bench *b, struct bench_ward *w)
{
    bench_say(b, "%ux%ux%u: round %u of %u", b->scale[b->at].cells, b->scale[b->at].tasks, b->scale[b->at].edits, b->round + 1, b->repeat);
    if (bench_wants(b, "limits"))
        bench_limits(b);
    if (bench_wants(b, "commit"))
        commits(b, w);
    if (bench_wants(b, "batch"))
        writes(b, w, 99, 1000, 100);
    if (bench_wants(b, "hub")) {
        bench_ours_hub(b);
        bench_session_hub(b);
    }
    if (bench_wants(b, "npm"))
        bench_npm_round(b);
}

void bench_measure_scale(struct bench *b)
{
    struct bench_ward w;
    char root[sizeof b->dir];
    snprintf(root, sizeof root, "%s", b->dir);
    snprintf(b->dir, sizeof b->dir, "%.380s/%zu", root, b->at);
    bench_make_dir(b->dir);
    bench_ward_init(&w, b->seed);
    bench_ward_found(b, &w);
    if (bench_wants(b, "hub")) {
        bench_ours_prepare(b, &w);
        bench_session_prepare(b);
    }
    if (bench_wants(b, "npm"))
        bench_npm_prepare(b);
    for (b->round = 0; b->round < b->repeat; b->round++)
        one_round(b, &w);
    snprintf(b->dir, sizeof b->dir, "%s", root);
}

/* ---- the workload itself, for programs in other languages */

static void write_value(FILE *f, const struct ward_value *v)
{
    if (v->type == WARD_INT) {
        fprintf(f, "%lld", (long long)v->integer);
        return;
    }
    fputc('"', f);
    for (size_t i = 0; i < v->len; i++)
        if (v->type == WARD_BYTES)
            fprintf(f, "%02x", v->p[i]);
        else
            fputc(v->p[i], f); /* words and dates: nothing to escape */
    fputc('"', f);
}

int bench_workload(const struct bench *b, const char *path)
{
    const struct bench_scale *s = &b->scale[b->at];
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    for (unsigned i = 0; i < s->cells; i++) {
        struct bench_week week;
        if (bench_week_make(&week, b->seed, i, s->tasks, s->edits))
            bench_die("week", NULL);
        for (size_t k = 0; k < week.count; k++) {
            const struct bench_edit *e = &week.edits[k];
            fprintf(f, "[%u,%u,%u,", i, e->task, e->field >> 2);
            write_value(f, &e->value);
            fputs("]\n", f);
        }
        bench_week_free(&week);
    }
    return fclose(f);
}

/* ---- main */

static int usage(void)
{
    fprintf(
        stderr,
        "usage: ward-bench [--scale CxTxE | S1 | S]... [--seed N] [--rounds N] [--slow-rounds N] [--quick] [--only PART,...]\n"
        "                  [--peers DIR] [--json FILE] [--dir DIR] [--keep]\n"
        "       ward-bench --growth [--rounds N] [--json FILE]: curves over changes and devices\n"
        "       ward-bench --live [--scale CxTxE]: changes that come one by one: what each takes in the log, how long its commit lasts\n"
        "       ward-bench --check | --share FILE | --keep-share FILE | --workload FILE\n"
        "parts: limits commit batch hub npm. --quick: S alone, 3 rounds, slow peers in one.\n");
    return 2;
}

static bool add_scale(struct bench *b, const char *text)
{
    struct bench_scale s;
    char rest;
    text = strcmp(text, "S1") == 0 ? "10x100x10" : strcmp(text, "S") == 0 ? "100x100x10" : text;
    if (b->scale_count == BENCH_SCALES_MAX || sscanf(text, "%ux%ux%u%c", &s.cells, &s.tasks, &s.edits, &rest) != 3 || s.cells == 0 ||
        s.tasks == 0 || s.edits == 0 || s.cells > 1000 || s.tasks > 100000 || s.edits > 10000)
        return false;
    b->scale[b->scale_count++] = s;
    return true;
}

struct wish {
    const char *json, *dir, *share, *workload;
    bool keep, keep_share, quick, growth, live;
};

static bool read_number(const char *text, unsigned *out)
{
    *out = (unsigned)strtoul(text, NULL, 10);
    return *out <= BENCH_ROUNDS_MAX;
}

static bool read_value(struct bench *b, struct wish *w, const char *name, const char *value)
{
    if (strcmp(name, "--scale") == 0)
        return add_scale(b, value);
    if (strcmp(name, "--rounds") == 0)
        return read_number(value, &b->repeat) && b->repeat > 0;
    if (strcmp(name, "--slow-rounds") == 0)
        return read_number(value, &b->slow_repeat);
    if (strcmp(name, "--seed") == 0)
        b->seed = strtoull(value, NULL, 10);
    else if (strcmp(name, "--only") == 0)
        b->only = value;
    else if (strcmp(name, "--peers") == 0)
        b->peers = value;
    else if (strcmp(name, "--json") == 0)
        w->json = value;
    else if (strcmp(name, "--dir") == 0)
        w->dir = value;
    else if (strcmp(name, "--workload") == 0)
        w->workload = value;
    else if (strcmp(name, "--share") == 0 || strcmp(name, "--keep-share") == 0)
        w->share = value, w->keep_share = strcmp(name, "--keep-share") == 0;
    else
        return false;
    return true;
}

static bool read_options(struct bench *b, struct wish *w, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--check") == 0)
            b->check = true;
        else if (strcmp(argv[i], "--keep") == 0)
            w->keep = true;
        else if (strcmp(argv[i], "--quick") == 0)
            w->quick = true;
        else if (strcmp(argv[i], "--growth") == 0)
            w->growth = true;
        else if (strcmp(argv[i], "--live") == 0)
            w->live = true;
        else if (i + 1 == argc || !read_value(b, w, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return true;
}

static void defaults(struct bench *b, const struct wish *w)
{
    if (b->check || w->share)
        b->scale_count = 0;
    if (b->check) {
        b->repeat = 1;
        b->only = "commit,hub";
        add_scale(b, "5x20x10");
    }
    if (w->share) {
        b->repeat = 5;
        add_scale(b, "1x10x10");
        add_scale(b, "10x50x10");
    }
    if (w->quick)
        b->repeat = 3, b->slow_repeat = 1;
    if (b->scale_count == 0) {
        if (!w->quick && !w->live)
            add_scale(b, "S1");
        add_scale(b, "S");
    }
}

static int work(struct bench *b, const struct wish *w)
{
    int bad = 0;
    if (w->share)
        return bench_share(b, w->share, w->keep_share);
    if (w->growth)
        return bench_growth(b, w->json) ? 1 : 0;
    if (w->live)
        return bench_live(b);
    for (b->at = 0; b->at < b->scale_count; b->at++)
        bench_measure_scale(b);
    b->at = 0;
    if (b->check)
        bad = bench_check_bytes(b);
    else
        bench_print(b, stdout);
    if (w->json && bench_json(b, w->json))
        bench_die(w->json, NULL);
    return bad;
}

int main(int argc, char **argv)
{
    static struct bench b = {.program = "/proc/self/exe", .seed = 1, .repeat = 3, .slow_repeat = 2};
    struct wish w = {0};
    struct ward_error err = {0};
    signal(SIGPIPE, SIG_IGN);
    if (ward_crypto_start(&err))
        bench_die("libsodium", &err);
    if (argc >= 4 && strcmp(argv[1], "--part") == 0)
        return bench_part(argv[2], argc - 4, argv + 4, strtoull(argv[3], NULL, 10));
    b.began = bench_seconds();
    if (!read_options(&b, &w, argc, argv))
        return usage();
    defaults(&b, &w);
    if (w.workload)
        return bench_workload(&b, w.workload) ? 1 : 0;
    snprintf(b.dir, sizeof b.dir, "%.300s/ward-bench.XXXXXX", w.dir ? w.dir : getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp");
    if (!mkdtemp(b.dir))
        bench_die(b.dir, NULL);
    int bad = work(&b, &w);
    if (w.keep)
        fprintf(stderr, "kept: %s\n", b.dir);
    else
        bench_remove_tree(b.dir);
    return bad ? 1 : 0;
}
