/* feed.h - the names that certify themselves (ward, space, grant, feed) and the hash chain of a feed. proto/change.md. */
#ifndef WARD_FEED_H
#define WARD_FEED_H

#include "wardsync.h"

#define WARD_FORMAT 1 /* version of genesis, grant and frame */

void ward_name_ward(struct ward_hash *out, const uint8_t root_pk[32]);
/* circle: ascending, no duplicates; count 0: the ward space. */
void ward_name_space(struct ward_hash *out, const struct ward_hash *ward, const struct ward_id *circle, size_t count);
void ward_name_grant(struct ward_hash *out, const void *grant, size_t len);
void ward_name_feed(struct ward_hash *out, const struct ward_hash *ward, const struct ward_hash *space, const struct ward_hash *grant);
/* The hash of change seq with this body, prev being the hash before it. */
void ward_chain(struct ward_hash *out, uint64_t seq, const struct ward_hash *prev, const void *body, size_t len);

bool ward_circle_sorted(const struct ward_id *circle, size_t count);
bool ward_circle_has(const struct ward_id *circle, size_t count, const struct ward_id *unit);
int ward_id_compare(const struct ward_id *a, const struct ward_id *b);
int ward_hash_compare(const struct ward_hash *a, const struct ward_hash *b);

#endif
