/* fiber.h - threads of control that give way of their own accord: each virtual process is one, so that the library's blocking calls run
 * as they are while another process has its turn. Only the main stack resumes; a fiber yields back to it. */
#ifndef SIM_FIBER_H
#define SIM_FIBER_H

#include <stdbool.h>

struct fiber;
typedef void fiber_fn(void *arg);

struct fiber *fiber_start(fiber_fn *fn, void *arg); /* runs at the first resume; stacks are kept and used again */
void fiber_resume(struct fiber *f);                 /* until it yields or ends; an ended one is void */
void fiber_yield(void);                             /* within a fiber */
bool fiber_ended(const struct fiber *f);
void fiber_release(struct fiber *f); /* an ended one: its stack is free for another */
void fiber_release_all(void);        /* the stacks that are kept */

#endif
