/* Homes put back from a copy or a backup, and bundles that are read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "three.h"

/* A's home as it is now, beside it. */
static void keep_copy(struct fixture *f)
{
    struct device *a = &f->w.d[A];
    char copy[700];
    ward_close(a->r);
    snprintf(copy, sizeof copy, "%s/copy", f->w.dir);
    copy_home(a->home, copy);
    OK(&f->w, ward_open(&a->r, a->home, &a->options, &f->w.err));
}

static void put_back(struct fixture *f)
{
    struct device *a = &f->w.d[A];
    char copy[700];
    ward_close(a->r);
    snprintf(copy, sizeof copy, "%s/copy", f->w.dir);
    remove_tree(a->home);
    copy_home(copy, a->home);
    OK(&f->w, ward_open(&a->r, a->home, &a->options, &f->w.err));
}

static void restored_home_learns_its_own_past(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    keep_copy(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("after the copy")), 0);
    give(&f->w, A, B);
    put_back(f);
    assert_shows_text(f, A, TITLE, "boiler");
    give(&f->w, B, A); /* before it writes anything */
    assert_shows_text(f, A, TITLE, "after the copy");
    assert_int_equal(put(f, A, TITLE, ward_value_text("and on")), 0);
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "and on");
    finish(f);
}

static void restored_home_that_writes_is_a_fork(void **state)
{
    struct fixture *f = *state;
    struct ward_bundle_info info;
    common_ground(f);
    keep_copy(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("first branch")), 0);
    give(&f->w, A, B);
    put_back(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("second branch")), 0);
    OK(&f->w, give_bundle(&f->w, A, B, false, &info));
    assert_int_equal(info.refused, 0);
    assert_shows_text(f, B, TITLE, "boiler"); /* both are kept, and neither has effect */
    OK(&f->w, give_bundle(&f->w, B, A, false, &info));
    assert_int_equal(info.refused, 0);
    assert_shows_text(f, A, TITLE, "boiler");
    assert_int_equal(put(f, A, TITLE, ward_value_text("third")), WARD_ERR_FORKED);
    assert_sound(&f->w);
}

static void backup_opens(void **state)
{
    struct fixture *f = *state;
    struct device *a = &f->w.d[A];
    char home[600], path[700], key[700], own_key[700];
    ward_replica *r;
    struct ward_hash before, after;
    struct ward_verify_result result;
    title_conflict(f);
    snprintf(home, sizeof home, "%s/from-backup", f->w.dir);
    snprintf(path, sizeof path, "%s/replica.db", home);
    snprintf(key, sizeof key, "%s/device.key", home);
    snprintf(own_key, sizeof own_key, "%s/device.key", a->home);
    assert_int_equal(mkdir(home, 0700), 0);
    OK(&f->w, ward_backup(a->r, path, &f->w.err));
    assert_int_equal(ward_backup(a->r, path, NULL), WARD_ERR_EXISTS);
    assert_int_equal(ward_open(&r, home, &a->options, NULL), WARD_ERR_KEY_MISSING);
    copy_file(own_key, key);
    OK(&f->w, ward_open(&r, home, &a->options, &f->w.err));
    OK(&f->w, ward_state_digest(a->r, &f->space, &before, &f->w.err));
    OK(&f->w, ward_state_digest(r, &f->space, &after, &f->w.err));
    assert_memory_equal(before.b, after.b, 32);
    OK(&f->w, ward_verify(r, true, print_bad, NULL, NULL, &result, &f->w.err));
    assert_int_equal(result.bad, 0);
    ward_close(r);
    finish(f);
}

static bool is_at(const char *home, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", home, name);
    return access(path, F_OK) == 0;
}

static void ruin(const char *home, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", home, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 5000; i++)
        fputc(i % 251, file);
    assert_int_equal(fclose(file), 0);
}

/* Under a number of its own; where it cannot be read any more with its log, which is not the restored one's. */
static void what_a_restore_replaces_is_kept(void **state)
{
    struct fixture *f = *state;
    struct device *a = &f->w.d[A];
    struct ward_restored restored;
    char home[600], backup[600], kept[64];
    common_ground(f);
    snprintf(home, sizeof home, "%s/copy", f->w.dir);
    snprintf(backup, sizeof backup, "%s/backup.db", f->w.dir);
    OK(&f->w, ward_backup(a->r, backup, &f->w.err));
    keep_copy(f);
    for (unsigned n = 1; n <= 2; n++) {
        OK(&f->w, ward_restore(home, backup, &a->options, &restored, &f->w.err));
        snprintf(kept, sizeof kept, "before-restore-%u.db", n);
        assert_string_equal(restored.kept, kept);
        assert_true(is_at(home, kept));
        if (n == 1) {
            ruin(home, "replica.db");
            ruin(home, "replica.db-wal");
        }
    }
    assert_true(is_at(home, "before-restore-2.db-wal"));
    finish(f);
}

/* Reading again, or in part, changes nothing. */
static void again_is_nothing(void **state)
{
    struct fixture *f = *state;
    struct ward_bundle_info info;
    title_conflict(f);
    OK(&f->w, give_bundle(&f->w, A, B, false, &info));
    assert_int_equal(info.applied, 0);
    assert_true(info.known > 0);
    OK(&f->w, give_bundle(&f->w, A, B, true, &info));
    assert_int_equal(info.applied, 0);
    assert_int_equal(info.refused, 0);
    assert_int_equal(conflicts(f, B), 1);
    finish(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(restored_home_learns_its_own_past),
        TEST(restored_home_that_writes_is_a_fork),
        TEST(backup_opens),
        TEST(what_a_restore_replaces_is_kept),
        TEST(again_is_nothing),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
