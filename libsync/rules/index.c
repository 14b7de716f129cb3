#include "rules/index.h"
#include "base/err.h"
#include "rules/schema.h"
#include "rules/view.h"
#include "values/change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum tag { NOTHING = 1, BOOLEAN, INTEGER, TEXT, BYTES };
#define DIGITS  0x30 /* stands where digits stand among the characters */
#define RUN_MAX 100  /* digits that are taken as one number */

/* ---- columns */

static void put_byte(struct ward_buf *b, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    ward_buf_add(b, &one, 1);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static size_t put_number(struct ward_buf *b, const uint8_t *p, size_t len)
{
    size_t n = 0, zeros = 0;
    while (n < len && n < RUN_MAX && is_digit(p[n]))
        n++;
    while (zeros + 1 < n && p[zeros] == '0')
        zeros++;
    put_byte(b, DIGITS);
    put_byte(b, (unsigned)(n - zeros));
    ward_buf_add(b, p + zeros, n - zeros);
    put_byte(b, (unsigned)zeros);
    return n;
}

static void put_text(struct ward_buf *b, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len;) {
        if (is_digit(p[i])) {
            i += put_number(b, p + i, len - i);
            continue;
        }
        put_byte(b, p[i++]); /* never 0: no text holds that (values/text.h) */
    }
}

static void put_bytes(struct ward_buf *b, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        put_byte(b, p[i]);
        if (p[i] == 0)
            put_byte(b, 0xff);
    }
}

void ward_index_put(struct ward_buf *key, const struct ward_value *v)
{
    size_t len = v->len < WARD_INDEX_BYTES ? v->len : WARD_INDEX_BYTES;
    switch (v->type) {
    case WARD_NULL:
        put_byte(key, NOTHING);
        break;
    case WARD_BOOL:
        put_byte(key, BOOLEAN);
        put_byte(key, v->boolean);
        break;
    case WARD_INT:
        put_byte(key, INTEGER);
        for (int i = 7; i >= 0; i--)
            put_byte(key, (unsigned)((((uint64_t)v->integer ^ (UINT64_C(1) << 63)) >> (8 * i)) & 0xff));
        break;
    case WARD_TEXT:
        put_byte(key, TEXT);
        put_text(key, v->p, len);
        put_byte(key, 0);
        break;
    default:
        put_byte(key, BYTES);
        put_bytes(key, v->p, len);
        put_byte(key, 0);
    }
}

void ward_index_put_prefix(struct ward_buf *key, const char *text, size_t len)
{
    put_byte(key, TEXT);
    put_text(key, (const uint8_t *)text, len < WARD_INDEX_BYTES ? len : WARD_INDEX_BYTES);
}

/* The digits of a run with its zeros before them; false where there is no such run, or no room. */
static bool next_number(const uint8_t *key, size_t len, size_t *at, uint8_t **to, const uint8_t *end)
{
    size_t n = *at < len ? key[*at] : len, zeros = n + 1 < len - *at ? key[*at + n + 1] : RUN_MAX + 1;
    if (zeros > RUN_MAX || n + zeros > (size_t)(end - *to))
        return false;
    memset(*to, '0', zeros);
    memcpy(*to + zeros, key + *at + 1, n);
    *to += zeros + n;
    *at += n + 2;
    return true;
}

static bool next_text(const uint8_t *key, size_t len, size_t *at, bool numbers, struct ward_value *out, struct ward_buf *into)
{
    uint8_t *from = into->p + into->len, *to = from, *end = into->p + into->cap;
    size_t i = *at;
    for (;;) {
        if (i >= len || to == end)
            return false;
        uint8_t c = key[i++];
        if (numbers && c == DIGITS) {
            if (!next_number(key, len, &i, &to, end))
                return false;
            continue;
        }
        if (c == 0) {
            if (i >= len || key[i] != 0xff)
                break;
            i++;
        }
        *to++ = c;
    }
    *out = (struct ward_value){.type = numbers ? WARD_TEXT : WARD_BYTES, .p = from, .len = (size_t)(to - from)};
    into->len += out->len;
    *at = i;
    return true;
}

bool ward_index_next(const uint8_t *key, size_t len, size_t *at, struct ward_value *out, struct ward_buf *into)
{
    if (*at >= len)
        return false;
    uint8_t tag = key[(*at)++];
    uint64_t n = 0;
    switch (tag) {
    case NOTHING:
        *out = ward_value_null();
        return true;
    case BOOLEAN:
        if (*at >= len)
            return false;
        *out = ward_value_bool(key[(*at)++]);
        return true;
    case INTEGER:
        if (len - *at < 8)
            return false;
        for (int i = 0; i < 8; i++)
            n = n << 8 | key[(*at)++];
        *out = ward_value_int((int64_t)(n ^ (UINT64_C(1) << 63)));
        return true;
    case TEXT:
    case BYTES:
        return next_text(key, len, at, tag == TEXT, out, into);
    default:
        return false;
    }
}

/* ---- entries */

/* Those of one record as they are found. */
struct gather {
    const struct ward_kind_def *kind;
    const struct ward_state *s;
    const struct ward_authors *authors;
    struct ward_arena *arena;
    struct ward_buf key;
    struct ward_index_entry *v;
    size_t count, cap;
};

int ward_index_compare(const struct ward_index_entry *a, const struct ward_index_entry *b)
{
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    int order = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare(const void *a, const void *b)
{
    return ward_index_compare(a, b);
}

static int add(struct gather *g, uint32_t index)
{
    if (ward_buf_status(&g->key))
        return WARD_ERR_MEMORY;
    if (g->count == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 8;
        struct ward_index_entry *more = ward_arena_take(g->arena, cap * sizeof *more);
        if (!more)
            return WARD_ERR_MEMORY;
        if (g->count)
            memcpy(more, g->v, g->count * sizeof *more);
        g->v = more;
        g->cap = cap;
    }
    const uint8_t *own = g->key.len ? ward_arena_copy(g->arena, g->key.p, g->key.len) : ward_arena_take(g->arena, 1);
    if (!own)
        return WARD_ERR_MEMORY;
    g->v[g->count++] = (struct ward_index_entry){index, own, g->key.len};
    return WARD_OK;
}

/* What people see of the field. That the kind has it was checked with the schema. */
static void put_shown(struct gather *g, uint32_t field)
{
    const struct ward_field_def *f = ward_kind_field(g->kind, field);
    assert(f);
    struct ward_value v = ward_view_value(f, g->s, g->authors);
    ward_index_put(&g->key, &v);
}

/* One entry: the first column is there, the others follow. */
static int finish(struct gather *g, uint32_t index, const struct ward_index_def *def)
{
    for (size_t i = 1; i < WARD_INDEX_COLUMNS && def->by[i]; i++)
        put_shown(g, def->by[i]);
    return add(g, index);
}

static int each_member(struct gather *g, uint32_t index, const struct ward_index_def *def, uint32_t field)
{
    size_t first, end = ward_state_range(g->s, field, &first);
    int rc = WARD_OK;
    for (size_t i = first; !rc && i < end; i++) {
        if (!ward_member_is_in(&g->s->slots[i]))
            continue;
        struct ward_value v = ward_value_bytes(g->s->slots[i].key, g->s->slots[i].key_len);
        ward_buf_clear(&g->key);
        ward_index_put(&g->key, &v);
        rc = finish(g, index, def);
    }
    return rc;
}

static int each_proposed(struct gather *g, uint32_t index, const struct ward_index_def *def)
{
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < g->s->slot_count; i++) {
        const struct ward_slot *slot = &g->s->slots[i];
        if (!ward_slot_is_proposed(ward_kind_field(g->kind, slot->field), slot, g->authors))
            continue;
        struct ward_value v = ward_value_int(slot->field);
        ward_buf_clear(&g->key);
        ward_index_put(&g->key, &v);
        rc = finish(g, index, def);
    }
    return rc;
}

static int by_field(struct gather *g, uint32_t index, const struct ward_index_def *def, uint32_t field)
{
    if (field == WARD_BY_PROPOSED)
        return each_proposed(g, index, def);
    if (field && ward_field_class(field) == WARD_MEMBER)
        return each_member(g, index, def, field);
    ward_buf_clear(&g->key);
    if (!field) /* in order of id alone */
        return add(g, index);
    put_shown(g, field);
    return finish(g, index, def);
}

static size_t drop_twins(struct ward_index_entry *v, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || ward_index_compare(&v[kept - 1], &v[i]) != 0)
            v[kept++] = v[i];
    return kept;
}

static bool has_indexes(const struct ward_schema *schema, uint32_t kind)
{
    for (size_t i = 0; schema && i < schema->index_count; i++)
        if (schema->indexes[i].kind == kind)
            return true;
    return false;
}

int ward_index_entries(struct ward_index_entries *out, const struct ward_schema *schema, const struct ward_kind_def *kind,
                       const struct ward_state *s, const struct ward_authors *authors, struct ward_arena *arena)
{
    struct gather g = {.kind = kind, .s = s, .authors = authors, .arena = arena};
    int rc = WARD_OK;
    *out = (struct ward_index_entries){0};
    if (!kind || !has_indexes(schema, kind->number) || !ward_state_present(s))
        return WARD_OK;
    ward_buf_init(&g.key, arena->env);
    for (size_t i = 0; !rc && i < schema->index_count; i++) {
        const struct ward_index_def *def = &schema->indexes[i];
        if (def->kind != kind->number)
            continue;
        rc = by_field(&g, (uint32_t)i, def, def->by[0]);
        if (!rc && def->or_by)
            rc = by_field(&g, (uint32_t)i, def, def->or_by);
    }
    ward_buf_free(&g.key);
    if (g.count > 1)
        qsort(g.v, g.count, sizeof *g.v, compare);
    *out = (struct ward_index_entries){g.v, g.count ? drop_twins(g.v, g.count) : 0};
    return rc;
}
