#include "commands.h"
#include "out.h"
#include "ref.h"

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "id", .title = N_("Id"), .show = CLI_ID},
                                                {.key = "name", .title = N_("Name")},
                                                {.key = "unit", .title = N_("Unit")},
                                                {.key = "role", .title = N_("Role"), .show = CLI_ROLE},
                                                {.key = "last_contact", .title = N_("Last contact"), .show = CLI_TIME},
                                                {.key = "backlog", .title = N_("Waiting")},
                                                {.key = "clock_offset_ms", .title = N_("Clock off by"), .show = CLI_SPAN},
                                                {.key = "note", .title = N_("Remark")},
                                                {0}};
    json_auto_t *rows = json_array();
    size_t i;
    json_t *device;
    json_array_foreach(model, i, device)
    {
        json_t *row = json_copy(device);
        bool self = json_is_true(json_object_get(device, "self")), ended = json_is_true(json_object_get(device, "ended"));
        json_object_set_new(row, "note", json_string(ended ? _("revoked") : self ? _("this device") : ""));
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, columns, _("No devices."));
}

static int run_list(struct cli *c)
{
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    json_auto_t *model = cli_devices_json(c, true);
    return cli_answer(c, CLI_DONE, model, plain_list);
}

static void plain_revoke(struct cli *c, const json_t *model)
{
    cli_line(c, _("%s is revoked. What it wrote so far stays; nothing it writes from now on counts anywhere."),
             json_string_value(json_object_get(model, "name")));
}

static int run_revoke(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_hash grant;
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find_device(c, cli_arg(c, 0), &grant);
    if (rc)
        return rc;
    const char *name = cli_device_name(c, &grant);
    if (!cli_confirm(c, cli_format(c, _("Revoke %s for good?"), name)))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", name);
    if (ward_revoke(c->replica, &grant, cli_opt(c, "why"), &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:o, s:s}", "device", cli_hash_json(&grant), "name", name);
    return cli_answer(c, CLI_DONE, model, plain_revoke);
}

static const struct cli_command list = {
    .name = "list",
    .summary = N_("lists devices: last contact, what waits for each, how far its clock is off"),
    .run = run_list,
    .examples = "  wardsync device list\n",
};

static const struct cli_option revoke_options[] = {
    {"why", "TEXT", N_("the reason, kept with the change"), CLI_REQUIRED},
    {0},
};

static const struct cli_command revoke = {
    .name = "revoke",
    .summary = N_("ends a device's rights, on every replica"),
    .run = run_revoke,
    .args = "DEVICE",
    .args_min = 1,
    .args_max = 1,
    .options = revoke_options,
    .details = N_("DEVICE is its name, or at least 4 digits of its id."),
    .examples = "  wardsync device revoke \"máy chi bộ 3\" --why \"mất máy ngày 12/5\"\n",
};

const struct cli_command cmd_device = {
    .name = "device",
    .summary = N_("the devices of the ward"),
    .subs = (const struct cli_command *const[]){&list, &revoke, NULL},
    .examples = "  wardsync device list\n",
};
