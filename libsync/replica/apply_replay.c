/* apply_replay.c - a space's state made anew from its base and its log. */
#include "base/err.h"
#include "replica/apply.h"
#include "replica/base.h"

/* Applies a held segment again, up to seq `upto`; its feed's vv grows along. */
static int replay_segment(struct ward_apply *a, struct ward_feed *f, const struct ward_segment *seg, uint64_t upto, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_buf raw;
    size_t at = 0, used = 0;
    ward_buf_init(&raw, &r->env);
    int rc = ward_store_unpack(seg, &raw, err);
    for (uint32_t i = 0; !rc && i < seg->count && seg->first + i <= upto; i++, at += used) {
        ward_scratch_clear(&r->scratch);
        rc = ward_change_parse(&r->scratch, raw.p + at, raw.len - at, &used, err);
        if (rc) { /* it was checked at the door: now it is damage, and nothing to blame a peer for */
            rc = rc == WARD_ERR_MEMORY ? rc : ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg->seg);
            break;
        }
        rc = ward_apply_again(a, f, seg->first + i, &r->scratch.changes[0], &r->scratch, err);
    }
    ward_buf_free(&raw);
    return rc;
}

static int replay(struct ward_apply *a, uint32_t sid, const struct ward_vv *upto, struct ward_error *err)
{
    ward_replica *r = a->r;
    struct ward_space *space = ward_directory_space(&r->dir, sid);
    struct ward_segment seg = {0};
    bool got = true;
    int rc = ward_apply_write(a, err);
    if (!rc)
        rc = ward_records_forget(&a->records, err);
    if (!rc)
        rc = ward_records_unindex(&a->records, sid, err);
    if (!rc)
        rc = ward_store_clear_space(r->store, sid, err);
    for (size_t i = 0; !rc && i < space->feed_count; i++) {
        struct ward_feed *f = ward_directory_feed(&r->dir, space->feeds[i]);
        if (f->parent) /* nothing of a branch has effect, and what its author had seen stays the same */
            continue;
        f->vv.len = 0;
        f->vv_loaded = f->dirty = true;
    }
    if (!rc)
        rc = ward_base_restore(a, sid, err);
    while (!rc && got) {
        rc = ward_store_next_segment(r->store, seg.seg, true, &seg, &got, err);
        struct ward_feed *f = !rc && got ? ward_directory_feed(&r->dir, seg.fid) : NULL;
        if (!f || f->sid != sid || f->parent)
            continue;
        uint64_t end = upto ? ward_vv_get(upto, f->fid) : UINT64_MAX;
        if (seg.first > end)
            continue;
        rc = ward_store_find_segment(r->store, seg.fid, seg.first, &seg, err);
        if (!rc)
            rc = replay_segment(a, f, &seg, end, err);
    }
    return rc;
}

int ward_apply_replay(struct ward_apply *a, uint32_t sid, struct ward_error *err)
{
    return replay(a, sid, NULL, err);
}

int ward_apply_replay_upto(struct ward_apply *a, uint32_t sid, const struct ward_vv *upto, struct ward_error *err)
{
    int rc = replay(a, sid, upto, err);
    return rc ? rc : ward_apply_write(a, err);
}
