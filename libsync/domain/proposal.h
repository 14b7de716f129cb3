/* proposal.h - the states of a model proposal and the plan's list of the selected ones. */
#ifndef WARD_DOMAIN_PROPOSAL_H
#define WARD_DOMAIN_PROPOSAL_H

#include "domain/form.h"
#include "domain/scope.h"

/* The space of the circle of the proposing unit and the owner of the plan. */
int plan_proposal_space(const struct plan_scope *scope, const struct plan_form *form, struct ward_hash *out, struct ward_error *err);
/* Applies assignments, `state=` among them, as one transaction. why may be NULL. */
int plan_proposal_write(const struct plan_scope *scope, struct plan_form *form, const char *const *assignments, size_t count,
                        const char *why, struct ward_error *err);

#endif
