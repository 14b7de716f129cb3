/* The state table, driven by any events in any order: two bytes each, the event and its number. This side does what is asked of it as
 * libsync/replica/talk.c does; the peer does as it likes. After each step: states only go forward, closed stays closed and silent, the
 * window bounds what is in flight, nothing is acknowledged that is not durable, and live means that both are done. */
#include "rules/session.h"
#include "fuzz.h"

struct side {
    struct ward_session s;
    bool done_by_peer, equal;
};

static const unsigned all_actions =
    ((1u << 15) - 1) | WARD_SA_KEEP_RECEIPT | WARD_SA_NOTE_ASK | WARD_SA_NOTE_WANT | WARD_SA_NOTE_PIECE | WARD_SA_PIECES;

static bool from_peer(enum ward_session_event_type event)
{
    return event <= WARD_SE_BAD;
}

/* This side tells the session only what has happened. */
static bool may_happen(const struct side *side, enum ward_session_event_type event)
{
    const struct ward_session *s = &side->s;
    switch (event) {
    case WARD_SE_LINK_UP:
        return s->state == WARD_S_GREETING;
    case WARD_SE_COMMITTED:
        return s->received > s->committed;
    case WARD_SE_SENT:
    case WARD_SE_DRAINED:
        return ward_session_may_send(s);
    default:
        return true;
    }
}

static uint64_t number_for(const struct ward_session *s, enum ward_session_event_type event, uint8_t n)
{
    switch (event) {
    case WARD_SE_HELLO_EQUAL:
    case WARD_SE_HELLO_DIFFER:
        return 1 + n % 16; /* the frame's window */
    case WARD_SE_HELLO_NEAR:
        return (1 + n % 16) | (n & 0x40 ? WARD_NEAR_OURS : 0) | (n & 0x80 ? WARD_NEAR_THEIRS : 0);
    case WARD_SE_ACK:
        return n < 250 ? s->acked + n % 8 : n == 255 ? UINT64_MAX : s->sent + (n - 252u);
    case WARD_SE_GOT:
        return n < 250 ? s->got + n % 4 : n == 255 ? UINT64_MAX : s->pieces + (n - 252u);
    case WARD_SE_COMMITTED:
        return s->received;
    case WARD_SE_TICK:
        return (uint64_t)s->now_ms + 400u * n;
    case WARD_SE_BAD:
    case WARD_SE_ERROR:
        return 200u + n;
    default:
        return 0;
    }
}

static void check_step(const struct ward_session *before, const struct side *side, enum ward_session_event_type event, unsigned actions)
{
    const struct ward_session *s = &side->s;
    bool listed = ward_session_listed(before->state, event);
    CHECK((actions & ~all_actions) == 0 && s->state >= before->state);
    CHECK(s->acked <= s->sent && s->committed <= s->received && s->sent - s->acked <= s->window);
    CHECK(s->got <= s->pieces && s->got >= before->got);
    CHECK(s->acked >= before->acked && s->committed >= before->committed);
    CHECK(!(actions & WARD_SA_ACK) || event == WARD_SE_COMMITTED);
    CHECK(!(actions & WARD_SA_HELLO) || event == WARD_SE_LINK_UP);
    CHECK(!(actions & WARD_SA_INGEST) || (event == WARD_SE_RUN && s->received == before->received + 1));
    CHECK(!(actions & WARD_SA_DONE) || before->done_owed || (s->done_sent && !before->done_sent));
    CHECK(((actions & WARD_SA_CLOSE) != 0) == (s->state == WARD_S_CLOSED));
    CHECK(!(actions & WARD_SA_ERROR) || (s->state == WARD_S_CLOSED && s->error != 0));
    CHECK(!(actions & WARD_SA_STREAM) || s->streaming);
    CHECK(listed || (s->state == WARD_S_CLOSED && s->error == WARD_ERR_PROTOCOL && actions == (WARD_SA_ERROR | WARD_SA_CLOSE)));
    if (s->state == WARD_S_LIVE && before->state != WARD_S_LIVE)
        CHECK((actions & WARD_SA_LIVE) &&
              (side->equal || (s->done_sent && side->done_by_peer && s->sent == s->acked && s->received == s->committed)));
    else
        CHECK(!(actions & WARD_SA_LIVE));
}

static void check_closed(struct side *side)
{
    const struct ward_session last = side->s;
    for (int event = 0; event < WARD_SE_COUNT; event++)
        CHECK(ward_session_step(&side->s, (enum ward_session_event_type)event, 1) == 0);
    CHECK(memcmp(&last, &side->s, sizeof last) == 0 && !ward_session_may_send(&side->s));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    struct side side = {.equal = false};
    memset(&side.s, 0, sizeof side.s); /* padding too: it is compared */
    ward_session_init(&side.s, 1000);
    while (in.len >= 2 && side.s.state != WARD_S_CLOSED) {
        enum ward_session_event_type event = (enum ward_session_event_type)(fuzz_byte(&in) % WARD_SE_COUNT);
        uint64_t n = number_for(&side.s, event, fuzz_byte(&in));
        if (!from_peer(event) && !may_happen(&side, event))
            continue;
        side.s.pieces += event == WARD_SE_SENT; /* it went in pieces */
        const struct ward_session before = side.s;
        unsigned actions = ward_session_step(&side.s, event, n);
        side.equal |= event == WARD_SE_HELLO_EQUAL;
        side.done_by_peer |= event == WARD_SE_DONE || (event == WARD_SE_HELLO_NEAR && (n & WARD_NEAR_THEIRS));
        check_step(&before, &side, event, actions);
    }
    if (side.s.state == WARD_S_CLOSED)
        check_closed(&side);
    return 0;
}
