/* model_parts.h - what the files of the model share: model.c (what was written, and who holds it), model_judge.c (what of it has effect),
 * model_merge.c (what state that makes), model_anew.c (what was taken back, and written anew). */
#ifndef SIM_MODEL_PARTS_H
#define SIM_MODEL_PARTS_H

#include "model.h"

#include "rules/authority.h"
#include "rules/floor.h"

#define ROOT_RANK             3u
#define MODEL_KIND_GRANT      1u
#define MODEL_KIND_INVITATION 2u
#define MODEL_KIND_FLOOR      6u
#define MODEL_FIRST_FIELD     4u /* a grant's body, an invitation's key */
#define MODEL_GRANT_CUT       12u

/* The branch of a feed on which this change lies; seq 0 is where the first begins. */
size_t model_branch_at(const struct model *m, size_t first, uint64_t seq, const struct ward_hash *hash);
size_t model_branch_of(const struct model *m, size_t branch, uint64_t seq); /* that a change of this one stands on, itself or a stem */
bool model_parts_at(const struct model *m, size_t first, size_t branch, uint64_t seq, const uint64_t *held); /* two held follow it */

#define CUTS_MAX        128
#define CUT_ENTRIES_MAX 64

/* Where a cut or a closing stands among all of them. */
struct place {
    const struct model_feed *by;
    size_t branch;
    uint64_t seq, depth;
    size_t nth; /* operation of its change */
};
struct model_cut {
    struct place at;
    struct ward_id grant_entity;
    struct ward_cut_entry entries[CUT_ENTRIES_MAX];
    size_t count;
};

/* What is held, judged: how far each feed has effect. */
struct judged {
    const struct model *m;
    const uint64_t *held;
    struct model_cut cuts[CUTS_MAX];
    size_t cut_count;
    bool forks; /* what lies where a feed has parted has no effect */
    uint64_t limit[MODEL_FEEDS_MAX];
    bool known[MODEL_FEEDS_MAX];
    struct ward_floor_entry settled[MODEL_FEEDS_MAX]; /* by a feed's first branch; seq 0: nothing is */
};

/* Of one at a time: the next call makes use of the same place. cuts false: as if nobody had been cut. */
struct judged *model_judge(const struct model *m, const uint64_t *held, bool cuts);
/* The last seq that has effect: up to where it is cut, or parts; nothing where its grant has none. */
uint64_t model_limit(struct judged *g, size_t feed);
/* By what the device holds it lies beside what is settled, or has seen what does. */
bool model_is_beside(const struct model *m, const struct device *d, size_t branch, uint64_t seq);

/* As if the device had withdrawn the change and what follows it in its row up to there: late ones tell what stands in it. */
bool model_is_anew(const struct model *m, const struct device *d, size_t branch, uint64_t seq, uint64_t upto);

/* Its own feed there has branches: until it is let in anew it cannot write in that space. */
bool model_is_frozen(const struct model *m, const struct device *d, size_t space);

#endif
