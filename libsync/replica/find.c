/* find.c - records by the indexes of the schema. Where these were made by another schema, and nobody could renew them yet, what they would
 * hold is worked out from the records: slower, and the same. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/replica.h"

#include <stdlib.h>
#include <string.h>

struct find {
    ward_replica *r;
    const struct ward_kind_def *kind;
    struct ward_buf prefix;
    struct ward_index_entry low;
    ward_record rec;
    struct ward_buf columns;
    ward_record_fn *on_record;
    ward_entry_fn *on_entry;
    void *ctx;
    struct ward_error *err;
};

static int begin(struct find *f, ward_replica *r, const struct ward_query *q, struct ward_error *err)
{
    const struct ward_schema *schema = r->schema;
    if (!schema || q->index >= schema->index_count)
        return ward_fail(err, WARD_ERR_ARGUMENT, "no index %zu", q->index);
    f->r = r;
    f->err = err;
    f->kind = ward_schema_kind(schema, schema->indexes[q->index].kind);
    ward_buf_init(&f->prefix, &r->env);
    ward_buf_init(&f->columns, &r->env);
    for (size_t i = 0; i < q->is_count; i++)
        ward_index_put(&f->prefix, &q->is[i]);
    if (q->begins)
        ward_index_put_prefix(&f->prefix, q->begins, strlen(q->begins));
    f->low = (struct ward_index_entry){(uint32_t)q->index, f->prefix.p, f->prefix.len};
    f->rec = (ward_record){.r = r, .def = f->kind};
    ward_arena_init(&f->rec.arena, &r->env);
    ward_buf_room(&f->columns, WARD_INDEX_ROOM);
    return ward_buf_status(&f->prefix) || ward_buf_status(&f->columns) ? ward_fail(err, WARD_ERR_MEMORY, "query") : WARD_OK;
}

static void end(struct find *f)
{
    ward_buf_free(&f->prefix);
    ward_buf_free(&f->columns);
    ward_arena_free(&f->rec.arena);
}

/* ---- what the index would hold */

struct made_entry {
    struct ward_index_entry e;
    uint32_t sid;
    struct ward_id entity;
};
struct made {
    struct find *f;
    struct ward_arena arena; /* of the keys */
    struct made_entry *v;
    size_t count, cap;
};

static int compare(const void *a, const void *b)
{
    const struct made_entry *x = a, *y = b;
    int order = ward_index_compare(&x->e, &y->e);
    if (!order)
        order = memcmp(x->entity.b, y->entity.b, sizeof x->entity.b);
    return order ? order : (x->sid > y->sid) - (x->sid < y->sid);
}

static bool begins(const struct ward_index_entry *e, const struct ward_index_entry *with)
{
    return e->index == with->index && e->len >= with->len && (with->len == 0 || memcmp(e->key, with->key, with->len) == 0);
}

static int make_entries(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct made *m = ctx;
    struct find *f = m->f;
    struct ward_index_entries all;
    (void)conflicts;
    ward_arena_reset(&f->rec.arena);
    ward_state_init(&f->rec.state, &f->rec.arena);
    int rc = ward_state_decode(&f->rec.state, &f->r->dir.authors, p, len);
    if (!rc)
        rc = ward_index_entries(&all, f->r->schema, ward_schema_kind(f->r->schema, kind), &f->rec.state, &f->r->dir.authors, &f->rec.arena);
    for (size_t i = 0; !rc && i < all.count; i++) {
        if (!begins(&all.v[i], &f->low))
            continue;
        const uint8_t *key = ward_arena_copy(&m->arena, all.v[i].key, all.v[i].len + !all.v[i].len);
        rc = key ? ward_grow(&f->r->env, (void **)&m->v, &m->cap, m->count, sizeof *m->v) : WARD_ERR_MEMORY;
        if (!rc)
            m->v[m->count++] = (struct made_entry){{all.v[i].index, key, all.v[i].len}, sid, *entity};
    }
    return rc ? ward_fail(f->err, rc, "record") : WARD_OK;
}

static int make(struct made *m, struct find *f)
{
    struct ward_id low = {{0}}, high;
    memset(high.b, 0xff, sizeof high.b);
    *m = (struct made){.f = f};
    ward_arena_init(&m->arena, &f->r->env);
    int rc = ward_store_each_record(f->r->store, f->kind->number, &low, &high, make_entries, m, f->err);
    if (!rc && m->count > 1)
        qsort(m->v, m->count, sizeof *m->v, compare);
    return rc;
}

static void unmake(struct made *m)
{
    ward_arena_free(&m->arena);
    ward_release(&m->f->r->env, m->v);
}

/* ---- giving */

static int each_entry(struct find *f, bool backward, ward_store_entry_fn *fn)
{
    struct made m;
    if (!ward_store_plain_stale(f->r->store))
        return ward_store_each_entry(f->r->store, &f->low, backward, fn, f, f->err);
    int rc = make(&m, f);
    for (size_t i = 0; !rc && i < m.count; i++) {
        const struct made_entry *e = &m.v[backward ? m.count - 1 - i : i];
        rc = fn(f, &e->e, e->sid, &e->entity);
    }
    unmake(&m);
    return rc;
}

static int give_record(void *ctx, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity)
{
    struct find *f = ctx;
    (void)e;
    ward_arena_reset(&f->rec.arena);
    ward_state_init(&f->rec.state, &f->rec.arena);
    f->rec.sid = sid;
    f->rec.kind = f->kind->number;
    f->rec.entity = *entity;
    int rc = ward_store_get_record(f->r->store, sid, f->kind->number, entity, &f->r->dir.authors, &f->rec.state, &f->rec.conflicts, f->err);
    if (rc == WARD_ERR_NOT_FOUND)
        return ward_fail(f->err, WARD_ERR_CORRUPT, "an index names a record that is not there");
    if (rc)
        return rc;
    ward_state_order(&f->rec.state, &f->r->dir.authors);
    return f->on_record(f->ctx, &f->rec);
}

static int give_entry(void *ctx, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity)
{
    struct find *f = ctx;
    struct ward_value columns[WARD_INDEX_COLUMNS];
    size_t at = 0, n = 0;
    (void)sid;
    ward_buf_clear(&f->columns);
    while (n < WARD_INDEX_COLUMNS && ward_index_next(e->key, e->len, &at, &columns[n], &f->columns))
        n++;
    return at == e->len ? f->on_entry(f->ctx, entity, columns, n) : ward_fail(f->err, WARD_ERR_CORRUPT, "index");
}

static int look(ward_replica *r, const struct ward_query *q, struct find *f, ward_store_entry_fn *fn, struct ward_error *err)
{
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = begin(f, r, q, err);
    if (!rc)
        rc = each_entry(f, q->backward, fn);
    if (f->r)
        end(f);
    ward_replica_looked(r);
    return rc;
}

int ward_find(ward_replica *r, const struct ward_query *query, ward_record_fn *fn, void *ctx, struct ward_error *err)
{
    struct find f = {.on_record = fn, .ctx = ctx};
    return look(r, query, &f, give_record, err);
}

int ward_find_entries(ward_replica *r, const struct ward_query *query, ward_entry_fn *fn, void *ctx, struct ward_error *err)
{
    struct find f = {.on_entry = fn, .ctx = ctx};
    return look(r, query, &f, give_entry, err);
}

static int count_one(void *ctx, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity)
{
    (void)e, (void)sid, (void)entity;
    ++*(uint64_t *)((struct find *)ctx)->ctx;
    return WARD_OK;
}

int ward_find_count(ward_replica *r, const struct ward_query *query, uint64_t *out, struct ward_error *err)
{
    uint64_t n = 0;
    struct find f = {.ctx = &n};
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = begin(&f, r, query, err);
    if (!rc)
        rc = ward_store_plain_stale(r->store) ? each_entry(&f, false, count_one) : ward_store_count_entries(r->store, &f.low, &n, err);
    if (f.r)
        end(&f);
    ward_replica_looked(r);
    if (!rc)
        *out = n;
    return rc;
}
