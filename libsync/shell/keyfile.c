#include "shell/keyfile.h"
#include "base/err.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/hash.h"
#include "values/text.h"

#include <sodium.h>
#include <string.h>

#define SEALED      2u /* the version of a sealed file */
#define ARGON2ID    1u
#define KEY_BYTES   crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define CHECK_BYTES 8u
#define CHARS_MIN   8u /* of a new passphrase */

/* The salt is new whenever a file is sealed, so each key seals one message and the nonce needs not vary. */
static const uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];

/* A sealed file taken apart; pointers are into its bytes. */
struct sealed {
    const uint8_t *sign_pk, *link_pk; /* link_pk NULL: a sheet */
    struct ward_kdf kdf;
    const uint8_t *salt;
    size_t head_len; /* of what stands before the box */
    const uint8_t *box;
    size_t box_len;
};

static void check_of(uint8_t out[CHECK_BYTES], const void *p, size_t len)
{
    struct ward_hash h;
    ward_hash_once(&h, "wardsync keyfile", p, len);
    memcpy(out, h.b, CHECK_BYTES);
}

/* ---- from passphrase to key */

static size_t characters(const uint8_t *p, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += (p[i] & 0xc0) != 0x80;
    return n;
}

/* One spelling (NFC): what a keyboard sends for "ậ" differs between systems, and a sheet is typed in on another one years later. */
static int stretch(uint8_t key[KEY_BYTES], const char *passphrase, const struct ward_kdf *kdf, const uint8_t salt[WARD_SALT_BYTES],
                   size_t chars_min, struct ward_error *err)
{
    struct ward_nfc text;
    size_t len = strlen(passphrase);
    int rc = WARD_OK;
    if (len >= WARD_PASSPHRASE_MAX)
        rc = ward_fail(err, WARD_ERR_ARGUMENT, "passphrase: at most %d bytes", WARD_PASSPHRASE_MAX - 1);
    else if (!ward_text_nfc(&text, (const uint8_t *)passphrase, len))
        rc = ward_fail(err, WARD_ERR_UTF8, "passphrase");
    else if (characters(text.p, text.len) < chars_min)
        rc = ward_fail(err, WARD_ERR_PASSPHRASE_SHORT, "%zu of %zu", characters(text.p, text.len), chars_min);
    else if (crypto_pwhash(key, KEY_BYTES, (const char *)text.p, text.len, salt, kdf->passes, (size_t)kdf->kib * 1024,
                           crypto_pwhash_ALG_ARGON2ID13))
        rc = ward_fail(err, WARD_ERR_MEMORY, "Argon2id over %u MiB", (unsigned)(kdf->kib / 1024));
    sodium_memzero(&text, sizeof text);
    return rc;
}

/* ---- writing */

void ward_keyfile_write(struct ward_buf *out, const struct ward_keys *k)
{
    ward_buf_room(out, WARD_KEY_FILE_MAX); /* so that growing leaves no copy behind */
    ward_put_array(out, 3);
    ward_put_uint(out, WARD_FORMAT);
    ward_put_bytes(out, k->seed, 32);
    ward_put_bytes(out, k->link_sk, 32);
}

static void write_head(struct ward_buf *out, const struct ward_keys *k, bool full, const struct ward_kdf *kdf,
                       const uint8_t salt[WARD_SALT_BYTES])
{
    ward_buf_room(out, WARD_KEY_FILE_MAX);
    ward_put_array(out, 9);
    ward_put_uint(out, SEALED);
    ward_put_bytes(out, k->sign.pk, 32);
    if (full)
        ward_put_bytes(out, k->link_pk, 32);
    else
        ward_put_null(out);
    ward_put_uint(out, ARGON2ID);
    ward_put_uint(out, kdf->passes);
    ward_put_uint(out, kdf->kib);
    ward_put_bytes(out, salt, WARD_SALT_BYTES);
}

int ward_keyfile_seal(struct ward_buf *out, const struct ward_keys *k, bool full, const struct ward_kdf *kdf, const char *passphrase,
                      struct ward_error *err)
{
    uint8_t salt[WARD_SALT_BYTES], key[KEY_BYTES], secret[64], box[64 + TAG_BYTES], check[CHECK_BYTES];
    size_t len = full ? 64 : 32;
    if (out->env->random(out->env->ctx, salt, sizeof salt))
        return ward_fail(err, WARD_ERR_RANDOM, "key file");
    int rc = stretch(key, passphrase, kdf, salt, CHARS_MIN, err);
    if (rc)
        return rc;
    memcpy(secret, k->seed, 32);
    memcpy(secret + 32, k->link_sk, 32);
    write_head(out, k, full, kdf, salt);
    if (!ward_buf_status(out))
        crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, secret, len, out->p, out->len, NULL, nonce, key);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(key, sizeof key);
    if (ward_buf_status(out)) /* then box holds nothing */
        return ward_fail(err, WARD_ERR_MEMORY, "key file");
    ward_put_bytes(out, box, len + TAG_BYTES);
    if (!ward_buf_status(out))
        check_of(check, out->p, out->len);
    ward_put_bytes(out, check, CHECK_BYTES);
    return ward_buf_status(out) ? ward_fail(err, WARD_ERR_MEMORY, "key file") : WARD_OK;
}

/* ---- reading */

static int damaged(struct ward_error *err, const char *what)
{
    return ward_fail(err, WARD_ERR_KEY_FILE, "%s", what);
}

static bool take_link(struct ward_cbor *c, struct sealed *s)
{
    enum ward_type type;
    struct ward_value null;
    const uint8_t *raw;
    size_t len;
    s->link_pk = NULL;
    if (ward_cbor_peek(c, &type) && type == WARD_NULL)
        return ward_cbor_value(c, &null, &raw, &len);
    return ward_cbor_bytes_exact(c, &s->link_pk, 32);
}

static int take_apart(struct sealed *s, struct ward_cbor *c, const uint8_t *p, struct ward_error *err)
{
    uint64_t kdf = 0, passes = 0, kib = 0;
    const uint8_t *check;
    uint8_t expected[CHECK_BYTES];
    bool fine = ward_cbor_bytes_exact(c, &s->sign_pk, 32) && take_link(c, s) && ward_cbor_uint(c, &kdf, UINT32_MAX);
    if (fine && kdf != ARGON2ID)
        return ward_fail(err, WARD_ERR_VERSION, "key file: sealed in a way (%u) that is not known here", (unsigned)kdf);
    fine = fine && ward_cbor_uint(c, &passes, UINT32_MAX) && ward_cbor_uint(c, &kib, UINT32_MAX) &&
           ward_cbor_bytes_exact(c, &s->salt, WARD_SALT_BYTES);
    s->head_len = c->pos;
    s->box_len = (s->link_pk ? 64 : 32) + TAG_BYTES;
    fine = fine && ward_cbor_bytes_exact(c, &s->box, s->box_len);
    size_t checked = c->pos;
    if (!fine || !ward_cbor_bytes_exact(c, &check, CHECK_BYTES) || !ward_cbor_end(c))
        return damaged(err, "not a key file");
    check_of(expected, p, checked);
    if (memcmp(check, expected, CHECK_BYTES) != 0)
        return damaged(err, "it was altered");
    if (passes < 1 || passes > WARD_KDF_PASSES_MAX || kib < WARD_KDF_KIB_MIN || kib > WARD_KDF_KIB_MAX)
        return damaged(err, "opening it would take more time or memory than is allowed");
    s->kdf = (struct ward_kdf){(uint32_t)passes, (uint32_t)kib};
    return WARD_OK;
}

static int read_open(struct ward_keys *k, struct ward_cbor *c, struct ward_error *err)
{
    const uint8_t *seed, *link_sk;
    if (!ward_cbor_bytes_exact(c, &seed, 32) || !ward_cbor_bytes_exact(c, &link_sk, 32) || !ward_cbor_end(c))
        return damaged(err, "not a key file");
    ward_keys_set(k, seed, link_sk);
    return WARD_OK;
}

static int read_file(struct ward_keys *k, struct sealed *s, const void *p, size_t len, struct ward_error *err)
{
    struct ward_cbor c;
    size_t members;
    uint64_t version;
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array(&c, &members) || !ward_cbor_uint(&c, &version, UINT32_MAX))
        return damaged(err, "not a key file");
    if (version != WARD_FORMAT && version != SEALED)
        return ward_fail(err, WARD_ERR_VERSION, "key file of version %u", (unsigned)version);
    if (members != (version == SEALED ? 9 : 3))
        return damaged(err, "not a key file");
    if (version == WARD_FORMAT)
        return read_open(k, &c, err);
    int rc = take_apart(s, &c, p, err);
    if (rc)
        return rc;
    memcpy(k->sign.pk, s->sign_pk, 32);
    if (s->link_pk)
        memcpy(k->link_pk, s->link_pk, 32);
    k->locked = true;
    return WARD_OK;
}

int ward_keyfile_read(struct ward_keys *k, const void *p, size_t len, struct ward_error *err)
{
    struct sealed s;
    return read_file(k, &s, p, len, err);
}

static int open_box(struct ward_keys *k, const struct sealed *s, const void *p, const uint8_t key[KEY_BYTES], struct ward_error *err)
{
    uint8_t secret[64] = {0};
    int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(secret, NULL, NULL, s->box, s->box_len, p, s->head_len, nonce, key)
                 ? ward_fail(err, WARD_ERR_PASSPHRASE, "nothing was changed")
                 : WARD_OK;
    if (!rc)
        ward_keys_set(k, secret, s->link_pk ? secret + 32 : NULL);
    sodium_memzero(secret, sizeof secret);
    /* Whoever sealed it knew the passphrase; still, a public half that is not this secret's is refused. */
    if (!rc && (memcmp(k->sign.pk, s->sign_pk, 32) != 0 || (s->link_pk && memcmp(k->link_pk, s->link_pk, 32) != 0)))
        return damaged(err, "its public and secret keys do not belong together");
    return rc;
}

int ward_keyfile_unseal(struct ward_keys *k, const void *p, size_t len, const char *passphrase, struct ward_error *err)
{
    struct sealed s = {.salt = NULL}; /* stays so where the file is open */
    uint8_t key[KEY_BYTES];
    int rc = read_file(k, &s, p, len, err);
    if (rc || !s.salt)
        return rc;
    rc = stretch(key, passphrase, &s.kdf, s.salt, 0, err);
    if (!rc)
        rc = open_box(k, &s, p, key, err);
    sodium_memzero(key, sizeof key);
    return rc;
}
