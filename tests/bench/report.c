#include "bench.h"

#include <mntent.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zmq.h>
#include <zstd.h>

static struct bench_figure *figure(struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->figure_count; i++)
        if (strcmp(b->figures[i].name, name) == 0)
            return &b->figures[i];
    if (b->figure_count == sizeof b->figures / sizeof b->figures[0])
        abort();
    struct bench_figure *f = &b->figures[b->figure_count++];
    *f = (struct bench_figure){0};
    snprintf(f->name, sizeof f->name, "%s", name);
    return f;
}

void bench_note(struct bench *b, const char *name, const char *unit, int digits, double value, const char *target)
{
    struct bench_figure *f = figure(b, name);
    snprintf(f->unit, sizeof f->unit, "%s", unit);
    snprintf(f->target, sizeof f->target, "%s", target ? target : "");
    f->digits = digits;
    f->value[b->at] = value;
    f->there[b->at] = true;
}

bool bench_get(const struct bench *b, const char *name, double *out)
{
    for (size_t i = 0; i < b->figure_count; i++)
        if (strcmp(b->figures[i].name, name) == 0 && b->figures[i].there[b->at]) {
            *out = b->figures[i].value[b->at];
            return true;
        }
    return false;
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
    char name[16], value[160];
};

static size_t settings(const struct bench *b, struct setting s[10])
{
    struct utsname u;
    int major, minor, patch;
    char text[128];
    size_t n = 0;
    uname(&u);
    zmq_version(&major, &minor, &patch);
    cpu(text);
#define SET(key, ...) (snprintf(s[n].name, sizeof s[n].name, key), snprintf(s[n++].value, sizeof s[0].value, __VA_ARGS__))
    SET("cpu", "%s, %ld cores", text, sysconf(_SC_NPROCESSORS_ONLN));
    SET("kernel", "%s %s", u.sysname, u.release);
    file_system(text, b->dir);
    SET("file system", "%s", text);
    SET("wardsync", "%s", WARDSYNC_VERSION);
    SET("sqlite", "%s", sqlite3_libversion());
    SET("libsodium", "%s", sodium_version_string());
    SET("libzmq", "%d.%d.%d", major, minor, patch);
    SET("zstd", "%s", ZSTD_versionString());
    SET("seed", "%llu", (unsigned long long)b->seed);
    SET("repeat", "%u, medians", b->repeat);
#undef SET
    return n;
}

static void scale_name(char out[48], const struct bench_scale *s)
{
    snprintf(out, 48, "%ux%ux%u", s->cells, s->tasks, s->edits);
}

/* ---- out */

void bench_print(const struct bench *b, FILE *to)
{
    struct setting s[10];
    char name[48];
    size_t n = settings(b, s);
    for (size_t i = 0; i < n; i++)
        fprintf(to, "%-12s %s\n", s[i].name, s[i].value);
    fprintf(to, "\n%-42s %-10s", "ward week, cells x tasks x edits", "unit");
    for (size_t i = 0; i < b->scale_count; i++) {
        scale_name(name, &b->scale[i]);
        fprintf(to, " %13s", name);
    }
    fprintf(to, "  target\n");
    for (size_t k = 0; k < b->figure_count; k++) {
        const struct bench_figure *f = &b->figures[k];
        fprintf(to, "%-42s %-10s", f->name, f->unit);
        for (size_t i = 0; i < b->scale_count; i++)
            if (f->there[i])
                fprintf(to, " %13.*f", f->digits, f->value[i]);
            else
                fprintf(to, " %13s", "-");
        fprintf(to, "%s%s\n", f->target[0] ? "  " : "", f->target);
    }
}

int bench_json(const struct bench *b, const char *path)
{
    struct setting s[10];
    char name[48];
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    size_t n = settings(b, s);
    fprintf(f, "{\n  \"settings\": {");
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%s\"%s\": \"%s\"", i ? ", " : "", s[i].name, s[i].value);
    fprintf(f, "},\n  \"figures\": [");
    for (size_t k = 0; k < b->figure_count; k++) {
        const struct bench_figure *g = &b->figures[k];
        bool any = false;
        fprintf(f, "%s\n    {\"name\": \"%s\", \"unit\": \"%s\", \"target\": \"%s\", \"values\": {", k ? "," : "", g->name, g->unit,
                g->target);
        for (size_t i = 0; i < b->scale_count; i++)
            if (g->there[i]) {
                scale_name(name, &b->scale[i]);
                fprintf(f, "%s\"%s\": %.9g", any ? ", " : "", name, g->value[i]);
                any = true;
            }
        fprintf(f, "}}");
    }
    fprintf(f, "\n  ]\n}\n");
    return fclose(f);
}
