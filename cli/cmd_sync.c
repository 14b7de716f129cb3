#include "commands.h"
#include "ref.h"
#include "round.h"

static int run(struct cli *c)
{
    struct ward_hash device;
    int64_t timeout_s = 15;
    int rc = cli_opt_number(c, "timeout", 1, 3600, &timeout_s);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE && cli_opt(c, "device"))
        rc = cli_find_device(c, cli_opt(c, "device"), &device);
    if (rc)
        return rc;
    struct ward_sync_options options = {.address = cli_arg(c, 0),
                                        .device = cli_opt(c, "device") ? &device : NULL,
                                        .timeout_ms = (int)timeout_s * 1000,
                                        .plan = cli_opt(c, "plan") != NULL,
                                        .history = cli_opt(c, "history") != NULL};
    json_auto_t *model = json_object();
    rc = cli_round(c, &options, model);
    return rc == CLI_FAILED ? rc : cli_answer(c, rc, model, cli_round_plain);
}

static const struct cli_option options_of_sync[] = {
    {"device", "DEVICE", N_("which device to expect at ADDR (else the hub, or who was met there before)"), 0},
    {"history", NULL, N_("also the history of what came as its state alone; it proves that state"), 0},
    {"plan", NULL, N_("only show what would be moved"), 0},
    {"timeout", "S", N_("seconds to wait without progress (else 15)"), 0},
    {0},
};

const struct cli_command cmd_sync = {
    .name = "sync",
    .summary = N_("one round with the hub, or with any other device"),
    .run = run,
    .args = "[ADDR]",
    .args_max = 1,
    .options = options_of_sync,
    .details = N_("What arrived before a link broke is kept, and the next round goes on from there. Exit code 1 if nobody was reached, "
                  "changes still wait or conflicts are open."),
    .examples = "  wardsync sync\n  wardsync sync tcp://192.168.1.20:7450 --device \"máy chi bộ 5\"\n  wardsync sync --plan\n",
};
