/* world.h - small worlds: every history of a few changes, and every order in which each can be delivered. */
#ifndef WARD_TEST_WORLD_H
#define WARD_TEST_WORLD_H

#include <stddef.h>
#include <stdint.h>

#define EVENTS_MAX 5

/* One change. What its author knew is closed: whoever knows a change knows what its author knew. */
struct event {
    uint8_t author, act; /* what it does: the world's own alphabet */
    uint8_t knows;       /* earlier events, as bits */
    uint8_t depth;       /* 1 + the greatest among those it knows */
};

struct world {
    size_t authors;
    const uint8_t *acts; /* how many acts each author has */
    size_t most;         /* events */
    void (*visit)(void *ctx, const struct event *events, size_t count);
    void *ctx;
};

/* Visits every history of 1 ... most events, each once: events stand in ascending order of (depth, author), the one order among those in
 * which a history can be told that is always possible. */
void world_each(const struct world *w);
/* Whether this set of events (bits) can have been delivered: it holds all that its members know. */
int world_closed(const struct event *events, size_t count, unsigned set);
/* How many orders lead to all of them. */
uint64_t world_orders(const struct event *events, size_t count);

void small_slots(size_t most);
void small_replicas(size_t most);

#endif
