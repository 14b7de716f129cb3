/* ward-bench: measures a replica, a hub and a sync at "ward week", and in the same run what they are compared with. */
#include "bench.h"
#include "replica/stream.h"
#include "shell/keys.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE 512

static void note(struct bench *b, const char *name, const char *unit, int digits, double value, const char *target)
{
    bench_note(b, name, unit, digits, value, target);
}

static void note_ratio(struct bench *b, const char *name, const char *above, const char *below, const char *target)
{
    double x, y;
    if (bench_get(b, above, &x) && bench_get(b, below, &y) && y > 0)
        note(b, name, "ratio", 3, x / y, target);
}

/* ---- writing on one device, turn about with plain SQLite */

static double write_rate(struct bench_ward *w, ward_replica *r, const struct bench_week *week, size_t batch)
{
    struct ward_hash space;
    size_t tasks = 0;
    for (size_t i = 0; i < week->count; i++)
        tasks = week->edits[i].task >= tasks ? week->edits[i].task + 1u : tasks;
    struct ward_id *ids = calloc(tasks + 1, sizeof *ids);
    bench_own_space(r, &space);
    double start = bench_seconds();
    for (size_t i = 0; ids && i < week->count; i += batch)
        bench_commit(w, r, &space, week, i, i + batch > week->count ? week->count - i : batch, ids);
    double took = bench_seconds() - start;
    free(ids);
    return (double)week->count / took;
}

static void measure_writes(struct bench *b, struct bench_ward *w, const char *home, size_t batch, const char *ours, const char *plain,
                           const char *target)
{
    double a[16], c[16];
    char path[PLACE];
    bench_path(path, b, home);
    ward_replica *r = bench_open(w, path);
    for (unsigned k = 0; k < b->repeat; k++) {
        struct bench_week week;
        if (bench_week_make(&week, b->seed, 5000 + k, batch > 1 ? 1000 : b->check ? 50 : 100, 10))
            bench_die("week", NULL);
        c[k] = bench_sqlite_rate(b, &week, week.count, batch);
        a[k] = write_rate(w, r, &week, batch);
        bench_week_free(&week);
    }
    ward_close(r);
    note(b, ours, "edits/s", 0, bench_median(a, b->repeat), NULL);
    note(b, plain, "edits/s", 0, bench_median(c, b->repeat), NULL);
    char name[64];
    snprintf(name, sizeof name, "  %s / plain", batch > 1 ? "batch" : "commit");
    note_ratio(b, name, ours, plain, target);
}

/* ---- the cells' week, and its runs as they would travel */

static void cell_name(char out[16], unsigned i)
{
    snprintf(out, 16, "c%u", i);
}

static void write_weeks(struct bench *b, struct bench_ward *w)
{
    const struct bench_scale *s = &b->scale[b->at];
    double took = 0, edits = 0, values = 0;
    for (unsigned i = 0; i < s->cells; i++) {
        char name[16], path[PLACE];
        struct bench_week week;
        cell_name(name, i);
        bench_path(path, b, name);
        if (bench_week_make(&week, b->seed, i, s->tasks, s->edits))
            bench_die("week", NULL);
        w->now_ms = 1746403200000 + i * 7919; /* all of the same week */
        ward_replica *r = bench_open(w, path);
        took += (double)week.count / write_rate(w, r, &week, 1);
        ward_close(r);
        edits += (double)week.count;
        values += (double)week.value_bytes;
        bench_week_free(&week);
    }
    note(b, "all cells' week, one edit a commit", "edits/s", 0, edits / took, NULL);
    note(b, "values alone", "MB", 2, values / 1e6, NULL);
}

static void stream_cell(struct bench *b, struct bench_ward *w, unsigned i, FILE *out, double *bytes, double *runs, double *took)
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
        *bytes += got ? len : 0;
        *runs += got;
    }
    *took += bench_seconds() - start;
    fwrite(&end, sizeof end, 1, out);
    ward_stream_free(&s);
    ward_buf_free(&frame);
    ward_close(r);
}

static double changes_of(const struct bench_scale *s)
{
    return (double)s->cells * s->tasks * s->edits;
}

static void stream_weeks(struct bench *b, struct bench_ward *w)
{
    const struct bench_scale *s = &b->scale[b->at];
    double bytes = 0, runs = 0, took = 0;
    char path[PLACE];
    bench_path(path, b, "frames");
    FILE *f = fopen(path, "wb");
    for (unsigned i = 0; f && i < s->cells; i++)
        stream_cell(b, w, i, f, &bytes, &runs, &took);
    if (!f || fclose(f))
        bench_die(path, NULL);
    note(b, "runs made for the hub", "changes/s", 0, changes_of(s) / took, NULL);
    note(b, "  run bytes a change", "B", 1, bytes / changes_of(s), NULL);
    note(b, "  changes a run", "", 0, changes_of(s) / runs, NULL);
}

/* ---- parts in processes of their own */

struct answers {
    char name[24][64];
    double value[24];
    size_t count;
};

static double answer(const struct answers *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->name[i], name) == 0)
            return a->value[i];
    fprintf(stderr, "ward-bench: no %s\n", name);
    exit(1);
}

static void collect(struct bench_child *c, struct answers *a)
{
    char value[192];
    a->count = 0;
    while (a->count < 24 && bench_child_line(c, a->name[a->count], value))
        a->value[a->count++] = strtod(value, NULL);
    bench_child_end(c);
}

static void run_part(struct bench *b, struct answers *a, const char *part, const char *a1, const char *a2)
{
    struct bench_child c;
    bench_child_start(b, &c, part, a1, a2);
    collect(&c, a);
}

static void expect(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "ward-bench: %s\n", what);
    exit(1);
}

static void measure_ingest(struct bench *b)
{
    const struct bench_scale *s = &b->scale[b->at];
    char home[PLACE], frames[PLACE];
    struct answers a;
    double took[16], above[16];
    bench_path(home, b, "hub1");
    bench_path(frames, b, "frames");
    for (unsigned k = 0; k < b->repeat; k++) {
        bench_copy_home(b, "hub", "hub1");
        run_part(b, &a, "ingest", home, frames);
        expect(answer(&a, "changes") == changes_of(s), "the hub did not take in every change");
        took[k] = answer(&a, "seconds");
        above[k] = answer(&a, "above");
    }
    note(b, "ingest at the hub, a commit a cell", "changes/s", 0, changes_of(s) / bench_median(took, b->repeat), ">= 200000 at S");
    note_ratio(b, "  ingest / one Ed25519 verify a change", "ingest at the hub, a commit a cell", "limit: Ed25519 verify, one core", NULL);
    note_ratio(b, "  ingest / plain SQLite batch", "ingest at the hub, a commit a cell", "plain SQLite, 100 a commit", NULL);
    note(b, "  hub ingesting: memory above empty", "MiB", 1, bench_median(above, b->repeat), "<= 16");
    note(b, "hub file", "MB", 2, bench_file_mb(home, "replica.db"), "<= 7.4 at S");
    note(b, "  file bytes a change", "B", 1, bench_file_mb(home, "replica.db") * 1e6 / changes_of(s), NULL);
    note(b, "  SQLite's log beside it", "MB", 2, bench_file_mb(home, "replica.db-wal"), NULL);
}

static void measure_clone(struct bench *b)
{
    const struct bench_scale *s = &b->scale[b->at];
    char hub[PLACE], home[PLACE];
    struct answers a;
    double took[16], bytes = 0;
    bench_path(hub, b, "hub1");
    bench_path(home, b, "op2a");
    for (unsigned k = 0; k < b->repeat; k++) {
        bench_copy_home(b, "op2", "op2a");
        run_part(b, &a, "clone", hub, home);
        expect(answer(&a, "equal") == 1, "the copy differs from the hub");
        took[k] = answer(&a, "seconds");
        bytes = answer(&a, "bytes");
    }
    note(b, "first copy, in process", "s", 3, bench_median(took, b->repeat), "<= 0.6 at S");
    note(b, "  run frames", "MB", 3, bytes / 1e6, "<= 1.4 at S");
    note(b, "  run frames, bytes a change", "B", 1, bytes / changes_of(s), NULL);
}

static void note_rounds(struct bench *b, const char *who, const struct answers *a)
{
    char name[48];
    snprintf(name, sizeof name, "no-op sync, %s: out", who);
    note(b, name, "B", 0, answer(a, "noop_out"), "<= 100");
    snprintf(name, sizeof name, "no-op sync, %s: in", who);
    note(b, name, "B", 0, answer(a, "noop_in"), "<= 100");
    snprintf(name, sizeof name, "no-op sync, %s: with connecting", who);
    note(b, name, "ms", 2, answer(a, "noop_ms"), "<= 4");
    snprintf(name, sizeof name, "one-change sync, %s: out", who);
    note(b, name, "B", 0, answer(a, "one_out"), "<= 250 both ways");
    snprintf(name, sizeof name, "one-change sync, %s: in", who);
    note(b, name, "B", 0, answer(a, "one_in"), NULL);
    snprintf(name, sizeof name, "one-change sync, %s: with connecting", who);
    note(b, name, "ms", 2, answer(a, "one_ms"), NULL);
    expect(answer(a, "noop_moved") == 0 && answer(a, "one_moved") == 1, "a round moved something else than it should");
}

static void measure_sync(struct bench *b)
{
    const struct bench_scale *s = &b->scale[b->at];
    char hub[PLACE], home[PLACE], word[64], address[192];
    struct bench_child server;
    struct answers a;
    bench_path(hub, b, "hub1");
    bench_child_start(b, &server, "serve", hub, "-");
    expect(bench_child_line(&server, word, address) && strcmp(word, "listening") == 0, "the hub does not listen");
    bench_copy_home(b, "op2", "op2b");
    bench_path(home, b, "op2b");
    run_part(b, &a, "sync", home, address);
    expect(answer(&a, "first_moved") == changes_of(s), "the first round did not bring every change");
    note(b, "first copy over CURVE", "s", 3, answer(&a, "first_ms") / 1e3, NULL);
    note(b, "  in and out", "MB", 3, (answer(&a, "first_in") + answer(&a, "first_out")) / 1e6, NULL);
    note(b, "  operator copying: memory above empty", "MiB", 1, answer(&a, "above"), NULL);
    note_rounds(b, "operator", &a);
    bench_path(home, b, "c0");
    run_part(b, &a, "sync", home, address);
    note_rounds(b, "cell", &a);
    bench_path(home, b, "xlaptop");
    run_part(b, &a, "laptop", home, address);
    note(b, "laptop, 1,000 edits, sync: memory above", "MiB", 1, answer(&a, "above"), "<= 8");
    close(server.to);
    server.to = -1;
    collect(&server, &a);
    note(b, "hub serving these: memory above empty", "MiB", 1, answer(&a, "above"), "<= 16");
}

/* ---- one scale */

static void measure(struct bench *b)
{
    struct bench_ward w;
    char root[sizeof b->dir];
    bool later = bench_wants(b, "ingest") || bench_wants(b, "clone") || bench_wants(b, "sync");
    snprintf(root, sizeof root, "%s", b->dir);
    snprintf(b->dir, sizeof b->dir, "%.380s/%zu", root, b->at);
    if (mkdir(b->dir, 0700))
        bench_die(b->dir, NULL);
    bench_ward_init(&w, b->seed);
    bench_ward_found(b, &w);
    if (bench_wants(b, "limits")) {
        note(b, "limit: Ed25519 verify, one core", "/s", 0, bench_verify_rate(), NULL);
        note(b, "limit: BLAKE2b chained over 200 bytes", "/s", 0, bench_chain_rate(), NULL);
    }
    if (bench_wants(b, "commit"))
        measure_writes(b, &w, "xcommit", 1, "durable commit of one edit", "plain SQLite, one row a commit", ">= 0.9");
    if (bench_wants(b, "batch"))
        measure_writes(b, &w, "xbatch", 100, "100 edits a commit", "plain SQLite, 100 a commit", ">= 0.13");
    if (later) {
        write_weeks(b, &w);
        stream_weeks(b, &w);
        measure_ingest(b);
    }
    if (bench_wants(b, "clone"))
        measure_clone(b);
    if (bench_wants(b, "sync"))
        measure_sync(b);
    snprintf(b->dir, sizeof b->dir, "%s", root);
}

/* ---- the small share: byte counts and ratios, never seconds */

static int bounded(const struct bench *b, const char *what, const char *first, const char *second, double most)
{
    double x = 0, y = 0;
    bool there = bench_get(b, first, &x) && (!second || bench_get(b, second, &y));
    bool fine = there && x + y <= most;
    printf("%s %s: %.1f of at most %.0f\n", fine ? "ok" : "not ok", what, x + y, most);
    return fine ? 0 : 1;
}

static int check(const struct bench *b)
{
    double ratio = 0;
    int bad = 0;
    bad += bounded(b, "no-op sync of a cell, bytes both ways", "no-op sync, cell: out", "no-op sync, cell: in", 200);
    bad += bounded(b, "no-op sync of an operator, bytes both ways", "no-op sync, operator: out", "no-op sync, operator: in", 200);
    bad += bounded(b, "one-change sync of a cell, bytes both ways", "one-change sync, cell: out", "one-change sync, cell: in", 600);
    bad += bounded(b, "runs for the hub, bytes a change", "  run bytes a change", NULL, 40);
    bad += bounded(b, "first copy, bytes a change", "  run frames, bytes a change", NULL, 40);
    bool fine =
        bench_get(b, "  commit / plain", &ratio) && ratio >= 0.2; /* 0.9 is the aim; instrumented builds and busy machines get less */
    printf("%s durable commit against plain SQLite's: %.2f of at least 0.20\n", fine ? "ok" : "not ok", ratio);
    return bad + !fine;
}

/* ---- main */

static int usage(void)
{
    fprintf(stderr,
            "usage: ward-bench [--scale CxTxE]... [--seed N] [--repeat N] [--only PART,...] [--json FILE] [--dir DIR] [--keep] | --check\n"
            "parts: limits commit batch ingest clone sync\n");
    return 2;
}

static bool add_scale(struct bench *b, const char *text)
{
    struct bench_scale s;
    char rest;
    if (b->scale_count == BENCH_SCALES_MAX || sscanf(text, "%ux%ux%u%c", &s.cells, &s.tasks, &s.edits, &rest) != 3 || s.cells == 0 ||
        s.tasks == 0 || s.edits == 0 || s.cells > 10000 || s.tasks > 100000 || s.edits > 10000)
        return false;
    b->scale[b->scale_count++] = s;
    return true;
}

static bool read_options(struct bench *b, int argc, char **argv, const char **json, const char **dir, bool *keep)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--check") == 0) {
            b->check = true;
            continue;
        }
        if (strcmp(argv[i], "--keep") == 0) {
            *keep = true;
            continue;
        }
        if (!value)
            return false;
        if (strcmp(argv[i], "--scale") == 0 ? !add_scale(b, value) : false)
            return false;
        if (strcmp(argv[i], "--seed") == 0)
            b->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--repeat") == 0)
            b->repeat = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--only") == 0)
            b->only = value;
        else if (strcmp(argv[i], "--json") == 0)
            *json = value;
        else if (strcmp(argv[i], "--dir") == 0)
            *dir = value;
        else if (strcmp(argv[i], "--scale") != 0)
            return false;
        i++;
    }
    return b->repeat >= 1 && b->repeat <= 16;
}

static void defaults(struct bench *b)
{
    if (b->check) {
        b->scale_count = 0;
        b->repeat = 1;
        b->only = "commit,ingest,clone,sync";
        add_scale(b, "5x20x10");
    }
    if (b->scale_count == 0) {
        add_scale(b, "10x100x10");
        add_scale(b, "100x100x10");
    }
}

int main(int argc, char **argv)
{
    struct bench b = {.program = "/proc/self/exe", .seed = 1, .repeat = 3};
    const char *json = NULL, *dir = NULL;
    bool keep = false;
    struct ward_error err = {0};
    signal(SIGPIPE, SIG_IGN);
    if (ward_crypto_start(&err))
        bench_die("libsodium", &err);
    if (argc >= 4 && strcmp(argv[1], "--part") == 0)
        return bench_part(argv[2], argc - 4, argv + 4, strtoull(argv[3], NULL, 10));
    if (!read_options(&b, argc, argv, &json, &dir, &keep))
        return usage();
    defaults(&b);
    snprintf(b.dir, sizeof b.dir, "%.300s/ward-bench.XXXXXX", dir ? dir : getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp");
    if (!mkdtemp(b.dir))
        bench_die(b.dir, NULL);
    for (b.at = 0; b.at < b.scale_count; b.at++)
        measure(&b);
    b.at = 0;
    int bad = b.check ? check(&b) : 0;
    if (!b.check)
        bench_print(&b, stdout);
    if (json && bench_json(&b, json))
        bench_die(json, NULL);
    if (keep)
        fprintf(stderr, "kept: %s\n", b.dir);
    else
        bench_remove_tree(b.dir);
    return bad ? 1 : 0;
}
