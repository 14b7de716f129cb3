/* hostile.h - a device with a good grant in the hands of somebody who means ill: it says what it likes, byte by byte. */
#ifndef SIM_HOSTILE_H
#define SIM_HOSTILE_H

#include "world.h"

/* One of the cells goes over to the enemy, if none has; it calls somebody and does `what` to him. */
void hostile_strike(struct world *w, enum fault what);

#endif
