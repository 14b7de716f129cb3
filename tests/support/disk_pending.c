/* disk_pending.c - operations that are not durable yet, and the state of the disk that a power cut leaves. */
#include "disk_pending.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR 512u

/* ---------------------------------------------------------------- bytes and nodes */

static void make_room(struct bytes *b, size_t len)
{
    if (len <= b->cap)
        return;
    b->cap = len > 2 * b->cap ? len : 2 * b->cap;
    b->p = disk_memory(b->p, b->cap);
}

void disk_bytes_resize(struct bytes *b, size_t len)
{
    make_room(b, len);
    if (len > b->len)
        memset(b->p + b->len, 0, len - b->len);
    b->len = len;
}

void disk_bytes_write(struct bytes *b, size_t at, const void *p, size_t len)
{
    if (!len)
        return;
    if (at > b->len)
        disk_bytes_resize(b, at);
    make_room(b, at + len);
    memcpy(b->p + at, p, len);
    b->len = at + len > b->len ? at + len : b->len;
}

char *disk_name_copy(const char *name)
{
    if (!name)
        return NULL;
    size_t size = strlen(name) + 1;
    return memcpy(disk_memory(NULL, size), name, size);
}

struct node *disk_node_add(struct disk *d, const char *name, unsigned mode, bool is_dir)
{
    if (d->node_count == d->node_cap) {
        d->node_cap = d->node_cap ? 2 * d->node_cap : 8;
        d->nodes = disk_memory(d->nodes, d->node_cap * sizeof(struct node *));
    }
    struct node *n = disk_memory(NULL, sizeof *n);
    *n = (struct node){.name = disk_name_copy(name), .mode = mode, .is_dir = is_dir};
    d->nodes[d->node_count++] = n;
    return n;
}

void disk_node_free(struct node *n)
{
    free(n->name);
    free(n->data.p);
    free(n);
}

void disk_node_remove(struct disk *d, struct node *n)
{
    size_t i = 0;
    while (d->nodes[i] != n)
        i++;
    d->nodes[i] = d->nodes[--d->node_count];
    disk_node_free(n);
}

/* ---------------------------------------------------------------- noting and settling */

static struct pending *add(struct disk *d, enum pending_kind kind, struct node *n)
{
    if (d->pending_count == d->pending_cap) {
        d->pending_cap = d->pending_cap ? 2 * d->pending_cap : 32;
        d->pending = disk_memory(d->pending, d->pending_cap * sizeof *d->pending);
    }
    struct pending *op = &d->pending[d->pending_count++];
    *op = (struct pending){.kind = kind, .node = n, .size_before = n->data.len};
    n->pending++;
    return op;
}

/* Keeps the bytes at `at`, as far as there are any. */
static void keep_before(struct pending *op, size_t at, size_t len, size_t room_after)
{
    const struct bytes *data = &op->node->data;
    size_t left = at < data->len ? data->len - at : 0;
    op->before_len = len < left ? len : left;
    op->before = disk_memory(NULL, op->before_len + room_after + 1);
    op->after = op->before + op->before_len;
    if (op->before_len)
        memcpy(op->before, data->p + at, op->before_len);
}

void disk_pend_write(struct disk *d, struct node *n, const void *p, size_t len, uint64_t at)
{
    struct pending *op = add(d, PENDING_WRITE, n);
    op->at = (size_t)at;
    op->len = len;
    keep_before(op, op->at, len, len);
    memcpy(op->after, p, len);
}

void disk_pend_truncate(struct disk *d, struct node *n, size_t len)
{
    struct pending *op = add(d, PENDING_TRUNCATE, n);
    op->at = len;
    keep_before(op, len, n->data.len, 0);
}

void disk_pend_name(struct disk *d, struct node *n, const char *name, const char *new_name, struct node *replaced)
{
    struct pending *op = add(d, PENDING_NAME, n);
    op->name = disk_name_copy(name);
    op->new_name = disk_name_copy(new_name);
    op->replaced = replaced;
    if (replaced)
        replaced->pending++;
}

static void let_go(struct disk *d, struct node *n)
{
    if (n && --n->pending == 0 && !n->name && !n->users)
        disk_node_remove(d, n);
}

static void forget(struct disk *d, struct pending *op)
{
    free(op->before);
    free(op->name);
    free(op->new_name);
    let_go(d, op->replaced);
    let_go(d, op->node);
}

typedef bool pending_test(const struct pending *op, const void *ctx);

static void settle(struct disk *d, pending_test *settled, const void *ctx)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->pending_count; i++) {
        struct pending op = d->pending[i];
        if (settled(&op, ctx))
            forget(d, &op);
        else
            d->pending[kept++] = op;
    }
    d->pending_count = kept;
}

static bool is_content_of(const struct pending *op, const void *node)
{
    return op->kind != PENDING_NAME && op->node == node;
}

static bool is_name_of(const struct pending *op, const void *node)
{
    return op->kind == PENDING_NAME && op->node == node;
}

static bool stands_in(const char *name, const char *dir)
{
    size_t len = strlen(dir);
    return name && strncmp(name, dir, len) == 0 && strrchr(name, '/') == name + len;
}

static bool is_name_in(const struct pending *op, const void *dir)
{
    return op->kind == PENDING_NAME && (stands_in(op->name, dir) || stands_in(op->new_name, dir));
}

static bool is_any(const struct pending *op, const void *ctx)
{
    (void)op, (void)ctx;
    return true;
}

void disk_settle_content(struct disk *d, const struct node *n)
{
    settle(d, is_content_of, n);
}

void disk_settle_name(struct disk *d, const struct node *n)
{
    settle(d, is_name_of, n);
}

void disk_settle_names(struct disk *d, const char *dir)
{
    settle(d, is_name_in, dir);
}

void disk_pending_clear(struct disk *d)
{
    settle(d, is_any, NULL);
}

/* ---------------------------------------------------------------- images */

/* Every node, those without a name too: a lost removal gives it back. */
static struct disk_image *copy_all(const struct disk *d)
{
    struct disk_image *image = disk_memory(NULL, sizeof *image);
    image->nodes = disk_memory(NULL, (d->node_count + 1) * sizeof *image->nodes);
    image->count = d->node_count;
    for (size_t i = 0; i < d->node_count; i++) {
        struct node *n = d->nodes[i];
        n->twin = i;
        image->nodes[i] = (struct node){.name = disk_name_copy(n->name), .mode = n->mode, .is_dir = n->is_dir};
        disk_bytes_write(&image->nodes[i].data, 0, n->data.p, n->data.len);
    }
    return image;
}

static void drop_nameless(struct disk_image *image)
{
    size_t kept = 0;
    for (size_t i = 0; i < image->count; i++) {
        if (image->nodes[i].name)
            image->nodes[kept++] = image->nodes[i];
        else
            free(image->nodes[i].data.p);
    }
    image->count = kept;
}

struct disk_image *disk_copy(const struct disk *d)
{
    struct disk_image *image = copy_all(d);
    drop_nameless(image);
    return image;
}

void disk_image_free(struct disk_image *image)
{
    if (!image)
        return;
    for (size_t i = 0; i < image->count; i++) {
        free(image->nodes[i].name);
        free(image->nodes[i].data.p);
    }
    free(image->nodes);
    free(image);
}

static const struct node *image_find(const struct disk_image *image, const char *name)
{
    for (size_t i = 0; i < image->count; i++)
        if (image->nodes[i].name && strcmp(image->nodes[i].name, name) == 0)
            return &image->nodes[i];
    return NULL;
}

bool disk_image_equal(const struct disk_image *a, const struct disk_image *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct node *x = &a->nodes[i], *y = image_find(b, x->name);
        if (!y || x->is_dir != y->is_dir || x->mode != y->mode || x->data.len != y->data.len)
            return false;
        if (x->data.len && memcmp(x->data.p, y->data.p, x->data.len) != 0)
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- power cuts */

const char *disk_damage_name(enum disk_damage damage)
{
    static const char *const names[DISK_DAMAGES] = {"keep", "lose", "tear", "reorder", "garbage", "mixed"};
    return names[damage];
}

static uint64_t roll(uint64_t *dice, uint64_t below)
{
    uint64_t z = (*dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static void set_name(struct node *n, const char *name)
{
    free(n->name);
    n->name = disk_name_copy(name);
}

static void take_back(struct disk_image *image, const struct pending *op)
{
    struct node *n = &image->nodes[op->node->twin];
    if (op->kind == PENDING_NAME) {
        set_name(n, op->name);
        if (op->replaced)
            set_name(&image->nodes[op->replaced->twin], op->new_name);
        return;
    }
    disk_bytes_resize(&n->data, op->size_before);
    disk_bytes_write(&n->data, op->at, op->before, op->before_len);
}

/* A renaming or removal of what is not there has no effect: its creation was lost. */
static void do_name(struct disk_image *image, const struct pending *op)
{
    struct node *n = &image->nodes[op->node->twin];
    bool as_it_was = op->name ? n->name && strcmp(n->name, op->name) == 0 : !n->name;
    if (!as_it_was)
        return;
    for (size_t i = 0; op->new_name && i < image->count; i++)
        if (image->nodes[i].name && strcmp(image->nodes[i].name, op->new_name) == 0)
            set_name(&image->nodes[i], NULL);
    set_name(n, op->new_name);
}

static void do_all(struct disk_image *image, const struct pending *op)
{
    struct node *n = &image->nodes[op->node->twin];
    if (op->kind == PENDING_NAME)
        do_name(image, op);
    else if (op->kind == PENDING_TRUNCATE)
        disk_bytes_resize(&n->data, op->at);
    else
        disk_bytes_write(&n->data, op->at, op->after, op->len);
}

/* The first sectors of a write reach the disk, the others do not. */
static void tear(struct disk_image *image, const struct pending *op, uint64_t *dice)
{
    size_t first = op->at / SECTOR, sectors = (op->at + op->len + SECTOR - 1) / SECTOR - first;
    size_t end = (first + roll(dice, sectors + 1)) * SECTOR;
    size_t whole = op->at + op->len;
    if (end > op->at)
        disk_bytes_write(&image->nodes[op->node->twin].data, op->at, op->after, (end < whole ? end : whole) - op->at);
}

/* Nothing is promised of a sector in which the power went: what stood beside the write may go with it. */
static void garble(struct disk_image *image, const struct pending *op, uint64_t *dice)
{
    struct bytes *data = &image->nodes[op->node->twin].data;
    do_all(image, op);
    for (size_t at = op->at / SECTOR * SECTOR; at < op->at + op->len; at += SECTOR)
        if (roll(dice, 2))
            for (size_t i = at; i < at + SECTOR && i < data->len; i++)
                data->p[i] = (uint8_t)roll(dice, 256);
}

static enum disk_damage one_fate(enum disk_damage damage, bool early, bool caught, uint64_t *dice)
{
    static const enum disk_damage mixed[] = {DISK_KEEP, DISK_LOSE, DISK_TEAR, DISK_GARBAGE};
    switch (damage) {
    case DISK_TEAR:
        return early ? DISK_KEEP : caught ? DISK_TEAR : DISK_LOSE;
    case DISK_REORDER:
        return roll(dice, 2) ? DISK_KEEP : DISK_LOSE;
    case DISK_GARBAGE:
        return early ? DISK_KEEP : DISK_GARBAGE;
    case DISK_MIXED:
        return mixed[roll(dice, sizeof mixed / sizeof mixed[0])];
    default:
        return damage;
    }
}

static void meet_fate(struct disk_image *image, const struct pending *op, enum disk_damage fate, uint64_t *dice)
{
    bool write = op->kind == PENDING_WRITE;
    if (fate == DISK_KEEP || (!write && fate != DISK_LOSE && roll(dice, 2)))
        do_all(image, op);
    else if (write && fate == DISK_TEAR)
        tear(image, op, dice);
    else if (write && fate == DISK_GARBAGE)
        garble(image, op, dice);
}

static bool has_parent(const struct disk_image *image, const struct node *n)
{
    size_t len = (size_t)(strrchr(n->name, '/') - n->name);
    if (len == 0)
        return true;
    for (size_t i = 0; i < image->count; i++) {
        const struct node *dir = &image->nodes[i];
        if (dir->is_dir && dir->name && strlen(dir->name) == len && memcmp(dir->name, n->name, len) == 0)
            return true;
    }
    return false;
}

/* What stood in a directory that never was is lost with it. */
static void drop_orphans(struct disk_image *image)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < image->count; i++)
            if (image->nodes[i].name && !has_parent(image, &image->nodes[i])) {
                set_name(&image->nodes[i], NULL);
                again = true;
            }
    }
}

struct disk_image *disk_survivors(const struct disk *d, enum disk_damage damage, uint64_t seed)
{
    uint64_t dice = seed;
    struct disk_image *image = copy_all(d);
    for (size_t i = d->pending_count; i > 0; i--)
        take_back(image, &d->pending[i - 1]);
    size_t caught = roll(&dice, d->pending_count + 1);
    for (size_t i = 0; i < d->pending_count; i++)
        meet_fate(image, &d->pending[i], one_fate(damage, i < caught, i == caught, &dice), &dice);
    drop_orphans(image);
    drop_nameless(image);
    return image;
}
