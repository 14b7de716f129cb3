#include "rules/session.h"
#include "base/limits.h"

#include <assert.h>

typedef unsigned handler(struct ward_session *s, uint64_t n);

static unsigned close_with(struct ward_session *s, int code, unsigned actions)
{
    s->error = code;
    s->state = WARD_S_CLOSED;
    s->shown_out = (actions & WARD_SA_ERROR) != 0;
    return actions | WARD_SA_CLOSE;
}

static void earn(struct ward_session *s, int64_t thousandths)
{
    int64_t full = (int64_t)WARD_TALK_BURST * 1000;
    s->talk = thousandths > full - s->talk ? full : s->talk + thousandths;
}

/* Frames that no window bounds. False: there were too many of them. */
static bool spend(struct ward_session *s)
{
    s->talk -= 1000;
    return s->talk >= 0;
}

static unsigned too_much(struct ward_session *s)
{
    return close_with(s, WARD_ERR_QUOTA, WARD_SA_ERROR);
}

/* Both done and nothing in flight either way: the two replicas hold the same. */
static unsigned maybe_live(struct ward_session *s)
{
    if (s->state != WARD_S_EXCHANGING || !s->done_sent || !s->done_received || s->sent != s->acked || s->received != s->committed)
        return 0;
    s->state = WARD_S_LIVE;
    return WARD_SA_LIVE;
}

static unsigned link_up(struct ward_session *s, uint64_t n)
{
    (void)s, (void)n;
    return WARD_SA_HELLO;
}

static unsigned hello_equal(struct ward_session *s, uint64_t window)
{
    s->window = (uint32_t)window;
    s->state = WARD_S_LIVE;
    s->streaming = true;
    return WARD_SA_LIVE | WARD_SA_STREAM;
}

static unsigned hello_differ(struct ward_session *s, uint64_t window)
{
    s->window = (uint32_t)window;
    s->state = WARD_S_COMPARING;
    return WARD_SA_SPACES;
}

static unsigned hello_near(struct ward_session *s, uint64_t n)
{
    s->window = (uint32_t)n & 0xff;
    s->state = WARD_S_EXCHANGING;
    s->streaming = true;
    s->done_sent = n & WARD_NEAR_OURS;
    s->done_received = n & WARD_NEAR_THEIRS;
    return WARD_SA_STREAM;
}

static unsigned spaces(struct ward_session *s, uint64_t n)
{
    (void)n;
    s->state = WARD_S_EXCHANGING;
    return WARD_SA_HEADS;
}

static unsigned heads(struct ward_session *s, uint64_t n)
{
    if (!spend(s))
        return too_much(s);
    if (s->streaming)
        return close_with(s, WARD_ERR_PROTOCOL, WARD_SA_ERROR); /* the last heads were there already */
    (void)n;
    return WARD_SA_NOTE_HEADS;
}

static unsigned heads_last(struct ward_session *s, uint64_t n)
{
    unsigned actions = heads(s, n);
    if (s->state == WARD_S_CLOSED)
        return actions;
    s->streaming = true;
    return actions | WARD_SA_STREAM;
}

static unsigned circle(struct ward_session *s, uint64_t n)
{
    (void)n;
    return spend(s) ? WARD_SA_NOTE_CIRCLE : too_much(s);
}

/* Whoever gets samples may have more to send than it thought when it said done, and says it again; n: they answer ours, and we wait for
 * that. In live nobody waits. */
static unsigned branch(struct ward_session *s, uint64_t n)
{
    if (!spend(s))
        return too_much(s);
    if (s->state == WARD_S_EXCHANGING) {
        s->done_sent = false;
        s->done_received = s->done_received && !n;
    }
    return WARD_SA_NOTE_BRANCH | (s->streaming ? WARD_SA_STREAM : 0u);
}

static unsigned receipt(struct ward_session *s, uint64_t n)
{
    (void)n;
    return spend(s) ? WARD_SA_KEEP_RECEIPT : too_much(s);
}

static unsigned ask(struct ward_session *s, uint64_t n)
{
    (void)n;
    if (s->asked)
        return close_with(s, WARD_ERR_PROTOCOL, WARD_SA_ERROR);
    s->asked = true;
    return WARD_SA_NOTE_ASK;
}

/* Before the last heads it is weighed with them, later what is wanted goes out at once; done is said after it, and no other comes before
 * that. */
static unsigned want(struct ward_session *s, uint64_t n)
{
    (void)n;
    if (s->done_owed)
        return close_with(s, WARD_ERR_PROTOCOL, WARD_SA_ERROR);
    if (!spend(s))
        return too_much(s);
    s->wants++;
    s->done_owed = true;
    return WARD_SA_NOTE_WANT | (s->streaming ? WARD_SA_STREAM : 0u);
}

static unsigned run(struct ward_session *s, uint64_t n)
{
    (void)n;
    if (s->received - s->committed >= WARD_WINDOW)
        return close_with(s, WARD_ERR_WINDOW, WARD_SA_ERROR);
    s->received++;
    earn(s, 1000); /* the circle before it */
    return WARD_SA_INGEST;
}

/* Bounded by the frame that they make, which the window bounds. */
static unsigned piece(struct ward_session *s, uint64_t n)
{
    (void)s, (void)n;
    return WARD_SA_NOTE_PIECE;
}

static unsigned got(struct ward_session *s, uint64_t n)
{
    if (n <= s->got || n > s->pieces)
        return close_with(s, WARD_ERR_PROTOCOL, WARD_SA_ERROR);
    s->got = n;
    return WARD_SA_PIECES | WARD_SA_STREAM; /* some were sent: it streams */
}

/* Whatever an honest device holds it has checked itself: it may pass on what has not come here yet (gaps, deps), what two replicas judge
 * by different knowledge (rights, cuts, forks), but not this. */
static bool is_forged(uint64_t code)
{
    return code == WARD_ERR_SEAL || code == WARD_ERR_DEP_ORDER || code == WARD_ERR_DEPTH ||
           (code >= 200 && code < 300 && code != WARD_ERR_VERSION && code != WARD_ERR_CODEC);
}

static unsigned refused(struct ward_session *s, uint64_t code)
{
    s->forged += is_forged(code);
    return s->forged > WARD_FORGED_MAX ? close_with(s, WARD_ERR_FORGED, WARD_SA_ERROR) : 0;
}

static unsigned committed(struct ward_session *s, uint64_t n)
{
    s->committed = n;
    return WARD_SA_ACK | maybe_live(s);
}

static unsigned sent(struct ward_session *s, uint64_t n)
{
    (void)n;
    s->sent++;
    earn(s, 2000); /* its acknowledgement and a receipt */
    return 0;
}

static unsigned ack(struct ward_session *s, uint64_t n)
{
    if (n < s->acked || n > s->sent)
        return close_with(s, WARD_ERR_PROTOCOL, WARD_SA_ERROR);
    if (!spend(s))
        return too_much(s);
    s->acked = n;
    return (s->streaming ? WARD_SA_STREAM : 0u) | maybe_live(s);
}

static unsigned drained(struct ward_session *s, uint64_t n)
{
    (void)n;
    bool owed = s->done_owed, first = s->state == WARD_S_EXCHANGING && !s->done_sent;
    s->done_owed = false;
    s->done_sent |= first;
    return owed || first ? WARD_SA_DONE | maybe_live(s) : 0u;
}

static unsigned done(struct ward_session *s, uint64_t n)
{
    (void)n;
    if (s->done_received && !spend(s))
        return too_much(s);
    s->done_received = true;
    return maybe_live(s);
}

static unsigned news(struct ward_session *s, uint64_t n)
{
    (void)n;
    return s->streaming ? WARD_SA_STREAM : 0u;
}

static unsigned ping(struct ward_session *s, uint64_t n)
{
    (void)n;
    return spend(s) ? 0 : too_much(s);
}

static unsigned ignore(struct ward_session *s, uint64_t n)
{
    (void)s, (void)n;
    return 0;
}

static unsigned peer_left(struct ward_session *s, uint64_t n)
{
    return close_with(s, (int)n, 0);
}

/* Answered, so that who leaves knows that its last acknowledgement has arrived. */
static unsigned peer_says_bye(struct ward_session *s, uint64_t n)
{
    return close_with(s, (int)n, WARD_SA_BYE);
}

static unsigned bad(struct ward_session *s, uint64_t n)
{
    return close_with(s, (int)n, WARD_SA_ERROR);
}

static unsigned leave(struct ward_session *s, uint64_t n)
{
    return close_with(s, (int)n, WARD_SA_BYE);
}

static unsigned tick(struct ward_session *s, uint64_t n)
{
    if ((int64_t)n > s->now_ms)
        earn(s, ((int64_t)n - s->now_ms) * WARD_TALK_RATE);
    s->now_ms = (int64_t)n;
    if (s->now_ms - s->heard_ms > WARD_IDLE_CLOSE_MS)
        return close_with(s, WARD_ERR_TIMEOUT, 0);
    if (s->state != WARD_S_GREETING && s->now_ms - s->spoke_ms > WARD_IDLE_PING_MS) {
        s->spoke_ms = s->now_ms;
        return WARD_SA_PING;
    }
    return 0;
}

/* state x event; what is not listed is a protocol error. The rows are those of proto/session.md. */
static handler *const table[WARD_S_COUNT][WARD_SE_COUNT] = {
    [WARD_S_GREETING] =
        {
            [WARD_SE_LINK_UP] = link_up,
            [WARD_SE_HELLO_EQUAL] = hello_equal,
            [WARD_SE_HELLO_DIFFER] = hello_differ,
            [WARD_SE_HELLO_NEAR] = hello_near,
            [WARD_SE_BYE] = peer_says_bye,
            [WARD_SE_ERROR] = peer_left,
            [WARD_SE_BAD] = bad,
            [WARD_SE_NEWS] = ignore,
            [WARD_SE_TICK] = tick,
            [WARD_SE_LEAVE] = leave,
        },
    [WARD_S_COMPARING] =
        {
            [WARD_SE_SPACES] = spaces,
            [WARD_SE_PING] = ping,
            [WARD_SE_BYE] = peer_says_bye,
            [WARD_SE_ERROR] = peer_left,
            [WARD_SE_BAD] = bad,
            [WARD_SE_NEWS] = ignore,
            [WARD_SE_TICK] = tick,
            [WARD_SE_LEAVE] = leave,
        },
    [WARD_S_EXCHANGING] =
        {
            [WARD_SE_HEADS] = heads,
            [WARD_SE_HEADS_LAST] = heads_last,
            [WARD_SE_CIRCLE] = circle,
            [WARD_SE_RUN] = run,
            [WARD_SE_RECEIPT] = receipt,
            [WARD_SE_ASK] = ask,
            [WARD_SE_COMMITTED] = committed,
            [WARD_SE_REFUSED] = refused,
            [WARD_SE_SENT] = sent,
            [WARD_SE_ACK] = ack,
            [WARD_SE_DRAINED] = drained,
            [WARD_SE_DONE] = done,
            [WARD_SE_PING] = ping,
            [WARD_SE_BYE] = peer_says_bye,
            [WARD_SE_ERROR] = peer_left,
            [WARD_SE_BAD] = bad,
            [WARD_SE_NEWS] = news,
            [WARD_SE_TICK] = tick,
            [WARD_SE_LEAVE] = leave,
            [WARD_SE_BRANCH] = branch,
            [WARD_SE_WANT] = want,
            [WARD_SE_PIECE] = piece,
            [WARD_SE_GOT] = got,
        },
    [WARD_S_LIVE] =
        {
            [WARD_SE_CIRCLE] = circle,   [WARD_SE_BRANCH] = branch,     [WARD_SE_RUN] = run,
            [WARD_SE_PIECE] = piece,     [WARD_SE_GOT] = got,           [WARD_SE_RECEIPT] = receipt,
            [WARD_SE_ASK] = ask,         [WARD_SE_WANT] = want,         [WARD_SE_COMMITTED] = committed,
            [WARD_SE_REFUSED] = refused, [WARD_SE_SENT] = sent,         [WARD_SE_ACK] = ack,
            [WARD_SE_DRAINED] = drained, [WARD_SE_DONE] = ping, /* said again after samples */
            [WARD_SE_PING] = ping,       [WARD_SE_BYE] = peer_says_bye, [WARD_SE_ERROR] = peer_left,
            [WARD_SE_BAD] = bad,         [WARD_SE_NEWS] = news,         [WARD_SE_TICK] = tick,
            [WARD_SE_LEAVE] = leave,
        },
};

void ward_session_init(struct ward_session *s, int64_t now_ms)
{
    *s = (struct ward_session){
        .window = 1, .now_ms = now_ms, .heard_ms = now_ms, .spoke_ms = now_ms, .talk = (int64_t)WARD_TALK_BURST * 1000};
}

bool ward_session_listed(enum ward_session_state state, enum ward_session_event_type event)
{
    return table[state][event] != NULL;
}

unsigned ward_session_step(struct ward_session *s, enum ward_session_event_type event, uint64_t n)
{
    assert(event < WARD_SE_COUNT);
    if (s->state == WARD_S_CLOSED)
        return 0;
    if (event <= WARD_SE_BAD)
        s->heard_ms = s->now_ms;
    if (!table[s->state][event])
        return close_with(s, WARD_ERR_PROTOCOL, WARD_SA_ERROR);
    return table[s->state][event](s, n);
}

bool ward_session_may_send(const struct ward_session *s)
{
    return s->streaming && s->sent - s->acked < s->window && (s->state == WARD_S_EXCHANGING || s->state == WARD_S_LIVE);
}

const char *ward_session_state_name(enum ward_session_state state)
{
    static const char *const names[] = {"greeting", "comparing", "exchanging", "live", "closed"};
    assert(state < WARD_S_COUNT);
    return names[state];
}

const char *ward_session_event_name(enum ward_session_event_type event)
{
    static const char *const names[] = {"hello-equal", "hello-differ", "hello-near", "spaces",  "heads",   "heads-last", "circle",
                                        "branch",      "run",          "piece",      "got",     "receipt", "ask",        "want",
                                        "ack",         "done",         "ping",       "bye",     "error",   "bad",        "link-up",
                                        "committed",   "refused",      "sent",       "drained", "news",    "tick",       "leave"};
    assert(event < WARD_SE_COUNT);
    return names[event];
}
