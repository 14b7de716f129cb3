/* bundle.h - bundles that stand behind something else in a file: a request or an answer. proto/admission.md. */
#ifndef WARD_BUNDLE_H
#define WARD_BUNDLE_H

#include "base/buf.h"
#include "wardsync.h"

/* lead: a frame, written as a byte string before the bundle, of which it is no part. */
int ward_bundle_write_after(ward_replica *r, const char *path, const struct ward_buf *lead, const struct ward_bundle_options *options,
                            struct ward_bundle_info *out, struct ward_error *err);
/* skip: so many bytes stand before it. */
int ward_bundle_read_after(ward_replica *r, const char *path, uint64_t skip, ward_event_fn *on_event, void *ctx,
                           struct ward_bundle_info *out, struct ward_error *err);
/* It is unaltered and of the ward that r names; r need not be open. */
int ward_bundle_whole(ward_replica *r, const char *path, uint64_t skip, struct ward_error *err);

#endif
