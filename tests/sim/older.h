/* older.h - homes whose files are of another format than the program's. */
#ifndef SIM_OLDER_H
#define SIM_OLDER_H

#include "world.h"

/* A device's program was an older one until now, and so is its file, where it holds nothing that the older one did not know; but first
 * somebody tries one of the future on it, and the present one after that. False: it cannot be done now. */
bool older_make(struct device *d);

#endif
