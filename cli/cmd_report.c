#include "commands.h"
#include "edit.h"
#include "record.h"

static int run_add(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id task, id;
    struct ward_report_spec spec = {.title = cli_arg(c, 0), .unit = cli_opt(c, "unit"), .period = cli_opt(c, "period")};
    int rc = cli_long_text(c, cli_opt(c, "body"), &spec.body);
    if (rc == CLI_DONE)
        rc = cli_long_text(c, cli_opt(c, "obstacle"), &spec.obstacle);
    if (rc == CLI_DONE)
        rc = cli_long_text(c, cli_opt(c, "way-out"), &spec.way_out);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_opt_find(c, "task", WARD_KIND_TASK, &task, &spec.task);
    if (rc)
        return rc;
    return ward_plan_report_add(c->replica, &spec, &id, &err) ? cli_fail(c, &err) : cli_answer_id(c, &id);
}

static bool keep(struct cli *c, const ward_record *record, json_t *row, void *ctx)
{
    (void)c;
    (void)record;
    return cli_matches(row, ctx);
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "id", .title = N_("Id"), .show = CLI_ID},
                                                {.key = "unit", .title = N_("Unit")},
                                                {.key = "task", .title = N_("Task")},
                                                {.key = "period", .title = N_("Period")},
                                                {.key = "title", .title = N_("Title"), .show = CLI_LONG},
                                                {0}};
    cli_table(c, model, columns, _("No such reports."));
    cli_page_note(c, model);
}

/* The newest ones, by what leaves fewest to look at. */
static int find_rows(struct cli_rows *rows, struct cli_match *matches)
{
    struct ward_value is = {.type = WARD_NULL};
    struct ward_query query = {.index = WARD_REPORTS, .is = &is, .is_count = 1, .backward = true};
    size_t given = 0;
    for (size_t i = 0; matches[i].key; i++)
        given += matches[i].value != NULL;
    if (matches[1].value) {
        query.index = WARD_REPORTS_BY_TASK;
        is = ward_value_id(&matches[1].id);
    } else if (matches[0].value) {
        query.index = WARD_REPORTS_BY_UNIT;
        is = ward_value_id(&matches[0].id);
    } else if (matches[2].value) {
        query.index = WARD_REPORTS_BY_PERIOD;
        is = ward_value_text(matches[2].value);
    } else {
        query.is_count = 0;
    }
    return cli_find_rows(rows, &query, given <= query.is_count);
}

static int run_list(struct cli *c)
{
    struct cli_match matches[] = {{.key = "unit"}, {.key = "task"}, {.key = "period"}, {0}};
    struct cli_rows rows = {.c = c, .kind = WARD_KIND_REPORT, .amend = keep, .ctx = matches};
    int rc = cli_page(c, &rows.limit);
    if (rc == CLI_DONE)
        rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_match_reference(c, &matches[0], WARD_KIND_UNIT);
    if (rc == CLI_DONE)
        rc = cli_match_reference(c, &matches[1], WARD_KIND_TASK);
    if (rc == CLI_DONE)
        rc = cli_match_text(c, &matches[2]);
    if (rc == CLI_DONE)
        rc = find_rows(&rows, matches);
    json_auto_t *model = rc ? NULL : rows.out;
    return rc ? rc : cli_answer(c, CLI_DONE, model, plain_list);
}

static void plain_show(struct cli *c, const json_t *model)
{
    cli_record_plain(c, WARD_KIND_REPORT, model);
}

static int run_show(struct cli *c)
{
    json_auto_t *model = NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_record(c, WARD_KIND_REPORT, cli_arg(c, 0), NULL, NULL, &model);
    return rc ? rc : cli_answer(c, CLI_DONE, model, plain_show);
}

static const struct cli_option add_options[] = {
    {"task", "TASK", N_("the task it is about (else the unit's work)"), 0},
    {"unit", "CODE", N_("who reports (else this device's unit)"), 0},
    {"period", "PERIOD", N_("2026-06, 2026-Q3, 2026-H1 or 2026 (else ad hoc)"), 0},
    {"body", "TEXT", N_("the report's text; @FILE or - reads a file or stdin"), 0},
    {"obstacle", "TEXT", N_("what blocks the work"), 0},
    {"way-out", "TEXT", N_("the proposed way out"), 0},
    {0},
};

static const struct cli_command add = {
    .name = "add",
    .summary = N_("adds a report on a task or on a unit's period"),
    .run = run_add,
    .args = "TITLE",
    .args_min = 1,
    .args_max = 1,
    .options = add_options,
    .details = N_("Prints the report's id."),
    .examples = "  wardsync report add \"Báo cáo tháng 5\" --period 2026-05 --body @bao-cao.txt\n"
                "  wardsync report add \"Tiến độ\" --task II.1-01 --body \"Đã quán triệt 80 % đảng viên\"\n",
};

static const struct cli_option list_options[] = {
    {"unit", "CODE", N_("only of this unit"), 0},
    {"task", "TASK", N_("only about this task"), 0},
    {"period", "PERIOD", N_("only of this period"), 0},
    CLI_PAGE_OPTIONS,
    {0},
};

static const struct cli_command list = {
    .name = "list",
    .summary = N_("lists reports"),
    .run = run_list,
    .options = list_options,
    .examples = "  wardsync report list --unit CB03\n",
};

static const struct cli_command show = {
    .name = "show",
    .summary = N_("shows a report"),
    .run = run_show,
    .args = "REPORT",
    .args_min = 1,
    .args_max = 1,
    .details = N_("REPORT is its id or at least the first 4 digits of it."),
    .examples = "  wardsync report show 019e2c41\n",
};

const struct cli_command cmd_report = {
    .name = "report",
    .summary = N_("reports on tasks and periods"),
    .subs = (const struct cli_command *const[]){&add, &list, &show, NULL},
    .examples = "  wardsync report list\n",
};
