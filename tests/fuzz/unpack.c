/* Data of a run, packed or not: never more than the limit comes out; what is packed here comes back; and the input itself, as data that
 * someone sends, is refused or unpacks to what it says. The first byte is the codec. */
#include "base/limits.h"
#include "fuzz.h"
#include "rules/frame.h"
#include "shell/store.h"

static void from_a_peer(uint32_t codec, const uint8_t *p, size_t len)
{
    struct ward_buf out;
    struct ward_error err = {0};
    ward_buf_init(&out, &fuzz_env);
    int rc = ward_store_unpack_run(codec, p, len, &out, &err);
    if (rc == WARD_OK)
        CHECK(out.p && out.len <= WARD_RUN_RAW_MAX && codec <= WARD_CODEC_ZSTD && (codec || fuzz_same(out.p, out.len, p, len)));
    else
        CHECK(rc == WARD_ERR_LIMIT_RUN || rc == WARD_ERR_CODEC);
    CHECK(out.cap <= 4 * WARD_RUN_RAW_MAX);
    ward_buf_free(&out);
}

static void there_and_back(const uint8_t *p, size_t len)
{
    struct ward_buf packed, back;
    uint32_t codec;
    ward_buf_init(&packed, &fuzz_env);
    ward_buf_init(&back, &fuzz_env);
    CHECK(ward_store_pack(p, len, &packed, &codec, NULL) == WARD_OK);
    if (codec == WARD_CODEC_ZSTD) {
        CHECK(packed.len < len && ward_store_unpack_run(codec, packed.p, packed.len, &back, NULL) == WARD_OK);
        CHECK(fuzz_same(back.p, back.len, p, len));
    }
    ward_buf_free(&packed);
    ward_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    if (len == 0 || len > WARD_RUN_RAW_MAX)
        return 0;
    from_a_peer(p[0] < 8 ? p[0] : WARD_CODEC_ZSTD, p + 1, len - 1);
    there_and_back(p + 1, len - 1);
    return 0;
}
