#define _XOPEN_SOURCE 700
#include "full.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_A_LINK   32
#define BACKOFF_MS_MIN 500 /* as in serve.c */
#define BACKOFF_MS_MAX 60000
#define EVENTS_A_TURN  64
#define TICK_MS        1000
#define REST_MS        2

int64_t full_now(void)
{
    return ward_platform_env()->mono_ms(NULL);
}

/* ---- life */

void full_cell_open(struct full_crowd *c, struct full_cell *x)
{
    if (x->r)
        return;
    x->r = full_open(c->ward, x->name);
    const struct ward_grant *g = ward_replica_grant(x->r);
    if (!g || ward_replica_know_circle(x->r, &g->unit, 1, &x->space))
        full_die("the space of a cell", NULL);
    x->unit = g->unit;
    x->batch = (struct ward_batch){.r = x->r};
}

void full_cell_shut(struct full_crowd *c, struct full_cell *x)
{
    full_cell_leave(c, x, true);
    ward_close(x->r);
    x->r = NULL;
}

void full_crowd_open(struct full_crowd *c, const struct full_ward *w, size_t count, uint64_t seed)
{
    *c = (struct full_crowd){.ward = w, .count = count};
    c->cells = calloc(count, sizeof *c->cells);
    c->link_count = (count + CALLS_A_LINK - 1) / CALLS_A_LINK;
    c->links = calloc(c->link_count, sizeof(struct ward_link *));
    const struct ward_grant *hub = ward_replica_grant(w->hub);
    if (!c->cells || !c->links || !hub)
        full_die("cells", NULL);
    c->hub = *hub;
    for (size_t i = 0; i < count; i++) {
        struct full_cell *x = &c->cells[i];
        snprintf(x->name, sizeof x->name, "c%zu", i);
        x->crowd = c;
        x->link = i / CALLS_A_LINK;
        x->dice = dice_for(seed, i);
        x->backoff_ms = BACKOFF_MS_MIN;
        for (size_t j = 0; j < FULL_TASKS; j++)
            dice_fill(&x->dice, x->tasks[j].b, sizeof x->tasks[j].b);
    }
    for (size_t i = 0; i < c->link_count; i++) {
        struct ward_error err = {0};
        struct ward_link_options options = {.env = w->options.env};
        memcpy(options.link_sk, w->hub->keys->link_sk, 32); /* each call brings its own */
        if (ward_link_open(&c->links[i], &options, &err))
            full_die("a link", &err);
    }
}

void full_crowd_close(struct full_crowd *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->cells[i].r)
            full_cell_shut(c, &c->cells[i]);
    for (size_t i = 0; i < c->link_count; i++)
        ward_link_close(c->links[i]);
    free(c->links);
    free(c->cells);
}

/* ---- calling */

static int send_frame(void *ctx, const void *p, size_t len, struct ward_error *err)
{
    struct full_cell *x = ctx;
    return ward_link_send(x->crowd->links[x->link], x->peer, p, len, err);
}

static void note_event(void *ctx, const struct ward_event *e)
{
    struct full_cell *x = ctx;
    if (e->type == WARD_EVENT_RUN_REFUSED)
        x->crowd->errors[e->code % 1000]++;
}

static void call(struct full_crowd *c, struct full_cell *x)
{
    struct ward_error err = {0};
    full_cell_open(c, x);
    int rc = ward_link_connect(c->links[x->link], c->address, c->hub.link_pk, x->r->keys->link_sk, &x->peer, &err);
    if (rc)
        full_die("a call", &err);
    c->calls++;
    x->mood = FULL_CALLING;
}

void full_cell_call(struct full_cell *x, int64_t at_ms)
{
    x->mood = FULL_WAITING;
    x->call_at_ms = at_ms;
    x->begun_ms = at_ms;
    x->first_ms = x->last_ms = 0;
    x->backoff_ms = BACKOFF_MS_MIN;
}

static void commit(struct full_cell *x)
{
    struct ward_error err = {0};
    if (ward_batch_commit(&x->batch, &err) || ward_talk_committed(&x->talk, &err))
        full_die("a commit", &err);
}

static void end_talk(struct full_cell *x)
{
    if (x->mood != FULL_TALKING)
        return;
    if (ward_batch_commit(&x->batch, NULL))
        ward_batch_abort(&x->batch);
    ward_talk_remember(&x->talk, NULL, NULL);
    ward_talk_free(&x->talk);
    x->edit_ms = 0;
}

/* It is over, whoever ended it; again later. */
static void fall(struct full_crowd *c, struct full_cell *x, int code)
{
    end_talk(x);
    c->broken++;
    c->errors[code >= 0 && code < 1000 ? code : 0]++;
    x->mood = FULL_WAITING;
    x->call_at_ms = full_now() + x->backoff_ms / 2 + dice_between(&x->dice, 0, x->backoff_ms / 2);
    x->backoff_ms = 2 * x->backoff_ms > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : 2 * x->backoff_ms;
}

void full_cell_leave(struct full_crowd *c, struct full_cell *x, bool with_a_word)
{
    if (x->mood == FULL_TALKING && with_a_word)
        ward_talk_leave(&x->talk, NULL);
    end_talk(x);
    if (x->mood == FULL_TALKING || x->mood == FULL_CALLING)
        ward_link_drop(c->links[x->link], x->peer);
    x->mood = FULL_AWAY;
}

bool full_cell_level(const struct full_cell *x)
{
    return x->mood == FULL_TALKING && x->talk.s.state == WARD_S_LIVE && x->talk.s.sent == x->talk.s.acked && !x->batch.open &&
           ward_stream_backlog(&x->talk.stream) == 0;
}

/* ---- what comes */

static void up(struct full_crowd *c, struct full_cell *x)
{
    struct ward_error err = {0};
    struct ward_talk_hooks hooks = {.ctx = x, .send = send_frame, .on_event = note_event, .event_ctx = x, .calls = true};
    if (ward_talk_open(&x->talk, x->r, &c->hub, &x->batch, &hooks, &err) || ward_talk_link_up(&x->talk, &err))
        full_die("a talk", &err);
    x->mood = FULL_TALKING;
    x->backoff_ms = BACKOFF_MS_MIN;
}

static void look_at_news(struct full_crowd *c, struct full_cell *x, int64_t now)
{
    struct ward_hash id, ward;
    ward_space_of_ward(x->r, &ward);
    const struct ward_space *s = ward_directory_space_by_id(&x->r->dir, &ward);
    const struct ward_feed *f = s ? ward_directory_feed_of(&x->r->dir, s, &c->hub.id, &id) : NULL;
    size_t names = sizeof c->news_ms / sizeof c->news_ms[0];
    for (; f && x->news < f->head_seq; x->news++) {
        int64_t at = c->news_ms[(x->news + 1) % names];
        if (at && x->last_ms && at > x->last_ms) /* while it was on the line */
            full_note(&c->news, (double)(now - at));
    }
}

static void look(struct full_crowd *c, struct full_cell *x)
{
    int64_t now = full_now();
    if (!x->first_ms && x->talk.s.acked)
        x->first_ms = now;
    look_at_news(c, x, now);
    if (!x->last_ms && full_cell_level(x))
        x->last_ms = now;
    if (x->edit_ms && full_cell_level(x)) {
        full_note(&c->edits, (double)(now - x->edit_ms));
        x->edit_ms = 0;
    }
}

static struct full_cell *whose(struct full_crowd *c, size_t link, ward_peer peer)
{
    for (size_t i = link * CALLS_A_LINK; i < c->count && i < (link + 1) * CALLS_A_LINK; i++) {
        struct full_cell *x = &c->cells[i];
        if ((x->mood == FULL_CALLING || x->mood == FULL_TALKING) && x->peer == peer)
            return x;
    }
    return NULL;
}

static void take(struct full_crowd *c, struct full_cell *x, const struct ward_link_event *e)
{
    struct ward_error err = {0};
    if (e->type == WARD_LINK_UP)
        up(c, x);
    else if (e->type == WARD_LINK_DOWN)
        fall(c, x, x->mood == FULL_TALKING && x->talk.s.error ? x->talk.s.error : e->code);
    else if (e->type == WARD_LINK_FRAME && x->mood == FULL_TALKING && ward_talk_frame(&x->talk, e->p, e->len, &err))
        full_die("a frame", &err);
}

/* Everything a link has, then one commit for each cell that it was for. */
static bool attend(struct full_crowd *c, size_t link)
{
    struct full_cell *touched[EVENTS_A_TURN];
    size_t n = 0;
    for (; n < EVENTS_A_TURN; n++) {
        struct ward_error err = {0};
        struct ward_link_event e;
        bool got;
        if (ward_link_step(c->links[link], 0, -1, &e, &got, &err))
            full_die("a link", &err);
        if (!got)
            break;
        touched[n] = whose(c, link, e.peer);
        if (touched[n])
            take(c, touched[n], &e);
    }
    for (size_t i = 0; i < n; i++) {
        struct full_cell *x = touched[i];
        if (!x || x->mood != FULL_TALKING)
            continue;
        if (x->batch.open || ward_talk_uncommitted(&x->talk))
            commit(x);
        look(c, x);
        if (ward_talk_closed(&x->talk)) {
            int code = x->talk.s.error;
            ward_link_drop(c->links[link], x->peer);
            fall(c, x, code);
        }
    }
    return n > 0;
}

void full_cell_write(struct full_crowd *c, struct full_cell *x, size_t changes)
{
    struct ward_error err = {0};
    full_cell_open(c, x);
    if (x->batch.open)
        commit(x);
    for (size_t i = 0; i < changes; i++, x->written++)
        full_write(x->r, &x->space, &x->tasks[x->written % FULL_TASKS], &x->dice);
    if (x->mood != FULL_TALKING)
        return;
    if (x->talk.s.state == WARD_S_LIVE && !x->edit_ms)
        x->edit_ms = full_now();
    if (ward_talk_news(&x->talk, &err))
        full_die("news", &err);
}

void full_crowd_step(struct full_crowd *c)
{
    bool any = false;
    for (size_t i = 0; i < c->link_count; i++)
        any |= attend(c, i);
    int64_t now = full_now();
    bool tick = now - c->ticked_ms >= TICK_MS;
    if (tick)
        c->ticked_ms = now;
    for (size_t i = 0; i < c->count; i++) {
        struct full_cell *x = &c->cells[i];
        if (x->mood == FULL_WAITING && x->call_at_ms <= now) {
            call(c, x);
            any = true;
        }
        if (tick && x->mood == FULL_TALKING && ward_talk_tick(&x->talk, now, NULL))
            full_die("a tick", NULL);
    }
    if (!any)
        poll(NULL, 0, REST_MS);
}
