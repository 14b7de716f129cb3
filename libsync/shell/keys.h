/* keys.h - a device's secrets: the signing seed and the link key, in one file of mode 0600, sealed with a passphrase or not. */
#ifndef WARD_KEYS_H
#define WARD_KEYS_H

#include "values/seal.h"
#include "wardsync.h"

struct ward_keys {
    bool locked;      /* only the public halves are held */
    uint8_t seed[32]; /* Ed25519; the pair is derived at load */
    struct ward_sign_key sign;
    uint8_t link_sk[32], link_pk[32];
};

/* In locked memory where the system grants it; wiped by ward_keys_free. NULL without memory. */
struct ward_keys *ward_keys_new(void);
void ward_keys_free(struct ward_keys *k);
int ward_keys_generate(struct ward_keys *k, const struct ward_env *env, struct ward_error *err);
/* From the secrets; link_sk NULL: no link key. */
void ward_keys_set(struct ward_keys *k, const uint8_t seed[32], const uint8_t *link_sk);
/* A sealed file asks options->passphrase, or stays locked where options are to read only. WARD_ERR_KEY_MODE, WARD_ERR_KEY_FILE,
 * WARD_ERR_KEY_MISSING, WARD_ERR_PASSPHRASE, WARD_ERR_PASSPHRASE_NEEDED. options may be NULL. */
int ward_keys_load(struct ward_keys *k, const char *path, const struct ward_options *options, struct ward_error *err);
/* passphrase NULL: open. */
int ward_keys_save(const struct ward_keys *k, const struct ward_env *env, const char *path, const char *passphrase, struct ward_error *err);
/* The same with a passphrase at hand, or NULL (key.c). */
int ward_keys_load_with(struct ward_keys *k, const char *path, const char *passphrase, struct ward_error *err);
/* The secrets are held, or WARD_ERR_PASSPHRASE_NEEDED. */
int ward_keys_check(const struct ward_keys *k, struct ward_error *err);
/* libsodium ready and its checks of keys sound (a key of mixed order must be refused). WARD_ERR_INTERNAL. */
int ward_crypto_start(struct ward_error *err);

#endif
