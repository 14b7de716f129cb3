#include "faults.h"
#include "burnt.h"
#include "check.h"
#include "disk_inside.h"
#include "hostile.h"
#include "model.h"
#include "net.h"
#include "trust.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum fault_group group;
} table[FAULTS] = {
#define X(id, name, group) {name, GROUP_##group},
    SIM_FAULTS(X)
#undef X
};
static const char *const groups[GROUPS] = {"network", "storage", "device", "peer"};

const char *fault_name(enum fault fault)
{
    return table[fault].name;
}

enum fault_group fault_group_of(enum fault fault)
{
    return table[fault].group;
}

static uint64_t named(const char *name)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < FAULTS; i++)
        if (strcmp(name, table[i].name) == 0 || strcmp(name, groups[table[i].group]) == 0 || strcmp(name, "all") == 0)
            mask |= FAULT_BIT(i);
    return mask;
}

bool faults_parse(uint64_t *out, const char *list)
{
    uint64_t mask = 0;
    for (const char *at = list; strcmp(list, "none") != 0 && *at;) {
        char name[32];
        size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        uint64_t one = named(name);
        if (!one)
            return false;
        mask |= one;
        at += n + (at[n] == ',');
    }
    *out = mask;
    return true;
}

uint64_t faults_of_seed(uint64_t seed)
{
    struct dice d = dice_for(seed, 99);
    uint64_t how = dice_below(&d, 16), mask = 0;
    for (unsigned i = 0; i < FAULTS; i++)
        mask |=
            dice_chance(&d, i == FAULT_BURNT ? 60 : 250) ? FAULT_BIT(i) : 0; /* seldom does a machine burn, and then the story is long */
    return how == 0 ? 0 : how == 1 ? FAULTS_ALL : mask;
}

void faults_print(uint64_t mask, char *out, size_t size)
{
    size_t n = 0;
    snprintf(out, size, mask == FAULTS_ALL ? "all" : mask ? "" : "none");
    for (unsigned i = 0; mask != FAULTS_ALL && i < FAULTS && n < size; i++)
        if (mask & FAULT_BIT(i))
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? "," : "", table[i].name);
}

bool fault_on(const struct world *w, enum fault fault)
{
    return !w->calm && (w->faults & FAULT_BIT(fault));
}

void fault_note(struct world *w, enum fault fault)
{
    w->injected[fault]++;
}

/* One of those of a group that may happen; FAULTS: none may. */
static enum fault choose(struct world *w, enum fault first, enum fault last)
{
    enum fault some[FAULTS];
    size_t n = 0;
    for (enum fault f = first; f <= last; f++)
        if (fault_on(w, f))
            some[n++] = f;
    return n ? some[dice_below(&w->fault_dice, n)] : FAULTS;
}

/* ---------------------------------------------------------------- network */

void faults_of_connection(struct world *w, struct conn *c)
{
    struct dice *d = &w->fault_dice;
    enum fault f = choose(w, FAULT_DROP, FAULT_HALFOPEN);
    if (f == FAULTS || !dice_chance(d, 400))
        return;
    int64_t after = dice_between(d, 0, 12);
    switch (f) {
    case FAULT_DELAY:
        c->fate.delay_ms = dice_between(d, 50, 3000);
        fault_note(w, f);
        break;
    case FAULT_SLOW:
        c->fate.bytes_a_second = dice_between(d, 500, 8000);
        fault_note(w, f);
        break;
    case FAULT_REPLAY:
        net_noise(c->side[1].d);
        fault_note(w, f);
        break;
    default:
        c->fate.fault = f;
        c->fate.after = after;
        break;
    }
}

/* ---------------------------------------------------------------- storage */

static bool fits(enum fault trap, enum disk_op op)
{
    switch (trap) {
    case FAULT_READERR:
        return op == DISK_READ;
    case FAULT_WRITEERR:
        return op == DISK_WRITE || op == DISK_TRUNCATE;
    case FAULT_SYNCERR:
        return op == DISK_SYNC;
    case FAULT_BUSY:
        return op == DISK_LOCK;
    default:
        return op == DISK_WRITE || op == DISK_SYNC || op == DISK_TRUNCATE || op == DISK_RENAME || op == DISK_DELETE;
    }
}

static enum disk_answer on_call(void *ctx, const struct disk_call *call)
{
    struct device *d = ctx;
    if (d->trap_left < 0 || !fits(d->trap, call->op))
        return DISK_OK;
    if (d->trap_left-- > 0)
        return DISK_OK;
    fault_note(d->w, d->trap);
    if (d->trap == FAULT_BUSY)
        return DISK_BUSY;
    return d->trap == FAULT_KILL || d->trap == FAULT_CRASH ? DISK_CUT : DISK_FAIL;
}

void faults_set_trap(struct device *d, enum fault trap, int64_t calls)
{
    d->trap = trap;
    d->trap_left = calls;
    disk_on_call(d->disk, on_call, d);
}

static void set_trap(struct device *d, enum fault trap)
{
    static const int64_t reach[] = {[FAULT_READERR - FAULT_KILL] = 60, [FAULT_WRITEERR - FAULT_KILL] = 40, [FAULT_SYNCERR - FAULT_KILL] = 4,
                                    [FAULT_BUSY - FAULT_KILL] = 20,    [FAULT_KILL - FAULT_KILL] = 40,     [FAULT_CRASH - FAULT_KILL] = 40};
    faults_set_trap(d, trap, dice_between(&d->w->fault_dice, 0, reach[trap - FAULT_KILL]));
}

static void set_memory_trap(struct device *d)
{
    d->alloc_left = dice_between(&d->w->fault_dice, 0, 400);
    d->alloc_down = dice_chance(&d->w->fault_dice, 500);
    world_memory_of(d);
}

void faults_before_act(struct device *d)
{
    enum fault trap = choose(d->w, FAULT_KILL, FAULT_BUSY);
    if (trap == FAULTS || trap == FAULT_FULL || !dice_chance(&d->w->fault_dice, 120))
        return;
    if (trap == FAULT_MEMORY)
        set_memory_trap(d);
    else
        set_trap(d, trap);
}

void faults_after_act(struct device *d)
{
    world_memory_of(NULL);
    d->alloc_left = -1;
    d->alloc_down = false;
    if (!disk_is_off(d->disk))
        d->trap_left = -1;
}

/* A trap for whatever runs next on the device: a sync, a server, a join. */
static void trap_later(struct device *d)
{
    enum fault trap = choose(d->w, FAULT_KILL, FAULT_BUSY);
    if (trap == FAULTS || !device_is_up(d))
        return;
    if (trap == FAULT_FULL)
        return;
    if (trap == FAULT_MEMORY) {
        d->alloc_left = dice_between(&d->w->fault_dice, 0, 2000);
        d->alloc_down = false;
    } else {
        set_trap(d, trap);
    }
}

static void make_room(struct device *d)
{
    disk_limit(d->disk, 0);
    if (d->unnoted == UINT64_MAX)
        d->unnoted = d->w->model->change_count;
}

static void room_again(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    (void)n;
    make_room(d);
    trace(d->w, d, "has room on its disk again");
}

static void fill_disk(struct device *d)
{
    size_t room = dice_below(&d->w->fault_dice, 40000);
    disk_limit(d->disk, disk_bytes(d->disk) + room);
    d->unnoted = UINT64_MAX;
    fault_note(d->w, FAULT_FULL);
    trace(d->w, d, "has no room on its disk");
    sched_at(&d->w->time, d->w->time.now + dice_between(&d->w->fault_dice, HOUR_MS, DAY_MS), room_again, d, 0);
}

/* ---------------------------------------------------------------- devices */

static void upset_clock(struct device *d)
{
    struct dice *dice = &d->w->fault_dice;
    fault_note(d->w, FAULT_CLOCK);
    switch (dice_below(dice, 4)) {
    case 0:
        d->wall_off_ms = dice_between(dice, -60 * 365, 80 * 365) * DAY_MS;
        break;
    case 1:
        d->wall_off_ms += dice_between(dice, -5 * DAY_MS, 5 * DAY_MS);
        break;
    case 2:
        d->wall_stands = device_wall(d);
        break;
    default:
        d->wall_stands = 0;
        d->wall_off_ms = 0;
        break;
    }
    trace(d->w, d, "its clock goes wrong");
}

void faults_copy(struct device *d)
{
    if (!d->joined || !device_is_up(d))
        return;
    disk_image_free(d->old);
    d->old = disk_copy(d->disk);
    d->old_held = disk_memory(d->old_held, MODEL_FEEDS_MAX * sizeof *d->old_held);
    d->old_own = disk_memory(d->old_own, MODEL_FEEDS_MAX * sizeof *d->old_own);
    memcpy(d->old_held, d->held, MODEL_FEEDS_MAX * sizeof *d->held);
    memcpy(d->old_own, d->own, MODEL_FEEDS_MAX * sizeof *d->own);
}

static void restore_now(void *ctx, uint64_t n)
{
    struct device *d = ctx;
    (void)n;
    model_forget_withdrawn(d->w->model, d);
    disk_put(d->disk, d->old);
    memcpy(d->held, d->old_held, MODEL_FEEDS_MAX * sizeof *d->held);
    memcpy(d->own, d->old_own, MODEL_FEEDS_MAX * sizeof *d->own);
    model_find_stranded(d->w->model);
    d->away = false;
    d->restored = true;
    d->words[0] = 0; /* if it had asked for something, that was before */
    d->announcing = false;
    d->boot_ms = d->w->time.now;
    trace(d->w, d, "is restored from an older copy");
    deed(d->w, DEED_BOOT);
    check_after_boot(d);
    if (!d->must_meet)
        work_soon(d);
    for (size_t i = 0; i < d->w->count; i++)
        work_met(&d->w->d[i]);
    work_after_boot(d);
    if (d->role != WARD_ROLE_CELL)
        trust_after_restore(d);
}

void faults_restore(struct device *d, enum fault fault)
{
    if (!d->old || !device_is_up(d) || !d->joined || !dice_chance(&d->w->fault_dice, 300))
        return;
    fault_note(d->w, fault);
    d->trap = FAULT_CRASH;
    d->may_fork = true;
    d->must_meet = fault != FAULT_CLONE;
    device_stop(d);
    sched_at(&d->w->time, d->w->time.now + MINUTE_MS, restore_now, d, 0);
}

/* Two laptops that are one to all others. */
void faults_make_twin(struct device *d)
{
    struct world *w = d->w;
    char name[16];
    if (d->role != WARD_ROLE_CELL || !device_counts(d) || !device_is_up(d) || d->keys_open || w->count == DEVICES_MAX)
        return;
    snprintf(name, sizeof name, "%.8s-too", d->name);
    for (size_t i = 0; i < w->count; i++) /* it has one, or had */
        if (strcmp(w->d[i].name, name) == 0 || (&w->d[i] != d && memcmp(w->d[i].grant.b, d->grant.b, sizeof d->grant.b) == 0))
            return;
    fault_note(w, FAULT_TWIN);
    work_twin(d, name);
}

static void revoke_one(struct world *w)
{
    struct device *whom = &w->d[dice_below(&w->fault_dice, w->count)];
    if (whom->role != WARD_ROLE_CELL || whom->revoked || !whom->joined)
        return;
    if (work_revoke(&w->d[0], whom) != WARD_OK)
        return;
    fault_note(w, FAULT_REVOKE);
    if (!whom->hostile && dice_chance(&w->fault_dice, 600)) /* it was found behind the stove */
        work_rejoin(&w->d[0], whom);
}

/* ---------------------------------------------------------------- their times */

static void strike(struct world *w)
{
    struct dice *dice = &w->fault_dice;
    struct device *d = &w->d[dice_below(dice, w->count)];
    enum fault f = choose(w, FAULT_KILL, FAULT_VERSION);
    switch (f) {
    case FAULTS:
        break;
    case FAULT_FULL:
        if (device_is_up(d) && d->joined)
            fill_disk(d);
        break;
    case FAULT_CLOCK:
        upset_clock(d);
        break;
    case FAULT_ROLLBACK:
    case FAULT_CLONE:
        if (d->role == WARD_ROLE_CELL)
            faults_restore(d, f);
        break;
    case FAULT_TWIN:
        if (dice_chance(dice, 600))
            faults_make_twin(d);
        break;
    case FAULT_HUB:
        faults_restore(w->hub, f);
        break;
    case FAULT_REVOKE:
        if (dice_chance(dice, 200))
            revoke_one(w);
        break;
    case FAULT_VERSIONS:
        if (d != w->hub && device_is_idle(d)) {
            device_close_app(d);
            if (device_fell(d)) /* closing writes, too */
                break;
            d->options.schema = d->options.schema == &work_schema ? &work_small_schema : &work_schema;
            fault_note(w, f);
        }
        break;
    default:
        if (fault_group_of(f) == GROUP_STORAGE)
            trap_later(d);
        else
            hostile_strike(w, f);
        break;
    }
    if (dice_chance(dice, 300) && (fault_on(w, FAULT_ROLLBACK) || fault_on(w, FAULT_CLONE) || fault_on(w, FAULT_HUB)))
        faults_copy(dice_chance(dice, 300) ? w->hub : &w->d[dice_below(dice, w->count)]);
}

static void times(void *ctx, uint64_t n)
{
    struct world *w = ctx;
    (void)n;
    if (w->calm)
        return;
    sched_at(&w->time, w->time.now + dice_between(&w->fault_dice, MINUTE_MS, 10 * HOUR_MS), times, w, 0);
    strike(w);
}

void faults_begin(struct world *w)
{
    if (w->faults)
        sched_at(&w->time, w->time.now + HOUR_MS, times, w, 0);
    trust_begin(w);
    burnt_begin(w);
}

void faults_end(struct world *w)
{
    w->calm = true;
    for (size_t i = 0; i < w->count; i++) {
        struct device *d = &w->d[i];
        faults_after_act(d);
        disk_on_call(d->disk, NULL, NULL);
        make_room(d);
    }
    net_cut_all(w, NULL);
    world_run(w, DAY_MS); /* who lost power starts again */
}
