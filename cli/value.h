/* value.h - values of fields, as models and as people read them. */
#ifndef WARD_CLI_VALUE_H
#define WARD_CLI_VALUE_H

#include "cli.h"

#include <wardsync_plan.h>

/* References are codes. After cli_names. */
json_t *cli_value_json(struct cli *c, uint32_t kind, uint32_t field, const struct ward_value *value);
/* The code of a unit or task, as models show it. */
const char *cli_record_code(struct cli *c, uint32_t kind, const struct ward_id *id);

/* A model of a value in words. */
const char *cli_value_plain(struct cli *c, uint32_t kind, uint32_t field, const json_t *value);
const char *cli_json_plain(struct cli *c, const json_t *value);
const char *cli_due_plain(struct cli *c, const char *text);
const char *cli_word_plain(struct cli *c, enum ward_word_list list, const char *text);

#endif
