#include "replica/route.h"
#include "base/err.h"
#include "shell/link.h"
#include "values/feed.h"

#include <stdio.h>
#include <string.h>

/* Whom to expect where a hub answers: the one that the invitation named (a founder has none), and the ward's hub devices, so that another
 * can take the place of a lost one. */
struct hub_keys {
    uint8_t pk[WARD_HUB_ADDRESSES_MAX][32];
    size_t count;
};

static void add_hub_key(const ward_replica *r, struct hub_keys *keys, const uint8_t pk[32])
{
    const struct ward_grant *g = ward_directory_grant_by_link(&r->dir, pk);
    bool out = memcmp(pk, r->keys->link_pk, 32) == 0 || keys->count == WARD_HUB_ADDRESSES_MAX;
    out |= g && ward_grant_is_cut(&r->dir, &g->id);
    for (size_t i = 0; i < keys->count; i++)
        out |= memcmp(keys->pk[i], pk, 32) == 0;
    if (!out)
        memcpy(keys->pk[keys->count++], pk, 32);
}

static void find_hub_keys(ward_replica *r, struct hub_keys *out)
{
    struct ward_buf b;
    out->count = 0;
    ward_buf_init(&b, &r->env);
    if (ward_store_meta_get(r->store, "hub_key", &b, NULL) == WARD_OK && b.len == 32)
        add_hub_key(r, out, b.p);
    ward_buf_free(&b);
    for (size_t i = 0; i < r->dir.grant_count; i++) {
        const struct ward_grant *g = &r->dir.grants[i];
        if (g->role == WARD_ROLE_HUB && ward_grant_effective(&r->dir, &g->id))
            add_hub_key(r, out, g->link_pk);
    }
}

static int add(ward_replica *r, struct ward_routes *out, const char *address, const uint8_t pk[32], struct ward_error *err)
{
    int rc = ward_address_check(address, false, err);
    if (rc || out->count == WARD_HUB_ADDRESSES_MAX)
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

static void add_hubs(ward_replica *r, struct ward_routes *out, const char *address, const struct hub_keys *keys)
{
    for (size_t i = 0; i < out->count; i++)
        if (strcmp(out->v[i].address, address) == 0)
            return;
    for (size_t i = 0; i < keys->count; i++)
        add(r, out, address, keys->pk[i], NULL); /* a bad address among them does not spoil the others */
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
        routes->v[i].met |= strcmp(routes->v[i].address, p->address) == 0 && ward_hash_compare(&routes->v[i].peer.id, &p->grant) == 0;
    return WARD_OK;
}

/* Several hubs stand at several addresses: where one has answered by its key is tried first. The others stay in their order. */
static int those_met_first(ward_replica *r, struct ward_routes *routes, struct ward_error *err)
{
    int rc = ward_store_each_peer(r->store, note_met, routes, err);
    for (size_t i = 1; !rc && i < routes->count; i++)
        for (size_t j = i; j > 0 && routes->v[j].met && !routes->v[j - 1].met; j--) {
            struct ward_route route = routes->v[j];
            routes->v[j] = routes->v[j - 1];
            routes->v[j - 1] = route;
        }
    return rc;
}

/* What the invitation named: of the ward's own list only a beginning may have arrived. */
static void invited_addresses(ward_replica *r, const struct hub_keys *keys, struct ward_routes *out)
{
    struct ward_buf b;
    size_t step = WARD_ADDRESS_MAX + 1;
    ward_buf_init(&b, &r->env);
    if (ward_store_meta_get(r->store, "hub_addresses", &b, NULL) == WARD_OK)
        for (size_t at = 0; at + step <= b.len; at += step)
            add_hubs(r, out, (const char *)b.p + at, keys);
    ward_buf_free(&b);
}

static int hub_addresses(ward_replica *r, const struct hub_keys *keys, struct ward_routes *out, struct ward_error *err)
{
    struct ward_id ward;
    ward_record *rec;
    memcpy(ward.b, r->ward.b, sizeof ward.b);
    int rc = ward_get(r, WARD_KIND_WARD, &ward, false, &rec, err);
    size_t n = rc ? 0 : ward_record_member_count(rec, WARD_WARD_HUBS);
    for (size_t i = 0; i < n; i++) {
        char address[128];
        const uint8_t *key;
        size_t len;
        if (ward_record_member(rec, WARD_WARD_HUBS, i, &key, &len) || len >= sizeof address)
            continue;
        memcpy(address, key, len);
        address[len] = 0;
        add_hubs(r, out, address, keys);
    }
    if (!rc)
        ward_record_free(rec);
    invited_addresses(r, keys, out);
    return out->count ? those_met_first(r, out, err) : ward_fail(err, WARD_ERR_NO_HUB, "no hub address is known here");
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
    if (g)
        return add(r, out, address, g->link_pk, err);
    if (!keys.count)
        return ward_fail(err, WARD_ERR_NO_HUB, "name the device that is expected at %s", address);
    rc = ward_address_check(address, false, err);
    if (!rc)
        add_hubs(r, out, address, &keys);
    return rc;
}
