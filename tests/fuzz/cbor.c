/* The cursor: what it takes is what an obvious reader of the narrowed CBOR of proto/README.md takes, and written anew it gives the same
 * bytes; what it refuses it goes on refusing. */
#include "values/cbor.h"
#include "base/limits.h"
#include "fuzz.h"
#include "values/text.h"

/* The length of the item at p, 0 if there is none that the pages of proto/ allow. */
static size_t obvious(const uint8_t *p, size_t len, unsigned depth)
{
    if (len == 0)
        return 0;
    unsigned major = p[0] >> 5, info = p[0] & 31;
    if (major == 7)
        return info == 20 || info == 21 || info == 22;
    size_t width = info < 24 ? 0 : info == 24 ? 1 : info == 25 ? 2 : info == 26 ? 4 : info == 27 ? 8 : SIZE_MAX;
    if (width == SIZE_MAX || len < 1 + width || major > 4)
        return 0;
    uint64_t n = width ? 0 : info;
    for (size_t i = 0; i < width; i++)
        n = n << 8 | p[1 + i];
    static const uint64_t least[] = {0, 24, 256, 0, 65536, 0, 0, 0, 4294967296};
    size_t at = 1 + width;
    if (n < least[width])
        return 0;
    if (major < 2)
        return n <= INT64_MAX ? at : 0;
    if (n > len - at)
        return 0;
    if (major < 4)
        return major == 2 || ward_text_valid(p + at, (size_t)n) ? at + (size_t)n : 0;
    for (uint64_t i = 0; i < n; i++) {
        size_t member = depth < WARD_NESTING_MAX ? obvious(p + at, len - at, depth + 1) : 0;
        if (member == 0)
            return 0;
        at += member;
    }
    return depth < WARD_NESTING_MAX ? at : 0;
}

static void write_again(struct ward_cbor *c, struct ward_buf *out)
{
    enum ward_type type;
    struct ward_value v;
    const uint8_t *raw;
    size_t raw_len, members;
    CHECK(ward_cbor_peek(c, &type));
    if (type != WARD_ARRAY) {
        CHECK(ward_cbor_value(c, &v, &raw, &raw_len) && v.type == type);
        ward_put_value(out, &v);
        return;
    }
    CHECK(ward_cbor_array(c, &members));
    ward_put_array(out, members);
    while (members--)
        write_again(c, out);
}

/* The readers of one kind each agree with the reader of all. */
static void read_as_what_it_is(const struct ward_cbor *before, const struct ward_value *v, size_t end)
{
    struct ward_cbor c = *before;
    const uint8_t *p;
    size_t len;
    bool yes = false;
    uint64_t n;
    bool plain = v->type == WARD_BOOL || v->type == WARD_TEXT || v->type == WARD_BYTES || (v->type == WARD_INT && v->integer >= 0);
    bool read = v->type == WARD_BOOL    ? ward_cbor_bool(&c, &yes) && yes == v->boolean
                : v->type == WARD_TEXT  ? ward_cbor_text(&c, &p, &len) && fuzz_same(p, len, v->p, v->len)
                : v->type == WARD_BYTES ? ward_cbor_bytes(&c, &p, &len) && fuzz_same(p, len, v->p, v->len)
                : plain                 ? ward_cbor_uint(&c, &n, INT64_MAX) && n == (uint64_t)v->integer
                                        : false;
    CHECK(read == plain);
    CHECK(!plain || c.pos == end);
}

static void stays_failed(struct ward_cbor *c)
{
    uint64_t n;
    size_t count;
    int code = c->code;
    CHECK(code != WARD_OK);
    CHECK(!ward_cbor_uint(c, &n, UINT64_MAX) && !ward_cbor_array(c, &count) && !ward_cbor_end(c) && c->code == code);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_cbor c, again;
    struct ward_buf out;
    ward_cbor_init(&c, p, len);
    ward_buf_init(&out, &fuzz_env);
    while (!ward_cbor_at_end(&c)) {
        struct ward_cbor before = c;
        struct ward_value v;
        const uint8_t *raw;
        size_t raw_len, expected = obvious(p + c.pos, len - c.pos, 0);
        bool taken = ward_cbor_value(&c, &v, &raw, &raw_len);
        CHECK(taken == (expected > 0 && expected <= WARD_VALUE_MAX));
        if (!taken) {
            stays_failed(&c);
            break;
        }
        CHECK(raw == p + before.pos && raw_len == expected && c.pos == before.pos + expected);
        read_as_what_it_is(&before, &v, c.pos);
        ward_buf_clear(&out);
        again = before;
        write_again(&again, &out);
        CHECK(fuzz_same(out.p, out.len, raw, raw_len));
    }
    ward_buf_free(&out);
    return 0;
}
