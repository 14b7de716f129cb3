/* finding.c - what an inspection found: between the inspecting and the inspected unit. */
#include "base/err.h"
#include "domain/add.h"
#include "domain/ref.h"
#include "domain/value.h"

static int lead_of(ward_replica *r, const struct ward_id *task, struct ward_id *out, struct ward_error *err)
{
    ward_record *rec;
    int rc = ward_get(r, WARD_KIND_TASK, task, false, &rec, err);
    if (rc)
        return rc;
    struct ward_value lead = ward_record_value(rec, WARD_TASK_LEAD);
    if (!plan_value_id(&lead, out))
        rc = ward_fail(err, WARD_ERR_VALUE, "the task has no lead: name the inspected unit");
    ward_record_free(rec);
    return rc;
}

/* Who inspected whom, on what; and with that the space. */
static int place(const struct plan_scope *scope, struct plan_form *form, const struct ward_finding_spec *spec, struct ward_error *err)
{
    struct ward_id pair[2], task;
    int rc = plan_scope_unit(scope, spec->by, &pair[0], err);
    if (rc)
        return ward_at(err, rc, "by");
    if (!spec->unit && !spec->task)
        return ward_fail(err, WARD_ERR_VALUE, "unit must not be empty");
    if (spec->task) {
        rc = ward_plan_task_current(scope->r, spec->task, &task, err);
        if (rc == WARD_OK)
            rc = plan_form_set_id(form, WARD_FINDING_TASK, &task, err);
    }
    if (rc == WARD_OK)
        rc = spec->unit ? plan_scope_unit(scope, spec->unit, &pair[1], err) : lead_of(scope->r, &task, &pair[1], err);
    if (rc)
        return ward_at(err, rc, "unit");
    rc = plan_form_set_id(form, WARD_FINDING_BY, &pair[0], err);
    if (rc == WARD_OK)
        rc = plan_form_set_id(form, WARD_FINDING_UNIT, &pair[1], err);
    return rc ? rc : ward_space_of_circle(scope->r, &form->space, pair, 2, err);
}

static int fill(const struct plan_scope *scope, struct plan_form *form, const void *given, struct ward_error *err)
{
    const struct ward_finding_spec *spec = given;
    int rc = place(scope, form, spec, err);
    if (rc == WARD_OK)
        rc = plan_assign_field(scope, form, WARD_FINDING_TITLE, spec->title, err);
    if (rc == WARD_OK)
        rc = plan_assign_field(scope, form, WARD_FINDING_BODY, spec->body, err);
    if (rc == WARD_OK)
        rc = plan_assign_field(scope, form, WARD_FINDING_DUE, spec->due, err);
    return rc ? rc : plan_form_complete(form, err);
}

int ward_plan_finding_add(ward_replica *r, const struct ward_finding_spec *spec, struct ward_id *out, struct ward_error *err)
{
    return plan_add(r, WARD_KIND_FINDING, fill, NULL, spec, out, err);
}
