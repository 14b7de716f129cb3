/* snapshot.h - the state of a space as of some heads, as it travels and as a base is kept: a head, and parts. proto/snapshot.md.
 *
 * A part is what is still alive of one feed's changes: bodies (values/change.h) of those that have a live value, with their live
 * operations alone, packed like those of a run. Pure; feeds stand as indices into the head's list. What is read is checked whole before
 * anything of it is given.
 */
#ifndef WARD_SNAPSHOT_H
#define WARD_SNAPSHOT_H

#include "base/limits.h"
#include "values/cbor.h"
#include "values/change.h"
#include "wardsync.h"

struct ward_snapshot_feed {
    uint8_t grant8[8];
    uint64_t seq, depth; /* seq 0: nothing of it has effect; then the hash is the feed's id */
    struct ward_hash hash;
    bool sealed; /* the author has sealed just there */
    uint8_t seal[64];
    struct ward_cbor seen; /* pairs of an index and a seq: what the change at seq had seen of other feeds */
    size_t seen_count;     /* pairs */
};
/* Pointers are into what was parsed. */
struct ward_snapshot_head {
    const uint8_t *raw; /* circle, maker, feeds and parts: what is sealed */
    size_t raw_len;
    struct ward_id circle[WARD_CIRCLE_MAX];
    size_t circle_count;
    const uint8_t *maker; /* the grant of who made it, 32 bytes */
    struct ward_cbor feeds;
    size_t feed_count;
    struct ward_cbor parts;
    size_t part_count;
    const uint8_t *signature;
};

/* [circle, maker, feeds, parts] as it is sealed and kept; then the signature. WARD_ERR_2xx. */
int ward_snapshot_head_parse(struct ward_snapshot_head *out, const void *p, size_t len, const uint8_t signature[64],
                             struct ward_error *err);
/* Walk what was checked; copies of the head's cursors. */
void ward_snapshot_next_feed(struct ward_cbor *feeds, struct ward_snapshot_feed *out);
void ward_snapshot_next_seen(struct ward_cbor *seen, uint32_t *feed, uint64_t *seq);
/* What the seal is over. */
void ward_snapshot_name(struct ward_hash *out, const struct ward_hash *space, const void *raw, size_t len);
void ward_snapshot_name_part(struct ward_hash *out, uint64_t codec, const void *data, size_t len);

/* What the head says of a part. */
struct ward_snapshot_part {
    uint32_t feed;         /* its index */
    uint64_t after, last;  /* its changes lie beyond the one, up to the other */
    uint32_t count;        /* of bodies */
    struct ward_cbor lags; /* pairs: a lag, and of how many bodies */
    size_t lag_count;      /* pairs */
    struct ward_hash hash;
};
void ward_snapshot_part(const struct ward_snapshot_head *h, size_t number, struct ward_snapshot_part *out); /* from 1 on */

/* How much deeper changes of a feed lie than they are long: depth less seq, of `count` bodies. */
struct ward_lag {
    uint64_t lag, count;
};

/* Writing a head: begin, each feed ascending by grant8 with its pairs, parts, each part by feed and seq. */
void ward_snapshot_put_begin(struct ward_buf *out, const struct ward_id *circle, size_t circle_count, const struct ward_hash *maker,
                             size_t feed_count);
void ward_snapshot_put_feed(struct ward_buf *out, const struct ward_hash *grant, uint64_t seq, const struct ward_hash *hash, uint64_t depth,
                            const uint8_t *seal, size_t seen_count); /* seal NULL: none; then seen_count times _seen, ascending */
void ward_snapshot_put_seen(struct ward_buf *out, uint32_t feed, uint64_t seq);
void ward_snapshot_put_parts(struct ward_buf *out, size_t count);
void ward_snapshot_put_part(struct ward_buf *out, uint32_t feed, uint64_t last, const struct ward_lag *lags, size_t lag_count,
                            const struct ward_hash *hash);

/* A live value; pointers are into what was read. */
struct ward_snapshot_value {
    uint32_t feed; /* its index */
    uint32_t kind, field;
    struct ward_id entity;
    const uint8_t *key; /* member fields only */
    size_t key_len;
    uint64_t seq, depth;
    int64_t wall_ms;
    const uint8_t *raw; /* the value as encoded */
    size_t raw_len;
};
/* By kind, entity, field, key: the order of a body's operations. */
int ward_snapshot_compare_places(const struct ward_snapshot_value *a, const struct ward_snapshot_value *b);
/* The bodies of one change from its live values, in that order; several where they do not fit one. Their number. ops: room for
 * WARD_OPS_MAX. */
uint32_t ward_snapshot_put_change(struct ward_buf *out, const struct ward_snapshot_value *v, size_t count, struct ward_op *ops);

/* Checks all of the unpacked bodies. WARD_ERR_2xx, WARD_ERR_DEP_ORDER. */
int ward_snapshot_part_check(const struct ward_snapshot_part *part, const void *bodies, size_t len, struct ward_scratch *scratch,
                             struct ward_error *err);
typedef int ward_snapshot_value_fn(void *ctx, const struct ward_snapshot_value *v);
/* Of checked bodies; fn's failure ends it. */
int ward_snapshot_each_value(const struct ward_snapshot_part *part, const void *bodies, size_t len, struct ward_scratch *scratch,
                             ward_snapshot_value_fn *fn, void *ctx);
typedef int ward_snapshot_change_fn(void *ctx, uint64_t seq, int64_t wall_ms);
/* Likewise, ascending: when each of its changes says it was written. WARD_ERR_2xx where they are not what was checked. */
int ward_snapshot_each_change(const struct ward_snapshot_part *part, const void *bodies, size_t len, ward_snapshot_change_fn *fn,
                              void *ctx);

#endif
