/* observe.h - what can be seen of device 0: its state in one digest, the names of its files, and whether others know more of it. */
#ifndef WARD_FAULTS_OBSERVE_H
#define WARD_FAULTS_OBSERVE_H

#include "scenario.h"

/* Opens device 0 for the time if it is closed. */
int observe(struct world *w, const struct scenario *s, struct ward_hash *out, struct ward_error *err);

#define NAMES_MAX 24
struct names {
    char name[NAMES_MAX][64];
    size_t count;
};
/* Of the files on disk 0, but those that SQLite makes beside a database. */
void names_of(const struct world *w, struct names *out);
bool names_hold(const struct names *n, const char *name);

/* What device i (open) holds of device 0 stands in device 0 (open) too, and is the same: false if not. */
bool published_is_held(struct world *w, size_t i);

#endif
