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
bool ward_space_is_doubtful(const struct ward_replica *r, const struct ward_space *s);
/* It is, or something came that rests on what lies below. */
bool ward_space_wants_history(const struct ward_replica *r, const struct ward_space *s);
/* A run of that space was refused with WARD_ERR_HISTORY: what lies below its base, if it has one, is wanted from now on. Within a write
 * transaction. */
int ward_base_note_lack(struct ward_replica *r, const uint8_t *space8, struct ward_error *err);

/* A snapshot in memory, to be sent or kept. */
struct ward_made_part {
    uint32_t codec;
    uint8_t *data;
    size_t len;
};
struct ward_made {
    const struct ward_env *env;
    ward_replica *r;
    uint32_t sid;
    struct ward_buf head; /* what is sealed */
    struct ward_made_part *parts;
    size_t part_count, part_cap;
    struct ward_vv upto; /* by fid: the heads it is of */
};
/* The space as it stood at its floor: of each feed what is settled and has effect. In a transaction of its own, that is taken back.
 * *made false: nothing is settled of it, or not all that is settled is held. */
int ward_base_make_settled(struct ward_made *out, struct ward_replica *r, uint32_t sid, bool *made, struct ward_error *err);
/* All that closed floors of the space name is held as they say. */
int ward_base_holds_settled(ward_replica *r, const struct ward_space *s, bool *out, struct ward_error *err);
void ward_made_free(struct ward_made *m);
/* Whose word the space's base is. WARD_ERR_NOT_FOUND. */
int ward_base_maker(struct ward_replica *r, uint32_t sid, struct ward_hash *grant, struct ward_error *err);

/* One that is given, frame by frame. */
struct ward_giving {
    struct ward_made made;
    uint8_t signature[64];
    size_t next; /* 0: the head */
};
/* This device's own word counts, or the base here is the word of another. */
bool ward_base_may_give(struct ward_replica *r, const struct ward_space *s);
/* Who holds this much lacks what lies below a base here. */
bool ward_space_is_below(const struct ward_replica *r, const struct ward_space *s, const struct ward_vv *have);
/* WARD_ERR_HISTORY: it cannot be told by its state. *out NULL on failure. */
int ward_giving_begin(struct ward_giving **out, ward_replica *r, uint32_t sid, struct ward_error *err);
bool ward_giving_next(struct ward_giving *g, const ward_replica *r, struct ward_buf *out); /* false: all frames are out */
void ward_giving_end(struct ward_giving **g, ward_replica *r);

/* A snapshot that comes in, frame by frame: its head is checked and staged, and part after part behind it; with the last of them it becomes
 * the space's base, and what the log held below goes. What is held here already with its history is passed over. Within a write
 * transaction. *adopted: with this frame it has become the base. WARD_ERR_SPACE, WARD_ERR_GRANT_UNKNOWN, WARD_ERR_NOT_ENTITLED (its maker
 * may not make one), WARD_ERR_SEAL, WARD_ERR_HISTORY (another history is held here, or one that begins later), WARD_ERR_CHAIN (not the part
 * that the head names), WARD_ERR_GAP (a part without its head). */
struct ward_taking {
    struct ward_hash space; /* of the last head */
    bool on, pass;          /* there was one; nothing of it is needed */
    /* By row of this device's own feeds, also former ones, of which the giver has shown another history: the last change that is known to
     * be the same there, and the first that is known to be another. */
    struct ward_vv alike, differs;
    struct ward_vv onward; /* by trunk: the head it has here, where the giver has shown one history that goes on from it */
};
struct ward_message;
int ward_base_take(struct ward_taking *t, struct ward_apply *a, const struct ward_message *m, bool *adopted, struct ward_error *err);

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
