/* Who may what: the role table, grants that must not parse, cuts and their order. proto/authority.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../vectors.h"
#include "rules/authority.h"
#include "rules/directory.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/seal.h"

#include <sodium.h>

/* ---------------------------------------------------------------- roles */

static const struct ward_id unit_a = {{1}}, unit_b = {{2}};

static void role_table(void **state)
{
    /* may read and write: the ward space, a circle with its unit, one without; may grant, a letter per role; may cut */
    static const struct {
        enum ward_role role;
        unsigned rank;
        const char *reads, *writes, *grants;
        bool cuts;
    } rows[] = {
        {WARD_ROLE_ROOT, 3, "---", "w--", "-coih", true},     {WARD_ROLE_CELL, 1, "wi-", "-i-", "-----", false},
        {WARD_ROLE_OPERATOR, 2, "wio", "wio", "-coih", true}, {WARD_ROLE_INSPECTOR, 1, "wio", "-i-", "-----", false},
        {WARD_ROLE_HUB, 2, "wio", "w--", "-c---", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ward_grant g = {.unit = unit_a, .role = rows[i].role};
        assert_int_equal(ward_role_rules(rows[i].role)->rank, rows[i].rank);
        assert_int_equal(ward_role_rules(rows[i].role)->may_cut, rows[i].cuts);
        assert_int_equal(ward_may_read(&g, NULL, 0), rows[i].reads[0] != '-');
        assert_int_equal(ward_may_read(&g, &unit_a, 1), rows[i].reads[1] != '-');
        assert_int_equal(ward_may_read(&g, &unit_b, 1), rows[i].reads[2] != '-');
        assert_int_equal(ward_may_write(&g, NULL, 0), rows[i].writes[0] != '-');
        assert_int_equal(ward_may_write(&g, &unit_a, 1), rows[i].writes[1] != '-');
        assert_int_equal(ward_may_write(&g, &unit_b, 1), rows[i].writes[2] != '-');
        for (enum ward_role r = WARD_ROLE_ROOT; r <= WARD_ROLE_HUB; r++)
            assert_int_equal(ward_may_grant(rows[i].role, r), rows[i].grants[r] != '-');
    }
    assert_string_equal(ward_role_name(WARD_ROLE_INSPECTOR), "inspector");
    /* Roles of a later version: no more than a cell, and granted by nobody. */
    for (unsigned r = WARD_ROLE_HUB + 1; r < 100; r++) {
        assert_ptr_equal(ward_role_rules((enum ward_role)r), ward_role_rules(WARD_ROLE_CELL));
        assert_string_equal(ward_role_name((enum ward_role)r), "?");
        assert_false(ward_may_grant(WARD_ROLE_OPERATOR, (enum ward_role)r));
    }
}

/* ---------------------------------------------------------------- grants */

static struct ward_grant a_grant(uint8_t n, enum ward_role role)
{
    uint8_t seed[32] = {n};
    struct ward_sign_key key;
    struct ward_grant g = {.unit = unit_a, .role = role, .link_pk = {9}};
    ward_sign_key_from_seed(&key, seed);
    memcpy(g.sign_pk, key.pk, 32);
    return g;
}

static int parse(const struct ward_grant *g, struct ward_grant *out)
{
    struct ward_buf b;
    ward_buf_init(&b, &vectors_env);
    ward_grant_write(&b, g);
    int rc = ward_grant_parse(out, b.p, b.len, NULL);
    ward_buf_free(&b);
    return rc;
}

static void grants(void **state)
{
    struct ward_grant g = a_grant(1, WARD_ROLE_CELL), out;
    struct ward_buf b;
    struct ward_hash id;
    (void)state;
    assert_int_equal(parse(&g, &out), WARD_OK);
    assert_memory_equal(out.sign_pk, g.sign_pk, 32);
    assert_true(ward_id_equal(&out.unit, &unit_a));
    ward_buf_init(&b, &vectors_env);
    ward_grant_write(&b, &g);
    ward_name_grant(&id, b.p, b.len);
    assert_hash_equal(&id, &out.id);
    for (size_t n = 0; n < b.len; n++) {
        uint8_t *cut = malloc(n ? n : 1);
        assert_non_null(cut);
        memcpy(cut, b.p, n);
        assert_int_equal(ward_grant_parse(&out, cut, n, NULL), WARD_ERR_TRUNCATED);
        free(cut);
    }
    b.p[1] = 2;
    assert_int_equal(ward_grant_parse(&out, b.p, b.len, NULL), WARD_ERR_VERSION);
    b.p[1] = 1;
    b.p[b.len - 1] = 5;
    assert_int_equal(ward_grant_parse(&out, b.p, b.len, NULL), WARD_ERR_RANGE);
    b.p[b.len - 1] = 1;
    ward_put_null(&b);
    assert_int_equal(ward_grant_parse(&out, b.p, b.len, NULL), WARD_ERR_TRAILING);
    ward_buf_free(&b);
    g.role = WARD_ROLE_ROOT;
    assert_int_equal(parse(&g, &out), WARD_ERR_GRANT_BAD);
    g = a_grant(1, WARD_ROLE_CELL);
    memset(g.sign_pk, 0, 32); /* small order */
    assert_int_equal(parse(&g, &out), WARD_ERR_KEY_POINT);
    memset(g.sign_pk, 0, 32);
    g.sign_pk[0] = 1; /* the neutral element */
    assert_int_equal(parse(&g, &out), WARD_ERR_KEY_POINT);
    memset(g.sign_pk, 0xff, 32); /* no field element */
    assert_int_equal(parse(&g, &out), WARD_ERR_KEY_POINT);
    g = a_grant(1, WARD_ROLE_CELL);
    memset(g.link_pk, 0, 32);
    assert_int_equal(parse(&g, &out), WARD_ERR_KEY_POINT);
    g.link_pk[0] = 1;
    assert_int_equal(parse(&g, &out), WARD_ERR_KEY_POINT);
}

/* ---------------------------------------------------------------- cuts */

static void cut_encoding(void **state)
{
    struct ward_cut_entry in[3] = {{{{1}}, 5, {{7}}}, {{{2}}, 1, {{8}}}, {{{3}}, 900, {{9}}}}, out[3];
    struct ward_buf b;
    size_t count = 77;
    (void)state;
    ward_buf_init(&b, &vectors_env);
    ward_cut_write(&b, in, 3);
    assert_int_equal(ward_cut_parse(out, 3, &count, b.p, b.len), WARD_OK);
    assert_int_equal(count, 3);
    assert_memory_equal(out, in, sizeof in);
    assert_int_equal(ward_cut_parse(out, 2, &count, b.p, b.len), WARD_ERR_RANGE);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(ward_cut_parse(out, 3, &count, b.p, n), WARD_ERR_TRUNCATED);
    ward_put_null(&b);
    assert_int_equal(ward_cut_parse(out, 3, &count, b.p, b.len), WARD_ERR_TRAILING);
    ward_buf_clear(&b);
    in[1].feed = in[0].feed;
    ward_cut_write(&b, in, 2);
    assert_int_equal(ward_cut_parse(out, 3, &count, b.p, b.len), WARD_ERR_ORDER);
    ward_buf_clear(&b);
    in[0].seq = 0;
    ward_cut_write(&b, in, 1);
    assert_int_equal(ward_cut_parse(out, 3, &count, b.p, b.len), WARD_ERR_RANGE);
    ward_buf_clear(&b);
    ward_cut_write(&b, NULL, 0);
    assert_int_equal(ward_cut_parse(out, 0, &count, b.p, b.len), WARD_OK);
    assert_int_equal(count, 0);
    ward_buf_free(&b);
}

static void cut_order(void **state)
{
    const struct ward_cut sorted[] = {
        {.rank = 3, .depth = 9, .author_feed = {{9}}, .seq = 9},
        {.rank = 2, .depth = 1, .author_feed = {{5}}, .seq = 5},
        {.rank = 2, .depth = 2, .author_feed = {{1}}, .seq = 7},
        {.rank = 2, .depth = 2, .author_feed = {{2}}, .seq = 1},
        {.rank = 2, .depth = 2, .author_feed = {{2}}, .seq = 2, .grant_entity = {{1}}},
        {.rank = 2, .depth = 2, .author_feed = {{2}}, .seq = 2, .grant_entity = {{2}}},
    };
    struct ward_cut cuts[6];
    (void)state;
    for (size_t turn = 0; turn < 6; turn++) {
        for (size_t i = 0; i < 6; i++)
            cuts[i] = sorted[(i * 5 + turn) % 6]; /* 5 and 6 have no common factor: a permutation */
        ward_cuts_sort(cuts, 6);
        assert_memory_equal(cuts, sorted, sizeof sorted);
    }
    ward_cuts_sort(NULL, 0);
}

static void the_least_of_several_holds(void **state)
{
    const struct ward_hash grant = {{7}}, other = {{8}}, f1 = {{1}}, f2 = {{2}};
    const struct ward_cut_entry first[] = {{f1, 10, {{0}}}, {f2, 4, {{0}}}}, second[] = {{f1, 6, {{0}}}};
    struct ward_cut cuts[] = {{.grant_entity = {{7}}, .entries = first, .entry_count = 2, .effective = true},
                              {.grant_entity = {{7}}, .entries = second, .entry_count = 1, .effective = true}};
    (void)state;
    assert_int_equal(ward_cut_limit(cuts, 1, &grant, &f1), 10);
    assert_int_equal(ward_cut_limit(cuts, 2, &grant, &f1), 6);
    assert_int_equal(ward_cut_limit(cuts, 2, &grant, &f2), 0); /* the second does not name it */
    assert_true(ward_cut_limit(cuts, 2, &other, &f1) == UINT64_MAX);
    cuts[1].effective = false;
    assert_int_equal(ward_cut_limit(cuts, 2, &grant, &f1), 10);
}

/* A ward of root, two operators and a cell that the second operator admitted; its only space is the ward space. */
struct ward_picture {
    struct ward_directory d;
    struct ward_grant root, op1, op2, cell;
};

static void add_feed(struct ward_directory *d, const struct ward_grant *g, uint32_t fid)
{
    struct ward_feed f = {.fid = fid, .sid = 1, .grant = g->id, .role = g->role, .head_seq = 10};
    ward_name_feed(&f.id, &d->ward, &d->spaces[0].id, &g->id);
    assert_int_equal(ward_directory_add_feed(d, &f), WARD_OK);
}

static void picture(struct ward_picture *p)
{
    uint8_t root_pk[32] = {5};
    struct ward_hash ward, space;
    ward_name_ward(&ward, root_pk);
    ward_name_space(&space, &ward, NULL, 0);
    ward_directory_init(&p->d, &vectors_env, &ward);
    ward_grant_of_root(&p->root, &ward, root_pk);
    struct ward_grant g = a_grant(1, WARD_ROLE_OPERATOR);
    assert_int_equal(parse(&g, &p->op1), WARD_OK);
    g = a_grant(2, WARD_ROLE_OPERATOR);
    assert_int_equal(parse(&g, &p->op2), WARD_OK);
    g = a_grant(3, WARD_ROLE_CELL);
    assert_int_equal(parse(&g, &p->cell), WARD_OK);
    assert_int_equal(ward_directory_add_space(&p->d, 1, &space, NULL, 0), WARD_OK);
    assert_int_equal(ward_directory_add_grant(&p->d, &p->root, 0, 0), WARD_OK);
    add_feed(&p->d, &p->root, 1);
    assert_int_equal(ward_directory_add_grant(&p->d, &p->op1, 1, 1), WARD_OK);
    add_feed(&p->d, &p->op1, 2);
    assert_int_equal(ward_directory_add_grant(&p->d, &p->op2, 1, 2), WARD_OK);
    add_feed(&p->d, &p->op2, 3);
    assert_int_equal(ward_directory_add_grant(&p->d, &p->cell, 3, 4), WARD_OK); /* by op2's fourth change */
    ward_directory_judge(&p->d);
}

static void cut(struct ward_picture *p, uint32_t by, uint64_t seq, uint64_t depth, const struct ward_grant *whom, uint32_t feed,
                uint64_t keeps)
{
    const struct ward_feed *f = ward_directory_feed(&p->d, by), *of = ward_directory_feed(&p->d, feed);
    const struct ward_cut_entry e = {.feed = of->id, .seq = keeps};
    struct ward_cut c = {
        .fid = by, .seq = seq, .depth = depth, .rank = ward_role_rules(f->role)->rank, .author_feed = f->id, .author_grant = f->grant};
    ward_grant_entity(&c.grant_entity, &whom->id);
    assert_int_equal(ward_directory_add_cut(&p->d, &c, &e, keeps ? 1 : 0), WARD_OK);
    ward_directory_judge(&p->d);
}

static void judging(void **state)
{
    struct ward_picture p;
    (void)state;
    picture(&p);
    assert_true(ward_grant_effective(&p.d, &p.cell.id));
    assert_true(p.d.feeds[2].limit == UINT64_MAX);
    cut(&p, 2, 5, 5, &p.op2, 3, 4);
    assert_int_equal(p.d.feeds[2].limit, 4);
    assert_true(ward_grant_is_cut(&p.d, &p.op2.id));
    assert_true(ward_grant_effective(&p.d, &p.cell.id)); /* given by the fourth */
    cut(&p, 2, 6, 6, &p.op2, 3, 3);
    assert_false(ward_grant_effective(&p.d, &p.cell.id)); /* what was given beyond the cut falls */
    ward_directory_free(&p.d);
}

/* Two operators cut each other: the shallower word is decided first, and leaves the other's without effect - whichever came first here. */
static void mutual_cuts(void **state)
{
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct ward_picture p;
        picture(&p);
        if (turn)
            cut(&p, 3, 6, 6, &p.op1, 2, 2);
        cut(&p, 2, 5, 5, &p.op2, 3, 5);
        if (!turn)
            cut(&p, 3, 6, 6, &p.op1, 2, 2);
        assert_true(ward_grant_is_cut(&p.d, &p.op2.id));
        assert_false(ward_grant_is_cut(&p.d, &p.op1.id));
        assert_int_equal(p.d.feeds[2].limit, 5);
        assert_true(p.d.feeds[1].limit == UINT64_MAX);
        cut(&p, 1, 9, 99, &p.op1, 2, 1); /* the root's comes before them all, however deep */
        assert_int_equal(p.d.feeds[1].limit, 1);
        assert_false(ward_grant_is_cut(&p.d, &p.op2.id)); /* and with op1's fifth change its cut falls */
        cut(&p, 2, 1, 1, &p.root, 1, 1);
        assert_true(p.d.feeds[0].limit == UINT64_MAX); /* the root cannot be cut */
        ward_directory_free(&p.d);
    }
}

/* Whoever was let in beyond a cut cuts nobody, whatever was cut between the two. */
static void who_was_let_in_beyond_a_cut(void **state)
{
    (void)state;
    for (int between = 0; between < 2; between++) {
        struct ward_picture p;
        struct ward_grant op3, g = a_grant(4, WARD_ROLE_OPERATOR);
        picture(&p);
        assert_int_equal(parse(&g, &op3), WARD_OK);
        assert_int_equal(ward_directory_add_grant(&p.d, &op3, 3, 5), WARD_OK); /* by op2's fifth change */
        add_feed(&p.d, &op3, 4);
        cut(&p, 4, 1, 8, &p.op1, 2, 2);
        assert_true(ward_grant_is_cut(&p.d, &p.op1.id));
        cut(&p, 2, 1, 5, &p.op2, 3, 4);
        if (between)
            cut(&p, 2, 2, 6, &p.cell, 3, 4);
        assert_false(ward_grant_effective(&p.d, &op3.id));
        assert_false(ward_grant_is_cut(&p.d, &p.op1.id));
        assert_true(p.d.feeds[1].limit == UINT64_MAX);
        ward_directory_free(&p.d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(role_table),
        cmocka_unit_test(grants),
        cmocka_unit_test(cut_encoding),
        cmocka_unit_test(cut_order),
        cmocka_unit_test(the_least_of_several_holds),
        cmocka_unit_test(judging),
        cmocka_unit_test(mutual_cuts),
        cmocka_unit_test(who_was_let_in_beyond_a_cut),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
