/* record.h - records of any kind as models. Call cli_names first. */
#ifndef WARD_CLI_RECORD_H
#define WARD_CLI_RECORD_H

#include "out.h"

/* {id, every field: its value, conflicts, provisional: [fields shown until someone decides], proposed: [fields beside whose value one of
 * lesser authority stands]}. References are codes. */
json_t *cli_row(struct cli *c, uint32_t kind, const ward_record *record);
/* How many fields have such a proposal. CLI_DONE or CLI_FAILED, reported. */
int cli_proposals(struct cli *c, json_int_t *out);
/* {name: {value, by, unit, at, others: [{value, by, unit, at}]}} of the fields that were written. */
json_t *cli_fields(struct cli *c, uint32_t kind, const ward_record *record);
/* May amend a record's row; false leaves it out of a list. */
typedef bool cli_row_fn(struct cli *c, const ward_record *record, json_t *row, void *ctx);
/* Rows of all shown records of a kind; amend may be NULL. CLI_DONE or CLI_FAILED, reported. */
int cli_rows(struct cli *c, uint32_t kind, cli_row_fn *amend, void *ctx, json_t **out);
/* The same rows in the order of their codes, numbers within them as numbers; takes rows over. */
json_t *cli_sorted(struct cli *c, json_t *rows);
/* The record a user names, as {row..., fields}. CLI_DONE or CLI_FAILED, reported. */
int cli_record(struct cli *c, uint32_t kind, const char *reference, cli_row_fn *amend, void *ctx, json_t **out);
/* Prints such a model: the fields with who wrote them and when, values that stand beside them below. */
void cli_record_plain(struct cli *c, uint32_t kind, const json_t *model);

/* A record in a few words: its title, name or text; "" if it is not here. */
const char *cli_title(struct cli *c, uint32_t kind, const struct ward_id *entity);

#endif
