/* guarded.c - stands before libsodium's guarded memory, which each opening of a home takes for its keys and gives back: a mapping made,
 * locked and unmapped again was a twentieth of the simulator's time. A block that is given back waits for the next one of its length, with
 * its guard pages, and meanwhile nobody can touch it, as if it were gone. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS  64   /* more are taken and given back as ever */
#define GARBAGE 0xdb /* what libsodium fills a block with */

static struct block {
    void *p; /* NULL: no block yet */
    size_t size;
    int taken;
} blocks[BLOCKS];

/* dlsym gives functions as object pointers. */
static void original(void *function, const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);
    if (!p)
        abort();
    memcpy(function, &p, sizeof p);
}

__attribute__((visibility("default"))) void *sodium_malloc(size_t size)
{
    void *(*get)(size_t);
    struct block *spare = NULL;
    for (size_t i = 0; i < BLOCKS; i++) {
        struct block *b = &blocks[i];
        if (b->p && !b->taken && b->size == size) {
            b->taken = 1;
            if (sodium_mprotect_readwrite(b->p))
                abort();
            memset(b->p, GARBAGE, size);
            return b->p;
        }
        spare = !b->p && !spare ? b : spare;
    }
    original(&get, "sodium_malloc");
    void *p = get(size);
    if (p && spare)
        *spare = (struct block){p, size, 1};
    return p;
}

__attribute__((visibility("default"))) void sodium_free(void *p)
{
    void (*give_back)(void *);
    for (size_t i = 0; p && i < BLOCKS; i++) {
        struct block *b = &blocks[i];
        if (b->p != p)
            continue;
        sodium_memzero(p, b->size);
        if (!b->taken || sodium_mprotect_noaccess(p))
            abort();
        b->taken = 0;
        return;
    }
    original(&give_back, "sodium_free");
    give_back(p);
}
