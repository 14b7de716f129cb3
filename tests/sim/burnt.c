#include "burnt.h"
#include "check.h"
#include "disk_inside.h"
#include "model.h"
#include "replica/replica.h"
#include "trust.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSPHRASE "it lies in the safe at home" /* as long as what may stand in no frame and no file */
#define STICK_LEN  64

static void go_on(void *ctx, uint64_t n);

/* ---------------------------------------------------------------- who may burn */

static bool may_burn(const struct device *d)
{
    return d && d->joined && d->machine == MACHINE_WHOLE && device_is_up(d) && !d->hostile && d->gone_count + d->was_count + 1 < GRANTS_MAX;
}

static bool burns_with(const struct device *d, struct device *const *some, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (some[i] == d)
            return true;
    return d->machine != MACHINE_WHOLE;
}

/* Somebody has to be left who holds the ward's records, and somebody who can let a hub in again, if none comes back by the sheet; and where
 * history was let go of, somebody whose word for what it had come to counts (proto/authority.md, Recovery). */
static bool enough_is_left(struct world *w, struct device *const *some, size_t n)
{
    const uint64_t none[MODEL_FEEDS_MAX] = {0};
    bool readable[DEVICES_MAX];
    size_t devices = 0, operators = 0, makers = 0;
    model_find_readable(w->model, none, readable);
    for (size_t i = 0; i < w->count; i++) {
        const struct device *d = &w->d[i];
        bool left = device_counts(d) && !burns_with(d, some, n) && readable[i], in_order = left && model_is_in_order(d);
        devices += left;
        operators += in_order && d->role == WARD_ROLE_OPERATOR;
        makers += in_order && (d->role == WARD_ROLE_OPERATOR || d->role == WARD_ROLE_HUB);
    }
    return devices && (operators || burns_with(&w->d[0], some, n)) && (makers || !w->settles);
}

static void strike(struct world *w)
{
    struct dice *dice = &w->burnt_dice;
    struct device *some[2] = {w->hub};
    size_t n = 1;
    switch (dice_below(dice, 4)) {
    case 0: /* one room for both */
        some[n++] = w->hub == &w->d[0] ? w->hub2 : &w->d[0];
        break;
    case 1:
        some[0] = w->hub2 ? w->hub2 : &w->d[0];
        break;
    default:
        break;
    }
    n -= !some[n - 1];
    bool may = enough_is_left(w, some, n);
    for (size_t i = 0; i < n; i++)
        may &= may_burn(some[i]);
    for (size_t i = 0; may && i < n; i++)
        burnt_burn(some[i]);
}

static void times(void *ctx, uint64_t n)
{
    struct world *w = ctx;
    (void)n;
    if (w->calm)
        return;
    sched_at(&w->time, w->time.now + dice_between(&w->burnt_dice, 3 * DAY_MS, 12 * DAY_MS), times, w, 0);
    strike(w);
}

void burnt_begin(struct world *w)
{
    if (fault_on(w, FAULT_BURNT))
        sched_at(&w->time, w->time.now + dice_between(&w->burnt_dice, 12 * HOUR_MS, 6 * DAY_MS), times, w, 0);
}

/* ---------------------------------------------------------------- the fire */

static void next(struct device *d, int64_t least, int64_t most)
{
    sched_at(&d->w->time, d->w->time.now + dice_between(&d->w->burnt_dice, least, most), go_on, d, 0);
}

static void lose_grant(struct device *d, const struct ward_hash *grant)
{
    if (d->gone_count < GRANTS_MAX)
        d->gone[d->gone_count++] = *grant;
}

static void empty_disk(struct device *d)
{
    struct disk *blank = disk_new("/blank");
    struct disk_image *image = disk_copy(blank);
    disk_put(d->disk, image);
    disk_power_off(d->disk);
    disk_image_free(image);
    disk_free(blank);
}

/* Its processes have ended; nothing is left of what it held, knew, waited for or was about to do. */
static void leave_ashes(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    (void)n;
    for (size_t i = 0; i < d->was_count; i++)
        lose_grant(d, &d->was[i]);
    lose_grant(d, &d->grant);
    d->was_count = 0;
    model_forget_withdrawn(d->w->model, d);
    memset(d->held, 0, MODEL_FEEDS_MAX * sizeof *d->held);
    memset(d->own, 0, MODEL_FEEDS_MAX * sizeof *d->own);
    disk_image_free(d->old);
    free(d->old_held);
    free(d->old_own);
    d->old = NULL;
    d->old_held = d->old_own = NULL;
    for (size_t i = 0; i < DEVICES_MAX; i++)
        d->begun[i].len = 0;
    d->joined = d->must_meet = d->restored = d->left = d->revoked = d->stranded = d->shut_out = false;
    d->errand = d->announcing = d->let_in = false;
    d->words[0] = d->code[0] = 0;
    d->tries = 0;
    empty_disk(d);
    next(d, HOUR_MS, 2 * DAY_MS);
}

void burnt_burn(struct device *d)
{
    struct world *w = d->w;
    fault_note(w, FAULT_BURNT);
    trace(w, d, "its machine burns, with all that was on it");
    d->machine = MACHINE_BURNT;
    d->trap_left = d->alloc_left = -1;
    device_stop(d);
    sched_at(&w->time, w->time.now + MINUTE_MS, leave_ashes, d, 0);
}

/* ---------------------------------------------------------------- the sheet */

static void type_in(const struct ward_sheet *printed, char *out, size_t size)
{
    size_t n = 0;
    for (int i = 0; i < WARD_SHEET_LINES; i++)
        n += (size_t)snprintf(out + n, size - n, "%d. %s\n", i + 1, printed->line[i]);
}

void burnt_prepare(struct world *w)
{
    struct device *d = &w->d[0];
    struct ward_error err = {0};
    if (!(w->faults & FAULT_BIT(FAULT_BURNT)))
        return;
    int rc = ward_sheet_make(d->home, NULL, PASSPHRASE, &d->options, &w->sheet, &err);
    if (rc)
        violated(w, "the ward", "its sheet cannot be printed: %d %s", rc, err.detail);
    check_keep_secret(w, PASSPHRASE, sizeof PASSPHRASE - 1);
}

/* From now on all of the ward's records, on a stick for whoever. */
static bool write_stick(struct device *from, struct device *to, char path[STICK_LEN])
{
    struct ward_bundle_options options = {0};
    struct ward_bundle_info info;
    struct ward_error err = {0};
    ward_replica *r;
    char there[STICK_LEN];
    size_t len;
    snprintf(there, sizeof there, "%s/stick.wsb", from->mount);
    snprintf(path, STICK_LEN, "%s/%s.wsb", to->mount, from->name);
    faults_before_act(from);
    int rc = device_app(from, &r, &err);
    if (!rc)
        rc = ward_bundle_write(r, there, &options, &info, &err);
    work_end_act(from, "writes a bundle", rc, &err);
    const uint8_t *p = rc ? NULL : disk_file(from->disk, there, &len);
    if (p)
        disk_set_file(to->disk, path, p, len, 0644);
    return p != NULL;
}

static uint64_t root_held(const struct world *w, const uint64_t *held)
{
    const struct model *m = w->model;
    uint64_t n = 0;
    for (size_t i = 0; i < m->feed_count; i++)
        n += m->feeds[i].author == &w->d[0] && memcmp(m->feeds[i].grant.b, w->sheet.ward.b, sizeof m->feeds[i].grant.b) == 0 ? held[i] : 0;
    return n;
}

/* The newest there are: those of all who can be reached. Somebody must be among them who has heard the root's last word, if anybody has who
 * is left: a sheet that is used from older records makes another word beside it. 0: not now. */
static size_t collect(struct device *d, char paths[DEVICES_MAX][STICK_LEN])
{
    struct world *w = d->w;
    uint64_t most = 0, heard = 0;
    bool readable[DEVICES_MAX];
    size_t n = 0;
    model_find_readable(w->model, d->held, readable);
    for (size_t i = 0; i < w->count; i++) {
        struct device *from = &w->d[i];
        if (from == d || !readable[i])
            continue;
        uint64_t held = root_held(w, from->held);
        most = held > most ? held : most;
        if (!device_is_up(from) || from->keys_open || !write_stick(from, d, paths[n]))
            continue;
        n++;
        heard = held > heard ? held : heard;
    }
    return heard == most ? n : 0;
}

/* It may have been done but for its end. */
static void look(struct device *d)
{
    struct ward_error err = {0};
    struct ward_self self;
    ward_replica *r;
    if (!device_is_up(d) || device_open(d, &r, &err))
        return;
    if (!ward_self(r, &self, &err)) {
        d->grant = d->place = self.grant;
        d->joined = true;
        check_keep_keys(d);
        check_after_act(d, r);
    }
    ward_close(r);
}

static void recover(struct device *d)
{
    struct world *w = d->w;
    char paths[DEVICES_MAX][STICK_LEN], typed[WARD_SHEET_LINES * (WARD_SHEET_LINE + 8)];
    const char *bundles[DEVICES_MAX];
    struct ward_sheet sheet;
    struct ward_error err = {0};
    ward_replica *r = NULL;
    size_t n = collect(d, paths);
    if (!n)
        return;
    for (size_t i = 0; i < n; i++)
        bundles[i] = paths[i];
    type_in(&w->sheet, typed, sizeof typed);
    faults_before_act(d);
    int rc = ward_sheet_read(typed, &sheet, NULL, &err);
    if (!rc)
        rc = ward_recover(&r, d->home, &sheet, PASSPHRASE, bundles, n, &d->unit, d->name, &d->options, &err);
    if (!rc)
        ward_close(r);
    work_end_act(d, "comes back by the sheet", rc, &err);
    look(d);
    if (d->joined)
        deed(w, DEED_RECOVERED);
    else if (!rc && device_is_up(d))
        violated(w, "L1", "%s has come back by the sheet, and cannot be opened", d->name);
    else if (rc && !work_may_wait(rc) && rc != WARD_ERR_HOME_EXISTS)
        violated(w, "L1", "%s cannot come back by the sheet: %d %s", d->name, rc, err.detail);
    if (d->joined && device_is_up(d))
        work_after_boot(d);
}

/* ---------------------------------------------------------------- in again */

static struct device *operator_left(struct world *w)
{
    for (size_t i = 0; i < 2; i++) {
        struct device *d = &w->d[i];
        if (d->role == WARD_ROLE_OPERATOR && d->machine == MACHINE_WHOLE && work_may_act(d) && model_is_in_order(d))
            return d;
    }
    return NULL;
}

static void let_in(struct device *d)
{
    struct device *by = operator_left(d->w);
    if (!by || (d->code[0] && !d->shut_out && work_code_is_good(d)))
        return;
    d->shut_out = false;
    if (!work_invite_again(by, d))
        return;
    work_serve(by, 3 * DAY_MS);
    work_join(d);
}

/* "Read a bundle of each": what vouches for a device may be held by nobody but itself. */
static void gather(struct device *d)
{
    struct world *w = d->w;
    for (size_t i = 0; i < w->count; i++)
        if (&w->d[i] != d && !w->d[i].revoked)
            work_carry_all(&w->d[i], d);
}

static bool has_heard_all(const struct device *d)
{
    const struct world *w = d->w;
    const struct model *m = w->model;
    bool readable[DEVICES_MAX];
    model_find_readable(m, d->held, readable);
    for (size_t i = 0; i < w->count; i++)
        for (size_t f = 0; f < m->feed_count; f++)
            if (m->spaces[m->feeds[f].space].is_ward && w->d[i].held[f] > d->held[f] && readable[i])
                return false;
    return true;
}

/* ---------------------------------------------------------------- at another address */

static void move(struct device *d)
{
    d->moved = true;
    d->told_seq = 0;
    snprintf(d->address, sizeof d->address, "tcp://%s:%u", d->name, 7700 + ++d->moves);
    trace(d->w, d, "will answer at %s", d->address);
}

/* In the ward's records, by the last change of the operator's feed there. */
static void tell_address(struct device *by, struct device *d)
{
    const struct model *m = d->w->model;
    struct ward_error err = {0};
    ward_replica *r;
    faults_before_act(by);
    int rc = device_app(by, &r, &err);
    if (!rc)
        rc = ward_hub_address_set(r, d->address, true, &err);
    work_end_act(by, "tells where a hub answers", rc, &err);
    for (size_t i = 0; !rc && i < m->feed_count; i++)
        if (m->spaces[m->feeds[i].space].is_ward && memcmp(m->feeds[i].grant.b, by->grant.b, sizeof by->grant.b) == 0 && by->held[i]) {
            d->told_branch = i;
            d->told_seq = by->held[i];
        }
    d->moved = rc != WARD_OK;
}

static bool knows_address(const struct device *o, const struct device *d)
{
    return !d->told_seq || o->held[d->told_branch] >= d->told_seq;
}

/* Who does not hear of it over another hub gets it on a stick; and where that change burnt before anybody had it, it is made again. */
static bool spread_address(struct device *by, struct device *d)
{
    struct world *w = d->w;
    size_t holders = 0;
    if (d->moved)
        tell_address(by, d);
    for (size_t i = 0; i < w->count; i++)
        holders += w->d[i].joined && knows_address(&w->d[i], d);
    d->moved |= holders == 0;
    for (size_t i = 0; knows_address(by, d) && i < w->count; i++)
        if (device_counts(&w->d[i]) && !knows_address(&w->d[i], d))
            work_carry_all(by, &w->d[i]);
    return d->moved;
}

static void mend_later(void *ctx, uint64_t n)
{
    (void)n;
    trust_mend(ctx);
}

static void go_on(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    struct world *w = d->w;
    (void)n;
    if (d->machine == MACHINE_BURNT) {
        disk_power_on(d->disk, DISK_KEEP, 0);
        d->machine = MACHINE_EMPTY;
        d->away = false;
        d->boot_ms = w->time.now;
        trace(w, d, "an empty machine takes its place");
        if ((d == w->hub || d == w->hub2) && dice_chance(&w->burnt_dice, 300))
            move(d);
    } else if (d->joined && device_is_up(d)) {
        d->machine = MACHINE_WHOLE;
        trace(w, d, "is in again, with new keys");
        deed(w, DEED_ANEW);
        model_find_stranded(w->model);
        gather(d);
        sched_at(&w->time, w->time.now + dice_between(&w->burnt_dice, 6 * HOUR_MS, 2 * DAY_MS), mend_later, w, 0);
        return;
    }
    if (device_is_up(d) && !d->joined && d == &w->d[0])
        recover(d);
    else if (device_is_up(d) && !d->joined)
        let_in(d);
    next(d, 10 * MINUTE_MS, HOUR_MS);
}

static bool has_to_end(const struct device *by, const struct ward_hash *grant)
{
    const struct model *m = by->w->model;
    return model_has_effect(m, by->held, grant) && !model_is_cut(m, by->held, grant);
}

static bool end_burnt_keys(struct device *by, struct device *d)
{
    bool some = false;
    for (size_t k = 0; k < d->gone_count; k++)
        some |= has_to_end(by, &d->gone[k]);
    if (!some)
        return false;
    gather(by);
    for (size_t k = 0; has_heard_all(by) && k < d->gone_count; k++)
        if (has_to_end(by, &d->gone[k]))
            work_end_keys(by, d, &d->gone[k]);
    return true;
}

/* Whose keys nobody can vouch for, or which fell with those that burnt, goes on in its home under new ones. */
static bool invite_anew(struct device *by, struct device *d)
{
    if (!d->let_in || (d->w->calm && !work_code_is_good(d)))
        work_rejoin(by, d);
    return true;
}

bool burnt_mend(struct world *w)
{
    bool waits = false;
    for (size_t i = 0; (w->faults & FAULT_BIT(FAULT_BURNT)) && i < w->count; i++) {
        struct device *d = &w->d[i], *by = operator_left(w);
        waits |= d->machine != MACHINE_WHOLE;
        if (by && d->machine == MACHINE_WHOLE && d->role != WARD_ROLE_CELL && device_counts(d) && d->gone_count)
            waits |= end_burnt_keys(by, d);
        if (by && d->machine == MACHINE_WHOLE && (d->moved || d->told_seq))
            waits |= spread_address(by, d);
        if (by && d->joined && d->stranded && !d->hostile && !d->revoked && !d->errand && d->role == WARD_ROLE_CELL)
            waits |= invite_anew(by, d);
    }
    return waits;
}
