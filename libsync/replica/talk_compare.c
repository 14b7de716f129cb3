/* talk_compare.c - finding the difference of two replicas: common digest, spaces, heads. proto/session.md steps 1 to 4. */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/base.h"
#include "replica/receipt.h"
#include "replica/talk.h"
#include "values/feed.h"
#include "values/hash.h"

#include <stdlib.h>
#include <string.h>

#define HEADS_FRAME (WARD_FRAME_MAX - 65536u) /* leaves room for one more space */

static int by_id(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_common *)a)->id, &((const struct ward_common *)b)->id);
}

static size_t bucket_of(const struct ward_hash *space)
{
    return space->b[0] >> 4;
}

/* The common spaces stand in order of id, so each group is a run of them. */
static int digest_buckets(struct ward_talk *t, struct ward_error *err)
{
    size_t first = 0;
    for (size_t b = 0; b < WARD_BUCKETS; b++) {
        size_t end = first;
        struct ward_hash digest;
        while (end < t->common_count && bucket_of(&t->common[end].id) == b)
            end++;
        ward_buf_clear(&t->out);
        ward_put_array(&t->out, end - first);
        for (; first < end; first++) {
            ward_put_array(&t->out, 2);
            ward_put_bytes(&t->out, t->common[first].id.b, WARD_HASH_BYTES);
            ward_put_bytes(&t->out, t->common[first].digest.b, WARD_HASH_BYTES);
        }
        if (ward_buf_status(&t->out))
            return ward_fail(err, WARD_ERR_MEMORY, "session");
        ward_hash_once(&digest, "wardsync bucket", t->out.p, t->out.len);
        memcpy(t->buckets + b * WARD_BUCKET_BYTES, digest.b, WARD_BUCKET_BYTES);
    }
    return WARD_OK;
}

/* ---- what both held when they met last */

/* The heads then, of what has grown since; *little: it is so little that it may be sent on the chance that the other has it already. */
static int heads_before(struct ward_talk *t, bool *little, struct ward_error *err)
{
    struct ward_store_peer p = {0};
    uint64_t grown = 0;
    *little = false;
    int rc = ward_store_get_peer(t->r->store, &t->peer.id, &p, err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
    *little = true;
    t->recent = ward_replica_now(t->r) - p.last_contact_ms < WARD_NEAR_MS; /* a guess, and no more hangs on it than some bytes */
    for (size_t i = 0; !rc && *little && i < t->common_count; i++) {
        const struct ward_space *s = ward_directory_space(&t->r->dir, t->common[i].sid);
        for (size_t j = 0; !rc && *little && j < s->feed_count; j++) {
            const struct ward_feed *f = ward_directory_feed(&t->r->dir, s->feeds[j]);
            uint64_t seq = ward_vv_get(&p.have, f->fid);
            if (seq >= f->head_seq)
                continue;
            grown += f->head_seq - seq;
            *little =
                !f->forked && !f->parent && seq >= f->base && grown <= WARD_NEAR_CHANGES; /* of one with branches vectors tell too little */
            if (*little && ward_vv_raise(&t->before, &t->r->env, f->fid, seq))
                rc = ward_fail(err, WARD_ERR_MEMORY, "session");
        }
    }
    *little = *little && grown > 0;
    ward_vv_free(&p.have, &t->r->env);
    return rc;
}

struct kept_head {
    uint64_t seq;
    struct ward_hash hash, then; /* then: at the seq before */
};

/* The common digest as it would be with those heads: the picture in memory is set back for that long. */
static int digest_before(struct ward_talk *t, const struct ward_grant *self, struct ward_hash *out, struct ward_error *err)
{
    struct ward_directory *d = &t->r->dir;
    size_t n = t->before.len;
    uint64_t depth;
    int rc = WARD_OK;
    struct kept_head *kept = ward_alloc(&t->r->env, n * sizeof *kept);
    if (!kept)
        return ward_fail(err, WARD_ERR_MEMORY, "session");
    for (size_t i = 0; !rc && i < n; i++)
        rc = ward_chain_at(t->r, t->before.v[i].fid, t->before.v[i].seq, &kept[i].then, &depth, err);
    for (size_t i = 0; !rc && i < n; i++) {
        struct ward_feed *f = ward_directory_feed(d, t->before.v[i].fid);
        kept[i].seq = f->head_seq;
        kept[i].hash = f->head_hash;
        f->head_seq = t->before.v[i].seq;
        f->head_hash = kept[i].then;
        ward_directory_digest(d, ward_directory_space(d, f->sid));
    }
    if (!rc && ward_directory_common(d, self, &t->peer, out))
        rc = ward_fail(err, WARD_ERR_MEMORY, "session");
    for (size_t i = 0; i < n && kept[i].seq; i++) {
        struct ward_feed *f = ward_directory_feed(d, t->before.v[i].fid);
        f->head_seq = kept[i].seq;
        f->head_hash = kept[i].hash;
        ward_directory_digest(d, ward_directory_space(d, f->sid));
    }
    ward_release(&t->r->env, kept);
    return rc;
}

/* Heads and spaces are to be told, whatever is equal. */
static bool wants_all_compared(const struct ward_talk *t)
{
    bool wants = t->plan;
    for (size_t i = 0; !wants && i < t->common_count; i++) {
        const struct ward_space *s = ward_directory_space(&t->r->dir, t->common[i].sid);
        wants = ward_space_wants_history(t->r, s) || (t->hooks.history && ward_space_has_base(t->r, s));
    }
    return wants;
}

static int find_base(struct ward_talk *t, const struct ward_grant *self, struct ward_error *err)
{
    struct ward_hash digest = {{0}};
    bool little = false;
    t->before.len = 0;
    t->based = wants_all_compared(t);
    int rc = t->based ? WARD_OK : heads_before(t, &little, err);
    if (!rc && little) {
        rc = digest_before(t, self, &digest, err);
        t->based = !rc;
    }
    memcpy(t->base8, digest.b, sizeof t->base8);
    return rc;
}

static bool is_same(const uint8_t *a, const uint8_t *b)
{
    return a && b && memcmp(a, b, 8) == 0;
}

static const uint8_t compare_all[8];

bool ward_talk_compare(struct ward_talk *t, const struct ward_message *hello, enum ward_agreement *how)
{
    const uint8_t *ours = t->based ? t->base8 : NULL, *theirs = hello->hello.base8;
    *how = WARD_AGREE_EQUAL;
    if (is_same(hello->hello.common8, t->digest.b))
        return true;
    if (is_same(ours, compare_all) || is_same(theirs, compare_all))
        return false;
    *how = is_same(ours, hello->hello.common8) ? WARD_AGREE_AHEAD : is_same(ours, theirs) ? WARD_AGREE_BASE : WARD_AGREE_BEHIND;
    return *how != WARD_AGREE_BEHIND || is_same(theirs, t->digest.b);
}

bool ward_talk_may_agree(const struct ward_talk *t, enum ward_agreement how)
{
    bool all = t->based && is_same(t->base8, compare_all);
    return how == WARD_AGREE_EQUAL || (!all && (t->based || how == WARD_AGREE_AHEAD));
}

unsigned ward_talk_note_agreement(struct ward_talk *t, enum ward_agreement how, bool theirs)
{
    t->from_base = how == WARD_AGREE_BASE || how == (theirs ? WARD_AGREE_BEHIND : WARD_AGREE_AHEAD);
    t->beyond_base = how == WARD_AGREE_BASE;
    if (t->beyond_base)
        return 0;
    return t->from_base ? WARD_NEAR_THEIRS : WARD_NEAR_OURS;
}

/* Spaces of which nothing is left then have come since: their circles are told with their first runs. */
int ward_talk_assume_near(struct ward_talk *t, struct ward_error *err)
{
    const struct ward_env *env = &t->r->env;
    t->told = 0;
    for (size_t i = 0; i < t->snapshot.len; i++) {
        uint32_t fid = t->snapshot.v[i].fid;
        uint64_t seq = t->snapshot.v[i].seq;
        for (size_t j = 0; t->from_base && j < t->before.len; j++)
            seq = t->before.v[j].fid == fid ? t->before.v[j].seq : seq;
        const struct ward_feed *f = ward_directory_feed(&t->r->dir, fid);
        if (seq && f &&
            (ward_vv_raise(&t->stream.have, env, fid, seq) || ward_vv_raise(&t->known, env, fid, seq) ||
             ward_vv_raise(&t->circles, env, f->sid, 1)))
            return ward_fail(err, WARD_ERR_MEMORY, "session");
    }
    return WARD_OK;
}

/* ---- what hello says */

int ward_talk_snapshot(struct ward_talk *t, struct ward_error *err)
{
    const struct ward_directory *d = &t->r->dir;
    const struct ward_grant *self = ward_replica_grant(t->r);
    struct ward_grant nobody = {.role = WARD_ROLE_CELL}; /* before the own grant has arrived: the ward space alone */
    if (!self)
        self = &nobody;
    size_t count = 0;
    for (size_t i = 0; i < d->space_count; i++)
        count += ward_space_is_common(&d->spaces[i], self, &t->peer);
    ward_release(&t->r->env, t->common);
    t->common_count = 0;
    t->common = ward_alloc(&t->r->env, (count + 1) * sizeof *t->common);
    if (!t->common)
        return ward_fail(err, WARD_ERR_MEMORY, "session");
    for (size_t i = 0; i < d->space_count; i++) {
        const struct ward_space *s = &d->spaces[i];
        if (!ward_space_is_common(s, self, &t->peer))
            continue;
        t->common[t->common_count++] = (struct ward_common){.sid = s->sid, .id = s->id, .digest = s->digest};
        for (size_t j = 0; j < s->feed_count; j++) {
            const struct ward_feed *f = ward_directory_feed(d, s->feeds[j]);
            if (ward_vv_raise(&t->snapshot, &t->r->env, f->fid, f->head_seq))
                return ward_fail(err, WARD_ERR_MEMORY, "session");
        }
    }
    if (t->common_count > WARD_SPACES_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_SPACES, "%zu spaces in common", t->common_count);
    if (t->common_count)
        qsort(t->common, t->common_count, sizeof *t->common, by_id);
    if (ward_directory_common(d, self, &t->peer, &t->digest))
        return ward_fail(err, WARD_ERR_MEMORY, "session");
    t->told = (uint32_t)d->space_count;
    t->bucketed = t->common_count >= WARD_BUCKETS_FROM;
    int rc = find_base(t, self, err);
    return !rc && t->bucketed ? digest_buckets(t, err) : rc;
}

void ward_talk_note_buckets(struct ward_talk *t, const uint8_t *theirs)
{
    /* Where no group differs though the whole does, a short digest has collided: then all are listed, on both sides alike. */
    if (!t->bucketed || memcmp(t->buckets, theirs, sizeof t->buckets) == 0)
        return;
    for (size_t i = 0; i < t->common_count; i++) {
        struct ward_common *c = &t->common[i];
        size_t at = bucket_of(&c->id) * WARD_BUCKET_BYTES;
        c->quiet = memcmp(t->buckets + at, theirs + at, WARD_BUCKET_BYTES) == 0;
        c->listed = c->equal = c->quiet;
    }
}

int ward_talk_send_spaces(struct ward_talk *t, struct ward_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < t->common_count; i++)
        count += !t->common[i].quiet;
    ward_buf_clear(&t->out);
    ward_frame_spaces(&t->out, count);
    for (size_t i = 0; i < t->common_count; i++)
        if (!t->common[i].quiet)
            ward_frame_space(&t->out, &t->common[i].id, &t->common[i].digest);
    return ward_talk_send(t, &t->out, err);
}

static struct ward_common *find_common(struct ward_talk *t, const uint8_t *space8)
{
    for (size_t i = 0; i < t->common_count; i++)
        if (memcmp(t->common[i].id.b, space8, 8) == 0)
            return &t->common[i];
    return NULL;
}

void ward_talk_note_spaces(struct ward_talk *t, struct ward_message *m)
{
    for (size_t i = 0; i < m->count; i++) {
        struct ward_space_entry e;
        ward_frame_next_space(m, &e);
        struct ward_common *c = find_common(t, e.space8);
        t->strange_spaces |= c == NULL;
        if (!c)
            continue; /* the peer's alone: it will name the circle with its heads */
        c->listed = true;
        c->equal = memcmp(c->digest.b, e.digest8, 8) == 0;
    }
}

int ward_talk_assume_equal(struct ward_talk *t, struct ward_error *err)
{
    for (size_t i = 0; i < t->common_count; i++) {
        const struct ward_space *s = ward_directory_space(&t->r->dir, t->common[i].sid);
        for (size_t j = 0; t->common[i].equal && j < s->feed_count; j++) {
            uint64_t seq = ward_vv_get(&t->snapshot, s->feeds[j]);
            if (seq &&
                (ward_vv_raise(&t->stream.have, &t->r->env, s->feeds[j], seq) || ward_vv_raise(&t->known, &t->r->env, s->feeds[j], seq)))
                return ward_fail(err, WARD_ERR_MEMORY, "session");
        }
    }
    return WARD_OK;
}

static int compare_rows(const struct ward_feed *a, const struct ward_feed *b)
{
    int order = ward_hash_compare(&a->grant, &b->grant);
    if (order == 0)
        order = (a->head_seq > b->head_seq) - (a->head_seq < b->head_seq);
    return order ? order : ward_hash_compare(&a->head_hash, &b->head_hash);
}

static void put_heads(struct ward_talk *t, const struct ward_common *c, struct ward_buf *out)
{
    const struct ward_directory *d = &t->r->dir;
    const struct ward_space *s = ward_directory_space(d, c->sid);
    const struct ward_feed **order = ward_alloc(&t->r->env, (s->feed_count + 1) * sizeof *order);
    size_t n = 0;
    if (!order) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < s->feed_count; i++) { /* ascending by grant, as the frame demands; feeds are kept by feed id */
        const struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
        size_t at = n;
        if (f->head_seq == 0 || f->below)
            continue;
        for (; at > 0 && compare_rows(order[at - 1], f) > 0; at--)
            order[at] = order[at - 1];
        order[at] = f;
        n++;
    }
    ward_put_array(out, 2);
    if (c->listed)
        ward_put_bytes(out, s->id.b, 8);
    else
        ward_put_circle(out, s->circle, s->circle_count);
    ward_put_array(out, n);
    for (size_t i = 0; i < n; i++) {
        ward_put_array(out, 3);
        ward_put_bytes(out, order[i]->grant.b, 8);
        ward_put_uint(out, order[i]->head_seq);
        ward_put_bytes(out, order[i]->head_hash.b, 8);
    }
    ward_release(&t->r->env, order);
}

static int send_heads_frame(struct ward_talk *t, const struct ward_buf *members, size_t count, bool last, struct ward_error *err)
{
    ward_buf_clear(&t->out);
    ward_frame_begin(&t->out, WARD_MSG_HEADS, 2);
    ward_put_array(&t->out, count);
    ward_buf_add(&t->out, members->p, members->len);
    ward_put_bool(&t->out, last);
    return ward_talk_send(t, &t->out, err);
}

int ward_talk_send_heads(struct ward_talk *t, struct ward_error *err)
{
    struct ward_buf members;
    size_t count = 0;
    int rc = WARD_OK;
    ward_buf_init(&members, &t->r->env);
    rc = ward_talk_send_want(t, err);
    for (size_t i = 0; !rc && i < t->common_count; i++) {
        if (t->common[i].equal)
            continue;
        put_heads(t, &t->common[i], &members);
        count++;
        if (members.len > HEADS_FRAME) {
            rc = send_heads_frame(t, &members, count, false, err);
            ward_buf_clear(&members);
            count = 0;
        }
    }
    if (!rc)
        rc = ward_buf_status(&members) ? ward_fail(err, WARD_ERR_MEMORY, "heads") : send_heads_frame(t, &members, count, true, err);
    ward_buf_free(&members);
    return rc;
}

/* The space an entry speaks of, if both may have it. A circle is remembered: its first run will found the space here. */
static int space_of_entry(struct ward_talk *t, const struct ward_heads_entry *h, const struct ward_space **out, bool *welcome,
                          struct ward_error *err)
{
    const struct ward_grant *self = ward_replica_grant(t->r);
    *out = NULL;
    *welcome = false;
    if (h->space8) {
        *out = ward_directory_space_short(&t->r->dir, h->space8);
        *welcome = *out && ward_space_is_common(*out, self ? self : &t->peer, &t->peer);
        return WARD_OK;
    }
    struct ward_hash id;
    bool mine = self ? ward_may_read(self, h->circle, h->circle_count) : h->circle_count == 0;
    if (!mine || !ward_may_read(&t->peer, h->circle, h->circle_count))
        return WARD_OK;
    int rc = ward_replica_hear_circle(t->r, &t->peer.id, h->circle, h->circle_count, &id);
    if (rc) /* too many announced: this one is passed over, the session goes on */
        return rc == WARD_ERR_LIMIT_SPACES ? WARD_OK : ward_fail(err, rc, "circle");
    *out = ward_directory_space_by_id(&t->r->dir, &id);
    *welcome = true;
    return WARD_OK;
}

/* The entries of one feed stand together. More than anyone can hold of it are not looked at. */
static int note_feeds(struct ward_talk *t, const struct ward_space *space, struct ward_heads_entry *h, struct ward_error *err)
{
    struct ward_feed_entry of_one[WARD_BRANCHES_MAX + 1], e;
    size_t n = 0;
    int rc = WARD_OK;
    for (size_t j = 0; !rc && j < h->feed_count; j++) {
        ward_frame_next_feed(h, false, &e);
        if (n && memcmp(of_one[0].grant8, e.grant8, 8) != 0) {
            rc = ward_talk_weigh_feed(t, space, of_one, n, err);
            n = 0;
        }
        if (n < WARD_BRANCHES_MAX + 1)
            of_one[n++] = e;
    }
    return rc || n == 0 ? rc : ward_talk_weigh_feed(t, space, of_one, n, err);
}

int ward_talk_note_heads(struct ward_talk *t, struct ward_message *m, struct ward_error *err)
{
    struct ward_id storage[WARD_CIRCLE_MAX];
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < m->count; i++) {
        struct ward_heads_entry h;
        const struct ward_space *space;
        bool welcome;
        ward_frame_next_heads(m, &h, storage);
        rc = space_of_entry(t, &h, &space, &welcome, err);
        if (!rc && welcome)
            rc = note_feeds(t, space, &h, err);
    }
    return rc;
}

int ward_talk_send_circle(struct ward_talk *t, uint32_t sid, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space(&t->r->dir, sid);
    struct ward_buf frame;
    if (sid <= t->told || ward_vv_get(&t->circles, sid))
        return WARD_OK;
    if (ward_vv_raise(&t->circles, &t->r->env, sid, 1))
        return ward_fail(err, WARD_ERR_MEMORY, "session");
    ward_buf_init(&frame, &t->r->env);
    ward_frame_begin(&frame, WARD_MSG_CIRCLE, 1);
    ward_put_circle(&frame, s->circle, s->circle_count);
    int rc = ward_talk_send(t, &frame, err);
    ward_buf_free(&frame);
    return rc;
}

int ward_talk_note_circle(struct ward_talk *t, struct ward_message *m, struct ward_error *err)
{
    struct ward_id storage[WARD_CIRCLE_MAX];
    const struct ward_space *space;
    bool welcome;
    ward_frame_circle_units(m, storage);
    struct ward_heads_entry h = {.circle = storage, .circle_count = m->count};
    return space_of_entry(t, &h, &space, &welcome, err); /* one that is not for this device is passed over; its runs will be refused */
}
