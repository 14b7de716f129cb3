#include "attention.h"
#include "when.h"

void cli_attention(struct cli *c, const json_t *model)
{
    json_int_t conflicts = json_integer_value(json_object_get(model, "conflicts"));
    json_int_t unsent = json_integer_value(json_object_get(model, "unsent"));
    if (json_is_true(json_object_get(model, "ended")))
        cli_line(c, "%s %s", ward_error_text(WARD_ERR_CUT, c->lang), ward_error_hint(WARD_ERR_CUT, c->lang));
    if (conflicts)
        cli_line(c,
                 ngettext("%lld conflict waits for a decision: wardsync conflict list",
                          "%lld conflicts wait for a decision: wardsync conflict list", (unsigned long)conflicts),
                 conflicts);
    if (unsent)
        cli_line(c,
                 ngettext("%lld change of this device is on no other device yet (since %s). It is safe here.",
                          "%lld changes of this device are on no other device yet (the oldest since %s). They are safe here.",
                          (unsigned long)unsent),
                 unsent, cli_time_local(c, json_object_get(model, "unsent_since")));
    json_int_t lost = json_integer_value(json_object_get(model, "hub_lost"));
    if (lost)
        cli_line(c,
                 ngettext("A hub no longer holds %lld change of this device that it had confirmed: wardsync receipt list. It is safe here; "
                          "wardsync sync sends it again.",
                          "A hub no longer holds %lld changes of this device that it had confirmed: wardsync receipt list. They are safe "
                          "here; wardsync sync sends them again.",
                          (unsigned long)lost),
                 lost);
    if (json_integer_value(json_object_get(model, "hub_rewrote")))
        cli_line(c, _("A hub shows another history of this device than it had confirmed: wardsync receipt list. Tell your operator."));
    json_int_t awaited = json_integer_value(json_object_get(model, "awaited"));
    if (awaited)
        cli_line(c,
                 ngettext("This replica was restored from a backup (%s). %lld device was not met since: what was written after the backup "
                          "comes back with it. Do not write here before.",
                          "This replica was restored from a backup (%s). %lld devices were not met since: what was written after the "
                          "backup comes back with them. Do not write here before.",
                          (unsigned long)awaited),
                 cli_time_local(c, json_object_get(model, "restored")), awaited);
}
