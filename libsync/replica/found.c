/* found.c - a ward is founded: whole, or as if it had never been begun. */
#include "base/err.h"
#include "base/limits.h"
#include "replica/commit.h"
#include "replica/replica.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/text.h"

#include <stdio.h>
#include <string.h>

#define ROOT_KEY "root.key"

/* ---- founding: whole, or as if it had never been begun */

static bool starts_with(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

/* Of those that founding writes, with what SQLite and broken-off writing leave beside them. */
static bool is_ours(const char *name)
{
    return starts_with(name, WARD_STORE_NAME) || starts_with(name, WARD_STORE_LOCK) || starts_with(name, ROOT_KEY) ||
           starts_with(name, WARD_DEVICE_KEY);
}

struct contents {
    bool something, unfinished;
};

static bool look_at(void *ctx, const char *name)
{
    struct contents *c = ctx;
    c->unfinished |= strcmp(name, WARD_UNFINISHED) == 0;
    c->something |= !starts_with(name, WARD_UNFINISHED);
    return true;
}

static bool remove_ours(void *ctx, const char *name)
{
    char path[WARD_HOME_PATH];
    ward_home_path(path, ctx, name);
    if (is_ours(name))
        ward_file_remove(path);
    return true;
}

/* Removes what founding has left, the mark last. */
int ward_home_clear(char *home, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    ward_dir_each(home, remove_ours, home);
    ward_home_path(path, home, WARD_UNFINISHED);
    return ward_file_delete(path, err);
}

/* Makes the directory and sets the mark: until it goes, there is no home here, and whoever founds again clears away what he finds. */
int ward_home_begin(char *home, struct ward_error *err)
{
    static const uint8_t words[] = "This folder is being set up.\n";
    char path[WARD_HOME_PATH];
    struct contents c = {false, false};
    bool made;
    ward_dir_each(home, look_at, &c);
    if (c.something && !c.unfinished)
        return ward_fail(err, WARD_ERR_HOME_EXISTS, "%s is not empty", home);
    int rc = ward_dir_make(home, &made, err);
    if (!rc)
        rc = ward_dir_check_local(home, err);
    if (!rc)
        rc = ward_home_clear(home, err);
    ward_home_path(path, home, WARD_UNFINISHED);
    if (!rc)
        rc = ward_file_write(path, words, sizeof words - 1, 0600, err);
    if (rc)
        ward_file_remove(path);
    return rc;
}

int ward_home_end(char *home, int rc, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    ward_home_path(path, home, WARD_UNFINISHED);
    if (!rc)
        rc = ward_file_delete(path, err);
    if (rc)
        ward_home_clear(home, NULL);
    return rc;
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
    char path[WARD_HOME_PATH];
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
    rc = ward_buf_status(&body) ? ward_fail(err, WARD_ERR_MEMORY, "grant") : WARD_OK;
    if (!rc) {
        ward_name_grant(&g.id, body.p, body.len);
        rc = ward_home_create(&r, home, options, device, &ward, root->sign.pk, &g.id, err);
    }
    if (!rc) {
        ward_home_path(path, home, ROOT_KEY);
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
    char own[sizeof((ward_replica *)0)->home];
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = check_name(ward_name, "ward name", err);
    if (!rc)
        rc = check_name(device_name, "device name", err);
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    int n = snprintf(own, sizeof own, "%s", home);
    if (!rc && (n <= 0 || (size_t)n >= sizeof own))
        rc = ward_fail(err, WARD_ERR_ARGUMENT, "home");
    if (!rc)
        rc = ward_home_begin(own, err);
    if (rc)
        return rc;
    const struct ward_env *env = options && options->env ? options->env : ward_platform_env();
    struct ward_keys *device = ward_keys_new(), *root = ward_keys_new();
    ward_replica *r = NULL;
    rc = device && root ? found(&r, home, ward_name, unit, device_name, options, device, root, env, err)
                        : ward_fail(err, WARD_ERR_MEMORY, "keys");
    rc = ward_home_end(own, rc, err);
    if (rc)
        ward_close(r);
    else
        *out = r;
    ward_keys_free(device);
    ward_keys_free(root);
    return rc;
}
