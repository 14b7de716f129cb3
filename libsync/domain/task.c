/* task.c - new tasks, and which space a task lives in. */
#include "domain/task.h"
#include "domain/add.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "domain/code.h"
#include "domain/value.h"

int plan_task_space(ward_replica *r, const struct plan_form *form, struct ward_hash *out, struct ward_error *err)
{
    struct ward_id *units = calloc(form->count + 1, sizeof *units);
    size_t count = 0;
    if (!units)
        return ward_fail(err, WARD_ERR_MEMORY, "circle");
    if (plan_form_id(form, WARD_TASK_LEAD, &units[0]))
        count = 1;
    for (size_t i = 0; i < form->count; i++) {
        const struct plan_slot *slot = &form->slots[i];
        if (slot->field == WARD_TASK_WITH && slot->value.boolean && slot->key_len == WARD_ID_BYTES)
            memcpy(units[count++].b, slot->key, WARD_ID_BYTES);
    }
    int rc = count ? ward_space_of_circle(r, out, units, count, err) : ward_fail(err, WARD_ERR_VALUE, "lead must not be empty");
    free(units);
    return rc;
}

static bool circle_edited(const struct plan_form *form)
{
    for (size_t i = 0; i < form->count; i++)
        if (form->slots[i].changed && (form->slots[i].field == WARD_TASK_LEAD || form->slots[i].field == WARD_TASK_WITH))
            return true;
    return false;
}

/* Two operators who move a task to the same circle while apart make the same record there. */
static void moved_id(struct ward_id *out, const struct ward_id *old, const struct ward_hash *space)
{
    char text[5 + WARD_HASH_HEX] = "move:";
    ward_hash_hex(text + 5, space);
    ward_id_derive(out, old, text, strlen(text));
}

static int move(struct plan_form *form, struct plan_form *moved, const struct ward_hash *space, struct ward_error *err)
{
    static const uint32_t links[] = {WARD_TASK_MOVED_FROM, WARD_TASK_MOVED_TO, 0};
    struct ward_id id;
    moved_id(&id, &form->id, space);
    plan_form_init(moved, WARD_KIND_TASK, &id);
    moved->space = *space;
    int rc = plan_form_copy(moved, form, links, err);
    if (rc == WARD_OK)
        rc = plan_form_set_id(moved, WARD_TASK_MOVED_FROM, &form->id, err);
    for (size_t i = 0; i < form->count; i++)
        form->slots[i].changed = false;
    form->remove = true;
    if (rc == WARD_OK)
        rc = plan_form_set_id(form, WARD_TASK_MOVED_TO, &id, err);
    if (rc)
        plan_form_free(moved);
    return rc;
}

int plan_task_settle(const struct plan_scope *scope, struct plan_form *form, struct plan_form *moved, bool *did, struct ward_error *err)
{
    struct ward_hash space;
    *did = false;
    if (!circle_edited(form))
        return WARD_OK;
    int rc = plan_task_space(scope->r, form, &space, err);
    if (rc || memcmp(space.b, form->space.b, sizeof space.b) == 0)
        return rc;
    if (form->conflicts)
        return ward_fail(err, WARD_ERR_IN_CONFLICT, "a task in conflict cannot be moved to another circle");
    rc = plan_scope_operator(scope, "to move a task to another circle", err);
    if (rc == WARD_OK)
        rc = move(form, moved, &space, err);
    *did = rc == WARD_OK;
    return rc;
}

static int fill_texts(const struct plan_scope *scope, struct plan_form *form, const struct ward_task_spec *spec, struct ward_error *err)
{
    const struct {
        uint32_t field;
        const char *text;
    } texts[] = {
        {WARD_TASK_TITLE, spec->title},     {WARD_TASK_SECTION, spec->section}, {WARD_TASK_DUE, spec->due},
        {WARD_TASK_BODY, spec->body},       {WARD_TASK_PRODUCT, spec->product}, {WARD_TASK_TARGET, spec->target},
        {WARD_TASK_MEASURE, spec->measure}, {WARD_TASK_PERSON, spec->person},   {WARD_TASK_CHECKER, spec->checker},
        {WARD_TASK_BUDGET, spec->budget},
    };
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < sizeof texts / sizeof texts[0]; i++)
        rc = plan_assign_field(scope, form, texts[i].field, texts[i].text, err);
    return rc;
}

static int fill_units(const struct plan_scope *scope, struct plan_form *form, const struct ward_task_spec *spec, struct ward_error *err)
{
    struct ward_id unit;
    int rc = plan_scope_unit(scope, spec->lead, &unit, err);
    if (rc)
        return ward_at(err, rc, "lead");
    rc = plan_form_set_id(form, WARD_TASK_LEAD, &unit, err);
    for (size_t i = 0; rc == WARD_OK && i < spec->with_count; i++) {
        rc = plan_scope_unit(scope, spec->with[i], &unit, err);
        if (rc)
            return ward_at(err, rc, "with");
        rc = plan_form_member(form, WARD_TASK_WITH, unit.b, sizeof unit.b, true, err);
    }
    return rc;
}

static int fill_plan(const struct plan_scope *scope, struct plan_form *form, const char *reference, struct ward_error *err)
{
    struct ward_id plan;
    bool found;
    int rc = plan_scope_plan(scope, reference, &plan, &found, err);
    if (rc)
        return ward_at(err, rc, "plan");
    return found ? plan_form_set_id(form, WARD_TASK_PLAN, &plan, err) : WARD_OK;
}

static int fill(const struct plan_scope *scope, struct plan_form *form, const void *given, struct ward_error *err)
{
    const struct ward_task_spec *spec = given;
    int rc = fill_texts(scope, form, spec, err);
    if (rc == WARD_OK)
        rc = fill_units(scope, form, spec, err);
    if (rc == WARD_OK)
        rc = fill_plan(scope, form, spec->plan, err);
    if (rc == WARD_OK)
        rc = plan_code_assign(scope->r, form, spec->code, spec->section && spec->section[0] ? spec->section : "T", err);
    if (rc == WARD_OK)
        rc = plan_form_complete(form, err);
    if (rc == WARD_OK)
        rc = plan_task_space(scope->r, form, &form->space, err);
    return rc;
}

int ward_plan_task_add(ward_replica *r, const struct ward_task_spec *spec, struct ward_id *out, struct ward_error *err)
{
    return plan_add(r, WARD_KIND_TASK, fill, NULL, spec, out, err);
}
