/* verify.c - does everything held prove itself? Chains and seals against the keys granted; state against a replay; plain tables against
 * slots. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/authority.h"
#include "replica/base.h"
#include "replica/ingest.h"
#include "rules/view.h"
#include "values/feed.h"
#include "values/receipt.h"
#include "values/seal.h"

#include <stdio.h>
#include <string.h>

struct verify {
    ward_replica *r;
    ward_bad_fn *on_bad;
    void *ctx;
    ward_event_fn *on_event;
    void *event_ctx;
    struct ward_verify_result result;
    uint64_t total;
    struct ward_hash *last; /* by fid: hash and seq reached */
    uint64_t *reached;
    size_t feeds;
};

static void report(struct verify *v, enum ward_part part, int code, const struct ward_feed *f, uint64_t seq, const char *what)
{
    v->result.bad++;
    struct ward_bad bad = {.code = code, .seq = seq, .what = what, .part = part};
    if (f) {
        bad.feed = f->id;
        bad.space = ward_directory_space(&v->r->dir, f->sid)->id;
    }
    if (v->on_bad)
        v->on_bad(v->ctx, &bad);
}

/* The bodies of one segment: canonical, chained; the seal over the last. */
static int check_bodies(struct verify *v, const struct ward_feed *f, const struct ward_segment *seg, const struct ward_buf *raw,
                        struct ward_hash *hash)
{
    struct ward_scratch *s = &v->r->scratch;
    const struct ward_grant *g = ward_directory_grant(&v->r->dir, &f->grant);
    const struct ward_space *space = ward_directory_space(&v->r->dir, f->sid);
    size_t at = 0, used = 0;
    for (uint32_t i = 0; i < seg->count; i++, at += used) {
        ward_scratch_clear(s);
        int rc = ward_change_parse(s, raw->p + at, raw->len - at, &used, NULL);
        if (rc)
            return rc;
        ward_chain(hash, seg->first + i, hash, raw->p + at, used);
    }
    if (at != raw->len)
        return WARD_ERR_TRAILING;
    if (ward_hash_compare(hash, &seg->last_hash) != 0)
        return WARD_ERR_CHAIN;
    if (!g)
        return WARD_ERR_GRANT_UNKNOWN;
    if (!ward_may_write(g, space->circle, space->circle_count))
        return WARD_ERR_NOT_ENTITLED;
    return ward_seal_check(seg->sig, &f->id, seg->first + seg->count - 1, hash, g->sign_pk) ? WARD_OK : WARD_ERR_SEAL;
}

static int check_segment(struct verify *v, const struct ward_segment *seg, struct ward_error *err)
{
    char what[200];
    const struct ward_feed *f = ward_directory_feed(&v->r->dir, seg->fid);
    struct ward_buf raw;
    if (!f || seg->fid > v->feeds) {
        report(v, WARD_PART_DATABASE, WARD_ERR_CORRUPT, NULL, 0, "a segment belongs to no feed");
        return WARD_OK;
    }
    uint64_t last = seg->first + seg->count - 1;
    struct ward_hash hash = v->last[seg->fid];
    ward_buf_init(&raw, &v->r->env);
    int rc = seg->first == v->reached[seg->fid] + 1 ? ward_store_unpack(v->r->store, seg, &raw, err) : WARD_ERR_GAP;
    if (!rc)
        rc = check_bodies(v, f, seg, &raw, &hash);
    ward_buf_free(&raw);
    if (rc == WARD_ERR_MEMORY) /* ours, not a fault of the log */
        return ward_fail(err, rc, "verify");
    if (rc) {
        if (seg->count == 1)
            snprintf(what, sizeof what, "change %llu: %s", (unsigned long long)seg->first, ward_error_name(rc));
        else
            snprintf(what, sizeof what, "one of the changes %llu to %llu: %s", (unsigned long long)seg->first, (unsigned long long)last,
                     ward_error_name(rc));
        report(v, WARD_PART_LOG, rc, f, seg->first, what);
    }
    v->last[seg->fid] = seg->last_hash; /* what follows is judged by itself */
    v->reached[seg->fid] = last;
    v->result.changes += seg->count;
    v->result.seals++;
    struct ward_event e = {.type = WARD_EVENT_PROGRESS, .done = (int64_t)v->result.changes, .total = (int64_t)v->total};
    if (v->on_event)
        v->on_event(v->event_ctx, &e);
    return WARD_OK;
}

/* A branch leaves its parent where it says, and there alone: the change after that is another on each. */
static int check_branches(struct verify *v, struct ward_error *err)
{
    for (uint32_t fid = 1; fid <= v->feeds && v->result.bad == 0; fid++) {
        const struct ward_feed *f = ward_directory_feed(&v->r->dir, fid), *p = ward_directory_feed(&v->r->dir, f->parent);
        struct ward_hash at, own, other = {{0}};
        uint64_t depth;
        if (!p || f->head_seq == 0) /* one that was given up */
            continue;
        int rc = ward_chain_at(v->r, p->fid, f->base, &at, &depth, err);
        if (!rc)
            rc = ward_chain_at(v->r, f->fid, f->base + 1, &own, &depth, err);
        if (!rc && p->head_seq > f->base)
            rc = ward_chain_at(v->r, p->fid, f->base + 1, &other, &depth, err);
        if (rc)
            return rc;
        if (ward_hash_compare(&at, &f->base_hash) != 0 || ward_hash_compare(&own, &other) == 0)
            report(v, WARD_PART_LOG, WARD_ERR_CHAIN, f, f->base + 1, "a branch does not leave its feed where it says");
    }
    return WARD_OK;
}

static int check_log(struct verify *v, struct ward_error *err)
{
    struct ward_segment seg = {0};
    bool got = true;
    int rc = WARD_OK;
    while (!rc && got) {
        rc = ward_store_next_segment(v->r->store, seg.seg, false, &seg, &got, err);
        if (!rc && got)
            rc = check_segment(v, &seg, err);
    }
    for (uint32_t fid = 1; !rc && fid <= v->feeds; fid++) {
        const struct ward_feed *f = ward_directory_feed(&v->r->dir, fid);
        bool same = f->head_seq == v->reached[fid] && (f->head_seq == 0 || ward_hash_compare(&f->head_hash, &v->last[fid]) == 0);
        if (!same)
            report(v, WARD_PART_HEAD, WARD_ERR_CHAIN, f, f->head_seq, "the head is not that of the log");
    }
    return rc ? rc : check_branches(v, err);
}

static void report_space(struct verify *v, enum ward_part part, uint32_t sid, const char *what)
{
    v->result.bad++;
    struct ward_bad bad = {.code = WARD_ERR_CORRUPT, .space = ward_directory_space(&v->r->dir, sid)->id, .what = what, .part = part};
    if (v->on_bad)
        v->on_bad(v->ctx, &bad);
}

/* What stands in place of a history: its parts are those that its maker has sealed. */
static int check_bases(struct verify *v, struct ward_error *err)
{
    for (uint32_t sid = 1; sid <= v->r->dir.space_count; sid++) {
        const struct ward_space *s = ward_directory_space(&v->r->dir, sid);
        struct ward_error why = {0};
        if (!ward_space_has_base(v->r, s))
            continue;
        v->result.bases++;
        int rc = ward_base_check(v->r, sid, &why);
        if (rc && !ward_is_refusal(rc) && rc != WARD_ERR_CORRUPT && rc != WARD_ERR_NOT_FOUND) {
            *err = why;
            return rc;
        }
        if (rc)
            report_space(v, WARD_PART_LOG, sid, why.detail);
    }
    return WARD_OK;
}

static void check_digests(struct verify *v)
{
    for (uint32_t sid = 1; sid <= v->r->dir.space_count; sid++) {
        struct ward_space copy = *ward_directory_space(&v->r->dir, sid);
        struct ward_hash stored = copy.digest;
        ward_directory_digest(&v->r->dir, &copy);
        if (ward_hash_compare(&copy.digest, &stored) != 0)
            report_space(v, WARD_PART_DIGEST, sid, "the digest is not that of the heads");
    }
}

/* ---- state */

struct plain_check {
    struct verify *v;
    struct ward_arena arena;
    struct ward_buf buf;
    uint64_t *shown;   /* by kind index */
    uint64_t *entries; /* by index of the schema */
    struct ward_error *err;
};

static const struct ward_kind_def *kind_at(const ward_replica *r, size_t i)
{
    if (i < ward_core_schema.kind_count)
        return &ward_core_schema.kinds[i];
    i -= ward_core_schema.kind_count;
    return r->schema && i < r->schema->kind_count ? &r->schema->kinds[i] : NULL;
}

static bool same_value(const struct ward_value *a, const struct ward_value *b)
{
    if (a->type == WARD_BOOL) /* SQLite keeps it as an integer */
        return b->type == WARD_INT && b->integer == (int64_t)a->boolean;
    if (a->type == WARD_ARRAY)
        return b->type == WARD_BYTES && a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
    if (a->type != b->type)
        return false;
    if (a->type == WARD_INT)
        return a->integer == b->integer;
    return a->type == WARD_NULL || (a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0));
}

/* The record stands in the indexes where it should. */
static int check_entries(struct plain_check *c, uint32_t sid, const struct ward_kind_def *def, const struct ward_id *entity,
                         const struct ward_state *state)
{
    ward_replica *r = c->v->r;
    struct ward_index_entries all;
    bool fine = true;
    int rc = ward_index_entries(&all, r->schema, def, state, &r->dir.authors, &c->arena);
    if (rc)
        return ward_fail(c->err, rc, "verify");
    for (size_t i = 0; !rc && fine && i < all.count; i++)
        rc = ward_store_has_entry(r->store, &all.v[i], sid, entity, &fine, c->err);
    for (size_t i = 0; i < all.count; i++)
        c->entries[all.v[i].index]++;
    if (!rc && !fine)
        report(c->v, WARD_PART_PLAIN, WARD_ERR_CORRUPT, NULL, 0, def->name);
    return rc;
}

static int check_plain_row(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p,
                           size_t len)
{
    struct plain_check *c = ctx;
    ward_replica *r = c->v->r;
    const struct ward_kind_def *def = ward_schema_kind(r->schema, kind);
    struct ward_state state;
    (void)conflicts;
    ward_arena_reset(&c->arena);
    ward_state_init(&state, &c->arena);
    c->v->result.records++;
    int rc = ward_state_decode(&state, &r->dir.authors, p, len);
    if (rc == WARD_ERR_MEMORY)
        return ward_fail(c->err, rc, "verify");
    if (rc) {
        report(c->v, WARD_PART_STATE, WARD_ERR_CORRUPT, NULL, 0, "a record cannot be read");
        return WARD_OK;
    }
    if (!def || !ward_state_present(&state))
        return WARD_OK;
    struct ward_value *stored = ward_arena_take(&c->arena, (def->field_count + 1) * sizeof *stored);
    if (!stored)
        return ward_fail(c->err, WARD_ERR_MEMORY, "verify");
    rc = ward_store_get_plain(r->store, sid, def, entity, stored, &c->buf, c->err);
    if (rc && rc != WARD_ERR_NOT_FOUND)
        return rc;
    bool fine = rc == WARD_OK;
    for (size_t i = 0; fine && i < def->field_count; i++) {
        const struct ward_field_def *f = &def->fields[i];
        struct ward_value v;
        if (f->policy != WARD_ADD_WINS)
            v = ward_view_value(f, &state, &r->dir.authors);
        else if (ward_view_members(&v, f, &state))
            return ward_fail(c->err, WARD_ERR_MEMORY, "verify");
        fine = same_value(&v, &stored[i]);
    }
    if (!fine)
        report(c->v, WARD_PART_PLAIN, WARD_ERR_CORRUPT, NULL, 0, def->name);
    for (size_t i = 0; kind_at(r, i); i++)
        c->shown[i] += kind_at(r, i) == def;
    return check_entries(c, sid, def, entity, &state);
}

static int count_entries(struct verify *v, const struct plain_check *c, struct ward_error *err)
{
    const struct ward_schema *schema = v->r->schema;
    int rc = WARD_OK;
    for (size_t i = 0; !rc && schema && i < schema->index_count; i++) {
        uint64_t n;
        rc = ward_store_count_entries(v->r->store, &(struct ward_index_entry){.index = (uint32_t)i}, &n, err);
        if (!rc && n != c->entries[i])
            report(v, WARD_PART_PLAIN, WARD_ERR_CORRUPT, NULL, 0, ward_schema_kind(schema, schema->indexes[i].kind)->name);
    }
    return rc;
}

static int check_plain(struct verify *v, struct ward_error *err)
{
    size_t kinds = ward_core_schema.kind_count + (v->r->schema ? v->r->schema->kind_count : 0);
    size_t indexes = v->r->schema ? v->r->schema->index_count : 0;
    struct plain_check c = {.v = v,
                            .shown = ward_alloc(&v->r->env, (kinds + 1) * sizeof *c.shown),
                            .entries = ward_alloc(&v->r->env, (indexes + 1) * sizeof *c.entries),
                            .err = err};
    ward_arena_init(&c.arena, &v->r->env);
    ward_buf_init(&c.buf, &v->r->env);
    int rc = c.shown && c.entries ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "verify");
    for (uint32_t sid = 1; !rc && sid <= v->r->dir.space_count; sid++)
        rc = ward_store_each_in_space(v->r->store, sid, check_plain_row, &c, err);
    for (size_t i = 0; !rc && i < kinds; i++) {
        uint64_t rows;
        rc = ward_store_count_plain(v->r->store, kind_at(v->r, i), &rows, err);
        if (!rc && rows != c.shown[i])
            report(v, WARD_PART_PLAIN, WARD_ERR_CORRUPT, NULL, 0, kind_at(v->r, i)->name);
    }
    if (!rc)
        rc = count_entries(v, &c, err);
    ward_arena_free(&c.arena);
    ward_buf_free(&c.buf);
    ward_release(&v->r->env, c.shown);
    ward_release(&v->r->env, c.entries);
    return rc;
}

/* As after a replay: what each author had seen is noted as it follows from the log. Where feeds have branches it may be put in two ways. */
static int check_seen(struct verify *v, struct ward_error *err)
{
    for (uint32_t fid = 1; fid <= v->feeds; fid++) {
        const struct ward_feed *f = ward_directory_feed(&v->r->dir, fid);
        struct ward_feed stored = {.fid = fid};
        if (f->parent) /* a branch is not replayed, and what its author had seen stays as it was */
            continue;
        int rc = f->forked ? WARD_OK : ward_store_load_vv(v->r->store, &stored, err);
        bool same = rc == WARD_OK;
        for (size_t i = 0; same && !f->forked && i < f->vv.len; i++) {
            const struct ward_feed *of = ward_directory_feed(&v->r->dir, f->vv.v[i].fid);
            same = of->forked || ward_vv_get(&stored.vv, of->fid) == f->vv.v[i].seq;
        }
        for (size_t i = 0; same && !f->forked && i < stored.vv.len; i++) {
            const struct ward_feed *of = ward_directory_feed(&v->r->dir, stored.vv.v[i].fid);
            same = of && (of->forked || ward_vv_get(&f->vv, of->fid) == stored.vv.v[i].seq);
        }
        ward_vv_free(&stored.vv, &v->r->env);
        if (rc && rc != WARD_ERR_CORRUPT)
            return rc;
        if (!same)
            report(v, WARD_PART_HEAD, WARD_ERR_CORRUPT, f, f->head_seq, "what its author had seen is not that of the log");
    }
    return WARD_OK;
}

/* Replays every space and compares the digests of the states. Within a transaction that is rolled back afterwards. */
static int check_replay(struct verify *v, struct ward_apply *a, struct ward_error *err)
{
    ward_replica *r = v->r;
    size_t n = r->dir.space_count;
    struct ward_hash *before = ward_alloc(&r->env, (n + 1) * sizeof *before), after;
    int rc = before ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "verify");
    for (uint32_t sid = 1; !rc && sid <= n; sid++)
        rc = ward_state_digest(r, &ward_directory_space(&r->dir, sid)->id, &before[sid], err);
    for (uint32_t sid = 1; !rc && sid <= n; sid++)
        rc = ward_apply_replay(a, sid, err);
    if (!rc)
        rc = ward_apply_write(a, err);
    for (uint32_t sid = 1; !rc && sid <= n; sid++) {
        rc = ward_state_digest(r, &ward_directory_space(&r->dir, sid)->id, &after, err);
        if (!rc && ward_hash_compare(&before[sid], &after) != 0)
            report_space(v, WARD_PART_STATE, sid, "the state is not that of the log");
    }
    ward_release(&r->env, before);
    return rc ? rc : check_seen(v, err);
}

/* Within the same transaction. A log that cannot be read has been told of. */
static int check_authority(struct verify *v, struct ward_apply *a, struct ward_error *err)
{
    struct ward_error why = {0};
    bool changed;
    int rc = ward_authority_renew(a, &changed, &why);
    if (changed)
        report(v, WARD_PART_AUTHORITY, WARD_ERR_CORRUPT, NULL, 0, "grants and cuts are not those of the log");
    if (rc && rc != WARD_ERR_CORRUPT && err)
        *err = why;
    return rc == WARD_ERR_CORRUPT ? WARD_OK : rc;
}

static int check_receipt(void *ctx, const struct ward_store_receipt *row)
{
    struct verify *v = ctx;
    const struct ward_grant *g = ward_directory_grant(&v->r->dir, &row->grant);
    struct ward_receipt receipt;
    char what[40];
    int rc = ward_receipt_read_heads(&receipt, row->heads, row->len);
    receipt.ward = v->r->ward;
    receipt.grant = row->grant;
    receipt.wall_ms = row->wall_ms;
    memcpy(receipt.sig, row->sig, sizeof receipt.sig);
    if (!rc)
        rc = g ? ward_receipt_check(&receipt, g->sign_pk, &v->r->packed) : WARD_ERR_GRANT_UNKNOWN;
    if (rc == WARD_ERR_MEMORY)
        return rc;
    snprintf(what, sizeof what, "receipt %lld", (long long)row->number);
    if (rc)
        report(v, WARD_PART_RECEIPT, rc, NULL, 0, what);
    return WARD_OK;
}

static int check_receipts(struct verify *v, struct ward_error *err)
{
    struct ward_error why = {0};
    int rc = ward_store_each_receipt(v->r->store, check_receipt, v, &why);
    if (rc == WARD_ERR_CORRUPT)
        report(v, WARD_PART_RECEIPT, rc, NULL, 0, "a row does not make sense");
    else if (rc)
        return ward_fail(err, rc, "receipts");
    return WARD_OK;
}

/* Others must not write while rows are compared with each other: where this replica may write, it holds the lock for that time. */
static int check_state(struct verify *v, struct ward_error *err)
{
    struct ward_error why = {0};
    struct ward_apply a;
    int rc = ward_store_integrity(v->r->store, &why);
    if (rc == WARD_ERR_CORRUPT)
        report(v, WARD_PART_DATABASE, rc, NULL, 0, why.detail);
    else if (rc)
        return err ? (*err = why, rc) : rc;
    if (ward_store_read_only(v->r->store)) /* tables of another schema wait for whoever may write: nothing to compare with */
        return ward_store_plain_stale(v->r->store) ? WARD_OK : check_plain(v, err);
    rc = ward_apply_begin(&a, v->r, err);
    if (rc)
        return rc;
    rc = check_plain(v, err);
    if (!rc)
        rc = check_authority(v, &a, err);
    if (!rc && v->result.bad == 0) /* a log that does not hold cannot be replayed; that it does not hold has been said */
        rc = check_replay(v, &a, err);
    ward_apply_end(&a, WARD_ERR_CANCELLED, NULL);
    return rc;
}

static int begin(struct verify *v, struct ward_error *err)
{
    ward_replica *r = v->r;
    int rc = ward_replica_reload(r, err);
    if (rc)
        return rc;
    v->feeds = r->dir.feed_count;
    v->last = ward_alloc(&r->env, (v->feeds + 1) * sizeof *v->last);
    v->reached = ward_alloc(&r->env, (v->feeds + 1) * sizeof *v->reached);
    if (!v->last || !v->reached)
        return ward_fail(err, WARD_ERR_MEMORY, "verify");
    for (size_t i = 0; i < v->feeds; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        v->reached[i + 1] = f->base;
        v->last[i + 1] = f->parent || f->base ? f->base_hash : f->id;
        v->total += ward_feed_logged(f);
        v->result.below_base += f->parent ? 0 : f->base;
    }
    return WARD_OK;
}

/* Directory and log as of one moment: others may go on writing meanwhile, and what they add may join what was there (log.h). */
static int check_what_is_kept(struct verify *v, struct ward_error *err)
{
    int rc = ward_store_look(v->r->store, err);
    if (rc)
        return rc;
    rc = begin(v, err);
    if (!rc)
        rc = check_log(v, err);
    if (!rc)
        rc = check_bases(v, err);
    if (!rc)
        check_digests(v);
    ward_store_looked(v->r->store);
    return rc;
}

int ward_verify(ward_replica *r, bool full, ward_bad_fn *on_bad, void *ctx, ward_event_fn *on_event, struct ward_verify_result *out,
                struct ward_error *err)
{
    struct verify v = {.r = r, .on_bad = on_bad, .ctx = ctx, .on_event = on_event, .event_ctx = ctx};
    int rc = check_what_is_kept(&v, err);
    if (!rc && full)
        rc = check_receipts(&v, err);
    if (!rc && full)
        rc = check_state(&v, err);
    ward_release(&r->env, v.last);
    ward_release(&r->env, v.reached);
    if (!rc)
        *out = v.result;
    return rc;
}
