/* talk_take.c - what a session takes: runs and states, in a batch with those of others, and the acknowledgements of its own. */
#include "base/err.h"
#include "replica/ingest.h"
#include "replica/receipt.h"
#include "replica/talk_parts.h"

int ward_batch_commit(struct ward_batch *b, struct ward_error *err)
{
    if (!b->open)
        return WARD_OK;
    b->open = false;
    b->runs = b->bytes = 0;
    int rc = ward_apply_end(&b->apply, WARD_OK, err);
    if (!rc) {
        b->conflicts_new += b->apply.records.conflicts_new;
        b->changes += b->apply.changes;
    }
    return rc;
}

void ward_batch_abort(struct ward_batch *b)
{
    if (b->open)
        ward_apply_end(&b->apply, WARD_ERR_CANCELLED, NULL);
    b->open = false;
    b->runs = b->bytes = 0;
}

static int begin_batch(struct ward_batch *b, struct ward_error *err)
{
    int rc = b->open ? WARD_OK : ward_apply_begin(&b->apply, b->r, err);
    b->open = !rc;
    return rc;
}

/* Of whose feed, not from whom it came. */
static void tell_fork(struct ward_talk *t, uint32_t fid)
{
    const struct ward_feed *f = ward_directory_feed(&t->r->dir, fid);
    struct ward_event e = {.type = WARD_EVENT_FORK, .grant = f->grant, .done = (int64_t)f->fork};
    if (t->hooks.on_event)
        t->hooks.on_event(t->hooks.event_ctx, &e);
}

/* The frame that came last changes nothing; its acknowledgement says so. */
static int refuse(struct ward_talk *t, int code, struct ward_error *err)
{
    size_t at = t->refused_count < WARD_WINDOW_MAX ? t->refused_count++ : WARD_WINDOW_MAX - 1;
    t->refused[at][0] = t->s.received;
    t->refused[at][1] = (uint64_t)code;
    return ward_talk_act(t, ward_session_step(&t->s, WARD_SE_REFUSED, (uint64_t)code), NULL, err);
}

static void tell_refusal(struct ward_talk *t, int code, const struct ward_error *why)
{
    if (++t->refused_here <= WARD_REFUSALS_TOLD)
        ward_talk_tell(t, WARD_EVENT_RUN_REFUSED, code, 0, 0, why->detail);
}

/* What rests on what lies below the receiver's base, or on what was refused for that, comes again once the history is there. */
static bool is_for_history(int code)
{
    return code == WARD_ERR_HISTORY || code == WARD_ERR_GAP || code == WARD_ERR_DEP_MISSING;
}

/* Where the history is asked for what was refused for it is told of only if that fails; what was refused before it was whole, and has not
 * come again, the next round brings. */
static int refuse_run(struct ward_talk *t, const struct ward_run *run, int code, const struct ward_error *why, struct ward_error *err)
{
    bool elsewhere = code == WARD_ERR_GAP || code == WARD_ERR_SEAL; /* it may go on where another branch ends */
    int rc = code == WARD_ERR_HISTORY ? ward_talk_send_want(t, err) : WARD_OK;
    if (rc)
        return rc;
    const struct ward_space *s = ward_directory_space_short(&t->r->dir, run->space8);
    if (t->awaiting && is_for_history(code) && s && (ward_space_wants_history(t->r, s) || ward_vv_get(&t->history_asked, s->sid)))
        t->lacking++;
    else
        tell_refusal(t, code, why);
    rc = refuse(t, code, err);
    return rc || !elsewhere || ward_talk_closed(t) ? rc : ward_talk_ask_branch(t, run->space8, run->grant8, err);
}

int ward_talk_ingest(struct ward_talk *t, struct ward_run *run, struct ward_error *err)
{
    bool own = !run->grant8;
    struct ward_batch *b = t->batch;
    struct ward_ingested in;
    struct ward_error why = {0};
    if (t->plan)
        return WARD_OK;
    int rc = begin_batch(b, err);
    if (rc)
        return rc;
    if (own)
        run->grant8 = t->peer.id.b;
    rc = ward_ingest_run(&b->apply, run, &in, &why);
    t->retell |= in.withdrew || b->apply.authority_changed; /* what is settled now, something may have been written beside */
    b->runs++;
    b->bytes += run->len;
    if (rc && !ward_is_refusal(rc)) {
        ward_batch_abort(b);
        if (err)
            *err = why;
        return rc;
    }
    t->histories += in.backfilled;
    if (in.base_differs)
        ward_talk_tell(t, WARD_EVENT_BASE, WARD_ERR_SNAPSHOT, 0, 0, NULL);
    if (rc)
        return refuse_run(t, run, rc, &why, err);
    if (in.forked)
        tell_fork(t, in.fid);
    t->received += in.applied;
    ward_talk_tell_progress(t);
    if (in.applied)
        ward_talk_tell(t, WARD_EVENT_INGESTED, 0, in.applied, 0, NULL);
    rc = ward_talk_forget_reused(t, err);
    if (rc) {
        ward_batch_abort(b);
        return rc;
    }
    /* The peer holds what it sent: never send it back. */
    if (ward_vv_raise(&t->stream.have, &t->r->env, in.fid, in.last) || ward_vv_raise(&t->known, &t->r->env, in.fid, in.last)) {
        ward_batch_abort(b);
        return ward_fail(err, WARD_ERR_MEMORY, "session");
    }
    rc = own ? ward_receipts_note_run(t, in.fid, in.last, err) : WARD_OK;
    if (rc)
        ward_batch_abort(b);
    return rc;
}

/* A head or a part of a snapshot. */
int ward_talk_ingest_snapshot(struct ward_talk *t, const struct ward_message *m, struct ward_error *err)
{
    struct ward_batch *b = t->batch;
    struct ward_error why = {0};
    if (t->plan)
        return WARD_OK;
    int rc = begin_batch(b, err);
    if (rc)
        return rc;
    rc = ward_talk_take_snapshot(t, m, &why);
    b->runs++;
    b->bytes += m->type == WARD_MSG_PART ? m->part.len : m->snapshot.len;
    if (rc && !ward_is_refusal(rc)) {
        ward_batch_abort(b);
        if (err)
            *err = why;
        return rc;
    }
    if (rc) {
        tell_refusal(t, rc, &why);
        return refuse(t, rc, err);
    }
    ward_talk_tell_progress(t);
    return WARD_OK;
}

/* The other wants the history that the run was refused for, or may yet, and gets it: it knows whether that helped. */
static bool is_mended(const struct ward_talk *t, const struct ward_streamed *run, int code)
{
    const struct ward_feed *f = ward_directory_feed(&t->r->dir, run->fid);
    if (!f)
        return false; /* of a snapshot: the other holds another history than it is of */
    uint64_t wanted = ward_vv_get(&t->history_wanted, f->sid);
    return wanted == WARD_WANTED_GIVEN ? is_for_history(code) : !wanted && code == WARD_ERR_HISTORY;
}

void ward_talk_note_ack(struct ward_talk *t, struct ward_message *m, uint64_t before)
{
    bool lost[WARD_WINDOW_MAX] = {false};
    for (size_t i = 0; i < m->count; i++) {
        uint64_t at, code;
        ward_frame_next_refusal(m, &at, &code);
        if (at > before && at <= t->s.acked) {
            lost[(at - 1) % WARD_WINDOW_MAX] = true;
            if (code == WARD_ERR_CUT &&
                t->flight[(at - 1) % WARD_WINDOW_MAX].fid) /* it keeps no more of this feed: nothing is to be gained by sending the rest */
                ward_vv_raise(&t->stream.have, &t->r->env, t->flight[(at - 1) % WARD_WINDOW_MAX].fid, UINT64_MAX);
            if (is_mended(t, &t->flight[(at - 1) % WARD_WINDOW_MAX], (int)code))
                continue;
            t->refused_there++;
            ward_talk_tell(t, WARD_EVENT_RUN_REFUSED, (int)code, 0, 0, "refused by the peer");
        }
    }
    if (t->s.acked > before)
        ward_talk_note_answer(t, t->flight_ms[(t->s.acked - 1) % WARD_WINDOW_MAX]);
    for (uint64_t i = before; i < t->s.acked; i++) {
        const struct ward_streamed *run = &t->flight[i % WARD_WINDOW_MAX];
        if (lost[i % WARD_WINDOW_MAX])
            continue;
        t->sent += run->count;
        if (run->fid == 0) { /* of a snapshot; or its row is no more */
            ward_talk_snapshot_acked(t, run->sid);
            continue;
        }
        ward_vv_raise(&t->known, &t->r->env, run->fid, run->last);       /* a hint: if memory lacks, it stays smaller */
        ward_vv_raise(&t->stream.have, &t->r->env, run->fid, run->last); /* it may just have been set to go again */
    }
    ward_talk_tell_progress(t);
}
