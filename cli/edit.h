/* edit.h - what the commands of all kinds of records have in common. */
#ifndef WARD_CLI_EDIT_H
#define WARD_CLI_EDIT_H

#include "out.h"

/* The arguments from the nth on as FIELD=VALUE; a value @FILE is that file's text. CLI_DONE or CLI_FAILED / CLI_USAGE, reported. */
int cli_assignments(struct cli *c, size_t n, const char ***out, size_t *count);
/* An option that is a reference; *out is set to `id` if it was given, else NULL. */
int cli_opt_find(struct cli *c, const char *name, uint32_t kind, struct ward_id *id, const struct ward_id **out);
/* Answers with the id of what was written. */
int cli_answer_id(struct cli *c, const struct ward_id *id);

/* `set REFERENCE FIELD=VALUE...` */
int cli_run_set(struct cli *c, uint32_t kind);

/* What a list shows: rows whose member `key` is value; NULL: any. The option has the member's name. */
struct cli_match {
    const char *key;
    const char *value;
    struct ward_id id; /* of what a reference means */
};
/* Sets value from the option: as it stands, as the code of the unit or task it means, or as a word of a list. CLI_DONE or CLI_FAILED,
 * reported. */
int cli_match_text(struct cli *c, struct cli_match *match);
int cli_match_reference(struct cli *c, struct cli_match *match, uint32_t kind);
int cli_match_word(struct cli *c, struct cli_match *match, enum ward_word_list list);
/* matches ends with a NULL key. */
bool cli_matches(const json_t *row, const struct cli_match *matches);

#endif
