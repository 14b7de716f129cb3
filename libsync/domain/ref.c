#include "domain/ref.h"

#include <string.h>

#include "base/err.h"
#include "domain/text.h"
#include "wardsync_plan.h"

#define PREFIX_MIN 4

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
}

static bool is_prefix(const char *reference, size_t len, const struct ward_id *id)
{
    char hex[WARD_ID_HEX];
    if (len < PREFIX_MIN || len >= sizeof hex)
        return false;
    ward_id_hex(hex, id);
    for (size_t i = 0; i < len; i++)
        if (lower(reference[i]) != hex[i])
            return false;
    return true;
}

void plan_match_look(struct plan_match *match, const struct ward_id *id, const void *code, size_t code_len)
{
    if (code_len == match->len && memcmp(code, match->reference, code_len) == 0) {
        if (match->by_code++ == 0)
            match->code_id = *id;
        else
            match->other = *id;
    } else if (is_prefix(match->reference, match->len, id)) {
        if (match->by_id++ == 0)
            match->prefix_id = *id;
        else if (match->by_code < 2)
            match->other = *id;
    }
}

int plan_match_end(const struct plan_match *match, uint32_t kind, struct ward_id *out, struct ward_error *err)
{
    size_t count = match->by_code ? match->by_code : match->by_id;
    const struct ward_id *first = match->by_code ? &match->code_id : &match->prefix_id;
    int shown = plan_excerpt(match->reference, match->len);
    if (count == 0)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "no %s '%.*s'", ward_plan_kind_label(kind, WARD_LANG_EN), shown, match->reference);
    if (count > 1) {
        char a[WARD_ID_HEX], b[WARD_ID_HEX];
        ward_id_hex(a, first);
        ward_id_hex(b, &match->other);
        return ward_fail(err, WARD_ERR_AMBIGUOUS, "'%.*s' is %zu of kind %s: %s, %s%s", shown, match->reference, count,
                         ward_plan_kind_label(kind, WARD_LANG_EN), a, b, count > 2 ? " ..." : "");
    }
    *out = *first;
    return WARD_OK;
}

bool plan_value_id(const struct ward_value *value, struct ward_id *out)
{
    if (value->type != WARD_BYTES || value->len != WARD_ID_BYTES)
        return false;
    memcpy(out->b, value->p, WARD_ID_BYTES);
    return true;
}

/* The field that holds the human code of a kind; 0: it has none. */
static uint32_t code_field(uint32_t kind)
{
    switch (kind) {
    case WARD_KIND_UNIT:
        return WARD_UNIT_CODE;
    case WARD_KIND_PLAN:
        return WARD_PLAN_CODE;
    case WARD_KIND_TASK:
        return WARD_TASK_CODE;
    case WARD_KIND_PROPOSAL:
        return WARD_PROPOSAL_CODE;
    case WARD_KIND_EVENT:
        return WARD_PLAN_EVENT_NAME;
    default:
        return 0;
    }
}

int plan_code_index(uint32_t kind)
{
    return kind == WARD_KIND_TASK ? (int)WARD_TASKS_BY_CODE : kind == WARD_KIND_PROPOSAL ? (int)WARD_PROPOSALS_BY_CODE : -1;
}

/* The field that holds the plan of a kind whose codes are unique within a plan only; 0: others. */
static uint32_t plan_field(uint32_t kind)
{
    if (kind == WARD_KIND_TASK)
        return WARD_TASK_PLAN;
    return kind == WARD_KIND_PROPOSAL ? (uint32_t)WARD_PROPOSAL_PLAN : 0;
}

struct search {
    struct plan_match match;
    uint32_t code_field;
    uint32_t plan_field; /* 0: of any plan */
    struct ward_id plan;
};

static int look(void *ctx, const ward_record *rec)
{
    struct search *search = ctx;
    struct ward_value code = search->code_field ? ward_record_value(rec, search->code_field) : ward_value_null();
    if (search->plan_field) {
        struct ward_value value = ward_record_value(rec, search->plan_field);
        struct ward_id plan;
        if (!plan_value_id(&value, &plan) || !ward_id_equal(&plan, &search->plan))
            return 0;
    }
    plan_match_look(&search->match, ward_record_id(rec), code.p, code.type == WARD_TEXT ? code.len : 0);
    return 0;
}

/* Reads "PLAN:" before a code, where the kind has it. */
static int narrow(ward_replica *r, uint32_t kind, struct search *search, struct ward_error *err)
{
    const char *reference = search->match.reference, *colon = strchr(reference, ':');
    char plan[PLAN_CODE_MAX + 1];
    size_t len = colon ? (size_t)(colon - reference) : 0;
    if (!colon || !plan_field(kind))
        return WARD_OK;
    if (len >= sizeof plan)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "no plan of that name");
    memcpy(plan, reference, len);
    plan[len] = 0;
    search->plan_field = plan_field(kind);
    search->match.reference = colon + 1;
    search->match.len -= len + 1;
    return ward_plan_resolve(r, WARD_KIND_PLAN, plan, &search->plan, err);
}

/* By code, and where no code is meant by id. Of units, plans and events there are few. */
static int look_around(ward_replica *r, uint32_t kind, struct search *search, struct ward_error *err)
{
    int number = plan_code_index(kind), rc = WARD_OK;
    if (number < 0 && search->code_field)
        return ward_each(r, kind, look, search, err);
    if (number >= 0) {
        struct ward_value code = {.type = WARD_TEXT, .p = (const uint8_t *)search->match.reference, .len = search->match.len};
        rc = ward_find(r, &(struct ward_query){.index = (size_t)number, .is = &code, .is_count = 1}, look, search, err);
    }
    if (rc == WARD_OK && search->match.by_code == 0) {
        rc = ward_each_prefix(r, kind, search->match.reference, look, search, err);
        rc = rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc; /* it is none */
    }
    return rc;
}

int ward_plan_resolve(ward_replica *r, uint32_t kind, const char *reference, struct ward_id *out, struct ward_error *err)
{
    if (!ward_plan_kind_def(kind))
        return ward_fail(err, WARD_ERR_UNKNOWN_KIND, "kind %u", (unsigned)kind);
    struct search search = {.match = {.reference = reference, .len = strlen(reference)}, .code_field = code_field(kind)};
    int rc = narrow(r, kind, &search, err);
    if (rc == WARD_OK && search.match.len == 0)
        rc = ward_fail(err, WARD_ERR_NOT_FOUND, "an empty reference");
    if (rc == WARD_OK)
        rc = look_around(r, kind, &search, err);
    return rc ? rc : plan_match_end(&search.match, kind, out, err);
}

static void derive(struct ward_id *out, const char *prefix, const char *code)
{
    static const struct ward_id nobody;
    char text[16 + PLAN_CODE_MAX];
    size_t prefix_len = strlen(prefix), code_len = strlen(code);
    if (code_len > PLAN_CODE_MAX)
        code_len = PLAN_CODE_MAX; /* longer codes are refused when written */
    memcpy(text, prefix, prefix_len);
    memcpy(text + prefix_len, code, code_len);
    ward_id_derive(out, &nobody, text, prefix_len + code_len);
}

void ward_plan_unit_id(struct ward_id *out, const char *code)
{
    derive(out, "unit:", code);
}

void ward_plan_plan_id(struct ward_id *out, const char *code)
{
    derive(out, "plan:", code);
}

void ward_plan_event_id(struct ward_id *out, const char *name)
{
    derive(out, "event:", name);
}

void ward_plan_occurrence_id(struct ward_id *out, const struct ward_id *series, const struct ward_period *period)
{
    char text[WARD_PERIOD_TEXT];
    ward_period_format(text, period);
    ward_id_derive(out, series, text, strlen(text));
}
