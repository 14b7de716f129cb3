/* Schemas that must be refused, and what a value must be to be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules/schema.h"
#include "values/change.h"

#include <string.h>

static int check_field(struct ward_field_def f)
{
    const struct ward_kind_def kind = {16, "thing", &f, 1};
    const struct ward_schema schema = {.kinds = &kind, .kind_count = 1, .version = 1};
    return ward_schema_check(&schema, NULL);
}

static int check_kind(uint32_t number, const char *name)
{
    const struct ward_kind_def kind = {number, name, NULL, 0};
    const struct ward_schema schema = {.kinds = &kind, .kind_count = 1, .version = 1};
    return ward_schema_check(&schema, NULL);
}

static void kinds(void **state)
{
    (void)state;
    assert_int_equal(ward_schema_check(NULL, NULL), WARD_OK);
    assert_int_equal(ward_schema_check(&(struct ward_schema){0}, NULL), WARD_OK);
    assert_int_equal(check_kind(16, "thing"), WARD_OK);
    assert_int_equal(check_kind(65535, "thing"), WARD_OK);
    assert_int_equal(check_kind(15, "thing"), WARD_ERR_ARGUMENT);
    assert_int_equal(check_kind(65536, "thing"), WARD_ERR_ARGUMENT);
    static const char *const wrong[] = {"",
                                        "Thing",
                                        "th ing",
                                        "th1ng",
                                        "thing\"",
                                        "device",
                                        "invitation",
                                        "reason",
                                        "ward",
                                        "ward_things",
                                        "sqlite_things",
                                        NULL,
                                        "a_name_that_is_longer_than_forty_eight_bytes_is_too_long"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(check_kind(16, wrong[i]), WARD_ERR_ARGUMENT);
    const struct ward_kind_def same_number[] = {{16, "a", NULL, 0}, {16, "b", NULL, 0}},
                               same_name[] = {{16, "a", NULL, 0}, {17, "a", NULL, 0}};
    assert_int_equal(ward_schema_check(&(struct ward_schema){.kinds = same_number, .kind_count = 2, .version = 1}, NULL),
                     WARD_ERR_ARGUMENT);
    assert_int_equal(ward_schema_check(&(struct ward_schema){.kinds = same_name, .kind_count = 2, .version = 1}, NULL), WARD_ERR_ARGUMENT);
}

/* Class against type and policy: every combination. */
static void classes(void **state)
{
    (void)state;
    for (uint32_t cls = 0; cls < 4; cls++)
        for (enum ward_type type = WARD_BOOL; type <= WARD_ARRAY; type++)
            for (enum ward_policy policy = WARD_CONFLICT; policy <= WARD_FIXED; policy++) {
                bool fine;
                if (cls == WARD_MEMBER)
                    fine = type == WARD_BOOL && policy == WARD_ADD_WINS;
                else if (cls == WARD_TALLY)
                    fine = type == WARD_INT && policy == WARD_SUM;
                else
                    fine = policy == WARD_CONFLICT || policy == WARD_LATEST || policy == WARD_FIXED ||
                           (policy == WARD_MAX && type == WARD_INT);
                int rc = check_field((struct ward_field_def){WARD_FIELD(cls, 1), "f", type, policy, 0});
                if (rc != (fine ? WARD_OK : WARD_ERR_ARGUMENT))
                    print_error("class %u type %u policy %u: %d\n", (unsigned)cls, (unsigned)type, (unsigned)policy, rc);
                assert_int_equal(rc, fine ? WARD_OK : WARD_ERR_ARGUMENT);
            }
}

static void fields(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 4; n++) /* presence and what does not occur */
        assert_int_equal(check_field((struct ward_field_def){n, "f", WARD_BOOL, WARD_CONFLICT, 0}), WARD_ERR_ARGUMENT);
    assert_int_equal(check_field((struct ward_field_def){65532, "f", WARD_TEXT, WARD_CONFLICT, 0}), WARD_OK);
    assert_int_equal(check_field((struct ward_field_def){65536, "f", WARD_TEXT, WARD_CONFLICT, 0}), WARD_ERR_ARGUMENT);
    assert_int_equal(check_field((struct ward_field_def){4, "f", WARD_TEXT, WARD_CONFLICT, 49152}), WARD_OK);
    assert_int_equal(check_field((struct ward_field_def){4, "f", WARD_TEXT, WARD_CONFLICT, 49153}), WARD_ERR_ARGUMENT);
    static const char *const reserved[] = {"id", "space", "conflicts", "", "F", NULL};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(check_field((struct ward_field_def){4, reserved[i], WARD_TEXT, WARD_CONFLICT, 0}), WARD_ERR_ARGUMENT);
    const struct ward_field_def same[] = {{4, "a", WARD_TEXT, WARD_CONFLICT, 0}, {4, "b", WARD_TEXT, WARD_CONFLICT, 0}};
    const struct ward_field_def same_name[] = {{4, "a", WARD_TEXT, WARD_CONFLICT, 0}, {8, "a", WARD_TEXT, WARD_CONFLICT, 0}};
    const struct ward_kind_def kinds[] = {{16, "thing", same, 2}, {16, "thing", same_name, 2}};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ward_schema_check(&(struct ward_schema){.kinds = &kinds[i], .kind_count = 1, .version = 1}, NULL),
                         WARD_ERR_ARGUMENT);
}

enum {
    NAME = WARD_FIELD(WARD_OPEN, 1),
    NOTE = WARD_FIELD(WARD_OPEN, 2),
    LATE = WARD_FIELD(WARD_OPEN, 3),
    TAGS = WARD_FIELD(WARD_MEMBER, 1),
    ABSENT = WARD_FIELD(WARD_OPEN, 9)
};

static int check_index(struct ward_index_def index)
{
    const struct ward_field_def f[] = {{NAME, "name", WARD_TEXT, WARD_CONFLICT, 0},
                                       {NOTE, "note", WARD_TEXT, WARD_LATEST, 0},
                                       {LATE, "late", WARD_BOOL, WARD_LATEST, 0},
                                       {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0}};
    const struct ward_kind_def kind = {16, "thing", f, 4};
    const struct ward_schema schema = {.kinds = &kind, .kind_count = 1, .version = 1, .indexes = &index, .index_count = 1};
    return ward_schema_check(&schema, NULL);
}

/* An index goes by fields that its kind has, without a gap between them; a set, or the fields with proposals, may stand first alone. */
static void indexes(void **state)
{
    static const struct ward_index_def fine[] = {
        {.kind = 16},
        {.kind = 16, .by = {NAME}},
        {.kind = 16, .by = {NAME, NOTE, LATE, NAME}},
        {.kind = 16, .by = {TAGS, NAME}},
        {.kind = 16, .by = {WARD_BY_PROPOSED, NAME}},
        {.kind = 16, .by = {NAME}, .or_by = TAGS},
        {.kind = 16, .by = {TAGS, NAME}, .or_by = NOTE},
    };
    static const struct ward_index_def wrong[] = {
        {.kind = 17},                                          /* no such kind */
        {.kind = WARD_KIND_GRANT},                             /* not one of its own */
        {.kind = 17, .by = {NAME}, .or_by = NOTE},             /* */
        {.kind = 16, .by = {ABSENT}},                          /* no such field, */
        {.kind = 16, .by = {NAME, ABSENT}},                    /* nor further on, */
        {.kind = 16, .by = {NAME}, .or_by = ABSENT},           /* nor instead */
        {.kind = 16, .by = {0, NAME}},                         /* a gap */
        {.kind = 16, .by = {NAME, 0, NOTE}},                   /* */
        {.kind = 16, .by = {NAME, TAGS}},                      /* a set that is not first */
        {.kind = 16, .by = {NAME, WARD_BY_PROPOSED}},          /* */
        {.kind = 16, .by = {NAME}, .or_by = WARD_BY_PROPOSED}, /* */
        {.kind = 16, .or_by = NAME},                           /* instead of nothing */
        {.kind = 16, .by = {WARD_BY_PROPOSED}, .or_by = NAME}, /* of what has no value of its own */
        {.kind = 16, .by = {WARD_FIELD_PRESENCE}},             /* what is not there is in no index */
    };
    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        if (check_index(fine[i]) != WARD_OK)
            fail_msg("fine %zu", i);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (check_index(wrong[i]) != WARD_ERR_ARGUMENT)
            fail_msg("wrong %zu", i);
}

static void core(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 6; n++)
        assert_non_null(ward_schema_kind(NULL, n));
    assert_null(ward_schema_kind(NULL, 7));
    assert_null(ward_schema_kind(NULL, 16));
    const struct ward_kind_def *k = ward_schema_kind(NULL, WARD_KIND_WARD);
    assert_string_equal(ward_kind_field(k, WARD_WARD_HUBS)->name, "hubs");
    assert_null(ward_kind_field(k, 999));
}

static int accepts(uint32_t number, enum ward_type type, size_t len_max, const char *key, struct ward_value v)
{
    const struct ward_field_def f = {number, "f", type, WARD_LATEST, len_max};
    return ward_field_accepts(&f, key, key ? strlen(key) : 0, &v, NULL);
}

static void values(void **state)
{
    static char longest[49153];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    assert_int_equal(accepts(4, WARD_TEXT, 3, NULL, ward_value_text("abc")), WARD_OK);
    assert_int_equal(accepts(4, WARD_TEXT, 3, NULL, ward_value_text("abcd")), WARD_ERR_LIMIT_VALUE);
    assert_int_equal(accepts(4, WARD_BYTES, 3, NULL, ward_value_bytes("abcd", 4)), WARD_ERR_LIMIT_VALUE);
    assert_int_equal(accepts(4, WARD_TEXT, 0, NULL, ward_value_bytes("a", 1)), WARD_ERR_VALUE);
    assert_int_equal(accepts(4, WARD_TEXT, 0, NULL, ward_value_null()), WARD_OK); /* cleared */
    assert_int_equal(accepts(5, WARD_INT, 0, NULL, ward_value_null()), WARD_OK);
    assert_int_equal(accepts(7, WARD_INT, 0, NULL, ward_value_null()), WARD_ERR_VALUE);
    assert_int_equal(accepts(6, WARD_BOOL, 0, "k", ward_value_null()), WARD_ERR_VALUE);
    assert_int_equal(accepts(WARD_FIELD_PRESENCE, WARD_BOOL, 0, NULL, ward_value_null()), WARD_ERR_VALUE);
    assert_int_equal(accepts(6, WARD_BOOL, 0, "k", ward_value_bool(true)), WARD_OK);
    assert_int_equal(accepts(6, WARD_BOOL, 0, NULL, ward_value_bool(true)), WARD_ERR_VALUE);
    const struct ward_field_def member = {6, "f", WARD_BOOL, WARD_ADD_WINS, 0};
    const struct ward_value yes = ward_value_bool(true);
    assert_int_equal(ward_field_accepts(&member, NULL, 1, &yes, NULL), WARD_ERR_VALUE); /* a length, and nothing of it */
    assert_int_equal(accepts(4, WARD_TEXT, 0, "k", ward_value_text("x")), WARD_ERR_VALUE);
    assert_int_equal(accepts(4, WARD_TEXT, 0, NULL, ward_value_text("\xff")), WARD_ERR_UTF8);
    assert_int_equal(accepts(4, WARD_TEXT, 0, NULL, ward_value_text("\xc0\x80")), WARD_ERR_UTF8);
    assert_int_equal(accepts(4, WARD_TEXT, 0, NULL, ward_value_text("\xf4\x90\x80\x80")), WARD_ERR_UTF8);
    assert_int_equal(accepts(4, WARD_TEXT, 0, NULL, ward_value_text("phòng mổ")), WARD_OK);
    assert_int_equal(accepts(4, WARD_TEXT, 0, NULL, ward_value_text(longest)), WARD_ERR_LIMIT_VALUE);
    longest[49149] = 0;
    assert_int_equal(accepts(4, WARD_TEXT, 0, NULL, ward_value_text(longest)), WARD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),   cmocka_unit_test(classes), cmocka_unit_test(fields),
        cmocka_unit_test(indexes), cmocka_unit_test(core),    cmocka_unit_test(values),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
