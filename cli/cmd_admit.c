#include "commands.h"
#include "out.h"
#include "ref.h"
#include "request.h"

#include <unistd.h>

static void plain(struct cli *c, const json_t *model)
{
    cli_line(c, _("%s is admitted: unit %s, as %s. Its four words: %s."), json_string_value(json_object_get(model, "name")),
             json_string_value(json_object_get(model, "unit")), cli_role_label(json_string_value(json_object_get(model, "role"))),
             json_string_value(json_object_get(model, "words")));
    if (json_is_string(json_object_get(model, "answer")))
        cli_note(c, _("Take %s back to the device: wardsync join --accept FILE"), json_string_value(json_object_get(model, "answer")));
    else
        cli_note(c, "%s", _("The device gets its new keys when it runs `wardsync key rotate` again, as soon as the hub knows of this."));
}

/* A file, or else a device whose request a hub has noted. */
static int look(struct cli *c, bool *from_file, struct ward_hash *device, struct ward_request_info *info)
{
    struct ward_error err = {0};
    const char *what = cli_arg(c, 0);
    *from_file = access(what, F_OK) == 0;
    int rc = *from_file ? cli_names(c) : cli_find_device(c, what, device);
    if (rc)
        return rc;
    if (*from_file && !cli_opt(c, "out"))
        return cli_usage(c, _("--out FILE is missing: the answer goes back to the device"));
    if (*from_file ? ward_request_show(c->replica, what, info, &err) : ward_request_noted(c->replica, device, info, &err))
        return cli_fail(c, &err);
    return CLI_DONE;
}

static bool agreed(struct cli *c, const struct ward_request_info *info)
{
    const char *ask = info->replaces_keys
                          ? _("%s (unit %s, %s) asks for new keys. Four words: %s\nDoes the device show the same? Admit it?")
                          : _("%s (unit %s, %s) asks to join. Four words: %s\nDoes the device show the same? Admit it?");
    // NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): both are above
    return info->granted || cli_confirm(c, cli_format(c, ask, info->name, cli_unit_code(c, &info->unit),
                                                      cli_role_label(cli_role_name(info->role)), info->words));
}

static int run(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_hash device, grant;
    struct ward_request_info info = {.granted = false};
    bool from_file;
    const char *answer = cli_opt(c, "out");
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = look(c, &from_file, &device, &info);
    if (rc)
        return rc;
    if (!agreed(c, &info))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", info.name);
    if (from_file ? ward_admit(c->replica, cli_arg(c, 0), answer, &grant, &err)
                  : ward_admit_noted(c->replica, &device, answer, &grant, &err))
        return cli_fail(c, &err);
    json_auto_t *model = cli_request_json(c, &info);
    json_object_set_new(model, "device", cli_hash_json(&grant));
    json_object_set_new(model, "answer", answer ? json_string(answer) : json_null());
    return cli_answer(c, CLI_DONE, model, plain);
}

static const struct cli_option options[] = {
    {"out", "FILE", N_("where to write the answer, for the device to take (wardsync join --accept)"), 0},
    {0},
};

const struct cli_command cmd_admit = {
    .name = "admit",
    .summary = N_("grants what a device asks for in a file, or a device's wish for new keys"),
    .run = run,
    .args = "FILE|DEVICE",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .details =
        N_("Shows who asks and four words of the new keys; let the device's user read the same words out before you agree. DEVICE is "
           "one that `wardsync device list` shows as asking for new keys. Doing it again gives the same answer."),
    .examples = "  wardsync admit /media/usb/yeu-cau.wsr --out /media/usb/tra-loi.wsa\n"
                "  wardsync admit \"máy văn phòng\"\n",
};
