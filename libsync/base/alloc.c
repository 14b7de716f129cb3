#include "base/alloc.h"
#include "wardsync.h"

#include <string.h>

void *ward_alloc(const struct ward_env *env, size_t size)
{
    if (size == 0)
        return NULL;
    void *p = env->alloc(env->ctx, NULL, size);
    if (p)
        memset(p, 0, size);
    return p;
}

void *ward_realloc(const struct ward_env *env, void *p, size_t size)
{
    return env->alloc(env->ctx, p, size);
}

void ward_release(const struct ward_env *env, void *p)
{
    if (p)
        env->alloc(env->ctx, p, 0);
}

int ward_grow(const struct ward_env *env, void **items, size_t *cap, size_t count, size_t size)
{
    if (count < *cap)
        return WARD_OK;
    size_t wanted = *cap ? *cap * 2 : 8;
    if (wanted > SIZE_MAX / size)
        return WARD_ERR_MEMORY;
    void *grown = ward_realloc(env, *items, wanted * size);
    if (!grown)
        return WARD_ERR_MEMORY;
    *items = grown;
    *cap = wanted;
    return WARD_OK;
}
