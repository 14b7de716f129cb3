/* serve_guest.c - who is on the line: come, remembered, gone. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/own.h"
#include "replica/serve.h"
#include "values/feed.h"

#include <string.h>

struct ward_server_guest *ward_server_find_guest(struct ward_server *s, ward_peer peer)
{
    for (size_t i = 0; i < s->guest_count; i++)
        if (s->guests[i]->peer == peer)
            return s->guests[i];
    return NULL;
}

static int send_frame(void *ctx, const void *p, size_t len, struct ward_error *err)
{
    struct ward_server_guest *g = ctx;
    return ward_link_send(g->server->link, g->peer, p, len, err);
}

void ward_server_drop_first(struct ward_server_guest *g)
{
    struct ward_server_frame *w = g->first;
    g->first = w->next;
    if (!g->first)
        g->last = NULL;
    g->waiting_bytes -= w->len;
    g->server->waiting_bytes -= w->len;
    g->server->unseen -= !w->seen;
    ward_release(&g->server->r->env, w);
}

void ward_server_remove_guest(struct ward_server *s, struct ward_server_guest *g, int code)
{
    size_t i = 0;
    while (s->guests[i] != g)
        i++;
    s->guests[i] = s->guests[--s->guest_count];
    if (g->told_up)
        ward_server_tell(s, WARD_EVENT_PEER_DOWN, code, &g->talk.peer.id, NULL);
    if (g->talk.retell && !ward_store_in_transaction(s->r->store))
        s->news |= ward_own_rewrite(s->r, NULL) == WARD_OK;
    if (g->upward) {
        uint32_t jitter = 0;
        if (g->talk.levelled) /* not where it only came up: a hub that is full, or falls at each meeting, is left in peace */
            s->backoff_ms = WARD_BACKOFF_MS_MIN;
        s->r->env.random(s->r->env.ctx, &jitter, sizeof jitter);
        s->call_at_ms = ward_server_mono(s) + s->backoff_ms / 2 + (int64_t)(jitter % (uint32_t)(s->backoff_ms / 2 + 1));
        s->backoff_ms = s->backoff_ms * 2 > WARD_BACKOFF_MS_MAX ? WARD_BACKOFF_MS_MAX : s->backoff_ms * 2;
    }
    if (g->talk.r && g->talk.s.shown_out && ward_gate_blames(g->talk.s.error))
        ward_gate_strike(g->visitor, ward_server_mono(s));
    while (g->first)
        ward_server_drop_first(g);
    ward_gate_leave(g->visitor, ward_server_mono(s));
    ward_link_drop(s->link, g->peer);
    ward_talk_free(&g->talk);
    ward_release(&s->r->env, g);
}

/* Contact with all that stand for it is remembered at once: a network that fails takes hundreds with it. It is a hint: nothing hangs on it.
 */
void ward_server_remember(struct ward_server *s, ward_server_stands_fn *stands)
{
    struct ward_store *store = s->r->store;
    bool begun = false;
    int rc = ward_store_in_transaction(store) || ward_store_read_only(store) ? WARD_ERR_BUSY : WARD_OK;
    for (size_t i = 0; !rc && i < s->guest_count; i++) {
        struct ward_server_guest *g = s->guests[i];
        if (g->joining || !g->talk.r || !stands(g))
            continue;
        if (!begun)
            rc = ward_store_begin_hint(store, NULL);
        begun |= !rc;
        if (!rc)
            rc = ward_talk_note_peer(&g->talk, g->upward ? s->called : NULL, NULL);
        g->remembered = true;
    }
    if (begun && (rc || ward_store_commit(store, NULL))) {
        ward_store_rollback(store);
        for (size_t i = 0; i < s->guest_count; i++)
            s->guests[i]->talk.noted = UINT64_MAX;
    }
    s->floors_due |= begun;
}

static size_t links_of(const struct ward_server *s, const uint8_t link_pk[32])
{
    size_t n = 0;
    for (size_t i = 0; i < s->guest_count; i++)
        n += memcmp(s->guests[i]->link_pk, link_pk, 32) == 0;
    return n;
}

int ward_server_new_guest(struct ward_server *s, ward_peer peer, const uint8_t link_pk[32], struct ward_server_guest **out,
                          struct ward_error *err)
{
    if (s->guest_count >= WARD_PEERS_MAX || links_of(s, link_pk) >= WARD_SESSIONS_PER_KEY)
        return ward_fail(err, WARD_ERR_PEERS, "too many links");
    if (ward_grow(&s->r->env, (void **)&s->guests, &s->guest_cap, s->guest_count, sizeof *s->guests))
        return ward_fail(err, WARD_ERR_MEMORY, "peer");
    struct ward_server_guest *g = ward_alloc(&s->r->env, sizeof *g);
    struct ward_visitor *visitor = g ? ward_gate_enter(&s->gate, link_pk, ward_server_mono(s)) : NULL;
    if (!visitor) {
        ward_release(&s->r->env, g);
        return ward_fail(err, WARD_ERR_MEMORY, "peer");
    }
    *g = (struct ward_server_guest){.peer = peer, .server = s, .visitor = visitor};
    memcpy(g->link_pk, link_pk, 32);
    s->guests[s->guest_count++] = g;
    *out = g;
    return WARD_OK;
}

int ward_server_start_talk(struct ward_server *s, struct ward_server_guest *g, const struct ward_grant *peer, struct ward_error *err)
{
    struct ward_talk_hooks hooks = {
        .ctx = g, .send = send_frame, .on_event = s->on_event, .event_ctx = s->ctx, .calls = g->upward, .states = g->upward};
    int rc = ward_talk_open(&g->talk, s->r, peer, &s->batch, &hooks, err);
    if (rc)
        return rc;
    g->told_up = true;
    ward_server_tell(s, WARD_EVENT_PEER_UP, 0, &peer->id, NULL);
    return g->upward ? ward_talk_link_up(&g->talk, err) : WARD_OK; /* who is called answers */
}

void ward_server_refuse(struct ward_server *s, struct ward_server_guest *g, int code)
{
    struct ward_buf b;
    ward_buf_init(&b, &s->r->env);
    ward_frame_error(&b, code, ward_error_name(code));
    if (!ward_buf_status(&b))
        ward_link_send(s->link, g->peer, b.p, b.len, NULL);
    ward_buf_free(&b);
    ward_server_tell(s, WARD_EVENT_PEER_REFUSED, code, NULL, NULL);
}
