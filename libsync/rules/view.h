/* view.h - what people see of a record's slots: values by policy, conflicts. Reads slots, never changes them; proto/merge.md. */
#ifndef WARD_VIEW_H
#define WARD_VIEW_H

#include "rules/slot.h"
#include "wardsync.h"

/* Two live values stand against each other under this field's policy:
 *   presence             a true and a false, whatever their ranks
 *   conflict, fixed      open: any two differ; governed: two of the greatest rank differ
 *   others               never                                        field NULL: a field the schema does not know: never */
bool ward_slot_in_conflict(const struct ward_field_def *field, const struct ward_slot *slot, const struct ward_authors *authors);
/* Beside the value of a governed field that counts stands another one, of lesser authority: it waits for who may decide (policies conflict
 * and fixed; not while the field is in conflict). field NULL: never. */
bool ward_slot_is_proposed(const struct ward_field_def *field, const struct ward_slot *slot, const struct ward_authors *authors);
/* Slots in conflict. Kinds the schema does not know have none. */
size_t ward_state_conflicts(const struct ward_kind_def *kind, const struct ward_state *s, const struct ward_authors *authors);
/* The value shown; null if nothing was written. For WARD_ADD_WINS null: see the members. Borrowed from the state. */
struct ward_value ward_view_value(const struct ward_field_def *field, const struct ward_state *s, const struct ward_authors *authors);
bool ward_member_is_in(const struct ward_slot *slot);
/* The members of a set as a JSON array of strings: text as text, other keys in hex. In the state's arena. WARD_ERR_MEMORY. */
int ward_view_members(struct ward_value *out, const struct ward_field_def *field, const struct ward_state *s);
/* H over [space, kind, entity, field, key], first 16 bytes. */
void ward_conflict_id(struct ward_id *out, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, uint32_t field);

#endif
