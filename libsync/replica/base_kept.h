/* base_kept.h - a base as the store keeps it, and its feeds as rows; for base.c, base_take.c and base_make.c. */
#ifndef WARD_BASE_KEPT_H
#define WARD_BASE_KEPT_H

#include "replica/base.h"
#include "values/seal.h"

#define WARD_BASE_SIGNED WARD_SEAL_BYTES /* the head stands behind its signature */

/* The feeds of a head as rows here. */
struct ward_base_match {
    uint32_t *fids; /* by index; 0: none yet */
    uint64_t *seqs;
};
int ward_base_match_feeds(struct ward_base_match *m, ward_replica *r, const struct ward_space *s, const struct ward_snapshot_head *h,
                          struct ward_error *err); /* s NULL: no rows are looked for */
void ward_base_free_match(struct ward_base_match *m, const struct ward_env *env);
/* The head as it is kept; buf holds its bytes. WARD_ERR_NOT_FOUND. */
int ward_base_load_head(ward_replica *r, const struct ward_hash *space, bool staged, struct ward_buf *buf, struct ward_snapshot_head *h,
                        struct ward_error *err);
/* The seal that the author of a row set just at its base's end, if it is known. */
int ward_base_find_seal(ward_replica *r, const struct ward_feed *f, uint8_t seal[64], bool *found, struct ward_error *err);
/* The head is staged, and what was staged of this space before goes. */
int ward_base_stage_head(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err);
/* The head's feeds, which have rows, begin where it ends: what the log held below goes. */
int ward_base_begin_rows(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_base_match *m, struct ward_error *err);
/* The live changes of a feed from one seq to another, as far as its base says, ascending; fn's failure ends it. */
int ward_base_each_change(ward_replica *r, const struct ward_feed *f, uint64_t from, uint64_t to, ward_snapshot_change_fn *fn, void *ctx,
                          struct ward_error *err);
/* What a state whose parts are all staged shows of a feed that is held here: the last change of it that is the same there, and the first
 * that is another; 0: none is shown. */
int ward_base_shown(ward_replica *r, const struct ward_hash *space, const struct ward_snapshot_head *h, const struct ward_feed *f,
                    uint64_t *alike, uint64_t *differs, struct ward_error *err);
/* What the feed's total in a sum slot was at the end of the base; 0 where it had none. */
int ward_base_total(ward_replica *r, const struct ward_feed *f, uint32_t kind, const struct ward_id *entity, uint32_t field, int64_t *out,
                    struct ward_error *err);
/* A snapshot of what the store holds of m->sid, its feeds up to m->upto: the state and the rows' vectors must be replayed just so. */
void ward_made_begin(struct ward_made *m, ward_replica *r, uint32_t sid);
int ward_base_make_upto(struct ward_made *m, struct ward_error *err);

#endif
