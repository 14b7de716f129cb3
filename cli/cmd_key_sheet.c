/* key sheet, key check-sheet */
#include "commands.h"
#include "out.h"
#include "passphrase.h"
#include "sheet.h"
#include "when.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *today(struct cli *c)
{
    char out[32];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(out, sizeof out, "%Y-%m-%d", &local);
    return cli_format(c, "%s", out);
}

/* ---- key sheet */

struct printing {
    struct ward_self self;
    struct ward_sheet sheet;
    const char *made;
};

static int make(struct cli *c, struct ward_sheet *out, struct ward_error *err)
{
    char before[WARD_PASSPHRASE_MAX] = "", now[WARD_PASSPHRASE_MAX] = "";
    struct ward_key_state s;
    int rc = ward_key_state(c->home, &s, err);
    if (!rc && !s.root_here)
        rc = cli_say_error(err, WARD_ERR_ROOT_MISSING, "");
    if (!rc && s.root_sealed)
        rc = cli_passphrase(c, before, err);
    if (!rc)
        rc = cli_passphrase_new(c, cli_opt(c, "sheet-passphrase-file"), _("New passphrase, for the sheet:"), now, err);
    if (!rc)
        rc = ward_sheet_make(c->home, s.root_sealed ? before : NULL, now, NULL, out, err);
    explicit_bzero(before, sizeof before);
    explicit_bzero(now, sizeof now);
    return rc;
}

static int to_file(struct cli *c, const struct printing *p, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out)
        return cli_refuse(c, errno == EEXIST ? WARD_ERR_EXISTS : WARD_ERR_IO, "%s: %s", path, strerror(errno));
    bool fine = cli_sheet_print(out, &p->sheet, p->self.ward_name, p->made, false);
    fine = fflush(out) == 0 && fsync(fd) == 0 && fine;
    fine = fclose(out) == 0 && fine;
    if (fine)
        return CLI_DONE;
    unlink(path);
    return cli_refuse(c, WARD_ERR_IO, "%s: %s", path, strerror(errno));
}

static json_t *sheet_json(struct cli *c, const struct printing *p, const char *file)
{
    json_t *lines = json_array();
    for (unsigned i = 0; i < WARD_SHEET_LINES; i++)
        json_array_append_new(lines, json_string(p->sheet.line[i]));
    return json_pack("{s:o, s:s, s:s, s:o, s:s, s:o}", "ward", cli_hash_json(&p->sheet.ward), "ward_name", p->self.ward_name, "made",
                     p->made, "lines", lines, "code", p->sheet.code, "file", file ? json_string(cli_clean(c, file, false)) : json_null());
}

static int run_sheet(struct cli *c)
{
    struct ward_error err = {0};
    struct printing p = {.made = today(c)};
    const char *file = cli_opt(c, "out");
    int rc = cli_open_to_read(c);
    if (rc)
        return rc;
    if (ward_self(c->replica, &p.self, &err) || make(c, &p.sheet, &err))
        return cli_fail(c, &err);
    if (file)
        rc = to_file(c, &p, file);
    else if (!c->json && !cli_sheet_print(stdout, &p.sheet, cli_clean(c, p.self.ward_name, false), p.made, cli_is_colour()))
        rc = cli_refuse(c, WARD_ERR_MEMORY, "QR");
    if (rc)
        return rc;
    json_auto_t *model = sheet_json(c, &p, file);
    rc = cli_answer(c, CLI_DONE, model, NULL);
    if (rc == CLI_DONE)
        cli_note(c, "%s", _("Put it on paper, lock it away, and see whether the paper is right: wardsync key check-sheet"));
    return rc;
}

static const struct cli_option options_of_sheet[] = {
    {"out", "FILE", N_("write it to this file, which must not exist yet (else it is shown)"), 0},
    {"sheet-passphrase-file", "FILE", N_("file with the sheet's own passphrase (mode 0600), instead of asking for it"), 0},
    {0},
};

const struct cli_command cmd_key_sheet = {
    .name = "sheet",
    .summary = N_("prints the recovery sheet: the ward's root key, sealed, for paper"),
    .run = run_sheet,
    .options = options_of_sheet,
    .details = N_("Works on the device that founded the ward. The sheet has a passphrase of its own; the two together are the ward's root "
                  "and can name a "
                  "new operator when all others are lost (wardsync recover). It is printed as numbered lines, which can be typed in again, "
                  "and as a QR code."),
    .examples = "  wardsync key sheet --out /media/usb/phieu-khoi-phuc.txt\n  wardsync key sheet | lp\n",
};

/* ---- key check-sheet */

static void plain_check(struct cli *c, const json_t *model)
{
    cli_line(c, "%s", _("The sheet is good: it belongs to this ward and opens with its passphrase."));
    if (json_is_string(json_object_get(model, "root")) && strcmp(json_string_value(json_object_get(model, "root")), "removed") == 0)
        cli_line(c, "%s", _("The root key is no longer on this device; from now on only the sheet holds it."));
}

static int check(struct cli *c, const struct ward_sheet *sheet, bool remove, struct ward_error *err)
{
    char passphrase[WARD_PASSPHRASE_MAX] = "";
    int rc = cli_passphrase_of_sheet(c, cli_opt(c, "sheet-passphrase-file"), passphrase, err);
    if (!rc)
        rc = ward_sheet_check(c->replica, sheet, passphrase, remove, err);
    explicit_bzero(passphrase, sizeof passphrase);
    return rc;
}

static int run_check(struct cli *c)
{
    struct ward_error err = {0};
    struct ward_sheet sheet;
    struct ward_key_state s;
    bool remove = cli_opt(c, "remove-root") != NULL;
    int rc = cli_open_to_read(c);
    if (rc == CLI_DONE)
        rc = cli_sheet_get(c, cli_arg(c, 0), &sheet);
    if (rc)
        return rc;
    if (remove && !cli_confirm(c, _("Take the root key off this device? From then on only the sheet can name a new first operator.")))
        return cli_refuse(c, WARD_ERR_CANCELLED, "%s", c->path);
    if (check(c, &sheet, remove, &err))
        return cli_fail(c, &err);
    if (ward_key_state(c->home, &s, &err))
        return cli_fail(c, &err);
    json_auto_t *model = json_pack("{s:o, s:s, s:o}", "ward", cli_hash_json(&sheet.ward), "sheet", "good", "root",
                                   remove        ? json_string("removed")
                                   : s.root_here ? json_string("here")
                                                 : json_null());
    return cli_answer(c, CLI_DONE, model, plain_check);
}

static const struct cli_option options_of_check[] = {
    {"sheet-passphrase-file", "FILE", N_("file with the sheet's own passphrase (mode 0600), instead of asking for it"), 0},
    {"remove-root", NULL, N_("if the sheet is good, take root.key off this device"), 0},
    {0},
};

const struct cli_command cmd_key_check_sheet = {
    .name = "check-sheet",
    .summary = N_("reads a recovery sheet back, and may then take the root key off this device"),
    .run = run_check,
    .args = "[FILE]",
    .args_min = 0,
    .args_max = 1,
    .options = options_of_check,
    .details = N_("Without FILE the lines are typed in from the paper; that proves the paper, a file on this device does not. A typing "
                  "error is found at "
                  "once and named by its line. FILE may also hold what a camera read from the QR code; - is stdin."),
    .examples = "  wardsync key check-sheet\n  wardsync key check-sheet /media/usb/scan.txt --remove-root\n",
};
