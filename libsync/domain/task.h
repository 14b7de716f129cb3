/* task.h - the circle of a task, and its move to another. */
#ifndef WARD_DOMAIN_TASK_H
#define WARD_DOMAIN_TASK_H

#include "domain/form.h"
#include "domain/scope.h"

/* The space of the circle of the form's lead and co-operating units. WARD_ERR_LIMIT_CIRCLE. */
int plan_task_space(ward_replica *r, const struct plan_form *form, struct ward_hash *out, struct ward_error *err);
/* After edits: if they changed the circle, puts the whole task into `moved` (to be initialised by this; *did says whether), and leaves
 * `form` with the link to it and a deletion. Operators only; not while the task is in conflict (WARD_ERR_IN_CONFLICT). */
int plan_task_settle(const struct plan_scope *scope, struct plan_form *form, struct plan_form *moved, bool *did, struct ward_error *err);

#endif
