/* device.c - devices, their rights and what is known of them; the state of this replica in figures. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/aside.h"
#include "replica/base.h"
#include "replica/cut.h"
#include "replica/receipt.h"
#include "replica/stream.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/fingerprint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing where no name has arrived. */
int ward_device_name(ward_replica *r, const struct ward_hash *grant, char *out, size_t size, struct ward_error *err)
{
    struct ward_id entity;
    ward_record *rec;
    ward_grant_entity(&entity, grant);
    out[0] = 0;
    int rc = ward_get(r, WARD_KIND_GRANT, &entity, true, &rec, err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
    struct ward_value v = ward_record_value(rec, WARD_GRANT_NAME);
    snprintf(out, size, "%.*s", (int)v.len, v.p ? (const char *)v.p : "");
    ward_record_free(rec);
    return WARD_OK;
}

/* What the grant's record says besides: its name, whom it follows, whether new keys are asked for. */
static int read_record(ward_replica *r, struct ward_device *out, struct ward_error *err)
{
    struct ward_id entity;
    ward_record *rec;
    ward_grant_entity(&entity, &out->grant);
    int rc = ward_get(r, WARD_KIND_GRANT, &entity, true, &rec, err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
    struct ward_value name = ward_record_value(rec, WARD_GRANT_NAME), follows = ward_record_value(rec, WARD_GRANT_FOLLOWS),
                      asked = ward_record_value(rec, WARD_GRANT_ASKED);
    snprintf(out->name, sizeof out->name, "%.*s", (int)name.len, name.p ? (const char *)name.p : "");
    out->follows_one = follows.type == WARD_BYTES && follows.len == 32;
    if (out->follows_one)
        memcpy(out->follows.b, follows.p, 32);
    out->asks = asked.type == WARD_BYTES && asked.len > 0;
    ward_record_free(rec);
    return WARD_OK;
}

static int describe(ward_replica *r, const struct ward_grant *g, struct ward_device *out, struct ward_error *err)
{
    struct ward_store_peer p = {0};
    *out = (struct ward_device){.grant = g->id,
                                .unit = g->unit,
                                .role = g->role,
                                .self = ward_hash_compare(&g->id, &r->self) == 0,
                                .ended = ward_grant_is_cut(&r->dir, &g->id)};
    ward_fingerprint(out->words, g->sign_pk, g->link_pk);
    int rc = read_record(r, out, err);
    if (rc)
        return rc;
    rc = ward_store_get_peer(r->store, &g->id, &p, err);
    if (rc == WARD_ERR_NOT_FOUND)
        return WARD_OK;
    if (rc)
        return rc;
    struct ward_stream s;
    ward_stream_init(&s, r, g);
    s.have = p.have; /* handed over */
    out->last_contact_ms = p.last_contact_ms;
    out->clock_offset_ms = p.clock_offset_ms;
    out->backlog_known = true;
    out->backlog_to = ward_stream_backlog(&s);
    snprintf(out->address, sizeof out->address, "%s", p.address);
    ward_stream_free(&s);
    return WARD_OK;
}

int ward_devices(ward_replica *r, ward_device_fn *fn, void *ctx, struct ward_error *err)
{
    int rc = ward_replica_refresh(r, err);
    for (size_t i = 0; !rc && i < r->dir.grant_count; i++) {
        const struct ward_grant g = r->dir.grants[i];
        struct ward_device d;
        if (g.role == WARD_ROLE_ROOT || !ward_grant_effective(&r->dir, &g.id))
            continue;
        rc = describe(r, &g, &d, err);
        if (!rc)
            rc = fn(ctx, &d);
    }
    return rc;
}

/* ---- status */

struct delivered {
    ward_replica *r;
    uint64_t *seq; /* by fid: the most that any other device holds */
};

static int note_delivered(void *ctx, const struct ward_store_peer *p)
{
    struct delivered *d = ctx;
    for (size_t i = 0; i < p->have.len; i++)
        if (p->have.v[i].fid <= d->r->dir.feed_count && p->have.v[i].seq > d->seq[p->have.v[i].fid])
            d->seq[p->have.v[i].fid] = p->have.v[i].seq;
    return WARD_OK;
}

static int written_at(ward_replica *r, uint32_t fid, uint64_t seq, int64_t *out, struct ward_error *err)
{
    struct ward_segment seg;
    struct ward_change_head head = {0};
    size_t at = 0;
    if (seq <= ward_directory_feed(&r->dir, fid)->base)
        return WARD_OK; /* before what is held here: nothing says when */
    int rc = ward_store_find_segment(r->store, fid, seq, &seg, err);
    if (!rc)
        rc = ward_store_unpack(r->store, &seg, &r->unpacked, err);
    for (uint64_t i = rc ? seq + 1 : seg.first; !rc && i <= seq; i++, at += head.len)
        rc = ward_change_skip(r->unpacked.p + at, r->unpacked.len - at, &head);
    if (!rc)
        *out = head.wall_ms;
    return rc;
}

static int count_unsent(ward_replica *r, struct ward_status *out, struct ward_error *err)
{
    struct delivered d = {r, ward_alloc(&r->env, (r->dir.feed_count + 1) * sizeof *d.seq)};
    if (!d.seq)
        return ward_fail(err, WARD_ERR_MEMORY, "status");
    int rc = ward_store_each_peer(r->store, note_delivered, &d, err);
    for (size_t i = 0; !rc && i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        int64_t at = 0;
        bool own = ward_replica_was(r, &f->grant); /* under former keys too */
        uint64_t held = d.seq[f->fid] > f->base ? d.seq[f->fid] : f->base;
        if (!own || f->head_seq <= held)
            continue;
        out->unsent += f->head_seq - held;
        rc = written_at(r, f->fid, held + 1, &at, err);
        if (!out->unsent_since_ms || at < out->unsent_since_ms)
            out->unsent_since_ms = at;
    }
    ward_release(&r->env, d.seq);
    return rc;
}

struct met_since {
    ward_replica *r;
    int64_t since_ms;
    size_t all, hubs; /* in force, and met since */
};

static bool in_force(const ward_replica *r, const struct ward_grant *g)
{
    return g && g->role != WARD_ROLE_ROOT && ward_hash_compare(&g->id, &r->self) != 0 && ward_grant_stands(&r->dir, &g->id);
}

static int count_met(void *ctx, const struct ward_store_peer *p)
{
    struct met_since *m = ctx;
    const struct ward_grant *g = ward_directory_grant(&m->r->dir, &p->grant);
    if (p->last_contact_ms < m->since_ms || !in_force(m->r, g))
        return WARD_OK;
    m->all++;
    m->hubs += g->role == WARD_ROLE_HUB || g->role == WARD_ROLE_OPERATOR;
    return WARD_OK;
}

/* Who was not met since a backup was put back here: each device may bring something. One that has met its hub has all. */
static void count_bases(const ward_replica *r, struct ward_status *s)
{
    for (size_t i = 0; i < r->dir.space_count; i++) {
        const struct ward_space *space = &r->dir.spaces[i];
        s->bases += ward_space_has_base(r, space);
        s->doubtful += ward_space_is_doubtful(r, space);
    }
    for (size_t i = 0; i < r->dir.feed_count; i++)
        s->below_base += r->dir.feeds[i].parent ? 0 : r->dir.feeds[i].base;
}

static int count_awaited(ward_replica *r, struct ward_status *s, struct ward_error *err)
{
    struct met_since met = {.r = r, .since_ms = ward_restore_time(r)};
    const struct ward_grant *self = ward_replica_grant(r);
    if (met.since_ms == 0)
        return WARD_OK;
    int rc = ward_store_each_peer(r->store, count_met, &met, err);
    bool gathers = self && (self->role == WARD_ROLE_HUB || self->role == WARD_ROLE_OPERATOR);
    s->restored_ms = met.since_ms;
    for (size_t i = 0; i < r->dir.grant_count; i++)
        s->awaited += in_force(r, &r->dir.grants[i]);
    s->awaited = !gathers && met.hubs ? 0 : s->awaited - met.all;
    return rc;
}

int ward_status(ward_replica *r, struct ward_status *out, struct ward_error *err)
{
    struct ward_status s = {0};
    int rc = ward_replica_refresh(r, err);
    if (rc)
        return rc;
    const struct ward_grant every = {.role = WARD_ROLE_OPERATOR};
    if (ward_directory_common(&r->dir, &every, NULL, &s.digest))
        return ward_fail(err, WARD_ERR_MEMORY, "status");
    s.spaces = r->dir.space_count;
    for (size_t i = 0; i < r->dir.space_count; i++)
        s.changes += r->dir.spaces[i].changes;
    for (size_t i = 0; i < r->dir.feed_count; i++) {
        struct ward_aside_range range;
        rc = ward_aside_of(r, r->dir.feeds[i].fid, &range, err);
        if (rc)
            return rc;
        if (range.first <= range.last)
            s.quarantined += range.last - (range.released ? range.released : range.first - 1);
    }
    for (size_t i = 0; i < r->dir.grant_count; i++)
        s.devices += r->dir.grants[i].role != WARD_ROLE_ROOT && ward_grant_stands(&r->dir, &r->dir.grants[i].id);
    rc = count_unsent(r, &s, err);
    if (!rc)
        rc = ward_store_count_conflicts(r->store, &s.conflicts, err);
    if (!rc)
        rc = ward_store_count_waiting(r->store, &s.waiting, err);
    if (!rc)
        rc = ward_receipts_status(r, &s, err);
    count_bases(r, &s);
    if (!rc)
        rc = count_awaited(r, &s, err);
    if (!rc)
        *out = s;
    return rc;
}
