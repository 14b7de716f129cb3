/* Small segments of a feed are joined behind what arrived last: under one seal, in the order in which they arrived, and nobody notices. An
 * office and three tablets, two of them of unit a. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "replica/apply.h"
#include "replica/log.h"
#include "replicas.h"
#include "shell/store_sql.h"
#include "values/feed.h"

enum { OFFICE, A, A2, B, LATER };
#define WRITERS    4
#define SHOWN_MOST 4096

struct shown {
    struct ward_hash feed, space, grant;
    uint64_t seq;
};

struct fixture {
    struct world w;
    struct ward_hash own, both;            /* the circles {a} and {a, b} */
    struct ward_stream to_office[WRITERS]; /* of each device but the office: live */
    struct shown arrived[SHOWN_MOST];      /* at the office, as they came */
    size_t arrived_count;
    unsigned said;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    assert_non_null(f);
    world_found(&f->w, 81);
    assert_int_equal(admit_silent(&f->w, 'a', WARD_ROLE_CELL, 81), A);
    assert_int_equal(admit_silent(&f->w, 'a', WARD_ROLE_CELL, 82), A2);
    assert_int_equal(admit_silent(&f->w, 'b', WARD_ROLE_CELL, 83), B);
    for (size_t i = OFFICE; i <= B; i++) {
        const struct ward_grant office = {.id = f->w.d[OFFICE].grant, .unit = f->w.d[OFFICE].unit, .role = WARD_ROLE_OPERATOR};
        if (i != OFFICE)
            carry_raw(&f->w, OFFICE, i);
        OK(&f->w, ward_space_of_circle(f->w.d[i].r, &f->own, circle, 1, &f->w.err));
        OK(&f->w, ward_space_of_circle(f->w.d[i].r, &f->both, circle, 2, &f->w.err));
        ward_stream_init(&f->to_office[i], f->w.d[i].r, &office);
        for (size_t k = 0; i != OFFICE && k < f->w.d[i].r->dir.feed_count; k++)
            assert_int_equal(
                ward_vv_raise(&f->to_office[i].have, &f->w.d[i].r->env, f->w.d[i].r->dir.feeds[k].fid, f->w.d[i].r->dir.feeds[k].head_seq),
                0);
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < WRITERS; i++)
        ward_stream_free(&f->to_office[i]);
    world_close(&f->w);
    free(f);
    return 0;
}

static void say_in(struct fixture *f, ward_replica *r, const struct ward_hash *space, const char *more)
{
    char text[60];
    ward_txn *t;
    snprintf(text, sizeof text, "said for the %uth time", ++f->said);
    struct ward_id id = unit_id((char)('p' + f->said % 7));
    struct ward_value v = ward_value_text(more ? more : text);
    OK(&f->w, ward_begin(r, &t, &f->w.err));
    OK(&f->w, ward_put(t, space, KIND_ITEM, &id, NOTE, NULL, 0, &v, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
}

static void say(struct fixture *f, size_t who, const struct ward_hash *space)
{
    say_in(f, f->w.d[who].r, space, NULL);
}

static void note_arrival(struct fixture *f, uint32_t fid, uint64_t seq)
{
    const struct ward_feed *feed = ward_directory_feed(&f->w.d[OFFICE].r->dir, fid);
    assert_true(f->arrived_count < SHOWN_MOST);
    f->arrived[f->arrived_count++] =
        (struct shown){feed->id, ward_directory_space(&f->w.d[OFFICE].r->dir, feed->sid)->id, feed->grant, seq};
}

/* All that the office lacks of a device, each run in a transaction of its own. */
static void push(struct fixture *f, size_t who)
{
    struct ward_stream *s = &f->to_office[who];
    ward_replica *office = f->w.d[OFFICE].r;
    struct ward_streamed streamed;
    struct ward_buf frame;
    bool got = true;
    ward_buf_init(&frame, &f->w.d[who].outside.env);
    OK(&f->w, ward_stream_seek(s, &f->w.err));
    for (;;) {
        struct ward_message m;
        struct ward_ingested in;
        struct ward_apply a;
        OK(&f->w, ward_stream_next(s, &frame, &streamed, &got, &f->w.err));
        if (!got)
            break;
        OK(&f->w, ward_apply_begin(&a, office, &f->w.err));
        OK(&f->w, ward_frame_parse(&m, frame.p, frame.len, &f->w.err));
        OK(&f->w, ward_ingest_run(&a, &m.run, &in, &f->w.err));
        OK(&f->w, ward_apply_end(&a, WARD_OK, &f->w.err));
        for (uint64_t seq = in.last + 1 - in.applied; seq <= in.last; seq++)
            note_arrival(f, in.fid, seq);
    }
    ward_buf_free(&frame);
}

/* ---- what stands in a log */

struct counted {
    size_t segments, recent; /* of these the last so many hold one change each */
    uint64_t changes;
    uint32_t longest;
    size_t most_kept, most_raw;
};

static struct counted look_at_log(struct fixture *f, size_t who)
{
    ward_replica *r = f->w.d[who].r;
    struct counted c = {.segments = 0};
    struct ward_segment seg = {.seg = 0};
    struct ward_buf raw;
    bool got = true;
    ward_buf_init(&raw, &r->env);
    for (;;) {
        int rc = ward_store_next_segment(r->store, seg.seg, false, &seg, &got, &f->w.err);
        assert_true(rc == WARD_OK || rc == WARD_ERR_CORRUPT); /* on purpose */
        if (!got)
            break;
        c.segments++;
        if (ward_store_unpack(r->store, &seg, &raw, NULL)) /* the same */
            continue;
        c.recent = seg.count == 1 ? c.recent + 1 : 0;
        c.changes += seg.count;
        c.longest = seg.count > c.longest ? seg.count : c.longest;
        c.most_kept = seg.len > c.most_kept ? seg.len : c.most_kept;
        c.most_raw = raw.len > c.most_raw && seg.count > 1 ? raw.len : c.most_raw;
    }
    ward_buf_free(&raw);
    return c;
}

/* A new operator's device takes everything from the office: nothing stands before what it rests on. */
static void assert_another_takes_it(struct fixture *f)
{
    assert_int_equal(admit_silent(&f->w, 'o', WARD_ROLE_OPERATOR, 84), LATER);
    for (size_t i = A; i <= LATER; i++)
        carry_raw(&f->w, OFFICE, i);
    assert_converged(&f->w);
    assert_sound(&f->w);
}

static void give_all_to_the_office(struct fixture *f)
{
    for (size_t i = A; i <= B; i++)
        give(&f->w, i, OFFICE);
    for (size_t i = A; i <= B; i++)
        give(&f->w, OFFICE, i);
}

/* ---- writing alone */

static void what_is_written_one_by_one_is_joined(void **state)
{
    struct fixture *f = *state;
    const struct counted before = look_at_log(f, A);
    for (int i = 0; i < 900; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", i); /* short: the bytes are not what ends a segment */
        say_in(f, f->w.d[A].r, &f->own, text);
    }
    const struct counted c = look_at_log(f, A);
    assert_int_equal(c.changes, before.changes + 900);
    assert_true(c.segments < before.segments + WARD_LOG_RECENT + 2 * WARD_JOIN_EVERY + 10);
    assert_true(c.recent >= WARD_LOG_RECENT); /* these stand as they came */
    /* A device keeps as many seals of its own feeds as it makes in one go. */
    assert_true(c.longest > 64 && c.longest <= WARD_SEAL_EVERY);
    assert_true(c.most_raw <= WARD_SEAL_RAW);
    give_all_to_the_office(f);
    assert_another_takes_it(f);
}

static void few_or_long_ones_are_left(void **state)
{
    struct fixture *f = *state;
    char *text = calloc(1, 9001);
    const struct counted before = look_at_log(f, A);
    assert_non_null(text);
    memset(text, 'x', 9000);
    for (int i = 0; i < 220; i++) {
        snprintf(text, 9, "%08d", i);
        text[8] = 'x';
        say_in(f, f->w.d[A].r, &f->own, text);
    }
    const struct counted c = look_at_log(f, A);
    free(text);
    assert_int_equal(c.longest, before.longest);
    assert_int_equal(c.segments, before.segments + 220); /* two of these are more than an author seals at once */
    assert_sound(&f->w);
}

/* As many as are small in number may be long together. */
static void what_is_joined_ends_where_an_author_seals(void **state)
{
    struct fixture *f = *state;
    char text[601] = "";
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 600; i++) {
        text[snprintf(text, 9, "%08d", i)] = 'x';
        say_in(f, f->w.d[A].r, &f->own, text);
    }
    const struct counted c = look_at_log(f, A);
    assert_true(c.longest >= WARD_JOIN_LEAST && c.longest < 30 && c.most_raw <= WARD_SEAL_RAW);
    assert_sound(&f->w);
}

/* ---- pushed by many */

static void of_others_no_more_than_goes_into_one_run(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 500; i++) {
        char text[301] = ""; /* that does not pack well */
        for (size_t at = 0; at + 1 < sizeof text; at++)
            text[at] = (char)('0' + dice_below(&f->w.d[A].outside.dice, 64));
        say_in(f, f->w.d[A].r, &f->own, text);
        push(f, A);
    }
    const struct counted c = look_at_log(f, OFFICE);
    assert_true(c.longest >= WARD_JOIN_LEAST && c.longest < 64 && c.most_kept <= WARD_RUN_USUAL);
    assert_another_takes_it(f);
}

static void of_others_more_goes_under_one_seal(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 1500; i++) {
        say(f, A, &f->own);
        push(f, A);
    }
    const struct counted c = look_at_log(f, OFFICE);
    assert_true(c.segments < WARD_LOG_RECENT + 2 * WARD_JOIN_EVERY + 20);
    assert_true(c.recent >= WARD_LOG_RECENT);
    assert_true(c.longest > WARD_SEAL_EVERY && c.longest <= WARD_RUN_CHANGES_MAX);
    assert_true(c.most_kept <= WARD_RUN_USUAL);
    assert_another_takes_it(f);
}

struct listing {
    struct fixture *f;
    struct shown v[SHOWN_MOST];
    size_t count;
};

static int list(void *ctx, const struct ward_change_info *c, const struct ward_op_info *ops, size_t op_count)
{
    struct listing *l = ctx;
    (void)ops, (void)op_count;
    if (memcmp(&c->space, &l->f->own, sizeof c->space) != 0 && memcmp(&c->space, &l->f->both, sizeof c->space) != 0)
        return 0;
    assert_true(l->count < SHOWN_MOST);
    l->v[l->count++] = (struct shown){c->feed, c->space, c->grant, c->seq};
    return 0;
}

/* Of those that agree in `what` with the first of each, the order is the same. */
static void assert_same_order(const struct shown *a, const struct shown *b, size_t n, size_t what)
{
    size_t j = 0;
    for (size_t first = 0; first < n; first++) {
        const uint8_t *key = (const uint8_t *)&a[first] + what;
        bool seen = false;
        for (size_t i = 0; i < first && !seen; i++)
            seen = memcmp((const uint8_t *)&a[i] + what, key, 32) == 0;
        if (seen)
            continue;
        j = 0;
        for (size_t i = 0; i < n; i++) {
            if (memcmp((const uint8_t *)&a[i] + what, key, 32) != 0)
                continue;
            while (j < n && memcmp((const uint8_t *)&b[j] + what, key, 32) != 0)
                j++;
            assert_true(j < n);
            assert_memory_equal(&a[i].feed, &b[j].feed, 32);
            assert_int_equal(a[i].seq, b[j].seq);
            j++;
        }
    }
}

static void assert_order_of_arrival(struct fixture *f)
{
    struct listing *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->f = f;
    OK(&f->w, ward_history(f->w.d[OFFICE].r, NULL, list, l, &f->w.err));
    assert_int_equal(l->count, f->arrived_count);
    assert_same_order(f->arrived, l->v, l->count, offsetof(struct shown, space));
    assert_same_order(f->arrived, l->v, l->count, offsetof(struct shown, grant));
    for (size_t i = l->count - WARD_LOG_RECENT; i < l->count; i++) { /* and the last of all */
        assert_memory_equal(&l->v[i].feed, &f->arrived[i].feed, 32);
        assert_int_equal(l->v[i].seq, f->arrived[i].seq);
    }
    free(l);
}

/* In stretches, so that there is something to join, over two spaces, by devices that hear of each other now and then. */
static void the_order_of_arrival_stays(void **state)
{
    struct fixture *f = *state;
    struct dice dice = {7};
    for (int stretch = 0; stretch < 60; stretch++) {
        const size_t who = A + dice_below(&dice, 3);
        const struct ward_hash *space = who != B && dice_below(&dice, 2) ? &f->own : &f->both;
        if (dice_below(&dice, 3) == 0)
            carry_raw(&f->w, OFFICE, who);
        for (size_t i = 0; i < WRITERS; i++) /* what came from the office need not go back to it */
            for (size_t k = 0; i && k < f->w.d[i].r->dir.feed_count; k++)
                if (memcmp(&f->w.d[i].r->dir.feeds[k].grant, &f->w.d[i].grant, sizeof f->w.d[i].grant) != 0)
                    assert_int_equal(ward_vv_raise(&f->to_office[i].have, &f->w.d[i].r->env, f->w.d[i].r->dir.feeds[k].fid,
                                                   f->w.d[i].r->dir.feeds[k].head_seq),
                                     0);
        for (size_t n = 1 + dice_below(&dice, 40); n > 0; n--) {
            say(f, who, space);
            push(f, who);
        }
    }
    assert_order_of_arrival(f);
    const struct counted c = look_at_log(f, OFFICE);
    assert_true(c.segments < c.changes * 2 / 3);
    assert_another_takes_it(f);
}

/* Two write by turns: no two of one follow each other, neither in the space nor of the device. */
static void what_others_stand_between_is_left(void **state)
{
    struct fixture *f = *state;
    const struct counted before = look_at_log(f, OFFICE);
    for (int i = 0; i < 150; i++) {
        say(f, A, &f->both);
        push(f, A);
        say(f, B, &f->both);
        push(f, B);
    }
    for (int i = 0; i < 150; i++) {
        say(f, A2, i % 2 ? &f->both : &f->own);
        push(f, A2);
    }
    assert_int_equal(look_at_log(f, OFFICE).segments, before.segments + 450);
    assert_order_of_arrival(f);
}

/* ---- who holds part of what is joined */

static void who_holds_some_of_it_gets_the_rest(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++)
        say(f, A, &f->own);
    give(&f->w, A, OFFICE);
    for (int i = 0; i < 400; i++)
        say(f, A, &f->own);
    give_all_to_the_office(f);
    assert_converged(&f->w);
    assert_sound(&f->w);
}

/* The tablet's copy goes on by itself, and hears then that the tablet had done so: its own gives way, in the midst of what it has joined.
 */
static void what_gives_way_ends_within_a_segment(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    char copy[320];
    for (int i = 0; i < 50; i++)
        say(f, A, &f->own);
    give(w, A, OFFICE);
    ward_stream_free(&f->to_office[A]);
    ward_close(w->d[A].r);
    snprintf(copy, sizeof copy, "%s-copy", w->d[A].home);
    copy_home(w->d[A].home, copy);
    OK(w, ward_open(&w->d[A].r, w->d[A].home, &w->d[A].options, &w->err));
    for (int i = 0; i < 3; i++)
        say(f, A, &f->own);
    give(w, A, OFFICE);
    ward_close(w->d[A].r);
    OK(w, ward_open(&w->d[A].r, copy, &w->d[A].options, &w->err));
    for (int i = 0; i < 300; i++)
        say(f, A, &f->own);
    const struct counted c = look_at_log(f, A);
    assert_true(c.longest > 50);
    give(w, OFFICE, A);
    give_all_to_the_office(f);
    assert_converged(w);
    assert_sound(w);
    ward_stream_init(&f->to_office[A], w->d[A].r, &(struct ward_grant){.role = WARD_ROLE_OPERATOR});
}

/* ---- where memory ends, the store breaks off, or what it holds is damaged */

#define JOINED_AT (WARD_LOG_RECENT + 2 * WARD_JOIN_EVERY) /* the change of a feed with which more than one share of it is old */

static uint32_t fid_of(struct fixture *f, size_t who, const struct ward_hash *space)
{
    struct ward_hash id;
    ward_name_feed(&id, &f->w.d[who].r->ward, space, &f->w.d[who].grant);
    return ward_directory_feed_by_id(&f->w.d[who].r->dir, &id)->fid;
}

static size_t left; /* of what is rationed */

static void *rationed(void *ctx, void *p, size_t size)
{
    if (size && left-- == 0) {
        left = 0;
        return NULL;
    }
    return outside_alloc(ctx, p, size);
}

static int until_none_is_left(void *ctx)
{
    (void)ctx;
    return left == 0 || left-- == 0;
}

/* Adds the change that joins, with so much memory or so many of SQLite's steps left, and takes it back; *taken: how many segments would
 * have been taken in. */
static int try_to_join(struct fixture *f, size_t blocks, size_t steps, size_t *taken)
{
    static const uint8_t body[] = {0x80};
    ward_replica *r = f->w.d[A].r;
    struct ward_segment seg = {.fid = fid_of(f, A, &f->own), .first = JOINED_AT, .count = 1, .data = body, .len = sizeof body};
    struct ward_apply a;
    OK(&f->w, ward_apply_begin(&a, r, &f->w.err));
    const size_t before = look_at_log(f, A).segments;
    left = steps < blocks ? steps : blocks;
    if (steps != SIZE_MAX)
        sqlite3_progress_handler(r->store->db, 1, until_none_is_left, NULL);
    else
        r->env.alloc = rationed;
    int rc = ward_log_add(r, &seg, &f->w.err);
    sqlite3_progress_handler(r->store->db, 0, NULL, NULL);
    r->env.alloc = outside_alloc;
    *taken = rc ? 0 : before + 1 - look_at_log(f, A).segments;
    ward_apply_end(&a, WARD_ERR_CANCELLED, NULL);
    assert_int_equal(look_at_log(f, A).segments, before);
    return rc;
}

static void write_up_to_joining(struct fixture *f)
{
    say(f, A, &f->both); /* there is something behind which is not looked */
    for (unsigned i = 1; i < JOINED_AT; i++)
        say(f, A, &f->own);
}

static void no_memory_to_join(void **state)
{
    struct fixture *f = *state;
    size_t taken = 0, points = 0;
    write_up_to_joining(f);
    for (int rc = WARD_ERR_MEMORY; rc; points++) {
        rc = try_to_join(f, points, SIZE_MAX, &taken);
        assert_true(rc == WARD_OK || rc == WARD_ERR_MEMORY);
    }
    assert_true(points > 3 && taken > WARD_JOIN_LEAST);
}

static void no_store_to_join_in(void **state)
{
    struct fixture *f = *state;
    size_t taken = 0, points = 0;
    write_up_to_joining(f);
    for (int rc = WARD_ERR_STORE; rc; points++) {
        rc = try_to_join(f, SIZE_MAX, 3 * points, &taken);
        assert_true(rc == WARD_OK || rc == WARD_ERR_STORE);
    }
    assert_true(points > 100 && taken > WARD_JOIN_LEAST);
    say(f, A, &f->own);
    assert_sound(&f->w);
}

static void alter(struct fixture *f, const char *sql)
{
    assert_int_equal(sqlite3_exec(f->w.d[A].r->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* What is damaged, and what the log has lost, parts what is joined, and stands in nobody's way. */
static void damage_is_left_where_it_is(void **state)
{
    static const char *const damages[] = {"SELECT 1", "UPDATE ward_segment SET codec = 9 WHERE fid = %u AND first = 57",
                                          "DELETE FROM ward_segment WHERE fid = %u AND first = 57",
                                          "UPDATE ward_segment SET sig = x'00' WHERE fid = %u AND first BETWEEN 50 AND 70"};
    struct fixture *f = *state;
    char sql[200];
    size_t taken[4];
    write_up_to_joining(f);
    for (size_t i = 0; i < 4; i++) {
        snprintf(sql, sizeof sql, damages[i], fid_of(f, A, &f->own));
        alter(f, sql);
        assert_int_equal(try_to_join(f, SIZE_MAX, SIZE_MAX, &taken[i]), WARD_OK);
    }
    assert_true(taken[0] > taken[1] && taken[1] > 0 && taken[2] == taken[1]);
    assert_int_equal(taken[3], 0); /* the newest of those that are old is damaged: there is nothing to put them under */
}

/* ---- another process */

struct meanwhile {
    struct fixture *f;
    ward_replica *other;
    bool done;
};

static void write_meanwhile(void *ctx, const struct ward_event *e)
{
    struct meanwhile *m = ctx;
    (void)e;
    for (int i = 0; !m->done && i < 100; i++)
        say_in(m->f, m->other, &m->f->own, NULL);
    m->done = true;
}

static void whoever_verifies_meanwhile_finds_nothing_wrong(void **state)
{
    struct fixture *f = *state;
    struct ward_verify_result result;
    struct meanwhile m = {.f = f};
    for (int i = 0; i < 300; i++)
        say(f, A, &f->own);
    const struct counted before = look_at_log(f, A);
    OK(&f->w, ward_open(&m.other, f->w.d[A].home, &f->w.d[A].options, &f->w.err));
    OK(&f->w, ward_verify(f->w.d[A].r, false, NULL, &m, write_meanwhile, &result, &f->w.err));
    assert_true(m.done);
    assert_int_equal(result.bad, 0);
    assert_int_equal(result.changes, before.changes);
    assert_true(look_at_log(f, A).longest > before.longest);
    assert_sound(&f->w);
    ward_close(m.other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_one_by_one_is_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(few_or_long_ones_are_left, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_joined_ends_where_an_author_seals, setup, teardown),
        cmocka_unit_test_setup_teardown(of_others_no_more_than_goes_into_one_run, setup, teardown),
        cmocka_unit_test_setup_teardown(of_others_more_goes_under_one_seal, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_of_arrival_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_stand_between_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(who_holds_some_of_it_gets_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(what_gives_way_ends_within_a_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(no_memory_to_join, setup, teardown),
        cmocka_unit_test_setup_teardown(no_store_to_join_in, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_left_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_verifies_meanwhile_finds_nothing_wrong, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
