#include "commands.h"
#include "out.h"
#include "ref.h"
#include "when.h"

struct listing {
    struct cli *c;
    json_t *out;
};

static int add_address(void *ctx, const struct ward_hub_address *a)
{
    struct listing *l = ctx;
    json_array_append_new(l->out, json_pack("{s:s, s:b, s:s?, s:o}", "address", cli_clean(l->c, a->address, false), "listed", a->listed,
                                            "device", a->last_contact_ms ? cli_device_name(l->c, &a->grant) : NULL, "last_contact",
                                            cli_time_json(a->last_contact_ms)));
    return 0;
}

static void plain(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "address", .title = N_("Address")},
                                                {.key = "device", .title = N_("Answered by")},
                                                {.key = "last_contact", .title = N_("Last contact"), .show = CLI_TIME},
                                                {0}};
    cli_table(c, model, columns, _("No hub address is known here."));
}

static int answer(struct cli *c)
{
    struct ward_error err = {0};
    json_auto_t *model = json_array();
    struct listing l = {c, model};
    if (ward_hub_addresses(c->replica, add_address, &l, &err))
        return cli_fail(c, &err);
    return cli_answer(c, CLI_DONE, model, plain);
}

static int run_list(struct cli *c)
{
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    return rc ? rc : answer(c);
}

static int set(struct cli *c, bool listed)
{
    struct ward_error err = {0};
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    if (ward_hub_address_set(c->replica, cli_arg(c, 0), listed, &err) && err.code != WARD_ERR_NOTHING)
        return cli_fail(c, &err);
    return answer(c);
}

static int run_add(struct cli *c)
{
    return set(c, true);
}

static int run_remove(struct cli *c)
{
    return set(c, false);
}

static const struct cli_command cmd_list = {
    .name = "list",
    .summary = N_("where devices look for the hub, and who answered there last"),
    .run = run_list,
    .examples = "  wardsync hub list\n",
};
static const struct cli_command cmd_add = {
    .name = "add",
    .summary = N_("adds an address; every device learns of it with its next sync"),
    .run = run_add,
    .args = "ADDR",
    .args_min = 1,
    .args_max = 1,
    .details =
        N_("An operator's device or the hub itself does this. At most 8 addresses. Each is tried, who answered last first; any hub or "
           "operator's device of the ward may answer there. Add the new address before the old one goes: who has not learned of it in "
           "time takes it from a bundle or from another device."),
    .examples = "  wardsync hub add tcp://192.0.2.7:7450\n",
};
static const struct cli_command cmd_remove = {
    .name = "remove",
    .summary = N_("takes an address off the list"),
    .run = run_remove,
    .args = "ADDR",
    .args_min = 1,
    .args_max = 1,
    .examples = "  wardsync hub remove tcp://192.0.2.5:7450\n",
};
static const struct cli_command *const subs[] = {&cmd_list, &cmd_add, &cmd_remove, NULL};

const struct cli_command cmd_hub = {
    .name = "hub",
    .summary = N_("the addresses at which the ward's hubs answer"),
    .subs = subs,
    .examples = "  wardsync hub list\n  wardsync hub add tcp://192.0.2.7:7450\n",
};
