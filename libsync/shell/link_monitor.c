#include "shell/link_monitor.h"
#include "base/err.h"
#include "shell/link_socket.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int ward_monitor_open(struct ward_monitor *m, void *zmq, void *watched, uint64_t number, int events, struct ward_error *err)
{
    char name[48];
    snprintf(name, sizeof name, "inproc://monitor-%" PRIu64, number);
    if (zmq_socket_monitor(watched, name, events) != 0)
        return ward_socket_fail(err, "watching a socket");
    m->watched = watched;
    int rc = ward_socket_open(&m->socket, zmq, ZMQ_PAIR, err);
    /* Unbounded: at a full queue libzmq's I/O thread would wait for us, and with it every connection of this link. */
    if (!rc)
        rc = ward_socket_set(m->socket, ZMQ_RCVHWM, 0, "receive queue", err);
    if (!rc && zmq_connect(m->socket, name) != 0)
        rc = ward_socket_fail(err, "watching a socket");
    if (rc)
        ward_monitor_close(m);
    return rc;
}

void ward_monitor_close(struct ward_monitor *m)
{
    if (m->watched)
        zmq_socket_monitor(m->watched, NULL, 0);
    m->watched = NULL;
    ward_socket_close(&m->socket);
}

int ward_monitor_next(struct ward_monitor *m, struct ward_monitor_event *out, bool *got, struct ward_error *err)
{
    zmq_msg_t part;
    zmq_msg_init(&part);
    int rc = ward_socket_receive(m->socket, &part, got, err);
    if (!rc && *got) {
        const uint8_t *p = zmq_msg_data(&part);
        *got = zmq_msg_size(&part) == sizeof out->what + sizeof out->value;
        if (*got) {
            memcpy(&out->what, p, sizeof out->what);
            memcpy(&out->value, p + sizeof out->what, sizeof out->value);
        }
        ward_socket_skip(m->socket, &part); /* the endpoint */
    }
    zmq_msg_close(&part);
    return rc;
}

static const char *protocol_words(uint32_t value)
{
    switch (value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
        return "the keys of the two ends do not match";
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return "the other end does not use CURVE";
    default:
        return "the other end does not speak the protocol";
    }
}

void ward_monitor_explain(char *out, unsigned out_size, const struct ward_monitor_event *event)
{
    if (event->what == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        snprintf(out, out_size, "the other end refused this key (%" PRIu32 ")", event->value);
    else if (event->what == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        snprintf(out, out_size, "%s (0x%" PRIx32 ")", protocol_words(event->value), event->value);
    else
        snprintf(out, out_size, "the other end broke off the handshake (%s)", zmq_strerror((int)event->value));
}
