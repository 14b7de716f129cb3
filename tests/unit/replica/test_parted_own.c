/* A device whose own feed has parted, and what was settled of it while it was away: it takes that up, and tells anew what it had said
 * beyond. With memory that ends and a store that breaks off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "parted.h"
#include "replica/base.h"
#include "replica/own.h"

/* What the device holds of its own feed at seq, as others name it. */
static void take_up(struct pen *p, struct fixture *f, size_t who, uint64_t seq)
{
    uint64_t depth;
    pen_new(p, &f->w, who, &f->space);
    OK(&f->w, ward_chain_at(f->w.d[who].r, feed_of(f, who, who, &f->space)->fid, seq, &p->head, &depth, &f->w.err));
    p->seq = seq;
    pen_next(p);
}

static void go_on(struct pen *p, uint64_t last, const char *words)
{
    while (p->seq < last)
        pen_say(p, p->seq + 1, NULL, 0, words);
    pen_seal(p);
}

static bool shows(struct fixture *f, size_t at, char item, const char *words)
{
    struct ward_id id = unit_id(item);
    ward_record *rec;
    int rc = ward_get(f->w.d[at].r, KIND_ITEM, &id, false, &rec, NULL);
    if (rc)
        return false;
    struct ward_value v = ward_record_value(rec, NOTE);
    bool same = v.type == WARD_TEXT && v.len == strlen(words) && memcmp(v.p, words, v.len) == 0;
    ward_record_free(rec);
    return same;
}

/* A home put back from an old backup gets its own later changes from others, who hold them: they are known to be published. */
static void what_others_kept_of_ones_own(void **state)
{
    struct fixture *f = *state;
    struct pen p;
    put(f, A, &f->space, "one");
    give(&f->w, A, OFFICE);
    for (uint64_t i = 0; i < TROUBLES; i++) {
        take_up(&p, f, A, 1 + 2 * i);
        go_on(&p, 3 + 2 * i, i ? "later still" : "later");
        const struct ward_run run = pen_run(&p);
        assert_true(troubles[i](&f->w, A, &run) > 0);
        pen_free(&p);
        const struct ward_feed *own = feed_of(f, A, A, &f->space);
        assert_int_equal(own->head_seq, 3 + 2 * i);
        assert_int_equal(own->published, own->head_seq);
        OK(&f->w, ward_replica_reload(f->w.d[A].r, &f->w.err));
        assert_int_equal(feed_of(f, A, A, &f->space)->published, 3 + 2 * i);
    }
    put(f, A, &f->space, "and on");
    finish(f);
    assert_int_equal(feed_of(f, OFFICE, A, &f->space)->head_seq, 6);
}

/* A has published five changes; another device with its keys, from the second on, three that all others hold and have settled. With `more`
 * there is a third history beside them, from A's fourth on. Whatever A held, what was settled takes its place, and what A wrote beyond is
 * written anew; broken off anywhere, all stands as it was. */
static void ones_own_beside_what_is_settled(struct fixture *f, bool more, each_trouble *each)
{
    struct ward_ingested in;
    struct pen p, settled;
    uint32_t third = 0;
    put(f, A, &f->space, "one");
    give(&f->w, A, OFFICE);
    put(f, A, &f->space, "two");
    put(f, A, &f->space, "three");
    put(f, A, &f->space, "four");
    put(f, A, &f->space, "by A alone");
    give(&f->w, A, C); /* published, though nobody who tells has it */
    assert_int_equal(feed_of(f, A, A, &f->space)->published, 5);
    take_up(&settled, f, A, 1);
    go_on(&settled, 4, "settled");
    OK(&f->w, pen_send(&settled, OFFICE, &in));
    if (more) {
        take_up(&p, f, A, 4);
        go_on(&p, 7, "a third");
        OK(&f->w, pen_send(&p, A, &in));
        assert_true(in.forked);
        third = in.fid;
        pen_free(&p);
    }
    const struct ward_dep head = {settled.feed, 4, settled.head};
    settle_at(f, &head);
    each_word(f, OFFICE, A, just_take);
    assert_int_equal(feed_of(f, A, A, &f->space)->settled.seq, 4);
    const struct ward_run run = pen_run(&settled);
    assert_true(each(&f->w, A, &run) > 10);
    pen_free(&settled);
    const struct ward_feed *own = feed_of(f, A, A, &f->space);
    assert_true(ward_hash_compare(&own->head_hash, &head.hash) == 0);
    assert_false(own->forked);
    if (more) { /* kept, with all that it has for itself now, and passed over */
        const struct ward_feed *row = ward_directory_feed(&f->w.d[A].r->dir, third);
        assert_true(row->below && row->base == 1 && row->head_seq == 7);
    }
    OK(&f->w, ward_own_rewrite(f->w.d[A].r, &f->w.err));
    own = feed_of(f, A, A, &f->space);
    assert_true(own->head_seq > 4 && own->limit >= own->head_seq);
    assert_true(shows(f, A, '+', "by A alone"));
    give(&f->w, A, OFFICE);
    assert_true(shows(f, OFFICE, '+', "by A alone"));
    assert_sound(&f->w);
}

/* Of a feed of which it holds nothing a device hears that a copy's changes are settled, with effect or, of the second, without: what it
 * writes then begins beside them, which it knows at once and not only when all is judged again. What is settled takes its place. */
static void begun_where_a_copys_is_settled(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    for (size_t i = 0; i < 2; i++) {
        const size_t who = i ? B : A;
        const struct ward_dep third = named(f, who, 9, 3, "");
        OK(&f->w, send_history(f, who, OFFICE, 9, 1, 4, "", &in));
        settle_upto(f, &third, i ? 0 : 3);
        each_word(f, OFFICE, who, just_take);
        assert_null(feed_of(f, who, who, &f->space));
        put(f, who, &f->space, "by this one");
        for (size_t again = 0; again < 2; again++) {
            const struct ward_feed *own = feed_of(f, who, who, &f->space);
            assert_int_equal(own->head_seq, 1);
            assert_int_equal(own->settled.seq, 3);
            assert_int_equal(own->limit, i ? 0 : UINT64_MAX);
            OK(&f->w, ward_replica_reload(f->w.d[who].r, &f->w.err));
        }
        OK(&f->w, send_history(f, who, who, 9, 1, 4, "", &in));
        assert_int_equal(feed_of(f, who, who, &f->space)->head_seq, 4);
    }
    OK(&f->w, ward_own_rewrite(f->w.d[A].r, &f->w.err));
    assert_int_equal(feed_of(f, A, A, &f->space)->head_seq, 5);
    assert_sound(&f->w);
}

static void a_settled_history_beside_ones_own(void **state)
{
    ones_own_beside_what_is_settled(*state, false, each_shortage_of_a_run);
}

static void a_settled_history_beside_ones_own_and_no_store(void **state)
{
    ones_own_beside_what_is_settled(*state, false, each_stop_of_a_run);
}

static void a_settled_history_beside_two_of_ones_own(void **state)
{
    ones_own_beside_what_is_settled(*state, true, each_shortage_of_a_run);
}

static void a_settled_history_beside_two_of_ones_own_and_no_store(void **state)
{
    ones_own_beside_what_is_settled(*state, true, each_stop_of_a_run);
}

/* B holds another history of somebody's feed than the one that is settled; what comes of that takes its place, broken off anywhere or not,
 * and nothing else does. */
static void a_settled_history_beside_anothers(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct pen p;
    for (size_t i = 0; i < TROUBLES; i++) {
        const size_t who = i ? A : C;
        const struct ward_dep settled = named(f, who, 9, 4, ""), beside = named(f, who, 1, 5, "beside");
        OK(&f->w, send_history(f, who, OFFICE, 9, 1, 6, "", &in));
        OK(&f->w, send_history(f, who, B, 1, 1, 5, "beside", &in));
        settle_at(f, &settled);
        each_word(f, OFFICE, B, just_take);
        assert_int_equal(send_history(f, who, B, 1, 1, 7, "a third", &in), WARD_ERR_SETTLED);
        assert_memory_equal(feed_of(f, B, who, &f->space)->head_hash.b, beside.hash.b, sizeof beside.hash.b);
        write_history(&p, f, who, 9, 1, 6, "");
        const struct ward_run run = pen_run(&p);
        assert_true(troubles[i](&f->w, B, &run) > 10);
        const struct ward_feed *here = feed_of(f, B, who, &f->space);
        assert_memory_equal(here->head_hash.b, p.head.b, sizeof p.head.b);
        assert_false(here->forked);
        pen_free(&p);
    }
    finish(f);
}

/* What is settled is not asked for its hash, for it may be gone; but where another history is held in its place, that is not it. */
static void a_dep_on_what_is_settled_where_another_is_held(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct pen p;
    const struct ward_dep settled = named(f, A, 9, 4, ""), third = named(f, A, 9, 3, "");
    OK(&f->w, send_history(f, A, OFFICE, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, A, B, 1, 1, 5, "beside", &in));
    settle_at(f, &settled);
    each_word(f, OFFICE, B, just_take);
    pen_new(&p, &f->w, C, &f->space);
    pen_say(&p, 4, &third, 1, "seen: the settled");
    pen_seal(&p);
    assert_int_equal(pen_send(&p, B, &in), WARD_ERR_DEP_HASH);
    OK(&f->w, send_history(f, A, B, 9, 1, 6, "", &in));
    OK(&f->w, pen_send(&p, B, &in));
    pen_free(&p);
    finish(f);
}

/* Where B holds less than is settled, either may be it: what comes takes the place only when it reaches so far. And what B holds falls to
 * its last seal: of a run that begins beyond that the rest has to come first. */
static void less_than_is_settled_beside_anothers(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    const struct ward_dep settled = named(f, C, 9, 4, ""), beside = named(f, C, 2, 3, "beside");
    OK(&f->w, send_history(f, C, OFFICE, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, B, 2, 1, 3, "beside", &in));
    settle_at(f, &settled);
    each_word(f, OFFICE, B, just_take);
    assert_int_equal(send_history(f, C, B, 9, 1, 3, "", &in), WARD_ERR_SETTLED);
    assert_memory_equal(feed_of(f, B, C, &f->space)->head_hash.b, beside.hash.b, sizeof beside.hash.b);
    assert_int_equal(send_history(f, C, B, 9, 3, 4, "", &in), WARD_ERR_GAP);
    assert_int_equal(feed_of(f, B, C, &f->space)->head_seq, 0);
    OK(&f->w, send_history(f, C, B, 9, 1, 6, "", &in));
    assert_int_equal(feed_of(f, B, C, &f->space)->head_seq, 6);
    finish(f);
}

/* A's history, of which the second change rests on C's; from the third on the words. */
static void write_with_sight_of(struct pen *p, struct fixture *f, const struct ward_dep *c, uint64_t last, const char *words)
{
    pen_new(p, &f->w, A, &f->space);
    pen_say(p, 1, NULL, 0, "first");
    for (uint64_t seq = 2; seq <= last; seq++)
        pen_say(p, c->seq + seq - 1, c, seq == 2, seq > 2 ? words : "same");
    pen_seal(p);
}

/* What gives way to a run may itself rest on what is beside: then less of it is left than the run would have left. */
static void what_gives_way_and_rests_on_what_is_beside(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct pen held, p;
    const struct ward_dep settled = named(f, C, 9, 4, ""), beside = named(f, C, 1, 5, "beside");
    OK(&f->w, send_history(f, C, OFFICE, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, B, 1, 1, 5, "beside", &in));
    write_with_sight_of(&held, f, &beside, 3, "beside");
    OK(&f->w, pen_send(&held, B, &in));
    write_with_sight_of(&p, f, &beside, 4, "");
    const struct ward_dep also = {p.feed, 4, p.head};
    pen_free(&p);
    settle_at(f, &settled);
    settle_at(f, &also);
    each_word(f, OFFICE, B, just_take);
    write_with_sight_of(&p, f, &beside, 6, "");
    OK(&f->w, pen_send(&p, B, &in));
    assert_int_equal(in.applied, 6);
    assert_memory_equal(feed_of(f, B, A, &f->space)->head_hash.b, p.head.b, sizeof p.head.b);
    pen_free(&held);
    pen_free(&p);
    assert_sound(&f->w);
}

/* A branch is passed over, and with it one that leaves it beyond what is settled: both stay, for both lie beside. */
static void a_branch_of_what_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct pen p;
    const struct ward_dep settled = named(f, C, 9, 4, "");
    OK(&f->w, send_history(f, C, B, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, OFFICE, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, B, 1, 1, 6, "below", &in));
    pen_new(&p, &f->w, C, &f->space);
    for (uint64_t seq = 1; seq <= 7; seq++)
        pen_say(&p, seq, NULL, 0, seq == 1 ? "same" : seq < 6 ? "below" : "further");
    pen_seal(&p);
    OK(&f->w, pen_send(&p, B, &in));
    pen_free(&p);
    settle_at(f, &settled);
    each_word(f, OFFICE, B, just_take);
    OK(&f->w, ward_own_rewrite(f->w.d[B].r, &f->w.err));
    size_t rows = 0;
    for (const struct ward_feed *row = feed_of(f, B, C, &f->space); row; row = ward_directory_next(&f->w.d[B].r->dir, row))
        rows += row->head_seq > row->base;
    assert_int_equal(rows, 3);
    finish(f);
}

/* A wrote with sight of C's history, of which another is settled: both give way at once. What is told again names the settled one, for what
 * A had seen is gone; and it is taken. */
static void two_that_give_way_at_once(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_apply a;
    struct ward_store_waiting waits = {.number = 0};
    struct ward_scratch s;
    size_t used;
    bool got;
    const struct ward_dep settled = named(f, C, 9, 4, "");
    OK(&f->w, send_history(f, C, OFFICE, 9, 1, 4, "", &in));
    OK(&f->w, send_history(f, C, A, 1, 1, 4, "beside", &in));
    put(f, A, &f->space, "by A");
    settle_at(f, &settled);
    each_word(f, OFFICE, A, just_take);
    OK(&f->w, ward_apply_begin(&a, f->w.d[A].r, &f->w.err));
    OK(&f->w, ward_own_give_way(&a, feed_of(f, A, C, &f->space)->fid, 0, &f->w.err));
    assert_int_equal(feed_of(f, A, C, &f->space)->head_seq, 0);
    OK(&f->w, ward_own_withdraw(&a, feed_of(f, A, A, &f->space)->fid, 0, &f->w.err));
    OK(&f->w, ward_apply_end(&a, WARD_OK, &f->w.err));
    OK(&f->w, ward_store_next_waiting(f->w.d[A].r->store, 0, &waits, &got, &f->w.err));
    assert_true(got);
    ward_scratch_init(&s, &f->w.d[A].outside.env);
    OK(&f->w, ward_change_parse(&s, waits.body, waits.len, &used, &f->w.err));
    size_t at = 0;
    while (at < s.dep_count && ward_hash_compare(&s.deps[at].feed, &settled.feed) != 0)
        at++;
    assert_true(at < s.dep_count && s.deps[at].seq == settled.seq);
    assert_memory_equal(s.deps[at].hash.b, settled.hash.b, sizeof settled.hash.b);
    ward_scratch_free(&s);
    OK(&f->w, send_history(f, C, A, 9, 1, 4, "", &in));
    OK(&f->w, ward_own_rewrite(f->w.d[A].r, &f->w.err));
    give(&f->w, A, OFFICE);
    assert_true(shows(f, OFFICE, '+', "by A"));
    const struct ward_feed *told = feed_of(f, OFFICE, A, &f->space);
    OK(&f->w, ward_store_load_vv(f->w.d[OFFICE].r->store, ward_directory_feed(&f->w.d[OFFICE].r->dir, told->fid), &f->w.err));
    assert_int_equal(ward_vv_get(&told->vv, feed_of(f, OFFICE, C, &f->space)->fid), 4);
    assert_sound(&f->w);
}

/* What waits is not written where a copy's history is settled of which nothing is here yet, not even a row: that has to come first, for
 * nobody would take a first change beside it. */
static void what_waits_where_a_copys_is_settled(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[B].r;
    struct ward_ingested in;
    struct ward_apply a;
    struct ward_store_waiting waits = {.number = 0};
    size_t waiting;
    bool got;
    put_in(f, OFFICE, &f->space, TITLE, "the office's");
    give(&f->w, OFFICE, B);            /* so the space is there */
    put(f, A, &f->space, "told anew"); /* in the form that waits, from A's home to B's */
    OK(&f->w, ward_apply_begin(&a, f->w.d[A].r, &f->w.err));
    OK(&f->w, ward_own_withdraw(&a, feed_of(f, A, A, &f->space)->fid, 0, &f->w.err));
    OK(&f->w, ward_apply_end(&a, WARD_OK, &f->w.err));
    OK(&f->w, ward_store_next_waiting(f->w.d[A].r->store, 0, &waits, &got, &f->w.err));
    assert_true(got);
    OK(&f->w, ward_store_begin(r->store, &f->w.err));
    OK(&f->w, ward_store_add_waiting(r->store, &f->space, waits.body, waits.len, &f->w.err));
    OK(&f->w, ward_store_commit(r->store, &f->w.err));
    const struct ward_dep third = named(f, B, 9, 3, "");
    OK(&f->w, send_history(f, B, OFFICE, 9, 1, 4, "", &in));
    settle_at(f, &third);
    each_word(f, OFFICE, B, just_take);
    OK(&f->w, ward_own_rewrite(r, &f->w.err));
    assert_null(feed_of(f, B, B, &f->space));
    OK(&f->w, ward_store_count_waiting(r->store, &waiting, &f->w.err));
    assert_int_equal(waiting, 1);
    OK(&f->w, send_history(f, B, B, 9, 1, 4, "", &in));
    OK(&f->w, ward_own_rewrite(r, &f->w.err));
    assert_int_equal(feed_of(f, B, B, &f->space)->head_seq, 5);
    give(&f->w, B, OFFICE);
    assert_true(shows(f, OFFICE, '+', "told anew"));
    assert_sound(&f->w);
}

/* A state of the space from the office, who has shown in heads what *t says; *t is empty then. */
static void take_state(struct fixture *f, struct ward_taking *t)
{
    ward_replica *r = f->w.d[A].r;
    struct ward_giving *g;
    struct ward_apply a;
    struct ward_buf frame;
    bool adopted = false;
    OK(&f->w, ward_giving_begin(&g, f->w.d[OFFICE].r, feed_of(f, OFFICE, A, &f->space)->sid, &f->w.err));
    ward_buf_init(&frame, &r->env);
    OK(&f->w, ward_apply_begin(&a, r, &f->w.err));
    while (ward_giving_next(g, f->w.d[OFFICE].r, &frame)) {
        struct ward_message m;
        OK(&f->w, ward_frame_parse(&m, frame.p, frame.len, &f->w.err));
        OK(&f->w, ward_base_take(t, &a, &m, &adopted, &f->w.err));
    }
    OK(&f->w, ward_apply_end(&a, WARD_OK, &f->w.err));
    assert_true(adopted);
    ward_giving_end(&g, f->w.d[OFFICE].r);
    ward_buf_free(&frame);
    ward_vv_free(&t->alike, &r->env);
    ward_vv_free(&t->differs, &r->env);
    ward_vv_free(&t->onward, &r->env);
    *t = (struct ward_taking){.on = false};
}

/* The office had vouched for all that A wrote, was put back to an older day, and has settled another history since. Its state does not tell
 * where the two part; what it has shown in heads does, and A tells again what lies beyond. */
static void a_state_by_who_has_lost_what_he_sealed(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[A].r;
    struct ward_ingested in;
    struct ward_taking shown = {.on = false};
    struct pen settled;
    size_t waiting;
    put(f, A, &f->space, "one");
    give(&f->w, A, OFFICE);
    put(f, A, &f->space, "two");
    put(f, A, &f->space, "by A alone");
    give(&f->w, A, C); /* published */
    take_up(&settled, f, A, 1);
    go_on(&settled, 4, "settled");
    OK(&f->w, pen_send(&settled, OFFICE, &in));
    const struct ward_dep head = {settled.feed, 4, settled.head};
    pen_free(&settled);
    settle_at(f, &head);
    each_word(f, OFFICE, A, just_take);
    const uint32_t fid = feed_of(f, A, A, &f->space)->fid;
    const struct ward_store_receipted sealed = {.grant = f->w.d[OFFICE].grant, .fid = fid, .seq = 3, .held = WARD_HELD_ALL};
    OK(&f->w, ward_store_begin(r->store, &f->w.err));
    OK(&f->w, ward_store_put_receipted(r->store, &sealed, &f->w.err));
    OK(&f->w, ward_store_commit(r->store, &f->w.err));
    assert_int_equal(ward_vv_raise(&shown.alike, &r->env, fid, 1) || ward_vv_raise(&shown.differs, &r->env, fid, 2), 0);
    take_state(f, &shown);
    OK(&f->w, ward_store_count_waiting(r->store, &waiting, &f->w.err));
    assert_int_equal(waiting, 1); /* of several values of one slot the last */
    OK(&f->w, ward_own_rewrite(r, &f->w.err));
    give(&f->w, A, OFFICE);
    assert_true(shows(f, OFFICE, '+', "by A alone"));
    assert_sound(&f->w);
}

/* Of A's feed more is settled than A holds, and without effect, of which a state says nothing. Where the office just goes on from what A
 * holds, that stays; where it went on from less, or has shown nothing, it is another history as far as A can tell. */
static void a_state_by_who_goes_on(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[A].r;
    struct ward_ingested in;
    struct ward_taking shown = {.on = false};
    struct pen more;
    size_t waiting;
    put(f, A, &f->space, "one");
    put(f, A, &f->space, "two");
    give(&f->w, A, OFFICE);
    take_up(&more, f, A, 2);
    go_on(&more, 3, "more");
    OK(&f->w, pen_send(&more, OFFICE, &in));
    const struct ward_dep head = {more.feed, 3, more.head};
    settle_upto(f, &head, 0);
    each_word(f, OFFICE, A, just_take);
    const uint32_t fid = feed_of(f, A, A, &f->space)->fid;
    assert_int_equal(ward_vv_raise(&shown.onward, &r->env, fid, 2), 0);
    take_state(f, &shown);
    assert_int_equal(feed_of(f, A, A, &f->space)->head_seq, 2);
    OK(&f->w, ward_store_count_waiting(r->store, &waiting, &f->w.err));
    assert_int_equal(waiting, 0);
    assert_int_equal(ward_vv_raise(&shown.onward, &r->env, fid, 1), 0);
    take_state(f, &shown);
    assert_int_equal(feed_of(f, A, A, &f->space)->head_seq, 0);
    OK(&f->w, ward_store_count_waiting(r->store, &waiting, &f->w.err));
    assert_int_equal(waiting, 1);
    pen_free(&more);
    assert_sound(&f->w);
}

/* A holds less than is settled of its feed, so that no head tells where the two part; and a hub that was put back since had vouched for A's
 * second change. The state itself tells: what it says that the first changes wrote, or the second did, is not what A wrote there. */
static void a_state_that_shows_where_they_part(struct fixture *f, uint64_t alike)
{
    ward_replica *r = f->w.d[A].r;
    const uint8_t words[] = "\x67settled";
    const struct ward_op op = {.kind = KIND_ITEM, .entity = unit_id('%'), .field = TITLE, .raw = words, .raw_len = sizeof words - 1};
    struct ward_ingested in;
    struct ward_taking shown = {.on = false};
    struct pen settled;
    size_t waiting;
    put_in(f, A, &f->space, TITLE, "first");
    if (alike)
        give(&f->w, A, OFFICE);
    put_in(f, A, &f->space, OWNER, "second");
    put_in(f, A, &f->space, NOTE, "third");
    give(&f->w, A, C); /* published */
    take_up(&settled, f, A, alike);
    pen_write(&settled, alike + 1, NULL, 0, &op, 1);
    go_on(&settled, 5, "settled");
    OK(&f->w, pen_send(&settled, OFFICE, &in));
    const struct ward_dep head = {settled.feed, 5, settled.head};
    pen_free(&settled);
    settle_at(f, &head);
    each_word(f, OFFICE, A, just_take);
    const struct ward_store_receipted sealed = {
        .grant = f->w.d[OFFICE].grant, .fid = feed_of(f, A, A, &f->space)->fid, .seq = 2, .held = WARD_HELD_ALL};
    OK(&f->w, ward_store_begin(r->store, &f->w.err));
    OK(&f->w, ward_store_put_receipted(r->store, &sealed, &f->w.err));
    OK(&f->w, ward_store_commit(r->store, &f->w.err));
    take_state(f, &shown);
    OK(&f->w, ward_store_count_waiting(r->store, &waiting, &f->w.err));
    assert_int_equal(waiting, 3 - alike);
    OK(&f->w, ward_own_rewrite(r, &f->w.err));
    give(&f->w, A, OFFICE);
    assert_int_equal(feed_of(f, OFFICE, A, &f->space)->head_seq, 5 + 3 - alike);
    assert_true(shows(f, OFFICE, '+', "third"));
    assert_sound(&f->w);
}

static void a_state_that_shows_another_first_change(void **state)
{
    a_state_that_shows_where_they_part(*state, 0);
}

static void a_state_that_shows_another_second_change(void **state)
{
    a_state_that_shows_where_they_part(*state, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_others_kept_of_ones_own),
        TEST(begun_where_a_copys_is_settled),
        TEST(a_settled_history_beside_ones_own),
        TEST(a_settled_history_beside_ones_own_and_no_store),
        TEST(a_settled_history_beside_two_of_ones_own),
        TEST(a_settled_history_beside_two_of_ones_own_and_no_store),
        TEST(a_settled_history_beside_anothers),
        TEST(a_dep_on_what_is_settled_where_another_is_held),
        TEST(less_than_is_settled_beside_anothers),
        TEST(what_gives_way_and_rests_on_what_is_beside),
        TEST(a_branch_of_what_is_passed_over),
        TEST(two_that_give_way_at_once),
        TEST(what_waits_where_a_copys_is_settled),
        TEST(a_state_by_who_has_lost_what_he_sealed),
        TEST(a_state_by_who_goes_on),
        TEST(a_state_that_shows_another_first_change),
        TEST(a_state_that_shows_another_second_change),
    };
    return cmocka_run_group_tests_name("parted_own", tests, NULL, NULL);
}
