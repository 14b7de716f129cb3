/* base_make.c - a snapshot of a space: made from the store's records, or copied from the base that is kept; and given, frame by frame. */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/base_kept.h"
#include "replica/own.h"
#include "rules/frame.h"
#include "shell/pack.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

/* Of a trunk, what has effect and is held. */
static uint64_t effective_end(const struct ward_feed *f)
{
    return f->limit < f->head_seq ? f->limit : f->head_seq;
}

struct maker {
    struct ward_made *out;
    ward_replica *r;
    uint32_t sid;
    const struct ward_feed **rows; /* trunks, ascending by grant: the head's feeds */
    size_t row_count;
    uint32_t *index; /* by fid: of rows, + 1 */
    const struct ward_vv *upto;
    bool replayed;                /* the rows' vectors are those of `upto` */
    struct ward_arena arena, one; /* what the values point into; and a record of the store */
    struct ward_buf raw, packed, items;
    struct ward_snapshot_value *values;
    size_t value_count, value_cap;
    struct ward_lag *lags; /* of the part at hand */
    size_t lag_count, lag_cap;
    uint32_t bodies;
    struct ward_op *ops;
    struct ward_error *err;
};

void ward_made_free(struct ward_made *m)
{
    if (!m->env)
        return;
    for (size_t i = 0; i < m->part_count; i++)
        ward_release(m->env, m->parts[i].data);
    ward_release(m->env, m->parts);
    ward_buf_free(&m->head);
    ward_vv_free(&m->upto, m->env);
    *m = (struct ward_made){0};
}

void ward_made_begin(struct ward_made *m, ward_replica *r, uint32_t sid)
{
    *m = (struct ward_made){.env = &r->env, .r = r, .sid = sid};
    ward_buf_init(&m->head, &r->env);
}

static int keep_part(struct ward_made *m, uint32_t codec, const void *data, size_t len, struct ward_error *err)
{
    uint8_t *own = ward_alloc(m->env, len + 1);
    if (!own || ward_grow(m->env, (void **)&m->parts, &m->part_cap, m->part_count, sizeof *m->parts)) {
        ward_release(m->env, own);
        return ward_fail(err, WARD_ERR_MEMORY, "snapshot");
    }
    memcpy(own, data, len);
    m->parts[m->part_count++] = (struct ward_made_part){codec, own, len};
    return WARD_OK;
}

/* ---- all live values */

static int add_value(struct maker *k, uint32_t kind, const struct ward_id *entity, const struct ward_slot *slot,
                     const struct ward_live_value *v)
{
    uint32_t index = k->index[v->fid];
    uint8_t *key = slot->key_len ? ward_arena_copy(&k->arena, slot->key, slot->key_len) : NULL;
    uint8_t *raw = ward_arena_copy(&k->arena, v->raw, v->len);
    if (index == 0)
        return ward_fail(k->err, WARD_ERR_CORRUPT, "a value by a feed of another space");
    if (!raw || (slot->key_len && !key) || ward_grow(&k->r->env, (void **)&k->values, &k->value_cap, k->value_count, sizeof *k->values))
        return ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    k->values[k->value_count++] = (struct ward_snapshot_value){.feed = index - 1,
                                                               .kind = kind,
                                                               .field = slot->field,
                                                               .entity = *entity,
                                                               .key = key,
                                                               .key_len = slot->key_len,
                                                               .seq = v->seq,
                                                               .depth = v->depth,
                                                               .raw = raw,
                                                               .raw_len = v->len};
    return WARD_OK;
}

static int add_record(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct maker *k = ctx;
    struct ward_state state;
    (void)sid, (void)conflicts;
    ward_arena_reset(&k->one);
    ward_state_init(&state, &k->one);
    int rc = ward_state_decode(&state, &k->r->dir.authors, p, len);
    if (rc)
        ward_fail(k->err, rc, "record");
    for (size_t i = 0; !rc && i < state.slot_count; i++)
        for (size_t j = 0; !rc && j < state.slots[i].live_count; j++)
            rc = add_value(k, kind, entity, &state.slots[i], &state.slots[i].live[j]);
    return rc;
}

static int by_change(const void *a, const void *b)
{
    const struct ward_snapshot_value *x = a, *y = b;
    int order = (x->feed > y->feed) - (x->feed < y->feed);
    if (order == 0)
        order = (x->seq > y->seq) - (x->seq < y->seq);
    return order ? order : ward_snapshot_compare_places(x, y);
}

/* ---- when they were written: by the base's own parts, and by the log */

struct stamping {
    struct ward_snapshot_value *v, *end; /* those of one feed that have none yet */
};

static int stamp(void *ctx, uint64_t seq, int64_t wall_ms)
{
    struct stamping *x = ctx;
    for (; x->v < x->end && x->v->seq == seq; x->v++)
        x->v->wall_ms = wall_ms;
    return WARD_OK;
}

static int stamp_by_log(struct stamping *x, ward_replica *r, uint32_t fid, struct ward_buf *raw, struct ward_error *err)
{
    int rc = WARD_OK;
    while (!rc && x->v < x->end) {
        struct ward_segment seg;
        size_t at = 0;
        rc = ward_store_find_segment(r->store, fid, x->v->seq, &seg, err);
        if (!rc)
            rc = ward_store_unpack(r->store, &seg, raw, err);
        for (uint64_t seq = seg.first; !rc && seq < seg.first + seg.count; seq++) {
            struct ward_change_head head;
            rc = ward_change_skip(raw->p + at, raw->len - at, &head);
            if (rc)
                return ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg.seg);
            at += head.len;
            stamp(x, seq, head.wall_ms);
        }
    }
    return rc;
}

static int stamp_feed(struct maker *k, struct ward_snapshot_value *v, struct ward_snapshot_value *end)
{
    const struct ward_feed *f = k->rows[v->feed];
    struct stamping x = {v, end};
    int rc = f->base ? ward_base_each_change(k->r, f, 1, f->base, stamp, &x, k->err) : WARD_OK;
    if (!rc && x.v < x.end && x.v->seq <= f->base)
        rc = ward_fail(k->err, WARD_ERR_CORRUPT, "base: a change is missing");
    return rc ? rc : stamp_by_log(&x, k->r, f->fid, &k->raw, k->err);
}

/* ---- parts */

static int add_lag(struct maker *k, uint64_t lag, uint32_t bodies)
{
    k->bodies += bodies;
    if (k->lag_count && k->lags[k->lag_count - 1].lag == lag) {
        k->lags[k->lag_count - 1].count += bodies;
        return WARD_OK;
    }
    if (ward_grow(&k->r->env, (void **)&k->lags, &k->lag_cap, k->lag_count, sizeof *k->lags))
        return ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    k->lags[k->lag_count++] = (struct ward_lag){lag, bodies};
    return WARD_OK;
}

static int end_part(struct maker *k, uint32_t feed, uint64_t last)
{
    struct ward_hash hash;
    uint32_t codec;
    if (ward_buf_status(&k->raw))
        return ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    int rc = ward_pack(ward_store_packer(k->r->store), &k->packed, &codec, k->raw.p, k->raw.len, k->bodies, k->err);
    const struct ward_buf *data = codec ? &k->packed : &k->raw;
    if (!rc)
        rc = keep_part(k->out, codec, data->p, data->len, k->err);
    if (!rc) {
        ward_snapshot_name_part(&hash, codec, data->p, data->len);
        ward_snapshot_put_part(&k->items, feed, last, k->lags, k->lag_count, &hash);
    }
    ward_buf_clear(&k->raw);
    k->lag_count = k->bodies = 0;
    return rc;
}

#define BODIES_USUAL (WARD_RUN_CHANGES_MAX - 4) /* those of one more change fit: what it wrote, and the presence that it implied */

static int add_feed_parts(struct maker *k, struct ward_snapshot_value *v, struct ward_snapshot_value *end)
{
    int rc = stamp_feed(k, v, end);
    ward_buf_clear(&k->raw);
    for (struct ward_snapshot_value *next; !rc && v < end; v = next) {
        for (next = v; next < end && next->seq == v->seq;)
            next++;
        rc = add_lag(k, v->depth - v->seq, ward_snapshot_put_change(&k->raw, v, (size_t)(next - v), k->ops));
        if (!rc && (next == end || k->raw.len > WARD_PART_RAW_USUAL || k->bodies > BODIES_USUAL))
            rc = end_part(k, v->feed, v->seq);
    }
    return rc;
}

static int add_parts(struct maker *k)
{
    struct ward_snapshot_value *end = k->values + k->value_count;
    int rc = WARD_OK;
    if (k->value_count)
        qsort(k->values, k->value_count, sizeof *k->values, by_change);
    for (struct ward_snapshot_value *v = k->values, *next; !rc && v < end; v = next) {
        for (next = v; next < end && next->feed == v->feed;)
            next++;
        rc = add_feed_parts(k, v, next);
    }
    return rc;
}

/* The author's seal, if there is one just there; one that stood at the base's end is in the base's head. */
static int find_seal(struct maker *k, const struct ward_feed *f, uint64_t seq, uint8_t seal[64], bool *found)
{
    struct ward_segment seg;
    *found = false;
    if (seq == f->base)
        return ward_base_find_seal(k->r, f, seal, found, k->err);
    int rc = seq > f->base ? ward_store_find_segment(k->r->store, f->fid, seq, &seg, k->err) : WARD_OK;
    *found = !rc && seq > f->base && seg.first + seg.count - 1 == seq;
    if (*found)
        memcpy(seal, seg.sig, sizeof seg.sig);
    return rc;
}

static int add_feed(struct maker *k, const struct ward_feed *f)
{
    ward_replica *r = k->r;
    uint64_t seq = ward_vv_get(k->upto, f->fid), depth;
    struct ward_hash hash;
    struct ward_vv at = {0};
    const struct ward_vv *seen = &at;
    uint8_t seal[64];
    bool sealed = false;
    size_t pairs = 0;
    int rc = ward_chain_at(r, f->fid, seq, &hash, &depth, k->err);
    if (!rc && seq)
        rc = find_seal(k, f, seq, seal, &sealed);
    if (!rc && (k->replayed || seq == f->head_seq)) {
        rc = ward_store_load_vv(r->store, ward_directory_feed(&r->dir, f->fid), k->err);
        seen = &f->vv;
    } else if (!rc && seq) {
        rc = ward_vv_at(r, f->fid, seq, &at, k->err);
    }
    for (size_t i = 0; !rc && seq && i < k->row_count; i++)
        pairs += ward_vv_get(seen, k->rows[i]->fid) > 0;
    if (!rc) {
        ward_snapshot_put_feed(&k->out->head, &f->grant, seq, &hash, seq ? depth : 0, sealed ? seal : NULL, pairs);
        for (size_t i = 0; pairs && i < k->row_count; i++)
            if (ward_vv_get(seen, k->rows[i]->fid))
                ward_snapshot_put_seen(&k->out->head, (uint32_t)i, ward_vv_get(seen, k->rows[i]->fid));
    }
    ward_vv_free(&at, &r->env);
    return rc;
}

static int write_head(struct maker *k)
{
    const struct ward_space *s = ward_directory_space(&k->r->dir, k->sid);
    int rc = WARD_OK;
    ward_snapshot_put_begin(&k->out->head, s->circle, s->circle_count, &k->r->self, k->row_count);
    for (size_t i = 0; !rc && i < k->row_count; i++)
        rc = add_feed(k, k->rows[i]);
    ward_snapshot_put_parts(&k->out->head, k->out->part_count);
    ward_buf_add(&k->out->head, k->items.p, k->items.len);
    if (!rc && (ward_buf_status(&k->items) || ward_buf_status(&k->out->head)))
        rc = ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    return rc;
}

static int by_grant(const void *a, const void *b)
{
    return ward_hash_compare(&(*(const struct ward_feed *const *)a)->grant, &(*(const struct ward_feed *const *)b)->grant);
}

static int find_rows(struct maker *k)
{
    const struct ward_directory *d = &k->r->dir;
    const struct ward_space *s = ward_directory_space(d, k->sid);
    k->rows = ward_alloc(&k->r->env, (s->feed_count + 1) * sizeof(const struct ward_feed *));
    k->index = ward_alloc(&k->r->env, (d->feed_count + 1) * sizeof *k->index);
    if (!k->rows || !k->index)
        return ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
        if (!f->parent)
            k->rows[k->row_count++] = f;
    }
    if (k->row_count)
        qsort(k->rows, k->row_count, sizeof(const struct ward_feed *), by_grant);
    for (size_t i = 0; i < k->row_count; i++)
        k->index[k->rows[i]->fid] = (uint32_t)i + 1;
    return WARD_OK;
}

static int make(struct maker *k)
{
    ward_arena_init(&k->arena, &k->r->env);
    ward_arena_init(&k->one, &k->r->env);
    ward_buf_init(&k->raw, &k->r->env);
    ward_buf_init(&k->packed, &k->r->env);
    ward_buf_init(&k->items, &k->r->env);
    k->ops = ward_alloc(&k->r->env, WARD_OPS_MAX * sizeof *k->ops);
    int rc = k->ops ? find_rows(k) : ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    if (!rc)
        rc = ward_store_each_in_space(k->r->store, k->sid, add_record, k, k->err);
    if (!rc)
        rc = add_parts(k);
    if (!rc && k->out->part_count > WARD_PARTS_MAX)
        rc = ward_fail(k->err, WARD_ERR_HISTORY, "more than a snapshot holds");
    if (!rc)
        rc = write_head(k);
    ward_arena_free(&k->arena);
    ward_arena_free(&k->one);
    ward_buf_free(&k->raw);
    ward_buf_free(&k->packed);
    ward_buf_free(&k->items);
    ward_release(&k->r->env, k->values);
    ward_release(&k->r->env, k->lags);
    ward_release(&k->r->env, k->ops);
    ward_release(&k->r->env, k->index);
    ward_release(&k->r->env, (void *)k->rows);
    return rc;
}

int ward_base_make_upto(struct ward_made *m, struct ward_error *err)
{
    struct maker k = {.out = m, .r = m->r, .sid = m->sid, .upto = &m->upto, .replayed = true, .err = err};
    return make(&k);
}

/* The space as it stands in the store. Within a look or a transaction. */
static int make_now(struct ward_made *out, struct ward_replica *r, uint32_t sid, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct maker k = {.out = out, .r = r, .sid = sid, .err = err};
    int rc = WARD_OK;
    ward_made_begin(out, r, sid);
    if (s->circle_count == 0 || ward_space_is_doubtful(r, s))
        return ward_fail(err, WARD_ERR_HISTORY, "this space is not to be told by its state alone");
    for (size_t i = 0; !rc && i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (!f->parent && effective_end(f) && ward_vv_raise(&out->upto, &r->env, f->fid, effective_end(f)))
            rc = ward_fail(err, WARD_ERR_MEMORY, "snapshot");
    }
    k.upto = &out->upto;
    if (!rc)
        rc = make(&k);
    if (rc)
        ward_made_free(out);
    return rc;
}

/* The space's own base, as it is kept. signature: its maker's; zeros where that is this device. WARD_ERR_NOT_FOUND. */
static int copy_kept(struct ward_made *out, struct ward_replica *r, uint32_t sid, uint8_t signature[64], struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_snapshot_head h;
    struct ward_base_match m = {0};
    ward_made_begin(out, r, sid);
    struct ward_buf kept;
    ward_buf_init(&kept, &r->env);
    int rc = ward_base_load_head(r, &s->id, false, &kept, &h, err);
    if (!rc)
        rc = ward_base_match_feeds(&m, r, s, &h, err);
    for (size_t i = 0; !rc && i < h.feed_count; i++)
        if (m.fids[i] && m.seqs[i] && ward_vv_raise(&out->upto, &r->env, m.fids[i], m.seqs[i]))
            rc = ward_fail(err, WARD_ERR_MEMORY, "base");
    for (uint32_t i = 1; !rc && i <= h.part_count; i++) {
        struct ward_store_part part;
        rc = ward_store_get_base(r->store, &s->id, false, i, &part, err);
        if (!rc)
            rc = keep_part(out, part.codec, part.data, part.len, err);
    }
    if (!rc) {
        memcpy(signature, kept.p, 64);
        ward_buf_add(&out->head, h.raw, h.raw_len);
        rc = ward_buf_status(&out->head) ? ward_fail(err, WARD_ERR_MEMORY, "base") : WARD_OK;
    }
    ward_base_free_match(&m, &r->env);
    ward_buf_free(&kept);
    if (rc)
        ward_made_free(out);
    return rc;
}

/* ---- giving */

/* This device's own word counts. */
static bool may_make(const struct ward_replica *r)
{
    const struct ward_grant *g = ward_replica_grant(r);
    return g && (g->role == WARD_ROLE_OPERATOR || g->role == WARD_ROLE_HUB) && ward_grant_stands(&r->dir, &g->id) &&
           !ward_keys_check(r->keys, NULL);
}

bool ward_base_may_give(struct ward_replica *r, const struct ward_space *s)
{
    struct ward_hash maker;
    if (s->circle_count && may_make(r) && !ward_space_is_doubtful(r, s))
        return true;
    return ward_space_has_base(r, s) && !ward_base_maker(r, s->sid, &maker, NULL) && !ward_replica_was(r, &maker);
}

bool ward_space_is_below(const struct ward_replica *r, const struct ward_space *s, const struct ward_vv *have)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (!f->parent && f->base > ward_vv_get(have, f->fid))
            return true;
    }
    return false;
}

/* Its own base where that can be signed; else *made false. */
static int copy_base(struct ward_giving *g, ward_replica *r, uint32_t sid, bool *made, bool *is_signed, struct ward_error *err)
{
    struct ward_hash maker;
    *made = *is_signed = false;
    if (!ward_space_has_base(r, ward_directory_space(&r->dir, sid)))
        return WARD_OK;
    int rc = ward_base_maker(r, sid, &maker, err);
    bool own = !rc && ward_hash_compare(&maker, &r->self) == 0;
    if (rc || (!own && ward_replica_was(r, &maker))) /* under former keys nothing can be signed any more */
        return rc;
    *made = true;
    *is_signed = !own;
    return copy_kept(&g->made, r, sid, g->signature, err);
}

/* What the space is given as: its own base, the state at its floor, or where nothing is settled yet, or not held here, as it stands now. */
static int make_given(struct ward_giving *g, ward_replica *r, uint32_t sid, struct ward_error *err)
{
    bool made = false, is_signed = false;
    struct ward_hash name;
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = copy_base(g, r, sid, &made, &is_signed, err);
    ward_replica_looked(r);
    if (!rc && !made && !ward_store_read_only(r->store))
        rc = ward_base_make_settled(&g->made, r, sid, &made, err);
    if (!rc && !made && (rc = ward_replica_look(r, err)) == WARD_OK) {
        rc = make_now(&g->made, r, sid, err);
        ward_replica_looked(r);
    }
    if (rc || is_signed)
        return rc;
    ward_snapshot_name(&name, &ward_directory_space(&r->dir, sid)->id, g->made.head.p, g->made.head.len);
    ward_seal_make_snapshot(g->signature, &r->self, &name, g->made.part_count, &r->keys->sign);
    return WARD_OK;
}

int ward_giving_begin(struct ward_giving **out, ward_replica *r, uint32_t sid, struct ward_error *err)
{
    struct ward_giving *g = ward_alloc(&r->env, sizeof *g);
    if (!g)
        return ward_fail(err, WARD_ERR_MEMORY, "snapshot");
    int rc = make_given(g, r, sid, err);
    *out = g;
    if (rc)
        ward_giving_end(out, r);
    return rc;
}

void ward_giving_end(struct ward_giving **g, ward_replica *r)
{
    if (*g)
        ward_made_free(&(*g)->made);
    ward_release(&r->env, *g);
    *g = NULL;
}

bool ward_giving_next(struct ward_giving *g, const ward_replica *r, struct ward_buf *out)
{
    ward_buf_clear(out);
    if (g->next > g->made.part_count)
        return false;
    if (g->next == 0) {
        ward_frame_snapshot(out, g->made.head.p, g->made.head.len, g->signature);
    } else {
        const struct ward_made_part *p = &g->made.parts[g->next - 1];
        ward_frame_part(out, &ward_directory_space(&r->dir, g->made.sid)->id, g->next, p->codec, p->data, p->len);
    }
    g->next++;
    return true;
}
