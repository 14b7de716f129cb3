/* A seal holds over what it was made for and over nothing else: any one bit turned, in the signature or in what it covers, breaks it. The
 * exported form is the COSE_Sign1 of proto/seal.md to the byte. */
#include "values/seal.h"
#include "fuzz.h"
#include "values/cbor.h"

#include <sodium.h>

/* The order of the group, little-endian. */
static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                  0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};

struct sealed {
    uint8_t sig[WARD_SEAL_BYTES];
    struct ward_hash name, hash;
    uint8_t number[8]; /* seq or count */
    uint8_t pk[32];
};

static uint64_t number_of(const struct sealed *s)
{
    uint64_t n;
    memcpy(&n, s->number, sizeof n);
    return n;
}

static bool holds(const struct sealed *s, bool bundle)
{
    return bundle ? ward_seal_check_bundle(s->sig, &s->name, &s->hash, number_of(s), s->pk)
                  : ward_seal_check(s->sig, &s->name, number_of(s), &s->hash, s->pk);
}

static void check_export(const struct sealed *s)
{
    struct ward_buf payload, expected, got;
    ward_buf_init(&payload, &fuzz_env);
    ward_buf_init(&expected, &fuzz_env);
    ward_buf_init(&got, &fuzz_env);
    ward_put_array(&payload, 3);
    ward_put_bytes(&payload, s->name.b, sizeof s->name.b);
    ward_put_uint(&payload, number_of(s));
    ward_put_bytes(&payload, s->hash.b, sizeof s->hash.b);
    ward_buf_add(&expected, "\xd2\x84\x43\xa1\x01\x27\xa0", 7);
    ward_put_bytes(&expected, payload.p, payload.len);
    ward_put_bytes(&expected, s->sig, sizeof s->sig);
    ward_seal_export(&got, s->sig, &s->name, number_of(s), &s->hash);
    CHECK(fuzz_same(got.p, got.len, expected.p, expected.len));
    ward_buf_free(&payload);
    ward_buf_free(&expected);
    ward_buf_free(&got);
}

/* S + L is the same number to the curve; a verifier must refuse it all the same. */
static void check_reduced(struct sealed s, bool bundle)
{
    unsigned carry = 0;
    for (size_t i = 0; i < sizeof order; i++) {
        carry += (unsigned)s.sig[32 + i] + order[i];
        s.sig[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    CHECK(!holds(&s, bundle));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    struct sealed s, turned;
    struct ward_sign_key key;
    uint8_t seed[32];
    CHECK(sodium_init() >= 0);
    bool bundle = fuzz_byte(&in) & 1;
    size_t bit = (size_t)(fuzz_uint(&in, 2) % (8 * sizeof s));
    fuzz_fill(&in, s.number, sizeof s.number);
    fuzz_fill(&in, seed, sizeof seed);
    fuzz_fill(&in, s.name.b, sizeof s.name.b);
    fuzz_fill(&in, s.hash.b, sizeof s.hash.b);
    ward_sign_key_from_seed(&key, seed);
    memcpy(s.pk, key.pk, sizeof s.pk);
    CHECK(ward_sign_pk_valid(s.pk));
    fuzz_fill(&in, s.sig, sizeof s.sig);
    CHECK(!holds(&s, bundle)); /* forged */
    if (bundle)
        ward_seal_make_bundle(s.sig, &s.name, &s.hash, number_of(&s), &key);
    else
        ward_seal_make(s.sig, &s.name, number_of(&s), &s.hash, &key);
    CHECK(holds(&s, bundle) && !holds(&s, !bundle));
    turned = s;
    ((uint8_t *)&turned)[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    CHECK(!holds(&turned, bundle));
    check_reduced(s, bundle);
    check_export(&s);
    return 0;
}
