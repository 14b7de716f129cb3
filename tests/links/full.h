/* full.h - what the parts of the full hub's story share: the ward's homes, the light cells, and how figures are kept. */
#ifndef LINKS_FULL_H
#define LINKS_FULL_H

#include "dice.h"
#include "replica/talk.h"
#include "shell/link.h"

#include <stdio.h>

#define FULL_TASKS 4 /* records that a cell writes in, in turn */

/* ---- full_ward.c: homes, made by the library itself */
struct full_ward {
    struct ward_options options;
    char dir[400], cells_dir[400]; /* the cells' stand for as many machines, so they are kept in memory where there is any to be had */
    ward_replica *hub;             /* the founder's home; the hub's process has it open too, as any other program may */
};
_Noreturn void full_die(const char *what, const struct ward_error *err);
void full_path(const struct full_ward *w, const char *name, char out[512]);
/* Founds dir/hub and makes dir/c0 ... each of a unit of its own and knowing the ward space. */
void full_found(struct full_ward *w, size_t cells);
ward_replica *full_open(const struct full_ward *w, const char *name);
/* One change of `r` in `space`: a few fields of a record. */
void full_write(ward_replica *r, const struct ward_hash *space, const struct ward_id *task, struct dice *dice);

/* ---- figures: what took how long, in milliseconds */
struct full_times {
    double *v;
    size_t count, cap;
};
void full_note(struct full_times *t, double ms);
double full_at(struct full_times *t, double share); /* the quantile; sorts */
void full_show(const char *what, struct full_times *t);

/* ---- full_cell.c: a cell without a process of its own. It calls, talks and backs off as ward_serve does. */
enum full_mood { FULL_AWAY, FULL_WAITING, FULL_CALLING, FULL_TALKING };
struct full_crowd;
struct full_cell {
    struct full_crowd *crowd;
    char name[24];
    ward_replica *r; /* NULL: shut */
    struct ward_hash space;
    struct ward_id unit, tasks[FULL_TASKS];
    uint64_t written;
    struct dice dice;
    enum full_mood mood;
    int64_t call_at_ms, backoff_ms;
    size_t link;
    ward_peer peer;
    struct ward_batch batch;
    struct ward_talk talk;
    /* of the wait at hand */
    int64_t begun_ms, first_ms, last_ms, edit_ms; /* 0: not yet, or none */
    uint64_t news;                                /* the last of the hub's that has come */
};
struct full_crowd {
    const struct full_ward *ward;
    struct full_cell *cells;
    size_t count;
    struct ward_link **links; /* each for so many calls as a link takes */
    size_t link_count;
    char address[128];
    struct ward_grant hub;
    struct full_times edits, news;
    int64_t news_ms[4096]; /* when the hub's change of that number was written, modulo */
    uint64_t calls, broken, errors[1000];
    int64_t ticked_ms;
};
int64_t full_now(void);
void full_crowd_open(struct full_crowd *c, const struct full_ward *w, size_t count, uint64_t seed);
void full_crowd_close(struct full_crowd *c);
void full_cell_open(struct full_crowd *c, struct full_cell *x);
void full_cell_shut(struct full_crowd *c, struct full_cell *x);
void full_cell_call(struct full_cell *x, int64_t at_ms); /* from now on, until told to go */
void full_cell_write(struct full_crowd *c, struct full_cell *x, size_t changes);
void full_cell_leave(struct full_crowd *c, struct full_cell *x, bool with_a_word);
bool full_cell_level(const struct full_cell *x); /* on the line, and both hold the same */
/* One round of all: what has come, what is due. Sleeps a little where nothing was. */
void full_crowd_step(struct full_crowd *c);

#endif
