/* receipt_give.c - the side that gives receipts: what was taken in and is durable is sealed, for who sent it. proto/receipt.md. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/receipt_parts.h"
#include "values/feed.h"
#include "values/receipt.h"

#include <stdlib.h>

bool ward_receipt_may_seal(const struct ward_directory *d, const struct ward_grant *g)
{
    return g && (g->role == WARD_ROLE_HUB || g->role == WARD_ROLE_OPERATOR) && ward_grant_stands(d, &g->id);
}

struct entry {
    struct ward_hash space;
    struct ward_receipt_head head;
};

static int by_space(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct entry *)a)->space, &((const struct entry *)b)->space);
}

/* What a power cut cannot take: while a batch is open, what was there before this session began; all heads otherwise. */
static uint64_t durable(const struct ward_talk *t, const struct ward_feed *f)
{
    return t->batch->open ? ward_vv_get(&t->snapshot, f->fid) : f->head_seq;
}

static int sign(struct ward_talk *t, struct ward_receipt *out, const struct entry *v, size_t count, struct ward_error *err)
{
    *out = (struct ward_receipt){.ward = t->r->ward, .grant = t->r->self, .wall_ms = ward_replica_now(t->r), .count = count};
    if (out->wall_ms < 0)
        out->wall_ms = 0;
    for (size_t i = 0; i < count; i++)
        out->heads[i] = v[i].head;
    ward_receipt_sort(out);
    return ward_receipt_sign(out, &t->r->keys->sign, &t->out) ? ward_fail(err, WARD_ERR_MEMORY, "receipt") : WARD_OK;
}

static int send_one(struct ward_talk *t, const struct entry *v, size_t count, struct ward_error *err)
{
    struct ward_receipt receipt;
    int rc = sign(t, &receipt, v, count, err);
    if (rc)
        return rc;
    ward_buf_clear(&t->out);
    ward_frame_receipt(&t->out, receipt.wall_ms, count);
    for (size_t i = 0; i < count; i++)
        ward_frame_receipt_entry(&t->out, &v[i].space, v[i].head.seq, &v[i].head.hash);
    ward_frame_receipt_end(&t->out, receipt.sig);
    return ward_talk_send(t, &t->out, err);
}

static int fill(struct ward_talk *t, uint32_t fid, uint64_t seq, struct entry *out, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&t->r->dir, fid);
    uint64_t depth;
    out->space = ward_directory_space(&t->r->dir, f->sid)->id;
    out->head = (struct ward_receipt_head){.feed = f->id, .seq = seq};
    return ward_chain_at(t->r, fid, seq, &out->head.hash, &depth, err);
}

/* The runs that this acknowledgement is for, and no others: who sent them knows their heads. */
static int acknowledge(struct ward_talk *t, const struct entry *v, size_t count, struct ward_error *err)
{
    struct ward_receipt receipt;
    int rc = sign(t, &receipt, v, count, err);
    if (rc)
        return rc;
    ward_buf_clear(&t->out);
    ward_frame_taken(&t->out, t->s.committed, receipt.wall_ms - t->said_ms, receipt.sig);
    return ward_talk_send(t, &t->out, err);
}

/* Within an acknowledgement, or alone. */
static int seal_and_send(struct ward_talk *t, const struct ward_vv *heads, bool within, struct ward_error *err)
{
    const struct ward_grant *self = ward_replica_grant(t->r);
    size_t n = heads->len;
    int rc = WARD_OK;
    if (n == 0 || !ward_receipt_may_seal(&t->r->dir, self))
        return WARD_OK;
    struct entry *v = ward_alloc(&t->r->env, n * sizeof *v);
    if (!v)
        return ward_fail(err, WARD_ERR_MEMORY, "receipt");
    for (size_t i = 0; !rc && i < n; i++)
        rc = fill(t, heads->v[i].fid, heads->v[i].seq, &v[i], err);
    if (!rc)
        qsort(v, n, sizeof *v, by_space);
    if (!rc && within)
        rc = acknowledge(t, v, n, err);
    for (size_t i = 0; !within && !rc && i < n && !ward_talk_closed(t); i += WARD_RECEIPT_HEADS_MAX)
        rc = send_one(t, v + i, n - i < WARD_RECEIPT_HEADS_MAX ? n - i : WARD_RECEIPT_HEADS_MAX, err);
    ward_release(&t->r->env, v);
    return rc;
}

static bool is_theirs(const struct ward_talk *t, const struct ward_feed *f)
{
    return ward_hash_compare(&f->grant, &t->peer.id) == 0 && !f->forked && !f->parent; /* a receipt speaks of one history */
}

int ward_receipts_note_ask(struct ward_talk *t, struct ward_error *err)
{
    const struct ward_directory *d = &t->r->dir;
    const struct ward_grant *self = ward_replica_grant(t->r);
    struct ward_vv heads = {0};
    int rc = WARD_OK;
    for (size_t i = 0; !rc && self && i < d->feed_count; i++) {
        const struct ward_feed *f = &d->feeds[i];
        if (!is_theirs(t, f) || !ward_space_is_common(ward_directory_space(d, f->sid), self, &t->peer) || durable(t, f) == 0)
            continue;
        if (ward_vv_raise(&heads, &t->r->env, f->fid, durable(t, f)))
            rc = ward_fail(err, WARD_ERR_MEMORY, "receipt");
    }
    if (!rc)
        rc = seal_and_send(t, &heads, false, err);
    ward_vv_free(&heads, &t->r->env);
    return rc;
}

int ward_receipts_note_run(struct ward_talk *t, uint32_t fid, uint64_t last, struct ward_error *err)
{
    if (t->hooks.calls)
        return WARD_OK;
    bool fits = is_theirs(t, ward_directory_feed(&t->r->dir, fid));
    t->due_apart |= !fits;
    return fits && ward_vv_raise(&t->due, &t->r->env, fid, last) ? ward_fail(err, WARD_ERR_MEMORY, "receipt") : WARD_OK;
}

int ward_receipts_give(struct ward_talk *t, bool *within, struct ward_error *err)
{
    const struct ward_grant *self = ward_replica_grant(t->r);
    *within = false;
    if (t->batch->open) { /* with a later acknowledgement, which is then not for the same runs */
        t->due_apart |= t->due.len > 0;
        return WARD_OK;
    }
    *within = t->due.len && t->due.len <= WARD_RECEIPT_HEADS_MAX && !t->due_apart && t->refused_count == 0 &&
              ward_replica_now(t->r) >= t->said_ms && ward_receipt_may_seal(&t->r->dir, self);
    int rc = seal_and_send(t, &t->due, *within, err);
    t->due.len = 0;
    t->due_apart = false;
    return rc;
}
