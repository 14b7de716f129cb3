/* plan_ward.h - a ward with a plan, as the program's screens see it: an operator's device that serves as the hub, and a cell per unit. */
#ifndef BENCH_PLAN_WARD_H
#define BENCH_PLAN_WARD_H

#include "bench.h"

/* Makes dir/op, dir/c0 ... at b->scale[b->at] (cells x tasks x edits of each): units, a plan, tasks written one edit a change (with
 * b->check 50); a report for every 50 tasks, and for every 100 tasks of a cell a note, a conflict and a proposal that waits for the
 * operator. The operator holds all. */
void plan_ward_make(struct bench *b, struct bench_ward *w);
/* What `to` lacks of what `from` holds and it may read. */
void plan_ward_carry(struct bench_ward *w, ward_replica *from, ward_replica *to);

#endif
