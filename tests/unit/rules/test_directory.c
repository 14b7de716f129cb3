/* The picture of who and what is known: looking up, adding, and no half of anything where memory ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "rules/directory.h"
#include "values/feed.h"

#include <sodium.h>

static const struct ward_hash ward = {{42}};

/* Hashes that agree in their first 8 bytes, by which the index finds them, and differ after. */
static struct ward_hash alike(uint8_t n)
{
    struct ward_hash h = {{7, 7, 7, 7, 7, 7, 7, 7}};
    h.b[31] = n;
    return h;
}

static struct ward_hash apart(uint8_t n)
{
    struct ward_hash h = {{n, 1}};
    return h;
}

static struct ward_feed a_feed(uint32_t fid, struct ward_hash id)
{
    struct ward_feed f = {.fid = fid, .sid = 1, .id = id, .grant = apart(1), .role = WARD_ROLE_CELL};
    return f;
}

static void begin(struct ward_directory *d, const struct ward_env *env)
{
    ward_directory_init(d, env, &ward);
    assert_int_equal(ward_directory_add_space(d, 1, &ward, NULL, 0), WARD_OK);
}

static void equal_beginnings(void **state)
{
    struct ward_directory d;
    const struct ward_id circle[] = {{{1}}, {{2}}};
    struct ward_hash absent = alike(99), other = apart(9);
    (void)state;
    begin(&d, &vectors_env);
    for (uint8_t n = 1; n <= 5; n++) {
        const struct ward_grant g = {.id = alike(n), .role = WARD_ROLE_CELL, .link_pk = {n}};
        const struct ward_feed f = a_feed(n, alike(n));
        const struct ward_hash space = alike(n);
        assert_int_equal(ward_directory_add_grant(&d, &g, 1, n), WARD_OK);
        assert_int_equal(ward_directory_add_space(&d, n + 1u, &space, circle, 2), WARD_OK);
        assert_int_equal(ward_directory_add_feed(&d, &f), WARD_OK);
    }
    for (uint8_t n = 1; n <= 5; n++) {
        const struct ward_hash id = alike(n);
        assert_int_equal(ward_directory_grant(&d, &id)->link_pk[0], n);
        assert_int_equal(ward_directory_space_by_id(&d, &id)->sid, n + 1);
        assert_int_equal(ward_directory_feed_by_id(&d, &id)->fid, n);
        assert_ptr_equal(ward_directory_grant_by_link(&d, (const uint8_t[32]){n}), ward_directory_grant(&d, &id));
    }
    assert_null(ward_directory_grant(&d, &absent));
    assert_null(ward_directory_space_by_id(&d, &absent));
    assert_null(ward_directory_feed_by_id(&d, &absent));
    assert_null(ward_directory_grant(&d, &other));
    assert_null(ward_directory_space_short(&d, other.b));
    assert_null(ward_directory_grant_short(&d, other.b));
    assert_null(ward_directory_grant_by_link(&d, (const uint8_t[32]){99}));
    assert_non_null(ward_directory_space_short(&d, absent.b)); /* the first of those that begin so */
    assert_non_null(ward_directory_grant_short(&d, absent.b));
    ward_directory_free(&d);
}

static void numbers(void **state)
{
    struct ward_directory d;
    struct ward_feed f = a_feed(2, apart(1));
    const struct ward_hash space = apart(1);
    (void)state;
    ward_directory_init(&d, &vectors_env, &ward);
    assert_null(ward_directory_feed_by_id(&d, &f.id)); /* nothing was ever added */
    assert_int_equal(ward_directory_add_space(&d, 2, &space, NULL, 0), WARD_ERR_CORRUPT);
    assert_int_equal(ward_directory_add_space(&d, 1, &space, NULL, 0), WARD_OK);
    assert_int_equal(ward_directory_add_feed(&d, &f), WARD_ERR_CORRUPT);
    f.fid = 1;
    f.sid = 2;
    assert_int_equal(ward_directory_add_feed(&d, &f), WARD_ERR_CORRUPT);
    assert_int_equal(d.feed_count, 0);
    assert_int_equal(d.spaces[0].feed_count, 0);
    f.sid = 1;
    assert_int_equal(ward_directory_add_feed(&d, &f), WARD_OK);
    assert_null(ward_directory_space(&d, 0));
    assert_null(ward_directory_space(&d, 2));
    assert_null(ward_directory_feed(&d, 0));
    assert_null(ward_directory_feed(&d, 2));
    assert_int_equal(ward_directory_feed(&d, 1)->fid, 1);
    ward_directory_free(&d);
}

/* A branch leaves a row of its own feed, somewhere within it; what a damaged store says otherwise is not taken, and nothing of it. */
static void branches_of_nothing(void **state)
{
    const struct {
        const char *what;
        uint32_t parent, sid;
        struct ward_hash id;
        uint64_t base, head_seq;
        int rc;
    } cases[] = {
        {"no such parent", 9, 1, apart(1), 4, 5, WARD_ERR_CORRUPT},
        {"itself", 3, 1, apart(1), 4, 5, WARD_ERR_CORRUPT},
        {"a parent in another space", 1, 2, apart(1), 4, 5, WARD_ERR_CORRUPT},
        {"a parent of another feed", 2, 1, apart(1), 4, 5, WARD_ERR_CORRUPT},
        {"before the log of its parent begins", 1, 1, apart(1), 2, 5, WARD_ERR_CORRUPT},
        {"beyond the end of its parent", 1, 1, apart(1), 8, 9, WARD_ERR_CORRUPT},
        {"ends before it begins", 1, 1, apart(1), 4, 3, WARD_ERR_CORRUPT},
        {"a trunk that ends before it begins", 0, 1, apart(3), 4, 3, WARD_ERR_CORRUPT},
        {"where the log of its parent begins", 1, 1, apart(1), 3, 5, WARD_OK},
        {"where its parent ends", 1, 1, apart(1), 7, 9, WARD_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ward_directory d;
        const struct ward_hash other = apart(2);
        struct ward_feed trunk = a_feed(1, apart(1)), another = a_feed(2, other), f = a_feed(3, cases[i].id);
        begin(&d, &vectors_env);
        assert_int_equal(ward_directory_add_space(&d, 2, &other, NULL, 0), WARD_OK);
        trunk.base = 3;
        trunk.head_seq = another.head_seq = 7;
        assert_int_equal(ward_directory_add_feed(&d, &trunk), WARD_OK);
        assert_int_equal(ward_directory_add_feed(&d, &another), WARD_OK);
        f.parent = cases[i].parent;
        f.sid = cases[i].sid;
        f.base = cases[i].base;
        f.head_seq = cases[i].head_seq;
        int rc = ward_directory_add_feed(&d, &f);
        if (rc != cases[i].rc)
            fail_msg("%s: %d", cases[i].what, rc);
        assert_int_equal(d.feed_count, rc ? 2 : 3);
        assert_int_equal(d.feeds[0].next, rc ? 0 : 3);
        assert_int_equal(d.feeds[0].forked, rc ? 0 : 1);
        assert_int_equal(ward_feed_agreed(&d.feeds[0]), rc ? 7 : cases[i].base);
        ward_directory_free(&d);
    }
}

/* Floors are told apart by their whole name, and by their space; one that is there is not added again, and neither is a closing. */
static void floors_and_closings(void **state)
{
    struct ward_directory d;
    const struct ward_id spaces[] = {{{1}}, {{2}}};
    const struct ward_floor_entry entry = {.feed = apart(1), .seq = 4};
    (void)state;
    begin(&d, &vectors_env);
    for (uint8_t n = 1; n <= 3; n++)
        for (size_t s = 0; s < 2; s++)
            for (int twice = 0; twice < 2; twice++) {
                const struct ward_hash name = alike(n);
                const struct ward_closing c = {.fid = 1, .seq = n, .nth = (uint32_t)s, .space = spaces[s], .name = name};
                assert_int_equal(ward_directory_add_floor(&d, &spaces[s], &name, &entry, n < 3), WARD_OK);
                assert_int_equal(ward_directory_add_closing(&d, &c), WARD_OK);
            }
    assert_int_equal(d.floor_count, 6);
    assert_int_equal(d.closing_count, 6);
    for (uint8_t n = 1; n <= 3; n++)
        for (size_t s = 0; s < 2; s++) {
            const struct ward_hash name = alike(n);
            const struct ward_floor *f = ward_directory_floor(&d, &spaces[s], &name);
            assert_non_null(f);
            assert_hash_equal(&f->name, &name);
            assert_memory_equal(f->space.b, spaces[s].b, sizeof f->space.b);
            assert_int_equal(f->count, n < 3);
        }
    const struct ward_hash absent = alike(9);
    assert_null(ward_directory_floor(&d, &spaces[0], &absent));
    ward_directory_free(&d);
}

/* Feeds are listed by id however they come, and one without a change is no part of the digest. */
static void digests(void **state)
{
    struct ward_directory d[2];
    struct ward_hash common[2];
    const struct ward_grant all = {.role = WARD_ROLE_OPERATOR}, cell = {.role = WARD_ROLE_CELL};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        begin(&d[i], &vectors_env);
        for (uint8_t n = 1; n <= 4; n++) {
            uint8_t which = i ? n : (uint8_t)(5 - n);
            struct ward_feed f = a_feed(n, apart(which));
            f.head_seq = which;
            f.head_hash = apart(which);
            assert_int_equal(ward_directory_add_feed(&d[i], &f), WARD_OK);
        }
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(d[i].feeds[d[i].spaces[0].feeds[j] - 1].id.b[0], j + 1);
        ward_directory_digest(&d[i], &d[i].spaces[0]);
        assert_int_equal(d[i].spaces[0].changes, 1 + 2 + 3 + 4);
    }
    assert_hash_equal(&d[0].spaces[0].digest, &d[1].spaces[0].digest);
    struct ward_feed empty = a_feed(5, apart(9));
    assert_int_equal(ward_directory_add_feed(&d[0], &empty), WARD_OK);
    ward_directory_digest(&d[0], &d[0].spaces[0]);
    assert_hash_equal(&d[0].spaces[0].digest, &d[1].spaces[0].digest);
    assert_int_equal(ward_directory_common(&d[0], &all, &cell, &common[0]), WARD_OK);
    assert_int_equal(ward_directory_common(&d[1], &cell, NULL, &common[1]), WARD_OK);
    assert_hash_equal(&common[0], &common[1]);
    d[0].feeds[0].head_seq++;
    ward_directory_digest(&d[0], &d[0].spaces[0]);
    assert_memory_not_equal(d[0].spaces[0].digest.b, d[1].spaces[0].digest.b, 32);
    ward_directory_free(&d[0]);
    ward_directory_free(&d[1]);
}

/* Words by feeds that a damaged store does not have, or whose grant it has lost, count for nothing. */
static void words_of_nobody(void **state)
{
    struct ward_directory d;
    const struct ward_hash ids[] = {apart(1), apart(2)};
    const struct ward_grant operators[] = {{.id = ids[0], .role = WARD_ROLE_OPERATOR}, {.id = ids[1], .role = WARD_ROLE_OPERATOR}};
    struct ward_feed lost = a_feed(1, apart(5));
    struct ward_cut cut = {.fid = 77, .seq = 1, .rank = 2, .depth = 1}, by_lost = {.fid = 1, .seq = 1, .rank = 2, .depth = 2};
    const struct ward_hash unknown = apart(9);
    (void)state;
    begin(&d, &vectors_env);
    lost.role = WARD_ROLE_OPERATOR;
    lost.grant = apart(8);
    assert_int_equal(ward_directory_add_feed(&d, &lost), WARD_OK);
    assert_int_equal(ward_directory_add_grant(&d, &operators[0], 77, 1), WARD_OK);
    assert_int_equal(ward_directory_add_grant(&d, &operators[1], 1, 1), WARD_OK);
    assert_int_equal(ward_directory_add_cut(&d, &cut, NULL, 0), WARD_OK);
    assert_int_equal(ward_directory_add_cut(&d, &by_lost, NULL, 0), WARD_OK);
    assert_int_equal(ward_directory_add_closing(&d, &(struct ward_closing){.fid = 77, .seq = 1, .rank = 2, .depth = 1}), WARD_OK);
    assert_int_equal(ward_directory_add_closing(&d, &(struct ward_closing){.fid = 1, .seq = 1, .rank = 2, .depth = 2}), WARD_OK);
    ward_directory_judge(&d);
    assert_false(ward_grant_effective(&d, &ids[0]));
    assert_false(ward_grant_effective(&d, &ids[1]));
    assert_false(ward_grant_effective(&d, &unknown));
    assert_false(d.cuts[0].effective || d.cuts[1].effective);
    assert_false(d.closings[0].effective || d.closings[1].effective);
    assert_int_equal(ward_directory_limit(&d, &d.feeds[0]), 0);
    ward_directory_free(&d);
}

/* ---------------------------------------------------------------- without memory */

static void assert_counts(const struct ward_directory *d, const size_t counts[7])
{
    assert_int_equal(d->space_count, counts[0]);
    assert_int_equal(d->grant_count, counts[1]);
    assert_int_equal(d->writer_count, counts[2]);
    assert_int_equal(d->feed_count, counts[3]);
    assert_int_equal(d->cut_count, counts[4]);
    assert_int_equal(d->floor_count, counts[5]);
    assert_int_equal(d->floor_index.count, counts[5]);
    assert_int_equal(d->closing_count, counts[6]);
    assert_int_equal(d->space_count ? d->spaces[0].feed_count : 0, counts[3]);
    assert_int_equal(d->space_index.count, counts[0]);
    assert_int_equal(d->grant_index.count, counts[1]);
    assert_int_equal(d->feed_index.count, counts[3]);
}

/* Forty of everything, so that each array and index grows; after each call all counts are those of what was added whole. */
static int fill(const struct ward_env *env, void *ctx)
{
    static const struct ward_id circle[] = {{{1}}, {{2}}};
    static const struct ward_cut_entry entry = {.feed = {{1}}, .seq = 1};
    static const struct ward_floor_entry settled = {.feed = {{1}}, .seq = 1};
    struct ward_directory d;
    size_t counts[7] = {0};
    int rc = WARD_OK;
    (void)ctx;
    ward_directory_init(&d, env, &ward);
    for (uint8_t n = 1; !rc && n <= 40; n++) {
        const struct ward_hash id = apart(n);
        const struct ward_grant g = {.id = id, .role = WARD_ROLE_CELL};
        const struct ward_feed f = a_feed(n, id);
        const struct ward_cut cut = {.fid = n, .seq = 1};
        rc = ward_directory_add_space(&d, n, &id, circle, n > 1 ? 2 : 0);
        counts[0] += !rc;
        assert_counts(&d, counts);
        if (!rc) {
            rc = ward_directory_add_grant(&d, &g, n, 1);
            counts[1] += !rc;
            counts[2] += !rc;
            assert_counts(&d, counts);
        }
        if (!rc) {
            rc = ward_directory_add_grant(&d, &g, n, 2); /* a second writer of the same */
            counts[2] += !rc;
            assert_counts(&d, counts);
        }
        if (!rc) {
            rc = ward_directory_add_feed(&d, &f);
            counts[3] += !rc;
            assert_counts(&d, counts);
        }
        if (!rc) {
            rc = ward_directory_add_cut(&d, &cut, &entry, 1);
            counts[4] += !rc;
            assert_counts(&d, counts);
        }
        if (!rc) {
            rc = ward_directory_add_floor(&d, &circle[0], &id, &settled, 1);
            counts[5] += !rc;
            assert_counts(&d, counts);
        }
        if (!rc) {
            rc = ward_directory_add_closing(&d, &(struct ward_closing){.fid = n, .seq = 1, .space = circle[0], .name = id});
            counts[6] += !rc;
            assert_counts(&d, counts);
        }
    }
    for (size_t i = 0; i < counts[1]; i++)
        assert_non_null(ward_directory_grant(&d, &d.grants[i].id));
    ward_directory_free(&d);
    return rc;
}

/* No digest without memory: that of nothing would make two replicas look equal. */
static int compare(const struct ward_env *env, void *ctx)
{
    const struct ward_grant all = {.role = WARD_ROLE_OPERATOR};
    struct ward_directory d;
    struct ward_hash digest = apart(77);
    (void)ctx;
    ward_directory_init(&d, env, &ward);
    int rc = ward_directory_common(&d, &all, NULL, &digest);
    if (rc)
        assert_int_equal(digest.b[0], 77);
    ward_directory_free(&d);
    return rc;
}

static void each_failure(void **state)
{
    (void)state;
    assert_true(each_shortage(fill, NULL) > 100);
    assert_int_equal(each_shortage(compare, NULL), 1);
}

/* Two cuts of one grant by one change: of each feed the least is left, and of one that either does not name nothing. */
static void both_cuts_of_a_change_count(void **state)
{
    struct ward_directory d;
    const struct ward_cut cut = {.fid = 1, .seq = 1, .grant_entity = {{7}}};
    const struct ward_cut_entry one[] = {{{{1}}, 10, {{0}}}, {{{2}}, 4, {{0}}}, {{{3}}, 9, {{0}}}},
                                two[] = {{{{1}}, 6, {{0}}}, {{{3}}, 11, {{0}}}};
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        begin(&d, &vectors_env);
        assert_int_equal(ward_directory_add_cut(&d, &cut, turn ? two : one, turn ? 2 : 3), WARD_OK);
        assert_int_equal(ward_directory_add_cut(&d, &cut, turn ? one : two, turn ? 3 : 2), WARD_OK);
        assert_int_equal(d.cut_count, 1);
        assert_int_equal(d.cuts[0].entry_count, 2);
        assert_int_equal(d.cuts[0].entries[0].feed.b[0], 1);
        assert_int_equal(d.cuts[0].entries[0].seq, 6);
        assert_int_equal(d.cuts[0].entries[1].feed.b[0], 3);
        assert_int_equal(d.cuts[0].entries[1].seq, 9);
        ward_directory_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_beginnings),
        cmocka_unit_test(numbers),
        cmocka_unit_test(branches_of_nothing),
        cmocka_unit_test(floors_and_closings),
        cmocka_unit_test(digests),
        cmocka_unit_test(words_of_nobody),
        cmocka_unit_test(both_cuts_of_a_change_count),
        cmocka_unit_test(each_failure),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
