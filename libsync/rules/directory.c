#include "rules/directory.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "values/feed.h"

#include <string.h>

/* ---- index: open addressing; the keys are hashes already */

static uint64_t key_of(const uint8_t *id)
{
    uint64_t k;
    memcpy(&k, id, sizeof k);
    return k;
}

static int index_resize(struct ward_index *ix, const struct ward_env *env)
{
    struct ward_index old = *ix;
    size_t cap = old.cap ? old.cap * 2 : 64;
    ix->keys = ward_alloc(env, cap * sizeof *ix->keys);
    ix->values = ward_alloc(env, cap * sizeof *ix->values);
    if (!ix->keys || !ix->values) {
        ward_release(env, ix->keys);
        ward_release(env, ix->values);
        *ix = old;
        return WARD_ERR_MEMORY;
    }
    ix->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (!old.values[i])
            continue;
        size_t at = old.keys[i] & (cap - 1);
        while (ix->values[at])
            at = (at + 1) & (cap - 1);
        ix->keys[at] = old.keys[i];
        ix->values[at] = old.values[i];
    }
    ward_release(env, old.keys);
    ward_release(env, old.values);
    return WARD_OK;
}

static int index_add(struct ward_index *ix, const struct ward_env *env, const uint8_t *id, uint32_t value)
{
    if (ix->count * 2 >= ix->cap) {
        int rc = index_resize(ix, env);
        if (rc)
            return rc;
    }
    uint64_t key = key_of(id);
    size_t at = key & (ix->cap - 1);
    while (ix->values[at])
        at = (at + 1) & (ix->cap - 1);
    ix->keys[at] = key;
    ix->values[at] = value;
    ix->count++;
    return WARD_OK;
}

/* The next value with this key from *at on; *at SIZE_MAX to start. 0: none left. */
static uint32_t index_next(const struct ward_index *ix, const uint8_t *id, size_t *at)
{
    if (!ix->cap)
        return 0;
    uint64_t key = key_of(id);
    *at = *at == SIZE_MAX ? key & (ix->cap - 1) : (*at + 1) & (ix->cap - 1);
    while (ix->values[*at]) {
        if (ix->keys[*at] == key)
            return ix->values[*at];
        *at = (*at + 1) & (ix->cap - 1);
    }
    return 0;
}

static void index_free(struct ward_index *ix, const struct ward_env *env)
{
    ward_release(env, ix->keys);
    ward_release(env, ix->values);
    *ix = (struct ward_index){0};
}

/* ---- life */

void ward_directory_init(struct ward_directory *d, const struct ward_env *env, const struct ward_hash *ward)
{
    *d = (struct ward_directory){.env = env, .ward = *ward};
}

void ward_directory_free(struct ward_directory *d)
{
    for (size_t i = 0; i < d->space_count; i++) {
        ward_release(d->env, d->spaces[i].circle);
        ward_release(d->env, d->spaces[i].feeds);
    }
    for (size_t i = 0; i < d->feed_count; i++)
        ward_vv_free(&d->feeds[i].vv, d->env);
    for (size_t i = 0; i < d->cut_count; i++)
        ward_release(d->env, (void *)d->cuts[i].entries);
    for (size_t i = 0; i < d->floor_count; i++)
        ward_release(d->env, (void *)d->floors[i].entries);
    ward_release(d->env, d->grants);
    ward_release(d->env, d->writers);
    ward_release(d->env, d->spaces);
    ward_release(d->env, d->feeds);
    ward_release(d->env, d->author_rows);
    ward_release(d->env, d->cuts);
    ward_release(d->env, d->floors);
    ward_release(d->env, d->closings);
    index_free(&d->grant_index, d->env);
    index_free(&d->space_index, d->env);
    index_free(&d->feed_index, d->env);
    index_free(&d->floor_index, d->env);
    ward_directory_init(d, d->env, &d->ward);
}

/* ---- looking up */

struct ward_space *ward_directory_space(const struct ward_directory *d, uint32_t sid)
{
    return sid >= 1 && sid <= d->space_count ? &d->spaces[sid - 1] : NULL;
}

struct ward_feed *ward_directory_feed(const struct ward_directory *d, uint32_t fid)
{
    return fid >= 1 && fid <= d->feed_count ? &d->feeds[fid - 1] : NULL;
}

const struct ward_grant *ward_directory_grant(const struct ward_directory *d, const struct ward_hash *id)
{
    size_t at = SIZE_MAX;
    for (uint32_t i; (i = index_next(&d->grant_index, id->b, &at)) != 0;)
        if (ward_hash_compare(&d->grants[i - 1].id, id) == 0)
            return &d->grants[i - 1];
    return NULL;
}

const struct ward_grant *ward_directory_grant_short(const struct ward_directory *d, const uint8_t short_id[8])
{
    size_t at = SIZE_MAX;
    uint32_t i = index_next(&d->grant_index, short_id, &at);
    return i ? &d->grants[i - 1] : NULL;
}

const struct ward_grant *ward_directory_grant_by_link(const struct ward_directory *d, const uint8_t link_pk[32])
{
    for (size_t i = 0; i < d->grant_count; i++)
        if (d->grants[i].role != WARD_ROLE_ROOT && memcmp(d->grants[i].link_pk, link_pk, 32) == 0)
            return &d->grants[i];
    return NULL;
}

struct ward_space *ward_directory_space_by_id(const struct ward_directory *d, const struct ward_hash *id)
{
    size_t at = SIZE_MAX;
    for (uint32_t i; (i = index_next(&d->space_index, id->b, &at)) != 0;)
        if (ward_hash_compare(&d->spaces[i - 1].id, id) == 0)
            return &d->spaces[i - 1];
    return NULL;
}

struct ward_space *ward_directory_space_short(const struct ward_directory *d, const uint8_t short_id[8])
{
    size_t at = SIZE_MAX;
    return ward_directory_space(d, index_next(&d->space_index, short_id, &at));
}

struct ward_feed *ward_directory_feed_by_id(const struct ward_directory *d, const struct ward_hash *id)
{
    size_t at = SIZE_MAX;
    for (uint32_t i; (i = index_next(&d->feed_index, id->b, &at)) != 0;)
        if (ward_hash_compare(&d->feeds[i - 1].id, id) == 0)
            return &d->feeds[i - 1];
    return NULL;
}

struct ward_feed *ward_directory_feed_of(const struct ward_directory *d, const struct ward_space *space, const struct ward_hash *grant,
                                         struct ward_hash *id)
{
    ward_name_feed(id, &d->ward, &space->id, grant);
    return ward_directory_feed_by_id(d, id);
}

/* ---- branches */

struct ward_feed *ward_directory_trunk(const struct ward_directory *d, const struct ward_feed *f)
{
    while (f->parent)
        f = ward_directory_feed(d, f->parent);
    return (struct ward_feed *)f;
}

size_t ward_directory_branches(const struct ward_directory *d, const struct ward_feed *trunk)
{
    size_t n = 0;
    for (const struct ward_feed *f = ward_directory_next_above(d, trunk); f; f = ward_directory_next_above(d, f))
        n++;
    return n;
}

uint64_t ward_directory_common_seq(const struct ward_directory *d, const struct ward_feed *f)
{
    uint64_t common = f->head_seq;
    for (; f->parent; f = ward_directory_feed(d, f->parent)) /* a branch of a branch leaves it later than that one leaves the trunk */
        common = f->base;
    return common;
}

uint64_t ward_directory_shared_seq(const struct ward_directory *d, const struct ward_feed *a, const struct ward_feed *b)
{
    uint64_t upto = a->head_seq, other = b->head_seq;
    while (a != b) /* a parent has the smaller number */
        if (a->fid > b->fid) {
            upto = a->base;
            a = ward_directory_feed(d, a->parent);
        } else {
            other = b->base;
            b = ward_directory_feed(d, b->parent);
        }
    return upto < other ? upto : other;
}

bool ward_directory_shattered(const struct ward_directory *d, const struct ward_feed *trunk)
{
    return trunk->forked && ward_directory_branches(d, trunk) >= WARD_BRANCHES_MAX;
}

uint64_t ward_feed_agreed(const struct ward_feed *f)
{
    return f->forked && f->fork < f->head_seq ? f->fork : f->head_seq;
}

void ward_directory_find_fork(struct ward_directory *d, struct ward_feed *trunk)
{
    uint64_t fork = UINT64_MAX;
    for (struct ward_feed *f = ward_directory_next(d, trunk); f; f = ward_directory_next(d, f)) {
        f->below = f->gone || ward_directory_common_seq(d, f) < trunk->settled.seq;
        if (!f->below && f->base < fork)
            fork = f->base;
    }
    for (struct ward_feed *f = trunk; f; f = ward_directory_next(d, f)) {
        f->forked = fork != UINT64_MAX;
        f->fork = fork;
    }
}

/* ---- adding. Room for all of it is made first, so that a failure leaves everything as it was. */

int ward_directory_add_grant(struct ward_directory *d, const struct ward_grant *g, uint32_t writer_fid, uint64_t writer_seq)
{
    const struct ward_grant *known = ward_directory_grant(d, &g->id);
    uint32_t number = known ? (uint32_t)(known - d->grants) + 1 : (uint32_t)d->grant_count + 1;
    int rc = ward_grow(d->env, (void **)&d->writers, &d->writer_cap, d->writer_count, sizeof d->writers[0]);
    if (!rc && !known)
        rc = ward_grow(d->env, (void **)&d->grants, &d->grant_cap, d->grant_count, sizeof d->grants[0]);
    if (!rc && !known)
        rc = index_add(&d->grant_index, d->env, g->id.b, number);
    if (rc)
        return rc;
    if (!known)
        d->grants[d->grant_count++] = *g;
    d->writers[d->writer_count++] = (struct ward_grant_writer){number, writer_fid, writer_seq};
    return WARD_OK;
}

int ward_directory_add_space(struct ward_directory *d, uint32_t sid, const struct ward_hash *id, const struct ward_id *circle, size_t count)
{
    if (sid != d->space_count + 1)
        return WARD_ERR_CORRUPT;
    struct ward_space s = {.sid = sid, .id = *id, .circle_count = count};
    if (count) {
        s.circle = ward_alloc(d->env, count * sizeof *circle);
        if (!s.circle)
            return WARD_ERR_MEMORY;
        memcpy(s.circle, circle, count * sizeof *circle);
    }
    int rc = ward_grow(d->env, (void **)&d->spaces, &d->space_cap, d->space_count, sizeof d->spaces[0]);
    if (!rc)
        rc = index_add(&d->space_index, d->env, id->b, sid);
    if (rc) {
        ward_release(d->env, s.circle);
        return rc;
    }
    d->spaces[d->space_count++] = s;
    return WARD_OK;
}

static void list_in_space(const struct ward_directory *d, struct ward_space *s, const struct ward_feed *f)
{
    size_t at = s->feed_count++;
    for (; at > 0 && ward_hash_compare(&d->feeds[s->feeds[at - 1] - 1].id, &f->id) > 0; at--)
        s->feeds[at] = s->feeds[at - 1];
    s->feeds[at] = f->fid;
}

int ward_directory_add_feed(struct ward_directory *d, const struct ward_feed *f)
{
    struct ward_space *s = ward_directory_space(d, f->sid);
    const struct ward_feed *parent = ward_directory_feed(d, f->parent);
    if (f->fid != d->feed_count + 1 || !s)
        return WARD_ERR_CORRUPT;
    if (f->parent && (!parent || parent->sid != f->sid || ward_hash_compare(&parent->id, &f->id) != 0 ||
                      (f->head_seq && f->base < parent->base) || f->base > parent->head_seq)) /* one that was given up holds nothing */
        return WARD_ERR_CORRUPT;
    if (f->head_seq < f->base)
        return WARD_ERR_CORRUPT;
    int rc = ward_grow(d->env, (void **)&d->feeds, &d->feed_cap, d->feed_count, sizeof d->feeds[0]);
    if (!rc)
        rc = ward_grow(d->env, (void **)&d->author_rows, &d->author_cap, d->feed_count + 1, sizeof d->author_rows[0]);
    if (!rc)
        rc = ward_grow(d->env, (void **)&s->feeds, &s->feed_cap, s->feed_count, sizeof s->feeds[0]);
    if (!rc && !f->parent)
        rc = index_add(&d->feed_index, d->env, f->id.b, f->fid);
    if (rc)
        return rc;
    d->feeds[d->feed_count++] = *f;
    d->author_rows[0] = (struct ward_author){0};
    d->author_rows[f->fid] = (struct ward_author){.feed = f->id, .rank = ward_role_rules(f->role)->rank};
    d->authors = (struct ward_authors){d->author_rows, d->feed_count + 1};
    list_in_space(d, s, f);
    d->feeds[f->fid - 1].next = 0;
    if (f->parent) {
        struct ward_feed *trunk = ward_directory_trunk(d, f), *last = trunk;
        while (last->next)
            last = ward_directory_next(d, last);
        last->next = f->fid;
        ward_directory_find_fork(d, trunk);
    }
    return WARD_OK;
}

const struct ward_cut *ward_directory_cut(const struct ward_directory *d, uint32_t fid, uint64_t seq, const struct ward_id *entity)
{
    for (size_t i = 0; i < d->cut_count; i++)
        if (d->cuts[i].fid == fid && d->cuts[i].seq == seq && ward_id_equal(&d->cuts[i].grant_entity, entity))
            return &d->cuts[i];
    return NULL;
}

/* What both leave: of each feed the least seq, and a feed missing in one is left nothing. */
static void narrow(struct ward_cut_entry *own, size_t *own_count, const struct ward_cut_entry *entries, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *own_count; i++)
        for (size_t j = 0; j < count; j++)
            if (ward_hash_compare(&own[i].feed, &entries[j].feed) == 0)
                own[kept++] = entries[j].seq < own[i].seq ? entries[j] : own[i];
    *own_count = kept;
}

int ward_directory_add_cut(struct ward_directory *d, const struct ward_cut *cut, const struct ward_cut_entry *entries, size_t count)
{
    struct ward_cut *before = (struct ward_cut *)ward_directory_cut(d, cut->fid, cut->seq, &cut->grant_entity);
    if (before) {
        narrow((struct ward_cut_entry *)before->entries, &before->entry_count, entries, count);
        return WARD_OK;
    }
    int rc = ward_grow(d->env, (void **)&d->cuts, &d->cut_cap, d->cut_count, sizeof d->cuts[0]);
    struct ward_cut_entry *own = rc ? NULL : ward_alloc(d->env, (count + 1) * sizeof *own);
    if (!own)
        return WARD_ERR_MEMORY;
    if (count)
        memcpy(own, entries, count * sizeof *own);
    d->cuts[d->cut_count] = *cut;
    d->cuts[d->cut_count].entries = own;
    d->cuts[d->cut_count++].entry_count = count;
    return WARD_OK;
}

const struct ward_floor *ward_directory_floor(const struct ward_directory *d, const struct ward_id *space, const struct ward_hash *name)
{
    size_t at = SIZE_MAX;
    for (uint32_t i; (i = index_next(&d->floor_index, name->b, &at)) != 0;)
        if (ward_hash_compare(&d->floors[i - 1].name, name) == 0 && ward_id_equal(&d->floors[i - 1].space, space))
            return &d->floors[i - 1];
    return NULL;
}

int ward_directory_add_floor(struct ward_directory *d, const struct ward_id *space, const struct ward_hash *name,
                             const struct ward_floor_entry *entries, size_t count)
{
    if (ward_directory_floor(d, space, name))
        return WARD_OK;
    int rc = ward_grow(d->env, (void **)&d->floors, &d->floor_cap, d->floor_count, sizeof d->floors[0]);
    struct ward_floor_entry *own = rc ? NULL : ward_alloc(d->env, (count + 1) * sizeof *own);
    if (!own || index_add(&d->floor_index, d->env, name->b, (uint32_t)d->floor_count + 1)) {
        ward_release(d->env, own);
        return WARD_ERR_MEMORY;
    }
    if (count)
        memcpy(own, entries, count * sizeof *own);
    d->floors[d->floor_count++] = (struct ward_floor){.space = *space, .name = *name, .entries = own, .count = count};
    return WARD_OK;
}

int ward_directory_add_closing(struct ward_directory *d, const struct ward_closing *closing)
{
    for (size_t i = 0; i < d->closing_count; i++)
        if (d->closings[i].fid == closing->fid && d->closings[i].seq == closing->seq && d->closings[i].nth == closing->nth)
            return WARD_OK;
    int rc = ward_grow(d->env, (void **)&d->closings, &d->closing_cap, d->closing_count, sizeof d->closings[0]);
    if (!rc)
        d->closings[d->closing_count++] = *closing;
    return rc;
}
