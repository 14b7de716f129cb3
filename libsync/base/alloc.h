/* alloc.h - memory comes from outside (ward_env); these are the only calls for it. Not thread-safe by themselves. */
#ifndef WARD_ALLOC_H
#define WARD_ALLOC_H

#include <stddef.h>

struct ward_env;

/* size bytes, zeroed; NULL if there is no memory. size 0 gives NULL. */
void *ward_alloc(const struct ward_env *env, size_t size);
/* p grown or shrunk; p stays valid on failure (NULL). New bytes are not zeroed. */
void *ward_realloc(const struct ward_env *env, void *p, size_t size);
void ward_release(const struct ward_env *env, void *p);
/* Makes room for one more of `size`-byte items in a growing array: doubles *items when count reaches *cap. 0 or WARD_ERR_MEMORY. */
int ward_grow(const struct ward_env *env, void **items, size_t *cap, size_t count, size_t size);

#endif
