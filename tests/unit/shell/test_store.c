/* The store's own promises, where memory is lacking at the worst moment; and files that become smaller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "shell/store_sql.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char home[64];
    struct scarce memory;
    struct ward_store *s, *other; /* another process's */
    struct ward_error err;
};

static const struct ward_schema no_kinds = {.kinds = NULL};

static struct ward_store *open_store(struct fixture *f, bool create)
{
    struct ward_store *s;
    const struct ward_store_options o = {.env = &f->memory.env, .schema = &no_kinds, .create = create};
    assert_int_equal(ward_store_open(&s, f->home, &o, &f->err), WARD_OK);
    return s;
}

static void note(struct fixture *f, struct ward_store *s, const char *text)
{
    assert_int_equal(ward_store_begin(s, &f->err), WARD_OK);
    assert_int_equal(ward_store_meta_put(s, "note", text, strlen(text), &f->err), WARD_OK);
    assert_int_equal(ward_store_commit(s, &f->err), WARD_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->home, sizeof f->home, "/tmp/ward-store-XXXXXX");
    assert_non_null(mkdtemp(f->home));
    scarce_init(&f->memory, SIZE_MAX);
    f->s = open_store(f, true);
    note(f, f->s, "old");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {WARD_STORE_NAME, WARD_STORE_NAME "-wal", WARD_STORE_NAME "-shm", WARD_STORE_NAME "-journal",
                                        "copy.db",       WARD_STORE_LOCK};
    struct fixture *f = *state;
    char path[128];
    ward_store_close(f->s);
    ward_store_close(f->other);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", f->home, names[i]);
        unlink(path);
    }
    rmdir(f->home);
    free(f);
    return 0;
}

/* It ends with no memory left to end it with. */
static void look_without_end(struct fixture *f)
{
    struct ward_buf b;
    ward_buf_init(&b, &f->memory.env);
    assert_int_equal(ward_store_look(f->s, &f->err), WARD_OK);
    assert_int_equal(ward_store_meta_get(f->s, "note", &b, &f->err), WARD_OK);
    ward_buf_free(&b);
    sqlite3_hard_heap_limit64(1);
    ward_store_looked(f->s);
    sqlite3_hard_heap_limit64(0);
    sqlite3_soft_heap_limit64(0); /* it had fallen with the other */
}

static void fold_after_a_look_without_end(void **state)
{
    struct fixture *f = *state;
    look_without_end(f);
    assert_int_equal(ward_store_fold(f->s, &f->err), WARD_OK);
}

static void assert_note(struct fixture *f, struct ward_store *s, const char *text)
{
    struct ward_buf b;
    ward_buf_init(&b, &f->memory.env);
    assert_int_equal(ward_store_meta_get(s, "note", &b, &f->err), WARD_OK);
    assert_int_equal(b.len, strlen(text));
    assert_memory_equal(b.p, text, b.len);
    ward_buf_free(&b);
}

static void news_after_a_look_without_end(void **state)
{
    struct fixture *f = *state;
    uint64_t before, after;
    assert_int_equal(ward_store_stamp(f->s, &before, &f->err), WARD_OK);
    look_without_end(f);
    f->other = open_store(f, false);
    note(f, f->other, "new");
    assert_int_equal(ward_store_stamp(f->s, &after, &f->err), WARD_OK);
    assert_int_not_equal(before, after);
    assert_note(f, f->s, "new");
}

static void copy_after_a_look_without_end(void **state)
{
    struct fixture *f = *state;
    struct ward_store *copy;
    char path[128];
    const struct ward_store_options o = {.env = &f->memory.env, .schema = &no_kinds, .name = "copy.db", .read_only = true, .frozen = true};
    look_without_end(f);
    f->other = open_store(f, false);
    note(f, f->other, "new");
    snprintf(path, sizeof path, "%s/copy.db", f->home);
    assert_int_equal(ward_store_backup(f->s, path, &f->err), WARD_OK);
    assert_int_equal(ward_store_open(&copy, f->home, &o, &f->err), WARD_OK);
    assert_note(f, copy, "new");
    ward_store_close(copy);
}

/* ---- what is free goes back to the disk */

static int64_t file_size(struct fixture *f)
{
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s/" WARD_STORE_NAME, f->home);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void open_anew(struct fixture *f)
{
    ward_store_close(f->s);
    f->s = open_store(f, false);
}

/* Every second of so many notes goes, up to the last: what is free lies among what is not. */
#define NOTES 3000
static void leave_holes(struct fixture *f)
{
    static const char bulk[3000];
    char key[16];
    assert_int_equal(ward_store_begin(f->s, &f->err), WARD_OK);
    for (int i = 0; i < NOTES; i++) {
        snprintf(key, sizeof key, "n%d", i);
        assert_int_equal(ward_store_meta_put(f->s, key, bulk, sizeof bulk, &f->err), WARD_OK);
    }
    for (int i = 0; i < NOTES; i++) {
        snprintf(key, sizeof key, "n%d", i);
        if (i % 2 && i < NOTES - 5)
            assert_int_equal(ward_store_meta_put(f->s, key, key, strlen(key), &f->err), WARD_OK);
    }
    assert_int_equal(ward_store_commit(f->s, &f->err), WARD_OK);
    open_anew(f);
}

static void assert_all_there(struct fixture *f)
{
    struct ward_buf buf;
    char key[16];
    assert_int_equal(ward_store_integrity(f->s, &f->err), WARD_OK);
    ward_buf_init(&buf, &f->memory.env);
    for (int i = 0; i < NOTES; i++) {
        snprintf(key, sizeof key, "n%d", i);
        ward_buf_clear(&buf);
        assert_int_equal(ward_store_meta_get(f->s, key, &buf, &f->err), WARD_OK);
        assert_int_equal(buf.len, i % 2 && i < NOTES - 5 ? strlen(key) : 3000);
    }
    ward_buf_free(&buf);
}

static void a_file_becomes_smaller(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes;
    leave_holes(f);
    const int64_t before = file_size(f);
    assert_int_equal(ward_store_shrink(f->s, &bytes, &f->err), WARD_OK);
    assert_true((int64_t)bytes > before / 3);
    assert_int_equal(file_size(f), before - (int64_t)bytes);
    assert_all_there(f);
    assert_int_equal(ward_store_shrink(f->s, &bytes, &f->err), WARD_OK);
    assert_int_equal(bytes, 0);
    open_anew(f);
    assert_all_there(f);
}

/* One at a time, and between two others may write. */
static void who_writes_meanwhile_only_holds_it_up(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes = 1;
    leave_holes(f);
    f->other = open_store(f, false);
    assert_int_equal(ward_store_look(f->other, &f->err), WARD_OK); /* and who reads sees what there was */
    assert_note(f, f->other, "old");
    assert_int_equal(ward_store_shrink(f->s, &bytes, &f->err), WARD_OK);
    assert_true(bytes > 0);
    assert_note(f, f->other, "old");
    ward_store_looked(f->other);
    note(f, f->other, "new");
    assert_note(f, f->s, "new");
    assert_all_there(f);
}

static void a_file_of_an_earlier_build_keeps_its_size(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes = 1;
    char path[128];
    sqlite3 *db;
    ward_store_close(f->s);
    snprintf(path, sizeof path, "%s/" WARD_STORE_NAME, f->home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA auto_vacuum=NONE; VACUUM", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    f->s = open_store(f, false);
    leave_holes(f);
    const int64_t before = file_size(f);
    assert_false(ward_store_may_shrink(f->s));
    assert_int_equal(ward_store_shrink(f->s, &bytes, &f->err), WARD_OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(file_size(f), before);
    assert_all_there(f);
}

/* How a commit waits for the disk, as SQLite counts it: 1 where it does not, 2 where it does. */
static int waits_for_disk(struct ward_store *s)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(s->db, "PRAGMA synchronous", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int how = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return how;
}

/* A hint may be lost with the power, and nothing else. */
static void hints_alone_do_not_wait_for_the_disk(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ward_store_begin_hint(f->s, &f->err), WARD_OK);
        assert_int_equal(waits_for_disk(f->s), 1);
        assert_int_equal(ward_store_commit(f->s, &f->err), WARD_OK);
        assert_int_equal(ward_store_begin(f->s, &f->err), WARD_OK);
        assert_int_equal(waits_for_disk(f->s), 2);
        assert_int_equal(ward_store_commit(f->s, &f->err), WARD_OK);
    }
}

/* However large the file, and what is written to it at once. */
static void little_of_a_file_is_kept_in_memory(void **state)
{
    enum { VALUES = 200, LEN = 30000, MOST = 5 << 19 };
    struct fixture *f = *state;
    static uint8_t value[LEN];
    struct ward_buf b;
    char key[8];
    int used, most;
    ward_buf_init(&b, &f->memory.env);
    assert_int_equal(ward_store_begin(f->s, &f->err), WARD_OK);
    for (int i = 0; i < VALUES; i++) {
        snprintf(key, sizeof key, "%d", i);
        memset(value, i, LEN);
        assert_int_equal(ward_store_meta_put(f->s, key, value, LEN, &f->err), WARD_OK);
        assert_int_equal(sqlite3_db_status(f->s->db, SQLITE_DBSTATUS_CACHE_USED, &used, &most, 0), SQLITE_OK);
        assert_in_range(used, 1, MOST);
    }
    assert_int_equal(ward_store_commit(f->s, &f->err), WARD_OK);
    for (int i = 0; i < VALUES; i++) {
        snprintf(key, sizeof key, "%d", i);
        ward_buf_clear(&b);
        assert_int_equal(ward_store_meta_get(f->s, key, &b, &f->err), WARD_OK);
        assert_int_equal(b.len, LEN);
        assert_int_equal(sqlite3_db_status(f->s->db, SQLITE_DBSTATUS_CACHE_USED, &used, &most, 0), SQLITE_OK);
        assert_in_range(used, 1, MOST);
    }
    ward_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fold_after_a_look_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(news_after_a_look_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(copy_after_a_look_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(hints_alone_do_not_wait_for_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(little_of_a_file_is_kept_in_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_becomes_smaller, setup, teardown),
        cmocka_unit_test_setup_teardown(who_writes_meanwhile_only_holds_it_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_an_earlier_build_keeps_its_size, setup, teardown),
    };
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0); /* so that the limit is felt by every request */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
