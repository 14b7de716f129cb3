/* talk_send.c - what a session sends: hello, runs as far as the window and the link allow, acknowledgements. */
#include "base/err.h"
#include "replica/own.h"
#include "replica/receipt.h"
#include "replica/talk_parts.h"
#include "values/feed.h"

#define OUT_KEPT 1024 /* bytes of the frame buffer that a session keeps while it says nothing */

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
    if (frame == &t->out && frame->cap > OUT_KEPT)
        ward_buf_free(&t->out);
    t->s.spoke_ms = t->s.now_ms;
    return WARD_OK;
}

int ward_talk_send_simple(struct ward_talk *t, enum ward_message_type type, struct ward_error *err)
{
    ward_buf_clear(&t->out);
    ward_frame_simple(&t->out, type);
    return ward_talk_send(t, &t->out, err);
}

int ward_talk_send_done(struct ward_talk *t, struct ward_error *err)
{
    ward_buf_clear(&t->out);
    ward_frame_done(&t->out, t->s.wants);
    return ward_talk_send(t, &t->out, err);
}

/* theirs: the hello that this one answers, or NULL. Where nothing is to be compared, that is the answer. */
int ward_talk_send_hello(struct ward_talk *t, const struct ward_message *theirs, struct ward_error *err)
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
    struct ward_begun begun = ward_talk_begun(t);
    ward_buf_clear(&t->out);
    if (theirs && ward_talk_compare(t, theirs, &how)) {
        ward_frame_agree(&t->out, how, (t->said_ms - theirs->hello.wall_ms) / 1000, &begun);
    } else {
        bool grouped = t->bucketed && (theirs ? theirs->hello.buckets != NULL : !t->recent);
        ward_frame_hello(&t->out, &t->r->ward, &t->digest, t->based ? t->base8 : NULL, t->said_ms, grouped ? t->buckets : NULL, &begun);
    }
    return ward_talk_send(t, &t->out, err);
}

/* How long the other takes to answer tells what the link bears: nobody knows beforehand. */
void ward_talk_note_answer(struct ward_talk *t, int64_t asked_ms)
{
    t->slow = t->r->env.mono_ms(t->r->env.ctx) - asked_ms > WARD_ACK_QUICK_MS;
}

/* A short answer came quickly, but how a long run fares its acknowledgement tells. */
static bool window_is_narrow(const struct ward_talk *t)
{
    return t->slow || t->s.acked == 0;
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
    rc = ward_talk_send_run(t, err);
    if (!rc && !ward_talk_closed(t))
        ward_session_step(&t->s, WARD_SE_SENT, 0);
    return rc;
}

int ward_talk_stream(struct ward_talk *t, struct ward_error *err)
{
    if (t->plan)
        return WARD_OK;
    if (t->cannot_give)
        return ward_talk_act(t, ward_session_step(&t->s, WARD_SE_BAD, WARD_ERR_HISTORY), NULL, err);
    if (t->unanswered && t->s.state == WARD_S_EXCHANGING) /* anything may rest on the branch that is asked for; and not done yet */
        return WARD_OK;
    t->held_back = t->batch->open && ward_own_news(t->r, &t->stream);
    if (t->held_back)
        return WARD_OK;
    int rc = ward_own_publish(t->r, &t->stream, err);
    while (!rc && t->leaving.len == 0 && ward_session_may_send(&t->s) &&
           !(window_is_narrow(t) && t->s.sent - t->s.acked >= WARD_WINDOW_SLOW)) {
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
            return ward_talk_act(t, ward_session_step(&t->s, WARD_SE_DRAINED, 0), NULL, err);
        note_flight(t, &run);
        const struct ward_feed *f = ward_directory_feed(&t->r->dir, run.fid);
        rc = ward_talk_note_sent(t, &run, err);
        if (!rc)
            rc = ward_talk_send_circle(t, f->sid, err);
        if (!rc && !ward_talk_closed(t))
            rc = ward_talk_send_run(t, err);
        if (rc)
            return rc;
        if (ward_talk_closed(t))
            return WARD_OK;
        ward_session_step(&t->s, WARD_SE_SENT, 0);
    }
    return rc;
}

int ward_talk_send_ack(struct ward_talk *t, struct ward_error *err)
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

int ward_talk_send_error(struct ward_talk *t, struct ward_error *err)
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
