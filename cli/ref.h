/* ref.h - names of units, devices and records, both ways. */
#ifndef WARD_CLI_REF_H
#define WARD_CLI_REF_H

#include "cli.h"

#include <wardsync_plan.h>

/* Loads the snapshot that the names below come from; what is asked for after a write or a sync is asked for after cli_names_forget.
 * CLI_DONE or CLI_FAILED, reported. */
int cli_names(struct cli *c);
void cli_names_forget(struct cli *c);
/* Only after cli_names. */
const struct ward_plan_index *cli_index(const struct cli *c);
/* "unit / device", or the device alone where the unit is "". */
const char *cli_who(struct cli *c, const char *unit, const char *device);
const char *cli_unit_code(struct cli *c, const struct ward_id *unit);      /* or its id; "" for the root, which has none */
const char *cli_device_name(struct cli *c, const struct ward_hash *grant); /* or its id */
const char *cli_space_name(struct cli *c, const struct ward_id *circle, size_t count);

/* What a user means: CLI_DONE, or CLI_FAILED, reported. */
int cli_find(struct cli *c, uint32_t kind, const char *reference, struct ward_id *out);
int cli_find_unit(struct cli *c, const char *code, struct ward_id *out);
/* By name or by at least 4 digits of its id. */
int cli_find_device(struct cli *c, const char *reference, struct ward_hash *out);
/* The same without a word: whether it names one device. After cli_names. */
bool cli_is_device(struct cli *c, const char *reference, struct ward_hash *out);
int cli_self(struct cli *c, struct ward_self *out);

/* {ward, device, unit, role, ...} of this device. NULL if that failed, reported. */
json_t *cli_self_json(struct cli *c);
/* The ward's devices, this one left out unless `all`: [{id, name, unit, role, self, ended, last_contact, backlog, clock_offset_ms,
 * address, words, former: [{id, ended, asks, forked}], asks, forked}]. One that goes on under new keys is one row; forked: under these keys
 * two histories were written (`fork list`). After cli_names. */
json_t *cli_devices_json(struct cli *c, bool all);
json_t *cli_device_json(struct cli *c, const struct ward_device *device);
const struct ward_device *cli_device(struct cli *c, const struct ward_hash *grant); /* NULL: unknown */
bool cli_self_ended(struct cli *c);                                                 /* its rights were revoked; after cli_names */

#endif
