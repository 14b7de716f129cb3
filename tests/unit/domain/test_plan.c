/* The plan's operations over a live replica, founded in a directory of its own; and the schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "wardsync_plan.h"

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

static int setup(void **state)
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

static int teardown(void **state)
{
    struct ward *w = *state;
    char command[128];
    ward_close(w->r);
    snprintf(command, sizeof command, "rm -rf '%s'", w->home);
    int rc = system(command);
    free(w);
    return rc;
}

static void add_units(struct ward *w)
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

static void assert_text(const ward_record *rec, uint32_t field, const char *text)
{
    struct ward_value v = ward_record_value(rec, field);
    assert_int_equal(v.type, text ? WARD_TEXT : WARD_NULL);
    if (text) {
        assert_int_equal(v.len, strlen(text));
        assert_memory_equal(v.p, text, v.len);
    }
}

static ward_record *get(struct ward *w, uint32_t kind, const struct ward_id *id)
{
    ward_record *rec;
    GOOD(w, ward_get(w->r, kind, id, true, &rec, &w->err));
    return rec;
}

static struct ward_id add_task(struct ward *w, const char *title, const char *lead, const char *due)
{
    struct ward_task_spec spec = {.title = title, .lead = lead, .due = due, .section = "II.1"};
    struct ward_id id;
    GOOD(w, ward_plan_task_add(w->r, &spec, &id, &w->err));
    return id;
}

static struct ward_hash digest(struct ward *w)
{
    struct ward_status status;
    GOOD(w, ward_status(w->r, &status, &w->err));
    return status.digest;
}

static void assert_same(const struct ward_hash *a, const struct ward_hash *b)
{
    assert_memory_equal(a->b, b->b, sizeof a->b);
}

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

/* ---------------------------------------------------------------- tasks */

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

static int count_records(void *ctx, const ward_record *rec)
{
    (void)rec;
    ++*(size_t *)ctx;
    return 0;
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

#define HEAD                                                                                                                                   \
    "row,code,title,owner,select_max\nplan,P-1,Kế hoạch,BTV,1\n"                                                                           \
    "row,code,name,kind,parent\nunit,BTV,Ban Thường vụ,standing-committee,\nunit,UBND,Ủy ban,peoples-committee,\nunit,TDP-01,Chi bộ " \
    "1,party-cell,BTV\n"
#define TASKS "row,code,section,title,lead,with,due,person\n"

static int import(struct ward *w, const char *text, bool dry_run, struct ward_import_result *result)
{
    memset(result, 0, sizeof *result);
    memset(&w->err, 0, sizeof w->err);
    return ward_plan_import(w->r, text, strlen(text), dry_run, result, &w->err);
}

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
        LIVE(tasks_hold_what_they_are_given),
        LIVE(bad_tasks_change_nothing),
        LIVE(fields_are_set_and_refused),
        LIVE(a_new_circle_is_a_move),
        LIVE(rounds_open_once),
        LIVE(lists_are_filtered),
        LIVE(reports_findings_and_evaluations),
        LIVE(importing_twice_changes_nothing),
        LIVE(a_changed_row_updates_what_changed),
        LIVE(deleted_records_come_back),
        LIVE(the_examples_are_imported),
        LIVE(a_bad_row_imports_nothing),
        LIVE(proposals_are_selected_within_the_limit),
        LIVE(values_are_read_and_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
