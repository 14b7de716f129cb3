#include "replica/route.h"
#include "base/err.h"
#include "shell/link.h"
#include "values/feed.h"

#include <stdio.h>
#include <string.h>

/* The key that the invitation named as the hub's; a founder has none. */
static bool hub_key(ward_replica *r, uint8_t pk[32])
{
    struct ward_buf b;
    ward_buf_init(&b, &r->env);
    bool fine = ward_store_meta_get(r->store, "hub_key", &b, NULL) == WARD_OK && b.len == 32;
    if (fine)
        memcpy(pk, b.p, 32);
    ward_buf_free(&b);
    return fine && memcmp(pk, r->keys->link_pk, 32) != 0;
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

/* What the invitation named, until the ward's own list has arrived. */
static void invited_addresses(ward_replica *r, const uint8_t pk[32], struct ward_routes *out)
{
    struct ward_buf b;
    size_t step = WARD_ADDRESS_MAX + 1;
    ward_buf_init(&b, &r->env);
    if (ward_store_meta_get(r->store, "hub_addresses", &b, NULL) == WARD_OK)
        for (size_t at = 0; at + step <= b.len; at += step)
            add(r, out, (const char *)b.p + at, pk, NULL);
    ward_buf_free(&b);
}

static int hub_addresses(ward_replica *r, const uint8_t pk[32], struct ward_routes *out, struct ward_error *err)
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
        add(r, out, address, pk, NULL); /* a bad one among them does not spoil the others */
    }
    if (!rc)
        ward_record_free(rec);
    if (out->count == 0)
        invited_addresses(r, pk, out);
    return out->count ? WARD_OK : ward_fail(err, WARD_ERR_NO_HUB, "no hub address is known here");
}

int ward_routes_find(ward_replica *r, const char *address, const struct ward_hash *device, struct ward_routes *out, struct ward_error *err)
{
    uint8_t pk[32];
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
    if (!address)
        return hub_key(r, pk) ? hub_addresses(r, pk, out, err) : ward_fail(err, WARD_ERR_NO_HUB, "this device was not invited by a hub");
    rc = ward_store_each_peer(r->store, look_for_address, &met, err);
    if (rc)
        return rc;
    const struct ward_grant *g = met.found ? ward_directory_grant(&r->dir, &met.grant) : NULL;
    if (g)
        return add(r, out, address, g->link_pk, err);
    if (!hub_key(r, pk))
        return ward_fail(err, WARD_ERR_NO_HUB, "name the device that is expected at %s", address);
    return add(r, out, address, pk, err);
}
