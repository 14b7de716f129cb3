/* proto/authority.md, slow and obvious: cuts, floors, forks, grants, notes of release. */
#include "check.h"
#include "model_parts.h"
#include "rules/schema.h"
#include "values/change.h"
#include "work.h"

#include <stdlib.h>
#include <string.h>

#define FLOORS_MAX  256
#define ENTRIES_MAX 256

/* The root's first, then by depth, feed, seq and place in the change. */
static int change_order(const struct place *a, const struct place *b)
{
    bool root_a = a->by->rank == ROOT_RANK, root_b = b->by->rank == ROOT_RANK;
    int order = root_b - root_a;
    if (!order)
        order = (a->depth > b->depth) - (a->depth < b->depth);
    if (!order)
        order = memcmp(a->by->id.b, b->by->id.b, 32);
    return order ? order : (a->seq > b->seq) - (a->seq < b->seq);
}

static int place_order(const struct place *a, const struct place *b)
{
    int order = change_order(a, b);
    return order ? order : (a->nth > b->nth) - (a->nth < b->nth);
}

/* Whether a change of the ward space has effect by the first `cuts` cuts alone; forks: not where a feed has parted. */
static bool counts_by(struct judged *g, const struct place *at, size_t cuts, bool forks)
{
    size_t all = g->cut_count;
    g->cut_count = cuts;
    g->forks = forks;
    memset(g->known, 0, g->m->feed_count * sizeof *g->known);
    bool counts = at->by->rank == ROOT_RANK || at->seq <= model_limit(g, at->branch);
    g->cut_count = all;
    g->forks = true;
    memset(g->known, 0, g->m->feed_count * sizeof *g->known);
    return counts;
}

/* Of those beyond its base. */
static const struct model_change *own_change(const struct model_feed *branch, uint64_t seq)
{
    return &branch->changes[seq - branch->base - 1];
}

struct cut_op {
    struct place at;
    const struct model_op *op;
};

static int cut_order(const void *a, const void *b)
{
    return place_order(&((const struct cut_op *)a)->at, &((const struct cut_op *)b)->at);
}

/* Those in the ward space that are held; one counts if by those before it its change has effect, and those of one change by those before
 * all of them. */
static void find_cuts(struct judged *g)
{
    const struct model *m = g->m;
    struct cut_op all[CUTS_MAX];
    size_t count = 0, before = 0;
    for (size_t i = 0; i < m->feed_count; i++)
        for (uint64_t seq = m->feeds[i].base + 1; m->spaces[m->feeds[i].space].is_ward && seq <= g->held[i]; seq++) {
            const struct model_change *c = own_change(&m->feeds[i], seq);
            for (size_t k = 0; c->cuts && k < c->op_count; k++)
                if (c->ops[k].kind == MODEL_KIND_GRANT && c->ops[k].field == MODEL_GRANT_CUT && count < CUTS_MAX)
                    all[count++] = (struct cut_op){{&m->feeds[i], i, seq, c->depth, k}, &c->ops[k]};
        }
    if (count == CUTS_MAX)
        violated(m->w, "the model", "%d cuts and more", CUTS_MAX);
    qsort(all, count, sizeof *all, cut_order);
    for (size_t i = 0; i < count; i++) {
        struct model_cut *cut = &g->cuts[g->cut_count];
        before = i && change_order(&all[i - 1].at, &all[i].at) == 0 ? before : g->cut_count;
        cut->at = all[i].at;
        cut->grant_entity = all[i].op->entity;
        if (ward_cut_parse(cut->entries, CUT_ENTRIES_MAX, &cut->count, all[i].op->raw, all[i].op->len) == WARD_OK &&
            counts_by(g, &all[i].at, before, true))
            g->cut_count++;
    }
}

static uint64_t limit_by_cuts(const struct judged *g, size_t feed)
{
    uint64_t limit = UINT64_MAX;
    for (size_t i = 0; i < g->cut_count; i++) {
        const struct model_cut *cut = &g->cuts[i];
        uint64_t here = 0;
        if (memcmp(cut->grant_entity.b, g->m->feeds[feed].grant.b, 16) != 0)
            continue;
        for (size_t j = 0; j < cut->count; j++)
            if (memcmp(cut->entries[j].feed.b, g->m->feeds[feed].id.b, 32) == 0)
                here = cut->entries[j].seq;
        limit = here < limit ? here : limit;
    }
    return limit;
}

/* ---- what is settled: proto/authority.md, Floor */

struct floor_op {
    struct place at;
    const struct model_op *op;
};

/* What somebody closed on a branch that others know nothing of counts as well. */
static int closing_order(const void *pa, const void *pb)
{
    const struct floor_op *a = pa, *b = pb;
    int order = place_order(&a->at, &b->at);
    return order || a->op->len != b->op->len ? order : memcmp(a->op->raw, b->op->raw, a->op->len); /* on two branches of his */
}

static void settle(struct judged *g, const struct model_op *floor)
{
    struct ward_floor_entry e[ENTRIES_MAX];
    size_t count;
    if (ward_floor_parse(e, ENTRIES_MAX, &count, floor->raw, floor->len))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t first = model_find_feed(g->m, &e[i].feed);
        struct ward_floor_entry *s = first == SIZE_MAX ? NULL : &g->settled[first];
        if (!s || e[i].seq <= s->seq)
            continue;
        uint64_t effect = s->effect < s->seq ? s->effect : e[i].effect > s->seq ? e[i].effect : s->seq;
        *s = e[i];
        s->effect = effect;
    }
}

/* By the cuts before it: a later one of its author takes nothing back, nor that a feed is found to have parted. */
static bool closing_counts(struct judged *g, const struct place *at)
{
    size_t before = 0;
    while (before < g->cut_count && change_order(&g->cuts[before].at, at) < 0)
        before++;
    return counts_by(g, at, before, false);
}

static void find_settled(struct judged *g)
{
    const struct model *m = g->m;
    struct floor_op floors[FLOORS_MAX], closings[FLOORS_MAX];
    size_t floor_count = 0, closing_count = 0;
    for (size_t i = 0; i < m->feed_count; i++)
        for (uint64_t seq = m->feeds[i].base + 1; m->spaces[m->feeds[i].space].is_ward && seq <= g->held[i]; seq++) {
            const struct model_change *c = own_change(&m->feeds[i], seq);
            for (size_t k = 0; c->settles && k < c->op_count; k++) {
                struct floor_op one = {{&m->feeds[i], i, seq, c->depth, k}, &c->ops[k]};
                if (one.op->kind == MODEL_KIND_FLOOR && one.op->field == WARD_FLOOR_HEADS && floor_count < FLOORS_MAX)
                    floors[floor_count++] = one; /* held, with effect or not */
                if (one.op->kind == MODEL_KIND_FLOOR && one.op->field == WARD_FLOOR_CLOSED && closing_count < FLOORS_MAX)
                    closings[closing_count++] = one;
            }
        }
    if (floor_count == FLOORS_MAX || closing_count == FLOORS_MAX)
        violated(m->w, "the model", "%d floors and more", FLOORS_MAX);
    qsort(closings, closing_count, sizeof *closings, closing_order);
    for (size_t i = 0; i < closing_count; i++) {
        const struct model_op *c = closings[i].op;
        if (c->len != 34 || !closing_counts(g, &closings[i].at))
            continue;
        for (size_t j = 0; j < floor_count; j++) {
            struct ward_hash name;
            if (memcmp(floors[j].op->entity.b, c->entity.b, 16) != 0)
                continue;
            ward_floor_name(&name, floors[j].op->raw, floors[j].op->len);
            if (memcmp(c->raw + 2, name.b, 32) == 0)
                settle(g, floors[j].op);
        }
    }
}

/* As model_fork_point, of branches that leave at what is settled or beyond. */
static uint64_t fork_above(const struct model *m, size_t first, const uint64_t *held, uint64_t settled)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next)
        if (m->feeds[i].stem != SIZE_MAX && m->feeds[i].base >= settled && m->feeds[i].base < least &&
            model_parts_at(m, first, m->feeds[i].stem, m->feeds[i].base, held))
            least = m->feeds[i].base;
    return least;
}

/* Where a branch leaves the chain that is settled, below its end; UINT64_MAX: it does not. */
static uint64_t leaves_settled(const struct model *m, size_t branch, size_t on, uint64_t settled)
{
    uint64_t at = UINT64_MAX; /* the branch's own chain against the other's, from the ends down to where they are one */
    size_t a = branch, b = on;
    uint64_t a_end = UINT64_MAX, b_end = settled;
    while (a != b)
        if (a > b) {
            a_end = m->feeds[a].base;
            a = m->feeds[a].stem;
        } else {
            b_end = m->feeds[b].base < b_end ? m->feeds[b].base : b_end;
            b = m->feeds[b].stem;
        }
    uint64_t end = a_end < b_end ? a_end : b_end;
    if (end < settled)
        at = end;
    return at;
}

/* Whether a change that brought in a record of this kind, a grant or an invitation, has effect in what is held. */
static bool is_brought_in(uint32_t kind, const uint8_t entity[16], struct judged *g)
{
    const struct model *m = g->m;
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct model_feed *f = &m->feeds[i];
        for (uint64_t seq = f->base + 1; m->spaces[f->space].is_ward && seq <= g->held[i]; seq++) {
            const struct model_change *c = own_change(f, seq);
            for (size_t k = 0; c->brings_in && k < c->op_count; k++) {
                const struct model_op *op = &c->ops[k];
                if (op->kind == kind && op->field == MODEL_FIRST_FIELD && memcmp(op->entity.b, entity, 16) == 0 &&
                    (f->rank == ROOT_RANK || seq <= model_limit(g, i)))
                    return true;
            }
        }
    }
    return false;
}

static bool is_granted(struct judged *g, size_t feed)
{
    const struct model_feed *f = &g->m->feeds[feed];
    return f->rank == ROOT_RANK || is_brought_in(MODEL_KIND_GRANT, f->grant.b, g);
}

uint64_t model_limit(struct judged *g, size_t feed)
{
    if (g->known[feed])
        return g->limit[feed];
    g->known[feed] = true;
    g->limit[feed] = 0; /* while it is looked for: grants that rest on one another have no effect */
    const struct model *m = g->m;
    size_t first = m->feeds[feed].first;
    const struct ward_floor_entry *s = &g->settled[first];
    size_t on = s->seq ? model_branch_at(m, first, s->seq, &s->hash) : SIZE_MAX;
    uint64_t cut = is_granted(g, feed) ? limit_by_cuts(g, feed) : 0; /* what is settled stands without a grant, too */
    uint64_t fork = g->forks ? fork_above(m, first, g->held, s->seq) : UINT64_MAX, limit = cut < fork ? cut : fork;
    uint64_t leaves = on == SIZE_MAX ? UINT64_MAX : leaves_settled(m, feed, on, s->seq);
    if (leaves != UINT64_MAX)
        limit = s->effect < s->seq && s->effect < leaves ? s->effect : leaves;
    else if (on != SIZE_MAX)
        limit = s->effect < s->seq ? s->effect : limit > s->seq ? limit : s->seq;
    g->limit[feed] = limit;
    return g->limit[feed];
}

struct judged *model_judge(const struct model *m, const uint64_t *held, bool cuts)
{
    static struct judged g;
    g.m = m;
    g.held = held;
    g.cut_count = 0;
    g.forks = true;
    memset(g.known, 0, m->feed_count * sizeof *g.known);
    memset(g.settled, 0, m->feed_count * sizeof *g.settled);
    if (cuts)
        find_cuts(&g);
    if (m->w->settles)
        find_settled(&g);
    return &g;
}

uint64_t model_settled(const struct model *m, const uint64_t *held, size_t first, struct ward_hash *hash)
{
    const struct judged *g = model_judge(m, held, true);
    *hash = g->settled[first].hash;
    return g->settled[first].seq;
}

uint64_t model_settled_share(const struct model *m, const uint64_t *held, size_t branch)
{
    size_t first = m->feeds[branch].first;
    const struct ward_floor_entry *s = &model_judge(m, held, true)->settled[first];
    size_t on = s->seq ? model_branch_at(m, first, s->seq, &s->hash) : SIZE_MAX;
    uint64_t share = on == SIZE_MAX ? UINT64_MAX : leaves_settled(m, branch, on, s->seq);
    return share <= m->feeds[branch].base ? 0 : share; /* what its stem has is counted there */
}

/* Whether the branch is held beyond what is settled, beside it. */
static bool is_held_beside(const struct judged *g, size_t branch)
{
    const struct model_feed *f = &g->m->feeds[branch];
    const struct ward_floor_entry *s = &g->settled[f->first];
    size_t on = s->seq && g->held[branch] > s->seq ? model_branch_at(g->m, f->first, s->seq, &s->hash) : SIZE_MAX;
    return on != SIZE_MAX && leaves_settled(g->m, branch, on, s->seq) != UINT64_MAX;
}

/* What has seen such gives way too, when its holder hears of it; and what has seen that. */
static bool rests_beside(const struct judged *g, size_t branch, uint64_t seq, int depth)
{
    const struct model_vv *seen = &model_change(g->m, branch, seq)->seen;
    bool rests = false;
    for (size_t i = 0; !rests && i < seen->count; i++) {
        if (i == branch || seen->seq[i] <= g->m->feeds[i].base)
            continue;
        rests = seen->seq[i] > g->settled[g->m->feeds[i].first].seq &&
                (is_held_beside(g, i) || (depth && rests_beside(g, i, seen->seq[i], depth - 1)));
    }
    return rests;
}

bool model_can_tell(const struct model *m, size_t space, const uint64_t *held)
{
    const struct judged *g = model_judge(m, held, true);
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct ward_floor_entry *s = &g->settled[i];
        size_t on =
            m->feeds[i].space == space && m->feeds[i].stem == SIZE_MAX && s->seq ? model_branch_at(m, i, s->seq, &s->hash) : SIZE_MAX;
        if (on != SIZE_MAX && held[on] < s->seq)
            return false;
    }
    bool beside = false;
    for (size_t i = 0; !beside && i < m->feed_count; i++)
        beside = m->feeds[i].space == space && is_held_beside(g, i);
    for (size_t i = 0; beside && i < m->feed_count; i++)
        if (m->feeds[i].space == space && held[i] > m->feeds[i].base && rests_beside(g, i, held[i], 0))
            return false;
    return true;
}

bool model_is_beside(const struct model *m, const struct device *d, size_t branch, uint64_t seq)
{
    return seq > model_settled_share(m, d->held, branch) || rests_beside(model_judge(m, d->held, true), branch, seq, 2);
}

bool model_is_cut(const struct model *m, const uint64_t *held, const struct ward_hash *grant)
{
    const struct judged *g = model_judge(m, held, true);
    for (size_t i = 0; i < g->cut_count; i++)
        if (memcmp(g->cuts[i].grant_entity.b, grant->b, 16) == 0)
            return true;
    return false;
}

bool model_is_ended(const struct model *m, const struct ward_hash *grant)
{
    for (size_t i = 0; i < m->w->count; i++)
        if (model_is_cut(m, m->w->d[i].held, grant))
            return true;
    return false;
}

static bool is_known_by(const struct device *d, struct judged *g)
{
    return d->joined ? is_brought_in(MODEL_KIND_GRANT, d->grant.b, g) : is_brought_in(MODEL_KIND_INVITATION, d->invited.b, g);
}

bool model_has_effect(const struct model *m, const uint64_t *held, const struct ward_hash *grant)
{
    return is_brought_in(MODEL_KIND_GRANT, grant->b, model_judge(m, held, true));
}

bool model_is_in_order(const struct device *d)
{
    const struct model *m = d->w->model;
    uint64_t held[MODEL_FEEDS_MAX];
    memcpy(held, d->held, sizeof held);
    for (size_t n = 0; n < m->w->count; n++)
        for (size_t i = 0; device_counts(&m->w->d[n]) && i < m->feed_count; i++)
            held[i] = m->w->d[n].held[i] > held[i] ? m->w->d[n].held[i] : held[i];
    return d->joined && !d->revoked && model_has_effect(m, held, &d->grant) && !model_is_cut(m, held, &d->grant) &&
           !model_is_frozen(m, d, model_ward_space(m));
}

void model_find_readable(const struct model *m, const uint64_t *from, bool readable[DEVICES_MAX])
{
    uint64_t held[MODEL_FEEDS_MAX], with[MODEL_FEEDS_MAX];
    bool more = true;
    memcpy(held, from, sizeof held);
    memset(readable, 0, DEVICES_MAX * sizeof *readable);
    while (more) {
        more = false;
        for (size_t n = 0; n < m->w->count; n++) {
            const struct device *d = &m->w->d[n];
            if (readable[n] || !d->joined || d->hostile)
                continue;
            for (size_t i = 0; i < m->feed_count; i++)
                with[i] = d->held[i] > held[i] ? d->held[i] : held[i];
            if (!model_has_effect(m, with, &d->grant) || model_is_cut(m, with, &d->grant))
                continue;
            readable[n] = more = true;
            memcpy(held, with, m->feed_count * sizeof *held);
        }
    }
}

bool model_knows(const struct model *m, const struct device *d, const struct device *whom)
{
    return is_known_by(whom, model_judge(m, d->held, true));
}

/* The hub's door opens to whom it knows; they bring along whom they know, and so on. By all together: who knows one branch of the feed
 * that a grant stands on alone will hear of the other. */
bool model_find_stranded(struct model *m)
{
    struct world *w = m->w;
    uint64_t held[MODEL_FEEDS_MAX] = {0};
    if (w->hub->machine != MACHINE_WHOLE) /* there is no door just now */
        return false;
    bool inside[DEVICES_MAX] = {false}, more = true, changed = false;
    while (more) {
        more = false;
        for (size_t i = 0; i < w->count; i++) {
            struct device *d = &w->d[i];
            bool may = d == w->hub || (!d->shut_out && !d->hostile && !d->revoked && is_known_by(d, model_judge(m, held, true)));
            if (inside[i] || !may)
                continue;
            inside[i] = more = true;
            for (size_t f = 0; d->joined && f < m->feed_count; f++)
                held[f] = d->held[f] > held[f] ? d->held[f] : held[f];
        }
    }
    for (size_t i = 0; i < w->count; i++) {
        struct device *d = &w->d[i];
        bool known = d == w->hub || d->revoked || is_known_by(d, model_judge(m, held, true));
        if (d->shut_out || d->stranded == !known || d->machine != MACHINE_WHOLE)
            continue;
        d->stranded = !known;
        changed = true;
        trace(w, d, known ? "is known again" : "is known to nobody any more");
        if (known)
            work_join(d);
    }
    return changed;
}

/* Whether the writer of a note of release is an operator, the root, or of the unit of the feed. */
static bool may_note(const struct model_feed *by, const struct model_feed *f)
{
    return by->rank == ROOT_RANK ||
           (by->author && (by->author->role == WARD_ROLE_OPERATOR || (f->author && ward_id_equal(&by->author->unit, &f->author->unit))));
}

static uint64_t shared_seq(const struct model *m, size_t a, size_t b, const uint64_t *held)
{
    uint64_t upto = held[a], other = held[b];
    while (a != b) /* a stem has the smaller number */
        if (a > b) {
            upto = m->feeds[a].base;
            a = m->feeds[a].stem;
        } else {
            other = m->feeds[b].base;
            b = m->feeds[b].stem;
        }
    return upto < other ? upto : other;
}

/* Up to where the change that a note of release names, and all before it, cover a branch. */
static uint64_t covered(const struct judged *g, size_t branch, uint64_t upto, const uint8_t hash[32])
{
    const struct model *m = g->m;
    size_t on = model_find_branch(m, m->feeds[branch].first, upto, hash);
    uint64_t shared = on == SIZE_MAX || upto > g->held[on] ? 0 : shared_seq(m, branch, on, g->held);
    return upto < shared ? upto : shared;
}

/* proto/authority.md, Set aside: up to which change of a branch a note with effect says that it was written anew. */
static uint64_t released(struct judged *g, size_t branch)
{
    const struct model *m = g->m;
    const struct model_feed *f = &m->feeds[branch];
    uint64_t most = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        uint64_t limit = m->feeds[i].space == f->space && may_note(&m->feeds[i], f) ? model_limit(g, i) : 0;
        for (uint64_t seq = m->feeds[i].base + 1; seq <= g->held[i] && seq <= limit; seq++)
            for (size_t k = 0; k < model_change(m, i, seq)->op_count; k++) {
                const struct model_op *op = &model_change(m, i, seq)->ops[k];
                uint64_t upto = 0;
                if (op->kind != WARD_KIND_ASIDE || op->field != WARD_ASIDE_RELEASED || op->key_len != 8 + 32 || op->raw[0] != 0xf5 ||
                    memcmp(op->entity.b, f->id.b, sizeof op->entity.b) != 0)
                    continue;
                for (int j = 0; j < 8; j++)
                    upto = upto << 8 | op->key[j];
                upto = covered(g, branch, upto, (const uint8_t *)op->key + 8);
                if (upto > most && upto > f->base)
                    most = upto;
            }
    }
    return most;
}

uint64_t model_quarantined(const struct model *m, const uint64_t *held)
{
    struct judged *g = model_judge(m, held, true);
    uint64_t n = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        uint64_t limit = model_limit(g, i), from = limit > m->feeds[i].base ? limit : m->feeds[i].base;
        uint64_t done = held[i] > from ? released(g, i) : 0;
        from = done > from ? done : from;
        n += held[i] > from ? held[i] - from : 0;
    }
    return n;
}

uint64_t model_waiting(const struct model *m, const struct device *d, size_t *branches)
{
    struct judged *g = model_judge(m, d->held, true);
    uint64_t n = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct model_feed *f = &m->feeds[i];
        bool forked = model_fork_point(m, i, d->held) != UINT64_MAX;
        uint64_t upto = !forked ? d->held[i] : d->own[i]; /* of several branches it tells the one again that is its own */
        if ((f->author != d && d->own[i] <= f->base) || memcmp(f->grant.b, d->grant.b, sizeof f->grant.b) == 0 || f->rank == ROOT_RANK ||
            model_is_frozen(m, d, f->space) || (device_lost(d, &f->grant) && d->own[i] <= f->base))
            continue;
        uint64_t limit = model_limit(g, i), from = limit > f->base ? limit : f->base, done = upto > from ? released(g, i) : 0;
        *branches += forked && upto > from && done >= upto;
        from = done > from ? done : from;
        for (uint64_t seq = from; seq < upto; seq++)
            n += !model_is_anew(m, d, i, seq + 1, upto); /* it may have given way first, and come again as a branch */
    }
    return n;
}

size_t model_releases(const struct model *m, const uint64_t *held)
{
    struct judged *g = model_judge(m, held, true);
    size_t n = 0;
    for (size_t i = 0; i < m->feed_count; i++)
        n += released(g, i) > 0;
    return n;
}
