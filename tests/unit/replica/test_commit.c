/* What one act may write: what is not known, not allowed, not well formed; of several spaces, and more than one change holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "replica/commit.h"
#include "three.h"

static void a_smaller_schema_carries_all(void **state)
{
    struct fixture *f = *state;
    struct device *b = &f->w.d[B];
    struct ward_id other = unit_id('!');
    ward_record *rec;
    ward_close(b->r);
    b->options.schema = &small_schema;
    OK(&f->w, ward_open(&b->r, b->home, &b->options, &f->w.err));
    common_ground(f);
    assert_int_equal(put(f, A, DUE, ward_value_int(9)), 0);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(4)), 0);
    assert_int_equal(tag(f, A, "red", true), 0);
    ward_txn *t;
    struct ward_value name = ward_value_text("another kind");
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_OTHER, &other, NAME, NULL, 0, &name, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    give(&f->w, A, B);
    assert_int_equal(ward_get(b->r, KIND_OTHER, &other, false, &rec, NULL), WARD_ERR_UNKNOWN_KIND);
    rec = get(f, B);
    assert_int_equal(ward_record_value(rec, DUE).type, WARD_NULL);
    ward_record_free(rec);
    assert_int_equal(put(f, B, DUE, ward_value_int(1)), WARD_ERR_UNKNOWN_FIELD);
    OK(&f->w, ward_begin(b->r, &t, &f->w.err));
    assert_int_equal(ward_put(t, &f->space, KIND_OTHER, &other, NAME, NULL, 0, &name, NULL), WARD_ERR_UNKNOWN_KIND);
    ward_abort(t);
    assert_int_equal(put(f, B, TITLE, ward_value_text("edited by the small one")), 0);
    give(&f->w, B, OFFICE); /* forwards what it does not know */
    assert_shows_text(f, OFFICE, TITLE, "edited by the small one");
    assert_shows_int(f, OFFICE, DUE, 9);
    assert_shows_int(f, OFFICE, COUNTED, 4);
    OK(&f->w, ward_get(f->w.d[OFFICE].r, KIND_OTHER, &other, false, &rec, &f->w.err));
    assert_true(is_text(ward_record_value(rec, NAME), "another kind"));
    ward_record_free(rec);
    /* A conflict it cannot see is seen once its program is renewed. */
    assert_int_equal(put(f, OFFICE, OWNER, ward_value_text("u")), 0);
    assert_int_equal(put(f, A, OWNER, ward_value_text("v")), 0);
    finish(f);
    assert_int_equal(conflicts(f, A), 1);
    assert_int_equal(conflicts(f, B), 0);
    ward_close(b->r);
    b->options.schema = &full_schema;
    OK(&f->w, ward_open(&b->r, b->home, &b->options, &f->w.err));
    assert_int_equal(conflicts(f, B), 1);
    assert_shows_int(f, B, DUE, 9);
    finish(f);
}

static void two_spaces_in_one_act(void **state)
{
    struct fixture *f = *state;
    struct ward_hash own;
    struct ward_id only = unit_id('a'), other = unit_id('!');
    struct ward_value x = ward_value_text("x"), y = ward_value_text("y");
    struct ward_commit done;
    ward_txn *t;
    ward_record *rec;
    OK(&f->w, ward_space_of_circle(f->w.d[A].r, &own, &only, 1, &f->w.err));
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &own, KIND_ITEM, &other, OWNER, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_put(t, &own, KIND_ITEM, &other, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_commit(t, &done, &f->w.err));
    assert_int_equal(done.changes, 2);
    assert_int_equal(done.ops, 3);
    /* The second space's write is refused: nothing of the first stays. */
    struct ward_hash before, after;
    OK(&f->w, ward_state_digest(f->w.d[A].r, &f->space, &before, &f->w.err));
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &y, &f->w.err));
    int rc = ward_put(t, &own, KIND_ITEM, &other, OWNER, NULL, 0, &y, NULL);
    if (!rc)
        rc = ward_commit(t, NULL, NULL);
    else
        ward_abort(t);
    assert_int_equal(rc, WARD_ERR_FIXED);
    OK(&f->w, ward_state_digest(f->w.d[A].r, &f->space, &after, &f->w.err));
    assert_memory_equal(before.b, after.b, 32);
    assert_shows_text(f, A, TITLE, "x");
    finish(f);
    assert_int_equal(ward_get(f->w.d[B].r, KIND_ITEM, &other, false, &rec, NULL), WARD_ERR_NOT_FOUND); /* not its circle */
    OK(&f->w, ward_get(f->w.d[OFFICE].r, KIND_ITEM, &other, false, &rec, &f->w.err));
    ward_record_free(rec);
}

static void nothing_is_written_for_nothing(void **state)
{
    struct fixture *f = *state;
    struct ward_status before, after;
    ward_txn *t;
    common_ground(f);
    OK(&f->w, ward_status(f->w.d[A].r, &before, &f->w.err));
    assert_int_equal(put(f, A, TITLE, ward_value_text("boiler")), WARD_ERR_NOTHING);
    assert_int_equal(put(f, A, WARD_FIELD_PRESENCE, ward_value_bool(true)), WARD_ERR_NOTHING);
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    assert_int_equal(ward_commit(t, NULL, NULL), WARD_ERR_NOTHING);
    OK(&f->w, ward_status(f->w.d[A].r, &after, &f->w.err));
    assert_memory_equal(before.digest.b, after.digest.b, 32);
    assert_int_equal(before.changes, after.changes);
    /* The last word of one transaction counts, so there and back is nothing. */
    struct ward_value x = ward_value_text("x"), same = ward_value_text("boiler");
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &same, &f->w.err));
    assert_int_equal(ward_commit(t, NULL, NULL), WARD_ERR_NOTHING);
    assert_shows_text(f, A, TITLE, "boiler");
    /* And there again is something, with what was written meanwhile. */
    struct ward_value note = ward_value_text("in the cellar"), more = ward_value_text("in the attic");
    struct ward_commit sum;
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, NOTE, NULL, 0, &note, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &same, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, NOTE, NULL, 0, &more, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_commit(t, &sum, &f->w.err));
    assert_int_equal(sum.ops, 2);
    assert_shows_text(f, A, TITLE, "x");
    assert_shows_text(f, A, NOTE, "in the attic");
    finish(f);
}

static void wrong_values_are_refused(void **state)
{
    struct fixture *f = *state;
    char owner[OWNER_MAX + 2];
    memset(owner, 'x', sizeof owner);
    owner[OWNER_MAX] = 0;
    assert_int_equal(put(f, A, OWNER, ward_value_text(owner)), 0);
    owner[OWNER_MAX] = 'x';
    owner[OWNER_MAX + 1] = 0;
    struct ward_id other = unit_id('!');
    assert_int_equal(put_in(f, A, &f->space, &other, OWNER, NULL, ward_value_text(owner)), WARD_ERR_LIMIT_VALUE);
    assert_int_equal(put(f, A, TITLE, ward_value_text("\xc3\x28")), WARD_ERR_UTF8);
    assert_int_equal(put(f, A, TITLE, ward_value_text("\xed\xa0\x80")), WARD_ERR_UTF8);
    struct ward_value zero = {.type = WARD_TEXT, .p = (const uint8_t *)"a\0b", .len = 3};
    assert_int_equal(put(f, A, TITLE, zero), WARD_ERR_UTF8);
    assert_int_equal(put(f, A, TITLE, ward_value_int(3)), WARD_ERR_VALUE);
    assert_int_equal(put(f, A, COUNTED, ward_value_null()), WARD_ERR_VALUE);
    assert_int_equal(put(f, A, TAGS, ward_value_bool(true)), WARD_ERR_VALUE); /* no key */
    assert_int_equal(put_in(f, A, &f->space, &f->item, TITLE, "k", ward_value_text("x")), WARD_ERR_VALUE);
    char key[66];
    memset(key, 'k', sizeof key);
    key[64] = 0;
    assert_int_equal(tag(f, A, key, true), 0);
    key[64] = 'k';
    key[65] = 0;
    assert_int_equal(tag(f, A, key, true), WARD_ERR_LIMIT_KEY);
    /* The protocol's limit, where the schema names none. */
    char *text = calloc(1, 49155);
    assert_non_null(text);
    memset(text, 't', 49152 - 3);
    assert_int_equal(put(f, A, TITLE, ward_value_text(text)), 0);
    text[49152 - 3] = 't';
    assert_int_equal(put(f, A, TITLE, ward_value_text(text)), WARD_ERR_LIMIT_VALUE);
    free(text);
    /* A cell does not write in the ward space, nor in a circle without it. */
    struct ward_hash ward_space, foreign;
    struct ward_id b = unit_id('b');
    ward_space_of_ward(f->w.d[A].r, &ward_space);
    OK(&f->w, ward_space_of_circle(f->w.d[A].r, &foreign, &b, 1, &f->w.err));
    assert_int_equal(put_in(f, A, &ward_space, &f->item, TITLE, NULL, ward_value_text("x")), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(put_in(f, A, &foreign, &f->item, TITLE, NULL, ward_value_text("x")), WARD_ERR_NOT_ENTITLED);
    struct ward_hash nowhere = {{1}};
    assert_int_equal(put_in(f, A, &nowhere, &f->item, TITLE, NULL, ward_value_text("x")), WARD_ERR_SPACE);
    finish(f);
}

/* More than one change's worth in one act: several changes, one durable act. */
static void a_large_act_is_split(void **state)
{
    struct fixture *f = *state;
    ward_txn *t;
    struct ward_commit done;
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    for (unsigned i = 0; i < 1500; i++) {
        struct ward_id id = {{(uint8_t)(i >> 8), (uint8_t)i, 1}};
        struct ward_value v = ward_value_text("many");
        OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &id, TITLE, NULL, 0, &v, &f->w.err));
    }
    OK(&f->w, ward_commit(t, &done, &f->w.err));
    assert_int_equal(done.ops, 1500);
    assert_true(done.changes >= 2);
    finish(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_smaller_schema_carries_all), TEST(two_spaces_in_one_act), TEST(nothing_is_written_for_nothing),
        TEST(wrong_values_are_refused),     TEST(a_large_act_is_split),
    };
    return cmocka_run_group_tests_name("commit", tests, NULL, NULL);
}
