/* serve_admit.c - who may come in, and who asks to become one of the ward's. */
#include "base/err.h"
#include "replica/admit.h"
#include "replica/serve.h"
#include "values/fingerprint.h"

#include <string.h>

int ward_server_admit(void *ctx, const uint8_t link_pk[32])
{
    struct ward_server *s = ctx;
    if (ward_replica_refresh(s->r, NULL) && s->r->dir.grant_count == 0)
        return WARD_ERR_PEER_UNKNOWN;
    const struct ward_grant *g = ward_directory_grant_by_link(&s->r->dir, link_pk);
    /* A cut device is let in to be told so, and gets nothing else. */
    bool known = g ? ward_grant_effective(&s->r->dir, &g->id) : ward_invitation_known(s->r, link_pk, NULL) == WARD_OK;
    int rc = known ? ward_gate_knock(&s->gate, link_pk, ward_server_mono(s)) : WARD_ERR_PEER_UNKNOWN;
    if (!rc)
        s->light_ms = ward_server_mono(s); /* its first frame follows */
    return rc;
}

static void tell_joined(struct ward_server *s, const struct ward_hash *grant, const char *name)
{
    const struct ward_grant *g = ward_directory_grant(&s->r->dir, grant);
    char words[WARD_FINGERPRINT] = "";
    struct ward_event e = {.type = WARD_EVENT_JOINED, .grant = *grant, .text = name, .words = words};
    if (g)
        ward_fingerprint(words, g->sign_pk, g->link_pk);
    if (s->on_event)
        s->on_event(s->ctx, &e);
}

/* A request for a grant has been answered, or refused. */
static int answered(struct ward_server *s, struct ward_server_guest *g, int rc, const struct ward_buf *answer,
                    const struct ward_hash *grant, const struct ward_error *why, struct ward_error *err)
{
    if (!rc) {
        char name[WARD_NAME_MAX + 1];
        if (ward_device_name(s->r, grant, name, sizeof name, NULL))
            name[0] = 0;
        ward_link_send(s->link, g->peer, answer->p, answer->len, NULL);
        s->news = true;
        tell_joined(s, grant, name);
        return WARD_OK;
    }
    ward_server_refuse(s, g, rc);
    s->news |= rc == WARD_ERR_KEYS_WAIT; /* noted for the operators */
    bool ours = rc >= 600 && rc < 700;
    if (ours && err)
        *err = *why;
    return ours ? rc : WARD_OK;
}

int ward_server_on_join(struct ward_server *s, struct ward_server_guest *g, const struct ward_server_frame *w, struct ward_error *err)
{
    struct ward_message m;
    struct ward_buf answer;
    struct ward_hash grant;
    struct ward_error why = {0};
    ward_buf_init(&answer, &s->r->env);
    int rc = ward_tries_left(&s->tries, g->link_pk, ward_server_mono(s)) ? WARD_OK : WARD_ERR_JOIN_TRIES;
    if (!rc && !ward_bucket_has(&s->joins, ward_server_mono(s), WARD_JOINS_RATE, WARD_JOINS_BURST))
        rc = ward_fail(&why, WARD_ERR_PAUSE, "too many ask to join");
    if (!rc)
        rc = ward_frame_parse(&m, w->p, w->len, &why);
    ward_bucket_take(&s->joins, rc != WARD_ERR_PAUSE && rc != WARD_ERR_JOIN_TRIES);
    if (!rc)
        rc = m.type == WARD_MSG_JOIN ? ward_invitation_accept(s->r, g->link_pk, &m, &answer, &grant, &why) : WARD_ERR_PROTOCOL;
    if (rc && rc != WARD_ERR_JOIN_TRIES && rc != WARD_ERR_PAUSE && (rc < 600 || rc >= 700))
        ward_tries_note(&s->tries, g->link_pk, ward_server_mono(s));
    rc = answered(s, g, rc, &answer, &grant, &why, err);
    ward_buf_free(&answer);
    return rc;
}

/* A device asks for new keys over the link of its old ones. */
int ward_server_on_request(struct ward_server *s, struct ward_server_guest *g, const struct ward_server_frame *w, struct ward_error *err)
{
    struct ward_buf answer;
    struct ward_hash grant;
    struct ward_error why = {0};
    ward_buf_init(&answer, &s->r->env);
    int rc = ward_tries_left(&s->tries, g->link_pk, ward_server_mono(s))
                 ? ward_admit_over_link(s->r, &g->talk.peer.id, w->p, w->len, &answer, &grant, &why)
                 : WARD_ERR_JOIN_TRIES;
    if (rc && rc != WARD_ERR_JOIN_TRIES && (rc < 600 || rc >= 700))
        ward_tries_note(&s->tries, g->link_pk, ward_server_mono(s));
    rc = answered(s, g, rc, &answer, &grant, &why, err);
    ward_buf_free(&answer);
    return rc;
}
