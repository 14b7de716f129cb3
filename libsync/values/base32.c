#include "values/base32.h"

#include <ctype.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

size_t ward_base32_encode(char *out, const uint8_t *p, size_t len)
{
    size_t n = 0;
    uint32_t acc = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < len; i++) {
        acc = (acc << 8) | p[i];
        for (bits += 8; bits >= 5; bits -= 5)
            out[n++] = alphabet[(acc >> (bits - 5)) & 31];
        acc &= (1u << bits) - 1;
    }
    if (bits)
        out[n++] = alphabet[(acc << (5 - bits)) & 31];
    out[n] = 0;
    return n;
}

bool ward_base32_decode(uint8_t *out, size_t cap, size_t *len, const char *p)
{
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t n = 0;
    for (; *p; p++) {
        if (*p == '-' || *p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
            continue;
        const char *at = strchr(alphabet, toupper((unsigned char)*p));
        if (!at || n >= cap)
            return false;
        acc = (acc << 5) | (uint32_t)(at - alphabet);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(acc >> bits);
            acc &= (1u << bits) - 1;
        }
    }
    *len = n;
    return bits < 5 && acc == 0; /* what is left over must be zero: one code, one spelling */
}
