/* What becomes of what several devices wrote without sight of each other: by the class of the field, and where one of them is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "three.h"

/* ---------------------------------------------------------------- registers */

static void different_fields_merge(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("boiler room")), 0);
    assert_int_equal(put(f, B, NOTE, ward_value_text("key at the desk")), 0);
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        assert_shows_text(f, who, TITLE, "boiler room");
        assert_shows_text(f, who, NOTE, "key at the desk");
        assert_int_equal(conflicts(f, who), 0);
    }
    finish(f);
}

static void same_field_is_one_conflict(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), 0);
    meet(&f->w, A, B);
    struct seen_conflict on_a = the_conflict(f, A), on_b = the_conflict(f, B);
    assert_true(ward_id_equal(&on_a.id, &on_b.id));
    for (size_t who = A; who <= B; who++) {
        struct seen_conflict *c = who == A ? &on_a : &on_b;
        assert_int_equal(c->kind, KIND_ITEM);
        assert_int_equal(c->field, TITLE);
        assert_true(ward_id_equal(&c->entity, &f->item));
        assert_memory_equal(c->space.b, f->space.b, 32);
        assert_int_equal(c->count, 2);
        assert_string_equal(c->texts[0], who == A ? on_b.texts[0] : on_a.texts[0]); /* the same one is shown everywhere */
        bool seen_a = false, seen_b = false;
        for (size_t i = 0; i < 2; i++) {
            size_t author = strcmp(c->texts[i], "by a") == 0 ? A : B;
            seen_a |= author == A;
            seen_b |= author == B;
            assert_memory_equal(c->values[i].grant.b, f->w.d[author].grant.b, 32);
            assert_true(ward_id_equal(&c->values[i].unit, &f->w.d[author].unit));
            assert_int_equal(c->values[i].role, WARD_ROLE_CELL);
            assert_int_equal(c->values[i].seq, author == A ? 2 : 1);
            assert_true(c->values[i].wall_ms > 1750000000000 && c->values[i].wall_ms <= f->w.d[author].outside.now_ms);
        }
        assert_true(seen_a && seen_b);
        const bool concurrent[] = {true, false, false, true};
        assert_memory_equal(c->seen, concurrent, 4);
        ward_record *rec = get(f, who);
        struct ward_live live;
        assert_true(ward_record_is_provisional(rec, TITLE));
        assert_false(ward_record_is_provisional(rec, NOTE));
        assert_int_equal(ward_record_conflicts(rec), 1);
        assert_int_equal(ward_record_live_count(rec, TITLE), 2);
        OK(&f->w, ward_record_live(rec, TITLE, 0, &live, &f->w.err));
        assert_true(is_text(live.value, c->texts[0]));
        assert_true(is_text(ward_record_value(rec, TITLE), c->texts[0]));
        OK(&f->w, ward_record_live(rec, TITLE, 1, &live, &f->w.err));
        assert_true(is_text(live.value, c->texts[1]));
        assert_int_equal(ward_record_live(rec, TITLE, 2, &live, NULL), WARD_ERR_NOT_FOUND);
        ward_record_free(rec);
    }
    /* Ranks and depths are equal: the greater feed id is the one shown. */
    assert_true(memcmp(on_a.values[0].feed.b, on_a.values[1].feed.b, 32) > 0);
    finish(f);
}

static void same_value_is_no_conflict(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("kettle")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("kettle")), 0);
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        assert_int_equal(conflicts(f, who), 0);
        assert_shows_text(f, who, TITLE, "kettle");
        ward_record *rec = get(f, who);
        assert_false(ward_record_is_provisional(rec, TITLE));
        assert_int_equal(ward_record_live_count(rec, TITLE), 2);
        ward_record_free(rec);
    }
    /* and the next write replaces both */
    assert_int_equal(put(f, A, TITLE, ward_value_text("pot")), 0);
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "pot");
    finish(f);
}

static void two_clears_or_null_stand_as_values(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_null()), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("x")), 0);
    meet(&f->w, A, B);
    assert_int_equal(the_conflict(f, A).count, 2);
    finish(f);
}

/* ---------------------------------------------------------------- presence */

static void edit_against_deletion(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("still needed")), 0);
    assert_int_equal(del(f, B), 0);
    ward_record *rec;
    assert_int_equal(ward_get(f->w.d[B].r, KIND_ITEM, &f->item, false, &rec, NULL), WARD_ERR_NOT_FOUND);
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        struct seen_conflict c = the_conflict(f, who);
        assert_int_equal(c.field, WARD_FIELD_PRESENCE);
        assert_int_equal(c.count, 2);
        assert_true(c.booleans[0] != c.booleans[1]);
        assert_false(c.seen[1]);
        assert_false(c.seen[2]);
        assert_shows_text(f, who, TITLE, "still needed"); /* shown while in doubt */
    }
    struct seen_conflict c = the_conflict(f, B);
    struct ward_value gone = ward_value_bool(false);
    OK(&f->w, ward_resolve(f->w.d[B].r, &c.id, 2, 0, &gone, "sold", &f->w.err));
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        assert_int_equal(conflicts(f, who), 0);
        assert_int_equal(ward_get(f->w.d[who].r, KIND_ITEM, &f->item, false, &rec, NULL), WARD_ERR_NOT_FOUND);
        OK(&f->w, ward_get(f->w.d[who].r, KIND_ITEM, &f->item, true, &rec, &f->w.err));
        assert_true(ward_record_deleted(rec));
        ward_record_free(rec);
    }
    finish(f);
}

static void presence_conflict_can_keep(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, NOTE, ward_value_text("n")), 0);
    assert_int_equal(del(f, B), 0);
    meet(&f->w, A, B);
    struct seen_conflict c = the_conflict(f, A);
    struct ward_value keep = ward_value_bool(true);
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, 0, &keep, "in use", &f->w.err));
    give(&f->w, A, B);
    assert_int_equal(conflicts(f, B), 0);
    assert_shows_text(f, B, NOTE, "n");
    finish(f);
}

/* Whatever their ranks: a cell that deletes what the office made has asked a question, not answered one; who had seen whom is told. */
static void cell_deletes_what_the_office_made(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, OFFICE, TITLE, ward_value_text("official")), 0);
    give(&f->w, OFFICE, A);
    assert_int_equal(del(f, A), 0);
    struct seen_conflict c = the_conflict(f, A);
    assert_int_equal(c.field, WARD_FIELD_PRESENCE);
    assert_true(c.booleans[0]); /* the office's rank is greater */
    assert_false(c.booleans[1]);
    const bool seen[] = {true, false, true, true}; /* the deletion had seen the record, not the other way */
    assert_memory_equal(c.seen, seen, 4);
    struct ward_value gone = ward_value_bool(false);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, &gone, "r", NULL), WARD_ERR_NO_RIGHT);
    give(&f->w, A, OFFICE);
    OK(&f->w, ward_resolve(f->w.d[OFFICE].r, &c.id, 2, 0, &gone, "agreed", &f->w.err));
    finish(f);
    ward_record *rec;
    for (size_t who = OFFICE; who <= B; who++)
        assert_int_equal(ward_get(f->w.d[who].r, KIND_ITEM, &f->item, false, &rec, NULL), WARD_ERR_NOT_FOUND);
}

static void edits_of_the_deleted_are_refused(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(del(f, A), 0);
    assert_int_equal(put(f, A, NOTE, ward_value_text("x")), WARD_ERR_NOT_FOUND);
    assert_int_equal(tag(f, A, "t", true), WARD_ERR_NOT_FOUND);
    assert_int_equal(del(f, A), WARD_ERR_NOTHING);
    /* It can be brought back on purpose, and then be written again. */
    assert_int_equal(put(f, A, WARD_FIELD_PRESENCE, ward_value_bool(true)), 0);
    assert_int_equal(put(f, A, NOTE, ward_value_text("x")), 0);
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "boiler");
    assert_shows_text(f, B, NOTE, "x");
    finish(f);
}

static void counting_on_the_deleted_is_refused(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(del(f, A), 0);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(1)), WARD_ERR_NOT_FOUND);
    finish(f);
}

/* ---------------------------------------------------------------- governed */

static void cell_cannot_displace_the_office(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, OFFICE, DUE, ward_value_int(20)), 0);
    give(&f->w, OFFICE, A);
    assert_int_equal(put(f, A, DUE, ward_value_int(99)), 0);
    give(&f->w, A, B);
    give(&f->w, A, OFFICE);
    for (size_t who = OFFICE; who <= B; who++) {
        ward_record *rec = get(f, who);
        struct ward_live live;
        assert_int_equal(ward_record_value(rec, DUE).integer, 20);
        assert_int_equal(ward_record_live_count(rec, DUE), 2);
        assert_false(ward_record_is_provisional(rec, DUE)); /* a proposal, not a conflict */
        OK(&f->w, ward_record_live(rec, DUE, 1, &live, &f->w.err));
        assert_int_equal(live.value.integer, 99);
        assert_int_equal(live.role, WARD_ROLE_CELL);
        ward_record_free(rec);
        assert_int_equal(conflicts(f, who), 0);
    }
    /* The cell's next proposal takes the place of its last one; the office's word takes that of both. */
    assert_int_equal(put(f, A, DUE, ward_value_int(98)), 0);
    ward_record *rec = get(f, A);
    assert_int_equal(ward_record_live_count(rec, DUE), 2);
    ward_record_free(rec);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, OFFICE, DUE, ward_value_int(98)), 0);
    give(&f->w, OFFICE, B);
    rec = get(f, B);
    assert_int_equal(ward_record_value(rec, DUE).integer, 98);
    assert_int_equal(ward_record_live_count(rec, DUE), 1);
    ward_record_free(rec);
    finish(f);
}

static void two_cells_conflict_in_a_governed_field(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, DUE, ward_value_int(1)), 0);
    assert_int_equal(put(f, B, DUE, ward_value_int(2)), 0);
    meet(&f->w, A, B);
    assert_int_equal(the_conflict(f, A).field, DUE);
    meet_all(&f->w);
    assert_int_equal(conflicts(f, OFFICE), 1);
    /* A greater rank's word, not having seen them, leaves only proposals. */
    struct ward_id other = unit_id('!');
    assert_int_equal(put_in(f, OFFICE, &f->space, &other, DUE, NULL, ward_value_int(5)), 0);
    struct seen_conflict c = the_conflict(f, OFFICE);
    struct ward_value five = ward_value_int(5);
    OK(&f->w, ward_resolve(f->w.d[OFFICE].r, &c.id, 2, 0, &five, "by the office", &f->w.err));
    finish(f);
    for (size_t who = OFFICE; who <= B; who++)
        assert_shows_int(f, who, DUE, 5);
}

static void greater_rank_concurrent_with_cells(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, A, DUE, ward_value_int(1)), 0);
    assert_int_equal(put(f, B, DUE, ward_value_int(2)), 0);
    assert_int_equal(put(f, OFFICE, DUE, ward_value_int(3)), 0);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_shows_int(f, who, DUE, 3);
        assert_int_equal(conflicts(f, who), 0);
        ward_record *rec = get(f, who);
        assert_int_equal(ward_record_live_count(rec, DUE), 3);
        ward_record_free(rec);
    }
}

/* ---------------------------------------------------------------- sets, sums, max, latest */

static void sets_add_wins(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(tag(f, A, "red", true), 0);
    assert_int_equal(tag(f, A, "blue", true), 0);
    give(&f->w, A, B);
    assert_int_equal(tag(f, A, "red", false), 0);
    assert_int_equal(tag(f, B, "red", false), 0);
    assert_int_equal(tag(f, B, "red", true), 0); /* taken out and put in again, unseen by A */
    assert_int_equal(tag(f, B, "blue", false), 0);
    assert_int_equal(tag(f, A, "green", true), 0);
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        const uint8_t *key;
        size_t len;
        ward_record *rec = get(f, who);
        assert_int_equal(ward_record_member_count(rec, TAGS), 2);
        assert_int_equal(ward_record_member(rec, TAGS, 0, &key, &len), 0);
        assert_int_equal(len, 5);
        assert_memory_equal(key, "green", 5);
        assert_int_equal(ward_record_member(rec, TAGS, 1, &key, &len), 0);
        assert_int_equal(len, 3);
        assert_memory_equal(key, "red", 3);
        assert_int_equal(ward_record_member(rec, TAGS, 2, &key, &len), WARD_ERR_NOT_FOUND);
        ward_record_free(rec);
        assert_int_equal(conflicts(f, who), 0);
    }
    finish(f);
}

static void sums_of_three_devices(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(5)), 0);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(-2)), 0);
    assert_int_equal(put(f, B, COUNTED, ward_value_int(10)), 0);
    assert_int_equal(put(f, OFFICE, COUNTED, ward_value_int(100)), 0);
    assert_shows_int(f, A, COUNTED, 3);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++)
        assert_shows_int(f, who, COUNTED, 113);
    assert_int_equal(put(f, B, COUNTED, ward_value_int(-113)), 0);
    assert_int_equal(put(f, B, COUNTED, ward_value_int(0)), WARD_ERR_NOTHING);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++)
        assert_shows_int(f, who, COUNTED, 0);
    /* Twice in one transaction counts twice. */
    ward_txn *t;
    struct ward_value two = ward_value_int(2);
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, COUNTED, NULL, 0, &two, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, COUNTED, NULL, 0, &two, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    assert_shows_int(f, A, COUNTED, 4);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(INT64_MAX)), WARD_ERR_VALUE);
    finish(f);
}

static void max_and_latest_never_conflict(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, LEVEL, ward_value_int(7)), 0);
    assert_int_equal(put(f, A, LEVEL, ward_value_int(3)), 0); /* seen: it replaces */
    assert_int_equal(put(f, B, LEVEL, ward_value_int(-5)), 0);
    assert_int_equal(put(f, B, NOTE, ward_value_text("two")), 0);
    assert_int_equal(put(f, A, NOTE, ward_value_text("one")), 0);
    assert_int_equal(put(f, B, HELD, ward_value_bool(true)), 0);
    assert_int_equal(put(f, A, HELD, ward_value_bool(false)), 0);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_shows_int(f, who, LEVEL, 3);
        assert_shows_text(f, who, NOTE, "one"); /* A's change is the deeper one */
        assert_int_equal(conflicts(f, who), 0);
    }
}

static void fixed_stays(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, A, OWNER, ward_value_text("Lan")), 0);
    assert_int_equal(put(f, A, OWNER, ward_value_text("Minh")), WARD_ERR_FIXED);
    assert_int_equal(put(f, A, OWNER, ward_value_text("Lan")), WARD_ERR_NOTHING);
    give(&f->w, A, B);
    assert_int_equal(put(f, B, OWNER, ward_value_text("Minh")), WARD_ERR_FIXED);
    assert_shows_text(f, B, OWNER, "Lan");
    /* Set twice without sight of each other it is a conflict like any other. */
    struct ward_id other = unit_id('!');
    assert_int_equal(put_in(f, A, &f->space, &other, OWNER, NULL, ward_value_text("x")), 0);
    assert_int_equal(put_in(f, B, &f->space, &other, OWNER, NULL, ward_value_text("y")), 0);
    meet(&f->w, A, B);
    struct seen_conflict c = the_conflict(f, A);
    assert_int_equal(c.field, OWNER);
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, 1, NULL, "asked them", &f->w.err));
    finish(f);
    assert_int_equal(conflicts(f, B), 0);
}

/* ---------------------------------------------------------------- cuts */

static void cut_tail_has_no_effect(void **state)
{
    struct fixture *f = *state;
    struct ward_status status;
    common_ground(f);
    give(&f->w, A, OFFICE);
    give(&f->w, OFFICE, A);
    OK(&f->w, ward_revoke(f->w.d[OFFICE].r, &f->w.d[A].grant, "lost", &f->w.err));
    /* A does not know yet and goes on. */
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a thief")), 0);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(1000)), 0);
    /* B hears the thief first and even answers; the office hears the thief after its own cut. */
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "by a thief");
    assert_int_equal(put(f, B, NOTE, ward_value_text("odd")), 0);
    give(&f->w, A, OFFICE);
    assert_shows_text(f, OFFICE, TITLE, "boiler");
    OK(&f->w, ward_status(f->w.d[OFFICE].r, &status, &f->w.err));
    assert_int_equal(status.quarantined, 2);
    give(&f->w, OFFICE, B);
    assert_shows_text(f, B, TITLE, "boiler");
    give(&f->w, B, OFFICE);
    give(&f->w, OFFICE, A);
    assert_int_equal(put(f, A, TITLE, ward_value_text("again")), WARD_ERR_CUT);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_shows_text(f, who, TITLE, "boiler");
        assert_shows_text(f, who, NOTE, "odd");
        ward_record *rec = get(f, who);
        assert_int_equal(ward_record_value(rec, COUNTED).type, WARD_NULL);
        ward_record_free(rec);
        OK(&f->w, ward_status(f->w.d[who].r, &status, &f->w.err));
        assert_int_equal(status.quarantined, 2);
        assert_int_equal(status.devices, 2); /* the office and B */
    }
    /* Someone who meets it all afterwards, cut first. */
    size_t late = admit(&f->w, 'b', WARD_ROLE_CELL, 77);
    give(&f->w, OFFICE, B);
    give(&f->w, B, late);
    assert_shows_text(f, late, TITLE, "boiler");
    finish(f);
}

static void a_cut_device_cannot_undo_by_deleting(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, B, OFFICE);
    OK(&f->w, ward_revoke(f->w.d[OFFICE].r, &f->w.d[A].grant, "gone", &f->w.err));
    assert_int_equal(del(f, A), 0);
    give(&f->w, A, B);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_shows_text(f, who, TITLE, "boiler");
        assert_int_equal(conflicts(f, who), 0);
    }
    assert_int_equal(ward_revoke(f->w.d[B].r, &f->w.d[A].grant, "r", NULL), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(ward_revoke(f->w.d[OFFICE].r, &f->space, "r", NULL), WARD_ERR_NOT_FOUND);
    assert_int_equal(ward_revoke(f->w.d[OFFICE].r, &f->w.d[B].grant, "", NULL), WARD_ERR_REASON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(different_fields_merge),
        TEST(same_field_is_one_conflict),
        TEST(same_value_is_no_conflict),
        TEST(two_clears_or_null_stand_as_values),
        TEST(edit_against_deletion),
        TEST(presence_conflict_can_keep),
        TEST(cell_deletes_what_the_office_made),
        TEST(edits_of_the_deleted_are_refused),
        TEST(counting_on_the_deleted_is_refused),
        TEST(cell_cannot_displace_the_office),
        TEST(two_cells_conflict_in_a_governed_field),
        TEST(greater_rank_concurrent_with_cells),
        TEST(sets_add_wins),
        TEST(sums_of_three_devices),
        TEST(max_and_latest_never_conflict),
        TEST(fixed_stays),
        TEST(cut_tail_has_no_effect),
        TEST(a_cut_device_cannot_undo_by_deleting),
    };
    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
