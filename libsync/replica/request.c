#include "replica/request.h"
#include "base/err.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/hash.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* ---- the request */

void ward_request_hash(struct ward_hash *out, const struct ward_hash *ward, const struct ward_asker *a)
{
    uint8_t bytes[512];
    struct ward_buf b = {.p = bytes, .cap = sizeof bytes}; /* 4 x 34 + WARD_NAME_MAX + 5 fit */
    ward_put_array(&b, 6);
    ward_put_bytes(&b, ward->b, 32);
    ward_put_uint(&b, a->by_grant);
    ward_put_bytes(&b, a->from, 32);
    ward_put_text(&b, a->name, a->name_len);
    ward_put_bytes(&b, a->sign_pk, 32);
    ward_put_bytes(&b, a->link_pk, 32);
    ward_hash_once(out, "wardsync request", b.p, b.len);
}

void ward_request_write(struct ward_buf *out, const struct ward_hash *ward, const struct ward_asker *a, const struct ward_sign_key *own,
                        const struct ward_sign_key *voucher)
{
    struct ward_hash h;
    uint8_t signature[64], vouched[64];
    ward_request_hash(&h, ward, a);
    crypto_sign_detached(signature, NULL, h.b, sizeof h.b, own->sk);
    crypto_sign_detached(vouched, NULL, h.b, sizeof h.b, voucher->sk);
    ward_frame_begin(out, WARD_MSG_REQUEST, 8);
    ward_put_bytes(out, ward->b, 32);
    ward_put_uint(out, a->by_grant);
    ward_put_bytes(out, a->from, 32);
    ward_put_text(out, a->name, a->name_len);
    ward_put_bytes(out, a->sign_pk, 32);
    ward_put_bytes(out, a->link_pk, 32);
    ward_put_bytes(out, signature, sizeof signature);
    ward_put_bytes(out, vouched, sizeof vouched);
}

int ward_request_check(ward_replica *r, const struct ward_message *m, struct ward_asker *out, struct ward_error *err)
{
    struct ward_asker a = {.by_grant = m->request.by_grant, .name = m->text, .name_len = m->text_len};
    struct ward_hash h, from;
    uint8_t voucher[32];
    if (memcmp(m->request.ward, r->ward.b, 32) != 0)
        return ward_fail(err, WARD_ERR_SESSION_WARD, "the request is for another ward");
    memcpy(a.from, m->request.from, 32);
    memcpy(a.sign_pk, m->request.sign_pk, 32);
    memcpy(a.link_pk, m->request.link_pk, 32);
    memcpy(from.b, a.from, 32);
    if (a.by_grant) {
        const struct ward_grant *g = ward_directory_grant(&r->dir, &from);
        if (!g || g->role == WARD_ROLE_ROOT)
            return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "the grant that the request follows");
        memcpy(voucher, g->sign_pk, 32);
    } else {
        int rc = ward_invitation_sign_pk(r, a.from, voucher, err);
        if (rc)
            return rc;
    }
    ward_request_hash(&h, &r->ward, &a);
    if (crypto_sign_verify_detached(m->request.signature, h.b, sizeof h.b, a.sign_pk) != 0 ||
        crypto_sign_verify_detached(m->request.voucher, h.b, sizeof h.b, voucher) != 0)
        return ward_fail(err, WARD_ERR_REQUEST, "a signature does not hold");
    *out = a;
    return WARD_OK;
}

/* ---- what was asked: a file of the home alone, for no other program */

static void path_of(char out[WARD_HOME_PATH], const char *home, const char *name)
{
    ward_home_path(out, home, name);
}

static bool parse(struct ward_asked *a, const void *p, size_t len)
{
    struct ward_cbor c;
    uint64_t version, by;
    const uint8_t *ward, *from, *hub, *text;
    size_t hub_len, text_len, count;
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array_exact(&c, 6) || !ward_cbor_uint(&c, &version, 1) || version != 1 || !ward_cbor_bytes_exact(&c, &ward, 32) ||
        !ward_cbor_uint(&c, &by, 1) || !ward_cbor_bytes_exact(&c, &from, 32) || !ward_cbor_bytes(&c, &hub, &hub_len) ||
        (hub_len && hub_len != 32) || !ward_cbor_array(&c, &count) || count > WARD_HUB_ADDRESSES_MAX)
        return false;
    *a = (struct ward_asked){.by_grant = by == 1, .has_hub = hub_len == 32, .address_count = count};
    memcpy(a->ward.b, ward, 32);
    memcpy(a->from, from, 32);
    if (hub_len)
        memcpy(a->hub_key, hub, 32);
    for (size_t i = 0; i < count; i++) {
        if (!ward_cbor_text(&c, &text, &text_len) || text_len > WARD_ADDRESS_MAX)
            return false;
        memcpy(a->addresses[i], text, text_len);
    }
    return ward_cbor_end(&c);
}

int ward_asked_read(struct ward_asked *out, const char *home, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    uint8_t bytes[1024];
    size_t len;
    path_of(path, home, WARD_ASKED);
    int rc = ward_file_read_secret(path, bytes, sizeof bytes, &len, err);
    if (rc == WARD_ERR_KEY_MISSING)
        return ward_fail(err, WARD_ERR_NOT_ASKED, "%s", home);
    if (!rc && !parse(out, bytes, len))
        rc = ward_fail(err, WARD_ERR_KEY_FILE, "%s", path);
    return rc;
}

static int write_asked(const struct ward_asked *a, const struct ward_env *env, const char *home, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    struct ward_buf b;
    path_of(path, home, WARD_ASKED);
    ward_buf_init(&b, env);
    ward_put_array(&b, 6);
    ward_put_uint(&b, 1);
    ward_put_bytes(&b, a->ward.b, 32);
    ward_put_uint(&b, a->by_grant);
    ward_put_bytes(&b, a->from, 32);
    ward_put_bytes(&b, a->hub_key, a->has_hub ? 32 : 0);
    ward_put_array(&b, a->address_count);
    for (size_t i = 0; i < a->address_count; i++)
        ward_put_text(&b, a->addresses[i], strlen(a->addresses[i]));
    int rc = ward_buf_status(&b) ? ward_fail(err, WARD_ERR_MEMORY, "request") : ward_file_write(path, b.p, b.len, 0600, err);
    ward_buf_free(&b);
    return rc;
}

void ward_asked_of(struct ward_asked *out, const struct ward_invitation *v)
{
    *out = (struct ward_asked){.ward = v->ward, .has_hub = true, .address_count = v->address_count};
    memcpy(out->from, v->link_pk, 32);
    memcpy(out->hub_key, v->hub_link_pk, 32);
    memcpy(out->addresses, v->addresses, sizeof out->addresses);
}

int ward_asked_keys(struct ward_keys *keys, const struct ward_asked *a, const struct ward_env *env, const char *home, bool made,
                    const char *passphrase, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    struct ward_asked before;
    path_of(path, home, made ? WARD_NEXT_KEY : WARD_DEVICE_KEY);
    int rc = ward_asked_read(&before, home, err);
    if (rc && rc != WARD_ERR_NOT_ASKED && rc != WARD_ERR_KEY_FILE) /* what cannot be read now is not gone: keys may hang on it */
        return rc;
    bool same = !rc && before.by_grant == a->by_grant && memcmp(before.from, a->from, 32) == 0;
    bool unused = rc == WARD_ERR_NOT_ASKED && !made; /* nobody was asked yet, or it was done by a program that left no note */
    if ((same || unused) && ward_file_exists(path)) {
        rc = ward_keys_load_with(keys, path, passphrase, err);
    } else {
        rc = ward_keys_generate(keys, env, err);
        if (!rc)
            rc = ward_keys_save(keys, env, path, passphrase, err);
    }
    return rc ? rc : write_asked(a, env, home, err); /* after the keys: these are for this request and no other */
}

int ward_asked_forget(const char *home, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    path_of(path, home, WARD_ASKED);
    return ward_file_delete(path, err);
}

size_t ward_asked_notes(const struct ward_asked *a, struct ward_home_note out[4])
{
    size_t n = 0;
    if (!a->by_grant)
        out[n++] = (struct ward_home_note){"invitation", a->from, 32};
    if (a->has_hub)
        out[n++] = (struct ward_home_note){"hub_key", a->hub_key, 32};
    if (a->address_count) /* until the ward's own list has arrived */
        out[n++] = (struct ward_home_note){"hub_addresses", a->addresses, a->address_count * sizeof a->addresses[0]};
    return n;
}

int ward_home_passphrase(const char *home, const struct ward_options *options, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    static const struct ward_options look = {.read_only = true};
    char path[WARD_HOME_PATH];
    struct ward_keys *k = ward_keys_new();
    path_of(path, home, WARD_DEVICE_KEY);
    out[0] = 0;
    int rc = k ? ward_keys_load(k, path, &look, err) : ward_fail(err, WARD_ERR_MEMORY, "keys");
    if (!rc && k->locked) {
        rc = options && options->passphrase ? options->passphrase(options->passphrase_ctx, out, err)
                                            : ward_fail(err, WARD_ERR_PASSPHRASE_NEEDED, "none was given");
        if (!rc)
            rc = ward_keys_load_with(k, path, out, err);
    }
    ward_keys_free(k);
    return rc;
}
