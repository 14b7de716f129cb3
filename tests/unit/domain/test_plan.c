/* The plan's schema, and its operations over a live replica: units, references, events, reports, proposals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "plan_ward.h"

/* ---------------------------------------------------------------- schema */

static void schema_is_whole(void **state)
{
    const struct ward_schema *s = ward_plan_schema();
    (void)state;
    for (size_t k = 0; k < s->kind_count; k++) {
        const struct ward_kind_def *kind = &s->kinds[k];
        assert_ptr_equal(ward_plan_kind_def(kind->number), kind);
        assert_non_null(ward_plan_kind_label(kind->number, WARD_LANG_VI));
        for (size_t f = 0; f < kind->field_count; f++) {
            const struct ward_field_def *field = &kind->fields[f];
            assert_int_equal(strspn(field->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(field->name));
            assert_int_equal(ward_plan_field_def(kind->number, field->number)->number, field->number);
            const char *name = ward_plan_field_name(kind->number, field->number);
            assert_int_equal(ward_plan_field_named(kind->number, name)->number, field->number);
            for (size_t g = 0; g < f; g++) {
                assert_int_not_equal(kind->fields[g].number, field->number);
                assert_string_not_equal(kind->fields[g].name, field->name);
            }
        }
    }
    assert_null(ward_plan_kind_def(15));
    assert_null(ward_plan_kind_def(25));
    assert_null(ward_plan_field_named(WARD_KIND_TASK, "colour"));
    assert_string_equal(ward_plan_field_name(WARD_KIND_TASK, WARD_TASK_WITH), "with");
}

static void words_have_labels(void **state)
{
    (void)state;
    for (int list = WARD_WORDS_TASK_STATUS; list <= WARD_WORDS_RATING; list++) {
        size_t count;
        const struct ward_word *words = ward_words((enum ward_word_list)list, &count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(ward_word_index((enum ward_word_list)list, words[i].word, strlen(words[i].word)), i);
            assert_true(ward_word_label((enum ward_word_list)list, i, WARD_LANG_VI)[0]);
        }
        assert_int_equal(ward_word_index((enum ward_word_list)list, "overdue", 7), -1);
    }
    assert_string_equal(ward_word_label(WARD_WORDS_TASK_STATUS, WARD_TASK_WAITING, WARD_LANG_VI), "chờ duyệt");
}

/* The table of wardsync_plan.h, row by row. */
static void proposals_move_by_the_table(void **state)
{
    enum { D, S, L, X, R, G, V, C }; /* draft, submitted, shortlisted, selected, rejected, running, reviewed, concluded */
    static const char *const own[] = {"S", "DLXR", "SXR", "LRG", "D", "V", "GC", ""};
    static const char *const given[] = {"S", "DLRG", "SRG", "", "D", "V", "GC", ""};
    static const char letters[] = "DSLXRGVC";
    (void)state;
    for (int from = D; from <= C; from++) {
        for (int to = D; to <= C; to++) {
            assert_int_equal(ward_proposal_may_move((enum ward_proposal_state)from, (enum ward_proposal_state)to, false),
                             strchr(own[from], letters[to]) != NULL);
            assert_int_equal(ward_proposal_may_move((enum ward_proposal_state)from, (enum ward_proposal_state)to, true),
                             strchr(given[from], letters[to]) != NULL);
        }
    }
}

/* ---------------------------------------------------------------- units, references, events */

static void units_have_one_code(void **state)
{
    struct ward *w = *state;
    struct ward_id id;
    add_units(w);
    BAD(ward_plan_unit_add(w->r, "UBND", "Khác", NULL, NULL, &id, &w->err), WARD_ERR_EXISTS);
    BAD(ward_plan_unit_add(w->r, "X Y", "Khác", NULL, NULL, &id, &w->err), WARD_ERR_VALUE);
    BAD(ward_plan_unit_add(w->r, "XY", "", NULL, NULL, &id, &w->err), WARD_ERR_VALUE);
    BAD(ward_plan_unit_add(w->r, "XY", "Khác", "party", NULL, &id, &w->err), WARD_ERR_VALUE);
    BAD(ward_plan_unit_add(w->r, "XY", "Khác", NULL, "NOBODY", &id, &w->err), WARD_ERR_NOT_FOUND);
    BAD(ward_plan_unit_add(w->r, "XY", "\xff", NULL, NULL, &id, &w->err), WARD_ERR_UTF8);
    ward_plan_index *index;
    GOOD(w, ward_plan_index_load(w->r, &index, &w->err));
    assert_int_equal(ward_plan_index_unit_count(index), 4);
    assert_string_equal(ward_plan_index_unit(index, 0)->code, "BTV");
    assert_true(ward_id_equal(&ward_plan_index_unit_by_code(index, "TDP-01")->parent, &ward_plan_index_unit_by_code(index, "BTV")->id));
    ward_plan_index_free(index);
}

static void references_are_codes_ids_and_prefixes(void **state)
{
    struct ward *w = *state;
    struct ward_id task, found;
    char hex[WARD_ID_HEX];
    add_units(w);
    task = add_task(w, "Việc", "UBND", NULL);
    ward_id_hex(hex, &task);
    GOOD(w, ward_plan_resolve(w->r, WARD_KIND_TASK, "II.1-01", &found, &w->err));
    assert_true(ward_id_equal(&found, &task));
    GOOD(w, ward_plan_resolve(w->r, WARD_KIND_TASK, hex, &found, &w->err));
    hex[8] = 0;
    GOOD(w, ward_plan_resolve(w->r, WARD_KIND_TASK, hex, &found, &w->err));
    assert_true(ward_id_equal(&found, &task));
    add_task(w, "Việc khác", "UBND", NULL);
    hex[4] = 0; /* ids of one moment begin alike */
    BAD(ward_plan_resolve(w->r, WARD_KIND_TASK, hex, &found, &w->err), WARD_ERR_AMBIGUOUS);
    hex[3] = 0;
    BAD(ward_plan_resolve(w->r, WARD_KIND_TASK, hex, &found, &w->err), WARD_ERR_NOT_FOUND);
    BAD(ward_plan_resolve(w->r, WARD_KIND_TASK, "II.1-03", &found, &w->err), WARD_ERR_NOT_FOUND);
    BAD(ward_plan_resolve(w->r, WARD_KIND_TASK, "", &found, &w->err), WARD_ERR_NOT_FOUND);
    BAD(ward_plan_resolve(w->r, 99, "II.1-01", &found, &w->err), WARD_ERR_UNKNOWN_KIND);
}

static void events_wake_dormant_tasks(void **state)
{
    struct ward *w = *state;
    struct ward_id task, event;
    struct ward_date on = {2026, 5, 1}, later = {2026, 6, 1};
    struct ward_task_view view;
    ward_plan_index *index;
    add_units(w);
    task = add_task(w, "Kế hoạch riêng", "UBND", "event:guidance+30");
    for (int round = 0; round < 3; round++) {
        if (round > 0)
            GOOD(w, ward_plan_event_record(w->r, "guidance", round == 1 ? &on : &later, NULL, &event, &w->err));
        GOOD(w, ward_plan_index_load(w->r, &index, &w->err));
        ward_record *rec = get(w, WARD_KIND_TASK, &task);
        ward_plan_task_view(index, rec, &today, &view);
        assert_int_equal(view.dormant, round == 0);
        assert_int_equal(view.overdue, round == 1); /* 31 May; then 1 July */
        assert_int_equal(view.has_last_day, round > 0);
        if (round == 2)
            assert_int_equal(view.days_left, 16);
        ward_record_free(rec);
        ward_plan_index_free(index);
    }
    BAD(ward_plan_event_record(w->r, "guidance", &later, NULL, &event, &w->err), WARD_ERR_NOTHING);
    BAD(ward_plan_event_record(w->r, "two words", &later, NULL, &event, &w->err), WARD_ERR_VALUE);
}

/* ---------------------------------------------------------------- reports, findings, evaluations */

static void reports_findings_and_evaluations(void **state)
{
    struct ward *w = *state;
    struct ward_id task, id, again, pair[2];
    struct ward_hash space;
    size_t reports = 0;
    add_units(w);
    task = add_task(w, "Việc", "UBND", "2026-05");
    struct ward_report_spec report = {.task = &task, .unit = "UBND", .period = "2026-06", .title = "Báo cáo tháng 6", .body = "…"};
    GOOD(w, ward_plan_report_add(w->r, &report, &id, &w->err));
    report = (struct ward_report_spec){.unit = "TDP-01", .title = "Đột xuất"};
    GOOD(w, ward_plan_report_add(w->r, &report, &id, &w->err));
    GOOD(w, SET(w, WARD_KIND_REPORT, &id, NULL, "obstacle=thiếu phòng họp"));
    BAD(SET(w, WARD_KIND_REPORT, &id, NULL, "period=2026-06"), WARD_ERR_FIXED);
    report.period = "June";
    BAD(ward_plan_report_add(w->r, &report, &id, &w->err), WARD_ERR_DATE);
    report = (struct ward_report_spec){.unit = "TDP-01"};
    BAD(ward_plan_report_add(w->r, &report, &id, &w->err), WARD_ERR_VALUE);
    GOOD(w, ward_plan_each_of_task(w->r, WARD_KIND_REPORT, &task, count_records, &reports, &w->err));
    assert_int_equal(reports, 1);

    struct ward_finding_spec finding = {.by = "BTV", .task = &task, .title = "Chưa có biên bản", .due = "2026-07"};
    GOOD(w, ward_plan_finding_add(w->r, &finding, &id, &w->err));
    ward_plan_unit_id(&pair[0], "BTV");
    ward_plan_unit_id(&pair[1], "UBND");
    GOOD(w, ward_space_of_circle(w->r, &space, pair, 2, &w->err));
    ward_record *rec = get(w, WARD_KIND_FINDING, &id);
    assert_same(ward_record_space(rec), &space);
    ward_record_free(rec);
    GOOD(w, SET(w, WARD_KIND_FINDING, &id, NULL, "status=mended", "action=đã lập biên bản"));
    BAD(SET(w, WARD_KIND_FINDING, &id, NULL, "due=every:month"), WARD_ERR_DATE);
    finding = (struct ward_finding_spec){.by = "BTV", .title = "a"};
    BAD(ward_plan_finding_add(w->r, &finding, &id, &w->err), WARD_ERR_VALUE);

    const char *const rating[] = {"rating=good", "basis=3 việc hoàn thành"}, *const bad[] = {"rating=best"};
    GOOD(w, ward_plan_evaluation_set(w->r, "UBND", 2026, rating, 2, &id, &w->err));
    GOOD(w, ward_plan_evaluation_set(w->r, "UBND", 2026, (const char *const[]){"self_rating=excellent"}, 1, &again, &w->err));
    assert_true(ward_id_equal(&id, &again));
    BAD(ward_plan_evaluation_set(w->r, "UBND", 2026, bad, 1, &id, &w->err), WARD_ERR_VALUE);
    BAD(ward_plan_evaluation_set(w->r, "UBND", 1900, rating, 2, &id, &w->err), WARD_ERR_DATE);
}

/* ---------------------------------------------------------------- import and proposals */

static struct ward_id add_proposal(struct ward *w, const char *title)
{
    static const char *const stated[] = {"purpose=a", "targets=b", "measures=c", "resources=d", "roadmap=2026-09: e", "assigned=f"};
    struct ward_proposal_spec spec = {.title = title, .unit = "UBND", .assignments = stated, .assignment_count = COUNT(stated)};
    struct ward_id id;
    GOOD(w, ward_plan_proposal_add(w->r, &spec, &id, &w->err));
    return id;
}

static enum ward_proposal_state state_of(struct ward *w, const struct ward_id *id)
{
    enum ward_proposal_state state;
    ward_record *rec = get(w, WARD_KIND_PROPOSAL, id);
    GOOD(w, ward_plan_proposal_state(w->r, rec, &state, &w->err));
    ward_record_free(rec);
    return state;
}

static void proposals_are_selected_within_the_limit(void **state)
{
    struct ward *w = *state;
    struct ward_import_result n;
    struct ward_id a, b, empty, given, pair[2];
    struct ward_hash space;
    GOOD(w, import(w, HEAD "row,code,title,unit,origin\nproposal,MH-01,Mô hình,UBND,given\n", false, &n));
    a = add_proposal(w, "Một");
    b = add_proposal(w, "Hai");
    ward_record *rec = get(w, WARD_KIND_PROPOSAL, &a);
    assert_text(rec, WARD_PROPOSAL_CODE, "MH-02");
    ward_plan_unit_id(&pair[0], "BTV");
    ward_plan_unit_id(&pair[1], "UBND");
    GOOD(w, ward_space_of_circle(w->r, &space, pair, 2, &w->err));
    assert_same(ward_record_space(rec), &space);
    ward_record_free(rec);

    BAD(ward_plan_proposal_move(w->r, &a, WARD_PROPOSAL_SELECTED, NULL, &w->err), WARD_ERR_STATE);
    GOOD(w, ward_plan_proposal_move(w->r, &a, WARD_PROPOSAL_SUBMITTED, NULL, &w->err));
    GOOD(w, SET(w, WARD_KIND_PROPOSAL, &b, NULL, "title=Hai, sửa", "state=submitted"));
    GOOD(w, ward_plan_proposal_move(w->r, &b, WARD_PROPOSAL_SHORTLISTED, NULL, &w->err));
    GOOD(w, ward_plan_proposal_move(w->r, &a, WARD_PROPOSAL_SELECTED, "tiêu biểu", &w->err));
    assert_int_equal(state_of(w, &a), WARD_PROPOSAL_SELECTED);
    BAD(ward_plan_proposal_move(w->r, &b, WARD_PROPOSAL_SELECTED, NULL, &w->err), WARD_ERR_LIMIT_SELECTED);
    assert_int_equal(state_of(w, &b), WARD_PROPOSAL_SHORTLISTED);
    GOOD(w, ward_plan_proposal_move(w->r, &a, WARD_PROPOSAL_SHORTLISTED, "xét lại", &w->err));
    GOOD(w, ward_plan_proposal_move(w->r, &b, WARD_PROPOSAL_SELECTED, NULL, &w->err));
    assert_int_equal(state_of(w, &a), WARD_PROPOSAL_SHORTLISTED);
    GOOD(w, ward_plan_proposal_move(w->r, &b, WARD_PROPOSAL_RUNNING, NULL, &w->err));
    assert_int_equal(state_of(w, &b), WARD_PROPOSAL_RUNNING);
    BAD(ward_plan_proposal_move(w->r, &a, WARD_PROPOSAL_SELECTED, NULL, &w->err), WARD_ERR_LIMIT_SELECTED);

    struct ward_proposal_spec spec = {.title = "Trống", .unit = "TDP-01"};
    GOOD(w, ward_plan_proposal_add(w->r, &spec, &empty, &w->err));
    BAD(ward_plan_proposal_move(w->r, &empty, WARD_PROPOSAL_SUBMITTED, NULL, &w->err), WARD_ERR_VALUE);
    BAD(SET(w, WARD_KIND_PROPOSAL, &empty, NULL, "state=great"), WARD_ERR_VALUE);
    GOOD(w, ward_plan_resolve(w->r, WARD_KIND_PROPOSAL, "P-1:MH-01", &given, &w->err));
    GOOD(w, SET(w, WARD_KIND_PROPOSAL, &given, NULL, "purpose=a", "targets=b", "measures=c", "resources=d", "roadmap=e", "assigned=f",
                "state=submitted"));
    BAD(ward_plan_proposal_move(w->r, &given, WARD_PROPOSAL_SELECTED, NULL, &w->err), WARD_ERR_STATE);
    GOOD(w, ward_plan_proposal_move(w->r, &given, WARD_PROPOSAL_RUNNING, NULL, &w->err));
}

static void values_are_read_and_shown(void **state)
{
    struct ward *w = *state;
    struct ward_value value;
    ward_plan_index *index;
    void *buffer;
    char text[40];
    add_units(w);
    GOOD(w, ward_plan_index_load(w->r, &index, &w->err));
    GOOD(w, ward_plan_value_parse(w->r, WARD_KIND_TASK, WARD_TASK_LEAD, "UBND", &value, &buffer, &w->err));
    ward_plan_value_text(w->r, index, WARD_KIND_TASK, WARD_TASK_LEAD, &value, WARD_LANG_VI, text, sizeof text);
    assert_string_equal(text, "UBND");
    free(buffer);
    GOOD(w, ward_plan_value_parse(w->r, WARD_KIND_TASK, WARD_TASK_STATUS, "done", &value, &buffer, &w->err));
    ward_plan_value_text(w->r, index, WARD_KIND_TASK, WARD_TASK_STATUS, &value, WARD_LANG_VI, text, sizeof text);
    assert_string_equal(text, "hoàn thành");
    ward_plan_value_text(w->r, index, WARD_KIND_TASK, WARD_TASK_STATUS, &value, WARD_LANG_VI, text, 4); /* not within a character */
    assert_string_equal(text, "ho");
    free(buffer);
    GOOD(w, ward_plan_value_parse(w->r, WARD_KIND_TASK, WARD_TASK_PERCENT, "40", &value, &buffer, &w->err));
    assert_int_equal(value.integer, 40);
    assert_null(buffer);
    BAD(ward_plan_value_parse(w->r, WARD_KIND_TASK, WARD_TASK_PERCENT, "140", &value, &buffer, &w->err), WARD_ERR_VALUE);
    BAD(ward_plan_value_parse(w->r, WARD_KIND_TASK, WARD_TASK_WITH, "UBND", &value, &buffer, &w->err), WARD_ERR_VALUE);
    BAD(ward_plan_value_parse(w->r, WARD_KIND_PROPOSAL, WARD_PROPOSAL_STATE, "selected", &value, &buffer, &w->err), WARD_ERR_VALUE);
    BAD(ward_plan_value_parse(w->r, WARD_KIND_TASK, 4000, "x", &value, &buffer, &w->err), WARD_ERR_UNKNOWN_FIELD);
    ward_plan_index_free(index);
}

int main(void)
{
#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_is_whole),
        cmocka_unit_test(words_have_labels),
        cmocka_unit_test(proposals_move_by_the_table),
        LIVE(units_have_one_code),
        LIVE(references_are_codes_ids_and_prefixes),
        LIVE(events_wake_dormant_tasks),
        LIVE(reports_findings_and_evaluations),
        LIVE(proposals_are_selected_within_the_limit),
        LIVE(values_are_read_and_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
