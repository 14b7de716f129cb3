/* link_lines.h - the TCP connections at the door, from the moment they are accepted: whose they are, whether they have spoken, and when
 * they are to end.
 *
 * libzmq tells of a connection by its descriptor and keeps it as long as the other end likes. So a line that brings no frame in time, one
 * that brings bytes without end and no frame (a message of endless parts is held in memory until it is whole), and one that was dropped are
 * cut here, at the system. No ZeroMQ here.
 */
#ifndef WARD_LINK_LINES_H
#define WARD_LINK_LINES_H

#include "shell/platform_net.h"
#include "wardsync.h"

#include <stddef.h>

struct ward_line {
    int fd;
    struct ward_net_source source;
    int64_t since_ms;
    bool spoken;    /* a frame has come: the handshake is over, and it is a guest */
    int64_t end_ms; /* when it is to be cut; 0: not */
    uint64_t read;  /* bytes of its frames read so far, and what carried them */
};

struct ward_lines {
    const struct ward_env *env;
    struct ward_line *items;
    size_t count, cap, unfinished;
    int64_t watched_ms;
    uint64_t cut; /* so far */
};

/* What a frame of so many bytes takes on the wire. */
uint64_t ward_line_bytes(size_t len);

void ward_lines_init(struct ward_lines *l, const struct ward_env *env);
void ward_lines_free(struct ward_lines *l);
/* Where memory lacks it is not watched, and nothing else is lost. */
void ward_lines_accepted(struct ward_lines *l, int fd);
void ward_lines_ended(struct ward_lines *l, int fd);
void ward_lines_frame(struct ward_lines *l, int fd, size_t len);
/* Soon, so that what was said last arrives. */
void ward_lines_drop(struct ward_lines *l, int fd);
/* Cuts what is due, at most every tenth of a second. */
void ward_lines_watch(struct ward_lines *l);

#endif
