/* errand.h - a device asks by a file, and the answer comes back on a stick: it is let in, or gets new keys, with no hub in reach. */
#ifndef SIM_ERRAND_H
#define SIM_ERRAND_H

#include "world.h"

/* Until it has its answer, or cannot get one any more. Of a device that has joined its keys are replaced, another is let in by its code. */
void errand_begin(struct device *d);

#endif
