#include "replica/ingest.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "values/feed.h"
#include "values/seal.h"

#include <assert.h>
#include <string.h>

/* A run on its way through the checks. Nothing here is in the directory yet. */
struct incoming {
    struct ward_replica *r;
    const struct ward_run *run;
    struct ward_hash space_id;
    const struct ward_id *circle;
    size_t circle_count;
    const struct ward_space *space; /* NULL: new here */
    const struct ward_feed *feed;   /* NULL: new here */
    const struct ward_grant *grant;
    struct ward_hash feed_id, head_hash;
    uint64_t head_seq, head_depth;
    struct ward_vv vv; /* as it grows along the run */
    size_t skipped;    /* bytes of bodies held already */
    struct ward_hash last_hash;
    uint64_t last_depth;
};

bool ward_is_refusal(int code)
{
    return code >= 200 && code < 500;
}

static int find_space(struct incoming *in, struct ward_error *err)
{
    struct ward_replica *r = in->r;
    const struct ward_grant *self = ward_replica_grant(r);
    struct ward_hash ward_space;
    const struct ward_circle *c = NULL;
    in->space = ward_directory_space_short(&r->dir, in->run->space8);
    ward_space_of_ward(r, &ward_space);
    if (in->space) {
        in->space_id = in->space->id;
        in->circle = in->space->circle;
        in->circle_count = in->space->circle_count;
    } else if (memcmp(ward_space.b, in->run->space8, 8) == 0) {
        in->space_id = ward_space;
    } else if ((c = ward_replica_circle_short(r, in->run->space8)) != NULL) {
        in->space_id = c->space;
        in->circle = c->units;
        in->circle_count = c->count;
    } else {
        return ward_fail(err, WARD_ERR_SPACE, "unknown space");
    }
    /* Before its own grant has arrived a device takes the ward space and no other. */
    bool may = self ? ward_may_read(self, in->circle, in->circle_count) : in->circle_count == 0;
    return may ? WARD_OK : ward_fail(err, WARD_ERR_SPACE, "not a space of this device");
}

static int find_feed(struct incoming *in, struct ward_error *err)
{
    struct ward_replica *r = in->r;
    in->grant = ward_directory_grant_short(&r->dir, in->run->grant8);
    if (!in->grant)
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "grant %02x%02x%02x%02x", in->run->grant8[0], in->run->grant8[1], in->run->grant8[2],
                         in->run->grant8[3]);
    if (!ward_may_write(in->grant, in->circle, in->circle_count))
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "%s device", ward_role_name(in->grant->role));
    ward_name_feed(&in->feed_id, &r->ward, &in->space_id, &in->grant->id);
    in->feed = ward_directory_feed_by_id(&r->dir, &in->feed_id);
    in->head_hash = in->feed ? in->feed->head_hash : in->feed_id;
    in->head_seq = in->feed ? in->feed->head_seq : 0;
    in->head_depth = in->feed ? in->feed->head_depth : 0;
    /* What lies beyond a cut is kept aside, but not without end: who passes on more of it is told so, and stops. */
    if (in->feed && in->feed->limit < in->head_seq && in->head_seq - in->feed->limit >= WARD_ASIDE_MAX &&
        in->run->first + in->run->count - 1 > in->head_seq)
        return ward_fail(err, WARD_ERR_CUT, "%u changes beyond the cut are kept already", WARD_ASIDE_MAX);
    if (in->run->first > in->head_seq + 1)
        return ward_fail(err, WARD_ERR_GAP, "starts at %llu, held up to %llu", (unsigned long long)in->run->first,
                         (unsigned long long)in->head_seq);
    return WARD_OK;
}

/* The run begins before the head: its bodies up to there must lead to the held hash. Where they do not, a good seal proves a fork. */
static int pass_overlap(struct incoming *in, const struct ward_buf *raw, bool *duplicate, struct ward_error *err)
{
    const struct ward_run *run = in->run;
    uint64_t last = run->first + run->count - 1, upto = last < in->head_seq ? last : in->head_seq, depth;
    struct ward_hash hash, held = in->head_hash;
    size_t at = 0, meeting = 0;
    *duplicate = false;
    if (run->first > in->head_seq)
        return WARD_OK;
    assert(in->feed); /* runs start at 1 at least */
    int rc = ward_chain_at(in->r, in->feed->fid, run->first - 1, &hash, &depth, err);
    if (!rc && upto != in->head_seq)
        rc = ward_chain_at(in->r, in->feed->fid, upto, &held, &depth, err);
    if (rc)
        return rc;
    bool diverged = false;
    for (uint64_t seq = run->first; seq <= last; seq++) {
        size_t used;
        ward_scratch_clear(&in->r->scratch);
        rc = ward_change_parse(&in->r->scratch, raw->p + at, raw->len - at, &used, err);
        if (rc)
            return ward_at(err, rc, "change %llu", (unsigned long long)seq);
        ward_chain(&hash, seq, &hash, raw->p + at, used);
        at += used;
        if (seq == upto) {
            meeting = at;
            diverged = ward_hash_compare(&hash, &held) != 0;
            if (!diverged && last > in->head_seq)
                break;
        }
    }
    if ((diverged || last <= in->head_seq) && at != raw->len)
        return ward_fail(err, WARD_ERR_TRAILING, "%zu bytes after the last change", raw->len - at);
    if (diverged || last <= in->head_seq) {
        bool sealed = ward_seal_check(run->sig, &in->feed_id, last, &hash, in->grant->sign_pk);
        if (!sealed)
            return ward_fail(err, WARD_ERR_SEAL, "change %llu", (unsigned long long)last);
        if (diverged)
            return ward_fail(err, WARD_ERR_FORK, "this feed has two branches before change %llu", (unsigned long long)upto + 1);
        *duplicate = true;
    }
    in->skipped = meeting;
    return WARD_OK;
}

/* Of its own feed a late change names what it had seen by seq alone: the chain says which change that is. */
static int check_own_dep(const struct incoming *in, const struct ward_dep *d, uint64_t seq, struct ward_error *err)
{
    bool fine = ward_hash_compare(&d->feed, &in->feed_id) == 0 && d->seq < seq;
    return fine ? WARD_OK : ward_fail(err, WARD_ERR_DEP_ORDER, "a late change names its own feed, up to a change before it");
}

static int check_dep(struct incoming *in, const struct ward_dep *d, bool late, uint64_t *depth, struct ward_error *err)
{
    const struct ward_feed *g = ward_directory_feed_by_id(&in->r->dir, &d->feed);
    struct ward_hash hash;
    uint64_t held_depth;
    if (!g || !in->space || g->sid != in->space->sid || d->seq > g->head_seq)
        return ward_fail(err, WARD_ERR_DEP_MISSING, "depends on a change that is not here");
    int rc = ward_chain_at(in->r, g->fid, d->seq, &hash, &held_depth, err);
    if (rc)
        return rc;
    if (ward_hash_compare(&hash, &d->hash) != 0)
        return ward_fail(err, WARD_ERR_DEP_HASH, "depends on another change than the one here");
    if (g == in->feed || (!late && d->seq <= ward_vv_get(&in->vv, g->fid)))
        return ward_fail(err, WARD_ERR_DEP_ORDER, "depends on itself or on what it had seen before");
    if (held_depth > *depth)
        *depth = held_depth;
    return ward_vv_raise(&in->vv, &in->r->env, g->fid, d->seq) ? ward_fail(err, WARD_ERR_MEMORY, "vv") : WARD_OK;
}

static int check_change(struct incoming *in, uint64_t seq, const uint8_t *p, size_t len, size_t *used, struct ward_error *err)
{
    struct ward_scratch *s = &in->r->scratch;
    int rc = ward_change_parse(s, p, len, used, err);
    if (rc)
        return rc;
    const struct ward_change *ch = &s->changes[s->change_count - 1];
    uint64_t depth = in->last_depth;
    for (size_t i = 0; !rc && i < ch->dep_count; i++) {
        const struct ward_dep *d = &s->deps[ch->dep_first + i];
        rc = ward_dep_is_own(d) ? check_own_dep(in, d, seq, err) : check_dep(in, d, ch->late, &depth, err);
    }
    if (!rc && ch->depth != depth + 1)
        rc = ward_fail(err, WARD_ERR_DEPTH, "depth %llu, must be %llu", (unsigned long long)ch->depth, (unsigned long long)depth + 1);
    ward_chain(&in->last_hash, seq, &in->last_hash, p, *used);
    in->last_depth = ch->depth;
    return rc;
}

static int check_bodies(struct incoming *in, const struct ward_buf *raw, struct ward_error *err)
{
    size_t at = in->skipped, used = 0;
    uint64_t last = in->run->first + in->run->count - 1;
    ward_scratch_clear(&in->r->scratch);
    in->last_hash = in->head_hash;
    in->last_depth = in->head_depth;
    for (uint64_t seq = in->head_seq + 1; seq <= last; seq++, at += used) {
        int rc = check_change(in, seq, raw->p + at, raw->len - at, &used, err);
        if (rc)
            return ward_at(err, rc, "change %llu", (unsigned long long)seq);
    }
    if (at != raw->len)
        return ward_fail(err, WARD_ERR_TRAILING, "%zu bytes after the last change", raw->len - at);
    return ward_seal_check(in->run->sig, &in->feed_id, last, &in->last_hash, in->grant->sign_pk)
               ? WARD_OK
               : ward_fail(err, WARD_ERR_SEAL, "change %llu", (unsigned long long)last);
}

/* ---- from here on the run is good */

static int enter_directory(struct incoming *in, uint32_t *fid, struct ward_error *err)
{
    struct ward_directory *d = &in->r->dir;
    uint32_t sid = in->space ? in->space->sid : (uint32_t)d->space_count + 1;
    int rc = in->space ? WARD_OK : ward_directory_add_space(d, sid, &in->space_id, in->circle, in->circle_count);
    if (!rc && !in->feed) {
        struct ward_feed f = {.fid = (uint32_t)d->feed_count + 1,
                              .sid = sid,
                              .id = in->feed_id,
                              .grant = in->grant->id,
                              .unit = in->grant->unit,
                              .role = in->grant->role,
                              .head_hash = in->feed_id,
                              .vv_loaded = true};
        f.limit = f.applied_limit = ward_directory_limit(d, &f);
        *fid = f.fid;
        rc = ward_directory_add_feed(d, &f);
    } else if (!rc) {
        *fid = in->feed->fid;
    }
    return rc ? ward_fail(err, rc, "directory") : WARD_OK;
}

static int store_segment(struct incoming *in, uint32_t fid, const struct ward_buf *raw, struct ward_error *err)
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
        rc = ward_store_pack(raw->p + in->skipped, raw->len - in->skipped, &packed, &seg.codec, err);
        seg.data = seg.codec ? packed.p : raw->p + in->skipped;
        seg.len = seg.codec ? packed.len : raw->len - in->skipped;
    }
    if (!rc)
        rc = ward_store_add_segment(in->r->store, &seg, err);
    ward_buf_free(&packed);
    return rc;
}

/* Applies change by change, each with the version vector it was written with. */
static int apply_all(struct incoming *in, struct ward_apply *a, uint32_t fid, struct ward_error *err)
{
    struct ward_replica *r = in->r;
    const struct ward_scratch *s = &r->scratch;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < s->change_count; i++) {
        rc = ward_apply_change(a, fid, in->head_seq + 1 + i, &s->changes[i], s, err);
    }
    return rc;
}

static int take_in(struct incoming *in, struct ward_apply *a, const struct ward_buf *raw, struct ward_ingested *out, struct ward_error *err)
{
    uint32_t fid = 0;
    uint64_t last = in->run->first + in->run->count - 1;
    int rc = enter_directory(in, &fid, err);
    if (!rc)
        rc = store_segment(in, fid, raw, err);
    if (!rc)
        rc = apply_all(in, a, fid, err);
    if (rc)
        return ward_is_refusal(rc) ? ward_fail(err, WARD_ERR_INTERNAL, "a checked run could not be applied") : rc;
    struct ward_feed *f = ward_directory_feed(&in->r->dir, fid);
    f->head_seq = last;
    f->head_hash = in->last_hash;
    f->head_depth = in->last_depth;
    f->dirty = true;
    *out = (struct ward_ingested){.fid = fid, .last = last, .applied = (uint32_t)(last - in->head_seq)};
    return WARD_OK;
}

static int check_and_take(struct incoming *in, struct ward_apply *a, struct ward_ingested *out, struct ward_error *err)
{
    struct ward_replica *r = in->r;
    bool duplicate;
    if (in->run->count > WARD_RUN_CHANGES_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_RUN, "%u changes", (unsigned)in->run->count);
    int rc = ward_store_unpack_run(in->run->codec, in->run->data, in->run->len, &r->unpacked, err);
    if (!rc)
        rc = find_space(in, err);
    if (!rc)
        rc = find_feed(in, err);
    if (!rc)
        rc = pass_overlap(in, &r->unpacked, &duplicate, err);
    if (rc)
        return rc;
    if (duplicate) {
        *out = (struct ward_ingested){.fid = in->feed->fid, .last = in->run->first + in->run->count - 1};
        return WARD_OK;
    }
    if (in->feed) {
        rc = ward_store_load_vv(r->store, ward_directory_feed(&r->dir, in->feed->fid), err);
        if (!rc && ward_vv_copy(&in->vv, &r->env, &in->feed->vv))
            rc = ward_fail(err, WARD_ERR_MEMORY, "vv");
    }
    if (!rc)
        rc = check_bodies(in, &r->unpacked, err);
    return rc ? rc : take_in(in, a, &r->unpacked, out, err);
}

int ward_ingest_run(struct ward_apply *a, const struct ward_run *run, struct ward_ingested *out, struct ward_error *err)
{
    struct incoming in = {.r = a->r, .run = run};
    struct ward_ingested result = {0};
    int rc = check_and_take(&in, a, &result, err);
    ward_vv_free(&in.vv, &a->r->env);
    *out = result;
    return rc;
}
