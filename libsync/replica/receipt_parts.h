/* receipt_parts.h - what the files of receipts share, and nobody else needs. */
#ifndef WARD_REPLICA_RECEIPT_PARTS_H
#define WARD_REPLICA_RECEIPT_PARTS_H

#include "replica/receipt.h"

/* A hub or an operator whose grant has effect and is not cut. g may be NULL: no. */
bool ward_receipt_may_seal(const struct ward_directory *d, const struct ward_grant *g);

/* The newest by feed of one signer, or of all. */
struct ward_receipt_rows {
    ward_replica *r;
    const struct ward_hash *of; /* NULL: all */
    struct ward_store_receipted *v;
    size_t count, cap;
};

/* Reads them; of: NULL or the grant of one signer, which must outlive them. To be freed whether this fails or not. WARD_ERR_MEMORY, of the
 * store. */
int ward_receipt_rows_load(struct ward_receipt_rows *x, ward_replica *r, const struct ward_hash *of, struct ward_error *err);
void ward_receipt_rows_free(struct ward_receipt_rows *x);

#endif
