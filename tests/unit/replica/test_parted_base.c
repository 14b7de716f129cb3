/* Branches and floors where a space begins with its state: what lies below it, and a history that comes after all; with memory that ends
 * and a store that breaks off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "parted.h"
#include "replica/base.h"

/* C's history, which rests on A's first change: "same" up to `leaves`, then the words. */
static void write_resting(struct fixture *f, uint64_t leaves, uint64_t first, uint64_t last, const char *words, struct pen *p)
{
    const struct ward_dep a = dep_on(f, A, A, 1);
    pen_new(p, &f->w, C, &f->space);
    for (uint64_t seq = 1; seq <= last; seq++) {
        if (seq == first)
            pen_next(p);
        pen_say(p, seq + 1, &a, seq == 1, seq > leaves ? words : "same");
    }
    pen_seal(p);
}

/* A's change is of so many records, more than an arena's first block holds if they are many. B holds it, and eight of C's. */
static void begin_with_records(struct fixture *f, size_t records)
{
    static char text[1500];
    struct ward_ingested in;
    struct pen p;
    ward_txn *t;
    memset(text, 'x', records > 40 ? sizeof text / 3 : sizeof text - 1);
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    for (size_t i = 0; i < records; i++) {
        const struct ward_id id = {{(uint8_t)(i + 1), 1}};
        struct ward_value v = ward_value_text(text);
        OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &id, NOTE, NULL, 0, &v, &f->w.err));
    }
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    give(&f->w, A, B);
    write_resting(f, 99, 1, 8, "", &p);
    OK(&f->w, pen_send(&p, B, &in));
    pen_free(&p);
}

/* Up to A's first and C's sixth the space stands with its state alone. */
static int settle_base(struct fixture *f)
{
    struct ward_apply a;
    const struct ward_feed *of_a = feed_of(f, B, A, &f->space), *of_c = feed_of(f, B, C, &f->space);
    const struct ward_base_head heads[] = {{of_a->fid, 1}, {of_c->fid, 6}};
    const uint32_t sid = of_a->sid;
    int rc = ward_apply_begin(&a, f->w.d[B].r, &f->w.err);
    if (rc)
        return rc;
    rc = ward_base_settle(&a, sid, heads, 2, &f->w.err);
    return ward_apply_end(&a, rc, &f->w.err);
}

static int replay_space(struct fixture *f)
{
    struct ward_apply a;
    const uint32_t sid = feed_of(f, B, A, &f->space)->sid;
    int rc = ward_apply_begin(&a, f->w.d[B].r, &f->w.err);
    if (rc)
        return rc;
    rc = ward_apply_replay(&a, sid, &f->w.err);
    return ward_apply_end(&a, rc, &f->w.err);
}

static void begin_with_a_base(struct fixture *f)
{
    begin_with_records(f, 1);
    OK(&f->w, settle_base(f));
    const uint32_t sid = feed_of(f, B, A, &f->space)->sid;
    assert_int_equal(feed_of(f, B, C, &f->space)->base, 6);
    assert_true(ward_space_has_base(f->w.d[B].r, ward_directory_space(&f->w.d[B].r->dir, sid)));
}

/* A branch that leaves where the base ends, or beyond; below it is another history. */
static void branches_on_a_base(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_vv vv = {.len = 0};
    struct pen p;
    begin_with_a_base(f);
    for (size_t i = 0; i < TROUBLES; i++) {
        write_resting(f, 99, 9 + i, 9 + i, "", &p); /* C goes on */
        const struct ward_run run = pen_run(&p);
        assert_true(troubles[i](&f->w, B, &run) > 5);
        pen_free(&p);
        assert_int_equal(feed_of(f, B, C, &f->space)->head_seq, 9 + i);
    }
    for (size_t i = 0; i < TROUBLES; i++) {
        write_resting(f, 7 - i, 8 - i, 9, i ? "where the base ends" : "beyond", &p);
        const struct ward_run run = pen_run(&p);
        assert_true(troubles[i](&f->w, B, &run) > 5);
        pen_free(&p);
        assert_int_equal(feed_of(f, B, C, &f->space)->fork, 7 - i);
    }
    /* The same of one that begins below the base: what lies there is passed over. */
    write_resting(f, 8, 2, 12, "from below", &p);
    OK(&f->w, pen_send(&p, B, &in));
    assert_true(in.applied == 4 && in.forked);
    OK(&f->w, pen_send(&p, B, &in));
    assert_int_equal(in.applied, 0);
    pen_free(&p);
    write_resting(f, 8, 2, 13, "from below", &p);
    p.bodies.p[0] = 0xff; /* a body that is none, in what is passed over */
    assert_int_equal(pen_send(&p, B, &in), WARD_ERR_NONCANONICAL);
    pen_free(&p);
    const struct ward_feed *trunk = feed_of(f, B, C, &f->space);
    assert_int_equal(ward_vv_at(f->w.d[B].r, trunk->fid, 5, &vv, &f->w.err), WARD_ERR_HISTORY);
    OK(&f->w, ward_vv_at(f->w.d[B].r, trunk->fid, 6, &vv, &f->w.err));
    assert_int_equal(ward_vv_get(&vv, feed_of(f, B, A, &f->space)->fid), 1);
    ward_vv_free(&vv, &f->w.d[B].r->env);
    assert_sound(&f->w);
}

/* The work at B, with each allocation and each few steps of the store failing: the space's state stays what it is. */
static void against_each_trouble(struct fixture *f, int (*work)(struct fixture *f), int of_store)
{
    ward_replica *r = f->w.d[B].r;
    struct ward_hash before, after;
    bool failed = true;
    size_t at = 0;
    OK(&f->w, ward_state_digest(r, &f->space, &before, &f->w.err));
    for (; failed; at++) {
        alloc_calls = 0;
        alloc_fails_at = of_store ? SIZE_MAX : at;
        alloc_fails_on = false;
        r->env.alloc = rationed;
        stop_at(r, 6, of_store ? at : SIZE_MAX);
        int rc = work(f);
        failed = of_store ? store_steps > at : alloc_calls > at;
        r->env.alloc = outside_alloc;
        stop_at(r, 0, SIZE_MAX);
        assert_int_equal(rc, !failed ? WARD_OK : of_store ? WARD_ERR_STORE : WARD_ERR_MEMORY);
        OK(&f->w, ward_state_digest(r, &f->space, &after, &f->w.err));
        assert_memory_equal(&after, &before, sizeof after);
    }
    assert_true(at > 10);
}

static void settled_and_replayed(struct fixture *f, size_t records, int of_store)
{
    begin_with_records(f, records);
    against_each_trouble(f, settle_base, of_store);
    assert_int_equal(feed_of(f, B, C, &f->space)->base, 6);
    against_each_trouble(f, replay_space, of_store);
    assert_sound(&f->w);
}

static void a_base_without_memory(void **state)
{
    settled_and_replayed(*state, 120, false);
}

static void a_base_without_a_store(void **state)
{
    settled_and_replayed(*state, 3, true);
}

/* By a schema that has no indexes, or none at all, there are no entries to be taken out, nor to be made. */
static void replayed_without_indexes(void **state)
{
    static const struct ward_schema *const schemas[] = {&small_schema, NULL};
    struct fixture *f = *state;
    struct device *d = &f->w.d[B];
    begin_with_records(f, 2);
    for (size_t i = 0; i < 2; i++) {
        ward_close(d->r);
        d->options.schema = schemas[i];
        OK(&f->w, ward_open(&d->r, d->home, &d->options, &f->w.err));
        OK(&f->w, replay_space(f));
        assert_sound(&f->w);
    }
}

/* What rests on a change below the base cannot be judged: it is refused, and the history is wanted from then on, unless that cannot be
 * noted. */
static void what_rests_below_a_base(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[B].r;
    struct ward_ingested in;
    struct ward_dep below;
    struct pen p;
    bool failed = true;
    begin_with_a_base(f);
    write_resting(f, 99, 1, 3, "", &p);
    below = (struct ward_dep){p.feed, 3, p.head};
    pen_free(&p);
    pen_new(&p, &f->w, OFFICE, &f->space);
    pen_say(&p, 5, &below, 1, "rests on the third");
    pen_seal(&p);
    for (size_t at = 0; failed; at++) {
        stop_at(r, 1, at);
        int rc = pen_send(&p, B, &in);
        failed = store_steps > at;
        stop_at(r, 0, SIZE_MAX);
        if (rc != WARD_ERR_HISTORY)
            assert_int_equal(rc, WARD_ERR_STORE);
        if (!failed)
            assert_int_equal(rc, WARD_ERR_HISTORY);
    }
    pen_free(&p);
    assert_true(ward_space_wants_history(r, ward_directory_space_by_id(&r->dir, &f->space)));
    assert_null(feed_of(f, B, OFFICE, &f->space));
    /* It comes: in the end all stands as if it had been held from the first, and what was refused is taken. */
    write_resting(f, 99, 1, 6, "", &p);
    const struct ward_run c = pen_run(&p);
    assert_true(each_stop_of_a_run(&f->w, B, &c) > 5);
    pen_free(&p);
    assert_true(each_run_in(f, A, B, &f->space, each_shortage_of_a_run) > 5);
    assert_false(ward_space_has_base(r, ward_directory_space_by_id(&r->dir, &f->space)));
    assert_int_equal(feed_of(f, B, C, &f->space)->base, 0);
    pen_new(&p, &f->w, OFFICE, &f->space);
    pen_say(&p, 5, &below, 1, "rests on the third");
    pen_seal(&p);
    OK(&f->w, pen_send(&p, B, &in));
    pen_free(&p);
    assert_sound(&f->w);
}

static int settle_three(struct fixture *f)
{
    struct ward_apply a;
    const struct ward_feed *of_a = feed_of(f, B, A, &f->space), *of_c = feed_of(f, B, C, &f->space),
                           *of_office = feed_of(f, B, OFFICE, &f->space);
    const struct ward_base_head heads[] = {{of_a->fid, 1}, {of_c->fid, 6}, {of_office->fid, 3}};
    const uint32_t sid = of_a->sid;
    int rc = ward_apply_begin(&a, f->w.d[B].r, &f->w.err);
    if (rc)
        return rc;
    rc = ward_base_settle(&a, sid, heads, 3, &f->w.err);
    return ward_apply_end(&a, rc, &f->w.err);
}

/* One seal is over the end of a base, what is held beyond it, and a change that rests on what lies below the base: the run has to be taken
 * before all of the history is there, or it never will be. What has come of the history says whether it rests on that. */
static void a_run_over_the_end_of_a_base(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[B].r;
    struct ward_ingested in;
    struct ward_dep below = {0};
    struct pen office, c;
    begin_with_records(f, 1);
    pen_new(&office, &f->w, OFFICE, &f->space);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        pen_say(&office, seq, NULL, 0, "of the office");
        below = seq == 2 ? (struct ward_dep){office.feed, 2, office.head} : below;
    }
    pen_seal(&office);
    OK(&f->w, pen_send(&office, B, &in));
    OK(&f->w, settle_three(f));
    for (int wrong = 1; wrong >= 0; wrong--) {
        struct ward_dep named = below;
        named.hash.b[0] ^= (uint8_t)wrong;
        write_resting(f, 99, 1, 8, "", &c);
        pen_say(&c, 10, &named, 1, "rests on the second");
        pen_seal(&c);
        if (wrong)
            assert_int_equal(pen_send(&c, B, &in), WARD_ERR_HISTORY);
        OK(&f->w, pen_send(&office, B, &in)); /* of the space more is lacking yet */
        assert_int_equal(in.applied, 0);
        assert_int_equal(pen_send(&c, B, &in), wrong ? WARD_ERR_DEP_HASH : WARD_OK);
        pen_free(&c);
    }
    assert_int_equal(in.applied, 1);
    assert_int_equal(feed_of(f, B, C, &f->space)->head_seq, 9);
    assert_true(ward_space_has_base(r, ward_directory_space_by_id(&r->dir, &f->space)));
    each_run_in(f, A, B, &f->space, just_take);
    assert_false(ward_space_has_base(r, ward_directory_space_by_id(&r->dir, &f->space)));
    pen_free(&office);
    assert_sound(&f->w);
}

/* Refused for what it has beyond the base (302): what it has below is kept, as far as memory and the store allow, where the base names the
 * author's seal, and the history is whole with that of the others. */
static void a_refused_run_leaves_the_history(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[B].r;
    struct ward_ingested in;
    struct pen office, c;
    begin_with_records(f, 1);
    const struct ward_dep first = dep_on(f, A, A, 1), missing = {first.feed, 2, first.hash};
    for (int beyond = 0; beyond < 2; beyond++) {
        pen_new(&office, &f->w, OFFICE, &f->space);
        for (uint64_t seq = 1; seq <= 3; seq++)
            pen_say(&office, seq, NULL, 0, "of the office");
        if (beyond) { /* and under the same seal */
            pen_say(&office, 4, &missing, 1, "rests on A's second");
            pen_seal(&office);
            break;
        }
        pen_seal(&office);
        OK(&f->w, pen_send(&office, B, &in));
        pen_free(&office);
    }
    OK(&f->w, settle_three(f));
    write_resting(f, 99, 1, 8, "", &c); /* C has sealed at its eighth, not where the base ends */
    pen_say(&c, 10, &missing, 1, "rests on A's second");
    pen_seal(&c);
    assert_int_equal(pen_send(&c, B, &in), WARD_ERR_DEP_MISSING);
    pen_free(&c);
    const struct ward_run run = pen_run(&office);
    bool failed = true;
    for (size_t at = 0; failed; at++) {
        ward_chain_forget(r);
        r->env.alloc = rationed;
        alloc_calls = 0;
        alloc_fails_at = at;
        alloc_fails_on = false;
        int rc = try_run(&f->w, B, &run, &in);
        failed = alloc_calls > at;
        r->env.alloc = outside_alloc;
        assert_int_equal(rc, failed ? WARD_ERR_MEMORY : WARD_ERR_DEP_MISSING);
    }
    failed = true;
    for (size_t at = 0; failed; at++) {
        ward_chain_forget(r);
        stop_at(r, 1, at);
        int rc = take_run(&f->w, B, &run, &in);
        failed = store_steps > at;
        stop_at(r, 0, SIZE_MAX);
        if (!failed || rc != WARD_ERR_STORE) /* it may break off behind the refusal */
            assert_int_equal(rc, WARD_ERR_DEP_MISSING);
    }
    pen_free(&office);
    each_run_in(f, A, B, &f->space, just_take);
    assert_true(ward_space_has_base(r, ward_directory_space_by_id(&r->dir, &f->space))); /* C's is lacking */
    write_resting(f, 99, 1, 8, "", &c);
    OK(&f->w, pen_send(&c, B, &in));
    assert_true(in.backfilled);
    pen_free(&c);
    assert_false(ward_space_has_base(r, ward_directory_space_by_id(&r->dir, &f->space)));
    assert_sound(&f->w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(branches_on_a_base),
        TEST(a_base_without_memory),
        TEST(a_base_without_a_store),
        TEST(replayed_without_indexes),
        TEST(what_rests_below_a_base),
        TEST(a_run_over_the_end_of_a_base),
        TEST(a_refused_run_leaves_the_history),
    };
    return cmocka_run_group_tests_name("parted_base", tests, NULL, NULL);
}
