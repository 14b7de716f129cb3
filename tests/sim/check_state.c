/* check_state.c - one replica against the model. */
#include "check_parts.h"
#include "model.h"
#include "replica/replica.h"

#include <string.h>

static void compare_state(struct device *d, ward_replica *r, size_t space, size_t *conflicts)
{
    const struct model *m = d->w->model;
    struct ward_hash have, want, uncut;
    struct ward_error err = {0};
    size_t ignored = 0;
    int rc = ward_state_digest(r, &m->spaces[space].id, &have, &err);
    if (rc && d->w->calm && ward_directory_space_by_id(&r->dir, &m->spaces[space].id))
        violated(d->w, "S15", "%s: the state of a space cannot be told: %d %s", d->name, rc, err.detail);
    if (rc)
        return;          /* it holds nothing of it */
    model_observe(d, r); /* it may have looked at what another process wrote */
    if (d->w->settles && !model_can_tell(m, space, d->held))
        return;
    model_digest(m, space, d->held, true, &want, conflicts, d->options.schema);
    if (memcmp(have.b, want.b, 32) == 0)
        return;
    model_digest(m, space, d->held, false, &uncut, &ignored, d->options.schema);
    bool as_uncut = memcmp(have.b, uncut.b, 32) == 0;
    violated(d->w, as_uncut ? "S10" : "S15", "%s: the state of a space is not the merge of what is held there%s", d->name,
             as_uncut ? ": what lies beyond a cut has effect" : "");
}

void check_space_state(struct device *d, ward_replica *r, size_t space)
{
    size_t conflicts = 0;
    compare_state(d, r, space, &conflicts);
}

static void S8_L4_conflicts_are_shown(struct device *d, ward_replica *r, size_t want)
{
    size_t have = 0;
    struct ward_error err = {0};
    int rc = ward_conflict_count(r, &have, &err);
    if (rc || have != want)
        violated(d->w, "S8", "%s shows %zu conflicts, there are %zu (%d)", d->name, have, want, rc);
    d->w->deeds[DEED_CONFLICT] += want;
}

/* As far as it still holds it: what is passed over beside a floor it may have let go of (S1 sees to the rest). */
static void S16_what_lies_beyond_cuts_is_kept(struct device *d, ward_replica *r)
{
    struct ward_status status = {0};
    struct ward_error err = {0};
    uint64_t now[MODEL_FEEDS_MAX] = {0};
    model_look(d->w->model, r, now);
    uint64_t want = model_quarantined(d->w->model, now);
    int rc = ward_status(r, &status, &err);
    if (rc || status.quarantined != want)
        violated(d->w, "S16", "%s tells of %llu changes beyond cuts, there are %llu (%d)", d->name,
                 rc ? 0 : (unsigned long long)status.quarantined, (unsigned long long)want, rc);
}

/* Exactly the feeds that part in what is held are told, at the change where they do. */
struct told_forks {
    struct device *d;
    size_t count;
};

static int on_fork(void *ctx, const struct ward_fork *fork)
{
    struct told_forks *t = ctx;
    const struct model *m = t->d->w->model;
    size_t branch = model_find_feed(m, &fork->feed);
    t->count++;
    if (branch == SIZE_MAX || model_fork_point(m, branch, t->d->held) != fork->seq)
        violated(t->d->w, "S11", "%s tells of a fork after change %llu, and there is none", t->d->name, (unsigned long long)fork->seq);
    return 0;
}

static void S11_forks_are_told(struct device *d, ward_replica *r)
{
    const struct model *m = d->w->model;
    struct told_forks told = {.d = d};
    struct ward_error err = {0};
    size_t want = 0;
    if (d->w->settles) /* forks below a floor are no forks any more */
        return;
    for (size_t i = 0; i < m->feed_count; i++)
        want += m->feeds[i].stem == SIZE_MAX && model_fork_point(m, i, d->held) != UINT64_MAX;
    if (ward_fork_each(r, on_fork, &told, &err) || told.count != want)
        violated(d->w, "S11", "%s tells of %zu forks, there are %zu", d->name, told.count, want);
}

void check_state(struct device *d, ward_replica *r)
{
    const struct model *m = d->w->model;
    size_t conflicts = 0;
    model_observe(d, r);
    bool can_tell = true;
    for (size_t i = 0; i < m->space_count; i++) {
        compare_state(d, r, i, &conflicts);
        can_tell &= !d->w->settles || !check_may_hold(d, i) || model_can_tell(m, i, d->held);
    }
    if (!can_tell)
        return;
    S8_L4_conflicts_are_shown(d, r, conflicts);
    S16_what_lies_beyond_cuts_is_kept(d, r);
    S11_forks_are_told(d, r);
}

static void on_bad(void *ctx, const struct ward_bad *bad)
{
    struct device *d = ctx;
    violated(d->w, "S15", "%s: verify: %d %s, change %llu", d->name, bad->code, bad->what, (unsigned long long)bad->seq);
}

void check_whole(struct device *d, ward_replica *r)
{
    struct ward_verify_result seen = {0};
    struct ward_error err = {0};
    deed(d->w, DEED_VERIFY);
    if (ward_verify(r, true, on_bad, d, NULL, &seen, &err))
        violated(d->w, "S17", "%s: verify: %d %s", d->name, err.code, err.detail);
}
