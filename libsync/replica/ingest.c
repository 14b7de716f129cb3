#include "replica/ingest.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/backfill.h"
#include "replica/base_kept.h"
#include "replica/ingest_parts.h"
#include "replica/own.h"
#include "shell/pack.h"
#include "values/feed.h"

#include <string.h>

bool ward_is_refusal(int code)
{
    return code >= 200 && code < 500;
}

static int find_space(struct ward_incoming *in, struct ward_error *err)
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

static int find_feed(struct ward_incoming *in, struct ward_error *err)
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

bool ward_incoming_is_own(const struct ward_incoming *in)
{
    return ward_hash_compare(&in->grant->id, &in->r->self) == 0;
}

/* Of its own feed a late change names what it had seen by seq alone: the chain says which change that is. */
static int check_own_dep(const struct ward_incoming *in, const struct ward_dep *d, uint64_t seq, struct ward_error *err)
{
    bool fine = ward_hash_compare(&d->feed, &in->feed_id) == 0 && d->seq < seq;
    return fine ? WARD_OK : ward_fail(err, WARD_ERR_DEP_ORDER, "a late change names its own feed, up to a change before it");
}

static int check_dep(struct ward_incoming *in, const struct ward_dep *d, bool late, uint64_t *depth, struct ward_error *err)
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
static int is_vague(const struct ward_incoming *in, const struct ward_dep *d, bool *out, struct ward_error *err)
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
static struct ward_reading to_read(const struct ward_incoming *in, uint64_t first)
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
static int check_change(struct ward_incoming *in, uint64_t seq, const struct ward_change *ch, struct ward_error *err)
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
static int check_bodies(struct ward_incoming *in, const struct ward_buf *raw, struct ward_error *err)
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

/* What the author had seen where the new bodies begin. */
static int find_seen(struct ward_incoming *in, struct ward_error *err)
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
static int leave_out_base(struct ward_incoming *in, struct ward_apply *a, struct ward_run *rest, bool *all, struct ward_ingested *out,
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

static int check_and_take(struct ward_incoming *in, struct ward_apply *a, struct ward_ingested *out, struct ward_error *err)
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
        rc = ward_ingest_place(in, &r->unpacked, &duplicate, err);
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
    return rc || in->gives_way ? rc : ward_ingest_take_in(in, a, &r->unpacked, out, err); /* nothing gives way to what is refused */
}

/* One seal may be over the last of a history and what rests on something that waits for that very history. So what a refused run has below
 * the base is kept aside all the same, under the seal that the base names there: by the chain to it it is known to be the base's. *whole:
 * now the history stands in its place, and the run is to be looked at anew. Else what it was refused for, or an error. */
static int keep_below(struct ward_apply *a, const struct ward_run *run, const struct ward_feed *trunk, int refused, bool *whole,
                      bool *differs, struct ward_error *err)
{
    struct ward_replica *r = a->r;
    struct ward_buf *raw = &r->unpacked;
    struct ward_run part = *run;
    uint8_t seal[WARD_SEAL_BYTES];
    bool sealed;
    size_t at = 0;
    int rc = ward_base_find_seal(r, trunk, seal, &sealed, err);
    if (!rc && sealed)
        rc = ward_unpack(ward_store_packer(r->store), raw, run->codec, run->data, run->len, run->count, err);
    if (rc || !sealed)
        return rc ? rc : refused;
    part.count = (uint32_t)(trunk->base - run->first + 1);
    for (uint32_t i = 0; i < part.count; i++) { /* they have been read before */
        struct ward_change_head head = {0};
        ward_change_skip(raw->p + at, raw->len - at, &head);
        at += head.len;
    }
    raw->len = part.len = at;
    part.data = raw->p;
    part.codec = WARD_CODEC_RAW;
    part.sig = seal;
    rc = ward_backfill_take(a, trunk->fid, &part, raw, whole, differs, err);
    return rc || *whole ? rc : refused;
}

/* Of a feed of which others wait before it, where it begins is left to be found when they have been read. */
void ward_ingest_ahead(ward_replica *r, const struct ward_run *run)
{
    struct ward_incoming in = {.r = r, .run = run};
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
        struct ward_incoming in = {.r = a->r, .run = run, .fresh = fresh};
        rc = check_and_take(&in, a, &result, err);
        if (in.below && (rc == WARD_ERR_DEP_MISSING || rc == WARD_ERR_HISTORY))
            rc = keep_below(a, run, in.trunk, rc, &in.again, &result.base_differs, err);
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
            rc = (ward_incoming_is_own(&in) ? ward_own_withdraw : ward_own_give_way)(a, in.feed->fid, in.head_seq, err);
        withdrew |= gives_way && !rc;
        ward_vv_free(&in.vv, &a->r->env);
        ward_vv_free(&in.vv_before, &a->r->env);
    }
    *out = result;
    out->applied = applied;
    if (rc == WARD_ERR_HISTORY) {
        int noted = ward_base_note_lack(a->r, run->space8, err);
        rc = noted ? noted : rc;
    }
    out->withdrew = withdrew;
    out->backfilled = backfilled;
    out->base_differs = differs;
    return rc;
}
