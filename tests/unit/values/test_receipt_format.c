/* The heads of a receipt as a store keeps them, and its signature where memory ends. proto/receipt.md has the rest, in vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "values/receipt.h"

#include <sodium.h>

static struct ward_receipt *two_heads(void)
{
    static struct ward_receipt r;
    r = (struct ward_receipt){.ward = {{1}}, .grant = {{2}}, .wall_ms = 1750000000000, .count = 2};
    r.heads[0] = (struct ward_receipt_head){.feed = {{3}}, .seq = 300, .hash = {{4}}};
    r.heads[1] = (struct ward_receipt_head){.feed = {{5}}, .seq = 7, .hash = {{6}}};
    return &r;
}

/* A row of a damaged store: cut anywhere, or with a byte too many, it is no list of heads. */
static void heads_of_a_damaged_store(void **state)
{
    static struct ward_receipt back;
    struct ward_buf b;
    (void)state;
    ward_buf_init(&b, &vectors_env);
    ward_receipt_write_heads(&b, two_heads());
    assert_int_equal(ward_receipt_read_heads(&back, b.p, b.len), WARD_OK);
    assert_int_equal(back.count, 2);
    assert_int_equal(back.heads[1].seq, 7);
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, b.p, len);
        assert_int_equal(ward_receipt_read_heads(&back, exact, len), WARD_ERR_TRUNCATED);
        free(exact);
    }
    ward_buf_add(&b, "", 1);
    assert_int_equal(ward_receipt_read_heads(&back, b.p, b.len), WARD_ERR_TRAILING);
    b.p[0] = 0x80; /* none at all */
    assert_int_equal(ward_receipt_read_heads(&back, b.p, 1), WARD_ERR_RANGE);
    ward_buf_free(&b);
}

static int sign(const struct ward_env *env, void *ctx)
{
    static const uint8_t nothing[WARD_SEAL_BYTES];
    struct ward_receipt *r = two_heads();
    struct ward_buf scratch;
    ward_buf_init(&scratch, env);
    int rc = ward_receipt_sign(r, ctx, &scratch);
    ward_buf_free(&scratch);
    assert_int_equal(memcmp(r->sig, nothing, sizeof nothing) == 0, rc != WARD_OK);
    return rc;
}

static int check(const struct ward_env *env, void *ctx)
{
    const struct ward_sign_key *key = ctx;
    struct ward_receipt *r = two_heads();
    struct ward_buf scratch;
    ward_buf_init(&scratch, &vectors_env);
    assert_int_equal(ward_receipt_sign(r, key, &scratch), WARD_OK);
    ward_buf_free(&scratch);
    ward_buf_init(&scratch, env);
    int rc = ward_receipt_check(r, key->pk, &scratch);
    ward_buf_free(&scratch);
    return rc;
}

/* Without memory nothing is signed, and nothing is taken for checked: neither for good nor for forged. */
static void without_memory(void **state)
{
    struct ward_sign_key key;
    (void)state;
    crypto_sign_keypair(key.pk, key.sk);
    assert_true(each_shortage(sign, &key) >= 2); /* what is signed, and what is said of it */
    assert_true(each_shortage(check, &key) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(heads_of_a_damaged_store), cmocka_unit_test(without_memory)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
