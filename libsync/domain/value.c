#include "domain/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "domain/heap.h"
#include "domain/index.h"
#include "domain/ref.h"
#include "domain/text.h"

#define NUMBER_MAX 1000000000000000 /* of targets and counts: far from the ends of 64 bits, so that sums stay there too */

/* A text and where what is read from it goes. */
struct reading {
    const struct plan_scope *scope;
    const struct plan_rule *rule;
    const char *text;
    size_t len;
    struct ward_arena *arena;
    struct ward_error *err;
};

static int keep(const struct reading *in, enum ward_type type, const void *p, size_t len, struct ward_value *out)
{
    const uint8_t *own = len ? ward_arena_copy(in->arena, p, len) : (const uint8_t *)"";
    if (!own)
        return ward_fail(in->err, WARD_ERR_MEMORY, "value");
    *out = (struct ward_value){.type = type, .p = own, .len = len};
    return WARD_OK;
}

static int read_text(const struct reading *in, bool lines, struct ward_value *out)
{
    int rc = plan_text_check(in->text, in->len, in->rule->def.len_max, lines, in->err);
    return rc ? rc : keep(in, WARD_TEXT, in->text, in->len, out);
}

static int read_code(const struct reading *in, struct ward_value *out)
{
    int rc = plan_code_check(in->text, in->len, in->err);
    return rc ? rc : keep(in, WARD_TEXT, in->text, in->len, out);
}

static int read_date(const struct reading *in, struct ward_value *out)
{
    struct ward_date date;
    int rc = ward_date_parse(&date, in->text, in->len, in->err);
    return rc ? rc : keep(in, WARD_TEXT, in->text, in->len, out);
}

static int read_period(const struct reading *in, struct ward_value *out)
{
    struct ward_period period;
    int rc = ward_period_parse(&period, in->text, in->len, in->err);
    return rc ? rc : keep(in, WARD_TEXT, in->text, in->len, out);
}

static int read_due(const struct reading *in, struct ward_value *out)
{
    struct ward_due due;
    char text[WARD_DUE_TEXT];
    int rc = ward_due_parse(&due, in->text, in->len, in->err);
    if (rc)
        return rc;
    if (in->rule->content == PLAN_DEADLINE && due.form != WARD_DUE_DAY && due.form != WARD_DUE_PERIOD)
        return ward_fail(in->err, WARD_ERR_DATE, "a day, month or quarter is needed: %.*s", plan_excerpt(in->text, in->len), in->text);
    ward_due_format(text, &due);
    return keep(in, WARD_TEXT, text, strlen(text), out);
}

/* All words of a list, for a message: "todo, doing, ...". */
static void list_words(char *out, size_t size, const struct ward_word *words, size_t count)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < count && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", words[i].word);
}

static bool same(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* The stored word or a label of it, in either language. */
static int read_word(const struct reading *in, struct ward_value *out)
{
    char all[240];
    size_t count;
    const struct ward_word *words = ward_words((enum ward_word_list)plan_content_words(in->rule->content), &count);
    for (size_t i = 0; i < count; i++) {
        const struct ward_word *w = &words[i];
        if (in->rule->content == PLAN_STATE && i == WARD_PROPOSAL_SELECTED)
            continue; /* follows from the plan's list */
        if (same(in->text, in->len, w->word) || same(in->text, in->len, w->label_en) || same(in->text, in->len, w->label_vi))
            return keep(in, WARD_TEXT, w->word, strlen(w->word), out);
    }
    list_words(all, sizeof all, words, count);
    return ward_fail(in->err, WARD_ERR_VALUE, "'%.*s' is none of %s", plan_excerpt(in->text, in->len), in->text, all);
}

static int read_origin(const struct reading *in, struct ward_value *out)
{
    if (!same(in->text, in->len, "given") && !same(in->text, in->len, "own"))
        return ward_fail(in->err, WARD_ERR_VALUE, "'%.*s' is none of given, own", plan_excerpt(in->text, in->len), in->text);
    return keep(in, WARD_TEXT, in->text, in->len, out);
}

static int read_number(const struct reading *in, int64_t low, int64_t high, struct ward_value *out)
{
    int64_t n;
    int rc = plan_int_parse(&n, in->text, in->len, low, high, in->err);
    if (rc == WARD_OK)
        *out = ward_value_int(n);
    return rc;
}

/* The record of another kind that a part of the text names. */
static int find_record(const struct reading *in, uint32_t kind, const char *text, size_t len, struct ward_id *out)
{
    if (kind == WARD_KIND_UNIT)
        return plan_index_find_unit(in->scope->index, text, len, out, in->err);
    if (kind == WARD_KIND_PLAN)
        return plan_index_find_plan(in->scope->index, text, len, out, in->err);
    char *reference = ward_arena_take(in->arena, len + 1);
    if (!reference)
        return ward_fail(in->err, WARD_ERR_MEMORY, "value");
    memcpy(reference, text, len);
    return ward_plan_resolve(in->scope->r, kind, reference, out, in->err);
}

static int read_reference(const struct reading *in, uint32_t kind, struct ward_value *out)
{
    struct ward_id id;
    int rc = find_record(in, kind, in->text, in->len, &id);
    return rc ? rc : keep(in, WARD_BYTES, id.b, sizeof id.b, out);
}

/* One part of a list at *at; the text after the next comma follows. False at the end. */
static bool next_part(const char *text, size_t len, size_t *at, const char **part, size_t *part_len)
{
    if (*at > len || len == 0)
        return false;
    const char *comma = *at < len ? memchr(text + *at, ',', len - *at) : NULL;
    size_t end = comma ? (size_t)(comma - text) : len;
    while (*at < end && text[*at] == ' ')
        (*at)++;
    *part = text + *at;
    *part_len = end - *at;
    while (*part_len > 0 && (*part)[*part_len - 1] == ' ')
        (*part_len)--;
    *at = end + 1;
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, WARD_ID_BYTES);
}

static int read_proposals(const struct reading *in, struct ward_value *out)
{
    struct ward_id ids[64];
    size_t count = 0, at = 0, part_len;
    const char *part;
    while (next_part(in->text, in->len, &at, &part, &part_len)) {
        if (count == sizeof ids / sizeof ids[0])
            return ward_fail(in->err, WARD_ERR_VALUE, "more than %zu proposals", count);
        int rc = find_record(in, WARD_KIND_PROPOSAL, part, part_len, &ids[count]);
        if (rc)
            return rc;
        count++;
    }
    qsort(ids, count, sizeof ids[0], compare_ids);
    for (size_t i = 1; i < count; i++)
        if (ward_id_equal(&ids[i - 1], &ids[i]))
            return ward_fail(in->err, WARD_ERR_VALUE, "a proposal is named twice");
    return keep(in, WARD_BYTES, ids, count * sizeof ids[0], out);
}

static int read_content(const struct reading *in, struct ward_value *out)
{
    switch (in->rule->content) {
    case PLAN_TEXT:
        return read_text(in, true, out);
    case PLAN_LINE:
        return read_text(in, false, out);
    case PLAN_CODE:
        return read_code(in, out);
    case PLAN_DATE:
        return read_date(in, out);
    case PLAN_DUE:
    case PLAN_DEADLINE:
        return read_due(in, out);
    case PLAN_PERIOD:
        return read_period(in, out);
    case PLAN_STATUS:
    case PLAN_UNIT_KIND:
    case PLAN_STATE:
    case PLAN_MENDING:
    case PLAN_RATING:
        return read_word(in, out);
    case PLAN_ORIGIN:
        return read_origin(in, out);
    case PLAN_COUNT:
        return read_number(in, 0, NUMBER_MAX, out);
    case PLAN_PERCENT:
        return read_number(in, 0, 100, out);
    case PLAN_YEAR:
        return read_number(in, 1970, 9999, out);
    case PLAN_UNIT:
        return read_reference(in, WARD_KIND_UNIT, out);
    case PLAN_PLAN:
        return read_reference(in, WARD_KIND_PLAN, out);
    case PLAN_TASK:
        return read_reference(in, WARD_KIND_TASK, out);
    case PLAN_PROPOSALS:
        return read_proposals(in, out);
    case PLAN_UNITS:
    case PLAN_REFERENCES:
    case PLAN_TALLY:
    case PLAN_PRINTS:
        break;
    }
    return ward_fail(in->err, WARD_ERR_VALUE, "has no single value");
}

int plan_value_read(const struct plan_scope *scope, const struct plan_rule *rule, const char *text, size_t len, struct ward_arena *arena,
                    struct ward_value *out, struct ward_error *err)
{
    const struct reading in = {scope, rule, text, len, arena, err};
    struct ward_value value = ward_value_null();
    int rc = WARD_OK;
    if (plan_text_blank(text, len) && rule->flags & PLAN_REQUIRED)
        rc = ward_fail(err, WARD_ERR_VALUE, "must not be empty");
    else if (!plan_utf8_valid(text, len))
        rc = ward_fail(err, WARD_ERR_UTF8, "not valid UTF-8");
    else if (len > 0)
        rc = read_content(&in, &value);
    if (rc)
        return ward_at(err, rc, "%s", rule->user_name);
    *out = value;
    return WARD_OK;
}

/* Adds or takes out one member: a unit by its id, a reference by its text. */
static int assign_member(const struct reading *in, struct plan_form *form, const char *part, size_t len, bool present)
{
    struct ward_id id;
    int rc;
    if (in->rule->content == PLAN_REFERENCES) {
        rc = len ? plan_text_check(part, len, 64, false, in->err) : ward_fail(in->err, WARD_ERR_VALUE, "an empty member");
        return rc ? rc : plan_form_member(form, in->rule->def.number, part, len, present, in->err);
    }
    rc = find_record(in, WARD_KIND_UNIT, part, len, &id);
    return rc ? rc : plan_form_member(form, in->rule->def.number, id.b, sizeof id.b, present, in->err);
}

static int assign_set(const struct reading *in, struct plan_form *form)
{
    bool relative = in->len > 0 && (in->text[0] == '+' || in->text[0] == '-');
    size_t at = 0, part_len;
    const char *part;
    int rc = relative ? WARD_OK : plan_form_empty(form, in->rule->def.number, in->err);
    while (rc == WARD_OK && next_part(in->text, in->len, &at, &part, &part_len)) {
        bool signed_part = part_len > 0 && (part[0] == '+' || part[0] == '-');
        if (signed_part != relative)
            return ward_fail(in->err, WARD_ERR_VALUE, "either A,B for exactly these, or +A,-B to add and take out");
        size_t skip = signed_part ? 1 : 0;
        rc = assign_member(in, form, part + skip, part_len - skip, !relative || part[0] == '+');
    }
    return rc;
}

static int assign_tally(const struct reading *in, struct plan_form *form)
{
    int64_t delta;
    if (in->len == 0 || (in->text[0] != '+' && in->text[0] != '-'))
        return ward_fail(in->err, WARD_ERR_VALUE, "what several devices count is added up: write +N or -N");
    int rc = plan_int_parse(&delta, in->text, in->len, -NUMBER_MAX, NUMBER_MAX, in->err);
    return rc ? rc : plan_form_add(form, in->rule->def.number, delta, in->err);
}

int plan_assign(const struct plan_scope *scope, struct plan_form *form, const struct plan_rule *rule, const char *text, size_t len,
                struct ward_error *err)
{
    const struct reading in = {scope, rule, text, len, &form->arena, err};
    struct ward_value value;
    int rc;
    if (rule->content != PLAN_UNITS && rule->content != PLAN_REFERENCES && rule->content != PLAN_TALLY) {
        rc = plan_value_read(scope, rule, text, len, &form->arena, &value, err);
        return rc ? rc : plan_form_set(form, rule->def.number, &value, err);
    }
    if (!plan_utf8_valid(text, len))
        rc = ward_fail(err, WARD_ERR_UTF8, "not valid UTF-8");
    else
        rc = rule->content == PLAN_TALLY ? assign_tally(&in, form) : assign_set(&in, form);
    return rc ? ward_at(err, rc, "%s", rule->user_name) : WARD_OK;
}

int plan_assign_field(const struct plan_scope *scope, struct plan_form *form, uint32_t field, const char *text, struct ward_error *err)
{
    return text ? plan_assign(scope, form, plan_rule(form->kind, field), text, strlen(text), err) : WARD_OK;
}

int plan_assign_pair(const struct plan_scope *scope, struct plan_form *form, const char *assignment, struct ward_error *err)
{
    const char *equals = strchr(assignment, '=');
    size_t name_len = equals ? (size_t)(equals - assignment) : 0;
    int shown = plan_excerpt(assignment, equals ? name_len : strlen(assignment));
    if (name_len == 0)
        return ward_fail(err, WARD_ERR_VALUE, "not FIELD=VALUE: %.*s", shown, assignment);
    const struct plan_rule *rule = plan_rule_named(form->kind, assignment, name_len);
    if (!rule)
        return ward_fail(err, WARD_ERR_UNKNOWN_FIELD, "%s has no field '%.*s'", ward_plan_kind_label(form->kind, WARD_LANG_EN), shown,
                         assignment);
    if (!(rule->flags & PLAN_USER) || rule->def.policy == WARD_FIXED)
        return ward_fail(err, WARD_ERR_FIXED, "%s cannot be set", rule->user_name);
    return plan_assign(scope, form, rule, equals + 1, strlen(equals + 1), err);
}

int plan_form_complete(const struct plan_form *form, struct ward_error *err)
{
    size_t count;
    const struct plan_rule *rules = plan_rules(form->kind, &count);
    for (size_t i = 0; i < count; i++)
        if (rules[i].flags & PLAN_REQUIRED && plan_form_value(form, rules[i].def.number).type == WARD_NULL)
            return ward_fail(err, WARD_ERR_VALUE, "%s must not be empty", rules[i].user_name);
    return WARD_OK;
}

int ward_plan_value_parse(ward_replica *r, uint32_t kind, uint32_t field, const char *text, struct ward_value *out, void **buffer,
                          struct ward_error *err)
{
    const struct plan_rule *rule = plan_rule(kind, field);
    if (!rule)
        return ward_fail(err, WARD_ERR_UNKNOWN_FIELD, "kind %u, field %u", (unsigned)kind, (unsigned)field);
    struct plan_scope scope = {.r = r};
    int rc = ward_plan_index_load(r, &scope.index, err);
    if (rc)
        return rc;
    struct ward_arena arena;
    struct ward_value value;
    void *own = NULL;
    ward_arena_init(&arena, &plan_heap);
    rc = plan_value_read(&scope, rule, text, strlen(text), &arena, &value, err);
    if (rc == WARD_OK && value.len > 0) {
        own = malloc(value.len);
        if (own)
            value.p = memcpy(own, value.p, value.len);
        else
            rc = ward_fail(err, WARD_ERR_MEMORY, "value");
    }
    ward_arena_free(&arena);
    ward_plan_index_free(scope.index);
    if (rc == WARD_OK) {
        *out = value;
        *buffer = own;
    }
    return rc;
}
