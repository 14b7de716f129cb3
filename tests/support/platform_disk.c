/* platform_disk.c - the library's platform.h over disks of memory: the same contract, errors and order of calls as platform*.c. */
#include "base/alloc.h"
#include "base/err.h"
#include "disk_inside.h"
#include "shell/platform.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK          65536u
#define LOCKS_MAX      4096
#define FIRST_MS       1750000000000
#define SUM_OF_NOTHING 0xcbf29ce484222325u

/* ---------------------------------------------------------------- environment */

static struct {
    struct ward_env env;
    int64_t ms;
    uint64_t random;
    struct disk_file locks[LOCKS_MAX]; /* of ward_lock, by its fd */
} world;

static void *count_alloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}

static int64_t count_ms(void *ctx)
{
    (void)ctx;
    return world.ms++;
}

static int count_random(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        world.random = world.random * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(world.random >> 56);
    }
    return 0;
}

void disk_platform_env(const struct ward_env *env)
{
    static const struct ward_env counting = {NULL, count_alloc, count_ms, count_ms, count_random};
    world.env = env ? *env : counting;
    world.ms = FIRST_MS;
    world.random = 1;
}

const struct ward_env *ward_platform_env(void)
{
    return &world.env;
}

void ward_process_harden(void) {}

void ward_process_raise_descriptors(void) {}

/* ---------------------------------------------------------------- errors */

int ward_file_fail(struct ward_error *err, const char *what, const char *path, int number)
{
    int code = number == ENOSPC ? WARD_ERR_DISK_FULL : number == EROFS || number == EACCES ? WARD_ERR_HOME_READONLY : WARD_ERR_IO;
    return ward_fail(err, code, "cannot %s %s: %s", what, path, strerror(number));
}

static int fail_read(struct ward_error *err, const char *what, const char *path, int number)
{
    int code = number == ENOENT ? WARD_ERR_NOT_FOUND : WARD_ERR_IO;
    return ward_fail(err, code, "cannot %s %s: %s", what, path, strerror(number));
}

/* ---------------------------------------------------------------- secrets */

static int read_secret(const struct disk_file *f, uint8_t *out, size_t len_max, size_t *len, struct ward_error *err)
{
    uint64_t size;
    if ((f->node->mode & 07777) != 0600)
        return ward_fail(err, WARD_ERR_KEY_MODE, "%s has mode %04o; mend it with: chmod 600 '%s'", f->path, f->node->mode, f->path);
    int number = disk_size(f, &size);
    if (!number && size > len_max)
        return ward_fail(err, WARD_ERR_KEY_FILE, "%s is longer than a key file", f->path);
    if (!number)
        number = disk_read(f, out, len_max, 0, len);
    return number ? ward_fail(err, WARD_ERR_IO, "cannot read %s: %s", f->path, strerror(number)) : WARD_OK;
}

int ward_file_read_secret(const char *path, uint8_t *out, size_t len_max, size_t *len, struct ward_error *err)
{
    struct disk_file f;
    bool made;
    int number = disk_open(&f, path, 0, 0, &made);
    if (number == ENOENT)
        return ward_fail(err, WARD_ERR_KEY_MISSING, "%s is not there", path);
    if (number == EISDIR)
        return ward_fail(err, WARD_ERR_KEY_MODE, "%s is not a regular file", path);
    if (number)
        return ward_fail(err, WARD_ERR_IO, "cannot open %s: %s", path, strerror(number));
    int rc = read_secret(&f, out, len_max, len, err);
    if (rc)
        sodium_memzero(out, len_max);
    disk_close(&f);
    return rc;
}

/* ---------------------------------------------------------------- writing */

/* Names are gathered first: fn may remove files. */
struct listing {
    const char *dir;
    char name[32][DISK_PATH_MAX];
    size_t count;
};

static void list(void *ctx, const char *path, const uint8_t *p, size_t len)
{
    struct listing *s = ctx;
    size_t n = strlen(s->dir);
    (void)p, (void)len;
    if (strncmp(path, s->dir, n) == 0 && path[n] == '/' && s->count < sizeof s->name / sizeof s->name[0])
        snprintf(s->name[s->count++], DISK_PATH_MAX, "%s", path + n + 1);
}

void ward_dir_each(const char *path, ward_dir_fn *fn, void *ctx)
{
    struct listing s = {.dir = path};
    if (disk_is_dir(path))
        disk_each(disk_of(path), list, &s);
    for (size_t i = 0; i < s.count && fn(ctx, s.name[i]); i++)
        ;
}

/* What nobody has open was left by whoever was cut off. */
static bool remove_stale(void *ctx, const char *name)
{
    const char *path = ctx, *base = strrchr(path, '/') + 1;
    char other[DISK_PATH_MAX];
    size_t n = strlen(base);
    snprintf(other, sizeof other, "%.*s%s", (int)(base - path), path, name);
    if (strncmp(name, base, n) == 0 && strncmp(name + n, ".", 1) == 0 && strstr(name + n, ".tmp") &&
        !disk_find(disk_of(other), other)->users)
        disk_remove(other);
    return true;
}

void ward_file_sweep(const char *path)
{
    char dir[DISK_PATH_MAX], own[DISK_PATH_MAX];
    snprintf(own, sizeof own, "%s", path);
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (disk_of(path))
        ward_dir_each(dir, remove_stale, own);
}

int ward_file_temporary(char out[WARD_PATH_MAX], const char *path, struct ward_error *err)
{
    uint8_t salt[8];
    char hex[2 * sizeof salt + 1];
    ward_file_sweep(path);
    if (world.env.random(world.env.ctx, salt, sizeof salt))
        return ward_fail(err, WARD_ERR_RANDOM, "no randomness for a temporary name");
    sodium_bin2hex(hex, sizeof hex, salt, sizeof salt);
    int n = snprintf(out, DISK_PATH_MAX, "%s.%s.tmp", path, hex);
    return n >= 0 && n < DISK_PATH_MAX ? WARD_OK : ward_file_fail(err, "make", path, ENAMETOOLONG);
}

static int open_temporary(const char *path, unsigned mode, char name[WARD_PATH_MAX], struct disk_file *f, struct ward_error *err)
{
    bool made;
    int rc = ward_file_temporary(name, path, err);
    if (rc)
        return rc;
    int number = disk_open(f, name, DISK_CREATE | DISK_EXCLUSIVE, mode, &made);
    return number ? ward_file_fail(err, "make", name, number) : WARD_OK;
}

int ward_file_rename(const char *from, const char *to, struct ward_error *err)
{
    int number = disk_rename(from, to);
    if (number)
        return ward_file_fail(err, "rename to", to, number);
    number = disk_sync_parent(to);
    return number ? ward_file_fail(err, "flush the directory of", to, number) : WARD_OK;
}

int ward_file_delete(const char *path, struct ward_error *err)
{
    int number = disk_remove(path);
    if (number)
        return number == ENOENT ? WARD_OK : ward_file_fail(err, "remove", path, number);
    number = disk_sync_parent(path);
    return number ? ward_file_fail(err, "flush the directory of", path, number) : WARD_OK;
}

int ward_file_write(const char *path, const void *p, size_t len, unsigned mode, struct ward_error *err)
{
    char name[WARD_PATH_MAX];
    struct disk_file f;
    int rc = open_temporary(path, mode, name, &f, err);
    if (rc)
        return rc;
    int number = disk_write(&f, p, len, 0);
    if (number)
        rc = ward_file_fail(err, "write", path, number);
    else if ((number = disk_sync(&f)) != 0)
        rc = ward_file_fail(err, "flush", path, number);
    disk_close(&f);
    if (!rc)
        rc = ward_file_rename(name, path, err);
    if (rc)
        ward_file_remove(name);
    return rc;
}

/* ---------------------------------------------------------------- streams */

struct ward_file_out {
    const struct ward_env *env;
    struct disk_file f;
    uint64_t at;
    uint64_t sum; /* of all that was written */
    char path[DISK_PATH_MAX];
    char name[WARD_PATH_MAX]; /* until finish */
};

/* FNV-1a */
static uint64_t sum_on(uint64_t sum, const void *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ ((const uint8_t *)p)[i]) * 0x100000001b3u;
    return sum;
}

static void free_out(struct ward_file_out *out)
{
    if (out->f.node)
        disk_close(&out->f);
    ward_release(out->env, out);
}

int ward_file_out_open(const struct ward_env *env, const char *path, struct ward_file_out **out, struct ward_error *err)
{
    struct ward_file_out *o = ward_alloc(env, sizeof *o);
    if (!o)
        return ward_fail(err, WARD_ERR_MEMORY, "opening %s", path);
    o->env = env;
    o->sum = SUM_OF_NOTHING;
    snprintf(o->path, sizeof o->path, "%s", path);
    int rc = open_temporary(path, 0644, o->name, &o->f, err);
    if (rc) {
        free_out(o);
        return rc;
    }
    *out = o;
    return WARD_OK;
}

int ward_file_out_write(struct ward_file_out *o, const void *p, size_t len, struct ward_error *err)
{
    o->sum = sum_on(o->sum, p, len);
    int number = disk_write(&o->f, p, len, o->at);
    if (number)
        return ward_file_fail(err, "write", o->path, number);
    o->at += len;
    return WARD_OK;
}

static int read_back(struct ward_file_out *o, struct ward_error *err)
{
    uint8_t *chunk = ward_alloc(o->env, CHUNK);
    if (!chunk)
        return ward_fail(err, WARD_ERR_MEMORY, "reading back %s", o->path);
    int number = 0;
    size_t got = 0;
    uint64_t sum = SUM_OF_NOTHING;
    for (uint64_t at = 0; (number = disk_read(&o->f, chunk, CHUNK, at, &got)) == 0 && got > 0; at += got)
        sum = sum_on(sum, chunk, got);
    ward_release(o->env, chunk);
    if (number)
        return ward_fail(err, WARD_ERR_IO, "cannot read back %s: %s", o->path, strerror(number));
    return sum == o->sum ? WARD_OK : ward_fail(err, WARD_ERR_IO, "%s reads back otherwise than it was written", o->path);
}

int ward_file_out_finish(struct ward_file_out *o, struct ward_error *err)
{
    int number = disk_sync(&o->f);
    int rc = number ? ward_file_fail(err, "flush", o->path, number) : read_back(o, err);
    disk_close(&o->f);
    if (!rc)
        rc = ward_file_rename(o->name, o->path, err);
    if (rc)
        ward_file_remove(o->name);
    free_out(o);
    return rc;
}

void ward_file_out_abandon(struct ward_file_out *o)
{
    if (!o)
        return;
    ward_file_remove(o->name);
    free_out(o);
}

struct ward_file_in {
    const struct ward_env *env;
    struct disk_file f;
    uint64_t at;
    char path[DISK_PATH_MAX];
};

int ward_file_in_open(const struct ward_env *env, const char *path, struct ward_file_in **out, uint64_t *size, struct ward_error *err)
{
    bool made;
    struct ward_file_in *in = ward_alloc(env, sizeof *in);
    if (!in)
        return ward_fail(err, WARD_ERR_MEMORY, "opening %s", path);
    in->env = env;
    snprintf(in->path, sizeof in->path, "%s", path);
    int number = disk_open(&in->f, in->path, 0, 0, &made);
    if (!number) {
        number = disk_size(&in->f, size);
        if (number)
            disk_close(&in->f);
    }
    if (number) {
        ward_release(env, in);
        return fail_read(err, "open", path, number);
    }
    *out = in;
    return WARD_OK;
}

int ward_file_in_read(struct ward_file_in *in, void *p, size_t len, size_t *got, struct ward_error *err)
{
    int number = disk_read(&in->f, p, len, in->at, got);
    if (number)
        return fail_read(err, "read", in->path, number);
    in->at += *got;
    return WARD_OK;
}

int ward_file_in_rewind(struct ward_file_in *in, struct ward_error *err)
{
    (void)err;
    in->at = 0;
    return WARD_OK;
}

void ward_file_in_close(struct ward_file_in *in)
{
    if (!in)
        return;
    disk_close(&in->f);
    ward_release(in->env, in);
}

/* ---------------------------------------------------------------- directories and names */

static int make_parents(const char *path, struct ward_error *err)
{
    char part[DISK_PATH_MAX];
    const struct disk *d = disk_of(path);
    if (!d)
        return ward_file_fail(err, "make", path, EACCES);
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int number = disk_of(part) == d && !disk_is_dir(part) ? disk_make_dir(part) : 0;
        if (number)
            return ward_file_fail(err, "make", part, number);
        *slash = '/';
    }
    return WARD_OK;
}

int ward_dir_make(const char *path, bool *made, struct ward_error *err)
{
    if (!*path)
        return ward_fail(err, WARD_ERR_ARGUMENT, "a directory without a name");
    int rc = make_parents(path, err);
    if (rc)
        return rc;
    bool fresh = !disk_is_dir(path);
    int number = fresh ? disk_make_dir(path) : 0;
    if (number == EEXIST)
        return ward_fail(err, WARD_ERR_IO, "%s is there and is not a directory", path);
    if (number)
        return ward_file_fail(err, "make", path, number);
    number = fresh ? disk_sync_parent(path) : 0;
    if (number)
        return ward_file_fail(err, "flush the directory of", path, number);
    *made = fresh;
    return WARD_OK;
}

bool ward_dir_exists(const char *path)
{
    return disk_is_dir(path);
}

static bool is_something(void *ctx, const char *name)
{
    (void)name;
    *(bool *)ctx = true;
    return false;
}

bool ward_dir_is_empty(const char *path)
{
    bool something = !disk_is_dir(path);
    ward_dir_each(path, is_something, &something);
    return !something;
}

bool ward_file_exists(const char *path)
{
    struct disk *d = disk_of(path);
    return d && (disk_find(d, path) || disk_is_dir(path));
}

void ward_file_remove(const char *path)
{
    disk_remove(path);
}

int ward_dir_check_local(const char *path, struct ward_error *err)
{
    return disk_is_dir(path) ? WARD_OK : fail_read(err, "look at", path, ENOENT);
}

/* ---------------------------------------------------------------- locks */

int ward_lock_open(struct ward_lock *lock, const char *path, struct ward_error *err)
{
    int fd = 0;
    bool made;
    while (fd < LOCKS_MAX && world.locks[fd].node)
        fd++;
    int number = fd < LOCKS_MAX ? disk_open(&world.locks[fd], path, DISK_CREATE, 0600, &made) : EMFILE;
    if (number)
        return ward_file_fail(err, "open", path, number);
    world.locks[fd].path = NULL; /* the opener's string is not kept */
    lock->fd = fd;
    return WARD_OK;
}

/* Nobody else runs while this one waits, so it does not. */
int ward_lock_take(struct ward_lock *lock, int timeout_ms, struct ward_error *err)
{
    struct disk_file *f = &world.locks[lock->fd];
    enum disk_answer answer = disk_ask(f->disk, DISK_LOCK, f->node->name ? f->node->name : "", 0, 0);
    if (answer != DISK_OK && answer != DISK_BUSY)
        return ward_fail(err, WARD_ERR_IO, "cannot lock: %s", strerror(disk_errno(answer)));
    if (answer == DISK_BUSY || f->node->owner)
        return ward_fail(err, WARD_ERR_BUSY, "another process has held the lock for %d ms", timeout_ms);
    f->node->owner = f;
    return WARD_OK;
}

void ward_lock_release(struct ward_lock *lock)
{
    struct disk_file *f = &world.locks[lock->fd];
    if (f->node->owner == f)
        f->node->owner = NULL;
}

void ward_lock_close(struct ward_lock *lock)
{
    if (lock->fd < 0)
        return;
    ward_lock_release(lock);
    disk_close(&world.locks[lock->fd]);
    lock->fd = -1;
}
