/* grant.h - a device of a ward that no invitation made: its grant, as an operator writes it. */
#ifndef WARD_TEST_GRANT_H
#define WARD_TEST_GRANT_H

#include "base/buf.h"
#include "rules/authority.h"
#include "shell/keys.h"
#include "wardsync.h"

#include <string.h>

/* What the keys say of it; unit and id are left to others. */
static inline struct ward_grant grant_of_keys(const struct ward_keys *keys, enum ward_role role)
{
    struct ward_grant g = {.role = role};
    memcpy(g.sign_pk, keys->sign.pk, sizeof g.sign_pk);
    memcpy(g.link_pk, keys->link_pk, sizeof g.link_pk);
    return g;
}

/* Puts it into the ward space, by that name, and gives it its id; its bytes stay in body. */
static inline int grant_put(ward_txn *t, const struct ward_hash *ward_space, struct ward_grant *g, const char *device,
                            struct ward_buf *body, struct ward_error *err)
{
    struct ward_id entity;
    ward_buf_clear(body);
    ward_grant_write(body, g);
    int rc = ward_buf_status(body) ? WARD_ERR_MEMORY : ward_grant_parse(g, body->p, body->len, err);
    if (rc)
        return rc;
    ward_grant_entity(&entity, &g->id);
    struct ward_value bytes = ward_value_bytes(body->p, body->len), name = ward_value_text(device);
    rc = ward_put(t, ward_space, WARD_KIND_GRANT, &entity, WARD_GRANT_BODY, NULL, 0, &bytes, err);
    return rc ? rc : ward_put(t, ward_space, WARD_KIND_GRANT, &entity, WARD_GRANT_NAME, NULL, 0, &name, err);
}

#endif
