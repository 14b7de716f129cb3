/* model.h - what was written, by whom and having seen what, kept beside the run; and the merge of proto/merge.md and authority.md over it,
 * slow and obvious, with nothing of the library's but the hash, the writing of CBOR and the parser of a change's body.
 *
 * A change enters when it is first seen in the store of a device that may have authored it. Devices hold prefixes of feeds: a vector of
 * seqs by the model's feed number says all that a replica holds. */
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
    uint64_t depth;
    struct model_vv seen; /* its own feed up to itself */
    struct model_op *ops;
    size_t op_count;
};
struct model_feed {
    struct ward_hash id, grant;
    size_t space;
    struct device *author; /* NULL: the root */
    unsigned rank;
    bool forked;
    struct model_change *changes; /* [seq - 1] */
    size_t count, cap;
};
struct model_space {
    struct ward_hash id;
    bool is_ward;
    struct ward_id units[4];
    size_t unit_count;
    bool forked; /* a feed in it has two branches: what depends on them is not the same everywhere */
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
    uint8_t *arena; /* chunks, chained by their first pointer */
    size_t arena_left;
    uint8_t *arena_at;
};

struct model *model_new(struct world *w);
void model_free(struct model *m);

/* Looks at what a replica holds now, outside a transaction: takes in what its device wrote, and checks what others did (S3, S4, S5, S9,
 * S12). What it holds is durable from now on. */
void model_observe(struct device *d, ward_replica *r);
size_t model_find_feed(const struct model *m, const struct ward_hash *id);                        /* SIZE_MAX: none */
size_t model_find_short(const struct model *m, const uint8_t space8[8], const uint8_t grant8[8]); /* the same */
size_t model_find_space(const struct model *m, const struct ward_hash *id);
bool model_tainted(const struct model *m, size_t space); /* by a fork in it or in the ward space */

/* What must be the state of a space where `held` is held. cuts false: as if nobody had been cut. */
void model_digest(const struct model *m, size_t space, const uint64_t *held, bool cuts, struct ward_hash *out, size_t *conflicts,
                  const struct ward_schema *schema);
/* A device was restored. Whose grant is held by nobody but itself is stranded: every door is shut to a key that is not known, so that it
 * cannot bring its grant back; an operator has to invite it anew. */
void model_find_stranded(struct model *m);
/* After that: what nobody holds any more has never been. */
void model_forget_lost(struct model *m);
bool model_is_cut(const struct model *m, const uint64_t *held, const struct ward_hash *grant); /* by what is held */
/* Changes held beyond cuts. */
uint64_t model_quarantined(const struct model *m, const uint64_t *held);

#endif
