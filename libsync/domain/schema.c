/* schema.c - the kinds of the plan. Each list below makes two tables: field definitions for the core, rules for the domain.
 * A number or name that was published is never used for something else. */
#include "domain/schema.h"

#include <string.h>

#include "wardsync_plan.h"

#define CODE  64
#define NAME  200
#define TITLE 600
#define LINE  1000
#define BODY  16000
#define ID    WARD_ID_BYTES

#define IMPORTED (PLAN_USER | PLAN_COLUMN)

/* F(field, column, user's name, label, type, policy, longest, content, flags) */
#define UNIT_FIELDS(F)                                                                                                                     \
    F(WARD_UNIT_CODE, "code", "code", "mã", TEXT, FIXED, CODE, PLAN_CODE, IMPORTED | PLAN_REQUIRED)                                        \
    F(WARD_UNIT_NAME, "name", "name", "tên", TEXT, CONFLICT, NAME, PLAN_LINE, IMPORTED | PLAN_REQUIRED)                                    \
    F(WARD_UNIT_KIND, "kind", "kind", "loại", TEXT, CONFLICT, CODE, PLAN_UNIT_KIND, IMPORTED | PLAN_REQUIRED)                              \
    F(WARD_UNIT_PARENT, "parent", "parent", "cấp trên trực tiếp", BYTES, CONFLICT, ID, PLAN_UNIT, IMPORTED)                                \
    F(WARD_UNIT_ROW, "imported", "imported", "dòng đã nhập", BYTES, LATEST, LINE, PLAN_PRINTS, 0)

#define PLAN_FIELDS(F)                                                                                                                     \
    F(WARD_PLAN_CODE, "code", "code", "mã", TEXT, FIXED, CODE, PLAN_CODE, IMPORTED | PLAN_REQUIRED)                                        \
    F(WARD_PLAN_NUMBER, "number", "number", "số", TEXT, CONFLICT, CODE, PLAN_LINE, IMPORTED)                                               \
    F(WARD_PLAN_ISSUER, "issuer", "issuer", "cơ quan ban hành", TEXT, CONFLICT, NAME, PLAN_LINE, IMPORTED)                                 \
    F(WARD_PLAN_ISSUED, "issued", "issued", "ngày ban hành", TEXT, CONFLICT, CODE, PLAN_DATE, IMPORTED)                                    \
    F(WARD_PLAN_TITLE, "title", "title", "tiêu đề", TEXT, CONFLICT, TITLE, PLAN_LINE, IMPORTED | PLAN_REQUIRED)                            \
    F(WARD_PLAN_BASIS, "basis", "basis", "căn cứ", TEXT, CONFLICT, LINE, PLAN_TEXT, IMPORTED)                                              \
    F(WARD_PLAN_OWNER, "owner", "owner", "đơn vị quyết định", BYTES, CONFLICT, ID, PLAN_UNIT, IMPORTED)                                    \
    F(WARD_PLAN_SELECT_MAX, "select_max", "select_max", "số mô hình được chọn tối đa", INT, CONFLICT, 0, PLAN_COUNT, IMPORTED)             \
    F(WARD_PLAN_SELECTED, "selected", "selected", "mô hình được chọn", BYTES, CONFLICT, BODY, PLAN_PROPOSALS, 0)                           \
    F(WARD_PLAN_ROW, "imported", "imported", "dòng đã nhập", BYTES, LATEST, LINE, PLAN_PRINTS, 0)

#define TASK_FIELDS(F)                                                                                                                     \
    F(WARD_TASK_CODE, "code", "code", "mã", TEXT, FIXED, CODE, PLAN_CODE, IMPORTED | PLAN_REQUIRED)                                        \
    F(WARD_TASK_PLAN, "plan", "plan", "kế hoạch", BYTES, CONFLICT, ID, PLAN_PLAN, PLAN_USER)                                               \
    F(WARD_TASK_SECTION, "section", "section", "mục", TEXT, CONFLICT, CODE, PLAN_CODE, IMPORTED)                                           \
    F(WARD_TASK_LEAD, "lead", "lead", "chủ trì", BYTES, CONFLICT, ID, PLAN_UNIT, IMPORTED | PLAN_REQUIRED)                                 \
    F(WARD_TASK_DUE, "due", "due", "thời hạn", TEXT, CONFLICT, CODE, PLAN_DUE, IMPORTED)                                                   \
    F(WARD_TASK_TARGET, "target", "target", "chỉ tiêu", INT, CONFLICT, 0, PLAN_COUNT, IMPORTED)                                            \
    F(WARD_TASK_MEASURE, "measure", "measure", "đơn vị tính", TEXT, CONFLICT, NAME, PLAN_LINE, IMPORTED)                                   \
    F(WARD_TASK_CHECKER, "checker", "checker", "đơn vị kiểm tra", BYTES, CONFLICT, ID, PLAN_UNIT, IMPORTED)                                \
    F(WARD_TASK_SERIES, "series", "series", "nhiệm vụ định kỳ", BYTES, FIXED, ID, PLAN_TASK, 0)                                            \
    F(WARD_TASK_PERIOD, "period", "period", "kỳ", TEXT, FIXED, CODE, PLAN_PERIOD, 0)                                                       \
    F(WARD_TASK_MOVED_FROM, "moved_from", "moved_from", "chuyển từ", BYTES, FIXED, ID, PLAN_TASK, 0)                                       \
    F(WARD_TASK_MOVED_TO, "moved_to", "moved_to", "chuyển đến", BYTES, CONFLICT, ID, PLAN_TASK, 0)                                         \
    F(WARD_TASK_ROW, "imported", "imported", "dòng đã nhập", BYTES, LATEST, LINE, PLAN_PRINTS, 0)                                          \
    F(WARD_TASK_TITLE, "title", "title", "nội dung", TEXT, CONFLICT, TITLE, PLAN_LINE, IMPORTED | PLAN_REQUIRED)                           \
    F(WARD_TASK_BODY, "body", "body", "chi tiết", TEXT, CONFLICT, BODY, PLAN_TEXT, IMPORTED)                                               \
    F(WARD_TASK_PRODUCT, "product", "product", "sản phẩm đầu ra", TEXT, CONFLICT, LINE, PLAN_TEXT, IMPORTED)                               \
    F(WARD_TASK_PERSON, "person", "person", "người chịu trách nhiệm", TEXT, CONFLICT, NAME, PLAN_LINE, IMPORTED)                           \
    F(WARD_TASK_BUDGET, "budget", "budget", "kinh phí, nguồn lực", TEXT, CONFLICT, LINE, PLAN_TEXT, IMPORTED)                              \
    F(WARD_TASK_STATUS, "status", "status", "trạng thái", TEXT, CONFLICT, CODE, PLAN_STATUS, PLAN_USER)                                    \
    F(WARD_TASK_PERCENT, "percent", "percent", "phần trăm", INT, CONFLICT, 0, PLAN_PERCENT, PLAN_USER)                                     \
    F(WARD_TASK_OBSTACLE, "obstacle", "obstacle", "khó khăn, vướng mắc", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)                       \
    F(WARD_TASK_WAY_OUT, "way_out", "way_out", "đề xuất tháo gỡ", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)                              \
    F(WARD_TASK_WITH, "with_units", "with", "phối hợp", BOOL, ADD_WINS, 0, PLAN_UNITS, IMPORTED)                                           \
    F(WARD_TASK_DOCUMENTS, "documents", "documents", "tài liệu", BOOL, ADD_WINS, 0, PLAN_REFERENCES, IMPORTED)                             \
    F(WARD_TASK_REACHED, "reached", "reached", "đã đạt", INT, SUM, 0, PLAN_TALLY, PLAN_USER)

#define NOTE_FIELDS(F)                                                                                                                     \
    F(WARD_NOTE_TASK, "task", "task", "nhiệm vụ", BYTES, FIXED, ID, PLAN_TASK, PLAN_REQUIRED)                                              \
    F(WARD_NOTE_TEXT, "text", "text", "ghi chú", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER | PLAN_REQUIRED)

#define REPORT_FIELDS(F)                                                                                                                   \
    F(WARD_REPORT_UNIT, "unit", "unit", "đơn vị", BYTES, FIXED, ID, PLAN_UNIT, PLAN_REQUIRED)                                              \
    F(WARD_REPORT_TASK, "task", "task", "nhiệm vụ", BYTES, FIXED, ID, PLAN_TASK, 0)                                                        \
    F(WARD_REPORT_PERIOD, "period", "period", "kỳ báo cáo", TEXT, FIXED, CODE, PLAN_PERIOD, PLAN_USER)                                     \
    F(WARD_REPORT_TITLE, "title", "title", "tiêu đề", TEXT, CONFLICT, TITLE, PLAN_LINE, PLAN_USER | PLAN_REQUIRED)                         \
    F(WARD_REPORT_BODY, "body", "body", "nội dung", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)                                            \
    F(WARD_REPORT_OBSTACLE, "obstacle", "obstacle", "khó khăn, vướng mắc", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)                     \
    F(WARD_REPORT_WAY_OUT, "way_out", "way_out", "đề xuất tháo gỡ", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)

#define PROPOSAL_FIELDS(F)                                                                                                                 \
    F(WARD_PROPOSAL_CODE, "code", "code", "mã", TEXT, FIXED, CODE, PLAN_CODE, IMPORTED | PLAN_REQUIRED)                                    \
    F(WARD_PROPOSAL_PLAN, "plan", "plan", "kế hoạch", BYTES, FIXED, ID, PLAN_PLAN, PLAN_USER)                                              \
    F(WARD_PROPOSAL_UNIT, "unit", "unit", "đơn vị đề xuất", BYTES, FIXED, ID, PLAN_UNIT, IMPORTED | PLAN_REQUIRED)                         \
    F(WARD_PROPOSAL_ORIGIN, "origin", "origin", "nguồn", TEXT, FIXED, CODE, PLAN_ORIGIN, IMPORTED | PLAN_REQUIRED)                         \
    F(WARD_PROPOSAL_ROW, "imported", "imported", "dòng đã nhập", BYTES, LATEST, LINE, PLAN_PRINTS, 0)                                      \
    F(WARD_PROPOSAL_STATE, "state", "state", "tình trạng", TEXT, CONFLICT, CODE, PLAN_STATE, PLAN_USER)                                    \
    F(WARD_PROPOSAL_TITLE, "title", "title", "tên mô hình", TEXT, CONFLICT, TITLE, PLAN_LINE, IMPORTED | PLAN_REQUIRED)                    \
    F(WARD_PROPOSAL_PURPOSE, "purpose", "purpose", "mục đích, yêu cầu", TEXT, CONFLICT, BODY, PLAN_TEXT, IMPORTED)                         \
    F(WARD_PROPOSAL_TARGETS, "targets", "targets", "mục tiêu", TEXT, CONFLICT, BODY, PLAN_TEXT, IMPORTED)                                  \
    F(WARD_PROPOSAL_MEASURES, "measures", "measures", "biện pháp", TEXT, CONFLICT, BODY, PLAN_TEXT, IMPORTED)                              \
    F(WARD_PROPOSAL_RESOURCES, "resources", "resources", "nguồn lực", TEXT, CONFLICT, BODY, PLAN_TEXT, IMPORTED)                           \
    F(WARD_PROPOSAL_ROADMAP, "roadmap", "roadmap", "lộ trình", TEXT, CONFLICT, BODY, PLAN_TEXT, IMPORTED)                                  \
    F(WARD_PROPOSAL_ASSIGNED, "assigned", "assigned", "phân công", TEXT, CONFLICT, BODY, PLAN_TEXT, IMPORTED)

#define FINDING_FIELDS(F)                                                                                                                  \
    F(WARD_FINDING_BY, "by_unit", "by", "đơn vị kiểm tra", BYTES, FIXED, ID, PLAN_UNIT, PLAN_REQUIRED)                                     \
    F(WARD_FINDING_UNIT, "unit", "unit", "đơn vị được kiểm tra", BYTES, FIXED, ID, PLAN_UNIT, PLAN_REQUIRED)                               \
    F(WARD_FINDING_TASK, "task", "task", "nhiệm vụ", BYTES, FIXED, ID, PLAN_TASK, 0)                                                       \
    F(WARD_FINDING_TITLE, "title", "title", "tiêu đề", TEXT, CONFLICT, TITLE, PLAN_LINE, PLAN_USER | PLAN_REQUIRED)                        \
    F(WARD_FINDING_BODY, "body", "body", "nội dung", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)                                           \
    F(WARD_FINDING_DUE, "due", "due", "hạn khắc phục", TEXT, CONFLICT, CODE, PLAN_DEADLINE, PLAN_USER)                                     \
    F(WARD_FINDING_STATUS, "status", "status", "trạng thái", TEXT, CONFLICT, CODE, PLAN_MENDING, PLAN_USER)                                \
    F(WARD_FINDING_ACTION, "action", "action", "biện pháp khắc phục", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)

#define EVENT_FIELDS(F)                                                                                                                    \
    F(WARD_PLAN_EVENT_NAME, "name", "name", "tên", TEXT, FIXED, CODE, PLAN_CODE, PLAN_REQUIRED)                                            \
    F(WARD_PLAN_EVENT_ON, "happened_on", "on", "ngày", TEXT, CONFLICT, CODE, PLAN_DATE, PLAN_USER | PLAN_REQUIRED)                         \
    F(WARD_PLAN_EVENT_TEXT, "text", "text", "nội dung", TEXT, CONFLICT, LINE, PLAN_TEXT, PLAN_USER)

#define EVALUATION_FIELDS(F)                                                                                                               \
    F(WARD_EVALUATION_UNIT, "unit", "unit", "đơn vị", BYTES, FIXED, ID, PLAN_UNIT, PLAN_REQUIRED)                                          \
    F(WARD_EVALUATION_YEAR, "year", "year", "năm", INT, FIXED, 0, PLAN_YEAR, PLAN_REQUIRED)                                                \
    F(WARD_EVALUATION_RATING, "rating", "rating", "xếp loại", TEXT, CONFLICT, CODE, PLAN_RATING, PLAN_USER)                                \
    F(WARD_EVALUATION_BASIS, "basis", "basis", "căn cứ", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)                                       \
    F(WARD_EVALUATION_SELF_RATING, "self_rating", "self_rating", "tự xếp loại", TEXT, CONFLICT, CODE, PLAN_RATING, PLAN_USER)              \
    F(WARD_EVALUATION_SELF_TEXT, "self_text", "self_text", "tự đánh giá", TEXT, CONFLICT, BODY, PLAN_TEXT, PLAN_USER)

/* K(kind, its name, fields, label), ascending by number */
#define KINDS(K)                                                                                                                           \
    K(WARD_KIND_UNIT, unit, UNIT_FIELDS, "đơn vị")                                                                                         \
    K(WARD_KIND_PLAN, plan, PLAN_FIELDS, "kế hoạch")                                                                                       \
    K(WARD_KIND_TASK, task, TASK_FIELDS, "nhiệm vụ")                                                                                       \
    K(WARD_KIND_NOTE, note, NOTE_FIELDS, "ghi chú")                                                                                        \
    K(WARD_KIND_REPORT, report, REPORT_FIELDS, "báo cáo")                                                                                  \
    K(WARD_KIND_PROPOSAL, proposal, PROPOSAL_FIELDS, "đề xuất mô hình")                                                                    \
    K(WARD_KIND_FINDING, finding, FINDING_FIELDS, "kết quả kiểm tra")                                                                      \
    K(WARD_KIND_EVENT, event, EVENT_FIELDS, "sự kiện")                                                                                     \
    K(WARD_KIND_EVALUATION, evaluation, EVALUATION_FIELDS, "đánh giá, xếp loại")

#define AS_DEF(number, column, user, label, type, policy, longest, content, flags) {number, column, WARD_##type, WARD_##policy, longest},
#define AS_DEFS(number, name, fields, label)                                       static const struct ward_field_def defs_of_##name[] = {fields(AS_DEF)};
KINDS(AS_DEFS)

#define AS_RULE(number, column, user, label, type, policy, longest, content, flags)                                                        \
    {{number, column, WARD_##type, WARD_##policy, longest}, user, label, content, flags},
#define AS_RULES(number, name, fields, label) static const struct plan_rule rules_of_##name[] = {fields(AS_RULE)};
KINDS(AS_RULES)

#define AS_KIND(number, name, fields, label) {number, #name, defs_of_##name, sizeof defs_of_##name / sizeof defs_of_##name[0]},
static const struct ward_kind_def kinds[] = {KINDS(AS_KIND)};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

#define AS_FACE(number, name, fields, label) {rules_of_##name, label},
static const struct {
    const struct plan_rule *rules;
    const char *label_vi;
} faces[] = {KINDS(AS_FACE)}; /* beside kinds */

static const struct ward_index_def indexes[WARD_PLAN_INDEXES] = {
    [WARD_TASKS_BY_CODE] = {.kind = WARD_KIND_TASK, .by = {WARD_TASK_CODE}},
    [WARD_TASKS_BY_UNIT] = {.kind = WARD_KIND_TASK, .by = {WARD_TASK_LEAD, WARD_TASK_CODE}, .or_by = WARD_TASK_WITH},
    [WARD_TASKS_BY_STATE] = {.kind = WARD_KIND_TASK, .by = {WARD_TASK_STATUS, WARD_TASK_DUE, WARD_TASK_CODE}},
    [WARD_TASKS_BY_SECTION] = {.kind = WARD_KIND_TASK, .by = {WARD_TASK_SECTION, WARD_TASK_CODE}},
    [WARD_NOTES_BY_TASK] = {.kind = WARD_KIND_NOTE, .by = {WARD_NOTE_TASK}},
    [WARD_REPORTS] = {.kind = WARD_KIND_REPORT},
    [WARD_REPORTS_BY_TASK] = {.kind = WARD_KIND_REPORT, .by = {WARD_REPORT_TASK}},
    [WARD_REPORTS_BY_UNIT] = {.kind = WARD_KIND_REPORT, .by = {WARD_REPORT_UNIT}},
    [WARD_REPORTS_BY_PERIOD] = {.kind = WARD_KIND_REPORT, .by = {WARD_REPORT_PERIOD}},
    [WARD_PROPOSALS_BY_CODE] = {.kind = WARD_KIND_PROPOSAL, .by = {WARD_PROPOSAL_CODE}},
    [WARD_FINDINGS] = {.kind = WARD_KIND_FINDING},
    [WARD_FINDINGS_BY_TASK] = {.kind = WARD_KIND_FINDING, .by = {WARD_FINDING_TASK}},
    [WARD_UNITS_PROPOSED] = {.kind = WARD_KIND_UNIT, .by = {WARD_BY_PROPOSED}},
    [WARD_PLANS_PROPOSED] = {.kind = WARD_KIND_PLAN, .by = {WARD_BY_PROPOSED}},
    [WARD_TASKS_PROPOSED] = {.kind = WARD_KIND_TASK, .by = {WARD_BY_PROPOSED, WARD_TASK_CODE}},
    [WARD_NOTES_PROPOSED] = {.kind = WARD_KIND_NOTE, .by = {WARD_BY_PROPOSED}},
    [WARD_REPORTS_PROPOSED] = {.kind = WARD_KIND_REPORT, .by = {WARD_BY_PROPOSED}},
    [WARD_PROPOSALS_PROPOSED] = {.kind = WARD_KIND_PROPOSAL, .by = {WARD_BY_PROPOSED}},
    [WARD_FINDINGS_PROPOSED] = {.kind = WARD_KIND_FINDING, .by = {WARD_BY_PROPOSED}},
    [WARD_EVENTS_PROPOSED] = {.kind = WARD_KIND_EVENT, .by = {WARD_BY_PROPOSED}},
    [WARD_EVALUATIONS_PROPOSED] = {.kind = WARD_KIND_EVALUATION, .by = {WARD_BY_PROPOSED}},
};

static const struct ward_schema schema = {
    .kinds = kinds, .kind_count = KIND_COUNT, .version = 1, .indexes = indexes, .index_count = WARD_PLAN_INDEXES};

const struct ward_schema *ward_plan_schema(void)
{
    return &schema;
}

const struct ward_kind_def *ward_plan_kind_def(uint32_t kind)
{
    return kind >= WARD_KIND_UNIT && kind - WARD_KIND_UNIT < KIND_COUNT ? &kinds[kind - WARD_KIND_UNIT] : NULL;
}

const struct plan_rule *plan_rules(uint32_t kind, size_t *count)
{
    const struct ward_kind_def *def = ward_plan_kind_def(kind);
    *count = def ? def->field_count : 0;
    return def ? faces[kind - WARD_KIND_UNIT].rules : NULL;
}

const struct plan_rule *plan_rule(uint32_t kind, uint32_t field)
{
    size_t count;
    const struct plan_rule *rules = plan_rules(kind, &count);
    for (size_t i = 0; i < count; i++)
        if (rules[i].def.number == field)
            return &rules[i];
    return NULL;
}

const struct plan_rule *plan_rule_named(uint32_t kind, const char *user_name, size_t len)
{
    size_t count;
    const struct plan_rule *rules = plan_rules(kind, &count);
    for (size_t i = 0; i < count; i++)
        if (strlen(rules[i].user_name) == len && memcmp(rules[i].user_name, user_name, len) == 0)
            return &rules[i];
    return NULL;
}

const struct ward_field_def *ward_plan_field_def(uint32_t kind, uint32_t field)
{
    const struct plan_rule *rule = plan_rule(kind, field);
    return rule ? &rule->def : NULL;
}

const struct ward_field_def *ward_plan_field_named(uint32_t kind, const char *name)
{
    const struct plan_rule *rule = plan_rule_named(kind, name, strlen(name));
    return rule ? &rule->def : NULL;
}

const char *ward_plan_field_name(uint32_t kind, uint32_t field)
{
    const struct plan_rule *rule = plan_rule(kind, field);
    return rule ? rule->user_name : NULL;
}

const char *ward_plan_field_label(uint32_t kind, uint32_t field, enum ward_lang lang)
{
    const struct plan_rule *rule = plan_rule(kind, field);
    if (!rule)
        return NULL;
    return lang == WARD_LANG_VI ? rule->label_vi : rule->user_name;
}

const char *ward_plan_kind_label(uint32_t kind, enum ward_lang lang)
{
    const struct ward_kind_def *def = ward_plan_kind_def(kind);
    if (!def)
        return NULL;
    return lang == WARD_LANG_VI ? faces[kind - WARD_KIND_UNIT].label_vi : def->name;
}

int plan_content_words(enum plan_content content)
{
    switch (content) {
    case PLAN_STATUS:
        return WARD_WORDS_TASK_STATUS;
    case PLAN_UNIT_KIND:
        return WARD_WORDS_UNIT_KIND;
    case PLAN_STATE:
        return WARD_WORDS_PROPOSAL_STATE;
    case PLAN_MENDING:
        return WARD_WORDS_FINDING_STATUS;
    case PLAN_RATING:
        return WARD_WORDS_RATING;
    default:
        return -1;
    }
}

int ward_plan_field_words(uint32_t kind, uint32_t field)
{
    const struct plan_rule *rule = plan_rule(kind, field);
    return rule ? plan_content_words(rule->content) : -1;
}
