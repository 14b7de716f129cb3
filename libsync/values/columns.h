/* columns.h - the bodies of a run taken apart, each kind of thing in a column of its own, and put together again to the same bytes: like
 * stands beside like, and packs the better for it. proto/columns.md. */
#ifndef WARD_COLUMNS_H
#define WARD_COLUMNS_H

#include "base/buf.h"
#include "wardsync.h"

/* Columns that are alike in what they hold: times, other numbers, words by number, words, bytes. */
#define WARD_COLUMN_GROUPS 5

/* Takes `count` bodies apart; ends: where each group ends in out. What body the bytes are not: WARD_ERR_2xx, WARD_ERR_DEP_ORDER. */
int ward_columns_split(struct ward_buf *out, size_t ends[WARD_COLUMN_GROUPS], const void *bodies, size_t len, uint32_t count,
                       struct ward_error *err);
/* Columns from anyone, to `count` bodies, unchecked; within WARD_RUN_RAW_MAX, in time linear in what goes in and comes out.
 * WARD_ERR_CODEC, WARD_ERR_LIMIT_RUN. */
int ward_columns_join(struct ward_buf *out, const void *p, size_t len, uint32_t count, struct ward_error *err);

#endif
