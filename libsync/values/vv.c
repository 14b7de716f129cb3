#include "values/vv.h"
#include "base/alloc.h"
#include "values/cbor.h"

#include <string.h>

void ward_vv_free(struct ward_vv *vv, const struct ward_env *env)
{
    ward_release(env, vv->v);
    *vv = (struct ward_vv){0};
}

/* Where fid is or belongs. */
static size_t place(const struct ward_vv *vv, uint32_t fid)
{
    size_t low = 0, high = vv->len;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (vv->v[mid].fid < fid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint64_t ward_vv_get(const struct ward_vv *vv, uint32_t fid)
{
    size_t i = place(vv, fid);
    return i < vv->len && vv->v[i].fid == fid ? vv->v[i].seq : 0;
}

int ward_vv_raise(struct ward_vv *vv, const struct ward_env *env, uint32_t fid, uint64_t seq)
{
    size_t i = place(vv, fid);
    if (i < vv->len && vv->v[i].fid == fid) {
        if (vv->v[i].seq < seq)
            vv->v[i].seq = seq;
        return WARD_OK;
    }
    void *items = vv->v;
    int rc = ward_grow(env, &items, &vv->cap, vv->len, sizeof vv->v[0]);
    vv->v = items;
    if (rc)
        return rc;
    memmove(&vv->v[i + 1], &vv->v[i], (vv->len - i) * sizeof vv->v[0]);
    vv->v[i] = (struct ward_vv_entry){fid, seq};
    vv->len++;
    return WARD_OK;
}

void ward_vv_lower(struct ward_vv *vv, uint32_t fid, uint64_t seq)
{
    size_t i = place(vv, fid);
    if (i == vv->len || vv->v[i].fid != fid)
        return;
    vv->v[i].seq = seq < vv->v[i].seq ? seq : vv->v[i].seq;
    if (vv->v[i].seq)
        return;
    vv->len--;
    memmove(&vv->v[i], &vv->v[i + 1], (vv->len - i) * sizeof vv->v[0]);
}

int ward_vv_copy(struct ward_vv *to, const struct ward_env *env, const struct ward_vv *from)
{
    if (to->cap < from->len) {
        void *grown = ward_realloc(env, to->v, from->len * sizeof from->v[0]);
        if (!grown)
            return WARD_ERR_MEMORY;
        to->v = grown;
        to->cap = from->len;
    }
    if (from->len)
        memcpy(to->v, from->v, from->len * sizeof from->v[0]);
    to->len = from->len;
    return WARD_OK;
}

void ward_vv_encode(struct ward_buf *out, const struct ward_vv *vv)
{
    ward_put_array(out, vv->len * 2);
    for (size_t i = 0; i < vv->len; i++) {
        ward_put_uint(out, vv->v[i].fid);
        ward_put_uint(out, vv->v[i].seq);
    }
}

int ward_vv_decode(struct ward_vv *vv, const struct ward_env *env, const void *p, size_t len)
{
    struct ward_cbor c;
    size_t count;
    vv->len = 0;
    if (len == 0)
        return WARD_OK;
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array(&c, &count) || count % 2)
        return WARD_ERR_CORRUPT;
    for (size_t i = 0; i < count / 2; i++) {
        uint64_t fid, seq;
        if (!ward_cbor_uint(&c, &fid, UINT32_MAX) || !ward_cbor_uint(&c, &seq, UINT64_MAX))
            return WARD_ERR_CORRUPT;
        int rc = ward_vv_raise(vv, env, (uint32_t)fid, seq);
        if (rc)
            return rc;
    }
    return ward_cbor_end(&c) ? WARD_OK : WARD_ERR_CORRUPT;
}
