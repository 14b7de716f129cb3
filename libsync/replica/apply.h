/* apply.h - effective changes into state, in one write transaction: slots, plain tables, conflicts, grants, cuts, digests.
 *
 * Both ways of coming by a change (commit here, ingest from elsewhere) end here. Records are read once and written once per transaction.
 */
#ifndef WARD_APPLY_H
#define WARD_APPLY_H

#include "replica/records.h"
#include "replica/replica.h"

struct ward_apply {
    ward_replica *r;
    struct ward_records records;
    struct ward_vv context; /* of a late change, while it is applied */
    bool authority_changed; /* grants, cuts or branches came: limits must be looked at again */
    uint64_t changes;
};

/* Takes the write lock, begins, brings the directory up to date, and the plain tables if another schema made them. */
int ward_apply_begin(struct ward_apply *a, ward_replica *r, struct ward_error *err);
/* One change of feed fid at seq, whose deps are held. Raises the feed's vv by them. Pointers of the change are not kept. */
int ward_apply_change(struct ward_apply *a, uint32_t fid, uint64_t seq, const struct ward_change *change,
                      const struct ward_scratch *scratch, struct ward_error *err);
/* The same of one that was applied before: its grants and cuts are known. */
int ward_apply_again(struct ward_apply *a, struct ward_feed *f, uint64_t seq, const struct ward_change *change,
                     const struct ward_scratch *scratch, struct ward_error *err);
/* The grants and cuts of one change alone. */
int ward_apply_authority(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, const struct ward_change *change,
                         const struct ward_op *ops, struct ward_error *err);
/* The record's slots as they stand within this transaction; NULL state: there is none yet. Valid until the next change. */
int ward_apply_peek(struct ward_apply *a, uint32_t sid, uint32_t kind, const struct ward_id *entity, const struct ward_state **out,
                    struct ward_error *err);
/* Writes plain rows and conflicts of a space anew from its records. */
int ward_apply_reshow(struct ward_apply *a, uint32_t sid, struct ward_error *err);
/* Replays a space from its base (base.h; most have none) and the log into empty state, within the limits of its feeds. */
int ward_apply_replay(struct ward_apply *a, uint32_t sid, struct ward_error *err);
/* The same, of each feed no further than upto names (a feed missing there: nothing beyond its base). The state stays so: to be looked at,
 * and replayed in full. */
int ward_apply_replay_upto(struct ward_apply *a, uint32_t sid, const struct ward_vv *upto, struct ward_error *err);
/* A live value out of a base, into a record that is being restored. WARD_ERR_CORRUPT: it is there. */
int ward_apply_restore(struct ward_apply *a, uint32_t sid, uint32_t kind, const struct ward_id *entity, uint32_t field, const void *key,
                       size_t key_len, const struct ward_live_value *v, struct ward_error *err);
/* Loads the directory anew from what this transaction has stored: after grants or cuts were taken back. What that changes of feeds' limits
 * is replayed at the end. Rows move. */
int ward_apply_rejudge(struct ward_apply *a, struct ward_error *err);
/* Writes out the records held so far. */
int ward_apply_write(struct ward_apply *a, struct ward_error *err);
/* Ends: with rc 0 writes everything and commits, durable on return; otherwise, or if that fails, rolls back and reloads. Returns what came
 * of it. */
int ward_apply_end(struct ward_apply *a, int rc, struct ward_error *err);

#endif
