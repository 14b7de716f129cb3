/* task_list.c - lists of tasks in order of their codes, by whichever index leaves least to look at. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "domain/heap.h"
#include "domain/ref.h"
#include "domain/task_view.h"
#include "rules/index.h"

/* One that goes onto the page, unless others come before it. */
struct candidate {
    struct ward_id id;
    uint8_t *code; /* as it stands in an index */
    size_t len;
};

/* Entries with the same status and due date stand together: what follows from these is worked out once. */
struct state {
    struct ward_task_view view;
    char key[96];
    size_t len;
};

static const struct ward_task_view *state_view(struct state *s, const ward_plan_index *index, const struct ward_value *columns,
                                               const struct ward_date *today)
{
    char key[sizeof s->key];
    size_t len = columns[0].len + columns[1].len + 2;
    bool known = len <= sizeof key;
    if (known) {
        key[0] = (char)columns[0].len;
        key[1] = (char)columns[0].type;
        memcpy(key + 2, columns[0].len ? (const void *)columns[0].p : "", columns[0].len);
        memcpy(key + 2 + columns[0].len, columns[1].len ? (const void *)columns[1].p : "", columns[1].len);
    }
    if (known && s->len == len && memcmp(s->key, key, len) == 0)
        return &s->view;
    plan_task_view_of(index, &columns[0], &columns[1], today, &s->view);
    s->len = known ? len : 0;
    if (known)
        memcpy(s->key, key, len);
    return &s->view;
}

struct listing {
    ward_replica *r;
    const ward_plan_index *index;
    const struct ward_task_filter *filter;
    const struct ward_date *today;
    size_t limit;
    ward_record_fn *fn;
    void *ctx;
    struct ward_error *err;
    uint64_t total;
    size_t given;
    bool plain; /* all that is found is listed */
    struct candidate *page;
    size_t count, cap;
    struct ward_buf code;
    bool by_record; /* the entries do not tell all that the filter asks */
    struct state state;
};

enum { PAGE_IS_FULL = -1 };

/* ---- found in order of code */

static int look_at(void *ctx, const ward_record *task)
{
    struct listing *l = ctx;
    struct ward_task_view view;
    if (!l->plain) {
        ward_plan_task_view(l->index, task, l->today, &view);
        if (!ward_task_filter_match(l->filter, task, &view))
            return 0;
    }
    l->total++;
    if (l->limit && l->given == l->limit)
        return l->plain ? PAGE_IS_FULL : 0;
    l->given++;
    return l->fn(l->ctx, task);
}

static int in_order(struct listing *l, const struct ward_query *query)
{
    int rc = ward_find(l->r, query, look_at, l, l->err);
    return rc == PAGE_IS_FULL ? ward_find_count(l->r, query, &l->total, l->err) : rc;
}

/* ---- found in another order */

static int compare(const struct candidate *c, const uint8_t *code, size_t len, const struct ward_id *id)
{
    int order = memcmp(c->code, code, c->len < len ? c->len : len);
    if (!order)
        order = (c->len > len) - (c->len < len);
    return order ? order : memcmp(c->id.b, id->b, sizeof id->b);
}

static size_t place_of(const struct listing *l, const struct ward_id *id)
{
    size_t low = 0, high = l->count;
    if (l->count && compare(&l->page[l->count - 1], l->code.p, l->code.len, id) < 0)
        return l->count; /* as most do */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&l->page[middle], l->code.p, l->code.len, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int enter(struct listing *l, const struct ward_id *id, const struct ward_value *code)
{
    ward_buf_clear(&l->code);
    ward_index_put(&l->code, code);
    if (ward_buf_status(&l->code))
        return ward_fail(l->err, WARD_ERR_MEMORY, "list");
    size_t at = place_of(l, id);
    if (at < l->count && compare(&l->page[at], l->code.p, l->code.len, id) == 0)
        return WARD_OK; /* found by another of its entries */
    l->total++;
    if (l->limit && at == l->limit)
        return WARD_OK;
    uint8_t *own = malloc(l->code.len);
    if (!own || ward_grow(&plan_heap, (void **)&l->page, &l->cap, l->count, sizeof l->page[0])) {
        free(own);
        return ward_fail(l->err, WARD_ERR_MEMORY, "list");
    }
    memcpy(own, l->code.p, l->code.len);
    if (l->limit && l->count == l->limit)
        free(l->page[--l->count].code);
    memmove(&l->page[at + 1], &l->page[at], (l->count - at) * sizeof l->page[0]);
    l->page[at].id = *id;
    l->page[at].code = own;
    l->page[at].len = l->code.len;
    l->count++;
    return WARD_OK;
}

/* By its record, where the entry does not tell all. */
static int weigh(struct listing *l, const struct ward_id *id)
{
    struct ward_task_view view;
    ward_record *task;
    int rc = ward_get(l->r, WARD_KIND_TASK, id, false, &task, l->err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
    ward_plan_task_view(l->index, task, l->today, &view);
    struct ward_value code = ward_record_value(task, WARD_TASK_CODE);
    if (ward_task_filter_match(l->filter, task, &view))
        rc = enter(l, id, &code);
    ward_record_free(task);
    return rc;
}

static int by_state(void *ctx, const struct ward_id *id, const struct ward_value *columns, size_t count)
{
    struct listing *l = ctx;
    (void)count;
    if (!plan_filter_state(l->filter, state_view(&l->state, l->index, columns, l->today)))
        return 0;
    return l->by_record ? weigh(l, id) : enter(l, id, &columns[2]);
}

static int by_section(void *ctx, const struct ward_id *id, const struct ward_value *columns, size_t count)
{
    struct listing *l = ctx;
    (void)count;
    if (!plan_in_section(&columns[0], l->filter->section))
        return 0;
    return l->by_record ? weigh(l, id) : enter(l, id, &columns[1]);
}

static int by_proposed(void *ctx, const struct ward_id *id, const struct ward_value *columns, size_t count)
{
    struct listing *l = ctx;
    (void)count;
    return l->by_record ? weigh(l, id) : enter(l, id, &columns[1]);
}

static int give_page(struct listing *l)
{
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < l->count; i++) {
        ward_record *task;
        rc = ward_get(l->r, WARD_KIND_TASK, &l->page[i].id, false, &task, l->err);
        if (rc == WARD_ERR_NOT_FOUND) { /* deleted by another process meanwhile */
            rc = WARD_OK;
            continue;
        }
        if (rc)
            break;
        rc = l->fn(l->ctx, task);
        ward_record_free(task);
    }
    return rc;
}

static int out_of_order(struct listing *l, const struct ward_query *query, ward_entry_fn *fn)
{
    ward_buf_init(&l->code, &plan_heap);
    int rc = ward_find_entries(l->r, query, fn, l, l->err);
    if (rc == WARD_OK)
        rc = give_page(l);
    for (size_t i = 0; i < l->count; i++)
        free(l->page[i].code);
    ward_release(&plan_heap, l->page);
    ward_buf_free(&l->code);
    return rc;
}

/* ---- the choice */

static int list(struct listing *l)
{
    static const struct ward_task_filter none;
    const struct ward_task_filter *f = l->filter ? l->filter : &none;
    bool state = f->status || f->overdue || f->due_within_set;
    l->filter = f;
    if (f->proposed) {
        l->by_record = f->unit || f->plan || f->section || state;
        return out_of_order(l, &(struct ward_query){.index = WARD_TASKS_PROPOSED}, by_proposed);
    }
    if (f->unit) {
        struct ward_value unit = ward_value_id(f->unit);
        l->plain = !f->plan && !f->section && !state;
        return in_order(l, &(struct ward_query){.index = WARD_TASKS_BY_UNIT, .is = &unit, .is_count = 1});
    }
    if (f->section) {
        l->by_record = f->plan || state;
        return out_of_order(l, &(struct ward_query){.index = WARD_TASKS_BY_SECTION, .begins = f->section}, by_section);
    }
    if (state) {
        l->by_record = f->plan;
        return out_of_order(l, &(struct ward_query){.index = WARD_TASKS_BY_STATE}, by_state);
    }
    l->plain = !f->plan;
    return in_order(l, &(struct ward_query){.index = WARD_TASKS_BY_CODE});
}

int ward_plan_tasks(ward_replica *r, const ward_plan_index *index, const struct ward_task_filter *filter, const struct ward_date *today,
                    size_t limit, ward_record_fn *fn, void *ctx, uint64_t *total, struct ward_error *err)
{
    struct listing l = {.r = r, .index = index, .filter = filter, .today = today, .limit = limit, .fn = fn, .ctx = ctx, .err = err};
    int rc = list(&l);
    if (rc == WARD_OK)
        *total = l.total;
    return rc;
}

/* ---- figures */

struct tally {
    const ward_plan_index *index;
    const struct ward_date *today;
    struct ward_task_tally sum;
    struct state state;
};

static int count(void *ctx, const struct ward_id *id, const struct ward_value *columns, size_t n)
{
    struct tally *t = ctx;
    (void)id, (void)n;
    const struct ward_task_view *view = state_view(&t->state, t->index, columns, t->today);
    t->sum.total++;
    t->sum.overdue += view->overdue;
    t->sum.of[view->status]++;
    return 0;
}

int ward_plan_task_tally(ward_replica *r, const ward_plan_index *index, const struct ward_date *today, struct ward_task_tally *out,
                         struct ward_error *err)
{
    struct tally t = {.index = index, .today = today};
    int rc = ward_find_entries(r, &(struct ward_query){.index = WARD_TASKS_BY_STATE}, count, &t, err);
    if (rc == WARD_OK)
        *out = t.sum;
    return rc;
}

int ward_plan_proposed_count(ward_replica *r, uint64_t *out, struct ward_error *err)
{
    uint64_t sum = 0, n = 0;
    int rc = WARD_OK;
    for (size_t i = WARD_UNITS_PROPOSED; rc == WARD_OK && i <= WARD_EVALUATIONS_PROPOSED; i++) {
        rc = ward_find_count(r, &(struct ward_query){.index = i}, &n, err);
        sum += rc == WARD_OK ? n : 0;
    }
    if (rc == WARD_OK)
        *out = sum;
    return rc;
}
