/* npm.c - the peers in JavaScript: scripts under peers/, each a process of its own over the very same workload. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static struct bench_peer peers[] = {
    {"Yjs", "yjs", false, ""},        {"Loro", "loro", false, ""},          {"Automerge", "automerge", true, ""},
    {"PouchDB", "pouchdb", true, ""}, {"Hypercore", "hypercore", true, ""},
};
#define PEERS (sizeof peers / sizeof peers[0])

size_t bench_npm_versions(const struct bench *b, const struct bench_peer **out)
{
    (void)b;
    *out = peers;
    return PEERS;
}

static bool run(const struct bench *b, const struct bench_peer *p, const char *phase, struct bench_answers *a)
{
    char script[600], workload[512], dir[512];
    struct bench_child c;
    snprintf(script, sizeof script, "%s/%s.mjs", b->peers, p->script);
    bench_path(workload, b, "workload");
    bench_path(dir, b, p->script);
    bench_child_exec(&c, (const char *const[]){"timeout", "600", "node", script, phase, workload, dir, NULL});
    return bench_collect(&c, a);
}

static void leave_out(struct bench *b, const struct bench_peer *p)
{
    size_t n = strlen(b->left_out);
    if (!strstr(b->left_out, p->who))
        snprintf(b->left_out + n, sizeof b->left_out - n, "%s%s", n ? ", " : "", p->who);
}

static bool out(const struct bench *b, const struct bench_peer *p)
{
    return !b->peers || strstr(b->left_out, p->who) || (p->slow && b->slow_repeat == 0);
}

void bench_npm_prepare(struct bench *b)
{
    char path[512];
    bench_path(path, b, "workload");
    if (b->peers && bench_workload(b, path))
        bench_die(path, NULL);
    for (size_t i = 0; i < PEERS; i++) {
        struct bench_peer *p = &peers[i];
        struct bench_answers a;
        bench_path(path, b, p->script);
        bench_make_dir(path);
        if (out(b, p) || !run(b, p, "prepare", &a) || !bench_has(&a, "version")) {
            leave_out(b, p);
            continue;
        }
        snprintf(p->version, sizeof p->version, "%.23s", bench_text(&a, "version"));
        bench_say(b, "%s %s has written the week", p->who, p->version);
    }
}

static void pack(struct bench *b, const char *who, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t size = (size_t)(bench_file_mb(path) * 1e6 + 0.5), bound = ZSTD_compressBound(size);
    void *all = malloc(size + 1), *packed = malloc(bound);
    if (!f || !all || !packed || fread(all, 1, size, f) != size)
        bench_die(path, NULL);
    bench_sample(b, who, BENCH_COPY_ZSTD, (double)ZSTD_compress(packed, bound, all, size, 3) / 1e6);
    free(all);
    free(packed);
    fclose(f);
}

void bench_npm_round(struct bench *b)
{
    static const struct {
        const char *name;
        enum bench_measure measure;
        double scale;
    } said[] = {{"commit_rate", BENCH_COMMIT, 1}, {"batch_rate", BENCH_BATCH, 1}, {"ingest_rate", BENCH_INGEST, 1},
                {"copy_s", BENCH_COPY_S, 1},      {"copy_b", BENCH_COPY_MB, 1e6}, {"noop_b", BENCH_NOOP_B, 1},
                {"noop_ms", BENCH_NOOP_MS, 1},    {"one_b", BENCH_ONE_B, 1},      {"one_ms", BENCH_ONE_MS, 1},
                {"file_b", BENCH_FILE_MB, 1e6},   {"peak", BENCH_PEAK, 1},        {"above", BENCH_ABOVE, 1}};
    for (size_t i = 0; i < PEERS; i++) {
        const struct bench_peer *p = &peers[i];
        struct bench_answers a;
        if (out(b, p) || (p->slow && b->round >= b->slow_repeat))
            continue;
        bench_say(b, "  %s", p->who);
        if (!run(b, p, "hub", &a)) {
            leave_out(b, p);
            continue;
        }
        for (size_t k = 0; k < sizeof said / sizeof said[0]; k++)
            if (bench_has(&a, said[k].name))
                bench_sample(b, p->who, said[k].measure, bench_answer(&a, said[k].name) / said[k].scale);
        if (bench_has(&a, "copy_file"))
            pack(b, p->who, bench_text(&a, "copy_file"));
    }
}
