/* bundle_read.c - a bundle is looked at as a whole, and only then taken in: twice from its first byte to its last. proto/bundle.md. */
#include "base/err.h"
#include "replica/base.h"
#include "replica/bundle.h"
#include "replica/ingest.h"
#include "replica/own.h"
#include "replica/talk.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/hash.h"
#include "values/seal.h"

#include <string.h>

struct reader {
    ward_replica *r;
    struct ward_file_in *file;
    uint64_t size, at, skip; /* skip: what stands before the bundle */
    struct ward_buf frame;
    ward_event_fn *on_event;
    void *ctx;
    struct ward_bundle_info info;
    struct ward_hash ward, writer, hash;
    uint8_t signature[WARD_SEAL_BYTES];
    struct ward_taking taking;
    bool unknown; /* the writer, so the seal is not checked yet */
};

static int damaged(struct ward_error *err, const char *what)
{
    return ward_fail(err, WARD_ERR_BUNDLE_DAMAGED, "%s", what);
}

static int read_exact(struct reader *b, void *p, size_t len, struct ward_error *err)
{
    size_t got, sum = 0;
    while (sum < len) {
        int rc = ward_file_in_read(b->file, (uint8_t *)p + sum, len - sum, &got, err);
        if (rc)
            return rc;
        if (got == 0)
            return damaged(err, "the file ends too early");
        sum += got;
    }
    b->at += len;
    return WARD_OK;
}

/* The next byte string of the sequence into b->frame; head bytes are hashed along if a hasher is given. */
static int next_frame(struct reader *b, ward_hasher *hasher, struct ward_error *err)
{
    uint8_t head[5];
    struct ward_cbor c;
    const uint8_t *p;
    size_t len = 0, width;
    int rc = read_exact(b, head, 1, err);
    if (rc)
        return rc;
    width = head[0] >= 0x40 && head[0] < 0x58 ? 0 : head[0] == 0x58 ? 1 : head[0] == 0x59 ? 2 : head[0] == 0x5a ? 4 : 9;
    if (width == 9)
        return damaged(err, "not a frame");
    rc = read_exact(b, head + 1, width, err);
    if (rc)
        return rc;
    if (width == 0)
        len = head[0] & 0x1f;
    for (size_t i = 1; i <= width; i++)
        len = len << 8 | head[i];
    if (len > WARD_FRAME_MAX)
        return damaged(err, "a frame is too long");
    ward_buf_clear(&b->frame);
    ward_buf_add(&b->frame, head, 1 + width);
    uint8_t *to = ward_buf_room(&b->frame, len + 1);
    if (!to)
        return ward_fail(err, WARD_ERR_MEMORY, "bundle");
    rc = read_exact(b, to, len, err);
    if (rc)
        return rc;
    b->frame.len += len;
    if (hasher)
        ward_hash_add(hasher, b->frame.p, b->frame.len);
    ward_cbor_init(&c, b->frame.p, b->frame.len);
    if (!ward_cbor_bytes(&c, &p, &len) || !ward_cbor_end(&c))
        return damaged(err, "not a frame");
    memmove(b->frame.p, p, len);
    b->frame.len = len;
    return WARD_OK;
}

/* To the bundle's first byte. */
static int rewind_to_start(struct reader *b, struct ward_error *err)
{
    uint8_t passed[64];
    int rc = ward_file_in_rewind(b->file, err);
    b->at = 0;
    while (!rc && b->at < b->skip)
        rc = read_exact(b, passed, b->skip - b->at < sizeof passed ? (size_t)(b->skip - b->at) : sizeof passed, err);
    return rc;
}

static int read_header(struct reader *b, ward_hasher *hasher, struct ward_message *m, struct ward_error *err)
{
    int rc = next_frame(b, hasher, err);
    if (rc)
        return rc;
    rc = ward_frame_parse(m, b->frame.p, b->frame.len, err);
    if (rc == WARD_ERR_VERSION)
        return rc;
    if (rc || m->type != WARD_MSG_BUNDLE)
        return damaged(err, "this is not a bundle");
    memcpy(b->ward.b, m->bundle.ward, 32);
    memcpy(b->writer.b, m->bundle.grant, 32);
    b->info.writer = b->writer;
    b->info.wall_ms = m->bundle.wall_ms;
    b->info.runs = m->bundle.runs;
    return WARD_OK;
}

static int check_seal(struct reader *b, const struct ward_grant *g, struct ward_error *err)
{
    if (!ward_seal_check_bundle(b->signature, &b->writer, &b->hash, b->info.runs, g->sign_pk))
        return damaged(err, "its seal does not hold");
    b->info.writer_unit = g->unit;
    return WARD_OK;
}

/* First pass: everything in place, unaltered, and by a device of this ward. Nothing is stored before this says yes. */
static int check_whole(struct reader *b, struct ward_error *err)
{
    struct ward_message m;
    ward_hasher hasher, so_far;
    struct ward_hash hash;
    ward_hash_begin(&hasher, "wardsync bundle");
    int rc = read_header(b, &hasher, &m, err);
    for (uint64_t i = 0; !rc && i < b->info.runs; i++) {
        rc = next_frame(b, &hasher, err);
        if (!rc && (ward_frame_parse(&m, b->frame.p, b->frame.len, err) || !ward_frame_is_acknowledged(m.type)))
            rc = damaged(err, "a frame is neither a run nor of a snapshot");
        if (!rc && m.type == WARD_MSG_RUN)
            b->info.changes += m.run.count;
    }
    so_far = hasher;
    ward_hash_end(&so_far, &hash);
    if (!rc)
        rc = next_frame(b, NULL, err);
    if (rc)
        return rc;
    if (ward_frame_parse(&m, b->frame.p, b->frame.len, err) || m.type != WARD_MSG_BUNDLE_END || b->at != b->size)
        return damaged(err, "the end is missing or something follows it");
    if (memcmp(hash.b, m.end.hash, 32) != 0)
        return damaged(err, "it was altered");
    if (ward_hash_compare(&b->ward, &b->r->ward) != 0)
        return ward_fail(err, WARD_ERR_BUNDLE_WARD, "another ward's");
    const struct ward_grant *g = ward_directory_grant(&b->r->dir, &b->writer);
    b->hash = hash;
    memcpy(b->signature, m.end.signature, sizeof b->signature);
    b->info.bytes = b->size;
    b->unknown = !g;
    return g ? check_seal(b, g, err) : WARD_OK;
}

/* The header tells what the writer holds: circles to know, and a receipt for what is held here too. */
static int take_header(struct reader *b, struct ward_message *m, struct ward_vv *have, struct ward_error *err)
{
    ward_replica *r = b->r;
    struct ward_id storage[WARD_CIRCLE_MAX];
    const struct ward_grant *self = ward_replica_grant(r);
    for (size_t i = 0; i < m->count; i++) {
        struct ward_heads_entry h;
        struct ward_hash id, feed_id, hash;
        uint64_t depth;
        ward_frame_next_heads(m, &h, storage);
        bool mine = self ? ward_may_read(self, h.circle, h.circle_count) : h.circle_count == 0;
        int rc = mine ? ward_replica_know_circle(r, h.circle, h.circle_count, &id) : WARD_OK;
        if (rc)
            return ward_fail(err, rc, "bundle");
        const struct ward_space *s = mine ? ward_directory_space_by_id(&r->dir, &id) : NULL;
        for (size_t j = 0; j < h.feed_count; j++) {
            struct ward_feed_entry e;
            ward_frame_next_feed(&h, true, &e);
            const struct ward_grant *g = s ? ward_directory_grant_short(&r->dir, e.grant8) : NULL;
            const struct ward_feed *f = g ? ward_directory_feed_of(&r->dir, s, &g->id, &feed_id) : NULL;
            for (; f; f = ward_directory_next(&r->dir, f)) {
                if (e.seq > f->head_seq || ward_chain_at(r, f->fid, e.seq, &hash, &depth, NULL) || memcmp(hash.b, e.hash8, 8) != 0)
                    continue;
                if (ward_vv_raise(have, &r->env, f->fid, e.seq))
                    return ward_fail(err, WARD_ERR_MEMORY, "bundle");
            }
        }
    }
    return WARD_OK;
}

static int take_run(struct reader *b, struct ward_batch *batch, struct ward_error *err)
{
    struct ward_message m;
    struct ward_ingested in;
    int rc = ward_frame_parse(&m, b->frame.p, b->frame.len, err);
    if (rc)
        return rc;
    if (!batch->open) {
        rc = ward_apply_begin(&batch->apply, b->r, err);
        if (rc)
            return rc;
        batch->open = true;
    }
    struct ward_error why = {0};
    bool adopted = false;
    if (m.type == WARD_MSG_RUN)
        rc = ward_ingest_run(&batch->apply, &m.run, &in, &why);
    else
        rc = ward_base_take(&b->taking, &batch->apply, &m, &adopted, &why);
    batch->bytes += b->frame.len;
    b->info.states += adopted;
    if (rc && !ward_is_refusal(rc)) {
        if (err)
            *err = why;
        return rc;
    }
    if (rc == WARD_ERR_SPACE)
        return WARD_OK; /* a bundle for many holds what is not ours */
    if (rc) {
        b->info.refused += m.type == WARD_MSG_RUN ? m.run.count : 1;
        int code = rc == WARD_ERR_GAP ? WARD_ERR_BUNDLE_BASE : rc;
        if (!b->info.first_refusal)
            b->info.first_refusal = code;
        struct ward_event e = {.type = WARD_EVENT_RUN_REFUSED, .code = code, .grant = b->writer, .text = why.detail};
        if (b->on_event)
            b->on_event(b->ctx, &e);
        return WARD_OK;
    }
    if (m.type != WARD_MSG_RUN)
        return batch->bytes > WARD_BATCH_BYTES ? ward_batch_commit(batch, err) : WARD_OK;
    if (in.forked && b->on_event) {
        const struct ward_feed *f = ward_directory_feed(&b->r->dir, in.fid);
        struct ward_event e = {.type = WARD_EVENT_FORK, .grant = f->grant, .done = (int64_t)f->fork};
        b->on_event(b->ctx, &e);
    }
    b->info.applied += in.applied;
    b->info.known += m.run.count - in.applied;
    return batch->bytes > WARD_BATCH_BYTES ? ward_batch_commit(batch, err) : WARD_OK;
}

static int remember_writer(struct reader *b, const struct ward_vv *have, struct ward_error *err)
{
    ward_replica *r = b->r;
    struct ward_store_peer p = {0};
    int rc = ward_store_begin(r->store, err);
    if (rc)
        return rc;
    rc = ward_store_get_peer(r->store, &b->writer, &p, err);
    if (rc == WARD_ERR_NOT_FOUND)
        rc = WARD_OK;
    p.grant = b->writer;
    p.last_contact_ms = ward_replica_now(r);
    for (size_t i = 0; !rc && i < have->len; i++)
        if (ward_vv_raise(&p.have, &r->env, have->v[i].fid, have->v[i].seq))
            rc = ward_fail(err, WARD_ERR_MEMORY, "bundle");
    if (!rc)
        rc = ward_store_put_peer(r->store, &p, err);
    if (!rc)
        rc = ward_store_commit(r->store, err);
    else
        ward_store_rollback(r->store);
    ward_vv_free(&p.have, &r->env);
    return rc;
}

static int take_all(struct reader *b, struct ward_error *err)
{
    struct ward_batch batch = {.r = b->r};
    struct ward_message m;
    struct ward_buf header;
    struct ward_vv have = {0};
    ward_buf_init(&header, &b->r->env);
    int rc = rewind_to_start(b, err);
    if (!rc)
        rc = read_header(b, NULL, &m, err);
    if (!rc)
        rc = take_header(b, &m, &have, err);
    ward_buf_add(&header, b->frame.p, rc ? 0 : b->frame.len);
    for (uint64_t i = 0; !rc && i < b->info.runs; i++) {
        rc = next_frame(b, NULL, err);
        if (!rc)
            rc = take_run(b, &batch, err);
        if (!rc && b->on_event) {
            struct ward_event e = {
                .type = WARD_EVENT_PROGRESS, .done = (int64_t)(b->info.applied + b->info.known), .total = (int64_t)b->info.changes};
            b->on_event(b->ctx, &e);
        }
    }
    if (!rc)
        rc = ward_batch_commit(&batch, err);
    if (rc)
        ward_batch_abort(&batch);
    b->info.conflicts_new += batch.conflicts_new;
    /* Again, now that its runs are held: everything it holds and we hold too is a receipt. */
    have.len = 0; /* the number of a row may name another by now */
    if (!rc && !ward_buf_status(&header) && ward_frame_parse(&m, header.p, header.len, NULL) == WARD_OK)
        rc = take_header(b, &m, &have, err);
    if (!rc)
        rc = remember_writer(b, &have, err);
    ward_buf_free(&header);
    ward_vv_free(&have, &b->r->env);
    return rc;
}

/* Takes the runs of the ward space alone; what is refused is left for the second pass to tell. */
static int take_ward_space(struct reader *b, struct ward_batch *batch, struct ward_error *err)
{
    struct ward_message m;
    struct ward_ingested in;
    struct ward_hash space;
    ward_space_of_ward(b->r, &space);
    int rc = rewind_to_start(b, err);
    if (!rc)
        rc = read_header(b, NULL, &m, err);
    if (!rc)
        rc = ward_apply_begin(&batch->apply, b->r, err);
    batch->open = !rc;
    for (uint64_t i = 0; !rc && i < b->info.runs; i++) {
        rc = next_frame(b, NULL, err);
        if (!rc)
            rc = ward_frame_parse(&m, b->frame.p, b->frame.len, err);
        if (rc || m.type != WARD_MSG_RUN || memcmp(m.run.space8, space.b, 8) != 0)
            continue;
        in.applied = 0;
        int refused = ward_ingest_run(&batch->apply, &m.run, &in, err);
        rc = ward_is_refusal(refused) ? WARD_OK : refused;
        b->info.applied += refused ? 0 : in.applied;
    }
    return rc;
}

/* A writer who is not known here may be named by what the bundle holds: a new operator by the root, before anyone has met him. The
 * ward space is taken in first; it stays only if the writer then has effect and the seal is his. */
static int meet_writer(struct reader *b, struct ward_error *err)
{
    struct ward_batch batch = {.r = b->r};
    int rc = take_ward_space(b, &batch, err);
    const struct ward_grant *g = ward_directory_grant(&b->r->dir, &b->writer);
    if (!rc && (!g || !ward_grant_stands(&b->r->dir, &g->id)))
        rc = ward_fail(err, WARD_ERR_BUNDLE_WRITER, "its writer is known neither here nor by what it holds");
    if (!rc)
        rc = check_seal(b, g, err);
    if (!rc)
        rc = ward_batch_commit(&batch, err);
    if (rc)
        ward_batch_abort(&batch);
    b->info.conflicts_new += batch.conflicts_new;
    return rc;
}

static int open_reader(struct reader *b, ward_replica *r, const char *path, uint64_t skip, struct ward_error *err)
{
    *b = (struct reader){.r = r, .skip = skip};
    ward_buf_init(&b->frame, &r->env);
    int rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = ward_file_in_open(&r->env, path, &b->file, &b->size, err);
    if (!rc)
        rc = rewind_to_start(b, err);
    if (!rc)
        rc = check_whole(b, err);
    return rc;
}

static void close_reader(struct reader *b)
{
    ward_file_in_close(b->file);
    ward_buf_free(&b->frame);
}

int ward_bundle_whole(ward_replica *r, const char *path, uint64_t skip, struct ward_error *err)
{
    struct reader b = {.r = r, .skip = skip};
    ward_buf_init(&b.frame, &r->env);
    int rc = ward_file_in_open(&r->env, path, &b.file, &b.size, err);
    if (!rc)
        rc = rewind_to_start(&b, err);
    if (!rc)
        rc = check_whole(&b, err);
    close_reader(&b);
    return rc;
}

int ward_bundle_read_after(ward_replica *r, const char *path, uint64_t skip, ward_event_fn *on_event, void *ctx,
                           struct ward_bundle_info *out, struct ward_error *err)
{
    struct reader b;
    int rc = open_reader(&b, r, path, skip, err);
    b.on_event = on_event;
    b.ctx = ctx;
    if (!rc && b.unknown)
        rc = meet_writer(&b, err);
    uint64_t met = b.info.applied; /* the second pass will know them already */
    if (!rc)
        rc = take_all(&b, err);
    b.info.known -= rc ? 0 : met;
    if (!rc)
        ward_own_rewrite(r, NULL); /* where own changes gave way to what came; what cannot be written now waits on */
    close_reader(&b);
    if (!rc && out)
        *out = b.info;
    return rc;
}

int ward_bundle_read(ward_replica *r, const char *path, ward_event_fn *on_event, void *ctx, struct ward_bundle_info *out,
                     struct ward_error *err)
{
    return ward_bundle_read_after(r, path, 0, on_event, ctx, out, err);
}

int ward_bundle_show(ward_replica *r, const char *path, struct ward_bundle_info *out, struct ward_error *err)
{
    struct reader b;
    int rc = open_reader(&b, r, path, 0, err);
    if (!rc && b.unknown)
        rc = ward_fail(err, WARD_ERR_BUNDLE_WRITER, "its writer is not known here yet; reading it may make him known");
    close_reader(&b);
    if (!rc && out)
        *out = b.info;
    return rc;
}
