/* link_guests.h - who is connected through the door: routing ids, the numbers they go by, and those shown out.
 *
 * ZeroMQ has no way to disconnect one peer of a ROUTER. So a dropped one may go on talking until its line is cut (link_lines.h); its
 * routing id is remembered and what it says is not listened to. No ZeroMQ here. */
#ifndef WARD_LINK_GUESTS_H
#define WARD_LINK_GUESTS_H

#include "shell/link.h"

#define WARD_GUESTS_DROPPED 4096u /* ids remembered; a peer forgotten after that many others is a new guest, and checked as one */

struct ward_guest {
    uint32_t id; /* the ROUTER's own number for the connection, counted up by one for each */
    int fd;      /* of the connection, -1 if unknown: how monitor events name it */
    ward_peer peer;
    uint8_t link_pk[32];
    bool gone; /* disconnected: what it sent before may still wait to be read, until gone_by frames have been */
    uint64_t gone_by;
};

struct ward_guests {
    const struct ward_env *env;
    struct ward_guest *items;
    size_t count, cap;
    uint32_t dropped[WARD_GUESTS_DROPPED]; /* a ring */
    size_t dropped_count, dropped_next;
};

void ward_guests_init(struct ward_guests *g, const struct ward_env *env);
void ward_guests_free(struct ward_guests *g);

/* Pointers are good until the next add or drop. */
struct ward_guest *ward_guests_by_id(struct ward_guests *g, uint32_t id);
struct ward_guest *ward_guests_by_peer(struct ward_guests *g, ward_peer peer);
struct ward_guest *ward_guests_by_fd(struct ward_guests *g, int fd); /* one that is not gone */
struct ward_guest *ward_guests_first_gone(struct ward_guests *g, uint64_t by);

/* WARD_ERR_PEERS: the house is full. WARD_ERR_MEMORY. */
int ward_guests_add(struct ward_guests *g, const struct ward_guest *guest);
void ward_guests_drop(struct ward_guests *g, struct ward_guest *guest); /* forgets the number, remembers the id */
void ward_guests_remember(struct ward_guests *g, uint32_t id);          /* as dropped */
bool ward_guests_was_dropped(const struct ward_guests *g, uint32_t id);

#endif
