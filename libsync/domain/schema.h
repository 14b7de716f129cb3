/* schema.h - what the domain knows of a field beyond struct ward_field_def: how its text is read and who may write it. */
#ifndef WARD_DOMAIN_SCHEMA_H
#define WARD_DOMAIN_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wardsync.h"

/* How FIELD=VALUE, a cell of a plan file or a stored value is read and shown. */
enum plan_content {
    PLAN_TEXT,      /* lines of text */
    PLAN_LINE,      /* one line */
    PLAN_CODE,      /* a human code */
    PLAN_DATE,      /* a day */
    PLAN_DUE,       /* any form of due date */
    PLAN_DEADLINE,  /* a day, month or quarter */
    PLAN_PERIOD,    /* a round */
    PLAN_STATUS,    /* words */
    PLAN_UNIT_KIND, /* ... */
    PLAN_STATE,
    PLAN_MENDING,
    PLAN_RATING,
    PLAN_ORIGIN,  /* given, own */
    PLAN_COUNT,   /* a whole number, 0 or more */
    PLAN_PERCENT, /* 0 ... 100 */
    PLAN_YEAR,
    PLAN_UNIT, /* a reference to a record of that kind */
    PLAN_PLAN,
    PLAN_TASK,
    PLAN_PROPOSALS,  /* ids one after another */
    PLAN_UNITS,      /* members: units */
    PLAN_REFERENCES, /* members: texts */
    PLAN_TALLY,      /* +N, -N */
    PLAN_PRINTS      /* fingerprints of an imported row */
};

enum plan_field_flag {
    PLAN_USER = 1,    /* users may set it by FIELD=VALUE */
    PLAN_COLUMN = 2,  /* a plan file may have it as a column */
    PLAN_REQUIRED = 4 /* never empty */
};

struct plan_rule {
    struct ward_field_def def;
    const char *user_name; /* in FIELD=VALUE and as a column */
    const char *label_vi;
    enum plan_content content;
    unsigned flags;
};

/* NULL where there is none. */
const struct plan_rule *plan_rule(uint32_t kind, uint32_t field);
const struct plan_rule *plan_rule_named(uint32_t kind, const char *user_name, size_t len);
/* All of a kind, in the order of its fields. Count 0 for an unknown kind. */
const struct plan_rule *plan_rules(uint32_t kind, size_t *count);
/* The list of words (enum ward_word_list) of a content, or -1. */
int plan_content_words(enum plan_content content);

#endif
