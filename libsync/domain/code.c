#include "domain/code.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "domain/text.h"

/* Looks through the codes of a kind for one code and for the greatest number after "PREFIX-". */
struct survey {
    uint32_t field;
    const char *wanted;
    const char *prefix;
    size_t taken;
    int64_t greatest;
};

static int look(void *ctx, const ward_record *rec)
{
    struct survey *survey = ctx;
    struct ward_value v = ward_record_value(rec, survey->field);
    const char *code = (const char *)v.p;
    size_t prefix_len = strlen(survey->prefix);
    int64_t number;
    if (v.type != WARD_TEXT)
        return 0;
    if (survey->wanted && v.len == strlen(survey->wanted) && memcmp(code, survey->wanted, v.len) == 0)
        survey->taken++;
    if (v.len > prefix_len + 1 && memcmp(code, survey->prefix, prefix_len) == 0 && code[prefix_len] == '-' &&
        plan_int_parse(&number, code + prefix_len + 1, v.len - prefix_len - 1, 0, 999999, NULL) == WARD_OK && number > survey->greatest)
        survey->greatest = number;
    return 0;
}

int plan_code_assign(ward_replica *r, struct plan_form *form, const char *wanted, const char *prefix, struct ward_error *err)
{
    uint32_t field = form->kind == WARD_KIND_TASK ? (uint32_t)WARD_TASK_CODE : (uint32_t)WARD_PROPOSAL_CODE;
    struct survey survey = {.field = field, .wanted = wanted, .prefix = prefix};
    char next[PLAN_CODE_MAX + 1];
    int rc = wanted ? plan_code_check(wanted, strlen(wanted), err) : WARD_OK;
    if (rc)
        return ward_at(err, rc, "code");
    rc = ward_each(r, form->kind, look, &survey, err);
    if (rc)
        return rc;
    if (survey.taken)
        return ward_fail(err, WARD_ERR_EXISTS, "code '%s' is taken", wanted);
    if (wanted)
        return plan_form_set_text(form, field, wanted, err);
    int n = snprintf(next, sizeof next, "%s-%02lld", prefix, (long long)survey.greatest + 1);
    if (n < 0 || (size_t)n >= sizeof next)
        return ward_fail(err, WARD_ERR_VALUE, "no room for a number after '%s'", prefix);
    return plan_form_set_text(form, field, next, err);
}
