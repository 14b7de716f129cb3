#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* "What happened: to what" */
const char *cli_error_text(struct cli *c, const struct ward_error *err)
{
    const char *text = ward_error_text(err->code, c->lang), *detail = cli_clean(c, err->detail, false);
    size_t len = strlen(text);
    if (!detail[0])
        return text;
    return cli_format(c, "%.*s: %s", (int)(len && text[len - 1] == '.' ? len - 1 : len), text, detail);
}

json_t *cli_error_json(struct cli *c, const struct ward_error *err)
{
    return json_pack("{s:i, s:s, s:s, s:s, s:s}", "code", err->code, "name", ward_error_name(err->code), "class",
                     ward_error_class_name(err->code), "message", cli_error_text(c, err), "hint", ward_error_hint(err->code, c->lang));
}

static void report_json(json_t *error)
{
    json_auto_t *document = json_pack("{s:o}", "error", error);
    json_dumpf(document, stderr, JSON_INDENT(2));
    fputc('\n', stderr);
}

int cli_fail(struct cli *c, const struct ward_error *err)
{
    fflush(stdout);
    if (c->json) {
        report_json(cli_error_json(c, err));
        return CLI_FAILED;
    }
    const char *hint = ward_error_hint(err->code, c->lang);
    fprintf(stderr, "wardsync: %s\n", cli_error_text(c, err));
    if (hint[0])
        fprintf(stderr, "%s\n", hint);
    return CLI_FAILED;
}

int cli_refuse(struct cli *c, int code, const char *fmt, ...)
{
    struct ward_error err = {.code = code};
    va_list args;
    va_start(args, fmt);
    vsnprintf(err.detail, sizeof err.detail, fmt, args);
    va_end(args);
    return cli_fail(c, &err);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
    char message[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    const char *text = cli_clean(c, message, false), *hint = cli_format(c, _("See: %s --help"), c->path);
    if (c->json)
        report_json(json_pack("{s:i, s:s, s:s, s:s, s:s}", "code", WARD_ERR_ARGUMENT, "name", ward_error_name(WARD_ERR_ARGUMENT), "class",
                              ward_error_class_name(WARD_ERR_ARGUMENT), "message", text, "hint", hint));
    else
        fprintf(stderr, "wardsync: %s\n%s\n", text, hint);
    return CLI_USAGE;
}

void cli_note(struct cli *c, const char *fmt, ...)
{
    if (c->quiet || c->json)
        return;
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}
