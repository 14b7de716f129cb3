/* talk.c - the course of a session: what comes steps the state table, what that says is done. proto/session.md. */
#include "replica/talk.h"
#include "base/alloc.h"
#include "base/err.h"
#include "replica/own.h"
#include "replica/receipt.h"
#include "replica/talk_parts.h"
#include "values/feed.h"

#include <assert.h>
#include <string.h>

/* ---- life */

int ward_talk_open(struct ward_talk *t, ward_replica *r, const struct ward_grant *peer, struct ward_batch *batch,
                   const struct ward_talk_hooks *hooks, struct ward_error *err)
{
    *t = (struct ward_talk){.r = r, .batch = batch, .hooks = *hooks, .peer = *peer};
    ward_session_init(&t->s, r->env.mono_ms(r->env.ctx));
    ward_stream_init(&t->stream, r, peer);
    t->stream.own_unnamed = hooks->calls; /* it was let in as what it is; the other may not be known here yet */
    t->slow = true;                       /* until it has shown that it is not */
    ward_buf_init(&t->out, &r->env);
    ward_buf_init(&t->begun, &r->env);
    ward_buf_init(&t->leaving, &r->env);
    t->pieces_ahead = WARD_PIECES_FIRST;
    t->next = r->talks;
    r->talks = t;
    int rc = ward_replica_refresh(r, err);
    t->reused = r->reused;
    if (!rc)
        rc = ward_talk_recall_begun(t, err);
    if (rc)
        ward_talk_free(t);
    return rc;
}

/* Before anything is made of what was noted by a row's number. */
int ward_talk_forget_reused(struct ward_talk *t, struct ward_error *err)
{
    if (t->reused == t->r->reused)
        return WARD_OK;
    for (; t->reused < t->r->reused; t->reused++) {
        uint32_t fid = t->r->reuses[t->reused].fid;
        uint64_t upto = t->r->reuses[t->reused].upto;
        ward_vv_lower(&t->stream.have, fid, upto);
        ward_vv_lower(&t->known, fid, upto);
        ward_vv_lower(&t->snapshot, fid, upto);
        ward_vv_lower(&t->before, fid, upto);
        ward_vv_lower(&t->due, fid, upto);
        if (ward_vv_get(&t->sent_blind, fid) > upto)
            ward_vv_lower(&t->sent_blind, fid, 0);
        for (size_t j = 0; j < WARD_WINDOW_MAX; j++)
            if (t->flight[j].fid == fid && t->flight[j].last > upto)
                t->flight[j].fid = 0;
    }
    return ward_stream_seek(&t->stream, err);
}

void ward_talk_free(struct ward_talk *t)
{
    if (!t->r)
        return;
    struct ward_talk **at = &t->r->talks;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
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
    ward_buf_free(&t->begun);
    ward_buf_free(&t->leaving);
    *t = (struct ward_talk){0};
}

void ward_talk_tell(struct ward_talk *t, enum ward_event_type type, int code, int64_t done, int64_t total, const char *text)
{
    if (!t->hooks.on_event)
        return;
    struct ward_event e = {.type = type, .code = code, .grant = t->peer.id, .done = done, .total = total, .text = text};
    t->hooks.on_event(t->hooks.event_ctx, &e);
}

void ward_talk_tell_progress(struct ward_talk *t)
{
    ward_talk_tell(t, WARD_EVENT_PROGRESS, 0, (int64_t)(t->sent + t->received), (int64_t)(t->total_out + t->total_in), NULL);
}

/* ---- receiving */

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
    ward_talk_tell(t, WARD_EVENT_CLOCK, 0, t->clock_offset_ms, 0, NULL);
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
    t->begun_there = m->begun;
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
    t->begun_there = m->begun;
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
    case WARD_MSG_PIECE:
        return ward_session_step(&t->s, WARD_SE_PIECE, 0);
    case WARD_MSG_GOT:
        return ward_session_step(&t->s, WARD_SE_GOT, m->acked);
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
        ward_talk_note_ack(t, m, before);
        t->acked_before = before;
        return actions | (m->type == WARD_MSG_TAKEN ? WARD_SA_KEEP_RECEIPT : 0u);
    case WARD_MSG_DONE:
        if (m->wants > t->wants)
            return ward_session_step(&t->s, WARD_SE_BAD, WARD_ERR_PROTOCOL);
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
    if (!rc) /* by what it has shown: of a space whose history it wants all will go out again */
        rc = ward_receipts_compare(t, err);
    if (!rc)
        rc = ward_talk_weigh_spaces(t, err);
    if (!rc)
        rc = ward_stream_seek(&t->stream, err);
    if (rc)
        return rc;
    t->total_out = ward_stream_backlog(&t->stream);
    ward_talk_tell_progress(t);
    return t->s.state == WARD_S_LIVE && !t->plan ? ward_talk_send_want(t, err) : WARD_OK; /* else it went before the heads */
}

/* A piece: with the last of a frame that comes in pieces, the frame. */
static int take_piece(struct ward_talk *t, const struct ward_message *piece, struct ward_error *err)
{
    struct ward_message m;
    bool whole;
    int rc = ward_talk_note_piece(t, piece, &whole, err);
    if (rc || !whole)
        return rc;
    int code = ward_frame_parse(&m, t->begun.p, t->begun.len, NULL);
    if (!code && !ward_frame_is_acknowledged(m.type))
        code = WARD_ERR_PROTOCOL;
    rc = code ? ward_talk_act(t, ward_session_step(&t->s, WARD_SE_BAD, (uint64_t)code), NULL, err)
              : ward_talk_act(t, step_message(t, &m), &m, err);
    ward_buf_free(&t->begun);
    return rc;
}

int ward_talk_act(struct ward_talk *t, unsigned actions, struct ward_message *m, struct ward_error *err)
{
    int rc = WARD_OK;
    bool hello = m && (m->type == WARD_MSG_HELLO || m->type == WARD_MSG_AGREE);
    bool first_stream = (actions & WARD_SA_STREAM) && m && (m->type == WARD_MSG_HEADS || hello);
    if (actions & WARD_SA_HELLO)
        rc = ward_talk_send_hello(t, m, err);
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
        rc = m->type == WARD_MSG_RUN ? ward_talk_ingest(t, &m->run, err) : ward_talk_ingest_snapshot(t, m, err);
    }
    if (!rc && (actions & WARD_SA_NOTE_PIECE))
        rc = take_piece(t, m, err);
    if (!rc && (actions & WARD_SA_PIECES))
        rc = ward_talk_note_got(t, err);
    if (!rc && (actions & WARD_SA_KEEP_RECEIPT))
        rc = ward_receipts_keep(t, m, err);
    if (!rc && (actions & WARD_SA_NOTE_ASK))
        rc = ward_receipts_note_ask(t, err);
    if (!rc && (actions & WARD_SA_ACK))
        rc = ward_talk_send_ack(t, err);
    if (!rc && first_stream)
        rc = begin_stream(t, hello, err);
    if (!rc && (actions & WARD_SA_STREAM))
        rc = ward_talk_stream(t, err);
    if (!rc && (actions & WARD_SA_DONE))
        rc = ward_talk_send_done(t, err);
    t->retell |= (actions & WARD_SA_LIVE) != 0;
    t->levelled |= (actions & WARD_SA_LIVE) != 0;
    if (!rc && (actions & WARD_SA_LIVE))
        ward_talk_tell(t, WARD_EVENT_SYNCED, 0, 0, 0, NULL);
    if (!rc && m && m->type == WARD_MSG_DONE && t->awaiting && m->wants == t->wants && !ward_talk_closed(t))
        rc = ward_talk_note_answered(t, err);
    if (!rc && (actions & WARD_SA_PING))
        rc = ward_talk_send_simple(t, WARD_MSG_PING, err);
    if (!rc && (actions & WARD_SA_BYE))
        rc = ward_talk_send_simple(t, WARD_MSG_BYE, err);
    if (!rc && (actions & WARD_SA_ERROR))
        rc = ward_talk_send_error(t, err);
    if (rc) {
        t->s.state = WARD_S_CLOSED;
        t->s.error = rc;
    }
    return rc;
}

int ward_talk_link_up(struct ward_talk *t, struct ward_error *err)
{
    return ward_talk_act(t, ward_session_step(&t->s, WARD_SE_LINK_UP, 0), NULL, err);
}

int ward_talk_show_out(struct ward_talk *t, int code, struct ward_error *err)
{
    return ward_talk_act(t, ward_session_step(&t->s, WARD_SE_BAD, (uint64_t)code), NULL, err);
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
        ward_talk_note_answer(t, t->greeted_ms);
    t->answered = t->greeted;
    if (ward_grant_is_cut(&t->r->dir, &t->peer.id))
        return show_out(t, err);
    int rc = ward_frame_parse(&m, p, len, &why);
    if (rc)
        return ward_talk_act(t, ward_session_step(&t->s, WARD_SE_BAD, (uint64_t)rc), NULL, err);
    rc = ward_talk_forget_reused(t, err);
    if (!rc && m.type == WARD_MSG_HELLO && !t->greeted && !misfit(t, &m)) /* who is called answers */
        rc = ward_talk_act(t, ward_session_step(&t->s, WARD_SE_LINK_UP, 0), &m, err);
    return rc || ward_talk_closed(t) ? rc : ward_talk_act(t, step_message(t, &m), &m, err);
}

int ward_talk_committed(struct ward_talk *t, struct ward_error *err)
{
    if (!t->r || t->plan || ward_talk_closed(t))
        return WARD_OK;
    int rc = ward_talk_forget_reused(t, err);
    if (!rc && ward_talk_uncommitted(t))
        rc = ward_talk_act(t, ward_session_step(&t->s, WARD_SE_COMMITTED, t->s.received), NULL, err);
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
    int rc = ward_talk_forget_reused(t, err);
    if (!rc && fids)
        rc = ward_stream_note(&t->stream, fids, count, &any, err);
    else if (!rc && t->s.streaming)
        rc = ward_stream_seek(&t->stream, err);
    return rc || !any ? rc : ward_talk_act(t, ward_session_step(&t->s, WARD_SE_NEWS, 0), NULL, err);
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
    return ward_talk_closed(t) ? WARD_OK : ward_talk_act(t, ward_session_step(&t->s, WARD_SE_TICK, (uint64_t)mono_ms), NULL, err);
}

int ward_talk_leave(struct ward_talk *t, struct ward_error *err)
{
    return ward_talk_closed(t) ? WARD_OK : ward_talk_act(t, ward_session_step(&t->s, WARD_SE_LEAVE, 0), NULL, err);
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

static uint64_t sum_of(const struct ward_vv *vv)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < vv->len; i++)
        sum += vv->v[i].seq;
    return sum;
}

bool ward_talk_knows_more(const struct ward_talk *t)
{
    return sum_of(&t->known) != t->noted; /* seqs only rise */
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
        rc = ward_talk_forget_reused(t, err);
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
    if (!rc)
        rc = ward_talk_keep_begun(t, err);
    if (!rc)
        t->noted = sum_of(&t->known);
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
