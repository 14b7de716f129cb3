#include "shell/keys.h"
#include "base/buf.h"
#include "base/err.h"
#include "shell/keyfile.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <sodium.h>
#include <string.h>

struct ward_keys *ward_keys_new(void)
{
    struct ward_keys *k = sodium_malloc(sizeof *k);
    if (k)
        sodium_memzero(k, sizeof *k);
    return k;
}

void ward_keys_free(struct ward_keys *k)
{
    sodium_free(k); /* wipes */
}

void ward_keys_set(struct ward_keys *k, const uint8_t seed[32], const uint8_t *link_sk)
{
    sodium_memzero(k, sizeof *k);
    memcpy(k->seed, seed, 32);
    ward_sign_key_from_seed(&k->sign, k->seed);
    if (!link_sk)
        return;
    memcpy(k->link_sk, link_sk, 32);
    crypto_scalarmult_base(k->link_pk, k->link_sk);
}

int ward_keys_generate(struct ward_keys *k, const struct ward_env *env, struct ward_error *err)
{
    uint8_t secret[64];
    if (env->random(env->ctx, secret, 32) || env->random(env->ctx, secret + 32, 32))
        return ward_fail(err, WARD_ERR_RANDOM, "keys");
    ward_keys_set(k, secret, secret + 32);
    sodium_memzero(secret, sizeof secret);
    return WARD_OK;
}

/* Asks for the passphrase and tries it. */
static int unlock(struct ward_keys *k, const void *p, size_t len, const struct ward_options *options, struct ward_error *err)
{
    char passphrase[WARD_PASSPHRASE_MAX] = "";
    int rc = options && options->passphrase ? options->passphrase(options->passphrase_ctx, passphrase, err)
                                            : ward_fail(err, WARD_ERR_PASSPHRASE_NEEDED, "none was given");
    if (!rc)
        rc = ward_keyfile_unseal(k, p, len, passphrase, err);
    sodium_memzero(passphrase, sizeof passphrase);
    return rc;
}

int ward_keys_load(struct ward_keys *k, const char *path, const struct ward_options *options, struct ward_error *err)
{
    uint8_t bytes[WARD_KEY_FILE_MAX];
    size_t len;
    int rc = ward_file_read_secret(path, bytes, sizeof bytes, &len, err);
    if (rc)
        return rc;
    rc = ward_keyfile_read(k, bytes, len, err);
    if (!rc && k->locked && !(options && options->read_only))
        rc = unlock(k, bytes, len, options, err);
    sodium_memzero(bytes, sizeof bytes);
    return rc ? ward_at(err, rc, "%s", path) : WARD_OK;
}

int ward_keys_save(const struct ward_keys *k, const struct ward_env *env, const char *path, const char *passphrase, struct ward_error *err)
{
    struct ward_buf b;
    int rc = WARD_OK;
    ward_buf_init(&b, env);
    if (passphrase)
        rc = ward_keyfile_seal(&b, k, true, &WARD_KDF_KEY_FILE, passphrase, err);
    else
        ward_keyfile_write(&b, k);
    if (!rc)
        rc = ward_buf_status(&b) ? ward_fail(err, WARD_ERR_MEMORY, "keys") : ward_file_write(path, b.p, b.len, 0600, err);
    if (b.p)
        sodium_memzero(b.p, b.cap);
    ward_buf_free(&b);
    return rc;
}

int ward_keys_check(const struct ward_keys *k, struct ward_error *err)
{
    return k->locked ? ward_fail(err, WARD_ERR_PASSPHRASE_NEEDED, "the replica was opened to read only") : WARD_OK;
}

int ward_crypto_start(struct ward_error *err)
{
    /* The base point, y = 4/5, and what CVE-2025-69277 let through: the same with a point of order 2 added, (-x, -y). */
    uint8_t base[32], mixed[32];
    if (sodium_init() < 0)
        return ward_fail(err, WARD_ERR_INTERNAL, "libsodium");
    memset(base, 0x66, sizeof base);
    base[0] = 0x58;
    memset(mixed, 0x99, sizeof mixed);
    mixed[0] = 0x95;
    if (ward_sign_pk_valid(mixed))
        return ward_fail(err, WARD_ERR_INTERNAL, "libsodium accepts keys outside the prime-order subgroup");
    return ward_sign_pk_valid(base) ? WARD_OK : ward_fail(err, WARD_ERR_INTERNAL, "libsodium refuses good keys");
}
