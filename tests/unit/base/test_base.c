/* Buffers, arenas and error details; and every allocation failing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t pattern[4096] = {1, 2, 3};

static void buffers(void **state)
{
    (void)state;
    struct scarce m;
    scarce_init(&m, SIZE_MAX);
    struct ward_buf b;
    ward_buf_init(&b, &m.env);
    for (size_t i = 0; i < 1000; i++)
        ward_buf_add(&b, pattern, i % 7);
    assert_int_equal(ward_buf_status(&b), WARD_OK);
    assert_int_equal(b.len, 2997);
    ward_buf_add(&b, NULL, 0);
    assert_int_equal(b.len, 2997);
    assert_null(ward_buf_room(&b, SIZE_MAX)); /* no wrapping around */
    assert_int_equal(ward_buf_status(&b), WARD_ERR_MEMORY);
    ward_buf_add(&b, pattern, 1); /* sticky */
    assert_int_equal(b.len, 2997);
    ward_buf_clear(&b);
    assert_int_equal(ward_buf_status(&b), WARD_OK);
    assert_int_equal(b.len, 0);
    ward_buf_add(&b, pattern, 3);
    assert_memory_equal(b.p, pattern, 3);
    ward_buf_free(&b);
    ward_buf_free(&b);
    assert_int_equal(m.out, 0);
}

static int fill_a_buffer(const struct ward_env *env, void *ctx)
{
    struct ward_buf b;
    (void)ctx;
    ward_buf_init(&b, env);
    for (size_t i = 0; i < 10; i++)
        ward_buf_add(&b, pattern, sizeof pattern);
    int rc = ward_buf_status(&b);
    if (!rc)
        assert_int_equal(b.len, 10 * sizeof pattern);
    ward_buf_free(&b);
    return rc;
}

static void each_failure_of_a_buffer(void **state)
{
    (void)state;
    assert_true(each_shortage(fill_a_buffer, NULL) > 3);
}

static void arenas(void **state)
{
    (void)state;
    struct scarce m;
    scarce_init(&m, SIZE_MAX);
    struct ward_arena a;
    ward_arena_init(&a, &m.env);
    for (size_t round = 0; round < 3; round++) {
        for (size_t size = 0; size < 3000; size += 7) {
            uint8_t *p = ward_arena_take(&a, size);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % _Alignof(uint64_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(p[i], 0); /* zeroed, the second time too */
            memset(p, 0xff, size);
        }
        assert_true(m.out > 1);
        ward_arena_reset(&a);
        assert_int_equal(m.out, 1);
        assert_int_equal(a.used, 0);
    }
    uint8_t *large = ward_arena_take(&a, 1 << 20);
    assert_non_null(large);
    large[(1 << 20) - 1] = 1;
    assert_null(ward_arena_take(&a, SIZE_MAX));
    assert_null(ward_arena_take(&a, SIZE_MAX / 2 + 1));
    assert_memory_equal(ward_arena_copy(&a, pattern, 3), pattern, 3);
    assert_non_null(ward_arena_copy(&a, NULL, 0));
    ward_arena_free(&a);
    ward_arena_free(&a);
    assert_int_equal(m.out, 0);
}

static void each_failure_of_an_arena(void **state)
{
    bool failed = true;
    (void)state;
    for (size_t at = 0; failed; at++) {
        struct scarce m;
        scarce_init(&m, at);
        struct ward_arena a;
        size_t refused = 0;
        ward_arena_init(&a, &m.env);
        for (size_t i = 0; i < 64; i++)
            refused += !ward_arena_copy(&a, pattern, sizeof pattern);
        failed = m.calls > at;
        assert_int_equal(refused, failed); /* the one, and the next works again */
        ward_arena_free(&a);
        assert_int_equal(m.out, 0);
        assert_in_range(at, 0, 100);
    }
}

static void growing(void **state)
{
    (void)state;
    struct scarce m;
    scarce_init(&m, 2);
    uint64_t *items = NULL;
    size_t cap = 0, n = 0;
    for (; ward_grow(&m.env, (void **)&items, &cap, n, sizeof *items) == WARD_OK; n++)
        items[n] = n;
    assert_int_equal(n, 16); /* the third growth failed; what was there stays */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(items[i], i);
    ward_release(&m.env, items);
    ward_release(&m.env, NULL);
    assert_null(ward_alloc(&m.env, 0));
    cap = n = SIZE_MAX / sizeof *items / 2 + 1; /* twice that is more bytes than can be said */
    items = NULL;
    assert_int_equal(ward_grow(&m.env, (void **)&items, &cap, n, sizeof *items), WARD_ERR_MEMORY);
    assert_int_equal(cap, n);
    assert_null(items);
    scarce_init(&m, 0);
    assert_null(ward_alloc(&m.env, 1));
    assert_int_equal(m.out, 0);
}

static void details_build_up(void **state)
{
    struct ward_error err = {0};
    char long_text[600];
    (void)state;
    assert_int_equal(ward_fail(&err, WARD_ERR_GAP, "starts at %d", 7), WARD_ERR_GAP);
    assert_string_equal(err.detail, "starts at 7");
    assert_int_equal(ward_at(&err, WARD_ERR_GAP, "change %d", 17), WARD_ERR_GAP);
    assert_int_equal(ward_at(&err, WARD_ERR_GAP, "ingest"), WARD_ERR_GAP);
    assert_string_equal(err.detail, "ingest: change 17: starts at 7");
    assert_int_equal(ward_fail(NULL, WARD_ERR_GAP, "x"), WARD_ERR_GAP);
    assert_int_equal(ward_at(NULL, WARD_ERR_SEAL, "x"), WARD_ERR_SEAL);
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = 0;
    assert_int_equal(ward_at(&err, WARD_ERR_GAP, "%s", long_text), WARD_ERR_GAP);
    assert_int_equal(strlen(err.detail), sizeof err.detail - 1);
    ward_fail(&err, WARD_ERR_IO, "%s", "");
    ward_at(&err, WARD_ERR_IO, "bundle");
    assert_string_equal(err.detail, "bundle");
    ward_fail(&err, WARD_ERR_IO, "%s", long_text);
    ward_at(&err, WARD_ERR_IO, "a");
    assert_int_equal(strncmp(err.detail, "a: xxx", 6), 0);
    assert_int_equal(strlen(err.detail), sizeof err.detail - 1);
}

/* Every code of the header stands in the table with a name of its own, a class and both languages. */
static void error_table(void **state)
{
    size_t known = 0;
    (void)state;
    const char *unknown = ward_error_name(999);
    for (int code = 1; code < 999; code++) {
        const char *name = ward_error_name(code);
        assert_non_null(name);
        if (strcmp(name, unknown) == 0)
            continue;
        known++;
        assert_int_not_equal(ward_error_class(code), WARD_CLASS_NONE);
        for (enum ward_lang lang = WARD_LANG_EN; lang <= WARD_LANG_VI; lang++) {
            assert_true(ward_error_text(code, lang)[0]);
            assert_true(ward_error_hint(code, lang)[0]);
        }
        for (int other = 1; other < code; other++)
            assert_string_not_equal(ward_error_name(other), name);
    }
    assert_true(known > 80);
    assert_string_equal(ward_error_name(WARD_ERR_GAP), "gap");
    assert_string_equal(ward_error_name(WARD_OK), "ok");
    assert_int_equal(ward_error_class(WARD_OK), WARD_CLASS_NONE);
    assert_string_equal(ward_error_text(WARD_OK, WARD_LANG_EN), "");
    assert_string_equal(ward_error_hint(WARD_OK, WARD_LANG_VI), "");
    assert_string_equal(ward_error_class_name(WARD_OK), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers),     cmocka_unit_test(each_failure_of_a_buffer),
        cmocka_unit_test(arenas),      cmocka_unit_test(each_failure_of_an_arena),
        cmocka_unit_test(growing),     cmocka_unit_test(details_build_up),
        cmocka_unit_test(error_table),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
