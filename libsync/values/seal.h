/* seal.h - one signature that covers a feed up to a seq: COSE_Sign1 (RFC 9052) with EdDSA. proto/seal.md. */
#ifndef WARD_SEAL_H
#define WARD_SEAL_H

#include "base/buf.h"
#include "wardsync.h"

#define WARD_SEAL_BYTES   64
#define WARD_AAD_SEAL     "wardsync/seal/1"
#define WARD_AAD_BUNDLE   "wardsync/bundle/1"
#define WARD_AAD_SNAPSHOT "wardsync/snapshot/1"

struct ward_sign_key {
    uint8_t pk[32];
    uint8_t sk[64]; /* derived from the seed at load: never stored, so its halves cannot disagree */
};
void ward_sign_key_from_seed(struct ward_sign_key *key, const uint8_t seed[32]);

void ward_seal_make(uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *feed, uint64_t seq, const struct ward_hash *hash,
                    const struct ward_sign_key *key);
bool ward_seal_check(const uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *feed, uint64_t seq, const struct ward_hash *hash,
                     const uint8_t pk[32]);
/* A bundle's trailer: the same structure over [grant, hash, count]. */
void ward_seal_make_bundle(uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *grant, const struct ward_hash *hash, uint64_t count,
                           const struct ward_sign_key *key);
bool ward_seal_check_bundle(const uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *grant, const struct ward_hash *hash, uint64_t count,
                            const uint8_t pk[32]);
/* A snapshot's: the same over [grant, hash, parts]. */
void ward_seal_make_snapshot(uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *grant, const struct ward_hash *hash, uint64_t parts,
                             const struct ward_sign_key *key);
bool ward_seal_check_snapshot(const uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *grant, const struct ward_hash *hash,
                              uint64_t parts, const uint8_t pk[32]);
/* The seal as it stands alone: tag 18, protected header, payload, signature. */
void ward_seal_export(struct ward_buf *out, const uint8_t sig[WARD_SEAL_BYTES], const struct ward_hash *feed, uint64_t seq,
                      const struct ward_hash *hash);
/* A key fit to sign: on the curve, in the prime-order subgroup, not of small order. */
bool ward_sign_pk_valid(const uint8_t pk[32]);

#endif
