#include "rules/slot.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/feed.h"

#include <assert.h>
#include <string.h>

void ward_state_init(struct ward_state *s, struct ward_arena *arena)
{
    *s = (struct ward_state){.arena = arena};
}

static int compare(const struct ward_slot *slot, uint32_t field, const void *key, size_t key_len)
{
    if (slot->field != field)
        return slot->field < field ? -1 : 1;
    size_t common = slot->key_len < key_len ? slot->key_len : key_len;
    int order = common ? memcmp(slot->key, key, common) : 0;
    if (order)
        return order;
    return slot->key_len == key_len ? 0 : slot->key_len < key_len ? -1 : 1;
}

static size_t place(const struct ward_state *s, uint32_t field, const void *key, size_t key_len)
{
    size_t low = 0, high = s->slot_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(&s->slots[mid], field, key, key_len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct ward_slot *ward_state_find(const struct ward_state *s, uint32_t field, const void *key, size_t key_len)
{
    size_t i = place(s, field, key, key_len);
    return i < s->slot_count && compare(&s->slots[i], field, key, key_len) == 0 ? &s->slots[i] : NULL;
}

size_t ward_state_range(const struct ward_state *s, uint32_t field, size_t *first)
{
    size_t i = place(s, field, NULL, 0);
    *first = i;
    while (i < s->slot_count && s->slots[i].field == field)
        i++;
    return i;
}

/* An array in the arena with room for one more member, for `least` at first. What it outgrows is left to the arena, so that it grows by
 * half: there are as many of these as records in hand. */
static void *roomier(struct ward_arena *arena, void *items, uint32_t count, uint32_t *cap, size_t size, uint32_t least)
{
    if (count < *cap)
        return items;
    uint32_t grown = *cap ? *cap + (*cap + 1) / 2 : least;
    void *p = ward_arena_take(arena, grown * size);
    if (!p)
        return NULL;
    if (count)
        memcpy(p, items, count * size);
    *cap = grown;
    return p;
}

/* A slot that was not there, with its first value. */
static int insert(struct ward_state *s, size_t at, uint32_t field, const void *key, size_t key_len, const struct ward_live_value *first)
{
    struct ward_slot slot = {.field = field, .key_len = (uint32_t)key_len};
    slot.key = key_len ? ward_arena_copy(s->arena, key, key_len) : NULL;
    slot.live = roomier(s->arena, NULL, 0, &slot.live_cap, sizeof *slot.live, 1);
    struct ward_slot *slots = roomier(s->arena, s->slots, s->slot_count, &s->slot_cap, sizeof *slots, 8);
    if (slots)
        s->slots = slots;
    if ((key_len && !slot.key) || !slot.live || !slots)
        return WARD_ERR_MEMORY;
    slot.live[slot.live_count++] = *first;
    memmove(&slots[at + 1], &slots[at], (s->slot_count - at) * sizeof *slots);
    slots[at] = slot;
    s->slot_count++;
    return WARD_OK;
}

static uint8_t rank_of(const struct ward_authors *authors, uint32_t fid)
{
    assert(fid < authors->count);
    return authors->v[fid].rank;
}

static bool supersedes(const struct ward_write *w, const struct ward_live_value *v, const struct ward_vv *seen,
                       const struct ward_authors *authors)
{
    bool own = v->fid == w->fid;
    if (own && v->seq > w->seq)
        return false;
    if (ward_field_class(w->field) == WARD_TALLY)
        return own;
    if (own ? w->late && v->seq > w->own_seen && v->seq != w->seq : v->depth >= w->depth || v->seq > ward_vv_get(seen, v->fid))
        return false; /* what is as deep it cannot have seen: it named another with that seq */
    return ward_field_class(w->field) != WARD_GOVERNED || rank_of(authors, w->fid) >= rank_of(authors, v->fid);
}

int ward_slot_write(struct ward_state *s, const struct ward_write *w, const struct ward_vv *seen, const struct ward_authors *authors)
{
    size_t at = place(s, w->field, w->key, w->key_len);
    struct ward_live_value value = {.fid = w->fid, .seq = w->seq, .depth = w->depth, .len = w->raw_len};
    value.raw = ward_arena_copy(s->arena, w->raw, w->raw_len);
    if (!value.raw)
        return WARD_ERR_MEMORY;
    if (at == s->slot_count || compare(&s->slots[at], w->field, w->key, w->key_len) != 0)
        return insert(s, at, w->field, w->key, w->key_len, &value);
    struct ward_slot *slot = &s->slots[at];
    uint32_t gone = 0, kept = 0;
    for (size_t i = 0; i < slot->live_count; i++)
        gone += supersedes(w, &slot->live[i], seen, authors);
    struct ward_live_value *live = slot->live; /* mostly it takes the place of the only one */
    if (gone == 0)
        live = roomier(s->arena, slot->live, slot->live_count, &slot->live_cap, sizeof *live, 1);
    if (!live)
        return WARD_ERR_MEMORY;
    slot->live = live;
    for (size_t i = 0; i < slot->live_count; i++)
        if (gone == 0 || !supersedes(w, &live[i], seen, authors))
            live[kept++] = live[i];
    live[kept++] = value;
    slot->live_count = kept;
    return WARD_OK;
}

int ward_slot_restore(struct ward_state *s, uint32_t field, const void *key, size_t key_len, const struct ward_live_value *v)
{
    size_t at = place(s, field, key, key_len);
    struct ward_live_value value = *v;
    value.raw = ward_arena_copy(s->arena, v->raw, v->len);
    if (!value.raw)
        return WARD_ERR_MEMORY;
    if (at == s->slot_count || compare(&s->slots[at], field, key, key_len) != 0)
        return insert(s, at, field, key, key_len, &value);
    struct ward_slot *slot = &s->slots[at];
    for (size_t i = 0; i < slot->live_count; i++)
        if (slot->live[i].fid == v->fid && slot->live[i].seq == v->seq)
            return WARD_ERR_CORRUPT;
    struct ward_live_value *live = roomier(s->arena, slot->live, slot->live_count, &slot->live_cap, sizeof *live, 1);
    if (!live)
        return WARD_ERR_MEMORY;
    slot->live = live;
    live[slot->live_count++] = value;
    return WARD_OK;
}

void ward_state_encode(struct ward_buf *out, const struct ward_state *s)
{
    ward_put_array(out, s->slot_count);
    for (size_t i = 0; i < s->slot_count; i++) {
        const struct ward_slot *slot = &s->slots[i];
        ward_put_array(out, 2 + 4 * slot->live_count);
        ward_put_uint(out, slot->field);
        ward_put_bytes(out, slot->key, slot->key_len);
        for (size_t j = 0; j < slot->live_count; j++) {
            ward_put_uint(out, slot->live[j].fid);
            ward_put_uint(out, slot->live[j].seq);
            ward_put_uint(out, slot->live[j].depth);
            ward_buf_add(out, slot->live[j].raw, slot->live[j].len);
        }
    }
}

static bool decode_slot(struct ward_cbor *c, struct ward_arena *arena, const struct ward_authors *authors, struct ward_slot *slot)
{
    size_t members, key_len;
    uint64_t number;
    if (!ward_cbor_array(c, &members) || members < 6 || (members - 2) % 4 || !ward_cbor_uint(c, &number, UINT32_MAX) ||
        !ward_cbor_bytes(c, &slot->key, &key_len))
        return false;
    slot->field = (uint32_t)number;
    slot->key_len = (uint32_t)key_len;
    slot->live_count = slot->live_cap = (uint32_t)((members - 2) / 4);
    slot->live = ward_arena_take(arena, slot->live_count * sizeof *slot->live);
    if (!slot->live)
        return ward_cbor_fail(c, WARD_ERR_MEMORY);
    for (size_t i = 0; i < slot->live_count; i++) {
        struct ward_live_value *v = &slot->live[i];
        struct ward_value ignored;
        if (!ward_cbor_uint(c, &number, UINT32_MAX) || number == 0 || number >= authors->count || !ward_cbor_uint(c, &v->seq, INT64_MAX) ||
            !ward_cbor_uint(c, &v->depth, INT64_MAX) || !ward_cbor_value(c, &ignored, &v->raw, &v->len))
            return false;
        v->fid = (uint32_t)number;
    }
    return true;
}

int ward_state_decode(struct ward_state *s, const struct ward_authors *authors, const void *p, size_t len)
{
    struct ward_cbor c;
    struct ward_state read = {.arena = s->arena};
    const uint8_t *own = ward_arena_copy(s->arena, p, len);
    if (!own)
        return WARD_ERR_MEMORY;
    size_t count;
    ward_cbor_init(&c, own, len);
    if (!ward_cbor_array(&c, &count))
        return WARD_ERR_CORRUPT;
    read.slot_cap = (uint32_t)count;
    read.slots = ward_arena_take(s->arena, (count + 1) * sizeof *read.slots);
    if (!read.slots)
        return WARD_ERR_MEMORY;
    for (; read.slot_count < read.slot_cap; read.slot_count++) {
        struct ward_slot *slot = &read.slots[read.slot_count];
        if (!decode_slot(&c, s->arena, authors, slot))
            return c.code == WARD_ERR_MEMORY ? c.code : WARD_ERR_CORRUPT;
        if (read.slot_count && compare(slot - 1, slot->field, slot->key, slot->key_len) >= 0)
            return WARD_ERR_CORRUPT;
    }
    if (!ward_cbor_end(&c))
        return WARD_ERR_CORRUPT;
    *s = read;
    return WARD_OK;
}

static bool greater(const struct ward_live_value *a, const struct ward_live_value *b, const struct ward_authors *authors)
{
    uint8_t rank_a = rank_of(authors, a->fid), rank_b = rank_of(authors, b->fid);
    if (rank_a != rank_b)
        return rank_a > rank_b;
    if (a->depth != b->depth)
        return a->depth > b->depth;
    int order = ward_hash_compare(&authors->v[a->fid].feed, &authors->v[b->fid].feed);
    return order ? order > 0 : a->seq > b->seq;
}

static void order(struct ward_slot *slot, const struct ward_authors *authors)
{
    for (size_t i = 1; i < slot->live_count; i++) {
        struct ward_live_value v = slot->live[i];
        size_t at = i;
        for (; at > 0 && greater(&v, &slot->live[at - 1], authors); at--)
            slot->live[at] = slot->live[at - 1];
        slot->live[at] = v;
    }
}

void ward_state_order(struct ward_state *s, const struct ward_authors *authors)
{
    for (size_t i = 0; i < s->slot_count; i++)
        order(&s->slots[i], authors);
}

const struct ward_live_value *ward_slot_shown(const struct ward_slot *slot, const struct ward_authors *authors)
{
    const struct ward_live_value *best = &slot->live[0];
    for (size_t i = 1; i < slot->live_count; i++)
        if (greater(&slot->live[i], best, authors))
            best = &slot->live[i];
    return best;
}

struct ward_value ward_live_decode(const struct ward_live_value *v)
{
    struct ward_cbor c;
    struct ward_value out = ward_value_null();
    const uint8_t *raw;
    size_t len;
    ward_cbor_init(&c, v->raw, v->len);
    c.known = true; /* by whoever put it into the state */
    ward_cbor_value(&c, &out, &raw, &len);
    return out;
}

bool ward_value_is_true(const struct ward_live_value *v)
{
    return v->len == 1 && v->raw[0] == 0xf5;
}

/* Wide enough for any number of authors, so that the order in which they are added cannot show. */
__extension__ typedef __int128 wide;

int64_t ward_slot_sum(const struct ward_slot *slot)
{
    wide sum = 0;
    for (size_t i = 0; i < slot->live_count; i++) {
        struct ward_value v = ward_live_decode(&slot->live[i]);
        if (v.type == WARD_INT)
            sum += v.integer;
    }
    return sum > INT64_MAX ? INT64_MAX : sum < INT64_MIN ? INT64_MIN : (int64_t)sum;
}

bool ward_state_present(const struct ward_state *s)
{
    const struct ward_slot *slot = ward_state_find(s, WARD_FIELD_PRESENCE, NULL, 0);
    if (!slot)
        return true;
    for (size_t i = 0; i < slot->live_count; i++)
        if (ward_value_is_true(&slot->live[i]))
            return true;
    return false;
}
