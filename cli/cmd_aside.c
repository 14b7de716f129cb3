#include "commands.h"
#include "history.h"
#include "ref.h"
#include "when.h"

#include <string.h>

#define ASIDES_MAX 4096

/* Those of one device, or all. */
struct found {
    struct cli *c;
    const struct ward_hash *device;
    struct ward_aside *v;
    size_t count;
};

static int add(void *ctx, const struct ward_aside *aside)
{
    struct found *f = ctx;
    if (f->count < ASIDES_MAX && (!f->device || memcmp(f->device->b, aside->grant.b, sizeof aside->grant.b) == 0))
        f->v[f->count++] = *aside;
    return 0;
}

static int find(struct cli *c, const struct ward_hash *device, struct found *f)
{
    struct ward_error err = {0};
    *f = (struct found){.c = c, .device = device, .v = cli_keep(c, calloc(ASIDES_MAX, sizeof *f->v))};
    return ward_asides(c->replica, add, f, &err) ? cli_fail(c, &err) : CLI_DONE;
}

static uint64_t left(const struct ward_aside *a)
{
    return a->last - (a->released ? a->released : a->first - 1);
}

static const char *why(enum ward_aside_why reason)
{
    static const char *const words[] = {N_("revoked"), N_("went on in two ways"), N_("its grant does not count")};
    return words[reason];
}

static const char *why_name(enum ward_aside_why reason)
{
    static const char *const names[] = {"cut", "fork", "grant"};
    return names[reason];
}

struct spaces {
    struct cli *c;
    const struct ward_hash *id;
    const char *name;
};

static int note_name(void *ctx, const struct ward_space_info *space)
{
    struct spaces *s = ctx;
    if (memcmp(space->id.b, s->id->b, sizeof space->id.b) == 0)
        s->name = cli_space_name(s->c, space->circle, space->circle_count);
    return 0;
}

static json_t *aside_json(struct cli *c, const struct ward_aside *a)
{
    struct spaces s = {c, &a->space, ""};
    struct ward_error err = {0};
    ward_spaces(c->replica, note_name, &s, &err);
    return json_pack("{s:o, s:s, s:o, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:s, s:b}", "id", cli_hash_json(&a->head), "device",
                     cli_device_name(c, &a->grant), "grant", cli_hash_json(&a->grant), "unit", cli_unit_code(c, &a->unit), "space_name",
                     s.name, "space", cli_hash_json(&a->space), "first", (json_int_t)a->first, "last", (json_int_t)a->last, "released",
                     (json_int_t)a->released, "changes", (json_int_t)left(a), "from", cli_time_json(a->from_ms), "to",
                     cli_time_json(a->to_ms), "why", why_name(a->why), "own", a->own);
}

static const char *why_label(const char *name)
{
    for (int i = WARD_ASIDE_CUT; i <= WARD_ASIDE_GRANT; i++)
        if (strcmp(name, why_name((enum ward_aside_why)i)) == 0)
            return _(why((enum ward_aside_why)i));
    return name;
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "device", .title = N_("Device")},
                                                {.key = "unit", .title = N_("Unit")},
                                                {.key = "space_name", .title = N_("Space")},
                                                {.key = "changes", .title = N_("Changes")},
                                                {.key = "from", .title = N_("From (its clock)"), .show = CLI_TIME},
                                                {.key = "to", .title = N_("To (its clock)"), .show = CLI_TIME},
                                                {.key = "reason", .title = N_("Why")},
                                                {0}};
    json_auto_t *rows = json_array();
    size_t i;
    json_t *aside;
    json_array_foreach(model, i, aside)
    {
        json_t *row = json_copy(aside);
        json_object_set_new(row, "reason", json_string(why_label(json_string_value(json_object_get(aside, "why")))));
        json_array_append_new(rows, row);
    }
    cli_table(c, rows, columns, _("Nothing is set aside."));
    if (json_array_size(rows))
        cli_line(c, _("To look at it: wardsync aside show DEVICE. To let it count: wardsync aside release DEVICE --why TEXT"));
}

/* Those with something left, or with `all` those that were released as well. */
static int run_list(struct cli *c)
{
    struct found f;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc == CLI_DONE)
        rc = find(c, NULL, &f);
    if (rc)
        return rc;
    json_auto_t *model = json_array();
    for (size_t i = 0; i < f.count; i++)
        if (left(&f.v[i]) || cli_opt(c, "all"))
            json_array_append_new(model, aside_json(c, &f.v[i]));
    return cli_answer(c, CLI_DONE, model, plain_list);
}

static int find_of_device(struct cli *c, struct found *f, struct ward_hash *device)
{
    int rc = cli_find_device(c, cli_arg(c, 0), device);
    if (rc == CLI_DONE)
        rc = find(c, device, f);
    size_t waiting = 0;
    for (size_t i = 0; rc == CLI_DONE && i < f->count; i++)
        waiting += left(&f->v[i]) > 0;
    if (rc == CLI_DONE && !waiting)
        return cli_refuse(c, WARD_ERR_NOTHING, _("nothing of %s is set aside"), cli_device_name(c, device));
    return rc;
}

static int run_show(struct cli *c)
{
    struct found f;
    struct ward_hash device;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc == CLI_DONE)
        rc = find_of_device(c, &f, &device);
    json_auto_t *model = json_array();
    for (size_t i = 0; rc == CLI_DONE && i < f.count; i++) {
        struct cli_history_filter filter = {.aside = &f.v[i].head};
        json_t *changes = NULL;
        if (left(&f.v[i]) == 0)
            continue;
        rc = cli_history(c, &filter, &changes);
        if (rc == CLI_DONE)
            json_array_extend(model, changes);
        json_decref(changes);
    }
    return rc ? rc : cli_answer(c, CLI_DONE, model, cli_history_plain);
}

static void plain_release(struct cli *c, const json_t *model)
{
    json_int_t conflicts = json_integer_value(json_object_get(model, "conflicts_new"));
    cli_line(c,
             ngettext("%lld change of %s counts now.", "%lld changes of %s count now.",
                      (unsigned long)json_integer_value(json_object_get(model, "changes"))),
             json_integer_value(json_object_get(model, "changes")), json_string_value(json_object_get(model, "name")));
    if (conflicts > 0)
        cli_line(c, _("Others had written something else meanwhile: wardsync conflict list"));
}

static int run_release(struct cli *c)
{
    struct found f;
    struct ward_error err = {0};
    struct ward_hash device;
    size_t before = 0, after = 0, done = 0;
    uint64_t released = 0;
    int rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc == CLI_DONE)
        rc = find_of_device(c, &f, &device);
    if (rc)
        return rc;
    const char *name = cli_device_name(c, &device);
    if (!cli_confirm(c, cli_format(c, _("Let what %s wrote count?"), name)))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", name);
    if (ward_conflict_count(c->replica, &before, &err))
        return cli_fail(c, &err);
    for (size_t i = 0; i < f.count; i++) {
        size_t changes;
        if (left(&f.v[i]) == 0)
            continue;
        if (ward_aside_release(c->replica, &f.v[i].head, cli_opt(c, "why"), &changes, &err)) {
            if (done == 0)
                return cli_fail(c, &err);
            cli_note(c, _("Not all of it could be released: %s"), cli_error_text(c, &err));
            break;
        }
        released += left(&f.v[i]);
        done++;
    }
    if (ward_conflict_count(c->replica, &after, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:o, s:s, s:I, s:I}", "device", cli_hash_json(&device), "name", name, "changes", (json_int_t)released,
                                   "conflicts_new", (json_int_t)(after > before ? after - before : 0));
    return cli_answer(c, after ? CLI_ATTENTION : CLI_DONE, model, plain_release);
}

static const struct cli_option list_options[] = {
    {"all", NULL, N_("also what was released"), 0},
    {0},
};

static const struct cli_command list = {
    .name = "list",
    .summary = N_("changes that are kept and do not count: of which device, why"),
    .run = run_list,
    .options = list_options,
    .examples = "  wardsync aside list\n",
};

static const struct cli_command show = {
    .name = "show",
    .summary = N_("shows them, one by one"),
    .run = run_show,
    .args = "DEVICE",
    .args_min = 1,
    .args_max = 1,
    .details = N_("DEVICE is its name, or at least 4 digits of its id."),
    .examples = "  wardsync aside show \"máy chi bộ 3\"\n",
};

static const struct cli_option release_options[] = {
    {"why", "TEXT", N_("the reason, kept with the change"), CLI_REQUIRED},
    {0},
};

static const struct cli_command release = {
    .name = "release",
    .summary = N_("lets them count, as changes of this device"),
    .run = run_release,
    .args = "DEVICE",
    .args_min = 1,
    .args_max = 1,
    .options = release_options,
    .details =
        N_("They are written anew with what their author had seen then: where somebody wrote something else meanwhile, that is a\nconflict "
           "for a person to decide, and nothing is replaced. Look at them first: wardsync aside show DEVICE."),
    .examples = "  wardsync aside release \"máy chi bộ 3\" --why \"đã hỏi đồng chí bí thư: đúng là chi bộ viết\"\n",
};

const struct cli_command cmd_aside = {
    .name = "aside",
    .summary = N_("changes that are kept and do not count: of revoked devices, of copied homes"),
    .subs = (const struct cli_command *const[]){&list, &show, &release, NULL},
    .examples = "  wardsync aside list\n",
};
