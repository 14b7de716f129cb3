#include "rules/schema.h"
#include "base/err.h"
#include "base/limits.h"
#include "values/change.h"
#include "values/text.h"

#include <string.h>

static const struct ward_field_def grant_fields[] = {
    {WARD_GRANT_BODY, "body", WARD_BYTES, WARD_FIXED, 256},        {WARD_GRANT_NAME, "name", WARD_TEXT, WARD_LATEST, WARD_NAME_MAX},
    {WARD_GRANT_CUT, "cut", WARD_ARRAY, WARD_LATEST, 0},           {WARD_GRANT_INVITATION, "invitation", WARD_BYTES, WARD_LATEST, 32},
    {WARD_GRANT_RETIRED, "retired", WARD_TEXT, WARD_LATEST, 4096}, {WARD_GRANT_FOLLOWS, "follows", WARD_BYTES, WARD_LATEST, 32},
    {WARD_GRANT_ASKED, "asked", WARD_BYTES, WARD_LATEST, 1024},
};
static const struct ward_field_def invite_fields[] = {
    {WARD_INVITE_LINK, "link", WARD_BYTES, WARD_FIXED, 32},
    {WARD_INVITE_UNIT, "unit", WARD_BYTES, WARD_FIXED, 16},
    {WARD_INVITE_ROLE, "role", WARD_INT, WARD_FIXED, 0},
    {WARD_INVITE_EXPIRES, "expires_ms", WARD_INT, WARD_FIXED, 0},
    {WARD_INVITE_USED, "used_by", WARD_BYTES, WARD_LATEST, 32},
    {WARD_INVITE_SIGN, "sign", WARD_BYTES, WARD_FIXED, 32},
    {WARD_INVITE_FOLLOWS, "follows", WARD_BYTES, WARD_FIXED, 32},
    {WARD_INVITE_NAME, "name", WARD_TEXT, WARD_FIXED, WARD_NAME_MAX},
    {WARD_INVITE_WITHDRAWN, "withdrawn", WARD_BOOL, WARD_LATEST, 0},
};
static const struct ward_field_def reason_fields[] = {
    {WARD_REASON_TEXT, "text", WARD_TEXT, WARD_LATEST, 8192},
    {WARD_REASON_ENTITY, "entity", WARD_BYTES, WARD_LATEST, 16},
    {WARD_REASON_KIND, "kind", WARD_INT, WARD_LATEST, 0},
    {WARD_REASON_FIELD, "field", WARD_INT, WARD_LATEST, 0},
    {WARD_REASON_KEY, "key", WARD_BYTES, WARD_LATEST, WARD_KEY_MAX},
};
static const struct ward_field_def ward_fields[] = {
    {WARD_WARD_NAME, "name", WARD_TEXT, WARD_CONFLICT, WARD_NAME_MAX},
    {WARD_WARD_HUBS, "hubs", WARD_BOOL, WARD_ADD_WINS, 0},
};
static const struct ward_field_def aside_fields[] = {
    {WARD_ASIDE_RELEASED, "released", WARD_BOOL, WARD_ADD_WINS, 0},
};
static const struct ward_field_def floor_fields[] = {
    {WARD_FLOOR_HEADS, "heads", WARD_ARRAY, WARD_LATEST, 0},
    {WARD_FLOOR_CLOSED, "closed", WARD_BYTES, WARD_LATEST, 32},
    {WARD_FLOOR_LEFT, "left_behind", WARD_BOOL, WARD_ADD_WINS, 0},
};
#define COUNT(a) (sizeof(a) / sizeof(a)[0])
static const struct ward_kind_def core_kinds[] = {
    {WARD_KIND_GRANT, "device", grant_fields, COUNT(grant_fields)},
    {WARD_KIND_INVITE, "invitation", invite_fields, COUNT(invite_fields)},
    {WARD_KIND_REASON, "reason", reason_fields, COUNT(reason_fields)},
    {WARD_KIND_WARD, "ward", ward_fields, COUNT(ward_fields)},
    {WARD_KIND_ASIDE, "set_aside", aside_fields, COUNT(aside_fields)},
    {WARD_KIND_FLOOR, "floor", floor_fields, COUNT(floor_fields)},
};
const struct ward_schema ward_core_schema = {.kinds = core_kinds, .kind_count = COUNT(core_kinds), .version = 1};

static const struct ward_kind_def *find(const struct ward_schema *s, uint32_t number)
{
    for (size_t i = 0; i < s->kind_count; i++)
        if (s->kinds[i].number == number)
            return &s->kinds[i];
    return NULL;
}

const struct ward_kind_def *ward_schema_kind(const struct ward_schema *app, uint32_t number)
{
    const struct ward_kind_def *kind = find(&ward_core_schema, number);
    return kind || !app ? kind : find(app, number);
}

const struct ward_field_def *ward_kind_field(const struct ward_kind_def *kind, uint32_t number)
{
    for (size_t i = 0; i < kind->field_count; i++)
        if (kind->fields[i].number == number)
            return &kind->fields[i];
    return NULL;
}

static bool name_fine(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    return n > 0 && n <= 48 && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == n;
}

static bool reserved_column(const char *name)
{
    return strcmp(name, "id") == 0 || strcmp(name, "space") == 0 || strcmp(name, "conflicts") == 0;
}

static bool field_fine(const struct ward_field_def *f)
{
    if (f->number < 4 || f->number > 65535 || !name_fine(f->name) || reserved_column(f->name) || f->len_max > WARD_VALUE_MAX)
        return false;
    switch (ward_field_class(f->number)) {
    case WARD_MEMBER:
        return f->type == WARD_BOOL && f->policy == WARD_ADD_WINS;
    case WARD_TALLY:
        return f->type == WARD_INT && f->policy == WARD_SUM;
    default:
        return f->policy != WARD_ADD_WINS && f->policy != WARD_SUM && (f->policy != WARD_MAX || f->type == WARD_INT);
    }
}

static bool table_name_taken(const struct ward_schema *app, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (app->kinds[j].number == app->kinds[i].number || strcmp(app->kinds[j].name, app->kinds[i].name) == 0)
            return true;
    for (size_t j = 0; j < ward_core_schema.kind_count; j++)
        if (strcmp(core_kinds[j].name, app->kinds[i].name) == 0)
            return true;
    return strncmp(app->kinds[i].name, "sqlite_", 7) == 0 || strncmp(app->kinds[i].name, "ward_", 5) == 0;
}

static bool index_fine(const struct ward_schema *app, const struct ward_index_def *index)
{
    const struct ward_kind_def *kind = find(app, index->kind);
    const struct ward_field_def *other = kind && index->or_by ? ward_kind_field(kind, index->or_by) : NULL;
    bool ended = false;
    for (size_t i = 0; kind && i < WARD_INDEX_COLUMNS; i++) {
        uint32_t field = index->by[i];
        bool known = !field || (i == 0 && field == WARD_BY_PROPOSED) || ward_kind_field(kind, field);
        if (!known || (field && ended) || (i > 0 && field && ward_field_class(field) == WARD_MEMBER))
            return false;
        ended |= field == 0;
    }
    return kind && (!index->or_by || (other && index->by[0] && index->by[0] != WARD_BY_PROPOSED));
}

int ward_schema_check(const struct ward_schema *app, struct ward_error *err)
{
    for (size_t i = 0; app && i < app->kind_count; i++) {
        const struct ward_kind_def *k = &app->kinds[i];
        if (k->number < 16 || k->number > 65535 || !name_fine(k->name) || table_name_taken(app, i))
            return ward_fail(err, WARD_ERR_ARGUMENT, "schema: kind %u", (unsigned)k->number);
        for (size_t j = 0; j < k->field_count; j++) {
            bool twice = false;
            for (size_t l = 0; l < j; l++)
                twice |= k->fields[l].number == k->fields[j].number || strcmp(k->fields[l].name, k->fields[j].name) == 0;
            if (twice || !field_fine(&k->fields[j]))
                return ward_fail(err, WARD_ERR_ARGUMENT, "schema: kind %s, field %u", k->name, (unsigned)k->fields[j].number);
        }
    }
    for (size_t i = 0; app && i < app->index_count; i++)
        if (!index_fine(app, &app->indexes[i]))
            return ward_fail(err, WARD_ERR_ARGUMENT, "schema: index %zu", i);
    return WARD_OK;
}

int ward_field_accepts(const struct ward_field_def *field, const void *key, size_t key_len, const struct ward_value *v,
                       struct ward_error *err)
{
    bool member = ward_field_class(field->number) == WARD_MEMBER;
    if (member != (key_len > 0) || (key_len && !key))
        return ward_fail(err, WARD_ERR_VALUE, "%s: key", field->name);
    if (key_len > WARD_KEY_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_KEY, "%s: %zu bytes", field->name, key_len);
    bool strict = member || ward_field_class(field->number) == WARD_TALLY || field->number == WARD_FIELD_PRESENCE;
    if (v->type != field->type && (strict || v->type != WARD_NULL))
        return ward_fail(err, WARD_ERR_VALUE, "%s: wrong type", field->name);
    if (v->type == WARD_TEXT && !ward_text_valid(v->p, v->len))
        return ward_fail(err, WARD_ERR_UTF8, "%s", field->name);
    size_t max = field->len_max ? field->len_max : WARD_VALUE_MAX - 3;
    if ((v->type == WARD_TEXT || v->type == WARD_BYTES || v->type == WARD_ARRAY) && v->len > max)
        return ward_fail(err, WARD_ERR_LIMIT_VALUE, "%s: %zu bytes, at most %zu", field->name, v->len, max);
    return WARD_OK;
}
