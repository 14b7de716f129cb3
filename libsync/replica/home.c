/* home.c - a home directory: founded, joined into, opened. */
#include "base/err.h"
#include "base/limits.h"
#include "replica/apply.h"
#include "replica/commit.h"
#include "replica/replica.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/text.h"

#include <stdio.h>
#include <string.h>

static void path_of(char out[640], const ward_replica *r, const char *name)
{
    snprintf(out, 640, "%s/%s", r->home, name);
}

static int open_store(ward_replica *r, bool create, const struct ward_options *options, struct ward_error *err)
{
    struct ward_store_options o = {.env = &r->env,
                                   .schema = r->schema,
                                   .vfs = options ? options->vfs : NULL,
                                   .read_only = options && options->read_only,
                                   .create = create};
    return ward_store_open(&r->store, r->home, &o, err);
}

static int meta_exact(ward_replica *r, const char *key, void *out, size_t len, struct ward_error *err)
{
    struct ward_buf b;
    ward_buf_init(&b, &r->env);
    int rc = ward_store_meta_get(r->store, key, &b, err);
    if (!rc && b.len != len)
        rc = ward_fail(err, WARD_ERR_CORRUPT, "%s", key);
    if (!rc)
        memcpy(out, b.p, len);
    ward_buf_free(&b);
    return rc == WARD_ERR_NOT_FOUND ? ward_fail(err, WARD_ERR_NOT_A_REPLICA, "no %s", key) : rc;
}

/* Fills the plain tables anew where the schema of this program is another than the one they were made by. */
static int renew_plain(ward_replica *r, struct ward_error *err)
{
    struct ward_apply a;
    if (!ward_store_plain_stale(r->store) || ward_store_read_only(r->store))
        return WARD_OK;
    int rc = ward_apply_begin(&a, r, err);
    if (rc)
        return rc;
    if (ward_store_plain_stale(r->store)) {
        rc = ward_store_plain_renew(r->store, err);
        for (uint32_t sid = 1; !rc && sid <= r->dir.space_count; sid++)
            rc = ward_apply_reshow(&a, sid, err);
    }
    return ward_apply_end(&a, rc, err);
}

static int load_own_grant(ward_replica *r, struct ward_error *err)
{
    struct ward_buf b;
    ward_buf_init(&b, &r->env);
    int rc = ward_store_meta_get(r->store, "grant_body", &b, NULL);
    if (!rc)
        rc = ward_grant_parse(&r->own, b.p, b.len, err);
    ward_buf_free(&b);
    return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc; /* a founder's stands in its own ward space */
}

int ward_open(ward_replica **out, const char *home, const struct ward_options *options, struct ward_error *err)
{
    char path[640];
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    if (rc)
        return rc;
    ward_replica *r = ward_replica_new(home, options, err);
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    path_of(path, r, "replica.db");
    if (!ward_dir_exists(home))
        rc = ward_fail(err, WARD_ERR_HOME_MISSING, "%s", home);
    else if (!ward_file_exists(path))
        rc = ward_fail(err, WARD_ERR_NOT_A_REPLICA, "%s has no replica.db", home);
    else
        rc = ward_dir_check_local(home, err);
    if (!rc)
        rc = open_store(r, false, options, err);
    if (!rc)
        rc = meta_exact(r, "ward", r->ward.b, sizeof r->ward.b, err);
    if (!rc)
        rc = meta_exact(r, "root", r->root_pk, sizeof r->root_pk, err);
    if (!rc)
        rc = meta_exact(r, "grant", r->self.b, sizeof r->self.b, err);
    if (!rc)
        rc = load_own_grant(r, err);
    path_of(path, r, "device.key");
    if (!rc)
        rc = ward_keys_load(r->keys, path, options, err);
    if (!rc)
        rc = ward_replica_reload(r, err);
    if (!rc)
        rc = renew_plain(r, err);
    if (rc) {
        ward_close(r);
        return rc;
    }
    *out = r;
    return WARD_OK;
}

int ward_home_keep_grant(ward_replica *r, const void *body, size_t len, struct ward_error *err)
{
    int rc = ward_store_begin(r->store, err);
    if (rc)
        return rc;
    rc = ward_store_meta_put(r->store, "grant_body", body, len, err);
    if (rc) {
        ward_store_rollback(r->store);
        return rc;
    }
    rc = ward_store_commit(r->store, err);
    return rc ? rc : load_own_grant(r, err);
}

/* ---- founding */

static int write_meta(ward_replica *r, const struct ward_home_note *notes, size_t note_count, struct ward_error *err)
{
    int rc = ward_store_begin(r->store, err);
    if (rc)
        return rc;
    rc = ward_store_meta_put(r->store, "ward", r->ward.b, sizeof r->ward.b, err);
    if (!rc)
        rc = ward_store_meta_put(r->store, "root", r->root_pk, sizeof r->root_pk, err);
    if (!rc)
        rc = ward_store_meta_put(r->store, "grant", r->self.b, sizeof r->self.b, err);
    for (size_t i = 0; !rc && i < note_count; i++)
        rc = ward_store_meta_put(r->store, notes[i].key, notes[i].p, notes[i].len, err);
    if (!rc)
        rc = ward_store_plain_renew(r->store, err);
    if (!rc)
        return ward_store_commit(r->store, err);
    ward_store_rollback(r->store);
    return rc;
}

static void remove_files(const ward_replica *r)
{
    static const char *const names[] = {"replica.db", "replica.db-wal", "replica.db-shm", "replica.lock", "device.key", "root.key"};
    char path[640];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(path, r, names[i]);
        ward_file_remove(path);
    }
}

int ward_home_create_with(ward_replica **out, const char *home, const struct ward_options *options, struct ward_keys *keys,
                          const struct ward_hash *ward, const uint8_t root_pk[32], const struct ward_hash *grant,
                          const struct ward_home_note *notes, size_t note_count, struct ward_error *err)
{
    char path[640];
    ward_replica *r = ward_replica_new(home, options, err);
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    *r->keys = *keys;
    r->ward = *ward;
    r->self = *grant;
    memcpy(r->root_pk, root_pk, 32);
    path_of(path, r, "device.key");
    int rc = ward_keys_save(r->keys, &r->env, path, NULL, err);
    if (!rc)
        rc = open_store(r, true, options, err);
    if (!rc)
        rc = write_meta(r, notes, note_count, err);
    if (!rc)
        rc = load_own_grant(r, err);
    if (!rc)
        rc = ward_replica_reload(r, err);
    if (rc) {
        ward_close(r);
        return rc;
    }
    *out = r;
    return WARD_OK;
}

int ward_home_create(ward_replica **out, const char *home, const struct ward_options *options, struct ward_keys *keys,
                     const struct ward_hash *ward, const uint8_t root_pk[32], const struct ward_hash *grant, struct ward_error *err)
{
    return ward_home_create_with(out, home, options, keys, ward, root_pk, grant, NULL, 0, err);
}

int ward_home_is_free(const char *home, const struct ward_options *options, struct ward_error *err)
{
    char path[640];
    ward_replica *r = ward_replica_new(home, options, err);
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    path_of(path, r, "device.key");
    ward_file_sweep(path);
    bool begun = ward_file_exists(path);
    path_of(path, r, "replica.db");
    int rc = WARD_OK;
    if (begun && ward_file_exists(path))
        rc = open_store(r, true, options, err);
    else if (!begun && ward_dir_exists(home) && !ward_dir_is_empty(home))
        rc = ward_fail(err, WARD_ERR_HOME_EXISTS, "%s is not empty", home);
    ward_close(r);
    return rc == WARD_ERR_NOT_A_REPLICA ? ward_fail(err, WARD_ERR_HOME_EXISTS, "%s", path) : rc;
}

/* The root's only act at founding: the ward's name and the first operator's grant, sealed by the root key. */
static int first_words(ward_replica *r, struct ward_keys *root, const char *ward_name, const char *device_name,
                       const struct ward_buf *grant, struct ward_error *err)
{
    struct ward_txn *t;
    struct ward_hash space;
    struct ward_id ward_entity, grant_entity;
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a replica that could not be made has left its error
    memcpy(ward_entity.b, r->ward.b, sizeof ward_entity.b);
    ward_grant_entity(&grant_entity, &r->self);
    struct ward_value name = ward_value_text(ward_name), device = ward_value_text(device_name),
                      body = ward_value_bytes(grant->p, grant->len);
    ward_space_of_ward(r, &space);
    int rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    ward_txn_as_root(t, root);
    rc = ward_put(t, &space, WARD_KIND_WARD, &ward_entity, WARD_WARD_NAME, NULL, 0, &name, err);
    if (!rc)
        rc = ward_put(t, &space, WARD_KIND_GRANT, &grant_entity, WARD_GRANT_BODY, NULL, 0, &body, err);
    if (!rc)
        rc = ward_put(t, &space, WARD_KIND_GRANT, &grant_entity, WARD_GRANT_NAME, NULL, 0, &device, err);
    if (rc) {
        ward_abort(t);
        return rc;
    }
    return ward_commit(t, NULL, err);
}

static int check_name(const char *name, const char *what, struct ward_error *err)
{
    size_t n = name ? strlen(name) : 0;
    if (n == 0)
        return ward_fail(err, WARD_ERR_ARGUMENT, "%s: empty", what);
    if (n > WARD_NAME_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_VALUE, "%s: %zu bytes, at most %u", what, n, WARD_NAME_MAX);
    return ward_text_valid((const uint8_t *)name, n) ? WARD_OK : ward_fail(err, WARD_ERR_UTF8, "%s", what);
}

static int found(ward_replica **out, const char *home, const char *ward_name, const struct ward_id *unit, const char *device_name,
                 const struct ward_options *options, struct ward_keys *device, struct ward_keys *root, const struct ward_env *env,
                 struct ward_error *err)
{
    char path[640];
    struct ward_buf body;
    struct ward_hash ward;
    struct ward_grant g = {.unit = *unit, .role = WARD_ROLE_OPERATOR};
    ward_replica *r = NULL;
    int rc = ward_keys_generate(device, env, err);
    if (!rc)
        rc = ward_keys_generate(root, env, err);
    if (rc)
        return rc;
    ward_name_ward(&ward, root->sign.pk);
    memcpy(g.sign_pk, device->sign.pk, 32);
    memcpy(g.link_pk, device->link_pk, 32);
    ward_buf_init(&body, env);
    ward_grant_write(&body, &g);
    rc = ward_buf_status(&body);
    if (!rc) {
        ward_name_grant(&g.id, body.p, body.len);
        rc = ward_home_create(&r, home, options, device, &ward, root->sign.pk, &g.id, err);
    }
    if (!rc) {
        path_of(path, r, "root.key");
        rc = ward_keys_save(root, env, path, NULL, err);
    }
    if (!rc)
        rc = first_words(r, root, ward_name, device_name, &body, err);
    ward_buf_free(&body);
    if (rc) {
        ward_close(r);
        return rc;
    }
    *out = r;
    return WARD_OK;
}

int ward_found(ward_replica **out, const char *home, const char *ward_name, const struct ward_id *unit, const char *device_name,
               const struct ward_options *options, struct ward_error *err)
{
    bool made = false;
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = check_name(ward_name, "ward name", err);
    if (!rc)
        rc = check_name(device_name, "device name", err);
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    if (!rc && ward_dir_exists(home) && !ward_dir_is_empty(home))
        rc = ward_fail(err, WARD_ERR_HOME_EXISTS, "%s is not empty", home);
    if (!rc)
        rc = ward_dir_make(home, &made, err);
    if (!rc)
        rc = ward_dir_check_local(home, err);
    if (rc)
        return rc;
    const struct ward_env *env = options && options->env ? options->env : ward_platform_env();
    struct ward_keys *device = ward_keys_new(), *root = ward_keys_new();
    rc = device && root ? found(out, home, ward_name, unit, device_name, options, device, root, env, err)
                        : ward_fail(err, WARD_ERR_MEMORY, "keys");
    if (rc) {
        ward_replica gone = {.home = ""};
        snprintf(gone.home, sizeof gone.home, "%s", home);
        remove_files(&gone);
    }
    ward_keys_free(device);
    ward_keys_free(root);
    return rc;
}

int ward_self(ward_replica *r, struct ward_self *out, struct ward_error *err)
{
    int rc = ward_replica_refresh(r, err);
    if (rc)
        return rc;
    *out = (struct ward_self){.ward = r->ward, .grant = r->self};
    memcpy(out->link_pk, r->keys->link_pk, 32);
    const struct ward_grant *g = ward_replica_grant(r);
    if (g) {
        out->unit = g->unit;
        out->role = g->role;
    }
    struct ward_id entity;
    ward_record *rec;
    memcpy(entity.b, r->ward.b, sizeof entity.b);
    if (ward_get(r, WARD_KIND_WARD, &entity, true, &rec, NULL) == WARD_OK) {
        struct ward_value v = ward_record_value(rec, WARD_WARD_NAME);
        snprintf(out->ward_name, sizeof out->ward_name, "%.*s", (int)v.len, v.p ? (const char *)v.p : "");
        ward_record_free(rec);
    }
    ward_grant_entity(&entity, &r->self);
    if (ward_get(r, WARD_KIND_GRANT, &entity, true, &rec, NULL) == WARD_OK) {
        struct ward_value v = ward_record_value(rec, WARD_GRANT_NAME);
        snprintf(out->device_name, sizeof out->device_name, "%.*s", (int)v.len, v.p ? (const char *)v.p : "");
        ward_record_free(rec);
    }
    return WARD_OK;
}
