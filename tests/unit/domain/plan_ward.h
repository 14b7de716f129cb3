/* plan_ward.h - a ward with the plan's schema, founded in a directory of its own. Include after <cmocka.h>. */
#ifndef WARD_TEST_PLAN_WARD_H
#define WARD_TEST_PLAN_WARD_H

#include "wardsync_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct ward {
    char home[64];
    ward_replica *r;
    struct ward_error err;
};

/* A call that must succeed: says what went wrong if not. */
#define GOOD(w, call)                                                                                                                      \
    do {                                                                                                                                   \
        int rc_ = (call);                                                                                                                  \
        if (rc_)                                                                                                                           \
            fail_msg("%s: %s: %s", #call, ward_error_name(rc_), (w)->err.detail);                                                          \
    } while (0)
#define BAD(call, code) assert_int_equal(call, code)
#define SET(w, kind, id, now, ...)                                                                                                         \
    ward_plan_set((w)->r, kind, id, (const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})), now, &(w)->err)

static const struct ward_date today = {2026, 6, 15};

static inline int setup(void **state)
{
    static const struct ward_options options = {0};
    struct ward_options own = options;
    struct ward *w = calloc(1, sizeof *w);
    struct ward_id unit;
    assert_non_null(w);
    own.schema = ward_plan_schema();
    snprintf(w->home, sizeof w->home, "/tmp/ward-plan-XXXXXX");
    assert_non_null(mkdtemp(w->home));
    ward_plan_unit_id(&unit, "BXDD");
    if (ward_found(&w->r, w->home, "Thử", &unit, "máy 1", &own, &w->err)) {
        fprintf(stderr, "found: %s\n", w->err.detail);
        fail();
    }
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct ward *w = *state;
    char command[128];
    ward_close(w->r);
    snprintf(command, sizeof command, "rm -rf '%s'", w->home);
    int rc = system(command);
    free(w);
    return rc;
}

static inline void add_units(struct ward *w)
{
    static const char *const units[][3] = {{"BXDD", "Ban Xây dựng Đảng", "party-board"},
                                           {"UBND", "Ủy ban nhân dân", "peoples-committee"},
                                           {"BTV", "Ban Thường vụ", "standing-committee"},
                                           {"TDP-01", "Chi bộ tổ dân phố 1", NULL}};
    struct ward_id id, expected;
    for (size_t i = 0; i < COUNT(units); i++) {
        GOOD(w, ward_plan_unit_add(w->r, units[i][0], units[i][1], units[i][2], i == 3 ? "BTV" : NULL, &id, &w->err));
        ward_plan_unit_id(&expected, units[i][0]);
        assert_true(ward_id_equal(&id, &expected));
    }
}

static inline void assert_text(const ward_record *rec, uint32_t field, const char *text)
{
    struct ward_value v = ward_record_value(rec, field);
    assert_int_equal(v.type, text ? WARD_TEXT : WARD_NULL);
    if (text) {
        assert_int_equal(v.len, strlen(text));
        assert_memory_equal(v.p, text, v.len);
    }
}

static inline ward_record *get(struct ward *w, uint32_t kind, const struct ward_id *id)
{
    ward_record *rec;
    GOOD(w, ward_get(w->r, kind, id, true, &rec, &w->err));
    return rec;
}

static inline struct ward_id add_task(struct ward *w, const char *title, const char *lead, const char *due)
{
    struct ward_task_spec spec = {.title = title, .lead = lead, .due = due, .section = "II.1"};
    struct ward_id id;
    GOOD(w, ward_plan_task_add(w->r, &spec, &id, &w->err));
    return id;
}

static inline struct ward_hash digest(struct ward *w)
{
    struct ward_status status;
    GOOD(w, ward_status(w->r, &status, &w->err));
    return status.digest;
}

static inline void assert_same(const struct ward_hash *a, const struct ward_hash *b)
{
    assert_memory_equal(a->b, b->b, sizeof a->b);
}

static inline int count_records(void *ctx, const ward_record *rec)
{
    (void)rec;
    ++*(size_t *)ctx;
    return 0;
}

#define HEAD                                                                                                                                   \
    "row,code,title,owner,select_max\nplan,P-1,Kế hoạch,BTV,1\n"                                                                           \
    "row,code,name,kind,parent\nunit,BTV,Ban Thường vụ,standing-committee,\nunit,UBND,Ủy ban,peoples-committee,\nunit,TDP-01,Chi bộ " \
    "1,party-cell,BTV\n"
#define TASKS "row,code,section,title,lead,with,due,person\n"

static inline int import(struct ward *w, const char *text, bool dry_run, struct ward_import_result *result)
{
    memset(result, 0, sizeof *result);
    memset(&w->err, 0, sizeof w->err);
    return ward_plan_import(w->r, text, strlen(text), dry_run, result, &w->err);
}

#endif
