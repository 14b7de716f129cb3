/* work.h - the workload "ward week": cells x tasks x edits of one field each, every edit a change of its own. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "wardsync.h"

#define BENCH_KIND_TASK 16u
enum {
    BENCH_TITLE = WARD_FIELD(WARD_OPEN, 1),
    BENCH_STATUS = WARD_FIELD(WARD_OPEN, 2),
    BENCH_LEAD = WARD_FIELD(WARD_OPEN, 3),
    BENCH_DEADLINE = WARD_FIELD(WARD_OPEN, 4),
    BENCH_PERCENT = WARD_FIELD(WARD_OPEN, 5),
    BENCH_NOTE = WARD_FIELD(WARD_OPEN, 6),
    BENCH_PRIORITY = WARD_FIELD(WARD_OPEN, 7),
    BENCH_UPDATED_BY = WARD_FIELD(WARD_OPEN, 8)
};
extern const struct ward_schema bench_schema;

struct bench_scale {
    unsigned cells, tasks, edits;
};

struct bench_rng {
    uint64_t s;
};
uint64_t bench_next(struct bench_rng *r);
unsigned bench_below(struct bench_rng *r, unsigned n);
void bench_fill(struct bench_rng *r, void *out, size_t len);

struct bench_edit {
    uint32_t task, field;
    struct ward_value value;
};
/* What one cell writes, in its order: tasks interleaved, the title of each first. */
struct bench_week {
    struct bench_edit *edits;
    size_t count, value_bytes;
    uint8_t *text;
    size_t text_len, text_cap;
};
int bench_week_make(struct bench_week *w, uint64_t seed, unsigned cell, unsigned tasks, unsigned edits);
void bench_week_free(struct bench_week *w);

#endif
