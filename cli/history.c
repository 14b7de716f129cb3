#include "history.h"
#include "kinds.h"
#include "record.h"
#include "ref.h"
#include "value.h"
#include "when.h"

#include <string.h>

struct history {
    struct cli *c;
    const struct cli_history_filter *filter;
    json_t *out;
    json_int_t n; /* of the one device asked for */
};

enum { ENOUGH = -1 };

static json_t *key_json(struct cli *c, const struct ward_op_info *op)
{
    struct ward_value key = {.type = op->key_len == WARD_ID_BYTES ? WARD_BYTES : WARD_TEXT, .p = op->key, .len = op->key_len};
    struct ward_id id;
    if (op->kind == WARD_KIND_TASK && op->field == WARD_TASK_WITH && op->key_len == WARD_ID_BYTES) {
        memcpy(id.b, op->key, sizeof id.b);
        return json_string(cli_unit_code(c, &id));
    }
    return op->key_len ? cli_value_json(c, op->kind, op->field, &key) : NULL;
}

static bool is_internal(const struct ward_op_info *op)
{
    const struct ward_field_def *def = ward_plan_field_def(op->kind, op->field);
    return def && strcmp(def->name, "imported") == 0;
}

static json_t *op_json(struct cli *c, const struct ward_op_info *op)
{
    return json_pack("{s:s, s:o, s:s, s:s, s:o*, s:o}", "kind", cli_kind_name(c, op->kind), "entity", cli_id_json(&op->entity), "title", "",
                     "field", cli_field_name(c, op->kind, op->field), "key", key_json(c, op), "value",
                     cli_value_json(c, op->kind, op->field, &op->value));
}

static json_t *ops_json(struct history *h, const struct ward_op_info *ops, size_t op_count, json_t **reason)
{
    json_t *out = json_array();
    for (size_t i = 0; i < op_count; i++) {
        if (ops[i].kind == CLI_KIND_REASON && ops[i].field == CLI_REASON_TEXT && !*reason)
            *reason = cli_value_json(h->c, CLI_KIND_REASON, CLI_REASON_TEXT, &ops[i].value);
        else if (ops[i].kind != CLI_KIND_REASON && !is_internal(&ops[i]) &&
                 (!h->filter->entity || ward_id_equal(h->filter->entity, &ops[i].entity)))
            json_array_append_new(out, op_json(h->c, &ops[i]));
    }
    return out;
}

static int add_change(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count)
{
    struct history *h = ctx;
    struct cli *c = h->c;
    json_t *reason = NULL;
    if (h->filter->device && memcmp(h->filter->device, &change->grant, sizeof change->grant) != 0)
        return 0;
    h->n++;
    if ((h->filter->unit && !ward_id_equal(h->filter->unit, &change->unit)) || change->wall_ms < h->filter->since_ms)
        return 0;
    json_t *list = ops_json(h, ops, op_count, &reason);
    json_t *n = h->filter->device ? json_integer(h->n) : NULL;
    if (json_array_size(list))
        json_array_append_new(h->out,
                              json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:b, s:O*, s:O, s:O*}", "at",
                                        cli_time_json(change->wall_ms), "unit", cli_unit_code(c, &change->unit), "device",
                                        cli_device_name(c, &change->grant), "role", cli_role_name(change->role), "space",
                                        cli_hash_json(&change->space), "feed", cli_hash_json(&change->feed), "seq", (json_int_t)change->seq,
                                        "hash", cli_hash_json(&change->hash), "own", change->own, "reason", reason, "ops", list, "n", n));
    json_decref(n);
    json_decref(reason);
    json_decref(list);
    return h->filter->limit && json_array_size(h->out) > h->filter->limit ? ENOUGH : 0;
}

/* What was given backwards; one more than was asked for shows that there is more. */
static void turn(struct history *h)
{
    json_t *out = json_array();
    size_t n = json_array_size(h->out);
    for (size_t i = n < h->filter->limit ? n : h->filter->limit; i > 0; i--)
        json_array_append(out, json_array_get(h->out, i - 1));
    h->c->listed_of = n;
    json_decref(h->out);
    h->out = out;
}

/* Each record's title is looked up once. */
static void add_titles(struct cli *c, json_t *changes)
{
    json_auto_t *titles = json_object();
    size_t i, j;
    json_t *change, *op;
    json_array_foreach(changes, i, change) json_array_foreach(json_object_get(change, "ops"), j, op)
    {
        const char *kind = json_string_value(json_object_get(op, "kind")), *entity = json_string_value(json_object_get(op, "entity"));
        const char *key = cli_format(c, "%s %s", kind, entity);
        struct ward_id id;
        if (!json_object_get(titles, key) && cli_id_parse(entity, &id))
            json_object_set_new(titles, key, json_string(cli_title(c, cli_kind_number(kind), &id)));
        json_object_set(op, "title", json_object_get(titles, key));
    }
}

int cli_history(struct cli *c, const struct cli_history_filter *filter, json_t **out)
{
    struct ward_error err = {0};
    if (cli_names(c))
        return CLI_FAILED;
    struct history h = {c, filter, json_array(), 0};
    struct ward_history_query query = {
        .kind = filter->kind, .entity = filter->entity, .grant = filter->device, .backward = filter->limit > 0};
    int rc = filter->aside ? ward_aside_show(c->replica, filter->aside, add_change, &h, &err)
                           : ward_history_find(c->replica, &query, add_change, &h, &err);
    if (rc && rc != ENOUGH) {
        json_decref(h.out);
        return cli_fail(c, &err);
    }
    if (filter->limit)
        turn(&h);
    add_titles(c, h.out);
    *out = h.out;
    return CLI_DONE;
}

int cli_history_of_proof(struct cli *c, const char *file, struct ward_proof *proof, json_t **out)
{
    static const struct cli_history_filter all = {0};
    struct ward_error err = {0};
    if (cli_names(c))
        return CLI_FAILED;
    struct history h = {.c = c, .filter = &all, .out = json_array()};
    if (ward_proof_check(c->replica, file, add_change, &h, proof, &err)) {
        json_decref(h.out);
        return cli_fail(c, &err);
    }
    add_titles(c, h.out);
    *out = h.out;
    return CLI_DONE;
}

/* NULL where there is nothing to tell people. */
static json_t *plain_op(struct cli *c, const json_t *change, const json_t *op)
{
    uint32_t kind = cli_kind_number(json_string_value(json_object_get(op, "kind")));
    uint32_t field = cli_field_number(kind, json_string_value(json_object_get(op, "field")));
    const json_t *value = json_object_get(op, "value"), *key = json_object_get(op, "key");
    const char *label = cli_field_label(c, kind, field), *text = cli_value_plain(c, kind, field, value);
    if (!label)
        return NULL;
    if (key)
        text = cli_format(c, "%s%s", json_is_true(value) ? "+" : "-", json_string_value(key));
    return json_pack("{s:O?, s:O, s:s, s:s, s:s, s:s, s:O?}", "n", json_object_get(change, "n"), "at", json_object_get(change, "at"), "who",
                     cli_who(c, json_string_value(json_object_get(change, "unit")), json_string_value(json_object_get(change, "device"))),
                     "what", cli_format(c, "%s %s", cli_kind_label(c, kind), json_string_value(json_object_get(op, "title"))), "field",
                     label, "value", text, "reason", json_object_get(change, "reason"));
}

void cli_history_plain(struct cli *c, const json_t *changes)
{
    static const struct cli_column all[] = {{.key = "n", .title = N_("No.")},
                                            {.key = "at", .title = N_("At (its clock)"), .show = CLI_TIME},
                                            {.key = "who", .title = N_("By")},
                                            {.key = "what", .title = N_("What"), .show = CLI_LONG},
                                            {.key = "field", .title = N_("Field")},
                                            {.key = "value", .title = N_("Value"), .show = CLI_LONG},
                                            {.key = "reason", .title = N_("Why"), .show = CLI_LONG},
                                            {0}};
    json_auto_t *rows = json_array();
    size_t i, j;
    json_t *change, *op;
    json_array_foreach(changes, i, change) json_array_foreach(json_object_get(change, "ops"), j, op)
    {
        json_t *row = plain_op(c, change, op);
        if (row)
            json_array_append_new(rows, row);
    }
    bool numbered = json_object_get(json_array_get(changes, 0), "n") != NULL;
    cli_table(c, rows, all + !numbered, _("Nothing was changed."));
    if (c->listed_of > json_array_size(changes))
        cli_note(c, _("The newest %zu are shown. All of them: --all"), json_array_size(changes));
}
