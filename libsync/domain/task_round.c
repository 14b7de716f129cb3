/* task_round.c - the rounds of recurring tasks. A round's id follows from series and period and its values from the series, so that two
 * devices that open it while apart make one and the same task. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "domain/form.h"
#include "domain/task_chain.h"
#include "domain/text.h"

static int series_due(const struct plan_form *series, struct ward_due *due, struct ward_error *err)
{
    struct ward_value text = plan_form_value(series, WARD_TASK_DUE);
    if (text.type != WARD_TEXT || ward_due_parse(due, (const char *)text.p, text.len, NULL) || due->form != WARD_DUE_EVERY)
        return ward_fail(err, WARD_ERR_STATE, "the task is not a recurring one (due=every:...)");
    return WARD_OK;
}

/* The round as it may have been opened already, for the series or what it was before moves. *found says so. */
static int look_for(ward_replica *r, const struct ward_id *series, const struct ward_period *period, struct ward_id *out, bool *found,
                    struct ward_error *err)
{
    struct ward_id chain[PLAN_MOVES_MAX];
    size_t count = plan_task_chain(r, series, chain);
    *found = false;
    for (size_t i = 0; i < count && !*found; i++) {
        struct ward_id id;
        ward_record *rec;
        ward_plan_occurrence_id(&id, &chain[i], period);
        int rc = ward_get(r, WARD_KIND_TASK, &id, true, &rec, err);
        if (rc == WARD_ERR_NOT_FOUND)
            continue;
        if (rc)
            return rc;
        ward_record_free(rec);
        *found = true;
        rc = ward_plan_task_current(r, &id, out, err);
        if (rc)
            return ward_fail(err, WARD_ERR_STATE, "this round was deleted");
    }
    return WARD_OK;
}

static int set_code(struct plan_form *form, const struct plan_form *series, const char *period, struct ward_error *err)
{
    char text[PLAN_CODE_MAX + 1];
    struct ward_value code = plan_form_value(series, WARD_TASK_CODE);
    int n = snprintf(text, sizeof text, "%.*s/%s", code.type == WARD_TEXT ? (int)code.len : 0, code.p ? (const char *)code.p : "", period);
    if (n < 0 || (size_t)n >= sizeof text)
        return ward_fail(err, WARD_ERR_VALUE, "the series' code is too long to add /%s", period);
    return plan_form_set_text(form, WARD_TASK_CODE, text, err);
}

static int fill(struct plan_form *form, const struct plan_form *series, const struct ward_period *period, struct ward_error *err)
{
    /* what belongs to the series itself, or to the work on one round */
    static const uint32_t without[] = {
        WARD_TASK_CODE,   WARD_TASK_DUE,     WARD_TASK_SERIES,   WARD_TASK_PERIOD,  WARD_TASK_MOVED_FROM, WARD_TASK_MOVED_TO, WARD_TASK_ROW,
        WARD_TASK_STATUS, WARD_TASK_PERCENT, WARD_TASK_OBSTACLE, WARD_TASK_WAY_OUT, WARD_TASK_DOCUMENTS,  WARD_TASK_REACHED,  0};
    char text[WARD_PERIOD_TEXT], day[WARD_DATE_TEXT];
    struct ward_date last = ward_period_last_day(period);
    ward_period_format(text, period);
    ward_date_format(day, &last);
    form->space = series->space;
    int rc = plan_form_copy(form, series, without, err);
    if (rc == WARD_OK)
        rc = set_code(form, series, text, err);
    if (rc == WARD_OK)
        rc = plan_form_set_id(form, WARD_TASK_SERIES, &series->id, err);
    if (rc == WARD_OK)
        rc = plan_form_set_text(form, WARD_TASK_PERIOD, text, err);
    if (rc == WARD_OK)
        rc = plan_form_set_text(form, WARD_TASK_DUE, day, err);
    return rc;
}

static int write_round(ward_replica *r, const struct plan_form *series, const struct ward_period *period, struct ward_id *out,
                       struct ward_error *err)
{
    struct plan_form form;
    struct ward_id id;
    ward_plan_occurrence_id(&id, &series->id, period);
    plan_form_init(&form, WARD_KIND_TASK, &id);
    int rc = fill(&form, series, period, err);
    if (rc == WARD_OK)
        rc = plan_commit(r, (struct plan_form *[]){&form}, 1, err);
    if (rc == WARD_OK)
        *out = id;
    plan_form_free(&form);
    return rc;
}

static int open_round(ward_replica *r, const struct plan_form *series, const struct ward_period *period, const struct ward_date *today,
                      struct ward_id *out, bool *created, struct ward_error *err)
{
    struct ward_due due;
    struct ward_period which;
    bool found;
    int rc = series_due(series, &due, err);
    if (rc)
        return rc;
    which = period ? *period : ward_period_of(due.every, today);
    if (which.unit != due.every)
        return ward_fail(err, WARD_ERR_STATE, "the period is of another length than the task's rounds");
    rc = look_for(r, &series->id, &which, out, &found, err);
    if (rc == WARD_OK && !found)
        rc = write_round(r, series, &which, out, err);
    if (rc == WARD_OK)
        *created = !found;
    return rc;
}

int ward_plan_task_open(ward_replica *r, const struct ward_id *series, const struct ward_period *period, const struct ward_date *today,
                        struct ward_id *out, bool *created, struct ward_error *err)
{
    struct plan_form form;
    struct ward_id id;
    int rc = ward_plan_task_current(r, series, &id, err);
    if (rc)
        return rc;
    rc = plan_form_load(&form, r, WARD_KIND_TASK, &id, false, err);
    if (rc == WARD_OK)
        rc = open_round(r, &form, period, today, out, created, err);
    plan_form_free(&form);
    return rc;
}
