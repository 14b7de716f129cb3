/* ahead.h - runs read before their turn has come, by a second thread, where the application gives one (struct ward_helper).
 *
 * What is found stands beside all that was asked, bytes and chain; when the run's turn comes it is taken if it is asked just the same, and
 * else the run is read anew. So whether there is a second thread, and how far it has come, shows in nothing but time.
 */
#ifndef WARD_AHEAD_H
#define WARD_AHEAD_H

#include "base/buf.h"
#include "replica/reading.h"
#include "rules/frame.h"

struct ward_ahead; /* NULL: there is no second thread; then nothing is begun, and nothing is there to be taken */
struct ward_ahead_run;

/* WARD_ERR_MEMORY. */
int ward_ahead_open(struct ward_ahead **out, const struct ward_env *env, const struct ward_helper *helper);
void ward_ahead_close(struct ward_ahead *a);

/* Whether one more can be begun: so many wait at most. */
bool ward_ahead_has_room(const struct ward_ahead *a);
/* Begins with a run, in the order in which their turns are likely to come, where there is room and memory. Its bytes are copied. asked:
 * what of a reading is asked. known: what comes before it is certain; else it is where a run begun earlier has ended, or a guess. */
void ward_ahead_begin(struct ward_ahead *a, const struct ward_run *run, const struct ward_reading *asked, bool known);
/* What was begun of this very run; its bodies are in raw then, for which raw's own memory is given. Where the other thread is at it, this
 * one waits, or reads the one behind it meanwhile. NULL: nothing was begun, nobody has come to it yet, or it could not be unpacked. Valid
 * until the next begins. */
struct ward_ahead_run *ward_ahead_take(struct ward_ahead *a, const struct ward_run *run, struct ward_buf *raw);
/* The rest of it into x and s, if x asks just the same. */
bool ward_ahead_read(struct ward_ahead_run *run, struct ward_reading *x, struct ward_scratch *s);

#endif
