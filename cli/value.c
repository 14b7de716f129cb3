#include "value.h"
#include "kinds.h"
#include "out.h"
#include "ref.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- models */

static json_t *hex_json(struct cli *c, const uint8_t *p, size_t len)
{
    char *out = cli_keep(c, malloc(2 * len + 1));
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
    out[2 * len] = 0;
    return json_string(out);
}

/* Values of the core's own kinds that mean something to people. */
static json_t *core_json(struct cli *c, uint32_t kind, uint32_t field, const struct ward_value *value)
{
    struct ward_id unit;
    if (kind != CLI_KIND_INVITATION)
        return NULL;
    if (field == CLI_INVITATION_ROLE && value->type == WARD_INT)
        return json_string(cli_role_name((enum ward_role)value->integer));
    if (field == CLI_INVITATION_EXPIRES && value->type == WARD_INT)
        return cli_time_json(value->integer);
    if (field != CLI_INVITATION_UNIT || value->type != WARD_BYTES || value->len != sizeof unit.b)
        return NULL;
    memcpy(unit.b, value->p, sizeof unit.b);
    return json_string(cli_unit_code(c, &unit));
}

/* A reference as its code. */
static json_t *reference_json(struct cli *c, uint32_t kind, uint32_t field, const uint8_t *id)
{
    struct ward_value value = ward_value_bytes(id, WARD_ID_BYTES);
    char text[256];
    ward_plan_value_text(c->replica, cli_index(c), kind, field, &value, c->lang, text, sizeof text);
    return json_string(text);
}

const char *cli_record_code(struct cli *c, uint32_t kind, const struct ward_id *id)
{
    json_auto_t *code =
        kind == WARD_KIND_UNIT ? json_string(cli_unit_code(c, id)) : reference_json(c, WARD_KIND_NOTE, WARD_NOTE_TASK, id->b);
    return cli_format(c, "%s", json_string_value(code));
}

static json_t *references_json(struct cli *c, uint32_t kind, uint32_t field, const struct ward_value *value)
{
    json_t *out = json_array();
    for (size_t at = 0; at + WARD_ID_BYTES <= value->len; at += WARD_ID_BYTES)
        json_array_append_new(out, reference_json(c, kind, field, value->p + at));
    return out;
}

json_t *cli_value_json(struct cli *c, uint32_t kind, uint32_t field, const struct ward_value *value)
{
    json_t *core = core_json(c, kind, field, value);
    if (core)
        return core;
    switch (value->type) {
    case WARD_NULL:
        return json_null();
    case WARD_BOOL:
        return json_boolean(value->boolean);
    case WARD_INT:
        return json_integer(value->integer);
    case WARD_TEXT:
        return json_stringn((const char *)value->p, value->len);
    case WARD_BYTES:
        if (kind == WARD_KIND_PLAN && field == WARD_PLAN_SELECTED)
            return references_json(c, kind, field, value);
        if (value->len == WARD_ID_BYTES && ward_plan_kind_def(kind))
            return reference_json(c, kind, field, value->p);
        return hex_json(c, value->p, value->len);
    case WARD_ARRAY:
        return hex_json(c, value->p, value->len);
    }
    return json_null();
}

/* ---- plain */

const char *cli_due_plain(struct cli *c, const char *text)
{
    struct ward_due due;
    if (ward_due_parse(&due, text, strlen(text), NULL))
        return text;
    if (due.form == WARD_DUE_STANDING)
        return _("standing");
    if (due.form == WARD_DUE_EVERY)
        switch (due.every) {
        case WARD_EVERY_MONTH:
            return _("every month");
        case WARD_EVERY_QUARTER:
            return _("every quarter");
        case WARD_EVERY_HALF:
            return _("every half year");
        case WARD_EVERY_YEAR:
            return _("every year");
        }
    if (due.form == WARD_DUE_EVENT)
        return due.days ? cli_format(c, _("%d days after %s"), due.days, due.event) : cli_format(c, _("at once after %s"), due.event);
    return text;
}

const char *cli_word_plain(struct cli *c, enum ward_word_list list, const char *text)
{
    int i = ward_word_index(list, text, strlen(text));
    return i < 0 ? text : ward_word_label(list, (size_t)i, c->lang);
}

static const char *list_plain(struct cli *c, const json_t *list)
{
    const char *out = "";
    size_t i;
    json_t *member;
    json_array_foreach(list, i, member) out = cli_format(c, "%s%s%s", out, i ? ", " : "", json_string_value(member));
    return out;
}

const char *cli_json_plain(struct cli *c, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_string_value(value);
    case JSON_INTEGER:
        return cli_format(c, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_TRUE:
        return _("yes");
    case JSON_FALSE:
        return _("no");
    case JSON_ARRAY:
        return list_plain(c, value);
    default:
        return "";
    }
}

const char *cli_value_plain(struct cli *c, uint32_t kind, uint32_t field, const json_t *value)
{
    int words = ward_plan_field_words(kind, field);
    if (kind == CLI_KIND_INVITATION && field == CLI_INVITATION_ROLE && json_is_string(value))
        return cli_role_label(json_string_value(value));
    if (kind == CLI_KIND_INVITATION && field == CLI_INVITATION_EXPIRES)
        return cli_time_local(c, value);
    if (kind == CLI_KIND_GRANT && field == CLI_GRANT_CUT)
        return ""; /* that it is there says all */
    if (field == WARD_FIELD_PRESENCE)
        return json_is_true(value) ? _("kept") : _("deleted");
    if (words >= 0 && json_is_string(value))
        return cli_word_plain(c, (enum ward_word_list)words, json_string_value(value));
    if (json_is_string(value) && ((kind == WARD_KIND_TASK && field == WARD_TASK_DUE)))
        return cli_due_plain(c, json_string_value(value));
    if (json_is_integer(value) && kind == WARD_KIND_TASK && field == WARD_TASK_PERCENT)
        return cli_format(c, "%" JSON_INTEGER_FORMAT " %%", json_integer_value(value));
    return cli_json_plain(c, value);
}
