/* A plan from a table: once, again, changed, or with a row that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "plan_ward.h"

static void importing_twice_changes_nothing(void **state)
{
    static const char file[] = HEAD TASKS "task,I-01,I,Việc một,UBND,,2026-05,\ntask,I-02,I,\"Việc, hai\",TDP-01,UBND,every:month,Bí thư\n"
                                          "row,code,title,unit,origin\nproposal,MH-01,Mô hình,UBND,given\n";
    struct ward *w = *state;
    struct ward_import_result n;
    struct ward_hash empty = digest(w);
    GOOD(w, import(w, file, true, &n));
    assert_int_equal(n.tasks.added, 2);
    struct ward_hash dry = digest(w);
    assert_same(&empty, &dry);
    GOOD(w, import(w, file, false, &n));
    assert_int_equal(n.plans.added, 1);
    assert_int_equal(n.units.added, 3);
    assert_int_equal(n.tasks.added, 2);
    assert_int_equal(n.proposals.added, 1);
    struct ward_hash first = digest(w);
    GOOD(w, import(w, file, false, &n));
    assert_int_equal(n.plans.unchanged, 1);
    assert_int_equal(n.units.unchanged, 3);
    assert_int_equal(n.tasks.unchanged, 2);
    assert_int_equal(n.proposals.unchanged, 1);
    struct ward_hash second = digest(w);
    assert_same(&first, &second);
}

static void a_changed_row_updates_what_changed(void **state)
{
    struct ward *w = *state;
    struct ward_import_result n;
    struct ward_id task, now;
    GOOD(w, import(w, HEAD TASKS "task,I-01,I,Việc một,UBND,,2026-05,\ntask,I-02,I,Việc hai,UBND,,2026-05,\n", false, &n));
    GOOD(w, ward_plan_resolve(w->r, WARD_KIND_TASK, "I-01", &task, &w->err));
    GOOD(w, SET(w, WARD_KIND_TASK, &task, NULL, "due=2026-06", "percent=50"));
    GOOD(w, import(w, HEAD TASKS "task,I-01,I,Việc một,UBND,,2026-05,Chủ tịch\ntask,I-02,I,Việc hai,UBND,,2026-05,\n", false, &n));
    assert_int_equal(n.tasks.changed, 1);
    assert_int_equal(n.tasks.unchanged, 1);
    ward_record *rec = get(w, WARD_KIND_TASK, &task);
    assert_text(rec, WARD_TASK_DUE, "2026-06"); /* what the operator set since stays */
    assert_text(rec, WARD_TASK_PERSON, "Chủ tịch");
    ward_record_free(rec);
    GOOD(w, import(w, HEAD TASKS "task,I-01,I,Việc một,UBND,TDP-01,2026-07,\n", false, &n));
    assert_int_equal(n.tasks.changed, 1);
    assert_int_equal(n.tasks_moved, 1);
    GOOD(w, ward_plan_resolve(w->r, WARD_KIND_TASK, "I-01", &now, &w->err));
    assert_false(ward_id_equal(&task, &now));
    rec = get(w, WARD_KIND_TASK, &now);
    assert_text(rec, WARD_TASK_DUE, "2026-07");
    assert_text(rec, WARD_TASK_PERSON, NULL);
    assert_int_equal(ward_record_value(rec, WARD_TASK_PERCENT).integer, 50);
    ward_record_free(rec);
    GOOD(w, import(w, HEAD TASKS "task,I-01,I,Việc một,UBND,TDP-01,2026-07,\n", false, &n));
    assert_int_equal(n.tasks.unchanged, 1);
    GOOD(w, ward_plan_delete(w->r, WARD_KIND_TASK, &now, &w->err));
    GOOD(w, import(w, HEAD TASKS "task,I-02,I,Việc hai,UBND,,2026-05,\n", false, &n));
    assert_int_equal(n.tasks.unchanged, 1);
    GOOD(w, import(w, HEAD TASKS "task,I-01,I,Việc một khác,UBND,TDP-01,2026-07,\n", false, &n));
    assert_int_equal(n.tasks.deleted, 1);
    BAD(ward_plan_resolve(w->r, WARD_KIND_TASK, "I-01", &now, &w->err), WARD_ERR_NOT_FOUND);
}

static void deleted_records_come_back(void **state)
{
    struct ward *w = *state;
    struct ward_id task, unit, found;
    add_units(w);
    task = add_task(w, "Việc", "UBND", NULL);
    BAD(ward_plan_restore(w->r, WARD_KIND_TASK, &task, &w->err), WARD_ERR_NOTHING);
    GOOD(w, ward_plan_delete(w->r, WARD_KIND_TASK, &task, &w->err));
    BAD(ward_plan_delete(w->r, WARD_KIND_TASK, &task, &w->err), WARD_ERR_NOTHING);
    BAD(SET(w, WARD_KIND_TASK, &task, NULL, "percent=10"), WARD_ERR_NOT_FOUND);
    GOOD(w, ward_plan_restore(w->r, WARD_KIND_TASK, &task, &w->err));
    GOOD(w, SET(w, WARD_KIND_TASK, &task, NULL, "percent=10"));
    ward_plan_unit_id(&unit, "TDP-01");
    GOOD(w, ward_plan_delete(w->r, WARD_KIND_UNIT, &unit, &w->err));
    BAD(ward_plan_unit_add(w->r, "TDP-01", "Chi bộ", NULL, NULL, &found, &w->err), WARD_ERR_STATE);
    GOOD(w, ward_plan_restore(w->r, WARD_KIND_UNIT, &unit, &w->err));
    GOOD(w, ward_plan_resolve(w->r, WARD_KIND_UNIT, "TDP-01", &found, &w->err));
}

/* A file of the examples, which stand beside the tests. */
static char *read_example(const char *name, size_t *len)
{
    char path[1024];
    static const char here[] = __FILE__;
    const char *tests = strstr(here, "tests/unit/domain/");
    assert_non_null(tests);
    snprintf(path, sizeof path, "%.*sexamples/%s", (int)(tests - here), here, name);
    FILE *file = fopen(path, "rb");
    char *text = malloc(1 << 20);
    assert_non_null(file);
    assert_non_null(text);
    *len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static void the_examples_are_imported(void **state)
{
    struct ward *w = *state;
    struct ward_import_result n;
    struct ward_id id;
    size_t len;
    char *text = read_example("bach-dang/plan.csv", &len);
    GOOD(w, ward_plan_import(w->r, text, len, false, &n, &w->err));
    assert_int_equal(n.units.added, 71);
    assert_int_equal(n.tasks.added, 201);
    assert_int_equal(n.proposals.added, 11);
    struct ward_hash before = digest(w);
    GOOD(w, ward_plan_import(w->r, text, len, false, &n, &w->err));
    assert_int_equal(n.units.unchanged + n.tasks.unchanged + n.proposals.unchanged + n.plans.unchanged, 71 + 201 + 11 + 1);
    struct ward_hash after = digest(w);
    assert_same(&before, &after);
    free(text);

    text = read_example("second-plan/plan.json", &len); /* another plan beside it: its units are known, its codes may be the same */
    GOOD(w, ward_plan_import(w->r, text, len, false, &n, &w->err));
    assert_int_equal(n.units.added, 0);
    assert_int_equal(n.tasks.added, 4);
    BAD(ward_plan_resolve(w->r, WARD_KIND_PROPOSAL, "MH-01", &id, &w->err), WARD_ERR_AMBIGUOUS);
    GOOD(w, ward_plan_resolve(w->r, WARD_KIND_PROPOSAL, "VSMT-2026:MH-01", &id, &w->err));
    GOOD(w, ward_plan_import(w->r, text, len, false, &n, &w->err));
    assert_int_equal(n.tasks.unchanged, 4);
    free(text);
}

static void a_bad_row_imports_nothing(void **state)
{
    static const struct {
        const char *text, *detail;
    } rows[] = {
        {HEAD TASKS "task,I-01,I,Việc,UBND,,2026-05,\ntask,I-02,I,Việc,UBND,,2026-02-30,\n", "line 9, column 7: due:"},
        {HEAD TASKS "task,I-01,I,Việc,NOBODY,,2026-05,\n", "line 8, column 5: lead:"},
        {HEAD TASKS "task,I-01,I,Việc,UBND,\"BTV,NOBODY\",2026-05,\n", "line 8, column 6: with:"},
        {HEAD TASKS "task,I-01,I,,UBND,,2026-05,\n", "line 8: title"},
        {HEAD TASKS "task,,I,Việc,UBND,,2026-05,\n", "line 8, column 2: code"},
        {HEAD TASKS "task,I-01,I,Việc,UBND,,2026-05,\ntask,I-01,I,Việc,UBND,,2026-05,\n", "line 9, column 2: code: 'I-01' stands twice"},
        {HEAD "row,code,name,kind\nunit,X,Đơn vị,party\n", "line 8, column 4: kind:"},
        {"row,code,name,kind\nunit,X,Đơn vị,office\n", "line 1, column 1: a row of kind plan"},
        {HEAD "row,code,title\nplan,P-2,Kế hoạch\n", "line 8: a file holds one plan"},
        {HEAD "row,code,title,unit,origin\nproposal,M,Mô hình,UBND,mine\n", "line 8, column 5: origin:"},
        {"{\"plan\":{\"code\":\"P\",\"title\":\"K\"},\"tasks\":[{\"code\":\"I\",\"title\":\"V\",\"lead\":\"X\"}]}", "tasks[0]: lead:"},
    };
    struct ward *w = *state;
    struct ward_hash before = digest(w);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ward_import_result n;
        BAD(import(w, rows[i].text, false, &n), WARD_ERR_PLAN_ROW);
        if (strncmp(w->err.detail, rows[i].detail, strlen(rows[i].detail)) != 0)
            fail_msg("'%s' for '%s'", w->err.detail, rows[i].detail);
    }
    struct ward_hash after = digest(w);
    assert_same(&before, &after);
}

int main(void)
{
#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        LIVE(importing_twice_changes_nothing), LIVE(a_changed_row_updates_what_changed), LIVE(deleted_records_come_back),
        LIVE(the_examples_are_imported),       LIVE(a_bad_row_imports_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
