/* check.h - what must hold, each by its number (proving.md: S1 ... S20 always, L1 ... L7 once all is healed). */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "world.h"

struct conn;

/* Between the steps of a process, after an act, after a start: what is held, and that nothing of it is lost (S1, S2, S3, S4, S5, S9, S12).
 */
void check_step(struct proc *p);
void check_after_act(struct device *d, ward_replica *r);
void check_after_boot(struct device *d);
/* A frame goes out (S1, S14, S19); a frame arrives. */
void check_frame(struct conn *c, int from, const uint8_t *p, size_t len);
void check_arrival(struct conn *c, int to, const uint8_t *p, size_t len);
/* What a process was told (S11, S19). */
void check_event(struct proc *p, const struct ward_event *e);
void check_error(struct device *d, const struct ward_error *err);
/* A secret that may stand in the key file alone. */
void check_keep_secret(struct world *w, const void *p, size_t len);
void check_keep_keys(struct device *d);

/* One replica against the model: state, conflicts, what lies beyond cuts (S6, S8, S10, S13, S15, S16). */
void check_state(struct device *d, ward_replica *r);
void check_space_state(struct device *d, ward_replica *r, size_t space);
/* Everything of a replica, with chains, seals and files (S4, S5, S15, S17). */
void check_whole(struct device *d, ward_replica *r);
/* All honest devices, when they have met (L1, L4, and the above for each). */
void check_healed(struct world *w, bool by_links);
bool check_may_hold(const struct device *d, size_t space); /* by its unit and role */
void check_secrets_on_disks(struct world *w);

#endif
