#include "replica/own.h"
#include "base/alloc.h"
#include "base/err.h"
#include "replica/aside.h"
#include "replica/beside.h"
#include "replica/late.h"
#include "shell/pack.h"
#include "values/feed.h"
#include "values/seal.h"

#include <string.h>

/* ---- published */

static bool is_own(const ward_replica *r, const struct ward_feed *f)
{
    return !f->parent && ward_hash_compare(&f->grant, &r->self) == 0;
}

bool ward_own_unpublished(const ward_replica *r, uint32_t fid, uint64_t from)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    return f && is_own(r, f) && f->published < from;
}

static bool is_news(const ward_replica *r, const struct ward_feed *f, const struct ward_stream *to)
{
    return is_own(r, f) && f->head_seq > f->published && (!to || ward_stream_owes(to, f));
}

bool ward_own_news(const ward_replica *r, const struct ward_stream *to)
{
    bool listed = to && to->sought && to->stamp == r->stamp; /* then nothing else can go out */
    for (size_t i = 0; listed && i < to->owed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, to->owed[i].fid);
        if (f && is_news(r, f, to))
            return true;
    }
    if (listed)
        return false;
    for (size_t i = 0; i < r->dir.feed_count; i++)
        if (is_news(r, &r->dir.feeds[i], to))
            return true;
    return false;
}

/* Work must go out, also from where no note can be kept: a disk without room, a home opened to read only. */
static bool goes_unnoted(int rc)
{
    return rc == WARD_ERR_DISK_FULL || rc == WARD_ERR_HOME_READONLY;
}

int ward_own_publish(ward_replica *r, const struct ward_stream *to, struct ward_error *err)
{
    struct ward_error why = {0};
    if (!ward_own_news(r, to))
        return WARD_OK;
    int rc = ward_store_read_only(r->store) ? WARD_ERR_HOME_READONLY : ward_store_begin(r->store, &why);
    bool begun = !rc;
    for (size_t i = 0; !rc && i < r->dir.feed_count; i++)
        if (is_news(r, &r->dir.feeds[i], to))
            rc = ward_store_put_published(r->store, r->dir.feeds[i].fid, r->dir.feeds[i].head_seq, &why);
    if (!rc)
        rc = ward_store_commit(r->store, &why);
    else if (begun)
        ward_store_rollback(r->store);
    if (rc && !goes_unnoted(rc)) {
        if (err)
            *err = why;
        return rc;
    }
    for (size_t i = 0; i < r->dir.feed_count; i++) /* from here on they go out */
        if (is_news(r, &r->dir.feeds[i], to))
            r->dir.feeds[i].published = r->dir.feeds[i].head_seq;
    return WARD_OK;
}

int ward_own_note_shown(ward_replica *r, uint32_t fid, uint64_t seq, struct ward_error *err)
{
    struct ward_error why = {0};
    struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    if (!is_own(r, f) || f->published >= seq)
        return WARD_OK;
    f->published = seq;
    if (ward_store_in_transaction(r->store))
        return ward_store_put_published(r->store, fid, seq, err);
    int rc = ward_store_read_only(r->store) ? WARD_ERR_HOME_READONLY : ward_store_begin(r->store, &why);
    bool begun = !rc;
    if (!rc)
        rc = ward_store_put_published(r->store, fid, seq, &why);
    if (!rc)
        rc = ward_store_commit(r->store, &why);
    else if (begun)
        ward_store_rollback(r->store);
    if (rc && !goes_unnoted(rc) && err)
        *err = why;
    return goes_unnoted(rc) ? WARD_OK : rc;
}

/* ---- withdrawing */

struct keeping {
    ward_replica *r;
    struct ward_hash space;
    struct ward_error *err;
};

static int keep(void *ctx, const uint8_t *body, size_t len)
{
    struct keeping *k = ctx;
    return ward_store_add_waiting(k->r->store, &k->space, body, len, k->err);
}

/* Of an own segment the changes [first, last] alone: under its seal where they are its end, else under a new one. */
static int cut_out(ward_replica *r, struct ward_segment *seg, uint64_t first, uint64_t last, struct ward_buf *raw, struct ward_buf *packed,
                   struct ward_error *err)
{
    size_t from = 0, at = 0;
    uint64_t end = seg->first + seg->count - 1, depth;
    int rc = ward_store_unpack(r->store, seg, raw, err);
    for (uint64_t seq = seg->first; !rc && seq <= last; seq++) {
        struct ward_change_head head;
        if (ward_change_skip(raw->p + at, raw->len - at, &head))
            return ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg->seg);
        from = seq == first ? at : from;
        at += head.len;
    }
    seg->first = first;
    seg->count = (uint32_t)(last - first + 1);
    if (!rc)
        rc = ward_pack(ward_store_packer(r->store), packed, &seg->codec, raw->p + from, at - from, seg->count, err);
    seg->data = seg->codec ? packed->p : raw->p + from;
    seg->len = seg->codec ? packed->len : at - from;
    if (rc || last == end)
        return rc;
    rc = ward_chain_at(r, seg->fid, last, &seg->last_hash, &depth, err);
    if (!rc)
        ward_seal_make(seg->sig, &ward_directory_feed(&r->dir, seg->fid)->id, last, &seg->last_hash, &r->keys->sign);
    return rc;
}

/* The segment that holds base and more, shortened to base. */
static int shorten(ward_replica *r, uint32_t fid, uint64_t base, struct ward_segment *seg, struct ward_buf *raw, struct ward_buf *packed,
                   bool *needed, struct ward_error *err)
{
    *needed = false;
    if (base == ward_directory_feed(&r->dir, fid)->base) /* the log begins after it */
        return WARD_OK;
    int rc = ward_store_find_segment(r->store, fid, base, seg, err);
    if (rc || seg->first + seg->count - 1 == base)
        return rc;
    *needed = true;
    return cut_out(r, seg, seg->first, base, raw, packed, err);
}

/* A branch that leaves the feed beyond base has for its own from now on what it has shared with the changes that go. What it had goes
 * behind that in the log. */
static int take_along(ward_replica *r, struct ward_feed *branch, uint64_t base, const struct ward_hash *hash, struct ward_buf *raw,
                      struct ward_buf *packed, struct ward_error *err)
{
    uint64_t last = 0;
    for (uint64_t seq = base + 1; seq <= branch->head_seq; seq = last + 1) {
        struct ward_segment seg;
        bool shared = seq <= branch->base;
        int rc = ward_store_find_segment(r->store, shared ? branch->parent : branch->fid, seq, &seg, err);
        if (rc)
            return rc;
        last = seg.first + seg.count - 1;
        last = shared && last > branch->base ? branch->base : last;
        rc = cut_out(r, &seg, seq, last, raw, packed, err);
        if (!rc && !shared)
            rc = ward_store_drop_segment(r->store, seg.seg, err);
        seg.fid = branch->fid;
        if (!rc)
            rc = ward_store_add_segment(r->store, &seg, err);
        if (rc)
            return rc;
    }
    branch->base = base;
    branch->base_hash = *hash;
    branch->dirty = true;
    return WARD_OK;
}

static int end_feed(struct ward_apply *a, uint32_t fid, uint64_t base, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_segment seg;
    struct ward_buf raw, packed;
    struct ward_hash hash;
    uint64_t depth = 0;
    bool shorter = false;
    ward_buf_init(&raw, &r->env);
    ward_buf_init(&packed, &r->env);
    int rc = ward_chain_at(r, fid, base, &hash, &depth, err);
    for (struct ward_feed *f = ward_directory_feed(&r->dir, fid); !rc && f; f = ward_directory_next(&r->dir, f))
        if (f->parent == fid && f->base > base)
            rc = take_along(r, f, base, &hash, &raw, &packed, err);
    if (!rc)
        rc = shorten(r, fid, base, &seg, &raw, &packed, &shorter, err);
    if (!rc)
        rc = ward_store_end_feed(r->store, fid, base, shorter ? &seg : NULL, err);
    if (!rc)
        rc = ward_replica_reuse_number(r, fid, base, err);
    ward_buf_free(&raw);
    ward_buf_free(&packed);
    if (rc)
        return rc;
    struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    f->head_seq = base;
    f->head_hash = hash;
    f->head_depth = depth;
    f->dirty = true;
    if (f->published > base) {
        f->published = base;
        rc = ward_store_put_published(r->store, fid, base, err);
    }
    ward_chain_forget(r);
    return rc;
}

int ward_own_withdraw(struct ward_apply *a, uint32_t fid, uint64_t base, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    uint32_t sid = f->sid;
    struct keeping k = {.r = r, .space = ward_directory_space(&r->dir, sid)->id, .err = err};
    int rc = ward_apply_write(a, err);
    if (!rc)
        rc = ward_late_prepare(r, fid, base + 1, f->head_seq, keep, &k, err);
    if (!rc)
        rc = end_feed(a, fid, base, err);
    if (!rc)
        rc = ward_apply_rejudge(a, err);
    return rc ? rc : ward_apply_replay(a, sid, err);
}

/* ---- giving way to what is settled */

int ward_own_is_astray(ward_replica *r, const struct ward_feed *trunk, bool *astray, bool *short_of_it, struct ward_error *err)
{
    const struct ward_floor_entry *s = &trunk->settled;
    struct ward_hash hash;
    uint64_t depth;
    *short_of_it = trunk->head_seq < s->seq;
    *astray = false;
    if (*short_of_it || s->seq == 0 || trunk->base >= s->seq)
        return WARD_OK;
    int rc = trunk->astray ? WARD_OK : ward_chain_at(r, trunk->fid, s->seq, &hash, &depth, err);
    if (!rc && !trunk->astray)
        ward_directory_feed(&r->dir, trunk->fid)->astray = ward_hash_compare(&hash, &s->hash) != 0 ? 1 : -1;
    *astray = trunk->astray > 0;
    return rc;
}

int ward_own_clear_row(ward_replica *r, struct ward_feed *row, const struct ward_feed *trunk, struct ward_error *err)
{
    int rc = ward_store_drop_segments(r->store, row->fid, err);
    if (!rc)
        rc = ward_replica_reuse_number(r, row->fid, 0, err);
    row->parent = trunk->fid;
    row->base = row->head_seq = row->head_depth = 0;
    row->gone = true;
    row->base_hash = row->head_hash = row->id;
    ward_vv_free(&row->vv, &r->env);
    row->vv_loaded = row->dirty = true;
    return rc;
}

/* The end of the last sealed run up to seq. */
static int sealed_before(ward_replica *r, const struct ward_feed *f, uint64_t seq, uint64_t *end, struct ward_error *err)
{
    struct ward_segment seg;
    *end = seq;
    if (seq == f->base || seq == f->head_seq)
        return WARD_OK;
    int rc = ward_store_find_segment(r->store, f->fid, seq, &seg, err);
    if (!rc && seg.first + seg.count - 1 > seq)
        *end = seg.first - 1;
    return rc;
}

/* Rows of the feed that cannot stay when its trunk ends at seq. One that holds the settled chain goes to the trunk: *heir, if it leaves
 * that just there, or it comes again. */
static int clear_rows(ward_replica *r, const struct ward_feed *trunk, uint64_t seq, uint32_t *heir, struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    int rc = WARD_OK;
    bool more = true;
    while (!rc && more) { /* a row may rest on one that goes */
        more = false;
        for (struct ward_feed *f = ward_directory_next(&r->dir, trunk); !rc && f; f = ward_directory_next(&r->dir, f)) {
            const struct ward_feed *parent = ward_directory_feed(&r->dir, f->parent);
            bool goes = f->base > seq || f->base > parent->head_seq, settles = false;
            if (!goes && f->head_seq > f->base && f->head_seq >= trunk->settled.seq && f->base < trunk->settled.seq) {
                rc = ward_chain_at(r, f->fid, trunk->settled.seq, &hash, &depth, err);
                settles = !rc && ward_hash_compare(&hash, &trunk->settled.hash) == 0;
            }
            bool inherits = settles && f->parent == trunk->fid && f->base == seq;
            *heir = inherits ? f->fid : *heir;
            if (rc || inherits || !(goes || settles))
                continue;
            rc = ward_own_clear_row(r, f, trunk, err);
            more = true;
        }
    }
    return rc;
}

/* The row's changes, and what leaves them, are the trunk's from now on. */
static int inherit(ward_replica *r, struct ward_feed *trunk, struct ward_feed *heir, struct ward_error *err)
{
    int rc = ward_store_move_segments(r->store, heir->fid, trunk->fid, err);
    for (struct ward_feed *f = trunk; !rc && f; f = ward_directory_next(&r->dir, f)) {
        if (f->parent != heir->fid)
            continue;
        rc = ward_store_load_vv(r->store, f, err);
        f->parent = trunk->fid;
        f->dirty = true;
    }
    if (rc)
        return rc;
    trunk->head_seq = heir->head_seq;
    trunk->head_hash = heir->head_hash;
    trunk->head_depth = heir->head_depth;
    rc = ward_own_clear_row(r, heir, trunk, err);
    if (!rc)
        rc = ward_own_note_shown(r, trunk->fid, trunk->head_seq, err); /* it came from others */
    ward_chain_forget(r);
    return rc;
}

/* Own work beyond base waits. */
static int keep_own(ward_replica *r, const struct ward_feed *f, uint64_t base, struct ward_error *err)
{
    struct keeping k = {.r = r, .space = ward_directory_space(&r->dir, f->sid)->id, .err = err};
    bool own = !f->parent && f->head_seq > base && ward_replica_was(r, &f->grant);
    return own ? ward_late_prepare(r, f->fid, base + 1, f->head_seq, keep, &k, err) : WARD_OK;
}

/* The trunk ends at base. */
static int end_trunk(struct ward_apply *a, uint32_t fid, uint64_t base, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    uint64_t end = base;
    uint32_t heir = 0;
    int rc = is_own(r, f) ? WARD_OK : sealed_before(r, f, base, &end, err); /* there is no key here to seal it with just there */
    if (!rc)
        rc = clear_rows(r, f, end, &heir, err);
    if (!rc)
        rc = end_feed(a, fid, end, err);
    return rc || !heir ? rc : inherit(r, ward_directory_feed(&r->dir, fid), ward_directory_feed(&r->dir, heir), err);
}

/* What had seen changes beside what is settled is taken by nobody, as these are: it gives way with them. Of a trunk that was cut so a
 * branch that leaves it just there is the rest. *any: there was some. */
static int let_go_of_resting(struct ward_apply *a, uint32_t sid, bool *any, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_vv first = {0};
    int rc = ward_beside_resting(r, sid, &first, err);
    *any = first.len > 0;
    for (size_t i = 0; !rc && i < first.len; i++) /* while all is there that it names */
        rc = keep_own(r, ward_directory_feed(&r->dir, first.v[i].fid), first.v[i].seq - 1, err);
    for (size_t i = 0; !rc && i < first.len; i++) {
        struct ward_feed *f = ward_directory_feed(&r->dir, first.v[i].fid);
        if (f->parent)
            rc = ward_own_clear_row(r, f, ward_directory_trunk(&r->dir, f), err); /* what of it stands comes again */
        else
            rc = end_trunk(a, f->fid, first.v[i].seq - 1, err);
    }
    for (size_t i = 0; !rc && i < first.len; i++) {
        struct ward_feed *f = ward_directory_trunk(&r->dir, ward_directory_feed(&r->dir, first.v[i].fid)), *b = f;
        uint32_t none = 0;
        rc = clear_rows(r, f, f->head_seq, &none, err);
        while (!rc && (b = ward_directory_next(&r->dir, b)) != NULL)
            if (b->parent == f->fid && b->base == f->head_seq && b->head_seq > b->base) {
                rc = inherit(r, f, b, err);
                break;
            }
    }
    ward_vv_free(&first, &r->env);
    return rc;
}

int ward_own_give_way(struct ward_apply *a, uint32_t fid, uint64_t base, struct ward_error *err)
{
    ward_replica *r = a->r;
    uint32_t sid = ward_directory_feed(&r->dir, fid)->sid;
    bool any;
    int rc = ward_apply_write(a, err);
    if (!rc)
        rc = let_go_of_resting(a, sid, &any, err);
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    base = base < f->head_seq ? base : f->head_seq; /* it may rest on such itself */
    if (!rc)
        rc = keep_own(r, f, base, err);
    if (!rc)
        rc = end_trunk(a, fid, base, err);
    if (!rc)
        rc = ward_apply_rejudge(a, err);
    return rc ? rc : ward_apply_replay(a, sid, err);
}

/* ---- writing anew */

static bool may_write_now(const ward_replica *r, const struct ward_hash *space)
{
    const struct ward_grant *g = ward_replica_grant(r);
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    struct ward_floor_entry settled;
    struct ward_hash id;
    if (!g || !s || !ward_grant_stands(&r->dir, &g->id) || !ward_may_write(g, s->circle, s->circle_count))
        return false;
    const struct ward_feed *f = ward_directory_feed_of(&r->dir, s, &g->id, &id);
    if (f) /* its own settled history has to come first */
        return f->limit >= f->head_seq && f->head_seq >= f->settled.seq;
    ward_directory_settled(&r->dir, &s->id, &id, &settled); /* by a copy of this home, it may be, whose history is not here */
    return s->circle_count == 0 || settled.seq == 0;
}

static int rewrite_one(struct ward_apply *a, const struct ward_store_waiting *w, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_pen pen;
    struct ward_buf body;
    ward_buf_init(&body, &r->env);
    ward_buf_add(&body, w->body, w->len); /* the store's own goes with the next call on it */
    int rc = ward_buf_status(&body) ? ward_fail(err, WARD_ERR_MEMORY, "own changes")
                                    : ward_pen_begin(&pen, a, &w->space, ward_replica_grant(r), r->keys, err);
    if (!rc) {
        rc = ward_late_write(&pen, body.p, body.len, err);
        rc = ward_pen_end(&pen, rc, err);
    }
    ward_buf_free(&body);
    return rc ? rc : ward_store_drop_waiting(r->store, w->number, err);
}

/* Under its former grants this home wrote what was set aside since: it goes on with it by itself. Of a feed with branches that is the one
 * this home wrote. */
static int rewrite_former(struct ward_apply *a, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_hash *former;
    int rc = WARD_OK;
    if (ward_replica_former(r, &former) == 0)
        return WARD_OK;
    for (uint32_t fid = 1; !rc && fid <= r->dir.feed_count; fid++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
        struct ward_aside_range range;
        size_t changes;
        if (f->parent || f->limit >= f->head_seq || ward_hash_compare(&f->grant, &r->self) == 0 || !ward_replica_was(r, &f->grant) ||
            !may_write_now(r, &ward_directory_space(&r->dir, f->sid)->id))
            continue;
        rc = ward_aside_of(r, fid, &range, err);
        if (!rc && range.released < range.last)
            rc = ward_aside_write(a, &range, NULL, &changes, err);
    }
    return rc;
}

int ward_own_rewrite_in(struct ward_apply *a, struct ward_error *err)
{
    struct ward_store_waiting w = {.number = 0};
    bool got = true;
    int rc = rewrite_former(a, err);
    while (!rc && got) {
        rc = ward_store_next_waiting(a->r->store, w.number, &w, &got, err);
        if (!rc && got && may_write_now(a->r, &w.space))
            rc = rewrite_one(a, &w, err);
    }
    return rc;
}

/* Something to be written anew, by what is known without looking closely. */
static int waits(ward_replica *r, bool *out, struct ward_error *err)
{
    const struct ward_hash *former;
    size_t waiting;
    int rc = ward_store_count_waiting(r->store, &waiting, err);
    *out = waiting > 0;
    for (size_t i = 0; !rc && !*out && ward_replica_former(r, &former) && i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        struct ward_aside_range range;
        if (f->parent || f->limit >= f->head_seq || !ward_replica_was(r, &f->grant))
            continue;
        rc = ward_aside_of(r, f->fid, &range, err);
        *out = range.released < range.last;
    }
    return rc;
}

/* Where this home goes on with another history of a feed than the ward has settled, and holds that as well: the seq up to which they are
 * one, of the feed in *fid; 0 in *fid: nowhere. */
static int find_beside(ward_replica *r, uint32_t *fid, uint64_t *base, struct ward_error *err)
{
    *fid = 0;
    for (size_t i = 0; i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i], *row = !f->parent && f->settled.seq ? f : NULL;
        while (row && (row = ward_directory_next(&r->dir, row)) != NULL) {
            struct ward_hash hash;
            uint64_t depth;
            if (!row->below || row->head_seq < f->settled.seq || f->head_seq <= ward_directory_common_seq(&r->dir, row))
                continue;
            int rc = ward_chain_at(r, row->fid, f->settled.seq, &hash, &depth, err);
            if (rc)
                return rc;
            if (ward_hash_compare(&hash, &f->settled.hash) != 0)
                continue;
            *fid = f->fid;
            *base = ward_directory_common_seq(&r->dir, row);
            return WARD_OK;
        }
    }
    return WARD_OK;
}

/* A space in which something rests on what lies beside; 0: there is none. */
static int find_resting(ward_replica *r, uint32_t *sid, struct ward_error *err)
{
    struct ward_vv first = {0};
    int rc = WARD_OK;
    *sid = 0;
    for (uint32_t i = 1; !rc && first.len == 0 && i <= r->dir.space_count; i++) {
        rc = ward_beside_resting(r, i, &first, err);
        *sid = first.len ? i : 0;
    }
    ward_vv_free(&first, &r->env);
    return rc;
}

/* Nobody takes what was written there any more, or with sight of it: it gives way; own work is written anew, on the feed itself when the
 * settled history has come again in its place. */
static int leave_what_is_beside(ward_replica *r, struct ward_error *err)
{
    struct ward_apply a;
    uint32_t fid, sid;
    uint64_t base;
    bool any = false;
    int rc = find_beside(r, &fid, &base, err);
    if (!rc)
        rc = find_resting(r, &sid, err);
    if (rc || (!fid && !sid))
        return rc;
    rc = ward_apply_begin(&a, r, err);
    if (rc)
        return rc;
    rc = find_resting(r, &sid, err);
    if (!rc && sid)
        rc = let_go_of_resting(&a, sid, &any, err);
    if (!rc && any)
        rc = ward_apply_rejudge(&a, err);
    if (!rc && any)
        rc = ward_apply_replay(&a, sid, err);
    if (!rc)
        rc = find_beside(r, &fid, &base, err);
    if (!rc && fid)
        rc = ward_own_give_way(&a, fid, base, err);
    return ward_apply_end(&a, rc, err);
}

int ward_own_rewrite(ward_replica *r, struct ward_error *err)
{
    struct ward_apply a;
    bool needed;
    int rc = ward_store_read_only(r->store) || ward_keys_check(r->keys, NULL) ? WARD_OK : leave_what_is_beside(r, err);
    if (!rc)
        rc = waits(r, &needed, err);
    if (rc || !needed || ward_store_read_only(r->store) || ward_keys_check(r->keys, NULL))
        return rc;
    rc = ward_apply_begin(&a, r, err);
    if (rc)
        return rc;
    rc = ward_own_rewrite_in(&a, err);
    return ward_apply_end(&a, rc, err);
}
