/* pack.h - the bodies of a run as they are kept and sent: as they stand, or packed. proto/seal.md. */
#ifndef WARD_PACK_H
#define WARD_PACK_H

#include "base/buf.h"
#include "rules/frame.h"

/* Any bytes, with codec 0 or 1; else as with bodies. */
int ward_pack_bytes(struct ward_buf *out, uint32_t *codec, const void *p, size_t len, struct ward_error *err);
int ward_unpack_bytes(struct ward_buf *out, uint32_t codec, const void *p, size_t len, struct ward_error *err);

/* What is smallest: with WARD_CODEC_RAW the bodies themselves are to be taken, else out. */
int ward_pack(struct ward_buf *out, uint32_t *codec, const void *bodies, size_t len, uint32_t count, struct ward_error *err);
/* Of `count` bodies, from anyone, unchecked: within WARD_RUN_RAW_MAX, which is checked before anything is allocated.
 * WARD_ERR_LIMIT_RUN, WARD_ERR_CODEC. */
int ward_unpack(struct ward_buf *out, uint32_t codec, const void *p, size_t len, uint32_t count, struct ward_error *err);

#endif
