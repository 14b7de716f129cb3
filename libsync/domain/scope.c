#include "domain/scope.h"

#include <string.h>

#include "base/err.h"
#include "domain/index.h"

int plan_scope_open(struct plan_scope *scope, ward_replica *r, struct ward_error *err)
{
    struct ward_self self;
    int rc = ward_self(r, &self, err);
    if (rc)
        return rc;
    *scope = (struct plan_scope){.r = r, .own_unit = self.unit, .role = self.role};
    return ward_plan_index_load(r, &scope->index, err);
}

void plan_scope_close(struct plan_scope *scope)
{
    ward_plan_index_free(scope->index);
    scope->index = NULL;
}

int plan_scope_unit(const struct plan_scope *scope, const char *reference, struct ward_id *out, struct ward_error *err)
{
    if (reference)
        return plan_index_find_unit(scope->index, reference, strlen(reference), out, err);
    *out = scope->own_unit;
    return WARD_OK;
}

int plan_scope_plan(const struct plan_scope *scope, const char *reference, struct ward_id *out, bool *found, struct ward_error *err)
{
    if (reference) {
        int rc = plan_index_find_plan(scope->index, reference, strlen(reference), out, err);
        *found = rc == WARD_OK;
        return rc;
    }
    *found = ward_plan_index_plan_count(scope->index) == 1;
    if (*found)
        *out = ward_plan_index_plan(scope->index, 0)->id;
    return WARD_OK;
}

int plan_scope_operator(const struct plan_scope *scope, const char *what, struct ward_error *err)
{
    if (scope->role == WARD_ROLE_OPERATOR || scope->role == WARD_ROLE_ROOT)
        return WARD_OK;
    return ward_fail(err, WARD_ERR_NOT_ENTITLED, "%s is for an operator", what);
}
