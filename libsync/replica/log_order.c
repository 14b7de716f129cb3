/* log_order.c - a space's log, put in causal order where it is not: what arrives from one peer comes in that peer's order, but of history
 * that is fetched piece by piece from several a piece may come behind what rests on it. */
#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "replica/log.h"

#include <stdlib.h>

struct need { /* of a row so much stands before */
    uint32_t fid;
    uint64_t seq;
};
struct piece { /* a segment */
    int64_t seg;
    uint32_t fid;
    uint64_t first;
    uint32_t count;
    struct need *needs;
    size_t need_count;
};
struct row {
    size_t next;     /* of its pieces */
    uint64_t placed; /* the last seq that is in its place, or lies before the log */
};
struct ordering {
    ward_replica *r;
    const struct ward_space *space;
    struct ward_arena arena;
    struct ward_scratch scratch;
    struct ward_buf raw;
    struct piece *pieces; /* by row and seq */
    size_t count, cap;
    struct row *rows; /* by fid */
};

static int by_row(const void *pa, const void *pb)
{
    const struct piece *a = pa, *b = pb;
    return a->fid != b->fid ? (a->fid > b->fid) - (a->fid < b->fid) : (a->first > b->first) - (a->first < b->first);
}

static int list_pieces(struct ordering *o, struct ward_error *err)
{
    struct ward_segment seg = {0};
    bool got = true;
    int rc = WARD_OK;
    while (!rc && got) {
        rc = ward_store_next_segment(o->r->store, seg.seg, true, &seg, &got, err);
        const struct ward_feed *f = !rc && got ? ward_directory_feed(&o->r->dir, seg.fid) : NULL;
        if (!f || f->sid != o->space->sid)
            continue;
        if (ward_grow(&o->r->env, (void **)&o->pieces, &o->cap, o->count, sizeof *o->pieces))
            return ward_fail(err, WARD_ERR_MEMORY, "log");
        o->pieces[o->count++] = (struct piece){.seg = seg.seg, .fid = seg.fid, .first = seg.first, .count = seg.count};
    }
    if (o->count)
        qsort(o->pieces, o->count, sizeof *o->pieces, by_row);
    return rc;
}

/* What had been seen counts by seq, on whichever branch it was named (proto/change.md): up to where the feed's branches agree. What is not
 * here (yet) is not waited for. */
static int find_needs(struct ordering *o, struct piece *p, struct ward_error *err)
{
    struct ward_scratch *s = &o->scratch;
    p->needs = s->dep_count ? ward_arena_take(&o->arena, s->dep_count * sizeof *p->needs) : NULL;
    if (s->dep_count && !p->needs)
        return ward_fail(err, WARD_ERR_MEMORY, "log");
    for (size_t i = 0, at; i < s->dep_count; i++) {
        const struct ward_dep *dep = &s->deps[i];
        const struct ward_feed *g = ward_dep_is_own(dep) ? NULL : ward_directory_feed_by_id(&o->r->dir, &dep->feed);
        if (!g)
            continue;
        uint64_t agreed = ward_feed_agreed(g), seq = dep->seq < agreed ? dep->seq : agreed;
        for (at = 0; at < p->need_count && p->needs[at].fid != g->fid;)
            at++;
        p->need_count += at == p->need_count;
        p->needs[at].fid = g->fid;
        p->needs[at].seq = p->needs[at].seq > seq ? p->needs[at].seq : seq;
    }
    return WARD_OK;
}

static int read_piece(struct ordering *o, struct piece *p, struct ward_error *err)
{
    struct ward_segment seg;
    size_t at = 0, used = 0;
    int rc = ward_store_find_segment(o->r->store, p->fid, p->first, &seg, err);
    if (!rc)
        rc = ward_store_unpack(o->r->store, &seg, &o->raw, err);
    ward_scratch_clear(&o->scratch);
    for (uint32_t i = 0; !rc && i < p->count; i++, at += used) {
        rc = ward_change_parse(&o->scratch, o->raw.p + at, o->raw.len - at, &used, err);
        if (rc && rc != WARD_ERR_MEMORY)
            rc = ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)p->seg);
    }
    return rc ? rc : find_needs(o, p, err);
}

static int read_pieces(struct ordering *o, struct ward_error *err)
{
    int rc = WARD_OK;
    o->rows = ward_arena_take(&o->arena, (o->r->dir.feed_count + 1) * sizeof *o->rows);
    if (!o->rows)
        return ward_fail(err, WARD_ERR_MEMORY, "log");
    for (size_t i = 0; i < o->space->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&o->r->dir, o->space->feeds[i]);
        o->rows[f->fid] = (struct row){.next = SIZE_MAX, .placed = f->base};
    }
    for (size_t i = o->count; !rc && i > 0; i--) {
        o->rows[o->pieces[i - 1].fid].next = i - 1;
        rc = read_piece(o, &o->pieces[i - 1], err);
    }
    return rc;
}

static bool is_ready(const struct ordering *o, const struct piece *p)
{
    const struct ward_feed *f = ward_directory_feed(&o->r->dir, p->fid);
    bool ready = !f->parent || o->rows[f->parent].placed >= f->base;
    for (size_t i = 0; ready && i < p->need_count; i++)
        ready = o->rows[p->needs[i].fid].placed >= p->needs[i].seq;
    return ready;
}

/* Of the pieces for which all is there that they rest on, the one that arrived first. (If there is none, the log is damaged.) */
static struct piece *choose(struct ordering *o)
{
    struct piece *best = NULL;
    bool best_ready = false;
    for (size_t i = 0; i < o->space->feed_count; i++) {
        uint32_t fid = o->space->feeds[i];
        size_t next = o->rows[fid].next;
        struct piece *p = next < o->count && o->pieces[next].fid == fid ? &o->pieces[next] : NULL;
        bool ready = p && is_ready(o, p);
        if (!p || ready < best_ready || (best && ready == best_ready && p->seg > best->seg))
            continue;
        best = p;
        best_ready = ready;
    }
    return best;
}

/* All goes behind the rest of the log from the first on that stood too late. */
static int put_in_order(struct ordering *o, struct ward_error *err)
{
    const struct piece **order = ward_arena_take(&o->arena, (o->count + 1) * sizeof(struct piece *));
    size_t moved = o->count;
    int64_t last = 0;
    if (!order)
        return ward_fail(err, WARD_ERR_MEMORY, "log");
    for (size_t i = 0; i < o->count; i++) {
        struct piece *p = choose(o);
        struct row *row = &o->rows[p->fid];
        row->placed = p->first + p->count - 1;
        row->next++;
        order[i] = p;
    }
    for (size_t i = o->count; i > 1; i--)
        moved = order[i - 2]->seg > order[i - 1]->seg ? i - 2 : moved;
    int rc = moved < o->count ? ward_store_last_segment(o->r->store, &last, err) : WARD_OK;
    for (size_t i = moved; !rc && i < o->count; i++)
        rc = ward_store_put_back_segment(o->r->store, order[i]->seg, ++last, err);
    return rc;
}

int ward_log_order(ward_replica *r, uint32_t sid, struct ward_error *err)
{
    struct ordering o = {.r = r, .space = ward_directory_space(&r->dir, sid)};
    ward_arena_init(&o.arena, &r->env);
    ward_scratch_init(&o.scratch, &r->env);
    ward_buf_init(&o.raw, &r->env);
    int rc = list_pieces(&o, err);
    if (!rc)
        rc = read_pieces(&o, err);
    if (!rc)
        rc = put_in_order(&o, err);
    ward_release(&r->env, o.pieces);
    ward_buf_free(&o.raw);
    ward_scratch_free(&o.scratch);
    ward_arena_free(&o.arena);
    return rc;
}
