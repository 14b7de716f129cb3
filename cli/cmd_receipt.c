#include "commands.h"
#include "history.h"
#include "kinds.h"
#include "out.h"
#include "ref.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LAST_SHOWN 20

/* ---- list */

struct listing {
    struct cli *c;
    json_t *out;
};

static const char *space_of(struct cli *c, const struct ward_hash *id);

static int add_receipt(void *ctx, const struct ward_receipt_info *r)
{
    struct listing *l = ctx;
    json_t *heads = json_array();
    for (size_t i = 0; i < r->head_count; i++)
        json_array_append_new(heads, json_pack("{s:s, s:o, s:I, s:o}", "space", space_of(l->c, &r->heads[i].space), "feed",
                                               cli_hash_json(&r->heads[i].feed), "seq", (json_int_t)r->heads[i].seq, "hash",
                                               cli_hash_json(&r->heads[i].hash)));
    json_array_append_new(l->out,
                          json_pack("{s:I, s:s, s:o, s:o, s:o, s:b, s:o}", "number", (json_int_t)r->number, "hub",
                                    cli_device_name(l->c, &r->grant), "hub_id", cli_hash_json(&r->grant), "at", cli_time_json(r->wall_ms),
                                    "came", cli_time_json(r->came_ms), "against", r->against, "heads", heads));
    return 0;
}

static int add_notice(void *ctx, const struct ward_hub_notice *n)
{
    struct listing *l = ctx;
    json_array_append_new(l->out,
                          json_pack("{s:s, s:o, s:s, s:o, s:I, s:o, s:I, s:b, s:o}", "hub", cli_device_name(l->c, &n->grant), "hub_id",
                                    cli_hash_json(&n->grant), "space", space_of(l->c, &n->space), "feed", cli_hash_json(&n->feed),
                                    "confirmed", (json_int_t)n->seq, "confirmed_at", cli_time_json(n->wall_ms), "held", (json_int_t)n->held,
                                    "rewritten", n->rewritten, "noticed", cli_time_json(n->noticed_ms)));
    return 0;
}

struct naming {
    struct cli *c;
    const struct ward_hash *id;
    const char *name;
};

static int name_space(void *ctx, const struct ward_space_info *space)
{
    struct naming *n = ctx;
    if (memcmp(space->id.b, n->id->b, sizeof space->id.b) == 0)
        n->name = cli_space_name(n->c, space->circle, space->circle_count);
    return 0;
}

static const char *space_of(struct cli *c, const struct ward_hash *id)
{
    struct naming n = {c, id, ""};
    ward_spaces(c->replica, name_space, &n, NULL);
    return n.name;
}

static int collect(struct cli *c, json_t **receipts, json_t **notices)
{
    struct ward_error err = {0};
    struct listing r = {c, json_array()}, n = {c, json_array()};
    *receipts = r.out;
    *notices = n.out;
    return ward_receipts(c->replica, add_receipt, &r, &err) || ward_hub_notices(c->replica, add_notice, &n, &err) ? cli_fail(c, &err)
                                                                                                                  : CLI_DONE;
}

static void plain_notices(struct cli *c, const json_t *notices)
{
    size_t i;
    json_t *n;
    json_array_foreach(notices, i, n)
    {
        const char *hub = json_string_value(json_object_get(n, "hub")), *space = json_string_value(json_object_get(n, "space"));
        const char *at = cli_time_local(c, json_object_get(n, "confirmed_at"));
        json_int_t confirmed = json_integer_value(json_object_get(n, "confirmed")), held = json_integer_value(json_object_get(n, "held"));
        if (json_is_true(json_object_get(n, "rewritten")))
            cli_line(c, _("%s had confirmed change %lld of this device in %s (%s, its clock) and now shows another history."), hub,
                     confirmed, space, at);
        if (held < confirmed)
            cli_line(
                c,
                _("%s had confirmed %lld changes of this device in %s (%s, its clock) and held %lld of them when it was met last. They "
                  "are safe here and are sent again by `wardsync sync`."),
                hub, confirmed, space, at, held);
    }
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "at", .title = N_("At (its clock)"), .show = CLI_TIME},
                                                {.key = "hub", .title = N_("Confirmed by")},
                                                {.key = "space", .title = N_("Space")},
                                                {.key = "seq", .title = N_("Up to change")},
                                                {.key = "came", .title = N_("Came (this clock)"), .show = CLI_TIME},
                                                {.key = "note", .title = N_("Note")},
                                                {0}};
    json_auto_t *rows = json_array();
    size_t i, j;
    json_t *r, *h;
    json_array_foreach(json_object_get(model, "receipts"), i, r) json_array_foreach(json_object_get(r, "heads"), j, h)
        json_array_append_new(rows, json_pack("{s:O, s:O, s:O, s:O, s:O, s:s}", "at", json_object_get(r, "at"), "hub",
                                              json_object_get(r, "hub"), "space", json_object_get(h, "space"), "seq",
                                              json_object_get(h, "seq"), "came", json_object_get(r, "came"), "note",
                                              json_is_true(json_object_get(r, "against")) ? _("another history") : ""));
    cli_table(c, rows, columns, _("No hub has confirmed anything of this device yet."));
    plain_notices(c, json_object_get(model, "notices"));
}

static int run_list(struct cli *c)
{
    json_t *receipts, *notices;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    rc = collect(c, &receipts, &notices);
    json_auto_t *model = json_pack("{s:o, s:o}", "receipts", receipts, "notices", notices);
    if (rc)
        return rc;
    while (!cli_opt(c, "all") && json_array_size(receipts) > LAST_SHOWN)
        json_array_remove(receipts, 0);
    return cli_answer(c, json_array_size(notices) ? CLI_ATTENTION : CLI_DONE, model, plain_list);
}

/* ---- what a user means: a record, or a change by its id */

static bool find_record(struct cli *c, const char *reference, uint32_t *kind, struct ward_id *out)
{
    static const uint32_t kinds[] = {WARD_KIND_REPORT, WARD_KIND_TASK, WARD_KIND_PROPOSAL, WARD_KIND_FINDING};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (ward_plan_resolve(c->replica, kinds[i], reference, out, NULL) == WARD_OK) {
            *kind = kinds[i];
            return true;
        }
    return false;
}

/* A feed of this device's former keys is its own too: receipts tell. */
static bool is_own(const json_t *change, const json_t *receipts)
{
    const json_t *feed = json_object_get(change, "feed"), *r, *h;
    size_t i, j;
    if (json_is_true(json_object_get(change, "own")))
        return true;
    json_array_foreach(receipts, i, r)
        json_array_foreach(json_object_get(r, "heads"), j, h) if (json_equal(json_object_get(h, "feed"), feed)) return true;
    return false;
}

/* Those of this device. 825 where others alone have written it. */
static int find_changes(struct cli *c, const char *reference, const json_t *receipts, json_t **out)
{
    struct ward_id entity;
    struct cli_history_filter filter = {0};
    json_t *all = NULL;
    size_t i, found = 0, len = strlen(reference);
    bool record = find_record(c, reference, &filter.kind, &entity);
    json_t *change;
    if (record)
        filter.entity = &entity;
    else if (len < 4)
        return cli_refuse(c, WARD_ERR_NOT_FOUND, "%s", cli_clean(c, reference, false));
    int rc = cli_history(c, &filter, &all);
    if (rc)
        return rc;
    *out = json_array();
    json_array_foreach(all, i, change)
    {
        bool meant = record || strncasecmp(json_string_value(json_object_get(change, "hash")), reference, len) == 0;
        found += meant;
        if (meant && is_own(change, receipts))
            json_array_append(*out, change);
    }
    json_decref(all);
    if (json_array_size(*out))
        return CLI_DONE;
    json_decref(*out);
    *out = NULL;
    return cli_refuse(c, found ? WARD_ERR_PROOF_NOT_OWN : WARD_ERR_NOT_FOUND, "%s", cli_clean(c, reference, false));
}

/* The first receipt of each hub that covers it. */
static json_t *receipts_for(const json_t *change, const json_t *receipts)
{
    json_t *out = json_array(), *r, *h, *had;
    const char *feed = json_string_value(json_object_get(change, "feed"));
    json_int_t seq = json_integer_value(json_object_get(change, "seq"));
    size_t i, j, k;
    json_array_foreach(receipts, i, r) json_array_foreach(json_object_get(r, "heads"), j, h)
    {
        bool covers = !json_is_true(json_object_get(r, "against")) && strcmp(json_string_value(json_object_get(h, "feed")), feed) == 0 &&
                      json_integer_value(json_object_get(h, "seq")) >= seq;
        json_array_foreach(out, k, had) covers = covers && !json_equal(json_object_get(had, "hub_id"), json_object_get(r, "hub_id"));
        if (covers)
            json_array_append_new(out, json_pack("{s:O, s:O, s:O, s:O}", "hub", json_object_get(r, "hub"), "hub_id",
                                                 json_object_get(r, "hub_id"), "at", json_object_get(r, "at"), "came",
                                                 json_object_get(r, "came")));
    }
    return out;
}

static void plain_show(struct cli *c, const json_t *model)
{
    size_t i, j;
    json_t *change, *r;
    json_array_foreach(json_object_get(model, "changes"), i, change)
    {
        json_auto_t *one = json_pack("[O]", change);
        if (i)
            puts("");
        cli_history_plain(c, one);
        json_array_foreach(json_object_get(change, "receipts"), j, r) cli_line(
            c, _("%s held this durably by %s (its clock); the receipt came here at %s."), json_string_value(json_object_get(r, "hub")),
            cli_time_local(c, json_object_get(r, "at")), cli_time_local(c, json_object_get(r, "came")));
        if (json_array_size(json_object_get(change, "receipts")) == 0)
            cli_line(c, _("No hub has confirmed this yet: run `wardsync sync`."));
    }
}

static int run_show(struct cli *c)
{
    json_t *receipts, *notices, *changes = NULL, *change;
    size_t i, waiting = 0;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    rc = collect(c, &receipts, &notices);
    if (rc == CLI_DONE)
        rc = find_changes(c, cli_arg(c, 0), receipts, &changes);
    json_auto_t *model = json_pack("{s:o*}", "changes", changes);
    json_array_foreach(changes, i, change)
    {
        json_t *of = receipts_for(change, receipts);
        waiting += json_array_size(of) == 0;
        json_object_set_new(change, "receipts", of);
    }
    json_decref(receipts);
    json_decref(notices);
    return rc ? rc : cli_answer(c, waiting ? CLI_ATTENTION : CLI_DONE, model, plain_show);
}

/* ---- export and check */

static bool hash_parse(const char *hex, struct ward_hash *out)
{
    if (!hex || strlen(hex) != 2 * sizeof out->b)
        return false;
    for (size_t i = 0; i < sizeof out->b; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out->b[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static json_t *proof_json(struct cli *c, const char *file, const struct ward_proof *p, json_t *changes)
{
    static const char *const here[] = {"no", "same", "other"};
    json_t *receipts = json_array();
    for (size_t i = 0; i < p->receipt_count; i++)
        json_array_append_new(receipts,
                              json_pack("{s:s, s:o, s:o, s:I, s:b, s:b}", "hub", cli_device_name(c, &p->receipts[i].grant), "hub_id",
                                        cli_hash_json(&p->receipts[i].grant), "at", cli_time_json(p->receipts[i].wall_ms), "seq",
                                        (json_int_t)p->receipts[i].seq, "agrees", p->receipts[i].agrees, "ended", p->receipts[i].ended));
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:s, s:o, s:o}", "file", cli_clean(c, file, false), "unit", cli_unit_code(c, &p->unit),
                     "device", cli_device_name(c, &p->grant), "feed", cli_hash_json(&p->feed), "first", (json_int_t)p->first, "last",
                     (json_int_t)p->last, "here", here[p->here], "receipts", receipts, "changes", changes);
}

/* In words: who, what, when, by whose clock. */
static void plain_proof(struct cli *c, const json_t *model)
{
    const char *here = json_string_value(json_object_get(model, "here"));
    size_t i, j;
    json_t *change, *r;
    cli_line(c, _("All seals hold. Written by %s and sealed by its own key:"),
             cli_who(c, json_string_value(json_object_get(model, "unit")), json_string_value(json_object_get(model, "device"))));
    json_array_foreach(json_object_get(model, "changes"), i, change)
    {
        json_auto_t *one = json_pack("[O]", change);
        json_int_t seq = json_integer_value(json_object_get(change, "seq"));
        puts("");
        cli_history_plain(c, one);
        json_auto_t *said = json_object();
        json_array_foreach(json_object_get(model, "receipts"), j, r)
        {
            const char *id = json_string_value(json_object_get(r, "hub_id"));
            if (!json_is_true(json_object_get(r, "agrees")) || json_integer_value(json_object_get(r, "seq")) < seq ||
                json_object_get(said, id))
                continue;
            json_object_set_new(said, id, json_true());
            cli_line(c, _("%s held it durably by %s, by its own clock."), json_string_value(json_object_get(r, "hub")),
                     cli_time_local(c, json_object_get(r, "at")));
            if (json_is_true(json_object_get(r, "ended")))
                cli_line(c, _("The rights of %s have ended since: ask whether it was still to be trusted then."),
                         json_string_value(json_object_get(r, "hub")));
        }
    }
    puts("");
    json_array_foreach(json_object_get(model, "receipts"), j, r) if (!json_is_true(json_object_get(r, "agrees")))
        cli_line(c,
                 _("%s has also sealed, at %s by its own clock, another history of the same device up to change %lld: both cannot be "
                   "true. This speaks against it, unless the device's key has written two histories."),
                 json_string_value(json_object_get(r, "hub")), cli_time_local(c, json_object_get(r, "at")),
                 json_integer_value(json_object_get(r, "seq")));
    if (strcmp(here, "same") == 0)
        cli_line(c, _("This device holds the same changes."));
    else if (strcmp(here, "other") == 0)
        cli_line(c, _("This device holds other changes in their place: the author's key has written two histories. Tell your operator."));
    else
        cli_line(c, _("This device does not hold these changes itself; the seals in the file alone speak for them."));
}

static int answer_proof(struct cli *c, const char *file)
{
    struct ward_proof proof;
    json_t *changes = NULL;
    int rc = cli_history_of_proof(c, file, &proof, &changes);
    if (rc)
        return rc;
    bool attention = proof.here == WARD_PROOF_OTHER_HERE;
    for (size_t i = 0; i < proof.receipt_count; i++)
        attention |= !proof.receipts[i].agrees;
    json_auto_t *model = proof_json(c, file, &proof, changes);
    return cli_answer(c, attention ? CLI_ATTENTION : CLI_DONE, model, plain_proof);
}

/* The newest feed that the changes are of; seqs ascending, the last ones where there are many. */
static int export_changes(struct cli *c, const json_t *changes, const char *file)
{
    struct ward_error err = {0};
    struct ward_hash feed;
    uint64_t seqs[WARD_PROOF_SUBJECTS_MAX];
    size_t count = 0;
    const char *newest = json_string_value(json_object_get(json_array_get(changes, json_array_size(changes) - 1), "feed"));
    for (size_t i = json_array_size(changes); i > 0 && count < WARD_PROOF_SUBJECTS_MAX; i--) {
        const json_t *change = json_array_get(changes, i - 1);
        if (strcmp(json_string_value(json_object_get(change, "feed")), newest) == 0)
            seqs[count++] = (uint64_t)json_integer_value(json_object_get(change, "seq"));
    }
    for (size_t i = 0; i < count / 2; i++) {
        uint64_t seq = seqs[i];
        seqs[i] = seqs[count - 1 - i];
        seqs[count - 1 - i] = seq;
    }
    if (!hash_parse(newest, &feed))
        return CLI_FAILED;
    return ward_proof_write(c->replica, file, &feed, seqs, count, NULL, &err) ? cli_fail(c, &err) : CLI_DONE;
}

/* Against a hub: the feed and the seq that it had confirmed and does not show any more. */
static int export_notice(struct cli *c, const struct ward_hash *hub, const char *file)
{
    struct ward_error err = {0};
    json_auto_t *receipts = NULL;
    json_auto_t *notices = NULL;
    json_t *n;
    struct ward_hash feed, id;
    size_t i;
    int rc = collect(c, &receipts, &notices);
    if (rc)
        return rc;
    json_array_foreach(notices, i, n)
    {
        uint64_t seq = (uint64_t)json_integer_value(json_object_get(n, "confirmed"));
        if (hash_parse(json_string_value(json_object_get(n, "hub_id")), &id) && memcmp(id.b, hub->b, sizeof id.b) == 0 &&
            hash_parse(json_string_value(json_object_get(n, "feed")), &feed))
            return ward_proof_write(c->replica, file, &feed, &seq, 1, NULL, &err) ? cli_fail(c, &err) : CLI_DONE;
    }
    return cli_refuse(c, WARD_ERR_NOT_FOUND, _("there is nothing against this device"));
}

static int run_export(struct cli *c)
{
    struct ward_hash hub;
    struct ward_id entity;
    uint32_t kind;
    const char *what = cli_arg(c, 0), *file = cli_arg(c, 1);
    json_t *changes = NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    if (!find_record(c, what, &kind, &entity) && cli_is_device(c, what, &hub)) {
        rc = export_notice(c, &hub, file);
    } else {
        json_t *receipts, *notices;
        rc = collect(c, &receipts, &notices);
        if (rc == CLI_DONE)
            rc = find_changes(c, what, receipts, &changes);
        if (rc == CLI_DONE)
            rc = export_changes(c, changes, file);
        json_decref(changes);
        json_decref(receipts);
        json_decref(notices);
    }
    return rc ? rc : answer_proof(c, file);
}

static int run_check(struct cli *c)
{
    int rc = cli_open_to_read(c);
    return rc ? rc : answer_proof(c, cli_arg(c, 0));
}

static const struct cli_option options_of_list[] = {{"all", NULL, N_("all that are kept, not the last 20 alone"), 0}, {0}};

static const struct cli_command cmd_list = {
    .name = "list",
    .summary = N_("which changes of this device a hub has confirmed, and when"),
    .run = run_list,
    .options = options_of_list,
    .details =
        N_("A hub confirms by its seal what it holds durably, as soon as it has taken it in. Exit code 1 while a hub no longer holds "
           "what it had confirmed."),
    .examples = "  wardsync receipt list\n",
};
static const struct cli_command cmd_show = {
    .name = "show",
    .summary = N_("when a report, a task's change or any change of this device had reached which hub"),
    .run = run_show,
    .args = "REPORT|TASK|CHANGE",
    .args_min = 1,
    .args_max = 1,
    .details =
        N_("A change is named by at least 4 digits of its id (see `wardsync log --json`: hash). Times are by the hub's clock. Exit code "
           "1 while a part of it is not confirmed."),
    .examples = "  wardsync receipt show 0192f3\n  wardsync receipt show III.5-02.TDP-01\n",
};
static const struct cli_command cmd_export = {
    .name = "export",
    .summary = N_("writes a file that proves it to anyone in the ward"),
    .run = run_export,
    .args = "REPORT|TASK|CHANGE|HUB FILE",
    .args_min = 2,
    .args_max = 2,
    .details =
        N_("In the file are the changes of this device up to the confirmed one, its seal, and the hubs' receipts. With a HUB that no "
           "longer holds what it had confirmed, or shows another history: what it had confirmed and what speaks against it. Whoever "
           "reads the file can read those changes."),
    .examples = "  wardsync receipt export 0192f3 /media/usb/bao-cao-quy-3.wsp\n",
};
static const struct cli_command cmd_check = {
    .name = "check",
    .summary = N_("checks such a file and says what it proves"),
    .run = run_check,
    .args = "FILE",
    .args_min = 1,
    .args_max = 1,
    .details =
        N_("On any device of the ward: it knows whose keys the seals are. Exit code 1 if the file also speaks against a hub or against "
           "what this device holds."),
    .examples = "  wardsync receipt check /media/usb/bao-cao-quy-3.wsp\n",
};
static const struct cli_command *const subs[] = {&cmd_list, &cmd_show, &cmd_export, &cmd_check, NULL};

const struct cli_command cmd_receipt = {
    .name = "receipt",
    .summary = N_("hubs' receipts: proof that something had reached a hub in time"),
    .subs = subs,
    .examples = "  wardsync receipt show III.5-02.TDP-01\n  wardsync receipt export III.5-02.TDP-01 /media/usb/iii-5-02.wsp\n",
};
