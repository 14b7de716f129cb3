/* date.c - calendar dates of the proleptic Gregorian calendar, without a zone. */
#include <stdio.h>

#include "base/err.h"
#include "domain/date.h"
#include "domain/text.h"
#include "wardsync_plan.h"

int plan_days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool plan_year_ok(int year)
{
    return year >= PLAN_YEAR_MIN && year <= PLAN_YEAR_MAX;
}

int ward_date_parse(struct ward_date *out, const char *text, size_t len, struct ward_error *err)
{
    bool shape = len == 10 && text[4] == '-' && text[7] == '-';
    struct ward_date d = {-1, -1, -1};
    if (shape)
        d = (struct ward_date){plan_digits(text, 4), plan_digits(text + 5, 2), plan_digits(text + 8, 2)};
    if (!shape || d.year < 0 || d.month < 0 || d.day < 0)
        return ward_fail(err, WARD_ERR_DATE, "not a date like 2026-05-31: %.*s", plan_excerpt(text, len), text);
    if (!plan_year_ok(d.year) || d.month < 1 || d.month > 12 || d.day < 1 || d.day > plan_days_of_month(d.year, d.month))
        return ward_fail(err, WARD_ERR_DATE, "no such day: %.*s", (int)len, text);
    *out = d;
    return WARD_OK;
}

void ward_date_format(char out[WARD_DATE_TEXT], const struct ward_date *date)
{
    char text[40];
    snprintf(text, sizeof text, "%04d-%02d-%02d", date->year, date->month, date->day);
    snprintf(out, WARD_DATE_TEXT, "%.10s", text);
}

/* Both directions count from 0000-03-01, so that the leap day is the last of its year; an era is 400 years or 146,097 days. */
#define ERA_DAYS  146097
#define EPOCH_DAY 719468 /* 1970-01-01 */

int64_t ward_date_days(const struct ward_date *date)
{
    int64_t year = date->year - (date->month <= 2);
    int64_t era = year / 400, year_of_era = year % 400;
    int64_t month_from_march = (date->month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date->day - 1;
    return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_DAY;
}

int ward_date_of_days(struct ward_date *out, int64_t days, struct ward_error *err)
{
    static const struct ward_date last = {PLAN_YEAR_MAX, 12, 31};
    if (days < 0 || days > ward_date_days(&last))
        return ward_fail(err, WARD_ERR_DATE, "day %lld is outside 1970 ... 9999", (long long)days);
    int64_t z = days + EPOCH_DAY;
    int64_t era = z / ERA_DAYS, day_of_era = z % ERA_DAYS;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (ERA_DAYS - 1)) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    out->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    out->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    out->year = (int)(era * 400 + year_of_era + (out->month <= 2));
    return WARD_OK;
}

int ward_date_compare(const struct ward_date *a, const struct ward_date *b)
{
    int64_t difference = ward_date_days(a) - ward_date_days(b);
    return (difference > 0) - (difference < 0);
}
