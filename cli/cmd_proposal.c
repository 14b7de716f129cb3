#include "commands.h"
#include "edit.h"
#include "record.h"
#include "ref.h"
#include "task.h"

/* ---- reading */

static bool keep(struct cli *c, const ward_record *record, json_t *row, void *ctx)
{
    enum ward_proposal_state state;
    size_t count;
    const struct ward_word *words = ward_words(WARD_WORDS_PROPOSAL_STATE, &count);
    if (ward_plan_proposal_state(c->replica, record, &state, NULL) == 0)
        json_object_set_new(row, "state", json_string(words[state].word));
    return !ctx || cli_matches(row, ctx);
}

int cli_proposal_rows(struct cli *c, json_t **out)
{
    return cli_rows(c, WARD_KIND_PROPOSAL, keep, NULL, out);
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {
        {.key = "code", .title = N_("Code")},
        {.key = "title", .title = N_("Title"), .show = CLI_LONG},
        {.key = "unit", .title = N_("Unit")},
        {.key = "origin", .title = N_("Origin")},
        {.key = "state", .title = N_("State"), .show = CLI_WORD, .words = WARD_WORDS_PROPOSAL_STATE},
        {0}};
    json_auto_t *rows = json_array();
    size_t i;
    json_t *proposal;
    json_array_foreach(model, i, proposal)
    {
        json_t *row = json_copy(proposal);
        const char *origin = json_string_value(json_object_get(row, "origin"));
        json_object_set_new(row, "origin", json_string(origin && origin[0] == 'g' ? _("given") : _("own")));
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, columns, _("No such proposals."));
    cli_page_note(c, model);
}

static int run_list(struct cli *c)
{
    struct cli_match matches[] = {{.key = "unit"}, {.key = "state"}, {0}};
    struct cli_rows rows = {.c = c, .kind = WARD_KIND_PROPOSAL, .amend = keep, .ctx = matches};
    int rc = cli_match_word(c, &matches[1], WARD_WORDS_PROPOSAL_STATE);
    if (rc == CLI_DONE)
        rc = cli_page(c, &rows.limit);
    if (rc == CLI_DONE)
        rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_match_reference(c, &matches[0], WARD_KIND_UNIT);
    if (rc == CLI_DONE)
        rc = cli_find_rows(&rows, &(struct ward_query){.index = WARD_PROPOSALS_BY_CODE}, !matches[0].value && !matches[1].value);
    json_auto_t *model = rc ? NULL : rows.out;
    return rc ? rc : cli_answer(c, CLI_DONE, model, plain_list);
}

static void plain_show(struct cli *c, const json_t *model)
{
    static const struct cli_column decided[] = {
        {.key = "state", .title = N_("State as decided"), .show = CLI_WORD, .words = WARD_WORDS_PROPOSAL_STATE}, {0}};
    cli_record_plain(c, WARD_KIND_PROPOSAL, model);
    cli_pairs(c, model, decided);
}

static int run_show(struct cli *c)
{
    json_auto_t *model = NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_record(c, WARD_KIND_PROPOSAL, cli_arg(c, 0), keep, NULL, &model);
    return rc ? rc : cli_answer(c, CLI_DONE, model, plain_show);
}

/* ---- writing */

static int run_add(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id id;
    struct ward_proposal_spec spec = {.title = cli_arg(c, 0),
                                      .unit = cli_opt(c, "unit"),
                                      .plan = cli_opt(c, "plan"),
                                      .code = cli_opt(c, "code"),
                                      .given = cli_opt(c, "given") != NULL};
    const char **assignments;
    int rc = cli_assignments(c, 1, &assignments, &spec.assignment_count);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc)
        return rc;
    spec.assignments = assignments;
    return ward_plan_proposal_add(c->replica, &spec, &id, &err) ? cli_fail(c, &err) : cli_answer_id(c, &id);
}

static int run_set(struct cli *c)
{
    return cli_run_set(c, WARD_KIND_PROPOSAL);
}

static int move(struct cli *c, enum ward_proposal_state to)
{
    struct ward_error err = {0};
    struct ward_id id;
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find(c, WARD_KIND_PROPOSAL, cli_arg(c, 0), &id);
    if (rc)
        return rc;
    return ward_plan_proposal_move(c->replica, &id, to, cli_opt(c, "why"), &err) ? cli_fail(c, &err) : cli_answer_id(c, &id);
}

static int run_submit(struct cli *c)
{
    return move(c, WARD_PROPOSAL_SUBMITTED);
}

static int run_select(struct cli *c)
{
    return move(c, WARD_PROPOSAL_SELECTED);
}

/* ---- table */

static const struct cli_option add_options[] = {
    {"unit", "CODE", N_("who proposes (else this device's unit)"), 0},
    {"plan", "PLAN", N_("the plan it belongs to (else the only one)"), 0},
    {"code", "CODE", N_("its human code (else MH and the next number)"), 0},
    {"given", NULL, N_("a model given from above, not the unit's own"), 0},
    {0},
};

static const struct cli_command add = {
    .name = "add",
    .summary = N_("adds a model proposal, as a draft"),
    .run = run_add,
    .args = "TITLE [FIELD=VALUE...]",
    .args_min = 1,
    .args_max = CLI_ANY,
    .options = add_options,
    .details = N_("Fields: purpose, targets, measures, resources, roadmap, assigned. FIELD=@FILE takes the text of a file. Prints the "
                  "proposal's id."),
    .examples = "  wardsync proposal add \"Tổ dân phố không rác thải nhựa\" --unit CB03 purpose=@muc-dich.txt\n",
};

static const struct cli_command set = {
    .name = "set",
    .summary = N_("writes fields of a proposal, or moves it to another state"),
    .run = run_set,
    .args = "PROPOSAL FIELD=VALUE...",
    .args_min = 2,
    .args_max = CLI_ANY,
    .details =
        N_("Fields: title, purpose, targets, measures, resources, roadmap, assigned, state. FIELD= clears, FIELD=@FILE takes the text "
           "of a file. States: draft, submitted, shortlisted, selected, rejected, running, reviewed, concluded."),
    .examples = "  wardsync proposal set MH-12 \"resources=ngân sách phường\" roadmap=@lo-trinh.txt\n"
                "  wardsync proposal set MH-12 state=shortlisted\n",
};

static const struct cli_command submit = {
    .name = "submit",
    .summary = N_("submits a proposal; all it must state has to be there"),
    .run = run_submit,
    .args = "PROPOSAL",
    .args_min = 1,
    .args_max = 1,
    .examples = "  wardsync proposal submit MH-12\n",
};

static const struct cli_option select_options[] = {
    {"why", "TEXT", N_("the reason, kept with the change"), 0},
    {0},
};

static const struct cli_command select_command = {
    .name = "select",
    .summary = N_("selects a proposal; more than the plan allows is refused"),
    .run = run_select,
    .args = "PROPOSAL",
    .args_min = 1,
    .args_max = 1,
    .options = select_options,
    .examples = "  wardsync proposal select MH-12 --why \"Ban Thường vụ thống nhất ngày 10/8\"\n",
};

static const struct cli_option list_options[] = {
    {"unit", "CODE", N_("only of this unit"), 0},
    {"state", "WORD", N_("draft, submitted, shortlisted, selected, rejected, running, reviewed or concluded"), 0},
    CLI_PAGE_OPTIONS,
    {0},
};

static const struct cli_command list = {
    .name = "list",
    .summary = N_("lists model proposals"),
    .run = run_list,
    .options = list_options,
    .examples = "  wardsync proposal list --state submitted\n",
};

static const struct cli_command show = {
    .name = "show",
    .summary = N_("shows a proposal"),
    .run = run_show,
    .args = "PROPOSAL",
    .args_min = 1,
    .args_max = 1,
    .details = N_("PROPOSAL is its code, its id or at least the first 4 digits of its id."),
    .examples = "  wardsync proposal show MH-12\n",
};

const struct cli_command cmd_proposal = {
    .name = "proposal",
    .summary = N_("model proposals"),
    .subs = (const struct cli_command *const[]){&add, &set, &submit, &select_command, &list, &show, NULL},
    .examples = "  wardsync proposal list\n",
};
