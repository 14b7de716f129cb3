#include "commands.h"
#include "edit.h"
#include "record.h"

static int run_add(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id task, id;
    struct ward_finding_spec spec = {.title = cli_arg(c, 0), .by = cli_opt(c, "by"), .unit = cli_opt(c, "unit"), .due = cli_opt(c, "due")};
    if (!spec.unit && !cli_opt(c, "task"))
        return cli_usage(c, _("--unit or --task is required"));
    int rc = cli_long_text(c, cli_opt(c, "body"), &spec.body);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_opt_find(c, "task", WARD_KIND_TASK, &task, &spec.task);
    if (rc)
        return rc;
    return ward_plan_finding_add(c->replica, &spec, &id, &err) ? cli_fail(c, &err) : cli_answer_id(c, &id);
}

static int run_set(struct cli *c)
{
    return cli_run_set(c, WARD_KIND_FINDING);
}

static bool keep(struct cli *c, const ward_record *record, json_t *row, void *ctx)
{
    (void)c;
    (void)record;
    if (json_is_null(json_object_get(row, "status")))
        json_object_set_new(row, "status", json_string("open")); /* what nothing written means */
    return !ctx || cli_matches(row, ctx);
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {
        {.key = "id", .title = N_("Id"), .show = CLI_ID},
        {.key = "unit", .title = N_("Unit")},
        {.key = "by", .title = N_("Inspected by")},
        {.key = "task", .title = N_("Task")},
        {.key = "title", .title = N_("Title"), .show = CLI_LONG},
        {.key = "due", .title = N_("To be mended by"), .show = CLI_DUE},
        {.key = "status", .title = N_("Status"), .show = CLI_WORD, .words = WARD_WORDS_FINDING_STATUS},
        {0}};
    cli_table(c, model, columns, _("No such findings."));
    cli_page_note(c, model);
}

static int run_list(struct cli *c)
{
    struct cli_match matches[] = {{.key = "unit"}, {.key = "task"}, {.key = "status"}, {0}};
    struct cli_rows rows = {.c = c, .kind = WARD_KIND_FINDING, .amend = keep, .ctx = matches};
    int rc = cli_match_word(c, &matches[2], WARD_WORDS_FINDING_STATUS);
    if (rc == CLI_DONE)
        rc = cli_page(c, &rows.limit);
    if (rc == CLI_DONE)
        rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_match_reference(c, &matches[0], WARD_KIND_UNIT);
    if (rc == CLI_DONE)
        rc = cli_match_reference(c, &matches[1], WARD_KIND_TASK);
    if (rc == CLI_DONE)
        rc = cli_find_rows(&rows, &(struct ward_query){.index = WARD_FINDINGS, .backward = true},
                           !matches[0].value && !matches[1].value && !matches[2].value);
    json_auto_t *model = rc ? NULL : rows.out;
    return rc ? rc : cli_answer(c, CLI_DONE, model, plain_list);
}

static void plain_show(struct cli *c, const json_t *model)
{
    cli_record_plain(c, WARD_KIND_FINDING, model);
}

static int run_show(struct cli *c)
{
    json_auto_t *model = NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_record(c, WARD_KIND_FINDING, cli_arg(c, 0), keep, NULL, &model);
    return rc ? rc : cli_answer(c, CLI_DONE, model, plain_show);
}

static const struct cli_option add_options[] = {
    {"unit", "CODE", N_("the inspected unit (else the task's lead)"), 0},
    {"task", "TASK", N_("the task it is about"), 0},
    {"by", "CODE", N_("the inspecting unit (else this device's unit)"), 0},
    {"body", "TEXT", N_("what was found; @FILE or - reads a file or stdin"), 0},
    {"due", "DUE", N_("by when it must be mended: 2026-06-30, 2026-06 or 2026-Q3"), 0},
    {0},
};

static const struct cli_command add = {
    .name = "add",
    .summary = N_("adds what an inspection found"),
    .run = run_add,
    .args = "TITLE",
    .args_min = 1,
    .args_max = 1,
    .options = add_options,
    .details = N_("Prints the finding's id."),
    .examples = "  wardsync finding add \"Chưa có kế hoạch riêng\" --unit CB03 --due 2026-06-30\n",
};

static const struct cli_command set = {
    .name = "set",
    .summary = N_("writes fields of a finding"),
    .run = run_set,
    .args = "FINDING FIELD=VALUE...",
    .args_min = 2,
    .args_max = CLI_ANY,
    .details =
        N_("Fields: title, body, due, status, action. Status: open, mended, closed. FIELD= clears, FIELD=@FILE takes the text of a file."),
    .examples = "  wardsync finding set 019e2c41 status=mended \"action=đã ban hành kế hoạch\"\n",
};

static const struct cli_option list_options[] = {
    {"unit", "CODE", N_("only of this inspected unit"), 0},
    {"task", "TASK", N_("only about this task"), 0},
    {"status", "WORD", N_("open, mended or closed"), 0},
    {0},
};

static const struct cli_command list = {
    .name = "list",
    .summary = N_("lists findings"),
    .run = run_list,
    .options = list_options,
    .examples = "  wardsync finding list --status open\n",
};

static const struct cli_command show = {
    .name = "show",
    .summary = N_("shows a finding"),
    .run = run_show,
    .args = "FINDING",
    .args_min = 1,
    .args_max = 1,
    .details = N_("FINDING is its id or at least the first 4 digits of it."),
    .examples = "  wardsync finding show 019e2c41\n",
};

const struct cli_command cmd_finding = {
    .name = "finding",
    .summary = N_("what inspections found"),
    .subs = (const struct cli_command *const[]){&add, &set, &list, &show, NULL},
    .examples = "  wardsync finding list\n",
};
