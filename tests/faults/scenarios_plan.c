/* scenarios_plan.c - the domain over a replica: a plan imported, tasks written and read. */
#include "scenarios.h"
#include "wardsync_plan.h"

#include <string.h>

static const char plan[] =
    "{\"plan\": {\"code\": \"P-2026\", \"title\": \"A plan\", \"owner\": \"OFFICE\", \"select_max\": 1},"
    " \"units\": [{\"code\": \"OFFICE\", \"name\": \"The office\", \"kind\": \"office\"}, {\"code\": \"CELL-1\", \"name\": \"The first "
    "cell\", \"kind\": \"party-cell\"}],"
    " \"tasks\": [{\"code\": \"I-01\", \"section\": \"I\", \"title\": \"Sort the waste\", \"lead\": \"CELL-1\", \"due\": \"2026-Q2\"},"
    " {\"code\": \"I-02\", \"title\": \"Sweep the lanes\", \"lead\": \"OFFICE\", \"with\": [\"CELL-1\"], \"due\": \"every:month\"}],"
    " \"proposals\": [{\"code\": \"MH-01\", \"title\": \"A lane without waste\", \"unit\": \"CELL-1\", \"origin\": \"own\"}]}";

static void set_up_plan(struct world *w)
{
    w->schema = ward_plan_schema();
    w->d[0].options.schema = w->schema;
    set_up_found(w, 0, 'o');
}

static int task_named(struct world *w, const char *code, struct ward_id *out, struct ward_error *err)
{
    return ward_plan_resolve(w->d[0].r, WARD_KIND_TASK, code, out, err);
}

static int change_task(struct world *w, struct ward_error *err)
{
    static const char *const assignments[] = {"percent=40", "with=+CELL-1", "documents=+12/KH"};
    struct ward_id task, now;
    int rc = task_named(w, "II-01", &task, err);
    return rc ? rc : ward_plan_set(w->d[0].r, WARD_KIND_TASK, &task, assignments, 3, &now, err);
}

static int open_round(struct world *w, struct ward_error *err)
{
    static const struct ward_date today = {2026, 5, 31};
    struct ward_id task, made;
    bool created;
    int rc = task_named(w, "I-02", &task, err);
    if (!rc)
        rc = ward_plan_task_open(w->d[0].r, &task, NULL, &today, &made, &created, err);
    return rc;
}

struct listing {
    ward_plan_index *index;
    ward_hasher h;
};

static int list(void *ctx, const ward_record *task)
{
    static const struct ward_date today = {2026, 7, 1};
    struct listing *l = ctx;
    struct ward_task_view view;
    ward_plan_task_view(l->index, task, &today, &view);
    ward_hash_add(&l->h, &view.percent, sizeof view.percent);
    ward_hash_add(&l->h, &view.overdue, sizeof view.overdue);
    return 0;
}

static int list_tasks(struct world *w, struct ward_error *err)
{
    struct listing l;
    int rc = ward_plan_index_load(w->d[0].r, &l.index, err);
    if (rc)
        return rc;
    ward_hash_begin(&l.h, "listed");
    rc = ward_each(w->d[0].r, WARD_KIND_TASK, list, &l, err);
    ward_hash_end(&l.h, &w->seen);
    ward_plan_index_free(l.index);
    return rc;
}

static int plan_step(struct world *w, int k, struct ward_error *err)
{
    static const struct ward_task_spec task = {.title = "Count the bins", .code = "II-01", .lead = "OFFICE", .due = "2026-06-30"};
    struct ward_report_spec report = {.unit = "OFFICE", .title = "The first half"};
    struct ward_import_result imported;
    struct ward_id id;
    int rc;
    switch (k) {
    case 0:
        return ward_plan_import(w->d[0].r, plan, strlen(plan), false, &imported, err);
    case 1:
        return ward_plan_task_add(w->d[0].r, &task, &id, err);
    case 2:
        return change_task(w, err);
    case 3:
        rc = task_named(w, "I-01", &id, err);
        return rc ? rc : ward_plan_note_add(w->d[0].r, &id, "Two lanes are done", &id, err);
    case 4:
        return ward_plan_report_add(w->d[0].r, &report, &id, err);
    case 5:
        return open_round(w, err);
    default:
        return list_tasks(w, err);
    }
}

const struct scenario scenario_plan = {.name = "plan", .steps = 7, .opens = true, .clean = true, .set_up = set_up_plan, .step = plan_step};
