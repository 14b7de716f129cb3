#include "replica/stream.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "shell/pack.h"
#include "values/feed.h"

#include <string.h>

#define RATIO 6 /* of bodies to what they are packed to, before one has been seen */

void ward_stream_init(struct ward_stream *s, ward_replica *r, const struct ward_grant *to)
{
    *s = (struct ward_stream){.r = r, .to = *to};
    s->ratio = RATIO;
}

void ward_stream_free(struct ward_stream *s)
{
    ward_vv_free(&s->have, &s->r->env);
    ward_vv_free(&s->put_off, &s->r->env);
    ward_release(&s->r->env, s->owed);
}

static bool readable(const struct ward_stream *s, const struct ward_feed *f)
{
    return !f->below && !ward_vv_get(&s->put_off, f->sid) && ward_space_is_common(ward_directory_space(&s->r->dir, f->sid), &s->to, NULL);
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

/* ---- what is owed */

#define NOT_THERE INT64_MAX /* in place of a segment: the log has lost it, or another process has just withdrawn it */

/* Where the feed is or belongs. */
static size_t place(const struct ward_stream *s, uint32_t sid, uint32_t fid)
{
    size_t low = 0, high = s->owed_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct ward_owed *o = &s->owed[mid];
        if (o->sid < sid || (o->sid == sid && o->fid < fid))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int note(struct ward_stream *s, const struct ward_feed *f, struct ward_error *err)
{
    size_t at = place(s, f->sid, f->fid);
    if (at < s->owed_count && s->owed[at].fid == f->fid) {
        s->owed[at].seg = 0; /* it may be another than it was */
        return WARD_OK;
    }
    if (ward_grow(&s->r->env, (void **)&s->owed, &s->owed_cap, s->owed_count, sizeof *s->owed))
        return ward_fail(err, WARD_ERR_MEMORY, "stream");
    memmove(&s->owed[at + 1], &s->owed[at], (s->owed_count - at) * sizeof *s->owed);
    s->owed[at] = (struct ward_owed){.sid = f->sid, .fid = f->fid};
    s->owed_count++;
    return WARD_OK;
}

int ward_stream_seek(struct ward_stream *s, struct ward_error *err)
{
    s->owed_count = 0;
    s->sid = 0;
    for (size_t i = 0; i < s->r->dir.feed_count; i++) {
        const struct ward_feed *f = &s->r->dir.feeds[i];
        int rc = ward_stream_owes(s, f) ? note(s, f, err) : WARD_OK;
        if (rc)
            return rc;
    }
    s->sought = true;
    s->stamp = s->r->stamp;
    return WARD_OK;
}

int ward_stream_note(struct ward_stream *s, const uint32_t *fids, size_t count, bool *any, struct ward_error *err)
{
    *any = false;
    s->stamp = s->r->stamp;
    for (size_t i = 0; s->sought && i < count; i++) {
        const struct ward_feed *f = ward_directory_feed(&s->r->dir, fids[i]);
        if (!f || !ward_stream_owes(s, f))
            continue;
        int rc = note(s, f, err);
        if (rc)
            return rc;
        *any = true;
        s->sid = 0; /* it may go before what is on its way */
    }
    return WARD_OK;
}

/* ---- whose turn it is */

/* Takes out what is not owed any more. */
static void tidy(struct ward_stream *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->owed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&s->r->dir, s->owed[i].fid);
        if (f && ward_stream_owes(s, f))
            s->owed[n++] = s->owed[i];
    }
    s->owed_count = n;
}

static uint64_t owed_of(const struct ward_stream *s, const struct ward_owed *o)
{
    const struct ward_feed *f = ward_directory_feed(&s->r->dir, o->fid);
    return f && o->seg != NOT_THERE && ward_stream_owes(s, f) ? f->head_seq - held_by(s, f) : 0;
}

/* The owed feeds of the space at hand. */
struct share {
    struct ward_owed *v;
    size_t count;
    uint64_t changes;
};

static struct share share_at(const struct ward_stream *s, size_t first)
{
    struct share x = {.v = s->owed + first};
    for (size_t i = first; i < s->owed_count && s->owed[i].sid == s->owed[first].sid; i++, x.count++)
        x.changes += owed_of(s, &s->owed[i]);
    return x;
}

static bool is_ward_space(const struct ward_stream *s, uint32_t sid)
{
    return ward_directory_space(&s->r->dir, sid)->circle_count == 0;
}

/* Which space is next; *out of none: nothing is owed. */
static void choose_space(struct ward_stream *s, struct share *out)
{
    *out = s->sid ? share_at(s, place(s, s->sid, 0)) : (struct share){0};
    if (out->changes)
        return;
    *out = (struct share){0};
    tidy(s);
    for (size_t i = 0; i < s->owed_count;) {
        struct share x = share_at(s, i);
        i += x.count;
        if (x.changes && is_ward_space(s, x.v->sid)) {
            *out = x;
            break;
        }
        if (x.changes && (out->count == 0 || x.changes < out->changes))
            *out = x;
    }
    s->sid = out->count ? out->v->sid : 0;
}

/* A change that brings in the grant under which the feed is written is with the other already. What a device tells again under a new grant
 * has not seen that change, so that the feed's vector does not name it. */
static bool grant_is_there(const struct ward_stream *s, const struct ward_feed *f)
{
    const struct ward_directory *d = &s->r->dir;
    for (size_t i = 0; i < d->writer_count; i++) {
        const struct ward_grant_writer *w = &d->writers[i];
        const struct ward_feed *by = ward_directory_feed(d, w->fid);
        if (by && held_by(s, by) >= w->seq && ward_hash_compare(&d->grants[w->grant - 1].id, &f->grant) == 0)
            return true;
    }
    return f->role == WARD_ROLE_ROOT;
}

/* Whether all that the author had taken in is with the other already. Where histories part, vectors do not tell that. */
static int rests_on_nothing_owed(struct ward_stream *s, struct ward_feed *f, bool *out, struct ward_error *err)
{
    int rc = ward_store_load_vv(s->r->store, f, err);
    *out = !rc && grant_is_there(s, f);
    for (size_t i = 0; *out && i < f->vv.len; i++) {
        const struct ward_feed *g = ward_directory_feed(&s->r->dir, f->vv.v[i].fid);
        *out = g && held_by(s, g) >= f->vv.v[i].seq;
    }
    return rc;
}

static bool any_forked(const struct ward_stream *s, const struct share *x)
{
    for (size_t i = 0; i < x->count; i++) {
        const struct ward_feed *f = ward_directory_feed(&s->r->dir, x->v[i].fid);
        if (f && f->forked)
            return true;
    }
    return false;
}

#define SMALL_SHARE 8  /* a feed of which at most the eighth part of what is owed in its space is owed may go ahead, */
#define MUCH_OWED   16 /* where that much is: else the difference is not worth looking for */

/* A feed that may go ahead of the order of arrival; *out NULL: none. */
static int find_small(struct ward_stream *s, const struct share *x, struct ward_owed **out, struct ward_error *err)
{
    *out = NULL;
    if (x->count == 1 || x->changes < MUCH_OWED || any_forked(s, x))
        return WARD_OK;
    for (size_t i = 0; i < x->count; i++) {
        uint64_t n = owed_of(s, &x->v[i]);
        bool may = n > 0 && n <= x->changes / SMALL_SHARE;
        int rc = may ? rests_on_nothing_owed(s, ward_directory_feed(&s->r->dir, x->v[i].fid), &may, err) : WARD_OK;
        if (rc)
            return rc;
        if (may && (!*out || n < owed_of(s, *out)))
            *out = &x->v[i];
    }
    return WARD_OK;
}

/* The segment with the first change that the other lacks. Behind a hole in the log it is the one after that; *got false: none. */
static int find_segment(struct ward_stream *s, const struct ward_owed *o, struct ward_segment *out, bool *got, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&s->r->dir, o->fid);
    return ward_store_segment_from(s->r->store, f->fid, held_by(s, f) + 1, out, got, err);
}

static int look_up(struct ward_stream *s, struct ward_owed *o, struct ward_error *err)
{
    struct ward_segment seg;
    bool got;
    if (o->seg)
        return WARD_OK;
    int rc = find_segment(s, o, &seg, &got, err);
    if (!rc)
        o->seg = got ? seg.seg : NOT_THERE;
    return rc;
}

/* The feed whose segment arrived first, and until when (a segment's number) it may go on before another's. */
static int find_first(struct ward_stream *s, const struct share *x, struct ward_owed **out, int64_t *until, struct ward_error *err)
{
    *out = NULL;
    *until = INT64_MAX;
    for (size_t i = 0; i < x->count; i++) {
        struct ward_owed *o = &x->v[i];
        if (owed_of(s, o) == 0)
            continue;
        int rc = look_up(s, o, err);
        if (rc)
            return rc;
        if (o->seg == NOT_THERE)
            continue;
        if (*out && o->seg > (*out)->seg) {
            *until = o->seg < *until ? o->seg : *until;
            continue;
        }
        *until = *out ? (*out)->seg : *until;
        *out = o;
    }
    return WARD_OK;
}

static int choose(struct ward_stream *s, struct ward_owed **out, int64_t *until, struct ward_error *err)
{
    for (*out = NULL;;) {
        struct share x;
        *until = INT64_MAX;
        choose_space(s, &x);
        if (x.count == 0)
            return WARD_OK;
        int rc = find_small(s, &x, out, err);
        if (!rc && !*out)
            rc = find_first(s, &x, out, until, err);
        if (rc || *out)
            return rc;
        s->sid = 0; /* nothing of what it owes is there: another one */
    }
}

/* ---- runs */

/* A run that is being put together, in the replica's scratch: its `bodies`, or `packed`. */
struct gathered {
    struct ward_segment last; /* whose seal covers it */
    uint64_t first;
    uint32_t count;
    bool more;  /* there is more that could be taken */
    bool whole; /* it is one segment, all of it, packed as it is kept */
    uint32_t codec;
};

/* Appends the bodies of a segment from seq `from` on. */
static int append(struct ward_stream *s, const struct ward_segment *seg, uint64_t from, struct ward_error *err)
{
    size_t at = 0;
    int rc = ward_store_unpack(s->r->store, seg, &s->r->unpacked, err);
    for (uint64_t seq = seg->first; !rc && seq < from; seq++) {
        struct ward_change_head head;
        rc = ward_change_skip(s->r->unpacked.p + at, s->r->unpacked.len - at, &head);
        if (rc)
            return ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg->seg);
        at += head.len;
    }
    if (rc)
        return rc;
    ward_buf_add(&s->r->bodies, s->r->unpacked.p + at, s->r->unpacked.len - at);
    return ward_buf_status(&s->r->bodies) ? ward_fail(err, WARD_ERR_MEMORY, "run") : WARD_OK;
}

/* The run begins with what the other lacks of the first segment in which it lacks something. */
static int begin(struct ward_stream *s, const struct ward_owed *o, struct gathered *g, bool *got, struct ward_error *err)
{
    uint64_t missing = held_by(s, ward_directory_feed(&s->r->dir, o->fid)) + 1;
    *g = (struct gathered){.whole = true};
    int rc = find_segment(s, o, &g->last, got, err);
    if (rc || !*got)
        return rc;
    g->first = missing > g->last.first ? missing : g->last.first;
    g->count = (uint32_t)(g->last.first + g->last.count - g->first);
    g->whole = g->first == g->last.first;
    g->codec = g->last.codec;
    ward_buf_clear(&s->r->bodies);
    ward_buf_clear(&s->r->packed);
    ward_buf_add(&s->r->packed, g->last.data, g->last.len);
    rc = append(s, &g->last, g->first, err);
    return rc || !ward_buf_status(&s->r->packed) ? rc : ward_fail(err, WARD_ERR_MEMORY, "run");
}

/* Takes following segments of the same feed into the run until it has so many bytes of bodies, as long as nothing the other needs stands
 * between them: one seal covers them all. */
static int extend(struct ward_stream *s, int64_t until, size_t goal, struct gathered *g, struct ward_error *err)
{
    uint64_t head = ward_directory_feed(&s->r->dir, g->last.fid)->head_seq;
    g->more = false;
    while (g->last.first + g->last.count <= head) {
        struct ward_segment next;
        bool got;
        size_t before = s->r->bodies.len;
        int rc = ward_store_segment_from(s->r->store, g->last.fid, g->last.first + g->last.count, &next, &got, err);
        if (rc || !got || next.first != g->last.first + g->last.count || next.seg > until || g->count + next.count > WARD_RUN_CHANGES_MAX)
            return rc;
        rc = append(s, &next, next.first, err);
        if (rc)
            return rc;
        g->more = s->r->bodies.len > goal;
        if (g->more) {
            s->r->bodies.len = before;
            return WARD_OK;
        }
        g->count += next.count;
        g->last = next;
        g->whole = false;
    }
    return WARD_OK;
}

/* The receiver keeps a run as one segment, and what is one segment can never be parted again, however slow the next link is. So what it may
 * have is bytes on the wire. How many bytes of bodies these are is guessed from the run before, and
 * tried: more are added to a run that is too short, one that is too long is begun anew. */
#define TRIES 4
static int gather(struct ward_stream *s, const struct ward_owed *o, int64_t until, struct gathered *g, bool *got, struct ward_error *err)
{
    size_t limit = WARD_RUN_USUAL, data = SIZE_MAX;
    for (int tries = 1;; tries++) {
        size_t goal = (size_t)(s->ratio * (double)limit), before = s->r->bodies.len;
        bool anew = data > limit;
        int rc = anew ? begin(s, o, g, got, err) : WARD_OK;
        if (!rc && *got)
            rc = extend(s, until, goal < WARD_RUN_RAW_MAX ? goal : WARD_RUN_RAW_MAX, g, err);
        if (rc || g->whole || (!anew && s->r->bodies.len == before))
            return rc;
        rc = ward_pack(ward_store_packer(s->r->store), &s->r->packed, &g->codec, s->r->bodies.p, s->r->bodies.len, g->count, err);
        data = g->codec ? s->r->packed.len : s->r->bodies.len;
        bool single = g->last.first <= g->first, room = g->more && data < limit / 8 * 7;
        bool enough = tries == TRIES;
        enough |= !room && (data <= limit || single);
        if (rc || enough)
            return rc;
        s->ratio = (double)s->r->bodies.len / (double)data * 15 / 16;
    }
}

static int put_run(struct ward_stream *s, const struct gathered *g, bool own, struct ward_buf *out, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&s->r->dir, g->last.fid);
    const struct ward_buf *data = g->codec || g->whole ? &s->r->packed : &s->r->bodies;
    struct ward_run run = {.space8 = ward_directory_space(&s->r->dir, f->sid)->id.b,
                           .grant8 = own ? NULL : f->grant.b,
                           .first = g->first,
                           .count = g->count,
                           .codec = g->codec,
                           .data = data->p,
                           .len = data->len,
                           .sig = g->last.sig};
    ward_buf_clear(out);
    ward_frame_run(out, &run);
    return ward_buf_status(out) || ward_vv_raise(&s->have, &s->r->env, f->fid, g->first + g->count - 1)
               ? ward_fail(err, WARD_ERR_MEMORY, "run")
               : WARD_OK;
}

static int next(struct ward_stream *s, struct ward_buf *out, struct ward_streamed *result, bool *got, struct ward_error *err)
{
    struct ward_owed *o;
    struct gathered g;
    int64_t until;
    int rc = s->sought && s->stamp == s->r->stamp ? WARD_OK : ward_stream_seek(s, err);
    *got = false;
    while (!rc && !*got) {
        rc = choose(s, &o, &until, err);
        if (rc || !o)
            return rc;
        rc = gather(s, o, until, &g, got, err);
        if (!rc)
            o->seg = *got ? 0 : NOT_THERE; /* then another one: what it lacks must not hold up the rest */
    }
    if (rc)
        return rc;
    bool own = s->own_unnamed && ward_hash_compare(&ward_directory_feed(&s->r->dir, g.last.fid)->grant, &s->r->self) == 0;
    *result = (struct ward_streamed){.fid = g.last.fid, .last = g.first + g.count - 1, .count = g.count, .own = own};
    return put_run(s, &g, own, out, err);
}

/* A run can be put together from as many segments as it has changes: they are read in one transaction. */
int ward_stream_next(struct ward_stream *s, struct ward_buf *out, struct ward_streamed *result, bool *got, struct ward_error *err)
{
    int rc = ward_store_look(s->r->store, err);
    if (rc)
        return rc;
    rc = next(s, out, result, got, err);
    ward_store_looked(s->r->store);
    return rc;
}
