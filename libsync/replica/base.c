#include "replica/base.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/own.h"
#include "shell/pack.h"
#include "values/feed.h"
#include "values/seal.h"

#include <stdlib.h>
#include <string.h>

#define STAMPS_PER_PART 4096u
#define SIGNED_HEAD     WARD_SEAL_BYTES /* as it is kept, the head stands behind its signature */

bool ward_space_has_base(const struct ward_replica *r, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (!f->parent && f->base)
            return true;
    }
    return false;
}

bool ward_space_wants_history(const struct ward_replica *r, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (!f->parent && f->base > f->limit)
            return true;
    }
    return false;
}

/* Of a trunk, what has effect and is held. */
static uint64_t effective_end(const struct ward_feed *f)
{
    return f->limit < f->head_seq ? f->limit : f->head_seq;
}

/* ---- making */

struct mark { /* a change that has a live value */
    uint32_t feed;
    uint64_t seq;
};

struct maker {
    struct ward_made *out;
    ward_replica *r;
    uint32_t sid;
    const struct ward_feed **rows; /* trunks, ascending by grant: the head's feeds */
    size_t row_count;
    uint32_t *index; /* by fid: of rows, + 1 */
    const struct ward_vv *upto;
    bool replayed; /* the rows' vectors are those of `upto` */
    struct ward_arena arena;
    struct ward_buf raw, packed;
    struct ward_snapshot_value *values;
    size_t value_count, value_cap, bytes;
    struct mark *marks;
    size_t mark_count, mark_cap;
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

static void begin_made(struct ward_made *m, ward_replica *r, uint32_t sid)
{
    *m = (struct ward_made){.env = &r->env, .sid = sid};
    ward_buf_init(&m->head, &r->env);
}

static int keep_part(struct ward_made *m, uint32_t feed, uint32_t codec, const void *data, size_t len, struct ward_error *err)
{
    uint8_t *own = ward_alloc(m->env, len + 1);
    if (!own || ward_grow(m->env, (void **)&m->parts, &m->part_cap, m->part_count, sizeof *m->parts)) {
        ward_release(m->env, own);
        return ward_fail(err, WARD_ERR_MEMORY, "snapshot");
    }
    memcpy(own, data, len);
    m->parts[m->part_count++] = (struct ward_made_part){feed, codec, own, len};
    return WARD_OK;
}

static int add_part(struct maker *k, uint32_t feed)
{
    uint32_t codec;
    if (ward_buf_status(&k->raw))
        return ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    int rc = ward_pack_bytes(&k->packed, &codec, k->raw.p, k->raw.len, k->err);
    const struct ward_buf *data = codec ? &k->packed : &k->raw;
    if (!rc)
        rc = keep_part(k->out, feed, codec, data->p, data->len, k->err);
    return rc;
}

static int flush(struct maker *k)
{
    if (k->value_count == 0)
        return WARD_OK;
    ward_buf_clear(&k->raw);
    ward_snapshot_put_values(&k->raw, k->values, k->value_count);
    k->value_count = k->bytes = 0;
    return add_part(k, 0);
}

static int add_mark(struct maker *k, uint32_t feed, uint64_t seq)
{
    if (k->mark_count && k->marks[k->mark_count - 1].feed == feed && k->marks[k->mark_count - 1].seq == seq)
        return WARD_OK;
    if (ward_grow(&k->r->env, (void **)&k->marks, &k->mark_cap, k->mark_count, sizeof *k->marks))
        return ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    k->marks[k->mark_count++] = (struct mark){feed, seq};
    return WARD_OK;
}

static int add_value(struct maker *k, uint32_t kind, const struct ward_id *entity, const struct ward_slot *slot,
                     const struct ward_live_value *v)
{
    size_t costs = v->len + slot->key_len + WARD_ID_BYTES + 16; /* at most */
    int rc = k->bytes + costs > WARD_RUN_RAW_MAX - 1024 ? flush(k) : WARD_OK;
    uint32_t index = k->index[v->fid];
    if (!rc && index == 0)
        rc = ward_fail(k->err, WARD_ERR_CORRUPT, "a value by a feed of another space");
    if (!rc)
        rc = add_mark(k, index - 1, v->seq);
    if (!rc && ward_grow(&k->r->env, (void **)&k->values, &k->value_cap, k->value_count, sizeof *k->values))
        rc = ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    if (rc)
        return rc;
    k->values[k->value_count++] = (struct ward_snapshot_value){.kind = kind,
                                                               .entity = *entity,
                                                               .field = slot->field,
                                                               .key = slot->key,
                                                               .key_len = slot->key_len,
                                                               .feed = index - 1,
                                                               .seq = v->seq,
                                                               .depth = v->depth,
                                                               .raw = v->raw,
                                                               .raw_len = v->len};
    k->bytes += costs;
    return WARD_OK;
}

static int add_record(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct maker *k = ctx;
    struct ward_state state;
    (void)sid, (void)conflicts;
    int rc = WARD_OK;
    if (k->value_count && (k->values[0].kind != kind || k->bytes > WARD_PART_RAW_USUAL))
        rc = flush(k);
    if (k->value_count == 0)
        ward_arena_reset(&k->arena);
    ward_state_init(&state, &k->arena);
    if (!rc)
        rc = ward_state_decode(&state, &k->r->dir.authors, p, len);
    if (rc)
        return ward_fail(k->err, rc, "record");
    for (size_t i = 0; !rc && i < state.slot_count; i++)
        for (size_t j = 0; !rc && j < state.slots[i].live_count; j++)
            rc = add_value(k, kind, entity, &state.slots[i], &state.slots[i].live[j]);
    return rc;
}

static int by_mark(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    return x->feed != y->feed ? (x->feed > y->feed) - (x->feed < y->feed) : (x->seq > y->seq) - (x->seq < y->seq);
}

/* When a feed's marked changes were written: first those below its base, by the stamps kept with it, then by the log. */
struct stamping {
    struct maker *k;
    const struct mark *marks;
    size_t count, done;
    struct ward_stamp *stamps;
};

static int match_stamp(void *ctx, const struct ward_stamp *s)
{
    struct stamping *x = ctx;
    if (x->done < x->count && x->marks[x->done].seq == s->seq)
        x->stamps[x->done++] = *s;
    return WARD_OK;
}

static int match_part(void *ctx, const struct ward_store_part *stored)
{
    struct stamping *x = ctx;
    struct ward_snapshot_part part;
    int rc = ward_unpack_bytes(&x->k->raw, stored->codec, stored->data, stored->len, x->k->err);
    if (!rc)
        rc = ward_snapshot_part_parse(&part, x->k->raw.p, x->k->raw.len, NULL, SIZE_MAX, x->k->err);
    return rc ? rc : ward_snapshot_each_stamp(&part, match_stamp, x);
}

static int match_log(struct stamping *x, uint32_t fid)
{
    ward_replica *r = x->k->r;
    int rc = WARD_OK;
    while (!rc && x->done < x->count) {
        struct ward_segment seg;
        size_t at = 0;
        rc = ward_store_find_segment(r->store, fid, x->marks[x->done].seq, &seg, x->k->err);
        if (!rc)
            rc = ward_store_unpack(&seg, &x->k->raw, x->k->err);
        for (uint64_t seq = seg.first; !rc && seq < seg.first + seg.count; seq++) {
            struct ward_change_head head;
            rc = ward_change_skip(x->k->raw.p + at, x->k->raw.len - at, &head);
            if (rc)
                return ward_fail(x->k->err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg.seg);
            at += head.len;
            match_stamp(x, &(struct ward_stamp){seq, head.wall_ms});
        }
    }
    return rc;
}

static int add_stamps_of(struct maker *k, uint32_t feed, const struct mark *marks, size_t count)
{
    const struct ward_feed *f = k->rows[feed];
    struct stamping x = {k, marks, count, 0, ward_alloc(&k->r->env, count * sizeof *x.stamps)};
    if (!x.stamps)
        return ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    int rc = f->base ? ward_store_each_stamps(k->r->store, f->fid, match_part, &x, k->err) : WARD_OK;
    if (!rc)
        rc = match_log(&x, f->fid);
    for (size_t from = 0; !rc && from < count; from += STAMPS_PER_PART) {
        ward_buf_clear(&k->raw);
        ward_snapshot_put_stamps(&k->raw, feed, x.stamps + from, count - from < STAMPS_PER_PART ? count - from : STAMPS_PER_PART);
        rc = add_part(k, feed + 1);
    }
    ward_release(&k->r->env, x.stamps);
    return rc;
}

static int add_stamps(struct maker *k)
{
    size_t n = 0;
    int rc = WARD_OK;
    if (k->mark_count)
        qsort(k->marks, k->mark_count, sizeof *k->marks, by_mark);
    for (size_t i = 0; i < k->mark_count; i++)
        if (n == 0 || by_mark(&k->marks[n - 1], &k->marks[i]) != 0)
            k->marks[n++] = k->marks[i];
    for (size_t from = 0, to; !rc && from < n; from = to) {
        for (to = from; to < n && k->marks[to].feed == k->marks[from].feed;)
            to++;
        rc = add_stamps_of(k, k->marks[from].feed, k->marks + from, to - from);
    }
    return rc;
}

/* The author's seal, if there is one just there; one that stood at the base's end is in the base's head. */
static int find_seal(struct maker *k, const struct ward_feed *f, uint64_t seq, uint8_t seal[64], bool *found)
{
    ward_replica *r = k->r;
    struct ward_segment seg;
    struct ward_store_part stored;
    struct ward_snapshot_head h;
    *found = false;
    if (seq > f->base) {
        int rc = ward_store_find_segment(r->store, f->fid, seq, &seg, k->err);
        *found = !rc && seg.first + seg.count - 1 == seq;
        if (*found)
            memcpy(seal, seg.sig, sizeof seg.sig);
        return rc;
    }
    int rc = ward_store_get_base(r->store, &ward_directory_space(&r->dir, f->sid)->id, false, 0, &stored, k->err);
    if (!rc)
        rc = ward_snapshot_head_parse(&h, stored.data + SIGNED_HEAD, stored.len - SIGNED_HEAD, stored.data, k->err);
    for (size_t i = 0; !rc && i < h.feed_count; i++) {
        struct ward_snapshot_feed e;
        ward_snapshot_next_feed(&h.feeds, &e);
        if (memcmp(e.grant8, f->grant.b, sizeof e.grant8) != 0 || !e.sealed)
            continue;
        *found = e.seq == seq;
        memcpy(seal, e.seal, sizeof e.seal);
    }
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
    struct ward_hash *hashes = ward_alloc(&k->r->env, (k->out->part_count + 1) * sizeof *hashes);
    int rc = hashes ? WARD_OK : ward_fail(k->err, WARD_ERR_MEMORY, "snapshot");
    ward_snapshot_put_begin(&k->out->head, s->circle, s->circle_count, &k->r->self, k->row_count);
    for (size_t i = 0; !rc && i < k->row_count; i++)
        rc = add_feed(k, k->rows[i]);
    for (size_t i = 0; !rc && i < k->out->part_count; i++)
        ward_snapshot_name_part(&hashes[i], k->out->parts[i].codec, k->out->parts[i].data, k->out->parts[i].len);
    if (!rc) {
        ward_snapshot_put_parts(&k->out->head, hashes, k->out->part_count);
        rc = ward_buf_status(&k->out->head) ? ward_fail(k->err, WARD_ERR_MEMORY, "snapshot") : WARD_OK;
    }
    ward_release(&k->r->env, hashes);
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
    ward_buf_init(&k->raw, &k->r->env);
    ward_buf_init(&k->packed, &k->r->env);
    int rc = find_rows(k);
    if (!rc)
        rc = ward_store_each_in_space(k->r->store, k->sid, add_record, k, k->err);
    if (!rc)
        rc = flush(k);
    if (!rc)
        rc = add_stamps(k);
    if (!rc && k->out->part_count > WARD_PARTS_MAX)
        rc = ward_fail(k->err, WARD_ERR_HISTORY, "more than a snapshot holds");
    if (!rc)
        rc = write_head(k);
    ward_arena_free(&k->arena);
    ward_buf_free(&k->raw);
    ward_buf_free(&k->packed);
    ward_release(&k->r->env, k->values);
    ward_release(&k->r->env, k->marks);
    ward_release(&k->r->env, k->index);
    ward_release(&k->r->env, (void *)k->rows);
    return rc;
}

int ward_base_make(struct ward_made *out, struct ward_replica *r, uint32_t sid, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct maker k = {.out = out, .r = r, .sid = sid, .err = err};
    int rc = WARD_OK;
    begin_made(out, r, sid);
    if (s->circle_count == 0 || ward_space_wants_history(r, s))
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

/* ---- the head of a snapshot and what is known here */

/* Its feeds as rows here. */
struct matched {
    uint32_t *fids; /* by index; 0: none yet */
    uint64_t *seqs;
};

static void free_matched(struct matched *m, const struct ward_env *env)
{
    ward_release(env, m->fids);
    ward_release(env, m->seqs);
}

static int match_feeds(struct matched *m, ward_replica *r, const struct ward_space *s, const struct ward_snapshot_head *h,
                       struct ward_error *err)
{
    struct ward_cbor feeds = h->feeds;
    m->fids = ward_alloc(&r->env, (h->feed_count + 1) * sizeof *m->fids);
    m->seqs = ward_alloc(&r->env, (h->feed_count + 1) * sizeof *m->seqs);
    if (!m->fids || !m->seqs)
        return ward_fail(err, WARD_ERR_MEMORY, "snapshot");
    for (size_t i = 0; i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        ward_snapshot_next_feed(&feeds, &e);
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        const struct ward_feed *f = g && s ? ward_directory_feed_of(&r->dir, s, &g->id, &id) : NULL;
        m->fids[i] = f ? f->fid : 0;
        m->seqs[i] = e.seq;
    }
    return WARD_OK;
}

/* The head as it is kept; buf holds its bytes. */
static int load_head(ward_replica *r, const struct ward_hash *space, bool staged, struct ward_buf *buf, struct ward_snapshot_head *h,
                     struct ward_error *err)
{
    struct ward_store_part stored;
    int rc = ward_store_get_base(r->store, space, staged, 0, &stored, err);
    if (rc)
        return rc;
    if (stored.len < SIGNED_HEAD)
        return ward_fail(err, WARD_ERR_CORRUPT, "base");
    ward_buf_clear(buf);
    ward_buf_add(buf, stored.data, stored.len);
    if (ward_buf_status(buf))
        return ward_fail(err, WARD_ERR_MEMORY, "base");
    rc = ward_snapshot_head_parse(h, buf->p + SIGNED_HEAD, buf->len - SIGNED_HEAD, buf->p, err);
    return rc ? ward_fail(err, WARD_ERR_CORRUPT, "base") : WARD_OK;
}

int ward_base_maker(struct ward_replica *r, uint32_t sid, struct ward_hash *grant, struct ward_error *err)
{
    struct ward_snapshot_head h;
    struct ward_buf kept;
    ward_buf_init(&kept, &r->env);
    int rc = load_head(r, &ward_directory_space(&r->dir, sid)->id, false, &kept, &h, err);
    if (!rc)
        memcpy(grant->b, h.maker, sizeof grant->b);
    ward_buf_free(&kept);
    return rc;
}

int ward_base_copy(struct ward_made *out, struct ward_replica *r, uint32_t sid, uint8_t signature[64], struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_snapshot_head h;
    struct matched m = {0};
    begin_made(out, r, sid);
    struct ward_buf kept;
    ward_buf_init(&kept, &r->env);
    int rc = load_head(r, &s->id, false, &kept, &h, err);
    if (!rc)
        rc = match_feeds(&m, r, s, &h, err);
    for (size_t i = 0; !rc && i < h.feed_count; i++)
        if (m.fids[i] && m.seqs[i] && ward_vv_raise(&out->upto, &r->env, m.fids[i], m.seqs[i]))
            rc = ward_fail(err, WARD_ERR_MEMORY, "base");
    for (uint32_t i = 1; !rc && i <= h.part_count; i++) {
        struct ward_store_part part;
        rc = ward_store_get_base(r->store, &s->id, false, i, &part, err);
        if (!rc)
            rc = keep_part(out, 0, part.codec, part.data, part.len, err);
    }
    if (!rc) {
        memcpy(signature, kept.p, 64);
        ward_buf_add(&out->head, h.raw, h.raw_len);
        rc = ward_buf_status(&out->head) ? ward_fail(err, WARD_ERR_MEMORY, "base") : WARD_OK;
    }
    free_matched(&m, &r->env);
    ward_buf_free(&kept);
    if (rc)
        ward_made_free(out);
    return rc;
}

/* ---- taking one in */

static bool may_make(const struct ward_directory *d, const struct ward_grant *g)
{
    return (g->role == WARD_ROLE_OPERATOR || g->role == WARD_ROLE_HUB || g->role == WARD_ROLE_ROOT) && g->effective &&
           !ward_grant_is_cut(d, &g->id);
}

static int check_maker(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    struct ward_hash id, name;
    memcpy(id.b, h->maker, sizeof id.b);
    const struct ward_grant *g = ward_directory_grant(&r->dir, &id), *self = ward_replica_grant(r);
    if (!self || !ward_may_read(self, h->circle, h->circle_count))
        return ward_fail(err, WARD_ERR_SPACE, "not a space of this device");
    if (!g)
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "who made the snapshot");
    if (!may_make(&r->dir, g))
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "a snapshot by a %s device", ward_role_name(g->role));
    ward_snapshot_name(&name, space, h->raw, h->raw_len);
    return ward_seal_check_snapshot(h->signature, &g->id, &name, h->part_count, g->sign_pk) ? WARD_OK
                                                                                            : ward_fail(err, WARD_ERR_SEAL, "snapshot");
}

static bool is_own(const ward_replica *r, const struct ward_feed *f)
{
    return ward_hash_compare(&f->grant, &r->self) == 0;
}

/* What this device holds of the feed must lie on the chain that the snapshot is of, as far as that can be told; or give way to it. */
static int check_standing(ward_replica *r, const struct ward_feed *f, const struct ward_snapshot_feed *e, bool *gives_way,
                          struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    *gives_way = false;
    for (const struct ward_feed *b = ward_directory_next(&r->dir, f); b; b = ward_directory_next(&r->dir, b))
        if (b->base < e->seq)
            return ward_fail(err, WARD_ERR_HISTORY, "a branch leaves feed %u before it", (unsigned)f->fid);
    if (f->base > e->seq)
        return ward_fail(err, WARD_ERR_HISTORY, "what is held begins later");
    *gives_way = is_own(r, f) && f->published < f->head_seq;
    if (f->head_seq < e->seq)
        return WARD_OK;
    int rc = ward_chain_at(r, f->fid, e->seq, &hash, &depth, err);
    if (rc)
        return rc;
    bool same = ward_hash_compare(&hash, &e->hash) == 0;
    *gives_way = *gives_way && !same;
    return same || (*gives_way && f->published < e->seq) ? WARD_OK : ward_fail(err, WARD_ERR_HISTORY, "another history is held here");
}

static int check_feeds(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        bool gives_way;
        ward_snapshot_next_feed(&feeds, &e);
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        if (!g)
            return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "a feed of the snapshot");
        if (!ward_may_write(g, h->circle, h->circle_count))
            return ward_fail(err, WARD_ERR_NOT_ENTITLED, "a feed of the snapshot");
        ward_name_feed(&id, &r->ward, space, &g->id);
        if (e.sealed && !ward_seal_check(e.seal, &id, e.seq, &e.hash, g->sign_pk))
            return ward_fail(err, WARD_ERR_SEAL, "a feed of the snapshot");
        if (e.seq == 0 && ward_hash_compare(&e.hash, &id) != 0)
            return ward_fail(err, WARD_ERR_CHAIN, "an empty feed of the snapshot");
        const struct ward_feed *f = s ? ward_directory_feed_by_id(&r->dir, &id) : NULL;
        if (f && e.seq)
            rc = check_standing(r, f, &e, &gives_way, err);
    }
    return rc;
}

/* Own changes that nobody has got wait, to be written anew on top. Rows move. */
static int withdraw(struct ward_apply *a, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        bool gives_way = false;
        ward_snapshot_next_feed(&feeds, &e);
        const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        const struct ward_feed *f = s && g ? ward_directory_feed_of(&r->dir, s, &g->id, &id) : NULL;
        if (f && e.seq)
            rc = check_standing(r, f, &e, &gives_way, err);
        if (!rc && gives_way)
            rc = ward_own_withdraw(a, f->fid, f->published, err);
    }
    return rc;
}

/* The log of a row begins after `upto` from now on. A run that reaches beyond is kept from there: its seal is over its end. */
static int forget_log(ward_replica *r, const struct ward_feed *f, uint64_t upto, struct ward_error *err)
{
    struct ward_segment seg, *shorter = NULL;
    struct ward_buf raw, packed;
    size_t at = 0;
    int rc = WARD_OK;
    ward_buf_init(&raw, &r->env);
    ward_buf_init(&packed, &r->env);
    if (upto < f->head_seq)
        rc = ward_store_find_segment(r->store, f->fid, upto + 1, &seg, err);
    if (!rc && upto < f->head_seq && seg.first <= upto) {
        rc = ward_store_unpack(&seg, &raw, err);
        for (uint64_t seq = seg.first; !rc && seq <= upto; seq++) {
            struct ward_change_head head;
            if (ward_change_skip(raw.p + at, raw.len - at, &head))
                rc = ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg.seg);
            else
                at += head.len;
        }
        seg.count -= (uint32_t)(upto + 1 - seg.first);
        seg.first = upto + 1;
        if (!rc)
            rc = ward_pack(&packed, &seg.codec, raw.p + at, raw.len - at, seg.count, err);
        seg.data = seg.codec ? packed.p : raw.p + at;
        seg.len = seg.codec ? packed.len : raw.len - at;
        shorter = &seg;
    }
    if (!rc)
        rc = ward_store_forget_log(r->store, f->fid, upto, shorter, err);
    ward_buf_free(&raw);
    ward_buf_free(&packed);
    return rc;
}

/* The row begins after seq from now on. */
static int begin_row(ward_replica *r, struct ward_feed *f, uint64_t seq, const struct ward_hash *hash, uint64_t depth,
                     const struct ward_vv *seen, struct ward_error *err)
{
    int rc = forget_log(r, f, seq, err);
    if (!rc)
        rc = ward_store_put_base_feed(r->store, f->fid, depth, seen, err);
    f->base = seq;
    f->base_hash = *hash;
    f->dirty = true;
    if (f->head_seq < seq) {
        f->head_seq = seq;
        f->head_hash = *hash;
        f->head_depth = depth;
        f->vv_loaded = true; /* replaying sets it */
    }
    if (!rc && is_own(r, f) && f->published < seq) {
        f->published = seq;
        rc = ward_store_put_published(r->store, f->fid, seq, err);
    }
    return rc;
}

static int seen_of(const struct ward_snapshot_feed *e, const struct matched *m, ward_replica *r, struct ward_vv *out,
                   struct ward_error *err)
{
    struct ward_cbor seen = e->seen;
    for (size_t i = 0; i < e->seen_count; i++) {
        uint32_t feed;
        uint64_t seq = 0;
        ward_snapshot_next_seen(&seen, &feed, &seq);
        if (ward_vv_raise(out, &r->env, m->fids[feed], seq))
            return ward_fail(err, WARD_ERR_MEMORY, "base");
    }
    return WARD_OK;
}

/* Every feed of the head gets a row, if it has none. */
static int add_rows(ward_replica *r, const struct ward_snapshot_head *h, uint32_t sid, struct matched *m, struct ward_error *err)
{
    const struct ward_hash space = ward_directory_space(&r->dir, sid)->id;
    struct ward_cbor feeds = h->feeds;
    for (size_t i = 0; i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        ward_snapshot_next_feed(&feeds, &e);
        if (m->fids[i])
            continue;
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        struct ward_feed f = {.fid = (uint32_t)r->dir.feed_count + 1,
                              .sid = sid,
                              .grant = g->id,
                              .unit = g->unit,
                              .role = g->role,
                              .limit = UINT64_MAX,
                              .applied_limit = UINT64_MAX,
                              .vv_loaded = true,
                              .dirty = true};
        ward_name_feed(&f.id, &r->ward, &space, &g->id);
        f.head_hash = f.id;
        if (ward_directory_add_feed(&r->dir, &f))
            return ward_fail(err, WARD_ERR_MEMORY, "directory");
        m->fids[i] = f.fid;
        struct ward_feed *row = ward_directory_feed(&r->dir, f.fid);
        row->limit = row->applied_limit = ward_directory_limit(&r->dir, row);
    }
    return WARD_OK;
}

static int begin_rows(ward_replica *r, const struct ward_snapshot_head *h, const struct matched *m, struct ward_error *err)
{
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_vv seen = {0};
        ward_snapshot_next_feed(&feeds, &e);
        if (e.seq == 0)
            continue;
        rc = seen_of(&e, m, r, &seen, err);
        if (!rc)
            rc = begin_row(r, ward_directory_feed(&r->dir, m->fids[i]), e.seq, &e.hash, e.depth, &seen, err);
        ward_vv_free(&seen, &r->env);
    }
    ward_chain_forget(r);
    return rc;
}

/* Stamps are looked for by row. */
static int name_stamps(ward_replica *r, const struct ward_hash *space, size_t parts, const struct matched *m, struct ward_error *err)
{
    struct ward_buf copy;
    int rc = WARD_OK;
    ward_buf_init(&copy, &r->env);
    for (uint32_t i = 1; !rc && i <= parts; i++) {
        struct ward_store_part part;
        rc = ward_store_get_base(r->store, space, true, i, &part, err);
        if (rc || part.fid == 0)
            continue;
        ward_buf_clear(&copy);
        ward_buf_add(&copy, part.data, part.len);
        part.data = copy.p;
        part.fid = m->fids[part.fid - 1];
        rc = ward_buf_status(&copy) ? ward_fail(err, WARD_ERR_MEMORY, "base") : ward_store_put_base(r->store, space, true, i, &part, err);
    }
    ward_buf_free(&copy);
    return rc;
}

static int adopt(struct ward_apply *a, const struct ward_hash *space, const struct ward_snapshot_head *h, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct matched m = {0};
    int rc = ward_apply_write(a, err);
    if (!rc)
        rc = withdraw(a, h, space, err);
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    uint32_t sid = s ? s->sid : (uint32_t)r->dir.space_count + 1;
    if (!rc && !s && ward_directory_add_space(&r->dir, sid, space, h->circle, h->circle_count))
        rc = ward_fail(err, WARD_ERR_MEMORY, "directory");
    if (!rc)
        rc = match_feeds(&m, r, ward_directory_space(&r->dir, sid), h, err);
    if (!rc)
        rc = add_rows(r, h, sid, &m, err);
    if (!rc)
        rc = begin_rows(r, h, &m, err);
    if (!rc)
        rc = name_stamps(r, space, h->part_count, &m, err);
    if (!rc)
        rc = ward_store_adopt_base(r->store, space, err);
    if (!rc)
        rc = ward_apply_replay(a, sid, err);
    free_matched(&m, &r->env);
    return rc;
}

static int stage_head(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    struct ward_buf kept;
    struct ward_store_part part = {.codec = 0};
    int rc = ward_store_clear_base(r->store, space, true, err);
    ward_buf_init(&kept, &r->env);
    ward_buf_add(&kept, h->signature, SIGNED_HEAD);
    ward_buf_add(&kept, h->raw, h->raw_len);
    part.data = kept.p;
    part.len = kept.len;
    if (!rc)
        rc = ward_buf_status(&kept) ? ward_fail(err, WARD_ERR_MEMORY, "base") : ward_store_put_base(r->store, space, true, 0, &part, err);
    ward_buf_free(&kept);
    return rc;
}

int ward_base_take_head(struct ward_apply *a, const struct ward_snapshot_head *h, struct ward_hash *space, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_store_part held;
    ward_name_space(space, &r->ward, h->circle, h->circle_count);
    int rc = check_maker(r, h, space, err);
    if (!rc)
        rc = check_feeds(r, h, space, err);
    if (rc)
        return rc;
    rc = ward_store_get_base(r->store, space, true, 0, &held, err);
    if (!rc && held.len == SIGNED_HEAD + h->raw_len && memcmp(held.data + SIGNED_HEAD, h->raw, h->raw_len) == 0)
        return WARD_OK; /* it broke off before: what came of it then is there */
    if (!rc || rc == WARD_ERR_NOT_FOUND)
        rc = stage_head(r, h, space, err);
    return rc || h->part_count ? rc : adopt(a, space, h, err);
}

static int check_part(ward_replica *r, const struct ward_snapshot_head *h, uint32_t number, uint32_t codec, const uint8_t *data, size_t len,
                      uint32_t *feed, struct ward_error *err)
{
    struct ward_hash named, is;
    struct ward_snapshot_part part;
    struct matched m = {0};
    if (number < 1 || number > h->part_count)
        return ward_fail(err, WARD_ERR_RANGE, "part %u", (unsigned)number);
    ward_snapshot_part_hash(h, number, &named);
    ward_snapshot_name_part(&is, codec, data, len);
    if (ward_hash_compare(&named, &is) != 0)
        return ward_fail(err, WARD_ERR_CHAIN, "part %u is another than the head of the snapshot names", (unsigned)number);
    int rc = ward_unpack_bytes(&r->unpacked, codec, data, len, err);
    if (!rc)
        rc = match_feeds(&m, r, NULL, h, err);
    if (!rc)
        rc = ward_snapshot_part_parse(&part, r->unpacked.p, r->unpacked.len, m.seqs, h->feed_count, err);
    if (!rc)
        *feed = part.stamps ? part.feed + 1 : 0;
    free_matched(&m, &r->env);
    return rc;
}

int ward_base_take_part(struct ward_apply *a, const struct ward_hash *space, uint32_t number, uint32_t codec, const uint8_t *data,
                        size_t len, bool *adopted, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_snapshot_head h;
    struct ward_buf kept;
    uint32_t feed = 0;
    size_t there = 0;
    *adopted = false;
    ward_buf_init(&kept, &r->env);
    int rc = load_head(r, space, true, &kept, &h, err);
    if (rc == WARD_ERR_NOT_FOUND)
        rc = ward_fail(err, WARD_ERR_GAP, "a part without its head");
    if (!rc)
        rc = check_part(r, &h, number, codec, data, len, &feed, err);
    if (!rc)
        rc = ward_store_put_base(r->store, space, true, number, &(struct ward_store_part){feed, codec, data, len}, err);
    if (!rc)
        rc = ward_store_count_base(r->store, space, true, &there, err);
    if (!rc && there == h.part_count) {
        rc = check_feeds(r, &h, space, err); /* much may have come since the head */
        if (!rc)
            rc = adopt(a, space, &h, err);
        *adopted = !rc;
    }
    ward_buf_free(&kept);
    return rc;
}

/* ---- settling */

static bool branches_below(const struct ward_directory *d, const struct ward_space *s, const struct ward_vv *upto)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
        if (f->parent && f->base < ward_vv_get(upto, ward_directory_trunk(d, f)->fid))
            return true;
    }
    return false;
}

/* Where the base will end: at the heads named, or where it ends now. */
static int find_ends(struct ward_apply *a, uint32_t sid, const struct ward_base_head *heads, size_t count, struct ward_vv *upto,
                     bool *further, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    *further = false;
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        uint64_t end = f->base;
        if (f->parent)
            continue;
        for (size_t j = 0; j < count; j++)
            if (heads[j].fid == f->fid) {
                uint64_t seq = heads[j].seq < effective_end(f) ? heads[j].seq : effective_end(f);
                end = seq > end ? seq : end;
            }
        *further |= end > f->base;
        if (end && ward_vv_raise(upto, &r->env, f->fid, end))
            return ward_fail(err, WARD_ERR_MEMORY, "base");
    }
    return WARD_OK;
}

static int keep_made(ward_replica *r, const struct ward_made *m, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, m->sid);
    struct ward_snapshot_head h;
    uint8_t unsigned_[WARD_SEAL_BYTES] = {0}; /* its maker is this device: it signs when it gives it away */
    struct matched match = {0};
    int rc = ward_snapshot_head_parse(&h, m->head.p, m->head.len, unsigned_, err);
    if (!rc)
        rc = stage_head(r, &h, &s->id, err);
    if (!rc)
        rc = match_feeds(&match, r, s, &h, err);
    for (uint32_t i = 0; !rc && i < m->part_count; i++) {
        const struct ward_made_part *p = &m->parts[i];
        rc = ward_store_put_base(r->store, &s->id, true, i + 1, &(struct ward_store_part){p->feed, p->codec, p->data, p->len}, err);
    }
    if (!rc)
        rc = name_stamps(r, &s->id, m->part_count, &match, err);
    if (!rc)
        rc = begin_rows(r, &h, &match, err);
    free_matched(&match, &r->env);
    return rc ? rc : ward_store_adopt_base(r->store, &s->id, err);
}

int ward_base_settle(struct ward_apply *a, uint32_t sid, const struct ward_base_head *heads, size_t count, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_made made;
    bool further;
    begin_made(&made, r, sid);
    struct maker k = {.out = &made, .r = r, .sid = sid, .upto = &made.upto, .replayed = true, .err = err};
    int rc = find_ends(a, sid, heads, count, &made.upto, &further, err);
    bool fit = !rc && further && s->circle_count && !ward_space_wants_history(r, s) && !branches_below(&r->dir, s, &made.upto);
    if (fit) {
        rc = ward_apply_write(a, err);
        if (!rc)
            rc = ward_apply_replay_upto(a, sid, &made.upto, err);
        if (!rc)
            rc = make(&k);
        if (!rc)
            rc = keep_made(r, &made, err);
        if (!rc)
            rc = ward_apply_replay(a, sid, err);
    }
    ward_made_free(&made);
    return rc;
}

/* ---- reading it again */

struct restoring {
    struct ward_apply *a;
    uint32_t sid;
    const struct matched *m;
    struct ward_error *err;
};

static int restore_value(void *ctx, const struct ward_snapshot_value *v)
{
    struct restoring *x = ctx;
    struct ward_live_value live = {.fid = x->m->fids[v->feed], .seq = v->seq, .depth = v->depth, .raw = v->raw, .len = v->raw_len};
    return ward_apply_restore(x->a, x->sid, v->kind, &v->entity, v->field, v->key, v->key_len, &live, x->err);
}

static int restore_parts(struct restoring *x, const struct ward_hash *space, size_t parts)
{
    ward_replica *r = x->a->r;
    struct ward_buf raw;
    int rc = WARD_OK;
    ward_buf_init(&raw, &r->env);
    for (uint32_t i = 1; !rc && i <= parts; i++) {
        struct ward_store_part stored;
        struct ward_snapshot_part part;
        rc = ward_store_get_base(r->store, space, false, i, &stored, x->err);
        if (rc || stored.fid) /* stamps */
            continue;
        rc = ward_unpack_bytes(&raw, stored.codec, stored.data, stored.len, x->err);
        if (!rc)
            rc = ward_snapshot_part_parse(&part, raw.p, raw.len, NULL, SIZE_MAX, x->err);
        rc = rc && rc != WARD_ERR_MEMORY ? ward_fail(x->err, WARD_ERR_CORRUPT, "base, part %u", (unsigned)i) : rc;
        if (!rc)
            rc = ward_snapshot_each_value(&part, restore_value, x);
    }
    ward_buf_free(&raw);
    return rc == WARD_ERR_NOT_FOUND ? ward_fail(x->err, WARD_ERR_CORRUPT, "base: a part is missing") : rc;
}

int ward_base_restore(struct ward_apply *a, uint32_t sid, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_snapshot_head h;
    struct matched m = {0};
    struct ward_buf kept;
    if (!ward_space_has_base(r, s))
        return WARD_OK;
    ward_buf_init(&kept, &r->env);
    int rc = load_head(r, &s->id, false, &kept, &h, err);
    if (!rc)
        rc = match_feeds(&m, r, s, &h, err);
    for (size_t i = 0; !rc && i < h.feed_count; i++)
        rc = m.fids[i] ? WARD_OK : ward_fail(err, WARD_ERR_CORRUPT, "base: a feed is missing");
    for (size_t i = 0; !rc && i < s->feed_count; i++) {
        struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        uint64_t depth;
        if (!f->parent && f->base)
            rc = ward_store_get_base_feed(r->store, f->fid, &depth, &f->vv, err);
    }
    struct restoring x = {a, sid, &m, err};
    if (!rc)
        rc = restore_parts(&x, &s->id, h.part_count);
    free_matched(&m, &r->env);
    ward_buf_free(&kept);
    return rc == WARD_ERR_NOT_FOUND ? ward_fail(err, WARD_ERR_CORRUPT, "base") : rc;
}

static int check_seal(ward_replica *r, const struct ward_hash *space, const struct ward_snapshot_head *h, struct ward_error *err)
{
    struct ward_hash maker, name;
    memcpy(maker.b, h->maker, sizeof maker.b);
    const struct ward_grant *g = ward_directory_grant(&r->dir, &maker);
    if (ward_replica_was(r, &maker)) /* this device's own word is not signed before it is given */
        return WARD_OK;
    if (!g)
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "who made the base");
    ward_snapshot_name(&name, space, h->raw, h->raw_len);
    return ward_seal_check_snapshot(h->signature, &g->id, &name, h->part_count, g->sign_pk) ? WARD_OK
                                                                                            : ward_fail(err, WARD_ERR_SEAL, "base");
}

int ward_base_check(struct ward_replica *r, uint32_t sid, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_snapshot_head h;
    struct ward_buf kept;
    ward_buf_init(&kept, &r->env);
    int rc = load_head(r, &s->id, false, &kept, &h, err);
    if (!rc)
        rc = check_seal(r, &s->id, &h, err);
    for (uint32_t i = 1; !rc && i <= h.part_count; i++) {
        struct ward_store_part part;
        struct ward_hash named, is;
        rc = ward_store_get_base(r->store, &s->id, false, i, &part, err);
        if (rc)
            break;
        ward_snapshot_part_hash(&h, i, &named);
        ward_snapshot_name_part(&is, part.codec, part.data, part.len);
        if (ward_hash_compare(&named, &is) != 0)
            rc = ward_fail(err, WARD_ERR_CHAIN, "base: part %u is not what was sealed", (unsigned)i);
    }
    ward_buf_free(&kept);
    return rc;
}

struct stamp_search {
    ward_replica *r;
    uint64_t seq;
    int64_t wall_ms;
    bool found;
    struct ward_buf raw;
    struct ward_error *err;
};

static int look_at_stamp(void *ctx, const struct ward_stamp *s)
{
    struct stamp_search *x = ctx;
    if (s->seq == x->seq) {
        x->wall_ms = s->wall_ms;
        x->found = true;
    }
    return WARD_OK;
}

static int look_at_part(void *ctx, const struct ward_store_part *stored)
{
    struct stamp_search *x = ctx;
    struct ward_snapshot_part part;
    if (x->found)
        return WARD_OK;
    int rc = ward_unpack_bytes(&x->raw, stored->codec, stored->data, stored->len, x->err);
    if (!rc)
        rc = ward_snapshot_part_parse(&part, x->raw.p, x->raw.len, NULL, SIZE_MAX, x->err);
    return rc ? rc : ward_snapshot_each_stamp(&part, look_at_stamp, x);
}

int ward_base_stamp(struct ward_replica *r, uint32_t fid, uint64_t seq, int64_t *wall_ms, struct ward_error *err)
{
    struct stamp_search x = {.r = r, .seq = seq, .err = err};
    ward_buf_init(&x.raw, &r->env);
    int rc = ward_store_each_stamps(r->store, fid, look_at_part, &x, err);
    ward_buf_free(&x.raw);
    if (!rc && !x.found)
        rc = ward_fail(err, WARD_ERR_HISTORY, "change %llu lies before what is held here", (unsigned long long)seq);
    *wall_ms = x.wall_ms;
    return rc;
}
