/* history.h - a history as data: frames, and to which replicas they come in which order. Made by a seed or read from a file. */
#ifndef WARD_TEST_HISTORY_H
#define WARD_TEST_HISTORY_H

#include "paper.h"

#include <stdio.h>

#define REPLICAS  120 /* every order of five changes */
#define STEPS_MAX 200
#define RUNS_MAX  400

#define STATES    4
#define BASES_MAX 256

/* What a replica is given, or does: it takes a run; it lets go of what is settled; it gives the state of a space away; it takes one. */
enum act { TAKE_RUN, LET_GO, GIVE_STATE, TAKE_STATE };
struct step {
    uint16_t run; /* or the state */
    uint8_t act;
    uint8_t end; /* 1: the transaction ends with it; 2: and the replica starts anew from what is stored */
    int result;  /* of LET_GO: how many entries of the arrival's bases are its */
};
/* Where the log of a feed begins since a replica let go. */
struct base {
    struct ward_hash feed;
    uint64_t seq;
};
/* A space's state, as a replica gave it. */
struct state {
    size_t space; /* of the circles */
    struct ward_buf frames;
    size_t at[64]; /* frame i is [at[i], at[i + 1]) */
    size_t count;
};
struct arrival {
    uint8_t reader[160]; /* the grant's bytes */
    size_t reader_len;
    struct step steps[STEPS_MAX];
    size_t count;
    struct base bases[BASES_MAX];
    size_t base_count;
    unsigned long long bad; /* what the replica's own verification found, if it was asked */
};
struct history {
    uint64_t seed;
    const char *by; /* by whom it was made: compare.py knows their schemas */
    bool branched;  /* some feed has two branches: then only the seal tells what follows on which */
    uint8_t root_pk[32];
    struct paper_space circles[8];
    size_t circle_count;
    struct ward_buf frames;
    size_t at[RUNS_MAX + 1]; /* run i is [at[i], at[i + 1]) of frames */
    size_t run_count;
    struct state states[STATES];
    size_t state_count;
    struct arrival replicas[REPLICAS];
    size_t replica_count;
};

void history_init(struct history *h, const struct ward_env *env);
void history_free(struct history *h);
/* Adds a frame; its number (that of an equal one, if there is one). */
size_t history_frame(struct history *h, const void *p, size_t len);
/* By chance. */
void history_make(struct history *h, struct paper *paper, uint64_t seed);
/* A line of JSON on standard output; answers[i] is what replica i says it holds. */
void history_tell(const struct history *h, char *const *answers);
/* As compare.py keeps them. false with a message if the file is not one. */
bool history_load(struct history *h, const char *path);

#endif
