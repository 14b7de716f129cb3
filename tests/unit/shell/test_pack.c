/* Bodies packed and unpacked: any that can be written come back as they were; what packs well is packed; what anyone sends stays within
 * bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../vectors.h"
#include "base/limits.h"
#include "shell/pack.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/columns.h"

#include <zstd.h>

#define BODIES_MAX 40

struct dice {
    uint64_t s;
};

static unsigned below(struct dice *d, unsigned n)
{
    d->s = d->s * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((d->s >> 33) % n);
}

static void fill(struct dice *d, uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)below(d, 256);
}

/* Of every width, the ends of each and what lies between. */
static uint64_t number(struct dice *d, unsigned bits)
{
    uint64_t top = (uint64_t)1 << below(d, bits);
    return below(d, 3) ? top - 1 + below(d, 2) : (top | (d->s >> 1 & (top - 1)));
}

static size_t text(struct dice *d, uint8_t *p)
{
    static const char *const words[] = {"rà", "soát", "hộ", "nghèo", "Ủy", "ban", "", "🌾"};
    size_t len = 0;
    for (unsigned n = below(d, 12); n; n--) {
        const char *w = words[below(d, 8)];
        memcpy(p + len, w, strlen(w));
        len += strlen(w);
        p[len++] = below(d, 9) ? ' ' : '-';
    }
    return len;
}

static void put_value(struct dice *d, struct ward_buf *b, uint32_t field)
{
    uint8_t bytes[300];
    struct ward_value v = {.type = WARD_BOOL, .boolean = below(d, 2)};
    unsigned what = field == 1 || field % 4 == WARD_MEMBER ? 0 : field % 4 == WARD_TALLY ? 1 : below(d, 6);
    if (what == 1)
        v = ward_value_int(below(d, 2) ? (int64_t)number(d, 63) : -1 - (int64_t)number(d, 63));
    else if (what == 2)
        v = ward_value_null();
    else if (what == 3)
        v = (struct ward_value){.type = WARD_TEXT, .p = bytes, .len = text(d, bytes)};
    else if (what == 4) {
        v = (struct ward_value){.type = WARD_BYTES, .p = bytes, .len = below(d, 4) ? 16 : below(d, 300)};
        memset(bytes, (int)below(d, 4), sizeof bytes);
    } else if (what == 5) {
        static const uint8_t array[] = {0x82, 0x61, 0x20, 0x81, 0xf6};
        ward_buf_add(b, array, sizeof array);
        return;
    }
    ward_put_value(b, &v);
}

/* A body of a few records, fields, keys and deps that come again, and of others that do not. */
static void put_body(struct dice *d, struct ward_buf *out)
{
    static const uint32_t fields[] = {1, 4, 5, 6, 7, 8, 65532, 65533, 65534, 65535};
    struct ward_dep deps[3];
    struct ward_op ops[6];
    struct ward_buf values;
    uint8_t keys[6][WARD_KEY_MAX];
    size_t dep_count = below(d, 4), op_count = 1 + below(d, 6), ends[6];
    ward_buf_init(&values, &vectors_env);
    for (size_t i = 0; i < dep_count; i++) {
        deps[i] = (struct ward_dep){.seq = 1 + number(d, 62)};
        deps[i].feed.b[0] = (uint8_t)(i * 80 + below(d, 3));
        fill(d, deps[i].hash.b, sizeof deps[i].hash.b);
    }
    for (size_t i = 0; i < op_count; i++) {
        struct ward_op *op = &ops[i];
        *op = (struct ward_op){.kind = 16 + below(d, 2), .field = fields[below(d, 10)]};
        memset(op->entity.b, (int)below(d, 4) * 85, sizeof op->entity.b);
        if (!below(d, 4))
            fill(d, op->entity.b, sizeof op->entity.b);
        if (op->field % 4 == WARD_MEMBER) {
            memset(keys[i], (int)below(d, 3), sizeof keys[i]);
            op->key = keys[i];
            op->key_len = 1 + below(d, WARD_KEY_MAX);
        }
        put_value(d, &values, op->field);
        ends[i] = values.len;
        size_t j = 0;
        while (!(ops[j].kind == op->kind && ward_id_equal(&ops[j].entity, &op->entity)))
            j++;
        op->record = j < i ? ops[j].record : 0;
        for (size_t k = 0; j == i && k < i; k++)
            op->record = ops[k].record >= op->record ? ops[k].record + 1 : op->record;
    }
    for (size_t i = 0; i < op_count; i++) {
        ops[i].raw = values.p + (i ? ends[i - 1] : 0);
        ops[i].raw_len = ends[i] - (i ? ends[i - 1] : 0);
    }
    ward_change_write(out, (int64_t)number(d, 53), 1 + number(d, 62), deps, dep_count, ops, op_count);
    ward_buf_free(&values);
}

static void bodies_come_back(void **state)
{
    struct dice d = {7};
    struct ward_buf bodies, columns, back, packed;
    struct ward_error err = {0};
    size_t ends[WARD_COLUMN_GROUPS], packed_so[3] = {0};
    (void)state;
    ward_buf_init(&bodies, &vectors_env);
    ward_buf_init(&columns, &vectors_env);
    ward_buf_init(&back, &vectors_env);
    ward_buf_init(&packed, &vectors_env);
    for (int round = 0; round < 3000; round++) {
        uint32_t count = 1 + below(&d, BODIES_MAX), codec;
        ward_buf_clear(&bodies);
        for (uint32_t i = 0; i < count; i++)
            put_body(&d, &bodies);
        assert_int_equal(ward_columns_split(&columns, ends, bodies.p, bodies.len, count, &err), WARD_OK);
        assert_int_equal(ward_columns_join(&back, columns.p, columns.len, count, &err), WARD_OK);
        assert_int_equal(back.len, bodies.len);
        assert_memory_equal(back.p, bodies.p, bodies.len);
        assert_int_equal(ward_pack(NULL, &packed, &codec, bodies.p, bodies.len, count, &err), WARD_OK);
        packed_so[codec]++;
        if (codec == WARD_CODEC_RAW)
            continue;
        assert_true(packed.len < bodies.len);
        assert_int_equal(ward_unpack(NULL, &back, codec, packed.p, packed.len, count, &err), WARD_OK);
        assert_int_equal(back.len, bodies.len);
        assert_memory_equal(back.p, bodies.p, bodies.len);
    }
    assert_true(packed_so[WARD_CODEC_RAW] && packed_so[WARD_CODEC_COLUMNS] && !packed_so[WARD_CODEC_ZSTD]);
    ward_buf_free(&bodies);
    ward_buf_free(&columns);
    ward_buf_free(&back);
    ward_buf_free(&packed);
}

/* Someone may have made values that all fall on one place of the packer's table: nothing but size is lost. So too with more than it holds.
 */
static void more_things_than_the_table_holds(void **state)
{
    struct ward_buf bodies, columns, back;
    struct ward_error err = {0};
    size_t ends[WARD_COLUMN_GROUPS];
    static struct ward_op ops[WARD_OPS_MAX];
    static uint8_t values[WARD_OPS_MAX][3];
    (void)state;
    ward_buf_init(&bodies, &vectors_env);
    ward_buf_init(&columns, &vectors_env);
    ward_buf_init(&back, &vectors_env);
    for (uint32_t change = 0; change < 8; change++) {
        for (uint32_t i = 0; i < WARD_OPS_MAX; i++) {
            values[i][0] = 0x19;
            values[i][1] = (uint8_t)(4 + change * 4 + (i >> 8));
            values[i][2] = (uint8_t)i;
            ops[i] = (struct ward_op){.kind = 16, .field = 4, .entity = {{1}}, .raw = values[i], .raw_len = 3};
        }
        ward_change_write(&bodies, 0, 1, NULL, 0, ops, WARD_OPS_MAX);
    }
    assert_int_equal(ward_columns_split(&columns, ends, bodies.p, bodies.len, 8, &err), WARD_OK);
    assert_int_equal(ward_columns_join(&back, columns.p, columns.len, 8, &err), WARD_OK);
    assert_int_equal(back.len, bodies.len);
    assert_memory_equal(back.p, bodies.p, bodies.len);
    ward_buf_free(&bodies);
    ward_buf_free(&columns);
    ward_buf_free(&back);
}

/* A change that names a record again when the table has no room: the index must come back as an index. */
static void a_record_named_again_without_a_place(void **state)
{
    struct dice d = {13};
    struct ward_buf bodies, columns, back;
    struct ward_error err = {0};
    size_t ends[WARD_COLUMN_GROUPS];
    (void)state;
    ward_buf_init(&bodies, &vectors_env);
    ward_buf_init(&columns, &vectors_env);
    ward_buf_init(&back, &vectors_env);
    for (int round = 0; round < 200; round++) {
        uint32_t count = 8 + below(&d, 24);
        ward_buf_clear(&bodies);
        for (uint32_t i = 0; i < count; i++) { /* short bodies of new things: a small table, soon full */
            uint8_t values[2][3] = {{0x62, (uint8_t)('a' + below(&d, 26)), (uint8_t)('a' + below(&d, 26))},
                                    {0x19, 4, (uint8_t)below(&d, 256)}};
            struct ward_op ops[2] = {{.kind = 16, .field = 4, .raw = values[0], .raw_len = 3},
                                     {.kind = 16, .field = 8, .raw = values[1], .raw_len = 3}};
            fill(&d, ops[0].entity.b, sizeof ops[0].entity.b);
            ops[1].entity = ops[0].entity;
            ward_change_write(&bodies, 0, 1 + i, NULL, 0, ops, 2);
        }
        assert_int_equal(ward_columns_split(&columns, ends, bodies.p, bodies.len, count, &err), WARD_OK);
        assert_int_equal(ward_columns_join(&back, columns.p, columns.len, count, &err), WARD_OK);
        assert_int_equal(back.len, bodies.len);
        assert_memory_equal(back.p, bodies.p, bodies.len);
    }
    ward_buf_free(&bodies);
    ward_buf_free(&columns);
    ward_buf_free(&back);
}

static size_t allocations, fails_at = SIZE_MAX;

static void *failing(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size && allocations++ == fails_at)
        return NULL;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}
static const struct ward_env failing_env = {.alloc = failing};

/* At whatever request memory ends: the error says so, and what was asked for comes when there is some. */
static void memory_that_ends(void **state)
{
    struct dice d = {11};
    struct ward_buf bodies, packed, back;
    size_t points = 0;
    (void)state;
    ward_buf_init(&bodies, &vectors_env);
    for (int large = 0; large < 2; large++) { /* with tables in one block, and in one each */
        uint32_t count = large ? 900 : 3, codec = 0;
        ward_buf_clear(&bodies);
        for (uint32_t i = 0; i < count; i++) {
            size_t before = bodies.len;
            put_body(&d, &bodies);
            if (bodies.len > WARD_RUN_RAW_MAX) {
                bodies.len = before;
                count = i;
            }
        }
        int rc = WARD_ERR_MEMORY;
        for (fails_at = 0; rc; fails_at++, points++) {
            ward_buf_init(&packed, &failing_env);
            ward_buf_init(&back, &failing_env);
            allocations = 0;
            rc = ward_pack(NULL, &packed, &codec, bodies.p, bodies.len, count, NULL);
            if (!rc && codec)
                rc = ward_unpack(NULL, &back, codec, packed.p, packed.len, count, NULL);
            assert_true(rc == WARD_OK || rc == WARD_ERR_MEMORY);
            if (!rc)
                assert_true(codec == WARD_CODEC_COLUMNS && back.len == bodies.len && memcmp(back.p, bodies.p, bodies.len) == 0);
            ward_buf_free(&packed);
            ward_buf_free(&back);
        }
        fails_at = SIZE_MAX;
    }
    assert_true(points > 20);
    ward_buf_free(&bodies);
}

/* Few bytes may stand for many: wherever the limit is passed, there it ends. */
static void bodies_end_where_the_limit_is_passed(void **state)
{
    struct dice d = {5};
    struct ward_buf one, bodies, columns, back;
    size_t ends[WARD_COLUMN_GROUPS];
    (void)state;
    ward_buf_init(&one, &vectors_env);
    ward_buf_init(&bodies, &vectors_env);
    ward_buf_init(&columns, &vectors_env);
    ward_buf_init(&back, &vectors_env);
    for (int round = 0; round < 60; round++) {
        uint32_t count = 0;
        ward_buf_clear(&one);
        ward_buf_clear(&bodies);
        for (int i = 0; i < 5; i++)
            put_body(&d, &one);
        for (; bodies.len <= WARD_RUN_RAW_MAX; count += 5)
            ward_buf_add(&bodies, one.p, one.len);
        assert_int_equal(ward_columns_split(&columns, ends, bodies.p, bodies.len, count, NULL), WARD_OK);
        int rc = ward_columns_join(&back, columns.p, columns.len, count, NULL);
        assert_int_equal(rc, WARD_ERR_LIMIT_RUN);
        assert_in_range(back.len, WARD_RUN_RAW_MAX - 1000, WARD_RUN_RAW_MAX + 100);
    }
    ward_buf_free(&one);
    ward_buf_free(&bodies);
    ward_buf_free(&columns);
    ward_buf_free(&back);
}

/* A word of 40,000 bytes that a text names 5,000 times: nothing of it is written. */
static void one_text_cannot_be_endless(void **state)
{
    enum { WORD = 40000, TIMES = 5000 };
    static const uint8_t head[] = {0, 0, 0, 1, 0, 0, 16, 0, 4, 0, 6, 128 | TIMES % 128, TIMES / 128};
    static uint8_t columns[sizeof head + TIMES + WORD + 1 + 10];
    struct ward_buf out;
    uint8_t *words = columns + sizeof head + TIMES;
    (void)state;
    memcpy(columns, head, sizeof head);
    memset(columns + sizeof head + 1, 1, TIMES - 1);
    memset(words, 'x', WORD);
    words[WORD] = ' ';
    ward_buf_init(&out, &vectors_env);
    assert_int_equal(ward_columns_join(&out, columns, sizeof columns, 1, NULL), WARD_ERR_LIMIT_RUN);
    assert_in_range(out.cap, 1, WARD_RUN_RAW_MAX);
    ward_buf_free(&out);
}

/* What is no body goes as it stands, or as one frame; nothing is made of it. */
static void what_is_no_body_is_packed_all_the_same(void **state)
{
    static uint8_t same[1000], noise[1000];
    struct dice d = {3};
    struct ward_buf packed, back;
    struct ward_error err = {0};
    uint32_t codec;
    (void)state;
    ward_buf_init(&packed, &vectors_env);
    ward_buf_init(&back, &vectors_env);
    fill(&d, noise, sizeof noise);
    assert_int_equal(ward_pack(NULL, &packed, &codec, noise, sizeof noise, 1, &err), WARD_OK);
    assert_int_equal(codec, WARD_CODEC_RAW);
    assert_int_equal(ward_pack(NULL, &packed, &codec, same, sizeof same, 1, &err), WARD_OK);
    assert_int_equal(codec, WARD_CODEC_ZSTD);
    assert_int_equal(ward_unpack(NULL, &back, codec, packed.p, packed.len, 1, &err), WARD_OK);
    assert_true(back.len == sizeof same && memcmp(back.p, same, sizeof same) == 0);
    assert_int_equal(ward_pack(NULL, &packed, &codec, same, 100, 1, &err), WARD_OK);
    assert_int_equal(codec, WARD_CODEC_RAW);
    assert_int_equal(ward_unpack(NULL, &back, 3, same, 100, 1, &err), WARD_ERR_CODEC);
    ward_buf_free(&packed);
    ward_buf_free(&back);
}

/* Words that never come again take more in columns than in a text: near the limit such bodies go without. */
static void columns_beyond_the_limit_are_not_sent(void **state)
{
    static uint8_t text[45000];
    struct ward_buf bodies, packed, back, value;
    struct ward_error err = {0};
    struct ward_op op = {.kind = 16, .field = 4, .entity = {{1}}};
    uint32_t codec, word = 0;
    (void)state;
    ward_buf_init(&bodies, &vectors_env);
    ward_buf_init(&packed, &vectors_env);
    ward_buf_init(&back, &vectors_env);
    ward_buf_init(&value, &vectors_env);
    for (int i = 0; i < 5; i++) {
        for (size_t at = 0; at < sizeof text; at += 5, word++) {
            for (unsigned k = 0, w = word; k < 4; k++, w /= 26)
                text[at + k] = (uint8_t)('a' + w % 26);
            text[at + 4] = ' ';
        }
        ward_buf_clear(&value);
        ward_put_text(&value, (const char *)text, sizeof text);
        op.raw = value.p;
        op.raw_len = value.len;
        ward_change_write(&bodies, 0, 1, NULL, 0, &op, 1);
    }
    assert_in_range(bodies.len, WARD_RUN_RAW_MAX * 9 / 10, WARD_RUN_RAW_MAX);
    assert_int_equal(ward_pack(NULL, &packed, &codec, bodies.p, bodies.len, 5, &err), WARD_OK);
    assert_int_equal(codec, WARD_CODEC_ZSTD);
    assert_int_equal(ward_unpack(NULL, &back, codec, packed.p, packed.len, 5, &err), WARD_OK);
    assert_true(back.len == bodies.len && memcmp(back.p, bodies.p, bodies.len) == 0);
    ward_buf_free(&bodies);
    ward_buf_free(&packed);
    ward_buf_free(&back);
    ward_buf_free(&value);
}

/* The bodies' limit, on both sides, for each codec; what comes before zstd is no larger either. */
static void bodies_up_to_the_limit(void **state)
{
    static uint8_t raw[WARD_RUN_RAW_MAX + 1], frame[4096];
    struct ward_buf out;
    (void)state;
    ward_buf_init(&out, &vectors_env);
    for (uint32_t codec = WARD_CODEC_RAW; codec <= WARD_CODEC_COLUMNS; codec++)
        for (size_t len = WARD_RUN_RAW_MAX; len <= WARD_RUN_RAW_MAX + 1; len++) {
            size_t n = codec ? ZSTD_compress(frame, sizeof frame, raw, len, 1) : len;
            int good = codec == WARD_CODEC_COLUMNS ? WARD_ERR_CODEC : WARD_OK; /* zeros are no columns */
            assert_int_equal(ward_unpack(NULL, &out, codec, codec ? frame : raw, n, 1, NULL),
                             len > WARD_RUN_RAW_MAX ? WARD_ERR_LIMIT_RUN : good);
        }
    ward_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_come_back),
        cmocka_unit_test(more_things_than_the_table_holds),
        cmocka_unit_test(a_record_named_again_without_a_place),
        cmocka_unit_test(what_is_no_body_is_packed_all_the_same),
        cmocka_unit_test(memory_that_ends),
        cmocka_unit_test(bodies_end_where_the_limit_is_passed),
        cmocka_unit_test(one_text_cannot_be_endless),
        cmocka_unit_test(columns_beyond_the_limit_are_not_sent),
        cmocka_unit_test(bodies_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
