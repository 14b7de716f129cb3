/* Dates, periods and due dates: every form, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wardsync_plan.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct ward_date date(const char *text)
{
    struct ward_date d;
    assert_int_equal(ward_date_parse(&d, text, strlen(text), NULL), WARD_OK);
    return d;
}

static void assert_date(const struct ward_date *d, const char *text)
{
    char out[WARD_DATE_TEXT];
    ward_date_format(out, d);
    assert_string_equal(out, text);
}

static void dates_are_days_of_the_calendar(void **state)
{
    static const char *const bad[] = {"",           "2026",       "2026-5-31",  "2026-05-3",  "2026-05-311", "2026/05/31", "2026-02-29",
                                      "2100-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00",  "1969-12-31", "0000-01-01",
                                      "20a6-01-01", "2026-01-3x", "-026-01-01", " 026-01-01", "2026-1-001",  "2026-01- 1"};
    (void)state;
    assert_int_equal(date("2026-05-31").day, 31);
    assert_int_equal(date("2028-02-29").month, 2);
    assert_int_equal(date("2000-02-29").year, 2000);
    assert_int_equal(date("9999-12-31").year, 9999);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct ward_date d = {1, 2, 3};
        struct ward_error err = {0};
        assert_int_equal(ward_date_parse(&d, bad[i], strlen(bad[i]), &err), WARD_ERR_DATE);
        assert_int_equal(err.code, WARD_ERR_DATE);
        assert_int_equal(d.year, 1); /* outputs on success only */
    }
}

/* Walks every day of the calendar with a slow, obvious successor. */
static void every_day_counts_one(void **state)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct ward_date d = {1970, 1, 1}, back;
    int64_t n = 0;
    (void)state;
    for (; d.year <= 9999; n++) {
        int leap = (d.year % 4 == 0 && d.year % 100 != 0) || d.year % 400 == 0;
        assert_int_equal(ward_date_days(&d), n);
        assert_int_equal(ward_date_of_days(&back, n, NULL), WARD_OK);
        assert_memory_equal(&back, &d, sizeof d);
        if (++d.day > lengths[d.month - 1] + (d.month == 2 && leap)) {
            d.day = 1;
            if (++d.month > 12) {
                d.month = 1;
                d.year++;
            }
        }
    }
    assert_int_equal(ward_date_of_days(&back, n, NULL), WARD_ERR_DATE);
    assert_int_equal(ward_date_of_days(&back, -1, NULL), WARD_ERR_DATE);
}

static void dates_compare(void **state)
{
    struct ward_date a = date("2026-05-31"), b = date("2026-06-01");
    (void)state;
    assert_true(ward_date_compare(&a, &b) < 0);
    assert_true(ward_date_compare(&b, &a) > 0);
    assert_int_equal(ward_date_compare(&a, &a), 0);
}

static void periods_have_ends(void **state)
{
    static const struct {
        const char *text, *first, *last;
        enum ward_period_unit unit;
    } good[] = {
        {"2026-06", "2026-06-01", "2026-06-30", WARD_EVERY_MONTH},   {"2026-02", "2026-02-01", "2026-02-28", WARD_EVERY_MONTH},
        {"2028-02", "2028-02-01", "2028-02-29", WARD_EVERY_MONTH},   {"2026-12", "2026-12-01", "2026-12-31", WARD_EVERY_MONTH},
        {"2026-Q1", "2026-01-01", "2026-03-31", WARD_EVERY_QUARTER}, {"2026-Q2", "2026-04-01", "2026-06-30", WARD_EVERY_QUARTER},
        {"2026-Q3", "2026-07-01", "2026-09-30", WARD_EVERY_QUARTER}, {"2026-Q4", "2026-10-01", "2026-12-31", WARD_EVERY_QUARTER},
        {"2026-H1", "2026-01-01", "2026-06-30", WARD_EVERY_HALF},    {"2026-H2", "2026-07-01", "2026-12-31", WARD_EVERY_HALF},
        {"2026", "2026-01-01", "2026-12-31", WARD_EVERY_YEAR},       {"9999", "9999-01-01", "9999-12-31", WARD_EVERY_YEAR},
    };
    static const char *const bad[] = {"",        "26",      "2026-",   "2026-6", "2026-00", "2026-13",  "2026-Q0", "2026-Q5", "2026-H0",
                                      "2026-H3", "2026-q3", "1969-01", "2026-Q", "2026Q3",  "2026-06-", "20266",   "2026-W1", "2026 06"};
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct ward_period p;
        char text[WARD_PERIOD_TEXT];
        assert_int_equal(ward_period_parse(&p, good[i].text, strlen(good[i].text), NULL), WARD_OK);
        assert_int_equal(p.unit, good[i].unit);
        ward_period_format(text, &p);
        assert_string_equal(text, good[i].text);
        struct ward_date first = ward_period_first_day(&p), last = ward_period_last_day(&p);
        assert_date(&first, good[i].first);
        assert_date(&last, good[i].last);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct ward_period p;
        assert_int_equal(ward_period_parse(&p, bad[i], strlen(bad[i]), NULL), WARD_ERR_DATE);
    }
}

static void every_day_is_in_its_period(void **state)
{
    struct ward_date first = date("2027-01-01"), last = date("2028-12-31"), d;
    (void)state;
    for (int64_t n = ward_date_days(&first); n <= ward_date_days(&last); n++) {
        ward_date_of_days(&d, n, NULL);
        for (int unit = WARD_EVERY_MONTH; unit <= WARD_EVERY_YEAR; unit++) {
            struct ward_period p = ward_period_of((enum ward_period_unit)unit, &d);
            struct ward_date from = ward_period_first_day(&p), to = ward_period_last_day(&p);
            assert_true(ward_date_compare(&from, &d) <= 0 && ward_date_compare(&d, &to) <= 0);
        }
    }
}

static void due_dates_have_one_text(void **state)
{
    static const struct {
        const char *text, *canonical;
        enum ward_due_form form;
    } good[] = {
        {"2026-05-31", "2026-05-31", WARD_DUE_DAY},
        {"2026-05", "2026-05", WARD_DUE_PERIOD},
        {"2026-Q3", "2026-Q3", WARD_DUE_PERIOD},
        {"standing", "standing", WARD_DUE_STANDING},
        {"every:month", "every:month", WARD_DUE_EVERY},
        {"every:quarter", "every:quarter", WARD_DUE_EVERY},
        {"every:half", "every:half", WARD_DUE_EVERY},
        {"every:year", "every:year", WARD_DUE_EVERY},
        {"event:guidance+30", "event:guidance+30", WARD_DUE_EVENT},
        {"event:guidance", "event:guidance+0", WARD_DUE_EVENT},
        {"event:guidance+007", "event:guidance+7", WARD_DUE_EVENT},
        {"event:A.b_c-9+3660", "event:A.b_c-9+3660", WARD_DUE_EVENT},
        {"event:123456789012345678901234567890123456789012345678+3660", "event:123456789012345678901234567890123456789012345678+3660",
         WARD_DUE_EVENT},
    };
    static const char *const bad[] = {"",
                                      " ",
                                      "soon",
                                      "2026-02-30",
                                      "2026-13",
                                      "2026-Q5",
                                      "2026-H1",
                                      "2026",
                                      "Standing",
                                      "standing ",
                                      "every:",
                                      "every:day",
                                      "every:months",
                                      "every:month ",
                                      "event:",
                                      "event:+3",
                                      "event:a b+3",
                                      "event:g+",
                                      "event:g+-3",
                                      "event:g++3",
                                      "event:g+3d",
                                      "event:g+3661",
                                      "event:g+99999999999999999999",
                                      "event:\xc4\x91+3",
                                      "event:1234567890123456789012345678901234567890123456789+3",
                                      "2026-05-31T00:00",
                                      "\xff\xff\xff\xff"};
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct ward_due due, again;
        char text[WARD_DUE_TEXT];
        assert_int_equal(ward_due_parse(&due, good[i].text, strlen(good[i].text), NULL), WARD_OK);
        assert_int_equal(due.form, good[i].form);
        ward_due_format(text, &due);
        assert_string_equal(text, good[i].canonical);
        assert_int_equal(ward_due_parse(&again, text, strlen(text), NULL), WARD_OK);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct ward_due due = {.days = 77};
        struct ward_error err = {0};
        assert_int_equal(ward_due_parse(&due, bad[i], strlen(bad[i]), &err), WARD_ERR_DATE);
        assert_int_equal(due.days, 77);
        assert_true(err.detail[0] != 0);
    }
}

static void due_dates_have_a_last_day(void **state)
{
    static const struct {
        const char *due, *event, *last; /* last NULL: none */
    } rows[] = {
        {"2026-05-31", NULL, "2026-05-31"},
        {"2026-05", NULL, "2026-05-31"},
        {"2026-02", NULL, "2026-02-28"},
        {"2028-02", NULL, "2028-02-29"},
        {"2026-Q1", NULL, "2026-03-31"},
        {"2026-Q2", NULL, "2026-06-30"},
        {"2026-Q3", NULL, "2026-09-30"},
        {"2026-Q4", NULL, "2026-12-31"},
        {"standing", NULL, NULL},
        {"every:month", NULL, NULL},
        {"event:g+30", NULL, NULL},
        {"event:g+30", "2026-06-15", "2026-07-15"},
        {"event:g", "2026-06-15", "2026-06-15"},
        {"event:g+1", "2028-02-28", "2028-02-29"},
        {"event:g+366", "2026-12-31", "2028-01-01"},
        {"event:g+1", "9999-12-31", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ward_due due;
        struct ward_date event, last;
        assert_int_equal(ward_due_parse(&due, rows[i].due, strlen(rows[i].due), NULL), WARD_OK);
        if (rows[i].event)
            event = date(rows[i].event);
        bool has = ward_due_last_day(&due, rows[i].event ? &event : NULL, &last);
        assert_int_equal(has, rows[i].last != NULL);
        if (has)
            assert_date(&last, rows[i].last);
    }
}

static void rounds_have_one_id(void **state)
{
    struct ward_id series, other, a, b;
    struct ward_period june = {WARD_EVERY_MONTH, 2026, 6}, july = {WARD_EVERY_MONTH, 2026, 7};
    (void)state;
    memset(series.b, 1, sizeof series.b);
    memset(other.b, 2, sizeof other.b);
    ward_plan_occurrence_id(&a, &series, &june);
    ward_plan_occurrence_id(&b, &series, &june);
    assert_true(ward_id_equal(&a, &b));
    ward_plan_occurrence_id(&b, &series, &july);
    assert_false(ward_id_equal(&a, &b));
    ward_plan_occurrence_id(&b, &other, &june);
    assert_false(ward_id_equal(&a, &b));
}

static void days_are_read(void **state)
{
    static const char *const bad[] = {"", "d", "7days", "-1", "1.5", "w", "99999"};
    int64_t n;
    (void)state;
    assert_int_equal(ward_plan_days_parse(&n, "7d", NULL), WARD_OK);
    assert_int_equal(n, 7);
    assert_int_equal(ward_plan_days_parse(&n, "2w", NULL), WARD_OK);
    assert_int_equal(n, 14);
    assert_int_equal(ward_plan_days_parse(&n, "0", NULL), WARD_OK);
    assert_int_equal(n, 0);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(ward_plan_days_parse(&n, bad[i], NULL), WARD_ERR_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_days_of_the_calendar),
        cmocka_unit_test(every_day_counts_one),
        cmocka_unit_test(dates_compare),
        cmocka_unit_test(periods_have_ends),
        cmocka_unit_test(every_day_is_in_its_period),
        cmocka_unit_test(due_dates_have_one_text),
        cmocka_unit_test(due_dates_have_a_last_day),
        cmocka_unit_test(rounds_have_one_id),
        cmocka_unit_test(days_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
