/* link.h - authenticated frames between peers over ZeroMQ; the only files that know <zmq.h>.
 *
 * A link is one ROUTER socket bound to any number of addresses, and one DEALER socket for each connection upward. Every
 * connection is CURVE: both ends know each other's link key. The door fails closed: without the handler's yes nobody enters.
 * One thread owns a link. Nothing here knows what a frame means.
 */
#ifndef WARD_LINK_H
#define WARD_LINK_H

#include "wardsync.h"

struct ward_link;

/* A connection, for its life; never reused. 0 is none. */
typedef uint64_t ward_peer;

struct ward_link_options {
    const struct ward_env *env;
    uint8_t link_sk[32]; /* X25519; copied into locked memory where there is any */
    /* Asked for each handshake of an incoming connection, from within ward_link_step: may this key come in? WARD_OK;
     * WARD_ERR_PEER_UNKNOWN; WARD_ERR_PAUSE: not now. The other end is told which of the two. NULL: nobody. It must not call the link. */
    int (*admit)(void *ctx, const uint8_t link_pk[32]);
    void *ctx;
};

enum ward_link_event_type {
    WARD_LINK_UP,     /* a DEALER's handshake is done. (A ROUTER's peer is known by its first frame: no event.) */
    WARD_LINK_FRAME,  /* p, len: valid until the next call on the link; link_pk: who sent it, authenticated */
    WARD_LINK_DOWN,   /* the connection is gone and its number void; code: WARD_ERR_KEY_REFUSED, WARD_ERR_PAUSE (the other end says
                         so), WARD_ERR_HANDSHAKE (wrong key; a link that broke in the handshake can look like that: worth another
                         try or two), WARD_ERR_NETWORK,
                         WARD_ERR_LINK_CLOSED (it was up), WARD_ERR_LIMIT_FRAME (too many parts; for too many bytes libzmq
                         itself cuts the connection, which is LINK_CLOSED). Frames sent before the end come first. */
    WARD_LINK_REFUSED /* an incoming connection was refused; link_pk: whose (zero if it got no further than noise); code:
                         WARD_ERR_PEER_UNKNOWN, WARD_ERR_PAUSE, WARD_ERR_HANDSHAKE, WARD_ERR_PEERS. For people: under a flood not all are
                         told. */
};
struct ward_link_event {
    enum ward_link_event_type type;
    ward_peer peer;
    int code;
    bool incoming; /* peer came through the ROUTER */
    uint8_t link_pk[32];
    const uint8_t *p;
    size_t len;
    char text[96]; /* for people: what libzmq said */
};

/* Whether the libraries that a link stands on are safe to use: WARD_ERR_LIBRARY_OLD. */
int ward_link_check(struct ward_error *err);

/* WARD_ERR_LIBRARY_OLD below libzmq 4.3.3; WARD_ERR_MEMORY; WARD_ERR_NETWORK. */
int ward_link_open(struct ward_link **out, const struct ward_link_options *options, struct ward_error *err);
void ward_link_close(struct ward_link *l); /* at once: what was not acknowledged is not delivered */

/* address: tcp://HOST:PORT (host a literal address or *, port 0 or * picks one). bound: what it became.
 * WARD_ERR_ADDRESS, WARD_ERR_ADDRESS_IN_USE. */
int ward_link_listen(struct ward_link *l, const char *address, char bound[128], struct ward_error *err);

/* Starts to connect; WARD_LINK_UP or WARD_LINK_DOWN follows. No reconnecting: that is the session's to decide. as_sk, if not NULL, is used
 * in place of the link's own key (joining). WARD_ERR_ADDRESS; WARD_ERR_PEERS: too many at once. */
int ward_link_connect(struct ward_link *l, const char *address, const uint8_t server_pk[32], const uint8_t *as_sk, ward_peer *out,
                      struct ward_error *err);
/* The number is void at once and no event follows. An incoming peer is not listened to any more, and cut off soon, when what was sent to it
 * last has had time to arrive. */
void ward_link_drop(struct ward_link *l, ward_peer peer);

/* One frame, queued or refused, never waiting. WARD_ERR_BUSY: the queue is full, try after the next step. WARD_ERR_LINK_CLOSED: the peer is
 * gone (WARD_LINK_DOWN follows, unless it was told or the peer was dropped). WARD_ERR_LIMIT_FRAME. */
int ward_link_send(struct ward_link *l, ward_peer peer, const void *p, size_t len, struct ward_error *err);

/* Waits at most timeout_ms for one event. *got false: nothing came. wake_fd, if >= 0, ends the wait as well when it can be read. */
int ward_link_step(struct ward_link *l, int timeout_ms, int wake_fd, struct ward_link_event *out, bool *got, struct ward_error *err);

/* The public key of a link key: X25519 base point multiplication, as CURVE uses. */
void ward_link_public(uint8_t pk[32], const uint8_t sk[32]);

/* tcp://HOST:PORT. Connecting: a literal address or a name, port 1 ... 65535. Listening: a literal address or *, port 0 ... 65535 or *.
 * IPv6 literals stand in brackets. WARD_ERR_ADDRESS. */
int ward_address_check(const char *address, bool listening, struct ward_error *err);

#endif
