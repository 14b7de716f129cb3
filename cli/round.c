#include "round.h"
#include "attention.h"
#include "progress.h"
#include "ref.h"
#include "when.h"

#include <signal.h>

static bool cancelled;

static void on_signal(int number)
{
    (void)number;
    cancelled = true;
}

/* Nobody was there, or not to the end: no failure of what was asked, it is tried again some other time. */
static bool is_passing(int code)
{
    return code == WARD_ERR_NETWORK || code == WARD_ERR_TIMEOUT || code == WARD_ERR_LINK_CLOSED || code == WARD_ERR_PEERS ||
           code == WARD_ERR_PAUSE || code == WARD_ERR_QUOTA || code == WARD_ERR_CANCELLED;
}

static void put(json_t *model, const char *key, uint64_t n)
{
    json_object_set_new(model, key, json_integer((json_int_t)n));
}

static json_int_t count(const json_t *model, const char *key)
{
    return json_integer_value(json_object_get(model, key));
}

static int describe(struct cli *c, bool reached, bool plan, const struct ward_sync_result *result, json_t *model)
{
    struct ward_error err = {0};
    struct ward_status status;
    cli_names_forget(c); /* the round may have brought new ones */
    if (cli_names(c))
        return CLI_FAILED;
    if (ward_status(c->replica, &status, &err))
        return cli_fail(c, &err);
    json_object_set_new(model, "reached", json_boolean(reached));
    json_object_set_new(model, "plan", json_boolean(plan));
    json_object_set_new(model, "peer", reached ? json_string(cli_device_name(c, &result->peer)) : json_null());
    put(model, "sent", result->sent);
    put(model, "received", result->received);
    put(model, "bytes_out", result->bytes_out);
    put(model, "bytes_in", result->bytes_in);
    put(model, "refused", result->refused_here + result->refused_there);
    put(model, "conflicts_new", result->conflicts_new);
    put(model, "ms", (uint64_t)result->ms);
    put(model, "conflicts", status.conflicts);
    put(model, "unsent", status.unsent);
    json_object_set_new(model, "unsent_since", cli_time_json(status.unsent_since_ms));
    put(model, "receipted", result->receipted);
    json_object_set_new(model, "receipt_at", cli_time_json(result->receipt_wall_ms));
    put(model, "states", result->states);
    put(model, "histories", result->histories);
    put(model, "below_base", status.below_base);
    put(model, "hub_had_lost", result->hub_lost);
    put(model, "hub_lost", status.hub_lost);
    put(model, "hub_rewrote", status.hub_rewrote ? status.hub_rewrote : result->hub_rewrote);
    return CLI_DONE;
}

int cli_round(struct cli *c, const struct ward_sync_options *options, json_t *model)
{
    struct ward_error err = {0};
    struct ward_sync_result result = {0};
    struct cli_progress progress = {.c = c};
    if (cli_names(c))
        return CLI_FAILED;
    struct ward_sync_options own = *options;
    own.on_event = cli_on_event;
    own.ctx = &progress;
    own.cancel = &cancelled;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    bool reached = ward_sync(c->replica, &own, &result, &err) == 0;
    cli_progress_end(&progress);
    if (!reached)
        cli_fail(c, &err);
    if (describe(c, reached, options->plan, &result, model) || (!reached && !is_passing(err.code)))
        return CLI_FAILED;
    bool attention = !reached || count(model, "conflicts") || count(model, "refused") || count(model, "unsent") ||
                     count(model, "hub_had_lost") || count(model, "hub_lost") || count(model, "hub_rewrote");
    return attention ? CLI_ATTENTION : CLI_DONE;
}

void cli_round_plain(struct cli *c, const json_t *model)
{
    if (json_is_false(json_object_get(model, "reached")))
        cli_line(c, count(model, "unsent") ? _("The round did not come to its end.")
                                           : _("The round did not come to its end. Nothing waits to be sent."));
    else if (json_is_true(json_object_get(model, "plan")))
        cli_line(c, _("Changes to send: %lld, to receive: %lld. Nothing was moved."), count(model, "sent"), count(model, "received"));
    else
        cli_line(c, _("Changes sent: %lld, received: %lld (%lld bytes out, %lld in, %s)."), count(model, "sent"), count(model, "received"),
                 count(model, "bytes_out"), count(model, "bytes_in"), cli_span(c, count(model, "ms")));
    if (count(model, "states"))
        cli_line(c,
                 ngettext("%lld circle of units came as it stands today; the history before is fetched by: wardsync sync --history",
                          "%lld circles of units came as they stand today; the history before is fetched by: wardsync sync --history",
                          (unsigned long)count(model, "states")),
                 count(model, "states"));
    if (count(model, "histories"))
        cli_line(c,
                 ngettext("The whole history of %lld circle of units is here now, and proves its state.",
                          "The whole history of %lld circles of units is here now, and proves their state.",
                          (unsigned long)count(model, "histories")),
                 count(model, "histories"));
    if (count(model, "receipted"))
        cli_line(c,
                 ngettext("The hub has confirmed %lld change of this device (%s by its clock).",
                          "The hub has confirmed %lld changes of this device (%s by its clock).", (unsigned long)count(model, "receipted")),
                 count(model, "receipted"), cli_time_local(c, json_object_get(model, "receipt_at")));
    if (count(model, "hub_had_lost") && !count(model, "hub_lost"))
        cli_line(c,
                 _("The hub had lost %lld changes of this device that it had confirmed; it has them again now. It was probably restored "
                   "from an old backup: tell your operator."),
                 count(model, "hub_had_lost"));
    if (count(model, "refused"))
        cli_line(c, _("Changes refused: %lld, see above."), count(model, "refused"));
    if (count(model, "conflicts_new"))
        cli_line(c, _("New conflicts: %lld."), count(model, "conflicts_new"));
    cli_attention(c, model);
}
