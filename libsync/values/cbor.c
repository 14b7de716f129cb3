#include "values/cbor.h"
#include "base/limits.h"
#include "values/text.h"

#include <cbor.h>
#include <string.h>

/* One head as libcbor reports it, before canonical form is checked. */
enum item_kind { I_FORBIDDEN, I_UINT, I_NINT, I_BYTES, I_TEXT, I_ARRAY, I_BOOL, I_NULL };
struct item {
    enum item_kind kind;
    uint64_t n; /* the argument: number, length or count */
    const uint8_t *p;
};

static void set(void *ctx, enum item_kind kind, uint64_t n)
{
    struct item *it = ctx;
    it->kind = kind;
    it->n = n;
}

static void on_u8(void *ctx, uint8_t v)
{
    set(ctx, I_UINT, v);
}
static void on_u16(void *ctx, uint16_t v)
{
    set(ctx, I_UINT, v);
}
static void on_u32(void *ctx, uint32_t v)
{
    set(ctx, I_UINT, v);
}
static void on_u64(void *ctx, uint64_t v)
{
    set(ctx, I_UINT, v);
}
static void on_n8(void *ctx, uint8_t v)
{
    set(ctx, I_NINT, v);
}
static void on_n16(void *ctx, uint16_t v)
{
    set(ctx, I_NINT, v);
}
static void on_n32(void *ctx, uint32_t v)
{
    set(ctx, I_NINT, v);
}
static void on_n64(void *ctx, uint64_t v)
{
    set(ctx, I_NINT, v);
}
static void on_bytes(void *ctx, cbor_data p, size_t len)
{
    set(ctx, I_BYTES, len);
    ((struct item *)ctx)->p = p;
}
static void on_text(void *ctx, cbor_data p, size_t len)
{
    set(ctx, I_TEXT, len);
    ((struct item *)ctx)->p = p;
}
static void on_array(void *ctx, size_t n)
{
    set(ctx, I_ARRAY, n);
}
static void on_bool(void *ctx, bool v)
{
    set(ctx, I_BOOL, v);
}
static void on_null(void *ctx)
{
    set(ctx, I_NULL, 0);
}
static void forbid(void *ctx)
{
    set(ctx, I_FORBIDDEN, 0);
}
static void forbid_size(void *ctx, size_t n)
{
    set(ctx, I_FORBIDDEN, n);
}
static void forbid_tag(void *ctx, uint64_t n)
{
    set(ctx, I_FORBIDDEN, n);
}
static void forbid_float(void *ctx, float v)
{
    (void)v;
    forbid(ctx);
}
static void forbid_double(void *ctx, double v)
{
    (void)v;
    forbid(ctx);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_u8,
    .uint16 = on_u16,
    .uint32 = on_u32,
    .uint64 = on_u64,
    .negint8 = on_n8,
    .negint16 = on_n16,
    .negint32 = on_n32,
    .negint64 = on_n64,
    .byte_string = on_bytes,
    .byte_string_start = forbid,
    .string = on_text,
    .string_start = forbid,
    .array_start = on_array,
    .indef_array_start = forbid,
    .map_start = forbid_size,
    .indef_map_start = forbid,
    .tag = forbid_tag,
    .float2 = forbid_float,
    .float4 = forbid_float,
    .float8 = forbid_double,
    .undefined = forbid,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = forbid,
};

static size_t shortest_head(uint64_t n)
{
    return n < 24 ? 1 : n <= UINT8_MAX ? 2 : n <= UINT16_MAX ? 3 : n <= UINT32_MAX ? 5 : 9;
}

/* The next head, checked for canonical form; *read its length with a string's content. Does not move the cursor. */
static bool look(struct ward_cbor *c, struct item *it, size_t *read)
{
    if (c->code)
        return false;
    if (c->pos >= c->len)
        return ward_cbor_fail(c, WARD_ERR_TRUNCATED);
    *it = (struct item){.kind = I_FORBIDDEN};
    struct cbor_decoder_result r = cbor_stream_decode(c->p + c->pos, c->len - c->pos, &callbacks, it);
    if (r.status == CBOR_DECODER_NEDATA)
        return ward_cbor_fail(c, WARD_ERR_TRUNCATED);
    if (r.status != CBOR_DECODER_FINISHED || it->kind == I_FORBIDDEN)
        return ward_cbor_fail(c, WARD_ERR_NONCANONICAL);
    size_t head = r.read;
    if (it->kind == I_BYTES || it->kind == I_TEXT)
        head -= (size_t)it->n;
    if (it->kind != I_BOOL && it->kind != I_NULL && head != shortest_head(it->n))
        return ward_cbor_fail(c, WARD_ERR_NONCANONICAL);
    *read = r.read;
    return true;
}

static bool take(struct ward_cbor *c, enum item_kind kind, struct item *it)
{
    size_t read;
    if (!look(c, it, &read))
        return false;
    if (it->kind != kind)
        return ward_cbor_fail(c, WARD_ERR_TYPE);
    c->pos += read;
    return true;
}

void ward_cbor_init(struct ward_cbor *c, const void *p, size_t len)
{
    *c = (struct ward_cbor){.p = p, .len = len};
}

bool ward_cbor_fail(struct ward_cbor *c, int code)
{
    if (!c->code)
        c->code = code;
    return false;
}

bool ward_cbor_check(struct ward_cbor *c, bool fine, int code)
{
    if (!fine)
        ward_cbor_fail(c, code);
    return fine;
}

bool ward_cbor_at_end(const struct ward_cbor *c)
{
    return c->pos == c->len;
}

bool ward_cbor_end(struct ward_cbor *c)
{
    if (c->code)
        return false;
    return ward_cbor_check(c, ward_cbor_at_end(c), WARD_ERR_TRAILING);
}

bool ward_cbor_uint(struct ward_cbor *c, uint64_t *out, uint64_t max)
{
    struct item it;
    if (!take(c, I_UINT, &it))
        return false;
    if (it.n > max)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    *out = it.n;
    return true;
}

bool ward_cbor_array(struct ward_cbor *c, size_t *count)
{
    struct item it;
    if (!take(c, I_ARRAY, &it))
        return false;
    if (it.n > c->len - c->pos) /* each member takes a byte at least */
        return ward_cbor_fail(c, WARD_ERR_TRUNCATED);
    *count = (size_t)it.n;
    return true;
}

bool ward_cbor_array_exact(struct ward_cbor *c, size_t count)
{
    struct item it;
    if (!take(c, I_ARRAY, &it))
        return false;
    return ward_cbor_check(c, it.n == count, WARD_ERR_TYPE);
}

bool ward_cbor_bytes(struct ward_cbor *c, const uint8_t **p, size_t *len)
{
    struct item it;
    if (!take(c, I_BYTES, &it))
        return false;
    *p = it.p;
    *len = (size_t)it.n;
    return true;
}

bool ward_cbor_bytes_exact(struct ward_cbor *c, const uint8_t **p, size_t len)
{
    struct item it;
    if (!take(c, I_BYTES, &it))
        return false;
    if (it.n != len)
        return ward_cbor_fail(c, WARD_ERR_TYPE);
    *p = it.p;
    return true;
}

bool ward_cbor_hash(struct ward_cbor *c, struct ward_hash *out)
{
    const uint8_t *p;
    if (!ward_cbor_bytes_exact(c, &p, sizeof out->b))
        return false;
    memcpy(out->b, p, sizeof out->b);
    return true;
}

bool ward_cbor_text(struct ward_cbor *c, const uint8_t **p, size_t *len)
{
    struct item it;
    if (!take(c, I_TEXT, &it))
        return false;
    if (!ward_text_valid(it.p, (size_t)it.n))
        return ward_cbor_fail(c, WARD_ERR_UTF8);
    *p = it.p;
    *len = (size_t)it.n;
    return true;
}

bool ward_cbor_bool(struct ward_cbor *c, bool *out)
{
    struct item it;
    if (!take(c, I_BOOL, &it))
        return false;
    *out = it.n != 0;
    return true;
}

static bool value(struct ward_cbor *c, struct ward_value *out, unsigned depth)
{
    struct item it;
    size_t read;
    if (!look(c, &it, &read))
        return false;
    size_t start = c->pos;
    c->pos += read; // NOLINT(clang-analyzer-core.uninitialized.Assign): look has set it
    *out = (struct ward_value){.type = WARD_NULL};
    switch (it.kind) {
    case I_UINT:
    case I_NINT:
        if (it.n > INT64_MAX)
            return ward_cbor_fail(c, WARD_ERR_RANGE);
        out->type = WARD_INT;
        out->integer = it.kind == I_UINT ? (int64_t)it.n : -1 - (int64_t)it.n;
        return true;
    case I_BOOL:
        out->type = WARD_BOOL;
        out->boolean = it.n != 0;
        return true;
    case I_NULL:
        return true;
    case I_TEXT:
        if (!c->known && !ward_text_valid(it.p, (size_t)it.n))
            return ward_cbor_fail(c, WARD_ERR_UTF8);
        out->type = WARD_TEXT;
        out->p = it.p;
        out->len = (size_t)it.n;
        return true;
    case I_BYTES:
        out->type = WARD_BYTES;
        out->p = it.p;
        out->len = (size_t)it.n;
        return true;
    default: /* an array: look lets nothing else through */
        if (depth >= WARD_NESTING_MAX)
            return ward_cbor_fail(c, WARD_ERR_LIMIT_NESTING);
        for (uint64_t i = 0; i < it.n; i++) {
            struct ward_value member;
            if (!value(c, &member, depth + 1))
                return false;
        }
        out->type = WARD_ARRAY;
        out->p = c->p + start;
        out->len = c->pos - start;
        return true;
    }
}

bool ward_cbor_value(struct ward_cbor *c, struct ward_value *out, const uint8_t **raw, size_t *raw_len)
{
    size_t start = c->pos;
    if (!value(c, out, 0))
        return false;
    *raw = c->p + start;
    *raw_len = c->pos - start;
    return ward_cbor_check(c, *raw_len <= WARD_VALUE_MAX, WARD_ERR_LIMIT_VALUE);
}

bool ward_cbor_peek(struct ward_cbor *c, enum ward_type *type)
{
    struct item it;
    size_t read;
    if (!look(c, &it, &read))
        return false;
    switch (it.kind) {
    case I_UINT:
    case I_NINT:
        *type = WARD_INT;
        break;
    case I_BYTES:
        *type = WARD_BYTES;
        break;
    case I_TEXT:
        *type = WARD_TEXT;
        break;
    case I_ARRAY:
        *type = WARD_ARRAY;
        break;
    case I_BOOL:
        *type = WARD_BOOL;
        break;
    default:
        *type = WARD_NULL;
    }
    return true;
}

/* Room for a head, and libcbor to write it in its shortest form. */
#define PUT_HEAD(b, call)                                                                                                                  \
    do {                                                                                                                                   \
        uint8_t *to = ward_buf_room((b), 9);                                                                                               \
        if (to)                                                                                                                            \
            (b)->len += (call);                                                                                                            \
    } while (0)

void ward_put_uint(struct ward_buf *b, uint64_t v)
{
    PUT_HEAD(b, cbor_encode_uint(v, to, 9));
}

void ward_put_int(struct ward_buf *b, int64_t v)
{
    if (v >= 0)
        ward_put_uint(b, (uint64_t)v);
    else
        PUT_HEAD(b, cbor_encode_negint((uint64_t)(-1 - v), to, 9));
}

void ward_put_bytes(struct ward_buf *b, const void *p, size_t len)
{
    PUT_HEAD(b, cbor_encode_bytestring_start(len, to, 9));
    ward_buf_add(b, p, len);
}

void ward_put_text_head(struct ward_buf *b, size_t len)
{
    PUT_HEAD(b, cbor_encode_string_start(len, to, 9));
}

void ward_put_text(struct ward_buf *b, const char *p, size_t len)
{
    ward_put_text_head(b, len);
    ward_buf_add(b, p, len);
}

void ward_put_array(struct ward_buf *b, size_t count)
{
    PUT_HEAD(b, cbor_encode_array_start(count, to, 9));
}

void ward_put_bool(struct ward_buf *b, bool v)
{
    PUT_HEAD(b, cbor_encode_bool(v, to, 9));
}

void ward_put_null(struct ward_buf *b)
{
    PUT_HEAD(b, cbor_encode_null(to, 9));
}

void ward_put_value(struct ward_buf *b, const struct ward_value *v)
{
    switch (v->type) {
    case WARD_NULL:
        ward_put_null(b);
        break;
    case WARD_BOOL:
        ward_put_bool(b, v->boolean);
        break;
    case WARD_INT:
        ward_put_int(b, v->integer);
        break;
    case WARD_TEXT:
        ward_put_text(b, (const char *)v->p, v->len);
        break;
    case WARD_BYTES:
        ward_put_bytes(b, v->p, v->len);
        break;
    case WARD_ARRAY:
        ward_buf_add(b, v->p, v->len);
        break;
    }
}
