/* store.c - opening, settings, transactions, copies. Numbers in comments are those of the facts about SQLite the settings answer to. */
#include "base/alloc.h"
#include "base/err.h"
#include "shell/store_sql.h"

#include <stdio.h>
#include <string.h>

#define APPLICATION_ID    0x57535931 /* "WSY1" */
#define USER_VERSION      1
#define BUSY_MS           10000
#define CHECKPOINT_FRAMES 1000
#define PAGE_CACHE_KIB    4096

static int code_of(int rc, int extended)
{
    switch (rc) {
    case SQLITE_NOMEM:
        return WARD_ERR_MEMORY;
    case SQLITE_FULL:
        return WARD_ERR_DISK_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return WARD_ERR_HOME_READONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return WARD_ERR_BUSY;
    case SQLITE_CORRUPT:
        return WARD_ERR_CORRUPT;
    case SQLITE_NOTADB:
        return WARD_ERR_NOT_A_REPLICA;
    case SQLITE_IOERR:
        return extended == SQLITE_IOERR_SHMSIZE ? WARD_ERR_DISK_FULL : extended == SQLITE_IOERR_NOMEM ? WARD_ERR_MEMORY : WARD_ERR_IO;
    default:
        return WARD_ERR_STORE;
    }
}

int store_fail(struct ward_store *s, int rc, struct ward_error *err, const char *what)
{
    int extended = s->db ? sqlite3_extended_errcode(s->db) : rc;
    int code = code_of(rc & 0xff, extended);
    if (code == WARD_ERR_IO)
        s->broken = true; /* after a failed sync nothing may be assumed: close and reopen */
    return ward_fail(err, code, "%s: %s", what, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
}

sqlite3_stmt *store_stmt(struct ward_store *s, enum sql which, struct ward_error *err)
{
    sqlite3_stmt *st = s->stmts[which];
    if (st) {
        sqlite3_reset(st);
        return st;
    }
    int rc = sqlite3_prepare_v3(s->db, store_sql(which), -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc) {
        store_fail(s, rc, err, "prepare");
        return NULL;
    }
    s->stmts[which] = st;
    return st;
}

int store_run(struct ward_store *s, sqlite3_stmt *st, struct ward_error *err)
{
    int rc = sqlite3_step(st);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        store_fail(s, rc, err, "write");
    sqlite3_reset(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? WARD_OK : code_of(rc & 0xff, sqlite3_extended_errcode(s->db));
}

int store_exec(struct ward_store *s, const char *sql, struct ward_error *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc ? store_fail(s, rc, err, "sql") : WARD_OK;
}

bool column_exact(sqlite3_stmt *st, int i, void *out, size_t len)
{
    const void *p = sqlite3_column_blob(st, i);
    if (!p || (size_t)sqlite3_column_bytes(st, i) != len)
        return false;
    memcpy(out, p, len);
    return true;
}

static int pragma_int(struct ward_store *s, const char *sql, int64_t *out, struct ward_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    else
        store_fail(s, rc, err, "read");
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? WARD_OK : code_of(rc & 0xff, sqlite3_extended_errcode(s->db));
}

/* Remembers how far the log of SQLite has grown; replaces its own checkpointing (fact 2: only the holder of our lock checkpoints). */
static int on_wal(void *ctx, sqlite3 *db, const char *name, int frames)
{
    (void)db, (void)name;
    ((struct ward_store *)ctx)->wal_frames = frames;
    return SQLITE_OK;
}

static int configure(struct ward_store *s, struct ward_error *err)
{
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 16 << 20);
    sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_wal_hook(s->db, on_wal, s);
    char sql[256];
    snprintf(sql, sizeof sql,
             "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d; PRAGMA synchronous=FULL;",
             PAGE_CACHE_KIB);
    return store_exec(s, sql, err);
}

/* Fact 5: who wrote this file, and in which version, before anything else is believed. */
static int identify(struct ward_store *s, bool create, bool *laid_out, struct ward_error *err)
{
    int64_t app = 0, version = 0, tables = 0, notes = 0;
    int rc = pragma_int(s, "PRAGMA application_id", &app, err);
    if (!rc)
        rc = pragma_int(s, "PRAGMA user_version", &version, err);
    if (!rc)
        rc = pragma_int(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (rc)
        return rc;
    *laid_out = tables > 0;
    if (create && app == 0 && tables == 0)
        return WARD_OK;
    if (app != APPLICATION_ID)
        return ward_fail(err, WARD_ERR_NOT_A_REPLICA, "application id %lld", (long long)app);
    if (version > USER_VERSION)
        return ward_fail(err, WARD_ERR_NEWER, "format %lld, this program knows up to %d", (long long)version, USER_VERSION);
    if (version < 1)
        return ward_fail(err, WARD_ERR_NOT_A_REPLICA, "format %lld", (long long)version);
    if (create)
        rc = pragma_int(s, "SELECT count(*) FROM ward_meta", &notes, err);
    return !rc && notes ? ward_fail(err, WARD_ERR_HOME_EXISTS, "there is a replica already") : rc;
}

static int set_up(struct ward_store *s, struct ward_error *err)
{
    int rc = store_exec(s, "PRAGMA journal_mode=WAL", err);
    if (rc)
        return rc;
    rc = ward_store_begin(s, err);
    if (rc)
        return rc;
    char sql[96];
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID, USER_VERSION);
    rc = store_create(s, err);
    if (!rc)
        rc = store_exec(s, sql, err);
    if (!rc)
        return ward_store_commit(s, err);
    ward_store_rollback(s);
    return rc;
}

static int open_file(struct ward_store *s, const char *path, const struct ward_store_options *o, struct ward_error *err)
{
    int flags = o->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (o->create)
        flags |= SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE, o->vfs);
    return rc ? store_fail(s, rc, err, path) : WARD_OK;
}

/* On a read-only medium SQLite cannot make its shared memory: then the file is taken as it stands. */
static int open_immutable(struct ward_store *s, const char *path, const char *vfs, struct ward_error *err)
{
    char uri[1200];
    sqlite3_close(s->db);
    s->db = NULL;
    snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
    int rc = sqlite3_open_v2(uri, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, vfs);
    if (rc)
        return store_fail(s, rc, err, path);
    return configure(s, err);
}

int ward_store_open(struct ward_store **out, const char *home, const struct ward_store_options *o, struct ward_error *err)
{
    char path[1024];
    bool laid_out = false;
    struct ward_store *s = ward_alloc(o->env, sizeof *s);
    if (!s)
        return ward_fail(err, WARD_ERR_MEMORY, "store");
    *s = (struct ward_store){.env = o->env, .schema = o->schema, .read_only = o->read_only, .lock = {-1}};
    ward_buf_init(&s->scratch, o->env);
    int rc = WARD_OK;
    if (!o->read_only) {
        snprintf(path, sizeof path, "%s/replica.lock", home);
        rc = ward_lock_open(&s->lock, path, err);
    }
    snprintf(path, sizeof path, "%s/replica.db", home);
    if (!rc)
        rc = open_file(s, path, o, err);
    if (!rc)
        rc = configure(s, err);
    if (!rc)
        rc = identify(s, o->create, &laid_out, err);
    if (rc && o->read_only && rc != WARD_ERR_NOT_A_REPLICA && rc != WARD_ERR_NEWER) {
        rc = open_immutable(s, path, o->vfs, err);
        if (!rc)
            rc = identify(s, false, &laid_out, err);
    }
    if (!rc && o->create && !laid_out)
        rc = set_up(s, err);
    if (!rc)
        rc = store_plain_prepare(s, err);
    if (rc) {
        ward_store_close(s);
        return rc;
    }
    *out = s;
    return WARD_OK;
}

static void checkpoint(struct ward_store *s)
{
    /* PASSIVE never waits; what it cannot move now the next one will. */
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    s->wal_frames = 0;
}

void ward_store_close(struct ward_store *s)
{
    if (!s)
        return;
    ward_store_rollback(s);
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(s->stmts[i]);
    store_plain_finalize(s);
    if (s->db && !s->read_only && !s->broken && s->wal_frames > 0 && ward_lock_take(&s->lock, 0, NULL) == WARD_OK) {
        sqlite3_busy_timeout(s->db, 0); /* while others read, the log stays for them */
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        ward_lock_release(&s->lock);
    }
    sqlite3_close(s->db);
    ward_lock_close(&s->lock);
    ward_buf_free(&s->scratch);
    ward_release(s->env, s);
}

bool ward_store_read_only(const struct ward_store *s)
{
    return s->read_only;
}

bool ward_store_in_transaction(const struct ward_store *s)
{
    return s->in_transaction;
}

int ward_store_look(struct ward_store *s, struct ward_error *err)
{
    if (s->looks == 0 && !s->in_transaction) {
        int rc = store_exec(s, "BEGIN", err);
        if (rc)
            return rc;
        s->look_open = true;
    }
    s->looks++;
    return WARD_OK;
}

static void end_look(struct ward_store *s)
{
    if (s->look_open)
        store_exec(s, "COMMIT", NULL); /* of nothing but reading */
    s->look_open = false;
}

void ward_store_looked(struct ward_store *s)
{
    if (--s->looks == 0)
        end_look(s);
}

int ward_store_begin(struct ward_store *s, struct ward_error *err)
{
    if (s->read_only)
        return ward_fail(err, WARD_ERR_HOME_READONLY, "opened for reading");
    if (s->broken)
        return ward_fail(err, WARD_ERR_IO, "the disk failed before: close and open again");
    int rc = ward_lock_take(&s->lock, BUSY_MS, err);
    if (rc)
        return rc;
    end_look(s);
    rc = store_exec(s, "BEGIN IMMEDIATE", err);
    if (rc) {
        ward_lock_release(&s->lock);
        return rc;
    }
    s->in_transaction = true;
    return WARD_OK;
}

int ward_store_commit(struct ward_store *s, struct ward_error *err)
{
    int rc = store_exec(s, "COMMIT", err);
    if (rc) {
        ward_store_rollback(s);
        return rc;
    }
    s->in_transaction = false;
    if (s->wal_frames >= CHECKPOINT_FRAMES)
        checkpoint(s);
    ward_lock_release(&s->lock);
    return WARD_OK;
}

void ward_store_rollback(struct ward_store *s)
{
    if (!s->in_transaction)
        return;
    for (int i = 0; i < SQL_COUNT; i++)
        if (s->stmts[i])
            sqlite3_reset(s->stmts[i]);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->in_transaction = false;
    ward_lock_release(&s->lock);
}

int ward_store_stamp(struct ward_store *s, uint64_t *out, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_STAMP, err);
    if (!st)
        return err ? err->code : WARD_ERR_STORE;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? WARD_OK : store_fail(s, rc, err, "data_version");
}

/* A copy is made by the same VFS as the original. */
static const char *vfs_name(struct ward_store *s)
{
    sqlite3_vfs *vfs = NULL;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
    return vfs ? vfs->zName : NULL;
}

int ward_store_backup(struct ward_store *s, const char *path, struct ward_error *err)
{
    sqlite3 *to = NULL;
    if (ward_file_exists(path))
        return ward_fail(err, WARD_ERR_EXISTS, "%s", path);
    int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, vfs_name(s));
    sqlite3_backup *b = rc ? NULL : sqlite3_backup_init(to, "main", s->db, "main");
    if (b) {
        do {
            rc = sqlite3_backup_step(b, 256);
        } while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED);
        sqlite3_backup_finish(b);
    }
    if (rc == SQLITE_DONE) /* a copy is one file: no write-ahead log beside it */
        rc = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) == SQLITE_OK ? SQLITE_DONE : SQLITE_IOERR;
    int code = rc == SQLITE_DONE ? WARD_OK
                                 : ward_fail(err, code_of((rc ? rc : SQLITE_CANTOPEN) & 0xff, 0), "%s: %s", path,
                                             to ? sqlite3_errmsg(to) : sqlite3_errstr(rc));
    sqlite3_close(to);
    if (code)
        ward_file_remove(path);
    return code;
}

int ward_store_integrity(struct ward_store *s, struct ward_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    int code = WARD_OK;
    if (rc != SQLITE_ROW)
        code = store_fail(s, rc, err, "integrity_check");
    else if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
        code = ward_fail(err, WARD_ERR_CORRUPT, "%s", sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    return code;
}

int ward_store_meta_get(struct ward_store *s, const char *key, struct ward_buf *out, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_META_GET, err);
    if (!st)
        return WARD_ERR_STORE;
    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        ward_buf_add(out, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
    sqlite3_reset(st);
    if (rc == SQLITE_DONE)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "%s", key);
    return rc == SQLITE_ROW ? ward_buf_status(out) : store_fail(s, rc, err, "meta");
}

int ward_store_meta_put(struct ward_store *s, const char *key, const void *p, size_t len, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_META_PUT, err);
    if (!st)
        return WARD_ERR_STORE;
    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_blob(st, 2, p, (int)len, SQLITE_STATIC);
    return store_run(s, st, err);
}
