/* bundle_write.c - a bundle: the frames of a session in a file, for a USB stick. proto/bundle.md. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/base.h"
#include "replica/bundle.h"
#include "replica/own.h"
#include "replica/stream.h"
#include "replica/talk.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/hash.h"
#include "values/seal.h"

#include <stdlib.h>

struct writer {
    ward_replica *r;
    struct ward_grant to;
    struct ward_vv base;
    struct ward_vv given; /* by sid: spaces that go as their state */
    const struct ward_bundle_options *options;
    const struct ward_buf *lead; /* a frame that stands before the bundle, or NULL */
    struct ward_file_out *file;
    ward_hasher hasher;
    struct ward_bundle_info info;
};

static int put_frame(struct writer *w, const struct ward_buf *frame, bool hashed, struct ward_error *err)
{
    struct ward_buf head;
    ward_buf_init(&head, &w->r->env);
    if (frame->len > WARD_FRAME_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_FRAME, "%zu bytes", frame->len);
    ward_put_bytes(&head, frame->p, frame->len);
    int rc = ward_buf_status(&head) || ward_buf_status(frame) ? ward_fail(err, WARD_ERR_MEMORY, "bundle")
                                                              : ward_file_out_write(w->file, head.p, head.len, err);
    if (hashed)
        ward_hash_add(&w->hasher, head.p, head.len);
    w->info.bytes += head.len;
    ward_buf_free(&head);
    return rc;
}

static int by_grant(const void *a, const void *b)
{
    const struct ward_feed *x = *(const struct ward_feed *const *)a, *y = *(const struct ward_feed *const *)b;
    int order = ward_hash_compare(&x->grant, &y->grant);
    if (order == 0)
        order = (x->head_seq > y->head_seq) - (x->head_seq < y->head_seq);
    return order ? order : ward_hash_compare(&x->head_hash, &y->head_hash);
}

static void put_space(struct writer *w, struct ward_buf *b, const struct ward_space *s)
{
    const struct ward_directory *d = &w->r->dir;
    const struct ward_feed **feeds = ward_alloc(&w->r->env, (s->feed_count + 1) * sizeof *feeds);
    size_t n = 0;
    if (!feeds) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < s->feed_count; i++)
        if (d->feeds[s->feeds[i] - 1].head_seq)
            feeds[n++] = &d->feeds[s->feeds[i] - 1];
    if (n)
        qsort(feeds, n, sizeof *feeds, by_grant);
    ward_put_array(b, 2);
    ward_put_circle(b, s->circle, s->circle_count);
    ward_put_array(b, n);
    for (size_t i = 0; i < n; i++) {
        ward_put_array(b, 4);
        ward_put_bytes(b, feeds[i]->grant.b, 8);
        uint64_t base = ward_vv_get(&w->base, feeds[i]->fid), begins = ward_vv_get(&w->given, s->sid) ? 0 : feeds[i]->base;
        ward_put_uint(b, base > begins ? base : begins);
        ward_put_uint(b, feeds[i]->head_seq);
        ward_put_bytes(b, feeds[i]->head_hash.b, 8);
    }
    ward_release(&w->r->env, feeds);
}

static void build_header(struct writer *w, struct ward_buf *b)
{
    const struct ward_directory *d = &w->r->dir;
    const struct ward_bundle_options *o = w->options;
    size_t n = 0;
    for (size_t i = 0; i < d->space_count; i++)
        n += ward_space_is_common(&d->spaces[i], &w->to, NULL);
    ward_frame_begin(b, WARD_MSG_BUNDLE, 6);
    ward_put_bytes(b, w->r->ward.b, 32);
    ward_put_bytes(b, w->r->self.b, 32);
    ward_put_uint(b, (uint64_t)w->info.wall_ms);
    if (o->for_grant)
        ward_put_bytes(b, o->for_grant->b, 32);
    else if (o->for_unit)
        ward_put_bytes(b, o->for_unit->b, WARD_ID_BYTES);
    else
        ward_put_null(b);
    ward_put_array(b, n);
    for (size_t i = 0; i < d->space_count; i++)
        if (ward_space_is_common(&d->spaces[i], &w->to, NULL))
            put_space(w, b, &d->spaces[i]);
    ward_put_uint(b, w->info.runs);
}

/* Spaces of which the reader lacks what lies below a base here go as their state, after all runs that do not: those bring the grants. */
static int put_off_states(struct writer *w, struct ward_stream *s, struct ward_error *err)
{
    const struct ward_directory *d = &w->r->dir;
    for (size_t i = 0; i < d->space_count; i++) {
        const struct ward_space *space = &d->spaces[i];
        if (!ward_space_is_common(space, &w->to, NULL) || !ward_space_is_below(w->r, space, &w->base) || !ward_base_may_give(w->r, space))
            continue;
        if (ward_vv_raise(&s->put_off, &w->r->env, space->sid, 1) || ward_vv_raise(&w->given, &w->r->env, space->sid, 1))
            return ward_fail(err, WARD_ERR_MEMORY, "bundle");
    }
    return WARD_OK;
}

/* The next space that was put off, as its state; its runs follow. *got false: there is none. */
static int put_state(struct writer *w, struct ward_stream *s, struct ward_buf *frame, uint64_t *frames, bool *got, struct ward_error *err)
{
    struct ward_giving *g = NULL;
    uint32_t sid = 0;
    for (size_t i = 0; !sid && i < s->put_off.len; i++)
        if (s->put_off.v[i].seq) {
            sid = s->put_off.v[i].fid;
            s->put_off.v[i].seq = 0;
        }
    *got = sid != 0;
    if (!sid)
        return WARD_OK;
    int rc = ward_giving_begin(&g, w->r, sid, err);
    for (size_t i = 0; !rc && i < g->made.upto.len; i++)
        if (ward_vv_raise(&s->have, &w->r->env, g->made.upto.v[i].fid, g->made.upto.v[i].seq))
            rc = ward_fail(err, WARD_ERR_MEMORY, "bundle");
    while (!rc && ward_giving_next(g, w->r, frame)) {
        ++*frames;
        rc = ward_buf_status(frame) ? ward_fail(err, WARD_ERR_MEMORY, "bundle") : w->file ? put_frame(w, frame, true, err) : WARD_OK;
    }
    ward_giving_end(&g, w->r);
    return rc ? rc : ward_stream_seek(s, err);
}

/* Goes through all runs; with a file they are written, without they are counted. */
static int each_run(struct writer *w, struct ward_error *err)
{
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed run;
    bool got = true;
    ward_stream_init(&s, w->r, &w->to);
    ward_buf_init(&frame, &w->r->env);
    int rc = ward_vv_copy(&s.have, &w->r->env, &w->base) ? ward_fail(err, WARD_ERR_MEMORY, "bundle") : put_off_states(w, &s, err);
    if (!rc)
        rc = ward_stream_seek(&s, err);
    uint64_t total = ward_stream_backlog(&s), runs = 0, changes = 0;
    while (!rc && got) {
        rc = ward_stream_next(&s, &frame, &run, &got, err);
        if (!rc && !got) {
            rc = put_state(w, &s, &frame, &runs, &got, err);
            continue;
        }
        if (rc)
            break;
        runs++;
        changes += run.count;
        if (w->file)
            rc = put_frame(w, &frame, true, err);
        if (w->file && w->options->on_event) {
            struct ward_event e = {.type = WARD_EVENT_PROGRESS, .done = (int64_t)changes, .total = (int64_t)total};
            w->options->on_event(w->options->ctx, &e);
        }
    }
    w->info.runs = runs;
    w->info.changes = changes;
    ward_buf_free(&frame);
    ward_stream_free(&s);
    return rc;
}

static int write_all(struct writer *w, struct ward_error *err)
{
    struct ward_buf frame;
    struct ward_hash hash;
    uint8_t sig[WARD_SEAL_BYTES];
    ward_hash_begin(&w->hasher, "wardsync bundle");
    ward_buf_init(&frame, &w->r->env);
    build_header(w, &frame);
    int rc = w->lead ? put_frame(w, w->lead, false, err) : WARD_OK;
    if (!rc)
        rc = put_frame(w, &frame, true, err);
    if (!rc)
        rc = each_run(w, err);
    if (!rc) {
        ward_hash_end(&w->hasher, &hash);
        ward_seal_make_bundle(sig, &w->r->self, &hash, w->info.runs, &w->r->keys->sign);
        ward_buf_clear(&frame);
        ward_frame_begin(&frame, WARD_MSG_BUNDLE_END, 2);
        ward_put_bytes(&frame, hash.b, sizeof hash.b);
        ward_put_bytes(&frame, sig, sizeof sig);
        rc = put_frame(w, &frame, false, err);
    }
    ward_buf_free(&frame);
    return rc;
}

/* What a device was last known to hold: from its sessions and its own bundles. Nothing known: nothing held. */
static int known_of(ward_replica *r, const struct ward_hash *grant, struct ward_vv *out, struct ward_error *err)
{
    struct ward_store_peer p = {0};
    int rc = ward_store_get_peer(r->store, grant, &p, err);
    if (rc == WARD_ERR_NOT_FOUND)
        return WARD_OK;
    *out = p.have;
    return rc;
}

/* All devices of the unit hold it: the least of what is known of each. */
static int known_of_unit(ward_replica *r, const struct ward_id *unit, struct ward_vv *out, struct ward_error *err)
{
    bool first = true;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < r->dir.grant_count; i++) {
        const struct ward_grant *g = &r->dir.grants[i];
        struct ward_vv one = {0};
        if (g->role == WARD_ROLE_ROOT || !ward_id_equal(&g->unit, unit) || ward_grant_is_cut(&r->dir, &g->id))
            continue;
        rc = known_of(r, &g->id, &one, err);
        if (!rc && first && ward_vv_copy(out, &r->env, &one))
            rc = ward_fail(err, WARD_ERR_MEMORY, "bundle");
        for (size_t j = 0; !first && j < out->len; j++) {
            uint64_t here = ward_vv_get(&one, out->v[j].fid);
            out->v[j].seq = here < out->v[j].seq ? here : out->v[j].seq;
        }
        first = false;
        ward_vv_free(&one, &r->env);
    }
    return rc;
}

static int address(struct writer *w, struct ward_error *err)
{
    ward_replica *r = w->r;
    const struct ward_bundle_options *o = w->options;
    const struct ward_grant *g = NULL;
    struct ward_buf hub;
    int rc = WARD_OK;
    w->to = (struct ward_grant){.role = WARD_ROLE_OPERATOR};
    if (o->for_grant) {
        g = ward_directory_grant(&r->dir, o->for_grant);
        if (!g || g->role == WARD_ROLE_ROOT)
            return ward_fail(err, WARD_ERR_NOT_FOUND, "device");
        w->to = *g;
        return o->since_last ? known_of(r, &g->id, &w->base, err) : WARD_OK;
    }
    if (o->for_unit) {
        w->to = (struct ward_grant){.role = WARD_ROLE_CELL, .unit = *o->for_unit};
        return o->since_last ? known_of_unit(r, o->for_unit, &w->base, err) : WARD_OK;
    }
    if (!o->since_last)
        return WARD_OK;
    ward_buf_init(&hub, &r->env);
    if (ward_store_meta_get(r->store, "hub_key", &hub, NULL) == WARD_OK && hub.len == 32)
        g = ward_directory_grant_by_link(&r->dir, hub.p);
    if (g)
        rc = known_of(r, &g->id, &w->base, err);
    ward_buf_free(&hub);
    return rc;
}

static int write_of_one_moment(ward_replica *r, const char *path, const struct ward_buf *lead, const struct ward_bundle_options *options,
                               struct ward_bundle_info *out, struct ward_error *err)
{
    struct writer w = {.r = r, .options = options, .lead = lead};
    int rc = address(&w, err);
    w.info.wall_ms = ward_replica_now(r);
    w.info.writer = r->self;
    const struct ward_grant *self = ward_replica_grant(r);
    if (self)
        w.info.writer_unit = self->unit;
    if (!rc)
        rc = each_run(&w, err); /* to count them: the header says how many follow */
    if (!rc)
        rc = ward_file_out_open(&r->env, path, &w.file, err);
    if (!rc) {
        rc = write_all(&w, err);
        if (rc)
            ward_file_out_abandon(w.file);
        else
            rc = ward_file_out_finish(w.file, err);
    }
    ward_vv_free(&w.base, &r->env);
    ward_vv_free(&w.given, &r->env);
    if (!rc && out)
        *out = w.info;
    return rc;
}

/* What is counted must be what is written, though another process commits meanwhile. */
int ward_bundle_write_after(ward_replica *r, const char *path, const struct ward_buf *lead, const struct ward_bundle_options *options,
                            struct ward_bundle_info *out, struct ward_error *err)
{
    int rc = ward_keys_check(r->keys, err);
    if (!rc)
        rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = ward_own_publish(r, NULL, err);
    if (!rc)
        rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = write_of_one_moment(r, path, lead, options, out, err);
    ward_replica_looked(r);
    return rc;
}

int ward_bundle_write(ward_replica *r, const char *path, const struct ward_bundle_options *options, struct ward_bundle_info *out,
                      struct ward_error *err)
{
    return ward_bundle_write_after(r, path, NULL, options, out, err);
}
