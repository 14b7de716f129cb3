/* join.c - a device asks to be let in, over a link or by files. proto/session.md, Joining; proto/admission.md. */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/admit.h"
#include "replica/bundle.h"
#include "replica/enter.h"
#include "shell/link.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/fingerprint.h"
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
    struct ward_error other = {0};
    int rc = ward_fail(err, WARD_ERR_NO_HUB, "the invitation names no address");
    for (size_t i = 0; i < j->invitation->address_count; i++) {
        rc = at_address(j, j->invitation->addresses[i], err);
        if (rc == WARD_ERR_HANDSHAKE && err)
            other = *err;
        if (rc != WARD_ERR_NETWORK && rc != WARD_ERR_HANDSHAKE && rc != WARD_ERR_ADDRESS && rc != WARD_ERR_KEY_REFUSED)
            return rc;
    }
    if (rc == WARD_ERR_KEY_REFUSED) /* the key that knocked is the invitation's own */
        return ward_fail(err, WARD_ERR_INVITE_UNKNOWN, "the hub does not let this invitation in");
    if (rc == WARD_ERR_HANDSHAKE || other.code) /* who was reached tells more than who was not */
        return ward_fail(err, WARD_ERR_INVITE_HUB, "%s", other.detail);
    return rc;
}

/* ---- into a home: a new one, or one that goes on under a new grant */

static int name_fine(const char *name, struct ward_error *err)
{
    size_t len = name ? strlen(name) : 0;
    bool fine = len > 0 && len <= WARD_NAME_MAX && ward_text_valid((const uint8_t *)name, len);
    return fine ? WARD_OK : ward_fail(err, WARD_ERR_ARGUMENT, "device name");
}

static int take_home(const char *home, const struct ward_options *options, struct ward_error *err)
{
    bool made;
    int rc = ward_home_is_free(home, options, err);
    if (!rc)
        rc = ward_dir_make(home, &made, err);
    return rc ? rc : ward_dir_check_local(home, err);
}

/* Whether the home was joined into by this very invitation: then whoever asks again was not told so, for lack of power or of memory right
 * after the last step. */
static bool joined_by(ward_replica *r, const struct ward_invitation *v)
{
    struct ward_buf b;
    ward_buf_init(&b, &r->env);
    bool same = ward_store_meta_get(r->store, "invitation", &b, NULL) == WARD_OK && b.len == sizeof v->link_pk &&
                memcmp(b.p, v->link_pk, b.len) == 0;
    ward_buf_free(&b);
    return same;
}

/* A home of this ward, opened without its keys: an invitation is enough to go on, whatever became of them. */
static int open_made(struct ward_entering *x, const struct ward_error *home_exists, struct ward_error *err)
{
    struct ward_error why = {0};
    struct ward_options writing = x->options ? *x->options : (struct ward_options){0};
    writing.read_only = false;
    x->made = ward_replica_new(x->home, &writing, err);
    if (!x->made)
        return err ? err->code : WARD_ERR_MEMORY;
    x->made->keys->locked = true; /* with what is not loaded nothing may be sealed, as changes that are told again would be */
    int rc = ward_home_open(x->made, &writing, &why);
    if (rc == WARD_ERR_NOT_A_REPLICA || rc == WARD_ERR_HOME_MISSING)
        return ward_fail(err, WARD_ERR_HOME_EXISTS, "%s", home_exists->detail);
    if (rc)
        return ward_fail(err, rc, "%s", why.detail);
    if (ward_hash_compare(&x->made->ward, &x->asked.ward) != 0)
        return ward_fail(err, WARD_ERR_HOME_EXISTS, "%s is of another ward", x->home);
    return WARD_OK;
}

int ward_enter(struct ward_entering *x, struct ward_error *err)
{
    struct ward_error taken = {0};
    int rc = take_home(x->home, x->options, &taken);
    if (rc && rc != WARD_ERR_HOME_EXISTS)
        return ward_fail(err, rc, "%s", taken.detail);
    return rc ? open_made(x, &taken, err) : WARD_OK;
}

/* Where the invitation is known here already, it need not be used up to learn that it does not fit this home. */
static int invitation_fits(struct ward_entering *x, const struct ward_invitation *v, struct ward_error *err)
{
    struct ward_invitation_row row;
    if (!x->made || ward_invitation_read(x->made, v->link_pk, &row, NULL))
        return WARD_OK;
    const struct ward_grant would = {.unit = row.unit, .role = row.role};
    return ward_identity_may_hold(x->made, &would, err);
}

int ward_enter_keys(struct ward_entering *x, const struct ward_env *env, struct ward_error *err)
{
    char passphrase[WARD_PASSPHRASE_MAX] = "";
    int rc = x->made ? ward_home_passphrase(x->home, x->options, passphrase, err) : WARD_OK;
    x->keys = rc ? NULL : ward_keys_new();
    if (!rc && !x->keys)
        rc = ward_fail(err, WARD_ERR_MEMORY, "keys");
    if (!rc)
        rc = ward_asked_keys(x->keys, &x->asked, env, x->home, x->made != NULL, passphrase[0] ? passphrase : NULL, err);
    sodium_memzero(passphrase, sizeof passphrase);
    return rc;
}

int ward_enter_grant(struct ward_entering *x, const uint8_t root_pk[32], const struct ward_hash *grant, const void *body, size_t len,
                     struct ward_error *err)
{
    struct ward_home_note notes[5];
    size_t n = ward_asked_notes(&x->asked, notes);
    if (x->made)
        return ward_identity_switch(x->made, x->keys, body, len, notes, n, err);
    notes[n++] = (struct ward_home_note){"grant_body", body, len};
    return ward_home_create_with(&x->made, x->home, x->options, x->keys, &x->asked.ward, root_pk, grant, notes, n, err);
}

void ward_enter_end(struct ward_entering *x, int rc, ward_replica **out)
{
    if (rc)
        ward_close(x->made);
    else
        *out = x->made;
    ward_keys_free(x->keys);
}

static int join(struct ward_entering *x, struct joining *j, struct ward_error *err)
{
    int rc = ward_enter_keys(x, j->env, err);
    j->keys = x->keys;
    if (!rc)
        rc = anywhere(j, err);
    if (!rc)
        rc = ward_enter_grant(x, j->root_pk, &j->grant, j->body, j->body_len, err);
    return rc ? rc : ward_asked_forget(x->home, err);
}

int ward_join(ward_replica **out, const char *home, const char *code, const char *device_name, int timeout_ms,
              const struct ward_options *options, struct ward_error *err)
{
    struct ward_invitation v;
    struct ward_entering x = {.home = home, .options = options};
    struct joining j = {.env = options && options->env ? options->env : ward_platform_env(),
                        .invitation = &v,
                        .name = device_name,
                        .timeout_ms = timeout_ms > 0 ? timeout_ms : TIMEOUT_MS};
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = name_fine(device_name, err);
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    if (!rc)
        rc = ward_invitation_parse(&v, code, err);
    if (rc)
        return rc;
    ward_asked_of(&x.asked, &v);
    rc = ward_enter(&x, err);
    if (!rc && x.made && joined_by(x.made, &v)) {
        ward_close(x.made);
        sodium_memzero(&v, sizeof v);
        return ward_open(out, home, options, err); /* which ends what the call that was cut off has left */
    }
    if (!rc)
        rc = invitation_fits(&x, &v, err);
    if (!rc)
        rc = join(&x, &j, err);
    ward_enter_end(&x, rc, out);
    sodium_memzero(&v, sizeof v);
    return rc;
}

/* ---- the same by files */

static int write_request(struct ward_entering *x, const struct ward_env *env, const struct ward_invitation *v, const char *name,
                         const char *path, struct ward_error *err)
{
    struct ward_asker a = {.name = name, .name_len = strlen(name)};
    struct ward_buf frame, file;
    memcpy(a.from, v->link_pk, 32);
    memcpy(a.sign_pk, x->keys->sign.pk, 32);
    memcpy(a.link_pk, x->keys->link_pk, 32);
    ward_buf_init(&frame, env);
    ward_buf_init(&file, env);
    ward_request_write(&frame, &v->ward, &a, &x->keys->sign, &v->sign);
    ward_put_bytes(&file, frame.p, frame.len);
    bool failed = ward_buf_status(&frame) || ward_buf_status(&file);
    int rc = failed ? ward_fail(err, WARD_ERR_MEMORY, "request") : ward_file_write(path, file.p, file.len, 0644, err);
    ward_buf_free(&frame);
    ward_buf_free(&file);
    return rc;
}

int ward_join_request(const char *home, const char *code, const char *device_name, const char *path, const struct ward_options *options,
                      char words[WARD_FINGERPRINT], struct ward_error *err)
{
    struct ward_invitation v;
    struct ward_entering x = {.home = home, .options = options};
    const struct ward_env *env = options && options->env ? options->env : ward_platform_env();
    ward_replica *unused = NULL;
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = name_fine(device_name, err);
    if (!rc)
        rc = ward_invitation_parse(&v, code, err);
    if (rc)
        return rc;
    ward_asked_of(&x.asked, &v);
    rc = ward_enter(&x, err);
    if (!rc && x.made && joined_by(x.made, &v))
        rc = ward_fail(err, WARD_ERR_HOME_EXISTS, "this folder has joined by this invitation already");
    if (!rc)
        rc = invitation_fits(&x, &v, err);
    if (!rc)
        rc = ward_enter_keys(&x, env, err);
    if (!rc)
        rc = write_request(&x, env, &v, device_name, path, err);
    if (!rc)
        ward_fingerprint(words, x.keys->sign.pk, x.keys->link_pk);
    ward_enter_end(&x, rc, &unused);
    ward_close(unused);
    sodium_memzero(&v, sizeof v);
    return rc;
}

struct answer {
    struct ward_buf frame;
    uint64_t size;
    struct ward_hash ward;
    struct ward_grant grant;
    struct ward_message m;
};

static int read_answer(ward_replica *r, const char *path, struct answer *a, struct ward_error *err)
{
    struct ward_error why = {0};
    ward_buf_init(&a->frame, &r->env);
    int rc = ward_lead_frame(r, path, &a->frame, &a->size, &why);
    if (!rc)
        rc = ward_frame_parse(&a->m, a->frame.p, a->frame.len, &why);
    if (rc == WARD_ERR_MEMORY || rc == WARD_ERR_IO || rc == WARD_ERR_NOT_FOUND || rc == WARD_ERR_VERSION)
        return ward_fail(err, rc, "%s", why.detail);
    if (!rc && a->m.type == WARD_MSG_JOINED)
        rc = ward_grant_parse(&a->grant, a->m.joined.grant, a->m.joined.grant_len, &why);
    if (rc || a->m.type != WARD_MSG_JOINED || a->size == ward_lead_bytes(a->frame.len))
        return ward_fail(err, WARD_ERR_ANSWER, "%s", path);
    ward_name_ward(&a->ward, a->m.joined.root_pk);
    return WARD_OK;
}

/* What is wrong with the bundle is wrong with the answer; the disk's troubles stay what they are. */
static int as_answer(int rc, const char *path, const struct ward_error *why, struct ward_error *err)
{
    return rc ? ward_fail(err, rc >= 800 ? WARD_ERR_ANSWER : rc, "%s: %s", path, why->detail) : WARD_OK;
}

/* The ward's records that came with the answer; all of what it says must follow from them. */
static int take_records(ward_replica *r, const char *path, const struct answer *a, struct ward_error *err)
{
    struct ward_error why = {0};
    int rc = ward_bundle_read_after(r, path, ward_lead_bytes(a->frame.len), NULL, NULL, NULL, &why);
    if (rc)
        return as_answer(rc, path, &why, err);
    return ward_grant_effective(&r->dir, &a->grant.id) ? WARD_OK : ward_fail(err, WARD_ERR_ANSWER, "%s does not prove the grant", path);
}

static int check_keys(const struct ward_entering *x, const struct answer *a, struct ward_error *err)
{
    bool same = memcmp(a->grant.sign_pk, x->keys->sign.pk, 32) == 0 && memcmp(a->grant.link_pk, x->keys->link_pk, 32) == 0;
    if (same && ward_hash_compare(&a->ward, &x->asked.ward) == 0)
        return WARD_OK;
    return ward_fail(err, WARD_ERR_ANSWER_FOREIGN, "it answers another request");
}

/* Of a home that was made of an answer which proves nothing. What was asked stays, and so do the keys. */
static void unmake(struct ward_entering *x)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[64], path[WARD_HOME_PATH];
    ward_close(x->made);
    x->made = NULL;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, WARD_STORE_NAME "%s", ends[i]);
        ward_home_path(path, x->home, name);
        ward_file_remove(path);
    }
}

/* The answer by which the home got its grant does nothing new. Where other keys have asked since, it is not what they wait for, and what
 * they asked must not be forgotten over it. */
static int check_taken(struct ward_entering *x, const struct answer *a, struct ward_error *err)
{
    static const struct ward_options look = {.read_only = true};
    char next[WARD_HOME_PATH];
    ward_home_path(next, x->home, WARD_NEXT_KEY);
    if (!ward_file_exists(next))
        return WARD_OK;
    x->keys = ward_keys_new();
    int rc = x->keys ? ward_keys_load(x->keys, next, &look, err) : ward_fail(err, WARD_ERR_MEMORY, "keys");
    return rc ? rc : check_keys(x, a, err);
}

/* A home that exists takes the records in before it goes on under the grant, a new one after it has been made: only then is there
 * anything to keep them in. Asked again after that, it takes them in again. */
static int accept_into(struct ward_entering *x, const struct ward_env *env, const char *path, const struct answer *a,
                       struct ward_error *err)
{
    bool before = x->made != NULL, taken = before && ward_hash_compare(&x->made->self, &a->grant.id) == 0;
    int rc = taken ? check_taken(x, a, err) : ward_asked_read(&x->asked, x->home, err);
    if (taken)
        return rc ? rc : take_records(x->made, path, a, err);
    if (!rc)
        rc = ward_enter_keys(x, env, err);
    if (!rc)
        rc = check_keys(x, a, err);
    if (!rc && before)
        rc = take_records(x->made, path, a, err);
    if (!rc)
        rc = ward_enter_grant(x, a->m.joined.root_pk, &a->grant.id, a->m.joined.grant, a->m.joined.grant_len, err);
    if (!rc)
        rc = take_records(x->made, path, a, err); /* the new grant may read what the old one could not */
    if (rc && !before && x->made)
        unmake(x);
    return rc;
}

int ward_join_accept(ward_replica **out, const char *home, const char *path, const struct ward_options *options, struct ward_error *err)
{
    struct ward_entering x = {.home = home, .options = options};
    struct answer a = {.size = 0};
    struct ward_error why = {0};
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    if (rc)
        return rc;
    ward_replica *r = ward_replica_new(home, options, err); /* for its way of taking memory: nothing is open yet */
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    rc = read_answer(r, path, &a, err);
    x.asked.ward = r->ward = a.ward;
    if (!rc)
        rc = as_answer(ward_bundle_whole(r, path, ward_lead_bytes(a.frame.len), &why), path, &why, err); /* before anything is made of it */
    if (!rc && !ward_dir_exists(home))
        rc = ward_fail(err, WARD_ERR_NOT_ASKED, "%s", home);
    if (!rc)
        rc = ward_enter(&x, err);
    if (!rc)
        rc = accept_into(&x, &r->env, path, &a, err);
    if (!rc)
        rc = ward_asked_forget(home, err);
    ward_buf_free(&a.frame);
    ward_close(r);
    if (rc) {
        ward_enter_end(&x, rc, out);
        return rc;
    }
    ward_close(x.made);
    ward_keys_free(x.keys);
    return ward_open(out, home, options, err);
}
