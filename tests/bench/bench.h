/* bench.h - what the parts of the benchmark share. */
#ifndef BENCH_H
#define BENCH_H

#include "replica/replica.h"
#include "work.h"

#include <stdio.h>

#define BENCH_SCALES_MAX 4

struct bench_figure {
    char name[48], unit[16], target[40];
    double value[BENCH_SCALES_MAX];
    bool there[BENCH_SCALES_MAX];
    int digits;
};
struct bench {
    const char *program; /* itself, for the parts that run alone in a process */
    char dir[400];
    uint64_t seed;
    unsigned repeat;
    const char *only;
    bool check;
    struct bench_scale scale[BENCH_SCALES_MAX];
    size_t scale_count, at;
    struct bench_figure figures[64];
    size_t figure_count;
};

/* ---- report.c */
void bench_note(struct bench *b, const char *name, const char *unit, int digits, double value, const char *target);
bool bench_get(const struct bench *b, const char *name, double *out); /* at the scale at hand */
void bench_print(const struct bench *b, FILE *to);
int bench_json(const struct bench *b, const char *path);
bool bench_wants(const struct bench *b, const char *part);

/* ---- tools.c */
double bench_seconds(void);
double bench_median(double *v, size_t n);
void bench_memory(double *peak_mib); /* VmHWM */
int bench_copy_home(const struct bench *b, const char *from, const char *to);
void bench_remove_tree(const char *path);
double bench_file_mb(const char *home, const char *name);
_Noreturn void bench_die(const char *what, const struct ward_error *err);
/* Another process of this program doing just one part; it prints lines "name value". */
struct bench_child {
    int pid;
    int to;
    FILE *from;
};
void bench_child_start(const struct bench *b, struct bench_child *c, const char *part, const char *a1, const char *a2);
bool bench_child_line(struct bench_child *c, char name[64], char value[192]);
void bench_child_end(struct bench_child *c);

/* ---- ward.c: the ward and its homes */
struct bench_ward {
    struct ward_env env;
    struct ward_options options;
    struct bench_rng rng;
    int64_t now_ms; /* the authors' clock: a week of work, whatever time it takes here */
};
void bench_ward_init(struct bench_ward *w, uint64_t seed);
void bench_path(char out[512], const struct bench *b, const char *name);
/* Founds dir/op and makes dir/hub, dir/c0 ... and the others, each knowing the ward space. */
void bench_ward_found(struct bench *b, struct bench_ward *w);
ward_replica *bench_open(const struct bench_ward *w, const char *path);
void bench_own_space(ward_replica *r, struct ward_hash *out);
const struct ward_grant *bench_hub_grant(const ward_replica *r);
/* One transaction with n edits from week->edits[first]; ids has an id for each task and is filled as they come. */
void bench_commit(struct bench_ward *w, ward_replica *r, const struct ward_hash *space, const struct bench_week *week, size_t first,
                  size_t n, struct ward_id *ids);

/* ---- parts.c: run alone in a process; each is main() of its own */
int bench_part(const char *part, int argc, char **argv, uint64_t seed);

/* ---- peers.c: plain SQLite and the raw limits, in the same run */
double bench_sqlite_rate(const struct bench *b, const struct bench_week *w, size_t count, size_t batch);
double bench_verify_rate(void);
double bench_chain_rate(void);

#endif
