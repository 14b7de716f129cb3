#include "values/fingerprint.h"
#include "base/buf.h"
#include "values/cbor.h"
#include "values/hash.h"

#define SYLLABLES 12
#define A_WORD    3

/* Syllables that no dialect merges and no telephone blurs: neither n (as l in the north) nor d, g, r, x, p, and no e (as i). */
static const char consonants[] = "bhklmstv";
static const char vowels[] = "aiou";

void ward_fingerprint(char out[WARD_FINGERPRINT], const uint8_t sign_pk[32], const uint8_t link_pk[32])
{
    uint8_t bytes[80];
    struct ward_buf b = {.p = bytes, .cap = sizeof bytes}; /* 1 + 2 x 34 fit */
    struct ward_hash h;
    size_t n = 0;
    ward_put_array(&b, 2);
    ward_put_bytes(&b, sign_pk, 32);
    ward_put_bytes(&b, link_pk, 32);
    ward_hash_once(&h, "wardsync words", b.p, b.len);
    for (size_t i = 0; i < SYLLABLES; i++) {
        size_t bit = 5 * i;
        unsigned five = ((unsigned)h.b[bit / 8] << 8 | h.b[bit / 8 + 1]) >> (11 - bit % 8) & 31u;
        if (i && i % A_WORD == 0)
            out[n++] = ' ';
        out[n++] = consonants[five >> 2];
        out[n++] = vowels[five & 3];
    }
    out[n] = 0;
}
