#include "replica/authority.h"
#include "base/err.h"
#include "values/feed.h"

/* What the branches of a feed that have been given up made known stays, so of a feed with branches nothing is taken out. */
static int forget(struct ward_apply *a, struct ward_error *err)
{
    const struct ward_directory *d = &a->r->dir;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < d->feed_count; i++)
        if (!d->feeds[i].forked)
            rc = ward_store_forget_authority(a->r->store, d->feeds[i].fid, 0, err);
    return rc ? rc : ward_apply_rejudge(a, err);
}

static int note_segment(struct ward_apply *a, const struct ward_segment *seg, struct ward_error *err)
{
    struct ward_scratch *s = &a->r->scratch;
    const struct ward_feed *f = ward_directory_feed(&a->r->dir, seg->fid);
    struct ward_buf raw;
    size_t at = 0, used = 0;
    ward_buf_init(&raw, &a->r->env);
    int rc = ward_store_unpack(a->r->store, seg, &raw, err);
    for (uint32_t i = 0; !rc && i < seg->count; i++, at += used) {
        ward_scratch_clear(s);
        rc = ward_change_parse(s, raw.p + at, raw.len - at, &used, err);
        if (rc)
            rc = rc == WARD_ERR_MEMORY ? rc : ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg->seg);
        else
            rc = ward_apply_authority(a, f, seg->first + i, &s->changes[0], s->ops + s->changes[0].op_first, err);
    }
    ward_buf_free(&raw);
    return rc;
}

static int note_all(struct ward_apply *a, struct ward_error *err)
{
    struct ward_segment seg = {0};
    bool got = true;
    int rc = WARD_OK;
    while (!rc && got) {
        rc = ward_store_next_segment(a->r->store, seg.seg, true, &seg, &got, err);
        const struct ward_feed *f = !rc && got ? ward_directory_feed(&a->r->dir, seg.fid) : NULL;
        if (!f || ward_directory_space(&a->r->dir, f->sid)->circle_count)
            continue;
        rc = ward_store_find_segment(a->r->store, seg.fid, seg.first, &seg, err);
        if (!rc)
            rc = note_segment(a, &seg, err);
    }
    return rc;
}

int ward_authority_renew(struct ward_apply *a, bool *changed, struct ward_error *err)
{
    struct ward_hash before, after;
    int rc = ward_store_hash_authority(a->r->store, &before, err);
    if (!rc)
        rc = forget(a, err);
    if (!rc)
        rc = note_all(a, err);
    if (!rc)
        rc = ward_store_hash_authority(a->r->store, &after, err);
    *changed = !rc && ward_hash_compare(&before, &after) != 0;
    return rc;
}
