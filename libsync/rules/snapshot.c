#include "rules/snapshot.h"
#include "base/err.h"
#include "rules/frame.h"
#include "values/change.h"
#include "values/feed.h"
#include "values/hash.h"
#include "values/seal.h"

#include <stdlib.h>
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
    const uint8_t *grant8, *hash, *seal;
    size_t seal_len;
    if (!ward_cbor_array_exact(c, 6) || !ward_cbor_bytes_exact(c, &grant8, SHORT) || !ward_cbor_uint(c, &f->seq, INT64_MAX) ||
        !ward_cbor_bytes_exact(c, &hash, WARD_HASH_BYTES) || !ward_cbor_uint(c, &f->depth, INT64_MAX) ||
        !ward_cbor_bytes(c, &seal, &seal_len))
        return false;
    if (seal_len != 0 && seal_len != WARD_SEAL_BYTES)
        return ward_cbor_fail(c, WARD_ERR_TYPE);
    if ((f->seq == 0) != (f->depth == 0) || (f->seq == 0 && seal_len) || f->depth < f->seq)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    memcpy(f->grant8, grant8, SHORT);
    memcpy(f->hash.b, hash, sizeof f->hash.b);
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
    return ward_circle_sorted(h->circle, h->circle_count) || ward_cbor_fail(c, WARD_ERR_ORDER);
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

static bool read_parts(struct ward_cbor *c, struct ward_snapshot_head *h)
{
    const uint8_t *hash;
    if (!ward_cbor_array(c, &h->part_count))
        return false;
    if (h->part_count > WARD_PARTS_MAX)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    h->parts = *c;
    for (size_t i = 0; i < h->part_count; i++)
        if (!ward_cbor_bytes_exact(c, &hash, WARD_HASH_BYTES))
            return false;
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

void ward_snapshot_part_hash(const struct ward_snapshot_head *h, size_t number, struct ward_hash *out)
{
    memcpy(out->b, h->parts.p + h->parts.pos + (number - 1) * (2 + WARD_HASH_BYTES) + 2, WARD_HASH_BYTES); /* each behind 58 20 */
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

void ward_snapshot_put_parts(struct ward_buf *out, const struct ward_hash *hashes, size_t count)
{
    ward_put_array(out, count);
    for (size_t i = 0; i < count; i++)
        ward_put_bytes(out, hashes[i].b, sizeof hashes[i].b);
}

/* ---- writing parts */

static int compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common ? memcmp(a, b, common) : 0;
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* Within one field: by row, key, feed, seq. */
static int compare_places(const struct ward_snapshot_value *x, const struct ward_snapshot_value *y)
{
    int order = (x->row > y->row) - (x->row < y->row);
    if (order == 0)
        order = compare_keys(x->key, x->key_len, y->key, y->key_len);
    if (order == 0)
        order = (x->feed > y->feed) - (x->feed < y->feed);
    return order ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

static int by_field(const void *a, const void *b)
{
    const struct ward_snapshot_value *x = a, *y = b;
    return x->field != y->field ? (x->field > y->field) - (x->field < y->field) : compare_places(x, y);
}

static void put_field(struct ward_buf *out, const struct ward_snapshot_value *v, size_t n)
{
    bool member = ward_field_class(v[0].field) == WARD_MEMBER;
    ward_put_array(out, 7);
    ward_put_uint(out, v[0].field);
    ward_put_array(out, n);
    for (size_t i = 0; i < n; i++)
        ward_put_uint(out, v[i].row - (i ? v[i - 1].row : 0));
    ward_put_array(out, member ? n : 0);
    for (size_t i = 0; member && i < n; i++)
        ward_put_bytes(out, v[i].key, v[i].key_len);
    ward_put_array(out, n);
    for (size_t i = 0; i < n; i++)
        ward_put_uint(out, v[i].feed);
    ward_put_array(out, n);
    for (size_t i = 0; i < n; i++)
        ward_put_uint(out, v[i].seq);
    ward_put_array(out, n);
    for (size_t i = 0; i < n; i++)
        ward_put_uint(out, v[i].depth - v[i].seq);
    ward_put_array(out, n);
    for (size_t i = 0; i < n; i++)
        ward_buf_add(out, v[i].raw, v[i].raw_len);
}

void ward_snapshot_put_values(struct ward_buf *out, struct ward_snapshot_value *v, size_t count)
{
    size_t rows = 0, fields = 0;
    for (size_t i = 0; i < count; i++) {
        rows += i == 0 || !ward_id_equal(&v[i - 1].entity, &v[i].entity);
        v[i].row = (uint32_t)rows - 1;
    }
    ward_put_array(out, 3);
    ward_put_uint(out, v[0].kind);
    struct ward_buf ids; /* taken from the values in order, before they are put in another */
    ward_buf_init(&ids, out->env);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || v[i].row != v[i - 1].row)
            ward_buf_add(&ids, v[i].entity.b, WARD_ID_BYTES);
    out->failed |= ids.failed;
    ward_put_bytes(out, ids.p, ids.len);
    ward_buf_free(&ids);
    qsort(v, count, sizeof *v, by_field);
    for (size_t i = 0; i < count; i++)
        fields += i == 0 || v[i].field != v[i - 1].field;
    ward_put_array(out, fields);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && v[to].field == v[from].field;)
            to++;
        put_field(out, v + from, to - from);
    }
}

void ward_snapshot_put_stamps(struct ward_buf *out, uint32_t feed, const struct ward_stamp *v, size_t count)
{
    ward_put_array(out, 4);
    ward_put_uint(out, 0);
    ward_put_uint(out, feed);
    ward_put_array(out, count);
    for (size_t i = 0; i < count; i++)
        ward_put_uint(out, v[i].seq - (i ? v[i - 1].seq : 0));
    ward_put_array(out, count);
    for (size_t i = 0; i < count; i++)
        ward_put_int(out, v[i].wall_ms - (i ? v[i - 1].wall_ms : 0));
}

/* ---- reading parts */

/* A field's columns, walked side by side. */
struct columns {
    uint32_t field;
    bool member;
    size_t count;
    struct ward_cbor rows, keys, feeds, seqs, depths, values;
    uint64_t row;
};

static bool skip_values(struct ward_cbor *c, size_t count)
{
    struct ward_value ignored;
    const uint8_t *raw;
    size_t len;
    for (size_t i = 0; i < count; i++)
        if (!ward_cbor_value(c, &ignored, &raw, &len))
            return false;
    return true;
}

/* Opens a column of exactly `count` members; *at stands at its first. */
static bool open_column(struct ward_cbor *c, size_t count, struct ward_cbor *at)
{
    if (!ward_cbor_array_exact(c, count))
        return false;
    *at = *c;
    return skip_values(c, count);
}

static bool open_field(struct ward_cbor *c, struct columns *f)
{
    uint64_t number;
    *f = (struct columns){.field = 0};
    if (!ward_cbor_array_exact(c, 7) || !ward_cbor_uint(c, &number, 65535))
        return false;
    f->field = (uint32_t)number;
    if (f->field == 0 || f->field == 2 || f->field == 3)
        return ward_cbor_fail(c, WARD_ERR_OP);
    f->member = ward_field_class(f->field) == WARD_MEMBER;
    if (!ward_cbor_array(c, &f->count))
        return false;
    if (f->count == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    f->rows = *c;
    return skip_values(c, f->count) && open_column(c, f->member ? f->count : 0, &f->keys) && open_column(c, f->count, &f->feeds) &&
           open_column(c, f->count, &f->seqs) && open_column(c, f->count, &f->depths) && open_column(c, f->count, &f->values);
}

static bool move_code(struct ward_cbor *to, const struct ward_cbor *from)
{
    return from->code == WARD_OK || ward_cbor_fail(to, from->code);
}

/* The next value of a field; failures show in the column that has them. */
static bool next_value(struct columns *f, struct ward_snapshot_value *v, bool *fits)
{
    uint64_t step, feed, above;
    struct ward_value value;
    *v = (struct ward_snapshot_value){.field = f->field};
    *fits = true;
    if (!ward_cbor_uint(&f->rows, &step, UINT32_MAX) || !ward_cbor_uint(&f->feeds, &feed, UINT32_MAX) ||
        !ward_cbor_uint(&f->seqs, &v->seq, INT64_MAX) || !ward_cbor_uint(&f->depths, &above, INT64_MAX) ||
        !ward_cbor_value(&f->values, &value, &v->raw, &v->raw_len))
        return false;
    if (f->member && !ward_cbor_bytes(&f->keys, &v->key, &v->key_len))
        return false;
    f->row += step;
    v->row = (uint32_t)f->row;
    v->feed = (uint32_t)feed;
    v->depth = v->seq + above;
    *fits = f->row <= UINT32_MAX && v->depth <= INT64_MAX && v->raw_len <= WARD_VALUE_MAX && ward_value_fits(f->field, &value) &&
            (f->member ? v->key_len >= 1 && v->key_len <= WARD_KEY_MAX : true);
    return true;
}

static bool check_field(struct ward_cbor *c, struct columns *f, size_t rows, const uint64_t *feed_seqs, size_t feed_count)
{
    struct ward_snapshot_value before = {0}, v;
    bool fits;
    for (size_t i = 0; i < f->count; i++) {
        if (!next_value(f, &v, &fits))
            return move_code(c, &f->rows) && move_code(c, &f->keys) && move_code(c, &f->feeds) && move_code(c, &f->seqs) &&
                   move_code(c, &f->depths) && move_code(c, &f->values);
        if (!fits)
            return ward_cbor_fail(c, WARD_ERR_OP);
        if (v.row >= rows || v.feed >= feed_count || v.seq == 0 || (feed_seqs && v.seq > feed_seqs[v.feed]))
            return ward_cbor_fail(c, WARD_ERR_RANGE);
        if (i > 0 && compare_places(&before, &v) >= 0)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
        before = v;
    }
    return true;
}

static bool check_values(struct ward_cbor *c, struct ward_snapshot_part *p, const uint64_t *feed_seqs, size_t feed_count)
{
    size_t bytes;
    uint32_t before = 0;
    if (!ward_cbor_bytes(c, &p->entities, &bytes))
        return false;
    if (bytes == 0 || bytes % WARD_ID_BYTES)
        return ward_cbor_fail(c, WARD_ERR_TYPE);
    p->entity_count = bytes / WARD_ID_BYTES;
    for (size_t i = 1; i < p->entity_count; i++)
        if (memcmp(p->entities + (i - 1) * WARD_ID_BYTES, p->entities + i * WARD_ID_BYTES, WARD_ID_BYTES) >= 0)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
    if (!ward_cbor_array(c, &p->count))
        return false;
    p->list = *c;
    for (size_t i = 0; i < p->count; i++) {
        struct columns f;
        if (!open_field(c, &f))
            return false;
        if (f.field <= before)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
        before = f.field;
        if (!check_field(c, &f, p->entity_count, feed_seqs, feed_count))
            return false;
    }
    return true;
}

static bool next_stamp(struct ward_cbor *seqs, struct ward_cbor *walls, struct ward_stamp *s)
{
    uint64_t step;
    struct ward_value wall;
    const uint8_t *raw;
    size_t len;
    if (!ward_cbor_uint(seqs, &step, INT64_MAX) || !ward_cbor_value(walls, &wall, &raw, &len) || wall.type != WARD_INT)
        return false;
    if (step == 0 || step > (uint64_t)INT64_MAX - s->seq || wall.integer > WARD_WALL_MS_MAX || wall.integer < -WARD_WALL_MS_MAX)
        return false;
    s->seq += step;
    s->wall_ms += wall.integer;
    return s->wall_ms >= 0 && s->wall_ms <= WARD_WALL_MS_MAX;
}

static bool check_stamps(struct ward_cbor *c, struct ward_snapshot_part *p, const uint64_t *feed_seqs, size_t feed_count)
{
    uint64_t feed;
    struct ward_cbor seqs, walls;
    struct ward_stamp s = {0};
    if (!ward_cbor_uint(c, &feed, UINT32_MAX) || !ward_cbor_array(c, &p->count))
        return false;
    if (feed >= feed_count || p->count == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    p->feed = (uint32_t)feed;
    p->list = seqs = *c;
    if (!skip_values(c, p->count) || !open_column(c, p->count, &walls))
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (!next_stamp(&seqs, &walls, &s) || (feed_seqs && s.seq > feed_seqs[feed]))
            return ward_cbor_fail(c, WARD_ERR_RANGE);
    return true;
}

int ward_snapshot_part_parse(struct ward_snapshot_part *out, const void *p, size_t len, const uint64_t *feed_seqs, size_t feed_count,
                             struct ward_error *err)
{
    struct ward_cbor c;
    size_t members;
    uint64_t kind;
    *out = (struct ward_snapshot_part){.kind = 0};
    ward_cbor_init(&c, p, len);
    bool fine = ward_cbor_array(&c, &members) && ward_cbor_uint(&c, &kind, 65535);
    if (fine) {
        out->kind = (uint32_t)kind;
        out->stamps = kind == 0;
        fine = members == (out->stamps ? 4 : 3) || ward_cbor_fail(&c, WARD_ERR_TYPE);
    }
    if (fine)
        fine = out->stamps ? check_stamps(&c, out, feed_seqs, feed_count) : check_values(&c, out, feed_seqs, feed_count);
    return fine && ward_cbor_end(&c) ? WARD_OK : ward_fail(err, c.code, "part of a snapshot: byte %zu", c.pos);
}

int ward_snapshot_each_value(const struct ward_snapshot_part *part, ward_snapshot_value_fn *fn, void *ctx)
{
    struct ward_cbor c = part->list;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && !part->stamps && i < part->count; i++) {
        struct columns f;
        open_field(&c, &f);
        for (size_t j = 0; !rc && j < f.count; j++) {
            struct ward_snapshot_value v;
            bool fits;
            next_value(&f, &v, &fits);
            v.kind = part->kind;
            memcpy(v.entity.b, part->entities + v.row * WARD_ID_BYTES, WARD_ID_BYTES);
            rc = fn(ctx, &v);
        }
    }
    return rc;
}

int ward_snapshot_each_stamp(const struct ward_snapshot_part *part, ward_stamp_fn *fn, void *ctx)
{
    struct ward_cbor seqs = part->list, walls = part->list;
    struct ward_stamp s = {0};
    size_t ignored;
    int rc = WARD_OK;
    if (!part->stamps)
        return WARD_OK;
    skip_values(&walls, part->count);
    ward_cbor_array(&walls, &ignored);
    for (size_t i = 0; !rc && i < part->count; i++) {
        next_stamp(&seqs, &walls, &s);
        rc = fn(ctx, &s);
    }
    return rc;
}
