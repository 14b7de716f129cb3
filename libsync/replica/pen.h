/* pen.h - writes changes to a feed of this device's, within one write transaction: chained, applied, sealed. */
#ifndef WARD_PEN_H
#define WARD_PEN_H

#include "replica/apply.h"

struct ward_pen {
    struct ward_apply *a;
    uint32_t sid, fid;
    const struct ward_keys *keys; /* whose feed it is; they seal */
    struct ward_buf bodies;       /* written, not sealed yet */
    uint64_t first;               /* the seq of the first of them */
    uint32_t count;
    struct ward_commit sum;
};

/* Space and feed of the grant are made where they are not there yet; the space's circle must be known. Its feed's vv is loaded. */
int ward_pen_begin(struct ward_pen *p, struct ward_apply *a, const struct ward_hash *space, const struct ward_grant *grant,
                   const struct ward_keys *keys, struct ward_error *err);
/* One change. ops with `record` numbered in order of first use (ward_ops_number). Pointers are not kept. */
int ward_pen_write(struct ward_pen *p, int64_t wall_ms, uint64_t depth, const struct ward_dep *deps, size_t dep_count,
                   const struct ward_op *ops, size_t op_count, struct ward_error *err);
/* Seals what is left, unless rc says that it was for nothing, and puts the pen down. Returns what came of it. */
int ward_pen_end(struct ward_pen *p, int rc, struct ward_error *err);

/* Numbers the records of ops in order of first use; the order stays. */
void ward_ops_number(struct ward_op *ops, size_t count);

#endif
