#include "replica/op_index.h"
#include "base/alloc.h"
#include "base/err.h"

#include <string.h>

#define FIRST_CAP 16 /* a power of two, as all that follow */

static uint64_t mix(uint64_t h, const void *p, size_t len)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++)
        h = (h ^ b[i]) * 1099511628211u; /* FNV-1a */
    return h;
}

static uint64_t hash(const struct ward_op *o)
{
    uint64_t h = mix(14695981039346656037u, o->entity.b, sizeof o->entity.b);
    h = mix(h, &o->kind, sizeof o->kind);
    h = mix(h, &o->field, sizeof o->field);
    h = mix(h, o->key, o->key_len);
    return h ^ h >> 32;
}

static bool same_slot(const struct ward_op *a, const struct ward_op *b)
{
    return a->kind == b->kind && a->field == b->field && ward_id_equal(&a->entity, &b->entity) && a->key_len == b->key_len &&
           (a->key_len == 0 || memcmp(a->key, b->key, a->key_len) == 0);
}

/* Where the slot stands, or may stand: at most half of the table is taken. */
static uint32_t *place(const struct ward_op_index *x, const struct ward_op *ops, const struct ward_op *like)
{
    size_t i = hash(like) & (x->cap - 1);
    while (x->at[i] && !same_slot(&ops[x->at[i] - 1], like))
        i = (i + 1) & (x->cap - 1);
    return &x->at[i];
}

static int grow(struct ward_op_index *x, const struct ward_op *ops)
{
    struct ward_op_index wider = {.env = x->env, .count = x->count, .cap = x->cap ? x->cap * 2 : FIRST_CAP};
    wider.at = ward_alloc(x->env, wider.cap * sizeof *wider.at);
    if (!wider.at)
        return WARD_ERR_MEMORY;
    for (size_t i = 0; i < x->cap; i++)
        if (x->at[i])
            *place(&wider, ops, &ops[x->at[i] - 1]) = x->at[i];
    ward_release(x->env, x->at);
    *x = wider;
    return WARD_OK;
}

bool ward_op_index_find(const struct ward_op_index *x, const struct ward_op *ops, const struct ward_op *like, size_t *out)
{
    uint32_t at = x->cap ? *place(x, ops, like) : 0;
    if (at)
        *out = at - 1;
    return at != 0;
}

int ward_op_index_note(struct ward_op_index *x, const struct ward_op *ops, size_t number)
{
    if (x->count * 2 >= x->cap && grow(x, ops))
        return WARD_ERR_MEMORY;
    uint32_t *at = place(x, ops, &ops[number]);
    x->count += *at == 0;
    *at = (uint32_t)number + 1;
    return WARD_OK;
}

void ward_op_index_free(struct ward_op_index *x)
{
    ward_release(x->env, x->at);
    x->at = NULL;
    x->count = x->cap = 0;
}
