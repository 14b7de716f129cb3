/* Floors: which values are one, and what several come to. proto/authority.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules/floor.h"
#include "values/cbor.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

static void *alloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}
static const struct ward_env env = {.alloc = alloc};

static struct ward_floor_entry entry(uint8_t feed, uint64_t seq, uint64_t effect)
{
    struct ward_floor_entry e = {.seq = seq, .effect = effect};
    memset(e.feed.b, feed, sizeof e.feed.b);
    memset(e.hash.b, feed + 1, sizeof e.hash.b);
    return e;
}

static void there_and_back(void **state)
{
    const struct ward_floor_entry in[] = {entry(1, 5, 5), entry(2, 9, 3), entry(4, INT64_MAX, 0)};
    struct ward_floor_entry out[3];
    struct ward_buf b;
    size_t count = 0;
    (void)state;
    ward_buf_init(&b, &env);
    ward_floor_write(&b, in, 3);
    assert_int_equal(ward_floor_parse(out, 3, &count, b.p, b.len), WARD_OK);
    assert_int_equal(count, 3);
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(ward_floor_parse(out, 2, &count, b.p, b.len), WARD_ERR_RANGE);
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(ward_floor_parse(out, 3, &count, b.p, len), WARD_ERR_TRUNCATED);
    ward_buf_add(&b, "", 1);
    assert_int_equal(ward_floor_parse(out, 3, &count, b.p, b.len), WARD_ERR_TRAILING);
    ward_buf_free(&b);
}

static void no_floors(void **state)
{
    /* how many members, seq, effect (of four members), the feed of the second; what it is refused with */
    static const struct {
        unsigned members;
        uint64_t seq, effect;
        uint8_t second;
        int code;
    } rows[] = {
        {3, 1, 0, 2, WARD_OK},
        {4, 2, 1, 2, WARD_OK},
        {4, 2, 0, 2, WARD_OK},
        {3, 0, 0, 2, WARD_ERR_RANGE},
        {3, (uint64_t)INT64_MAX + 1, 0, 2, WARD_ERR_RANGE},
        {4, 2, 2, 2, WARD_ERR_RANGE}, /* all have effect: three members say so */
        {2, 1, 0, 2, WARD_ERR_TYPE},
        {5, 1, 0, 2, WARD_ERR_TYPE},
        {3, 1, 0, 1, WARD_ERR_ORDER},
        {3, 1, 0, 0, WARD_ERR_ORDER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ward_floor_entry out[2], first = entry(1, 1, 1), second = entry(rows[i].second, 1, 1);
        struct ward_buf b;
        size_t count;
        ward_buf_init(&b, &env);
        ward_put_array(&b, 2);
        ward_put_array(&b, rows[i].members);
        ward_put_bytes(&b, first.feed.b, 32);
        ward_put_uint(&b, rows[i].seq);
        if (rows[i].members > 2)
            ward_put_bytes(&b, first.hash.b, 32);
        if (rows[i].members > 3)
            ward_put_uint(&b, rows[i].effect);
        if (rows[i].members > 4)
            ward_put_uint(&b, 0);
        ward_put_array(&b, 3);
        ward_put_bytes(&b, second.feed.b, 32);
        ward_put_uint(&b, 1);
        ward_put_bytes(&b, second.hash.b, 32);
        assert_int_equal(ward_floor_parse(out, 2, &count, b.p, b.len), rows[i].code);
        ward_buf_free(&b);
    }
}

static void raised(void **state)
{
    /* settled before; an entry that comes upon it; settled after */
    static const uint64_t rows[][6] = {
        {0, 0, 5, 5, 5, 5}, {0, 0, 5, 2, 5, 2}, {0, 0, 5, 0, 5, 0}, {5, 5, 5, 2, 5, 5},
        {5, 5, 4, 4, 5, 5}, {5, 5, 9, 9, 9, 9}, {5, 5, 9, 7, 9, 7}, {5, 5, 9, 3, 9, 5}, /* what has effect keeps it */
        {5, 2, 9, 9, 9, 2}, /* and what has none keeps having none, and all after it */
        {5, 2, 5, 5, 5, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ward_floor_entry settled = entry(1, rows[i][0], rows[i][1]), e = entry(1, rows[i][2], rows[i][3]);
        memset(e.hash.b, 7, sizeof e.hash.b);
        ward_floor_raise(&settled, &e);
        assert_int_equal(settled.seq, rows[i][4]);
        assert_int_equal(settled.effect, rows[i][5]);
        assert_int_equal(settled.hash.b[0] == 7, rows[i][4] != rows[i][0]);
    }
}

static void order_of_words(void **state)
{
    /* rank, depth, feed, seq of a cut; whether it comes before a closing of rank 2, depth 5, feed 5, seq 5 */
    static const struct {
        uint8_t rank;
        uint64_t depth;
        uint8_t feed;
        uint64_t seq;
        bool before;
    } rows[] = {{2, 4, 9, 9, true},  {2, 6, 1, 1, false}, {3, 9, 9, 9, true},  {2, 5, 4, 9, true},
                {2, 5, 6, 1, false}, {2, 5, 5, 4, true},  {2, 5, 5, 5, false}, {2, 5, 5, 6, false}};
    struct ward_closing c = {.rank = 2, .depth = 5, .seq = 5};
    (void)state;
    memset(c.author_feed.b, 5, sizeof c.author_feed.b);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ward_cut cut = {.rank = rows[i].rank, .depth = rows[i].depth, .seq = rows[i].seq};
        memset(cut.author_feed.b, rows[i].feed, sizeof cut.author_feed.b);
        assert_int_equal(ward_cut_before_closing(&cut, &c), rows[i].before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(no_floors),
        cmocka_unit_test(raised),
        cmocka_unit_test(order_of_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
