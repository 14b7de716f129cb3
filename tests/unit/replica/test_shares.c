/* What one peer may leave in another's memory and log: circles that nobody writes in, changes beyond a cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "pen.h"
#include "replica/apply.h"
#include "replica/ingest.h"

enum { OFFICE, A, C };

static int hear(struct world *w, const struct ward_hash *by, unsigned number, struct ward_hash *space)
{
    struct ward_id units[2] = {unit_id('a'), {{'b'}}};
    memcpy(units[1].b + 8, &number, sizeof number);
    return ward_replica_hear_circle(w->d[OFFICE].r, by, units, 2, space);
}

static void circles_are_shared(void **state)
{
    struct world w;
    struct ward_hash greedy = {{1}}, second = {{2}}, honest = {{3}}, space, own[10];
    const ward_replica *r;
    (void)state;
    world_found(&w, 3);
    r = w.d[OFFICE].r;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(hear(&w, &honest, 100000 + i, &own[i]), WARD_OK);
    unsigned n = 0;
    while (hear(&w, &greedy, n, &space) == WARD_OK)
        assert_true(++n <= WARD_SPACES_MAX);
    assert_int_equal(r->circle_count, WARD_SPACES_MAX);
    assert_int_equal(n, WARD_SPACES_MAX - 10);
    /* Others come in at the cost of who has most, until shares are equal; nobody loses who has less. */
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(hear(&w, &honest, 200000 + i, &space), WARD_OK);
    unsigned more = 0;
    while (hear(&w, &second, 300000 + more, &space) == WARD_OK)
        assert_true(++more <= WARD_SPACES_MAX);
    assert_in_range(more, WARD_SPACES_MAX / 2 - 10, WARD_SPACES_MAX / 2);
    assert_int_equal(r->circle_count, WARD_SPACES_MAX);
    for (unsigned i = 0; i < 10; i++)
        assert_non_null(ward_replica_circle(r, &own[i]));
    assert_int_equal(hear(&w, NULL, 400000, &space), WARD_OK); /* the application's own */
    assert_int_equal(r->share_count, 4);
    world_close(&w);
}

/* A device that was cut writes on, and a third one carries it here. */
static void what_lies_beyond_a_cut_is_bounded(void **state)
{
    struct world w;
    struct ward_hash space;
    struct ward_ingested in;
    struct ward_status status;
    struct pen p;
    int rc = WARD_OK;
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    (void)state;
    world_found(&w, 4);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 1);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 2);
    OK(&w, ward_space_of_circle(w.d[OFFICE].r, &space, circle, 2, &w.err));
    pen_new(&p, &w, C, &space);
    pen_say(&p, 1, NULL, 0, "honest");
    pen_seal(&p);
    OK(&w, pen_send(&p, OFFICE, &in));
    OK(&w, ward_revoke(w.d[OFFICE].r, &w.d[C].grant, "stolen", &w.err));
    while (!rc) {
        pen_next(&p);
        for (unsigned i = 0; i < WARD_RUN_CHANGES_MAX; i++)
            pen_say(&p, p.seq + 1, NULL, 0, "x");
        pen_seal(&p);
        rc = pen_send(&p, OFFICE, &in);
        assert_true(p.seq <= WARD_ASIDE_MAX + 2 * WARD_RUN_CHANGES_MAX);
    }
    assert_int_equal(rc, WARD_ERR_CUT);
    OK(&w, ward_status(w.d[OFFICE].r, &status, &w.err));
    assert_int_equal(status.quarantined, WARD_ASIDE_MAX);
    pen_free(&p);
    /* What is here already may come again, and is nothing new. */
    pen_new(&p, &w, C, &space);
    pen_say(&p, 1, NULL, 0, "honest");
    pen_seal(&p);
    OK(&w, pen_send(&p, OFFICE, &in));
    assert_int_equal(in.applied, 0);
    pen_free(&p);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles_are_shared),
        cmocka_unit_test(what_lies_beyond_a_cut_is_bounded),
    };
    return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
