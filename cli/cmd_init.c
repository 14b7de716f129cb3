#include "commands.h"
#include "out.h"
#include "ref.h"

#include <dirent.h>
#include <unistd.h>

/* What ward_found made in the directory it found empty, when the first unit cannot be written: founding is done whole or not at all. */
static void undo(struct cli *c, bool was_there)
{
    ward_close(c->replica);
    c->replica = NULL;
    DIR *dir = opendir(c->home);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    if (!was_there)
        rmdir(c->home);
}

static void plain(struct cli *c, const json_t *model)
{
    cli_line(c, "%s", json_string_value(json_object_get(model, "ward")));
    cli_note(c, _("The ward is founded; this device is its first operator. Next: wardsync unit add, wardsync invite."));
}

static int run(struct cli *c)
{
    struct ward_options options = {.schema = ward_plan_schema()};
    struct ward_error err = {0};
    struct ward_id unit;
    const char *code = cli_opt(c, "unit");
    int rc = cli_find_home(c);
    if (rc)
        return rc;
    bool was_there = access(c->home, F_OK) == 0;
    ward_plan_unit_id(&unit, code);
    if (ward_found(&c->replica, c->home, cli_opt(c, "ward"), &unit, cli_own_device_name(c), &options, &err))
        return cli_fail(c, &err);
    if (ward_plan_unit_add(c->replica, code, cli_opt(c, "unit-name"), cli_opt(c, "kind"), NULL, &unit, &err)) {
        undo(c, was_there);
        return cli_fail(c, &err);
    }
    json_auto_t *model = cli_self_json(c);
    return model ? cli_answer(c, CLI_DONE, model, plain) : CLI_FAILED;
}

static const struct cli_option options[] = {
    {"ward", "NAME", N_("the ward's name"), CLI_REQUIRED},
    {"unit", "CODE", N_("short code of this device's unit"), CLI_REQUIRED},
    {"unit-name", "NAME", N_("the unit's name"), CLI_REQUIRED},
    {"kind", "KIND", N_("kind of the unit, see `wardsync unit add --help`"), 0},
    {"device", "NAME", N_("what to call this device (else the computer's name)"), 0},
    {0},
};

const struct cli_command cmd_init = {
    .name = "init",
    .summary = N_("founds a ward; this device becomes its first operator"),
    .run = run,
    .options = options,
    .details = N_("Prints the ward's id. The directory must be empty or missing. This device may also serve as the hub."),
    .examples = "  wardsync init --ward \"Phường Bạch Đằng\" --unit BXDĐ --unit-name \"Ban Xây dựng Đảng\" --device \"máy văn phòng\"\n",
};
