/* out.h - answers: one JSON model, printed as it is with --json, else as tables and lines made from it. */
#ifndef WARD_CLI_OUT_H
#define WARD_CLI_OUT_H

#include "cli.h"

#include <wardsync_plan.h>

/* Prints a model, borrowed: with --json itself, else what plain makes of it (NULL: nothing). Returns rc, or CLI_FAILED if stdout cannot be
 * written. */
typedef void cli_plain_fn(struct cli *c, const json_t *model);
int cli_answer(struct cli *c, int rc, const json_t *model, cli_plain_fn *plain);

/* How a member of the model looks to people. */
enum cli_show {
    CLI_TEXT,
    CLI_LONG, /* may be cut where a terminal is too narrow */
    CLI_WRAP, /* may take several lines there */
    CLI_ID,   /* shortened to what tells the rows of a table apart, at least 8 digits */
    CLI_TIME, /* local */
    CLI_PERCENT,
    CLI_BYTES,
    CLI_SPAN, /* milliseconds */
    CLI_DUE,
    CLI_ROLE,
    CLI_WORD /* of a closed list: its label */
};
struct cli_column {
    const char *key;
    const char *title;
    enum cli_show show;
    enum ward_word_list words; /* with CLI_WORD */
};

/* The member of a row as text; where the row lists its key under "provisional" that is marked. */
const char *cli_cell(struct cli *c, const json_t *row, const struct cli_column *column);
/* Rows under headings; columns end with a NULL key. Nothing at all is printed for no rows but `empty`. */
void cli_table(struct cli *c, const json_t *rows, const struct cli_column *columns, const char *empty);
/* The members of one object, a line each, those that are null left out. */
void cli_pairs(struct cli *c, const json_t *object, const struct cli_column *columns);
/* A text in a line of its own. */
void cli_line(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether stdout (stderr) may carry colours and moving lines. */
bool cli_is_colour(void);
bool cli_is_live(const struct cli *c);

json_t *cli_id_json(const struct ward_id *id);
bool cli_id_parse(const char *hex, struct ward_id *out);
json_t *cli_hash_json(const struct ward_hash *hash);
const char *cli_role_name(enum ward_role role); /* stable */
const char *cli_role_label(const char *name);   /* in the user's language */

#endif
