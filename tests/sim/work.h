/* work.h - what people and their machines do all week: the ward is founded, devices are let in, records written, settled, deleted, carried.
 */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "world.h"

extern const struct ward_schema work_schema, work_small_schema;

enum {
    KIND_TASK = 100,
    KIND_NOTE = 101,
    TASK_TITLE = WARD_FIELD(WARD_OPEN, 1),
    TASK_TEXT = WARD_FIELD(WARD_OPEN, 2),
    TASK_LEVEL = WARD_FIELD(WARD_OPEN, 3),
    TASK_DUE = WARD_FIELD(WARD_GOVERNED, 4),
    TASK_OWNER = WARD_FIELD(WARD_OPEN, 5),
    TASK_TAGS = WARD_FIELD(WARD_MEMBER, 6),
    TASK_DONE = WARD_FIELD(WARD_TALLY, 7),
    TASK_HELD = WARD_FIELD(WARD_GOVERNED, 8),
    NOTE_TEXT = WARD_FIELD(WARD_OPEN, 1)
};

/* The ward: a founder, a hub (apart from the founder or not), perhaps a second one, cells; all but the founder are let in over the network.
 */
void work_found(struct world *w, size_t cells, bool apart, bool second_hub);
/* From now on everybody works and syncs, each at times of its own; none after work_end. */
void work_begin(struct world *w);
void work_end(struct world *w);
void work_after_boot(struct device *d); /* what starts with the machine */

/* One deed of a kind that its dice choose. */
void work_act(struct device *d);
bool work_may_act(const struct device *d); /* has a replica, power, and need not meet anybody before */
/* After an act of any kind: the traps set for it are taken away, its error is looked at, what it wrote is observed. */
void work_end_act(struct device *d, const char *what, int rc, const struct ward_error *err);
/* For stories: a record with a title in the own unit's circle; its title written anew; what it shows. */
int work_create(struct device *d, const char *title, struct ward_id *out);
int work_edit(struct device *d, const struct ward_id *id, const char *title);
int work_due(struct device *d, const struct ward_id *id, int64_t due);
bool work_shows(struct device *d, const struct ward_id *id, const char *title);

struct device *work_invite(struct device *by, const char *name, char unit, enum ward_role role); /* NULL: it could not */
bool work_code_is_good(const struct device *d);              /* it names a key that is met at its addresses, still */
bool work_invite_again(struct device *by, struct device *d); /* the code is the device's; false: it could not */
struct device *work_other_operator(const struct device *d);  /* who lets it in, if it is a hub or founded the ward; or NULL */
int work_end_keys(struct device *by, struct device *whose, const struct ward_hash *grant); /* which it had before */
int work_revoke(struct device *by, struct device *whom);
struct device *work_replace(struct device *by, struct device *lost, const char *name); /* NULL: it could not */
void work_carry(struct device *from, struct device *to);                               /* a bundle */
void work_carry_all(struct device *from, struct device *to);                           /* whatever the other may have already */
uint32_t work_sync(struct device *d, struct device *peer);                             /* peer NULL: the hub. The process's number, or 0. */
void work_serve(struct device *d, int64_t for_ms);                                     /* 0: until stopped */
void work_stop_serving(struct device *d);
/* A restored device may write again once it has got all of its own words back. */
void work_met(struct device *d);
/* New keys for a device, asked for at the hub by the old ones. */
void work_rotate(struct device *d);
/* Its home is another device's now, or the same that it was: whoever has its old keys is cut. */
void work_take_grant(struct device *d, const struct ward_hash *grant);
void work_is_ended(struct device *d); /* it has been told so: somebody must have */
/* A step that failed may have been done all the same, but for its end. */
void work_look_at_grant(struct device *d);
bool work_may_wait(int rc); /* it may be otherwise another time */
/* A device whose grant is cut is let in anew, and goes on in its home with all that it holds. */
void work_rejoin(struct device *by, struct device *d);
/* Another laptop with a copy of this one's folder as it is now: each goes on as if there were no other. */
struct device *work_twin(struct device *d, const char *name);
void work_start_days(struct device *d);
void work_soon(struct device *d); /* some acts within the hour */
void work_join(struct device *d); /* by its code, again until it is in */

#endif
