/* scarce.h - memory that fails at one call, and is counted. Include after <cmocka.h>.
 *
 * each_shortage runs a piece of work with its first allocation failing, then its second, and so on until it is done without one: it may
 * only succeed or say WARD_ERR_MEMORY, and gives all memory back in the end. What else must hold, the work itself asserts. An arena asks
 * seldom, so scarce_arena gives one with so many bytes left and nothing behind them.
 */
#ifndef WARD_TEST_SCARCE_H
#define WARD_TEST_SCARCE_H

#include "base/arena.h"
#include "wardsync.h"

#include <stdlib.h>

struct scarce {
    struct ward_env env;
    size_t calls, fail_at, out; /* calls so far; the one that fails, from 0; blocks not yet given back */
};

static inline void *scarce_alloc(void *ctx, void *p, size_t size)
{
    struct scarce *m = ctx;
    if (size == 0) {
        m->out -= p != NULL;
        free(p);
        return NULL;
    }
    if (m->calls++ == m->fail_at)
        return NULL;
    void *q = realloc(p, size);
    m->out += !p && q;
    return q;
}

static inline void scarce_init(struct scarce *m, size_t fail_at)
{
    *m = (struct scarce){.env = {.ctx = m, .alloc = scarce_alloc}, .fail_at = fail_at};
}

#define SCARCE_BLOCK 65536u /* an arena's first block */

static inline void scarce_arena(struct ward_arena *a, struct scarce *m, size_t left)
{
    scarce_init(m, 1);
    ward_arena_init(a, &m->env);
    assert_non_null(ward_arena_take(a, SCARCE_BLOCK - left));
}

static inline size_t each_shortage(int (*work)(const struct ward_env *env, void *ctx), void *ctx)
{
    for (size_t at = 0;; at++) {
        struct scarce m;
        scarce_init(&m, at);
        int rc = work(&m.env, ctx);
        bool failed = m.calls > at;
        assert_int_equal(rc, failed ? WARD_ERR_MEMORY : WARD_OK);
        assert_int_equal(m.out, 0);
        if (!failed)
            return at;
        assert_in_range(at, 0, 100000);
    }
}

#endif
