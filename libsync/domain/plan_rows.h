/* plan_rows.h - a plan file as rows, whichever form it was written in. Nothing is checked yet but names of rows and columns. */
#ifndef WARD_DOMAIN_PLAN_ROWS_H
#define WARD_DOMAIN_PLAN_ROWS_H

#include <stddef.h>

#include "base/arena.h"
#include "domain/schema.h"
#include "wardsync_plan.h"

struct plan_cell {
    const struct plan_rule *rule;
    const char *text; /* UTF-8, with a zero byte after it */
    size_t len;
    size_t line, column; /* 0 in JSON */
};
struct plan_row {
    uint32_t kind;
    struct plan_cell *cells;
    size_t count;
    size_t line;      /* 0 in JSON */
    const char *path; /* "tasks[3]" in JSON, else NULL */
};
struct plan_rows {
    struct ward_arena arena;
    struct plan_row *rows;
    size_t count, cap;
};

/* Reads CSV or JSON. rows must be freed in any case. WARD_ERR_PLAN_ROW, WARD_ERR_MEMORY. */
int plan_rows_read(struct plan_rows *rows, const char *text, size_t len, struct ward_error *err);
void plan_rows_free(struct plan_rows *rows);
/* A new row with room for `cells` cells; NULL without memory. WARD_IMPORT_ROWS_MAX is the caller's to check. */
struct plan_row *plan_rows_add(struct plan_rows *rows, uint32_t kind, size_t cells);
/* NULL where the row has no such cell. */
const struct plan_cell *plan_row_cell(const struct plan_row *row, uint32_t field);
/* Puts the place before the detail of an error that the row's content caused (cell may be NULL), and makes it WARD_ERR_PLAN_ROW. */
int plan_row_error(const struct plan_row *row, const struct plan_cell *cell, int code, struct ward_error *err);
/* The rule of a column of a row's kind; NULL if a plan file may not have it. */
const struct plan_rule *plan_row_rule(uint32_t kind, const char *name, size_t len);

/* plan_json.c */
int plan_rows_read_json(struct plan_rows *rows, const char *text, size_t len, struct ward_error *err);

#endif
