/* fingerprint.h - four words for a device's keys, to be compared by two people over the telephone. proto/admission.md. */
#ifndef WARD_FINGERPRINT_H
#define WARD_FINGERPRINT_H

#include "wardsync.h"

/* 60 bits of H("wardsync words", [sign_pk, link_pk]) as twelve syllables that are read alike in Vietnamese and in English. */
void ward_fingerprint(char out[WARD_FINGERPRINT], const uint8_t sign_pk[32], const uint8_t link_pk[32]);

#endif
