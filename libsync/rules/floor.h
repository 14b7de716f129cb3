/* floor.h - what is settled of a space for ever: heads that all devices have acknowledged. proto/authority.md. */
#ifndef WARD_FLOOR_H
#define WARD_FLOOR_H

#include "base/buf.h"
#include "rules/authority.h"
#include "wardsync.h"

struct ward_floor_entry {
    struct ward_hash feed;
    uint64_t seq;
    struct ward_hash hash; /* of the change at seq */
    uint64_t effect;       /* the last change of these that has effect */
};
/* What somebody proposed: a value in the ward space, known by its own bytes. */
struct ward_floor {
    struct ward_id space; /* its entity */
    struct ward_hash name;
    const struct ward_floor_entry *entries; /* ascending by feed */
    size_t count;
};
/* One operation that closes a floor: from then on it stands. */
struct ward_closing {
    uint32_t fid; /* the author's feed */
    uint64_t seq, depth;
    uint32_t nth; /* operation of the change */
    uint8_t rank;
    struct ward_hash author_feed;
    struct ward_id space;
    struct ward_hash name; /* of the floor */
    bool effective;        /* decided by ward_directory_judge */
};

void ward_floor_entity(struct ward_id *out, const struct ward_hash *space);
void ward_floor_write(struct ward_buf *out, const struct ward_floor_entry *entries, size_t count);
/* Ascending by feed, seq at least 1, effect less than seq where it is named. WARD_ERR_2xx. entries has room for cap; WARD_ERR_RANGE
 * beyond. */
int ward_floor_parse(struct ward_floor_entry *entries, size_t cap, size_t *count, const void *p, size_t len);
void ward_floor_name(struct ward_hash *out, const void *value, size_t len);
/* What of a feed is settled once this entry has come upon what was settled before (seq 0: nothing). */
void ward_floor_raise(struct ward_floor_entry *settled, const struct ward_floor_entry *entry);

/* The order of cuts, in which closings stand too: whether `cut` comes before the closing (not where both are of one change). */
bool ward_cut_before_closing(const struct ward_cut *cut, const struct ward_closing *closing);
void ward_closings_sort(struct ward_closing *closings, size_t count);

#endif
