#include "replica/log.h"
#include "base/err.h"
#include "base/limits.h"
#include "shell/pack.h"
#include "values/feed.h"

/* Segments of a feed by number and first change, the newest first. */
struct trail {
    struct {
        int64_t seg;
        uint64_t first;
    } v[WARD_JOIN_MOST];
    size_t count;
};

static int add_to_trail(void *ctx, int64_t seg, uint64_t first)
{
    struct trail *t = ctx;
    t->v[t->count].seg = seg;
    t->v[t->count++].first = first;
    return WARD_OK;
}

static int newest_of(ward_replica *r, uint32_t fid, int64_t upto, size_t most, struct trail *out, struct ward_error *err)
{
    out->count = 0;
    return ward_store_each_segment_back(r->store, fid, upto, most, add_to_trail, out, err);
}

/* The number of the last segment up to `upto` across which none of the feed may be moved. */
static int find_barrier(ward_replica *r, uint32_t fid, int64_t upto, int64_t *out, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    int rc = WARD_OK;
    *out = 0;
    for (size_t i = 0; !rc && i < r->dir.feed_count; i++) {
        const struct ward_feed *other = &r->dir.feeds[i];
        struct trail last;
        if (other == f || (other->sid != f->sid && ward_hash_compare(&other->grant, &f->grant) != 0))
            continue;
        rc = newest_of(r, other->fid, upto, 1, &last, err);
        if (!rc && last.count && last.v[0].seg > *out)
            *out = last.v[0].seg;
    }
    return rc;
}

/* Segments that follow each other, on their way to become one. */
struct joining {
    ward_replica *r;
    size_t most_raw;
    struct ward_buf raw, bodies, packed;
    struct ward_segment last; /* which takes the others in */
    uint64_t first;
    uint32_t count;
    size_t kept, segments; /* kept: bytes, as they are kept one by one */
};

static int join(struct joining *j, struct ward_error *err)
{
    struct ward_segment seg = j->last;
    const uint64_t first_before = seg.first;
    seg.first = j->first;
    seg.count = j->count;
    int rc = ward_pack(ward_store_packer(j->r->store), &j->packed, &seg.codec, j->bodies.p, j->bodies.len, j->count, err);
    seg.data = seg.codec ? j->packed.p : j->bodies.p;
    seg.len = seg.codec ? j->packed.len : j->bodies.len;
    return rc ? rc : ward_store_join_segments(j->r->store, first_before, &seg, err);
}

static int end_joining(struct joining *j, struct ward_error *err)
{
    int rc = j->segments >= WARD_JOIN_LEAST ? join(j, err) : WARD_OK;
    ward_buf_clear(&j->bodies);
    j->count = 0;
    j->kept = j->segments = 0;
    return rc;
}

/* It does not fit behind what is being joined: there is a hole between them, or it would be too much for one seal. */
static bool is_apart(const struct joining *j, const struct ward_segment *seg)
{
    bool hole = j->first + j->count != seg->first;
    return hole || j->bodies.len + j->raw.len > j->most_raw || j->kept + seg->len > WARD_RUN_USUAL;
}

/* The next one of the feed: into what is being joined, or at the head of another. One that is damaged stays where it is, to be found by who
 * looks for damage: what is written now does not depend on it. */
static int take_in(struct joining *j, uint32_t fid, uint64_t first, struct ward_error *err)
{
    struct ward_segment seg;
    int rc = ward_store_find_segment(j->r->store, fid, first, &seg, err);
    if (!rc)
        rc = ward_store_unpack(j->r->store, &seg, &j->raw, err);
    if (rc == WARD_ERR_CORRUPT)
        return end_joining(j, err);
    if (!rc && j->count && is_apart(j, &seg))
        rc = end_joining(j, err);
    if (rc)
        return rc;
    if (j->count == 0)
        j->first = seg.first;
    ward_buf_add(&j->bodies, j->raw.p, j->raw.len);
    j->count += seg.count;
    j->kept += seg.len;
    j->segments++;
    j->last = seg; /* its data stay behind */
    return ward_buf_status(&j->bodies) ? ward_fail(err, WARD_ERR_MEMORY, "log") : WARD_OK;
}

static int join_all(ward_replica *r, uint32_t fid, const struct trail *t, size_t count, size_t most_raw, struct ward_error *err)
{
    struct joining j = {.r = r, .most_raw = most_raw};
    int rc = WARD_OK;
    ward_buf_init(&j.raw, &r->env);
    ward_buf_init(&j.bodies, &r->env);
    ward_buf_init(&j.packed, &r->env);
    for (size_t i = count; !rc && i > 0; i--)
        rc = take_in(&j, fid, t->v[i - 1].first, err);
    if (!rc)
        rc = end_joining(&j, err);
    ward_buf_free(&j.raw);
    ward_buf_free(&j.bodies);
    ward_buf_free(&j.packed);
    return rc;
}

/* How many of the newest are joined, which end before `end`: a long one only with half as much behind it, so that a change is packed anew a
 * few times and not each time something is joined. */
static size_t how_many(const struct trail *t, uint64_t end, int64_t barrier, uint64_t most)
{
    size_t n = 0;
    for (uint64_t behind = 0; n < t->count && t->v[n].seg > barrier; n++) {
        uint64_t all = end - t->v[n].first, count = all - behind;
        if (all > most || (count >= WARD_JOIN_EVERY && count > 2 * behind))
            break;
        behind = all;
    }
    return n;
}

/* Of its own feeds a device keeps as many seals as it makes; of others one covers what goes into one run. */
static int join_trail(ward_replica *r, uint32_t fid, const struct trail *t, int64_t barrier, struct ward_error *err)
{
    bool own = ward_replica_was(r, &ward_directory_feed(&r->dir, fid)->grant);
    struct ward_segment last;
    int rc = ward_store_find_segment(r->store, fid, t->v[0].first, &last, err);
    if (rc)
        return rc == WARD_ERR_CORRUPT ? WARD_OK : rc;
    size_t n = how_many(t, last.first + last.count, barrier, own ? WARD_SEAL_EVERY : WARD_RUN_CHANGES_MAX);
    return n < WARD_JOIN_LEAST ? WARD_OK : join_all(r, fid, t, n, own ? WARD_SEAL_RAW : WARD_JOIN_RAW, err);
}

/* Joins what has become old of a feed: its newest segments behind those that arrived last. */
static int join_old(ward_replica *r, uint32_t fid, int64_t newest, struct ward_error *err)
{
    struct trail t = {.count = 0};
    int64_t barrier = 0;
    int rc = newest > WARD_LOG_RECENT ? newest_of(r, fid, newest - WARD_LOG_RECENT, WARD_JOIN_MOST, &t, err) : WARD_OK;
    if (rc || t.count < WARD_JOIN_LEAST)
        return rc;
    rc = find_barrier(r, fid, t.v[0].seg, &barrier, err);
    return rc ? rc : join_trail(r, fid, &t, barrier, err);
}

/* Once in so many changes of a feed, where they come in small segments. */
static bool is_time(const struct ward_segment *seg)
{
    return seg->count < WARD_JOIN_EVERY && (seg->first - 1) / WARD_JOIN_EVERY != (seg->first + seg->count - 1) / WARD_JOIN_EVERY;
}

int ward_log_add(ward_replica *r, struct ward_segment *seg, struct ward_error *err)
{
    int rc = ward_store_add_segment(r->store, seg, err);
    return rc || !is_time(seg) ? rc : join_old(r, seg->fid, seg->seg, err);
}
