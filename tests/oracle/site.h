/* site.h - a replica that runs are delivered to, and what it says it holds, as a line of JSON that compare.py reads. */
#ifndef WARD_TEST_SITE_H
#define WARD_TEST_SITE_H

#include "history.h"
#include "replica/apply.h"
#include "replica/base.h"
#include "replica/replica.h"
#include "wardsync.h"

#include <stdio.h>

struct site {
    char home[300];
    ward_replica *r;
    struct ward_apply apply;
    bool open; /* a transaction */
    struct ward_taking taking;
};

/* Stops the program with the story of why, if rc is not 0. */
void must(int rc, const struct ward_error *err, const char *what);
void put_hex(FILE *out, const void *p, size_t len);

/* A new home in dir, of a device with this grant (its bytes), in the ward of root_pk. */
void site_open(struct site *s, const char *dir, const uint8_t root_pk[32], const void *grant, size_t len, const struct ward_env *env);
void site_close(struct site *s);
/* Takes everything out of it again but who it is: much quicker than a new home. */
void site_empty(struct site *s);

/* One run; the number of changes that were new, or minus the code of its refusal. */
int site_take(struct site *s, const void *frame, size_t len);
/* What is settled leaves the log, as far as the replica sees fit; where the logs of its feeds begin then, behind what `out` has; how many.
 */
size_t site_let_go(struct site *s, struct base *out, size_t *count);
/* The frames of a space's state, at most max of them; minus the code of why not. */
int site_give(struct site *s, const struct ward_hash *space, struct ward_buf *out, size_t *at, size_t max, size_t *count);
/* One of them: 1 if with it the state was taken in, or minus the code of its refusal. */
int site_take_state(struct site *s, const void *frame, size_t len);
/* The transaction ends. */
void site_end(struct site *s);
/* Forgets what is in memory: as after a restart. */
void site_restart(struct site *s);
/* What it holds: one JSON object. The transaction must have ended. */
void site_answer(struct site *s, FILE *out);
/* Walks chains and seals, and replays everything into an empty state: how much was bad. */
unsigned long long site_verify(struct site *s);

#endif
