/* set.c - FIELD=VALUE on records of any kind, deletion and its undoing. */
#include "base/err.h"
#include "domain/proposal.h"
#include "domain/task.h"
#include "domain/value.h"

static int assign_all(const struct plan_scope *scope, struct plan_form *form, const char *const *assignments, size_t count,
                      struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < count; i++)
        rc = plan_assign_pair(scope, form, assignments[i], err);
    return rc;
}

static int write_task(const struct plan_scope *scope, struct plan_form *form, const char *const *assignments, size_t count,
                      struct ward_id *now, struct ward_error *err)
{
    struct plan_form moved;
    bool did = false;
    int rc = assign_all(scope, form, assignments, count, err);
    if (rc == WARD_OK)
        rc = plan_task_settle(scope, form, &moved, &did, err);
    if (rc)
        return rc;
    *now = did ? moved.id : form->id;
    rc = plan_commit(scope->r, (struct plan_form *[]){form, &moved}, did ? 2 : 1, err);
    if (did)
        plan_form_free(&moved);
    return rc;
}

static int write(const struct plan_scope *scope, struct plan_form *form, const char *const *assignments, size_t count, struct ward_id *now,
                 struct ward_error *err)
{
    *now = form->id;
    if (form->kind == WARD_KIND_TASK)
        return write_task(scope, form, assignments, count, now, err);
    if (form->kind == WARD_KIND_PROPOSAL)
        return plan_proposal_write(scope, form, assignments, count, NULL, err);
    int rc = assign_all(scope, form, assignments, count, err);
    return rc ? rc : plan_commit(scope->r, (struct plan_form *[]){form}, 1, err);
}

int ward_plan_set(ward_replica *r, uint32_t kind, const struct ward_id *entity, const char *const *assignments, size_t count,
                  struct ward_id *now, struct ward_error *err)
{
    struct plan_scope scope;
    struct plan_form form;
    struct ward_id id = *entity;
    if (!ward_plan_kind_def(kind))
        return ward_fail(err, WARD_ERR_UNKNOWN_KIND, "kind %u", (unsigned)kind);
    int rc = kind == WARD_KIND_TASK ? ward_plan_task_current(r, entity, &id, err) : WARD_OK;
    if (rc == WARD_OK)
        rc = plan_scope_open(&scope, r, err);
    if (rc)
        return rc;
    rc = plan_form_load(&form, r, kind, &id, false, err);
    if (rc == WARD_OK)
        rc = write(&scope, &form, assignments, count, &id, err);
    if (rc == WARD_OK && now)
        *now = id;
    plan_form_free(&form);
    plan_scope_close(&scope);
    return rc;
}

static int write_presence(ward_replica *r, uint32_t kind, const struct ward_id *entity, bool present, struct ward_error *err)
{
    struct plan_form form;
    int rc = plan_form_load(&form, r, kind, entity, true, err);
    if (rc == WARD_OK && form.deleted != present)
        rc = ward_fail(err, WARD_ERR_NOTHING, present ? "it is not deleted" : "it is deleted already");
    form.restore = present;
    form.remove = !present;
    if (rc == WARD_OK)
        rc = plan_commit(r, (struct plan_form *[]){&form}, 1, err);
    plan_form_free(&form);
    return rc;
}

int ward_plan_delete(ward_replica *r, uint32_t kind, const struct ward_id *entity, struct ward_error *err)
{
    return write_presence(r, kind, entity, false, err);
}

int ward_plan_restore(ward_replica *r, uint32_t kind, const struct ward_id *entity, struct ward_error *err)
{
    return write_presence(r, kind, entity, true, err);
}
