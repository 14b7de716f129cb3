#include "commands.h"
#include "out.h"
#include "progress.h"

struct verifying {
    struct cli_progress progress; /* first: ctx of the progress events too */
    json_t *found;
};

static void on_bad(void *ctx, const struct ward_bad *bad)
{
    struct verifying *v = ctx;
    struct ward_error err = {.code = bad->code};
    json_t *entry = cli_error_json(v->progress.c, &err);
    json_object_set_new(entry, "space", cli_hash_json(&bad->space));
    json_object_set_new(entry, "feed", cli_hash_json(&bad->feed));
    json_object_set_new(entry, "seq", json_integer((json_int_t)bad->seq));
    json_object_set_new(entry, "what", json_string(bad->what ? bad->what : ""));
    json_array_append_new(v->found, entry);
}

static void plain(struct cli *c, const json_t *model)
{
    size_t i;
    json_t *bad;
    json_array_foreach(json_object_get(model, "found"), i, bad)
        cli_line(c, _("bad: feed %.8s, change %lld: %s %s"), json_string_value(json_object_get(bad, "feed")),
                 json_integer_value(json_object_get(bad, "seq")), json_string_value(json_object_get(bad, "message")),
                 json_string_value(json_object_get(bad, "what")));
    if (json_integer_value(json_object_get(model, "below_base")))
        cli_line(c,
                 _("Not held here: %lld older changes, of which the state alone came, on the word of who gave it. To fetch and prove them: "
                   "wardsync sync --history"),
                 json_integer_value(json_object_get(model, "below_base")));
    cli_line(c, _("Checked: %lld changes, %lld seals. Bad: %lld."), json_integer_value(json_object_get(model, "changes")),
             json_integer_value(json_object_get(model, "seals")), json_integer_value(json_object_get(model, "bad")));
}

static int run(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_verify_result result;
    int rc = cli_open_to_read(c);
    if (rc)
        return rc;
    json_auto_t *found = json_array();
    struct verifying v = {.progress = {.c = c}, .found = found};
    int failed = ward_verify(c->replica, cli_opt(c, "full") != NULL, on_bad, &v, cli_on_event, &result, &err);
    cli_progress_end(&v.progress);
    if (failed)
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "changes", (json_int_t)result.changes, "seals",
                                   (json_int_t)result.seals, "records", (json_int_t)result.records, "bad", (json_int_t)result.bad, "bases",
                                   (json_int_t)result.bases, "below_base", (json_int_t)result.below_base, "found", found);
    return cli_answer(c, result.bad ? CLI_ATTENTION : CLI_DONE, model, plain);
}

static const struct cli_option options[] = {
    {"full", NULL, N_("also rebuild all records from the changes and compare"), 0},
    {0},
};

const struct cli_command cmd_verify = {
    .name = "verify",
    .summary = N_("checks every change and every signature held here"),
    .run = run,
    .options = options,
    .details = N_("Exit code 1 if anything is bad; each bad change is named."),
    .examples = "  wardsync verify\n  wardsync verify --full --json\n",
};
