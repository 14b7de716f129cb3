/* A run that is good goes in: rows for what is new here, its segment, its changes one by one; and what it shows of branches that are none
 * any more. */
#include "base/err.h"
#include "replica/base.h"
#include "replica/ingest_parts.h"
#include "replica/log.h"
#include "replica/own.h"
#include "shell/pack.h"
#include "values/feed.h"

#include <assert.h>
#include <string.h>

/* A row for what is new here: a feed, or a branch. */
static int add_row(struct ward_incoming *in, uint32_t sid, uint32_t *fid, struct ward_error *err)
{
    struct ward_directory *d = &in->r->dir;
    assert(!in->leaves || in->feed);
    struct ward_feed f = {.fid = in->instead ? in->instead : (uint32_t)d->feed_count + 1,
                          .sid = sid,
                          .id = in->feed_id,
                          .parent = in->leaves ? in->feed->fid : 0,
                          .base = in->head_seq,
                          .base_hash = in->head_hash,
                          .grant = in->grant->id,
                          .unit = in->grant->unit,
                          .role = in->grant->role,
                          .head_seq = in->head_seq,
                          .head_depth = in->head_depth,
                          .head_hash = in->head_hash,
                          .limit = UINT64_MAX,
                          .applied_limit = UINT64_MAX,
                          .vv_loaded = true};
    int rc = WARD_OK;
    *fid = f.fid;
    if (in->instead) {
        struct ward_feed *given_up = ward_directory_feed(d, f.fid);
        f.next = given_up->next;
        ward_vv_free(&given_up->vv, &in->r->env);
        *given_up = f;
        ward_chain_forget(in->r);
        rc = ward_store_drop_segments(in->r->store, f.fid, err);
        if (!rc) /* whoever was known to hold the one does not hold the other */
            rc = ward_replica_reuse_number(in->r, f.fid, 0, err);
    } else if (ward_directory_add_feed(d, &f)) {
        rc = ward_fail(err, WARD_ERR_MEMORY, "directory");
    }
    struct ward_feed *row = rc ? NULL : ward_directory_feed(d, *fid);
    if (row && !in->leaves)
        row->settled = in->settled;
    if (row && in->leaves && ward_vv_copy(&row->vv, &in->r->env, &in->vv_before))
        rc = ward_fail(err, WARD_ERR_MEMORY, "vv");
    if (row)
        row->limit = row->applied_limit = ward_directory_limit(d, row);
    return rc;
}

/* What the feed's branches have in common may be less than before, for itself and for all that rests on it. */
static void freeze(struct ward_incoming *in, struct ward_apply *a)
{
    ward_directory_find_fork(&in->r->dir, ward_directory_feed_by_id(&in->r->dir, &in->feed_id));
    ward_directory_judge(&in->r->dir);
    a->authority_changed = true;
}

static int enter_directory(struct ward_incoming *in, struct ward_apply *a, uint32_t *fid, struct ward_error *err)
{
    struct ward_directory *d = &in->r->dir;
    uint32_t sid = in->space ? in->space->sid : (uint32_t)d->space_count + 1;
    if (!in->space && ward_directory_add_space(d, sid, &in->space_id, in->circle, in->circle_count))
        return ward_fail(err, WARD_ERR_MEMORY, "directory");
    if (in->feed && !in->leaves) {
        *fid = in->feed->fid;
        return WARD_OK;
    }
    int rc = add_row(in, sid, fid, err);
    if (!rc && in->leaves)
        freeze(in, a);
    return rc;
}

static int store_segment(struct ward_incoming *in, uint32_t fid, const struct ward_buf *raw, struct ward_error *err)
{
    const struct ward_run *run = in->run;
    struct ward_segment seg = {.fid = fid, .first = in->head_seq + 1, .last_hash = in->last_hash};
    struct ward_buf packed;
    seg.count = (uint32_t)(run->first + run->count - seg.first);
    memcpy(seg.sig, run->sig, sizeof seg.sig);
    ward_buf_init(&packed, &in->r->env);
    int rc = WARD_OK;
    if (in->skipped == 0) { /* just as it came */
        seg.codec = run->codec;
        seg.data = run->data;
        seg.len = run->len;
    } else {
        rc = ward_pack(ward_store_packer(in->r->store), &packed, &seg.codec, raw->p + in->skipped, raw->len - in->skipped, seg.count, err);
        seg.data = seg.codec ? packed.p : raw->p + in->skipped;
        seg.len = seg.codec ? packed.len : raw->len - in->skipped;
    }
    if (!rc)
        rc = ward_log_add(in->r, &seg, err);
    ward_buf_free(&packed);
    return rc;
}

/* Applies change by change, each with the version vector it was written with. */
static int apply_all(struct ward_incoming *in, struct ward_apply *a, uint32_t fid, struct ward_error *err)
{
    struct ward_replica *r = in->r;
    const struct ward_scratch *s = &r->scratch;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < s->change_count; i++)
        rc = ward_apply_change(a, fid, in->head_seq + 1 + i, &s->changes[i], s, err);
    return rc;
}

/* Where settled history has given way and comes again, or who made a base did not count it, others of the space have seen it before it was
 * here: the state is made anew. */
static int mark_seen_before(struct ward_incoming *in, struct ward_apply *a, struct ward_feed *f, struct ward_error *err)
{
    ward_replica *r = in->r;
    const struct ward_space *s = ward_directory_space(&r->dir, f->sid);
    int rc = WARD_OK;
    for (size_t i = 0; !rc && !f->torn && i < s->feed_count; i++) {
        struct ward_feed *g = ward_directory_feed(&r->dir, s->feeds[i]);
        rc = g == f || g->parent ? WARD_OK : ward_store_load_vv(r->store, g, err);
        f->torn = !rc && g != f && !g->parent && ward_vv_get(&g->vv, f->fid) > in->head_seq;
    }
    a->authority_changed |= f->torn;
    return rc;
}

/* The row begins with just what its trunk goes on with now. */
static int is_repeated(struct ward_incoming *in, const struct ward_feed *trunk, const struct ward_feed *row, bool *out,
                       struct ward_error *err)
{
    struct ward_hash own, is;
    uint64_t depth;
    *out = row->head_seq && row->base > ward_directory_feed(&in->r->dir, row->parent)->head_seq; /* what it leaves is gone */
    if (*out || row->parent != trunk->fid || row->head_seq == row->base || row->base < in->head_seq || row->base >= trunk->head_seq)
        return WARD_OK;
    int rc = ward_chain_at(in->r, row->fid, row->base + 1, &own, &depth, err);
    if (!rc)
        rc = ward_chain_at(in->r, trunk->fid, row->base + 1, &is, &depth, err);
    *out = !rc && ward_hash_compare(&own, &is) == 0;
    return rc;
}

/* What own history shared with a branch before it gave way may come again. A branch is what differs from its feed: such a row is given up,
 * and what it has beyond comes anew. */
static int give_up_repeated(struct ward_incoming *in, struct ward_apply *a, struct ward_feed *trunk, struct ward_error *err)
{
    int rc = WARD_OK;
    for (bool more = true; !rc && more;) { /* a row may rest on one that goes */
        more = false;
        for (struct ward_feed *row = ward_directory_next(&in->r->dir, trunk); !rc && row; row = ward_directory_next(&in->r->dir, row)) {
            bool repeated;
            rc = is_repeated(in, trunk, row, &repeated, err);
            if (rc || !repeated)
                continue;
            rc = ward_own_clear_row(in->r, row, trunk, err);
            more = true;
            ward_directory_find_fork(&in->r->dir, trunk);
            ward_directory_judge(&in->r->dir);
            a->authority_changed = true;
        }
    }
    return rc;
}

int ward_ingest_take_in(struct ward_incoming *in, struct ward_apply *a, const struct ward_buf *raw, struct ward_ingested *out,
                        struct ward_error *err)
{
    uint32_t fid = 0;
    uint64_t last = in->run->first + in->run->count - 1;
    int rc = enter_directory(in, a, &fid, err);
    if (!rc)
        rc = store_segment(in, fid, raw, err);
    if (!rc)
        rc = apply_all(in, a, fid, err);
    if (rc)
        return ward_is_refusal(rc) ? ward_fail(err, WARD_ERR_INTERNAL, "a checked run could not be applied") : rc;
    struct ward_feed *f = ward_directory_feed(&in->r->dir, fid);
    if (!f->parent && in->space && (in->settled.seq || ward_space_has_base(in->r, ward_directory_space(&in->r->dir, f->sid))))
        rc = mark_seen_before(in, a, f, err);
    if (rc)
        return rc;
    f->head_seq = last;
    f->head_hash = in->last_hash;
    f->head_depth = in->last_depth;
    f->dirty = true;
    if (!f->parent)
        rc = give_up_repeated(in, a, f, err);
    if (rc)
        return rc;
    rc = ward_own_note_shown(in->r, fid, last, err);
    if (rc)
        return rc;
    *out = (struct ward_ingested){.fid = fid, .last = last, .applied = (uint32_t)(last - in->head_seq), .forked = in->leaves};
    return WARD_OK;
}
