#include "replica/apply.h"
#include "base/alloc.h"
#include "base/err.h"
#include "replica/base.h"
#include "rules/view.h"
#include "values/feed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS       4096u
#define MEMORY_BUDGET (8u << 20) /* records held before they are written out */

struct ward_cached {
    struct ward_cached *next;
    uint32_t sid, kind;
    struct ward_id entity;
    struct ward_state state;
    size_t conflicts;                  /* as stored */
    struct ward_index_entries entries; /* as stored; known while it is dirty */
    bool stored, dirty;
};

static size_t bucket_of(uint32_t sid, uint32_t kind, const struct ward_id *entity)
{
    uint64_t low, high;
    memcpy(&low, entity->b, 8);
    memcpy(&high, entity->b + 8, 8);
    uint64_t h = (low ^ (high * 0x9e3779b97f4a7c15u)) + (uint64_t)sid * 0x85ebca6bu + kind;
    return (size_t)((h ^ (h >> 29)) % BUCKETS);
}

static int forget_records(struct ward_apply *a, struct ward_error *err)
{
    ward_arena_reset(&a->arena);
    a->record_count = 0;
    a->buckets = ward_arena_take(&a->arena, BUCKETS * sizeof *a->buckets);
    return a->buckets ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "records");
}

/* Plain tables that another schema made are filled anew before anything is written to them. */
static int renew_plain(struct ward_apply *a, struct ward_error *err)
{
    if (!ward_store_plain_stale(a->r->store))
        return WARD_OK;
    int rc = ward_store_plain_renew(a->r->store, err);
    for (uint32_t sid = 1; !rc && sid <= a->r->dir.space_count; sid++)
        rc = ward_apply_reshow(a, sid, err);
    return rc;
}

int ward_apply_begin(struct ward_apply *a, ward_replica *r, struct ward_error *err)
{
    *a = (struct ward_apply){.r = r};
    ward_arena_init(&a->arena, &r->env);
    int rc = forget_records(a, err);
    if (!rc)
        rc = ward_store_begin(r->store, err);
    if (rc) {
        ward_arena_free(&a->arena);
        return rc;
    }
    rc = ward_replica_refresh(r, err);
    if (!rc)
        rc = renew_plain(a, err);
    return rc ? ward_apply_end(a, rc, err) : WARD_OK;
}

static int fetch(struct ward_apply *a, uint32_t sid, uint32_t kind, const struct ward_id *entity, struct ward_cached **out,
                 struct ward_error *err)
{
    struct ward_cached **head = &a->buckets[bucket_of(sid, kind, entity)];
    for (struct ward_cached *c = *head; c; c = c->next)
        if (c->sid == sid && c->kind == kind && ward_id_equal(&c->entity, entity)) {
            *out = c;
            return WARD_OK;
        }
    struct ward_cached *c = ward_arena_take(&a->arena, sizeof *c);
    if (!c)
        return ward_fail(err, WARD_ERR_MEMORY, "records");
    *c = (struct ward_cached){.sid = sid, .kind = kind, .entity = *entity};
    ward_state_init(&c->state, &a->arena);
    int rc = ward_store_get_record(a->r->store, sid, kind, entity, &a->r->dir.authors, &c->state, &c->conflicts, err);
    if (rc && rc != WARD_ERR_NOT_FOUND)
        return rc;
    c->stored = rc == WARD_OK;
    c->next = *head;
    *head = c;
    a->record_count++;
    *out = c;
    return WARD_OK;
}

int ward_apply_peek(struct ward_apply *a, uint32_t sid, uint32_t kind, const struct ward_id *entity, const struct ward_state **out,
                    struct ward_error *err)
{
    struct ward_cached *c;
    int rc = fetch(a, sid, kind, entity, &c, err);
    if (!rc)
        *out = c->stored || c->dirty ? &c->state : NULL;
    return rc;
}

/* ---- writing out */

static int show(struct ward_apply *a, const struct ward_kind_def *kind, const struct ward_cached *c, size_t conflicts,
                struct ward_error *err)
{
    struct ward_store *store = a->r->store;
    if (!ward_state_present(&c->state))
        return c->stored ? ward_store_delete_plain(store, c->sid, kind, &c->entity, err) : WARD_OK;
    struct ward_value *values = ward_arena_take(&a->arena, (kind->field_count + 1) * sizeof *values);
    if (!values)
        return ward_fail(err, WARD_ERR_MEMORY, "plain row");
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct ward_field_def *f = &kind->fields[i];
        if (f->policy != WARD_ADD_WINS)
            values[i] = ward_view_value(f, &c->state, &a->r->dir.authors);
        else if (ward_view_members(&values[i], f, &c->state))
            return ward_fail(err, WARD_ERR_MEMORY, "plain row");
    }
    return ward_store_put_plain(store, c->sid, kind, &c->entity, conflicts, values, err);
}

/* kind NULL: one that the schema does not know, or no longer: it has none. */
static int note_conflicts(struct ward_apply *a, const struct ward_kind_def *kind, const struct ward_cached *c, struct ward_error *err)
{
    int rc = ward_store_clear_conflicts(a->r->store, c->sid, c->kind, &c->entity, err);
    for (size_t i = 0; !rc && kind && i < c->state.slot_count; i++) {
        const struct ward_slot *slot = &c->state.slots[i];
        if (!ward_slot_in_conflict(ward_kind_field(kind, slot->field), slot, &a->r->dir.authors))
            continue;
        struct ward_store_conflict row = {.sid = c->sid, .kind = c->kind, .field = slot->field, .entity = c->entity};
        ward_conflict_id(&row.id, &ward_directory_space(&a->r->dir, c->sid)->id, c->kind, &c->entity, slot->field);
        rc = ward_store_put_conflict(a->r->store, &row, err);
    }
    return rc;
}

static int entries_of(struct ward_apply *a, const struct ward_kind_def *kind, const struct ward_cached *c, struct ward_index_entries *out,
                      struct ward_error *err)
{
    int rc = ward_index_entries(out, a->r->schema, kind, &c->state, &a->r->dir.authors, &a->arena);
    return rc ? ward_fail(err, rc, "index") : WARD_OK;
}

/* What it stood under and does so no more goes, what is new comes; most edits move nothing. */
static int move_entries(struct ward_apply *a, const struct ward_cached *c, const struct ward_index_entries *now, struct ward_error *err)
{
    const struct ward_index_entries *was = &c->entries;
    size_t i = 0, j = 0;
    int rc = WARD_OK;
    while (!rc && (i < was->count || j < now->count)) {
        int order = i == was->count ? 1 : j == now->count ? -1 : ward_index_compare(&was->v[i], &now->v[j]);
        if (order < 0)
            rc = ward_store_drop_entry(a->r->store, &was->v[i], c->sid, &c->entity, err);
        else if (order > 0)
            rc = ward_store_put_entry(a->r->store, &now->v[j], c->sid, &c->entity, err);
        i += order <= 0;
        j += order >= 0;
    }
    return rc;
}

static int write_entries(struct ward_apply *a, const struct ward_kind_def *kind, struct ward_cached *c, struct ward_error *err)
{
    struct ward_index_entries now;
    int rc = entries_of(a, kind, c, &now, err);
    if (!rc)
        rc = move_entries(a, c, &now, err);
    c->entries = now;
    return rc;
}

static int write_record(struct ward_apply *a, struct ward_cached *c, struct ward_error *err)
{
    const struct ward_kind_def *kind = ward_schema_kind(a->r->schema, c->kind);
    size_t conflicts = ward_state_conflicts(kind, &c->state, &a->r->dir.authors);
    struct ward_buf *buf = &a->r->packed;
    ward_buf_clear(buf);
    ward_state_encode(buf, &c->state);
    if (ward_buf_status(buf))
        return ward_fail(err, WARD_ERR_MEMORY, "record");
    int rc = ward_store_put_record(a->r->store, c->sid, c->kind, &c->entity, buf->p, buf->len, conflicts, err);
    if (!rc && (conflicts || c->conflicts))
        rc = note_conflicts(a, kind, c, err);
    if (!rc && kind)
        rc = show(a, kind, c, conflicts, err);
    if (!rc)
        rc = write_entries(a, kind, c, err);
    if (conflicts > c->conflicts)
        a->conflicts_new += conflicts - c->conflicts;
    c->conflicts = conflicts;
    c->stored = true;
    c->dirty = false;
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct ward_cached *x = *(struct ward_cached *const *)a, *y = *(struct ward_cached *const *)b;
    if (x->sid != y->sid)
        return x->sid < y->sid ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return memcmp(x->entity.b, y->entity.b, sizeof x->entity.b);
}

/* In the order in which the store keeps them: its pages are filled one after another, and stay fuller for it. */
int ward_apply_write(struct ward_apply *a, struct ward_error *err)
{
    size_t count = 0;
    struct ward_cached **dirty = ward_arena_take(&a->arena, (a->record_count + 1) * sizeof(struct ward_cached *));
    if (!dirty)
        return ward_fail(err, WARD_ERR_MEMORY, "records");
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct ward_cached *c = a->buckets[i]; c; c = c->next)
            if (c->dirty)
                dirty[count++] = c;
    qsort(dirty, count, sizeof(struct ward_cached *), by_place);
    for (size_t i = 0; i < count; i++) {
        int rc = write_record(a, dirty[i], err);
        if (rc)
            return rc;
    }
    return WARD_OK;
}

static int within_budget(struct ward_apply *a, struct ward_error *err)
{
    if (a->arena.used < MEMORY_BUDGET)
        return WARD_OK;
    int rc = ward_apply_write(a, err);
    return rc ? rc : forget_records(a, err);
}

/* ---- one change */

/* What came with a change's deps is seen by its feed from now on. A late change itself had seen its deps and no more. */
static int see(struct ward_apply *a, struct ward_feed *f, const struct ward_change *ch, const struct ward_dep *deps, struct ward_error *err)
{
    ward_replica *r = a->r;
    int rc = WARD_OK;
    a->context.len = 0;
    for (size_t i = 0; !rc && i < ch->dep_count; i++) {
        if (ward_dep_is_own(&deps[i]))
            continue;
        rc = ward_dep_see(r, &f->vv, &deps[i], err);
        if (!rc && ch->late)
            rc = ward_dep_see(r, &a->context, &deps[i], err);
    }
    return rc;
}

/* Before a record is changed: where it stands in the indexes, if it is the first time. */
static int touch(struct ward_apply *a, struct ward_cached *c, struct ward_error *err)
{
    int rc = c->dirty || !c->stored ? WARD_OK : entries_of(a, ward_schema_kind(a->r->schema, c->kind), c, &c->entries, err);
    c->dirty = c->dirty || !rc;
    return rc;
}

static int write_slot(struct ward_apply *a, const struct ward_feed *f, struct ward_cached *c, const struct ward_write *w,
                      struct ward_error *err)
{
    int rc = touch(a, c, err);
    if (rc)
        return rc;
    rc = ward_slot_write(&c->state, w, w->late ? &a->context : &f->vv, &a->r->dir.authors);
    return rc ? ward_fail(err, rc, "slot") : WARD_OK;
}

static int apply_op(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, const struct ward_change *ch, const struct ward_op *op,
                    struct ward_error *err)
{
    struct ward_cached *c;
    int rc = fetch(a, f->sid, op->kind, &op->entity, &c, err);
    struct ward_write w = {.field = op->field,
                           .key = op->key,
                           .key_len = op->key_len,
                           .raw = op->raw,
                           .raw_len = op->raw_len,
                           .fid = f->fid,
                           .seq = seq,
                           .depth = ch->depth,
                           .late = ch->late,
                           .own_seen = ch->own_seen};
    return rc ? rc : write_slot(a, f, c, &w, err);
}

/* Each record written without a word on its presence is thereby said to exist (proto/change.md). */
static int imply_presence(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, const struct ward_change *ch,
                          const struct ward_op *ops, struct ward_error *err)
{
    static const uint8_t yes[] = {0xf5};
    for (uint32_t record = 0; record < ch->record_count; record++) {
        const struct ward_op *first = NULL;
        bool explicit_word = false;
        for (size_t i = 0; i < ch->op_count; i++) {
            if (ops[i].record != record)
                continue;
            first = first ? first : &ops[i];
            explicit_word |= ops[i].field == WARD_FIELD_PRESENCE;
        }
        if (explicit_word)
            continue;
        assert(first); /* records are numbered by the operations that name them */
        struct ward_op presence = {.kind = first->kind, .entity = first->entity, .field = WARD_FIELD_PRESENCE, .raw = yes, .raw_len = 1};
        int rc = apply_op(a, f, seq, ch, &presence, err);
        if (rc)
            return rc;
    }
    return WARD_OK;
}

static int keep_cut(struct ward_apply *a, const struct ward_cut *cut, struct ward_error *err)
{
    struct ward_buf body;
    ward_buf_init(&body, &a->r->env);
    ward_cut_write(&body, cut->entries, cut->entry_count);
    int rc = ward_buf_status(&body) ? ward_fail(err, WARD_ERR_MEMORY, "cut") : ward_store_put_cut(a->r->store, cut, body.p, body.len, err);
    ward_buf_free(&body);
    return rc;
}

static int note_cut(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, uint64_t depth, const struct ward_op *op,
                    struct ward_error *err)
{
    struct ward_cut cut = {.fid = f->fid,
                           .seq = seq,
                           .depth = depth,
                           .rank = ward_role_rules(f->role)->rank,
                           .author_feed = f->id,
                           .author_grant = f->grant,
                           .grant_entity = op->entity};
    size_t cap = op->raw_len / 64 + 1, count;
    struct ward_cut_entry *entries = ward_alloc(&a->r->env, cap * sizeof *entries);
    if (!entries)
        return ward_fail(err, WARD_ERR_MEMORY, "cut");
    int rc = WARD_OK;
    if (ward_cut_parse(entries, cap, &count, op->raw, op->raw_len) == WARD_OK) {
        rc = ward_directory_add_cut(&a->r->dir, &cut, entries, count) ? ward_fail(err, WARD_ERR_MEMORY, "cut") : WARD_OK;
        if (!rc)
            rc = keep_cut(a, ward_directory_cut(&a->r->dir, f->fid, seq, &op->entity), err);
        a->authority_changed = true;
    }
    ward_release(&a->r->env, entries);
    return rc;
}

static int note_grant(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, const struct ward_op *op, struct ward_error *err)
{
    struct ward_grant g;
    struct ward_id entity;
    if (op->value.type != WARD_BYTES || ward_grant_parse(&g, op->value.p, op->value.len, NULL))
        return WARD_OK; /* anything else written here has no effect */
    ward_grant_entity(&entity, &g.id);
    if (!ward_id_equal(&entity, &op->entity))
        return WARD_OK;
    int rc = ward_store_add_grant(a->r->store, &g.id, op->value.p, op->value.len, f->fid, seq, err);
    if (!rc && ward_directory_add_grant(&a->r->dir, &g, f->fid, seq))
        rc = ward_fail(err, WARD_ERR_MEMORY, "grant");
    a->authority_changed = true;
    return rc;
}

static int note_floor(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, uint32_t nth, const struct ward_op *op,
                      struct ward_error *err)
{
    size_t cap = op->raw_len / 64 + 1, count;
    struct ward_floor_entry *entries = ward_alloc(&a->r->env, cap * sizeof *entries);
    struct ward_store_floor row = {.fid = f->fid, .seq = seq, .nth = nth, .space = op->entity, .body = op->raw, .len = op->raw_len};
    struct ward_hash name;
    if (!entries)
        return ward_fail(err, WARD_ERR_MEMORY, "floor");
    int rc = WARD_OK;
    if (ward_floor_parse(entries, cap, &count, op->raw, op->raw_len) == WARD_OK) {
        ward_floor_name(&name, op->raw, op->raw_len);
        if (ward_directory_add_floor(&a->r->dir, &op->entity, &name, entries, count))
            rc = ward_fail(err, WARD_ERR_MEMORY, "floor");
        else
            rc = ward_store_put_floor(a->r->store, &row, err);
        a->authority_changed = true; /* it may have been closed before it came */
    }
    ward_release(&a->r->env, entries);
    return rc;
}

static int note_closing(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, uint64_t depth, uint32_t nth,
                        const struct ward_op *op, struct ward_error *err)
{
    struct ward_closing c = {.fid = f->fid,
                             .seq = seq,
                             .depth = depth,
                             .nth = nth,
                             .rank = ward_role_rules(f->role)->rank,
                             .author_feed = f->id,
                             .space = op->entity};
    if (op->value.type != WARD_BYTES || op->value.len != sizeof c.name.b)
        return WARD_OK;
    memcpy(c.name.b, op->value.p, sizeof c.name.b);
    struct ward_store_floor row = {.fid = f->fid,
                                   .seq = seq,
                                   .nth = nth,
                                   .space = op->entity,
                                   .closes = true,
                                   .depth = depth,
                                   .body = c.name.b,
                                   .len = sizeof c.name.b};
    if (ward_directory_add_closing(&a->r->dir, &c))
        return ward_fail(err, WARD_ERR_MEMORY, "floor");
    a->authority_changed = true;
    return ward_store_put_floor(a->r->store, &row, err);
}

static int note_word(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, uint64_t depth, uint32_t nth, const struct ward_op *op,
                     struct ward_error *err)
{
    if (op->kind == WARD_KIND_GRANT && op->field == WARD_GRANT_BODY)
        return note_grant(a, f, seq, op, err);
    if (op->kind == WARD_KIND_GRANT && op->field == WARD_GRANT_CUT)
        return note_cut(a, f, seq, depth, op, err);
    if (op->kind == WARD_KIND_FLOOR && op->field == WARD_FLOOR_HEADS)
        return note_floor(a, f, seq, nth, op, err);
    if (op->kind == WARD_KIND_FLOOR && op->field == WARD_FLOOR_CLOSED)
        return note_closing(a, f, seq, depth, nth, op, err);
    return WARD_OK;
}

/* Grants, cuts and floors are noted whether or not the change has effect: which of them count is judged over all of them. */
int ward_apply_authority(struct ward_apply *a, const struct ward_feed *f, uint64_t seq, const struct ward_change *ch,
                         const struct ward_op *ops, struct ward_error *err)
{
    const struct ward_space *space = ward_directory_space(&a->r->dir, f->sid);
    bool before = a->authority_changed;
    int rc = WARD_OK;
    if (space->circle_count)
        return WARD_OK;
    a->authority_changed = false;
    for (size_t i = 0; !rc && i < ch->op_count; i++)
        rc = note_word(a, f, seq, ch->depth, (uint32_t)i, &ops[i], err);
    if (a->authority_changed)
        ward_directory_judge(&a->r->dir);
    a->authority_changed |= before;
    return rc;
}

/* Limits may fall and rise again within one transaction, so the state may come to lack what the last limit grants. */
static void note_applied(struct ward_feed *f, uint64_t seq)
{
    if (seq > f->limit && f->applied_limit >= seq)
        f->applied_limit = seq - 1;
    else if (seq <= f->limit && f->applied_limit + 1 < seq && f->applied_limit != UINT64_MAX)
        f->torn = true;
    else if (seq <= f->limit && f->applied_limit < seq)
        f->applied_limit = seq;
}

static int apply_ops(struct ward_apply *a, struct ward_feed *f, uint64_t seq, const struct ward_change *ch, const struct ward_op *ops,
                     struct ward_error *err)
{
    int rc = WARD_OK;
    note_applied(f, seq);
    if (seq > f->limit)
        return WARD_OK;
    for (size_t i = 0; !rc && i < ch->op_count; i++)
        rc = apply_op(a, f, seq, ch, &ops[i], err);
    if (!rc)
        rc = imply_presence(a, f, seq, ch, ops, err);
    return rc ? rc : within_budget(a, err);
}

int ward_apply_change(struct ward_apply *a, uint32_t fid, uint64_t seq, const struct ward_change *ch, const struct ward_scratch *scratch,
                      struct ward_error *err)
{
    struct ward_feed *f = ward_directory_feed(&a->r->dir, fid);
    const struct ward_op *ops = scratch->ops + ch->op_first;
    int rc = see(a, f, ch, ward_change_deps(scratch, ch), err);
    if (!rc)
        rc = ward_apply_authority(a, f, seq, ch, ops, err);
    a->changes++;
    return rc ? rc : apply_ops(a, f, seq, ch, ops, err);
}

/* ---- whole spaces */

struct reshow {
    struct ward_apply *a;
    struct ward_error *err;
};

static int reshow_record(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct reshow *x = ctx;
    struct ward_cached c = {.sid = sid, .kind = kind, .entity = *entity, .conflicts = conflicts};
    ward_state_init(&c.state, &x->a->arena);
    int rc = ward_state_decode(&c.state, &x->a->r->dir.authors, p, len);
    if (rc)
        return ward_fail(x->err, rc, "record");
    const struct ward_kind_def *def = ward_schema_kind(x->a->r->schema, kind);
    size_t now = ward_state_conflicts(def, &c.state, &x->a->r->dir.authors);
    if (now || conflicts)
        rc = note_conflicts(x->a, def, &c, x->err);
    if (!rc && now != conflicts)
        rc = ward_store_put_record(x->a->r->store, sid, kind, entity, p, len, now, x->err);
    if (!rc && def)
        rc = show(x->a, def, &c, now, x->err);
    if (!rc)
        rc = write_entries(x->a, def, &c, x->err);
    if (!rc && x->a->arena.used > MEMORY_BUDGET)
        rc = forget_records(x->a, x->err);
    return rc;
}

int ward_apply_reshow(struct ward_apply *a, uint32_t sid, struct ward_error *err)
{
    struct reshow x = {a, err};
    int rc = ward_apply_write(a, err);
    return rc ? rc : ward_store_each_in_space(a->r->store, sid, reshow_record, &x, err);
}

int ward_apply_restore(struct ward_apply *a, uint32_t sid, uint32_t kind, const struct ward_id *entity, uint32_t field, const void *key,
                       size_t key_len, const struct ward_live_value *v, struct ward_error *err)
{
    struct ward_cached *c;
    int rc = fetch(a, sid, kind, entity, &c, err);
    if (rc)
        return rc;
    rc = touch(a, c, err);
    if (rc)
        return rc;
    rc = ward_slot_restore(&c->state, field, key, key_len, v);
    return rc ? ward_fail(err, rc, "base: a value twice, or no memory") : within_budget(a, err);
}

/* One that cannot be read has lost its entries with its state: the tables are made anew then (doctor.c). */
static int unindex_record(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    static const struct ward_index_entries none;
    struct reshow *x = ctx;
    struct ward_cached c = {.sid = sid, .kind = kind, .entity = *entity, .conflicts = conflicts};
    ward_state_init(&c.state, &x->a->arena);
    int rc = ward_state_decode(&c.state, &x->a->r->dir.authors, p, len);
    if (rc)
        return rc == WARD_ERR_MEMORY ? ward_fail(x->err, rc, "record") : WARD_OK;
    rc = entries_of(x->a, ward_schema_kind(x->a->r->schema, kind), &c, &c.entries, x->err);
    if (!rc)
        rc = move_entries(x->a, &c, &none, x->err);
    return !rc && x->a->arena.used > MEMORY_BUDGET ? forget_records(x->a, x->err) : rc;
}

static int unindex(struct ward_apply *a, uint32_t sid, struct ward_error *err)
{
    struct reshow x = {a, err};
    const struct ward_schema *s = a->r->schema;
    return s && s->index_count ? ward_store_each_in_space(a->r->store, sid, unindex_record, &x, err) : WARD_OK;
}

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
        const struct ward_change *ch = &r->scratch.changes[0];
        rc = see(a, f, ch, ward_change_deps(&r->scratch, ch), err);
        if (!rc)
            rc = apply_ops(a, f, seg->first + i, ch, r->scratch.ops + ch->op_first, err);
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
        rc = forget_records(a, err);
    if (!rc)
        rc = unindex(a, sid, err);
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

/* ---- the end */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How far a feed has effect here. What lies in a base cannot be taken out of it: such a space waits for its history (base.h). */
static uint64_t reach(const struct ward_feed *f, uint64_t limit)
{
    uint64_t end = least(limit, f->head_seq);
    return end < f->base ? f->base : end;
}

/* Cuts and forks may have taken effect from what was applied before, or given it back. */
static int replay_where_judged_anew(struct ward_apply *a, struct ward_error *err)
{
    struct ward_directory *d = &a->r->dir;
    for (uint32_t sid = 1; sid <= d->space_count; sid++) {
        struct ward_space *s = ward_directory_space(d, sid);
        bool stale = false;
        for (size_t i = 0; i < s->feed_count; i++) {
            struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
            stale |= !f->parent && (f->torn || reach(f, f->limit) != reach(f, f->applied_limit));
            f->applied_limit = f->limit;
            f->torn = false;
        }
        int rc = stale ? ward_apply_replay(a, sid, err) : WARD_OK;
        if (rc)
            return rc;
    }
    return WARD_OK;
}

static int write_directory(struct ward_apply *a, struct ward_error *err)
{
    struct ward_directory *d = &a->r->dir;
    for (uint32_t sid = 1; sid <= d->space_count; sid++) {
        struct ward_space *s = ward_directory_space(d, sid);
        bool touched = false;
        for (size_t i = 0; i < s->feed_count; i++) {
            struct ward_feed *f = ward_directory_feed(d, s->feeds[i]);
            int rc = f->dirty ? ward_store_put_feed(a->r->store, f, err) : WARD_OK;
            if (rc)
                return rc;
            touched |= f->dirty;
            f->dirty = false;
        }
        if (!touched && !a->authority_changed) /* a floor may take a branch out of it */
            continue;
        const struct ward_hash before = s->digest;
        ward_directory_digest(d, s);
        if (!touched && ward_hash_compare(&before, &s->digest) == 0)
            continue;
        int rc = ward_store_put_space(a->r->store, s, err);
        if (rc)
            return rc;
    }
    return WARD_OK;
}

int ward_apply_rejudge(struct ward_apply *a, struct ward_error *err)
{
    ward_replica *r = a->r;
    size_t n = r->dir.feed_count;
    struct applied {
        uint64_t limit;
        bool torn;
    } *before = ward_alloc(&r->env, (n + 1) * sizeof *before);
    if (!before)
        return ward_fail(err, WARD_ERR_MEMORY, "directory");
    for (size_t i = 0; i < n; i++)
        before[i] = (struct applied){r->dir.feeds[i].applied_limit, r->dir.feeds[i].torn};
    int rc = write_directory(a, err);
    if (!rc)
        rc = ward_replica_reload(r, err);
    for (size_t i = 0; !rc && i < n; i++) {
        r->dir.feeds[i].applied_limit = before[i].limit;
        r->dir.feeds[i].torn = before[i].torn;
    }
    ward_release(&r->env, before);
    a->authority_changed = true;
    return rc;
}

int ward_apply_end(struct ward_apply *a, int rc, struct ward_error *err)
{
    if (!rc && a->authority_changed)
        rc = replay_where_judged_anew(a, err);
    if (!rc)
        rc = ward_apply_write(a, err);
    if (!rc)
        rc = write_directory(a, err);
    if (!rc)
        rc = ward_store_commit(a->r->store, err);
    if (rc) {
        ward_store_rollback(a->r->store);
        ward_replica_reload(a->r, NULL); /* if that fails too, the next call tries again */
    }
    ward_vv_free(&a->context, &a->r->env);
    ward_arena_free(&a->arena);
    return rc;
}
