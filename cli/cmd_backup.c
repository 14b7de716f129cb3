#include "commands.h"
#include "out.h"

#include <sys/stat.h>

static void plain(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {
        {.key = "file", .title = N_("File")}, {.key = "bytes", .title = N_("Size"), .show = CLI_BYTES}, {0}};
    cli_pairs(c, model, columns);
    cli_note(c, _("The device's key is not in it."));
}

static int run(struct cli *c)
{
    struct ward_error err = {0};
    struct stat info = {0};
    int rc = cli_open_to_read(c);
    if (rc)
        return rc;
    if (ward_backup(c->replica, cli_arg(c, 0), &err))
        return cli_fail(c, &err);
    stat(cli_arg(c, 0), &info);
    json_auto_t *model = json_pack("{s:s, s:I}", "file", cli_clean(c, cli_arg(c, 0), false), "bytes", (json_int_t)info.st_size);
    return cli_answer(c, CLI_DONE, model, plain);
}

const struct cli_command cmd_backup = {
    .name = "backup",
    .summary = N_("writes a consistent copy of the database to a file"),
    .run = run,
    .args = "FILE",
    .args_min = 1,
    .args_max = 1,
    .details = N_("Others may work on the replica meanwhile. The file must not exist yet."),
    .examples = "  wardsync backup /media/usb/bach-dang-2026-05-31.db\n",
};
