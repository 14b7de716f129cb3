#include "replica/beside.h"
#include "base/err.h"
#include "replica/own.h"
#include "values/feed.h"

#include <string.h>

int ward_beside_at(ward_replica *r, const struct ward_feed *row, uint64_t seq, bool *beside, struct ward_error *err)
{
    const struct ward_feed *trunk = ward_directory_trunk(&r->dir, row);
    const struct ward_floor_entry *s = &trunk->settled;
    struct ward_hash hash;
    uint64_t depth;
    bool short_of_it;
    *beside = false;
    if (s->seq == 0 || seq <= s->seq)
        return WARD_OK;
    if (!row->parent || ward_directory_common_seq(&r->dir, row) >= s->seq)
        return ward_own_is_astray(r, trunk, beside, &short_of_it, err);
    int rc = ward_chain_at(r, row->fid, s->seq, &hash, &depth, err);
    *beside = !rc && ward_hash_compare(&hash, &s->hash) != 0;
    return rc;
}

/* ---- what rests on it */

struct search {
    ward_replica *r;
    struct ward_vv beside; /* by row: the first change that lies beside what is settled */
    struct ward_vv *first; /* by row: the first that rests on one of those, or of these */
    bool more;
};

/* From where on the row's changes go; 0: they stay. */
static uint64_t goes_from(const struct search *x, const struct ward_feed *row)
{
    uint64_t beside = ward_vv_get(&x->beside, row->fid), rests = ward_vv_get(x->first, row->fid);
    return beside && (!rests || beside < rests) ? beside : rests;
}

static int find_beside(struct search *x, const struct ward_space *s, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < s->feed_count; i++) {
        const struct ward_feed *row = ward_directory_feed(&x->r->dir, s->feeds[i]);
        bool beside;
        rc = ward_beside_at(x->r, row, row->head_seq, &beside, err);
        if (!rc && beside && ward_vv_raise(&x->beside, &x->r->env, row->fid, ward_directory_trunk(&x->r->dir, row)->settled.seq + 1))
            rc = ward_fail(err, WARD_ERR_MEMORY, "what is beside");
    }
    return rc;
}

static int names_what_goes(struct search *x, const struct ward_dep *dep, bool *out, struct ward_error *err)
{
    const struct ward_directory *d = &x->r->dir;
    const struct ward_feed *row = NULL;
    uint64_t depth;
    bool may = false;
    *out = false;
    for (const struct ward_feed *f = ward_directory_feed_by_id(d, &dep->feed); f; f = ward_directory_next(d, f))
        may |= goes_from(x, f) && dep->seq >= goes_from(x, f);
    int rc = may ? ward_dep_find(x->r, dep, &row, &depth, err) : WARD_OK;
    if (rc == WARD_ERR_DEP_HASH || rc == WARD_ERR_DEP_MISSING)
        return WARD_OK;
    *out = row && goes_from(x, row) && dep->seq >= goes_from(x, row);
    return rc;
}

static int goes(struct search *x, const struct ward_feed *row, uint64_t seq, struct ward_error *err)
{
    uint64_t before = ward_vv_get(x->first, row->fid);
    if (before && before <= seq)
        return WARD_OK;
    x->more = true;
    ward_vv_lower(x->first, row->fid, 0);
    return ward_vv_raise(x->first, &x->r->env, row->fid, seq) ? ward_fail(err, WARD_ERR_MEMORY, "what is beside") : WARD_OK;
}

/* Its first change that names one that goes, before the first that is known to. */
static int look_at_segment(struct search *x, const struct ward_feed *row, const struct ward_segment *seg, struct ward_error *err)
{
    struct ward_scratch s;
    struct ward_buf raw;
    size_t at = 0, used = 0;
    uint64_t known = ward_vv_get(x->first, row->fid);
    bool found = false;
    ward_scratch_init(&s, &x->r->env);
    ward_buf_init(&raw, &x->r->env);
    int rc = ward_store_unpack(x->r->store, seg, &raw, err);
    for (uint64_t seq = seg->first; !rc && !found && seq < seg->first + seg->count && (!known || seq < known); seq++, at += used) {
        ward_scratch_clear(&s);
        rc = ward_change_parse(&s, raw.p + at, raw.len - at, &used, err);
        for (size_t i = 0; !rc && !found && i < s.dep_count; i++)
            rc = ward_dep_is_own(&s.deps[i]) ? WARD_OK : names_what_goes(x, &s.deps[i], &found, err);
        if (!rc && found)
            rc = goes(x, row, seq, err);
    }
    ward_buf_free(&raw);
    ward_scratch_free(&s);
    return rc;
}

static int look_at_row(struct search *x, const struct ward_feed *row, struct ward_error *err)
{
    const struct ward_feed *parent = ward_directory_feed(&x->r->dir, row->parent);
    bool got = true;
    int rc = WARD_OK;
    if (ward_vv_get(&x->beside, row->fid))
        return WARD_OK;
    if (parent && goes_from(x, parent) && goes_from(x, parent) <= row->base) /* it rests on what it leaves */
        return goes(x, row, row->base + 1, err);
    for (uint64_t seq = row->base + 1; !rc && got && seq <= row->head_seq;) {
        struct ward_segment seg;
        uint64_t known = ward_vv_get(x->first, row->fid);
        rc = ward_store_segment_from(x->r->store, row->fid, seq, &seg, &got, err);
        if (!rc && got && known && seg.first >= known)
            return WARD_OK;
        if (!rc && got)
            rc = look_at_segment(x, row, &seg, err);
        seq = got ? seg.first + seg.count : seq;
    }
    return rc;
}

static uint64_t mix(uint64_t sum, uint64_t part)
{
    sum = (sum ^ part) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 32;
}

static uint64_t begin_of(const struct ward_hash *h)
{
    uint64_t part;
    memcpy(&part, h->b, sizeof part);
    return part;
}

/* Tells whether anything has changed in the space since it was looked at, also where one feed grows by what another falls; not 0. */
static uint64_t measure(const struct ward_directory *d, const struct ward_space *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
        sum = mix(mix(sum, f->head_seq), begin_of(&f->head_hash));
        sum = mix(mix(sum, f->settled.seq), begin_of(&f->settled.hash));
        sum = mix(sum, f->below);
    }
    return sum | 1;
}

int ward_beside_resting(ward_replica *r, uint32_t sid, struct ward_vv *first, struct ward_error *err)
{
    struct ward_space *s = ward_directory_space(&r->dir, sid);
    struct search x = {.r = r, .first = first, .more = true};
    uint64_t now = measure(&r->dir, s);
    if (now == s->looked_at)
        return WARD_OK;
    int rc = find_beside(&x, s, err);
    while (!rc && x.beside.len && x.more) { /* what rests on what rests */
        x.more = false;
        for (size_t i = 0; !rc && i < s->feed_count; i++)
            rc = look_at_row(&x, ward_directory_feed(&r->dir, s->feeds[i]), err);
    }
    ward_vv_free(&x.beside, &r->env);
    s->looked_at = !rc && first->len == 0 ? now : 0;
    return rc;
}
