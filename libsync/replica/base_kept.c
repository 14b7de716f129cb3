#include "replica/base_kept.h"
#include "base/alloc.h"
#include "base/err.h"
#include "replica/own.h"
#include "shell/pack.h"
#include "values/feed.h"

void ward_base_free_match(struct ward_base_match *m, const struct ward_env *env)
{
    ward_release(env, m->fids);
    ward_release(env, m->seqs);
}

int ward_base_match_feeds(struct ward_base_match *m, ward_replica *r, const struct ward_space *s, const struct ward_snapshot_head *h,
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

int ward_base_load_head(ward_replica *r, const struct ward_hash *space, bool staged, struct ward_buf *buf, struct ward_snapshot_head *h,
                        struct ward_error *err)
{
    struct ward_store_part stored;
    int rc = ward_store_get_base(r->store, space, staged, 0, &stored, err);
    if (rc)
        return rc;
    if (stored.len < WARD_BASE_SIGNED)
        return ward_fail(err, WARD_ERR_CORRUPT, "base");
    ward_buf_clear(buf);
    ward_buf_add(buf, stored.data, stored.len);
    if (ward_buf_status(buf))
        return ward_fail(err, WARD_ERR_MEMORY, "base");
    rc = ward_snapshot_head_parse(h, buf->p + WARD_BASE_SIGNED, buf->len - WARD_BASE_SIGNED, buf->p, err);
    return rc ? ward_fail(err, WARD_ERR_CORRUPT, "base") : WARD_OK;
}

int ward_base_find_seal(ward_replica *r, const struct ward_feed *f, uint8_t seal[64], bool *found, struct ward_error *err)
{
    struct ward_snapshot_head h;
    struct ward_buf kept;
    *found = false;
    ward_buf_init(&kept, &r->env);
    int rc = ward_base_load_head(r, &ward_directory_space(&r->dir, f->sid)->id, false, &kept, &h, err);
    for (size_t i = 0; !rc && !*found && i < h.feed_count; i++) {
        struct ward_snapshot_feed e;
        ward_snapshot_next_feed(&h.feeds, &e);
        *found = memcmp(e.grant8, f->grant.b, sizeof e.grant8) == 0 && e.sealed && e.seq == f->base;
        if (*found)
            memcpy(seal, e.seal, sizeof e.seal);
    }
    ward_buf_free(&kept);
    return rc;
}

int ward_base_maker(struct ward_replica *r, uint32_t sid, struct ward_hash *grant, struct ward_error *err)
{
    struct ward_snapshot_head h;
    struct ward_buf kept;
    ward_buf_init(&kept, &r->env);
    int rc = ward_base_load_head(r, &ward_directory_space(&r->dir, sid)->id, false, &kept, &h, err);
    if (!rc)
        memcpy(grant->b, h.maker, sizeof grant->b);
    ward_buf_free(&kept);
    return rc;
}

/* A part that is kept, as it comes out of the store. */
typedef int part_fn(void *ctx, const struct ward_snapshot_part *part, const struct ward_buf *raw);

/* The parts of feed f that reach into from … to. */
static int each_part(ward_replica *r, const struct ward_feed *f, uint64_t from, uint64_t to, part_fn *fn, void *ctx, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, f->sid);
    struct ward_snapshot_head h;
    struct ward_base_match m = {0};
    struct ward_buf kept, raw;
    ward_buf_init(&kept, &r->env);
    ward_buf_init(&raw, &r->env);
    int rc = ward_base_load_head(r, &s->id, false, &kept, &h, err);
    if (!rc)
        rc = ward_base_match_feeds(&m, r, s, &h, err);
    for (uint32_t i = 1; !rc && i <= h.part_count; i++) {
        struct ward_snapshot_part part;
        struct ward_store_part stored;
        ward_snapshot_part(&h, i, &part);
        if (m.fids[part.feed] != f->fid || part.last < from || part.after >= to)
            continue;
        rc = ward_store_get_base(r->store, &s->id, false, i, &stored, err);
        if (!rc)
            rc = ward_unpack(ward_store_packer(r->store), &raw, stored.codec, stored.data, stored.len, part.count, err);
        if (!rc)
            rc = fn(ctx, &part, &raw);
        if (rc >= 200 && rc < 300)
            rc = ward_fail(err, WARD_ERR_CORRUPT, "base, part %u", (unsigned)i);
    }
    ward_base_free_match(&m, &r->env);
    ward_buf_free(&kept);
    ward_buf_free(&raw);
    return rc;
}

struct total {
    ward_replica *r;
    uint32_t kind, field;
    const struct ward_id *entity;
    int64_t *out;
};

static int look_for_total(void *ctx, const struct ward_snapshot_value *v)
{
    struct total *x = ctx;
    const struct ward_live_value live = {.raw = v->raw, .len = v->raw_len};
    if (v->kind == x->kind && v->field == x->field && ward_id_equal(&v->entity, x->entity))
        *x->out = ward_live_decode(&live).integer;
    return WARD_OK;
}

static int total_in_part(void *ctx, const struct ward_snapshot_part *part, const struct ward_buf *raw)
{
    struct total *x = ctx;
    return ward_snapshot_each_value(part, raw->p, raw->len, &x->r->scratch, look_for_total, x);
}

int ward_base_total(ward_replica *r, const struct ward_feed *f, uint32_t kind, const struct ward_id *entity, uint32_t field, int64_t *out,
                    struct ward_error *err)
{
    struct total x = {r, kind, field, entity, out};
    *out = 0;
    return each_part(r, f, 0, UINT64_MAX, total_in_part, &x, err);
}

struct changes {
    ward_snapshot_change_fn *fn;
    void *ctx;
};

static int changes_of_part(void *ctx, const struct ward_snapshot_part *part, const struct ward_buf *raw)
{
    const struct changes *x = ctx;
    return ward_snapshot_each_change(part, raw->p, raw->len, x->fn, x->ctx);
}

int ward_base_each_change(ward_replica *r, const struct ward_feed *f, uint64_t from, uint64_t to, ward_snapshot_change_fn *fn, void *ctx,
                          struct ward_error *err)
{
    struct changes x = {fn, ctx};
    return each_part(r, f, from, to, changes_of_part, &x, err);
}

/* ---- rows that begin with it */

int ward_base_stage_head(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    struct ward_buf kept;
    struct ward_store_part part = {.codec = 0};
    int rc = ward_store_clear_base(r->store, space, true, err);
    ward_buf_init(&kept, &r->env);
    ward_buf_add(&kept, h->signature, WARD_BASE_SIGNED);
    ward_buf_add(&kept, h->raw, h->raw_len);
    part.data = kept.p;
    part.len = kept.len;
    if (!rc)
        rc = ward_buf_status(&kept) ? ward_fail(err, WARD_ERR_MEMORY, "base") : ward_store_put_base(r->store, space, true, 0, &part, err);
    ward_buf_free(&kept);
    return rc;
}

/* The log of a row begins after `upto` from now on. A run that reaches beyond is kept from there: its seal is over its end. */
static int forget_log(ward_replica *r, const struct ward_feed *f, uint64_t upto, struct ward_error *err)
{
    struct ward_segment seg = {0}, *shorter = NULL;
    struct ward_buf raw, packed;
    size_t at = 0;
    int rc = WARD_OK;
    ward_buf_init(&raw, &r->env);
    ward_buf_init(&packed, &r->env);
    if (upto < f->head_seq)
        rc = ward_store_find_segment(r->store, f->fid, upto + 1, &seg, err);
    if (!rc && upto < f->head_seq && seg.first <= upto) {
        rc = ward_store_unpack(r->store, &seg, &raw, err);
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
            rc = ward_pack(ward_store_packer(r->store), &packed, &seg.codec, raw.p + at, raw.len - at, seg.count, err);
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
    for (struct ward_feed *b = ward_directory_next(&r->dir, f); !rc && b; b = ward_directory_next(&r->dir, b))
        if (b->head_seq && ward_directory_common_seq(&r->dir, b) < seq) /* passed over, and where it leaves cannot be told any more */
            rc = ward_own_clear_row(r, b, f, err);
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
    return rc ? rc : ward_own_note_shown(r, f->fid, seq, err);
}

static int seen_of(const struct ward_snapshot_feed *e, const struct ward_base_match *m, ward_replica *r, struct ward_vv *out,
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

int ward_base_begin_rows(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_base_match *m, struct ward_error *err)
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
