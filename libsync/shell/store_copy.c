/* store_copy.c - copies of a database made while others work on it; and whether a database is whole. */
#include "base/err.h"
#include "shell/store_sql.h"

#include <stdlib.h>
#include <string.h>

/* A copy is made by the same VFS as the original. */
static const char *vfs_name(struct ward_store *s)
{
    sqlite3_vfs *vfs = NULL;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
    return vfs ? vfs->zName : NULL;
}

static int copy_pages(struct ward_store *s, sqlite3 *to)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", s->db, "main");
    if (!b)
        return sqlite3_errcode(to);
    int rc = sqlite3_backup_step(b, -1); /* in one go: as of one moment, whoever goes on writing */
    int end = sqlite3_backup_finish(b);
    return rc == SQLITE_DONE ? end : rc;
}

/* What was written is there, past the cache of the connection that wrote it. */
static int check_copy(struct ward_store *s, const char *path, struct ward_error *err)
{
    struct ward_store copy = {.env = s->env, .lock = {-1}};
    bool laid_out;
    int rc = store_open_frozen(&copy, path, vfs_name(s), err);
    if (!rc)
        rc = store_identify(&copy, false, &laid_out, err);
    if (!rc)
        rc = ward_store_integrity(&copy, err);
    sqlite3_close(copy.db);
    return rc == WARD_ERR_CORRUPT || rc == WARD_ERR_NOT_A_REPLICA
               ? ward_fail(err, WARD_ERR_IO, "%s does not read back as it was written: the medium is faulty", path)
               : rc;
}

static int write_copy(struct ward_store *s, const char *path, struct ward_error *err)
{
    sqlite3 *to = NULL;
    int rc =
        sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE, vfs_name(s));
    if (!rc)
        rc = copy_pages(s, to);
    if (!rc) /* a copy is one file: no write-ahead log beside it */
        rc = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    int code = rc ? ward_fail(err, store_code_in(to, rc), "%s: %s", path, to ? sqlite3_errmsg(to) : sqlite3_errstr(rc)) : WARD_OK;
    sqlite3_close(to);
    return code ? code : check_copy(s, path, err);
}

int ward_store_backup(struct ward_store *s, const char *path, struct ward_error *err)
{
    char temporary[WARD_PATH_MAX];
    if (ward_file_exists(path))
        return ward_fail(err, WARD_ERR_EXISTS, "%s", path);
    int rc = store_end_stale_look(s, err);
    if (!rc)
        rc = ward_file_temporary(temporary, path, err);
    if (rc)
        return rc;
    rc = write_copy(s, temporary, err);
    if (rc) {
        ward_file_remove(temporary);
        return rc;
    }
    rc = ward_file_rename(temporary, path, err);
    if (rc) { /* it may bear the one name or the other */
        ward_file_remove(temporary);
        ward_file_remove(path);
    }
    return rc;
}

/* SQLite also takes a page for bad that it could not read, and tells why it could not in the text alone. */
static int meaning_of(const char *text)
{
    const char *at = strstr(text, "error code=");
    int code = at ? store_code_of((int)strtol(at + strlen("error code="), NULL, 10), 0) : WARD_ERR_CORRUPT;
    return code == WARD_ERR_IO || code == WARD_ERR_MEMORY ? code : WARD_ERR_CORRUPT;
}

int ward_store_integrity(struct ward_store *s, struct ward_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    int code = WARD_OK;
    if (!text)
        code = store_fail(s, rc == SQLITE_ROW ? SQLITE_NOMEM : rc, err, "integrity_check");
    else if (strcmp(text, "ok") != 0)
        code = ward_fail(err, meaning_of(text), "%s", text);
    sqlite3_finalize(st);
    return code;
}
