#include "shell/link_call.h"
#include "base/err.h"
#include "base/limits.h"
#include "shell/link_lines.h"
#include "shell/link_socket.h"
#include "shell/link_zap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_TIMEOUT 10000 /* ms for TCP */
/* Long enough that libzmq never tries again by itself: the call is closed at the first failure. Not -1 (never): then nothing at all is told
 * of an address that cannot be resolved or reached. */
#define RETRY_AFTER 3600000
#define EVENTS                                                                                                                             \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |         \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

static int set_up(struct ward_call *c, const char *address, const uint8_t sk[32], struct ward_error *err)
{
    int rc = ward_socket_set_wire(c->dealer, sk, err);
    if (!rc)
        rc = ward_socket_set_key(c->dealer, ZMQ_CURVE_SERVERKEY, c->server_pk, "server key", err);
    if (!rc)
        rc = ward_socket_set(c->dealer, ZMQ_CONNECT_TIMEOUT, CONNECT_TIMEOUT, "connect timeout", err);
    if (!rc)
        rc = ward_socket_set(c->dealer, ZMQ_RECONNECT_IVL, RETRY_AFTER, "reconnect interval", err);
    return rc ? rc : ward_socket_set(c->dealer, ZMQ_IPV6, strchr(address, '[') != NULL, "IPv6", err);
}

int ward_call_open(struct ward_call *c, void *zmq, const char *address, const uint8_t server_pk[32], const uint8_t sk[32],
                   struct ward_error *err)
{
    memcpy(c->server_pk, server_pk, sizeof c->server_pk);
    int rc = ward_socket_open(&c->dealer, zmq, ZMQ_DEALER, err);
    if (!rc)
        rc = set_up(c, address, sk, err);
    if (!rc)
        rc = ward_monitor_open(&c->monitor, zmq, c->dealer, c->peer, EVENTS, err);
    if (!rc && zmq_connect(c->dealer, address) != 0)
        rc = zmq_errno() == EINVAL ? ward_fail(err, WARD_ERR_ADDRESS, "%s is no address to connect to", address)
                                   : ward_socket_fail(err, address);
    if (rc)
        ward_call_close(c);
    return rc;
}

void ward_call_close(struct ward_call *c)
{
    ward_monitor_close(&c->monitor);
    ward_socket_close(&c->dealer);
}

/* The first cause is kept: libzmq tells more of its consequences. */
static void end(struct ward_call *c, int code, const char *text)
{
    if (c->code)
        return;
    c->code = code;
    snprintf(c->text, sizeof c->text, "%s", text);
}

static void heed(struct ward_call *c, const struct ward_monitor_event *event)
{
    char text[sizeof c->text];
    switch (event->what) {
    case ZMQ_EVENT_CONNECTED:
        c->connected = true;
        c->fd = (int)event->value;
        break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        c->up = c->announce = true;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        /* Who is refused without a word is hung up on in due form; a reset or silence is the network's doing. */
        ward_monitor_explain(text, sizeof text, event);
        end(c, event->value == EPIPE ? WARD_ERR_HANDSHAKE : WARD_ERR_NETWORK, text);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        end(c, c->up ? WARD_ERR_LINK_CLOSED : WARD_ERR_HANDSHAKE, "the other end is gone");
        break;
    case ZMQ_EVENT_CLOSED:
    case ZMQ_EVENT_CONNECT_RETRIED:
        if (!c->connected)
            end(c, WARD_ERR_NETWORK, "nobody answers there");
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: /* the doorkeeper's word */
        ward_monitor_explain(text, sizeof text, event);
        end(c, event->value == WARD_ZAP_PAUSE ? WARD_ERR_PAUSE : WARD_ERR_KEY_REFUSED, text);
        break;
    default: /* the handshake failed, and libzmq says why */
        ward_monitor_explain(text, sizeof text, event);
        end(c, WARD_ERR_HANDSHAKE, text);
        break;
    }
}

/* libzmq holds a message until all its parts are there: one of endless parts would fill the memory. */
static void watch(struct ward_call *c)
{
    if (!c->connected || c->code || ward_net_bytes_in(c->fd) <= c->read + WARD_LINE_AHEAD_MAX)
        return;
    c->up = false;
    end(c, WARD_ERR_LIMIT_FRAME, "the other end sends without end, and no frame");
}

int ward_call_attend(struct ward_call *c, struct ward_error *err)
{
    for (;;) {
        struct ward_monitor_event event;
        bool got;
        int rc = ward_monitor_next(&c->monitor, &event, &got, err);
        if (!rc && !got)
            watch(c);
        if (rc || !got)
            return rc;
        heed(c, &event);
    }
}

static void fill(const struct ward_call *c, enum ward_link_event_type type, struct ward_link_event *out)
{
    *out = (struct ward_link_event){.type = type, .peer = c->peer};
    memcpy(out->link_pk, c->server_pk, sizeof out->link_pk);
}

static int take_frame(struct ward_call *c, zmq_msg_t *held, struct ward_link_event *out, bool *got, struct ward_error *err)
{
    bool any;
    int rc = ward_socket_receive(c->dealer, held, &any, err);
    if (rc || !any)
        return rc;
    if (zmq_msg_more(held) || zmq_msg_size(held) > WARD_FRAME_MAX) {
        ward_socket_skip(c->dealer, held);
        c->up = false;
        c->code = WARD_OK; /* this comes before whatever ended it since */
        end(c, WARD_ERR_LIMIT_FRAME, "the other end sent more than a frame");
        return WARD_OK;
    }
    c->read += ward_line_bytes(zmq_msg_size(held));
    fill(c, WARD_LINK_FRAME, out);
    out->p = zmq_msg_data(held);
    out->len = zmq_msg_size(held);
    *got = true;
    return WARD_OK;
}

int ward_call_take(struct ward_call *c, zmq_msg_t *held, struct ward_link_event *out, bool *got, struct ward_error *err)
{
    *got = c->announce;
    if (c->announce) {
        c->announce = false;
        fill(c, WARD_LINK_UP, out);
        return WARD_OK;
    }
    if (c->up) { /* also after its end: what came before that counts */
        int rc = take_frame(c, held, out, got, err);
        if (rc || *got)
            return rc;
    }
    if (!c->code)
        return WARD_OK;
    fill(c, WARD_LINK_DOWN, out);
    out->code = c->code;
    memcpy(out->text, c->text, sizeof out->text);
    *got = true;
    return WARD_OK;
}

int ward_call_send(struct ward_call *c, const void *p, size_t len, struct ward_error *err)
{
    if (c->code)
        return ward_fail(err, WARD_ERR_LINK_CLOSED, "%s", c->text);
    if (ward_socket_send(c->dealer, p, len, 0) == 0)
        return WARD_OK;
    if (zmq_errno() == EAGAIN)
        return ward_fail(err, WARD_ERR_BUSY, c->up ? "the queue to this peer is full" : "not connected yet");
    return ward_socket_fail(err, "sending");
}
