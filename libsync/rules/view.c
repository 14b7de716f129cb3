#include "rules/view.h"
#include "rules/schema.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/hash.h"
#include "values/text.h"

#include <string.h>

static bool same(const struct ward_live_value *a, const struct ward_live_value *b)
{
    return a->len == b->len && memcmp(a->raw, b->raw, a->len) == 0;
}

static bool presence_in_conflict(const struct ward_slot *slot)
{
    bool yes = false, no = false;
    for (size_t i = 0; i < slot->live_count; i++) {
        bool present = ward_value_is_true(&slot->live[i]);
        yes |= present;
        no |= !present;
    }
    return yes && no;
}

bool ward_slot_in_conflict(const struct ward_field_def *field, const struct ward_slot *slot, const struct ward_authors *authors)
{
    if (slot->field == WARD_FIELD_PRESENCE)
        return presence_in_conflict(slot);
    if (!field || slot->live_count < 2 || (field->policy != WARD_CONFLICT && field->policy != WARD_FIXED))
        return false;
    const struct ward_live_value *shown = ward_slot_shown(slot, authors);
    bool governed = ward_field_class(slot->field) == WARD_GOVERNED;
    for (size_t i = 0; i < slot->live_count; i++) {
        const struct ward_live_value *v = &slot->live[i];
        bool counts = !governed || authors->v[v->fid].rank == authors->v[shown->fid].rank;
        if (counts && !same(v, shown))
            return true;
    }
    return false;
}

bool ward_slot_is_proposed(const struct ward_field_def *field, const struct ward_slot *slot, const struct ward_authors *authors)
{
    if (!field || slot->live_count < 2 || ward_field_class(slot->field) != WARD_GOVERNED ||
        (field->policy != WARD_CONFLICT && field->policy != WARD_FIXED) || ward_slot_in_conflict(field, slot, authors))
        return false;
    const struct ward_live_value *shown = ward_slot_shown(slot, authors);
    for (size_t i = 0; i < slot->live_count; i++)
        if (!same(&slot->live[i], shown))
            return true;
    return false;
}

size_t ward_state_conflicts(const struct ward_kind_def *kind, const struct ward_state *s, const struct ward_authors *authors)
{
    size_t n = 0;
    for (size_t i = 0; kind && i < s->slot_count; i++)
        n += ward_slot_in_conflict(ward_kind_field(kind, s->slots[i].field), &s->slots[i], authors);
    return n;
}

static struct ward_value greatest(const struct ward_slot *slot)
{
    struct ward_value best = ward_value_null();
    for (size_t i = 0; i < slot->live_count; i++) {
        struct ward_value v = ward_live_decode(&slot->live[i]);
        if (v.type == WARD_INT && (best.type == WARD_NULL || v.integer > best.integer))
            best = v;
    }
    return best;
}

struct ward_value ward_view_value(const struct ward_field_def *field, const struct ward_state *s, const struct ward_authors *authors)
{
    const struct ward_slot *slot = ward_state_find(s, field->number, NULL, 0);
    if (!slot || field->policy == WARD_ADD_WINS)
        return ward_value_null();
    if (field->policy == WARD_SUM)
        return ward_value_int(ward_slot_sum(slot));
    if (field->policy == WARD_MAX)
        return greatest(slot);
    struct ward_value v = ward_live_decode(ward_slot_shown(slot, authors));
    /* A peer with another schema may have written another type here: kept, but not shown as what it is not. */
    return v.type == field->type ? v : ward_value_null();
}

bool ward_member_is_in(const struct ward_slot *slot)
{
    for (size_t i = 0; i < slot->live_count; i++)
        if (ward_value_is_true(&slot->live[i]))
            return true;
    return false;
}

static bool is_plain_text(const uint8_t *p, size_t len)
{
    if (len == WARD_ID_BYTES || !ward_text_valid(p, len))
        return false;
    for (size_t i = 0; i < len; i++)
        if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\' || p[i] == 0x7f)
            return false;
    return true;
}

static void add_member(struct ward_buf *b, const uint8_t *key, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    ward_buf_add(b, "\"", 1);
    if (is_plain_text(key, len)) {
        ward_buf_add(b, key, len);
    } else {
        for (size_t i = 0; i < len; i++) {
            char hex[2] = {digits[key[i] >> 4], digits[key[i] & 15]};
            ward_buf_add(b, hex, 2);
        }
    }
    ward_buf_add(b, "\"", 1);
}

int ward_view_members(struct ward_value *out, const struct ward_field_def *field, const struct ward_state *s)
{
    struct ward_buf b;
    size_t first, end = ward_state_range(s, field->number, &first), n = 0;
    ward_buf_init(&b, s->arena->env);
    ward_buf_add(&b, "[", 1);
    for (size_t i = first; i < end; i++) {
        if (!ward_member_is_in(&s->slots[i]))
            continue;
        if (n++)
            ward_buf_add(&b, ",", 1);
        add_member(&b, s->slots[i].key, s->slots[i].key_len);
    }
    ward_buf_add(&b, "]", 1);
    const uint8_t *own = ward_buf_status(&b) ? NULL : ward_arena_copy(s->arena, b.p, b.len);
    if (own)
        *out = (struct ward_value){.type = WARD_TEXT, .p = own, .len = b.len};
    ward_buf_free(&b);
    return own ? WARD_OK : WARD_ERR_MEMORY;
}

void ward_conflict_id(struct ward_id *out, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, uint32_t field)
{
    uint8_t bytes[96];
    struct ward_hash full;
    struct ward_buf b = {.p = bytes, .cap = sizeof bytes}; /* large enough: 1 + 34 + 5 + 17 + 5 + 1 */
    ward_put_array(&b, 5);
    ward_put_bytes(&b, space->b, sizeof space->b);
    ward_put_uint(&b, kind);
    ward_put_bytes(&b, entity->b, sizeof entity->b);
    ward_put_uint(&b, field);
    ward_put_bytes(&b, NULL, 0);
    ward_hash_once(&full, "wardsync slot", b.p, b.len);
    memcpy(out->b, full.b, sizeof out->b);
}
