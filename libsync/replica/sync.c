/* sync.c - one round with one peer. */
#include "base/err.h"
#include "base/limits.h"
#include "replica/identity.h"
#include "replica/own.h"
#include "replica/route.h"
#include "replica/talk.h"
#include "shell/link.h"
#include "values/feed.h"

#include <sodium.h>
#include <string.h>

#define TIMEOUT_MS      15000
#define FAREWELL_MS     1000
#define STEP_MS         100
#define COMMIT_EVERY_MS 250 /* what has arrived becomes durable at least that often while more is coming */
#define LULL_MS         20  /* with nothing new, before it becomes durable where more is still to come */

struct round {
    ward_replica *r;
    const struct ward_sync_options *options;
    struct ward_link *link;
    ward_peer peer;
    const struct ward_route *route;
    struct ward_batch batch;
    struct ward_talk talk;
    bool up, down;
    int down_code;
    char down_text[96];
    int64_t progress_ms, commit_ms;
};

static int send_frame(void *ctx, const void *p, size_t len, struct ward_error *err)
{
    struct round *x = ctx;
    return ward_link_send(x->link, x->peer, p, len, err);
}

static int64_t mono(const struct round *x)
{
    return x->r->env.mono_ms(x->r->env.ctx);
}

static int on_link(struct round *x, const struct ward_link_event *e, struct ward_error *err)
{
    if (e->peer != x->peer)
        return WARD_OK;
    x->progress_ms = mono(x);
    switch (e->type) {
    case WARD_LINK_UP:
        x->up = true;
        return ward_talk_link_up(&x->talk, err);
    case WARD_LINK_FRAME:
        if (!x->batch.open)
            x->commit_ms = mono(x);
        return ward_talk_frame(&x->talk, e->p, e->len, err);
    case WARD_LINK_DOWN:
        x->down = true;
        x->down_code = e->code;
        memcpy(x->down_text, e->text, sizeof x->down_text);
        return WARD_OK;
    default:
        return WARD_OK;
    }
}

static int commit(struct round *x, struct ward_error *err)
{
    int rc = ward_batch_commit(&x->batch, err);
    return rc ? rc : ward_talk_committed(&x->talk, err);
}

static bool compared(const struct round *x)
{
    return x->options->plan && x->talk.s.streaming;
}

static int time_left(const struct round *x, int64_t since_ms, int limit_ms, struct ward_error *err)
{
    if (x->options->cancel && *x->options->cancel)
        return ward_fail(err, WARD_ERR_CANCELLED, "sync");
    if (mono(x) - since_ms > limit_ms)
        return ward_fail(err, x->up ? WARD_ERR_TIMEOUT : WARD_ERR_NETWORK, "%s does not answer", x->route->address);
    return WARD_OK;
}

/* Both hold the same, and what this device had to write anew has arrived there too. */
static bool settled(const struct round *x)
{
    return x->talk.s.state == WARD_S_LIVE && !x->talk.retell && !x->talk.awaiting && x->talk.s.sent == x->talk.s.acked;
}

/* Each commit waits for the disk. So what has come waits a moment for what is on its way, as long as the peer does not wait for us: it has
 * room in its window, of which before the first acknowledgement it may not use more than the narrow part, and is not done. */
static int lull_ms(const struct round *x)
{
    const struct ward_session *s = &x->talk.s;
    bool waits = s->done_received || s->received - s->committed >= (s->committed ? WARD_WINDOW : WARD_WINDOW_SLOW);
    if (!x->batch.open)
        return STEP_MS;
    return waits ? 0 : LULL_MS;
}

/* Until both hold the same, the peer leaves, or nothing moves any more. */
static int run(struct round *x, struct ward_error *err)
{
    int limit = x->options->timeout_ms ? x->options->timeout_ms : TIMEOUT_MS;
    int rc = WARD_OK;
    while (!rc && !settled(x) && !compared(x) && !ward_talk_closed(&x->talk) && !x->down) {
        struct ward_link_event e;
        bool got;
        rc = ward_link_step(x->link, lull_ms(x), -1, &e, &got, err);
        if (!rc && got)
            rc = on_link(x, &e, err);
        bool due = x->batch.open && (!got || x->batch.bytes > WARD_BATCH_BYTES || mono(x) - x->commit_ms > COMMIT_EVERY_MS ||
                                     x->talk.s.received - x->talk.s.committed >= WARD_WINDOW);
        if (!rc && (due || (x->talk.retell && x->talk.s.state == WARD_S_LIVE)))
            rc = commit(x, err);
        if (!rc)
            rc = ward_talk_tick(&x->talk, mono(x), err);
        if (!rc)
            rc = time_left(x, x->progress_ms, limit, err);
    }
    if (!rc)
        rc = commit(x, err);
    if (rc)
        return rc;
    if (x->talk.s.state == WARD_S_LIVE || compared(x))
        return WARD_OK;
    if (ward_talk_closed(&x->talk) && x->talk.s.error)
        return ward_fail(err, x->talk.s.error, "%s", x->route->address);
    if (x->down)
        return ward_fail(err, x->down_code, "%s: %s", x->route->address, x->down_text);
    return ward_fail(err, WARD_ERR_LINK_CLOSED, "%s left before the round was over", x->route->address);
}

/* Bye, and the peer's bye: then it has our last acknowledgement. */
static int farewell(struct round *x, struct ward_error *err)
{
    int64_t since = mono(x);
    int rc = ward_talk_leave(&x->talk, err);
    bool answered = false;
    while (!rc && !x->down && !answered && mono(x) - since < FAREWELL_MS) {
        struct ward_link_event e;
        bool got;
        rc = ward_link_step(x->link, STEP_MS, -1, &e, &got, err);
        if (rc || !got || e.peer != x->peer)
            continue;
        x->down = e.type == WARD_LINK_DOWN;
        if (e.type == WARD_LINK_FRAME)
            rc = ward_talk_late(&x->talk, e.p, e.len, &answered, err);
    }
    return rc;
}

static uint64_t total(uint64_t planned, uint64_t done, bool plan)
{
    return plan ? planned : done;
}

static void report(const struct round *x, struct ward_sync_result *out)
{
    const struct ward_talk *t = &x->talk;
    bool plan = x->options->plan;
    *out = (struct ward_sync_result){.peer = t->peer.id,
                                     .sent = total(t->total_out, t->sent, plan),
                                     .received = total(t->total_in, t->received, plan),
                                     .bytes_out = t->bytes_out,
                                     .bytes_in = t->bytes_in,
                                     .refused_here = t->refused_here,
                                     .refused_there = t->refused_there,
                                     .conflicts_new = x->batch.conflicts_new,
                                     .clock_offset_ms = t->clock_offset_ms,
                                     .receipted = t->receipted,
                                     .receipt_wall_ms = t->receipt_wall_ms,
                                     .hub_lost = t->hub_lost,
                                     .hub_rewrote = t->hub_rewrote,
                                     .states = t->snapshots,
                                     .histories = t->histories};
}

static int over_link(struct round *x, struct ward_sync_result *out, struct ward_error *err)
{
    struct ward_talk_hooks hooks = {.ctx = x,
                                    .send = send_frame,
                                    .on_event = x->options->on_event,
                                    .event_ctx = x->options->ctx,
                                    .calls = true,
                                    .states = !x->options->history,
                                    .history = x->options->history};
    int rc = ward_talk_open(&x->talk, x->r, &x->route->peer, &x->batch, &hooks, err);
    if (rc)
        return rc;
    x->talk.plan = x->options->plan;
    rc = run(x, err);
    if (rc)
        ward_batch_abort(&x->batch);
    struct ward_error ignored = {0};
    if (!rc)
        rc = farewell(x, err);
    if (x->up && !x->options->plan && !ward_store_read_only(x->r->store))
        ward_talk_remember(&x->talk, x->route->address, &ignored); /* a hint: that it cannot be kept is no failure of the round */
    report(x, out);
    ward_talk_free(&x->talk);
    return rc;
}

static int one_try(ward_replica *r, const struct ward_sync_options *options, const struct ward_route *route, struct ward_sync_result *out,
                   struct ward_error *err)
{
    struct ward_link_options link = {.env = &r->env};
    struct round x = {.r = r, .options = options, .route = route, .batch = {.r = r}};
    memcpy(link.link_sk, r->keys->link_sk, 32);
    int rc = ward_link_open(&x.link, &link, err);
    sodium_memzero(link.link_sk, sizeof link.link_sk);
    if (rc)
        return rc;
    x.progress_ms = mono(&x);
    rc = ward_link_connect(x.link, route->address, route->link_pk, NULL, &x.peer, err);
    if (!rc)
        rc = over_link(&x, out, err);
    ward_link_close(x.link);
    return rc;
}

/* A handshake that breaks off is tried again: one that is refused breaks off each time. */
static int one_route(ward_replica *r, const struct ward_sync_options *options, const struct ward_route *route, struct ward_sync_result *out,
                     struct ward_error *err)
{
    int rc = WARD_ERR_HANDSHAKE;
    for (unsigned i = 0; rc == WARD_ERR_HANDSHAKE && i < WARD_HANDSHAKE_TRIES; i++)
        rc = one_try(r, options, route, out, err);
    return rc;
}

/* Another route may lead to somebody who answers. */
static bool elsewhere(int rc)
{
    return rc == WARD_ERR_NETWORK || rc == WARD_ERR_HANDSHAKE || rc == WARD_ERR_TIMEOUT || rc == WARD_ERR_KEY_REFUSED ||
           rc == WARD_ERR_PAUSE;
}

/* Of several routes that led to nobody the one that says most is told of: a clear no comes from the very device that was looked for. */
static int tells(int rc)
{
    return rc == WARD_OK ? 0 : rc == WARD_ERR_KEY_REFUSED || rc == WARD_ERR_PAUSE ? 3 : rc == WARD_ERR_TIMEOUT ? 2 : 1;
}

int ward_sync(ward_replica *r, const struct ward_sync_options *options, struct ward_sync_result *out, struct ward_error *err)
{
    struct ward_routes routes;
    struct ward_sync_result result = {0};
    int64_t start = r->env.mono_ms(r->env.ctx);
    int rc = ward_keys_check(r->keys, err);
    if (!rc)
        rc = ward_routes_find(r, options->address, options->device, &routes, err);
    if (rc)
        return rc;
    struct ward_error told = {0};
    bool mute[WARD_ROUTES_MAX] = {false}; /* nobody is there at all, whatever key is expected */
    for (size_t i = 0; i < routes.count; i++) {
        for (size_t j = 0; j < i && !mute[i]; j++)
            mute[i] = mute[j] && strcmp(routes.v[j].address, routes.v[i].address) == 0;
        if (mute[i])
            continue;
        rc = one_route(r, options, &routes.v[i], &result, err);
        if (!rc || !elsewhere(rc))
            break;
        mute[i] = rc == WARD_ERR_NETWORK;
        if (tells(rc) > tells(told.code) && err)
            told = *err;
    }
    if (rc && told.code && elsewhere(rc)) {
        *err = told;
        rc = told.code;
    }
    ward_rotate_finish(r, NULL); /* what cannot be done now is tried again with the next round */
    ward_own_rewrite(r, NULL);   /* also where it broke off: what cannot be written now waits on */
    result.ms = r->env.mono_ms(r->env.ctx) - start;
    *out = result; /* after a failure too: what was committed before it stays */
    return rc;
}
