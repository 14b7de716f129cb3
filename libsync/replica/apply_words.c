/* apply_words.c - what is written in the ward space about others, grants, cuts, floors and their closings: into the store and the
 * directory, where it is judged which of it counts. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/apply.h"
#include "values/feed.h"

#include <string.h>

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
