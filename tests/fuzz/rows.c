/* A plan file as rows: what was read from either form and is written as JSON is read to the same rows. */
#include "domain/plan_rows.h"
#include "fuzz.h"

#include <jansson.h>

static json_t *row_json(const struct plan_row *row)
{
    json_t *object = json_object();
    for (size_t i = 0; i < row->count; i++) {
        const struct plan_cell *cell = &row->cells[i];
        CHECK(cell->rule && strlen(cell->text) <= cell->len && cell->text[cell->len] == 0);
        json_object_set_new(object, cell->rule->user_name, json_stringn(cell->text, cell->len));
    }
    return object;
}

static bool same_row(const struct plan_row *a, const struct plan_row *b)
{
    bool same = a->kind == b->kind && a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const struct plan_cell *x = &a->cells[i], *y = plan_row_cell(b, x->rule->def.number);
        same = y && fuzz_same(x->text, x->len, y->text, y->len);
    }
    return same;
}

/* Rows of each kind keep their order; kinds stand in that of the file. A plan stands once or not at all. */
static json_t *all_json(const struct plan_rows *rows)
{
    static const struct {
        uint32_t kind;
        const char *name;
    } parts[] = {{WARD_KIND_UNIT, "units"}, {WARD_KIND_TASK, "tasks"}, {WARD_KIND_PROPOSAL, "proposals"}};
    json_t *root = json_object();
    for (size_t i = 0; i < rows->count; i++)
        if (rows->rows[i].kind == WARD_KIND_PLAN)
            json_object_set_new(root, "plan", row_json(&rows->rows[i]));
    for (size_t p = 0; p < 3; p++) {
        json_t *list = json_array();
        for (size_t i = 0; i < rows->count; i++)
            if (rows->rows[i].kind == parts[p].kind)
                json_array_append_new(list, row_json(&rows->rows[i]));
        json_object_set_new(root, parts[p].name, list);
    }
    return root;
}

static void compare(const struct plan_rows *a, const struct plan_rows *b)
{
    size_t next[64] = {0};
    CHECK(a->count == b->count);
    for (size_t i = 0; i < b->count; i++) {
        size_t *at = &next[b->rows[i].kind % 64];
        while (*at < a->count && a->rows[*at].kind != b->rows[i].kind)
            ++*at;
        CHECK(*at < a->count && same_row(&a->rows[*at], &b->rows[i]));
        ++*at;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct plan_rows rows, again;
    struct ward_error err = {0};
    size_t plans = 0;
    int rc = plan_rows_read(&rows, (const char *)p, len, &err);
    CHECK(rc == WARD_OK || (rc == WARD_ERR_PLAN_ROW && err.detail[0]));
    for (size_t i = 0; rc == WARD_OK && i < rows.count; i++)
        plans += rows.rows[i].kind == WARD_KIND_PLAN;
    if (rc == WARD_OK && plans <= 1) {
        json_t *root = all_json(&rows);
        char *text = json_dumps(root, 0);
        CHECK(text && plan_rows_read(&again, text, strlen(text), &err) == WARD_OK);
        compare(&rows, &again);
        plan_rows_free(&again);
        free(text);
        json_decref(root);
    }
    plan_rows_free(&rows);
    return 0;
}
