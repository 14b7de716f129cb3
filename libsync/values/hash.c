#include "values/hash.h"

#include <assert.h>
#include <string.h>

void ward_hash_begin(ward_hasher *h, const char *tag)
{
    uint8_t padded[16] = {0};
    size_t n = strlen(tag);
    assert(n <= sizeof padded);
    memcpy(padded, tag, n);
    crypto_generichash_init(h, NULL, 0, WARD_HASH_BYTES);
    crypto_generichash_update(h, padded, sizeof padded);
}

void ward_hash_add(ward_hasher *h, const void *p, size_t len)
{
    crypto_generichash_update(h, p, len);
}

void ward_hash_end(ward_hasher *h, struct ward_hash *out)
{
    crypto_generichash_final(h, out->b, sizeof out->b);
}

void ward_hash_once(struct ward_hash *out, const char *tag, const void *p, size_t len)
{
    ward_hasher h;
    ward_hash_begin(&h, tag);
    ward_hash_add(&h, p, len);
    ward_hash_end(&h, out);
}
