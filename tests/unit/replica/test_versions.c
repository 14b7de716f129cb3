/* test_versions.c - one home, opened by programs that know more and that know less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "replicas.h"

#include <sqlite3.h>

static void reopen(struct world *w, size_t i, const struct ward_schema *schema)
{
    ward_close(w->d[i].r);
    w->d[i].options.schema = schema;
    OK(w, ward_open(&w->d[i].r, w->d[i].home, &w->d[i].options, &w->err));
}

static void name(struct world *w, size_t i, const struct ward_id *id, const char *words)
{
    ward_txn *t;
    struct ward_hash space;
    struct ward_id unit = unit_id('a');
    struct ward_value v = ward_value_text(words);
    OK(w, ward_space_of_circle(w->d[i].r, &space, &unit, 1, &w->err));
    OK(w, ward_begin(w->d[i].r, &t, &w->err));
    OK(w, ward_put(t, &space, KIND_OTHER, id, NAME, NULL, 0, &v, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
}

static size_t conflicts(struct world *w, size_t i)
{
    size_t n = 0;
    OK(w, ward_conflict_count(w->d[i].r, &n, &w->err));
    return n;
}

static void verify(struct world *w, size_t i)
{
    struct ward_verify_result seen;
    OK(w, ward_verify(w->d[i].r, true, NULL, NULL, NULL, &seen, &w->err));
    assert_int_equal(seen.bad, 0);
}

static void a_conflict_in_what_an_older_program_does_not_know_waits_for_a_newer_one(void **state)
{
    struct world w;
    struct ward_id id = unit_id('r');
    (void)state;
    world_found(&w, 1);
    size_t cell = admit(&w, 'a', WARD_ROLE_CELL, 1);
    name(&w, 0, &id, "one");
    name(&w, cell, &id, "another");
    meet(&w, 0, cell);
    assert_int_equal(conflicts(&w, cell), 1);
    reopen(&w, cell, &small_schema);
    assert_int_equal(conflicts(&w, cell), 0);
    verify(&w, cell);
    struct ward_id other = unit_id('s');
    name(&w, 0, &other, "more"); /* something to take in meanwhile */
    give(&w, 0, cell);
    verify(&w, cell);
    reopen(&w, cell, &full_schema);
    assert_int_equal(conflicts(&w, cell), 1);
    verify(&w, cell);
    world_close(&w);
}

/* As a program of format 1 left it. */
static void set_back_to_format_1(const char *home)
{
    char path[600];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/replica.db", home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(
            db,
            "BEGIN; CREATE TABLE old(fid INTEGER PRIMARY KEY, sid INTEGER NOT NULL, id BLOB NOT NULL UNIQUE, grant_id BLOB NOT "
            "NULL, unit BLOB NOT NULL, role INTEGER NOT NULL, head_seq INTEGER NOT NULL, head_hash BLOB NOT NULL, head_depth "
            "INTEGER NOT NULL, vv BLOB NOT NULL) STRICT;"
            "INSERT INTO old SELECT fid, sid, id, grant_id, unit, role, head_seq, head_hash, head_depth, vv FROM ward_feed;"
            "DROP TABLE ward_feed; ALTER TABLE old RENAME TO ward_feed; DROP TABLE ward_receipt; DROP TABLE ward_receipted; DROP "
            "TABLE ward_published; DROP TABLE ward_waiting; DROP TABLE ward_base; DROP TABLE ward_base_feed; DROP TABLE ward_backfill; "
            "DROP TABLE ward_floor; "
            "PRAGMA user_version = 1; COMMIT",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
}

static int format_of(const char *home)
{
    char path[600];
    sqlite3 *db;
    sqlite3_stmt *st;
    snprintf(path, sizeof path, "%s/replica.db", home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int format = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return format;
}

/* Tables and indexes, in order of name. SQLite puts a name that it has changed in quotes. */
static void schema_of(const char *home, char *out, size_t size)
{
    char path[600];
    sqlite3 *db;
    sqlite3_stmt *st;
    size_t len = 0;
    snprintf(path, sizeof path, "%s/replica.db", home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT name, replace(sql, '\"', '') FROM sqlite_schema ORDER BY name", -1, &st, NULL),
                     SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW && len < size)
        len += (size_t)snprintf(out + len, size - len, "%s: %s\n", (const char *)sqlite3_column_text(st, 0),
                                (const char *)sqlite3_column_text(st, 1));
    assert_true(len < size);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void a_home_of_format_1_is_read_as_it_is_and_brought_up_to_date_when_it_is_written(void **state)
{
    struct world w;
    struct ward_id id = unit_id('r'), other = unit_id('s');
    static char made[16384], migrated[16384];
    (void)state;
    world_found(&w, 1);
    size_t cell = admit(&w, 'a', WARD_ROLE_CELL, 1);
    name(&w, cell, &id, "one");
    ward_close(w.d[cell].r);
    schema_of(w.d[cell].home, made, sizeof made);
    set_back_to_format_1(w.d[cell].home);
    w.d[cell].options.read_only = true;
    OK(&w, ward_open(&w.d[cell].r, w.d[cell].home, &w.d[cell].options, &w.err));
    verify(&w, cell);
    ward_close(w.d[cell].r);
    assert_int_equal(format_of(w.d[cell].home), 1);
    w.d[cell].options.read_only = false;
    OK(&w, ward_open(&w.d[cell].r, w.d[cell].home, &w.d[cell].options, &w.err));
    assert_int_equal(format_of(w.d[cell].home), 3);
    schema_of(w.d[cell].home, migrated, sizeof migrated);
    assert_string_equal(made, migrated); /* a new home is made in the last format at once */
    verify(&w, cell);
    name(&w, cell, &other, "two");
    meet(&w, 0, cell);
    verify(&w, cell);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conflict_in_what_an_older_program_does_not_know_waits_for_a_newer_one),
        cmocka_unit_test(a_home_of_format_1_is_read_as_it_is_and_brought_up_to_date_when_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
