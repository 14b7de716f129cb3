/* The session's state table, pair by pair against proto/session.md, and the courses it allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "rules/session.h"

#include <string.h>

#define PROTOCOL_ERROR (WARD_SA_ERROR | WARD_SA_CLOSE)

/* A row per event, a column per state: greeting, comparing, exchanging, live. "x": 504; a letter: where it leads; "-": stays. */
struct row {
    enum ward_session_event_type event;
    const char *leads;
};
static const struct row rows[] = {
    {WARD_SE_HELLO_EQUAL, "lxxx"},
    {WARD_SE_HELLO_DIFFER, "cxxx"},
    {WARD_SE_HELLO_NEAR, "exxx"},
    {WARD_SE_SPACES, "xexx"},
    {WARD_SE_HEADS, "xx-x"},
    {WARD_SE_HEADS_LAST, "xx-x"},
    {WARD_SE_CIRCLE, "xx--"},
    {WARD_SE_BRANCH, "xx--"},
    {WARD_SE_RUN, "xx--"},
    {WARD_SE_PIECE, "xx--"},
    {WARD_SE_GOT, "xx##"}, /* of none that was sent */
    {WARD_SE_RECEIPT, "xx--"},
    {WARD_SE_ASK, "xx--"},
    {WARD_SE_WANT, "xx--"},
    {WARD_SE_ACK, "xx--"},
    {WARD_SE_DONE, "xx--"},
    {WARD_SE_PING, "x---"},
    {WARD_SE_BYE, "####"},
    {WARD_SE_ERROR, "####"},
    {WARD_SE_BAD, "####"},
    /* from this side */
    {WARD_SE_LINK_UP, "-xxx"},
    {WARD_SE_COMMITTED, "xx--"},
    {WARD_SE_REFUSED, "xx--"},
    {WARD_SE_SENT, "xx--"},
    {WARD_SE_DRAINED, "xx--"},
    {WARD_SE_NEWS, "----"},
    {WARD_SE_TICK, "----"},
    {WARD_SE_LEAVE, "####"},
};

static struct ward_session at(enum ward_session_state state)
{
    struct ward_session s;
    ward_session_init(&s, 1000);
    assert_int_equal(s.state, WARD_S_GREETING);
    if (state == WARD_S_GREETING)
        return s;
    assert_int_equal(ward_session_step(&s, WARD_SE_LINK_UP, 0), WARD_SA_HELLO);
    if (state == WARD_S_LIVE) {
        ward_session_step(&s, WARD_SE_HELLO_EQUAL, 4);
    } else {
        ward_session_step(&s, WARD_SE_HELLO_DIFFER, 4);
        if (state == WARD_S_EXCHANGING)
            ward_session_step(&s, WARD_SE_SPACES, 0);
    }
    assert_int_equal(s.state, state);
    return s;
}

static void every_pair(void **state)
{
    static const char letters[] = "gcel#";
    size_t pairs = 0;
    (void)state;
    assert_int_equal(sizeof rows / sizeof rows[0], WARD_SE_COUNT);
    for (size_t i = 0; i < WARD_SE_COUNT; i++)
        for (enum ward_session_state from = WARD_S_GREETING; from < WARD_S_CLOSED; from++, pairs++) {
            struct ward_session s = at(from);
            char leads = rows[i].leads[from];
            uint64_t n = rows[i].event == WARD_SE_TICK ? 1001 : rows[i].event == WARD_SE_BAD ? WARD_ERR_TRUNCATED : 0;
            unsigned actions = ward_session_step(&s, rows[i].event, n);
            enum ward_session_state to = leads == '-'   ? from
                                         : leads == 'x' ? WARD_S_CLOSED
                                                        : (enum ward_session_state)(strchr(letters, leads) - letters);
            if (s.state != to || ward_session_listed(from, rows[i].event) != (leads != 'x'))
                print_error("%s in %s: led to %s\n", ward_session_event_name(rows[i].event), ward_session_state_name(from),
                            ward_session_state_name(s.state));
            assert_int_equal(s.state, to);
            assert_int_equal(ward_session_listed(from, rows[i].event), leads != 'x');
            if (leads == 'x') {
                assert_int_equal(actions, PROTOCOL_ERROR);
                assert_int_equal(s.error, WARD_ERR_PROTOCOL);
            }
            assert_int_equal((actions & WARD_SA_CLOSE) != 0, to == WARD_S_CLOSED);
        }
    assert_int_equal(pairs, 4 * WARD_SE_COUNT);
}

static void closed_is_deaf(void **state)
{
    (void)state;
    for (enum ward_session_event_type e = 0; e < WARD_SE_COUNT; e++) {
        struct ward_session s = at(WARD_S_LIVE);
        ward_session_step(&s, WARD_SE_LEAVE, 0);
        assert_int_equal(s.state, WARD_S_CLOSED);
        assert_int_equal(ward_session_step(&s, e, 3), 0);
        assert_int_equal(s.state, WARD_S_CLOSED);
        assert_int_equal(s.error, 0);
    }
}

static void actions_of_the_course(void **state)
{
    struct ward_session s = at(WARD_S_GREETING);
    (void)state;
    assert_int_equal(ward_session_step(&s, WARD_SE_LINK_UP, 0), WARD_SA_HELLO);
    assert_int_equal(ward_session_step(&s, WARD_SE_HELLO_DIFFER, 2), WARD_SA_SPACES);
    assert_false(ward_session_may_send(&s));
    assert_int_equal(ward_session_step(&s, WARD_SE_SPACES, 0), WARD_SA_HEADS);
    assert_false(ward_session_may_send(&s)); /* not before the other's last heads */
    assert_int_equal(ward_session_step(&s, WARD_SE_HEADS, 0), WARD_SA_NOTE_HEADS);
    assert_false(ward_session_may_send(&s));
    assert_int_equal(ward_session_step(&s, WARD_SE_HEADS_LAST, 0), WARD_SA_NOTE_HEADS | WARD_SA_STREAM);
    assert_true(ward_session_may_send(&s));
    /* the window is two */
    assert_int_equal(ward_session_step(&s, WARD_SE_SENT, 0), 0);
    assert_true(ward_session_may_send(&s));
    assert_int_equal(ward_session_step(&s, WARD_SE_SENT, 0), 0);
    assert_false(ward_session_may_send(&s));
    assert_int_equal(ward_session_step(&s, WARD_SE_ACK, 1), WARD_SA_STREAM);
    assert_true(ward_session_may_send(&s));
    assert_int_equal(ward_session_step(&s, WARD_SE_RUN, 0), WARD_SA_INGEST);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), WARD_SA_DONE);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), 0); /* said once */
    assert_int_equal(ward_session_step(&s, WARD_SE_DONE, 0), 0);
    assert_int_equal(s.state, WARD_S_EXCHANGING); /* one of ours and one of theirs are still under way */
    assert_int_equal(ward_session_step(&s, WARD_SE_COMMITTED, 1), WARD_SA_ACK);
    assert_int_equal(s.state, WARD_S_EXCHANGING);
    assert_int_equal(ward_session_step(&s, WARD_SE_ACK, 2), WARD_SA_STREAM | WARD_SA_LIVE);
    assert_int_equal(s.state, WARD_S_LIVE);
    /* live: news at once, no second done, no second "live" */
    assert_int_equal(ward_session_step(&s, WARD_SE_NEWS, 0), WARD_SA_STREAM);
    assert_int_equal(ward_session_step(&s, WARD_SE_SENT, 0), 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_ACK, 3), WARD_SA_STREAM);
    assert_int_equal(ward_session_step(&s, WARD_SE_RUN, 0), WARD_SA_INGEST);
    assert_int_equal(ward_session_step(&s, WARD_SE_COMMITTED, 2), WARD_SA_ACK);
    assert_int_equal(ward_session_step(&s, WARD_SE_DONE, 0), 0); /* said again: nobody waits for it any more */
    assert_int_equal(s.state, WARD_S_LIVE);
}

/* Samples of a feed with branches: what was said to be all is not. */
static void done_is_taken_back(void **state)
{
    (void)state;
    struct ward_session s = at(WARD_S_EXCHANGING); /* who is asked: it had nothing to send, as it thought */
    ward_session_step(&s, WARD_SE_HEADS_LAST, 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), WARD_SA_DONE);
    assert_int_equal(ward_session_step(&s, WARD_SE_BRANCH, 0), WARD_SA_NOTE_BRANCH | WARD_SA_STREAM);
    assert_int_equal(ward_session_step(&s, WARD_SE_SENT, 0), 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), WARD_SA_DONE);
    s = at(WARD_S_EXCHANGING); /* who asks: it waits for what the answer brings */
    ward_session_step(&s, WARD_SE_HEADS_LAST, 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_DONE, 0), 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_BRANCH, 1), WARD_SA_NOTE_BRANCH | WARD_SA_STREAM);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), WARD_SA_DONE);
    assert_int_equal(s.state, WARD_S_EXCHANGING);
    assert_int_equal(ward_session_step(&s, WARD_SE_RUN, 0), WARD_SA_INGEST);
    assert_int_equal(ward_session_step(&s, WARD_SE_COMMITTED, 1), WARD_SA_ACK);
    assert_int_equal(ward_session_step(&s, WARD_SE_DONE, 0), WARD_SA_LIVE);
}

/* The four things that must have come together, in each order: live exactly at the last. */
static void live_when_all_four_are_there(void **state)
{
    static const unsigned orders[24][4] = {{0, 1, 2, 3}, {0, 1, 3, 2}, {0, 2, 1, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 3, 2, 1},
                                           {1, 0, 2, 3}, {1, 0, 3, 2}, {1, 2, 0, 3}, {1, 2, 3, 0}, {1, 3, 0, 2}, {1, 3, 2, 0},
                                           {2, 0, 1, 3}, {2, 0, 3, 1}, {2, 1, 0, 3}, {2, 1, 3, 0}, {2, 3, 0, 1}, {2, 3, 1, 0},
                                           {3, 0, 1, 2}, {3, 0, 2, 1}, {3, 1, 0, 2}, {3, 1, 2, 0}, {3, 2, 0, 1}, {3, 2, 1, 0}};
    static const struct {
        enum ward_session_event_type event;
        uint64_t n;
    } things[4] = {{WARD_SE_DRAINED, 0}, {WARD_SE_DONE, 0}, {WARD_SE_ACK, 1}, {WARD_SE_COMMITTED, 1}};
    (void)state;
    for (size_t i = 0; i < 24; i++) {
        struct ward_session s = at(WARD_S_EXCHANGING);
        ward_session_step(&s, WARD_SE_HEADS_LAST, 0);
        ward_session_step(&s, WARD_SE_SENT, 0);
        ward_session_step(&s, WARD_SE_RUN, 0);
        for (size_t j = 0; j < 4; j++) {
            unsigned actions = ward_session_step(&s, things[orders[i][j]].event, things[orders[i][j]].n);
            assert_int_equal((actions & WARD_SA_LIVE) != 0, j == 3);
            assert_int_equal(s.state, j == 3 ? WARD_S_LIVE : WARD_S_EXCHANGING);
        }
    }
}

static void wrong_acknowledgements(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct ward_session s = at(live ? WARD_S_LIVE : WARD_S_EXCHANGING);
        assert_int_equal(ward_session_step(&s, WARD_SE_ACK, 1), PROTOCOL_ERROR); /* nothing was sent */
        assert_int_equal(s.error, WARD_ERR_PROTOCOL);
        s = at(live ? WARD_S_LIVE : WARD_S_EXCHANGING);
        for (int i = 0; i < 3; i++)
            ward_session_step(&s, WARD_SE_SENT, 0);
        assert_false(ward_session_step(&s, WARD_SE_ACK, 2) & WARD_SA_ERROR);
        assert_false(ward_session_step(&s, WARD_SE_ACK, 2) & WARD_SA_ERROR); /* the same again says nothing new */
        assert_int_equal(ward_session_step(&s, WARD_SE_ACK, 1), PROTOCOL_ERROR);
        s = at(live ? WARD_S_LIVE : WARD_S_EXCHANGING);
        ward_session_step(&s, WARD_SE_SENT, 0);
        assert_int_equal(ward_session_step(&s, WARD_SE_ACK, UINT64_MAX), PROTOCOL_ERROR);
    }
}

static void said_twice(void **state)
{
    struct ward_session s = at(WARD_S_EXCHANGING);
    (void)state;
    assert_int_equal(ward_session_step(&s, WARD_SE_DONE, 0), 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_DONE, 0), 0);
    s = at(WARD_S_EXCHANGING);
    ward_session_step(&s, WARD_SE_HEADS_LAST, 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_HEADS, 0), PROTOCOL_ERROR);
    s = at(WARD_S_EXCHANGING);
    ward_session_step(&s, WARD_SE_HEADS_LAST, 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_HEADS_LAST, 0), PROTOCOL_ERROR);
    s = at(WARD_S_LIVE);
    assert_int_equal(ward_session_step(&s, WARD_SE_ASK, 0), WARD_SA_NOTE_ASK);
    assert_int_equal(ward_session_step(&s, WARD_SE_ASK, 0), PROTOCOL_ERROR);
    s = at(WARD_S_EXCHANGING);
    assert_int_equal(ward_session_step(&s, WARD_SE_WANT, 0), WARD_SA_NOTE_WANT);
    assert_int_equal(ward_session_step(&s, WARD_SE_WANT, 0), PROTOCOL_ERROR);
}

/* One after another, each answered with done. */
static void wants(void **state)
{
    struct ward_session s = at(WARD_S_EXCHANGING);
    (void)state;
    assert_int_equal(ward_session_step(&s, WARD_SE_WANT, 0), WARD_SA_NOTE_WANT);
    ward_session_step(&s, WARD_SE_HEADS_LAST, 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), WARD_SA_DONE);
    assert_int_equal(ward_session_step(&s, WARD_SE_WANT, 0), WARD_SA_NOTE_WANT | WARD_SA_STREAM);
    assert_int_equal(s.wants, 2);
    assert_int_equal(ward_session_step(&s, WARD_SE_WANT, 0), PROTOCOL_ERROR);
    s = at(WARD_S_LIVE);
    unsigned given = 0;
    while (ward_session_step(&s, WARD_SE_WANT, 0) == (WARD_SA_NOTE_WANT | WARD_SA_STREAM) && given++ < 10 * WARD_TALK_BURST)
        ward_session_step(&s, WARD_SE_DRAINED, 0);
    assert_int_equal(s.error, WARD_ERR_QUOTA);
    assert_in_range(given, WARD_TALK_BURST / 2, WARD_TALK_BURST);
    s = at(WARD_S_EXCHANGING);
    ward_session_step(&s, WARD_SE_HEADS_LAST, 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_WANT, 0), WARD_SA_NOTE_WANT | WARD_SA_STREAM); /* what came showed that it is needed */
    s = at(WARD_S_LIVE); /* where all is equal it may still be asked for, and is answered with done */
    assert_int_equal(ward_session_step(&s, WARD_SE_WANT, 0), WARD_SA_NOTE_WANT | WARD_SA_STREAM);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), WARD_SA_DONE);
    assert_int_equal(ward_session_step(&s, WARD_SE_DRAINED, 0), 0);
}

static void leaving(void **state)
{
    (void)state;
    for (enum ward_session_state from = WARD_S_GREETING; from < WARD_S_CLOSED; from++) {
        struct ward_session s = at(from);
        assert_int_equal(ward_session_step(&s, WARD_SE_LEAVE, 0), WARD_SA_BYE | WARD_SA_CLOSE);
        s = at(from);
        assert_int_equal(ward_session_step(&s, WARD_SE_BYE, 0), WARD_SA_BYE | WARD_SA_CLOSE); /* answered */
        assert_int_equal(s.error, 0);
        s = at(from);
        assert_int_equal(ward_session_step(&s, WARD_SE_ERROR, WARD_ERR_CUT), WARD_SA_CLOSE); /* not answered */
        assert_int_equal(s.error, WARD_ERR_CUT);
        s = at(from);
        assert_int_equal(ward_session_step(&s, WARD_SE_BAD, WARD_ERR_TRAILING), PROTOCOL_ERROR);
        assert_int_equal(s.error, WARD_ERR_TRAILING);
    }
}

static void idle(void **state)
{
    (void)state;
    for (enum ward_session_state from = WARD_S_GREETING; from < WARD_S_CLOSED; from++) {
        struct ward_session s = at(from);
        assert_int_equal(ward_session_step(&s, WARD_SE_TICK, 1000 + WARD_IDLE_PING_MS), 0);
        unsigned actions = ward_session_step(&s, WARD_SE_TICK, 1001 + WARD_IDLE_PING_MS);
        assert_int_equal(actions, from == WARD_S_GREETING ? 0 : WARD_SA_PING);
        assert_int_equal(ward_session_step(&s, WARD_SE_TICK, 1002 + WARD_IDLE_PING_MS), 0); /* just said */
        ward_session_step(&s, WARD_SE_TICK, 1000 + WARD_IDLE_CLOSE_MS);
        assert_int_equal(s.state, from);
        assert_int_equal(ward_session_step(&s, WARD_SE_TICK, 1001 + WARD_IDLE_CLOSE_MS), WARD_SA_CLOSE);
        assert_int_equal(s.error, WARD_ERR_TIMEOUT);
    }
    /* A ping is a sign of life; own doings are not. */
    struct ward_session s = at(WARD_S_LIVE);
    ward_session_step(&s, WARD_SE_TICK, 60000);
    ward_session_step(&s, WARD_SE_PING, 0);
    ward_session_step(&s, WARD_SE_TICK, 60000 + WARD_IDLE_CLOSE_MS);
    assert_int_equal(s.state, WARD_S_LIVE);
    ward_session_step(&s, WARD_SE_SENT, 0);
    ward_session_step(&s, WARD_SE_NEWS, 0);
    ward_session_step(&s, WARD_SE_TICK, 60001 + WARD_IDLE_CLOSE_MS);
    assert_int_equal(s.state, WARD_S_CLOSED);
}

/* Two machines talking to each other, one frame at a time, with any amounts to send: both end live with everything acknowledged. */
static void two_ends(void **state)
{
    (void)state;
    for (unsigned a_runs = 0; a_runs < 12; a_runs++)
        for (unsigned b_runs = 0; b_runs < 12; b_runs++) {
            struct ward_session s[2] = {at(WARD_S_EXCHANGING), at(WARD_S_EXCHANGING)};
            unsigned left[2] = {a_runs, b_runs}, lives = 0;
            ward_session_step(&s[0], WARD_SE_HEADS_LAST, 0);
            ward_session_step(&s[1], WARD_SE_HEADS_LAST, 0);
            for (unsigned round = 0; round < 100 && lives < 2; round++)
                for (unsigned i = 0; i < 2; i++) {
                    struct ward_session *me = &s[i], *peer = &s[1 - i];
                    unsigned actions = 0;
                    while (left[i] && ward_session_may_send(me)) {
                        ward_session_step(me, WARD_SE_SENT, 0);
                        assert_true(me->sent - me->acked <= 4);
                        assert_int_equal(ward_session_step(peer, WARD_SE_RUN, 0), WARD_SA_INGEST);
                        left[i]--;
                    }
                    if (!left[i] && !me->done_sent) {
                        actions |= ward_session_step(me, WARD_SE_DRAINED, 0);
                        assert_true(actions & WARD_SA_DONE);
                        lives += (ward_session_step(peer, WARD_SE_DONE, 0) & WARD_SA_LIVE) != 0;
                    }
                    if (me->received > me->committed) {
                        actions |= ward_session_step(me, WARD_SE_COMMITTED, me->received);
                        lives += (ward_session_step(peer, WARD_SE_ACK, me->committed) & WARD_SA_LIVE) != 0;
                    }
                    lives += (actions & WARD_SA_LIVE) != 0;
                }
            assert_int_equal(lives, 2);
            for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(s[i].state, WARD_S_LIVE);
                assert_int_equal(s[i].sent, s[i].acked);
                assert_int_equal(s[i].sent, s[1 - i].received);
            }
        }
}

/* A peer that takes no notice of the window is cut off at the first run too many; one that keeps to it may go on for ever. */
static void window_is_kept(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct ward_session s = at(live ? WARD_S_LIVE : WARD_S_EXCHANGING);
        for (unsigned i = 0; i < 3 * WARD_WINDOW; i++) {
            assert_int_equal(ward_session_step(&s, WARD_SE_RUN, 0), WARD_SA_INGEST);
            if (s.received - s.committed == WARD_WINDOW)
                ward_session_step(&s, WARD_SE_COMMITTED, s.received);
        }
        for (unsigned i = 0; i < WARD_WINDOW; i++)
            assert_int_equal(ward_session_step(&s, WARD_SE_RUN, 0), WARD_SA_INGEST);
        assert_int_equal(ward_session_step(&s, WARD_SE_RUN, 0), PROTOCOL_ERROR);
        assert_int_equal(s.error, WARD_ERR_WINDOW);
        assert_true(s.shown_out);
    }
}

/* Frames that no window bounds: so many at once, so many a second, one for each run taken in, two for each sent. */
static void talk_is_rationed(void **state)
{
    static const enum ward_session_event_type idle[] = {WARD_SE_PING,    WARD_SE_CIRCLE, WARD_SE_ACK,
                                                        WARD_SE_RECEIPT, WARD_SE_BRANCH, WARD_SE_DONE};
    (void)state;
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        struct ward_session s = at(WARD_S_LIVE);
        for (unsigned j = 0; j < WARD_TALK_BURST; j++)
            assert_false(ward_session_step(&s, idle[i], 0) & WARD_SA_ERROR);
        ward_session_step(&s, WARD_SE_TICK, (uint64_t)s.now_ms + 1000);
        for (unsigned j = 0; j < WARD_TALK_RATE; j++)
            assert_false(ward_session_step(&s, idle[i], 0) & WARD_SA_ERROR);
        ward_session_step(&s, WARD_SE_SENT, 0);
        assert_false(ward_session_step(&s, idle[i], 0) & WARD_SA_ERROR);
        assert_false(ward_session_step(&s, idle[i], 0) & WARD_SA_ERROR);
        ward_session_step(&s, WARD_SE_RUN, 0);
        assert_false(ward_session_step(&s, idle[i], 0) & WARD_SA_ERROR);
        assert_int_equal(ward_session_step(&s, idle[i], 0), PROTOCOL_ERROR);
        assert_int_equal(s.error, WARD_ERR_QUOTA);
    }
    struct ward_session s = at(WARD_S_EXCHANGING);
    for (unsigned j = 0; j < WARD_TALK_BURST; j++)
        assert_int_equal(ward_session_step(&s, WARD_SE_HEADS, 0), WARD_SA_NOTE_HEADS);
    assert_int_equal(ward_session_step(&s, WARD_SE_HEADS_LAST, 0), PROTOCOL_ERROR);
    assert_int_equal(s.error, WARD_ERR_QUOTA);
    s = at(WARD_S_EXCHANGING);
    for (unsigned j = 0; j < 1 + WARD_TALK_BURST; j++) /* the first one is everybody's due */
        assert_int_equal(ward_session_step(&s, WARD_SE_DONE, 0), 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_DONE, 0), PROTOCOL_ERROR);
    assert_int_equal(s.error, WARD_ERR_QUOTA);
}

/* What honest devices may come to send is refused without end; what they cannot have is counted. */
static void forgeries_are_counted(void **state)
{
    static const uint64_t honest[] = {WARD_ERR_GAP,           WARD_ERR_DEP_MISSING, WARD_ERR_FORK, WARD_ERR_CUT,
                                      WARD_ERR_GRANT_UNKNOWN, WARD_ERR_VERSION,     WARD_ERR_CODEC};
    static const uint64_t forged[] = {WARD_ERR_SEAL, WARD_ERR_DEPTH, WARD_ERR_TRAILING, WARD_ERR_DEP_ORDER};
    struct ward_session s = at(WARD_S_LIVE);
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(ward_session_step(&s, WARD_SE_REFUSED, honest[i % 7]), 0);
    for (unsigned i = 0; i < WARD_FORGED_MAX; i++)
        assert_int_equal(ward_session_step(&s, WARD_SE_REFUSED, forged[i % 4]), 0);
    assert_int_equal(ward_session_step(&s, WARD_SE_REFUSED, WARD_ERR_SEAL), PROTOCOL_ERROR);
    assert_int_equal(s.error, WARD_ERR_FORGED);
}

static void names(void **state)
{
    (void)state;
    for (enum ward_session_event_type e = 0; e < WARD_SE_COUNT; e++)
        for (enum ward_session_event_type f = 0; f < e; f++)
            assert_string_not_equal(ward_session_event_name(e), ward_session_event_name(f));
    assert_string_equal(ward_session_state_name(WARD_S_CLOSED), "closed");
    assert_string_equal(ward_session_event_name(WARD_SE_LEAVE), "leave");
    assert_string_equal(ward_session_event_name(WARD_SE_HEADS_LAST), "heads-last");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(closed_is_deaf),
        cmocka_unit_test(actions_of_the_course),
        cmocka_unit_test(done_is_taken_back),
        cmocka_unit_test(live_when_all_four_are_there),
        cmocka_unit_test(wrong_acknowledgements),
        cmocka_unit_test(said_twice),
        cmocka_unit_test(wants),
        cmocka_unit_test(leaving),
        cmocka_unit_test(idle),
        cmocka_unit_test(two_ends),
        cmocka_unit_test(window_is_kept),
        cmocka_unit_test(talk_is_rationed),
        cmocka_unit_test(forgeries_are_counted),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
