/* admit.h - a request is answered: by whoever may grant what it asks for. proto/admission.md. */
#ifndef WARD_ADMIT_H
#define WARD_ADMIT_H

#include "replica/request.h"

/* Writes grant, name and what else belongs to it in one change, or finds that it stands already: body is the grant's bytes. What the asker
 * signed has been checked. WARD_ERR_INVITE_*, WARD_ERR_NOT_ENTITLED, WARD_ERR_GRANT_BAD, WARD_ERR_KEY_POINT, WARD_ERR_CUT,
 * WARD_ERR_KEYS_REPLACED; WARD_ERR_KEYS_WAIT: noted for the operators (asked: the request's frame). */
int ward_admit_asker(ward_replica *r, const struct ward_asker *a, const void *asked, size_t asked_len, struct ward_buf *body,
                     struct ward_hash *grant, struct ward_error *err);
/* The hub's side of new keys for a device on its line. */
int ward_admit_over_link(ward_replica *r, const struct ward_hash *peer, const void *frame, size_t len, struct ward_buf *answer,
                         struct ward_hash *grant, struct ward_error *err);
/* Whether a grant that is effective and not cut follows this one, as its writer says, and which. */
bool ward_grant_follower(ward_replica *r, const struct ward_hash *grant, struct ward_hash *follower, struct ward_error *err);

/* A request or answer file begins with one frame, as a byte string; a bundle may follow. WARD_ERR_REQUEST: it does not. */
int ward_lead_frame(ward_replica *r, const char *path, struct ward_buf *out, uint64_t *size, struct ward_error *err);
size_t ward_lead_bytes(size_t frame_len); /* how many bytes such a frame takes */

#endif
