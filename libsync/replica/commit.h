/* commit.h - what the library itself may ask of a transaction beyond the public calls. */
#ifndef WARD_COMMIT_H
#define WARD_COMMIT_H

#include "replica/replica.h"

/* Written and sealed by the root key: founding and recovery only. keys must outlive the transaction. */
void ward_txn_as_root(ward_txn *t, const struct ward_keys *root);
/* The transaction settles the conflict at this slot, which must still have that many distinct values (WARD_ERR_STALE), none by a greater
 * rank than the writer's (WARD_ERR_NO_RIGHT). */
void ward_txn_settles(ward_txn *t, uint32_t kind, const struct ward_id *entity, uint32_t field, size_t distinct);
#endif
