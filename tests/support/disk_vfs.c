/* disk_vfs.c - SQLite on the disks of memory: files, their locks, and the shared memory of write-ahead logs. */
#include "disk_inside.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR    512
#define FIRST_DAY (INT64_C(2460000) * 86400000) /* ms of the Julian calendar: early in 2023 */
#define SEED      0x77617264u
#define JOURNALS  (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL)
#define LOCKS(mask)                                                                                                                        \
    for (int i = 0; i < DISK_SHM_LOCKS; i++)                                                                                               \
        if ((mask) & (1u << i))

struct vfs_file {
    sqlite3_file base;
    struct disk_file f;
    int level;       /* SQLITE_LOCK_... */
    bool name_new;   /* a journal that may be new: its name must be durable before what it holds counts */
    bool dies;       /* deleted on close */
    bool mapped;     /* uses f.node->shm */
    unsigned shared; /* which of SQLite's shared-memory locks this one holds */
    unsigned exclusive;
};

static struct {
    sqlite3_vfs vfs;
    uint64_t dice;
    int64_t slept_us;
    int last_error;
} world;

/* ---------------------------------------------------------------- files */

static struct vfs_file *of(sqlite3_file *file)
{
    return (struct vfs_file *)(void *)file;
}

static int io(int number, int code)
{
    world.last_error = number ? number : world.last_error;
    return !number ? SQLITE_OK : number == ENOSPC ? SQLITE_FULL : code;
}

static int file_read(sqlite3_file *file, void *p, int len, sqlite3_int64 at)
{
    size_t got;
    if (disk_read(&of(file)->f, p, (size_t)len, (uint64_t)at, &got))
        return SQLITE_IOERR_READ;
    if (got == (size_t)len)
        return SQLITE_OK;
    memset((uint8_t *)p + got, 0, (size_t)len - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *p, int len, sqlite3_int64 at)
{
    return io(disk_write(&of(file)->f, p, (size_t)len, (uint64_t)at), SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    return io(disk_truncate(&of(file)->f, (uint64_t)len), SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (disk_sync(&of(file)->f))
        return SQLITE_IOERR_FSYNC;
    if (of(file)->name_new && disk_sync_parent(of(file)->f.path))
        return SQLITE_IOERR_DIR_FSYNC;
    of(file)->name_new = false;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    uint64_t len;
    if (disk_size(&of(file)->f, &len))
        return SQLITE_IOERR_FSTAT;
    *out = (sqlite3_int64)len;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    const struct vfs_file *v = of(file);
    if (op != SQLITE_FCNTL_HAS_MOVED)
        return SQLITE_NOTFOUND;
    *(int *)arg = disk_find(v->f.disk, v->f.path) != v->f.node;
    return SQLITE_OK;
}

static int sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR;
}

/* Nothing: no atomic write, no order, no sector that survives its own writing. */
static int characteristics(sqlite3_file *file)
{
    (void)file;
    return 0;
}

/* ---------------------------------------------------------------- locks on files */

static int ask_lock(struct vfs_file *v)
{
    switch (disk_ask(v->f.disk, DISK_LOCK, v->f.path, 0, 0)) {
    case DISK_OK:
        return SQLITE_OK;
    case DISK_BUSY:
        return SQLITE_BUSY;
    default:
        return SQLITE_IOERR_LOCK;
    }
}

static int take_shared(struct vfs_file *v)
{
    struct node *n = v->f.node;
    if (n->waiting || n->exclusive)
        return SQLITE_BUSY;
    n->readers++;
    v->level = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
}

static int take_reserved(struct vfs_file *v)
{
    struct node *n = v->f.node;
    if (n->reserved || n->waiting || n->exclusive)
        return SQLITE_BUSY;
    n->reserved = v;
    v->level = SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

static int take_exclusive(struct vfs_file *v)
{
    struct node *n = v->f.node;
    if ((n->reserved && n->reserved != v) || (n->waiting && n->waiting != v) || n->exclusive)
        return SQLITE_BUSY;
    n->waiting = v; /* no new readers meanwhile */
    v->level = SQLITE_LOCK_PENDING;
    if (n->readers > 1)
        return SQLITE_BUSY;
    n->exclusive = v;
    v->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    struct vfs_file *v = of(file);
    if (v->level >= level)
        return SQLITE_OK;
    int rc = ask_lock(v);
    if (rc)
        return rc;
    if (level == SQLITE_LOCK_SHARED)
        return take_shared(v);
    return level == SQLITE_LOCK_RESERVED ? take_reserved(v) : take_exclusive(v);
}

static int file_unlock(sqlite3_file *file, int level)
{
    struct vfs_file *v = of(file);
    struct node *n = v->f.node;
    if (v->level <= level)
        return SQLITE_OK;
    n->reserved = n->reserved == v ? NULL : n->reserved;
    n->waiting = n->waiting == v ? NULL : n->waiting;
    n->exclusive = n->exclusive == v ? NULL : n->exclusive;
    if (level == SQLITE_LOCK_NONE)
        n->readers--;
    v->level = level;
    return SQLITE_OK;
}

static int check_reserved(sqlite3_file *file, int *out)
{
    const struct node *n = of(file)->f.node;
    *out = n->reserved || n->waiting || n->exclusive;
    return SQLITE_OK;
}

/* ---------------------------------------------------------------- shared memory */

static struct disk_shm *shm_of(struct vfs_file *v)
{
    struct node *n = v->f.node;
    if (!n->shm) {
        n->shm = disk_memory(NULL, sizeof *n->shm);
        *n->shm = (struct disk_shm){0};
    }
    if (!v->mapped) {
        v->mapped = true;
        n->shm->users++;
    }
    return n->shm;
}

static int shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    struct vfs_file *v = of(file);
    *out = NULL;
    enum disk_answer answer = disk_ask(v->f.disk, DISK_MAP, v->f.path, (uint64_t)region * (uint64_t)size, (size_t)size);
    if (answer != DISK_OK)
        return answer == DISK_NO_SPACE ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMMAP;
    struct disk_shm *shm = shm_of(v);
    if (region >= DISK_SHM_REGIONS)
        return SQLITE_IOERR_SHMSIZE;
    if (!shm->regions[region] && extend) {
        shm->regions[region] = disk_memory(NULL, (size_t)size);
        memset(shm->regions[region], 0, (size_t)size);
    }
    *out = shm->regions[region];
    return SQLITE_OK;
}

static void shm_release(struct vfs_file *v, unsigned mask)
{
    struct disk_shm *shm = v->f.node->shm;
    LOCKS(mask & v->shared)
    shm->readers[i]--;
    LOCKS(mask & v->exclusive)
    shm->writer[i] = NULL;
    v->shared &= ~mask;
    v->exclusive &= ~mask;
}

static bool shm_is_free(const struct vfs_file *v, unsigned mask, bool shared)
{
    const struct disk_shm *shm = v->f.node->shm;
    LOCKS(mask)
    if ((shm->writer[i] && shm->writer[i] != v) || (!shared && shm->readers[i] > ((v->shared >> i) & 1u)))
        return false;
    return true;
}

static int shm_lock(sqlite3_file *file, int first, int count, int flags)
{
    struct vfs_file *v = of(file);
    struct disk_shm *shm = shm_of(v);
    unsigned mask = ((1u << count) - 1) << first;
    if (flags & SQLITE_SHM_UNLOCK) {
        shm_release(v, mask);
        return SQLITE_OK;
    }
    int rc = ask_lock(v);
    if (rc)
        return rc == SQLITE_BUSY ? rc : SQLITE_IOERR_SHMLOCK;
    bool shared = flags & SQLITE_SHM_SHARED;
    if (!shm_is_free(v, mask, shared))
        return SQLITE_BUSY;
    if (shared) {
        LOCKS(mask & ~v->shared)
        shm->readers[i]++;
        v->shared |= mask;
    } else {
        LOCKS(mask)
        shm->writer[i] = v;
        v->exclusive |= mask;
    }
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *file)
{
    (void)file;
}

/* Gone with its last user, as a program finds it after a restart: it is made anew from the log. */
static int shm_unmap(sqlite3_file *file, int remove)
{
    struct vfs_file *v = of(file);
    struct disk_shm *shm = v->f.node->shm;
    (void)remove;
    if (!v->mapped)
        return SQLITE_OK;
    shm_release(v, ~0u);
    v->mapped = false;
    if (--shm->users == 0) {
        for (size_t i = 0; i < DISK_SHM_REGIONS; i++)
            free(shm->regions[i]);
        free(shm);
        v->f.node->shm = NULL;
    }
    return SQLITE_OK;
}

/* ---------------------------------------------------------------- opening and names */

static int file_close(sqlite3_file *file)
{
    struct vfs_file *v = of(file);
    shm_unmap(file, 0);
    file_unlock(file, SQLITE_LOCK_NONE);
    if (v->dies)
        disk_remove(v->f.path);
    disk_close(&v->f);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = check_reserved,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
    struct vfs_file *v = of(file);
    bool made = false;
    unsigned how = (flags & SQLITE_OPEN_CREATE ? DISK_CREATE : 0u) | (flags & SQLITE_OPEN_EXCLUSIVE ? DISK_EXCLUSIVE : 0u);
    (void)vfs;
    *v = (struct vfs_file){0};
    int number = path ? disk_open(&v->f, path, how, 0644, &made) : EINVAL; /* temporary files: the library keeps them in memory */
    if (number) {
        world.last_error = number;
        return SQLITE_CANTOPEN;
    }
    v->base.pMethods = &methods;
    v->name_new = (flags & SQLITE_OPEN_CREATE) && (flags & JOURNALS); /* whoever made it: so does the VFS for unix */
    v->dies = flags & SQLITE_OPEN_DELETEONCLOSE;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    (void)vfs;
    int rc = disk_remove(path);
    if (rc)
        return rc == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    return sync_dir && disk_sync_parent(path) ? SQLITE_IOERR_DIR_FSYNC : SQLITE_OK;
}

/* As on POSIX, an empty file is as good as none. */
static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    struct disk *d = disk_of(path);
    (void)vfs;
    *out = 0;
    if (d && disk_ask(d, DISK_SIZE, path, 0, 0) != DISK_OK)
        return SQLITE_IOERR_ACCESS;
    const struct node *n = d ? disk_find(d, path) : NULL;
    *out = n && (flags != SQLITE_ACCESS_EXISTS || n->is_dir || n->data.len > 0);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    int n = snprintf(out, (size_t)size, "%s", path);
    return n >= 0 && n < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    for (int i = 0; i < len; i++) {
        world.dice = world.dice * 6364136223846793005u + 1442695040888963407u;
        out[i] = (char)(world.dice >> 56);
    }
    return len;
}

/* Nobody else runs meanwhile, so nothing is waited for; only the clock goes on. */
static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    world.slept_us += us;
    return us;
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = FIRST_DAY + world.slept_us / 1000;
    return SQLITE_OK;
}

static int vfs_time_double(sqlite3_vfs *vfs, double *out)
{
    sqlite3_int64 ms;
    vfs_time(vfs, &ms);
    *out = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs, (void)len, (void)out;
    return world.last_error;
}

void disk_vfs_register(void)
{
    world.dice = SEED;
    world.slept_us = 0;
    sqlite3_initialize();
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, SEED, NULL); /* the salts of logs come from one generator for all VFS */
    if (world.vfs.zName)
        return;
    world.vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = DISK_PATH_MAX - 1,
        .zName = DISK_VFS,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time_double,
        .xCurrentTimeInt64 = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    if (sqlite3_vfs_register(&world.vfs, 0) != SQLITE_OK)
        abort();
}
