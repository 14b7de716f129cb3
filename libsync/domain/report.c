/* report.c - reports of units, on a task or on a period of their own. */
#include "base/err.h"
#include "domain/add.h"
#include "domain/value.h"

/* Sets whose report it is and on what, and with that the space. */
static int place(const struct plan_scope *scope, struct plan_form *form, const struct ward_report_spec *spec, struct ward_error *err)
{
    struct ward_id unit, task;
    int rc = plan_scope_unit(scope, spec->unit, &unit, err);
    if (rc)
        return ward_at(err, rc, "unit");
    rc = plan_form_set_id(form, WARD_REPORT_UNIT, &unit, err);
    if (rc || !spec->task)
        return rc ? rc : ward_space_of_circle(scope->r, &form->space, &unit, 1, err);
    rc = ward_plan_task_current(scope->r, spec->task, &task, err);
    if (rc == WARD_OK)
        rc = ward_space_of_record(scope->r, &form->space, WARD_KIND_TASK, &task, err);
    return rc ? rc : plan_form_set_id(form, WARD_REPORT_TASK, &task, err);
}

static int fill(const struct plan_scope *scope, struct plan_form *form, const void *given, struct ward_error *err)
{
    const struct ward_report_spec *spec = given;
    const struct {
        uint32_t field;
        const char *text;
    } texts[] = {{WARD_REPORT_TITLE, spec->title},
                 {WARD_REPORT_PERIOD, spec->period},
                 {WARD_REPORT_BODY, spec->body},
                 {WARD_REPORT_OBSTACLE, spec->obstacle},
                 {WARD_REPORT_WAY_OUT, spec->way_out}};
    int rc = place(scope, form, spec, err);
    for (size_t i = 0; rc == WARD_OK && i < sizeof texts / sizeof texts[0]; i++)
        rc = plan_assign_field(scope, form, texts[i].field, texts[i].text, err);
    return rc ? rc : plan_form_complete(form, err);
}

int ward_plan_report_add(ward_replica *r, const struct ward_report_spec *spec, struct ward_id *out, struct ward_error *err)
{
    return plan_add(r, WARD_KIND_REPORT, fill, NULL, spec, out, err);
}
