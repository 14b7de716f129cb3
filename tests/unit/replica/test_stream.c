/* In what order a peer gets what it lacks: the ward space first, small news before bulk, and nothing before what it rests on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "door.h"
#include "line.h"
#include "replica/stream.h"
#include "values/feed.h"

#define BULK 2400 /* some runs */

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

/* The first run that is not of the ward space. */
static const char *after_the_ward_space(struct flow *x)
{
    const char *now;
    do
        now = next(x);
    while (strcmp(now, "0 in ") == 0);
    return now;
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

/* ---------------------------------------------------------------- what is not there */

static uint32_t fid_of(struct world *w, size_t who, const char *units)
{
    struct ward_id circle[8];
    struct ward_hash space, id;
    size_t count = strlen(units);
    for (size_t j = 0; j < count; j++)
        circle[j] = unit_id(units[j]);
    OK(w, ward_space_of_circle(w->d[OPERATOR].r, &space, circle, count, &w->err));
    ward_name_feed(&id, &w->d[OPERATOR].r->ward, &space, &w->d[who].grant);
    const struct ward_feed *f = ward_directory_feed_by_id(&w->d[OPERATOR].r->dir, &id);
    assert_non_null(f);
    return f->fid;
}

static void lose(struct world *w, uint32_t fid, const char *which)
{
    char sql[160];
    snprintf(sql, sizeof sql, "DELETE FROM ward_segment WHERE fid = %u AND %s", (unsigned)fid, which);
    assert_int_equal(sqlite3_exec(w->d[OPERATOR].r->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_true(sqlite3_changes(w->d[OPERATOR].r->store->db) > 0);
}

/* A feed that a damaged log has lost keeps nothing else from going, whether it would have gone ahead or in its turn. */
static void what_is_lost_holds_nothing_up(void **state)
{
    struct world w;
    struct flow x;
    (void)state;
    set_up(&w);
    write_notes(&w, CELL_A, "ab", BULK);
    write_notes(&w, CELL_B, "ab", 1);
    write_notes(&w, CELL_B, "b", 1);
    whole_round(&w, CELL_A, OPERATOR);
    whole_round(&w, CELL_B, OPERATOR);
    write_notes(&w, OPERATOR, "a", 2);
    lose(&w, fid_of(&w, CELL_B, "ab"), "1");
    lose(&w, fid_of(&w, CELL_B, "b"), "1");
    begin(&x, &w);
    assert_string_equal(story(&x), "0 in , 0 in a, 1 in ab");
    assert_int_equal(ward_stream_backlog(&x.s), 2); /* it is owed all the same */
    assert_string_equal(next(&x), "nothing");
    end(&x);
    /* And what has lost its end goes as far as it is there. */
    uint32_t fid = fid_of(&w, CELL_A, "ab");
    lose(&w, fid, "first = (SELECT max(first) FROM ward_segment WHERE fid = ward_segment.fid)");
    begin(&x, &w);
    assert_string_equal(story(&x), "0 in , 0 in a, 1 in ab");
    uint64_t got = ward_vv_get(&x.s.have, fid);
    assert_true(got > 0 && got < BULK);
    end(&x);
    world_close(&w);
}

/* What its author had seen is on disk: where that names feeds which are not there, nothing goes ahead on its word. */
static void a_vector_that_names_nobody(void **state)
{
    struct world w;
    struct flow x;
    struct ward_vv vv = {.len = 0};
    struct ward_buf b;
    char sql[200], *at;
    (void)state;
    set_up(&w);
    write_notes(&w, CELL_A, "ab", BULK);
    write_notes(&w, CELL_B, "ab", 1);
    whole_round(&w, CELL_A, OPERATOR);
    whole_round(&w, CELL_B, OPERATOR);
    const struct ward_env *env = &w.d[OPERATOR].r->env;
    ward_buf_init(&b, env);
    assert_int_equal(ward_vv_raise(&vv, env, 999, 1), WARD_OK);
    ward_vv_encode(&b, &vv);
    at = sql + snprintf(sql, sizeof sql, "UPDATE ward_feed SET vv = x'");
    for (size_t i = 0; i < b.len; i++)
        at += snprintf(at, 3, "%02x", b.p[i]);
    snprintf(at, 40, "' WHERE fid = %u", (unsigned)fid_of(&w, CELL_B, "ab"));
    assert_int_equal(sqlite3_exec(w.d[OPERATOR].r->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
    OK(&w, ward_replica_reload(w.d[OPERATOR].r, &w.err));
    begin(&x, &w);
    assert_string_equal(story(&x), "0 in , 1 in ab, 2 in ab");
    end(&x);
    ward_buf_free(&b);
    ward_vv_free(&vv, env);
    world_close(&w);
}

/* Lost between looking it up and sending it, as when another process withdraws it. */
static void lost_on_the_way(void **state)
{
    struct world w;
    struct flow x;
    (void)state;
    set_up(&w);
    write_notes(&w, CELL_A, "a", 2);
    write_notes(&w, CELL_B, "ab", 1);
    whole_round(&w, CELL_B, OPERATOR);
    whole_round(&w, CELL_A, OPERATOR);
    write_notes(&w, OPERATOR, "ab", 1); /* after B's */
    begin(&x, &w);
    assert_string_equal(after_the_ward_space(&x), "2 in ab"); /* the operator's was looked up with it */
    lose(&w, fid_of(&w, OPERATOR, "ab"), "1");
    assert_string_equal(story(&x), "1 in a");
    end(&x);
    world_close(&w);
}

/* A transaction that is rolled back takes rows with it that a stream has been told of already. */
static void rows_that_go_with_a_rollback(void **state)
{
    struct world w;
    struct flow x;
    struct ward_apply a;
    struct ward_ingested in;
    struct ward_hash space;
    struct pen p;
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    const uint32_t beyond = 999;
    bool any = true;
    (void)state;
    set_up(&w);
    write_notes(&w, CELL_A, "ab", 40);
    whole_round(&w, CELL_A, OPERATOR);
    OK(&w, ward_space_of_circle(w.d[OPERATOR].r, &space, circle, 2, &w.err));
    pen_new(&p, &w, CELL_B, &space);
    pen_say(&p, 1, NULL, 0, "taken back");
    pen_seal(&p);
    const struct ward_run run = pen_run(&p);
    for (int later = 0; later < 2; later++) {
        OK(&w, ward_apply_begin(&a, w.d[OPERATOR].r, &w.err));
        OK(&w, ward_ingest_run(&a, &run, &in, &w.err));
        begin(&x, &w);
        OK(&w, ward_stream_seek(&x.s, &w.err));
        if (later) { /* its space is at hand */
            assert_string_equal(after_the_ward_space(&x), "2 in ab");
            ward_vv_lower(&x.s.have, in.fid, 0);
        }
        assert_int_equal(ward_apply_end(&a, WARD_ERR_DISK_FULL, NULL), WARD_ERR_DISK_FULL);
        assert_null(ward_directory_feed(&w.d[OPERATOR].r->dir, in.fid));
        OK(&w, ward_stream_note(&x.s, &beyond, 1, &any, &w.err)); /* nothing of it, and it stays as it was sought */
        assert_false(any);
        assert_string_equal(story(&x), later ? "1 in ab" : "0 in , 1 in ab");
        end(&x);
    }
    pen_free(&p);
    assert_arrives(&w);
    world_close(&w);
}

/* What is one segment is not parted, even where the other has its beginning and the rest is more than goes at once. */
static void the_rest_of_a_large_segment(void **state)
{
    struct world w;
    struct flow x;
    struct ward_ingested in;
    struct ward_streamed run;
    struct ward_hash space;
    struct pen p;
    struct dice dice = {7};
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    bool got;
    (void)state;
    set_up(&w);
    OK(&w, ward_space_of_circle(w.d[OPERATOR].r, &space, circle, 2, &w.err));
    pen_new(&p, &w, CELL_A, &space);
    for (uint64_t depth = 1; depth <= 1000; depth++) {
        char words[24] = "";
        for (size_t i = 0; i < 23; i++)
            words[i] = (char)('0' + dice_next(&dice) % 64);
        pen_say(&p, depth, NULL, 0, words);
    }
    pen_seal(&p);
    OK(&w, pen_send(&p, OPERATOR, &in));
    begin(&x, &w);
    assert_int_equal(ward_vv_raise(&x.s.have, &w.d[OPERATOR].r->env, in.fid, 10), WARD_OK);
    do
        OK(&w, ward_stream_next(&x.s, &x.frame, &run, &got, &w.err));
    while (got && run.fid != in.fid);
    assert_true(got && run.last == 1000 && run.count == 990);
    assert_true(x.frame.len > WARD_RUN_USUAL);
    assert_string_equal(next(&x), "nothing");
    end(&x);
    pen_free(&p);
    world_close(&w);
}

/* ---------------------------------------------------------------- without memory, without a store */

/* All that is owed, sought as it goes. How far it has come when something fails is no matter: what it names is whole. */
static int flow_through(struct flow *x, struct world *w)
{
    struct ward_streamed run;
    bool got = true;
    int rc = WARD_OK;
    begin(x, w);
    while (!rc && got)
        rc = ward_stream_next(&x->s, &x->frame, &run, &got, &w->err);
    if (!rc)
        assert_int_equal(ward_stream_backlog(&x->s), 0);
    end(x);
    return rc;
}

static void nothing_is_passed_over(void **state)
{
    struct world w;
    struct flow x;
    struct ward_replica *r;
    size_t shortages = 0, stops = 0, unheard = 0;
    bool failed = true;
    (void)state;
    set_up(&w);
    write_notes(&w, CELL_A, "ab", 40);
    write_notes(&w, CELL_B, "ab", 1);
    whole_round(&w, CELL_A, OPERATOR);
    whole_round(&w, CELL_B, OPERATOR);
    r = w.d[OPERATOR].r;
    r->env.alloc = rationed;
    for (; failed; shortages += failed) {
        OK(&w, ward_replica_reload(r, &w.err)); /* nothing is known by heart, and no room is kept */
        ward_buf_free(&r->unpacked);
        ward_buf_free(&r->bodies);
        ward_buf_free(&r->packed);
        alloc_calls = 0;
        alloc_fails_at = shortages;
        int rc = flow_through(&x, &w);
        failed = alloc_calls > shortages;
        alloc_fails_at = SIZE_MAX;
        assert_int_equal(rc, failed ? WARD_ERR_MEMORY : WARD_OK);
    }
    r->env.alloc = outside_alloc;
    sqlite3_progress_handler(r->store->db, 1, stop, NULL);
    for (failed = true; failed; stops += failed) {
        OK(&w, ward_replica_reload(r, &w.err)); /* nothing is known by heart */
        store_steps = 0;
        store_stops_at = stops;
        int rc = flow_through(&x, &w);
        failed = store_steps > stops;
        store_stops_at = SIZE_MAX;
        assert_true(rc == WARD_ERR_STORE || rc == WARD_OK);
        assert_true(failed || rc == WARD_OK);
        unheard += failed && rc == WARD_OK; /* the end of a transaction that only read */
    }
    sqlite3_progress_handler(r->store->db, 0, NULL, NULL);
    assert_true(shortages > 5 && stops > 20 && unheard < stops / 10);
    world_close(&w);
}

/* News that there is no memory to note are no news yet; told again they go. */
static void news_without_memory(void **state)
{
    struct world w;
    struct flow x;
    bool any = true;
    (void)state;
    set_up(&w);
    begin(&x, &w);
    assert_string_equal(story(&x), "0 in ");
    ward_release(&w.d[OPERATOR].r->env, x.s.owed); /* as if none had ever been owed */
    x.s.owed = NULL;
    x.s.owed_count = x.s.owed_cap = 0;
    write_notes(&w, OPERATOR, "b", 1);
    uint32_t last = (uint32_t)w.d[OPERATOR].r->dir.feed_count;
    w.d[OPERATOR].r->env.alloc = rationed;
    alloc_calls = 0;
    alloc_fails_at = 0;
    assert_int_equal(ward_stream_note(&x.s, &last, 1, &any, &w.err), WARD_ERR_MEMORY);
    assert_false(any);
    alloc_fails_at = SIZE_MAX;
    OK(&w, ward_stream_note(&x.s, &last, 1, &any, &w.err));
    assert_true(any);
    assert_string_equal(story(&x), "0 in b");
    w.d[OPERATOR].r->env.alloc = outside_alloc;
    end(&x);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_news_before_bulk),
        cmocka_unit_test(noted_news_go_next),
        cmocka_unit_test(nothing_before_what_it_rests_on),
        cmocka_unit_test(new_spaces_out_of_order),
        cmocka_unit_test(what_is_lost_holds_nothing_up),
        cmocka_unit_test(a_vector_that_names_nobody),
        cmocka_unit_test(lost_on_the_way),
        cmocka_unit_test(rows_that_go_with_a_rollback),
        cmocka_unit_test(the_rest_of_a_large_segment),
        cmocka_unit_test(nothing_is_passed_over),
        cmocka_unit_test(news_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
