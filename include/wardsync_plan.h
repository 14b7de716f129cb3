/* wardsync_plan.h - a ward's plan and the units that carry it out: kinds, dates and operations over a replica of wardsync.h.
 *
 * Conventions are those of wardsync.h. Dates are calendar dates without a zone; "today" always comes from the caller. Text given to a
 * function is checked (UTF-8, length, syntax) and nothing is written unless all of it is good. Each operation that writes is one
 * transaction of its own and must not be called while the caller has a ward_txn open on the replica. Words that are stored are ASCII and
 * never translated.
 *
 * Where records live:
 *   unit, plan, event     the ward space (written by operators and the hub)
 *   task                  the circle of its lead and co-operating units
 *   note                  the space of its task
 *   report                the space of its task, or the circle of its unit
 *   proposal              the circle of the proposing unit and the plan's owner (the plan's field owner), if it has one
 *   finding               the circle of the inspecting and the inspected unit
 *   evaluation            the circle of its unit
 *
 * Whose word counts: what is assigned (due, lead, target ...) is of class governed, so that an operator's value is not replaced by a
 * unit's; what the work yields (status, percent, obstacle ...) is open to all who may write in the space.
 */
#ifndef WARDSYNC_PLAN_H
#define WARDSYNC_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wardsync.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* ---------------------------------------------------------------- schema */

enum ward_plan_kind_number {
    WARD_KIND_UNIT = 16,
    WARD_KIND_PLAN = 17,
    WARD_KIND_TASK = 18,
    WARD_KIND_NOTE = 19,
    WARD_KIND_REPORT = 20,
    WARD_KIND_PROPOSAL = 21,
    WARD_KIND_FINDING = 22,
    WARD_KIND_EVENT = 23,
    WARD_KIND_EVALUATION = 24
};

/* References to other records are their 16-byte ids. Fields marked "fixed" never change once set. */
enum ward_unit_field {
    WARD_UNIT_CODE = WARD_FIELD(WARD_GOVERNED, 1),   /* text, fixed: the unit's id follows from it */
    WARD_UNIT_NAME = WARD_FIELD(WARD_GOVERNED, 2),   /* text */
    WARD_UNIT_KIND = WARD_FIELD(WARD_GOVERNED, 3),   /* word of enum ward_unit_kind */
    WARD_UNIT_PARENT = WARD_FIELD(WARD_GOVERNED, 4), /* unit */
    WARD_UNIT_ROW = WARD_FIELD(WARD_GOVERNED, 5)     /* bytes: fingerprints of the row it was imported from */
};

enum ward_plan_field {
    WARD_PLAN_CODE = WARD_FIELD(WARD_GOVERNED, 1),       /* text, fixed: the plan's id follows from it */
    WARD_PLAN_NUMBER = WARD_FIELD(WARD_GOVERNED, 2),     /* text: the document's number */
    WARD_PLAN_ISSUER = WARD_FIELD(WARD_GOVERNED, 3),     /* text */
    WARD_PLAN_ISSUED = WARD_FIELD(WARD_GOVERNED, 4),     /* date */
    WARD_PLAN_TITLE = WARD_FIELD(WARD_GOVERNED, 5),      /* text */
    WARD_PLAN_BASIS = WARD_FIELD(WARD_GOVERNED, 6),      /* text: the higher documents it carries out */
    WARD_PLAN_OWNER = WARD_FIELD(WARD_GOVERNED, 7),      /* unit that decides on proposals */
    WARD_PLAN_SELECT_MAX = WARD_FIELD(WARD_GOVERNED, 8), /* integer: how many proposals may be selected */
    /* bytes: ids of the selected proposals, ascending, one after another. One slot for all, so that two operators who select
     * different ones while apart are a conflict. */
    WARD_PLAN_SELECTED = WARD_FIELD(WARD_GOVERNED, 9),
    WARD_PLAN_ROW = WARD_FIELD(WARD_GOVERNED, 10)
};

enum ward_task_field {
    WARD_TASK_CODE = WARD_FIELD(WARD_GOVERNED, 1),        /* text, fixed */
    WARD_TASK_PLAN = WARD_FIELD(WARD_GOVERNED, 2),        /* plan */
    WARD_TASK_SECTION = WARD_FIELD(WARD_GOVERNED, 3),     /* text: II.3.1 */
    WARD_TASK_LEAD = WARD_FIELD(WARD_GOVERNED, 4),        /* unit */
    WARD_TASK_DUE = WARD_FIELD(WARD_GOVERNED, 5),         /* text of ward_due_format */
    WARD_TASK_TARGET = WARD_FIELD(WARD_GOVERNED, 6),      /* integer */
    WARD_TASK_MEASURE = WARD_FIELD(WARD_GOVERNED, 7),     /* text: what the target counts */
    WARD_TASK_CHECKER = WARD_FIELD(WARD_GOVERNED, 8),     /* unit that checks it */
    WARD_TASK_SERIES = WARD_FIELD(WARD_GOVERNED, 9),      /* task, fixed: this is one round of it */
    WARD_TASK_PERIOD = WARD_FIELD(WARD_GOVERNED, 10),     /* text, fixed: which round */
    WARD_TASK_MOVED_FROM = WARD_FIELD(WARD_GOVERNED, 11), /* task, fixed: what it was in another circle */
    WARD_TASK_MOVED_TO = WARD_FIELD(WARD_GOVERNED, 12),   /* task: what became of it (the record is deleted) */
    WARD_TASK_ROW = WARD_FIELD(WARD_GOVERNED, 13),
    WARD_TASK_TITLE = WARD_FIELD(WARD_OPEN, 14),
    WARD_TASK_BODY = WARD_FIELD(WARD_OPEN, 15),
    WARD_TASK_PRODUCT = WARD_FIELD(WARD_OPEN, 16), /* expected product */
    WARD_TASK_PERSON = WARD_FIELD(WARD_OPEN, 17),  /* responsible person or post */
    WARD_TASK_BUDGET = WARD_FIELD(WARD_OPEN, 18),  /* money and other resources */
    WARD_TASK_STATUS = WARD_FIELD(WARD_OPEN, 19),  /* word of enum ward_task_status; nothing written: todo */
    WARD_TASK_PERCENT = WARD_FIELD(WARD_OPEN, 20), /* integer 0 ... 100 */
    WARD_TASK_OBSTACLE = WARD_FIELD(WARD_OPEN, 21),
    WARD_TASK_WAY_OUT = WARD_FIELD(WARD_OPEN, 22),     /* proposed for the obstacle */
    WARD_TASK_WITH = WARD_FIELD(WARD_MEMBER, 23),      /* set of units */
    WARD_TASK_DOCUMENTS = WARD_FIELD(WARD_MEMBER, 24), /* set of references, text of at most 64 bytes */
    WARD_TASK_REACHED = WARD_FIELD(WARD_TALLY, 25)     /* towards the target */
};

enum ward_note_field {
    WARD_NOTE_TASK = WARD_FIELD(WARD_GOVERNED, 1), /* fixed */
    WARD_NOTE_TEXT = WARD_FIELD(WARD_OPEN, 2)
};

enum ward_report_field {
    WARD_REPORT_UNIT = WARD_FIELD(WARD_GOVERNED, 1),   /* who reports, fixed */
    WARD_REPORT_TASK = WARD_FIELD(WARD_GOVERNED, 2),   /* on what, fixed; nothing: on the unit's period */
    WARD_REPORT_PERIOD = WARD_FIELD(WARD_GOVERNED, 3), /* text of ward_period_format, fixed; nothing: ad hoc */
    WARD_REPORT_TITLE = WARD_FIELD(WARD_OPEN, 4),
    WARD_REPORT_BODY = WARD_FIELD(WARD_OPEN, 5),
    WARD_REPORT_OBSTACLE = WARD_FIELD(WARD_OPEN, 6),
    WARD_REPORT_WAY_OUT = WARD_FIELD(WARD_OPEN, 7)
};

enum ward_proposal_field {
    WARD_PROPOSAL_CODE = WARD_FIELD(WARD_GOVERNED, 1),   /* text, fixed */
    WARD_PROPOSAL_PLAN = WARD_FIELD(WARD_GOVERNED, 2),   /* fixed */
    WARD_PROPOSAL_UNIT = WARD_FIELD(WARD_GOVERNED, 3),   /* who proposes, fixed */
    WARD_PROPOSAL_ORIGIN = WARD_FIELD(WARD_GOVERNED, 4), /* "given" from above or "own", fixed; only own ones are selected */
    WARD_PROPOSAL_ROW = WARD_FIELD(WARD_GOVERNED, 5),
    WARD_PROPOSAL_STATE = WARD_FIELD(WARD_OPEN, 6), /* word of enum ward_proposal_state except "selected" (WARD_PLAN_SELECTED) */
    WARD_PROPOSAL_TITLE = WARD_FIELD(WARD_OPEN, 7),
    WARD_PROPOSAL_PURPOSE = WARD_FIELD(WARD_OPEN, 8), /* and requirements */
    WARD_PROPOSAL_TARGETS = WARD_FIELD(WARD_OPEN, 9),
    WARD_PROPOSAL_MEASURES = WARD_FIELD(WARD_OPEN, 10),
    WARD_PROPOSAL_RESOURCES = WARD_FIELD(WARD_OPEN, 11),
    WARD_PROPOSAL_ROADMAP = WARD_FIELD(WARD_OPEN, 12), /* with dates */
    WARD_PROPOSAL_ASSIGNED = WARD_FIELD(WARD_OPEN, 13) /* who is to do it */
};

enum ward_finding_field {
    WARD_FINDING_BY = WARD_FIELD(WARD_GOVERNED, 1),   /* inspecting unit, fixed */
    WARD_FINDING_UNIT = WARD_FIELD(WARD_GOVERNED, 2), /* inspected unit, fixed */
    WARD_FINDING_TASK = WARD_FIELD(WARD_GOVERNED, 3), /* fixed */
    WARD_FINDING_TITLE = WARD_FIELD(WARD_GOVERNED, 4),
    WARD_FINDING_BODY = WARD_FIELD(WARD_GOVERNED, 5),
    WARD_FINDING_DUE = WARD_FIELD(WARD_GOVERNED, 6), /* by when it must be mended: day, month or quarter */
    WARD_FINDING_STATUS = WARD_FIELD(WARD_OPEN, 7),  /* open, mended, closed; nothing written: open */
    WARD_FINDING_ACTION = WARD_FIELD(WARD_OPEN, 8)   /* what the inspected unit did */
};

enum ward_event_field {
    WARD_PLAN_EVENT_NAME = WARD_FIELD(WARD_GOVERNED, 1), /* text, fixed: the event's id follows from it */
    WARD_PLAN_EVENT_ON = WARD_FIELD(WARD_GOVERNED, 2),   /* date */
    WARD_PLAN_EVENT_TEXT = WARD_FIELD(WARD_GOVERNED, 3)
};

enum ward_evaluation_field {
    WARD_EVALUATION_UNIT = WARD_FIELD(WARD_GOVERNED, 1),   /* fixed */
    WARD_EVALUATION_YEAR = WARD_FIELD(WARD_GOVERNED, 2),   /* integer, fixed */
    WARD_EVALUATION_RATING = WARD_FIELD(WARD_GOVERNED, 3), /* word of enum ward_rating */
    WARD_EVALUATION_BASIS = WARD_FIELD(WARD_GOVERNED, 4),  /* the results it rests on */
    WARD_EVALUATION_SELF_RATING = WARD_FIELD(WARD_OPEN, 5),
    WARD_EVALUATION_SELF_TEXT = WARD_FIELD(WARD_OPEN, 6)
};

/* The schema's indexes, for ward_find: in order of the fields named, then of ids, which is about that of time. */
enum ward_plan_index_number {
    WARD_TASKS_BY_CODE,
    WARD_TASKS_BY_UNIT,    /* lead or co-operating, then code */
    WARD_TASKS_BY_STATE,   /* status, due, code */
    WARD_TASKS_BY_SECTION, /* then code */
    WARD_NOTES_BY_TASK,
    WARD_REPORTS, /* by id alone */
    WARD_REPORTS_BY_TASK,
    WARD_REPORTS_BY_UNIT,
    WARD_REPORTS_BY_PERIOD,
    WARD_PROPOSALS_BY_CODE,
    WARD_FINDINGS, /* by id alone */
    WARD_FINDINGS_BY_TASK,
    WARD_UNITS_PROPOSED, /* by the fields for which something is proposed that only an operator may decide; for each kind, in their order */
    WARD_PLANS_PROPOSED,
    WARD_TASKS_PROPOSED, /* then code */
    WARD_NOTES_PROPOSED,
    WARD_REPORTS_PROPOSED,
    WARD_PROPOSALS_PROPOSED,
    WARD_FINDINGS_PROPOSED,
    WARD_EVENTS_PROPOSED,
    WARD_EVALUATIONS_PROPOSED,
    WARD_PLAN_INDEXES /* how many */
};

/* Static; for ward_options.schema. */
const struct ward_schema *ward_plan_schema(void);
/* NULL where there is none. */
const struct ward_kind_def *ward_plan_kind_def(uint32_t kind);
const struct ward_field_def *ward_plan_field_def(uint32_t kind, uint32_t field);
/* By the name users give in FIELD=VALUE ("due", "with", "way_out"), which is the column's name but for with (with_units), by (by_unit) and
 * on (happened_on): those are words of SQL. NULL where there is none. */
const struct ward_field_def *ward_plan_field_named(uint32_t kind, const char *name);
/* The name users give; NULL where there is no such field. */
const char *ward_plan_field_name(uint32_t kind, uint32_t field);
/* What a screen calls the field or the kind; NULL where there is none. */
const char *ward_plan_field_label(uint32_t kind, uint32_t field, enum ward_lang lang);
const char *ward_plan_kind_label(uint32_t kind, enum ward_lang lang);

/* ---------------------------------------------------------------- words */

enum ward_task_status { WARD_TASK_TODO, WARD_TASK_DOING, WARD_TASK_WAITING, WARD_TASK_DONE, WARD_TASK_PAUSED, WARD_TASK_CANCELLED };
enum ward_unit_kind {
    WARD_UNIT_PARTY_CELL,
    WARD_UNIT_PARTY_COMMITTEE,
    WARD_UNIT_PEOPLES_COMMITTEE,
    WARD_UNIT_PEOPLES_COUNCIL,
    WARD_UNIT_FATHERLAND_FRONT,
    WARD_UNIT_YOUTH_UNION,
    WARD_UNIT_MASS_ORGANISATION,
    WARD_UNIT_PARTY_BOARD,
    WARD_UNIT_INSPECTION_COMMITTEE,
    WARD_UNIT_STANDING_COMMITTEE,
    WARD_UNIT_OFFICE,
    WARD_UNIT_ADVISORY_BODY
};
enum ward_proposal_state {
    WARD_PROPOSAL_DRAFT,
    WARD_PROPOSAL_SUBMITTED,
    WARD_PROPOSAL_SHORTLISTED,
    WARD_PROPOSAL_SELECTED,
    WARD_PROPOSAL_REJECTED,
    WARD_PROPOSAL_RUNNING,
    WARD_PROPOSAL_REVIEWED,
    WARD_PROPOSAL_CONCLUDED
};
enum ward_finding_status { WARD_FINDING_OPEN, WARD_FINDING_MENDED, WARD_FINDING_CLOSED };
enum ward_rating { WARD_RATING_EXCELLENT, WARD_RATING_GOOD, WARD_RATING_FULFILLED, WARD_RATING_UNFULFILLED };

/* A closed list of words: the stored word and its label per language. Index: the enum above. */
struct ward_word {
    const char *word;
    const char *label_en;
    const char *label_vi;
};
enum ward_word_list {
    WARD_WORDS_TASK_STATUS,
    WARD_WORDS_UNIT_KIND,
    WARD_WORDS_PROPOSAL_STATE,
    WARD_WORDS_FINDING_STATUS,
    WARD_WORDS_RATING
};
const struct ward_word *ward_words(enum ward_word_list list, size_t *count);
/* The index of a stored word, -1 if it is not in the list. */
int ward_word_index(enum ward_word_list list, const char *word, size_t len);
/* The label of a word by its index, "" beyond the list. */
const char *ward_word_label(enum ward_word_list list, size_t index, enum ward_lang lang);
/* The list a field's values are from, -1 if they are not words of a list. */
int ward_plan_field_words(uint32_t kind, uint32_t field);
/* "quá hạn" / "overdue": derived, never stored. */
const char *ward_plan_overdue_label(enum ward_lang lang);

/*   from         to
 *   draft        submitted
 *   submitted    draft, shortlisted, selected, rejected; given ones also running
 *   shortlisted  submitted, selected, rejected; given ones also running
 *   selected     shortlisted, rejected, running
 *   rejected     draft
 *   running      reviewed
 *   reviewed     running, concluded
 *   concluded    -
 * given: the proposal's origin; given ones are not selected. */
bool ward_proposal_may_move(enum ward_proposal_state from, enum ward_proposal_state to, bool given);

/* ---------------------------------------------------------------- dates */

struct ward_date {
    int year; /* 1970 ... 9999 */
    int month;
    int day;
};
#define WARD_DATE_TEXT 11
/* "2026-05-31". WARD_ERR_DATE. */
int ward_date_parse(struct ward_date *out, const char *text, size_t len, struct ward_error *err);
void ward_date_format(char out[WARD_DATE_TEXT], const struct ward_date *date);
/* Days since 1970-01-01, and back. */
int64_t ward_date_days(const struct ward_date *date);
/* WARD_ERR_DATE beyond 9999-12-31 or before 1970-01-01. */
int ward_date_of_days(struct ward_date *out, int64_t days, struct ward_error *err);
int ward_date_compare(const struct ward_date *a, const struct ward_date *b); /* <0, 0, >0 */

/* Rounds of recurring work. */
enum ward_period_unit { WARD_EVERY_MONTH, WARD_EVERY_QUARTER, WARD_EVERY_HALF, WARD_EVERY_YEAR };
struct ward_period {
    enum ward_period_unit unit;
    int year;
    int index; /* 1 ... 12, 4, 2, 1 */
};
#define WARD_PERIOD_TEXT 8
/* "2026-06", "2026-Q3", "2026-H1", "2026". WARD_ERR_DATE. */
int ward_period_parse(struct ward_period *out, const char *text, size_t len, struct ward_error *err);
void ward_period_format(char out[WARD_PERIOD_TEXT], const struct ward_period *period);
/* The period that contains a day. */
struct ward_period ward_period_of(enum ward_period_unit unit, const struct ward_date *day);
struct ward_date ward_period_first_day(const struct ward_period *period);
struct ward_date ward_period_last_day(const struct ward_period *period); /* the due day of that round */

#define WARD_EVENT_NAME_MAX 48
#define WARD_DUE_DAYS_MAX   3660
enum ward_due_form { WARD_DUE_NONE, WARD_DUE_DAY, WARD_DUE_PERIOD, WARD_DUE_STANDING, WARD_DUE_EVERY, WARD_DUE_EVENT };
struct ward_due {
    enum ward_due_form form;
    struct ward_date day;                /* WARD_DUE_DAY */
    struct ward_period period;           /* WARD_DUE_PERIOD: a month or a quarter */
    enum ward_period_unit every;         /* WARD_DUE_EVERY */
    char event[WARD_EVENT_NAME_MAX + 1]; /* WARD_DUE_EVENT: letters, digits, "." "_" "-" (ASCII) */
    int days;                            /* WARD_DUE_EVENT: 0 ... WARD_DUE_DAYS_MAX days after it */
};
#define WARD_DUE_TEXT 64
/* 2026-05-31 | 2026-05 | 2026-Q3 | standing | every:month|quarter|half|year | event:NAME+DAYS ("event:NAME" is +0). WARD_ERR_DATE. */
int ward_due_parse(struct ward_due *out, const char *text, size_t len, struct ward_error *err);
/* The canonical text; what is stored. WARD_DUE_NONE gives "". */
void ward_due_format(char out[WARD_DUE_TEXT], const struct ward_due *due);
/* The last day on which the work is in time. event_on: when the event happened, NULL while it has not (dormant). False: there is no such
 * day (none, standing, a series, dormant, or beyond the year 9999). */
bool ward_due_last_day(const struct ward_due *due, const struct ward_date *event_on, struct ward_date *out);

/* ---------------------------------------------------------------- index */

/* A snapshot of what a ward's records refer to: units, plans, events. Loaded once for a command; not updated by later writes. */
typedef struct ward_plan_index ward_plan_index;
int ward_plan_index_load(ward_replica *r, ward_plan_index **out, struct ward_error *err);
void ward_plan_index_free(ward_plan_index *index);

struct ward_unit {
    struct ward_id id;
    struct ward_id parent; /* zero: none */
    const char *code;      /* "" where it was never written; all strings live as long as the index */
    const char *name;
    const char *kind;
};
struct ward_plan {
    struct ward_id id;
    struct ward_id owner; /* zero: none */
    const char *code;
    const char *title;
    int64_t select_max;
    size_t selected_count;
};
size_t ward_plan_index_unit_count(const ward_plan_index *index);
const struct ward_unit *ward_plan_index_unit(const ward_plan_index *index, size_t i); /* ascending by code */
size_t ward_plan_index_plan_count(const ward_plan_index *index);
const struct ward_plan *ward_plan_index_plan(const ward_plan_index *index, size_t i);
/* NULL where there is none. */
const struct ward_unit *ward_plan_index_unit_by_id(const ward_plan_index *index, const struct ward_id *id);
const struct ward_unit *ward_plan_index_unit_by_code(const ward_plan_index *index, const char *code);
const struct ward_plan *ward_plan_index_plan_by_id(const ward_plan_index *index, const struct ward_id *id);
/* When an event was recorded to have happened; NULL while it was not. */
const struct ward_date *ward_plan_index_event(const ward_plan_index *index, const char *name);

/* ---------------------------------------------------------------- naming records */

/* Every device derives the same id from the same code (event: its name), in any replica, even before the ward is founded. */
void ward_plan_unit_id(struct ward_id *out, const char *code);
void ward_plan_plan_id(struct ward_id *out, const char *code);
void ward_plan_event_id(struct ward_id *out, const char *name);
/* The round of a recurring task, the same on every device. */
void ward_plan_occurrence_id(struct ward_id *out, const struct ward_id *series, const struct ward_period *period);

/* Finds the record a user means: its human code (unit, plan, task, proposal; an event's name), its id, or a prefix of the id of at least 4
 * hexadecimal digits; a code that matches goes before a prefix. Where two plans use the same code, "PLAN:CODE" says which.
 * WARD_ERR_NOT_FOUND, WARD_ERR_AMBIGUOUS (ids stand in the detail). */
int ward_plan_resolve(ward_replica *r, uint32_t kind, const char *reference, struct ward_id *out, struct ward_error *err);

/* A value as a user reads it: units, plans and tasks by code, words as their labels, numbers as digits. Cut at out_size; always terminated.
 */
void ward_plan_value_text(ward_replica *r, const ward_plan_index *index, uint32_t kind, uint32_t field, const struct ward_value *value,
                          enum ward_lang lang, char *out, size_t out_size);
/* The other way, for one value of an open or governed field: what `FIELD=VALUE` would write. *buffer keeps what *out points into; free() it
 * after use. WARD_ERR_VALUE, WARD_ERR_DATE, WARD_ERR_NOT_FOUND ... */
int ward_plan_value_parse(ward_replica *r, uint32_t kind, uint32_t field, const char *text, struct ward_value *out, void **buffer,
                          struct ward_error *err);

/* ---------------------------------------------------------------- units, plans, events */

/* kind: a word of enum ward_unit_kind or NULL (party-cell); parent: a unit's code or NULL. WARD_ERR_EXISTS if the code is taken,
 * WARD_ERR_STATE if the unit was deleted (ward_plan_restore). */
int ward_plan_unit_add(ward_replica *r, const char *code, const char *name, const char *kind, const char *parent, struct ward_id *out,
                       struct ward_error *err);
/* Records that an event happened; recording it again with another day corrects it. text may be NULL. WARD_ERR_NOTHING if nothing changes.
 */
int ward_plan_event_record(ward_replica *r, const char *name, const struct ward_date *on, const char *text, struct ward_id *out,
                           struct ward_error *err);

/* ---------------------------------------------------------------- tasks */

/* What a new task is given; texts as a user types them, NULL where not given. */
struct ward_task_spec {
    const char *title; /* required */
    const char *code;  /* NULL: SECTION-NN ("T-NN" without a section), the next number known here */
    const char *plan;  /* reference; NULL: the ward's only plan, or none */
    const char *section;
    const char *lead; /* unit code; NULL: this device's unit */
    const char *const *with;
    size_t with_count;
    const char *due;
    const char *body;
    const char *product;
    const char *target;
    const char *measure;
    const char *person;
    const char *checker; /* unit code */
    const char *budget;
};
int ward_plan_task_add(ward_replica *r, const struct ward_task_spec *spec, struct ward_id *out, struct ward_error *err);

/* Writes `FIELD=VALUE` assignments to a record of any kind; `FIELD=` clears. *now (may be NULL): the record's id afterwards, another one if
 * a task was moved. task      with=+CODE, with=-CODE, with=A,B (exactly these), documents likewise; reached=+N or -N; a change of lead or
 * with moves the task to the other circle: a new record there, both linked, the old one deleted, in one transaction proposal  state=WORD
 * moves it as ward_plan_proposal_move does WARD_ERR_UNKNOWN_FIELD, WARD_ERR_VALUE, WARD_ERR_DATE, WARD_ERR_UTF8, WARD_ERR_NOT_FOUND (a
 * unit), WARD_ERR_FIXED, WARD_ERR_NOTHING (all as it was). */
int ward_plan_set(ward_replica *r, uint32_t kind, const struct ward_id *entity, const char *const *assignments, size_t count,
                  struct ward_id *now, struct ward_error *err);
/* Deletes a record of any kind, and brings one back. A deleted record is not written to before it was brought back. WARD_ERR_NOT_FOUND,
 * WARD_ERR_NOTHING (it was not deleted). */
int ward_plan_delete(ward_replica *r, uint32_t kind, const struct ward_id *entity, struct ward_error *err);
int ward_plan_restore(ward_replica *r, uint32_t kind, const struct ward_id *entity, struct ward_error *err);
int ward_plan_note_add(ward_replica *r, const struct ward_id *task, const char *text, struct ward_id *out, struct ward_error *err);

/* Opens one round of a recurring task: a task of its own with the series' values, due on the period's last day; if it is open already,
 * gives its id (*created false). period NULL: the one that contains today. WARD_ERR_STATE if the task is not recurring or the period is of
 * another length. */
int ward_plan_task_open(ward_replica *r, const struct ward_id *series, const struct ward_period *period, const struct ward_date *today,
                        struct ward_id *out, bool *created, struct ward_error *err);
/* Follows moved_to from a task that was moved (or is itself). WARD_ERR_NOT_FOUND. */
int ward_plan_task_current(ward_replica *r, const struct ward_id *task, struct ward_id *out, struct ward_error *err);
/* Notes, reports or findings on a task, those on what it was before moves included. */
int ward_plan_each_of_task(ward_replica *r, uint32_t kind, const struct ward_id *task, ward_record_fn *fn, void *ctx,
                           struct ward_error *err);

/* What is derived from a task's record. */
struct ward_task_view {
    struct ward_due due;
    enum ward_task_status status;
    int64_t percent; /* 0 where not written */
    bool dormant;    /* waits for an event */
    bool has_last_day;
    struct ward_date last_day;
    bool overdue;      /* last day before today, and not done, paused or cancelled */
    int64_t days_left; /* where has_last_day: last day minus today */
};
/* A due or status text that this version does not know counts as none and todo. */
void ward_plan_task_view(const ward_plan_index *index, const ward_record *task, const struct ward_date *today, struct ward_task_view *out);

/* What a list shows; zero or NULL: anything. */
struct ward_task_filter {
    const struct ward_id *unit; /* lead or co-operating */
    const struct ward_id *plan;
    const char *section; /* exactly, or a section under it: "II.3" also lists "II.3.1" */
    const char *status;  /* a word, or "overdue" */
    bool overdue;
    bool due_within_set;
    int64_t due_within_days; /* last day within so many days from today (overdue ones included), neither done, paused nor cancelled */
    bool proposed;           /* something is proposed that only an operator may decide */
};
/* WARD_ERR_VALUE: no such status. */
int ward_task_filter_check(const struct ward_task_filter *filter, struct ward_error *err);
bool ward_task_filter_match(const struct ward_task_filter *filter, const ward_record *task, const struct ward_task_view *view);
/* The tasks that a filter (NULL: none) lets through, in order of their codes, the first `limit` of them (0: all); *total: of how many.
 * Reads the tasks it gives, and others only where the filter asks for a plan, or for several things at once. */
int ward_plan_tasks(ward_replica *r, const ward_plan_index *index, const struct ward_task_filter *filter, const struct ward_date *today,
                    size_t limit, ward_record_fn *fn, void *ctx, uint64_t *total, struct ward_error *err);
struct ward_task_tally {
    uint64_t total, overdue;
    uint64_t of[WARD_TASK_CANCELLED + 1]; /* by status */
};
int ward_plan_task_tally(ward_replica *r, const ward_plan_index *index, const struct ward_date *today, struct ward_task_tally *out,
                         struct ward_error *err);
/* How many values are proposed that only an operator may decide. */
int ward_plan_proposed_count(ward_replica *r, uint64_t *out, struct ward_error *err);
/* "7d", "2w" or "7": days. WARD_ERR_VALUE. */
int ward_plan_days_parse(int64_t *out, const char *text, struct ward_error *err);

/* ---------------------------------------------------------------- reports, findings, evaluations */

struct ward_report_spec {
    const struct ward_id *task; /* or NULL: on the unit's period */
    const char *unit;           /* code; NULL: this device's unit */
    const char *period;         /* text of a period, or NULL: ad hoc */
    const char *title;          /* required */
    const char *body;
    const char *obstacle;
    const char *way_out;
};
int ward_plan_report_add(ward_replica *r, const struct ward_report_spec *spec, struct ward_id *out, struct ward_error *err);

struct ward_finding_spec {
    const char *by;   /* code of the inspecting unit; NULL: this device's unit */
    const char *unit; /* code of the inspected unit; required unless task is given (then its lead) */
    const struct ward_id *task;
    const char *title; /* required */
    const char *body;
    const char *due;
};
int ward_plan_finding_add(ward_replica *r, const struct ward_finding_spec *spec, struct ward_id *out, struct ward_error *err);

/* The yearly evaluation of a unit: one record per unit and year, made by the first write. assignments: rating=, basis=, self_rating=,
 * self_text=. */
int ward_plan_evaluation_set(ward_replica *r, const char *unit, int year, const char *const *assignments, size_t count, struct ward_id *out,
                             struct ward_error *err);

/* ---------------------------------------------------------------- proposals */

struct ward_proposal_spec {
    const char *title;              /* required */
    const char *unit;               /* code; NULL: this device's unit */
    const char *plan;               /* reference; NULL: the ward's only plan */
    const char *code;               /* NULL: MH-NN, the next number known here */
    bool given;                     /* a model given from above, not the unit's own */
    const char *const *assignments; /* further FIELD=VALUE */
    size_t assignment_count;
};
int ward_plan_proposal_add(ward_replica *r, const struct ward_proposal_spec *spec, struct ward_id *out, struct ward_error *err);
/* The state as decided: the stored one, or selected where the plan's list of selected proposals names it. */
int ward_plan_proposal_state(ward_replica *r, const ward_record *proposal, enum ward_proposal_state *out, struct ward_error *err);
/* Moves a proposal on, by the table of ward_proposal_may_move. To submitted: purpose, targets, measures, resources, roadmap and assigned
 * must all be written (WARD_ERR_VALUE names the first that is missing). All moves but draft <-> submitted are the operator's
 * (WARD_ERR_NOT_ENTITLED). why: kept as the reason, may be NULL. WARD_ERR_STATE, WARD_ERR_LIMIT_SELECTED (the plan's select_max),
 * WARD_ERR_IN_CONFLICT. */
int ward_plan_proposal_move(ward_replica *r, const struct ward_id *proposal, enum ward_proposal_state to, const char *why,
                            struct ward_error *err);

/* ---------------------------------------------------------------- import */

struct ward_import_count {
    size_t added, changed, unchanged, deleted; /* deleted: deleted here since, left so */
};
struct ward_import_result {
    struct ward_id plan;
    struct ward_import_count plans, units, tasks, proposals;
    size_t tasks_moved; /* of the changed: to another circle */
};
#define WARD_IMPORT_BYTES_MAX (16u << 20)
#define WARD_IMPORT_ROWS_MAX  20000u
/* Imports a plan file, CSV (RFC 4180, UTF-8) or JSON (told apart by the first character), as one transaction. The columns are described in
 * examples/bach-dang/README.md. A row that was imported before changes only what changed in the file since. Any bad row: WARD_ERR_PLAN_ROW,
 * line and column in the detail, and nothing is imported. dry_run: everything but the writing. */
int ward_plan_import(ward_replica *r, const void *data, size_t len, bool dry_run, struct ward_import_result *out, struct ward_error *err);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
