#include "values/text.h"

#include <utf8proc.h>

bool ward_text_valid(const uint8_t *p, size_t len)
{
    size_t i = 0;
    while (i < len) {
        if (p[i] < 0x80) {
            if (p[i] == 0)
                return false;
            i++;
            continue;
        }
        utf8proc_int32_t code;
        utf8proc_ssize_t n = utf8proc_iterate(p + i, (utf8proc_ssize_t)(len - i), &code);
        if (n <= 0)
            return false;
        i += (size_t)n;
    }
    return true;
}

bool ward_text_nfc(struct ward_nfc *out, const uint8_t *p, size_t len)
{
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    if (!ward_text_valid(p, len))
        return false;
    /* One place is kept back: the encoder ends its text with a NUL. */
    utf8proc_ssize_t n = utf8proc_decompose(p, (utf8proc_ssize_t)len, out->work, WARD_NFC_MAX - 1, options);
    if (n < 0 || n > WARD_NFC_MAX - 1)
        return false;
    n = utf8proc_reencode(out->work, n, options);
    if (n < 0)
        return false;
    out->p = (const uint8_t *)out->work;
    out->len = (size_t)n;
    return true;
}
