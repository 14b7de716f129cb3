/* check_parts.h - what the files of check.h share: check_held.c, check_talk.c, check_secrets.c, check_state.c, check_healed.c. */
#ifndef SIM_CHECK_PARTS_H
#define SIM_CHECK_PARTS_H

#include "check.h"

void check_nothing_is_lost(struct device *d, const ward_replica *r); /* S1, S2 */
void check_file_is_sound(struct device *d, ward_replica *r);         /* S17 */
void check_no_secret(struct world *w, const char *where, const void *p, size_t len);

#endif
