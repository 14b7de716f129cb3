/* text.h - UTF-8 at the door. */
#ifndef WARD_TEXT_H
#define WARD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid UTF-8 (no surrogates, no overlong forms) without U+0000. */
bool ward_text_valid(const uint8_t *p, size_t len);

#endif
