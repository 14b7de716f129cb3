/* The store's own promises, where memory is lacking at the worst moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../scarce.h"
#include "shell/store.h"

#include <sqlite3.h>
#include <string.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fold_after_a_look_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(news_after_a_look_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(copy_after_a_look_without_end, setup, teardown),
    };
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0); /* so that the limit is felt by every request */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
