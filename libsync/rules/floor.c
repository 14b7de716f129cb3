#include "rules/floor.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/hash.h"

#include <stdlib.h>
#include <string.h>

void ward_floor_entity(struct ward_id *out, const struct ward_hash *space)
{
    memcpy(out->b, space->b, sizeof out->b);
}

void ward_floor_write(struct ward_buf *out, const struct ward_floor_entry *entries, size_t count)
{
    ward_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        const struct ward_floor_entry *e = &entries[i];
        ward_put_array(out, e->effect < e->seq ? 4 : 3);
        ward_put_bytes(out, e->feed.b, 32);
        ward_put_uint(out, e->seq);
        ward_put_bytes(out, e->hash.b, 32);
        if (e->effect < e->seq)
            ward_put_uint(out, e->effect);
    }
}

static int read_entry(struct ward_cbor *c, struct ward_floor_entry *e)
{
    size_t members;
    if (!ward_cbor_array(c, &members))
        return c->code;
    if (members != 3 && members != 4)
        return WARD_ERR_TYPE;
    if (!ward_cbor_hash(c, &e->feed) || !ward_cbor_uint(c, &e->seq, INT64_MAX) || !ward_cbor_hash(c, &e->hash))
        return c->code;
    e->effect = e->seq;
    if (e->seq == 0)
        return WARD_ERR_RANGE;
    return members == 4 && !ward_cbor_uint(c, &e->effect, e->seq - 1) ? c->code : WARD_OK;
}

int ward_floor_parse(struct ward_floor_entry *entries, size_t cap, size_t *count, const void *p, size_t len)
{
    struct ward_cbor c;
    size_t n;
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array(&c, &n))
        return c.code;
    if (n > cap)
        return WARD_ERR_RANGE;
    for (size_t i = 0; i < n; i++) {
        int rc = read_entry(&c, &entries[i]);
        if (rc)
            return rc;
        if (i && ward_hash_compare(&entries[i - 1].feed, &entries[i].feed) >= 0)
            return WARD_ERR_ORDER;
    }
    if (!ward_cbor_end(&c))
        return c.code;
    *count = n;
    return WARD_OK;
}

void ward_floor_name(struct ward_hash *out, const void *value, size_t len)
{
    ward_hash_once(out, "wardsync floor", value, len);
}

void ward_floor_raise(struct ward_floor_entry *settled, const struct ward_floor_entry *entry)
{
    if (entry->seq <= settled->seq)
        return;
    uint64_t effect = entry->effect > settled->seq ? entry->effect : settled->seq;
    if (settled->effect < settled->seq) /* what had no effect before the end keeps all after it from having any */
        effect = settled->effect;
    *settled = *entry;
    settled->effect = effect;
}

static struct ward_place place_of(const struct ward_closing *c)
{
    return (struct ward_place){c->rank, c->depth, c->seq, &c->author_feed};
}

/* As cuts stand; those of one change as they stand in it, and those of two branches by what they close. */
static int closing_order(const void *pa, const void *pb)
{
    const struct ward_closing *a = pa, *b = pb;
    const struct ward_place at_a = place_of(a), at_b = place_of(b);
    int order = ward_place_compare(&at_a, &at_b);
    if (!order)
        order = (a->nth > b->nth) - (a->nth < b->nth);
    return order ? order : ward_hash_compare(&a->name, &b->name);
}

bool ward_cut_before_closing(const struct ward_cut *cut, const struct ward_closing *closing)
{
    const struct ward_place of_cut = {cut->rank, cut->depth, cut->seq, &cut->author_feed}, of_closing = place_of(closing);
    return ward_place_compare(&of_cut, &of_closing) < 0;
}

void ward_closings_sort(struct ward_closing *closings, size_t count)
{
    if (count)
        qsort(closings, count, sizeof closings[0], closing_order);
}
