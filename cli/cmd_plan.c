#include "commands.h"
#include "record.h"
#include "ref.h"
#include "task.h"
#include "when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- import */

static int read_file(struct cli *c, const char *path, char **out, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return cli_refuse(c, WARD_ERR_IO, "%s: %s", path, strerror(errno));
    char *data = cli_keep(c, malloc(WARD_IMPORT_BYTES_MAX + 1));
    *len = fread(data, 1, WARD_IMPORT_BYTES_MAX + 1, f); /* one more than may be: the library says so */
    bool failed = ferror(f);
    fclose(f);
    *out = data;
    return failed ? cli_refuse(c, WARD_ERR_IO, "%s", path) : CLI_DONE;
}

static json_t *count_json(const struct ward_import_count *count)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "added", (json_int_t)count->added, "changed", (json_int_t)count->changed, "unchanged",
                     (json_int_t)count->unchanged, "deleted", (json_int_t)count->deleted);
}

static void plain_import(struct cli *c, const json_t *model)
{
    static const struct {
        const char *key, *title;
    } kinds[] = {{"plans", N_("plans")}, {"units", N_("units")}, {"tasks", N_("tasks")}, {"proposals", N_("model proposals")}};
    static const struct cli_column columns[] = {{.key = "kind", .title = N_("Kind")},
                                                {.key = "added", .title = N_("Added")},
                                                {.key = "changed", .title = N_("Changed")},
                                                {.key = "unchanged", .title = N_("Unchanged")},
                                                {.key = "deleted", .title = N_("Deleted here, left so")},
                                                {0}};
    json_auto_t *rows = json_array();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        json_t *row = json_copy(json_object_get(model, kinds[i].key));
        json_object_set_new(row, "kind", json_string(_(kinds[i].title)));
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, columns, "");
    if (json_is_true(json_object_get(model, "dry_run")))
        cli_line(c, _("Only checked: nothing was written."));
}

static int run_import(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_import_result result = {0};
    bool dry_run = cli_opt(c, "dry-run") != NULL;
    char *data = NULL;
    size_t len = 0;
    int rc = read_file(c, cli_arg(c, 0), &data, &len);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc)
        return rc;
    if (ward_plan_import(c->replica, data, len, dry_run, &result, &err))
        return cli_fail(c, &err);
    json_auto_t *model =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:b}", "plan", cli_id_json(&result.plan), "plans", count_json(&result.plans), "units",
                  count_json(&result.units), "tasks", count_json(&result.tasks), "proposals", count_json(&result.proposals), "tasks_moved",
                  (json_int_t)result.tasks_moved, "dry_run", dry_run);
    return cli_answer(c, CLI_DONE, model, plain_import);
}

/* ---- show */

static void plain_words(struct cli *c, const json_t *counts, enum ward_word_list list)
{
    size_t n;
    const struct ward_word *words = ward_words(list, &n);
    for (size_t i = 0; i < n; i++) {
        json_int_t count = json_integer_value(json_object_get(counts, words[i].word));
        if (count)
            cli_line(c, "  %s: %" JSON_INTEGER_FORMAT, ward_word_label(list, i, c->lang), count);
    }
}

static void plain_show(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {
        {.key = "code", .title = N_("Plan")},         {.key = "number", .title = N_("Number")},
        {.key = "issuer", .title = N_("Issuer")},     {.key = "issued", .title = N_("Issued on")},
        {.key = "title", .title = N_("Title")},       {.key = "basis", .title = N_("Carries out")},
        {.key = "owner", .title = N_("Decided by")},  {.key = "select_max", .title = N_("Models to select, at most")},
        {.key = "selected", .title = N_("Selected")}, {0}};
    const json_t *tasks = json_object_get(model, "tasks"), *proposals = json_object_get(model, "proposals");
    size_t i;
    json_t *plan;
    json_array_foreach(json_object_get(model, "plans"), i, plan) cli_pairs(c, plan, columns);
    cli_line(c, _("Units: %lld"), json_integer_value(json_object_get(model, "units")));
    cli_line(c, _("Tasks: %lld, overdue: %lld"), json_integer_value(json_object_get(tasks, "total")),
             json_integer_value(json_object_get(tasks, "overdue")));
    plain_words(c, tasks, WARD_WORDS_TASK_STATUS);
    cli_line(c, _("Model proposals: %lld"), json_integer_value(json_object_get(proposals, "total")));
    plain_words(c, proposals, WARD_WORDS_PROPOSAL_STATE);
}

/* {total, overdue, WORD: count, ...} */
static json_t *tasks_json(const struct ward_task_tally *tally)
{
    size_t n;
    const struct ward_word *words = ward_words(WARD_WORDS_TASK_STATUS, &n);
    json_t *out = json_pack("{s:I, s:I}", "total", (json_int_t)tally->total, "overdue", (json_int_t)tally->overdue);
    for (size_t i = 0; i < n; i++)
        if (tally->of[i])
            json_object_set_new(out, words[i].word, json_integer((json_int_t)tally->of[i]));
    return out;
}

/* {total, WORD: count, ...} */
static json_t *proposals_json(const json_t *rows)
{
    json_t *out = json_pack("{s:I}", "total", (json_int_t)json_array_size(rows));
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *state = json_string_value(json_object_get(row, "state"));
        if (state)
            json_object_set_new(out, state, json_integer(json_integer_value(json_object_get(out, state)) + 1));
    }
    return out;
}

static int run_show(struct cli *c)
{
    json_auto_t *plans = NULL, *proposals = NULL;
    struct ward_task_tally tally;
    struct ward_date today;
    struct ward_error err = {0};
    int rc = cli_today(c, &today);
    if (rc == CLI_DONE)
        rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_rows(c, WARD_KIND_PLAN, NULL, NULL, &plans);
    if (rc == CLI_DONE)
        rc = cli_proposal_rows(c, &proposals);
    if (rc)
        return rc;
    if (ward_plan_task_tally(c->replica, cli_index(c), &today, &tally, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:O, s:I, s:o, s:o}", "plans", plans, "units", (json_int_t)ward_plan_index_unit_count(cli_index(c)),
                                   "tasks", tasks_json(&tally), "proposals", proposals_json(proposals));
    return cli_answer(c, CLI_DONE, model, plain_show);
}

static const struct cli_option import_options[] = {
    {"dry-run", NULL, N_("check the file and count, write nothing"), 0},
    {0},
};

static const struct cli_command import = {
    .name = "import",
    .summary = N_("takes in units, tasks and proposals of a plan from a CSV or JSON file"),
    .run = run_import,
    .args = "FILE",
    .args_min = 1,
    .args_max = 1,
    .options = import_options,
    .details = N_("All of it or nothing: a bad row is named with its line and column. Importing a file twice changes nothing."),
    .examples = "  wardsync plan import ke-hoach.csv --dry-run\n  wardsync plan import ke-hoach.csv\n",
};

static const struct cli_command show = {
    .name = "show",
    .summary = N_("shows the plan and how far it is"),
    .run = run_show,
    .examples = "  wardsync plan show\n",
};

const struct cli_command cmd_plan = {
    .name = "plan",
    .summary = N_("the plan: import it, see how far it is"),
    .subs = (const struct cli_command *const[]){&import, &show, NULL},
    .examples = "  wardsync plan show\n",
};
