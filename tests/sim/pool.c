#include "pool.h"
#include "asan.h"
#include "disk_inside.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef WITH_ASAN
#define LARGE 0u
#else
#define LARGE (128u << 10) /* beyond it each block is the system's own */
#endif
#define FINE   16u /* sizes are multiples of it up to a coarse step, then of that */
#define COARSE 1024u
#define ROWS   (COARSE / FINE + (128u << 10) / COARSE + 1)
#define CHUNK  ((size_t)1 << 20)

struct block {          /* stands before what is given out */
    size_t size;        /* as asked for */
    struct block *next; /* while it waits */
};
_Static_assert(sizeof(struct block) == FINE, "what is given out is aligned as malloc's is");

static struct {
    struct block *waiting[ROWS];
    uint8_t *chunk;
    size_t left;
} pool;

static size_t round_up(size_t size)
{
    size_t step = size <= COARSE ? FINE : COARSE;
    return (size + step - 1) & ~(step - 1);
}

static size_t row_of(size_t room)
{
    return room <= COARSE ? room / FINE : COARSE / FINE + room / COARSE;
}

static struct block *cut(size_t room)
{
    if (pool.left < sizeof(struct block) + room) {
        pool.chunk = disk_memory(NULL, CHUNK);
        pool.left = CHUNK;
    }
    pool.left -= sizeof(struct block) + room;
    return (struct block *)(void *)(pool.chunk + pool.left);
}

void *pool_take(size_t size)
{
    size_t room = round_up(size);
    struct block **waiting = room <= LARGE ? &pool.waiting[row_of(room)] : NULL, *b = waiting ? *waiting : NULL;
    if (b) {
        *waiting = b->next;
        __builtin_prefetch(b->next); /* it lies somewhere else, and is likely to be asked for soon */
    } else {
        b = waiting ? cut(room) : disk_memory(NULL, sizeof *b + size);
    }
    b->size = size;
    return b + 1;
}

void pool_give(void *p)
{
    struct block *b = p ? (struct block *)p - 1 : NULL;
    size_t room = b ? round_up(b->size) : 0;
    if (!b)
        return;
    if (room > LARGE) {
        free(b);
        return;
    }
    struct block **waiting = &pool.waiting[row_of(room)];
    b->next = *waiting;
    *waiting = b;
}

size_t pool_size(const void *p)
{
    return ((const struct block *)p - 1)->size;
}

void *pool_resize(void *p, size_t size)
{
    size_t before = p ? pool_size(p) : 0;
    if (p && round_up(size) == round_up(before) &&
        round_up(size) <= LARGE) { /* with a sanitizer all move, so that it sees who forgets it */
        ((struct block *)p - 1)->size = size;
        return p;
    }
    void *q = pool_take(size);
    if (p)
        memcpy(q, p, before < size ? before : size);
    pool_give(p);
    return q;
}
