/* Keys of an index: they compare as their values do, and hold them. rules/index.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../vectors.h"
#include "rules/index.h"

static void put_all(struct ward_buf *b, const struct ward_value *v, size_t n)
{
    ward_buf_clear(b);
    for (size_t i = 0; i < n; i++)
        ward_index_put(b, &v[i]);
    assert_int_equal(ward_buf_status(b), WARD_OK);
}

static int compare(const struct ward_buf *a, const struct ward_buf *b)
{
    return ward_index_compare(&(struct ward_index_entry){0, a->p, a->len}, &(struct ward_index_entry){0, b->p, b->len});
}

/* Each before the next, as people count. */
static void order(void **state)
{
    static const char *const texts[] = {"",      "0",      "00",      "1",          "01",    "2",      "9",     "10",
                                        "II",    "II.1-2", "II.1-9",  "II.1-10",    "II.2",  "II.2.1", "II.10", "T-99",
                                        "T-100", "T-1000", "T-1000a", "a",          "b1",    "b1c",    "b2",    "b10c",
                                        "bc",    "chi bộ", "tổ",      "tổ 2 khu 9", "tổ 10", "đ"};
    struct ward_value v[8 + sizeof texts / sizeof texts[0]] = {
        ward_value_null(),  ward_value_bool(false), ward_value_bool(true),     ward_value_int(INT64_MIN),
        ward_value_int(-1), ward_value_int(0),      ward_value_int(INT64_MAX),
    };
    size_t n = 7;
    struct ward_buf a, b;
    (void)state;
    ward_buf_init(&a, &vectors_env);
    ward_buf_init(&b, &vectors_env);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        v[n++] = ward_value_text(texts[i]);
    v[n++] = ward_value_bytes("\0\xff", 2);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            put_all(&a, &v[i], 1);
            put_all(&b, &v[j], 1);
            int got = compare(&a, &b);
            if ((got < 0) != (i < j) || (got == 0) != (i == j))
                fail_msg("%zu and %zu: %d", i, j, got);
        }
    ward_buf_free(&a);
    ward_buf_free(&b);
}

/* A shorter first column does not mix with what the second holds; a prefix takes whole numbers. */
static void columns(void **state)
{
    struct ward_value first[] = {ward_value_text("a"), ward_value_text("zz")}, second[] = {ward_value_text("a\x01"), ward_value_text("a")};
    struct ward_value exact = ward_value_text("II.3"), under = ward_value_text("II.3.1"), other = ward_value_text("II.31");
    struct ward_buf a, b;
    (void)state;
    ward_buf_init(&a, &vectors_env);
    ward_buf_init(&b, &vectors_env);
    put_all(&a, first, 2);
    put_all(&b, second, 2);
    assert_true(compare(&a, &b) < 0);
    ward_buf_clear(&a);
    ward_index_put_prefix(&a, "II.3", 4);
    put_all(&b, &exact, 1);
    assert_memory_equal(b.p, a.p, a.len);
    put_all(&b, &under, 1);
    assert_memory_equal(b.p, a.p, a.len);
    put_all(&b, &other, 1);
    assert_memory_not_equal(b.p, a.p, a.len);
    ward_buf_free(&a);
    ward_buf_free(&b);
}

static void there_and_back(void **state)
{
    struct ward_value v[] = {ward_value_text("II.007-10\x30"), ward_value_bytes("\0\0\xff\x30", 4), ward_value_int(-5), ward_value_null(),
                             ward_value_bool(true)},
                      got;
    struct ward_buf key, into;
    size_t at = 0;
    (void)state;
    ward_buf_init(&key, &vectors_env);
    ward_buf_init(&into, &vectors_env);
    assert_non_null(ward_buf_room(&into, WARD_INDEX_ROOM));
    put_all(&key, v, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(ward_index_next(key.p, key.len, &at, &got, &into));
        assert_int_equal(got.type, v[i].type);
        assert_int_equal(got.len, v[i].len);
        assert_int_equal(got.integer, v[i].integer);
        assert_int_equal(got.boolean, v[i].boolean);
        if (got.len)
            assert_memory_equal(got.p, v[i].p, got.len);
    }
    assert_int_equal(at, key.len);
    assert_false(ward_index_next(key.p, key.len, &at, &got, &into));
    /* Cut at any byte it is none, or a shorter one. */
    for (size_t len = 0; len < key.len; len++) {
        ward_buf_clear(&into);
        for (at = 0; ward_index_next(key.p, len, &at, &got, &into);)
            ;
        assert_true(at <= len + 1);
    }
    ward_buf_free(&key);
    ward_buf_free(&into);
}

/* Whatever bytes damage has left there: nothing is read or written beyond its place. */
static void damaged(void **state)
{
    uint64_t dice = 7;
    (void)state;
    for (int k = 0; k < 20000; k++) {
        uint8_t key[64];
        struct ward_value got;
        struct ward_buf into;
        size_t at = 0, n = 0, len = (size_t)(k % 64);
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        for (size_t i = 0; i < len; i++) {
            dice = dice * 6364136223846793005u + 1442695040888963407u;
            key[i] = (uint8_t)((dice >> 33) % 3 ? (dice >> 40) % 6 : (dice >> 45) % 256);
            key[i] = (dice >> 55) % 4 ? key[i] : 0x30;
        }
        memcpy(exact, key, len);
        ward_buf_init(&into, &vectors_env);
        assert_non_null(ward_buf_room(&into, 40));
        while (ward_index_next(exact, len, &at, &got, &into) && n++ < 64)
            assert_true(into.len <= into.cap);
        ward_buf_free(&into);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order), cmocka_unit_test(columns), cmocka_unit_test(there_and_back),
                                       cmocka_unit_test(damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
