/* hubs.c - the ward's list of hub addresses: kind 4, field 10. proto/authority.md. */
#include "base/err.h"
#include "base/limits.h"
#include "replica/replica.h"
#include "shell/link.h"
#include "values/feed.h"

#include <string.h>

struct hubs {
    struct ward_hub_address v[2 * WARD_HUB_ADDRESSES_MAX];
    size_t count;
};

static struct ward_hub_address *row_of(struct hubs *x, const void *p, size_t len)
{
    if (len > WARD_ADDRESS_MAX)
        return NULL;
    for (size_t i = 0; i < x->count; i++)
        if (strlen(x->v[i].address) == len && memcmp(x->v[i].address, p, len) == 0)
            return &x->v[i];
    if (x->count == sizeof x->v / sizeof x->v[0])
        return NULL;
    struct ward_hub_address *row = &x->v[x->count++];
    *row = (struct ward_hub_address){.listed = false};
    memcpy(row->address, p, len);
    return row;
}

static int note_met(void *ctx, const struct ward_store_peer *p)
{
    struct hubs *x = ctx;
    for (size_t i = 0; i < x->count; i++)
        if (strcmp(x->v[i].address, p->address) == 0 && p->last_contact_ms > x->v[i].last_contact_ms) {
            x->v[i].last_contact_ms = p->last_contact_ms;
            x->v[i].grant = p->grant;
        }
    return WARD_OK;
}

static int load(ward_replica *r, struct hubs *x, struct ward_error *err)
{
    struct ward_id ward;
    ward_record *rec;
    struct ward_buf b;
    const size_t step = WARD_ADDRESS_MAX + 1;
    x->count = 0;
    memcpy(ward.b, r->ward.b, sizeof ward.b);
    int rc = ward_get(r, WARD_KIND_WARD, &ward, false, &rec, err);
    if (rc && rc != WARD_ERR_NOT_FOUND)
        return rc;
    for (size_t i = 0; !rc && i < ward_record_member_count(rec, WARD_WARD_HUBS); i++) {
        const uint8_t *key;
        size_t len;
        struct ward_hub_address *row = ward_record_member(rec, WARD_WARD_HUBS, i, &key, &len) ? NULL : row_of(x, key, len);
        if (row)
            row->listed = true;
    }
    if (!rc)
        ward_record_free(rec);
    ward_buf_init(&b, &r->env);
    if (ward_store_meta_get(r->store, "hub_addresses", &b, NULL) == WARD_OK)
        for (size_t at = 0; at + step <= b.len; at += step)
            row_of(x, b.p + at, strnlen((const char *)b.p + at, WARD_ADDRESS_MAX));
    ward_buf_free(&b);
    return ward_store_each_peer(r->store, note_met, x, err);
}

int ward_hub_addresses(ward_replica *r, ward_hub_address_fn *fn, void *ctx, struct ward_error *err)
{
    struct hubs x;
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = load(r, &x, err);
    ward_replica_looked(r);
    for (size_t i = 0; !rc && i < x.count; i++)
        rc = fn(ctx, &x.v[i]);
    return rc;
}

int ward_hub_address_set(ward_replica *r, const char *address, bool listed, struct ward_error *err)
{
    struct hubs x;
    struct ward_id ward;
    struct ward_hash space;
    ward_txn *t;
    size_t count = 0;
    bool there = false;
    struct ward_value value = ward_value_bool(listed);
    int rc = ward_address_check(address, false, err);
    if (!rc && strlen(address) > WARD_ADDRESS_MAX)
        rc = ward_fail(err, WARD_ERR_ADDRESS, "longer than %u bytes", WARD_ADDRESS_MAX);
    if (!rc)
        rc = load(r, &x, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < x.count; i++) {
        count += x.v[i].listed;
        there |= x.v[i].listed && strcmp(x.v[i].address, address) == 0;
    }
    if (!listed && !there)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "%s", address);
    if (listed && !there && count >= WARD_HUB_ADDRESSES_MAX)
        return ward_fail(err, WARD_ERR_ARGUMENT, "there are %zu addresses, the most there may be", count);
    memcpy(ward.b, r->ward.b, sizeof ward.b);
    ward_space_of_ward(r, &space);
    rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    rc = ward_put(t, &space, WARD_KIND_WARD, &ward, WARD_WARD_HUBS, address, strlen(address), &value, err);
    if (rc) {
        ward_abort(t);
        return rc;
    }
    return ward_commit(t, NULL, err);
}
