/* platform.h - what differs between operating systems: clocks, randomness, files, locks. All POSIX of the library stands in platform*.c. */
#ifndef WARD_PLATFORM_H
#define WARD_PLATFORM_H

#include "wardsync.h"

/* malloc, the system's clocks, libsodium's randomness. */
const struct ward_env *ward_platform_env(void);

/* What the errno of a failed write means: WARD_ERR_DISK_FULL, WARD_ERR_HOME_READONLY, WARD_ERR_IO. */
int ward_file_fail(struct ward_error *err, const char *what, const char *path, int number);
/* A secret file: regular, not a link, owned by us, mode 0600, else WARD_ERR_KEY_MODE; WARD_ERR_KEY_MISSING. */
int ward_file_read_secret(const char *path, uint8_t *out, size_t len_max, size_t *len, struct ward_error *err);

/* Written to a temporary name beside it, flushed, renamed over path, the directory flushed. mode 0600 or 0644. */
int ward_file_write(const char *path, const void *p, size_t len, unsigned mode, struct ward_error *err);

/* A name for a file that is to become path: beside it, new, ending in ".tmp"; ward_file_rename puts it in place. Those that were left there
 * by whoever was cut off before are removed: nobody has them locked. */
#define WARD_PATH_MAX 4096
int ward_file_temporary(char out[WARD_PATH_MAX], const char *path, struct ward_error *err);
/* In place of what is there, if anything; durable on return. */
int ward_file_rename(const char *from, const char *to, struct ward_error *err);
/* Durable removal. What is not there is no error. */
int ward_file_delete(const char *path, struct ward_error *err);

/* Streams to a temporary name beside path; nothing is at path until finish, which flushes, reads all back and compares its
 * BLAKE2b, and renames. abandon removes it. Both free f, finish also where it fails (nothing is left then). WARD_ERR_DISK_FULL,
 * WARD_ERR_IO, WARD_ERR_HOME_READONLY. */
struct ward_file_out;
int ward_file_out_open(const struct ward_env *env, const char *path, struct ward_file_out **out, struct ward_error *err);
int ward_file_out_write(struct ward_file_out *f, const void *p, size_t len, struct ward_error *err);
int ward_file_out_finish(struct ward_file_out *f, struct ward_error *err);
void ward_file_out_abandon(struct ward_file_out *f);

struct ward_file_in;
int ward_file_in_open(const struct ward_env *env, const char *path, struct ward_file_in **out, uint64_t *size, struct ward_error *err);
/* Up to len bytes; *got 0 at the end. */
int ward_file_in_read(struct ward_file_in *f, void *p, size_t len, size_t *got, struct ward_error *err);
int ward_file_in_rewind(struct ward_file_in *f, struct ward_error *err);
void ward_file_in_close(struct ward_file_in *f);

/* A directory of mode 0700 is there afterwards; *made tells whether it is new. Its parent must exist or is made too.
 * One that was there and is not empty keeps its mode. */
int ward_dir_make(const char *path, bool *made, struct ward_error *err);
bool ward_dir_exists(const char *path);
bool ward_dir_is_empty(const char *path);
/* Names in it, in no order, until fn gives false. */
typedef bool ward_dir_fn(void *ctx, const char *name);
void ward_dir_each(const char *path, ward_dir_fn *fn, void *ctx);
bool ward_file_exists(const char *path);
/* Who may do what with it. False: nothing is there. */
struct ward_file_rights {
    bool own; /* it belongs to this user */
    bool directory, link;
    unsigned mode; /* the last nine bits */
    bool writable; /* by this process */
};
bool ward_file_rights(const char *path, struct ward_file_rights *out);
int ward_file_set_mode(const char *path, unsigned mode, struct ward_error *err);
void ward_file_remove(const char *path); /* as far as it can be; see ward_file_delete */
/* Removes what writes of this file that were broken off have left beside it: nobody has it locked. */
void ward_file_sweep(const char *path);
/* Refuses directories on network file systems (no WAL there): WARD_ERR_NETWORK_FS. */
int ward_dir_check_local(const char *path, struct ward_error *err);

/* An exclusive lock between processes on a file, held until released. Waits up to timeout_ms: WARD_ERR_BUSY. */
struct ward_lock {
    int fd;
};
int ward_lock_open(struct ward_lock *lock, const char *path, struct ward_error *err);
int ward_lock_take(struct ward_lock *lock, int timeout_ms, struct ward_error *err);
void ward_lock_release(struct ward_lock *lock);
void ward_lock_close(struct ward_lock *lock);

/* No core dumps from a process that holds keys; more descriptors for a hub. Best effort. */
void ward_process_harden(void);
void ward_process_raise_descriptors(void);

#endif
