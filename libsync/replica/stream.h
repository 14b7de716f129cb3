/* stream.h - what a peer lacks, as runs, in order of arrival here: always causally closed. For links and for bundles alike. */
#ifndef WARD_STREAM_H
#define WARD_STREAM_H

#include "replica/replica.h"
#include "rules/frame.h"

struct ward_stream {
    ward_replica *r;
    struct ward_grant to; /* who may read it */
    struct ward_vv have;  /* what the other holds or was sent, by fid */
    int64_t cursor;       /* the last segment looked at */
    struct ward_buf raw, packed;
    bool slow;              /* the link: shorter runs */
    struct ward_vv put_off; /* by sid: spaces of which nothing goes out before their snapshot has */
};
/* One run that was written to a frame. */
struct ward_streamed {
    uint32_t fid; /* 0: a frame of a snapshot */
    uint64_t last;
    uint32_t count;
    uint32_t sid; /* the last frame of its snapshot; else 0 */
};

void ward_stream_init(struct ward_stream *s, ward_replica *r, const struct ward_grant *to);
void ward_stream_free(struct ward_stream *s);
/* Once `have` is known: passes over everything the other holds already. */
int ward_stream_seek(struct ward_stream *s, struct ward_error *err);
/* The next run as a frame in out (cleared first); *got false if there is none left for now. */
int ward_stream_next(struct ward_stream *s, struct ward_buf *out, struct ward_streamed *result, bool *got, struct ward_error *err);
/* The other lacks something of this feed. */
bool ward_stream_owes(const struct ward_stream *s, const struct ward_feed *f);
/* Changes held here that the other may read and is not known to hold. */
uint64_t ward_stream_backlog(const struct ward_stream *s);

#endif
