/* link_pair.c - shell/link.h between two devices of one world, in place of link*.c: frames go from queue to queue, and whoever waits for
 * one lets the other side have its turn. */
#include "link_pair.h"
#include "base/alloc.h"
#include "base/err.h"
#include "inject.h"
#include "shell/link.h"
#include "world.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct event {
    struct event *next;
    struct ward_link_event e;
    uint8_t bytes[];
};

struct ward_link {
    struct ward_link_options options;
    struct event *first, *given; /* given: its frame is valid until the next call */
    bool listens;
};

/* There is one connection at a time: who called, and who was called. */
static struct {
    struct ward_link *end[2]; /* 0: the caller's, 1: the listener's; NULL: gone */
    ward_peer number;
    uint8_t caller_pk[32];
    struct ward_link *listener;
    void (*turn)(void *ctx);
    void *ctx;
} pair;

void link_pair_turn(void (*turn)(void *ctx), void *ctx)
{
    pair.turn = turn;
    pair.ctx = ctx;
}

void ward_link_public(uint8_t pk[32], const uint8_t sk[32])
{
    crypto_scalarmult_base(pk, sk);
}

static void add(struct ward_link *l, const struct ward_link_event *e)
{
    struct event *own = malloc(sizeof *own + e->len), **at = &l->first;
    if (!own)
        abort();
    own->next = NULL;
    own->e = *e;
    if (e->len)
        memcpy(own->bytes, e->p, e->len);
    own->e.p = own->bytes;
    while (*at)
        at = &(*at)->next;
    *at = own;
}

static bool is_end(const struct ward_link *l, int end)
{
    return pair.end[end] == l;
}

static void part(struct ward_link *l)
{
    for (int i = 0; i < 2; i++) {
        struct ward_link_event down = {
            .type = WARD_LINK_DOWN, .peer = pair.number, .code = WARD_ERR_LINK_CLOSED, .incoming = i == 0, .text = "closed"};
        if (is_end(l, i) && pair.end[1 - i])
            add(pair.end[1 - i], &down);
    }
    if (is_end(l, 0) || is_end(l, 1))
        pair.end[0] = pair.end[1] = NULL;
}

int ward_link_open(struct ward_link **out, const struct ward_link_options *options, struct ward_error *err)
{
    struct ward_link *l = ward_alloc(options->env, sizeof *l);
    if (!l)
        return ward_fail(err, WARD_ERR_MEMORY, "link");
    l->options = *options;
    *out = l;
    return WARD_OK;
}

void ward_link_close(struct ward_link *l)
{
    if (!l)
        return;
    part(l);
    if (pair.listener == l)
        pair.listener = NULL;
    for (struct event *next; l->first; l->first = next) {
        next = l->first->next;
        free(l->first);
    }
    free(l->given);
    ward_release(l->options.env, l);
}

int ward_link_listen(struct ward_link *l, const char *address, char bound[128], struct ward_error *err)
{
    (void)err;
    pair.listener = l;
    snprintf(bound, 128, "%s", address);
    return WARD_OK;
}

/* The door is the listener's: it fails where the listener is device 0, and only there. */
static bool may_enter(struct ward_link *listener, const uint8_t pk[32])
{
    const struct device *d = listener->options.env->ctx;
    bool ours = d->home[2] == '0';
    if (ours)
        inject_resume();
    else
        inject_pause();
    bool may = listener->options.admit && listener->options.admit(listener->options.ctx, pk) == WARD_OK;
    if (ours)
        inject_pause();
    else
        inject_resume();
    return may;
}

int ward_link_connect(struct ward_link *l, const char *address, const uint8_t server_pk[32], const uint8_t *as_sk, ward_peer *out,
                      struct ward_error *err)
{
    (void)address, (void)err;
    uint8_t there[32];
    *out = ++pair.number;
    ward_link_public(pair.caller_pk, as_sk ? as_sk : l->options.link_sk);
    struct ward_link *listener = pair.listener;
    struct ward_link_event e = {.type = WARD_LINK_UP, .peer = pair.number, .text = ""};
    if (listener)
        ward_link_public(there, listener->options.link_sk);
    if (!listener || memcmp(there, server_pk, 32) != 0 || !may_enter(listener, pair.caller_pk)) {
        e.type = WARD_LINK_DOWN;
        e.code = listener ? WARD_ERR_HANDSHAKE : WARD_ERR_NETWORK;
    } else {
        pair.end[0] = l;
        pair.end[1] = listener;
    }
    memcpy(e.link_pk, server_pk, 32);
    add(l, &e);
    return WARD_OK;
}

void ward_link_drop(struct ward_link *l, ward_peer peer)
{
    if (peer == pair.number)
        part(l);
}

int ward_link_send(struct ward_link *l, ward_peer peer, const void *p, size_t len, struct ward_error *err)
{
    struct ward_link_event e = {.type = WARD_LINK_FRAME, .peer = peer, .incoming = is_end(l, 0), .p = p, .len = len, .text = ""};
    if (peer != pair.number || (!is_end(l, 0) && !is_end(l, 1)))
        return ward_fail(err, WARD_ERR_LINK_CLOSED, "the other end is gone");
    if (is_end(l, 0))
        memcpy(e.link_pk, pair.caller_pk, 32);
    else
        ward_link_public(e.link_pk, l->options.link_sk);
    add(pair.end[is_end(l, 0)], &e);
    return WARD_OK;
}

/* Who waits in vain has waited all the time. */
int ward_link_step(struct ward_link *l, int timeout_ms, int wake_fd, struct ward_link_event *out, bool *got, struct ward_error *err)
{
    struct device *d = l->options.env->ctx;
    (void)wake_fd, (void)err;
    free(l->given);
    l->given = NULL;
    if (!l->first && l != pair.listener && pair.turn)
        pair.turn(pair.ctx);
    *got = l->first != NULL;
    if (!l->first) {
        d->mono_ms += timeout_ms;
        return WARD_OK;
    }
    l->given = l->first;
    l->first = l->given->next;
    *out = l->given->e;
    return WARD_OK;
}
