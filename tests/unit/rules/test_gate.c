/* Shares and pauses of devices: what is let through, what is not, and when it is again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "rules/gate.h"
#include "scarce.h"

#include <string.h>

static struct scarce scarce;

static int plenty(void **state)
{
    (void)state;
    scarce_init(&scarce, SIZE_MAX);
    return 0;
}

static int all_given_back(void **state)
{
    (void)state;
    return scarce.out != 0;
}

/* Where memory lacks, nobody is remembered, and nobody who may come in is kept out for that. */
static int meet_and_part(const struct ward_env *env, void *ctx)
{
    struct ward_gate g;
    ward_gate_init(&g, env);
    assert_int_equal(ward_gate_knock(&g, ctx, 1), WARD_OK);
    struct ward_visitor *v = ward_gate_enter(&g, ctx, 1);
    if (v)
        ward_gate_leave(v, 1);
    bool known = g.count == 1;
    ward_gate_free(&g);
    return v && known ? WARD_OK : WARD_ERR_MEMORY;
}

static void no_memory(void **state)
{
    uint8_t pk[32] = {1};
    struct scarce m;
    (void)state;
    for (size_t at = 0; at < 2; at++) {
        scarce_init(&m, at);
        meet_and_part(&m.env, pk);
        assert_int_equal(m.out, 0);
    }
    scarce_init(&m, SIZE_MAX);
    assert_int_equal(meet_and_part(&m.env, pk), WARD_OK);
    assert_int_equal(m.out, 0);
}

static void key(uint8_t pk[32], unsigned n)
{
    memset(pk, 0, 32);
    memcpy(pk, &n, sizeof n);
}

static void buckets_fill(void **state)
{
    struct ward_bucket b = {0};
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(ward_bucket_has(&b, 1000, 2, 5));
        ward_bucket_take(&b, 1);
    }
    assert_false(ward_bucket_has(&b, 1000, 2, 5));
    assert_false(ward_bucket_has(&b, 999, 2, 5)); /* clocks may stand still, not give */
    assert_true(ward_bucket_has(&b, 1001, 2, 5));
    ward_bucket_take(&b, 4); /* into debt */
    assert_false(ward_bucket_has(&b, 2000, 2, 5));
    assert_false(ward_bucket_has(&b, 3000, 2, 5));
    assert_true(ward_bucket_has(&b, 3001, 2, 5));
    assert_true(ward_bucket_has(&b, INT64_MAX / 2, UINT32_MAX, UINT32_MAX));
    for (unsigned i = 0; i < 2; i++)
        assert_true(ward_bucket_has(&b, INT64_MAX, 2, 5));
}

static void calls_are_counted(void **state)
{
    struct ward_gate g;
    uint8_t pk[32], other[32];
    (void)state;
    ward_gate_init(&g, &scarce.env);
    key(pk, 1), key(other, 2);
    for (unsigned i = 0; i < WARD_CALLS_BURST; i++)
        assert_int_equal(ward_gate_knock(&g, pk, 1000), WARD_OK);
    assert_int_equal(ward_gate_knock(&g, pk, 1000), WARD_ERR_PAUSE);
    assert_int_equal(ward_gate_knock(&g, other, 1000), WARD_OK);
    for (unsigned i = 0; i < WARD_CALLS_RATE; i++)
        assert_int_equal(ward_gate_knock(&g, pk, 2000), WARD_OK);
    assert_int_equal(ward_gate_knock(&g, pk, 2000), WARD_ERR_PAUSE);
    ward_gate_free(&g);
}

static void pauses_grow_and_are_forgiven(void **state)
{
    struct ward_gate g;
    uint8_t pk[32];
    int64_t now = 5, longest = 0;
    (void)state;
    ward_gate_init(&g, &scarce.env);
    key(pk, 1);
    struct ward_visitor *v = ward_gate_enter(&g, pk, now);
    assert_non_null(v);
    for (int64_t pause = WARD_PAUSE_MS_MIN; longest < WARD_PAUSE_MS_MAX; pause *= 2) {
        ward_gate_strike(v, now);
        longest = pause < WARD_PAUSE_MS_MAX ? pause : WARD_PAUSE_MS_MAX;
        assert_int_equal(ward_gate_knock(&g, pk, now + longest - 1), WARD_ERR_PAUSE);
        assert_int_equal(ward_gate_knock(&g, pk, now + longest), WARD_OK);
        now += longest;
    }
    ward_gate_strike(v, now);
    assert_true(v->pause_ms == now + WARD_PAUSE_MS_MAX);
    now += 2 * (int64_t)WARD_PAUSE_MS_MAX + 1;
    ward_gate_strike(v, now);
    assert_true(v->pause_ms == now + WARD_PAUSE_MS_MIN);
    ward_gate_leave(v, now);
    ward_gate_free(&g);
}

static void work_and_growth_are_rationed(void **state)
{
    struct ward_gate g;
    uint8_t pk[32];
    uint64_t taken = 0;
    (void)state;
    ward_gate_init(&g, &scarce.env);
    key(pk, 1);
    struct ward_visitor *v = ward_gate_enter(&g, pk, 1);
    struct ward_visitor *again = ward_gate_enter(&g, pk, 1);
    assert_ptr_equal(v, again); /* one share for all links of a device */
    for (; ward_gate_may_work(v, 1, -1000); taken += WARD_FRAME_MAX)
        ward_gate_worked(v, 1, WARD_FRAME_MAX - 100 * WARD_WORK_CHANGE, 100);
    assert_true(taken == WARD_WORK_BURST);
    assert_true(ward_gate_may_work(v, 2, -1000)); /* a millisecond's worth */
    assert_int_equal(ward_gate_may_grow(v, 2), WARD_OK);
    for (taken = 0; ward_gate_may_grow(v, 2) == WARD_OK; taken += WARD_FRAME_MAX)
        ward_gate_worked(v, 1, WARD_FRAME_MAX, 0);
    assert_true(taken <= WARD_GROWTH_BURST && taken > WARD_GROWTH_BURST - WARD_WORK_BURST - WARD_FRAME_MAX);
    assert_int_equal(ward_gate_may_grow(v, 2), WARD_ERR_QUOTA);
    assert_int_equal(ward_gate_may_grow(v, 24 * 3600 * 1000), WARD_OK);
    ward_gate_free(&g);
}

/* Who takes much waits for those who take little, but not for ever. */
static void the_light_go_first(void **state)
{
    struct ward_gate g;
    uint8_t pk[32];
    (void)state;
    ward_gate_init(&g, &scarce.env);
    key(pk, 1);
    struct ward_visitor *v = ward_gate_enter(&g, pk, 1000);
    assert_false(ward_gate_is_heavy(v, 1000));
    assert_true(ward_gate_may_work(v, 1000, 1000));
    ward_gate_worked(v, 1000, WARD_LIGHT_BURST, 0);
    assert_true(ward_gate_is_heavy(v, 1000));
    assert_false(ward_gate_may_work(v, 1000, 1000));
    assert_true(ward_gate_may_work(v, 1000, 1000 - WARD_HEAVY_WAIT_MS));
    ward_gate_worked(v, 1000, WARD_LIGHT_BURST, 0);
    assert_false(ward_gate_may_work(v, 1000 + WARD_HEAVY_WAIT_MS_MAX - 1, 1000 + WARD_HEAVY_WAIT_MS_MAX - 1));
    assert_true(ward_gate_may_work(v, 1000 + WARD_HEAVY_WAIT_MS_MAX, 1000 + WARD_HEAVY_WAIT_MS_MAX));
    assert_true(ward_gate_is_heavy(v, 2000));
    assert_false(ward_gate_is_heavy(v, 2001));
    ward_gate_free(&g);
}

/* However many keys come, so many are remembered; those that are here or have a pause to sit out are not forgotten. */
static void memory_is_bounded(void **state)
{
    struct ward_gate g;
    uint8_t pk[32], here[32], struck[32];
    (void)state;
    ward_gate_init(&g, &scarce.env);
    key(here, 1000000), key(struck, 1000001);
    struct ward_visitor *v = ward_gate_enter(&g, here, 1), *s = ward_gate_enter(&g, struck, 1);
    ward_gate_strike(s, 1);
    ward_gate_leave(s, 1);
    for (unsigned i = 0; i < 2 * WARD_GATE_KEYS; i++) {
        key(pk, i);
        assert_int_equal(ward_gate_knock(&g, pk, 2), WARD_OK);
        assert_true(g.count <= WARD_GATE_KEYS);
    }
    assert_memory_equal(v->link_pk, here, 32);
    assert_int_equal(ward_gate_knock(&g, struck, 3), WARD_ERR_PAUSE);
    ward_gate_free(&g);
}

/* Who is forgotten for another: whoever has been away for the longest time, wherever it stands. */
static void the_longest_unseen_is_forgotten(void **state)
{
    struct ward_gate g;
    uint8_t pk[32];
    (void)state;
    ward_gate_init(&g, &scarce.env);
    for (unsigned i = 0; i < WARD_GATE_KEYS; i++) {
        key(pk, i);
        assert_int_equal(ward_gate_knock(&g, pk, i == 7 ? 1 : 1000 - (int64_t)(i % 100)), WARD_OK);
    }
    key(pk, WARD_GATE_KEYS);
    assert_int_equal(ward_gate_knock(&g, pk, 1000), WARD_OK);
    assert_int_equal(g.count, WARD_GATE_KEYS);
    assert_memory_equal(g.v[7]->link_pk, pk, 32);
    for (unsigned i = 0; i < WARD_GATE_KEYS; i++) {
        key(pk, i);
        if (i != 7)
            assert_memory_equal(g.v[i]->link_pk, pk, 32);
    }
    ward_gate_free(&g);
}

/* All whose pause has not ended, or who are here: then nobody new is remembered, and who is not known is let in. */
static void full_of_those_to_remember(void **state)
{
    struct ward_gate g;
    uint8_t pk[32];
    (void)state;
    ward_gate_init(&g, &scarce.env);
    for (unsigned i = 0; i < WARD_GATE_KEYS; i++) {
        key(pk, i);
        assert_non_null(ward_gate_enter(&g, pk, 1));
    }
    key(pk, WARD_GATE_KEYS);
    assert_null(ward_gate_enter(&g, pk, 1));
    assert_int_equal(ward_gate_knock(&g, pk, 1), WARD_OK);
    ward_gate_free(&g);
}

static void blame(void **state)
{
    (void)state;
    assert_true(ward_gate_blames(WARD_ERR_WINDOW));
    assert_true(ward_gate_blames(WARD_ERR_QUOTA));
    assert_true(ward_gate_blames(WARD_ERR_FORGED));
    assert_true(ward_gate_blames(WARD_ERR_PROTOCOL));
    assert_true(ward_gate_blames(WARD_ERR_TRAILING));
    assert_false(ward_gate_blames(WARD_OK));
    assert_false(ward_gate_blames(WARD_ERR_VERSION)); /* a newer program */
    assert_false(ward_gate_blames(WARD_ERR_LIMIT_SPACES));
    assert_false(ward_gate_blames(WARD_ERR_CUT));
    assert_false(ward_gate_blames(WARD_ERR_LINK_CLOSED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_fill),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(calls_are_counted),
        cmocka_unit_test(pauses_grow_and_are_forgiven),
        cmocka_unit_test(work_and_growth_are_rationed),
        cmocka_unit_test(the_light_go_first),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(the_longest_unseen_is_forgotten),
        cmocka_unit_test(full_of_those_to_remember),
        cmocka_unit_test(blame),
    };
    return cmocka_run_group_tests_name("gate", tests, plenty, all_given_back);
}
