/* Runs at the door: what is refused, and why; what begins before the head; words on devices that have no effect; how much at once.
 * proto/seal.md, the order of checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "door.h"

/* ---------------------------------------------------------------- dependencies */

static void dependencies(void **state)
{
    struct fixture *f = *state;
    const struct ward_id only_b = unit_id('b');
    struct ward_hash own;
    struct ward_ingested in;
    struct pen p;
    OK(&f->w, ward_space_of_circle(f->w.d[B].r, &own, &only_b, 1, &f->w.err));
    put(f, A, &f->space, "one");
    put(f, A, &f->space, "two");
    put(f, A, &f->space, "three");
    give(&f->w, A, B);
    put(f, B, &own, "elsewhere");
    const struct ward_dep first = dep_on(f, B, A, 1), second = dep_on(f, B, A, 2), last = dep_on(f, B, A, 3);
    const struct ward_dep unknown = {.feed = {{9}}, .seq = 1}, elsewhere = {.feed = feed_of(f, B, B, &own)->id, .seq = 1};
    struct ward_dep beyond = last, another = second, itself = {.seq = 1}, seen = second;
    beyond.seq = 4;
    another.hash = last.hash;
    pen_new(&p, &f->w, C, &f->space);
    const struct {
        const char *name;
        const struct ward_dep *dep;
        uint64_t depth;
        int code;
    } refused[] = {
        {"an unknown feed", &unknown, 2, WARD_ERR_DEP_MISSING},
        {"a change that is not here yet", &beyond, 5, WARD_ERR_DEP_MISSING},
        {"a feed of another space", &elsewhere, 2, WARD_ERR_DEP_MISSING},
        {"another change under the same number", &another, 3, WARD_ERR_DEP_HASH},
        {"too shallow", &last, 3, WARD_ERR_DEPTH},
        {"too deep", &last, 5, WARD_ERR_DEPTH},
        {"shallow on a change in the middle", &second, 2, WARD_ERR_DEPTH},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        pen_start(&p, 1);
        p.head = p.feed;
        pen_say(&p, refused[i].depth, refused[i].dep, 1, "refused");
        pen_seal(&p);
        int rc = pen_send(&p, B, &in);
        if (rc != refused[i].code)
            print_error("%s: %d\n", refused[i].name, rc);
        assert_int_equal(rc, refused[i].code);
        assert_null(feed_of(f, B, C, &f->space)); /* no trace */
    }
    pen_start(&p, 1);
    p.head = p.feed;
    pen_say(&p, 4, &last, 1, "good");
    pen_seal(&p);
    assert_int_equal(pen_send(&p, B, &in), WARD_OK);
    itself.feed = p.feed;
    itself.hash = p.head;
    const struct ward_hash head = p.head;
    const struct ward_dep *known[] = {&itself, &seen, &first, &last};
    for (size_t i = 0; i < 4; i++) { /* itself, or what its first change had seen */
        pen_next(&p);
        pen_say(&p, 5, known[i], 1, "again");
        pen_seal(&p);
        assert_int_equal(pen_send(&p, B, &in), WARD_ERR_DEP_ORDER);
        p.seq = 1;
        p.head = head;
    }
    assert_int_equal(feed_of(f, B, C, &f->space)->head_seq, 1);
    pen_free(&p);
    finish(f);
}

/* The first run of a space that is new here can depend on nothing. */
static void no_dependency_in_a_new_space(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct pen p;
    const struct ward_dep unknown = {.feed = {{9}}, .seq = 1};
    struct ward_dep held = {.seq = 1};
    struct ward_hash ward_space;
    ward_space_of_ward(f->w.d[B].r, &ward_space);
    held.feed = f->w.d[B].r->dir.feeds[0].id; /* the root's, of the ward space */
    pen_new(&p, &f->w, C, &f->space);
    pen_say(&p, 2, &unknown, 1, "unknown");
    pen_seal(&p);
    assert_int_equal(pen_send(&p, B, &in), WARD_ERR_DEP_MISSING);
    pen_start(&p, 1);
    p.head = p.feed;
    pen_say(&p, 2, &held, 1, "of another space");
    pen_seal(&p);
    assert_int_equal(pen_send(&p, B, &in), WARD_ERR_DEP_MISSING);
    assert_null(ward_directory_space_by_id(&f->w.d[B].r->dir, &f->space));
    pen_free(&p);
}

/* ---------------------------------------------------------------- bytes and seals */

static void what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_run run;
    struct pen p;
    static uint8_t many[64 * 1100];
    pen_new(&p, &f->w, C, &f->space);
    pen_say(&p, 1, NULL, 0, "one");
    pen_say(&p, 2, NULL, 0, "two");
    pen_seal(&p);
    run = pen_run(&p);
    run.first = 2;
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_GAP);
    run = pen_run(&p);
    run.count = 1;
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_TRAILING);
    run.count = 3;
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_TRUNCATED);
    run = pen_run(&p);
    run.len--;
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_TRUNCATED);
    run.data = many;
    run.len = sizeof many;
    run.count = 1025;
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_LIMIT_RUN);
    run.codec = 7;
    run.count = 1;
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_CODEC);
    run = pen_run(&p);
    run.grant8 = many;
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_GRANT_UNKNOWN);
    run.grant8 = NULL; /* as a run between sessions that know each other, taken from elsewhere */
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_GRANT_UNKNOWN);
    run = pen_run(&p);
    run.space8 = many;
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_SPACE);
    p.sig[0] ^= 1;
    assert_int_equal(pen_send(&p, B, &in), WARD_ERR_SEAL);
    assert_null(feed_of(f, B, C, &f->space));
    p.sig[0] ^= 1;
    assert_int_equal(pen_send(&p, B, &in), WARD_OK);
    assert_int_equal(in.applied, 2);
    pen_free(&p);
    finish(f);
}

static void who_may_not(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct pen p;
    const struct ward_id only_b = unit_id('b'), only_a = unit_id('a');
    struct ward_hash ward_space, of_b, of_a;
    ward_space_of_ward(f->w.d[B].r, &ward_space);
    OK(&f->w, ward_space_of_circle(f->w.d[B].r, &of_b, &only_b, 1, &f->w.err));
    OK(&f->w, ward_space_of_circle(f->w.d[B].r, &of_a, &only_a, 1, &f->w.err));
    const struct {
        const struct ward_hash *space;
        int code;
    } rows[] = {
        {&ward_space, WARD_ERR_NOT_ENTITLED}, /* a cell does not write there */
        {&of_b, WARD_ERR_NOT_ENTITLED},       /* C is of unit a */
        {&of_a, WARD_ERR_SPACE},              /* nothing for B to hold */
    };
    for (size_t i = 0; i < 3; i++) {
        pen_new(&p, &f->w, C, rows[i].space);
        pen_say(&p, 1, NULL, 0, "mine");
        pen_seal(&p);
        assert_int_equal(pen_send(&p, B, &in), rows[i].code);
        pen_free(&p);
    }
    finish(f);
}

/* ---------------------------------------------------------------- what begins before the head */

static void overlaps(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_run run;
    struct pen p;
    pen_new(&p, &f->w, C, &f->space);
    write_upto(&p, 1, 4, 0);
    assert_int_equal(pen_send(&p, B, &in), WARD_OK);
    static const struct {
        const char *name;
        uint64_t first, last, fork;
        uint32_t applied;
        bool forked;
        uint64_t limit; /* afterwards */
    } rows[] = {
        {"all again", 1, 4, 0, 0, false, UINT64_MAX},
        {"a piece in the middle", 2, 3, 0, 0, false, UINT64_MAX},
        {"the last alone", 4, 4, 0, 0, false, UINT64_MAX},
        {"another end", 3, 4, 4, 1, true, 3},
        {"another end again", 4, 4, 4, 0, false, 3},
        {"another middle", 1, 3, 2, 2, true, 1},
        {"another beginning, and beyond", 1, 6, 1, 6, true, 0},
        {"the last and two more", 4, 6, 0, 2, false, 0},
        {"from the beginning, and beyond", 1, 8, 0, 2, false, 0},
        {"another end goes on", 4, 5, 4, 1, false, 0},

    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t head = feed_of(f, B, C, &f->space)->head_seq;
        write_upto(&p, rows[i].first, rows[i].last, rows[i].fork);
        run = pen_run(&p);
        run.len--;
        assert_int_equal(take_run(&f->w, B, &run, &in), WARD_ERR_TRUNCATED);
        ward_buf_add(&p.bodies, "", 1);
        assert_int_equal(pen_send(&p, B, &in), WARD_ERR_TRAILING);
        p.bodies.len--;
        p.sig[9] ^= 1;
        assert_int_equal(pen_send(&p, B, &in), WARD_ERR_SEAL); /* no fork is believed without its seal */
        p.sig[9] ^= 1;
        int rc = pen_send(&p, B, &in);
        if (rc)
            print_error("%s: %d %s\n", rows[i].name, rc, f->w.err.detail);
        assert_int_equal(rc, WARD_OK);
        assert_int_equal(in.applied, rows[i].applied);
        assert_int_equal(in.forked, rows[i].forked);
        const struct ward_feed *trunk = feed_of(f, B, C, &f->space);
        assert_int_equal(trunk->head_seq, head + (in.fid == trunk->fid ? rows[i].applied : 0));
        assert_int_equal(trunk->limit, rows[i].limit);
    }
    pen_free(&p);
    finish(f);
}

/* ---------------------------------------------------------------- words on devices */

/* An operator writes what is neither a grant nor a cut where these belong: kept and carried, without effect. */
static void words_without_effect(void **state)
{
    struct fixture *f = *state;
    static const uint8_t text[] = {0x61, 'x'}, junk[] = {0x43, 1, 2, 3}, number[] = {0x05}, pair[] = {0x81, 0x82, 0x01, 0x02};
    struct ward_status before, after;
    struct ward_hash ward_space;
    struct ward_ingested in;
    struct ward_buf grant;
    struct pen p;
    ward_space_of_ward(f->w.d[OFFICE].r, &ward_space);
    size_t other = admit(&f->w, 'a', WARD_ROLE_OPERATOR, 9);
    give(&f->w, OFFICE, B);
    /* A good grant under an entity that is not its own. */
    const struct ward_grant good = {.role = WARD_ROLE_OPERATOR, .unit = unit_id('z')};
    struct ward_grant copy = good;
    memcpy(copy.sign_pk, f->w.d[C].r->keys->sign.pk, 32);
    memcpy(copy.link_pk, f->w.d[C].r->keys->link_pk, 32);
    uint8_t raw[256] = {0x58};
    ward_buf_init(&grant, &f->w.d[0].outside.env);
    ward_grant_write(&grant, &copy);
    raw[1] = (uint8_t)grant.len;
    memcpy(raw + 2, grant.p, grant.len);
    const struct ward_op ops[] = {
        {.record = 0, .kind = WARD_KIND_GRANT, .entity = unit_id('1'), .field = WARD_GRANT_BODY, .raw = text, .raw_len = 2},
        {.record = 1, .kind = WARD_KIND_GRANT, .entity = unit_id('2'), .field = WARD_GRANT_BODY, .raw = junk, .raw_len = 4},
        {.record = 2, .kind = WARD_KIND_GRANT, .entity = unit_id('3'), .field = WARD_GRANT_BODY, .raw = raw, .raw_len = 2 + grant.len},
        {.record = 3, .kind = WARD_KIND_GRANT, .entity = unit_id('4'), .field = WARD_GRANT_CUT, .raw = number, .raw_len = 1},
        {.record = 4, .kind = WARD_KIND_GRANT, .entity = unit_id('5'), .field = WARD_GRANT_CUT, .raw = pair, .raw_len = 4},
        {.record = 5, .kind = KIND_ITEM, .entity = unit_id('6'), .field = NOTE, .raw = text, .raw_len = 2},
    };
    OK(&f->w, ward_status(f->w.d[B].r, &before, &f->w.err));
    pen_new(&p, &f->w, other, &ward_space);
    pen_write(&p, 1, NULL, 0, ops, 6);
    pen_seal(&p);
    assert_int_equal(pen_send(&p, B, &in), WARD_OK);
    OK(&f->w, ward_status(f->w.d[B].r, &after, &f->w.err));
    assert_int_equal(after.changes, before.changes + 1);
    assert_int_equal(after.devices, before.devices);
    assert_int_equal(after.quarantined, before.quarantined);
    pen_free(&p);
    ward_buf_free(&grant);
    give(&f->w, B, OFFICE);
    finish(f);
}

/* ---------------------------------------------------------------- much at once */

/* More records in one transaction than are held in memory, here and at who takes them in, and when they are shown anew. */
static void more_than_is_held(void **state)
{
    struct fixture *f = *state;
    static char text[40001];
    struct device *b = &f->w.d[B];
    ward_txn *t;
    ward_record *rec;
    struct ward_value v = {.type = WARD_TEXT, .p = (const uint8_t *)text, .len = sizeof text - 1};
    memset(text, 'x', sizeof text - 1);
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    for (uint8_t i = 1; i <= 250; i++) {
        const struct ward_id id = {{i, 1}};
        text[0] = (char)('a' + i % 26);
        OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &id, NOTE, NULL, 0, &v, &f->w.err));
    }
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    finish(f);
    ward_close(b->r);
    b->options.schema = &small_schema;
    OK(&f->w, ward_open(&b->r, b->home, &b->options, &f->w.err));
    ward_close(b->r);
    b->options.schema = &full_schema;
    OK(&f->w, ward_open(&b->r, b->home, &b->options, &f->w.err));
    for (uint8_t i = 1; i <= 250; i++) {
        const struct ward_id id = {{i, 1}};
        OK(&f->w, ward_get(b->r, KIND_ITEM, &id, false, &rec, &f->w.err));
        struct ward_value shown = ward_record_value(rec, NOTE);
        assert_int_equal(shown.len, sizeof text - 1);
        assert_int_equal(shown.p[0], 'a' + i % 26);
        ward_record_free(rec);
    }
    finish(f);
}

/* A run holds no more than 1,024 changes and 224 KiB, however many wait. */
static void runs_have_an_end(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    struct pen p;
    bool got = true;
    size_t runs = 0;
    const struct ward_grant as = {.id = f->w.d[A].grant, .unit = f->w.d[A].unit, .role = WARD_ROLE_CELL};
    pen_new(&p, &f->w, C, &f->space);
    for (uint64_t depth = 1; depth <= 1800;) {
        pen_next(&p);
        for (size_t i = 0; i < 600; i++)
            pen_say(&p, depth++, NULL, 0, "many");
        pen_seal(&p);
        assert_int_equal(pen_send(&p, B, &in), WARD_OK);
    }
    pen_free(&p);
    ward_stream_init(&s, f->w.d[B].r, &as);
    ward_buf_init(&frame, &f->w.d[B].outside.env);
    OK(&f->w, ward_stream_seek(&s, &f->w.err));
    for (;;) {
        OK(&f->w, ward_stream_next(&s, &frame, &streamed, &got, &f->w.err));
        if (!got)
            break;
        if (streamed.fid == feed_of(f, B, C, &f->space)->fid) {
            assert_int_equal(streamed.count, 600); /* two of them would be 1,200 */
            runs++;
        }
    }
    assert_int_equal(runs, 3);
    ward_stream_free(&s);
    ward_buf_free(&frame);
    finish(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dependencies), TEST(no_dependency_in_a_new_space), TEST(what_does_not_fit), TEST(who_may_not),
        TEST(overlaps),     TEST(words_without_effect),         TEST(more_than_is_held), TEST(runs_have_an_end),
    };
    return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
