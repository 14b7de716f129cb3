/* csv.h - a reader of comma-separated values after RFC 4180: quoted cells with commas, quotes and line breaks in them; lines end in LF or
 * CRLF; a byte order mark at the start is skipped. Cells are UTF-8. */
#ifndef WARD_DOMAIN_CSV_H
#define WARD_DOMAIN_CSV_H

#include <stdbool.h>
#include <stddef.h>

struct ward_arena;
struct ward_error;

#define PLAN_CSV_CELLS_MAX 64 /* cells of one record */

struct plan_csv_cell {
    const char *text; /* in the arena, with a zero byte after it */
    size_t len;
    size_t line; /* where it begins, from 1 */
};
struct plan_csv_record {
    struct plan_csv_cell cells[PLAN_CSV_CELLS_MAX];
    size_t count;
    size_t line; /* where it begins */
};
struct plan_csv {
    const char *text;
    size_t len, at;
    size_t line; /* of the byte at `at` */
    struct ward_arena *arena;
};

/* text is borrowed for as long as records are read. */
void plan_csv_init(struct plan_csv *csv, const char *text, size_t len, struct ward_arena *arena);
/* The next record; *more is false at the end. WARD_ERR_PLAN_ROW with line and column, WARD_ERR_MEMORY. */
int plan_csv_next(struct plan_csv *csv, struct plan_csv_record *out, bool *more, struct ward_error *err);
/* A record without any text: a blank line, or commas alone. */
bool plan_csv_blank(const struct plan_csv_record *record);

#endif
