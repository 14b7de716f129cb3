/* Data of a run, packed or not: never more than the limit comes out; what is packed here comes back; and the input itself, as data that
 * someone sends, is refused or unpacks to what it says. The first byte is the codec, the next two how many changes there are. */
#include "base/limits.h"
#include "fuzz.h"
#include "shell/pack.h"

static void from_a_peer(uint32_t codec, uint32_t count, const uint8_t *p, size_t len)
{
    struct ward_buf out;
    struct ward_error err = {0};
    ward_buf_init(&out, &fuzz_env);
    int rc = ward_unpack(NULL, &out, codec, p, len, count, &err);
    if (rc == WARD_OK)
        CHECK(out.p && out.len <= WARD_RUN_RAW_MAX && codec <= WARD_CODEC_COLUMNS && (codec || fuzz_same(out.p, out.len, p, len)));
    else
        CHECK(rc == WARD_ERR_LIMIT_RUN || rc == WARD_ERR_CODEC);
    CHECK(out.cap <= 4 * WARD_RUN_RAW_MAX);
    ward_buf_free(&out);
}

static void there_and_back(uint32_t count, const uint8_t *p, size_t len)
{
    struct ward_buf packed, back;
    uint32_t codec;
    ward_buf_init(&packed, &fuzz_env);
    ward_buf_init(&back, &fuzz_env);
    CHECK(ward_pack(NULL, &packed, &codec, p, len, count, NULL) == WARD_OK);
    if (codec != WARD_CODEC_RAW) {
        CHECK(packed.len < len && ward_unpack(NULL, &back, codec, packed.p, packed.len, count, NULL) == WARD_OK);
        CHECK(fuzz_same(back.p, back.len, p, len));
    }
    ward_buf_free(&packed);
    ward_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    if (len < 3 || len > WARD_RUN_RAW_MAX)
        return 0;
    uint32_t count = 1 + (p[1] | (uint32_t)p[2] << 8) % WARD_RUN_CHANGES_MAX;
    from_a_peer(p[0] < 8 ? p[0] : WARD_CODEC_ZSTD, count, p + 3, len - 3);
    there_and_back(count, p + 3, len - 3);
    return 0;
}
