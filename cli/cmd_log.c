#include "commands.h"
#include "history.h"
#include "record.h"
#include "ref.h"
#include "when.h"

#include <string.h>

static int run(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_date day;
    struct ward_id unit;
    struct cli_history_filter filter = {0};
    const char *since = cli_opt(c, "since");
    json_auto_t *model = NULL;
    if (since && ward_date_parse(&day, since, strlen(since), &err))
        return cli_fail(c, &err);
    if (since)
        filter.since_ms = cli_day_start(&day);
    int rc = cli_page(c, &filter.limit);
    if (rc == CLI_DONE)
        rc = cli_open_to_read(c);
    if (rc == CLI_DONE && cli_opt(c, "unit")) {
        filter.unit = &unit;
        rc = cli_find_unit(c, cli_opt(c, "unit"), &unit);
    }
    if (rc == CLI_DONE)
        rc = cli_history(c, &filter, &model);
    return rc ? rc : cli_answer(c, CLI_DONE, model, cli_history_plain);
}

static const struct cli_option options[] = {
    {"since", "DATE", N_("only what was written from that day on, by the authors' clocks"), 0},
    {"unit", "CODE", N_("only what this unit wrote"), 0},
    CLI_PAGE_OPTIONS,
    {0},
};

const struct cli_command cmd_log = {
    .name = "log",
    .summary = N_("who changed what, when, on which device"),
    .run = run,
    .options = options,
    .details = N_("In the order in which changes arrived here, the newest at the end. The times are what the authors' clocks said."),
    .examples = "  wardsync log --since 2026-05-01 --unit CB03\n",
};
