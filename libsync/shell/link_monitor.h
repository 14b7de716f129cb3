/* link_monitor.h - what happens to a socket's connections, as libzmq tells it: the only way to learn of a failed handshake. */
#ifndef WARD_LINK_MONITOR_H
#define WARD_LINK_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

struct ward_error;

struct ward_monitor {
    void *watched;
    void *socket;
};

struct ward_monitor_event {
    uint16_t what;  /* ZMQ_EVENT_... */
    uint32_t value; /* descriptor, errno, or protocol error: depends on what */
};

/* number: unique within the context. events: a mask of ZMQ_EVENT_... To be opened before the socket connects or binds. */
int ward_monitor_open(struct ward_monitor *m, void *zmq, void *watched, uint64_t number, int events, struct ward_error *err);
void ward_monitor_close(struct ward_monitor *m); /* before the watched socket is closed; a zeroed one is fine */
int ward_monitor_next(struct ward_monitor *m, struct ward_monitor_event *out, bool *got, struct ward_error *err);

/* Why a handshake failed, in words; event: one of ZMQ_EVENT_HANDSHAKE_FAILED_... */
void ward_monitor_explain(char *out, unsigned out_size, const struct ward_monitor_event *event);

#endif
