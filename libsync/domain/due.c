/* due.c - when work is due: the forms of the plan and the day that follows from them. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "domain/due.h"
#include "domain/text.h"
#include "wardsync_plan.h"

#define EVERY_PREFIX "every:"
#define EVENT_PREFIX "event:"

/* By enum ward_period_unit. */
static const char *const every_words[] = {"month", "quarter", "half", "year"};

static bool equals(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static bool starts(const char *text, size_t len, const char *prefix)
{
    return len > strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

static int bad(const char *text, size_t len, struct ward_error *err)
{
    return ward_fail(err, WARD_ERR_DATE,
                     "not a due date: %.*s (2026-05-31, 2026-05, 2026-Q3, standing, every:month|quarter|half|year, event:NAME+DAYS)",
                     plan_excerpt(text, len), text);
}

bool plan_event_name_ok(const char *name, size_t len)
{
    if (len == 0 || len > WARD_EVENT_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static int parse_every(struct ward_due *out, const char *text, size_t len, struct ward_error *err)
{
    size_t skip = strlen(EVERY_PREFIX);
    for (int unit = WARD_EVERY_MONTH; unit <= WARD_EVERY_YEAR; unit++) {
        if (equals(text + skip, len - skip, every_words[unit])) {
            out->form = WARD_DUE_EVERY;
            out->every = (enum ward_period_unit)unit;
            return WARD_OK;
        }
    }
    return bad(text, len, err);
}

static int parse_event(struct ward_due *out, const char *text, size_t len, struct ward_error *err)
{
    const char *name = text + strlen(EVENT_PREFIX);
    size_t rest = len - strlen(EVENT_PREFIX);
    const char *plus = memchr(name, '+', rest);
    size_t name_len = plus ? (size_t)(plus - name) : rest;
    int64_t days = 0;
    if (!plan_event_name_ok(name, name_len))
        return ward_fail(err, WARD_ERR_DATE, "an event's name is 1 to %d letters, digits, '.', '_' or '-': %.*s", WARD_EVENT_NAME_MAX,
                         plan_excerpt(text, len), text);
    if (plus && (rest - name_len < 2 || plan_digits(plus + 1, 1) < 0 ||
                 plan_int_parse(&days, plus + 1, rest - name_len - 1, 0, WARD_DUE_DAYS_MAX, NULL)))
        return ward_fail(err, WARD_ERR_DATE, "days after an event are 0 to %d: %.*s", WARD_DUE_DAYS_MAX, plan_excerpt(text, len), text);
    out->form = WARD_DUE_EVENT;
    memcpy(out->event, name, name_len);
    out->days = (int)days;
    return WARD_OK;
}

/* A month or a quarter; halves and years are rounds of recurring work, not due dates. */
static int parse_period(struct ward_due *out, const char *text, size_t len, struct ward_error *err)
{
    out->form = WARD_DUE_PERIOD;
    if (ward_period_parse(&out->period, text, len, NULL) ||
        (out->period.unit != WARD_EVERY_MONTH && out->period.unit != WARD_EVERY_QUARTER))
        return bad(text, len, err);
    return WARD_OK;
}

int ward_due_parse(struct ward_due *out, const char *text, size_t len, struct ward_error *err)
{
    struct ward_due due = {.form = WARD_DUE_NONE};
    int rc;
    if (equals(text, len, "standing")) {
        due.form = WARD_DUE_STANDING;
        rc = WARD_OK;
    } else if (starts(text, len, EVERY_PREFIX)) {
        rc = parse_every(&due, text, len, err);
    } else if (starts(text, len, EVENT_PREFIX)) {
        rc = parse_event(&due, text, len, err);
    } else if (len == 10) {
        due.form = WARD_DUE_DAY;
        rc = ward_date_parse(&due.day, text, len, err);
    } else {
        rc = parse_period(&due, text, len, err);
    }
    if (rc == WARD_OK)
        *out = due;
    return rc;
}

void ward_due_format(char out[WARD_DUE_TEXT], const struct ward_due *due)
{
    out[0] = 0;
    switch (due->form) {
    case WARD_DUE_NONE:
        break;
    case WARD_DUE_DAY:
        ward_date_format(out, &due->day);
        break;
    case WARD_DUE_PERIOD:
        ward_period_format(out, &due->period);
        break;
    case WARD_DUE_STANDING:
        snprintf(out, WARD_DUE_TEXT, "standing");
        break;
    case WARD_DUE_EVERY:
        snprintf(out, WARD_DUE_TEXT, EVERY_PREFIX "%s", every_words[due->every]);
        break;
    case WARD_DUE_EVENT:
        snprintf(out, WARD_DUE_TEXT, EVENT_PREFIX "%s+%d", due->event, due->days);
        break;
    }
}

bool ward_due_last_day(const struct ward_due *due, const struct ward_date *event_on, struct ward_date *out)
{
    switch (due->form) {
    case WARD_DUE_DAY:
        *out = due->day;
        return true;
    case WARD_DUE_PERIOD:
        *out = ward_period_last_day(&due->period);
        return true;
    case WARD_DUE_EVENT:
        return event_on && ward_date_of_days(out, ward_date_days(event_on) + due->days, NULL) == WARD_OK;
    case WARD_DUE_NONE:
    case WARD_DUE_STANDING:
    case WARD_DUE_EVERY:
        break;
    }
    return false;
}
