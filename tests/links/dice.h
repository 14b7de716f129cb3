/* dice.h - numbers that depend on their seed alone: splitmix64. */
#ifndef LINKS_DICE_H
#define LINKS_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *d)
{
    uint64_t z = (d->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The n-th thing of its kind has dice of its own: what happens to it does not hang on what happened to the others. */
static inline struct dice dice_for(uint64_t seed, uint64_t n)
{
    struct dice d = {seed ^ (n * 0xd1342543de82ef95u)};
    dice_next(&d);
    return d;
}

/* From low to high, both included. */
static inline uint64_t dice_between(struct dice *d, uint64_t low, uint64_t high)
{
    return low + dice_next(d) % (high - low + 1);
}

/* True in that many of a thousand cases. */
static inline int dice_hits(struct dice *d, uint64_t per_mille)
{
    return dice_next(d) % 1000 < per_mille;
}

#endif
