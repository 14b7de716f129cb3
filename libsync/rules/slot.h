/* slot.h - the one merge mechanism: a record's slots, each the set of values not yet superseded. proto/merge.md.
 *
 * A new value of change c supersedes, in its slot, exactly the live values that c had seen:
 *
 *   class      the slot is of            supersedes a seen value if
 *   open       the field                 always
 *   governed   the field                 rank(c) >= rank of its author
 *   member     the field and the key     always
 *   sum        the field and the author  always (the author's own running total: seen or not)
 *
 * Pure: memory comes from the arena given, authors from the table given.
 */
#ifndef WARD_SLOT_H
#define WARD_SLOT_H

#include "base/arena.h"
#include "base/buf.h"
#include "values/vv.h"
#include "wardsync.h"

/* Who stands behind a feed number; index is fid. */
struct ward_author {
    struct ward_hash feed;
    uint8_t rank;
};
struct ward_authors {
    const struct ward_author *v;
    size_t count;
};

struct ward_live_value {
    uint32_t fid;
    uint64_t seq, depth;
    const uint8_t *raw; /* encoded */
    size_t len;
};
/* For sums all authors' totals stand in one struct; each fid is a slot of its own. */
struct ward_slot {
    uint32_t field, key_len;
    const uint8_t *key;
    struct ward_live_value *live;
    uint32_t live_count, live_cap;
};
struct ward_state {
    struct ward_arena *arena;
    struct ward_slot *slots; /* ascending by (field, key) */
    uint32_t slot_count, slot_cap;
};

struct ward_write {
    uint32_t field;
    const uint8_t *key;
    size_t key_len;
    const uint8_t *raw;
    size_t raw_len;
    uint32_t fid;
    uint64_t seq, depth;
    bool late; /* of its own feed the change had seen no more than own_seen, and itself */
    uint64_t own_seen;
};

void ward_state_init(struct ward_state *s, struct ward_arena *arena);
/* Applies one write; seen is the context of its change (the own feed is seen up to seq, or as `late` says). Copies what it keeps.
 * WARD_ERR_MEMORY: the state is as it was. */
int ward_slot_write(struct ward_state *s, const struct ward_write *w, const struct ward_vv *seen, const struct ward_authors *authors);

/* Puts a value beside those that are live: out of a snapshot, where all that is superseded is gone already. Copies what it keeps.
 * WARD_ERR_MEMORY; WARD_ERR_CORRUPT: it is there. */
int ward_slot_restore(struct ward_state *s, uint32_t field, const void *key, size_t key_len, const struct ward_live_value *v);

/* As the store keeps it. Decoding copies into the arena and takes only what encoding gives of these authors: slots ascending, each with a
 * live value, each value by one of them. So whoever has decoded a state may look its authors up. WARD_ERR_CORRUPT. */
void ward_state_encode(struct ward_buf *out, const struct ward_state *s);
int ward_state_decode(struct ward_state *s, const struct ward_authors *authors, const void *p, size_t len);

const struct ward_slot *ward_state_find(const struct ward_state *s, uint32_t field, const void *key, size_t key_len);
/* The slots of a member field: [*first, result). */
size_t ward_state_range(const struct ward_state *s, uint32_t field, size_t *first);

/* Puts every slot's live values in descending order (proto/merge.md): so they are listed alike wherever the same changes are held. */
void ward_state_order(struct ward_state *s, const struct ward_authors *authors);
/* The greatest by rank, depth, feed, seq (proto/merge.md); live_count > 0. */
const struct ward_live_value *ward_slot_shown(const struct ward_slot *slot, const struct ward_authors *authors);
struct ward_value ward_live_decode(const struct ward_live_value *v);
bool ward_value_is_true(const struct ward_live_value *v);
int64_t ward_slot_sum(const struct ward_slot *slot); /* saturating */
/* Shown at all: some live value of presence is true, or there is none. */
bool ward_state_present(const struct ward_state *s);

#endif
