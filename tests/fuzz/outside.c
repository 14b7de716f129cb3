#include "outside.h"
#include "disk.h"

#include <sqlite3.h>

static struct {
    int64_t ms;
    uint64_t random;
} outside;

static int64_t next_ms(void *ctx)
{
    (void)ctx;
    return outside.ms += 10;
}

static int next_random(void *ctx, void *p, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        outside.random = outside.random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)p)[i] = (uint8_t)(outside.random >> 56);
    }
    return 0;
}

const struct ward_env fuzz_outside = {.alloc = fuzz_alloc, .wall_ms = next_ms, .mono_ms = next_ms, .random = next_random};

void fuzz_outside_set(uint64_t seed)
{
    outside.ms = 1750000000000;
    outside.random = seed;
}

/* ---- memory of SQLite's, which is not under test: pieces of a power of two, kept for the next one of their size */

#define SMALLEST 32u
static void *spare[26];

static unsigned class_of(int size)
{
    unsigned n = 0;
    while ((SMALLEST << n) - 16 < (unsigned)size)
        n++;
    return n;
}

static int piece_size(void *p)
{
    unsigned n;
    memcpy(&n, (uint8_t *)p - 16, sizeof n);
    return (int)((SMALLEST << n) - 16);
}

static void *piece_take(int size)
{
    unsigned n = class_of(size);
    uint8_t *p = spare[n];
    if (p)
        memcpy(&spare[n], p + 16, sizeof spare[n]);
    else
        p = malloc(SMALLEST << n);
    CHECK(p);
    memcpy(p, &n, sizeof n);
    return p + 16;
}

static void piece_give(void *p)
{
    uint8_t *whole = (uint8_t *)p - 16;
    unsigned n = class_of(piece_size(p));
    memcpy(whole + 16, &spare[n], sizeof spare[n]);
    spare[n] = whole;
}

static void *piece_grow(void *p, int size)
{
    if (size <= piece_size(p))
        return p;
    void *more = piece_take(size);
    memcpy(more, p, (size_t)piece_size(p));
    piece_give(p);
    return more;
}

static int piece_round(int size)
{
    return (int)((SMALLEST << class_of(size)) - 16);
}

static int nothing(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void nothing_more(void *ctx)
{
    (void)ctx;
}

static const sqlite3_mem_methods pieces = {piece_take, piece_give, piece_grow, piece_size, piece_round, nothing, nothing_more, NULL};

void fuzz_outside_begin(void)
{
    CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &pieces) == SQLITE_OK && sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK &&
          sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK);
    outside.ms = 1740000000000;
    outside.random = 1;
    disk_platform_env(&fuzz_outside);
}
