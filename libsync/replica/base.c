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

/* ---- settling */

static bool branches_below(const struct ward_directory *d, const struct ward_space *s, const struct ward_vv *upto)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
        if (f->parent && f->head_seq > f->base && f->base < ward_vv_get(upto, ward_directory_trunk(d, f)->fid))
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
        rc = ward_base_stage_head(r, &h, &s->id, err);
    if (!rc)
        rc = ward_base_match_feeds(&match, r, s, &h, err);
    for (uint32_t i = 0; !rc && i < m->part_count; i++) {
        const struct ward_made_part *p = &m->parts[i];
        rc = ward_store_put_base(r->store, &s->id, true, i + 1, &(struct ward_store_part){p->codec, p->data, p->len}, err);
    }
    if (!rc)
        rc = ward_base_begin_rows(r, &h, &match, err);
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
    bool fit = !rc && further && s->circle_count && !ward_space_wants_history(r, s) && !branches_below(&r->dir, s, &made.upto);
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

int ward_base_holds_settled(ward_replica *r, const struct ward_space *s, bool *out, struct ward_error *err)
{
    struct ward_id entity;
    *out = true;
    ward_floor_entity(&entity, &s->id);
    for (size_t i = 0; *out && i < r->dir.closing_count; i++) {
        const struct ward_closing *c = &r->dir.closings[i];
        const struct ward_floor *floor =
            c->effective && ward_id_equal(&c->space, &entity) ? ward_directory_floor(&r->dir, &entity, &c->name) : NULL;
        for (size_t j = 0; floor && *out && j < floor->count; j++) {
            const struct ward_feed *f = ward_directory_feed_by_id(&r->dir, &floor->entries[j].feed);
            *out = f && f->head_seq >= floor->entries[j].seq;
        }
    }
    for (size_t i = 0; *out && i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        struct ward_hash hash;
        uint64_t depth;
        if (f->parent || f->settled.seq <= f->base)
            continue;
        int rc = ward_chain_at(r, f->fid, f->settled.seq, &hash, &depth, err);
        if (rc)
            return rc;
        *out = ward_hash_compare(&hash, &f->settled.hash) == 0;
    }
    return WARD_OK;
}

static bool has_floor(const struct ward_directory *d, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++)
        if (ward_directory_feed(d, s->feeds[i])->settled.effect)
            return true;
    return false;
}

static int find_settled(ward_replica *r, const struct ward_space *s, struct ward_vv *upto, struct ward_error *err)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (f->settled.effect && ward_vv_raise(upto, &r->env, f->fid, f->settled.effect))
            return ward_fail(err, WARD_ERR_MEMORY, "base");
    }
    return WARD_OK;
}

int ward_base_make_settled(struct ward_made *out, ward_replica *r, uint32_t sid, bool *made, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_apply a;
    *made = false;
    int rc = has_floor(&r->dir, s) ? ward_base_holds_settled(r, s, made, err) : WARD_OK;
    if (rc || !*made)
        return rc;
    rc = ward_apply_begin(&a, r, err);
    if (rc)
        return rc;
    ward_made_begin(out, r, sid);
    rc = find_settled(r, ward_directory_space(&r->dir, sid), &out->upto, err);
    if (!rc)
        rc = ward_apply_replay_upto(&a, sid, &out->upto, err);
    if (!rc)
        rc = ward_base_make_upto(out, err);
    rc = ward_apply_end(&a, rc ? rc : WARD_ERR_NOTHING, err); /* as if nothing had been: it was only to be looked at */
    if (rc == WARD_ERR_NOTHING)
        return WARD_OK;
    ward_made_free(out);
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
        rc = ward_unpack(ward_store_packer(r->store), &raw, stored.codec, stored.data, stored.len, part.count, x->err);
        if (!rc)
            rc = ward_snapshot_part_check(&part, raw.p, raw.len, &r->scratch, x->err);
        rc = rc && rc != WARD_ERR_MEMORY ? ward_fail(x->err, WARD_ERR_CORRUPT, "base, part %u", (unsigned)i) : rc;
        if (!rc)
            rc = ward_snapshot_each_value(&part, raw.p, raw.len, &r->scratch, restore_value, x);
    }
    ward_buf_free(&raw);
    return rc == WARD_ERR_NOT_FOUND ? ward_fail(x->err, WARD_ERR_CORRUPT, "base: a part is missing") : rc;
}

/* What has effect beyond the base, and something in the base had seen it: its maker did not count it, and what it replaced of it only the
 * history can tell. */
static bool has_seen_beyond(const ward_replica *r, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *g = ward_directory_feed(&r->dir, s->feeds[i]);
        for (size_t j = 0; !g->parent && g->base && j < s->feed_count; j++) {
            const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[j]);
            if (f != g && !f->parent && ward_vv_get(&g->vv, f->fid) > f->base && effective_end(f) > f->base)
                return true;
        }
    }
    return false;
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
    if (!rc && has_seen_beyond(r, s))
        rc = ward_base_note_lack(r, s->id.b, err);
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
