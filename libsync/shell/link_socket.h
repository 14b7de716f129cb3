/* link_socket.h - ZeroMQ's sockets and messages as the link uses them: never blocking, EINTR dealt with, failures in words. */
#ifndef WARD_LINK_SOCKET_H
#define WARD_LINK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

struct ward_error;

#define WARD_LINK_QUEUE      32 /* frames each way and connection before "busy"; more than the widest window */
#define WARD_CURVE_KEY_BYTES 32

/* Sets err from what the last ZeroMQ call said: WARD_ERR_MEMORY, else WARD_ERR_NETWORK. */
int ward_socket_fail(struct ward_error *err, const char *what);

/* A socket that never lingers. */
int ward_socket_open(void **out, void *zmq, int type, struct ward_error *err);
void ward_socket_close(void **socket); /* NULL inside is fine; leaves NULL */

int ward_socket_set(void *socket, int option, int value, const char *name, struct ward_error *err);
int ward_socket_set_key(void *socket, int option, const uint8_t key[WARD_CURVE_KEY_BYTES], const char *name, struct ward_error *err);
/* The settings of a socket that speaks to other machines, with its own key pair. */
int ward_socket_set_wire(void *socket, const uint8_t sk[WARD_CURVE_KEY_BYTES], struct ward_error *err);

/* The first part of a message into `part`, which must be initialised; *got false: none is there. */
int ward_socket_receive(void *socket, zmq_msg_t *part, bool *got, struct ward_error *err);
/* The next part of the message that `part` belongs to, into part. False: that was the last. */
bool ward_socket_next_part(void *socket, zmq_msg_t *part);
/* Throws away the parts after `part`; returns how many there were. */
size_t ward_socket_skip(void *socket, zmq_msg_t *part);

/* zmq_send, never waiting; -1 with zmq_errno(). Over a wire go messages of one part alone (a ROUTER's address is none): where a connection
 * breaks between two parts libzmq 4.3.4 may end the sender's process ("session_base.cpp:260"). */
int ward_socket_send(void *socket, const void *p, size_t len, int flags);

#endif
