/* identity.h - which keys are a home's own, and how it goes on under new ones. proto/authority.md, New keys. */
#ifndef WARD_IDENTITY_H
#define WARD_IDENTITY_H

#include "replica/replica.h"

#define WARD_NEXT_KEY "next.key" /* keys for which a grant is asked */
#define WARD_ASKED    "asked"    /* what was asked for, and where the answer may come from: request.h */

/* Loads r->keys: those that fit the grant which the store names, in whichever of the two files they stand. What a change of identity that
 * was cut off has left is ended, unless the options are to read only. WARD_ERR_KEY_FILE: neither fits. */
int ward_identity_keys(ward_replica *r, const struct ward_options *options, struct ward_error *err);
/* What was the home's own before, newest last: into r->former. */
int ward_identity_former(ward_replica *r, struct ward_error *err);
/* The store names another grant than the one this replica was opened under: WARD_ERR_IDENTITY. */
int ward_identity_check(ward_replica *r, struct ward_error *err);

/* WARD_ERR_HOME_HOLDS_MORE: a space held here is none of those that the grant may read. */
int ward_identity_may_hold(const ward_replica *r, const struct ward_grant *g, struct ward_error *err);
/* The home becomes the device of this grant, whose keys stand in WARD_NEXT_KEY and are `keys`; the former grant is remembered. One
 * transaction decides: before it the home opens as the old device, after it as the new one. WARD_ERR_HOME_HOLDS_MORE. */
int ward_identity_switch(ward_replica *r, const struct ward_keys *keys, const void *grant, size_t grant_len,
                         const struct ward_home_note *notes, size_t note_count, struct ward_error *err);

/* rotate.c: new keys whose change was cut off before the old ones were ended: they are, where this device may. At each round and where
 * serving begins, so that nobody has to think of it. */
int ward_rotate_finish(ward_replica *r, struct ward_error *err);

#endif
