/* bench.h - what the parts of the benchmark share. */
#ifndef BENCH_H
#define BENCH_H

#include "replica/replica.h"
#include "work.h"

#include <stdio.h>

#define BENCH_SCALES_MAX 4
#define BENCH_ROUNDS_MAX 16
#define BENCH_TURNS      5 /* at one measure within a round */

/* What is measured, of us and of those beside us alike; report.c has the table. */
enum bench_measure {
    BENCH_COMMIT,
    BENCH_BATCH,
    BENCH_INGEST,
    BENCH_COPY_S,
    BENCH_COPY_MB,
    BENCH_COPY_ZSTD,
    BENCH_NOOP_B,
    BENCH_NOOP_MS,
    BENCH_ONE_B,
    BENCH_ONE_MS,
    BENCH_FILE_MB,
    BENCH_PEAK,
    BENCH_ABOVE,
    BENCH_HUB_CPU,
    BENCH_CELLS_CPU,
    BENCH_RUN_B,
    BENCH_STREAM,
    BENCH_WIRE,
    BENCH_MEASURES
};

/* Who is measured. A limit stands under the measure it bounds. */
#define OURS          "wardsync"
#define OURS_ALONE    "wardsync, one thread"
#define OURS_CURVE    "wardsync over CURVE"
#define OURS_CELL     "wardsync, a cell"
#define OURS_SNAPSHOT "wardsync, a new device"
#define OURS_STATES   "wardsync, states alone"
#define PLAIN         "plain SQLite"
#define SESSION_EDITS "SQLite session, an edit"
#define SESSION_NET   "SQLite session, net"

struct bench_figure {
    enum bench_measure measure;
    char who[40];
    size_t scale;
    double sample[BENCH_ROUNDS_MAX * BENCH_TURNS];
    unsigned count;
};
struct bench_peer { /* by npm, see npm.c */
    const char *who, *script;
    bool slow;
    char version[24];
};
struct bench {
    const char *program; /* itself, for the parts that run alone in a process */
    char dir[400];
    uint64_t seed;
    unsigned repeat, slow_repeat; /* rounds; and how many of them the slow peers take part in */
    const char *only;
    const char *peers; /* the folder with the scripts of the npm peers; NULL: none */
    bool check;
    struct bench_scale scale[BENCH_SCALES_MAX];
    size_t scale_count, at;
    unsigned round;
    struct bench_figure figures[512];
    size_t figure_count;
    char left_out[400];
    double began;
};

/* ---- report.c */
void bench_sample(struct bench *b, const char *who, enum bench_measure m, double value); /* of this round, at the scale at hand */
bool bench_get(const struct bench *b, const char *who, enum bench_measure m, double *median);
bool bench_better(const struct bench *b, const char *who, const char *than, enum bench_measure m, double *times);
void bench_say(const struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3))); /* progress */
void bench_settings_print(const struct bench *b, FILE *to);
void bench_settings_json(const struct bench *b, FILE *to); /* opens the document */
void bench_print(const struct bench *b, FILE *to);
int bench_json(const struct bench *b, const char *path);
bool bench_wants(const struct bench *b, const char *part);

/* ---- main.c */
int bench_workload(const struct bench *b, const char *path); /* as JSON lines [cell, task, field, value] */
void bench_measure_scale(struct bench *b);                   /* all rounds at the scale at hand */

/* ---- share.c: the small share for every change */
int bench_check_bytes(const struct bench *b);
int bench_share(struct bench *b, const char *kept, bool keep);

/* ---- tools.c */
double bench_seconds(void);
/* The clock for work that only computes and writes: the same, or, once bench_work_is_cpu was called, this process's own CPU time, which a
 * busy machine hardly changes. Processes started from here on do as this one. */
double bench_work(void);
bool bench_work_cpu(void);
void bench_work_is_cpu(bool is);
double bench_cpu_seconds(void);           /* of this process alone: what else the machine does counts little */
double bench_median(double *v, size_t n); /* sorts v */
void bench_memory(double *peak_mib);      /* VmHWM */
void bench_copy_home(const struct bench *b, const char *from, const char *to);
void bench_copy_path(const char *from, const char *to);
bool bench_memory_dir(char out[64]); /* a new folder in memory, where there is such a place */
void bench_make_dir(const char *path);
void bench_remove_tree(const char *path);
double bench_file_mb(const char *path);
_Noreturn void bench_die(const char *what, const struct ward_error *err);
void bench_expect(bool fine, const char *what);
/* Another process doing just one part: this program, or argv; it prints lines "name value". */
struct bench_child {
    int pid;
    int to;
    FILE *from;
};
void bench_child_start(const struct bench *b, struct bench_child *c, const char *part, const char *a1, const char *a2);
void bench_child_exec(struct bench_child *c, const char *const *argv);
bool bench_child_line(struct bench_child *c, char name[64], char value[192]);
bool bench_child_end(struct bench_child *c); /* whether it went well */
struct bench_answers {
    char name[24][64], text[24][192];
    size_t count;
};
bool bench_collect(struct bench_child *c, struct bench_answers *a);
void bench_run_part(const struct bench *b, struct bench_answers *a, const char *part, const char *a1, const char *a2);
bool bench_has(const struct bench_answers *a, const char *name);
const char *bench_text(const struct bench_answers *a, const char *name); /* NULL: not said */
double bench_answer(const struct bench_answers *a, const char *name);

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

/* ---- ours.c: this library; the week is made once, then measured in every round */
void bench_ours_prepare(struct bench *b, struct bench_ward *w);
void bench_ours_write(struct bench *b, struct bench_ward *w, const struct bench_week *week, size_t batch);
void bench_ours_hub(struct bench *b);

/* ---- parts.c: run alone in a process; each is main() of its own */
int bench_part(const char *part, int argc, char **argv, uint64_t seed);

/* ---- growth.c: the same at 10^3 ... 10^6 changes, and with 10 ... 1,000 devices; prints a table, and curves to a file if there is one */
int bench_growth(struct bench *b, const char *json);
int bench_part_open(struct bench_ward *w, char **arg, double base);
int bench_part_state(struct bench_ward *w, char **arg, double base); /* sizes of all spaces' states, in a hub's home */
int bench_part_edits(struct bench_ward *w, char **arg, double base);

/* ---- live.c: changes that come one by one */
int bench_live(struct bench *b);

/* ---- the others, in the same rounds */
struct sqlite3;
struct sqlite3_stmt;
struct sqlite3 *bench_sqlite_open(const char *path);
void bench_sqlite_do(struct sqlite3 *db, const char *text);
/* st: 16 prepared statements, made as they are needed */
void bench_sqlite_upsert(struct sqlite3 *db, struct sqlite3_stmt **st, unsigned cell, const struct bench_edit *e);
void bench_plain_write(struct bench *b, const struct bench_week *w, size_t batch);

void bench_session_prepare(struct bench *b);
void bench_session_write(struct bench *b, const struct bench_week *w, size_t batch);
void bench_session_hub(struct bench *b);
int bench_session_part(char **arg);

void bench_npm_prepare(struct bench *b);
void bench_npm_round(struct bench *b);
size_t bench_npm_versions(const struct bench *b, const struct bench_peer **out);

void bench_limits(struct bench *b);

#endif
