/* A run that does not simply go on where a feed ends: it begins before the head, or the feed has branches. A run names no hash before it,
 * so the one is meant under which its seal holds; then its bodies tell how far they are those held. */
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/ingest_parts.h"
#include "replica/own.h"
#include "values/feed.h"
#include "values/seal.h"

#include <assert.h>

/* A run's bodies and the chain through them. */
struct walked {
    uint32_t count;
    size_t *at;             /* where body i begins; at[count]: the end */
    struct ward_hash *hash; /* of body i, after the hash last tried */
};

static int walk(struct ward_incoming *in, const struct ward_buf *raw, struct walked *w, struct ward_error *err)
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
static int find_before(struct ward_incoming *in, const struct ward_buf *raw, struct walked *w, struct ward_hash *before,
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
static int agree(struct ward_incoming *in, const struct walked *w, const struct ward_feed *f, uint64_t *upto, struct ward_error *err)
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
static int find_row(struct ward_incoming *in, const struct walked *w, const struct ward_hash *before, const struct ward_feed *first,
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
static uint64_t leaves_trunk_at(const struct ward_incoming *in)
{
    uint64_t common = ward_directory_common_seq(&in->r->dir, in->feed);
    return in->head_seq < common ? in->head_seq : common;
}

/* One more branch, if there is room; a shattered feed takes one that parts earlier in the place of the one that parts last. */
static int make_room(struct ward_incoming *in, struct ward_error *err)
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
static int find_giving_way(struct ward_incoming *in, const struct walked *w, struct ward_error *err)
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
    } else if (!reaches && !ward_incoming_is_own(in)) {
        return WARD_OK; /* either may be the settled one */
    }
    in->gives_way = true;
    return WARD_OK;
}

int ward_ingest_place(struct ward_incoming *in, const struct ward_buf *raw, bool *duplicate, struct ward_error *err)
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
