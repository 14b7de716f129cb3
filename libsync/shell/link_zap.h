/* link_zap.h - the doorkeeper: answers libzmq's question, for each incoming handshake, whether this key may come in (ZeroMQ RFC 27).
 *
 * It is asked and answers in the link's own thread. While that thread is busy handshakes wait: the door is closed, not open. */
#ifndef WARD_LINK_ZAP_H
#define WARD_LINK_ZAP_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

struct ward_error;

#define WARD_ZAP_DOMAIN "wardsync" /* an empty domain would mean: do not ask */

/* What the other end hears, as the value of its monitor's event. 300 would be the one for "not now", but libzmq then hangs up without a
 * word, and the other end could not tell that from a broken network. */
#define WARD_ZAP_UNKNOWN 400
#define WARD_ZAP_PAUSE   500

struct ward_zap {
    void *socket;
    int (*admit)(void *ctx, const uint8_t link_pk[32]);
    void *ctx;
};

struct ward_zap_verdict {
    int code;            /* WARD_OK: admitted */
    uint8_t link_pk[32]; /* zero if the request was not about a CURVE key */
};

/* To be opened before any socket of this context is bound. */
int ward_zap_open(struct ward_zap *zap, void *zmq, struct ward_error *err);
void ward_zap_close(struct ward_zap *zap); /* after the sockets it keeps the door of */
/* Answers one waiting request. */
int ward_zap_answer(struct ward_zap *zap, struct ward_zap_verdict *out, bool *got, struct ward_error *err);

/* Who sent a message, by what the doorkeeper said of its connection. False: nobody answers for it. */
bool ward_zap_sender(zmq_msg_t *part, uint8_t link_pk[32]);

#endif
