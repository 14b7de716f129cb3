/* Who comes in, and who does not: keys that are not known, doors that nobody attends, servers that are not those that were called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "link_world.h"
#include "shell/link_door.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(unknown_key_gets_nothing),
        IN_A_WORLD(without_a_doorkeeper_nobody_enters),
        IN_A_WORLD(door_is_closed_while_nobody_attends_it),
        IN_A_WORLD(a_lost_doorkeeper_leaves_the_door_shut),
        IN_A_WORLD(wrong_server_key),
        IN_A_WORLD(nobody_listens),
        IN_A_WORLD(too_many_calls),
        IN_A_WORLD(noise_disturbs_nobody),
        IN_A_WORLD(no_curve_no_entry),
        IN_A_WORLD(not_yet_is_another_word_than_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
