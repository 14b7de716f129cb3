#include "values/receipt.h"
#include "values/cbor.h"
#include "values/feed.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t cose_head[] = {0xd2, 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0}; /* tag 18, array of 4, {1: -8} in bytes, {} */

static int by_feed(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_receipt_head *)a)->feed, &((const struct ward_receipt_head *)b)->feed);
}

void ward_receipt_sort(struct ward_receipt *r)
{
    qsort(r->heads, r->count, sizeof r->heads[0], by_feed);
}

void ward_receipt_write_heads(struct ward_buf *out, const struct ward_receipt *r)
{
    assert(r->count <= WARD_RECEIPT_HEADS_MAX);
    ward_put_array(out, r->count);
    for (size_t i = 0; i < r->count; i++) {
        ward_put_array(out, 3);
        ward_put_bytes(out, r->heads[i].feed.b, WARD_HASH_BYTES);
        ward_put_uint(out, r->heads[i].seq);
        ward_put_bytes(out, r->heads[i].hash.b, WARD_HASH_BYTES);
    }
}

static bool read_heads(struct ward_cbor *c, struct ward_receipt *r)
{
    size_t count;
    if (!ward_cbor_array(c, &count))
        return false;
    if (count == 0 || count > WARD_RECEIPT_HEADS_MAX)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    for (size_t i = 0; i < count; i++) {
        struct ward_receipt_head *h = &r->heads[i];
        if (!ward_cbor_array_exact(c, 3) || !ward_cbor_hash(c, &h->feed) || !ward_cbor_uint(c, &h->seq, INT64_MAX))
            return false;
        if (h->seq == 0)
            return ward_cbor_fail(c, WARD_ERR_RANGE);
        if (!ward_cbor_hash(c, &h->hash))
            return false;
        if (i && by_feed(&r->heads[i - 1], h) >= 0)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
    }
    r->count = count;
    return true;
}

int ward_receipt_read_heads(struct ward_receipt *r, const void *p, size_t len)
{
    struct ward_cbor c;
    ward_cbor_init(&c, p, len);
    return read_heads(&c, r) && ward_cbor_end(&c) ? WARD_OK : c.code;
}

static void write_payload(struct ward_buf *out, const struct ward_receipt *r)
{
    ward_put_array(out, 4);
    ward_put_bytes(out, r->ward.b, WARD_HASH_BYTES);
    ward_put_bytes(out, r->grant.b, WARD_HASH_BYTES);
    ward_put_uint(out, (uint64_t)r->wall_ms);
    ward_receipt_write_heads(out, r);
}

/* RFC 9052 section 4.4: ["Signature1", protected, external_aad, payload]. */
static int sig_structure(struct ward_buf *out, const struct ward_receipt *r)
{
    struct ward_buf payload;
    ward_buf_init(&payload, out->env);
    write_payload(&payload, r);
    ward_buf_clear(out);
    ward_buf_add(out, "\x84\x6aSignature1\x43\xa1\x01\x27", 16);
    ward_put_bytes(out, WARD_AAD_RECEIPT, strlen(WARD_AAD_RECEIPT));
    ward_put_bytes(out, payload.p, payload.len);
    int rc = ward_buf_status(&payload);
    ward_buf_free(&payload);
    return rc ? rc : ward_buf_status(out);
}

int ward_receipt_sign(struct ward_receipt *r, const struct ward_sign_key *key, struct ward_buf *scratch)
{
    int rc = sig_structure(scratch, r);
    if (!rc)
        crypto_sign_detached(r->sig, NULL, scratch->p, scratch->len, key->sk);
    return rc;
}

int ward_receipt_check(const struct ward_receipt *r, const uint8_t pk[32], struct ward_buf *scratch)
{
    int rc = sig_structure(scratch, r);
    if (rc)
        return rc;
    return crypto_sign_verify_detached(r->sig, scratch->p, scratch->len, pk) ? WARD_ERR_RECEIPT_SEAL : WARD_OK;
}

void ward_receipt_export(struct ward_buf *out, const struct ward_receipt *r, struct ward_buf *scratch)
{
    ward_buf_clear(scratch);
    write_payload(scratch, r);
    out->failed |= scratch->failed;
    ward_buf_add(out, cose_head, sizeof cose_head);
    ward_put_bytes(out, scratch->p, scratch->len);
    ward_put_bytes(out, r->sig, sizeof r->sig);
}

static bool read_payload(struct ward_cbor *c, struct ward_receipt *r)
{
    uint64_t wall;
    if (!ward_cbor_array_exact(c, 4) || !ward_cbor_hash(c, &r->ward) || !ward_cbor_hash(c, &r->grant) ||
        !ward_cbor_uint(c, &wall, WARD_WALL_MS_MAX))
        return false;
    r->wall_ms = (int64_t)wall;
    return read_heads(c, r) && ward_cbor_end(c);
}

int ward_receipt_import(struct ward_receipt *r, const void *p, size_t len)
{
    struct ward_cbor c, inner;
    const uint8_t *payload, *sig;
    size_t payload_len;
    size_t given = len < sizeof cose_head ? len : sizeof cose_head;
    if (memcmp(p, cose_head, given) != 0)
        return WARD_ERR_TYPE;
    if (len < sizeof cose_head)
        return WARD_ERR_TRUNCATED;
    ward_cbor_init(&c, (const uint8_t *)p + sizeof cose_head, len - sizeof cose_head);
    if (!ward_cbor_bytes(&c, &payload, &payload_len) || !ward_cbor_bytes_exact(&c, &sig, WARD_SEAL_BYTES) || !ward_cbor_end(&c))
        return c.code;
    memcpy(r->sig, sig, WARD_SEAL_BYTES);
    ward_cbor_init(&inner, payload, payload_len);
    return read_payload(&inner, r) ? WARD_OK : inner.code;
}
