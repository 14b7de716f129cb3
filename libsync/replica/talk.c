#include "replica/talk.h"
#include "base/alloc.h"
#include "base/err.h"
#include "replica/ingest.h"
#include "replica/own.h"
#include "replica/receipt.h"
#include "values/feed.h"

#include <assert.h>
#include <string.h>

/* ---- batches */

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

/* ---- life */

int ward_talk_open(struct ward_talk *t, ward_replica *r, const struct ward_grant *peer, struct ward_batch *batch,
                   const struct ward_talk_hooks *hooks, struct ward_error *err)
{
    *t = (struct ward_talk){.r = r, .batch = batch, .hooks = *hooks, .peer = *peer};
    ward_session_init(&t->s, r->env.mono_ms(r->env.ctx));
    ward_stream_init(&t->stream, r, peer);
    t->stream.own_unnamed = hooks->calls; /* it was let in as what it is; the other may not be known here yet */
    t->stream.slow = true;                /* until it has shown that it is not */
    ward_buf_init(&t->out, &r->env);
    int rc = ward_replica_refresh(r, err);
    t->reused = r->reused;
    if (rc)
        ward_talk_free(t);
    return rc;
}

/* Before anything is made of what was noted by a row's number. */
static int forget_reused(struct ward_talk *t, struct ward_error *err)
{
    const struct ward_vv *at = &t->r->reused_at;
    if (t->reused == t->r->reused)
        return WARD_OK;
    for (size_t i = 0; i < at->len; i++) {
        uint32_t fid = at->v[i].fid;
        if (at->v[i].seq <= t->reused)
            continue;
        ward_vv_drop(&t->stream.have, fid);
        ward_vv_drop(&t->known, fid);
        ward_vv_drop(&t->snapshot, fid);
        ward_vv_drop(&t->before, fid);
        ward_vv_drop(&t->due, fid);
        ward_vv_drop(&t->sent_blind, fid);
        for (size_t j = 0; j < WARD_WINDOW_MAX; j++)
            if (t->flight[j].fid == fid)
                t->flight[j].fid = 0;
    }
    t->reused = t->r->reused;
    return ward_stream_seek(&t->stream, err);
}

void ward_talk_free(struct ward_talk *t)
{
    if (!t->r)
        return;
    ward_release(&t->r->env, t->common);
    ward_vv_free(&t->snapshot, &t->r->env);
    ward_vv_free(&t->known, &t->r->env);
    ward_vv_free(&t->due, &t->r->env);
    ward_vv_free(&t->asked_branch, &t->r->env);
    ward_vv_free(&t->heard_branch, &t->r->env);
    ward_vv_free(&t->sent_blind, &t->r->env);
    ward_talk_snapshot_free(t);
    ward_vv_free(&t->circles, &t->r->env);
    ward_vv_free(&t->before, &t->r->env);
    ward_stream_free(&t->stream);
    ward_buf_free(&t->out);
    *t = (struct ward_talk){0};
}

static void tell(struct ward_talk *t, enum ward_event_type type, int code, int64_t done, int64_t total, const char *text)
{
    if (!t->hooks.on_event)
        return;
    struct ward_event e = {.type = type, .code = code, .grant = t->peer.id, .done = done, .total = total, .text = text};
    t->hooks.on_event(t->hooks.event_ctx, &e);
}

/* Of whose feed, not from whom it came. */
static void tell_fork(struct ward_talk *t, uint32_t fid)
{
    const struct ward_feed *f = ward_directory_feed(&t->r->dir, fid);
    struct ward_event e = {.type = WARD_EVENT_FORK, .grant = f->grant, .done = (int64_t)f->fork};
    if (t->hooks.on_event)
        t->hooks.on_event(t->hooks.event_ctx, &e);
}

static void tell_progress(struct ward_talk *t)
{
    tell(t, WARD_EVENT_PROGRESS, 0, (int64_t)(t->sent + t->received), (int64_t)(t->total_out + t->total_in), NULL);
}

/* ---- sending */

int ward_talk_send(struct ward_talk *t, const struct ward_buf *frame, struct ward_error *err)
{
    if (ward_buf_status(frame))
        return ward_fail(err, WARD_ERR_MEMORY, "frame");
    struct ward_error why = {0};
    int rc = t->hooks.send(t->hooks.ctx, frame->p, frame->len, &why);
    if (rc) { /* the link is gone or stuffed: this session ends, the next one starts from what was committed */
        t->s.state = WARD_S_CLOSED;
        t->s.error = rc == WARD_ERR_BUSY ? WARD_ERR_TIMEOUT : rc;
        return WARD_OK;
    }
    t->bytes_out += frame->len;
    t->s.spoke_ms = t->s.now_ms;
    return WARD_OK;
}

static int send_simple(struct ward_talk *t, enum ward_message_type type, struct ward_error *err)
{
    ward_buf_clear(&t->out);
    ward_frame_simple(&t->out, type);
    return ward_talk_send(t, &t->out, err);
}

static int act(struct ward_talk *t, unsigned actions, struct ward_message *m, struct ward_error *err);

/* theirs: the hello that this one answers, or NULL. Where nothing is to be compared, that is the answer. */
static int send_hello(struct ward_talk *t, const struct ward_message *theirs, struct ward_error *err)
{
    enum ward_agreement how = WARD_AGREE_EQUAL;
    int64_t now = ward_replica_now(t->r);
    int rc = ward_talk_snapshot(t, err);
    if (!rc)
        rc = ward_receipts_note_hello(t, err);
    if (rc)
        return rc;
    t->greeted = true;
    t->greeted_ms = t->r->env.mono_ms(t->r->env.ctx);
    t->said_ms = now < 0 ? 0 : now / 1000 * 1000;
    ward_buf_clear(&t->out);
    if (theirs && ward_talk_compare(t, theirs, &how)) {
        ward_frame_agree(&t->out, how, (t->said_ms - theirs->hello.wall_ms) / 1000);
    } else {
        bool grouped = t->bucketed && (theirs ? theirs->hello.buckets != NULL : !t->recent);
        ward_frame_hello(&t->out, &t->r->ward, &t->digest, t->based ? t->base8 : NULL, t->said_ms, grouped ? t->buckets : NULL);
    }
    return ward_talk_send(t, &t->out, err);
}

/* How long the other takes to answer tells what the link bears: nobody knows beforehand. */
static void note_answer(struct ward_talk *t, int64_t asked_ms)
{
    t->stream.slow = t->r->env.mono_ms(t->r->env.ctx) - asked_ms > WARD_ACK_QUICK_MS;
}

/* A short answer came quickly, but how a long run fares its acknowledgement tells. */
static bool window_is_narrow(const struct ward_talk *t)
{
    return t->stream.slow || t->s.acked == 0;
}

/* A run, or a frame of a snapshot: both are acknowledged. */
static void note_flight(struct ward_talk *t, const struct ward_streamed *what)
{
    t->flight[t->s.sent % WARD_WINDOW_MAX] = *what;
    t->flight_ms[t->s.sent % WARD_WINDOW_MAX] = t->r->env.mono_ms(t->r->env.ctx);
}

/* Snapshots go out when all runs have: their feeds' grants go before them, and small news too. *sent: one frame went. */
static int stream_snapshot(struct ward_talk *t, bool runs_left, bool *sent, bool *again, struct ward_error *err)
{
    bool wait;
    int rc = ward_talk_next_of_snapshot(t, runs_left, sent, again, &wait, err);
    t->held_back |= wait;
    if (rc || !*sent)
        return rc;
    note_flight(t, &(struct ward_streamed){.sid = t->giving ? 0 : t->given_sid});
    rc = ward_talk_send(t, &t->out, err);
    if (!rc && !ward_talk_closed(t))
        ward_session_step(&t->s, WARD_SE_SENT, 0);
    return rc;
}

static int stream_runs(struct ward_talk *t, struct ward_error *err)
{
    if (t->plan)
        return WARD_OK;
    if (t->cannot_give)
        return act(t, ward_session_step(&t->s, WARD_SE_BAD, WARD_ERR_HISTORY), NULL, err);
    if (t->unanswered && t->s.state == WARD_S_EXCHANGING) /* anything may rest on the branch that is asked for; and not done yet */
        return WARD_OK;
    t->held_back = t->batch->open && ward_own_news(t->r, &t->stream);
    if (t->held_back)
        return WARD_OK;
    int rc = ward_own_publish(t->r, &t->stream, err);
    while (!rc && ward_session_may_send(&t->s) && !(window_is_narrow(t) && t->s.sent - t->s.acked >= WARD_WINDOW_SLOW)) {
        struct ward_streamed run;
        bool got = false, sent = false, again = false;
        if (t->giving)
            rc = stream_snapshot(t, true, &sent, &again, err);
        if (!rc && !sent && !ward_talk_closed(t))
            rc = ward_stream_next(&t->stream, &t->out, &run, &got, err);
        if (!rc && !sent && !got && !ward_talk_closed(t))
            rc = stream_snapshot(t, false, &sent, &again, err);
        if (rc || ward_talk_closed(t) || t->held_back)
            return rc;
        if (sent || again)
            continue;
        if (!got)
            return act(t, ward_session_step(&t->s, WARD_SE_DRAINED, 0), NULL, err);
        note_flight(t, &run);
        const struct ward_feed *f = ward_directory_feed(&t->r->dir, run.fid);
        rc = ward_talk_note_sent(t, &run, err);
        if (!rc)
            rc = ward_talk_send_circle(t, f->sid, err);
        if (!rc && !ward_talk_closed(t))
            rc = ward_talk_send(t, &t->out, err);
        if (rc)
            return rc;
        if (ward_talk_closed(t))
            return WARD_OK;
        ward_session_step(&t->s, WARD_SE_SENT, 0);
    }
    return rc;
}

static int send_ack(struct ward_talk *t, struct ward_error *err)
{
    bool within;
    int rc = ward_receipts_give(t, &within, err); /* before the acknowledgement: whoever has that may leave */
    if (rc || within || ward_talk_closed(t))
        return rc;
    ward_buf_clear(&t->out);
    ward_frame_ack(&t->out, t->s.committed, (const uint64_t(*)[2])t->refused, t->refused_count);
    t->refused_count = 0;
    return ward_talk_send(t, &t->out, err);
}

static int send_error(struct ward_talk *t, struct ward_error *err)
{
    ward_buf_clear(&t->out);
    ward_frame_error(&t->out, t->s.error, ward_error_name(t->s.error));
    enum ward_session_state closed = t->s.state;
    int code = t->s.error;
    int rc = ward_talk_send(t, &t->out, err);
    t->s.state = closed;
    t->s.error = code;
    return rc;
}

/* ---- receiving */

static int begin_batch(struct ward_batch *b, struct ward_error *err)
{
    int rc = b->open ? WARD_OK : ward_apply_begin(&b->apply, b->r, err);
    b->open = !rc;
    return rc;
}

/* The frame that came last changes nothing; its acknowledgement says so. */
static int refuse(struct ward_talk *t, int code, const struct ward_error *why, struct ward_error *err)
{
    t->refused_here++;
    size_t at = t->refused_count < WARD_WINDOW_MAX ? t->refused_count++ : WARD_WINDOW_MAX - 1;
    t->refused[at][0] = t->s.received;
    t->refused[at][1] = (uint64_t)code;
    if (t->refused_here <= WARD_REFUSALS_TOLD)
        tell(t, WARD_EVENT_RUN_REFUSED, code, 0, 0, why->detail);
    return act(t, ward_session_step(&t->s, WARD_SE_REFUSED, (uint64_t)code), NULL, err);
}

static int ingest(struct ward_talk *t, struct ward_run *run, struct ward_error *err)
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
    t->retell |= in.withdrew;
    b->runs++;
    b->bytes += run->len;
    if (rc && !ward_is_refusal(rc)) {
        ward_batch_abort(b);
        if (err)
            *err = why;
        return rc;
    }
    if (rc) {
        bool elsewhere = rc == WARD_ERR_GAP || rc == WARD_ERR_SEAL; /* it may go on where another branch ends */
        bool below = rc == WARD_ERR_HISTORY && !t->want_sent;       /* it rests on what lies below a base here */
        rc = refuse(t, rc, &why, err);
        if (!rc && below && !ward_talk_closed(t))
            rc = ward_talk_send_want(t, err);
        return rc || !elsewhere || ward_talk_closed(t) ? rc : ward_talk_ask_branch(t, run->space8, run->grant8, err);
    }
    if (in.forked)
        tell_fork(t, in.fid);
    t->histories += in.backfilled;
    if (in.base_differs)
        tell(t, WARD_EVENT_BASE, WARD_ERR_SNAPSHOT, 0, 0, NULL);
    t->received += in.applied;
    tell_progress(t);
    if (in.applied)
        tell(t, WARD_EVENT_INGESTED, 0, in.applied, 0, NULL);
    if (in.withdrew && ward_talk_set_have(t, in.fid, in.last, err)) { /* it was held back up to a head that is no more */
        ward_batch_abort(b);
        return WARD_ERR_MEMORY;
    }
    rc = forget_reused(t, err);
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
static int ingest_snapshot(struct ward_talk *t, const struct ward_message *m, struct ward_error *err)
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
    if (!rc)
        tell_progress(t);
    return rc ? refuse(t, rc, &why, err) : WARD_OK;
}

static void note_ack(struct ward_talk *t, struct ward_message *m, uint64_t before)
{
    bool lost[WARD_WINDOW_MAX] = {false};
    for (size_t i = 0; i < m->count; i++) {
        uint64_t at, code;
        ward_frame_next_refusal(m, &at, &code);
        if (at > before && at <= t->s.acked) {
            lost[(at - 1) % WARD_WINDOW_MAX] = true;
            t->refused_there++;
            if (code == WARD_ERR_CUT &&
                t->flight[(at - 1) % WARD_WINDOW_MAX].fid) /* it keeps no more of this feed: nothing is to be gained by sending the rest */
                ward_vv_raise(&t->stream.have, &t->r->env, t->flight[(at - 1) % WARD_WINDOW_MAX].fid, UINT64_MAX);
            tell(t, WARD_EVENT_RUN_REFUSED, (int)code, 0, 0, "refused by the peer");
        }
    }
    if (t->s.acked > before)
        note_answer(t, t->flight_ms[(t->s.acked - 1) % WARD_WINDOW_MAX]);
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
    tell_progress(t);
}

/* 0, or why there can be no session with whoever says this. */
static int misfit(const struct ward_talk *t, const struct ward_message *hello)
{
    if (hello->hello.protocol != WARD_PROTOCOL)
        return WARD_ERR_PROTOCOL_VERSION;
    return memcmp(hello->hello.ward4, t->r->ward.b, 4) != 0 ? WARD_ERR_SESSION_WARD : WARD_OK;
}

static void note_clock(struct ward_talk *t, int64_t heard_ms)
{
    t->heard_ms = heard_ms;
    t->clock_offset_ms = heard_ms - ward_replica_now(t->r);
    tell(t, WARD_EVENT_CLOCK, 0, t->clock_offset_ms, 0, NULL);
}

static unsigned step_agreement(struct ward_talk *t, enum ward_agreement how, bool theirs, uint32_t window)
{
    unsigned near = ward_talk_note_agreement(t, how, theirs);
    for (size_t i = 0; how == WARD_AGREE_EQUAL && i < t->common_count; i++)
        t->common[i].equal = t->common[i].listed = true;
    return how == WARD_AGREE_EQUAL ? ward_session_step(&t->s, WARD_SE_HELLO_EQUAL, window)
                                   : ward_session_step(&t->s, WARD_SE_HELLO_NEAR, window | near);
}

static unsigned step_hello(struct ward_talk *t, const struct ward_message *m)
{
    enum ward_agreement how;
    int code = misfit(t, m);
    if (code)
        return ward_session_step(&t->s, WARD_SE_BAD, (uint64_t)code);
    note_clock(t, m->hello.wall_ms);
    if (ward_talk_compare(t, m, &how)) /* and so it was told, unless both spoke at once: then it sees the same */
        return step_agreement(t, how, false, m->hello.window);
    if (m->hello.buckets)
        ward_talk_note_buckets(t, m->hello.buckets);
    return ward_session_step(&t->s, WARD_SE_HELLO_DIFFER, m->hello.window);
}

/* The answer to the hello of this side, once. */
static unsigned step_agree(struct ward_talk *t, const struct ward_message *m)
{
    int64_t heard_ms = t->said_ms + m->agree.clock_s * 1000;
    if (t->s.state != WARD_S_GREETING || !t->greeted || !ward_talk_may_agree(t, m->agree.how))
        return ward_session_step(&t->s, WARD_SE_BAD, WARD_ERR_PROTOCOL);
    if (heard_ms < 0 || heard_ms > WARD_WALL_MS_MAX)
        return ward_session_step(&t->s, WARD_SE_BAD, WARD_ERR_RANGE);
    note_clock(t, heard_ms);
    return step_agreement(t, m->agree.how, true, m->agree.window);
}

static unsigned step_message(struct ward_talk *t, struct ward_message *m)
{
    uint64_t before = t->s.acked;
    unsigned actions;
    switch (m->type) {
    case WARD_MSG_HELLO:
        return step_hello(t, m);
    case WARD_MSG_AGREE:
        return step_agree(t, m);
    case WARD_MSG_SPACES:
        actions = ward_session_step(&t->s, WARD_SE_SPACES, 0);
        if (actions & WARD_SA_HEADS)
            ward_talk_note_spaces(t, m);
        return actions;
    case WARD_MSG_HEADS:
        return ward_session_step(&t->s, m->last ? WARD_SE_HEADS_LAST : WARD_SE_HEADS, 0);
    case WARD_MSG_CIRCLE:
        return ward_session_step(&t->s, WARD_SE_CIRCLE, 0);
    case WARD_MSG_BRANCH:
        return ward_session_step(&t->s, WARD_SE_BRANCH, t->unanswered > 0 && !t->s.done_sent);
    case WARD_MSG_RUN:
    case WARD_MSG_SNAPSHOT:
    case WARD_MSG_PART:
        return ward_session_step(&t->s, WARD_SE_RUN, 0);
    case WARD_MSG_WANT:
        return ward_session_step(&t->s, WARD_SE_WANT, 0);
    case WARD_MSG_RECEIPT:
        return ward_session_step(&t->s, WARD_SE_RECEIPT, 0);
    case WARD_MSG_ASK:
        return ward_session_step(&t->s, WARD_SE_ASK, 0);
    case WARD_MSG_ACK:
    case WARD_MSG_TAKEN:
        actions = ward_session_step(&t->s, WARD_SE_ACK, m->acked);
        if (ward_talk_closed(t))
            return actions;
        note_ack(t, m, before);
        t->acked_before = before;
        return actions | (m->type == WARD_MSG_TAKEN ? WARD_SA_KEEP_RECEIPT : 0u);
    case WARD_MSG_DONE:
        t->awaiting = false;
        return ward_session_step(&t->s, WARD_SE_DONE, 0);
    case WARD_MSG_ERROR:
        return ward_session_step(&t->s, WARD_SE_ERROR, m->error);
    case WARD_MSG_BYE:
        return ward_session_step(&t->s, WARD_SE_BYE, 0);
    case WARD_MSG_PING:
        return ward_session_step(&t->s, WARD_SE_PING, 0);
    default:
        return ward_session_step(&t->s, WARD_SE_BAD, WARD_ERR_PROTOCOL);
    }
}

/* The peer's heads are all known, or by its hello alone what it holds: how much is there to do? */
static int begin_stream(struct ward_talk *t, bool hello, struct ward_error *err)
{
    int rc = t->s.state == WARD_S_EXCHANGING && hello ? ward_talk_assume_near(t, err) : ward_talk_assume_equal(t, err);
    if (!rc)
        rc = ward_talk_weigh_spaces(t, err);
    if (!rc)
        rc = ward_stream_seek(&t->stream, err);
    if (!rc)
        rc = ward_receipts_compare(t, err);
    if (rc)
        return rc;
    t->total_out = ward_stream_backlog(&t->stream);
    tell_progress(t);
    return t->s.state == WARD_S_LIVE && !t->plan ? ward_talk_send_want(t, err) : WARD_OK; /* else it went before the heads */
}

static int act(struct ward_talk *t, unsigned actions, struct ward_message *m, struct ward_error *err)
{
    int rc = WARD_OK;
    bool hello = m && (m->type == WARD_MSG_HELLO || m->type == WARD_MSG_AGREE);
    bool first_stream = (actions & WARD_SA_STREAM) && m && (m->type == WARD_MSG_HEADS || hello);
    if (actions & WARD_SA_HELLO)
        rc = send_hello(t, m, err);
    if (!rc && (actions & WARD_SA_SPACES))
        rc = ward_talk_send_spaces(t, err);
    if (!rc && (actions & WARD_SA_HEADS))
        rc = ward_talk_send_heads(t, err);
    if (!rc && (actions & WARD_SA_NOTE_HEADS))
        rc = ward_talk_note_heads(t, m, err);
    if (!rc && (actions & WARD_SA_NOTE_CIRCLE))
        rc = ward_talk_note_circle(t, m, err);
    if (!rc && (actions & WARD_SA_NOTE_BRANCH))
        rc = ward_talk_note_branch(t, m, err);
    if (!rc && (actions & WARD_SA_NOTE_WANT))
        rc = ward_talk_note_want(t, m, err);
    if (!rc && (actions & WARD_SA_INGEST)) {
        assert(m); /* only a run or a frame of a snapshot leads here */
        rc = m->type == WARD_MSG_RUN ? ingest(t, &m->run, err) : ingest_snapshot(t, m, err);
    }
    if (!rc && (actions & WARD_SA_KEEP_RECEIPT))
        rc = ward_receipts_keep(t, m, err);
    if (!rc && (actions & WARD_SA_NOTE_ASK))
        rc = ward_receipts_note_ask(t, err);
    if (!rc && (actions & WARD_SA_ACK))
        rc = send_ack(t, err);
    if (!rc && first_stream)
        rc = begin_stream(t, hello, err);
    if (!rc && (actions & WARD_SA_STREAM))
        rc = stream_runs(t, err);
    if (!rc && (actions & WARD_SA_DONE))
        rc = send_simple(t, WARD_MSG_DONE, err);
    t->retell |= (actions & WARD_SA_LIVE) != 0;
    t->levelled |= (actions & WARD_SA_LIVE) != 0;
    if (!rc && (actions & WARD_SA_LIVE))
        tell(t, WARD_EVENT_SYNCED, 0, 0, 0, NULL);
    if (!rc && (actions & WARD_SA_PING))
        rc = send_simple(t, WARD_MSG_PING, err);
    if (!rc && (actions & WARD_SA_BYE))
        rc = send_simple(t, WARD_MSG_BYE, err);
    if (!rc && (actions & WARD_SA_ERROR))
        rc = send_error(t, err);
    if (rc) {
        t->s.state = WARD_S_CLOSED;
        t->s.error = rc;
    }
    return rc;
}

int ward_talk_link_up(struct ward_talk *t, struct ward_error *err)
{
    return act(t, ward_session_step(&t->s, WARD_SE_LINK_UP, 0), NULL, err);
}

int ward_talk_show_out(struct ward_talk *t, int code, struct ward_error *err)
{
    return act(t, ward_session_step(&t->s, WARD_SE_BAD, (uint64_t)code), NULL, err);
}

/* Rights are looked at again for every message, either way: a device may be cut while it is connected, and gets no more from then on. */
static int show_out(struct ward_talk *t, struct ward_error *err)
{
    return ward_talk_show_out(t, WARD_ERR_CUT, err);
}

int ward_talk_frame(struct ward_talk *t, const void *p, size_t len, struct ward_error *err)
{
    struct ward_message m;
    struct ward_error why = {0};
    if (ward_talk_closed(t))
        return WARD_OK;
    t->bytes_in += len;
    if (t->greeted && !t->answered)
        note_answer(t, t->greeted_ms);
    t->answered = t->greeted;
    if (ward_grant_is_cut(&t->r->dir, &t->peer.id))
        return show_out(t, err);
    int rc = ward_frame_parse(&m, p, len, &why);
    if (rc)
        return act(t, ward_session_step(&t->s, WARD_SE_BAD, (uint64_t)rc), NULL, err);
    rc = forget_reused(t, err);
    if (!rc && m.type == WARD_MSG_HELLO && !t->greeted && !misfit(t, &m)) /* who is called answers */
        rc = act(t, ward_session_step(&t->s, WARD_SE_LINK_UP, 0), &m, err);
    return rc || ward_talk_closed(t) ? rc : act(t, step_message(t, &m), &m, err);
}

int ward_talk_committed(struct ward_talk *t, struct ward_error *err)
{
    if (!t->r || t->plan || ward_talk_closed(t))
        return WARD_OK;
    int rc = forget_reused(t, err);
    if (!rc && ward_talk_uncommitted(t))
        rc = act(t, ward_session_step(&t->s, WARD_SE_COMMITTED, t->s.received), NULL, err);
    if (!rc && t->retell && t->s.state == WARD_S_LIVE && !t->batch->open) {
        t->retell = false;
        ward_own_rewrite(t->r, NULL); /* what cannot be written now waits on */
        t->held_back = true;
    }
    return rc || !t->held_back ? rc : ward_talk_news(t, err);
}

/* fids NULL: anywhere. */
static int news(struct ward_talk *t, const uint32_t *fids, size_t count, struct ward_error *err)
{
    bool any = !fids;
    if (!t->r || ward_talk_closed(t)) /* called, and not on the line yet; or over */
        return WARD_OK;
    if (ward_grant_is_cut(&t->r->dir, &t->peer.id))
        return show_out(t, err);
    int rc = forget_reused(t, err);
    if (!rc && fids)
        rc = ward_stream_note(&t->stream, fids, count, &any, err);
    else if (!rc && t->s.streaming)
        rc = ward_stream_seek(&t->stream, err);
    return rc || !any ? rc : act(t, ward_session_step(&t->s, WARD_SE_NEWS, 0), NULL, err);
}

int ward_talk_news(struct ward_talk *t, struct ward_error *err)
{
    return news(t, NULL, 0, err);
}

int ward_talk_news_of(struct ward_talk *t, const uint32_t *fids, size_t count, struct ward_error *err)
{
    return count ? news(t, fids, count, err) : WARD_OK;
}

int ward_talk_tick(struct ward_talk *t, int64_t mono_ms, struct ward_error *err)
{
    return ward_talk_closed(t) ? WARD_OK : act(t, ward_session_step(&t->s, WARD_SE_TICK, (uint64_t)mono_ms), NULL, err);
}

int ward_talk_leave(struct ward_talk *t, struct ward_error *err)
{
    return ward_talk_closed(t) ? WARD_OK : act(t, ward_session_step(&t->s, WARD_SE_LEAVE, 0), NULL, err);
}

int ward_talk_late(struct ward_talk *t, const void *p, size_t len, bool *left, struct ward_error *err)
{
    struct ward_message m;
    t->bytes_in += len;
    if (ward_frame_parse(&m, p, len, NULL))
        return WARD_OK;
    *left = m.type == WARD_MSG_BYE;
    return m.type == WARD_MSG_RECEIPT && t->asked ? ward_receipts_keep(t, &m, err) : WARD_OK;
}

int ward_talk_note_peer(struct ward_talk *t, const char *address, struct ward_error *err)
{
    ward_replica *r = t->r;
    struct ward_store_peer p = {0};
    const struct ward_grant *g = ward_directory_grant_by_link(&r->dir, t->peer.link_pk); /* by now it may have arrived */
    if (!g)
        return WARD_OK;
    t->peer = *g;
    int rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = forget_reused(t, err);
    if (!rc)
        rc = ward_store_get_peer(r->store, &t->peer.id, &p, err);
    if (rc == WARD_ERR_NOT_FOUND)
        rc = WARD_OK;
    p.grant = t->peer.id;
    p.last_contact_ms = ward_replica_now(r);
    p.clock_offset_ms = t->clock_offset_ms;
    if (address && strlen(address) < sizeof p.address)
        memcpy(p.address, address, strlen(address) + 1);
    for (size_t i = 0; !rc && i < t->known.len; i++)
        rc = ward_vv_raise(&p.have, &r->env, t->known.v[i].fid, t->known.v[i].seq);
    if (!rc)
        rc = ward_store_put_peer(r->store, &p, err);
    ward_vv_free(&p.have, &r->env);
    return rc;
}

int ward_talk_remember(struct ward_talk *t, const char *address, struct ward_error *err)
{
    int rc = ward_store_begin_hint(t->r->store, err);
    if (rc)
        return rc;
    rc = ward_talk_note_peer(t, address, err);
    if (!rc)
        return ward_store_commit(t->r->store, err);
    ward_store_rollback(t->r->store);
    return rc;
}
