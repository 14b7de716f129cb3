/* tale.h - a history on paper, told by chance; travel.c brings it to the replicas. */
#ifndef WARD_TEST_TALE_H
#define WARD_TEST_TALE_H

#include "paper.h"

struct tale {
    struct paper *p;
    uint64_t dice;
    uint8_t crew[WRITERS]; /* who takes part; the root first */
    size_t crew_count;
    bool aboard[WRITERS];
    uint16_t brings[CHANGES_MAX];    /* the authors whose grants a change holds, as bits */
    unsigned writes, grants, learns; /* of 100 steps; the rest are cuts */
    uint32_t favourite;              /* the field that most write */
    bool settles;                    /* floors are written */
    bool meets;                      /* floors, forks and cuts are likely to meet */
    unsigned forks;                  /* of 100 steps: a device goes on as two */
    struct {
        size_t space;
        struct ward_hash name;
    } floors[16]; /* those that were */
    size_t floor_count;
    bool closed; /* one of them at least */
};

void tale_tell(struct tale *t, struct paper *p, uint64_t seed);
size_t tale_below(struct tale *t, size_t n);
bool tale_chance(struct tale *t, unsigned percent);

#endif
