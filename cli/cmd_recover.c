#include "commands.h"
#include "out.h"
#include "passphrase.h"
#include "ref.h"
#include "sheet.h"

#include <string.h>

static void plain(struct cli *c, const json_t *model)
{
    cli_line(c, _("This device (%s) is now an operator of the ward %s, unit %s."), json_string_value(json_object_get(model, "device_name")),
             json_string_value(json_object_get(model, "ward_name")), json_string_value(json_object_get(model, "unit")));
    cli_note(
        c, "%s",
        _("Next: `wardsync bundle write FILE`, and have each device read that file, so that all know this one. Read a bundle of each, too; "
          "only then end the rights of the devices that are lost (wardsync device revoke), serve, and let the others sync with this "
          "address and --device."));
}

static int recover(struct cli *c, const struct ward_sheet *sheet, const struct ward_id *unit, struct ward_error *err)
{
    struct ward_options options = {.schema = ward_plan_schema(), .passphrase = cli_passphrase, .passphrase_ctx = c};
    char passphrase[WARD_PASSPHRASE_MAX] = "";
    size_t count;
    const char *const *bundles = cli_opt_all(c, "bundle", &count);
    int rc = cli_passphrase_of_sheet(c, cli_opt(c, "sheet-passphrase-file"), passphrase, err);
    if (!rc)
        rc = ward_recover(&c->replica, c->home, sheet, passphrase, bundles, count, unit, cli_own_device_name(c), &options, err);
    explicit_bzero(passphrase, sizeof passphrase);
    return rc;
}

static int run(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_sheet sheet;
    struct ward_id unit;
    int rc = cli_find_home(c);
    if (rc == CLI_DONE)
        rc = cli_sheet_get(c, cli_arg(c, 0), &sheet);
    if (rc)
        return rc;
    ward_plan_unit_id(&unit, cli_opt(c, "unit"));
    if (recover(c, &sheet, &unit, &err))
        return cli_fail(c, &err);
    json_auto_t *model = cli_self_json(c);
    return model ? cli_answer(c, CLI_DONE, model, plain) : CLI_FAILED;
}

static const struct cli_option options[] = {
    {"unit", "CODE", N_("short code of this device's unit"), CLI_REQUIRED},
    {"bundle", "FILE", N_("the ward's records, as `wardsync bundle write FILE` of any of its devices wrote them; the newest there are"),
     CLI_REQUIRED | CLI_MANY},
    {"device", "NAME", N_("what to call this device (else the computer's name)"), 0},
    {"sheet-passphrase-file", "FILE", N_("file with the sheet's own passphrase (mode 0600), instead of asking for it"), 0},
    {0},
};

const struct cli_command cmd_recover = {
    .name = "recover",
    .summary = N_("makes a new operator's device from the recovery sheet, when no operator is left"),
    .run = run,
    .args = "[SHEET-FILE]",
    .args_min = 0,
    .args_max = 1,
    .options = options,
    .details = N_("Without SHEET-FILE the lines are typed in from the paper. The directory must be empty or missing. The records come "
                  "first, and only then "
                  "the root names this device: where the sheet was used before, a bundle from before that will not do, since the ward's "
                  "devices take only "
                  "the first of two such words. The root key does not stay on this device: keep the sheet."),
    .examples = "  wardsync recover --unit BXDĐ --bundle /media/usb/chi-bo-3.wsb --device \"máy văn phòng mới\"\n"
                "  wardsync recover scan.txt --unit BXDĐ --bundle cb03.wsb --bundle cb05.wsb\n",
};
