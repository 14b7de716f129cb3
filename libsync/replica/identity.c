/* identity.c - a home goes on under a new grant: the same records, new keys. proto/authority.md, New keys.
 *
 *   device.key   the keys of the grant that the store names
 *   next.key     keys for which a grant is being asked
 *   asked        what was asked for with them
 *
 * The transaction that names the new grant is the one step that counts. The file of the new keys takes its place after that, and whoever
 * opens the home in between finds by their public halves which keys fit.
 */
#include "replica/identity.h"
#include "base/alloc.h"
#include "base/err.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static bool fits(const struct ward_grant *g, const struct ward_keys *k)
{
    return memcmp(g->sign_pk, k->sign.pk, 32) == 0 && memcmp(g->link_pk, k->link_pk, 32) == 0;
}

static void path_of(char out[WARD_HOME_PATH], const ward_replica *r, const char *name)
{
    ward_home_path(out, r->home, name);
}

static int load_public(ward_replica *r, const char *name, struct ward_error *err)
{
    static const struct ward_options look = {.read_only = true};
    char path[WARD_HOME_PATH];
    path_of(path, r, name);
    sodium_memzero(r->keys, sizeof *r->keys);
    return ward_keys_load(r->keys, path, &look, err);
}

/* The keys of the store's grant still stand under the name of those asked for. */
static bool next_fits(ward_replica *r, const struct ward_grant *g)
{
    char path[WARD_HOME_PATH];
    path_of(path, r, WARD_NEXT_KEY);
    return g && ward_file_exists(path) && load_public(r, WARD_NEXT_KEY, NULL) == WARD_OK && fits(g, r->keys);
}

/* With the home's lock, so that of two processes that open it one does this. */
static int put_in_place(ward_replica *r, const struct ward_grant *g, struct ward_error *err)
{
    char lock_path[WARD_HOME_PATH], next[WARD_HOME_PATH], key[WARD_HOME_PATH], asked[WARD_HOME_PATH];
    struct ward_lock lock = {-1};
    path_of(lock_path, r, WARD_STORE_LOCK);
    path_of(next, r, WARD_NEXT_KEY);
    path_of(key, r, WARD_DEVICE_KEY);
    path_of(asked, r, WARD_ASKED);
    int rc = ward_lock_open(&lock, lock_path, err);
    if (!rc)
        rc = ward_lock_take(&lock, WARD_BUSY_MS, err);
    if (!rc && next_fits(r, g)) {
        rc = ward_file_delete(asked, err);
        if (!rc)
            rc = ward_file_rename(next, key, err);
    }
    ward_lock_close(&lock);
    return rc;
}

int ward_identity_keys(ward_replica *r, const struct ward_options *options, struct ward_error *err)
{
    const struct ward_grant *g = ward_replica_grant(r);
    char path[WARD_HOME_PATH];
    const char *name = WARD_DEVICE_KEY;
    bool read_only = options && options->read_only;
    int rc = WARD_OK;
    if (next_fits(r, g)) {
        name = read_only ? WARD_NEXT_KEY : WARD_DEVICE_KEY;
        rc = read_only ? WARD_OK : put_in_place(r, g, err);
    }
    path_of(path, r, WARD_NEXT_KEY);
    bool asking = ward_file_exists(path);
    path_of(path, r, WARD_ASKED);
    if (!read_only && !asking) /* answered: joining was cut off before its very last step */
        ward_file_remove(path);
    path_of(path, r, name);
    sodium_memzero(r->keys, sizeof *r->keys);
    if (!rc)
        rc = ward_keys_load(r->keys, path, options, err);
    if (!rc && g && !fits(g, r->keys)) /* what they would seal nobody could check */
        rc = ward_fail(err, WARD_ERR_KEY_FILE, "%s holds the keys of another device", path);
    return rc;
}

/* ---- what the home was before */

int ward_identity_former(ward_replica *r, struct ward_error *err)
{
    struct ward_buf b;
    ward_buf_init(&b, &r->env);
    int rc = ward_store_meta_get(r->store, "former", &b, err);
    ward_release(&r->env, r->former);
    r->former = NULL;
    r->former_count = 0;
    if (!rc && b.len % sizeof *r->former != 0)
        rc = ward_fail(err, WARD_ERR_CORRUPT, "former");
    if (!rc && b.len) {
        r->former = ward_alloc(&r->env, b.len);
        rc = r->former ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "former");
        if (!rc) {
            memcpy(r->former, b.p, b.len);
            r->former_count = b.len / sizeof *r->former;
        }
    }
    ward_buf_free(&b);
    return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
}

size_t ward_replica_former(ward_replica *r, const struct ward_hash **out)
{
    *out = r->former;
    return r->former_count;
}

bool ward_replica_was(const ward_replica *r, const struct ward_hash *grant)
{
    if (ward_hash_compare(&r->self, grant) == 0)
        return true;
    for (size_t i = 0; i < r->former_count; i++)
        if (ward_hash_compare(&r->former[i], grant) == 0)
            return true;
    return false;
}

int ward_identity_check(ward_replica *r, struct ward_error *err)
{
    struct ward_buf b;
    ward_buf_init(&b, &r->env);
    int rc = ward_store_meta_get(r->store, "grant", &b, err);
    bool same = !rc && b.len == sizeof r->self.b && memcmp(b.p, r->self.b, b.len) == 0;
    ward_buf_free(&b);
    if (rc == WARD_ERR_NOT_FOUND)
        return WARD_OK; /* it is being made */
    return rc || same ? rc : ward_fail(err, WARD_ERR_IDENTITY, "this folder has got new keys meanwhile");
}

/* ---- going on under a new one */

int ward_identity_may_hold(const ward_replica *r, const struct ward_grant *g, struct ward_error *err)
{
    for (size_t i = 0; i < r->dir.space_count; i++)
        if (!ward_may_read(g, r->dir.spaces[i].circle, r->dir.spaces[i].circle_count))
            return ward_fail(err, WARD_ERR_HOME_HOLDS_MORE, "the new rights are those of another unit, or less");
    return WARD_OK;
}

/* Each at most once, the latest last. */
static int put_former(ward_replica *r, struct ward_error *err)
{
    struct ward_buf b;
    ward_buf_init(&b, &r->env);
    for (size_t i = 0; i < r->former_count; i++)
        if (ward_hash_compare(&r->former[i], &r->self) != 0)
            ward_buf_add(&b, r->former[i].b, sizeof r->former[i].b);
    ward_buf_add(&b, r->self.b, sizeof r->self.b);
    int rc = ward_buf_status(&b) ? ward_fail(err, WARD_ERR_MEMORY, "former") : ward_store_meta_put(r->store, "former", b.p, b.len, err);
    ward_buf_free(&b);
    return rc;
}

static int name_grant(ward_replica *r, const struct ward_grant *g, const void *body, size_t len, const struct ward_home_note *notes,
                      size_t note_count, struct ward_error *err)
{
    int rc = ward_store_begin(r->store, err);
    if (rc)
        return rc;
    rc = put_former(r, err);
    if (!rc)
        rc = ward_store_meta_put(r->store, "grant", g->id.b, sizeof g->id.b, err);
    if (!rc)
        rc = ward_store_meta_put(r->store, "grant_body", body, len, err);
    for (size_t i = 0; !rc && i < note_count; i++)
        rc = ward_store_meta_put(r->store, notes[i].key, notes[i].p, notes[i].len, err);
    if (!rc)
        return ward_store_commit(r->store, err);
    ward_store_rollback(r->store);
    return rc;
}

int ward_identity_switch(ward_replica *r, const struct ward_keys *keys, const void *grant, size_t grant_len,
                         const struct ward_home_note *notes, size_t note_count, struct ward_error *err)
{
    struct ward_grant g;
    int rc = ward_grant_parse(&g, grant, grant_len, err);
    if (!rc && !fits(&g, keys))
        rc = ward_fail(err, WARD_ERR_GRANT_BAD, "the grant is not for these keys");
    if (!rc)
        rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = ward_identity_may_hold(r, &g, err);
    if (!rc)
        rc = name_grant(r, &g, grant, grant_len, notes, note_count, err);
    if (rc)
        return rc;
    r->self = g.id;
    r->own = g;
    rc = put_in_place(r, &g, err); /* whether it can be done or not, the home is the new device's: the next opening does it again */
    *r->keys = *keys;
    return rc ? rc : ward_identity_former(r, err);
}
