/* invite.h - invitations: the code, the record, what a device signs that joins over a link. proto/authority.md, proto/session.md. */
#ifndef WARD_INVITE_H
#define WARD_INVITE_H

#include "base/limits.h"
#include "replica/replica.h"
#include "rules/frame.h"

struct ward_invitation {
    struct ward_hash ward;
    uint8_t hub_link_pk[32];
    uint8_t link_sk[32], link_pk[32]; /* derived from the secret */
    struct ward_sign_key sign;        /* as well: vouches for a request in a file */
    char addresses[WARD_HUB_ADDRESSES_MAX][WARD_ADDRESS_MAX + 1];
    size_t address_count;
};

/* WARD_ERR_INVITE_MANGLED, WARD_ERR_VERSION. The secret itself is not kept. */
int ward_invitation_parse(struct ward_invitation *out, const char *code, struct ward_error *err);

/* An invitation as the ward space holds it. */
struct ward_invitation_row {
    struct ward_id unit;
    enum ward_role role;
    int64_t expires_ms;
    bool used, withdrawn, follows_one, signs;
    struct ward_hash used_by, follows;
    uint8_t sign_pk[32];
    char name[WARD_NAME_MAX + 1]; /* of the device that is to come, or "" */
};
int ward_invitation_read(ward_replica *r, const uint8_t link_pk[32], struct ward_invitation_row *out, struct ward_error *err);
/* An invitation with this key is known, open or not. WARD_ERR_INVITE_UNKNOWN. */
int ward_invitation_known(ward_replica *r, const uint8_t link_pk[32], struct ward_error *err);
/* The key that vouches for requests by files. WARD_ERR_INVITE_UNKNOWN, also where it is of a time before there were any. */
int ward_invitation_sign_pk(ward_replica *r, const uint8_t link_pk[32], uint8_t out[32], struct ward_error *err);

/* The hub's side of one join message: writes grant, name and use, and builds the answer. The same keys again get the same answer. */
int ward_invitation_accept(ward_replica *r, const uint8_t link_pk[32], const struct ward_message *join, struct ward_buf *answer,
                           struct ward_hash *grant, struct ward_error *err);
/* What the joining device signs. */
void ward_join_hash(struct ward_hash *out, const struct ward_hash *ward, const uint8_t invite_pk[32], const void *name, size_t name_len,
                    const uint8_t sign_pk[32], const uint8_t link_pk[32]);

/* Refused tries of late, by invitation: whoever holds a code and asks on and on is not heard for a while. */
#define WARD_TRIES_KEPT 64u
struct ward_tries {
    struct {
        uint8_t link_pk[32];
        unsigned refused;
        int64_t since_ms;
    } v[WARD_TRIES_KEPT];
};
bool ward_tries_left(const struct ward_tries *t, const uint8_t link_pk[32], int64_t mono_ms);
void ward_tries_note(struct ward_tries *t, const uint8_t link_pk[32], int64_t mono_ms);

#endif
