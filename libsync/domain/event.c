/* event.c - events that work waits for: recorded once for the whole ward. */
#include <string.h>

#include "base/err.h"
#include "domain/due.h"
#include "domain/text.h"
#include "domain/value.h"

int ward_plan_event_record(ward_replica *r, const char *name, const struct ward_date *on, const char *text, struct ward_id *out,
                           struct ward_error *err)
{
    const struct plan_scope scope = {.r = r}; /* no field of an event refers to another record */
    struct plan_form form;
    struct ward_id id;
    char day[WARD_DATE_TEXT];
    if (!plan_event_name_ok(name, strlen(name)))
        return ward_fail(err, WARD_ERR_VALUE, "an event's name is 1 to %d letters, digits, '.', '_' or '-': %.*s", WARD_EVENT_NAME_MAX,
                         plan_excerpt(name, strlen(name)), name);
    ward_plan_event_id(&id, name);
    ward_date_format(day, on);
    int rc = plan_form_load(&form, r, WARD_KIND_EVENT, &id, true, err);
    if (rc == WARD_ERR_NOT_FOUND)
        rc = WARD_OK;
    ward_space_of_ward(r, &form.space);
    if (rc == WARD_OK)
        rc = plan_assign_field(&scope, &form, WARD_PLAN_EVENT_NAME, name, err);
    if (rc == WARD_OK)
        rc = plan_assign_field(&scope, &form, WARD_PLAN_EVENT_ON, day, err);
    if (rc == WARD_OK)
        rc = plan_assign_field(&scope, &form, WARD_PLAN_EVENT_TEXT, text, err);
    if (rc == WARD_OK)
        rc = plan_commit(r, (struct plan_form *[]){&form}, 1, err);
    if (rc == WARD_OK)
        *out = id;
    plan_form_free(&form);
    return rc;
}
