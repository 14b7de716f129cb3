/* Invitation codes. As the input stands, and as a payload that is given its check and its letters here (so that the fuzzer need not find
 * the hash): a code is taken exactly if its payload is what proto/authority.md says, however it is spelt; what is left over in the last
 * letter and any wrong letter are refused. The first byte chooses. */
#include "replica/invite.h"
#include "fuzz.h"
#include "values/cbor.h"
#include "values/hash.h"
#include "values/text.h"

#include <sodium.h>

#define CODE_MAX 4096

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* Five bits a letter. */
static size_t letters(char *out, const uint8_t *p, size_t len)
{
    size_t n = 0;
    for (size_t bit = 0; bit < 8 * len; bit += 5) {
        unsigned v = 0;
        for (size_t i = bit; i < bit + 5; i++)
            v = v << 1 | (i < 8 * len ? (unsigned)p[i / 8] >> (7 - i % 8) & 1u : 0u);
        out[n++] = alphabet[v];
    }
    out[n] = 0;
    return n;
}

static int parse(struct ward_invitation *v, const char *code)
{
    struct ward_error err = {0};
    int rc = ward_invitation_parse(v, code, &err);
    CHECK(rc == WARD_OK || rc == WARD_ERR_INVITE_MANGLED || rc == WARD_ERR_VERSION);
    if (rc == WARD_OK) {
        CHECK(v->address_count <= WARD_HUB_ADDRESSES_MAX);
        for (size_t i = 0; i < v->address_count; i++)
            CHECK(strlen(v->addresses[i]) <= WARD_ADDRESS_MAX);
    }
    return rc;
}

/* The payload that these parts make. */
static void write_payload(struct ward_buf *out, const struct ward_invitation *v, const uint8_t *secret)
{
    ward_put_array(out, 5);
    ward_put_uint(out, 1);
    ward_put_bytes(out, v->ward.b, 32);
    ward_put_bytes(out, v->hub_link_pk, 32);
    ward_put_bytes(out, secret, 16);
    ward_put_array(out, v->address_count);
    for (size_t i = 0; i < v->address_count; i++)
        ward_put_text(out, v->addresses[i], strlen(v->addresses[i]));
}

static void check_keys(const struct ward_invitation *v, const uint8_t *secret)
{
    struct ward_hash seed;
    uint8_t pk[32];
    ward_hash_once(&seed, "wardsync joinkey", secret, 16);
    CHECK(crypto_scalarmult_base(pk, seed.b) == 0 && memcmp(pk, v->link_pk, 32) == 0);
}

/* Groups split by '-' and blanks, in lower case. */
static void spelt_otherwise(const char *code, const struct ward_invitation *v)
{
    struct ward_invitation again;
    char other[2 * CODE_MAX] = "ws1-";
    size_t n = 4;
    for (size_t i = 4; code[i]; i++) {
        if (i % 6 == 0)
            other[n++] = i % 12 ? '-' : ' ';
        other[n++] = code[i] >= 'A' && code[i] <= 'Z' ? (char)(code[i] - 'A' + 'a') : code[i];
    }
    other[n] = 0;
    if (n >= WARD_INVITE_MAX)
        return;
    CHECK(parse(&again, other) == WARD_OK && memcmp(again.link_sk, v->link_sk, 32) == 0);
    other[n - 1] = other[n - 1] == 'a' ? 'b' : 'a'; /* another letter: the check or the left-over bits do not fit */
    CHECK(parse(&again, other) != WARD_OK);
}

static void payload(const uint8_t *p, size_t len)
{
    struct ward_invitation v;
    struct ward_hash check;
    struct ward_buf expected;
    uint8_t bytes[WARD_INVITE_MAX];
    char code[CODE_MAX] = "WS1-";
    if (len > WARD_INVITE_MAX / 2)
        return;
    memcpy(bytes, p, len);
    ward_hash_once(&check, "wardsync invite", p, len);
    memcpy(bytes + len, check.b, 4);
    letters(code + 4, bytes, len + 4);
    if (parse(&v, code))
        return;
    const uint8_t *secret = p + 1 + 1 + 34 + 34 + 1;
    ward_buf_init(&expected, &fuzz_env);
    write_payload(&expected, &v, secret);
    CHECK(fuzz_same(expected.p, expected.len, p, len));
    ward_buf_free(&expected);
    check_keys(&v, secret);
    spelt_otherwise(code, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_invitation v;
    if (len == 0)
        return 0;
    CHECK(sodium_init() >= 0);
    if (p[0] & 1) {
        payload(p + 1, len - 1);
        return 0;
    }
    char *code = fuzz_text(p + 1, len - 1);
    parse(&v, code);
    free(code);
    return 0;
}
