/* disk_inside.h - what disk.c, disk_vfs.c and platform_disk.c share: files as nodes, handles, and calls that answer with an errno. */
#ifndef WARD_TEST_DISK_INSIDE_H
#define WARD_TEST_DISK_INSIDE_H

#include "disk.h"

#define DISK_PATH_MAX    512
#define DISK_SHM_LOCKS   8
#define DISK_SHM_REGIONS 64

struct bytes {
    uint8_t *p;
    size_t len, cap;
};

/* Of one database: the regions, and who holds which of SQLite's eight locks. */
struct disk_shm {
    size_t users;
    uint8_t *regions[DISK_SHM_REGIONS];
    size_t readers[DISK_SHM_LOCKS];
    const void *writer[DISK_SHM_LOCKS];
};

/* A file or directory; it has one name or, when it was removed, none. */
struct node {
    char *name; /* below the mount: "/replica.db" */
    struct bytes data;
    unsigned mode;
    bool is_dir;
    size_t users;   /* open handles */
    size_t pending; /* unsynced operations on it */
    size_t twin;    /* its place in the image that is being made */
    /* disk_vfs.c: who holds SQLite's file locks */
    size_t readers;
    const void *reserved, *waiting, *exclusive;
    struct disk_shm *shm;
    /* platform_disk.c: who holds the library's own lock */
    const void *owner;
};

struct disk_file {
    struct disk *disk;
    struct node *node;
    const char *path; /* the opener's, not a copy */
};

void *disk_memory(void *p, size_t size); /* realloc that does not fail; size > 0 */
struct disk *disk_of(const char *path);  /* NULL: no disk is mounted there */
/* Counts the call and asks whether it fails. */
enum disk_answer disk_ask(struct disk *d, enum disk_op op, const char *path, uint64_t at, size_t len);
int disk_errno(enum disk_answer answer); /* 0, EIO, ENOSPC, EAGAIN */

struct node *disk_find(struct disk *d, const char *path);
bool disk_is_dir(const char *path); /* a mount is one */

/* Each asks first; 0 or an errno. */
enum disk_open_flags { DISK_CREATE = 1, DISK_EXCLUSIVE = 2 };
int disk_open(struct disk_file *f, const char *path, unsigned flags, unsigned mode, bool *made);
int disk_read(const struct disk_file *f, void *p, size_t len, uint64_t at, size_t *got);
int disk_write(const struct disk_file *f, const void *p, size_t len, uint64_t at);
int disk_truncate(const struct disk_file *f, uint64_t len);
int disk_sync(const struct disk_file *f);
int disk_size(const struct disk_file *f, uint64_t *out);
void disk_close(struct disk_file *f); /* always works */
int disk_sync_parent(const char *path);
int disk_remove(const char *path);
int disk_rename(const char *from, const char *to);
int disk_make_dir(const char *path);

void disk_vfs_register(void); /* once; and SQLite's randomness begins anew */

#endif
