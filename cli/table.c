#include "out.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_DIGITS_MIN 8
#define LONG_SHARE    0.3 /* of a terminal, at least, for what may be cut */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* How many digits of the ids under `key` tell all rows apart. */
static int id_digits(const json_t *rows, const char *key)
{
    size_t n = json_array_size(rows), count = 0, digits = ID_DIGITS_MIN, i;
    const char **ids = calloc(n + 1, sizeof *ids);
    if (!ids)
        abort();
    json_t *row;
    json_array_foreach(rows, i, row) if (json_is_string(json_object_get(row, key))) ids[count++] =
        json_string_value(json_object_get(row, key));
    qsort(ids, count, sizeof *ids, compare_texts);
    for (i = 1; i < count; i++) {
        size_t common = 0;
        while (ids[i][common] && ids[i][common] == ids[i - 1][common])
            common++;
        if (ids[i][common] && common + 1 > digits)
            digits = common + 1;
    }
    free(ids);
    return (int)digits;
}

static struct libscols_table *new_table(void)
{
    struct libscols_table *table = scols_new_table();
    if (!table)
        abort();
    scols_table_enable_colors(table, cli_is_colour());
    if (!isatty(STDOUT_FILENO)) {
        scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
        scols_table_enable_nowrap(table, 1);
    }
    return table;
}

static int column_flags(enum cli_show show)
{
    switch (show) {
    case CLI_PERCENT:
    case CLI_BYTES:
        return SCOLS_FL_RIGHT;
    case CLI_LONG:
    case CLI_DUE:
        return SCOLS_FL_TRUNC;
    case CLI_WRAP:
        return SCOLS_FL_WRAP;
    default:
        return 0;
    }
}

static const char *cell_colour(const json_t *row, const struct cli_column *column, const char *text)
{
    size_t len = strlen(text);
    if (len > 4 && strcmp(text + len - 4, " (!)") == 0)
        return "yellow";
    return json_is_true(json_object_get(row, "overdue")) && column->show == CLI_DUE ? "red" : NULL;
}

static void fill_row(struct cli *c, struct libscols_line *line, const json_t *row, const struct cli_column *columns, const int *digits)
{
    for (size_t i = 0; columns[i].key; i++) {
        const char *text = cli_clean(c, cli_cell(c, row, &columns[i]), false);
        if (columns[i].show == CLI_ID && strlen(text) > (size_t)digits[i])
            text = cli_format(c, "%.*s", digits[i], text);
        scols_line_set_data(line, i, text);
        scols_cell_set_color(scols_line_get_cell(line, i), cell_colour(row, &columns[i], text));
    }
}

void cli_table(struct cli *c, const json_t *rows, const struct cli_column *columns, const char *empty)
{
    if (json_array_size(rows) == 0) {
        cli_line(c, "%s", empty);
        return;
    }
    size_t n = 0, i;
    while (columns[n].key)
        n++;
    struct libscols_table *table = new_table();
    int *digits = cli_keep(c, calloc(n + 1, sizeof *digits));
    for (i = 0; i < n; i++) {
        struct libscols_column *column =
            scols_table_new_column(table, _(columns[i].title), columns[i].show == CLI_LONG ? LONG_SHARE : 0, column_flags(columns[i].show));
        if (cli_is_colour())
            scols_cell_set_color(scols_column_get_header(column), "bold");
        digits[i] = columns[i].show == CLI_ID ? id_digits(rows, columns[i].key) : 0;
    }
    json_t *row;
    json_array_foreach(rows, i, row) fill_row(c, scols_table_new_line(table, NULL), row, columns, digits);
    scols_print_table(table);
    scols_unref_table(table);
}

void cli_pairs(struct cli *c, const json_t *object, const struct cli_column *columns)
{
    struct libscols_table *table = new_table();
    scols_table_enable_noheadings(table, 1);
    scols_table_new_column(table, "", 0, 0);
    scols_table_new_column(table, "", 0, SCOLS_FL_WRAP);
    for (; columns->key; columns++) {
        const char *text = cli_clean(c, cli_cell(c, object, columns), false);
        if (!*text)
            continue;
        struct libscols_line *line = scols_table_new_line(table, NULL);
        scols_line_set_data(line, 0, cli_format(c, "%s:", _(columns->title)));
        scols_line_set_data(line, 1, text);
    }
    scols_print_table(table);
    scols_unref_table(table);
}
