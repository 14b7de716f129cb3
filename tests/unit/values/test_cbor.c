/* The one cursor and the one writer: shortest forms and nothing else. proto/README.md, Encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "values/cbor.h"

static int read_value(const void *p, size_t len, struct ward_value *v)
{
    struct ward_cbor c;
    const uint8_t *raw;
    size_t raw_len;
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, p, len);
    ward_cbor_init(&c, copy, len);
    bool fine = ward_cbor_value(&c, v, &raw, &raw_len) && ward_cbor_end(&c);
    if (fine)
        assert_int_equal(raw_len, len);
    assert_int_equal(fine, c.code == WARD_OK);
    if (!fine)
        assert_false(ward_cbor_value(&c, v, &raw, &raw_len)); /* failed once, failed for good */
    v->p = NULL;
    free(copy);
    return c.code;
}

static void integers(void **state)
{
    static const int64_t edges[] = {0, 1, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, INT64_MAX};
    static const size_t sizes[] = {1, 1, 1, 2, 2, 3, 3, 5, 5, 9, 9};
    (void)state;
    for (size_t i = 0; i < 22; i++) {
        int64_t n = i < 11 ? edges[i] : -1 - edges[i - 11];
        struct ward_buf b;
        struct ward_value v;
        ward_buf_init(&b, &vectors_env);
        ward_put_int(&b, n);
        assert_int_equal(b.len, sizes[i % 11]);
        assert_int_equal(read_value(b.p, b.len, &v), WARD_OK);
        assert_int_equal(v.type, WARD_INT);
        assert_true(v.integer == n);
        for (size_t cut = 0; cut < b.len; cut++)
            assert_int_equal(read_value(b.p, cut, &v), WARD_ERR_TRUNCATED);
        ward_buf_free(&b);
    }
    /* beyond 64 signed bits */
    struct ward_value v;
    assert_int_not_equal(read_value("\x1b\x80\0\0\0\0\0\0\0", 9, &v), WARD_OK);
    assert_int_not_equal(read_value("\x3b\x80\0\0\0\0\0\0\0", 9, &v), WARD_OK);
}

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void forbidden(void **state)
{
    struct ward_value v;
    (void)state;
    /* not the shortest form */
    assert_int_equal(read_value(BYTES(0x18, 0x17), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x19, 0x00, 0xff), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x1a, 0x00, 0x00, 0xff, 0xff), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x38, 0x00), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x58, 0x01, 0x00), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x78, 0x01, 'a'), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x98, 0x01, 0x00), &v), WARD_ERR_NONCANONICAL);
    /* maps, tags, floats, simple values, indefinite lengths, breaks */
    assert_int_equal(read_value(BYTES(0xa0), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0xc0, 0x00), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0xf9, 0x00, 0x00), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0xfa, 0, 0, 0, 0), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0xfb, 0, 0, 0, 0, 0, 0, 0, 0), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0xf7), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0xf0), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x5f, 0x41, 0x00, 0xff), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x9f, 0xff), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0xff), &v), WARD_ERR_NONCANONICAL);
    assert_int_equal(read_value(BYTES(0x1c), &v), WARD_ERR_NONCANONICAL);
    /* text */
    assert_int_equal(read_value(BYTES(0x61, 0xff), &v), WARD_ERR_UTF8);
    assert_int_equal(read_value(BYTES(0x61, 0x00), &v), WARD_ERR_UTF8);
    assert_int_equal(read_value(BYTES(0x62, 0xc0, 0x80), &v), WARD_ERR_UTF8);
    /* lengths beyond the end, however large */
    assert_int_equal(read_value(BYTES(0x43, 1, 2), &v), WARD_ERR_TRUNCATED);
    assert_int_equal(read_value(BYTES(0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), &v), WARD_ERR_TRUNCATED);
    assert_int_equal(read_value(BYTES(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), &v), WARD_ERR_TRUNCATED);
    assert_int_equal(read_value(BYTES(0x01, 0x01), &v), WARD_ERR_TRAILING);
}

/* Each of the 65,536 pairs of bytes is read as what the writer would make of it, or refused. */
static void every_two_bytes(void **state)
{
    size_t accepted = 0;
    (void)state;
    for (unsigned n = 0; n < 65536; n++) {
        const uint8_t pair[] = {(uint8_t)(n >> 8), (uint8_t)n};
        struct ward_cbor c;
        struct ward_value v;
        const uint8_t *raw;
        size_t len;
        struct ward_buf b;
        ward_cbor_init(&c, pair, 2);
        if (!ward_cbor_value(&c, &v, &raw, &len))
            continue;
        accepted++;
        ward_buf_init(&b, &vectors_env);
        ward_put_value(&b, &v);
        assert_int_equal(b.len, len);
        assert_memory_equal(b.p, pair, len);
        ward_buf_free(&b);
    }
    assert_true(accepted > 10000);
}

static void kinds_of_items(void **state)
{
    struct ward_cbor c;
    uint64_t n;
    size_t len;
    const uint8_t *p;
    bool yes;
    enum ward_type type;
    (void)state;
    ward_cbor_init(&c, "\x84\x18\x20\x42xy\x61z\xf5", 9);
    assert_true(ward_cbor_array_exact(&c, 4));
    assert_true(ward_cbor_peek(&c, &type) && type == WARD_INT);
    assert_true(ward_cbor_uint(&c, &n, 32) && n == 32);
    assert_true(ward_cbor_bytes_exact(&c, &p, 2));
    assert_true(ward_cbor_text(&c, &p, &len) && len == 1 && *p == 'z');
    assert_false(ward_cbor_end(&c));
    assert_int_equal(c.code, WARD_ERR_TRAILING);
    ward_cbor_init(&c, "\xf5", 1);
    assert_true(ward_cbor_bool(&c, &yes) && yes && ward_cbor_end(&c));
    assert_false(ward_cbor_peek(&c, &type));
    ward_cbor_init(&c, "\x18\x20", 2);
    assert_false(ward_cbor_uint(&c, &n, 31));
    assert_int_equal(c.code, WARD_ERR_RANGE);
    ward_cbor_init(&c, "\x20", 1);
    assert_false(ward_cbor_uint(&c, &n, 31));
    assert_int_equal(c.code, WARD_ERR_TYPE);
    ward_cbor_init(&c, "\x42xy", 3);
    assert_false(ward_cbor_bytes_exact(&c, &p, 3));
    assert_int_equal(c.code, WARD_ERR_TYPE);
    assert_false(ward_cbor_fail(&c, WARD_ERR_RANGE));
    assert_int_equal(c.code, WARD_ERR_TYPE); /* the first failure stays */
    assert_false(ward_cbor_end(&c));
    assert_int_equal(c.code, WARD_ERR_TYPE);
    ward_cbor_init(&c, "\x82\0\0", 3);
    assert_false(ward_cbor_array_exact(&c, 1));
    assert_int_equal(c.code, WARD_ERR_TYPE);
}

static void peeking(void **state)
{
    static const struct {
        uint8_t byte;
        enum ward_type type;
    } rows[] = {{0x00, WARD_INT},   {0x20, WARD_INT},  {0x40, WARD_BYTES}, {0x60, WARD_TEXT},
                {0x80, WARD_ARRAY}, {0xf4, WARD_BOOL}, {0xf5, WARD_BOOL},  {0xf6, WARD_NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ward_cbor c;
        enum ward_type type;
        ward_cbor_init(&c, &rows[i].byte, 1);
        assert_true(ward_cbor_peek(&c, &type));
        assert_int_equal(type, rows[i].type);
        assert_int_equal(c.pos, 0);
    }
}

/* Each writer at the end of memory: nothing half written, and the failure is seen once at the end. */
static int write_all(const struct ward_env *env, void *ctx)
{
    struct ward_buf b;
    const size_t *fill = ctx; /* bytes that stand there already, so that each writer in turn is the one to need room */
    ward_buf_init(&b, env);
    uint8_t *room = ward_buf_room(&b, *fill);
    if (room)
        b.len = *fill;
    ward_put_uint(&b, 1);
    ward_put_int(&b, -1);
    ward_put_bytes(&b, "12345678", 8);
    ward_put_text(&b, "12345678", 8);
    ward_put_array(&b, 1);
    ward_put_bool(&b, true);
    ward_put_null(&b);
    int rc = ward_buf_status(&b);
    if (!rc)
        assert_int_equal(b.len, *fill + 23);
    ward_buf_free(&b);
    return rc;
}

static void each_failure_of_the_writer(void **state)
{
    (void)state;
    for (size_t fill = 1; fill <= 64; fill++)
        assert_int_equal(each_shortage(write_all, &fill), fill + 23 + 8 > 64 ? 2 : 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),       cmocka_unit_test(forbidden), cmocka_unit_test(every_two_bytes),
        cmocka_unit_test(kinds_of_items), cmocka_unit_test(peeking),   cmocka_unit_test(each_failure_of_the_writer),
    };
    return cmocka_run_group_tests_name("cbor", tests, NULL, NULL);
}
