#include "commands.h"
#include "out.h"
#include "passphrase.h"
#include "ref.h"
#include "request.h"
#include "round.h"

static void plain(struct cli *c, const json_t *model)
{
    cli_line(c, _("This device (%s) now belongs to the ward %s, unit %s, as %s."), json_string_value(json_object_get(model, "device_name")),
             json_string_value(json_object_get(model, "ward_name")), json_string_value(json_object_get(model, "unit")),
             cli_role_label(json_string_value(json_object_get(model, "role"))));
    cli_line(c, _("Its four words: %s. The operator should see the same ones; if not, tell him at once."),
             json_string_value(json_object_get(model, "words")));
    if (json_object_get(model, "sync"))
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

/* A folder that is a device's already goes on under new rights: worth a question. */
static bool may_go_on(struct cli *c)
{
    struct ward_options look = {.schema = ward_plan_schema(), .read_only = true};
    struct ward_self self;
    if (ward_open(&c->replica, c->home, &look, NULL))
        return true; /* there is none, or it is past reading: the library says what is wrong */
    bool known = ward_self(c->replica, &self, NULL) == WARD_OK;
    ward_close(c->replica);
    c->replica = NULL;
    return !known ||
           cli_confirm(c, cli_format(c, _("This folder is that of %s. Go on in it under new keys and new rights?"), self.device_name));
}

static int request(struct cli *c, const struct ward_options *options)
{
    struct ward_error err = {0};
    char words[WARD_FINGERPRINT];
    const char *path = cli_opt(c, "request");
    if (ward_join_request(c->home, cli_arg(c, 0), cli_own_device_name(c), path, options, words, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:s, s:s}", "request", path, "words", words);
    return cli_answer(c, CLI_DONE, model, cli_request_file_plain);
}

static int accept_answer(struct cli *c, const struct ward_options *options)
{
    struct ward_error err = {0};
    if (ward_join_accept(&c->replica, c->home, cli_opt(c, "accept"), options, &err))
        return cli_fail(c, &err);
    json_auto_t *model = cli_self_json(c);
    return model ? cli_answer(c, CLI_DONE, model, plain) : CLI_FAILED;
}

static int run(struct cli *c)
{
    struct ward_options options = {.schema = ward_plan_schema(), .passphrase = cli_passphrase, .passphrase_ctx = c};
    struct ward_error err = {0};
    int64_t timeout_s = 15;
    bool by_answer = cli_opt(c, "accept") != NULL;
    if (by_answer && (cli_opt(c, "request") || c->arg_count))
        return cli_usage(c, _("--accept takes the answer alone: neither a code nor --request"));
    if (!by_answer && !c->arg_count)
        return cli_usage(c, _("the code of the invitation is missing"));
    int rc = cli_opt_number(c, "timeout", 1, 3600, &timeout_s);
    if (rc == CLI_DONE)
        rc = cli_find_home(c);
    if (rc)
        return rc;
    if (by_answer)
        return accept_answer(c, &options);
    if (!may_go_on(c))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", c->home);
    if (cli_opt(c, "request"))
        return request(c, &options);
    int timeout_ms = (int)timeout_s * 1000;
    if (ward_join(&c->replica, c->home, cli_arg(c, 0), cli_own_device_name(c), timeout_ms, &options, &err))
        return cli_fail(c, &err);
    return answer(c, timeout_ms);
}

static const struct cli_option options[] = {
    {"device", "NAME", N_("what to call this device (else the computer's name)"), 0},
    {"timeout", "S", N_("seconds to wait for the hub (else 15)"), 0},
    {"request", "FILE", N_("without a network: write a request for an operator to this file"), 0},
    {"accept", "FILE", N_("without a network: take the operator's answer from this file"), 0},
    {0},
};

const struct cli_command cmd_join = {
    .name = "join",
    .summary = N_("enrols this device with an invitation"),
    .run = run,
    .args = "[CODE]",
    .args_min = 0,
    .args_max = 1,
    .options = options,
    .details = N_("Asks the hub over the network, then syncs a first time. If the hub did not answer, run the same command again; if the "
                  "device was enrolled "
                  "and the first sync broke off (exit code 1), run `wardsync sync`. Without a network: --request FILE with the code here, "
                  "`wardsync admit` at an operator's, --accept FILE here; each step may be done again. In a folder that is a device's "
                  "already (one that was revoked, say) it goes on under new keys with all that it holds."),
    .examples = "  wardsync join WS1-… --device \"máy chi bộ 3\"\n"
                "  wardsync join WS1-… --request /media/usb/yeu-cau.wsr\n"
                "  wardsync join --accept /media/usb/tra-loi.wsa\n",
};
