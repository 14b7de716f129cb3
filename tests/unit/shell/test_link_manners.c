/* Peers that misbehave: too much, too long, too slow, or no answer at all. What it costs is bounded, and nobody else waits for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "link_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_line_that_breaks_within_a_frame_ends_no_process),
        IN_A_WORLD(too_many_parts_from_a_guest_are_dropped),
        IN_A_WORLD(too_many_parts_from_a_server_end_the_call),
        IN_A_WORLD(endless_message_from_a_server_ends_the_call),
        IN_A_WORLD(oversize_from_a_server_ends_the_call),
        IN_A_WORLD(oversize_from_a_guest_ends_its_connection),
        IN_A_WORLD(own_routing_ids_are_not_listened_to),
        IN_A_WORLD(peer_that_does_not_read_blocks_nobody),
        IN_A_WORLD(chatty_peer_starves_nobody),
        IN_A_WORLD(dropped_guest_is_cut_off),
        IN_A_WORLD(endless_message_is_cut_off),
        IN_A_WORLD(long_talk_is_not_cut_off),
        IN_A_WORLD(silent_lines_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
