#include "shell/link_zap.h"
#include "base/err.h"
#include "shell/link_socket.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ENDPOINT       "inproc://zeromq.zap.01"
#define USER_ID        "User-Id" /* the property in which libzmq hands on what we said in the fifth part of the answer */
#define VERSION        "1.0"
#define REQUEST_ID_MAX 255u
#define KEY_HEX        (2 * WARD_CURVE_KEY_BYTES + 1)

enum part { PART_VERSION, PART_REQUEST, PART_DOMAIN, PART_ADDRESS, PART_ROUTING_ID, PART_MECHANISM, PART_KEY, PARTS };

struct request {
    uint8_t id[REQUEST_ID_MAX];
    size_t id_len;
    uint8_t link_pk[WARD_CURVE_KEY_BYTES];
    bool sound; /* all parts are there and say what they must */
};

int ward_zap_open(struct ward_zap *zap, void *zmq, struct ward_error *err)
{
    int rc = ward_socket_open(&zap->socket, zmq, ZMQ_REP, err);
    if (!rc && zmq_bind(zap->socket, ENDPOINT) != 0) {
        rc = ward_socket_fail(err, ENDPOINT);
        ward_zap_close(zap);
    }
    return rc;
}

void ward_zap_close(struct ward_zap *zap)
{
    ward_socket_close(&zap->socket);
}

static bool equals(zmq_msg_t *part, const char *text)
{
    return zmq_msg_size(part) == strlen(text) && memcmp(zmq_msg_data(part), text, strlen(text)) == 0;
}

/* Takes part number i of a request; false if it is not what it must be. */
static bool take_part(struct request *r, int i, zmq_msg_t *part)
{
    switch (i) {
    case PART_VERSION:
        return equals(part, VERSION);
    case PART_REQUEST:
        if (zmq_msg_size(part) > sizeof r->id)
            return false;
        r->id_len = zmq_msg_size(part);
        memcpy(r->id, zmq_msg_data(part), r->id_len);
        return true;
    case PART_DOMAIN:
        return equals(part, WARD_ZAP_DOMAIN);
    case PART_ADDRESS:
    case PART_ROUTING_ID:
        return true;
    case PART_MECHANISM:
        return equals(part, "CURVE");
    case PART_KEY:
        if (zmq_msg_size(part) != sizeof r->link_pk)
            return false;
        memcpy(r->link_pk, zmq_msg_data(part), sizeof r->link_pk);
        return true;
    default:
        return false;
    }
}

static void read_request(struct ward_zap *zap, zmq_msg_t *part, struct request *r)
{
    *r = (struct request){.sound = true};
    int i = 0;
    do
        r->sound &= take_part(r, i++, part);
    while (ward_socket_next_part(zap->socket, part));
    r->sound &= i == PARTS;
    if (!r->sound)
        memset(r->link_pk, 0, sizeof r->link_pk);
}

static int reply(struct ward_zap *zap, const struct request *r, int code, struct ward_error *err)
{
    char user[KEY_HEX] = "", status[8] = "200";
    if (code == WARD_OK)
        sodium_bin2hex(user, sizeof user, r->link_pk, sizeof r->link_pk);
    else
        snprintf(status, sizeof status, "%d", code == WARD_ERR_PAUSE ? WARD_ZAP_PAUSE : WARD_ZAP_UNKNOWN);
    void *s = zap->socket;
    bool sent = ward_socket_send(s, VERSION, strlen(VERSION), ZMQ_SNDMORE) == 0 &&
                ward_socket_send(s, r->id, r->id_len, ZMQ_SNDMORE) == 0 && ward_socket_send(s, status, strlen(status), ZMQ_SNDMORE) == 0 &&
                ward_socket_send(s, "", 0, ZMQ_SNDMORE) == 0 && ward_socket_send(s, user, strlen(user), ZMQ_SNDMORE) == 0 &&
                ward_socket_send(s, "", 0, 0) == 0;
    return sent ? WARD_OK : ward_socket_fail(err, "answering a handshake");
}

int ward_zap_answer(struct ward_zap *zap, struct ward_zap_verdict *out, bool *got, struct ward_error *err)
{
    zmq_msg_t part;
    zmq_msg_init(&part);
    int rc = ward_socket_receive(zap->socket, &part, got, err);
    if (!rc && *got) {
        struct request r;
        read_request(zap, &part, &r);
        out->code = r.sound && zap->admit ? zap->admit(zap->ctx, r.link_pk) : WARD_ERR_PEER_UNKNOWN;
        memcpy(out->link_pk, r.link_pk, sizeof out->link_pk);
        rc = reply(zap, &r, out->code, err);
    }
    zmq_msg_close(&part);
    return rc;
}

bool ward_zap_sender(zmq_msg_t *part, uint8_t link_pk[32])
{
    const char *user = zmq_msg_gets(part, USER_ID);
    size_t len = 0;
    return user && strlen(user) == KEY_HEX - 1 && sodium_hex2bin(link_pk, WARD_CURVE_KEY_BYTES, user, KEY_HEX - 1, NULL, &len, NULL) == 0 &&
           len == WARD_CURVE_KEY_BYTES;
}
