/* Text at the door: the two validators and an obvious decoder agree; an excerpt for a message is a whole, printable beginning; what passes
 * as a code or a line is what it says. */
#include "domain/text.h"
#include "fuzz.h"
#include "values/text.h"

/* Decodes and encodes again: only the shortest form of a scalar value comes back as it was. */
static bool obvious(const uint8_t *p, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = p[at] < 0x80 ? 1 : p[at] >> 5 == 6 ? 2 : p[at] >> 4 == 14 ? 3 : p[at] >> 3 == 30 ? 4 : 0;
        if (n == 0 || at + n > len)
            return false;
        uint32_t c = n == 1 ? p[at] : p[at] & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
            if (p[at + i] >> 6 != 2)
                return false;
            c = c << 6 | (p[at + i] & 63u);
        }
        size_t shortest = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        if (c == 0 || n != shortest || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return false;
        at += n;
    }
    return true;
}

static bool has_control(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] < 0x20 || p[i] == 0x7f)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    char *text = fuzz_text(p, len);
    struct ward_error err = {0};
    int64_t n;
    bool valid = obvious(p, len);
    CHECK(ward_text_valid(p, len) == valid && plan_utf8_valid(text, len) == valid);

    size_t excerpt = (size_t)plan_excerpt(text, len);
    CHECK(excerpt <= 60 && excerpt <= len && obvious(p, excerpt));
    for (size_t i = 0; i < excerpt; i++)
        CHECK(p[i] >= 0x20);

    CHECK((plan_text_check(text, len, len, false, &err) == WARD_OK) == (valid && !has_control(p, len)));
    if (plan_code_check(text, len, &err) == WARD_OK)
        CHECK(valid && len >= 1 && len <= PLAN_CODE_MAX && !strpbrk(text, " ,+=:\"'\t\n") && strlen(text) == len);
    else
        CHECK(err.code == WARD_ERR_VALUE || err.code == WARD_ERR_UTF8);
    CHECK(obvious((const uint8_t *)err.detail, strlen(err.detail)));

    if (plan_int_parse(&n, text, len, -1000000, 1000000, &err) == WARD_OK)
        CHECK(n >= -1000000 && n <= 1000000 && strtoll(text, NULL, 10) == n);
    else
        CHECK(obvious((const uint8_t *)err.detail, strlen(err.detail)));
    free(text);
    return 0;
}
