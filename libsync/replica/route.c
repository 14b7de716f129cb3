#include "replica/route.h"
#include "base/err.h"
#include "shell/link.h"
#include "values/feed.h"

#include <stdio.h>
#include <string.h>

/* Whom to expect where a hub answers: the one that the invitation named (a founder has none), and the ward's hub devices, so that another
 * can take the place of a lost one; after them the operators' devices, for any of them may serve as the hub, one that was made from the
 * recovery sheet above all. A device that nobody invited is an operator's itself, and is called, so it looks for hubs alone. */
struct hub_keys {
    uint8_t pk[WARD_ROUTES_MAX][32];
    size_t count, hubs; /* operators' are behind the hubs' */
};

static void add_hub_key(const ward_replica *r, struct hub_keys *keys, const uint8_t pk[32])
{
    const struct ward_grant *g = ward_directory_grant_by_link(&r->dir, pk);
    bool out = memcmp(pk, r->keys->link_pk, 32) == 0 || keys->count == WARD_ROUTES_MAX;
    out |= g && ward_grant_is_cut(&r->dir, &g->id);
    for (size_t i = 0; i < keys->count; i++)
        out |= memcmp(keys->pk[i], pk, 32) == 0;
    if (!out)
        memcpy(keys->pk[keys->count++], pk, 32);
}

static void add_keys_of(ward_replica *r, struct hub_keys *out, enum ward_role role)
{
    for (size_t i = 0; i < r->dir.grant_count; i++) {
        const struct ward_grant *g = &r->dir.grants[i];
        if (g->role == role && ward_grant_effective(&r->dir, &g->id))
            add_hub_key(r, out, g->link_pk);
    }
}

static void find_hub_keys(ward_replica *r, struct hub_keys *out)
{
    struct ward_buf b;
    out->count = 0;
    ward_buf_init(&b, &r->env);
    bool invited = ward_store_meta_get(r->store, "hub_key", &b, NULL) == WARD_OK && b.len == 32;
    if (invited)
        add_hub_key(r, out, b.p);
    ward_buf_free(&b);
    add_keys_of(r, out, WARD_ROLE_HUB);
    out->hubs = out->count;
    if (invited)
        add_keys_of(r, out, WARD_ROLE_OPERATOR);
}

static int add(ward_replica *r, struct ward_routes *out, const char *address, const uint8_t pk[32], struct ward_error *err)
{
    int rc = ward_address_check(address, false, err);
    if (rc || out->count == WARD_ROUTES_MAX)
        return rc;
    struct ward_route *route = &out->v[out->count++];
    *route = (struct ward_route){0};
    snprintf(route->address, sizeof route->address, "%s", address);
    memcpy(route->link_pk, pk, 32);
    const struct ward_grant *g = ward_directory_grant_by_link(&r->dir, pk);
    if (g) {
        route->peer = *g;
    } else { /* the invitation's hub, before the ward's records have arrived: it may read all, and what it sends is checked like anyone's */
        memcpy(route->peer.link_pk, pk, 32);
        route->peer.role = WARD_ROLE_OPERATOR;
    }
    return WARD_OK;
}

static bool is_listed(const struct ward_routes *routes, const char *address, const uint8_t pk[32])
{
    for (size_t i = 0; i < routes->count; i++)
        if (strcmp(routes->v[i].address, address) == 0 && memcmp(routes->v[i].link_pk, pk, 32) == 0)
            return true;
    return false;
}

static void add_some(ward_replica *r, struct ward_routes *out, const char *address, const struct hub_keys *keys, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (!is_listed(out, address, keys->pk[i]))
            add(r, out, address, keys->pk[i], NULL); /* a bad address among them does not spoil the others */
}

#define ADDRESSES_MAX ((size_t)2 * WARD_HUB_ADDRESSES_MAX) /* the ward's and the invitation's */
struct addresses {
    char v[ADDRESSES_MAX][WARD_ADDRESS_MAX + 1];
    size_t count;
};

static void add_address(struct addresses *a, const void *p, size_t len)
{
    bool known = len > WARD_ADDRESS_MAX || a->count == ADDRESSES_MAX;
    for (size_t i = 0; i < a->count && !known; i++)
        known = strlen(a->v[i]) == len && memcmp(a->v[i], p, len) == 0;
    if (known)
        return;
    memcpy(a->v[a->count], p, len);
    a->v[a->count++][len] = 0;
}

/* At each address the hubs' keys before any operator's. */
static void pair_up(ward_replica *r, struct ward_routes *out, const struct addresses *a, const struct hub_keys *keys)
{
    for (size_t i = 0; i < a->count; i++)
        add_some(r, out, a->v[i], keys, 0, keys->hubs);
    for (size_t i = 0; i < a->count; i++)
        add_some(r, out, a->v[i], keys, keys->hubs, keys->count);
}

struct met {
    const char *address;
    struct ward_hash grant;
    int64_t last_ms;
    bool found;
};

static int look_for_address(void *ctx, const struct ward_store_peer *p)
{
    struct met *m = ctx;
    if (strcmp(p->address, m->address) == 0 && (!m->found || p->last_contact_ms > m->last_ms)) {
        m->grant = p->grant;
        m->last_ms = p->last_contact_ms;
        m->found = true;
    }
    return WARD_OK;
}

static int note_met(void *ctx, const struct ward_store_peer *p)
{
    struct ward_routes *routes = ctx;
    for (size_t i = 0; i < routes->count; i++)
        if (strcmp(routes->v[i].address, p->address) == 0 && ward_hash_compare(&routes->v[i].peer.id, &p->grant) == 0)
            routes->v[i].met_ms = p->last_contact_ms;
    return WARD_OK;
}

/* Several hubs stand at several addresses: who answered last is tried first. The others stay in their order. */
static int last_met_first(ward_replica *r, struct ward_routes *routes, struct ward_error *err)
{
    int rc = ward_store_each_peer(r->store, note_met, routes, err);
    for (size_t i = 1; !rc && i < routes->count; i++)
        for (size_t j = i; j > 0 && routes->v[j].met_ms > routes->v[j - 1].met_ms; j--) {
            struct ward_route route = routes->v[j];
            routes->v[j] = routes->v[j - 1];
            routes->v[j - 1] = route;
        }
    return rc;
}

/* What the invitation named: of the ward's own list only a beginning may have arrived. */
static void invited_addresses(ward_replica *r, struct addresses *out)
{
    struct ward_buf b;
    size_t step = WARD_ADDRESS_MAX + 1;
    ward_buf_init(&b, &r->env);
    if (ward_store_meta_get(r->store, "hub_addresses", &b, NULL) == WARD_OK)
        for (size_t at = 0; at + step <= b.len; at += step)
            add_address(out, b.p + at, strnlen((const char *)b.p + at, WARD_ADDRESS_MAX));
    ward_buf_free(&b);
}

static int hub_addresses(ward_replica *r, const struct hub_keys *keys, struct ward_routes *out, struct ward_error *err)
{
    struct ward_id ward;
    ward_record *rec;
    struct addresses a = {.count = 0};
    memcpy(ward.b, r->ward.b, sizeof ward.b);
    int rc = ward_get(r, WARD_KIND_WARD, &ward, false, &rec, err);
    size_t n = rc ? 0 : ward_record_member_count(rec, WARD_WARD_HUBS);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *key;
        size_t len;
        if (!ward_record_member(rec, WARD_WARD_HUBS, i, &key, &len))
            add_address(&a, key, len);
    }
    if (!rc)
        ward_record_free(rec);
    invited_addresses(r, &a);
    pair_up(r, out, &a, keys);
    return out->count ? last_met_first(r, out, err) : ward_fail(err, WARD_ERR_NO_HUB, "no hub address is known here");
}

int ward_routes_find(ward_replica *r, const char *address, const struct ward_hash *device, struct ward_routes *out, struct ward_error *err)
{
    struct hub_keys keys;
    struct met met = {.address = address};
    out->count = 0;
    int rc = ward_replica_refresh(r, err);
    if (rc)
        return rc;
    if (device) {
        const struct ward_grant *g = ward_directory_grant(&r->dir, device);
        if (!g || !address)
            return ward_fail(err, g ? WARD_ERR_ADDRESS : WARD_ERR_NOT_FOUND, g ? "a device needs an address" : "device");
        return add(r, out, address, g->link_pk, err);
    }
    find_hub_keys(r, &keys);
    if (!address)
        return keys.count ? hub_addresses(r, &keys, out, err) : ward_fail(err, WARD_ERR_NO_HUB, "this device was not invited by a hub");
    rc = ward_store_each_peer(r->store, look_for_address, &met, err);
    if (rc)
        return rc;
    const struct ward_grant *g = met.found ? ward_directory_grant(&r->dir, &met.grant) : NULL;
    bool there = g && !ward_grant_is_cut(&r->dir, &g->id);
    if (!there && !keys.count)
        return ward_fail(err, WARD_ERR_NO_HUB, "name the device that is expected at %s", address);
    rc = there ? add(r, out, address, g->link_pk, err) : ward_address_check(address, false, err);
    if (!rc) /* another may answer there by now */
        add_some(r, out, address, &keys, 0, keys.count);
    return rc;
}
