/* history.h - who changed what, when, on which device. */
#ifndef WARD_CLI_HISTORY_H
#define WARD_CLI_HISTORY_H

#include "out.h"

struct cli_history_filter {
    uint32_t kind;                  /* of entity */
    const struct ward_id *entity;   /* NULL: all */
    size_t limit;                   /* the newest so many; 0: all */
    const struct ward_id *unit;     /* whose author's; NULL: all */
    int64_t since_ms;               /* by the authors' clocks; 0: all */
    const struct ward_hash *device; /* its changes alone, each with n: the how many-th of them arrived here */
    const struct ward_hash *aside;  /* what is set aside under this name, instead of what has effect */
};

/* [{at, unit, device, role, space, feed, seq, hash, own, reason?, ops: [{kind, entity, title, field, key?, value}]}], in order of arrival.
 * CLI_DONE or CLI_FAILED, reported. */
int cli_history(struct cli *c, const struct cli_history_filter *filter, json_t **out);
/* A line for each operation. */
void cli_history_plain(struct cli *c, const json_t *changes);

/* The changes that a proof file is about, once it was checked. CLI_DONE or CLI_FAILED, reported. */
int cli_history_of_proof(struct cli *c, const char *file, struct ward_proof *proof, json_t **out);

#endif
