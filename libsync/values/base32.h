/* base32.h - RFC 4648 section 6 without padding: for what people carry on paper or read to each other. */
#ifndef WARD_BASE32_H
#define WARD_BASE32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters for so many bytes, without the end. */
#define WARD_BASE32_CHARS(bytes) (((bytes)*8 + 4) / 5)

/* out: WARD_BASE32_CHARS(len) + 1; returns the characters. */
size_t ward_base32_encode(char *out, const uint8_t *p, size_t len);
/* Lower case is read as upper; blanks, line ends and "-" are passed over. False for any other character, for bits left over that are not
 * zero (one code, one spelling), and for more than cap bytes. */
bool ward_base32_decode(uint8_t *out, size_t cap, size_t *len, const char *p);

#endif
