/* base.h - what a space begins with where its history is not held: the state that the history had come to, as a snapshot (rules/snapshot.h)
 * on somebody's word. proto/snapshot.md.
 *
 * A feed's row with a base begins after seq `base`: up to there nothing of it is in the log, and all of it has effect in the base's
 * records. The ward space has none, so who may write what is always judged from whole histories.
 */
#ifndef WARD_BASE_H
#define WARD_BASE_H

#include "replica/apply.h"
#include "rules/snapshot.h"

bool ward_space_has_base(const struct ward_replica *r, const struct ward_space *s);
/* By what is known by now, something in the base has no effect, and only the history can tell what has: it is wanted. */
bool ward_space_wants_history(const struct ward_replica *r, const struct ward_space *s);

/* A snapshot in memory, to be sent or kept. */
struct ward_made_part {
    uint32_t feed; /* of stamps: its index + 1; else 0 */
    uint32_t codec;
    uint8_t *data;
    size_t len;
};
struct ward_made {
    const struct ward_env *env;
    uint32_t sid;
    struct ward_buf head; /* what is sealed */
    struct ward_made_part *parts;
    size_t part_count, part_cap;
    struct ward_vv upto; /* by fid: the heads it is of */
};
/* The space as it stands in the store. Within a look or a transaction. */
int ward_base_make(struct ward_made *out, struct ward_replica *r, uint32_t sid, struct ward_error *err);
/* The space's own base, as it is kept. signature: its maker's; zeros where that is this device. WARD_ERR_NOT_FOUND. */
int ward_base_copy(struct ward_made *out, struct ward_replica *r, uint32_t sid, uint8_t signature[64], struct ward_error *err);
void ward_made_free(struct ward_made *m);
/* Whose word the space's base is. WARD_ERR_NOT_FOUND. */
int ward_base_maker(struct ward_replica *r, uint32_t sid, struct ward_hash *grant, struct ward_error *err);

/* A snapshot that came in: its head is checked and staged, and part after part behind it; with the last of them it becomes the space's
 * base, and what the log held below goes. All within a write transaction. WARD_ERR_SPACE, WARD_ERR_GRANT_UNKNOWN, WARD_ERR_NOT_ENTITLED
 * (its maker may not make one), WARD_ERR_SEAL, WARD_ERR_HISTORY (this device holds another history, or more of it). */
int ward_base_take_head(struct ward_apply *a, const struct ward_snapshot_head *h, struct ward_hash *space, struct ward_error *err);
/* number: from 1 on. *adopted: it was the last; then *sid is the space's. WARD_ERR_CHAIN: not the part that the head names. */
int ward_base_take_part(struct ward_apply *a, const struct ward_hash *space, uint32_t number, uint32_t codec, const uint8_t *data,
                        size_t len, bool *adopted, struct ward_error *err);

/* The changes of a circle's space up to these heads leave the log, and what they came to becomes its base; the heads must be held and
 * causally closed. Nothing happens where the base is there already or beyond, or a branch leaves below. Within a write transaction. */
struct ward_base_head {
    uint32_t fid;
    uint64_t seq;
};
int ward_base_settle(struct ward_apply *a, uint32_t sid, const struct ward_base_head *heads, size_t count, struct ward_error *err);

/* Whether what is kept is what its maker has sealed, part by part. WARD_ERR_CORRUPT, WARD_ERR_SEAL, WARD_ERR_CHAIN. */
int ward_base_check(struct ward_replica *r, uint32_t sid, struct ward_error *err);
/* For replaying: the base's records and what its feeds had seen. No-op without one. */
int ward_base_restore(struct ward_apply *a, uint32_t sid, struct ward_error *err);
/* When a change below the base was written, by its author's clock. WARD_ERR_HISTORY: it is not known here any more. */
int ward_base_stamp(struct ward_replica *r, uint32_t fid, uint64_t seq, int64_t *wall_ms, struct ward_error *err);

#endif
