/* No operator is left: a new one from the recovery sheet and any cell's bundle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replicas.h"

#include "shell/platform.h"
#include "values/feed.h"

#define WORDS "the sheet's own words"

struct office {
    struct world w; /* 0: the operator, 1 and 2: cells */
    struct ward_sheet sheet;
    struct ward_id item;
    struct ward_hash space; /* the first cell's own */
};

static void write_item(struct office *o, size_t who, const char *title)
{
    struct device *d = &o->w.d[who];
    ward_txn *t;
    struct ward_value v = ward_value_text(title);
    OK(&o->w, ward_space_of_circle(d->r, &o->space, &o->w.d[1].unit, 1, &o->w.err));
    OK(&o->w, ward_begin(d->r, &t, &o->w.err));
    OK(&o->w, ward_put(t, &o->space, KIND_ITEM, &o->item, TITLE, NULL, 0, &v, &o->w.err));
    OK(&o->w, ward_commit(t, NULL, &o->w.err));
}

static void open_office(struct office *o, uint64_t seed)
{
    world_found(&o->w, seed);
    OK(&o->w, ward_sheet_make(o->w.d[0].home, NULL, WORDS, &o->w.d[0].options, &o->sheet, &o->w.err));
    admit(&o->w, 'c', WARD_ROLE_CELL, seed);
    admit(&o->w, 'd', WARD_ROLE_CELL, seed);
    OK(&o->w, ward_new_id(o->w.d[1].r, &o->item, &o->w.err));
    write_item(o, 1, "from the cell");
}

/* A full bundle of one device. */
static const char *bundle_of(struct office *o, size_t who, char path[300])
{
    snprintf(path, 300, "%s/of-%zu.wsb", o->w.dir, who);
    OK(&o->w, ward_bundle_write(o->w.d[who].r, path, &(struct ward_bundle_options){0}, NULL, &o->w.err));
    return path;
}

static int read_by(struct office *o, size_t who, const char *path, struct ward_bundle_info *info)
{
    return ward_bundle_read(o->w.d[who].r, path, NULL, NULL, info, &o->w.err);
}

static int recover_from(struct office *o, const char *const *bundles, size_t count, const char *passphrase, size_t *who)
{
    size_t i = o->w.count;
    struct device *d = &o->w.d[i];
    device_init(&o->w, i, 70 + i);
    d->unit = unit_id('o');
    int rc = ward_recover(&d->r, d->home, &o->sheet, passphrase, bundles, count, &d->unit, "new office", &d->options, &o->w.err);
    if (!rc) {
        struct ward_self self;
        o->w.count++;
        OK(&o->w, ward_self(d->r, &self, &o->w.err));
        d->grant = self.grant;
        assert_int_equal(self.role, WARD_ROLE_OPERATOR);
        assert_string_equal(self.device_name, "new office");
        assert_string_equal(self.ward_name, "North wards");
        *who = i;
    }
    return rc;
}

static uint64_t root_seq(ward_replica *r)
{
    struct ward_hash space, id;
    ward_space_of_ward(r, &space);
    ward_name_feed(&id, &r->ward, &space, &r->ward);
    const struct ward_feed *f = ward_directory_feed_by_id(&r->dir, &id);
    return f ? f->head_seq : 0;
}

static void test_all_devices_take_the_new_operator(void **state)
{
    (void)state;
    struct office o;
    char path[300];
    size_t new = 0;
    struct ward_bundle_info info;
    struct ward_hash digest[2];
    struct ward_status status[2];
    struct ward_verify_result verified;
    open_office(&o, 7);
    char second_path[300]; /* the first cell has not heard of the second, so both are asked */
    const char *const from_cells[] = {bundle_of(&o, 1, path), bundle_of(&o, 2, second_path)};
    ward_close(o.w.d[0].r); /* the office is lost */
    o.w.d[0].r = NULL;

    OK(&o.w, recover_from(&o, from_cells, 2, WORDS, &new));
    assert_int_equal(root_seq(o.w.d[new].r), 2);
    assert_false(ward_file_exists(strcat(strcpy(path, o.w.d[new].home), "/root.key")));
    assert_false(ward_file_exists(strcat(strcpy(path, o.w.d[new].home), "/" WARD_UNFINISHED)));
    OK(&o.w, ward_state_digest(o.w.d[1].r, &o.space, &digest[0], &o.w.err));
    OK(&o.w, ward_state_digest(o.w.d[new].r, &o.space, &digest[1], &o.w.err));
    assert_memory_equal(digest[0].b, digest[1].b, 32); /* nothing of the cell's is missing */
    write_item(&o, new, "from the new office");
    OK(&o.w, ward_revoke(o.w.d[new].r, &o.w.d[0].grant, "lost", &o.w.err));

    /* Nobody has met it: its own bundle names it, to the end of what it wrote, at both cells. */
    bundle_of(&o, new, path);
    assert_int_equal(ward_bundle_show(o.w.d[1].r, path, &info, NULL), WARD_ERR_BUNDLE_WRITER);
    for (size_t cell = 1; cell <= 2; cell++) {
        OK(&o.w, read_by(&o, cell, path, &info));
        assert_int_equal(info.refused, 0);
        if (cell == 1) /* the other may not hold its space */
            assert_int_equal(info.applied + info.known, info.changes);
        assert_int_equal(root_seq(o.w.d[cell].r), 2);
        assert_true(ward_grant_effective(&o.w.d[cell].r->dir, &o.w.d[new].grant));
        assert_true(ward_grant_is_cut(&o.w.d[cell].r->dir, &o.w.d[0].grant));
        OK(&o.w, ward_bundle_show(o.w.d[cell].r, path, &info, &o.w.err));
    }
    OK(&o.w, ward_status(o.w.d[1].r, &status[0], &o.w.err));
    OK(&o.w, ward_status(o.w.d[new].r, &status[1], &o.w.err));
    assert_memory_equal(status[0].digest.b, status[1].digest.b, 32);
    assert_int_equal(status[0].devices, 3);
    OK(&o.w, ward_verify(o.w.d[1].r, true, NULL, NULL, NULL, &verified, &o.w.err));
    assert_int_equal(verified.bad, 0);

    /* What it writes later needs no introduction, and the sheet serves a second time. */
    const char *again = bundle_of(&o, 1, path);
    OK(&o.w, recover_from(&o, &again, 1, WORDS, &new));
    assert_int_equal(root_seq(o.w.d[new].r), 3);
    OK(&o.w, read_by(&o, 2, bundle_of(&o, new, path), &info));
    assert_true(ward_grant_effective(&o.w.d[2].r->dir, &o.w.d[new].grant));
    world_close(&o.w);
}

static void expect_nothing_left(struct office *o)
{
    assert_true(ward_dir_is_empty(o->w.d[o->w.count].home) || !ward_dir_exists(o->w.d[o->w.count].home));
}

static void test_refused_and_nothing_left(void **state)
{
    (void)state;
    struct office o, other;
    char path[300], part[300], foreign[300], file[700];
    size_t new = 0;
    open_office(&o, 7);
    open_office(&other, 8);
    const char *good = bundle_of(&o, 1, path), *strange = bundle_of(&other, 1, foreign);
    assert_int_equal(recover_from(&o, &good, 1, "other words altogether", &new), WARD_ERR_PASSPHRASE);
    expect_nothing_left(&o);
    assert_int_equal(recover_from(&o, NULL, 0, WORDS, &new), WARD_ERR_ARGUMENT);
    expect_nothing_left(&o);
    const char *none = "/nowhere/at/all";
    assert_int_equal(recover_from(&o, &none, 1, WORDS, &new), WARD_ERR_NOT_FOUND);
    expect_nothing_left(&o);
    /* What the cell sent after it was last met does not begin at the beginning. */
    struct ward_bundle_info info;
    OK(&o.w, give_bundle(&o.w, 0, 1, false, &info));
    write_item(&o, 1, "later");
    snprintf(part, sizeof part, "%s/part.wsb", o.w.dir);
    OK(&o.w, ward_bundle_write(o.w.d[1].r, part, &(struct ward_bundle_options){.for_grant = &o.w.d[0].grant, .since_last = true}, &info,
                               &o.w.err));
    const char *partial = part;
    assert_int_equal(recover_from(&o, &partial, 1, WORDS, &new), WARD_ERR_BUNDLE_WRITER);
    expect_nothing_left(&o);
    assert_int_equal(recover_from(&o, &strange, 1, WORDS, &new), WARD_ERR_BUNDLE_WARD);
    expect_nothing_left(&o);

    /* A home in use is left alone; one that was being made is cleared away. */
    struct device *next = &o.w.d[o.w.count];
    device_init(&o.w, o.w.count, 99);
    bool made = false;
    OK(&o.w, ward_dir_make(next->home, &made, &o.w.err));
    snprintf(file, sizeof file, "%s/letter.txt", next->home);
    OK(&o.w, ward_file_write(file, "dear all", 8, 0600, &o.w.err));
    assert_int_equal(recover_from(&o, &good, 1, WORDS, &new), WARD_ERR_HOME_EXISTS);
    assert_true(ward_file_exists(file));
    ward_file_remove(file);
    OK(&o.w, ward_home_begin(next->home, &o.w.err));
    snprintf(file, sizeof file, "%s/device.key", next->home);
    OK(&o.w, ward_file_write(file, "half a key", 10, 0600, &o.w.err));
    const char *const both[] = {good, partial};
    OK(&o.w, recover_from(&o, both, 2, WORDS, &new));
    assert_int_equal(root_seq(o.w.d[new].r), 2);
    world_close(&o.w);
    world_close(&other.w);
}

/* The sheet used twice from records of the same age forks the root's feed: both words count, whichever came first, and nobody's work
 * suffers. proto/authority.md, Recovery. */
static void test_used_twice_from_the_same_records(void **state)
{
    (void)state;
    struct office o;
    char path[300], second_path[300];
    size_t first = 0, second = 0;
    struct ward_bundle_info info = {0};
    open_office(&o, 7);
    const char *from_cell = bundle_of(&o, 1, path);
    OK(&o.w, recover_from(&o, &from_cell, 1, WORDS, &first));
    OK(&o.w, recover_from(&o, &from_cell, 1, WORDS, &second));
    OK(&o.w, read_by(&o, 1, bundle_of(&o, first, path), &info));
    OK(&o.w, read_by(&o, 1, bundle_of(&o, second, second_path), &info));
    OK(&o.w, read_by(&o, 2, second_path, &info)); /* the other way round */
    OK(&o.w, read_by(&o, 2, path, &info));
    for (size_t cell = 1; cell <= 2; cell++) {
        assert_true(ward_grant_effective(&o.w.d[cell].r->dir, &o.w.d[first].grant));
        assert_true(ward_grant_effective(&o.w.d[cell].r->dir, &o.w.d[second].grant));
    }
    write_item(&o, 1, "the work goes on");
    OK(&o.w, read_by(&o, first, bundle_of(&o, 1, path), &info));
    assert_int_equal(info.refused, 0);
    world_close(&o.w);
}

/* A laptop was let in, and the office burnt before the laptop had heard who let it in: others have, and vouch for it. Which bundle is named
 * first must not matter; one that nobody vouches for is named. */
static void test_bundles_in_any_order(void **state)
{
    (void)state;
    struct office o;
    char path[300], second_path[300];
    size_t new = 0;
    struct ward_bundle_info info;
    open_office(&o, 7);
    size_t laptop = admit_silent(&o.w, 'e', WARD_ROLE_CELL, 7);
    const char *const bundles[] = {bundle_of(&o, laptop, path), bundle_of(&o, 1, second_path)};
    assert_int_equal(recover_from(&o, bundles, 1, WORDS, &new), WARD_ERR_BUNDLE_WRITER);
    assert_non_null(strstr(o.w.err.detail, "from their beginning"));
    assert_int_equal(recover_from(&o, bundles, 2, WORDS, &new), WARD_ERR_BUNDLE_WRITER);
    assert_non_null(strstr(o.w.err.detail, "none of the bundles knows"));
    expect_nothing_left(&o);
    OK(&o.w, read_by(&o, 1, bundle_of(&o, 0, path), &info));
    bundle_of(&o, laptop, path);
    bundle_of(&o, 1, second_path);
    OK(&o.w, recover_from(&o, bundles, 2, WORDS, &new));
    assert_int_equal(root_seq(o.w.d[new].r), 2);
    assert_true(ward_grant_effective(&o.w.d[new].r->dir, &o.w.d[laptop].grant));
    world_close(&o.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_devices_take_the_new_operator),
        cmocka_unit_test(test_refused_and_nothing_left),
        cmocka_unit_test(test_used_twice_from_the_same_records),
        cmocka_unit_test(test_bundles_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
