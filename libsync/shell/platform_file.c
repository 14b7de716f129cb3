/* platform_file.c - files and directories: read whole, written whole or not at all, streamed and read back. */
#include "base/alloc.h"
#include "base/err.h"
#include "shell/platform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sodium.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CHUNK 65536u /* bytes read at once */

/* ---------------------------------------------------------------- errors */

int ward_file_fail(struct ward_error *err, const char *what, const char *path, int number)
{
    int code = WARD_ERR_IO;
    if (number == ENOSPC || number == EDQUOT || number == EFBIG)
        code = WARD_ERR_DISK_FULL;
    else if (number == EROFS || number == EACCES || number == EPERM)
        code = WARD_ERR_HOME_READONLY;
    else if (number == ENOMEM)
        code = WARD_ERR_MEMORY;
    return ward_fail(err, code, "cannot %s %s: %s", what, path, strerror(number));
}

static int fail_read(struct ward_error *err, const char *what, const char *path, int number)
{
    int code = WARD_ERR_IO;
    if (number == ENOENT || number == ENOTDIR)
        code = WARD_ERR_NOT_FOUND;
    else if (number == ENOMEM)
        code = WARD_ERR_MEMORY;
    return ward_fail(err, code, "cannot %s %s: %s", what, path, strerror(number));
}

/* ---------------------------------------------------------------- reading */

/* Up to len bytes; 0 at the end, -1 with errno. */
static ssize_t read_some(int fd, void *p, size_t len)
{
    ssize_t n;
    do
        n = read(fd, p, len);
    while (n < 0 && errno == EINTR);
    return n;
}

static int open_secret(const char *path, int *out, struct ward_error *err)
{
    /* O_NONBLOCK: a FIFO put in its place must not hang us before we see that it is one. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return ward_fail(err, WARD_ERR_KEY_MISSING, "%s is not there", path);
    if (fd < 0 && errno == ELOOP)
        return ward_fail(err, WARD_ERR_KEY_MODE, "%s is a symbolic link; put the file itself there", path);
    if (fd < 0 && errno == EACCES)
        return ward_fail(err, WARD_ERR_KEY_MODE, "%s belongs to someone else or may not be read", path);
    if (fd < 0)
        return ward_fail(err, WARD_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    *out = fd;
    return WARD_OK;
}

static int check_secret(int fd, const char *path, struct ward_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ward_fail(err, WARD_ERR_IO, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ward_fail(err, WARD_ERR_KEY_MODE, "%s is not a regular file", path);
    if (st.st_uid != geteuid())
        return ward_fail(err, WARD_ERR_KEY_MODE, "%s belongs to user %lu, not to you", path, (unsigned long)st.st_uid);
    if ((st.st_mode & 07777) != 0600)
        return ward_fail(err, WARD_ERR_KEY_MODE, "%s has mode %04o; mend it with: chmod 600 '%s'", path, (unsigned)st.st_mode & 07777u,
                         path);
    return WARD_OK;
}

/* Reads straight into out, so that no copy stays behind in a buffer of ours. */
static int read_secret(int fd, const char *path, uint8_t *out, size_t len_max, size_t *len, struct ward_error *err)
{
    size_t have = 0;
    uint8_t beyond;
    for (;;) {
        bool full = have == len_max;
        ssize_t n = read_some(fd, full ? &beyond : out + have, full ? 1 : len_max - have);
        if (n < 0)
            return ward_fail(err, WARD_ERR_IO, "cannot read %s: %s", path, strerror(errno));
        if (n == 0)
            break;
        if (full)
            return ward_fail(err, WARD_ERR_KEY_FILE, "%s is longer than a key file", path);
        have += (size_t)n;
    }
    *len = have;
    return WARD_OK;
}

int ward_file_read_secret(const char *path, uint8_t *out, size_t len_max, size_t *len, struct ward_error *err)
{
    int fd = -1;
    int rc = open_secret(path, &fd, err);
    if (rc)
        return rc;
    rc = check_secret(fd, path, err);
    if (!rc) {
        rc = read_secret(fd, path, out, len_max, len, err);
        if (rc)
            sodium_memzero(out, len_max);
    }
    close(fd);
    return rc;
}

/* ---------------------------------------------------------------- writing */

static int write_all(int fd, const void *p, size_t len, const char *path, struct ward_error *err)
{
    const uint8_t *at = p;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ward_file_fail(err, "write", path, errno);
        at += n;
        len -= (size_t)n;
    }
    return WARD_OK;
}

static int flush(int fd, const char *path, struct ward_error *err)
{
    return fsync(fd) == 0 ? WARD_OK : ward_file_fail(err, "flush", path, errno);
}

/* The directory a path stands in: "." for a mere name, "/" for what is right below it. */
static int parent_of(const char *path, char out[PATH_MAX], struct ward_error *err)
{
    const char *slash = strrchr(path, '/');
    int len = !slash ? 0 : slash == path ? 1 : (int)(slash - path);
    int n = slash ? snprintf(out, PATH_MAX, "%.*s", len, path) : snprintf(out, PATH_MAX, ".");
    return n >= 0 && n < PATH_MAX ? WARD_OK : ward_file_fail(err, "use", path, ENAMETOOLONG);
}

/* A name is durable only when its directory is. */
static int flush_parent(const char *path, struct ward_error *err)
{
    char dir[PATH_MAX];
    int rc = parent_of(path, dir, err);
    if (rc)
        return rc;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ward_file_fail(err, "open", dir, errno);
    if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: a file system that has no such thing as flushing a directory */
        rc = ward_file_fail(err, "flush", dir, errno);
    close(fd);
    return rc;
}

/* ---- temporary names: PATH.<16 hex digits>.tmp, locked by who writes it */

#define SALT_DIGITS 16

static bool lock_file(int fd)
{
    return ward_lock_take(&(struct ward_lock){fd}, 0, NULL) == WARD_OK;
}

struct sweep {
    const char *dir, *base;
};

static bool remove_stale(void *ctx, const char *name)
{
    const struct sweep *s = ctx;
    char path[PATH_MAX + NAME_MAX + 2];
    size_t n = strlen(s->base);
    bool temporary = strncmp(name, s->base, n) == 0 && name[n] == '.' && strspn(name + n + 1, "0123456789abcdef") == SALT_DIGITS &&
                     strncmp(name + n + 1 + SALT_DIGITS, ".tmp", 4) == 0;
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    if (!temporary)
        return true;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && lock_file(fd))
        unlink(path);
    if (fd >= 0)
        close(fd);
    return true;
}

void ward_file_sweep(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct sweep s = {dir, slash ? slash + 1 : path};
    if (parent_of(path, dir, NULL) == WARD_OK)
        ward_dir_each(dir, remove_stale, &s);
}

int ward_file_temporary(char out[WARD_PATH_MAX], const char *path, struct ward_error *err)
{
    uint8_t salt[SALT_DIGITS / 2];
    char hex[2 * sizeof salt + 1];
    ward_file_sweep(path);
    if (ward_platform_env()->random(NULL, salt, sizeof salt))
        return ward_fail(err, WARD_ERR_RANDOM, "no randomness for a temporary name");
    sodium_bin2hex(hex, sizeof hex, salt, sizeof salt);
    int n = snprintf(out, WARD_PATH_MAX, "%s.%s.tmp", path, hex);
    return n >= 0 && n < WARD_PATH_MAX ? WARD_OK : ward_file_fail(err, "make", path, ENAMETOOLONG);
}

static int open_temporary(const char *path, unsigned mode, char name[WARD_PATH_MAX], int *out, struct ward_error *err)
{
    int rc = ward_file_temporary(name, path, err);
    if (rc)
        return rc;
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return ward_file_fail(err, "make", name, errno);
    lock_file(fd); /* where there are no locks nothing is swept either */
    *out = fd;
    return WARD_OK;
}

int ward_file_rename(const char *from, const char *to, struct ward_error *err)
{
    if (rename(from, to) != 0)
        return ward_file_fail(err, "rename to", to, errno);
    return flush_parent(to, err);
}

int ward_file_delete(const char *path, struct ward_error *err)
{
    if (unlink(path) != 0)
        return errno == ENOENT ? WARD_OK : ward_file_fail(err, "remove", path, errno);
    return flush_parent(path, err);
}

static int fill(int fd, const void *p, size_t len, unsigned mode, const char *path, struct ward_error *err)
{
    if (fchmod(fd, (mode_t)mode) != 0) /* whatever the umask */
        return ward_file_fail(err, "set the mode of", path, errno);
    int rc = write_all(fd, p, len, path, err);
    return rc ? rc : flush(fd, path, err);
}

int ward_file_write(const char *path, const void *p, size_t len, unsigned mode, struct ward_error *err)
{
    char name[WARD_PATH_MAX];
    int fd = -1;
    int rc = open_temporary(path, mode, name, &fd, err);
    if (rc)
        return rc;
    rc = fill(fd, p, len, mode, path, err);
    if (close(fd) != 0 && !rc)
        rc = ward_file_fail(err, "close", path, errno);
    if (!rc)
        rc = ward_file_rename(name, path, err);
    if (rc)
        unlink(name);
    return rc;
}

/* ---------------------------------------------------------------- streams */

struct ward_file_out {
    const struct ward_env *env;
    int fd;
    void *raw;                       /* what `state` was cut from: no allocator promises 64 bytes of alignment */
    crypto_generichash_state *state; /* of all that was written */
    char path[PATH_MAX];
    char name[WARD_PATH_MAX]; /* until finish */
};

static crypto_generichash_state *new_state(const struct ward_env *env, void **raw)
{
    size_t alignment = alignof(crypto_generichash_state);
    *raw = ward_alloc(env, sizeof(crypto_generichash_state) + alignment);
    if (!*raw)
        return NULL;
    size_t over = (uintptr_t)*raw % alignment;
    crypto_generichash_state *state = (void *)((uint8_t *)*raw + (alignment - over));
    crypto_generichash_init(state, NULL, 0, WARD_HASH_BYTES);
    return state;
}

static void free_out(struct ward_file_out *f)
{
    if (f->fd >= 0)
        close(f->fd);
    ward_release(f->env, f->raw);
    ward_release(f->env, f);
}

int ward_file_out_open(const struct ward_env *env, const char *path, struct ward_file_out **out, struct ward_error *err)
{
    struct ward_file_out *f = ward_alloc(env, sizeof *f);
    if (!f)
        return ward_fail(err, WARD_ERR_MEMORY, "opening %s", path);
    f->env = env;
    f->fd = -1;
    f->state = new_state(env, &f->raw);
    int n = snprintf(f->path, sizeof f->path, "%s", path);
    int rc = WARD_OK;
    if (!f->state)
        rc = ward_fail(err, WARD_ERR_MEMORY, "opening %s", path);
    else if (n < 0 || (size_t)n >= sizeof f->path)
        rc = ward_file_fail(err, "make", path, ENAMETOOLONG);
    else
        rc = open_temporary(path, 0666, f->name, &f->fd, err); /* a document of the user's: the umask decides who reads it */
    if (rc) {
        free_out(f);
        return rc;
    }
    *out = f;
    return WARD_OK;
}

int ward_file_out_write(struct ward_file_out *f, const void *p, size_t len, struct ward_error *err)
{
    crypto_generichash_update(f->state, p, len);
    return write_all(f->fd, p, len, f->path, err);
}

static int hash_back(struct ward_file_out *f, uint8_t out[WARD_HASH_BYTES], struct ward_error *err)
{
    uint8_t *chunk = ward_alloc(f->env, CHUNK);
    if (!chunk)
        return ward_fail(err, WARD_ERR_MEMORY, "reading back %s", f->path);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, WARD_HASH_BYTES);
    ssize_t n;
    while ((n = read_some(f->fd, chunk, CHUNK)) > 0)
        crypto_generichash_update(&state, chunk, (unsigned long long)n);
    int rc = n < 0 ? ward_fail(err, WARD_ERR_IO, "cannot read back %s: %s", f->path, strerror(errno)) : WARD_OK;
    crypto_generichash_final(&state, out, WARD_HASH_BYTES);
    ward_release(f->env, chunk);
    return rc;
}

/* A stick can lie about its size, so what counts is what comes back, past the page cache where the kernel lets go of it. */
static int verify(struct ward_file_out *f, struct ward_error *err)
{
    uint8_t written[WARD_HASH_BYTES], there[WARD_HASH_BYTES];
    crypto_generichash_final(f->state, written, sizeof written);
    (void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
    if (lseek(f->fd, 0, SEEK_SET) != 0)
        return ward_fail(err, WARD_ERR_IO, "cannot read back %s: %s", f->path, strerror(errno));
    int rc = hash_back(f, there, err);
    if (!rc && memcmp(written, there, sizeof there) != 0)
        rc = ward_fail(err, WARD_ERR_IO, "%s does not read back as it was written: the medium is faulty", f->path);
    return rc;
}

int ward_file_out_finish(struct ward_file_out *f, struct ward_error *err)
{
    int rc = flush(f->fd, f->path, err);
    if (!rc)
        rc = verify(f, err);
    int closed = close(f->fd);
    f->fd = -1;
    if (closed != 0 && !rc)
        rc = ward_file_fail(err, "close", f->path, errno);
    if (!rc)
        rc = ward_file_rename(f->name, f->path, err);
    if (rc)
        unlink(f->name);
    free_out(f);
    return rc;
}

void ward_file_out_abandon(struct ward_file_out *f)
{
    if (!f)
        return;
    unlink(f->name);
    free_out(f);
}

struct ward_file_in {
    const struct ward_env *env;
    int fd;
    char path[PATH_MAX]; /* for errors; cut if it is longer */
};

static int open_regular(const char *path, int *out, uint64_t *size, struct ward_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail_read(err, "open", path, errno);
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return ward_fail(err, WARD_ERR_IO, "%s is not a regular file", path);
    }
    *out = fd;
    *size = (uint64_t)st.st_size;
    return WARD_OK;
}

int ward_file_in_open(const struct ward_env *env, const char *path, struct ward_file_in **out, uint64_t *size, struct ward_error *err)
{
    struct ward_file_in *f = ward_alloc(env, sizeof *f);
    if (!f)
        return ward_fail(err, WARD_ERR_MEMORY, "opening %s", path);
    f->env = env;
    strncpy(f->path, path, sizeof f->path - 1);
    int rc = open_regular(path, &f->fd, size, err);
    if (rc) {
        ward_release(env, f);
        return rc;
    }
    *out = f;
    return WARD_OK;
}

int ward_file_in_read(struct ward_file_in *f, void *p, size_t len, size_t *got, struct ward_error *err)
{
    ssize_t n = read_some(f->fd, p, len);
    if (n < 0)
        return fail_read(err, "read", f->path, errno);
    *got = (size_t)n;
    return WARD_OK;
}

int ward_file_in_rewind(struct ward_file_in *f, struct ward_error *err)
{
    return lseek(f->fd, 0, SEEK_SET) == 0 ? WARD_OK : fail_read(err, "rewind", f->path, errno);
}

void ward_file_in_close(struct ward_file_in *f)
{
    if (!f)
        return;
    close(f->fd);
    ward_release(f->env, f);
}

/* ---------------------------------------------------------------- directories and names */

/* mkdir -p of what stands before the last name. */
static int make_parents(const char *path, struct ward_error *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return ward_file_fail(err, "make", path, ENAMETOOLONG);
    memcpy(part, path, len + 1);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST && !ward_dir_exists(part))
            return ward_file_fail(err, "make", part, errno);
        *slash = '/';
    }
    return WARD_OK;
}

static int keep_directory(const char *path, struct ward_error *err)
{
    if (!ward_dir_exists(path))
        return ward_fail(err, WARD_ERR_IO, "%s is there and is not a directory", path);
    /* Only an empty one is made private: nobody else's directory, given by mistake, must change under them. */
    if (ward_dir_is_empty(path) && chmod(path, 0700) != 0)
        return ward_file_fail(err, "set the mode of", path, errno);
    return WARD_OK;
}

int ward_dir_make(const char *path, bool *made, struct ward_error *err)
{
    if (!*path)
        return ward_fail(err, WARD_ERR_ARGUMENT, "a directory without a name");
    int rc = make_parents(path, err);
    if (rc)
        return rc;
    bool fresh = mkdir(path, 0700) == 0;
    if (!fresh && errno != EEXIST && !ward_dir_exists(path))
        return ward_file_fail(err, "make", path, errno);
    rc = fresh ? flush_parent(path, err) : keep_directory(path, err);
    if (!rc)
        *made = fresh;
    return rc;
}

bool ward_dir_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void ward_dir_each(const char *path, ward_dir_fn *fn, void *ctx)
{
    DIR *dir = opendir(path);
    bool on = true;
    if (!dir)
        return;
    for (struct dirent *e; on && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            on = fn(ctx, e->d_name);
    closedir(dir);
}

static bool is_something(void *ctx, const char *name)
{
    (void)name;
    *(bool *)ctx = true;
    return false;
}

bool ward_dir_is_empty(const char *path)
{
    bool something = !ward_dir_exists(path);
    ward_dir_each(path, is_something, &something);
    return !something;
}

bool ward_file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0; /* a dangling link is in the way, too */
}

void ward_file_remove(const char *path)
{
    unlink(path);
}

static const char *network_name(unsigned long type)
{
    switch (type & 0xffffffffu) { /* f_type is signed on some machines */
    case NFS_SUPER_MAGIC:
        return "NFS";
    case SMB_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
        return "SMB";
    default:
        return NULL;
    }
}

int ward_dir_check_local(const char *path, struct ward_error *err)
{
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return fail_read(err, "look at", path, errno);
    const char *name = network_name((unsigned long)fs.f_type);
    if (name)
        return ward_fail(err, WARD_ERR_NETWORK_FS, "%s is on a network file system (%s); use a disk of this machine", path, name);
    return WARD_OK;
}
