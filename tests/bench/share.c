/* share.c - the small share that runs with every change: byte counts with their bounds, and ratios of which none may have fallen to half
 * of what is kept. Never a time: a ratio is of two things done in the same rounds, by their own CPU time where they only compute. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

/* ---- bytes */

static int bounded(const struct bench *b, const char *what, const char *who, enum bench_measure m, double most, double scale)
{
    double x = 0;
    bool fine = bench_get(b, who, m, &x) && x * scale <= most;
    printf("%s %s: %.1f of at most %.0f\n", fine ? "ok" : "not ok", what, x * scale, most);
    return fine ? 0 : 1;
}

int bench_check_bytes(const struct bench *b)
{
    const struct bench_scale *s = &b->scale[b->at];
    double changes = (double)s->cells * s->tasks * s->edits, times = 0;
    int bad = 0;
    bad += bounded(b, "no-op sync of a cell, bytes both ways", OURS_CELL, BENCH_NOOP_B, 60, 1);
    bad += bounded(b, "no-op sync of an operator, bytes both ways", OURS, BENCH_NOOP_B, 60, 1);
    bad += bounded(b, "one-change sync of a cell, bytes both ways", OURS_CELL, BENCH_ONE_B, 250, 1);
    bad += bounded(b, "one-change sync of an operator, bytes both ways", OURS, BENCH_ONE_B, 250, 1);
    bad += bounded(b, "runs for the hub, bytes a change", OURS, BENCH_RUN_B, 40, 1);
    bad += bounded(b, "first copy, bytes a change", OURS, BENCH_COPY_MB, 40, 1e6 / changes);
    /* 0.9 is the aim; instrumented builds and busy machines get less */
    bool fine = bench_better(b, OURS, PLAIN, BENCH_COMMIT, &times) && times >= 0.2;
    printf("%s durable commit against plain SQLite's: %.2f of at least 0.20\n", fine ? "ok" : "not ok", times);
    return bad + !fine;
}

/* ---- ratios, beside those kept in a file of lines: measure, who, than, ratio; tabs between */

enum { ON_DISK, IN_MEMORY }; /* scales 0 and 1: what the disk's part in a commit is, and our own work without its whims */

static const struct {
    const char *name, *who, *than;
    enum bench_measure measure;
    size_t at;
} pairs[] = {
    {"commit on the disk", OURS, PLAIN, BENCH_COMMIT, ON_DISK},
    {"commit", OURS, PLAIN, BENCH_COMMIT, IN_MEMORY},
    {"batch", OURS, PLAIN, BENCH_BATCH, IN_MEMORY},
    {"batch", OURS, SESSION_EDITS, BENCH_BATCH, IN_MEMORY},
    {"ingest", OURS, SESSION_NET, BENCH_INGEST, IN_MEMORY},
    {"ingest", OURS, SESSION_EDITS, BENCH_INGEST, IN_MEMORY},
    {"ingest", OURS, "limit: Ed25519 verify, one core", BENCH_INGEST, IN_MEMORY},
    {"ingest", OURS, "limit: SQLite upsert, 10,000 a commit", BENCH_INGEST, IN_MEMORY},
    {"ingest", OURS_CURVE, "limit: SQLite upsert, 10,000 a commit", BENCH_INGEST, IN_MEMORY},
    {"copy-s", OURS, SESSION_EDITS, BENCH_COPY_S, IN_MEMORY},
    {"copy-mb", OURS, SESSION_EDITS, BENCH_COPY_MB, IN_MEMORY},
    {"file-mb", OURS, SESSION_EDITS, BENCH_FILE_MB, IN_MEMORY},
};
#define PAIRS (sizeof pairs / sizeof pairs[0])
#define TRIES 3
#define LEAST 0.5

static bool read_kept(const char *path, double kept[PAIRS])
{
    char line[256];
    size_t n = 0;
    FILE *f = fopen(path, "r");
    while (f && n < PAIRS && fgets(line, sizeof line, f)) {
        char want[200];
        snprintf(want, sizeof want, "%s\t%s\t%s\t", pairs[n].name, pairs[n].who, pairs[n].than);
        if (line[0] == '#')
            continue;
        if (strncmp(line, want, strlen(want)) != 0 || sscanf(line + strlen(want), "%lf", &kept[n]) != 1)
            break;
        n++;
    }
    if (f)
        fclose(f);
    return n == PAIRS;
}

static int write_kept(const double *now, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return 1;
    fprintf(f, "# How many times better the first is than the second; by ward-bench --keep-share. None may fall to half of it.\n");
    for (size_t i = 0; i < PAIRS; i++)
        fprintf(f, "%s\t%s\t%s\t%.3f\n", pairs[i].name, pairs[i].who, pairs[i].than, now[i]);
    return fclose(f) ? 1 : 0;
}

static void measure_share(struct bench *b, double now[PAIRS])
{
    char disk[sizeof b->dir], place[64];
    snprintf(disk, sizeof disk, "%s", b->dir);
    b->figure_count = 0;
    b->only = "commit";
    b->at = ON_DISK;
    bench_measure_scale(b);
    bool memory = bench_memory_dir(place);
    if (memory)
        snprintf(b->dir, sizeof b->dir, "%s", place);
    b->only = "limits,commit,batch,hub";
    b->at = IN_MEMORY;
    bench_work_is_cpu(true);
    bench_measure_scale(b);
    bench_work_is_cpu(false);
    if (memory)
        bench_remove_tree(b->dir);
    snprintf(b->dir, sizeof b->dir, "%s", disk);
    for (size_t i = 0; i < PAIRS; i++) {
        b->at = pairs[i].at;
        if (!bench_better(b, pairs[i].who, pairs[i].than, pairs[i].measure, &now[i]))
            now[i] = 0;
    }
}

int bench_share(struct bench *b, const char *path, bool keep)
{
    double kept[PAIRS], now[PAIRS], best[PAIRS] = {0};
    char dir[sizeof b->dir];
    int bad = 1;
    if (!keep && !read_kept(path, kept))
        return fprintf(stderr, "ward-bench: %s does not hold the ratios that are measured\n", path), 1;
    snprintf(dir, sizeof dir, "%s", b->dir);
    for (int k = 0; bad && k < TRIES; k++) { /* once more before it is said to have fallen */
        snprintf(b->dir, sizeof b->dir, "%.380s/try%d", dir, k);
        bench_make_dir(b->dir);
        measure_share(b, now);
        bench_remove_tree(b->dir);
        snprintf(b->dir, sizeof b->dir, "%s", dir);
        if (keep)
            return write_kept(now, path);
        bad = 0;
        for (size_t i = 0; i < PAIRS; i++) {
            best[i] = now[i] > best[i] ? now[i] : best[i];
            bad += best[i] < LEAST * kept[i];
        }
    }
    for (size_t i = 0; i < PAIRS; i++)
        printf("%s %s of %s against %s: %.3f, kept %.3f\n", best[i] < LEAST * kept[i] ? "not ok" : "ok", pairs[i].name, pairs[i].who,
               pairs[i].than, best[i], kept[i]);
    return bad;
}
