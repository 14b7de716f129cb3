/* proof.h - somebody shows by a file that changes of his had reached a hub, and another device of the ward checks it. */
#ifndef SIM_PROOF_H
#define SIM_PROOF_H

#include "world.h"

void proof_show(struct world *w);
/* True: written by the one, and found good by the other. */
bool proof_show_to(struct device *from, struct device *to);

#endif
