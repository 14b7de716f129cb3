/* vv.h - version vectors: what an author had seen. Feeds stand as the replica's own small numbers (fid >= 1). */
#ifndef WARD_VV_H
#define WARD_VV_H

#include "base/buf.h"
#include "wardsync.h"

struct ward_vv_entry {
    uint32_t fid;
    uint64_t seq;
};
struct ward_vv {
    struct ward_vv_entry *v; /* ascending by fid */
    size_t len, cap;
};

void ward_vv_free(struct ward_vv *vv, const struct ward_env *env);
uint64_t ward_vv_get(const struct ward_vv *vv, uint32_t fid);
/* Sets the entry to the greater of seq and what it is. */
int ward_vv_raise(struct ward_vv *vv, const struct ward_env *env, uint32_t fid, uint64_t seq);
/* Sets the entry to the lesser of seq and what it is; 0: as if it had never been raised. */
void ward_vv_lower(struct ward_vv *vv, uint32_t fid, uint64_t seq);
int ward_vv_copy(struct ward_vv *to, const struct ward_env *env, const struct ward_vv *from);
/* As the store keeps it: an array fid, seq, fid, seq ... */
void ward_vv_encode(struct ward_buf *out, const struct ward_vv *vv);
int ward_vv_decode(struct ward_vv *vv, const struct ward_env *env, const void *p, size_t len);

#endif
