/* plan_print.h - each imported record keeps a fingerprint of every cell it was imported from, so that the next import writes only cells
 * that changed in the file, and never takes back what people changed since. */
#ifndef WARD_DOMAIN_PLAN_PRINT_H
#define WARD_DOMAIN_PLAN_PRINT_H

#include "domain/form.h"
#include "domain/plan_rows.h"

/* Whether the file said the same in this cell at the last import. An empty cell says nothing. */
bool plan_print_same(const struct plan_form *form, const struct plan_cell *cell);
/* Writes the prints of the row's cells to the form; those of columns that this file does not have stay. */
int plan_print_write(struct plan_form *form, const struct plan_row *row, struct ward_error *err);

#endif
