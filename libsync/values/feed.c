#include "values/feed.h"
#include "base/limits.h"
#include "values/hash.h"

#include <cbor.h>
#include <string.h>

/* Small structures are hashed straight from the stack: heads by libcbor, contents as they are. */
static void add_head(ward_hasher *h, size_t (*encode)(size_t, unsigned char *, size_t), size_t n)
{
    uint8_t head[9];
    ward_hash_add(h, head, encode(n, head, sizeof head));
}

static void add_uint(ward_hasher *h, uint64_t v)
{
    uint8_t head[9];
    ward_hash_add(h, head, cbor_encode_uint(v, head, sizeof head));
}

static void add_bytes(ward_hasher *h, const void *p, size_t len)
{
    add_head(h, cbor_encode_bytestring_start, len);
    ward_hash_add(h, p, len);
}

void ward_name_ward(struct ward_hash *out, const uint8_t root_pk[32])
{
    ward_hasher h;
    ward_hash_begin(&h, "wardsync ward");
    add_head(&h, cbor_encode_array_start, 2);
    add_uint(&h, WARD_FORMAT);
    add_bytes(&h, root_pk, 32);
    ward_hash_end(&h, out);
}

void ward_name_space(struct ward_hash *out, const struct ward_hash *ward, const struct ward_id *circle, size_t count)
{
    ward_hasher h;
    ward_hash_begin(&h, "wardsync space");
    add_head(&h, cbor_encode_array_start, 2);
    add_bytes(&h, ward->b, sizeof ward->b);
    add_head(&h, cbor_encode_array_start, count);
    for (size_t i = 0; i < count; i++)
        add_bytes(&h, circle[i].b, sizeof circle[i].b);
    ward_hash_end(&h, out);
}

void ward_name_grant(struct ward_hash *out, const void *grant, size_t len)
{
    ward_hash_once(out, "wardsync grant", grant, len);
}

void ward_name_feed(struct ward_hash *out, const struct ward_hash *ward, const struct ward_hash *space, const struct ward_hash *grant)
{
    ward_hasher h;
    ward_hash_begin(&h, "wardsync genesis");
    add_head(&h, cbor_encode_array_start, 4);
    add_uint(&h, WARD_FORMAT);
    add_bytes(&h, ward->b, sizeof ward->b);
    add_bytes(&h, space->b, sizeof space->b);
    add_bytes(&h, grant->b, sizeof grant->b);
    ward_hash_end(&h, out);
}

void ward_chain(struct ward_hash *out, uint64_t seq, const struct ward_hash *prev, const void *body, size_t len)
{
    ward_hasher h;
    ward_hash_begin(&h, "wardsync change");
    add_head(&h, cbor_encode_array_start, 3);
    add_uint(&h, seq);
    add_bytes(&h, prev->b, sizeof prev->b);
    ward_hash_add(&h, body, len);
    ward_hash_end(&h, out);
}

int ward_id_compare(const struct ward_id *a, const struct ward_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b);
}

int ward_hash_compare(const struct ward_hash *a, const struct ward_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b);
}

bool ward_circle_sorted(const struct ward_id *circle, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (ward_id_compare(&circle[i - 1], &circle[i]) >= 0)
            return false;
    return true;
}

bool ward_circle_has(const struct ward_id *circle, size_t count, const struct ward_id *unit)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = ward_id_compare(&circle[mid], unit);
        if (order == 0)
            return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}
