#include "commands.h"
#include "out.h"
#include "ref.h"
#include "when.h"

#include <string.h>
#include <time.h>

#define DAY_MS 86400000

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

static int run(struct cli *c)
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
    int64_t expires = ((int64_t)time(NULL) + days * (DAY_MS / 1000)) * 1000;
    if (ward_invite(c->replica, &unit, role, hubs, hub_count, days * DAY_MS, code, sizeof code, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:s, s:s, s:s, s:o}", "code", code, "unit", cli_opt(c, "unit"), "role", cli_role_name(role), "expires",
                                   cli_time_json(expires));
    return cli_answer(c, CLI_DONE, model, plain);
}

static const struct cli_option options[] = {
    {"unit", "CODE", N_("the unit the new device works for"), CLI_REQUIRED},
    {"role", "ROLE", N_("cell (usual), operator, inspector or hub"), 0},
    {"hub", "ADDR", N_("where the hub answers, tcp://HOST:PORT; remembered for all devices"), CLI_MANY},
    {"days", "N", N_("how long the invitation is valid (else 14)"), 0},
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
                "  wardsync invite --unit UBKT --role inspector --days 3\n",
};
