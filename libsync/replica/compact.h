/* compact.h - floors are proposed, closed when every device holds what they settle, and then what they settle leaves the log. */
#ifndef WARD_COMPACT_H
#define WARD_COMPACT_H

#include "replica/replica.h"

/* Closes what every device in force is now known to hold. For a hub that serves; nothing where this device may not. */
int ward_compact_close(ward_replica *r, struct ward_compact_result *out, struct ward_error *err);
/* What is settled leaves the log, and is told in out's `dropped`. */
int ward_compact_let_go(ward_replica *r, struct ward_compact_result *out, struct ward_error *err);

#endif
