#include "commands.h"
#include "history.h"
#include "out.h"
#include "ref.h"
#include "request.h"
#include "when.h"

/* Keys that it had before and that still have their rights. */
static bool old_keys_count(const json_t *device)
{
    size_t i;
    json_t *former;
    json_array_foreach(json_object_get(device, "former"), i, former) if (!json_is_true(json_object_get(former, "ended"))) return true;
    return false;
}

static const char *with(struct cli *c, const char *words, bool holds, const char *more)
{
    return holds ? cli_format(c, "%s%s%s", words, *words ? ", " : "", more) : words;
}

static const char *remark(struct cli *c, const json_t *device)
{
    bool ended = json_is_true(json_object_get(device, "ended")), asks = json_is_true(json_object_get(device, "asks"));
    const char *words = "";
    words = with(c, words, ended, _("revoked"));
    words = with(c, words, !ended && json_is_true(json_object_get(device, "self")), _("this device"));
    words = with(c, words, json_is_true(json_object_get(device, "forked")), _("has written two histories"));
    words = with(c, words, asks, _("asks for new keys"));
    return with(c, words, !asks && old_keys_count(device), _("its old keys are to be ended"));
}

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
        json_object_set_new(row, "note", json_string(remark(c, device)));
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

/* ---- show */

static void plain_show(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {
        {.key = "name", .title = N_("Name")},        {.key = "id", .title = N_("Id")},
        {.key = "unit", .title = N_("Unit")},        {.key = "role", .title = N_("Role"), .show = CLI_ROLE},
        {.key = "words", .title = N_("Four words")}, {.key = "last_contact", .title = N_("Last contact"), .show = CLI_TIME},
        {.key = "note", .title = N_("Remark")},      {0}};
    size_t i;
    json_t *former;
    json_auto_t *row = json_copy((json_t *)model);
    json_object_set_new(row, "note", json_string(remark(c, model)));
    cli_pairs(c, row, columns);
    json_array_foreach(json_object_get(model, "former"), i, former)
        cli_line(c, json_is_true(json_object_get(former, "ended")) ? _("Former keys: %s (ended)") : _("Former keys: %s (to be ended)"),
                 json_string_value(json_object_get(former, "id")));
    if (json_is_object(json_object_get(model, "asked")))
        cli_line(c, _("Asks for new keys. Their four words: %s"),
                 json_string_value(json_object_get(json_object_get(model, "asked"), "words")));
    cli_line(c, "%s", "");
    cli_history_plain(c, json_object_get(model, "changes"));
}

static int run_show(struct cli *c)
{
    struct ward_hash grant;
    struct ward_request_info info;
    struct cli_history_filter filter = {.device = &grant};
    json_auto_t *changes = NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_find_device(c, cli_arg(c, 0), &grant);
    if (rc == CLI_DONE)
        rc = cli_history(c, &filter, &changes);
    if (rc)
        return rc;
    json_auto_t *model = cli_device_json(c, cli_device(c, &grant));
    bool asks = json_is_true(json_object_get(model, "asks")) && ward_request_noted(c->replica, &grant, &info, NULL) == 0;
    json_object_set_new(model, "asked", asks ? cli_request_json(c, &info) : json_null());
    json_object_set(model, "changes", changes);
    return cli_answer(c, CLI_DONE, model, plain_show);
}

/* ---- revoke */

static void plain_revoke(struct cli *c, const json_t *model)
{
    const json_t *after = json_object_get(model, "after");
    if (json_is_integer(after))
        cli_line(c, _("%s is revoked. The first %lld of its changes stay; what it wrote after them counts nowhere any more."),
                 json_string_value(json_object_get(model, "name")), json_integer_value(after));
    else
        cli_line(c, _("%s is revoked. What it wrote so far stays; nothing it writes from now on counts anywhere."),
                 json_string_value(json_object_get(model, "name")));
}

static int run_revoke(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_hash grant;
    int64_t after = -1;
    int rc = cli_opt_number(c, "after", 0, INT64_MAX - 1, &after);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find_device(c, cli_arg(c, 0), &grant);
    if (rc)
        return rc;
    const char *name = cli_device_name(c, &grant);
    if (!cli_confirm(c, cli_format(c, _("Revoke %s for good?"), name)))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", name);
    if (ward_revoke_after(c->replica, &grant, after < 0 ? UINT64_MAX : (uint64_t)after, cli_opt(c, "why"), &err))
        return cli_fail(c, &err);
    json_auto_t *model =
        json_pack("{s:o, s:s, s:o}", "device", cli_hash_json(&grant), "name", name, "after", after < 0 ? json_null() : json_integer(after));
    return cli_answer(c, CLI_DONE, model, plain_revoke);
}

/* ---- replace */

static void plain_replace(struct cli *c, const json_t *model)
{
    cli_line(c, "%s", json_string_value(json_object_get(model, "code")));
    cli_note(c,
             _("%s is revoked; what it wrote so far stays. The code is for the device that takes its place, valid once, until %s: "
               "wardsync join CODE"),
             json_string_value(json_object_get(model, "name")), cli_time_local(c, json_object_get(model, "expires")));
}

static int run_replace(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_hash grant;
    int64_t days = 14;
    size_t hub_count;
    char code[WARD_INVITE_MAX];
    const char *const *hubs = cli_opt_all(c, "hub", &hub_count);
    int rc = cli_opt_number(c, "days", 1, 365, &days);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find_device(c, cli_arg(c, 0), &grant);
    if (rc)
        return rc;
    const char *name = cli_device_name(c, &grant);
    if (!cli_confirm(c, cli_format(c, _("Revoke %s for good, and invite another in its place?"), name)))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", name);
    int64_t expires = cli_in_days(days);
    if (ward_replace(c->replica, &grant, cli_opt(c, "why"), hubs, hub_count, days * CLI_DAY_MS, code, sizeof code, &err))
        return cli_fail(c, &err);
    const struct ward_device *device = cli_device(c, &grant);
    json_auto_t *model = json_pack("{s:o, s:s, s:s, s:s, s:s, s:o}", "device", cli_hash_json(&grant), "name", name, "code", code, "unit",
                                   cli_unit_code(c, &device->unit), "role", cli_role_name(device->role), "expires", cli_time_json(expires));
    return cli_answer(c, CLI_DONE, model, plain_replace);
}

static const struct cli_command list = {
    .name = "list",
    .summary = N_("lists devices: last contact, what waits for each, how far its clock is off"),
    .run = run_list,
    .examples = "  wardsync device list\n",
};

static const struct cli_command show = {
    .name = "show",
    .summary = N_("shows a device: the four words of its keys, what it was before, its changes with their numbers"),
    .run = run_show,
    .args = "DEVICE",
    .args_min = 1,
    .args_max = 1,
    .details =
        N_("DEVICE is its name, or at least 4 digits of its id. The changes are numbered as they arrived here; `device revoke --after` "
           "takes such a number."),
    .examples = "  wardsync device show \"máy chi bộ 3\"\n",
};

static const struct cli_option revoke_options[] = {
    {"why", "TEXT", N_("the reason, kept with the change"), CLI_REQUIRED},
    {"after", "SEQ", N_("keep only its first SEQ changes, as `device show` numbers them here (0: none)"), 0},
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
    .details =
        N_("DEVICE is its name, or at least 4 digits of its id. Without --after, what is held here of its changes stays. Use --after "
           "where somebody else wrote with it from some point on."),
    .examples = "  wardsync device revoke \"máy chi bộ 3\" --why \"mất máy ngày 12/5\"\n"
                "  wardsync device revoke \"máy chi bộ 3\" --after 41 --why \"người khác dùng từ ngày 12/5\"\n",
};

static const struct cli_option replace_options[] = {
    {"why", "TEXT", N_("the reason, kept with the change"), CLI_REQUIRED},
    {"hub", "ADDR", N_("where the hub answers, tcp://HOST:PORT (else where the ward knows it to be)"), CLI_MANY},
    {"days", "N", N_("how long the invitation is valid (else 14)"), 0},
    {0},
};

static const struct cli_command replace = {
    .name = "replace",
    .summary = N_("a unit gets another device: ends the old one's rights and prints an invitation for the new one"),
    .run = run_replace,
    .args = "DEVICE",
    .args_min = 1,
    .args_max = 1,
    .options = replace_options,
    .details = N_("The new device has the same unit, role and name, and gets all that the unit's spaces hold. If the old folder is still "
                  "there (a new disk, a copy), join in it: then nothing needs to be copied."),
    .examples = "  wardsync device replace \"máy chi bộ 3\" --why \"máy hỏng\" --hub tcp://10.0.0.5:7450\n",
};

const struct cli_command cmd_device = {
    .name = "device",
    .summary = N_("the devices of the ward"),
    .subs = (const struct cli_command *const[]){&list, &show, &revoke, &replace, NULL},
    .examples = "  wardsync device list\n",
};
