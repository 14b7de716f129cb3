/* store.c - opening, settings, transactions, copies. Numbers in comments are those of the facts about SQLite the settings answer to. */
#include "base/alloc.h"
#include "base/err.h"
#include "shell/store_sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define APPLICATION_ID    0x57535931 /* "WSY1" */
#define USER_VERSION      3
#define CHECKPOINT_FRAMES 1000
#define PAGE_CACHE_KIB    2048 /* the system keeps pages too: twice as much saves `doctor` some 5 %, and nothing else */

/* A file that cannot be opened: the system knows why. */
static int cannot_open(int number)
{
    switch (number) {
    case 0:
    case EACCES:
    case EPERM:
    case EROFS:
        return WARD_ERR_HOME_READONLY;
    case ENOSPC:
    case EDQUOT:
        return WARD_ERR_DISK_FULL;
    case ENOMEM:
        return WARD_ERR_MEMORY;
    default:
        return WARD_ERR_IO;
    }
}

int store_code_of(int extended, int number)
{
    switch (extended & 0xff) {
    case SQLITE_NOMEM:
        return WARD_ERR_MEMORY;
    case SQLITE_FULL:
        return WARD_ERR_DISK_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return cannot_open(number);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: /* it has tried for long to get a lock of the write-ahead log */
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

int store_code_in(sqlite3 *db, int rc)
{
    return db ? store_code_of(sqlite3_extended_errcode(db), sqlite3_system_errno(db)) : store_code_of(rc, 0);
}

int store_fail(struct ward_store *s, int rc, struct ward_error *err, const char *what)
{
    s->code = store_code_in(s->db, rc);
    if (s->code == WARD_ERR_IO)
        s->broken = true; /* after a failed sync nothing may be assumed: close and reopen */
    return ward_fail(err, s->code, "%s: %s", what, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
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
    int rc = sqlite3_step(st), code = WARD_OK;
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        code = store_fail(s, rc, err, "write");
    sqlite3_reset(st);
    return code;
}

int store_do(struct ward_store *s, enum sql which, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, which, err);
    return st ? store_run(s, st, err) : s->code;
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

int store_pragma_int(struct ward_store *s, const char *sql, int64_t *out, struct ward_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    int code = rc == SQLITE_ROW ? WARD_OK : store_fail(s, rc, err, "read");
    sqlite3_finalize(st);
    return code;
}

static int pragma_text(struct ward_store *s, const char *sql, char *out, size_t size, struct ward_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    int code = text ? WARD_OK : store_fail(s, rc == SQLITE_ROW ? SQLITE_NOMEM : rc, err, "read");
    if (text)
        snprintf(out, size, "%s", text);
    sqlite3_finalize(st);
    return code;
}

/* Remembers how far the log of SQLite has grown; replaces its own checkpointing (fact 2: only the holder of our lock checkpoints). */
static int on_wal(void *ctx, sqlite3 *db, const char *name, int frames)
{
    (void)db, (void)name;
    ((struct ward_store *)ctx)->wal_frames = frames;
    ((struct ward_store *)ctx)->wal_left = true;
    return SQLITE_OK;
}

static int configure(struct ward_store *s, struct ward_error *err)
{
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, WARD_BUSY_MS);
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
int store_identify(struct ward_store *s, bool create, bool *laid_out, struct ward_error *err)
{
    int64_t app = 0, version = 0, tables = 0, notes = 0;
    int rc = store_pragma_int(s, "PRAGMA application_id", &app, err);
    if (!rc)
        rc = store_pragma_int(s, "PRAGMA user_version", &version, err);
    if (!rc)
        rc = store_pragma_int(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (rc)
        return rc;
    *laid_out = tables > 0;
    s->format = tables > 0 ? (int)(version < USER_VERSION ? version : USER_VERSION) : USER_VERSION;
    if (create && app == 0 && tables == 0)
        return WARD_OK;
    if (app != APPLICATION_ID)
        return ward_fail(err, WARD_ERR_NOT_A_REPLICA, "application id %lld", (long long)app);
    if (version > USER_VERSION)
        return ward_fail(err, WARD_ERR_NEWER, "format %lld, this program knows up to %d", (long long)version, USER_VERSION);
    if (version < 1)
        return ward_fail(err, WARD_ERR_NOT_A_REPLICA, "format %lld", (long long)version);
    if (create)
        rc = store_pragma_int(s, "SELECT count(*) FROM ward_meta", &notes, err);
    return !rc && notes ? ward_fail(err, WARD_ERR_HOME_EXISTS, "there is a replica already") : rc;
}

static int set_up(struct ward_store *s, struct ward_error *err)
{
    /* Before anything else: it cannot be had later (store_shrink.c). */
    int rc = store_exec(s, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL", err);
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
    flags |= SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX; /* one thread at a time has a replica */
    int rc = sqlite3_open_v2(path, &s->db, flags, o->vfs);
    return rc ? store_fail(s, rc, err, path) : WARD_OK;
}

/* On a read-only medium SQLite cannot make its shared memory: then the file is taken as it stands. */
int store_open_frozen(struct ward_store *s, const char *path, const char *vfs, struct ward_error *err)
{
    char uri[1200];
    sqlite3_close(s->db);
    s->db = NULL;
    snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
    int rc = sqlite3_open_v2(uri, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, vfs);
    return rc ? store_fail(s, rc, err, path) : WARD_OK;
}

/* A restore puts another file in place of the one that was opened: what is written there would be lost. */
static int check_place(struct ward_store *s, struct ward_error *err)
{
    int moved = 0;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved ? ward_fail(err, WARD_ERR_BUSY, "the database is being replaced") : WARD_OK;
}

/* A copy comes without a write-ahead log; it gets one before anything is written. */
static int ensure_log(struct ward_store *s, struct ward_error *err)
{
    char mode[8] = "";
    int rc = pragma_text(s, "PRAGMA journal_mode", mode, sizeof mode, err);
    if (rc || strcmp(mode, "wal") == 0)
        return rc ? rc : check_place(s, err);
    rc = ward_lock_take(&s->lock, WARD_BUSY_MS, err);
    if (rc)
        return rc;
    rc = check_place(s, err);
    if (!rc)
        rc = pragma_text(s, "PRAGMA journal_mode=WAL", mode, sizeof mode, err);
    if (!rc && strcmp(mode, "wal") != 0)
        rc = ward_fail(err, WARD_ERR_BUSY, "the database is in use: end every wardsync that runs on it");
    ward_lock_release(&s->lock);
    return rc;
}

static int open_to_read(struct ward_store *s, const char *path, const struct ward_store_options *o, struct ward_error *err)
{
    bool laid_out;
    int rc = o->frozen ? store_open_frozen(s, path, o->vfs, err) : open_file(s, path, o, err);
    if (!rc)
        rc = configure(s, err);
    if (!rc)
        rc = store_identify(s, false, &laid_out, err);
    if (rc != WARD_ERR_HOME_READONLY || o->frozen) /* for any other reason the log must not be passed over */
        return rc;
    rc = store_open_frozen(s, path, o->vfs, err);
    if (!rc)
        rc = configure(s, err);
    return rc ? rc : store_identify(s, false, &laid_out, err);
}

static int open_to_write(struct ward_store *s, const char *home, const char *path, const struct ward_store_options *o,
                         struct ward_error *err)
{
    char lock[1024];
    bool laid_out;
    snprintf(lock, sizeof lock, "%s/" WARD_STORE_LOCK, home);
    int rc = o->locked ? WARD_OK : ward_lock_open(&s->lock, lock, err);
    if (!rc)
        rc = open_file(s, path, o, err);
    if (!rc)
        rc = configure(s, err);
    if (!rc)
        rc = store_identify(s, o->create, &laid_out, err);
    if (!rc && o->create && !laid_out)
        rc = set_up(s, err);
    return rc || o->locked ? rc : ensure_log(s, err);
}

/* A file of an older format gets what it lacks, in one transaction, before anything else is written to it. Another process may have done it
 * meanwhile. */
static int migrate(struct ward_store *s, struct ward_error *err)
{
    int64_t version = 0;
    char sql[64];
    if (s->format >= USER_VERSION)
        return WARD_OK;
    int rc = ward_store_begin(s, err);
    if (rc)
        return rc;
    rc = store_pragma_int(s, "PRAGMA user_version", &version, err);
    if (!rc && version < 2)
        rc = store_add_format_2(s, err);
    if (!rc && version < 3)
        rc = store_add_format_3(s, err);
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", USER_VERSION);
    if (!rc)
        rc = store_exec(s, sql, err);
    if (!rc)
        rc = ward_store_commit(s, err);
    else
        ward_store_rollback(s);
    if (!rc)
        s->format = USER_VERSION;
    return rc;
}

/* After a power cut the log may end in a transaction whose last sector was never filled up to its end by a sync: it counts, and the next
 * one written behind it in that sector could tear it. So what the log holds goes to the database before anything is written. */
void store_settle_log(struct ward_store *s)
{
    if (s->lock.fd < 0 || ward_lock_take(&s->lock, 0, NULL)) /* none is held, or somebody writes: the log was settled when he came */
        return;
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    ward_lock_release(&s->lock);
}

int ward_store_open(struct ward_store **out, const char *home, const struct ward_store_options *o, struct ward_error *err)
{
    char path[1024];
    struct ward_store *s = ward_alloc(o->env, sizeof *s);
    if (!s)
        return ward_fail(err, WARD_ERR_MEMORY, "store");
    *s = (struct ward_store){.env = o->env, .schema = o->schema, .read_only = o->read_only, .lock = {-1}};
    ward_buf_init(&s->scratch, o->env);
    snprintf(path, sizeof path, "%s/%s", home, o->name ? o->name : WARD_STORE_NAME);
    int rc = o->read_only ? open_to_read(s, path, o, err) : open_to_write(s, home, path, o, err);
    if (!rc && !o->read_only)
        store_settle_log(s);
    if (!rc && !o->read_only && !o->locked)
        rc = migrate(s, err);
    if (!rc)
        rc = store_plain_prepare(s, err);
    if (rc) {
        ward_store_close(s);
        return rc;
    }
    *out = s;
    return WARD_OK;
}

/* Out of one that is only for reading, or that could not be left when it was over because memory was lacking. */
static int leave_transaction(struct ward_store *s, struct ward_error *err)
{
    return sqlite3_get_autocommit(s->db) ? WARD_OK : store_do(s, s->look_open ? SQL_LOOKED : SQL_ROLLBACK, err);
}

/* A look that could not be ended would go on showing its moment: whoever needs the present, or no transaction at all, ends it first. */
int store_end_stale_look(struct ward_store *s, struct ward_error *err)
{
    return s->looks || s->in_transaction ? WARD_OK : leave_transaction(s, err);
}

int ward_store_fold(struct ward_store *s, struct ward_error *err)
{
    char mode[8] = "";
    sqlite3_busy_timeout(s->db, 0); /* who has it open has it open for long */
    int rc = store_end_stale_look(s, err);
    if (!rc)
        rc = pragma_text(s, "PRAGMA journal_mode=DELETE", mode, sizeof mode, err);
    if (rc == WARD_ERR_BUSY || (!rc && strcmp(mode, "delete") != 0))
        return ward_fail(err, WARD_ERR_BUSY, "the database is in use: end every wardsync that runs on it");
    return rc;
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
    if (s->db && s->lock.fd >= 0 && !s->broken && s->wal_left && ward_lock_take(&s->lock, 0, NULL) == WARD_OK) {
        sqlite3_busy_timeout(s->db, 0); /* while others read, the log stays for them */
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        ward_lock_release(&s->lock);
    }
    sqlite3_close(s->db);
    ward_lock_close(&s->lock);
    ward_buf_free(&s->scratch);
    ward_packer_free(&s->packer);
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
        int rc = leave_transaction(s, err);
        if (!rc)
            rc = store_do(s, SQL_LOOK, err);
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
        leave_transaction(s, NULL);
    s->look_open = false;
}

void ward_store_looked(struct ward_store *s)
{
    if (--s->looks == 0)
        end_look(s);
}

/* Whether commits wait for the disk; outside of transactions alone. */
static int set_loose(struct ward_store *s, bool loose, struct ward_error *err)
{
    if (s->loose == loose)
        return WARD_OK;
    int rc = store_exec(s, loose ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", err);
    s->loose = rc ? s->loose : loose;
    return rc;
}

static int begin(struct ward_store *s, bool loose, struct ward_error *err)
{
    if (s->read_only)
        return ward_fail(err, WARD_ERR_HOME_READONLY, "opened for reading");
    if (s->broken)
        return ward_fail(err, WARD_ERR_IO, "the disk failed before: close and open again");
    int rc = ward_lock_take(&s->lock, WARD_BUSY_MS, err);
    if (rc)
        return rc;
    rc = leave_transaction(s, err);
    s->look_open = false;
    s->in_transaction = true;
    s->plain_renewed = false;
    if (!rc)
        rc = set_loose(s, loose, err);
    if (!rc)
        rc = store_do(s, SQL_BEGIN, err);
    if (rc)
        ward_store_rollback(s); /* it may have begun all the same */
    return rc;
}

int ward_store_begin(struct ward_store *s, struct ward_error *err)
{
    return begin(s, false, err);
}

int ward_store_begin_hint(struct ward_store *s, struct ward_error *err)
{
    return begin(s, true, err);
}

int ward_store_commit(struct ward_store *s, struct ward_error *err)
{
    /* Compiled anew each time: one that is kept counts its steps on, and where SQLite is broken off by their number
     * (sqlite3_progress_handler) it could fail when all was done. */
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
    sqlite3_stmt *st = store_stmt(s, SQL_ROLLBACK, NULL);
    if (st) {
        sqlite3_step(st); /* SQLite may have ended it itself; where it could not, the next transaction does (leave_transaction) */
        sqlite3_reset(st);
    }
    s->in_transaction = false;
    s->plain_stale |= s->plain_renewed;
    ward_lock_release(&s->lock);
}

int ward_store_stamp(struct ward_store *s, uint64_t *out, struct ward_error *err)
{
    int rc = store_end_stale_look(s, err);
    if (rc)
        return rc;
    sqlite3_stmt *st = store_stmt(s, SQL_STAMP, err);
    if (!st)
        return s->code;
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? WARD_OK : store_fail(s, rc, err, "data_version");
}

int ward_store_meta_get(struct ward_store *s, const char *key, struct ward_buf *out, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_META_GET, err);
    if (!st)
        return s->code;
    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        ward_buf_add(out, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
    int code = rc == SQLITE_ROW || rc == SQLITE_DONE ? WARD_OK : store_fail(s, rc, err, "meta");
    sqlite3_reset(st);
    if (rc == SQLITE_DONE)
        code = ward_fail(err, WARD_ERR_NOT_FOUND, "%s", key);
    return !code && ward_buf_status(out) ? ward_fail(err, WARD_ERR_MEMORY, "%s", key) : code;
}

int ward_store_meta_put(struct ward_store *s, const char *key, const void *p, size_t len, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_META_PUT, err);
    if (!st)
        return s->code;
    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_blob(st, 2, p, (int)len, SQLITE_STATIC);
    return store_run(s, st, err);
}

int ward_store_meta_drop(struct ward_store *s, const char *key, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_META_DROP, err);
    if (!st)
        return s->code;
    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    return store_run(s, st, err);
}
