/* The reader of comma-separated values, and a plan file as rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "domain/csv.h"
#include "domain/heap.h"
#include "domain/plan_rows.h"
#include "domain/text.h"
#include "wardsync_plan.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* All records as one string: cells in [], records in lines with their line number. */
static int render(const char *text, size_t len, char *out, size_t size, struct ward_error *err)
{
    struct ward_arena arena;
    struct plan_csv csv;
    struct plan_csv_record record;
    bool more = true;
    size_t at = 0;
    int rc;
    ward_arena_init(&arena, &plan_heap);
    plan_csv_init(&csv, text, len, &arena);
    out[0] = 0;
    while ((rc = plan_csv_next(&csv, &record, &more, err)) == WARD_OK && more) {
        at += (size_t)snprintf(out + at, size - at, "%zu:", record.line);
        for (size_t i = 0; i < record.count; i++) {
            assert_int_equal(strlen(record.cells[i].text), record.cells[i].len);
            at += (size_t)snprintf(out + at, size - at, "[%s]", record.cells[i].text);
        }
        at += (size_t)snprintf(out + at, size - at, ";");
    }
    ward_arena_free(&arena);
    return rc;
}

static void good_files_are_read(void **state)
{
    static const struct {
        const char *text, *rendered;
    } rows[] = {
        {"", ""},
        {"a", "1:[a];"},
        {"a\n", "1:[a];"},
        {"a,b\nc,d", "1:[a][b];2:[c][d];"},
        {"a,b\r\nc,d\r\n", "1:[a][b];2:[c][d];"},
        {",\n", "1:[][];"},
        {"\n\na", "1:[];2:[];3:[a];"},
        {"\xef\xbb\xbf"
         "a,b",
         "1:[a][b];"},
        {"\xef\xbb\xbf"
         "\"a\",b",
         "1:[a][b];"},
        {"\"a,b\",c", "1:[a,b][c];"},
        {"\"say \"\"yes\"\"\",c", "1:[say \"yes\"][c];"},
        {"\"\",\"\"\"\"", "1:[][\"];"},
        {"\"one\ntwo\",c\nd", "1:[one\ntwo][c];3:[d];"},
        {"\"one\r\ntwo\r\nthree\",c\r\nd", "1:[one\r\ntwo\r\nthree][c];4:[d];"},
        {" a , b ", "1:[ a ][ b ];"},
        {"Chi b\xe1\xbb\x99,\xc4\x90\xe1\xba\xa3ng", "1:[Chi b\xe1\xbb\x99][\xc4\x90\xe1\xba\xa3ng];"},
    };
    char out[400];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(render(rows[i].text, strlen(rows[i].text), out, sizeof out, NULL), WARD_OK);
        assert_string_equal(out, rows[i].rendered);
    }
}

static void bad_files_name_line_and_column(void **state)
{
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"a,b\nc,\"d", "line 2, column 2:"}, {"a,\"b\"c", "line 1, column 2:"},       {"a,b\"c", "line 1, column 2:"},
        {"a\rb", "line 1, column 1:"},       {"\"a\nb\nc", "line 1, column 1:"},      {"\"a\nb\" x", "line 2, column 1:"},
        {"a\nb,\xff", "line 2, column 2:"},  {"a,\"\xc0\xaf\"", "line 1, column 2:"}, {"a,\xed\xa0\x80", "line 1, column 2:"},
    };
    char out[400];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ward_error err = {0};
        assert_int_equal(render(rows[i].text, strlen(rows[i].text), out, sizeof out, &err), WARD_ERR_PLAN_ROW);
        assert_memory_equal(err.detail, rows[i].place, strlen(rows[i].place));
    }
    struct ward_error err = {0};
    assert_int_equal(render("a,b\0c", 5, out, sizeof out, &err), WARD_ERR_PLAN_ROW);
}

static void columns_are_limited(void **state)
{
    char text[PLAN_CSV_CELLS_MAX + 2], out[1000];
    (void)state;
    memset(text, ',', sizeof text);
    assert_int_equal(render(text, PLAN_CSV_CELLS_MAX - 1, out, sizeof out, NULL), WARD_OK);
    assert_int_equal(render(text, PLAN_CSV_CELLS_MAX, out, sizeof out, NULL), WARD_ERR_PLAN_ROW);
}

static void utf8_is_checked(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2 ",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe1\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "a\xfe"};
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(plan_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(plan_utf8_valid(bad[i], strlen(bad[i])));
    assert_false(plan_utf8_valid("a\0b", 3));
}

static void excerpts_end_between_characters(void **state)
{
    char text[100];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(plan_excerpt(text, 60), 60);
    assert_int_equal(plan_excerpt(text, 61), 60);
    memcpy(text + 59, "\xc4\x91", 2);
    assert_int_equal(plan_excerpt(text, 100), 59);
    assert_int_equal(plan_excerpt("ab\ncd", 5), 2);
    assert_int_equal(plan_excerpt("ab\xff", 3), 2);
}

static void codes_are_checked(void **state)
{
    static const char *const good[] = {"II.1-01", "TDP-01", "\xc4\x90o\xc3\xa0n", "II.1-01/2026-Q3"};
    static const char *const bad[] = {"", "a b", "a,b", "+a", "a=b", "a:b", "a\"", "a\n", "\xff"};
    char longest[PLAN_CODE_MAX + 2];
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_int_equal(plan_code_check(good[i], strlen(good[i]), NULL), WARD_OK);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_not_equal(plan_code_check(bad[i], strlen(bad[i]), NULL), WARD_OK);
    memset(longest, 'a', sizeof longest);
    assert_int_equal(plan_code_check(longest, PLAN_CODE_MAX, NULL), WARD_OK);
    assert_int_equal(plan_code_check(longest, PLAN_CODE_MAX + 1, NULL), WARD_ERR_VALUE);
}

static void numbers_are_whole(void **state)
{
    static const char *const bad[] = {"", "+", "-", "1.5", "1e3", " 1", "1 ", "0x10", "1234567890123456789", "101", "-1"};
    int64_t n;
    (void)state;
    assert_int_equal(plan_int_parse(&n, "100", 3, 0, 100, NULL), WARD_OK);
    assert_int_equal(n, 100);
    assert_int_equal(plan_int_parse(&n, "-5", 2, -10, 10, NULL), WARD_OK);
    assert_int_equal(n, -5);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(plan_int_parse(&n, bad[i], strlen(bad[i]), 0, 100, NULL), WARD_ERR_VALUE);
}

static int read_rows(const char *text, size_t *count, struct ward_error *err)
{
    struct plan_rows rows;
    int rc = plan_rows_read(&rows, text, strlen(text), err);
    *count = rows.count;
    plan_rows_free(&rows);
    return rc;
}

static void rows_come_from_both_forms(void **state)
{
    static const char *const files[] = {
        "row,code,name,kind\nunit,A,Ban A,office\n,,,\n\nrow,code,title,lead,with,,\ntask,T-1,Vi\xe1\xbb\x87"
        "c,A,\"B,C\",,\n",
        "\xef\xbb\xbf  {\"units\":[{\"code\":\"A\",\"name\":\"Ban A\",\"kind\":\"office\"}],"
        "\"tasks\":[{\"code\":\"T-1\",\"title\":\"Vi\xe1\xbb\x87"
        "c\",\"lead\":\"A\",\"with\":[\"B\",\"C\"],\"target\":100,\"body\":null}]}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct plan_rows rows;
        assert_int_equal(plan_rows_read(&rows, files[i], strlen(files[i]), NULL), WARD_OK);
        assert_int_equal(rows.count, 2);
        assert_int_equal(rows.rows[0].kind, WARD_KIND_UNIT);
        assert_string_equal(plan_row_cell(&rows.rows[0], WARD_UNIT_NAME)->text, "Ban A");
        assert_int_equal(rows.rows[1].kind, WARD_KIND_TASK);
        assert_string_equal(plan_row_cell(&rows.rows[1], WARD_TASK_WITH)->text, "B,C");
        assert_null(plan_row_cell(&rows.rows[1], WARD_TASK_PRODUCT));
        plan_rows_free(&rows);
    }
}

static void bad_rows_name_their_place(void **state)
{
    static const struct {
        const char *text, *detail;
    } rows[] = {
        {"unit,A,Ban A,office\n", "line 1, column 1: a header"},
        {"row,code\ncell,A\n", "line 2, column 1: 'cell'"},
        {"row,code,name\nunit,A\n", "line 2: 2 columns"},
        {"row,code,code\n", "line 1, column 3: 'code' stands twice"},
        {"row,code,colour\nunit,A,red\n", "line 2, column 3: a row of kind unit has no column 'colour'"},
        {"row,code,status\ntask,A,done\n", "line 2, column 3:"},
        {"{\"units\":[{\"code\":\"A\",\"code\":\"B\"}]}", "line 1, column"},
        {"{\"units\":[{\"code\":\"A\",\"colour\":\"red\"}]}", "units[0]: a row of kind unit has no column 'colour'"},
        {"{\"units\":[{},{\"code\":1.5}]}", "units[1]: code: neither"},
        {"{\"units\":{}}", "units: not a list"},
        {"{\"tasks\":[1]}", "tasks[0]: not an object"},
        {"{\"tasks\":[{\"with\":[1]}]}", "tasks[0]: with: a list holds strings only"},
        {"{\"teams\":[]}", "'teams' is none of"},
        {"{\"units\":[", "line 1, column"},
        {"{} x", "line 1, column"},
    };
    size_t count;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ward_error err = {0};
        assert_int_equal(read_rows(rows[i].text, &count, &err), WARD_ERR_PLAN_ROW);
        assert_int_equal(err.code, WARD_ERR_PLAN_ROW);
        assert_memory_equal(err.detail, rows[i].detail, strlen(rows[i].detail));
    }
    assert_int_equal(read_rows("row,code,colour\nunit,A,\n", &count, NULL), WARD_OK); /* other rows may have it */
    assert_int_equal(read_rows("", &count, NULL), WARD_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_read),
        cmocka_unit_test(bad_files_name_line_and_column),
        cmocka_unit_test(columns_are_limited),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(excerpts_end_between_characters),
        cmocka_unit_test(codes_are_checked),
        cmocka_unit_test(numbers_are_whole),
        cmocka_unit_test(rows_come_from_both_forms),
        cmocka_unit_test(bad_rows_name_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
