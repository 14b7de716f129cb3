/* show.c - stored values as users read them. */
#include <stdio.h>
#include <string.h>

#include "domain/ref.h"
#include "domain/schema.h"
#include "domain/text.h"
#include "wardsync_plan.h"

/* A string being written; what does not fit is left out. */
struct sheet {
    char *p;
    size_t size, at;
};

static void add(struct sheet *out, const char *text, size_t len)
{
    size_t room = out->size - 1 - out->at;
    if (len > room) {
        len = room;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--; /* not within a character */
        out->size = out->at + len + 1;
    }
    memcpy(out->p + out->at, text, len);
    out->at += len;
    out->p[out->at] = 0;
}

/* The code of a task or proposal, or the first digits of the id where there is none. */
static void add_record(struct sheet *out, ward_replica *r, uint32_t kind, const struct ward_id *id)
{
    char hex[WARD_ID_HEX];
    ward_record *rec = NULL;
    struct ward_value code = ward_value_null();
    if (ward_get(r, kind, id, true, &rec, NULL) == WARD_OK)
        code = ward_record_value(rec, kind == WARD_KIND_TASK ? (uint32_t)WARD_TASK_CODE : (uint32_t)WARD_PROPOSAL_CODE);
    ward_id_hex(hex, id);
    if (code.type == WARD_TEXT && code.len > 0)
        add(out, (const char *)code.p, code.len);
    else
        add(out, hex, 8);
    ward_record_free(rec);
}

static void add_reference(struct sheet *out, ward_replica *r, const ward_plan_index *index, enum plan_content content,
                          const struct ward_id *id)
{
    const char *code = NULL;
    if (content == PLAN_UNIT) {
        const struct ward_unit *unit = ward_plan_index_unit_by_id(index, id);
        code = unit ? unit->code : NULL;
    } else if (content == PLAN_PLAN) {
        const struct ward_plan *plan = ward_plan_index_plan_by_id(index, id);
        code = plan ? plan->code : NULL;
    } else {
        add_record(out, r, content == PLAN_TASK ? WARD_KIND_TASK : WARD_KIND_PROPOSAL, id);
        return;
    }
    char hex[WARD_ID_HEX];
    ward_id_hex(hex, id);
    add(out, code ? code : hex, code ? strlen(code) : 8);
}

static void add_bytes(struct sheet *out, ward_replica *r, const ward_plan_index *index, const struct plan_rule *rule,
                      const struct ward_value *value)
{
    enum plan_content content = rule ? rule->content : PLAN_PRINTS;
    bool references = content == PLAN_UNIT || content == PLAN_PLAN || content == PLAN_TASK || content == PLAN_PROPOSALS;
    if (!references || value->len % WARD_ID_BYTES != 0) {
        char text[40];
        add(out, text, (size_t)snprintf(text, sizeof text, "%zu bytes", value->len));
        return;
    }
    for (size_t at = 0; at < value->len; at += WARD_ID_BYTES) {
        struct ward_id id;
        memcpy(id.b, value->p + at, sizeof id.b);
        if (at > 0)
            add(out, ",", 1);
        add_reference(out, r, index, content, &id);
    }
}

static void add_text(struct sheet *out, const struct plan_rule *rule, const struct ward_value *value, enum ward_lang lang)
{
    const char *text = (const char *)value->p;
    int list = rule ? plan_content_words(rule->content) : -1;
    int word = list >= 0 ? ward_word_index((enum ward_word_list)list, text, value->len) : -1;
    if (word < 0) {
        add(out, text, value->len);
        return;
    }
    const char *label = ward_word_label((enum ward_word_list)list, (size_t)word, lang);
    add(out, label, strlen(label));
}

void ward_plan_value_text(ward_replica *r, const ward_plan_index *index, uint32_t kind, uint32_t field, const struct ward_value *value,
                          enum ward_lang lang, char *out, size_t out_size)
{
    const struct plan_rule *rule = plan_rule(kind, field);
    struct sheet sheet = {out, out_size, 0};
    char number[24];
    if (out_size == 0)
        return;
    out[0] = 0;
    switch (value->type) {
    case WARD_NULL:
        break;
    case WARD_BOOL:
        add(&sheet, value->boolean ? "true" : "false", value->boolean ? 4 : 5);
        break;
    case WARD_INT:
        add(&sheet, number, (size_t)snprintf(number, sizeof number, "%lld", (long long)value->integer));
        break;
    case WARD_TEXT:
        add_text(&sheet, rule, value, lang);
        break;
    case WARD_BYTES:
    case WARD_ARRAY:
        add_bytes(&sheet, r, index, rule, value);
        break;
    }
}
