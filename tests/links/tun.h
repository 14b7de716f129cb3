/* tun.h - one namespace with one TUN device in it. */
#ifndef LINKS_TUN_H
#define LINKS_TUN_H

#include <stdbool.h>
#include <stdint.h>

struct tun_end {
    int tun; /* what is written here the namespace receives, what it sends is read here; never waits */
    int ns;  /* stands for the namespace */
};

/* Moves this process into a new network namespace, with loopback, and a TUN device that has this address (of a /24, host order). False,
 * with errno: it is not permitted here. */
bool tun_open(struct tun_end *out, uint32_t address, unsigned mtu);

#endif
