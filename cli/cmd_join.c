#include "commands.h"
#include "out.h"
#include "ref.h"
#include "round.h"

static void plain(struct cli *c, const json_t *model)
{
    cli_line(c, _("This device (%s) now belongs to the ward %s, unit %s, as %s."), json_string_value(json_object_get(model, "device_name")),
             json_string_value(json_object_get(model, "ward_name")), json_string_value(json_object_get(model, "unit")),
             cli_role_label(json_string_value(json_object_get(model, "role"))));
    cli_round_plain(c, json_object_get(model, "sync"));
}

/* The device is enrolled now, whatever becomes of its first round; that round brings it what it works on, and the names of all. */
static int answer(struct cli *c, int timeout_ms)
{
    struct ward_sync_options options = {.timeout_ms = timeout_ms};
    json_auto_t *round = json_object();
    int rc = cli_round(c, &options, round) == CLI_DONE ? CLI_DONE : CLI_ATTENTION;
    json_auto_t *model = cli_self_json(c);
    if (!model)
        return CLI_ATTENTION;
    json_object_set(model, "sync", round);
    return cli_answer(c, rc, model, plain);
}

static int run(struct cli *c)
{
    struct ward_options options = {.schema = ward_plan_schema()};
    struct ward_error err = {0};
    int64_t timeout_s = 15;
    int rc = cli_opt_number(c, "timeout", 1, 3600, &timeout_s);
    if (rc == CLI_DONE)
        rc = cli_find_home(c);
    if (rc)
        return rc;
    int timeout_ms = (int)timeout_s * 1000;
    if (ward_join(&c->replica, c->home, cli_arg(c, 0), cli_own_device_name(c), timeout_ms, &options, &err))
        return cli_fail(c, &err);
    return answer(c, timeout_ms);
}

static const struct cli_option options[] = {
    {"device", "NAME", N_("what to call this device (else the computer's name)"), 0},
    {"timeout", "S", N_("seconds to wait for the hub (else 15)"), 0},
    {0},
};

const struct cli_command cmd_join = {
    .name = "join",
    .summary = N_("enrols this device with an invitation"),
    .run = run,
    .args = "CODE",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .details = N_("Asks the hub over the network, then syncs a first time. If the hub did not answer, run the same command again; if the "
                  "device was enrolled "
                  "and the first sync broke off (exit code 1), run `wardsync sync`."),
    .examples = "  wardsync join WS1-… --device \"máy chi bộ 3\"\n",
};
