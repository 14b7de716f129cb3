/* authority.h - grants and cuts as they are noted, beside what the changes of the ward space say. */
#ifndef WARD_REPLICA_AUTHORITY_H
#define WARD_REPLICA_AUTHORITY_H

#include "replica/apply.h"

/* Notes all of them anew from the log. *changed: something had been noted wrongly, or not at all. WARD_ERR_CORRUPT: the log itself cannot
 * be read. What that changes of feeds' limits is replayed at the end of the transaction. Rows move. */
int ward_authority_renew(struct ward_apply *a, bool *changed, struct ward_error *err);

#endif
