#include "domain/proposal.h"
#include "domain/add.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "domain/code.h"
#include "domain/ref.h"
#include "domain/value.h"

#define STATE_PREFIX "state="

/* ---------------------------------------------------------------- the plan's list: ids ascending, one after another */

/* Where the id stands, or where it would; *found says which. */
static size_t list_place(const struct ward_value *list, const struct ward_id *id, bool *found)
{
    size_t at = 0;
    *found = false;
    while (list->type == WARD_BYTES && at + WARD_ID_BYTES <= list->len) {
        int order = memcmp(list->p + at, id->b, WARD_ID_BYTES);
        *found = order == 0;
        if (order >= 0)
            break;
        at += WARD_ID_BYTES;
    }
    return at;
}

static int list_write(struct plan_form *plan, const struct ward_id *id, bool in, struct ward_error *err)
{
    bool found;
    struct ward_value old = plan_form_value(plan, WARD_PLAN_SELECTED), list;
    size_t at = list_place(&old, id, &found), len = old.type == WARD_BYTES ? old.len : 0, skip = found ? WARD_ID_BYTES : 0;
    uint8_t *p = ward_arena_take(&plan->arena, len + WARD_ID_BYTES);
    if (!p)
        return ward_fail(err, WARD_ERR_MEMORY, "selection");
    if (at)
        memcpy(p, old.p, at);
    size_t to = at;
    if (in) {
        memcpy(p + to, id->b, WARD_ID_BYTES);
        to += WARD_ID_BYTES;
    }
    if (len > at + skip)
        memcpy(p + to, old.p + at + skip, len - at - skip);
    list = ward_value_bytes(p, to + len - at - skip);
    return plan_form_set(plan, WARD_PLAN_SELECTED, &list, err);
}

/* ---------------------------------------------------------------- state */

/* The stored word, or selected where the plan's list names the proposal. A word of a later version counts as draft. */
static enum ward_proposal_state state_of(const struct ward_value *stored, const struct ward_value *list, const struct ward_id *id)
{
    bool listed;
    int word = stored->type == WARD_TEXT ? ward_word_index(WARD_WORDS_PROPOSAL_STATE, (const char *)stored->p, stored->len) : -1;
    enum ward_proposal_state state = word < 0 ? WARD_PROPOSAL_DRAFT : (enum ward_proposal_state)word;
    list_place(list, id, &listed);
    if (state == WARD_PROPOSAL_SELECTED)
        state = WARD_PROPOSAL_SHORTLISTED; /* the list alone selects */
    if (listed && (state == WARD_PROPOSAL_SUBMITTED || state == WARD_PROPOSAL_SHORTLISTED))
        state = WARD_PROPOSAL_SELECTED;
    return state;
}

int ward_plan_proposal_state(ward_replica *r, const ward_record *proposal, enum ward_proposal_state *out, struct ward_error *err)
{
    struct ward_value stored = ward_record_value(proposal, WARD_PROPOSAL_STATE), plan = ward_record_value(proposal, WARD_PROPOSAL_PLAN);
    struct ward_value list = ward_value_null();
    struct ward_id plan_id;
    ward_record *rec = NULL;
    if (plan_value_id(&plan, &plan_id)) {
        int rc = ward_get(r, WARD_KIND_PLAN, &plan_id, true, &rec, err);
        if (rc && rc != WARD_ERR_NOT_FOUND)
            return rc;
        if (rc == WARD_OK)
            list = ward_record_value(rec, WARD_PLAN_SELECTED);
    }
    *out = state_of(&stored, &list, ward_record_id(proposal));
    ward_record_free(rec);
    return WARD_OK;
}

static const char *word_of(enum ward_proposal_state state)
{
    size_t count;
    return ward_words(WARD_WORDS_PROPOSAL_STATE, &count)[state].word;
}

static int check_stated(const struct plan_form *form, struct ward_error *err)
{
    static const uint32_t fields[] = {WARD_PROPOSAL_PURPOSE,   WARD_PROPOSAL_TARGETS, WARD_PROPOSAL_MEASURES,
                                      WARD_PROPOSAL_RESOURCES, WARD_PROPOSAL_ROADMAP, WARD_PROPOSAL_ASSIGNED};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (plan_form_value(form, fields[i]).type == WARD_NULL)
            return ward_fail(err, WARD_ERR_VALUE, "before it is submitted a proposal must state its %s",
                             ward_plan_field_name(WARD_KIND_PROPOSAL, fields[i]));
    return WARD_OK;
}

static int check_room(const struct plan_form *plan, struct ward_error *err)
{
    struct ward_value most = plan_form_value(plan, WARD_PLAN_SELECT_MAX), list = plan_form_value(plan, WARD_PLAN_SELECTED);
    size_t count = list.type == WARD_BYTES ? list.len / WARD_ID_BYTES : 0;
    if (most.type == WARD_INT && (int64_t)count >= most.integer)
        return ward_fail(err, WARD_ERR_LIMIT_SELECTED, "the plan allows %lld, %zu selected already", (long long)most.integer, count);
    return WARD_OK;
}

/* Puts the proposal on the plan's list or takes it off. `plan` is empty if the proposal belongs to none. */
static int change_selection(struct plan_form *plan, const struct ward_id *proposal, bool in, struct ward_error *err)
{
    if (!plan->exists)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "the proposal belongs to no plan known here");
    int rc = in ? check_room(plan, err) : WARD_OK;
    return rc ? rc : list_write(plan, proposal, in, err);
}

static int step(const struct plan_scope *scope, struct plan_form *form, struct plan_form *plan, enum ward_proposal_state to,
                struct ward_error *err)
{
    struct ward_value stored = plan_form_value(form, WARD_PROPOSAL_STATE), list = plan_form_value(plan, WARD_PLAN_SELECTED);
    enum ward_proposal_state from = state_of(&stored, &list, &form->id);
    bool given = plan_form_is(form, WARD_PROPOSAL_ORIGIN, "given");
    bool units_own =
        (from == WARD_PROPOSAL_DRAFT || from == WARD_PROPOSAL_SUBMITTED) && (to == WARD_PROPOSAL_DRAFT || to == WARD_PROPOSAL_SUBMITTED);
    if (!ward_proposal_may_move(from, to, given))
        return ward_fail(err, WARD_ERR_STATE, "a%s proposal cannot go from %s to %s", given ? " given" : "n own", word_of(from),
                         word_of(to));
    int rc = units_own ? WARD_OK : plan_scope_operator(scope, "to decide on a proposal", err);
    if (rc == WARD_OK && to == WARD_PROPOSAL_SUBMITTED)
        rc = check_stated(form, err);
    if (rc == WARD_OK && to == WARD_PROPOSAL_SELECTED)
        rc = change_selection(plan, &form->id, true, err);
    if (rc == WARD_OK && from == WARD_PROPOSAL_SELECTED && to != WARD_PROPOSAL_RUNNING)
        rc = change_selection(plan, &form->id, false, err);
    if (rc)
        return rc;
    return plan_form_set_text(form, WARD_PROPOSAL_STATE, word_of(to == WARD_PROPOSAL_SELECTED ? WARD_PROPOSAL_SHORTLISTED : to), err);
}

static int assign_state(const struct plan_scope *scope, struct plan_form *form, struct plan_form *plan, const char *word,
                        struct ward_error *err)
{
    int to = ward_word_index(WARD_WORDS_PROPOSAL_STATE, word, strlen(word));
    if (to < 0)
        return ward_fail(err, WARD_ERR_VALUE, "state: no such state");
    return step(scope, form, plan, (enum ward_proposal_state)to, err);
}

/* The plan of the proposal, or an empty form. */
static int load_plan(const struct plan_scope *scope, const struct plan_form *form, struct plan_form *plan, struct ward_error *err)
{
    struct ward_id id = {{0}};
    if (!plan_form_id(form, WARD_PROPOSAL_PLAN, &id)) {
        plan_form_init(plan, WARD_KIND_PLAN, &id);
        return WARD_OK;
    }
    int rc = plan_form_load(plan, scope->r, WARD_KIND_PLAN, &id, false, err);
    return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
}

int plan_proposal_write(const struct plan_scope *scope, struct plan_form *form, const char *const *assignments, size_t count,
                        const char *why, struct ward_error *err)
{
    struct plan_form plan;
    const char *state = NULL;
    int rc = load_plan(scope, form, &plan, err);
    for (size_t i = 0; rc == WARD_OK && i < count; i++) {
        if (strncmp(assignments[i], STATE_PREFIX, strlen(STATE_PREFIX)) == 0)
            state = assignments[i] + strlen(STATE_PREFIX);
        else
            rc = plan_assign_pair(scope, form, assignments[i], err);
    }
    if (rc == WARD_OK && state) /* last, so that it sees what else is stated */
        rc = assign_state(scope, form, &plan, state, err);
    form->why = why;
    if (rc == WARD_OK)
        rc = plan_commit(scope->r, (struct plan_form *[]){form, &plan}, 2, err);
    plan_form_free(&plan);
    return rc;
}

int ward_plan_proposal_move(ward_replica *r, const struct ward_id *proposal, enum ward_proposal_state to, const char *why,
                            struct ward_error *err)
{
    char assignment[sizeof STATE_PREFIX + 16];
    struct plan_scope scope;
    struct plan_form form;
    snprintf(assignment, sizeof assignment, STATE_PREFIX "%s", word_of(to));
    int rc = plan_scope_open(&scope, r, err);
    if (rc)
        return rc;
    rc = plan_form_load(&form, r, WARD_KIND_PROPOSAL, proposal, false, err);
    if (rc == WARD_OK)
        rc = plan_proposal_write(&scope, &form, (const char *[]){assignment}, 1, why, err);
    plan_form_free(&form);
    plan_scope_close(&scope);
    return rc;
}

/* ---------------------------------------------------------------- new proposals */

int plan_proposal_space(const struct plan_scope *scope, const struct plan_form *form, struct ward_hash *out, struct ward_error *err)
{
    struct ward_id circle[2], plan_id;
    size_t count = plan_form_id(form, WARD_PROPOSAL_UNIT, &circle[0]) ? 1 : 0;
    const struct ward_plan *plan = NULL;
    if (count && plan_form_id(form, WARD_PROPOSAL_PLAN, &plan_id))
        plan = ward_plan_index_plan_by_id(scope->index, &plan_id);
    if (plan && !ward_id_is_zero(&plan->owner))
        circle[count++] = plan->owner;
    if (count == 0)
        return ward_fail(err, WARD_ERR_VALUE, "unit must not be empty");
    return ward_space_of_circle(scope->r, out, circle, count, err);
}

static int fill(const struct plan_scope *scope, struct plan_form *form, const void *given, struct ward_error *err)
{
    const struct ward_proposal_spec *spec = given;
    struct ward_id unit, plan;
    bool found;
    int rc = plan_assign_field(scope, form, WARD_PROPOSAL_TITLE, spec->title, err);
    if (rc == WARD_OK)
        rc = plan_form_set_text(form, WARD_PROPOSAL_ORIGIN, spec->given ? "given" : "own", err);
    if (rc == WARD_OK)
        rc = plan_form_set_text(form, WARD_PROPOSAL_STATE, word_of(WARD_PROPOSAL_DRAFT), err);
    if (rc == WARD_OK)
        rc = plan_scope_unit(scope, spec->unit, &unit, err);
    if (rc == WARD_OK)
        rc = plan_form_set_id(form, WARD_PROPOSAL_UNIT, &unit, err);
    if (rc == WARD_OK)
        rc = plan_scope_plan(scope, spec->plan, &plan, &found, err);
    if (rc == WARD_OK && found)
        rc = plan_form_set_id(form, WARD_PROPOSAL_PLAN, &plan, err);
    if (rc == WARD_OK)
        rc = plan_code_assign(scope->r, form, spec->code, "MH", err);
    if (rc == WARD_OK)
        rc = plan_form_complete(form, err);
    return rc ? rc : plan_proposal_space(scope, form, &form->space, err);
}

/* What is stated along with it may move it on, which is for the plan to allow. */
static int write_stated(const struct plan_scope *scope, struct plan_form *form, const void *given, struct ward_error *err)
{
    const struct ward_proposal_spec *spec = given;
    return plan_proposal_write(scope, form, spec->assignments, spec->assignment_count, NULL, err);
}

int ward_plan_proposal_add(ward_replica *r, const struct ward_proposal_spec *spec, struct ward_id *out, struct ward_error *err)
{
    return plan_add(r, WARD_KIND_PROPOSAL, fill, write_stated, spec, out, err);
}
