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

struct selection {
    uint32_t field;
    struct ward_id chain[PLAN_MOVES_MAX];
    size_t count;
    ward_record_fn *fn;
    void *ctx;
};

static int select_record(void *ctx, const ward_record *rec)
{
    struct selection *selection = ctx;
    struct ward_id about;
    if (!linked(rec, selection->field, &about))
        return 0;
    for (size_t i = 0; i < selection->count; i++)
        if (ward_id_equal(&selection->chain[i], &about))
            return selection->fn(selection->ctx, rec);
    return 0;
}

int ward_plan_each_of_task(ward_replica *r, uint32_t kind, const struct ward_id *task, ward_record_fn *fn, void *ctx,
                           struct ward_error *err)
{
    struct selection selection = {.fn = fn, .ctx = ctx};
    const struct ward_field_def *field = ward_plan_field_named(kind, "task");
    if (!field)
        return ward_fail(err, WARD_ERR_ARGUMENT, "kind %u is not about tasks", (unsigned)kind);
    selection.field = field->number;
    selection.count = plan_task_chain(r, task, selection.chain);
    return ward_each(r, kind, select_record, &selection, err);
}
