/* chain.c - hash and depth of any change held, by way of its segment; what the deps of a change name. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/backfill.h"
#include "replica/own.h"
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

/* The hash before a segment's first change: the last one of the segment before it, or where the row begins. */
static int hash_before(ward_replica *r, uint32_t fid, uint64_t first, struct ward_hash *out, struct ward_error *err)
{
    struct ward_segment seg;
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    if (first == f->base + 1) {
        *out = f->parent || f->base ? f->base_hash : f->id;
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

/* Of one moment: another process may join segments. */
static int fetch(ward_replica *r, uint32_t fid, uint64_t seq, struct ward_segment *seg, struct ward_buf *raw, struct ward_hash *prev,
                 struct ward_error *err)
{
    int rc = ward_store_look(r->store, err);
    if (rc)
        return rc;
    rc = ward_store_find_segment(r->store, fid, seq, seg, err);
    if (!rc)
        rc = ward_store_unpack(r->store, seg, raw, err);
    if (!rc)
        rc = hash_before(r, fid, seg->first, prev, err);
    ward_store_looked(r->store);
    return rc;
}

static int load(ward_replica *r, uint32_t fid, uint64_t seq, struct ward_chain_map **out, struct ward_error *err)
{
    struct ward_segment seg;
    struct ward_buf raw;
    struct ward_hash prev;
    ward_buf_init(&raw, &r->env);
    int rc = fetch(r, fid, seq, &seg, &raw, &prev, err);
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
    while (f->parent && seq <= f->base)
        f = ward_directory_feed(&r->dir, f->parent);
    fid = f->fid;
    if (seq == 0 || seq == f->head_seq) {
        *hash = seq ? f->head_hash : f->id;
        *depth = seq ? f->head_depth : 0;
        return WARD_OK;
    }
    if (seq <= f->base) { /* a trunk's: the log begins after it */
        *hash = f->base_hash;
        return seq == f->base ? ward_store_get_base_feed(r->store, fid, depth, NULL, err)
                              : ward_fail(err, WARD_ERR_HISTORY, "change %llu lies before what is held here", (unsigned long long)seq);
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

/* ---- deps */

int ward_dep_find(ward_replica *r, const struct ward_dep *dep, const struct ward_feed **row, uint64_t *depth, struct ward_error *err)
{
    const struct ward_feed *trunk = ward_directory_feed_by_id(&r->dir, &dep->feed);
    struct ward_hash hash;
    bool reached = false, astray = false, short_of_it;
    if (trunk && ward_feed_settled_at(trunk, dep->seq)) {
        int rc = ward_own_is_astray(r, trunk, &astray, &short_of_it, err);
        if (rc)
            return rc;
    }
    *row = trunk;
    *depth = 0;
    if (trunk && !astray && ward_feed_settled_at(trunk, dep->seq))
        return WARD_OK;
    for (const struct ward_feed *f = trunk; f; f = ward_directory_next(&r->dir, f)) {
        if (dep->seq > f->head_seq || (f->parent && dep->seq <= f->base))
            continue;
        reached = true;
        *row = f;
        int rc = !f->parent && dep->seq < f->base ? ward_backfill_at(r, f, dep->seq, &hash, depth, err)
                                                  : ward_chain_at(r, f->fid, dep->seq, &hash, depth, err);
        if (rc)
            return rc;
        if (ward_hash_compare(&hash, &dep->hash) == 0)
            return WARD_OK;
    }
    *row = NULL;
    *depth = 0;
    if (trunk && ward_directory_shattered(&r->dir, trunk) && dep->seq > trunk->fork)
        return WARD_OK;
    return reached ? ward_fail(err, WARD_ERR_DEP_HASH, "depends on another change than the one here")
                   : ward_fail(err, WARD_ERR_DEP_MISSING, "depends on a change that is not here");
}

int ward_dep_see(ward_replica *r, struct ward_vv *vv, const struct ward_dep *dep, struct ward_error *err)
{
    const struct ward_feed *trunk = ward_directory_feed_by_id(&r->dir, &dep->feed);
    if (!trunk)
        return ward_fail(err, WARD_ERR_CORRUPT, "dep");
    return ward_vv_raise(vv, &r->env, trunk->fid, dep->seq) ? ward_fail(err, WARD_ERR_MEMORY, "dep") : WARD_OK;
}

uint64_t ward_dep_seen(const ward_replica *r, const struct ward_vv *vv, const struct ward_feed *trunk)
{
    uint64_t seen = 0;
    for (const struct ward_feed *f = trunk; f; f = ward_directory_next(&r->dir, f)) {
        uint64_t here = ward_vv_get(vv, f->fid);
        seen = here > seen ? here : seen;
    }
    return seen;
}

/* The deps of one segment up to seq `upto`. */
static int see_segment(ward_replica *r, const struct ward_segment *seg, uint64_t upto, struct ward_vv *out, struct ward_error *err)
{
    struct ward_scratch s;
    struct ward_buf raw;
    size_t at = 0, used = 0;
    ward_scratch_init(&s, &r->env);
    ward_buf_init(&raw, &r->env);
    int rc = ward_store_unpack(r->store, seg, &raw, err);
    for (uint64_t seq = seg->first; !rc && seq < seg->first + seg->count && seq <= upto; seq++, at += used) {
        ward_scratch_clear(&s);
        rc = ward_change_parse(&s, raw.p + at, raw.len - at, &used, err);
        if (rc)
            rc = rc == WARD_ERR_MEMORY ? rc : ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg->seg);
        for (size_t i = 0; !rc && i < s.dep_count; i++)
            if (!ward_dep_is_own(&s.deps[i]))
                rc = ward_dep_see(r, out, &s.deps[i], err);
    }
    ward_buf_free(&raw);
    ward_scratch_free(&s);
    return rc;
}

int ward_vv_at(ward_replica *r, uint32_t fid, uint64_t upto, struct ward_vv *out, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    struct ward_segment seg;
    uint64_t depth;
    if (!f->parent && upto < f->base)
        return ward_fail(err, WARD_ERR_HISTORY, "change %llu lies before what is held here", (unsigned long long)upto);
    int rc = f->parent ? ward_vv_at(r, f->parent, f->base < upto ? f->base : upto, out, err)
             : f->base ? ward_store_get_base_feed(r->store, fid, &depth, out, err)
                       : WARD_OK;
    for (uint64_t seq = ward_directory_feed(&r->dir, fid)->base + 1; !rc && seq <= upto; seq = seg.first + seg.count) {
        rc = ward_store_find_segment(r->store, fid, seq, &seg, err);
        if (!rc)
            rc = see_segment(r, &seg, upto, out, err);
    }
    return rc;
}
