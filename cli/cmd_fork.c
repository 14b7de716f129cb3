#include "commands.h"
#include "out.h"
#include "ref.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROOF_MAX (1u << 18)

/* ---- list */

struct listing {
    struct cli *c;
    json_t *out;
};

static int add_fork(void *ctx, const struct ward_fork *f)
{
    struct listing *l = ctx;
    json_array_append_new(l->out, json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:b}", "unit", cli_unit_code(l->c, &f->unit), "device",
                                            cli_device_name(l->c, &f->grant), "id", cli_hash_json(&f->grant), "space",
                                            cli_hash_json(&f->space), "feed", cli_hash_json(&f->feed), "seq", (json_int_t)f->seq,
                                            "histories", (json_int_t)f->histories, "settled", f->settled));
    return 0;
}

json_t *cli_forks_json(struct cli *c)
{
    struct listing l = {c, json_array()};
    struct ward_error err = {0};
    if (!ward_fork_each(c->replica, add_fork, &l, &err))
        return l.out;
    json_decref(l.out);
    cli_fail(c, &err);
    return NULL;
}

size_t cli_forks_open(const json_t *forks)
{
    size_t i, n = 0;
    json_t *f;
    json_array_foreach(forks, i, f) n += !json_is_true(json_object_get(f, "settled"));
    return n;
}

static void plain_list(struct cli *c, const json_t *model)
{
    static const struct cli_column columns[] = {{.key = "unit", .title = N_("Unit")},
                                                {.key = "device", .title = N_("Device")},
                                                {.key = "seq", .title = N_("Agree up to change")},
                                                {.key = "histories", .title = N_("Histories")},
                                                {.key = "note", .title = N_("Note")},
                                                {0}};
    json_auto_t *rows = json_array();
    size_t i;
    json_t *f;
    json_array_foreach(json_object_get(model, "forks"), i, f) json_array_append_new(
        rows, json_pack("{s:O, s:O, s:O, s:O, s:s}", "unit", json_object_get(f, "unit"), "device", json_object_get(f, "device"), "seq",
                        json_object_get(f, "seq"), "histories", json_object_get(f, "histories"), "note",
                        json_is_true(json_object_get(f, "settled")) ? _("ended") : _("not ended yet")));
    cli_table(c, rows, columns, _("No device has written two histories."));
    if (cli_forks_open(json_object_get(model, "forks")))
        cli_line(
            c,
            _("Nothing is lost: what lies beyond is set aside. An operator ends the device (wardsync device revoke) and invites it anew."));
}

static int run_list(struct cli *c)
{
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;
    json_t *forks = cli_forks_json(c);
    if (!forks)
        return CLI_FAILED;
    json_auto_t *model = json_pack("{s:o}", "forks", forks);
    return cli_answer(c, cli_forks_open(forks) ? CLI_ATTENTION : CLI_DONE, model, plain_list);
}

/* ---- export and check */

static int check_file(struct cli *c, const char *file, struct ward_fork_proof *out)
{
    static uint8_t bytes[PROOF_MAX + 1];
    struct ward_error err = {0};
    FILE *in = fopen(file, "rb");
    if (!in)
        return cli_refuse(c, errno == ENOENT ? WARD_ERR_NOT_FOUND : WARD_ERR_IO, "%s", cli_clean(c, file, false));
    size_t n = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    return ward_fork_check(bytes, n, out, &err) ? cli_fail(c, &err) : CLI_DONE;
}

static void plain_proof(struct cli *c, const json_t *model)
{
    cli_line(c, _("Both seals hold: one key has signed two histories, of changes %lld and %lld."),
             json_integer_value(json_object_get(model, "first")), json_integer_value(json_object_get(model, "last")));
    cli_line(c, _("Device: %s %s"), json_string_value(json_object_get(model, "unit")), json_string_value(json_object_get(model, "device")));
    if (!json_is_true(json_object_get(model, "this_ward")))
        cli_line(c, _("It is a device of another ward."));
}

static int answer_proof(struct cli *c, const char *file)
{
    struct ward_fork_proof p = {.first = 0};
    struct ward_self self;
    struct ward_error err = {0};
    int rc = check_file(c, file, &p);
    if (rc)
        return rc;
    if (ward_self(c->replica, &self, &err))
        return cli_fail(c, &err);
    bool ours = memcmp(self.ward.b, p.ward.b, sizeof p.ward.b) == 0;
    json_auto_t *model =
        json_pack("{s:s, s:o, s:b, s:s, s:s, s:o, s:o, s:I, s:I}", "file", cli_clean(c, file, false), "ward", cli_hash_json(&p.ward),
                  "this_ward", ours, "unit", cli_unit_code(c, &p.unit), "device", cli_device_name(c, &p.grant), "id",
                  cli_hash_json(&p.grant), "feed", cli_hash_json(&p.feed), "first", (json_int_t)p.first, "last", (json_int_t)p.last);
    return cli_answer(c, ours ? CLI_DONE : CLI_ATTENTION, model, plain_proof);
}

static int run_export(struct cli *c)
{
    struct ward_hash grant;
    struct ward_error err = {0};
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc == CLI_DONE)
        rc = cli_find_device(c, cli_arg(c, 0), &grant);
    if (rc)
        return rc;
    if (ward_fork_export(c->replica, &grant, cli_arg(c, 1), &err))
        return cli_fail(c, &err);
    return answer_proof(c, cli_arg(c, 1));
}

static int run_check(struct cli *c)
{
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    return rc ? rc : answer_proof(c, cli_arg(c, 0));
}

static const struct cli_command cmd_list = {
    .name = "list",
    .summary = N_("which devices have written two histories"),
    .run = run_list,
    .details = N_("Exit code 1 while one of them has not been ended."),
    .examples = "  wardsync fork list\n",
};
static const struct cli_command cmd_export = {
    .name = "export",
    .summary = N_("writes a file that proves it to anyone"),
    .run = run_export,
    .args = "DEVICE FILE",
    .args_min = 2,
    .args_max = 2,
    .details = N_("In the file are two seals of the device that contradict each other, and the changes between them."),
    .examples = "  wardsync fork export \"máy chi bộ 3\" /media/usb/tablet.wsf\n",
};
static const struct cli_command cmd_check = {
    .name = "check",
    .summary = N_("checks such a file"),
    .run = run_check,
    .args = "FILE",
    .args_min = 1,
    .args_max = 1,
    .details = N_("The file proves it by itself; what is known here only gives the device a name. Exit code 1 if it is of another ward."),
    .examples = "  wardsync fork check /media/usb/tablet.wsf\n",
};
static const struct cli_command *const subs[] = {&cmd_list, &cmd_export, &cmd_check, NULL};

const struct cli_command cmd_fork = {
    .name = "fork",
    .summary = N_("devices that have written two histories: list, proof"),
    .subs = subs,
    .examples = "  wardsync fork list\n",
};
