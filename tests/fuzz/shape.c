#include "shape.h"

#define NODES_MAX  2048
#define DEPTH_MAX  12
#define OUTPUT_MAX (1u << 19)

enum { VERBATIM = 8 }; /* beside the major types: bytes that are no CBOR */

/* In the order of the bytes, each before what is in it. */
struct node {
    uint8_t major, info;
    bool wide;      /* its head is written longer than need be */
    bool opened;    /* a string whose content is `members` items */
    uint64_t n;     /* of numbers */
    size_t members; /* of arrays, maps, opened strings, tags */
    const uint8_t *p;
    size_t len; /* of strings */
};

static struct node nodes[NODES_MAX];
static size_t ends[NODES_MAX]; /* one past the last node of what begins here */
static size_t count;
static uint8_t spare[512]; /* a string made longer or otherwise */

/* ---- reading */

static bool is_inner(const struct node *n)
{
    return n->major == 4 || n->major == 5 || n->major == 6 || n->opened;
}

static bool read_items(const uint8_t *p, size_t len, size_t *at, size_t wanted, unsigned depth);

static bool read_head(const uint8_t *p, size_t len, size_t *at, struct node *n)
{
    size_t i = *at;
    if (i >= len)
        return false;
    *n = (struct node){.major = p[i] >> 5, .info = p[i] & 31};
    size_t width = n->info < 24 ? 0 : n->info < 28 ? (size_t)1 << (n->info - 24) : SIZE_MAX;
    if (width == SIZE_MAX || len - i <= width)
        return false;
    n->n = width ? 0 : n->info;
    for (size_t j = 1; j <= width; j++)
        n->n = n->n << 8 | p[i + j];
    *at = i + 1 + width;
    return true;
}

/* The string may hold CBOR: then its items stand behind it. */
static void open_string(struct node *n, unsigned depth)
{
    size_t before = count, at = 0, members = 0;
    bool fine = n->major == 2 && n->len > 2;
    while (fine && at < n->len) {
        fine = read_items(n->p, n->len, &at, 1, depth + 1);
        members++;
    }
    bool worth = fine && count > before + members; /* some of them have members */
    n->opened = worth;
    n->members = worth ? members : 0;
    count = worth ? count : before;
}

static bool read_items(const uint8_t *p, size_t len, size_t *at, size_t wanted, unsigned depth)
{
    for (; wanted > 0; wanted--) {
        if (count == NODES_MAX - 1 || depth > DEPTH_MAX) /* one is for the rest */
            return false;
        struct node *n = &nodes[count++];
        if (!read_head(p, len, at, n))
            return false;
        if (n->major == 2 || n->major == 3) {
            if (n->n > len - *at)
                return false;
            n->p = p + *at;
            n->len = (size_t)n->n;
            *at += n->len;
            open_string(n, depth);
        } else if (n->major >= 4 && n->major <= 6) {
            if (n->n > len)
                return false;
            n->members = (size_t)n->n * (n->major == 5 ? 2 : 1);
            if (n->major == 6)
                n->members = 1;
            if (!read_items(p, len, at, n->members, depth + 1))
                return false;
        }
    }
    return true;
}

/* All of p; the rest after the last whole item stands as it is. */
static void read_all(const uint8_t *p, size_t len)
{
    size_t at = 0;
    count = 0;
    while (at < len && count < NODES_MAX - 1) {
        size_t before = count, here = at;
        if (!read_items(p, len, &at, 1, 0)) {
            count = before;
            nodes[count++] = (struct node){.major = VERBATIM, .p = p + here, .len = len - here};
            return;
        }
    }
    if (at < len)
        nodes[count++] = (struct node){.major = VERBATIM, .p = p + at, .len = len - at};
}

static void find_ends(void)
{
    for (size_t i = count; i-- > 0;) {
        ends[i] = i + 1;
        for (size_t m = is_inner(&nodes[i]) ? nodes[i].members : 0; m > 0 && ends[i] < count; m--)
            ends[i] = ends[ends[i]];
    }
}

/* ---- writing, from the end forward: so each length is known when its head is written */

static uint8_t out[OUTPUT_MAX];

static bool put_back(size_t *at, const void *p, size_t len)
{
    if (len > *at)
        return false;
    *at -= len;
    if (len)
        memcpy(out + *at, p, len);
    return true;
}

static bool put_head(size_t *at, const struct node *n, uint64_t number)
{
    uint8_t head[9];
    size_t width = number < 24 ? 0 : number < 256 ? 1 : number < 65536 ? 2 : number <= UINT32_MAX ? 4 : 8;
    if (n->major == 7 || n->major == 6)
        width = n->info < 24 ? 0 : (size_t)1 << (n->info - 24);
    else if (n->wide && width < 8)
        width = width ? 2 * width : 1;
    head[0] = (uint8_t)((unsigned)n->major << 5 | (width ? width == 1   ? 24
                                                           : width == 2 ? 25
                                                           : width == 4 ? 26
                                                                        : 27
                                                         : (unsigned)(number & 31)));
    for (size_t i = 0; i < width; i++)
        head[1 + i] = (uint8_t)(number >> (8 * (width - 1 - i)));
    return put_back(at, head, 1 + width);
}

/* Where the written bytes begin in `out`; OUTPUT_MAX + 1 if they do not fit. */
static size_t write_all(void)
{
    static size_t starts[NODES_MAX + 1];
    size_t at = OUTPUT_MAX;
    starts[count] = at;
    for (size_t i = count; i-- > 0;) {
        const struct node *n = &nodes[i];
        size_t inside = starts[ends[i]] - at;
        bool fine = n->major == VERBATIM             ? put_back(&at, n->p, n->len)
                    : n->opened                      ? put_head(&at, n, inside)
                    : n->major == 2 || n->major == 3 ? put_back(&at, n->p, n->len) && put_head(&at, n, n->len)
                    : n->major == 4                  ? put_head(&at, n, n->members)
                    : n->major == 5                  ? put_head(&at, n, n->members / 2)
                                                     : put_head(&at, n, n->n);
        if (!fine)
            return OUTPUT_MAX + 1;
        starts[i] = at;
    }
    return at;
}

/* ---- edits */

static struct node *parent_of(size_t i)
{
    for (size_t j = i; j-- > 0;)
        if (ends[j] > i)
            return &nodes[j];
    return NULL;
}

static void take_out(size_t i)
{
    size_t size = ends[i] - i;
    struct node *parent = parent_of(i);
    if (parent)
        parent->members--;
    memmove(&nodes[i], &nodes[i + size], (count - i - size) * sizeof nodes[0]);
    count -= size;
}

/* A copy of what begins at `from`, before `at`. */
static void put_in(size_t at, size_t from)
{
    static struct node copy[NODES_MAX];
    size_t size = ends[from] - from;
    if (count + size > NODES_MAX)
        return;
    struct node *parent = parent_of(at);
    memcpy(copy, &nodes[from], size * sizeof copy[0]);
    if (parent)
        parent->members++;
    memmove(&nodes[at + size], &nodes[at], (count - at) * sizeof nodes[0]);
    memcpy(&nodes[at], copy, size * sizeof copy[0]);
    count += size;
}

static uint64_t other_number(uint64_t n, struct fuzz_input *choices)
{
    static const uint64_t known[] = {
        0, 1, 2, 23, 24, 255, 256, 1024, 65535, 65536, UINT32_MAX, 4294967296u, 1u << 20, 9007199254740991, INT64_MAX, UINT64_MAX};
    uint8_t how = fuzz_byte(choices);
    return how < 64 ? n + how % 4 + 1 : how < 128 ? n - how % 4 - 1 : how < 240 ? known[how % 16] : fuzz_uint(choices, 8);
}

static void change_string(struct node *n, struct fuzz_input *choices)
{
    uint8_t how = fuzz_byte(choices);
    size_t len = n->len < sizeof spare - 1 ? n->len : sizeof spare - 1;
    if (len)
        memcpy(spare, n->p, len);
    if (how % 4 == 0 && len)
        len--;
    else if (how % 4 == 1)
        spare[len++] = fuzz_byte(choices);
    else if (len)
        spare[fuzz_uint(choices, 2) % len] ^= (uint8_t)(1 + how / 4);
    n->p = spare;
    n->len = len;
}

static void change_type(size_t i, struct fuzz_input *choices)
{
    static const struct node kinds[] = {{.major = 7, .info = 22, .n = 22},
                                        {.major = 7, .info = 20, .n = 20},
                                        {.major = 7, .info = 21, .n = 21},
                                        {.major = 0},
                                        {.major = 1},
                                        {.major = 2},
                                        {.major = 3},
                                        {.major = 4},
                                        {.major = 5}};
    size_t size = ends[i] - i;
    memmove(&nodes[i + 1], &nodes[i + size], (count - i - size) * sizeof nodes[0]);
    count -= size - 1;
    nodes[i] = kinds[fuzz_byte(choices) % (sizeof kinds / sizeof kinds[0])];
}

static void edit(size_t i, struct fuzz_input *choices)
{
    struct node *n = &nodes[i];
    size_t other = fuzz_uint(choices, 2) % count;
    switch (fuzz_byte(choices) % 8) {
    case 0:
        take_out(i);
        break;
    case 1:
        put_in(i, i);
        break;
    case 2:
        put_in(i, other);
        break;
    case 3:
        change_type(i, choices);
        break;
    case 4:
        n->wide = true;
        break;
    default:
        if (n->major < 2)
            n->n = other_number(n->n, choices);
        else if (n->major < 4 && !n->opened)
            change_string(n, choices);
        else
            put_in(i, other);
    }
}

size_t shape_bend(uint8_t *p, size_t len, size_t len_max, struct fuzz_input *choices)
{
    read_all(p, len);
    if (count == 0)
        return len;
    find_ends();
    edit(fuzz_uint(choices, 2) % count, choices);
    find_ends();
    size_t at = write_all();
    if (at > OUTPUT_MAX || OUTPUT_MAX - at > len_max)
        return len;
    memcpy(p, out + at, OUTPUT_MAX - at);
    return OUTPUT_MAX - at;
}
