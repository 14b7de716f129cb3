/* A record's slots as the store keeps them: what decodes encodes to the same bytes, and every view of it can be taken, also of a blob that
 * no program of ours has written. */
#include "fuzz.h"
#include "rules/schema.h"
#include "rules/slot.h"
#include "rules/view.h"

#define AUTHORS 8

static const struct ward_field_def fields[] = {
    {4, "title", WARD_TEXT, WARD_CONFLICT, 0}, {5, "deadline", WARD_TEXT, WARD_CONFLICT, 0}, {6, "tags", WARD_BOOL, WARD_ADD_WINS, 0},
    {7, "reached", WARD_INT, WARD_SUM, 0},     {8, "note", WARD_TEXT, WARD_LATEST, 0},       {12, "level", WARD_INT, WARD_MAX, 0},
    {16, "owner", WARD_BYTES, WARD_FIXED, 0},
};
static const struct ward_kind_def kind = {100, "item", fields, sizeof fields / sizeof fields[0]};

static void check_views(const struct ward_state *s, const struct ward_authors *authors)
{
    size_t conflicts = ward_state_conflicts(&kind, s, authors), found = 0;
    for (size_t i = 0; i < kind.field_count; i++) {
        const struct ward_field_def *field = &kind.fields[i];
        struct ward_value v = ward_view_value(field, s, authors);
        CHECK(v.type == WARD_NULL || v.type == field->type);
        CHECK(ward_view_members(&v, field, s) == WARD_OK);
        CHECK(v.type == WARD_TEXT && v.len >= 2 && v.p[0] == '[' && v.p[v.len - 1] == ']');
    }
    for (size_t i = 0; i < s->slot_count; i++)
        found += ward_slot_in_conflict(ward_kind_field(&kind, s->slots[i].field), &s->slots[i], authors);
    CHECK(found == conflicts);
    ward_state_present(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_arena arena;
    struct ward_state s;
    struct ward_buf out;
    struct ward_author rows[AUTHORS];
    const struct ward_authors authors = {rows, AUTHORS};
    for (size_t i = 0; i < AUTHORS; i++) {
        memset(rows[i].feed.b, (int)(7 * i % AUTHORS), sizeof rows[i].feed.b);
        rows[i].rank = (uint8_t)(i % 4);
    }
    ward_arena_init(&arena, &fuzz_env);
    ward_buf_init(&out, &fuzz_env);
    ward_state_init(&s, &arena);
    int rc = ward_state_decode(&s, &authors, p, len);
    CHECK(rc == WARD_OK || rc == WARD_ERR_CORRUPT);
    if (rc == WARD_OK) {
        ward_state_encode(&out, &s);
        CHECK(fuzz_same(out.p, out.len, p, len));
        check_views(&s, &authors);
    }
    ward_buf_free(&out);
    ward_arena_free(&arena);
    return 0;
}
