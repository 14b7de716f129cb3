/* buf.h - a growing byte buffer with a sticky failure: write on, and look once at the end. */
#ifndef WARD_BUF_H
#define WARD_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ward_env;

struct ward_buf {
    const struct ward_env *env;
    uint8_t *p;
    size_t len, cap;
    bool failed; /* out of memory once: contents are void */
};

void ward_buf_init(struct ward_buf *b, const struct ward_env *env);
void ward_buf_free(struct ward_buf *b);
void ward_buf_clear(struct ward_buf *b); /* keeps the memory, forgets the failure */
/* Room for n more bytes; the place to write them, or NULL. */
uint8_t *ward_buf_room(struct ward_buf *b, size_t n);
void ward_buf_add(struct ward_buf *b, const void *p, size_t n);
int ward_buf_status(const struct ward_buf *b); /* WARD_OK or WARD_ERR_MEMORY */

#endif
