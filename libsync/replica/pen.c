#include "replica/pen.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/log.h"
#include "shell/pack.h"
#include "values/feed.h"
#include "values/seal.h"

#define PACK_ALONE 512 /* a change by itself that is shorter stays as it is: it is packed with others when the log joins them (log.h) */

static int ensure_space(ward_replica *r, const struct ward_hash *id, uint32_t *sid, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, id);
    if (s) {
        *sid = s->sid;
        return WARD_OK;
    }
    const struct ward_circle *c = ward_replica_circle(r, id);
    *sid = (uint32_t)r->dir.space_count + 1;
    int rc = ward_directory_add_space(&r->dir, *sid, id, c ? c->units : NULL, c ? c->count : 0);
    return rc ? ward_fail(err, rc, "space") : WARD_OK;
}

static int ensure_feed(ward_replica *r, const struct ward_hash *space, uint32_t sid, const struct ward_grant *g, uint32_t *fid,
                       struct ward_error *err)
{
    struct ward_hash id;
    ward_name_feed(&id, &r->ward, space, &g->id);
    const struct ward_feed *held = ward_directory_feed_by_id(&r->dir, &id);
    if (held) {
        *fid = held->fid;
        return WARD_OK;
    }
    struct ward_feed f = {.fid = (uint32_t)r->dir.feed_count + 1,
                          .sid = sid,
                          .id = id,
                          .grant = g->id,
                          .unit = g->unit,
                          .role = g->role,
                          .head_hash = id,
                          .limit = UINT64_MAX,
                          .applied_limit = UINT64_MAX,
                          .vv_loaded = true};
    if (ward_directory_space(&r->dir, sid)->circle_count) /* by a copy of this home, it may be, whose history is not here */
        ward_directory_settled(&r->dir, space, &id, &f.settled);
    if (f.settled.seq)
        f.limit = f.applied_limit = ward_directory_limit(&r->dir, &f);
    int rc = ward_directory_add_feed(&r->dir, &f);
    *fid = f.fid;
    return rc ? ward_fail(err, rc, "feed") : WARD_OK;
}

int ward_pen_begin(struct ward_pen *p, struct ward_apply *a, const struct ward_hash *space, const struct ward_grant *grant,
                   const struct ward_keys *keys, struct ward_error *err)
{
    const struct ward_grant g = *grant; /* its row may move */
    *p = (struct ward_pen){.a = a, .keys = keys};
    ward_buf_init(&p->bodies, &a->r->env);
    int rc = ensure_space(a->r, space, &p->sid, err);
    if (!rc)
        rc = ensure_feed(a->r, space, p->sid, &g, &p->fid, err);
    struct ward_feed *f = rc ? NULL : ward_directory_feed(&a->r->dir, p->fid);
    if (f)
        rc = ward_store_load_vv(a->r->store, f, err);
    if (f)
        p->first = f->head_seq + 1;
    return rc;
}

/* What is written so far becomes one segment under one seal. */
static int seal(struct ward_pen *p, struct ward_error *err)
{
    ward_replica *r = p->a->r;
    const struct ward_feed *f = ward_directory_feed(&r->dir, p->fid);
    struct ward_segment seg = {.fid = p->fid, .first = p->first, .count = p->count, .codec = WARD_CODEC_RAW, .last_hash = f->head_hash};
    struct ward_buf packed;
    int rc = WARD_OK;
    if (p->count == 0)
        return WARD_OK;
    ward_buf_init(&packed, &r->env);
    if (p->count > 1 || p->bodies.len >= PACK_ALONE)
        rc = ward_pack(ward_store_packer(r->store), &packed, &seg.codec, p->bodies.p, p->bodies.len, p->count, err);
    if (!rc) {
        seg.data = seg.codec ? packed.p : p->bodies.p;
        seg.len = seg.codec ? packed.len : p->bodies.len;
        ward_seal_make(seg.sig, &f->id, f->head_seq, &f->head_hash, &p->keys->sign);
        rc = ward_log_add(r, &seg, err);
    }
    ward_buf_free(&packed);
    p->sum.bytes += p->bodies.len;
    p->first += p->count;
    p->count = 0;
    ward_buf_clear(&p->bodies);
    return rc;
}

int ward_pen_write(struct ward_pen *p, int64_t wall_ms, uint64_t depth, const struct ward_dep *deps, size_t dep_count,
                   const struct ward_op *ops, size_t op_count, struct ward_error *err)
{
    ward_replica *r = p->a->r;
    size_t start = p->bodies.len, used;
    ward_change_write(&p->bodies, wall_ms, depth, deps, dep_count, ops, op_count);
    if (ward_buf_status(&p->bodies))
        return ward_fail(err, WARD_ERR_MEMORY, "change");
    ward_scratch_clear(&r->scratch);
    int rc = ward_change_parse(&r->scratch, p->bodies.p + start, p->bodies.len - start, &used, err); /* what is written must be readable */
    if (rc)
        return ward_at(err, rc, "own change");
    struct ward_feed *f = ward_directory_feed(&r->dir, p->fid);
    uint64_t seq = f->head_seq + 1;
    struct ward_hash hash;
    ward_chain(&hash, seq, &f->head_hash, p->bodies.p + start, used);
    f->head_seq = seq;
    f->head_hash = hash;
    f->head_depth = depth;
    f->dirty = true;
    rc = ward_apply_change(p->a, p->fid, seq, &r->scratch.changes[0], &r->scratch, err);
    p->count++;
    p->sum.changes++;
    p->sum.ops += op_count;
    if (!rc && (p->bodies.len > WARD_SEAL_RAW || p->count == WARD_SEAL_EVERY))
        rc = seal(p, err);
    return rc;
}

int ward_pen_end(struct ward_pen *p, int rc, struct ward_error *err)
{
    if (!rc)
        rc = seal(p, err);
    ward_buf_free(&p->bodies);
    return rc;
}

void ward_ops_number(struct ward_op *ops, size_t count)
{
    uint32_t next = 0;
    for (size_t i = 0; i < count; i++) {
        size_t j = i;
        while (j > 0 && !(ops[j - 1].kind == ops[i].kind && ward_id_equal(&ops[j - 1].entity, &ops[i].entity)))
            j--;
        ops[i].record = j > 0 ? ops[j - 1].record : next++;
    }
}
