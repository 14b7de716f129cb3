/* stage.h - where histories are played: replicas in a directory of their own, and what came of it as a line of JSON. */
#ifndef WARD_TEST_STAGE_H
#define WARD_TEST_STAGE_H

#include "history.h"
#include "site.h"

#define SITES_MAX 16

struct stage {
    char dir[200];
    const struct ward_env *env;
    struct site sites[SITES_MAX]; /* one per reader met so far */
    uint8_t readers[SITES_MAX][160];
    size_t count;
    bool fresh, verify;
};

void stage_open(struct stage *g);
void stage_close(struct stage *g);
/* Delivers everything, and tells it on standard output. */
void stage_play(struct stage *g, struct history *h);

#endif
