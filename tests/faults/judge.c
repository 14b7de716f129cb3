/* judge.c - no wrong word, nothing acknowledged lost, nothing halfway, and all of it done in the end. */
#include "replica/replica.h"
#include "shell/store.h"
#include "trial.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COMPLAINTS_MAX 12 /* shown for each scenario */

void blame(struct trials *t, const char *format, ...)
{
    char what[600], damage[32] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (t->failures++ >= COMPLAINTS_MAX)
        return;
    if (t->damage >= 0)
        snprintf(damage, sizeof damage, " --damage %d", t->damage);
    printf("# %s, %s: %s\n#   again with: ward-faults --scenario %s --family %s%s --at %" PRIu64 "%s\n", t->scenario->name,
           family_name(t->family), what, t->scenario->name, family_name(t->family), t->on ? " --on" : "", t->at, damage);
}

/* ---------------------------------------------------------------- words */

static bool fits(const struct trials *t, int code)
{
    switch (t->family) {
    case FAULT_MEMORY:
    case FAULT_SQLITE:
    case FAULT_OTHER:
        return code == WARD_ERR_MEMORY;
    case FAULT_FULL:
        return code == WARD_ERR_DISK_FULL;
    case FAULT_BUSY:
        return code == WARD_ERR_BUSY;
    default:
        return code == WARD_ERR_IO;
    }
}

void judge_error(struct trials *t, int rc, const struct ward_error *err)
{
    if (rc != err->code)
        blame(t, "step %d returned %s and told %s (%s)", t->step, ward_error_name(rc), ward_error_name(err->code), err->detail);
    else if (!fits(t, rc))
        blame(t, "step %d: %s does not fit (%s)", t->step, ward_error_name(rc), err->detail);
    else if (!err->detail[0])
        blame(t, "step %d: %s without a word more", t->step, ward_error_name(rc));
}

/* ---------------------------------------------------------------- things left over */

static void check_closed(struct trials *t)
{
    trial_close_all(t);
    for (size_t i = 0; i < DEVICES; i++) {
        struct device *d = &t->w.d[i];
        if (d->live)
            blame(t, "device %zu: %" PRId64 " allocations are lost", i, d->live);
        if (disk_open_files(d->disk))
            blame(t, "device %zu: %zu files are open", i, disk_open_files(d->disk));
        d->live = 0;
    }
    if (sqlite3_memory_used() > t->sqlite_idle)
        blame(t, "%" PRId64 " bytes of SQLite's are lost", (int64_t)sqlite3_memory_used() - t->sqlite_idle);
}

/* After a failure there is what was there before, or what was to be. */
static void check_names(struct trials *t)
{
    struct names now;
    names_of(&t->w, &now);
    for (size_t i = 0; i < now.count; i++)
        if (!names_hold(&t->names_before, now.name[i]) && ((t->failed && t->scenario->clean) || !names_hold(&t->names_after, now.name[i])))
            blame(t, "%s stays behind", now.name[i]);
}

static void check_names_in_the_end(struct trials *t, const char *where)
{
    struct names now;
    names_of(&t->w, &now);
    for (size_t i = 0; i < now.count; i++)
        if (!names_hold(&t->names_after, now.name[i]))
            blame(t, "%s: %s is left over", where, now.name[i]);
    for (size_t i = 0; i < t->names_after.count; i++)
        if (!names_hold(&now, t->names_after.name[i]))
            blame(t, "%s: %s is missing", where, t->names_after.name[i]);
}

/* ---------------------------------------------------------------- states */

/* Everything acknowledged is there; of the step under way all, or a whole number of its parts. */
static bool find_state(const struct trials *t, const struct ward_hash *observed, size_t *out)
{
    size_t last = t->ends[t->acked < t->scenario->steps ? t->acked + 1 : t->acked];
    for (size_t i = t->ends[t->acked]; i <= last; i++)
        if (ward_hash_compare(&t->states[i], observed) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static void note_bad(void *ctx, const struct ward_bad *bad)
{
    snprintf(ctx, 100, "%s", bad->what);
}

static void check_sound(struct trials *t)
{
    char what[100] = "";
    struct ward_verify_result seen = {0};
    struct ward_error err = {0};
    int rc = ward_verify(t->w.d[0].r, true, note_bad, what, NULL, &seen, &err);
    if (!rc)
        rc = ward_store_integrity(t->w.d[0].r->store, &err);
    if (rc)
        blame(t, "verify: %s (%s)", ward_error_name(rc), err.detail);
    else if (seen.bad)
        blame(t, "verify finds %" PRIu64 " things wrong: %s", seen.bad, what);
    for (size_t i = 1; i < DEVICES; i++)
        if (t->w.d[i].r && !published_is_held(&t->w, i))
            blame(t, "device %zu holds of it what it does not hold itself", i);
}

/* Does what is left to do; the state at the end is that of the undisturbed run. */
static int go_on(struct trials *t, size_t from, const char *where, struct ward_error *err)
{
    struct ward_hash observed;
    int acked = t->acked, next = acked;
    if (acked < t->scenario->steps && from == t->ends[acked + 1] && from != t->ends[acked])
        next++; /* the step under way is done, though nobody said so */
    t->w.attempt++;
    int rc = trial_steps(t, next, err);
    t->acked = acked;
    if (!rc && observe(&t->w, t->scenario, &observed, err))
        blame(t, "%s: cannot be read in the end: %s (%s)", where, ward_error_name(err->code), err->detail);
    else if (!rc && ward_hash_compare(&t->states[t->state_count - 1], &observed) != 0)
        blame(t, "%s: not the state of the undisturbed run", where);
    return rc;
}

/* ---------------------------------------------------------------- the open replica */

/* Whatever it went on to write and others were given is there after one more power cut. */
static void check_another_cut(struct trials *t)
{
    struct ward_error err = {0};
    struct disk_image *left[3] = {disk_survivors(t->w.d[0].disk, DISK_LOSE, t->at), disk_survivors(t->w.d[0].disk, DISK_REORDER, t->at),
                                  disk_survivors(t->w.d[0].disk, DISK_MIXED, t->at)};
    device_close(&t->w, 0);
    for (size_t i = 0; i < 3; i++) {
        disk_put(t->w.d[0].disk, left[i]);
        if (device_open(&t->w, 0, &err))
            blame(t, "cannot be opened after another power cut: %s", err.detail);
        else
            check_sound(t);
        device_close(&t->w, 0);
        disk_image_free(left[i]);
    }
}

void judge_open(struct trials *t)
{
    struct ward_error err = {0};
    struct ward_hash observed;
    size_t i;
    if (t->w.d[0].r) {
        int rc = observe(&t->w, t->scenario, &observed, &err);
        if (rc) {
            blame(t, "the open replica cannot be read: %s (%s)", ward_error_name(rc), err.detail);
        } else if (!find_state(t, &observed, &i)) {
            blame(t, "the open replica shows neither what was before nor what was to be");
        } else {
            rc = go_on(t, i, "the open replica", &err);
            if (rc && !(rc == WARD_ERR_IO && strstr(err.detail, "open again")))
                blame(t, "the open replica does not go on: %s (%s)", ward_error_name(rc), err.detail);
            if (t->scenario->peers)
                check_another_cut(t);
        }
    }
    check_closed(t);
}

/* ---------------------------------------------------------------- what lies on the disk */

static void reopen(struct trials *t)
{
    struct ward_error err = {0};
    struct ward_hash observed;
    size_t from = 0;
    bool nothing = t->scenario->fresh && t->acked == 0;
    int rc = trial_open(t, &err);
    if (!rc && !t->w.d[0].r)
        rc = device_open(&t->w, 0, &err);
    if (rc && !nothing) {
        blame(t, "cannot be opened again: %s (%s)", ward_error_name(rc), err.detail);
        return;
    }
    if (!rc && (observe(&t->w, t->scenario, &observed, &err) || !find_state(t, &observed, &from))) {
        blame(t, "opened again it shows neither what was before nor what was to be (%s)", err.detail);
        return;
    }
    if (!rc)
        check_sound(t);
    if (!t->scenario->opens)
        device_close(&t->w, 0);
    rc = go_on(t, from, "opened again", &err);
    if (rc)
        blame(t, "opened again, step %d fails without a fault: %s (%s)", t->step, ward_error_name(rc), err.detail);
    else if (t->w.d[0].r || device_open(&t->w, 0, &err) == WARD_OK)
        check_sound(t);
    trial_close_all(t);
    if (!rc)
        check_names_in_the_end(t, "done again");
}

void judge_image(struct trials *t, const struct disk_image *image, const struct disk_image *const peers[DEVICES])
{
    disk_put(t->w.d[0].disk, image);
    for (size_t i = 1; t->scenario->peers && i < DEVICES; i++)
        disk_put(t->w.d[i].disk, peers[i]);
    if (t->family != FAULT_CRASH && !(t->family == FAULT_IO && t->on)) /* where nothing works, nothing can be removed either */
        check_names(t);
    reopen(t);
    check_closed(t);
}
