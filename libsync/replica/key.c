/* key.c - the key files of a home: whether they are sealed, and with which passphrase. proto/keyfile.md. */
#include "base/err.h"
#include "replica/identity.h"
#include "shell/keyfile.h"
#include "shell/platform.h"
#include "values/text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"root.key", WARD_NEXT_KEY, WARD_DEVICE_KEY}; /* in the order in which they are written */
#define FILES (sizeof names / sizeof names[0])

static void path_of(char out[640], const char *home, const char *name)
{
    snprintf(out, 640, "%s/%s", home, name);
}

struct known {
    const char *passphrase;
};

static int give(void *ctx, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    const struct known *k = ctx;
    size_t len = strlen(k->passphrase);
    if (len >= WARD_PASSPHRASE_MAX)
        return ward_fail(err, WARD_ERR_ARGUMENT, "passphrase: at most %d bytes", WARD_PASSPHRASE_MAX - 1);
    memcpy(out, k->passphrase, len + 1);
    return WARD_OK;
}

int ward_keys_load_with(struct ward_keys *k, const char *path, const char *passphrase, struct ward_error *err)
{
    struct known known = {passphrase};
    const struct ward_options options = {.passphrase = passphrase ? give : NULL, .passphrase_ctx = &known};
    return ward_keys_load(k, path, &options, err);
}

/* ---- the state */

static int state_of(const char *home, const char *name, struct ward_keys *k, struct ward_error *err)
{
    const struct ward_options look = {.read_only = true};
    char path[640];
    path_of(path, home, name);
    return ward_keys_load(k, path, &look, err);
}

int ward_key_state(const char *home, struct ward_key_state *out, struct ward_error *err)
{
    struct ward_key_state s = {0};
    struct ward_keys *k;
    int rc = ward_crypto_start(err);
    if (rc)
        return rc;
    ward_process_harden();
    if (!ward_dir_exists(home))
        return ward_fail(err, WARD_ERR_HOME_MISSING, "%s", home);
    k = ward_keys_new();
    if (!k)
        return ward_fail(err, WARD_ERR_MEMORY, "keys");
    rc = state_of(home, "device.key", k, err);
    s.device_sealed = k->locked;
    if (!rc) {
        k->locked = false;
        rc = state_of(home, "root.key", k, err);
        s.root_here = rc != WARD_ERR_KEY_MISSING;
        s.root_sealed = k->locked;
        rc = rc == WARD_ERR_KEY_MISSING ? WARD_OK : rc;
    }
    ward_keys_free(k);
    if (!rc)
        *out = s;
    return rc;
}

/* ---- sealing */

/* What was sealed with `now` already, before an earlier call broke off, is as good. */
static int load_either(struct ward_keys *k, const char *path, const char *before, const char *now, struct ward_error *err)
{
    int rc = ward_keys_load_with(k, path, before, err);
    bool other = now && (rc == WARD_ERR_PASSPHRASE || rc == WARD_ERR_PASSPHRASE_NEEDED);
    return other && ward_keys_load_with(k, path, now, NULL) == WARD_OK ? WARD_OK : rc;
}

/* All files are opened before the first is written: a wrong passphrase changes nothing. */
static int seal_all(const char *home, struct ward_keys *keys[FILES], const char *before, const char *now, const struct ward_env *env,
                    struct ward_error *err)
{
    char path[640];
    bool there[FILES];
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < FILES; i++) {
        path_of(path, home, names[i]);
        there[i] = i + 1 == FILES || ward_file_exists(path); /* the device's must be there */
        rc = there[i] ? load_either(keys[i], path, before, now, err) : WARD_OK;
    }
    for (size_t i = 0; !rc && i < FILES; i++) {
        path_of(path, home, names[i]);
        rc = there[i] ? ward_keys_save(keys[i], env, path, now, err) : WARD_OK;
        if (!rc)
            ward_file_sweep(path);
    }
    return rc;
}

int ward_key_passphrase(const char *home, const char *before, const char *now, const struct ward_options *options, struct ward_error *err)
{
    const struct ward_env *env = options && options->env ? options->env : ward_platform_env();
    struct ward_key_state s;
    char path[640];
    int rc = ward_key_state(home, &s, err);
    if (rc)
        return rc;
    path_of(path, home, "replica.db");
    if (!ward_file_exists(path)) /* joining would write its key anew, open */
        return ward_fail(err, WARD_ERR_NOT_A_REPLICA, "%s: joining has not ended yet", home);
    if (!now && !s.device_sealed && !s.root_sealed)
        return ward_fail(err, WARD_ERR_NOTHING, "the key files have no passphrase");
    struct ward_keys *keys[FILES] = {ward_keys_new(), ward_keys_new(), ward_keys_new()};
    rc = keys[0] && keys[1] && keys[2] ? seal_all(home, keys, before, now, env, err) : ward_fail(err, WARD_ERR_MEMORY, "keys");
    for (size_t i = 0; i < FILES; i++)
        ward_keys_free(keys[i]);
    return rc;
}

int ward_passphrase_read(const char *path, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    uint8_t bytes[WARD_PASSPHRASE_MAX + 2]; /* a line end may follow */
    size_t len;
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = ward_file_read_secret(path, bytes, sizeof bytes, &len, err);
    if (rc == WARD_ERR_KEY_MISSING)
        return ward_fail(err, WARD_ERR_PASSPHRASE_NEEDED, "%s is not there", path);
    if (rc == WARD_ERR_KEY_FILE)
        return ward_fail(err, WARD_ERR_ARGUMENT, "%s: a passphrase has at most %d bytes", path, WARD_PASSPHRASE_MAX - 1);
    if (rc)
        return rc;
    size_t n = 0;
    while (n < len && bytes[n] != '\n' && bytes[n] != '\r')
        n++;
    if (n >= WARD_PASSPHRASE_MAX)
        rc = ward_fail(err, WARD_ERR_ARGUMENT, "%s: a passphrase has at most %d bytes", path, WARD_PASSPHRASE_MAX - 1);
    else if (!ward_text_valid(bytes, n))
        rc = ward_fail(err, WARD_ERR_UTF8, "%s", path);
    if (!rc) {
        memcpy(out, bytes, n);
        out[n] = 0;
    }
    sodium_memzero(bytes, sizeof bytes);
    return rc;
}
