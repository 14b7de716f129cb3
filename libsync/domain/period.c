/* period.c - the rounds of recurring work: months, quarters, halves, years. */
#include <stdio.h>

#include "base/err.h"
#include "domain/date.h"
#include "domain/text.h"
#include "wardsync_plan.h"

/* By enum ward_period_unit. */
static const int months_of[] = {1, 3, 6, 12};

static int bad(const char *text, size_t len, struct ward_error *err)
{
    return ward_fail(err, WARD_ERR_DATE, "not a month, quarter, half or year like 2026-06, 2026-Q3, 2026-H1, 2026: %.*s",
                     plan_excerpt(text, len), text);
}

int ward_period_parse(struct ward_period *out, const char *text, size_t len, struct ward_error *err)
{
    if (len < 4 || !plan_year_ok(plan_digits(text, 4)) || (len > 4 && (len != 7 || text[4] != '-')))
        return bad(text, len, err);
    struct ward_period p = {WARD_EVERY_YEAR, plan_digits(text, 4), 1};
    if (len == 7 && text[5] == 'Q') {
        p.unit = WARD_EVERY_QUARTER;
        p.index = plan_digits(text + 6, 1);
    } else if (len == 7 && text[5] == 'H') {
        p.unit = WARD_EVERY_HALF;
        p.index = plan_digits(text + 6, 1);
    } else if (len == 7) {
        p.unit = WARD_EVERY_MONTH;
        p.index = plan_digits(text + 5, 2);
    }
    if (p.index < 1 || p.index > 12 / months_of[p.unit])
        return bad(text, len, err);
    *out = p;
    return WARD_OK;
}

void ward_period_format(char out[WARD_PERIOD_TEXT], const struct ward_period *period)
{
    static const char letter[] = {0, 'Q', 'H', 0}; /* by unit */
    char text[40];
    if (period->unit == WARD_EVERY_YEAR)
        snprintf(text, sizeof text, "%04d", period->year);
    else if (period->unit == WARD_EVERY_MONTH)
        snprintf(text, sizeof text, "%04d-%02d", period->year, period->index);
    else
        snprintf(text, sizeof text, "%04d-%c%d", period->year, letter[period->unit], period->index);
    snprintf(out, WARD_PERIOD_TEXT, "%.7s", text);
}

struct ward_period ward_period_of(enum ward_period_unit unit, const struct ward_date *day)
{
    return (struct ward_period){unit, day->year, (day->month - 1) / months_of[unit] + 1};
}

struct ward_date ward_period_first_day(const struct ward_period *period)
{
    return (struct ward_date){period->year, (period->index - 1) * months_of[period->unit] + 1, 1};
}

struct ward_date ward_period_last_day(const struct ward_period *period)
{
    int month = period->index * months_of[period->unit];
    return (struct ward_date){period->year, month, plan_days_of_month(period->year, month)};
}
