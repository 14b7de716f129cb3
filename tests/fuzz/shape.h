/* shape.h - CBOR bent: one item otherwise (a number, a length, a member more or less, a type), every length around it right again. So what
 * is deep inside a frame, a body in a run, a value in a change meets the checks written for it, and not those of the outermost bytes. */
#ifndef WARD_TEST_SHAPE_H
#define WARD_TEST_SHAPE_H

#include "fuzz.h"

/* One edit of the bytes at p, told by the choices; how many bytes there are then (at most len_max, else nothing was done). Byte strings
 * that hold CBOR are looked into. What is no CBOR stays as it is. */
size_t shape_bend(uint8_t *p, size_t len, size_t len_max, struct fuzz_input *choices);

#endif
