/* ward-screens: how long each screen of the program takes, from start to exit, on an operator's device that holds a whole ward and on a
 * cell of it. With --check nothing is timed: what a screen reads from the disk must not grow with the ward. */
#include "plan_ward.h"
#include "shell/keys.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNS 7

struct screen {
    const char *name;
    const char *args[6];
    enum { PAGE, COUNTS, WHOLE } reads; /* a page of rows; besides a few bytes of each task; all by its nature, so without a bound */
};
static const struct screen screens[] = {
    {"(program alone)", {"--version"}, PAGE},
    {"task list", {"task", "list"}, COUNTS},
    {"task list --mine", {"task", "list", "--mine"}, PAGE},
    {"task list --overdue", {"task", "list", "--overdue"}, COUNTS},
    {"task list --due-within 7d", {"task", "list", "--due-within", "7d"}, COUNTS},
    {"task list --status doing", {"task", "list", "--status", "doing"}, COUNTS},
    {"task list --section II.3", {"task", "list", "--section", "II.3"}, PAGE},
    {"task list --proposed", {"task", "list", "--proposed"}, PAGE},
    {"task show", {"task", "show", "TDP-01-1"}, PAGE},
    {"task log", {"task", "log", "TDP-01-1"}, PAGE},
    {"log", {"log"}, PAGE},
    {"status", {"status"}, PAGE},
    {"conflict list", {"conflict", "list"}, PAGE},
    {"report list", {"report", "list"}, PAGE},
    {"proposal list", {"proposal", "list"}, PAGE},
    {"finding list", {"finding", "list"}, PAGE},
    {"plan show", {"plan", "show"}, COUNTS},
    {"unit list", {"unit", "list"}, PAGE},
    {"device list", {"device", "list"}, PAGE},
    {"aside list", {"aside", "list"}, PAGE},
    {"receipt list", {"receipt", "list"}, PAGE},
    {"fork list", {"fork", "list"}, PAGE},
    {"invite --list", {"invite", "--list"}, PAGE},
    {"task list --json", {"task", "list", "--json"}, WHOLE},
    {"doctor", {"doctor"}, WHOLE},
    {"verify", {"verify"}, WHOLE},
};
#define SCREENS (sizeof screens / sizeof screens[0])

struct seen {
    double ms, cpu_ms, read_kib;
};

/* What this process and the children it has waited for have read, by the kernel's account. */
static double bytes_read(void)
{
    char line[128];
    double n = 0;
    FILE *f = fopen("/proc/self/io", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "rchar:", 6) == 0)
            n = strtod(line + 6, NULL);
    if (f)
        fclose(f);
    return n;
}

static int run_once(const char *program, const char *home, const struct screen *s, double *cpu_ms)
{
    struct rusage used;
    const char *argv[16] = {program, "--home", home, "--lang", "en"};
    size_t n = 5;
    int status = 0;
    for (size_t i = 0; i < 6 && s->args[i]; i++)
        argv[n++] = s->args[i];
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        dup2(null, 2);
        setenv("WARDSYNC_TODAY", "2025-07-01", 1);
        execv(program, (char *const *)argv);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) < 0 || !WIFEXITED(status))
        return 127;
    *cpu_ms = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
    return WEXITSTATUS(status);
}

static struct seen look(const char *program, const char *home, const struct screen *s, size_t runs)
{
    double ms[RUNS], cpu[RUNS], before;
    struct seen out = {0};
    runs = s->reads == WHOLE ? 1 : runs;
    for (size_t i = 0; i < runs; i++) {
        double own = bytes_read();
        before = bytes_read();
        own = before - own; /* of looking */
        double start = bench_seconds();
        int rc = run_once(program, home, s, &cpu[i]);
        ms[i] = (bench_seconds() - start) * 1e3;
        out.read_kib = (bytes_read() - before - own) / 1024;
        if (rc > 1) {
            fprintf(stderr, "ward-screens: %s: exit %d\n", s->name, rc);
            exit(1);
        }
    }
    out.ms = bench_median(ms, runs);
    out.cpu_ms = bench_median(cpu, runs);
    return out;
}

static void make(struct bench *b)
{
    struct bench_ward w;
    char root[sizeof b->dir];
    snprintf(root, sizeof root, "%s", b->dir);
    snprintf(b->dir, sizeof b->dir, "%.380s/%zu", root, b->at);
    if (mkdir(b->dir, 0700))
        bench_die(b->dir, NULL);
    plan_ward_make(b, &w);
    snprintf(b->dir, sizeof b->dir, "%s", root);
}

static void look_at_all(const struct bench *b, size_t at, const char *who, const char *program, struct seen *out, size_t runs, bool whole)
{
    char home[600];
    snprintf(home, sizeof home, "%s/%zu/%s", b->dir, at, who);
    for (size_t i = 0; i < SCREENS; i++)
        if (whole || screens[i].reads != WHOLE)
            out[i] = look(program, home, &screens[i], runs);
}

/* ---- the share for every day: what is read at ten times the tasks */

#define MORE_KIB     700  /* deeper trees, a full page instead of a part */
#define PER_TASK_KIB 0.15 /* an entry of an index; a task with all that belongs to it is five times that */

static int check(struct bench *b, const char *program)
{
    static struct seen small[SCREENS], large[SCREENS];
    int bad = 0;
    b->check = true;
    b->scale[0] = (struct bench_scale){4, 100, 10};
    b->scale[1] = (struct bench_scale){4, 1000, 10};
    for (b->at = 0; b->at < 2; b->at++)
        make(b);
    look_at_all(b, 0, "op", program, small, 1, false);
    look_at_all(b, 1, "op", program, large, 1, false);
    for (size_t i = 0; i < SCREENS; i++) {
        if (screens[i].reads == WHOLE)
            continue;
        double most = small[i].read_kib + MORE_KIB + (screens[i].reads == COUNTS ? 3600 * PER_TASK_KIB : 0);
        bool fine = large[i].read_kib <= most;
        printf("%s %s: %.0f KiB read with 400 tasks, %.0f of at most %.0f with 4,000\n", fine ? "ok" : "not ok", screens[i].name,
               small[i].read_kib, large[i].read_kib, most);
        bad += !fine;
    }
    return bad;
}

/* ---- main */

static int usage(void)
{
    fprintf(stderr, "usage: ward-screens WARDSYNC [--scale CxTxE] [--dir DIR] [--at DIR] [--keep] [--json FILE] | WARDSYNC --check\n");
    return 2;
}

static void print(const struct bench *b, const struct seen *op, const struct seen *cell, const char *json)
{
    const struct bench_scale *s = &b->scale[0];
    double n = (double)s->cells * s->tasks * s->edits;
    FILE *f = json ? fopen(json, "w") : NULL;
    printf("%u cells x %u tasks x %u edits: %.0f changes; wall time from start to exit, median of %d (marked *: once)\n\n", s->cells,
           s->tasks, s->edits, n, RUNS);
    printf("%-28s %10s %10s %11s | %9s %10s\n", "screen", "whole ward", "processor", "reads", "a cell", "processor");
    for (size_t i = 0; i < SCREENS; i++)
        printf("%-27s%s %7.1f ms %7.1f ms %7.0f KiB | %6.1f ms %7.1f ms\n", screens[i].name, screens[i].reads == WHOLE ? "*" : " ",
               op[i].ms, op[i].cpu_ms, op[i].read_kib, cell[i].ms, cell[i].cpu_ms);
    for (size_t i = 0; f && i < SCREENS; i++) {
        fprintf(f, "%s\n  {\"name\": \"%s, whole ward\", \"n\": %.0f, \"value\": %.3f, \"unit\": \"ms\"}", i ? "," : "[", screens[i].name,
                n, op[i].ms);
        fprintf(f, ",\n  {\"name\": \"%s, cell\", \"n\": %.0f, \"value\": %.3f, \"unit\": \"ms\"}", screens[i].name, n / s->cells,
                cell[i].ms);
    }
    if (f) {
        fprintf(f, "\n]\n");
        fclose(f);
    }
}

int main(int argc, char **argv)
{
    static struct seen op[SCREENS], cell[SCREENS];
    struct bench b = {.program = "/proc/self/exe", .seed = 1, .repeat = 1, .scale = {{100, 100, 10}}, .scale_count = 1};
    const char *dir = getenv("TMPDIR"), *json = NULL, *at = NULL;
    bool keep = false, checks = false;
    struct ward_error err = {0};
    if (ward_crypto_start(&err))
        bench_die("libsodium", &err);
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--keep") == 0)
            keep = true;
        else if (strcmp(argv[i], "--check") == 0)
            checks = true;
        else if (strcmp(argv[i], "--scale") == 0 && sscanf(value, "%ux%ux%u", &b.scale[0].cells, &b.scale[0].tasks, &b.scale[0].edits) == 3)
            i++;
        else if (strcmp(argv[i], "--dir") == 0 && *value)
            dir = argv[++i];
        else if (strcmp(argv[i], "--at") == 0 && *value) /* what --keep has left */
            at = argv[++i];
        else if (strcmp(argv[i], "--json") == 0 && *value)
            json = argv[++i];
        else
            return usage();
    }
    if (argc < 2)
        return usage();
    snprintf(b.dir, sizeof b.dir, "%.300s/ward-screens.XXXXXX", dir ? dir : "/var/tmp");
    if (at)
        snprintf(b.dir, sizeof b.dir, "%s", at);
    else if (!mkdtemp(b.dir))
        bench_die(b.dir, NULL);
    int bad = checks ? check(&b, argv[1]) : 0;
    b.at = 0;
    if (!checks && !at)
        make(&b);
    if (!checks) {
        look_at_all(&b, 0, "op", argv[1], op, RUNS, true);
        look_at_all(&b, 0, "c0", argv[1], cell, RUNS, true);
        print(&b, op, cell, json);
    }
    if (keep || at)
        fprintf(stderr, "kept: %s\n", b.dir);
    else
        bench_remove_tree(b.dir);
    return bad ? 1 : 0;
}
