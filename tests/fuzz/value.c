/* What a user types for a field, and how a user names a record: what is taken fits the field's type and length, and shown as users read it
 * it is read to the same value; a name that is found means a record that its own id finds too. The first two bytes choose the field. */
#include "planned.h"

static ward_replica *r;
static ward_plan_index *names;

/* Numbers, dates, texts and references are shown as they are typed; words by their labels, which are no input. */
static void show_and_read(uint32_t kind, const struct ward_field_def *field, const struct ward_value *value)
{
    char shown[2000];
    struct ward_value again;
    struct ward_error err = {0};
    void *buffer;
    ward_plan_value_text(r, names, kind, field->number, value, WARD_LANG_EN, shown, sizeof shown);
    if (ward_plan_field_words(kind, field->number) >= 0 || value->type == WARD_NULL || value->type == WARD_BOOL ||
        value->type == WARD_ARRAY || strlen(shown) + 1 == sizeof shown)
        return;
    CHECK(ward_plan_value_parse(r, kind, field->number, shown, &again, &buffer, &err) == WARD_OK);
    CHECK(again.type == value->type && again.integer == value->integer && fuzz_same(again.p, again.len, value->p, value->len));
    free(buffer);
}

static void as_value(uint32_t kind, const struct ward_field_def *field, const char *text)
{
    struct ward_value value;
    struct ward_error err = {0};
    void *buffer;
    int rc = ward_plan_value_parse(r, kind, field->number, text, &value, &buffer, &err);
    CHECK(rc == WARD_OK || (rc == err.code && err.detail[0] && rc >= 200));
    if (rc)
        return;
    CHECK(value.type == field->type || value.type == WARD_NULL);
    CHECK(field->len_max == 0 || value.len <= field->len_max);
    show_and_read(kind, field, &value);
    free(buffer);
}

static void as_name(uint32_t kind, const char *text)
{
    struct ward_id id, again;
    struct ward_error err = {0};
    char hex[WARD_ID_HEX];
    int64_t days;
    int rc = ward_plan_resolve(r, kind, text, &id, &err);
    CHECK(rc == WARD_OK || rc == WARD_ERR_NOT_FOUND || rc == WARD_ERR_AMBIGUOUS || (rc == err.code && rc >= 200 && rc < 800));
    if (rc == WARD_OK) {
        ward_id_hex(hex, &id);
        CHECK(ward_plan_resolve(r, kind, hex, &again, &err) == WARD_OK && ward_id_equal(&id, &again));
    }
    if (ward_plan_days_parse(&days, text, &err) == WARD_OK)
        CHECK(days >= 0 && strspn(text, "+-0123456789dw") == strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    const struct ward_schema *schema = ward_plan_schema();
    if (!r) {
        r = planned_open(0);
        CHECK(ward_plan_index_load(r, &names, NULL) == WARD_OK);
    }
    const struct ward_kind_def *kind = &schema->kinds[fuzz_byte(&in) % schema->kind_count];
    const struct ward_field_def *field = &kind->fields[fuzz_byte(&in) % kind->field_count];
    char *text = fuzz_text(in.p, in.len);
    as_value(kind->number, field, text);
    as_name(kind->number, text);
    free(text);
    return 0;
}
