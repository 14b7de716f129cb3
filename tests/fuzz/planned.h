/* planned.h - an office with a plan: units, tasks of every kind of due date, proposals, an event, a report. Always the same, on disks of
 * memory. For targets that read what people write. */
#ifndef WARD_TEST_FUZZ_PLANNED_H
#define WARD_TEST_FUZZ_PLANNED_H

#include "fuzz.h"
#include "wardsync_plan.h"

/* As it was at the beginning, on one of two disks; its home is /p0/home or /p1/home. */
ward_replica *planned_open(unsigned at);
void planned_reset(unsigned at); /* the same without opening it */
ward_replica *planned_reopen(unsigned at);
/* All that is held: equal exactly if nothing was written. */
struct ward_hash planned_digest(ward_replica *r);

#endif
