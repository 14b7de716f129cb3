/* One home under programs that know more and less of its kinds: what is shown, and what is a conflict, follows the program; no word is
 * lost. An office and two tablets, bundles between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "three.h"

static void say(struct fixture *f, size_t who, uint32_t kind, uint32_t field, struct ward_value v)
{
    ward_txn *t;
    OK(&f->w, ward_begin(f->w.d[who].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, kind, &f->item, field, NULL, 0, &v, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
}

static void reopen(struct fixture *f, size_t who, const struct ward_schema *schema)
{
    struct device *d = &f->w.d[who];
    ward_close(d->r);
    d->options.schema = schema;
    OK(&f->w, ward_open(&d->r, d->home, &d->options, &f->w.err));
}

static int note_id(void *ctx, const struct ward_conflict *c)
{
    *(struct ward_id *)ctx = c->id;
    return 0;
}

static void resolve(struct fixture *f, size_t who, const char *text)
{
    struct ward_id id;
    struct ward_value v = ward_value_text(text);
    OK(&f->w, ward_conflicts(f->w.d[who].r, note_id, &id, &f->w.err));
    OK(&f->w, ward_resolve(f->w.d[who].r, &id, 2, 0, &v, "talked", &f->w.err));
}

static size_t conflicts_of_record(struct fixture *f, size_t who, uint32_t kind)
{
    ward_record *rec;
    OK(&f->w, ward_get(f->w.d[who].r, kind, &f->item, false, &rec, &f->w.err));
    size_t n = ward_record_conflicts(rec);
    ward_record_free(rec);
    return n;
}

/* The lesser program takes the words in; the greater one sees the conflict, and sees it go. */
static void a_conflict_learnt_of_later_can_be_resolved(void **state)
{
    struct fixture *f = *state;
    reopen(f, B, &small_schema);
    say(f, A, KIND_ITEM, OWNER, ward_value_text("u"));
    say(f, OFFICE, KIND_ITEM, OWNER, ward_value_text("v"));
    finish(f);
    assert_int_equal(conflicts(f, A), 1);
    assert_int_equal(conflicts(f, B), 0);
    reopen(f, B, &full_schema);
    assert_int_equal(conflicts(f, B), 1);
    assert_int_equal(conflicts_of_record(f, B, KIND_ITEM), 1);
    resolve(f, OFFICE, "u");
    finish(f);
    assert_int_equal(conflicts(f, A), 0);
    assert_int_equal(conflicts(f, B), 0);
    assert_int_equal(conflicts_of_record(f, B, KIND_ITEM), 0);
}

/* The other way about: what stood as a conflict is of a kind that the program no longer knows. */
static void a_conflict_of_a_kind_unlearnt(void **state)
{
    struct fixture *f = *state;
    say(f, A, KIND_OTHER, NAME, ward_value_text("by a"));
    say(f, B, KIND_OTHER, NAME, ward_value_text("by b"));
    finish(f);
    assert_int_equal(conflicts(f, B), 1);
    reopen(f, B, &small_schema);
    assert_int_equal(conflicts(f, B), 0);
    reopen(f, B, &full_schema);
    assert_int_equal(conflicts(f, B), 1);
    assert_int_equal(conflicts_of_record(f, B, KIND_OTHER), 1);
    reopen(f, B, &small_schema);
    resolve(f, A, "by a and b");
    finish(f); /* the words arrive where their kind is not known */
    reopen(f, B, &full_schema);
    assert_int_equal(conflicts(f, B), 0);
    assert_int_equal(conflicts_of_record(f, B, KIND_OTHER), 0);
    finish(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_conflict_learnt_of_later_can_be_resolved),
        TEST(a_conflict_of_a_kind_unlearnt),
    };
    return cmocka_run_group_tests_name("schema change", tests, NULL, NULL);
}
