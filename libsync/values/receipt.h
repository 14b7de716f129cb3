/* receipt.h - what a hub seals of the feeds that it holds durably: COSE_Sign1 over [ward, grant, wall_ms, heads]. proto/receipt.md. */
#ifndef WARD_RECEIPT_H
#define WARD_RECEIPT_H

#include "base/limits.h"
#include "values/seal.h"

#define WARD_AAD_RECEIPT "wardsync/receipt/1"

struct ward_receipt_head {
    struct ward_hash feed;
    uint64_t seq;
    struct ward_hash hash;
};
struct ward_receipt {
    struct ward_hash ward, grant;                           /* the signer's */
    int64_t wall_ms;                                        /* its clock */
    struct ward_receipt_head heads[WARD_RECEIPT_HEADS_MAX]; /* ascending by feed */
    size_t count;
    uint8_t sig[WARD_SEAL_BYTES];
};

/* Sorts heads by feed: what is signed has one form. */
void ward_receipt_sort(struct ward_receipt *r);
/* The list alone, as it stands within what is signed; and back: WARD_ERR_2xx, WARD_ERR_ORDER. */
void ward_receipt_write_heads(struct ward_buf *out, const struct ward_receipt *r);
int ward_receipt_read_heads(struct ward_receipt *r, const void *p, size_t len);
/* scratch is cleared. WARD_ERR_MEMORY. */
int ward_receipt_sign(struct ward_receipt *r, const struct ward_sign_key *key, struct ward_buf *scratch);
int ward_receipt_check(const struct ward_receipt *r, const uint8_t pk[32], struct ward_buf *scratch); /* WARD_ERR_RECEIPT_SEAL */
/* As it stands alone: tag 18, protected header, payload, signature; and back, strictly: WARD_ERR_2xx. */
void ward_receipt_export(struct ward_buf *out, const struct ward_receipt *r, struct ward_buf *scratch);
int ward_receipt_import(struct ward_receipt *r, const void *p, size_t len);

#endif
