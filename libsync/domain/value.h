/* value.h - from what a user types to what is stored, by the field's content. */
#ifndef WARD_DOMAIN_VALUE_H
#define WARD_DOMAIN_VALUE_H

#include <stddef.h>

#include "domain/form.h"
#include "domain/schema.h"
#include "domain/scope.h"
#include "wardsync_plan.h"

/* Reads a text for a register. Empty text gives null, which clears, unless the field is required. *out points into the arena.
 * WARD_ERR_VALUE, WARD_ERR_DATE, WARD_ERR_UTF8, WARD_ERR_NOT_FOUND ...; the field's name stands in the detail. */
int plan_value_read(const struct plan_scope *scope, const struct plan_rule *rule, const char *text, size_t len, struct ward_arena *arena,
                    struct ward_value *out, struct ward_error *err);
/* Reads a text for any field and writes it to the form. Sets take "A,B" (exactly these) or "+A,-B"; a tally "+N" or "-N". */
int plan_assign(const struct plan_scope *scope, struct plan_form *form, const struct plan_rule *rule, const char *text, size_t len,
                struct ward_error *err);
/* The same with a NUL-terminated text, by field; text NULL does nothing. */
int plan_assign_field(const struct plan_scope *scope, struct plan_form *form, uint32_t field, const char *text, struct ward_error *err);
/* One "FIELD=VALUE" of those that users may set. WARD_ERR_UNKNOWN_FIELD, WARD_ERR_FIXED. */
int plan_assign_pair(const struct plan_scope *scope, struct plan_form *form, const char *assignment, struct ward_error *err);
/* A record that is about to be written must hold all fields that are required of its kind. WARD_ERR_VALUE. */
int plan_form_complete(const struct plan_form *form, struct ward_error *err);

#endif
