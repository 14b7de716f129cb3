/* join.c - a new device asks to be let in. proto/session.md, Joining. */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/invite.h"
#include "shell/link.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 15000
#define STEP_MS    100

struct joining {
    const struct ward_env *env;
    const struct ward_invitation *invitation;
    const struct ward_keys *keys;
    const char *name;
    int timeout_ms;
    uint8_t root_pk[32];
    struct ward_hash grant;
    uint8_t body[256];
    size_t body_len;
};

static int ask(struct joining *j, struct ward_link *link, ward_peer peer, struct ward_error *err)
{
    struct ward_buf b;
    struct ward_hash request;
    uint8_t sig[64];
    ward_join_hash(&request, &j->invitation->ward, j->invitation->link_pk, j->name, strlen(j->name), j->keys->sign.pk, j->keys->link_pk);
    crypto_sign_detached(sig, NULL, request.b, sizeof request.b, j->keys->sign.sk);
    ward_buf_init(&b, j->env);
    ward_frame_join(&b, j->name, j->keys->sign.pk, j->keys->link_pk, sig);
    int rc = ward_buf_status(&b) ? ward_fail(err, WARD_ERR_MEMORY, "join") : ward_link_send(link, peer, b.p, b.len, err);
    ward_buf_free(&b);
    return rc;
}

/* The answer must speak for the ward of the invitation and grant the very keys that asked. */
static int check_answer(struct joining *j, const struct ward_link_event *e, struct ward_error *err)
{
    struct ward_message m;
    struct ward_grant g;
    struct ward_hash ward;
    int rc = ward_frame_parse(&m, e->p, e->len, err);
    if (rc)
        return rc;
    if (m.type == WARD_MSG_ERROR)
        return ward_fail(err, (int)m.error, "the hub refused");
    if (m.type != WARD_MSG_JOINED)
        return ward_fail(err, WARD_ERR_PROTOCOL, "answer to join");
    ward_name_ward(&ward, m.joined.root_pk);
    if (ward_hash_compare(&ward, &j->invitation->ward) != 0)
        return ward_fail(err, WARD_ERR_SESSION_WARD, "the hub speaks for another ward");
    rc = ward_grant_parse(&g, m.joined.grant, m.joined.grant_len, err);
    if (rc)
        return rc;
    if (memcmp(g.sign_pk, j->keys->sign.pk, 32) != 0 || memcmp(g.link_pk, j->keys->link_pk, 32) != 0)
        return ward_fail(err, WARD_ERR_GRANT_BAD, "the grant is not for this device");
    memcpy(j->root_pk, m.joined.root_pk, 32);
    j->grant = g.id;
    j->body_len = m.joined.grant_len; /* a grant that parses is shorter than this */
    memcpy(j->body, m.joined.grant, j->body_len);
    return WARD_OK;
}

static int converse(struct joining *j, struct ward_link *link, ward_peer peer, const char *address, struct ward_error *err)
{
    int64_t since = j->env->mono_ms(j->env->ctx);
    for (;;) {
        struct ward_link_event e;
        bool got;
        int rc = ward_link_step(link, STEP_MS, -1, &e, &got, err);
        if (!rc && got && e.type == WARD_LINK_UP)
            rc = ask(j, link, peer, err);
        if (rc)
            return rc;
        if (got && e.type == WARD_LINK_FRAME)
            return check_answer(j, &e, err);
        if (got && e.type == WARD_LINK_DOWN)
            return ward_fail(err, e.code, "%s: %s", address, e.text);
        if (j->env->mono_ms(j->env->ctx) - since > j->timeout_ms)
            return ward_fail(err, WARD_ERR_NETWORK, "%s does not answer", address);
    }
}

static int one_try(struct joining *j, const char *address, struct ward_error *err)
{
    struct ward_link_options options = {.env = j->env};
    struct ward_link *link;
    ward_peer peer;
    memcpy(options.link_sk, j->invitation->link_sk, 32);
    int rc = ward_link_open(&link, &options, err);
    sodium_memzero(options.link_sk, sizeof options.link_sk);
    if (rc)
        return rc;
    rc = ward_link_connect(link, address, j->invitation->hub_link_pk, NULL, &peer, err);
    if (!rc)
        rc = converse(j, link, peer, address, err);
    ward_link_close(link);
    return rc;
}

static int at_address(struct joining *j, const char *address, struct ward_error *err)
{
    int rc = WARD_ERR_HANDSHAKE;
    for (unsigned i = 0; rc == WARD_ERR_HANDSHAKE && i < WARD_HANDSHAKE_TRIES; i++) /* as in sync.c */
        rc = one_try(j, address, err);
    return rc;
}

static int anywhere(struct joining *j, struct ward_error *err)
{
    int rc = ward_fail(err, WARD_ERR_NO_HUB, "the invitation names no address");
    for (size_t i = 0; i < j->invitation->address_count; i++) {
        rc = at_address(j, j->invitation->addresses[i], err);
        if (rc != WARD_ERR_NETWORK && rc != WARD_ERR_HANDSHAKE && rc != WARD_ERR_ADDRESS && rc != WARD_ERR_KEY_REFUSED)
            return rc;
    }
    if (rc == WARD_ERR_KEY_REFUSED) /* the key that knocked is the invitation's own */
        return ward_fail(err, WARD_ERR_INVITE_UNKNOWN, "the hub does not let this invitation in");
    return rc;
}

/* The keys are kept from the first try on, so that a join whose answer was lost can be repeated. */
static int keys_for(struct ward_keys *keys, const struct ward_env *env, const char *home, const struct ward_options *options,
                    struct ward_error *err)
{
    char path[640];
    snprintf(path, sizeof path, "%s/device.key", home);
    if (ward_file_exists(path))
        return ward_keys_load(keys, path, options, err);
    int rc = ward_keys_generate(keys, env, err);
    return rc ? rc : ward_keys_save(keys, env, path, NULL, err);
}

static int enrol(ward_replica **out, struct joining *j, struct ward_keys *keys, const char *home, const struct ward_options *options,
                 struct ward_error *err)
{
    const struct ward_invitation *v = j->invitation;
    int rc = keys_for(keys, j->env, home, options, err);
    if (!rc)
        rc = anywhere(j, err);
    if (rc)
        return rc;
    const struct ward_home_note notes[] = {
        {"grant_body", j->body, j->body_len},
        {"hub_key", v->hub_link_pk, 32},
        {"invitation", v->link_pk, 32},
        {"hub_addresses", v->addresses, v->address_count * sizeof v->addresses[0]}, /* until the ward's own list has arrived */
    };
    size_t count = sizeof notes / sizeof notes[0] - (v->address_count == 0); /* the addresses stand last */
    return ward_home_create_with(out, home, options, keys, &v->ward, j->root_pk, &j->grant, notes, count, err);
}

static int take_home(const char *home, const struct ward_options *options, struct ward_error *err)
{
    bool made;
    int rc = ward_home_is_free(home, options, err);
    if (!rc)
        rc = ward_dir_make(home, &made, err);
    return rc ? rc : ward_dir_check_local(home, err);
}

/* Whether the home was joined into by this very invitation and has not been used since: then whoever asks again was not told so, for lack
 * of power or of memory right after the last step. */
static bool just_joined(ward_replica *r, const struct ward_invitation *v)
{
    struct ward_buf b;
    int64_t segments = 1;
    ward_buf_init(&b, &r->env);
    bool same = ward_hash_compare(&r->ward, &v->ward) == 0 && ward_store_meta_get(r->store, "invitation", &b, NULL) == WARD_OK &&
                b.len == sizeof v->link_pk && memcmp(b.p, v->link_pk, b.len) == 0;
    ward_buf_free(&b);
    return same && ward_store_last_segment(r->store, &segments, NULL) == WARD_OK && segments == 0;
}

/* home_exists: what was said of the home. */
static int join_again(ward_replica **out, const char *home, const struct ward_invitation *v, const struct ward_options *options,
                      const struct ward_error *home_exists, struct ward_error *err)
{
    ward_replica *r;
    struct ward_error why = {0};
    int rc = ward_open(&r, home, options, &why);
    if (rc == WARD_ERR_MEMORY)
        return ward_fail(err, rc, "%s", why.detail);
    if (!rc && just_joined(r, v)) {
        *out = r;
        return WARD_OK;
    }
    if (!rc)
        ward_close(r);
    return ward_fail(err, WARD_ERR_HOME_EXISTS, "%s", home_exists->detail);
}

int ward_join(ward_replica **out, const char *home, const char *code, const char *device_name, int timeout_ms,
              const struct ward_options *options, struct ward_error *err)
{
    struct ward_invitation v;
    struct ward_error taken = {0};
    const struct ward_env *env = options && options->env ? options->env : ward_platform_env();
    size_t name_len = device_name ? strlen(device_name) : 0;
    int rc = ward_crypto_start(err);
    if (!rc && (name_len == 0 || name_len > WARD_NAME_MAX || !ward_text_valid((const uint8_t *)device_name, name_len)))
        rc = ward_fail(err, WARD_ERR_ARGUMENT, "device name");
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    if (!rc)
        rc = ward_invitation_parse(&v, code, err);
    if (rc)
        return rc;
    rc = take_home(home, options, &taken);
    if (rc == WARD_ERR_HOME_EXISTS)
        return join_again(out, home, &v, options, &taken, err);
    if (rc)
        return ward_fail(err, rc, "%s", taken.detail);
    struct ward_keys *keys = ward_keys_new();
    struct joining j = {
        .env = env, .invitation = &v, .keys = keys, .name = device_name, .timeout_ms = timeout_ms > 0 ? timeout_ms : TIMEOUT_MS};
    rc = keys ? enrol(out, &j, keys, home, options, err) : ward_fail(err, WARD_ERR_MEMORY, "keys");
    ward_keys_free(keys);
    sodium_memzero(&v, sizeof v);
    return rc;
}
