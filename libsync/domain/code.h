/* code.h - human codes of new records. */
#ifndef WARD_DOMAIN_CODE_H
#define WARD_DOMAIN_CODE_H

#include "domain/form.h"

/* Writes the code of a new task or proposal: `wanted` if it is free (WARD_ERR_EXISTS), or PREFIX-NN with the next number known here where
 * wanted is NULL. */
int plan_code_assign(ward_replica *r, struct plan_form *form, const char *wanted, const char *prefix, struct ward_error *err);

#endif
