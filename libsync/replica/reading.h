/* reading.h - what can be said of a run by its bytes and the chain that it goes on with, without a look at anything else: its bodies are
 * parsed and hashed, its seal is tried. So it can be done before the run's turn has come, and by another thread (ahead.h).
 */
#ifndef WARD_READING_H
#define WARD_READING_H

#include "values/change.h"

struct ward_reading {
    struct ward_hash feed;          /* asked: of which feed, */
    uint64_t first, last;           /* which changes, */
    struct ward_hash before;        /* after which hash, */
    uint64_t mark;                  /* which change's hash besides, or 0; */
    const uint8_t *sig, *sign_pk;   /* under which seal, of whom; */
    size_t ops_max;                 /* 0, or with how many operations it is given up (WARD_ERR_MEMORY), some */
    struct ward_hash hash, at_mark; /* found: the last one's, the one asked for; */
    int code;                       /* what is wrong: with the first body that cannot be read, after the last, with the seal */
    struct ward_error why;
};

/* The bodies that can be read are then all that is in the scratch, with pointers into p. */
void ward_read_bodies(struct ward_reading *x, struct ward_scratch *s, const uint8_t *p, size_t len);

#endif
