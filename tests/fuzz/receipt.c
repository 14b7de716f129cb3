/* A receipt as it stands alone: what reads says all that its bytes say, written anew it gives the same bytes; its heads alone read back to
 * the same; sealed it holds, and with one bit of what it says turned it holds no more. */
#include "values/receipt.h"
#include "fuzz.h"

#include <sodium.h>

static void check_heads(const struct ward_receipt *r)
{
    static struct ward_receipt again;
    struct ward_buf heads;
    ward_buf_init(&heads, &fuzz_env);
    ward_receipt_write_heads(&heads, r);
    CHECK(ward_receipt_read_heads(&again, heads.p, heads.len) == WARD_OK);
    CHECK(again.count == r->count && memcmp(again.heads, r->heads, r->count * sizeof r->heads[0]) == 0);
    ward_buf_free(&heads);
}

static void check_seal(struct ward_receipt *r, uint8_t bit)
{
    static const uint8_t seed[32] = {7};
    struct ward_sign_key key;
    struct ward_buf scratch;
    ward_sign_key_from_seed(&key, seed);
    ward_buf_init(&scratch, &fuzz_env);
    CHECK(ward_receipt_sign(r, &key, &scratch) == WARD_OK);
    CHECK(ward_receipt_check(r, key.pk, &scratch) == WARD_OK);
    r->heads[bit % r->count].hash.b[bit % 32] ^= (uint8_t)(1u << (bit % 8));
    CHECK(ward_receipt_check(r, key.pk, &scratch) == WARD_ERR_RECEIPT_SEAL);
    ward_buf_free(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    static struct ward_receipt r;
    struct ward_buf out, scratch;
    int rc = ward_receipt_import(&r, p, len);
    CHECK(rc == WARD_OK || (rc >= 200 && rc < 300));
    if (rc)
        return 0;
    CHECK(r.count >= 1 && r.count <= WARD_RECEIPT_HEADS_MAX && r.wall_ms >= 0);
    ward_buf_init(&out, &fuzz_env);
    ward_buf_init(&scratch, &fuzz_env);
    ward_receipt_export(&out, &r, &scratch);
    CHECK(fuzz_same(out.p, out.len, p, len));
    check_heads(&r);
    check_seal(&r, p[len - 1]);
    ward_buf_free(&out);
    ward_buf_free(&scratch);
    return 0;
}
