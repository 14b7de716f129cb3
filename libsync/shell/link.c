#include "shell/link.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "shell/link_call.h"
#include "shell/link_door.h"
#include "shell/link_socket.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define CALLS_MAX  32u /* connections upward at once; a device has one or a few */
#define POLL_ITEMS (3 + 2 * CALLS_MAX + 1)
#define FIRST_PEER 1u /* 0 numbers the door's monitor */

struct ward_link {
    struct ward_link_options options; /* without the key */
    uint8_t *sk;                      /* guarded, locked where the system lets us, wiped by sodium_free */
    void *zmq;
    struct ward_door door;
    struct ward_call *calls[CALLS_MAX];
    size_t call_count;
    size_t turn; /* who is asked for an event first: 0 the door, then the calls */
    ward_peer next_peer;
    zmq_msg_t held; /* the frame given out last */
};

/* ---------------------------------------------------------------- opening and closing */

/* CVE-2019-13132 and CVE-2020-15166: older ones can be broken into or worn down before the handshake. */
int ward_link_check(struct ward_error *err)
{
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    if (ZMQ_MAKE_VERSION(major, minor, patch) < ZMQ_MAKE_VERSION(4, 3, 3))
        return ward_fail(err, WARD_ERR_LIBRARY_OLD, "libzmq is %d.%d.%d; 4.3.3 or later is needed", major, minor, patch);
    if (!zmq_has("curve"))
        return ward_fail(err, WARD_ERR_LIBRARY_OLD, "this libzmq was built without CURVE");
    if (sodium_init() < 0)
        return ward_fail(err, WARD_ERR_RANDOM, "libsodium finds no source of randomness");
    return WARD_OK;
}

static int set_up(struct ward_link *l, const struct ward_link_options *options, struct ward_error *err)
{
    l->options = *options;
    sodium_memzero(l->options.link_sk, sizeof l->options.link_sk);
    l->next_peer = FIRST_PEER;
    zmq_msg_init(&l->held);
    l->sk = sodium_malloc(sizeof options->link_sk);
    if (!l->sk)
        return ward_fail(err, WARD_ERR_MEMORY, "the link key");
    memcpy(l->sk, options->link_sk, sizeof options->link_sk);
    l->zmq = zmq_ctx_new();
    return l->zmq ? WARD_OK : ward_socket_fail(err, "starting ZeroMQ");
}

int ward_link_open(struct ward_link **out, const struct ward_link_options *options, struct ward_error *err)
{
    int rc = ward_link_check(err);
    if (rc)
        return rc;
    struct ward_link *l = ward_alloc(options->env, sizeof *l);
    if (!l)
        return ward_fail(err, WARD_ERR_MEMORY, "a link");
    rc = set_up(l, options, err);
    if (rc) {
        ward_link_close(l);
        return rc;
    }
    *out = l;
    return WARD_OK;
}

static void hang_up(struct ward_link *l, size_t i)
{
    ward_call_close(l->calls[i]);
    ward_release(l->options.env, l->calls[i]);
    l->calls[i] = l->calls[--l->call_count];
}

void ward_link_close(struct ward_link *l)
{
    if (!l)
        return;
    zmq_msg_close(&l->held);
    while (l->call_count > 0)
        hang_up(l, l->call_count - 1);
    ward_door_close(&l->door);
    while (l->zmq && zmq_ctx_term(l->zmq) != 0 && zmq_errno() == EINTR)
        ;
    sodium_free(l->sk);
    ward_release(l->options.env, l);
}

/* ---------------------------------------------------------------- connections */

int ward_link_listen(struct ward_link *l, const char *address, char bound[128], struct ward_error *err)
{
    int rc = ward_address_check(address, true, err);
    if (!rc && !l->door.router)
        rc = ward_door_open(&l->door, l->zmq, &l->options, l->sk, 0, err);
    return rc ? rc : ward_door_bind(&l->door, address, bound, err);
}

int ward_link_connect(struct ward_link *l, const char *address, const uint8_t server_pk[32], const uint8_t *as_sk, ward_peer *out,
                      struct ward_error *err)
{
    int rc = ward_address_check(address, false, err);
    if (rc)
        return rc;
    if (l->call_count == CALLS_MAX)
        return ward_fail(err, WARD_ERR_PEERS, "%u connections are being made already", CALLS_MAX);
    struct ward_call *call = ward_alloc(l->options.env, sizeof *call);
    if (!call)
        return ward_fail(err, WARD_ERR_MEMORY, "a connection");
    call->peer = l->next_peer++;
    rc = ward_call_open(call, l->zmq, address, server_pk, as_sk ? as_sk : l->sk, err);
    if (rc) {
        ward_release(l->options.env, call);
        return rc;
    }
    *out = call->peer;
    l->calls[l->call_count++] = call;
    return WARD_OK;
}

/* The place of a call in the table; call_count: it is none. */
static size_t call_of(const struct ward_link *l, ward_peer peer)
{
    size_t i = 0;
    while (i < l->call_count && l->calls[i]->peer != peer)
        i++;
    return i;
}

void ward_link_drop(struct ward_link *l, ward_peer peer)
{
    size_t i = call_of(l, peer);
    if (i < l->call_count)
        hang_up(l, i);
    else
        ward_door_drop(&l->door, peer);
}

int ward_link_send(struct ward_link *l, ward_peer peer, const void *p, size_t len, struct ward_error *err)
{
    if (len > WARD_FRAME_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_FRAME, "a frame of %zu bytes", len);
    size_t i = call_of(l, peer);
    return i < l->call_count ? ward_call_send(l->calls[i], p, len, err) : ward_door_send(&l->door, peer, p, len, err);
}

/* ---------------------------------------------------------------- the step */

static int attend(struct ward_link *l, struct ward_error *err)
{
    int rc = l->door.router ? ward_door_attend(&l->door, err) : WARD_OK;
    for (size_t i = 0; !rc && i < l->call_count; i++)
        rc = ward_call_attend(l->calls[i], err);
    return rc;
}

static int take_from_call(struct ward_link *l, size_t i, struct ward_link_event *out, bool *got, struct ward_error *err)
{
    int rc = ward_call_take(l->calls[i], &l->held, out, got, err);
    if (!rc && *got && out->type == WARD_LINK_DOWN)
        hang_up(l, i);
    return rc;
}

/* One event, from whoever comes first after the one that had the last: a chatty peer waits for its turn. (Among the door's own guests
 * the ROUTER sees to that.) */
static int take(struct ward_link *l, struct ward_link_event *out, bool *got, struct ward_error *err)
{
    size_t sources = 1 + l->call_count;
    *got = false;
    for (size_t i = 0; i < sources; i++) {
        size_t source = (l->turn + i) % sources;
        int rc = WARD_OK;
        if (source > 0)
            rc = take_from_call(l, source - 1, out, got, err);
        else if (l->door.router)
            rc = ward_door_take(&l->door, &l->next_peer, &l->held, out, got, err);
        if (rc)
            return rc;
        if (*got) {
            l->turn = source + 1;
            return WARD_OK;
        }
    }
    return WARD_OK;
}

static void watch(zmq_pollitem_t *items, int *count, void *socket)
{
    items[(*count)++] = (zmq_pollitem_t){.socket = socket, .events = ZMQ_POLLIN};
}

/* Waits until there is something to do. *woken: wake_fd or a signal ended it. */
static int wait_for_work(struct ward_link *l, int64_t timeout_ms, int wake_fd, bool *woken, struct ward_error *err)
{
    zmq_pollitem_t items[POLL_ITEMS];
    int count = 0;
    if (l->door.router) {
        watch(items, &count, l->door.zap.socket);
        watch(items, &count, l->door.monitor.socket);
        watch(items, &count, l->door.router);
        if (!ward_door_is_idle(&l->door))
            timeout_ms = 0;
    }
    for (size_t i = 0; i < l->call_count; i++) {
        watch(items, &count, l->calls[i]->dealer);
        watch(items, &count, l->calls[i]->monitor.socket);
    }
    int sockets = count;
    if (wake_fd >= 0)
        items[count++] = (zmq_pollitem_t){.fd = wake_fd, .events = ZMQ_POLLIN};
    int n = zmq_poll(items, count, (long)timeout_ms);
    *woken = (n < 0 && zmq_errno() == EINTR) || (n > 0 && wake_fd >= 0 && items[sockets].revents);
    return n >= 0 || *woken ? WARD_OK : ward_socket_fail(err, "waiting");
}

int ward_link_step(struct ward_link *l, int timeout_ms, int wake_fd, struct ward_link_event *out, bool *got, struct ward_error *err)
{
    const struct ward_env *env = l->options.env;
    int64_t deadline = env->mono_ms(env->ctx) + timeout_ms;
    zmq_msg_close(&l->held);
    zmq_msg_init(&l->held);
    for (bool woken = false;;) {
        int rc = attend(l, err);
        if (!rc)
            rc = take(l, out, got, err);
        int64_t left = deadline - env->mono_ms(env->ctx);
        if (rc || *got || woken || left <= 0)
            return rc;
        rc = wait_for_work(l, left, wake_fd, &woken, err);
        if (rc)
            return rc;
    }
}
