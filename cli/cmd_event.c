#include "commands.h"
#include "edit.h"
#include "record.h"
#include "when.h"

#include <string.h>

static int run_record(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id id;
    struct ward_date on;
    const char *day = cli_opt(c, "on");
    int rc = CLI_DONE;
    if (!day)
        rc = cli_today(c, &on);
    else if (ward_date_parse(&on, day, strlen(day), &err))
        rc = cli_fail(c, &err);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc)
        return rc;
    return ward_plan_event_record(c->replica, cli_arg(c, 0), &on, cli_opt(c, "text"), &id, &err) ? cli_fail(c, &err)
                                                                                                 : cli_answer_id(c, &id);
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "name", .title = N_("Event")},
                                                {.key = "on", .title = N_("On")},
                                                {.key = "text", .title = N_("Text"), .show = CLI_LONG},
                                                {0}};
    cli_table(c, model, columns, _("No event was recorded yet."));
}

static int run_list(struct cli *c)
{
    json_auto_t *rows = NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_rows(c, WARD_KIND_EVENT, NULL, NULL, &rows);
    return rc ? rc : cli_answer(c, CLI_DONE, rows, plain_list);
}

static const struct cli_option record_options[] = {
    {"on", "DATE", N_("the day it happened (else today)"), 0},
    {"text", "TEXT", N_("what happened, or the document's number"), 0},
    {0},
};

static const struct cli_command record = {
    .name = "record",
    .summary = N_("records that an event happened; tasks that wait for it become due"),
    .run = run_record,
    .args = "NAME",
    .args_min = 1,
    .args_max = 1,
    .options = record_options,
    .details = N_("Recording it again with another day corrects it."),
    .examples = "  wardsync event record huong-dan-thanh-pho --on 2026-06-15\n",
};

static const struct cli_command list = {
    .name = "list",
    .summary = N_("lists recorded events"),
    .run = run_list,
    .examples = "  wardsync event list\n",
};

const struct cli_command cmd_event = {
    .name = "event",
    .summary = N_("events that tasks wait for"),
    .subs = (const struct cli_command *const[]){&record, &list, NULL},
    .examples = "  wardsync event record huong-dan-thanh-pho\n",
};
