/* receipts.h - a hub and cells that meet over a transport made of memory, and what each hears of receipts. Include after <cmocka.h>. */
#ifndef WARD_TEST_RECEIPTS_H
#define WARD_TEST_RECEIPTS_H

#include "replica/receipt.h"
#include "replica/talk.h"
#include "replicas.h"
#include "values/receipt.h"

#define FRAMES_MAX 256

struct heard {
    int receipt, refused, last_refusal, lost, rewrote;
    int64_t covered, lost_changes;
};
struct side {
    struct ward_talk talk;
    struct ward_batch batch;
    struct side *other;
    uint8_t *queue[FRAMES_MAX];
    size_t lengths[FRAMES_MAX];
    size_t head, tail;
    struct heard heard;
    size_t receipts, within, asks; /* frames that came; within: of the receipts, those within an acknowledgement */
};
/* a has called b. */
struct line {
    struct world *w;
    struct side a, b;
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

static inline void hear(void *ctx, const struct ward_event *e)
{
    struct heard *h = &((struct side *)ctx)->heard;
    if (e->type == WARD_EVENT_RECEIPT && !e->code) {
        h->receipt++;
        h->covered += e->done;
    } else if (e->type == WARD_EVENT_RECEIPT) {
        h->refused++;
        h->last_refusal = e->code;
    } else if (e->type == WARD_EVENT_HUB && e->code == WARD_ERR_HUB_LOST) {
        h->lost++;
        h->lost_changes = e->done;
    } else if (e->type == WARD_EVENT_HUB) {
        h->rewrote++;
    }
}

static inline void open_side(struct line *l, struct side *s, size_t self, size_t peer, bool calls)
{
    struct ward_talk_hooks hooks = {.ctx = s, .send = send_frame, .on_event = hear, .event_ctx = s, .calls = calls};
    OK(l->w, ward_replica_refresh(l->w->d[self].r, &l->w->err));
    const struct ward_grant grant = *ward_directory_grant(&l->w->d[self].r->dir, &l->w->d[peer].grant);
    s->batch = (struct ward_batch){.r = l->w->d[self].r};
    OK(l->w, ward_talk_open(&s->talk, l->w->d[self].r, &grant, &s->batch, &hooks, &l->w->err));
}

static inline void line_open(struct line *l, struct world *w, size_t a, size_t b)
{
    *l = (struct line){.w = w};
    l->a.other = &l->b;
    l->b.other = &l->a;
    open_side(l, &l->a, a, b, true);
    open_side(l, &l->b, b, a, false);
    OK(w, ward_talk_link_up(&l->a.talk, &w->err)); /* who is called answers */
}

static inline void close_side(struct line *l, struct side *s)
{
    OK(l->w, ward_batch_commit(&s->batch, &l->w->err));
    for (size_t i = s->head; i < s->tail; i++)
        free(s->queue[i]);
    ward_talk_free(&s->talk);
}

static inline void line_close(struct line *l)
{
    close_side(l, &l->a);
    close_side(l, &l->b);
}

static inline void deliver(struct line *l, struct side *s)
{
    uint8_t *p = s->queue[s->head];
    size_t len = s->lengths[s->head++];
    s->receipts += p[2] == WARD_MSG_RECEIPT || p[2] == WARD_MSG_TAKEN;
    s->within += p[2] == WARD_MSG_TAKEN;
    s->asks += p[2] == WARD_MSG_ASK;
    OK(l->w, ward_talk_frame(&s->talk, p, len, &l->w->err));
    free(p);
}

static inline void until_heads_are_known(struct line *l)
{
    while (!l->a.talk.s.streaming) {
        if (l->b.head < l->b.tail)
            deliver(l, &l->b);
        if (l->a.head < l->a.tail)
            deliver(l, &l->a);
    }
}

static inline bool idle(const struct line *l)
{
    return l->a.head == l->a.tail && l->b.head == l->b.tail;
}

static inline void deliver_all(struct line *l)
{
    while (!idle(l))
        for (struct side *s = &l->a; s; s = s == &l->a ? &l->b : NULL)
            while (s->head < s->tail)
                deliver(l, s);
}

static inline void settle(struct line *l)
{
    for (struct side *s = &l->a; s; s = s == &l->a ? &l->b : NULL) {
        OK(l->w, ward_batch_commit(&s->batch, &l->w->err));
        OK(l->w, ward_talk_committed(&s->talk, &l->w->err));
    }
}

static inline void pump(struct line *l)
{
    do {
        deliver_all(l);
        settle(l);
    } while (!idle(l));
    assert_int_equal(l->a.talk.s.state, WARD_S_LIVE);
    assert_int_equal(l->b.talk.s.state, WARD_S_LIVE);
}

/* A round of a with b; what was heard at a. */
static inline struct heard round_of(struct world *w, size_t a, size_t b)
{
    struct line l;
    line_open(&l, w, a, b);
    pump(&l);
    struct heard heard = l.a.heard;
    line_close(&l);
    return heard;
}

static inline void write_note(struct world *w, size_t i, const char *units, int64_t number)
{
    struct ward_id circle[8], id;
    struct ward_hash space;
    struct ward_value level = ward_value_int(number);
    ward_txn *t;
    for (size_t j = 0; units[j]; j++)
        circle[j] = unit_id(units[j]);
    OK(w, ward_space_of_circle(w->d[i].r, &space, circle, strlen(units), &w->err));
    OK(w, ward_new_id(w->d[i].r, &id, &w->err));
    OK(w, ward_begin(w->d[i].r, &t, &w->err));
    OK(w, ward_put(t, &space, KIND_ITEM, &id, LEVEL, NULL, 0, &level, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
}

enum { OFFICE, CELL, OTHER, HUB };

static inline void set_up(struct world *w)
{
    world_found(w, 77);
    admit(w, 'a', WARD_ROLE_CELL, 77);
    admit(w, 'b', WARD_ROLE_CELL, 77);
    admit(w, 'h', WARD_ROLE_HUB, 77);
    carry_raw(w, OFFICE, HUB);
    carry_raw(w, OFFICE, CELL);
    carry_raw(w, OFFICE, OTHER);
}

static inline struct ward_status status_of(struct world *w, size_t i)
{
    struct ward_status s;
    OK(w, ward_status(w->d[i].r, &s, &w->err));
    return s;
}

static inline int count_receipt(void *ctx, const struct ward_receipt_info *info)
{
    assert_true(info->number > 0 && info->wall_ms > 0 && info->head_count > 0);
    ++*(size_t *)ctx;
    return 0;
}

static inline size_t receipts_of(struct world *w, size_t i)
{
    size_t n = 0;
    OK(w, ward_receipts(w->d[i].r, count_receipt, &n, &w->err));
    return n;
}

/* What the hub's key seals of the cell's feed in "a", as a frame. */
static inline void forge(struct world *w, struct ward_buf *frame, size_t signer, size_t named, uint64_t seq, const struct ward_hash *hash)
{
    ward_replica *r = w->d[CELL].r;
    const struct ward_id unit = unit_id('a');
    struct ward_hash space, feed;
    struct ward_buf scratch;
    struct ward_receipt receipt = {.ward = r->ward, .grant = w->d[named].grant, .wall_ms = 1750000000000, .count = 1};
    OK(w, ward_space_of_circle(r, &space, &unit, 1, &w->err));
    const struct ward_feed *f = ward_directory_feed_of(&r->dir, ward_directory_space_by_id(&r->dir, &space), &r->self, &feed);
    assert_non_null(f);
    receipt.heads[0] = (struct ward_receipt_head){.feed = feed, .seq = seq, .hash = *hash};
    ward_buf_init(&scratch, &w->d[CELL].outside.env);
    ward_buf_init(frame, &w->d[CELL].outside.env);
    assert_int_equal(ward_receipt_sign(&receipt, &w->d[signer].r->keys->sign, &scratch), WARD_OK);
    ward_frame_receipt(frame, receipt.wall_ms, 1);
    ward_frame_receipt_entry(frame, &space, seq, hash);
    ward_frame_receipt_end(frame, receipt.sig);
    ward_buf_free(&scratch);
}

static inline struct ward_hash feed_of_cell(struct world *w)
{
    const struct ward_id unit = unit_id('a');
    struct ward_hash space, feed;
    ward_replica *r = w->d[CELL].r;
    OK(w, ward_space_of_circle(r, &space, &unit, 1, &w->err));
    ward_directory_feed_of(&r->dir, ward_directory_space_by_id(&r->dir, &space), &r->self, &feed);
    return feed;
}

static inline struct ward_hash hash_at(struct world *w, size_t i, uint64_t seq)
{
    ward_replica *r = w->d[i].r;
    const struct ward_id unit = unit_id('a');
    struct ward_hash space, feed, hash;
    uint64_t depth;
    OK(w, ward_space_of_circle(r, &space, &unit, 1, &w->err));
    const struct ward_feed *f = ward_directory_feed_of(&r->dir, ward_directory_space_by_id(&r->dir, &space), &w->d[CELL].grant, &feed);
    OK(w, ward_chain_at(r, f->fid, seq, &hash, &depth, &w->err));
    return hash;
}

static inline int show(struct world *w, size_t from, size_t signer, uint64_t seq, const struct ward_hash *hash, struct heard *heard)
{
    struct line l;
    struct ward_buf frame;
    line_open(&l, w, CELL, from);
    pump(&l);
    l.a.heard = (struct heard){.receipt = 0};
    forge(w, &frame, signer, from, seq, hash);
    OK(w, ward_talk_frame(&l.a.talk, frame.p, frame.len, &w->err));
    *heard = l.a.heard;
    line_close(&l);
    ward_buf_free(&frame);
    return heard->last_refusal;
}

#endif
