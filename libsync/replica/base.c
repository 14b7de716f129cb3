#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/base_kept.h"
#include "replica/own.h"
#include "rules/frame.h"
#include "shell/pack.h"
#include "values/feed.h"
#include "values/seal.h"

#include <stdlib.h>
#include <string.h>

bool ward_space_has_base(const struct ward_replica *r, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (!f->parent && f->base)
            return true;
    }
    return false;
}

bool ward_space_is_doubtful(const struct ward_replica *r, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (!f->parent && f->base > f->limit)
            return true;
    }
    return false;
}

bool ward_space_wants_history(const struct ward_replica *r, const struct ward_space *s)
{
    return s->lacks || ward_space_is_doubtful(r, s);
}

int ward_base_note_lack(struct ward_replica *r, const uint8_t *space8, struct ward_error *err)
{
    struct ward_space *s = ward_directory_space_short(&r->dir, space8);
    if (!s || s->lacks || !ward_space_has_base(r, s))
        return WARD_OK;
    int rc = ward_store_note_lack(r->store, &s->id, err);
    s->lacks = !rc;
    return rc;
}

/* Of a trunk, what has effect and is held. */
static uint64_t effective_end(const struct ward_feed *f)
{
    return f->limit < f->head_seq ? f->limit : f->head_seq;
}

/* ---- taking one in */

static bool may_make(const struct ward_directory *d, const struct ward_grant *g)
{
    return (g->role == WARD_ROLE_OPERATOR || g->role == WARD_ROLE_HUB || g->role == WARD_ROLE_ROOT) && g->effective &&
           !ward_grant_is_cut(d, &g->id);
}

static int check_maker(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    struct ward_hash id, name;
    memcpy(id.b, h->maker, sizeof id.b);
    const struct ward_grant *g = ward_directory_grant(&r->dir, &id), *self = ward_replica_grant(r);
    if (!self || !ward_may_read(self, h->circle, h->circle_count))
        return ward_fail(err, WARD_ERR_SPACE, "not a space of this device");
    if (!g)
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "who made the snapshot");
    if (!may_make(&r->dir, g))
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "a snapshot by a %s device", ward_role_name(g->role));
    ward_snapshot_name(&name, space, h->raw, h->raw_len);
    return ward_seal_check_snapshot(h->signature, &g->id, &name, h->part_count, g->sign_pk) ? WARD_OK
                                                                                            : ward_fail(err, WARD_ERR_SEAL, "snapshot");
}

static bool is_own(const ward_replica *r, const struct ward_feed *f)
{
    return ward_hash_compare(&f->grant, &r->self) == 0;
}

/* What this device holds of the feed must lie on the chain that the snapshot is of, as far as that can be told; or give way to it. */
static int check_standing(ward_replica *r, const struct ward_feed *f, const struct ward_snapshot_feed *e, bool *gives_way,
                          struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    *gives_way = false;
    for (const struct ward_feed *b = ward_directory_next(&r->dir, f); b; b = ward_directory_next(&r->dir, b))
        if (b->base < e->seq)
            return ward_fail(err, WARD_ERR_HISTORY, "a branch leaves feed %u before it", (unsigned)f->fid);
    if (f->base > e->seq)
        return ward_fail(err, WARD_ERR_HISTORY, "what is held begins later");
    *gives_way = is_own(r, f) && f->published < f->head_seq;
    if (f->head_seq < e->seq)
        return WARD_OK;
    int rc = ward_chain_at(r, f->fid, e->seq, &hash, &depth, err);
    if (rc)
        return rc;
    bool same = ward_hash_compare(&hash, &e->hash) == 0;
    *gives_way = *gives_way && !same;
    return same || (*gives_way && f->published < e->seq) ? WARD_OK : ward_fail(err, WARD_ERR_HISTORY, "another history is held here");
}

static int check_feeds(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        bool gives_way;
        ward_snapshot_next_feed(&feeds, &e);
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        if (!g)
            return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "a feed of the snapshot");
        if (!ward_may_write(g, h->circle, h->circle_count))
            return ward_fail(err, WARD_ERR_NOT_ENTITLED, "a feed of the snapshot");
        ward_name_feed(&id, &r->ward, space, &g->id);
        if (e.sealed && !ward_seal_check(e.seal, &id, e.seq, &e.hash, g->sign_pk))
            return ward_fail(err, WARD_ERR_SEAL, "a feed of the snapshot");
        if (e.seq == 0 && ward_hash_compare(&e.hash, &id) != 0)
            return ward_fail(err, WARD_ERR_CHAIN, "an empty feed of the snapshot");
        const struct ward_feed *f = s ? ward_directory_feed_by_id(&r->dir, &id) : NULL;
        if (f && e.seq)
            rc = check_standing(r, f, &e, &gives_way, err);
    }
    return rc;
}

/* Own changes that nobody has got wait, to be written anew on top. Rows move. */
static int withdraw(struct ward_apply *a, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        bool gives_way = false;
        ward_snapshot_next_feed(&feeds, &e);
        const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        const struct ward_feed *f = s && g ? ward_directory_feed_of(&r->dir, s, &g->id, &id) : NULL;
        if (f && e.seq)
            rc = check_standing(r, f, &e, &gives_way, err);
        if (!rc && gives_way)
            rc = ward_own_withdraw(a, f->fid, f->published, err);
    }
    return rc;
}

/* The log of a row begins after `upto` from now on. A run that reaches beyond is kept from there: its seal is over its end. */
static int forget_log(ward_replica *r, const struct ward_feed *f, uint64_t upto, struct ward_error *err)
{
    struct ward_segment seg = {0}, *shorter = NULL;
    struct ward_buf raw, packed;
    size_t at = 0;
    int rc = WARD_OK;
    ward_buf_init(&raw, &r->env);
    ward_buf_init(&packed, &r->env);
    if (upto < f->head_seq)
        rc = ward_store_find_segment(r->store, f->fid, upto + 1, &seg, err);
    if (!rc && upto < f->head_seq && seg.first <= upto) {
        rc = ward_store_unpack(&seg, &raw, err);
        for (uint64_t seq = seg.first; !rc && seq <= upto; seq++) {
            struct ward_change_head head;
            if (ward_change_skip(raw.p + at, raw.len - at, &head))
                rc = ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg.seg);
            else
                at += head.len;
        }
        seg.count -= (uint32_t)(upto + 1 - seg.first);
        seg.first = upto + 1;
        if (!rc)
            rc = ward_pack(&packed, &seg.codec, raw.p + at, raw.len - at, seg.count, err);
        seg.data = seg.codec ? packed.p : raw.p + at;
        seg.len = seg.codec ? packed.len : raw.len - at;
        shorter = &seg;
    }
    if (!rc)
        rc = ward_store_forget_log(r->store, f->fid, upto, shorter, err);
    ward_buf_free(&raw);
    ward_buf_free(&packed);
    return rc;
}

/* The row begins after seq from now on. */
static int begin_row(ward_replica *r, struct ward_feed *f, uint64_t seq, const struct ward_hash *hash, uint64_t depth,
                     const struct ward_vv *seen, struct ward_error *err)
{
    int rc = forget_log(r, f, seq, err);
    if (!rc)
        rc = ward_store_put_base_feed(r->store, f->fid, depth, seen, err);
    f->base = seq;
    f->base_hash = *hash;
    f->dirty = true;
    if (f->head_seq < seq) {
        f->head_seq = seq;
        f->head_hash = *hash;
        f->head_depth = depth;
        f->vv_loaded = true; /* replaying sets it */
    }
    if (!rc && is_own(r, f) && f->published < seq) {
        f->published = seq;
        rc = ward_store_put_published(r->store, f->fid, seq, err);
    }
    return rc;
}

static int seen_of(const struct ward_snapshot_feed *e, const struct ward_base_match *m, ward_replica *r, struct ward_vv *out,
                   struct ward_error *err)
{
    struct ward_cbor seen = e->seen;
    for (size_t i = 0; i < e->seen_count; i++) {
        uint32_t feed;
        uint64_t seq = 0;
        ward_snapshot_next_seen(&seen, &feed, &seq);
        if (ward_vv_raise(out, &r->env, m->fids[feed], seq))
            return ward_fail(err, WARD_ERR_MEMORY, "base");
    }
    return WARD_OK;
}

/* Every feed of the head gets a row, if it has none. */
static int add_rows(ward_replica *r, const struct ward_snapshot_head *h, uint32_t sid, struct ward_base_match *m, struct ward_error *err)
{
    const struct ward_hash space = ward_directory_space(&r->dir, sid)->id;
    struct ward_cbor feeds = h->feeds;
    for (size_t i = 0; i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        ward_snapshot_next_feed(&feeds, &e);
        if (m->fids[i])
            continue;
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        struct ward_feed f = {.fid = (uint32_t)r->dir.feed_count + 1,
                              .sid = sid,
                              .grant = g->id,
                              .unit = g->unit,
                              .role = g->role,
                              .limit = UINT64_MAX,
                              .applied_limit = UINT64_MAX,
                              .vv_loaded = true,
                              .dirty = true};
        ward_name_feed(&f.id, &r->ward, &space, &g->id);
        f.head_hash = f.id;
        ward_directory_settled(&r->dir, &space, &f.id, &f.settled);
        if (ward_directory_add_feed(&r->dir, &f))
            return ward_fail(err, WARD_ERR_MEMORY, "directory");
        m->fids[i] = f.fid;
        struct ward_feed *row = ward_directory_feed(&r->dir, f.fid);
        row->limit = row->applied_limit = ward_directory_limit(&r->dir, row);
    }
    return WARD_OK;
}

static int begin_rows(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_base_match *m, struct ward_error *err)
{
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_vv seen = {0};
        ward_snapshot_next_feed(&feeds, &e);
        if (e.seq == 0)
            continue;
        rc = seen_of(&e, m, r, &seen, err);
        if (!rc)
            rc = begin_row(r, ward_directory_feed(&r->dir, m->fids[i]), e.seq, &e.hash, e.depth, &seen, err);
        ward_vv_free(&seen, &r->env);
    }
    ward_chain_forget(r);
    return rc;
}

static int adopt(struct ward_apply *a, const struct ward_hash *space, const struct ward_snapshot_head *h, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_base_match m = {0};
    int rc = ward_apply_write(a, err);
    if (!rc)
        rc = withdraw(a, h, space, err);
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    uint32_t sid = s ? s->sid : (uint32_t)r->dir.space_count + 1;
    if (!rc && !s && ward_directory_add_space(&r->dir, sid, space, h->circle, h->circle_count))
        rc = ward_fail(err, WARD_ERR_MEMORY, "directory");
    if (!rc)
        rc = ward_base_match_feeds(&m, r, ward_directory_space(&r->dir, sid), h, err);
    if (!rc)
        rc = add_rows(r, h, sid, &m, err);
    if (!rc)
        rc = begin_rows(r, h, &m, err);
    if (!rc)
        rc = ward_store_adopt_base(r->store, space, err);
    if (!rc)
        ward_directory_space(&r->dir, sid)->lacks = false;
    if (!rc)
        rc = ward_apply_replay(a, sid, err);
    ward_base_free_match(&m, &r->env);
    return rc;
}

static int stage_head(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, struct ward_error *err)
{
    struct ward_buf kept;
    struct ward_store_part part = {.codec = 0};
    int rc = ward_store_clear_base(r->store, space, true, err);
    ward_buf_init(&kept, &r->env);
    ward_buf_add(&kept, h->signature, WARD_BASE_SIGNED);
    ward_buf_add(&kept, h->raw, h->raw_len);
    part.data = kept.p;
    part.len = kept.len;
    if (!rc)
        rc = ward_buf_status(&kept) ? ward_fail(err, WARD_ERR_MEMORY, "base") : ward_store_put_base(r->store, space, true, 0, &part, err);
    ward_buf_free(&kept);
    return rc;
}

/* Something of it is not held here. */
static bool is_needed(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space)
{
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    struct ward_cbor feeds = h->feeds;
    for (size_t i = 0; i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        ward_snapshot_next_feed(&feeds, &e);
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        const struct ward_feed *f = s && g ? ward_directory_feed_of(&r->dir, s, &g->id, &id) : NULL;
        if (e.seq > (f ? f->head_seq : 0))
            return true;
    }
    return false;
}

static int take_head(struct ward_apply *a, const struct ward_snapshot_head *h, struct ward_taking *t, bool *adopted, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_store_part held;
    struct ward_hash *space = &t->space;
    t->on = t->pass = false;
    ward_name_space(space, &r->ward, h->circle, h->circle_count);
    int rc = check_maker(r, h, space, err);
    if (rc)
        return rc;
    t->pass = !is_needed(r, h, space);
    t->on = true;
    if (t->pass)
        return WARD_OK;
    rc = check_feeds(r, h, space, err);
    if (rc) {
        t->on = false;
        return rc;
    }
    rc = ward_store_get_base(r->store, space, true, 0, &held, err);
    if (!rc && held.len == WARD_BASE_SIGNED + h->raw_len && memcmp(held.data + WARD_BASE_SIGNED, h->raw, h->raw_len) == 0)
        return WARD_OK; /* it broke off before: what came of it then is there */
    if (!rc || rc == WARD_ERR_NOT_FOUND)
        rc = stage_head(r, h, space, err);
    if (!rc && h->part_count == 0) {
        rc = adopt(a, space, h, err);
        *adopted = !rc;
    }
    return rc;
}

static int check_part(ward_replica *r, const struct ward_snapshot_head *h, uint32_t number, uint32_t codec, const uint8_t *data, size_t len,
                      struct ward_error *err)
{
    struct ward_hash is;
    struct ward_snapshot_part part;
    if (number < 1 || number > h->part_count)
        return ward_fail(err, WARD_ERR_RANGE, "part %u", (unsigned)number);
    ward_snapshot_part(h, number, &part);
    ward_snapshot_name_part(&is, codec, data, len);
    if (ward_hash_compare(&part.hash, &is) != 0)
        return ward_fail(err, WARD_ERR_CHAIN, "part %u is another than the head of the snapshot names", (unsigned)number);
    int rc = ward_unpack(&r->unpacked, codec, data, len, part.count, err);
    return rc ? rc : ward_snapshot_part_check(&part, r->unpacked.p, r->unpacked.len, &r->scratch, err);
}

static int take_part(struct ward_apply *a, const struct ward_hash *space, uint32_t number, uint32_t codec, const uint8_t *data, size_t len,
                     bool *adopted, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_snapshot_head h;
    struct ward_buf kept;
    size_t there = 0;
    ward_buf_init(&kept, &r->env);
    int rc = ward_base_load_head(r, space, true, &kept, &h, err);
    if (rc == WARD_ERR_NOT_FOUND)
        rc = ward_fail(err, WARD_ERR_GAP, "a part without its head");
    if (!rc)
        rc = check_part(r, &h, number, codec, data, len, err);
    if (!rc)
        rc = ward_store_put_base(r->store, space, true, number, &(struct ward_store_part){codec, data, len}, err);
    if (!rc)
        rc = ward_store_count_base(r->store, space, true, &there, err);
    if (!rc && there == h.part_count) {
        rc = check_feeds(r, &h, space, err); /* much may have come since the head */
        if (!rc)
            rc = adopt(a, space, &h, err);
        *adopted = !rc;
    }
    ward_buf_free(&kept);
    return rc;
}

int ward_base_take(struct ward_taking *t, struct ward_apply *a, const struct ward_message *m, bool *adopted, struct ward_error *err)
{
    *adopted = false;
    if (m->type == WARD_MSG_SNAPSHOT) {
        struct ward_snapshot_head h;
        int rc = ward_snapshot_head_parse(&h, m->snapshot.raw, m->snapshot.len, m->snapshot.signature, err);
        return rc ? rc : take_head(a, &h, t, adopted, err);
    }
    if (!t->on || memcmp(m->part.space8, t->space.b, 8) != 0)
        return ward_fail(err, WARD_ERR_GAP, "a part without its head");
    if (t->pass)
        return WARD_OK;
    return take_part(a, &t->space, (uint32_t)m->part.number, (uint32_t)m->part.codec, m->part.data, m->part.len, adopted, err);
}

/* ---- settling */

static bool branches_below(const struct ward_directory *d, const struct ward_space *s, const struct ward_vv *upto)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
        if (f->parent && f->base < ward_vv_get(upto, ward_directory_trunk(d, f)->fid))
            return true;
    }
    return false;
}

/* Where the base will end: at the heads named, or where it ends now. */
static int find_ends(struct ward_apply *a, uint32_t sid, const struct ward_base_head *heads, size_t count, struct ward_vv *upto,
                     bool *further, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    *further = false;
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        uint64_t end = f->base;
        if (f->parent)
            continue;
        for (size_t j = 0; j < count; j++)
            if (heads[j].fid == f->fid) {
                uint64_t seq = heads[j].seq < effective_end(f) ? heads[j].seq : effective_end(f);
                end = seq > end ? seq : end;
            }
        *further |= end > f->base;
        if (end && ward_vv_raise(upto, &r->env, f->fid, end))
            return ward_fail(err, WARD_ERR_MEMORY, "base");
    }
    return WARD_OK;
}

static int keep_made(ward_replica *r, const struct ward_made *m, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, m->sid);
    struct ward_snapshot_head h;
    uint8_t unsigned_[WARD_SEAL_BYTES] = {0}; /* its maker is this device: it signs when it gives it away */
    struct ward_base_match match = {0};
    int rc = ward_snapshot_head_parse(&h, m->head.p, m->head.len, unsigned_, err);
    if (!rc)
        rc = stage_head(r, &h, &s->id, err);
    if (!rc)
        rc = ward_base_match_feeds(&match, r, s, &h, err);
    for (uint32_t i = 0; !rc && i < m->part_count; i++) {
        const struct ward_made_part *p = &m->parts[i];
        rc = ward_store_put_base(r->store, &s->id, true, i + 1, &(struct ward_store_part){p->codec, p->data, p->len}, err);
    }
    if (!rc)
        rc = begin_rows(r, &h, &match, err);
    ward_base_free_match(&match, &r->env);
    return rc ? rc : ward_store_adopt_base(r->store, &s->id, err);
}

int ward_base_settle(struct ward_apply *a, uint32_t sid, const struct ward_base_head *heads, size_t count, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_made made;
    bool further;
    ward_made_begin(&made, r, sid);
    int rc = find_ends(a, sid, heads, count, &made.upto, &further, err);
    bool fit = !rc && further && s->circle_count && !ward_space_is_doubtful(r, s) && !branches_below(&r->dir, s, &made.upto);
    if (fit) {
        rc = ward_apply_write(a, err);
        if (!rc)
            rc = ward_apply_replay_upto(a, sid, &made.upto, err);
        if (!rc)
            rc = ward_base_make_upto(&made, err);
        if (!rc)
            rc = keep_made(r, &made, err);
        if (!rc)
            rc = ward_apply_replay(a, sid, err);
    }
    ward_made_free(&made);
    return rc;
}

/* ---- reading it again */

struct restoring {
    struct ward_apply *a;
    uint32_t sid, fid;
    struct ward_error *err;
};

static int restore_value(void *ctx, const struct ward_snapshot_value *v)
{
    struct restoring *x = ctx;
    struct ward_live_value live = {.fid = x->fid, .seq = v->seq, .depth = v->depth, .raw = v->raw, .len = v->raw_len};
    return ward_apply_restore(x->a, x->sid, v->kind, &v->entity, v->field, v->key, v->key_len, &live, x->err);
}

static int restore_parts(struct restoring *x, const struct ward_hash *space, const struct ward_snapshot_head *h,
                         const struct ward_base_match *m)
{
    ward_replica *r = x->a->r;
    struct ward_buf raw;
    int rc = WARD_OK;
    ward_buf_init(&raw, &r->env);
    for (uint32_t i = 1; !rc && i <= h->part_count; i++) {
        struct ward_store_part stored;
        struct ward_snapshot_part part;
        ward_snapshot_part(h, i, &part);
        x->fid = m->fids[part.feed];
        rc = ward_store_get_base(r->store, space, false, i, &stored, x->err);
        if (rc)
            break;
        rc = ward_unpack(&raw, stored.codec, stored.data, stored.len, part.count, x->err);
        if (!rc)
            rc = ward_snapshot_part_check(&part, raw.p, raw.len, &r->scratch, x->err);
        rc = rc && rc != WARD_ERR_MEMORY ? ward_fail(x->err, WARD_ERR_CORRUPT, "base, part %u", (unsigned)i) : rc;
        if (!rc)
            rc = ward_snapshot_each_value(&part, raw.p, raw.len, &r->scratch, restore_value, x);
    }
    ward_buf_free(&raw);
    return rc == WARD_ERR_NOT_FOUND ? ward_fail(x->err, WARD_ERR_CORRUPT, "base: a part is missing") : rc;
}

int ward_base_restore(struct ward_apply *a, uint32_t sid, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_snapshot_head h;
    struct ward_base_match m = {0};
    struct ward_buf kept;
    if (!ward_space_has_base(r, s))
        return WARD_OK;
    ward_buf_init(&kept, &r->env);
    int rc = ward_base_load_head(r, &s->id, false, &kept, &h, err);
    if (!rc)
        rc = ward_base_match_feeds(&m, r, s, &h, err);
    for (size_t i = 0; !rc && i < h.feed_count; i++)
        rc = m.fids[i] ? WARD_OK : ward_fail(err, WARD_ERR_CORRUPT, "base: a feed is missing");
    for (size_t i = 0; !rc && i < s->feed_count; i++) {
        struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        uint64_t depth;
        if (!f->parent && f->base)
            rc = ward_store_get_base_feed(r->store, f->fid, &depth, &f->vv, err);
    }
    struct restoring x = {.a = a, .sid = sid, .err = err};
    if (!rc)
        rc = restore_parts(&x, &s->id, &h, &m);
    ward_base_free_match(&m, &r->env);
    ward_buf_free(&kept);
    return rc == WARD_ERR_NOT_FOUND ? ward_fail(err, WARD_ERR_CORRUPT, "base") : rc;
}

static int check_seal(ward_replica *r, const struct ward_hash *space, const struct ward_snapshot_head *h, struct ward_error *err)
{
    struct ward_hash maker, name;
    memcpy(maker.b, h->maker, sizeof maker.b);
    const struct ward_grant *g = ward_directory_grant(&r->dir, &maker);
    if (ward_replica_was(r, &maker)) /* this device's own word is not signed before it is given */
        return WARD_OK;
    if (!g)
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "who made the base");
    ward_snapshot_name(&name, space, h->raw, h->raw_len);
    return ward_seal_check_snapshot(h->signature, &g->id, &name, h->part_count, g->sign_pk) ? WARD_OK
                                                                                            : ward_fail(err, WARD_ERR_SEAL, "base");
}

int ward_base_check(struct ward_replica *r, uint32_t sid, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_snapshot_head h;
    struct ward_buf kept;
    ward_buf_init(&kept, &r->env);
    int rc = ward_base_load_head(r, &s->id, false, &kept, &h, err);
    if (!rc)
        rc = check_seal(r, &s->id, &h, err);
    for (uint32_t i = 1; !rc && i <= h.part_count; i++) {
        struct ward_store_part part;
        struct ward_snapshot_part named;
        struct ward_hash is;
        rc = ward_store_get_base(r->store, &s->id, false, i, &part, err);
        if (rc)
            break;
        ward_snapshot_part(&h, i, &named);
        ward_snapshot_name_part(&is, part.codec, part.data, part.len);
        if (ward_hash_compare(&named.hash, &is) != 0)
            rc = ward_fail(err, WARD_ERR_CHAIN, "base: part %u is not what was sealed", (unsigned)i);
    }
    ward_buf_free(&kept);
    return rc;
}

struct stamp_search {
    uint64_t seq;
    int64_t wall_ms;
    bool found;
};

static int look_at_change(void *ctx, uint64_t seq, int64_t wall_ms)
{
    struct stamp_search *x = ctx;
    if (seq == x->seq) {
        x->wall_ms = wall_ms;
        x->found = true;
    }
    return WARD_OK;
}

int ward_base_stamp(struct ward_replica *r, uint32_t fid, uint64_t seq, int64_t *wall_ms, struct ward_error *err)
{
    struct stamp_search x = {.seq = seq};
    int rc = ward_base_each_change(r, ward_directory_feed(&r->dir, fid), seq, seq, look_at_change, &x, err);
    if (!rc && !x.found)
        rc = ward_fail(err, WARD_ERR_HISTORY, "change %llu lies before what is held here", (unsigned long long)seq);
    *wall_ms = x.wall_ms;
    return rc;
}
