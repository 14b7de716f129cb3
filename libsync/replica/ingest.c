#include "replica/ingest.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/ahead.h"
#include "replica/backfill.h"
#include "replica/base.h"
#include "replica/log.h"
#include "replica/own.h"
#include "shell/pack.h"
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
    const struct ward_feed *trunk;  /* NULL: the feed is new here */
    const struct ward_feed *feed;   /* the row whose chain the run follows; NULL: new here */
    bool leaves;                    /* it leaves that chain before its head: a new branch */
    bool again;                     /* the space's history has taken its base's place: all is to be looked at anew */
    bool fresh;                     /* of the run nothing has been taken in yet */
    bool below;                     /* what it has below the base waits for what it has beyond: it is to be looked at anew */
    bool gives_way;                 /* it does, and what is held there is withdrawn for it */
    uint32_t instead;               /* the branch to be given up for it, or 0 */
    const struct ward_grant *grant;
    struct ward_floor_entry settled;     /* of the feed, whether it is here or not */
    struct ward_hash feed_id, head_hash; /* head: where what is new begins, the row's head or before */
    uint64_t head_seq, head_depth;
    struct ward_vv vv;        /* as it grows along the run */
    struct ward_vv vv_before; /* of a branch: where it begins */
    size_t skipped;           /* bytes of bodies held already */
    struct ward_hash last_hash;
    uint64_t last_depth;
    struct ward_ahead_run *ahead; /* what was read of it before its turn, or NULL */
    struct ward_reading reading;
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
    if (!in->run->grant8)
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "no grant is named");
    in->grant = ward_directory_grant_short(&r->dir, in->run->grant8);
    if (!in->grant)
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "grant %02x%02x%02x%02x", in->run->grant8[0], in->run->grant8[1], in->run->grant8[2],
                         in->run->grant8[3]);
    if (!ward_may_write(in->grant, in->circle, in->circle_count))
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "%s device", ward_role_name(in->grant->role));
    ward_name_feed(&in->feed_id, &r->ward, &in->space_id, &in->grant->id);
    in->feed = in->trunk = ward_directory_feed_by_id(&r->dir, &in->feed_id);
    in->head_hash = in->feed ? in->feed->head_hash : in->feed_id;
    in->head_seq = in->feed ? in->feed->head_seq : 0;
    in->head_depth = in->feed ? in->feed->head_depth : 0;
    if (in->trunk)
        in->settled = in->trunk->settled;
    else if (in->circle_count)
        ward_directory_settled(&r->dir, &in->space_id, &in->feed_id, &in->settled);
    /* What lies beyond a cut is kept aside, but not without end: who passes on more of it is told so, and stops. */
    if (in->feed && in->feed->limit < in->head_seq && in->head_seq - in->feed->limit >= WARD_ASIDE_MAX &&
        in->run->first + in->run->count - 1 > in->head_seq)
        return ward_fail(err, WARD_ERR_CUT, "%u changes beyond the cut are kept already", WARD_ASIDE_MAX);
    uint64_t held = in->head_seq;
    for (const struct ward_feed *f = in->trunk; f; f = ward_directory_next(&r->dir, f))
        held = f->head_seq > held ? f->head_seq : held;
    return in->run->first <= held + 1 ? WARD_OK
                                      : ward_fail(err, WARD_ERR_GAP, "starts at %llu, held up to %llu", (unsigned long long)in->run->first,
                                                  (unsigned long long)held);
}

static bool is_own(const struct incoming *in)
{
    return ward_hash_compare(&in->grant->id, &in->r->self) == 0;
}

/* ---- a run that does not simply go on where a feed ends: it begins before the head, or the feed has branches. A run names no hash before
 * it, so the one is meant under which its seal holds; then its bodies tell how far they are those held. */

/* A run's bodies and the chain through them. */
struct walked {
    uint32_t count;
    size_t *at;             /* where body i begins; at[count]: the end */
    struct ward_hash *hash; /* of body i, after the hash last tried */
};

static int walk(struct incoming *in, const struct ward_buf *raw, struct walked *w, struct ward_error *err)
{
    struct ward_arena *arena = &in->r->arena;
    ward_arena_reset(arena);
    w->count = in->run->count;
    w->at = ward_arena_take(arena, (w->count + 1) * sizeof *w->at);
    w->hash = w->at ? ward_arena_take(arena, w->count * sizeof *w->hash) : NULL;
    if (!w->hash)
        return ward_fail(err, WARD_ERR_MEMORY, "run");
    w->at[0] = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        size_t used;
        ward_scratch_clear(&in->r->scratch);
        int rc = ward_change_parse(&in->r->scratch, raw->p + w->at[i], raw->len - w->at[i], &used, err);
        if (rc)
            return ward_at(err, rc, "change %llu", (unsigned long long)in->run->first + i);
        w->at[i + 1] = w->at[i] + used;
    }
    size_t left = raw->len - w->at[w->count];
    return left ? ward_fail(err, WARD_ERR_TRAILING, "%zu bytes after the last change", left) : WARD_OK;
}

/* The hash before the run, of those that the rows of the feed offer. *row: the first that offers it. */
static int find_before(struct incoming *in, const struct ward_buf *raw, struct walked *w, struct ward_hash *before,
                       const struct ward_feed **row, struct ward_error *err)
{
    const struct ward_run *run = in->run;
    uint64_t depth, last = run->first + run->count - 1;
    for (const struct ward_feed *f = in->trunk; f; f = ward_directory_next(&in->r->dir, f)) {
        if (run->first - 1 > f->head_seq || (f->parent && run->first - 1 <= f->base)) /* the parent offers the same */
            continue;
        int rc = ward_chain_at(in->r, f->fid, run->first - 1, before, &depth, err);
        if (rc)
            return rc;
        struct ward_hash hash = *before;
        for (uint32_t i = 0; i < w->count; i++) {
            ward_chain(&hash, run->first + i, &hash, raw->p + w->at[i], w->at[i + 1] - w->at[i]);
            w->hash[i] = hash;
        }
        *row = f;
        if (ward_seal_check(run->sig, &in->feed_id, last, &hash, in->grant->sign_pk))
            return WARD_OK;
    }
    return ward_fail(err, WARD_ERR_SEAL, "change %llu", (unsigned long long)last);
}

/* How far the row holds what the run holds: since a hash commits to all before it, the first difference can be halved for. */
static int agree(struct incoming *in, const struct walked *w, const struct ward_feed *f, uint64_t *upto, struct ward_error *err)
{
    uint64_t low = in->run->first - 1, high = in->run->first + w->count - 1, depth;
    high = high < f->head_seq ? high : f->head_seq;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        struct ward_hash hash;
        int rc = ward_chain_at(in->r, f->fid, middle, &hash, &depth, err);
        if (rc)
            return rc;
        if (ward_hash_compare(&hash, &w->hash[middle - in->run->first]) == 0)
            low = middle;
        else
            high = middle - 1;
    }
    *upto = low;
    return WARD_OK;
}

/* Sets the row that holds the most of the run, and how far. */
static int find_row(struct incoming *in, const struct walked *w, const struct ward_hash *before, const struct ward_feed *first,
                    struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth, upto;
    in->feed = NULL;
    for (const struct ward_feed *f = first; f; f = ward_directory_next(&in->r->dir, f)) {
        if (f->head_seq < in->run->first - 1)
            continue;
        int rc = ward_chain_at(in->r, f->fid, in->run->first - 1, &hash, &depth, err);
        if (!rc && ward_hash_compare(&hash, before) != 0)
            continue;
        if (!rc)
            rc = agree(in, w, f, &upto, err);
        if (rc)
            return rc;
        if (in->feed && upto <= in->head_seq)
            continue;
        in->feed = f;
        in->head_seq = upto;
    }
    assert(in->feed); /* the trunk at least was looked at */
    while (in->feed->parent && in->head_seq <= in->feed->base)
        in->feed = ward_directory_feed(&in->r->dir, in->feed->parent);
    return ward_chain_at(in->r, in->feed->fid, in->head_seq, &in->head_hash, &in->head_depth, err);
}

/* Where what is new of the run leaves the trunk. */
static uint64_t leaves_trunk_at(const struct incoming *in)
{
    uint64_t common = ward_directory_common_seq(&in->r->dir, in->feed);
    return in->head_seq < common ? in->head_seq : common;
}

/* One more branch, if there is room; a shattered feed takes one that parts earlier in the place of the one that parts last. */
static int make_room(struct incoming *in, struct ward_error *err)
{
    const struct ward_directory *d = &in->r->dir;
    const struct ward_feed *last = ward_directory_next_above(d, in->trunk);
    in->leaves = true;
    if (!ward_directory_shattered(d, in->trunk))
        return WARD_OK;
    if (in->head_seq >= in->trunk->fork)
        return ward_fail(err, WARD_ERR_BRANCHES, "beyond change %llu", (unsigned long long)in->trunk->fork);
    for (const struct ward_feed *f = last; f; f = ward_directory_next_above(d, f))
        last = f->base > last->base ? f : last;
    assert(last); /* what is shattered has branches */
    in->instead = last->fid;
    return WARD_OK;
}

/* Of this device's own feed, what nobody has got yet gives way; and of any, what nobody will take any more, since the ward has settled
 * another history. */
static int find_giving_way(struct incoming *in, const struct walked *w, struct ward_error *err)
{
    const struct ward_feed *f = in->feed;
    struct ward_hash hash;
    uint64_t depth;
    in->gives_way = !f->parent && ward_own_unpublished(in->r, f->fid, in->head_seq + 1);
    if (in->gives_way || f->parent || in->head_seq >= in->settled.seq)
        return WARD_OK;
    bool reaches = in->settled.seq < in->run->first + w->count;
    if (reaches && ward_hash_compare(&w->hash[in->settled.seq - in->run->first], &in->settled.hash) != 0)
        return WARD_OK; /* it is not the settled history either */
    if (f->head_seq >= in->settled.seq) {
        int rc = ward_chain_at(in->r, f->fid, in->settled.seq, &hash, &depth, err);
        if (rc || ward_hash_compare(&hash, &in->settled.hash) == 0)
            return rc;
    } else if (!reaches && !is_own(in)) {
        return WARD_OK; /* either may be the settled one */
    }
    in->gives_way = true;
    return WARD_OK;
}

static int place(struct incoming *in, const struct ward_buf *raw, bool *duplicate, struct ward_error *err)
{
    struct walked w;
    struct ward_hash before;
    const struct ward_feed *row = NULL;
    *duplicate = false;
    if (!in->trunk || (!in->trunk->forked && in->run->first == in->head_seq + 1))
        return WARD_OK;
    int rc = walk(in, raw, &w, err);
    if (!rc)
        rc = find_before(in, raw, &w, &before, &row, err);
    if (!rc)
        rc = find_row(in, &w, &before, row, err);
    if (!rc)
        rc = ward_own_note_shown(in->r, in->trunk->fid, leaves_trunk_at(in), err);
    if (rc)
        return rc;
    in->skipped = w.at[in->head_seq - (in->run->first - 1)];
    *duplicate = in->head_seq == in->run->first + w.count - 1;
    bool goes_on = in->head_seq == in->feed->head_seq;
    if (*duplicate || (goes_on && !in->feed->parent))
        return WARD_OK;
    rc = find_giving_way(in, &w, err);
    if (rc || in->gives_way)
        return rc;
    if (leaves_trunk_at(in) < in->settled.seq)
        return ward_fail(err, WARD_ERR_SETTLED, "another history than the one settled up to change %llu",
                         (unsigned long long)in->settled.seq);
    return goes_on ? WARD_OK : make_room(in, err);
}

/* Of its own feed a late change names what it had seen by seq alone: the chain says which change that is. */
static int check_own_dep(const struct incoming *in, const struct ward_dep *d, uint64_t seq, struct ward_error *err)
{
    bool fine = ward_hash_compare(&d->feed, &in->feed_id) == 0 && d->seq < seq;
    return fine ? WARD_OK : ward_fail(err, WARD_ERR_DEP_ORDER, "a late change names its own feed, up to a change before it");
}

static int check_dep(struct incoming *in, const struct ward_dep *d, bool late, uint64_t *depth, struct ward_error *err)
{
    const struct ward_feed *g = ward_directory_feed_by_id(&in->r->dir, &d->feed), *row;
    uint64_t held_depth;
    if (!g || !in->space || g->sid != in->space->sid)
        return ward_fail(err, WARD_ERR_DEP_MISSING, "depends on a change that is not here");
    int rc = ward_dep_find(in->r, d, &row, &held_depth, err);
    if (rc)
        return rc;
    if (g == in->trunk || (!late && d->seq <= ward_dep_seen(in->r, &in->vv, g)))
        return ward_fail(err, WARD_ERR_DEP_ORDER, "depends on itself or on what it had seen before");
    if (held_depth > *depth)
        *depth = held_depth;
    return ward_dep_see(in->r, &in->vv, d, err);
}

/* Whether some dep lies where a shattered feed has parted, or below what is settled: one replica may hold it and another not, so neither
 * goes by its depth. */
static int is_vague(const struct incoming *in, const struct ward_dep *d, bool *out, struct ward_error *err)
{
    const struct ward_feed *g = ward_directory_feed_by_id(&in->r->dir, &d->feed);
    bool astray = false, short_of_it;
    *out = g && ward_directory_shattered(&in->r->dir, g) && d->seq > g->fork;
    if (!g || *out || !ward_feed_settled_at(g, d->seq))
        return WARD_OK;
    int rc = ward_own_is_astray(in->r, g, &astray, &short_of_it, err);
    *out = !astray;
    return rc;
}

/* What is to be read of the run, from `first` on. */
static struct ward_reading to_read(const struct incoming *in, uint64_t first)
{
    return (struct ward_reading){.feed = in->feed_id,
                                 .first = first,
                                 .last = in->run->first + in->run->count - 1,
                                 .before = in->head_hash,
                                 .mark = in->settled.seq,
                                 .sig = in->run->sig,
                                 .sign_pk = in->grant->sign_pk};
}

/* What one change says of others, and its depth. */
static int check_change(struct incoming *in, uint64_t seq, const struct ward_change *ch, struct ward_error *err)
{
    const struct ward_dep *deps = ward_change_deps(&in->r->scratch, ch);
    uint64_t depth = in->last_depth;
    bool vague = false;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < ch->dep_count; i++) {
        const struct ward_dep *d = &deps[i];
        uint64_t ignored = 0;
        bool loose = false;
        rc = ward_dep_is_own(d) ? WARD_OK : is_vague(in, d, &loose, err);
        if (rc)
            break;
        vague |= loose;
        rc = ward_dep_is_own(d) ? check_own_dep(in, d, seq, err) : check_dep(in, d, ch->late, loose ? &ignored : &depth, err);
    }
    bool fits = vague ? ch->depth > depth && ch->depth - depth <= WARD_DEPTH_LEAP : ch->depth == depth + 1;
    if (!rc && !fits)
        rc = ward_fail(err, WARD_ERR_DEPTH, "depth %llu, must be %llu", (unsigned long long)ch->depth, (unsigned long long)depth + 1);
    in->last_depth = ch->depth;
    bool trunk = !in->leaves && (!in->feed || !in->feed->parent); /* what leaves it does so above what is settled */
    if (!rc && trunk && seq == in->settled.seq && ward_hash_compare(&in->reading.at_mark, &in->settled.hash) != 0)
        rc = ward_fail(err, WARD_ERR_SETTLED, "another history than the one settled up to change %llu", (unsigned long long)seq);
    return rc;
}

/* Change by change: what is wrong with one is said before what is wrong with those after it. */
static int check_bodies(struct incoming *in, const struct ward_buf *raw, struct ward_error *err)
{
    struct ward_scratch *s = &in->r->scratch;
    in->reading = to_read(in, in->head_seq + 1);
    if (!ward_ahead_read(in->ahead, &in->reading, s))
        ward_read_bodies(&in->reading, s, raw->p + in->skipped, raw->len - in->skipped);
    in->last_hash = in->reading.hash;
    in->last_depth = in->head_depth;
    for (size_t i = 0; i < s->change_count; i++) {
        uint64_t seq = in->head_seq + 1 + i;
        int rc = check_change(in, seq, &s->changes[i], err);
        if (rc)
            return ward_at(err, rc, "change %llu", (unsigned long long)seq);
    }
    return in->reading.code ? ward_fail(err, in->reading.code, "%s", in->reading.why.detail) : WARD_OK;
}

/* ---- from here on the run is good */

/* A row for what is new here: a feed, or a branch. */
static int add_row(struct incoming *in, uint32_t sid, uint32_t *fid, struct ward_error *err)
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
static void freeze(struct incoming *in, struct ward_apply *a)
{
    ward_directory_find_fork(&in->r->dir, ward_directory_feed_by_id(&in->r->dir, &in->feed_id));
    ward_directory_judge(&in->r->dir);
    a->authority_changed = true;
}

static int enter_directory(struct incoming *in, struct ward_apply *a, uint32_t *fid, struct ward_error *err)
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

/* Where settled history has given way and comes again, or who made a base did not count it, others of the space have seen it before it was
 * here: the state is made anew. */
static int mark_seen_before(struct incoming *in, struct ward_apply *a, struct ward_feed *f, struct ward_error *err)
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
static int is_repeated(struct incoming *in, const struct ward_feed *trunk, const struct ward_feed *row, bool *out, struct ward_error *err)
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
static int give_up_repeated(struct incoming *in, struct ward_apply *a, struct ward_feed *trunk, struct ward_error *err)
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

static int take_in(struct incoming *in, struct ward_apply *a, const struct ward_buf *raw, struct ward_ingested *out, struct ward_error *err)
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

/* What the author had seen where the new bodies begin. */
static int find_seen(struct incoming *in, struct ward_error *err)
{
    struct ward_replica *r = in->r;
    if (!in->feed)
        return WARD_OK;
    bool before = in->leaves || in->gives_way;
    int rc = before ? ward_vv_at(r, in->feed->fid, in->head_seq, &in->vv_before, err)
                    : ward_store_load_vv(r->store, ward_directory_feed(&r->dir, in->feed->fid), err);
    if (!rc && ward_vv_copy(&in->vv, &r->env, before ? &in->vv_before : &in->feed->vv))
        rc = ward_fail(err, WARD_ERR_MEMORY, "vv");
    return rc;
}

/* What a run holds of the history below the base is kept aside, until all of it is there, and passed over: that it is the one which the
 * base is of, its seal shows, which is over its end, by the chain from the base on. */
static int leave_out_base(struct incoming *in, struct ward_apply *a, struct ward_run *rest, bool *all, struct ward_ingested *out,
                          struct ward_error *err)
{
    struct ward_buf *raw = &in->r->unpacked;
    uint64_t base = in->trunk ? in->trunk->base : 0, last = in->run->first + in->run->count - 1;
    size_t at = 0;
    bool whole = false;
    *all = false;
    if (in->run->first > base)
        return WARD_OK;
    bool beyond = last > base && last > in->trunk->head_seq; /* of that nothing has been checked yet, but one seal is over all of it */
    in->below = beyond && in->fresh;
    int rc = beyond ? WARD_OK : ward_backfill_take(a, in->trunk->fid, in->run, raw, &whole, &out->base_differs, err);
    if (rc)
        return rc;
    out->backfilled = whole;
    in->again = whole; /* now it stands as if it had been held from the first */
    *all = last <= base;
    if (*all || whole)
        return WARD_OK;
    for (uint64_t seq = in->run->first; seq <= base; seq++) {
        size_t used;
        ward_scratch_clear(&in->r->scratch);
        rc = ward_change_parse(&in->r->scratch, raw->p + at, raw->len - at, &used, err);
        if (rc)
            return ward_at(err, rc, "change %llu", (unsigned long long)seq);
        at += used;
    }
    raw->len -= at;
    memmove(raw->p, raw->p + at, raw->len);
    *rest = *in->run;
    rest->first = base + 1;
    rest->count = (uint32_t)(last - base);
    rest->codec = WARD_CODEC_RAW;
    rest->data = raw->p;
    rest->len = raw->len;
    in->run = rest;
    return WARD_OK;
}

static int check_and_take(struct incoming *in, struct ward_apply *a, struct ward_ingested *out, struct ward_error *err)
{
    struct ward_replica *r = in->r;
    struct ward_run rest;
    bool duplicate;
    if (in->run->count > WARD_RUN_CHANGES_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_RUN, "%u changes", (unsigned)in->run->count);
    in->ahead = ward_ahead_take(r->ahead, in->run, &r->unpacked);
    int rc = in->ahead
                 ? WARD_OK
                 : ward_unpack(ward_store_packer(r->store), &r->unpacked, in->run->codec, in->run->data, in->run->len, in->run->count, err);
    if (!rc)
        rc = find_space(in, err);
    if (!rc)
        rc = find_feed(in, err);
    if (!rc)
        rc = leave_out_base(in, a, &rest, &duplicate, out, err);
    if (!rc && in->again)
        return WARD_OK;
    if (!rc && !duplicate)
        rc = place(in, &r->unpacked, &duplicate, err);
    if (rc)
        return rc;
    if (duplicate) {
        out->fid = in->feed->fid;
        out->last = in->run->first + in->run->count - 1;
        return WARD_OK;
    }
    rc = find_seen(in, err);
    if (!rc)
        rc = check_bodies(in, &r->unpacked, err);
    return rc || in->gives_way ? rc : take_in(in, a, &r->unpacked, out, err); /* nothing gives way to what is refused */
}

/* Of a feed of which others wait before it, where it begins is left to be found when they have been read. */
void ward_ingest_ahead(ward_replica *r, const struct ward_run *run)
{
    struct incoming in = {.r = r, .run = run};
    if (!ward_ahead_has_room(r->ahead) || run->count > WARD_RUN_CHANGES_MAX || find_space(&in, NULL))
        return;
    int rc = find_feed(&in, NULL);
    if (rc && rc != WARD_ERR_GAP)
        return;
    struct ward_reading x = to_read(&in, run->first);
    ward_ahead_begin(r->ahead, run, &x, !rc && run->first == in.head_seq + 1);
}

int ward_ingest_run(struct ward_apply *a, const struct ward_run *run, struct ward_ingested *out, struct ward_error *err)
{
    struct ward_ingested result = {0};
    int rc = WARD_OK;
    bool again = true, fresh = true, withdrew = false, backfilled = false, differs = false;
    uint32_t applied = 0;
    for (int turn = 0; again && !rc; turn++) {
        struct incoming in = {.r = a->r, .run = run, .fresh = fresh};
        rc = check_and_take(&in, a, &result, err);
        again = !rc && (in.gives_way || in.again || in.below);
        applied += rc ? 0 : result.applied;
        result.applied = 0;
        bool gives_way = !rc && in.gives_way;
        fresh &= gives_way;
        backfilled |= in.again;
        differs |= result.base_differs;
        if (again && turn > 2)
            rc = ward_fail(err, WARD_ERR_INTERNAL, "withdrawn, and still in the way");
        else if (gives_way)
            rc = (is_own(&in) ? ward_own_withdraw : ward_own_give_way)(a, in.feed->fid, in.head_seq, err);
        withdrew |= gives_way && !rc;
        ward_vv_free(&in.vv, &a->r->env);
        ward_vv_free(&in.vv_before, &a->r->env);
    }
    *out = result;
    out->applied = applied;
    if (rc == WARD_ERR_HISTORY) {
        struct ward_error why = {0};
        int noted = ward_base_note_lack(a->r, run->space8, &why);
        if (noted) {
            *err = why;
            rc = noted;
        }
    }
    out->withdrew = withdrew;
    out->backfilled = backfilled;
    out->base_differs = differs;
    return rc;
}
