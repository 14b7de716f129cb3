#include "replica/records.h"
#include "base/err.h"
#include "replica/replica.h"
#include "rules/view.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_LEAST 64u /* a power of two; they double with what is held */

/* ---- holding them */

static size_t bucket_of(const struct ward_records *rs, uint32_t sid, uint32_t kind, const struct ward_id *entity)
{
    uint64_t low, high;
    memcpy(&low, entity->b, 8);
    memcpy(&high, entity->b + 8, 8);
    uint64_t h = (low ^ (high * 0x9e3779b97f4a7c15u)) + (uint64_t)sid * 0x85ebca6bu + kind;
    return (size_t)(h ^ (h >> 29)) & (rs->bucket_count - 1);
}

int ward_records_forget(struct ward_records *rs, struct ward_error *err)
{
    ward_arena_reset(&rs->arena);
    rs->count = rs->dirty_count = 0;
    rs->dirty = NULL;
    rs->row = NULL;
    rs->row_cap = 0;
    rs->bucket_count = BUCKETS_LEAST;
    rs->buckets = ward_arena_take(&rs->arena, BUCKETS_LEAST * sizeof(struct ward_held *));
    return rs->buckets ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "records");
}

int ward_records_init(struct ward_records *rs, ward_replica *r, struct ward_error *err)
{
    *rs = (struct ward_records){.r = r};
    ward_arena_init(&rs->arena, &r->env);
    return ward_records_forget(rs, err);
}

void ward_records_free(struct ward_records *rs)
{
    ward_arena_free(&rs->arena);
}

/* Twice as many buckets; the old ones are left to the arena. */
static int more_buckets(struct ward_records *rs)
{
    size_t was = rs->bucket_count;
    struct ward_held **old = rs->buckets, **more = ward_arena_take(&rs->arena, 2 * was * sizeof(struct ward_held *));
    if (!more)
        return WARD_ERR_MEMORY;
    rs->buckets = more;
    rs->bucket_count = 2 * was;
    for (size_t i = 0; i < was; i++)
        for (struct ward_held *h = old[i], *next; h; h = next) {
            struct ward_held **head = &more[bucket_of(rs, h->sid, h->kind, &h->entity)];
            next = h->next;
            h->next = *head;
            *head = h;
        }
    return WARD_OK;
}

static int read_in(struct ward_records *rs, uint32_t sid, uint32_t kind, const struct ward_id *entity, struct ward_held **out,
                   struct ward_error *err)
{
    struct ward_held *h = ward_arena_take(&rs->arena, sizeof *h);
    if (!h || (rs->count >= rs->bucket_count && more_buckets(rs)))
        return ward_fail(err, WARD_ERR_MEMORY, "records");
    *h = (struct ward_held){.sid = sid, .kind = kind, .entity = *entity};
    ward_state_init(&h->state, &rs->arena);
    int rc = ward_store_get_record(rs->r->store, sid, kind, entity, &rs->r->dir.authors, &h->state, &h->conflicts, err);
    if (rc && rc != WARD_ERR_NOT_FOUND)
        return rc;
    struct ward_held **head = &rs->buckets[bucket_of(rs, sid, kind, entity)];
    h->stored = rc == WARD_OK;
    h->next = *head;
    *head = h;
    rs->count++;
    *out = h;
    return WARD_OK;
}

int ward_records_find(struct ward_records *rs, uint32_t sid, uint32_t kind, const struct ward_id *entity, struct ward_held **out,
                      struct ward_error *err)
{
    for (struct ward_held *h = rs->buckets[bucket_of(rs, sid, kind, entity)]; h; h = h->next)
        if (h->sid == sid && h->kind == kind && ward_id_equal(&h->entity, entity)) {
            *out = h;
            return WARD_OK;
        }
    return read_in(rs, sid, kind, entity, out, err);
}

/* ---- writing them out */

static struct ward_value *room_for_row(struct ward_records *rs, size_t fields)
{
    if (rs->row_cap <= fields) {
        rs->row = ward_arena_take(&rs->arena, (fields + 1) * sizeof *rs->row);
        rs->row_cap = rs->row ? fields + 1 : 0;
    }
    return rs->row;
}

static int show(struct ward_records *rs, const struct ward_kind_def *kind, const struct ward_held *c, size_t conflicts,
                struct ward_error *err)
{
    struct ward_store *store = rs->r->store;
    if (!ward_state_present(&c->state))
        return c->stored ? ward_store_delete_plain(store, c->sid, kind, &c->entity, err) : WARD_OK;
    struct ward_value *values = room_for_row(rs, kind->field_count);
    if (!values)
        return ward_fail(err, WARD_ERR_MEMORY, "plain row");
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct ward_field_def *f = &kind->fields[i];
        if (f->policy != WARD_ADD_WINS)
            values[i] = ward_view_value(f, &c->state, &rs->r->dir.authors);
        else if (ward_view_members(&values[i], f, &c->state))
            return ward_fail(err, WARD_ERR_MEMORY, "plain row");
    }
    return ward_store_put_plain(store, c->sid, kind, &c->entity, conflicts, values, err);
}

/* kind NULL: one that the schema does not know, or no longer: it has none. */
static int note_conflicts(struct ward_records *rs, const struct ward_kind_def *kind, const struct ward_held *c, struct ward_error *err)
{
    int rc = ward_store_clear_conflicts(rs->r->store, c->sid, c->kind, &c->entity, err);
    for (size_t i = 0; !rc && kind && i < c->state.slot_count; i++) {
        const struct ward_slot *slot = &c->state.slots[i];
        if (!ward_slot_in_conflict(ward_kind_field(kind, slot->field), slot, &rs->r->dir.authors))
            continue;
        struct ward_store_conflict row = {.sid = c->sid, .kind = c->kind, .field = slot->field, .entity = c->entity};
        ward_conflict_id(&row.id, &ward_directory_space(&rs->r->dir, c->sid)->id, c->kind, &c->entity, slot->field);
        rc = ward_store_put_conflict(rs->r->store, &row, err);
    }
    return rc;
}

static int entries_of(struct ward_records *rs, const struct ward_kind_def *kind, const struct ward_held *c, struct ward_index_entries *out,
                      struct ward_error *err)
{
    int rc = ward_index_entries(out, rs->r->schema, kind, &c->state, &rs->r->dir.authors, &rs->arena);
    return rc ? ward_fail(err, rc, "index") : WARD_OK;
}

/* What it stood under and does so no more goes, what is new comes; most edits move nothing. */
static int move_entries(struct ward_records *rs, const struct ward_held *c, const struct ward_index_entries *now, struct ward_error *err)
{
    const struct ward_index_entries *was = &c->entries;
    size_t i = 0, j = 0;
    int rc = WARD_OK;
    while (!rc && (i < was->count || j < now->count)) {
        int order = i == was->count ? 1 : j == now->count ? -1 : ward_index_compare(&was->v[i], &now->v[j]);
        if (order < 0)
            rc = ward_store_drop_entry(rs->r->store, &was->v[i], c->sid, &c->entity, err);
        else if (order > 0)
            rc = ward_store_put_entry(rs->r->store, &now->v[j], c->sid, &c->entity, err);
        i += order <= 0;
        j += order >= 0;
    }
    return rc;
}

static int write_entries(struct ward_records *rs, const struct ward_kind_def *kind, struct ward_held *c, struct ward_error *err)
{
    struct ward_index_entries now;
    int rc = entries_of(rs, kind, c, &now, err);
    if (!rc)
        rc = move_entries(rs, c, &now, err);
    c->entries = now;
    return rc;
}

/* Where it stands in the indexes has to be known before the first change. */
int ward_records_touch(struct ward_records *rs, struct ward_held *h, struct ward_error *err)
{
    if (h->dirty)
        return WARD_OK;
    int rc = h->stored ? entries_of(rs, ward_schema_kind(rs->r->schema, h->kind), h, &h->entries, err) : WARD_OK;
    if (rc)
        return rc;
    h->dirty = true;
    h->next_dirty = rs->dirty;
    rs->dirty = h;
    rs->dirty_count++;
    return WARD_OK;
}

static int write_record(struct ward_records *rs, struct ward_held *c, struct ward_error *err)
{
    const struct ward_kind_def *kind = ward_schema_kind(rs->r->schema, c->kind);
    size_t conflicts = ward_state_conflicts(kind, &c->state, &rs->r->dir.authors);
    struct ward_buf *buf = &rs->r->packed;
    ward_buf_clear(buf);
    ward_state_encode(buf, &c->state);
    if (ward_buf_status(buf))
        return ward_fail(err, WARD_ERR_MEMORY, "record");
    int rc = ward_store_put_record(rs->r->store, c->sid, c->kind, &c->entity, buf->p, buf->len, conflicts, err);
    if (!rc && (conflicts || c->conflicts))
        rc = note_conflicts(rs, kind, c, err);
    if (!rc && kind)
        rc = show(rs, kind, c, conflicts, err);
    if (!rc)
        rc = write_entries(rs, kind, c, err);
    if (conflicts > c->conflicts)
        rs->conflicts_new += conflicts - c->conflicts;
    c->conflicts = conflicts;
    c->stored = true;
    c->dirty = false;
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct ward_held *x = *(struct ward_held *const *)a, *y = *(struct ward_held *const *)b;
    if (x->sid != y->sid)
        return x->sid < y->sid ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return memcmp(x->entity.b, y->entity.b, sizeof x->entity.b);
}

/* In the order in which the store keeps them: its pages are filled one after another, and stay fuller for it. */
int ward_records_write(struct ward_records *rs, struct ward_error *err)
{
    size_t count = 0;
    if (rs->dirty_count == 0)
        return WARD_OK;
    struct ward_held **dirty = ward_arena_take(&rs->arena, rs->dirty_count * sizeof(struct ward_held *));
    if (!dirty)
        return ward_fail(err, WARD_ERR_MEMORY, "records");
    for (struct ward_held *h = rs->dirty; h; h = h->next_dirty)
        dirty[count++] = h;
    qsort(dirty, count, sizeof(struct ward_held *), by_place);
    rs->dirty = NULL;
    rs->dirty_count = 0;
    for (size_t i = 0; i < count; i++) {
        int rc = write_record(rs, dirty[i], err);
        if (rc)
            return rc;
    }
    return WARD_OK;
}

int ward_records_bound(struct ward_records *rs, struct ward_error *err)
{
    if (rs->arena.used < WARD_RECORDS_BYTES)
        return WARD_OK;
    int rc = ward_records_write(rs, err);
    return rc ? rc : ward_records_forget(rs, err);
}

/* ---- whole spaces */

struct walk {
    struct ward_records *rs;
    struct ward_error *err;
};

static int reshow_record(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct walk *x = ctx;
    struct ward_held c = {.sid = sid, .kind = kind, .entity = *entity, .conflicts = conflicts};
    ward_state_init(&c.state, &x->rs->arena);
    int rc = ward_state_decode(&c.state, &x->rs->r->dir.authors, p, len);
    if (rc)
        return ward_fail(x->err, rc, "record");
    const struct ward_kind_def *def = ward_schema_kind(x->rs->r->schema, kind);
    size_t now = ward_state_conflicts(def, &c.state, &x->rs->r->dir.authors);
    if (now || conflicts)
        rc = note_conflicts(x->rs, def, &c, x->err);
    if (!rc && now != conflicts)
        rc = ward_store_put_record(x->rs->r->store, sid, kind, entity, p, len, now, x->err);
    if (!rc && def)
        rc = show(x->rs, def, &c, now, x->err);
    if (!rc)
        rc = write_entries(x->rs, def, &c, x->err);
    if (!rc && x->rs->arena.used > WARD_RECORDS_BYTES)
        rc = ward_records_forget(x->rs, x->err);
    return rc;
}

int ward_records_reshow(struct ward_records *rs, uint32_t sid, struct ward_error *err)
{
    struct walk x = {rs, err};
    int rc = ward_records_write(rs, err);
    return rc ? rc : ward_store_each_in_space(rs->r->store, sid, reshow_record, &x, err);
}

/* One that cannot be read has lost its entries with its state: the tables are made anew then (doctor.c). */
static int unindex_record(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    static const struct ward_index_entries none;
    struct walk *x = ctx;
    struct ward_held c = {.sid = sid, .kind = kind, .entity = *entity, .conflicts = conflicts};
    ward_state_init(&c.state, &x->rs->arena);
    int rc = ward_state_decode(&c.state, &x->rs->r->dir.authors, p, len);
    if (rc)
        return rc == WARD_ERR_MEMORY ? ward_fail(x->err, rc, "record") : WARD_OK;
    rc = entries_of(x->rs, ward_schema_kind(x->rs->r->schema, kind), &c, &c.entries, x->err);
    if (!rc)
        rc = move_entries(x->rs, &c, &none, x->err);
    return !rc && x->rs->arena.used > WARD_RECORDS_BYTES ? ward_records_forget(x->rs, x->err) : rc;
}

int ward_records_unindex(struct ward_records *rs, uint32_t sid, struct ward_error *err)
{
    struct walk x = {rs, err};
    const struct ward_schema *s = rs->r->schema;
    return s && s->index_count ? ward_store_each_in_space(rs->r->store, sid, unindex_record, &x, err) : WARD_OK;
}
