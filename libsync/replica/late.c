#include "replica/late.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/base_kept.h"
#include "replica/beside.h"
#include "replica/own.h"
#include "values/cbor.h"
#include "values/feed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One write of one change, the presence that a change writes unsaid included. */
struct told {
    struct ward_op op;
    size_t change, order; /* index of its change; place among all writes */
    bool implied;
    bool replaced; /* by a later one */
};

struct story {
    uint64_t own_seen;
    int64_t wall_ms;
    struct ward_vv seen;
    size_t first, count; /* of its writes in `told` */
};

struct gathering {
    ward_replica *r;
    uint32_t fid;
    uint64_t from;
    struct ward_arena arena;
    struct ward_vv seen; /* of the feed, as it grows */
    struct story *stories;
    size_t story_count, story_cap;
    struct told *told;
    size_t told_count, told_cap;
    struct told **order; /* by slot, then as written */
};

static int compare_slots(const struct ward_op *x, const struct ward_op *y)
{
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int by = ward_id_compare(&x->entity, &y->entity);
    if (by)
        return by;
    if (x->field != y->field)
        return x->field < y->field ? -1 : 1;
    if (x->key_len != y->key_len)
        return x->key_len < y->key_len ? -1 : 1;
    return x->key_len ? memcmp(x->key, y->key, x->key_len) : 0;
}

static int by_slot(const void *a, const void *b)
{
    const struct told *x = *(struct told *const *)a, *y = *(struct told *const *)b;
    int by = compare_slots(&x->op, &y->op);
    return by ? by : x->order < y->order ? -1 : 1;
}

static int tell(struct gathering *g, const struct ward_op *op, bool implied)
{
    if (ward_grow(&g->r->env, (void **)&g->told, &g->told_cap, g->told_count, sizeof *g->told))
        return WARD_ERR_MEMORY;
    struct told *t = &g->told[g->told_count];
    *t = (struct told){.op = *op, .change = g->story_count - 1, .order = g->told_count, .implied = implied};
    t->op.key = op->key_len ? ward_arena_copy(&g->arena, op->key, op->key_len) : NULL;
    t->op.raw = ward_arena_copy(&g->arena, op->raw, op->raw_len);
    if ((op->key_len && !t->op.key) || !t->op.raw)
        return WARD_ERR_MEMORY;
    g->told_count++;
    return WARD_OK;
}

/* The presence of each record that the change wrote without a word on it. */
static int tell_presence(struct gathering *g, const struct ward_change *ch, const struct ward_op *ops)
{
    static const uint8_t yes[] = {0xf5};
    for (uint32_t record = 0; record < ch->record_count; record++) {
        const struct ward_op *first = NULL;
        bool said = false;
        for (size_t i = 0; i < ch->op_count; i++) {
            if (ops[i].record != record)
                continue;
            first = first ? first : &ops[i];
            said |= ops[i].field == WARD_FIELD_PRESENCE;
        }
        assert(first);
        struct ward_op presence = {.kind = first->kind, .entity = first->entity, .field = WARD_FIELD_PRESENCE, .raw = yes, .raw_len = 1};
        int rc = said ? WARD_OK : tell(g, &presence, true);
        if (rc)
            return rc;
    }
    return WARD_OK;
}

static int raise_by(struct gathering *g, struct ward_vv *vv, const struct ward_dep *d)
{
    return ward_dep_is_own(d) ? WARD_OK : ward_dep_see(g->r, vv, d, NULL);
}

static int note_change(struct gathering *g, uint64_t seq, const struct ward_change *ch)
{
    const struct ward_scratch *s = &g->r->scratch;
    struct ward_vv own_deps = {0};
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < ch->dep_count; i++) {
        rc = raise_by(g, &g->seen, &s->deps[ch->dep_first + i]);
        if (!rc && ch->late)
            rc = raise_by(g, &own_deps, &s->deps[ch->dep_first + i]);
    }
    if (rc || seq < g->from) {
        ward_vv_free(&own_deps, &g->r->env);
        return rc;
    }
    if (ward_grow(&g->r->env, (void **)&g->stories, &g->story_cap, g->story_count, sizeof *g->stories)) {
        ward_vv_free(&own_deps, &g->r->env);
        return WARD_ERR_MEMORY;
    }
    struct story *story = &g->stories[g->story_count++];
    uint64_t all = g->from - 1;
    *story = (struct story){.own_seen = all, .wall_ms = ch->wall_ms, .seen = own_deps, .first = g->told_count};
    if (ch->late)
        story->own_seen = ch->own_seen < all ? ch->own_seen : all;
    else
        rc = ward_vv_copy(&story->seen, &g->r->env, &g->seen);
    for (size_t i = 0; !rc && i < ch->op_count; i++)
        rc = tell(g, &s->ops[ch->op_first + i], false);
    if (!rc)
        rc = tell_presence(g, ch, s->ops + ch->op_first);
    story->count = g->told_count - story->first;
    return rc;
}

/* The first write of a slot, in the order of slots; NULL if there is none. */
static struct told **slot_of(struct gathering *g, const struct ward_op *op)
{
    size_t low = 0, high = g->told_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare_slots(&g->order[mid]->op, op) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < g->told_count && compare_slots(&g->order[low]->op, op) == 0 ? &g->order[low] : NULL;
}

/* The last write of a slot. */
static struct told *last_of(struct gathering *g, const struct ward_op *op)
{
    struct told **at = slot_of(g, op), **end = g->order + g->told_count;
    while (at && at + 1 < end && compare_slots(&at[1]->op, op) == 0)
        at++;
    return at ? *at : NULL;
}

static int sort_out(struct gathering *g)
{
    g->order = ward_arena_take(&g->arena, (g->told_count + 1) * sizeof(struct told *));
    if (!g->order)
        return WARD_ERR_MEMORY;
    for (size_t i = 0; i < g->told_count; i++)
        g->order[i] = &g->told[i];
    if (g->told_count)
        qsort(g->order, g->told_count, sizeof *g->order, by_slot);
    for (size_t i = 0; i + 1 < g->told_count; i++)
        g->order[i]->replaced = compare_slots(&g->order[i]->op, &g->order[i + 1]->op) == 0;
    return WARD_OK;
}

/* What the feed's total was before: to be taken off, once. */
static int note_total_before(struct gathering *g, uint64_t seq, const struct ward_change *ch)
{
    (void)seq;
    for (size_t i = 0; i < ch->op_count; i++) {
        const struct ward_op *op = &g->r->scratch.ops[ch->op_first + i];
        struct told *t = ward_field_class(op->field) == WARD_TALLY ? last_of(g, op) : NULL;
        if (t)
            t->op.value.integer = op->value.integer; /* the last one before stays */
    }
    return WARD_OK;
}

/* Where the log of the feed begins: what lies below went into the space's base. */
static uint64_t trunk_base(const ward_replica *r, uint32_t fid)
{
    return ward_directory_trunk(&r->dir, ward_directory_feed(&r->dir, fid))->base;
}

/* The same where the base holds it. It is still the live one, unless what is to be told has replaced it here: then the base itself says. */
static int find_total_before(struct gathering *g, struct told *t, struct ward_error *err)
{
    const struct ward_feed *trunk = ward_directory_trunk(&g->r->dir, ward_directory_feed(&g->r->dir, g->fid));
    struct ward_state state;
    size_t conflicts;
    ward_state_init(&state, &g->arena);
    int rc = ward_store_get_record(g->r->store, trunk->sid, t->op.kind, &t->op.entity, &g->r->dir.authors, &state, &conflicts, err);
    if (rc)
        return rc == WARD_ERR_NOT_FOUND ? WARD_OK : rc;
    const struct ward_slot *slot = ward_state_find(&state, t->op.field, NULL, 0);
    for (size_t i = 0; slot && i < slot->live_count; i++) {
        if (slot->live[i].fid != trunk->fid)
            continue;
        if (slot->live[i].seq >= g->from)
            return ward_base_total(g->r, trunk, t->op.kind, &t->op.entity, t->op.field, &t->op.value.integer, err);
        t->op.value.integer = ward_live_decode(&slot->live[i]).integer;
    }
    return WARD_OK;
}

static int find_totals_before(struct gathering *g, struct ward_error *err)
{
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < g->told_count; i++)
        if (ward_field_class(g->told[i].op.field) == WARD_TALLY && !g->told[i].replaced)
            rc = find_total_before(g, &g->told[i], err);
    return rc;
}

/* The row whose own changes hold this seq. */
static uint32_t row_at(const ward_replica *r, uint32_t fid, uint64_t seq)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid);
    while (f->parent && seq <= f->base)
        f = ward_directory_feed(&r->dir, f->parent);
    return f->fid;
}

static int each_change(struct gathering *g, uint64_t first, uint64_t last,
                       int (*fn)(struct gathering *g, uint64_t seq, const struct ward_change *ch), struct ward_error *err)
{
    ward_replica *r = g->r;
    struct ward_segment seg = {0};
    struct ward_buf raw;
    ward_buf_init(&raw, &r->env);
    int rc = WARD_OK;
    for (uint64_t seq = first; !rc && seq <= last;) {
        size_t at = 0, used = 0;
        rc = ward_store_find_segment(r->store, row_at(r, g->fid, seq), seq, &seg, err);
        if (!rc)
            rc = ward_store_unpack(r->store, &seg, &raw, err);
        for (uint64_t i = seg.first; !rc && i < seg.first + seg.count && i <= last; i++, at += used) {
            ward_scratch_clear(&r->scratch);
            rc = ward_change_parse(&r->scratch, raw.p + at, raw.len - at, &used, err);
            if (!rc && i >= seq && row_at(r, g->fid, i) == seg.fid) {
                rc = fn(g, i, &r->scratch.changes[0]);
                seq = i + 1;
                if (rc)
                    ward_fail(err, rc, "late changes");
            }
        }
    }
    ward_buf_free(&raw);
    return rc;
}

/* ---- preparing */

struct draft {
    struct gathering *g;
    const struct story *story;
    struct ward_dep *deps;
    size_t dep_count;
    struct ward_op *ops;
    size_t op_count, bytes;
    ward_late_fn *fn;
    void *ctx;
};

static int by_feed(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_dep *)a)->feed, &((const struct ward_dep *)b)->feed);
}

/* The hash by which a dep is named. Below what is settled it is not looked up, and may be gone with the log: then the settled one stands
 * for it. *known false: it lies before the base that somebody gave, or on a chain that gave way, and nobody could look it up. */
static int name_dep(ward_replica *r, uint32_t fid, struct ward_dep *dep, bool *known, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, fid), *trunk = ward_directory_trunk(&r->dir, f);
    uint64_t depth;
    *known = true;
    if (dep->seq == 0 || (dep->seq >= trunk->base && dep->seq <= f->head_seq))
        return ward_chain_at(r, fid, dep->seq, &dep->hash, &depth, err);
    *known = dep->seq <= trunk->settled.seq;
    dep->hash = *known ? trunk->settled.hash : trunk->base_hash;
    return WARD_OK;
}

/* The own feed first: it must not be left out. */
static int gather_deps(struct draft *d, struct ward_error *err)
{
    ward_replica *r = d->g->r;
    const struct ward_feed *f = ward_directory_feed(&r->dir, d->g->fid);
    bool known;
    d->deps = ward_arena_take(&d->g->arena, (d->story->seen.len + 1) * sizeof *d->deps);
    if (!d->deps)
        return ward_fail(err, WARD_ERR_MEMORY, "late changes");
    d->deps[0] = (struct ward_dep){.feed = f->id, .seq = d->story->own_seen};
    int rc = name_dep(r, f->fid, &d->deps[0], &known, err);
    d->dep_count = 1;
    for (size_t i = 0; !rc && i < d->story->seen.len && d->dep_count < WARD_DEPS_MAX; i++) {
        const struct ward_vv_entry *e = &d->story->seen.v[i];
        struct ward_dep *dep = &d->deps[d->dep_count];
        *dep = (struct ward_dep){.feed = ward_directory_feed(&r->dir, e->fid)->id, .seq = e->seq};
        rc = name_dep(r, e->fid, dep, &known, err);
        bool again =
            !known; /* to have seen less is safe; of two branches of one feed one name is enough, they part where nothing has effect */
        for (size_t j = 0; j < d->dep_count; j++)
            again |= ward_hash_compare(&d->deps[j].feed, &dep->feed) == 0;
        d->dep_count += !again;
    }
    return rc;
}

static int hand_over(struct draft *d, struct ward_error *err)
{
    struct ward_buf body;
    size_t room = WARD_BODY_MAX - 2048, need = d->bytes, deps = d->dep_count;
    if (d->op_count == 0)
        return WARD_OK;
    while (deps > 1 && need + deps * 80 > room) /* to have seen less is safe */
        deps--;
    struct ward_dep *chosen = ward_arena_copy(&d->g->arena, d->deps, deps * sizeof *chosen);
    if (!chosen)
        return ward_fail(err, WARD_ERR_MEMORY, "late changes");
    qsort(chosen, deps, sizeof *chosen, by_feed);
    ward_ops_number(d->ops, d->op_count);
    ward_buf_init(&body, &d->g->r->env);
    ward_change_write(&body, d->story->wall_ms, 1, chosen, deps, d->ops, d->op_count);
    int rc = ward_buf_status(&body) ? ward_fail(err, WARD_ERR_MEMORY, "late changes") : d->fn(d->ctx, body.p, body.len);
    ward_buf_free(&body);
    d->op_count = d->bytes = 0;
    return rc;
}

static int put(struct draft *d, const struct ward_op *op, struct ward_error *err)
{
    size_t size = op->raw_len + op->key_len + 32;
    if (d->op_count && (d->op_count + 2 > WARD_OPS_MAX || d->bytes + size > WARD_BODY_MAX / 2)) {
        int rc = hand_over(d, err);
        if (rc)
            return rc;
    }
    d->ops[d->op_count++] = *op;
    d->bytes += size;
    return WARD_OK;
}

/* The last word of the story on whether the record exists, where it is that it does not: every piece must say so, or it would say the
 * contrary unsaid. */
static const struct ward_op *gone_in_the_end(struct gathering *g, const struct ward_op *op)
{
    struct ward_op presence = {.kind = op->kind, .entity = op->entity, .field = WARD_FIELD_PRESENCE};
    const struct told *last = last_of(g, &presence);
    return last && last->op.raw_len == 1 && last->op.raw[0] == 0xf4 ? &last->op : NULL;
}

static bool says(const struct draft *d, const struct ward_op *op)
{
    for (size_t i = 0; i < d->op_count; i++)
        if (compare_slots(&d->ops[i], op) == 0)
            return true;
    return false;
}

static int put_told(struct draft *d, const struct told *t, struct ward_error *err)
{
    struct ward_op op = t->op;
    struct ward_buf sum;
    if (t->replaced || t->implied)
        return WARD_OK;
    if (ward_field_class(op.field) == WARD_TALLY) {
        struct ward_live_value total = {.raw = op.raw, .len = op.raw_len};
        ward_buf_init(&sum, &d->g->r->env);
        ward_put_int(&sum, (int64_t)((uint64_t)ward_live_decode(&total).integer - (uint64_t)op.value.integer));
        op.raw = ward_buf_status(&sum) ? NULL : ward_arena_copy(&d->g->arena, sum.p, sum.len);
        op.raw_len = sum.len;
        ward_buf_free(&sum);
        if (!op.raw)
            return ward_fail(err, WARD_ERR_MEMORY, "late changes");
    }
    const struct ward_op *gone = op.field == WARD_FIELD_PRESENCE ? NULL : gone_in_the_end(d->g, &op);
    int rc = put(d, &op, err);
    if (!rc && gone && !says(d, gone))
        rc = put(d, gone, err);
    return rc;
}

static int prepare_story(struct gathering *g, const struct story *story, ward_late_fn *fn, void *ctx, struct ward_error *err)
{
    struct draft d = {.g = g, .story = story, .fn = fn, .ctx = ctx};
    d.ops = ward_arena_take(&g->arena, WARD_OPS_MAX * sizeof *d.ops);
    int rc = d.ops ? gather_deps(&d, err) : ward_fail(err, WARD_ERR_MEMORY, "late changes");
    for (size_t i = 0; !rc && i < story->count; i++)
        rc = put_told(&d, &g->told[story->first + i], err);
    return rc ? rc : hand_over(&d, err);
}

int ward_late_prepare(ward_replica *r, uint32_t fid, uint64_t from, uint64_t to, ward_late_fn *fn, void *ctx, struct ward_error *err)
{
    struct gathering g = {.r = r, .fid = fid, .from = from};
    ward_arena_init(&g.arena, &r->env);
    const uint64_t base = trunk_base(r, fid);
    int rc = base ? ward_vv_at(r, fid, base, &g.seen, err) : WARD_OK;
    if (!rc)
        rc = each_change(&g, base + 1, to, note_change, err);
    if (!rc && sort_out(&g))
        rc = ward_fail(err, WARD_ERR_MEMORY, "late changes");
    for (size_t i = 0; !rc && i < g.told_count; i++)
        g.told[i].op.value = (struct ward_value){.type = WARD_INT};
    if (!rc && base)
        rc = find_totals_before(&g, err);
    if (!rc && from > base + 1)
        rc = each_change(&g, base + 1, from - 1, note_total_before, err);
    for (size_t i = 0; !rc && i < g.story_count; i++)
        rc = prepare_story(&g, &g.stories[i], fn, ctx, err);
    for (size_t i = 0; i < g.story_count; i++)
        ward_vv_free(&g.stories[i].seen, &r->env);
    ward_vv_free(&g.seen, &r->env);
    ward_release(&r->env, g.stories);
    ward_release(&r->env, g.told);
    ward_arena_free(&g.arena);
    return rc;
}

/* ---- writing */

static int held_depth(ward_replica *r, const struct ward_dep *d, uint64_t *depth, struct ward_error *err)
{
    const struct ward_feed *row = NULL;
    bool beside = false;
    int rc = ward_dep_find(r, d, &row, depth, err);
    if (!rc && row)
        rc = ward_beside_at(r, row, d->seq, &beside, err);
    return !rc && (!row || beside) ? WARD_ERR_DEP_MISSING : rc;
}

/* The deps as the writing feed has to name them, and the depth that follows. */
static int name_deps(struct ward_pen *pen, const struct ward_scratch *s, struct ward_arena *arena, struct ward_dep **out, size_t *count,
                     uint64_t *depth, struct ward_error *err)
{
    ward_replica *r = pen->a->r;
    const struct ward_feed *own = ward_directory_feed(&r->dir, pen->fid);
    const struct ward_change *ch = &s->changes[0];
    struct ward_dep *deps = ward_arena_take(arena, (ch->dep_count + 1) * sizeof *deps);
    struct ward_dep mark = {.feed = own->id, .hash = own->id};
    size_t n = 0;
    if (!deps)
        return ward_fail(err, WARD_ERR_MEMORY, "late changes");
    *depth = own->head_depth;
    for (size_t i = 0; i < ch->dep_count; i++) {
        const struct ward_dep *d = &s->deps[ch->dep_first + i];
        const struct ward_feed *f = ward_directory_feed_by_id(&r->dir, &d->feed);
        uint64_t at;
        if (f == own) {
            mark.seq = d->seq < own->head_seq ? d->seq : own->head_seq;
            continue;
        }
        if (!f || d->seq == 0 || n + 1 >= WARD_DEPS_MAX)
            continue;
        int rc = held_depth(r, d, &at, err);
        if (rc == WARD_ERR_DEP_MISSING || rc == WARD_ERR_DEP_HASH)
            continue;
        if (rc)
            return rc;
        deps[n++] = *d;
        *depth = at > *depth ? at : *depth;
    }
    deps[n++] = mark;
    qsort(deps, n, sizeof *deps, by_feed);
    *depth += 1;
    *out = deps;
    *count = n;
    return WARD_OK;
}

/* What is to be added becomes the writing feed's new total. */
static int total_up(struct ward_pen *pen, struct ward_arena *arena, struct ward_op *op, struct ward_error *err)
{
    const struct ward_state *state;
    int rc = ward_apply_peek(pen->a, pen->sid, op->kind, &op->entity, &state, err);
    if (rc)
        return rc;
    const struct ward_slot *slot = state ? ward_state_find(state, op->field, NULL, 0) : NULL;
    int64_t total = op->value.integer;
    for (size_t i = 0; slot && i < slot->live_count; i++)
        if (slot->live[i].fid == pen->fid) {
            int64_t before = ward_live_decode(&slot->live[i]).integer;
            bool fits = total >= 0 ? before <= INT64_MAX - total : before >= INT64_MIN - total;
            total = fits ? total + before : total >= 0 ? INT64_MAX : INT64_MIN;
        }
    struct ward_buf b;
    ward_buf_init(&b, &pen->a->r->env);
    ward_put_int(&b, total);
    op->raw = ward_buf_status(&b) ? NULL : ward_arena_copy(arena, b.p, b.len);
    op->raw_len = b.len;
    ward_buf_free(&b);
    return op->raw ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "late changes");
}

int ward_late_write(struct ward_pen *pen, const uint8_t *body, size_t len, struct ward_error *err)
{
    struct ward_scratch s;
    struct ward_arena arena;
    struct ward_dep *deps = NULL;
    size_t dep_count = 0, used;
    uint64_t depth = 0;
    ward_scratch_init(&s, &pen->a->r->env);
    ward_arena_init(&arena, &pen->a->r->env);
    int rc = ward_change_parse(&s, body, len, &used, err);
    if (!rc)
        rc = name_deps(pen, &s, &arena, &deps, &dep_count, &depth, err);
    for (size_t i = 0; !rc && i < s.changes[0].op_count; i++)
        if (ward_field_class(s.ops[i].field) == WARD_TALLY)
            rc = total_up(pen, &arena, &s.ops[i], err);
    if (!rc)
        rc = ward_pen_write(pen, s.changes[0].wall_ms, depth, deps, dep_count, s.ops, s.changes[0].op_count, err);
    ward_scratch_free(&s);
    ward_arena_free(&arena);
    return rc;
}
