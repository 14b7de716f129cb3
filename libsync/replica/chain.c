/* chain.c - hash and depth of any change held, by way of its segment. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/replica.h"
#include "values/feed.h"

static void forget(ward_replica *r, struct ward_chain_map *m)
{
    ward_release(&r->env, m->hashes);
    ward_release(&r->env, m->depths);
    *m = (struct ward_chain_map){0};
}

void ward_chain_forget(ward_replica *r)
{
    for (size_t i = 0; i < WARD_CHAIN_MAPS; i++)
        forget(r, &r->maps[i]);
}

static struct ward_chain_map *cached(ward_replica *r, uint32_t fid, uint64_t seq)
{
    for (size_t i = 0; i < WARD_CHAIN_MAPS; i++) {
        struct ward_chain_map *m = &r->maps[i];
        if (m->count && m->fid == fid && seq >= m->first && seq < m->first + m->count)
            return m;
    }
    return NULL;
}

static struct ward_chain_map *oldest(ward_replica *r)
{
    struct ward_chain_map *m = &r->maps[0];
    for (size_t i = 1; i < WARD_CHAIN_MAPS; i++)
        if (r->maps[i].used < m->used)
            m = &r->maps[i];
    forget(r, m);
    return m;
}

/* The hash before a segment's first change: the last one of the segment before it, or the feed id. */
static int hash_before(ward_replica *r, uint32_t fid, uint64_t first, struct ward_hash *out, struct ward_error *err)
{
    struct ward_segment seg;
    if (first == 1) {
        *out = ward_directory_feed(&r->dir, fid)->id;
        return WARD_OK;
    }
    int rc = ward_store_find_segment(r->store, fid, first - 1, &seg, err);
    if (!rc)
        *out = seg.last_hash;
    return rc;
}

static int walk(ward_replica *r, struct ward_chain_map *m, struct ward_hash prev, const struct ward_buf *raw, struct ward_error *err)
{
    size_t at = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        struct ward_change_head head;
        if (ward_change_skip(raw->p + at, raw->len - at, &head))
            return ward_fail(err, WARD_ERR_CORRUPT, "feed %u, change %llu", (unsigned)m->fid, (unsigned long long)m->first + i);
        ward_chain(&m->hashes[i], m->first + i, &prev, raw->p + at, head.len);
        m->depths[i] = head.depth;
        prev = m->hashes[i];
        at += head.len;
    }
    (void)r;
    return WARD_OK;
}

static int load(ward_replica *r, uint32_t fid, uint64_t seq, struct ward_chain_map **out, struct ward_error *err)
{
    struct ward_segment seg;
    struct ward_buf raw;
    struct ward_hash prev;
    ward_buf_init(&raw, &r->env);
    int rc = ward_store_find_segment(r->store, fid, seq, &seg, err);
    if (!rc)
        rc = ward_store_unpack(&seg, &raw, err);
    if (!rc)
        rc = hash_before(r, fid, seg.first, &prev, err);
    struct ward_chain_map *m = oldest(r);
    if (!rc) {
        *m = (struct ward_chain_map){.fid = fid, .first = seg.first, .count = seg.count};
        m->hashes = ward_alloc(&r->env, seg.count * sizeof *m->hashes);
        m->depths = ward_alloc(&r->env, seg.count * sizeof *m->depths);
        rc = m->hashes && m->depths ? walk(r, m, prev, &raw, err) : ward_fail(err, WARD_ERR_MEMORY, "chain");
    }
    if (rc)
        forget(r, m);
    ward_buf_free(&raw);
    *out = m;
    return rc;
}

int ward_chain_at(ward_replica *r, uint32_t fid, uint64_t seq, struct ward_hash *hash, uint64_t *depth, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    if (seq == 0 || seq == f->head_seq) {
        *hash = seq ? f->head_hash : f->id;
        *depth = seq ? f->head_depth : 0;
        return WARD_OK;
    }
    struct ward_chain_map *m = cached(r, fid, seq);
    if (!m) {
        int rc = load(r, fid, seq, &m, err);
        if (rc)
            return rc;
    }
    m->used = ++r->map_clock;
    *hash = m->hashes[seq - m->first];
    *depth = m->depths[seq - m->first];
    return WARD_OK;
}
