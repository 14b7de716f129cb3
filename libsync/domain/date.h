/* date.h - what periods and due dates need of the calendar beyond wardsync_plan.h. */
#ifndef WARD_DOMAIN_DATE_H
#define WARD_DOMAIN_DATE_H

#include <stdbool.h>

#define PLAN_YEAR_MIN 1970
#define PLAN_YEAR_MAX 9999

/* month: 1 ... 12 */
int plan_days_of_month(int year, int month);
bool plan_year_ok(int year);

#endif
