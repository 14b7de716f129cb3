/* ingest_parts.h - what the files of ingest share, and nobody else needs. */
#ifndef WARD_REPLICA_INGEST_PARTS_H
#define WARD_REPLICA_INGEST_PARTS_H

#include "replica/ahead.h"
#include "replica/ingest.h"

/* A run on its way through the checks. Nothing here is in the directory yet. */
struct ward_incoming {
    struct ward_replica *r;
    const struct ward_run *run;
    struct ward_hash space_id;
    const struct ward_id *circle;
    size_t circle_count;
    const struct ward_space *space; /* NULL: new here */
    const struct ward_feed *trunk;  /* NULL: the feed is new here */
    const struct ward_feed *feed;   /* the row whose chain the run follows; NULL: new here */
    bool leaves;                    /* it leaves that chain before its head: a new branch */
    bool again;                     /* the space's history has taken its base's place: all is to be looked at anew */
    bool fresh;                     /* of the run nothing has been taken in yet */
    bool below;                     /* what it has below the base waits for what it has beyond: it is to be looked at anew */
    bool gives_way;                 /* it does, and what is held there is withdrawn for it */
    uint32_t instead;               /* the branch to be given up for it, or 0 */
    const struct ward_grant *grant;
    struct ward_floor_entry settled;     /* of the feed, whether it is here or not */
    struct ward_hash feed_id, head_hash; /* head: where what is new begins, the row's head or before */
    uint64_t head_seq, head_depth;
    struct ward_vv vv;        /* as it grows along the run */
    struct ward_vv vv_before; /* of a branch: where it begins */
    size_t skipped;           /* bytes of bodies held already */
    struct ward_hash last_hash;
    uint64_t last_depth;
    struct ward_ahead_run *ahead; /* what was read of it before its turn, or NULL */
    struct ward_reading reading;
};

/* Of the feed of this device's own grant. */
bool ward_incoming_is_own(const struct ward_incoming *in);

/* Where a run belongs that does not simply go on where a feed ends: it begins before the head, or the feed has branches. Sets the row it
 * follows, where what is new begins, and what becomes of what is held there; *duplicate: all of it is here. raw: its bodies.
 * WARD_ERR_SEAL, WARD_ERR_SETTLED, WARD_ERR_BRANCHES, of bodies and of the store. */
int ward_ingest_place(struct ward_incoming *in, const struct ward_buf *raw, bool *duplicate, struct ward_error *err);

/* The run has been checked: it goes into the directory, the log and the state. WARD_ERR_MEMORY, of the store. */
int ward_ingest_take_in(struct ward_incoming *in, struct ward_apply *a, const struct ward_buf *raw, struct ward_ingested *out,
                        struct ward_error *err);

#endif
