/* In what order a peer gets what it lacks: the ward space first, small news before bulk, and nothing before what it rests on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "line.h"
#include "replica/stream.h"
#include "replicas.h"
#include "values/feed.h"

#define BULK 1200 /* some runs */

enum { OPERATOR, CELL_A, CELL_B, INSPECTOR };

static void set_up(struct world *w)
{
    world_found(w, 20261125);
    admit(w, 'a', WARD_ROLE_CELL, 20261125);
    admit(w, 'b', WARD_ROLE_CELL, 20261125);
    admit(w, 'i', WARD_ROLE_INSPECTOR, 20261125);
}

static void write_notes(struct world *w, size_t i, const char *units, size_t n)
{
    struct ward_id circle[8], id;
    struct ward_hash space;
    struct ward_value title = ward_value_text("việc của tổ dân phố, tháng này và tháng sau");
    size_t count = strlen(units);
    for (size_t j = 0; j < count; j++)
        circle[j] = unit_id(units[j]);
    if (count)
        OK(w, ward_space_of_circle(w->d[i].r, &space, circle, count, &w->err));
    else
        ward_space_of_ward(w->d[i].r, &space);
    for (size_t j = 0; j < n; j++) {
        ward_txn *t;
        OK(w, ward_new_id(w->d[i].r, &id, &w->err));
        OK(w, ward_begin(w->d[i].r, &t, &w->err));
        OK(w, ward_put(t, &space, KIND_ITEM, &id, TITLE, NULL, 0, &title, &w->err));
        OK(w, ward_commit(t, NULL, &w->err));
    }
}

/* What the operator would give to the inspector, who has met it before. */
struct flow {
    struct world *w;
    struct ward_stream s;
    struct ward_buf frame;
};

static void begin(struct flow *x, struct world *w)
{
    ward_replica *r = w->d[OPERATOR].r;
    const struct ward_grant *to = ward_directory_grant(&r->dir, &w->d[INSPECTOR].grant);
    *x = (struct flow){.w = w};
    ward_stream_init(&x->s, r, to);
    x->s.slow = true; /* runs of a few hundred */
    ward_buf_init(&x->frame, &r->env);
}

static void end(struct flow *x)
{
    ward_stream_free(&x->s);
    ward_buf_free(&x->frame);
}

/* The next run, told as its author and the units of its space. */
static const char *next(struct flow *x)
{
    static char words[20];
    struct ward_streamed run;
    bool got;
    OK(x->w, ward_stream_next(&x->s, &x->frame, &run, &got, &x->w->err));
    if (!got)
        return "nothing";
    const struct ward_feed *f = ward_directory_feed(&x->s.r->dir, run.fid);
    const struct ward_space *s = ward_directory_space(&x->s.r->dir, f->sid);
    size_t who = 0;
    while (who < x->w->count && ward_hash_compare(&x->w->d[who].grant, &f->grant) != 0)
        who++;
    who = who == x->w->count ? OPERATOR : who; /* the ward's root is the operator's */
    size_t n = (size_t)snprintf(words, sizeof words, "%zu in ", who);
    for (size_t i = 0; i < s->circle_count; i++)
        words[n++] = (char)s->circle[i].b[0];
    words[n] = 0;
    return words;
}

/* All that is left, one after another; the same again is told once. */
static const char *story(struct flow *x)
{
    static char words[400];
    char before[20] = "";
    words[0] = 0;
    for (const char *now = next(x); strcmp(now, "nothing") != 0; now = next(x)) {
        if (strcmp(now, before) != 0)
            snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", words[0] ? ", " : "", now);
        snprintf(before, sizeof before, "%s", now);
    }
    return words;
}

static void assert_arrives(struct world *w)
{
    struct line l;
    line_open(&l, w, OPERATOR, INSPECTOR);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.b.talk.refused_here, 0);
    line_close(&l);
    assert_sound(w);
}

static void small_news_before_bulk(void **state)
{
    struct world w;
    struct flow x;
    (void)state;
    set_up(&w);
    write_notes(&w, CELL_A, "a", BULK);
    whole_round(&w, CELL_A, OPERATOR);
    write_notes(&w, OPERATOR, "ab", 2);
    write_notes(&w, OPERATOR, "b", 1);
    write_notes(&w, OPERATOR, "", 1);
    begin(&x, &w);
    assert_string_equal(story(&x), "0 in , 0 in b, 0 in ab, 1 in a");
    end(&x);
    assert_arrives(&w);
    world_close(&w);
}

/* News are noted by their feeds, as a server does it, and go next. */
static void noted_news_go_next(void **state)
{
    struct world w;
    struct flow x;
    bool any;
    (void)state;
    set_up(&w);
    write_notes(&w, CELL_A, "a", BULK);
    whole_round(&w, CELL_A, OPERATOR);
    begin(&x, &w);
    while (strcmp(next(&x), "1 in a") != 0)
        ;
    write_notes(&w, OPERATOR, "b", 1);
    uint32_t last = (uint32_t)w.d[OPERATOR].r->dir.feed_count;
    assert_string_equal(next(&x), "1 in a"); /* nobody has told it */
    OK(&w, ward_stream_note(&x.s, &last, 1, &any, &w.err));
    assert_true(any);
    assert_string_equal(next(&x), "0 in b");
    OK(&w, ward_stream_note(&x.s, &last, 1, &any, &w.err));
    assert_false(any); /* it has gone */
    write_notes(&w, OPERATOR, "b", 1);
    OK(&w, ward_stream_seek(&x.s, &w.err));
    assert_string_equal(story(&x), "0 in b, 1 in a");
    end(&x);
    assert_arrives(&w);
    world_close(&w);
}

/* In one space a feed goes ahead if its author had not taken in what is still to come, and in its place of arrival otherwise. */
static void nothing_before_what_it_rests_on(void **state)
{
    struct world w;
    struct flow x;
    (void)state;
    set_up(&w);
    write_notes(&w, CELL_A, "ab", BULK);
    write_notes(&w, CELL_B, "ab", 1);
    whole_round(&w, CELL_A, OPERATOR);
    whole_round(&w, CELL_B, OPERATOR); /* B gets A's work now, and had not seen it */
    begin(&x, &w);
    assert_string_equal(story(&x), "0 in , 2 in ab, 1 in ab");
    end(&x);
    write_notes(&w, CELL_B, "ab", 1);
    whole_round(&w, CELL_B, OPERATOR);
    begin(&x, &w);
    assert_string_equal(story(&x), "0 in , 1 in ab, 2 in ab");
    end(&x);
    assert_arrives(&w);
    world_close(&w);
}

/* Spaces that come up while a session is live go in another order than they arose in, and the circle of each goes before it. */
static void new_spaces_out_of_order(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    line_open(&l, &w, OPERATOR, INSPECTOR);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    write_notes(&w, OPERATOR, "a", 3);
    write_notes(&w, OPERATOR, "b", 1);
    OK(&w, ward_talk_news(&l.a.talk, &w.err));
    pump(&l, SIZE_MAX);
    assert_int_equal(l.b.talk.refused_here, 0);
    assert_int_equal(l.b.talk.received, 4);
    line_close(&l);
    assert_sound(&w);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_news_before_bulk),
        cmocka_unit_test(noted_news_go_next),
        cmocka_unit_test(nothing_before_what_it_rests_on),
        cmocka_unit_test(new_spaces_out_of_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
