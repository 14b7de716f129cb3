/* task_view.c - what is derived from a task and today's date, and what a list shows. */
#include <string.h>

#include "base/err.h"
#include "domain/ref.h"
#include "domain/task_view.h"
#include "domain/text.h"
#include "wardsync_plan.h"

static bool at_rest(enum ward_task_status status)
{
    return status == WARD_TASK_DONE || status == WARD_TASK_PAUSED || status == WARD_TASK_CANCELLED;
}

void plan_task_view_of(const ward_plan_index *index, const struct ward_value *status, const struct ward_value *due,
                       const struct ward_date *today, struct ward_task_view *out)
{
    struct ward_task_view view = {.due.form = WARD_DUE_NONE};
    int word = status->type == WARD_TEXT ? ward_word_index(WARD_WORDS_TASK_STATUS, (const char *)status->p, status->len) : -1;
    view.status = word < 0 ? WARD_TASK_TODO : (enum ward_task_status)word;
    if (due->type == WARD_TEXT)
        ward_due_parse(&view.due, (const char *)due->p, due->len, NULL); /* leaves none where it cannot be read */
    const struct ward_date *event = view.due.form == WARD_DUE_EVENT ? ward_plan_index_event(index, view.due.event) : NULL;
    view.dormant = view.due.form == WARD_DUE_EVENT && !event;
    view.has_last_day = ward_due_last_day(&view.due, event, &view.last_day);
    if (view.has_last_day) {
        view.days_left = ward_date_days(&view.last_day) - ward_date_days(today);
        view.overdue = view.days_left < 0 && !at_rest(view.status);
    }
    *out = view;
}

void ward_plan_task_view(const ward_plan_index *index, const ward_record *task, const struct ward_date *today, struct ward_task_view *out)
{
    struct ward_value status = ward_record_value(task, WARD_TASK_STATUS), due = ward_record_value(task, WARD_TASK_DUE),
                      percent = ward_record_value(task, WARD_TASK_PERCENT);
    plan_task_view_of(index, &status, &due, today, out);
    out->percent = percent.type == WARD_INT ? percent.integer : 0;
}

int ward_task_filter_check(const struct ward_task_filter *filter, struct ward_error *err)
{
    const char *status = filter->status;
    if (!status || strcmp(status, "overdue") == 0 || ward_word_index(WARD_WORDS_TASK_STATUS, status, strlen(status)) >= 0)
        return WARD_OK;
    return ward_fail(err, WARD_ERR_VALUE, "no status '%.*s' (todo, doing, waiting, done, paused, cancelled, overdue)",
                     plan_excerpt(status, strlen(status)), status);
}

static bool holds_id(const ward_record *task, uint32_t field, const struct ward_id *id)
{
    struct ward_id held;
    struct ward_value value = ward_record_value(task, field);
    return plan_value_id(&value, &held) && ward_id_equal(&held, id);
}

static bool takes_part(const ward_record *task, const struct ward_id *unit)
{
    if (holds_id(task, WARD_TASK_LEAD, unit))
        return true;
    size_t count = ward_record_member_count(task, WARD_TASK_WITH);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key;
        size_t key_len;
        if (ward_record_member(task, WARD_TASK_WITH, i, &key, &key_len) == WARD_OK && key_len == WARD_ID_BYTES &&
            memcmp(key, unit->b, WARD_ID_BYTES) == 0)
            return true;
    }
    return false;
}

bool plan_in_section(const struct ward_value *v, const char *section)
{
    size_t len = strlen(section);
    return v->type == WARD_TEXT && v->len >= len && memcmp(v->p, section, len) == 0 && (v->len == len || v->p[len] == '.');
}

static bool has_status(const struct ward_task_view *view, const char *status)
{
    if (strcmp(status, "overdue") == 0)
        return view->overdue;
    return ward_word_index(WARD_WORDS_TASK_STATUS, status, strlen(status)) == (int)view->status;
}

bool plan_filter_state(const struct ward_task_filter *filter, const struct ward_task_view *view)
{
    if (filter->status && !has_status(view, filter->status))
        return false;
    if (filter->overdue && !view->overdue)
        return false;
    return !filter->due_within_set || (view->has_last_day && view->days_left <= filter->due_within_days && !at_rest(view->status));
}

static bool is_proposed(const ward_record *task)
{
    const struct ward_kind_def *kind = ward_plan_kind_def(WARD_KIND_TASK);
    for (size_t i = 0; i < kind->field_count; i++)
        if (ward_record_is_proposed(task, kind->fields[i].number))
            return true;
    return false;
}

bool ward_task_filter_match(const struct ward_task_filter *filter, const ward_record *task, const struct ward_task_view *view)
{
    struct ward_value section = filter->section ? ward_record_value(task, WARD_TASK_SECTION) : ward_value_null();
    if (filter->unit && !takes_part(task, filter->unit))
        return false;
    if (filter->plan && !holds_id(task, WARD_TASK_PLAN, filter->plan))
        return false;
    if (filter->section && !plan_in_section(&section, filter->section))
        return false;
    if (filter->proposed && !is_proposed(task))
        return false;
    return plan_filter_state(filter, view);
}

int ward_plan_days_parse(int64_t *out, const char *text, struct ward_error *err)
{
    size_t len = strlen(text);
    bool weeks = len > 0 && text[len - 1] == 'w', unit = weeks || (len > 0 && text[len - 1] == 'd');
    int64_t n;
    int rc = plan_int_parse(&n, text, len - unit, 0, 36600, NULL);
    if (rc)
        return ward_fail(err, WARD_ERR_VALUE, "not a number of days like 7d or 2w: %.*s", plan_excerpt(text, len), text);
    *out = weeks ? 7 * n : n;
    return WARD_OK;
}
