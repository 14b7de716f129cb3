#define _GNU_SOURCE /* strverscmp */
#include "record.h"
#include "kinds.h"
#include "ref.h"
#include "value.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Members as users know them, in order. */
static json_t *members_json(struct cli *c, uint32_t kind, uint32_t field, const ward_record *record)
{
    size_t count = ward_record_member_count(record, field), n = 0;
    const char **names = cli_keep(c, calloc(count + 1, sizeof *names));
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key;
        size_t len;
        struct ward_id id;
        if (ward_record_member(record, field, i, &key, &len))
            continue;
        if (kind == WARD_KIND_TASK && field == WARD_TASK_WITH && len == sizeof id.b) {
            memcpy(id.b, key, len);
            names[n++] = cli_unit_code(c, &id);
        } else {
            names[n++] = cli_clean(c, cli_format(c, "%.*s", (int)len, (const char *)key), false);
        }
    }
    qsort(names, n, sizeof *names, compare_texts);
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_string(names[i]));
    return out;
}

static json_t *field_json(struct cli *c, uint32_t kind, const struct ward_field_def *def, const ward_record *record)
{
    if ((def->number & 3u) == WARD_MEMBER)
        return members_json(c, kind, def->number, record);
    struct ward_value value = ward_record_value(record, def->number);
    return cli_value_json(c, kind, def->number, &value);
}

/* Fingerprints of imported rows are no user's business. */
static bool is_hidden(const struct ward_field_def *def)
{
    return strcmp(def->name, "imported") == 0;
}

json_t *cli_row(struct cli *c, uint32_t kind, const ward_record *record)
{
    const struct ward_kind_def *def = ward_plan_kind_def(kind);
    json_t *row = json_object(), *provisional = json_array(), *proposed = json_array();
    json_object_set_new(row, "id", cli_id_json(ward_record_id(record)));
    for (size_t i = 0; i < def->field_count; i++) {
        const struct ward_field_def *field = &def->fields[i];
        const char *name = ward_plan_field_name(kind, field->number);
        if (is_hidden(field))
            continue;
        json_object_set_new(row, name, field_json(c, kind, field, record));
        if (ward_record_is_provisional(record, field->number))
            json_array_append_new(provisional, json_string(name));
        if (ward_record_is_proposed(record, field->number))
            json_array_append_new(proposed, json_string(name));
    }
    json_object_set_new(row, "conflicts", json_integer((json_int_t)ward_record_conflicts(record)));
    json_object_set_new(row, "provisional", provisional);
    json_object_set_new(row, "proposed", proposed);
    return row;
}

static json_t *live_json(struct cli *c, uint32_t kind, uint32_t field, const struct ward_live *live)
{
    return json_pack("{s:o, s:s, s:s, s:o}", "value", cli_value_json(c, kind, field, &live->value), "by", cli_device_name(c, &live->grant),
                     "unit", cli_unit_code(c, &live->unit), "at", cli_time_json(live->wall_ms));
}

json_t *cli_fields(struct cli *c, uint32_t kind, const ward_record *record)
{
    const struct ward_kind_def *def = ward_plan_kind_def(kind);
    json_t *out = json_object();
    for (size_t i = 0; i < def->field_count; i++) {
        const struct ward_field_def *field = &def->fields[i];
        uint32_t class = field->number & 3u;
        struct ward_live live;
        json_t *shown;
        if (is_hidden(field))
            continue;
        if (class == WARD_MEMBER || class == WARD_TALLY)
            shown = json_pack("{s:o}", "value", field_json(c, kind, field, record));
        else if (ward_record_live(record, field->number, 0, &live, NULL) == 0)
            shown = live_json(c, kind, field->number, &live);
        else
            continue;
        json_t *others = json_array();
        for (size_t n = 1; (class == WARD_OPEN || class == WARD_GOVERNED) && n < ward_record_live_count(record, field->number); n++)
            if (ward_record_live(record, field->number, n, &live, NULL) == 0)
                json_array_append_new(others, live_json(c, kind, field->number, &live));
        json_object_set_new(shown, "provisional", json_boolean(ward_record_is_provisional(record, field->number)));
        json_object_set_new(shown, "others", others);
        json_object_set_new(out, ward_plan_field_name(kind, field->number), shown);
    }
    return out;
}

/* ---- lists */

enum { PAGE_IS_FULL = -1 };

int cli_add_row(void *ctx, const ward_record *record)
{
    struct cli_rows *rows = ctx;
    bool full = rows->limit && json_array_size(rows->out) == rows->limit;
    if (full && !rows->amend) {
        rows->found++;
        return 0;
    }
    json_t *row = cli_row(rows->c, rows->kind, record);
    bool listed = !rows->amend || rows->amend(rows->c, record, row, rows->ctx);
    rows->found += listed;
    if (listed && !full)
        json_array_append(rows->out, row);
    json_decref(row);
    return 0;
}

int cli_rows(struct cli *c, uint32_t kind, cli_row_fn *amend, void *ctx, json_t **out)
{
    struct ward_error err = {0};
    if (cli_names(c))
        return CLI_FAILED;
    struct cli_rows rows = {.c = c, .kind = kind, .amend = amend, .ctx = ctx, .out = json_array()};
    if (ward_each(c->replica, kind, cli_add_row, &rows, &err)) {
        json_decref(rows.out);
        return cli_fail(c, &err);
    }
    *out = rows.out;
    return CLI_DONE;
}

/* Of a list without a filter there is nothing to look at beyond the page. */
static int add_row_of_page(void *ctx, const ward_record *record)
{
    struct cli_rows *rows = ctx;
    return rows->limit && json_array_size(rows->out) == rows->limit ? PAGE_IS_FULL : cli_add_row(ctx, record);
}

static void reverse(json_t *rows)
{
    size_t n = json_array_size(rows);
    for (size_t i = 0; i < n / 2; i++) {
        json_t *a = json_incref(json_array_get(rows, i)), *b = json_incref(json_array_get(rows, n - 1 - i));
        json_array_set_new(rows, i, b);
        json_array_set_new(rows, n - 1 - i, a);
    }
}

int cli_find_rows(struct cli_rows *rows, const struct ward_query *query, bool plain)
{
    struct ward_error err = {0};
    if (cli_names(rows->c))
        return CLI_FAILED;
    rows->out = json_array();
    int rc = ward_find(rows->c->replica, query, plain ? add_row_of_page : cli_add_row, rows, &err);
    if (rc == PAGE_IS_FULL)
        rc = ward_find_count(rows->c->replica, query, &rows->found, &err);
    if (rc) {
        json_decref(rows->out);
        return cli_fail(rows->c, &err);
    }
    if (query->backward)
        reverse(rows->out);
    rows->c->listed_of = rows->found;
    return CLI_DONE;
}

int cli_page(struct cli *c, size_t *limit)
{
    int64_t n = c->json || cli_opt(c, "all") ? 0 : CLI_PAGE;
    if (cli_opt(c, "all") && cli_opt(c, "limit"))
        return cli_usage(c, _("--all and --limit exclude each other"));
    int rc = cli_opt_number(c, "limit", 1, 1000000000, &n);
    *limit = (size_t)n;
    return rc;
}

void cli_page_note(struct cli *c, const json_t *rows)
{
    size_t shown = json_array_size(rows);
    if (shown < c->listed_of)
        cli_note(c, _("%zu of %llu are shown. All of them: --all"), shown, (unsigned long long)c->listed_of);
}

static int by_code(const void *a, const void *b)
{
    const char *x = json_string_value(json_object_get(*(json_t *const *)a, "code"));
    const char *y = json_string_value(json_object_get(*(json_t *const *)b, "code"));
    return strverscmp(x ? x : "", y ? y : "");
}

json_t *cli_sorted(struct cli *c, json_t *rows)
{
    size_t n = json_array_size(rows), i;
    json_t **list = cli_keep(c, calloc(n + 1, sizeof(json_t *))), *out = json_array(), *row;
    json_array_foreach(rows, i, row) list[i] = row;
    qsort(list, n, sizeof(json_t *), by_code);
    for (i = 0; i < n; i++)
        json_array_append(out, list[i]);
    json_decref(rows);
    return out;
}

int cli_record(struct cli *c, uint32_t kind, const char *reference, cli_row_fn *amend, void *ctx, json_t **out)
{
    struct ward_id id;
    struct ward_error err = {0};
    ward_record *record;
    int rc = cli_find(c, kind, reference, &id);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    if (ward_get(c->replica, kind, &id, false, &record, &err))
        return cli_fail(c, &err);
    json_t *model = cli_row(c, kind, record);
    json_object_set_new(model, "fields", cli_fields(c, kind, record));
    if (amend)
        amend(c, record, model, ctx);
    ward_record_free(record);
    *out = model;
    return CLI_DONE;
}

/* ---- plain */

static json_t *plain_line(struct cli *c, uint32_t kind, const struct ward_field_def *def, const json_t *live, const char *label)
{
    const char *value = cli_value_plain(c, kind, def->number, json_object_get(live, "value"));
    const char *unit = json_string_value(json_object_get(live, "unit")), *by = json_string_value(json_object_get(live, "by"));
    if (json_is_true(json_object_get(live, "provisional")))
        value = cli_format(c, "%s (!)", value);
    return json_pack("{s:s, s:s, s:s, s:O?}", "field", label, "value", value, "who", cli_who(c, unit, by), "at",
                     json_object_get(live, "at"));
}

void cli_record_plain(struct cli *c, uint32_t kind, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "field", .title = N_("Field")},
                                                {.key = "value", .title = N_("Value"), .show = CLI_WRAP},
                                                {.key = "who", .title = N_("By")},
                                                {.key = "at", .title = N_("At"), .show = CLI_TIME},
                                                {0}};
    const struct ward_kind_def *def = ward_plan_kind_def(kind);
    json_auto_t *lines = json_array();
    cli_line(c, "%s %s", cli_kind_label(c, kind), json_string_value(json_object_get(model, "id")));
    for (size_t i = 0; i < def->field_count; i++) {
        const json_t *field = json_object_get(json_object_get(model, "fields"), ward_plan_field_name(kind, def->fields[i].number));
        const json_t *value = json_object_get(field, "value");
        if (!field || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0))
            continue;
        json_array_append_new(lines, plain_line(c, kind, &def->fields[i], field, cli_field_label(c, kind, def->fields[i].number)));
        size_t n;
        json_t *other;
        json_array_foreach(json_object_get(field, "others"), n, other)
            json_array_append_new(lines, plain_line(c, kind, &def->fields[i], other,
                                                    json_is_true(json_object_get(field, "provisional")) ? _("  or") : _("  proposed")));
    }
    cli_table(c, lines, columns, "");
    if (json_integer_value(json_object_get(model, "conflicts")) > 0)
        cli_line(c, _("(!) provisional: in conflict until someone decides, see `wardsync conflict list`"));
}

const char *cli_title(struct cli *c, uint32_t kind, const struct ward_id *entity)
{
    static const char *const names[] = {"title", "name", "text"};
    ward_record *record;
    const char *out = "";
    if (!ward_plan_kind_def(kind) || ward_get(c->replica, kind, entity, true, &record, NULL))
        return out;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !out[0]; i++) {
        const struct ward_field_def *def = ward_plan_field_named(kind, names[i]);
        struct ward_value value = def ? ward_record_value(record, def->number) : ward_value_null();
        if (value.type == WARD_TEXT)
            out = cli_format(c, "%.*s", (int)value.len, (const char *)value.p);
    }
    ward_record_free(record);
    return out;
}
