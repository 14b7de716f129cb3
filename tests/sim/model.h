/* model.h - what was written, by whom and having seen what, kept beside the run; and the merge of proto/merge.md and authority.md over it,
 * slow and obvious, with nothing of the library's but the hash, the writing of CBOR and the parser of a change's body.
 *
 * A change enters when it is first seen in the store of a device that may have authored it, and stays: what all have lost may come back
 * from where nobody thought of. A feed is a tree of branches, nearly always one. Devices hold prefixes of branches: a vector of seqs by the
 * branch's number says all that a replica holds; who holds something of a branch holds its stem up to where it left. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "world.h"

#define MODEL_FEEDS_MAX 256

struct model_vv { /* seq by feed number; shorter ones go on with zeros */
    uint32_t count;
    uint32_t *seq;
};
struct model_op {
    uint32_t kind, field;
    struct ward_id entity;
    uint8_t key_len, key[64];
    uint32_t len;
    const uint8_t *raw;
};
struct model_change {
    struct ward_hash hash;
    uint64_t depth, number; /* in the order in which they came to the model */
    bool late;
    bool brings_in, cuts, settles; /* what stands in it: a grant or an invitation, a cut, a floor or its closing */
    struct model_vv seen;          /* what its author had taken in; its own feed up to itself */
    struct model_vv sight;         /* a late change: what it had seen, else the same */
    struct model_op *ops;
    size_t op_count;
};
struct model_feed { /* a branch of one */
    struct ward_hash id, grant;
    size_t space;
    struct device *author; /* NULL: the root */
    unsigned rank;
    bool forked;                  /* on the first: others than its author hold two of its branches, between them */
    size_t stem, next;            /* the branch that it left; the next of the same feed. SIZE_MAX: none */
    size_t first;                 /* branch of the feed */
    uint64_t base;                /* the last seq that is its stem's */
    struct model_change *changes; /* [seq - base - 1] */
    uint64_t count;               /* the last seq */
    size_t cap;
};
struct model_space {
    struct ward_hash id;
    bool is_ward;
    struct ward_id units[4];
    size_t unit_count;
};
/* Changes that their device has taken back, since its feed went on otherwise elsewhere: it is to write them anew. */
struct model_withdrawn {
    struct device *d;
    size_t branch;
    uint64_t seq;
    bool anew;    /* or lost together with the disk */
    bool of_more; /* what tells it claims to have seen more than it had, if it does tell it */
};
struct model_record {
    uint32_t kind;
    struct ward_id entity;
    size_t space;
};
struct model {
    struct world *w;
    struct model_feed feeds[MODEL_FEEDS_MAX];
    size_t feed_count;
    struct model_space spaces[MODEL_FEEDS_MAX];
    size_t space_count;
    struct model_record *records;
    size_t record_count, record_cap;
    struct model_withdrawn *withdrawn;
    size_t withdrawn_count, withdrawn_cap;
    uint64_t change_count;
    uint8_t *arena; /* chunks, chained by their first pointer */
    size_t arena_left;
    uint8_t *arena_at;
};

struct model *model_new(struct world *w);
void model_free(struct model *m);

/* Looks at what a replica holds now, outside a transaction: takes in what its device wrote, and checks what others did (S3, S4, S5, S9,
 * S12). What it holds is durable from now on. True: it looked, and all was as it is known; so it will be until a row of the replica's
 * directory, what the device is known to hold, or the model changes. */
bool model_observe(struct device *d, ward_replica *r);
void model_look(const struct model *m, const ward_replica *r, uint64_t *held);                       /* what it holds, of what is known */
size_t model_find_feed(const struct model *m, const struct ward_hash *id);                           /* its first branch; SIZE_MAX: none */
size_t model_find_branch(const struct model *m, size_t first, uint64_t seq, const uint8_t hash[32]); /* on which this change lies */
size_t model_find_short(const struct model *m, const uint8_t space8[8], const uint8_t grant8[8]);    /* the same */
size_t model_find_space(const struct model *m, const struct ward_hash *id);
size_t model_ward_space(const struct model *m);
const struct model_change *model_change(const struct model *m, size_t branch, uint64_t seq);
/* The last seq before somebody who holds so much sees the feed of this branch part; UINT64_MAX: it does not. */
uint64_t model_fork_point(const struct model *m, size_t branch, const uint64_t *held);
bool model_tainted(const struct model *m, size_t space); /* by a fork in it or in the ward space, of which both branches live */

/* What must be the state of a space where `held` is held. cuts false: as if nobody had been cut. */
void model_digest(const struct model *m, size_t space, const uint64_t *held, bool cuts, struct ward_hash *out, size_t *conflicts,
                  const struct ward_schema *schema);
/* Whose grant or invitation is held by nobody but itself is stranded: every door is shut to a key that is not known, so that it cannot
 * bring it back; an operator has to invite it anew, or a stick carry it. So is one whose grant or invitation others hold, but beyond a fork
 * of who gave it, where it has no effect: that is for people to mend. To be looked at again when devices were restored, or have met; true:
 * something has changed. */
bool model_find_stranded(struct model *m);
bool model_knows(const struct model *m, const struct device *d, const struct device *whom); /* its grant, as having effect */
/* Finds what withdrawn changes were written anew as: late changes of the same author and space hold the last value of each of their slots,
 * and claim to have seen no more of others than the withdrawn ones had (S9). Gives the first of those of devices that count which was not;
 * NULL: all were. */
const struct model_withdrawn *model_written_anew(struct model *m);
/* What a device wrote under former grants, in spaces where it goes on, and has not written anew; and of how many branches of feeds that
 * have others besides it has. */
uint64_t model_waiting(const struct model *m, const struct device *d, size_t *branches);
size_t model_releases(const struct model *m, const uint64_t *held); /* branches of which something was written anew */
/* The device's disk is restored: what it was to write anew and has not is gone like anything else that it had not given to anybody. */
void model_forget_withdrawn(struct model *m, const struct device *d);
/* Up to which change of a feed, and which one that is, by what is held; 0: nothing is settled. */
uint64_t model_settled(const struct model *m, const uint64_t *held, size_t first, struct ward_hash *hash);
/* The last change of a branch before it leaves the chain that is settled of its feed, by what is held; 0: all of it lies beside that;
 * UINT64_MAX: it does not. */
uint64_t model_settled_share(const struct model *m, const uint64_t *held, size_t branch);
/* All that is settled of the space, by what is held, is held: "a replica that took another chain cannot tell what is settled of it". */
bool model_can_tell(const struct model *m, size_t space, const uint64_t *held);
bool model_is_cut(const struct model *m, const uint64_t *held, const struct ward_hash *grant);     /* by what is held */
bool model_has_effect(const struct model *m, const uint64_t *held, const struct ward_hash *grant); /* by what is held */
/* By what all hold that count its grant has effect and is not cut; and it has one history in the ward space. */
bool model_is_in_order(const struct device *d);
/* Whose bundles somebody who holds so much can read, in some order: what was read and the bundle itself say who wrote it. */
void model_find_readable(const struct model *m, const uint64_t *from, bool readable[DEVICES_MAX]);
bool model_is_ended(const struct model *m, const struct ward_hash *grant); /* by what somebody holds */
uint64_t model_quarantined(const struct model *m, const uint64_t *held);   /* changes held that have no effect and were not released */

#endif
