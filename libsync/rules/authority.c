#include "rules/authority.h"
#include "base/err.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/seal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BIT(role) (uint8_t)(1u << (role))

const struct ward_role_rules *ward_role_rules(enum ward_role role)
{
    static const struct ward_role_rules rules[] = {
        [WARD_ROLE_ROOT] = {.rank = 3, .writes_ward = true, .may_grant = 0x1e, .may_cut = true},
        [WARD_ROLE_CELL] = {.rank = 1, .writes_circles = true},
        [WARD_ROLE_OPERATOR] = {.rank = 2, .reads_all = true, .writes_ward = true, .writes_all = true, .may_grant = 0x1e, .may_cut = true},
        [WARD_ROLE_INSPECTOR] = {.rank = 1, .reads_all = true, .writes_circles = true},
        [WARD_ROLE_HUB] = {.rank = 2, .reads_all = true, .writes_ward = true, .may_grant = BIT(WARD_ROLE_CELL)},
    };
    return &rules[role <= WARD_ROLE_HUB ? role : WARD_ROLE_CELL];
}

const char *ward_role_name(enum ward_role role)
{
    static const char *const names[] = {"root", "cell", "operator", "inspector", "hub"};
    return role <= WARD_ROLE_HUB ? names[role] : "?";
}

void ward_grant_write(struct ward_buf *out, const struct ward_grant *g)
{
    ward_put_array(out, 5);
    ward_put_uint(out, WARD_FORMAT);
    ward_put_bytes(out, g->sign_pk, 32);
    ward_put_bytes(out, g->link_pk, 32);
    ward_put_bytes(out, g->unit.b, sizeof g->unit.b);
    ward_put_uint(out, (uint64_t)g->role);
}

/* A Montgomery point of small order gives an all-zero shared secret; scalarmult says so. */
static bool link_pk_valid(const uint8_t pk[32])
{
    static const uint8_t any_scalar[32] = {8};
    uint8_t shared[32];
    return crypto_scalarmult(shared, any_scalar, pk) == 0;
}

int ward_grant_read(struct ward_grant *out, const void *p, size_t len, struct ward_error *err)
{
    struct ward_cbor c;
    struct ward_grant g = {0};
    const uint8_t *sign_pk, *link_pk, *unit;
    uint64_t version, role;
    ward_cbor_init(&c, p, len);
    bool fine = ward_cbor_array_exact(&c, 5) && ward_cbor_uint(&c, &version, UINT64_MAX) &&
                ward_cbor_check(&c, version == WARD_FORMAT, WARD_ERR_VERSION) && ward_cbor_bytes_exact(&c, &sign_pk, 32) &&
                ward_cbor_bytes_exact(&c, &link_pk, 32) && ward_cbor_bytes_exact(&c, &unit, WARD_ID_BYTES) &&
                ward_cbor_uint(&c, &role, WARD_ROLE_HUB) && ward_cbor_end(&c);
    if (!fine)
        return ward_fail(err, c.code, "grant: byte %zu", c.pos);
    if (role == WARD_ROLE_ROOT)
        return ward_fail(err, WARD_ERR_GRANT_BAD, "grant: role %u", (unsigned)role);
    memcpy(g.sign_pk, sign_pk, 32);
    memcpy(g.link_pk, link_pk, 32);
    memcpy(g.unit.b, unit, sizeof g.unit.b);
    g.role = (enum ward_role)role;
    ward_name_grant(&g.id, p, len);
    *out = g;
    return WARD_OK;
}

int ward_grant_parse(struct ward_grant *out, const void *p, size_t len, struct ward_error *err)
{
    struct ward_grant g;
    int rc = ward_grant_read(&g, p, len, err);
    if (rc)
        return rc;
    if (!ward_sign_pk_valid(g.sign_pk) || !link_pk_valid(g.link_pk))
        return ward_fail(err, WARD_ERR_KEY_POINT, "grant: key");
    *out = g;
    return WARD_OK;
}

void ward_grant_of_root(struct ward_grant *out, const struct ward_hash *ward, const uint8_t root_pk[32])
{
    *out = (struct ward_grant){.id = *ward, .role = WARD_ROLE_ROOT};
    memcpy(out->sign_pk, root_pk, 32);
}

void ward_grant_entity(struct ward_id *out, const struct ward_hash *grant)
{
    memcpy(out->b, grant->b, sizeof out->b);
}

bool ward_may_read(const struct ward_grant *g, const struct ward_id *circle, size_t circle_count)
{
    if (g->role == WARD_ROLE_ROOT)
        return false;
    return circle_count == 0 || ward_role_rules(g->role)->reads_all || ward_circle_has(circle, circle_count, &g->unit);
}

bool ward_may_write(const struct ward_grant *g, const struct ward_id *circle, size_t circle_count)
{
    const struct ward_role_rules *rules = ward_role_rules(g->role);
    if (circle_count == 0)
        return rules->writes_ward;
    return rules->writes_all || (rules->writes_circles && ward_circle_has(circle, circle_count, &g->unit));
}

bool ward_may_grant(enum ward_role writer, enum ward_role role)
{
    return role <= WARD_ROLE_HUB && (ward_role_rules(writer)->may_grant & BIT(role)) != 0;
}

void ward_cut_write(struct ward_buf *out, const struct ward_cut_entry *entries, size_t count)
{
    ward_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        ward_put_array(out, 3);
        ward_put_bytes(out, entries[i].feed.b, 32);
        ward_put_uint(out, entries[i].seq);
        ward_put_bytes(out, entries[i].hash.b, 32);
    }
}

int ward_cut_parse(struct ward_cut_entry *entries, size_t cap, size_t *count, const void *p, size_t len)
{
    struct ward_cbor c;
    size_t n;
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array(&c, &n))
        return c.code;
    if (n > cap)
        return WARD_ERR_RANGE;
    for (size_t i = 0; i < n; i++) {
        if (!ward_cbor_array_exact(&c, 3) || !ward_cbor_hash(&c, &entries[i].feed) || !ward_cbor_uint(&c, &entries[i].seq, INT64_MAX) ||
            !ward_cbor_hash(&c, &entries[i].hash))
            return c.code;
        if (entries[i].seq == 0)
            return WARD_ERR_RANGE;
        if (i && ward_hash_compare(&entries[i - 1].feed, &entries[i].feed) >= 0)
            return WARD_ERR_ORDER;
    }
    if (!ward_cbor_end(&c))
        return c.code;
    *count = n;
    return WARD_OK;
}

/* An order that every replica computes alike. */
int ward_place_compare(const struct ward_place *a, const struct ward_place *b)
{
    if ((a->rank == 3) != (b->rank == 3))
        return a->rank == 3 ? -1 : 1;
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    int order = ward_hash_compare(a->feed, b->feed);
    return order ? order : (a->seq > b->seq) - (a->seq < b->seq);
}

static int cut_order(const void *pa, const void *pb)
{
    const struct ward_cut *a = pa, *b = pb;
    const struct ward_place at_a = {a->rank, a->depth, a->seq, &a->author_feed}, at_b = {b->rank, b->depth, b->seq, &b->author_feed};
    int order = ward_place_compare(&at_a, &at_b);
    return order ? order : ward_id_compare(&a->grant_entity, &b->grant_entity);
}

static uint64_t entry_limit(const struct ward_cut *cut, const struct ward_hash *feed)
{
    for (size_t i = 0; i < cut->entry_count; i++)
        if (ward_hash_compare(&cut->entries[i].feed, feed) == 0)
            return cut->entries[i].seq;
    return 0;
}

uint64_t ward_cut_limit(const struct ward_cut *cuts, size_t count, const struct ward_hash *grant, const struct ward_hash *feed)
{
    struct ward_id entity;
    uint64_t limit = UINT64_MAX;
    ward_grant_entity(&entity, grant);
    for (size_t i = 0; i < count; i++) {
        if (!cuts[i].effective || !ward_id_equal(&cuts[i].grant_entity, &entity))
            continue;
        uint64_t here = entry_limit(&cuts[i], feed);
        if (here < limit)
            limit = here;
    }
    return limit;
}

void ward_cuts_sort(struct ward_cut *cuts, size_t count)
{
    if (count)
        qsort(cuts, count, sizeof cuts[0], cut_order);
}
