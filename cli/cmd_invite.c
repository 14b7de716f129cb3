#include "commands.h"
#include "out.h"
#include "ref.h"
#include "when.h"

#include <string.h>
#include <strings.h>

static void plain(struct cli *c, const json_t *model)
{
    cli_line(c, "%s", json_string_value(json_object_get(model, "code")));
    cli_note(c, _("Valid once, until %s. On the new device: wardsync join CODE. Keep the code as you would a key."),
             cli_time_local(c, json_object_get(model, "expires")));
}

static int parse_role(struct cli *c, enum ward_role *out)
{
    const char *name = cli_opt(c, "role");
    *out = WARD_ROLE_CELL;
    if (!name)
        return CLI_DONE;
    for (enum ward_role role = WARD_ROLE_CELL; role <= WARD_ROLE_HUB; role++)
        if (strcmp(cli_role_name(role), name) == 0) {
            *out = role;
            return CLI_DONE;
        }
    return cli_usage(c, _("--role is cell, operator, inspector or hub, not '%s'"), name);
}

/* ---- those that were made */

static const char *const states[] = {"open", "used", "expired", "withdrawn"};

struct invitations {
    struct cli *c;
    const char *prefix; /* of an id, or NULL */
    json_t *rows;
    struct ward_id found;
};

static int add_invitation(void *ctx, const struct ward_invitation_info *v)
{
    struct invitations *all = ctx;
    struct cli *c = all->c;
    char hex[WARD_ID_HEX];
    ward_id_hex(hex, &v->id);
    if (all->prefix && strncasecmp(hex, all->prefix, strlen(all->prefix)) != 0)
        return 0;
    all->found = v->id;
    json_t *device = v->state == WARD_INVITATION_USED ? json_string(cli_device_name(c, &v->used_by)) : json_null();
    json_array_append_new(all->rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "id", hex, "unit", cli_unit_code(c, &v->unit), "role",
                                               cli_role_name(v->role), "name", v->name, "state", states[v->state], "expires",
                                               cli_time_json(v->expires_ms), "device", device));
    return 0;
}

static void plain_invitations(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "id", .title = N_("Id"), .show = CLI_ID},
                                                {.key = "unit", .title = N_("Unit")},
                                                {.key = "role", .title = N_("Role"), .show = CLI_ROLE},
                                                {.key = "for", .title = N_("For")},
                                                {.key = "expires", .title = N_("Valid until"), .show = CLI_TIME},
                                                {.key = "label", .title = N_("State")},
                                                {0}};
    static const char *const labels[] = {N_("open"), N_("used"), N_("expired"), N_("withdrawn")};
    json_auto_t *rows = json_array();
    size_t i;
    json_t *v;
    json_array_foreach(model, i, v)
    {
        json_t *row = json_copy(v);
        for (size_t j = 0; j < sizeof states / sizeof states[0]; j++)
            if (strcmp(states[j], json_string_value(json_object_get(v, "state"))) == 0)
                json_object_set_new(row, "label", json_string(_(labels[j])));
        json_object_set(row, "for", json_object_get(v, json_is_string(json_object_get(v, "device")) ? "device" : "name"));
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, columns, _("No invitations."));
}

static int run_list(struct cli *c)
{
    struct ward_error err = {0};
    struct invitations all = {.c = c, .rows = NULL};
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    json_auto_t *rows = all.rows = json_array();
    if (ward_invitations(c->replica, add_invitation, &all, &err))
        return cli_fail(c, &err);
    return cli_answer(c, CLI_DONE, rows, plain_invitations);
}

static void plain_cancelled(struct cli *c, const json_t *model)
{
    cli_line(c, _("The invitation for %s is withdrawn: nobody gets in by it."), json_string_value(json_object_get(model, "unit")));
}

static int run_cancel(struct cli *c, const char *prefix)
{
    struct ward_error err = {0};
    struct invitations all = {.c = c, .prefix = prefix};
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    json_auto_t *rows = all.rows = json_array();
    if (strlen(prefix) >= 4 && ward_invitations(c->replica, add_invitation, &all, &err))
        return cli_fail(c, &err);
    size_t count = json_array_size(rows);
    if (count != 1)
        return cli_refuse(c, count ? WARD_ERR_AMBIGUOUS : WARD_ERR_NOT_FOUND, _("invitation '%s'"), prefix);
    int failed = ward_invite_withdraw(c->replica, &all.found, &err);
    if (failed && failed != WARD_ERR_NOTHING) /* withdrawn before: so it is */
        return cli_fail(c, &err);
    json_object_set_new(json_array_get(rows, 0), "state", json_string("withdrawn"));
    return cli_answer(c, CLI_DONE, json_array_get(rows, 0), plain_cancelled);
}

/* ---- a new one */

static int run_new(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id unit;
    enum ward_role role;
    int64_t days = 14;
    size_t hub_count;
    char code[WARD_INVITE_MAX];
    const char *const *hubs = cli_opt_all(c, "hub", &hub_count);
    int rc = parse_role(c, &role);
    if (rc == CLI_DONE)
        rc = cli_opt_number(c, "days", 1, 365, &days);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find_unit(c, cli_opt(c, "unit"), &unit);
    if (rc)
        return rc;
    int64_t expires = cli_in_days(days);
    if (ward_invite(c->replica, &unit, role, hubs, hub_count, days * CLI_DAY_MS, code, sizeof code, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:s, s:s, s:s, s:o}", "code", code, "unit", cli_opt(c, "unit"), "role", cli_role_name(role), "expires",
                                   cli_time_json(expires));
    return cli_answer(c, CLI_DONE, model, plain);
}

static int run(struct cli *c)
{
    const char *cancel = cli_opt(c, "cancel");
    bool listing = cli_opt(c, "list") != NULL;
    if ((listing || cancel) && (cli_opt(c, "unit") || (listing && cancel)))
        return cli_usage(c, _("--list, --cancel and --unit exclude each other"));
    if (!listing && !cancel && !cli_opt(c, "unit"))
        return cli_usage(c, _("--%s is required"), "unit");
    return listing ? run_list(c) : cancel ? run_cancel(c, cancel) : run_new(c);
}

static const struct cli_option options[] = {
    {"unit", "CODE", N_("the unit the new device works for"), 0},
    {"role", "ROLE", N_("cell (usual), operator, inspector or hub"), 0},
    {"hub", "ADDR", N_("where the hub answers, tcp://HOST:PORT; remembered for all devices (else what is remembered)"), CLI_MANY},
    {"days", "N", N_("how long the invitation is valid (else 14)"), 0},
    {"list", NULL, N_("list the invitations that were made, and what became of them"), 0},
    {"cancel", "ID", N_("withdraw one that was not used yet; at least 4 digits of its id"), 0},
    {0},
};

const struct cli_command cmd_invite = {
    .name = "invite",
    .summary = N_("makes a one-time invitation for a new device"),
    .run = run,
    .options = options,
    .details =
        N_("Prints the code, one line. It lets one device in, once; whoever has it can use it, so hand it over in person or by phone."),
    .examples = "  wardsync invite --unit CB03 --hub tcp://10.0.0.5:7450\n"
                "  wardsync invite --unit UBKT --role inspector --days 3\n"
                "  wardsync invite --list\n  wardsync invite --cancel 8f3a\n",
};
