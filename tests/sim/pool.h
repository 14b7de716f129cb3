/* pool.h - the simulator's memory for the library and for SQLite: a block that was given back waits for the next one of its size. That is
 * all for one thread, and nothing goes back to the system. Under a sanitizer each block is the system's own, so that it sees what is
 * done to it. */
#ifndef WARD_SIM_POOL_H
#define WARD_SIM_POOL_H

#include <stddef.h>

void *pool_take(size_t size); /* aborts where the test machine has no memory */
void *pool_resize(void *p, size_t size);
void pool_give(void *p);         /* NULL is fine */
size_t pool_size(const void *p); /* as asked for */

#endif
