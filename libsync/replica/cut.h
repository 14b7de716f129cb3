/* cut.h - a device's rights are ended: where, why, by a put in a transaction that may do more. proto/authority.md, Cut. */
#ifndef WARD_CUT_H
#define WARD_CUT_H

#include "replica/commit.h"
#include "replica/replica.h"

struct ward_cutting {
    struct ward_hash grant;
    const char *reason;
    uint64_t after;      /* so many of its changes, in order of arrival here, keep their effect; UINT64_MAX: all that are held */
    struct ward_buf cut; /* made by prepare */
};
/* Whether this device may, and where the cut is to lie. WARD_ERR_NOT_FOUND, WARD_ERR_NOT_ENTITLED, WARD_ERR_REASON, WARD_ERR_RANGE (it
 * has not written so much). */
int ward_cut_prepare(ward_replica *r, struct ward_cutting *c, struct ward_error *err);
/* The device itself, or one that need not ask whether it may. */
int ward_cut_place(ward_replica *r, struct ward_cutting *c, struct ward_error *err);
int ward_cut_put(ward_replica *r, ward_txn *t, const struct ward_cutting *c, struct ward_error *err);
void ward_cut_free(struct ward_cutting *c);
/* "" where no name has arrived. */
int ward_device_name(ward_replica *r, const struct ward_hash *grant, char *out, size_t size, struct ward_error *err);

#endif
