/* The merge mechanism: its class table row by row, and every order in which small histories can arrive. proto/merge.md.
 *
 *   WARD_CHANGES=5   histories of that many changes (4 otherwise)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "../vectors.h"
#include "base/arena.h"
#include "rules/slot.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/vv.h"

#define FEEDS 3

enum {
    OPEN = WARD_FIELD(WARD_OPEN, 1),
    GOVERNED = WARD_FIELD(WARD_GOVERNED, 1),
    MEMBER = WARD_FIELD(WARD_MEMBER, 1),
    TALLY = WARD_FIELD(WARD_TALLY, 1)
};

/* Feed ids ascend with the number. */
static struct ward_author rows[FEEDS + 1];
static struct ward_authors authors = {rows, FEEDS + 1};

static void set_ranks(uint8_t a, uint8_t b, uint8_t c)
{
    const uint8_t ranks[] = {0, a, b, c};
    for (uint8_t i = 0; i <= FEEDS; i++) {
        memset(rows[i].feed.b, i, sizeof rows[i].feed.b);
        rows[i].rank = ranks[i];
    }
}

static const uint8_t yes[] = {0xf5}, no[] = {0xf4}, one[] = {0x01}, two[] = {0x02};

static void write_at(struct ward_state *s, uint32_t field, const char *key, uint32_t fid, uint64_t seq, uint64_t depth, const uint8_t *raw,
                     const struct ward_vv *seen)
{
    const struct ward_write w = {.field = field,
                                 .key = (const uint8_t *)key,
                                 .key_len = key ? strlen(key) : 0,
                                 .raw = raw,
                                 .raw_len = 1,
                                 .fid = fid,
                                 .seq = seq,
                                 .depth = depth};
    const struct ward_vv nothing = {0};
    assert_int_equal(ward_slot_write(s, &w, seen ? seen : &nothing, &authors), WARD_OK);
}

/* A vector that has seen feed 1 up to 1. */
static const struct ward_vv saw_first = {.v = (struct ward_vv_entry[]){{1, 1}}, .len = 1, .cap = 1};

/* ---------------------------------------------------------------- the table, row by row */

struct row {
    const char *name;
    uint32_t field;
    const char *key;
    uint8_t ranks[2]; /* of feed 1, who writes first, and feed 2 */
    bool seen;        /* feed 2 had seen feed 1 */
    size_t live;
};
static const struct row table[] = {
    {"open: seen, equal ranks", OPEN, NULL, {1, 1}, true, 1},
    {"open: seen, a lesser rank replaces too", OPEN, NULL, {2, 1}, true, 1},
    {"open: unseen, equal ranks", OPEN, NULL, {1, 1}, false, 2},
    {"open: unseen, a greater rank does not replace", OPEN, NULL, {1, 3}, false, 2},
    {"governed: seen, equal ranks", GOVERNED, NULL, {1, 1}, true, 1},
    {"governed: seen, greater replaces", GOVERNED, NULL, {1, 2}, true, 1},
    {"governed: seen, lesser stands beside", GOVERNED, NULL, {2, 1}, true, 2},
    {"governed: unseen, greater stands beside", GOVERNED, NULL, {1, 2}, false, 2},
    {"governed: unseen, lesser stands beside", GOVERNED, NULL, {2, 1}, false, 2},
    {"presence is governed", WARD_FIELD_PRESENCE, NULL, {2, 1}, true, 2},
    {"member: seen, lesser replaces", MEMBER, "k", {2, 1}, true, 1},
    {"member: unseen", MEMBER, "k", {1, 2}, false, 2},
    {"sum: another's total stays though seen", TALLY, NULL, {1, 1}, true, 2},
    {"sum: a lesser's total stays under a greater", TALLY, NULL, {1, 3}, true, 2},
    {"sum: unseen", TALLY, NULL, {1, 1}, false, 2},
};

static void class_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct row *r = &table[i];
        struct ward_arena arena;
        struct ward_state s;
        ward_arena_init(&arena, &vectors_env);
        ward_state_init(&s, &arena);
        set_ranks(r->ranks[0], r->ranks[1], 1);
        write_at(&s, r->field, r->key, 1, 1, 1, one, NULL);
        write_at(&s, r->field, r->key, 2, 1, 2, two, r->seen ? &saw_first : NULL);
        const struct ward_slot *slot = ward_state_find(&s, r->field, r->key, r->key ? 1 : 0);
        assert_non_null(slot);
        if (slot->live_count != r->live)
            print_error("%s: %u live, not %zu\n", r->name, slot->live_count, r->live);
        assert_int_equal(slot->live_count, r->live);
        if (r->live == 1)
            assert_int_equal(slot->live[0].fid, 2);
        ward_arena_free(&arena);
    }
}

/* Nobody names what is as deep: where it seems so, it named another change with that seq. So no two have seen each other. */
static void the_depth_tells(void **state)
{
    struct ward_arena arena;
    struct ward_state s;
    (void)state;
    set_ranks(1, 1, 1);
    ward_arena_init(&arena, &vectors_env);
    ward_state_init(&s, &arena);
    write_at(&s, OPEN, NULL, 1, 1, 5, one, NULL);
    write_at(&s, OPEN, NULL, 2, 1, 4, two, &saw_first);
    assert_int_equal(ward_state_find(&s, OPEN, NULL, 0)->live_count, 2);
    write_at(&s, OPEN, NULL, 2, 2, 5, two, &saw_first);
    assert_int_equal(ward_state_find(&s, OPEN, NULL, 0)->live_count, 2);
    write_at(&s, OPEN, NULL, 2, 3, 6, two, &saw_first);
    assert_int_equal(ward_state_find(&s, OPEN, NULL, 0)->live_count, 1);
    ward_arena_free(&arena);
}

/* What an author wrote itself it has seen, whatever the vector says; a later operation of one change replaces an earlier one. */
static void own_writes_are_seen(void **state)
{
    static const uint32_t fields[] = {OPEN, GOVERNED, MEMBER, TALLY};
    (void)state;
    set_ranks(1, 1, 1);
    for (size_t i = 0; i < 4; i++) {
        struct ward_arena arena;
        struct ward_state s;
        const char *key = fields[i] == MEMBER ? "k" : NULL;
        ward_arena_init(&arena, &vectors_env);
        ward_state_init(&s, &arena);
        write_at(&s, fields[i], key, 1, 1, 1, one, NULL);
        write_at(&s, fields[i], key, 1, 2, 2, two, NULL);
        write_at(&s, fields[i], key, 1, 2, 2, one, NULL);
        const struct ward_slot *slot = ward_state_find(&s, fields[i], key, key ? 1 : 0);
        assert_int_equal(slot->live_count, 1);
        assert_int_equal(slot->live[0].seq, 2);
        assert_memory_equal(slot->live[0].raw, one, 1);
        write_at(&s, fields[i], key, 1, 1, 1, one, NULL); /* which had not seen the later one, as it cannot come from any log */
        assert_int_equal(slot->live_count, 2);
        ward_arena_free(&arena);
    }
}

static void other_slots_are_untouched(void **state)
{
    struct ward_arena arena;
    struct ward_state s;
    size_t first;
    (void)state;
    set_ranks(1, 1, 1);
    ward_arena_init(&arena, &vectors_env);
    ward_state_init(&s, &arena);
    write_at(&s, MEMBER, "b", 1, 1, 1, yes, NULL);
    write_at(&s, MEMBER, "ab", 1, 1, 1, yes, NULL);
    write_at(&s, MEMBER, "a", 1, 1, 1, no, NULL);
    write_at(&s, MEMBER + 4, "a", 1, 1, 1, yes, NULL);
    write_at(&s, OPEN, NULL, 1, 1, 1, one, NULL);
    write_at(&s, MEMBER, "b", 2, 1, 2, no, &saw_first);
    assert_int_equal(s.slot_count, 5);
    assert_int_equal(ward_state_range(&s, MEMBER, &first), 4);
    assert_int_equal(first, 1);
    static const char *const order[] = {"a", "ab", "b"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s.slots[first + i].key_len, strlen(order[i]));
        assert_memory_equal(s.slots[first + i].key, order[i], strlen(order[i]));
        assert_int_equal(s.slots[first + i].live_count, 1);
    }
    assert_false(ward_value_is_true(&s.slots[3].live[0]));
    assert_true(ward_value_is_true(&s.slots[2].live[0]));
    assert_null(ward_state_find(&s, MEMBER, "c", 1));
    assert_null(ward_state_find(&s, GOVERNED, NULL, 0));
    assert_int_equal(ward_state_range(&s, GOVERNED, &first), first);
    ward_arena_free(&arena);
}

/* ---------------------------------------------------------------- order, presence, sums */

static const struct ward_live_value *shown_of(struct ward_live_value *v, uint32_t n)
{
    struct ward_slot slot = {.field = OPEN, .live = v, .live_count = n, .live_cap = n};
    return ward_slot_shown(&slot, &authors);
}

static void rank_depth_feed_seq(void **state)
{
    struct ward_live_value v[] = {{.fid = 1, .seq = 9, .depth = 9}, {.fid = 2, .seq = 1, .depth = 1}};
    (void)state;
    set_ranks(1, 2, 1);
    assert_ptr_equal(shown_of(v, 2), &v[1]); /* rank first */
    set_ranks(1, 1, 1);
    assert_ptr_equal(shown_of(v, 2), &v[0]); /* then depth */
    v[0].depth = 1;
    assert_ptr_equal(shown_of(v, 2), &v[1]); /* then the feed id */
    v[0].fid = 2;
    assert_ptr_equal(shown_of(v, 2), &v[0]); /* then seq */
    v[1].seq = 10;
    assert_ptr_equal(shown_of(v, 2), &v[1]);
    assert_ptr_equal(shown_of(v, 1), &v[0]);
}

static void presence(void **state)
{
    struct ward_arena arena;
    struct ward_state s;
    (void)state;
    set_ranks(1, 1, 1);
    ward_arena_init(&arena, &vectors_env);
    ward_state_init(&s, &arena);
    assert_true(ward_state_present(&s)); /* nothing written: shown */
    write_at(&s, WARD_FIELD_PRESENCE, NULL, 1, 1, 1, no, NULL);
    assert_false(ward_state_present(&s));
    write_at(&s, WARD_FIELD_PRESENCE, NULL, 2, 1, 1, yes, NULL);
    assert_true(ward_state_present(&s));
    write_at(&s, WARD_FIELD_PRESENCE, NULL, 2, 2, 2, no, NULL);
    assert_false(ward_state_present(&s));
    ward_arena_free(&arena);
}

static void only_true_is_true(void **state)
{
    static const uint8_t text[] = {0x61, 0xf5}, longer[] = {0xf5, 0xf5};
    (void)state;
    assert_true(ward_value_is_true(&(struct ward_live_value){.raw = yes, .len = 1}));
    assert_false(ward_value_is_true(&(struct ward_live_value){.raw = no, .len = 1}));
    assert_false(ward_value_is_true(&(struct ward_live_value){.raw = one, .len = 1}));
    assert_false(ward_value_is_true(&(struct ward_live_value){.raw = text, .len = 2}));
    assert_false(ward_value_is_true(&(struct ward_live_value){.raw = longer, .len = 2}));
}

static int64_t sum_of(const int64_t *n, uint32_t count)
{
    struct ward_live_value live[4];
    struct ward_buf b[4];
    for (size_t i = 0; i < count; i++) {
        ward_buf_init(&b[i], &vectors_env);
        ward_put_int(&b[i], n[i]);
        live[i] = (struct ward_live_value){.fid = (uint32_t)i + 1, .raw = b[i].p, .len = b[i].len};
    }
    struct ward_slot slot = {.field = TALLY, .live = live, .live_count = count};
    int64_t sum = ward_slot_sum(&slot);
    for (size_t i = 0; i < count; i++)
        ward_buf_free(&b[i]);
    return sum;
}

static void sums(void **state)
{
    (void)state;
    assert_int_equal(sum_of((const int64_t[]){1, -5, 10}, 3), 6);
    assert_int_equal(sum_of(NULL, 0), 0);
    assert_true(sum_of((const int64_t[]){INT64_MAX, 1}, 2) == INT64_MAX);
    assert_true(sum_of((const int64_t[]){INT64_MIN, -1}, 2) == INT64_MIN);
    assert_true(sum_of((const int64_t[]){INT64_MAX, INT64_MIN}, 2) == -1);
    /* A damaged store's other types count for nothing. */
    struct ward_live_value live[] = {{.fid = 1, .raw = one, .len = 1}, {.fid = 2, .raw = yes, .len = 1}, {.fid = 3, .raw = two, .len = 1}};
    const struct ward_slot slot = {.field = TALLY, .live = live, .live_count = 3};
    assert_int_equal(ward_slot_sum(&slot), 3);
}

/* A sum that leaves the range on the way and comes back: the order of the live values is that of arrival, so it must not matter. */
static void sums_do_not_depend_on_order(void **state)
{
    (void)state;
    int64_t a = sum_of((const int64_t[]){INT64_MAX, 5, -10}, 3), b = sum_of((const int64_t[]){-10, INT64_MAX, 5}, 3);
    assert_true(a == b);
}

/* ---------------------------------------------------------------- storing */

static void encode_and_decode(void **state)
{
    struct ward_arena arena, other;
    struct ward_state s, back;
    struct ward_buf b, again;
    (void)state;
    set_ranks(1, 1, 1);
    ward_arena_init(&arena, &vectors_env);
    ward_arena_init(&other, &vectors_env);
    ward_state_init(&s, &arena);
    write_at(&s, OPEN, NULL, 1, 1, 1, one, NULL);
    write_at(&s, OPEN, NULL, 2, 1, 1, two, NULL);
    write_at(&s, MEMBER, "key", 1, 1, 1, yes, NULL);
    ward_buf_init(&b, &vectors_env);
    ward_buf_init(&again, &vectors_env);
    ward_state_encode(&b, &s);
    assert_int_equal(ward_buf_status(&b), WARD_OK);
    ward_state_init(&back, &other);
    assert_int_equal(ward_state_decode(&back, &authors, b.p, b.len), WARD_OK);
    ward_state_encode(&again, &back);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.p, b.p, b.len);
    for (size_t n = 0; n < b.len; n++) {
        uint8_t *cut = malloc(n ? n : 1); /* exactly as long, so that a read past the end is seen */
        assert_non_null(cut);
        memcpy(cut, b.p, n);
        ward_state_init(&back, &other);
        assert_int_equal(ward_state_decode(&back, &authors, cut, n), WARD_ERR_CORRUPT);
        free(cut);
    }
    ward_buf_add(&b, one, 1);
    ward_state_init(&back, &other);
    assert_int_equal(ward_state_decode(&back, &authors, b.p, b.len), WARD_ERR_CORRUPT);
    ward_buf_free(&b);
    ward_buf_free(&again);
    ward_arena_free(&arena);
    ward_arena_free(&other);
}

/* ---------------------------------------------------------------- memory */

/* A batch has thousands of records in hand (replica/records.h): what one takes beside its words is what that costs. */
static void a_record_in_hand_is_small(void **state)
{
    enum { FIELDS = 9, SMALL = FIELDS * 120 };
    struct ward_arena arena;
    struct ward_state s, back;
    struct ward_buf b;
    (void)state;
    ward_arena_init(&arena, &vectors_env);
    ward_state_init(&s, &arena);
    for (uint32_t i = 0; i < FIELDS; i++)
        write_at(&s, WARD_FIELD(WARD_OPEN, i), NULL, 1, 1, 1, one, NULL);
    assert_in_range(arena.used, 1, SMALL);
    for (uint32_t i = 0; i < FIELDS; i++) /* a word in the place of one takes no more than itself */
        write_at(&s, WARD_FIELD(WARD_OPEN, i), NULL, 1, 2, 2, two, NULL);
    assert_in_range(arena.used, 1, SMALL + FIELDS * sizeof(uint64_t));
    ward_buf_init(&b, &vectors_env);
    ward_state_encode(&b, &s);
    ward_arena_reset(&arena);
    ward_state_init(&back, &arena);
    assert_int_equal(ward_state_decode(&back, &authors, b.p, b.len), WARD_OK);
    assert_in_range(arena.used, 1, b.len + SMALL);
    ward_buf_free(&b);
    ward_arena_free(&arena);
}

/* ---------------------------------------------------------------- without memory */

/* Full arrays, so that whatever is written next needs room. */
static void crowded(struct ward_state *s, struct ward_arena *arena)
{
    ward_state_init(s, arena);
    write_at(s, OPEN, NULL, 1, 1, 1, one, NULL);
    write_at(s, OPEN, NULL, 2, 1, 1, two, NULL);
    for (char key[] = "a"; s->slot_count < 2 || s->slot_count < s->slot_cap; key[0]++)
        write_at(s, MEMBER, key, 1, 1, 1, yes, NULL);
    assert_int_equal(s->slots[0].live_count, s->slots[0].live_cap);
}

static void assert_same_state(const struct ward_state *a, const struct ward_state *b)
{
    struct ward_buf x, y;
    ward_buf_init(&x, &vectors_env);
    ward_buf_init(&y, &vectors_env);
    ward_state_encode(&x, a);
    ward_state_encode(&y, b);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.p, y.p, x.len);
    ward_buf_free(&x);
    ward_buf_free(&y);
}

/* With any number of bytes left: the write is made whole, or nothing of it; and it can be made afterwards. */
static void a_write_without_memory(void **state)
{
    static const struct ward_write writes[] = {
        {.field = OPEN, .raw = one, .raw_len = 1, .fid = 3, .seq = 1, .depth = 1},
        {.field = GOVERNED, .raw = one, .raw_len = 1, .fid = 3, .seq = 1, .depth = 1},
        {.field = MEMBER, .key = (const uint8_t *)"other", .key_len = 5, .raw = yes, .raw_len = 1, .fid = 3, .seq = 1, .depth = 1},
    };
    const struct ward_vv nothing = {0};
    (void)state;
    set_ranks(1, 1, 1);
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        struct ward_arena arena, tight;
        struct ward_state untouched, expected;
        int rc = WARD_ERR_MEMORY;
        size_t left = 0;
        ward_arena_init(&arena, &vectors_env);
        crowded(&untouched, &arena);
        crowded(&expected, &arena);
        assert_int_equal(ward_slot_write(&expected, &writes[i], &nothing, &authors), WARD_OK);
        for (; rc; left += 16) {
            struct scarce m;
            struct ward_state s;
            crowded(&s, &arena);
            scarce_arena(&tight, &m, left);
            s.arena = &tight;
            rc = ward_slot_write(&s, &writes[i], &nothing, &authors);
            assert_true(rc == WARD_OK || rc == WARD_ERR_MEMORY);
            assert_same_state(&s, rc ? &untouched : &expected);
            if (rc) {
                s.arena = &arena;
                assert_int_equal(ward_slot_write(&s, &writes[i], &nothing, &authors), WARD_OK);
                assert_same_state(&s, &expected);
            }
            ward_arena_free(&tight);
        }
        assert_true(left > 100);
        ward_arena_free(&arena);
    }
}

static int restore(struct ward_state *s, uint32_t field, const char *key, uint32_t fid, uint64_t seq)
{
    const struct ward_live_value v = {.fid = fid, .seq = seq, .depth = 1, .raw = one, .len = 1};
    return ward_slot_restore(s, field, key, key ? strlen(key) : 0, &v);
}

/* The same when values are put back from a base: into a slot that is there, or a new one. */
static void restoring_without_memory(void **state)
{
    static const struct {
        uint32_t field;
        const char *key;
    } slots[] = {{OPEN, NULL}, {GOVERNED, NULL}, {MEMBER, "other"}};
    (void)state;
    set_ranks(1, 1, 1);
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        struct ward_arena arena, tight;
        struct ward_state untouched, expected;
        int rc = WARD_ERR_MEMORY;
        size_t left = 0;
        ward_arena_init(&arena, &vectors_env);
        crowded(&untouched, &arena);
        crowded(&expected, &arena);
        assert_int_equal(restore(&expected, slots[i].field, slots[i].key, 3, 1), WARD_OK);
        for (; rc; left += 16) {
            struct scarce m;
            struct ward_state s;
            crowded(&s, &arena);
            scarce_arena(&tight, &m, left);
            s.arena = &tight;
            rc = restore(&s, slots[i].field, slots[i].key, 3, 1);
            assert_true(rc == WARD_OK || rc == WARD_ERR_MEMORY);
            assert_same_state(&s, rc ? &untouched : &expected);
            ward_arena_free(&tight);
        }
        assert_true(left > 100);
        ward_arena_free(&arena);
    }
}

/* A base that holds one value twice is none; two changes of one author are two values. */
static void restoring_a_value_twice(void **state)
{
    struct ward_arena arena;
    struct ward_state s;
    (void)state;
    set_ranks(1, 1, 1);
    ward_arena_init(&arena, &vectors_env);
    ward_state_init(&s, &arena);
    assert_int_equal(restore(&s, OPEN, NULL, 1, 1), WARD_OK);
    assert_int_equal(restore(&s, OPEN, NULL, 1, 2), WARD_OK);
    assert_int_equal(restore(&s, OPEN, NULL, 2, 1), WARD_OK);
    assert_int_equal(restore(&s, OPEN, NULL, 1, 2), WARD_ERR_CORRUPT);
    assert_int_equal(s.slots[0].live_count, 3);
    ward_arena_free(&arena);
}

static void decoding_without_memory(void **state)
{
    struct ward_arena arena, tight;
    struct ward_state s;
    struct ward_buf b;
    int rc = WARD_ERR_MEMORY;
    size_t left = 0;
    (void)state;
    set_ranks(1, 1, 1);
    ward_arena_init(&arena, &vectors_env);
    crowded(&s, &arena);
    ward_buf_init(&b, &vectors_env);
    ward_state_encode(&b, &s);
    for (; rc; left += 16) {
        struct scarce m;
        struct ward_state back;
        scarce_arena(&tight, &m, left);
        ward_state_init(&back, &tight);
        rc = ward_state_decode(&back, &authors, b.p, b.len);
        assert_true(rc == WARD_OK || rc == WARD_ERR_MEMORY);
        if (rc)
            assert_int_equal(back.slot_count, 0);
        else
            assert_same_state(&back, &s);
        ward_arena_free(&tight);
    }
    assert_true(left > 100);
    ward_buf_free(&b);
    ward_arena_free(&arena);
}

/* A damaged store may hold any bytes: what nobody here could have written is not taken, so that no author is looked up who is not there. */
static void decode_what_cannot_be(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[16];
        size_t len;
    } cases[] = {
        {"an author beyond those known", {0x81, 0x86, 0x04, 0x40, 0x04, 0x01, 0x01, 0x01}, 8},
        {"no array", {0x00}, 1},
        {"a slot that is no array", {0x81, 0x00}, 2},
        {"half a value", {0x81, 0x87, 0x04, 0x40, 0x01, 0x01, 0x01, 0x01, 0x01}, 9},
        {"a field beyond 32 bits", {0x81, 0x86, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0x40, 0x01, 0x01, 0x01, 0x01}, 16},
        {"a key that is text", {0x81, 0x86, 0x04, 0x60, 0x01, 0x01, 0x01, 0x01}, 8},
        {"a seq that is text", {0x81, 0x86, 0x04, 0x40, 0x01, 0x60, 0x01, 0x01}, 8},
        {"a depth that is text", {0x81, 0x86, 0x04, 0x40, 0x01, 0x01, 0x60, 0x01}, 8},
        {"a value that is none", {0x81, 0x86, 0x04, 0x40, 0x01, 0x01, 0x01, 0xff}, 8},
        {"author 0", {0x81, 0x86, 0x04, 0x40, 0x00, 0x01, 0x01, 0x01}, 8},
        {"a slot without a value", {0x81, 0x82, 0x04, 0x40}, 4},
        {"a slot twice", {0x82, 0x86, 0x04, 0x40, 0x01, 0x01, 0x01, 0x01, 0x86, 0x04, 0x40, 0x01, 0x01, 0x01, 0x01}, 15},
        {"slots descending", {0x82, 0x86, 0x05, 0x40, 0x01, 0x01, 0x01, 0x01, 0x86, 0x04, 0x40, 0x01, 0x01, 0x01, 0x01}, 15},
    };
    struct ward_arena arena;
    struct ward_state s;
    const struct ward_authors three = {rows, 4};
    (void)state;
    ward_arena_init(&arena, &vectors_env);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ward_state_init(&s, &arena);
        if (ward_state_decode(&s, &three, cases[i].bytes, cases[i].len) != WARD_ERR_CORRUPT)
            fail_msg("%s was taken", cases[i].what);
    }
    ward_arena_free(&arena);
}

/* ---------------------------------------------------------------- every order of every small history */

#define CHANGES_MAX 5

struct change {
    uint32_t fid;
    uint64_t seq, depth;
    unsigned past; /* a bit per earlier change that it had seen, its own feed's included */
};
struct history {
    struct change c[CHANGES_MAX];
    unsigned count;
    uint32_t field;
};
static struct {
    unsigned long histories, orders;
} tally;

/* The rule of proto/merge.md said directly: alive is what no change that had seen it superseded. */
static unsigned expected_live(const struct history *h)
{
    unsigned live = 0;
    for (unsigned d = 0; d < h->count; d++) {
        bool gone = false;
        for (unsigned c = d + 1; c < h->count; c++) {
            bool saw = h->c[c].past >> d & 1;
            bool may = h->field == GOVERNED ? rows[h->c[c].fid].rank >= rows[h->c[d].fid].rank
                       : h->field == TALLY  ? h->c[c].fid == h->c[d].fid
                                            : true;
            gone |= saw && may;
        }
        live |= gone ? 0u : 1u << d;
    }
    return live;
}

static void vector_of(const struct history *h, unsigned i, struct ward_vv *vv, struct ward_vv_entry entries[FEEDS])
{
    uint64_t seq[FEEDS + 1] = {0};
    for (unsigned j = 0; j < i; j++)
        if (h->c[i].past >> j & 1 && h->c[j].seq > seq[h->c[j].fid])
            seq[h->c[j].fid] = h->c[j].seq;
    seq[h->c[i].fid] = h->c[i].seq;
    *vv = (struct ward_vv){.v = entries, .cap = FEEDS};
    for (uint32_t f = 1; f <= FEEDS; f++)
        if (seq[f])
            entries[vv->len++] = (struct ward_vv_entry){f, seq[f]};
}

static unsigned live_after(const struct history *h, const unsigned *order, struct ward_arena *arena)
{
    struct ward_state s;
    unsigned live = 0;
    const char *key = h->field == MEMBER ? "k" : NULL;
    ward_arena_reset(arena);
    ward_state_init(&s, arena);
    for (unsigned i = 0; i < h->count; i++) {
        const struct change *c = &h->c[order[i]];
        struct ward_vv vv;
        struct ward_vv_entry entries[FEEDS];
        vector_of(h, order[i], &vv, entries);
        write_at(&s, h->field, key, c->fid, c->seq, c->depth, order[i] % 2 ? yes : no, &vv);
    }
    const struct ward_slot *slot = ward_state_find(&s, h->field, key, key ? 1 : 0);
    for (size_t j = 0; j < slot->live_count; j++)
        for (unsigned i = 0; i < h->count; i++)
            if (h->c[i].fid == slot->live[j].fid && h->c[i].seq == slot->live[j].seq) {
                assert_false(live >> i & 1); /* no value twice */
                live |= 1u << i;
            }
    return live;
}

static void print_history(const struct history *h, const unsigned *order, unsigned expected, unsigned found)
{
    print_error("field class %u, expected %x, found %x\n", (unsigned)(h->field & 3u), expected, found);
    for (unsigned i = 0; i < h->count; i++)
        print_error("  change %u: feed %u seq %u had seen %x; arrived as %u\n", i, (unsigned)h->c[i].fid, (unsigned)h->c[i].seq,
                    h->c[i].past, order[i]);
}

static void each_order(const struct history *h, unsigned *order, unsigned n, unsigned arrived, unsigned expected, struct ward_arena *arena)
{
    if (n == h->count) {
        unsigned found = live_after(h, order, arena);
        tally.orders++;
        if (found != expected)
            print_history(h, order, expected, found);
        assert_int_equal(found, expected);
        return;
    }
    for (unsigned i = 0; i < h->count; i++)
        if (!(arrived >> i & 1) && (h->c[i].past & ~arrived) == 0) {
            order[n] = i;
            each_order(h, order, n + 1, arrived | 1u << i, expected, arena);
        }
}

static bool closed(const struct history *h, unsigned past, unsigned i, uint32_t fid)
{
    for (unsigned j = 0; j < i; j++) {
        if (h->c[j].fid == fid && !(past >> j & 1))
            return false;
        if (past >> j & 1 && (h->c[j].past & ~past))
            return false;
    }
    return true;
}

static void each_history(struct history *h, unsigned i, struct ward_arena *arena)
{
    unsigned order[CHANGES_MAX];
    if (i == h->count) {
        tally.histories++;
        each_order(h, order, 0, 0, expected_live(h), arena);
        return;
    }
    for (uint32_t fid = 1; fid <= FEEDS; fid++)
        for (unsigned past = 0; past < 1u << i; past++) {
            if (!closed(h, past, i, fid))
                continue;
            h->c[i] = (struct change){.fid = fid, .seq = 1, .depth = 1, .past = past};
            for (unsigned j = 0; j < i; j++) {
                h->c[i].seq += h->c[j].fid == fid;
                if (past >> j & 1 && h->c[j].depth >= h->c[i].depth)
                    h->c[i].depth = h->c[j].depth + 1;
            }
            each_history(h, i + 1, arena);
        }
}

static void every_order_of_every_history(void **state)
{
    static const uint32_t fields[] = {OPEN, GOVERNED, MEMBER, TALLY};
    static const uint8_t ranks[][3] = {{1, 1, 1}, {1, 2, 2}, {1, 2, 3}};
    const char *wanted = getenv("WARD_CHANGES");
    unsigned most = wanted ? (unsigned)atoi(wanted) : 4;
    struct ward_arena arena;
    (void)state;
    assert_in_range(most, 1, CHANGES_MAX);
    ward_arena_init(&arena, &vectors_env);
    for (size_t r = 0; r < 3; r++)
        for (size_t f = 0; f < 4; f++)
            for (unsigned n = 1; n <= most; n++) {
                struct history h = {.count = n, .field = fields[f]};
                if (r && fields[f] != GOVERNED)
                    continue; /* ranks matter to the governed alone, which the class table shows */
                set_ranks(ranks[r][0], ranks[r][1], ranks[r][2]);
                each_history(&h, 0, &arena);
            }
    ward_arena_free(&arena);
    print_message("%lu histories, %lu orders of arrival\n", tally.histories, tally.orders);
    assert_true(tally.histories > 1000 && tally.orders > tally.histories);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_table),
        cmocka_unit_test(the_depth_tells),
        cmocka_unit_test(own_writes_are_seen),
        cmocka_unit_test(other_slots_are_untouched),
        cmocka_unit_test(rank_depth_feed_seq),
        cmocka_unit_test(presence),
        cmocka_unit_test(only_true_is_true),
        cmocka_unit_test(sums),
        cmocka_unit_test(sums_do_not_depend_on_order),
        cmocka_unit_test(encode_and_decode),
        cmocka_unit_test(a_record_in_hand_is_small),
        cmocka_unit_test(a_write_without_memory),
        cmocka_unit_test(restoring_without_memory),
        cmocka_unit_test(restoring_a_value_twice),
        cmocka_unit_test(decoding_without_memory),
        cmocka_unit_test(decode_what_cannot_be),
        cmocka_unit_test(every_order_of_every_history),
    };
    return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
