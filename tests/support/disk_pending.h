/* disk_pending.h - what has not been synced, and what a power cut leaves of it. */
#ifndef WARD_TEST_DISK_PENDING_H
#define WARD_TEST_DISK_PENDING_H

#include "disk_inside.h"

enum pending_kind { PENDING_WRITE, PENDING_TRUNCATE, PENDING_NAME };

/* One unsynced operation, with all that is needed to take it back and to do it again. */
struct pending {
    enum pending_kind kind;
    struct node *node;
    size_t at, len;     /* of a write; a truncation leaves `at` bytes */
    size_t size_before; /* of the file */
    uint8_t *before;    /* the bytes overwritten or cut off; before_len of them */
    size_t before_len;
    uint8_t *after;        /* the bytes written; in one allocation with before */
    char *name, *new_name; /* NULL: none */
    struct node *replaced; /* lost its name to a renaming */
};

struct disk {
    struct disk *next;
    char mount[64];
    size_t mount_len;
    struct node **nodes;
    size_t node_count, node_cap;
    struct pending *pending; /* in order of time */
    size_t pending_count, pending_cap;
    bool off;
    disk_fault_fn *fault;
    void *ctx;
    uint64_t calls[DISK_OPS];
    size_t open_files, bytes, limit;
};

struct disk_image {
    struct node *nodes;
    size_t count;
};

void disk_bytes_resize(struct bytes *b, size_t len); /* grows with zeros */
void disk_bytes_write(struct bytes *b, size_t at, const void *p, size_t len);

char *disk_name_copy(const char *name); /* NULL gives NULL */
struct node *disk_node_add(struct disk *d, const char *name, unsigned mode, bool is_dir);
void disk_node_remove(struct disk *d, struct node *n);
void disk_node_free(struct node *n);

/* Noted before they are done. */
void disk_pend_write(struct disk *d, struct node *n, const void *p, size_t len, uint64_t at);
void disk_pend_truncate(struct disk *d, struct node *n, size_t len);
void disk_pend_name(struct disk *d, struct node *n, const char *name, const char *new_name, struct node *replaced);
/* Durable from now on. */
void disk_settle_content(struct disk *d, const struct node *n);
void disk_settle_name(struct disk *d, const struct node *n);
void disk_settle_names(struct disk *d, const char *dir); /* of what stands right in it */
void disk_pending_clear(struct disk *d);

#endif
