/* schema.h - the application's kinds beside the core's own, and what a value must be to be written. */
#ifndef WARD_SCHEMA_H
#define WARD_SCHEMA_H

#include "wardsync.h"

/* Fields of the core kinds (proto/authority.md). */
enum {
    WARD_GRANT_BODY = WARD_FIELD(WARD_OPEN, 1),
    WARD_GRANT_NAME = WARD_FIELD(WARD_OPEN, 2),
    WARD_GRANT_CUT = WARD_FIELD(WARD_OPEN, 3),
    WARD_GRANT_INVITATION = WARD_FIELD(WARD_OPEN, 4),
    WARD_GRANT_RETIRED = WARD_FIELD(WARD_OPEN, 5),
    WARD_GRANT_FOLLOWS = WARD_FIELD(WARD_OPEN, 6),
    WARD_GRANT_ASKED = WARD_FIELD(WARD_OPEN, 7),
    WARD_INVITE_LINK = WARD_FIELD(WARD_OPEN, 1),
    WARD_INVITE_UNIT = WARD_FIELD(WARD_OPEN, 2),
    WARD_INVITE_ROLE = WARD_FIELD(WARD_OPEN, 3),
    WARD_INVITE_EXPIRES = WARD_FIELD(WARD_OPEN, 4),
    WARD_INVITE_USED = WARD_FIELD(WARD_OPEN, 5),
    WARD_INVITE_SIGN = WARD_FIELD(WARD_OPEN, 6),
    WARD_INVITE_FOLLOWS = WARD_FIELD(WARD_OPEN, 7),
    WARD_INVITE_NAME = WARD_FIELD(WARD_OPEN, 8),
    WARD_INVITE_WITHDRAWN = WARD_FIELD(WARD_OPEN, 9),
    WARD_REASON_TEXT = WARD_FIELD(WARD_OPEN, 1),
    WARD_REASON_ENTITY = WARD_FIELD(WARD_OPEN, 2),
    WARD_REASON_KIND = WARD_FIELD(WARD_OPEN, 3),
    WARD_REASON_FIELD = WARD_FIELD(WARD_OPEN, 4),
    WARD_REASON_KEY = WARD_FIELD(WARD_OPEN, 5),
    WARD_WARD_NAME = WARD_FIELD(WARD_OPEN, 1),
    WARD_WARD_HUBS = WARD_FIELD(WARD_MEMBER, 2),
    WARD_ASIDE_RELEASED = WARD_FIELD(WARD_MEMBER, 1),
    WARD_FLOOR_HEADS = WARD_FIELD(WARD_OPEN, 1),
    WARD_FLOOR_CLOSED = WARD_FIELD(WARD_OPEN, 2),
    WARD_FLOOR_LEFT = WARD_FIELD(WARD_MEMBER, 3)
};

extern const struct ward_schema ward_core_schema;

/* Core kinds first, then the application's; NULL if unknown. app may be NULL. */
const struct ward_kind_def *ward_schema_kind(const struct ward_schema *app, uint32_t number);
const struct ward_field_def *ward_kind_field(const struct ward_kind_def *kind, uint32_t number);
/* Numbers and names in range and unique, types that fit the class. WARD_ERR_ARGUMENT with the place. */
int ward_schema_check(const struct ward_schema *app, struct ward_error *err);
/* Type, length, UTF-8, key. WARD_ERR_VALUE, WARD_ERR_UTF8, WARD_ERR_LIMIT_VALUE, WARD_ERR_LIMIT_KEY. */
int ward_field_accepts(const struct ward_field_def *field, const void *key, size_t key_len, const struct ward_value *v,
                       struct ward_error *err);

#endif
