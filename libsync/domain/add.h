/* add.h - a new record of any kind: its form filled in, and committed. */
#ifndef WARD_DOMAIN_ADD_H
#define WARD_DOMAIN_ADD_H

#include "domain/form.h"
#include "domain/scope.h"

/* Fills in an empty form from what the caller was given, the space too. */
typedef int plan_step_fn(const struct plan_scope *scope, struct plan_form *form, const void *given, struct ward_error *err);
/* write: commits the filled form, perhaps with others; NULL: alone. */
int plan_add(ward_replica *r, uint32_t kind, plan_step_fn *fill, plan_step_fn *write, const void *given, struct ward_id *out,
             struct ward_error *err);

#endif
