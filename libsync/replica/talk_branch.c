/* talk_branch.c - a feed of which two peers hold different branches: finding what each lacks. proto/session.md, Branches.
 *
 * Heads tell most of it: an entry that lies on a chain held here says how far the peer holds it. What lies on none of them may go on where
 * a chain ends here, which the peer can tell, who holds more; or it is a branch that is not known here. Then samples of the chains are
 * exchanged, and each streams its branches from where the two part.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/own.h"
#include "replica/receipt.h"
#include "replica/talk.h"
#include "values/feed.h"

#include <string.h>

int ward_talk_set_have(struct ward_talk *t, uint32_t fid, uint64_t seq, struct ward_error *err)
{
    for (size_t i = 0; i < t->stream.have.len; i++)
        if (t->stream.have.v[i].fid == fid) {
            t->stream.have.v[i].seq = seq;
            return WARD_OK;
        }
    return ward_vv_raise(&t->stream.have, &t->r->env, fid, seq) ? ward_fail(err, WARD_ERR_MEMORY, "session") : WARD_OK;
}

/* Whether a row holds (seq, hash8). */
static int holds(struct ward_talk *t, const struct ward_feed *f, uint64_t seq, const uint8_t *hash8, bool *out, struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    *out = false;
    if (seq > f->head_seq)
        return WARD_OK;
    int rc = ward_chain_at(t->r, f->fid, seq, &hash, &depth, err);
    *out = !rc && memcmp(hash.b, hash8, 8) == 0;
    return rc;
}

/* What the peer's heads or samples say of the rows held here. */
struct view {
    const struct ward_feed *rows[WARD_BRANCHES_MAX + 1];
    uint64_t have[WARD_BRANCHES_MAX + 1]; /* by row: up to where the peer holds it, for certain */
    size_t count;
    uint64_t reach;                  /* the greatest head here */
    uint64_t before;                 /* the greatest seq that lies before the log here: no hash tells whether it is the same there */
    uint64_t strange, least_strange; /* the greatest and the least seq that no chain held here explains; 0: there is none */
};

static void begin_view(struct ward_talk *t, const struct ward_feed *trunk, struct view *v)
{
    *v = (struct view){.count = 0};
    for (const struct ward_feed *f = trunk; f; f = ward_directory_next_above(&t->r->dir, f)) {
        v->rows[v->count++] = f;
        v->reach = f->head_seq > v->reach ? f->head_seq : v->reach;
    }
}

static int note_point(struct ward_talk *t, struct view *v, uint64_t seq, const uint8_t *hash8, struct ward_error *err)
{
    bool here = false;
    size_t i = 0;
    int rc = WARD_OK;
    if (seq < v->rows[0]->base) {
        v->before = seq > v->before ? seq : v->before;
        return WARD_OK;
    }
    for (; !rc && i < v->count; i++) {
        rc = holds(t, v->rows[i], seq, hash8, &here, err);
        if (rc || here)
            break;
    }
    if (rc)
        return rc;
    for (size_t j = 0; here && j < v->count; j++) {
        uint64_t shared = ward_directory_shared_seq(&t->r->dir, v->rows[i], v->rows[j]), upto = seq < shared ? seq : shared;
        v->have[j] = upto > v->have[j] ? upto : v->have[j];
    }
    if (!here && seq > v->strange)
        v->strange = seq;
    if (!here && (!v->least_strange || seq < v->least_strange))
        v->least_strange = seq;
    return WARD_OK;
}

/* Before what is held here the peer is taken to hold what it says, unless it shows another history from there on. */
static void end_view(const struct ward_talk *t, struct view *v)
{
    bool other = v->strange && v->least_strange <= v->reach && v->have[0] < v->rows[0]->base;
    for (size_t j = 0; !other && j < v->count; j++) {
        uint64_t shared = ward_directory_shared_seq(&t->r->dir, v->rows[0], v->rows[j]), upto = v->before < shared ? v->before : shared;
        v->have[j] = upto > v->have[j] ? upto : v->have[j];
    }
}

/* The peer has another history of the feed where the settled one is held here: it takes no run of that (317). */
static int is_beside(struct ward_talk *t, const struct view *v, bool *out, struct ward_error *err)
{
    const struct ward_feed *trunk = v->rows[0];
    bool astray = false, short_of_it = false;
    *out = v->strange && v->least_strange <= v->reach && v->have[0] < trunk->settled.seq;
    int rc = *out ? ward_own_is_astray(t->r, trunk, &astray, &short_of_it, err) : WARD_OK;
    *out = *out && !astray && !short_of_it;
    return rc;
}

/* What this device wrote where the peer has something else, and what nobody has got, must not become the other branch of a fork: it waits
 * until the peer's has come, and is then written anew. */
static bool keeps_back(const struct ward_talk *t, const struct view *v, size_t i)
{
    const struct ward_feed *f = v->rows[i];
    if (v->rows[0]->forked) /* too late: it is frozen as it is, and what is kept back would only be missing elsewhere */
        return false;
    if (!v->strange || f->head_seq <= v->have[i])
        return false;
    /* Samples lie apart: the two may part anywhere between the last that is alike and the first that differs. */
    uint64_t parted = v->least_strange < f->head_seq ? v->least_strange : f->head_seq;
    return ward_own_unpublished(t->r, f->fid, parted > v->have[i] ? parted : v->have[i] + 1);
}

/* Where an own feed parts from what the peer has of it, as far as that shows. */
static int note_parting(struct ward_talk *t, const struct view *v, struct ward_error *err)
{
    const struct ward_feed *trunk = v->rows[0];
    const struct ward_env *env = &t->r->env;
    struct ward_taking *to = &t->taking;
    if (!v->strange || v->least_strange > v->reach || !ward_replica_was(t->r, &trunk->grant))
        return WARD_OK;
    ward_vv_lower(&to->differs, trunk->fid, v->least_strange);
    if (ward_vv_get(&to->differs, trunk->fid) == 0 && ward_vv_raise(&to->differs, env, trunk->fid, v->least_strange))
        return ward_fail(err, WARD_ERR_MEMORY, "session");
    return ward_vv_raise(&to->alike, env, trunk->fid, v->have[0]) ? ward_fail(err, WARD_ERR_MEMORY, "session") : WARD_OK;
}

int ward_talk_weigh_feed(struct ward_talk *t, const struct ward_space *space, const struct ward_feed_entry *entries, size_t count,
                         struct ward_error *err)
{
    const struct ward_grant *g = ward_directory_grant_short(&t->r->dir, entries[0].grant8);
    struct ward_hash id;
    struct view v;
    const struct ward_feed *trunk = g && space ? ward_directory_feed_of(&t->r->dir, space, &g->id, &id) : NULL;
    int rc = WARD_OK;
    if (!trunk) {
        t->total_in += entries[count - 1].seq;
        return WARD_OK;
    }
    begin_view(t, trunk, &v);
    for (size_t i = 0; !rc && i < count; i++)
        rc = note_point(t, &v, entries[i].seq, entries[i].hash8, err);
    if (rc)
        return rc;
    end_view(t, &v);
    rc = t->plan ? WARD_OK : ward_own_note_shown(t->r, trunk->fid, v.have[0], err);
    if (!rc)
        rc = note_parting(t, &v, err);
    if (rc)
        return rc;
    t->total_in += v.strange > v.reach ? v.strange - v.reach : 0;
    bool differ = v.strange && v.least_strange <= v.reach;
    uint32_t fid = trunk->fid;
    bool onward = count == 1 && v.strange > v.reach && !ward_vv_get(&t->heard_branch, fid); /* or the peer would ask, who holds more */
    if (onward && ward_vv_raise(&t->taking.onward, &t->r->env, fid, trunk->head_seq))
        return ward_fail(err, WARD_ERR_MEMORY, "heads");
    for (size_t i = 0; i < v.count; i++) {
        const struct ward_feed *f = v.rows[i];
        bool wait = differ && v.have[i] < f->head_seq; /* for the answer */
        uint64_t have = wait || (v.strange > f->head_seq && !differ) ? f->head_seq : v.have[i];
        if (ward_vv_raise(&t->stream.have, &t->r->env, f->fid, have) || ward_vv_raise(&t->known, &t->r->env, f->fid, v.have[i]))
            return ward_fail(err, WARD_ERR_MEMORY, "heads");
    }
    if (!differ)
        return WARD_OK;
    if (v.strange <= trunk->head_seq && v.have[0] < v.least_strange) /* it does not even hold what it may have sealed */
        rc = ward_receipts_other_history(t, fid, v.least_strange, err);
    return rc ? rc : ward_talk_ask_branch(t, space->id.b, entries[0].grant8, err);
}

/* ---- samples: of each chain the head and those 1, 2, 4, 8 ... before it, to where the row begins; and what is at the other's. */

static int add_sample(struct ward_talk *t, const struct ward_feed *f, uint64_t seq, struct ward_sample *out, size_t *n,
                      struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    if (seq == 0 || seq > f->head_seq || (!f->parent && seq < f->base) || *n == WARD_BRANCH_SAMPLES)
        return WARD_OK;
    int rc = ward_chain_at(t->r, f->fid, seq, &hash, &depth, err);
    out[*n].seq = seq;
    memcpy(out[*n].hash8, hash.b, 8);
    *n += !rc;
    return rc;
}

static int send_samples(struct ward_talk *t, const struct ward_feed *trunk, struct ward_message *theirs, struct ward_error *err)
{
    struct ward_sample out[WARD_BRANCH_SAMPLES];
    size_t n = 0;
    int rc = WARD_OK;
    for (const struct ward_feed *f = trunk; !rc && f; f = ward_directory_next_above(&t->r->dir, f)) {
        uint64_t back = 0;
        rc = add_sample(t, f, f->base, out, &n, err);
        for (; !rc && back < ward_feed_logged(f); back = back ? 2 * back : 1)
            rc = add_sample(t, f, f->head_seq - back, out, &n, err);
        if (!rc)
            rc = add_sample(t, f, f->base + 1, out, &n, err);
    }
    for (size_t i = 0; theirs && !rc && i < theirs->count; i++) {
        struct ward_sample s;
        ward_frame_next_sample(theirs, &s);
        for (const struct ward_feed *f = trunk; !rc && f; f = ward_directory_next_above(&t->r->dir, f))
            if (s.seq > f->base)
                rc = add_sample(t, f, s.seq, out, &n, err);
    }
    struct ward_buf frame;
    ward_buf_init(&frame, &t->r->env); /* t->out may hold the run that is about to go */
    if (!rc) {
        ward_frame_branch(&frame, &ward_directory_space(&t->r->dir, trunk->sid)->id, &trunk->grant, out, n);
        rc = ward_talk_send(t, &frame, err);
    }
    ward_buf_free(&frame);
    if (!rc && ward_vv_raise(&t->asked_branch, &t->r->env, trunk->fid, 1))
        rc = ward_fail(err, WARD_ERR_MEMORY, "session");
    return rc;
}

static const struct ward_feed *named(const struct ward_talk *t, const uint8_t *space8, const uint8_t *grant8)
{
    const struct ward_grant *g = ward_directory_grant_short(&t->r->dir, grant8), *self = ward_replica_grant(t->r);
    const struct ward_space *s = ward_directory_space_short(&t->r->dir, space8);
    struct ward_hash id;
    if (!g || !s || !ward_space_is_common(s, self ? self : &t->peer, &t->peer))
        return NULL;
    return ward_directory_feed_of(&t->r->dir, s, &g->id, &id);
}

int ward_talk_ask_branch(struct ward_talk *t, const uint8_t *space8, const uint8_t *grant8, struct ward_error *err)
{
    const struct ward_feed *trunk = named(t, space8, grant8);
    if (!trunk || t->plan || ward_vv_get(&t->asked_branch, trunk->fid))
        return WARD_OK;
    t->unanswered += !ward_vv_get(&t->heard_branch, trunk->fid);
    return send_samples(t, trunk, NULL, err);
}

int ward_talk_note_sent(struct ward_talk *t, const struct ward_streamed *run, struct ward_error *err)
{
    if (ward_vv_get(&t->sent_blind, run->fid))
        return WARD_OK;
    return ward_vv_raise(&t->sent_blind, &t->r->env, run->fid, run->last - run->count + 1) ? ward_fail(err, WARD_ERR_MEMORY, "session")
                                                                                           : WARD_OK;
}

/* What went out before the peer's branch was known may have rested on one that it lacked, and been refused for that; and what was refused
 * is, sent once more, to stand where it arrived here, or what rests on it in turn would be refused. So all that is not acknowledged as
 * taken goes again. */
static int unsend(struct ward_talk *t, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < t->sent_blind.len; i++) {
        uint32_t fid = t->sent_blind.v[i].fid;
        uint64_t before = t->sent_blind.v[i].seq - 1, known = ward_vv_get(&t->known, fid);
        if (ward_vv_get(&t->stream.have, fid) != UINT64_MAX) /* else it wants no more of this feed */
            rc = ward_talk_set_have(t, fid, known > before ? known : before, err);
    }
    ward_vv_free(&t->sent_blind, &t->r->env);
    return rc;
}

int ward_talk_note_branch(struct ward_talk *t, struct ward_message *m, struct ward_error *err)
{
    const struct ward_feed *trunk = named(t, m->branch.space8, m->branch.grant8);
    struct ward_message again = *m;
    struct view v;
    int rc = WARD_OK;
    if (!trunk || t->plan || ward_vv_get(&t->heard_branch, trunk->fid))
        return WARD_OK;
    bool asked = ward_vv_get(&t->asked_branch, trunk->fid) > 0, beside = false;
    t->unanswered -= asked;
    ward_vv_lower(&t->taking.onward, trunk->fid, 0); /* what is held here is not what the peer goes on from */
    begin_view(t, trunk, &v);
    for (size_t i = 0; !rc && i < m->count; i++) {
        struct ward_sample s;
        ward_frame_next_sample(m, &s);
        rc = note_point(t, &v, s.seq, s.hash8, err);
    }
    end_view(t, &v);
    if (!rc)
        rc = ward_own_note_shown(t->r, trunk->fid, v.have[0], err);
    if (!rc)
        rc = note_parting(t, &v, err);
    if (!rc)
        rc = unsend(t, err);
    for (size_t i = 0; !rc && i < v.count; i++) {
        uint64_t known = ward_vv_get(&t->known, v.rows[i]->fid), have = known > v.have[i] ? known : v.have[i];
        rc = ward_talk_set_have(t, v.rows[i]->fid, keeps_back(t, &v, i) ? v.rows[i]->head_seq : have, err);
    }
    if (!rc)
        rc = is_beside(t, &v, &beside, err);
    if (!rc)
        rc = ward_talk_weigh_below(t, ward_directory_space(&t->r->dir, trunk->sid), v.strange > trunk->base, beside, err);
    if (!rc && ward_vv_raise(&t->heard_branch, &t->r->env, trunk->fid, 1))
        rc = ward_fail(err, WARD_ERR_MEMORY, "session");
    if (!rc && !asked)
        rc = send_samples(t, trunk, &again, err);
    return rc ? rc : ward_stream_seek(&t->stream, err);
}
