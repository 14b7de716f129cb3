/* inject.h - one fault at a time: which family, at which call, once or from then on. */
#ifndef WARD_FAULTS_INJECT_H
#define WARD_FAULTS_INJECT_H

#include "disk.h"

enum family {
    FAULT_CRASH,  /* the power goes at a call that changes the disk */
    FAULT_MEMORY, /* an allocation of ward_env's */
    FAULT_SQLITE, /* an allocation of SQLite's */
    FAULT_OTHER,  /* an allocation within libsodium or zstd, or of the domain's */
    FAULT_IO,     /* any call to the disk */
    FAULT_FULL,   /* a call that needs room */
    FAULT_BUSY,   /* a lock */
    FAULTS
};
const char *family_name(enum family f);

void inject_start(void); /* before anything uses SQLite */
/* The calls of this family are counted from 1; the one at `at` fails, and with `on` all that follow. */
void inject_arm(struct disk *d, enum family family, uint64_t at, bool on);
/* How many were counted. */
uint64_t inject_disarm(struct disk *d);
/* What is done for other devices neither fails nor counts. Nests. */
void inject_pause(void);
void inject_resume(void);
bool inject_memory(void); /* this allocation of ward_env's fails */

#endif
