/* check_talk.c - what goes over a connection, and what processes are told. */
#include "base/limits.h"
#include "check_parts.h"
#include "disk_inside.h"
#include "model.h"
#include "net.h"
#include "replica/replica.h"
#include "rules/frame.h"

#include <stdlib.h>
#include <string.h>

/* An acknowledgement goes out: what it names must be durable where it comes from. */
static void S14_ack_names_only_what_is_durable(struct conn *c, int from, struct ward_message *m)
{
    struct device *d = c->side[from].d;
    struct proc *p = c->w->current;
    const struct model *model = c->w->model;
    bool refused[WARD_WINDOW_MAX] = {false};
    uint64_t before = c->runs[from].acked;
    for (size_t i = 0; i < m->count; i++) {
        uint64_t at, code;
        ward_frame_next_refusal(m, &at, &code);
        if (at > before && at <= m->acked)
            refused[(at - 1) % WARD_WINDOW_MAX] = true;
    }
    if (m->acked > c->runs[from].count) {
        violated(c->w, "S14", "%s acknowledges %llu runs, %zu have come", d->name, (unsigned long long)m->acked, c->runs[from].count);
        return;
    }
    if (!p || !p->r || ward_store_in_transaction(p->r->store)) {
        violated(c->w, "S14", "%s acknowledges before it has committed", d->name);
        return;
    }
    model_observe(d, p->r);
    for (uint64_t i = before; i < m->acked; i++) {
        const struct sent_run *run = &c->runs[from].v[i];
        if (!run->last)
            continue;
        size_t branch = model_find_short(model, run->space8, run->grant8);
        while (branch != SIZE_MAX && d->held[branch] < run->last)
            branch = model->feeds[branch].next;
        if (branch == SIZE_MAX && !refused[i % WARD_WINDOW_MAX])
            violated(c->w, "S14", "%s acknowledges a run up to %llu that it does not hold", d->name, (unsigned long long)run->last);
    }
    c->runs[from].acked = m->acked;
}

/* A receipt says the same for longer, and of feeds of the receiver's own (proto/receipt.md). Who asks for one hears of it even while
   changes of somebody else are not committed yet: then what was seen before them counts, for model_observe looks at nothing. */
static void S14_receipt_names_only_what_is_durable(struct conn *c, int from, struct ward_message *m)
{
    struct device *d = c->side[from].d, *to = c->side[1 - from].d;
    const struct model *model = c->w->model;
    model_observe(d, c->w->current->r);
    for (size_t i = 0; i < m->count; i++) {
        struct ward_receipt_entry e;
        ward_frame_next_receipt(m, &e);
        size_t branch = model_find_branch(model, model_find_short(model, e.space8, to->grant.b), e.seq, e.hash);
        if (branch == SIZE_MAX || d->held[branch] < e.seq)
            violated(c->w, "S14", "%s gives %s a receipt up to %llu, which it does not hold", d->name, to->name, (unsigned long long)e.seq);
    }
}

/* proto/session.md: "a device cut while connected gets error 405 and no more". */
static void S10_a_cut_device_gets_no_more(struct conn *c, int from)
{
    const struct device *d = c->side[from].d, *to = c->side[1 - from].d;
    if (to->revoked && model_is_cut(c->w->model, d->held, &to->grant))
        violated(c->w, "S10", "%s sends changes to %s, which it knows to be cut", d->name, to->name);
}

/* What waits at the other side is bounded by what that side has offered. */
static void S18_no_more_is_under_way_than_was_offered(struct conn *c, int from)
{
    uint64_t waiting = ++c->runs[from].sent - c->runs[from].heard;
    if (waiting > c->runs[from].window)
        violated(c->w, "S18", "%s has %llu runs under way to %s, which offered %u", c->side[from].d->name, (unsigned long long)waiting,
                 c->side[1 - from].d->name, c->runs[from].window);
}

void check_frame(struct conn *c, int from, const uint8_t *p, size_t len)
{
    struct ward_message m;
    struct ward_error why = {0};
    if (c->side[from].d->hostile)
        return;
    check_no_secret(c->w, "a frame", p, len);
    if (ward_frame_parse(&m, p, len, &why)) {
        violated(c->w, "S20", "%s sends a frame that is none: %d %s", c->side[from].d->name, why.code, why.detail);
        return;
    }
    bool piece = m.type == WARD_MSG_PIECE, whole = ward_frame_is_acknowledged(m.type);
    if (piece || whole)
        S10_a_cut_device_gets_no_more(c, from);
    if (whole || (piece && m.piece.left == 0))
        S18_no_more_is_under_way_than_was_offered(c, from);
    if (m.type == WARD_MSG_ACK || m.type == WARD_MSG_TAKEN) /* a receipt within is for what is acknowledged */
        S14_ack_names_only_what_is_durable(c, from, &m);
    if (m.type == WARD_MSG_RECEIPT)
        S14_receipt_names_only_what_is_durable(c, from, &m);
}

/* What has come of a frame in pieces, over whichever connections. With the last one *m is the frame; of no type if it is not known here,
 * for a copied home goes on with what came from the other. */
static void put_together(struct conn *c, int to, struct ward_message *m)
{
    const struct world *w = c->w;
    struct begun *b = &c->side[to].d->begun[c->side[1 - to].d - w->d];
    if (m->piece.at > 0 && !c->runs[to].in_pieces)
        deed(c->w, DEED_GONE_ON);
    c->runs[to].in_pieces = true;
    b->len = m->piece.at <= b->len ? m->piece.at : 0;
    bool last = m->piece.left == 0, known = b->len == m->piece.at;
    if (known) {
        b->p = disk_memory(b->p, b->len + m->piece.len);
        memcpy(b->p + b->len, m->piece.data, m->piece.len);
        b->len += m->piece.len;
    }
    if (last && (!known || ward_frame_parse(m, b->p, b->len, NULL)))
        *m = (struct ward_message){.type = WARD_MSG_PART};
    if (last)
        b->len = 0;
}

void check_arrival(struct conn *c, int to, const uint8_t *p, size_t len)
{
    struct ward_message m;
    if (ward_frame_parse(&m, p, len, NULL))
        return;
    if (m.type == WARD_MSG_PIECE)
        put_together(c, to, &m);
    if (m.type == WARD_MSG_HELLO)
        c->runs[to].window = m.hello.window;
    if (m.type == WARD_MSG_AGREE)
        c->runs[to].window = m.agree.window;
    if (m.type == WARD_MSG_ACK || m.type == WARD_MSG_TAKEN)
        c->runs[to].heard = m.acked;
    bool state = m.type == WARD_MSG_SNAPSHOT || m.type == WARD_MSG_PART; /* counts as a run, and is looked at when all are equal */
    if (m.type == WARD_MSG_SNAPSHOT)
        deed(c->w, DEED_STATES);
    if (m.type != WARD_MSG_RUN && !state)
        return;
    if (c->runs[to].count == c->runs[to].cap) {
        c->runs[to].cap = c->runs[to].cap ? 2 * c->runs[to].cap : 16;
        c->runs[to].v = realloc(c->runs[to].v, c->runs[to].cap * sizeof *c->runs[to].v);
        if (!c->runs[to].v)
            abort();
    }
    struct sent_run *run = &c->runs[to].v[c->runs[to].count++];
    run->last = 0;
    if (state)
        return;
    memcpy(run->space8, m.run.space8, 8);
    memcpy(run->grant8, m.run.grant8 ? m.run.grant8 : c->side[1 - to].d->grant.b, 8);
    run->last = m.run.first + m.run.count - 1;
}

/* ---------------------------------------------------------------- what a process is told */

static void S11_only_forks_are_called_so(struct proc *p, const struct ward_hash *grant)
{
    const struct model *m = p->w->model;
    for (size_t i = 0; i < m->feed_count; i++)
        if (memcmp(m->feeds[i].grant.b, grant->b, 32) == 0 && m->feeds[i].author &&
            (m->feeds[i].author->may_fork || m->feeds[i].author->hostile || m->feeds[i].next != SIZE_MAX))
            return;
    for (size_t i = 0; i < p->w->count; i++) /* refused runs name the peer that brought them */
        if (p->w->d[i].may_fork || p->w->d[i].hostile)
            return;
    violated(p->w, "S11", "%s is told of a fork, and nobody has two histories", p->d->name);
}

static bool anybody_was_restored(const struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->d[i].may_fork || w->d[i].hostile)
            return true;
    return false;
}

/* No honest hub is blamed, and whose hub was restored is told so. */
static void S14_a_hub_is_blamed_for_what_it_lost(struct proc *p, const struct ward_event *e)
{
    struct world *w = p->w;
    bool lost = e->code == WARD_ERR_HUB_LOST, may = e->code == WARD_ERR_HUB_REWROTE && anybody_was_restored(w);
    for (size_t i = 0; lost && i < w->count; i++)
        may |= w->d[i].may_fork && device_was(&w->d[i], &e->grant);
    deed(w, DEED_HUB_LOST);
    trace(w, p->d, "hears that a hub no longer holds what it had sealed: %s", ward_error_name(e->code));
    if (!may)
        violated(w, "S14", "%s is told that a hub lost what it had sealed, and it was never restored", p->d->name);
}

void check_event(struct proc *p, const struct ward_event *e)
{
    if (e->text)
        check_no_secret(p->w, "an event", e->text, strlen(e->text));
    if (e->type == WARD_EVENT_HUB)
        S14_a_hub_is_blamed_for_what_it_lost(p, e);
    if (e->type == WARD_EVENT_RECEIPT && !e->code)
        deed(p->w, DEED_RECEIPT);
    p->disk_failed |= e->code >= 600 && e->code < 700;
    bool bad = e->code > 200 && e->code < 600; /* its own disk or memory may fail at any time */
    if (e->type == WARD_EVENT_RECEIPT && bad && !anybody_was_restored(p->w))
        violated(p->w, "S14", "%s refuses a receipt: %s", p->d->name, ward_error_name(e->code));
    if (e->type == WARD_EVENT_FORK) {
        p->fork_told = true;
        trace(p->w, p->d, "hears of two histories");
        S11_only_forks_are_called_so(p, &e->grant);
    }
    if (e->type != WARD_EVENT_RUN_REFUSED)
        return;
    p->refused++;
    deed(p->w, DEED_REFUSED);
}
