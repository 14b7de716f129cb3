#include "shell/link_socket.h"
#include "base/err.h"
#include "base/limits.h"
#include "shell/link.h"

#include <errno.h>
#include <sodium.h>

/* What CURVE adds to a frame on the wire: "\x07MESSAGE", nonce, MAC, flags. The exact limit is checked when the frame is out of its box. */
#define CURVE_OVERHEAD (8 + 8 + 16 + 1)

int ward_socket_fail(struct ward_error *err, const char *what)
{
    int number = zmq_errno();
    return ward_fail(err, number == ENOMEM ? WARD_ERR_MEMORY : WARD_ERR_NETWORK, "%s: %s", what, zmq_strerror(number));
}

int ward_socket_open(void **out, void *zmq, int type, struct ward_error *err)
{
    void *socket = zmq_socket(zmq, type);
    if (!socket)
        return ward_socket_fail(err, "making a socket");
    int rc = ward_socket_set(socket, ZMQ_LINGER, 0, "linger", err);
    if (rc) {
        zmq_close(socket);
        return rc;
    }
    *out = socket;
    return WARD_OK;
}

void ward_socket_close(void **socket)
{
    if (*socket)
        zmq_close(*socket);
    *socket = NULL;
}

int ward_socket_set(void *socket, int option, int value, const char *name, struct ward_error *err)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0 ? WARD_OK : ward_socket_fail(err, name);
}

int ward_socket_set_key(void *socket, int option, const uint8_t key[WARD_CURVE_KEY_BYTES], const char *name, struct ward_error *err)
{
    return zmq_setsockopt(socket, option, key, WARD_CURVE_KEY_BYTES) == 0 ? WARD_OK : ward_socket_fail(err, name);
}

int ward_socket_set_wire(void *socket, const uint8_t sk[WARD_CURVE_KEY_BYTES], struct ward_error *err)
{
    static const struct {
        int option, value;
        const char *name;
    } settings[] = {
        {ZMQ_SNDHWM, WARD_LINK_QUEUE, "send queue"},
        {ZMQ_RCVHWM, WARD_LINK_QUEUE, "receive queue"},
        {ZMQ_IMMEDIATE, 1, "immediate"}, /* nothing is queued for a peer that may never come */
        /* The kernel finds out links that are dead. Not libzmq's heartbeat: its timer ends the whole process (4.3.4: "Assertion failed:
         * !_io_error") where a connection breaks while its input stands still. */
        {ZMQ_HEARTBEAT_IVL, 0, "heartbeat interval"},
        {ZMQ_TCP_KEEPALIVE, 1, "keepalive"},
        {ZMQ_TCP_KEEPALIVE_IDLE, 15, "keepalive idle"},
        {ZMQ_TCP_KEEPALIVE_INTVL, 5, "keepalive interval"},
        {ZMQ_TCP_KEEPALIVE_CNT, 3, "keepalive count"},
        {ZMQ_TCP_MAXRT, 30000, "retransmission timeout"},
        {ZMQ_HANDSHAKE_IVL, 10000, "handshake timeout"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int rc = ward_socket_set(socket, settings[i].option, settings[i].value, settings[i].name, err);
        if (rc)
            return rc;
    }
    int64_t size_max = WARD_FRAME_MAX + CURVE_OVERHEAD;
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max) != 0)
        return ward_socket_fail(err, "frame size");
    uint8_t pk[WARD_CURVE_KEY_BYTES];
    ward_link_public(pk, sk);
    int rc = ward_socket_set_key(socket, ZMQ_CURVE_PUBLICKEY, pk, "public key", err);
    return rc ? rc : ward_socket_set_key(socket, ZMQ_CURVE_SECRETKEY, sk, "secret key", err);
}

int ward_socket_receive(void *socket, zmq_msg_t *part, bool *got, struct ward_error *err)
{
    *got = zmq_msg_recv(part, socket, ZMQ_DONTWAIT) >= 0;
    if (*got || zmq_errno() == EAGAIN || zmq_errno() == EINTR)
        return WARD_OK;
    return ward_socket_fail(err, "receiving");
}

bool ward_socket_next_part(void *socket, zmq_msg_t *part)
{
    if (!zmq_msg_more(part))
        return false;
    int n;
    do /* messages arrive whole: there is nothing to wait for */
        n = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
    while (n < 0 && zmq_errno() == EINTR);
    return n >= 0;
}

size_t ward_socket_skip(void *socket, zmq_msg_t *part)
{
    size_t n = 0;
    while (ward_socket_next_part(socket, part))
        n++;
    return n;
}

int ward_socket_send(void *socket, const void *p, size_t len, int flags)
{
    int n;
    do
        n = zmq_send(socket, p, len, flags | ZMQ_DONTWAIT);
    while (n < 0 && zmq_errno() == EINTR);
    return n < 0 ? -1 : 0;
}

void ward_link_public(uint8_t pk[32], const uint8_t sk[32])
{
    crypto_scalarmult_base(pk, sk);
}
