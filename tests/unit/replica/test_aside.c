/* What is set aside and written anew: a tablet is cut while it is away, and what it wrote since comes in later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "items.h"
#include "replicas.h"

enum { OFFICE, TABLET, OTHER };

/* Cut by the office after two changes; three more come in later. */
static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    world_found(w, 1);
    admit(w, 'a', WARD_ROLE_CELL, 1);
    admit(w, 'a', WARD_ROLE_OPERATOR, 1);
    put(w, TABLET, 'p', TITLE, "as planned");
    put_value(w, TABLET, 'p', COUNTED, NULL, ward_value_int(10));
    meet_all(w);
    OK(w, ward_revoke(w->d[OFFICE].r, &w->d[TABLET].grant, "lost", &w->err));
    put(w, TABLET, 'p', TITLE, "written after it was lost");
    put_value(w, TABLET, 'p', COUNTED, NULL, ward_value_int(5));
    put(w, TABLET, 'q', TITLE, "new");
    give(w, TABLET, OFFICE);
    give(w, OFFICE, OTHER);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

struct list {
    struct ward_aside v[4];
    size_t count;
};

static int note(void *ctx, const struct ward_aside *aside)
{
    struct list *l = ctx;
    assert_true(l->count < 4);
    l->v[l->count++] = *aside;
    return 0;
}

static struct list asides(struct world *w, size_t who)
{
    struct list l = {.count = 0};
    OK(w, ward_asides(w->d[who].r, note, &l, &w->err));
    return l;
}

static int count_ops(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t count)
{
    (void)change, (void)ops;
    *(size_t *)ctx += count;
    return 0;
}

static size_t live(struct world *w, size_t who, char item, uint32_t field)
{
    ward_record *rec;
    struct ward_id id = unit_id(item);
    OK(w, ward_get(w->d[who].r, KIND_ITEM, &id, false, &rec, &w->err));
    size_t n = ward_record_live_count(rec, field);
    ward_record_free(rec);
    return n;
}

static int64_t counted(struct world *w, size_t who)
{
    ward_record *rec;
    struct ward_id id = unit_id('p');
    OK(w, ward_get(w->d[who].r, KIND_ITEM, &id, false, &rec, &w->err));
    int64_t n = ward_record_value(rec, COUNTED).integer;
    ward_record_free(rec);
    return n;
}

static uint64_t quarantined(struct world *w, size_t who)
{
    struct ward_status s;
    OK(w, ward_status(w->d[who].r, &s, &w->err));
    return s.quarantined;
}

static void it_is_listed_and_shown(void **state)
{
    struct world *w = *state;
    struct list l = asides(w, OFFICE);
    size_t ops = 0;
    assert_int_equal(l.count, 1);
    assert_int_equal(l.v[0].why, WARD_ASIDE_CUT);
    assert_int_equal(l.v[0].first, 3);
    assert_int_equal(l.v[0].last, 5);
    assert_int_equal(l.v[0].released, 0);
    assert_memory_equal(l.v[0].grant.b, w->d[TABLET].grant.b, 32);
    assert_true(l.v[0].from_ms > 0 && l.v[0].from_ms < l.v[0].to_ms);
    assert_int_equal(quarantined(w, OFFICE), 3);
    OK(w, ward_aside_show(w->d[OFFICE].r, &l.v[0].head, count_ops, &ops, &w->err));
    assert_int_equal(ops, 3);
    assert_int_equal(counted(w, OFFICE), 10);
    struct ward_hash none = {{0}};
    assert_int_equal(ward_aside_show(w->d[OFFICE].r, &none, count_ops, &ops, &w->err), WARD_ERR_NOT_FOUND);
}

static void released_it_counts_once(void **state)
{
    struct world *w = *state;
    struct ward_hash head = asides(w, OFFICE).v[0].head;
    size_t changes;
    assert_int_equal(ward_aside_release(w->d[OFFICE].r, &head, "", &changes, &w->err), WARD_ERR_REASON);
    OK(w, ward_aside_release(w->d[OFFICE].r, &head, "it was the secretary", &changes, &w->err));
    assert_int_equal(changes, 3);
    assert_int_equal(counted(w, OFFICE), 15);
    assert_int_equal(live(w, OFFICE, 'p', TITLE), 1); /* it had seen the one before */
    assert_int_equal(live(w, OFFICE, 'q', TITLE), 1);
    assert_int_equal(quarantined(w, OFFICE), 0);
    assert_int_equal(asides(w, OFFICE).v[0].released, 5);
    give(w, OFFICE, OTHER);
    assert_int_equal(ward_aside_release(w->d[OTHER].r, &head, "again", &changes, &w->err), WARD_ERR_NOTHING);
    assert_int_equal(counted(w, OTHER), 15);
    assert_sound(w);
}

static void what_was_written_meanwhile_stands_beside_it(void **state)
{
    struct world *w = *state;
    struct ward_hash head = asides(w, OFFICE).v[0].head;
    size_t changes, conflicts;
    put(w, OFFICE, 'p', TITLE, "by the office, not knowing");
    OK(w, ward_aside_release(w->d[OFFICE].r, &head, "it was the secretary", &changes, &w->err));
    assert_int_equal(live(w, OFFICE, 'p', TITLE), 2);
    OK(w, ward_conflict_count(w->d[OFFICE].r, &conflicts, &w->err));
    assert_int_equal(conflicts, 1);
    give(w, OFFICE, OTHER);
    OK(w, ward_conflict_count(w->d[OTHER].r, &conflicts, &w->err));
    assert_int_equal(conflicts, 1);
    assert_sound(w);
}

static void what_comes_later_is_released_by_itself(void **state)
{
    struct world *w = *state;
    struct ward_hash head = asides(w, OFFICE).v[0].head;
    size_t changes;
    OK(w, ward_aside_release(w->d[OFFICE].r, &head, "it was the secretary", &changes, &w->err));
    put_value(w, TABLET, 'p', COUNTED, NULL, ward_value_int(2));
    give(w, TABLET, OFFICE);
    struct list l = asides(w, OFFICE);
    assert_int_equal(l.v[0].released, 5);
    assert_int_equal(l.v[0].last, 6);
    assert_int_equal(quarantined(w, OFFICE), 1);
    OK(w, ward_aside_release(w->d[OFFICE].r, &l.v[0].head, "that too", &changes, &w->err));
    assert_int_equal(counted(w, OFFICE), 17);
    assert_sound(w);
}

static void two_operators_who_release_apart_agree(void **state)
{
    struct world *w = *state;
    struct ward_hash head = asides(w, OFFICE).v[0].head;
    size_t changes, conflicts;
    OK(w, ward_aside_release(w->d[OFFICE].r, &head, "it was the secretary", &changes, &w->err));
    OK(w, ward_aside_release(w->d[OTHER].r, &head, "I asked her", &changes, &w->err));
    give(w, OTHER, OFFICE);
    give(w, OFFICE, OTHER);
    OK(w, ward_conflict_count(w->d[OFFICE].r, &conflicts, &w->err));
    assert_int_equal(conflicts, 0);
    assert_int_equal(quarantined(w, OTHER), 0);
    assert_sound(w);
}

static void a_cell_releases_nothing_of_others(void **state)
{
    struct world *w = *state;
    size_t changes, cell = admit(w, 'a', WARD_ROLE_CELL, 9);
    struct ward_hash head = asides(w, cell).v[0].head;
    assert_int_equal(ward_aside_release(w->d[cell].r, &head, "mine", &changes, &w->err), WARD_ERR_NOT_ENTITLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_listed_and_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(released_it_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_written_meanwhile_stands_beside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_comes_later_is_released_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(two_operators_who_release_apart_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cell_releases_nothing_of_others, setup, teardown),
    };
    return cmocka_run_group_tests_name("aside", tests, NULL, NULL);
}
