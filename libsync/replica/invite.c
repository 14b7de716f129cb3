#include "replica/invite.h"
#include "base/err.h"
#include "replica/commit.h"
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

/* Whose key the new device must meet at the addresses: the ward's hub device if it may let such a one in, or else this one. */
static const uint8_t *hub_key(const ward_replica *r, enum ward_role role)
{
    for (size_t i = 0; i < r->dir.grant_count; i++) {
        const struct ward_grant *g = &r->dir.grants[i];
        if (g->role == WARD_ROLE_HUB && ward_may_grant(g->role, role) && ward_grant_effective(&r->dir, &g->id) &&
            !ward_grant_is_cut(&r->dir, &g->id))
            return g->link_pk;
    }
    return r->keys->link_pk;
}

static int write_code(ward_replica *r, const uint8_t secret[SECRET_BYTES], enum ward_role role, const char *const *addresses, size_t count,
                      char *out, size_t out_size, struct ward_error *err)
{
    struct ward_buf b;
    uint8_t check[CHECK_BYTES];
    ward_buf_init(&b, &r->env);
    ward_buf_room(&b, WARD_INVITE_MAX / 2); /* so that growing leaves no copy of the secret behind */
    ward_put_array(&b, 5);
    ward_put_uint(&b, WARD_FORMAT);
    ward_put_bytes(&b, r->ward.b, 32);
    ward_put_bytes(&b, hub_key(r, role), 32);
    ward_put_bytes(&b, secret, SECRET_BYTES);
    ward_put_array(&b, count);
    for (size_t i = 0; i < count; i++)
        ward_put_text(&b, addresses[i], strlen(addresses[i]));
    int rc = ward_buf_status(&b);
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

static int write_invitation(ward_replica *r, const uint8_t link_pk[32], const struct ward_id *unit, enum ward_role role, int64_t expires_ms,
                            const char *const *addresses, size_t count, struct ward_error *err)
{
    ward_txn *t;
    struct ward_hash space;
    struct ward_id entity;
    ward_space_of_ward(r, &space);
    memcpy(entity.b, link_pk, sizeof entity.b);
    const struct {
        uint32_t field;
        struct ward_value value;
    } puts[] = {{WARD_INVITE_LINK, ward_value_bytes(link_pk, 32)},
                {WARD_INVITE_UNIT, ward_value_id(unit)},
                {WARD_INVITE_ROLE, ward_value_int((int64_t)role)},
                {WARD_INVITE_EXPIRES, ward_value_int(expires_ms)}};
    int rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < sizeof puts / sizeof puts[0]; i++)
        rc = ward_put(t, &space, WARD_KIND_INVITE, &entity, puts[i].field, NULL, 0, &puts[i].value, err);
    if (!rc)
        rc = remember_hubs(r, t, &space, addresses, count, err);
    if (rc) {
        ward_abort(t);
        return rc;
    }
    return ward_commit(t, NULL, err);
}

int ward_invite(ward_replica *r, const struct ward_id *unit, enum ward_role role, const char *const *addresses, size_t count,
                int64_t lifetime_ms, char *out, size_t out_size, struct ward_error *err)
{
    uint8_t secret[SECRET_BYTES], sk[32], pk[32];
    int rc = ward_replica_refresh(r, err);
    if (rc)
        return rc;
    const struct ward_grant *self = ward_replica_grant(r);
    if (role < WARD_ROLE_CELL || role > WARD_ROLE_HUB || ward_id_is_zero(unit) || count > WARD_HUB_ADDRESSES_MAX || lifetime_ms <= 0 ||
        lifetime_ms > LIFETIME_MAX)
        return ward_fail(err, WARD_ERR_ARGUMENT, "invitation");
    if (!self || !ward_may_grant(self->role, role))
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "only an operator admits devices");
    for (size_t i = 0; !rc && i < count; i++) {
        rc = ward_address_check(addresses[i], false, err);
        if (!rc && strlen(addresses[i]) > WARD_ADDRESS_MAX)
            rc = ward_fail(err, WARD_ERR_ADDRESS, "%s: at most %u bytes", addresses[i], WARD_ADDRESS_MAX);
    }
    if (!rc && r->env.random(r->env.ctx, secret, sizeof secret))
        rc = ward_fail(err, WARD_ERR_RANDOM, "invitation");
    if (rc)
        return rc;
    join_key(sk, pk, secret);
    sodium_memzero(sk, sizeof sk);
    rc = write_code(r, secret, role, addresses, count, out, out_size, err);
    if (!rc)
        rc = write_invitation(r, pk, unit, role, ward_replica_now(r) + lifetime_ms, addresses, count, err);
    sodium_memzero(secret, sizeof secret);
    return rc;
}

/* ---- the hub's side */

struct invitation_row {
    struct ward_id unit;
    enum ward_role role;
    int64_t expires_ms;
    bool used;
    struct ward_hash used_by;
};

static int read_invitation(ward_replica *r, const uint8_t link_pk[32], struct invitation_row *out, struct ward_error *err)
{
    struct ward_id entity;
    ward_record *rec;
    memcpy(entity.b, link_pk, sizeof entity.b);
    int rc = ward_get(r, WARD_KIND_INVITE, &entity, false, &rec, err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? ward_fail(err, WARD_ERR_INVITE_UNKNOWN, "invitation") : rc;
    struct ward_value link = ward_record_value(rec, WARD_INVITE_LINK), unit = ward_record_value(rec, WARD_INVITE_UNIT),
                      role = ward_record_value(rec, WARD_INVITE_ROLE), expires = ward_record_value(rec, WARD_INVITE_EXPIRES),
                      used = ward_record_value(rec, WARD_INVITE_USED);
    bool fine = link.type == WARD_BYTES && link.len == 32 && memcmp(link.p, link_pk, 32) == 0 && unit.type == WARD_BYTES &&
                unit.len == 16 && role.type == WARD_INT && expires.type == WARD_INT;
    if (fine) {
        *out = (struct invitation_row){.role = (enum ward_role)role.integer, .expires_ms = expires.integer};
        memcpy(out->unit.b, unit.p, 16);
        out->used = used.type == WARD_BYTES && used.len == 32;
        if (out->used)
            memcpy(out->used_by.b, used.p, 32);
    }
    ward_record_free(rec);
    return fine ? WARD_OK : ward_fail(err, WARD_ERR_INVITE_UNKNOWN, "invitation");
}

int ward_invitation_known(ward_replica *r, const uint8_t link_pk[32], struct ward_error *err)
{
    struct invitation_row row;
    return read_invitation(r, link_pk, &row, err); /* a used or expired one is told so by name, not at the door */
}

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

static int write_grant(ward_replica *r, const struct ward_grant *g, const struct ward_buf *body, const uint8_t invite_pk[32],
                       const struct ward_message *join, struct ward_error *err)
{
    ward_txn *t;
    struct ward_hash space;
    struct ward_id grant_entity, invite_entity;
    ward_space_of_ward(r, &space);
    ward_grant_entity(&grant_entity, &g->id);
    memcpy(invite_entity.b, invite_pk, sizeof invite_entity.b);
    struct ward_value bytes = ward_value_bytes(body->p, body->len), id = ward_value_bytes(g->id.b, 32),
                      from = ward_value_id(&invite_entity);
    struct ward_value name = {.type = WARD_TEXT, .p = join->text, .len = join->text_len};
    int rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    rc = ward_put(t, &space, WARD_KIND_GRANT, &grant_entity, WARD_GRANT_BODY, NULL, 0, &bytes, err);
    if (!rc)
        rc = ward_put(t, &space, WARD_KIND_GRANT, &grant_entity, WARD_GRANT_NAME, NULL, 0, &name, err);
    if (!rc)
        rc = ward_put(t, &space, WARD_KIND_GRANT, &grant_entity, WARD_GRANT_INVITATION, NULL, 0, &from, err);
    if (!rc)
        rc = ward_put(t, &space, WARD_KIND_INVITE, &invite_entity, WARD_INVITE_USED, NULL, 0, &id, err);
    if (rc) {
        ward_abort(t);
        return rc;
    }
    return ward_commit(t, NULL, err);
}

static int admit(ward_replica *r, const uint8_t invite_pk[32], const struct invitation_row *row, const struct ward_message *join,
                 struct ward_buf *body, struct ward_hash *grant, struct ward_error *err)
{
    struct ward_grant g = {.unit = row->unit, .role = row->role}, checked;
    memcpy(g.sign_pk, join->join.sign_pk, 32);
    memcpy(g.link_pk, join->join.link_pk, 32);
    ward_grant_write(body, &g);
    if (ward_buf_status(body))
        return ward_fail(err, WARD_ERR_MEMORY, "grant");
    int rc = ward_grant_parse(&checked, body->p, body->len, err);
    if (rc)
        return rc;
    *grant = checked.id;
    if (row->used) /* asked again after a broken link: the same keys, the same answer */
        return ward_hash_compare(&row->used_by, &checked.id) == 0 ? WARD_OK : ward_fail(err, WARD_ERR_INVITE_USED, "invitation");
    const struct ward_grant *self = ward_replica_grant(r);
    if (!self || !ward_may_grant(self->role, row->role)) /* the grant would have no effect, and the invitation be used up */
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "this device may not let one of that role in");
    if (row->expires_ms < ward_replica_now(r))
        return ward_fail(err, WARD_ERR_INVITE_EXPIRED, "invitation");
    const struct ward_grant *known = ward_directory_grant_by_link(&r->dir, g.link_pk);
    if (known)
        return ward_fail(err, WARD_ERR_GRANT_BAD, "these keys belong to another device");
    return write_grant(r, &checked, body, invite_pk, join, err);
}

int ward_invitation_accept(ward_replica *r, const uint8_t link_pk[32], const struct ward_message *join, struct ward_buf *answer,
                           struct ward_hash *grant, struct ward_error *err)
{
    struct invitation_row row;
    struct ward_hash asked;
    int rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = read_invitation(r, link_pk, &row, err);
    if (rc)
        return rc;
    ward_join_hash(&asked, &r->ward, link_pk, join->text, join->text_len, join->join.sign_pk, join->join.link_pk);
    if (crypto_sign_verify_detached(join->join.signature, asked.b, sizeof asked.b, join->join.sign_pk) != 0)
        return ward_fail(err, WARD_ERR_SEAL, "join");
    struct ward_buf body;
    ward_buf_init(&body, &r->env);
    rc = admit(r, link_pk, &row, join, &body, grant, err);
    if (!rc) {
        ward_frame_joined(answer, r->root_pk, body.p, body.len);
        rc = ward_buf_status(answer);
    }
    ward_buf_free(&body);
    return rc;
}
