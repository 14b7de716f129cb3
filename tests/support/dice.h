/* dice.h - numbers that follow from a seed (splitmix64). A purpose has dice of its own, so that throwing one does not move another. */
#ifndef WARD_TEST_DICE_H
#define WARD_TEST_DICE_H

#include <stdbool.h>
#include <stddef.h>
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

/* Dice for one purpose, from the seed of all. */
static inline struct dice dice_for(uint64_t seed, uint64_t purpose)
{
    struct dice d = {seed ^ (purpose * 0xd1342543de82ef95u)};
    d.state = dice_next(&d);
    return d;
}

static inline uint64_t dice_below(struct dice *d, uint64_t n)
{
    return dice_next(d) % n; /* nobody asks for one of none. NOLINT(clang-analyzer-core.DivideZero) */
}

static inline int64_t dice_between(struct dice *d, int64_t low, int64_t high) /* both may come */
{
    return low + (int64_t)dice_below(d, (uint64_t)(high - low + 1));
}

static inline bool dice_chance(struct dice *d, unsigned of_thousand)
{
    return dice_below(d, 1000) < of_thousand;
}

static inline void dice_fill(struct dice *d, void *out, size_t len)
{
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(dice_next(d) >> 32);
}

#endif
