#include "domain/text.h"

#include <string.h>

#include "base/err.h"

/* The length of the character at p (1 ... 4) if it is well-formed, else 0. */
static size_t utf8_char(const unsigned char *p, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80)
        return p[0] != 0;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
    if (n == 0 || n > len || p[0] > 0xf4)
        return 0;
    uint32_t c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

bool plan_utf8_valid(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = utf8_char((const unsigned char *)text + at, len - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

int plan_excerpt(const char *text, size_t len)
{
    const size_t most = 60;
    size_t at = 0;
    while (at < len && (unsigned char)text[at] >= 0x20) {
        size_t n = utf8_char((const unsigned char *)text + at, len - at);
        if (n == 0 || at + n > most)
            break;
        at += n;
    }
    return (int)at;
}

int plan_text_check(const char *text, size_t len, size_t len_max, bool lines, struct ward_error *err)
{
    if (!plan_utf8_valid(text, len))
        return ward_fail(err, WARD_ERR_UTF8, "not valid UTF-8");
    if (len > len_max)
        return ward_fail(err, WARD_ERR_VALUE, "%zu bytes, at most %zu are allowed", len, len_max);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool allowed = c >= 0x20 && c != 0x7f;
        if (!allowed && !(lines && (c == '\n' || c == '\r' || c == '\t')))
            return ward_fail(err, WARD_ERR_VALUE, "control character 0x%02x", c);
    }
    return WARD_OK;
}

int plan_code_check(const char *text, size_t len, struct ward_error *err)
{
    if (len == 0)
        return ward_fail(err, WARD_ERR_VALUE, "a code must not be empty");
    int rc = plan_text_check(text, len, PLAN_CODE_MAX, false, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < len; i++)
        if (strchr(" ,+=:\"'", text[i]))
            return ward_fail(err, WARD_ERR_VALUE, "a code must not contain '%c': %.*s", text[i], plan_excerpt(text, len), text);
    return WARD_OK;
}

bool plan_text_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr(" \t\r\n", text[i]))
            return false;
    return true;
}

int plan_int_parse(int64_t *out, const char *text, size_t len, int64_t low, int64_t high, struct ward_error *err)
{
    bool negative = len > 0 && text[0] == '-';
    size_t at = len > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    int64_t n = 0;
    bool good = at < len && len - at <= 18; /* 18 digits fit into 63 bits */
    for (; good && at < len; at++) {
        good = text[at] >= '0' && text[at] <= '9';
        n = n * 10 + (text[at] - '0');
    }
    if (!good)
        return ward_fail(err, WARD_ERR_VALUE, "not a whole number: %.*s", plan_excerpt(text, len), text);
    if (negative)
        n = -n;
    if (n < low || n > high)
        return ward_fail(err, WARD_ERR_VALUE, "%.*s is outside %lld ... %lld", plan_excerpt(text, len), text, (long long)low,
                         (long long)high);
    *out = n;
    return WARD_OK;
}

int plan_digits(const char *text, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}
