#include "replica/admit.h"
#include "base/err.h"
#include "replica/bundle.h"
#include "replica/cut.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/fingerprint.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define WHY_REPLACED "khoá mới / new keys" /* kept with the change, where both languages read it */

/* ---- who follows whom */

struct following {
    ward_replica *r;
    const struct ward_hash *grant;
    struct ward_hash found;
    bool is;
};

static int look_for_follower(void *ctx, const ward_record *rec)
{
    struct following *f = ctx;
    struct ward_value follows = ward_record_value(rec, WARD_GRANT_FOLLOWS), body = ward_record_value(rec, WARD_GRANT_BODY);
    struct ward_hash id;
    if (follows.type != WARD_BYTES || follows.len != 32 || memcmp(follows.p, f->grant->b, 32) != 0 || body.type != WARD_BYTES)
        return WARD_OK;
    ward_name_grant(&id, body.p, body.len);
    if (ward_grant_stands(&f->r->dir, &id)) {
        f->found = id;
        f->is = true;
    }
    return WARD_OK;
}

bool ward_grant_follower(ward_replica *r, const struct ward_hash *grant, struct ward_hash *follower, struct ward_error *err)
{
    struct following f = {.r = r, .grant = grant};
    if (ward_each(r, WARD_KIND_GRANT, look_for_follower, &f, err) == WARD_OK && f.is)
        *follower = f.found;
    return f.is;
}

/* ---- writing */

/* What is written with a grant. */
struct admission {
    struct ward_grant grant;
    const struct ward_buf *body;
    const void *name;
    size_t name_len;
    const uint8_t *invitation;       /* its link key, or NULL */
    const struct ward_hash *follows; /* or NULL */
    const struct ward_cutting *cut;  /* of what it follows, or NULL */
};

static int put_grant(ward_replica *r, ward_txn *t, const struct admission *x, struct ward_error *err)
{
    struct ward_hash space;
    struct ward_id entity, invite = {{0}};
    ward_space_of_ward(r, &space);
    ward_grant_entity(&entity, &x->grant.id);
    if (x->invitation)
        memcpy(invite.b, x->invitation, sizeof invite.b);
    const struct {
        bool there;
        uint32_t kind, field;
        const struct ward_id *entity;
        struct ward_value value;
    } puts[] = {{true, WARD_KIND_GRANT, WARD_GRANT_BODY, &entity, ward_value_bytes(x->body->p, x->body->len)},
                {true, WARD_KIND_GRANT, WARD_GRANT_NAME, &entity, {.type = WARD_TEXT, .p = x->name, .len = x->name_len}},
                {x->invitation, WARD_KIND_GRANT, WARD_GRANT_INVITATION, &entity, ward_value_id(&invite)},
                {x->follows, WARD_KIND_GRANT, WARD_GRANT_FOLLOWS, &entity, ward_value_bytes(x->follows ? x->follows->b : NULL, 32)},
                {x->invitation, WARD_KIND_INVITE, WARD_INVITE_USED, &invite, ward_value_bytes(x->grant.id.b, 32)}};
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < sizeof puts / sizeof puts[0]; i++)
        if (puts[i].there)
            rc = ward_put(t, &space, puts[i].kind, puts[i].entity, puts[i].field, NULL, 0, &puts[i].value, err);
    return !rc && x->cut ? ward_cut_put(r, t, x->cut, err) : rc;
}

static int write_grant(ward_replica *r, const struct admission *x, struct ward_error *err)
{
    ward_txn *t;
    int rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    rc = put_grant(r, t, x, err);
    if (!rc)
        return ward_commit(t, NULL, err);
    ward_abort(t);
    return rc;
}

static int make_grant(const struct ward_asker *a, const struct ward_id *unit, enum ward_role role, struct ward_buf *body,
                      struct ward_grant *out, struct ward_error *err)
{
    struct ward_grant g = {.unit = *unit, .role = role};
    memcpy(g.sign_pk, a->sign_pk, 32);
    memcpy(g.link_pk, a->link_pk, 32);
    ward_buf_clear(body);
    ward_grant_write(body, &g);
    if (ward_buf_status(body))
        return ward_fail(err, WARD_ERR_MEMORY, "grant");
    return ward_grant_parse(out, body->p, body->len, err);
}

static int keys_are_new(const ward_replica *r, const struct ward_asker *a, struct ward_error *err)
{
    return ward_directory_grant_by_link(&r->dir, a->link_pk) ? ward_fail(err, WARD_ERR_GRANT_BAD, "these keys belong to another device")
                                                             : WARD_OK;
}

/* Whoever has been ended lets nobody in, and says that of itself: to who asks, 405 would be a word of the asker's own rights. */
static int check_self(const ward_replica *r, const struct ward_grant **self, struct ward_error *err)
{
    *self = ward_replica_grant(r);
    if (*self && ward_grant_stands(&r->dir, &(*self)->id))
        return WARD_OK;
    return ward_fail(err, WARD_ERR_NOT_ENTITLED, "the rights of the device that is asked have ended");
}

/* ---- by an invitation */

static int by_invitation(ward_replica *r, const struct ward_asker *a, struct ward_buf *body, struct ward_hash *grant,
                         struct ward_error *err)
{
    struct ward_invitation_row row;
    struct admission x = {.body = body, .name = a->name, .name_len = a->name_len, .invitation = a->from};
    const struct ward_grant *self;
    int rc = ward_invitation_read(r, a->from, &row, err);
    if (!rc)
        rc = make_grant(a, &row.unit, row.role, body, &x.grant, err);
    if (rc)
        return rc;
    *grant = x.grant.id;
    if (row.used) /* asked again after a broken link: the same keys, the same answer */
        return ward_hash_compare(&row.used_by, &x.grant.id) == 0 ? WARD_OK : ward_fail(err, WARD_ERR_INVITE_USED, "invitation");
    rc = check_self(r, &self, err);
    if (rc)
        return rc;
    if (!ward_may_grant(self->role, row.role)) /* the grant would have no effect, and the invitation be used up */
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "this device may not let one of that role in");
    if (row.withdrawn)
        return ward_fail(err, WARD_ERR_INVITE_WITHDRAWN, "invitation");
    if (row.expires_ms < ward_replica_now(r))
        return ward_fail(err, WARD_ERR_INVITE_EXPIRED, "invitation");
    rc = keys_are_new(r, a, err);
    if (rc)
        return rc;
    if (row.name[0]) { /* the word of who invited goes before the device's own */
        x.name = row.name;
        x.name_len = strlen(row.name);
    }
    if (row.follows_one)
        x.follows = &row.follows;
    return write_grant(r, &x, err);
}

/* ---- by the grant to be followed */

/* Where this device may write in the ward space but not grant this: the operators see the request among the devices. */
static int note_for_operators(ward_replica *r, const struct ward_hash *from, const void *asked, size_t len, struct ward_error *err)
{
    ward_txn *t;
    struct ward_hash space;
    struct ward_id entity;
    struct ward_value frame = ward_value_bytes(asked, len);
    ward_space_of_ward(r, &space);
    ward_grant_entity(&entity, from);
    int rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    rc = ward_put(t, &space, WARD_KIND_GRANT, &entity, WARD_GRANT_ASKED, NULL, 0, &frame, err);
    if (rc)
        ward_abort(t);
    else
        rc = ward_commit(t, NULL, err);
    return rc && rc != WARD_ERR_NOTHING ? rc : ward_fail(err, WARD_ERR_KEYS_WAIT, "an operator decides");
}

/* A feed of this grant was written on two devices at least: which of them asks, nobody can tell without a look. */
static bool has_branches(const ward_replica *r, const struct ward_hash *grant)
{
    for (size_t i = 0; i < r->dir.feed_count; i++)
        if (r->dir.feeds[i].parent && ward_hash_compare(&r->dir.feeds[i].grant, grant) == 0)
            return true;
    return false;
}

static int by_grant(ward_replica *r, const struct ward_asker *a, const void *asked, size_t asked_len, struct ward_buf *body,
                    struct ward_hash *grant, struct ward_error *err)
{
    struct ward_hash from, follower;
    struct admission x = {.body = body, .name = a->name, .name_len = a->name_len, .follows = &from};
    struct ward_cutting cut = {.after = UINT64_MAX, .reason = WHY_REPLACED};
    memcpy(from.b, a->from, 32);
    const struct ward_grant *old = ward_directory_grant(&r->dir, &from), *self;
    if (!old || !ward_grant_effective(&r->dir, &from))
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "the grant that the request follows");
    enum ward_role role = old->role;
    int rc = make_grant(a, &old->unit, role, body, &x.grant, err);
    if (rc)
        return rc;
    *grant = x.grant.id;
    if (ward_grant_follower(r, &from, &follower, err))
        return ward_hash_compare(&follower, &x.grant.id) == 0 ? WARD_OK : ward_fail(err, WARD_ERR_KEYS_REPLACED, "by another request");
    if (ward_grant_is_cut(&r->dir, &from))
        return ward_fail(err, WARD_ERR_CUT, "the device that asks");
    rc = keys_are_new(r, a, err);
    if (!rc)
        rc = check_self(r, &self, err);
    if (rc)
        return rc;
    if (!ward_role_rules(self->role)->writes_ward)
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "%s device", ward_role_name(self->role));
    if (!ward_may_grant(self->role, role) || (!a->person && has_branches(r, &from)))
        return note_for_operators(r, &from, asked, asked_len, err);
    if (a->complete && ward_role_rules(self->role)->may_cut) {
        cut.grant = from;
        rc = ward_cut_place(r, &cut, err);
        x.cut = &cut;
    }
    if (!rc)
        rc = write_grant(r, &x, err);
    ward_cut_free(&cut);
    return rc;
}

int ward_admit_asker(ward_replica *r, const struct ward_asker *a, const void *asked, size_t asked_len, struct ward_buf *body,
                     struct ward_hash *grant, struct ward_error *err)
{
    struct ward_hash id;
    int rc = a->by_grant ? by_grant(r, a, asked, asked_len, body, &id, err) : by_invitation(r, a, body, &id, err);
    if (!rc)
        *grant = id;
    return rc;
}

/* ---- over a link */

static int answer_with(ward_replica *r, const struct ward_asker *a, const void *asked, size_t asked_len, struct ward_buf *answer,
                       struct ward_hash *grant, struct ward_error *err)
{
    struct ward_buf body;
    ward_buf_init(&body, &r->env);
    int rc = ward_admit_asker(r, a, asked, asked_len, &body, grant, err);
    if (!rc) {
        ward_frame_joined(answer, r->root_pk, body.p, body.len);
        rc = ward_buf_status(answer) ? ward_fail(err, WARD_ERR_MEMORY, "answer") : WARD_OK;
    }
    ward_buf_free(&body);
    return rc;
}

int ward_invitation_accept(ward_replica *r, const uint8_t link_pk[32], const struct ward_message *join, struct ward_buf *answer,
                           struct ward_hash *grant, struct ward_error *err)
{
    struct ward_asker a = {.name = join->text, .name_len = join->text_len};
    struct ward_hash asked;
    int rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = ward_invitation_known(r, link_pk, err);
    if (rc)
        return rc;
    memcpy(a.from, link_pk, 32);
    memcpy(a.sign_pk, join->join.sign_pk, 32);
    memcpy(a.link_pk, join->join.link_pk, 32);
    ward_join_hash(&asked, &r->ward, link_pk, join->text, join->text_len, a.sign_pk, a.link_pk);
    if (crypto_sign_verify_detached(join->join.signature, asked.b, sizeof asked.b, a.sign_pk) != 0)
        return ward_fail(err, WARD_ERR_SEAL, "join");
    return answer_with(r, &a, NULL, 0, answer, grant, err);
}

int ward_admit_over_link(ward_replica *r, const struct ward_hash *peer, const void *frame, size_t len, struct ward_buf *answer,
                         struct ward_hash *grant, struct ward_error *err)
{
    struct ward_message m;
    struct ward_asker a;
    int rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = ward_frame_parse(&m, frame, len, err);
    if (!rc && (m.type != WARD_MSG_REQUEST || !m.request.by_grant || memcmp(m.request.from, peer->b, 32) != 0))
        rc = ward_fail(err, WARD_ERR_PROTOCOL, "a request for another");
    if (!rc)
        rc = ward_request_check(r, &m, &a, err);
    a.complete = true; /* whoever asks over a link has synced over it */
    return rc ? rc : answer_with(r, &a, frame, len, answer, grant, err);
}

/* ---- by files */

/* The first frame of a request or answer file. */
int ward_lead_frame(ward_replica *r, const char *path, struct ward_buf *out, uint64_t *size, struct ward_error *err)
{
    uint8_t head[3] = {0}, *room;
    size_t got = 0, len, width;
    struct ward_file_in *f;
    int rc = ward_file_in_open(&r->env, path, &f, size, err);
    if (rc)
        return rc;
    rc = ward_file_in_read(f, head, 1, &got, err);
    len = head[0] & 0x1f;
    width = head[0] >= 0x40 && head[0] < 0x58 ? 0 : head[0] == 0x58 ? 1 : head[0] == 0x59 ? 2 : 3;
    if (!rc && (got == 0 || width == 3))
        rc = WARD_ERR_REQUEST;
    if (!rc && width)
        rc = ward_file_in_read(f, head + 1, width, &got, err);
    if (!rc && width)
        len = got < width ? 0 : width == 1 ? head[1] : (size_t)head[1] << 8 | head[2];
    ward_buf_clear(out);
    room = rc ? NULL : ward_buf_room(out, len + 1);
    if (!rc && !room)
        rc = ward_fail(err, WARD_ERR_MEMORY, "file");
    while (!rc && out->len < len && (rc = ward_file_in_read(f, room + out->len, len - out->len, &got, err)) == WARD_OK && got)
        out->len += got;
    ward_file_in_close(f);
    if (!rc && out->len != len)
        rc = WARD_ERR_REQUEST;
    return rc == WARD_ERR_REQUEST ? ward_fail(err, rc, "%s", path) : rc;
}

/* How many bytes the frame takes as the byte string that a file begins with. */
size_t ward_lead_bytes(size_t frame_len)
{
    return frame_len + (frame_len < 24 ? 1 : frame_len < 256 ? 2 : 3);
}

struct filed {
    struct ward_buf frame;
    uint64_t size;
    struct ward_message m;
    struct ward_asker asker;
};

static int check_filed(ward_replica *r, struct filed *f, struct ward_error *err)
{
    struct ward_error why = {0};
    int rc = ward_frame_parse(&f->m, f->frame.p, f->frame.len, &why);
    if (rc == WARD_ERR_VERSION)
        return ward_fail(err, rc, "%s", why.detail);
    if (rc || f->m.type != WARD_MSG_REQUEST)
        return ward_fail(err, WARD_ERR_REQUEST, "%s", rc ? why.detail : "the file holds something else");
    return ward_request_check(r, &f->m, &f->asker, err);
}

static int read_filed(ward_replica *r, const char *path, struct filed *f, struct ward_error *err)
{
    ward_buf_init(&f->frame, &r->env);
    int rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = ward_lead_frame(r, path, &f->frame, &f->size, err);
    return rc ? rc : check_filed(r, f, err);
}

/* The request that a hub has noted for the operators. */
static int read_noted(ward_replica *r, const struct ward_hash *device, struct filed *f, struct ward_error *err)
{
    struct ward_id entity;
    ward_record *rec;
    ward_buf_init(&f->frame, &r->env);
    int rc = ward_replica_refresh(r, err);
    ward_grant_entity(&entity, device);
    if (!rc)
        rc = ward_get(r, WARD_KIND_GRANT, &entity, false, &rec, err);
    if (rc)
        return rc;
    struct ward_value v = ward_record_value(rec, WARD_GRANT_ASKED);
    if (v.type == WARD_BYTES)
        ward_buf_add(&f->frame, v.p, v.len);
    ward_record_free(rec);
    if (f->frame.len == 0)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "this device asks for nothing");
    if (ward_buf_status(&f->frame))
        return ward_fail(err, WARD_ERR_MEMORY, "request");
    rc = check_filed(r, f, err);
    if (!rc && (!f->asker.by_grant || memcmp(f->asker.from, device->b, 32) != 0))
        rc = ward_fail(err, WARD_ERR_REQUEST, "it speaks for another device");
    return rc;
}

static int describe(ward_replica *r, const struct filed *f, struct ward_request_info *out, struct ward_error *err)
{
    const struct ward_asker *a = &f->asker;
    struct ward_buf body;
    struct ward_grant g = {.role = WARD_ROLE_CELL};
    *out = (struct ward_request_info){.replaces_keys = a->by_grant};
    ward_fingerprint(out->words, a->sign_pk, a->link_pk);
    snprintf(out->name, sizeof out->name, "%.*s", (int)a->name_len, (const char *)a->name);
    int rc = WARD_OK;
    if (a->by_grant) {
        memcpy(out->device.b, a->from, 32);
        const struct ward_grant *old = ward_directory_grant(&r->dir, &out->device);
        out->unit = old->unit; /* ward_request_check has seen it */
        out->role = old->role;
    } else {
        struct ward_invitation_row row;
        rc = ward_invitation_read(r, a->from, &row, err);
        if (rc)
            return rc;
        out->unit = row.unit;
        out->role = row.role;
        if (row.name[0])
            memcpy(out->name, row.name, sizeof row.name);
    }
    ward_buf_init(&body, &r->env);
    rc = make_grant(a, &out->unit, out->role, &body, &g, err);
    out->granted = !rc && ward_grant_stands(&r->dir, &g.id);
    ward_buf_free(&body);
    return rc;
}

int ward_request_show(ward_replica *r, const char *path, struct ward_request_info *out, struct ward_error *err)
{
    struct filed f;
    int rc = read_filed(r, path, &f, err);
    if (!rc)
        rc = describe(r, &f, out, err);
    ward_buf_free(&f.frame);
    return rc;
}

int ward_request_noted(ward_replica *r, const struct ward_hash *device, struct ward_request_info *out, struct ward_error *err)
{
    struct filed f;
    int rc = read_noted(r, device, &f, err);
    if (!rc)
        rc = describe(r, &f, out, err);
    ward_buf_free(&f.frame);
    return rc;
}

static int write_answer(ward_replica *r, const struct ward_buf *body, const struct ward_hash *grant, const char *path,
                        struct ward_error *err)
{
    struct ward_bundle_options options = {.for_grant = grant};
    struct ward_buf frame;
    ward_buf_init(&frame, &r->env);
    ward_frame_joined(&frame, r->root_pk, body->p, body->len);
    int rc = ward_buf_status(&frame) ? ward_fail(err, WARD_ERR_MEMORY, "answer") : WARD_OK;
    if (!rc)
        rc = ward_bundle_write_after(r, path, &frame, &options, NULL, err);
    ward_buf_free(&frame);
    return rc;
}

static int admit(ward_replica *r, struct filed *f, bool complete, const char *answer, struct ward_hash *grant, struct ward_error *err)
{
    struct ward_buf body;
    ward_buf_init(&body, &r->env);
    f->asker.person = true;
    f->asker.complete = complete;
    int rc = ward_keys_check(r->keys, err);
    if (!rc)
        rc = ward_admit_asker(r, &f->asker, f->frame.p, f->frame.len, &body, grant, err);
    if (!rc && answer)
        rc = write_answer(r, &body, grant, answer, err);
    ward_buf_free(&body);
    return rc;
}

int ward_admit(ward_replica *r, const char *request, const char *answer, struct ward_hash *grant, struct ward_error *err)
{
    struct filed f;
    int rc = read_filed(r, request, &f, err);
    size_t lead = ward_lead_bytes(f.frame.len);
    if (!rc && f.size > lead) /* what the device wrote so far comes with its request: a cut made now is to lie after it */
        rc = ward_bundle_read_after(r, request, lead, NULL, NULL, NULL, err);
    if (!rc)
        rc = admit(r, &f, f.size > lead, answer, grant, err);
    ward_buf_free(&f.frame);
    return rc;
}

int ward_admit_noted(ward_replica *r, const struct ward_hash *device, const char *answer, struct ward_hash *grant, struct ward_error *err)
{
    struct filed f;
    int rc = read_noted(r, device, &f, err);
    if (!rc)
        rc = admit(r, &f, false, answer, grant, err);
    ward_buf_free(&f.frame);
    return rc;
}
