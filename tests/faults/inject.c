/* inject.c - the doors by which faults come in: the disk's, ward_env's, and the allocators of the libraries below. jansson's is left
 * alone: it calls a text malformed when it has no memory for a token. */
#include "inject.h"
#include "domain/heap.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

static struct {
    enum family family;
    uint64_t at, count;
    bool armed, on;
    int paused;
    sqlite3_mem_methods memory;
} inject;

const char *family_name(enum family f)
{
    static const char *const names[FAULTS] = {"crash", "memory", "sqlite", "other", "io", "full", "busy"};
    return names[f];
}

static bool strikes(enum family family)
{
    if (!inject.armed || inject.paused || inject.family != family)
        return false;
    inject.count++;
    return inject.on ? inject.count >= inject.at : inject.count == inject.at;
}

bool inject_memory(void)
{
    return strikes(FAULT_MEMORY);
}

static void *sqlite_malloc(int size)
{
    return strikes(FAULT_SQLITE) ? NULL : inject.memory.xMalloc(size);
}

static void *sqlite_realloc(void *p, int size)
{
    return strikes(FAULT_SQLITE) ? NULL : inject.memory.xRealloc(p, size);
}

/* The linker leads whoever uses these names here (--wrap). */
void *__real_sodium_malloc(size_t size);
void *__wrap_sodium_malloc(size_t size);
ZSTD_CCtx *__real_ZSTD_createCCtx(void);
ZSTD_CCtx *__wrap_ZSTD_createCCtx(void);
ZSTD_DCtx *__real_ZSTD_createDCtx(void);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);

void *__wrap_sodium_malloc(size_t size)
{
    return strikes(FAULT_OTHER) ? NULL : __real_sodium_malloc(size);
}

ZSTD_CCtx *__wrap_ZSTD_createCCtx(void)
{
    return strikes(FAULT_OTHER) ? NULL : __real_ZSTD_createCCtx();
}

ZSTD_DCtx *__wrap_ZSTD_createDCtx(void)
{
    return strikes(FAULT_OTHER) ? NULL : __real_ZSTD_createDCtx();
}

/* In place of domain/heap.c: the C library's memory. */
static void *domain_memory(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size)
        return strikes(FAULT_OTHER) ? NULL : realloc(p, size);
    free(p);
    return NULL;
}
const struct ward_env plan_heap = {.alloc = domain_memory};

void inject_start(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &inject.memory) != SQLITE_OK)
        abort();
    sqlite3_mem_methods ours = inject.memory;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    /* Without lookaside every allocation comes by here. */
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK || sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
        abort();
}

static bool changes_disk(enum disk_op op)
{
    return op == DISK_WRITE || op == DISK_TRUNCATE || op == DISK_SYNC || op == DISK_SYNC_DIR || op == DISK_DELETE || op == DISK_RENAME;
}

static bool needs_room(enum disk_op op)
{
    return op == DISK_WRITE || op == DISK_MAP;
}

static enum disk_answer on_call(void *ctx, const struct disk_call *call)
{
    (void)ctx;
    switch (inject.family) {
    case FAULT_CRASH:
        return changes_disk(call->op) && strikes(FAULT_CRASH) ? DISK_CUT : DISK_OK;
    case FAULT_IO:
        return strikes(FAULT_IO) ? DISK_FAIL : DISK_OK;
    case FAULT_FULL:
        return needs_room(call->op) && strikes(FAULT_FULL) ? DISK_NO_SPACE : DISK_OK;
    case FAULT_BUSY:
        return call->op == DISK_LOCK && strikes(FAULT_BUSY) ? DISK_BUSY : DISK_OK;
    default:
        return DISK_OK;
    }
}

void inject_arm(struct disk *d, enum family family, uint64_t at, bool on)
{
    inject.family = family;
    inject.at = at;
    inject.count = 0;
    inject.on = on;
    inject.paused = 0;
    inject.armed = true;
    disk_on_call(d, on_call, NULL);
}

uint64_t inject_disarm(struct disk *d)
{
    inject.armed = false;
    disk_on_call(d, NULL, NULL);
    return inject.count;
}

void inject_pause(void)
{
    inject.paused++;
}

void inject_resume(void)
{
    inject.paused--;
}
