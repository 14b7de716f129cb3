#include "base/arena.h"
#include "base/alloc.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#define BLOCK_BYTES 65536u
#define ALIGNED     alignof(uint64_t)

struct ward_arena_block {
    struct ward_arena_block *next;
    size_t size, used;
    alignas(ALIGNED) uint8_t bytes[];
};

void ward_arena_init(struct ward_arena *a, const struct ward_env *env)
{
    *a = (struct ward_arena){.env = env};
}

static struct ward_arena_block *grow(struct ward_arena *a, size_t size)
{
    size_t bytes = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct ward_arena_block *b = ward_realloc(a->env, NULL, sizeof *b + bytes);
    if (!b)
        return NULL;
    b->next = a->blocks;
    b->size = bytes;
    b->used = 0;
    a->blocks = b;
    return b;
}

static void *reserve(struct ward_arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t rounded = (size + ALIGNED - 1) / ALIGNED * ALIGNED;
    struct ward_arena_block *b = a->blocks;
    if (!b || b->size - b->used < rounded)
        b = grow(a, rounded);
    if (!b)
        return NULL;
    void *p = b->bytes + b->used;
    b->used += rounded;
    a->used += rounded;
    return p;
}

void *ward_arena_take(struct ward_arena *a, size_t size)
{
    void *p = reserve(a, size);
    return p ? memset(p, 0, size) : NULL;
}

void *ward_arena_copy(struct ward_arena *a, const void *p, size_t size)
{
    void *out = reserve(a, size ? size : 1);
    if (out && size)
        memcpy(out, p, size);
    return out;
}

void ward_arena_reset(struct ward_arena *a)
{
    while (a->blocks && a->blocks->next) {
        struct ward_arena_block *b = a->blocks;
        a->blocks = b->next;
        ward_release(a->env, b);
    }
    if (a->blocks)
        a->blocks->used = 0;
    a->used = 0;
}

void ward_arena_free(struct ward_arena *a)
{
    ward_arena_reset(a);
    ward_release(a->env, a->blocks);
    a->blocks = NULL;
}
