/* arena.h - memory for things that end together: taken piece by piece, given back at once. */
#ifndef WARD_ARENA_H
#define WARD_ARENA_H

#include <stddef.h>

struct ward_env;
struct ward_arena_block;

struct ward_arena {
    const struct ward_env *env;
    struct ward_arena_block *blocks; /* the newest first */
    size_t used;                     /* bytes handed out since the last reset */
};

void ward_arena_init(struct ward_arena *a, const struct ward_env *env);
void *ward_arena_take(struct ward_arena *a, size_t size); /* aligned for pointers and 64 bits, zeroed; NULL if there is no memory */
void *ward_arena_copy(struct ward_arena *a, const void *p, size_t size);
void ward_arena_reset(struct ward_arena *a); /* keeps one block */
void ward_arena_free(struct ward_arena *a);

#endif
