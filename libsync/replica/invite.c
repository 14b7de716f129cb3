#include "replica/invite.h"
#include "base/err.h"
#include "replica/admit.h"
#include "replica/cut.h"
#include "shell/link.h"
#include "values/base32.h"
#include "values/feed.h"
#include "values/hash.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIX       "WS1"
#define SECRET_BYTES 16
#define CHECK_BYTES  4
#define LIFETIME_MAX (366ll * 86400000)

/* ---- the code */

/* What vouches for a request that comes in a file, where no link shows that its maker holds the code. */
static void voucher_key(struct ward_sign_key *out, const uint8_t secret[SECRET_BYTES])
{
    struct ward_hash seed;
    ward_hash_once(&seed, "wardsync vouch", secret, SECRET_BYTES);
    ward_sign_key_from_seed(out, seed.b);
    sodium_memzero(&seed, sizeof seed);
}

static void join_key(uint8_t sk[32], uint8_t pk[32], const uint8_t secret[SECRET_BYTES])
{
    struct ward_hash seed;
    ward_hash_once(&seed, "wardsync joinkey", secret, SECRET_BYTES);
    memcpy(sk, seed.b, 32);
    sk[0] &= 248;
    sk[31] = (uint8_t)((sk[31] & 127) | 64);
    ward_link_public(pk, sk);
    sodium_memzero(&seed, sizeof seed);
}

static void check_of(uint8_t check[CHECK_BYTES], const void *p, size_t len)
{
    struct ward_hash h;
    ward_hash_once(&h, "wardsync invite", p, len);
    memcpy(check, h.b, CHECK_BYTES);
}

static bool read_payload(struct ward_invitation *v, uint64_t *version, const uint8_t *p, size_t len)
{
    struct ward_cbor c;
    size_t count, text_len;
    const uint8_t *ward, *hub, *secret, *text;
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array_exact(&c, 5) || !ward_cbor_uint(&c, version, UINT64_MAX) || *version != WARD_FORMAT ||
        !ward_cbor_bytes_exact(&c, &ward, 32) || !ward_cbor_bytes_exact(&c, &hub, 32) ||
        !ward_cbor_bytes_exact(&c, &secret, SECRET_BYTES) || !ward_cbor_array(&c, &count) || count > WARD_HUB_ADDRESSES_MAX)
        return false;
    memcpy(v->ward.b, ward, 32);
    memcpy(v->hub_link_pk, hub, 32);
    join_key(v->link_sk, v->link_pk, secret);
    voucher_key(&v->sign, secret);
    for (size_t i = 0; i < count; i++) {
        if (!ward_cbor_text(&c, &text, &text_len) || text_len > WARD_ADDRESS_MAX)
            return false;
        memcpy(v->addresses[i], text, text_len);
        v->addresses[i][text_len] = 0;
    }
    v->address_count = count;
    return ward_cbor_end(&c);
}

int ward_invitation_parse(struct ward_invitation *out, const char *code, struct ward_error *err)
{
    uint8_t bytes[WARD_INVITE_MAX], check[CHECK_BYTES];
    size_t len;
    uint64_t version = WARD_FORMAT;
    struct ward_invitation v = {0};
    while (*code == ' ' || *code == '\t' || *code == '\n')
        code++;
    bool fine = strlen(code) < WARD_INVITE_MAX && toupper((unsigned char)code[0]) == 'W' && toupper((unsigned char)code[1]) == 'S' &&
                code[2] == '1' && code[3] == '-' && ward_base32_decode(bytes, sizeof bytes, &len, code + 4) && len > CHECK_BYTES;
    if (fine) {
        check_of(check, bytes, len - CHECK_BYTES);
        fine = memcmp(check, bytes + len - CHECK_BYTES, CHECK_BYTES) == 0 && read_payload(&v, &version, bytes, len - CHECK_BYTES);
    }
    sodium_memzero(bytes, sizeof bytes);
    if (version != WARD_FORMAT)
        return ward_fail(err, WARD_ERR_VERSION, "invitation of version %llu", (unsigned long long)version);
    if (!fine)
        return ward_fail(err, WARD_ERR_INVITE_MANGLED, "the code is not complete or has a typing error");
    *out = v;
    return WARD_OK;
}

static bool may_let_in(const ward_replica *r, const struct ward_grant *g, enum ward_role role)
{
    return g && ward_may_grant(g->role, role) && ward_grant_stands(&r->dir, &g->id);
}

struct answering {
    const char *const *addresses;
    size_t count;
    struct ward_hash grant;
    int64_t last_ms;
    bool found;
};

static int look_who_answers(void *ctx, const struct ward_store_peer *p)
{
    struct answering *x = ctx;
    for (size_t i = 0; i < x->count; i++)
        if (strcmp(p->address, x->addresses[i]) == 0 && (!x->found || p->last_contact_ms > x->last_ms)) {
            x->grant = p->grant;
            x->last_ms = p->last_contact_ms;
            x->found = true;
        }
    return WARD_OK;
}

/* Whose key the new device must meet at the addresses: that of whoever answered this one there last, or has taken its place, if it may let
 * such a one in; or else of a hub device that may; or else this one's own. */
static int hub_key(ward_replica *r, enum ward_role role, const char *const *addresses, size_t count, const uint8_t **out,
                   struct ward_error *err)
{
    struct answering x = {.addresses = addresses, .count = count};
    const struct ward_grant *who = NULL;
    int rc = ward_store_each_peer(r->store, look_who_answers, &x, err);
    bool more = x.found;
    for (size_t i = 0; more && !who && i < r->dir.grant_count; i++) {
        const struct ward_grant *g = ward_directory_grant(&r->dir, &x.grant);
        who = may_let_in(r, g, role) ? g : NULL;
        more = who || ward_grant_follower(r, &x.grant, &x.grant, NULL);
    }
    for (size_t i = 0; !who && i < r->dir.grant_count; i++)
        if (r->dir.grants[i].role == WARD_ROLE_HUB && may_let_in(r, &r->dir.grants[i], role))
            who = &r->dir.grants[i];
    *out = who ? who->link_pk : r->keys->link_pk;
    return rc;
}

static int write_code(ward_replica *r, const uint8_t secret[SECRET_BYTES], enum ward_role role, const char *const *addresses, size_t count,
                      char *out, size_t out_size, struct ward_error *err)
{
    struct ward_buf b;
    uint8_t check[CHECK_BYTES];
    const uint8_t *key;
    int rc = hub_key(r, role, addresses, count, &key, err);
    if (rc)
        return rc;
    ward_buf_init(&b, &r->env);
    ward_buf_room(&b, WARD_INVITE_MAX / 2); /* so that growing leaves no copy of the secret behind */
    ward_put_array(&b, 5);
    ward_put_uint(&b, WARD_FORMAT);
    ward_put_bytes(&b, r->ward.b, 32);
    ward_put_bytes(&b, key, 32);
    ward_put_bytes(&b, secret, SECRET_BYTES);
    ward_put_array(&b, count);
    for (size_t i = 0; i < count; i++)
        ward_put_text(&b, addresses[i], strlen(addresses[i]));
    rc = ward_buf_status(&b);
    if (!rc) {
        check_of(check, b.p, b.len);
        ward_buf_add(&b, check, sizeof check);
        rc = ward_buf_status(&b);
    }
    size_t need = rc ? 0 : sizeof PREFIX + 1 + (b.len * 8 + 4) / 5;
    if (rc || need > out_size) {
        rc = ward_fail(err, rc ? rc : WARD_ERR_ARGUMENT, "invitation");
    } else {
        size_t n = (size_t)snprintf(out, out_size, PREFIX "-");
        ward_base32_encode(out + n, b.p, b.len);
    }
    if (b.p)
        sodium_memzero(b.p, b.cap);
    ward_buf_free(&b);
    return rc;
}

/* ---- inviting */

static int remember_hubs(ward_replica *r, ward_txn *t, const struct ward_hash *space, const char *const *addresses, size_t count,
                         struct ward_error *err)
{
    struct ward_id ward;
    struct ward_value yes = ward_value_bool(true);
    memcpy(ward.b, r->ward.b, sizeof ward.b);
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = ward_put(t, space, WARD_KIND_WARD, &ward, WARD_WARD_HUBS, addresses[i], strlen(addresses[i]), &yes, err);
    return rc;
}

struct inviting {
    struct ward_id unit;
    enum ward_role role;
    const char *name;                /* of the device to come; NULL: what it says itself */
    const struct ward_hash *follows; /* the grant that it takes the place of, or NULL */
    int64_t lifetime_ms;
    const char *const *addresses;
    size_t address_count;
};

static int put_invitation(ward_replica *r, ward_txn *t, const struct inviting *v, const uint8_t link_pk[32], const uint8_t sign_pk[32],
                          struct ward_error *err)
{
    struct ward_hash space;
    struct ward_id entity;
    ward_space_of_ward(r, &space);
    memcpy(entity.b, link_pk, sizeof entity.b);
    const struct {
        uint32_t field;
        bool there;
        struct ward_value value;
    } puts[] = {{WARD_INVITE_LINK, true, ward_value_bytes(link_pk, 32)},
                {WARD_INVITE_UNIT, true, ward_value_id(&v->unit)},
                {WARD_INVITE_ROLE, true, ward_value_int((int64_t)v->role)},
                {WARD_INVITE_EXPIRES, true, ward_value_int(ward_replica_now(r) + v->lifetime_ms)},
                {WARD_INVITE_SIGN, true, ward_value_bytes(sign_pk, 32)},
                {WARD_INVITE_FOLLOWS, v->follows, ward_value_bytes(v->follows ? v->follows->b : NULL, 32)},
                {WARD_INVITE_NAME, v->name, ward_value_text(v->name ? v->name : "")}};
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < sizeof puts / sizeof puts[0]; i++)
        if (puts[i].there)
            rc = ward_put(t, &space, WARD_KIND_INVITE, &entity, puts[i].field, NULL, 0, &puts[i].value, err);
    return rc ? rc : remember_hubs(r, t, &space, v->addresses, v->address_count, err);
}

/* Where none is named, the new device is told what all know. */
struct known_hubs {
    char text[WARD_HUB_ADDRESSES_MAX][WARD_ADDRESS_MAX + 1];
    const char *list[WARD_HUB_ADDRESSES_MAX];
    size_t count;
};

static int find_known_hubs(ward_replica *r, struct known_hubs *out, struct ward_error *err)
{
    struct ward_id ward;
    ward_record *rec;
    const uint8_t *key;
    size_t len;
    memcpy(ward.b, r->ward.b, sizeof ward.b);
    out->count = 0;
    int rc = ward_get(r, WARD_KIND_WARD, &ward, false, &rec, err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
    for (size_t i = 0; i < ward_record_member_count(rec, WARD_WARD_HUBS) && out->count < WARD_HUB_ADDRESSES_MAX; i++) {
        if (ward_record_member(rec, WARD_WARD_HUBS, i, &key, &len) || len > WARD_ADDRESS_MAX)
            continue;
        memcpy(out->text[out->count], key, len);
        out->text[out->count][len] = 0;
        out->list[out->count] = out->text[out->count];
        out->count++;
    }
    ward_record_free(rec);
    return WARD_OK;
}

static int check_inviting(ward_replica *r, const struct inviting *v, struct ward_error *err)
{
    const struct ward_grant *self = ward_replica_grant(r);
    if (v->role < WARD_ROLE_CELL || v->role > WARD_ROLE_HUB || ward_id_is_zero(&v->unit) || v->address_count > WARD_HUB_ADDRESSES_MAX ||
        v->lifetime_ms <= 0 || v->lifetime_ms > LIFETIME_MAX)
        return ward_fail(err, WARD_ERR_ARGUMENT, "invitation");
    if (!self || !ward_may_grant(self->role, v->role))
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "only an operator admits devices");
    for (size_t i = 0; i < v->address_count; i++) {
        int rc = ward_address_check(v->addresses[i], false, err);
        if (!rc && strlen(v->addresses[i]) > WARD_ADDRESS_MAX)
            rc = ward_fail(err, WARD_ERR_ADDRESS, "%s: at most %u bytes", v->addresses[i], WARD_ADDRESS_MAX);
        if (rc)
            return rc;
    }
    return WARD_OK;
}

/* The code is made first: what cannot be told to anyone is not written down either. also: a cut in the same change, or nothing. */
static int invite(ward_replica *r, const struct inviting *asked, const struct ward_cutting *also, char *out, size_t out_size,
                  struct ward_error *err)
{
    struct inviting with_hubs = *asked, *v = &with_hubs;
    uint8_t secret[SECRET_BYTES], sk[32], pk[32];
    struct ward_sign_key sign;
    struct known_hubs hubs = {.count = 0};
    ward_txn *t;
    int rc = check_inviting(r, v, err);
    if (!rc && v->address_count == 0) {
        rc = find_known_hubs(r, &hubs, err);
        v->addresses = hubs.list;
        v->address_count = hubs.count;
    }
    if (!rc && r->env.random(r->env.ctx, secret, sizeof secret))
        rc = ward_fail(err, WARD_ERR_RANDOM, "invitation");
    if (rc)
        return rc;
    join_key(sk, pk, secret);
    voucher_key(&sign, secret);
    sodium_memzero(sk, sizeof sk);
    sodium_memzero(sign.sk, sizeof sign.sk);
    rc = write_code(r, secret, v->role, v->addresses, v->address_count, out, out_size, err);
    sodium_memzero(secret, sizeof secret);
    if (!rc)
        rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    rc = put_invitation(r, t, v, pk, sign.pk, err);
    if (!rc && also)
        rc = ward_cut_put(r, t, also, err);
    if (!rc)
        return ward_commit(t, NULL, err);
    ward_abort(t);
    return rc;
}

int ward_invite(ward_replica *r, const struct ward_id *unit, enum ward_role role, const char *const *addresses, size_t count,
                int64_t lifetime_ms, char *out, size_t out_size, struct ward_error *err)
{
    struct inviting v = {.unit = *unit, .role = role, .lifetime_ms = lifetime_ms, .addresses = addresses, .address_count = count};
    int rc = ward_replica_refresh(r, err);
    return rc ? rc : invite(r, &v, NULL, out, out_size, err);
}

int ward_replace(ward_replica *r, const struct ward_hash *grant, const char *reason, const char *const *addresses, size_t count,
                 int64_t lifetime_ms, char *out, size_t out_size, struct ward_error *err)
{
    struct ward_cutting cut = {.grant = *grant, .reason = reason, .after = UINT64_MAX};
    char name[WARD_NAME_MAX + 1];
    int rc = ward_cut_prepare(r, &cut, err);
    if (!rc)
        rc = ward_device_name(r, grant, name, sizeof name, err);
    if (!rc) {
        const struct ward_grant *g = ward_directory_grant(&r->dir, grant);
        struct inviting v = {.unit = g->unit,
                             .role = g->role,
                             .name = name[0] ? name : NULL,
                             .follows = grant,
                             .lifetime_ms = lifetime_ms,
                             .addresses = addresses,
                             .address_count = count};
        rc = invite(r, &v, &cut, out, out_size, err);
    }
    ward_cut_free(&cut);
    return rc;
}

/* ---- the records */

static bool read_row(const ward_record *rec, struct ward_invitation_row *out, uint8_t link_pk[32])
{
    struct ward_value link = ward_record_value(rec, WARD_INVITE_LINK), unit = ward_record_value(rec, WARD_INVITE_UNIT),
                      role = ward_record_value(rec, WARD_INVITE_ROLE), expires = ward_record_value(rec, WARD_INVITE_EXPIRES),
                      used = ward_record_value(rec, WARD_INVITE_USED), sign = ward_record_value(rec, WARD_INVITE_SIGN),
                      follows = ward_record_value(rec, WARD_INVITE_FOLLOWS), name = ward_record_value(rec, WARD_INVITE_NAME),
                      withdrawn = ward_record_value(rec, WARD_INVITE_WITHDRAWN);
    if (link.type != WARD_BYTES || link.len != 32 || unit.type != WARD_BYTES || unit.len != WARD_ID_BYTES || role.type != WARD_INT ||
        expires.type != WARD_INT || role.integer < WARD_ROLE_CELL || role.integer > WARD_ROLE_HUB)
        return false;
    *out = (struct ward_invitation_row){.role = (enum ward_role)role.integer,
                                        .expires_ms = expires.integer,
                                        .used = used.type == WARD_BYTES && used.len == 32,
                                        .signs = sign.type == WARD_BYTES && sign.len == 32,
                                        .follows_one = follows.type == WARD_BYTES && follows.len == 32,
                                        .withdrawn = withdrawn.type == WARD_BOOL && withdrawn.boolean};
    memcpy(link_pk, link.p, 32);
    memcpy(out->unit.b, unit.p, WARD_ID_BYTES);
    if (out->used)
        memcpy(out->used_by.b, used.p, 32);
    if (out->signs)
        memcpy(out->sign_pk, sign.p, 32);
    if (out->follows_one)
        memcpy(out->follows.b, follows.p, 32);
    if (name.type == WARD_TEXT && name.len <= WARD_NAME_MAX && name.len)
        memcpy(out->name, name.p, name.len);
    return true;
}

int ward_invitation_read(ward_replica *r, const uint8_t link_pk[32], struct ward_invitation_row *out, struct ward_error *err)
{
    struct ward_id entity;
    uint8_t written[32];
    ward_record *rec;
    memcpy(entity.b, link_pk, sizeof entity.b);
    int rc = ward_get(r, WARD_KIND_INVITE, &entity, false, &rec, err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? ward_fail(err, WARD_ERR_INVITE_UNKNOWN, "invitation") : rc;
    bool fine = read_row(rec, out, written) && memcmp(written, link_pk, 32) == 0;
    ward_record_free(rec);
    return fine ? WARD_OK : ward_fail(err, WARD_ERR_INVITE_UNKNOWN, "invitation");
}

int ward_invitation_known(ward_replica *r, const uint8_t link_pk[32], struct ward_error *err)
{
    struct ward_invitation_row row;
    return ward_invitation_read(r, link_pk, &row, err); /* a used or expired one is told so by name, not at the door */
}

int ward_invitation_sign_pk(ward_replica *r, const uint8_t link_pk[32], uint8_t out[32], struct ward_error *err)
{
    struct ward_invitation_row row;
    int rc = ward_invitation_read(r, link_pk, &row, err);
    if (!rc && !row.signs)
        rc = ward_fail(err, WARD_ERR_INVITE_UNKNOWN, "this invitation is of a time when there were no requests by files");
    if (!rc)
        memcpy(out, row.sign_pk, 32);
    return rc;
}

struct each_invitation {
    ward_replica *r;
    ward_invitation_fn *fn;
    void *ctx;
};

static int give_invitation(void *ctx, const ward_record *rec)
{
    const struct each_invitation *e = ctx;
    struct ward_invitation_row row;
    uint8_t link_pk[32];
    if (!read_row(rec, &row, link_pk))
        return WARD_OK;
    struct ward_invitation_info info = {.id = *ward_record_id(rec),
                                        .unit = row.unit,
                                        .role = row.role,
                                        .expires_ms = row.expires_ms,
                                        .follows = row.follows,
                                        .follows_one = row.follows_one,
                                        .used_by = row.used_by};
    info.state = row.used                                  ? WARD_INVITATION_USED
                 : row.withdrawn                           ? WARD_INVITATION_WITHDRAWN
                 : row.expires_ms < ward_replica_now(e->r) ? WARD_INVITATION_EXPIRED
                                                           : WARD_INVITATION_OPEN;
    memcpy(info.name, row.name, sizeof row.name);
    return e->fn(e->ctx, &info);
}

int ward_invitations(ward_replica *r, ward_invitation_fn *fn, void *ctx, struct ward_error *err)
{
    struct each_invitation e = {r, fn, ctx};
    return ward_each(r, WARD_KIND_INVITE, give_invitation, &e, err);
}

int ward_invite_withdraw(ward_replica *r, const struct ward_id *invitation, struct ward_error *err)
{
    struct ward_invitation_row row;
    struct ward_hash space;
    struct ward_value yes = ward_value_bool(true);
    uint8_t link_pk[32];
    ward_record *rec;
    ward_txn *t;
    int rc = ward_get(r, WARD_KIND_INVITE, invitation, false, &rec, err);
    if (rc)
        return rc;
    bool fine = read_row(rec, &row, link_pk);
    ward_record_free(rec);
    if (!fine)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "invitation");
    if (row.used)
        return ward_fail(err, WARD_ERR_INVITE_USED, "it can no longer be withdrawn");
    ward_space_of_ward(r, &space);
    rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    rc = ward_put(t, &space, WARD_KIND_INVITE, invitation, WARD_INVITE_WITHDRAWN, NULL, 0, &yes, err);
    if (!rc)
        return ward_commit(t, NULL, err);
    ward_abort(t);
    return rc;
}

/* ---- over a link */

void ward_join_hash(struct ward_hash *out, const struct ward_hash *ward, const uint8_t invite_pk[32], const void *name, size_t name_len,
                    const uint8_t sign_pk[32], const uint8_t link_pk[32])
{
    uint8_t bytes[512];
    struct ward_buf b = {.p = bytes, .cap = sizeof bytes}; /* 4 x 34 + WARD_NAME_MAX + 3 fit */
    ward_put_array(&b, 5);
    ward_put_bytes(&b, ward->b, 32);
    ward_put_bytes(&b, invite_pk, 32);
    ward_put_text(&b, name, name_len);
    ward_put_bytes(&b, sign_pk, 32);
    ward_put_bytes(&b, link_pk, 32);
    ward_hash_once(out, "wardsync joinreq", b.p, b.len);
}

#define TRIES_MAX  8
#define TRIES_SPAN 600000 /* ms */

bool ward_tries_left(const struct ward_tries *t, const uint8_t link_pk[32], int64_t mono_ms)
{
    for (size_t i = 0; i < WARD_TRIES_KEPT; i++)
        if (t->v[i].refused && memcmp(t->v[i].link_pk, link_pk, 32) == 0)
            return t->v[i].refused < TRIES_MAX || mono_ms - t->v[i].since_ms >= TRIES_SPAN;
    return true;
}

/* Only keys of invitations come as far, so that nobody fills the table but who holds codes. */
void ward_tries_note(struct ward_tries *t, const uint8_t link_pk[32], int64_t mono_ms)
{
    size_t at = 0;
    for (size_t i = 0; i < WARD_TRIES_KEPT; i++) {
        if (t->v[i].refused && memcmp(t->v[i].link_pk, link_pk, 32) == 0) {
            at = i;
            break;
        }
        if (t->v[i].refused == 0 || (t->v[at].refused && t->v[i].since_ms < t->v[at].since_ms))
            at = i;
    }
    bool same = t->v[at].refused && memcmp(t->v[at].link_pk, link_pk, 32) == 0 && mono_ms - t->v[at].since_ms < TRIES_SPAN;
    if (!same) {
        memcpy(t->v[at].link_pk, link_pk, 32);
        t->v[at].refused = 0;
        t->v[at].since_ms = mono_ms;
    }
    t->v[at].refused++;
}
