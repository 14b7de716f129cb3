#include "domain/form.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "domain/heap.h"
#include "domain/ref.h"
#include "domain/schema.h"

void plan_form_init(struct plan_form *form, uint32_t kind, const struct ward_id *id)
{
    *form = (struct plan_form){.kind = kind, .id = *id};
    ward_arena_init(&form->arena, &plan_heap);
}

void plan_form_free(struct plan_form *form)
{
    ward_release(&plan_heap, form->slots);
    ward_arena_free(&form->arena);
    *form = (struct plan_form){0};
}

static struct plan_slot *find(const struct plan_form *form, uint32_t field, const void *key, size_t key_len)
{
    for (size_t i = 0; i < form->count; i++) {
        struct plan_slot *slot = &form->slots[i];
        if (slot->field == field && slot->key_len == key_len && (key_len == 0 || memcmp(slot->key, key, key_len) == 0))
            return slot;
    }
    return NULL;
}

static bool equal(const struct ward_value *a, const struct ward_value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case WARD_NULL:
        return true;
    case WARD_BOOL:
        return a->boolean == b->boolean;
    case WARD_INT:
        return a->integer == b->integer;
    default:
        return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
    }
}

static int own_value(struct plan_form *form, struct ward_value *value)
{
    if (value->len == 0 || (value->type != WARD_TEXT && value->type != WARD_BYTES && value->type != WARD_ARRAY))
        return WARD_OK;
    value->p = ward_arena_copy(&form->arena, value->p, value->len);
    return value->p ? WARD_OK : WARD_ERR_MEMORY;
}

/* A new slot with its own copy of key and value, which is also what it was before; NULL without memory. */
static struct plan_slot *append(struct plan_form *form, uint32_t field, const void *key, size_t key_len, const struct ward_value *value)
{
    struct plan_slot slot = {.field = field, .key_len = key_len, .value = *value};
    if (ward_grow(&plan_heap, (void **)&form->slots, &form->cap, form->count, sizeof slot) || own_value(form, &slot.value))
        return NULL;
    if (key_len) {
        slot.key = ward_arena_copy(&form->arena, key, key_len);
        if (!slot.key)
            return NULL;
    }
    slot.was = slot.value;
    form->slots[form->count] = slot;
    return &form->slots[form->count++];
}

static int load_members(struct plan_form *form, const ward_record *rec, uint32_t field, struct ward_error *err)
{
    struct ward_value in = ward_value_bool(true);
    size_t count = ward_record_member_count(rec, field);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key;
        size_t key_len;
        int rc = ward_record_member(rec, field, i, &key, &key_len);
        if (rc)
            return ward_fail(err, rc, "member %zu", i);
        if (!append(form, field, key, key_len, &in))
            return ward_fail(err, WARD_ERR_MEMORY, "record");
    }
    return WARD_OK;
}

static int load_register(struct plan_form *form, const ward_record *rec, uint32_t field, struct ward_error *err)
{
    struct ward_value value = ward_record_value(rec, field);
    bool contested = ward_record_is_provisional(rec, field);
    if (value.type == WARD_NULL && !contested)
        return WARD_OK;
    struct plan_slot *slot = append(form, field, NULL, 0, &value);
    if (!slot)
        return ward_fail(err, WARD_ERR_MEMORY, "record");
    slot->contested = contested;
    return WARD_OK;
}

static int fill(struct plan_form *form, const ward_record *rec, struct ward_error *err)
{
    form->exists = true;
    form->deleted = ward_record_deleted(rec);
    form->space = *ward_record_space(rec);
    form->conflicts = ward_record_conflicts(rec);
    size_t count;
    const struct plan_rule *rules = plan_rules(form->kind, &count);
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < count; i++) {
        bool set = rules[i].def.policy == WARD_ADD_WINS;
        rc = set ? load_members(form, rec, rules[i].def.number, err) : load_register(form, rec, rules[i].def.number, err);
    }
    return rc;
}

int plan_form_load(struct plan_form *form, ward_replica *r, uint32_t kind, const struct ward_id *id, bool with_deleted,
                   struct ward_error *err)
{
    plan_form_init(form, kind, id);
    ward_record *rec;
    int rc = ward_get(r, kind, id, with_deleted, &rec, err);
    if (rc)
        return rc;
    rc = fill(form, rec, err);
    ward_record_free(rec);
    return rc;
}

struct ward_value plan_form_value(const struct plan_form *form, uint32_t field)
{
    const struct plan_slot *slot = find(form, field, NULL, 0);
    return slot ? slot->value : ward_value_null();
}

bool plan_form_id(const struct plan_form *form, uint32_t field, struct ward_id *out)
{
    struct ward_value value = plan_form_value(form, field);
    return plan_value_id(&value, out);
}

bool plan_form_is(const struct plan_form *form, uint32_t field, const char *word)
{
    struct ward_value value = plan_form_value(form, field);
    return value.type == WARD_TEXT && value.len == strlen(word) && memcmp(value.p, word, value.len) == 0;
}

/* absent: what a slot without a value holds. */
static int write_slot(struct plan_form *form, uint32_t field, const void *key, size_t key_len, const struct ward_value *value,
                      const struct ward_value *absent, struct ward_error *err)
{
    struct plan_slot *slot = find(form, field, key, key_len);
    if (!slot)
        slot = append(form, field, key, key_len, absent);
    if (!slot)
        return ward_fail(err, WARD_ERR_MEMORY, "record");
    slot->value = *value;
    slot->changed = slot->contested || !equal(&slot->value, &slot->was);
    return own_value(form, &slot->value) ? ward_fail(err, WARD_ERR_MEMORY, "record") : WARD_OK;
}

int plan_form_set(struct plan_form *form, uint32_t field, const struct ward_value *value, struct ward_error *err)
{
    struct ward_value absent = ward_value_null();
    return write_slot(form, field, NULL, 0, value, &absent, err);
}

int plan_form_set_id(struct plan_form *form, uint32_t field, const struct ward_id *id, struct ward_error *err)
{
    struct ward_value value = ward_value_id(id);
    return plan_form_set(form, field, &value, err);
}

int plan_form_set_text(struct plan_form *form, uint32_t field, const char *text, struct ward_error *err)
{
    struct ward_value value = ward_value_text(text);
    return plan_form_set(form, field, &value, err);
}

int plan_form_member(struct plan_form *form, uint32_t field, const void *key, size_t key_len, bool in, struct ward_error *err)
{
    struct ward_value value = ward_value_bool(in), absent = ward_value_bool(false);
    return write_slot(form, field, key, key_len, &value, &absent, err);
}

int plan_form_empty(struct plan_form *form, uint32_t field, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < form->count; i++)
        if (form->slots[i].field == field)
            rc = plan_form_member(form, field, form->slots[i].key, form->slots[i].key_len, false, err);
    return rc;
}

int plan_form_add(struct plan_form *form, uint32_t field, int64_t delta, struct ward_error *err)
{
    struct ward_value nought = ward_value_int(0);
    struct plan_slot *slot = find(form, field, NULL, 0);
    if (!slot)
        slot = append(form, field, NULL, 0, &nought);
    if (!slot)
        return ward_fail(err, WARD_ERR_MEMORY, "record");
    slot->value.integer += delta;
    slot->delta += delta;
    slot->changed = slot->delta != 0;
    return WARD_OK;
}

static bool listed(const uint32_t *fields, uint32_t field)
{
    while (*fields && *fields != field)
        fields++;
    return *fields != 0;
}

int plan_form_copy(struct plan_form *form, const struct plan_form *from, const uint32_t *without, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; rc == WARD_OK && i < from->count; i++) {
        const struct plan_slot *slot = &from->slots[i];
        const struct ward_field_def *def = ward_plan_field_def(from->kind, slot->field);
        if (listed(without, slot->field) || slot->value.type == WARD_NULL)
            continue;
        if (def->policy == WARD_SUM)
            rc = plan_form_add(form, slot->field, slot->value.integer, err);
        else if (def->policy == WARD_ADD_WINS)
            rc = plan_form_member(form, slot->field, slot->key, slot->key_len, slot->value.boolean, err);
        else
            rc = plan_form_set(form, slot->field, &slot->value, err);
    }
    return rc;
}

bool plan_form_changed(const struct plan_form *form)
{
    bool changed = form->remove || form->restore;
    for (size_t i = 0; !changed && i < form->count; i++)
        changed = form->slots[i].changed;
    return changed;
}

/* "task 1a2b3c4d: due", before what the replica has against it. */
static int refused(const struct plan_form *form, const char *field, int rc, struct ward_error *err)
{
    char hex[WARD_ID_HEX];
    ward_id_hex(hex, &form->id);
    return ward_at(err, rc, "%s %.8s%s%s", ward_plan_kind_label(form->kind, WARD_LANG_EN), hex, field ? ": " : "", field ? field : "");
}

static int put(ward_txn *txn, const struct plan_form *form, struct ward_error *err)
{
    for (size_t i = 0; i < form->count; i++) {
        const struct plan_slot *slot = &form->slots[i];
        const struct ward_field_def *def = ward_plan_field_def(form->kind, slot->field);
        struct ward_value value = def->policy == WARD_SUM ? ward_value_int(slot->delta) : slot->value;
        if (!slot->changed)
            continue;
        int rc = ward_put(txn, &form->space, form->kind, &form->id, slot->field, slot->key, slot->key_len, &value, err);
        if (rc)
            return refused(form, ward_plan_field_name(form->kind, slot->field), rc, err);
    }
    struct ward_value present = ward_value_bool(form->restore);
    if (form->remove || form->restore) {
        int rc = ward_put(txn, &form->space, form->kind, &form->id, WARD_FIELD_PRESENCE, NULL, 0, &present, err);
        if (rc)
            return refused(form, NULL, rc, err);
    }
    return form->why ? ward_reason(txn, &form->space, form->kind, &form->id, form->why, err) : WARD_OK;
}

/* Begins a transaction with all changes of the forms in it. */
static int prepare(ward_replica *r, struct plan_form *const *forms, size_t count, ward_txn **out, struct ward_error *err)
{
    bool any = false;
    for (size_t i = 0; !any && i < count; i++)
        any = plan_form_changed(forms[i]);
    if (!any)
        return ward_fail(err, WARD_ERR_NOTHING, "everything is as it was");
    ward_txn *txn;
    int rc = ward_begin(r, &txn, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (plan_form_changed(forms[i]))
            rc = put(txn, forms[i], err);
        if (rc) {
            ward_abort(txn);
            return rc;
        }
    }
    *out = txn;
    return WARD_OK;
}

int plan_commit(ward_replica *r, struct plan_form *const *forms, size_t count, struct ward_error *err)
{
    ward_txn *txn;
    struct ward_commit done;
    int rc = prepare(r, forms, count, &txn, err);
    return rc ? rc : ward_commit(txn, &done, err);
}

int plan_rehearse(ward_replica *r, struct plan_form *const *forms, size_t count, struct ward_error *err)
{
    ward_txn *txn;
    int rc = prepare(r, forms, count, &txn, err);
    if (rc == WARD_OK)
        ward_abort(txn);
    return rc;
}
