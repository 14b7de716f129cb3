/* report.c - the figures, how they stand to each other, and the targets; as a table and as JSON. */
#include "bench.h"

#include <mntent.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zmq.h>
#include <zstd.h>

static const struct {
    const char *name, *title, *unit;
    bool more; /* is better */
    int digits;
} measures[BENCH_MEASURES] = {
    [BENCH_COMMIT] = {"commit", "one edit a durable commit", "edits/s", true, 0},
    [BENCH_BATCH] = {"batch", "100 edits a durable commit", "edits/s", true, 0},
    [BENCH_INGEST] = {"ingest", "ingest at the hub until durable", "changes/s", true, 0},
    [BENCH_COPY_S] = {"copy-s", "first copy to a new replica", "s", false, 3},
    [BENCH_COPY_MB] = {"copy-mb", "first copy, bytes", "MB", false, 2},
    [BENCH_COPY_ZSTD] = {"copy-zstd-mb", "first copy, bytes by zstd -3", "MB", false, 2},
    [BENCH_NOOP_B] = {"noop-b", "sync with nothing to do, both ways", "B", false, 0},
    [BENCH_NOOP_MS] = {"noop-ms", "sync with nothing to do", "ms", false, 2},
    [BENCH_ONE_B] = {"one-b", "sync of one change, both ways", "B", false, 0},
    [BENCH_ONE_MS] = {"one-ms", "sync of one change", "ms", false, 2},
    [BENCH_FILE_MB] = {"file-mb", "hub's file", "MB", false, 2},
    [BENCH_PEAK] = {"peak-mib", "hub's process after ingest, peak memory", "MiB", false, 1},
    [BENCH_ABOVE] = {"above-mib", "the same above an empty process", "MiB", false, 1},
    [BENCH_HUB_CPU] = {"hub-cpu-s", "the hub's processor time for it, from start to end", "s", false, 3},
    [BENCH_CELLS_CPU] = {"cells-cpu-s", "the cells' processor time for it, all together", "s", false, 3},
    [BENCH_RUN_B] = {"run-b", "runs sent to the hub, a change", "B", false, 1},
    [BENCH_WIRE] = {"wire", "through one connection", "MB/s", true, 0},
    [BENCH_STREAM] = {"stream", "runs made from a replica", "changes/s", true, 0},
};

static const struct {
    const char *who, *setting;
} settings_of[] = {
    {OURS, "each change signed and sealed, whole history, conflicts kept, verified and durable; sync over loopback with connecting"},
    {OURS_ALONE, "the same without a second thread that reads ahead where there are two processors"},
    {OURS_CURVE, "the same through CURVE over loopback, a connection a cell, to the last ack"},
    {OURS_SNAPSHOT,
     "as a new device gets it: a space comes as its state, which the hub vouches for, where that saves half of its history; else with it"},
    {OURS_STATES, "the states of all spaces, as they would travel, whether they save half or not; without the ward space"},
    {OURS_CELL, "a laptop: its own space only"},
    {PLAIN, "one table, an upsert an edit, WAL, synchronous=FULL; no history, no sync"},
    {SESSION_EDITS, "a changeset an edit, kept as history; a commit a cell; unsigned, last write wins, in process, by cursor"},
    {SESSION_NET, "one net changeset of a cell's week, no history; a commit a cell; unsigned, last write wins, in process, by cursor"},
    {"Yjs", "one document in memory, one log file with an fsync a cell; unsigned, last write wins, in process"},
    {"Loro", "one document in memory, one log file with an fsync a cell; unsigned, last write wins, in process"},
    {"Automerge", "one document in memory, one log file with an fsync a cell; unsigned, both values kept, in process"},
    {"PouchDB", "LevelDB without an fsync a write, a revision an edit; unsigned, a winner picked, the others kept; over loopback http"},
    {"Hypercore", "a signed log a cell, no state made of it; no fsync; over a loopback socket"},
};

static const struct target {
    const char *who;
    enum bench_measure measure;
    const char *than; /* NULL: bound is the value itself */
    double bound;
    bool at_s; /* means the scale of 100,000 changes */
} targets[] = {
    {OURS, BENCH_COMMIT, PLAIN, 0.9, false},
    {OURS, BENCH_BATCH, PLAIN, 0.13, false},
    {OURS, BENCH_INGEST, SESSION_NET, 0.43, true},
    {OURS, BENCH_INGEST, NULL, 200000, true},
    {OURS_CURVE, BENCH_INGEST, NULL, 160000, true},
    {OURS, BENCH_COPY_MB, NULL, 1.4, true},
    {OURS, BENCH_COPY_S, NULL, 0.6, true},
    {OURS_STATES, BENCH_COPY_MB, NULL, 0.85, true},
    {OURS_SNAPSHOT, BENCH_COPY_S, NULL, 0.3, true},
    {OURS, BENCH_NOOP_B, NULL, 200, false},
    {OURS, BENCH_NOOP_MS, NULL, 4, false},
    {OURS, BENCH_ONE_B, NULL, 250, false},
    {OURS_CELL, BENCH_ONE_B, NULL, 250, false},
    {OURS, BENCH_FILE_MB, NULL, 7.4, true},
    {OURS, BENCH_ABOVE, NULL, 16, true},
    {OURS_CELL, BENCH_ABOVE, NULL, 8, false},
};
#define TARGETS (sizeof targets / sizeof targets[0])

/* ---- figures */

static const struct bench_figure *find(const struct bench *b, const char *who, enum bench_measure m)
{
    for (size_t i = 0; i < b->figure_count; i++) {
        const struct bench_figure *f = &b->figures[i];
        if (f->measure == m && f->scale == b->at && strcmp(f->who, who) == 0)
            return f;
    }
    return NULL;
}

void bench_sample(struct bench *b, const char *who, enum bench_measure m, double value)
{
    struct bench_figure *f = (struct bench_figure *)find(b, who, m);
    if (!f) {
        if (b->figure_count == sizeof b->figures / sizeof b->figures[0])
            abort();
        f = &b->figures[b->figure_count++];
        *f = (struct bench_figure){.measure = m, .scale = b->at};
        snprintf(f->who, sizeof f->who, "%s", who);
    }
    if (f->count < BENCH_ROUNDS_MAX * BENCH_TURNS)
        f->sample[f->count++] = value;
}

static double median(const struct bench_figure *f)
{
    double v[BENCH_ROUNDS_MAX * BENCH_TURNS];
    memcpy(v, f->sample, sizeof v);
    return bench_median(v, f->count);
}

static double spread(const struct bench_figure *f)
{
    double low = f->sample[0], high = low, mid = median(f);
    for (unsigned i = 1; i < f->count; i++) {
        low = f->sample[i] < low ? f->sample[i] : low;
        high = f->sample[i] > high ? f->sample[i] : high;
    }
    return mid > 0 ? (high - low) / 2 / mid : 0;
}

bool bench_get(const struct bench *b, const char *who, enum bench_measure m, double *out)
{
    const struct bench_figure *f = find(b, who, m);
    if (f)
        *out = median(f);
    return f != NULL;
}

bool bench_better(const struct bench *b, const char *who, const char *than, enum bench_measure m, double *times)
{
    double x, y;
    if (!bench_get(b, who, m, &x) || !bench_get(b, than, m, &y) || x <= 0 || y <= 0)
        return false;
    *times = measures[m].more ? x / y : y / x;
    return true;
}

bool bench_wants(const struct bench *b, const char *part)
{
    size_t n = strlen(part);
    if (!b->only)
        return true;
    for (const char *p = b->only; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strncmp(p, part, n) == 0 && (p[n] == 0 || p[n] == ','))
            return true;
    return false;
}

void bench_say(const struct bench *b, const char *format, ...)
{
    va_list args;
    if (b->check)
        return;
    fprintf(stderr, "%5.0f s  ", bench_seconds() - b->began);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- the surroundings */

static void cpu(char out[128])
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(out, 128, "unknown");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            snprintf(out, 128, "%s", strchr(line, ':') + 2);
            out[strcspn(out, "\n\"\\")] = 0;
            break;
        }
    if (f)
        fclose(f);
}

static void file_system(char out[64], const char *dir)
{
    size_t best = 0;
    struct mntent *m;
    FILE *f = setmntent("/proc/self/mounts", "r");
    snprintf(out, 64, "unknown");
    while (f && (m = getmntent(f)) != NULL) {
        size_t n = strlen(m->mnt_dir);
        if (strncmp(m->mnt_dir, dir, n) == 0 && (n == 1 || dir[n] == '/' || dir[n] == 0) && n >= best) {
            best = n;
            snprintf(out, 64, "%.63s", m->mnt_type);
        }
    }
    if (f)
        endmntent(f);
}

struct setting {
    char name[16], value[400];
};

static size_t settings(const struct bench *b, struct setting s[24])
{
    struct utsname u;
    const struct bench_peer *peer = NULL;
    double load = 0;
    int major, minor, patch;
    char text[128];
    size_t n = 0, peers = bench_npm_versions(b, &peer);
    uname(&u);
    zmq_version(&major, &minor, &patch);
    cpu(text);
#define SET(key, ...) (snprintf(s[n].name, sizeof s[n].name, "%s", key), snprintf(s[n++].value, sizeof s[0].value, __VA_ARGS__))
    SET("cpu", "%s, %ld cores", text, sysconf(_SC_NPROCESSORS_ONLN));
    SET("kernel", "%s %s", u.sysname, u.release);
    file_system(text, b->dir);
    SET("file system", "%s", text);
    SET("wardsync", "%s", WARDSYNC_VERSION);
    SET("sqlite", "%s", sqlite3_libversion());
    SET("libsodium", "%s", sodium_version_string());
    SET("libzmq", "%d.%d.%d", major, minor, patch);
    SET("zstd", "%s", ZSTD_versionString());
    for (size_t i = 0; i < peers; i++)
        if (peer[i].version[0])
            SET(peer[i].who, "%s", peer[i].version);
    SET("seed", "%llu", (unsigned long long)b->seed);
    SET("rounds", "%u interleaved, medians; slow peers in %u", b->repeat, b->slow_repeat);
    if (getloadavg(&load, 1) == 1)
        SET("load", "%.1f at the end, the run's own with it", load);
    SET("took", "%.0f s", bench_seconds() - b->began);
    if (b->left_out[0])
        SET("left out", "%s", b->left_out);
#undef SET
    return n;
}

static void scale_name(char out[48], const struct bench_scale *s)
{
    snprintf(out, 48, "%ux%ux%u", s->cells, s->tasks, s->edits);
}

static bool is_s(const struct bench_scale *s)
{
    return s->cells == 100 && s->tasks == 100 && s->edits == 10;
}

static const char *setting_of(const char *who)
{
    for (size_t i = 0; i < sizeof settings_of / sizeof settings_of[0]; i++)
        if (strcmp(settings_of[i].who, who) == 0)
            return settings_of[i].setting;
    return "what the machine gives, nothing else done";
}

/* ---- targets */

struct outcome {
    bool there, met;
    double value;
};

static struct outcome outcome(const struct bench *b, const struct target *t)
{
    struct outcome o = {0};
    if (t->at_s && !is_s(&b->scale[b->at]))
        return o;
    o.there = t->than ? bench_better(b, t->who, t->than, t->measure, &o.value) : bench_get(b, t->who, t->measure, &o.value);
    o.met = t->than || measures[t->measure].more ? o.value >= t->bound : o.value <= t->bound;
    return o;
}

/* ---- out: a table */

static bool is_ours(const char *who)
{
    return strncmp(who, OURS, strlen(OURS)) == 0;
}

/* Us, then the peers, then what bounds us. */
static int group(const char *who)
{
    return is_ours(who) ? 0 : strncmp(who, "limit:", 6) == 0 ? 2 : 1;
}

static void print_figure(const struct bench *b, const struct bench_figure *f, FILE *to)
{
    double times;
    fprintf(to, "  %-38s %11.*f", f->who, measures[f->measure].digits, median(f));
    if (f->count > 1)
        fprintf(to, "  %3.0f %%", 100 * spread(f));
    else
        fprintf(to, "       ");
    if (!is_ours(f->who) && bench_better(b, OURS, f->who, f->measure, &times))
        fprintf(to, "  %9.*f", times < 10 ? 2 : times < 100 ? 1 : 0, times);
    fputc('\n', to);
}

static void print_measure(const struct bench *b, enum bench_measure m, FILE *to)
{
    bool first = true;
    for (int g = 0; g < 3; g++)
        for (size_t i = 0; i < b->figure_count; i++) {
            const struct bench_figure *f = &b->figures[i];
            if (f->measure != m || f->scale != b->at || group(f->who) != g)
                continue;
            if (first)
                fprintf(to, "%s, %s\n", measures[m].title, measures[m].unit);
            first = false;
            print_figure(b, f, to);
        }
}

static void print_targets(const struct bench *b, FILE *to)
{
    for (size_t i = 0; i < TARGETS; i++) {
        const struct target *t = &targets[i];
        struct outcome o = outcome(b, t);
        if (!o.there)
            continue;
        fprintf(to, "  %-8s %s, %s: ", o.met ? "met" : "NOT MET", t->who, measures[t->measure].title);
        if (t->than)
            fprintf(to, "%.2f x %s, at least %.2f\n", o.value, t->than, t->bound);
        else
            fprintf(to, "%.*f %s, at %s %.10g\n", measures[t->measure].digits, o.value, measures[t->measure].unit,
                    measures[t->measure].more ? "least" : "most", t->bound);
    }
}

void bench_settings_print(const struct bench *b, FILE *to)
{
    struct setting s[24];
    size_t n = settings(b, s);
    for (size_t i = 0; i < n; i++)
        fprintf(to, "%-12s %s\n", s[i].name, s[i].value);
}

void bench_settings_json(const struct bench *b, FILE *to)
{
    struct setting s[24];
    size_t n = settings(b, s);
    fprintf(to, "{\"settings\": {");
    for (size_t i = 0; i < n; i++)
        fprintf(to, "%s\"%s\": \"%s\"", i ? ", " : "", s[i].name, s[i].value);
    fprintf(to, "}");
}

void bench_print(const struct bench *b, FILE *to)
{
    struct bench at = *b;
    char name[48];
    bench_settings_print(b, to);
    for (at.at = 0; at.at < b->scale_count; at.at++) {
        scale_name(name, &b->scale[at.at]);
        fprintf(to, "\nward week %-30s %11s  %5s  %9s\n", name, "median", "+-", "times better is wardsync");
        for (int m = 0; m < BENCH_MEASURES; m++)
            print_measure(&at, (enum bench_measure)m, to);
        fprintf(to, "targets\n");
        print_targets(&at, to);
    }
    fprintf(to, "\nwho keeps what\n");
    for (size_t i = 0; i < sizeof settings_of / sizeof settings_of[0]; i++)
        fprintf(to, "  %-24s %s\n", settings_of[i].who, settings_of[i].setting);
}

/* ---- out: JSON */

static void json_ratios(const struct bench *b, const struct bench_figure *f, FILE *to)
{
    bool any = false;
    double times;
    for (size_t i = 0; i < b->figure_count; i++) {
        const struct bench_figure *o = &b->figures[i];
        if (o->measure == f->measure && o->scale == f->scale && !is_ours(o->who) && bench_better(b, f->who, o->who, f->measure, &times)) {
            fprintf(to, "%s\"%s\": %.4g", any ? ", " : ", \"ratio_to\": {", o->who, times);
            any = true;
        }
    }
    if (any)
        fputc('}', to);
}

static void json_measure(const struct bench *b, const struct bench_figure *f, FILE *to)
{
    char name[48];
    scale_name(name, &b->scale[f->scale]);
    fprintf(to,
            "{\"name\": \"%s\", \"title\": \"%s\", \"who\": \"%s\", \"scale\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", "
            "\"value\": %.9g, \"samples\": [",
            measures[f->measure].name, measures[f->measure].title, f->who, name, measures[f->measure].unit,
            measures[f->measure].more ? "more" : "less", median(f));
    for (unsigned i = 0; i < f->count; i++)
        fprintf(to, "%s%.9g", i ? ", " : "", f->sample[i]);
    fprintf(to, "], \"setting\": \"%s\"", setting_of(f->who));
    if (is_ours(f->who))
        json_ratios(b, f, to);
    fputc('}', to);
}

static void json_target(const struct bench *b, const struct target *t, const struct outcome *o, FILE *to)
{
    char name[48];
    scale_name(name, &b->scale[b->at]);
    fprintf(to, "{\"name\": \"%s\", \"who\": \"%s\", \"scale\": \"%s\", ", measures[t->measure].name, t->who, name);
    if (t->than)
        fprintf(to, "\"ratio_to\": \"%s\", ", t->than);
    fprintf(to, "\"%s\": %.9g, \"value\": %.6g, \"met\": %s}", t->than || measures[t->measure].more ? "at_least" : "at_most", t->bound,
            o->value, o->met ? "true" : "false");
}

int bench_json(const struct bench *b, const char *path)
{
    struct bench at = *b;
    bool any = false;
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    bench_settings_json(b, f);
    fprintf(f, ",\n\"measures\": [");
    for (int m = 0; m < BENCH_MEASURES; m++)
        for (size_t i = 0; i < b->figure_count; i++) {
            if (b->figures[i].measure != (enum bench_measure)m)
                continue;
            at.at = b->figures[i].scale;
            fprintf(f, "%s\n", any ? "," : "");
            json_measure(&at, &b->figures[i], f);
            any = true;
        }
    any = false;
    fprintf(f, "],\n\"targets\": [");
    for (at.at = 0; at.at < b->scale_count; at.at++)
        for (size_t i = 0; i < TARGETS; i++) {
            struct outcome o = outcome(&at, &targets[i]);
            if (!o.there)
                continue;
            fprintf(f, "%s\n", any ? "," : "");
            json_target(&at, &targets[i], &o, f);
            any = true;
        }
    fprintf(f, "]}\n");
    return fclose(f);
}
