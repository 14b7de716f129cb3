/* scenarios_home.c - a home comes into being, is opened, is opened by a program that knows more or less. Reading, verifying. */
#include "scenarios.h"

#include <string.h>

/* ---------------------------------------------------------------- found */

static void set_up_nothing(struct world *w)
{
    (void)w;
}

static int found_step(struct world *w, int k, struct ward_error *err)
{
    struct device *d = &w->d[0];
    struct ward_id unit = unit_id('o');
    (void)k;
    return ward_found(&d->r, d->home, "North wards", &unit, "office", &d->options, err);
}

const struct scenario scenario_found = {
    .name = "found", .steps = 1, .fresh = true, .clean = true, .set_up = set_up_nothing, .step = found_step};

/* ---------------------------------------------------------------- open */

static int open_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_self self;
    w->d[0].options.read_only = k == 1;
    int rc = device_open(w, 0, err);
    w->d[0].options.read_only = false;
    if (!rc)
        rc = ward_self(w->d[0].r, &self, err);
    if (!rc)
        ward_hash_once(&w->seen, "self", &self, sizeof self);
    device_close(w, 0);
    return rc;
}

const struct scenario scenario_open = {.name = "open", .steps = 2, .clean = true, .set_up = set_up_records, .step = open_step};

/* ---------------------------------------------------------------- migrate */

static void set_up_older(struct world *w)
{
    set_up_records(w);
    must_write(w, 0, "ab", 7, "another");
    device_close(w, 0);
    struct ward_error err = {0};
    w->d[0].options.schema = &small_schema;
    must(device_open(w, 0, &err), &err, "open with the older schema");
}

/* To a newer program, back to the older one, and to the newer one again. */
static int migrate_step(struct world *w, int k, struct ward_error *err)
{
    w->d[0].options.schema = k == 1 ? &small_schema : &full_schema;
    int rc = device_open(w, 0, err);
    device_close(w, 0);
    w->d[0].options.schema = &full_schema;
    return rc;
}

const struct scenario scenario_migrate = {.name = "migrate", .steps = 3, .clean = true, .set_up = set_up_older, .step = migrate_step};

/* ---------------------------------------------------------------- reading */

struct reading {
    ward_hasher h;
    ward_replica *r;
    uint64_t count;
};

static int see_record(void *ctx, const ward_record *rec)
{
    struct reading *x = ctx;
    struct ward_value title = ward_record_value(rec, TITLE), sum = ward_record_value(rec, COUNTED);
    const uint8_t *key;
    size_t len;
    ward_hash_add(&x->h, title.p, title.len);
    ward_hash_add(&x->h, &sum.integer, sizeof sum.integer);
    for (size_t i = 0; i < ward_record_member_count(rec, TAGS); i++)
        if (ward_record_member(rec, TAGS, i, &key, &len) == WARD_OK)
            ward_hash_add(&x->h, key, len);
    x->count++;
    return 0;
}

static int see_change(void *ctx, const struct ward_change_info *c, const struct ward_op_info *ops, size_t count)
{
    struct reading *x = ctx;
    ward_hash_add(&x->h, c->hash.b, sizeof c->hash.b);
    for (size_t i = 0; i < count; i++)
        ward_hash_add(&x->h, ops[i].entity.b, sizeof ops[i].entity.b);
    return 0;
}

static int see_conflict(void *ctx, const struct ward_conflict *c)
{
    struct reading *x = ctx;
    for (size_t i = 0; i < c->value_count; i++) {
        ward_hash_add(&x->h, c->values[i].value.p, c->values[i].value.len);
        ward_hash_add(&x->h, &c->seen[i * c->value_count], c->value_count);
    }
    return 0;
}

static int see_device(void *ctx, const struct ward_device *d)
{
    struct reading *x = ctx;
    ward_hash_add(&x->h, d->name, strlen(d->name));
    ward_hash_add(&x->h, &d->backlog_to, sizeof d->backlog_to);
    return 0;
}

static int read_one(struct reading *x, struct ward_error *err)
{
    struct ward_id id = item_id(2), found;
    struct ward_hash space;
    struct ward_live live;
    ward_record *rec;
    int rc = ward_get(x->r, KIND_ITEM, &id, false, &rec, err);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < ward_record_live_count(rec, TITLE); i++) {
        rc = ward_record_live(rec, TITLE, i, &live, err);
        ward_hash_add(&x->h, live.value.p, live.value.len);
    }
    ward_record_free(rec);
    if (!rc)
        rc = ward_find_prefix(x->r, KIND_ITEM, "01020304050670088000000000000002", &found, err);
    if (!rc)
        rc = ward_space_of_record(x->r, &space, KIND_ITEM, &id, err);
    ward_hash_add(&x->h, space.b, sizeof space.b);
    return rc;
}

static int read_step(struct world *w, int k, struct ward_error *err)
{
    struct reading x = {.r = w->d[0].r};
    struct ward_id id = item_id(2);
    int rc;
    ward_hash_begin(&x.h, "read");
    switch (k) {
    case 0:
        rc = ward_each(x.r, KIND_ITEM, see_record, &x, err);
        break;
    case 1:
        rc = ward_history(x.r, NULL, see_change, &x, err);
        break;
    case 2:
        rc = ward_conflicts(x.r, see_conflict, &x, err);
        break;
    case 3:
        rc = ward_devices(x.r, see_device, &x, err);
        break;
    case 4:
        rc = read_one(&x, err);
        break;
    default:
        rc = ward_history(x.r, &id, see_change, &x, err);
        break;
    }
    ward_hash_end(&x.h, &w->seen);
    return rc;
}

static void set_up_conflicts(struct world *w)
{
    set_up_records(w);
    must_write(w, 0, "a", 2, "as the office has it");
    must_write(w, 1, "a", 2, "as the cell has it");
    must_carry(w, 1, 0);
}

const struct scenario scenario_read = {
    .name = "read", .steps = 6, .opens = true, .clean = true, .set_up = set_up_conflicts, .step = read_step};

/* ---------------------------------------------------------------- verify */

static int verify_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_verify_result seen;
    int rc = ward_verify(w->d[0].r, k == 1, NULL, NULL, NULL, &seen, err);
    if (!rc)
        ward_hash_once(&w->seen, "verified", &seen, sizeof seen);
    return rc;
}

const struct scenario scenario_verify = {
    .name = "verify", .steps = 2, .opens = true, .clean = true, .set_up = set_up_conflicts, .step = verify_step};
