/* Key files and recovery sheets. As the input stands: an open file that is read is written to the same bytes. And a sealed one, bent, its
 * check put right again: it opens with its passphrase and no other while not a byte of it differs, and asks for no more memory or time than
 * is allowed. The first byte chooses. */
#include "shell/keyfile.h"
#include "fuzz.h"
#include "shape.h"
#include "values/cbor.h"
#include "values/hash.h"

#define CHECK_BYTES 8

static int same_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    memset(out, 5, len);
    return 0;
}

static int64_t no_clock(void *ctx)
{
    (void)ctx;
    return 0;
}

static const struct ward_env env = {.alloc = fuzz_alloc, .wall_ms = no_clock, .mono_ms = no_clock, .random = same_random};
static const struct ward_kdf cheap = {1, WARD_KDF_KIB_MIN};
static const char passphrase[] = "correct horse";
static struct ward_keys keys;

static int read_twice(struct ward_keys *k, const void *p, size_t len)
{
    struct ward_keys again = {.locked = false};
    struct ward_error err = {0};
    memset(k, 0, sizeof *k);
    int rc = ward_keyfile_read(k, p, len, &err);
    CHECK(rc == WARD_OK || ((rc == WARD_ERR_KEY_FILE || rc == WARD_ERR_VERSION) && err.code == rc));
    CHECK(ward_keyfile_read(&again, p, len, &err) == rc);
    CHECK(rc || (again.locked == k->locked && memcmp(again.sign.pk, k->sign.pk, 32) == 0));
    return rc;
}

static void as_it_stands(const uint8_t *p, size_t len)
{
    struct ward_keys k;
    struct ward_buf out;
    ward_buf_init(&out, &env);
    if (read_twice(&k, p, len) == WARD_OK && !k.locked) {
        ward_keyfile_write(&out, &k);
        CHECK(fuzz_same(out.p, out.len, p, len));
    }
    ward_buf_free(&out);
}

/* What a sealed file says it costs to open; nothing where it is none. */
static uint64_t cost_of(const uint8_t *p, size_t len)
{
    struct ward_cbor c;
    struct ward_value v;
    const uint8_t *raw;
    size_t n;
    uint64_t passes = 0, kib = 0;
    ward_cbor_init(&c, p, len);
    bool fine = ward_cbor_array(&c, &n);
    for (size_t i = 0; fine && i < 4; i++)
        fine = ward_cbor_value(&c, &v, &raw, &n);
    return fine && ward_cbor_uint(&c, &passes, UINT32_MAX) && ward_cbor_uint(&c, &kib, UINT32_MAX) ? passes * kib : 0;
}

static void sealed(struct fuzz_input *in)
{
    uint8_t how = fuzz_byte(in), bytes[2 * WARD_KEY_FILE_MAX];
    struct ward_keys k;
    struct ward_buf file;
    struct ward_hash check;
    ward_buf_init(&file, &env);
    CHECK(ward_keyfile_seal(&file, &keys, how & 1, &cheap, passphrase, NULL) == WARD_OK && file.len < WARD_KEY_FILE_MAX);
    size_t len = file.len;
    memcpy(bytes, file.p, len);
    for (unsigned edits = how >> 1 & 3; edits > 0; edits--)
        len = shape_bend(bytes, len, WARD_KEY_FILE_MAX, in);
    if (!(how & 8) && len > CHECK_BYTES) {
        ward_hash_once(&check, "wardsync keyfile", bytes, len - CHECK_BYTES - 1);
        memcpy(bytes + len - CHECK_BYTES, check.b, CHECK_BYTES);
    }
    bool same = fuzz_same(bytes, len, file.p, file.len);
    int rc = read_twice(&k, bytes, len);
    CHECK(!same || (rc == WARD_OK && k.locked));
    if (rc == WARD_OK && k.locked)
        CHECK(cost_of(bytes, len) <= (uint64_t)WARD_KDF_PASSES_MAX * WARD_KDF_KIB_MAX);
    if (rc == WARD_OK && k.locked && cost_of(bytes, len) <= 64) {
        rc = ward_keyfile_unseal(&k, bytes, len, how & 16 ? "another horse" : passphrase, NULL);
        CHECK((rc == WARD_OK) == (same && !(how & 16)));
        CHECK(rc == WARD_OK || rc == WARD_ERR_PASSPHRASE || rc == WARD_ERR_KEY_FILE);
        CHECK(rc || memcmp(k.seed, keys.seed, 32) == 0);
    }
    ward_buf_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    CHECK(ward_crypto_start(NULL) == WARD_OK);
    if (!keys.seed[0])
        CHECK(ward_keys_generate(&keys, &env, NULL) == WARD_OK);
    if (fuzz_byte(&in) & 1)
        sealed(&in);
    else
        as_it_stands(in.p, in.len);
    return 0;
}
