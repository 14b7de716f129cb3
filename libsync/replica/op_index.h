/* op_index.h - which of the operations gathered so far writes a slot: a table over an array of theirs, so that a transaction of many rows
 * costs as much a row as one of few.
 */
#ifndef WARD_OP_INDEX_H
#define WARD_OP_INDEX_H

#include "values/change.h"

struct ward_env;

struct ward_op_index {
    const struct ward_env *env;
    uint32_t *at; /* numbers in the array, each + 1; 0: free */
    size_t count, cap;
};

/* The newest noted operation on the slot of `like`, by its number in ops; false: there is none. */
bool ward_op_index_find(const struct ward_op_index *x, const struct ward_op *ops, const struct ward_op *like, size_t *out);
/* ops[number] is the one for its slot from now on. The array may have moved, its slots not changed. WARD_ERR_MEMORY. */
int ward_op_index_note(struct ward_op_index *x, const struct ward_op *ops, size_t number);
void ward_op_index_free(struct ward_op_index *x);

#endif
