#include "replica/stream.h"
#include "base/err.h"
#include "base/limits.h"
#include "shell/pack.h"

#include <string.h>

void ward_stream_init(struct ward_stream *s, ward_replica *r, const struct ward_grant *to)
{
    *s = (struct ward_stream){.r = r, .to = *to};
    ward_buf_init(&s->raw, &r->env);
    ward_buf_init(&s->packed, &r->env);
}

void ward_stream_free(struct ward_stream *s)
{
    ward_vv_free(&s->have, &s->r->env);
    ward_vv_free(&s->put_off, &s->r->env);
    ward_buf_free(&s->raw);
    ward_buf_free(&s->packed);
}

static bool readable(const struct ward_stream *s, const struct ward_feed *f)
{
    return !ward_vv_get(&s->put_off, f->sid) && ward_space_is_common(ward_directory_space(&s->r->dir, f->sid), &s->to, NULL);
}

/* Up to where the other holds a row. A branch begins with what its parent, which goes before it, has brought. */
static uint64_t held_by(const struct ward_stream *s, const struct ward_feed *f)
{
    uint64_t have = ward_vv_get(&s->have, f->fid);
    return have > f->base ? have : f->base;
}

bool ward_stream_owes(const struct ward_stream *s, const struct ward_feed *f)
{
    return f->head_seq > held_by(s, f) && readable(s, f);
}

uint64_t ward_stream_backlog(const struct ward_stream *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->r->dir.feed_count; i++) {
        const struct ward_feed *f = &s->r->dir.feeds[i];
        uint64_t have = held_by(s, f);
        if (f->head_seq > have && readable(s, f))
            n += f->head_seq - have;
    }
    return n;
}

int ward_stream_seek(struct ward_stream *s, struct ward_error *err)
{
    int64_t cursor;
    int rc = ward_store_last_segment(s->r->store, &cursor, err);
    for (size_t i = 0; !rc && i < s->r->dir.feed_count; i++) {
        const struct ward_feed *f = &s->r->dir.feeds[i];
        struct ward_segment seg;
        uint64_t have = held_by(s, f);
        if (f->head_seq <= have || !readable(s, f))
            continue;
        rc = ward_store_find_segment(s->r->store, f->fid, have + 1, &seg, err);
        if (!rc && seg.seg <= cursor)
            cursor = seg.seg - 1;
    }
    s->cursor = rc ? 0 : cursor;
    return rc;
}

/* The next segment after the cursor that holds something the other lacks; passes over the rest. */
static int find_next(struct ward_stream *s, struct ward_segment *seg, bool *got, struct ward_error *err)
{
    for (;;) {
        int rc = ward_store_next_segment(s->r->store, s->cursor, true, seg, got, err);
        if (rc || !*got)
            return rc;
        const struct ward_feed *f = ward_directory_feed(&s->r->dir, seg->fid);
        *got = f != NULL; /* else another process has begun it just now: its turn comes when the directory knows it */
        if (!f)
            return WARD_OK;
        if (readable(s, f) && seg->first + seg->count - 1 > ward_vv_get(&s->have, seg->fid))
            return WARD_OK;
        s->cursor = seg->seg;
    }
}

/* Appends the bodies of a segment from seq `from` on. */
static int append(struct ward_stream *s, const struct ward_segment *seg, uint64_t from, struct ward_buf *bodies, struct ward_error *err)
{
    size_t at = 0;
    int rc = ward_store_unpack(seg, &s->raw, err);
    for (uint64_t seq = seg->first; !rc && seq < from; seq++) {
        struct ward_change_head head;
        rc = ward_change_skip(s->raw.p + at, s->raw.len - at, &head);
        if (rc)
            return ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg->seg);
        at += head.len;
    }
    if (rc)
        return rc;
    ward_buf_add(bodies, s->raw.p + at, s->raw.len - at);
    return ward_buf_status(bodies) ? ward_fail(err, WARD_ERR_MEMORY, "run") : WARD_OK;
}

/* Takes following segments of the same feed into the run, as long as nothing the other needs stands between them: one seal covers them all.
 * No more than is usual: a run counts when it has arrived whole, the receiver keeps it as one segment, and what is one segment can never be
 * parted again, however slow the next link is. */
static int extend(struct ward_stream *s, struct ward_segment *last, uint32_t *count, struct ward_buf *bodies, struct ward_error *err)
{
    for (;;) {
        struct ward_segment next;
        bool got;
        int rc = find_next(s, &next, &got, err);
        uint64_t expected = last->first + last->count;
        if (rc || !got || next.fid != last->fid || next.first != expected || *count + next.count > WARD_RUN_CHANGES_MAX)
            return rc;
        size_t before = bodies->len;
        rc = ward_store_find_segment(s->r->store, next.fid, next.first, &next, err);
        if (!rc)
            rc = append(s, &next, next.first, bodies, err);
        if (rc)
            return rc;
        if (bodies->len > (s->slow ? WARD_RUN_RAW_SLOW : WARD_RUN_RAW_USUAL)) {
            bodies->len = before;
            return WARD_OK;
        }
        *count += next.count;
        *last = next;
        s->cursor = next.seg;
    }
}

int ward_stream_next(struct ward_stream *s, struct ward_buf *out, struct ward_streamed *result, bool *got, struct ward_error *err)
{
    struct ward_segment seg;
    struct ward_buf bodies;
    int rc = find_next(s, &seg, got, err);
    if (rc || !*got)
        return rc;
    uint64_t have = ward_vv_get(&s->have, seg.fid), first = have >= seg.first ? have + 1 : seg.first;
    uint32_t count = (uint32_t)(seg.first + seg.count - first);
    ward_buf_init(&bodies, &s->r->env);
    rc = ward_store_find_segment(s->r->store, seg.fid, seg.first, &seg, err);
    if (!rc)
        rc = append(s, &seg, first, &bodies, err);
    s->cursor = seg.seg;
    if (!rc)
        rc = extend(s, &seg, &count, &bodies, err);
    uint32_t codec = WARD_CODEC_RAW;
    if (!rc)
        rc = ward_pack(&s->packed, &codec, bodies.p, bodies.len, count, err);
    if (!rc) {
        const struct ward_feed *f = ward_directory_feed(&s->r->dir, seg.fid);
        const struct ward_buf *data = codec ? &s->packed : &bodies;
        struct ward_run run = {.space8 = ward_directory_space(&s->r->dir, f->sid)->id.b,
                               .grant8 = f->grant.b,
                               .first = first,
                               .count = count,
                               .codec = codec,
                               .data = data->p,
                               .len = data->len,
                               .sig = seg.sig};
        ward_buf_clear(out);
        ward_frame_run(out, &run);
        *result = (struct ward_streamed){.fid = seg.fid, .last = first + count - 1, .count = count};
        rc = ward_buf_status(out) || ward_vv_raise(&s->have, &s->r->env, seg.fid, result->last) ? ward_fail(err, WARD_ERR_MEMORY, "run")
                                                                                                : WARD_OK;
    }
    ward_buf_free(&bodies);
    return rc;
}
