/* net.h - the virtual network behind link_sim.c: who listens where, connections and what is under way on them.
 *
 * A connection is CURVE over TCP: frames arrive whole and in order or the connection ends. So a network can delay, stall, cut and be
 * silent; whatever it does to the bytes ends the connection. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "shell/link.h"
#include "world.h"

/* What will become of a connection, decided when it begins (faults_of_connection). */
struct fate {
    int64_t delay_ms, bytes_a_second; /* 0: any number */
    enum fault fault;                 /* FAULTS: none */
    int64_t after;                    /* frames, both ways together */
    unsigned silent;                  /* bit per side that is not heard any more */
};

struct side {
    struct device *d;
    struct ward_link *link; /* NULL: closed */
    ward_peer peer;         /* on that link; 0: not known there yet */
    int64_t free_ms;        /* when the line towards this side is free again */
    int64_t last_ms;        /* when the last frame under way arrives */
    size_t under_way;       /* frames */
    bool dropped;           /* it does not listen to the other any more */
};

/* A run that was sent, for the checks: who holds it when it is acknowledged. */
struct sent_run {
    uint8_t space8[8], grant8[8];
    uint64_t last;
};

struct conn {
    struct conn *next;
    struct world *w;
    uint64_t id;
    struct side side[2]; /* 0 called, 1 was called */
    uint8_t caller_pk[32], wanted_pk[32];
    struct fate fate;
    bool up, ended;
    int64_t frames;
    struct {
        struct sent_run *v; /* by the other side, as they arrived here */
        size_t count, cap;
        uint64_t acked;
        uint64_t sent, heard; /* of its own: sent, and acknowledged as far as it knows */
        uint32_t window;      /* that the other's hello gave it; 0: none has come */
        bool in_pieces;       /* some have come */
    } runs[2];
};

struct net *net_new(struct world *w);
void net_free(struct net *n);
void net_power_off(struct device *d);                         /* its connections end without a word, or with one */
void net_sabotage(struct world *w, struct conn *c, int code); /* ends it for both */
size_t net_connections(const struct world *w, const struct device *d);
/* Gives a listening device news of noise at its door. */
void net_noise(struct device *d);
void net_cut_all(struct world *w, const struct device *d); /* d NULL: everybody's */
/* Sees each frame as it is given to a connection; for scenario tests. */
typedef void net_watch_fn(void *ctx, struct conn *c, int from, const uint8_t *p, size_t len);
void net_watch(struct world *w, net_watch_fn *fn, void *ctx);

#endif
