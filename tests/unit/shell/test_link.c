/* The link over real sockets on loopback. All links of a test are stepped by one thread in turn; tests wait for events, bounded by a
 * number of steps, never for a time. */
#include "base/limits.h"
#include "shell/link.h"
#include "shell/link_door.h"
#include "shell/link_guests.h"
#include "shell/link_lines.h"
#include "shell/platform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

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

static int admit(void *ctx, const uint8_t link_pk[32])
{
    const struct side *s = ctx;
    if (s->unwanted && memcmp(s->unwanted, link_pk, 32) == 0)
        return WARD_ERR_PEER_UNKNOWN;
    return s->early && memcmp(s->early, link_pk, 32) == 0 ? WARD_ERR_PAUSE : WARD_OK;
}

static struct side *add_side_with(struct world *w, int (*door)(void *, const uint8_t[32]))
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

static struct side *add_side(struct world *w)
{
    return add_side_with(w, admit);
}

static void close_side(struct side *s)
{
    ward_link_close(s->link);
    s->link = NULL;
}

static int new_world(void **state)
{
    assert_true(sodium_init() >= 0);
    *state = calloc(1, sizeof(struct world));
    return *state ? 0 : -1;
}

static int end_world(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->count; i++) {
        ward_link_close(w->sides[i]->link);
        free(w->sides[i]);
    }
    free(w);
    return 0;
}

static void note(struct side *s, const struct ward_link_event *e)
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

static void step(struct side *s)
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

static void step_all(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        step(w->sides[i]);
}

static struct seen *find(struct side *s, enum ward_link_event_type type)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->inbox[i].taken && s->inbox[i].type == type)
            return &s->inbox[i];
    return NULL;
}

static struct seen await(struct world *w, struct side *s, enum ward_link_event_type type)
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

static void listen_at(struct side *s, const char *address, char bound[128])
{
    struct ward_error err;
    if (ward_link_listen(s->link, address, bound, &err) != WARD_OK)
        fail_msg("listen: %s", err.detail);
}

static ward_peer dial(struct side *s, const char *address, const uint8_t server_pk[32])
{
    ward_peer peer = 0;
    struct ward_error err;
    if (ward_link_connect(s->link, address, server_pk, NULL, &peer, &err) != WARD_OK)
        fail_msg("connect: %s", err.detail);
    return peer;
}

static ward_peer dial_up(struct world *w, struct side *s, const char *address, const uint8_t server_pk[32])
{
    ward_peer peer = dial(s, address, server_pk);
    struct seen up = await(w, s, WARD_LINK_UP);
    assert_true(up.peer == peer);
    assert_false(up.incoming);
    assert_memory_equal(up.link_pk, server_pk, 32);
    return peer;
}

static void say(struct side *s, ward_peer peer, uint8_t byte)
{
    assert_int_equal(ward_link_send(s->link, peer, &byte, 1, NULL), WARD_OK);
}

/* Both know each other: the guest's number at the server. */
static ward_peer greet(struct world *w, struct side *server, struct side *client, ward_peer peer)
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

static void set_int(void *socket, int option, int value)
{
    assert_int_equal(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

static void open_stranger(struct stranger *x, int type)
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

static void connect_stranger(struct stranger *x, const char *address, const uint8_t server_pk[32])
{
    assert_int_equal(zmq_setsockopt(x->socket, ZMQ_CURVE_SERVERKEY, server_pk, 32), 0);
    assert_int_equal(zmq_connect(x->socket, address), 0);
}

/* The descriptor that it is about. */
static int await_event(struct stranger *x, uint16_t what)
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

static void close_stranger(struct stranger *x)
{
    zmq_socket_monitor(x->socket, NULL, 0);
    zmq_close(x->events);
    zmq_close(x->socket);
    zmq_ctx_term(x->zmq);
}

/* libzmq 4.3.4 ends the process of who closes a socket just when a connection breaks on which a message of several parts has gone out in
 * part ("session_base.cpp:260"). Here that is the stranger, who lives in this process: it takes notice of the break first. */
static void close_broken_stranger(struct stranger *x)
{
    await_event(x, ZMQ_EVENT_DISCONNECTED);
    close_stranger(x);
}

static int dial_tcp(const char *bound)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(strrchr(bound, ':') + 1))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* An address at which nobody listens any more. */
static void deserted(struct world *w, char bound[128])
{
    struct side *s = add_side(w);
    listen_at(s, LOOPBACK, bound);
    close_side(s);
}

/* ---------------------------------------------------------------- addresses */

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool listening, good;
    } cases[] = {
        {"tcp://127.0.0.1:7", false, true},
        {"tcp://hub.ward-12.example:4477", false, true},
        {"tcp://[::1]:65535", false, true},
        {"tcp://[fe80::1%eth0]:1", false, true},
        {"tcp://*:0", true, true},
        {"tcp://0.0.0.0:*", true, true},
        {"tcp://[::]:0", true, true},
        {"", false, false},
        {"tcp://", false, false},
        {"tcp://:1", false, false},
        {"tcp://host", false, false},
        {"tcp://host:", false, false},
        {"tcp://host:0", false, false},
        {"tcp://host:*", false, false},
        {"tcp://host:65536", false, false},
        {"tcp://host:1x", false, false},
        {"tcp://host:-1", false, false},
        {"tcp://host:007", false, false},
        {"tcp://*:1", false, false},
        {"tcp://host:1", true, false},
        {"tcp://1.2.3:1", false, false},
        {"tcp://1.2.3.4.5:1", false, false},
        {"tcp://1.2.3.256:1", false, false},
        {"tcp://::1:1", false, false},
        {"tcp://[::1:1", false, false},
        {"tcp://[zz::1]:1", false, false},
        {"tcp://[]:1", false, false},
        {"tcp://a..b:1", false, false},
        {"tcp://-a:1", false, false},
        {"tcp://a b:1", false, false},
        {"tcp://127.0.0.1:0;127.0.0.1:5", false, false},
        {"ipc:///tmp/x:1", false, false},
        {"inproc://zeromq.zap.01:1", true, false},
        {"tcp://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1", false, false}, /* 65 bytes */
        {"tcp://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = ward_address_check(cases[i].address, cases[i].listening, NULL);
        if (rc != (cases[i].good ? WARD_OK : WARD_ERR_ADDRESS))
            fail_msg("%s (%d): %d", cases[i].address, cases[i].listening, rc);
    }
}

static void bad_addresses_are_refused(void **state)
{
    struct world *w = *state;
    struct side *s = add_side(w);
    char bound[128];
    struct ward_error err;
    ward_peer peer;
    assert_int_equal(ward_link_listen(s->link, "tcp://nowhere:1", bound, &err), WARD_ERR_ADDRESS);
    assert_int_equal(ward_link_listen(s->link, "tcp://203.0.113.7:0", bound, &err), WARD_ERR_ADDRESS); /* not of this machine */
    assert_non_null(strstr(err.detail, "203.0.113.7"));
    assert_int_equal(ward_link_connect(s->link, "tcp://host", s->pk, NULL, &peer, &err), WARD_ERR_ADDRESS);
}

static void address_in_use(void **state)
{
    struct world *w = *state;
    struct side *a = add_side(w), *b = add_side(w);
    char bound[128], again[128];
    listen_at(a, LOOPBACK, bound);
    assert_int_equal(strncmp(bound, "tcp://127.0.0.1:", 16), 0);
    struct ward_error err;
    assert_int_equal(ward_link_listen(b->link, bound, again, &err), WARD_ERR_ADDRESS_IN_USE);
    assert_non_null(strstr(err.detail, bound));
    listen_at(b, LOOPBACK, again); /* and it goes on */
    assert_string_not_equal(bound, again);
}

/* ---------------------------------------------------------------- frames */

static void frames_go_both_ways(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer up = dial_up(w, client, bound, server->pk);
    static uint8_t bytes[WARD_FRAME_MAX + 1] = {'x'};
    static const size_t sizes[] = {1, 0, 1000, WARD_FRAME_MAX};
    ward_peer guest = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(ward_link_send(client->link, up, bytes, sizes[i], NULL), WARD_OK);
        struct seen there = await(w, server, WARD_LINK_FRAME);
        assert_int_equal(there.len, sizes[i]);
        assert_true(there.incoming);
        assert_memory_equal(there.link_pk, client->pk, 32);
        assert_true(guest == 0 || guest == there.peer);
        guest = there.peer;
        assert_int_equal(ward_link_send(server->link, guest, bytes, sizes[i], NULL), WARD_OK);
        struct seen back = await(w, client, WARD_LINK_FRAME);
        assert_int_equal(back.len, sizes[i]);
        assert_false(back.incoming);
        assert_true(back.peer == up);
        assert_memory_equal(back.link_pk, server->pk, 32);
    }
    assert_int_equal(ward_link_send(client->link, up, bytes, WARD_FRAME_MAX + 1, NULL), WARD_ERR_LIMIT_FRAME);
    assert_int_equal(ward_link_send(server->link, guest, bytes, WARD_FRAME_MAX + 1, NULL), WARD_ERR_LIMIT_FRAME);
    assert_int_equal(ward_link_send(server->link, 999, bytes, 1, NULL), WARD_ERR_LINK_CLOSED);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

static void listens_at_several_addresses(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char four[128], six[128], star[128];
    if (!has_ipv6()) {
        print_message("no IPv6 here\n");
        skip();
    }
    listen_at(server, LOOPBACK, four);
    listen_at(server, "tcp://[::1]:0", six);
    assert_int_equal(strncmp(six, "tcp://[::1]:", 12), 0);
    ward_peer a = greet(w, server, client, dial_up(w, client, four, server->pk));
    ward_peer b = greet(w, server, client, dial_up(w, client, six, server->pk));
    assert_true(a != b);
    listen_at(server, "tcp://*:*", star);
    assert_int_equal(strncmp(star, "tcp://0.0.0.0:", 14), 0);
}

static void two_connections_of_one_key(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer up[2], guest[2];
    for (int i = 0; i < 2; i++)
        up[i] = dial_up(w, client, bound, server->pk);
    for (int i = 0; i < 2; i++)
        guest[i] = greet(w, server, client, up[i]);
    assert_true(guest[0] != guest[1]);
    for (int i = 0; i < 2; i++) {
        say(server, guest[i], (uint8_t)('0' + i));
        struct seen back = await(w, client, WARD_LINK_FRAME);
        assert_true(back.peer == up[i]);
        assert_int_equal(back.first, '0' + i);
    }
}

static void joins_with_another_key(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    server->unwanted = client->pk;
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    uint8_t sk[32], pk[32];
    randombytes_buf(sk, sizeof sk);
    ward_link_public(pk, sk);
    ward_peer peer;
    assert_int_equal(ward_link_connect(client->link, bound, server->pk, sk, &peer, NULL), WARD_OK);
    await(w, client, WARD_LINK_UP);
    say(client, peer, 'j');
    assert_memory_equal(await(w, server, WARD_LINK_FRAME).link_pk, pk, 32);
}

/* ---------------------------------------------------------------- the door */

static void unknown_key_gets_nothing(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    server->unwanted = client->pk;
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer peer = dial(client, bound, server->pk);
    assert_int_equal(ward_link_send(client->link, peer, "x", 1, NULL), WARD_ERR_BUSY); /* nothing is queued before the door opens */
    struct seen down = await(w, client, WARD_LINK_DOWN);
    assert_true(down.peer == peer);
    assert_int_equal(down.code, WARD_ERR_KEY_REFUSED);
    struct seen refused = await(w, server, WARD_LINK_REFUSED);
    assert_int_equal(refused.code, WARD_ERR_PEER_UNKNOWN);
    assert_memory_equal(refused.link_pk, client->pk, 32);
    assert_null(find(client, WARD_LINK_UP));
    assert_null(find(server, WARD_LINK_FRAME));
    assert_int_equal(ward_link_send(client->link, peer, "x", 1, NULL), WARD_ERR_LINK_CLOSED);
}

static void without_a_doorkeeper_nobody_enters(void **state)
{
    struct world *w = *state;
    struct side *server = add_side_with(w, NULL), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    dial(client, bound, server->pk);
    assert_int_equal(await(w, client, WARD_LINK_DOWN).code, WARD_ERR_KEY_REFUSED);
}

static void door_is_closed_while_nobody_attends_it(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    dial(client, bound, server->pk);
    for (int i = 0; i < 200; i++)
        step(client);
    assert_int_equal(client->count, 0);
    await(w, client, WARD_LINK_UP);
}

static int anybody(void *ctx, const uint8_t link_pk[32])
{
    (void)ctx, (void)link_pk;
    return WARD_OK;
}

/* The doorkeeper is lost while the door is open. Nobody new gets in, for all that he would have let everybody in; and whoever attends the
 * door next is told, and ends. */
static void a_lost_doorkeeper_leaves_the_door_shut(void **state)
{
    struct world *w = *state;
    struct side *early = add_side(w), *late = add_side(w);
    struct ward_link_options options = {.env = ward_platform_env(), .admit = anybody};
    struct ward_door d = {0};
    struct ward_error err = {0};
    struct ward_link_event e;
    ward_peer next = 1, guest = 0;
    uint8_t sk[32], pk[32];
    char bound[128];
    bool got;
    void *zmq = zmq_ctx_new();
    zmq_msg_t held;
    zmq_msg_init(&held);
    randombytes_buf(sk, sizeof sk);
    ward_link_public(pk, sk);
    assert_int_equal(ward_door_open(&d, zmq, &options, sk, 0, NULL), WARD_OK);
    assert_int_equal(ward_door_bind(&d, LOOPBACK, bound, NULL), WARD_OK);
    ward_peer up = dial(early, bound, pk);
    for (int i = 0; !guest && i < STEPS_MAX; i++) {
        step_all(w);
        if (find(early, WARD_LINK_UP))
            ward_link_send(early->link, up, "h", 1, NULL);
        assert_int_equal(ward_door_attend(&d, NULL), WARD_OK);
        assert_int_equal(ward_door_take(&d, &next, &held, &e, &got, NULL), WARD_OK);
        guest = got && e.type == WARD_LINK_FRAME ? e.peer : 0;
    }
    assert_true(guest != 0);

    ward_zap_close(&d.zap);
    for (int tries = 0; tries < 3; tries++) {
        dial(late, bound, pk);
        for (int i = 0; !find(late, WARD_LINK_DOWN) && i < STEPS_MAX; i++) {
            step_all(w);
            assert_int_equal(ward_door_take(&d, &next, &held, &e, &got, NULL), WARD_OK);
            assert_false(got && e.type == WARD_LINK_FRAME && memcmp(e.link_pk, late->pk, 32) == 0);
        }
        assert_non_null(find(late, WARD_LINK_DOWN));
        assert_null(find(late, WARD_LINK_UP));
        late->count = 0;
    }
    assert_int_equal(ward_door_attend(&d, &err), WARD_ERR_DOOR);
    assert_true(err.detail[0] != 0);
    zmq_msg_close(&held);
    ward_door_close(&d);
    zmq_ctx_term(zmq);
    await(w, early, WARD_LINK_DOWN);
}

static void wrong_server_key(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    dial(client, bound, client->pk);
    assert_int_equal(await(w, client, WARD_LINK_DOWN).code, WARD_ERR_HANDSHAKE);
    struct seen refused = await(w, server, WARD_LINK_REFUSED);
    assert_int_equal(refused.code, WARD_ERR_HANDSHAKE);
    assert_true(sodium_is_zero(refused.link_pk, 32));
}

static void nobody_listens(void **state)
{
    struct world *w = *state;
    char bound[128];
    deserted(w, bound);
    struct side *client = add_side(w);
    /* The last is no literal, though it looks like one: of it libzmq would say nothing were it told never to reconnect. */
    const char *addresses_of_nobody[] = {bound, "tcp://[:::]:1"};
    for (size_t i = 0; i < 2; i++) {
        ward_peer peer = dial(client, addresses_of_nobody[i], client->pk);
        struct seen down = await(w, client, WARD_LINK_DOWN);
        assert_true(down.peer == peer);
        assert_int_equal(down.code, WARD_ERR_NETWORK);
    }
}

static void too_many_calls(void **state)
{
    struct world *w = *state;
    char bound[128];
    deserted(w, bound);
    struct side *client = add_side(w);
    ward_peer peer;
    int rc = WARD_OK, made = 0;
    while (!rc && made < 1000) {
        rc = ward_link_connect(client->link, bound, client->pk, NULL, &peer, NULL);
        made += !rc;
    }
    assert_int_equal(rc, WARD_ERR_PEERS);
    for (int i = 0; i < made; i++)
        await(w, client, WARD_LINK_DOWN);
    dial(client, bound, client->pk);
}

/* Until the server has hung up on a raw connection. */
static void await_hang_up(struct world *w, int fd)
{
    char bytes[256];
    ssize_t n = 1;
    for (int i = 0; (n > 0 || (n < 0 && errno == EAGAIN)) && i < STEPS_MAX; i++) {
        step_all(w);
        n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    }
    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
    close(fd);
}

static void noise_disturbs_nobody(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer up = dial_up(w, client, bound, server->pk);
    ward_peer guest = greet(w, server, client, up);
    int noise = dial_tcp(bound), almost = dial_tcp(bound), silence = dial_tcp(bound);
    static const char request[] = "GET / HTTP/1.1\r\nHost: hub\r\nUser-Agent: none in particular, but long enough for a greeting\r\n\r\n";
    assert_true(write(noise, request, sizeof request) > 0);
    await_hang_up(w, noise);
    static const uint8_t greeting[64 + 16] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1, 'C', 'U', 'R', 'V', 'E', [64] = 4, 12};
    assert_true(write(almost, greeting, sizeof greeting) > 0);
    struct seen refused = await(w, server, WARD_LINK_REFUSED);
    assert_int_equal(refused.code, WARD_ERR_HANDSHAKE);
    assert_true(sodium_is_zero(refused.link_pk, 32));
    await_hang_up(w, almost);
    close(silence);
    assert_true(greet(w, server, client, up) == guest);
    assert_null(find(server, WARD_LINK_DOWN));
}

static void no_curve_no_entry(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    void *zmq = zmq_ctx_new(), *plain = zmq_socket(zmq, ZMQ_DEALER);
    set_int(plain, ZMQ_LINGER, 0);
    assert_int_equal(zmq_connect(plain, bound), 0);
    assert_int_equal(zmq_send(plain, "x", 1, 0), 1);
    assert_int_equal(await(w, server, WARD_LINK_REFUSED).code, WARD_ERR_HANDSHAKE);
    assert_null(find(server, WARD_LINK_FRAME));
    zmq_close(plain);
    zmq_ctx_term(zmq);
}

/* ---------------------------------------------------------------- bad manners */

static void too_many_parts_from_a_guest_are_dropped(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    struct stranger x;
    open_stranger(&x, ZMQ_DEALER);
    connect_stranger(&x, bound, server->pk);
    zmq_send(x.socket, "bad", 3, ZMQ_SNDMORE);
    zmq_send(x.socket, "bad", 3, 0);
    for (int i = 0; i < 400; i++)
        zmq_send(x.socket, "bad", 3, i < 399 ? ZMQ_SNDMORE : 0);
    zmq_send(x.socket, "good", 4, 0);
    struct seen frame = await(w, server, WARD_LINK_FRAME);
    assert_int_equal(frame.len, 4);
    assert_int_equal(frame.first, 'g');
    assert_memory_equal(frame.link_pk, x.pk, 32);
    close_stranger(&x);
}

/* Our frames are of one part: where a line breaks within one, or between two, nothing else happens. */
static void a_line_that_breaks_within_a_frame_ends_no_process(void **state)
{
    static const uint8_t bytes[WARD_FRAME_MAX];
    struct world *w = *state;
    struct side *server = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    for (int i = 0; i < 20; i++) {
        struct stranger x;
        open_stranger(&x, ZMQ_DEALER);
        set_int(x.socket, ZMQ_RECONNECT_IVL, -1);
        set_int(x.socket, ZMQ_RCVHWM, 1);
        connect_stranger(&x, bound, server->pk);
        int fd = await_event(&x, ZMQ_EVENT_CONNECTED);
        assert_int_equal(zmq_send(x.socket, "x", 1, 0), 1);
        ward_peer guest = await(w, server, WARD_LINK_FRAME).peer;
        while (ward_link_send(server->link, guest, bytes, sizeof bytes, NULL) == WARD_OK)
            ;
        shutdown(fd, SHUT_RDWR);
        if (i % 2)
            ward_link_drop(server->link, guest);
        else
            assert_true(await(w, server, WARD_LINK_DOWN).peer == guest);
        close_stranger(&x);
    }
}

/* A server that is none of ours, which takes the client's greeting. */
static void open_bad_server(struct stranger *x, char bound[128])
{
    open_stranger(x, ZMQ_ROUTER);
    set_int(x->socket, ZMQ_CURVE_SERVER, 1);
    assert_int_equal(zmq_bind(x->socket, LOOPBACK), 0);
    size_t len = 128;
    assert_int_equal(zmq_getsockopt(x->socket, ZMQ_LAST_ENDPOINT, bound, &len), 0);
}

static ward_peer meet_bad_server(struct world *w, struct stranger *x, const char *bound, struct side *client)
{
    ward_peer up = dial_up(w, client, bound, x->pk);
    say(client, up, 'h');
    char id[16], payload[16];
    int len = zmq_recv(x->socket, id, sizeof id, 0);
    assert_int_equal(zmq_recv(x->socket, payload, sizeof payload, 0), 1);
    assert_int_equal(zmq_send(x->socket, id, (size_t)len, ZMQ_SNDMORE), len);
    return up;
}

static void too_many_parts_from_a_server_end_the_call(void **state)
{
    struct world *w = *state;
    struct side *client = add_side(w);
    struct stranger x;
    char bound[128];
    open_bad_server(&x, bound);
    ward_peer up = meet_bad_server(w, &x, bound, client);
    zmq_send(x.socket, "a", 1, ZMQ_SNDMORE);
    zmq_send(x.socket, "b", 1, 0);
    struct seen down = await(w, client, WARD_LINK_DOWN);
    assert_true(down.peer == up);
    assert_int_equal(down.code, WARD_ERR_LIMIT_FRAME);
    assert_null(find(client, WARD_LINK_FRAME));
    close_broken_stranger(&x);
}

/* The same from a server: what it sends before it is whole is held by libzmq, and the call is ended before that fills the memory. */
static void endless_message_from_a_server_ends_the_call(void **state)
{
    enum { PARTS = 5 * (WARD_LINE_AHEAD_MAX / WARD_FRAME_MAX) };
    struct world *w = *state;
    struct side *client = add_side(w);
    struct stranger x;
    char bound[128];
    static uint8_t part[WARD_FRAME_MAX];
    open_bad_server(&x, bound);
    ward_peer up = meet_bad_server(w, &x, bound, client);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(zmq_send(x.socket, part, sizeof part, i + 1 < PARTS ? ZMQ_SNDMORE : 0), sizeof part);
    struct seen down = await(w, client, WARD_LINK_DOWN);
    assert_true(down.peer == up);
    assert_int_equal(down.code, WARD_ERR_LIMIT_FRAME);
    assert_non_null(strstr(down.text, "without end")); /* before it was whole */
    assert_null(find(client, WARD_LINK_FRAME));
    close_broken_stranger(&x);
}

static void oversize_from_a_server_ends_the_call(void **state)
{
    struct world *w = *state;
    struct side *client = add_side(w);
    struct stranger x;
    char bound[128];
    open_bad_server(&x, bound);
    meet_bad_server(w, &x, bound, client);
    static uint8_t bytes[WARD_FRAME_MAX + 1];
    zmq_send(x.socket, bytes, sizeof bytes, 0);
    assert_int_equal(await(w, client, WARD_LINK_DOWN).code, WARD_ERR_LINK_CLOSED);
    assert_null(find(client, WARD_LINK_FRAME));
    close_stranger(&x);
}

static void oversize_from_a_guest_ends_its_connection(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    struct stranger x;
    open_stranger(&x, ZMQ_DEALER);
    connect_stranger(&x, bound, server->pk);
    zmq_send(x.socket, "good", 4, 0);
    ward_peer guest = await(w, server, WARD_LINK_FRAME).peer;
    static uint8_t bytes[WARD_FRAME_MAX + 1];
    zmq_send(x.socket, bytes, sizeof bytes, 0);
    struct seen down = await(w, server, WARD_LINK_DOWN);
    assert_true(down.peer == guest);
    assert_true(down.incoming);
    assert_null(find(server, WARD_LINK_FRAME));
    close_stranger(&x);
}

static void own_routing_ids_are_not_listened_to(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    struct stranger named, plain;
    open_stranger(&named, ZMQ_DEALER);
    assert_int_equal(zmq_setsockopt(named.socket, ZMQ_ROUTING_ID, "me", 2), 0);
    connect_stranger(&named, bound, server->pk);
    zmq_send(named.socket, "bad", 3, 0);
    open_stranger(&plain, ZMQ_DEALER);
    connect_stranger(&plain, bound, server->pk);
    for (int i = 0; i < 100; i++) {
        zmq_send(plain.socket, "good", 4, 0);
        assert_memory_equal(await(w, server, WARD_LINK_FRAME).link_pk, plain.pk, 32);
    }
    close_stranger(&named);
    close_stranger(&plain);
}

static void peer_that_does_not_read_blocks_nobody(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    struct stranger deaf;
    open_stranger(&deaf, ZMQ_DEALER);
    set_int(deaf.socket, ZMQ_RCVHWM, 1);
    connect_stranger(&deaf, bound, server->pk);
    zmq_send(deaf.socket, "hello", 5, 0);
    ward_peer guest = await(w, server, WARD_LINK_FRAME).peer;
    static uint8_t bytes[WARD_FRAME_MAX];
    struct ward_error err;
    int rc = WARD_OK;
    for (int i = 0; !rc && i < 10000; i++)
        rc = ward_link_send(server->link, guest, bytes, sizeof bytes, &err);
    assert_int_equal(rc, WARD_ERR_BUSY);
    ward_peer up = dial_up(w, client, bound, server->pk);
    say(server, greet(w, server, client, up), 'y');
    await(w, client, WARD_LINK_FRAME);
    close_stranger(&deaf);
    assert_true(await(w, server, WARD_LINK_DOWN).peer == guest);
    assert_int_equal(ward_link_send(server->link, guest, bytes, 1, &err), WARD_ERR_LINK_CLOSED);
}

static void chatty_peer_starves_nobody(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *chatty = add_side(w), *modest = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer loud = dial_up(w, chatty, bound, server->pk);
    ward_peer guest = greet(w, server, chatty, loud);
    ward_peer soft = dial(modest, bound, server->pk);
    bool heard = false, up = false;
    for (int i = 0; !heard && i < STEPS_MAX; i++) {
        while (ward_link_send(chatty->link, loud, "x", 1, NULL) == WARD_OK)
            ;
        step_all(w);
        if (!up && find(modest, WARD_LINK_UP)) {
            up = true;
            say(modest, soft, 'm');
        }
        const struct seen *frame = find(server, WARD_LINK_FRAME);
        heard = frame && frame->peer != guest;
        server->count = 0;
    }
    assert_true(heard);
}

/* ---------------------------------------------------------------- endings */

static void server_goes_away(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer up = dial_up(w, client, bound, server->pk);
    greet(w, server, client, up);
    close_side(server);
    struct seen down = await(w, client, WARD_LINK_DOWN);
    assert_true(down.peer == up);
    assert_int_equal(down.code, WARD_ERR_LINK_CLOSED);
    assert_int_equal(ward_link_send(client->link, up, "x", 1, NULL), WARD_ERR_LINK_CLOSED);
    for (int i = 0; i < 100; i++)
        step(client);
    assert_null(find(client, WARD_LINK_UP)); /* no second try */
}

static void guest_goes_away(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer first = 0;
    for (int i = 0; i < 5; i++) { /* descriptors are used again */
        ward_peer up = dial_up(w, client, bound, server->pk);
        ward_peer guest = greet(w, server, client, up);
        assert_true(guest != first);
        first = guest;
        ward_link_drop(client->link, up);
        struct seen down = await(w, server, WARD_LINK_DOWN);
        assert_true(down.peer == guest);
        assert_true(down.incoming);
        assert_int_equal(down.code, WARD_ERR_LINK_CLOSED);
        assert_memory_equal(down.link_pk, client->pk, 32);
        assert_int_equal(ward_link_send(server->link, guest, "x", 1, NULL), WARD_ERR_LINK_CLOSED);
    }
    assert_null(find(server, WARD_LINK_DOWN));
}

static void what_was_sent_before_leaving_arrives(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    struct stranger x;
    open_stranger(&x, ZMQ_DEALER);
    set_int(x.socket, ZMQ_LINGER, -1);
    connect_stranger(&x, bound, server->pk);
    zmq_send(x.socket, "0", 1, 0);
    assert_int_equal(await(w, server, WARD_LINK_FRAME).first, '0');
    for (int i = 1; i < 10; i++)
        zmq_send(x.socket, &"0123456789"[i], 1, 0);
    close_stranger(&x);
    for (int i = 1; i < 10; i++) {
        assert_int_equal(await(w, server, WARD_LINK_FRAME).first, '0' + i);
        assert_null(find(server, WARD_LINK_DOWN));
    }
    await(w, server, WARD_LINK_DOWN);
}

static void dropped_guest_is_not_heard(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w), *other = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer up = dial_up(w, client, bound, server->pk);
    ward_peer guest = greet(w, server, client, up);
    ward_peer other_up = dial_up(w, other, bound, server->pk);
    ward_link_drop(server->link, guest);
    assert_int_equal(ward_link_send(server->link, guest, "x", 1, NULL), WARD_ERR_LINK_CLOSED);
    uint8_t z = 'z';
    for (int i = 0; i < 50; i++) {
        int rc = ward_link_send(client->link, up, &z, 1, NULL);
        assert_true(rc == WARD_OK || (i && rc == WARD_ERR_LINK_CLOSED)); /* in the end it is cut off as well */
        greet(w, server, other, other_up);                               /* that it is the other's is checked there */
    }
    ward_link_drop(client->link, up);
    greet(w, server, client, dial_up(w, client, bound, server->pk)); /* a new connection is a new chance */
    assert_null(find(server, WARD_LINK_DOWN));
    ward_link_drop(server->link, guest); /* void: nothing */
}

static void closing_never_hangs(void **state)
{
    struct world *w = *state;
    ward_link_close(NULL);
    struct side *idle = add_side(w);
    close_side(idle);
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer up = dial_up(w, client, bound, server->pk);
    ward_peer guest = greet(w, server, client, up);
    static uint8_t bytes[WARD_FRAME_MAX];
    while (ward_link_send(server->link, guest, bytes, sizeof bytes, NULL) == WARD_OK)
        ;
    while (ward_link_send(client->link, up, bytes, sizeof bytes, NULL) == WARD_OK)
        ;
    dial(client, bound, server->pk); /* at the door */
    int silent = dial_tcp(bound);
    close_side(server);
    close_side(client);
    close(silent);
}

static void wake_ends_the_wait(void **state)
{
    struct world *w = *state;
    struct side *s = add_side(w);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    struct ward_link_event e;
    bool got = true;
    const struct ward_env *env = ward_platform_env();
    int64_t before = env->mono_ms(NULL);
    assert_int_equal(ward_link_step(s->link, 600000, ends[0], &e, &got, NULL), WARD_OK);
    assert_false(got);
    assert_true(env->mono_ms(NULL) - before < 300000);
    close(ends[0]);
    close(ends[1]);
}

/* ---------------------------------------------------------------- lines */

/* Who was dropped is cut off as well, when what it was told last has arrived. */
static void dropped_guest_is_cut_off(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w), *other = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    ward_peer up = dial_up(w, client, bound, server->pk), other_up = dial_up(w, other, bound, server->pk);
    ward_peer guest = greet(w, server, client, up), other_guest = greet(w, server, other, other_up);
    say(server, guest, 'b');
    ward_link_drop(server->link, guest);
    assert_int_equal(await(w, client, WARD_LINK_FRAME).first, 'b');
    struct seen down = await(w, client, WARD_LINK_DOWN);
    assert_true(down.peer == up);
    assert_int_equal(down.code, WARD_ERR_LINK_CLOSED);
    assert_true(greet(w, server, other, other_up) == other_guest);
    assert_null(find(server, WARD_LINK_DOWN)); /* its number was void already */
}

static void not_yet_is_another_word_than_never(void **state)
{
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    listen_at(server, LOOPBACK, bound);
    server->early = client->pk;
    dial(client, bound, server->pk);
    assert_int_equal(await(w, client, WARD_LINK_DOWN).code, WARD_ERR_PAUSE);
    assert_int_equal(await(w, server, WARD_LINK_REFUSED).code, WARD_ERR_PAUSE);
    server->early = NULL;
    greet(w, server, client, dial_up(w, client, bound, server->pk));
}

/* A message of very many parts is held by libzmq until it is whole: the line is cut before it fills the memory. */
static void endless_message_is_cut_off(void **state)
{
    enum { PARTS = 5 * (WARD_LINE_AHEAD_MAX / WARD_FRAME_MAX) };
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    static uint8_t part[WARD_FRAME_MAX];
    listen_at(server, LOOPBACK, bound);
    ward_peer up = dial_up(w, client, bound, server->pk);
    ward_peer guest = greet(w, server, client, up);
    struct stranger x;
    open_stranger(&x, ZMQ_DEALER);
    set_int(x.socket, ZMQ_RECONNECT_IVL, -1);
    connect_stranger(&x, bound, server->pk);
    assert_int_equal(zmq_send(x.socket, "x", 1, 0), 1);
    ward_peer bad = await(w, server, WARD_LINK_FRAME).peer;
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(zmq_send(x.socket, part, sizeof part, i + 1 < PARTS ? ZMQ_SNDMORE : 0), sizeof part);
    assert_true(await(w, server, WARD_LINK_DOWN).peer == bad);
    assert_null(find(server, WARD_LINK_FRAME));
    assert_true(greet(w, server, client, up) == guest);
    close_broken_stranger(&x);
}

/* Frames of all sizes, by the thousand, are what they are: nobody is cut off for them. */
static void long_talk_is_not_cut_off(void **state)
{
    static const size_t sizes[] = {1, 221, 222, 223, 4000, 65536, WARD_FRAME_MAX};
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128];
    static uint8_t bytes[WARD_FRAME_MAX];
    size_t total = 0;
    listen_at(server, LOOPBACK, bound);
    ward_peer up = dial_up(w, client, bound, server->pk);
    for (size_t i = 0; total < 3 * (size_t)WARD_LINE_AHEAD_MAX; total += sizes[i++ % 7]) {
        assert_int_equal(ward_link_send(client->link, up, bytes, sizes[i % 7], NULL), WARD_OK);
        await(w, server, WARD_LINK_FRAME);
    }
    assert_null(find(server, WARD_LINK_DOWN));
}

/* As many connections as anybody likes that say nothing: the oldest go, whoever speaks stays and comes in. */
static void silent_lines_are_bounded(void **state)
{
    enum { MANY = WARD_LINES_UNFINISHED + 100 };
    struct world *w = *state;
    struct side *server = add_side(w), *client = add_side(w);
    char bound[128], bytes[256];
    int fds[MANY], cut = 0;
    listen_at(server, LOOPBACK, bound);
    ward_process_raise_descriptors();
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial_tcp(bound);
        if (i % 8 == 0)
            step_all(w);
    }
    greet(w, server, client, dial_up(w, client, bound, server->pk));
    for (int tries = 0; cut < 100 && tries < STEPS_MAX; tries++) {
        step_all(w);
        cut = 0;
        for (int i = 0; i < MANY; i++) {
            ssize_t n;
            while ((n = recv(fds[i], bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC)) > 0)
                ;
            bool over = n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
            cut += over;
        }
    }
    assert_true(cut >= 100 && cut <= 102);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    greet(w, server, client, dial_up(w, client, bound, server->pk));
}

/* One address may not push out another's. */
static void room_is_made_by_whoever_has_most(void **state)
{
    enum { MANY = WARD_LINES_UNFINISHED };
    struct ward_lines l;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, to = from, other = from;
    socklen_t len = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fds[MANY + 2], ends[MANY + 2];
    (void)state;
    ward_process_raise_descriptors();
    other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    assert_int_equal(bind(listener, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(listen(listener, MANY), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&to, &len), 0);
    ward_lines_init(&l, ward_platform_env());
    for (int i = 0; i < MANY + 2; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(fds[i], (struct sockaddr *)(i == 0 ? &other : &from), sizeof from), 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof to), 0);
        ends[i] = accept(listener, NULL, NULL);
        assert_true(ends[i] >= 0);
        ward_lines_accepted(&l, ends[i]);
    }
    assert_int_equal(l.cut, 2);
    for (int i = 0; i < 4; i++) { /* the first is the other's, and the oldest of all */
        char byte;
        ssize_t n = recv(ends[i], &byte, 1, MSG_DONTWAIT);
        assert_true(i == 1 || i == 2 ? n == 0 : n < 0 && errno == EAGAIN);
    }
    for (int i = 0; i < MANY + 2; i++) {
        ward_lines_ended(&l, ends[i]);
        close(ends[i]);
        close(fds[i]);
    }
    assert_int_equal(l.count, 0);
    assert_int_equal(l.unfinished, 0);
    close(listener);
    ward_lines_free(&l);
}

/* ---------------------------------------------------------------- guests */

static void guests_are_bounded(void **state)
{
    (void)state;
    struct ward_guests *g = calloc(1, sizeof *g);
    assert_non_null(g);
    ward_guests_init(g, ward_platform_env());
    for (uint32_t i = 0; i < WARD_PEERS_MAX; i++)
        assert_int_equal(ward_guests_add(g, &(struct ward_guest){.id = i, .fd = (int)i, .peer = i + 1}), WARD_OK);
    assert_int_equal(ward_guests_add(g, &(struct ward_guest){.id = 5000, .peer = 5000}), WARD_ERR_PEERS);
    ward_guests_drop(g, ward_guests_by_peer(g, 1));
    assert_null(ward_guests_by_id(g, 0));
    assert_true(ward_guests_was_dropped(g, 0));
    assert_false(ward_guests_was_dropped(g, 1));
    assert_int_equal(ward_guests_add(g, &(struct ward_guest){.id = 5000, .peer = 5000}), WARD_OK);
    for (uint32_t i = 1; i < WARD_GUESTS_DROPPED; i++)
        ward_guests_remember(g, 10000 + i);
    assert_true(ward_guests_was_dropped(g, 0));
    ward_guests_remember(g, 9999);
    assert_false(ward_guests_was_dropped(g, 0));
    ward_guests_free(g);
    free(g);
}

int main(void)
{
#define IN_A_WORLD(f) cmocka_unit_test_setup_teardown(f, new_world, end_world)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        IN_A_WORLD(bad_addresses_are_refused),
        IN_A_WORLD(address_in_use),
        IN_A_WORLD(frames_go_both_ways),
        IN_A_WORLD(listens_at_several_addresses),
        IN_A_WORLD(two_connections_of_one_key),
        IN_A_WORLD(joins_with_another_key),
        IN_A_WORLD(unknown_key_gets_nothing),
        IN_A_WORLD(without_a_doorkeeper_nobody_enters),
        IN_A_WORLD(door_is_closed_while_nobody_attends_it),
        IN_A_WORLD(a_lost_doorkeeper_leaves_the_door_shut),
        IN_A_WORLD(wrong_server_key),
        IN_A_WORLD(nobody_listens),
        IN_A_WORLD(too_many_calls),
        IN_A_WORLD(noise_disturbs_nobody),
        IN_A_WORLD(no_curve_no_entry),
        IN_A_WORLD(a_line_that_breaks_within_a_frame_ends_no_process),
        IN_A_WORLD(too_many_parts_from_a_guest_are_dropped),
        IN_A_WORLD(too_many_parts_from_a_server_end_the_call),
        IN_A_WORLD(endless_message_from_a_server_ends_the_call),
        IN_A_WORLD(oversize_from_a_server_ends_the_call),
        IN_A_WORLD(oversize_from_a_guest_ends_its_connection),
        IN_A_WORLD(own_routing_ids_are_not_listened_to),
        IN_A_WORLD(peer_that_does_not_read_blocks_nobody),
        IN_A_WORLD(chatty_peer_starves_nobody),
        IN_A_WORLD(server_goes_away),
        IN_A_WORLD(guest_goes_away),
        IN_A_WORLD(what_was_sent_before_leaving_arrives),
        IN_A_WORLD(dropped_guest_is_not_heard),
        IN_A_WORLD(closing_never_hangs),
        IN_A_WORLD(wake_ends_the_wait),
        IN_A_WORLD(dropped_guest_is_cut_off),
        IN_A_WORLD(not_yet_is_another_word_than_never),
        IN_A_WORLD(endless_message_is_cut_off),
        IN_A_WORLD(long_talk_is_not_cut_off),
        IN_A_WORLD(silent_lines_are_bounded),
        cmocka_unit_test(room_is_made_by_whoever_has_most),
        cmocka_unit_test(guests_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
