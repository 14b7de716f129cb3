#include "commands.h"
#include "out.h"
#include "passphrase.h"

#include <string.h>

/* ---- key passphrase */

static const char *state_name(bool sealed)
{
    return sealed ? "sealed" : "open";
}

static json_t *state_json(const struct ward_key_state *s)
{
    return json_pack("{s:s, s:o}", "device", state_name(s->device_sealed), "root",
                     s->root_here ? json_string(state_name(s->root_sealed)) : json_null());
}

static void plain_state(struct cli *c, const json_t *model)
{
    bool sealed = strcmp(json_string_value(json_object_get(model, "device")), "sealed") == 0;
    cli_line(c, "%s",
             sealed ? _("The key files of this device are sealed with the passphrase.") : _("The key files of this device are open."));
    if (sealed)
        cli_note(c, _("Whoever forgets it needs a new invitation. Reading goes on without it; writing and syncing ask for it, or take "
                      "--passphrase-file."));
}

/* A passphrase already there is asked for; a new one comes from its own file, or is what --passphrase-file says where none is there. */
static int change(struct cli *c, const struct ward_key_state *s, char before[WARD_PASSPHRASE_MAX], char now[WARD_PASSPHRASE_MAX],
                  struct ward_error *err)
{
    bool sealed = s->device_sealed || s->root_sealed, remove = cli_opt(c, "remove") != NULL;
    const char *file = cli_opt(c, "new-passphrase-file");
    int rc = sealed ? cli_passphrase(c, before, err) : WARD_OK;
    if (!rc && !remove)
        rc = cli_passphrase_new(c, file || sealed ? file : c->passphrase_file, _("New passphrase:"), now, err);
    return rc ? rc : ward_key_passphrase(c->home, sealed ? before : NULL, remove ? NULL : now, NULL, err);
}

static int run_passphrase(struct cli *c)
{
    char before[WARD_PASSPHRASE_MAX] = "", now[WARD_PASSPHRASE_MAX] = "";
    struct ward_key_state s;
    struct ward_error err = {0};
    if (cli_opt(c, "remove") && cli_opt(c, "new-passphrase-file"))
        return cli_usage(c, _("--remove and --new-passphrase-file exclude each other"));
    int rc = cli_find_home(c);
    if (rc)
        return rc;
    int failed = ward_key_state(c->home, &s, &err);
    if (!failed)
        failed = change(c, &s, before, now, &err);
    explicit_bzero(before, sizeof before);
    explicit_bzero(now, sizeof now);
    if (failed || ward_key_state(c->home, &s, &err))
        return cli_fail(c, &err);
    json_auto_t *model = state_json(&s);
    return cli_answer(c, CLI_DONE, model, plain_state);
}

static const struct cli_option options_of_passphrase[] = {
    {"new-passphrase-file", "FILE", N_("file with the new passphrase (mode 0600), instead of asking for it"), 0},
    {"remove", NULL, N_("leave the key files open, without a passphrase"), 0},
    {0},
};

static const struct cli_command passphrase_command = {
    .name = "passphrase",
    .summary = N_("seals this device's key files with a passphrase, changes it or takes it off"),
    .run = run_passphrase,
    .options = options_of_passphrase,
    .details =
        N_("Asks on the terminal, without showing what is typed. A passphrase has at least 8 characters. A wrong one changes nothing. The "
           "first line of a passphrase file counts; the file must be yours, with mode 0600."),
    .examples = "  wardsync key passphrase\n"
                "  wardsync key passphrase --passphrase-file ~/.ward-old --new-passphrase-file ~/.ward-new\n"
                "  wardsync key passphrase --remove\n",
};

const struct cli_command cmd_key = {
    .name = "key",
    .summary = N_("the device's keys, their passphrase, the recovery sheet"),
    .subs = (const struct cli_command *const[]){&passphrase_command, &cmd_key_rotate, &cmd_key_sheet, &cmd_key_check_sheet, NULL},
    .examples = "  wardsync key passphrase\n  wardsync key rotate\n  wardsync key sheet --out /media/usb/phieu-khoi-phuc.txt\n",
};
