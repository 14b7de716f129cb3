/* scenario.h - what is done while faults strike: a set-up, and a few steps. A step may be done in parts of its own (batches), each of
 * them atomic; done again, from any of these on, it comes to the same end.
 */
#ifndef WARD_FAULTS_SCENARIO_H
#define WARD_FAULTS_SCENARIO_H

#include "values/feed.h"
#include "values/hash.h"
#include "world.h"

struct scenario {
    const char *name;
    int steps;
    bool opens;  /* device 0 is opened before the first step; else the steps see to it */
    bool fresh;  /* device 0 has no home before the first step */
    bool clean;  /* what fails leaves no file behind */
    bool peers;  /* devices 1 and 2 take part: what they were given must stay with device 0 */
    bool varies; /* done again it writes something else: states are compared by their numbers only */
    void (*set_up)(struct world *w);
    int (*step)(struct world *w, int k, struct ward_error *err);
    /* Adds to the digest of a state what lies outside the replica. */
    int (*look)(struct world *w, ward_hasher *h, struct ward_error *err);
};

extern const struct scenario *const all_scenarios[]; /* ends with NULL */

#endif
