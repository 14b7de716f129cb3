#include "shell/pack.h"
#include "base/err.h"
#include "base/limits.h"
#include "values/columns.h"

#include <zstd.h>
#include <zstd_errors.h>

#define LEVEL     3
#define PACK_FROM 160 /* shorter data does not pay for zstd's frame */

void ward_packer_free(struct ward_packer *p)
{
    ZSTD_freeCCtx(p->pack);
    ZSTD_freeDCtx(p->unpack);
    *p = (struct ward_packer){0};
}

/* One frame; what is alike ends a block of its own, which is then coded by its own frequencies. *len 0: it would not be shorter than
 * `most`. */
static int compress(struct ward_packer *kept, struct ward_buf *out, const uint8_t *p, const size_t *ends, size_t groups, size_t most,
                    struct ward_error *err)
{
    ZSTD_CCtx *c = kept->pack = kept->pack ? kept->pack : ZSTD_createCCtx();
    uint8_t *to = c ? ward_buf_room(out, most) : NULL;
    ZSTD_outBuffer o = {to, most, 0};
    size_t left = 0, start = 0;
    bool fine = to && !ZSTD_isError(ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters)) &&
                !ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL)) &&
                !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(c, ends[groups - 1]));
    for (size_t i = 0; fine && !left && i < groups; i++) {
        ZSTD_inBuffer in = {p + start, ends[i] - start, 0};
        if (in.size || i + 1 == groups)
            left = ZSTD_compressStream2(c, &o, &in, i + 1 == groups ? ZSTD_e_end : ZSTD_e_flush);
        fine = !ZSTD_isError(left);
        start = ends[i];
    }
    if (!fine)
        return ward_fail(err, WARD_ERR_MEMORY, "pack");
    out->len = left ? 0 : o.pos;
    return WARD_OK;
}

/* What has no columns. */
static int pack_bytes(struct ward_packer *kept, struct ward_buf *out, uint32_t *codec, const void *p, size_t len, struct ward_error *err)
{
    int rc = compress(kept, out, p, &len, 1, len - 1, err);
    if (!rc && out->len)
        *codec = WARD_CODEC_ZSTD;
    return rc;
}

int ward_pack(struct ward_packer *p, struct ward_buf *out, uint32_t *codec, const void *bodies, size_t len, uint32_t count,
              struct ward_error *err)
{
    struct ward_packer alone = {0};
    struct ward_buf columns;
    size_t ends[WARD_COLUMN_GROUPS];
    ward_buf_clear(out);
    *codec = WARD_CODEC_RAW;
    if (len < PACK_FROM)
        return WARD_OK;
    ward_buf_init(&columns, out->env);
    int rc = ward_columns_split(&columns, ends, bodies, len, count, NULL);
    if (rc == WARD_ERR_MEMORY)
        ward_fail(err, rc, "pack");
    else if (rc || columns.len > WARD_RUN_RAW_MAX) /* what is not written by change.md has no columns */
        rc = pack_bytes(p ? p : &alone, out, codec, bodies, len, err);
    else
        rc = compress(p ? p : &alone, out, columns.p, ends, WARD_COLUMN_GROUPS, len - 1, err);
    if (!rc && out->len && *codec == WARD_CODEC_RAW)
        *codec = WARD_CODEC_COLUMNS;
    ward_buf_free(&columns);
    ward_packer_free(&alone);
    return rc;
}

static int decompress(struct ward_packer *kept, struct ward_buf *out, const void *p, size_t len, struct ward_error *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(p, len);
    if (size == ZSTD_CONTENTSIZE_ERROR)
        return ward_fail(err, WARD_ERR_CODEC, "not a zstd frame");
    if (size == ZSTD_CONTENTSIZE_UNKNOWN)
        return ward_fail(err, WARD_ERR_LIMIT_RUN, "no content size");
    if (size > WARD_RUN_RAW_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_RUN, "%llu bytes", size);
    if (ZSTD_findFrameCompressedSize(p, len) != len)
        return ward_fail(err, WARD_ERR_CODEC, "not one whole frame");
    uint8_t *to = ward_buf_room(out, (size_t)size + 1); /* as below */
    kept->unpack = kept->unpack ? kept->unpack : ZSTD_createDCtx();
    if (!to || !kept->unpack)
        return ward_fail(err, WARD_ERR_MEMORY, "run");
    size_t got = ZSTD_decompressDCtx(kept->unpack, to, (size_t)size, p, len);
    if (ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
        return ward_fail(err, WARD_ERR_MEMORY, "run"); /* that we have no memory does not make it bad */
    if (ZSTD_isError(got) || got != size)
        return ward_fail(err, WARD_ERR_CODEC, "damaged");
    out->len = got;
    return WARD_OK;
}

static int unpack_bytes(struct ward_packer *kept, struct ward_buf *out, uint32_t codec, const void *p, size_t len, struct ward_error *err)
{
    ward_buf_clear(out);
    if (codec == WARD_CODEC_ZSTD)
        return decompress(kept, out, p, len, err);
    if (codec != WARD_CODEC_RAW)
        return ward_fail(err, WARD_ERR_CODEC, "codec %u", (unsigned)codec);
    if (len > WARD_RUN_RAW_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_RUN, "%zu bytes", len);
    if (!ward_buf_room(out, len + 1)) /* also of nothing: whoever reads it points into it */
        return ward_fail(err, WARD_ERR_MEMORY, "run");
    ward_buf_add(out, p, len);
    return WARD_OK;
}

static int unpack_columns(struct ward_packer *kept, struct ward_buf *out, const void *p, size_t len, uint32_t count, struct ward_error *err)
{
    struct ward_buf columns;
    ward_buf_init(&columns, out->env);
    int rc = decompress(kept, &columns, p, len, err);
    if (!rc)
        rc = ward_columns_join(out, columns.p, columns.len, count, err);
    ward_buf_free(&columns);
    return rc;
}

int ward_unpack(struct ward_packer *p, struct ward_buf *out, uint32_t codec, const void *data, size_t len, uint32_t count,
                struct ward_error *err)
{
    struct ward_packer alone = {0}, *kept = p ? p : &alone;
    int rc =
        codec == WARD_CODEC_COLUMNS ? unpack_columns(kept, out, data, len, count, err) : unpack_bytes(kept, out, codec, data, len, err);
    ward_packer_free(&alone);
    return rc;
}
