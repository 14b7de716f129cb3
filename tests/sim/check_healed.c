/* check_healed.c - what holds once all honest devices have met. */
#include "base/limits.h"
#include "check_parts.h"
#include "model.h"
#include "replica/replica.h"
#include "work.h"

#include <string.h>

static bool may_hold(const struct device *d, const struct model_space *s)
{
    if (s->is_ward || d->role != WARD_ROLE_CELL)
        return true;
    for (size_t i = 0; i < s->unit_count; i++)
        if (memcmp(s->units[i].b, d->unit.b, 16) == 0)
            return true;
    return false;
}

bool check_may_hold(const struct device *d, size_t space)
{
    return may_hold(d, &d->w->model->spaces[space]);
}

/* So many branches that no more are held: which ones is then by chance. */
static bool is_shattered(const struct model *m, size_t branch)
{
    size_t n = 0;
    for (size_t i = model_find_feed(m, &m->feeds[branch].id); i != SIZE_MAX; i = m->feeds[i].next)
        n++;
    return n > WARD_BRANCHES_MAX;
}

static void L1_all_are_equal(struct world *w)
{
    const struct model *m = w->model;
    for (size_t f = 0; f < m->feed_count; f++) {
        size_t space = m->feeds[f].space;
        uint64_t most = 0, share = w->settles ? model_settled_share(m, w->hub->held, f) : UINT64_MAX; /* the rest is passed over */
        if (is_shattered(m, f))
            continue;
        for (size_t i = 0; i < w->count; i++)
            if (device_counts(&w->d[i]) && w->d[i].held[f] > most)
                most = w->d[i].held[f];
        most = most < share ? most : share;
        for (size_t i = 0; i < w->count; i++)
            if (device_counts(&w->d[i]) && may_hold(&w->d[i], &m->spaces[space]) &&
                (w->d[i].held[f] < share ? w->d[i].held[f] : share) != most)
                violated(w, "L1", "%s holds %llu of %llu changes of %s after all have met", w->d[i].name,
                         (unsigned long long)w->d[i].held[f], (unsigned long long)most,
                         m->feeds[f].author ? m->feeds[f].author->name : "the root");
    }
}

/* Who had lost what it had sealed has it again, once it has been met: a desk that answered only once may still be told of. */
static int on_lost(void *ctx, const struct ward_hub_notice *n)
{
    struct device *d = ctx;
    for (size_t i = 0; n->held < n->seq && i < d->w->count; i++)
        if (d->met[i] && memcmp(d->w->d[i].grant.b, n->grant.b, sizeof n->grant.b) == 0)
            violated(d->w, "L1", "%s is told that %s lost %llu of its changes, and has met it since", d->name, d->w->d[i].name,
                     (unsigned long long)(n->seq - n->held));
    return 0;
}

/* Whoever has met the hub holds its word for all that it wrote. */
static void L1_all_is_receipted(struct device *d, ward_replica *r)
{
    const struct model *m = d->w->model;
    struct ward_status status = {0};
    struct ward_error err = {0};
    uint64_t own = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        bool mine = memcmp(m->feeds[i].grant.b, d->grant.b, 32) == 0 && d->held[i] > m->feeds[i].base;
        if (mine && model_fork_point(m, i, d->held) != UINT64_MAX)
            return;
        own += mine ? d->held[i] - m->feeds[i].base : 0;
    }
    if (!device_counts(d) || d == d->w->hub || d == d->w->hub2)
        return;
    if (ward_status(r, &status, &err) || status.receipted != own)
        violated(d->w, "L1", "%s has receipts of %llu of its %llu changes after all have met", d->name,
                 (unsigned long long)status.receipted, (unsigned long long)own);
    if (ward_hub_notices(r, on_lost, d, &err))
        violated(d->w, "L1", "%s: notices: %d %s", d->name, err.code, err.detail);
}

/* Whoever asked by a file has been answered, one way or the other. */
static void L1_all_are_answered(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (device_counts(&w->d[i]) && w->d[i].errand)
            violated(w, "L1", "%s has asked by a file, and is not answered", w->d[i].name);
}

static void is_ended_by_now(const struct device *d, const struct ward_hash *grant, const char *which)
{
    const uint64_t *held = d->w->hub->held;
    if (model_has_effect(d->w->model, held, grant) && !model_is_cut(d->w->model, held, grant))
        violated(d->w, "S10", "the %s keys of %s are not ended", which, d->name);
}

/* New keys of an operator or a hub end the old ones: those are why they were made. And keys that were lost may be in anybody's hands. Where
 * neither operator can write any more, the recovery sheet is all that is left. */
static void S10_replaced_keys_are_ended(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct device *d = &w->d[i];
        const struct device *by = work_other_operator(d);
        bool asked = d->role != WARD_ROLE_CELL && device_counts(d) && (!by || model_is_in_order(by));
        for (size_t k = 0; asked && k < d->was_count; k++)
            is_ended_by_now(d, &d->was[k], "former");
        for (size_t k = 0; asked && k < d->gone_count; k++)
            is_ended_by_now(d, &d->gone[k], "lost");
    }
}

static void S16_a_device_that_goes_on_tells_again_what_was_set_aside(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        size_t branches = 0;
        uint64_t n = device_counts(&w->d[i]) ? model_waiting(w->model, &w->d[i], &branches) : 0;
        w->deeds[DEED_REUNITED] += branches;
        if (n)
            violated(w, "S16", "%s goes on under a new grant, and %llu changes of its former ones were not written anew", w->d[i].name,
                     (unsigned long long)n);
    }
    w->deeds[DEED_RELEASED] += model_releases(w->model, w->hub->held);
}

static void S2_what_was_taken_back_is_written_anew(struct world *w)
{
    const struct model_withdrawn *x = model_written_anew(w->model);
    if (x && x->of_more)
        violated(w, "S9", "%s writes its change %llu anew and claims to have seen more than it had", x->d->name,
                 (unsigned long long)x->seq);
    else if (x)
        violated(w, "S2", "%s took back its change %llu and has not written it anew", x->d->name, (unsigned long long)x->seq);
}

/* What the hub says of devices that were bought for lost ones: whom they follow, under whose name. */
static int check_follower(void *ctx, const struct ward_device *told)
{
    struct world *w = ctx;
    for (size_t i = 0; i < w->count; i++) {
        const struct device *d = &w->d[i];
        bool same = d->replaces && d->joined && memcmp(told->grant.b, d->place.b, 32) == 0;
        if (!same)
            continue;
        deed(w, DEED_REPLACED);
        if (!told->follows_one || memcmp(told->follows.b, d->lost.b, 32) != 0 || !ward_id_equal(&told->unit, &d->unit) ||
            strcmp(told->name, d->place_name) != 0)
            violated(w, "admission", "%s does not follow %s, or not as %s", d->name, d->replaces->name, d->place_name);
    }
    return 0;
}

/* The model excuses whoever is known to nobody: the hub must say the same. */
static void check_stranded(struct device *hub, const ward_replica *r)
{
    for (size_t i = 0; i < hub->w->count; i++) {
        const struct device *d = &hub->w->d[i];
        if (d->joined && d->stranded && ward_grant_effective(&r->dir, &d->grant) && !ward_grant_is_cut(&r->dir, &d->grant))
            violated(hub->w, "the model", "it takes %s for known to nobody, and the hub knows it", d->name);
    }
}

void check_healed(struct world *w, bool by_links)
{
    size_t one = dice_below(&w->plan, w->count);
    for (size_t i = 0; i < w->count && !w->failed; i++) {
        struct device *d = &w->d[i];
        ward_replica *r;
        struct ward_error err = {0};
        if (!d->joined || d->hostile)
            continue;
        if (device_open(d, &r, &err)) {
            violated(w, "S17", "%s cannot be opened at the end: %d %s", d->name, err.code, err.detail);
            return;
        }
        check_state(d, r);
        check_nothing_is_lost(d, r);
        if (by_links && d == w->hub)
            check_stranded(d, r);
        if (by_links && d == w->hub)
            ward_devices(r, check_follower, w, NULL);
        if (by_links)
            L1_all_is_receipted(d, r);
        if (i == one)
            check_whole(d, r);
        else
            check_file_is_sound(d, r);
        ward_close(r);
    }
    L1_all_are_equal(w);
    S2_what_was_taken_back_is_written_anew(w);
    S16_a_device_that_goes_on_tells_again_what_was_set_aside(w);
    if (by_links)
        L1_all_are_answered(w);
    S10_replaced_keys_are_ended(w);
    check_secrets_on_disks(w);
}
