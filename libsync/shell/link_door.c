#include "shell/link_door.h"
#include "base/err.h"
#include "base/limits.h"
#include "shell/link_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OPTION_ZAP_ENFORCE_DOMAIN 93 /* not in the stable part of <zmq.h>, but in every library we accept */
#define BACKLOG                   512
#define ZAP_AT_ONCE               16 /* handshakes answered before others have their turn */
#define EVENTS                    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)

/* The ROUTER's own ids are a zero byte and 32 bits; whoever brings one of its own is not one of us. */
#define ID_BYTES 5u

/* ---------------------------------------------------------------- opening */

/* libzmq lets everybody in where a domain is set and no handler answers, unless it is told otherwise. */
static int enforce_domain(void *router, struct ward_error *err)
{
    int on = 1, now = 0;
    size_t len = sizeof now;
    if (zmq_setsockopt(router, OPTION_ZAP_ENFORCE_DOMAIN, &on, sizeof on) != 0 ||
        zmq_getsockopt(router, OPTION_ZAP_ENFORCE_DOMAIN, &now, &len) != 0 || now != 1)
        return ward_fail(err, WARD_ERR_LIBRARY_OLD, "this libzmq cannot be made to refuse unknown keys (option %d)",
                         OPTION_ZAP_ENFORCE_DOMAIN);
    if (zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, WARD_ZAP_DOMAIN, strlen(WARD_ZAP_DOMAIN)) != 0)
        return ward_socket_fail(err, "authentication domain");
    return WARD_OK;
}

static int set_up(void *router, const uint8_t sk[32], struct ward_error *err)
{
    int rc = ward_socket_set_wire(router, sk, err);
    if (!rc)
        rc = ward_socket_set(router, ZMQ_CURVE_SERVER, 1, "CURVE server", err);
    if (!rc)
        rc = enforce_domain(router, err);
    if (!rc)
        rc = ward_socket_set(router, ZMQ_ROUTER_MANDATORY, 1, "mandatory routing", err);
    return rc ? rc : ward_socket_set(router, ZMQ_BACKLOG, BACKLOG, "backlog", err);
}

int ward_door_open(struct ward_door *d, void *zmq, const struct ward_link_options *options, const uint8_t sk[32], uint64_t number,
                   struct ward_error *err)
{
    ward_guests_init(&d->guests, options->env);
    ward_lines_init(&d->lines, options->env);
    d->zap.admit = options->admit;
    d->zap.ctx = options->ctx;
    int rc = ward_zap_open(&d->zap, zmq, err);
    if (!rc)
        rc = ward_socket_open(&d->router, zmq, ZMQ_ROUTER, err);
    if (!rc)
        rc = set_up(d->router, sk, err);
    if (!rc)
        rc = ward_monitor_open(&d->monitor, zmq, d->router, number, EVENTS, err);
    if (rc)
        ward_door_close(d);
    return rc;
}

/* The doorkeeper goes last. */
void ward_door_close(struct ward_door *d)
{
    ward_monitor_close(&d->monitor);
    ward_socket_close(&d->router);
    ward_zap_close(&d->zap);
    if (d->guests.env)
        ward_guests_free(&d->guests);
    if (d->lines.env)
        ward_lines_free(&d->lines);
}

int ward_door_bind(struct ward_door *d, const char *address, char bound[128], struct ward_error *err)
{
    /* Per address: with IPv6 on, libzmq would turn IPv4 literals into mapped ones. */
    int rc = ward_socket_set(d->router, ZMQ_IPV6, strchr(address, '[') != NULL, "IPv6", err);
    if (rc)
        return rc;
    if (zmq_bind(d->router, address) != 0) {
        int number = zmq_errno();
        int code = WARD_ERR_ADDRESS;
        if (number == EADDRINUSE)
            code = WARD_ERR_ADDRESS_IN_USE;
        else if (number == EMFILE || number == ENFILE || number == ENOBUFS)
            code = WARD_ERR_NETWORK;
        return ward_fail(err, code, "cannot listen at %s: %s", address, zmq_strerror(number));
    }
    size_t len = 128;
    if (zmq_getsockopt(d->router, ZMQ_LAST_ENDPOINT, bound, &len) != 0)
        return ward_socket_fail(err, "reading the bound address");
    return WARD_OK;
}

/* ---------------------------------------------------------------- doorkeeper and monitor */

static void note_refusal(struct ward_door *d, int code, const uint8_t *link_pk, const char *text)
{
    if (d->refusal_count == WARD_DOOR_REFUSALS)
        return;
    size_t i = d->refusal_count++;
    d->refusals[i].code = code;
    memset(d->refusals[i].link_pk, 0, sizeof d->refusals[i].link_pk);
    if (link_pk)
        memcpy(d->refusals[i].link_pk, link_pk, sizeof d->refusals[i].link_pk);
    snprintf(d->refusals[i].text, sizeof d->refusals[i].text, "%s", text);
}

static int answer_zap(struct ward_door *d, struct ward_error *err)
{
    for (int i = 0; i < ZAP_AT_ONCE; i++) {
        struct ward_zap_verdict verdict;
        bool got;
        struct ward_error why = {0};
        int rc = ward_zap_answer(&d->zap, &verdict, &got, &why);
        if (rc) /* libzmq lets nobody in from now on, and nobody would know why */
            return ward_fail(err, rc == WARD_ERR_MEMORY ? rc : WARD_ERR_DOOR, "the doorkeeper: %s", why.detail);
        if (!got)
            return WARD_OK;
        if (verdict.code)
            note_refusal(d, verdict.code, verdict.link_pk,
                         verdict.code == WARD_ERR_PAUSE ? "this key may not come in yet" : "this key may not come in");
    }
    return WARD_OK;
}

/* What it sent before it left still counts: its end is told when all that can have waited has been read. */
static void mark_gone(struct ward_door *d, struct ward_guest *guest)
{
    guest->gone = true;
    guest->gone_by = d->frames + WARD_LINK_QUEUE * (uint64_t)(d->guests.count + 1);
    d->dry = false;
}

static void heed(struct ward_door *d, const struct ward_monitor_event *event)
{
    if (event->what == ZMQ_EVENT_ACCEPTED) {
        ward_lines_accepted(&d->lines, (int)event->value);
        return;
    }
    if (event->what == ZMQ_EVENT_DISCONNECTED) {
        ward_lines_ended(&d->lines, (int)event->value);
        struct ward_guest *guest = ward_guests_by_fd(&d->guests, (int)event->value);
        if (guest)
            mark_gone(d, guest);
        return;
    }
    char text[96];
    ward_monitor_explain(text, sizeof text, event);
    note_refusal(d, WARD_ERR_HANDSHAKE, NULL, text);
}

/* To its end, and after the doorkeeper: descriptors are used again, and a connection whose handshake we have answered can speak only
 * after the end of the one that had its descriptor before stands in the monitor. */
static int read_monitor(struct ward_door *d, struct ward_error *err)
{
    for (;;) {
        struct ward_monitor_event event;
        bool got;
        int rc = ward_monitor_next(&d->monitor, &event, &got, err);
        if (rc || !got)
            return rc;
        heed(d, &event);
    }
}

int ward_door_attend(struct ward_door *d, struct ward_error *err)
{
    int rc = answer_zap(d, err);
    if (!rc)
        rc = read_monitor(d, err);
    ward_lines_watch(&d->lines);
    return rc;
}

/* ---------------------------------------------------------------- guests */

static int connection_of(zmq_msg_t *part)
{
    return zmq_msg_get(part, ZMQ_SRCFD);
}

/* Of two guests on one descriptor the one that came first has left, though we had not yet met it when that was told. */
static void settle_descriptor(struct ward_door *d, struct ward_guest *old, struct ward_guest *fresh)
{
    bool fresh_is_later = (int32_t)(fresh->id - old->id) > 0;
    mark_gone(d, fresh_is_later ? old : fresh);
}

static int welcome(struct ward_door *d, uint32_t id, int fd, const uint8_t link_pk[32], ward_peer *next_peer, struct ward_error *err)
{
    struct ward_guest *old = fd >= 0 ? ward_guests_by_fd(&d->guests, fd) : NULL;
    struct ward_guest guest = {.id = id, .fd = fd, .peer = *next_peer};
    memcpy(guest.link_pk, link_pk, sizeof guest.link_pk);
    if (old)
        settle_descriptor(d, old, &guest);
    int rc = ward_guests_add(&d->guests, &guest);
    if (rc == WARD_ERR_PEERS) {
        ward_guests_remember(&d->guests, id);
        ward_lines_drop(&d->lines, fd);
        note_refusal(d, WARD_ERR_PEERS, link_pk, "too many connections");
        return WARD_OK;
    }
    if (rc)
        return ward_fail(err, rc, "a new connection");
    ++*next_peer;
    return WARD_OK;
}

/* ---------------------------------------------------------------- frames */

static bool parse_id(zmq_msg_t *part, uint32_t *id)
{
    const uint8_t *p = zmq_msg_data(part);
    if (zmq_msg_size(part) != ID_BYTES || p[0] != 0)
        return false;
    *id = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    return true;
}

static void format_id(uint8_t out[ID_BYTES], uint32_t id)
{
    out[0] = 0;
    for (unsigned i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(id >> (24 - 8 * i));
}

/* Who speaks, known or new; NULL: nobody to listen to. */
static int speaker(struct ward_door *d, uint32_t id, zmq_msg_t *payload, ward_peer *next_peer, struct ward_guest **out,
                   struct ward_error *err)
{
    uint8_t link_pk[32];
    *out = NULL;
    if (!ward_zap_sender(payload, link_pk) || ward_guests_was_dropped(&d->guests, id))
        return WARD_OK;
    if (!ward_guests_by_id(&d->guests, id)) {
        int rc = welcome(d, id, connection_of(payload), link_pk, next_peer, err);
        if (rc)
            return rc;
    }
    struct ward_guest *guest = ward_guests_by_id(&d->guests, id);
    if (guest && memcmp(guest->link_pk, link_pk, sizeof link_pk) == 0)
        *out = guest;
    return WARD_OK;
}

/* Reads one message; one that is no frame of ours is passed over. */
static int take_frame(struct ward_door *d, ward_peer *next_peer, zmq_msg_t *held, struct ward_link_event *out, bool *got,
                      struct ward_error *err)
{
    uint32_t id = 0;
    *got = false;
    bool any;
    int rc = ward_socket_receive(d->router, held, &any, err);
    d->dry = !any;
    if (rc || !any)
        return rc;
    d->frames++;
    bool ours = parse_id(held, &id);
    if (!ward_socket_next_part(d->router, held))
        return WARD_OK;
    ward_lines_frame(&d->lines, connection_of(held), zmq_msg_size(held));
    if (!ours || zmq_msg_more(held) || zmq_msg_size(held) > WARD_FRAME_MAX) {
        ward_socket_skip(d->router, held);
        return WARD_OK;
    }
    struct ward_guest *guest;
    rc = speaker(d, id, held, next_peer, &guest, err);
    if (rc || !guest)
        return rc;
    *out = (struct ward_link_event){
        .type = WARD_LINK_FRAME, .peer = guest->peer, .incoming = true, .p = zmq_msg_data(held), .len = zmq_msg_size(held)};
    memcpy(out->link_pk, guest->link_pk, sizeof out->link_pk);
    *got = true;
    return WARD_OK;
}

/* ---------------------------------------------------------------- events */

static bool take_gone(struct ward_door *d, struct ward_link_event *out)
{
    struct ward_guest *guest = ward_guests_first_gone(&d->guests, d->dry ? UINT64_MAX : d->frames);
    if (!guest)
        return false;
    *out = (struct ward_link_event){.type = WARD_LINK_DOWN, .peer = guest->peer, .code = WARD_ERR_LINK_CLOSED, .incoming = true};
    memcpy(out->link_pk, guest->link_pk, sizeof out->link_pk);
    snprintf(out->text, sizeof out->text, "the other end is gone");
    ward_guests_drop(&d->guests, guest);
    return true;
}

static bool take_refusal(struct ward_door *d, struct ward_link_event *out)
{
    if (d->refusal_count == 0)
        return false;
    *out = (struct ward_link_event){.type = WARD_LINK_REFUSED, .code = d->refusals[0].code, .incoming = true};
    memcpy(out->link_pk, d->refusals[0].link_pk, sizeof out->link_pk);
    memcpy(out->text, d->refusals[0].text, sizeof out->text);
    memmove(&d->refusals[0], &d->refusals[1], --d->refusal_count * sizeof d->refusals[0]);
    return true;
}

int ward_door_take(struct ward_door *d, ward_peer *next_peer, zmq_msg_t *held, struct ward_link_event *out, bool *got,
                   struct ward_error *err)
{
    d->refusal_first = !d->refusal_first; /* noise at the door must not drown out the guests, nor they it */
    *got = take_gone(d, out) || (d->refusal_first && take_refusal(d, out));
    if (*got)
        return WARD_OK;
    int rc = take_frame(d, next_peer, held, out, got, err);
    if (!rc && !*got)
        *got = take_gone(d, out) || take_refusal(d, out);
    return rc;
}

bool ward_door_is_idle(const struct ward_door *d)
{
    return d->dry && d->refusal_count == 0;
}

int ward_door_send(struct ward_door *d, ward_peer peer, const void *p, size_t len, struct ward_error *err)
{
    struct ward_guest *guest = ward_guests_by_peer(&d->guests, peer);
    if (!guest || guest->gone)
        return ward_fail(err, WARD_ERR_LINK_CLOSED, "the other end is gone");
    uint8_t id[ID_BYTES];
    format_id(id, guest->id);
    if (ward_socket_send(d->router, id, sizeof id, ZMQ_SNDMORE) == 0)
        return ward_socket_send(d->router, p, len, 0) == 0 ? WARD_OK : ward_socket_fail(err, "sending");
    if (zmq_errno() == EAGAIN)
        return ward_fail(err, WARD_ERR_BUSY, "the queue to this peer is full");
    if (zmq_errno() != EHOSTUNREACH)
        return ward_socket_fail(err, "sending");
    mark_gone(d, guest);
    return ward_fail(err, WARD_ERR_LINK_CLOSED, "the other end is gone");
}

void ward_door_drop(struct ward_door *d, ward_peer peer)
{
    struct ward_guest *guest = ward_guests_by_peer(&d->guests, peer);
    if (!guest)
        return;
    if (!guest->gone)
        ward_lines_drop(&d->lines, guest->fd);
    ward_guests_drop(&d->guests, guest);
}
