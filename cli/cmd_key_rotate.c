#include "commands.h"
#include "out.h"
#include "passphrase.h"
#include "ref.h"
#include "request.h"
#include "round.h"

static void plain(struct cli *c, const json_t *model)
{
    cli_line(c, _("This device (%s) has new keys. Its four words: %s."), json_string_value(json_object_get(model, "device_name")),
             json_string_value(json_object_get(model, "words")));
    cli_note(c, "%s", _("The old keys are gone from this folder. What it held and is called stays."));
    if (json_object_get(model, "sync"))
        cli_round_plain(c, json_object_get(model, "sync"));
}

static int request(struct cli *c, const struct ward_options *options)
{
    struct ward_error err = {0};
    char words[WARD_FINGERPRINT];
    const char *path = cli_opt(c, "request");
    if (ward_rotate_request(c->replica, path, options, words, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:s, s:s}", "request", path, "words", words);
    return cli_answer(c, CLI_DONE, model, cli_request_file_plain);
}

static void plain_announced(struct cli *c, const json_t *model)
{
    cli_line(c, _("New keys are announced. Their four words: %s."), json_string_value(json_object_get(model, "words")));
    cli_note(c, "%s", _("This device goes on under the old ones. Once the others have synced: wardsync key rotate"));
}

static int announce(struct cli *c, const struct ward_options *options)
{
    struct ward_error err = {0};
    char words[WARD_FINGERPRINT];
    if (ward_rotate_announce(c->replica, options, words, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:s}", "words", words);
    return cli_answer(c, CLI_DONE, model, plain_announced);
}

/* What is not delivered yet would lie beyond the cut of the old keys: it goes first, and without it there are no new ones. */
static int deliver(struct cli *c, const struct ward_sync_options *options)
{
    struct ward_error err = {0};
    struct ward_status status;
    json_auto_t *round = json_object();
    if (ward_status(c->replica, &status, &err))
        return cli_fail(c, &err);
    if (status.unsent && cli_round(c, options, round) == CLI_FAILED)
        return CLI_FAILED;
    if (status.unsent && ward_status(c->replica, &status, &err))
        return cli_fail(c, &err);
    return status.unsent ? cli_refuse(c, WARD_ERR_NETWORK, "%s", _("what was written here must reach the hub before the keys change"))
                         : CLI_DONE;
}

static int run(struct cli *c)
{
    struct ward_options options = {.schema = ward_plan_schema(), .passphrase = cli_passphrase, .passphrase_ctx = c};
    struct ward_error err = {0};
    struct ward_self self = {.role = WARD_ROLE_CELL};
    int64_t timeout_s = 15;
    int rc = cli_opt_number(c, "timeout", 1, 3600, &timeout_s);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE && cli_opt(c, "request"))
        return request(c, &options);
    if (rc == CLI_DONE && cli_opt(c, "announce"))
        return announce(c, &options);
    if (rc == CLI_DONE)
        rc = cli_self(c, &self);
    struct ward_sync_options round = {.timeout_ms = (int)timeout_s * 1000, .address = cli_arg(c, 0)};
    bool own_word = self.role == WARD_ROLE_OPERATOR;
    if (rc == CLI_DONE && !own_word)
        rc = deliver(c, &round);
    if (rc)
        return rc;
    if (ward_rotate(c->replica, cli_arg(c, 0), round.timeout_ms, &options, &err))
        return cli_fail(c, &err);
    cli_names_forget(c);
    json_auto_t *reached = json_object();
    rc = own_word ? CLI_DONE : cli_round(c, &round, reached) == CLI_DONE ? CLI_DONE : CLI_ATTENTION;
    json_auto_t *model = cli_self_json(c);
    if (!model)
        return CLI_ATTENTION;
    if (!own_word)
        json_object_set(model, "sync", reached);
    return cli_answer(c, rc, model, plain);
}

static const struct cli_option options[] = {
    {"timeout", "S", N_("seconds to wait for the hub (else 15)"), 0},
    {"request", "FILE", N_("without a network: write a request for an operator to this file"), 0},
    {"announce", NULL, N_("an operator's device that others call: tell them of new keys first, and go on under the old ones"), 0},
    {0},
};

const struct cli_command cmd_key_rotate = {
    .name = "rotate",
    .summary = N_("gives this device new keys; what it holds and is called stays"),
    .run = run,
    .args = "[ADDR]",
    .args_min = 0,
    .args_max = 1,
    .options = options,
    .details = N_(
        "The old keys ask for the new ones at the hub; an operator's device grants them itself. Where the hub may not, an operator "
        "admits them (wardsync admit DEVICE), and the same command here ends it. Stop `wardsync serve` in this folder first. "
        "Others who call this device by its old keys (a hub's) must have heard of the new ones, by --announce and a sync, or by a bundle."),
    .examples = "  wardsync key rotate\n  wardsync key rotate --announce\n  wardsync key rotate --request /media/usb/khoa-moi.wsr\n",
};
