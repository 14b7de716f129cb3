/* evaluation.c - the yearly rating of a unit: one record for each unit and year. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "domain/date.h"
#include "domain/value.h"

static int fill(const struct plan_scope *scope, struct plan_form *form, const struct ward_id *unit, int year,
                const char *const *assignments, size_t count, struct ward_error *err)
{
    struct ward_value number = ward_value_int(year);
    int rc = plan_form_set_id(form, WARD_EVALUATION_UNIT, unit, err);
    if (rc == WARD_OK)
        rc = plan_form_set(form, WARD_EVALUATION_YEAR, &number, err);
    if (rc == WARD_OK)
        rc = ward_space_of_circle(scope->r, &form->space, unit, 1, err);
    for (size_t i = 0; rc == WARD_OK && i < count; i++)
        rc = plan_assign_pair(scope, form, assignments[i], err);
    return rc;
}

static int write_year(const struct plan_scope *scope, const struct ward_id *unit, int year, const char *const *assignments, size_t count,
                      struct ward_id *out, struct ward_error *err)
{
    struct plan_form form;
    struct ward_id id;
    char text[32];
    snprintf(text, sizeof text, "evaluation:%04d", year);
    ward_id_derive(&id, unit, text, strlen(text));
    int rc = plan_form_load(&form, scope->r, WARD_KIND_EVALUATION, &id, true, err);
    if (rc == WARD_OK || rc == WARD_ERR_NOT_FOUND)
        rc = fill(scope, &form, unit, year, assignments, count, err);
    if (rc == WARD_OK)
        rc = plan_commit(scope->r, (struct plan_form *[]){&form}, 1, err);
    if (rc == WARD_OK)
        *out = id;
    plan_form_free(&form);
    return rc;
}

int ward_plan_evaluation_set(ward_replica *r, const char *unit, int year, const char *const *assignments, size_t count, struct ward_id *out,
                             struct ward_error *err)
{
    struct plan_scope scope;
    struct ward_id id;
    if (!plan_year_ok(year))
        return ward_fail(err, WARD_ERR_DATE, "year %d", year);
    int rc = plan_scope_open(&scope, r, err);
    if (rc)
        return rc;
    rc = plan_scope_unit(&scope, unit, &id, err);
    if (rc == WARD_OK)
        rc = write_year(&scope, &id, year, assignments, count, out, err);
    plan_scope_close(&scope);
    return rc;
}
