/* task_chain.h - what a task was in other circles. */
#ifndef WARD_DOMAIN_TASK_CHAIN_H
#define WARD_DOMAIN_TASK_CHAIN_H

#include "wardsync_plan.h"

#define PLAN_MOVES_MAX 64 /* a longer chain is not followed */

/* The task and, as far as they are known here, what it was before each move; the count. */
size_t plan_task_chain(ward_replica *r, const struct ward_id *task, struct ward_id chain[PLAN_MOVES_MAX]);

#endif
