/* link_call.h - one connection upward: a DEALER and its monitor, from dialling to the end. There is no second try in it. */
#ifndef WARD_LINK_CALL_H
#define WARD_LINK_CALL_H

#include "shell/link.h"
#include "shell/link_monitor.h"

#include <zmq.h>

struct ward_call {
    void *dealer;
    struct ward_monitor monitor;
    ward_peer peer;
    uint8_t server_pk[32];
    bool connected; /* TCP */
    int fd;         /* of the connection, once it is */
    uint64_t read;  /* bytes of its frames read so far, with what carried them */
    bool up;        /* handshake done; false again when nothing more is to be read */
    bool announce;  /* WARD_LINK_UP is still to be told */
    int code;       /* why it ended; WARD_OK: it has not */
    char text[96];
};

/* The call starts zeroed but for peer, which also numbers the monitor. */
int ward_call_open(struct ward_call *c, void *zmq, const char *address, const uint8_t server_pk[32], const uint8_t sk[32],
                   struct ward_error *err);
void ward_call_close(struct ward_call *c);

/* Reads the monitor to its end. */
int ward_call_attend(struct ward_call *c, struct ward_error *err);
/* One event; after WARD_LINK_DOWN the call is to be closed. A frame's bytes stay in `held`. */
int ward_call_take(struct ward_call *c, zmq_msg_t *held, struct ward_link_event *out, bool *got, struct ward_error *err);
int ward_call_send(struct ward_call *c, const void *p, size_t len, struct ward_error *err);

#endif
