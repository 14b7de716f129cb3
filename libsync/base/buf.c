#include "base/buf.h"
#include "base/alloc.h"
#include "wardsync.h"

#include <string.h>

void ward_buf_init(struct ward_buf *b, const struct ward_env *env)
{
    *b = (struct ward_buf){.env = env};
}

void ward_buf_free(struct ward_buf *b)
{
    ward_release(b->env, b->p);
    *b = (struct ward_buf){.env = b->env};
}

void ward_buf_clear(struct ward_buf *b)
{
    b->len = 0;
    b->failed = false;
}

uint8_t *ward_buf_room(struct ward_buf *b, size_t n)
{
    if (b->failed || n > SIZE_MAX / 2 - b->len) {
        b->failed = true;
        return NULL;
    }
    if (b->len + n > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < b->len + n)
            cap *= 2;
        uint8_t *grown = ward_realloc(b->env, b->p, cap);
        if (!grown) {
            b->failed = true;
            return NULL;
        }
        b->p = grown;
        b->cap = cap;
    }
    return b->p + b->len;
}

void ward_buf_add(struct ward_buf *b, const void *p, size_t n)
{
    uint8_t *to = n ? ward_buf_room(b, n) : NULL;
    if (to) {
        memcpy(to, p, n);
        b->len += n;
    }
}

int ward_buf_status(const struct ward_buf *b)
{
    return b->failed ? WARD_ERR_MEMORY : WARD_OK;
}
