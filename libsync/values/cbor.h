/* cbor.h - the one cursor over bytes from outside, and the one writer. Deterministic CBOR as proto/README.md narrows RFC 8949.
 *
 * Heads are taken apart by libcbor's streaming decoder; this file adds the bounds, the canonical form and the narrowing, so no other
 * file does arithmetic on received bytes. A cursor fails once and stays failed: code tells why, and every later call returns false.
 */
#ifndef WARD_CBOR_H
#define WARD_CBOR_H

#include "base/buf.h"
#include "wardsync.h"

struct ward_cbor {
    const uint8_t *p;
    size_t len, pos;
    int code;   /* WARD_OK or the first failure */
    bool known; /* set by who reads again what was checked when it came in: texts are not gone through once more */
};

void ward_cbor_init(struct ward_cbor *c, const void *p, size_t len);
/* Each reads one item of the named kind; false on failure. Pointers are into the cursor's bytes. */
bool ward_cbor_uint(struct ward_cbor *c, uint64_t *out, uint64_t max); /* WARD_ERR_RANGE above max */
bool ward_cbor_array(struct ward_cbor *c, size_t *count);
bool ward_cbor_array_exact(struct ward_cbor *c, size_t count); /* WARD_ERR_TYPE if it has another length */
bool ward_cbor_bytes(struct ward_cbor *c, const uint8_t **p, size_t *len);
bool ward_cbor_bytes_exact(struct ward_cbor *c, const uint8_t **p, size_t len); /* WARD_ERR_TYPE if it has another length */
bool ward_cbor_hash(struct ward_cbor *c, struct ward_hash *out);                /* bytes of just a hash's length */
bool ward_cbor_text(struct ward_cbor *c, const uint8_t **p, size_t *len);
bool ward_cbor_bool(struct ward_cbor *c, bool *out);
/* Any value of proto/change.md, arrays nested at most WARD_NESTING_MAX deep; a value's bytes are raw/raw_len. */
bool ward_cbor_value(struct ward_cbor *c, struct ward_value *out, const uint8_t **raw, size_t *raw_len);
/* The kind of the next item without taking it: WARD_INT for integers; false at the end or on a forbidden item. */
bool ward_cbor_peek(struct ward_cbor *c, enum ward_type *type);
bool ward_cbor_at_end(const struct ward_cbor *c);
bool ward_cbor_end(struct ward_cbor *c);                        /* WARD_ERR_TRAILING if bytes are left */
bool ward_cbor_fail(struct ward_cbor *c, int code);             /* false */
bool ward_cbor_check(struct ward_cbor *c, bool fine, int code); /* fine; where it is not, the cursor fails */

void ward_put_uint(struct ward_buf *b, uint64_t v);
void ward_put_int(struct ward_buf *b, int64_t v);
void ward_put_bytes(struct ward_buf *b, const void *p, size_t len);
void ward_put_text(struct ward_buf *b, const char *p, size_t len);
void ward_put_text_head(struct ward_buf *b, size_t len); /* of a text whose bytes are added next */
void ward_put_array(struct ward_buf *b, size_t count);
void ward_put_bool(struct ward_buf *b, bool v);
void ward_put_null(struct ward_buf *b);
void ward_put_value(struct ward_buf *b, const struct ward_value *v); /* arrays: as encoded already */

#endif
