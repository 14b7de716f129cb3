/* late.h - work that has to be told again: changes of a feed made into late changes (proto/change.md), each with what it had seen then and
 * not with what is known now. For what a device wrote without knowing its own later changes (own.c), and for what was set aside
 * (aside.c).
 *
 * A late change is prepared as a body: its deps are all it had seen, its own old feed among them; in sum fields stands what is to be added.
 * What a later one of them replaces is left out, so that they do not depend on each other.
 */
#ifndef WARD_LATE_H
#define WARD_LATE_H

#include "replica/pen.h"

typedef int ward_late_fn(void *ctx, const uint8_t *body, size_t len);
/* Prepares the changes [from, to] of a feed. Nothing is written. */
int ward_late_prepare(ward_replica *r, uint32_t fid, uint64_t from, uint64_t to, ward_late_fn *fn, void *ctx, struct ward_error *err);
/* Writes one that was prepared. What it needs and has since gone from here (a dep) is left out: then it had seen less. */
int ward_late_write(struct ward_pen *pen, const uint8_t *body, size_t len, struct ward_error *err);

#endif
