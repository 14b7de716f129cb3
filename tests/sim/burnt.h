/* burnt.h - the machine of a hub or of the founder burns, with all that was on it, and an empty one takes its place, with new keys: a hub
 * is let in by an operator, the founder's comes back by the recovery sheet. What was there and nowhere else is lost with it, and nothing
 * more: the new machine gathers the ward's history from whoever is left. With dice of its own, so that the stories of seeds without it stay
 * what they are. */
#ifndef SIM_BURNT_H
#define SIM_BURNT_H

#include "world.h"

void burnt_prepare(struct world *w); /* the founder prints the sheet; once, when the ward is founded */
void burnt_begin(struct world *w);   /* from now on machines may burn; none does after faults_end */
void burnt_burn(struct device *d);   /* a hub, or who founded the ward */
/* Whoever is back has read a bundle of each device that he can get one of, and then, not before, ends the keys that burnt. True: somebody
 * is not back yet, or has keys to end. */
bool burnt_mend(struct world *w);

#endif
