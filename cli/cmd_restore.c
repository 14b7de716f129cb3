#include "commands.h"
#include "out.h"

#include <wardsync_plan.h>

static void plain(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {
        {.key = "file", .title = N_("File")}, {.key = "changes", .title = N_("Changes")}, {.key = "kept", .title = N_("Kept as")}, {0}};
    cli_pairs(c, model, columns);
    cli_note(c, _("What was written after the backup comes back from the other devices: run `wardsync sync` before you write anything. If "
                  "this is the hub, run `wardsync serve` and let the devices sync first; `wardsync status` tells who is awaited."));
}

static int run(struct cli *c)
{
    struct ward_options options = {.schema = ward_plan_schema()};
    struct ward_restored result;
    struct ward_error err = {0};
    const char *file = cli_arg(c, 0);
    int rc = cli_find_home(c);
    if (rc)
        return rc;
    if (ward_restore(c->home, file, &options, &result, &err))
        return cli_fail(c, &err);
    const char *kept = result.kept[0] ? cli_clean(c, cli_format(c, "%s/%s", c->home, result.kept), false) : NULL;
    json_auto_t *model = json_pack("{s:s, s:I, s:s?, s:b}", "file", cli_clean(c, file, false), "changes", (json_int_t)result.changes,
                                   "kept", kept, "sync_first", 1);
    return cli_answer(c, CLI_DONE, model, plain);
}

const struct cli_command cmd_restore = {
    .name = "restore",
    .summary = N_("puts a backup of this device in place of its database"),
    .run = run,
    .args = "FILE",
    .args_min = 1,
    .args_max = 1,
    .details =
        N_("End every other wardsync on this device first. The backup is checked before anything changes, and the device's key must be "
           "in its folder. What is replaced stays in the folder as before-restore-1.db, -2 and so on: nothing is deleted. What was "
           "written after the backup comes back with the next `wardsync sync`; sync before you write anything."),
    .examples = "  wardsync restore /media/usb/bach-dang-2026-05-31.db\n",
};
