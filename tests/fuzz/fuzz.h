/* fuzz.h - what every target stands on: a check that ends the process, memory, and an input taken apart piece by piece.
 *
 * A target is one file with LLVMFuzzerTestOneInput. libFuzzer drives it (preset fuzz), and replay.c does in the ordinary tests.
 */
#ifndef WARD_TEST_FUZZ_H
#define WARD_TEST_FUZZ_H

#include "wardsync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);
/* What the driver gives to a target that changes inputs itself, and what such a target gives. */
size_t LLVMFuzzerMutate(uint8_t *p, size_t len, size_t len_max);
size_t LLVMFuzzerCustomMutator(uint8_t *p, size_t len, size_t len_max, unsigned seed);

/* Not assert: it holds in every build. */
#define CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

static inline _Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

static inline void *fuzz_alloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}
static const struct ward_env fuzz_env = {.alloc = fuzz_alloc};

/* The input, read from the front; beyond its end all is zero. */
struct fuzz_input {
    const uint8_t *p;
    size_t len;
};

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->p++;
}

static inline uint64_t fuzz_uint(struct fuzz_input *in, size_t bytes)
{
    uint64_t v = 0;
    while (bytes--)
        v = v << 8 | fuzz_byte(in);
    return v;
}

static inline void fuzz_fill(struct fuzz_input *in, void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = fuzz_byte(in);
}

/* At most len bytes, as many as there are. */
static inline struct fuzz_input fuzz_part(struct fuzz_input *in, size_t len)
{
    struct fuzz_input part = {in->p, len < in->len ? len : in->len};
    in->p += part.len;
    in->len -= part.len;
    return part;
}

/* A copy with a zero byte behind it, for functions that take text; free it. */
static inline char *fuzz_text(const uint8_t *p, size_t len)
{
    char *text = malloc(len + 1);
    CHECK(text);
    if (len)
        memcpy(text, p, len);
    text[len] = 0;
    return text;
}

static inline bool fuzz_same(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

#endif
