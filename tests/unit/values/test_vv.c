/* Version vectors: the greatest seq of each feed, in order, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "values/vv.h"

static void raising(void **state)
{
    struct ward_vv vv = {0}, copy = {0};
    (void)state;
    assert_int_equal(ward_vv_get(&vv, 1), 0);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(ward_vv_raise(&vv, &vectors_env, 1 + i * 37 % 100, i + 1), WARD_OK);
    assert_int_equal(vv.len, 100);
    for (size_t i = 1; i < vv.len; i++)
        assert_true(vv.v[i - 1].fid < vv.v[i].fid);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(ward_vv_get(&vv, 1 + i * 37 % 100), i + 1);
    assert_int_equal(ward_vv_raise(&vv, &vectors_env, 1, 0), WARD_OK); /* never lowered */
    assert_int_equal(ward_vv_get(&vv, 1), 1);
    assert_int_equal(ward_vv_raise(&vv, &vectors_env, 1, UINT64_MAX), WARD_OK);
    assert_true(ward_vv_get(&vv, 1) == UINT64_MAX);
    assert_int_equal(vv.len, 100);
    assert_int_equal(ward_vv_get(&vv, 0), 0);
    assert_int_equal(ward_vv_get(&vv, 101), 0);
    assert_int_equal(ward_vv_copy(&copy, &vectors_env, &vv), WARD_OK);
    assert_int_equal(copy.len, 100);
    assert_memory_equal(copy.v, vv.v, 100 * sizeof vv.v[0]);
    ward_vv_lower(&vv, 0, 0);
    ward_vv_lower(&vv, 101, 0);
    assert_int_equal(vv.len, 100);
    ward_vv_lower(&vv, 50, 0);
    ward_vv_lower(&vv, 100, 0);
    ward_vv_lower(&vv, 50, 0);
    assert_int_equal(vv.len, 98);
    assert_int_equal(ward_vv_get(&vv, 50), 0);
    assert_int_equal(ward_vv_get(&vv, 51), ward_vv_get(&copy, 51));
    ward_vv_free(&vv, &vectors_env);
    assert_int_equal(ward_vv_copy(&copy, &vectors_env, &vv), WARD_OK);
    assert_int_equal(copy.len, 0);
    ward_vv_free(&copy, &vectors_env);
}

static void encoding(void **state)
{
    struct ward_vv vv = {0}, back = {0};
    struct ward_buf b;
    (void)state;
    ward_vv_raise(&vv, &vectors_env, 7, 300);
    ward_vv_raise(&vv, &vectors_env, UINT32_MAX, INT64_MAX);
    ward_buf_init(&b, &vectors_env);
    ward_vv_encode(&b, &vv);
    assert_int_equal(ward_vv_decode(&back, &vectors_env, b.p, b.len), WARD_OK);
    assert_int_equal(back.len, 2);
    assert_int_equal(ward_vv_get(&back, 7), 300);
    assert_true(ward_vv_get(&back, UINT32_MAX) == INT64_MAX);
    for (size_t n = 1; n < b.len; n++)
        assert_int_equal(ward_vv_decode(&back, &vectors_env, b.p, n), WARD_ERR_CORRUPT);
    ward_buf_add(&b, "", 1);
    assert_int_equal(ward_vv_decode(&back, &vectors_env, b.p, b.len), WARD_ERR_CORRUPT);
    assert_int_equal(ward_vv_decode(&back, &vectors_env, "\x82\x60\x01", 3), WARD_ERR_CORRUPT);                /* text for a feed */
    assert_int_equal(ward_vv_decode(&back, &vectors_env, "\x82\x01\x60", 3), WARD_ERR_CORRUPT);                /* text for a seq */
    assert_int_equal(ward_vv_decode(&back, &vectors_env, "\x82\x1b\0\0\0\1\0\0\0\0\1", 11), WARD_ERR_CORRUPT); /* no feed number */
    assert_int_equal(ward_vv_decode(&back, &vectors_env, "\x01", 1), WARD_ERR_CORRUPT);                        /* no array */
    assert_int_equal(ward_vv_decode(&back, &vectors_env, "\x81\x01", 2), WARD_ERR_CORRUPT);                    /* half a pair */
    assert_int_equal(ward_vv_decode(&back, &vectors_env, NULL, 0), WARD_OK);
    assert_int_equal(back.len, 0);
    ward_buf_free(&b);
    ward_vv_free(&vv, &vectors_env);
    ward_vv_free(&back, &vectors_env);
}

static int grow_copy_and_read(const struct ward_env *env, void *ctx)
{
    struct ward_vv vv = {0}, copy = {0}, back = {0};
    struct ward_buf b;
    int rc = WARD_OK;
    (void)ctx;
    ward_buf_init(&b, env);
    for (uint32_t i = 1; !rc && i <= 20; i++) {
        rc = ward_vv_raise(&vv, env, 40 - i, i);
        assert_int_equal(vv.len, rc ? i - 1 : i); /* what was there stays */
        assert_int_equal(ward_vv_get(&vv, 39), i > 1 || !rc);
    }
    if (!rc)
        rc = ward_vv_copy(&copy, env, &vv);
    assert_int_equal(copy.len, rc ? 0 : 20);
    ward_vv_encode(&b, &copy);
    if (!rc)
        rc = ward_buf_status(&b);
    if (!rc)
        rc = ward_vv_decode(&back, env, b.p, b.len);
    if (!rc)
        assert_int_equal(ward_vv_get(&back, 39), 1);
    ward_buf_free(&b);
    ward_vv_free(&vv, env);
    ward_vv_free(&copy, env);
    ward_vv_free(&back, env);
    return rc;
}

static void each_failure(void **state)
{
    (void)state;
    assert_true(each_shortage(grow_copy_and_read, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(raising), cmocka_unit_test(encoding), cmocka_unit_test(each_failure)};
    return cmocka_run_group_tests_name("vv", tests, NULL, NULL);
}
