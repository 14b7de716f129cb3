/* plan_json.c - a plan file in JSON: {"plan": {...}, "units": [...], "tasks": [...], "proposals": [...]}, each row an object of columns. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "domain/heap.h"
#include "domain/plan_rows.h"
#include "domain/text.h"

static const struct part {
    const char *name;
    uint32_t kind;
    bool list;
} parts[] = {{"plan", WARD_KIND_PLAN, false},
             {"units", WARD_KIND_UNIT, true},
             {"tasks", WARD_KIND_TASK, true},
             {"proposals", WARD_KIND_PROPOSAL, true}};

/* A value as the text a cell of CSV would have: strings, whole numbers, null for empty, arrays of strings joined by commas. */
static int cell_text(const json_t *value, struct ward_buf *out, struct ward_error *err)
{
    char number[24];
    size_t i;
    const json_t *item;
    switch (json_typeof(value)) {
    case JSON_STRING:
        ward_buf_add(out, json_string_value(value), json_string_length(value));
        return WARD_OK;
    case JSON_INTEGER:
        ward_buf_add(out, number, (size_t)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value)));
        return WARD_OK;
    case JSON_NULL:
        return WARD_OK;
    case JSON_ARRAY:
        json_array_foreach(value, i, item)
        {
            if (!json_is_string(item))
                return ward_fail(err, WARD_ERR_PLAN_ROW, "a list holds strings only");
            ward_buf_add(out, ",", i > 0);
            ward_buf_add(out, json_string_value(item), json_string_length(item));
        }
        return WARD_OK;
    default:
        return ward_fail(err, WARD_ERR_PLAN_ROW, "neither text, whole number, list of texts nor null");
    }
}

static int add_cell(struct plan_rows *rows, struct plan_row *row, const char *name, const json_t *value, struct ward_error *err)
{
    struct ward_buf text;
    const struct plan_rule *rule = plan_row_rule(row->kind, name, strlen(name));
    if (!rule)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "a row of kind %s has no column '%.*s'", ward_plan_kind_label(row->kind, WARD_LANG_EN),
                         plan_excerpt(name, strlen(name)), name);
    ward_buf_init(&text, &plan_heap);
    int rc = cell_text(value, &text, err);
    size_t len = text.len;
    ward_buf_add(&text, "", 1);
    const char *own = ward_buf_status(&text) ? NULL : ward_arena_copy(&rows->arena, text.p, text.len);
    ward_buf_free(&text);
    if (rc)
        return ward_at(err, rc, "%s", name);
    if (!own)
        return ward_fail(err, WARD_ERR_MEMORY, "plan file");
    row->cells[row->count++] = (struct plan_cell){.rule = rule, .text = own, .len = len};
    return WARD_OK;
}

static int add_row(struct plan_rows *rows, uint32_t kind, const char *path, json_t *object, struct ward_error *err)
{
    const char *name;
    json_t *value;
    int rc = WARD_OK;
    if (!json_is_object(object))
        return ward_fail(err, WARD_ERR_PLAN_ROW, "%s: not an object", path);
    if (rows->count == WARD_IMPORT_ROWS_MAX)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "%s: more than %u rows", path, WARD_IMPORT_ROWS_MAX);
    struct plan_row *row = plan_rows_add(rows, kind, json_object_size(object));
    if (!row)
        return ward_fail(err, WARD_ERR_MEMORY, "plan file");
    row->path = ward_arena_copy(&rows->arena, path, strlen(path) + 1);
    if (!row->path)
        return ward_fail(err, WARD_ERR_MEMORY, "plan file");
    json_object_foreach(object, name, value)
    {
        rc = add_cell(rows, row, name, value, err);
        if (rc)
            return ward_at(err, rc, "%s", path);
    }
    return rc;
}

static int add_part(struct plan_rows *rows, const char *name, json_t *value, struct ward_error *err)
{
    const struct part *part = NULL;
    char path[40];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i].name, name) == 0)
            part = &parts[i];
    if (!part)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "'%.*s' is none of plan, units, tasks, proposals", plan_excerpt(name, strlen(name)), name);
    if (!part->list)
        return add_row(rows, part->kind, part->name, value, err);
    if (!json_is_array(value))
        return ward_fail(err, WARD_ERR_PLAN_ROW, "%s: not a list", part->name);
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < json_array_size(value); i++) {
        snprintf(path, sizeof path, "%s[%zu]", part->name, i);
        rc = add_row(rows, part->kind, path, json_array_get(value, i), err);
    }
    return rc;
}

int plan_rows_read_json(struct plan_rows *rows, const char *text, size_t len, struct ward_error *err)
{
    json_error_t at;
    const char *name;
    json_t *value, *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    int rc = WARD_OK;
    if (!root)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "line %d, column %d: %.*s", at.line, at.column, plan_excerpt(at.text, strlen(at.text)),
                         at.text);
    json_object_foreach(root, name, value)
    {
        rc = add_part(rows, name, value, err);
        if (rc)
            break;
    }
    json_decref(root);
    return rc;
}
