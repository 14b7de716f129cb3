/* Feeds that have parted, and floors that settle them, at the door and on disk: what others have named of branches that are not held, what
 * comes of a branch below a floor, what of a device's own; each with memory that ends and a store that breaks off. proto/seal.md, Placing;
 * proto/authority.md, Floor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "door.h"
#include "replica/base.h"
#include "replica/own.h"
#include "rules/floor.h"

static each_trouble *const troubles[] = {each_shortage_of_a_run, each_stop_of_a_run};
#define TROUBLES 2

/* The device's feed up to seq `last`: "same" up to `leaves`, then the words; the run begins at `first`. */
static void write_history(struct pen *p, struct fixture *f, size_t who, uint64_t leaves, uint64_t first, uint64_t last, const char *words)
{
    pen_new(p, &f->w, who, &f->space);
    for (uint64_t seq = 1; seq <= last; seq++) {
        if (seq == first)
            pen_next(p);
        pen_say(p, seq, NULL, 0, seq > leaves ? words : "same");
    }
    pen_seal(p);
}

static int send_history(struct fixture *f, size_t who, size_t to, uint64_t leaves, uint64_t first, uint64_t last, const char *words,
                        struct ward_ingested *in)
{
    struct pen p;
    write_history(&p, f, who, leaves, first, last, words);
    int rc = pen_send(&p, to, in);
    pen_free(&p);
    return rc;
}

/* What a history of the device comes to at seq. */
static struct ward_dep named(struct fixture *f, size_t who, uint64_t leaves, uint64_t seq, const char *words)
{
    struct pen p;
    write_history(&p, f, who, leaves, 1, seq, words);
    const struct ward_dep d = {p.feed, seq, p.head};
    pen_free(&p);
    return d;
}

/* ---------------------------------------------------------------- words of floors */

static void write_word(struct fixture *f, const struct ward_id *entity, uint32_t field, struct ward_value v)
{
    struct ward_hash space;
    ward_txn *t;
    ward_space_of_ward(f->w.d[OFFICE].r, &space);
    OK(&f->w, ward_begin(f->w.d[OFFICE].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &space, WARD_KIND_FLOOR, entity, field, NULL, 0, &v, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
}

/* Proposed and closed by the office, whoever holds it. */
static void settle_upto(struct fixture *f, const struct ward_dep *head, uint64_t effect)
{
    const struct ward_floor_entry entry = {.feed = head->feed, .seq = head->seq, .hash = head->hash, .effect = effect};
    struct ward_id entity;
    struct ward_hash name;
    struct ward_buf b;
    ward_floor_entity(&entity, &f->space);
    ward_buf_init(&b, &f->w.d[OFFICE].outside.env);
    ward_floor_write(&b, &entry, 1);
    ward_floor_name(&name, b.p, b.len);
    write_word(f, &entity, WARD_FLOOR_HEADS, (struct ward_value){.type = WARD_ARRAY, .p = b.p, .len = b.len});
    write_word(f, &entity, WARD_FLOOR_CLOSED, ward_value_bytes(name.b, sizeof name.b));
    ward_buf_free(&b);
}

static void settle_at(struct fixture *f, const struct ward_dep *head)
{
    settle_upto(f, head, head->seq);
}

/* What one has of a space, run by run, to another, against each trouble. */
static size_t each_run_in(struct fixture *f, size_t from, size_t to, const struct ward_hash *space, each_trouble *each)
{
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    struct ward_message m;
    bool got = true;
    size_t points = 0;
    const struct ward_grant as = {.id = f->w.d[to].grant, .unit = f->w.d[to].unit, .role = f->w.d[to].role};
    const uint32_t sid = ward_directory_space_by_id(&f->w.d[from].r->dir, space)->sid;
    ward_stream_init(&s, f->w.d[from].r, &as);
    ward_buf_init(&frame, &f->w.d[from].outside.env);
    for (;;) {
        OK(&f->w, ward_stream_next(&s, &frame, &streamed, &got, &f->w.err));
        if (!got)
            break;
        if (ward_directory_feed(&s.r->dir, streamed.fid)->sid != sid)
            continue;
        OK(&f->w, ward_frame_parse(&m, frame.p, frame.len, &f->w.err));
        points += each(&f->w, to, &m.run);
    }
    ward_stream_free(&s);
    ward_buf_free(&frame);
    return points;
}

static size_t each_word(struct fixture *f, size_t from, size_t to, each_trouble *each)
{
    struct ward_hash space;
    ward_space_of_ward(f->w.d[from].r, &space);
    return each_run_in(f, from, to, &space, each);
}

static size_t just_take(struct world *w, size_t to, const struct ward_run *run)
{
    struct ward_ingested in;
    OK(w, take_run(w, to, run, &in));
    return 1;
}

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

/* ---------------------------------------------------------------- a device's own feed */

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

static void stop_at(struct ward_replica *r, int steps, size_t at)
{
    store_steps = 0;
    store_stops_at = at;
    sqlite3_progress_handler(r->store->db, at == SIZE_MAX ? 0 : steps, stop, NULL);
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

/* ---------------------------------------------------------------- with a base */

/* C's history, which rests on A's first change: "same" up to `leaves`, then the words. */
static void write_resting(struct fixture *f, uint64_t leaves, uint64_t first, uint64_t last, const char *words, struct pen *p)
{
    const struct ward_dep a = dep_on(f, A, A, 1);
    pen_new(p, &f->w, C, &f->space);
    for (uint64_t seq = 1; seq <= last; seq++) {
        if (seq == first)
            pen_next(p);
        pen_say(p, seq + 1, &a, seq == 1, seq > leaves ? words : "same");
    }
    pen_seal(p);
}

/* A's change is of so many records, more than an arena's first block holds if they are many. B holds it, and eight of C's. */
static void begin_with_records(struct fixture *f, size_t records)
{
    static char text[1500];
    struct ward_ingested in;
    struct pen p;
    ward_txn *t;
    memset(text, 'x', records > 40 ? sizeof text / 3 : sizeof text - 1);
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    for (size_t i = 0; i < records; i++) {
        const struct ward_id id = {{(uint8_t)(i + 1), 1}};
        struct ward_value v = ward_value_text(text);
        OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &id, NOTE, NULL, 0, &v, &f->w.err));
    }
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    give(&f->w, A, B);
    write_resting(f, 99, 1, 8, "", &p);
    OK(&f->w, pen_send(&p, B, &in));
    pen_free(&p);
}

/* Up to A's first and C's sixth the space stands with its state alone. */
static int settle_base(struct fixture *f)
{
    struct ward_apply a;
    const struct ward_feed *of_a = feed_of(f, B, A, &f->space), *of_c = feed_of(f, B, C, &f->space);
    const struct ward_base_head heads[] = {{of_a->fid, 1}, {of_c->fid, 6}};
    const uint32_t sid = of_a->sid;
    int rc = ward_apply_begin(&a, f->w.d[B].r, &f->w.err);
    if (rc)
        return rc;
    rc = ward_base_settle(&a, sid, heads, 2, &f->w.err);
    return ward_apply_end(&a, rc, &f->w.err);
}

static int replay_space(struct fixture *f)
{
    struct ward_apply a;
    const uint32_t sid = feed_of(f, B, A, &f->space)->sid;
    int rc = ward_apply_begin(&a, f->w.d[B].r, &f->w.err);
    if (rc)
        return rc;
    rc = ward_apply_replay(&a, sid, &f->w.err);
    return ward_apply_end(&a, rc, &f->w.err);
}

static void begin_with_a_base(struct fixture *f)
{
    begin_with_records(f, 1);
    OK(&f->w, settle_base(f));
    const uint32_t sid = feed_of(f, B, A, &f->space)->sid;
    assert_int_equal(feed_of(f, B, C, &f->space)->base, 6);
    assert_true(ward_space_has_base(f->w.d[B].r, ward_directory_space(&f->w.d[B].r->dir, sid)));
}

/* A branch that leaves where the base ends, or beyond; below it is another history. */
static void branches_on_a_base(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_vv vv = {.len = 0};
    struct pen p;
    begin_with_a_base(f);
    for (size_t i = 0; i < TROUBLES; i++) {
        write_resting(f, 99, 9 + i, 9 + i, "", &p); /* C goes on */
        const struct ward_run run = pen_run(&p);
        assert_true(troubles[i](&f->w, B, &run) > 5);
        pen_free(&p);
        assert_int_equal(feed_of(f, B, C, &f->space)->head_seq, 9 + i);
    }
    for (size_t i = 0; i < TROUBLES; i++) {
        write_resting(f, 7 - i, 8 - i, 9, i ? "where the base ends" : "beyond", &p);
        const struct ward_run run = pen_run(&p);
        assert_true(troubles[i](&f->w, B, &run) > 5);
        pen_free(&p);
        assert_int_equal(feed_of(f, B, C, &f->space)->fork, 7 - i);
    }
    /* The same of one that begins below the base: what lies there is passed over. */
    write_resting(f, 8, 2, 12, "from below", &p);
    OK(&f->w, pen_send(&p, B, &in));
    assert_true(in.applied == 4 && in.forked);
    OK(&f->w, pen_send(&p, B, &in));
    assert_int_equal(in.applied, 0);
    pen_free(&p);
    write_resting(f, 8, 2, 13, "from below", &p);
    p.bodies.p[0] = 0xff; /* a body that is none, in what is passed over */
    assert_int_equal(pen_send(&p, B, &in), WARD_ERR_NONCANONICAL);
    pen_free(&p);
    const struct ward_feed *trunk = feed_of(f, B, C, &f->space);
    assert_int_equal(ward_vv_at(f->w.d[B].r, trunk->fid, 5, &vv, &f->w.err), WARD_ERR_HISTORY);
    OK(&f->w, ward_vv_at(f->w.d[B].r, trunk->fid, 6, &vv, &f->w.err));
    assert_int_equal(ward_vv_get(&vv, feed_of(f, B, A, &f->space)->fid), 1);
    ward_vv_free(&vv, &f->w.d[B].r->env);
    assert_sound(&f->w);
}

/* The work at B, with each allocation and each few steps of the store failing: the space's state stays what it is. */
static void against_each_trouble(struct fixture *f, int (*work)(struct fixture *f), int of_store)
{
    ward_replica *r = f->w.d[B].r;
    struct ward_hash before, after;
    bool failed = true;
    size_t at = 0;
    OK(&f->w, ward_state_digest(r, &f->space, &before, &f->w.err));
    for (; failed; at++) {
        alloc_calls = 0;
        alloc_fails_at = of_store ? SIZE_MAX : at;
        alloc_fails_on = false;
        r->env.alloc = rationed;
        stop_at(r, 6, of_store ? at : SIZE_MAX);
        int rc = work(f);
        failed = of_store ? store_steps > at : alloc_calls > at;
        r->env.alloc = outside_alloc;
        stop_at(r, 0, SIZE_MAX);
        assert_int_equal(rc, !failed ? WARD_OK : of_store ? WARD_ERR_STORE : WARD_ERR_MEMORY);
        OK(&f->w, ward_state_digest(r, &f->space, &after, &f->w.err));
        assert_memory_equal(&after, &before, sizeof after);
    }
    assert_true(at > 10);
}

static void settled_and_replayed(struct fixture *f, size_t records, int of_store)
{
    begin_with_records(f, records);
    against_each_trouble(f, settle_base, of_store);
    assert_int_equal(feed_of(f, B, C, &f->space)->base, 6);
    against_each_trouble(f, replay_space, of_store);
    assert_sound(&f->w);
}

static void a_base_without_memory(void **state)
{
    settled_and_replayed(*state, 120, false);
}

static void a_base_without_a_store(void **state)
{
    settled_and_replayed(*state, 3, true);
}

/* By a schema that has no indexes, or none at all, there are no entries to be taken out, nor to be made. */
static void replayed_without_indexes(void **state)
{
    static const struct ward_schema *const schemas[] = {&small_schema, NULL};
    struct fixture *f = *state;
    struct device *d = &f->w.d[B];
    begin_with_records(f, 2);
    for (size_t i = 0; i < 2; i++) {
        ward_close(d->r);
        d->options.schema = schemas[i];
        OK(&f->w, ward_open(&d->r, d->home, &d->options, &f->w.err));
        OK(&f->w, replay_space(f));
        assert_sound(&f->w);
    }
}

/* What rests on a change below the base cannot be judged: it is refused, and the history is wanted from then on, unless that cannot be
 * noted. */
static void what_rests_below_a_base(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[B].r;
    struct ward_ingested in;
    struct ward_dep below;
    struct pen p;
    bool failed = true;
    begin_with_a_base(f);
    write_resting(f, 99, 1, 3, "", &p);
    below = (struct ward_dep){p.feed, 3, p.head};
    pen_free(&p);
    pen_new(&p, &f->w, OFFICE, &f->space);
    pen_say(&p, 5, &below, 1, "rests on the third");
    pen_seal(&p);
    for (size_t at = 0; failed; at++) {
        stop_at(r, 1, at);
        int rc = pen_send(&p, B, &in);
        failed = store_steps > at;
        stop_at(r, 0, SIZE_MAX);
        if (rc != WARD_ERR_HISTORY)
            assert_int_equal(rc, WARD_ERR_STORE);
        if (!failed)
            assert_int_equal(rc, WARD_ERR_HISTORY);
    }
    pen_free(&p);
    assert_true(ward_space_wants_history(r, ward_directory_space_by_id(&r->dir, &f->space)));
    assert_null(feed_of(f, B, OFFICE, &f->space));
    /* It comes: in the end all stands as if it had been held from the first, and what was refused is taken. */
    write_resting(f, 99, 1, 6, "", &p);
    const struct ward_run c = pen_run(&p);
    assert_true(each_stop_of_a_run(&f->w, B, &c) > 5);
    pen_free(&p);
    assert_true(each_run_in(f, A, B, &f->space, each_shortage_of_a_run) > 5);
    assert_false(ward_space_has_base(r, ward_directory_space_by_id(&r->dir, &f->space)));
    assert_int_equal(feed_of(f, B, C, &f->space)->base, 0);
    pen_new(&p, &f->w, OFFICE, &f->space);
    pen_say(&p, 5, &below, 1, "rests on the third");
    pen_seal(&p);
    OK(&f->w, pen_send(&p, B, &in));
    pen_free(&p);
    assert_sound(&f->w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_on_what_stands),
        TEST(what_is_named_of_a_shattered_feed),
        TEST(a_branch_below),
        TEST(a_branch_below_and_no_more_effect),
        TEST(a_floor_of_somebody_who_parts),
        TEST(what_others_kept_of_ones_own),
        TEST(begun_where_a_copys_is_settled),
        TEST(a_settled_history_beside_ones_own),
        TEST(a_settled_history_beside_ones_own_and_no_store),
        TEST(a_settled_history_beside_two_of_ones_own),
        TEST(a_settled_history_beside_two_of_ones_own_and_no_store),
        TEST(a_settled_history_beside_anothers),
        TEST(less_than_is_settled_beside_anothers),
        TEST(what_gives_way_and_rests_on_what_is_beside),
        TEST(a_branch_of_what_is_passed_over),
        TEST(two_that_give_way_at_once),
        TEST(a_state_by_who_has_lost_what_he_sealed),
        TEST(a_state_by_who_goes_on),
        TEST(a_run_that_several_rows_could_hold),
        TEST(no_memory_for_a_number_given_anew),
        TEST(deps_that_are_gone),
        TEST(a_damaged_beginning),
        TEST(branches_on_a_base),
        TEST(a_base_without_memory),
        TEST(a_base_without_a_store),
        TEST(replayed_without_indexes),
        TEST(what_rests_below_a_base),
    };
    return cmocka_run_group_tests_name("parted", tests, NULL, NULL);
}
