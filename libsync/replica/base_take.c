/* base_take.c - a snapshot that comes in: checked, staged part by part, and adopted with the last of them. */
#include "base/err.h"
#include "base/limits.h"
#include "replica/base_kept.h"
#include "replica/own.h"
#include "rules/frame.h"
#include "shell/pack.h"
#include "values/feed.h"
#include "values/seal.h"

#include <string.h>

static bool may_make(const struct ward_directory *d, const struct ward_grant *g)
{
    return (g->role == WARD_ROLE_OPERATOR || g->role == WARD_ROLE_HUB || g->role == WARD_ROLE_ROOT) && ward_grant_stands(d, &g->id);
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

enum standing { STANDS, UNPUBLISHED, BESIDE }; /* what gives way: own changes that nobody has, or another chain than the settled one */

struct receipted {
    uint32_t fid;
    uint64_t seq;
};

static int note_receipted(void *ctx, const struct ward_store_receipted *row)
{
    struct receipted *x = ctx;
    x->seq = row->fid == x->fid && row->seq > x->seq ? row->seq : x->seq;
    return WARD_OK;
}

/* Where the feed may have left what is settled. Of an own one hubs have vouched for a part: that was held by all who settled the rest. But
 * a hub may have lost it since; if the giver's history is another there, its word says nothing, and what the giver has shown does, in heads
 * and in the state itself: up to where the two are alike. h: the head, once all of its parts are here. */
static int find_parting(ward_replica *r, const struct ward_taking *t, const struct ward_snapshot_head *h, const struct ward_feed *f,
                        uint64_t *from, struct ward_error *err)
{
    struct receipted x = {.fid = f->fid};
    uint64_t alike = ward_vv_get(&t->alike, f->fid), differs = ward_vv_get(&t->differs, f->fid), same = 0, other = 0;
    bool own = ward_replica_was(r, &f->grant);
    int rc = own ? ward_store_each_receipted(r->store, note_receipted, &x, err) : WARD_OK;
    if (!rc && own && h)
        rc = ward_base_shown(r, &t->space, h, f, &same, &other, err);
    differs = other && (!differs || other < differs) ? other : differs;
    alike = other && same > alike && same < differs ? same : alike; /* equal values alone are no proof that the two are one */
    x.seq = (differs && x.seq >= differs) || x.seq < alike ? alike : x.seq;
    *from = x.seq > f->base && x.seq <= f->head_seq ? x.seq : f->base;
    return rc;
}

static bool is_named(const struct ward_snapshot_head *h, const struct ward_hash *grant)
{
    struct ward_cbor feeds = h->feeds;
    bool named = false;
    for (size_t i = 0; !named && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        ward_snapshot_next_feed(&feeds, &e);
        named = memcmp(e.grant8, grant->b, sizeof e.grant8) == 0;
    }
    return named;
}

/* What the base here holds of a feed that the snapshot does not name would go with it. */
static int check_bases(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_space *s, struct ward_error *err)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (!f->parent && f->base && !is_named(h, &f->grant))
            return ward_fail(err, WARD_ERR_HISTORY, "it lacks feed %u, whose history is not held", (unsigned)f->fid);
    }
    return WARD_OK;
}

/* What this device holds of the feed must lie on the chain that the snapshot is of, as far as that can be told; or give way to it, from
 * *from on. Where the feed is settled and what is held is not that, or too short to tell, it does: also what lies beyond the snapshot's
 * seq where what is settled has no effect, for a state says nothing of that. Where it has, the runs that follow tell where it parts; and
 * where the giver just goes on from it, nothing does. */
static int check_standing(ward_replica *r, const struct ward_taking *t, const struct ward_snapshot_head *h, const struct ward_feed *f,
                          const struct ward_snapshot_feed *e, enum standing *gives_way, uint64_t *from, struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    bool astray, short_of_it, same = false, held = f->head_seq >= e->seq;
    *gives_way = STANDS;
    for (const struct ward_feed *b = ward_directory_next(&r->dir, f); b; b = ward_directory_next(&r->dir, b))
        if (b->base < e->seq && !b->below)
            return ward_fail(err, WARD_ERR_HISTORY, "a branch leaves feed %u before it", (unsigned)f->fid);
    if (f->base > e->seq)
        return ward_fail(err, WARD_ERR_HISTORY, "what is held begins later");
    int rc = ward_own_is_astray(r, f, &astray, &short_of_it, err);
    if (!rc && held) {
        rc = ward_chain_at(r, f->fid, e->seq, &hash, &depth, err);
        same = !rc && ward_hash_compare(&hash, &e->hash) == 0;
    }
    if (rc)
        return rc;
    if (!same && f->base && f->base == e->seq) /* that does not give way: it is not in the log */
        return ward_fail(err, WARD_ERR_HISTORY, "what is held begins with another history");
    bool idle = f->settled.effect <= e->seq; /* what is settled beyond it has no effect */
    bool onward = !astray && ward_vv_get(&t->onward, f->fid) == f->head_seq;
    bool beside = same ? f->head_seq > e->seq && idle && (astray || short_of_it) && !onward
                       : (astray || short_of_it) && (held || ward_replica_was(r, &f->grant));
    bool unpublished = !same && is_own(r, f) && f->published < (held ? e->seq : f->head_seq);
    *gives_way = beside ? BESIDE : unpublished ? UNPUBLISHED : STANDS;
    *from = f->published;
    if (beside) {
        rc = find_parting(r, t, h, f, from, err);
        *from = same && ward_replica_was(r, &f->grant) && e->seq > *from ? e->seq : *from;
        return rc;
    }
    return *gives_way || same || !held ? WARD_OK : ward_fail(err, WARD_ERR_HISTORY, "another history is held here");
}

static int check_feeds(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_taking *t, struct ward_error *err)
{
    const struct ward_hash *space = &t->space;
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        enum standing gives_way;
        uint64_t from;
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
        if (f)
            rc = check_standing(r, t, NULL, f, &e, &gives_way, &from, err);
    }
    return rc || !s ? rc : check_bases(r, h, s, err);
}

/* A branch that has taken the place of what gave way may leave the snapshot's chain in its turn. */
static int give_way_to(struct ward_apply *a, uint32_t fid, uint64_t from, const struct ward_snapshot_feed *e, struct ward_error *err)
{
    struct ward_hash hash = e->hash;
    uint64_t depth;
    int rc = ward_own_give_way(a, fid, from, err);
    if (rc)
        return rc;
    const struct ward_feed *f = ward_directory_feed(&a->r->dir, fid);
    const uint64_t base = f->base;
    if (f->head_seq >= e->seq)
        rc = ward_chain_at(a->r, fid, e->seq, &hash, &depth, err);
    return rc || ward_hash_compare(&hash, &e->hash) == 0 ? rc : ward_own_give_way(a, fid, base, err);
}

/* Own changes that nobody has got wait, or that nobody takes any more, to be written anew on top. Rows move. */
static int withdraw(struct ward_apply *a, const struct ward_snapshot_head *h, const struct ward_taking *t, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        enum standing gives_way = STANDS;
        uint64_t from = 0;
        ward_snapshot_next_feed(&feeds, &e);
        const struct ward_space *s = ward_directory_space_by_id(&r->dir, &t->space);
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        const struct ward_feed *f = s && g ? ward_directory_feed_of(&r->dir, s, &g->id, &id) : NULL;
        if (f)
            rc = check_standing(r, t, h, f, &e, &gives_way, &from, err);
        if (!rc && gives_way == UNPUBLISHED)
            rc = ward_own_withdraw(a, f->fid, from, err);
        if (!rc && gives_way == BESIDE)
            rc = give_way_to(a, f->fid, from, &e, err);
    }
    return rc;
}

/* Every feed of the head gets a row, if it has none; what counts of it is judged when all have one. */
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
        if (ward_directory_add_feed(&r->dir, &f))
            return ward_fail(err, WARD_ERR_MEMORY, "directory");
        m->fids[i] = f.fid;
    }
    return WARD_OK;
}

static int adopt(struct ward_apply *a, const struct ward_taking *t, const struct ward_snapshot_head *h, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_hash *space = &t->space;
    struct ward_base_match m = {0};
    int rc = ward_apply_write(a, err);
    if (!rc)
        rc = withdraw(a, h, t, err);
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    uint32_t sid = s ? s->sid : (uint32_t)r->dir.space_count + 1;
    if (!rc && !s && ward_directory_add_space(&r->dir, sid, space, h->circle, h->circle_count))
        rc = ward_fail(err, WARD_ERR_MEMORY, "directory");
    if (!rc)
        rc = ward_base_match_feeds(&m, r, ward_directory_space(&r->dir, sid), h, err);
    if (!rc)
        rc = add_rows(r, h, sid, &m, err);
    if (!rc)
        rc = ward_base_begin_rows(r, h, &m, err);
    if (!rc)
        ward_directory_judge(&r->dir); /* branches may be gone; and what is settled of the rows that came */
    a->authority_changed = true;
    if (!rc)
        rc = ward_store_adopt_base(r->store, space, err);
    if (!rc)
        ward_directory_space(&r->dir, sid)->lacks = false;
    if (!rc)
        rc = ward_apply_replay(a, sid, err);
    ward_base_free_match(&m, &r->env);
    return rc;
}

/* What is held of the feed is another history than the one that the ward has settled, or may be. */
static int is_beside(ward_replica *r, const struct ward_feed *f, const struct ward_snapshot_feed *e, bool *out, struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    bool astray, short_of_it;
    int rc = ward_own_is_astray(r, f, &astray, &short_of_it, err);
    *out = !rc && (astray || (short_of_it && f->head_seq > e->seq && f->settled.effect <= e->seq));
    if (rc || *out || !short_of_it || e->seq < f->base)
        return rc;
    rc = ward_chain_at(r, f->fid, e->seq, &hash, &depth, err);
    *out = !rc && ward_hash_compare(&hash, &e->hash) != 0;
    return rc;
}

/* Something of it is not held here, or another history than the ward has settled is. */
static int is_needed(ward_replica *r, const struct ward_snapshot_head *h, const struct ward_hash *space, bool *out, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    struct ward_cbor feeds = h->feeds;
    int rc = WARD_OK;
    *out = false;
    for (size_t i = 0; !rc && !*out && i < h->feed_count; i++) {
        struct ward_snapshot_feed e;
        struct ward_hash id;
        ward_snapshot_next_feed(&feeds, &e);
        const struct ward_grant *g = ward_directory_grant_short(&r->dir, e.grant8);
        const struct ward_feed *f = s && g ? ward_directory_feed_of(&r->dir, s, &g->id, &id) : NULL;
        *out = e.seq > (f ? f->head_seq : 0);
        if (f && !*out)
            rc = is_beside(r, f, &e, out, err);
    }
    return rc;
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
    bool needed;
    rc = is_needed(r, h, space, &needed, err);
    if (rc)
        return rc;
    t->pass = !needed;
    t->on = true;
    if (t->pass)
        return WARD_OK;
    rc = check_feeds(r, h, t, err);
    if (rc) {
        t->on = false;
        return rc;
    }
    rc = ward_store_get_base(r->store, space, true, 0, &held, err);
    if (!rc && held.len == WARD_BASE_SIGNED + h->raw_len && memcmp(held.data + WARD_BASE_SIGNED, h->raw, h->raw_len) == 0)
        return WARD_OK; /* it broke off before: what came of it then is there */
    if (!rc || rc == WARD_ERR_NOT_FOUND)
        rc = ward_base_stage_head(r, h, space, err);
    if (!rc && h->part_count == 0) {
        rc = adopt(a, t, h, err);
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
    int rc = ward_unpack(ward_store_packer(r->store), &r->unpacked, codec, data, len, part.count, err);
    return rc ? rc : ward_snapshot_part_check(&part, r->unpacked.p, r->unpacked.len, &r->scratch, err);
}

static int take_part(struct ward_apply *a, const struct ward_taking *t, uint32_t number, uint32_t codec, const uint8_t *data, size_t len,
                     bool *adopted, struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_hash *space = &t->space;
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
        rc = check_feeds(r, &h, t, err); /* much may have come since the head */
        if (!rc)
            rc = adopt(a, t, &h, err);
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
    return take_part(a, t, (uint32_t)m->part.number, (uint32_t)m->part.codec, m->part.data, m->part.len, adopted, err);
}
