/* proto/merge.md, slow and obvious. */
#include "base/buf.h"
#include "disk_inside.h"
#include "model_parts.h"
#include "rules/schema.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/hash.h"

#include <stdlib.h>
#include <string.h>

/* One value written at one slot. */
struct write {
    uint32_t kind, field;
    const struct ward_id *entity;
    const uint8_t *key;
    size_t key_len;
    size_t feed;
    uint64_t seq;
    size_t order; /* among the writes of its change */
    const struct model_change *change;
    const uint8_t *raw;
    size_t len;
    bool dead;
};
struct writes {
    const struct model *m;
    struct write *v;
    size_t count, cap;
};

static int slot_order(const struct write *a, const struct write *b)
{
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    if (!order)
        order = memcmp(a->entity->b, b->entity->b, 16);
    if (!order)
        order = (a->field > b->field) - (a->field < b->field);
    size_t common = a->key_len < b->key_len ? a->key_len : b->key_len;
    if (!order && common)
        order = memcmp(a->key, b->key, common);
    return order ? order : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static const struct model *sorting; /* qsort takes no context */

static int write_order(const void *pa, const void *pb)
{
    const struct write *a = pa, *b = pb;
    int order = slot_order(a, b);
    if (!order)
        order = memcmp(sorting->feeds[a->feed].id.b, sorting->feeds[b->feed].id.b, 32);
    if (!order)
        order = (a->seq > b->seq) - (a->seq < b->seq);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static void add_write(struct writes *ws, const struct write *w)
{
    if (ws->count == ws->cap) {
        ws->cap = ws->cap ? 2 * ws->cap : 512;
        ws->v = disk_memory(ws->v, ws->cap * sizeof *ws->v);
    }
    ws->v[ws->count++] = *w;
}

static bool writes_presence(const struct model_change *c, const struct model_op *op)
{
    for (size_t i = 0; i < c->op_count; i++)
        if (c->ops[i].kind == op->kind && c->ops[i].field == WARD_FIELD_PRESENCE && memcmp(c->ops[i].entity.b, op->entity.b, 16) == 0)
            return true;
    return false;
}

static bool first_of_record(const struct model_change *c, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (c->ops[i].kind == c->ops[at].kind && memcmp(c->ops[i].entity.b, c->ops[at].entity.b, 16) == 0)
            return false;
    return true;
}

/* "To edit a thing is to hold that it exists." */
static void add_change_writes(struct writes *ws, size_t feed, uint64_t seq)
{
    static const uint8_t yes[] = {0xf5};
    const struct model_feed *f = &ws->m->feeds[feed];
    const struct model_change *c = model_change(ws->m, feed, seq);
    for (size_t i = 0; i < c->op_count; i++) {
        const struct model_op *op = &c->ops[i];
        struct write w = {.kind = op->kind,
                          .field = op->field,
                          .entity = &op->entity,
                          .key = op->key,
                          .key_len = op->key_len,
                          .feed = feed,
                          .seq = seq,
                          .order = i,
                          .change = c,
                          .raw = op->raw,
                          .len = op->len};
        if ((op->field & 3u) == WARD_TALLY) {
            w.key = f->id.b;
            w.key_len = 32;
        }
        add_write(ws, &w);
        if (!first_of_record(c, i) || writes_presence(c, op))
            continue;
        w.field = WARD_FIELD_PRESENCE;
        w.key_len = 0;
        w.order = c->op_count + i;
        w.raw = yes;
        w.len = sizeof yes;
        add_write(ws, &w);
    }
}

/* "Seqs are compared whatever branch they were named on." */
static bool has_seen(const struct model *m, const struct model_vv *vv, const struct write *v)
{
    for (size_t i = m->feeds[v->feed].first; i != SIZE_MAX; i = m->feeds[i].next)
        if (i < vv->count && vv->seq[i] >= v->seq)
            return true;
    return false;
}

static bool supersedes(const struct model *m, const struct write *c, const struct write *v)
{
    if (c->feed == v->feed && c->seq == v->seq)
        return c->order > v->order;
    if (v->change->depth >= c->change->depth) /* it named another with that seq */
        return false;
    if ((v->field & 3u) == WARD_TALLY) /* the slot is its feed's alone */
        return has_seen(m, &c->change->seen, v);
    return has_seen(m, &c->change->sight, v) && ((v->field & 3u) != WARD_GOVERNED || m->feeds[c->feed].rank >= m->feeds[v->feed].rank);
}

static bool value_equal(const struct write *a, const struct write *b)
{
    return a->len == b->len && memcmp(a->raw, b->raw, a->len) == 0;
}

static bool known_to(const struct ward_schema *schema, uint32_t kind, uint32_t field, enum ward_policy *policy)
{
    *policy = WARD_CONFLICT;
    for (size_t i = 0; i < schema->kind_count; i++)
        for (size_t j = 0; schema->kinds[i].number == kind && j < schema->kinds[i].field_count; j++)
            if (field == WARD_FIELD_PRESENCE || schema->kinds[i].fields[j].number == field) {
                *policy = field == WARD_FIELD_PRESENCE ? WARD_CONFLICT : schema->kinds[i].fields[j].policy;
                return true;
            }
    return false;
}

/* proto/merge.md, Conflict: two live values that differ, of the greatest rank there is in a governed field; presence: whatever the ranks.
 */
static bool in_conflict(const struct model *m, const struct write *v, size_t n, const struct ward_schema *schema)
{
    enum ward_policy policy;
    unsigned cls = v->field & 3u, top = 0;
    const struct write *first = NULL;
    if (cls > WARD_GOVERNED || !known_to(schema, v->kind, v->field, &policy) || (policy != WARD_CONFLICT && policy != WARD_FIXED))
        return false;
    bool ranked = cls == WARD_GOVERNED && v->field != WARD_FIELD_PRESENCE;
    for (size_t i = 0; i < n; i++)
        if (!v[i].dead && m->feeds[v[i].feed].rank > top)
            top = m->feeds[v[i].feed].rank;
    for (size_t i = 0; i < n; i++) {
        if (v[i].dead || (ranked && m->feeds[v[i].feed].rank < top))
            continue;
        if (first && !value_equal(first, &v[i]))
            return true;
        first = first ? first : &v[i];
    }
    return false;
}

static void digest_slot(const struct model *m, struct ward_buf *b, const struct write *v, size_t n)
{
    size_t live = 0;
    for (size_t i = 0; i < n; i++)
        live += !v[i].dead;
    ward_put_array(b, 5);
    ward_put_uint(b, v->kind);
    ward_put_bytes(b, v->entity->b, 16);
    ward_put_uint(b, v->field);
    ward_put_bytes(b, v->key, v->key_len);
    ward_put_array(b, live);
    for (size_t i = 0; i < n; i++) {
        if (v[i].dead)
            continue;
        ward_put_array(b, 4);
        ward_put_bytes(b, m->feeds[v[i].feed].id.b, 32);
        ward_put_uint(b, v[i].seq);
        ward_put_uint(b, v[i].change->depth);
        ward_buf_add(b, v[i].raw, v[i].len);
    }
}

void model_digest(const struct model *m, size_t space, const uint64_t *held, bool cuts, struct ward_hash *out, size_t *conflicts,
                  const struct ward_schema *schema)
{
    struct judged *g = model_judge(m, held, cuts);
    struct writes ws = {.m = m};
    struct ward_buf b;
    for (size_t i = 0; i < m->feed_count; i++) {
        uint64_t limit = m->feeds[i].space == space ? model_limit(g, i) : 0;
        for (uint64_t seq = m->feeds[i].base + 1; seq <= held[i] && seq <= limit; seq++)
            add_change_writes(&ws, i, seq);
    }
    sorting = m;
    if (ws.count)
        qsort(ws.v, ws.count, sizeof *ws.v, write_order);
    ward_buf_init(&b, ward_platform_env());
    for (size_t i = 0, n; i < ws.count; i += n) {
        struct write *v = &ws.v[i];
        for (n = 1; i + n < ws.count && slot_order(v, &v[n]) == 0;)
            n++;
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < n && !v[j].dead; k++)
                v[j].dead = j != k && supersedes(m, &v[k], &v[j]);
        digest_slot(m, &b, v, n);
        *conflicts += in_conflict(m, v, n, schema);
    }
    ward_hash_once(out, "wardsync state", b.p, b.len);
    ward_buf_free(&b);
    free(ws.v);
}
