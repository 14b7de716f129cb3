/* form.h - what one record holds, as shown, and what is to be written to it. Operations fill in forms, and commit them together. */
#ifndef WARD_DOMAIN_FORM_H
#define WARD_DOMAIN_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "wardsync_plan.h"

struct plan_slot {
    uint32_t field;
    const uint8_t *key; /* of a member, else NULL */
    size_t key_len;
    struct ward_value value; /* of a tally: the sum */
    struct ward_value was;   /* before the form was written to */
    int64_t delta;           /* of a tally: what to add */
    bool contested;          /* in conflict: any write counts as a change, and is then refused by the replica */
    bool changed;
};

struct plan_form {
    struct ward_arena arena; /* of keys and values */
    uint32_t kind;
    struct ward_id id;
    struct ward_hash space;
    struct plan_slot *slots;
    size_t count, cap;
    size_t conflicts;
    bool exists;     /* it was loaded */
    bool deleted;    /* as loaded */
    bool remove;     /* to be deleted */
    bool restore;    /* to be brought back */
    const char *why; /* reason to keep beside the writes, borrowed, or NULL */
};

void plan_form_init(struct plan_form *form, uint32_t kind, const struct ward_id *id);
void plan_form_free(struct plan_form *form);
/* init and what the record shows. WARD_ERR_NOT_FOUND: the form is initialised and empty. Free it in any case. */
int plan_form_load(struct plan_form *form, ward_replica *r, uint32_t kind, const struct ward_id *id, bool with_deleted,
                   struct ward_error *err);

/* What a register shows (null where nothing is); borrowed from the form. */
struct ward_value plan_form_value(const struct plan_form *form, uint32_t field);
/* The id a reference field holds; false if none. */
bool plan_form_id(const struct plan_form *form, uint32_t field, struct ward_id *out);
/* Whether a text field holds the word. */
bool plan_form_is(const struct plan_form *form, uint32_t field, const char *word);
/* These copy what they are given. A write of what the form holds already changes nothing. */
int plan_form_set(struct plan_form *form, uint32_t field, const struct ward_value *value, struct ward_error *err);
int plan_form_set_id(struct plan_form *form, uint32_t field, const struct ward_id *id, struct ward_error *err);
int plan_form_set_text(struct plan_form *form, uint32_t field, const char *text, struct ward_error *err);
int plan_form_member(struct plan_form *form, uint32_t field, const void *key, size_t key_len, bool in, struct ward_error *err);
/* Takes all members of a set out. */
int plan_form_empty(struct plan_form *form, uint32_t field, struct ward_error *err);
int plan_form_add(struct plan_form *form, uint32_t field, int64_t delta, struct ward_error *err);
/* Writes all that `from` holds, but the fields in `without` (ending with 0), into an empty form. */
int plan_form_copy(struct plan_form *form, const struct plan_form *from, const uint32_t *without, struct ward_error *err);
bool plan_form_changed(const struct plan_form *form);

/* Writes all changes of the forms as one transaction. WARD_ERR_NOTHING if there are none. */
int plan_commit(ward_replica *r, struct plan_form *const *forms, size_t count, struct ward_error *err);
/* Asks the replica whether it would take the writes, and writes nothing. */
int plan_rehearse(ward_replica *r, struct plan_form *const *forms, size_t count, struct ward_error *err);

#endif
