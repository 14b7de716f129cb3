/* columns_table.h - which columns there are, and in what order; for columns_split.c and columns_join.c. proto/columns.md. */
#ifndef WARD_COLUMNS_TABLE_H
#define WARD_COLUMNS_TABLE_H

#include "wardsync.h"

#include <stdbool.h>
#include <stdint.h>

/* The columns of numbers, in the order in which they stand. After them: the words, each with a space behind it, and the bytes. */
enum column {
    WALL,
    DEPTH,
    DEPS,
    OPS,
    DEP_FEED,
    DEP_SEQ,
    RECORD,
    RECORD_TIME,
    RECORD_KIND,
    FIELD,
    FIELD_NUMBER,
    KEY,
    KEY_LENGTH,
    VALUE,
    FORM,
    NUMBER,
    WORD_COUNT,
    WORD,
    COLUMNS
};
enum form { NULL_, FALSE_, TRUE_, UNSIGNED, NEGATIVE, BYTES, TEXT, ENCODED, FORMS };

#define PLANES     10 /* of seven bits each: a number has 64 at most */
#define TIME_BYTES 6  /* an entity begins with the time it was made */
#define TIME_MASK  0xffffffffffffu

static inline bool has_key(uint64_t field)
{
    return field % 4 == WARD_MEMBER;
}

#endif
