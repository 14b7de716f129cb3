#include "rules/snapshot.h"
#include "base/err.h"
#include "rules/frame.h"
#include "values/change.h"
#include "values/feed.h"
#include "values/hash.h"
#include "values/seal.h"

#include <string.h>

#define SHORT 8

/* ---- head */

static bool read_seen(struct ward_cbor *c, size_t feed_count, size_t *pairs)
{
    uint64_t before = 0, feed, seq;
    size_t members;
    if (!ward_cbor_array(c, &members))
        return false;
    if (members % 2 || members / 2 > feed_count)
        return ward_cbor_fail(c, WARD_ERR_TYPE);
    *pairs = members / 2;
    for (size_t i = 0; i < *pairs; i++) {
        if (!ward_cbor_uint(c, &feed, feed_count - 1) || !ward_cbor_uint(c, &seq, INT64_MAX))
            return false;
        if ((i > 0 && feed <= before) || seq == 0)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
        before = feed;
    }
    return true;
}

static bool read_feed(struct ward_cbor *c, size_t feed_count, struct ward_snapshot_feed *f)
{
    const uint8_t *grant8, *seal;
    size_t seal_len;
    if (!ward_cbor_array_exact(c, 6) || !ward_cbor_bytes_exact(c, &grant8, SHORT) || !ward_cbor_uint(c, &f->seq, INT64_MAX) ||
        !ward_cbor_hash(c, &f->hash) || !ward_cbor_uint(c, &f->depth, INT64_MAX) || !ward_cbor_bytes(c, &seal, &seal_len))
        return false;
    if (seal_len != 0 && seal_len != WARD_SEAL_BYTES)
        return ward_cbor_fail(c, WARD_ERR_TYPE);
    if ((f->seq == 0) != (f->depth == 0) || (f->seq == 0 && seal_len) || f->depth < f->seq)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    memcpy(f->grant8, grant8, SHORT);
    f->sealed = seal_len != 0;
    if (f->sealed)
        memcpy(f->seal, seal, sizeof f->seal);
    f->seen = *c;
    size_t head;
    if (!read_seen(c, feed_count, &f->seen_count))
        return false;
    return ward_cbor_array(&f->seen, &head);
}

static bool read_circle(struct ward_cbor *c, struct ward_snapshot_head *h)
{
    if (!ward_cbor_array(c, &h->circle_count))
        return false;
    if (h->circle_count > WARD_CIRCLE_MAX)
        return ward_cbor_fail(c, WARD_ERR_LIMIT_CIRCLE);
    for (size_t i = 0; i < h->circle_count; i++) {
        const uint8_t *unit;
        if (!ward_cbor_bytes_exact(c, &unit, WARD_ID_BYTES))
            return false;
        memcpy(h->circle[i].b, unit, WARD_ID_BYTES);
    }
    if (h->circle_count == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE); /* the ward space always stands with its history */
    return ward_cbor_check(c, ward_circle_sorted(h->circle, h->circle_count), WARD_ERR_ORDER);
}

static bool read_feeds(struct ward_cbor *c, struct ward_snapshot_head *h)
{
    struct ward_snapshot_feed f, before = {.seq = 0};
    if (!ward_cbor_array(c, &h->feed_count))
        return false;
    h->feeds = *c;
    for (size_t i = 0; i < h->feed_count; i++) {
        if (!read_feed(c, h->feed_count, &f))
            return false;
        if (i > 0 && memcmp(before.grant8, f.grant8, SHORT) >= 0)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
        before = f;
    }
    return true;
}

static bool read_lags(struct ward_cbor *c, struct ward_snapshot_part *p)
{
    uint64_t before = 0, lag, count;
    size_t members;
    if (!ward_cbor_array(c, &members))
        return false;
    if (members == 0 || members % 2)
        return ward_cbor_fail(c, members ? WARD_ERR_TYPE : WARD_ERR_RANGE);
    p->lag_count = members / 2;
    p->lags = *c;
    p->count = 0;
    for (size_t i = 0; i < p->lag_count; i++) {
        if (!ward_cbor_uint(c, &lag, INT64_MAX) || !ward_cbor_uint(c, &count, WARD_RUN_CHANGES_MAX - p->count))
            return false;
        if (count == 0)
            return ward_cbor_fail(c, WARD_ERR_RANGE);
        if (i > 0 && lag <= before)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
        before = lag;
        p->count += (uint32_t)count;
    }
    return true;
}

/* p as the part before; of the first, all zero. */
static bool read_part(struct ward_cbor *c, size_t feed_count, struct ward_snapshot_part *p)
{
    uint64_t feed;
    if (!ward_cbor_array_exact(c, 4) || !ward_cbor_uint(c, &feed, UINT32_MAX))
        return false;
    if (feed >= feed_count)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    if (feed < p->feed)
        return ward_cbor_fail(c, WARD_ERR_ORDER);
    p->after = feed == p->feed ? p->last : 0;
    p->feed = (uint32_t)feed;
    if (!ward_cbor_uint(c, &p->last, INT64_MAX))
        return false;
    if (p->last <= p->after)
        return ward_cbor_fail(c, p->last ? WARD_ERR_ORDER : WARD_ERR_RANGE);
    return read_lags(c, p) && ward_cbor_hash(c, &p->hash);
}

static bool read_parts(struct ward_cbor *c, struct ward_snapshot_head *h)
{
    struct ward_cbor feeds = h->feeds;
    struct ward_snapshot_feed f = {.seq = 0};
    struct ward_snapshot_part p = {0};
    size_t read = 0; /* of feeds: parts are in their order */
    if (!ward_cbor_array(c, &h->part_count))
        return false;
    if (h->part_count > WARD_PARTS_MAX)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    h->parts = *c;
    for (size_t i = 0; i < h->part_count; i++) {
        if (!read_part(c, h->feed_count, &p))
            return false;
        for (; read <= p.feed; read++)
            ward_snapshot_next_feed(&feeds, &f);
        if (p.last > f.seq)
            return ward_cbor_fail(c, WARD_ERR_RANGE);
    }
    return true;
}

int ward_snapshot_head_parse(struct ward_snapshot_head *out, const void *p, size_t len, const uint8_t signature[64], struct ward_error *err)
{
    struct ward_cbor c;
    *out = (struct ward_snapshot_head){.raw = p, .raw_len = len, .signature = signature};
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array_exact(&c, 4) || !read_circle(&c, out) || !ward_cbor_bytes_exact(&c, &out->maker, WARD_HASH_BYTES) ||
        !read_feeds(&c, out) || !read_parts(&c, out) || !ward_cbor_end(&c))
        return ward_fail(err, c.code, "snapshot: byte %zu", c.pos);
    return WARD_OK;
}

void ward_snapshot_next_feed(struct ward_cbor *feeds, struct ward_snapshot_feed *out)
{
    read_feed(feeds, SIZE_MAX, out);
}

void ward_snapshot_next_seen(struct ward_cbor *seen, uint32_t *feed, uint64_t *seq)
{
    uint64_t index = 0;
    ward_cbor_uint(seen, &index, UINT32_MAX);
    ward_cbor_uint(seen, seq, INT64_MAX);
    *feed = (uint32_t)index;
}

void ward_snapshot_part(const struct ward_snapshot_head *h, size_t number, struct ward_snapshot_part *out)
{
    struct ward_cbor parts = h->parts;
    *out = (struct ward_snapshot_part){0};
    for (size_t i = 0; i < number; i++)
        read_part(&parts, h->feed_count, out);
}

void ward_snapshot_name(struct ward_hash *out, const struct ward_hash *space, const void *raw, size_t len)
{
    ward_hasher h;
    ward_hash_begin(&h, "wardsync snap");
    ward_hash_add(&h, space->b, sizeof space->b);
    ward_hash_add(&h, raw, len);
    ward_hash_end(&h, out);
}

void ward_snapshot_name_part(struct ward_hash *out, uint64_t codec, const void *data, size_t len)
{
    uint8_t first = (uint8_t)codec;
    ward_hasher h;
    ward_hash_begin(&h, "wardsync part");
    ward_hash_add(&h, &first, 1);
    ward_hash_add(&h, data, len);
    ward_hash_end(&h, out);
}

void ward_snapshot_put_begin(struct ward_buf *out, const struct ward_id *circle, size_t circle_count, const struct ward_hash *maker,
                             size_t feed_count)
{
    ward_put_array(out, 4);
    ward_put_circle(out, circle, circle_count);
    ward_put_bytes(out, maker->b, sizeof maker->b);
    ward_put_array(out, feed_count);
}

void ward_snapshot_put_feed(struct ward_buf *out, const struct ward_hash *grant, uint64_t seq, const struct ward_hash *hash, uint64_t depth,
                            const uint8_t *seal, size_t seen_count)
{
    ward_put_array(out, 6);
    ward_put_bytes(out, grant->b, SHORT);
    ward_put_uint(out, seq);
    ward_put_bytes(out, hash->b, sizeof hash->b);
    ward_put_uint(out, depth);
    ward_put_bytes(out, seal, seal ? WARD_SEAL_BYTES : 0);
    ward_put_array(out, 2 * seen_count);
}

void ward_snapshot_put_seen(struct ward_buf *out, uint32_t feed, uint64_t seq)
{
    ward_put_uint(out, feed);
    ward_put_uint(out, seq);
}

void ward_snapshot_put_parts(struct ward_buf *out, size_t count)
{
    ward_put_array(out, count);
}

void ward_snapshot_put_part(struct ward_buf *out, uint32_t feed, uint64_t last, const struct ward_lag *lags, size_t lag_count,
                            const struct ward_hash *hash)
{
    ward_put_array(out, 4);
    ward_put_uint(out, feed);
    ward_put_uint(out, last);
    ward_put_array(out, 2 * lag_count);
    for (size_t i = 0; i < lag_count; i++) {
        ward_put_uint(out, lags[i].lag);
        ward_put_uint(out, lags[i].count);
    }
    ward_put_bytes(out, hash->b, sizeof hash->b);
}

/* ---- parts */

static int compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common ? memcmp(a, b, common) : 0;
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

int ward_snapshot_compare_places(const struct ward_snapshot_value *a, const struct ward_snapshot_value *b)
{
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    if (order == 0)
        order = memcmp(a->entity.b, b->entity.b, WARD_ID_BYTES);
    if (order == 0)
        order = (a->field > b->field) - (a->field < b->field);
    return order ? order : compare_keys(a->key, a->key_len, b->key, b->key_len);
}

static bool same_record(const struct ward_snapshot_value *a, const struct ward_snapshot_value *b)
{
    return a->kind == b->kind && ward_id_equal(&a->entity, &b->entity);
}

#define OP_ROOM 32 /* what an operation takes beside key and value, at most */

uint32_t ward_snapshot_put_change(struct ward_buf *out, const struct ward_snapshot_value *v, size_t count, struct ward_op *ops)
{
    uint32_t bodies = 0;
    for (size_t from = 0, to; from < count; from = to, bodies++) {
        size_t bytes = OP_ROOM;
        uint32_t record = 0;
        for (to = from; to < count && to - from < WARD_OPS_MAX; to++) {
            bytes += OP_ROOM + v[to].key_len + v[to].raw_len;
            if (to > from && bytes > WARD_BODY_MAX)
                break;
            record += to > from && !same_record(&v[to - 1], &v[to]);
            ops[to - from] = (struct ward_op){.record = record,
                                              .kind = v[to].kind,
                                              .field = v[to].field,
                                              .entity = v[to].entity,
                                              .key = v[to].key,
                                              .key_len = v[to].key_len,
                                              .raw = v[to].raw,
                                              .raw_len = v[to].raw_len};
        }
        ward_change_write(out, v->wall_ms, v->depth, NULL, 0, ops, to - from);
    }
    return bodies;
}

/* Which lag the body at hand has. */
struct lags {
    struct ward_cbor c;
    uint64_t lag, left;
};

static uint64_t next_lag(struct lags *l)
{
    if (l->left == 0) {
        ward_cbor_uint(&l->c, &l->lag, INT64_MAX);
        ward_cbor_uint(&l->c, &l->left, UINT32_MAX);
    }
    l->left--;
    return l->lag;
}

static struct ward_snapshot_value value_of(const struct ward_snapshot_part *part, const struct ward_change *ch, const struct ward_op *op,
                                           uint64_t lag)
{
    return (struct ward_snapshot_value){.feed = part->feed,
                                        .kind = op->kind,
                                        .field = op->field,
                                        .entity = op->entity,
                                        .key = op->key,
                                        .key_len = op->key_len,
                                        .seq = ch->depth - lag,
                                        .depth = ch->depth,
                                        .wall_ms = ch->wall_ms,
                                        .raw = op->raw,
                                        .raw_len = op->raw_len};
}

/* One body; *before is the value before it, and then its last. */
static int check_body(const struct ward_scratch *s, uint64_t lag, const struct ward_snapshot_part *part, struct ward_snapshot_value *before)
{
    const struct ward_change *ch = &s->changes[0];
    if (ch->dep_count || ch->depth <= lag || ch->depth - lag <= part->after || ch->depth - lag > part->last)
        return WARD_ERR_RANGE;
    for (size_t i = 0; i < ch->op_count; i++) {
        struct ward_snapshot_value v = value_of(part, ch, &s->ops[i], lag);
        bool goes_on = v.seq == before->seq && v.depth == before->depth && v.wall_ms == before->wall_ms;
        if (v.seq <= before->seq && !(goes_on && ward_snapshot_compare_places(before, &v) < 0))
            return WARD_ERR_ORDER;
        *before = v;
    }
    return WARD_OK;
}

int ward_snapshot_part_check(const struct ward_snapshot_part *part, const void *bodies, size_t len, struct ward_scratch *scratch,
                             struct ward_error *err)
{
    const uint8_t *p = bodies;
    struct ward_snapshot_value before = {.seq = 0};
    struct lags lags = {.c = part->lags};
    size_t at = 0, used = 0;
    for (uint32_t i = 0; i < part->count; i++, at += used) {
        ward_scratch_clear(scratch);
        int rc = ward_change_parse(scratch, p + at, len - at, &used, err);
        if (!rc && (rc = check_body(scratch, next_lag(&lags), part, &before)))
            ward_fail(err, rc, "order");
        if (rc)
            return ward_fail(err, rc, "part of a snapshot: body %u", (unsigned)i + 1);
    }
    if (at != len)
        return ward_fail(err, WARD_ERR_TRAILING, "part of a snapshot");
    return before.seq == part->last ? WARD_OK : ward_fail(err, WARD_ERR_RANGE, "part of a snapshot: it ends early");
}

int ward_snapshot_each_value(const struct ward_snapshot_part *part, const void *bodies, size_t len, struct ward_scratch *scratch,
                             ward_snapshot_value_fn *fn, void *ctx)
{
    const uint8_t *p = bodies;
    struct lags lags = {.c = part->lags};
    size_t at = 0, used = 0;
    int rc = WARD_OK;
    for (uint32_t i = 0; !rc && i < part->count; i++, at += used) {
        ward_scratch_clear(scratch);
        rc = ward_change_parse(scratch, p + at, len - at, &used, NULL);
        uint64_t lag = next_lag(&lags);
        for (size_t j = 0; !rc && j < scratch->op_count; j++) {
            struct ward_snapshot_value v = value_of(part, &scratch->changes[0], &scratch->ops[j], lag);
            rc = fn(ctx, &v);
        }
    }
    return rc;
}

int ward_snapshot_each_change(const struct ward_snapshot_part *part, const void *bodies, size_t len, ward_snapshot_change_fn *fn, void *ctx)
{
    const uint8_t *p = bodies;
    struct lags lags = {.c = part->lags};
    struct ward_change_head head;
    uint64_t before = 0;
    size_t at = 0;
    int rc = WARD_OK;
    for (uint32_t i = 0; !rc && i < part->count; i++, at += head.len) {
        rc = ward_change_skip(p + at, len - at, &head);
        if (rc)
            break;
        uint64_t seq = head.depth - next_lag(&lags);
        if (seq != before)
            rc = fn(ctx, seq, head.wall_ms);
        before = seq;
    }
    return rc;
}
