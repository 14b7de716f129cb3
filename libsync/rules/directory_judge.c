/* directory_judge.c - which grants, cuts and closings count, and how far each feed has effect by them. proto/authority.md. */
#include "rules/directory.h"
#include "values/feed.h"

#include <string.h>

/* By what a change is judged: the first so many cuts, and whether it may lie where its feed has parted. */
struct bar {
    size_t cuts;
    bool forks;
};

/* The change counts by that alone, grants being marked as they stand by the same. Of the root's feed all branches count: whoever holds the
 * root key means each of them, and a ward that loses the root's word has nothing left to stand on. */
static bool change_counts(const struct ward_directory *d, const struct ward_feed *f, uint64_t seq, struct bar by)
{
    const struct ward_grant *g = ward_directory_grant(d, &f->grant);
    bool parted = by.forks && f->forked && seq > f->fork;
    return g && g->effective && (g->role == WARD_ROLE_ROOT || (!parted && seq <= ward_cut_limit(d->cuts, by.cuts, &g->id, &f->id)));
}

/* Marks the grants that reach back to the root by changes that count; grows until nothing is added, so that grants which go round are as
 * harmless as others. */
static void mark_grants(struct ward_directory *d, struct bar by)
{
    bool grown = true;
    for (size_t i = 0; i < d->grant_count; i++)
        d->grants[i].effective = d->grants[i].role == WARD_ROLE_ROOT;
    while (grown) {
        grown = false;
        for (size_t i = 0; i < d->writer_count; i++) {
            const struct ward_grant_writer *w = &d->writers[i];
            const struct ward_feed *f = ward_directory_feed(d, w->fid);
            struct ward_grant *g = &d->grants[w->grant - 1];
            if (g->effective || !f || !ward_may_grant(f->role, g->role) || !change_counts(d, f, w->seq, by))
                continue;
            g->effective = grown = true;
        }
    }
}

/* Most cuts end keys that let nobody in: what grants are marked stays as it is. */
static bool moves_marks(const struct ward_directory *d, const struct ward_cut *cut)
{
    struct ward_id entity;
    for (size_t i = 0; cut->effective && i < d->writer_count; i++) {
        const struct ward_feed *f = ward_directory_feed(d, d->writers[i].fid);
        if (!f)
            continue;
        ward_grant_entity(&entity, &f->grant);
        if (ward_id_equal(&cut->grant_entity, &entity))
            return true;
    }
    return false;
}

bool ward_grant_effective(const struct ward_directory *d, const struct ward_hash *grant)
{
    const struct ward_grant *g = ward_directory_grant(d, grant);
    return g && g->effective;
}

bool ward_grant_is_cut(const struct ward_directory *d, const struct ward_hash *grant)
{
    struct ward_id entity;
    ward_grant_entity(&entity, grant);
    for (size_t i = 0; i < d->cut_count; i++)
        if (d->cuts[i].effective && ward_id_equal(&d->cuts[i].grant_entity, &entity))
            return true;
    return false;
}

bool ward_grant_stands(const struct ward_directory *d, const struct ward_hash *grant)
{
    return ward_grant_effective(d, grant) && !ward_grant_is_cut(d, grant);
}

static uint64_t limit_by_grants(const struct ward_directory *d, const struct ward_feed *f)
{
    if (f->role == WARD_ROLE_ROOT) // NOLINT(clang-analyzer-core.NullDereference): a row, never the NULL of looking one up
        return UINT64_MAX;
    return ward_grant_effective(d, &f->grant) ? ward_cut_limit(d->cuts, d->cut_count, &f->grant, &f->id) : 0;
}

/* Whatever cuts and forks say, what is settled stays as it was settled. */
uint64_t ward_directory_limit(const struct ward_directory *d, const struct ward_feed *f)
{
    uint64_t limit = limit_by_grants(d, f);
    if (f->forked && f->fork < limit)
        limit = f->fork;
    if (f->below)
        return limit < f->base ? limit : f->base;
    if (f->settled.effect < f->settled.seq)
        return f->settled.effect;
    return limit < f->settled.seq ? f->settled.seq : limit;
}

void ward_directory_settled(const struct ward_directory *d, const struct ward_hash *space, const struct ward_hash *feed,
                            struct ward_floor_entry *out)
{
    struct ward_id entity;
    ward_floor_entity(&entity, space);
    *out = (struct ward_floor_entry){.seq = 0};
    for (size_t i = 0; i < d->closing_count; i++) {
        const struct ward_closing *c = &d->closings[i];
        const struct ward_floor *floor =
            c->effective && ward_id_equal(&c->space, &entity) ? ward_directory_floor(d, &c->space, &c->name) : NULL;
        for (size_t j = 0; floor && j < floor->count; j++)
            if (ward_hash_compare(&floor->entries[j].feed, feed) == 0)
                ward_floor_raise(out, &floor->entries[j]);
    }
}

/* A closing counts if by the cuts before it its change does: a later cut of its author takes nothing back that all devices have settled,
 * and let go of. Nor does it that his feed, or that of who let him in, is found to have parted. */
static void judge_closings(struct ward_directory *d)
{
    struct bar by = {.cuts = 0, .forks = false};
    ward_closings_sort(d->closings, d->closing_count);
    if (d->closing_count)
        mark_grants(d, by);
    for (size_t i = 0; i < d->closing_count; i++) {
        struct ward_closing *c = &d->closings[i];
        const struct ward_feed *f = ward_directory_feed(d, c->fid);
        bool moved = false;
        for (; by.cuts < d->cut_count && ward_cut_before_closing(&d->cuts[by.cuts], c); by.cuts++)
            moved |= moves_marks(d, &d->cuts[by.cuts]);
        if (moved)
            mark_grants(d, by);
        c->effective = f && change_counts(d, f, c->seq, by);
    }
}

/* Of feeds of its space alone: what a floor says of others is nothing. */
static void settle(struct ward_directory *d, const struct ward_floor *floor)
{
    for (size_t i = 0; i < floor->count; i++) {
        struct ward_feed *f = ward_directory_feed_by_id(d, &floor->entries[i].feed);
        const struct ward_space *s = f ? ward_directory_space(d, f->sid) : NULL;
        if (s && s->circle_count && memcmp(s->id.b, floor->space.b, sizeof floor->space.b) == 0)
            ward_floor_raise(&f->settled, &floor->entries[i]);
    }
}

static void settle_all(struct ward_directory *d)
{
    for (size_t i = 0; i < d->feed_count; i++) {
        d->feeds[i].settled = (struct ward_floor_entry){.seq = 0};
        d->feeds[i].astray = 0;
    }
    for (size_t i = 0; i < d->closing_count; i++) {
        const struct ward_closing *c = &d->closings[i];
        const struct ward_floor *floor = c->effective ? ward_directory_floor(d, &c->space, &c->name) : NULL;
        if (floor)
            settle(d, floor);
    }
    for (size_t i = 0; i < d->feed_count; i++)
        if (!d->feeds[i].parent && d->feeds[i].next)
            ward_directory_find_fork(d, &d->feeds[i]);
}

/* Where the cuts made by the same change as cut i begin: they are decided together, by those before all of them. */
static size_t first_of_change(const struct ward_cut *cuts, size_t i)
{
    while (i > 0 && cuts[i - 1].fid == cuts[i].fid && cuts[i - 1].seq == cuts[i].seq)
        i--;
    return i;
}

void ward_directory_judge(struct ward_directory *d)
{
    ward_cuts_sort(d->cuts, d->cut_count);
    for (size_t i = 0; i < d->cut_count; i++)
        d->cuts[i].effective = false;
    bool moved = true;
    for (size_t i = 0; i < d->cut_count; i++) {
        struct ward_cut *cut = &d->cuts[i];
        struct bar by = {.cuts = first_of_change(d->cuts, i), .forks = true};
        const struct ward_feed *f = ward_directory_feed(d, cut->fid);
        if (by.cuts == i && moved) {
            mark_grants(d, by);
            moved = false;
        }
        cut->effective = f && ward_role_rules(f->role)->may_cut && change_counts(d, f, cut->seq, by);
        moved |= moves_marks(d, cut);
    }
    judge_closings(d);
    mark_grants(d, (struct bar){.cuts = d->cut_count, .forks = true});
    settle_all(d);
    for (size_t i = 0; i < d->feed_count; i++)
        d->feeds[i].limit = ward_directory_limit(d, &d->feeds[i]);
}
