/* disk.h - disks made of memory that fail when told to: the ground of the simulator and of the fault tests.
 *
 * A disk has a mount ("/d0"); paths below it are its files. Two things stand on it: a SQLite VFS (DISK_VFS, for ward_options.vfs), and
 * platform_disk.c, which takes the place of the library's own platform*.c at link time, so that keys, locks and bundles live on the same
 * disk as the database. Everything is single-threaded and follows from the calls made: no clock, no real file, no randomness.
 *
 * Durability is modelled as a disk without barriers has it: every write, truncation, creation, removal and renaming since the last
 * sync of that file (for names: of its directory) is pending, and a power cut may keep, lose, tear (in sectors of 512 bytes) or
 * reorder each of them. What was synced stays.
 */
#ifndef WARD_TEST_DISK_H
#define WARD_TEST_DISK_H

#include "wardsync.h"

#define DISK_VFS "ward-disk"

struct disk;

enum disk_op {
    DISK_OPEN,
    DISK_READ,
    DISK_WRITE,
    DISK_TRUNCATE,
    DISK_SYNC,
    DISK_SYNC_DIR,
    DISK_DELETE,
    DISK_RENAME,
    DISK_SIZE,
    DISK_LOCK, /* SQLite's file and shared-memory locks, and the library's own lock */
    DISK_MAP,  /* shared memory */
    DISK_OPS
};
const char *disk_op_name(enum disk_op op);

struct disk_call {
    enum disk_op op;
    const char *path; /* whole, with the mount */
    uint64_t at;
    size_t len;
};

/* What a call is answered with. DISK_BUSY only means something for DISK_LOCK. DISK_CUT cuts the power: this call, if it writes, becomes
 * pending, and it and all later ones fail until disk_power_on. */
enum disk_answer { DISK_OK, DISK_FAIL, DISK_NO_SPACE, DISK_BUSY, DISK_CUT };
typedef enum disk_answer disk_fault_fn(void *ctx, const struct disk_call *call);

/* The VFS is registered with the first disk. Aborts where the test machine has no memory. */
struct disk *disk_new(const char *mount);
void disk_free(struct disk *d); /* no file may be open */
/* Asked before each call; NULL: nothing fails. */
void disk_on_call(struct disk *d, disk_fault_fn *fn, void *ctx);
uint64_t disk_calls(const struct disk *d, enum disk_op op); /* so far */
size_t disk_open_files(const struct disk *d);
size_t disk_bytes(const struct disk *d); /* sum of the lengths of all files */
/* At most that many bytes in all files together; beyond, writes answer "no space". 0: no limit. */
void disk_limit(struct disk *d, size_t bytes);

/* What becomes of the pending writes. DISK_MIXED takes one of the others for each of them by the seed, and reorders. */
enum disk_damage { DISK_KEEP, DISK_LOSE, DISK_TEAR, DISK_REORDER, DISK_GARBAGE, DISK_MIXED, DISK_DAMAGES };
const char *disk_damage_name(enum disk_damage damage);
void disk_power_off(struct disk *d);
bool disk_is_off(const struct disk *d);
/* Everything that had files open must have been closed (closing works without power). */
void disk_power_on(struct disk *d, enum disk_damage damage, uint64_t seed);

/* All files as a program would copy them now; put back, durable, in place of what is there. */
struct disk_image;
struct disk_image *disk_copy(const struct disk *d);
void disk_put(struct disk *d, const struct disk_image *image); /* may be another disk: a clone */
void disk_image_free(struct disk_image *image);
bool disk_image_equal(const struct disk_image *a, const struct disk_image *b);
/* What disk_power_on would leave, without doing it: many kinds of damage from one cut. */
struct disk_image *disk_survivors(const struct disk *d, enum disk_damage damage, uint64_t seed);

/* Files as bytes, past all faults. Lengths as read; NULL or false if it is not there. */
const uint8_t *disk_file(const struct disk *d, const char *path, size_t *len);
void disk_set_file(struct disk *d, const char *path, const void *p, size_t len, unsigned mode);
bool disk_flip(struct disk *d, const char *path, uint64_t at, uint8_t mask); /* false beyond the end */
/* Calls fn for each file, in order of name. */
typedef void disk_file_fn(void *ctx, const char *path, const uint8_t *p, size_t len);
void disk_each(const struct disk *d, disk_file_fn *fn, void *ctx);

/* platform_disk.c: what ward_platform_env() gives from now on (all four functions), NULL: an environment that counts upwards. */
void disk_platform_env(const struct ward_env *env);

#endif
