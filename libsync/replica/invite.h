/* invite.h - the invitation code and both ends of joining. proto/authority.md, proto/session.md. */
#ifndef WARD_INVITE_H
#define WARD_INVITE_H

#include "base/limits.h"
#include "replica/replica.h"
#include "rules/frame.h"

struct ward_invitation {
    struct ward_hash ward;
    uint8_t hub_link_pk[32];
    uint8_t link_sk[32], link_pk[32]; /* derived from the secret */
    char addresses[WARD_HUB_ADDRESSES_MAX][WARD_ADDRESS_MAX + 1];
    size_t address_count;
};

/* WARD_ERR_INVITE_MANGLED, WARD_ERR_VERSION. The secret itself is not kept. */
int ward_invitation_parse(struct ward_invitation *out, const char *code, struct ward_error *err);
/* An open invitation with this key: known, not used up. WARD_ERR_INVITE_UNKNOWN. */
int ward_invitation_known(ward_replica *r, const uint8_t link_pk[32], struct ward_error *err);
/* The hub's side of one join message: writes grant, name and use, and builds the answer. The same keys again get the same answer. */
int ward_invitation_accept(ward_replica *r, const uint8_t link_pk[32], const struct ward_message *join, struct ward_buf *answer,
                           struct ward_hash *grant, struct ward_error *err);
/* What the joining device signs. */
void ward_join_hash(struct ward_hash *out, const struct ward_hash *ward, const uint8_t invite_pk[32], const void *name, size_t name_len,
                    const uint8_t sign_pk[32], const uint8_t link_pk[32]);

#endif
