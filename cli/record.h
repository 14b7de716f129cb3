/* record.h - records of any kind as models. Call cli_names first. */
#ifndef WARD_CLI_RECORD_H
#define WARD_CLI_RECORD_H

#include "out.h"

/* {id, every field: its value, conflicts, provisional: [fields shown until someone decides], proposed: [fields beside whose value one of
 * lesser authority stands]}. References are codes. */
json_t *cli_row(struct cli *c, uint32_t kind, const ward_record *record);
/* {name: {value, by, unit, at, others: [{value, by, unit, at}]}} of the fields that were written. */
json_t *cli_fields(struct cli *c, uint32_t kind, const ward_record *record);
/* May amend a record's row; false leaves it out of a list. */
typedef bool cli_row_fn(struct cli *c, const ward_record *record, json_t *row, void *ctx);
/* A list on its way: rows as records come. */
struct cli_rows {
    struct cli *c;
    uint32_t kind;
    cli_row_fn *amend; /* may be NULL */
    void *ctx;
    size_t limit; /* 0: none */
    json_t *out;
    uint64_t found; /* with those beyond the limit */
};
int cli_add_row(void *ctx, const ward_record *record); /* a ward_record_fn; ctx: the struct */
/* Rows of all shown records of a kind, in order of id. CLI_DONE or CLI_FAILED, reported. */
int cli_rows(struct cli *c, uint32_t kind, cli_row_fn *amend, void *ctx, json_t **out);
/* The page of what an index finds: the first rows->limit, backwards the last. Whether it goes beyond them without looking at more: plain.
 * CLI_DONE or CLI_FAILED, reported. */
int cli_find_rows(struct cli_rows *rows, const struct ward_query *query, bool plain);
/* The same rows in the order of their codes, numbers within them as numbers; takes rows over. */
json_t *cli_sorted(struct cli *c, json_t *rows);

/* How many rows a list shows: --limit, all with --all or --json, else CLI_PAGE; 0: all. CLI_DONE or CLI_USAGE, reported. */
#define CLI_PAGE 200
#define CLI_PAGE_OPTIONS                                                                                                                   \
    {"limit", "N", N_("show no more than N rows (else 200; with --json all)"), 0},                                                         \
    {                                                                                                                                      \
        "all", NULL, N_("show all rows"), 0                                                                                                \
    }
int cli_page(struct cli *c, size_t *limit);
/* Says so below a list that shows part of what there is. */
void cli_page_note(struct cli *c, const json_t *rows);

/* The record a user names, as {row..., fields}. CLI_DONE or CLI_FAILED, reported. */
int cli_record(struct cli *c, uint32_t kind, const char *reference, cli_row_fn *amend, void *ctx, json_t **out);
/* Prints such a model: the fields with who wrote them and when, values that stand beside them below. */
void cli_record_plain(struct cli *c, uint32_t kind, const json_t *model);

/* A record in a few words: its title, name or text; "" if it is not here. */
const char *cli_title(struct cli *c, uint32_t kind, const struct ward_id *entity);

#endif
