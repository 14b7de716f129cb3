/* line.h - a session between two real replicas over a transport made of memory. After replicas.h. */
#ifndef WARD_TEST_LINE_H
#define WARD_TEST_LINE_H

#include "replica/talk.h"
#include "replicas.h"

#define FRAMES_MAX 256

struct side {
    struct ward_talk talk;
    struct ward_batch batch;
    struct side *other;
    uint8_t *queue[FRAMES_MAX]; /* on their way to this side */
    size_t lengths[FRAMES_MAX];
    size_t head, tail;
    size_t spaces_listed;
};
struct line {
    struct world *w;
    struct side a, b;
    size_t delivered;
};

static inline int send_frame(void *ctx, const void *p, size_t len, struct ward_error *err)
{
    struct side *to = ((struct side *)ctx)->other;
    (void)err;
    assert_true(to->tail < FRAMES_MAX);
    to->queue[to->tail] = malloc(len);
    assert_non_null(to->queue[to->tail]);
    memcpy(to->queue[to->tail], p, len);
    to->lengths[to->tail++] = len;
    return WARD_OK;
}

/* A refusal is told, so that a failing test says why. */
static inline void tell(void *ctx, const struct ward_event *e)
{
    (void)ctx;
    if (e->type == WARD_EVENT_RUN_REFUSED)
        print_message("refused: %d %s\n", e->code, e->text);
}

static inline void open_side(struct line *l, struct side *s, size_t self, size_t peer)
{
    struct ward_talk_hooks hooks = {.ctx = s, .send = send_frame, .on_event = tell};
    OK(l->w, ward_replica_refresh(l->w->d[self].r, &l->w->err));
    const struct ward_grant *g = ward_directory_grant(&l->w->d[self].r->dir, &l->w->d[peer].grant);
    const struct device *d = &l->w->d[peer];
    const struct ward_grant grant =
        g ? *g : (struct ward_grant){.id = d->grant, .unit = d->unit, .role = d->role}; /* as an invitation tells */
    s->batch = (struct ward_batch){.r = l->w->d[self].r};
    OK(l->w, ward_talk_open(&s->talk, l->w->d[self].r, &grant, &s->batch, &hooks, &l->w->err));
}

static inline void line_open(struct line *l, struct world *w, size_t a, size_t b)
{
    *l = (struct line){.w = w};
    l->a.other = &l->b;
    l->b.other = &l->a;
    open_side(l, &l->a, a, b);
    open_side(l, &l->b, b, a);
    OK(w, ward_talk_link_up(&l->a.talk, &w->err));
    OK(w, ward_talk_link_up(&l->b.talk, &w->err));
}

static inline void close_side(struct line *l, struct side *s)
{
    OK(l->w, ward_batch_commit(&s->batch, &l->w->err)); /* what had arrived when the link broke */
    for (size_t i = s->head; i < s->tail; i++)
        free(s->queue[i]);
    ward_talk_free(&s->talk);
}

static inline void line_close(struct line *l)
{
    close_side(l, &l->a);
    close_side(l, &l->b);
}

/* One frame to one side, damaged if so wished. */
static inline void deliver(struct line *l, struct side *s, size_t flip_at, uint8_t flip)
{
    uint8_t *p = s->queue[s->head];
    size_t len = s->lengths[s->head++];
    if (flip)
        p[flip_at % len] ^= flip;
    if (p[2] == WARD_MSG_SPACES && !flip)
        s->spaces_listed = p[3] & 0x1f;
    OK(l->w, ward_talk_frame(&s->talk, p, len, &l->w->err));
    free(p);
    l->delivered++;
}

static inline bool idle(const struct line *l)
{
    return l->a.head == l->a.tail && l->b.head == l->b.tail;
}

static inline void settle(struct line *l)
{
    OK(l->w, ward_batch_commit(&l->a.batch, &l->w->err));
    OK(l->w, ward_talk_committed(&l->a.talk, &l->w->err));
    OK(l->w, ward_batch_commit(&l->b.batch, &l->w->err));
    OK(l->w, ward_talk_committed(&l->b.talk, &l->w->err));
}

/* Delivers until all is quiet or so many frames are through. */
static inline void pump(struct line *l, size_t frames_max)
{
    while (l->delivered < frames_max) {
        struct side *s = l->a.head < l->a.tail && (l->delivered % 2 == 0 || l->b.head == l->b.tail) ? &l->a : &l->b;
        if (s->head < s->tail)
            deliver(l, s, 0, 0);
        if (idle(l))
            settle(l);
        if (idle(l))
            return;
    }
}

static inline void assert_live(const struct line *l)
{
    assert_int_equal(l->a.talk.s.state, WARD_S_LIVE);
    assert_int_equal(l->b.talk.s.state, WARD_S_LIVE);
}

static inline void whole_round(struct world *w, size_t a, size_t b)
{
    struct line l;
    line_open(&l, w, a, b);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    line_close(&l);
}

#endif
