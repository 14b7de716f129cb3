/* The link: addresses, frames, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "link_world.h"

#include <errno.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        IN_A_WORLD(bad_addresses_are_refused),
        IN_A_WORLD(address_in_use),
        IN_A_WORLD(frames_go_both_ways),
        IN_A_WORLD(listens_at_several_addresses),
        IN_A_WORLD(two_connections_of_one_key),
        IN_A_WORLD(joins_with_another_key),
        IN_A_WORLD(server_goes_away),
        IN_A_WORLD(guest_goes_away),
        IN_A_WORLD(what_was_sent_before_leaving_arrives),
        IN_A_WORLD(dropped_guest_is_not_heard),
        IN_A_WORLD(closing_never_hangs),
        IN_A_WORLD(wake_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
