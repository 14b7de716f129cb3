/* link_pair.h - two devices of a world on the line with each other. */
#ifndef WARD_FAULTS_LINK_PAIR_H
#define WARD_FAULTS_LINK_PAIR_H

/* What the listening side does whenever the caller waits. */
void link_pair_turn(void (*turn)(void *ctx), void *ctx);

#endif
