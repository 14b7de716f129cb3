/* compact.h - history that all devices hold is settled and let go of. */
#ifndef SIM_COMPACT_H
#define SIM_COMPACT_H

#include "world.h"

/* One device does what it may: proposes and closes floors, or lets go of what is closed. leave: nothing waits for this one; or NULL. */
void compact(struct device *d, struct device *leave);
/* When all is healed: floors are proposed and closed, and everybody lets go of what they settle. */
void compact_all(struct world *w);

#endif
