#include "replica/backfill.h"
#include "base/err.h"
#include "replica/base.h"
#include "replica/log.h"
#include "shell/pack.h"
#include "values/feed.h"
#include "values/seal.h"

#include <string.h>

/* The chain from `hash` on over the run's bodies. *at_base: the hash at seq `base`, where the run reaches it. */
static int chain(const struct ward_run *run, const struct ward_buf *raw, uint64_t base, struct ward_hash *hash, struct ward_hash *at_base,
                 struct ward_scratch *s, struct ward_error *err)
{
    size_t at = 0, used = 0;
    for (uint32_t i = 0; i < run->count; i++, at += used) {
        ward_scratch_clear(s);
        int rc = ward_change_parse(s, raw->p + at, raw->len - at, &used, err);
        if (rc)
            return ward_at(err, rc, "change %llu", (unsigned long long)run->first + i);
        ward_chain(hash, run->first + i, hash, raw->p + at, used);
        if (run->first + i == base)
            *at_base = *hash;
    }
    return at == raw->len ? WARD_OK : ward_fail(err, WARD_ERR_TRAILING, "after the last change");
}

static int reached(ward_replica *r, const struct ward_feed *f, uint64_t *seq, struct ward_hash *hash, struct ward_error *err)
{
    struct ward_segment last;
    bool got;
    int rc = ward_store_last_backfill(r->store, f->fid, &last, &got, err);
    *seq = !rc && got ? last.first + last.count - 1 : 0;
    *hash = *seq ? last.last_hash : f->id;
    return rc;
}

static int hash_before(ward_replica *r, const struct ward_feed *f, uint64_t first, struct ward_hash *out, struct ward_error *err)
{
    struct ward_segment before;
    bool got = true;
    *out = f->id;
    int rc = first == 1 ? WARD_OK : ward_store_find_backfill(r->store, f->fid, first - 1, &before, &got, err);
    if (!rc && !got)
        rc = ward_fail(err, WARD_ERR_CORRUPT, "feed %u lacks history before change %llu", (unsigned)f->fid, (unsigned long long)first);
    if (!rc && first > 1)
        *out = before.last_hash;
    return rc;
}

static int walk_to(const struct ward_segment *seg, const struct ward_buf *raw, uint64_t seq, struct ward_hash *hash, uint64_t *depth,
                   struct ward_error *err)
{
    size_t at = 0;
    for (uint64_t i = seg->first; i <= seq; i++) {
        struct ward_change_head head;
        if (ward_change_skip(raw->p + at, raw->len - at, &head))
            return ward_fail(err, WARD_ERR_CORRUPT, "history %lld", (long long)seg->seg);
        ward_chain(hash, i, hash, raw->p + at, head.len);
        *depth = head.depth;
        at += head.len;
    }
    return WARD_OK;
}

int ward_backfill_at(ward_replica *r, const struct ward_feed *f, uint64_t seq, struct ward_hash *hash, uint64_t *depth,
                     struct ward_error *err)
{
    struct ward_segment seg;
    struct ward_buf raw;
    uint64_t upto;
    bool got = false;
    int rc = reached(r, f, &upto, hash, err);
    if (!rc && upto >= f->base)
        rc = ward_store_find_backfill(r->store, f->fid, seq, &seg, &got, err);
    if (rc)
        return rc;
    if (!got)
        return ward_fail(err, WARD_ERR_HISTORY, "change %llu lies before what is held here", (unsigned long long)seq);
    ward_buf_init(&raw, &r->env);
    rc = ward_store_unpack(r->store, &seg, &raw, err);
    if (!rc)
        rc = hash_before(r, f, seg.first, hash, err);
    if (!rc)
        rc = walk_to(&seg, &raw, seq, hash, depth, err);
    ward_buf_free(&raw);
    return rc;
}

static int is_whole(ward_replica *r, const struct ward_space *s, bool *whole, struct ward_error *err)
{
    *whole = true;
    for (size_t i = 0; *whole && i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        struct ward_hash hash;
        uint64_t seq;
        if (f->parent || f->base == 0)
            continue;
        int rc = reached(r, f, &seq, &hash, err);
        if (rc)
            return rc;
        *whole = seq >= f->base;
    }
    return WARD_OK;
}

/* ---- the history takes the base's place. Its segments must stand before all others of the space, for the log is in causal order: so the
 * others are entered anew behind them. */

static int copy_in(ward_replica *r, struct ward_segment *seg, struct ward_buf *data, struct ward_error *err)
{
    ward_buf_clear(data); /* what the store lent goes with the next call on it */
    ward_buf_add(data, seg->data, seg->len);
    seg->data = data->p;
    return ward_buf_status(data) ? ward_fail(err, WARD_ERR_MEMORY, "history") : ward_store_add_segment(r->store, seg, err);
}

static int enter_history(ward_replica *r, uint32_t sid, struct ward_buf *data, struct ward_error *err)
{
    struct ward_segment seg;
    bool got = true;
    int rc = WARD_OK;
    for (int64_t at = 0; !rc && got;) {
        rc = ward_store_next_backfill(r->store, at, &seg, &got, err);
        if (rc || !got)
            break;
        at = seg.seg;
        const struct ward_feed *f = ward_directory_feed(&r->dir, seg.fid);
        if (f && f->sid == sid)
            rc = copy_in(r, &seg, data, err);
    }
    return rc;
}

/* What a held segment has beyond what the history has brought. */
static int enter_anew(ward_replica *r, const struct ward_segment *held, uint64_t known, struct ward_buf *raw, struct ward_buf *packed,
                      struct ward_error *err)
{
    struct ward_segment seg = *held;
    size_t at = 0;
    int rc = ward_store_unpack(r->store, &seg, raw, err);
    for (; !rc && seg.count && seg.first <= known; seg.first++, seg.count--) {
        struct ward_change_head head;
        if (ward_change_skip(raw->p + at, raw->len - at, &head))
            return ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)held->seg);
        at += head.len;
    }
    if (!rc)
        rc = ward_store_drop_segment(r->store, held->seg, err);
    if (rc || seg.count == 0)
        return rc;
    rc = ward_pack(ward_store_packer(r->store), packed, &seg.codec, raw->p + at, raw->len - at, seg.count, err);
    seg.data = seg.codec ? packed->p : raw->p + at;
    seg.len = seg.codec ? packed->len : raw->len - at;
    return rc ? rc : ward_store_add_segment(r->store, &seg, err);
}

static int enter_log_anew(ward_replica *r, uint32_t sid, int64_t upto, struct ward_buf *raw, struct ward_buf *packed,
                          struct ward_error *err)
{
    struct ward_segment seg = {0};
    bool got = true;
    int rc = WARD_OK;
    while (!rc && got) {
        rc = ward_store_next_segment(r->store, seg.seg, true, &seg, &got, err);
        got = got && seg.seg <= upto;
        const struct ward_feed *f = !rc && got ? ward_directory_feed(&r->dir, seg.fid) : NULL;
        struct ward_hash ignored;
        uint64_t known = 0;
        if (!f || f->sid != sid)
            continue;
        if (!f->parent)
            rc = reached(r, f, &known, &ignored, err);
        if (!rc)
            rc = ward_store_find_segment(r->store, seg.fid, seg.first, &seg, err);
        const int64_t held = seg.seg;
        if (!rc)
            rc = enter_anew(r, &seg, known, raw, packed, err);
        seg.seg = held;
    }
    return rc;
}

static int end_bases(ward_replica *r, const struct ward_space *s, struct ward_error *err)
{
    int rc = ward_store_clear_base(r->store, &s->id, false, err);
    ward_directory_space(&r->dir, s->sid)->lacks = false;
    for (size_t i = 0; !rc && i < s->feed_count; i++) {
        struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (f->parent || f->base == 0)
            continue;
        f->base = 0;
        f->base_hash = (struct ward_hash){{0}};
        f->dirty = true;
        rc = ward_store_drop_base_feed(r->store, f->fid, err);
        if (!rc)
            rc = ward_store_drop_backfill(r->store, f->fid, err);
    }
    ward_chain_forget(r);
    return rc;
}

static int take_place(struct ward_apply *a, uint32_t sid, bool *differs, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    bool explained = ward_space_is_doubtful(r, s); /* a cut that reaches below the base has had no effect yet */
    struct ward_hash before, after;
    struct ward_buf raw, packed;
    int64_t last = 0;
    ward_buf_init(&raw, &r->env);
    ward_buf_init(&packed, &r->env);
    int rc = ward_apply_write(a, err);
    if (!rc)
        rc = ward_state_digest(r, &s->id, &before, err);
    if (!rc)
        rc = ward_store_last_segment(r->store, &last, err);
    if (!rc)
        rc = enter_history(r, sid, &raw, err);
    if (!rc)
        rc = enter_log_anew(r, sid, last, &raw, &packed, err);
    if (!rc)
        rc = end_bases(r, ward_directory_space(&r->dir, sid), err);
    if (!rc)
        rc = ward_log_order(r, sid, err);
    if (!rc)
        rc = ward_apply_replay(a, sid, err);
    if (!rc)
        rc = ward_apply_write(a, err);
    if (!rc)
        rc = ward_state_digest(r, &ward_directory_space(&r->dir, sid)->id, &after, err);
    *differs = !rc && !explained && ward_hash_compare(&before, &after) != 0;
    ward_buf_free(&raw);
    ward_buf_free(&packed);
    return rc;
}

/* What the run has beyond the base is the trunk's own, and no branch's that leaves it there: its seal is over that too. */
static int ends_on_trunk(ward_replica *r, const struct ward_feed *f, uint64_t last, const struct ward_hash *last_hash, bool *out,
                         struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    *out = last <= f->base;
    if (*out || last > f->head_seq)
        return WARD_OK;
    int rc = ward_chain_at(r, f->fid, last, &hash, &depth, err);
    *out = !rc && ward_hash_compare(&hash, last_hash) == 0;
    return rc;
}

int ward_backfill_take(struct ward_apply *a, uint32_t fid, const struct ward_run *run, const struct ward_buf *raw, bool *whole,
                       bool *differs, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    const struct ward_grant *g = ward_directory_grant(&r->dir, &f->grant);
    struct ward_segment seg = {
        .fid = fid, .first = run->first, .count = run->count, .codec = run->codec, .data = run->data, .len = run->len};
    struct ward_hash at_base = f->base_hash;
    uint64_t seq;
    bool on_trunk = false;
    *whole = *differs = false;
    int rc = reached(r, f, &seq, &seg.last_hash, err);
    if (rc || run->first != seq + 1 || seq >= f->base)
        return rc;
    rc = chain(run, raw, f->base, &seg.last_hash, &at_base, &r->scratch, err);
    if (rc)
        return rc;
    if (!ward_seal_check(run->sig, &f->id, run->first + run->count - 1, &seg.last_hash, g->sign_pk))
        return WARD_OK; /* it goes on from somewhere else: a branch */
    if (ward_hash_compare(&at_base, &f->base_hash) != 0)
        return ward_fail(err, WARD_ERR_HISTORY, "another history than that of the base");
    rc = ends_on_trunk(r, f, run->first + run->count - 1, &seg.last_hash, &on_trunk, err);
    if (rc || !on_trunk)
        return rc;
    memcpy(seg.sig, run->sig, sizeof seg.sig);
    rc = ward_store_add_backfill(r->store, &seg, err);
    if (!rc && run->first + run->count - 1 >= f->base)
        rc = is_whole(r, ward_directory_space(&r->dir, f->sid), whole, err);
    return rc || !*whole ? rc : take_place(a, f->sid, differs, err);
}
