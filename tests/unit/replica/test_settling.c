/* A conflict is settled by somebody who has seen all its values and says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "replica/commit.h"
#include "three.h"

struct reason_seen {
    size_t count;
    bool fits;
    const char *text;
    const struct ward_id *about;
};

static int note_reason(void *ctx, const ward_record *rec)
{
    struct reason_seen *s = ctx;
    struct ward_value text = ward_record_value(rec, WARD_FIELD(WARD_OPEN, 1)), about = ward_record_value(rec, WARD_FIELD(WARD_OPEN, 2)),
                      kind = ward_record_value(rec, WARD_FIELD(WARD_OPEN, 3)), field = ward_record_value(rec, WARD_FIELD(WARD_OPEN, 4));
    s->count++;
    s->fits |= is_text(text, s->text) && about.type == WARD_BYTES && about.len == 16 && memcmp(about.p, s->about->b, 16) == 0 &&
               kind.integer == KIND_ITEM && field.type == WARD_INT && field.integer == TITLE;
    return 0;
}

static void plain_put_waits_for_a_decision(void **state)
{
    struct fixture *f = *state;
    title_conflict(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("third")), WARD_ERR_IN_CONFLICT);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), WARD_ERR_IN_CONFLICT);
    assert_int_equal(put(f, A, NOTE, ward_value_text("other fields go on")), 0);
    finish(f);
}

static void resolved_with_a_reason(void **state)
{
    struct fixture *f = *state;
    title_conflict(f);
    struct seen_conflict c = the_conflict(f, A);
    struct ward_id none = unit_id('?');
    struct ward_value third = ward_value_text("third");
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 3, 0, NULL, "r", NULL), WARD_ERR_STALE);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 1, 0, &third, "r", NULL), WARD_ERR_STALE);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 2, NULL, "r", NULL), WARD_ERR_ARGUMENT);
    assert_int_equal(ward_resolve(f->w.d[A].r, &none, 2, 0, NULL, "r", NULL), WARD_ERR_NOT_FOUND);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, NULL, "", NULL), WARD_ERR_REASON);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, NULL, NULL, NULL), WARD_ERR_REASON);
    struct ward_value wrong = ward_value_int(1);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, &wrong, "r", NULL), WARD_ERR_VALUE);
    assert_int_equal(conflicts(f, A), 1);
    size_t take = strcmp(c.texts[0], "by b") == 0 ? 0 : 1;
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, take, NULL, "b was there", &f->w.err));
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        struct reason_seen seen = {.text = "b was there", .about = &f->item};
        assert_int_equal(conflicts(f, who), 0);
        assert_shows_text(f, who, TITLE, "by b");
        OK(&f->w, ward_each(f->w.d[who].r, 3, note_reason, &seen, &f->w.err));
        assert_int_equal(seen.count, 1);
        assert_true(seen.fits);
        ward_record *rec = get(f, who);
        assert_int_equal(ward_record_live_count(rec, TITLE), 1);
        assert_false(ward_record_is_provisional(rec, TITLE));
        ward_record_free(rec);
    }
}

static void a_value_of_the_office_is_not_a_cells_to_settle(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, OFFICE, TITLE, ward_value_text("by office")), 0);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    meet(&f->w, OFFICE, A);
    struct seen_conflict c = the_conflict(f, A);
    assert_string_equal(c.texts[0], "by office"); /* greatest rank */
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, NULL, "r", NULL), WARD_ERR_NO_RIGHT);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 1, NULL, "r", NULL), WARD_ERR_NO_RIGHT);
    OK(&f->w, ward_resolve(f->w.d[OFFICE].r, &c.id, 2, 1, NULL, "the cell is right", &f->w.err));
    finish(f);
    assert_shows_text(f, B, TITLE, "by a");
}

static void a_third_value_makes_it_stale(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, OFFICE, TITLE, ward_value_text("by office")), 0);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), 0);
    give(&f->w, A, OFFICE);
    struct seen_conflict c = the_conflict(f, OFFICE);
    give(&f->w, B, OFFICE);
    assert_int_equal(ward_resolve(f->w.d[OFFICE].r, &c.id, c.count, 0, NULL, "r", NULL), WARD_ERR_STALE);
    c = the_conflict(f, OFFICE);
    assert_int_equal(c.count, 3);
    OK(&f->w, ward_resolve(f->w.d[OFFICE].r, &c.id, 3, 0, NULL, "r", &f->w.err));
    finish(f);
    assert_shows_text(f, B, TITLE, "by office");
}

/* Between the look at a conflict and the commit another process may take a value in: the commit looks again. */
static void a_third_value_before_the_commit_makes_it_stale(void **state)
{
    struct fixture *f = *state;
    ward_txn *t;
    struct ward_value v = ward_value_text("by office");
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, OFFICE, TITLE, v), 0);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), 0);
    give(&f->w, A, OFFICE);
    struct seen_conflict c = the_conflict(f, OFFICE);
    OK(&f->w, ward_begin(f->w.d[OFFICE].r, &t, &f->w.err));
    ward_txn_settles(t, KIND_ITEM, &f->item, TITLE, c.count);
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &v, &f->w.err));
    give(&f->w, B, OFFICE);
    assert_int_equal(ward_commit(t, NULL, NULL), WARD_ERR_STALE);
    c = the_conflict(f, OFFICE);
    assert_int_equal(c.count, 3);
}

static void two_resolvers_agree(void **state)
{
    struct fixture *f = *state;
    title_conflict(f);
    struct seen_conflict c = the_conflict(f, A);
    struct ward_value both = ward_value_text("agreed");
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, 0, &both, "a says", &f->w.err));
    OK(&f->w, ward_resolve(f->w.d[B].r, &c.id, 2, 0, &both, "b says", &f->w.err));
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        struct reason_seen seen = {.text = "a says", .about = &f->item};
        assert_int_equal(conflicts(f, who), 0);
        assert_shows_text(f, who, TITLE, "agreed");
        OK(&f->w, ward_each(f->w.d[who].r, 3, note_reason, &seen, &f->w.err));
        assert_int_equal(seen.count, 2);
    }
}

static void two_resolvers_differ(void **state)
{
    struct fixture *f = *state;
    title_conflict(f);
    struct seen_conflict c = the_conflict(f, A);
    struct ward_value x = ward_value_text("x"), y = ward_value_text("y");
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, 0, &x, "a says", &f->w.err));
    OK(&f->w, ward_resolve(f->w.d[B].r, &c.id, 2, 0, &y, "b says", &f->w.err));
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        struct seen_conflict again = the_conflict(f, who);
        assert_true(ward_id_equal(&again.id, &c.id)); /* the same question, asked again */
        assert_int_equal(again.count, 2);
        assert_true(strlen(again.texts[0]) == 1 && strlen(again.texts[1]) == 1);
    }
    OK(&f->w, ward_resolve(f->w.d[B].r, &c.id, 2, 0, &x, "talked", &f->w.err));
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_int_equal(conflicts(f, who), 0);
        assert_shows_text(f, who, TITLE, "x");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_put_waits_for_a_decision),
        TEST(resolved_with_a_reason),
        TEST(a_value_of_the_office_is_not_a_cells_to_settle),
        TEST(a_third_value_makes_it_stale),
        TEST(a_third_value_before_the_commit_makes_it_stale),
        TEST(two_resolvers_agree),
        TEST(two_resolvers_differ),
    };
    return cmocka_run_group_tests_name("settling", tests, NULL, NULL);
}
