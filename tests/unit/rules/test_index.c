/* Keys of an index: they compare as their values do, and hold them. rules/index.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "rules/index.h"
#include "rules/schema.h"
#include "values/cbor.h"
#include "values/change.h"

static void put_all(struct ward_buf *b, const struct ward_value *v, size_t n)
{
    ward_buf_clear(b);
    for (size_t i = 0; i < n; i++)
        ward_index_put(b, &v[i]);
    assert_int_equal(ward_buf_status(b), WARD_OK);
}

static int compare(const struct ward_buf *a, const struct ward_buf *b)
{
    return ward_index_compare(&(struct ward_index_entry){0, a->p, a->len}, &(struct ward_index_entry){0, b->p, b->len});
}

/* Each before the next, as people count. */
static void order(void **state)
{
    static const char *const texts[] = {"",      "0",      "00",      "1",          "01",    "2",      "9",     "10",
                                        "II",    "II.1-2", "II.1-9",  "II.1-10",    "II.2",  "II.2.1", "II.10", "T-99",
                                        "T-100", "T-1000", "T-1000a", "a",          "b1",    "b1c",    "b2",    "b10c",
                                        "bc",    "chi bộ", "tổ",      "tổ 2 khu 9", "tổ 10", "đ"};
    struct ward_value v[8 + sizeof texts / sizeof texts[0]] = {
        ward_value_null(),  ward_value_bool(false), ward_value_bool(true),     ward_value_int(INT64_MIN),
        ward_value_int(-1), ward_value_int(0),      ward_value_int(INT64_MAX),
    };
    size_t n = 7;
    struct ward_buf a, b;
    (void)state;
    ward_buf_init(&a, &vectors_env);
    ward_buf_init(&b, &vectors_env);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        v[n++] = ward_value_text(texts[i]);
    v[n++] = ward_value_bytes("\0\xff", 2);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            put_all(&a, &v[i], 1);
            put_all(&b, &v[j], 1);
            int got = compare(&a, &b);
            if ((got < 0) != (i < j) || (got == 0) != (i == j))
                fail_msg("%zu and %zu: %d", i, j, got);
        }
    ward_buf_free(&a);
    ward_buf_free(&b);
}

/* A shorter first column does not mix with what the second holds; a prefix takes whole numbers. */
static void columns(void **state)
{
    struct ward_value first[] = {ward_value_text("a"), ward_value_text("zz")}, second[] = {ward_value_text("a\x01"), ward_value_text("a")};
    struct ward_value exact = ward_value_text("II.3"), under = ward_value_text("II.3.1"), other = ward_value_text("II.31");
    struct ward_buf a, b;
    (void)state;
    ward_buf_init(&a, &vectors_env);
    ward_buf_init(&b, &vectors_env);
    put_all(&a, first, 2);
    put_all(&b, second, 2);
    assert_true(compare(&a, &b) < 0);
    ward_buf_clear(&a);
    ward_index_put_prefix(&a, "II.3", 4);
    put_all(&b, &exact, 1);
    assert_memory_equal(b.p, a.p, a.len);
    put_all(&b, &under, 1);
    assert_memory_equal(b.p, a.p, a.len);
    put_all(&b, &other, 1);
    assert_memory_not_equal(b.p, a.p, a.len);
    ward_buf_free(&a);
    ward_buf_free(&b);
}

static void there_and_back(void **state)
{
    struct ward_value v[] = {ward_value_text("II.007-10\x30"), ward_value_bytes("\0\0\xff\x30", 4), ward_value_int(-5), ward_value_null(),
                             ward_value_bool(true)},
                      got;
    struct ward_buf key, into;
    size_t at = 0;
    (void)state;
    ward_buf_init(&key, &vectors_env);
    ward_buf_init(&into, &vectors_env);
    assert_non_null(ward_buf_room(&into, WARD_INDEX_ROOM));
    put_all(&key, v, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(ward_index_next(key.p, key.len, &at, &got, &into));
        assert_int_equal(got.type, v[i].type);
        assert_int_equal(got.len, v[i].len);
        assert_int_equal(got.integer, v[i].integer);
        assert_int_equal(got.boolean, v[i].boolean);
        if (got.len)
            assert_memory_equal(got.p, v[i].p, got.len);
    }
    assert_int_equal(at, key.len);
    assert_false(ward_index_next(key.p, key.len, &at, &got, &into));
    /* Cut at any byte it is none, or a shorter one. */
    for (size_t len = 0; len < key.len; len++) {
        ward_buf_clear(&into);
        for (at = 0; ward_index_next(key.p, len, &at, &got, &into);)
            ;
        assert_true(at <= len + 1);
    }
    ward_buf_free(&key);
    ward_buf_free(&into);
}

/* So many digits are one number; what follows is the next, and nothing of it is lost. */
static void very_long_numbers(void **state)
{
    char digits[WARD_INDEX_BYTES + 1];
    struct ward_buf a, b, into;
    (void)state;
    ward_buf_init(&a, &vectors_env);
    ward_buf_init(&b, &vectors_env);
    ward_buf_init(&into, &vectors_env);
    assert_non_null(ward_buf_room(&into, WARD_INDEX_ROOM));
    for (size_t n = 98; n <= WARD_INDEX_BYTES; n++) {
        struct ward_value v = {.type = WARD_TEXT, .p = (const uint8_t *)digits, .len = n}, got;
        size_t at = 0;
        memset(digits, '7', n);
        put_all(&b, &v, 1);
        assert_true(n == 98 || compare(&a, &b) < 0); /* one digit more is more */
        ward_buf_clear(&into);
        assert_true(ward_index_next(b.p, b.len, &at, &got, &into));
        assert_int_equal(at, b.len);
        assert_int_equal(got.len, n);
        assert_memory_equal(got.p, digits, n);
        put_all(&a, &v, 1);
    }
    ward_buf_free(&a);
    ward_buf_free(&b);
    ward_buf_free(&into);
}

/* ---------------------------------------------------------------- of a record */

enum {
    NAME = WARD_FIELD(WARD_OPEN, 1),
    NOTE = WARD_FIELD(WARD_OPEN, 2),
    DUE = WARD_FIELD(WARD_GOVERNED, 1),
    UNTIL = WARD_FIELD(WARD_GOVERNED, 2),
    TAGS = WARD_FIELD(WARD_MEMBER, 1)
};
static const struct ward_field_def fields[] = {{NAME, "name", WARD_TEXT, WARD_CONFLICT, 0},
                                               {NOTE, "note", WARD_TEXT, WARD_LATEST, 0},
                                               {DUE, "due", WARD_INT, WARD_CONFLICT, 0},
                                               {UNTIL, "until", WARD_INT, WARD_CONFLICT, 0},
                                               {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0}};
static const struct ward_kind_def thing = {16, "thing", fields, 5};
static const struct ward_author authors_rows[] = {{.rank = 0}, {.feed = {{1}}, .rank = 1}, {.feed = {{2}}, .rank = 2}};
static const struct ward_authors authors = {authors_rows, 3};

static void write_one(struct ward_state *s, uint32_t field, const char *key, uint32_t fid, struct ward_value value)
{
    const struct ward_vv nothing = {0};
    struct ward_buf b;
    ward_buf_init(&b, &vectors_env);
    ward_put_value(&b, &value);
    const struct ward_write w = {.field = field,
                                 .key = (const uint8_t *)key,
                                 .key_len = key ? strlen(key) : 0,
                                 .raw = b.p,
                                 .raw_len = b.len,
                                 .fid = fid,
                                 .seq = 1,
                                 .depth = 1};
    assert_int_equal(ward_slot_write(s, &w, &nothing, &authors), WARD_OK);
    ward_buf_free(&b);
}

/* A thing whose note is its name, two tags and one that was taken away, and a proposal in each of two governed fields. */
static void a_thing(struct ward_state *s, struct ward_arena *arena)
{
    ward_arena_init(arena, &vectors_env);
    ward_state_init(s, arena);
    write_one(s, WARD_FIELD_PRESENCE, NULL, 1, ward_value_bool(true));
    write_one(s, NAME, NULL, 1, ward_value_text("ward 3"));
    write_one(s, NOTE, NULL, 1, ward_value_text("ward 3"));
    for (uint32_t fid = 1; fid <= 2; fid++) {
        write_one(s, DUE, NULL, fid, ward_value_int((int64_t)fid));
        write_one(s, UNTIL, NULL, fid, ward_value_int((int64_t)fid));
    }
    write_one(s, TAGS, "one", 1, ward_value_bool(true));
    write_one(s, TAGS, "two", 1, ward_value_bool(false));
    write_one(s, TAGS, "six, a tag that is longer than the first room of a buffer, whatever that may be, is written out here", 1,
              ward_value_bool(true));
}

static size_t entries_by(struct ward_index_def def, struct ward_index_entries *out, const struct ward_state *s, struct ward_arena *arena)
{
    const struct ward_schema schema = {.kinds = &thing, .kind_count = 1, .version = 1, .indexes = &def, .index_count = 1};
    assert_int_equal(ward_schema_check(&schema, NULL), WARD_OK);
    assert_int_equal(ward_index_entries(out, &schema, &thing, s, &authors, arena), WARD_OK);
    return out->count;
}

static void assert_key(const struct ward_index_entry *e, const struct ward_value *columns, size_t count)
{
    struct ward_buf b;
    ward_buf_init(&b, &vectors_env);
    put_all(&b, columns, count);
    assert_int_equal(e->len, b.len);
    assert_memory_equal(e->key, b.p, b.len);
    ward_buf_free(&b);
}

static void of_a_record(void **state)
{
    struct ward_arena arena;
    struct ward_state s;
    struct ward_index_entries e;
    (void)state;
    a_thing(&s, &arena);
    assert_int_equal(entries_by((struct ward_index_def){.kind = 16}, &e, &s, &arena), 1);
    assert_int_equal(e.v[0].len, 0);
    assert_int_equal(entries_by((struct ward_index_def){.kind = 16, .by = {NAME, DUE}}, &e, &s, &arena), 1);
    assert_key(&e.v[0], (const struct ward_value[]){ward_value_text("ward 3"), ward_value_int(2)}, 2);
    /* Found by either of two fields that say the same, it still stands there once. */
    assert_int_equal(entries_by((struct ward_index_def){.kind = 16, .by = {NAME}, .or_by = NOTE}, &e, &s, &arena), 1);
    assert_int_equal(entries_by((struct ward_index_def){.kind = 16, .by = {NAME}, .or_by = DUE}, &e, &s, &arena), 2);
    assert_int_equal(entries_by((struct ward_index_def){.kind = 16, .by = {TAGS, NAME}}, &e, &s, &arena), 2);
    assert_key(&e.v[0], (const struct ward_value[]){ward_value_bytes("one", 3), ward_value_text("ward 3")}, 2);
    assert_int_equal(entries_by((struct ward_index_def){.kind = 16, .by = {WARD_BY_PROPOSED, NAME}}, &e, &s, &arena), 2);
    assert_key(&e.v[0], (const struct ward_value[]){ward_value_int(DUE), ward_value_text("ward 3")}, 2);
    assert_key(&e.v[1], (const struct ward_value[]){ward_value_int(UNTIL), ward_value_text("ward 3")}, 2);
    for (char tag[] = "tag a"; tag[4] <= 'z'; tag[4]++)
        write_one(&s, TAGS, tag, 1, ward_value_bool(true));
    assert_int_equal(entries_by((struct ward_index_def){.kind = 16, .by = {TAGS, NAME}}, &e, &s, &arena), 2 + 26);
    for (size_t i = 1; i < e.count; i++)
        assert_true(ward_index_compare(&e.v[i - 1], &e.v[i]) < 0);
    ward_state_init(&s, &arena); /* what was deleted stands nowhere */
    write_one(&s, WARD_FIELD_PRESENCE, NULL, 1, ward_value_bool(false));
    assert_int_equal(entries_by((struct ward_index_def){.kind = 16, .by = {NAME}}, &e, &s, &arena), 0);
    ward_arena_free(&arena);
}

/* All entries, or an error: never some of them. */
static int all_or_none(const struct ward_env *env, void *ctx)
{
    const struct ward_index_def *def = ctx;
    const struct ward_schema schema = {.kinds = &thing, .kind_count = 1, .version = 1, .indexes = def, .index_count = 1};
    struct ward_arena own, arena;
    struct ward_state s;
    struct ward_index_entries e;
    a_thing(&s, &own);
    ward_arena_init(&arena, env);
    int rc = ward_index_entries(&e, &schema, &thing, &s, &authors, &arena);
    if (!rc)
        assert_int_equal(e.count, 2);
    ward_arena_free(&arena);
    ward_arena_free(&own);
    return rc;
}

static void without_memory(void **state)
{
    struct ward_index_def by_tag = {.kind = 16, .by = {TAGS, NAME}}, by_proposal = {.kind = 16, .by = {WARD_BY_PROPOSED, NAME}},
                          by_either = {.kind = 16, .by = {NAME}, .or_by = DUE};
    (void)state;
    assert_true(each_shortage(all_or_none, &by_tag) > 1);
    assert_true(each_shortage(all_or_none, &by_proposal) > 1);
    assert_true(each_shortage(all_or_none, &by_either) > 1);
}

/* Whatever bytes damage has left there: nothing is read or written beyond its place. */
static void damaged(void **state)
{
    uint64_t dice = 7;
    (void)state;
    for (int k = 0; k < 20000; k++) {
        uint8_t key[64];
        struct ward_value got;
        struct ward_buf into;
        size_t at = 0, n = 0, len = (size_t)(k % 64);
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        for (size_t i = 0; i < len; i++) {
            dice = dice * 6364136223846793005u + 1442695040888963407u;
            key[i] = (uint8_t)((dice >> 33) % 3 ? (dice >> 40) % 6 : (dice >> 45) % 256);
            key[i] = (dice >> 55) % 4 ? key[i] : 0x30;
        }
        memcpy(exact, key, len);
        ward_buf_init(&into, &vectors_env);
        assert_non_null(ward_buf_room(&into, 40));
        while (ward_index_next(exact, len, &at, &got, &into) && n++ < 64)
            assert_true(into.len <= into.cap);
        ward_buf_free(&into);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order),          cmocka_unit_test(columns),
                                       cmocka_unit_test(there_and_back), cmocka_unit_test(very_long_numbers),
                                       cmocka_unit_test(of_a_record),    cmocka_unit_test(without_memory),
                                       cmocka_unit_test(damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
