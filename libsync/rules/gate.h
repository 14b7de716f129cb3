/* gate.h - what one device may take of another's time and disk, and when who was shown out may come again. proto/session.md, Shares.
 *
 * A device is known by its link key; all its links together have one share. Nothing here waits or sends: time comes in with each call.
 * The gate is this process's own: it is not kept, and decides about talking, never about what is accepted.
 */
#ifndef WARD_GATE_H
#define WARD_GATE_H

#include "wardsync.h"

/* Fills by `rate` a second up to `burst`. Whoever finds something left may take more than that and owes the rest. */
struct ward_bucket {
    int64_t left; /* in thousandths */
    int64_t at_ms;
    bool begun;
};
bool ward_bucket_has(struct ward_bucket *b, int64_t now_ms, uint32_t rate, uint32_t burst);
void ward_bucket_take(struct ward_bucket *b, uint64_t n);

/* One device, as long as it is remembered. */
struct ward_visitor {
    uint8_t link_pk[32];
    unsigned links; /* here now */
    int64_t seen_ms;
    struct ward_bucket calls, work, light, growth;
    unsigned strikes;            /* forgiven after twice the longest pause */
    int64_t struck_ms, pause_ms; /* when the last one was, and until when the door stays shut */
    int64_t worked_ms;           /* when a run of it was last looked at */
    uint64_t turn;               /* the server's: when it had its last one */
};

struct ward_gate {
    const struct ward_env *env;
    struct ward_visitor **v;
    size_t count, cap;
};

void ward_gate_init(struct ward_gate *g, const struct ward_env *env);
void ward_gate_free(struct ward_gate *g);

/* Whether a device may begin one more link: WARD_OK, WARD_ERR_PAUSE. Where memory lacks nobody is remembered, and who is not is let in. */
int ward_gate_knock(struct ward_gate *g, const uint8_t link_pk[32], int64_t now_ms);
/* A link that has begun. It holds its visitor until it leaves. NULL: no memory. */
struct ward_visitor *ward_gate_enter(struct ward_gate *g, const uint8_t link_pk[32], int64_t now_ms);
void ward_gate_leave(struct ward_visitor *v, int64_t now_ms);
/* Shown out for what it did: the pause grows with each time. */
void ward_gate_strike(struct ward_visitor *v, int64_t now_ms);
/* Whether an error that ended a session is the peer's doing, beyond what different versions and bad luck can bring. */
bool ward_gate_blames(int code);

/* Whether it takes more than those who are to be served first. */
bool ward_gate_is_heavy(struct ward_visitor *v, int64_t now_ms);
/* Runs: whether its next one may be looked at now, and whether there may be any more of them (WARD_ERR_QUOTA); then what it cost. */
bool ward_gate_may_work(struct ward_visitor *v, int64_t now_ms, int64_t light_ms); /* light_ms: when one that is light last spoke */
int ward_gate_may_grow(struct ward_visitor *v, int64_t now_ms);
void ward_gate_worked(struct ward_visitor *v, int64_t now_ms, size_t bytes, size_t changes);

#endif
