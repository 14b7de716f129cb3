/* The table of operations by slot: each found by all that makes its slot, the newest counts, and many cost each no more than few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../scarce.h"
#include "replica/op_index.h"

#include <string.h>

#define MANY 15000 /* operations of one change-set: a plan's import writes that for one unit */

/* Op i of a plan: fields 1 ... 15 of record i / 15, ids that differ in their last bytes alone. */
static void lay_out(struct ward_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t record = (uint32_t)(i / 15);
        ops[i] = (struct ward_op){.kind = 1, .field = (uint32_t)(i % 15) + 1};
        memcpy(ops[i].entity.b + 12, &record, sizeof record);
    }
}

static void each_is_found_by_its_slot(void **state)
{
    static const uint8_t k1[] = {1, 2}, k2[] = {1, 3};
    struct scarce m;
    struct ward_op ops[] = {{.kind = 1, .field = 1}, {.kind = 2, .field = 1}, {.kind = 1, .field = 2}, {.kind = 1, .field = 1},
                            {.kind = 1, .field = 1}, {.kind = 1, .field = 1}, {.kind = 1, .field = 1}};
    size_t n = sizeof ops / sizeof ops[0], at;
    (void)state;
    ops[3].entity.b[15] = 1;
    ops[4].key = k1, ops[4].key_len = 2;
    ops[5].key = k2, ops[5].key_len = 2;
    ops[6].key = k1, ops[6].key_len = 1;
    scarce_init(&m, SIZE_MAX);
    struct ward_op_index x = {.env = &m.env};
    for (size_t i = 0; i < n; i++) {
        assert_false(ward_op_index_find(&x, ops, &ops[i], &at));
        assert_int_equal(ward_op_index_note(&x, ops, i), 0);
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(ward_op_index_find(&x, ops, &ops[i], &at));
        assert_int_equal(at, i);
    }
    ward_op_index_free(&x);
    assert_int_equal(m.out, 0);
}

static void the_newest_of_a_slot_counts(void **state)
{
    struct scarce m;
    struct ward_op ops[] = {{.kind = 1, .field = 1}, {.kind = 1, .field = 2}, {.kind = 1, .field = 1}};
    size_t at;
    (void)state;
    scarce_init(&m, SIZE_MAX);
    struct ward_op_index x = {.env = &m.env};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ward_op_index_note(&x, ops, i), 0);
    assert_int_equal(x.count, 2);
    assert_true(ward_op_index_find(&x, ops, &ops[0], &at));
    assert_int_equal(at, 2);
    ward_op_index_free(&x);
}

/* A look-up goes from where a slot belongs to the next free place: at most the stretch that is taken without a gap. */
static void many_cost_each_no_more_than_few(void **state)
{
    static struct ward_op ops[MANY];
    struct scarce m;
    (void)state;
    lay_out(ops, MANY);
    scarce_init(&m, SIZE_MAX);
    struct ward_op_index x = {.env = &m.env};
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(ward_op_index_note(&x, ops, i), 0);
    size_t stretch = 0, steps = 0, taken = 0;
    for (size_t i = 0; i < x.cap; i++) {
        stretch = x.at[i] ? stretch + 1 : 0;
        steps += stretch;
        taken += x.at[i] != 0;
    }
    assert_int_equal(taken, MANY);
    assert_true(x.cap >= 2 * (size_t)MANY && x.cap <= 8 * (size_t)MANY);
    assert_true(steps < 8 * (size_t)MANY);
    ward_op_index_free(&x);
}

static int note_all(struct ward_op_index *x, const struct ward_op *ops)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < 40; i++)
        rc = ward_op_index_note(x, ops, i);
    return rc;
}

static void a_shortage_leaves_what_was_noted(void **state)
{
    static struct ward_op ops[40];
    bool done = false;
    (void)state;
    lay_out(ops, 40);
    for (size_t k = 0; !done; k++) {
        struct scarce m;
        size_t at;
        scarce_init(&m, k);
        struct ward_op_index x = {.env = &m.env};
        done = note_all(&x, ops) == 0;
        for (size_t i = 0; i < x.count; i++)
            assert_true(ward_op_index_find(&x, ops, &ops[i], &at) && at == i);
        ward_op_index_free(&x);
        assert_int_equal(m.out, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_found_by_its_slot),
        cmocka_unit_test(the_newest_of_a_slot_counts),
        cmocka_unit_test(many_cost_each_no_more_than_few),
        cmocka_unit_test(a_shortage_leaves_what_was_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
