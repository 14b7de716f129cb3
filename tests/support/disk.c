/* disk.c - files in memory, the calls on them, and what fails. What is not synced yet: disk_pending.c. */
#include "disk_inside.h"
#include "disk_pending.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct disk *all_disks;

void *disk_memory(void *p, size_t size)
{
    void *q = realloc(p, size);
    if (!q) {
        fputs("disk: the test machine has no memory\n", stderr);
        abort();
    }
    return q;
}

const char *disk_op_name(enum disk_op op)
{
    static const char *const names[DISK_OPS] = {"open",   "read",   "write", "truncate", "sync", "sync-dir",
                                                "delete", "rename", "size",  "lock",     "map"};
    return names[op];
}

/* ---------------------------------------------------------------- disks */

struct disk *disk_new(const char *mount)
{
    if (!all_disks) {
        disk_vfs_register();
        disk_platform_env(NULL); /* also binds platform_disk.c into the program, in place of the library's own */
    }
    struct disk *d = disk_memory(NULL, sizeof *d);
    *d = (struct disk){.next = all_disks};
    snprintf(d->mount, sizeof d->mount, "%s", mount);
    d->mount_len = strlen(d->mount);
    all_disks = d;
    return d;
}

static void free_nodes(struct disk *d)
{
    for (size_t i = 0; i < d->node_count; i++)
        disk_node_free(d->nodes[i]);
    d->node_count = 0;
    d->bytes = 0;
}

static void must_be_closed(const struct disk *d)
{
    if (d->open_files) {
        fprintf(stderr, "disk %s: %zu files are open\n", d->mount, d->open_files);
        abort();
    }
}

void disk_free(struct disk *d)
{
    if (!d)
        return;
    must_be_closed(d);
    struct disk **link = &all_disks;
    while (*link != d)
        link = &(*link)->next;
    *link = d->next;
    disk_pending_clear(d);
    free_nodes(d);
    free(d->pending);
    free(d->nodes);
    free(d);
}

struct disk *disk_of(const char *path)
{
    for (struct disk *d = all_disks; d; d = d->next)
        if (strncmp(path, d->mount, d->mount_len) == 0 && (path[d->mount_len] == '/' || !path[d->mount_len]))
            return d;
    return NULL;
}

void disk_on_call(struct disk *d, disk_fault_fn *fn, void *ctx)
{
    d->fault = fn;
    d->ctx = ctx;
}

uint64_t disk_calls(const struct disk *d, enum disk_op op)
{
    return d->calls[op];
}

size_t disk_open_files(const struct disk *d)
{
    return d->open_files;
}

size_t disk_bytes(const struct disk *d)
{
    return d->bytes;
}

void disk_limit(struct disk *d, size_t bytes)
{
    d->limit = bytes;
}

enum disk_answer disk_ask(struct disk *d, enum disk_op op, const char *path, uint64_t at, size_t len)
{
    if (d->off)
        return DISK_FAIL;
    d->calls[op]++;
    const struct disk_call call = {op, path, at, len};
    enum disk_answer answer = d->fault ? d->fault(d->ctx, &call) : DISK_OK;
    if (answer == DISK_CUT)
        d->off = true;
    return answer;
}

int disk_errno(enum disk_answer answer)
{
    switch (answer) {
    case DISK_OK:
        return 0;
    case DISK_NO_SPACE:
        return ENOSPC;
    case DISK_BUSY:
        return EAGAIN;
    default:
        return EIO;
    }
}

/* What the power cut catches has reached the disk's cache all the same. */
static bool lands(enum disk_answer answer)
{
    return answer == DISK_OK || answer == DISK_CUT;
}

/* ---------------------------------------------------------------- power */

void disk_power_off(struct disk *d)
{
    d->off = true;
}

bool disk_is_off(const struct disk *d)
{
    return d->off;
}

static void empty(struct disk *d)
{
    must_be_closed(d);
    disk_pending_clear(d);
    free_nodes(d);
    d->off = false;
}

static struct node *put_node(struct disk *d, const struct node *n)
{
    d->bytes += n->data.len;
    return disk_node_add(d, n->name, n->mode, n->is_dir);
}

void disk_power_on(struct disk *d, enum disk_damage damage, uint64_t seed)
{
    struct disk_image *left = disk_survivors(d, damage, seed);
    empty(d);
    for (size_t i = 0; i < left->count; i++) { /* nobody else wants its bytes */
        put_node(d, &left->nodes[i])->data = left->nodes[i].data;
        left->nodes[i].data = (struct bytes){0};
    }
    disk_image_free(left);
}

void disk_put(struct disk *d, const struct disk_image *image)
{
    empty(d);
    for (size_t i = 0; i < image->count; i++)
        disk_bytes_write(&put_node(d, &image->nodes[i])->data, 0, image->nodes[i].data.p, image->nodes[i].data.len);
}

/* ---------------------------------------------------------------- names */

static const char *below(const struct disk *d, const char *path)
{
    return path + d->mount_len;
}

struct node *disk_find(struct disk *d, const char *path)
{
    const char *name = below(d, path);
    for (size_t i = 0; i < d->node_count; i++)
        if (d->nodes[i]->name && strcmp(d->nodes[i]->name, name) == 0)
            return d->nodes[i];
    return NULL;
}

bool disk_is_dir(const char *path)
{
    struct disk *d = disk_of(path);
    if (!d)
        return false;
    const struct node *n = disk_find(d, path);
    return n ? n->is_dir : !*below(d, path) || strcmp(below(d, path), "/") == 0;
}

static bool parent_is_there(const char *path)
{
    char dir[DISK_PATH_MAX];
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    return disk_is_dir(dir);
}

static struct node *make_node(struct disk *d, const char *path, unsigned mode, bool is_dir)
{
    struct node *n = disk_node_add(d, below(d, path), mode, is_dir);
    disk_pend_name(d, n, NULL, n->name, NULL);
    return n;
}

static void release(struct disk *d, struct node *n)
{
    if (!n->name && !n->users && !n->pending)
        disk_node_remove(d, n);
}

int disk_make_dir(const char *path)
{
    struct disk *d = disk_of(path);
    if (!d || !parent_is_there(path))
        return ENOENT;
    if (disk_find(d, path) || !*below(d, path))
        return EEXIST;
    enum disk_answer answer = disk_ask(d, DISK_OPEN, path, 0, 0);
    if (lands(answer))
        make_node(d, path, 0700, true);
    return disk_errno(answer);
}

int disk_remove(const char *path)
{
    struct disk *d = disk_of(path);
    struct node *n = d ? disk_find(d, path) : NULL;
    if (!n)
        return ENOENT;
    enum disk_answer answer = disk_ask(d, DISK_DELETE, path, 0, 0);
    if (lands(answer)) {
        disk_pend_name(d, n, n->name, NULL, NULL);
        free(n->name);
        n->name = NULL;
        d->bytes -= n->data.len;
    }
    return disk_errno(answer);
}

int disk_rename(const char *from, const char *to)
{
    struct disk *d = disk_of(from);
    struct node *n = d && d == disk_of(to) ? disk_find(d, from) : NULL;
    if (!n || !parent_is_there(to))
        return ENOENT;
    enum disk_answer answer = disk_ask(d, DISK_RENAME, to, 0, 0);
    if (!lands(answer))
        return disk_errno(answer);
    struct node *replaced = disk_find(d, to);
    disk_pend_name(d, n, n->name, below(d, to), replaced);
    if (replaced) {
        free(replaced->name);
        replaced->name = NULL;
        d->bytes -= replaced->data.len;
    }
    free(n->name);
    n->name = disk_name_copy(below(d, to));
    return disk_errno(answer);
}

int disk_sync_parent(const char *path)
{
    char dir[DISK_PATH_MAX];
    struct disk *d = disk_of(path);
    if (!d)
        return ENOENT;
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    enum disk_answer answer = disk_ask(d, DISK_SYNC_DIR, dir, 0, 0);
    if (answer == DISK_OK)
        disk_settle_names(d, below(d, dir));
    return disk_errno(answer);
}

/* ---------------------------------------------------------------- open files */

int disk_open(struct disk_file *f, const char *path, unsigned flags, unsigned mode, bool *made)
{
    struct disk *d = disk_of(path);
    if (!d)
        return ENOENT;
    enum disk_answer answer = disk_ask(d, DISK_OPEN, path, 0, 0);
    if (!lands(answer))
        return disk_errno(answer);
    struct node *n = disk_find(d, path);
    *made = !n;
    if (n && (flags & DISK_EXCLUSIVE))
        return EEXIST;
    if (n && n->is_dir)
        return EISDIR;
    if (!n && (!(flags & DISK_CREATE) || !parent_is_there(path)))
        return ENOENT;
    if (!n)
        n = make_node(d, path, mode, false);
    if (answer != DISK_OK)
        return disk_errno(answer);
    n->users++;
    d->open_files++;
    *f = (struct disk_file){d, n, path};
    return 0;
}

void disk_close(struct disk_file *f)
{
    f->node->users--;
    f->disk->open_files--;
    release(f->disk, f->node);
    *f = (struct disk_file){0};
}

int disk_read(const struct disk_file *f, void *p, size_t len, uint64_t at, size_t *got)
{
    const struct bytes *data = &f->node->data;
    int rc = disk_errno(disk_ask(f->disk, DISK_READ, f->path, at, len));
    if (rc)
        return rc;
    size_t left = at < data->len ? data->len - (size_t)at : 0;
    *got = len < left ? len : left;
    if (*got)
        memcpy(p, data->p + at, *got);
    return 0;
}

static void count_growth(const struct disk_file *f, size_t before)
{
    if (f->node->name)
        f->disk->bytes += f->node->data.len - before; /* wraps where it shrank, and comes out right */
}

int disk_write(const struct disk_file *f, const void *p, size_t len, uint64_t at)
{
    size_t before = f->node->data.len, end = (size_t)at + len;
    enum disk_answer answer = disk_ask(f->disk, DISK_WRITE, f->path, at, len);
    if (answer == DISK_OK && f->disk->limit && end > before && f->disk->bytes + (end - before) > f->disk->limit)
        answer = DISK_NO_SPACE;
    if (lands(answer)) {
        disk_pend_write(f->disk, f->node, p, len, at);
        disk_bytes_write(&f->node->data, (size_t)at, p, len);
        count_growth(f, before);
    }
    return disk_errno(answer);
}

int disk_truncate(const struct disk_file *f, uint64_t len)
{
    size_t before = f->node->data.len;
    enum disk_answer answer = disk_ask(f->disk, DISK_TRUNCATE, f->path, len, 0);
    if (lands(answer)) {
        disk_pend_truncate(f->disk, f->node, (size_t)len);
        disk_bytes_resize(&f->node->data, (size_t)len);
        count_growth(f, before);
    }
    return disk_errno(answer);
}

int disk_sync(const struct disk_file *f)
{
    enum disk_answer answer = disk_ask(f->disk, DISK_SYNC, f->path, 0, 0);
    if (answer == DISK_OK)
        disk_settle_content(f->disk, f->node);
    return disk_errno(answer);
}

int disk_size(const struct disk_file *f, uint64_t *out)
{
    int rc = disk_errno(disk_ask(f->disk, DISK_SIZE, f->path, 0, 0));
    if (!rc)
        *out = f->node->data.len;
    return rc;
}

/* ---------------------------------------------------------------- past all faults */

const uint8_t *disk_file(const struct disk *d, const char *path, size_t *len)
{
    const struct node *n = disk_of(path) == d ? disk_find(disk_of(path), path) : NULL;
    if (!n || n->is_dir)
        return NULL;
    *len = n->data.len;
    return n->data.p ? n->data.p : (const uint8_t *)"";
}

void disk_set_file(struct disk *d, const char *path, const void *p, size_t len, unsigned mode)
{
    struct node *n = disk_find(d, path);
    if (!n)
        n = disk_node_add(d, below(d, path), mode, false);
    disk_settle_content(d, n);
    disk_settle_name(d, n);
    d->bytes += len - n->data.len;
    n->mode = mode;
    disk_bytes_resize(&n->data, 0);
    disk_bytes_write(&n->data, 0, p, len);
}

bool disk_flip(struct disk *d, const char *path, uint64_t at, uint8_t mask)
{
    struct node *n = disk_find(d, path);
    if (!n || at >= n->data.len)
        return false;
    n->data.p[at] ^= mask;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct node *const *)a)->name, (*(struct node *const *)b)->name);
}

void disk_each(const struct disk *d, disk_file_fn *fn, void *ctx)
{
    const struct node **files = disk_memory(NULL, (d->node_count + 1) * sizeof(struct node *));
    size_t count = 0;
    for (size_t i = 0; i < d->node_count; i++)
        if (d->nodes[i]->name && !d->nodes[i]->is_dir)
            files[count++] = d->nodes[i];
    qsort(files, count, sizeof(struct node *), by_name);
    for (size_t i = 0; i < count; i++) {
        char path[DISK_PATH_MAX];
        snprintf(path, sizeof path, "%s%s", d->mount, files[i]->name);
        fn(ctx, path, files[i]->data.p, files[i]->data.len);
    }
    free(files);
}
