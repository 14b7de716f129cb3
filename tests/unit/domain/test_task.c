/* Tasks of the plan: what they hold, who is in their circle, their rounds, and lists of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "plan_ward.h"

static void tasks_hold_what_they_are_given(void **state)
{
    struct ward *w = *state;
    const char *const with[] = {"BTV", "TDP-01"};
    struct ward_task_spec spec = {.title = "Lập kế hoạch",
                                  .section = "II.1",
                                  .lead = "UBND",
                                  .with = with,
                                  .with_count = 2,
                                  .due = "2026-Q3",
                                  .body = "hai\ndòng",
                                  .product = "Kế hoạch",
                                  .target = "100",
                                  .measure = "% đảng viên",
                                  .person = "Chủ tịch",
                                  .checker = "BXDD",
                                  .budget = "ngân sách"};
    struct ward_id id, units[3];
    struct ward_hash space;
    add_units(w);
    GOOD(w, ward_plan_task_add(w->r, &spec, &id, &w->err));
    ward_plan_unit_id(&units[0], "TDP-01");
    ward_plan_unit_id(&units[1], "UBND");
    ward_plan_unit_id(&units[2], "BTV");
    GOOD(w, ward_space_of_circle(w->r, &space, units, 3, &w->err));
    ward_record *rec = get(w, WARD_KIND_TASK, &id);
    assert_same(ward_record_space(rec), &space);
    assert_text(rec, WARD_TASK_CODE, "II.1-01");
    assert_text(rec, WARD_TASK_TITLE, "Lập kế hoạch");
    assert_text(rec, WARD_TASK_BODY, "hai\ndòng");
    assert_text(rec, WARD_TASK_DUE, "2026-Q3");
    assert_text(rec, WARD_TASK_PERSON, "Chủ tịch");
    assert_int_equal(ward_record_value(rec, WARD_TASK_TARGET).integer, 100);
    assert_int_equal(ward_record_member_count(rec, WARD_TASK_WITH), 2);
    ward_record_free(rec);
    spec.code = "II.1-01";
    BAD(ward_plan_task_add(w->r, &spec, &id, &w->err), WARD_ERR_EXISTS);
    spec.code = NULL;
    GOOD(w, ward_plan_task_add(w->r, &spec, &id, &w->err));
    rec = get(w, WARD_KIND_TASK, &id);
    assert_text(rec, WARD_TASK_CODE, "II.1-02");
    ward_record_free(rec);
}

static void bad_tasks_change_nothing(void **state)
{
    struct ward *w = *state;
    char longest[700];
    const char *const nobody[] = {"NOBODY"};
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    const struct {
        struct ward_task_spec spec;
        int code;
    } rows[] = {
        {{.title = NULL}, WARD_ERR_VALUE},
        {{.title = "  "}, WARD_ERR_VALUE},
        {{.title = longest}, WARD_ERR_VALUE},
        {{.title = "a\nb"}, WARD_ERR_VALUE},
        {{.title = "a\xff"}, WARD_ERR_UTF8},
        {{.title = "a", .lead = "NOBODY"}, WARD_ERR_NOT_FOUND},
        {{.title = "a", .with = nobody, .with_count = 1}, WARD_ERR_NOT_FOUND},
        {{.title = "a", .due = "2026-02-30"}, WARD_ERR_DATE},
        {{.title = "a", .target = "many"}, WARD_ERR_VALUE},
        {{.title = "a", .target = "-1"}, WARD_ERR_VALUE},
        {{.title = "a", .checker = "NOBODY"}, WARD_ERR_NOT_FOUND},
        {{.title = "a", .section = "II 1"}, WARD_ERR_VALUE},
        {{.title = "a", .code = "II 1"}, WARD_ERR_VALUE},
        {{.title = "a", .plan = "NONE"}, WARD_ERR_NOT_FOUND},
    };
    add_units(w);
    struct ward_hash before = digest(w);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ward_id id;
        BAD(ward_plan_task_add(w->r, &rows[i].spec, &id, &w->err), rows[i].code);
    }
    struct ward_hash after = digest(w);
    assert_same(&before, &after);
}

static void fields_are_set_and_refused(void **state)
{
    struct ward *w = *state;
    static const struct {
        const char *assignment;
        int code;
    } bad[] = {
        {"percent=140", WARD_ERR_VALUE},
        {"percent=-1", WARD_ERR_VALUE},
        {"percent=half", WARD_ERR_VALUE},
        {"status=overdue", WARD_ERR_VALUE},
        {"status=fine", WARD_ERR_VALUE},
        {"due=soon", WARD_ERR_DATE},
        {"colour=red", WARD_ERR_UNKNOWN_FIELD},
        {"percent", WARD_ERR_VALUE},
        {"=3", WARD_ERR_VALUE},
        {"title=", WARD_ERR_VALUE},
        {"lead=", WARD_ERR_VALUE},
        {"lead=NOBODY", WARD_ERR_NOT_FOUND},
        {"with=+NOBODY", WARD_ERR_NOT_FOUND},
        {"with=+BTV,UBND", WARD_ERR_VALUE},
        {"reached=40", WARD_ERR_VALUE},
        {"reached=", WARD_ERR_VALUE},
        {"code=X", WARD_ERR_FIXED},
        {"moved_to=X", WARD_ERR_FIXED},
        {"person=\xff", WARD_ERR_UTF8},
        {"person=a\nb", WARD_ERR_VALUE},
        {"reached=+\xff", WARD_ERR_UTF8},
    };
    struct ward_id id, now;
    add_units(w);
    id = add_task(w, "Việc", "UBND", "2026-05");
    GOOD(w,
         SET(w, WARD_KIND_TASK, &id, &now, "status=doing", "percent=40", "reached=+30", "obstacle=thiếu kinh phí", "way_out=xin bổ sung"));
    assert_true(ward_id_equal(&now, &id));
    GOOD(w, SET(w, WARD_KIND_TASK, &id, NULL, "reached=+20", "status=chờ duyệt", "documents=12/BC,13/BC"));
    GOOD(w, SET(w, WARD_KIND_TASK, &id, NULL, "reached=-5", "documents=-12/BC", "obstacle="));
    ward_record *rec = get(w, WARD_KIND_TASK, &id);
    assert_text(rec, WARD_TASK_STATUS, "waiting");
    assert_text(rec, WARD_TASK_OBSTACLE, NULL);
    assert_int_equal(ward_record_value(rec, WARD_TASK_PERCENT).integer, 40);
    assert_int_equal(ward_record_value(rec, WARD_TASK_REACHED).integer, 45);
    assert_int_equal(ward_record_member_count(rec, WARD_TASK_DOCUMENTS), 1);
    ward_record_free(rec);
    BAD(SET(w, WARD_KIND_TASK, &id, NULL, "percent=40"), WARD_ERR_NOTHING);
    struct ward_hash before = digest(w);
    for (size_t i = 0; i < COUNT(bad); i++) {
        int rc = SET(w, WARD_KIND_TASK, &id, NULL, "percent=50", bad[i].assignment);
        if (rc != bad[i].code)
            fail_msg("%s: %s", bad[i].assignment, ward_error_name(rc));
    }
    struct ward_hash after = digest(w);
    assert_same(&before, &after);
}

static void a_new_circle_is_a_move(void **state)
{
    struct ward *w = *state;
    struct ward_id old, now, back, note, current;
    size_t notes = 0, tasks = 0;
    add_units(w);
    old = add_task(w, "Việc", "UBND", "2026-05");
    GOOD(w, SET(w, WARD_KIND_TASK, &old, NULL, "percent=30", "reached=+7"));
    GOOD(w, ward_plan_note_add(w->r, &old, "ghi chú một", &note, &w->err));
    GOOD(w, SET(w, WARD_KIND_TASK, &old, &now, "with=+BTV", "percent=35"));
    assert_false(ward_id_equal(&old, &now));
    ward_record *rec = get(w, WARD_KIND_TASK, &now);
    struct ward_value from = ward_record_value(rec, WARD_TASK_MOVED_FROM);
    assert_memory_equal(from.p, old.b, sizeof old.b);
    assert_text(rec, WARD_TASK_CODE, "II.1-01");
    assert_int_equal(ward_record_value(rec, WARD_TASK_PERCENT).integer, 35);
    assert_int_equal(ward_record_value(rec, WARD_TASK_REACHED).integer, 7);
    ward_record_free(rec);
    rec = get(w, WARD_KIND_TASK, &old);
    assert_true(ward_record_deleted(rec));
    struct ward_value to = ward_record_value(rec, WARD_TASK_MOVED_TO);
    assert_memory_equal(to.p, now.b, sizeof now.b);
    ward_record_free(rec);

    GOOD(w, SET(w, WARD_KIND_TASK, &old, &back, "with=-BTV")); /* named by its old id, and back to the old circle */
    assert_false(ward_id_equal(&back, &old));
    GOOD(w, ward_plan_task_current(w->r, &old, &current, &w->err));
    assert_true(ward_id_equal(&current, &back));
    GOOD(w, ward_plan_note_add(w->r, &old, "ghi chú hai", &note, &w->err));
    GOOD(w, ward_plan_each_of_task(w->r, WARD_KIND_NOTE, &back, count_records, &notes, &w->err));
    assert_int_equal(notes, 2);
    GOOD(w, ward_each(w->r, WARD_KIND_TASK, count_records, &tasks, &w->err));
    assert_int_equal(tasks, 1);
    BAD(SET(w, WARD_KIND_TASK, &back, NULL, "with=+UBND", "lead=BTV", "lead=UBND", "with=-UBND"), WARD_ERR_NOTHING);
}

static void rounds_open_once(void **state)
{
    struct ward *w = *state;
    struct ward_id series, first, again, next, other, expected;
    struct ward_period june = {WARD_EVERY_MONTH, 2026, 6}, july = {WARD_EVERY_MONTH, 2026, 7}, quarter = {WARD_EVERY_QUARTER, 2026, 3};
    bool created;
    add_units(w);
    series = add_task(w, "Báo cáo tháng", "UBND", "every:month");
    GOOD(w, SET(w, WARD_KIND_TASK, &series, NULL, "percent=10", "person=Chủ tịch"));
    GOOD(w, ward_plan_task_open(w->r, &series, NULL, &today, &first, &created, &w->err));
    assert_true(created);
    ward_plan_occurrence_id(&expected, &series, &june);
    assert_true(ward_id_equal(&first, &expected));
    GOOD(w, ward_plan_task_open(w->r, &series, &june, &today, &again, &created, &w->err));
    assert_false(created);
    assert_true(ward_id_equal(&first, &again));
    GOOD(w, ward_plan_task_open(w->r, &series, &july, &today, &next, &created, &w->err));
    assert_true(created);
    ward_record *rec = get(w, WARD_KIND_TASK, &next);
    assert_text(rec, WARD_TASK_CODE, "II.1-01/2026-07");
    assert_text(rec, WARD_TASK_DUE, "2026-07-31");
    assert_text(rec, WARD_TASK_PERIOD, "2026-07");
    assert_text(rec, WARD_TASK_PERSON, "Chủ tịch");
    assert_int_equal(ward_record_value(rec, WARD_TASK_PERCENT).type, WARD_NULL);
    ward_record_free(rec);
    BAD(ward_plan_task_open(w->r, &series, &quarter, &today, &other, &created, &w->err), WARD_ERR_STATE);
    other = add_task(w, "Việc", "UBND", "2026-05");
    BAD(ward_plan_task_open(w->r, &other, NULL, &today, &again, &created, &w->err), WARD_ERR_STATE);
    GOOD(w, SET(w, WARD_KIND_TASK, &series, &other, "with=+BTV")); /* the moved series knows the rounds it had */
    GOOD(w, ward_plan_task_open(w->r, &series, &june, &today, &again, &created, &w->err));
    assert_false(created);
    assert_true(ward_id_equal(&first, &again));
    GOOD(w, ward_plan_delete(w->r, WARD_KIND_TASK, &next, &w->err));
    BAD(ward_plan_task_open(w->r, &series, &july, &today, &again, &created, &w->err), WARD_ERR_STATE);
}

static void lists_are_filtered(void **state)
{
    struct ward *w = *state;
    struct ward_id done, late, unit;
    struct ward_task_view view;
    ward_plan_index *index;
    add_units(w);
    done = add_task(w, "Xong", "UBND", "2026-05");
    late = add_task(w, "Trễ", "UBND", "2026-05");
    GOOD(w, SET(w, WARD_KIND_TASK, &done, NULL, "status=done"));
    GOOD(w, ward_plan_index_load(w->r, &index, &w->err));
    ward_record *d = get(w, WARD_KIND_TASK, &done), *l = get(w, WARD_KIND_TASK, &late);
    struct ward_task_filter all = {0}, overdue = {.overdue = true}, soon = {.due_within_set = true, .due_within_days = 7};
    struct ward_task_filter section = {.section = "II"}, other = {.section = "II.11"}, status = {.status = "done"},
                            word = {.status = "overdue"};
    ward_plan_task_view(index, l, &today, &view);
    assert_true(view.overdue);
    assert_int_equal(view.days_left, -15);
    assert_true(ward_task_filter_match(&all, l, &view));
    assert_true(ward_task_filter_match(&overdue, l, &view));
    assert_true(ward_task_filter_match(&word, l, &view));
    assert_true(ward_task_filter_match(&soon, l, &view));
    assert_true(ward_task_filter_match(&section, l, &view));
    assert_false(ward_task_filter_match(&other, l, &view));
    assert_false(ward_task_filter_match(&status, l, &view));
    ward_plan_unit_id(&unit, "BTV");
    assert_false(ward_task_filter_match(&(struct ward_task_filter){.unit = &unit}, l, &view));
    ward_plan_unit_id(&unit, "UBND");
    assert_true(ward_task_filter_match(&(struct ward_task_filter){.unit = &unit}, l, &view));
    ward_plan_task_view(index, d, &today, &view);
    assert_false(view.overdue);
    assert_true(ward_task_filter_match(&status, d, &view));
    assert_false(ward_task_filter_match(&soon, d, &view));
    BAD(ward_task_filter_check(&(struct ward_task_filter){.status = "late"}, &w->err), WARD_ERR_VALUE);
    BAD(ward_task_filter_check(&word, &w->err), WARD_OK);
    ward_record_free(d);
    ward_record_free(l);
    ward_plan_index_free(index);
}

int main(void)
{
#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        LIVE(tasks_hold_what_they_are_given), LIVE(bad_tasks_change_nothing), LIVE(fields_are_set_and_refused),
        LIVE(a_new_circle_is_a_move),         LIVE(rounds_open_once),         LIVE(lists_are_filtered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
