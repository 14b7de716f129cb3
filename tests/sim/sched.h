/* sched.h - virtual time: what happens next, in order of (time, number). Nothing here knows what time it is outside. */
#ifndef SIM_SCHED_H
#define SIM_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void sched_fn(void *ctx, uint64_t n);

struct sched_event {
    int64_t at;
    uint64_t number;
    sched_fn *fn;
    void *ctx;
    uint64_t n;
};
struct sched {
    int64_t now; /* ms */
    uint64_t number;
    struct sched_event *heap;
    size_t count, cap;
};

void sched_at(struct sched *s, int64_t at, sched_fn *fn, void *ctx, uint64_t n);
/* The next event before `until`, if there is one; the clock goes to it. False: none, and the clock stands at `until`. */
bool sched_step(struct sched *s, int64_t until);
void sched_free(struct sched *s);

#endif
