/* pack.h - the bodies of a run as they are kept and sent: as they stand, or packed. proto/seal.md. */
#ifndef WARD_PACK_H
#define WARD_PACK_H

#include "base/buf.h"
#include "rules/frame.h"

/* zstd's contexts, each made when it is first needed: to make one costs more than to pack a run (it asks the processor what it can do, for
 * which a virtual machine has to be left). Begins as zeros. In place of one, NULL is for a context of this call alone. */
struct ward_packer {
    struct ZSTD_CCtx_s *pack;
    struct ZSTD_DCtx_s *unpack;
};
void ward_packer_free(struct ward_packer *p);

/* What is smallest: with WARD_CODEC_RAW the bodies themselves are to be taken, else out. */
int ward_pack(struct ward_packer *p, struct ward_buf *out, uint32_t *codec, const void *bodies, size_t len, uint32_t count,
              struct ward_error *err);
/* Of `count` bodies, from anyone, unchecked: within WARD_RUN_RAW_MAX, which is checked before anything is allocated.
 * WARD_ERR_LIMIT_RUN, WARD_ERR_CODEC. */
int ward_unpack(struct ward_packer *p, struct ward_buf *out, uint32_t codec, const void *data, size_t len, uint32_t count,
                struct ward_error *err);

#endif
