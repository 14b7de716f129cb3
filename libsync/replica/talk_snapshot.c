/* talk_snapshot.c - spaces that go to the peer as their state: proto/session.md, Snapshots. */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/base.h"
#include "replica/own.h"
#include "replica/talk_parts.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

/* ---- wanting */

/* And has not asked for it. Also a space that this session has brought. */
static bool wants_history_of(const struct ward_talk *t, const struct ward_grant *self, const struct ward_space *s)
{
    return ward_space_is_common(s, self, &t->peer) && ward_space_has_base(t->r, s) &&
           (t->hooks.history || ward_space_wants_history(t->r, s)) && !ward_vv_get(&t->history_asked, s->sid);
}

static int by_id(const void *a, const void *b)
{
    return ward_hash_compare(&(*(const struct ward_space *const *)a)->id, &(*(const struct ward_space *const *)b)->id);
}

/* The spaces, ascending; to be released. */
static int find_wanted(const struct ward_talk *t, const struct ward_grant *self, const struct ward_space ***out, size_t *count,
                       struct ward_error *err)
{
    const struct ward_directory *d = &t->r->dir;
    size_t n = 0;
    *out = NULL;
    for (size_t i = 0; self && i < d->space_count; i++)
        n += wants_history_of(t, self, &d->spaces[i]);
    *count = n;
    if (n == 0)
        return WARD_OK;
    *out = ward_alloc(&t->r->env, n * sizeof **out);
    if (!*out)
        return ward_fail(err, WARD_ERR_MEMORY, "session");
    n = 0;
    for (size_t i = 0; i < d->space_count; i++)
        if (wants_history_of(t, self, &d->spaces[i]))
            (*out)[n++] = &d->spaces[i];
    qsort(*out, n, sizeof **out, by_id);
    *count = n < WARD_SPACES_MAX ? n : WARD_SPACES_MAX; /* the others with the next */
    return WARD_OK;
}

int ward_talk_send_want(struct ward_talk *t, struct ward_error *err)
{
    const struct ward_space **wanted;
    size_t count;
    const struct ward_grant *self = ward_replica_grant(t->r);
    bool hub = self && self->role == WARD_ROLE_HUB; /* others fetch histories there */
    bool states = t->hooks.states && !hub && t->strange_spaces && !t->s.streaming;
    if (t->awaiting || t->plan)
        return WARD_OK;
    int rc = find_wanted(t, self, &wanted, &count, err);
    if (rc || (!states && count == 0))
        return rc;
    ward_buf_clear(&t->out);
    ward_frame_want(&t->out, states, count);
    for (size_t i = 0; !rc && i < count; i++) {
        ward_put_bytes(&t->out, wanted[i]->id.b, 8);
        rc = ward_vv_raise(&t->history_asked, &t->r->env, wanted[i]->sid, 1) ? ward_fail(err, WARD_ERR_MEMORY, "session") : WARD_OK;
    }
    ward_release(&t->r->env, wanted);
    t->awaiting = true;
    t->wants++;
    return rc ? rc : ward_talk_send(t, &t->out, err);
}

/* What still lacks its history is told of: the peer does not have it, or another than the base is of. */
int ward_talk_note_answered(struct ward_talk *t, struct ward_error *err)
{
    const struct ward_directory *d = &t->r->dir;
    bool lacks = false;
    t->awaiting = false;
    for (size_t i = 0; t->lacking && i < d->space_count; i++)
        lacks |= ward_vv_get(&t->history_asked, d->spaces[i].sid) && ward_space_wants_history(t->r, &d->spaces[i]);
    if (lacks) {
        t->refused_here += t->lacking;
        ward_talk_tell(t, WARD_EVENT_RUN_REFUSED, WARD_ERR_HISTORY, 0, 0, "the peer does not have it");
    }
    t->lacking = 0;
    return ward_talk_send_want(t, err); /* what came meanwhile may have shown more to be lacking */
}

/* ---- giving */

void ward_talk_snapshot_free(struct ward_talk *t)
{
    ward_giving_end(&t->giving, t->r);
    ward_vv_free(&t->history_wanted, &t->r->env);
    ward_vv_free(&t->history_asked, &t->r->env);
    ward_vv_free(&t->given, &t->r->env);
    ward_vv_free(&t->taking.alike, &t->r->env);
    ward_vv_free(&t->taking.differs, &t->r->env);
    ward_vv_free(&t->taking.onward, &t->r->env);
}

static bool holds_none(const struct ward_talk *t, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++)
        if (ward_vv_get(&t->stream.have, s->feeds[i]))
            return false;
    return true;
}

/* All of the space goes out again: what the peer has of it already is passed over there. */
static int resend(struct ward_talk *t, const struct ward_space *s, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < s->feed_count; i++)
        rc = ward_talk_set_have(t, s->feeds[i], 0, err);
    return rc;
}

enum why { FRESH = 1, NEEDED }; /* why a space goes as its state: that may cost less, or the peer can take nothing else */

/* After all runs that do not. */
static int put_off(struct ward_talk *t, const struct ward_space *s, enum why why, struct ward_error *err)
{
    bool can = ward_base_may_give(t->r, s);
    return can && ward_vv_raise(&t->stream.put_off, &t->r->env, s->sid, why) ? ward_fail(err, WARD_ERR_MEMORY, "session") : WARD_OK;
}

static int put_off_below(struct ward_talk *t, const struct ward_space *s, bool elsewhere, struct ward_error *err)
{
    t->cannot_give |= !elsewhere && !ward_base_may_give(t->r, s);
    return put_off(t, s, NEEDED, err);
}

/* Of a space in which a device wrote two histories the history goes: a branch may leave below what a state would begin with, and whoever
 * has no more than that could not tell where. */
static bool is_parted(const struct ward_directory *d, const struct ward_space *s)
{
    for (size_t i = 0; i < s->feed_count; i++)
        if (ward_directory_feed(d, s->feeds[i])->forked)
            return true;
    return false;
}

static int weigh(struct ward_talk *t, const struct ward_space *s, struct ward_error *err)
{
    const struct ward_grant *self = ward_replica_grant(t->r);
    if (!self || t->plan || s->circle_count == 0 || !ward_space_is_common(s, self, &t->peer))
        return WARD_OK;
    if (!ward_space_has_base(t->r, s) && ward_vv_get(&t->history_wanted, s->sid))
        return resend(t, s, err);
    if (ward_space_is_below(t->r, s, &t->stream.have))
        return put_off_below(t, s, false, err);
    bool fresh = t->states_wanted && s->changes >= WARD_SNAPSHOT_FROM && holds_none(t, s) && !is_parted(&t->r->dir, s);
    return fresh ? put_off(t, s, FRESH, err) : WARD_OK;
}

int ward_talk_weigh_spaces(struct ward_talk *t, struct ward_error *err)
{
    int rc = WARD_OK;
    for (uint32_t sid = 1; !rc && sid <= t->r->dir.space_count; sid++)
        rc = weigh(t, ward_directory_space(&t->r->dir, sid), err);
    return rc;
}

int ward_talk_note_want(struct ward_talk *t, struct ward_message *m, struct ward_error *err)
{
    bool early = !t->s.streaming; /* weighed with its heads */
    int rc = WARD_OK;
    if (early)
        t->states_wanted = m->states;
    for (size_t i = 0; !rc && i < m->count; i++) {
        const uint8_t *space8;
        ward_frame_next_wanted(m, &space8);
        const struct ward_space *s = ward_directory_space_short(&t->r->dir, space8);
        if (!s || ward_vv_get(&t->history_wanted, s->sid))
            continue;
        uint64_t how = ward_space_has_base(t->r, s) ? WARD_WANTED_IN_VAIN : WARD_WANTED_GIVEN;
        rc = ward_vv_raise(&t->history_wanted, &t->r->env, s->sid, how) ? ward_fail(err, WARD_ERR_MEMORY, "session") : WARD_OK;
        if (!rc && !early)
            rc = weigh(t, s, err);
    }
    return rc || early ? rc : ward_stream_seek(&t->stream, err);
}

int ward_talk_weigh_below(struct ward_talk *t, const struct ward_space *s, bool elsewhere, bool beside, struct ward_error *err)
{
    if (!s->circle_count || t->plan)
        return WARD_OK;
    if (ward_space_is_below(t->r, s, &t->stream.have))
        return put_off_below(t, s, elsewhere, err);
    return beside ? put_off(t, s, NEEDED, err) : WARD_OK;
}

/* A state is somebody's word, and a history proves itself: where the peer could have either, the state goes only where it saves half. */
static int pays(struct ward_talk *t, uint32_t sid, bool *out, struct ward_error *err)
{
    const struct ward_made *made = &t->giving->made;
    uint64_t state = made->head.len, history = 0;
    int rc = WARD_OK;
    for (size_t i = 0; i < made->part_count; i++)
        state += made->parts[i].len;
    for (size_t i = 0; !rc && i < made->upto.len; i++) {
        uint64_t changes, bytes = 0;
        rc = ward_store_weigh_segments(t->r->store, made->upto.v[i].fid, made->upto.v[i].seq, &changes, &bytes, err);
        history += bytes;
    }
    *out = ward_space_has_base(t->r, ward_directory_space(&t->r->dir, sid)) || state * WARD_SNAPSHOT_SAVES <= history;
    return rc;
}

/* Nothing is begun (t->giving NULL) where the history goes after all. */
static int begin_giving(struct ward_talk *t, uint32_t sid, enum why why, struct ward_error *err)
{
    bool worth = why == NEEDED;
    int rc = ward_own_publish(t->r, NULL, err); /* own changes may be in it */
    if (rc)
        return rc;
    rc = ward_giving_begin(&t->giving, t->r, sid, err);
    if (rc == WARD_ERR_HISTORY || rc == WARD_ERR_CORRUPT) /* it cannot be told so: the peer takes runs, or goes without */
        return ward_stream_seek(&t->stream, err);
    if (!rc && !worth)
        rc = pays(t, sid, &worth, err);
    if (rc || !worth) {
        ward_giving_end(&t->giving, t->r);
        return rc ? rc : ward_stream_seek(&t->stream, err);
    }
    const struct ward_vv *upto = &t->giving->made.upto;
    for (size_t i = 0; !rc && i < upto->len; i++)
        if (ward_vv_raise(&t->stream.have, &t->r->env, upto->v[i].fid, upto->v[i].seq) ||
            ward_vv_raise(&t->given, &t->r->env, upto->v[i].fid, upto->v[i].seq))
            rc = ward_fail(err, WARD_ERR_MEMORY, "snapshot");
    if (!rc)
        rc = ward_stream_seek(&t->stream, err);
    if (rc)
        ward_giving_end(&t->giving, t->r);
    return rc;
}

static uint32_t next_put_off(struct ward_talk *t, enum why *why)
{
    for (size_t i = 0; i < t->stream.put_off.len; i++)
        if (t->stream.put_off.v[i].seq) {
            *why = (enum why)t->stream.put_off.v[i].seq;
            t->stream.put_off.v[i].seq = 0;
            return t->stream.put_off.v[i].fid;
        }
    return 0;
}

int ward_talk_next_of_snapshot(struct ward_talk *t, bool runs_left, bool *got, bool *again, bool *wait, struct ward_error *err)
{
    int rc = WARD_OK;
    *got = *again = *wait = false;
    if (!t->giving && !runs_left) {
        uint32_t sid = 0;
        for (size_t i = 0; !sid && i < t->stream.put_off.len; i++)
            sid = t->stream.put_off.v[i].seq ? t->stream.put_off.v[i].fid : 0;
        *wait = sid && t->batch->open;
        if (!sid || *wait)
            return WARD_OK;
        enum why why = FRESH;
        sid = next_put_off(t, &why);
        rc = begin_giving(t, sid, why, err);
        *again = !rc && !t->giving;
    }
    if (!rc && t->giving) {
        t->given_sid = t->giving->made.sid;
        *got = ward_giving_next(t->giving, t->r, &t->out);
        if (t->giving->next > t->giving->made.part_count)
            ward_giving_end(&t->giving, t->r);
    }
    return rc;
}

void ward_talk_snapshot_acked(struct ward_talk *t, uint32_t sid)
{
    for (size_t i = 0; sid && i < t->given.len; i++) {
        const struct ward_feed *f = ward_directory_feed(&t->r->dir, t->given.v[i].fid);
        if (f && f->sid == sid)
            ward_vv_raise(&t->known, &t->r->env, f->fid, t->given.v[i].seq); /* a hint: if memory lacks, it stays smaller */
    }
}

/* ---- taking */

static uint64_t held_in(const struct ward_replica *r, const struct ward_hash *space)
{
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    uint64_t n = 0;
    for (size_t i = 0; s && i < s->feed_count; i++)
        n += ward_feed_length(ward_directory_feed(&r->dir, s->feeds[i]));
    return n;
}

/* The peer holds what the base is of; beyond it, what it was known to hold. */
static int note_base(struct ward_talk *t, struct ward_error *err)
{
    const struct ward_space *s = ward_directory_space_by_id(&t->r->dir, &t->taking.space);
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&t->r->dir, s->feeds[i]);
        uint64_t known = ward_vv_get(&t->known, f->fid);
        rc = ward_talk_set_have(t, f->fid, known > f->base ? known : f->base, err);
        if (!rc && ward_vv_raise(&t->known, &t->r->env, f->fid, f->base))
            rc = ward_fail(err, WARD_ERR_MEMORY, "session");
    }
    return rc ? rc : ward_stream_seek(&t->stream, err);
}

int ward_talk_take_snapshot(struct ward_talk *t, const struct ward_message *m, struct ward_error *why)
{
    uint64_t before = held_in(t->r, &t->taking.space);
    bool adopted;
    int rc = ward_base_take(&t->taking, &t->batch->apply, m, &adopted, why);
    if (rc || !adopted)
        return rc;
    t->retell = true; /* own changes may have been withdrawn for it */
    t->snapshots++;
    t->received += held_in(t->r, &t->taking.space) - before;
    return note_base(t, why);
}
