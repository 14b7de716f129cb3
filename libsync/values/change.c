#include "values/change.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "values/cbor.h"
#include "values/feed.h"

#include <string.h>

void ward_scratch_init(struct ward_scratch *s, const struct ward_env *env)
{
    *s = (struct ward_scratch){.env = env};
}

void ward_scratch_clear(struct ward_scratch *s)
{
    s->change_count = s->dep_count = s->op_count = 0;
}

void ward_scratch_free(struct ward_scratch *s)
{
    ward_release(s->env, s->changes);
    ward_release(s->env, s->deps);
    ward_release(s->env, s->ops);
    ward_scratch_init(s, s->env);
}

/* The next free place of one of the scratch's arrays, or NULL. */
#define NEXT(s, name)                                                                                                                      \
    (ward_grow((s)->env, (void **)&(s)->name##s, &(s)->name##_cap, (s)->name##_count, sizeof *(s)->name##s)                                \
         ? NULL                                                                                                                            \
         : memset(&(s)->name##s[(s)->name##_count++], 0, sizeof *(s)->name##s))

static bool read_dep(struct ward_cbor *c, struct ward_dep *d)
{
    return ward_cbor_array_exact(c, 3) && ward_cbor_hash(c, &d->feed) && ward_cbor_uint(c, &d->seq, INT64_MAX) &&
           ward_cbor_hash(c, &d->hash) && ward_cbor_check(c, d->seq > 0 || ward_dep_is_own(d), WARD_ERR_RANGE);
}

static bool read_deps(struct ward_cbor *c, struct ward_scratch *s, struct ward_change *ch)
{
    size_t count;
    if (!ward_cbor_array(c, &count))
        return false;
    if (count > WARD_DEPS_MAX)
        return ward_cbor_fail(c, WARD_ERR_LIMIT_DEPS);
    ch->dep_first = s->dep_count;
    ch->dep_count = count;
    for (size_t i = 0; i < count; i++) {
        struct ward_dep *d = NEXT(s, dep);
        if (!d)
            return ward_cbor_fail(c, WARD_ERR_MEMORY);
        if (!read_dep(c, d))
            return false;
        if (i > 0 && ward_hash_compare(&d[-1].feed, &d->feed) >= 0)
            return ward_cbor_fail(c, WARD_ERR_DEP_ORDER);
        if (!ward_dep_is_own(d))
            continue;
        if (ch->late)
            return ward_cbor_fail(c, WARD_ERR_DEP_ORDER);
        ch->late = true;
        ch->own_seen = d->seq;
    }
    return true;
}

/* The record an operation names: a new one in full, or one of this change by index. */
static bool read_record(struct ward_cbor *c, const struct ward_scratch *s, struct ward_change *ch, struct ward_op *op, bool *again)
{
    enum ward_type type;
    if (!ward_cbor_peek(c, &type))
        return false;
    const struct ward_op *first = s->ops + ch->op_first;
    *again = type == WARD_INT;
    if (*again) {
        uint64_t index;
        if (!ward_cbor_uint(c, &index, UINT64_MAX))
            return false;
        if (index >= ch->record_count)
            return ward_cbor_fail(c, WARD_ERR_OP);
        while (first->record != index)
            first++;
        op->record = (uint32_t)index;
        op->kind = first->kind;
        op->entity = first->entity;
        return true;
    }
    const uint8_t *entity;
    uint64_t kind;
    if (!ward_cbor_bytes_exact(c, &entity, WARD_ID_BYTES) || !ward_cbor_uint(c, &kind, 65535))
        return false;
    if (kind == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    op->kind = (uint32_t)kind;
    memcpy(op->entity.b, entity, WARD_ID_BYTES);
    for (const struct ward_op *o = first; o < op; o++)
        if (o->kind == op->kind && ward_id_equal(&o->entity, &op->entity))
            return ward_cbor_fail(c, WARD_ERR_OP); /* must be named by index */
    op->record = (uint32_t)ch->record_count++;
    return true;
}

static bool fits(uint32_t field, const struct ward_value *v)
{
    if (field == WARD_FIELD_PRESENCE || ward_field_class(field) == WARD_MEMBER)
        return v->type == WARD_BOOL;
    return ward_field_class(field) != WARD_TALLY || v->type == WARD_INT;
}

static bool read_op(struct ward_cbor *c, struct ward_scratch *s, struct ward_change *ch, struct ward_op *op)
{
    size_t members;
    bool again;
    if (!ward_cbor_array(c, &members))
        return false;
    if (members < 3 || members > 5)
        return ward_cbor_fail(c, WARD_ERR_OP);
    if (!read_record(c, s, ch, op, &again))
        return false;
    size_t without_key = again ? 3 : 4;
    uint64_t field;
    if (!ward_cbor_uint(c, &field, 65535))
        return false;
    op->field = (uint32_t)field;
    bool member = ward_field_class(op->field) == WARD_MEMBER;
    if (op->field == 0 || op->field == 2 || op->field == 3 || members != without_key + member)
        return ward_cbor_fail(c, WARD_ERR_OP);
    if (member) {
        if (!ward_cbor_bytes(c, &op->key, &op->key_len))
            return false;
        if (op->key_len > WARD_KEY_MAX)
            return ward_cbor_fail(c, WARD_ERR_LIMIT_KEY);
        if (op->key_len == 0)
            return ward_cbor_fail(c, WARD_ERR_OP);
    }
    if (!ward_cbor_value(c, &op->value, &op->raw, &op->raw_len))
        return false;
    return ward_cbor_check(c, fits(op->field, &op->value), WARD_ERR_OP);
}

static bool read_ops(struct ward_cbor *c, struct ward_scratch *s, struct ward_change *ch)
{
    size_t count;
    if (!ward_cbor_array(c, &count))
        return false;
    if (count > WARD_OPS_MAX)
        return ward_cbor_fail(c, WARD_ERR_LIMIT_OPS);
    if (count == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    ch->op_first = s->op_count;
    for (size_t i = 0; i < count; i++) {
        struct ward_op *op = NEXT(s, op);
        if (!op)
            return ward_cbor_fail(c, WARD_ERR_MEMORY);
        if (!read_op(c, s, ch, op))
            return false;
        ch->op_count++;
    }
    return true;
}

int ward_change_parse(struct ward_scratch *s, const uint8_t *p, size_t len, size_t *used, struct ward_error *err)
{
    struct ward_cbor c;
    struct ward_change ch = {.p = p};
    uint64_t wall;
    ward_cbor_init(&c, p, len);
    bool fine = ward_cbor_array_exact(&c, 4) && ward_cbor_uint(&c, &wall, WARD_WALL_MS_MAX) && ward_cbor_uint(&c, &ch.depth, INT64_MAX) &&
                ward_cbor_check(&c, ch.depth >= 1, WARD_ERR_RANGE) && read_deps(&c, s, &ch) && read_ops(&c, s, &ch);
    if (fine && c.pos > WARD_BODY_MAX)
        fine = ward_cbor_fail(&c, WARD_ERR_LIMIT_BODY);
    struct ward_change *out = fine ? NEXT(s, change) : NULL;
    if (!out) {
        ward_cbor_fail(&c, WARD_ERR_MEMORY); /* where nothing failed before */
        return ward_fail(err, c.code, "byte %zu of the change", c.pos);
    }
    ch.wall_ms = (int64_t)wall;
    ch.len = c.pos;
    *out = ch;
    *used = c.pos;
    return WARD_OK;
}

int ward_change_skip(const uint8_t *p, size_t len, struct ward_change_head *out)
{
    struct ward_cbor c;
    uint64_t wall, depth;
    size_t deps, ops;
    struct ward_dep dep;
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array_exact(&c, 4) || !ward_cbor_uint(&c, &wall, WARD_WALL_MS_MAX) || !ward_cbor_uint(&c, &depth, INT64_MAX) ||
        !ward_cbor_array(&c, &deps))
        return c.code;
    while (deps--)
        if (!read_dep(&c, &dep))
            return c.code;
    if (!ward_cbor_array(&c, &ops))
        return c.code;
    while (ops--) {
        size_t members;
        struct ward_value value;
        const uint8_t *raw;
        size_t raw_len;
        if (!ward_cbor_array(&c, &members))
            return c.code;
        while (members--)
            if (!ward_cbor_value(&c, &value, &raw, &raw_len))
                return c.code;
    }
    *out = (struct ward_change_head){.wall_ms = (int64_t)wall, .depth = depth, .len = c.pos};
    return WARD_OK;
}

static void write_op(struct ward_buf *out, const struct ward_op *op, bool again)
{
    bool member = ward_field_class(op->field) == WARD_MEMBER;
    ward_put_array(out, (again ? 3u : 4u) + member);
    if (again) {
        ward_put_uint(out, op->record);
    } else {
        ward_put_bytes(out, op->entity.b, sizeof op->entity.b);
        ward_put_uint(out, op->kind);
    }
    ward_put_uint(out, op->field);
    if (member)
        ward_put_bytes(out, op->key, op->key_len);
    ward_buf_add(out, op->raw, op->raw_len);
}

void ward_change_write(struct ward_buf *out, int64_t wall_ms, uint64_t depth, const struct ward_dep *deps, size_t dep_count,
                       const struct ward_op *ops, size_t op_count)
{
    ward_put_array(out, 4);
    ward_put_uint(out, (uint64_t)wall_ms);
    ward_put_uint(out, depth);
    ward_put_array(out, dep_count);
    for (size_t i = 0; i < dep_count; i++) {
        ward_put_array(out, 3);
        ward_put_bytes(out, deps[i].feed.b, 32);
        ward_put_uint(out, deps[i].seq);
        ward_put_bytes(out, deps[i].hash.b, 32);
    }
    ward_put_array(out, op_count);
    uint32_t next = 0;
    for (size_t i = 0; i < op_count; i++) {
        bool again = ops[i].record < next;
        write_op(out, &ops[i], again);
        if (!again)
            next++;
    }
}
