#include "shell/keys.h"
#include "base/buf.h"
#include "base/err.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/feed.h"

#include <sodium.h>
#include <string.h>

#define KEY_FILE_MAX 512

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

static void derive(struct ward_keys *k)
{
    ward_sign_key_from_seed(&k->sign, k->seed);
    crypto_scalarmult_base(k->link_pk, k->link_sk);
}

int ward_keys_generate(struct ward_keys *k, const struct ward_env *env, struct ward_error *err)
{
    if (env->random(env->ctx, k->seed, sizeof k->seed) || env->random(env->ctx, k->link_sk, sizeof k->link_sk))
        return ward_fail(err, WARD_ERR_RANDOM, "keys");
    derive(k);
    return WARD_OK;
}

int ward_keys_load(struct ward_keys *k, const char *path, struct ward_error *err)
{
    uint8_t bytes[KEY_FILE_MAX];
    size_t len;
    struct ward_cbor c;
    uint64_t version;
    const uint8_t *seed, *link_sk;
    int rc = ward_file_read_secret(path, bytes, sizeof bytes, &len, err);
    if (rc)
        return rc;
    ward_cbor_init(&c, bytes, len);
    if (ward_cbor_array_exact(&c, 3) && ward_cbor_uint(&c, &version, 1) && ward_cbor_bytes_exact(&c, &seed, 32) &&
        ward_cbor_bytes_exact(&c, &link_sk, 32) && ward_cbor_end(&c)) {
        memcpy(k->seed, seed, 32);
        memcpy(k->link_sk, link_sk, 32);
        derive(k);
    } else {
        rc = ward_fail(err, WARD_ERR_KEY_FILE, "%s", path);
    }
    sodium_memzero(bytes, sizeof bytes);
    return rc;
}

int ward_keys_save(const struct ward_keys *k, const struct ward_env *env, const char *path, struct ward_error *err)
{
    struct ward_buf b;
    ward_buf_init(&b, env);
    ward_put_array(&b, 3);
    ward_put_uint(&b, WARD_FORMAT);
    ward_put_bytes(&b, k->seed, 32);
    ward_put_bytes(&b, k->link_sk, 32);
    int rc = ward_buf_status(&b) ? ward_fail(err, WARD_ERR_MEMORY, "keys") : ward_file_write(path, b.p, b.len, 0600, err);
    if (b.p)
        sodium_memzero(b.p, b.cap);
    ward_buf_free(&b);
    return rc;
}

int ward_crypto_start(struct ward_error *err)
{
    /* A point of order 8 * L, as CVE-2025-69277 let through: base point + a point of order 2 (0, -1). */
    uint8_t base[32], torsion[32], mixed[32];
    static const uint8_t one[32] = {1};
    if (sodium_init() < 0)
        return ward_fail(err, WARD_ERR_INTERNAL, "libsodium");
    crypto_scalarmult_ed25519_base_noclamp(base, one);
    memset(torsion, 0xff, sizeof torsion);
    torsion[0] = 0xec;
    torsion[31] = 0x7f; /* y = -1 */
    if (crypto_core_ed25519_add(mixed, base, torsion) == 0 && ward_sign_pk_valid(mixed))
        return ward_fail(err, WARD_ERR_INTERNAL, "libsodium accepts keys outside the prime-order subgroup");
    return ward_sign_pk_valid(base) ? WARD_OK : ward_fail(err, WARD_ERR_INTERNAL, "libsodium refuses good keys");
}
