#include "older.h"
#include "check.h"
#include "replica/replica.h"
#include "shell/store.h"
#include "work.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define FUTURE 1000

/* What each format has more than the one before; never while that holds something which the older one could not have said. */
static const char back_to_2[] = "BEGIN; DROP TABLE ward_base; DROP TABLE ward_base_feed; DROP TABLE ward_backfill; DROP TABLE ward_floor;"
                                "PRAGMA user_version = 2; COMMIT";
static const char back_to_1[] =
    "BEGIN; CREATE TABLE old(fid INTEGER PRIMARY KEY, sid INTEGER NOT NULL, id BLOB NOT NULL UNIQUE, grant_id BLOB NOT NULL, unit BLOB NOT "
    "NULL, role INTEGER NOT NULL, head_seq INTEGER NOT NULL, head_hash BLOB NOT NULL, head_depth INTEGER NOT NULL, vv BLOB NOT NULL) "
    "STRICT;"
    "INSERT INTO old SELECT fid, sid, id, grant_id, unit, role, head_seq, head_hash, head_depth, vv FROM ward_feed;"
    "DROP TABLE ward_feed; ALTER TABLE old RENAME TO ward_feed; DROP TABLE ward_receipt; DROP TABLE ward_receipted;"
    "DROP TABLE ward_published; DROP TABLE ward_waiting; PRAGMA user_version = 1; COMMIT";
static const char holds_3[] = "SELECT (SELECT count(*) FROM ward_base) + (SELECT count(*) FROM ward_backfill) +"
                              " (SELECT count(*) FROM ward_floor)";
static const char holds_2[] = "SELECT (SELECT count(*) FROM ward_waiting) + (SELECT count(*) FROM ward_feed WHERE parent > 0)";

static int number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    int n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        n = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return n;
}

static bool exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* As the library opens it: what an earlier power cut left in the log goes to the file before anything is written. */
static sqlite3 *open_file(const struct device *d)
{
    char path[64];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/" WARD_STORE_NAME, d->home);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, DISK_VFS) == SQLITE_OK &&
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK)
        return db;
    sqlite3_close(db);
    return NULL;
}

static int format_of(const struct device *d)
{
    sqlite3 *db = open_file(d);
    int n = db ? number(db, "PRAGMA user_version") : -1;
    sqlite3_close(db);
    return n;
}

static bool set_back(const struct device *d, bool to_first)
{
    sqlite3 *db = open_file(d);
    bool done = db && number(db, holds_3) == 0 && exec(db, back_to_2);
    if (done && to_first && number(db, holds_2) == 0)
        done = exec(db, back_to_1);
    sqlite3_close(db);
    return done;
}

/* Refused by its name, and not touched. */
static void S20_a_newer_file_is_refused(struct device *d, int format)
{
    char sql[64];
    struct ward_error err = {0};
    ward_replica *r = NULL;
    sqlite3 *db = open_file(d);
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", FUTURE);
    bool newer = db && exec(db, sql);
    sqlite3_close(db);
    if (!newer)
        return;
    int rc = device_open(d, &r, &err);
    ward_close(r);
    if (rc != WARD_ERR_NEWER || format_of(d) != FUTURE)
        violated(d->w, "S20", "%s opens a file of a format that it cannot know: %d", d->name, rc);
    db = open_file(d);
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", format);
    if (!db || !exec(db, sql))
        violated(d->w, "the simulator", "a file cannot be set back to format %d", format);
    sqlite3_close(db);
}

/* All that was done to the file by other hands is as durable as if it had lain there for years. */
static void rest(struct device *d)
{
    struct disk_image *image = disk_copy(d->disk);
    disk_put(d->disk, image);
    disk_image_free(image);
}

bool older_make(struct device *d)
{
    struct ward_error err = {0};
    ward_replica *r = NULL;
    device_close_app(d);
    if (device_fell(d) || d->unnoted == UINT64_MAX) /* it has no room: another time */
        return false;
    faults_after_act(d); /* no trap is for this */
    int format = format_of(d);
    rest(d);
    if (format < 2)
        return false;
    S20_a_newer_file_is_refused(d, format);
    bool done = set_back(d, dice_chance(&d->w->trust_dice, 500));
    rest(d);
    if (!done)
        return false;
    int was = format_of(d);
    trace(d->w, d, "has a file of format %d", was);
    faults_before_act(d);
    int rc = device_open(d, &r, &err);
    if (!rc)
        check_after_act(d, r);
    ward_close(r);
    work_end_act(d, "is brought up to date", rc, &err);
    if (!rc && device_is_up(d) && (was >= format || format_of(d) != format))
        violated(d->w, "S20", "%s has opened a file of format %d, and it is of format %d now", d->name, was, format_of(d));
    return true;
}
