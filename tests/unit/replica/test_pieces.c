/* Runs over a slow link, in pieces: what came before the link broke counts, whichever side broke it and whether it was noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "line.h"
#include "replica/talk.h"
#include "replicas.h"
#include "shell/store.h"

#define SLOW_MS (WARD_ACK_QUICK_MS + 100)

/* Words that do not pack well. */
static void write_text(struct world *w, size_t i, uint64_t seed, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct dice dice = dice_for(seed, 0);
    struct ward_id circle = unit_id('a'), id;
    struct ward_hash space;
    char *words = malloc(size + 1);
    ward_txn *t;
    assert_non_null(words);
    for (size_t j = 0; j < size; j++)
        words[j] = letters[dice_next(&dice) % (sizeof letters - 1)];
    words[size] = 0;
    struct ward_value title = ward_value_text(words);
    OK(w, ward_space_of_circle(w->d[i].r, &space, &circle, 1, &w->err));
    OK(w, ward_new_id(w->d[i].r, &id, &w->err));
    OK(w, ward_begin(w->d[i].r, &t, &w->err));
    OK(w, ward_put(t, &space, KIND_ITEM, &id, TITLE, NULL, 0, &title, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
    free(words);
}

static void set_up(struct world *w, size_t size)
{
    world_found(w, 20261126);
    admit(w, 'a', WARD_ROLE_CELL, 20261126);
    whole_round(w, 0, 1);
    write_text(w, 1, 1, size);
}

/* What went over the line: pieces, the first of them, and the bytes that they held. */
struct passed {
    size_t pieces, whole;
    uint64_t first_at, bytes, most_ahead;
};

/* Slowly, until so many pieces have come or all is quiet. */
static void carry(struct line *l, size_t pieces_max, struct passed *out)
{
    *out = (struct passed){0};
    while (out->pieces < pieces_max) {
        struct side *s = l->b.head < l->b.tail ? &l->b : &l->a;
        struct ward_message m;
        if (idle(l))
            settle(l);
        if (idle(l))
            return;
        if (s->head == s->tail)
            continue;
        OK(l->w, ward_frame_parse(&m, s->queue[s->head], s->lengths[s->head], &l->w->err));
        if (m.type == WARD_MSG_PIECE) {
            out->first_at = out->pieces++ ? out->first_at : m.piece.at;
            out->bytes += m.piece.len;
            assert_true(m.piece.len <= WARD_PIECE);
        }
        out->whole += ward_frame_is_acknowledged(m.type);
        uint64_t ahead = s->other->talk.s.pieces - s->other->talk.s.got;
        out->most_ahead = ahead > out->most_ahead ? ahead : out->most_ahead;
        for (size_t i = 0; i < 2; i++)
            l->w->d[i].outside.now_ms += SLOW_MS;
        deliver(l, s, 0, 0);
    }
}

/* The two remember each other, as who syncs does and a hub whose guest is gone. */
static void end(struct line *l)
{
    settle(l);
    OK(l->w, ward_talk_remember(&l->a.talk, NULL, &l->w->err));
    OK(l->w, ward_talk_remember(&l->b.talk, NULL, &l->w->err));
    line_close(l);
}

static bool is_kept(struct world *w, size_t i, size_t peer)
{
    char key[72] = "begun ";
    struct ward_buf b;
    sodium_bin2hex(key + 6, sizeof key - 6, w->d[peer].grant.b, 32);
    ward_buf_init(&b, &w->d[i].r->env);
    int rc = ward_store_meta_get(w->d[i].r->store, key, &b, NULL);
    bool any = b.len > 0;
    assert_true(rc == WARD_OK || rc == WARD_ERR_NOT_FOUND);
    assert_int_equal(rc == WARD_OK, any);
    ward_buf_free(&b);
    return any;
}

static void what_came_before_the_link_broke_counts(void **state)
{
    struct world w;
    struct line l;
    struct passed p;
    uint64_t bytes = 0, at = 0;
    size_t sessions = 0;
    (void)state;
    set_up(&w, 19000);
    for (bool done = false; !done; sessions++) {
        line_open(&l, &w, 0, 1);
        carry(&l, 3, &p);
        assert_int_equal(p.whole, 0);
        assert_int_equal(p.first_at, at);
        done = p.pieces < 3;
        bytes += p.bytes;
        at += p.bytes;
        if (done)
            assert_live(&l);
        end(&l);
        assert_int_equal(is_kept(&w, 0, 1), !done);
        assert_false(is_kept(&w, 1, 0));
    }
    assert_in_range(sessions, 4, 8);
    assert_in_range(bytes, 12000, 20000); /* each byte once */
    assert_converged(&w);
    world_close(&w);
}

/* A cut that nobody noticed: the old session stands, and the new one knows what it had; what it keeps in the end does not undo that. */
static void the_old_session_still_stands(void **state)
{
    struct world w;
    struct line old, l;
    struct passed p;
    (void)state;
    set_up(&w, 20000);
    line_open(&old, &w, 0, 1);
    carry(&old, 4, &p);
    line_open(&l, &w, 0, 1);
    carry(&l, 3, &p);
    assert_int_equal(p.first_at, 4 * WARD_PIECE);
    end(&old);
    carry(&l, SIZE_MAX, &p);
    assert_live(&l);
    end(&l);
    assert_false(is_kept(&w, 0, 1));
    assert_converged(&w);
    world_close(&w);
}

/* Few at first, more as the other says that they come. */
static void pieces_go_as_the_link_bears(void **state)
{
    struct world w;
    struct line l;
    struct passed p;
    (void)state;
    set_up(&w, 40000);
    line_open(&l, &w, 0, 1);
    carry(&l, 1, &p);
    assert_int_equal(l.b.talk.s.pieces, WARD_PIECES_FIRST);
    carry(&l, SIZE_MAX, &p);
    assert_in_range(p.most_ahead, WARD_PIECES_FIRST + 1, WARD_PIECES_AHEAD);
    assert_live(&l);
    end(&l);
    assert_converged(&w);
    world_close(&w);
}

/* What was begun is no more what goes now: it is forgotten. */
static void another_run_begins_anew(void **state)
{
    struct world w;
    struct line l;
    struct passed p;
    (void)state;
    set_up(&w, 5000);
    line_open(&l, &w, 0, 1);
    carry(&l, 2, &p);
    end(&l);
    write_text(&w, 1, 2, 3000); /* goes in the same run */
    line_open(&l, &w, 0, 1);
    carry(&l, SIZE_MAX, &p);
    assert_int_equal(p.first_at, 0);
    assert_live(&l);
    end(&l);
    assert_false(is_kept(&w, 0, 1));
    assert_converged(&w);
    world_close(&w);
}

/* Where the link is quick by now the rest comes at once; a short run is not worth pieces. */
static void a_quick_link_carries_what_is_left_at_once(void **state)
{
    struct world w;
    struct line l;
    struct passed p;
    (void)state;
    set_up(&w, 20000);
    line_open(&l, &w, 0, 1);
    carry(&l, 3, &p);
    end(&l);
    line_open(&l, &w, 0, 1);
    while (l.b.talk.s.pieces == 0)
        deliver(&l, l.b.head < l.b.tail ? &l.b : &l.a, 0, 0);
    assert_int_equal(l.b.talk.s.pieces, 1);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    end(&l);
    write_text(&w, 1, 3, 1000);
    line_open(&l, &w, 0, 1);
    carry(&l, SIZE_MAX, &p);
    assert_int_equal(p.pieces, 0);
    assert_int_equal(p.whole, 1);
    end(&l);
    assert_converged(&w);
    world_close(&w);
}

/* The first answer was late, for the other had much to do, and the next ones are not. */
static void who_was_busy_gets_what_is_left_at_once(void **state)
{
    struct world w;
    struct line l;
    struct passed p;
    (void)state;
    set_up(&w, 40000);
    line_open(&l, &w, 0, 1);
    carry(&l, 1, &p);
    assert_int_equal(l.b.talk.s.pieces, WARD_PIECES_FIRST);
    pump(&l, SIZE_MAX);
    assert_int_equal(l.b.talk.s.pieces, 3 * WARD_PIECES_FIRST + 1); /* twice as many once more, and then all */
    assert_live(&l);
    end(&l);
    assert_converged(&w);
    world_close(&w);
}

/* ---------------------------------------------------------------- at the door */

static void say(struct line *l, const struct ward_buf *frame)
{
    OK(l->w, ward_talk_frame(&l->a.talk, frame->p, frame->len, &l->w->err));
}

static void piece(struct line *l, uint64_t at, uint64_t left, const void *p, size_t len)
{
    struct ward_buf frame;
    ward_buf_init(&frame, &l->w->d[1].r->env);
    ward_frame_piece(&frame, at, left, p, len);
    say(l, &frame);
    ward_buf_free(&frame);
}

static void got(struct line *l, uint64_t n)
{
    struct ward_buf frame;
    ward_buf_init(&frame, &l->w->d[1].r->env);
    ward_frame_got(&frame, n);
    say(l, &frame);
    ward_buf_free(&frame);
}

static void open_live(struct line *l, struct world *w)
{
    line_open(l, w, 0, 1);
    pump(l, SIZE_MAX);
    assert_live(l);
}

static void pieces_that_make_no_run(void **state)
{
    static const uint8_t ping[] = {0x82, 1, 9}, junk[] = {0xff, 0xff};
    struct world w;
    struct line l;
    (void)state;
    set_up(&w, 10);
    static const struct {
        uint64_t at, left;
        const uint8_t *p;
        size_t len;
        int code;
    } tries[] = {{1, 5, junk, 2, WARD_ERR_PROTOCOL}, {0, 0, ping, sizeof ping, WARD_ERR_PROTOCOL}, {0, 0, junk, 2, WARD_ERR_NONCANONICAL}};
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        open_live(&l, &w);
        piece(&l, tries[i].at, tries[i].left, tries[i].p, tries[i].len);
        assert_int_equal(l.a.talk.s.state, WARD_S_CLOSED);
        assert_int_equal(l.a.talk.s.error, tries[i].code);
        line_close(&l);
    }
    for (uint64_t n = 0; n < 2; n++) { /* none has been sent */
        open_live(&l, &w);
        got(&l, n);
        assert_int_equal(l.a.talk.s.error, WARD_ERR_PROTOCOL);
        line_close(&l);
    }
    world_close(&w);
}

/* A piece out of its place changes nothing of what has come. */
static void a_piece_that_comes_twice(void **state)
{
    static const uint8_t some[WARD_PIECE];
    struct world w;
    struct line l;
    (void)state;
    set_up(&w, 10);
    open_live(&l, &w);
    piece(&l, 0, 2 * WARD_PIECE, some, sizeof some);
    piece(&l, WARD_PIECE, WARD_PIECE, some, sizeof some);
    assert_int_equal(l.a.talk.begun.len, 2 * WARD_PIECE);
    piece(&l, WARD_PIECE, WARD_PIECE, some, sizeof some);
    assert_int_equal(l.a.talk.s.error, WARD_ERR_PROTOCOL);
    assert_int_equal(l.a.talk.begun.len, 2 * WARD_PIECE);
    line_close(&l);
    world_close(&w);
}

/* Who begins runs over many links and ends none does not fill the memory. */
static void memory_is_bounded(void **state)
{
    enum { LINKS = WARD_PIECES_ALL / WARD_FRAME_MAX + 2 };
    static struct line l[LINKS];
    static uint8_t much[WARD_FRAME_MAX - 100];
    struct world w;
    size_t closed = 0;
    (void)state;
    set_up(&w, 10);
    for (size_t i = 0; i < LINKS; i++) {
        open_live(&l[i], &w);
        OK(&w, ward_talk_tick(&l[i].a.talk, 0, &w.err));
        piece(&l[i], 0, 50, much, sizeof much);
        closed += l[i].a.talk.s.state == WARD_S_CLOSED;
        assert_true(l[i].a.talk.s.state != WARD_S_CLOSED || l[i].a.talk.s.error == WARD_ERR_QUOTA);
    }
    assert_in_range(closed, 1, LINKS / 2);
    for (size_t i = 0; i < LINKS; i++)
        line_close(&l[i]);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_before_the_link_broke_counts),
        cmocka_unit_test(the_old_session_still_stands),
        cmocka_unit_test(pieces_go_as_the_link_bears),
        cmocka_unit_test(another_run_begins_anew),
        cmocka_unit_test(a_quick_link_carries_what_is_left_at_once),
        cmocka_unit_test(who_was_busy_gets_what_is_left_at_once),
        cmocka_unit_test(pieces_that_make_no_run),
        cmocka_unit_test(a_piece_that_comes_twice),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests_name("pieces", tests, NULL, NULL);
}
