#include "replica/base_kept.h"
#include "base/alloc.h"
#include "base/err.h"
#include "shell/pack.h"

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

int ward_base_each_change(ward_replica *r, const struct ward_feed *f, uint64_t from, uint64_t to, ward_snapshot_change_fn *fn, void *ctx,
                          struct ward_error *err)
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
            rc = ward_unpack(&raw, stored.codec, stored.data, stored.len, part.count, err);
        if (!rc)
            rc = ward_snapshot_each_change(&part, raw.p, raw.len, fn, ctx);
        if (rc >= 200 && rc < 300)
            rc = ward_fail(err, WARD_ERR_CORRUPT, "base, part %u", (unsigned)i);
    }
    ward_base_free_match(&m, &r->env);
    ward_buf_free(&kept);
    ward_buf_free(&raw);
    return rc;
}
