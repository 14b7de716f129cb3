/* recover.c - a new operator's device from the recovery sheet, when no operator is left to admit one. proto/authority.md, Recovery.
 *
 * The root's word is a change in the root's feed, and a feed has one head. So the ward's records come first, from bundles, and only
 * then does the root write: a second change at seq 2 by a root that had not seen the first would fork its feed, and replicas would keep
 * the one that reached them. No caller can turn the order around, since the root's secret lives in ward_recover alone.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/commit.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/text.h"

#include <stdio.h>
#include <string.h>

struct recovery {
    char home[sizeof((ward_replica *)0)->home];
    const char *device_name;
    const struct ward_options *options;
    const struct ward_env *env;
    const struct ward_keys *root;
    struct ward_hash ward;
    struct ward_id unit;
};

/* A home with keys and a grant that nobody has given yet. */
static int make_home(struct recovery *x, struct ward_keys *device, ward_replica **out, struct ward_error *err)
{
    struct ward_grant g = {.unit = x->unit, .role = WARD_ROLE_OPERATOR};
    struct ward_buf body;
    ward_buf_init(&body, x->env);
    int rc = ward_keys_generate(device, x->env, err);
    memcpy(g.sign_pk, device->sign.pk, 32);
    memcpy(g.link_pk, device->link_pk, 32);
    ward_grant_write(&body, &g);
    if (!rc && ward_buf_status(&body))
        rc = ward_fail(err, WARD_ERR_MEMORY, "grant");
    if (!rc) {
        const struct ward_home_note note = {"grant_body", body.p, body.len};
        ward_name_grant(&g.id, body.p, body.len);
        rc = ward_home_create_with(out, x->home, x->options, device, &x->ward, x->root->sign.pk, &g.id, &note, 1, err);
    }
    ward_buf_free(&body);
    return rc;
}

/* The root's head is held: what it wrote at founding at the least. */
static bool knows_root(const ward_replica *r)
{
    struct ward_hash space, id;
    ward_space_of_ward(r, &space);
    ward_name_feed(&id, &r->ward, &space, &r->ward);
    const struct ward_feed *f = ward_directory_feed_by_id(&r->dir, &id);
    return f && f->head_seq > 0;
}

static int grant_by_root(ward_replica *r, const struct recovery *x, struct ward_error *err)
{
    ward_txn *t;
    struct ward_hash space;
    struct ward_id entity;
    struct ward_buf body;
    struct ward_value name = ward_value_text(x->device_name);
    if (!knows_root(r))
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "the bundle does not hold the ward's records from their beginning");
    ward_buf_init(&body, x->env);
    ward_grant_write(&body, &r->own);
    ward_space_of_ward(r, &space);
    ward_grant_entity(&entity, &r->self);
    int rc = ward_buf_status(&body) ? ward_fail(err, WARD_ERR_MEMORY, "grant") : ward_begin(r, &t, err);
    if (!rc) {
        struct ward_value bytes = ward_value_bytes(body.p, body.len);
        ward_txn_as_root(t, x->root);
        rc = ward_put(t, &space, WARD_KIND_GRANT, &entity, WARD_GRANT_BODY, NULL, 0, &bytes, err);
        if (!rc)
            rc = ward_put(t, &space, WARD_KIND_GRANT, &entity, WARD_GRANT_NAME, NULL, 0, &name, err);
        if (rc)
            ward_abort(t);
        else
            rc = ward_commit(t, NULL, err);
    }
    ward_buf_free(&body);
    return rc;
}

/* Bundles in any order: who wrote one may be named by another alone, or cut in one and let in again in the next. So what cannot be read yet
 * is tried again as long as there is something new. */
static int read_bundles(ward_replica *r, const char *const *bundles, size_t count, struct ward_error *err)
{
    bool *done = ward_alloc(&r->env, count * sizeof *done);
    size_t left = count, before = 0;
    int rc = done ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "bundles");
    if (done)
        memset(done, 0, count * sizeof *done);
    while (!rc && left && left != before) {
        before = left;
        for (size_t i = 0; !rc && i < count; i++) {
            if (done[i])
                continue;
            rc = ward_bundle_read(r, bundles[i], NULL, NULL, NULL, err);
            done[i] = !rc;
            left -= !rc;
            rc = rc == WARD_ERR_BUNDLE_WRITER ? WARD_OK : rc;
        }
    }
    for (size_t i = 0; !rc && left && i < count; i++)
        if (!done[i])
            rc = ward_fail(err, WARD_ERR_BUNDLE_WRITER, "%s %s", bundles[i],
                           knows_root(r) ? "is of a device that none of the bundles knows"
                                         : "does not hold the ward's records from their beginning");
    ward_release(&r->env, done);
    return rc;
}

static int recover(ward_replica **out, struct recovery *x, const char *const *bundles, size_t count, struct ward_error *err)
{
    ward_replica *r = NULL;
    struct ward_keys *device = ward_keys_new();
    int rc = device ? make_home(x, device, &r, err) : ward_fail(err, WARD_ERR_MEMORY, "keys");
    if (!rc)
        rc = read_bundles(r, bundles, count, err);
    if (!rc)
        rc = grant_by_root(r, x, err);
    ward_keys_free(device);
    if (rc) {
        ward_close(r);
        return rc;
    }
    *out = r;
    return WARD_OK;
}

int ward_recover(ward_replica **out, const char *home, const struct ward_sheet *sheet, const char *passphrase, const char *const *bundles,
                 size_t count, const struct ward_id *unit, const char *device_name, const struct ward_options *options,
                 struct ward_error *err)
{
    size_t name_len = device_name ? strlen(device_name) : 0;
    struct recovery x = {
        .device_name = device_name, .options = options, .env = options && options->env ? options->env : ward_platform_env(), .unit = *unit};
    ward_replica *r = NULL;
    int n = snprintf(x.home, sizeof x.home, "%s", home);
    int rc = ward_crypto_start(err);
    if (!rc && (name_len == 0 || name_len > WARD_NAME_MAX || !ward_text_valid((const uint8_t *)device_name, name_len)))
        rc = ward_fail(err, WARD_ERR_ARGUMENT, "device name");
    if (!rc && (n <= 0 || (size_t)n >= sizeof x.home || count == 0 || ward_id_is_zero(unit)))
        rc = ward_fail(err, WARD_ERR_ARGUMENT, "%s", count == 0 ? "at least one bundle" : "home or unit");
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    if (rc)
        return rc;
    ward_process_harden();
    struct ward_keys *root = ward_keys_new();
    rc = root ? ward_sheet_open(root, sheet, passphrase, err) : ward_fail(err, WARD_ERR_MEMORY, "keys");
    if (!rc)
        rc = ward_home_begin(x.home, err);
    if (!rc) {
        x.root = root;
        ward_name_ward(&x.ward, root->sign.pk);
        rc = ward_home_end(x.home, recover(&r, &x, bundles, count, err), err);
    }
    ward_keys_free(root);
    if (rc)
        ward_close(r);
    else
        *out = r;
    return rc;
}
