/* home.c - a home directory: made, opened, described. */
#include "base/err.h"
#include "replica/apply.h"
#include "replica/identity.h"
#include "replica/replica.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/fingerprint.h"

#include <stdio.h>
#include <string.h>

void ward_home_path(char out[WARD_HOME_PATH], const char *home, const char *name)
{
    snprintf(out, WARD_HOME_PATH, "%s/%s", home, name);
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

/* Plain tables of another schema are filled anew by whatever writes first (ward_apply_begin): best now, before people look at them. A disk
 * without room puts that off; it must not keep anybody from reading. */
static int renew_plain(ward_replica *r, struct ward_error *err)
{
    struct ward_error why = {0};
    struct ward_apply a;
    if (!ward_store_plain_stale(r->store) || ward_store_read_only(r->store))
        return WARD_OK;
    int rc = ward_apply_begin(&a, r, &why);
    rc = rc ? rc : ward_apply_end(&a, WARD_OK, &why);
    if (rc == WARD_ERR_DISK_FULL)
        return WARD_OK;
    if (rc && err)
        *err = why;
    return rc;
}

static int load_own_grant(ward_replica *r, struct ward_error *err)
{
    struct ward_buf b;
    ward_buf_init(&b, &r->env);
    int rc = ward_store_meta_get(r->store, "grant_body", &b, err);
    if (!rc)
        rc = ward_grant_parse(&r->own, b.p, b.len, err);
    ward_buf_free(&b);
    return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc; /* a founder's stands in its own ward space */
}

int ward_home_load(ward_replica *r, struct ward_error *err)
{
    int rc = meta_exact(r, "ward", r->ward.b, sizeof r->ward.b, err);
    if (!rc)
        rc = meta_exact(r, "root", r->root_pk, sizeof r->root_pk, err);
    if (!rc)
        rc = meta_exact(r, "grant", r->self.b, sizeof r->self.b, err);
    if (!rc)
        rc = load_own_grant(r, err);
    if (!rc)
        rc = ward_identity_former(r, err);
    return rc ? rc : ward_replica_reload(r, err);
}

static int find_store(const ward_replica *r, const struct ward_options *options, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    if (!ward_dir_exists(r->home))
        return ward_fail(err, WARD_ERR_HOME_MISSING, "%s", r->home);
    ward_home_path(path, r->home, WARD_UNFINISHED);
    if (ward_file_exists(path))
        return ward_fail(err, WARD_ERR_HOME_MISSING, "%s was not finished; what was being done can be done again", r->home);
    int rc = ward_restore_settle(r, options && options->read_only, err);
    if (rc)
        return rc;
    ward_home_path(path, r->home, WARD_STORE_NAME);
    if (!ward_file_exists(path))
        return ward_fail(err, WARD_ERR_NOT_A_REPLICA, "%s has no " WARD_STORE_NAME, r->home);
    return ward_dir_check_local(r->home, err);
}

int ward_home_open(ward_replica *r, const struct ward_options *options, struct ward_error *err)
{
    int rc = find_store(r, options, err);
    if (!rc)
        rc = open_store(r, false, options, err);
    return rc ? rc : ward_home_load(r, err);
}

int ward_open(ward_replica **out, const char *home, const struct ward_options *options, struct ward_error *err)
{
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    if (rc)
        return rc;
    ward_replica *r = ward_replica_new(home, options, err);
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    rc = ward_home_open(r, options, err);
    if (!rc)
        rc = ward_identity_keys(r, options, err);
    if (!rc)
        rc = renew_plain(r, err);
    if (!rc && !ward_store_read_only(r->store))
        ward_restore_note(r);
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

/* ---- making */

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

int ward_home_create_with(ward_replica **out, const char *home, const struct ward_options *options, struct ward_keys *keys,
                          const struct ward_hash *ward, const uint8_t root_pk[32], const struct ward_hash *grant,
                          const struct ward_home_note *notes, size_t note_count, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    ward_replica *r = ward_replica_new(home, options, err);
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    *r->keys = *keys;
    r->ward = *ward;
    r->self = *grant;
    memcpy(r->root_pk, root_pk, 32);
    ward_home_path(path, home, WARD_DEVICE_KEY);
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
    char path[WARD_HOME_PATH];
    ward_replica *r = ward_replica_new(home, options, err);
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    ward_home_path(path, home, WARD_DEVICE_KEY);
    ward_file_sweep(path);
    bool begun = ward_file_exists(path);
    ward_home_path(path, home, WARD_STORE_NAME);
    int rc = WARD_OK;
    if (begun && ward_file_exists(path))
        rc = open_store(r, true, options, err);
    else if (!begun && ward_dir_exists(home) && !ward_dir_is_empty(home))
        rc = ward_fail(err, WARD_ERR_HOME_EXISTS, "%s is not empty", home);
    ward_close(r);
    return rc == WARD_ERR_NOT_A_REPLICA ? ward_fail(err, WARD_ERR_HOME_EXISTS, "%s", path) : rc;
}

/* Nothing where the record has not arrived yet. */
static int name_in(ward_replica *r, uint32_t kind, const struct ward_id *entity, uint32_t field, char out[256], struct ward_error *err)
{
    ward_record *rec;
    int rc = ward_get(r, kind, entity, true, &rec, err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
    struct ward_value v = ward_record_value(rec, field);
    snprintf(out, 256, "%.*s", (int)v.len, v.p ? (const char *)v.p : "");
    ward_record_free(rec);
    return WARD_OK;
}

int ward_self(ward_replica *r, struct ward_self *out, struct ward_error *err)
{
    int rc = ward_replica_refresh(r, err);
    if (rc)
        return rc;
    struct ward_self self = {.ward = r->ward, .grant = r->self};
    memcpy(self.link_pk, r->keys->link_pk, 32);
    ward_fingerprint(self.words, r->keys->sign.pk, r->keys->link_pk);
    const struct ward_grant *g = ward_replica_grant(r);
    if (g) {
        self.unit = g->unit;
        self.role = g->role;
    }
    struct ward_id entity;
    memcpy(entity.b, r->ward.b, sizeof entity.b);
    rc = name_in(r, WARD_KIND_WARD, &entity, WARD_WARD_NAME, self.ward_name, err);
    ward_grant_entity(&entity, &r->self);
    if (!rc)
        rc = name_in(r, WARD_KIND_GRANT, &entity, WARD_GRANT_NAME, self.device_name, err);
    if (!rc)
        *out = self;
    return rc;
}
