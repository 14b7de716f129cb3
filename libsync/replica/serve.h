/* serve.h - the inside of a server, shared by its files. */
#ifndef WARD_SERVE_H
#define WARD_SERVE_H

#include "replica/admit.h"
#include "replica/cut.h"
#include "replica/talk.h"
#include "rules/gate.h"
#include "shell/link.h"

#define WARD_BACKOFF_MS_MIN 500 /* before a hub that did not answer is called again, doubled each time, */
#define WARD_BACKOFF_MS_MAX 60000

/* A frame that waits for its turn. */
struct ward_server_frame {
    struct ward_server_frame *next;
    bool seen; /* its turn has come, or it is read ahead */
    size_t len;
    uint8_t p[];
};

/* One peer on the line. */
struct ward_server_guest {
    ward_peer peer;
    bool upward;  /* called by us */
    bool joining; /* linked by an invitation's key: may join and nothing else */
    bool met;     /* greeted, or called by us: it is known who it is */
    bool told_up, remembered;
    bool gone; /* the link is down: what it sent before still counts */
    int gone_code;
    uint8_t link_pk[32];
    struct ward_visitor *visitor;
    struct ward_server_frame *first, *last;
    size_t waiting_bytes;
    struct ward_server *server;
    struct ward_talk talk;
};

/* Of a feed's row: enough to see that it has changed. */
struct ward_server_head {
    uint64_t seq;
    uint8_t hash8[8];
};

struct ward_server {
    ward_replica *r;
    struct ward_link *link;
    ward_event_fn *on_event;
    void *ctx;
    struct ward_server_guest **guests;
    size_t guest_count, guest_cap;
    struct ward_gate gate;
    struct ward_bucket joins;
    size_t waiting_bytes; /* of all guests */
    size_t unseen;        /* frames among them */
    size_t begin;         /* with whom a pass begins */
    uint64_t pass;
    bool unfinished;        /* its time was over: it goes on in the next step */
    bool resting;           /* somebody waits for his share */
    int64_t step_ms;        /* how long one takes, before what has come is committed */
    int64_t light_ms;       /* when somebody who takes little last spoke */
    bool heavy_work;        /* in this step */
    int64_t heavy_after_ms; /* not before */
    struct ward_batch batch;
    bool floors_due;  /* something was learned that may let floors be closed: what somebody holds, or a change while some wait */
    bool floors_wait; /* some are proposed and not closed */
    bool news;
    bool ended;                     /* this device's own rights, as was told */
    struct ward_server_head *heads; /* by fid - 1, as they were when guests were last told, */
    uint32_t *changed;              /* and which have changed since */
    size_t head_count;
    uint64_t told; /* the store's stamp when guests were last told: whoever else looks at the store takes no news from them */
    int every_ms;
    int64_t call_at_ms, backoff_ms, looked_ms, ticked_ms, remembered_ms;
    size_t next_route;
    char called[128];
    struct ward_tries tries;
};

/* serve.c */
int64_t ward_server_mono(const struct ward_server *s);
void ward_server_tell(struct ward_server *s, enum ward_event_type type, int code, const struct ward_hash *grant, const char *text);

/* serve_admit.c: asked at each handshake (link.h); a device without a grant asks for one, one with a grant for new keys. */
int ward_server_admit(void *ctx, const uint8_t link_pk[32]);
int ward_server_on_join(struct ward_server *s, struct ward_server_guest *g, const struct ward_server_frame *w, struct ward_error *err);
int ward_server_on_request(struct ward_server *s, struct ward_server_guest *g, const struct ward_server_frame *w, struct ward_error *err);

/* serve_guest.c */
struct ward_server_guest *ward_server_find_guest(struct ward_server *s, ward_peer peer);
/* WARD_ERR_PEERS: no more, or none of this device. */
int ward_server_new_guest(struct ward_server *s, ward_peer peer, const uint8_t link_pk[32], struct ward_server_guest **out,
                          struct ward_error *err);
int ward_server_start_talk(struct ward_server *s, struct ward_server_guest *g, const struct ward_grant *peer, struct ward_error *err);
void ward_server_refuse(struct ward_server *s, struct ward_server_guest *g, int code); /* says so to the other end, and tells it */
void ward_server_drop_first(struct ward_server_guest *g);                              /* of the frames that wait */
void ward_server_remove_guest(struct ward_server *s, struct ward_server_guest *g, int code);
/* Contact with all that stand for it. */
typedef bool ward_server_stands_fn(const struct ward_server_guest *g);
void ward_server_remember(struct ward_server *s, ward_server_stands_fn *stands);

/* serve_turn.c */
int ward_server_on_frame(struct ward_server *s, const struct ward_link_event *e, struct ward_error *err); /* puts it by */
int ward_server_pass(struct ward_server *s, bool *any, struct ward_error *err);                           /* *any: something was done */
void ward_server_read_ahead(struct ward_server *s, size_t from);                                          /* from: in the order of turns */
bool ward_server_anything_waits(const struct ward_server *s);
bool ward_server_is_time_over(const struct ward_server *s, int64_t begun); /* what came since is to be committed */

#endif
