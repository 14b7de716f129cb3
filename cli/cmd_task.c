#include "commands.h"
#include "edit.h"
#include "ref.h"
#include "task.h"
#include "when.h"

#include <string.h>

static int run_add(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id id;
    struct ward_task_spec spec = {.title = cli_arg(c, 0),
                                  .code = cli_opt(c, "code"),
                                  .plan = cli_opt(c, "plan"),
                                  .section = cli_opt(c, "section"),
                                  .lead = cli_opt(c, "lead"),
                                  .due = cli_opt(c, "due"),
                                  .product = cli_opt(c, "product"),
                                  .target = cli_opt(c, "target"),
                                  .measure = cli_opt(c, "measure"),
                                  .person = cli_opt(c, "person"),
                                  .checker = cli_opt(c, "checker"),
                                  .budget = cli_opt(c, "budget")};
    spec.with = cli_opt_all(c, "with", &spec.with_count);
    int rc = cli_long_text(c, cli_opt(c, "body"), &spec.body);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc)
        return rc;
    return ward_plan_task_add(c->replica, &spec, &id, &err) ? cli_fail(c, &err) : cli_answer_id(c, &id);
}

static int run_set(struct cli *c)
{
    return cli_run_set(c, WARD_KIND_TASK);
}

static int run_note(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id task, id;
    const char *text;
    int rc = cli_long_text(c, cli_arg(c, 1), &text);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find(c, WARD_KIND_TASK, cli_arg(c, 0), &task);
    if (rc)
        return rc;
    return ward_plan_note_add(c->replica, &task, text, &id, &err) ? cli_fail(c, &err) : cli_answer_id(c, &id);
}

static int run_delete(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id id;
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find(c, WARD_KIND_TASK, cli_arg(c, 0), &id);
    if (rc)
        return rc;
    if (!cli_confirm(c, cli_format(c, _("Delete the task %s?"), cli_arg(c, 0))))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", cli_arg(c, 0));
    return ward_plan_delete(c->replica, WARD_KIND_TASK, &id, &err) ? cli_fail(c, &err) : cli_answer_id(c, &id);
}

static void plain_round(struct cli *c, const json_t *model)
{
    cli_line(c, "%s", json_string_value(json_object_get(model, "id")));
    if (json_is_false(json_object_get(model, "created")))
        cli_note(c, _("It was open already."));
}

static int run_round(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id series, id;
    struct ward_date today;
    struct ward_period period;
    const char *text = cli_arg(c, 1);
    bool created;
    int rc = cli_today(c, &today);
    if (rc == CLI_DONE && text && ward_period_parse(&period, text, strlen(text), &err))
        rc = cli_fail(c, &err);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find(c, WARD_KIND_TASK, cli_arg(c, 0), &series);
    if (rc)
        return rc;
    if (ward_plan_task_open(c->replica, &series, text ? &period : NULL, &today, &id, &created, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:o, s:b}", "id", cli_id_json(&id), "created", created);
    return cli_answer(c, CLI_DONE, model, plain_round);
}

static const struct cli_option add_options[] = {
    {"lead", "CODE", N_("the unit that leads (else this device's unit)"), 0},
    {"with", "CODE", N_("a unit that co-operates"), CLI_MANY},
    {"due", "DUE", N_("2026-05-31, 2026-05, 2026-Q3, standing, every:month|quarter|half|year, event:NAME+DAYS"), 0},
    {"section", "S", N_("the plan's section it comes from"), 0},
    {"product", "TEXT", N_("the expected product"), 0},
    {"target", "N", N_("the figure to reach"), 0},
    {"measure", "UNIT", N_("what the target counts"), 0},
    {"person", "NAME", N_("the responsible person or post"), 0},
    {"checker", "CODE", N_("the unit that checks it"), 0},
    {"budget", "TEXT", N_("money and other resources"), 0},
    {"body", "TEXT", N_("more about it; @FILE or - reads a file or stdin"), 0},
    {"code", "CODE", N_("its human code (else the section and the next number)"), 0},
    {"plan", "PLAN", N_("the plan it belongs to (else the only one)"), 0},
    {0},
};

static const struct cli_command add = {
    .name = "add",
    .summary = N_("adds a task"),
    .run = run_add,
    .args = "TITLE",
    .args_min = 1,
    .args_max = 1,
    .options = add_options,
    .details = N_("Prints the task's id."),
    .examples = "  wardsync task add \"Xây dựng chương trình hành động\" --lead BXDĐ --with UBND --with MTTQ --due 2026-Q3 --section II.2\n"
                "  wardsync task add \"Báo cáo tiến độ\" --lead UBND --due every:month\n",
};

static const struct cli_command set = {
    .name = "set",
    .summary = N_("writes fields of a task"),
    .run = run_set,
    .args = "TASK FIELD=VALUE...",
    .args_min = 2,
    .args_max = CLI_ANY,
    .details = N_("Fields: title, body, section, lead, with, due, target, measure, reached, product, person, checker, budget, status, "
                  "percent, obstacle, way_out, documents, plan. FIELD= clears. with=+CODE, with=-CODE and with=A,B change the co-operating "
                  "units; reached=+N adds to the figure reached. FIELD=@FILE takes the text of a file. Status: todo, doing, waiting, done, "
                  "paused, cancelled."),
    .examples = "  wardsync task set II.1-01 status=doing percent=40\n"
                "  wardsync task set II.1-01 \"obstacle=thiếu kinh phí\" \"way_out=đề nghị bổ sung quý 3\"\n",
};

static const struct cli_command note = {
    .name = "note",
    .summary = N_("adds a note to a task"),
    .run = run_note,
    .args = "TASK TEXT",
    .args_min = 2,
    .args_max = 2,
    .details = N_("TEXT may be @FILE, or - for stdin."),
    .examples = "  wardsync task note II.1-01 \"Đã họp chi bộ ngày 12/5\"\n  wardsync task note II.1-01 @bien-ban.txt\n",
};

static const struct cli_command delete_command = {
    .name = "delete",
    .summary = N_("deletes a task"),
    .run = run_delete,
    .args = "TASK",
    .args_min = 1,
    .args_max = 1,
    .details = N_("Whoever edits it without having seen that makes a conflict for a person to settle; nothing is lost silently."),
    .examples = "  wardsync task delete II.1-01 --yes\n",
};

static const struct cli_command round_command = {
    .name = "round",
    .summary = N_("opens one round of a recurring task"),
    .run = run_round,
    .args = "TASK [PERIOD]",
    .args_min = 1,
    .args_max = 2,
    .details =
        N_("PERIOD is 2026-06, 2026-Q3, 2026-H1 or 2026, as the task recurs; else the one that contains today. Two devices that open "
           "the same round while apart make one task."),
    .examples = "  wardsync task round III.2-01 2026-06\n",
};

const struct cli_command cmd_task = {
    .name = "task",
    .summary = N_("the plan's tasks"),
    .subs = (const struct cli_command *const[]){&add, &cli_task_list, &cli_task_show, &cli_task_log, &set, &note, &delete_command,
                                                &round_command, NULL},
    .examples = "  wardsync task list --mine\n  wardsync task set II.1-01 percent=40\n",
};
