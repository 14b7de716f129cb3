/* due.h - what other files of the domain need of due dates beyond wardsync_plan.h. */
#ifndef WARD_DOMAIN_DUE_H
#define WARD_DOMAIN_DUE_H

#include <stdbool.h>
#include <stddef.h>

bool plan_event_name_ok(const char *name, size_t len);

#endif
