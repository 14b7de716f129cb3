/* What people see of a slot under each policy, and when it is a conflict. proto/merge.md, the table of enum ward_policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "rules/slot.h"
#include "rules/view.h"
#include "values/cbor.h"

enum {
    OPEN = WARD_FIELD(WARD_OPEN, 1),
    GOVERNED = WARD_FIELD(WARD_GOVERNED, 1),
    TAGS = WARD_FIELD(WARD_MEMBER, 1),
    COUNT = WARD_FIELD(WARD_TALLY, 1)
};

/* Feeds 1 and 2 are of rank 1, 3 and 4 of rank 2. */
static const struct ward_author rows[] = {
    {.rank = 0}, {.feed = {{1}}, .rank = 1}, {.feed = {{2}}, .rank = 1}, {.feed = {{3}}, .rank = 2}, {.feed = {{4}}, .rank = 2}};
static const struct ward_authors authors = {rows, 5};

struct view {
    struct ward_arena arena;
    struct ward_state s;
};

static void begin(struct view *v)
{
    ward_arena_init(&v->arena, &vectors_env);
    ward_state_init(&v->s, &v->arena);
}

/* All without sight of each other. */
static void live(struct view *v, uint32_t field, const char *key, uint32_t fid, struct ward_value value)
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
    assert_int_equal(ward_slot_write(&v->s, &w, &nothing, &authors), WARD_OK);
    ward_buf_free(&b);
}

static void conflict_table(void **state)
{
    static const struct {
        const char *name;
        uint32_t field;
        enum ward_policy policy;
        struct {
            uint32_t fid;
            int64_t n;
        } live[3];
        bool conflict;
        int64_t shown;
        bool proposed;
    } table[] = {
        {"one value", OPEN, WARD_CONFLICT, {{1, 5}}, false, 5, false},
        {"open, two differ", OPEN, WARD_CONFLICT, {{1, 5}, {2, 6}}, true, 6, false},
        {"open, two agree", OPEN, WARD_CONFLICT, {{1, 5}, {2, 5}}, false, 5, false},
        {"open, ranks do not matter", OPEN, WARD_CONFLICT, {{1, 5}, {3, 6}}, true, 6, false},
        {"open, the third differs", OPEN, WARD_CONFLICT, {{1, 5}, {2, 5}, {3, 6}}, true, 6, false},
        {"fixed, two differ", OPEN, WARD_FIXED, {{1, 5}, {2, 6}}, true, 6, false},
        {"latest", OPEN, WARD_LATEST, {{1, 5}, {2, 6}}, false, 6, false},
        {"max", OPEN, WARD_MAX, {{1, 9}, {2, 6}}, false, 9, false},
        {"max below zero", OPEN, WARD_MAX, {{1, -9}, {2, -6}}, false, -6, false},
        {"governed, a lesser one is a proposal", GOVERNED, WARD_CONFLICT, {{1, 5}, {3, 6}}, false, 6, true},
        {"governed, a lesser one agrees", GOVERNED, WARD_CONFLICT, {{1, 6}, {3, 6}}, false, 6, false},
        {"governed and fixed, a lesser one", GOVERNED, WARD_FIXED, {{1, 5}, {3, 6}}, false, 6, true},
        {"governed and fixed, two of the greatest", GOVERNED, WARD_FIXED, {{3, 6}, {4, 7}}, true, 7, false},
        {"governed, two proposals beside", GOVERNED, WARD_CONFLICT, {{1, 5}, {2, 7}, {3, 6}}, false, 6, true},
        {"governed, two of the greatest", GOVERNED, WARD_CONFLICT, {{1, 5}, {3, 6}, {4, 7}}, true, 7, false},
        {"governed, two of the greatest agree", GOVERNED, WARD_CONFLICT, {{1, 5}, {3, 6}, {4, 6}}, false, 6, true},
        {"governed, two lesser alone", GOVERNED, WARD_CONFLICT, {{1, 5}, {2, 6}}, true, 6, false},
        {"governed, latest", GOVERNED, WARD_LATEST, {{3, 5}, {4, 6}}, false, 6, false},
        {"sum", COUNT, WARD_SUM, {{1, 5}, {2, -7}, {3, 10}}, false, 8, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct view v;
        const struct ward_field_def f = {table[i].field, "f", WARD_INT, table[i].policy, 0};
        const struct ward_kind_def kind = {16, "k", &f, 1};
        begin(&v);
        for (size_t j = 0; j < 3 && table[i].live[j].fid; j++)
            live(&v, table[i].field, NULL, table[i].live[j].fid, ward_value_int(table[i].live[j].n));
        const struct ward_slot *slot = ward_state_find(&v.s, table[i].field, NULL, 0);
        bool conflict = ward_slot_in_conflict(&f, slot, &authors);
        struct ward_value shown = ward_view_value(&f, &v.s, &authors);
        if (conflict != table[i].conflict || shown.integer != table[i].shown)
            print_error("%s: conflict %d, shown %lld\n", table[i].name, conflict, (long long)shown.integer);
        assert_int_equal(conflict, table[i].conflict);
        if (ward_slot_is_proposed(&f, slot, &authors) != table[i].proposed)
            fail_msg("%s: a proposal, or not", table[i].name);
        assert_false(ward_slot_is_proposed(NULL, slot, &authors));
        assert_int_equal(shown.type, WARD_INT);
        assert_int_equal(shown.integer, table[i].shown);
        assert_int_equal(ward_state_conflicts(&kind, &v.s, &authors), table[i].conflict);
        assert_int_equal(ward_state_conflicts(NULL, &v.s, &authors), 0);
        assert_false(ward_slot_in_conflict(NULL, slot, &authors)); /* a field the schema does not know */
        ward_arena_free(&v.arena);
    }
}

static void presence_whatever_the_ranks(void **state)
{
    struct view v;
    (void)state;
    begin(&v);
    live(&v, WARD_FIELD_PRESENCE, NULL, 1, ward_value_bool(false));
    live(&v, WARD_FIELD_PRESENCE, NULL, 2, ward_value_bool(false));
    assert_false(ward_slot_in_conflict(NULL, &v.s.slots[0], &authors));
    live(&v, WARD_FIELD_PRESENCE, NULL, 3, ward_value_bool(true));
    assert_true(ward_slot_in_conflict(NULL, &v.s.slots[0], &authors));
    ward_arena_free(&v.arena);
}

/* What a peer with another schema wrote is kept, but not shown as what it is not. */
static void another_type_is_not_shown(void **state)
{
    const struct ward_field_def f = {OPEN, "f", WARD_INT, WARD_LATEST, 0}, max = {OPEN, "f", WARD_INT, WARD_MAX, 0},
                                none = {OPEN + 4, "g", WARD_TEXT, WARD_LATEST, 0};
    struct view v;
    (void)state;
    begin(&v);
    live(&v, OPEN, NULL, 1, ward_value_text("text"));
    assert_int_equal(ward_view_value(&f, &v.s, &authors).type, WARD_NULL);
    assert_int_equal(ward_view_value(&max, &v.s, &authors).type, WARD_NULL);
    assert_int_equal(ward_view_value(&none, &v.s, &authors).type, WARD_NULL);
    live(&v, OPEN, NULL, 2, ward_value_int(4));
    assert_int_equal(ward_view_value(&max, &v.s, &authors).integer, 4);
    ward_arena_free(&v.arena);
}

static void members(void **state)
{
    const struct ward_field_def f = {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0};
    struct view v;
    (void)state;
    begin(&v);
    live(&v, TAGS, "red", 1, ward_value_bool(true));
    live(&v, TAGS, "red", 2, ward_value_bool(false)); /* add wins */
    live(&v, TAGS, "gone", 1, ward_value_bool(false));
    live(&v, TAGS, "b\"", 1, ward_value_bool(true));
    live(&v, TAGS, "\x01", 1, ward_value_bool(true));
    assert_int_equal(v.s.slot_count, 4);
    assert_true(ward_member_is_in(ward_state_find(&v.s, TAGS, "red", 3)));
    assert_false(ward_member_is_in(ward_state_find(&v.s, TAGS, "gone", 4)));
    struct ward_value json = ward_value_null();
    assert_int_equal(ward_view_members(&json, &f, &v.s), WARD_OK);
    assert_int_equal(json.type, WARD_TEXT);
    static const char expected[] = "[\"01\",\"6222\",\"red\"]";
    assert_int_equal(json.len, sizeof expected - 1);
    assert_memory_equal(json.p, expected, json.len);
    assert_int_equal(ward_view_value(&f, &v.s, &authors).type, WARD_NULL);
    ward_arena_free(&v.arena);
}

/* A key is shown as text where it reads as text and needs no escaping; 16 bytes are an id. */
static void keys_of_members(void **state)
{
    static const struct {
        const char *key, *shown;
    } keys[] = {
        {"phòng", "[\"phòng\"]"},
        {"a b~", "[\"a b~\"]"},
        {"a\\", "[\"615c\"]"},
        {"a\x7f", "[\"617f\"]"},
        {"a\n", "[\"610a\"]"},
        {"a\"", "[\"6122\"]"},
        {"\xff", "[\"ff\"]"},
        {"fifteen letters", "[\"fifteen letters\"]"},
        {"sixteen letters!", "[\"7369787465656e206c65747465727321\"]"},
        {"seventeen letters", "[\"seventeen letters\"]"},
    };
    const struct ward_field_def f = {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct view v;
        struct ward_value json;
        begin(&v);
        live(&v, TAGS, keys[i].key, 1, ward_value_bool(true));
        assert_int_equal(ward_view_members(&json, &f, &v.s), WARD_OK);
        assert_int_equal(json.len, strlen(keys[i].shown));
        assert_memory_equal(json.p, keys[i].shown, json.len);
        ward_arena_free(&v.arena);
    }
}

/* A set that there is no memory to show is an error, never an empty column. */
static void members_without_memory(void **state)
{
    const struct ward_field_def f = {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0};
    struct scarce m;
    struct view v;
    int rc = WARD_ERR_MEMORY;
    size_t failures = 0;
    (void)state;
    scarce_init(&m, SIZE_MAX);
    ward_arena_init(&v.arena, &m.env);
    ward_state_init(&v.s, &v.arena);
    for (char key[] = "a member of a set, the first"; key[0] < 'f'; key[0]++)
        live(&v, TAGS, key, 1, ward_value_bool(true));
    m.fail_at = m.calls;
    while (ward_arena_take(&v.arena, 16))
        ;
    for (; rc; failures++) {
        struct ward_value json = ward_value_int(7);
        m.fail_at = m.calls + failures;
        rc = ward_view_members(&json, &f, &v.s);
        assert_int_equal(json.type, rc ? WARD_INT : WARD_TEXT);
        assert_true(rc == WARD_OK || rc == WARD_ERR_MEMORY);
    }
    assert_true(failures > 3); /* the text, twice grown, and its place in the arena */
    ward_arena_free(&v.arena);
    assert_int_equal(m.out, 0);
}

/* A member without a key, which only a damaged store can hold, is no value of its field. */
static void a_member_without_a_key(void **state)
{
    static const uint8_t bytes[] = {0x81, 0x86, 0x06, 0x40, 0x01, 0x01, 0x01, 0xf5};
    const struct ward_field_def f = {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0};
    struct view v;
    (void)state;
    begin(&v);
    assert_int_equal(ward_state_decode(&v.s, &authors, bytes, sizeof bytes), WARD_OK);
    assert_int_equal(ward_view_value(&f, &v.s, &authors).type, WARD_NULL);
    ward_arena_free(&v.arena);
}

static void conflict_ids_differ(void **state)
{
    const struct ward_hash s1 = {{1}}, s2 = {{2}};
    const struct ward_id e1 = {{1}}, e2 = {{2}};
    struct ward_id ids[5], again;
    (void)state;
    ward_conflict_id(&ids[0], &s1, 16, &e1, 4);
    ward_conflict_id(&ids[1], &s2, 16, &e1, 4);
    ward_conflict_id(&ids[2], &s1, 17, &e1, 4);
    ward_conflict_id(&ids[3], &s1, 16, &e2, 4);
    ward_conflict_id(&ids[4], &s1, 16, &e1, 65533);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(ward_id_equal(&ids[i], &ids[j]));
    ward_conflict_id(&again, &s1, 16, &e1, 4);
    assert_true(ward_id_equal(&again, &ids[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conflict_table),
        cmocka_unit_test(presence_whatever_the_ranks),
        cmocka_unit_test(another_type_is_not_shown),
        cmocka_unit_test(members),
        cmocka_unit_test(keys_of_members),
        cmocka_unit_test(members_without_memory),
        cmocka_unit_test(a_member_without_a_key),
        cmocka_unit_test(conflict_ids_differ),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
