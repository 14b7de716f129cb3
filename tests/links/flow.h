/* flow.h - as much of IPv4 and TCP as a bad network looks at: sizes, which connection a packet belongs to, and the answer that ends one. */
#ifndef LINKS_FLOW_H
#define LINKS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet_view {
    uint32_t from, to; /* addresses, host order */
    bool tcp, syn, rst, acks;
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    size_t payload; /* bytes of TCP's */
};

/* False: not IPv4, or cut short. */
bool packet_look(struct packet_view *out, const uint8_t *p, size_t len);
/* The RST that the sender of this packet would get from an end that knows nothing of the connection; its length, at most RESET_BYTES. */
#define RESET_BYTES 40u
size_t packet_reset(uint8_t out[RESET_BYTES], const struct packet_view *of);

#endif
