/* heap.h - the memory of the domain: it works on top of a replica and does not see the replica's ward_env. */
#ifndef WARD_DOMAIN_HEAP_H
#define WARD_DOMAIN_HEAP_H

struct ward_env;

/* The C library's heap; only .alloc is set. */
extern const struct ward_env plan_heap;

#endif
