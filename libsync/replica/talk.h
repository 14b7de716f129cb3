/* talk.h - carries out a session over any transport: the pure state table of rules/session.h on one side, the store on the other.
 *
 * The owner feeds frames and ticks and gives a way to send; what came in is committed for all talks of an owner together (struct
 * ward_batch), and acknowledged after that.
 */
#ifndef WARD_TALK_H
#define WARD_TALK_H

#include "base/limits.h"
#include "replica/base.h"
#include "replica/stream.h"
#include "rules/frame.h"
#include "rules/session.h"

/* One write transaction shared by the runs that arrive close together. */
struct ward_batch {
    ward_replica *r;
    struct ward_apply apply;
    bool open;
    size_t runs, bytes;
    size_t conflicts_new;
    uint64_t changes;
};
#define WARD_BATCH_BYTES (4u << 20)
/* Commits what is open, if anything. */
int ward_batch_commit(struct ward_batch *b, struct ward_error *err);
void ward_batch_abort(struct ward_batch *b);

struct ward_talk_hooks {
    void *ctx;
    int (*send)(void *ctx, const void *p, size_t len, struct ward_error *err);
    ward_event_fn *on_event;
    void *event_ctx;
    bool calls;   /* this side has called: it asks for receipts and keeps them */
    bool states;  /* of spaces of which nothing is held here, their state will do (replica/base.h) */
    bool history; /* what lies below the bases held here is asked for */
};

struct ward_common { /* a space both may read, as it stood when hello was sent */
    uint32_t sid;
    struct ward_hash id, digest;
    bool listed, equal; /* by the peer */
    bool quiet;         /* its whole group is equal: not listed by either */
};

enum { WARD_WANTED_IN_VAIN = 1, WARD_WANTED_GIVEN }; /* the history is not here any more; it goes out */

struct ward_talk {
    ward_replica *r;
    struct ward_batch *batch;
    struct ward_talk_hooks hooks;
    struct ward_session s;
    struct ward_grant peer;
    struct ward_common *common; /* ascending by id */
    size_t common_count;
    struct ward_hash digest;
    uint8_t buckets[WARD_BUCKETS * WARD_BUCKET_BYTES]; /* digests of groups of common spaces */
    bool bucketed;                                     /* there are enough of them to group */
    struct ward_vv snapshot;                           /* heads when hello was sent */
    bool greeted;                                      /* hello was sent */
    bool answered;                                     /* and something has come since: all that does answers it */
    int64_t greeted_ms;
    bool recent;                               /* the two met lately */
    int64_t said_ms, heard_ms;                 /* the time, as this side and the peer told it in hello or agree */
    bool based;                                /* base8 stands for something: */
    uint8_t base8[8];                          /* the common digest when the two met last; zeros: all is to be compared */
    struct ward_vv before;                     /* and the heads then, of feeds that have grown since; by fid */
    bool from_base;                            /* the peer holds that, and not all that is here; */
    bool beyond_base;                          /* it holds more than that, nobody knows what */
    struct ward_vv known;                      /* what the peer durably holds, by fid; */
    uint64_t noted;                            /* and the sum of it when it was last noted in the store */
    struct ward_vv asked_branch, heard_branch; /* by trunk: samples of it were sent, and came */
    struct ward_vv sent_blind;                 /* by fid: the first change sent since samples last came */
    bool retell;                               /* own changes may wait to be written anew, once all of the peer's are there */
    size_t unanswered;                         /* feeds of which samples were sent and none have come */
    size_t reused;                             /* the replica's, up to which none of all this speaks of what a number named before */
    struct ward_stream stream;
    bool slow; /* the link: runs go in pieces, and few are on their way */
    struct ward_streamed flight[WARD_WINDOW_MAX];
    int64_t flight_ms[WARD_WINDOW_MAX]; /* when they were sent */
    uint64_t refused[WARD_WINDOW_MAX][2];
    size_t refused_count;
    uint32_t told;          /* spaces up to this number were there when hello was sent: known to the peer by comparison */
    struct ward_vv circles; /* and of later ones those whose circle it was sent */
    bool plan;              /* compare only */
    bool levelled;          /* both have held the same in this session */
    bool held_back;         /* own changes wait to be noted as published, which an open batch does not allow */
    uint64_t sent;          /* acknowledged by the peer */
    uint64_t received, bytes_out, bytes_in, refused_here, refused_there;
    uint64_t total_out, total_in;
    int64_t clock_offset_ms;
    /* receipts (replica/receipt.h): given, */
    struct ward_vv due; /* its own feeds, taken in and not sealed yet */
    bool due_apart;     /* that is not just what the next acknowledgement is for */
    /* and kept */
    bool asked;
    uint64_t acked_before; /* the acknowledgement that came last: from here on, to s.acked */
    uint64_t receipted;    /* own changes newly covered */
    int64_t receipt_wall_ms;
    int64_t newest_receipt; /* the number that the newest one had when hello was sent */
    uint64_t hub_lost;
    bool hub_rewrote;
    /* snapshots (talk_snapshot.c): given, */
    bool states_wanted;            /* by the peer */
    struct ward_vv history_wanted; /* by the peer; by sid: WARD_WANTED_ */
    struct ward_giving *giving;    /* the one that is on its way out; */
    uint32_t given_sid;            /* or that all of went out last, */
    struct ward_vv given;          /* and the heads of all that did, until they are acknowledged */
    bool cannot_give;              /* the peer lacks what lies below a base here, which this device may not give */
    /* and taken */
    bool strange_spaces; /* the peer has listed some that are not here */
    struct ward_taking taking;
    uint64_t wants;               /* want frames that went out, */
    bool awaiting;                /* the last of which the peer has not answered yet: it has not sent all that it has of it */
    struct ward_vv history_asked; /* by sid */
    size_t lacking;               /* runs refused for a history that is asked for, and not told of */
    uint64_t histories;           /* that took a base's place */
    uint64_t snapshots;           /* that became bases here */
    /* runs in pieces (talk_pieces.c): taken, */
    struct ward_buf begun; /* what has come of one */
    bool begun_kept;       /* the store has some of it */
    bool begun_moved;      /* a later session goes on with it */
    uint64_t pieces_in;
    /* and given */
    struct ward_begun begun_there;       /* what the peer has of one */
    struct ward_buf leaving;             /* the one that is on its way out, */
    size_t left_to;                      /* and up to where it is */
    uint64_t pieces_ahead;               /* how many may be on their way, */
    int64_t piece_ms[WARD_PIECES_AHEAD]; /* and when they were sent */
    struct ward_talk *next;              /* of all sessions of the replica */
    struct ward_buf out;
};

int ward_talk_open(struct ward_talk *t, ward_replica *r, const struct ward_grant *peer, struct ward_batch *batch,
                   const struct ward_talk_hooks *hooks, struct ward_error *err);
void ward_talk_free(struct ward_talk *t);
/* Errors close the session (t->s.state, t->s.error); only trouble of the store or of memory is returned. */
int ward_talk_link_up(struct ward_talk *t, struct ward_error *err);
int ward_talk_frame(struct ward_talk *t, const void *p, size_t len, struct ward_error *err);
int ward_talk_committed(struct ward_talk *t, struct ward_error *err); /* after ward_batch_commit */
int ward_talk_news(struct ward_talk *t, struct ward_error *err);      /* the replica may hold something new, */
int ward_talk_news_of(struct ward_talk *t, const uint32_t *fids, size_t count, struct ward_error *err); /* in these feeds and no other */
int ward_talk_tick(struct ward_talk *t, int64_t mono_ms, struct ward_error *err);
int ward_talk_leave(struct ward_talk *t, struct ward_error *err);
/* After ward_talk_leave: what the peer had sent before it heard of it. *left: it says bye. */
int ward_talk_late(struct ward_talk *t, const void *p, size_t len, bool *left, struct ward_error *err);
int ward_talk_show_out(struct ward_talk *t, int code, struct ward_error *err); /* told why, and closed */
/* Remembers contact and what the peer holds; in its own transaction, or within one. */
int ward_talk_remember(struct ward_talk *t, const char *address, struct ward_error *err);
int ward_talk_note_peer(struct ward_talk *t, const char *address, struct ward_error *err);
bool ward_talk_knows_more(const struct ward_talk *t); /* than when it was last noted */
static inline bool ward_talk_closed(const struct ward_talk *t)
{
    return t->s.state == WARD_S_CLOSED;
}
static inline bool ward_talk_uncommitted(const struct ward_talk *t)
{
    return t->s.received > t->s.committed;
}

/* talk_compare.c */
int ward_talk_snapshot(struct ward_talk *t, struct ward_error *err);                                     /* what hello says */
bool ward_talk_compare(struct ward_talk *t, const struct ward_message *hello, enum ward_agreement *how); /* false: all is to be compared */
bool ward_talk_may_agree(const struct ward_talk *t, enum ward_agreement how); /* it fits the hello that went out */
unsigned ward_talk_note_agreement(struct ward_talk *t, enum ward_agreement how,
                                  bool theirs);                         /* the WARD_NEAR_ of it; theirs: they say so */
int ward_talk_assume_near(struct ward_talk *t, struct ward_error *err); /* the peer holds the snapshot, or what was before */
int ward_talk_send_spaces(struct ward_talk *t, struct ward_error *err);
void ward_talk_note_buckets(struct ward_talk *t, const uint8_t *theirs);
void ward_talk_note_spaces(struct ward_talk *t, struct ward_message *m);
int ward_talk_assume_equal(struct ward_talk *t, struct ward_error *err); /* the peer holds the snapshot of spaces marked equal */
int ward_talk_send_heads(struct ward_talk *t, struct ward_error *err);
int ward_talk_send_circle(struct ward_talk *t, uint32_t sid, struct ward_error *err); /* if the peer may not know it */
int ward_talk_note_circle(struct ward_talk *t, struct ward_message *m, struct ward_error *err);
int ward_talk_note_heads(struct ward_talk *t, struct ward_message *m, struct ward_error *err);
/* talk_branch.c */
int ward_talk_weigh_feed(struct ward_talk *t, const struct ward_space *space, const struct ward_feed_entry *entries, size_t count,
                         struct ward_error *err); /* all entries of one feed, from heads */
int ward_talk_ask_branch(struct ward_talk *t, const uint8_t *space8, const uint8_t *grant8, struct ward_error *err); /* once a feed */
int ward_talk_set_have(struct ward_talk *t, uint32_t fid, uint64_t seq, struct ward_error *err); /* also to less than it was */
int ward_talk_note_branch(struct ward_talk *t, struct ward_message *m, struct ward_error *err);
int ward_talk_note_sent(struct ward_talk *t, const struct ward_streamed *run, struct ward_error *err);
int ward_talk_send(struct ward_talk *t, const struct ward_buf *frame, struct ward_error *err);
/* talk_snapshot.c */
/* If anything is wanted that has not been asked for in this session, and nothing that was is awaited. */
int ward_talk_send_want(struct ward_talk *t, struct ward_error *err);
int ward_talk_note_want(struct ward_talk *t, struct ward_message *m, struct ward_error *err);
int ward_talk_note_answered(struct ward_talk *t, struct ward_error *err); /* the peer has sent what it has of what was wanted */
/* The peer's heads are known: which spaces it gets as a snapshot; those are put off. */
int ward_talk_weigh_spaces(struct ward_talk *t, struct ward_error *err);
/* The same for a space of which the peer has shown another history than what is held here begins with. elsewhere: it reaches beyond what is
 * held here begins with, so that there is nothing the peer lacks. beside: or another than is settled. */
int ward_talk_weigh_below(struct ward_talk *t, const struct ward_space *s, bool elsewhere, bool beside, struct ward_error *err);
/* The next frame of a snapshot that is due, in t->out; *got false: none is. *again: a space goes as runs after all, which are owed now.
 * *wait: it must not be made before what has come is committed. */
int ward_talk_next_of_snapshot(struct ward_talk *t, bool runs_left, bool *got, bool *again, bool *wait, struct ward_error *err);
void ward_talk_snapshot_acked(struct ward_talk *t, uint32_t sid);
int ward_talk_take_snapshot(struct ward_talk *t, const struct ward_message *m, struct ward_error *why);
void ward_talk_snapshot_free(struct ward_talk *t);

#endif
