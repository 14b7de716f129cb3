/* aside.h - what is held of a feed and has no effect, and whether somebody has written it anew (proto/authority.md, Set aside). */
#ifndef WARD_ASIDE_H
#define WARD_ASIDE_H

#include "replica/apply.h"

struct ward_aside_range {
    uint32_t fid;
    uint64_t first, last; /* first > last: nothing */
    uint64_t released;    /* up to this seq; 0: nothing */
};
int ward_aside_of(ward_replica *r, uint32_t fid, struct ward_aside_range *out, struct ward_error *err);
/* Within a write transaction: writes what is left of it anew as changes of this device, and notes it as released, with a reason if there is
 * one. Returns WARD_ERR_NOTHING if nothing is left. */
int ward_aside_write(struct ward_apply *a, const struct ward_aside_range *range, const char *reason, size_t *changes,
                     struct ward_error *err);

#endif
