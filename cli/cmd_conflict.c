#include "commands.h"
#include "kinds.h"
#include "record.h"
#include "ref.h"
#include "value.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX_MIN 4

/* ---- models */

static json_t *value_json(struct cli *c, const struct ward_conflict *conflict, size_t i)
{
    const struct ward_live *live = &conflict->values[i];
    json_t *seen = json_array();
    for (size_t j = 0; j < conflict->value_count; j++)
        if (j != i && conflict->seen[i * conflict->value_count + j])
            json_array_append_new(seen, json_integer((json_int_t)j + 1));
    return json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:o, s:b}", "n", (json_int_t)i + 1, "value",
                     cli_value_json(c, conflict->kind, conflict->field, &live->value), "device", cli_device_name(c, &live->grant), "unit",
                     cli_unit_code(c, &live->unit), "role", cli_role_name(live->role), "at", cli_time_json(live->wall_ms), "seen", seen,
                     "provisional", i == 0);
}

static json_t *conflict_json(struct cli *c, const struct ward_conflict *conflict)
{
    json_t *values = json_array();
    for (size_t i = 0; i < conflict->value_count; i++)
        json_array_append_new(values, value_json(c, conflict, i));
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:o, s:i, s:o}", "id", cli_id_json(&conflict->id), "entity", cli_id_json(&conflict->entity),
                     "kind", cli_kind_name(c, conflict->kind), "field", cli_field_name(c, conflict->kind, conflict->field), "title",
                     cli_title(c, conflict->kind, &conflict->entity), "values", values, "provisional", 1, "space",
                     cli_hash_json(&conflict->space));
}

/* What is looked for: all conflicts, or the ones whose id starts with prefix. */
struct search {
    struct cli *c;
    const char *prefix;
    size_t limit; /* 0: none */
    json_t *models;
    struct ward_conflict last; /* without its values */
};

enum { PAGE_IS_FULL = -1 };

static int add_conflict(void *ctx, const struct ward_conflict *conflict)
{
    struct search *s = ctx;
    if (s->limit && json_array_size(s->models) == s->limit)
        return PAGE_IS_FULL;
    s->last = *conflict;
    json_array_append_new(s->models, conflict_json(s->c, conflict));
    return 0;
}

static int search(struct search *s)
{
    struct ward_error err = {0};
    if (cli_names(s->c))
        return CLI_FAILED;
    int rc = s->prefix ? ward_conflicts_prefix(s->c->replica, s->prefix, add_conflict, s, &err)
                       : ward_conflicts(s->c->replica, add_conflict, s, &err);
    size_t all = 0;
    if (rc == PAGE_IS_FULL)
        rc = ward_conflict_count(s->c->replica, &all, &err);
    s->c->listed_of = all;
    return rc && rc != WARD_ERR_NOT_FOUND ? cli_fail(s->c, &err) : CLI_DONE;
}

/* The one the user names; its model is then the only one in s->models. */
static int find(struct search *s)
{
    int rc = strlen(s->prefix) < PREFIX_MIN ? CLI_DONE : search(s);
    if (rc)
        return rc;
    if (json_array_size(s->models) == 1)
        return CLI_DONE;
    return cli_refuse(s->c, json_array_size(s->models) ? WARD_ERR_AMBIGUOUS : WARD_ERR_NOT_FOUND, _("conflict '%s'"), s->prefix);
}

/* ---- plain */

static void plain_one(struct cli *c, const json_t *model, uint32_t kind, uint32_t field)
{
    static const struct cli_column columns[] = {{.key = "n", .title = N_("No.")},
                                                {.key = "shown", .title = N_("Value"), .show = CLI_WRAP},
                                                {.key = "device", .title = N_("Device")},
                                                {.key = "unit", .title = N_("Unit")},
                                                {.key = "role", .title = N_("Role"), .show = CLI_ROLE},
                                                {.key = "at", .title = N_("At (its clock)"), .show = CLI_TIME},
                                                {.key = "had_seen", .title = N_("Had seen")},
                                                {0}};
    json_auto_t *rows = json_array();
    size_t i, j;
    json_t *value, *other;
    cli_line(c, "%s: %s «%s», %s", json_string_value(json_object_get(model, "id")), cli_kind_label(c, kind),
             json_string_value(json_object_get(model, "title")), cli_field_label(c, kind, field));
    json_array_foreach(json_object_get(model, "values"), i, value)
    {
        json_t *row = json_copy(value);
        const char *seen = "", *text = cli_value_plain(c, kind, field, json_object_get(value, "value"));
        json_array_foreach(json_object_get(value, "seen"), j, other) seen =
            cli_format(c, "%s%s%" JSON_INTEGER_FORMAT, seen, j ? ", " : "", json_integer_value(other));
        json_object_set_new(row, "shown", json_string(i == 0 ? cli_format(c, _("%s (!) shown meanwhile"), text) : text));
        json_object_set_new(row, "had_seen", json_string(*seen ? seen : _("none of the others")));
        json_object_del(row, "provisional"); /* marked in words */
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, columns, "");
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "id", .title = N_("Id"), .show = CLI_ID},
                                                {.key = "kind", .title = N_("Kind")},
                                                {.key = "title", .title = N_("Title"), .show = CLI_LONG},
                                                {.key = "field", .title = N_("Field")},
                                                {.key = "choices", .title = N_("Values"), .show = CLI_LONG},
                                                {0}};
    json_auto_t *rows = json_array();
    size_t i, j;
    json_t *conflict, *value;
    json_array_foreach(model, i, conflict)
    {
        json_t *row = json_copy(conflict);
        uint32_t kind = cli_kind_number(json_string_value(json_object_get(conflict, "kind")));
        uint32_t field = cli_field_number(kind, json_string_value(json_object_get(conflict, "field")));
        const char *choices = "";
        json_array_foreach(json_object_get(conflict, "values"), j, value) choices =
            cli_format(c, "%s%s%s: %s", choices, j ? " | " : "", json_string_value(json_object_get(value, "unit")),
                       cli_value_plain(c, kind, field, json_object_get(value, "value")));
        json_object_set_new(row, "kind", json_string(cli_kind_label(c, kind)));
        json_object_set_new(row, "field", json_string(cli_field_label(c, kind, field)));
        json_object_set_new(row, "choices", json_string(choices));
        json_object_del(row, "provisional");
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, columns, _("No conflict is open."));
    cli_page_note(c, model);
}

static void plain_show(struct cli *c, const json_t *model)
{
    uint32_t kind = cli_kind_number(json_string_value(json_object_get(model, "kind")));
    plain_one(c, model, kind, cli_field_number(kind, json_string_value(json_object_get(model, "field"))));
    cli_line(c, _("To settle it: wardsync conflict resolve %.8s --take N --why TEXT"), json_string_value(json_object_get(model, "id")));
}

/* ---- list, show */

static int run_list(struct cli *c)
{
    json_auto_t *models = json_array();
    struct search s = {.c = c, .models = models};
    int rc = cli_page(c, &s.limit);
    if (rc == CLI_DONE)
        rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = search(&s);
    return rc ? rc : cli_answer(c, json_array_size(models) ? CLI_ATTENTION : CLI_DONE, models, plain_list);
}

static int run_show(struct cli *c)
{
    json_auto_t *models = json_array();
    struct search s = {.c = c, .models = models, .prefix = cli_arg(c, 0)};
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = find(&s);
    return rc ? rc : cli_answer(c, CLI_DONE, json_array_get(models, 0), plain_show);
}

/* ---- resolve */

/* What was chosen: value n (from 1), or a text. */
struct choice {
    int64_t take;
    const char *value;
    const char *why;
};

static int ask(struct cli *c, const struct search *s, struct choice *choice)
{
    bool chosen = choice->take || choice->value;
    if (!cli_can_ask(c))
        return chosen ? cli_usage(c, _("--%s is required"), "why") : cli_usage(c, _("--take N or --value V is required"));
    if (!chosen) {
        plain_one(c, json_array_get(s->models, 0), s->last.kind, s->last.field);
        const char *answer = cli_ask(c, _("Which one? Its number, or = and another value:"));
        if (answer && answer[0] == '=')
            choice->value = answer + 1;
        else if (answer)
            choice->take = strtol(answer, NULL, 10);
    }
    if ((choice->take || choice->value) && !choice->why)
        choice->why = cli_ask(c, _("Why?"));
    if (choice->why && !cli_is_utf8(choice->why))
        return cli_refuse(c, WARD_ERR_UTF8, "%s", cli_clean(c, choice->why, false));
    return choice->why && (choice->take || choice->value) ? CLI_DONE : cli_refuse(c, WARD_ERR_CANCELLED, "%s", _("nothing was chosen"));
}

static int parse_value(struct cli *c, const struct search *s, const char *text, struct ward_value *out)
{
    struct ward_error err = {0};
    if (s->last.field == WARD_FIELD_PRESENCE) {
        bool keep = strcmp(text, "keep") == 0;
        if (!keep && strcmp(text, "delete") != 0)
            return cli_refuse(c, WARD_ERR_VALUE, _("keep or delete, not '%s'"), text);
        *out = ward_value_bool(keep);
        return CLI_DONE;
    }
    void *buffer;
    if (ward_plan_value_parse(c->replica, s->last.kind, s->last.field, text, out, &buffer, &err))
        return cli_fail(c, &err);
    if (buffer)
        cli_keep(c, buffer);
    return CLI_DONE;
}

static void plain_resolved(struct cli *c, const json_t *model)
{
    json_int_t left = json_integer_value(json_object_get(model, "conflicts"));
    cli_line(c, _("Settled."));
    if (left)
        cli_line(c, ngettext("%lld conflict is still open.", "%lld conflicts are still open.", (unsigned long)left), left);
}

static int run_resolve(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_value value;
    struct choice choice = {.value = cli_opt(c, "value"), .why = cli_opt(c, "why")};
    json_auto_t *models = json_array();
    struct search s = {.c = c, .models = models, .prefix = cli_arg(c, 0)};
    size_t left;
    int rc = cli_opt_number(c, "take", 1, 1000, &choice.take);
    if (rc == CLI_DONE && choice.take && choice.value)
        rc = cli_usage(c, _("--take and --value exclude each other"));
    if (rc == CLI_DONE && !cli_can_ask(c) && !(choice.why && (choice.take || choice.value)))
        rc = ask(c, &s, &choice); /* says what is missing before anything is opened */
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = find(&s);
    if (rc == CLI_DONE && !(choice.why && (choice.take || choice.value)))
        rc = ask(c, &s, &choice);
    if (rc == CLI_DONE && choice.take > (int64_t)s.last.value_count)
        rc = cli_refuse(c, WARD_ERR_VALUE, _("there are only %zu values"), s.last.value_count);
    if (rc == CLI_DONE && choice.value)
        rc = parse_value(c, &s, choice.value, &value);
    if (rc)
        return rc;
    if (ward_resolve(c->replica, &s.last.id, s.last.value_count, choice.take ? (size_t)choice.take - 1 : 0, choice.value ? &value : NULL,
                     choice.why, &err) ||
        ward_conflict_count(c->replica, &left, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:o, s:I}", "id", cli_id_json(&s.last.id), "conflicts", (json_int_t)left);
    return cli_answer(c, CLI_DONE, model, plain_resolved);
}

static const struct cli_option list_options[] = {CLI_PAGE_OPTIONS, {0}};

static const struct cli_command list = {
    .name = "list",
    .summary = N_("lists open conflicts"),
    .run = run_list,
    .options = list_options,
    .details = N_("Exit code 1 while there is one."),
    .examples = "  wardsync conflict list\n",
};

static const struct cli_command show = {
    .name = "show",
    .summary = N_("shows both values, who wrote them, when, and what each had seen"),
    .run = run_show,
    .args = "CONFLICT",
    .args_min = 1,
    .args_max = 1,
    .details = N_("CONFLICT is its id or at least the first 4 digits of it."),
    .examples = "  wardsync conflict show 3f9a\n",
};

static const struct cli_option resolve_options[] = {
    {"take", "N", N_("take the value with this number"), 0},
    {"value", "VALUE", N_("write another value (about a deletion: keep or delete)"), 0},
    {"why", "TEXT", N_("the reason, kept with the decision"), 0},
    {0},
};

static const struct cli_command resolve = {
    .name = "resolve",
    .summary = N_("settles a conflict, with a reason"),
    .run = run_resolve,
    .args = "CONFLICT",
    .args_min = 1,
    .args_max = 1,
    .options = resolve_options,
    .details = N_("Without --take and --value it asks on a terminal."),
    .examples = "  wardsync conflict resolve 3f9a --take 2 --why \"theo báo cáo tháng 5\"\n"
                "  wardsync conflict resolve 3f9a --value 2026-06-30 --why \"Ban Thường vụ thống nhất\"\n",
};

const struct cli_command cmd_conflict = {
    .name = "conflict",
    .summary = N_("values written without sight of each other"),
    .subs = (const struct cli_command *const[]){&list, &show, &resolve, NULL},
    .examples = "  wardsync conflict list\n",
};
