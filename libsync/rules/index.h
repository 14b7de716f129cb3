/* index.h - under which keys a record stands in the indexes of its schema, so that it is found without reading the others.
 *
 * A key is the columns one after another, each so that keys compare as their values do, byte by byte:
 *   nothing    01
 *   boolean    02, 00 or 01
 *   integer    03, eight bytes, the greatest first, the sign bit inverted
 *   text       04, the text, 00; a run of digits in it as 30, how many without leading zeros, these, how many leading zeros
 *   bytes      05, the bytes, 00
 * A zero byte within bytes is 00 FF; a text holds none. So II.2 comes before II.10, and a key that begins with the columns sought is an
 * answer.
 */
#ifndef WARD_INDEX_H
#define WARD_INDEX_H

#include "base/buf.h"
#include "rules/slot.h"
#include "wardsync.h"

#define WARD_INDEX_BYTES 200 /* of a text or of bytes; what is longer is told apart no further */

struct ward_index_entry {
    uint32_t index; /* in the schema's list */
    const uint8_t *key;
    size_t len;
};
struct ward_index_entries {
    struct ward_index_entry *v; /* ascending by (index, key), each once */
    size_t count;
};

/* Of a record of a kind; none if it is not shown. In the arena. WARD_ERR_MEMORY. */
int ward_index_entries(struct ward_index_entries *out, const struct ward_schema *schema, const struct ward_kind_def *kind,
                       const struct ward_state *s, const struct ward_authors *authors, struct ward_arena *arena);
/* <0, 0, >0: as two entries stand in the table. */
int ward_index_compare(const struct ward_index_entry *a, const struct ward_index_entry *b);

void ward_index_put(struct ward_buf *key, const struct ward_value *v);
/* A text without its end: all texts that begin with it begin so, whole numbers taken as such. */
void ward_index_put_prefix(struct ward_buf *key, const char *text, size_t len);
/* The next column at *at; text and bytes into `into`, which has room for WARD_INDEX_ROOM bytes. False where there is none, or it is none.
 */
bool ward_index_next(const uint8_t *key, size_t len, size_t *at, struct ward_value *out, struct ward_buf *into);
#define WARD_INDEX_ROOM ((size_t)WARD_INDEX_COLUMNS * 2 * WARD_INDEX_BYTES)

#endif
