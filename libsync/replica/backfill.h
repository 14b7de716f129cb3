/* backfill.h - the history below a base, fetched after all. It is kept aside as it comes, each run proven by its author's seal, and when
 * all of it is there it takes the base's place: from then on the space stands as if its history had been held from the first.
 */
#ifndef WARD_BACKFILL_H
#define WARD_BACKFILL_H

#include "replica/apply.h"
#include "rules/frame.h"

/* A checked run (space, grant, right to write) of a row with a base that it begins at or below; raw: its bodies. *whole: with it all of the
 * space's history is there, and took the base's place; rows have moved. *differs: what it comes to is not what the base said, by nothing
 * that became known since: its maker's word was false. Of branches, and what does not follow what has come, nothing is kept and nothing
 * said. Within a write transaction. WARD_ERR_HISTORY: it is another history than the base is of. */
int ward_backfill_take(struct ward_apply *a, uint32_t fid, const struct ward_run *run, const struct ward_buf *raw, bool *whole,
                       bool *differs, struct ward_error *err);

/* A change below a row's base, from what has come of its history: once that reaches the base it is known to be the base's. Else
 * WARD_ERR_HISTORY. */
int ward_backfill_at(ward_replica *r, const struct ward_feed *f, uint64_t seq, struct ward_hash *hash, uint64_t *depth,
                     struct ward_error *err);

#endif
