/* note.c - notes on tasks, beside them in their space. */
#include "domain/value.h"

int ward_plan_note_add(ward_replica *r, const struct ward_id *task, const char *text, struct ward_id *out, struct ward_error *err)
{
    const struct plan_scope scope = {.r = r}; /* a note's text refers to nothing */
    struct plan_form form;
    struct ward_id id, about;
    struct ward_hash space;
    int rc = ward_plan_task_current(r, task, &about, err);
    if (rc == WARD_OK)
        rc = ward_space_of_record(r, &space, WARD_KIND_TASK, &about, err);
    if (rc == WARD_OK)
        rc = ward_new_id(r, &id, err);
    if (rc)
        return rc;
    plan_form_init(&form, WARD_KIND_NOTE, &id);
    form.space = space;
    rc = plan_form_set_id(&form, WARD_NOTE_TASK, &about, err);
    if (rc == WARD_OK)
        rc = plan_assign_field(&scope, &form, WARD_NOTE_TEXT, text, err);
    if (rc == WARD_OK)
        rc = plan_commit(r, (struct plan_form *[]){&form}, 1, err);
    if (rc == WARD_OK)
        *out = id;
    plan_form_free(&form);
    return rc;
}
