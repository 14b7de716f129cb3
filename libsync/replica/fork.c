/* fork.c - which feeds have branches, and the proof of it that anybody can check. proto/fork.md. */
#include "base/err.h"
#include "base/limits.h"
#include "replica/replica.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/seal.h"

#include <stdlib.h>
#include <string.h>

#define FORK_FRAME 32

static struct ward_fork describe(const ward_replica *r, const struct ward_feed *trunk)
{
    return (struct ward_fork){.space = ward_directory_space(&r->dir, trunk->sid)->id,
                              .feed = trunk->id,
                              .grant = trunk->grant,
                              .unit = trunk->unit,
                              .role = trunk->role,
                              .seq = trunk->fork,
                              .histories = ward_directory_branches(&r->dir, trunk) + 1,
                              .settled = ward_grant_is_cut(&r->dir, &trunk->grant)};
}

int ward_fork_each(ward_replica *r, ward_fork_fn *fn, void *ctx, struct ward_error *err)
{
    int rc = ward_replica_refresh(r, err);
    for (size_t i = 0; !rc && i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        if (f->parent || !f->forked)
            continue;
        const struct ward_fork fork = describe(r, f);
        rc = fn(ctx, &fork);
    }
    return rc;
}

/* ---- writing. The branch and its parent differ from the change after its base on; each has a seal at the end of the segment that holds
 * that change. The shorter of the two stretches is told by its hash alone. */

struct stretch {
    const struct ward_feed *row;
    uint64_t last; /* sealed */
    struct ward_hash hash;
    uint8_t sig[WARD_SEAL_BYTES];
};

static int find_stretch(ward_replica *r, const struct ward_feed *row, uint64_t seq, struct stretch *out, struct ward_error *err)
{
    struct ward_segment seg;
    int rc = ward_store_find_segment(r->store, row->fid, seq, &seg, err);
    if (rc)
        return rc;
    *out = (struct stretch){.row = row, .last = seg.first + seg.count - 1, .hash = seg.last_hash};
    memcpy(out->sig, seg.sig, sizeof out->sig);
    return WARD_OK;
}

/* Appends the bodies (from, upto] of a row, which lie in one segment. */
static int put_bodies(ward_replica *r, const struct stretch *s, uint64_t from, struct ward_buf *out, struct ward_error *err)
{
    struct ward_segment seg;
    size_t at = 0, begin = 0;
    if (from == s->last) {
        ward_put_bytes(out, NULL, 0);
        return WARD_OK;
    }
    int rc = ward_store_find_segment(r->store, s->row->fid, s->last, &seg, err);
    if (!rc)
        rc = ward_store_unpack(r->store, &seg, &r->unpacked, err);
    for (uint64_t seq = seg.first; !rc && seq <= s->last; seq++) {
        struct ward_change_head head;
        if (seq == from + 1)
            begin = at;
        if (ward_change_skip(r->unpacked.p + at, r->unpacked.len - at, &head))
            return ward_fail(err, WARD_ERR_CORRUPT, "segment %lld", (long long)seg.seg);
        at += head.len;
    }
    if (!rc)
        ward_put_bytes(out, r->unpacked.p + begin, at - begin);
    return rc;
}

static int put_proof(ward_replica *r, const struct ward_feed *branch, struct ward_buf *out, struct ward_error *err)
{
    const struct ward_feed *parent = ward_directory_feed(&r->dir, branch->parent);
    const struct ward_space *space = ward_directory_space(&r->dir, branch->sid);
    const struct ward_grant *g = ward_directory_grant(&r->dir, &branch->grant);
    struct stretch a = {.last = 0}, b = {.last = 0};
    struct ward_hash other;
    struct ward_buf grant;
    uint64_t depth;
    while (parent->parent && branch->base < parent->base)
        parent = ward_directory_feed(&r->dir, parent->parent);
    int rc = find_stretch(r, branch, branch->base + 1, &a, err);
    if (!rc)
        rc = find_stretch(r, parent, branch->base + 1, &b, err);
    if (!rc && a.last > b.last) {
        const struct stretch swap = a;
        a = b;
        b = swap;
    }
    if (!rc)
        rc = ward_chain_at(r, b.row->fid, a.last, &other, &depth, err);
    if (rc)
        return rc;
    ward_buf_init(&grant, &r->env);
    if (g->role == WARD_ROLE_ROOT) {
        ward_put_array(&grant, 2);
        ward_put_uint(&grant, 1);
        ward_put_bytes(&grant, g->sign_pk, 32);
    } else {
        ward_grant_write(&grant, g);
    }
    ward_put_array(out, 12);
    ward_put_uint(out, WARD_FORMAT);
    ward_put_uint(out, FORK_FRAME);
    ward_put_bytes(out, r->ward.b, 32);
    ward_put_bytes(out, grant.p, grant.len);
    ward_put_array(out, space->circle_count);
    for (size_t i = 0; i < space->circle_count; i++)
        ward_put_bytes(out, space->circle[i].b, WARD_ID_BYTES);
    ward_put_uint(out, a.last);
    ward_put_bytes(out, a.hash.b, 32);
    ward_put_bytes(out, a.sig, sizeof a.sig);
    ward_put_bytes(out, other.b, 32);
    ward_put_uint(out, b.last);
    rc = put_bodies(r, &b, a.last, out, err);
    ward_put_bytes(out, b.sig, sizeof b.sig);
    if (!rc && (ward_buf_status(out) || ward_buf_status(&grant)))
        rc = ward_fail(err, WARD_ERR_MEMORY, "proof");
    ward_buf_free(&grant);
    return rc;
}

int ward_fork_export(ward_replica *r, const struct ward_hash *grant, const char *path, struct ward_error *err)
{
    struct ward_buf proof;
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    const struct ward_feed *branch = NULL;
    for (size_t i = 0; !branch && i < r->dir.feed_count; i++)
        if (r->dir.feeds[i].parent && ward_hash_compare(&r->dir.feeds[i].grant, grant) == 0)
            branch = &r->dir.feeds[i];
    ward_buf_init(&proof, &r->env);
    rc = branch ? put_proof(r, branch, &proof, err) : ward_fail(err, WARD_ERR_NOT_FOUND, "this device has written one history alone");
    ward_replica_looked(r);
    if (!rc && ward_file_exists(path))
        rc = ward_fail(err, WARD_ERR_EXISTS, "%s", path);
    if (!rc)
        rc = ward_file_write(path, proof.p, proof.len, 0644, err);
    ward_buf_free(&proof);
    return rc;
}

/* ---- checking: from the bytes alone */

static int no_proof(struct ward_error *err, const char *why)
{
    return ward_fail(err, WARD_ERR_FORK_PROOF, "%s", why);
}

static int read_author(struct ward_fork_proof *p, const uint8_t *bytes, size_t len, uint8_t sign_pk[32], struct ward_grant *g,
                       struct ward_error *err)
{
    struct ward_cbor c;
    const uint8_t *pk;
    uint64_t version;
    ward_cbor_init(&c, bytes, len);
    if (ward_cbor_array_exact(&c, 2) && ward_cbor_uint(&c, &version, 1) && version == 1 && ward_cbor_bytes_exact(&c, &pk, 32) &&
        ward_cbor_end(&c)) { /* the ward's own certificate: the root */
        ward_name_ward(&p->grant, pk);
        if (ward_hash_compare(&p->grant, &p->ward) != 0)
            return no_proof(err, "another ward's root");
        ward_grant_of_root(g, &p->ward, pk);
    } else if (ward_grant_parse(g, bytes, len, NULL)) {
        return no_proof(err, "no grant");
    }
    memcpy(sign_pk, g->sign_pk, 32);
    p->grant = g->id;
    p->unit = g->unit;
    p->role = g->role;
    return WARD_OK;
}

static bool read_circle(struct ward_cbor *c, struct ward_id *out, size_t *count)
{
    if (!ward_cbor_array(c, count) || *count > WARD_CIRCLE_MAX)
        return false;
    for (size_t i = 0; i < *count; i++) {
        const uint8_t *unit;
        if (!ward_cbor_bytes_exact(c, &unit, WARD_ID_BYTES))
            return false;
        memcpy(out[i].b, unit, WARD_ID_BYTES);
        if (i > 0 && memcmp(out[i - 1].b, out[i].b, WARD_ID_BYTES) >= 0)
            return false;
    }
    return true;
}

int ward_fork_check(const void *bytes, size_t len, struct ward_fork_proof *out, struct ward_error *err)
{
    struct ward_fork_proof p = {.first = 0};
    struct ward_cbor c;
    struct ward_grant g;
    struct ward_id circle[WARD_CIRCLE_MAX];
    size_t circle_count, grant_len, bodies_len, at = 0;
    const uint8_t *ward, *grant, *hash_a, *sig_a, *other, *bodies, *sig_b;
    uint64_t version, type;
    uint8_t pk[32];
    ward_cbor_init(&c, bytes, len);
    if (len > WARD_FRAME_MAX || !ward_cbor_array_exact(&c, 12) || !ward_cbor_uint(&c, &version, WARD_FORMAT) || version != WARD_FORMAT ||
        !ward_cbor_uint(&c, &type, FORK_FRAME) || type != FORK_FRAME || !ward_cbor_bytes_exact(&c, &ward, 32) ||
        !ward_cbor_bytes(&c, &grant, &grant_len) || !read_circle(&c, circle, &circle_count) || !ward_cbor_uint(&c, &p.first, INT64_MAX) ||
        !ward_cbor_bytes_exact(&c, &hash_a, 32) || !ward_cbor_bytes_exact(&c, &sig_a, WARD_SEAL_BYTES) ||
        !ward_cbor_bytes_exact(&c, &other, 32) || !ward_cbor_uint(&c, &p.last, INT64_MAX) || !ward_cbor_bytes(&c, &bodies, &bodies_len) ||
        !ward_cbor_bytes_exact(&c, &sig_b, WARD_SEAL_BYTES) || !ward_cbor_end(&c))
        return no_proof(err, "it is incomplete, or was altered");
    memcpy(p.ward.b, ward, 32);
    int rc = read_author(&p, grant, grant_len, pk, &g, err);
    if (rc)
        return rc;
    ward_name_space(&p.space, &p.ward, circle, circle_count);
    ward_name_feed(&p.feed, &p.ward, &p.space, &p.grant);
    struct ward_hash a, hash;
    memcpy(a.b, hash_a, 32);
    memcpy(hash.b, other, 32);
    if (p.first == 0 || p.last < p.first || p.last - p.first > WARD_RUN_CHANGES_MAX || memcmp(hash_a, other, 32) == 0)
        return no_proof(err, "it speaks of one history alone");
    for (uint64_t seq = p.first + 1; seq <= p.last; seq++) {
        struct ward_change_head head;
        if (ward_change_skip(bodies + at, bodies_len - at, &head))
            return no_proof(err, "a change in it cannot be read");
        ward_chain(&hash, seq, &hash, bodies + at, head.len);
        at += head.len;
    }
    if (at != bodies_len)
        return no_proof(err, "something follows its last change");
    if (!ward_seal_check(sig_a, &p.feed, p.first, &a, pk) || !ward_seal_check(sig_b, &p.feed, p.last, &hash, pk))
        return no_proof(err, "a seal does not hold");
    *out = p;
    return WARD_OK;
}
