/* link_sim.c - shell/link.h over the virtual network, in place of link*.c: all above it runs as it ships. */
#include "base/err.h"
#include "base/limits.h"
#include "check.h"
#include "disk_inside.h"
#include "net.h"
#include "rules/frame.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE          32    /* frames each way, as the real link has */
#define LATENCY_MS     20    /* of a good network */
#define REFUSED_MS     40    /* until a machine answers that nobody listens */
#define NOBODY_MS      9000  /* until a machine that is off is given up */
#define SILENCE_MS     40000 /* until the heartbeat finds a silent connection dead */
#define LISTENS_MAX    4
#define CURVE_OVERHEAD 60 /* bytes of a frame beyond its own */

/* On its way to one side of a connection, or waiting there to be taken. */
enum parcel_type { PARCEL_KNOCK, PARCEL_UP, PARCEL_FRAME, PARCEL_DOWN, PARCEL_NOISE };
struct parcel {
    struct parcel *next; /* in the inbox */
    struct parcel *newer, *older;
    enum parcel_type type;
    struct net *net;
    struct conn *conn;
    int to;
    int code;
    bool arrived, lost;
    size_t len;
    uint8_t *p;
};

struct ward_link {
    struct ward_link *next;
    struct device *d;
    struct ward_link_options options;
    uint8_t pk[32];
    char listens[LISTENS_MAX][64];
    size_t listen_count;
    ward_peer next_peer;
    struct parcel *first, *last; /* the inbox */
    struct parcel *held;         /* the frame given out last */
    struct proc *waiting;
    unsigned idle; /* steps in a row in which nothing came */
};

struct net {
    struct world *w;
    struct ward_link *links;
    struct conn *conns;
    struct parcel *parcels; /* all under way */
    uint64_t next_conn;
    net_watch_fn *watch;
    void *watch_ctx;
};

struct net *net_new(struct world *w)
{
    struct net *n = disk_memory(NULL, sizeof *n);
    *n = (struct net){.w = w};
    return n;
}

void net_watch(struct world *w, net_watch_fn *fn, void *ctx)
{
    w->net->watch = fn;
    w->net->watch_ctx = ctx;
}

/* ---------------------------------------------------------------- parcels */

static void parcel_free(struct parcel *x)
{
    struct net *n = x->net;
    if (x->older)
        x->older->newer = x->newer;
    if (x->newer)
        x->newer->older = x->older;
    else
        n->parcels = x->older;
    free(x->p);
    free(x);
}

static struct parcel *parcel_new(struct net *n, enum parcel_type type, struct conn *c, int to)
{
    struct parcel *x = disk_memory(NULL, sizeof *x);
    *x = (struct parcel){.type = type, .net = n, .conn = c, .to = to, .older = n->parcels};
    if (n->parcels)
        n->parcels->newer = x;
    n->parcels = x;
    return x;
}

static void into_inbox(struct ward_link *l, struct parcel *x)
{
    x->next = NULL;
    if (l->last)
        l->last->next = x;
    else
        l->first = x;
    l->last = x;
    if (l->waiting)
        proc_wake(l->waiting);
}

static void arrive(void *ctx, uint64_t number)
{
    struct parcel *x = ctx;
    struct side *s = &x->conn->side[x->to];
    (void)number;
    x->arrived = true;
    if (x->type == PARCEL_FRAME)
        s->under_way--;
    if (x->lost || !s->link || s->dropped)
        parcel_free(x);
    else
        into_inbox(s->link, x);
}

static void dispatch(struct parcel *x, int64_t at)
{
    sched_at(&x->net->w->time, at, arrive, x, 0);
}

static int64_t latency(const struct conn *c)
{
    return LATENCY_MS + c->fate.delay_ms;
}

static void tell_down(struct conn *c, int side, int code, int64_t in_ms)
{
    struct side *s = &c->side[side];
    int64_t at = c->w->time.now + in_ms;
    if (!s->link || s->dropped)
        return;
    struct parcel *x = parcel_new(c->w->net, PARCEL_DOWN, c, side);
    x->code = code;
    dispatch(x, at > s->last_ms ? at : s->last_ms); /* what was sent before comes first */
}

/* What is still under way towards a side does not come any more. */
static void lose_under_way(struct conn *c, int side)
{
    for (struct parcel *x = c->w->net->parcels; x; x = x->older)
        if (x->conn == c && x->to == side && x->type == PARCEL_FRAME)
            x->lost |= !x->arrived;
}

void net_sabotage(struct world *w, struct conn *c, int code)
{
    if (c->ended)
        return;
    c->ended = true;
    for (int i = 0; i < 2; i++) {
        if (dice_chance(&w->net_dice, 500))
            lose_under_way(c, i);
        tell_down(c, i, code, latency(c));
    }
}

/* ---------------------------------------------------------------- opening and closing */

int ward_link_open(struct ward_link **out, const struct ward_link_options *options, struct ward_error *err)
{
    struct device *d = options->env->ctx;
    struct net *n = d->w->net;
    if (!device_is_up(d))
        return ward_fail(err, WARD_ERR_NETWORK, "no power");
    struct ward_link *l = disk_memory(NULL, sizeof *l);
    *l = (struct ward_link){.next = n->links, .d = d, .options = *options, .next_peer = 1};
    ward_link_public(l->pk, options->link_sk);
    n->links = l;
    *out = l;
    return WARD_OK;
}

/* The socket does not linger: of what was sent last, some may have left the machine and some not. */
static void leave(struct conn *c, int side)
{
    int other = 1 - side;
    if (dice_chance(&c->w->net_dice, 300))
        lose_under_way(c, other);
    if (!c->ended && (c->up || side == 0))
        tell_down(c, other, WARD_ERR_LINK_CLOSED, latency(c));
    c->ended = true;
    c->side[side].link = NULL;
}

static void empty_inbox(struct ward_link *l)
{
    while (l->first) {
        struct parcel *x = l->first;
        l->first = x->next;
        parcel_free(x);
    }
    l->last = NULL;
}

void ward_link_close(struct ward_link *l)
{
    if (!l)
        return;
    struct net *n = l->d->w->net;
    for (struct conn *c = n->conns; c; c = c->next)
        for (int i = 0; i < 2; i++)
            if (c->side[i].link == l)
                leave(c, i);
    empty_inbox(l);
    if (l->held)
        parcel_free(l->held);
    struct ward_link **at = &n->links;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    free(l);
}

void net_free(struct net *n)
{
    while (n->parcels)
        parcel_free(n->parcels); /* takes it off the list. NOLINT(clang-analyzer-unix.Malloc) */
    while (n->conns) {
        struct conn *c = n->conns;
        n->conns = c->next;
        free(c->runs[0].v);
        free(c->runs[1].v);
        free(c);
    }
    free(n);
}

/* A machine that is off says nothing; a killed process has its connections closed by the system. */
void net_power_off(struct device *d)
{
    int64_t in_ms = d->trap == FAULT_KILL ? LATENCY_MS : SILENCE_MS;
    for (struct conn *c = d->w->net->conns; c; c = c->next)
        for (int i = 0; i < 2; i++) {
            if (c->side[i].d != d || c->ended)
                continue;
            lose_under_way(c, 1 - i);
            c->ended = true;
            tell_down(c, 1 - i, WARD_ERR_LINK_CLOSED, in_ms);
        }
}

void net_cut_all(struct world *w, const struct device *d)
{
    for (struct conn *c = w->net->conns; c; c = c->next)
        if (!d || c->side[0].d == d || c->side[1].d == d)
            net_sabotage(w, c, WARD_ERR_LINK_CLOSED);
}

size_t net_connections(const struct world *w, const struct device *d)
{
    size_t n = 0;
    for (const struct conn *c = w->net->conns; c; c = c->next)
        n += !c->ended && ((c->side[0].d == d && c->side[0].link) || (c->side[1].d == d && c->side[1].link));
    return n;
}

/* ---------------------------------------------------------------- listening and calling */

int ward_link_listen(struct ward_link *l, const char *address, char bound[128], struct ward_error *err)
{
    int rc = ward_address_check(address, true, err);
    if (rc)
        return rc;
    const char *port = strrchr(address, ':') + 1;
    snprintf(bound, 128, "tcp://%s:%s", l->d->name, strcmp(port, "0") == 0 || strcmp(port, "*") == 0 ? "7700" : port);
    for (struct ward_link *o = l->d->w->net->links; o; o = o->next)
        for (size_t i = 0; i < o->listen_count; i++)
            if (strcmp(o->listens[i], bound) == 0)
                return ward_fail(err, WARD_ERR_ADDRESS_IN_USE, "%s", bound);
    if (l->listen_count == LISTENS_MAX)
        return ward_fail(err, WARD_ERR_ADDRESS, "too many");
    snprintf(l->listens[l->listen_count++], sizeof l->listens[0], "%s", bound);
    return WARD_OK;
}

static struct ward_link *listener_at(struct net *n, const char *address)
{
    for (struct ward_link *l = n->links; l; l = l->next)
        for (size_t i = 0; i < l->listen_count; i++)
            if (strcmp(l->listens[i], address) == 0)
                return l;
    return NULL;
}

static struct device *device_at(struct world *w, const char *address)
{
    for (size_t i = 0; i < w->count; i++) {
        size_t n = strlen(w->d[i].name);
        if (strncmp(address + 6, w->d[i].name, n) == 0 && address[6 + n] == ':')
            return &w->d[i];
    }
    return NULL;
}

/* Connections that nobody knows of any more and nothing is under way on. */
static void forget_old(struct net *n)
{
    struct conn **at = &n->conns;
    while (*at) {
        struct conn *c = *at;
        bool used = c->side[0].link || (c->side[1].link && !c->ended);
        for (struct parcel *x = n->parcels; x && !used; x = x->older)
            used = x->conn == c;
        if (used) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        free(c->runs[0].v);
        free(c->runs[1].v);
        free(c);
    }
}

int ward_link_connect(struct ward_link *l, const char *address, const uint8_t server_pk[32], const uint8_t *as_sk, ward_peer *out,
                      struct ward_error *err)
{
    struct world *w = l->d->w;
    int rc = ward_address_check(address, false, err);
    if (rc)
        return rc;
    forget_old(w->net);
    struct conn *c = disk_memory(NULL, sizeof *c);
    *c = (struct conn){.next = w->net->conns, .w = w, .id = ++w->net->next_conn, .fate = {.fault = FAULTS}};
    w->net->conns = c;
    c->side[0] = (struct side){.d = l->d, .link = l, .peer = l->next_peer++};
    memcpy(c->wanted_pk, server_pk, 32);
    ward_link_public(c->caller_pk, as_sk ? as_sk : l->options.link_sk);
    struct device *callee = device_at(w, address);
    struct ward_link *there = listener_at(w->net, address);
    c->side[1].d = callee;
    *out = c->side[0].peer;
    if (!callee || !device_is_up(callee) || !there) {
        c->ended = true;
        tell_down(c, 0, WARD_ERR_NETWORK, callee && device_is_up(callee) ? REFUSED_MS : NOBODY_MS);
        return WARD_OK;
    }
    c->side[1].link = there;
    faults_of_connection(w, c);
    dispatch(parcel_new(w->net, PARCEL_KNOCK, c, 1), w->time.now + 2 * latency(c));
    return WARD_OK;
}

static struct conn *find(struct ward_link *l, ward_peer peer, int *side)
{
    for (struct conn *c = l->d->w->net->conns; c; c = c->next)
        for (int i = 0; i < 2; i++)
            if (peer && c->side[i].link == l && c->side[i].peer == peer && !c->side[i].dropped) {
                *side = i;
                return c;
            }
    return NULL;
}

void ward_link_drop(struct ward_link *l, ward_peer peer)
{
    int side;
    struct conn *c = find(l, peer, &side);
    if (!c)
        return;
    if (side == 0)
        leave(c, 0);
    else
        c->side[1].dropped = true; /* ZeroMQ cannot show one guest out: it is not listened to */
}

/* ---------------------------------------------------------------- sending */

static bool ends_connection(enum fault fault)
{
    return fault == FAULT_DROP || fault == FAULT_RESET || fault == FAULT_TRUNCATE || fault == FAULT_FLIP || fault == FAULT_DUPLICATE ||
           fault == FAULT_REORDER;
}

/* The connection's fate, if this frame meets it. True: the frame does not arrive. */
static bool meets_fate(struct conn *c, int to)
{
    if (c->fate.fault == FAULTS)
        return false;
    if (c->fate.silent)
        return c->fate.silent & (1u << to);
    if (c->frames < c->fate.after)
        return false;
    fault_note(c->w, c->fate.fault);
    trace(c->w, c->side[0].d, "the link to %s: %s", c->side[1].d->name, fault_name(c->fate.fault));
    if (ends_connection(c->fate.fault)) {
        net_sabotage(c->w, c, WARD_ERR_LINK_CLOSED);
        return true;
    }
    c->fate.silent = c->fate.fault == FAULT_ONEWAY ? 1u << to : 3u;
    for (int i = 0; i < 2; i++)
        tell_down(c, i, WARD_ERR_LINK_CLOSED, SILENCE_MS);
    return true;
}

int ward_link_send(struct ward_link *l, ward_peer peer, const void *p, size_t len, struct ward_error *err)
{
    int from;
    struct conn *c = find(l, peer, &from);
    struct net *n = l->d->w->net;
    if (len > WARD_FRAME_MAX && !l->d->hostile)
        return ward_fail(err, WARD_ERR_LIMIT_FRAME, "%zu bytes", len);
    if (!c || c->ended || !device_is_up(l->d))
        return ward_fail(err, WARD_ERR_LINK_CLOSED, "the peer is gone");
    int to = 1 - from;
    struct side *s = &c->side[to];
    if (s->under_way >= QUEUE)
        return ward_fail(err, WARD_ERR_BUSY, "the queue is full");
    check_frame(c, from, p, len);
    if (n->watch)
        n->watch(n->watch_ctx, c, from, p, len);
    if (c->ended) /* the watcher cut it */
        return ward_fail(err, WARD_ERR_LINK_CLOSED, "the peer is gone");
    c->frames++;
    if (len > WARD_FRAME_MAX) { /* libzmq cuts such a connection */
        net_sabotage(c->w, c, WARD_ERR_LINK_CLOSED);
        return WARD_OK;
    }
    if (meets_fate(c, to))
        return WARD_OK;
    int64_t now = c->w->time.now, start = s->free_ms > now ? s->free_ms : now;
    s->free_ms = start + (c->fate.bytes_a_second ? (int64_t)(len + CURVE_OVERHEAD) * 1000 / c->fate.bytes_a_second : 0);
    struct parcel *x = parcel_new(n, PARCEL_FRAME, c, to);
    x->p = disk_memory(NULL, len + 1);
    memcpy(x->p, p, len);
    x->len = len;
    s->under_way++;
    s->last_ms = s->free_ms + latency(c);
    dispatch(x, s->last_ms);
    return WARD_OK;
}

void net_noise(struct device *d)
{
    struct ward_link *l = listener_at(d->w->net, d->address);
    if (!l)
        return;
    struct parcel *x = parcel_new(d->w->net, PARCEL_NOISE, NULL, 0);
    into_inbox(l, x);
}

/* ---------------------------------------------------------------- taking */

/* At the door: the key that was expected, and one that may come in. */
static bool answer_knock(struct ward_link *l, struct conn *c, struct ward_link_event *out)
{
    int64_t back = 2 * latency(c);
    if (c->ended)
        return false;
    if (memcmp(c->wanted_pk, l->pk, 32) != 0) {
        c->ended = true;
        tell_down(c, 0, WARD_ERR_HANDSHAKE, back);
        *out = (struct ward_link_event){.type = WARD_LINK_REFUSED, .code = WARD_ERR_HANDSHAKE, .incoming = true};
        return true;
    }
    int code = l->options.admit ? l->options.admit(l->options.ctx, c->caller_pk) : WARD_ERR_PEER_UNKNOWN;
    if (code) {
        c->ended = true;
        tell_down(c, 0, code == WARD_ERR_PAUSE ? code : WARD_ERR_KEY_REFUSED, back);
        *out = (struct ward_link_event){.type = WARD_LINK_REFUSED, .code = code, .incoming = true};
        memcpy(out->link_pk, c->caller_pk, 32);
        return true;
    }
    c->up = true;
    dispatch(parcel_new(c->w->net, PARCEL_UP, c, 0), c->w->time.now + back);
    return false;
}

static bool deliver(struct ward_link *l, struct parcel *x, struct ward_link_event *out)
{
    struct conn *c = x->conn;
    if (x->type == PARCEL_NOISE) {
        *out = (struct ward_link_event){.type = WARD_LINK_REFUSED, .code = WARD_ERR_HANDSHAKE, .incoming = true};
        return true;
    }
    struct side *s = &c->side[x->to];
    if (s->link != l || s->dropped)
        return false;
    *out = (struct ward_link_event){.peer = s->peer, .incoming = x->to == 1};
    memcpy(out->link_pk, x->to == 1 ? c->caller_pk : c->wanted_pk, 32);
    switch (x->type) {
    case PARCEL_KNOCK:
        return answer_knock(l, c, out);
    case PARCEL_UP:
        out->type = WARD_LINK_UP;
        return true;
    case PARCEL_FRAME:
        if (!s->peer)
            out->peer = s->peer = l->next_peer++;
        out->type = WARD_LINK_FRAME;
        out->p = x->p;
        out->len = x->len;
        check_arrival(c, x->to, x->p, x->len);
        return true;
    default:
        out->type = WARD_LINK_DOWN;
        out->code = x->code;
        s->link = NULL;
        c->ended = true;
        return s->peer != 0; /* a guest that never spoke is not known */
    }
}

static bool take(struct ward_link *l, struct ward_link_event *out)
{
    while (l->first) {
        struct parcel *x = l->first;
        l->first = x->next;
        if (!l->first)
            l->last = NULL;
        bool news = deliver(l, x, out);
        if (news && x->type == PARCEL_FRAME) {
            l->held = x;
            return true;
        }
        parcel_free(x);
        if (news)
            return true;
    }
    return false;
}

/* A process with nothing to do is given its turn later and later, as on a busy machine: what it does by the clock is late, not lost. */
static int64_t patience(const struct ward_link *l, int timeout_ms)
{
    bool alone = net_connections(l->d->w, l->d) == 0 && l->listen_count;
    int64_t most = alone ? HOUR_MS : l->listen_count ? 32000 : 1000, wait = timeout_ms;
    for (unsigned i = 0; i < l->idle && wait < most; i++)
        wait *= 2;
    return wait < most || timeout_ms > most ? wait : most;
}

/* Nobody has anything to do for it. */
static bool is_heartbeat(const struct ward_link_event *e)
{
    return e->type == WARD_LINK_FRAME && ward_frame_type(e->p, e->len) == WARD_MSG_PING;
}

int ward_link_step(struct ward_link *l, int timeout_ms, int wake_fd, struct ward_link_event *out, bool *got, struct ward_error *err)
{
    struct world *w = l->d->w;
    struct proc *p = w->current;
    int64_t deadline = w->time.now + (timeout_ms > 0 ? patience(l, timeout_ms) : 0);
    (void)wake_fd;
    if (l->held)
        parcel_free(l->held);
    l->held = NULL;
    *got = false;
    for (bool first = true;; first = false) {
        if (!p || p->dead || w->failed || !device_is_up(l->d))
            return ward_fail(err, WARD_ERR_NETWORK, "no power");
        if (first)
            check_step(p);
        *got = take(l, out);
        if (*got || w->time.now >= deadline || p->stop || p->kick)
            break;
        l->waiting = p;
        proc_sleep(p, deadline);
        l->waiting = NULL;
    }
    p->kick = false;
    if (!*got)
        l->idle += timeout_ms > 0;
    else if (!is_heartbeat(out))
        l->idle = 0;
    return WARD_OK;
}

/* Worked out once for each key: the same few come again and again. */
void ward_link_public(uint8_t pk[32], const uint8_t sk[32])
{
    static struct {
        uint8_t sk[32], pk[32];
    } known[64];
    unsigned at = (sk[1] ^ sk[2]) % 64u;
    if (memcmp(known[at].sk, sk, 32) != 0) {
        crypto_scalarmult_base(known[at].pk, sk);
        memcpy(known[at].sk, sk, 32);
    }
    memcpy(pk, known[at].pk, 32);
}
