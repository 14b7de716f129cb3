/* vectors.h - reading proto/vectors/ in tests. Include after <cmocka.h>. */
#ifndef WARD_TEST_VECTORS_H
#define WARD_TEST_VECTORS_H

#include "wardsync.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct hex {
    uint8_t *p;
    size_t len;
};

static inline void *vectors_alloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}
static const struct ward_env vectors_env = {.alloc = vectors_alloc};

static inline struct hex hex_of(const json_t *string)
{
    const char *s = json_string_value(string);
    assert_non_null(s);
    struct hex h = {.p = malloc(strlen(s) / 2 + 1), .len = strlen(s) / 2};
    assert_non_null(h.p);
    for (size_t i = 0; i < h.len; i++) {
        const char pair[3] = {s[2 * i], s[2 * i + 1], 0};
        h.p[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    /* Exactly as long as the data, so that AddressSanitizer sees a read past the end. */
    if (h.len)
        h.p = realloc(h.p, h.len);
    return h;
}

static inline struct hex hex_at(const json_t *object, const char *name)
{
    return hex_of(json_object_get(object, name));
}

static inline struct ward_hash hash_of(const json_t *string)
{
    struct ward_hash out;
    struct hex h = hex_of(string);
    assert_int_equal(h.len, sizeof out.b);
    memcpy(out.b, h.p, sizeof out.b);
    free(h.p);
    return out;
}

static inline struct ward_hash hash_at(const json_t *object, const char *name)
{
    return hash_of(json_object_get(object, name));
}

static inline uint64_t number_at(const json_t *object, const char *name)
{
    assert_true(json_is_integer(json_object_get(object, name)));
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static inline const char *name_of(const json_t *one)
{
    return json_string_value(json_object_get(one, "name"));
}

static inline void assert_hash_equal(const struct ward_hash *a, const struct ward_hash *b)
{
    assert_memory_equal(a->b, b->b, sizeof a->b);
}

/* Runs `check` on each case of a family; it returns the error the library gave, 0 for none, or -1 for a case it cannot judge. */
static inline void each_vector(const char *family, int (*check)(const json_t *one))
{
    char path[4096];
    size_t i, wrong = 0, judged = 0;
    json_t *one;
    json_error_t why;
    snprintf(path, sizeof path, "%s/%s.json", WARD_VECTORS_DIR, family);
    json_t *doc = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!doc)
        fail_msg("%s: %s", path, why.text);
    json_array_foreach(json_object_get(doc, "cases"), i, one)
    {
        int expected = (int)json_integer_value(json_object_get(one, "error"));
        int got = check(one);
        judged += got >= 0;
        if (got >= 0 && got != expected) {
            print_error("%s: %s: %d instead of %d\n", family, name_of(one), got, expected);
            wrong++;
        }
    }
    json_decref(doc);
    assert_true(judged > 0);
    assert_int_equal(wrong, 0);
}

#endif
