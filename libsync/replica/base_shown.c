/* base_shown.c - what a state that comes in shows of a feed that is held here: each of its values says which change wrote it. Where the
 * change of that number here does not write that, the two histories have parted before; where it does, they are one up to there as far as
 * that can be told. */
#include "base/err.h"
#include "replica/base_kept.h"
#include "shell/pack.h"

#include <string.h>

struct shown {
    ward_replica *r;
    const struct ward_feed *f;
    struct ward_scratch mine, theirs;
    struct ward_segment seg; /* of the log here, unpacked; count 0: none is */
    struct ward_buf log;
    uint64_t alike, before; /* the last change that is alike, and the one before it; 0: none */
    uint64_t differs;       /* the first that is not */
    struct ward_error *err;
};

/* The change here of that number. */
static int load(struct shown *x, uint64_t seq)
{
    size_t at = 0, used = 0;
    bool there = x->seg.count && seq >= x->seg.first && seq < x->seg.first + x->seg.count;
    int rc = there ? WARD_OK : ward_store_find_segment(x->r->store, x->f->fid, seq, &x->seg, x->err);
    if (!rc && !there)
        rc = ward_store_unpack(x->r->store, &x->seg, &x->log, x->err);
    for (uint64_t i = x->seg.first; !rc && i <= seq; i++, at += used) {
        ward_scratch_clear(&x->mine);
        rc = ward_change_parse(&x->mine, x->log.p + at, x->log.len - at, &used, x->err);
    }
    return rc;
}

static bool writes(const struct ward_scratch *s, const struct ward_snapshot_value *v)
{
    bool same = s->changes[0].depth == v->depth && s->changes[0].wall_ms == v->wall_ms;
    for (size_t i = 0; same && i < s->op_count; i++) {
        const struct ward_op *o = &s->ops[i];
        if (o->kind == v->kind && o->field == v->field && ward_id_equal(&o->entity, &v->entity) && o->key_len == v->key_len &&
            (!v->key_len || memcmp(o->key, v->key, v->key_len) == 0) && o->raw_len == v->raw_len && memcmp(o->raw, v->raw, v->raw_len) == 0)
            return true;
    }
    return false;
}

/* A presence may have been implied: it says nothing of what was written. */
static int see(void *ctx, const struct ward_snapshot_value *v)
{
    struct shown *x = ctx;
    if (v->field == WARD_FIELD_PRESENCE || v->seq <= x->f->base || v->seq > x->f->head_seq || (x->differs && v->seq >= x->differs))
        return WARD_OK;
    int rc = load(x, v->seq);
    if (rc)
        return rc;
    if (!writes(&x->mine, v)) {
        x->differs = v->seq;
        x->alike = x->alike == v->seq ? x->before : x->alike; /* by another value of the same change */
    } else if (v->seq > x->alike) {
        x->before = x->alike;
        x->alike = v->seq;
    }
    return WARD_OK;
}

static int see_part(struct shown *x, const struct ward_hash *space, const struct ward_snapshot_part *part, uint32_t number)
{
    struct ward_store_part stored;
    struct ward_buf raw;
    ward_buf_init(&raw, &x->r->env);
    int rc = ward_store_get_base(x->r->store, space, true, number, &stored, x->err);
    if (!rc)
        rc = ward_unpack(ward_store_packer(x->r->store), &raw, stored.codec, stored.data, stored.len, part->count, x->err);
    if (!rc)
        rc = ward_snapshot_each_value(part, raw.p, raw.len, &x->theirs, see, x);
    ward_buf_free(&raw);
    return rc;
}

static size_t index_of(const struct ward_snapshot_head *h, const struct ward_hash *grant)
{
    struct ward_cbor feeds = h->feeds;
    struct ward_snapshot_feed e;
    for (size_t i = 0; i < h->feed_count; i++) {
        ward_snapshot_next_feed(&feeds, &e);
        if (memcmp(e.grant8, grant->b, sizeof e.grant8) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Values ascend by their changes' numbers, and so do a feed's parts: with the first that differs no later one says anything. */
int ward_base_shown(ward_replica *r, const struct ward_hash *space, const struct ward_snapshot_head *h, const struct ward_feed *f,
                    uint64_t *alike, uint64_t *differs, struct ward_error *err)
{
    struct shown x = {.r = r, .f = f, .err = err};
    size_t feed = index_of(h, &f->grant);
    int rc = WARD_OK;
    ward_scratch_init(&x.mine, &r->env);
    ward_scratch_init(&x.theirs, &r->env);
    ward_buf_init(&x.log, &r->env);
    for (uint32_t i = 1; !rc && feed != SIZE_MAX && i <= h->part_count; i++) {
        struct ward_snapshot_part part;
        ward_snapshot_part(h, i, &part);
        if (part.feed == feed && part.after < f->head_seq)
            rc = see_part(&x, space, &part, i);
    }
    *alike = x.alike;
    *differs = x.differs;
    ward_scratch_free(&x.mine);
    ward_scratch_free(&x.theirs);
    ward_buf_free(&x.log);
    return rc;
}
