#define _GNU_SOURCE /* vasprintf */
#include "out.h"
#include "value.h"
#include "when.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_answer(struct cli *c, int rc, const json_t *model, cli_plain_fn *plain)
{
    if (c->json) {
        json_dumpf(model, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (plain) {
        plain(c, model);
    }
    if (fflush(stdout) || ferror(stdout))
        return cli_refuse(c, WARD_ERR_IO, "stdout");
    return rc;
}

void cli_line(struct cli *c, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    puts(cli_clean(c, cli_keep(c, n < 0 ? NULL : text), true));
}

bool cli_is_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

bool cli_is_live(const struct cli *c)
{
    return !c->quiet && !c->json && isatty(STDERR_FILENO);
}

json_t *cli_id_json(const struct ward_id *id)
{
    char hex[WARD_ID_HEX];
    ward_id_hex(hex, id);
    return json_string(hex);
}

bool cli_id_parse(const char *hex, struct ward_id *out)
{
    for (size_t i = 0; i < sizeof out->b; i++) {
        unsigned byte;
        // NOLINTNEXTLINE(cert-err34-c): two digits cannot be out of range
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        out->b[i] = (uint8_t)byte;
    }
    return hex[2 * sizeof out->b] == 0;
}

json_t *cli_hash_json(const struct ward_hash *hash)
{
    char hex[WARD_HASH_HEX];
    ward_hash_hex(hex, hash);
    return json_string(hex);
}

const char *cli_role_name(enum ward_role role)
{
    static const char *const names[] = {"root", "cell", "operator", "inspector", "hub"};
    return (size_t)role < sizeof names / sizeof names[0] ? names[role] : "?";
}

const char *cli_role_label(const char *name)
{
    static const struct {
        const char *name, *label;
    } labels[] = {
        {"cell", N_("cell")}, {"operator", N_("operator")}, {"inspector", N_("inspector")}, {"hub", N_("hub")}, {"root", N_("root")}};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strcmp(labels[i].name, name) == 0)
            return _(labels[i].label);
    return name;
}

static const char *bytes_plain(struct cli *c, json_int_t n)
{
    if (n < 10000)
        return cli_format(c, "%" JSON_INTEGER_FORMAT " B", n);
    return n < 10000000 ? cli_format(c, "%" JSON_INTEGER_FORMAT " kB", n / 1000)
                        : cli_format(c, "%" JSON_INTEGER_FORMAT " MB", n / 1000000);
}

static bool is_provisional(const json_t *row, const char *key)
{
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(row, "provisional"), i, name) if (strcmp(json_string_value(name), key) == 0) return true;
    return false;
}

const char *cli_cell(struct cli *c, const json_t *row, const struct cli_column *column)
{
    const json_t *value = json_object_get(row, column->key);
    const char *text = "";
    if (!value || json_is_null(value))
        return text;
    switch (column->show) {
    case CLI_TEXT:
    case CLI_LONG:
    case CLI_WRAP:
    case CLI_ID:
        text = cli_json_plain(c, value);
        break;
    case CLI_TIME:
        text = cli_time_local(c, value);
        break;
    case CLI_PERCENT:
        text = cli_format(c, "%" JSON_INTEGER_FORMAT " %%", json_integer_value(value));
        break;
    case CLI_BYTES:
        text = bytes_plain(c, json_integer_value(value));
        break;
    case CLI_SPAN:
        text = cli_span(c, json_integer_value(value));
        break;
    case CLI_DUE:
        text = cli_due_plain(c, json_string_value(value));
        break;
    case CLI_ROLE:
        text = cli_role_label(json_string_value(value));
        break;
    case CLI_WORD:
        text = cli_word_plain(c, column->words, json_string_value(value));
        break;
    }
    return is_provisional(row, column->key) ? cli_format(c, "%s (!)", text) : text;
}
