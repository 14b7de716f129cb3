#include "attention.h"
#include "commands.h"
#include "out.h"
#include "progress.h"
#include "ref.h"
#include "when.h"

/* --for: a unit's code, else a device. */
static int find_addressee(struct cli *c, struct ward_id *unit, struct ward_hash *grant, struct ward_bundle_options *options)
{
    const char *reference = cli_opt(c, "for");
    if (!reference)
        return CLI_DONE;
    const struct ward_unit *known = ward_plan_index_unit_by_code(cli_index(c), reference);
    if (known) {
        *unit = known->id;
        options->for_unit = unit;
        return CLI_DONE;
    }
    options->for_grant = grant;
    return cli_find_device(c, reference, grant);
}

static json_t *info_json(struct cli *c, const struct ward_bundle_info *info)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I}", "file", cli_clean(c, cli_arg(c, 0), false), "device",
                     cli_device_name(c, &info->writer), "unit", cli_unit_code(c, &info->writer_unit), "at", cli_time_json(info->wall_ms),
                     "runs", (json_int_t)info->runs, "changes", (json_int_t)info->changes, "bytes", (json_int_t)info->bytes);
}

static const struct cli_column about[] = {{.key = "file", .title = N_("File")},
                                          {.key = "device", .title = N_("Written by")},
                                          {.key = "unit", .title = N_("Unit")},
                                          {.key = "at", .title = N_("At"), .show = CLI_TIME},
                                          {.key = "changes", .title = N_("Changes")},
                                          {.key = "bytes", .title = N_("Size"), .show = CLI_BYTES},
                                          {0}};

static void plain_about(struct cli *c, const json_t *model)
{
    cli_pairs(c, model, about);
}

static int run_write(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_id unit;
    struct ward_hash grant;
    struct ward_bundle_info info = {0};
    struct cli_progress progress = {.c = c};
    struct ward_bundle_options options = {.since_last = cli_opt(c, "since-last") != NULL, .on_event = cli_on_event, .ctx = &progress};
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc == CLI_DONE)
        rc = find_addressee(c, &unit, &grant, &options);
    if (rc)
        return rc;
    int failed = ward_bundle_write(c->replica, cli_arg(c, 0), &options, &info, &err);
    cli_progress_end(&progress);
    if (failed)
        return cli_fail(c, &err);
    json_auto_t *model = info_json(c, &info);
    return cli_answer(c, CLI_DONE, model, plain_about);
}

static void plain_read(struct cli *c, const json_t *model)
{
    plain_about(c, model);
    if (json_integer_value(json_object_get(model, "states")))
        cli_line(c,
                 ngettext("%lld circle of units came as it stands today; the history before is fetched by: wardsync sync --history",
                          "%lld circles of units came as they stand today; the history before is fetched by: wardsync sync --history",
                          (unsigned long)json_integer_value(json_object_get(model, "states"))),
                 json_integer_value(json_object_get(model, "states")));
    cli_line(c, _("Changes taken in: %lld, known already: %lld, refused: %lld."), json_integer_value(json_object_get(model, "applied")),
             json_integer_value(json_object_get(model, "known")), json_integer_value(json_object_get(model, "refused")));
    cli_attention(c, model);
}

static int run_read(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_bundle_info info = {0};
    struct cli_progress progress = {.c = c};
    size_t conflicts;
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    int failed = ward_bundle_read(c->replica, cli_arg(c, 0), cli_on_event, &progress, &info, &err);
    cli_progress_end(&progress);
    if (failed || ward_conflict_count(c->replica, &conflicts, &err))
        return cli_fail(c, &err);
    cli_names_forget(c);
    if (cli_names(c))
        return CLI_FAILED;
    json_auto_t *model = info_json(c, &info);
    json_object_set_new(model, "ended", json_boolean(cli_self_ended(c)));
    json_object_set_new(model, "applied", json_integer((json_int_t)info.applied));
    json_object_set_new(model, "states", json_integer((json_int_t)info.states));
    json_object_set_new(model, "known", json_integer((json_int_t)info.known));
    json_object_set_new(model, "refused", json_integer((json_int_t)info.refused));
    json_object_set_new(model, "first_refusal", info.refused ? json_integer(info.first_refusal) : json_null());
    json_object_set_new(model, "conflicts_new", json_integer((json_int_t)info.conflicts_new));
    json_object_set_new(model, "conflicts", json_integer((json_int_t)conflicts));
    return cli_answer(c, info.refused || conflicts || cli_self_ended(c) ? CLI_ATTENTION : CLI_DONE, model, plain_read);
}

static int run_show(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_bundle_info info = {0};
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    if (ward_bundle_show(c->replica, cli_arg(c, 0), &info, &err))
        return cli_fail(c, &err);
    json_auto_t *model = info_json(c, &info);
    return cli_answer(c, CLI_DONE, model, plain_about);
}

static const struct cli_option write_options[] = {
    {"for", "UNIT|DEVICE", N_("whom it is for (else the hub and the operators)"), 0},
    {"since-last", NULL, N_("only what the addressee is not known to have"), 0},
    {0},
};

static const struct cli_command write_command = {
    .name = "write",
    .summary = N_("writes changes to a file, for a USB stick"),
    .run = run_write,
    .args = "FILE",
    .args_min = 1,
    .args_max = 1,
    .options = write_options,
    .details = N_("The file is read back and compared before it takes its name."),
    .examples = "  wardsync bundle write /media/usb/cb03.wsb\n  wardsync bundle write /media/usb/cb03.wsb --for CB03 --since-last\n",
};

static const struct cli_command read_command = {
    .name = "read",
    .summary = N_("takes in the changes of such a file"),
    .run = run_read,
    .args = "FILE",
    .args_min = 1,
    .args_max = 1,
    .details = N_("A damaged file or one of another ward is refused whole. Reading a file twice changes nothing."),
    .examples = "  wardsync bundle read /media/usb/cb03.wsb\n",
};

static const struct cli_command show_command = {
    .name = "show",
    .summary = N_("checks such a file and tells what is in it"),
    .run = run_show,
    .args = "FILE",
    .args_min = 1,
    .args_max = 1,
    .examples = "  wardsync bundle show /media/usb/cb03.wsb\n",
};

const struct cli_command cmd_bundle = {
    .name = "bundle",
    .summary = N_("sync by a USB stick"),
    .subs = (const struct cli_command *const[]){&write_command, &read_command, &show_command, NULL},
    .examples = "  wardsync bundle write /media/usb/cb03.wsb\n",
};
