/* link_door.h - the side of a link that listens: a ROUTER, its doorkeeper, its monitor and its guests. */
#ifndef WARD_LINK_DOOR_H
#define WARD_LINK_DOOR_H

#include "shell/link_guests.h"
#include "shell/link_lines.h"
#include "shell/link_monitor.h"
#include "shell/link_zap.h"

#define WARD_DOOR_REFUSALS 16u /* kept to be told; more at once are not */

struct ward_door {
    void *router; /* NULL: not open */
    struct ward_zap zap;
    struct ward_monitor monitor;
    struct ward_guests guests;
    struct ward_lines lines;
    uint64_t frames; /* read so far */
    bool dry;        /* at the last look nothing was waiting to be read */
    bool refusal_first;
    struct {
        int code;
        uint8_t link_pk[32];
        char text[96];
    } refusals[WARD_DOOR_REFUSALS];
    size_t refusal_count;
};

/* The door starts zeroed. number: of the monitor. */
int ward_door_open(struct ward_door *d, void *zmq, const struct ward_link_options *options, const uint8_t sk[32], uint64_t number,
                   struct ward_error *err);
void ward_door_close(struct ward_door *d);
int ward_door_bind(struct ward_door *d, const char *address, char bound[128], struct ward_error *err);

/* Answers the doorkeeper's requests and reads the monitor to its end. */
int ward_door_attend(struct ward_door *d, struct ward_error *err);
/* One event. A frame's bytes stay in `held`. next_peer: the number for a new guest, counted up when it is taken. */
int ward_door_take(struct ward_door *d, ward_peer *next_peer, zmq_msg_t *held, struct ward_link_event *out, bool *got,
                   struct ward_error *err);
bool ward_door_is_idle(const struct ward_door *d); /* nothing to do until a socket has something */

int ward_door_send(struct ward_door *d, ward_peer peer, const void *p, size_t len, struct ward_error *err);
void ward_door_drop(struct ward_door *d, ward_peer peer);

#endif
