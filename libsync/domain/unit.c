/* unit.c - units, which are in the ward space. */
#include <string.h>

#include "base/err.h"
#include "domain/value.h"

static int fill(const struct plan_scope *scope, struct plan_form *form, const char *code, const char *name, const char *kind,
                const char *parent, struct ward_error *err)
{
    int rc = plan_assign_field(scope, form, WARD_UNIT_CODE, code, err);
    if (rc == WARD_OK)
        rc = plan_assign_field(scope, form, WARD_UNIT_NAME, name, err);
    if (rc == WARD_OK)
        rc = plan_assign_field(scope, form, WARD_UNIT_KIND, kind ? kind : "party-cell", err);
    if (rc == WARD_OK)
        rc = plan_assign_field(scope, form, WARD_UNIT_PARENT, parent, err);
    return rc;
}

int ward_plan_unit_add(ward_replica *r, const char *code, const char *name, const char *kind, const char *parent, struct ward_id *out,
                       struct ward_error *err)
{
    struct plan_scope scope;
    struct plan_form form;
    struct ward_id id;
    int rc = plan_scope_open(&scope, r, err);
    if (rc)
        return rc;
    ward_plan_unit_id(&id, code);
    rc = plan_form_load(&form, r, WARD_KIND_UNIT, &id, true, err);
    if (ward_plan_index_unit_by_code(scope.index, code))
        rc = ward_fail(err, WARD_ERR_EXISTS, "unit '%s'", code);
    else if (rc == WARD_OK)
        rc = ward_fail(err, WARD_ERR_STATE, "unit '%s' was deleted; bring it back instead", code);
    else if (rc == WARD_ERR_NOT_FOUND)
        rc = WARD_OK;
    if (rc == WARD_OK) {
        ward_space_of_ward(r, &form.space);
        rc = fill(&scope, &form, code, name, kind, parent, err);
    }
    if (rc == WARD_OK)
        rc = plan_commit(r, (struct plan_form *[]){&form}, 1, err);
    if (rc == WARD_OK)
        *out = id;
    plan_form_free(&form);
    plan_scope_close(&scope);
    return rc;
}
