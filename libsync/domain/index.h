/* index.h - building the snapshot of units, plans and events; reading it is in wardsync_plan.h. */
#ifndef WARD_DOMAIN_INDEX_H
#define WARD_DOMAIN_INDEX_H

#include <stddef.h>

#include "wardsync_plan.h"

/* Adds a unit that is about to be written, so that rows of the same file can name it. The code is copied. */
int plan_index_add_unit(ward_plan_index *index, const struct ward_id *id, const char *code, size_t code_len, struct ward_error *err);
/* Sets who decides in a plan that is about to be written; adds the plan if it is new. */
int plan_index_set_plan(ward_plan_index *index, const struct ward_id *id, const struct ward_id *owner, struct ward_error *err);
/* The unit or plan a user means: its code, its id, or a prefix of the id that fits one only. WARD_ERR_NOT_FOUND, WARD_ERR_AMBIGUOUS. */
int plan_index_find_unit(const ward_plan_index *index, const char *reference, size_t len, struct ward_id *out, struct ward_error *err);
int plan_index_find_plan(const ward_plan_index *index, const char *reference, size_t len, struct ward_id *out, struct ward_error *err);

#endif
