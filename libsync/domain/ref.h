/* ref.h - what a user's reference means: a human code, an id, or the beginning of an id. */
#ifndef WARD_DOMAIN_REF_H
#define WARD_DOMAIN_REF_H

#include <stdbool.h>
#include <stddef.h>

#include "wardsync.h"

/* Candidates are shown to a match one by one; a code that is equal goes before ids that begin alike. Zero all but the first two. */
struct plan_match {
    const char *reference;
    size_t len;
    size_t by_code, by_id;
    struct ward_id code_id, prefix_id, other; /* the first of each; another one that matches alike */
};

void plan_match_look(struct plan_match *match, const struct ward_id *id, const void *code, size_t code_len);
/* The one that matched. WARD_ERR_NOT_FOUND, WARD_ERR_AMBIGUOUS. */
int plan_match_end(const struct plan_match *match, uint32_t kind, struct ward_id *out, struct ward_error *err);

/* The index of a kind's codes, or -1. */
int plan_code_index(uint32_t kind);
/* Whether the value is an id, and which. */
bool plan_value_id(const struct ward_value *value, struct ward_id *out);

#endif
