/* plan_import.c - a plan file becomes records. Each record keeps a fingerprint of every cell it was imported from, so that the next import
 * writes only cells that changed in the file, and never takes back what people changed since. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "domain/heap.h"
#include "domain/index.h"
#include "domain/plan_print.h"
#include "domain/plan_rows.h"
#include "domain/proposal.h"
#include "domain/ref.h"
#include "domain/task.h"
#include "domain/text.h"
#include "domain/value.h"

/* A row on its way into the ward. */
struct entry {
    const struct plan_row *row;
    const struct plan_cell *code;
    struct ward_id id;
    size_t known; /* records here that are this row's */
    struct plan_form form, moved;
    bool loaded, did_move;
};

struct import {
    struct plan_scope scope;
    struct plan_rows rows;
    struct entry *entries; /* ascending by kind, then code */
    size_t count;
    struct ward_id plan;
    struct ward_import_result result;
};

/* ---------------------------------------------------------------- cells */

static int apply_cell(const struct plan_scope *scope, struct plan_form *form, const struct plan_cell *cell, struct ward_error *err)
{
    struct ward_value old = plan_form_value(form, cell->rule->def.number), now;
    if (!form->exists || cell->rule->def.policy != WARD_FIXED || old.type == WARD_NULL)
        return plan_assign(scope, form, cell->rule, cell->text, cell->len, err);
    int rc = plan_value_read(scope, cell->rule, cell->text, cell->len, &form->arena, &now, err);
    if (rc == WARD_OK && (old.type != now.type || old.len != now.len || memcmp(old.p, now.p, old.len) != 0))
        rc = ward_fail(err, WARD_ERR_FIXED, "%s cannot be changed any more", cell->rule->user_name);
    return rc;
}

/* Writes to the form the cells that changed since the last import. */
static int apply_cells(const struct plan_scope *scope, struct plan_form *form, const struct plan_row *row, struct ward_error *err)
{
    bool changed = false;
    for (size_t i = 0; i < row->count; i++) {
        const struct plan_cell *cell = &row->cells[i];
        if (plan_print_same(form, cell))
            continue;
        int rc = apply_cell(scope, form, cell, err);
        if (rc)
            return plan_row_error(row, cell, rc, err);
        changed = true;
    }
    int rc = plan_form_complete(form, err);
    if (rc)
        return plan_row_error(row, NULL, rc, err);
    return changed ? plan_print_write(form, row, err) : WARD_OK;
}

/* ---------------------------------------------------------------- rows and the records they are about */

static int compare_codes(const struct plan_cell *a, const void *text, size_t len)
{
    int order = memcmp(a->text, text, a->len < len ? a->len : len);
    return order ? order : (a->len > len) - (a->len < len);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->row->kind != y->row->kind)
        return x->row->kind < y->row->kind ? -1 : 1;
    int order = compare_codes(x->code, y->code->text, y->code->len);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static int code_of(struct entry *entry, struct ward_error *err)
{
    entry->code = plan_row_cell(entry->row, ward_plan_field_named(entry->row->kind, "code")->number);
    if (!entry->code || entry->code->len == 0) {
        int rc = ward_fail(err, WARD_ERR_VALUE, "code must not be empty");
        return plan_row_error(entry->row, entry->code, rc, err);
    }
    int rc = plan_code_check(entry->code->text, entry->code->len, err);
    return rc ? plan_row_error(entry->row, entry->code, rc, err) : WARD_OK;
}

/* Orders the rows by kind and code; a code stands once. */
static int list_entries(struct import *im, struct ward_error *err)
{
    im->entries = calloc(im->rows.count + 1, sizeof im->entries[0]);
    if (!im->entries)
        return ward_fail(err, WARD_ERR_MEMORY, "plan file");
    im->count = im->rows.count;
    for (size_t i = 0; i < im->count; i++) {
        im->entries[i].row = &im->rows.rows[i];
        int rc = code_of(&im->entries[i], err);
        if (rc)
            return rc;
    }
    qsort(im->entries, im->count, sizeof im->entries[0], compare_entries);
    for (size_t i = 1; i < im->count; i++) {
        const struct entry *a = &im->entries[i - 1], *b = &im->entries[i];
        if (a->row->kind == b->row->kind && compare_codes(a->code, b->code->text, b->code->len) == 0) {
            int rc = ward_fail(err, WARD_ERR_EXISTS, "code: '%s' stands twice", b->code->text);
            return plan_row_error(b->row, b->code, rc, err);
        }
    }
    return WARD_OK;
}

static int find_plan(struct import *im, struct ward_error *err)
{
    const struct entry *plan = NULL;
    for (size_t i = 0; i < im->count; i++) {
        if (im->entries[i].row->kind != WARD_KIND_PLAN)
            continue;
        if (plan) {
            int rc = ward_fail(err, WARD_ERR_EXISTS, "a file holds one plan");
            return plan_row_error(im->entries[i].row, NULL, rc, err);
        }
        plan = &im->entries[i];
    }
    if (!plan)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "line 1, column 1: a row of kind plan is needed");
    ward_plan_plan_id(&im->plan, plan->code->text);
    for (size_t i = 0; i < ward_plan_index_plan_count(im->scope.index); i++) {
        const struct ward_plan *known = ward_plan_index_plan(im->scope.index, i);
        if (strcmp(known->code, plan->code->text) == 0)
            im->plan = known->id;
    }
    return WARD_OK;
}

/* The id of a row that has no record here yet. */
static void derive_id(const struct import *im, struct entry *entry)
{
    char text[16 + PLAN_CODE_MAX];
    const char *prefix = entry->row->kind == WARD_KIND_TASK ? "task:" : "proposal:";
    size_t prefix_len = strlen(prefix);
    memcpy(text, prefix, prefix_len);
    memcpy(text + prefix_len, entry->code->text, entry->code->len);
    ward_id_derive(&entry->id, &im->plan, text, prefix_len + entry->code->len);
}

static int name_unit(struct import *im, struct entry *entry, struct ward_error *err)
{
    const struct ward_unit *unit = ward_plan_index_unit_by_code(im->scope.index, entry->code->text);
    if (unit) {
        entry->id = unit->id;
        return WARD_OK;
    }
    ward_plan_unit_id(&entry->id, entry->code->text);
    return plan_index_add_unit(im->scope.index, &entry->id, entry->code->text, entry->code->len, err);
}

static int name_entries(struct import *im, struct ward_error *err)
{
    int rc = find_plan(im, err);
    for (size_t i = 0; rc == WARD_OK && i < im->count; i++) {
        struct entry *entry = &im->entries[i];
        if (entry->row->kind == WARD_KIND_PLAN)
            entry->id = im->plan;
        else if (entry->row->kind == WARD_KIND_UNIT)
            rc = name_unit(im, entry, err);
        else
            derive_id(im, entry);
    }
    return rc;
}

/* A record of this plan with a row's code is the row's: imported before, moved since, or added by hand. */
struct adoption {
    struct import *im;
    struct entry *entry;
    uint32_t plan_field;
};

static int adopt(void *ctx, const ward_record *rec)
{
    struct adoption *a = ctx;
    struct ward_value plan = ward_record_value(rec, a->plan_field);
    struct ward_id plan_id;
    if (plan_value_id(&plan, &plan_id) && ward_id_equal(&plan_id, &a->im->plan) && a->entry->known++ == 0)
        a->entry->id = *ward_record_id(rec);
    return 0;
}

static int adopt_known(struct import *im, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < im->count; i++) {
        struct entry *entry = &im->entries[i];
        struct adoption a = {im, entry, entry->row->kind == WARD_KIND_TASK ? (uint32_t)WARD_TASK_PLAN : (uint32_t)WARD_PROPOSAL_PLAN};
        int index = plan_code_index(entry->row->kind);
        if (index < 0)
            continue;
        struct ward_value code = {.type = WARD_TEXT, .p = (const uint8_t *)entry->code->text, .len = entry->code->len};
        rc = ward_find(im->scope.r, &(struct ward_query){.index = (size_t)index, .is = &code, .is_count = 1}, adopt, &a, err);
        if (rc == WARD_OK && entry->known > 1) {
            rc = ward_fail(err, WARD_ERR_AMBIGUOUS, "code: %zu records of this plan have it", entry->known);
            rc = plan_row_error(entry->row, entry->code, rc, err);
        }
    }
    return rc;
}

/* ---------------------------------------------------------------- forms */

static int fill_task(struct import *im, struct entry *entry, struct ward_error *err)
{
    struct plan_form *form = &entry->form;
    int rc = form->exists ? WARD_OK : plan_form_set_id(form, WARD_TASK_PLAN, &im->plan, err);
    if (rc == WARD_OK)
        rc = apply_cells(&im->scope, form, entry->row, err);
    if (rc)
        return rc;
    rc = form->exists ? plan_task_settle(&im->scope, form, &entry->moved, &entry->did_move, err)
                      : plan_task_space(im->scope.r, form, &form->space, err);
    return rc ? plan_row_error(entry->row, NULL, rc, err) : WARD_OK;
}

static int fill_proposal(struct import *im, struct entry *entry, struct ward_error *err)
{
    struct plan_form *form = &entry->form;
    int rc = form->exists ? WARD_OK : plan_form_set_id(form, WARD_PROPOSAL_PLAN, &im->plan, err);
    if (rc == WARD_OK && !form->exists)
        rc = plan_form_set_text(form, WARD_PROPOSAL_STATE, "draft", err);
    if (rc == WARD_OK)
        rc = apply_cells(&im->scope, form, entry->row, err);
    if (rc || form->exists)
        return rc;
    rc = plan_proposal_space(&im->scope, form, &form->space, err);
    return rc ? plan_row_error(entry->row, NULL, rc, err) : WARD_OK;
}

static int fill_plan(struct import *im, struct entry *entry, struct ward_error *err)
{
    struct ward_id owner = {{0}};
    int rc = apply_cells(&im->scope, &entry->form, entry->row, err);
    if (rc)
        return rc;
    plan_form_id(&entry->form, WARD_PLAN_OWNER, &owner);
    return plan_index_set_plan(im->scope.index, &im->plan, &owner, err); /* proposals of this file look it up */
}

static int fill(struct import *im, struct entry *entry, struct ward_error *err)
{
    int rc = plan_form_load(&entry->form, im->scope.r, entry->row->kind, &entry->id, true, err);
    entry->loaded = true;
    if (rc && rc != WARD_ERR_NOT_FOUND)
        return rc;
    if (!entry->form.exists)
        ward_space_of_ward(im->scope.r, &entry->form.space);
    if (entry->form.deleted)
        return WARD_OK;
    switch (entry->row->kind) {
    case WARD_KIND_TASK:
        return fill_task(im, entry, err);
    case WARD_KIND_PROPOSAL:
        return fill_proposal(im, entry, err);
    case WARD_KIND_PLAN:
        return fill_plan(im, entry, err);
    default:
        return apply_cells(&im->scope, &entry->form, entry->row, err);
    }
}

/* Entries are ordered by kind: units and the plan come before tasks and proposals. */
static int fill_all(struct import *im, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < im->count; i++)
        rc = fill(im, &im->entries[i], err);
    return rc;
}

/* ---------------------------------------------------------------- the whole */

static struct ward_import_count *counter(struct ward_import_result *result, uint32_t kind)
{
    switch (kind) {
    case WARD_KIND_UNIT:
        return &result->units;
    case WARD_KIND_PLAN:
        return &result->plans;
    case WARD_KIND_TASK:
        return &result->tasks;
    default:
        return &result->proposals;
    }
}

static void count_entries(struct import *im)
{
    im->result.plan = im->plan;
    for (size_t i = 0; i < im->count; i++) {
        const struct entry *entry = &im->entries[i];
        struct ward_import_count *count = counter(&im->result, entry->row->kind);
        if (entry->form.deleted)
            count->deleted++;
        else if (!entry->form.exists)
            count->added++;
        else if (plan_form_changed(&entry->form))
            count->changed++;
        else
            count->unchanged++;
        im->result.tasks_moved += entry->did_move;
    }
}

static int write_all(struct import *im, bool dry_run, struct ward_error *err)
{
    struct plan_form **forms = calloc(2 * im->count + 1, sizeof *forms);
    size_t count = 0;
    if (!forms)
        return ward_fail(err, WARD_ERR_MEMORY, "plan file");
    for (size_t i = 0; i < im->count; i++) {
        forms[count++] = &im->entries[i].form;
        if (im->entries[i].did_move)
            forms[count++] = &im->entries[i].moved;
    }
    int rc = dry_run ? plan_rehearse(im->scope.r, forms, count, err) : plan_commit(im->scope.r, forms, count, err);
    free(forms);
    return rc == WARD_ERR_NOTHING ? WARD_OK : rc;
}

static int run(struct import *im, const char *text, size_t len, bool dry_run, struct ward_error *err)
{
    int rc = plan_scope_operator(&im->scope, "to import a plan", err);
    if (rc == WARD_OK)
        rc = plan_rows_read(&im->rows, text, len, err);
    if (rc == WARD_OK)
        rc = list_entries(im, err);
    if (rc == WARD_OK)
        rc = name_entries(im, err);
    if (rc == WARD_OK)
        rc = adopt_known(im, err);
    if (rc == WARD_OK)
        rc = fill_all(im, err);
    if (rc)
        return rc;
    count_entries(im);
    return write_all(im, dry_run, err);
}

static void import_free(struct import *im)
{
    for (size_t i = 0; i < im->count; i++) {
        if (im->entries[i].loaded)
            plan_form_free(&im->entries[i].form);
        if (im->entries[i].did_move)
            plan_form_free(&im->entries[i].moved);
    }
    free(im->entries);
    plan_rows_free(&im->rows);
    plan_scope_close(&im->scope);
}

int ward_plan_import(ward_replica *r, const void *data, size_t len, bool dry_run, struct ward_import_result *out, struct ward_error *err)
{
    struct import im = {.count = 0};
    int rc = plan_scope_open(&im.scope, r, err);
    if (rc)
        return rc;
    rc = run(&im, data, len, dry_run, err);
    if (rc == WARD_OK)
        *out = im.result;
    import_free(&im);
    return rc;
}
