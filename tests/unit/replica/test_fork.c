/* test_fork.c - feeds that their author has continued in two ways: every order of arrival, sessions, copied homes, many branches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/limits.h"
#include "line.h"
#include "pen.h"
#include "replicas.h"

enum { OFFICE, A, B, C };

static void set_up(struct world *w, struct ward_hash *space)
{
    struct ward_id units[2] = {unit_id('a'), unit_id('b')};
    world_found(w, 20261125);
    for (const char *unit = "abo"; *unit; unit++) /* C: an operator's second device, which may write everywhere */
        admit(w, *unit, *unit == 'o' ? WARD_ROLE_OPERATOR : WARD_ROLE_CELL, 20261125);
    meet_all(w);
    for (size_t i = 0; i < w->count; i++)
        OK(w, ward_space_of_circle(w->d[i].r, space, units, 2, &w->err));
}

static void put_title(struct world *w, size_t i, const struct ward_hash *space, char item, const char *words)
{
    struct ward_id id = unit_id(item);
    struct ward_value v = ward_value_text(words);
    ward_txn *t;
    OK(w, ward_begin(w->d[i].r, &t, &w->err));
    OK(w, ward_put(t, space, KIND_ITEM, &id, TITLE, NULL, 0, &v, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
}

static int try_title(struct world *w, size_t i, const struct ward_hash *space, char item, const char *words)
{
    struct ward_id id = unit_id(item);
    struct ward_value v = ward_value_text(words);
    ward_txn *t;
    OK(w, ward_begin(w->d[i].r, &t, &w->err));
    int rc = ward_put(t, space, KIND_ITEM, &id, TITLE, NULL, 0, &v, &w->err);
    if (!rc)
        return ward_commit(t, NULL, &w->err);
    ward_abort(t);
    return rc;
}

static const struct ward_feed *feed_at(struct world *w, size_t at, size_t of, const struct ward_hash *space)
{
    struct ward_hash id;
    OK(w, ward_replica_refresh(w->d[at].r, &w->err));
    ward_name_feed(&id, &w->d[at].r->ward, space, &w->d[of].grant);
    return ward_directory_feed_by_id(&w->d[at].r->dir, &id);
}

static struct ward_hash state_at(struct world *w, size_t at, const struct ward_hash *space)
{
    struct ward_hash state;
    OK(w, ward_state_digest(w->d[at].r, space, &state, &w->err));
    return state;
}

static struct ward_hash digest_at(struct world *w, size_t at, const struct ward_hash *space)
{
    OK(w, ward_replica_refresh(w->d[at].r, &w->err));
    return ward_directory_space_by_id(&w->d[at].r->dir, space)->digest;
}

/* A second device with the first one's home as it is now. */
static size_t clone_of(struct world *w, size_t i)
{
    size_t copy = w->count++;
    assert_true(copy < DEVICES_MAX);
    device_init(w, copy, 99);
    ward_close(w->d[i].r);
    copy_home(w->d[i].home, w->d[copy].home);
    w->d[copy].grant = w->d[i].grant;
    w->d[copy].unit = w->d[i].unit;
    w->d[copy].role = w->d[i].role;
    OK(w, ward_open(&w->d[i].r, w->d[i].home, &w->d[i].options, &w->err));
    OK(w, ward_open(&w->d[copy].r, w->d[copy].home, &w->d[copy].options, &w->err));
    struct ward_id units[2] = {unit_id('a'), unit_id('b')};
    struct ward_hash space;
    OK(w, ward_space_of_circle(w->d[i].r, &space, units, 2, &w->err));
    OK(w, ward_space_of_circle(w->d[copy].r, &space, units, 2, &w->err));
    return copy;
}

/* ---------------------------------------------------------------- every order of arrival */

#define RUNS 6

struct letter {
    struct ward_run run;
    struct ward_hash space;
    uint8_t *bodies;
    uint8_t sig[WARD_SEAL_BYTES];
};

static void keep_run(struct letter *l, struct pen *p)
{
    pen_seal(p);
    l->run = pen_run(p);
    l->bodies = malloc(p->bodies.len);
    assert_non_null(l->bodies);
    memcpy(l->bodies, p->bodies.p, p->bodies.len);
    memcpy(l->sig, p->sig, sizeof l->sig);
    l->space = p->space;
    l->run.space8 = l->space.b;
    l->run.data = l->bodies;
    l->run.sig = l->sig;
}

/* A's feed: 1 2 3, and 1 2' 3' 4'. B has seen 1 2, C has seen 1 2' 3'. */
static void write_letters(struct world *w, const struct ward_hash *space, struct letter *out, struct ward_hash heads[2])
{
    struct pen trunk, branch, b, c;
    pen_new(&trunk, w, A, space);
    pen_new(&branch, w, A, space);
    pen_new(&b, w, B, space);
    pen_new(&c, w, C, space);
    pen_say(&trunk, 1, NULL, 0, "one");
    keep_run(&out[0], &trunk);
    branch.head = trunk.head;
    branch.seq = 1;
    pen_next(&trunk);
    pen_say(&trunk, 2, NULL, 0, "two");
    const struct ward_dep two = {trunk.feed, 2, trunk.head};
    pen_say(&trunk, 3, NULL, 0, "three");
    keep_run(&out[1], &trunk);
    pen_next(&branch);
    pen_say(&branch, 2, NULL, 0, "two, otherwise");
    pen_say(&branch, 3, NULL, 0, "three, otherwise");
    const struct ward_dep other = {branch.feed, 3, branch.head};
    keep_run(&out[2], &branch);
    pen_next(&branch);
    pen_say(&branch, 4, NULL, 0, "four, otherwise");
    keep_run(&out[3], &branch);
    pen_say(&b, 3, &two, 1, "after two");
    keep_run(&out[4], &b);
    pen_say(&c, 4, &other, 1, "after the other");
    keep_run(&out[5], &c);
    heads[0] = trunk.head;
    heads[1] = branch.head;
    pen_free(&trunk);
    pen_free(&branch);
    pen_free(&b);
    pen_free(&c);
}

/* In the order given, again and again until nothing is new; within a transaction that is rolled back. */
static void arrive(struct world *w, const struct letter *letters, const size_t *order, struct ward_hash *state, struct ward_hash *digest,
                   const struct ward_hash *space)
{
    struct ward_apply a;
    bool news = true;
    OK(w, ward_apply_begin(&a, w->d[OFFICE].r, &w->err));
    for (int round = 0; news; round++) {
        news = false;
        assert_true(round < RUNS + 1);
        for (size_t i = 0; i < RUNS; i++) {
            struct ward_ingested in = {0};
            int rc = ward_ingest_run(&a, &letters[order[i]].run, &in, NULL);
            assert_true(rc == WARD_OK || ward_is_refusal(rc));
            news |= in.applied > 0;
        }
    }
    OK(w, ward_apply_end(&a, WARD_OK, &w->err));
    *state = state_at(w, OFFICE, space);
    *digest = digest_at(w, OFFICE, space);
}

static void every_order_of_arrival_gives_the_same(void **state)
{
    struct world w;
    struct ward_hash space, heads[2], first_state = {{0}}, first_digest = {{0}}, s, d;
    struct letter letters[RUNS];
    size_t order[RUNS] = {0, 1, 2, 3, 4, 5}, count[RUNS] = {0}, orders = 0, i = 0;
    char empty[700];
    (void)state;
    set_up(&w, &space);
    write_letters(&w, &space, letters, heads);
    snprintf(empty, sizeof empty, "%s/empty", w.dir);
    ward_close(w.d[OFFICE].r);
    copy_home(w.d[OFFICE].home, empty);
    for (bool more = true; more;) { /* Heap's way through all permutations */
        remove_tree(w.d[OFFICE].home);
        copy_home(empty, w.d[OFFICE].home);
        OK(&w, ward_open(&w.d[OFFICE].r, w.d[OFFICE].home, &w.d[OFFICE].options, &w.err));
        struct ward_id units[2] = {unit_id('a'), unit_id('b')};
        OK(&w, ward_space_of_circle(w.d[OFFICE].r, &space, units, 2, &w.err));
        arrive(&w, letters, order, &s, &d, &space);
        const struct ward_feed *f = feed_at(&w, OFFICE, A, &space);
        assert_true(f->forked && f->fork == 1 && f->limit == 1);
        assert_int_equal(ward_directory_branches(&w.d[OFFICE].r->dir, f), 1);
        if (orders++ == 0) {
            first_state = s;
            first_digest = d;
        }
        assert_memory_equal(&s, &first_state, sizeof s);
        assert_memory_equal(&d, &first_digest, sizeof d);
        if (orders % 97 == 1) {
            struct ward_verify_result seen;
            OK(&w, ward_verify(w.d[OFFICE].r, true, print_bad, NULL, NULL, &seen, &w.err));
            assert_int_equal(seen.bad, 0);
        }
        ward_close(w.d[OFFICE].r);
        while (i < RUNS && count[i] >= i)
            count[i++] = 0;
        more = i < RUNS;
        if (more) {
            size_t j = i % 2 ? count[i] : 0, swap = order[j];
            order[j] = order[i];
            order[i] = swap;
            count[i]++;
            i = 0;
        }
    }
    assert_int_equal(orders, 720);
    OK(&w, ward_open(&w.d[OFFICE].r, w.d[OFFICE].home, &w.d[OFFICE].options, &w.err));
    for (size_t k = 0; k < RUNS; k++)
        free(letters[k].bodies);
    world_close(&w);
}

/* ---------------------------------------------------------------- sessions */

static void assert_same(struct world *w, size_t a, size_t b, const struct ward_hash *space)
{
    struct ward_hash x = digest_at(w, a, space), y = digest_at(w, b, space);
    assert_memory_equal(&x, &y, sizeof x);
    x = state_at(w, a, space);
    y = state_at(w, b, space);
    assert_memory_equal(&x, &y, sizeof x);
}

static void put_number(struct world *w, size_t i, const struct ward_hash *space, const char *where, size_t n)
{
    char words[40];
    snprintf(words, sizeof words, "%s %zu", where, n);
    put_title(w, i, space, 'x', words);
}

static int note_one(void *ctx, const struct ward_fork *fork)
{
    *(struct ward_fork *)ctx = *fork;
    return 0;
}

/* Both can prove it; whoever alters a byte of it proves nothing. */
static void a_proof(struct world *w, size_t first, size_t second)
{
    for (size_t at = first; at <= second; at += second - first) {
        static uint8_t bytes[1 << 18];
        char path[700];
        struct ward_fork fork = {.histories = 0};
        struct ward_fork_proof proof;
        OK(w, ward_fork_each(w->d[at].r, note_one, &fork, &w->err));
        assert_int_equal(fork.histories, 2);
        assert_false(fork.settled);
        assert_memory_equal(fork.grant.b, w->d[A].grant.b, 32);
        snprintf(path, sizeof path, "%s/proof-%zu", w->dir, at);
        OK(w, ward_fork_export(w->d[at].r, &fork.grant, path, &w->err));
        assert_int_equal(ward_fork_export(w->d[at].r, &fork.grant, path, NULL), WARD_ERR_EXISTS);
        assert_int_equal(ward_fork_export(w->d[at].r, &w->d[B].grant, path, NULL), WARD_ERR_NOT_FOUND);
        FILE *in = fopen(path, "rb");
        assert_non_null(in);
        size_t len = fread(bytes, 1, sizeof bytes, in);
        fclose(in);
        OK(w, ward_fork_check(bytes, len, &proof, &w->err));
        assert_memory_equal(proof.feed.b, fork.feed.b, 32);
        assert_memory_equal(proof.grant.b, fork.grant.b, 32);
        assert_true(proof.first > fork.seq && proof.last >= proof.first);
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(ward_fork_check(bytes, i, &proof, NULL), WARD_ERR_FORK_PROOF);
            bytes[i] ^= 1;
            assert_int_equal(ward_fork_check(bytes, len, &proof, NULL), WARD_ERR_FORK_PROOF);
            bytes[i] ^= 1;
        }
        unlink(path);
    }
}

/* Two homes with one key go on apart. One session, and both hold both. */
static void two_branches_meet(size_t before, size_t mine, size_t theirs, bool bundles)
{
    struct world w;
    struct ward_hash space;
    set_up(&w, &space);
    for (size_t i = 0; i < before; i++)
        put_number(&w, A, &space, "before", i);
    give(&w, A, B);
    give(&w, A, OFFICE);
    size_t copy = clone_of(&w, A);
    for (size_t i = 0; i < mine; i++)
        put_number(&w, A, &space, "here", i);
    for (size_t i = 0; i < theirs; i++)
        put_number(&w, copy, &space, "there", i);
    /* Both are published, to different devices. */
    give(&w, A, B);
    give(&w, copy, OFFICE);
    if (bundles) {
        give(&w, OFFICE, B);
        give(&w, B, OFFICE);
    } else {
        whole_round(&w, OFFICE, B);
    }
    assert_same(&w, OFFICE, B, &space);
    const struct ward_feed *f = feed_at(&w, B, A, &space);
    assert_true(f->forked);
    assert_int_equal(f->fork, before);
    assert_int_equal(f->limit, before);
    a_proof(&w, OFFICE, B);
    whole_round(&w, OFFICE, B); /* nothing is left to be sent */
    whole_round(&w, A, B);
    whole_round(&w, copy, OFFICE);
    assert_same(&w, OFFICE, A, &space);
    assert_same(&w, OFFICE, copy, &space);
    assert_int_equal(try_title(&w, A, &space, 'x', "more"), WARD_ERR_FORKED);
    assert_int_equal(try_title(&w, copy, &space, 'x', "more"), WARD_ERR_FORKED);
    put_title(&w, B, &space, 'y', "the others go on"); /* a fork freezes one feed and nothing else */
    whole_round(&w, B, OFFICE);
    assert_same(&w, OFFICE, B, &space);
    OK(&w, ward_revoke(w.d[OFFICE].r, &w.d[A].grant, "copied", &w.err));
    whole_round(&w, B, OFFICE);
    assert_same(&w, OFFICE, B, &space);
    assert_int_equal(feed_at(&w, B, A, &space)->limit, before);
    assert_sound(&w);
    world_close(&w);
}

static void branches_meet_in_a_session(void **state)
{
    static const size_t cases[][3] = {{1, 1, 1}, {3, 1, 4}, {3, 4, 1}, {0, 2, 3}, {9, 20, 13}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        two_branches_meet(cases[i][0], cases[i][1], cases[i][2], false);
}

/* On either side of a fork somebody has answered what stands on the branch, and the branch has gone on from the answer. */
static void branches_that_others_have_answered(void **state)
{
    static const size_t answered[][2] = {{1, 1}, {1, 3}, {3, 1}, {2, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof answered / sizeof answered[0]; i++) {
        struct world w;
        struct ward_hash space;
        set_up(&w, &space);
        put_number(&w, A, &space, "before", 0);
        meet_all(&w);
        const size_t writers[2] = {A, clone_of(&w, A)}, readers[2] = {OFFICE, B};
        for (size_t side = 0; side < 2; side++)
            for (size_t n = 0; n <= answered[i][side]; n++) {
                put_number(&w, writers[side], &space, side ? "there" : "here", n);
                give(&w, writers[side], readers[side]);
                if (n < answered[i][side])
                    put_number(&w, readers[side], &space, "answer", n);
                give(&w, readers[side], writers[side]);
            }
        whole_round(&w, OFFICE, B);
        assert_same(&w, OFFICE, B, &space);
        assert_int_equal(feed_at(&w, B, A, &space)->fork, 1);
        whole_round(&w, writers[0], writers[1]); /* they too, who have written it */
        assert_same(&w, writers[0], B, &space);
        assert_same(&w, writers[1], B, &space);
        assert_sound(&w);
        world_close(&w);
    }
}

static void branches_meet_by_bundles(void **state)
{
    (void)state;
    two_branches_meet(2, 3, 2, true);
    two_branches_meet(0, 1, 1, true);
}

static uint64_t set_aside(struct world *w, size_t at)
{
    struct ward_status status;
    OK(w, ward_status(w->d[at].r, &status, &w->err));
    return status.quarantined;
}

/* A note of release covers what its branch shares with others, whichever of them somebody holds as the stem. */
static void a_release_counts_for_what_branches_share(void **state)
{
    struct world w;
    struct ward_hash space, head;
    size_t changes;
    (void)state;
    set_up(&w, &space);
    put_number(&w, A, &space, "before", 0);
    meet_all(&w);
    put_number(&w, A, &space, "beyond the cut", 0);
    put_number(&w, A, &space, "beyond the cut", 1);
    size_t copy = clone_of(&w, A);
    put_number(&w, A, &space, "here", 0);
    put_number(&w, copy, &space, "there", 0);
    OK(&w, ward_revoke(w.d[OFFICE].r, &w.d[A].grant, "copied", &w.err));
    give(&w, A, OFFICE);
    give(&w, copy, B); /* has the other as the stem */
    head = feed_at(&w, OFFICE, A, &space)->head_hash;
    OK(&w, ward_aside_release(w.d[OFFICE].r, &head, "looked at", &changes, &w.err));
    whole_round(&w, OFFICE, B);
    assert_same(&w, OFFICE, B, &space);
    assert_memory_equal(&feed_at(&w, OFFICE, A, &space)->head_hash, &head, sizeof head);
    assert_memory_not_equal(&feed_at(&w, B, A, &space)->head_hash, &head, sizeof head);
    assert_int_equal(set_aside(&w, OFFICE), 1); /* the other branch's own */
    assert_int_equal(set_aside(&w, B), 1);
    assert_sound(&w);
    world_close(&w);
}

/* What only this device knows gives way to its other history where that comes by a stick, too: no branch, and both edits. */
static void what_nobody_was_told_gives_way_to_a_bundle(void **state)
{
    struct world w;
    struct ward_hash space;
    (void)state;
    set_up(&w, &space);
    put_title(&w, A, &space, 'x', "before");
    give(&w, A, OFFICE);
    size_t copy = clone_of(&w, A);
    put_title(&w, copy, &space, 'x', "there");
    give(&w, copy, OFFICE);
    put_title(&w, A, &space, 'y', "here");
    give(&w, OFFICE, A);
    assert_false(feed_at(&w, A, A, &space)->forked);
    give(&w, A, OFFICE);
    assert_false(feed_at(&w, OFFICE, A, &space)->forked);
    assert_same(&w, OFFICE, A, &space);
    assert_int_equal(feed_at(&w, OFFICE, A, &space)->head_seq, 3);
    assert_sound(&w);
    world_close(&w);
}

/* Each of two has written with knowledge of one branch: in one session each sends the branch first, and nothing is refused. */
static void what_rests_on_a_branch_comes_after_it(void **state)
{
    struct world w;
    struct line l;
    struct ward_hash space;
    (void)state;
    set_up(&w, &space);
    put_title(&w, A, &space, 'x', "before");
    give(&w, A, B);
    give(&w, A, C);
    size_t copy = clone_of(&w, A);
    put_title(&w, A, &space, 'x', "here");
    put_title(&w, copy, &space, 'x', "there");
    give(&w, A, B);
    give(&w, copy, C);
    put_title(&w, B, &space, 'y', "after the one");
    put_title(&w, C, &space, 'z', "after the other");
    line_open(&l, &w, C, B);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.a.talk.refused_here, 0);
    assert_int_equal(l.b.talk.refused_here, 0);
    line_close(&l);
    assert_true(feed_at(&w, B, A, &space)->forked);
    assert_same(&w, C, B, &space);
    assert_sound(&w);
    world_close(&w);
}

/* What a peer shows beyond the head here is taken to go on from it, until he asks about another history. */
static void what_goes_on_and_what_has_parted(void **state)
{
    (void)state;
    for (int parted = 0; parted < 2; parted++) {
        struct world w;
        struct line l;
        struct ward_hash space;
        set_up(&w, &space);
        put_title(&w, A, &space, 'x', "one");
        put_title(&w, A, &space, 'x', "two");
        give(&w, A, B);
        size_t copy = clone_of(&w, A);
        put_title(&w, copy, &space, 'x', "another third");
        if (parted)
            give(&w, copy, B);
        put_title(&w, A, &space, 'x', "three");
        put_title(&w, A, &space, 'x', "four");
        give(&w, A, OFFICE);
        const uint32_t fid = feed_at(&w, B, A, &space)->fid;
        line_open(&l, &w, B, OFFICE);
        pump(&l, SIZE_MAX);
        assert_live(&l);
        assert_int_equal(ward_vv_get(&l.a.talk.taking.onward, fid), parted ? 0 : 2);
        line_close(&l);
        assert_true(feed_at(&w, B, A, &space)->forked == (parted > 0));
        assert_same(&w, B, OFFICE, &space);
        assert_sound(&w);
        world_close(&w);
    }
}

/* What was seen is counted by seq, on whichever branch it was named (proto/change.md): what has effect all of them share, or it is settled,
 * and then nobody need hold the branch that would tell. */
static void what_was_seen_is_counted_by_seq(void **state)
{
    struct world w;
    struct ward_hash space, heads[2];
    struct letter letters[RUNS];
    (void)state;
    set_up(&w, &space);
    write_letters(&w, &space, letters, heads);
    for (size_t i = 0; i < 4; i++) { /* 1 2 3, and 1 2' 3' 4' */
        struct ward_ingested in;
        assert_int_equal(take_run(&w, OFFICE, &letters[i].run, &in), WARD_OK);
    }
    const struct ward_feed *trunk = feed_at(&w, OFFICE, A, &space);
    const struct ward_dep on_branch = {trunk->id, 4, heads[1]}, on_trunk = {trunk->id, 3, heads[0]};
    struct ward_vv one = {0}, other = {0};
    OK(&w, ward_dep_see(w.d[OFFICE].r, &one, &on_branch, &w.err));
    OK(&w, ward_dep_see(w.d[OFFICE].r, &other, &on_trunk, &w.err));
    assert_int_equal(ward_vv_get(&one, trunk->fid), 4);
    assert_int_equal(ward_vv_get(&other, trunk->fid), 3);
    ward_vv_free(&one, &w.d[OFFICE].r->env);
    ward_vv_free(&other, &w.d[OFFICE].r->env);
    for (size_t k = 0; k < RUNS; k++)
        free(letters[k].bodies);
    world_close(&w);
}

/* ---------------------------------------------------------------- many branches */

static void a_branch_beyond_all_others(struct world *w, const struct ward_hash *space, size_t to, uint64_t leaves, const char *words,
                                       int code)
{
    struct pen p;
    struct ward_ingested in;
    pen_new(&p, w, A, space);
    for (uint64_t seq = 1; seq <= leaves; seq++)
        pen_say(&p, seq, NULL, 0, "same");
    pen_next(&p);
    pen_say(&p, leaves + 1, NULL, 0, words);
    pen_seal(&p);
    assert_int_equal(pen_send(&p, to, &in), code);
    pen_free(&p);
}

/* Six changes of A, which B and C hold before it writes others in their place. */
static void what_all_hold(struct world *w, const struct ward_hash *space)
{
    struct pen p;
    struct ward_ingested in;
    pen_new(&p, w, A, space);
    for (uint64_t seq = 1; seq <= 6; seq++)
        pen_say(&p, seq, NULL, 0, "same");
    pen_seal(&p);
    for (size_t to = B; to <= C; to++)
        assert_int_equal(pen_send(&p, to, &in), WARD_OK);
    pen_free(&p);
}

static void a_shattered_feed(void **state)
{
    struct world w;
    struct ward_hash space;
    char words[20];
    (void)state;
    set_up(&w, &space);
    what_all_hold(&w, &space);
    /* Each holds as many as it may, and others than the other. */
    for (unsigned i = 0; i < WARD_BRANCHES_MAX; i++)
        for (size_t to = B; to <= C; to++) {
            snprintf(words, sizeof words, "%zu %u", to, i);
            a_branch_beyond_all_others(&w, &space, to, 4, words, WARD_OK);
        }
    for (size_t to = B; to <= C; to++) {
        a_branch_beyond_all_others(&w, &space, to, 4, "one too many", WARD_ERR_BRANCHES);
        a_branch_beyond_all_others(&w, &space, to, 5, "and later", WARD_ERR_BRANCHES);
    }
    assert_same(&w, B, C, &space);
    a_branch_beyond_all_others(&w, &space, B, 2, "earlier", WARD_OK); /* takes the place of another */
    assert_int_equal(feed_at(&w, B, A, &space)->fork, 2);
    assert_int_equal(ward_directory_branches(&w.d[B].r->dir, feed_at(&w, B, A, &space)), WARD_BRANCHES_MAX);
    give(&w, OFFICE, B);
    struct ward_bundle_info info = {0};
    OK(&w, give_bundle(&w, B, C, false, &info));
    assert_true(info.refused > 0);
    assert_int_equal(info.first_refusal, WARD_ERR_BRANCHES);
    assert_same(&w, B, C, &space);
    /* What others have seen of it is taken all the same. */
    put_title(&w, B, &space, 'y', "goes on");
    OK(&w, give_bundle(&w, B, C, false, &info));
    assert_same(&w, B, C, &space);
    assert_sound(&w);
    world_close(&w);
}

/* The number of a branch that had to make room is given to the one in its place: nobody may go on taking the one for the other. */
static void who_held_the_branch_before_gets_the_one_in_its_place(void **state)
{
    struct world w;
    struct line l;
    struct ward_hash space;
    struct ward_bundle_info info = {0};
    char words[20];
    (void)state;
    set_up(&w, &space);
    what_all_hold(&w, &space);
    for (unsigned i = 0; i < WARD_BRANCHES_MAX; i++)
        for (size_t to = B; to <= C; to++) {
            snprintf(words, sizeof words, "%u", i);
            a_branch_beyond_all_others(&w, &space, to, 4, words, WARD_OK);
        }
    whole_round(&w, B, C); /* each notes what the other holds */
    line_open(&l, &w, B, C);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    a_branch_beyond_all_others(&w, &space, B, 3, "earlier", WARD_OK);
    OK(&w, ward_talk_news(&l.a.talk, &w.err));
    pump(&l, SIZE_MAX);
    assert_int_equal(feed_at(&w, C, A, &space)->fork, 3);
    OK(&w, ward_talk_remember(&l.a.talk, NULL, &w.err));
    line_close(&l);
    a_branch_beyond_all_others(&w, &space, B, 2, "earlier still", WARD_OK);
    OK(&w, give_bundle(&w, B, C, true, &info));
    assert_int_equal(info.changes, 1); /* and no more than that */
    assert_int_equal(feed_at(&w, C, A, &space)->fork, 2);
    assert_same(&w, B, C, &space);
    assert_sound(&w);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_of_arrival_gives_the_same),
        cmocka_unit_test(branches_meet_in_a_session),
        cmocka_unit_test(branches_that_others_have_answered),
        cmocka_unit_test(branches_meet_by_bundles),
        cmocka_unit_test(a_release_counts_for_what_branches_share),
        cmocka_unit_test(what_nobody_was_told_gives_way_to_a_bundle),
        cmocka_unit_test(what_rests_on_a_branch_comes_after_it),
        cmocka_unit_test(what_goes_on_and_what_has_parted),
        cmocka_unit_test(what_was_seen_is_counted_by_seq),
        cmocka_unit_test(a_shattered_feed),
        cmocka_unit_test(who_held_the_branch_before_gets_the_one_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
