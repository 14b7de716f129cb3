#include "replica/apply.h"
#include "base/alloc.h"
#include "base/err.h"
#include "values/feed.h"

#include <assert.h>
#include <string.h>

/* Plain tables that another schema made are filled anew before anything is written to them. */
static int renew_plain(struct ward_apply *a, struct ward_error *err)
{
    if (!ward_store_plain_stale(a->r->store))
        return WARD_OK;
    int rc = ward_store_plain_renew(a->r->store, err);
    for (uint32_t sid = 1; !rc && sid <= a->r->dir.space_count; sid++)
        rc = ward_apply_reshow(a, sid, err);
    return rc;
}

int ward_apply_begin(struct ward_apply *a, ward_replica *r, struct ward_error *err)
{
    *a = (struct ward_apply){.r = r};
    int rc = ward_records_init(&a->records, r, err);
    if (!rc)
        rc = ward_store_begin(r->store, err);
    if (rc) {
        ward_records_free(&a->records);
        return rc;
    }
    rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = renew_plain(a, err);
    return rc ? ward_apply_end(a, rc, err) : WARD_OK;
}

int ward_apply_peek(struct ward_apply *a, uint32_t sid, uint32_t kind, const struct ward_id *entity, const struct ward_state **out,
                    struct ward_error *err)
{
    struct ward_held *h;
    int rc = ward_records_find(&a->records, sid, kind, entity, &h, err);
    if (!rc)
        *out = h->stored || h->dirty ? &h->state : NULL;
    return rc;
}

int ward_apply_write(struct ward_apply *a, struct ward_error *err)
{
    return ward_records_write(&a->records, err);
}

int ward_apply_reshow(struct ward_apply *a, uint32_t sid, struct ward_error *err)
{
    return ward_records_reshow(&a->records, sid, err);
}

/* ---- one change */

/* What came with a change's deps is seen by its feed from now on. A late change itself had seen its deps and no more. */
static int see(struct ward_apply *a, struct ward_feed *f, const struct ward_change *ch, const struct ward_dep *deps, struct ward_error *err)
{
    ward_replica *r = a->r;
    int rc = WARD_OK;
    a->context.len = 0;
    for (size_t i = 0; !rc && i < ch->dep_count; i++) {
        if (ward_dep_is_own(&deps[i]))
            continue;
        rc = ward_dep_see(r, &f->vv, &deps[i], err);
        if (!rc && ch->late)
            rc = ward_dep_see(r, &a->context, &deps[i], err);
    }
    return rc;
}

static int apply_op(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, const struct ward_change *ch, const struct ward_op *op,
                    struct ward_error *err)
{
    struct ward_held *h;
    int rc = ward_records_find(&a->records, f->sid, op->kind, &op->entity, &h, err);
    if (!rc)
        rc = ward_records_touch(&a->records, h, err);
    if (rc)
        return rc;
    const struct ward_write w = {.field = op->field,
                                 .key = op->key,
                                 .key_len = op->key_len,
                                 .raw = op->raw,
                                 .raw_len = op->raw_len,
                                 .fid = f->fid,
                                 .seq = seq,
                                 .depth = ch->depth,
                                 .late = ch->late,
                                 .own_seen = ch->own_seen};
    rc = ward_slot_write(&h->state, &w, w.late ? &a->context : &f->vv, &a->r->dir.authors);
    return rc ? ward_fail(err, rc, "slot") : WARD_OK;
}

/* Each record written without a word on its presence is thereby said to exist (proto/change.md). */
static int imply_presence(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, const struct ward_change *ch,
                          const struct ward_op *ops, struct ward_error *err)
{
    static const uint8_t yes[] = {0xf5};
    for (uint32_t record = 0; record < ch->record_count; record++) {
        const struct ward_op *first = NULL;
        bool explicit_word = false;
        for (size_t i = 0; i < ch->op_count; i++) {
            if (ops[i].record != record)
                continue;
            first = first ? first : &ops[i];
            explicit_word |= ops[i].field == WARD_FIELD_PRESENCE;
        }
        if (explicit_word)
            continue;
        assert(first); /* records are numbered by the operations that name them */
        struct ward_op presence = {.kind = first->kind, .entity = first->entity, .field = WARD_FIELD_PRESENCE, .raw = yes, .raw_len = 1};
        int rc = apply_op(a, f, seq, ch, &presence, err);
        if (rc)
            return rc;
    }
    return WARD_OK;
}

/* Limits may fall and rise again within one transaction, so the state may come to lack what the last limit grants. */
static void note_applied(struct ward_feed *f, uint64_t seq)
{
    if (seq > f->limit && f->applied_limit >= seq)
        f->applied_limit = seq - 1;
    else if (seq <= f->limit && f->applied_limit + 1 < seq && f->applied_limit != UINT64_MAX)
        f->torn = true;
    else if (seq <= f->limit && f->applied_limit < seq)
        f->applied_limit = seq;
}

static int apply_ops(struct ward_apply *a, struct ward_feed *f, uint64_t seq, const struct ward_change *ch, const struct ward_op *ops,
                     struct ward_error *err)
{
    int rc = WARD_OK;
    note_applied(f, seq);
    if (seq > f->limit)
        return WARD_OK;
    for (size_t i = 0; !rc && i < ch->op_count; i++)
        rc = apply_op(a, f, seq, ch, &ops[i], err);
    if (!rc)
        rc = imply_presence(a, f, seq, ch, ops, err);
    return rc ? rc : ward_records_bound(&a->records, err);
}

int ward_apply_change(struct ward_apply *a, uint32_t fid, uint64_t seq, const struct ward_change *ch, const struct ward_scratch *scratch,
                      struct ward_error *err)
{
    struct ward_feed *f = ward_directory_feed(&a->r->dir, fid);
    const struct ward_op *ops = scratch->ops + ch->op_first;
    int rc = see(a, f, ch, ward_change_deps(scratch, ch), err);
    if (!rc)
        rc = ward_apply_authority(a, f, seq, ch, ops, err);
    a->changes++;
    return rc ? rc : apply_ops(a, f, seq, ch, ops, err);
}

int ward_apply_again(struct ward_apply *a, struct ward_feed *f, uint64_t seq, const struct ward_change *ch,
                     const struct ward_scratch *scratch, struct ward_error *err)
{
    int rc = see(a, f, ch, ward_change_deps(scratch, ch), err);
    return rc ? rc : apply_ops(a, f, seq, ch, scratch->ops + ch->op_first, err);
}

int ward_apply_restore(struct ward_apply *a, uint32_t sid, uint32_t kind, const struct ward_id *entity, uint32_t field, const void *key,
                       size_t key_len, const struct ward_live_value *v, struct ward_error *err)
{
    struct ward_held *h;
    int rc = ward_records_find(&a->records, sid, kind, entity, &h, err);
    if (!rc)
        rc = ward_records_touch(&a->records, h, err);
    if (rc)
        return rc;
    rc = ward_slot_restore(&h->state, field, key, key_len, v);
    return rc ? ward_fail(err, rc, "base: a value twice, or no memory") : ward_records_bound(&a->records, err);
}

/* ---- the end */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How far a feed has effect here. What lies in a base cannot be taken out of it: such a space waits for its history (base.h). */
static uint64_t reach(const struct ward_feed *f, uint64_t limit)
{
    uint64_t end = least(limit, f->head_seq);
    return end < f->base ? f->base : end;
}

/* Cuts and forks may have taken effect from what was applied before, or given it back. */
static int replay_where_judged_anew(struct ward_apply *a, struct ward_error *err)
{
    struct ward_directory *d = &a->r->dir;
    for (uint32_t sid = 1; sid <= d->space_count; sid++) {
        struct ward_space *s = ward_directory_space(d, sid);
        bool stale = false;
        for (size_t i = 0; i < s->feed_count; i++) {
            struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
            stale |= !f->parent && (f->torn || reach(f, f->limit) != reach(f, f->applied_limit));
            f->applied_limit = f->limit;
            f->torn = false;
        }
        int rc = stale ? ward_apply_replay(a, sid, err) : WARD_OK;
        if (rc)
            return rc;
    }
    return WARD_OK;
}

static int write_directory(struct ward_apply *a, struct ward_error *err)
{
    struct ward_directory *d = &a->r->dir;
    for (uint32_t sid = 1; sid <= d->space_count; sid++) {
        struct ward_space *s = ward_directory_space(d, sid);
        bool touched = false;
        for (size_t i = 0; i < s->feed_count; i++) {
            struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
            int rc = f->dirty ? ward_store_put_feed(a->r->store, f, err) : WARD_OK;
            if (rc)
                return rc;
            touched |= f->dirty;
            f->dirty = false;
        }
        if (!touched && !a->authority_changed) /* a floor may take a branch out of it */
            continue;
        const struct ward_hash before = s->digest;
        ward_directory_digest(d, s);
        if (!touched && ward_hash_compare(&before, &s->digest) == 0)
            continue;
        int rc = ward_store_put_space(a->r->store, s, err);
        if (rc)
            return rc;
    }
    return WARD_OK;
}

int ward_apply_rejudge(struct ward_apply *a, struct ward_error *err)
{
    ward_replica *r = a->r;
    size_t n = r->dir.feed_count;
    struct applied {
        uint64_t limit;
        bool torn;
    } *before = ward_alloc(&r->env, (n + 1) * sizeof *before);
    if (!before)
        return ward_fail(err, WARD_ERR_MEMORY, "directory");
    for (size_t i = 0; i < n; i++)
        before[i] = (struct applied){r->dir.feeds[i].applied_limit, r->dir.feeds[i].torn};
    int rc = write_directory(a, err);
    if (!rc)
        rc = ward_replica_reload(r, err);
    for (size_t i = 0; !rc && i < n; i++) {
        r->dir.feeds[i].applied_limit = before[i].limit;
        r->dir.feeds[i].torn = before[i].torn;
    }
    ward_release(&r->env, before);
    a->authority_changed = true;
    return rc;
}

int ward_apply_end(struct ward_apply *a, int rc, struct ward_error *err)
{
    if (!rc && a->authority_changed)
        rc = replay_where_judged_anew(a, err);
    if (!rc)
        rc = ward_apply_write(a, err);
    if (!rc)
        rc = write_directory(a, err);
    if (!rc)
        rc = ward_store_commit(a->r->store, err);
    if (rc) {
        ward_store_rollback(a->r->store);
        ward_replica_reload(a->r, NULL); /* if that fails too, the next call tries again */
    }
    ward_vv_free(&a->context, &a->r->env);
    ward_records_free(&a->records);
    return rc;
}
