/* serve_turn.c - whose turn it is: what comes is put by, and each device has one frame of it looked at before anyone has a second. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/ahead.h"
#include "replica/ingest.h"
#include "replica/serve.h"

#include <string.h>

/* The first frame of an incoming link tells who it is, by its key. What is here is compared with what he has: that must be committed, so no
 * batch is open. */
static int greet(struct ward_server *s, struct ward_server_guest *g, struct ward_error *err)
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
    return ward_server_start_talk(s, g, &peer, err);
}

static bool is_run(const struct ward_server_frame *w)
{
    enum ward_message_type type = w->len > 2 ? (enum ward_message_type)w->p[2] : 0;
    return type == WARD_MSG_PIECE || ward_frame_is_acknowledged(type);
}

/* A run costs what it unpacks to, and more for each change: a short frame may hold much. */
static int run(struct ward_server *s, struct ward_server_guest *g, const struct ward_server_frame *w, struct ward_error *err)
{
    uint64_t before = g->talk.received;
    if (ward_gate_may_grow(g->visitor, ward_server_mono(s)))
        return ward_talk_show_out(&g->talk, WARD_ERR_QUOTA, err);
    ward_buf_clear(&s->r->unpacked);
    int rc = ward_talk_frame(&g->talk, w->p, w->len, err);
    size_t raw = s->r->unpacked.len > w->len ? s->r->unpacked.len : w->len;
    ward_gate_worked(g->visitor, ward_server_mono(s), raw > WARD_WORK_RUN ? raw : WARD_WORK_RUN, g->talk.received - before);
    return rc;
}

static int handle(struct ward_server *s, struct ward_server_guest *g, const struct ward_server_frame *w, struct ward_error *err)
{
    int rc = g->met ? WARD_OK : greet(s, g, err);
    if (rc)
        return rc;
    if (g->joining || ward_frame_type(w->p, w->len) == WARD_MSG_REQUEST) {
        rc = ward_batch_commit(&s->batch, err); /* admitting writes a change of our own */
        return rc ? rc : g->joining ? ward_server_on_join(s, g, w, err) : ward_server_on_request(s, g, w, err);
    }
    return is_run(w) ? run(s, g, w, err) : ward_talk_frame(&g->talk, w->p, w->len, err);
}

/* Nobody who keeps to the window comes near this. */
static int turn_away(struct ward_server *s, struct ward_server_guest *g, int code, struct ward_error *err)
{
    if (g->talk.r)
        return ward_talk_show_out(&g->talk, code, err); /* and removed with those that are closed */
    ward_server_refuse(s, g, code);
    ward_server_remove_guest(s, g, code);
    return WARD_OK;
}

static int keep_bounds(struct ward_server *s, struct ward_server_guest *g, struct ward_error *err)
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

static int put_by(struct ward_server *s, struct ward_server_guest *g, const struct ward_link_event *e, struct ward_error *err)
{
    if (g->talk.r && ward_talk_closed(&g->talk))
        return WARD_OK;
    struct ward_server_frame *w = ward_alloc(&s->r->env, sizeof *w + e->len);
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
    s->unseen++;
    return keep_bounds(s, g, err);
}

int ward_server_on_frame(struct ward_server *s, const struct ward_link_event *e, struct ward_error *err)
{
    struct ward_server_guest *g = ward_server_find_guest(s, e->peer);
    int rc = g ? WARD_OK : ward_server_new_guest(s, e->peer, e->link_pk, &g, err);
    if (rc == WARD_ERR_PEERS) {
        struct ward_server_guest passing = {.peer = e->peer, .server = s};
        ward_server_refuse(s, &passing, rc);
        ward_link_drop(s->link, e->peer);
        return WARD_OK;
    }
    return rc ? rc : put_by(s, g, e, err);
}

static void see(struct ward_server *s, struct ward_server_frame *w)
{
    s->unseen -= !w->seen;
    w->seen = true;
}

/* The next of his frames that nobody has looked at, if it is a run and he may send one. */
static struct ward_server_frame *next_run(struct ward_server_guest *g, struct ward_run *run)
{
    struct ward_server_frame *w = g->first;
    struct ward_message m;
    while (w && w->seen)
        w = w->next;
    if (!w || !g->talk.r || ward_talk_closed(&g->talk) || ward_frame_type(w->p, w->len) != WARD_MSG_RUN ||
        ward_frame_parse(&m, w->p, w->len, NULL))
        return NULL;
    *run = m.run;
    run->grant8 = m.run.grant8 ? m.run.grant8 : g->talk.peer.id.b;
    return w;
}

/* Runs that wait, in the order in which their turns will come. */
void ward_server_read_ahead(struct ward_server *s, size_t from)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < s->guest_count; i++) {
            struct ward_run run;
            if (s->unseen == 0 || !ward_ahead_has_room(s->r->ahead))
                return;
            struct ward_server_frame *w = next_run(s->guests[(s->begin + from + i) % s->guest_count], &run);
            if (!w)
                continue;
            more = true;
            see(s, w);
            ward_ingest_ahead(s->r, &run);
        }
    }
}

/* The first waiting frame of a device that has not had its turn in this pass. */
static int give_turn(struct ward_server *s, size_t i, bool *any, struct ward_error *err)
{
    struct ward_server_guest *g = s->guests[(s->begin + i) % s->guest_count];
    if (!g->first || g->visitor->turn == s->pass || (!g->met && s->batch.open)) /* who is new is met when what came is committed */
        return WARD_OK;
    int64_t now = ward_server_mono(s);
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
    if (is_run(g->first))
        ward_server_read_ahead(s, i);
    see(s, g->first);
    int rc = handle(s, g, g->first, err);
    ward_server_drop_first(g);
    return rc;
}

bool ward_server_is_time_over(const struct ward_server *s, int64_t begun)
{
    return ward_server_mono(s) - begun >= s->step_ms || s->batch.bytes > WARD_BATCH_BYTES;
}

/* Where many have sent much, one pass takes several steps, so that those who had their turn early hear of it soon. */
int ward_server_pass(struct ward_server *s, bool *any, struct ward_error *err)
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
        rc = s->guests[(s->begin + i) % count]->met ? WARD_OK : give_turn(s, i, any, err);
    int64_t begun = ward_server_mono(s);
    for (size_t i = 0; !rc && !s->unfinished && i < count; i++) {
        bool done = false;
        rc = give_turn(s, i, &done, err);
        *any |= done;
        s->unfinished = done && i + 1 < count && ward_server_is_time_over(s, begun);
    }
    return rc;
}

bool ward_server_anything_waits(const struct ward_server *s)
{
    for (size_t i = 0; i < s->guest_count; i++)
        if (s->guests[i]->first)
            return true;
    return false;
}
