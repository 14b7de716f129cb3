/* keys.h - a device's secrets: the signing seed and the link key, in one file of mode 0600. */
#ifndef WARD_KEYS_H
#define WARD_KEYS_H

#include "values/seal.h"
#include "wardsync.h"

struct ward_keys {
    uint8_t seed[32]; /* Ed25519; the pair is derived at load */
    struct ward_sign_key sign;
    uint8_t link_sk[32], link_pk[32];
};

/* In locked memory where the system grants it; wiped by ward_keys_free. NULL without memory. */
struct ward_keys *ward_keys_new(void);
void ward_keys_free(struct ward_keys *k);
int ward_keys_generate(struct ward_keys *k, const struct ward_env *env, struct ward_error *err);
/* WARD_ERR_KEY_MODE, WARD_ERR_KEY_FILE, WARD_ERR_KEY_MISSING. */
int ward_keys_load(struct ward_keys *k, const char *path, struct ward_error *err);
int ward_keys_save(const struct ward_keys *k, const struct ward_env *env, const char *path, struct ward_error *err);
/* libsodium ready and its checks of keys sound (a key of mixed order must be refused). WARD_ERR_INTERNAL. */
int ward_crypto_start(struct ward_error *err);

#endif
