/* rotate.c - a device takes new keys: asked for by the old ones, granted by a hub, by an operator, or by itself where it is one.
 * proto/admission.md, New keys. */
#include "base/err.h"
#include "base/limits.h"
#include "replica/admit.h"
#include "replica/bundle.h"
#include "replica/cut.h"
#include "replica/enter.h"
#include "replica/identity.h"
#include "replica/route.h"
#include "shell/link.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/fingerprint.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 15000
#define STEP_MS    100

struct rotating {
    struct ward_entering x; /* made: the home, with its keys */
    struct ward_buf frame;  /* the request */
    char name[WARD_NAME_MAX + 1];
};

/* The keys for which this home asks. Those of an earlier request may have been granted and ended since, where the home was put back to an
 * older copy: nobody takes them a second time. */
static int asked_keys(struct rotating *t, struct ward_error *err)
{
    ward_replica *r = t->x.made;
    int rc = ward_enter_keys(&t->x, &r->env, err);
    const struct ward_grant *g = rc ? NULL : ward_directory_grant_by_link(&r->dir, t->x.keys->link_pk);
    if (!g || ward_grant_stands(&r->dir, &g->id))
        return rc;
    ward_keys_free(t->x.keys);
    t->x.keys = NULL;
    rc = ward_asked_forget(t->x.home, err);
    return rc ? rc : ward_enter_keys(&t->x, &r->env, err);
}

/* New keys have been granted and the old ones ended, and the answer did not come: who asks again gets it. */
static bool only_lacks_the_answer(ward_replica *r)
{
    struct ward_hash follower;
    return ward_grant_follower(r, &r->self, &follower, NULL) && ward_grant_stands(&r->dir, &follower);
}

static int prepare(struct rotating *t, struct ward_error *err)
{
    ward_replica *r = t->x.made;
    struct ward_asker a = {.by_grant = true, .name = t->name};
    const struct ward_grant *self = ward_replica_grant(r);
    t->x.asked = (struct ward_asked){.ward = r->ward, .by_grant = true};
    memcpy(t->x.asked.from, r->self.b, 32);
    if (!self || !ward_grant_effective(&r->dir, &self->id))
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "the ward's records have not arrived here yet");
    if (ward_grant_is_cut(&r->dir, &self->id) && !only_lacks_the_answer(r))
        return ward_fail(err, WARD_ERR_CUT, "this device");
    int rc = ward_device_name(r, &r->self, t->name, sizeof t->name, err);
    if (!rc)
        rc = asked_keys(t, err);
    if (rc)
        return rc;
    a.name_len = strlen(t->name);
    memcpy(a.from, r->self.b, 32);
    memcpy(a.sign_pk, t->x.keys->sign.pk, 32);
    memcpy(a.link_pk, t->x.keys->link_pk, 32);
    ward_buf_clear(&t->frame);
    ward_request_write(&t->frame, &r->ward, &a, &t->x.keys->sign, &r->keys->sign);
    return ward_buf_status(&t->frame) ? ward_fail(err, WARD_ERR_MEMORY, "request") : WARD_OK;
}

/* ---- granted here: an operator's own word for its new keys comes first, and the new keys then end the old ones, after that word: cut
 * before it, it would fall */

static int grant_here(struct rotating *t, struct ward_buf *body, struct ward_error *err)
{
    ward_replica *r = t->x.made;
    struct ward_message m;
    struct ward_asker a;
    struct ward_hash grant;
    int rc = ward_frame_parse(&m, t->frame.p, t->frame.len, err);
    if (!rc)
        rc = ward_request_check(r, &m, &a, err);
    a.person = true;
    return rc ? rc : ward_admit_asker(r, &a, t->frame.p, t->frame.len, body, &grant, err);
}

/* The former grant, if this device follows it and may and has yet to end it. */
static bool former_to_end(ward_replica *r, struct ward_hash *out)
{
    struct ward_hash follower;
    const struct ward_grant *self = ward_replica_grant(r);
    if (!r->former_count || !self || !ward_role_rules(self->role)->may_cut || !ward_grant_effective(&r->dir, &r->self))
        return false;
    *out = r->former[r->former_count - 1];
    return ward_grant_stands(&r->dir, out) && ward_grant_follower(r, out, &follower, NULL) && ward_hash_compare(&follower, &r->self) == 0;
}

static int end_former(ward_replica *r, const struct ward_hash *former, struct ward_error *err)
{
    return ward_revoke(r, former, "khoá mới / new keys", err);
}

int ward_rotate_finish(ward_replica *r, struct ward_error *err)
{
    struct ward_hash former;
    if (ward_store_read_only(r->store) || ward_keys_check(r->keys, NULL) || !former_to_end(r, &former))
        return WARD_OK;
    return end_former(r, &former, err);
}

/* ---- over a link */

static int send_request(struct rotating *t, struct ward_link *link, ward_peer peer, const char *address, int timeout_ms,
                        struct ward_message *m, struct ward_buf *kept, struct ward_error *err)
{
    const struct ward_env *env = &t->x.made->env;
    int64_t since = env->mono_ms(env->ctx);
    for (;;) {
        struct ward_link_event e;
        bool got;
        int rc = ward_link_step(link, STEP_MS, -1, &e, &got, err);
        if (!rc && got && e.type == WARD_LINK_UP)
            rc = ward_link_send(link, peer, t->frame.p, t->frame.len, err);
        if (rc)
            return rc;
        unsigned type = got && e.type == WARD_LINK_FRAME ? ward_frame_type(e.p, e.len) : 0;
        if (type == WARD_MSG_JOINED || type == WARD_MSG_ERROR) { /* a peer that listens begins with its hello, which is for sessions */
            ward_buf_add(kept, e.p, e.len);
            return ward_buf_status(kept) ? ward_fail(err, WARD_ERR_MEMORY, "answer") : ward_frame_parse(m, kept->p, kept->len, err);
        }
        if (got && e.type == WARD_LINK_DOWN)
            return ward_fail(err, e.code, "%s: %s", address, e.text);
        if (env->mono_ms(env->ctx) - since > timeout_ms)
            return ward_fail(err, WARD_ERR_NETWORK, "%s does not answer", address);
    }
}

static int ask_at(struct rotating *t, const struct ward_route *route, int timeout_ms, struct ward_buf *body, struct ward_error *err)
{
    ward_replica *r = t->x.made;
    struct ward_link_options options = {.env = &r->env};
    struct ward_link *link;
    struct ward_message m = {.type = WARD_MSG_ERROR};
    struct ward_buf answer;
    ward_peer peer;
    memcpy(options.link_sk, r->keys->link_sk, 32);
    int rc = ward_link_open(&link, &options, err);
    sodium_memzero(options.link_sk, sizeof options.link_sk);
    if (rc)
        return rc;
    ward_buf_init(&answer, &r->env);
    rc = ward_link_connect(link, route->address, route->link_pk, NULL, &peer, err);
    if (!rc)
        rc = send_request(t, link, peer, route->address, timeout_ms, &m, &answer, err);
    if (!rc && m.type == WARD_MSG_ERROR)
        rc = ward_fail(err, (int)m.error, "%s refused", route->address);
    if (!rc && m.type == WARD_MSG_JOINED && memcmp(m.joined.root_pk, r->root_pk, 32) != 0)
        rc = ward_fail(err, WARD_ERR_SESSION_WARD, "%s speaks for another ward", route->address);
    if (!rc && m.type == WARD_MSG_JOINED)
        ward_buf_add(body, m.joined.grant, m.joined.grant_len);
    ward_buf_free(&answer);
    ward_link_close(link);
    return !rc && ward_buf_status(body) ? ward_fail(err, WARD_ERR_MEMORY, "answer") : rc;
}

static int ask_anywhere(struct rotating *t, const char *address, int timeout_ms, struct ward_buf *body, struct ward_error *err)
{
    struct ward_routes routes;
    int rc = ward_routes_find(t->x.made, address, NULL, &routes, err);
    for (size_t i = 0; !rc && i < routes.count; i++) {
        rc = WARD_ERR_HANDSHAKE;
        for (unsigned n = 0; rc == WARD_ERR_HANDSHAKE && n < WARD_HANDSHAKE_TRIES; n++)
            rc = ask_at(t, &routes.v[i], timeout_ms, body, err);
        if (rc != WARD_ERR_NETWORK && rc != WARD_ERR_HANDSHAKE)
            break;
        if (i + 1 < routes.count)
            rc = WARD_OK;
    }
    return rc;
}

/* ---- */

static int rotate(struct rotating *t, const char *address, int timeout_ms, struct ward_error *err)
{
    ward_replica *r = t->x.made;
    struct ward_buf body;
    struct ward_hash former;
    ward_buf_init(&body, &r->env);
    int rc = ward_replica_refresh(r, err);
    if (!rc && former_to_end(r, &former)) { /* an earlier call was cut off before its last step */
        ward_buf_free(&body);
        return end_former(r, &former, err);
    }
    if (!rc)
        rc = prepare(t, err);
    const struct ward_grant *self = ward_replica_grant(r);
    bool here = !rc && ward_may_grant(self->role, self->role);
    if (!rc)
        rc = here ? grant_here(t, &body, err) : ask_anywhere(t, address, timeout_ms > 0 ? timeout_ms : TIMEOUT_MS, &body, err);
    if (!rc)
        rc = ward_identity_switch(r, t->x.keys, body.p, body.len, NULL, 0, err);
    ward_buf_free(&body);
    if (!rc && here && former_to_end(r, &former))
        rc = end_former(r, &former, err);
    return rc;
}

/* The word alone: those who call this device by its old keys must hear of the new ones while they can. */
int ward_rotate_announce(ward_replica *r, const struct ward_options *options, char words[WARD_FINGERPRINT], struct ward_error *err)
{
    struct rotating t = {.x = {.home = r->home, .options = options, .made = r}};
    struct ward_buf body;
    ward_buf_init(&t.frame, &r->env);
    ward_buf_init(&body, &r->env);
    int rc = ward_keys_check(r->keys, err);
    if (!rc)
        rc = ward_replica_refresh(r, err);
    const struct ward_grant *self = ward_replica_grant(r);
    if (!rc && (!self || !ward_may_grant(self->role, self->role)))
        rc = ward_fail(err, WARD_ERR_NOT_ENTITLED, "this device cannot grant its own keys: an operator admits them");
    if (!rc)
        rc = prepare(&t, err);
    if (!rc)
        rc = grant_here(&t, &body, err);
    if (!rc)
        ward_fingerprint(words, t.x.keys->sign.pk, t.x.keys->link_pk);
    ward_buf_free(&t.frame);
    ward_buf_free(&body);
    ward_keys_free(t.x.keys);
    return rc;
}

int ward_rotate(ward_replica *r, const char *address, int timeout_ms, const struct ward_options *options, struct ward_error *err)
{
    struct rotating t = {.x = {.home = r->home, .options = options, .made = r}};
    ward_buf_init(&t.frame, &r->env);
    int rc = ward_keys_check(r->keys, err);
    if (!rc)
        rc = rotate(&t, address, timeout_ms, err);
    ward_buf_free(&t.frame);
    ward_keys_free(t.x.keys);
    return rc;
}

/* What the device wrote so far goes with it, so that the cut of its old keys lies after that. */
int ward_rotate_request(ward_replica *r, const char *path, const struct ward_options *options, char words[WARD_FINGERPRINT],
                        struct ward_error *err)
{
    struct rotating t = {.x = {.home = r->home, .options = options, .made = r}};
    struct ward_bundle_options bundle = {.since_last = true};
    ward_buf_init(&t.frame, &r->env);
    int rc = ward_keys_check(r->keys, err);
    if (!rc)
        rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = prepare(&t, err);
    if (!rc)
        rc = ward_bundle_write_after(r, path, &t.frame, &bundle, NULL, err);
    if (!rc)
        ward_fingerprint(words, t.x.keys->sign.pk, t.x.keys->link_pk);
    ward_buf_free(&t.frame);
    ward_keys_free(t.x.keys);
    return rc;
}
