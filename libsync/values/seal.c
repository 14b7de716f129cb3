#include "values/seal.h"

#include <cbor.h>
#include <sodium.h>
#include <string.h>

/* Longest: array 1, "Signature1" 11, header 4, aad 18, payload 2 + 1 + 34 + 9 + 34. */
#define SIG_STRUCTURE_MAX 128

struct span {
    uint8_t b[SIG_STRUCTURE_MAX];
    size_t len;
};

static void raw(struct span *s, const void *p, size_t len)
{
    memcpy(s->b + s->len, p, len);
    s->len += len;
}

static void bstr(struct span *s, const void *p, size_t len)
{
    s->len += cbor_encode_bytestring_start(len, s->b + s->len, sizeof s->b - s->len);
    raw(s, p, len);
}

static void number(struct span *s, uint64_t v)
{
    s->len += cbor_encode_uint(v, s->b + s->len, sizeof s->b - s->len);
}

static void payload_of_feed(struct span *s, const struct ward_hash *feed, uint64_t seq, const struct ward_hash *hash)
{
    s->len = 0;
    raw(s, "\x83", 1);
    bstr(s, feed->b, sizeof feed->b);
    number(s, seq);
    bstr(s, hash->b, sizeof hash->b);
}

static void payload_of_bundle(struct span *s, const struct ward_hash *grant, const struct ward_hash *hash, uint64_t count)
{
    s->len = 0;
    raw(s, "\x83", 1);
    bstr(s, grant->b, sizeof grant->b);
    bstr(s, hash->b, sizeof hash->b);
    number(s, count);
}

/* RFC 9052 section 4.4: Sig_structure = ["Signature1", protected, external_aad, payload]. */
static void sig_structure(struct span *s, const char *aad, const struct span *payload)
{
    s->len = 0;
    raw(s, "\x84\x6aSignature1\x43\xa1\x01\x27", 16);
    bstr(s, aad, strlen(aad));
    bstr(s, payload->b, payload->len);
}

static void sign(uint8_t sig[64], const char *aad, const struct span *payload, const struct ward_sign_key *key)
{
    struct span s;
    sig_structure(&s, aad, payload);
    crypto_sign_detached(sig, NULL, s.b, s.len, key->sk);
}

static bool check(const uint8_t sig[64], const char *aad, const struct span *payload, const uint8_t pk[32])
{
    struct span s;
    sig_structure(&s, aad, payload);
    return crypto_sign_verify_detached(sig, s.b, s.len, pk) == 0;
}

void ward_sign_key_from_seed(struct ward_sign_key *key, const uint8_t seed[32])
{
    crypto_sign_seed_keypair(key->pk, key->sk, seed);
}

void ward_seal_make(uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *feed, uint64_t seq, const struct ward_hash *hash,
                    const struct ward_sign_key *key)
{
    struct span payload;
    payload_of_feed(&payload, feed, seq, hash);
    sign(sig, WARD_AAD_SEAL, &payload, key);
}

bool ward_seal_check(const uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *feed, uint64_t seq, const struct ward_hash *hash,
                     const uint8_t pk[32])
{
    struct span payload;
    payload_of_feed(&payload, feed, seq, hash);
    return check(sig, WARD_AAD_SEAL, &payload, pk);
}

void ward_seal_make_bundle(uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *grant, const struct ward_hash *hash, uint64_t count,
                           const struct ward_sign_key *key)
{
    struct span payload;
    payload_of_bundle(&payload, grant, hash, count);
    sign(sig, WARD_AAD_BUNDLE, &payload, key);
}

bool ward_seal_check_bundle(const uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *grant, const struct ward_hash *hash, uint64_t count,
                            const uint8_t pk[32])
{
    struct span payload;
    payload_of_bundle(&payload, grant, hash, count);
    return check(sig, WARD_AAD_BUNDLE, &payload, pk);
}

void ward_seal_make_snapshot(uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *grant, const struct ward_hash *hash, uint64_t parts,
                             const struct ward_sign_key *key)
{
    struct span payload;
    payload_of_bundle(&payload, grant, hash, parts);
    sign(sig, WARD_AAD_SNAPSHOT, &payload, key);
}

bool ward_seal_check_snapshot(const uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *grant, const struct ward_hash *hash,
                              uint64_t parts, const uint8_t pk[32])
{
    struct span payload;
    payload_of_bundle(&payload, grant, hash, parts);
    return check(sig, WARD_AAD_SNAPSHOT, &payload, pk);
}

void ward_seal_export(struct ward_buf *out, const uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *feed, uint64_t seq,
                      const struct ward_hash *hash)
{
    struct span payload, head = {.len = 0};
    payload_of_feed(&payload, feed, seq, hash);
    raw(&head, "\xd2\x84\x43\xa1\x01\x27\xa0", 7);
    ward_buf_add(out, head.b, head.len);
    head.len = 0;
    bstr(&head, payload.b, payload.len);
    ward_buf_add(out, head.b, head.len);
    head.len = 0;
    bstr(&head, sig, WARD_SEAL_BYTES);
    ward_buf_add(out, head.b, head.len);
}

bool ward_sign_pk_valid(const uint8_t pk[32])
{
    return crypto_core_ed25519_is_valid_point(pk) == 1;
}
