/* serve.c - the loop of a peer that listens, and of a cell that keeps a link upward. Nothing here asks whether this is a hub: it is whoever
 * is met. */
#include "replica/serve.h"
#include "base/alloc.h"
#include "base/err.h"
#include "replica/compact.h"
#include "replica/identity.h"
#include "replica/own.h"
#include "replica/route.h"
#include "shell/platform.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define LOOK_EVERY_MS     200 /* for commits of other processes */
#define TICK_EVERY_MS     1000
#define REMEMBER_EVERY_MS 10000
#define EVENTS_A_PASS     64 /* taken from the link before each device has its turn */
#define REST_MS           5  /* before those who wait for their share are looked at again */
/* Heavy work has a quarter of the time at most: who comes meanwhile finds the server free more often than not, and other programs on this
 * home find its lock free. */
#define HEAVY_REST        3 /* times as long as the work took, until its commit */
#define HEAVY_REST_MS_MAX 200

int64_t ward_server_mono(const struct ward_server *s)
{
    return s->r->env.mono_ms(s->r->env.ctx);
}

void ward_server_tell(struct ward_server *s, enum ward_event_type type, int code, const struct ward_hash *grant, const char *text)
{
    struct ward_event e = {.type = type, .code = code, .text = text};
    if (grant)
        e.grant = *grant;
    if (s->on_event)
        s->on_event(s->ctx, &e);
}

static int on_up(struct ward_server *s, const struct ward_link_event *e, struct ward_error *err)
{
    struct ward_server_guest *g = ward_server_find_guest(s, e->peer);
    if (!g)
        return WARD_OK;
    const struct ward_grant *known = ward_directory_grant_by_link(&s->r->dir, g->link_pk);
    struct ward_grant peer = {.role = WARD_ROLE_OPERATOR}; /* as in route.c: the invitation's hub */
    memcpy(peer.link_pk, g->link_pk, 32);
    if (known)
        peer = *known;
    g->met = true;
    return ward_server_start_talk(s, g, &peer, err);
}

static int on_link(struct ward_server *s, const struct ward_link_event *e, struct ward_error *err)
{
    struct ward_server_guest *g;
    switch (e->type) {
    case WARD_LINK_FRAME:
        return ward_server_on_frame(s, e, err);
    case WARD_LINK_UP:
        return on_up(s, e, err);
    case WARD_LINK_DOWN:
        g = ward_server_find_guest(s, e->peer);
        if (g) {
            g->gone = true;
            g->gone_code = e->code;
        }
        return WARD_OK;
    case WARD_LINK_REFUSED:
        ward_server_tell(s, WARD_EVENT_PEER_REFUSED, e->code, NULL, e->text);
        return WARD_OK;
    }
    return WARD_OK;
}

/* ---- the turn of everything else */

/* A step takes as long as the commit before it: where the disk is slow many share one. */
static int64_t as_long(int64_t commit_ms)
{
    return commit_ms < WARD_STEP_MS ? WARD_STEP_MS : commit_ms < WARD_STEP_MS_MAX ? commit_ms : WARD_STEP_MS_MAX;
}

static int commit(struct ward_server *s, struct ward_error *err)
{
    bool came = s->batch.open;
    int64_t begun = ward_server_mono(s);
    ward_server_read_ahead(s, 0);
    int rc = ward_batch_commit(&s->batch, err);
    for (size_t i = 0; !rc && i < s->guest_count; i++)
        if (!s->guests[i]->joining)
            rc = ward_talk_committed(&s->guests[i]->talk, err);
    if (came)
        s->step_ms = as_long(ward_server_mono(s) - begun);
    s->news |= came;
    return rc;
}

static void tell_if_ended(struct ward_server *s)
{
    const struct ward_grant *own = ward_replica_grant(s->r);
    bool ended = own && !ward_grant_stands(&s->r->dir, &own->id);
    if (ended && !s->ended)
        ward_server_tell(s, WARD_EVENT_ENDED, WARD_ERR_CUT, &own->id, NULL);
    s->ended = ended;
}

static int look_for_commits(struct ward_server *s, struct ward_error *err)
{
    if (ward_server_mono(s) - s->looked_ms < LOOK_EVERY_MS)
        return WARD_OK;
    s->looked_ms = ward_server_mono(s);
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
        struct ward_server_head *heads = ward_realloc(&s->r->env, s->heads, room * sizeof *heads);
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
        struct ward_server_head *h = &s->heads[i];
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
    tell_if_ended(s);
    s->floors_due |= s->floors_wait;
    int rc = find_changed(s, &count, err);
    s->news = rc != WARD_OK;
    for (size_t i = 0; !rc && i < s->guest_count; i++)
        if (!s->guests[i]->joining)
            rc = ward_talk_news_of(&s->guests[i]->talk, s->changed, count, err);
    return rc;
}

/* Once while the link stays, and once when it ends; while floors wait for it also whenever he is known to hold more. */
static bool is_newly_live(const struct ward_server_guest *g)
{
    bool news = !g->remembered || (g->server->floors_wait && ward_talk_knows_more(&g->talk));
    return news && g->talk.s.state == WARD_S_LIVE;
}

/* What all devices hold by now; nothing is lost if it has to wait. */
static void close_floors(struct ward_server *s)
{
    struct ward_compact_result result = {0};
    if (s->batch.open || !s->floors_due)
        return;
    if (ward_compact_close(s->r, &result, NULL) == WARD_OK) {
        s->floors_due = false;
        s->floors_wait = result.waiting > 0;
        s->news |= result.closed > 0;
    }
}

static int tick(struct ward_server *s, struct ward_error *err)
{
    int rc = WARD_OK;
    if (ward_server_mono(s) - s->ticked_ms < TICK_EVERY_MS)
        return WARD_OK;
    s->ticked_ms = ward_server_mono(s);
    for (size_t i = 0; !rc && i < s->guest_count; i++)
        if (!s->guests[i]->joining && s->guests[i]->talk.r)
            rc = ward_talk_tick(&s->guests[i]->talk, s->ticked_ms, err);
    if (!rc && s->ticked_ms - s->remembered_ms >= REMEMBER_EVERY_MS) {
        ward_server_remember(s, is_newly_live);
        close_floors(s);
        s->remembered_ms = s->ticked_ms;
    }
    return rc;
}

static bool is_over(const struct ward_server_guest *g)
{
    return (g->talk.r && ward_talk_closed(&g->talk)) || (g->gone && !g->first);
}

static void drop_closed(struct ward_server *s)
{
    ward_server_remember(s, is_over);
    for (size_t i = s->guest_count; i > 0; i--) {
        struct ward_server_guest *g = s->guests[i - 1];
        if (is_over(g))
            ward_server_remove_guest(s, g, g->talk.r && ward_talk_closed(&g->talk) ? g->talk.s.error : g->gone_code);
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
    struct ward_server_guest *g;
    ward_peer peer;
    if (s->every_ms <= 0 || ward_server_mono(s) < s->call_at_ms)
        return WARD_OK;
    for (size_t i = 0; i < s->guest_count; i++)
        if (s->guests[i]->upward)
            return WARD_OK;
    s->call_at_ms = ward_server_mono(s) + s->every_ms;
    if (ward_routes_find(s->r, NULL, NULL, &routes, NULL))
        return WARD_OK; /* no hub known: nothing to call */
    const struct ward_route *route = &routes.v[turn(s->next_route++, routes.count)];
    int rc = ward_link_connect(s->link, route->address, route->link_pk, NULL, &peer, err);
    if (rc)
        return rc == WARD_ERR_ADDRESS ? WARD_OK : rc;
    snprintf(s->called, sizeof s->called, "%s", route->address);
    rc = ward_server_new_guest(s, peer, route->link_pk, &g, err);
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
            ward_server_remove_guest(s, s->guests[i - 1], rc);
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
    if (ward_server_anything_waits(s) && wait > REST_MS)
        wait = s->resting && !s->unfinished ? REST_MS : 0;
    for (int i = 0; !rc && (came || done) && i < EVENTS_A_PASS; i++) {
        rc = listen_in(s, i == 0 ? wait : 0, &came, err);
        if (i == 0)
            *begun = ward_server_mono(s);
        if (!rc)
            rc = ward_server_pass(s, &done, err);
        if (ward_server_is_time_over(s, *begun))
            break;
    }
    return rc;
}

static void rest_from_heavy_work(struct ward_server *s, int64_t begun)
{
    int64_t rest = HEAVY_REST * (ward_server_mono(s) - begun);
    if (s->heavy_work)
        s->heavy_after_ms = ward_server_mono(s) + (rest < HEAVY_REST_MS_MAX ? rest : HEAVY_REST_MS_MAX);
    s->heavy_work = false;
}

int ward_serve_step(struct ward_server *s, int timeout_ms, struct ward_error *err)
{
    int64_t begun = ward_server_mono(s);
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
                              .step_ms = WARD_STEP_MS,
                              .every_ms = options->every_ms,
                              .backoff_ms = WARD_BACKOFF_MS_MIN};
    ward_gate_init(&s->gate, &r->env);
    s->call_at_ms = s->looked_ms = s->ticked_ms = s->remembered_ms = ward_server_mono(s);
    struct ward_link_options link = {.env = &r->env, .admit = ward_server_admit, .ctx = s};
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
            ward_server_tell(s, WARD_EVENT_LISTENING, 0, NULL, bound);
    }
    if (rc) {
        ward_serve_close(s);
        return rc;
    }
    tell_if_ended(s);
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
    ward_server_remember(s, is_over);
    while (s->guest_count)
        ward_server_remove_guest(s, s->guests[s->guest_count - 1], 0);
    ward_link_close(s->link);
    ward_gate_free(&s->gate);
    ward_release(&s->r->env, s->guests);
    ward_release(&s->r->env, s->heads);
    ward_release(&s->r->env, s->changed);
    ward_release(&s->r->env, s);
}
