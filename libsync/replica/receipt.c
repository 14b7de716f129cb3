/* receipt.c - the side that keeps: who called weighs each receipt, keeps it, compares it with what the peer holds. proto/receipt.md. */
#include "replica/receipt.h"
#include "base/alloc.h"
#include "base/err.h"
#include "replica/ingest.h"
#include "replica/own.h"
#include "replica/receipt_parts.h"
#include "values/feed.h"
#include "values/receipt.h"

#include <stdlib.h>
#include <string.h>

/* ---- who gave it */

/* By now its grant may have arrived; at a first meeting it has not. */
static const struct ward_grant *signer(const struct ward_talk *t)
{
    const struct ward_grant *g = ward_directory_grant_by_link(&t->r->dir, t->peer.link_pk);
    return ward_receipt_may_seal(&t->r->dir, g) ? g : NULL;
}

static void tell(struct ward_talk *t, enum ward_event_type type, int code, uint64_t done, const char *text)
{
    if (!t->hooks.on_event)
        return;
    const struct ward_grant *g = ward_directory_grant_by_link(&t->r->dir, t->peer.link_pk);
    struct ward_event e = {.type = type, .code = code, .grant = g ? g->id : t->peer.id, .done = (int64_t)done, .text = text};
    t->hooks.on_event(t->hooks.event_ctx, &e);
}

/* ---- keeping */

static int add_row(void *ctx, const struct ward_store_receipted *row)
{
    struct ward_receipt_rows *x = ctx;
    if (x->of && ward_hash_compare(x->of, &row->grant) != 0)
        return WARD_OK;
    if (ward_grow(&x->r->env, (void **)&x->v, &x->cap, x->count, sizeof *x->v))
        return WARD_ERR_MEMORY;
    x->v[x->count++] = *row;
    return WARD_OK;
}

int ward_receipt_rows_load(struct ward_receipt_rows *x, ward_replica *r, const struct ward_hash *of, struct ward_error *err)
{
    *x = (struct ward_receipt_rows){.r = r, .of = of};
    int rc = ward_store_each_receipted(r->store, add_row, x, err);
    return rc == WARD_ERR_MEMORY ? ward_fail(err, rc, "receipts") : rc;
}

void ward_receipt_rows_free(struct ward_receipt_rows *x)
{
    ward_release(&x->r->env, x->v);
}

static struct ward_store_receipted *find_row(const struct ward_receipt_rows *x, uint32_t fid)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->v[i].fid == fid)
            return &x->v[i];
    return NULL;
}

static bool can_keep(const struct ward_talk *t)
{
    return t->hooks.calls && !t->plan && !ward_store_read_only(t->r->store);
}

/* Writes within the batch where one is open. What cannot be kept is asked for again at the next meeting, so it fails no session of its own;
 * within a batch the trouble is the batch's. */
typedef int write_fn(struct ward_talk *t, void *ctx, struct ward_error *err);
static int write_down(struct ward_talk *t, write_fn *fn, void *ctx, bool *kept, struct ward_error *err)
{
    struct ward_store *s = t->r->store;
    struct ward_error why = {0};
    bool within = ward_store_in_transaction(s);
    int rc = within ? WARD_OK : ward_store_begin(s, &why);
    bool begun = !rc;
    if (!rc)
        rc = fn(t, ctx, &why);
    if (begun && !within) {
        if (!rc)
            rc = ward_store_commit(s, &why);
        else
            ward_store_rollback(s);
    }
    *kept = !rc;
    if (!rc)
        return WARD_OK;
    if (within) {
        ward_batch_abort(t->batch);
        return ward_fail(err, rc, "receipt: %s", why.detail);
    }
    tell(t, WARD_EVENT_RECEIPT, rc, 0, why.detail);
    return WARD_OK;
}

static int write_rows(struct ward_talk *t, void *ctx, struct ward_error *err)
{
    struct ward_receipt_rows *x = ctx;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < x->count; i++)
        rc = ward_store_put_receipted(t->r->store, &x->v[i], err);
    return rc;
}

/* For what the peer holds already. */
static int ask(struct ward_talk *t, struct ward_error *err)
{
    if (t->asked || !can_keep(t))
        return WARD_OK;
    t->asked = true;
    ward_buf_clear(&t->out);
    ward_frame_simple(&t->out, WARD_MSG_ASK);
    return ward_talk_send(t, &t->out, err);
}

struct incoming {
    struct ward_receipt receipt;
    uint32_t fids[WARD_RECEIPT_HEADS_MAX]; /* beside receipt.heads */
    struct ward_receipt_rows rows;         /* of this signer */
    bool against;
    uint64_t news; /* changes that no receipt of this signer had covered */
    bool again;    /* it covers what had been missed */
};

/* What was signed, with an acknowledgement: of each own feed the last change of the runs that it is for. */
static int from_flight(struct ward_talk *t, struct ward_receipt *r, struct ward_error *why)
{
    struct ward_vv heads = {0};
    uint64_t depth;
    int rc = WARD_OK;
    for (uint64_t i = t->acked_before; !rc && i < t->s.acked; i++) {
        const struct ward_streamed *run = &t->flight[i % WARD_WINDOW_MAX];
        if (run->own && run->fid && ward_vv_raise(&heads, &t->r->env, run->fid, run->last))
            rc = ward_fail(why, WARD_ERR_MEMORY, "receipt");
    }
    if (!rc && heads.len == 0)
        rc = ward_fail(why, WARD_ERR_RECEIPT_AHEAD, "no own change");
    r->count = heads.len; /* no more than runs in flight */
    for (size_t i = 0; !rc && i < r->count; i++) {
        r->heads[i] = (struct ward_receipt_head){.feed = ward_directory_feed(&t->r->dir, heads.v[i].fid)->id, .seq = heads.v[i].seq};
        rc = ward_chain_at(t->r, heads.v[i].fid, heads.v[i].seq, &r->heads[i].hash, &depth, why);
    }
    ward_vv_free(&heads, &t->r->env);
    return rc;
}

/* Alone: the feeds are this device's own in the spaces named. */
static int from_entries(struct ward_talk *t, struct ward_message *m, struct ward_receipt *r, struct ward_error *why)
{
    r->count = m->count;
    for (size_t i = 0; i < m->count; i++) {
        struct ward_receipt_entry e;
        struct ward_hash id;
        ward_frame_next_receipt(m, &e);
        const struct ward_space *s = ward_directory_space_short(&t->r->dir, e.space8);
        const struct ward_feed *f = s ? ward_directory_feed_of(&t->r->dir, s, &t->r->self, &id) : NULL;
        if (!f || e.seq > f->head_seq)
            return ward_fail(why, WARD_ERR_RECEIPT_AHEAD, "change %llu", (unsigned long long)e.seq);
        r->heads[i] = (struct ward_receipt_head){.feed = f->id, .seq = e.seq};
        memcpy(r->heads[i].hash.b, e.hash, WARD_HASH_BYTES);
    }
    return WARD_OK;
}

static int take_apart(struct ward_talk *t, struct ward_message *m, struct incoming *in, struct ward_error *why)
{
    struct ward_receipt *r = &in->receipt;
    bool within = m->type == WARD_MSG_TAKEN;
    *r = (struct ward_receipt){.ward = t->r->ward, .grant = signer(t)->id, .wall_ms = m->receipt.wall_ms + (within ? t->heard_ms : 0)};
    memcpy(r->sig, m->receipt.signature, sizeof r->sig);
    int rc = within ? from_flight(t, r, why) : from_entries(t, m, r, why);
    if (rc)
        return rc;
    ward_receipt_sort(r);
    for (size_t i = 0; i < r->count; i++)
        in->fids[i] = ward_directory_feed_by_id(&t->r->dir, &r->heads[i].feed)->fid;
    rc = ward_receipt_check(r, signer(t)->sign_pk, &t->out);
    return rc ? ward_fail(why, rc, "receipt") : WARD_OK;
}

/* Beside this device's own chain, and beside what this signer has sealed before. */
static int weigh(struct ward_talk *t, struct incoming *in, struct ward_error *why)
{
    for (size_t i = 0; i < in->receipt.count; i++) {
        const struct ward_receipt_head *h = &in->receipt.heads[i];
        struct ward_store_receipted *row = find_row(&in->rows, in->fids[i]);
        struct ward_hash hash;
        uint64_t depth;
        int rc = ward_chain_at(t->r, in->fids[i], h->seq, &hash, &depth, why);
        if (rc)
            return rc;
        if (ward_hash_compare(&hash, &h->hash) != 0) {
            const struct ward_feed *f = ward_directory_feed(&t->r->dir, in->fids[i]);
            bool astray, short_of_it;
            rc = ward_own_is_astray(t->r, f, &astray, &short_of_it, why);
            if (rc)
                return rc;
            if (astray || short_of_it) /* it is of the history that the ward has settled, and has yet to come here */
                return ward_fail(why, WARD_ERR_SETTLED, "receipt");
            if (!row || row->seq < h->seq) /* two histories of this device, and the signer has vouched for the other alone */
                return ward_fail(why, WARD_ERR_FORK, "receipt");
            in->against = true;
            row->rewritten = true;
            row->noticed_ms = ward_replica_now(t->r);
        }
    }
    return WARD_OK;
}

static int note_heads(struct ward_talk *t, struct incoming *in)
{
    for (size_t i = 0; i < in->receipt.count; i++) {
        const struct ward_receipt_head *h = &in->receipt.heads[i];
        struct ward_store_receipted *row = find_row(&in->rows, in->fids[i]);
        if (!row) {
            const struct ward_store_receipted fresh = {.grant = in->receipt.grant, .fid = in->fids[i], .held = WARD_HELD_ALL};
            if (add_row(&in->rows, &fresh))
                return WARD_ERR_MEMORY;
            row = &in->rows.v[in->rows.count - 1];
        }
        if (h->seq < row->seq) { /* on its way back to what it had */
            row->held = row->held == WARD_HELD_ALL ? WARD_HELD_ALL : (int64_t)h->seq;
            continue;
        }
        in->news += h->seq - row->seq;
        in->again |= row->held != WARD_HELD_ALL || row->rewritten;
        row->seq = h->seq;
        row->wall_ms = in->receipt.wall_ms;
        row->held = WARD_HELD_ALL;
        row->rewritten = false;
        row->number = 0; /* to be set to this one's */
    }
    (void)t;
    return WARD_OK;
}

static int write_receipt(struct ward_talk *t, void *ctx, struct ward_error *err)
{
    struct incoming *in = ctx;
    struct ward_buf heads;
    struct ward_store_receipt row = {
        .grant = in->receipt.grant, .wall_ms = in->receipt.wall_ms, .came_ms = ward_replica_now(t->r), .against = in->against};
    memcpy(row.sig, in->receipt.sig, sizeof row.sig);
    ward_buf_init(&heads, &t->r->env);
    ward_receipt_write_heads(&heads, &in->receipt);
    row.heads = heads.p;
    row.len = heads.len;
    int rc = ward_buf_status(&heads) ? ward_fail(err, WARD_ERR_MEMORY, "receipt") : ward_store_add_receipt(t->r->store, &row, err);
    for (size_t i = 0; i < in->rows.count; i++)
        if (in->rows.v[i].number == 0)
            in->rows.v[i].number = row.number;
    if (!rc)
        rc = write_rows(t, &in->rows, err);
    if (!rc)
        rc = ward_store_thin_receipts(t->r->store, &row.grant, WARD_RECEIPTS_KEPT, err);
    ward_buf_free(&heads);
    return rc;
}

static int keep(struct ward_talk *t, struct incoming *in, struct ward_error *err)
{
    bool kept;
    if (!in->against && in->news == 0 && !in->again)
        return WARD_OK; /* nothing that it says is new */
    int rc = write_down(t, write_receipt, in, &kept, err);
    if (rc || !kept)
        return rc;
    if (in->against) {
        t->hub_rewrote = true;
        tell(t, WARD_EVENT_HUB, WARD_ERR_HUB_REWROTE, 0, NULL);
        return WARD_OK;
    }
    t->receipted += in->news;
    t->receipt_wall_ms = in->receipt.wall_ms;
    tell(t, WARD_EVENT_RECEIPT, WARD_OK, in->news, NULL);
    return WARD_OK;
}

int ward_receipts_keep(struct ward_talk *t, struct ward_message *m, struct ward_error *err)
{
    struct incoming in = {.against = false};
    struct ward_error why = {0};
    if (!can_keep(t))
        return WARD_OK;
    if (!signer(t)) {
        tell(t, WARD_EVENT_RECEIPT, WARD_ERR_RECEIPT_SIGNER, 0, NULL);
        return WARD_OK;
    }
    int rc = take_apart(t, m, &in, &why);
    if (!rc)
        rc = ward_receipt_rows_load(&in.rows, t->r, &in.receipt.grant, &why);
    if (!rc)
        rc = weigh(t, &in, &why);
    if (!rc && !in.against && note_heads(t, &in))
        rc = ward_fail(&why, WARD_ERR_MEMORY, "receipt");
    if (!rc)
        rc = keep(t, &in, err);
    else if (ward_is_refusal(rc) || (rc >= WARD_ERR_RECEIPT_SIGNER && rc <= WARD_ERR_RECEIPT_AHEAD)) {
        tell(t, WARD_EVENT_RECEIPT, rc, 0, why.detail);
        rc = WARD_OK;
    } else if (err)
        *err = why;
    ward_release(&t->r->env, in.rows.v);
    return rc;
}

/* ---- comparing */

/* A feed of this device's own of which both hold more than any receipt covers, or one that is back. */
static bool has_more_to_seal(const struct ward_talk *t, const struct ward_receipt_rows *rows)
{
    const struct ward_directory *d = &t->r->dir;
    const struct ward_grant *self = ward_replica_grant(t->r);
    for (size_t i = 0; self && i < d->feed_count; i++) {
        const struct ward_feed *f = &d->feeds[i];
        uint64_t both = ward_vv_get(&t->stream.have, f->fid);
        if (f->forked || ward_hash_compare(&f->grant, &t->r->self) != 0 ||
            !ward_space_is_common(ward_directory_space(d, f->sid), self, &t->peer))
            continue;
        const struct ward_store_receipted *row = find_row(rows, f->fid);
        both = both < f->head_seq ? both : f->head_seq;
        if (both > (row ? row->seq : 0))
            return true;
    }
    return false;
}

int ward_receipts_note_hello(struct ward_talk *t, struct ward_error *err)
{
    struct ward_receipt_rows rows;
    if (!t->hooks.calls)
        return WARD_OK;
    int rc = ward_receipt_rows_load(&rows, t->r, NULL, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        if (rows.v[i].number > t->newest_receipt)
            t->newest_receipt = rows.v[i].number;
    ward_receipt_rows_free(&rows);
    return rc;
}

/* What another process of this device was given since hello, the heads that this peer shows may not cover yet. And of a row whose changes
 * gave way since, they say nothing. */
static bool is_newer_than_hello(const struct ward_talk *t, const struct ward_store_receipted *row)
{
    return row->number > t->newest_receipt || ward_vv_get(&t->snapshot, row->fid) < row->seq;
}

int ward_receipts_compare(struct ward_talk *t, struct ward_error *err)
{
    struct ward_receipt_rows rows;
    bool changed = false, back = false, kept;
    uint64_t lost = 0;
    const struct ward_grant *g = t->hooks.calls ? signer(t) : NULL, *self = ward_replica_grant(t->r);
    if (!g || !self)
        return WARD_OK;
    const struct ward_hash of = g->id;
    int rc = ward_receipt_rows_load(&rows, t->r, &of, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        struct ward_store_receipted *row = &rows.v[i];
        const struct ward_feed *f = ward_directory_feed(&t->r->dir, row->fid);
        if (!f || f->head_seq < f->settled.seq || is_newer_than_hello(t, row) ||
            !ward_space_is_common(ward_directory_space(&t->r->dir, f->sid), self, &t->peer))
            continue;
        uint64_t held = ward_vv_get(&t->stream.have, row->fid);
        bool former = ward_hash_compare(&f->grant, &t->r->self) != 0; /* no receipt will cover that again: seeing it is enough */
        changed |= former && held >= row->seq && row->held != WARD_HELD_ALL;
        row->held = former && held >= row->seq ? WARD_HELD_ALL : row->held;
        back |= !former && held >= row->seq && (row->held != WARD_HELD_ALL || row->rewritten);
        if (held >= row->seq || t->beyond_base) /* what was sealed may lie there */
            continue;
        lost += row->seq - held;
        row->held = (int64_t)held;
        row->noticed_ms = ward_replica_now(t->r);
        changed = true;
    }
    if (!rc && changed && can_keep(t))
        rc = write_down(t, write_rows, &rows, &kept, err);
    if (!rc && lost) {
        t->hub_lost = lost;
        tell(t, WARD_EVENT_HUB, WARD_ERR_HUB_LOST, lost, NULL);
    }
    if (!rc && (back || has_more_to_seal(t, &rows)))
        rc = ask(t, err);
    ward_receipt_rows_free(&rows);
    return rc;
}

int ward_receipts_other_history(struct ward_talk *t, uint32_t fid, uint64_t seq, struct ward_error *err)
{
    struct ward_receipt_rows rows;
    bool kept;
    const struct ward_grant *g = t->hooks.calls ? signer(t) : NULL;
    if (!g || ward_hash_compare(&ward_directory_feed(&t->r->dir, fid)->grant, &t->r->self) != 0)
        return WARD_OK;
    const struct ward_hash of = g->id;
    int rc = ward_receipt_rows_load(&rows, t->r, &of, err);
    struct ward_store_receipted *row = rc ? NULL : find_row(&rows, fid);
    bool settled = ward_directory_feed(&t->r->dir, fid)->settled.seq >= seq; /* otherwise: the ward's doing, and no hub's */
    if (row && row->seq >= seq && !settled && !is_newer_than_hello(t, row)) {
        row->rewritten = true;
        row->noticed_ms = ward_replica_now(t->r);
        if (can_keep(t))
            rc = write_down(t, write_rows, &rows, &kept, err);
        t->hub_rewrote = true;
        tell(t, WARD_EVENT_HUB, WARD_ERR_HUB_REWROTE, 0, NULL);
    }
    ward_receipt_rows_free(&rows);
    return rc;
}
