/* One record with a slot of each class, written by an operator and two cells. The state of a set of changes is worked out from each of
 * the sets it can have grown from; where all of these agree for every set on the way, all orders of delivery do. */
#include "base/arena.h"
#include "rules/slot.h"
#include "rules/view.h"
#include "shell/platform.h"
#include "values/change.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATOR, CELL_A, CELL_B, AUTHORS };
enum { EDIT_X, EDIT_Y, DELETE, RESTORE, ACTS };
enum {
    OPEN = WARD_FIELD(WARD_OPEN, 1),
    GOVERNED = WARD_FIELD(WARD_GOVERNED, 1),
    MEMBER = WARD_FIELD(WARD_MEMBER, 1),
    TALLY = WARD_FIELD(WARD_TALLY, 1)
};
#define STATE_MAX 1024

/* fid 1 ... 3; feed ids ascend with them. */
static struct ward_author rows[AUTHORS + 1];
static const struct ward_authors authors = {rows, AUTHORS + 1};

struct stored {
    uint8_t bytes[STATE_MAX];
    size_t len; /* 0: not reached */
};

struct small {
    struct ward_arena arena;
    struct ward_buf buf;
    struct stored states[1 << EVENTS_MAX];
    uint64_t histories, orders;
};

static void give_up(const char *what, const struct event *events, size_t count)
{
    fprintf(stderr, "%s:", what);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %u:%u knows %02x", (unsigned)events[i].author, (unsigned)events[i].act, (unsigned)events[i].knows);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t seq_of(const struct event *events, size_t i, uint8_t author)
{
    uint64_t seq = 0;
    for (size_t j = 0; j <= i; j++)
        seq += events[j].author == author;
    return seq;
}

static void put(struct ward_state *s, const struct event *events, size_t i, uint32_t field, const char *key, uint8_t value)
{
    struct ward_vv_entry entries[AUTHORS];
    struct ward_vv seen = {.v = entries};
    const struct ward_write w = {.field = field,
                                 .key = (const uint8_t *)key,
                                 .key_len = key ? 1 : 0,
                                 .raw = &value,
                                 .raw_len = 1,
                                 .fid = events[i].author + 1u,
                                 .seq = seq_of(events, i, events[i].author),
                                 .depth = events[i].depth};
    for (uint8_t author = 0; author < AUTHORS; author++) {
        uint64_t seq = 0;
        for (size_t j = 0; j < i; j++)
            seq += events[j].author == author && events[i].knows >> j & 1;
        if (seq)
            entries[seen.len++] = (struct ward_vv_entry){author + 1u, seq};
    }
    if (ward_slot_write(s, &w, &seen, &authors))
        give_up("memory", events, i);
}

static void apply(struct ward_state *s, const struct event *events, size_t i)
{
    uint8_t act = events[i].act;
    bool x = act == EDIT_X;
    if (act == EDIT_X || act == EDIT_Y) {
        put(s, events, i, OPEN, NULL, x ? 1 : 2);
        put(s, events, i, GOVERNED, NULL, x ? 1 : 2);
        put(s, events, i, MEMBER, "m", x ? 0xf5 : 0xf4);
        put(s, events, i, TALLY, NULL, x ? 1 : 2);
    }
    put(s, events, i, WARD_FIELD_PRESENCE, NULL, act == DELETE ? 0xf4 : 0xf5);
}

static int by_author(const void *a, const void *b)
{
    const struct ward_live_value *x = a, *y = b;
    return x->fid < y->fid ? -1 : x->fid > y->fid ? 1 : x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The state after event i on top of another, live values in one order. */
static void grow(struct small *w, const struct stored *from, const struct event *events, size_t i, struct stored *to)
{
    struct ward_state s;
    ward_arena_reset(&w->arena);
    ward_state_init(&s, &w->arena);
    if (from->len && ward_state_decode(&s, &authors, from->bytes, from->len))
        give_up("state", events, i);
    apply(&s, events, i);
    for (size_t j = 0; j < s.slot_count; j++)
        qsort(s.slots[j].live, s.slots[j].live_count, sizeof s.slots[j].live[0], by_author);
    ward_buf_clear(&w->buf);
    ward_state_encode(&w->buf, &s);
    if (w->buf.failed || w->buf.len > sizeof to->bytes)
        give_up("room", events, i);
    to->len = w->buf.len;
    memcpy(to->bytes, w->buf.p, w->buf.len);
}

static void tell_slot(const struct ward_slot *slot)
{
    static const struct ward_field_def under_conflict = {.policy = WARD_CONFLICT};
    const struct ward_live_value *shown = ward_slot_shown(slot, &authors);
    printf("[%u,[", (unsigned)slot->field);
    for (size_t i = 0; i < slot->live_count; i++)
        printf("%s[%u,%" PRIu64 "]", i ? "," : "", (unsigned)slot->live[i].fid - 1, slot->live[i].seq);
    if (ward_field_class(slot->field) == WARD_MEMBER)
        printf("],%s]", ward_member_is_in(slot) ? "true" : "false");
    else if (ward_field_class(slot->field) == WARD_TALLY)
        printf("],%" PRId64 "]", ward_slot_sum(slot));
    else
        printf("],%zu,%s]", (size_t)(shown - slot->live), ward_slot_in_conflict(&under_conflict, slot, &authors) ? "true" : "false");
}

static void tell(struct small *w, const struct event *events, size_t count)
{
    const struct stored *all = &w->states[(1u << count) - 1];
    struct ward_state s;
    ward_arena_reset(&w->arena);
    ward_state_init(&s, &w->arena);
    if (ward_state_decode(&s, &authors, all->bytes, all->len))
        give_up("state", events, count);
    fputs("{\"events\":[", stdout);
    for (size_t i = 0; i < count; i++)
        printf("%s[%u,%u,%u,%u]", i ? "," : "", (unsigned)events[i].author, (unsigned)events[i].act, (unsigned)events[i].knows,
               (unsigned)events[i].depth);
    printf("],\"shown\":%s,\"slots\":[", ward_state_present(&s) ? "true" : "false");
    for (size_t i = 0; i < s.slot_count; i++) {
        fputs(i ? "," : "", stdout);
        tell_slot(&s.slots[i]);
    }
    fputs("]}\n", stdout);
}

static void visit(void *ctx, const struct event *events, size_t count)
{
    struct small *w = ctx;
    for (unsigned set = 1; set < 1u << count; set++) {
        struct stored *here = &w->states[set], grown;
        here->len = 0;
        if (!world_closed(events, count, set))
            continue;
        for (size_t i = 0; i < count; i++) {
            if (!(set >> i & 1) || !world_closed(events, count, set & ~(1u << i)))
                continue;
            grow(w, &w->states[set & ~(1u << i)], events, i, &grown);
            if (here->len == 0)
                *here = grown;
            else if (grown.len != here->len || memcmp(grown.bytes, here->bytes, here->len) != 0)
                give_up("the order shows", events, count);
        }
    }
    w->histories++;
    w->orders += world_orders(events, count);
    tell(w, events, count);
}

void small_slots(size_t most)
{
    static struct small w;
    static const uint8_t acts[AUTHORS] = {ACTS, ACTS, ACTS};
    const struct world world = {.authors = AUTHORS, .acts = acts, .most = most, .visit = visit, .ctx = &w};
    for (uint8_t i = 0; i < AUTHORS; i++) {
        memset(rows[i + 1].feed.b, i + 1, sizeof rows[i + 1].feed.b);
        rows[i + 1].rank = i == OPERATOR ? 2 : 1;
    }
    ward_arena_init(&w.arena, ward_platform_env());
    ward_buf_init(&w.buf, ward_platform_env());
    world_each(&world);
    ward_arena_free(&w.arena);
    ward_buf_free(&w.buf);
    fprintf(stderr, "small world of slots: %" PRIu64 " histories of up to %zu changes, %" PRIu64 " orders of delivery\n", w.histories, most,
            w.orders);
}
