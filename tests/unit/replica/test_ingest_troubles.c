/* Runs at the door, and on their way out, where memory ends or the store breaks off: whole or not at all, and again afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "door.h"

/* All that the office has, run by run: devices, a cut that takes back what was applied, records in conflict, dependencies across feeds. */
static size_t run_by_run(struct fixture *f, each_trouble *each)
{
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    struct ward_ingested in;
    struct pen p;
    size_t points = 0;
    bool got = true;
    put(f, A, &f->space, "by a");
    put(f, A, &f->space, "by a again");
    put(f, B, &f->space, "by b");
    give(&f->w, A, B);
    give(&f->w, A, C);
    put(f, B, &f->space, "having seen a");
    meet_all(&f->w);
    OK(&f->w, ward_revoke(f->w.d[OFFICE].r, &f->w.d[A].grant, "lost", &f->w.err));
    put(f, A, &f->space, "beyond the cut");
    give(&f->w, A, OFFICE);
    size_t late = admit_silent(&f->w, 'b', WARD_ROLE_CELL, 5);
    const struct ward_grant as = {.id = f->w.d[late].grant, .unit = f->w.d[late].unit, .role = WARD_ROLE_CELL};
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    OK(&f->w, ward_space_of_circle(f->w.d[late].r, &f->space, circle, 2, &f->w.err));
    ward_stream_init(&s, f->w.d[OFFICE].r, &as);
    ward_buf_init(&frame, &f->w.d[OFFICE].outside.env);
    OK(&f->w, ward_stream_seek(&s, &f->w.err));
    for (;;) {
        struct ward_message m;
        OK(&f->w, ward_stream_next(&s, &frame, &streamed, &got, &f->w.err));
        if (!got)
            break;
        OK(&f->w, ward_frame_parse(&m, frame.p, frame.len, &f->w.err));
        points += each(&f->w, late, &m.run);
    }
    ward_stream_free(&s);
    ward_buf_free(&frame);
    /* And what begins before the head, on changes in the middle of runs: of the first, and of one after another. */
    pen_new(&p, &f->w, C, &f->space);
    write_upto(&p, 1, 4, 0);
    assert_int_equal(pen_send(&p, late, &in), WARD_OK);
    write_upto(&p, 5, 8, 0);
    assert_int_equal(pen_send(&p, late, &in), WARD_OK);
    write_upto(&p, 7, 10, 0);
    const struct ward_dep first = dep_on(f, late, B, 1);
    pen_say(&p, 11, &first, 1, "on the first of two");
    pen_seal(&p);
    const struct ward_run run = pen_run(&p);
    points += each(&f->w, late, &run);
    pen_free(&p);
    finish(f);
    return points;
}

static void no_memory(void **state)
{
    size_t points = run_by_run(*state, each_shortage_of_a_run);
    print_message("%zu failing allocations\n", points);
    assert_true(points > 50);
}

static void no_store(void **state)
{
    size_t points = run_by_run(*state, each_stop_of_a_run);
    print_message("%zu steps of the store failing\n", points);
    assert_true(points > 50);
}

/* A cut takes back what has been applied here: broken off in the middle of replaying, all stands as before. */
static void no_store_to_take_back(void **state)
{
    struct fixture *f = *state;
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    struct ward_message m;
    struct ward_status status;
    bool got = true;
    size_t points = 0;
    const struct ward_grant as = {.id = f->w.d[B].grant, .unit = f->w.d[B].unit, .role = WARD_ROLE_CELL};
    put(f, A, &f->space, "within the cut");
    give(&f->w, A, OFFICE);
    put(f, A, &f->space, "beyond the cut");
    give(&f->w, A, B);
    OK(&f->w, ward_status(f->w.d[B].r, &status, &f->w.err));
    assert_int_equal(status.quarantined, 0);
    OK(&f->w, ward_revoke(f->w.d[OFFICE].r, &f->w.d[A].grant, "lost", &f->w.err));
    ward_stream_init(&s, f->w.d[OFFICE].r, &as);
    ward_buf_init(&frame, &f->w.d[OFFICE].outside.env);
    OK(&f->w, ward_stream_seek(&s, &f->w.err));
    for (;;) {
        OK(&f->w, ward_stream_next(&s, &frame, &streamed, &got, &f->w.err));
        if (!got)
            break;
        OK(&f->w, ward_frame_parse(&m, frame.p, frame.len, &f->w.err));
        points += each_stop_of_a_run(&f->w, B, &m.run);
    }
    ward_stream_free(&s);
    ward_buf_free(&frame);
    OK(&f->w, ward_status(f->w.d[B].r, &status, &f->w.err));
    assert_int_equal(status.quarantined, 1);
    assert_true(points > 50);
    finish(f);
}

/* Many devices admitted in one change: the directory of them grows on the way. */
static void no_memory_for_devices(void **state)
{
    enum { MANY = 40 };
    struct fixture *f = *state;
    static uint8_t raw[MANY][256];
    struct ward_op ops[MANY];
    struct ward_status before, after;
    struct ward_hash ward_space;
    struct pen p;
    size_t other = admit(&f->w, 'a', WARD_ROLE_OPERATOR, 9);
    give(&f->w, OFFICE, B);
    ward_space_of_ward(f->w.d[OFFICE].r, &ward_space);
    for (uint32_t i = 0; i < MANY; i++) {
        struct ward_grant g = {.role = WARD_ROLE_CELL, .unit = {{(uint8_t)(i + 1)}}}, checked;
        struct ward_buf b;
        memcpy(g.sign_pk, f->w.d[C].r->keys->sign.pk, 32);
        memcpy(g.link_pk, f->w.d[C].r->keys->link_pk, 32);
        ward_buf_init(&b, &f->w.d[C].outside.env);
        ward_grant_write(&b, &g);
        OK(&f->w, ward_grant_parse(&checked, b.p, b.len, &f->w.err));
        raw[i][0] = 0x58;
        raw[i][1] = (uint8_t)b.len;
        memcpy(raw[i] + 2, b.p, b.len);
        ops[i] = (struct ward_op){.record = i, .kind = WARD_KIND_GRANT, .field = WARD_GRANT_BODY, .raw = raw[i], .raw_len = 2 + b.len};
        ward_grant_entity(&ops[i].entity, &checked.id);
        ward_buf_free(&b);
    }
    OK(&f->w, ward_status(f->w.d[B].r, &before, &f->w.err));
    pen_new(&p, &f->w, other, &ward_space);
    pen_write(&p, 1, NULL, 0, ops, MANY);
    pen_seal(&p);
    const struct ward_run run = pen_run(&p);
    assert_true(each_shortage_of_a_run(&f->w, B, &run) > 10);
    OK(&f->w, ward_status(f->w.d[B].r, &after, &f->w.err));
    assert_int_equal(after.devices, before.devices + MANY);
    pen_free(&p);
}

/* C's first changes, "same" up to seq `leaves`, and one more that nobody else has. */
static void write_branch(struct pen *p, struct fixture *f, uint64_t leaves, const char *words)
{
    pen_new(p, &f->w, C, &f->space);
    for (uint64_t seq = 1; seq <= leaves; seq++)
        pen_say(p, seq, NULL, 0, "same");
    pen_say(p, leaves + 1, NULL, 0, words);
    pen_seal(p);
}

/* The office is known to hold all that is here. */
static void note_peer(struct fixture *f, size_t at)
{
    ward_replica *r = f->w.d[at].r;
    struct ward_store_peer p = {.grant = f->w.d[OFFICE].grant};
    for (size_t i = 0; i < r->dir.feed_count; i++)
        assert_int_equal(ward_vv_raise(&p.have, &r->env, r->dir.feeds[i].fid, r->dir.feeds[i].head_seq), WARD_OK);
    OK(&f->w, ward_store_begin(r->store, &f->w.err));
    OK(&f->w, ward_store_put_peer(r->store, &p, &f->w.err));
    OK(&f->w, ward_store_commit(r->store, &f->w.err));
    ward_vv_free(&p.have, &r->env);
}

/* A branch takes the place of another or does not; who held that one is not taken to hold this. */
static void a_branch_in_the_place_of_another(void **state)
{
    static each_trouble *const troubles[] = {each_shortage_of_a_run, each_stop_of_a_run};
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_run run;
    struct pen p;
    char words[] = "0";
    for (unsigned i = 0; i <= WARD_BRANCHES_MAX; i++, words[0]++) {
        write_branch(&p, f, 4, words);
        assert_int_equal(pen_send(&p, B, &in), WARD_OK);
        pen_free(&p);
    }
    for (uint64_t i = 0; i < 2; i++) {
        struct ward_store_peer peer;
        note_peer(f, B);
        write_branch(&p, f, 3 - i, "earlier");
        run = pen_run(&p);
        assert_true(troubles[i](&f->w, B, &run) > 10);
        pen_free(&p);
        assert_int_equal(feed_of(f, B, C, &f->space)->fork, 3 - i);
        OK(&f->w, ward_store_get_peer(f->w.d[B].r->store, &f->w.d[OFFICE].grant, &peer, &f->w.err));
        assert_int_equal(peer.have.len, f->w.d[B].r->dir.feed_count - 1);
        ward_vv_free(&peer.have, &f->w.d[B].r->env);
    }
    finish(f);
}

/* With some runs older segments are joined: all of that, or nothing of it. */
static void joined_whole_or_not(void **state)
{
    static each_trouble *const troubles[] = {each_shortage_of_a_run, each_stop_of_a_run};
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_segment seg;
    struct pen p;
    uint32_t longest = 1;
    put(f, A, &f->space, "beside it"); /* across which nothing moves */
    give(&f->w, A, B);
    pen_new(&p, &f->w, C, &f->space);
    for (uint64_t i = 0; i < 2; i++) {
        const uint64_t due = WARD_LOG_RECENT + (1 + i) * WARD_JOIN_EVERY;
        while (p.seq < due) {
            pen_next(&p);
            pen_say(&p, p.seq + 1, NULL, 0, "one by one");
            pen_seal(&p);
            if (p.seq < due)
                OK(&f->w, pen_send(&p, B, &in));
        }
        const struct ward_run run = pen_run(&p);
        assert_true(troubles[i](&f->w, B, &run) > 20);
        OK(&f->w, ward_store_find_segment(f->w.d[B].r->store, feed_of(f, B, C, &f->space)->fid, 1, &seg, &f->w.err));
        assert_true(seg.count > longest && seg.count >= WARD_JOIN_LEAST);
        longest = seg.count;
    }
    pen_free(&p);
    finish(f);
}

/* What is joined can never be parted again: of long changes no more than goes in one run. */
static void joined_no_longer_than_a_run(void **state)
{
    struct fixture *f = *state;
    struct dice dice = {7};
    struct ward_ingested in;
    struct ward_segment seg;
    struct pen p;
    static uint8_t raw[3 + 1500] = {0x59, 1500 >> 8, 1500 & 255};
    const struct ward_op op = {.kind = KIND_OTHER, .entity = unit_id('#'), .field = NAME, .raw = raw, .raw_len = sizeof raw};
    pen_new(&p, &f->w, C, &f->space);
    while (p.seq < WARD_LOG_RECENT + 2 * WARD_JOIN_EVERY) {
        for (size_t i = 3; i < sizeof raw; i++)
            raw[i] = (uint8_t)dice_next(&dice);
        pen_next(&p);
        pen_write(&p, p.seq + 1, NULL, 0, &op, 1);
        pen_seal(&p);
        OK(&f->w, pen_send(&p, B, &in));
    }
    for (uint64_t seq = 1; seq < WARD_JOIN_EVERY; seq += seg.count) {
        OK(&f->w, ward_store_find_segment(f->w.d[B].r->store, in.fid, seq, &seg, &f->w.err));
        assert_true(seg.len <= WARD_RUN_USUAL + sizeof raw);
    }
    pen_free(&p);
    finish(f);
}

/* Another program has made the plain tables by its own schema: they are made anew, with all that they show, or stay as they are. */
static void no_store_to_renew_tables(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[B].r;
    bool failed = true;
    size_t points = 0;
    put(f, A, &f->space, "by a");
    give(&f->w, A, B);
    r->store->plain_stale = true; /* as it is found when such a home is opened */
    sqlite3_progress_handler(r->store->db, 2, stop, NULL);
    for (size_t at = 0; failed; at++) {
        struct ward_apply a;
        store_steps = 0;
        store_stops_at = at;
        int rc = ward_apply_begin(&a, r, &f->w.err);
        if (!rc)
            rc = ward_apply_end(&a, WARD_OK, &f->w.err);
        failed = store_steps > at;
        points += failed;
        assert_int_equal(rc, failed ? WARD_ERR_STORE : WARD_OK);
    }
    store_stops_at = SIZE_MAX;
    sqlite3_progress_handler(r->store->db, 0, NULL, NULL);
    assert_false(ward_store_plain_stale(r->store));
    assert_true(points > 50);
    finish(f);
}

/* What is sent is whole or not sent: with each allocation failing, and then all over again. */
static void no_memory_to_send(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[A].r;
    const struct ward_grant as = {.id = f->w.d[B].grant, .unit = f->w.d[B].unit, .role = WARD_ROLE_CELL};
    static char long_text[15000];
    bool failed = true;
    size_t points = 0;
    memset(long_text, 'x', sizeof long_text - 1);
    put(f, A, &f->space, "short");
    put(f, A, &f->space, long_text);
    r->env.alloc = rationed;
    for (size_t at = 0; failed; at++) {
        struct ward_stream s;
        struct ward_buf frame;
        struct ward_streamed streamed;
        bool got = true;
        int rc;
        ward_stream_init(&s, r, &as);
        ward_buf_init(&frame, &r->env);
        alloc_calls = 0;
        alloc_fails_at = at;
        alloc_fails_on = false;
        rc = ward_stream_seek(&s, &f->w.err);
        while (!rc && got) {
            rc = ward_stream_next(&s, &frame, &streamed, &got, &f->w.err);
            if (!rc && got && streamed.fid == feed_of(f, A, A, &f->space)->fid)
                assert_int_equal(streamed.last, 2);
        }
        failed = alloc_calls > at;
        alloc_fails_at = SIZE_MAX;
        points += failed;
        assert_int_equal(rc, failed ? WARD_ERR_MEMORY : WARD_OK);
        if (!rc)
            assert_int_equal(ward_stream_backlog(&s), 0);
        ward_stream_free(&s);
        ward_buf_free(&frame);
    }
    r->env.alloc = outside_alloc;
    assert_true(points > 5);
    finish(f);
}

static void no_store_to_send(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[A].r;
    const struct ward_grant as = {.id = f->w.d[B].grant, .unit = f->w.d[B].unit, .role = WARD_ROLE_CELL};
    struct ward_buf frame;
    bool failed = true;
    size_t points = 0;
    put(f, A, &f->space, "one");
    give(&f->w, A, B);
    put(f, B, &f->space, "between");
    give(&f->w, B, A);
    put(f, A, &f->space, "two");
    put(f, A, &f->space, "three");
    uint32_t own = feed_of(f, A, A, &f->space)->fid;
    ward_buf_init(&frame, &r->env);
    sqlite3_progress_handler(r->store->db, 1, stop, NULL);
    for (size_t at = 0; failed; at++) {
        struct ward_stream s;
        struct ward_streamed streamed;
        bool got = true;
        uint64_t last = 0;
        ward_stream_init(&s, r, &as);
        assert_int_equal(ward_vv_raise(&s.have, &r->env, own, at % 2), WARD_OK); /* all of it, or from the second on */
        store_steps = 0;
        store_stops_at = at;
        int rc = ward_stream_seek(&s, &f->w.err);
        while (!rc && got) {
            rc = ward_stream_next(&s, &frame, &streamed, &got, &f->w.err);
            if (!rc && got && streamed.fid == own)
                last = streamed.last;
        }
        failed = store_steps > at;
        store_stops_at = SIZE_MAX;
        points += failed;
        assert_true(rc == WARD_ERR_STORE ||
                    rc == WARD_OK); /* that a reading transaction could not be ended is no failure of what it read */
        assert_true(failed || rc == WARD_OK);
        if (!rc)
            assert_int_equal(last, 3);
        ward_stream_free(&s);
    }
    sqlite3_progress_handler(r->store->db, 0, NULL, NULL);
    ward_buf_free(&frame);
    assert_true(points > 20);
    finish(f);
}

/* Showing anew for another schema, and replaying: broken off anywhere, nothing of it is seen, and it can be done again. */
static void no_store_to_show_anew(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[OFFICE].r;
    size_t points = 0;
    struct ward_hash before, after;
    put(f, A, &f->space, "by a");
    put(f, B, &f->space, "by b");
    meet_all(&f->w);
    put(f, A, &f->space, "having seen b");
    put_in(f, A, &f->space, TITLE, "by a");
    put_in(f, B, &f->space, TITLE, "by b"); /* a conflict */
    meet_all(&f->w);
    uint32_t sid = ward_directory_space_by_id(&r->dir, &f->space)->sid;
    OK(&f->w, ward_state_digest(r, &f->space, &before, &f->w.err));
    for (int replay = 0; replay < 2; replay++) {
        bool failed = true;
        sqlite3_progress_handler(r->store->db, 3, stop, NULL);
        for (size_t at = 0; failed; at++) {
            struct ward_apply a;
            f->w.err = (struct ward_error){0};
            store_steps = 0;
            store_stops_at = at;
            int rc = ward_apply_begin(&a, r, &f->w.err);
            if (!rc) {
                rc = replay ? ward_apply_replay(&a, sid, &f->w.err) : ward_apply_reshow(&a, sid, &f->w.err);
                rc = ward_apply_end(&a, rc, &f->w.err);
            }
            failed = store_steps > at;
            store_stops_at = SIZE_MAX;
            points += failed;
            if (rc && !failed)
                print_error("replay %d, at %zu: %s\n", replay, at, f->w.err.detail);
            assert_int_equal(rc, failed ? WARD_ERR_STORE : WARD_OK);
            OK(&f->w, ward_state_digest(r, &f->space, &after, &f->w.err));
            assert_memory_equal(after.b, before.b, 32);
        }
        sqlite3_progress_handler(r->store->db, 0, NULL, NULL);
    }
    print_message("%zu steps of the store failing\n", points);
    assert_true(points > 50);
    finish(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_memory),
        TEST(no_memory_for_devices),
        TEST(a_branch_in_the_place_of_another),
        TEST(joined_whole_or_not),
        TEST(joined_no_longer_than_a_run),
        TEST(no_store_to_renew_tables),
        TEST(no_memory_to_send),
        TEST(no_store),
        TEST(no_store_to_take_back),
        TEST(no_store_to_send),
        TEST(no_store_to_show_anew),
    };
    return cmocka_run_group_tests_name("ingest_troubles", tests, NULL, NULL);
}
