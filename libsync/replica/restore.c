/* restore.c - a backup takes the place of the database, and what it replaces is kept beside it.
 *
 *   replica.db.unchecked    a copy of the backup, of which nothing is believed yet
 *   replica.db.restoring    the same once it has been checked: from here on the restore may be finished by whoever comes next
 *   before-restore-N.db     what was there, with its logs
 *
 * Each step is durable before the next. While replica.db is there, a restore that was cut off never happened; once it has been moved away,
 * only what stands under .restoring can be meant.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/replica.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/feed.h"

#include <stdio.h>
#include <string.h>

#define UNCHECKED WARD_STORE_NAME ".unchecked"
#define RESTORING WARD_STORE_NAME ".restoring"
#define CHUNK     65536u

static bool is_there(const char *home, const char *name)
{
    char path[WARD_HOME_PATH];
    ward_home_path(path, home, name);
    return ward_file_exists(path);
}

static int move(const char *home, const char *from, const char *to, struct ward_error *err)
{
    char a[WARD_HOME_PATH], b[WARD_HOME_PATH];
    ward_home_path(a, home, from);
    ward_home_path(b, home, to);
    return ward_file_rename(a, b, err);
}

static int move_if_there(const char *home, const char *from, const char *to, struct ward_error *err)
{
    return is_there(home, from) ? move(home, from, to, err) : WARD_OK;
}

static int remove_durably(const char *home, const char *name, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    ward_home_path(path, home, name);
    return ward_file_delete(path, err);
}

/* ---- what an interrupted restore has left */

static bool remove_unchecked(void *ctx, const char *name)
{
    char path[WARD_HOME_PATH];
    ward_home_path(path, ctx, name);
    if (strncmp(name, UNCHECKED, strlen(UNCHECKED)) == 0)
        ward_file_remove(path);
    return true;
}

static void kept_name(char out[64], unsigned n, const char *end)
{
    snprintf(out, 64, "before-restore-%u.db%s", n, end);
}

/* The first number under which nothing is kept. */
static unsigned free_number(const char *home)
{
    char name[64];
    unsigned n = 1;
    for (kept_name(name, n, ""); is_there(home, name); kept_name(name, n, ""))
        n++;
    return n;
}

/* replica.db is away: its logs follow it, and the checked copy takes its place. */
static int put_in_place(const char *home, unsigned number, struct ward_error *err)
{
    static const char *const logs[] = {"-wal", "-journal"};
    char from[64], to[64];
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < sizeof logs / sizeof logs[0]; i++) {
        snprintf(from, sizeof from, WARD_STORE_NAME "%s", logs[i]);
        kept_name(to, number, logs[i]);
        rc = move_if_there(home, from, to, err);
    }
    if (!rc)
        rc = remove_durably(home, WARD_STORE_NAME "-shm", err);
    return rc ? rc : move(home, RESTORING, WARD_STORE_NAME, err);
}

/* With the home's lock. */
static int settle(char *home, struct ward_error *err)
{
    ward_dir_each(home, remove_unchecked, home);
    if (!is_there(home, RESTORING))
        return WARD_OK;
    if (is_there(home, WARD_STORE_NAME))
        return remove_durably(home, RESTORING, err);
    unsigned number = free_number(home);
    return put_in_place(home, number > 1 ? number - 1 : 1, err);
}

static int lock_home(struct ward_lock *lock, const char *home, struct ward_error *err)
{
    char path[WARD_HOME_PATH];
    ward_home_path(path, home, WARD_STORE_LOCK);
    int rc = ward_lock_open(lock, path, err);
    return rc ? rc : ward_lock_take(lock, WARD_BUSY_MS, err);
}

int ward_restore_settle(const ward_replica *r, bool read_only, struct ward_error *err)
{
    char home[sizeof r->home];
    struct ward_lock lock = {-1};
    snprintf(home, sizeof home, "%s", r->home);
    if (!is_there(home, RESTORING) || (read_only && is_there(home, WARD_STORE_NAME)))
        return WARD_OK;
    int rc = lock_home(&lock, home, err);
    if (!rc)
        rc = settle(home, err);
    ward_lock_close(&lock);
    return rc;
}

/* ---- the backup */

static int pump(ward_replica *r, struct ward_file_in *in, struct ward_file_out *out, struct ward_error *err)
{
    uint8_t *chunk = ward_alloc(&r->env, CHUNK);
    size_t got = 1;
    int rc = chunk ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "restore");
    while (!rc && got) {
        rc = ward_file_in_read(in, chunk, CHUNK, &got, err);
        if (!rc && got)
            rc = ward_file_out_write(out, chunk, got, err);
    }
    ward_release(&r->env, chunk);
    return rc;
}

static int copy_in(ward_replica *r, const char *path, struct ward_error *err)
{
    char to[WARD_HOME_PATH], log[WARD_PATH_MAX];
    struct ward_file_in *in;
    struct ward_file_out *out;
    uint64_t size;
    int n = snprintf(log, sizeof log, "%s-wal", path);
    if (n > 0 && (size_t)n < sizeof log && ward_file_exists(log))
        return ward_fail(err, WARD_ERR_BACKUP_DAMAGED, "%s has a log beside it: it is a database in use, not a backup", path);
    int rc = ward_file_in_open(&r->env, path, &in, &size, err);
    if (rc)
        return rc;
    ward_home_path(to, r->home, UNCHECKED);
    rc = ward_file_out_open(&r->env, to, &out, err);
    if (!rc) {
        rc = pump(r, in, out, err);
        if (rc)
            ward_file_out_abandon(out);
        else
            rc = ward_file_out_finish(out, err);
    }
    ward_file_in_close(in);
    return rc;
}

static int open_file(ward_replica *r, const struct ward_options *options, const char *name, struct ward_error *err)
{
    struct ward_store_options o = {.env = &r->env,
                                   .schema = r->schema,
                                   .vfs = options ? options->vfs : NULL,
                                   .name = name,
                                   .read_only = name != NULL,
                                   .frozen = name != NULL,
                                   .locked = true};
    return ward_store_open(&r->store, r->home, &o, err);
}

static void close_file(ward_replica *r)
{
    ward_store_close(r->store);
    r->store = NULL;
}

/* The copy is whole, and its own device is the one whose keys lie in this home. */
static int check(ward_replica *r, const char *path, const struct ward_options *options, struct ward_error *err)
{
    int rc = open_file(r, options, UNCHECKED, err);
    if (!rc)
        rc = ward_store_integrity(r->store, err);
    if (!rc)
        rc = ward_home_load(r, err);
    close_file(r);
    if (rc == WARD_ERR_CORRUPT)
        return ward_fail(err, WARD_ERR_BACKUP_DAMAGED, "%s", path);
    if (rc == WARD_ERR_NOT_A_REPLICA)
        return ward_fail(err, WARD_ERR_BACKUP_DAMAGED, "%s is no database of this program", path);
    if (rc)
        return rc;
    const struct ward_grant *g = ward_replica_grant(r);
    bool own = g && memcmp(g->sign_pk, r->keys->sign.pk, 32) == 0 && memcmp(g->link_pk, r->keys->link_pk, 32) == 0;
    return own ? WARD_OK : ward_fail(err, WARD_ERR_BACKUP_FOREIGN, "%s", path);
}

/* ---- what is there */

static bool same_owner(const ward_replica *a, const ward_replica *b)
{
    return ward_hash_compare(&a->ward, &b->ward) == 0 && ward_hash_compare(&a->self, &b->self) == 0;
}

/* Readable, it must be the same device's, and becomes one file. Past reading it is moved away as it is. */
static int let_go(ward_replica *r, const char *path, const struct ward_options *options, struct ward_error *err)
{
    ward_replica *old = ward_replica_new(r->home, options, err);
    if (!old)
        return err ? err->code : WARD_ERR_MEMORY;
    int rc = open_file(old, options, NULL, err);
    if (!rc)
        rc = ward_home_load(old, err);
    if (!rc && !same_owner(old, r))
        rc = ward_fail(err, WARD_ERR_BACKUP_FOREIGN, "%s", path);
    if (!rc)
        rc = ward_store_fold(old->store, err);
    ward_close(old);
    return rc == WARD_ERR_CORRUPT || rc == WARD_ERR_NOT_A_REPLICA ? WARD_OK : rc;
}

static int replace(ward_replica *r, struct ward_restored *out, struct ward_error *err)
{
    unsigned number = free_number(r->home);
    int rc = move(r->home, UNCHECKED, RESTORING, err);
    if (rc)
        return rc;
    if (is_there(r->home, WARD_STORE_NAME)) {
        kept_name(out->kept, number, "");
        rc = move(r->home, WARD_STORE_NAME, out->kept, err);
    }
    return rc ? rc : put_in_place(r->home, number, err);
}

static int restore(ward_replica *r, const char *path, const struct ward_options *options, struct ward_restored *out, struct ward_error *err)
{
    int rc = settle(r->home, err);
    if (!rc)
        rc = copy_in(r, path, err);
    if (!rc)
        rc = check(r, path, options, err);
    if (!rc && is_there(r->home, WARD_STORE_NAME))
        rc = let_go(r, path, options, err);
    for (size_t i = 0; !rc && i < r->dir.space_count; i++)
        out->changes += r->dir.spaces[i].changes;
    if (!rc)
        rc = replace(r, out, err);
    if (rc)
        settle(r->home, NULL);
    return rc;
}

/* ---- when it was done. The file put in place is the backup's to the byte, and says nothing of it; but what it replaced has a number, and
 * the first opening for writing that finds a new one notes it with the time. */

#define NOTE "restored"

struct note {
    uint64_t number;
    int64_t ms;
};

static void read_note(const ward_replica *r, struct note *out)
{
    struct ward_buf b;
    struct ward_cbor c;
    uint64_t ms;
    *out = (struct note){.number = 0};
    ward_buf_init(&b, &r->env);
    if (ward_store_meta_get(r->store, NOTE, &b, NULL) == WARD_OK) {
        ward_cbor_init(&c, b.p, b.len);
        if (ward_cbor_array_exact(&c, 2) && ward_cbor_uint(&c, &out->number, INT64_MAX) && ward_cbor_uint(&c, &ms, INT64_MAX))
            out->ms = (int64_t)ms;
    }
    ward_buf_free(&b);
}

int64_t ward_restore_time(const ward_replica *r)
{
    unsigned kept = free_number(r->home) - 1;
    struct note note;
    if (kept == 0)
        return 0;
    read_note(r, &note);
    return note.number >= kept ? note.ms : ward_replica_now(r);
}

void ward_restore_note(ward_replica *r)
{
    unsigned kept = free_number(r->home) - 1;
    struct note note;
    struct ward_buf b;
    if (kept == 0)
        return;
    read_note(r, &note);
    if (note.number >= kept)
        return;
    int64_t now = ward_replica_now(r);
    ward_buf_init(&b, &r->env);
    ward_put_array(&b, 2);
    ward_put_uint(&b, kept);
    ward_put_uint(&b, now < 0 ? 0 : (uint64_t)now);
    if (!ward_buf_status(&b) && !ward_store_begin(r->store, NULL)) {
        int rc = ward_store_meta_put(r->store, NOTE, b.p, b.len, NULL);
        if (rc || ward_store_commit(r->store, NULL))
            ward_store_rollback(r->store);
    }
    ward_buf_free(&b);
}

int ward_restore(const char *home, const char *path, const struct ward_options *options, struct ward_restored *out, struct ward_error *err)
{
    char key[WARD_HOME_PATH];
    struct ward_restored result = {0};
    struct ward_lock lock = {-1};
    const struct ward_options public_halves = {.read_only = true}; /* no passphrase is needed to know whose they are */
    int rc = ward_crypto_start(err);
    if (rc)
        return rc;
    if (!home || !ward_dir_exists(home))
        return ward_fail(err, WARD_ERR_HOME_MISSING, "%s", home ? home : "");
    ward_replica *r = ward_replica_new(home, options, err);
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    ward_home_path(key, home, WARD_DEVICE_KEY);
    rc = ward_dir_check_local(home, err);
    if (!rc)
        rc = ward_keys_load(r->keys, key, &public_halves, err);
    if (!rc)
        rc = lock_home(&lock, home, err);
    if (!rc)
        rc = restore(r, path, options, &result, err);
    ward_lock_close(&lock);
    ward_close(r);
    if (!rc && out)
        *out = result;
    return rc;
}
