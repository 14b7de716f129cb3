/* commit.c - one user's transaction becomes one sealed change per space, applied and durable in one store transaction. */
#include "replica/commit.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/op_index.h"
#include "replica/own.h"
#include "replica/pen.h"
#include "rules/view.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/text.h"

#include <stdlib.h>
#include <string.h>

struct put {
    uint32_t space; /* index in txn->spaces */
    uint32_t kind, field;
    struct ward_id entity;
    const uint8_t *key;
    size_t key_len;
    const uint8_t *raw;
    size_t raw_len;
    int64_t delta; /* WARD_TALLY */
};

struct ward_txn {
    ward_replica *r;
    struct ward_arena arena;
    struct put *puts;
    size_t put_count, put_cap;
    struct ward_hash *spaces;
    size_t space_count, space_cap;
    const struct ward_keys *root;
    bool settles;
    uint32_t settle_kind, settle_field;
    struct ward_id settle_entity;
    size_t settle_distinct;
};

int ward_begin(ward_replica *r, ward_txn **out, struct ward_error *err)
{
    int rc = ward_replica_refresh(r, err); /* what may be put is judged by what stands now */
    if (rc)
        return rc;
    ward_txn *t = ward_alloc(&r->env, sizeof *t);
    if (!t)
        return ward_fail(err, WARD_ERR_MEMORY, "transaction");
    t->r = r;
    ward_arena_init(&t->arena, &r->env);
    *out = t;
    return WARD_OK;
}

void ward_abort(ward_txn *t)
{
    if (!t)
        return;
    const struct ward_env *env = &t->r->env;
    ward_arena_free(&t->arena);
    ward_release(env, t->puts);
    ward_release(env, t->spaces);
    ward_release(env, t);
}

void ward_txn_as_root(ward_txn *t, const struct ward_keys *root)
{
    t->root = root;
}

void ward_txn_settles(ward_txn *t, uint32_t kind, const struct ward_id *entity, uint32_t field, size_t distinct)
{
    t->settles = true;
    t->settle_kind = kind;
    t->settle_entity = *entity;
    t->settle_field = field;
    t->settle_distinct = distinct;
}

/* ---- putting */

static const struct ward_grant *writer(const ward_txn *t, struct ward_grant *root)
{
    if (!t->root)
        return ward_replica_grant(t->r);
    ward_grant_of_root(root, &t->r->ward, t->root->sign.pk);
    return root;
}

static int entitled(ward_txn *t, const struct ward_hash *space, struct ward_error *err)
{
    struct ward_grant root;
    const struct ward_grant *g = writer(t, &root);
    const struct ward_space *s = ward_directory_space_by_id(&t->r->dir, space);
    const struct ward_circle *c = s ? NULL : ward_replica_circle(t->r, space);
    struct ward_hash ward_space;
    ward_space_of_ward(t->r, &ward_space);
    bool is_ward = ward_hash_compare(&ward_space, space) == 0;
    if (!s && !c && !is_ward)
        return ward_fail(err, WARD_ERR_SPACE, "no such space here");
    if (!g || (!t->root && !ward_grant_effective(&t->r->dir, &g->id)))
        return ward_fail(err, WARD_ERR_GRANT_UNKNOWN, "the ward's records have not arrived here yet");
    bool may = s ? ward_may_write(g, s->circle, s->circle_count) : ward_may_write(g, c ? c->units : NULL, c ? c->count : 0);
    if (!may)
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "%s device", ward_role_name(g->role));
    if (t->root) /* of the root's feed every branch counts */
        return WARD_OK;
    if (ward_grant_is_cut(&t->r->dir, &g->id))
        return ward_fail(err, WARD_ERR_CUT, "this device");
    struct ward_hash feed;
    ward_name_feed(&feed, &t->r->ward, space, &g->id);
    const struct ward_feed *f = ward_directory_feed_by_id(&t->r->dir, &feed);
    return f && f->forked ? ward_fail(err, WARD_ERR_FORKED, "beyond change %llu", (unsigned long long)f->fork) : WARD_OK;
}

static int space_index(ward_txn *t, const struct ward_hash *space, uint32_t *out, struct ward_error *err)
{
    for (size_t i = t->space_count; i > 0; i--)
        if (ward_hash_compare(&t->spaces[i - 1], space) == 0) {
            *out = (uint32_t)i - 1;
            return WARD_OK;
        }
    int rc = entitled(t, space, err);
    if (rc)
        return rc;
    if (ward_grow(&t->r->env, (void **)&t->spaces, &t->space_cap, t->space_count, sizeof *t->spaces))
        return ward_fail(err, WARD_ERR_MEMORY, "transaction");
    t->spaces[t->space_count] = *space;
    *out = (uint32_t)t->space_count++;
    return WARD_OK;
}

static int add_put(ward_txn *t, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, uint32_t field, const void *key,
                   size_t key_len, const struct ward_value *value, struct ward_error *err)
{
    struct ward_buf buf;
    struct put p = {.kind = kind, .field = field, .entity = *entity, .key_len = key_len};
    int rc = space_index(t, space, &p.space, err);
    if (rc)
        return rc;
    ward_buf_init(&buf, &t->r->env);
    ward_put_value(&buf, value);
    p.raw_len = buf.len;
    p.raw = ward_buf_status(&buf) ? NULL : ward_arena_copy(&t->arena, buf.p, buf.len);
    p.key = key_len ? ward_arena_copy(&t->arena, key, key_len) : NULL;
    ward_buf_free(&buf);
    if (p.raw_len > WARD_VALUE_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_VALUE, "%zu bytes, at most %u", p.raw_len, WARD_VALUE_MAX);
    if (ward_field_class(field) == WARD_TALLY)
        p.delta = value->integer;
    if (!p.raw || (key_len && !p.key) || ward_grow(&t->r->env, (void **)&t->puts, &t->put_cap, t->put_count, sizeof *t->puts))
        return ward_fail(err, WARD_ERR_MEMORY, "transaction");
    t->puts[t->put_count++] = p;
    return WARD_OK;
}

int ward_put(ward_txn *t, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, uint32_t field, const void *key,
             size_t key_len, const struct ward_value *value, struct ward_error *err)
{
    static const struct ward_field_def presence = {WARD_FIELD_PRESENCE, "presence", WARD_BOOL, WARD_CONFLICT, 0};
    const struct ward_kind_def *k = ward_schema_kind(t->r->schema, kind);
    if (!k)
        return ward_fail(err, WARD_ERR_UNKNOWN_KIND, "%u", (unsigned)kind);
    const struct ward_field_def *f = field == WARD_FIELD_PRESENCE ? &presence : ward_kind_field(k, field);
    if (!f)
        return ward_fail(err, WARD_ERR_UNKNOWN_FIELD, "%s: field %u", k->name, (unsigned)field);
    int rc = ward_field_accepts(f, key, key_len, value, err);
    return rc ? ward_at(err, rc, "%s", k->name) : add_put(t, space, kind, entity, field, key, key_len, value, err);
}

int ward_delete(ward_txn *t, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, struct ward_error *err)
{
    struct ward_value no = ward_value_bool(false);
    return ward_put(t, space, kind, entity, WARD_FIELD_PRESENCE, NULL, 0, &no, err);
}

int ward_reason(ward_txn *t, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, const char *text,
                struct ward_error *err)
{
    struct ward_id id;
    if (!text || !text[0])
        return ward_fail(err, WARD_ERR_REASON, "reason");
    struct ward_value words = ward_value_text(text), about = ward_value_id(entity), about_kind = ward_value_int(kind);
    int rc = ward_new_id(t->r, &id, err);
    if (!rc)
        rc = ward_put(t, space, WARD_KIND_REASON, &id, WARD_REASON_TEXT, NULL, 0, &words, err);
    if (!rc)
        rc = ward_put(t, space, WARD_KIND_REASON, &id, WARD_REASON_ENTITY, NULL, 0, &about, err);
    if (!rc)
        rc = ward_put(t, space, WARD_KIND_REASON, &id, WARD_REASON_KIND, NULL, 0, &about_kind, err);
    if (!rc && t->settles) {
        struct ward_value field = ward_value_int(t->settle_field);
        rc = ward_put(t, space, WARD_KIND_REASON, &id, WARD_REASON_FIELD, NULL, 0, &field, err);
    }
    return rc;
}

/* ---- committing */

/* The work of one commit in one space. */
struct compile {
    ward_txn *t;
    struct ward_apply *apply;
    uint32_t sid;
    uint32_t fid; /* 0 until the feed is there */
    uint8_t rank;
    struct ward_op *ops; /* raw NULL: taken back */
    size_t op_count, op_cap;
    struct ward_op_index by_slot;
};

static struct ward_op op_of(const struct put *p)
{
    return (struct ward_op){.kind = p->kind,
                            .field = p->field,
                            .entity = p->entity,
                            .key = p->key,
                            .key_len = p->key_len,
                            .raw = p->raw,
                            .raw_len = p->raw_len};
}

static struct ward_op *same_slot(struct compile *c, const struct put *p)
{
    const struct ward_op like = op_of(p);
    size_t at;
    return ward_op_index_find(&c->by_slot, c->ops, &like, &at) ? &c->ops[at] : NULL;
}

static bool all_equal(const struct ward_slot *slot, const struct put *p)
{
    for (size_t i = 0; i < slot->live_count; i++)
        if (slot->live[i].len != p->raw_len || memcmp(slot->live[i].raw, p->raw, p->raw_len) != 0)
            return false;
    return slot->live_count > 0;
}

static size_t distinct_values(const struct ward_slot *slot)
{
    size_t n = 0;
    for (size_t i = 0; i < slot->live_count; i++) {
        bool known = false;
        for (size_t j = 0; j < i; j++)
            known |= slot->live[i].len == slot->live[j].len && memcmp(slot->live[i].raw, slot->live[j].raw, slot->live[i].len) == 0;
        n += !known;
    }
    return n;
}

static int check_settlement(struct compile *c, const struct ward_slot *slot, struct ward_error *err)
{
    const struct ward_authors *authors = &c->t->r->dir.authors;
    if (!slot || distinct_values(slot) != c->t->settle_distinct)
        return ward_fail(err, WARD_ERR_STALE, "the values have changed meanwhile");
    for (size_t i = 0; i < slot->live_count; i++)
        if (authors->v[slot->live[i].fid].rank > c->rank)
            return ward_fail(err, WARD_ERR_NO_RIGHT, "a value of greater authority stands here");
    return WARD_OK;
}

static bool settles(const ward_txn *t, const struct put *p)
{
    return t->settles && p->kind == t->settle_kind && p->field == t->settle_field && ward_id_equal(&p->entity, &t->settle_entity);
}

static bool is_gone(const struct ward_state *state, const struct put *p)
{
    return state && !ward_state_present(state) && p->field != WARD_FIELD_PRESENCE;
}

/* Whether this write may be done to the record as it stands, and whether it changes anything. */
static int weigh(struct compile *c, const struct put *p, const struct ward_state *state, bool *needed, struct ward_error *err)
{
    const struct ward_kind_def *kind = ward_schema_kind(c->t->r->schema, p->kind);
    const struct ward_field_def *field = kind ? ward_kind_field(kind, p->field) : NULL;
    const struct ward_slot *slot = state ? ward_state_find(state, p->field, p->key, p->key_len) : NULL;
    const char *name = field ? field->name : "presence";
    *needed = true;
    if (settles(c->t, p))
        return check_settlement(c, slot, err);
    if (is_gone(state, p))
        return ward_fail(err, WARD_ERR_NOT_FOUND, "%s: it has been deleted", kind ? kind->name : "record");
    if (!slot || slot->live_count == 0)
        return WARD_OK;
    if (ward_slot_in_conflict(field, slot, &c->t->r->dir.authors))
        return ward_fail(err, WARD_ERR_IN_CONFLICT, "%s", name);
    if (all_equal(slot, p))
        *needed = false;
    else if (field && field->policy == WARD_FIXED)
        return ward_fail(err, WARD_ERR_FIXED, "%s", name);
    return WARD_OK;
}

static struct ward_op *new_op(struct compile *c, const struct put *p)
{
    if (ward_grow(&c->t->r->env, (void **)&c->ops, &c->op_cap, c->op_count, sizeof *c->ops))
        return NULL;
    struct ward_op *o = &c->ops[c->op_count];
    *o = op_of(p);
    return ward_op_index_note(&c->by_slot, c->ops, c->op_count++) ? NULL : o;
}

/* A tally's value is the author's new total: the one before, here or in the store, and what is added. */
static int compile_tally(struct compile *c, const struct put *p, const struct ward_state *state, struct ward_error *err)
{
    if (is_gone(state, p))
        return ward_fail(err, WARD_ERR_NOT_FOUND, "it has been deleted");
    struct ward_op *earlier = same_slot(c, p);
    const struct ward_slot *slot = state ? ward_state_find(state, p->field, NULL, 0) : NULL;
    struct ward_live_value before = {.len = 0};
    if (earlier)
        before = (struct ward_live_value){.raw = earlier->raw, .len = earlier->raw_len};
    for (size_t i = 0; !earlier && c->fid && slot && i < slot->live_count; i++)
        if (slot->live[i].fid == c->fid)
            before = slot->live[i];
    int64_t total = before.len ? ward_live_decode(&before).integer : 0;
    if ((p->delta > 0 && total > INT64_MAX - p->delta) || (p->delta < 0 && total < INT64_MIN - p->delta))
        return ward_fail(err, WARD_ERR_VALUE, "the sum is too large");
    struct ward_buf buf;
    ward_buf_init(&buf, &c->t->r->env);
    ward_put_int(&buf, total + p->delta);
    const uint8_t *raw = ward_buf_status(&buf) ? NULL : ward_arena_copy(&c->t->arena, buf.p, buf.len);
    size_t len = buf.len;
    ward_buf_free(&buf);
    struct ward_op *o = p->delta == 0 ? NULL : earlier ? earlier : new_op(c, p);
    if (p->delta && (!o || !raw))
        return ward_fail(err, WARD_ERR_MEMORY, "tally");
    if (o) {
        o->raw = raw;
        o->raw_len = len;
    }
    return WARD_OK;
}

static int compile_put(struct compile *c, const struct put *p, struct ward_error *err)
{
    const struct ward_state *state = NULL;
    bool needed;
    int rc = c->sid ? ward_apply_peek(c->apply, c->sid, p->kind, &p->entity, &state, err) : WARD_OK;
    if (rc)
        return rc;
    if (ward_field_class(p->field) == WARD_TALLY)
        return compile_tally(c, p, state, err);
    rc = weigh(c, p, state, &needed, err);
    if (rc)
        return rc;
    struct ward_op *earlier = same_slot(c, p);
    if (earlier && needed) { /* the last word of a transaction counts */
        earlier->raw = p->raw;
        earlier->raw_len = p->raw_len;
        return WARD_OK;
    }
    if (earlier) /* there and back is nothing */
        earlier->raw = NULL;
    if (!needed)
        return WARD_OK;
    return new_op(c, p) ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "transaction");
}

static void leave_out_taken_back(struct compile *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->op_count; i++)
        if (c->ops[i].raw)
            c->ops[n++] = c->ops[i];
    c->op_count = n;
}

static int compare_deps(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_dep *)a)->feed, &((const struct ward_dep *)b)->feed);
}

/* The heads of the space's other feeds that came since the own last change, as far as their branches agree; the depth that follows. A
 * chain beside the one that is settled is not named: others refuse it, and this change with it. */
static int gather_deps(struct compile *c, struct ward_dep **out, size_t *count, uint64_t *depth, struct ward_error *err)
{
    ward_replica *r = c->t->r;
    const struct ward_space *s = ward_directory_space(&r->dir, c->sid);
    struct ward_feed *own = ward_directory_feed(&r->dir, c->fid);
    struct ward_dep *deps = ward_arena_take(&c->t->arena, (s->feed_count + 1) * sizeof *deps);
    size_t n = 0;
    if (!deps)
        return ward_fail(err, WARD_ERR_MEMORY, "deps");
    *depth = own->head_depth;
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        struct ward_dep dep = {.feed = f->id, .seq = ward_feed_agreed(f)};
        uint64_t held_depth;
        bool astray, short_of_it;
        if (f->parent || ward_hash_compare(&f->id, &own->id) == 0 || dep.seq <= ward_dep_seen(r, &own->vv, f))
            continue;
        int rc = ward_own_is_astray(r, f, &astray, &short_of_it, err);
        if (!rc && astray)
            continue;
        if (!rc)
            rc = ward_chain_at(r, f->fid, dep.seq, &dep.hash, &held_depth, err);
        if (rc)
            return rc;
        deps[n++] = dep;
        if (held_depth > *depth)
            *depth = held_depth;
        if (ward_vv_raise(&own->vv, &r->env, f->fid, dep.seq))
            return ward_fail(err, WARD_ERR_MEMORY, "deps");
    }
    if (n > WARD_DEPS_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_DEPS, "%zu feeds have news", n);
    if (n)
        qsort(deps, n, sizeof *deps, compare_deps);
    *depth += 1;
    *out = deps;
    *count = n;
    return WARD_OK;
}

/* How many of the ops go into one change. */
static size_t fit(const struct ward_op *ops, size_t count, size_t room)
{
    size_t n = 0, bytes = 0;
    while (n < count && n < WARD_OPS_MAX) {
        bytes += ops[n].raw_len + ops[n].key_len + 32;
        if (n > 0 && bytes > room)
            break;
        n++;
    }
    return n;
}

static int write_changes(struct compile *c, struct ward_pen *pen, struct ward_error *err)
{
    struct ward_dep *deps = NULL;
    size_t dep_count = 0, done = 0;
    uint64_t depth = 0;
    int rc = gather_deps(c, &deps, &dep_count, &depth, err);
    while (!rc && done < c->op_count) {
        size_t n = fit(c->ops + done, c->op_count - done, WARD_BODY_MAX - 1024 - dep_count * 80);
        ward_ops_number(c->ops + done, n);
        rc = ward_pen_write(pen, ward_replica_now(c->t->r), depth++, deps, dep_count, c->ops + done, n, err);
        done += n;
        dep_count = 0;
    }
    return rc;
}

static void add_up(struct ward_commit *sum, const struct ward_commit *more)
{
    sum->changes += more->changes;
    sum->ops += more->ops;
    sum->bytes += more->bytes;
}

static int commit_space(ward_txn *t, struct ward_apply *a, uint32_t index, struct ward_commit *out, struct ward_error *err)
{
    ward_replica *r = t->r;
    struct ward_grant root;
    const struct ward_grant *g = writer(t, &root);
    int rc = entitled(t, &t->spaces[index], err); /* again: a cut may have come since */
    if (rc)
        return rc;
    const struct ward_grant grant = *g;
    struct compile c = {.t = t, .apply = a, .rank = ward_role_rules(grant.role)->rank, .by_slot = {.env = &r->env}};
    struct ward_hash feed_id;
    ward_name_feed(&feed_id, &r->ward, &t->spaces[index], &grant.id);
    const struct ward_feed *f = ward_directory_feed_by_id(&r->dir, &feed_id);
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, &t->spaces[index]);
    c.fid = f ? f->fid : 0;
    c.sid = s ? s->sid : 0;
    for (size_t i = 0; !rc && i < t->put_count; i++)
        if (t->puts[i].space == index)
            rc = compile_put(&c, &t->puts[i], err);
    ward_op_index_free(&c.by_slot); /* the numbers change */
    leave_out_taken_back(&c);
    if (!rc && c.op_count) {
        struct ward_pen pen;
        rc = ward_pen_begin(&pen, a, &t->spaces[index], &grant, t->root ? t->root : r->keys, err);
        c.sid = pen.sid;
        c.fid = pen.fid;
        if (!rc)
            rc = write_changes(&c, &pen, err);
        rc = ward_pen_end(&pen, rc, err);
        add_up(out, &pen.sum);
    }
    ward_release(&r->env, c.ops);
    return rc;
}

int ward_commit(ward_txn *t, struct ward_commit *out, struct ward_error *err)
{
    struct ward_apply a;
    struct ward_commit sum = {0};
    int rc = ward_apply_begin(&a, t->r, err);
    if (!rc) {
        rc = t->root ? WARD_OK : ward_own_rewrite_in(&a, err);
        for (uint32_t i = 0; !rc && i < t->space_count; i++)
            rc = commit_space(t, &a, i, &sum, err);
        if (!rc && sum.changes == 0)
            rc = ward_fail(err, WARD_ERR_NOTHING, "nothing to write");
        rc = ward_apply_end(&a, rc, err);
    }
    if (!rc && out)
        *out = sum;
    ward_abort(t);
    return rc;
}
