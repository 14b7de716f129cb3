#include "commands.h"
#include "record.h"

static void plain_id(struct cli *c, const json_t *model)
{
    cli_line(c, "%s", json_string_value(json_object_get(model, "id")));
}

static int run_add(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id id;
    int rc = cli_open(c);
    if (rc)
        return rc;
    if (ward_plan_unit_add(c->replica, cli_arg(c, 0), cli_arg(c, 1), cli_opt(c, "kind"), cli_opt(c, "parent"), &id, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:o, s:s, s:s}", "id", cli_id_json(&id), "code", cli_arg(c, 0), "name", cli_arg(c, 1));
    return cli_answer(c, CLI_DONE, model, plain_id);
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "code", .title = N_("Code")},
                                                {.key = "name", .title = N_("Name"), .show = CLI_LONG},
                                                {.key = "kind", .title = N_("Kind"), .show = CLI_WORD, .words = WARD_WORDS_UNIT_KIND},
                                                {.key = "parent", .title = N_("Belongs to")},
                                                {0}};
    cli_table(c, model, columns, _("No units yet."));
}

static int run_list(struct cli *c)
{
    json_auto_t *rows = NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_rows(c, WARD_KIND_UNIT, NULL, NULL, &rows);
    if (rc == CLI_DONE)
        rows = cli_sorted(c, rows);
    return rc ? rc : cli_answer(c, CLI_DONE, rows, plain_list);
}

static const struct cli_option add_options[] = {
    {"kind", "KIND", N_("what kind of body it is (else party-cell)"), 0},
    {"parent", "CODE", N_("the unit it belongs to"), 0},
    {0},
};

static const struct cli_command add = {
    .name = "add",
    .summary = N_("adds a unit to the ward"),
    .run = run_add,
    .args = "CODE NAME",
    .args_min = 2,
    .args_max = 2,
    .options = add_options,
    .details =
        N_("Kinds: party-cell, party-committee, peoples-committee, peoples-council, fatherland-front, youth-union, mass-organisation, "
           "party-board, inspection-committee, standing-committee, office, advisory-body."),
    .examples = "  wardsync unit add CB03 \"Chi bộ tổ dân phố số 3\" --kind party-cell\n"
                "  wardsync unit add UBND \"Ủy ban nhân dân phường\" --kind peoples-committee\n",
};

static const struct cli_command list = {
    .name = "list",
    .summary = N_("lists the ward's units"),
    .run = run_list,
    .examples = "  wardsync unit list\n",
};

const struct cli_command cmd_unit = {
    .name = "unit",
    .summary = N_("the units of the ward"),
    .subs = (const struct cli_command *const[]){&add, &list, NULL},
    .examples = "  wardsync unit list --json\n",
};
