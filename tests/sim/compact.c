#include "compact.h"
#include "check.h"
#include "model.h"
#include "run.h"
#include "trust.h"
#include "work.h"

#include <stdio.h>

/* "Nobody's unsent work is ever below a floor": what is settled, all hold whom its closer knew of, but for who was left behind, and who has
 * put an older copy in place since. */
static void check_floors(struct device *by)
{
    struct world *w = by->w;
    const struct model *m = w->model;
    for (size_t f = 0; f < m->feed_count; f++) {
        struct ward_hash hash;
        uint64_t seq = m->feeds[f].stem == SIZE_MAX ? model_settled(m, by->held, f, &hash) : 0;
        size_t branch = seq ? model_find_branch(m, f, seq, hash.b) : SIZE_MAX;
        if (seq && branch == SIZE_MAX)
            violated(w, "floor", "%s has settled change %llu, which nobody wrote", by->name, (unsigned long long)seq);
        for (size_t i = 0; branch != SIZE_MAX && i < w->count; i++) {
            const struct device *d = &w->d[i];
            bool waited_for = device_counts(d) && !d->may_fork && !d->left && check_may_hold(d, m->feeds[f].space) &&
                              model_knows(m, by, d) && d->held[branch] > 0;
            if (waited_for && d->held[branch] < seq)
                violated(w, "floor", "%s has settled change %llu of which %s holds %llu", by->name, (unsigned long long)seq, d->name,
                         (unsigned long long)d->held[branch]);
        }
    }
}

void compact(struct device *d, struct device *leave)
{
    struct world *w = d->w;
    struct ward_error err = {0};
    struct ward_compact_options options = {.least = 1 + dice_below(&w->trust_dice, 4),
                                           .keep = !w->calm && dice_chance(&w->trust_dice, 200)};
    struct ward_compact_result result = {0};
    ward_replica *r;
    if (leave && leave != d && leave->joined && leave->role == WARD_ROLE_CELL) {
        options.leave = &leave->grant;
        options.leave_count = 1;
        leave->left = true;
    }
    faults_before_act(d);
    int rc = device_app(d, &r, &err);
    if (!rc)
        rc = ward_compact(r, &options, &result, &err);
    work_end_act(d, "compacts", rc, &err);
    if (rc)
        return;
    fault_note(w, FAULT_COMPACT);
    w->deeds[DEED_PROPOSED] += result.proposed;
    w->deeds[DEED_DROPPED] += result.dropped;
    if (result.proposed || result.closed || result.dropped)
        trace(w, d, "proposes %zu floors, closes %zu, lets go of %llu changes", result.proposed, result.closed,
              (unsigned long long)result.dropped);
    if (result.closed)
        check_floors(d);
}

/* Until nobody writes any more: the hub closes a floor when it has heard that all hold it. */
static void rounds_until_still(struct world *w)
{
    uint64_t before = UINT64_MAX;
    for (int turn = 0; before != w->model->change_count && turn < 8 && !w->failed; turn++) {
        before = w->model->change_count;
        run_rounds(w, 2 + (w->hub2 != NULL));
        world_run(w, MINUTE_MS);
    }
    run_rounds(w, 1); /* for what a twin has heard of itself in the last of them it gets its receipt in the next */
}

static struct device *some_cell(struct world *w)
{
    size_t from = dice_below(&w->trust_dice, w->count);
    for (size_t i = 0; i < w->count; i++) {
        struct device *d = &w->d[(from + i) % w->count];
        if (d->role == WARD_ROLE_CELL && device_counts(d) && work_may_act(d) && device_is_idle(d))
            return d;
    }
    return NULL;
}

/* A new laptop, and one that was switched off all the time with work of its own: both find that what they lack is history no more. */
static void meet_from_below(struct world *w, struct device *away)
{
    char name[16];
    snprintf(name, sizeof name, "late-%zu", w->count);
    if (away)
        device_boot(away, DISK_KEEP);
    struct device *late = away && !model_tainted(w->model, model_ward_space(w->model))
                              ? work_invite(&w->d[0], name, (char)away->unit.b[0], WARD_ROLE_CELL)
                              : NULL;
    work_sync(&w->d[0], NULL); /* the hubs must hear of it */
    world_run(w, MINUTE_MS);
    if (w->hub2)
        work_sync(w->hub2, w->hub);
    world_run(w, MINUTE_MS);
    if (late)
        work_join(late);
    world_run(w, DAY_MS);
    trust_mend(w);
    rounds_until_still(w);
}

void compact_all(struct world *w)
{
    struct device *away = some_cell(w);
    for (int i = 0; away && i < 5; i++)
        work_act(away); /* nobody hears of it */
    if (away) {
        away->trap = FAULT_CRASH;
        device_stop(away);
        world_run(w, MINUTE_MS);
    }
    for (int turn = 0; turn < 2 && !w->failed; turn++) { /* proposed, then closed */
        compact(w->hub, away);
        rounds_until_still(w);
    }
    for (size_t i = 0; i < w->count && !w->failed; i++)
        if (device_counts(&w->d[i]) && work_may_act(&w->d[i]))
            compact(&w->d[i], NULL);
    rounds_until_still(w);
    if (!w->failed)
        meet_from_below(w, away);
}
