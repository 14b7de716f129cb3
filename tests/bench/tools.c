#define _XOPEN_SOURCE 700 /* nftw */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double bench_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define CPU_CLOCK "WARD_BENCH_CPU_CLOCK"

bool bench_work_cpu(void)
{
    return getenv(CPU_CLOCK) != NULL;
}

double bench_work(void)
{
    struct timespec t;
    clock_gettime(bench_work_cpu() ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_work_is_cpu(bool is)
{
    if (is ? setenv(CPU_CLOCK, "1", 1) : unsetenv(CPU_CLOCK))
        bench_die("clock", NULL);
}

double bench_cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void bench_memory(double *peak_mib)
{
    char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    *peak_mib = 0;
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            *peak_mib = strtod(line + 6, NULL) / 1024;
    if (f)
        fclose(f);
}

_Noreturn void bench_die(const char *what, const struct ward_error *err)
{
    if (err && err->code)
        fprintf(stderr, "ward-bench: %s: %s: %s\n", what, ward_error_name(err->code), err->detail);
    else
        fprintf(stderr, "ward-bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- files */

static void copy_file(const char *from, const char *to, bool must)
{
    static char buf[1 << 16];
    FILE *in = fopen(from, "rb");
    if (!in && !must)
        return;
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!in || !out)
        bench_die(from, NULL);
    size_t n;
    while ((n = fread(buf, 1, sizeof buf, in)) > 0)
        if (fwrite(buf, 1, n, out) != n)
            bench_die(to, NULL);
    fclose(in);
    if (fflush(out) || fsync(fd) || fclose(out))
        bench_die(to, NULL);
}

void bench_make_dir(const char *path)
{
    if (mkdir(path, 0700))
        bench_die(path, NULL);
}

void bench_copy_path(const char *from, const char *to)
{
    static const char *const names[] = {"replica.db", "device.key", "replica.db-wal"};
    char x[600], y[600];
    bench_remove_tree(to);
    bench_make_dir(to);
    for (size_t i = 0; i < 3; i++) {
        snprintf(x, sizeof x, "%s/%s", from, names[i]);
        snprintf(y, sizeof y, "%s/%s", to, names[i]);
        copy_file(x, y, i < 2);
    }
}

void bench_copy_home(const struct bench *b, const char *from, const char *to)
{
    char a[512], c[512];
    bench_path(a, b, from);
    bench_path(c, b, to);
    bench_copy_path(a, c);
}

bool bench_memory_dir(char out[64])
{
    snprintf(out, 64, "/dev/shm/ward-bench.XXXXXX");
    return mkdtemp(out) != NULL;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st, (void)flag, (void)f;
    return remove(path);
}

void bench_remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

double bench_file_mb(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (double)st.st_size / 1e6 : 0;
}

/* ---- processes */

void bench_child_exec(struct bench_child *c, const char *const *argv)
{
    int up[2], down[2];
    *c = (struct bench_child){0};
    fflush(NULL);
    if (pipe(up) || pipe(down) || (c->pid = fork()) < 0)
        bench_die("process", NULL);
    if (c->pid == 0) {
        dup2(down[0], 0);
        dup2(up[1], 1);
        close(up[0]), close(up[1]), close(down[0]), close(down[1]);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(up[1]);
    close(down[0]);
    c->to = down[1];
    c->from = fdopen(up[0], "r");
    fcntl(c->to, F_SETFD, FD_CLOEXEC);
    fcntl(up[0], F_SETFD, FD_CLOEXEC);
}

void bench_child_start(const struct bench *b, struct bench_child *c, const char *part, const char *a1, const char *a2)
{
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)b->seed);
    bench_child_exec(c, (const char *const[]){b->program, "--part", part, seed, a1, a2, NULL});
}

bool bench_child_line(struct bench_child *c, char name[64], char value[192])
{
    char line[300];
    return fgets(line, sizeof line, c->from) && sscanf(line, "%63s %191s", name, value) == 2;
}

bool bench_child_end(struct bench_child *c)
{
    int status = 0;
    if (c->to >= 0)
        close(c->to);
    fclose(c->from);
    return waitpid(c->pid, &status, 0) >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool bench_collect(struct bench_child *c, struct bench_answers *a)
{
    a->count = 0;
    while (a->count < 24 && bench_child_line(c, a->name[a->count], a->text[a->count]))
        a->count++;
    return bench_child_end(c);
}

void bench_run_part(const struct bench *b, struct bench_answers *a, const char *part, const char *a1, const char *a2)
{
    struct bench_child c;
    bench_child_start(b, &c, part, a1, a2);
    bench_expect(bench_collect(&c, a), "a part of the run failed");
}

const char *bench_text(const struct bench_answers *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->name[i], name) == 0)
            return a->text[i];
    return NULL;
}

bool bench_has(const struct bench_answers *a, const char *name)
{
    return bench_text(a, name) != NULL;
}

double bench_answer(const struct bench_answers *a, const char *name)
{
    const char *text = bench_text(a, name);
    if (text)
        return strtod(text, NULL);
    fprintf(stderr, "ward-bench: no %s\n", name);
    exit(1);
}

void bench_expect(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "ward-bench: %s\n", what);
    exit(1);
}
