/* hash.h - H(tag, data) of proto/README.md: BLAKE2b-256, each use with a tag of its own. */
#ifndef WARD_HASH_H
#define WARD_HASH_H

#include "wardsync.h"

#include <sodium.h>

typedef crypto_generichash_state ward_hasher;

/* tag: at most 16 characters, padded with zero bytes. */
void ward_hash_begin(ward_hasher *h, const char *tag);
void ward_hash_add(ward_hasher *h, const void *p, size_t len);
void ward_hash_end(ward_hasher *h, struct ward_hash *out);
void ward_hash_once(struct ward_hash *out, const char *tag, const void *p, size_t len);

#endif
