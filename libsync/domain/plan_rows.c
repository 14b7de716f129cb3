#include "domain/plan_rows.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "domain/csv.h"
#include "domain/heap.h"
#include "domain/text.h"

void plan_rows_free(struct plan_rows *rows)
{
    ward_release(&plan_heap, rows->rows);
    ward_arena_free(&rows->arena);
    *rows = (struct plan_rows){0};
}

struct plan_row *plan_rows_add(struct plan_rows *rows, uint32_t kind, size_t cells)
{
    struct plan_row row = {.kind = kind};
    row.cells = ward_arena_take(&rows->arena, (cells + 1) * sizeof row.cells[0]);
    if (!row.cells || ward_grow(&plan_heap, (void **)&rows->rows, &rows->cap, rows->count, sizeof row))
        return NULL;
    rows->rows[rows->count] = row;
    return &rows->rows[rows->count++];
}

const struct plan_cell *plan_row_cell(const struct plan_row *row, uint32_t field)
{
    for (size_t i = 0; i < row->count; i++)
        if (row->cells[i].rule->def.number == field)
            return &row->cells[i];
    return NULL;
}

int plan_row_error(const struct plan_row *row, const struct plan_cell *cell, int code, struct ward_error *err)
{
    /* the row is not to blame for these */
    if (code == WARD_ERR_MEMORY || code == WARD_ERR_NOT_ENTITLED || code == WARD_ERR_IN_CONFLICT || (code >= 600 && code < 700))
        return code;
    if (row->path)
        ward_at(err, code, "%s", row->path);
    else if (cell)
        ward_at(err, code, "line %zu, column %zu", cell->line, cell->column);
    else
        ward_at(err, code, "line %zu", row->line);
    if (err)
        err->code = WARD_ERR_PLAN_ROW;
    return WARD_ERR_PLAN_ROW;
}

const struct plan_rule *plan_row_rule(uint32_t kind, const char *name, size_t len)
{
    const struct plan_rule *rule = plan_rule_named(kind, name, len);
    return rule && rule->flags & PLAN_COLUMN ? rule : NULL;
}

/* ---------------------------------------------------------------- CSV */

/* A record that begins with "row" is a header; it stays in force until the next one. Which of its columns a row may fill depends on the
 * row's kind. */
static bool is_header(const struct plan_csv_record *record)
{
    return record->cells[0].len == 3 && memcmp(record->cells[0].text, "row", 3) == 0;
}

static int check_header(const struct plan_csv_record *record, struct ward_error *err)
{
    for (size_t i = 1; i < record->count; i++)
        for (size_t j = 0; j < i; j++)
            if (record->cells[i].len && record->cells[i].len == record->cells[j].len &&
                memcmp(record->cells[i].text, record->cells[j].text, record->cells[i].len) == 0)
                return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu, column %zu: '%.*s' stands twice", record->cells[i].line, i + 1,
                                 plan_excerpt(record->cells[i].text, record->cells[i].len), record->cells[i].text);
    return WARD_OK;
}

static int row_kind(const struct plan_csv_record *record, uint32_t *out, struct ward_error *err)
{
    static const uint32_t kinds[] = {WARD_KIND_PLAN, WARD_KIND_UNIT, WARD_KIND_TASK, WARD_KIND_PROPOSAL};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(record->cells[0].text, ward_plan_kind_def(kinds[i])->name) == 0) {
            *out = kinds[i];
            return WARD_OK;
        }
    }
    return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu, column 1: '%.*s' is none of plan, unit, task, proposal", record->line,
                     plan_excerpt(record->cells[0].text, record->cells[0].len), record->cells[0].text);
}

static int add_cell(struct plan_row *row, const struct plan_csv_cell *name, const struct plan_csv_cell *cell, size_t column,
                    struct ward_error *err)
{
    const struct plan_rule *rule = plan_row_rule(row->kind, name->text, name->len);
    if (rule) {
        row->cells[row->count++] = (struct plan_cell){rule, cell->text, cell->len, cell->line, column};
        return WARD_OK;
    }
    if (cell->len == 0)
        return WARD_OK; /* a column of other rows */
    return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu, column %zu: a row of kind %s has no column '%.*s'", cell->line, column,
                     ward_plan_kind_label(row->kind, WARD_LANG_EN), plan_excerpt(name->text, name->len), name->text);
}

static int add_record(struct plan_rows *rows, const struct plan_csv_record *names, const struct plan_csv_record *record,
                      struct ward_error *err)
{
    uint32_t kind = 0;
    int rc = row_kind(record, &kind, err);
    if (rc)
        return rc;
    if (record->count != names->count)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu: %zu columns, the header in line %zu has %zu", record->line, record->count,
                         names->line, names->count);
    if (rows->count == WARD_IMPORT_ROWS_MAX)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu: more than %u rows", record->line, WARD_IMPORT_ROWS_MAX);
    struct plan_row *row = plan_rows_add(rows, kind, record->count);
    if (!row)
        return ward_fail(err, WARD_ERR_MEMORY, "plan file");
    row->line = record->line;
    for (size_t i = 1; rc == WARD_OK && i < record->count; i++)
        rc = add_cell(row, &names->cells[i], &record->cells[i], i + 1, err);
    return rc;
}

static int read_csv(struct plan_rows *rows, const char *text, size_t len, struct ward_error *err)
{
    struct plan_csv csv;
    struct plan_csv_record names = {.count = 0}, record;
    bool more = true;
    plan_csv_init(&csv, text, len, &rows->arena);
    for (;;) {
        int rc = plan_csv_next(&csv, &record, &more, err);
        if (rc || !more)
            return rc;
        if (plan_csv_blank(&record))
            continue;
        if (is_header(&record)) {
            names = record;
            rc = check_header(&names, err);
        } else if (names.count == 0) {
            rc = ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu, column 1: a header is needed first: row,code,...", record.line);
        } else {
            rc = add_record(rows, &names, &record, err);
        }
        if (rc)
            return rc;
    }
}

int plan_rows_read(struct plan_rows *rows, const char *text, size_t len, struct ward_error *err)
{
    *rows = (struct plan_rows){0};
    ward_arena_init(&rows->arena, &plan_heap);
    if (len > WARD_IMPORT_BYTES_MAX)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "%zu bytes, a plan file has at most %u", len, WARD_IMPORT_BYTES_MAX);
    size_t at = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < len && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    return at < len && text[at] == '{' ? plan_rows_read_json(rows, text + at, len - at, err) : read_csv(rows, text, len, err);
}
