/* text.h - UTF-8 at the door. */
#ifndef WARD_TEXT_H
#define WARD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid UTF-8 (no surrogates, no overlong forms) without U+0000. */
bool ward_text_valid(const uint8_t *p, size_t len);

/* A short text in Unicode's composed form (NFC); of passphrases only, records stay as they were typed. */
#define WARD_NFC_MAX 1024
struct ward_nfc {
    int32_t work[WARD_NFC_MAX];
    const uint8_t *p; /* into work */
    size_t len;
};
/* False if it is no valid text, or longer than fits. The caller wipes *out where the text is a secret. */
bool ward_text_nfc(struct ward_nfc *out, const uint8_t *p, size_t len);

#endif
