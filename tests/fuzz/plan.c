/* Plan files, in CSV and JSON, into a ward that has a plan already: a rehearsal changes nothing and says what the import then does; what is
 * refused changes nothing; a file imported twice is imported once, and nothing in it is then new. */
#include "planned.h"
#include "wardsync_plan.h"

static ward_replica *lasting; /* only rehearsed on */

static size_t sum(const struct ward_import_count *c)
{
    return c->added + c->changed;
}

static size_t written(const struct ward_import_result *r)
{
    return sum(&r->plans) + sum(&r->units) + sum(&r->tasks) + sum(&r->proposals);
}

static void import_twice(const uint8_t *p, size_t len, const struct ward_import_result *expected)
{
    struct ward_import_result first, again;
    struct ward_error err = {0};
    ward_replica *r = planned_open(1);
    CHECK(ward_plan_import(r, p, len, false, &first, &err) == WARD_OK && memcmp(&first, expected, sizeof first) == 0);
    struct ward_hash before = planned_digest(r), after;
    CHECK(ward_plan_import(r, p, len, false, &again, &err) == WARD_OK && written(&again) == 0);
    after = planned_digest(r);
    CHECK(memcmp(before.b, after.b, 32) == 0);
    ward_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_import_result result;
    struct ward_error err = {0};
    if (!lasting)
        lasting = planned_open(0);
    memset(&result, 0, sizeof result);
    struct ward_hash before = planned_digest(lasting), after;
    int rc = ward_plan_import(lasting, p, len, true, &result, &err);
    after = planned_digest(lasting);
    CHECK(memcmp(before.b, after.b, 32) == 0 && (rc == WARD_OK || (rc == err.code && err.detail[0])));
    CHECK(rc != WARD_ERR_INTERNAL && rc != WARD_ERR_MEMORY);
    if (rc == WARD_OK)
        import_twice(p, len, &result);
    return 0;
}
