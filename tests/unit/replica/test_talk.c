/* Sessions between two real replicas over a transport made of memory: complete, cut at every frame, altered at every frame, with many
 * spaces, live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "line.h"
#include "replica/talk.h"
#include "replicas.h"
#include "shell/pack.h"
#include "shell/store.h"

static void write_note(struct world *w, size_t i, const char *units, size_t count, int64_t number)
{
    struct ward_id circle[8], id;
    struct ward_hash space;
    struct ward_value level = ward_value_int(number), title = ward_value_text("việc của tổ dân phố");
    ward_txn *t;
    for (size_t j = 0; j < count; j++)
        circle[j] = unit_id(units[j]);
    OK(w, ward_space_of_circle(w->d[i].r, &space, circle, count, &w->err));
    OK(w, ward_new_id(w->d[i].r, &id, &w->err));
    OK(w, ward_begin(w->d[i].r, &t, &w->err));
    OK(w, ward_put(t, &space, KIND_ITEM, &id, LEVEL, NULL, 0, &level, &w->err));
    OK(w, ward_put(t, &space, KIND_ITEM, &id, TITLE, NULL, 0, &title, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
}

static uint64_t changes_of(struct world *w, size_t i)
{
    struct ward_status s;
    OK(w, ward_status(w->d[i].r, &s, &w->err));
    return s.changes;
}

static void set_up(struct world *w)
{
    world_found(w, 20260524);
    admit(w, 'a', WARD_ROLE_CELL, 20260524);
    admit(w, 'b', WARD_ROLE_CELL, 20260524);
}

static void both_ways(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    for (int i = 0; i < 5; i++) {
        write_note(&w, 0, "a", 1, i);
        write_note(&w, 1, "ab", 2, i);
    }
    line_open(&l, &w, 0, 1);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.b.talk.sent, 5);
    assert_int_equal(l.a.talk.received, 5);
    line_close(&l);
    line_open(&l, &w, 0, 1); /* again: two hellos and no more */
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.delivered, 2);
    line_close(&l);
    whole_round(&w, 0, 2);
    assert_converged(&w);
    world_close(&w);
}

/* Whatever arrived and was committed before the link broke is not sent again, and the rest is. */
static void cut_at_every_frame(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    bool complete = false;
    for (size_t frames = 0; !complete; frames++) {
        struct line l;
        assert_true(frames < 100);
        write_note(&w, 0, "a", 1, (int64_t)frames);
        write_note(&w, 1, "ab", 2, (int64_t)frames);
        write_note(&w, 0, "ab", 2, (int64_t)frames);
        line_open(&l, &w, 0, 1);
        pump(&l, frames);
        complete = idle(&l);
        line_close(&l);
        uint64_t here = changes_of(&w, 0), there = changes_of(&w, 1);
        line_open(&l, &w, 0, 1);
        pump(&l, SIZE_MAX);
        assert_live(&l);
        assert_int_equal(l.a.talk.received, changes_of(&w, 0) - here);
        assert_int_equal(l.b.talk.received, changes_of(&w, 1) - there);
        assert_int_equal(l.a.talk.sent, l.b.talk.received); /* not one change that was there already */
        assert_int_equal(l.b.talk.sent, l.a.talk.received);
        line_close(&l);
    }
    whole_round(&w, 0, 2);
    assert_converged(&w);
    world_close(&w);
}

/* A bit turned anywhere ends the session or refuses the run; it stores nothing wrong, and the next session finishes the work. */
static void altered_at_every_frame(void **state)
{
    struct world w;
    struct dice dice = {7};
    (void)state;
    set_up(&w);
    for (size_t round = 0; round < 120; round++) {
        struct line l;
        write_note(&w, 0, "a", 1, (int64_t)round);
        write_note(&w, 1, "ab", 2, (int64_t)round);
        line_open(&l, &w, 0, 1);
        pump(&l, round % 14);
        struct side *s = round % 2 ? &l.a : &l.b;
        if (s->head < s->tail)
            deliver(&l, s, dice_below(&dice, 4096), (uint8_t)(1u << dice_below(&dice, 8)));
        pump(&l, l.delivered + 20);
        line_close(&l);
        whole_round(&w, 0, 1);
    }
    whole_round(&w, 0, 2);
    assert_converged(&w);
    for (size_t i = 0; i < w.count; i++) {
        struct ward_verify_result v;
        OK(&w, ward_verify(w.d[i].r, true, NULL, NULL, NULL, &v, &w.err));
        assert_int_equal(v.bad, 0);
    }
    world_close(&w);
}

/* With many spaces in common only those near the change are listed. */
/* S1: a run that the peer refused was not delivered: it is not counted as sent, and stays unsent in the status. */
static void what_was_refused_is_not_delivered(void **state)
{
    struct world w;
    struct line l;
    struct ward_status before, after;
    (void)state;
    set_up(&w);
    whole_round(&w, 1, 0);
    write_note(&w, 1, "a", 1, 7);
    OK(&w, ward_status(w.d[1].r, &before, &w.err));
    assert_int_equal(before.unsent, 1);
    line_open(&l, &w, 1, 0);
    while (!idle(&l)) {
        for (struct side *s = &l.a; s; s = s == &l.a ? &l.b : NULL)
            while (s->head < s->tail) { /* a run ends with its seal */
                bool run = s == &l.b && s->queue[s->head][2] == WARD_MSG_RUN;
                deliver(&l, s, s->lengths[s->head] - 1, run ? 1 : 0);
            }
        settle(&l);
    }
    assert_live(&l);
    assert_int_equal(l.b.talk.refused_here, 1);
    assert_int_equal(l.a.talk.refused_there, 1);
    assert_int_equal(l.a.talk.sent, 0);
    OK(&w, ward_talk_remember(&l.a.talk, NULL, &w.err));
    line_close(&l);
    OK(&w, ward_status(w.d[1].r, &after, &w.err));
    assert_int_equal(after.unsent, 1);
    whole_round(&w, 1, 0);
    assert_converged(&w);
    world_close(&w);
}

static void many_spaces(void **state)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    size_t inspector = admit(&w, 'i', WARD_ROLE_INSPECTOR, 20260524);
    for (size_t i = 0; i < 26; i++)
        write_note(&w, 0, letters + i, 1, (int64_t)i);
    whole_round(&w, 0, inspector);
    for (size_t i = 0; i < 26; i++) {
        write_note(&w, 0, letters + i, 1, 100);
        line_open(&l, &w, 0, inspector);
        pump(&l, SIZE_MAX);
        assert_live(&l);
        assert_int_equal(l.b.talk.received, 1);
        assert_in_range(l.a.spaces_listed, 1, 13);
        assert_int_equal(l.a.spaces_listed, l.b.spaces_listed);
        line_close(&l);
    }
    write_note(&w, 0, "xyz", 3, 1); /* a space that the other has never heard of */
    whole_round(&w, 0, inspector);
    assert_int_equal(changes_of(&w, 0), changes_of(&w, inspector));
    world_close(&w);
}

static void live_news(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    line_open(&l, &w, 0, 1);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    uint64_t first = l.b.talk.received;
    for (int i = 0; i < 10; i++) { /* more than a window, in spaces that were not there when the session compared */
        write_note(&w, 0, "ab", 2, i);
        write_note(&w, 0, "a", 1, i);
    }
    OK(&w, ward_talk_news(&l.a.talk, &w.err));
    pump(&l, SIZE_MAX);
    assert_int_equal(l.b.talk.received - first, 20);
    assert_int_equal(l.a.talk.sent - first, 20);
    assert_int_equal(l.b.talk.refused_here, 0);
    write_note(&w, 1, "a", 1, 1);
    OK(&w, ward_talk_news(&l.b.talk, &w.err));
    pump(&l, SIZE_MAX);
    assert_int_equal(l.a.talk.received, 1);
    assert_live(&l);
    line_close(&l);
    whole_round(&w, 0, 2);
    assert_converged(&w);
    world_close(&w);
}

/* Rights are looked at for each message, not at the door alone. */
static void cut_while_connected(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    line_open(&l, &w, 0, 1);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    OK(&w, ward_revoke(w.d[0].r, &w.d[1].grant, "máy bị mất", &w.err));
    uint64_t before = changes_of(&w, 0);
    write_note(&w, 1, "a", 1, 1);
    OK(&w, ward_talk_news(&l.b.talk, &w.err));
    pump(&l, SIZE_MAX);
    assert_int_equal(l.a.talk.s.state, WARD_S_CLOSED);
    assert_int_equal(l.a.talk.s.error, WARD_ERR_CUT);
    assert_int_equal(l.b.talk.s.state, WARD_S_CLOSED);
    assert_int_equal(l.b.talk.s.error, WARD_ERR_CUT);
    assert_int_equal(changes_of(&w, 0), before);
    line_close(&l);
    world_close(&w);
}

/* Who is cut gets nothing more, though it has not said a word since. */
static void cut_while_there_is_news_for_it(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    line_open(&l, &w, 0, 1);
    pump(&l, SIZE_MAX);
    OK(&w, ward_revoke(w.d[0].r, &w.d[1].grant, "máy bị mất", &w.err));
    write_note(&w, 0, "a", 1, 1);
    uint64_t before = changes_of(&w, 1);
    OK(&w, ward_talk_news(&l.a.talk, &w.err));
    assert_int_equal(l.a.talk.s.error, WARD_ERR_CUT);
    pump(&l, SIZE_MAX);
    assert_int_equal(l.b.talk.s.error, WARD_ERR_CUT);
    line_close(&l);
    assert_int_equal(changes_of(&w, 1), before);
    world_close(&w);
}

/* How much one side sends before it hears of it, where each frame takes so long: most runs in flight, before the first acknowledgement and
 * after it, and the longest run's bodies. */
static void send_backlog(struct world *w, size_t a, size_t b, int64_t frame_ms, uint64_t *unknown, uint64_t *in_flight, size_t *longest)
{
    struct line l;
    struct ward_buf raw;
    ward_buf_init(&raw, &w->d[b].outside.env);
    line_open(&l, w, a, b);
    *unknown = *in_flight = *longest = 0;
    for (; !idle(&l); idle(&l) ? settle(&l) : (void)0) {
        struct side *s = l.b.head < l.b.tail ? &l.b : &l.a;
        struct ward_message m;
        OK(w, ward_frame_parse(&m, s->queue[s->head], s->lengths[s->head], &w->err));
        size_t len = m.type == WARD_MSG_RUN ? m.run.len : m.type == WARD_MSG_PIECE ? m.piece.len : 0;
        *longest = len > *longest ? len : *longest;
        w->d[a].outside.now_ms += frame_ms;
        deliver(&l, s, 0, 0);
        uint64_t flying = l.a.talk.s.sent - l.a.talk.s.acked;
        uint64_t *most = l.a.talk.s.acked ? in_flight : unknown;
        *most = flying > *most ? flying : *most;
    }
    assert_live(&l);
    line_close(&l);
    ward_buf_free(&raw);
}

/* A link that is slow and lives briefly: little is under way when it breaks (more of that in test_pieces.c). What one has received in
 * longer runs another can still be given, so runs are never very long. */
static void slow_links_carry_little_at_a_time(void **state)
{
    struct world w;
    uint64_t unknown, in_flight;
    size_t longest;
    (void)state;
    set_up(&w);
    for (int i = 0; i < 1500; i++)
        write_note(&w, 0, "a", 1, i);
    send_backlog(&w, 0, 1, 600, &unknown, &in_flight, &longest);
    assert_in_range(unknown, 1, WARD_WINDOW_SLOW);
    assert_in_range(in_flight, 1, WARD_WINDOW_SLOW);
    assert_int_equal(longest, WARD_PIECE);
    assert_converged(&w);
    for (int i = 0; i < 6000; i++)
        write_note(&w, 0, "a", 1, i);
    send_backlog(&w, 0, 1, 0, &unknown, &in_flight, &longest);
    assert_int_equal(unknown, WARD_WINDOW_SLOW);
    assert_in_range(in_flight, WARD_WINDOW_SLOW + 1, WARD_WINDOW_MAX);
    assert_in_range(longest, WARD_RUN_USUAL / 2, WARD_RUN_USUAL);
    assert_converged(&w);
    world_close(&w);
}

/* What came one by one, of many spaces in turn, goes in few runs to who has nothing of it; where two write in one space, in its order. */
static void news_of_many_spaces_goes_in_few_runs(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    size_t inspector = admit(&w, 'i', WARD_ROLE_INSPECTOR, 20260524);
    whole_round(&w, 0, inspector);
    for (int i = 0; i < 20; i++) {
        write_note(&w, 0, "a", 1, i);
        write_note(&w, 0, "b", 1, i);
    }
    line_open(&l, &w, 0, inspector);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.b.talk.received, 40);
    assert_int_equal(l.a.talk.s.sent, 2);
    line_close(&l);
    whole_round(&w, 0, 1);
    for (int i = 0; i < 6; i++) {
        write_note(&w, 0, "ab", 2, i);
        whole_round(&w, 0, 1);
        write_note(&w, 1, "ab", 2, i);
        whole_round(&w, 1, 0);
        write_note(&w, 0, "a", 1, i);
    }
    line_open(&l, &w, 0, inspector);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.b.talk.refused_here, 0);
    assert_int_equal(l.b.talk.received, 18);
    assert_int_equal(l.a.talk.s.sent, 13);
    line_close(&l);
    line_open(&l, &w, 0, inspector); /* nothing is left: two hellos and no more */
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.delivered, 2);
    line_close(&l);
    world_close(&w);
}

/* A comparison shows what a round would do, and does nothing. */
static void planning_moves_nothing(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, 0, "a", 1, 1);
    write_note(&w, 1, "ab", 2, 1);
    uint64_t here = changes_of(&w, 0), there = changes_of(&w, 1);
    line_open(&l, &w, 0, 1);
    l.b.talk.plan = true;
    pump(&l, SIZE_MAX);
    assert_int_equal(l.b.talk.total_in, changes_of(&w, 0) - there + 1);
    assert_int_equal(l.b.talk.total_out, 1);
    assert_int_equal(l.a.talk.sent, 0); /* nothing was acknowledged */
    line_close(&l);
    assert_int_equal(changes_of(&w, 0), here);
    assert_int_equal(changes_of(&w, 1), there);
    world_close(&w);
}

/* ---- what a round costs: turns there and back, and bytes */

struct cost {
    size_t turns, to_ack; /* until both are level, and until what the caller sent first is acknowledged */
    uint64_t bytes;
};

static void deliver_all(struct line *l, struct side *s)
{
    for (size_t upto = s->tail; s->head < upto;)
        deliver(l, s, 0, 0);
    OK(l->w, ward_batch_commit(&s->batch, &l->w->err));
    OK(l->w, ward_talk_committed(&s->talk, &l->w->err));
}

/* One calls another, as on a link: who is called says nothing before it is spoken to. */
static struct cost call(struct world *w, size_t caller, size_t called)
{
    struct line l = {.w = w};
    struct cost cost = {0};
    l.a.other = &l.b;
    l.b.other = &l.a;
    open_side(&l, &l.a, caller, called);
    open_side(&l, &l.b, called, caller);
    l.a.talk.hooks.calls = l.a.talk.stream.own_unnamed = true;
    OK(w, ward_talk_link_up(&l.a.talk, &w->err));
    while (cost.turns < 20 && (l.a.talk.s.state != WARD_S_LIVE || l.a.talk.s.sent != l.a.talk.s.acked)) {
        deliver_all(&l, &l.b);
        deliver_all(&l, &l.a);
        cost.turns++;
        if (!cost.to_ack && l.a.talk.s.acked)
            cost.to_ack = cost.turns;
    }
    deliver_all(&l, &l.b);
    if (l.a.talk.s.error || l.b.talk.s.error)
        print_message("errors %d, %d\n", l.a.talk.s.error, l.b.talk.s.error);
    assert_live(&l);
    assert_int_equal(l.a.talk.refused_here + l.b.talk.refused_here, 0);
    cost.bytes = l.a.talk.bytes_out + l.b.talk.bytes_out;
    OK(w, ward_talk_remember(&l.a.talk, NULL, &w->err));
    OK(w, ward_talk_remember(&l.b.talk, NULL, &w->err));
    line_close(&l);
    return cost;
}

static void what_a_round_costs(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    write_note(&w, 0, "b", 1, 1);
    write_note(&w, 2, "b", 1, 1);
    struct cost first = call(&w, 1, 0);
    write_note(&w, 1, "a", 1, 1);
    struct cost met = call(&w, 1, 0), again = call(&w, 1, 0);
    assert_true(first.turns <= 3);
    assert_int_equal(met.to_ack, 2); /* hello; the run, acknowledged */
    assert_int_equal(again.turns, 1);
    assert_true(again.bytes <= 40);

    write_note(&w, 1, "a", 1, 2);
    struct cost up = call(&w, 1, 0);
    assert_int_equal(up.to_ack, 2);
    assert_int_equal(up.turns, 2);
    assert_true(up.bytes <= 280); /* the receipt with it */
    write_note(&w, 0, "a", 1, 3);
    struct cost down = call(&w, 1, 0);
    assert_true(down.turns <= 2);
    write_note(&w, 1, "a", 1, 4);
    write_note(&w, 0, "ab", 2, 5);
    struct cost both = call(&w, 1, 0);
    assert_int_equal(both.to_ack, 2);
    print_message("nothing %zu turn, %llu bytes; a change up %zu, %llu; down %zu, %llu; both ways %zu, %llu\n", again.turns,
                  (unsigned long long)again.bytes, up.turns, (unsigned long long)up.bytes, down.turns, (unsigned long long)down.bytes,
                  both.turns, (unsigned long long)both.bytes);
    for (size_t i = 1; i < 3; i++)
        call(&w, i, 0);
    assert_converged(&w);
    world_close(&w);
}

/* The memory of a peer is a hint: what was never there, or has gone since, is found out by comparing. */
static void what_is_remembered_of_a_peer_may_be_wrong(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    for (int round = 0; round < 4; round++) {
        call(&w, 1, 0);
        write_note(&w, 1, "a", 1, round);
        write_note(&w, 0, "a", 1, round);
        struct ward_store_peer p = {.grant = w.d[0].grant};
        const struct ward_directory *d = &w.d[1].r->dir;
        for (size_t i = 0; i < d->feed_count; i++) /* too much of every second feed, too little of the others */
            OK(&w, ward_vv_raise(&p.have, &w.d[1].r->env, d->feeds[i].fid, (i + (size_t)round) % 2 ? d->feeds[i].head_seq : 0));
        OK(&w, ward_store_begin(w.d[1].r->store, &w.err));
        OK(&w, ward_store_put_peer(w.d[1].r->store, &p, &w.err));
        OK(&w, ward_store_commit(w.d[1].r->store, &w.err));
        ward_vv_free(&p.have, &w.d[1].r->env);
        struct cost c = call(&w, 1, 0);
        assert_true(c.to_ack <= 3);
        call(&w, 2, 0);
        assert_converged(&w);
    }
    assert_sound(&w);
    world_close(&w);
}

/* Past so many changes the two compare: the other may have got them elsewhere. */
static void much_that_is_new_is_compared(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    call(&w, 1, 0);
    for (unsigned i = 0; i < WARD_NEAR_CHANGES; i++)
        write_note(&w, 1, "a", 1, (int64_t)i);
    assert_int_equal(call(&w, 1, 0).to_ack, 2);
    for (unsigned i = 0; i <= WARD_NEAR_CHANGES; i++)
        write_note(&w, 1, "a", 1, (int64_t)i);
    assert_int_equal(call(&w, 1, 0).to_ack, 3);
    call(&w, 2, 0);
    assert_converged(&w);
    world_close(&w);
}

/* What answers a hello must be something that this hello can be answered with. */
static void an_agreement_must_fit(void **state)
{
    enum { NO_BASE, BASE, ALL, UNGREETED, HELLOS };
    static const bool fits[HELLOS][4] = {{true, false, true, false}, {true, true, true, true}, {true, false, false, false}};
    struct world w;
    (void)state;
    set_up(&w);
    call(&w, 1, 0);
    for (int hello = 0; hello < HELLOS; hello++) {
        if (hello == BASE)
            write_note(&w, 1, "a", 1, 1);
        for (int how = 0; how <= WARD_AGREE_BASE; how++) {
            struct line l = {.w = &w};
            struct ward_buf frame;
            l.a.other = &l.b;
            l.b.other = &l.a;
            open_side(&l, &l.a, 1, 0);
            l.a.talk.plan = hello == ALL;
            if (hello != UNGREETED)
                OK(&w, ward_talk_link_up(&l.a.talk, &w.err));
            ward_buf_init(&frame, &w.d[1].r->env);
            ward_frame_agree(&frame, (enum ward_agreement)how, 0, NULL);
            OK(&w, ward_talk_frame(&l.a.talk, frame.p, frame.len, &w.err));
            assert_int_equal(l.a.talk.s.error, fits[hello][how] ? 0 : WARD_ERR_PROTOCOL);
            assert_int_equal(l.a.talk.s.state == WARD_S_LIVE, fits[hello][how] && how == WARD_AGREE_EQUAL);
            OK(&w, ward_talk_frame(&l.a.talk, frame.p, frame.len, &w.err)); /* once */
            assert_int_equal(l.a.talk.s.error, WARD_ERR_PROTOCOL);
            ward_buf_free(&frame);
            line_close(&l);
        }
    }
    struct line l = {.w = &w};
    struct ward_buf frame;
    l.a.other = &l.b;
    l.b.other = &l.a;
    open_side(&l, &l.a, 1, 0);
    OK(&w, ward_talk_link_up(&l.a.talk, &w.err));
    ward_buf_init(&frame, &w.d[1].r->env);
    ward_frame_agree(&frame, WARD_AGREE_EQUAL, -(WARD_WALL_MS_MAX / 1000), NULL); /* before 1970 */
    OK(&w, ward_talk_frame(&l.a.talk, frame.p, frame.len, &w.err));
    assert_int_equal(l.a.talk.s.error, WARD_ERR_RANGE);
    ward_buf_free(&frame);
    line_close(&l);
    world_close(&w);
}

/* Who speaks another protocol is told so in plain words, and nothing else. */
static void another_protocol(void **state)
{
    static const uint8_t old[] = {0x88, 1, 1, 1, 0x48, 0, 0, 0, 0}, later[] = {0x84, 1, 1, 5, 0xff};
    struct world w;
    (void)state;
    set_up(&w);
    for (int i = 0; i < 2; i++) {
        struct line l = {.w = &w};
        struct ward_message m;
        l.a.other = &l.b;
        l.b.other = &l.a;
        open_side(&l, &l.b, 0, 1);
        OK(&w, i ? ward_talk_frame(&l.b.talk, later, sizeof later, &w.err) : ward_talk_frame(&l.b.talk, old, sizeof old, &w.err));
        assert_int_equal(l.b.talk.s.state, WARD_S_CLOSED);
        assert_int_equal(l.b.talk.s.error, WARD_ERR_PROTOCOL_VERSION);
        assert_int_equal(l.a.tail, 1);
        OK(&w, ward_frame_parse(&m, l.a.queue[0], l.a.lengths[0], &w.err));
        assert_int_equal(m.type, WARD_MSG_ERROR);
        assert_int_equal(m.error, WARD_ERR_PROTOCOL_VERSION);
        free(l.a.queue[0]);
        ward_talk_free(&l.b.talk);
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(what_a_round_costs),
        cmocka_unit_test(what_is_remembered_of_a_peer_may_be_wrong),
        cmocka_unit_test(much_that_is_new_is_compared),
        cmocka_unit_test(an_agreement_must_fit),
        cmocka_unit_test(another_protocol),
        cmocka_unit_test(cut_at_every_frame),
        cmocka_unit_test(altered_at_every_frame),
        cmocka_unit_test(what_was_refused_is_not_delivered),
        cmocka_unit_test(many_spaces),
        cmocka_unit_test(live_news),
        cmocka_unit_test(cut_while_connected),
        cmocka_unit_test(cut_while_there_is_news_for_it),
        cmocka_unit_test(slow_links_carry_little_at_a_time),
        cmocka_unit_test(news_of_many_spaces_goes_in_few_runs),
        cmocka_unit_test(planning_moves_nothing),
    };
    return cmocka_run_group_tests_name("talk", tests, NULL, NULL);
}
