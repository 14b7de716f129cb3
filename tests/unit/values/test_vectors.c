/* The vectors of proto/vectors/ that need the values layer alone: names, changes, seals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../vectors.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/columns.h"
#include "values/feed.h"
#include "values/receipt.h"
#include "values/seal.h"

#include <sodium.h>

static int check_key(const json_t *one)
{
    struct hex seed = hex_at(one, "sign_seed"), pk = hex_at(one, "sign_pk");
    struct ward_sign_key key;
    ward_sign_key_from_seed(&key, seed.p);
    assert_memory_equal(key.pk, pk.p, 32);
    assert_true(ward_sign_pk_valid(pk.p));
    free(seed.p);
    free(pk.p);
    return WARD_OK;
}

static int check_ward(const json_t *one)
{
    struct ward_hash ward, expected = hash_at(one, "ward");
    struct hex pk = hex_at(one, "root_pk");
    ward_name_ward(&ward, pk.p);
    assert_hash_equal(&ward, &expected);
    free(pk.p);
    return WARD_OK;
}

static int check_circle(const json_t *one)
{
    struct hex raw = hex_at(one, "circle");
    struct ward_hash space, ward = hash_at(one, "ward"), expected = hash_at(one, "space");
    struct ward_id units[256];
    struct ward_cbor c;
    size_t count;
    ward_cbor_init(&c, raw.p, raw.len);
    assert_true(ward_cbor_array(&c, &count));
    for (size_t i = 0; i < count; i++) {
        const uint8_t *unit;
        assert_true(ward_cbor_bytes_exact(&c, &unit, WARD_ID_BYTES));
        memcpy(units[i].b, unit, WARD_ID_BYTES);
    }
    assert_true(ward_cbor_end(&c));
    assert_true(ward_circle_sorted(units, count));
    ward_name_space(&space, &ward, units, count);
    assert_hash_equal(&space, &expected);
    free(raw.p);
    return WARD_OK;
}

static int check_genesis(const json_t *one)
{
    struct hex raw = hex_at(one, "genesis");
    struct ward_hash parts[3], feed, expected = hash_at(one, "feed");
    struct ward_cbor c;
    uint64_t version;
    ward_cbor_init(&c, raw.p, raw.len);
    assert_true(ward_cbor_array_exact(&c, 4) && ward_cbor_uint(&c, &version, 1));
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *p;
        assert_true(ward_cbor_bytes_exact(&c, &p, 32));
        memcpy(parts[i].b, p, 32);
    }
    ward_name_feed(&feed, &parts[0], &parts[1], &parts[2]);
    assert_hash_equal(&feed, &expected);
    free(raw.p);
    return WARD_OK;
}

static void compare_ops(const json_t *expected, const struct ward_op *ops, size_t count)
{
    assert_int_equal(json_array_size(expected), count);
    for (size_t i = 0; i < count; i++) {
        const json_t *o = json_array_get(expected, i);
        struct hex entity = hex_at(o, "entity"), key = hex_at(o, "key"), value = hex_at(o, "value");
        assert_int_equal(ops[i].kind, number_at(o, "kind"));
        assert_int_equal(ops[i].field, number_at(o, "field"));
        assert_memory_equal(ops[i].entity.b, entity.p, WARD_ID_BYTES);
        assert_int_equal(ops[i].key_len, key.len);
        if (key.len)
            assert_memory_equal(ops[i].key, key.p, key.len);
        assert_int_equal(ops[i].raw_len, value.len);
        assert_memory_equal(ops[i].raw, value.p, value.len);
        free(entity.p);
        free(key.p);
        free(value.p);
    }
}

static void compare_change(const json_t *one, const struct ward_scratch *s, const struct hex *body)
{
    const struct ward_change *ch = &s->changes[0];
    const json_t *deps = json_object_get(one, "deps");
    struct ward_hash hash, prev = hash_at(one, "prev"), expected = hash_at(one, "hash");
    struct ward_buf again;
    ward_chain(&hash, number_at(one, "seq"), &prev, body->p, body->len);
    assert_hash_equal(&hash, &expected);
    assert_int_equal(ch->wall_ms, number_at(one, "wall_ms"));
    assert_int_equal(ch->depth, number_at(one, "depth"));
    assert_int_equal(ch->dep_count, json_array_size(deps));
    for (size_t i = 0; i < ch->dep_count; i++) {
        const json_t *d = json_array_get(deps, i);
        struct ward_hash feed = hash_of(json_array_get(d, 0)), at = hash_of(json_array_get(d, 2));
        assert_hash_equal(&s->deps[i].feed, &feed);
        assert_int_equal(s->deps[i].seq, json_integer_value(json_array_get(d, 1)));
        assert_hash_equal(&s->deps[i].hash, &at);
    }
    compare_ops(json_object_get(one, "ops"), s->ops, ch->op_count);

    ward_buf_init(&again, &vectors_env);
    ward_change_write(&again, ch->wall_ms, ch->depth, s->deps, ch->dep_count, s->ops, ch->op_count);
    assert_int_equal(again.len, body->len);
    assert_memory_equal(again.p, body->p, body->len);
    ward_buf_free(&again);
}

static int check_change(const json_t *one)
{
    struct hex body = hex_at(one, "body");
    struct ward_scratch s;
    struct ward_error err = {0};
    size_t used = 0;
    ward_scratch_init(&s, &vectors_env);
    int code = ward_change_parse(&s, body.p, body.len, &used, &err);
    if (code == WARD_OK && used != body.len)
        code = WARD_ERR_TRAILING;
    if (code == WARD_OK && !json_object_get(one, "error"))
        compare_change(one, &s, &body);
    ward_scratch_free(&s);
    free(body.p);
    return code;
}

/* To the bodies; and whatever bodies they are, taken apart and put together again they are the same. */
static int check_columns(const json_t *one)
{
    struct hex columns = hex_at(one, "columns");
    struct ward_buf out, again, back;
    struct ward_error err = {0};
    size_t ends[WARD_COLUMN_GROUPS];
    uint32_t count = (uint32_t)number_at(one, "count");
    ward_buf_init(&out, &vectors_env);
    ward_buf_init(&again, &vectors_env);
    ward_buf_init(&back, &vectors_env);
    int code = ward_columns_join(&out, columns.p, columns.len, count, &err);
    assert_int_equal(code, err.code);
    if (json_object_get(one, "bodies")) {
        struct hex bodies = hex_at(one, "bodies");
        assert_int_equal(out.len, bodies.len);
        assert_memory_equal(out.p, bodies.p, bodies.len);
        assert_int_equal(ward_columns_split(&again, ends, out.p, out.len, count, &err), WARD_OK);
        assert_int_equal(ends[WARD_COLUMN_GROUPS - 1], again.len);
        assert_int_equal(ward_columns_join(&back, again.p, again.len, count, &err), WARD_OK);
        assert_int_equal(back.len, bodies.len);
        assert_memory_equal(back.p, bodies.p, bodies.len);
        if (!strstr(name_of(one), "twice")) /* what is met again is named by its number */
            assert_true(again.len == columns.len && memcmp(again.p, columns.p, columns.len) == 0);
        free(bodies.p);
    }
    ward_buf_free(&out);
    ward_buf_free(&again);
    ward_buf_free(&back);
    free(columns.p);
    return code;
}

static int check_seal(const json_t *one)
{
    struct hex pk = hex_at(one, "sign_pk"), sig = hex_at(one, "signature");
    struct ward_hash feed = hash_at(one, "feed"), hash = hash_at(one, "hash");
    uint64_t seq = number_at(one, "seq");
    bool good = ward_seal_check(sig.p, &feed, seq, &hash, pk.p);
    if (json_object_get(one, "cose")) {
        struct hex cose = hex_at(one, "cose");
        struct ward_buf out;
        ward_buf_init(&out, &vectors_env);
        ward_seal_export(&out, sig.p, &feed, seq, &hash);
        assert_int_equal(out.len, cose.len);
        assert_memory_equal(out.p, cose.p, cose.len);
        ward_buf_free(&out);
        free(cose.p);
    }
    free(pk.p);
    free(sig.p);
    return good ? WARD_OK : WARD_ERR_SEAL;
}

static void compare_receipt(const json_t *one, const struct ward_receipt *r, const struct hex *cose, struct ward_buf *scratch)
{
    const json_t *heads = json_object_get(one, "heads");
    struct ward_hash ward = hash_at(one, "ward"), grant = hash_at(one, "grant");
    struct ward_buf again;
    assert_hash_equal(&r->ward, &ward);
    assert_hash_equal(&r->grant, &grant);
    assert_int_equal(r->wall_ms, number_at(one, "wall_ms"));
    assert_int_equal(r->count, json_array_size(heads));
    for (size_t i = 0; i < r->count; i++) {
        const json_t *h = json_array_get(heads, i);
        struct ward_hash feed = hash_of(json_array_get(h, 0)), at = hash_of(json_array_get(h, 2));
        assert_hash_equal(&r->heads[i].feed, &feed);
        assert_int_equal(r->heads[i].seq, json_integer_value(json_array_get(h, 1)));
        assert_hash_equal(&r->heads[i].hash, &at);
    }
    ward_buf_init(&again, &vectors_env);
    ward_receipt_export(&again, r, scratch);
    assert_int_equal(again.len, cose->len);
    assert_memory_equal(again.p, cose->p, cose->len);
    ward_buf_clear(&again);
    ward_receipt_write_heads(&again, r);
    static struct ward_receipt heads_alone;
    assert_int_equal(ward_receipt_read_heads(&heads_alone, again.p, again.len), WARD_OK);
    assert_memory_equal(heads_alone.heads, r->heads, r->count * sizeof r->heads[0]);
    ward_buf_free(&again);
}

static int check_receipt(const json_t *one)
{
    struct hex pk = hex_at(one, "sign_pk"), cose = hex_at(one, "cose");
    static struct ward_receipt r;
    struct ward_buf scratch;
    ward_buf_init(&scratch, &vectors_env);
    int code = ward_receipt_import(&r, cose.p, cose.len);
    if (!code)
        code = ward_receipt_check(&r, pk.p, &scratch);
    if (!code && json_object_get(one, "heads"))
        compare_receipt(one, &r, &cose, &scratch);
    ward_buf_free(&scratch);
    free(pk.p);
    free(cose.p);
    return code;
}

static void test_names(void **state)
{
    (void)state;
    each_vector("keys", check_key);
    each_vector("ward", check_ward);
    each_vector("circle", check_circle);
    each_vector("genesis", check_genesis);
}

static void test_changes(void **state)
{
    (void)state;
    each_vector("change", check_change);
}

static void test_bad_changes(void **state)
{
    (void)state;
    each_vector("change-bad", check_change);
}

static void test_columns(void **state)
{
    (void)state;
    each_vector("columns", check_columns);
    each_vector("columns-bad", check_columns);
}

static void test_seals(void **state)
{
    (void)state;
    each_vector("seal", check_seal);
    each_vector("seal-bad", check_seal);
}

static void test_receipts(void **state)
{
    (void)state;
    each_vector("receipt", check_receipt);
    each_vector("receipt-bad", check_receipt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),   cmocka_unit_test(test_changes), cmocka_unit_test(test_bad_changes),
        cmocka_unit_test(test_columns), cmocka_unit_test(test_seals),   cmocka_unit_test(test_receipts),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
