/* task_view.h - parts of a task's view and of the list's filter, for whoever has no record at hand but some of its values. */
#ifndef WARD_DOMAIN_TASK_VIEW_H
#define WARD_DOMAIN_TASK_VIEW_H

#include <stdbool.h>

#include "wardsync_plan.h"

/* All of the view but the percentage. */
void plan_task_view_of(const ward_plan_index *index, const struct ward_value *status, const struct ward_value *due,
                       const struct ward_date *today, struct ward_task_view *out);
/* What the filter asks of status and due date. */
bool plan_filter_state(const struct ward_task_filter *filter, const struct ward_task_view *view);
bool plan_in_section(const struct ward_value *v, const char *section);

#endif
