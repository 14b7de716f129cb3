/* The body of a change: written, read, and refused; the limits of proto/change.md on both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "base/limits.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/feed.h"

#include <inttypes.h>

static uint64_t dice;

static uint64_t roll(uint64_t below)
{
    uint64_t z = (dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* Parses a copy that is exactly as long, so that AddressSanitizer sees a read past the end. */
static int parse(struct ward_scratch *s, const void *p, size_t len, size_t *used)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, p, len);
    ward_scratch_clear(s);
    int rc = ward_change_parse(s, copy, len, used, NULL);
    free(copy);
    return rc;
}

static int parse_once(const struct ward_buf *b)
{
    struct ward_scratch s;
    size_t used = 0;
    ward_scratch_init(&s, &vectors_env);
    assert_int_equal(ward_buf_status(b), WARD_OK);
    int rc = parse(&s, b->p, b->len, &used);
    if (!rc)
        assert_int_equal(used, b->len);
    ward_scratch_free(&s);
    return rc;
}

/* ---------------------------------------------------------------- round trips */

#define OPS 12

static void random_value(struct ward_buf *b, uint32_t field, unsigned nesting)
{
    static const char *const texts[] = {"", "x", "phòng mổ", "a longer text, longer than twenty-three bytes"};
    if (field == WARD_FIELD_PRESENCE || ward_field_class(field) == WARD_MEMBER) {
        ward_put_bool(b, roll(2));
        return;
    }
    switch (ward_field_class(field) == WARD_TALLY ? 0 : roll(nesting < 4 ? 6 : 5)) {
    case 0: {
        static const int64_t edges[] = {0, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, INT64_MAX};
        int64_t n = edges[roll(10)];
        ward_put_int(b, roll(2) ? n : -1 - n);
        break;
    }
    case 1: {
        const char *t = texts[roll(4)];
        ward_put_text(b, t, strlen(t));
        break;
    }
    case 2:
        ward_put_bytes(b, texts[3], roll(40));
        break;
    case 3:
        ward_put_bool(b, roll(2));
        break;
    case 4:
        ward_put_null(b);
        break;
    default: {
        size_t n = (size_t)roll(3);
        ward_put_array(b, n);
        while (n--)
            random_value(b, WARD_FIELD(WARD_OPEN, 1), nesting + 1);
    }
    }
}

static void one_round_trip(struct ward_scratch *s)
{
    static const uint8_t key[WARD_KEY_MAX] = "keys";
    struct ward_op ops[OPS] = {{0}};
    struct ward_dep deps[5] = {{{{0}}, 0, {{0}}}};
    struct ward_buf values[OPS], body, again;
    size_t n = 1 + (size_t)roll(OPS), dep_count = (size_t)roll(6), used, records = 0;
    uint64_t depth = 1 + roll(1u << 20);
    int64_t wall = (int64_t)roll(WARD_WALL_MS_MAX + (uint64_t)1);
    for (size_t i = 0; i < dep_count; i++)
        deps[i] = (struct ward_dep){.feed = {{(uint8_t)(i * 20 + roll(20))}}, .seq = 1 + roll(70000), .hash = {{(uint8_t)roll(256)}}};
    for (size_t i = 0; i < n; i++) {
        static const uint32_t fields[] = {WARD_FIELD_PRESENCE, 4, 5, 6, 7, 8, 65532, 65534, 65535};
        struct ward_op *o = &ops[i];
        o->record = records && roll(2) ? (uint32_t)roll(records) : (uint32_t)records++;
        o->kind = 1 + o->record * 5000;
        o->entity.b[0] = (uint8_t)o->record;
        o->field = fields[roll(9)];
        if (ward_field_class(o->field) == WARD_MEMBER) {
            o->key = key;
            o->key_len = 1 + (size_t)roll(WARD_KEY_MAX);
        }
        ward_buf_init(&values[i], &vectors_env);
        random_value(&values[i], o->field, 0);
        o->raw = values[i].p;
        o->raw_len = values[i].len;
    }
    ward_buf_init(&body, &vectors_env);
    ward_buf_init(&again, &vectors_env);
    ward_change_write(&body, wall, depth, deps, dep_count, ops, n);
    ward_scratch_clear(s);
    assert_int_equal(ward_change_parse(s, body.p, body.len, &used, NULL), WARD_OK);
    const struct ward_change *c = &s->changes[0];
    assert_int_equal(used, body.len);
    assert_int_equal(c->len, body.len);
    assert_int_equal(c->wall_ms, wall);
    assert_int_equal(c->depth, depth);
    assert_int_equal(c->dep_count, dep_count);
    assert_int_equal(c->op_count, n);
    assert_int_equal(c->record_count, records);
    for (size_t i = 0; i < dep_count; i++) {
        assert_memory_equal(s->deps[i].feed.b, deps[i].feed.b, 32);
        assert_memory_equal(s->deps[i].hash.b, deps[i].hash.b, 32);
        assert_int_equal(s->deps[i].seq, deps[i].seq);
    }
    for (size_t i = 0; i < n; i++) {
        const struct ward_op *a = &ops[i], *b = &s->ops[c->op_first + i];
        assert_int_equal(b->record, a->record);
        assert_int_equal(b->kind, a->kind);
        assert_int_equal(b->field, a->field);
        assert_memory_equal(b->entity.b, a->entity.b, 16);
        assert_int_equal(b->key_len, a->key_len);
        if (a->key_len)
            assert_memory_equal(b->key, a->key, a->key_len);
        assert_int_equal(b->raw_len, a->raw_len);
        assert_memory_equal(b->raw, a->raw, a->raw_len);
    }
    ward_change_write(&again, c->wall_ms, c->depth, s->deps, c->dep_count, s->ops, c->op_count);
    assert_int_equal(again.len, body.len);
    assert_memory_equal(again.p, body.p, body.len);
    struct ward_change_head head;
    assert_int_equal(ward_change_skip(body.p, body.len, &head), WARD_OK);
    assert_int_equal(head.len, body.len);
    assert_int_equal(head.depth, depth);
    assert_int_equal(head.wall_ms, wall);
    for (size_t cut = 0; cut < body.len; cut += 1 + body.len / 64) {
        assert_int_equal(parse(s, body.p, cut, &used), WARD_ERR_TRUNCATED);
        assert_int_not_equal(ward_change_skip(body.p, cut, &head), WARD_OK);
    }
    for (size_t i = 0; i < n; i++)
        ward_buf_free(&values[i]);
    ward_buf_free(&body);
    ward_buf_free(&again);
}

static void round_trips(void **state)
{
    const char *one = getenv("WARD_SEED");
    struct ward_scratch s;
    (void)state;
    ward_scratch_init(&s, &vectors_env);
    for (uint64_t seed = one ? strtoull(one, NULL, 0) : 1, end = one ? seed : 1000; seed <= end; seed++) {
        dice = seed;
        fprintf(stderr, "\rseed %" PRIu64 " ", seed);
        one_round_trip(&s);
    }
    fprintf(stderr, "\r");
    ward_scratch_free(&s);
}

/* Whatever one flipped bit makes of a body, it is refused or is read as what it would be written as. */
static void flipped_bits(void **state)
{
    struct ward_scratch s;
    struct ward_buf body, again;
    size_t used;
    (void)state;
    static const uint8_t text[] = {0x63, 'a', 'b', 'c'}, yes[] = {0xf5}, key[] = {'k'};
    const struct ward_op ops[] = {{.kind = 16, .entity = {{1}}, .field = 4, .raw = text, .raw_len = 4},
                                  {.kind = 16, .entity = {{1}}, .field = 6, .key = key, .key_len = 1, .raw = yes, .raw_len = 1},
                                  {.record = 1, .kind = 17, .entity = {{1}}, .field = 4, .raw = text, .raw_len = 4}};
    const struct ward_dep dep = {.seq = 3};
    ward_buf_init(&body, &vectors_env);
    ward_scratch_init(&s, &vectors_env);
    ward_change_write(&body, 1000, 7, &dep, 1, ops, 3);
    for (size_t bit = 0; bit < body.len * 8; bit++) {
        body.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        ward_scratch_clear(&s);
        if (ward_change_parse(&s, body.p, body.len, &used, NULL) == WARD_OK) {
            const struct ward_change *c = &s.changes[0];
            ward_buf_init(&again, &vectors_env);
            ward_change_write(&again, c->wall_ms, c->depth, s.deps, c->dep_count, s.ops, c->op_count);
            assert_int_equal(again.len, used);
            assert_memory_equal(again.p, body.p, used);
            ward_buf_free(&again);
        }
        body.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    ward_scratch_free(&s);
    ward_buf_free(&body);
}

/* ---------------------------------------------------------------- limits, on both sides */

static const uint8_t small[] = {0x01};

static int with_ops(size_t n)
{
    struct ward_op *ops = calloc(n, sizeof *ops);
    struct ward_buf b;
    assert_non_null(ops);
    for (size_t i = 0; i < n; i++)
        ops[i] = (struct ward_op){.kind = 16, .field = (uint32_t)(i + 1) * 4, .raw = small, .raw_len = 1};
    ward_buf_init(&b, &vectors_env);
    ward_change_write(&b, 0, 1, NULL, 0, ops, n);
    int rc = parse_once(&b);
    ward_buf_free(&b);
    free(ops);
    return rc;
}

static int with_deps(size_t n, bool descending)
{
    static const struct ward_op op = {.kind = 16, .field = 4, .raw = small, .raw_len = 1};
    struct ward_dep *deps = calloc(n + 1, sizeof *deps);
    struct ward_buf b;
    assert_non_null(deps);
    for (size_t i = 0; i < n; i++) {
        size_t at = descending ? n - i : i;
        deps[i] = (struct ward_dep){.feed = {{(uint8_t)(at >> 8), (uint8_t)at}}, .seq = 1};
    }
    ward_buf_init(&b, &vectors_env);
    ward_change_write(&b, 0, 1, deps, n, &op, 1);
    int rc = parse_once(&b);
    ward_buf_free(&b);
    free(deps);
    return rc;
}

/* A text value whose encoding is that long. */
static void long_value(struct ward_buf *b, size_t encoded)
{
    char *t = malloc(encoded);
    assert_non_null(t);
    memset(t, 't', encoded);
    ward_buf_init(b, &vectors_env);
    ward_put_text(b, t, encoded - 3);
    assert_int_equal(b->len, encoded);
    free(t);
}

static int with_values(size_t first, size_t second)
{
    struct ward_buf a, b, body;
    long_value(&a, first);
    long_value(&b, second ? second : 300);
    const struct ward_op ops[] = {{.kind = 16, .field = 4, .raw = a.p, .raw_len = a.len},
                                  {.kind = 16, .field = 8, .raw = b.p, .raw_len = b.len}};
    ward_buf_init(&body, &vectors_env);
    ward_change_write(&body, 0, 1, NULL, 0, ops, second ? 2 : 1);
    int rc = parse_once(&body);
    ward_buf_free(&a);
    ward_buf_free(&b);
    ward_buf_free(&body);
    return rc;
}

static int with_body_of(size_t bytes)
{
    struct ward_buf a, b, body;
    long_value(&a, 40000);
    const struct ward_op one = {.kind = 16, .field = 4, .raw = a.p, .raw_len = a.len};
    struct ward_op ops[] = {one, one};
    ops[1].field = 8;
    ward_buf_init(&body, &vectors_env);
    ward_change_write(&body, 0, 1, NULL, 0, ops, 2);
    assert_true(body.len > bytes);
    long_value(&b, 40000 - (body.len - bytes));
    ops[1].raw = b.p;
    ops[1].raw_len = b.len;
    ward_buf_clear(&body);
    ward_change_write(&body, 0, 1, NULL, 0, ops, 2);
    assert_int_equal(body.len, bytes);
    int rc = parse_once(&body);
    ward_buf_free(&a);
    ward_buf_free(&b);
    ward_buf_free(&body);
    return rc;
}

static int with_raw(uint32_t field, const void *raw, size_t len)
{
    struct ward_buf body;
    const struct ward_op op = {.kind = 16, .field = field, .raw = raw, .raw_len = len};
    ward_buf_init(&body, &vectors_env);
    ward_change_write(&body, 0, 1, NULL, 0, &op, 1);
    int rc = parse_once(&body);
    ward_buf_free(&body);
    return rc;
}

static int with_key(size_t len)
{
    static const uint8_t key[80] = {1}, yes[] = {0xf5};
    struct ward_buf body;
    const struct ward_op op = {.kind = 16, .field = 6, .key = key, .key_len = len, .raw = yes, .raw_len = 1};
    ward_buf_init(&body, &vectors_env);
    ward_change_write(&body, 0, 1, NULL, 0, &op, 1);
    int rc = parse_once(&body);
    ward_buf_free(&body);
    return rc;
}

static int with_front(uint64_t wall, uint64_t depth, uint64_t kind, uint64_t field)
{
    const struct ward_op op = {.kind = (uint32_t)kind, .field = (uint32_t)field, .raw = small, .raw_len = 1};
    struct ward_buf body;
    ward_buf_init(&body, &vectors_env);
    ward_change_write(&body, (int64_t)wall, depth, NULL, 0, &op, 1);
    int rc = parse_once(&body);
    ward_buf_free(&body);
    return rc;
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(with_ops(1024), WARD_OK);
    assert_int_equal(with_ops(1025), WARD_ERR_LIMIT_OPS);
    assert_int_equal(with_ops(1), WARD_OK);
    assert_int_equal(with_deps(512, false), WARD_OK);
    assert_int_equal(with_deps(513, false), WARD_ERR_LIMIT_DEPS);
    assert_int_equal(with_deps(2, true), WARD_ERR_DEP_ORDER);
    assert_int_equal(with_values(49152, 0), WARD_OK);
    assert_int_equal(with_values(49153, 0), WARD_ERR_LIMIT_VALUE);
    assert_int_equal(with_body_of(65536), WARD_OK);
    assert_int_equal(with_body_of(65537), WARD_ERR_LIMIT_BODY);
    assert_int_equal(with_key(1), WARD_OK);
    assert_int_equal(with_key(64), WARD_OK);
    assert_int_equal(with_key(65), WARD_ERR_LIMIT_KEY);
    assert_int_equal(with_key(0), WARD_ERR_OP);
    static const uint8_t nested[] = {0x81, 0x81, 0x81, 0x81, 0x81, 0x01};
    assert_int_equal(with_raw(4, nested + 1, 5), WARD_OK); /* four */
    assert_int_equal(with_raw(4, nested, 6), WARD_ERR_LIMIT_NESTING);
    static const uint8_t empty_nested[] = {0x81, 0x81, 0x81, 0x81, 0x80};
    assert_int_equal(with_raw(4, empty_nested + 1, 4), WARD_OK);
    assert_int_equal(with_raw(4, empty_nested, 5), WARD_ERR_LIMIT_NESTING);
    assert_int_equal(with_front(9007199254740991, 1, 16, 4), WARD_OK);
    assert_int_equal(with_front(9007199254740992, 1, 16, 4), WARD_ERR_RANGE);
    assert_int_equal(with_front(0, 0, 16, 4), WARD_ERR_RANGE);
    assert_int_equal(with_front(0, INT64_MAX, 16, 4), WARD_OK);
    assert_int_equal(with_front(0, (uint64_t)INT64_MAX + 1, 16, 4), WARD_ERR_RANGE);
    assert_int_equal(with_front(0, 1, 0, 4), WARD_ERR_RANGE);
    assert_int_equal(with_front(0, 1, 65535, 65532), WARD_OK);
    assert_int_equal(with_front(0, 1, 65536, 4), WARD_ERR_RANGE);
    assert_int_equal(with_front(0, 1, 16, 65536), WARD_ERR_RANGE);
    assert_int_equal(with_front(0, 1, 16, 0), WARD_ERR_OP);
    assert_int_equal(with_front(0, 1, 16, 3), WARD_ERR_OP);
}

/* What a slot may hold by its class. */
static void values_fit_their_class(void **state)
{
    static const uint8_t yes[] = {0xf5}, number[] = {0x01}, negative[] = {0x20}, text[] = {0x61, 'x'}, null[] = {0xf6}, array[] = {0x80};
    static const struct {
        const uint8_t *raw;
        size_t len;
        bool boolean, integer;
    } values[] = {{yes, 1, true, false},   {number, 1, false, true}, {negative, 1, false, true},
                  {text, 2, false, false}, {null, 1, false, false},  {array, 1, false, false}};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(with_raw(4, values[i].raw, values[i].len), WARD_OK);
        assert_int_equal(with_raw(5, values[i].raw, values[i].len), WARD_OK);
        assert_int_equal(with_raw(7, values[i].raw, values[i].len), values[i].integer ? WARD_OK : WARD_ERR_OP);
        assert_int_equal(with_raw(WARD_FIELD_PRESENCE, values[i].raw, values[i].len), values[i].boolean ? WARD_OK : WARD_ERR_OP);
    }
}

/* A record named twice in full, an index that names nothing, a member too many: bodies that ward_change_write would never make. */
static void wrong_records(void **state)
{
    static const struct {
        const char *name;
        int code;
        uint8_t ops[64];
        size_t len;
    } cases[] = {
        {"no ops", WARD_ERR_RANGE, {0x80}, 1},
        {"index before any record", WARD_ERR_OP, {0x81, 0x83, 0x00, 0x04, 0x01}, 5},
        {"named twice",
         WARD_ERR_OP,
         {0x82, 0x84, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0x10, 0x04, 0x01,
          0x84, 0x50, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x08, 0x01},
         43},
        {"index beyond",
         WARD_ERR_OP,
         {0x82, 0x84, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x04, 0x01, 0x83, 0x01, 0x08, 0x01},
         26},
        {"two members", WARD_ERR_OP, {0x81, 0x82, 0x00, 0x04}, 4},
        {"six members", WARD_ERR_OP, {0x81, 0x86, 0x00, 0x04, 0x01, 0x01, 0x01, 0x01}, 8},
        {"a key where none belongs",
         WARD_ERR_OP,
         {0x81, 0x85, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x04, 0x41, 0x01, 0x01},
         24},
        {"no key where one belongs", WARD_ERR_OP, {0x81, 0x84, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x06, 0xf5}, 22},
        {"an entity of 15 bytes", WARD_ERR_TYPE, {0x81, 0x84, 0x4f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x04, 0x01}, 21},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ward_buf b;
        ward_buf_init(&b, &vectors_env);
        ward_put_array(&b, 4);
        ward_put_uint(&b, 0);
        ward_put_uint(&b, 1);
        ward_put_array(&b, 0);
        ward_buf_add(&b, cases[i].ops, cases[i].len);
        int rc = parse_once(&b);
        if (rc != cases[i].code)
            print_error("%s: %d, not %d\n", cases[i].name, rc, cases[i].code);
        assert_int_equal(rc, cases[i].code);
        ward_buf_free(&b);
    }
}

/* Twenty changes into one scratch, each with a dependency and two operations. */
static int parse_twenty(const struct ward_env *env, void *ctx)
{
    static const uint8_t one[] = {0x01};
    const struct ward_dep dep = {.feed = {{1}}, .seq = 1, .hash = {{2}}};
    const struct ward_op ops[] = {{.record = 0, .kind = 16, .entity = {{3}}, .field = 4, .raw = one, .raw_len = 1},
                                  {.record = 0, .kind = 16, .entity = {{3}}, .field = 8, .raw = one, .raw_len = 1}};
    struct ward_scratch s;
    struct ward_buf b;
    int rc = WARD_OK;
    (void)ctx;
    ward_buf_init(&b, &vectors_env);
    ward_change_write(&b, 1, 2, &dep, 1, ops, 2);
    ward_scratch_init(&s, env);
    for (size_t i = 0; !rc && i < 20; i++) {
        size_t used = 77;
        struct ward_error err = {0};
        rc = ward_change_parse(&s, b.p, b.len, &used, &err);
        assert_int_equal(err.code, rc);
        assert_int_equal(used, rc ? 77 : b.len);
        assert_int_equal(s.change_count, rc ? i : i + 1);
    }
    ward_scratch_free(&s);
    ward_buf_free(&b);
    return rc;
}

static void each_failure(void **state)
{
    (void)state;
    assert_int_equal(each_shortage(parse_twenty, NULL), 3 + 3 + 4); /* changes, deps and operations, doubled from 8 on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),   cmocka_unit_test(flipped_bits), cmocka_unit_test(limits), cmocka_unit_test(values_fit_their_class),
        cmocka_unit_test(wrong_records), cmocka_unit_test(each_failure),
    };
    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
