/* talk_pieces.c - runs over a slow link, in pieces: what has come of one counts when the link breaks, and the next session goes on from
 * there. proto/session.md, Pieces.
 *
 * What has come is the session's while it lasts, and the store's after it. A link that died unseen leaves a session standing here for a
 * while, so that the next one of the same peer looks there first.
 */
#include "base/err.h"
#include "replica/talk_parts.h"
#include "values/feed.h"
#include "values/hash.h"

#include <sodium.h>
#include <string.h>

#define GOT_EVERY 2u /* pieces; so many may go before any is told to have come */
#define KEY_SIZE  72 /* "begun " and a grant in hex */

static void hash_begun(uint8_t out[8], const void *p, size_t len)
{
    struct ward_hash h;
    ward_hash_once(&h, "wardsync begun", p, len);
    memcpy(out, h.b, 8);
}

static void key_of(const struct ward_talk *t, char out[KEY_SIZE])
{
    memcpy(out, "begun ", 6);
    sodium_bin2hex(out + 6, KEY_SIZE - 6, t->peer.id.b, sizeof t->peer.id.b);
}

/* ---- what has come */

/* The session with the same peer that has most of a frame. */
static struct ward_talk *find_other(const struct ward_talk *t)
{
    struct ward_talk *best = NULL;
    for (struct ward_talk *o = t->r->talks; o; o = o->next)
        if (o != t && !o->begun_moved && ward_hash_compare(&o->peer.id, &t->peer.id) == 0 && o->begun.len > (best ? best->begun.len : 0))
            best = o;
    return best;
}

int ward_talk_recall_begun(struct ward_talk *t, struct ward_error *err)
{
    struct ward_talk *other = find_other(t);
    char key[KEY_SIZE];
    if (other) {
        other->begun_moved = true;
        ward_buf_add(&t->begun, other->begun.p, other->begun.len);
        t->begun_kept = other->begun_kept;
        return ward_buf_status(&t->begun) ? ward_fail(err, WARD_ERR_MEMORY, "a piece") : WARD_OK;
    }
    key_of(t, key);
    int rc = ward_store_meta_get(t->r->store, key, &t->begun, err);
    t->begun_kept = rc == WARD_OK;
    return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
}

/* In a transaction. */
int ward_talk_keep_begun(struct ward_talk *t, struct ward_error *err)
{
    char key[KEY_SIZE];
    bool keep = t->begun.len > 0;
    if (t->begun_moved || (!keep && !t->begun_kept))
        return WARD_OK;
    key_of(t, key);
    int rc = keep ? ward_store_meta_put(t->r->store, key, t->begun.p, t->begun.len, err) : ward_store_meta_drop(t->r->store, key, err);
    t->begun_kept = !rc && keep;
    return rc;
}

struct ward_begun ward_talk_begun(const struct ward_talk *t)
{
    struct ward_begun begun = {.len = t->begun.len};
    if (begun.len)
        hash_begun(begun.hash8, t->begun.p, t->begun.len);
    return begun;
}

/* Of all sessions: who is slow on purpose must not fill the memory. */
static size_t bytes_of_all(const struct ward_talk *t)
{
    size_t n = 0;
    for (const struct ward_talk *o = t->r->talks; o; o = o->next)
        n += o->begun.len;
    return n;
}

int ward_talk_note_piece(struct ward_talk *t, const struct ward_message *m, bool *whole, struct ward_error *err)
{
    *whole = false;
    if (m->piece.at == 0)
        ward_buf_clear(&t->begun);
    if (m->piece.at != t->begun.len)
        return ward_talk_act(t, ward_session_step(&t->s, WARD_SE_BAD, WARD_ERR_PROTOCOL), NULL, err);
    if (bytes_of_all(t) + m->piece.len > WARD_PIECES_ALL)
        return ward_talk_act(t, ward_session_step(&t->s, WARD_SE_BAD, WARD_ERR_QUOTA), NULL, err);
    ward_buf_add(&t->begun, m->piece.data, m->piece.len);
    if (ward_buf_status(&t->begun))
        return ward_fail(err, WARD_ERR_MEMORY, "a piece");
    *whole = m->piece.left == 0;
    if (++t->pieces_in % GOT_EVERY != 0)
        return WARD_OK;
    ward_buf_clear(&t->out);
    ward_frame_got(&t->out, t->pieces_in);
    return ward_talk_send(t, &t->out, err);
}

/* ---- what goes */

/* Where to go on with a frame of which the peer may hold a part; 0: from its beginning. */
static size_t begin_at(struct ward_talk *t, const struct ward_buf *frame)
{
    uint8_t hash8[8];
    if (t->begun_there.len == 0 || t->begun_there.len >= frame->len)
        return 0;
    hash_begun(hash8, frame->p, t->begun_there.len);
    return memcmp(hash8, t->begun_there.hash8, sizeof hash8) == 0 ? t->begun_there.len : 0;
}

int ward_talk_send_run(struct ward_talk *t, struct ward_error *err)
{
    size_t at = ward_buf_status(&t->out) ? 0 : begin_at(t, &t->out);
    if (at == 0 && (!t->slow || t->out.len <= (size_t)WARD_PIECES_FIRST * WARD_PIECE))
        return ward_talk_send(t, &t->out, err);
    t->begun_there.len = 0; /* the other goes on with it, or forgets it */
    t->leaving = t->out;
    t->left_to = at;
    ward_buf_init(&t->out, &t->r->env);
    return ward_talk_send_pieces(t, err);
}

int ward_talk_send_pieces(struct ward_talk *t, struct ward_error *err)
{
    int rc = WARD_OK;
    while (!rc && !ward_talk_closed(t) && t->leaving.len && t->s.pieces - t->s.got < t->pieces_ahead) {
        size_t left = t->leaving.len - t->left_to, n = t->slow && left > WARD_PIECE ? WARD_PIECE : left;
        ward_buf_clear(&t->out);
        ward_frame_piece(&t->out, t->left_to, left - n, t->leaving.p + t->left_to, n);
        rc = ward_talk_send(t, &t->out, err);
        t->piece_ms[t->s.pieces++ % WARD_PIECES_AHEAD] = t->r->env.mono_ms(t->r->env.ctx);
        t->left_to += n;
        if (left == n)
            ward_buf_free(&t->leaving);
    }
    return rc;
}

/* As TCP begins (RFC 5681): what is on its way when a link breaks is lost, and how much a new one bears shows when answers come. Where they
 * come soon it was the other that had been busy, not the link that is slow: what is left goes at once. */
int ward_talk_note_got(struct ward_talk *t, struct ward_error *err)
{
    ward_talk_note_answer(t, t->piece_ms[(t->s.got - 1) % WARD_PIECES_AHEAD]);
    if (t->pieces_ahead < WARD_PIECES_AHEAD)
        t->pieces_ahead += GOT_EVERY;
    return ward_talk_send_pieces(t, err);
}
