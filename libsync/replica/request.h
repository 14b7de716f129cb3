/* request.h - a request for a grant: made by the device that asks, checked by who may answer. proto/admission.md. */
#ifndef WARD_REQUEST_H
#define WARD_REQUEST_H

#include "replica/identity.h"
#include "replica/invite.h"
#include "rules/frame.h"

/* By what a grant is asked for. */
struct ward_asker {
    bool by_grant;    /* whose keys are to be replaced; else by an invitation */
    uint8_t from[32]; /* the grant's id, or the invitation's link key */
    const void *name; /* of the device; name_len at most WARD_NAME_MAX */
    size_t name_len;
    uint8_t sign_pk[32], link_pk[32]; /* the new keys */
    bool person;                      /* somebody has looked at the request, and agrees */
    bool complete; /* what was written under the grant to be followed is held here: a cut of that may lie where it is held */
};

/* What both signatures are over. */
void ward_request_hash(struct ward_hash *out, const struct ward_hash *ward, const struct ward_asker *a);
/* The frame: signed by the new keys, and by the key that vouches for them (the invitation's, or that of the grant to be followed). */
void ward_request_write(struct ward_buf *out, const struct ward_hash *ward, const struct ward_asker *a, const struct ward_sign_key *own,
                        const struct ward_sign_key *voucher);
/* Both signatures hold, and it is this ward's. m: a frame of type WARD_MSG_REQUEST. WARD_ERR_SESSION_WARD, WARD_ERR_REQUEST,
 * WARD_ERR_INVITE_UNKNOWN, WARD_ERR_GRANT_UNKNOWN. */
int ward_request_check(ward_replica *r, const struct ward_message *m, struct ward_asker *out, struct ward_error *err);

/* What a home has asked for, kept in it until the answer has come. */
struct ward_asked {
    struct ward_hash ward;
    bool by_grant;
    uint8_t from[32];
    bool has_hub;
    uint8_t hub_key[32];
    char addresses[WARD_HUB_ADDRESSES_MAX][WARD_ADDRESS_MAX + 1];
    size_t address_count;
};
int ward_asked_read(struct ward_asked *out, const char *home, struct ward_error *err); /* WARD_ERR_NOT_ASKED */
void ward_asked_of(struct ward_asked *out, const struct ward_invitation *v);
/* The keys to ask with: those of an earlier try for the same, or new ones. made: the home is a replica already, which keeps its keys
 * meanwhile. passphrase: what the file is, or will be, sealed with; NULL: open. */
int ward_asked_keys(struct ward_keys *keys, const struct ward_asked *a, const struct ward_env *env, const char *home, bool made,
                    const char *passphrase, struct ward_error *err);
/* The answer has been taken. */
int ward_asked_forget(const char *home, struct ward_error *err);

/* The passphrase that the home's key file is sealed with, asked once and tried; out empty: it is open. WARD_ERR_PASSPHRASE. The caller
 * wipes out. */
int ward_home_passphrase(const char *home, const struct ward_options *options, char out[WARD_PASSPHRASE_MAX], struct ward_error *err);
/* What joining notes in the home beside the grant: at most 4 rows, pointing into their sources. */
size_t ward_asked_notes(const struct ward_asked *a, struct ward_home_note out[4]);

#endif
