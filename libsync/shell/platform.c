/* platform.c - clocks, memory, randomness; locks between processes; the process itself. Files: platform_file.c. */
#define _GNU_SOURCE /* F_OFD_SETLK: locks that belong to the open file, so that two handles of one process exclude each other too */
#include "shell/platform.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LOCK_PAUSE_MIN  1      /* ms between two tries for a lock, doubled up to the next */
#define LOCK_PAUSE_MAX  10     /* a server under load leaves no longer gaps */
#define DESCRIPTORS_MAX 65536u /* a hub of 2,048 peers needs a few thousand; some systems say "unlimited" */

/* ---------------------------------------------------------------- clocks, memory, randomness */

static void *heap(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, size);
}

static int64_t clock_ms(clockid_t which)
{
    struct timespec t = {0};
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_REALTIME);
}

static int64_t mono_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_MONOTONIC);
}

static int random_bytes(void *ctx, void *out, size_t len)
{
    (void)ctx;
    if (sodium_init() < 0)
        return -1;
    randombytes_buf(out, len);
    return 0;
}

const struct ward_env *ward_platform_env(void)
{
    static const struct ward_env env = {NULL, heap, wall_ms, mono_ms, random_bytes};
    return &env;
}

/* ---------------------------------------------------------------- locks */

int ward_lock_open(struct ward_lock *lock, const char *path, struct ward_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ward_file_fail(err, "open", path, errno);
    lock->fd = fd;
    return WARD_OK;
}

static int set_lock(int fd, short type)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &whole);
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL); /* relative: no change of the wall clock touches it */
}

int ward_lock_take(struct ward_lock *lock, int timeout_ms, struct ward_error *err)
{
    int64_t deadline = mono_ms(NULL) + timeout_ms;
    int64_t pause = LOCK_PAUSE_MIN;
    while (set_lock(lock->fd, F_WRLCK) != 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return ward_fail(err, WARD_ERR_IO, "cannot lock: %s", strerror(errno));
        int64_t left = deadline - mono_ms(NULL);
        if (left <= 0)
            return ward_fail(err, WARD_ERR_BUSY, "another process has held the lock for %d ms", timeout_ms);
        pause_ms(pause < left ? pause : left);
        pause = pause * 2 < LOCK_PAUSE_MAX ? pause * 2 : LOCK_PAUSE_MAX;
    }
    return WARD_OK;
}

void ward_lock_release(struct ward_lock *lock)
{
    set_lock(lock->fd, F_UNLCK);
}

void ward_lock_close(struct ward_lock *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}

/* ---------------------------------------------------------------- the process */

void ward_process_harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0); /* the limit does not hold where cores go to a program */
}

void ward_process_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    if (limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}
