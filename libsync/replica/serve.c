/* serve.c - the loop of a peer that listens, and of a cell that keeps a link upward. Nothing here asks whether this is a hub: it is whoever
 * is met. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/admit.h"
#include "replica/compact.h"
#include "replica/cut.h"
#include "replica/identity.h"
#include "replica/own.h"
#include "replica/route.h"
#include "replica/talk.h"
#include "rules/gate.h"
#include "shell/link.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/fingerprint.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define LOOK_EVERY_MS     200 /* for commits of other processes */
#define TICK_EVERY_MS     1000
#define REMEMBER_EVERY_MS 10000
#define EVENTS_A_PASS     64 /* taken from the link before each device has its turn */
/* Heavy work has a quarter of the time at most: who comes meanwhile finds the server free more often than not, and other programs on this
 * home find its lock free. */
#define HEAVY_REST        3 /* times as long as the work took, until its commit */
#define HEAVY_REST_MS_MAX 200
#define REST_MS           5 /* before those who wait for their share are looked at again */
#define BACKOFF_MS_MIN    500
#define BACKOFF_MS_MAX    60000

/* A frame that waits for its turn. */
struct waiting {
    struct waiting *next;
    size_t len;
    uint8_t p[];
};

/* One peer on the line. */
struct guest {
    ward_peer peer;
    bool upward;  /* called by us */
    bool joining; /* linked by an invitation's key: may join and nothing else */
    bool met;     /* greeted, or called by us: it is known who it is */
    bool told_up, remembered;
    bool gone; /* the link is down: what it sent before still counts */
    int gone_code;
    uint8_t link_pk[32];
    struct ward_visitor *visitor;
    struct waiting *first, *last;
    size_t waiting_bytes;
    struct ward_server *server;
    struct ward_talk talk;
};

/* Of a feed's row: enough to see that it has changed. */
struct head {
    uint64_t seq;
    uint8_t hash8[8];
};

struct ward_server {
    ward_replica *r;
    struct ward_link *link;
    ward_event_fn *on_event;
    void *ctx;
    struct guest **guests;
    size_t guest_count, guest_cap;
    struct ward_gate gate;
    struct ward_bucket joins;
    size_t waiting_bytes; /* of all guests */
    size_t begin;         /* with whom a pass begins */
    uint64_t pass;
    bool unfinished; /* its time was over: it goes on in the next step */
    bool resting;           /* somebody waits for his share */
    int64_t light_ms;       /* when somebody who takes little last spoke */
    bool heavy_work;        /* in this step */
    int64_t heavy_after_ms; /* not before */
    struct ward_batch batch;
    bool parted;      /* it is known anew what somebody holds */
    bool floors_wait; /* some are proposed and not closed */
    bool news;
    struct head *heads; /* by fid - 1, as they were when guests were last told, */
    uint32_t *changed;  /* and which have changed since */
    size_t head_count;
    uint64_t told; /* the store's stamp when guests were last told: whoever else looks at the store takes no news from them */
    int every_ms;
    int64_t call_at_ms, backoff_ms, looked_ms, ticked_ms, remembered_ms;
    size_t next_route;
    char called[128];
    struct ward_tries tries;
};

static int64_t mono(const struct ward_server *s)
{
    return s->r->env.mono_ms(s->r->env.ctx);
}

static void tell(struct ward_server *s, enum ward_event_type type, int code, const struct ward_hash *grant, const char *text)
{
    struct ward_event e = {.type = type, .code = code, .text = text};
    if (grant)
        e.grant = *grant;
    if (s->on_event)
        s->on_event(s->ctx, &e);
}

/* ---- who may come in */

static int admit(void *ctx, const uint8_t link_pk[32])
{
    struct ward_server *s = ctx;
    if (ward_replica_refresh(s->r, NULL) && s->r->dir.grant_count == 0)
        return WARD_ERR_PEER_UNKNOWN;
    const struct ward_grant *g = ward_directory_grant_by_link(&s->r->dir, link_pk);
    /* A cut device is let in to be told so, and gets nothing else. */
    bool known = g ? ward_grant_effective(&s->r->dir, &g->id) : ward_invitation_known(s->r, link_pk, NULL) == WARD_OK;
    int rc = known ? ward_gate_knock(&s->gate, link_pk, mono(s)) : WARD_ERR_PEER_UNKNOWN;
    if (!rc)
        s->light_ms = mono(s); /* its first frame follows */
    return rc;
}

/* ---- guests */

static struct guest *find_guest(struct ward_server *s, ward_peer peer)
{
    for (size_t i = 0; i < s->guest_count; i++)
        if (s->guests[i]->peer == peer)
            return s->guests[i];
    return NULL;
}

static int send_frame(void *ctx, const void *p, size_t len, struct ward_error *err)
{
    struct guest *g = ctx;
    return ward_link_send(g->server->link, g->peer, p, len, err);
}

static void drop_first(struct guest *g)
{
    struct waiting *w = g->first;
    g->first = w->next;
    if (!g->first)
        g->last = NULL;
    g->waiting_bytes -= w->len;
    g->server->waiting_bytes -= w->len;
    ward_release(&g->server->r->env, w);
}

static void remove_guest(struct ward_server *s, struct guest *g, int code)
{
    size_t i = 0;
    while (s->guests[i] != g)
        i++;
    s->guests[i] = s->guests[--s->guest_count];
    if (g->told_up)
        tell(s, WARD_EVENT_PEER_DOWN, code, &g->talk.peer.id, NULL);
    if (g->talk.retell && !ward_store_in_transaction(s->r->store))
        s->news |= ward_own_rewrite(s->r, NULL) == WARD_OK;
    if (g->upward) {
        uint32_t jitter = 0;
        if (g->talk.levelled) /* not where it only came up: a hub that is full, or falls at each meeting, is left in peace */
            s->backoff_ms = BACKOFF_MS_MIN;
        s->r->env.random(s->r->env.ctx, &jitter, sizeof jitter);
        s->call_at_ms = mono(s) + s->backoff_ms / 2 + (int64_t)(jitter % (uint32_t)(s->backoff_ms / 2 + 1));
        s->backoff_ms = s->backoff_ms * 2 > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : s->backoff_ms * 2;
    }
    if (g->talk.r && g->talk.s.shown_out && ward_gate_blames(g->talk.s.error))
        ward_gate_strike(g->visitor, mono(s));
    while (g->first)
        drop_first(g);
    ward_gate_leave(g->visitor, mono(s));
    ward_link_drop(s->link, g->peer);
    ward_talk_free(&g->talk);
    ward_release(&s->r->env, g);
}

/* Contact with all that stand for it is remembered at once: a network that fails takes hundreds with it. It is a hint: nothing hangs on it.
 */
typedef bool stands_fn(const struct guest *g);
static void remember(struct ward_server *s, stands_fn *stands)
{
    struct ward_store *store = s->r->store;
    bool begun = false;
    int rc = ward_store_in_transaction(store) || ward_store_read_only(store) ? WARD_ERR_BUSY : WARD_OK;
    for (size_t i = 0; !rc && i < s->guest_count; i++) {
        struct guest *g = s->guests[i];
        if (g->joining || !g->talk.r || !stands(g))
            continue;
        if (!begun)
            rc = ward_store_begin_hint(store, NULL);
        begun |= !rc;
        if (!rc)
            rc = ward_talk_note_peer(&g->talk, g->upward ? s->called : NULL, NULL);
        g->remembered = true;
    }
    if (begun && (rc || ward_store_commit(store, NULL)))
        ward_store_rollback(store);
    s->parted |= begun;
}

static size_t links_of(const struct ward_server *s, const uint8_t link_pk[32])
{
    size_t n = 0;
    for (size_t i = 0; i < s->guest_count; i++)
        n += memcmp(s->guests[i]->link_pk, link_pk, 32) == 0;
    return n;
}

static int new_guest(struct ward_server *s, ward_peer peer, const uint8_t link_pk[32], struct guest **out, struct ward_error *err)
{
    if (s->guest_count >= WARD_PEERS_MAX || links_of(s, link_pk) >= WARD_SESSIONS_PER_KEY)
        return ward_fail(err, WARD_ERR_PEERS, "too many links");
    if (ward_grow(&s->r->env, (void **)&s->guests, &s->guest_cap, s->guest_count, sizeof *s->guests))
        return ward_fail(err, WARD_ERR_MEMORY, "peer");
    struct guest *g = ward_alloc(&s->r->env, sizeof *g);
    struct ward_visitor *visitor = g ? ward_gate_enter(&s->gate, link_pk, mono(s)) : NULL;
    if (!visitor) {
        ward_release(&s->r->env, g);
        return ward_fail(err, WARD_ERR_MEMORY, "peer");
    }
    *g = (struct guest){.peer = peer, .server = s, .visitor = visitor};
    memcpy(g->link_pk, link_pk, 32);
    s->guests[s->guest_count++] = g;
    *out = g;
    return WARD_OK;
}

static int start_talk(struct ward_server *s, struct guest *g, const struct ward_grant *peer, struct ward_error *err)
{
    struct ward_talk_hooks hooks = {
        .ctx = g, .send = send_frame, .on_event = s->on_event, .event_ctx = s->ctx, .calls = g->upward, .states = g->upward};
    int rc = ward_talk_open(&g->talk, s->r, peer, &s->batch, &hooks, err);
    if (rc)
        return rc;
    g->told_up = true;
    tell(s, WARD_EVENT_PEER_UP, 0, &peer->id, NULL);
    return g->upward ? ward_talk_link_up(&g->talk, err) : WARD_OK; /* who is called answers */
}

/* ---- frames */

static void refuse(struct ward_server *s, struct guest *g, int code)
{
    struct ward_buf b;
    ward_buf_init(&b, &s->r->env);
    ward_frame_error(&b, code, ward_error_name(code));
    if (!ward_buf_status(&b))
        ward_link_send(s->link, g->peer, b.p, b.len, NULL);
    ward_buf_free(&b);
    tell(s, WARD_EVENT_PEER_REFUSED, code, NULL, NULL);
}

static void tell_joined(struct ward_server *s, const struct ward_hash *grant, const char *name)
{
    const struct ward_grant *g = ward_directory_grant(&s->r->dir, grant);
    char words[WARD_FINGERPRINT] = "";
    struct ward_event e = {.type = WARD_EVENT_JOINED, .grant = *grant, .text = name, .words = words};
    if (g)
        ward_fingerprint(words, g->sign_pk, g->link_pk);
    if (s->on_event)
        s->on_event(s->ctx, &e);
}

/* A request for a grant has been answered, or refused. */
static int answered(struct ward_server *s, struct guest *g, int rc, const struct ward_buf *answer, const struct ward_hash *grant,
                    const struct ward_error *why, struct ward_error *err)
{
    if (!rc) {
        char name[WARD_NAME_MAX + 1];
        if (ward_device_name(s->r, grant, name, sizeof name, NULL))
            name[0] = 0;
        ward_link_send(s->link, g->peer, answer->p, answer->len, NULL);
        s->news = true;
        tell_joined(s, grant, name);
        return WARD_OK;
    }
    refuse(s, g, rc);
    s->news |= rc == WARD_ERR_KEYS_WAIT; /* noted for the operators */
    bool ours = rc >= 600 && rc < 700;
    if (ours && err)
        *err = *why;
    return ours ? rc : WARD_OK;
}

static int on_join(struct ward_server *s, struct guest *g, const struct waiting *w, struct ward_error *err)
{
    struct ward_message m;
    struct ward_buf answer;
    struct ward_hash grant;
    struct ward_error why = {0};
    ward_buf_init(&answer, &s->r->env);
    int rc = ward_tries_left(&s->tries, g->link_pk, mono(s)) ? WARD_OK : WARD_ERR_JOIN_TRIES;
    if (!rc && !ward_bucket_has(&s->joins, mono(s), WARD_JOINS_RATE, WARD_JOINS_BURST))
        rc = ward_fail(&why, WARD_ERR_PAUSE, "too many ask to join");
    if (!rc)
        rc = ward_frame_parse(&m, w->p, w->len, &why);
    ward_bucket_take(&s->joins, rc != WARD_ERR_PAUSE && rc != WARD_ERR_JOIN_TRIES);
    if (!rc)
        rc = m.type == WARD_MSG_JOIN ? ward_invitation_accept(s->r, g->link_pk, &m, &answer, &grant, &why) : WARD_ERR_PROTOCOL;
    if (rc && rc != WARD_ERR_JOIN_TRIES && rc != WARD_ERR_PAUSE && (rc < 600 || rc >= 700))
        ward_tries_note(&s->tries, g->link_pk, mono(s));
    rc = answered(s, g, rc, &answer, &grant, &why, err);
    ward_buf_free(&answer);
    return rc;
}

/* A device asks for new keys over the link of its old ones. */
static int on_request(struct ward_server *s, struct guest *g, const struct waiting *w, struct ward_error *err)
{
    struct ward_buf answer;
    struct ward_hash grant;
    struct ward_error why = {0};
    ward_buf_init(&answer, &s->r->env);
    int rc = ward_tries_left(&s->tries, g->link_pk, mono(s))
                 ? ward_admit_over_link(s->r, &g->talk.peer.id, w->p, w->len, &answer, &grant, &why)
                 : WARD_ERR_JOIN_TRIES;
    if (rc && rc != WARD_ERR_JOIN_TRIES && (rc < 600 || rc >= 700))
        ward_tries_note(&s->tries, g->link_pk, mono(s));
    rc = answered(s, g, rc, &answer, &grant, &why, err);
    ward_buf_free(&answer);
    return rc;
}

/* The first frame of an incoming link tells who it is, by its key. What is here is compared with what he has: that must be committed, so no
 * batch is open. */
static int greet(struct ward_server *s, struct guest *g, struct ward_error *err)
{
    int rc = ward_replica_refresh(s->r, err);
    if (rc)
        return rc;
    g->met = true;
    const struct ward_grant *known = ward_directory_grant_by_link(&s->r->dir, g->link_pk);
    g->joining = !known;
    if (!known)
        return WARD_OK;
    const struct ward_grant peer = *known; /* the row may move while frames are handled */
    return start_talk(s, g, &peer, err);
}

static bool is_run(const struct waiting *w)
{
    return w->len > 2 && (w->p[2] == WARD_MSG_RUN || w->p[2] == WARD_MSG_SNAPSHOT || w->p[2] == WARD_MSG_PART);
}

/* A run costs what it unpacks to, and more for each change: a short frame may hold much. */
static int run(struct ward_server *s, struct guest *g, const struct waiting *w, struct ward_error *err)
{
    uint64_t before = g->talk.received;
    if (ward_gate_may_grow(g->visitor, mono(s)))
        return ward_talk_show_out(&g->talk, WARD_ERR_QUOTA, err);
    ward_buf_clear(&s->r->unpacked);
    int rc = ward_talk_frame(&g->talk, w->p, w->len, err);
    size_t raw = s->r->unpacked.len > w->len ? s->r->unpacked.len : w->len;
    ward_gate_worked(g->visitor, mono(s), raw > WARD_WORK_RUN ? raw : WARD_WORK_RUN, g->talk.received - before);
    return rc;
}

static int handle(struct ward_server *s, struct guest *g, const struct waiting *w, struct ward_error *err)
{
    int rc = g->met ? WARD_OK : greet(s, g, err);
    if (rc)
        return rc;
    if (g->joining || ward_frame_type(w->p, w->len) == WARD_MSG_REQUEST) {
        rc = ward_batch_commit(&s->batch, err); /* admitting writes a change of our own */
        return rc ? rc : g->joining ? on_join(s, g, w, err) : on_request(s, g, w, err);
    }
    return is_run(w) ? run(s, g, w, err) : ward_talk_frame(&g->talk, w->p, w->len, err);
}

/* ---- turns: what comes is put by, and each device has one frame of it looked at before anyone has a second */

/* Nobody who keeps to the window comes near this. */
static int turn_away(struct ward_server *s, struct guest *g, int code, struct ward_error *err)
{
    if (g->talk.r)
        return ward_talk_show_out(&g->talk, code, err); /* and removed with those that are closed */
    refuse(s, g, code);
    remove_guest(s, g, code);
    return WARD_OK;
}

static int keep_bounds(struct ward_server *s, struct guest *g, struct ward_error *err)
{
    if (g->waiting_bytes > WARD_QUEUE_MAX)
        return turn_away(s, g, WARD_ERR_QUOTA, err);
    if (s->waiting_bytes <= WARD_QUEUES_MAX)
        return WARD_OK;
    for (size_t i = 0; i < s->guest_count; i++)
        if (s->guests[i]->waiting_bytes > g->waiting_bytes)
            g = s->guests[i];
    return turn_away(s, g, WARD_ERR_PEERS, err);
}

static int put_by(struct ward_server *s, struct guest *g, const struct ward_link_event *e, struct ward_error *err)
{
    if (g->talk.r && ward_talk_closed(&g->talk))
        return WARD_OK;
    struct waiting *w = ward_alloc(&s->r->env, sizeof *w + e->len);
    if (!w)
        return ward_fail(err, WARD_ERR_MEMORY, "a frame");
    w->len = e->len;
    memcpy(w->p, e->p, e->len);
    if (g->last)
        g->last->next = w;
    else
        g->first = w;
    g->last = w;
    g->waiting_bytes += w->len;
    s->waiting_bytes += w->len;
    return keep_bounds(s, g, err);
}

static int on_frame(struct ward_server *s, const struct ward_link_event *e, struct ward_error *err)
{
    struct guest *g = find_guest(s, e->peer);
    int rc = g ? WARD_OK : new_guest(s, e->peer, e->link_pk, &g, err);
    if (rc == WARD_ERR_PEERS) {
        struct guest passing = {.peer = e->peer, .server = s};
        refuse(s, &passing, rc);
        ward_link_drop(s->link, e->peer);
        return WARD_OK;
    }
    return rc ? rc : put_by(s, g, e, err);
}

/* The first waiting frame of a device that has not had its turn in this pass. */
static int give_turn(struct ward_server *s, struct guest *g, bool *any, struct ward_error *err)
{
    if (!g->first || g->visitor->turn == s->pass || (!g->met && s->batch.open)) /* who is new is met when what came is committed */
        return WARD_OK;
    int64_t now = mono(s);
    bool heavy = ward_gate_is_heavy(g->visitor, now);
    if (is_run(g->first) && ((heavy && now < s->heavy_after_ms) || !ward_gate_may_work(g->visitor, now, s->light_ms))) {
        s->resting = true;
        return WARD_OK;
    }
    g->visitor->turn = s->pass;
    s->heavy_work |= heavy && is_run(g->first);
    if (!heavy)
        s->light_ms = now;
    *any = true;
    int rc = handle(s, g, g->first, err);
    drop_first(g);
    return rc;
}

static bool is_time_over(const struct ward_server *s, int64_t begun)
{
    return mono(s) - begun >= WARD_STEP_MS || s->batch.bytes > WARD_BATCH_BYTES;
}

/* Where many have sent much, one pass takes several steps, so that those who had their turn early hear of it soon. */
static int pass(struct ward_server *s, bool *any, struct ward_error *err)
{
    int rc = WARD_OK;
    size_t count = s->guest_count;
    if (!s->unfinished) {
        s->pass++;
        s->begin++;
    }
    s->unfinished = false;
    *any = s->resting = false;
    for (size_t i = 0; !rc && i < count; i++) /* who is new goes first: after the others' runs he would wait for their commit */
        rc = s->guests[(s->begin + i) % count]->met ? WARD_OK : give_turn(s, s->guests[(s->begin + i) % count], any, err);
    int64_t begun = mono(s);
    for (size_t i = 0; !rc && !s->unfinished && i < count; i++) {
        bool done = false;
        rc = give_turn(s, s->guests[(s->begin + i) % count], &done, err);
        *any |= done;
        s->unfinished = done && i + 1 < count && is_time_over(s, begun);
    }
    return rc;
}

static bool anything_waits(const struct ward_server *s)
{
    for (size_t i = 0; i < s->guest_count; i++)
        if (s->guests[i]->first)
            return true;
    return false;
}

static int on_up(struct ward_server *s, const struct ward_link_event *e, struct ward_error *err)
{
    struct guest *g = find_guest(s, e->peer);
    if (!g)
        return WARD_OK;
    const struct ward_grant *known = ward_directory_grant_by_link(&s->r->dir, g->link_pk);
    struct ward_grant peer = {.role = WARD_ROLE_OPERATOR}; /* as in route.c: the invitation's hub */
    memcpy(peer.link_pk, g->link_pk, 32);
    if (known)
        peer = *known;
    g->met = true;
    return start_talk(s, g, &peer, err);
}

static int on_link(struct ward_server *s, const struct ward_link_event *e, struct ward_error *err)
{
    struct guest *g;
    switch (e->type) {
    case WARD_LINK_FRAME:
        return on_frame(s, e, err);
    case WARD_LINK_UP:
        return on_up(s, e, err);
    case WARD_LINK_DOWN:
        g = find_guest(s, e->peer);
        if (g) {
            g->gone = true;
            g->gone_code = e->code;
        }
        return WARD_OK;
    case WARD_LINK_REFUSED:
        tell(s, WARD_EVENT_PEER_REFUSED, e->code, NULL, e->text);
        return WARD_OK;
    }
    return WARD_OK;
}

/* ---- the turn of everything else */

static int commit(struct ward_server *s, struct ward_error *err)
{
    bool came = s->batch.open;
    int rc = ward_batch_commit(&s->batch, err);
    for (size_t i = 0; !rc && i < s->guest_count; i++)
        if (!s->guests[i]->joining)
            rc = ward_talk_committed(&s->guests[i]->talk, err);
    s->news |= came;
    return rc;
}

static int look_for_commits(struct ward_server *s, struct ward_error *err)
{
    if (mono(s) - s->looked_ms < LOOK_EVERY_MS)
        return WARD_OK;
    s->looked_ms = mono(s);
    int rc = ward_replica_refresh(s->r, err);
    s->news |= s->r->stamp != s->told;
    s->told = s->r->stamp;
    return rc;
}

/* The rows that have changed since it was asked last, in s->changed. */
static int find_changed(struct ward_server *s, size_t *count, struct ward_error *err)
{
    const struct ward_directory *d = &s->r->dir;
    *count = 0;
    if (d->feed_count > s->head_count) {
        size_t room = 2 * d->feed_count;
        struct head *heads = ward_realloc(&s->r->env, s->heads, room * sizeof *heads);
        s->heads = heads ? heads : s->heads;
        uint32_t *changed = heads ? ward_realloc(&s->r->env, s->changed, room * sizeof *changed) : NULL;
        if (!changed)
            return ward_fail(err, WARD_ERR_MEMORY, "news");
        s->changed = changed;
        memset(s->heads + s->head_count, 0, (room - s->head_count) * sizeof *heads);
        s->head_count = room;
    }
    for (size_t i = 0; i < d->feed_count; i++) {
        const struct ward_feed *f = &d->feeds[i];
        struct head *h = &s->heads[i];
        if (h->seq == f->head_seq && memcmp(h->hash8, f->head_hash.b, sizeof h->hash8) == 0)
            continue;
        h->seq = f->head_seq;
        memcpy(h->hash8, f->head_hash.b, sizeof h->hash8);
        s->changed[(*count)++] = f->fid;
    }
    return WARD_OK;
}

/* Each hears of what has changed, and looks no further: where hundreds are on the line it is their number that costs. */
static int spread_news(struct ward_server *s, struct ward_error *err)
{
    size_t count;
    if (!s->news)
        return WARD_OK;
    int rc = find_changed(s, &count, err);
    s->news = rc != WARD_OK;
    for (size_t i = 0; !rc && i < s->guest_count; i++)
        if (!s->guests[i]->joining)
            rc = ward_talk_news_of(&s->guests[i]->talk, s->changed, count, err);
    return rc;
}

/* Once while the link stays, and once when it ends; oftener while somebody waits for it. */
static bool is_newly_live(const struct guest *g)
{
    return (!g->remembered || g->server->floors_wait) && g->talk.s.state == WARD_S_LIVE;
}

/* What all devices hold by now; nothing is lost if it has to wait. */
static void close_floors(struct ward_server *s)
{
    struct ward_compact_result result = {0};
    if (s->batch.open || (!s->parted && !s->floors_wait))
        return;
    if (ward_compact_close(s->r, &result, NULL) == WARD_OK) {
        s->parted = false;
        s->floors_wait = result.waiting > 0;
        s->news |= result.closed > 0;
    }
}

static int tick(struct ward_server *s, struct ward_error *err)
{
    int rc = WARD_OK;
    if (mono(s) - s->ticked_ms < TICK_EVERY_MS)
        return WARD_OK;
    s->ticked_ms = mono(s);
    for (size_t i = 0; !rc && i < s->guest_count; i++)
        if (!s->guests[i]->joining && s->guests[i]->talk.r)
            rc = ward_talk_tick(&s->guests[i]->talk, s->ticked_ms, err);
    if (!rc && s->ticked_ms - s->remembered_ms >= REMEMBER_EVERY_MS) {
        remember(s, is_newly_live);
        close_floors(s);
        s->remembered_ms = s->ticked_ms;
    }
    return rc;
}

static bool is_over(const struct guest *g)
{
    return (g->talk.r && ward_talk_closed(&g->talk)) || (g->gone && !g->first);
}

static void drop_closed(struct ward_server *s)
{
    remember(s, is_over);
    for (size_t i = s->guest_count; i > 0; i--) {
        struct guest *g = s->guests[i - 1];
        if (is_over(g))
            remove_guest(s, g, g->talk.r && ward_talk_closed(&g->talk) ? g->talk.s.error : g->gone_code);
    }
}

/* Who answered last is called every other time, the others in turn between. */
static size_t turn(size_t n, size_t count)
{
    return count == 1 || n % 2 == 0 ? 0 : 1 + n / 2 % (count - 1);
}

/* Calls the hub, if this device has one and is not on the line with it. */
static int call_upward(struct ward_server *s, struct ward_error *err)
{
    struct ward_routes routes;
    struct guest *g;
    ward_peer peer;
    if (s->every_ms <= 0 || mono(s) < s->call_at_ms)
        return WARD_OK;
    for (size_t i = 0; i < s->guest_count; i++)
        if (s->guests[i]->upward)
            return WARD_OK;
    s->call_at_ms = mono(s) + s->every_ms;
    if (ward_routes_find(s->r, NULL, NULL, &routes, NULL))
        return WARD_OK; /* no hub known: nothing to call */
    const struct ward_route *route = &routes.v[turn(s->next_route++, routes.count)];
    int rc = ward_link_connect(s->link, route->address, route->link_pk, NULL, &peer, err);
    if (rc)
        return rc == WARD_ERR_ADDRESS ? WARD_OK : rc;
    snprintf(s->called, sizeof s->called, "%s", route->address);
    rc = new_guest(s, peer, route->link_pk, &g, err);
    if (rc) {
        ward_link_drop(s->link, peer);
        return rc == WARD_ERR_PEERS ? WARD_OK : rc;
    }
    g->upward = true;
    return WARD_OK;
}

/* Trouble of the disk or of memory: what was not committed is forgotten, and so are the sessions that had sent it. */
static int recover(struct ward_server *s, int rc)
{
    ward_batch_abort(&s->batch);
    for (size_t i = s->guest_count; i > 0; i--)
        if (s->guests[i - 1]->talk.r)
            remove_guest(s, s->guests[i - 1], rc);
    return rc;
}

/* Some of what the link has, so that nobody who speaks now has to wait for those who spoke before. */
static int listen_in(struct ward_server *s, int wait, bool *any, struct ward_error *err)
{
    int rc = WARD_OK;
    *any = false;
    for (int i = 0; !rc && i < EVENTS_A_PASS; i++) {
        struct ward_link_event e;
        bool got;
        rc = ward_link_step(s->link, i == 0 ? wait : 0, -1, &e, &got, err);
        if (rc || !got)
            break;
        *any = true;
        rc = on_link(s, &e, err);
    }
    return rc;
}

/* Passes until nothing is left to do, or so much time is over that those who have had their turn should hear of it. */
static int work(struct ward_server *s, int wait, int64_t *begun, struct ward_error *err)
{
    bool came = true, done = true;
    int rc = WARD_OK;
    if (anything_waits(s) && wait > REST_MS)
        wait = s->resting && !s->unfinished ? REST_MS : 0;
    for (int i = 0; !rc && (came || done) && i < EVENTS_A_PASS; i++) {
        rc = listen_in(s, i == 0 ? wait : 0, &came, err);
        if (i == 0)
            *begun = mono(s);
        if (!rc)
            rc = pass(s, &done, err);
        if (is_time_over(s, *begun))
            break;
    }
    return rc;
}

static void rest_from_heavy_work(struct ward_server *s, int64_t begun)
{
    int64_t rest = HEAVY_REST * (mono(s) - begun);
    if (s->heavy_work)
        s->heavy_after_ms = mono(s) + (rest < HEAVY_REST_MS_MAX ? rest : HEAVY_REST_MS_MAX);
    s->heavy_work = false;
}

int ward_serve_step(struct ward_server *s, int timeout_ms, struct ward_error *err)
{
    int64_t begun = mono(s);
    int rc = work(s, timeout_ms < LOOK_EVERY_MS ? timeout_ms : LOOK_EVERY_MS, &begun, err);
    if (!rc)
        rc = commit(s, err);
    rest_from_heavy_work(s, begun);
    if (!rc)
        rc = look_for_commits(s, err);
    if (!rc)
        rc = spread_news(s, err);
    if (!rc)
        rc = tick(s, err);
    if (rc)
        return recover(s, rc);
    drop_closed(s);
    return call_upward(s, err);
}

int ward_serve_open(ward_replica *r, const struct ward_serve_options *options, ward_server **out, struct ward_error *err)
{
    int rc = ward_keys_check(r->keys, err);
    if (rc)
        return rc;
    struct ward_server *s = ward_alloc(&r->env, sizeof *s);
    if (!s)
        return ward_fail(err, WARD_ERR_MEMORY, "server");
    *s = (struct ward_server){.r = r,
                              .on_event = options->on_event,
                              .ctx = options->ctx,
                              .batch = {.r = r},
                              .every_ms = options->every_ms,
                              .backoff_ms = BACKOFF_MS_MIN};
    ward_gate_init(&s->gate, &r->env);
    s->call_at_ms = s->looked_ms = s->ticked_ms = s->remembered_ms = mono(s);
    struct ward_link_options link = {.env = &r->env, .admit = admit, .ctx = s};
    memcpy(link.link_sk, r->keys->link_sk, 32);
    ward_process_raise_descriptors();
    rc = ward_replica_refresh(r, err);
    if (!rc)
        ward_rotate_finish(r, NULL); /* a hint: if it cannot be done now, it is tried again */
    s->told = r->stamp;
    if (!rc)
        rc = ward_link_open(&s->link, &link, err);
    sodium_memzero(link.link_sk, sizeof link.link_sk);
    for (size_t i = 0; !rc && i < options->listen_count; i++) {
        char bound[128];
        rc = ward_link_listen(s->link, options->listen[i], bound, err);
        if (!rc)
            tell(s, WARD_EVENT_LISTENING, 0, NULL, bound);
    }
    if (rc) {
        ward_serve_close(s);
        return rc;
    }
    *out = s;
    return WARD_OK;
}

void ward_serve_close(struct ward_server *s)
{
    if (!s)
        return;
    if (commit(s, NULL))
        ward_batch_abort(&s->batch);
    for (size_t i = 0; i < s->guest_count; i++)
        if (s->guests[i]->talk.r)
            ward_talk_leave(&s->guests[i]->talk, NULL);
    remember(s, is_over);
    while (s->guest_count)
        remove_guest(s, s->guests[s->guest_count - 1], 0);
    ward_link_close(s->link);
    ward_gate_free(&s->gate);
    ward_release(&s->r->env, s->guests);
    ward_release(&s->r->env, s->heads);
    ward_release(&s->r->env, s->changed);
    ward_release(&s->r->env, s);
}
