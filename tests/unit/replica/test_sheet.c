/* The recovery sheet: the vectors of proto/, and one made, read back, and used to take the root key off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replicas.h"

#include "../vectors.h"
#include "shell/platform.h"

#define OWN   "the sheet's own words"
#define OTHER "the key file's words"

/* ---------------------------------------------------------------- vectors */

static uint32_t mask_of(const json_t *lines)
{
    uint32_t mask = 0;
    size_t i;
    json_t *n;
    json_array_foreach(lines, i, n) mask |= 1u << (json_integer_value(n) - 1);
    return mask;
}

static void compare_lines(const struct ward_sheet *sheet, const json_t *one)
{
    const json_t *lines = json_object_get(one, "lines");
    assert_int_equal(json_array_size(lines), WARD_SHEET_LINES);
    for (unsigned i = 0; i < WARD_SHEET_LINES; i++) {
        assert_string_equal(sheet->line[i], json_string_value(json_array_get(lines, i)));
        assert_true(ward_sheet_line_fits(i + 1, sheet->line[i]));
        assert_false(ward_sheet_line_fits(i + 2, sheet->line[i]));
        assert_false(ward_sheet_line_fits(i, sheet->line[i]));
    }
    assert_string_equal(sheet->code, json_string_value(json_object_get(one, "code")));
}

static int check_sheet(const json_t *one)
{
    struct ward_sheet sheet;
    struct ward_error err = {0};
    uint32_t bad = 77;
    struct ward_keys *root = ward_keys_new();
    assert_non_null(root);
    int rc = ward_sheet_read(json_string_value(json_object_get(one, "text")), &sheet, &bad, &err);
    assert_int_equal(bad, mask_of(json_object_get(one, "bad")));
    assert_int_equal(err.code, rc);
    if (!rc)
        rc = ward_sheet_open(root, &sheet, json_string_value(json_object_get(one, "passphrase")), &err);
    if (!rc) {
        struct ward_hash ward = hash_at(one, "ward"), pk = hash_at(one, "root_pk");
        assert_hash_equal(&sheet.ward, &ward);
        assert_memory_equal(sheet.root_pk, pk.b, 32);
        assert_memory_equal(root->sign.pk, pk.b, 32);
        compare_lines(&sheet, one);
    }
    ward_keys_free(root);
    return rc;
}

static void test_vectors(void **state)
{
    (void)state;
    each_vector("sheet", check_sheet);
}

static void test_bad_vectors(void **state)
{
    (void)state;
    each_vector("sheet-bad", check_sheet);
}

/* Any one character of a line typed as another is noticed. */
static void test_every_typing_error(void **state)
{
    (void)state;
    json_error_t why;
    char path[4096], line[WARD_SHEET_LINE];
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    snprintf(path, sizeof path, "%s/sheet.json", WARD_VECTORS_DIR);
    json_t *doc = json_load_file(path, 0, &why);
    const json_t *lines = json_object_get(json_array_get(json_object_get(doc, "cases"), 0), "lines");
    size_t tried = 0;
    for (unsigned n = 1; n <= WARD_SHEET_LINES; n++)
        for (size_t at = 0; at < 25; at++)
            for (const char *c = alphabet; *c; c++) {
                snprintf(line, sizeof line, "%s", json_string_value(json_array_get(lines, n - 1)));
                if (line[at] == ' ' || line[at] == *c)
                    continue;
                line[at] = *c;
                assert_false(ward_sheet_line_fits(n, line));
                tried++;
            }
    assert_int_equal(tried, 12 * 20 * 31);
    json_decref(doc);
}

/* ---------------------------------------------------------------- made and used */

static void assert_same(const struct ward_sheet *a, const struct ward_sheet *b)
{
    assert_memory_equal(a->ward.b, b->ward.b, sizeof a->ward.b);
    assert_memory_equal(a->root_pk, b->root_pk, sizeof a->root_pk);
    for (size_t i = 0; i < WARD_SHEET_LINES; i++)
        assert_string_equal(a->line[i], b->line[i]);
    assert_string_equal(a->code, b->code);
}

static void test_made_checked_and_root_taken_off(void **state)
{
    (void)state;
    struct world w, elsewhere;
    struct ward_sheet sheet, again, other;
    struct ward_key_state s;
    uint32_t bad;
    world_found(&w, 1);
    struct device *d = &w.d[0];
    assert_int_equal(ward_sheet_make(d->home, NULL, "short", &d->options, &sheet, NULL), WARD_ERR_PASSPHRASE_SHORT);
    OK(&w, ward_key_passphrase(d->home, NULL, OTHER, &d->options, &w.err));
    assert_int_equal(ward_sheet_make(d->home, NULL, OWN, &d->options, &sheet, NULL), WARD_ERR_PASSPHRASE_NEEDED);
    assert_int_equal(ward_sheet_make(d->home, OWN, OWN, &d->options, &sheet, NULL), WARD_ERR_PASSPHRASE);
    OK(&w, ward_sheet_make(d->home, OTHER, OWN, &d->options, &sheet, &w.err));
    assert_memory_equal(sheet.ward.b, d->r->ward.b, 32);
    OK(&w, ward_sheet_read(sheet.code, &again, &bad, &w.err));
    assert_same(&again, &sheet);

    /* No way to take the root key off but by a sheet that opens, of this ward. */
    assert_int_equal(ward_sheet_check(d->r, &sheet, OTHER, true, NULL), WARD_ERR_PASSPHRASE);
    world_found(&elsewhere, 2);
    OK(&w, ward_sheet_make(elsewhere.d[0].home, NULL, OWN, &elsewhere.d[0].options, &other, &w.err));
    assert_int_equal(ward_sheet_check(d->r, &other, OWN, true, NULL), WARD_ERR_SHEET_WARD);
    other.ward = sheet.ward; /* whoever says it is of this ward: what it holds tells */
    OK(&w, ward_key_state(d->home, &s, &w.err));
    assert_true(s.root_here);
    OK(&w, ward_sheet_check(d->r, &sheet, OWN, false, &w.err));
    OK(&w, ward_key_state(d->home, &s, &w.err));
    assert_true(s.root_here);
    assert_int_equal(ward_sheet_check(d->r, &other, OWN, true, NULL), WARD_ERR_SHEET_WARD);
    OK(&w, ward_sheet_check(d->r, &sheet, OWN, true, &w.err));
    OK(&w, ward_key_state(d->home, &s, &w.err));
    assert_true(!s.root_here && s.device_sealed);
    assert_int_equal(ward_sheet_check(d->r, &sheet, OWN, true, NULL), WARD_ERR_ROOT_MISSING);
    assert_int_equal(ward_sheet_make(d->home, OTHER, OWN, &d->options, &again, NULL), WARD_ERR_ROOT_MISSING);
    OK(&w, ward_sheet_check(d->r, &sheet, OWN, false, &w.err)); /* the paper is still good */
    world_close(&w);
    world_close(&elsewhere);
}

static int ready(void **state)
{
    (void)state;
    return ward_crypto_start(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_bad_vectors),
        cmocka_unit_test(test_every_typing_error),
        cmocka_unit_test(test_made_checked_and_root_taken_off),
    };
    return cmocka_run_group_tests(tests, ready, NULL);
}
