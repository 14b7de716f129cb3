/* session.h - one peer's side of a session as a state table: (state, event) -> (state, actions). proto/session.md.
 *
 * It holds no data of the replica and does nothing by itself: the caller tells what happened and carries out what is asked, in order.
 * The same table serves hub and cell. Time comes in with WARD_SE_TICK; deadlines go out in idle_ms.
 */
#ifndef WARD_SESSION_H
#define WARD_SESSION_H

#include "wardsync.h"

enum ward_session_state { WARD_S_GREETING, WARD_S_COMPARING, WARD_S_EXCHANGING, WARD_S_LIVE, WARD_S_CLOSED, WARD_S_COUNT };

enum ward_session_event_type {
    /* from the peer, parsed and entitled */
    WARD_SE_HELLO_EQUAL,  /* a good hello whose digest equals ours */
    WARD_SE_HELLO_DIFFER, /* a good hello with another digest, */
    WARD_SE_HELLO_NEAR,   /* which tells all the same what the other holds; n: window, and the WARD_NEAR_ that apply */
    WARD_SE_SPACES,
    WARD_SE_HEADS, /* more will follow */
    WARD_SE_HEADS_LAST,
    WARD_SE_CIRCLE, /* a space is named that was not there when heads were exchanged */
    WARD_SE_BRANCH, /* samples of a feed of which the two hold different branches; n: of one that we wait for */
    WARD_SE_RUN,    /* or a frame of a snapshot: both are acknowledged */
    WARD_SE_PIECE,  /* of such a frame */
    WARD_SE_GOT,    /* n: pieces that have come so far */
    WARD_SE_RECEIPT,
    WARD_SE_ASK,  /* for receipts */
    WARD_SE_WANT, /* what it wants besides runs, or instead */
    WARD_SE_ACK,  /* n: run frames acknowledged so far */
    WARD_SE_DONE,
    WARD_SE_PING,
    WARD_SE_BYE,
    WARD_SE_ERROR,
    WARD_SE_BAD, /* a frame that is wrong; n: code */
    /* from this side */
    WARD_SE_LINK_UP,
    WARD_SE_COMMITTED, /* n: run frames handled so far, durable */
    WARD_SE_REFUSED,   /* the run that came last was refused; n: code */
    WARD_SE_SENT,      /* one run frame went out */
    WARD_SE_DRAINED,   /* nothing is left that the peer lacks */
    WARD_SE_NEWS,      /* there may be something new for the peer */
    WARD_SE_TICK,      /* n: monotonic milliseconds */
    WARD_SE_LEAVE,     /* this side wants to go */
    WARD_SE_COUNT
};

enum ward_session_action {
    WARD_SA_HELLO = 1 << 0,
    WARD_SA_SPACES = 1 << 1,
    WARD_SA_HEADS = 1 << 2,
    WARD_SA_NOTE_HEADS = 1 << 3, /* remember the peer's heads in this frame */
    WARD_SA_NOTE_CIRCLE = 1 << 13,
    WARD_SA_NOTE_BRANCH = 1 << 14,
    WARD_SA_INGEST = 1 << 4,
    WARD_SA_ACK = 1 << 5,
    WARD_SA_STREAM = 1 << 6, /* send runs while ward_session_may_send */
    WARD_SA_DONE = 1 << 7,
    WARD_SA_LIVE = 1 << 8, /* both hold the same now */
    WARD_SA_PING = 1 << 9,
    WARD_SA_BYE = 1 << 10,
    WARD_SA_ERROR = 1 << 11, /* tell the peer s->error, then close */
    WARD_SA_CLOSE = 1 << 12,
    WARD_SA_KEEP_RECEIPT = 1 << 15,
    WARD_SA_NOTE_ASK = 1 << 16,
    WARD_SA_NOTE_WANT = 1 << 17,
    WARD_SA_NOTE_PIECE = 1 << 18,
    WARD_SA_PIECES = 1 << 19 /* send more of them */
};

struct ward_session {
    enum ward_session_state state;
    uint32_t window;              /* the peer's */
    uint64_t sent, acked;         /* our run frames */
    uint64_t received, committed; /* theirs */
    uint64_t pieces, got;         /* of ours, and of them those that the peer has */
    uint64_t wants;               /* of theirs */
    uint64_t forged;              /* of theirs, refused for what no honest device passes on */
    bool streaming, done_sent, done_received, asked, done_owed, reported_live;
    int64_t now_ms, heard_ms, spoke_ms;
    int64_t talk;   /* what is left of their WARD_TALK_BURST, in thousandths of a frame */
    bool shown_out; /* closed for what the peer did, by this side */
    int error;
};

/* Who has nothing beyond what both are known to hold says no done. */
#define WARD_NEAR_OURS   0x100u /* we have nothing */
#define WARD_NEAR_THEIRS 0x200u

#define WARD_IDLE_PING_MS  20000
#define WARD_IDLE_CLOSE_MS 75000

void ward_session_init(struct ward_session *s, int64_t now_ms);
/* The actions to carry out, as a set, in the order of their bits. An event that the table does not list for the state is a protocol error.
 */
unsigned ward_session_step(struct ward_session *s, enum ward_session_event_type event, uint64_t n);
bool ward_session_may_send(const struct ward_session *s);
const char *ward_session_state_name(enum ward_session_state state);
const char *ward_session_event_name(enum ward_session_event_type event);
/* Whether the pair is legal: the table, for tests and for drawing it. */
bool ward_session_listed(enum ward_session_state state, enum ward_session_event_type event);

#endif
