/* trust.h - what people do about devices that break, are copied, lost, or out of reach: each a fault of the list that may happen, at times
 * and with dice of its own, so that the stories of seeds without it stay what they are. */
#ifndef SIM_TRUST_H
#define SIM_TRUST_H

#include "world.h"

void trust_begin(struct world *w); /* none of it happens after faults_end; what was begun is brought to its end */

/* Whoever has not heard of a hub's new keys gets them on a stick; who waits with a code for the old ones gets another; and a hub or
 * an operator whose keys are ended is let in anew by the other operator. True: somebody was, or has
 * another code, and is not there yet. */
bool trust_mend(struct world *w);
/* Keys of hubs and operators whose end lapsed are ended again, for when all have met. True: there were some. */
bool trust_end_again(struct world *w);
/* A hub was restored, perhaps to keys of before: people notice within two days. */
void trust_after_restore(struct device *hub);
/* An operator who can act now; NULL: none. */
struct device *trust_operator(struct world *w);
/* An operator ends a device whose folder was copied, or restored and written on in: each folder is let in under a grant of its own. */
bool trust_end_copied(struct device *by, struct device *d);

#endif
