#include "commands.h"
#include "out.h"
#include "ref.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

struct listing {
    struct cli *c;
    json_t *spaces;
};

static json_t *holder_json(struct cli *c, const struct ward_compact_holder *h)
{
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:I, s:b, s:b}", "id", cli_hash_json(&h->grant), "device", cli_device_name(c, &h->grant),
                     "unit", cli_unit_code(c, &h->unit), "role", cli_role_name(h->role), "last_contact", cli_time_json(h->last_contact_ms),
                     "behind", (json_int_t)h->behind, "heard", !h->unheard, "left", h->left);
}

static int add_space(void *ctx, const struct ward_compact_space *s)
{
    struct listing *l = ctx;
    json_t *holders = json_array();
    for (size_t i = 0; i < s->holder_count; i++)
        json_array_append_new(holders, holder_json(l->c, &s->holders[i]));
    json_array_append_new(l->spaces, json_pack("{s:o, s:s, s:I, s:I, s:I, s:b, s:b, s:o}", "id", cli_hash_json(&s->space), "name",
                                               cli_space_name(l->c, s->circle, s->circle_count), "changes", (json_int_t)s->changes, "bytes",
                                               (json_int_t)s->bytes, "settled", (json_int_t)s->settled, "proposed", s->proposed, "too_many",
                                               s->too_many, "held_back_by", holders));
    return 0;
}

static json_t *plan_json(struct cli *c)
{
    struct listing l = {c, json_array()};
    struct ward_error err = {0};
    if (!ward_compact_plan(c->replica, add_space, &l, &err))
        return l.spaces;
    json_decref(l.spaces);
    cli_fail(c, &err);
    return NULL;
}

static const char *state_of(struct cli *c, const json_t *space, size_t holders)
{
    if (json_is_true(json_object_get(space, "too_many")))
        return _("too many devices for one floor");
    if (!json_is_true(json_object_get(space, "proposed")))
        return json_integer_value(json_object_get(space, "changes")) ? _("could be settled") : "";
    return holders ? cli_format(c, ngettext("waits for %zu device", "waits for %zu devices", (unsigned long)holders), holders)
                   : _("ready to be closed");
}

/* A row for each device and space that it holds back; those left behind hold back nothing. */
static size_t add_holders(struct cli *c, const json_t *space, json_t *rows)
{
    size_t i, n = 0;
    json_t *h;
    json_array_foreach(json_object_get(space, "held_back_by"), i, h)
    {
        if (json_is_true(json_object_get(h, "left")))
            continue;
        n++;
        const char *who = cli_who(c, json_string_value(json_object_get(h, "unit")), json_string_value(json_object_get(h, "device")));
        json_array_append_new(rows, json_pack("{s:s, s:O, s:O, s:O}", "who", who, "space", json_object_get(space, "name"), "last_contact",
                                              json_object_get(h, "last_contact"), "behind", json_object_get(h, "behind")));
    }
    return n;
}

static void plain_plan(struct cli *c, const json_t *model)
{
    static const struct cli_column spaces[] = {
        {.key = "name", .title = N_("Space")},       {.key = "settled", .title = N_("Settled before")},
        {.key = "changes", .title = N_("Would go")}, {.key = "bytes", .title = N_("Size"), .show = CLI_BYTES},
        {.key = "state", .title = N_("State")},      {0}};
    static const struct cli_column holders[] = {{.key = "who", .title = N_("Held back by")},
                                                {.key = "space", .title = N_("Space")},
                                                {.key = "last_contact", .title = N_("Last contact"), .show = CLI_TIME},
                                                {.key = "behind", .title = N_("Changes behind")},
                                                {0}};
    json_auto_t *rows = json_array(), *held = json_array();
    json_int_t least = json_integer_value(json_object_get(model, "least"));
    size_t i, small = 0;
    json_t *space;
    json_array_foreach(json_object_get(model, "spaces"), i, space)
    {
        bool alone = !json_is_true(json_object_get(space, "proposed")) && json_integer_value(json_object_get(space, "settled")) == 0;
        if (alone && json_integer_value(json_object_get(space, "changes")) < least) { /* `compact` would pass it over */
            small++;
            continue;
        }
        json_t *row = json_copy(space);
        json_object_set_new(row, "state", json_string(state_of(c, space, add_holders(c, space, held))));
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, spaces, _("There is no history to settle yet."));
    if (small)
        cli_line(c,
                 ngettext("%zu space has fewer than %lld changes to settle and stays as it is (--least N).",
                          "%zu spaces have fewer than %lld changes to settle each and stay as they are (--least N).", (unsigned long)small),
                 small, least);
    if (json_array_size(held)) {
        cli_line(c, "%s", "");
        cli_table(c, held, holders, "");
        cli_line(
            c, _("Each of them has to sync once more. A device that will not come back is ended (wardsync device revoke), one that may is "
                 "left behind (wardsync compact --leave DEVICE)."));
    }
}

static void plain_done(struct cli *c, const json_t *model)
{
    json_int_t proposed = json_integer_value(json_object_get(model, "proposed"));
    json_int_t closed = json_integer_value(json_object_get(model, "closed"));
    json_int_t waiting = json_integer_value(json_object_get(model, "waiting"));
    if (closed)
        cli_line(c, ngettext("Settled for ever: %lld space.", "Settled for ever: %lld spaces.", (unsigned long)closed), closed);
    if (proposed)
        cli_line(
            c,
            ngettext("A floor was proposed for %lld space. It is closed when every device has synced: a hub that serves does so by itself.",
                     "Floors were proposed for %lld spaces. Each is closed when every device has synced: a hub that serves does so by "
                     "itself.",
                     (unsigned long)proposed),
            proposed);
    if (waiting)
        cli_line(c,
                 ngettext("%lld space waits for devices to sync: wardsync compact --dry-run",
                          "%lld spaces wait for devices to sync: wardsync compact --dry-run", (unsigned long)waiting),
                 waiting);
    json_int_t dropped = json_integer_value(json_object_get(model, "dropped"));
    if (dropped)
        cli_line(c,
                 ngettext("%lld settled change need not be kept here any more.", "%lld settled changes need not be kept here any more.",
                          (unsigned long)dropped),
                 dropped);
    static const struct cli_column size = {.key = "shrunk_bytes", .show = CLI_BYTES};
    json_int_t shrunk = json_integer_value(json_object_get(model, size.key));
    if (shrunk)
        cli_line(c, _("The file is %s smaller."), cli_cell(c, model, &size));
    else if (dropped && json_is_true(json_object_get(model, "keeps_size")))
        cli_line(c, _("The file keeps its size, since an earlier version made it; what is free in it is used again."));
    if (!closed && !proposed && !waiting && !dropped && !shrunk)
        cli_line(c, _("There is nothing to settle."));
}

static int show_plan(struct cli *c, int64_t least)
{
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    json_t *spaces = plan_json(c);
    if (!spaces)
        return CLI_FAILED;
    json_auto_t *model = json_pack("{s:o, s:I}", "spaces", spaces, "least", (json_int_t)least);
    return cli_answer(c, CLI_DONE, model, plain_plan);
}

static int find_left(struct cli *c, struct ward_hash **out, size_t *count)
{
    const char *const *names = cli_opt_all(c, "leave", count);
    *out = cli_keep(c, malloc((*count + 1) * sizeof **out));
    int rc = CLI_DONE;
    for (size_t i = 0; rc == CLI_DONE && i < *count; i++)
        rc = cli_find_device(c, names[i], &(*out)[i]);
    return rc;
}

static int run(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_compact_result result;
    struct ward_hash *left;
    size_t left_count;
    int64_t least = WARD_COMPACT_LEAST;
    int rc = cli_opt_number(c, "least", 1, INT64_MAX - 1, &least);
    if (rc)
        return rc;
    if (cli_opt(c, "dry-run"))
        return show_plan(c, least);
    rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc == CLI_DONE)
        rc = find_left(c, &left, &left_count);
    if (rc)
        return rc;
    if (!cli_confirm(c, _("What is settled can never be revoked or taken back any more, only corrected by new changes. Go on?")))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", "compact");
    const struct ward_compact_options options = {
        .leave = left, .leave_count = left_count, .least = (uint64_t)least, .keep = cli_opt(c, "keep") != NULL};
    if (ward_compact(c->replica, &options, &result, &err))
        return cli_fail(c, &err);
    json_auto_t *model =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "proposed", (json_int_t)result.proposed, "closed", (json_int_t)result.closed,
                  "waiting", (json_int_t)result.waiting, "dropped", (json_int_t)result.dropped, "dropped_bytes",
                  (json_int_t)result.dropped_bytes, "shrunk_bytes", (json_int_t)result.shrunk, "keeps_size", result.keeps_size);
    return cli_answer(c, result.waiting ? CLI_ATTENTION : CLI_DONE, model, plain_done);
}

const struct cli_command cmd_compact = {
    .name = "compact",
    .summary = N_("settles history that every device holds, so that it need not be kept"),
    .run = run,
    .options = (const struct cli_option[]){{"dry-run", NULL, N_("show what would go and who holds it back; change nothing"), 0},
                                           {"leave", "DEVICE", N_("do not wait for this device; what it writes still counts"), CLI_MANY},
                                           {"keep", NULL, N_("keep the history here: of the devices that can, one should"), 0},
                                           {"least", "N", N_("only where so many changes would go (256)"), 0},
                                           {0}},
    .details =
        N_("An operator or a hub proposes a floor: all that is held of a space up to now. When every device is known to hold it, it is "
           "closed, here at the next call or by a hub that serves, and stands for ever: no device can be revoked below it any more, and "
           "no other history of it is taken. Run it where the devices sync, for what they hold is known there. On every device it lets go "
           "of what is closed and keeps what that came to. Changes that were not sent yet are never touched. Exit code 1 while devices are "
           "waited for."),
    .examples = "  wardsync compact --dry-run\n  wardsync compact\n  wardsync compact --leave \"máy tổ 7\"\n",
};
