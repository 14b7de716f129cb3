/* What is kept of connections and of guests is bounded, and who has to go for it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "shell/link_guests.h"
#include "shell/link_lines.h"
#include "shell/platform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* ---- bytes without end */

static int64_t clock_ms;

static int64_t told(void *ctx)
{
    (void)ctx;
    return clock_ms;
}

static void carry(int from, int to, size_t len)
{
    static uint8_t bytes[1 << 16];
    while (len > 0) {
        ssize_t sent = send(from, bytes, len < sizeof bytes ? len : sizeof bytes, 0);
        assert_true(sent > 0);
        len -= (size_t)sent;
        while (sent > 0) {
            ssize_t got = recv(to, bytes, (size_t)sent, 0);
            assert_true(got > 0);
            sent -= got;
        }
    }
}

static uint64_t cut_by_now(struct ward_lines *l)
{
    clock_ms += 1000;
    ward_lines_watch(l);
    return l->cut;
}

/* Of what no frame has come of there may be so much and no more, however much came in frames before. */
static void bytes_that_make_no_frame_are_bounded(void **state)
{
    enum { FRAME = 1 << 20 };
    struct ward_lines l;
    struct ward_env env = *ward_platform_env();
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), guest = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    env.mono_ms = told;
    assert_int_equal(bind(listener, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&to, &len), 0);
    assert_int_equal(connect(guest, (struct sockaddr *)&to, sizeof to), 0);
    int line = accept(listener, NULL, NULL);
    assert_true(line >= 0);
    ward_lines_init(&l, &env);
    ward_lines_accepted(&l, line);
    for (int i = 0; i < 3; i++) {
        carry(guest, line, ward_line_bytes(FRAME));
        ward_lines_frame(&l, line, FRAME);
    }
    carry(guest, line, WARD_LINE_AHEAD_MAX);
    assert_int_equal(cut_by_now(&l), 0);
    carry(guest, line, 1);
    assert_int_equal(cut_by_now(&l), 1);
    ward_lines_ended(&l, line);
    ward_lines_free(&l);
    close(line);
    close(guest);
    close(listener);
}

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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_made_by_whoever_has_most),
        cmocka_unit_test(bytes_that_make_no_frame_are_bounded),
        cmocka_unit_test(guests_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
