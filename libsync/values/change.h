/* change.h - the body of a change: reading it strictly, writing it deterministically. proto/change.md. */
#ifndef WARD_CHANGE_H
#define WARD_CHANGE_H

#include "base/buf.h"
#include "wardsync.h"

#include <string.h>

#define WARD_KIND_GRANT  1u
#define WARD_KIND_INVITE 2u
#define WARD_KIND_REASON 3u
#define WARD_KIND_WARD   4u
#define WARD_KIND_ASIDE  5u
#define WARD_KIND_FLOOR  6u

struct ward_dep {
    struct ward_hash feed;
    uint64_t seq;
    struct ward_hash hash; /* equal to feed: the own feed, in a late change; then seq may be 0 */
};

/* One operation; pointers are into the body. */
struct ward_op {
    uint32_t record; /* index of (kind, entity) within its change */
    uint32_t kind;
    uint32_t field;
    struct ward_id entity;
    const uint8_t *key; /* member fields only */
    size_t key_len;
    struct ward_value value;
    const uint8_t *raw; /* the value as encoded */
    size_t raw_len;
};

/* A parsed change; deps and ops are ranges in the scratch. */
struct ward_change {
    const uint8_t *p; /* the body */
    size_t len;
    int64_t wall_ms;
    uint64_t depth;
    size_t dep_first, dep_count;
    bool late;         /* deps are all that its author had seen, not what is new */
    uint64_t own_seen; /* late: what it had seen of its own feed */
    size_t op_first, op_count, record_count;
};

/* Where parsed changes put their parts; reused from run to run. */
struct ward_scratch {
    const struct ward_env *env;
    struct ward_change *changes;
    struct ward_dep *deps;
    struct ward_op *ops;
    size_t change_count, change_cap, dep_count, dep_cap, op_count, op_cap;
};
void ward_scratch_init(struct ward_scratch *s, const struct ward_env *env);
void ward_scratch_clear(struct ward_scratch *s);
void ward_scratch_free(struct ward_scratch *s);

static inline const struct ward_dep *ward_change_deps(const struct ward_scratch *s, const struct ward_change *ch)
{
    return ch->dep_count ? s->deps + ch->dep_first : NULL; /* where nothing had any there is no array */
}

static inline bool ward_dep_is_own(const struct ward_dep *d)
{
    return memcmp(d->feed.b, d->hash.b, WARD_HASH_BYTES) == 0;
}

static inline enum ward_field_class ward_field_class(uint32_t field)
{
    return (enum ward_field_class)(field & 3u);
}

/* Takes one body off the front of p and adds it to the scratch. used: its length. Everything that needs no knowledge of the feed is
 * checked: encoding, limits, order of deps, shape of operations. WARD_ERR_2xx, WARD_ERR_DEP_ORDER. */
int ward_change_parse(struct ward_scratch *s, const uint8_t *p, size_t len, size_t *used, struct ward_error *err);
/* Steps over a body that was checked before: where the next one starts, and what stands at its front. */
struct ward_change_head {
    int64_t wall_ms;
    uint64_t depth;
    size_t len;
};
int ward_change_skip(const uint8_t *p, size_t len, struct ward_change_head *out);

/* Deps ascending by feed (with one of the own feed: a late change); ops with `record` indices in order of first use (0, 1, ...), so that
 * the first op of an index carries kind and entity. */
void ward_change_write(struct ward_buf *out, int64_t wall_ms, uint64_t depth, const struct ward_dep *deps, size_t dep_count,
                       const struct ward_op *ops, size_t op_count);

#endif
