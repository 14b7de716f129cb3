#include "replica/aside.h"
#include "base/alloc.h"
#include "base/err.h"
#include "replica/late.h"
#include "rules/slot.h"
#include "values/cbor.h"
#include "values/feed.h"

#include <string.h>

/* The key of a release: up to which change, by its seq and its hash. Two branches of a feed have different ones. */
#define KEY_BYTES (8 + WARD_HASH_BYTES)

static void write_key(uint8_t out[KEY_BYTES], uint64_t seq, const struct ward_hash *hash)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(seq >> (56 - 8 * i));
    memcpy(out + 8, hash->b, WARD_HASH_BYTES);
}

static uint64_t key_seq(const uint8_t *key)
{
    uint64_t seq = 0;
    for (int i = 0; i < 8; i++)
        seq = seq << 8 | key[i];
    return seq;
}

static void entity_of(struct ward_id *out, const struct ward_feed *f)
{
    memcpy(out->b, f->id.b, sizeof out->b);
}

/* Said by an operator, or by a device of the same unit: nobody else hides what waits here. */
static bool counts(const ward_replica *r, const struct ward_feed *f, const struct ward_slot *slot)
{
    for (size_t i = 0; i < slot->live_count; i++) {
        const struct ward_feed *by = ward_directory_feed(&r->dir, slot->live[i].fid);
        if (ward_value_is_true(&slot->live[i]) && by && (ward_role_rules(by->role)->may_cut || ward_id_equal(&by->unit, &f->unit)))
            return true;
    }
    return false;
}

/* Up to where a note covers a row. It names a change of one branch, and covers that and all before it: what other branches share of that,
 * they share the note of. 0: nothing. */
static int covered(ward_replica *r, const struct ward_feed *f, const struct ward_slot *slot, uint64_t *upto, struct ward_error *err)
{
    uint64_t depth, seq = slot->key_len == KEY_BYTES ? key_seq(slot->key) : 0;
    struct ward_hash hash;
    *upto = 0;
    for (const struct ward_feed *on = ward_directory_feed_by_id(&r->dir, &f->id); on; on = ward_directory_next(&r->dir, on)) {
        if (seq > on->head_seq || seq <= on->base)
            continue;
        int rc = ward_chain_at(r, on->fid, seq, &hash, &depth, err);
        if (rc)
            return rc;
        if (memcmp(hash.b, slot->key + 8, WARD_HASH_BYTES) == 0) {
            uint64_t shared = ward_directory_shared_seq(&r->dir, f, on);
            *upto = seq < shared ? seq : shared;
        }
    }
    return WARD_OK;
}

static int note_released(ward_replica *r, const struct ward_feed *f, const struct ward_state *state, struct ward_aside_range *out,
                         struct ward_error *err)
{
    size_t first, end = ward_state_range(state, WARD_ASIDE_RELEASED, &first);
    for (size_t i = first; i < end; i++) {
        uint64_t upto = 0;
        int rc = counts(r, f, &state->slots[i]) ? covered(r, f, &state->slots[i], &upto, err) : WARD_OK;
        if (rc)
            return rc;
        if (upto >= out->first && upto > out->released)
            out->released = upto;
    }
    return WARD_OK;
}

int ward_aside_of(ward_replica *r, uint32_t fid, struct ward_aside_range *out, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    uint64_t without = f->limit > f->base ? f->limit : f->base; /* what a branch shares with its parent is the parent's */
    struct ward_arena arena;
    struct ward_state state;
    struct ward_id entity;
    size_t conflicts;
    *out = (struct ward_aside_range){.fid = fid, .first = 1};
    if (without >= f->head_seq)
        return WARD_OK;
    out->first = without + 1;
    out->last = f->head_seq;
    entity_of(&entity, f);
    ward_arena_init(&arena, &r->env);
    ward_state_init(&state, &arena);
    int rc = ward_store_get_record(r->store, f->sid, WARD_KIND_ASIDE, &entity, &r->dir.authors, &state, &conflicts, err);
    rc = rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc ? rc : note_released(r, f, &state, out, err);
    ward_arena_free(&arena);
    return rc;
}

/* ---- telling */

static int first_and_last(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t count)
{
    struct ward_aside *a = ctx;
    (void)ops, (void)count;
    if (change->seq == a->first)
        a->from_ms = change->wall_ms;
    a->to_ms = change->wall_ms;
    return 0;
}

static int describe(ward_replica *r, const struct ward_aside_range *range, struct ward_aside *out, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, range->fid);
    *out = (struct ward_aside){.head = f->head_hash,
                               .space = ward_directory_space(&r->dir, f->sid)->id,
                               .feed = f->id,
                               .grant = f->grant,
                               .unit = f->unit,
                               .why = ward_grant_is_cut(&r->dir, &f->grant)      ? WARD_ASIDE_CUT
                                      : ward_grant_effective(&r->dir, &f->grant) ? WARD_ASIDE_FORK
                                                                                 : WARD_ASIDE_GRANT,
                               .first = range->first,
                               .last = range->last,
                               .released = range->released,
                               .own = ward_replica_was(r, &f->grant)};
    int rc = ward_history_range(r, range->fid, range->first, range->first, first_and_last, out, err);
    return rc ? rc : ward_history_range(r, range->fid, range->last, range->last, first_and_last, out, err);
}

int ward_asides(ward_replica *r, ward_aside_fn *fn, void *ctx, struct ward_error *err)
{
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    for (uint32_t fid = 1; !rc && fid <= r->dir.feed_count; fid++) {
        struct ward_aside_range range;
        struct ward_aside aside;
        rc = ward_aside_of(r, fid, &range, err);
        if (rc || range.first > range.last)
            continue;
        rc = describe(r, &range, &aside, err);
        if (!rc)
            rc = fn(ctx, &aside);
    }
    ward_replica_looked(r);
    return rc;
}

/* By the hash of its last change. */
static int find(ward_replica *r, const struct ward_hash *head, struct ward_aside_range *out, struct ward_error *err)
{
    for (uint32_t fid = 1; fid <= r->dir.feed_count; fid++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
        if (f->head_seq == 0 || ward_hash_compare(&f->head_hash, head) != 0)
            continue;
        int rc = ward_aside_of(r, fid, out, err);
        if (rc || out->first <= out->last)
            return rc;
    }
    return ward_fail(err, WARD_ERR_NOT_FOUND, "nothing is set aside under this name");
}

static uint64_t left_from(const struct ward_aside_range *range)
{
    return range->released ? range->released + 1 : range->first;
}

int ward_aside_show(ward_replica *r, const struct ward_hash *head, ward_history_fn *fn, void *ctx, struct ward_error *err)
{
    struct ward_aside_range range;
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = find(r, head, &range, err);
    if (!rc)
        rc = ward_history_range(r, range.fid, left_from(&range), range.last, fn, ctx, err);
    ward_replica_looked(r);
    return rc;
}

/* ---- releasing */

struct releasing {
    struct ward_pen *pen;
    struct ward_error *err;
};

static int write_late(void *ctx, const uint8_t *body, size_t len)
{
    struct releasing *x = ctx;
    return ward_late_write(x->pen, body, len, x->err);
}

/* The change that says so: a late one too, since it has nothing to do with what its author had seen. */
static int write_mark(struct ward_pen *pen, const struct ward_feed *of, uint64_t seq, const struct ward_hash *hash, const char *reason,
                      struct ward_error *err)
{
    static const uint8_t yes[] = {0xf5};
    ward_replica *r = pen->a->r;
    const struct ward_feed *own = ward_directory_feed(&r->dir, pen->fid);
    struct ward_dep mark = {.feed = own->id, .seq = own->head_seq, .hash = own->id};
    struct ward_id entity, why;
    uint8_t key[KEY_BYTES];
    struct ward_buf text, about, kind;
    struct ward_op ops[4] = {
        {.kind = WARD_KIND_ASIDE, .field = WARD_ASIDE_RELEASED, .key = key, .key_len = sizeof key, .raw = yes, .raw_len = 1}};
    size_t n = 1;
    entity_of(&entity, of);
    ops[0].entity = entity;
    write_key(key, seq, hash);
    ward_buf_init(&text, &r->env);
    ward_buf_init(&about, &r->env);
    ward_buf_init(&kind, &r->env);
    int rc = reason ? ward_new_id(r, &why, err) : WARD_OK;
    if (!rc && reason) {
        struct ward_value words = ward_value_text(reason), it = ward_value_id(&entity), number = ward_value_int(WARD_KIND_ASIDE);
        ward_put_value(&text, &words);
        ward_put_value(&about, &it);
        ward_put_value(&kind, &number);
        ops[n++] = (struct ward_op){.kind = WARD_KIND_REASON, .entity = why, .field = WARD_REASON_TEXT, .raw = text.p, .raw_len = text.len};
        ops[n++] =
            (struct ward_op){.kind = WARD_KIND_REASON, .entity = why, .field = WARD_REASON_ENTITY, .raw = about.p, .raw_len = about.len};
        ops[n++] = (struct ward_op){.kind = WARD_KIND_REASON, .entity = why, .field = WARD_REASON_KIND, .raw = kind.p, .raw_len = kind.len};
        if (ward_buf_status(&text) || ward_buf_status(&about) || ward_buf_status(&kind))
            rc = ward_fail(err, WARD_ERR_MEMORY, "release");
    }
    ward_ops_number(ops, n);
    if (!rc)
        rc = ward_pen_write(pen, ward_replica_now(r), own->head_depth + 1, &mark, 1, ops, n, err);
    ward_buf_free(&text);
    ward_buf_free(&about);
    ward_buf_free(&kind);
    return rc;
}

int ward_aside_write(struct ward_apply *a, const struct ward_aside_range *range, const char *reason, size_t *changes,
                     struct ward_error *err)
{
    ward_replica *r = a->r;
    const struct ward_feed of = *ward_directory_feed(&r->dir, range->fid); /* its row may move */
    const struct ward_hash space = ward_directory_space(&r->dir, of.sid)->id;
    struct ward_pen pen;
    struct releasing x = {&pen, err};
    *changes = 0;
    if (left_from(range) > range->last)
        return ward_fail(err, WARD_ERR_NOTHING, "released before");
    int rc = ward_pen_begin(&pen, a, &space, ward_replica_grant(r), r->keys, err);
    if (rc)
        return rc;
    rc = ward_late_prepare(r, range->fid, left_from(range), range->last, write_late, &x, err);
    *changes = pen.sum.changes;
    if (!rc)
        rc = write_mark(&pen, &of, range->last, &of.head_hash, reason, err);
    return ward_pen_end(&pen, rc, err);
}

static int entitled(const ward_replica *r, const struct ward_feed *f, const char *reason, struct ward_error *err)
{
    const struct ward_grant *self = ward_replica_grant(r);
    const struct ward_space *s = ward_directory_space(&r->dir, f->sid);
    bool may_cut = self && ward_role_rules(self->role)->may_cut;
    if (!self || !ward_grant_effective(&r->dir, &self->id) || !ward_may_write(self, s->circle, s->circle_count) ||
        (!may_cut && !ward_replica_was(r, &f->grant)))
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "an operator releases what was set aside");
    if (ward_grant_is_cut(&r->dir, &self->id))
        return ward_fail(err, WARD_ERR_CUT, "this device");
    return may_cut && !(reason && reason[0]) ? ward_fail(err, WARD_ERR_REASON, "reason") : WARD_OK;
}

int ward_aside_release(ward_replica *r, const struct ward_hash *head, const char *reason, size_t *changes, struct ward_error *err)
{
    struct ward_aside_range range;
    struct ward_apply a;
    int rc = ward_keys_check(r->keys, err);
    if (!rc)
        rc = ward_apply_begin(&a, r, err);
    if (rc)
        return rc;
    rc = find(r, head, &range, err);
    if (!rc)
        rc = entitled(r, ward_directory_feed(&r->dir, range.fid), reason, err);
    if (!rc)
        rc = ward_aside_write(&a, &range, reason && reason[0] ? reason : NULL, changes, err);
    return ward_apply_end(&a, rc, err);
}
