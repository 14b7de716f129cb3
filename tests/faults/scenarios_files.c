/* scenarios_files.c - runs and bundles taken in, bundles and backups written: all that comes and goes by files. */
#include "base/buf.h"
#include "inject.h"
#include "scenarios.h"
#include "shell/platform.h"

#include <string.h>

#define GIVEN "/d0/given.bundle"
#define OUT   "/d0/out.bundle"
#define COPY  "/d0/copy.db"

/* ---------------------------------------------------------------- bundle read */

static void set_up_given(struct world *w)
{
    struct ward_error err = {0};
    struct ward_bundle_options options = {.for_grant = &w->d[0].grant};
    set_up_records(w);
    must_carry(w, 0, 2);
    for (uint8_t i = 0; i < 40; i++)
        must_write(w, 1, i % 3 ? "a" : "ab", (uint8_t)(100 + i), i % 2 ? "odd" : "even");
    must_write(w, 0, "a", 10, "meanwhile");
    must_carry(w, 1, 2);
    must_write(w, 2, "b", 30, "alone");
    must_write(w, 2, "abc", 31, "of three");
    must_carry(w, 2, 1);
    must(ward_bundle_write(w->d[1].r, GIVEN, &options, NULL, &err), &err, "bundle");
}

static int bundle_read_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_bundle_info info;
    int rc = k == 0 ? ward_bundle_show(w->d[0].r, GIVEN, &info, err) : ward_bundle_read(w->d[0].r, GIVEN, world_on_event, w, &info, err);
    if (!rc)
        ward_hash_once(&w->seen, "bundle", &info.refused, sizeof info.refused);
    return rc;
}

const struct scenario scenario_bundle_read = {
    .name = "bundle-read", .steps = 2, .opens = true, .clean = true, .set_up = set_up_given, .step = bundle_read_step};

/* ---------------------------------------------------------------- one run at a time */

static int run_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_buf frame;
    struct ward_hash space;
    bool got = false;
    int rc = space_of(w, 0, "abc", &space, err); /* its circle is known before a run of it comes */
    (void)k;
    ward_buf_init(&frame, &w->d[1].env);
    if (!rc)
        next_run(w, 1, 0, &frame, &got);
    if (!rc && got)
        rc = take_run(w, 0, &frame, err);
    ward_buf_free(&frame);
    return rc;
}

const struct scenario scenario_run = {
    .name = "run", .steps = 4, .opens = true, .clean = true, .peers = true, .set_up = set_up_given, .step = run_step};

/* ---------------------------------------------------------------- bundle write */

static int bundle_write_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_bundle_options options = {.for_unit = &w->d[1].unit, .since_last = k == 1};
    struct ward_bundle_info info;
    int rc = ward_bundle_write(w->d[0].r, OUT, &options, &info, err);
    if (!rc)
        ward_hash_once(&w->seen, "bundle", &info.changes, sizeof info.changes);
    return rc;
}

/* Where a bundle is, it is whole. */
static int look_at_bundle(struct world *w, ward_hasher *h, struct ward_error *err)
{
    struct ward_bundle_info info = {0};
    int rc = ward_file_exists(OUT) ? ward_bundle_show(w->d[0].r, OUT, &info, err) : WARD_OK;
    ward_hash_add(h, &info.changes, sizeof info.changes);
    return rc;
}

const struct scenario scenario_bundle_write = {
    .name = "bundle-write", .steps = 2, .opens = true, .set_up = set_up_given, .step = bundle_write_step, .look = look_at_bundle};

/* ---------------------------------------------------------------- backup */

static int backup_step(struct world *w, int k, struct ward_error *err)
{
    (void)k;
    return ward_backup(w->d[0].r, COPY, err);
}

static int open_copy(struct world *w, ward_hasher *h, struct ward_error *err)
{
    struct ward_status status;
    struct ward_verify_result seen;
    ward_replica *r;
    int rc = ward_open(&r, "/d2/copied", &w->d[2].options, err);
    if (rc)
        return rc;
    rc = ward_status(r, &status, err);
    if (!rc)
        rc = ward_verify(r, true, NULL, NULL, NULL, &seen, err);
    if (!rc && seen.bad)
        rc = err->code = WARD_ERR_CORRUPT;
    ward_hash_add(h, status.digest.b, sizeof status.digest.b);
    ward_close(r);
    return rc;
}

/* Where the file is, a replica can be opened from it. */
static int look_at_database(struct world *w, ward_hasher *h, const char *path, struct ward_error *err)
{
    size_t len, key_len;
    const uint8_t *copy = disk_file(w->d[0].disk, path, &len), *key = disk_file(w->d[0].disk, "/d0/home/device.key", &key_len);
    bool made;
    if (!copy || !key)
        return WARD_OK;
    inject_pause();
    int rc = ward_dir_make("/d2/copied", &made, err);
    disk_set_file(w->d[2].disk, "/d2/copied/replica.db", copy, len, 0600);
    disk_set_file(w->d[2].disk, "/d2/copied/device.key", key, key_len, 0600);
    if (!rc)
        rc = open_copy(w, h, err);
    disk_put(w->d[2].disk, w->d[2].base);
    inject_resume();
    return rc;
}

static int look_at_copy(struct world *w, ward_hasher *h, struct ward_error *err)
{
    return look_at_database(w, h, COPY, err);
}

const struct scenario scenario_backup = {
    .name = "backup", .steps = 1, .opens = true, .clean = true, .set_up = set_up_records, .step = backup_step, .look = look_at_copy};

/* ---------------------------------------------------------------- restore */

static void set_up_backup(struct world *w)
{
    struct ward_error err = {0};
    set_up_records(w);
    must(ward_backup(w->d[0].r, COPY, &err), &err, "backup");
    must_write(w, 0, "a", 1, "after the backup");
    must_write(w, 0, "ab", 8, "after the backup, too");
    w->hot = true; /* as a power cut leaves it: the newest is in the log alone */
}

static int restore_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_restored result;
    (void)k;
    int rc = ward_restore(w->d[0].home, COPY, &w->d[0].options, &result, err);
    if (!rc)
        ward_hash_once(&w->seen, "kept", result.kept, strlen(result.kept));
    return rc;
}

/* What was replaced can be opened as it was. */
static int look_at_kept(struct world *w, ward_hasher *h, struct ward_error *err)
{
    return look_at_database(w, h, "/d0/home/before-restore-1.db", err);
}

const struct scenario scenario_restore = {
    .name = "restore", .steps = 1, .set_up = set_up_backup, .step = restore_step, .look = look_at_kept};

/* Over a database that cannot be read any more. */
static void set_up_damaged(struct world *w)
{
    static const uint8_t rubbish[4096] = "once it was a database";
    set_up_backup(w);
    w->hot = false;
    device_close(w, 0);
    disk_set_file(w->d[0].disk, "/d0/home/replica.db", rubbish, sizeof rubbish, 0600);
}

const struct scenario scenario_restore_damaged = {
    .name = "restore-damaged", .steps = 1, .fresh = true, .set_up = set_up_damaged, .step = restore_step};
