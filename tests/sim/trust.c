#include "trust.h"
#include "burnt.h"
#include "check.h"
#include "compact.h"
#include "errand.h"
#include "model.h"
#include "older.h"
#include "proof.h"
#include "replica/replica.h"
#include "work.h"

#include <stdio.h>
#include <string.h>

static const enum fault ours[] = {FAULT_ENDED, FAULT_FILES, FAULT_LOST, FAULT_DISPUTE, FAULT_KEYS, FAULT_HUBS, FAULT_OLDER, FAULT_COMPACT};
#define OURS (sizeof ours / sizeof ours[0])

struct device *trust_operator(struct world *w)
{
    struct device *some[DEVICES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->d[i].role == WARD_ROLE_OPERATOR && device_counts(&w->d[i]) && work_may_act(&w->d[i]))
            some[n++] = &w->d[i];
    return n ? some[dice_below(&w->trust_dice, n)] : NULL;
}

/* ---------------------------------------------------------------- ended */

static bool same_grant(const struct device *a, const struct device *b)
{
    return memcmp(a->grant.b, b->grant.b, sizeof a->grant.b) == 0;
}

static bool is_copied(const struct device *d)
{
    const struct world *w = d->w;
    for (size_t i = 0; i < w->count; i++)
        if (&w->d[i] != d && w->d[i].joined && same_grant(&w->d[i], d))
            return true;
    for (size_t i = 0; i < w->model->feed_count; i++)
        if (memcmp(w->model->feeds[i].grant.b, d->grant.b, sizeof d->grant.b) == 0 && w->model->feeds[i].forked)
            return true;
    return false;
}

bool trust_end_copied(struct device *by, struct device *d)
{
    struct world *w = d->w;
    struct device *copies[DEVICES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->d[i].joined && !w->d[i].hostile && same_grant(&w->d[i], d))
            copies[n++] = &w->d[i];
    if (work_revoke(by, d) != WARD_OK)
        return false;
    trace(w, d, "had %zu folders, and each is to go on", n);
    for (size_t i = 0; i < n; i++)
        work_rejoin(by, copies[i]);
    return true;
}

static void end_one(struct world *w)
{
    struct device *d = &w->d[dice_below(&w->trust_dice, w->count)], *by = trust_operator(w);
    if (!by || d->role != WARD_ROLE_CELL || !device_counts(d))
        return;
    if (!is_copied(d)) {
        if (dice_chance(&w->trust_dice, 500))
            faults_make_twin(d);
        return;
    }
    if (trust_end_copied(by, d))
        fault_note(w, FAULT_ENDED);
}

/* ---------------------------------------------------------------- out of reach */

static void ask_by_file(struct world *w)
{
    struct device *d = &w->d[dice_below(&w->trust_dice, w->count)], *by = trust_operator(w);
    char name[16];
    if (dice_chance(&w->trust_dice, 500)) {
        snprintf(name, sizeof name, "far-%zu", w->count);
        d = by ? work_invite(by, name, (char)('a' + dice_below(&w->trust_dice, 3)), WARD_ROLE_CELL) : NULL;
        if (d)
            work_start_days(d);
    } else if (d->role != WARD_ROLE_CELL || !device_counts(d) || d->keys_open || d->let_in) {
        d = NULL;
    }
    if (d && !d->errand)
        errand_begin(d);
}

/* ---------------------------------------------------------------- lost */

static void join_later(void *ctx, uint64_t n)
{
    (void)n;
    work_join(ctx);
}

/* Whoever found it goes on in it until it hears of that. */
static void replace_one(struct world *w)
{
    struct device *lost = &w->d[dice_below(&w->trust_dice, w->count)], *by = trust_operator(w);
    char name[16];
    if (!by || lost->role != WARD_ROLE_CELL || !device_counts(lost))
        return;
    snprintf(name, sizeof name, "new-%zu", w->count);
    struct device *d = work_replace(by, lost, name);
    if (!d)
        return;
    fault_note(w, FAULT_LOST);
    work_sync(by, NULL); /* the hub must hear of it */
    work_start_days(d);
    if (fault_on(w, FAULT_FILES) && dice_chance(&w->trust_dice, 500))
        errand_begin(d);
    else
        sched_at(&w->time, w->time.now + HOUR_MS, join_later, d, 0);
}

/* ---------------------------------------------------------------- keys of operators and hubs */

/* "Others who call this device by its old keys must have heard of the new ones, or hear of them by a bundle." So must one whose grant
 * stands as far as the hub has heard, and falls by a branch that it alone holds: nobody can know of that before it gets in. */
static void tell(struct world *w, struct device *hub)
{
    for (size_t i = 0; i < w->count; i++) {
        struct device *d = &w->d[i];
        bool listed = d->joined && d->stranded && !d->hostile && !d->revoked && model_knows(w->model, hub, d) &&
                      !model_is_cut(w->model, hub->held, &d->grant);
        if (hub->joined && (device_counts(d) || listed) && d != hub && !model_knows(w->model, d, hub))
            work_carry_all(hub, d);
    }
}

static bool is_ended(const struct device *by, const struct ward_hash *grant)
{
    const struct model *m = by->w->model;
    return by->w->calm ? model_is_cut(m, by->held, grant) : model_is_ended(m, grant); /* word of it may be under way */
}

static bool end_grant(struct device *by, struct device *d, const struct ward_hash *grant)
{
    const struct model *m = d->w->model;
    bool ends = model_knows(m, by, d) && model_has_effect(m, by->held, grant) && !is_ended(by, grant);
    if (ends)
        work_end_keys(by, d, grant);
    return ends;
}

static bool end_keys(struct device *by, struct device *d)
{
    bool some = false;
    for (size_t k = 0; k < d->was_count; k++)
        some |= end_grant(by, d, &d->was[k]);
    for (size_t k = 0; k < d->gone_count; k++)
        some |= end_grant(by, d, &d->gone[k]);
    return some;
}

/* An end lapses with all else beyond the fork point when its operator's feed is found to have parted before it (proto/authority.md,
 * Effective), and that may come out at the last meeting of all. */
bool trust_end_again(struct world *w)
{
    bool some = false;
    for (size_t i = 0; i < w->count; i++) {
        struct device *d = &w->d[i], *by = work_other_operator(d);
        some |= d->role != WARD_ROLE_CELL && device_counts(d) && by && model_is_in_order(by) && end_keys(by, d);
    }
    return some;
}

static bool has_keys_to_end(const struct device *d, const struct device *by)
{
    size_t n = 0;
    for (size_t k = 0; k < d->was_count; k++)
        n += !is_ended(by, &d->was[k]);
    for (size_t k = 0; k < d->gone_count; k++)
        n += !is_ended(by, &d->gone[k]);
    return n > 0;
}

static bool is_of_somebody(const struct world *w, const struct ward_hash *grant)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->d[i].joined && memcmp(w->d[i].grant.b, grant->b, sizeof grant->b) == 0)
            return true;
    return false;
}

/* Hubs that an operator sees in his list, and that are none: they were granted, and their keys were lost before they were taken. Codes
 * could name them. */
static void end_strangers(struct device *by, struct device *d)
{
    struct ward_hash some[GRANTS_MAX];
    size_t n = 0;
    ward_replica *r;
    if (!work_may_act(by) || device_app(by, &r, NULL))
        return;
    for (size_t i = 0; i < r->dir.grant_count && n < GRANTS_MAX; i++) {
        const struct ward_grant *g = &r->dir.grants[i];
        if (g->role == WARD_ROLE_HUB && ward_grant_stands(&r->dir, &g->id) && !is_of_somebody(d->w, &g->id))
            some[n++] = g->id;
    }
    for (size_t i = 0; i < n; i++)
        work_end_keys(by, d, &some[i]);
}

/* A hub that was restored to keys that are ended, or that nobody knows any more, is let in anew by an operator and goes on in its home.
 * Then the keys that it lost are ended, too. */
static bool bring_back(struct device *d)
{
    struct device *by = d && d->joined ? work_other_operator(d) : NULL;
    if (!by || !model_is_in_order(by) || d->errand || d->announcing || d->keys_open || (d->let_in && !d->w->calm))
        return false;
    if (!model_is_in_order(d)) {
        work_serve(by, 3 * DAY_MS);
        work_rejoin(by, d);
        return true;
    }
    if (!model_knows(d->w->model, d, d))
        work_carry_all(by, d);
    bool strangers = d->w->calm && d->role == WARD_ROLE_HUB;
    if (strangers || has_keys_to_end(d, by))
        work_carry_all(d, by); /* a cut must lie after all that its operator can hear of: what those keys granted beyond it falls */
    end_keys(by, d);
    if (strangers)
        end_strangers(by, d);
    return false;
}

/* Codes name the key that is to be met: those of before let nobody in. */
static bool renew_codes(struct world *w)
{
    struct device *by = &w->d[0];
    bool some = false;
    for (size_t i = 0; i < w->count; i++) {
        struct device *d = &w->d[i];
        bool waits = !d->joined ? !d->errand && !d->shut_out && !d->stranded : d->let_in;
        if (waits && d != by && !work_code_is_good(d) && work_invite_again(by, d)) {
            trace(w, d, "gets another code");
            some = true;
        }
    }
    return some;
}

bool trust_mend(struct world *w)
{
    bool waits = false;
    if (!(w->faults & (FAULT_BIT(FAULT_KEYS) | FAULT_BIT(FAULT_BURNT))))
        return false;
    waits |= burnt_mend(w);
    for (size_t i = 0; i < 2; i++)
        if (w->d[i].role == WARD_ROLE_OPERATOR)
            waits |= bring_back(&w->d[i]);
    if (w->hub->role == WARD_ROLE_HUB)
        waits |= bring_back(w->hub);
    waits |= bring_back(w->hub2);
    tell(w, w->hub);
    if (w->hub2)
        tell(w, w->hub2);
    tell(w, &w->d[0]);
    waits |= model_find_stranded(w->model); /* and is told next time */
    return renew_codes(w) || waits;
}

static void mend_later(void *ctx, uint64_t n)
{
    (void)n;
    trust_mend(ctx);
}

void trust_after_restore(struct device *hub)
{
    struct world *w = hub->w;
    if (fault_on(w, FAULT_KEYS))
        sched_at(&w->time, w->time.now + dice_between(&w->trust_dice, 6 * HOUR_MS, 2 * DAY_MS), mend_later, w, 0);
}

/* Until it is done; then it serves again. */
static void take_over(void *ctx, uint64_t which)
{
    struct device *d = ctx;
    if (!d->announcing)
        return;
    if (d->w->calm && !d->keys_open) { /* another time */
        d->announcing = false;
        return;
    }
    if (memcmp(d->grant.b, d->announced.b, sizeof d->grant.b) == 0 && !d->keys_open) {
        if (d->serving)
            work_stop_serving(d);
        else
            work_rotate(d);
    }
    bool done = memcmp(d->grant.b, d->announced.b, sizeof d->grant.b) != 0 && !d->keys_open;
    if (!done) {
        sched_at(&d->w->time, d->w->time.now + 10 * MINUTE_MS, take_over, d, which);
        return;
    }
    d->announcing = false;
    work_after_boot(d);
}

static void announce(struct device *d)
{
    struct ward_error err = {0};
    char words[WARD_FINGERPRINT];
    ward_replica *r;
    faults_before_act(d);
    int rc = device_app(d, &r, &err);
    if (!rc)
        rc = ward_rotate_announce(r, &d->options, words, &err);
    work_end_act(d, "announces new keys", rc, &err);
    if (rc)
        return;
    deed(d->w, DEED_ANNOUNCE);
    d->announcing = true;
    d->announced = d->grant;
    sched_at(&d->w->time, d->w->time.now + dice_between(&d->w->trust_dice, 6 * HOUR_MS, 2 * DAY_MS), take_over, d, 0);
}

static void replace_keys(struct world *w)
{
    struct device *d = &w->d[dice_below(&w->trust_dice, w->count)];
    bool hub = d == w->hub || d == w->hub2 || dice_chance(&w->trust_dice, 300);
    d = hub && d != w->hub2 ? w->hub : d;
    if ((d->role != WARD_ROLE_OPERATOR && d->role != WARD_ROLE_HUB) || !device_counts(d) || d->errand || d->announcing || d->let_in ||
        !work_may_act(d) || d->was_count == GRANTS_MAX)
        return;
    fault_note(w, FAULT_KEYS);
    if (d->role == WARD_ROLE_HUB)
        errand_begin(d);
    else if (d == w->hub)
        announce(d);
    else
        work_rotate(d);
    sched_at(&w->time, w->time.now + dice_between(&w->trust_dice, DAY_MS, 3 * DAY_MS), mend_later, w, 0);
}

/* ---------------------------------------------------------------- two hubs */

static void restore_a_hub(struct world *w)
{
    struct device *d = dice_chance(&w->trust_dice, 500) || !w->hub2 ? w->hub : w->hub2;
    if (!d->old || dice_chance(&w->trust_dice, 300))
        faults_copy(d);
    else
        faults_restore(d, FAULT_HUBS);
}

/* ---------------------------------------------------------------- older programs */

static void bring_up_to_date(struct world *w)
{
    struct device *d = &w->d[dice_below(&w->trust_dice, w->count)];
    if (d->joined && !d->hostile && !d->serving && !d->keys_open && device_is_up(d) && device_is_idle(d) && older_make(d))
        fault_note(w, FAULT_OLDER);
}

/* ---------------------------------------------------------------- settled */

static void settle_some(struct world *w)
{
    struct device *d = dice_chance(&w->trust_dice, 500) ? w->hub : &w->d[dice_below(&w->trust_dice, w->count)];
    if (device_counts(d) && work_may_act(d))
        compact(d, dice_chance(&w->trust_dice, 100) ? &w->d[dice_below(&w->trust_dice, w->count)] : NULL);
}

/* ---------------------------------------------------------------- their times */

static void times(void *ctx, uint64_t which)
{
    struct world *w = ctx;
    if (w->calm)
        return;
    sched_at(&w->time, w->time.now + dice_between(&w->trust_dice, HOUR_MS, 2 * DAY_MS), times, w, which);
    switch ((enum fault)which) {
    case FAULT_ENDED:
        end_one(w);
        break;
    case FAULT_FILES:
        ask_by_file(w);
        break;
    case FAULT_LOST:
        replace_one(w);
        break;
    case FAULT_DISPUTE:
        proof_show(w);
        break;
    case FAULT_KEYS:
        replace_keys(w);
        break;
    case FAULT_HUBS:
        restore_a_hub(w);
        break;
    case FAULT_OLDER:
        bring_up_to_date(w);
        break;
    case FAULT_COMPACT:
        settle_some(w);
        break;
    default:
        break;
    }
}

void trust_begin(struct world *w)
{
    w->settles = fault_on(w, FAULT_COMPACT);
    for (size_t i = 0; i < OURS; i++)
        if (fault_on(w, ours[i]))
            sched_at(&w->time, w->time.now + dice_between(&w->trust_dice, HOUR_MS, DAY_MS), times, w, (uint64_t)ours[i]);
}
