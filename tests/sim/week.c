/* week.c - the processes of a ward and when they run: serving, syncing, joining; days and weeks. */
#include "check.h"
#include "model.h"
#include "net.h"
#include "work.h"

#include <stdio.h>
#include <string.h>

#define ACTS_A_WEEK  9 /* of one device, about */
#define SYNCS_A_WEEK 4
#define SERVE_STEP   200
#define LIVE_MS      (10 * MINUTE_MS)

/* ---------------------------------------------------------------- processes */

static const char *who(const struct world *w, const struct ward_hash *grant)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->d[i].joined && memcmp(w->d[i].grant.b, grant->b, 32) == 0)
            return w->d[i].name;
    return "somebody";
}

static void on_event(void *ctx, const struct ward_event *e)
{
    struct proc *p = ctx;
    check_event(p, e);
    switch (e->type) {
    case WARD_EVENT_RUN_REFUSED:
        trace(p->w, p->d, "a run is refused: %s (%s) %s", ward_error_name(e->code), who(p->w, &e->grant), e->text ? e->text : "");
        break;
    case WARD_EVENT_PEER_REFUSED:
        trace(p->w, p->d, "refuses a peer: %s", ward_error_name(e->code));
        break;
    case WARD_EVENT_JOINED:
        trace(p->w, p->d, "lets %s in", e->text);
        break;
    default:
        break;
    }
}

static bool goes_on(const struct proc *p)
{
    return !p->stop && !p->dead && !p->w->failed && (!p->until || p->w->time.now < p->until);
}

/* As `wardsync serve` does it: trouble that may pass is waited out; a disk that failed means opening anew. */
static int serve_loop(struct proc *p, ward_replica *r, struct ward_error *err)
{
    char where[20];
    const char *listen = where;
    struct ward_server *s;
    struct ward_serve_options options = {
        .listen = &listen, .listen_count = 1, .every_ms = p->until ? (int)(5 * MINUTE_MS) : 0, .on_event = on_event, .ctx = p};
    snprintf(where, sizeof where, "tcp://*%s", strrchr(p->d->address, ':'));
    int rc = ward_serve_open(r, &options, &s, err);
    if (rc)
        return rc;
    while (goes_on(p)) {
        rc = ward_serve_step(s, SERVE_STEP, err);
        if (rc == WARD_ERR_IO || rc == WARD_ERR_CORRUPT || rc == WARD_ERR_STORE || p->dead)
            break;
        if (rc) {
            trace(p->w, p->d, "serving: %s", ward_error_name(rc));
            proc_sleep(p, p->w->time.now + 1000);
        }
    }
    ward_serve_close(s);
    return goes_on(p) ? rc : WARD_OK;
}

static void serve_again(void *ctx, uint64_t until)
{
    struct device *d = ctx;
    if (d->joined && !d->serving && device_is_up(d) && !d->hostile && (!until || (int64_t)until > d->w->time.now))
        work_serve(d, until ? (int64_t)until - d->w->time.now : 0);
}

static void serve(struct proc *p)
{
    struct device *d = p->d;
    struct ward_error err = {0};
    ward_replica *r = NULL;
    int rc = device_open(d, &r, &err);
    p->r = r;
    if (!rc)
        rc = serve_loop(p, r, &err);
    p->r = NULL;
    ward_close(r);
    check_error(d, &err);
    d->serving = NULL;
    if (rc && !p->dead && !p->w->failed) {
        trace(d->w, d, "serving: %s", ward_error_name(rc));
        sched_at(&d->w->time, d->w->time.now + 5000, serve_again, d, (uint64_t)p->until);
    }
}

void work_serve(struct device *d, int64_t for_ms)
{
    if (d->serving || !d->joined || d->keys_open)
        return;
    d->serving = proc_start(d, serve, NULL);
    if (d->serving)
        d->serving->until = for_ms ? d->w->time.now + for_ms : 0;
}

void work_stop_serving(struct device *d)
{
    if (!d->serving)
        return;
    d->serving->stop = true;
    proc_wake(d->serving);
}

void work_met(struct device *d)
{
    const struct model *m = d->w->model;
    if (!d->must_meet)
        return;
    for (size_t i = 0; i < m->feed_count; i++)
        for (size_t j = 0; m->feeds[i].author == d && j < d->w->count; j++)
            if (device_counts(&d->w->d[j]) && d->held[i] < d->w->d[j].held[i] && !model_tainted(m, m->feeds[i].space))
                return;
    d->must_meet = false;
    deed(d->w, DEED_PULLED_BACK);
    trace(d->w, d, "has its own words back");
}

/* Both sides have met: whoever was restored may have got its own words back, the one that was called too. */
static void note_met(struct device *d, const struct ward_hash *peer)
{
    struct world *w = d->w;
    for (size_t i = 0; i < w->count; i++)
        if (memcmp(w->d[i].grant.b, peer->b, sizeof peer->b) == 0) {
            d->met[i] |= w->calm;
            work_met(&w->d[i]);
        }
}

static void sync_once(struct proc *p)
{
    struct device *d = p->d;
    struct ward_sync_options options = {.on_event = on_event, .ctx = p};
    struct ward_sync_result result = {0};
    struct ward_error err = {0};
    ward_replica *r = NULL;
    if (p->peer) {
        options.address = p->peer->address;
        options.device = &p->peer->grant;
    }
    int rc = device_take(d, &r, &err);
    p->r = r;
    if (!rc)
        rc = ward_sync(r, &options, &result, &err);
    if (r && device_is_up(d))
        check_step(p);
    if (!rc && dice_chance(&d->w->plan, 60) && d->w->model->space_count)
        check_space_state(d, r, dice_below(&d->w->plan, d->w->model->space_count));
    p->r = NULL;
    device_give_back(d, r, !p->dead && !p->disk_failed && (rc < 600 || rc >= 700) && rc != WARD_ERR_MEMORY);
    check_error(d, &err);
    trace(d->w, d, "syncs with %s: sent %llu, received %llu%s%s", p->peer ? p->peer->name : "the hub", (unsigned long long)result.sent,
          (unsigned long long)result.received, rc ? ", then: " : "", rc ? ward_error_name(rc) : "");
    deed(d->w, rc ? DEED_SYNC_BROKEN : p->peer ? DEED_MEET : DEED_SYNC);
    if (p->peer && p->peer->met_by == p->id) { /* it served for this alone */
        p->peer->met_by = 0;
        work_stop_serving(p->peer);
    }
    work_met(d);
    if (p->peer)
        work_met(p->peer);
    if (!rc)
        note_met(d, &result.peer);
    if (rc == WARD_ERR_INTERNAL || rc == WARD_ERR_CORRUPT)
        violated(d->w, "S17", "%s: sync: %d %s", d->name, rc, err.detail);
}

struct device *work_other_operator(const struct device *d)
{
    struct device *by = d == &d->w->d[0] ? &d->w->d[1] : &d->w->d[0]; /* who founded the ward, or whom that let in first */
    return by->role == WARD_ROLE_OPERATOR ? by : NULL;
}

uint32_t work_sync(struct device *d, struct device *peer)
{
    struct world *w = d->w;
    if (!peer && d != w->hub && (d == w->hub2 || d == &w->d[0])) /* who may find another hub first */
        peer = w->hub;
    struct proc *p =
        d->joined && !d->hostile && !d->keys_open && d != peer && (d != w->hub || peer) ? proc_start(d, sync_once, peer) : NULL;
    return p ? p->id : 0;
}

void work_take_grant(struct device *d, const struct ward_hash *grant)
{
    for (size_t i = 0; i < d->w->count; i++) {
        struct device *o = &d->w->d[i];
        o->revoked |= o != d && memcmp(o->grant.b, d->grant.b, sizeof o->grant.b) == 0;
    }
    if (!device_was(d, grant) && d->was_count < GRANTS_MAX)
        d->was[d->was_count++] = d->grant;
    if (d->role != WARD_ROLE_CELL && memcmp(d->grant.b, grant->b, sizeof grant->b) != 0)
        deed(d->w, d->role == WARD_ROLE_HUB || d == d->w->hub ? DEED_HUB_KEYS : DEED_OPERATOR_KEYS);
    d->grant = *grant;
    d->revoked = d->let_in = false;
    check_keep_keys(d);
}

void work_is_ended(struct device *d)
{
    if (!model_is_ended(d->w->model, &d->grant))
        violated(d->w, "admission", "%s is told that its keys are ended, and nobody has ended them", d->name);
    d->revoked = true;
}

void work_look_at_grant(struct device *d)
{
    struct ward_self self;
    ward_replica *r;
    if (!d->joined || !device_is_up(d) || device_open(d, &r, NULL))
        return;
    if (!ward_self(r, &self, NULL) && memcmp(self.grant.b, d->grant.b, sizeof d->grant.b) != 0)
        work_take_grant(d, &self.grant);
    ward_close(r);
}

bool work_may_wait(int rc)
{
    enum ward_class c = ward_error_class(rc);
    return (rc >= 600 && rc < 700 && rc != WARD_ERR_CORRUPT) || c == WARD_CLASS_RETRY || c == WARD_CLASS_WAIT || c == WARD_CLASS_OPERATOR;
}

static void rotate_again(void *ctx, uint64_t n);

/* Once, however many times it has failed. */
static void rotate_later(struct device *d, int64_t wait_ms)
{
    if (!d->rotates_later)
        sched_at(&d->w->time, d->w->time.now + wait_ms, rotate_again, d, 0);
    d->rotates_later = true;
}

static void rotate(struct proc *p)
{
    struct device *d = p->d;
    struct ward_error err = {0};
    struct ward_self self;
    ward_replica *r = NULL;
    int rc = device_open(d, &r, &err);
    p->r = r;
    if (!rc)
        rc = ward_rotate(r, NULL, 15000, &d->options, &err);
    if (r && !ward_self(r, &self, NULL) && memcmp(self.grant.b, d->grant.b, sizeof self.grant.b) != 0) {
        work_take_grant(d, &self.grant);
        deed(d->w, DEED_ROTATE);
        check_step(p);
    }
    p->r = NULL;
    ward_close(r);
    d->keys_open = false;
    check_error(d, &err);
    trace(d->w, d, "takes new keys: %s", rc ? ward_error_name(rc) : "done");
    if (rc == WARD_ERR_CUT)
        work_is_ended(d);
    else if (rc == WARD_ERR_KEYS_REPLACED)
        d->revoked = true;
    else if (rc && work_may_wait(rc)) /* they may have been granted without its having heard of it */
        rotate_later(d, dice_between(&d->w->plan, MINUTE_MS, 6 * HOUR_MS));
    else if (rc && !p->dead && !d->w->failed)
        violated(d->w, "S17", "%s: new keys: %d %s", d->name, rc, err.detail);
}

void work_rotate(struct device *d)
{
    if (!d->joined || d->hostile || d->revoked || d->stranded || d->serving || d->errand || !device_is_idle(d))
        return;
    device_close_app(d);
    if (!device_fell(d))
        d->keys_open = proc_start(d, rotate, NULL) != NULL;
}

static void rotate_again(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    (void)n;
    d->rotates_later = false;
    if (d->revoked || d->hostile || d->errand)
        return;
    work_rotate(d);
    if (!d->keys_open)
        rotate_later(d, HOUR_MS);
}

static void rejoin_again(void *ctx, uint64_t n);

static void rejoin(struct proc *p)
{
    struct device *d = p->d;
    struct ward_error err = {0};
    struct ward_self self;
    ward_replica *r = NULL;
    int rc = ward_join(&r, d->home, d->code, d->name, 15000, &d->options, &err);
    if (!rc && !ward_self(r, &self, &err)) {
        work_take_grant(d, &self.grant);
        memcpy(d->called, d->name, sizeof d->called);
        deed(d->w, DEED_REJOIN);
        p->r = r;
        check_step(p);
        p->r = NULL;
    }
    ward_close(r);
    if (rc)
        work_look_at_grant(d);
    d->keys_open = false;
    check_error(d, &err);
    trace(d->w, d, "joins again in its home: %s", rc ? ward_error_name(rc) : "done");
    if (!rc)
        work_after_boot(d);
    if (!rc && d == d->w->hub)
        proc_start(d, sync_once, NULL); /* the key of its invitation is all that it need know of whoever let it in */
    else if (!rc)
        work_sync(d, NULL);
    else if (work_may_wait(rc) && rc != WARD_ERR_INVITE_EXPIRED)
        sched_at(&d->w->time, d->w->time.now + dice_between(&d->w->plan, HOUR_MS, 6 * HOUR_MS), rejoin_again, d, 0);
    else if (!p->dead && !d->w->failed && rc != WARD_ERR_INVITE_EXPIRED)
        violated(d->w, "S17", "%s: joins again: %d %s", d->name, rc, err.detail);
}

static void rejoin_again(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    (void)n;
    if (!d->let_in || d->hostile || d->keys_open)
        return;
    work_stop_serving(d);
    if (device_is_up(d) && device_is_idle(d)) {
        device_close_app(d);
        if (!device_fell(d))
            d->keys_open = proc_start(d, rejoin, NULL) != NULL;
    }
    if (!d->keys_open)
        sched_at(&d->w->time, d->w->time.now + HOUR_MS, rejoin_again, d, 0);
}

void work_rejoin(struct device *by, struct device *d)
{
    d->let_in |= work_invite_again(by, d);
    if (d->let_in)
        sched_at(&d->w->time, d->w->time.now + dice_between(&d->w->plan, HOUR_MS, d->w->calm ? 2 * HOUR_MS : DAY_MS), rejoin_again, d, 0);
}

static void join_again(void *ctx, uint64_t n)
{
    (void)n;
    work_join(ctx);
}

/* A hub that has asked for new keys, and whose former ones are ended by now. */
static bool hub_waits_for_keys(const struct world *w)
{
    return w->hub2 && model_is_cut(w->model, w->hub2->held, &w->hub2->grant);
}

static void join(struct proc *p)
{
    struct device *d = p->d;
    struct ward_error err = {0};
    struct ward_self self;
    ward_replica *r = NULL;
    int rc = ward_join(&r, d->home, d->code, d->name, 15000, &d->options, &err);
    if (!rc) {
        rc = ward_self(r, &self, &err);
        d->grant = d->place = self.grant;
        d->joined = !rc;
        p->r = r;
        check_step(p);
        p->r = NULL;
    }
    ward_close(r);
    check_error(d, &err);
    trace(d->w, d, "joins: %s", rc ? ward_error_name(rc) : "done");
    if (!rc) {
        check_keep_keys(d);
        deed(d->w, DEED_JOIN);
        work_after_boot(d);
        work_sync(d, NULL);
    } else if (ward_error_class(rc) == WARD_CLASS_RETRY || rc == WARD_ERR_INVITE_UNKNOWN || rc == WARD_ERR_INVITE_HUB ||
               rc == WARD_ERR_IO || rc == WARD_ERR_DISK_FULL || (rc == WARD_ERR_NOT_ENTITLED && hub_waits_for_keys(d->w))) {
        int64_t wait = dice_between(&d->w->plan, MINUTE_MS, HOUR_MS);
        sched_at(&d->w->time, d->w->time.now + (wait << (d->tries < 3 ? d->tries++ : 3)), join_again, d, 0);
    } else if (rc == WARD_ERR_INVITE_EXPIRED && (d->w->faults & FAULT_BIT(FAULT_CLOCK))) {
        d->shut_out = true; /* by the hub's clock, which is what counts */
    } else if (rc == WARD_ERR_FORKED && model_tainted(d->w->model, model_ward_space(d->w->model))) {
        d->shut_out = true; /* the hub's own feed is frozen, until people have mended it */
    } else if (!p->dead && !d->w->failed) {
        violated(d->w, "L1", "%s cannot join: %d %s", d->name, rc, err.detail);
    }
}

void work_join(struct device *d)
{
    if (!d->joined && !d->shut_out && !d->stranded && !d->errand && !proc_start(d, join, NULL) && !d->w->failed)
        sched_at(&d->w->time, d->w->time.now + HOUR_MS, join_again, d, 0);
}

/* ---------------------------------------------------------------- founding */

static struct device *found(struct world *w, const char *name)
{
    struct device *d = world_device(w, name, 'w', WARD_ROLE_OPERATOR);
    struct ward_error err = {0};
    struct ward_self self;
    int rc = ward_found(&d->app, d->home, "Phường Bắc", &d->unit, d->name, &d->options, &err);
    if (!rc)
        rc = ward_self(d->app, &self, &err);
    if (rc) {
        violated(w, "the ward", "cannot be founded: %d %s", rc, err.detail);
        return d;
    }
    d->grant = self.grant;
    d->joined = true;
    check_keep_keys(d);
    check_after_act(d, d->app);
    return d;
}

static struct device *let_in(struct world *w, const char *name, char unit, enum ward_role role)
{
    struct device *d = work_invite(&w->d[0], name, unit, role);
    if (!d)
        return NULL;
    if (role != WARD_ROLE_CELL)
        work_serve(&w->d[0], 2 * HOUR_MS);
    work_sync(&w->d[0], w->hub); /* the hub must hear of it */
    world_run(w, 2000);
    work_join(d);
    world_run_until_quiet(w, HOUR_MS);
    return d;
}

/* The founder's own machine is the hub, or the founder's first guest is. */
void work_found(struct world *w, size_t cells, bool apart, bool second_hub)
{
    w->hub = found(w, apart ? "desk" : "hub");
    work_serve(w->hub, 0);
    world_run(w, 1000);
    if (apart) {
        struct device *hub = let_in(w, "hub", 'w', WARD_ROLE_HUB);
        if (!hub)
            return;
        w->hub = hub;
        work_stop_serving(&w->d[0]);
        work_serve(hub, 0);
        world_run(w, MINUTE_MS);
    } else {
        let_in(w, "desk", 'w', WARD_ROLE_OPERATOR);
    }
    if (second_hub)
        w->hub2 = let_in(w, "hub-2", 'w', WARD_ROLE_HUB);
    if (w->hub2)
        work_serve(w->hub2, 0);
    for (size_t i = 1; i <= cells; i++) {
        char name[16];
        snprintf(name, sizeof name, "cell-%zu", i);
        let_in(w, name, (char)('a' + (i - 1) / 2), WARD_ROLE_CELL);
    }
}

void work_after_boot(struct device *d)
{
    if (!d->joined) {
        if (d->code[0]) /* else it waits for one, or comes back by the sheet */
            work_join(d);
        return;
    }
    if (d == d->w->hub || d == d->w->hub2)
        work_serve(d, 0);
}

/* ---------------------------------------------------------------- days */

static void next_time(struct device *d, sched_fn *fn, int64_t a_week)
{
    int64_t mean = WEEK_MS / a_week;
    sched_at(&d->w->time, d->w->time.now + dice_between(&d->w->plan, MINUTE_MS, 2 * mean), fn, d, 0);
}

static void acts(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    (void)n;
    if (d->w->calm)
        return;
    work_act(d);
    next_time(d, acts, ACTS_A_WEEK);
}

static struct device *somebody(struct world *w, const struct device *but)
{
    struct device *d = &w->d[dice_below(&w->plan, w->count)];
    return d != but && d->joined && device_is_up(d) && !d->hostile ? d : NULL;
}

static void meet(struct device *d)
{
    struct device *peer = somebody(d->w, d);
    if (!peer || peer == d->w->hub || peer == d->w->hub2)
        return;
    bool was_serving = peer->serving != NULL;
    work_serve(peer, 5 * MINUTE_MS);
    uint32_t id = work_sync(d, peer);
    if (!was_serving)
        peer->met_by = id;
}

/* A device finds a network, now and then a neighbour, a stick, or a line that stays for a while. */
static void syncs(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    (void)n;
    if (d->w->calm)
        return;
    next_time(d, syncs, SYNCS_A_WEEK);
    if (!d->joined || !device_is_up(d) || d->hostile)
        return;
    uint64_t how = d->offline ? 95 : dice_below(&d->w->plan, 100);
    if (how < 3 && d->role == WARD_ROLE_CELL) {
        work_rotate(d);
    } else if (how < 65) {
        work_sync(d, NULL);
    } else if (how < 80) {
        meet(d);
    } else if (how < 90) {
        if (!d->serving) {
            work_serve(d, LIVE_MS);
            deed(d->w, DEED_LIVE);
        }
    } else {
        struct device *peer = somebody(d->w, d);
        if (peer && dice_chance(&d->w->plan, 500))
            work_carry(d, peer);
        else if (peer)
            work_carry(peer, d);
    }
}

void work_start_days(struct device *d)
{
    next_time(d, acts, ACTS_A_WEEK);
    next_time(d, syncs, SYNCS_A_WEEK);
}

static void act_once(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    (void)n;
    if (!d->w->calm)
        work_act(d);
}

void work_soon(struct device *d)
{
    for (int i = 0; i < 4; i++)
        sched_at(&d->w->time, d->w->time.now + dice_between(&d->w->plan, MINUTE_MS, HOUR_MS), act_once, d, 0);
}

struct device *work_twin(struct device *d, const char *name)
{
    struct device *t = world_device(d->w, name, (char)d->unit.b[0], d->role);
    struct disk_image *image = disk_copy(d->disk);
    disk_put(t->disk, image);
    disk_image_free(image);
    memcpy(t->held, d->held, MODEL_FEEDS_MAX * sizeof *t->held);
    memcpy(t->own, d->own, MODEL_FEEDS_MAX * sizeof *t->own);
    t->options.schema = d->options.schema;
    t->grant = d->grant;
    memcpy(t->called, d->called, sizeof t->called);
    t->invited = d->invited;
    t->unnoted = d->unnoted == UINT64_MAX ? d->w->model->change_count : d->unnoted;
    t->joined = d->may_fork = t->may_fork = true;
    t->restored = d->restored; /* of an older copy it is one, too */
    trace(d->w, d, "its folder is copied to %s", name);
    if (!d->w->calm) {
        work_start_days(t);
        work_soon(t);
        work_soon(d);
    }
    return t;
}

/* Now and then somebody new is let in. */
static void invites(void *ctx, uint64_t n)
{
    struct world *w = ctx;
    char name[16];
    (void)n;
    if (w->calm)
        return;
    sched_at(&w->time, w->time.now + dice_between(&w->plan, 5 * DAY_MS, 30 * DAY_MS), invites, w, 0);
    snprintf(name, sizeof name, "%s-%zu", dice_chance(&w->plan, 150) ? "inspector" : "cell", w->count - 1);
    struct device *by = &w->d[0];
    struct device *d = work_invite(by, name, (char)('a' + dice_below(&w->plan, 4)), name[0] == 'i' ? WARD_ROLE_INSPECTOR : WARD_ROLE_CELL);
    if (!d)
        return;
    if (d->role != WARD_ROLE_CELL)
        work_serve(by, 3 * DAY_MS);
    work_sync(by, NULL); /* the hub must hear of it */
    sched_at(&w->time, w->time.now + HOUR_MS, join_again, d, 0);
    work_start_days(d);
}

void work_begin(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        work_start_days(&w->d[i]);
    sched_at(&w->time, w->time.now + dice_between(&w->plan, DAY_MS, 20 * DAY_MS), invites, w, 0);
}

void work_end(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        memset(w->d[i].met, 0, sizeof w->d[i].met);
    for (size_t i = 0; i < w->count; i++)
        if (&w->d[i] != w->hub && &w->d[i] != w->hub2)
            work_stop_serving(&w->d[i]);
    world_run_until_quiet(w, HOUR_MS);
    world_run(w, MINUTE_MS); /* who serves sees that it is to stop */
}
