/* link_world.h - links over real sockets on loopback, and strangers with sockets of their own. All links of a test are stepped by one
 * thread in turn; tests wait for events, bounded by a number of steps, never for a time. Include after <cmocka.h>. */
#ifndef WARD_TEST_LINK_WORLD_H
#define WARD_TEST_LINK_WORLD_H

#include "base/limits.h"
#include "shell/link.h"
#include "shell/platform.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#define STEPS_MAX 30000 /* of a millisecond at most each */
#define LINKS_MAX 4
#define INBOX_MAX 4096
#define LOOPBACK  "tcp://127.0.0.1:0"

/* What a test remembers of an event. */
struct seen {
    enum ward_link_event_type type;
    ward_peer peer;
    int code;
    bool incoming;
    uint8_t link_pk[32];
    size_t len;
    uint8_t first; /* byte of a frame */
    char text[96];
    bool taken;
};

struct side {
    struct ward_link *link;
    uint8_t sk[32], pk[32];
    const uint8_t *unwanted; /* the one key that may not come in */
    const uint8_t *early;    /* the one that may not come in yet */
    struct seen inbox[INBOX_MAX];
    size_t count;
};

struct world {
    struct side *sides[LINKS_MAX];
    size_t count;
};

/* ---------------------------------------------------------------- the world */

static inline int admit(void *ctx, const uint8_t link_pk[32])
{
    const struct side *s = ctx;
    if (s->unwanted && memcmp(s->unwanted, link_pk, 32) == 0)
        return WARD_ERR_PEER_UNKNOWN;
    return s->early && memcmp(s->early, link_pk, 32) == 0 ? WARD_ERR_PAUSE : WARD_OK;
}

static inline struct side *add_side_with(struct world *w, int (*door)(void *, const uint8_t[32]))
{
    struct side *s = calloc(1, sizeof *s);
    assert_non_null(s);
    randombytes_buf(s->sk, sizeof s->sk);
    ward_link_public(s->pk, s->sk);
    struct ward_link_options options = {.env = ward_platform_env(), .admit = door, .ctx = s};
    memcpy(options.link_sk, s->sk, sizeof s->sk);
    assert_int_equal(ward_link_open(&s->link, &options, NULL), WARD_OK);
    w->sides[w->count++] = s;
    return s;
}

static inline struct side *add_side(struct world *w)
{
    return add_side_with(w, admit);
}

static inline void close_side(struct side *s)
{
    ward_link_close(s->link);
    s->link = NULL;
}

static inline int new_world(void **state)
{
    assert_true(sodium_init() >= 0);
    *state = calloc(1, sizeof(struct world));
    return *state ? 0 : -1;
}

static inline int end_world(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->count; i++) {
        ward_link_close(w->sides[i]->link);
        free(w->sides[i]);
    }
    free(w);
    return 0;
}

static inline void note(struct side *s, const struct ward_link_event *e)
{
    assert_true(s->count < INBOX_MAX);
    struct seen *seen = &s->inbox[s->count++];
    *seen = (struct seen){.type = e->type, .peer = e->peer, .code = e->code, .incoming = e->incoming, .len = e->len};
    memcpy(seen->link_pk, e->link_pk, sizeof seen->link_pk);
    memcpy(seen->text, e->text, sizeof seen->text);
    if (e->type == WARD_LINK_FRAME && e->len > 0)
        seen->first = e->p[0];
    if (e->type == WARD_LINK_DOWN || e->type == WARD_LINK_REFUSED)
        assert_true(e->text[0] != 0);
}

static inline void step(struct side *s)
{
    struct ward_link_event e;
    struct ward_error err;
    bool got;
    if (!s->link)
        return;
    if (ward_link_step(s->link, 1, -1, &e, &got, &err) != WARD_OK)
        fail_msg("step: %s", err.detail);
    if (got)
        note(s, &e);
}

static inline void step_all(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        step(w->sides[i]);
}

static inline struct seen *find(struct side *s, enum ward_link_event_type type)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->inbox[i].taken && s->inbox[i].type == type)
            return &s->inbox[i];
    return NULL;
}

static inline struct seen await(struct world *w, struct side *s, enum ward_link_event_type type)
{
    struct seen *found = find(s, type);
    for (int i = 0; !found && i < STEPS_MAX; i++) {
        step_all(w);
        found = find(s, type);
    }
    if (!found)
        fail_msg("no event of type %d", type);
    found->taken = true;
    return *found;
}

static inline void listen_at(struct side *s, const char *address, char bound[128])
{
    struct ward_error err;
    if (ward_link_listen(s->link, address, bound, &err) != WARD_OK)
        fail_msg("listen: %s", err.detail);
}

static inline ward_peer dial(struct side *s, const char *address, const uint8_t server_pk[32])
{
    ward_peer peer = 0;
    struct ward_error err;
    if (ward_link_connect(s->link, address, server_pk, NULL, &peer, &err) != WARD_OK)
        fail_msg("connect: %s", err.detail);
    return peer;
}

static inline ward_peer dial_up(struct world *w, struct side *s, const char *address, const uint8_t server_pk[32])
{
    ward_peer peer = dial(s, address, server_pk);
    struct seen up = await(w, s, WARD_LINK_UP);
    assert_true(up.peer == peer);
    assert_false(up.incoming);
    assert_memory_equal(up.link_pk, server_pk, 32);
    return peer;
}

static inline void say(struct side *s, ward_peer peer, uint8_t byte)
{
    assert_int_equal(ward_link_send(s->link, peer, &byte, 1, NULL), WARD_OK);
}

/* Both know each other: the guest's number at the server. */
static inline ward_peer greet(struct world *w, struct side *server, struct side *client, ward_peer peer)
{
    say(client, peer, 'h');
    struct seen hello = await(w, server, WARD_LINK_FRAME);
    assert_int_equal(hello.first, 'h');
    assert_memory_equal(hello.link_pk, client->pk, 32);
    return hello.peer;
}

/* ---------------------------------------------------------------- strangers: raw sockets */

struct stranger {
    void *zmq, *socket, *events;
    uint8_t sk[32], pk[32];
};

static inline void set_int(void *socket, int option, int value)
{
    assert_int_equal(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

static inline void open_stranger(struct stranger *x, int type)
{
    x->zmq = zmq_ctx_new();
    x->socket = zmq_socket(x->zmq, type);
    assert_non_null(x->socket);
    set_int(x->socket, ZMQ_LINGER, 0);
    assert_int_equal(zmq_socket_monitor(x->socket, "inproc://events", ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED),
                     0);
    x->events = zmq_socket(x->zmq, ZMQ_PAIR);
    set_int(x->events, ZMQ_RCVTIMEO, 10000);
    assert_int_equal(zmq_connect(x->events, "inproc://events"), 0);
    randombytes_buf(x->sk, sizeof x->sk);
    ward_link_public(x->pk, x->sk);
    assert_int_equal(zmq_setsockopt(x->socket, ZMQ_CURVE_SECRETKEY, x->sk, 32), 0);
    assert_int_equal(zmq_setsockopt(x->socket, ZMQ_CURVE_PUBLICKEY, x->pk, 32), 0);
}

static inline void connect_stranger(struct stranger *x, const char *address, const uint8_t server_pk[32])
{
    assert_int_equal(zmq_setsockopt(x->socket, ZMQ_CURVE_SERVERKEY, server_pk, 32), 0);
    assert_int_equal(zmq_connect(x->socket, address), 0);
}

/* The descriptor that it is about. */
static inline int await_event(struct stranger *x, uint16_t what)
{
    struct {
        uint16_t what;
        uint8_t value[4];
    } event;
    char endpoint[64];
    int fd;
    do {
        assert_int_equal(zmq_recv(x->events, &event, sizeof event, 0), sizeof event);
        assert_true(zmq_recv(x->events, endpoint, sizeof endpoint, 0) >= 0);
    } while (event.what != what);
    memcpy(&fd, event.value, sizeof fd);
    return fd;
}

static inline void close_stranger(struct stranger *x)
{
    zmq_socket_monitor(x->socket, NULL, 0);
    zmq_close(x->events);
    zmq_close(x->socket);
    zmq_ctx_term(x->zmq);
}

/* libzmq 4.3.4 ends the process of who closes a socket just when a connection breaks on which a message of several parts has gone out in
 * part ("session_base.cpp:260"). Here that is the stranger, who lives in this process: it takes notice of the break first. */
static inline void close_broken_stranger(struct stranger *x)
{
    await_event(x, ZMQ_EVENT_DISCONNECTED);
    close_stranger(x);
}

static inline int dial_tcp(const char *bound)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(strrchr(bound, ':') + 1))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* An address at which nobody listens any more. */
static inline void deserted(struct world *w, char bound[128])
{
    struct side *s = add_side(w);
    listen_at(s, LOOPBACK, bound);
    close_side(s);
}

#define IN_A_WORLD(f) cmocka_unit_test_setup_teardown(f, new_world, end_world)

#endif
