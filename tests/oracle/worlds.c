/* Small worlds, exhausted; one line of JSON for each history, for compare.py.
 *
 *   worlds slots N       every history of up to N changes of three authors to one record: the state must be the same whatever the order
 *   worlds replicas N    every history of up to N changes of grants, cuts and data, in every order into a real replica
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int world_closed(const struct event *events, size_t count, unsigned set)
{
    for (size_t i = 0; i < count; i++)
        if (set >> i & 1 && (events[i].knows & ~set))
            return 0;
    return 1;
}

uint64_t world_orders(const struct event *events, size_t count)
{
    uint64_t ways[1 << EVENTS_MAX] = {1};
    for (unsigned set = 1; set < 1u << count; set++)
        for (size_t i = 0; i < count; i++)
            if (set >> i & 1 && world_closed(events, count, set) && world_closed(events, count, set & ~(1u << i)))
                ways[set] += ways[set & ~(1u << i)];
    return ways[(1u << count) - 1];
}

static void extend(const struct world *w, struct event *events, size_t n);

static void try_event(const struct world *w, struct event *events, size_t n, size_t author, unsigned knows)
{
    unsigned needed = 0, depth = 0;
    for (size_t i = 0; i < n; i++) {
        if (events[i].author == author)
            needed |= 1u << i | events[i].knows;
        if (knows >> i & 1 && events[i].depth > depth)
            depth = events[i].depth;
    }
    const struct event *last = n ? &events[n - 1] : NULL;
    if ((knows & needed) != needed || !world_closed(events, n, knows))
        return;
    if (last && (depth + 1 < last->depth || (depth + 1 == last->depth && author <= last->author)))
        return;
    for (uint8_t act = 0; act < w->acts[author]; act++) {
        events[n] = (struct event){.author = (uint8_t)author, .act = act, .knows = (uint8_t)knows, .depth = (uint8_t)(depth + 1)};
        w->visit(w->ctx, events, n + 1);
        extend(w, events, n + 1);
    }
}

static void extend(const struct world *w, struct event *events, size_t n)
{
    if (n == w->most)
        return;
    for (size_t author = 0; author < w->authors; author++)
        for (unsigned knows = 0; knows < 1u << n; knows++)
            try_event(w, events, n, author, knows);
}

void world_each(const struct world *w)
{
    struct event events[EVENTS_MAX];
    extend(w, events, 0);
}

int main(int argc, char **argv)
{
    size_t most = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (most < 1 || most > EVENTS_MAX || (strcmp(argv[1], "slots") != 0 && strcmp(argv[1], "replicas") != 0)) {
        fputs("worlds slots|replicas N    (1 to 5)\n", stderr);
        return 64;
    }
    if (!strcmp(argv[1], "slots"))
        small_slots(most);
    else
        small_replicas(most);
    return 0;
}
