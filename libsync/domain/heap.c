#include "domain/heap.h"

#include <stdlib.h>

#include "wardsync.h"

static void *heap_alloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, size);
}

const struct ward_env plan_heap = {.alloc = heap_alloc};
