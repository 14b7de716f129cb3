/* read.c - snapshots of records, spaces and digests for the application. */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/base.h"
#include "replica/replica.h"
#include "rules/view.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/hash.h"

#include <stdlib.h>
#include <string.h>

static struct ward_id every_low(void)
{
    return (struct ward_id){{0}};
}

static struct ward_id every_high(void)
{
    struct ward_id id;
    memset(id.b, 0xff, sizeof id.b);
    return id;
}

/* ---- finding a record's space */

struct candidate {
    ward_replica *r;
    uint32_t sid;
    uint8_t rank;
    bool found;
    struct ward_error *err;
};

/* Two spaces may name the same entity (a hostile copy): the one whose writer ranks higher counts, then the older space. */
static int consider(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct candidate *c = ctx;
    struct ward_state state;
    (void)kind, (void)entity, (void)conflicts;
    ward_state_init(&state, &c->r->arena);
    int rc = ward_state_decode(&state, &c->r->dir.authors, p, len);
    if (rc)
        return ward_fail(c->err, rc, "record");
    uint8_t rank = 0;
    for (size_t i = 0; i < state.slot_count; i++)
        for (size_t j = 0; j < state.slots[i].live_count; j++) {
            uint8_t here = c->r->dir.authors.v[state.slots[i].live[j].fid].rank;
            rank = here > rank ? here : rank;
        }
    if (!c->found || rank > c->rank) {
        c->sid = sid;
        c->rank = rank;
        c->found = true;
    }
    return WARD_OK;
}

struct spaces {
    uint32_t first;
    size_t count;
};

static int count_space(void *ctx, uint32_t sid)
{
    struct spaces *s = ctx;
    s->first = s->count++ ? s->first : sid;
    return WARD_OK;
}

static int sid_of(ward_replica *r, uint32_t kind, const struct ward_id *entity, uint32_t *sid, struct ward_error *err)
{
    struct candidate c = {.r = r, .err = err};
    struct spaces named = {0};
    ward_arena_reset(&r->arena);
    int rc = ward_store_each_space_of(r->store, kind, entity, count_space, &named, err);
    c.sid = named.first;
    if (!rc && named.count > 1) /* hardly ever: nothing else needs to be read to know */
        rc = ward_store_each_record(r->store, kind, entity, entity, consider, &c, err);
    if (!rc && !named.count)
        rc = ward_fail(err, WARD_ERR_NOT_FOUND, "record");
    if (!rc)
        *sid = c.sid;
    return rc;
}

int ward_space_of_record(ward_replica *r, struct ward_hash *out, uint32_t kind, const struct ward_id *entity, struct ward_error *err)
{
    uint32_t sid;
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = sid_of(r, kind, entity, &sid, err);
    if (!rc)
        *out = ward_directory_space(&r->dir, sid)->id;
    ward_replica_looked(r);
    return rc;
}

/* ---- records */

static int read_record(ward_replica *r, const struct ward_kind_def *def, const struct ward_id *entity, bool with_deleted, ward_record **out,
                       struct ward_error *err)
{
    uint32_t sid = 0, kind = def->number;
    int rc = sid_of(r, kind, entity, &sid, err);
    if (rc)
        return rc;
    ward_record *rec = ward_alloc(&r->env, sizeof *rec);
    if (!rec)
        return ward_fail(err, WARD_ERR_MEMORY, "record");
    *rec = (ward_record){.r = r, .sid = sid, .kind = kind, .entity = *entity, .def = def};
    ward_arena_init(&rec->arena, &r->env);
    ward_state_init(&rec->state, &rec->arena);
    rc = ward_store_get_record(r->store, sid, kind, entity, &r->dir.authors, &rec->state, &rec->conflicts, err);
    if (!rc && !with_deleted && !ward_state_present(&rec->state))
        rc = ward_fail(err, WARD_ERR_NOT_FOUND, "deleted");
    if (rc) {
        ward_record_free(rec);
        return rc;
    }
    ward_state_order(&rec->state, &r->dir.authors);
    *out = rec;
    return WARD_OK;
}

int ward_get(ward_replica *r, uint32_t kind, const struct ward_id *entity, bool with_deleted, ward_record **out, struct ward_error *err)
{
    const struct ward_kind_def *def = ward_schema_kind(r->schema, kind);
    if (!def)
        return ward_fail(err, WARD_ERR_UNKNOWN_KIND, "%u", (unsigned)kind);
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = read_record(r, def, entity, with_deleted, out, err);
    ward_replica_looked(r);
    return rc;
}

void ward_record_free(ward_record *rec)
{
    if (!rec)
        return;
    const struct ward_env *env = &rec->r->env;
    ward_arena_free(&rec->arena);
    ward_release(env, rec);
}

const struct ward_id *ward_record_id(const ward_record *rec)
{
    return &rec->entity;
}

const struct ward_hash *ward_record_space(const ward_record *rec)
{
    return &ward_directory_space(&rec->r->dir, rec->sid)->id;
}

bool ward_record_deleted(const ward_record *rec)
{
    return !ward_state_present(&rec->state);
}

size_t ward_record_conflicts(const ward_record *rec)
{
    return rec->conflicts;
}

struct ward_value ward_record_value(const ward_record *rec, uint32_t field)
{
    const struct ward_field_def *f = ward_kind_field(rec->def, field);
    return f ? ward_view_value(f, &rec->state, &rec->r->dir.authors) : ward_value_null();
}

bool ward_record_is_provisional(const ward_record *rec, uint32_t field)
{
    const struct ward_slot *slot = ward_state_find(&rec->state, field, NULL, 0);
    return slot && slot->live_count && ward_slot_in_conflict(ward_kind_field(rec->def, field), slot, &rec->r->dir.authors);
}

bool ward_record_is_proposed(const ward_record *rec, uint32_t field)
{
    const struct ward_slot *slot = ward_state_find(&rec->state, field, NULL, 0);
    return slot && slot->live_count && ward_slot_is_proposed(ward_kind_field(rec->def, field), slot, &rec->r->dir.authors);
}

size_t ward_record_live_count(const ward_record *rec, uint32_t field)
{
    const struct ward_slot *slot = ward_state_find(&rec->state, field, NULL, 0);
    return slot ? slot->live_count : 0;
}

int ward_live_author(ward_replica *r, const struct ward_live_value *v, struct ward_live *out, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, v->fid);
    struct ward_segment seg;
    struct ward_change_head head = {0};
    *out =
        (struct ward_live){.value = ward_live_decode(v), .feed = f->id, .seq = v->seq, .grant = f->grant, .unit = f->unit, .role = f->role};
    if (v->seq <= f->base)
        return ward_base_stamp(r, v->fid, v->seq, &out->wall_ms, err);
    int rc = ward_store_find_segment(r->store, v->fid, v->seq, &seg, err);
    if (!rc)
        rc = ward_store_unpack(r->store, &seg, &r->unpacked, err);
    size_t at = 0;
    for (uint64_t seq = seg.first; !rc && seq <= v->seq; seq++) {
        rc = ward_change_skip(r->unpacked.p + at, r->unpacked.len - at, &head);
        at += head.len;
        if (rc)
            ward_fail(err, WARD_ERR_CORRUPT, "segment");
    }
    out->wall_ms = head.wall_ms;
    return rc;
}

int ward_record_live(const ward_record *rec, uint32_t field, size_t i, struct ward_live *out, struct ward_error *err)
{
    const struct ward_slot *slot = ward_state_find(&rec->state, field, NULL, 0);
    if (!slot || i >= slot->live_count)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "value %zu", i);
    return ward_live_author(rec->r, &slot->live[i], out, err);
}

static const struct ward_slot *member(const ward_record *rec, uint32_t field, size_t i, size_t *count)
{
    size_t first, end = ward_state_range(&rec->state, field, &first), n = 0;
    const struct ward_slot *found = NULL;
    for (size_t at = first; at < end; at++) {
        if (!ward_member_is_in(&rec->state.slots[at]))
            continue;
        if (n++ == i)
            found = &rec->state.slots[at];
    }
    *count = n;
    return found;
}

size_t ward_record_member_count(const ward_record *rec, uint32_t field)
{
    size_t n;
    member(rec, field, SIZE_MAX, &n);
    return n;
}

int ward_record_member(const ward_record *rec, uint32_t field, size_t i, const uint8_t **key, size_t *key_len)
{
    size_t n;
    const struct ward_slot *slot = member(rec, field, i, &n);
    if (!slot)
        return WARD_ERR_NOT_FOUND;
    *key = slot->key;
    *key_len = slot->key_len;
    return WARD_OK;
}

struct each {
    ward_record rec;
    ward_record_fn *fn;
    void *ctx;
    struct ward_error *err;
};

/* From what the store keeps, in the place of what the record was; its values in descending order. WARD_ERR_CORRUPT. */
static int load(ward_record *rec, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len,
                struct ward_error *err)
{
    ward_arena_reset(&rec->arena);
    ward_state_init(&rec->state, &rec->arena);
    rec->sid = sid;
    rec->kind = kind;
    rec->entity = *entity;
    rec->conflicts = conflicts;
    int rc = ward_state_decode(&rec->state, &rec->r->dir.authors, p, len);
    if (rc)
        return ward_fail(err, rc, "record");
    ward_state_order(&rec->state, &rec->r->dir.authors);
    return WARD_OK;
}

static int give(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct each *e = ctx;
    int rc = load(&e->rec, sid, kind, entity, conflicts, p, len, e->err);
    return rc || !ward_state_present(&e->rec.state) ? rc : e->fn(e->ctx, &e->rec);
}

static int each_between(ward_replica *r, uint32_t kind, const struct ward_id *low, const struct ward_id *high, ward_record_fn *fn,
                        void *ctx, struct ward_error *err)
{
    struct each e = {.rec = {.r = r, .def = ward_schema_kind(r->schema, kind)}, .fn = fn, .ctx = ctx, .err = err};
    if (!e.rec.def)
        return ward_fail(err, WARD_ERR_UNKNOWN_KIND, "%u", (unsigned)kind);
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    ward_arena_init(&e.rec.arena, &r->env);
    rc = ward_store_each_record(r->store, kind, low, high, give, &e, err);
    ward_arena_free(&e.rec.arena);
    ward_replica_looked(r);
    return rc;
}

int ward_each(ward_replica *r, uint32_t kind, ward_record_fn *fn, void *ctx, struct ward_error *err)
{
    struct ward_id low = every_low(), high = every_high();
    return each_between(r, kind, &low, &high, fn, ctx, err);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool ward_id_range(const char *hex, struct ward_id *low, struct ward_id *high)
{
    size_t n = strlen(hex);
    *low = every_low();
    *high = every_high();
    if (n < 4 || n >= WARD_ID_HEX)
        return false;
    for (size_t i = 0; i < n; i++) {
        int digit = hex_digit(hex[i]);
        if (digit < 0)
            return false;
        unsigned shift = i % 2 ? 0 : 4;
        low->b[i / 2] = (uint8_t)(low->b[i / 2] | (digit << shift));
        high->b[i / 2] = (uint8_t)((high->b[i / 2] & ~(0xf << shift)) | (digit << shift));
    }
    return true;
}

int ward_each_prefix(ward_replica *r, uint32_t kind, const char *hex, ward_record_fn *fn, void *ctx, struct ward_error *err)
{
    struct ward_id low, high;
    if (!ward_id_range(hex, &low, &high))
        return ward_fail(err, WARD_ERR_NOT_FOUND, "%.40s", hex);
    return each_between(r, kind, &low, &high, fn, ctx, err);
}

struct prefix {
    struct ward_id id;
    size_t count;
};

static int count_match(void *ctx, const ward_record *rec)
{
    struct prefix *x = ctx;
    if (x->count && ward_id_equal(&x->id, &rec->entity))
        return 0;
    x->id = rec->entity;
    x->count++;
    return 0;
}

int ward_find_prefix(ward_replica *r, uint32_t kind, const char *hex, struct ward_id *out, struct ward_error *err)
{
    struct prefix x = {.count = 0};
    int rc = ward_each_prefix(r, kind, hex, count_match, &x, err);
    if (rc)
        return rc;
    if (x.count != 1)
        return ward_fail(err, x.count ? WARD_ERR_AMBIGUOUS : WARD_ERR_NOT_FOUND, "%.40s: %zu records", hex, x.count);
    *out = x.id;
    return WARD_OK;
}

/* ---- spaces */

int ward_spaces(ward_replica *r, ward_space_fn *fn, void *ctx, struct ward_error *err)
{
    int rc = ward_replica_refresh(r, err);
    for (size_t i = 0; !rc && i < r->dir.space_count; i++) {
        /* Copied: the callback may read, and reading may bring the directory up to date. */
        const struct ward_space s = r->dir.spaces[i];
        struct ward_id circle[WARD_CIRCLE_MAX];
        if (s.circle_count)
            memcpy(circle, s.circle, s.circle_count * sizeof circle[0]);
        struct ward_space_info info = {
            .id = s.id, .digest = s.digest, .changes = s.changes, .circle = circle, .circle_count = s.circle_count};
        rc = fn(ctx, &info);
    }
    return rc;
}

struct digest {
    ward_replica *r;
    ward_hasher hasher;
    struct ward_buf buf;
    struct ward_error *err;
};

static int by_dot(const void *pa, const void *pb, const struct ward_authors *authors)
{
    const struct ward_live_value *a = pa, *b = pb;
    int order = ward_hash_compare(&authors->v[a->fid].feed, &authors->v[b->fid].feed);
    return order ? order : a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* Few values live in a slot: insertion will do, and needs no global for the comparison. */
static void sort_live(struct ward_live_value *v, size_t n, const struct ward_authors *authors)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && by_dot(&v[j - 1], &v[j], authors) > 0; j--) {
            struct ward_live_value swap = v[j];
            v[j] = v[j - 1];
            v[j - 1] = swap;
        }
}

static void digest_slot(struct digest *d, uint32_t kind, const struct ward_id *entity, const struct ward_slot *slot, const void *key,
                        size_t key_len, const struct ward_live_value *live, size_t count)
{
    struct ward_buf *b = &d->buf;
    ward_put_array(b, 5);
    ward_put_uint(b, kind);
    ward_put_bytes(b, entity->b, sizeof entity->b);
    ward_put_uint(b, slot->field);
    ward_put_bytes(b, key, key_len);
    ward_put_array(b, count);
    for (size_t i = 0; i < count; i++) {
        ward_put_array(b, 4);
        ward_put_bytes(b, d->r->dir.authors.v[live[i].fid].feed.b, WARD_HASH_BYTES);
        ward_put_uint(b, live[i].seq);
        ward_put_uint(b, live[i].depth);
        ward_buf_add(b, live[i].raw, live[i].len);
    }
}

static int digest_record(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct digest *d = ctx;
    struct ward_state state;
    (void)sid, (void)conflicts;
    ward_arena_reset(&d->r->arena);
    ward_state_init(&state, &d->r->arena);
    ward_buf_clear(&d->buf);
    int rc = ward_state_decode(&state, &d->r->dir.authors, p, len);
    for (size_t i = 0; !rc && i < state.slot_count; i++) {
        struct ward_slot *slot = &state.slots[i];
        sort_live(slot->live, slot->live_count, &d->r->dir.authors);
        if (ward_field_class(slot->field) != WARD_TALLY) {
            digest_slot(d, kind, entity, slot, slot->key, slot->key_len, slot->live, slot->live_count);
            continue;
        }
        for (size_t j = 0; j < slot->live_count; j++) /* each author's total is a slot, its feed the key */
            digest_slot(d, kind, entity, slot, d->r->dir.authors.v[slot->live[j].fid].feed.b, WARD_HASH_BYTES, &slot->live[j], 1);
    }
    ward_hash_add(&d->hasher, d->buf.p, d->buf.len);
    if (!rc)
        rc = ward_buf_status(&d->buf);
    return rc ? ward_fail(d->err, rc, "record") : WARD_OK;
}

int ward_state_digest(ward_replica *r, const struct ward_hash *space, struct ward_hash *out, struct ward_error *err)
{
    struct digest d = {.r = r, .err = err};
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    ward_buf_init(&d.buf, &r->env);
    ward_hash_begin(&d.hasher, "wardsync state");
    rc = s ? ward_store_each_in_space(r->store, s->sid, digest_record, &d, err) : ward_fail(err, WARD_ERR_NOT_FOUND, "space");
    if (!rc)
        ward_hash_end(&d.hasher, out);
    ward_buf_free(&d.buf);
    ward_replica_looked(r);
    return rc;
}
