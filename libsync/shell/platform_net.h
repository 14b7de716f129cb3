/* platform_net.h - what the system tells of a TCP connection that libzmq owns, and the one thing that libzmq does not do: to end it.
 * POSIX and Linux stand in platform_net.c. */
#ifndef WARD_PLATFORM_NET_H
#define WARD_PLATFORM_NET_H

#include <stdbool.h>
#include <stdint.h>

/* The other end of a connection. */
struct ward_net_source {
    uint8_t address[16]; /* IPv4: the mapped form */
    uint16_t port;
};
/* False: fd is no connection (any more). */
bool ward_net_source(int fd, struct ward_net_source *out);
/* Bytes that have come in order since it began; 0 where the system does not tell. */
uint64_t ward_net_bytes_in(int fd);
/* Ends it, if it still leads to that source: libzmq finds it at its end and closes it. hard: the other end hears of a broken connection,
 * which is tried again, else of one that was hung up. The descriptor stays libzmq's. */
void ward_net_cut(int fd, const struct ward_net_source *source, bool hard);

#endif
