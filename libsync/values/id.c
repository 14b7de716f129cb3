/* id.c - the small values of the public header. */
#include "values/hash.h"
#include "wardsync.h"

#include <cbor.h>
#include <sodium.h>
#include <string.h>

void ward_id_hex(char out[WARD_ID_HEX], const struct ward_id *id)
{
    sodium_bin2hex(out, WARD_ID_HEX, id->b, sizeof id->b);
}

void ward_hash_hex(char out[WARD_HASH_HEX], const struct ward_hash *hash)
{
    sodium_bin2hex(out, WARD_HASH_HEX, hash->b, sizeof hash->b);
}

bool ward_id_equal(const struct ward_id *a, const struct ward_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool ward_id_is_zero(const struct ward_id *id)
{
    return sodium_is_zero(id->b, sizeof id->b) == 1;
}

void ward_id_derive(struct ward_id *out, const struct ward_id *a, const char *text, size_t text_len)
{
    uint8_t head[9];
    ward_hasher h;
    struct ward_hash full;
    ward_hash_begin(&h, "wardsync round");
    ward_hash_add(&h, "\x82\x50", 2);
    ward_hash_add(&h, a->b, sizeof a->b);
    ward_hash_add(&h, head, cbor_encode_string_start(text_len, head, sizeof head));
    ward_hash_add(&h, text, text_len);
    ward_hash_end(&h, &full);
    memcpy(out->b, full.b, sizeof out->b);
}

struct ward_value ward_value_null(void)
{
    return (struct ward_value){.type = WARD_NULL};
}

struct ward_value ward_value_bool(bool b)
{
    return (struct ward_value){.type = WARD_BOOL, .boolean = b};
}

struct ward_value ward_value_int(int64_t i)
{
    return (struct ward_value){.type = WARD_INT, .integer = i};
}

struct ward_value ward_value_text(const char *text)
{
    return (struct ward_value){.type = WARD_TEXT, .p = (const uint8_t *)text, .len = strlen(text)};
}

struct ward_value ward_value_bytes(const void *p, size_t len)
{
    return (struct ward_value){.type = WARD_BYTES, .p = p, .len = len};
}

struct ward_value ward_value_id(const struct ward_id *id)
{
    return ward_value_bytes(id->b, sizeof id->b);
}
