/* outside.h - what whole replicas stand on in a target: memory, a clock and randomness that are the same for every input. */
#ifndef WARD_TEST_FUZZ_OUTSIDE_H
#define WARD_TEST_FUZZ_OUTSIDE_H

#include "fuzz.h"

/* Once, before the first disk. */
void fuzz_outside_begin(void);
/* At the beginning of an input. */
void fuzz_outside_set(uint64_t seed);
extern const struct ward_env fuzz_outside;

#endif
