#include "domain/code.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "domain/ref.h"
#include "domain/text.h"

/* The greatest number after "PREFIX-" in use. */
struct survey {
    size_t skip; /* the prefix and its dash */
    int64_t greatest;
};

enum { FOUND = 1 };

/* Backwards: the first that is a number is the greatest. */
static int look(void *ctx, const struct ward_id *id, const struct ward_value *columns, size_t count)
{
    struct survey *survey = ctx;
    const char *code = (const char *)columns[0].p;
    (void)id, (void)count;
    if (columns[0].len <= survey->skip)
        return 0;
    return plan_int_parse(&survey->greatest, code + survey->skip, columns[0].len - survey->skip, 0, 999999, NULL) == WARD_OK ? FOUND : 0;
}

static int check_free(ward_replica *r, size_t index, const char *wanted, struct ward_error *err)
{
    struct ward_value code = ward_value_text(wanted);
    uint64_t taken;
    int rc = ward_find_count(r, &(struct ward_query){.index = index, .is = &code, .is_count = 1}, &taken, err);
    return rc == WARD_OK && taken ? ward_fail(err, WARD_ERR_EXISTS, "code '%s' is taken", wanted) : rc;
}

int plan_code_assign(ward_replica *r, struct plan_form *form, const char *wanted, const char *prefix, struct ward_error *err)
{
    uint32_t field = form->kind == WARD_KIND_TASK ? (uint32_t)WARD_TASK_CODE : (uint32_t)WARD_PROPOSAL_CODE;
    size_t index = (size_t)plan_code_index(form->kind);
    struct survey survey = {.greatest = 0};
    char next[PLAN_CODE_MAX + 1], begin[PLAN_CODE_MAX + 1];
    int rc = wanted ? plan_code_check(wanted, strlen(wanted), err) : WARD_OK;
    if (rc)
        return ward_at(err, rc, "code");
    if (wanted) {
        rc = check_free(r, index, wanted, err);
        return rc ? rc : plan_form_set_text(form, field, wanted, err);
    }
    int len = snprintf(begin, sizeof begin, "%s-", prefix);
    if (len < 0 || (size_t)len >= sizeof begin)
        return ward_fail(err, WARD_ERR_VALUE, "no room for a number after '%s'", prefix);
    survey.skip = (size_t)len;
    rc = ward_find_entries(r, &(struct ward_query){.index = index, .begins = begin, .backward = true}, look, &survey, err);
    if (rc && rc != FOUND)
        return rc;
    int n = snprintf(next, sizeof next, "%s-%02lld", prefix, (long long)survey.greatest + 1);
    if (n < 0 || (size_t)n >= sizeof next)
        return ward_fail(err, WARD_ERR_VALUE, "no room for a number after '%s'", prefix);
    return plan_form_set_text(form, field, next, err);
}
