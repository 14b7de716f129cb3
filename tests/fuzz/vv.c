/* Version vectors: raising in any order gives the greatest of each, ascending; what is encoded decodes to the same; and bytes of any kind
 * decode to a vector in order or not at all. */
#include "values/vv.h"
#include "fuzz.h"

#define FEEDS 64

static void check_order(const struct ward_vv *vv)
{
    for (size_t i = 0; i < vv->len; i++)
        CHECK((i == 0 || vv->v[i - 1].fid < vv->v[i].fid) && ward_vv_get(vv, vv->v[i].fid) == vv->v[i].seq);
}

static void check_same(const struct ward_vv *a, const struct ward_vv *b)
{
    CHECK(a->len == b->len);
    for (size_t i = 0; i < a->len; i++)
        CHECK(a->v[i].fid == b->v[i].fid && a->v[i].seq == b->v[i].seq);
}

static void decode(const uint8_t *p, size_t len)
{
    struct ward_vv vv = {0}, again = {0};
    struct ward_buf out;
    ward_buf_init(&out, &fuzz_env);
    int rc = ward_vv_decode(&vv, &fuzz_env, p, len);
    CHECK(rc == WARD_OK || rc == WARD_ERR_CORRUPT);
    check_order(&vv);
    ward_vv_encode(&out, &vv);
    CHECK(ward_vv_decode(&again, &fuzz_env, out.p, out.len) == WARD_OK);
    check_same(&vv, &again);
    ward_buf_free(&out);
    ward_vv_free(&vv, &fuzz_env);
    ward_vv_free(&again, &fuzz_env);
}

static void raise_all(struct fuzz_input in)
{
    uint64_t model[FEEDS + 1] = {0};
    struct ward_vv vv = {0}, copy = {0};
    while (in.len >= 3) {
        uint32_t fid = 1 + fuzz_byte(&in) % FEEDS;
        uint64_t seq = 1 + fuzz_uint(&in, 2);
        CHECK(ward_vv_raise(&vv, &fuzz_env, fid, seq) == WARD_OK);
        model[fid] = seq > model[fid] ? seq : model[fid];
    }
    check_order(&vv);
    for (uint32_t fid = 1; fid <= FEEDS; fid++)
        CHECK(ward_vv_get(&vv, fid) == model[fid]);
    CHECK(ward_vv_copy(&copy, &fuzz_env, &vv) == WARD_OK);
    check_same(&vv, &copy);
    ward_vv_free(&vv, &fuzz_env);
    ward_vv_free(&copy, &fuzz_env);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    raise_all((struct fuzz_input){p, len});
    decode(p, len);
    return 0;
}
