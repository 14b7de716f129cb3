#include "attention.h"
#include "commands.h"
#include "out.h"
#include "record.h"
#include "ref.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

struct spaces {
    struct cli *c;
    json_t *out;
};

static int add_space(void *ctx, const struct ward_space_info *space)
{
    struct spaces *s = ctx;
    json_array_append_new(s->out, json_pack("{s:o, s:s, s:o, s:I}", "id", cli_hash_json(&space->id), "name",
                                            cli_space_name(s->c, space->circle, space->circle_count), "digest",
                                            cli_hash_json(&space->digest), "changes", (json_int_t)space->changes));
    return 0;
}

static void plain(struct cli *c, const json_t *model)
{
    static const struct cli_column about[] = {{.key = "ward_name", .title = N_("Ward")},
                                              {.key = "ward", .title = N_("Ward id")},
                                              {.key = "unit", .title = N_("Unit")},
                                              {.key = "device_name", .title = N_("Device")},
                                              {.key = "role", .title = N_("Role"), .show = CLI_ROLE},
                                              {.key = "digest", .title = N_("Digest")},
                                              {.key = "changes", .title = N_("Changes")},
                                              {0}};
    static const struct cli_column spaces[] = {{.key = "name", .title = N_("Space")},
                                               {.key = "changes", .title = N_("Changes")},
                                               {.key = "digest", .title = N_("Digest"), .show = CLI_ID},
                                               {0}};
    static const struct cli_column peers[] = {{.key = "name", .title = N_("Device")},
                                              {.key = "unit", .title = N_("Unit")},
                                              {.key = "role", .title = N_("Role"), .show = CLI_ROLE},
                                              {.key = "last_contact", .title = N_("Last contact"), .show = CLI_TIME},
                                              {.key = "backlog", .title = N_("Waiting")},
                                              {.key = "clock_offset_ms", .title = N_("Clock off by"), .show = CLI_SPAN},
                                              {0}};
    json_int_t unsent = json_integer_value(json_object_get(model, "unsent"));
    json_int_t conflicts = json_integer_value(json_object_get(model, "conflicts"));
    json_int_t quarantined = json_integer_value(json_object_get(model, "quarantined"));
    json_int_t proposals = json_integer_value(json_object_get(model, "proposals"));
    cli_pairs(c, model, about);
    puts("");
    cli_table(c, json_object_get(model, "spaces"), spaces, _("No spaces yet."));
    puts("");
    cli_table(c, json_object_get(model, "peers"), peers, _("No other devices yet."));
    puts("");
    cli_attention(c, model);
    if (proposals)
        cli_line(c,
                 ngettext("%lld proposal waits for an operator: wardsync task list --proposed",
                          "%lld proposals wait for an operator: wardsync task list --proposed", (unsigned long)proposals),
                 proposals);
    if (json_integer_value(json_object_get(model, "below_base")))
        cli_line(c, _("Older changes that are not held here, their state alone: %lld. To fetch them: wardsync sync --history"),
                 json_integer_value(json_object_get(model, "below_base")));
    if (json_integer_value(json_object_get(model, "doubtful")))
        cli_line(c,
                 _("A device was revoked further back than the history held here reaches; until it is fetched, what it wrote then is still "
                   "shown: wardsync sync --history"));
    if (quarantined)
        cli_line(c, _("Changes that are kept and do not count: %lld. To see why: wardsync aside list"), quarantined);
    json_int_t waiting = json_integer_value(json_object_get(model, "waiting"));
    if (waiting)
        cli_line(c,
                 _("This device wrote things without knowing its own later ones; they are written anew at the next change or sync: %lld"),
                 waiting);
    bool hubs_fine = !json_integer_value(json_object_get(model, "hub_lost")) && !json_integer_value(json_object_get(model, "hub_rewrote"));
    size_t forks = cli_forks_open(json_object_get(model, "forks"));
    if (forks)
        cli_line(c,
                 ngettext("%lld device has written two histories: wardsync fork list",
                          "%lld devices have written two histories: wardsync fork list", (unsigned long)forks),
                 (long long)forks);
    if (!conflicts && !unsent && !forks && hubs_fine && !json_is_true(json_object_get(model, "ended")))
        cli_line(c, _("All changes are delivered, no conflict is open."));
}

static int run(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_status status;
    int rc = cli_open_to_read(c);
    if (rc)
        return rc;
    json_auto_t *model = cli_self_json(c);
    if (!model)
        return CLI_FAILED;
    struct spaces spaces = {c, json_array()};
    json_object_set_new(model, "spaces", spaces.out);
    if (ward_spaces(c->replica, add_space, &spaces, &err) || ward_status(c->replica, &status, &err))
        return cli_fail(c, &err);
    json_object_set_new(model, "digest", cli_hash_json(&status.digest));
    json_object_set_new(model, "changes", json_integer((json_int_t)status.changes));
    json_object_set_new(model, "ended", json_boolean(cli_self_ended(c)));
    json_object_set_new(model, "unsent", json_integer((json_int_t)status.unsent));
    json_object_set_new(model, "unsent_since", cli_time_json(status.unsent_since_ms));
    json_object_set_new(model, "conflicts", json_integer((json_int_t)status.conflicts));
    json_object_set_new(model, "receipted", json_integer((json_int_t)status.receipted));
    json_object_set_new(model, "hub_lost", json_integer((json_int_t)status.hub_lost));
    json_object_set_new(model, "hub_rewrote", json_integer((json_int_t)status.hub_rewrote));
    json_object_set_new(model, "restored", cli_time_json(status.restored_ms));
    json_object_set_new(model, "awaited", json_integer((json_int_t)status.awaited));
    uint64_t proposals;
    if (ward_plan_proposed_count(c->replica, &proposals, &err))
        return cli_fail(c, &err);
    json_object_set_new(model, "proposals", json_integer((json_int_t)proposals));
    json_object_set_new(model, "bases", json_integer((json_int_t)status.bases));
    json_object_set_new(model, "below_base", json_integer((json_int_t)status.below_base));
    json_object_set_new(model, "doubtful", json_integer((json_int_t)status.doubtful));
    json_object_set_new(model, "quarantined", json_integer((json_int_t)status.quarantined));
    json_object_set_new(model, "waiting", json_integer((json_int_t)status.waiting));
    json_object_set_new(model, "peers", cli_devices_json(c, false));
    json_t *forks = cli_forks_json(c);
    if (!forks)
        return CLI_FAILED;
    json_object_set_new(model, "forks", forks);
    const char *role = json_string_value(json_object_get(model, "role"));
    bool decides = role && strcmp(role, cli_role_name(WARD_ROLE_OPERATOR)) == 0;
    bool attention = cli_self_ended(c) || cli_forks_open(forks) || status.conflicts || status.unsent || status.hub_lost ||
                     status.hub_rewrote || (decides && status.quarantined);
    return cli_answer(c, attention ? CLI_ATTENTION : CLI_DONE, model, plain);
}

const struct cli_command cmd_status = {
    .name = "status",
    .summary = N_("what is unsent, which conflicts are open, who was met when"),
    .run = run,
    .details = N_("Exit code 1 while this device's rights are revoked, a conflict is open, a device that has written two histories has not "
                  "been ended, a change of this device is on no other device, a hub no longer holds what it had confirmed, or, for "
                  "operators, something is set aside."),
    .examples = "  wardsync status\n  wardsync status --json\n",
};
