#include "domain/add.h"

int plan_add(ward_replica *r, uint32_t kind, plan_step_fn *fill, plan_step_fn *write, const void *given, struct ward_id *out,
             struct ward_error *err)
{
    struct plan_scope scope;
    struct plan_form form;
    struct ward_id id;
    int rc = ward_new_id(r, &id, err);
    if (rc == WARD_OK)
        rc = plan_scope_open(&scope, r, err);
    if (rc)
        return rc;
    plan_form_init(&form, kind, &id);
    rc = fill(&scope, &form, given, err);
    if (rc == WARD_OK)
        rc = write ? write(&scope, &form, given, err) : plan_commit(r, (struct plan_form *[]){&form}, 1, err);
    if (rc == WARD_OK)
        *out = id;
    plan_form_free(&form);
    plan_scope_close(&scope);
    return rc;
}
