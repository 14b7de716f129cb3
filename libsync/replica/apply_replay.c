/* apply_replay.c - a space's state made anew from its base and its log.
 *
 * Merging rests on nothing being applied before what it had seen. The log stands so, but for where settled history took the place of other
 * changes that had been seen, by number, before it came: whoever had seen them waits here for it.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/apply.h"
#include "replica/base.h"
#include "values/feed.h"

struct replaying {
    struct ward_apply *a;
    uint32_t sid;
    const struct ward_vv *upto; /* NULL: all */
    uint64_t *reached;          /* by fid */
    bool progress, waits;       /* in this round: something was applied, something was not */
    struct ward_error *err;
};

/* Up to where a feed is replayed. */
static uint64_t end_of(const struct replaying *x, const struct ward_feed *f)
{
    return x->upto ? ward_vv_get(x->upto, f->fid) : UINT64_MAX;
}

/* Something that it had seen, and that is held, has yet to come. What is as deep it had not seen, whatever it names: so no two wait for
 * each other. */
static int is_early(const struct replaying *x, const struct ward_scratch *s, bool *early)
{
    int rc = WARD_OK;
    *early = false;
    for (size_t i = 0; !rc && !*early && i < s->changes[0].dep_count; i++) {
        const struct ward_dep *d = &s->deps[s->changes[0].dep_first + i];
        const struct ward_feed *g = ward_dep_is_own(d) ? NULL : ward_directory_feed_by_id(&x->a->r->dir, &d->feed);
        struct ward_hash hash;
        uint64_t depth;
        if (!g)
            continue;
        uint64_t held = g->head_seq < end_of(x, g) ? g->head_seq : end_of(x, g), next = x->reached[g->fid] + 1;
        if (next > (d->seq < held ? d->seq : held))
            continue;
        rc = ward_chain_at(x->a->r, g->fid, next, &hash, &depth, x->err);
        *early = !rc && depth < s->changes[0].depth;
    }
    return rc;
}

/* Applies what is due of a held segment; its feed's vv grows along. */
static int replay_segment(struct replaying *x, struct ward_feed *f, const struct ward_segment *seg)
{
    ward_replica *r = x->a->r;
    struct ward_buf raw;
    size_t at = 0, used = 0;
    uint64_t end = end_of(x, f);
    ward_buf_init(&raw, &r->env);
    int rc = ward_store_unpack(r->store, seg, &raw, x->err);
    for (uint64_t seq = seg->first; !rc && seq < seg->first + seg->count && seq <= end; seq++, at += used) {
        ward_scratch_clear(&r->scratch);
        rc = ward_change_parse(&r->scratch, raw.p + at, raw.len - at, &used, x->err);
        if (rc) { /* it was checked at the door: now it is damage, and nothing to blame a peer for */
            rc = rc == WARD_ERR_MEMORY ? rc : ward_fail(x->err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg->seg);
            break;
        }
        if (seq <= x->reached[f->fid])
            continue;
        bool early;
        rc = is_early(x, &r->scratch, &early);
        x->waits |= early;
        if (rc || early)
            break;
        x->progress = true;
        x->reached[f->fid] = seq;
        rc = ward_apply_again(x->a, f, seq, &r->scratch.changes[0], &r->scratch, x->err);
    }
    ward_buf_free(&raw);
    return rc;
}

/* Once along the log. */
static int replay_round(struct replaying *x)
{
    ward_replica *r = x->a->r;
    struct ward_segment seg = {0};
    bool got = true;
    int rc = WARD_OK;
    x->progress = x->waits = false;
    while (!rc && got) {
        rc = ward_store_next_segment(r->store, seg.seg, true, &seg, &got, x->err);
        struct ward_feed *f = !rc && got ? ward_directory_feed(&r->dir, seg.fid) : NULL;
        if (!f || f->sid != x->sid || f->parent || seg.first > end_of(x, f) || seg.first + seg.count - 1 <= x->reached[f->fid])
            continue;
        if (seg.first > x->reached[f->fid] + 1) { /* an earlier one of its feed waits */
            x->waits = true;
            continue;
        }
        rc = ward_store_find_segment(r->store, seg.fid, seg.first, &seg, x->err);
        if (!rc)
            rc = replay_segment(x, f, &seg);
    }
    return rc;
}

static int replay_log(struct replaying *x)
{
    const struct ward_directory *d = &x->a->r->dir;
    int rc = WARD_OK;
    x->waits = true;
    x->reached = ward_alloc(d->env, (d->feed_count + 1) * sizeof *x->reached);
    if (!x->reached)
        return ward_fail(x->err, WARD_ERR_MEMORY, "replay");
    for (size_t i = 0; i < d->feed_count; i++)
        x->reached[d->feeds[i].fid] = d->feeds[i].base;
    while (!rc && x->waits) {
        rc = replay_round(x);
        if (!rc && x->waits && !x->progress)
            rc = ward_fail(x->err, WARD_ERR_CORRUPT, "the log lacks what it rests on");
    }
    ward_release(d->env, x->reached);
    return rc;
}

static int replay(struct ward_apply *a, uint32_t sid, const struct ward_vv *upto, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_space *space = ward_directory_space(&r->dir, sid);
    struct replaying x = {.a = a, .sid = sid, .upto = upto, .err = err};
    int rc = ward_apply_write(a, err);
    if (!rc)
        rc = ward_records_forget(&a->records, err);
    if (!rc)
        rc = ward_records_unindex(&a->records, sid, err);
    if (!rc)
        rc = ward_store_clear_space(r->store, sid, err);
    for (size_t i = 0; !rc && i < space->feed_count; i++) {
        struct ward_feed *f = ward_directory_feed(&r->dir, space->feeds[i]);
        if (f->parent) /* nothing of a branch has effect, and what its author had seen stays the same */
            continue;
        f->vv.len = 0;
        f->vv_loaded = f->dirty = true;
    }
    if (!rc)
        rc = ward_base_restore(a, sid, err);
    return rc ? rc : replay_log(&x);
}

int ward_apply_replay(struct ward_apply *a, uint32_t sid, struct ward_error *err)
{
    return replay(a, sid, NULL, err);
}

int ward_apply_replay_upto(struct ward_apply *a, uint32_t sid, const struct ward_vv *upto, struct ward_error *err)
{
    int rc = replay(a, sid, upto, err);
    return rc ? rc : ward_apply_write(a, err);
}
