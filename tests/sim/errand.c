/* errand.c - each step is taken again until it is done: disks fail, people are away, the power goes in the middle of it. Done again, it
 * does the same (proto/admission.md). */
#include "errand.h"
#include "check.h"
#include "model.h"
#include "trust.h"
#include "work.h"

#include <stdio.h>
#include <string.h>

#define PATH_MAX_LEN 64
enum step { ASK, ADMIT, ACCEPT };

static const char *const request = "wsr", *const answer = "wsa";

static void go(void *ctx, uint64_t step);

static void next(struct device *d, enum step step)
{
    sched_at(&d->w->time, d->w->time.now + dice_between(&d->w->trust_dice, MINUTE_MS, 3 * HOUR_MS), go, d, (uint64_t)step);
}

/* The request of a device, or its answer, on the disk of anybody. */
static void path_on(const struct device *disk, const struct device *d, const char *kind, char out[PATH_MAX_LEN])
{
    snprintf(out, PATH_MAX_LEN, "%s/%s.%s", disk->mount, d->name, kind);
}

/* On a stick; now and then a bit of it turns over. False: there is no such file any more. */
static bool carry(struct device *from, struct device *to, const struct device *d, const char *kind, bool *is_bent)
{
    char there[PATH_MAX_LEN], here[PATH_MAX_LEN];
    size_t len;
    path_on(from, d, kind, there);
    path_on(to, d, kind, here);
    const uint8_t *p = disk_file(from->disk, there, &len);
    if (!p || !len)
        return false;
    disk_set_file(to->disk, here, p, len, 0644);
    bool bent = fault_on(from->w, FAULT_FLIP) && dice_chance(&from->w->trust_dice, 200);
    if (bent) {
        disk_flip(to->disk, here, dice_below(&from->w->trust_dice, len), 1);
        fault_note(from->w, FAULT_FLIP);
    }
    *is_bent = bent;
    return true;
}

/* Nothing will come of it. */
static void give_up(struct device *d, const char *why)
{
    d->errand = false;
    trace(d->w, d, "asks in vain: %s", why);
}

/* ---------------------------------------------------------------- asking */

static void ask(struct device *d)
{
    struct ward_error err = {0};
    char path[PATH_MAX_LEN];
    ward_replica *r;
    path_on(d, d, request, path);
    faults_before_act(d);
    int rc = d->joined ? device_app(d, &r, &err) : ward_join_request(d->home, d->code, d->name, path, &d->options, d->words, &err);
    if (!rc && d->joined)
        rc = ward_rotate_request(r, path, &d->options, d->words, &err);
    work_end_act(d, "asks by a file", rc, &err);
    if (!rc)
        deed(d->w, DEED_ASKED);
    if (rc == WARD_ERR_CUT)
        work_is_ended(d);
    if (!rc || work_may_wait(rc))
        next(d, rc ? ASK : ADMIT);
    else
        violated(d->w, "L1", "%s cannot ask by a file: %d %s", d->name, rc, err.detail);
}

/* ---------------------------------------------------------------- admitting */

/* Both sides read the same, the words above all. */
static void check_shown(const struct device *d, const struct ward_request_info *shown)
{
    if (strcmp(shown->words, d->words) != 0 || shown->replaces_keys != d->joined || shown->role != d->role ||
        !ward_id_equal(&shown->unit, &d->unit))
        violated(d->w, "admission", "what %s asks for is shown otherwise", d->name);
}

static int admit_at(struct device *by, struct device *d, bool bent, struct ward_error *err)
{
    struct ward_request_info shown;
    char path[PATH_MAX_LEN], out[PATH_MAX_LEN];
    ward_replica *r;
    path_on(by, d, request, path);
    path_on(by, d, answer, out);
    int rc = device_app(by, &r, err);
    if (!rc)
        rc = ward_request_show(r, path, &shown, err);
    if (!rc && !bent)
        check_shown(d, &shown);
    if (!rc)
        rc = ward_admit(r, path, out, &d->granted, err);
    if (!rc && bent)
        violated(d->w, "S5", "%s grants what a file asks for in which a bit is turned over", by->name);
    return rc;
}

static void admitted(struct device *by, struct device *d)
{
    struct world *w = d->w;
    deed(w, DEED_ADMITTED);
    if (d->serving == NULL && by->serving) {
        by->serving->kick = true;
        proc_wake(by->serving);
    }
    for (size_t i = 0; d->joined && i < w->count; i++) /* from now on the old keys are ended, wherever they are */
        w->d[i].revoked |=
            w->d[i].joined && memcmp(w->d[i].grant.b, d->grant.b, sizeof d->grant.b) == 0 && model_is_cut(w->model, by->held, &d->grant);
    next(d, ACCEPT);
}

static void admit(struct device *d)
{
    struct world *w = d->w;
    struct device *by = trust_operator(w);
    struct ward_error err = {0};
    bool bent;
    if (!by || by == d) {
        next(d, ADMIT);
        return;
    }
    if (!d->words[0] || !carry(d, by, d, request, &bent)) { /* its disk is an older one */
        next(d, ASK);
        return;
    }
    faults_before_act(by);
    int rc = admit_at(by, d, bent, &err);
    work_end_act(by, "answers a request", rc, &err);
    trace(w, d, "is answered by %s: %s", by->name, rc ? ward_error_name(rc) : "granted");
    d->admitter = by;
    bool replaced = model_is_cut(w->model, by->held, &d->grant); /* another laptop has its place: then it is true */
    if (rc == WARD_ERR_KEYS_REPLACED && !d->may_fork && !replaced)
        violated(w, "admission", "%s is told that its keys were replaced by others'", d->name);
    if (rc == WARD_ERR_CUT || rc == WARD_ERR_KEYS_REPLACED) {
        if (rc == WARD_ERR_CUT && d->joined)
            work_is_ended(d);
        d->revoked = true;
        give_up(d, ward_error_name(rc));
    } else if (rc == WARD_ERR_INVITE_EXPIRED && (w->faults & FAULT_BIT(FAULT_CLOCK))) {
        d->shut_out = true;
        give_up(d, ward_error_name(rc));
    } else if (!rc) {
        admitted(by, d);
    } else if (bent || work_may_wait(rc)) {
        next(d, ADMIT);
    } else {
        violated(w, "L1", "%s: the request of %s: %d %s", by->name, d->name, rc, err.detail);
    }
}

/* ---------------------------------------------------------------- accepting */

static int accept_in(struct device *d, struct ward_error *err)
{
    char path[PATH_MAX_LEN];
    struct ward_self self;
    ward_replica *r = NULL;
    path_on(d, d, answer, path);
    int rc = ward_join_accept(&r, d->home, path, &d->options, err);
    if (!rc)
        rc = ward_self(r, &self, err);
    if (!rc && !d->joined) {
        d->grant = d->place = self.grant;
        d->joined = true;
        check_keep_keys(d);
    } else if (!rc) {
        work_take_grant(d, &self.grant);
    }
    if (!rc)
        check_after_act(d, r);
    ward_close(r);
    return rc;
}

static void accepted(struct device *d)
{
    deed(d->w, DEED_ACCEPTED);
    fault_note(d->w, FAULT_FILES);
    d->errand = false;
    if (device_is_up(d)) /* hubs serve again, too */
        work_after_boot(d);
    work_sync(d, NULL);
}

static void accept(struct device *d)
{
    struct world *w = d->w;
    struct ward_error err = {0};
    bool bent;
    device_close_app(d);
    if (device_fell(d)) {
        next(d, ACCEPT);
        return;
    }
    if (!carry(d->admitter, d, d, answer, &bent)) {
        next(d, ADMIT);
        return;
    }
    faults_before_act(d);
    int rc = accept_in(d, &err);
    work_end_act(d, "takes the answer", rc, &err);
    if (rc)
        work_look_at_grant(d);
    if (!rc && bent)
        violated(w, "S5", "%s takes an answer with a bit turned over", d->name);
    if (!rc && memcmp(d->grant.b, d->granted.b, sizeof d->grant.b) != 0)
        violated(w, "admission", "%s has taken an answer, and not the grant that it had asked for", d->name);
    if (!rc)
        accepted(d);
    else if ((rc == WARD_ERR_NOT_ASKED || rc == WARD_ERR_ANSWER_FOREIGN) && d->may_fork) /* it is an older copy, which has not asked */
        give_up(d, ward_error_name(rc));
    else if (rc == WARD_ERR_ANSWER_FOREIGN && d->admitter->restored) /* its answer of before */
        next(d, ADMIT);
    else if (rc == WARD_ERR_ANSWER && !bent && model_tainted(w->model, model_ward_space(w->model))) /* its giver has two histories */
        d->shut_out |= !d->joined, give_up(d, ward_error_name(rc));
    else if (bent || work_may_wait(rc))
        next(d, ADMIT); /* another answer, which is the same */
    else
        violated(w, "L1", "%s cannot take its answer: %d %s", d->name, rc, err.detail);
    if (rc && device_is_up(d) && d->role == WARD_ROLE_HUB)
        work_after_boot(d);
    if (!d->errand && d->revoked)
        work_rejoin(d->admitter, d);
}

/* ---------------------------------------------------------------- */

static void go(void *ctx, uint64_t step)
{
    struct device *d = ctx;
    bool at_home = step == ACCEPT || (step == ASK && !d->joined); /* where its own home is needed, closed everywhere else */
    if (!d->errand || d->hostile) {
        d->errand = false;
        return;
    }
    if (d->stranded) { /* who answers may hear of it yet; it may even have answered, and ended the old keys */
        sched_at(&d->w->time, d->w->time.now + 6 * HOUR_MS, go, d, step);
        return;
    }
    if (!device_is_up(d) || d->keys_open || (at_home && (d->serving || !device_is_idle(d)))) {
        if (at_home)
            work_stop_serving(d);
        sched_at(&d->w->time, d->w->time.now + 10 * MINUTE_MS, go, d, step);
        return;
    }
    if (step == ASK && d->revoked) /* ended meanwhile */
        give_up(d, "revoked");
    else if (step == ASK)
        ask(d);
    else if (step == ADMIT)
        admit(d);
    else
        accept(d);
}

void errand_begin(struct device *d)
{
    d->errand = true;
    next(d, ASK);
}
