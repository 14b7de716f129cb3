#undef _FORTIFY_SOURCE /* its longjmp takes another stack for a mistake */
#include "fiber.h"
#include "asan.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef WITH_ASAN
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES                                                                                                                        \
    ((size_t)448 << 10) /* the sanitizer clears what it knows of a stack at each switch: by system calls from 512 KiB on                   \
                         */
#else
#define STACK_BYTES ((size_t)512 << 10)
#endif
#define GUARD_BYTES ((size_t)4096)

/* swapcontext saves the signals of each side by a system call, which nobody here changes: it is taken for a fiber's first turn alone. The
 * sanitizer follows a longjmp to nowhere: with it swapcontext stays. */
struct fiber {
    struct fiber *next; /* among the spare ones */
    ucontext_t context;
    jmp_buf at;
    bool begun;
    fiber_fn *fn;
    void *arg;
    bool ended;
    uint8_t *stack; /* the guard page first */
};

static struct {
    ucontext_t context;
    jmp_buf at;
    struct fiber *current, *spare;
#ifdef WITH_ASAN
    const void *bottom;
    size_t size;
#endif
} main_stack;

/* The sanitizer must be told when the stack changes. */
static void switch_to_main(struct fiber *f)
{
#ifdef WITH_ASAN
    void *fake;
    __sanitizer_start_switch_fiber(&fake, main_stack.bottom, main_stack.size);
    swapcontext(&f->context, &main_stack.context);
    __sanitizer_finish_switch_fiber(fake, &main_stack.bottom, &main_stack.size);
#else
    if (!_setjmp(f->at))
        _longjmp(main_stack.at, 1);
#endif
}

/* Never returns: between two jobs it waits among the spare ones. */
static void live(void)
{
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(NULL, &main_stack.bottom, &main_stack.size);
#endif
    for (;;) {
        struct fiber *f = main_stack.current;
        f->fn(f->arg);
        f->ended = true;
        switch_to_main(f);
    }
}

static struct fiber *make(void)
{
    struct fiber *f = calloc(1, sizeof *f);
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!f || stack == MAP_FAILED || mprotect(stack, GUARD_BYTES, PROT_NONE) || getcontext(&f->context)) {
        fputs("fiber: no memory for a stack\n", stderr);
        abort();
    }
    f->stack = stack;
    f->context.uc_stack.ss_sp = f->stack + GUARD_BYTES;
    f->context.uc_stack.ss_size = STACK_BYTES - GUARD_BYTES;
    makecontext(&f->context, live, 0);
    return f;
}

struct fiber *fiber_start(fiber_fn *fn, void *arg)
{
    struct fiber *f = main_stack.spare;
    if (f)
        main_stack.spare = f->next;
    else
        f = make();
    f->fn = fn;
    f->arg = arg;
    f->ended = false;
    return f;
}

void fiber_resume(struct fiber *f)
{
    main_stack.current = f;
#ifdef WITH_ASAN
    void *fake;
    __sanitizer_start_switch_fiber(&fake, f->context.uc_stack.ss_sp, f->context.uc_stack.ss_size);
    swapcontext(&main_stack.context, &f->context);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#else
    if (!_setjmp(main_stack.at)) {
        if (f->begun)
            _longjmp(f->at, 1);
        f->begun = true;
        swapcontext(&main_stack.context, &f->context);
    }
#endif
    main_stack.current = NULL;
}

void fiber_yield(void)
{
    switch_to_main(main_stack.current);
}

bool fiber_ended(const struct fiber *f)
{
    return f->ended;
}

void fiber_release(struct fiber *f)
{
    f->next = main_stack.spare;
    main_stack.spare = f;
}

void fiber_release_all(void)
{
    while (main_stack.spare) {
        struct fiber *f = main_stack.spare;
        main_stack.spare = f->next;
        munmap(f->stack, STACK_BYTES);
        free(f);
    }
}
