/* scope.h - what an operation works in: the replica, what names refer to, and who is at work. */
#ifndef WARD_DOMAIN_SCOPE_H
#define WARD_DOMAIN_SCOPE_H

#include "wardsync_plan.h"

struct plan_scope {
    ward_replica *r;
    ward_plan_index *index;
    struct ward_id own_unit;
    enum ward_role role;
};

/* After an error nothing needs to be closed. */
int plan_scope_open(struct plan_scope *scope, ward_replica *r, struct ward_error *err);
void plan_scope_close(struct plan_scope *scope);
/* The unit of a code or id; this device's own where reference is NULL. */
int plan_scope_unit(const struct plan_scope *scope, const char *reference, struct ward_id *out, struct ward_error *err);
/* The plan of a code or id; where reference is NULL the only plan of the ward, if it has just one (else *found is false). */
int plan_scope_plan(const struct plan_scope *scope, const char *reference, struct ward_id *out, bool *found, struct ward_error *err);
/* WARD_ERR_NOT_ENTITLED, unless an operator is at work. */
int plan_scope_operator(const struct plan_scope *scope, const char *what, struct ward_error *err);

#endif
