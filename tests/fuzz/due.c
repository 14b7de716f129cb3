/* Dates, periods and due dates: what is read is written to a text that reads to the same, and the calendar counts back and forth. */
#include "domain/due.h"
#include "domain/date.h"
#include "fuzz.h"
#include "wardsync_plan.h"

static void check_date(const struct ward_date *d)
{
    char text[WARD_DATE_TEXT];
    struct ward_date again;
    int64_t days = ward_date_days(d);
    ward_date_format(text, d);
    CHECK(ward_date_parse(&again, text, strlen(text), NULL) == WARD_OK && ward_date_compare(d, &again) == 0);
    CHECK(ward_date_of_days(&again, days, NULL) == WARD_OK);
    CHECK(again.year == d->year && again.month == d->month && again.day == d->day);
    if (ward_date_of_days(&again, days + 1, NULL) == WARD_OK)
        CHECK(ward_date_compare(d, &again) < 0 && ward_date_days(&again) == days + 1);
}

static void check_period(const struct ward_period *period)
{
    char text[WARD_PERIOD_TEXT];
    struct ward_period again;
    struct ward_date first = ward_period_first_day(period), last = ward_period_last_day(period);
    ward_period_format(text, period);
    CHECK(ward_period_parse(&again, text, strlen(text), NULL) == WARD_OK);
    CHECK(again.unit == period->unit && again.year == period->year && again.index == period->index);
    check_date(&first);
    check_date(&last);
    CHECK(ward_date_compare(&first, &last) < 0);
    again = ward_period_of(period->unit, &first);
    CHECK(again.year == period->year && again.index == period->index);
    again = ward_period_of(period->unit, &last);
    CHECK(again.year == period->year && again.index == period->index);
}

static void check_due(const struct ward_due *due)
{
    char text[WARD_DUE_TEXT], twice[WARD_DUE_TEXT];
    struct ward_due again;
    struct ward_date on = {2026, 2, 28}, day;
    ward_due_format(text, due);
    CHECK(text[0] && ward_due_parse(&again, text, strlen(text), NULL) == WARD_OK && again.form == due->form);
    ward_due_format(twice, &again);
    CHECK(strcmp(text, twice) == 0);
    if (ward_due_last_day(due, &on, &day))
        check_date(&day);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    char *text = fuzz_text(p, len);
    struct ward_error err = {0};
    struct ward_date date;
    struct ward_period period;
    struct ward_due due;
    if (ward_date_parse(&date, text, len, &err) == WARD_OK)
        check_date(&date);
    if (ward_period_parse(&period, text, len, &err) == WARD_OK)
        check_period(&period);
    if (ward_due_parse(&due, text, len, &err) == WARD_OK)
        check_due(&due);
    else
        CHECK(err.code == WARD_ERR_DATE);
    if (len >= 4) {
        int32_t days;
        memcpy(&days, p, sizeof days);
        if (ward_date_of_days(&date, days, NULL) == WARD_OK)
            check_date(&date);
    }
    free(text);
    return 0;
}
