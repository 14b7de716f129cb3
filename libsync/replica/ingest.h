/* ingest.h - runs from elsewhere, checked whole at the door and applied. The order of checks is that of proto/seal.md. */
#ifndef WARD_INGEST_H
#define WARD_INGEST_H

#include "replica/apply.h"
#include "rules/frame.h"

/* What came of one run. */
struct ward_ingested {
    uint32_t fid;      /* 0 if refused before the feed was known */
    uint64_t last;     /* its last seq */
    uint32_t applied;  /* changes that were new */
    bool withdrew;     /* own changes gave way to them, and wait to be written anew (replica/own.h) */
    bool backfilled;   /* with them all of a space's history is there, and took its base's place; rows have moved */
    bool base_differs; /* it says other than the base did */
    bool forked;       /* they are a branch: the feed goes on in a way that is not the one held */
};

/* One run within a transaction begun by ward_apply_begin. A refusal (3xx, 4xx, 2xx) leaves no trace, but for the history below a base (316
 * and 302: what the run has of it is kept, and `backfilled` and `base_differs` count), and the transaction goes on; other codes (6xx,
 * memory) mean that it must end. Spaces that the source names by their circle must be known before (ward_replica_know_circle).
 */
int ward_ingest_run(struct ward_apply *a, const struct ward_run *run, struct ward_ingested *out, struct ward_error *err);
/* Runs in the order in which their turns are likely to come, best from the one whose turn it is: they are read ahead where that can be
 * (ahead.h). */
void ward_ingest_ahead(ward_replica *r, const struct ward_run *run);
/* Whether the code is a refusal of the run, after which the rest goes on. */
bool ward_is_refusal(int code);

#endif
