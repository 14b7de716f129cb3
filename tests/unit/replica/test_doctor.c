/* A home whose database was damaged: what is found, what is mended, and that nothing is taken out which is only here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "items.h"
#include "replicas.h"

#include <sqlite3.h>

enum { OFFICE, CELL, LOST };

struct found {
    struct world *w;
    size_t count, mended, of_kind[WARD_FINDING_COUNT];
    char kept[64];
};

static void note(void *ctx, const struct ward_finding *finding)
{
    ((struct found *)ctx)->of_kind[finding->kind]++;
}

/* The cell's home, closed; it holds what the office wrote and what it wrote itself, and what
 * another did before it was ended. */
static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    world_found(w, 1);
    admit(w, 'a', WARD_ROLE_CELL, 1);
    admit(w, 'a', WARD_ROLE_CELL, 1);
    put(w, LOST, 'Z', NOTE, "by the lost one");
    give(w, LOST, OFFICE);
    OK(w, ward_revoke(w->d[OFFICE].r, &w->d[LOST].grant, "lost", &w->err));
    for (char item = 'A'; item < 'D'; item++) {
        put(w, OFFICE, item, TITLE, "by the office");
        give(w, OFFICE, CELL);
        put(w, CELL, item, NOTE, "by the cell");
        give(w, CELL, OFFICE);
    }
    ward_close(w->d[CELL].r);
    w->d[CELL].r = NULL;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void damage(struct world *w, const char *sql)
{
    sqlite3 *db;
    char path[400];
    snprintf(path, sizeof path, "%s/replica.db", w->d[CELL].home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_true(sqlite3_changes(db) > 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static struct found doctor(struct world *w, bool mend)
{
    struct found found = {.w = w};
    struct ward_doctor_result result;
    OK(w, ward_doctor(w->d[CELL].home, mend, &w->d[CELL].options, note, &found, &result, &w->err));
    found.count = result.found;
    found.mended = result.mended;
    memcpy(found.kept, result.kept, sizeof found.kept);
    return found;
}

static void open_cell(struct world *w)
{
    struct device *d = &w->d[CELL];
    OK(w, ward_open(&d->r, d->home, &d->options, &w->err));
}

/* That is found to be wrong, and nothing that follows from it; and mended without taking anything out. */
static void is_made_anew(struct world *w, const char *sql, enum ward_finding_kind kind)
{
    damage(w, sql);
    struct found found = doctor(w, false);
    assert_true(found.count > 0);
    assert_int_equal(found.of_kind[kind], found.count);
    assert_int_equal(found.mended, 0);
    found = doctor(w, true);
    assert_int_equal(found.of_kind[kind], found.count);
    assert_int_equal(found.mended, found.count);
    assert_string_equal(found.kept, "");
    assert_int_equal(doctor(w, true).count, 0);
    open_cell(w);
    assert_true(ward_grant_is_cut(&w->d[CELL].r->dir, &w->d[LOST].grant));
    give(w, OFFICE, CELL);
    put(w, CELL, 'K', NOTE, "and on");
    give(w, CELL, OFFICE);
    assert_sound(w);
}

static void a_cut_that_is_not_noted(void **state)
{
    is_made_anew(*state, "DELETE FROM ward_cut", WARD_FINDING_AUTHORITY);
}

/* Changes that are sound would be nobody's. */
static void a_grant_that_is_not_noted(void **state)
{
    is_made_anew(*state, "DELETE FROM ward_grant WHERE seq > 1", WARD_FINDING_AUTHORITY);
}

static void what_others_had_seen_is_forgotten(void **state)
{
    is_made_anew(*state, "UPDATE ward_feed SET vv = x'80' WHERE vv <> x'80'", WARD_FINDING_HEAD);
}

#define SEGMENTS_OF(role)                                                                                                                  \
    "UPDATE ward_segment SET sig = zeroblob(64) WHERE fid IN (SELECT f.fid FROM ward_feed f JOIN ward_space s ON s.sid = f.sid"            \
    " WHERE length(s.circle) > 0 AND f.role = " role ") AND first > 1"

/* It is fetched again. */
static void what_another_wrote_is_taken_out(void **state)
{
    struct world *w = *state;
    damage(w, SEGMENTS_OF("2"));
    struct found found = doctor(w, true);
    assert_int_equal(found.of_kind[WARD_FINDING_LOG], 1);
    assert_int_equal(found.mended, found.count);
    assert_string_equal(found.kept, "before-doctor-1.db");
    assert_int_equal(doctor(w, false).count, 0);
    open_cell(w);
    give(w, OFFICE, CELL);
    give(w, CELL, OFFICE);
    assert_sound(w);
}

/* It may be nowhere else. */
static void what_it_wrote_itself_is_not(void **state)
{
    struct world *w = *state;
    damage(w, SEGMENTS_OF("1"));
    for (int i = 0; i < 2; i++) {
        struct found found = doctor(w, true);
        assert_int_equal(found.of_kind[WARD_FINDING_LOG], 1);
        assert_int_equal(found.mended, 0);
        assert_string_equal(found.kept, "");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_cut_that_is_not_noted),         TEST(a_grant_that_is_not_noted),   TEST(what_others_had_seen_is_forgotten),
        TEST(what_another_wrote_is_taken_out), TEST(what_it_wrote_itself_is_not),
    };
    return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
