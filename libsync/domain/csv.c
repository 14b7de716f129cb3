#include "domain/csv.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "domain/text.h"

void plan_csv_init(struct plan_csv *csv, const char *text, size_t len, struct ward_arena *arena)
{
    static const char mark[] = "\xef\xbb\xbf";
    *csv = (struct plan_csv){.text = text, .len = len, .line = 1, .arena = arena};
    if (len >= 3 && memcmp(text, mark, 3) == 0)
        csv->at = 3;
}

bool plan_csv_blank(const struct plan_csv_record *record)
{
    for (size_t i = 0; i < record->count; i++)
        if (!plan_text_blank(record->cells[i].text, record->cells[i].len))
            return false;
    return true;
}

static bool at_line_end(const struct plan_csv *csv)
{
    return csv->at == csv->len || csv->text[csv->at] == '\n' ||
           (csv->text[csv->at] == '\r' && csv->at + 1 < csv->len && csv->text[csv->at + 1] == '\n');
}

/* The bytes of a quoted cell, whose opening quote was read, up to its closing one; "" becomes ". */
static int read_quoted(struct plan_csv *csv, size_t column, struct plan_csv_cell *cell, struct ward_error *err)
{
    size_t start = csv->at, n = 0;
    for (; csv->at < csv->len; csv->at++, n++) {
        if (csv->text[csv->at] == '\n')
            csv->line++;
        if (csv->text[csv->at] != '"')
            continue;
        if (csv->at + 1 == csv->len || csv->text[csv->at + 1] != '"')
            break;
        csv->at++;
    }
    if (csv->at == csv->len)
        return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu, column %zu: a quoted cell does not end", cell->line, column);
    char *text = ward_arena_take(csv->arena, n + 1);
    if (!text)
        return ward_fail(err, WARD_ERR_MEMORY, "plan file");
    for (size_t from = start, to = 0; to < n; from++, to++) {
        text[to] = csv->text[from];
        if (text[to] == '"')
            from++;
    }
    csv->at++;
    cell->text = text;
    cell->len = n;
    if (!at_line_end(csv) && csv->text[csv->at] != ',')
        return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu, column %zu: text after the closing quote", csv->line, column);
    return WARD_OK;
}

static int read_plain(struct plan_csv *csv, size_t column, struct plan_csv_cell *cell, struct ward_error *err)
{
    size_t start = csv->at;
    while (!at_line_end(csv) && csv->text[csv->at] != ',') {
        if (csv->text[csv->at] == '"' || csv->text[csv->at] == '\r')
            return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu, column %zu: a cell with quotes or line breaks must stand in quotes",
                             csv->line, column);
        csv->at++;
    }
    char *text = ward_arena_take(csv->arena, csv->at - start + 1);
    if (!text)
        return ward_fail(err, WARD_ERR_MEMORY, "plan file");
    memcpy(text, csv->text + start, csv->at - start);
    cell->text = text;
    cell->len = csv->at - start;
    return WARD_OK;
}

static int read_cell(struct plan_csv *csv, size_t column, struct plan_csv_cell *cell, struct ward_error *err)
{
    int rc;
    cell->line = csv->line;
    if (csv->at < csv->len && csv->text[csv->at] == '"') {
        csv->at++;
        rc = read_quoted(csv, column, cell, err);
    } else {
        rc = read_plain(csv, column, cell, err);
    }
    if (rc == WARD_OK && !plan_utf8_valid(cell->text, cell->len))
        rc = ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu, column %zu: not valid UTF-8", cell->line, column);
    return rc;
}

static void skip_line_end(struct plan_csv *csv)
{
    if (csv->at < csv->len && csv->text[csv->at] == '\r')
        csv->at++;
    if (csv->at < csv->len) {
        csv->at++;
        csv->line++;
    }
}

int plan_csv_next(struct plan_csv *csv, struct plan_csv_record *out, bool *more, struct ward_error *err)
{
    *more = csv->at < csv->len;
    out->count = 0;
    out->line = csv->line;
    for (bool going = *more; going;) {
        if (out->count == PLAN_CSV_CELLS_MAX)
            return ward_fail(err, WARD_ERR_PLAN_ROW, "line %zu: more than %d columns", out->line, PLAN_CSV_CELLS_MAX);
        int rc = read_cell(csv, out->count + 1, &out->cells[out->count], err);
        if (rc)
            return rc;
        out->count++;
        going = csv->at < csv->len && csv->text[csv->at] == ',';
        if (going)
            csv->at++;
    }
    if (*more)
        skip_line_end(csv);
    return WARD_OK;
}
