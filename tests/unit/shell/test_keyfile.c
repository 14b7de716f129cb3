/* Key files: the vectors of proto/, what is written read back, memory that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "shell/keyfile.h"

#include <sodium.h>

static const struct ward_kdf cheap = {1, WARD_KDF_KIB_MIN};

static int salt_of_sevens(void *ctx, void *out, size_t len)
{
    (void)ctx;
    memset(out, 7, len);
    return 0;
}

static int no_randomness(void *ctx, void *out, size_t len)
{
    (void)ctx;
    (void)out;
    (void)len;
    return -1;
}

static struct ward_keys *some_keys(void)
{
    uint8_t seed[32], link_sk[32];
    struct ward_keys *k = ward_keys_new();
    assert_non_null(k);
    memset(seed, 1, sizeof seed);
    memset(link_sk, 2, sizeof link_sk);
    ward_keys_set(k, seed, link_sk);
    return k;
}

/* ---------------------------------------------------------------- vectors */

static void compare(const json_t *one, const char *name, const uint8_t *p, size_t len)
{
    const json_t *expected = json_object_get(one, name);
    static const uint8_t nothing[32];
    if (!expected)
        return;
    if (json_is_null(expected)) {
        assert_memory_equal(p, nothing, len);
        return;
    }
    struct hex h = hex_of(expected);
    assert_int_equal(h.len, len);
    assert_memory_equal(p, h.p, len);
    free(h.p);
}

static int check_file(const json_t *one)
{
    const char *passphrase = json_string_value(json_object_get(one, "passphrase"));
    struct ward_error err = {0};
    struct hex file = hex_at(one, "file");
    struct ward_keys *k = ward_keys_new();
    assert_non_null(k);
    int rc = ward_keyfile_read(k, file.p, file.len, &err);
    bool sealed = !rc && k->locked;
    if (!rc && !passphrase)
        assert_false(k->locked);
    if (sealed) { /* the public halves are there before the passphrase is */
        compare(one, "sign_pk", k->sign.pk, 32);
        compare(one, "link_pk", k->link_pk, 32);
        assert_int_equal(ward_keys_check(k, NULL), WARD_ERR_PASSPHRASE_NEEDED);
        rc = ward_keyfile_unseal(k, file.p, file.len, passphrase, &err);
    }
    assert_int_equal(err.code, rc);
    if (!rc) {
        assert_int_equal(ward_keys_check(k, NULL), WARD_OK);
        compare(one, "seed", k->seed, 32);
        compare(one, "link_sk", k->link_sk, 32);
        compare(one, "sign_pk", k->sign.pk, 32);
        compare(one, "link_pk", k->link_pk, 32);
    } else if (rc == WARD_ERR_PASSPHRASE) {
        static const uint8_t nothing[32];
        assert_true(k->locked);
        assert_memory_equal(k->seed, nothing, 32);
    }
    ward_keys_free(k);
    free(file.p);
    return rc;
}

static void test_vectors(void **state)
{
    (void)state;
    each_vector("keyfile", check_file);
}

static void test_bad_vectors(void **state)
{
    (void)state;
    each_vector("keyfile-bad", check_file);
}

/* ---------------------------------------------------------------- both ways */

static void test_round_trip(void **state)
{
    (void)state;
    const struct ward_env env = {.alloc = vectors_alloc, .random = salt_of_sevens};
    for (int full = 0; full < 2; full++) {
        struct ward_buf b;
        struct ward_keys *k = some_keys(), *back = ward_keys_new();
        ward_buf_init(&b, &env);
        assert_int_equal(ward_keyfile_seal(&b, k, full, &cheap, "eight ch", NULL), WARD_OK);
        assert_int_equal(b.len, full ? 181 : 116);
        assert_int_equal(ward_keyfile_unseal(back, b.p, b.len, "eight ch", NULL), WARD_OK);
        assert_memory_equal(back->seed, k->seed, 32);
        assert_memory_equal(back->sign.pk, k->sign.pk, 32);
        assert_int_equal(memcmp(back->link_sk, k->link_sk, 32) == 0, full);
        /* Every bit counts: no altered file opens, whatever it is called. */
        for (size_t bit = 0; bit < b.len * 8; bit += 7) {
            b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            int rc = ward_keyfile_unseal(back, b.p, b.len, "eight ch", NULL);
            assert_true(rc == WARD_ERR_KEY_FILE || rc == WARD_ERR_VERSION);
            b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        ward_keys_free(k);
        ward_keys_free(back);
        ward_buf_free(&b);
    }
}

static void test_a_new_passphrase(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
    } cases[] = {{"", WARD_ERR_PASSPHRASE_SHORT},
                 {"seven ch", WARD_OK},
                 {"seven c", WARD_ERR_PASSPHRASE_SHORT},
                 {"ậậậậậậậ", WARD_ERR_PASSPHRASE_SHORT}, /* characters, not bytes */
                 {"ậậậậậậậậ", WARD_OK},
                 {"a\xcc\xa3\xcc\x82"
                  "a\xcc\xa3\xcc\x82"
                  "abcde",
                  WARD_ERR_PASSPHRASE_SHORT}, /* composed, seven */
                 {"not text \xff", WARD_ERR_UTF8}};
    const struct ward_env env = {.alloc = vectors_alloc, .random = salt_of_sevens}, dry = {.alloc = vectors_alloc, .random = no_randomness};
    struct ward_keys *k = some_keys();
    char longest[WARD_PASSPHRASE_MAX + 1];
    struct ward_buf b;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ward_buf_init(&b, &env);
        assert_int_equal(ward_keyfile_seal(&b, k, true, &cheap, cases[i].text, NULL), cases[i].code);
        ward_buf_free(&b);
    }
    memset(longest, 'p', sizeof longest);
    longest[WARD_PASSPHRASE_MAX] = 0;
    ward_buf_init(&b, &env);
    assert_int_equal(ward_keyfile_seal(&b, k, true, &cheap, longest, NULL), WARD_ERR_ARGUMENT);
    assert_int_equal(ward_keyfile_seal(&b, k, true, &cheap, longest + 1, NULL), WARD_OK);
    ward_buf_free(&b);
    ward_buf_init(&b, &dry);
    assert_int_equal(ward_keyfile_seal(&b, k, true, &cheap, "long enough", NULL), WARD_ERR_RANDOM);
    ward_buf_free(&b);
    ward_keys_free(k);
}

static int seal_scarcely(const struct ward_env *scarce, void *ctx)
{
    struct ward_env env = *scarce;
    env.random = salt_of_sevens;
    struct ward_buf b;
    ward_buf_init(&b, &env);
    int rc = ward_keyfile_seal(&b, ctx, true, &cheap, "long enough", NULL);
    ward_buf_free(&b);
    return rc;
}

static void test_without_memory(void **state)
{
    (void)state;
    struct ward_keys *k = some_keys();
    assert_int_equal(each_shortage(seal_scarcely, k), 1); /* one block, so that growing leaves no copy behind */
    ward_keys_free(k);
}

/* The points by which ward_crypto_start looks at libsodium, derived the long way. */
static void test_points_of_the_self_test(void **state)
{
    (void)state;
    uint8_t base[32], mixed[32], found[32], torsion[32];
    static const uint8_t one[32] = {1};
    memset(base, 0x66, sizeof base);
    base[0] = 0x58;
    memset(mixed, 0x99, sizeof mixed);
    mixed[0] = 0x95;
    assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(found, one), 0);
    assert_memory_equal(found, base, sizeof base);
    memset(torsion, 0xff, sizeof torsion); /* (0, -1), of order 2 */
    torsion[0] = 0xec;
    torsion[31] = 0x7f;
    assert_int_equal(crypto_core_ed25519_add(found, base, torsion), 0);
    assert_memory_equal(found, mixed, sizeof mixed);
    assert_true(ward_sign_pk_valid(base));
    assert_false(ward_sign_pk_valid(mixed));
}

static int ready(void **state)
{
    (void)state;
    return ward_crypto_start(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),          cmocka_unit_test(test_bad_vectors),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_a_new_passphrase), cmocka_unit_test(test_without_memory), cmocka_unit_test(test_points_of_the_self_test),
    };
    return cmocka_run_group_tests(tests, ready, NULL);
}
