/* The head and the parts of a snapshot: what is written is read again as it was, and nothing else is. Each refusal by itself: the vectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../support/dice.h"
#include "../vectors.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "rules/snapshot.h"

#define FEEDS_MAX  5
#define VALUES_MAX 4000

static const struct ward_id circle[] = {{{1}}, {{2}}};
static const struct ward_hash maker = {{9}};
static const uint8_t signature[64] = {7};

struct written { /* bodies of one feed's changes, and what the head says of them */
    struct ward_buf bodies, head;
    struct ward_lag lags[WARD_RUN_CHANGES_MAX];
    size_t lag_count;
    uint32_t count;
    uint64_t last;
};

static struct ward_scratch scratch;
static struct ward_op ops[WARD_OPS_MAX];

static void init(struct written *w)
{
    *w = (struct written){.count = 0};
    ward_buf_init(&w->bodies, &vectors_env);
    ward_buf_init(&w->head, &vectors_env);
}

static void done(struct written *w)
{
    ward_buf_free(&w->bodies);
    ward_buf_free(&w->head);
}

static void add_lag(struct written *w, uint64_t lag, uint32_t bodies)
{
    if (w->lag_count == 0 || w->lags[w->lag_count - 1].lag != lag)
        w->lags[w->lag_count++] = (struct ward_lag){lag, 0};
    w->lags[w->lag_count - 1].count += bodies;
    w->count += bodies;
}

static void add_change(struct written *w, const struct ward_snapshot_value *v, size_t count)
{
    add_lag(w, v->depth - v->seq, ward_snapshot_put_change(&w->bodies, v, count, ops));
    w->last = v->seq;
}

/* A head of one feed, of what was written. */
static void write_head(struct written *w, size_t parts, uint64_t seq)
{
    const struct ward_hash grant = {{3}}, hash = {{4}};
    ward_buf_clear(&w->head);
    ward_snapshot_put_begin(&w->head, circle, 2, &maker, 1);
    ward_snapshot_put_feed(&w->head, &grant, seq, &hash, INT64_MAX, signature, 0);
    ward_snapshot_put_parts(&w->head, parts);
    for (size_t i = 0; i < parts; i++)
        ward_snapshot_put_part(&w->head, 0, w->last + i, w->lags, w->lag_count, &hash);
}

static int read_head(const struct written *w, struct ward_snapshot_head *h)
{
    return ward_snapshot_head_parse(h, w->head.p, w->head.len, signature, NULL);
}

static int check(struct written *w)
{
    struct ward_snapshot_head h;
    struct ward_snapshot_part part;
    write_head(w, 1, w->last);
    int rc = read_head(w, &h);
    if (rc)
        return rc;
    ward_snapshot_part(&h, 1, &part);
    uint8_t *exact = malloc(w->bodies.len); /* so that a read past the end is seen */
    memcpy(exact, w->bodies.p, w->bodies.len);
    rc = ward_snapshot_part_check(&part, exact, w->bodies.len, &scratch, NULL);
    free(exact);
    return rc;
}

/* ---- random states */

struct state {
    struct ward_snapshot_value v[VALUES_MAX];
    size_t count;
    struct ward_arena arena;
};

static const void *bytes(struct state *s, struct dice *d, size_t len)
{
    uint8_t *p = ward_arena_take(&s->arena, len + 1);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)dice_below(d, 256);
    return p;
}

/* Of all classes; now and then as long as it may be. */
static void random_value(struct state *s, struct dice *d, struct ward_snapshot_value *v)
{
    struct ward_buf raw;
    ward_buf_init(&raw, &vectors_env);
    v->field = 4 + (uint32_t)dice_below(d, dice_below(d, 8) ? 12 : 65532);
    v->field = dice_below(d, 6) ? v->field : WARD_FIELD_PRESENCE;
    if (ward_field_class(v->field) == WARD_MEMBER) {
        v->key_len = 1 + dice_below(d, WARD_KEY_MAX);
        v->key = bytes(s, d, v->key_len);
    }
    struct ward_value open[] = {ward_value_null(), ward_value_bool(true), ward_value_int(-(int64_t)dice_below(d, 1u << 30)),
                                ward_value_text("việc"),
                                ward_value_bytes(NULL, dice_below(d, 40) ? dice_below(d, 300) : WARD_VALUE_MAX - 3)};
    open[4].p = bytes(s, d, open[4].len);
    if (v->field == WARD_FIELD_PRESENCE || ward_field_class(v->field) == WARD_MEMBER)
        ward_put_bool(&raw, dice_below(d, 2));
    else if (ward_field_class(v->field) == WARD_TALLY)
        ward_put_int(&raw, (int64_t)dice_below(d, 1u << 20) - 1000);
    else
        ward_put_value(&raw, &open[dice_below(d, 5)]);
    v->raw_len = raw.len;
    v->raw = ward_arena_copy(&s->arena, raw.p, raw.len);
    ward_buf_free(&raw);
}

static int by_place(const void *a, const void *b)
{
    return ward_snapshot_compare_places(a, b);
}

/* Changes of one feed that have a live value; some seqs are passed over, and depths grow faster at times. */
static void random_state(struct state *s, struct dice *d)
{
    uint64_t seq = 0, lag = 0;
    size_t changes = 1 + dice_below(d, 60);
    s->count = 0;
    for (size_t i = 0; i < changes; i++) {
        size_t from = s->count, n = 1 + dice_below(d, dice_below(d, 10) ? 5 : 40);
        int64_t wall = (int64_t)dice_below(d, 1u << 31) * 1000;
        seq += 1 + dice_below(d, 3);
        lag += dice_below(d, 5) ? 0 : dice_below(d, 4);
        for (size_t k = 0; k < n && s->count < VALUES_MAX; k++) {
            struct ward_snapshot_value *v = &s->v[s->count];
            *v = (struct ward_snapshot_value){.kind = 1 + (uint32_t)dice_below(d, 3), .seq = seq, .depth = seq + lag, .wall_ms = wall};
            v->entity.b[0] = (uint8_t)dice_below(d, 4);
            random_value(s, d, v);
            bool twice = false;
            for (size_t j = from; j < s->count; j++)
                twice |= ward_snapshot_compare_places(&s->v[j], v) == 0;
            s->count += !twice;
        }
        qsort(s->v + from, s->count - from, sizeof *s->v, by_place);
    }
}

struct reading {
    const struct state *s;
    size_t at;
    uint64_t before;
};

static int same_value(void *ctx, const struct ward_snapshot_value *v)
{
    struct reading *x = ctx;
    assert_true(x->at < x->s->count);
    const struct ward_snapshot_value *e = &x->s->v[x->at++];
    assert_int_equal(ward_snapshot_compare_places(e, v), 0);
    assert_true(v->feed == 0 && v->seq == e->seq && v->depth == e->depth && v->wall_ms == e->wall_ms && v->raw_len == e->raw_len);
    assert_memory_equal(v->raw, e->raw, e->raw_len);
    return WARD_OK;
}

static int same_change(void *ctx, uint64_t seq, int64_t wall_ms)
{
    struct reading *x = ctx;
    assert_true(seq > x->before);
    x->before = seq;
    while (x->at < x->s->count && x->s->v[x->at].seq != seq)
        x->at++;
    assert_true(x->at < x->s->count);
    assert_int_equal(x->s->v[x->at].wall_ms, wall_ms);
    return WARD_OK;
}

static void write_state(struct written *w, const struct state *s)
{
    for (size_t from = 0, to; from < s->count; from = to) {
        for (to = from; to < s->count && s->v[to].seq == s->v[from].seq;)
            to++;
        add_change(w, s->v + from, to - from);
    }
}

static void random_states_come_back(void **state)
{
    static struct state s;
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct dice d = {seed};
        struct written w;
        struct ward_snapshot_head h;
        struct ward_snapshot_part part;
        init(&w);
        ward_arena_init(&s.arena, &vectors_env);
        random_state(&s, &d);
        write_state(&w, &s);
        assert_int_equal(check(&w), WARD_OK);
        assert_int_equal(read_head(&w, &h), WARD_OK);
        ward_snapshot_part(&h, 1, &part);
        struct reading values = {.s = &s}, changes = {.s = &s};
        assert_int_equal(ward_snapshot_each_value(&part, w.bodies.p, w.bodies.len, &scratch, same_value, &values), WARD_OK);
        assert_int_equal(values.at, s.count);
        assert_int_equal(ward_snapshot_each_change(&part, w.bodies.p, w.bodies.len, same_change, &changes), WARD_OK);
        assert_int_equal(changes.before, w.last);
        ward_arena_free(&s.arena);
        done(&w);
    }
}

/* ---- heads */

static void heads_come_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct dice d = {seed};
        struct ward_buf b;
        struct ward_snapshot_head h;
        size_t feeds = 1 + dice_below(&d, FEEDS_MAX), parts = 0;
        ward_buf_init(&b, &vectors_env);
        ward_snapshot_put_begin(&b, circle, 1 + seed % 2, &maker, feeds);
        for (size_t i = 0; i < feeds; i++) {
            struct ward_hash grant = {{(uint8_t)(i + 1)}}, hash = {{(uint8_t)seed}};
            ward_snapshot_put_feed(&b, &grant, 10 * i, &hash, i ? 10 * i + seed : 0, i % 2 ? signature : NULL, i);
            for (size_t k = 0; k < i; k++)
                ward_snapshot_put_seen(&b, (uint32_t)k, seed + k);
        }
        parts = 2 * (feeds - 1);
        ward_snapshot_put_parts(&b, parts);
        for (size_t i = 0; i < parts; i++)
            ward_snapshot_put_part(&b, (uint32_t)(1 + i / 2), 3 + i % 2, (struct ward_lag[]){{i, 2}, {i + seed, 3}}, 2, &maker);
        assert_int_equal(ward_snapshot_head_parse(&h, b.p, b.len, signature, NULL), WARD_OK);
        assert_int_equal(h.feed_count, feeds);
        assert_int_equal(h.part_count, parts);
        assert_memory_equal(h.maker, maker.b, 32);
        struct ward_cbor c = h.feeds;
        for (size_t i = 0; i < feeds; i++) {
            struct ward_snapshot_feed f;
            ward_snapshot_next_feed(&c, &f);
            assert_true(f.seq == 10 * i && f.grant8[0] == i + 1 && f.seen_count == i && f.sealed == (i % 2 == 1));
            for (size_t k = 0; k < i; k++) {
                uint32_t feed;
                uint64_t seq;
                ward_snapshot_next_seen(&f.seen, &feed, &seq);
                assert_true(feed == k && seq == seed + k);
            }
        }
        for (size_t i = 0; i < parts; i++) {
            struct ward_snapshot_part p;
            ward_snapshot_part(&h, i + 1, &p);
            assert_true(p.feed == 1 + i / 2 && p.last == 3 + i % 2 && p.after == (i % 2 ? 3 : 0) && p.count == 5 && p.lag_count == 2);
        }
        ward_buf_free(&b);
    }
}

static int any_change(void *ctx, uint64_t seq, int64_t wall_ms)
{
    (void)ctx, (void)seq, (void)wall_ms;
    return WARD_OK;
}

static void every_truncation(void **state)
{
    static struct state s;
    struct dice d = {5};
    struct written w;
    struct ward_snapshot_head h;
    struct ward_snapshot_part part;
    (void)state;
    init(&w);
    ward_arena_init(&s.arena, &vectors_env);
    do
        random_state(&s, &d);
    while (s.count < 30 || s.count > 60);
    write_state(&w, &s);
    assert_int_equal(check(&w), WARD_OK);
    assert_int_equal(read_head(&w, &h), WARD_OK);
    ward_snapshot_part(&h, 1, &part);
    for (size_t len = 0; len < w.bodies.len && len < 4000; len++) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, w.bodies.p, len);
        int rc = ward_snapshot_part_check(&part, exact, len, &scratch, NULL);
        assert_true(rc >= 200 && rc < 300);
        rc = ward_snapshot_each_change(&part, exact, len, any_change, NULL);
        assert_true(rc >= 200 && rc < 300);
        free(exact);
    }
    for (size_t len = 0; len < w.head.len; len++) {
        struct ward_snapshot_head cut;
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, w.head.p, len);
        assert_int_equal(ward_snapshot_head_parse(&cut, exact, len, signature, NULL), WARD_ERR_TRUNCATED);
        free(exact);
    }
    ward_arena_free(&s.arena);
    done(&w);
}

/* ---- limits, on both sides */

static const uint8_t one[] = {1};

static struct ward_snapshot_value plain(uint64_t seq, uint64_t depth)
{
    return (struct ward_snapshot_value){.kind = 5, .field = 8, .seq = seq, .depth = depth, .raw = one, .raw_len = 1};
}

static int check_one(struct ward_snapshot_value v)
{
    struct written w;
    init(&w);
    add_change(&w, &v, 1);
    int rc = check(&w);
    done(&w);
    return rc;
}

static void bodies_of_a_part(void **state)
{
    (void)state;
    for (uint32_t n = WARD_RUN_CHANGES_MAX; n <= WARD_RUN_CHANGES_MAX + 1; n++) {
        struct written w;
        init(&w);
        for (uint64_t seq = 1; seq <= n; seq++) {
            struct ward_snapshot_value v = plain(seq, seq);
            add_change(&w, &v, 1);
        }
        assert_int_equal(check(&w), n > WARD_RUN_CHANGES_MAX ? WARD_ERR_RANGE : WARD_OK);
        done(&w);
    }
}

static void parts_of_a_head(void **state)
{
    struct written w;
    struct ward_snapshot_head h;
    (void)state;
    init(&w);
    w.last = 1;
    add_lag(&w, 0, 1);
    write_head(&w, WARD_PARTS_MAX, WARD_PARTS_MAX);
    assert_int_equal(read_head(&w, &h), WARD_OK);
    struct ward_snapshot_part p;
    ward_snapshot_part(&h, WARD_PARTS_MAX, &p);
    assert_true(p.last == WARD_PARTS_MAX && p.after == WARD_PARTS_MAX - 1);
    write_head(&w, WARD_PARTS_MAX + 1, WARD_PARTS_MAX + 1);
    assert_int_equal(read_head(&w, &h), WARD_ERR_RANGE);
    write_head(&w, 3, 2); /* the last of them ends beyond the feed */
    assert_int_equal(read_head(&w, &h), WARD_ERR_RANGE);
    done(&w);
}

static void numbers(void **state)
{
    struct ward_snapshot_value v;
    (void)state;
    assert_int_equal(check_one(plain(1, INT64_MAX)), WARD_OK);
    assert_int_equal(check_one(plain(INT64_MAX, INT64_MAX)), WARD_OK);
    v = plain(1, 1);
    v.wall_ms = WARD_WALL_MS_MAX;
    assert_int_equal(check_one(v), WARD_OK);
    v.wall_ms++;
    assert_int_equal(check_one(v), WARD_ERR_RANGE);
    v = plain(1, 1);
    v.kind = 65535;
    assert_int_equal(check_one(v), WARD_OK);
    v.kind++;
    assert_int_equal(check_one(v), WARD_ERR_RANGE);
}

static void keys_and_values(void **state)
{
    static uint8_t key[WARD_KEY_MAX + 1];
    static const uint8_t yes[] = {0xf5};
    struct ward_snapshot_value v = plain(1, 1);
    (void)state;
    v.field = 6;
    v.key = key;
    v.raw = yes;
    v.key_len = WARD_KEY_MAX;
    assert_int_equal(check_one(v), WARD_OK);
    v.key_len++;
    assert_int_equal(check_one(v), WARD_ERR_LIMIT_KEY);
    v.key_len = 0;
    assert_int_equal(check_one(v), WARD_ERR_OP);
    static uint8_t big[WARD_VALUE_MAX + 1] = {0x59, (WARD_VALUE_MAX - 3) >> 8, (WARD_VALUE_MAX - 3) & 255};
    v = plain(1, 1);
    v.raw = big;
    v.raw_len = WARD_VALUE_MAX;
    assert_int_equal(check_one(v), WARD_OK);
    big[2]++;
    v.raw_len++;
    assert_int_equal(check_one(v), WARD_ERR_LIMIT_VALUE);
}

/* As much as a change can leave behind: all it wrote, and the presence of as many records. */
static void the_greatest_change(void **state)
{
    static struct ward_snapshot_value v[2 * WARD_OPS_MAX];
    static const uint8_t yes[] = {0xf5};
    struct written w;
    (void)state;
    init(&w);
    for (uint32_t i = 0; i < WARD_OPS_MAX; i++) {
        v[2 * i] = plain(7, 9);
        v[2 * i].entity.b[0] = (uint8_t)(i >> 8);
        v[2 * i].entity.b[1] = (uint8_t)i;
        v[2 * i + 1] = v[2 * i];
        v[2 * i].field = WARD_FIELD_PRESENCE;
        v[2 * i].raw = yes;
    }
    add_change(&w, v, 2 * WARD_OPS_MAX);
    assert_int_equal(w.count, 2);
    assert_int_equal(check(&w), WARD_OK);
    done(&w);
    /* And by bytes: two values of 48 KiB do not stand in one body. */
    static uint8_t big[WARD_VALUE_MAX] = {0x59, (WARD_VALUE_MAX - 3) >> 8, (WARD_VALUE_MAX - 3) & 255};
    init(&w);
    for (size_t i = 0; i < 2; i++) {
        v[i].raw = big;
        v[i].raw_len = sizeof big;
        v[i].field = 8 + 4 * (uint32_t)i;
    }
    add_change(&w, v, 2);
    assert_int_equal(w.count, 2);
    assert_int_equal(check(&w), WARD_OK);
    done(&w);
}

static int stop(void *ctx, const struct ward_snapshot_value *v)
{
    (void)v;
    return ++*(int *)ctx == 2 ? WARD_ERR_CANCELLED : WARD_OK;
}

static int stop_change(void *ctx, uint64_t seq, int64_t wall_ms)
{
    (void)seq, (void)wall_ms;
    return ++*(int *)ctx == 2 ? WARD_ERR_CANCELLED : WARD_OK;
}

static void who_reads_may_stop(void **state)
{
    struct written w;
    struct ward_snapshot_head h;
    struct ward_snapshot_part part;
    int values = 0, changes = 0;
    (void)state;
    init(&w);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        struct ward_snapshot_value v = plain(seq, seq);
        add_change(&w, &v, 1);
    }
    assert_int_equal(check(&w), WARD_OK);
    assert_int_equal(read_head(&w, &h), WARD_OK);
    ward_snapshot_part(&h, 1, &part);
    assert_int_equal(ward_snapshot_each_value(&part, w.bodies.p, w.bodies.len, &scratch, stop, &values), WARD_ERR_CANCELLED);
    assert_int_equal(ward_snapshot_each_change(&part, w.bodies.p, w.bodies.len, stop_change, &changes), WARD_ERR_CANCELLED);
    assert_true(values == 2 && changes == 2);
    done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_states_come_back), cmocka_unit_test(heads_come_back),     cmocka_unit_test(every_truncation),
        cmocka_unit_test(bodies_of_a_part),        cmocka_unit_test(parts_of_a_head),     cmocka_unit_test(numbers),
        cmocka_unit_test(keys_and_values),         cmocka_unit_test(the_greatest_change), cmocka_unit_test(who_reads_may_stop),
    };
    ward_scratch_init(&scratch, &vectors_env);
    int failed = cmocka_run_group_tests_name("snapshot format", tests, NULL, NULL);
    ward_scratch_free(&scratch);
    return failed;
}
