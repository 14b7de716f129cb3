#include "replica/cut.h"
#include "base/alloc.h"
#include "base/err.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

static int compare_entries(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_cut_entry *)a)->feed, &((const struct ward_cut_entry *)b)->feed);
}

struct counted {
    ward_replica *r;
    const struct ward_hash *grant;
    uint64_t left;
    struct ward_cut_entry *entries;
    size_t count;
};

/* What arrived first is kept, whatever feed it is of: the order of arrival holds every change after those that its author had seen, so
 * that what is kept never rests on what is not. */
static int count_change(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count)
{
    struct counted *c = ctx;
    size_t i = 0;
    (void)ops;
    (void)op_count;
    if (!c->left || ward_hash_compare(&change->grant, c->grant) != 0)
        return WARD_OK;
    c->left--;
    while (i < c->count && ward_hash_compare(&c->entries[i].feed, &change->feed) != 0)
        i++;
    c->count += i == c->count;
    c->entries[i] = (struct ward_cut_entry){.feed = change->feed, .seq = change->seq, .hash = change->hash};
    return WARD_OK;
}

static int entries_after(ward_replica *r, const struct ward_cutting *c, struct ward_cut_entry *entries, size_t *count,
                         struct ward_error *err)
{
    struct counted counted = {r, &c->grant, c->after, entries, 0};
    uint64_t before = 0;
    for (size_t i = 0; i < r->dir.feed_count; i++) { /* what lies below a base came first */
        const struct ward_feed *f = &r->dir.feeds[i];
        if (f->parent || f->base == 0 || ward_hash_compare(&f->grant, &c->grant) != 0)
            continue;
        entries[counted.count++] = (struct ward_cut_entry){.feed = f->id, .seq = f->base, .hash = f->base_hash};
        before += f->base;
    }
    *count = 0;
    if (c->after < before)
        return ward_fail(err, WARD_ERR_HISTORY, "the first %llu of its changes are not held here one by one", (unsigned long long)before);
    counted.left -= before;
    int rc = ward_history(r, NULL, count_change, &counted, err);
    if (!rc && counted.left)
        rc = ward_fail(err, WARD_ERR_RANGE, "it has written %llu changes", (unsigned long long)(c->after - counted.left));
    *count = counted.count;
    return rc;
}

/* Of a feed with branches: what they share. */
static int entries_now(ward_replica *r, const struct ward_hash *grant, struct ward_cut_entry *entries, size_t *count,
                       struct ward_error *err)
{
    int rc = WARD_OK;
    *count = 0;
    for (size_t i = 0; !rc && i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        struct ward_cut_entry e = {.feed = f->id, .seq = ward_feed_agreed(f)};
        uint64_t depth;
        if (f->parent || e.seq == 0 || ward_hash_compare(&f->grant, grant) != 0)
            continue;
        rc = ward_chain_at(r, f->fid, e.seq, &e.hash, &depth, err);
        entries[(*count)++] = e;
    }
    return rc;
}

/* What is settled it cannot take back: who asks for that is told so before anything is written. */
static int above_floors(ward_replica *r, const struct ward_hash *grant, const struct ward_cut_entry *entries, size_t count,
                        struct ward_error *err)
{
    uint64_t settled = 0;
    bool below = false;
    for (size_t i = 0; i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        uint64_t kept = 0;
        if (f->parent || ward_hash_compare(&f->grant, grant) != 0)
            continue;
        for (size_t j = 0; j < count; j++)
            kept = ward_hash_compare(&entries[j].feed, &f->id) == 0 ? entries[j].seq : kept;
        below |= kept < f->settled.effect;
        settled += f->settled.effect;
    }
    return below ? ward_fail(err, WARD_ERR_SETTLED, "%llu of its changes are settled", (unsigned long long)settled) : WARD_OK;
}

int ward_cut_place(ward_replica *r, struct ward_cutting *c, struct ward_error *err)
{
    struct ward_cut_entry *entries = ward_alloc(&r->env, (r->dir.feed_count + 1) * sizeof *entries);
    size_t n = 0;
    int rc = entries ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "cut");
    if (!rc && c->after == UINT64_MAX)
        rc = entries_now(r, &c->grant, entries, &n, err);
    else if (!rc)
        rc = entries_after(r, c, entries, &n, err);
    if (!rc || rc == WARD_ERR_HISTORY) {
        int settled = above_floors(r, &c->grant, entries, n, err);
        rc = settled ? settled : rc;
    }
    ward_buf_init(&c->cut, &r->env);
    if (!rc && n)
        qsort(entries, n, sizeof *entries, compare_entries);
    if (!rc)
        ward_cut_write(&c->cut, entries, n);
    ward_release(&r->env, entries);
    return !rc && ward_buf_status(&c->cut) ? ward_fail(err, WARD_ERR_MEMORY, "cut") : rc;
}

int ward_cut_prepare(ward_replica *r, struct ward_cutting *c, struct ward_error *err)
{
    int rc = ward_replica_refresh(r, err);
    if (rc)
        return rc;
    const struct ward_grant *self = ward_replica_grant(r), *g = ward_directory_grant(&r->dir, &c->grant);
    if (!g || g->role == WARD_ROLE_ROOT)
        return ward_fail(err, WARD_ERR_NOT_FOUND, "device");
    if (!self || !ward_role_rules(self->role)->may_cut)
        return ward_fail(err, WARD_ERR_NOT_ENTITLED, "only an operator ends a device's rights");
    if (!c->reason || !c->reason[0])
        return ward_fail(err, WARD_ERR_REASON, "reason");
    return ward_cut_place(r, c, err);
}

int ward_cut_put(ward_replica *r, ward_txn *t, const struct ward_cutting *c, struct ward_error *err)
{
    struct ward_hash space;
    struct ward_id entity;
    struct ward_value value = {.type = WARD_ARRAY, .p = c->cut.p, .len = c->cut.len}, words = ward_value_text(c->reason);
    ward_space_of_ward(r, &space);
    ward_grant_entity(&entity, &c->grant);
    int rc = ward_put(t, &space, WARD_KIND_GRANT, &entity, WARD_GRANT_CUT, NULL, 0, &value, err);
    if (!rc)
        rc = ward_put(t, &space, WARD_KIND_GRANT, &entity, WARD_GRANT_RETIRED, NULL, 0, &words, err);
    return rc ? rc : ward_reason(t, &space, WARD_KIND_GRANT, &entity, c->reason, err);
}

void ward_cut_free(struct ward_cutting *c)
{
    if (c->cut.env) /* it was placed */
        ward_buf_free(&c->cut);
}

static int revoke(ward_replica *r, struct ward_cutting *c, struct ward_error *err)
{
    ward_txn *t;
    int rc = ward_cut_prepare(r, c, err);
    if (!rc)
        rc = ward_begin(r, &t, err);
    if (rc)
        return rc;
    rc = ward_cut_put(r, t, c, err);
    if (!rc)
        return ward_commit(t, NULL, err);
    ward_abort(t);
    return rc;
}

int ward_revoke_after(ward_replica *r, const struct ward_hash *grant, uint64_t changes, const char *reason, struct ward_error *err)
{
    struct ward_cutting c = {.grant = *grant, .reason = reason, .after = changes};
    int rc = revoke(r, &c, err);
    ward_cut_free(&c);
    return rc;
}

int ward_revoke(ward_replica *r, const struct ward_hash *grant, const char *reason, struct ward_error *err)
{
    return ward_revoke_after(r, grant, UINT64_MAX, reason, err);
}
