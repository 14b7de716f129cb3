/* run.h - one simulation from beginning to end. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "world.h"

struct run_options {
    uint64_t seed, faults;
    unsigned weeks;
    bool print_trace;
};
struct run_result {
    bool failed;
    char violation[600];
    uint64_t trace_hash, trace_lines;
    uint64_t deeds[DEEDS], injected[FAULTS];
    uint64_t devices, changes;
    uint64_t hub_heads; /* of all that the hub holds at the end */
};
/* The ward is founded, lives for some weeks among the faults named, heals, meets, and is looked at. */
void run(const struct run_options *options, struct run_result *out);
/* All meet by way of the hub, round after round; no fault happens. */
void run_rounds(struct world *w, int rounds);

#endif
