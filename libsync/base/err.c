#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct entry {
    int code;
    enum ward_class cls;
    const char *name;
    const char *text[2]; /* by enum ward_lang */
    const char *hint[2];
};

/* One row per code: number, class, stable name, English and Vietnamese text, English and Vietnamese next step. */
#define ROW(code, cls, name, en, vi, hint_en, hint_vi) {code, WARD_CLASS_##cls, name, {en, vi}, {hint_en, hint_vi}},
static const struct entry table[] = {
#include "base/err_table.inc"
};
#undef ROW

static const struct entry *find(int code)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == code)
            return &table[i];
    return &table[0]; /* the first row speaks for numbers this version does not know */
}

const char *ward_error_name(int code)
{
    return code == WARD_OK ? "ok" : find(code)->name;
}

enum ward_class ward_error_class(int code)
{
    return code == WARD_OK ? WARD_CLASS_NONE : find(code)->cls;
}

const char *ward_error_class_name(int code)
{
    static const char *const names[] = {"none", "retry", "wait", "operator", "fatal"};
    return names[ward_error_class(code)];
}

const char *ward_error_text(int code, enum ward_lang lang)
{
    return code == WARD_OK ? "" : find(code)->text[lang == WARD_LANG_VI];
}

const char *ward_error_hint(int code, enum ward_lang lang)
{
    return code == WARD_OK ? "" : find(code)->hint[lang == WARD_LANG_VI];
}

int(ward_fail)(struct ward_error *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(err->detail, sizeof err->detail, fmt, args);
        va_end(args);
        err->code = code;
    }
    return code;
}

int(ward_at)(struct ward_error *err, int code, const char *fmt, ...)
{
    if (!err)
        return code;
    char old[sizeof err->detail];
    memcpy(old, err->detail, sizeof old);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->detail, sizeof err->detail, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->detail)
        snprintf(err->detail + n, sizeof err->detail - (size_t)n, "%s%s", old[0] ? ": " : "", old);
    return err->code;
}
