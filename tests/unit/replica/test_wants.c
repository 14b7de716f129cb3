/* What is asked for in a session besides runs, and when it has been answered: proto/session.md, Snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "items.h"
#include "line.h"
#include "replica/base.h"
#include "replicas.h"
#include "rules/frame.h"

enum { OFFICE, TABLET, LATER };

static const struct ward_space *space_of(struct world *w, size_t who)
{
    struct ward_hash space = its_space(w, who);
    return ward_directory_space_by_id(&w->d[who].r->dir, &space);
}

static bool has_base(struct world *w, size_t who)
{
    return ward_space_has_base(w->d[who].r, space_of(w, who));
}

/* LATER stands with a state. */
static void set_up(struct world *w)
{
    char text[40];
    struct line l;
    world_found(w, 20261126);
    admit(w, 'a', WARD_ROLE_CELL, 20261126);
    for (size_t i = 0; i < 400; i++)
        put(w, OFFICE, (char)('A' + i % 10), TITLE, (snprintf(text, sizeof text, "việc số %zu", i), text));
    whole_round(w, OFFICE, TABLET);
    put(w, OFFICE, 'A', TITLE, "sau cùng");
    admit_silent(w, 'a', WARD_ROLE_CELL, 20261126);
    line_open(&l, w, OFFICE, LATER);
    l.b.talk.hooks.states = true;
    pump(&l, SIZE_MAX);
    assert_live(&l);
    line_close(&l);
    assert_true(has_base(w, LATER));
}

/* What TABLET writes rests on what lies below it; */
static void write_one_that_rests_below(struct world *w)
{
    put(w, TABLET, 'B', TITLE, "viết khi chưa thấy");
    whole_round(w, OFFICE, TABLET);
}

/* what OFFICE writes then rests on that; and so on, in runs of their own. */
static void write_what_rests_below(struct world *w)
{
    write_one_that_rests_below(w);
    put(w, OFFICE, 'B', TITLE, "viết sau đó");
    whole_round(w, OFFICE, TABLET);
    put(w, TABLET, 'C', TITLE, "và sau đó");
    whole_round(w, OFFICE, TABLET);
}

/* As ward_sync leaves: replica/sync.c. */
static bool settled(const struct side *s)
{
    return s->talk.s.state == WARD_S_LIVE && !s->talk.awaiting && !s->talk.retell && s->talk.s.sent == s->talk.s.acked;
}

/* All that OFFICE has to say arrives before it hears of what is wanted for it; LATER leaves as soon as it may. */
static void round_of_later(struct line *l)
{
    for (size_t steps = 0; !settled(&l->b); steps++) {
        assert_true(steps < 1000);
        if (l->b.head < l->b.tail)
            deliver(l, &l->b, 0, 0);
        else if (l->a.head < l->a.tail)
            deliver(l, &l->a, 0, 0);
        else
            settle(l);
    }
}

/* A done that was on its way when the history was asked for is not the answer: it comes in the same round, and nobody is told of what was
 * refused until then. */
static void the_done_that_was_on_its_way(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_one_that_rests_below(&w);
    line_open(&l, &w, OFFICE, LATER);
    round_of_later(&l);
    assert_false(has_base(&w, LATER));
    assert_int_equal(l.b.talk.wants, 1);
    assert_int_equal(l.b.talk.histories, 1);
    assert_int_equal(l.b.talk.refused_here, 0);
    assert_int_equal(l.a.talk.refused_there, 0);
    line_close(&l);
    whole_round(&w, LATER, TABLET);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* The states of spaces that are new here were wanted in this session; so is a history then, once that is answered. */
static void one_want_after_another(void **state)
{
    struct world w;
    struct line l;
    struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    struct ward_id item = unit_id('A');
    struct ward_value v = ward_value_text("việc chung");
    struct ward_hash space;
    ward_txn *t;
    (void)state;
    set_up(&w);
    write_what_rests_below(&w);
    OK(&w, ward_space_of_circle(w.d[OFFICE].r, &space, circle, 2, &w.err));
    OK(&w, ward_begin(w.d[OFFICE].r, &t, &w.err));
    OK(&w, ward_put(t, &space, KIND_ITEM, &item, TITLE, NULL, 0, &v, &w.err));
    OK(&w, ward_commit(t, NULL, &w.err));
    line_open(&l, &w, OFFICE, LATER);
    l.b.talk.hooks.states = true;
    round_of_later(&l);
    assert_int_equal(l.b.talk.wants, 2);
    assert_int_equal(l.a.talk.s.wants, 2);
    assert_false(has_base(&w, LATER));
    assert_int_equal(l.b.talk.refused_here, 0);
    line_close(&l);
    meet_all(&w);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* Who has let go of the history cannot give it: then both are told of what was refused. */
static void a_history_that_is_not_to_be_had(void **state)
{
    struct world w;
    struct line l;
    struct ward_apply a;
    struct ward_base_head heads[4];
    size_t n = 0;
    (void)state;
    set_up(&w);
    for (size_t i = 0; i < space_of(&w, OFFICE)->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&w.d[OFFICE].r->dir, space_of(&w, OFFICE)->feeds[i]);
        heads[n++] = (struct ward_base_head){f->fid, f->head_seq};
    }
    write_what_rests_below(&w);
    OK(&w, ward_apply_begin(&a, w.d[OFFICE].r, &w.err));
    OK(&w, ward_base_settle(&a, space_of(&w, OFFICE)->sid, heads, n, &w.err));
    OK(&w, ward_apply_end(&a, WARD_OK, &w.err));
    assert_true(has_base(&w, OFFICE));
    line_open(&l, &w, OFFICE, LATER);
    round_of_later(&l);
    pump(&l, SIZE_MAX);
    assert_true(has_base(&w, LATER));
    assert_int_equal(l.b.talk.refused_here, 3);
    assert_int_equal(l.a.talk.refused_there, 3);
    line_close(&l);
    whole_round(&w, TABLET, LATER); /* elsewhere it is, in runs that end elsewhere */
    assert_false(has_base(&w, LATER));
    meet_all(&w);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* One seal may be over the last of a history and what rests on something that waits for that history: the history is kept, and what was
 * refused comes with the next round. */
static void a_seal_over_the_end_of_a_base(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_what_rests_below(&w);
    line_open(&l, &w, TABLET, LATER);
    pump(&l, SIZE_MAX);
    assert_int_equal(l.b.talk.histories, 1);
    assert_int_equal(l.b.talk.refused_here, 0);
    assert_int_equal(l.a.talk.refused_there, 0);
    assert_false(has_base(&w, LATER));
    line_close(&l);
    assert_sound(&w);
    line_open(&l, &w, TABLET, LATER);
    pump(&l, SIZE_MAX);
    assert_int_equal(l.b.talk.received, 3);
    line_close(&l);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

static void hand(struct line *l, struct side *s, struct ward_buf *frame)
{
    OK(l->w, ward_talk_frame(&s->talk, frame->p, frame->len, &l->w->err));
    ward_buf_clear(frame);
}

static void say_want(struct line *l, struct side *s, struct ward_buf *frame)
{
    struct ward_hash space = its_space(l->w, OFFICE);
    ward_frame_want(frame, false, 1);
    ward_put_bytes(frame, space.b, 8);
    hand(l, s, frame);
}

/* A space is sent again once in a session, however often it is named. */
static void named_again(void **state)
{
    struct world w;
    struct line l;
    struct ward_buf frame;
    (void)state;
    set_up(&w);
    line_open(&l, &w, OFFICE, LATER);
    pump(&l, SIZE_MAX);
    ward_buf_init(&frame, &w.d[LATER].r->env);
    uint64_t sent = l.a.talk.s.sent;
    l.b.talk.wants = 2; /* those that are said here */
    say_want(&l, &l.a, &frame);
    assert_true(l.a.talk.s.sent > sent);
    pump(&l, SIZE_MAX);
    sent = l.a.talk.s.sent;
    say_want(&l, &l.a, &frame);
    pump(&l, SIZE_MAX);
    assert_int_equal(l.a.talk.s.sent, sent);
    assert_int_equal(l.a.talk.s.wants, 2);
    assert_live(&l);
    ward_frame_done(&frame, 3); /* more than were sent */
    hand(&l, &l.b, &frame);
    assert_int_equal(l.b.talk.s.error, WARD_ERR_PROTOCOL);
    ward_buf_free(&frame);
    line_close(&l);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_done_that_was_on_its_way),
        cmocka_unit_test(one_want_after_another),
        cmocka_unit_test(a_history_that_is_not_to_be_had),
        cmocka_unit_test(a_seal_over_the_end_of_a_base),
        cmocka_unit_test(named_again),
    };
    return cmocka_run_group_tests_name("wants", tests, NULL, NULL);
}
