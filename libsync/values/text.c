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
