/* stream.h - what a peer lacks, as runs, in a causally closed order. For links and for bundles alike.
 *
 * A change names what it rests on in its own space alone, and its right to be there in the ward space. So the ward space goes first, and of
 * the others those of which least is owed: a deadline does not wait behind a thousand imports of somebody else. Within a space runs go in
 * their order of arrival here, in which nothing comes before what it rests on; a feed of which little is owed goes ahead of that where all
 * that its author had taken in is there already.
 */
#ifndef WARD_STREAM_H
#define WARD_STREAM_H

#include "replica/replica.h"
#include "rules/frame.h"

/* A feed of which the other lacks something. */
struct ward_owed {
    uint32_t sid, fid;
    int64_t seg; /* that of the first change it lacks; 0: not looked up yet */
};

struct ward_stream {
    ward_replica *r;
    struct ward_grant to;   /* who may read it */
    bool own_unnamed;       /* in a session of which the other knows who sends: runs of an own feed do not name its grant */
    struct ward_vv have;    /* what the other holds or was sent, by fid */
    struct ward_owed *owed; /* ascending by space, then feed; feeds of which nothing is owed any more may stand among them */
    size_t owed_count, owed_cap;
    bool sought;            /* with the directory as it was read at */
    uint64_t stamp;         /* this stamp of the store: when it is read anew, all is looked through again */
    uint32_t sid;           /* the space whose turn it is; 0: to be chosen */
    double ratio;           /* of bodies to what they were packed to, of the run before */
    struct ward_vv put_off; /* by sid: spaces of which nothing goes out before their snapshot has */
};
/* One run that was written to a frame. */
struct ward_streamed {
    uint32_t fid; /* 0: a frame of a snapshot */
    uint64_t last;
    uint32_t count;
    uint32_t sid; /* the last frame of its snapshot; else 0 */
    bool own;     /* it did not name its grant */
};

void ward_stream_init(struct ward_stream *s, ward_replica *r, const struct ward_grant *to);
void ward_stream_free(struct ward_stream *s);
/* Once `have` is known, and when it has become less: looks through all feeds for what is owed. WARD_ERR_MEMORY. */
int ward_stream_seek(struct ward_stream *s, struct ward_error *err);
/* These feeds have changed since, and no others; *any: something of them is owed. WARD_ERR_MEMORY. */
int ward_stream_note(struct ward_stream *s, const uint32_t *fids, size_t count, bool *any, struct ward_error *err);
/* The next run as a frame in out (cleared first); *got false if there is none left for now. */
int ward_stream_next(struct ward_stream *s, struct ward_buf *out, struct ward_streamed *result, bool *got, struct ward_error *err);
/* The other lacks something of this feed. */
bool ward_stream_owes(const struct ward_stream *s, const struct ward_feed *f);
/* Changes held here that the other may read and is not known to hold. */
uint64_t ward_stream_backlog(const struct ward_stream *s);

#endif
