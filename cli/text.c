#define _GNU_SOURCE /* vasprintf, mempcpy */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest text read from a file; the library's own limits are smaller and are its to enforce. */
#define LONG_TEXT_MAX 1048576u

struct cli_kept {
    struct cli_kept *next;
    void *p;
};

void *cli_keep(struct cli *c, void *p)
{
    struct cli_kept *kept = malloc(sizeof *kept);
    if (!p || !kept)
        abort();
    *kept = (struct cli_kept){c->kept, p};
    c->kept = kept;
    return p;
}

void cli_kept_free(struct cli *c, const struct cli_kept *until)
{
    while (c->kept != until) {
        struct cli_kept *kept = c->kept;
        c->kept = kept->next;
        free(kept->p);
        free(kept);
    }
}

const char *cli_format(struct cli *c, const char *fmt, ...)
{
    char *out = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&out, fmt, args);
    va_end(args);
    return cli_keep(c, n < 0 ? NULL : out);
}

/* The length of the character at p (1 ... 4), 0 if it is none: overlong forms, surrogates and numbers beyond U+10FFFF are none. */
static size_t utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool wrong =
        (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f);
    return wrong ? 0 : n;
}

bool cli_is_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        size_t n = utf8_length(p);
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

const char *cli_clean(struct cli *c, const char *text, bool lines)
{
    size_t len = strlen(text);
    char *out = cli_keep(c, malloc(len + 1)), *to = out;
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        size_t n = utf8_length(p);
        bool control = *p < 0x20 || *p == 0x7f || (*p == 0xc2 && n == 2 && p[1] < 0xa0);
        if (*p == '\n')
            *to++ = lines ? '\n' : ' ';
        else if (*p == '\t')
            *to++ = ' ';
        else if (n == 0 || control)
            *to++ = '?';
        else
            to = mempcpy(to, p, n);
        p += n ? n : 1;
    }
    *to = 0;
    return out;
}

/* Trailing newlines are the editor's, not the text's. */
static int read_stream(struct cli *c, FILE *f, const char *name, const char **out)
{
    char *text = cli_keep(c, malloc(LONG_TEXT_MAX + 1));
    size_t len = fread(text, 1, LONG_TEXT_MAX + 1, f);
    if (ferror(f))
        return cli_refuse(c, WARD_ERR_IO, "%s: %s", name, strerror(errno));
    if (len > LONG_TEXT_MAX)
        return cli_refuse(c, WARD_ERR_LIMIT_VALUE, "%s", name);
    if (memchr(text, 0, len))
        return cli_refuse(c, WARD_ERR_UTF8, "%s", name);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    text[len] = 0;
    if (!cli_is_utf8(text))
        return cli_refuse(c, WARD_ERR_UTF8, "%s", name);
    *out = text;
    return CLI_DONE;
}

int cli_long_text(struct cli *c, const char *arg, const char **out)
{
    if (!arg || (arg[0] != '@' && strcmp(arg, "-") != 0)) {
        *out = arg;
        return CLI_DONE;
    }
    if (arg[0] == '-')
        return read_stream(c, stdin, "stdin", out);
    FILE *f = fopen(arg + 1, "rb");
    if (!f)
        return cli_refuse(c, WARD_ERR_IO, "%s: %s", arg + 1, strerror(errno));
    int rc = read_stream(c, f, arg + 1, out);
    fclose(f);
    return rc;
}
