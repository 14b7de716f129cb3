#include "commands.h"
#include "out.h"

#include <wardsync_plan.h>

/* What a finding means, and what the user does about it where `doctor --mend` does not. */
struct words {
    const char *what, *next;
};
static const struct words words[WARD_FINDING_COUNT] = {
    [WARD_FINDING_LIBRARY] = {N_("a system library is older than is safe"), N_("Update the system.")},
    [WARD_FINDING_OWNER] = {N_("a file belongs to another user of this computer"),
                            N_("Give it back to the user who works here: `sudo chown -R USER FOLDER`.")},
    [WARD_FINDING_HOME_MODE] = {N_("the rights of the data folder are not what they should be"),
                                N_("Make it private: `chmod 700` on the folder.")},
    [WARD_FINDING_KEY_MODE] =
        {N_("others on this computer can read a key file"),
         N_("Make it private: `chmod 600` on the file. If somebody may have copied it, tell your operator: he revokes this "
            "device and invites it anew.")},
    [WARD_FINDING_KEY_MISSING] = {N_("the key of this device is missing: it can read, but not write"),
                                  N_("Put the key file back in its place from a copy, or ask your operator for a new invitation.")},
    [WARD_FINDING_KEY_FILE] = {N_("the key file is damaged"),
                               N_("Put a copy of it back in its place. If there is none, ask your operator for a new invitation.")},
    [WARD_FINDING_READ_ONLY] = {N_("the database may not be written by its owner"), N_("Allow it: `chmod u+rw` on the file.")},
    [WARD_FINDING_UNFINISHED] = {N_("founding or recovering a ward was cut off here; there is no data yet"),
                                 N_("Do it again with the same command: it clears away what is left.")},
    [WARD_FINDING_NOT_JOINED] = {N_("joining was cut off: this device has a key and no data yet"),
                                 N_("Run `wardsync join CODE` again with the same code.")},
    [WARD_FINDING_LEFTOVER] = {N_("a file that was cut off in the middle of being written"), N_("It can be deleted.")},
    [WARD_FINDING_RESTORE] = {N_("a restore was cut off half-way"), N_("Any command that writes ends it; nothing is lost.")},
    [WARD_FINDING_IN_USE] =
        {N_("another program has been writing here for some seconds"),
         N_("End every other wardsync on this device (`wardsync serve` too), then ask again. If none runs, restart the computer.")},
    [WARD_FINDING_DATABASE] =
        {N_("the database cannot be trusted"),
         N_("Do not delete anything. Put a backup in its place with `wardsync restore FILE`, then run `wardsync sync`: what came "
            "after the backup comes back from the others. Without a backup ask your operator for a new invitation into a new folder, "
            "and keep this one.")},
    [WARD_FINDING_LOG] =
        {N_("changes held here are damaged"),
         N_("They are this device's own, or everything else depends on them, so nothing is taken out. Put a backup in place with "
            "`wardsync restore FILE`, then run `wardsync sync` before you write anything.")},
    [WARD_FINDING_HEAD] = {N_("the list of devices' changes is out of step with the changes"),
                           N_("Restore a backup with `wardsync restore FILE`.")},
    [WARD_FINDING_DIGEST] = {N_("a check sum is out of step with the changes"), N_("Restore a backup with `wardsync restore FILE`.")},
    [WARD_FINDING_STATE] = {N_("records are out of step with the changes"), N_("Restore a backup with `wardsync restore FILE`.")},
    [WARD_FINDING_AUTHORITY] = {N_("who may write and who was revoked is out of step with the changes"),
                                N_("Restore a backup with `wardsync restore FILE`, then run `wardsync sync`.")},
    [WARD_FINDING_RECEIPT] = {N_("a receipt is damaged and proves nothing any more"),
                              N_("Nothing else is hurt. Others may cover the same changes: `wardsync receipt list`.")},
    [WARD_FINDING_PLAIN] = {N_("a table for people is out of step with the records"), N_("Restore a backup with `wardsync restore FILE`.")},
};

static const char *next_step(const struct ward_finding *f, bool tried)
{
    if (f->mended)
        return f->kind == WARD_FINDING_LOG ? _("Run `wardsync sync`: what was taken out comes back from the others.") : _("Mended.");
    return f->mendable && !tried ? _("`wardsync doctor --mend` mends it.") : _(words[f->kind].next);
}

struct looking {
    json_t *findings;
    bool mend;
};

static void on_finding(void *ctx, const struct ward_finding *f)
{
    const struct looking *l = ctx;
    json_t *entry = json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", ward_finding_name(f->kind), "message", _(words[f->kind].what), "next",
                              next_step(f, l->mend), "mendable", f->mendable, "mended", f->mended);
    json_object_set_new(entry, "code", f->code ? json_integer(f->code) : json_null());
    json_object_set_new(entry, "what", f->what ? json_string(f->what) : json_null());
    json_object_set_new(entry, "feed", f->seq ? cli_hash_json(&f->feed) : json_null());
    json_object_set_new(entry, "seq", f->seq ? json_integer((json_int_t)f->seq) : json_null());
    json_array_append_new(l->findings, entry);
}

static void plain(struct cli *c, const json_t *model)
{
    size_t i;
    json_t *f;
    json_array_foreach(json_object_get(model, "findings"), i, f)
    {
        const char *what = json_string_value(json_object_get(f, "what"));
        cli_line(c, "%s: %s%s%s%s", json_is_true(json_object_get(f, "mended")) ? _("mended") : _("found"),
                 json_string_value(json_object_get(f, "message")), what ? " (" : "", what ? cli_clean(c, what, false) : "",
                 what ? ")" : "");
        if (!json_is_null(json_object_get(f, "seq")))
            cli_line(c, _("    feed %.8s, from change %lld on"), json_string_value(json_object_get(f, "feed")),
                     json_integer_value(json_object_get(f, "seq")));
        cli_line(c, "    %s", json_string_value(json_object_get(f, "next")));
    }
    if (json_string_value(json_object_get(model, "kept")))
        cli_line(c, _("The database as it was is kept as %s."), cli_clean(c, json_string_value(json_object_get(model, "kept")), false));
    if (json_array_size(json_object_get(model, "findings")) == 0)
        cli_line(c, _("Nothing is wrong here."));
}

static int examine(struct cli *c, bool mend, json_t *findings, struct ward_doctor_result *result)
{
    struct ward_options options = {.schema = ward_plan_schema()};
    struct looking l = {findings, mend};
    struct ward_error err = {0};
    return ward_doctor(c->home, mend, &options, on_finding, &l, result, &err) ? cli_fail(c, &err) : CLI_DONE;
}

static bool any_mendable(const json_t *findings)
{
    size_t i;
    json_t *f;
    json_array_foreach(findings, i, f) if (json_is_true(json_object_get(f, "mendable"))) return true;
    return false;
}

static int run(struct cli *c)
{
    struct ward_doctor_result result;
    json_auto_t *findings = json_array();
    json_auto_t *model = json_pack("{s:O}", "findings", findings);
    bool mend = cli_opt(c, "mend") != NULL;
    int rc = cli_find_home(c);
    if (rc == CLI_DONE)
        rc = examine(c, false, findings, &result);
    if (rc == CLI_DONE && mend && any_mendable(findings)) {
        if (!c->json && !c->yes && cli_can_ask(c))
            plain(c, model);
        if (cli_confirm(c, _("Mend what can be mended?"))) {
            json_array_clear(findings);
            rc = examine(c, true, findings, &result);
        }
    }
    if (rc)
        return rc;
    json_object_set_new(model, "found", json_integer((json_int_t)result.found));
    json_object_set_new(model, "mended", json_integer((json_int_t)result.mended));
    json_object_set_new(model, "kept", result.kept[0] ? json_string(cli_format(c, "%s/%s", c->home, result.kept)) : json_null());
    return cli_answer(c, result.mended == result.found ? CLI_DONE : CLI_ATTENTION, model, plain);
}

static const struct cli_option options_of_doctor[] = {
    {"mend", NULL, N_("mend what can be mended, after a question (--yes: without)"), 0},
    {0},
};

const struct cli_command cmd_doctor = {
    .name = "doctor",
    .summary = N_("finds what is wrong with this device's data, and mends what can be mended"),
    .run = run,
    .options = options_of_doctor,
    .details =
        N_("Without --mend it only looks. It checks who may read and write the files, what was cut off half-way, every change and "
           "signature, and "
           "whether records and tables are what the changes say; those are made anew from the changes. Changes of other devices that are "
           "damaged are taken out, to be fetched again with the next sync, and the database as it was is kept beside it; what this device "
           "wrote is never "
           "taken out. No passphrase is needed. Exit code 1 if anything is wrong and not mended."),
    .examples = "  wardsync doctor\n  wardsync doctor --mend\n  wardsync doctor --mend --yes --json\n",
};
