/* task_chain.c - what a task was and became by moving between circles. */
#include "domain/task_chain.h"

#include <string.h>

#include "base/err.h"
#include "domain/ref.h"

static bool linked(const ward_record *rec, uint32_t field, struct ward_id *out)
{
    struct ward_value value = ward_record_value(rec, field);
    return plan_value_id(&value, out);
}

int ward_plan_task_current(ward_replica *r, const struct ward_id *task, struct ward_id *out, struct ward_error *err)
{
    struct ward_id id = *task;
    for (int hops = 0; hops < PLAN_MOVES_MAX; hops++) {
        ward_record *rec;
        struct ward_id next;
        int rc = ward_get(r, WARD_KIND_TASK, &id, true, &rec, err);
        if (rc)
            return rc;
        bool deleted = ward_record_deleted(rec), goes_on = deleted && linked(rec, WARD_TASK_MOVED_TO, &next);
        ward_record_free(rec);
        if (!deleted) {
            *out = id;
            return WARD_OK;
        }
        if (!goes_on)
            return ward_fail(err, WARD_ERR_NOT_FOUND, "the task was deleted");
        id = next;
    }
    return ward_fail(err, WARD_ERR_NOT_FOUND, "the task was moved too often");
}

size_t plan_task_chain(ward_replica *r, const struct ward_id *task, struct ward_id chain[PLAN_MOVES_MAX])
{
    size_t count = 0;
    struct ward_id id = *task;
    for (bool more = true; more && count < PLAN_MOVES_MAX;) {
        ward_record *rec;
        chain[count++] = id;
        more = ward_get(r, WARD_KIND_TASK, &id, true, &rec, NULL) == WARD_OK;
        if (more) {
            more = linked(rec, WARD_TASK_MOVED_FROM, &id);
            ward_record_free(rec);
        }
    }
    return count;
}

int ward_plan_each_of_task(ward_replica *r, uint32_t kind, const struct ward_id *task, ward_record_fn *fn, void *ctx,
                           struct ward_error *err)
{
    static const struct {
        uint32_t kind;
        enum ward_plan_index_number index;
    } about[] = {
        {WARD_KIND_NOTE, WARD_NOTES_BY_TASK}, {WARD_KIND_REPORT, WARD_REPORTS_BY_TASK}, {WARD_KIND_FINDING, WARD_FINDINGS_BY_TASK}};
    struct ward_id chain[PLAN_MOVES_MAX];
    size_t at = 0;
    while (at < sizeof about / sizeof about[0] && about[at].kind != kind)
        at++;
    if (at == sizeof about / sizeof about[0])
        return ward_fail(err, WARD_ERR_ARGUMENT, "kind %u is not about tasks", (unsigned)kind);
    int rc = WARD_OK;
    for (size_t i = plan_task_chain(r, task, chain); rc == WARD_OK && i > 0; i--) { /* what it was first comes first */
        struct ward_value id = ward_value_id(&chain[i - 1]);
        rc = ward_find(r, &(struct ward_query){.index = about[at].index, .is = &id, .is_count = 1}, fn, ctx, err);
    }
    return rc;
}
