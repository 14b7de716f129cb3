#include "domain/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "domain/heap.h"
#include "domain/ref.h"
#include "domain/text.h"

struct event_day {
    const char *name;
    struct ward_date on;
};

struct ward_plan_index {
    struct ward_arena arena; /* of all strings */
    struct ward_unit *units;
    size_t unit_count, unit_cap;
    struct ward_plan *plans;
    size_t plan_count, plan_cap;
    struct event_day *events;
    size_t event_count, event_cap;
};

static const char *copy(struct ward_arena *arena, const void *p, size_t len)
{
    char *out = ward_arena_take(arena, len + 1);
    if (out && len)
        memcpy(out, p, len);
    return out;
}

/* A text field as a string, "" where nothing is written; NULL without memory. */
static const char *copy_text(struct ward_arena *arena, const ward_record *rec, uint32_t field)
{
    struct ward_value v = ward_record_value(rec, field);
    return copy(arena, v.p, v.type == WARD_TEXT ? v.len : 0);
}

static struct ward_id read_id(const ward_record *rec, uint32_t field)
{
    struct ward_id id;
    struct ward_value v = ward_record_value(rec, field);
    return plan_value_id(&v, &id) ? id : (struct ward_id){{0}};
}

static int take_unit(void *ctx, const ward_record *rec)
{
    ward_plan_index *index = ctx;
    if (ward_grow(&plan_heap, (void **)&index->units, &index->unit_cap, index->unit_count, sizeof index->units[0]))
        return WARD_ERR_MEMORY;
    struct ward_unit *unit = &index->units[index->unit_count++];
    *unit = (struct ward_unit){*ward_record_id(rec), read_id(rec, WARD_UNIT_PARENT), copy_text(&index->arena, rec, WARD_UNIT_CODE),
                               copy_text(&index->arena, rec, WARD_UNIT_NAME), copy_text(&index->arena, rec, WARD_UNIT_KIND)};
    return unit->code && unit->name && unit->kind ? WARD_OK : WARD_ERR_MEMORY;
}

static int take_plan(void *ctx, const ward_record *rec)
{
    ward_plan_index *index = ctx;
    if (ward_grow(&plan_heap, (void **)&index->plans, &index->plan_cap, index->plan_count, sizeof index->plans[0]))
        return WARD_ERR_MEMORY;
    struct ward_plan *plan = &index->plans[index->plan_count++];
    struct ward_value most = ward_record_value(rec, WARD_PLAN_SELECT_MAX), selected = ward_record_value(rec, WARD_PLAN_SELECTED);
    *plan = (struct ward_plan){.id = *ward_record_id(rec),
                               .owner = read_id(rec, WARD_PLAN_OWNER),
                               .code = copy_text(&index->arena, rec, WARD_PLAN_CODE),
                               .title = copy_text(&index->arena, rec, WARD_PLAN_TITLE),
                               .select_max = most.type == WARD_INT ? most.integer : 0,
                               .selected_count = selected.type == WARD_BYTES ? selected.len / WARD_ID_BYTES : 0};
    return plan->code && plan->title ? WARD_OK : WARD_ERR_MEMORY;
}

static int take_event(void *ctx, const ward_record *rec)
{
    ward_plan_index *index = ctx;
    struct ward_value on = ward_record_value(rec, WARD_PLAN_EVENT_ON);
    struct ward_date day;
    if (on.type != WARD_TEXT || ward_date_parse(&day, (const char *)on.p, on.len, NULL))
        return WARD_OK; /* without a day it has not happened */
    if (ward_grow(&plan_heap, (void **)&index->events, &index->event_cap, index->event_count, sizeof index->events[0]))
        return WARD_ERR_MEMORY;
    struct event_day *event = &index->events[index->event_count++];
    *event = (struct event_day){copy_text(&index->arena, rec, WARD_PLAN_EVENT_NAME), day};
    return event->name ? WARD_OK : WARD_ERR_MEMORY;
}

static int by_code(const void *a, const void *b)
{
    return strcmp(((const struct ward_unit *)a)->code, ((const struct ward_unit *)b)->code);
}

int ward_plan_index_load(ward_replica *r, ward_plan_index **out, struct ward_error *err)
{
    static const struct {
        uint32_t kind;
        ward_record_fn *take;
    } parts[] = {{WARD_KIND_UNIT, take_unit}, {WARD_KIND_PLAN, take_plan}, {WARD_KIND_EVENT, take_event}};

    ward_plan_index *index = calloc(1, sizeof *index);
    if (!index)
        return ward_fail(err, WARD_ERR_MEMORY, "index");
    ward_arena_init(&index->arena, &plan_heap);
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < sizeof parts / sizeof parts[0]; i++) {
        rc = ward_each(r, parts[i].kind, parts[i].take, index, err);
        if (rc == WARD_ERR_MEMORY)
            ward_fail(err, rc, "index");
    }
    if (rc) {
        ward_plan_index_free(index);
        return rc;
    }
    if (index->unit_count > 1)
        qsort(index->units, index->unit_count, sizeof index->units[0], by_code);
    *out = index;
    return WARD_OK;
}

void ward_plan_index_free(ward_plan_index *index)
{
    if (!index)
        return;
    ward_release(&plan_heap, index->units);
    ward_release(&plan_heap, index->plans);
    ward_release(&plan_heap, index->events);
    ward_arena_free(&index->arena);
    free(index);
}

int plan_index_add_unit(ward_plan_index *index, const struct ward_id *id, const char *code, size_t code_len, struct ward_error *err)
{
    if (ward_grow(&plan_heap, (void **)&index->units, &index->unit_cap, index->unit_count, sizeof index->units[0]))
        return ward_fail(err, WARD_ERR_MEMORY, "index");
    const char *own = copy(&index->arena, code, code_len);
    if (!own)
        return ward_fail(err, WARD_ERR_MEMORY, "index");
    index->units[index->unit_count++] = (struct ward_unit){*id, {{0}}, own, "", ""};
    return WARD_OK;
}

int plan_index_set_plan(ward_plan_index *index, const struct ward_id *id, const struct ward_id *owner, struct ward_error *err)
{
    size_t at = 0;
    while (at < index->plan_count && !ward_id_equal(&index->plans[at].id, id))
        at++;
    if (at == index->plan_count) {
        if (ward_grow(&plan_heap, (void **)&index->plans, &index->plan_cap, index->plan_count, sizeof index->plans[0]))
            return ward_fail(err, WARD_ERR_MEMORY, "index");
        index->plans[index->plan_count++] = (struct ward_plan){.id = *id, .code = "", .title = ""};
    }
    index->plans[at].owner = *owner;
    return WARD_OK;
}

size_t ward_plan_index_unit_count(const ward_plan_index *index)
{
    return index->unit_count;
}

const struct ward_unit *ward_plan_index_unit(const ward_plan_index *index, size_t i)
{
    return i < index->unit_count ? &index->units[i] : NULL;
}

size_t ward_plan_index_plan_count(const ward_plan_index *index)
{
    return index->plan_count;
}

const struct ward_plan *ward_plan_index_plan(const ward_plan_index *index, size_t i)
{
    return i < index->plan_count ? &index->plans[i] : NULL;
}

const struct ward_unit *ward_plan_index_unit_by_id(const ward_plan_index *index, const struct ward_id *id)
{
    for (size_t i = 0; i < index->unit_count; i++)
        if (ward_id_equal(&index->units[i].id, id))
            return &index->units[i];
    return NULL;
}

const struct ward_unit *ward_plan_index_unit_by_code(const ward_plan_index *index, const char *code)
{
    for (size_t i = 0; i < index->unit_count; i++)
        if (strcmp(index->units[i].code, code) == 0)
            return &index->units[i];
    return NULL;
}

const struct ward_plan *ward_plan_index_plan_by_id(const ward_plan_index *index, const struct ward_id *id)
{
    for (size_t i = 0; i < index->plan_count; i++)
        if (ward_id_equal(&index->plans[i].id, id))
            return &index->plans[i];
    return NULL;
}

const struct ward_date *ward_plan_index_event(const ward_plan_index *index, const char *name)
{
    for (size_t i = 0; i < index->event_count; i++)
        if (strcmp(index->events[i].name, name) == 0)
            return &index->events[i].on;
    return NULL;
}

int plan_index_find_unit(const ward_plan_index *index, const char *reference, size_t len, struct ward_id *out, struct ward_error *err)
{
    struct plan_match match = {.reference = reference, .len = len};
    for (size_t i = 0; i < index->unit_count; i++)
        plan_match_look(&match, &index->units[i].id, index->units[i].code, strlen(index->units[i].code));
    return plan_match_end(&match, WARD_KIND_UNIT, out, err);
}

int plan_index_find_plan(const ward_plan_index *index, const char *reference, size_t len, struct ward_id *out, struct ward_error *err)
{
    struct plan_match match = {.reference = reference, .len = len};
    for (size_t i = 0; i < index->plan_count; i++)
        plan_match_look(&match, &index->plans[i].id, index->plans[i].code, strlen(index->plans[i].code));
    return plan_match_end(&match, WARD_KIND_PLAN, out, err);
}
