/* Feeds that have parted, and floors that settle them, at the door and on disk: what others have named of branches that are not held, and
 * what comes of a branch below a floor; each with memory that ends and a store that breaks off. proto/seal.md, Placing; proto/authority.md,
 * Floor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "parted.h"

/* ---------------------------------------------------------------- words of floors */

/* A floor, its closing and a cut are taken in whole, or nothing of them. */
static void words_on_what_stands(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    for (size_t i = 0; i < TROUBLES; i++) {
        const struct ward_dep third = named(f, C, 9, 3 + i, "");
        OK(&f->w, send_history(f, C, OFFICE, 9, 1, 4, "", &in));
        OK(&f->w, send_history(f, C, B, 9, 1, 4, "", &in));
        settle_at(f, &third);
        OK(&f->w, ward_revoke(f->w.d[OFFICE].r, &f->w.d[i ? B : A].grant, "lost", &f->w.err));
        assert_true(each_word(f, OFFICE, B, troubles[i]) > 50);
        assert_int_equal(feed_of(f, B, C, &f->space)->settled.seq, 3 + i);
    }
    finish(f);
}

/* ---------------------------------------------------------------- a shattered feed */

/* As many branches as are held, from seq `leaves` on, and other ones at each. */
static void shatter(struct fixture *f, size_t to, uint64_t leaves)
{
    struct ward_ingested in;
    char words[20];
    OK(&f->w, send_history(f, C, to, 9, 1, 6, "", &in));
    for (unsigned i = 0; i < WARD_BRANCHES_MAX; i++) {
        snprintf(words, sizeof words, "%zu %u", to, i);
        OK(&f->w, send_history(f, C, to, leaves, leaves + 1, leaves + 2, words, &in));
    }
    assert_true(ward_directory_shattered(&f->w.d[to].r->dir, feed_of(f, to, C, &f->space)));
}

/* Beyond where a feed has shattered nobody can hold all there is: what somebody names there is taken for said, its depth too, by whoever
 * holds it and by whoever does not. */
static void what_is_named_of_a_shattered_feed(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_hash b, office;
    struct pen p;
    shatter(f, B, 4);
    shatter(f, OFFICE, 4);
    const struct ward_dep held = named(f, C, 4, 5, "0 3"), shared = named(f, C, 9, 4, ""); /* held at the office, not at B */
    struct ward_dep forged = shared, far = held;
    forged.hash = held.hash;
    far.seq = 77;
    const struct {
        const char *what;
        const struct ward_dep *dep;
        uint64_t depth;
        int code;
    } refused[] = {
        {"another change where all agree", &forged, 5, WARD_ERR_DEP_HASH},
        {"shallow where all agree", &shared, 4, WARD_ERR_DEPTH},
        {"no depth at all beyond", &held, 0, WARD_ERR_RANGE},
        {"deeper than can be", &held, 1 + WARD_DEPTH_LEAP, WARD_ERR_DEPTH},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        for (size_t to = OFFICE; to <= B; to += B) {
            pen_new(&p, &f->w, A, &f->space);
            pen_say(&p, refused[i].depth, refused[i].dep, 1, "refused");
            pen_seal(&p);
            int rc = pen_send(&p, to, &in);
            if (rc != refused[i].code)
                fail_msg("%s, at %zu: %d", refused[i].what, to, rc);
            pen_free(&p);
        }
    pen_new(&p, &f->w, A, &f->space);
    pen_say(&p, 6, &held, 1, "has seen a branch");
    pen_say(&p, 7, &far, 1, "and what nobody knows");
    pen_say(&p, 8, NULL, 0, "and goes on");
    pen_seal(&p);
    const struct ward_run run = pen_run(&p);
    for (size_t i = 0; i < TROUBLES; i++) {
        assert_true(troubles[i](&f->w, i ? OFFICE : B, &run) > 10);
        assert_int_equal(feed_of(f, i ? OFFICE : B, A, &f->space)->head_seq, 3);
    }
    pen_free(&p);
    OK(&f->w, ward_state_digest(f->w.d[B].r, &f->space, &b, &f->w.err));
    OK(&f->w, ward_state_digest(f->w.d[OFFICE].r, &f->space, &office, &f->w.err));
    assert_memory_equal(&b, &office, sizeof b);
    /* What it has seen is told by its number, and never told again. */
    pen_new(&p, &f->w, A, &f->space);
    p.head = feed_of(f, B, A, &f->space)->head_hash;
    p.seq = 3;
    pen_next(&p);
    pen_say(&p, 9, &held, 1, "again");
    pen_seal(&p);
    assert_int_equal(pen_send(&p, B, &in), WARD_ERR_DEP_ORDER);
    pen_free(&p);
    assert_sound(&f->w);
}

/* ---------------------------------------------------------------- below a floor */

/* B holds C's feed and a branch of it, and A has written with knowledge of the branch. Then all of the trunk up to 5 is settled. */
static void a_branch_below(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_hash digest, state_before, state_after;
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    struct pen p;
    bool got = true;
    const struct ward_dep settled = named(f, C, 9, 5, ""), branch = named(f, C, 2, 7, "branch"), further = named(f, C, 2, 8, "branch");
    const struct ward_grant as = {.id = f->w.d[C].grant, .unit = unit_id('a'), .role = WARD_ROLE_CELL};
    OK(&f->w, send_history(f, C, B, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, B, 2, 3, 8, "branch", &in));
    const uint32_t row = in.fid;
    OK(&f->w, send_history(f, C, OFFICE, 9, 1, 6, "", &in));
    pen_new(&p, &f->w, A, &f->space);
    pen_say(&p, 8, &branch, 1, "has seen the branch");
    pen_seal(&p);
    OK(&f->w, pen_send(&p, B, &in));
    const struct ward_feed *trunk = feed_of(f, B, C, &f->space);
    assert_true(trunk->forked && trunk->limit == 2);
    digest = ward_directory_space_by_id(&f->w.d[B].r->dir, &f->space)->digest;
    /* The branch is no part of the feed any more, and what stands on the trunk has effect: on disk as well. */
    settle_at(f, &settled);
    for (size_t i = 0; i < TROUBLES; i++)
        each_word(f, OFFICE, B, troubles[i]);
    for (int again = 0; again < 2; again++) {
        trunk = feed_of(f, B, C, &f->space);
        assert_false(trunk->forked);
        assert_true(ward_directory_feed(&f->w.d[B].r->dir, row)->below);
        assert_int_equal(trunk->settled.seq, 5);
        assert_true(trunk->limit == UINT64_MAX);
        assert_memory_not_equal(&ward_directory_space_by_id(&f->w.d[B].r->dir, &f->space)->digest, &digest, sizeof digest);
        OK(&f->w, ward_replica_reload(f->w.d[B].r, &f->w.err));
    }
    /* It is not passed on. */
    ward_stream_init(&s, f->w.d[B].r, &as);
    ward_buf_init(&frame, &f->w.d[B].outside.env);
    while (got) {
        OK(&f->w, ward_stream_next(&s, &frame, &streamed, &got, &f->w.err));
        assert_true(!got || streamed.fid != row);
    }
    assert_int_equal(ward_stream_backlog(&s), 0);
    ward_stream_free(&s);
    ward_buf_free(&frame);
    /* Whoever has seen more of it may say so where it is held; of the trunk that tells as much. */
    pen_next(&p);
    pen_say(&p, 9, &further, 1, "has seen more of it");
    pen_seal(&p);
    OK(&f->w, pen_send(&p, B, &in));
    const struct ward_feed *author = feed_of(f, B, A, &f->space);
    assert_int_equal(ward_vv_get(&author->vv, feed_of(f, B, C, &f->space)->fid), 8);
    pen_free(&p);
    OK(&f->w, ward_state_digest(f->w.d[B].r, &f->space, &state_before, &f->w.err));
    struct ward_apply a;
    OK(&f->w, ward_apply_begin(&a, f->w.d[B].r, &f->w.err));
    int rc = ward_apply_replay(&a, feed_of(f, B, C, &f->space)->sid, &f->w.err);
    OK(&f->w, ward_apply_end(&a, rc, &f->w.err));
    OK(&f->w, ward_state_digest(f->w.d[B].r, &f->space, &state_after, &f->w.err));
    assert_memory_equal(&state_before, &state_after, sizeof state_after);
    assert_sound(&f->w);
}

/* A floor by which just that has effect which had it before: the branch goes out of what is compared, and nothing else moves. */
static void a_branch_below_and_no_more_effect(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_hash before, after, digest;
    const struct ward_dep settled = named(f, C, 9, 5, "");
    OK(&f->w, send_history(f, C, B, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, OFFICE, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, B, 2, 3, 8, "branch", &in));
    OK(&f->w, ward_state_digest(f->w.d[B].r, &f->space, &before, &f->w.err));
    digest = ward_directory_space_by_id(&f->w.d[B].r->dir, &f->space)->digest;
    settle_upto(f, &settled, 2);
    each_word(f, OFFICE, B, just_take);
    OK(&f->w, ward_state_digest(f->w.d[B].r, &f->space, &after, &f->w.err));
    assert_memory_equal(&before, &after, sizeof after);
    OK(&f->w, ward_replica_reload(f->w.d[B].r, &f->w.err));
    const struct ward_space *here = ward_directory_space_by_id(&f->w.d[B].r->dir, &f->space),
                            *there = ward_directory_space_by_id(&f->w.d[OFFICE].r->dir, &f->space);
    assert_memory_not_equal(&here->digest, &digest, sizeof digest);
    assert_memory_equal(&here->digest, &there->digest, sizeof digest);
    assert_int_equal(feed_of(f, B, C, &f->space)->limit, 2);
    assert_sound(&f->w);
}

/* Who closed a floor is found to have written another history from before it: what is settled stands, for its history may be gone. So it is
 * whichever of the two came first. */
static void a_floor_of_somebody_who_parts(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_hash ward;
    struct pen p;
    uint64_t depth;
    const struct ward_dep third = named(f, C, 9, 3, "");
    ward_space_of_ward(f->w.d[OFFICE].r, &ward);
    for (size_t to = OFFICE; to <= B; to++)
        OK(&f->w, send_history(f, C, to, 9, 1, 5, "", &in));
    each_word(f, OFFICE, A, just_take);
    each_word(f, OFFICE, B, just_take);
    pen_new(&p, &f->w, OFFICE, &ward);
    p.seq = feed_of(f, OFFICE, OFFICE, &ward)->head_seq;
    OK(&f->w, ward_chain_at(f->w.d[OFFICE].r, feed_of(f, OFFICE, OFFICE, &ward)->fid, p.seq, &p.head, &depth, &f->w.err));
    pen_next(&p);
    pen_say(&p, depth + 1, NULL, 0, "another history");
    pen_seal(&p);
    settle_at(f, &third);
    OK(&f->w, pen_send(&p, A, &in));
    each_word(f, OFFICE, A, just_take);
    each_word(f, OFFICE, B, just_take);
    assert_int_equal(feed_of(f, B, C, &f->space)->settled.seq, 3);
    OK(&f->w, pen_send(&p, B, &in));
    pen_free(&p);
    for (size_t at = A; at <= B; at++) {
        assert_true(feed_of(f, at, OFFICE, &ward)->forked);
        assert_int_equal(feed_of(f, at, C, &f->space)->settled.seq, 3);
        OK(&f->w, ward_replica_reload(f->w.d[at].r, &f->w.err));
        assert_int_equal(feed_of(f, at, C, &f->space)->settled.seq, 3);
    }
    assert_sound(&f->w);
}

/* ---------------------------------------------------------------- rows beside each other */

/* A run that more rows than one could go on: each is looked at, wherever memory or the store ends. */
static void a_run_that_several_rows_could_hold(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct pen p;
    OK(&f->w, send_history(f, C, B, 9, 1, 4, "", &in));
    OK(&f->w, send_history(f, C, B, 9, 5, 8, "", &in));
    OK(&f->w, send_history(f, C, B, 4, 5, 8, "branch", &in));
    for (size_t i = 0; i < TROUBLES; i++) {
        write_history(&p, f, C, 99, 7, 9 + i, "");
        const struct ward_run run = pen_run(&p);
        assert_true(troubles[i](&f->w, B, &run) > 5);
        pen_free(&p);
        assert_int_equal(feed_of(f, B, C, &f->space)->head_seq, 9 + i);
    }
    finish(f);
}

/* The number of a row is given to another for the first time, and there is no memory to note it. */
static void no_memory_for_a_number_given_anew(void **state)
{
    struct fixture *f = *state;
    struct pen p;
    shatter(f, B, 4);
    const uint64_t reused = f->w.d[B].r->reused;
    write_history(&p, f, C, 3, 4, 5, "earlier");
    const struct ward_run run = pen_run(&p);
    assert_true(each_shortage_of_a_run(&f->w, B, &run) > 5);
    pen_free(&p);
    assert_true(f->w.d[B].r->reused > reused);
    assert_int_equal(feed_of(f, B, C, &f->space)->fork, 3);
    assert_sound(&f->w);
}

/* What a dep names is looked up at the door, and counts by seq where it is applied: it may have given way since. A feed that is not here
 * is damage. */
static void deps_that_are_gone(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[B].r;
    struct ward_ingested in;
    struct ward_vv vv = {.len = 0};
    const struct ward_feed *row;
    uint64_t depth;
    size_t at = 0;
    int rc;
    OK(&f->w, send_history(f, C, B, 9, 1, 6, "", &in));
    const uint32_t trunk = in.fid;
    OK(&f->w, send_history(f, C, B, 4, 5, 6, "branch", &in));
    const struct ward_dep fine = named(f, C, 4, 5, "branch"), other = named(f, C, 4, 5, "of nobody"), beyond = named(f, C, 9, 9, "");
    const struct ward_dep unknown = {.feed = {{9}}, .seq = 1};
    assert_int_equal(ward_dep_find(r, &unknown, &row, &depth, &f->w.err), WARD_ERR_DEP_MISSING);
    assert_int_equal(ward_dep_find(r, &other, &row, &depth, &f->w.err), WARD_ERR_DEP_HASH);
    assert_int_equal(ward_dep_find(r, &beyond, &row, &depth, &f->w.err), WARD_ERR_DEP_MISSING);
    assert_int_equal(ward_dep_see(r, &vv, &unknown, &f->w.err), WARD_ERR_CORRUPT);
    assert_int_equal(vv.len, 0);
    do {
        ward_chain_forget(r);
        stop_at(r, 1, at++);
        rc = ward_dep_find(r, &fine, &row, &depth, &f->w.err);
        stop_at(r, 0, SIZE_MAX);
        assert_true(rc == WARD_OK || rc == WARD_ERR_STORE);
    } while (rc);
    assert_true(at > 2);
    OK(&f->w, ward_dep_see(r, &vv, &fine, &f->w.err));
    assert_int_equal(ward_vv_get(&vv, trunk), 5);
    ward_vv_free(&vv, &r->env);
}

/* Where a branch leaves, what its author had seen is gathered from the log: a damaged one is said to be that. */
static void a_damaged_beginning(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    char sql[160];
    OK(&f->w, send_history(f, C, B, 9, 1, 2, "", &in));
    OK(&f->w, send_history(f, C, B, 9, 3, 6, "", &in));
    snprintf(sql, sizeof sql, "UPDATE ward_segment SET data = zeroblob(length(data)) WHERE fid = %u AND first = 1", (unsigned)in.fid);
    assert_int_equal(sqlite3_exec(f->w.d[B].r->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(f->w.d[B].r->store->db), 1);
    assert_int_equal(send_history(f, C, B, 4, 5, 6, "branch", &in), WARD_ERR_CORRUPT);
    assert_false(feed_of(f, B, C, &f->space)->forked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_on_what_stands),
        TEST(what_is_named_of_a_shattered_feed),
        TEST(a_branch_below),
        TEST(a_branch_below_and_no_more_effect),
        TEST(a_floor_of_somebody_who_parts),
        TEST(a_run_that_several_rows_could_hold),
        TEST(no_memory_for_a_number_given_anew),
        TEST(deps_that_are_gone),
        TEST(a_damaged_beginning),
    };
    return cmocka_run_group_tests_name("parted", tests, NULL, NULL);
}
