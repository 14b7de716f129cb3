#include "edit.h"
#include "history.h"
#include "record.h"
#include "ref.h"
#include "task.h"
#include "when.h"

/* ---- rows */

struct listing {
    struct ward_date today;
};

static void add_view(json_t *row, const struct ward_task_view *view)
{
    size_t count;
    const struct ward_word *words = ward_words(WARD_WORDS_TASK_STATUS, &count);
    char day[WARD_DATE_TEXT];
    if (view->has_last_day)
        ward_date_format(day, &view->last_day);
    json_object_set_new(row, "status", json_string(words[view->status].word));
    json_object_set_new(row, "percent", json_integer(view->percent));
    json_object_set_new(row, "overdue", json_boolean(view->overdue));
    json_object_set_new(row, "dormant", json_boolean(view->dormant));
    json_object_set_new(row, "last_day", view->has_last_day ? json_string(day) : json_null());
    json_object_set_new(row, "days_left", view->has_last_day ? json_integer(view->days_left) : json_null());
}

static bool keep(struct cli *c, const ward_record *record, json_t *row, void *ctx)
{
    const struct listing *listing = ctx;
    struct ward_task_view view;
    ward_plan_task_view(cli_index(c), record, &listing->today, &view);
    add_view(row, &view);
    return true;
}

static int list_rows(struct cli *c, const struct ward_task_filter *filter, size_t limit, json_t **out)
{
    struct listing listing;
    struct cli_rows rows = {.c = c, .kind = WARD_KIND_TASK, .amend = keep, .ctx = &listing};
    struct ward_error err = {0};
    int rc = cli_today(c, &listing.today);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    rows.out = json_array();
    if (ward_plan_tasks(c->replica, cli_index(c), filter, &listing.today, limit, cli_add_row, &rows, &c->listed_of, &err)) {
        json_decref(rows.out);
        return cli_fail(c, &err);
    }
    *out = rows.out;
    return CLI_DONE;
}

/* ---- list */

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "code", .title = N_("Code")},
                                                {.key = "title", .title = N_("Title"), .show = CLI_LONG},
                                                {.key = "lead", .title = N_("Lead")},
                                                {.key = "with", .title = N_("With"), .show = CLI_LONG},
                                                {.key = "due", .title = N_("Due"), .show = CLI_DUE},
                                                {.key = "last_day", .title = N_("Last day")},
                                                {.key = "status", .title = N_("Status"), .show = CLI_WORD, .words = WARD_WORDS_TASK_STATUS},
                                                {.key = "percent", .title = N_("Done"), .show = CLI_PERCENT},
                                                {.key = "remark", .title = N_("Remark")},
                                                {0}};
    json_auto_t *rows = json_array();
    size_t i;
    json_t *task;
    json_array_foreach(model, i, task)
    {
        json_t *row = json_copy(task);
        bool overdue = json_is_true(json_object_get(task, "overdue"));
        json_int_t conflicts = json_integer_value(json_object_get(task, "conflicts"));
        const char *remark = overdue                                          ? ward_plan_overdue_label(c->lang)
                             : json_is_true(json_object_get(task, "dormant")) ? _("waits for the event")
                                                                              : "";
        if (conflicts)
            remark = cli_format(c, "%s%s%s", remark, *remark ? ", " : "", _("conflict"));
        if (json_array_size(json_object_get(task, "proposed")))
            remark = cli_format(c, "%s%s%s", remark, *remark ? ", " : "", _("proposal"));
        json_object_set_new(row, "remark", json_string(remark));
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, columns, _("No such tasks."));
    cli_page_note(c, model);
}

static int run_list(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_self self;
    struct ward_id unit, plan;
    const char *within = cli_opt(c, "due-within");
    struct ward_task_filter filter = {.section = cli_opt(c, "section"),
                                      .status = cli_opt(c, "status"),
                                      .overdue = cli_opt(c, "overdue"),
                                      .proposed = cli_opt(c, "proposed")};
    json_auto_t *rows = NULL;
    size_t limit;
    filter.due_within_set = within != NULL;
    if (within && ward_plan_days_parse(&filter.due_within_days, within, &err))
        return cli_fail(c, &err);
    if (ward_task_filter_check(&filter, &err))
        return cli_fail(c, &err);
    if (cli_opt(c, "mine") && cli_opt(c, "unit"))
        return cli_usage(c, _("--mine and --unit exclude each other"));
    int rc = cli_page(c, &limit);
    if (rc == CLI_DONE)
        rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_opt_find(c, "unit", WARD_KIND_UNIT, &unit, &filter.unit);
    if (rc == CLI_DONE)
        rc = cli_opt_find(c, "plan", WARD_KIND_PLAN, &plan, &filter.plan);
    if (rc == CLI_DONE && cli_opt(c, "mine") && (rc = cli_self(c, &self)) == CLI_DONE)
        filter.unit = &self.unit;
    if (rc == CLI_DONE)
        rc = list_rows(c, &filter, limit, &rows);
    return rc ? rc : cli_answer(c, CLI_DONE, rows, plain_list);
}

/* ---- show */

struct attached {
    struct cli *c;
    uint32_t kind;
    json_t *out;
};

static int add_attached(void *ctx, const ward_record *record)
{
    struct attached *a = ctx;
    json_t *row = cli_row(a->c, a->kind, record);
    json_object_set_new(row, "fields", cli_fields(a->c, a->kind, record));
    json_array_append_new(a->out, row);
    return 0;
}

static int add_all_attached(struct cli *c, const struct ward_id *task, json_t *model)
{
    static const struct {
        uint32_t kind;
        const char *name;
    } kinds[] = {{WARD_KIND_NOTE, "notes"}, {WARD_KIND_REPORT, "reports"}, {WARD_KIND_FINDING, "findings"}};
    struct ward_error err = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct attached a = {c, kinds[i].kind, json_array()};
        json_object_set_new(model, kinds[i].name, a.out);
        if (ward_plan_each_of_task(c->replica, kinds[i].kind, task, add_attached, &a, &err))
            return cli_fail(c, &err);
    }
    return CLI_DONE;
}

static void plain_attached(struct cli *c, const json_t *list, const char *heading, const char *field)
{
    size_t i;
    json_t *row;
    if (json_array_size(list))
        cli_line(c, "\n%s", heading);
    json_array_foreach(list, i, row)
    {
        const json_t *written = json_object_get(json_object_get(row, "fields"), field);
        cli_line(c, "- %s (%s, %s)", json_string_value(json_object_get(written, "value")),
                 cli_who(c, json_string_value(json_object_get(written, "unit")), json_string_value(json_object_get(written, "by"))),
                 cli_time_local(c, json_object_get(written, "at")));
    }
}

static void plain_show(struct cli *c, const json_t *model)
{
    const json_t *last_day = json_object_get(model, "last_day");
    cli_record_plain(c, WARD_KIND_TASK, model);
    if (json_is_string(last_day))
        cli_line(c, _("Last day: %s (days left: %lld)"), json_string_value(last_day),
                 json_integer_value(json_object_get(model, "days_left")));
    if (json_is_true(json_object_get(model, "overdue")))
        cli_line(c, "%s", ward_plan_overdue_label(c->lang));
    if (json_is_true(json_object_get(model, "dormant")))
        cli_line(c, _("Waits for the event to be recorded."));
    plain_attached(c, json_object_get(model, "notes"), _("Notes:"), "text");
    plain_attached(c, json_object_get(model, "reports"), _("Reports:"), "title");
    plain_attached(c, json_object_get(model, "findings"), _("Findings:"), "title");
}

static int run_show(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id id;
    struct ward_date today;
    struct ward_task_view view;
    ward_record *record;
    int rc = cli_today(c, &today);
    if (rc == CLI_DONE)
        rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_find(c, WARD_KIND_TASK, cli_arg(c, 0), &id);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    if (ward_plan_task_current(c->replica, &id, &id, &err) || ward_get(c->replica, WARD_KIND_TASK, &id, false, &record, &err))
        return cli_fail(c, &err);
    json_auto_t *model = cli_row(c, WARD_KIND_TASK, record);
    ward_plan_task_view(cli_index(c), record, &today, &view);
    add_view(model, &view);
    json_object_set_new(model, "fields", cli_fields(c, WARD_KIND_TASK, record));
    ward_record_free(record);
    rc = add_all_attached(c, &id, model);
    return rc ? rc : cli_answer(c, CLI_DONE, model, plain_show);
}

static int run_log(struct cli *c)
{
    struct ward_id id;
    struct cli_history_filter filter = {.kind = WARD_KIND_TASK, .entity = &id};
    json_auto_t *model = NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_find(c, WARD_KIND_TASK, cli_arg(c, 0), &id);
    if (rc == CLI_DONE)
        rc = cli_history(c, &filter, &model);
    return rc ? rc : cli_answer(c, CLI_DONE, model, cli_history_plain);
}

static const struct cli_option list_options[] = {
    {"mine", NULL, N_("tasks that this device's unit leads or takes part in"), 0},
    {"unit", "CODE", N_("tasks that this unit leads or takes part in"), 0},
    {"plan", "PLAN", N_("tasks of this plan"), 0},
    {"overdue", NULL, N_("last day before today, and neither done, paused nor cancelled"), 0},
    {"due-within", "DAYS", N_("last day within so many days (7d, 2w), overdue ones included"), 0},
    {"section", "S", N_("of this section of the plan, or one under it"), 0},
    {"proposed", NULL, N_("for which a unit proposes what only an operator may decide"), 0},
    {"status", "WORD", N_("todo, doing, waiting, done, paused, cancelled or overdue"), 0},
    CLI_PAGE_OPTIONS,
    {0},
};

const struct cli_command cli_task_list = {
    .name = "list",
    .summary = N_("lists tasks"),
    .run = run_list,
    .options = list_options,
    .details =
        N_("Today is this computer's local day; scripts may set WARDSYNC_TODAY=YYYY-MM-DD instead. A value marked (!) is in conflict."),
    .examples = "  wardsync task list --mine --due-within 7d\n"
                "  wardsync task list --overdue --json\n"
                "  WARDSYNC_TODAY=2026-06-01 wardsync task list --section II.3\n",
};

const struct cli_command cli_task_show = {
    .name = "show",
    .summary = N_("shows a task: each field, who wrote it and when, notes, reports, findings"),
    .run = run_show,
    .args = "TASK",
    .args_min = 1,
    .args_max = 1,
    .details = N_("TASK is its code, its id or at least the first 4 digits of its id. What stands under a value as proposed does not count "
                  "until an operator sets it."),
    .examples = "  wardsync task show II.1-01\n",
};

const struct cli_command cli_task_log = {
    .name = "log",
    .summary = N_("who changed what in a task, when, on which device"),
    .run = run_log,
    .args = "TASK",
    .args_min = 1,
    .args_max = 1,
    .examples = "  wardsync task log II.1-01\n",
};
