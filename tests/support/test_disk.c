/* test_disk.c - what the tests stand on: what was synced survives, what was not may not, and the library's platform is the disk's. */
#include "disk.h"
#include "shell/platform.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#define DB "/d0/a.db"

static sqlite3 *open_db(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, DISK_VFS), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return db;
}

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int count(sqlite3 *db)
{
    sqlite3_stmt *st = NULL;
    int n = -1;
    if (sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        n = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return n;
}

static struct disk *disk_with_table(sqlite3 **db)
{
    struct disk *d = disk_new("/d0");
    *db = open_db(DB);
    assert_int_equal(run(*db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(x); INSERT INTO t VALUES(1)"), SQLITE_OK);
    return d;
}

static void a_transaction_in_the_log_survives_every_cut(void **state)
{
    (void)state;
    for (enum disk_damage damage = 0; damage < DISK_DAMAGES; damage++) {
        sqlite3 *db;
        struct disk *d = disk_with_table(&db);
        assert_int_equal(run(db, "BEGIN; INSERT INTO t VALUES(zeroblob(20000)); COMMIT"), SQLITE_OK);
        disk_power_off(d);
        assert_int_not_equal(run(db, "INSERT INTO t VALUES(3)"), SQLITE_OK);
        sqlite3_close(db);
        disk_power_on(d, damage, 7);
        db = open_db(DB);
        assert_int_equal(count(db), 2);
        assert_int_equal(run(db, "INSERT INTO t VALUES(3)"), SQLITE_OK);
        sqlite3_close(db);
        disk_free(d);
    }
}

static void two_connections_share_the_log_and_lock_each_other(void **state)
{
    (void)state;
    sqlite3 *a;
    struct disk *d = disk_with_table(&a);
    sqlite3 *b = open_db(DB);
    assert_int_equal(count(b), 1);
    assert_int_equal(run(a, "BEGIN IMMEDIATE; INSERT INTO t VALUES(2)"), SQLITE_OK);
    assert_int_equal(run(b, "BEGIN IMMEDIATE"), SQLITE_BUSY);
    assert_int_equal(count(b), 1);
    assert_int_equal(run(a, "COMMIT"), SQLITE_OK);
    assert_int_equal(count(b), 2);
    assert_int_equal(run(b, "INSERT INTO t VALUES(3)"), SQLITE_OK);
    assert_int_equal(sqlite3_wal_checkpoint_v2(a, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
    assert_int_equal(count(a), 3);
    sqlite3_close(a);
    sqlite3_close(b);
    assert_int_equal(disk_open_files(d), 0);
    disk_free(d);
}

/* The one has made the log and written nothing; what the other writes into it is as durable as if it had made it. */
static void a_log_that_another_made_keeps_its_name(void **state)
{
    (void)state;
    sqlite3 *a, *b;
    struct disk *d = disk_with_table(&a);
    sqlite3_db_config(a, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    sqlite3_close(a); /* the log is gone with it */
    a = open_db(DB);
    assert_int_equal(count(a), 1);
    b = open_db(DB);
    assert_int_equal(count(b), 1);
    assert_int_equal(run(b, "PRAGMA synchronous=FULL; INSERT INTO t VALUES(2)"), SQLITE_OK);
    disk_power_off(d);
    sqlite3_close(a);
    sqlite3_close(b);
    disk_power_on(d, DISK_LOSE, 7);
    a = open_db(DB);
    assert_int_equal(count(a), 2);
    sqlite3_close(a);
    disk_free(d);
}

static void rollback_journals_lock_each_other_too(void **state)
{
    (void)state;
    struct disk *d = disk_new("/d0");
    sqlite3 *a = open_db(DB), *b = open_db(DB);
    assert_int_equal(run(a, "CREATE TABLE t(x); BEGIN EXCLUSIVE; INSERT INTO t VALUES(1)"), SQLITE_OK);
    assert_int_equal(run(b, "SELECT * FROM t"), SQLITE_BUSY);
    assert_int_equal(run(a, "COMMIT"), SQLITE_OK);
    assert_int_equal(count(b), 1);
    sqlite3_close(a);
    sqlite3_close(b);
    disk_free(d);
}

/* What stands at /d0/f when the power went before its new contents were finished. */
static const uint8_t *after_cut(struct disk *d, enum disk_damage damage, uint64_t seed, size_t *len)
{
    struct ward_file_out *out = NULL;
    const struct ward_env *env = ward_platform_env();
    assert_int_equal(ward_file_out_open(env, "/d0/f", &out, NULL), WARD_OK);
    assert_int_equal(ward_file_out_write(out, "new", 3, NULL), WARD_OK);
    disk_power_off(d);
    assert_int_equal(ward_file_out_finish(out, NULL), WARD_ERR_IO);
    disk_power_on(d, damage, seed);
    return disk_file(d, "/d0/f", len);
}

static void an_unfinished_file_never_takes_its_name(void **state)
{
    (void)state;
    struct disk *d = disk_new("/d0");
    size_t len;
    disk_set_file(d, "/d0/f", "old", 3, 0644);
    for (enum disk_damage damage = 0; damage < DISK_DAMAGES; damage++)
        for (uint64_t seed = 0; seed < 10; seed++) {
            const uint8_t *p = after_cut(d, damage, seed, &len);
            assert_non_null(p);
            assert_memory_equal(p, "old", 3);
        }
    disk_free(d);
}

static enum disk_answer cut_at(void *ctx, const struct disk_call *call)
{
    int *left = ctx;
    (void)call;
    return (*left)-- == 0 ? DISK_CUT : DISK_OK;
}

static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
    (void)state;
    static const char old[] = "the old words", fresh[] = "and quite other, longer words";
    for (int at = 0, done = 0; !done; at++)
        for (enum disk_damage damage = 0; damage < DISK_DAMAGES; damage++) {
            struct disk *d = disk_new("/d0");
            int left = at;
            size_t len;
            disk_set_file(d, "/d0/f", old, sizeof old, 0644);
            disk_on_call(d, cut_at, &left);
            bool written = ward_file_write("/d0/f", fresh, sizeof fresh, 0600, NULL) == WARD_OK;
            disk_on_call(d, NULL, NULL);
            disk_power_on(d, damage, (uint64_t)at);
            const uint8_t *p = disk_file(d, "/d0/f", &len);
            assert_non_null(p);
            bool is_old = len == sizeof old && memcmp(p, old, len) == 0;
            bool is_fresh = len == sizeof fresh && memcmp(p, fresh, len) == 0;
            assert_true(written ? is_fresh : is_old || is_fresh);
            done = written && left >= 0;
            disk_free(d);
        }
}

static void unsynced_writes_are_kept_lost_and_torn(void **state)
{
    (void)state;
    sqlite3 *db;
    struct disk *d = disk_with_table(&db);
    size_t before, len;
    disk_file(d, DB "-wal", &before);
    assert_int_equal(run(db, "PRAGMA synchronous=OFF; INSERT INTO t VALUES(zeroblob(9000))"), SQLITE_OK);
    disk_file(d, DB "-wal", &len);
    assert_true(len > before);
    disk_power_off(d);
    sqlite3_close(db);
    struct disk_image *lost = disk_survivors(d, DISK_LOSE, 0), *kept = disk_survivors(d, DISK_KEEP, 0);
    size_t torn = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct disk *other = disk_new("/d1");
        struct disk_image *image = disk_survivors(d, DISK_TEAR, seed);
        size_t now;
        disk_put(other, image);
        disk_file(other, "/d1/a.db-wal", &now);
        torn += now > before && now < len;
        disk_image_free(image);
        disk_free(other);
    }
    assert_true(torn > 0);
    disk_put(d, lost);
    db = open_db(DB);
    assert_int_equal(count(db), 1);
    sqlite3_close(db);
    disk_put(d, kept);
    db = open_db(DB);
    assert_int_equal(count(db), 2);
    sqlite3_close(db);
    disk_image_free(lost);
    disk_image_free(kept);
    disk_free(d);
}

static void an_image_makes_a_clone_and_brings_back_the_past(void **state)
{
    (void)state;
    sqlite3 *db;
    struct disk *d = disk_with_table(&db), *clone = disk_new("/d1");
    struct disk_image *image = disk_copy(d);
    assert_int_equal(run(db, "INSERT INTO t VALUES(2)"), SQLITE_OK);
    sqlite3_close(db);
    disk_put(clone, image);
    disk_power_off(clone); /* what was put is durable */
    disk_power_on(clone, DISK_LOSE, 1);
    assert_int_equal(disk_bytes(clone) > 0, 1);
    db = open_db("/d1/a.db");
    assert_int_equal(count(db), 1);
    sqlite3_close(db);
    db = open_db(DB);
    assert_int_equal(count(db), 2);
    sqlite3_close(db);
    disk_put(d, image);
    db = open_db(DB);
    assert_int_equal(count(db), 1);
    sqlite3_close(db);
    disk_image_free(image);
    disk_free(clone);
    disk_free(d);
}

static void a_full_disk_refuses_what_it_has_no_room_for(void **state)
{
    (void)state;
    sqlite3 *db;
    struct disk *d = disk_with_table(&db);
    disk_limit(d, disk_bytes(d) + 2000);
    assert_int_equal(run(db, "INSERT INTO t VALUES(zeroblob(9000))"), SQLITE_FULL);
    disk_limit(d, 0);
    assert_int_equal(run(db, "INSERT INTO t VALUES(zeroblob(9000))"), SQLITE_OK);
    assert_int_equal(count(db), 2);
    sqlite3_close(db);
    disk_free(d);
}

static void the_librarys_lock_is_one_handles_at_a_time(void **state)
{
    (void)state;
    struct disk *d = disk_new("/d0");
    struct ward_lock a, b;
    assert_int_equal(ward_lock_open(&a, "/d0/lock", NULL), WARD_OK);
    assert_int_equal(ward_lock_open(&b, "/d0/lock", NULL), WARD_OK);
    assert_int_equal(ward_lock_take(&a, 0, NULL), WARD_OK);
    assert_int_equal(ward_lock_take(&b, 60000, NULL), WARD_ERR_BUSY);
    ward_lock_release(&a);
    assert_int_equal(ward_lock_take(&b, 0, NULL), WARD_OK);
    ward_lock_close(&b);
    assert_int_equal(ward_lock_take(&a, 0, NULL), WARD_OK);
    ward_lock_close(&a);
    disk_free(d);
}

static void a_replica_lives_on_it(void **state)
{
    (void)state;
    struct disk *d = disk_new("/d0");
    struct ward_options options = {.vfs = DISK_VFS};
    struct ward_verify_result seen;
    struct ward_error err = {0};
    struct ward_id unit = {{1}};
    ward_replica *r;
    assert_int_equal(ward_found(&r, "/d0/home", "North wards", &unit, "office", &options, &err), WARD_OK);
    ward_close(r);
    disk_power_off(d);
    disk_power_on(d, DISK_LOSE, 1);
    assert_int_equal(ward_open(&r, "/d0/home", &options, &err), WARD_OK);
    assert_int_equal(ward_verify(r, true, NULL, NULL, NULL, &seen, &err), WARD_OK);
    assert_int_equal(seen.bad, 0);
    assert_int_equal(ward_backup(r, "/d0/copy.db", &err), WARD_OK);
    size_t len;
    assert_non_null(disk_file(d, "/d0/copy.db", &len));
    assert_true(len > 0);
    ward_close(r);
    assert_int_equal(disk_open_files(d), 0);
    disk_free(d);
}

static enum disk_answer first_sync_fails(void *ctx, const struct disk_call *call)
{
    int *left = ctx;
    return call->op == DISK_SYNC && (*left)-- == 1 ? DISK_FAIL : DISK_OK;
}

static int write_something(ward_replica *r, struct ward_error *err)
{
    char code[WARD_INVITE_MAX];
    struct ward_id unit = {{1}};
    return ward_invite(r, &unit, WARD_ROLE_CELL, NULL, 0, 86400000, code, sizeof code, err);
}

/* What a failed sync left in the kernel nobody knows: nothing more is written by this handle, though the disk does its work again. */
static void nothing_is_written_past_a_failed_sync(void **state)
{
    (void)state;
    int left = 1;
    struct disk *d = disk_new("/d0");
    struct ward_options options = {.vfs = DISK_VFS};
    struct ward_error err = {0};
    struct ward_id unit = {{1}};
    ward_replica *r;
    assert_int_equal(ward_found(&r, "/d0/home", "North wards", &unit, "office", &options, &err), WARD_OK);
    assert_int_equal(write_something(r, &err), WARD_OK);
    disk_on_call(d, first_sync_fails, &left);
    assert_int_equal(write_something(r, &err), WARD_ERR_IO);
    disk_on_call(d, NULL, NULL);
    assert_int_equal(write_something(r, &err), WARD_ERR_IO);
    ward_close(r);
    assert_int_equal(ward_open(&r, "/d0/home", &options, &err), WARD_OK);
    assert_int_equal(write_something(r, &err), WARD_OK);
    ward_close(r);
    disk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_in_the_log_survives_every_cut),
        cmocka_unit_test(two_connections_share_the_log_and_lock_each_other),
        cmocka_unit_test(a_log_that_another_made_keeps_its_name),
        cmocka_unit_test(rollback_journals_lock_each_other_too),
        cmocka_unit_test(an_unfinished_file_never_takes_its_name),
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
        cmocka_unit_test(unsynced_writes_are_kept_lost_and_torn),
        cmocka_unit_test(an_image_makes_a_clone_and_brings_back_the_past),
        cmocka_unit_test(a_full_disk_refuses_what_it_has_no_room_for),
        cmocka_unit_test(the_librarys_lock_is_one_handles_at_a_time),
        cmocka_unit_test(a_replica_lives_on_it),
        cmocka_unit_test(nothing_is_written_past_a_failed_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
