/* snapshot.h - the state of a space as of some heads, as it travels and as a base is kept: a head, and parts. proto/snapshot.md.
 *
 * A part holds live values, column by column, or stamps (when changes that still have a live value say they were written). Pure; feeds
 * stand as indices into the head's list. What is read is checked whole before anything of it is given.
 */
#ifndef WARD_SNAPSHOT_H
#define WARD_SNAPSHOT_H

#include "base/limits.h"
#include "values/cbor.h"
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
void ward_snapshot_part_hash(const struct ward_snapshot_head *h, size_t number, struct ward_hash *out); /* from 1 on */
/* What the seal is over. */
void ward_snapshot_name(struct ward_hash *out, const struct ward_hash *space, const void *raw, size_t len);
void ward_snapshot_name_part(struct ward_hash *out, uint64_t codec, const void *data, size_t len);

/* Writing a head: begin, each feed ascending by grant8 with its pairs, parts, each hash. */
void ward_snapshot_put_begin(struct ward_buf *out, const struct ward_id *circle, size_t circle_count, const struct ward_hash *maker,
                             size_t feed_count);
void ward_snapshot_put_feed(struct ward_buf *out, const struct ward_hash *grant, uint64_t seq, const struct ward_hash *hash, uint64_t depth,
                            const uint8_t *seal, size_t seen_count); /* seal NULL: none; then seen_count times _seen, ascending */
void ward_snapshot_put_seen(struct ward_buf *out, uint32_t feed, uint64_t seq);
void ward_snapshot_put_parts(struct ward_buf *out, const struct ward_hash *hashes, size_t count);

struct ward_snapshot_value {
    uint32_t kind;
    struct ward_id entity;
    uint32_t field;
    const uint8_t *key; /* member fields only */
    size_t key_len;
    uint32_t feed; /* its index */
    uint64_t seq, depth;
    const uint8_t *raw; /* the value as encoded */
    size_t raw_len;
    uint32_t row; /* while it is written */
};
struct ward_stamp {
    uint64_t seq;
    int64_t wall_ms;
};

/* count live values of one kind, in order of their entities; they are put in the part's order. */
void ward_snapshot_put_values(struct ward_buf *out, struct ward_snapshot_value *v, size_t count);
/* Ascending by seq, each once; count > 0. */
void ward_snapshot_put_stamps(struct ward_buf *out, uint32_t feed, const struct ward_stamp *v, size_t count);

struct ward_snapshot_part {
    bool stamps;
    uint32_t kind;
    const uint8_t *entities; /* ascending */
    size_t entity_count;
    uint32_t feed; /* of stamps */
    struct ward_cbor list;
    size_t count; /* of fields, or of stamps */
};
/* Checks all of it. feed_seqs: the seq of each of the head's feeds, which no value or stamp may lie beyond; NULL: of any. WARD_ERR_2xx. */
int ward_snapshot_part_parse(struct ward_snapshot_part *out, const void *p, size_t len, const uint64_t *feed_seqs, size_t feed_count,
                             struct ward_error *err);
typedef int ward_snapshot_value_fn(void *ctx, const struct ward_snapshot_value *v);
int ward_snapshot_each_value(const struct ward_snapshot_part *part, ward_snapshot_value_fn *fn, void *ctx);
typedef int ward_stamp_fn(void *ctx, const struct ward_stamp *s); /* ascending */
int ward_snapshot_each_stamp(const struct ward_snapshot_part *part, ward_stamp_fn *fn, void *ctx);

#endif
