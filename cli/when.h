/* when.h - times and days as users write and read them. Milliseconds since 1970 UTC; 0 is never. */
#ifndef WARD_CLI_WHEN_H
#define WARD_CLI_WHEN_H

#include "cli.h"

#include <wardsync_plan.h>

/* "2026-05-31T01:02:03.456Z", or null. */
json_t *cli_time_json(int64_t ms);
/* What cli_time_json gave, as local time to the minute; "" for null. */
const char *cli_time_local(struct cli *c, const json_t *time);
/* A span for people: "3 s", "2 h"; the sign is kept. */
const char *cli_span(struct cli *c, int64_t ms);
/* "90", "60s", "5m", "2h", "1d". CLI_DONE or CLI_USAGE, reported. *out is left alone where the option was not given. */
int cli_opt_span(struct cli *c, const char *name, int64_t *out_ms);
#define CLI_DAY_MS 86400000
/* So many days from now. */
int64_t cli_in_days(int64_t days);
/* The local day, or WARDSYNC_TODAY. CLI_DONE or CLI_FAILED, reported. */
int cli_today(struct cli *c, struct ward_date *out);
/* The start of a local day. */
int64_t cli_day_start(const struct ward_date *day);

#endif
