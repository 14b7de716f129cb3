/* compact.c - see compact.h. proto/authority.md, Floor. */
#include "replica/compact.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/base.h"
#include "replica/cut.h"
#include "rules/view.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 32768u /* bytes of floors in one change */

/* A floor of a space: the one proposed, or what would be proposed now. */
struct draft {
    struct ward_id entity;
    struct ward_floor_entry *entries; /* in the arena of the look */
    size_t count;
    size_t proposed; /* how many stand proposed beside each other: with one alone it is that one */
    uint32_t fid;    /* who proposed it, and when */
    uint64_t seq;    /* 0: nobody yet */
    struct ward_hash name;
    struct ward_hash *left; /* grants that are left behind */
    size_t left_count;
};

struct look {
    ward_replica *r;
    struct ward_arena arena;
    struct ward_store_peer *peers;
    size_t peer_count, peer_cap;
};

/* ---- what is known of the others */

static int add_peer(void *ctx, const struct ward_store_peer *p)
{
    struct look *l = ctx;
    const struct ward_env *env = &l->r->env;
    if (ward_grow(env, (void **)&l->peers, &l->peer_cap, l->peer_count, sizeof *l->peers))
        return WARD_ERR_MEMORY;
    struct ward_store_peer *own = &l->peers[l->peer_count];
    *own = *p;
    own->have = (struct ward_vv){0};
    if (ward_vv_copy(&own->have, env, &p->have))
        return WARD_ERR_MEMORY;
    l->peer_count++;
    return WARD_OK;
}

static int look_begin(struct look *l, ward_replica *r, struct ward_error *err)
{
    *l = (struct look){.r = r};
    ward_arena_init(&l->arena, &r->env);
    int rc = ward_store_each_peer(r->store, add_peer, l, err);
    return rc == WARD_ERR_MEMORY ? ward_fail(err, rc, "devices") : rc;
}

static void look_end(struct look *l)
{
    for (size_t i = 0; i < l->peer_count; i++)
        ward_vv_free(&l->peers[i].have, &l->r->env);
    ward_release(&l->r->env, l->peers);
    ward_arena_free(&l->arena);
}

static const struct ward_store_peer *peer_of(const struct look *l, const struct ward_hash *grant)
{
    for (size_t i = 0; i < l->peer_count; i++)
        if (ward_hash_compare(&l->peers[i].grant, grant) == 0)
            return &l->peers[i];
    return NULL;
}

static bool is_left(const struct draft *d, const struct ward_hash *grant)
{
    for (size_t i = 0; i < d->left_count; i++)
        if (ward_hash_compare(&d->left[i], grant) == 0)
            return true;
    return false;
}

/* A device whose word a floor of this space waits for. */
static bool is_asked(const ward_replica *r, const struct ward_space *s, const struct ward_grant *g)
{
    return g->role != WARD_ROLE_ROOT && ward_hash_compare(&g->id, &r->self) != 0 && ward_grant_stands(&r->dir, &g->id) &&
           ward_may_read(g, s->circle, s->circle_count);
}

/* How many changes the device lacks of what the draft settles, and whether it is not known to have heard of the draft. */
static bool holds_back(const struct look *l, const struct draft *d, const struct ward_grant *g, uint64_t *behind, bool *unheard)
{
    const struct ward_store_peer *p = peer_of(l, &g->id);
    *behind = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct ward_feed *f = ward_directory_feed_by_id(&l->r->dir, &d->entries[i].feed);
        uint64_t have = f && p ? ward_vv_get(&p->have, f->fid) : 0;
        *behind += d->entries[i].seq > have ? d->entries[i].seq - have : 0;
    }
    *unheard = d->seq && (!p || ward_vv_get(&p->have, d->fid) < d->seq);
    return *behind || *unheard;
}

/* ---- drafts */

/* All that is held of the space: a set of changes that holds with each what its author had seen. Of a feed with branches what they share.
 */
static int draft_now(struct look *l, const struct ward_space *s, struct draft *d, struct ward_error *err)
{
    ward_replica *r = l->r;
    d->entries = ward_arena_take(&l->arena, (s->feed_count + 1) * sizeof *d->entries);
    if (!d->entries)
        return ward_fail(err, WARD_ERR_MEMORY, "floor");
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        struct ward_floor_entry *e = &d->entries[d->count];
        uint64_t depth;
        *e = (struct ward_floor_entry){.feed = f->id, .seq = f->parent ? 0 : ward_feed_agreed(f)};
        if (e->seq <= f->settled.seq)
            continue;
        e->effect = f->limit < e->seq ? f->limit : e->seq;
        int rc = ward_chain_at(r, f->fid, e->seq, &e->hash, &depth, err);
        if (rc)
            return rc;
        d->count++;
    }
    return WARD_OK; /* feeds of a space stand ascending by their ids */
}

static int read_left(struct look *l, const struct ward_state *state, struct draft *d, struct ward_error *err)
{
    size_t first, end = ward_state_range(state, WARD_FLOOR_LEFT, &first);
    d->left = ward_arena_take(&l->arena, (end - first + 1) * sizeof *d->left);
    if (!d->left)
        return ward_fail(err, WARD_ERR_MEMORY, "floor");
    for (size_t i = first; i < end; i++)
        if (state->slots[i].key_len == WARD_HASH_BYTES && ward_member_is_in(&state->slots[i]))
            memcpy(d->left[d->left_count++].b, state->slots[i].key, WARD_HASH_BYTES);
    return WARD_OK;
}

static bool is_closed(const ward_replica *r, const struct ward_id *space, const struct ward_hash *name)
{
    for (size_t i = 0; i < r->dir.closing_count; i++) {
        const struct ward_closing *c = &r->dir.closings[i];
        if (c->effective && ward_id_equal(&c->space, space) && ward_hash_compare(&c->name, name) == 0)
            return true;
    }
    return false;
}

static int read_proposed(struct look *l, const struct ward_slot *slot, struct draft *d, struct ward_error *err)
{
    for (size_t i = 0; slot && i < slot->live_count; i++) {
        const struct ward_live_value *v = &slot->live[i];
        size_t cap = v->len / 64 + 1, count;
        struct ward_hash name;
        struct ward_floor_entry *entries = ward_arena_take(&l->arena, cap * sizeof *entries);
        if (!entries)
            return ward_fail(err, WARD_ERR_MEMORY, "floor");
        if (ward_floor_parse(entries, cap, &count, v->raw, v->len))
            continue;
        ward_floor_name(&name, v->raw, v->len);
        if (is_closed(l->r, &d->entity, &name))
            continue;
        d->proposed++;
        d->entries = entries;
        d->count = count;
        d->name = name;
        d->fid = v->fid;
        d->seq = v->seq;
    }
    return WARD_OK;
}

/* What stands proposed of a space. */
static int draft_proposed(struct look *l, const struct ward_space *s, struct draft *d, struct ward_error *err)
{
    ward_replica *r = l->r;
    struct ward_hash id;
    struct ward_state state;
    size_t conflicts;
    *d = (struct draft){.count = 0};
    ward_floor_entity(&d->entity, &s->id);
    ward_space_of_ward(r, &id);
    const struct ward_space *ward = ward_directory_space_by_id(&r->dir, &id);
    ward_state_init(&state, &l->arena);
    int rc = ward ? ward_store_get_record(r->store, ward->sid, WARD_KIND_FLOOR, &d->entity, &r->dir.authors, &state, &conflicts, err)
                  : WARD_ERR_NOT_FOUND;
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
    rc = read_left(l, &state, d, err);
    return rc ? rc : read_proposed(l, ward_state_find(&state, WARD_FLOOR_HEADS, NULL, 0), d, err);
}

/* Each head is held as it says and has the effect that it says: else it is of no use any more, and another is to be proposed. */
static int still_true(struct look *l, const struct ward_space *s, const struct draft *d, bool *out, struct ward_error *err)
{
    *out = d->proposed == 1;
    for (size_t i = 0; *out && i < d->count; i++) {
        const struct ward_floor_entry *e = &d->entries[i];
        const struct ward_feed *f = ward_directory_feed_by_id(&l->r->dir, &e->feed);
        struct ward_hash hash;
        uint64_t depth;
        *out = f && f->sid == s->sid && e->seq > f->settled.seq && e->seq >= f->base && e->seq <= ward_feed_agreed(f) &&
               e->effect == (f->limit < e->seq ? f->limit : e->seq);
        int rc = *out ? ward_chain_at(l->r, f->fid, e->seq, &hash, &depth, err) : WARD_OK;
        if (rc)
            return rc;
        *out = *out && ward_hash_compare(&hash, &e->hash) == 0;
    }
    return WARD_OK;
}

/* What is proposed of a space, if that can still be closed; else, if asked for, what would be now. */
static int find_draft(struct look *l, const struct ward_space *s, bool anew, struct draft *d, struct ward_error *err)
{
    bool fine = false;
    int rc = draft_proposed(l, s, d, err);
    if (!rc)
        rc = still_true(l, s, d, &fine, err);
    if (rc || fine)
        return rc;
    d->seq = 0;
    d->count = 0;
    return anew ? draft_now(l, s, d, err) : WARD_OK;
}

/* What would leave the log with it. */
static int weigh(struct look *l, const struct draft *d, uint64_t *changes, uint64_t *bytes, struct ward_error *err)
{
    int rc = WARD_OK;
    *changes = *bytes = 0;
    for (size_t i = 0; !rc && i < d->count; i++) {
        const struct ward_feed *f = ward_directory_feed_by_id(&l->r->dir, &d->entries[i].feed);
        uint64_t n = 0, size = 0;
        rc = f ? ward_store_weigh_segments(l->r->store, f->fid, d->entries[i].effect, &n, &size, err) : WARD_OK;
        *changes += n;
        *bytes += size;
    }
    return rc;
}

/* ---- telling */

static int tell_holders(struct look *l, const struct ward_space *s, const struct draft *d, struct ward_compact_space *out,
                        struct ward_error *err)
{
    ward_replica *r = l->r;
    struct ward_compact_holder *holders = ward_arena_take(&l->arena, (r->dir.grant_count + 1) * sizeof *holders);
    if (!holders)
        return ward_fail(err, WARD_ERR_MEMORY, "devices");
    for (size_t i = 0; i < r->dir.grant_count; i++) {
        const struct ward_grant *g = &r->dir.grants[i];
        struct ward_compact_holder *h = &holders[out->holder_count];
        const struct ward_store_peer *p = peer_of(l, &g->id);
        *h = (struct ward_compact_holder){.grant = g->id, .unit = g->unit, .role = g->role, .last_contact_ms = p ? p->last_contact_ms : 0};
        if (!is_asked(r, s, g) || !holds_back(l, d, g, &h->behind, &h->unheard))
            continue;
        h->left = is_left(d, &g->id);
        out->holding += !h->left;
        int rc = ward_device_name(r, &g->id, h->name, sizeof h->name, err);
        if (rc)
            return rc;
        out->holder_count++;
    }
    out->holders = holders;
    return WARD_OK;
}

static int tell_space(struct look *l, uint32_t sid, ward_compact_fn *fn, void *ctx, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&l->r->dir, sid);
    struct draft d;
    if (!s->circle_count)
        return WARD_OK;
    struct ward_compact_space out = {.space = s->id, .circle = s->circle, .circle_count = s->circle_count};
    for (size_t i = 0; i < s->feed_count; i++)
        out.settled += ward_directory_feed(&l->r->dir, s->feeds[i])->settled.seq;
    int rc = find_draft(l, s, true, &d, err);
    if (!rc)
        rc = weigh(l, &d, &out.changes, &out.bytes, err);
    if (rc)
        return rc;
    out.proposed = d.seq != 0;
    out.too_many = d.count > WARD_FLOOR_FEEDS_MAX;
    if (d.count)
        rc = tell_holders(l, s, &d, &out, err);
    return rc ? rc : fn(ctx, &out);
}

int ward_compact_plan(ward_replica *r, ward_compact_fn *fn, void *ctx, struct ward_error *err)
{
    struct look l;
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = look_begin(&l, r, err);
    for (uint32_t sid = 1; !rc && sid <= r->dir.space_count; sid++) {
        rc = tell_space(&l, sid, fn, ctx, err);
        ward_arena_reset(&l.arena);
    }
    look_end(&l);
    ward_replica_looked(r);
    return rc;
}

/* ---- writing. Several spaces' floors go into one change, as many as have room. */

struct writing {
    ward_replica *r;
    ward_txn *t;
    struct ward_hash space; /* of the ward */
    size_t bytes, ops;
};

static int flush(struct writing *w, int rc, struct ward_error *err)
{
    ward_txn *t = w->t;
    w->t = NULL;
    w->bytes = w->ops = 0;
    if (!t)
        return rc;
    if (rc) {
        ward_abort(t);
        return rc;
    }
    rc = ward_commit(t, NULL, err);
    return rc == WARD_ERR_NOTHING ? WARD_OK : rc;
}

static int put(struct writing *w, const struct ward_id *entity, uint32_t field, const struct ward_hash *member, struct ward_value value,
               struct ward_error *err)
{
    int rc = WARD_OK;
    if (w->t && (w->bytes + value.len > VALUES_MAX || w->ops + 2 > WARD_OPS_MAX))
        rc = flush(w, rc, err);
    if (!rc && !w->t)
        rc = ward_begin(w->r, &w->t, err);
    if (!rc)
        rc = ward_put(w->t, &w->space, WARD_KIND_FLOOR, entity, field, member ? member->b : NULL, member ? sizeof member->b : 0, &value,
                      err);
    w->bytes += value.len + 64;
    w->ops++;
    return rc;
}

static int close_one(struct look *l, struct writing *w, const struct ward_space *s, const struct draft *d, bool *closed,
                     struct ward_error *err)
{
    *closed = true;
    for (size_t i = 0; *closed && i < l->r->dir.grant_count; i++) {
        const struct ward_grant *g = &l->r->dir.grants[i];
        uint64_t behind;
        bool unheard;
        *closed = !is_asked(l->r, s, g) || is_left(d, &g->id) || !holds_back(l, d, g, &behind, &unheard);
    }
    return *closed ? put(w, &d->entity, WARD_FLOOR_CLOSED, NULL, ward_value_bytes(d->name.b, sizeof d->name.b), err) : WARD_OK;
}

static int propose(struct look *l, struct writing *w, const struct draft *d, struct ward_error *err)
{
    struct ward_buf b;
    ward_buf_init(&b, &l->r->env);
    ward_floor_write(&b, d->entries, d->count);
    struct ward_value heads = {.type = WARD_ARRAY, .p = b.p, .len = b.len};
    int rc = ward_buf_status(&b) ? ward_fail(err, WARD_ERR_MEMORY, "floor") : put(w, &d->entity, WARD_FLOOR_HEADS, NULL, heads, err);
    ward_buf_free(&b);
    return rc;
}

static int leave_behind(struct writing *w, const struct draft *d, const struct ward_compact_options *o, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < o->leave_count; i++)
        if (!is_left(d, &o->leave[i]))
            rc = put(w, &d->entity, WARD_FLOOR_LEFT, &o->leave[i], ward_value_bool(true), err);
    return rc;
}

/* Closes what can be closed; with options also proposes, where it frees enough. */
static int write_floors(struct look *l, const struct ward_compact_options *o, struct ward_compact_result *out, struct ward_error *err)
{
    ward_replica *r = l->r;
    struct writing w = {.r = r};
    int rc = WARD_OK;
    ward_space_of_ward(r, &w.space);
    for (uint32_t sid = 1; !rc && sid <= r->dir.space_count; sid++) {
        const struct ward_space *s = ward_directory_space(&r->dir, sid);
        struct draft d;
        bool closed = false;
        uint64_t changes, bytes;
        ward_arena_reset(&l->arena);
        if (!s->circle_count)
            continue;
        rc = find_draft(l, s, o != NULL, &d, err);
        if (!rc && o && d.count && (d.seq || o->leave_count))
            rc = leave_behind(&w, &d, o, err);
        s = ward_directory_space(&r->dir, sid); /* to write may have renewed the directory */
        if (!rc && d.seq)
            rc = close_one(l, &w, s, &d, &closed, err);
        out->closed += closed;
        out->waiting += d.seq && !closed;
        if (rc || !o || d.seq || d.count == 0 || d.count > WARD_FLOOR_FEEDS_MAX)
            continue;
        rc = weigh(l, &d, &changes, &bytes, err);
        if (rc || changes < o->least)
            continue;
        rc = propose(l, &w, &d, err);
        out->proposed++;
    }
    return flush(&w, rc, err);
}

static bool may_write(const ward_replica *r)
{
    const struct ward_grant *self = ward_replica_grant(r);
    return self && ward_role_rules(self->role)->writes_ward && ward_grant_stands(&r->dir, &self->id);
}

static bool any_open(const ward_replica *r)
{
    for (size_t i = 0; i < r->dir.floor_count; i++)
        if (!is_closed(r, &r->dir.floors[i].space, &r->dir.floors[i].name))
            return true;
    return false;
}

static int write_if_entitled(ward_replica *r, const struct ward_compact_options *o, struct ward_compact_result *out, struct ward_error *err)
{
    struct look l;
    int rc = ward_replica_refresh(r, err);
    if (rc || !may_write(r) || (!o && !any_open(r)))
        return rc;
    rc = look_begin(&l, r, err);
    if (!rc)
        rc = write_floors(&l, o, out, err);
    look_end(&l);
    return rc;
}

/* ---- letting go of what is closed */

/* What would leave the log, and up to where. */
static int find_heads(ward_replica *r, const struct ward_space *s, struct ward_base_head *heads, size_t *count,
                      struct ward_compact_result *out, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        uint64_t changes = 0, bytes = 0;
        if (f->parent || f->settled.effect <= f->base)
            continue;
        heads[(*count)++] = (struct ward_base_head){.fid = f->fid, .seq = f->settled.effect};
        rc = ward_store_weigh_segments(r->store, f->fid, f->settled.effect, &changes, &bytes, err);
        out->dropped += f->settled.effect - f->base;
        out->dropped_bytes += bytes;
    }
    return rc;
}

static int let_go(ward_replica *r, uint32_t sid, struct ward_compact_result *out, struct ward_error *err)
{
    struct ward_apply a;
    struct ward_compact_result here = {0};
    int rc = ward_apply_begin(&a, r, err);
    if (rc)
        return rc;
    const struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct ward_base_head *heads = ward_alloc(&r->env, (s->feed_count + 1) * sizeof *heads);
    size_t count = 0;
    bool held = false;
    rc = heads ? ward_base_holds_settled(r, s, &held, err) : ward_fail(err, WARD_ERR_MEMORY, "floor");
    if (!rc && held)
        rc = find_heads(r, s, heads, &count, &here, err);
    if (!rc && count)
        rc = ward_base_settle(&a, sid, heads, count, err);
    bool done = !rc && count && ward_directory_feed(&r->dir, heads[0].fid)->base >= heads[0].seq;
    ward_release(&r->env, heads);
    rc = ward_apply_end(&a, rc, err);
    if (!rc && done) {
        out->dropped += here.dropped;
        out->dropped_bytes += here.dropped_bytes;
    }
    return rc;
}

static bool has_settled(const ward_replica *r, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        if (!f->parent && f->settled.effect > f->base)
            return true;
    }
    return false;
}

int ward_compact_let_go(ward_replica *r, struct ward_compact_result *out, struct ward_error *err)
{
    int rc = ward_replica_refresh(r, err);
    for (uint32_t sid = 1; !rc && sid <= r->dir.space_count; sid++)
        if (has_settled(r, ward_directory_space(&r->dir, sid)))
            rc = let_go(r, sid, out, err);
    return rc;
}

/* Who compacts because the disk is full may have no room for that much of SQLite's log: another time. */
static int shrink(ward_replica *r, struct ward_compact_result *out, struct ward_error *err)
{
    struct ward_error why = {0};
    out->keeps_size = !ward_store_may_shrink(r->store);
    int rc = ward_store_shrink(r->store, &out->shrunk, &why);
    if (rc == WARD_ERR_DISK_FULL)
        return WARD_OK;
    if (rc && err)
        *err = why;
    return rc;
}

int ward_compact_close(ward_replica *r, struct ward_compact_result *out, struct ward_error *err)
{
    struct ward_compact_result result = {0};
    int rc = write_if_entitled(r, NULL, &result, err);
    if (!rc)
        *out = result;
    return rc;
}

int ward_compact(ward_replica *r, const struct ward_compact_options *options, struct ward_compact_result *out, struct ward_error *err)
{
    struct ward_compact_result result = {0};
    int rc = write_if_entitled(r, options, &result, err);
    if (!rc && !options->keep)
        rc = ward_compact_let_go(r, &result, err);
    if (!rc && !options->keep)
        rc = shrink(r, &result, err);
    if (!rc)
        *out = result;
    return rc;
}
