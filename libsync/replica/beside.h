/* beside.h - what lies beside the settled history of a feed (proto/authority.md, Floor), and what rests on that: few hold it, and nobody
 * else takes it any more.
 */
#ifndef WARD_BESIDE_H
#define WARD_BESIDE_H

#include "replica/replica.h"

/* Whether the row's change at seq lies beyond what is settled of its feed, on another chain. */
int ward_beside_at(ward_replica *r, const struct ward_feed *row, uint64_t seq, bool *beside, struct ward_error *err);
/* The changes of the space that name such a one, or one that does: by row the seq of the first, for all after it rest on it too. What lies
 * beside itself is not among them. */
int ward_beside_resting(ward_replica *r, uint32_t sid, struct ward_vv *first, struct ward_error *err);

#endif
