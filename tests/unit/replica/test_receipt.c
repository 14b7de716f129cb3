/* Receipts between a hub and a cell over a transport made of memory: given for what is durable and nothing else, kept where they fit,
 * refused where they do not; and a hub that no longer holds what it had sealed is noticed. proto/receipt.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "replica/base.h"
#include "replica/receipt.h"
#include "replicas.h"
#include "shell/store.h"
#include "values/receipt.h"

#include <sqlite3.h>

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

static int send_frame(void *ctx, const void *p, size_t len, struct ward_error *err)
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

static void hear(void *ctx, const struct ward_event *e)
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

static void open_side(struct line *l, struct side *s, size_t self, size_t peer, bool calls)
{
    struct ward_talk_hooks hooks = {.ctx = s, .send = send_frame, .on_event = hear, .event_ctx = s, .calls = calls};
    OK(l->w, ward_replica_refresh(l->w->d[self].r, &l->w->err));
    const struct ward_grant grant = *ward_directory_grant(&l->w->d[self].r->dir, &l->w->d[peer].grant);
    s->batch = (struct ward_batch){.r = l->w->d[self].r};
    OK(l->w, ward_talk_open(&s->talk, l->w->d[self].r, &grant, &s->batch, &hooks, &l->w->err));
}

static void line_open(struct line *l, struct world *w, size_t a, size_t b)
{
    *l = (struct line){.w = w};
    l->a.other = &l->b;
    l->b.other = &l->a;
    open_side(l, &l->a, a, b, true);
    open_side(l, &l->b, b, a, false);
    OK(w, ward_talk_link_up(&l->a.talk, &w->err)); /* who is called answers */
}

static void close_side(struct line *l, struct side *s)
{
    OK(l->w, ward_batch_commit(&s->batch, &l->w->err));
    for (size_t i = s->head; i < s->tail; i++)
        free(s->queue[i]);
    ward_talk_free(&s->talk);
}

static void line_close(struct line *l)
{
    close_side(l, &l->a);
    close_side(l, &l->b);
}

static void deliver(struct line *l, struct side *s)
{
    uint8_t *p = s->queue[s->head];
    size_t len = s->lengths[s->head++];
    s->receipts += p[2] == WARD_MSG_RECEIPT || p[2] == WARD_MSG_TAKEN;
    s->within += p[2] == WARD_MSG_TAKEN;
    s->asks += p[2] == WARD_MSG_ASK;
    OK(l->w, ward_talk_frame(&s->talk, p, len, &l->w->err));
    free(p);
}

static void until_heads_are_known(struct line *l)
{
    while (!l->a.talk.s.streaming) {
        if (l->b.head < l->b.tail)
            deliver(l, &l->b);
        if (l->a.head < l->a.tail)
            deliver(l, &l->a);
    }
}

static bool idle(const struct line *l)
{
    return l->a.head == l->a.tail && l->b.head == l->b.tail;
}

static void deliver_all(struct line *l)
{
    while (!idle(l))
        for (struct side *s = &l->a; s; s = s == &l->a ? &l->b : NULL)
            while (s->head < s->tail)
                deliver(l, s);
}

static void settle(struct line *l)
{
    for (struct side *s = &l->a; s; s = s == &l->a ? &l->b : NULL) {
        OK(l->w, ward_batch_commit(&s->batch, &l->w->err));
        OK(l->w, ward_talk_committed(&s->talk, &l->w->err));
    }
}

static void pump(struct line *l)
{
    do {
        deliver_all(l);
        settle(l);
    } while (!idle(l));
    assert_int_equal(l->a.talk.s.state, WARD_S_LIVE);
    assert_int_equal(l->b.talk.s.state, WARD_S_LIVE);
}

/* A round of a with b; what was heard at a. */
static struct heard round_of(struct world *w, size_t a, size_t b)
{
    struct line l;
    line_open(&l, w, a, b);
    pump(&l);
    struct heard heard = l.a.heard;
    line_close(&l);
    return heard;
}

static void write_note(struct world *w, size_t i, const char *units, int64_t number)
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

static void set_up(struct world *w)
{
    world_found(w, 77);
    admit(w, 'a', WARD_ROLE_CELL, 77);
    admit(w, 'b', WARD_ROLE_CELL, 77);
    admit(w, 'h', WARD_ROLE_HUB, 77);
    carry_raw(w, OFFICE, HUB);
    carry_raw(w, OFFICE, CELL);
    carry_raw(w, OFFICE, OTHER);
}

static struct ward_status status_of(struct world *w, size_t i)
{
    struct ward_status s;
    OK(w, ward_status(w->d[i].r, &s, &w->err));
    return s;
}

static int count_receipt(void *ctx, const struct ward_receipt_info *info)
{
    assert_true(info->number > 0 && info->wall_ms > 0 && info->head_count > 0);
    ++*(size_t *)ctx;
    return 0;
}

static size_t receipts_of(struct world *w, size_t i)
{
    size_t n = 0;
    OK(w, ward_receipts(w->d[i].r, count_receipt, &n, &w->err));
    return n;
}

static void what_is_taken_in_is_sealed(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "ab", 2);
    write_note(&w, CELL, "ab", 3);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    assert_int_equal(l.b.asks, 0);     /* its own runs ask by themselves */
    assert_int_equal(l.a.receipts, 1); /* one for one commit, of both feeds */
    assert_int_equal(l.a.within, 1);
    assert_int_equal(l.a.heard.covered, 3);
    assert_int_equal(l.a.talk.receipted, 3);
    assert_int_equal(status_of(&w, CELL).receipted, 3);

    write_note(&w, CELL, "a", 4); /* live */
    OK(&w, ward_talk_news(&l.a.talk, &w.err));
    pump(&l);
    assert_int_equal(l.a.within, 2);
    assert_int_equal(l.a.heard.covered, 4);
    line_close(&l);
    assert_int_equal(receipts_of(&w, CELL), 2);

    line_open(&l, &w, CELL, HUB); /* nothing new: nothing is asked for */
    pump(&l);
    assert_int_equal(l.b.asks, 0);
    assert_int_equal(l.a.receipts, 0);
    line_close(&l);
    assert_int_equal(receipts_of(&w, HUB), 0);
    world_close(&w);
}

/* S14 for receipts: while a batch is open nothing of it is sealed, whenever the peer asks. */
static void only_what_is_durable_is_sealed(void **state)
{
    struct world w;
    struct line l;
    struct ward_message m;
    struct ward_receipt_entry e;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    round_of(&w, CELL, HUB);
    write_note(&w, CELL, "a", 2);
    line_open(&l, &w, CELL, HUB);
    deliver_all(&l); /* the run is with the hub, and not committed */
    assert_true(l.b.batch.open);
    assert_int_equal(l.a.receipts, 0);
    OK(&w, ward_receipts_note_ask(&l.b.talk, &w.err));
    assert_int_equal(l.a.tail - l.a.head, 1);
    OK(&w, ward_frame_parse(&m, l.a.queue[l.a.head], l.a.lengths[l.a.head], &w.err));
    assert_int_equal(m.type, WARD_MSG_RECEIPT);
    ward_frame_next_receipt(&m, &e);
    assert_int_equal(e.seq, 1);
    bool within;
    OK(&w, ward_receipts_give(&l.b.talk, &within, &w.err)); /* asked out of turn: still not */
    assert_false(within);
    assert_int_equal(l.a.tail - l.a.head, 1);
    pump(&l);
    assert_int_equal(l.a.within, 0); /* it is not known to be for one acknowledgement any more: alone */
    assert_int_equal(l.a.heard.covered, 1);
    assert_int_equal(status_of(&w, CELL).receipted, 2);
    line_close(&l);
    world_close(&w);
}

/* What the acknowledgement says counts, and its receipt where it holds. */
static void what_is_signed_is_derived(void **state)
{
    struct world w;
    (void)state;
    for (int wrong = 0; wrong < 3; wrong++) {
        struct line l;
        set_up(&w);
        write_note(&w, CELL, "a", 1);
        round_of(&w, CELL, HUB);
        write_note(&w, CELL, "a", 2);
        line_open(&l, &w, CELL, HUB);
        deliver_all(&l);
        settle(&l);
        uint8_t *p = l.a.queue[l.a.tail - 1];
        size_t len = l.a.lengths[l.a.tail - 1];
        assert_int_equal(p[2], WARD_MSG_TAKEN);
        assert_true(len <= 75);
        if (wrong == 1) /* another signature */
            p[len - 1] ^= 1;
        if (wrong == 2) /* another change than the one that was signed for: it is not the run that is in flight */
            l.a.talk.flight[0].last = 1;
        pump(&l);
        assert_int_equal(l.a.talk.s.acked, 1);
        assert_int_equal(l.a.heard.covered, wrong ? 0 : 1);
        assert_int_equal(l.a.heard.last_refusal, wrong ? WARD_ERR_RECEIPT_SEAL : 0);
        assert_int_equal(status_of(&w, CELL).receipted, wrong ? 1 : 2);
        line_close(&l);
        world_close(&w);
    }
}

/* Nobody has sent what it would be for. */
static void within_needs_a_run(void **state)
{
    static const uint8_t sig[64] = {1};
    struct world w;
    struct line l;
    struct ward_buf frame;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    ward_buf_init(&frame, &w.d[CELL].outside.env);
    ward_frame_taken(&frame, 1, 5, sig); /* acknowledged before */
    OK(&w, ward_talk_frame(&l.a.talk, frame.p, frame.len, &w.err));
    assert_int_equal(l.a.heard.last_refusal, WARD_ERR_RECEIPT_AHEAD);
    assert_int_equal(l.a.talk.s.state, WARD_S_LIVE);
    ward_buf_free(&frame);
    line_close(&l);
    world_close(&w);
}

/* A run that was refused is acknowledged by itself: the receipt names what it is for. */
static void beside_a_refusal_it_goes_alone(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "ab", 2);
    line_open(&l, &w, CELL, HUB);
    deliver_all(&l);
    l.b.talk.refused_count = 1;
    l.b.talk.refused[0][0] = 2;
    l.b.talk.refused[0][1] = WARD_ERR_SPACE;
    pump(&l);
    assert_int_equal(l.a.receipts, 1);
    assert_int_equal(l.a.within, 0);
    assert_int_equal(l.a.heard.covered, 2);
    line_close(&l);
    world_close(&w);
}

/* A receipt that was lost on its way, and what reached the hub by way of others: the next meeting brings one for all of it. */
static void what_is_held_already_is_sealed_when_asked(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    give(&w, CELL, HUB); /* by a stick */
    give(&w, HUB, CELL);
    struct heard heard = round_of(&w, CELL, HUB);
    assert_int_equal(heard.covered, 1);
    assert_int_equal(status_of(&w, CELL).receipted, 1);
    heard = round_of(&w, CELL, HUB);
    assert_int_equal(heard.receipt, 0);
    world_close(&w);
}

static void cells_seal_nothing_and_who_is_called_keeps_nothing(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "ab", 1);
    write_note(&w, OTHER, "ab", 1);
    line_open(&l, &w, CELL, OTHER);
    pump(&l);
    assert_int_equal(l.b.asks, 0);
    OK(&w, ward_receipts_note_ask(&l.b.talk, &w.err)); /* had it asked all the same */
    assert_true(idle(&l));
    line_close(&l);
    write_note(&w, OFFICE, "a", 2);
    line_open(&l, &w, HUB, OFFICE); /* the hub calls an operator's device that writes too */
    pump(&l);
    assert_int_equal(receipts_of(&w, OFFICE), 0);
    line_close(&l);
    world_close(&w);
}

/* ---------------------------------------------------------------- a hub that lies */

/* What the hub's key seals of the cell's feed in "a", as a frame. */
static void forge(struct world *w, struct ward_buf *frame, size_t signer, size_t named, uint64_t seq, const struct ward_hash *hash)
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

static struct ward_hash feed_of_cell(struct world *w)
{
    const struct ward_id unit = unit_id('a');
    struct ward_hash space, feed;
    ward_replica *r = w->d[CELL].r;
    OK(w, ward_space_of_circle(r, &space, &unit, 1, &w->err));
    ward_directory_feed_of(&r->dir, ward_directory_space_by_id(&r->dir, &space), &r->self, &feed);
    return feed;
}

static struct ward_hash hash_at(struct world *w, size_t i, uint64_t seq)
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

static int show(struct world *w, size_t from, size_t signer, uint64_t seq, const struct ward_hash *hash, struct heard *heard)
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

static void wrong_ones_are_refused_and_change_nothing(void **state)
{
    struct world w;
    struct heard heard;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "a", 2);
    round_of(&w, CELL, HUB);
    round_of(&w, CELL, OFFICE);
    write_note(&w, CELL, "a", 3);
    struct ward_hash right = hash_at(&w, CELL, 2), wrong = right;
    wrong.b[31] ^= 1;
    size_t before = receipts_of(&w, CELL);
    assert_int_equal(before, 2);
    assert_int_equal(show(&w, OFFICE, HUB, 2, &right, &heard), WARD_ERR_RECEIPT_SEAL); /* another's seal under its name */
    assert_int_equal(show(&w, HUB, HUB, 4, &right, &heard), WARD_ERR_RECEIPT_AHEAD);
    assert_int_equal(show(&w, OTHER, OTHER, 2, &right, &heard), WARD_ERR_RECEIPT_SIGNER); /* a cell's */
    before = receipts_of(&w, CELL);
    assert_int_equal(show(&w, HUB, HUB, 2, &right, &heard), 0); /* true, and known */
    assert_int_equal(receipts_of(&w, CELL), before);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 0);
    world_close(&w);
}

static void a_cut_signer_is_refused(void **state)
{
    struct world w;
    struct line l;
    struct ward_buf frame;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    size_t before = receipts_of(&w, CELL);
    write_note(&w, CELL, "a", 2);
    OK(&w, ward_revoke(w.d[OFFICE].r, &w.d[HUB].grant, "máy chủ bị mất", &w.err));
    give(&w, OFFICE, CELL);
    OK(&w, ward_replica_refresh(w.d[CELL].r, &w.err));
    struct ward_hash hash = hash_at(&w, CELL, 2);
    forge(&w, &frame, HUB, HUB, 2, &hash);
    struct ward_message m;
    OK(&w, ward_frame_parse(&m, frame.p, frame.len, &w.err));
    OK(&w, ward_receipts_keep(&l.a.talk, &m, &w.err)); /* past the session, which would close at once */
    assert_int_equal(l.a.heard.last_refusal, WARD_ERR_RECEIPT_SIGNER);
    assert_int_equal(receipts_of(&w, CELL), before);
    assert_int_equal(status_of(&w, CELL).receipted, 1);
    line_close(&l);
    ward_buf_free(&frame);
    world_close(&w);
}

/* The hub has sealed one history, and now seals another: kept, as evidence. Another of which it never sealed anything is the device's own
 * affair (a fork), and nothing against the hub. */
static void another_history_is_evidence(void **state)
{
    struct world w;
    struct heard heard;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "a", 2);
    round_of(&w, CELL, HUB);
    struct ward_hash wrong = hash_at(&w, CELL, 2);
    wrong.b[0] ^= 1;
    assert_int_equal(show(&w, HUB, HUB, 2, &wrong, &heard), 0);
    assert_int_equal(heard.rewrote, 1);
    assert_int_equal(heard.receipt, 0);
    assert_int_equal(receipts_of(&w, CELL), 2);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 1);
    assert_int_equal(status_of(&w, CELL).receipted, 2);
    heard = round_of(&w, CELL, HUB); /* it shows the true one again, and says so by a receipt */
    assert_int_equal(heard.receipt, 1);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 0);
    assert_int_equal(receipts_of(&w, CELL), 3);
    world_close(&w);
}

/* Its heads show another hash where it had sealed one. */
static void other_heads_are_told_until_it_seals_the_true_one_again(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "a", 2);
    round_of(&w, CELL, HUB);
    const struct ward_hash feed = feed_of_cell(&w);
    line_open(&l, &w, CELL, HUB);
    uint32_t fid = ward_directory_feed_by_id(&w.d[CELL].r->dir, &feed)->fid;
    OK(&w, ward_receipts_other_history(&l.a.talk, fid, 3, &w.err)); /* of that it had sealed nothing */
    assert_int_equal(l.a.heard.rewrote, 0);
    OK(&w, ward_receipts_other_history(&l.a.talk, fid, 2, &w.err));
    assert_int_equal(l.a.heard.rewrote, 1);
    assert_true(l.a.talk.hub_rewrote);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 1);
    assert_int_equal(round_of(&w, CELL, HUB).receipt, 1);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 0);
    world_close(&w);
}

static void a_history_it_never_sealed_is_a_fork(void **state)
{
    struct world w;
    struct heard heard;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    round_of(&w, CELL, HUB);
    write_note(&w, CELL, "a", 2);
    give(&w, CELL, HUB);
    struct ward_hash wrong = hash_at(&w, CELL, 2);
    wrong.b[0] ^= 1;
    struct line l;
    struct ward_buf frame;
    struct ward_message m;
    line_open(&l, &w, CELL, HUB);
    forge(&w, &frame, HUB, HUB, 2, &wrong);
    OK(&w, ward_frame_parse(&m, frame.p, frame.len, &w.err));
    OK(&w, ward_receipts_keep(&l.a.talk, &m, &w.err));
    heard = l.a.heard;
    assert_int_equal(heard.last_refusal, WARD_ERR_FORK);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 0);
    line_close(&l);
    ward_buf_free(&frame);
    world_close(&w);
}

/* ---------------------------------------------------------------- a hub that was restored */

static void close_device(struct world *w, size_t i)
{
    ward_close(w->d[i].r);
    w->d[i].r = NULL;
}

static void open_device(struct world *w, size_t i)
{
    OK(w, ward_open(&w->d[i].r, w->d[i].home, &w->d[i].options, &w->err));
}

static int note_notice(void *ctx, const struct ward_hub_notice *n)
{
    *(struct ward_hub_notice *)ctx = *n;
    return 0;
}

static void a_restored_hub_is_noticed_and_refilled(void **state)
{
    struct world w;
    struct line l;
    struct ward_hub_notice notice = {.seq = 0};
    char copy[400];
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, OTHER, "b", 1);
    round_of(&w, CELL, HUB);
    round_of(&w, OTHER, HUB);
    close_device(&w, HUB);
    snprintf(copy, sizeof copy, "%s/old", w.dir);
    copy_home(w.d[HUB].home, copy);
    open_device(&w, HUB);
    write_note(&w, CELL, "a", 2);
    write_note(&w, CELL, "a", 3);
    write_note(&w, CELL, "ab", 4); /* a space that the old copy has never heard of */
    assert_int_equal(round_of(&w, CELL, HUB).covered, 3);
    close_device(&w, HUB);
    remove_tree(w.d[HUB].home);
    copy_home(copy, w.d[HUB].home);
    open_device(&w, HUB);

    line_open(&l, &w, CELL, HUB); /* broken off as soon as the heads are known */
    until_heads_are_known(&l);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 3);
    OK(&w, ward_hub_notices(w.d[CELL].r, note_notice, &notice, &w.err));
    assert_memory_equal(notice.grant.b, w.d[HUB].grant.b, 32);
    assert_false(notice.rewritten);
    assert_true(notice.held < notice.seq);

    struct heard heard = round_of(&w, CELL, HUB); /* sent again by itself; a new receipt ends the notice */
    assert_int_equal(heard.lost, 1);
    assert_int_equal(heard.lost_changes, 3);
    assert_true(heard.receipt > 0);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    assert_int_equal(status_of(&w, CELL).receipted, 4);
    assert_int_equal(round_of(&w, OTHER, HUB).lost, 0); /* of the other nothing was lost */
    assert_int_equal(round_of(&w, CELL, HUB).lost, 0);
    world_close(&w);
}

/* A hub with the state alone asks for the history, and all goes out to it again: it holds what it had sealed. */
static void a_hub_that_asks_for_history_has_lost_nothing(void **state)
{
    struct world w;
    struct line l;
    struct ward_apply apply;
    (void)state;
    set_up(&w);
    for (int64_t i = 1; i <= 5; i++)
        write_note(&w, CELL, "a", i);
    round_of(&w, CELL, HUB);
    ward_replica *hub = w.d[HUB].r;
    const struct ward_hash id = feed_of_cell(&w);
    const struct ward_feed *f = ward_directory_feed_by_id(&hub->dir, &id);
    const struct ward_base_head head = {f->fid, f->head_seq};
    OK(&w, ward_apply_begin(&apply, hub, &w.err));
    OK(&w, ward_base_settle(&apply, f->sid, &head, 1, &w.err));
    OK(&w, ward_apply_end(&apply, WARD_OK, &w.err));
    write_note(&w, CELL, "a", 6); /* so that heads are told, and before them what is wanted */
    line_open(&l, &w, CELL, HUB);
    l.b.talk.hooks.history = true;
    pump(&l);
    assert_int_equal(l.b.talk.histories, 1);
    assert_int_equal(l.a.heard.lost, 0);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    world_close(&w);
}

/* Refilled by others before the cell came: what it had noticed ends with the receipt that it asks for. */
static void refilled_by_another(void **state)
{
    struct world w;
    struct line l;
    char copy[400];
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "ab", 1);
    round_of(&w, CELL, HUB);
    close_device(&w, HUB);
    snprintf(copy, sizeof copy, "%s/old", w.dir);
    copy_home(w.d[HUB].home, copy);
    open_device(&w, HUB);
    write_note(&w, CELL, "ab", 2);
    round_of(&w, CELL, HUB);
    round_of(&w, OTHER, HUB);
    close_device(&w, HUB);
    remove_tree(w.d[HUB].home);
    copy_home(copy, w.d[HUB].home);
    open_device(&w, HUB);
    line_open(&l, &w, CELL, HUB);
    until_heads_are_known(&l);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 1);
    round_of(&w, OTHER, HUB);
    struct heard heard = round_of(&w, CELL, HUB);
    assert_int_equal(heard.lost, 0);
    assert_int_equal(heard.receipt, 1);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    world_close(&w);
}

/* Two processes of one device: what the hub has sealed to one while the other waited for its heads, these need not cover. */
static void what_another_process_was_given_meanwhile_is_not_lost(void **state)
{
    struct world w;
    struct line l, other;
    ward_replica *second;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    round_of(&w, CELL, HUB);
    line_open(&l, &w, CELL, HUB); /* hello is on its way */
    write_note(&w, CELL, "a", 2);
    ward_replica *first = w.d[CELL].r;
    OK(&w, ward_open(&second, w.d[CELL].home, &w.d[CELL].options, &w.err));
    w.d[CELL].r = second;
    line_open(&other, &w, CELL, HUB);
    pump(&other);
    assert_int_equal(other.a.heard.covered, 1);
    line_close(&other);
    w.d[CELL].r = first;
    pump(&l); /* the heads are of before */
    assert_int_equal(l.a.heard.lost, 0);
    assert_int_equal(l.a.talk.hub_lost, 0);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    assert_int_equal(status_of(&w, CELL).receipted, 2);
    ward_close(second);
    world_close(&w);
}

/* Nor where it was written before hello: it was sealed to the other process when the heads that the one waits for were on their way. */
static void what_was_said_before_another_was_given_it_is_not_lost(void **state)
{
    struct world w;
    struct line l, other;
    ward_replica *first, *second;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    round_of(&w, CELL, HUB);
    write_note(&w, CELL, "a", 2);
    first = w.d[CELL].r;
    line_open(&l, &w, CELL, HUB);
    while (l.a.talk.s.state == WARD_S_GREETING || l.b.head < l.b.tail) /* the heads that the hub shows are on their way */
        deliver(&l, l.b.head < l.b.tail ? &l.b : &l.a);
    assert_false(l.a.talk.s.streaming);
    OK(&w, ward_open(&second, w.d[CELL].home, &w.d[CELL].options, &w.err));
    w.d[CELL].r = second;
    line_open(&other, &w, CELL, HUB);
    pump(&other);
    assert_int_equal(other.a.heard.covered, 1);
    line_close(&other);
    w.d[CELL].r = first;
    pump(&l);
    assert_int_equal(l.a.heard.lost, 0);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    assert_int_equal(status_of(&w, CELL).receipted, 2);
    assert_int_equal(round_of(&w, CELL, HUB).lost, 0);
    ward_close(second);
    world_close(&w);
}

static void remember(struct line *l)
{
    OK(l->w, ward_talk_remember(&l->a.talk, NULL, &l->w->err));
    OK(l->w, ward_talk_remember(&l->b.talk, NULL, &l->w->err));
}

/* The link broke between the receipt and the end of the session, so that neither side remembers what the other had got: at their next
 * meeting they begin from what they remember, which is less than was sealed. */
static void what_lies_beyond_the_base_is_not_lost(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    remember(&l);
    line_close(&l);
    write_note(&w, CELL, "a", 2);
    assert_int_equal(round_of(&w, CELL, HUB).covered, 1);
    write_note(&w, CELL, "a", 3);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    assert_true(l.a.talk.from_base && l.a.talk.beyond_base);
    assert_int_equal(l.a.heard.lost, 0);
    assert_int_equal(l.a.talk.hub_lost, 0);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    assert_int_equal(status_of(&w, CELL).receipted, 3);
    world_close(&w);
}

/* What was read before another process got a newer receipt does not replace it. */
static void the_newer_row_stays(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    struct ward_store *s = w.d[CELL].r->store;
    struct ward_store_receipted newer = {.grant = w.d[HUB].grant, .fid = 1, .seq = 2, .number = 7, .held = WARD_HELD_ALL}, older = newer;
    struct ward_status status;
    older.seq = 1;
    older.held = 1;
    older.number = 6;
    OK(&w, ward_store_begin(s, &w.err));
    OK(&w, ward_store_put_receipted(s, &newer, &w.err));
    OK(&w, ward_store_put_receipted(s, &older, &w.err));
    OK(&w, ward_store_commit(s, &w.err));
    status = status_of(&w, CELL);
    assert_int_equal(status.hub_lost, 0);
    world_close(&w);
}

/* ---------------------------------------------------------------- how many are kept */

static void the_last_ones_are_kept_and_the_newest_of_each_feed(void **state)
{
    struct world w;
    struct ward_store *s;
    static const uint8_t heads[] = {0x80};
    (void)state;
    set_up(&w);
    s = w.d[CELL].r->store;
    OK(&w, ward_store_begin(s, &w.err));
    for (int i = 1; i <= 20; i++) {
        struct ward_store_receipt r = {.grant = w.d[i % 2 ? HUB : OFFICE].grant, .wall_ms = i, .heads = heads, .len = 1};
        OK(&w, ward_store_add_receipt(s, &r, &w.err));
        assert_int_equal(r.number, i);
    }
    const struct ward_store_receipted row = {.grant = w.d[HUB].grant, .fid = 1, .seq = 1, .number = 3, .held = WARD_HELD_ALL};
    OK(&w, ward_store_put_receipted(s, &row, &w.err));
    OK(&w, ward_store_thin_receipts(s, &w.d[HUB].grant, 4, &w.err));
    OK(&w, ward_store_commit(s, &w.err));
    sqlite3 *db;
    sqlite3_stmt *st;
    char path[400];
    int left[20], n = 0;
    snprintf(path, sizeof path, "%s/replica.db", w.d[CELL].home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT number FROM ward_receipt WHERE number % 2 ORDER BY 1", -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        left[n++] = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    const int want[] = {3, 13, 15, 17, 19};
    assert_int_equal(n, 5);
    assert_memory_equal(left, want, sizeof want);
    world_close(&w);
}

/* ---------------------------------------------------------------- a file for a third party */

struct shown {
    size_t count, ops;
    uint64_t seqs[4];
};

static int note_shown(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count)
{
    struct shown *x = ctx;
    assert_true(x->count < 4);
    assert_non_null(ops);
    x->seqs[x->count++] = change->seq;
    x->ops += op_count;
    return 0;
}

static size_t read_file(const char *path, uint8_t *p, size_t cap)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(p, 1, cap, f);
    assert_true(n < cap);
    fclose(f);
    return n;
}

static void write_file(const char *path, const uint8_t *p, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int check(struct world *w, size_t at, const char *path, struct ward_proof *out)
{
    w->err = (struct ward_error){0};
    return ward_proof_check(w->d[at].r, path, NULL, NULL, out, &w->err);
}

static void a_proof_holds_anywhere_in_the_ward(void **state)
{
    struct world w;
    struct ward_proof proof;
    struct shown shown = {.count = 0};
    char path[400];
    static uint8_t bytes[1 << 16];
    (void)state;
    set_up(&w);
    for (int i = 0; i < 3; i++) {
        write_note(&w, CELL, "a", i);
        round_of(&w, CELL, HUB);
    }
    write_note(&w, CELL, "a", 3);
    round_of(&w, CELL, OFFICE);
    write_note(&w, CELL, "a", 4); /* not sent */
    const struct ward_hash feed = feed_of_cell(&w);
    const uint64_t seqs[] = {2, 3, 5};
    snprintf(path, sizeof path, "%s/proof", w.dir);
    OK(&w, ward_proof_write(w.d[CELL].r, path, &feed, seqs, 3, &proof, &w.err));
    assert_int_equal(proof.subject_count, 2); /* what nobody has sealed is not claimed */
    assert_int_equal(proof.first, 2);
    assert_int_equal(proof.last, 4);
    assert_int_equal(proof.receipt_count, 3); /* the hub's at 2 and at 3, the office's at 4 */
    assert_true(proof.receipts[0].agrees && proof.receipts[0].seq == 2);
    assert_int_equal(proof.here, WARD_PROOF_SAME_HERE);
    OK(&w, ward_proof_check(w.d[OTHER].r, path, note_shown, &shown, &proof, &w.err)); /* it may not even read that space */
    assert_int_equal(proof.here, WARD_PROOF_NOT_HERE);
    assert_int_equal(shown.count, 2);
    assert_int_equal(shown.seqs[0], 2);
    assert_int_equal(shown.seqs[1], 3);
    assert_int_equal(shown.ops, 2);
    assert_memory_equal(proof.grant.b, w.d[CELL].grant.b, 32);

    const uint64_t late[] = {5};
    assert_int_equal(ward_proof_write(w.d[CELL].r, path, &feed, late, 1, &proof, &w.err), WARD_ERR_RECEIPT_NONE);
    assert_int_equal(ward_proof_write(w.d[HUB].r, path, &feed, seqs, 1, &proof, &w.err), WARD_ERR_PROOF_NOT_OWN);

    size_t len = read_file(path, bytes, sizeof bytes);
    struct ward_proof other;
    snprintf(path, sizeof path, "%s/altered", w.dir);
    size_t refused = 0;
    for (size_t i = 0; i < len; i++) { /* a bit turned anywhere: refused, or another of the proven changes is pointed at */
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        write_file(path, bytes, len);
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        int rc = check(&w, OTHER, path, &other);
        refused += rc != WARD_OK;
        if (rc == WARD_OK) {
            assert_memory_equal(other.feed.b, proof.feed.b, 32);
            assert_int_equal(other.last, proof.last);
            assert_int_equal(other.receipts[0].wall_ms, proof.receipts[0].wall_ms);
        } else if (rc != WARD_ERR_PROOF_DAMAGED && rc != WARD_ERR_PROOF_WARD && rc != WARD_ERR_PROOF_GRANT && rc != WARD_ERR_PROOF_FALSE) {
            assert_int_equal(rc, WARD_ERR_VERSION);
        }
    }
    assert_true(refused > len - 4);
    for (size_t i = 0; i < len; i++) {
        write_file(path, bytes, i);
        assert_int_equal(check(&w, OTHER, path, &other), WARD_ERR_PROOF_DAMAGED);
    }
    bytes[len] = 0x40;
    write_file(path, bytes, len + 1);
    assert_int_equal(check(&w, OTHER, path, &other), WARD_ERR_PROOF_DAMAGED);
    world_close(&w);
}

static void a_proof_against_a_hub(void **state)
{
    struct world w;
    struct heard heard;
    struct ward_proof proof;
    char path[400];
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "a", 2);
    round_of(&w, CELL, HUB);
    struct ward_hash wrong = hash_at(&w, CELL, 2);
    wrong.b[0] ^= 1;
    show(&w, HUB, HUB, 2, &wrong, &heard);
    assert_int_equal(heard.rewrote, 1);
    const struct ward_hash feed = feed_of_cell(&w);
    const uint64_t seqs[] = {2};
    snprintf(path, sizeof path, "%s/proof", w.dir);
    OK(&w, ward_proof_write(w.d[CELL].r, path, &feed, seqs, 1, NULL, &w.err));
    OK(&w, ward_proof_check(w.d[OFFICE].r, path, NULL, NULL, &proof, &w.err));
    assert_int_equal(proof.receipt_count, 2);
    assert_true(proof.receipts[0].agrees);
    assert_false(proof.receipts[1].agrees);
    assert_memory_equal(proof.receipts[1].grant.b, w.d[HUB].grant.b, 32);
    assert_false(proof.receipts[1].ended);
    OK(&w, ward_revoke(w.d[OFFICE].r, &w.d[HUB].grant, "máy chủ bị thay", &w.err));
    OK(&w, ward_proof_check(w.d[OFFICE].r, path, NULL, NULL, &proof, &w.err));
    assert_true(proof.receipts[0].ended);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_in_is_sealed),
        cmocka_unit_test(only_what_is_durable_is_sealed),
        cmocka_unit_test(what_is_signed_is_derived),
        cmocka_unit_test(within_needs_a_run),
        cmocka_unit_test(beside_a_refusal_it_goes_alone),
        cmocka_unit_test(what_is_held_already_is_sealed_when_asked),
        cmocka_unit_test(cells_seal_nothing_and_who_is_called_keeps_nothing),
        cmocka_unit_test(wrong_ones_are_refused_and_change_nothing),
        cmocka_unit_test(a_cut_signer_is_refused),
        cmocka_unit_test(another_history_is_evidence),
        cmocka_unit_test(other_heads_are_told_until_it_seals_the_true_one_again),
        cmocka_unit_test(a_history_it_never_sealed_is_a_fork),
        cmocka_unit_test(a_restored_hub_is_noticed_and_refilled),
        cmocka_unit_test(a_hub_that_asks_for_history_has_lost_nothing),
        cmocka_unit_test(refilled_by_another),
        cmocka_unit_test(what_another_process_was_given_meanwhile_is_not_lost),
        cmocka_unit_test(what_was_said_before_another_was_given_it_is_not_lost),
        cmocka_unit_test(what_lies_beyond_the_base_is_not_lost),
        cmocka_unit_test(the_newer_row_stays),
        cmocka_unit_test(the_last_ones_are_kept_and_the_newest_of_each_feed),
        cmocka_unit_test(a_proof_holds_anywhere_in_the_ward),
        cmocka_unit_test(a_proof_against_a_hub),
    };
    return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
