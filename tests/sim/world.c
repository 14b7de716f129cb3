#include "world.h"
#include "check.h"
#include "disk_inside.h"
#include "fiber.h"
#include "model.h"
#include "net.h"
#include "pool.h"
#include "replica/replica.h"
#include "work.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_MS 1767225600000 /* the true time at the beginning: 2026-01-01 */

const char *deed_name(enum deed deed)
{
    static const char *const names[DEEDS] = {
#define X(id, name) name,
        SIM_DEEDS(X)
#undef X
    };
    return names[deed];
}

void deed(struct world *w, enum deed which)
{
    w->deeds[which]++;
}

/* ---------------------------------------------------------------- memory */

static bool allocation_fails(struct device *d)
{
    if (d->alloc_left < 0)
        return false;
    if (d->alloc_left > 0) {
        d->alloc_left--;
        return false;
    }
    if (!d->alloc_down)
        d->alloc_left = -1;
    fault_note(d->w, FAULT_MEMORY);
    return true;
}

static void *device_alloc(void *ctx, void *p, size_t size)
{
    struct device *d = ctx;
    size_t before = p ? pool_size(p) : 0;
    if (size == 0) {
        d->memory -= before;
        d->blocks -= p != NULL;
        pool_give(p);
        return NULL;
    }
    if (allocation_fails(d))
        return NULL;
    d->memory += size - before;
    d->blocks += !p;
    return pool_resize(p, size);
}

static struct device *sqlite_device;

static void *sqlite_malloc(int size)
{
    return sqlite_device && allocation_fails(sqlite_device) ? NULL : pool_take((size_t)size);
}

static void *sqlite_realloc(void *p, int size)
{
    return sqlite_device && allocation_fails(sqlite_device) ? NULL : pool_resize(p, (size_t)size);
}

static int sqlite_size(void *p)
{
    return (int)pool_size(p);
}

static int sqlite_round(int size)
{
    return (size + 7) & ~7;
}

static int sqlite_begin(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void sqlite_end(void *ctx)
{
    (void)ctx;
}

void world_memory_setup(void)
{
    static sqlite3_mem_methods ours = {sqlite_malloc, pool_give, sqlite_realloc, sqlite_size, sqlite_round, sqlite_begin, sqlite_end, NULL};
    static bool done;
    if (done)
        return;
    done = true;
    if (sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) || sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) ||
        sqlite3_config(SQLITE_CONFIG_MALLOC, &ours))
        abort();
}

void world_memory_of(struct device *d)
{
    sqlite_device = d;
}

/* ---------------------------------------------------------------- clocks and randomness */

int64_t device_wall(const struct device *d)
{
    return d->wall_stands ? d->wall_stands : EPOCH_MS + d->w->time.now + d->wall_off_ms;
}

static int64_t wall_ms(void *ctx)
{
    return device_wall(ctx);
}

static int64_t mono_ms(void *ctx)
{
    const struct device *d = ctx;
    return d->w->time.now - d->boot_ms;
}

static int random_bytes(void *ctx, void *out, size_t len)
{
    struct device *d = ctx;
    dice_fill(&d->random, out, len);
    return 0;
}

/* ---------------------------------------------------------------- devices */

struct device *world_device(struct world *w, const char *name, char unit, enum ward_role role)
{
    struct device *d = &w->d[w->count];
    *d = (struct device){.w = w, .i = w->count++, .role = role, .alloc_left = -1, .trap_left = -1};
    snprintf(d->name, sizeof d->name, "%s", name);
    snprintf(d->called, sizeof d->called, "%s", name);
    snprintf(d->mount, sizeof d->mount, "/%s", name);
    snprintf(d->home, sizeof d->home, "/%s/home", name);
    snprintf(d->address, sizeof d->address, "tcp://%s:7700", name);
    memset(d->unit.b, unit, sizeof d->unit.b);
    d->disk = disk_new(d->mount);
    d->random = dice_for(w->seed, 1000 + d->i);
    d->env = (struct ward_env){.ctx = d, .alloc = device_alloc, .wall_ms = wall_ms, .mono_ms = mono_ms, .random = random_bytes};
    d->options = (struct ward_options){.schema = &work_schema, .env = &d->env, .vfs = DISK_VFS};
    d->boot_ms = w->time.now;
    d->held = disk_memory(NULL, MODEL_FEEDS_MAX * sizeof *d->held);
    memset(d->held, 0, MODEL_FEEDS_MAX * sizeof *d->held);
    d->own = disk_memory(NULL, MODEL_FEEDS_MAX * sizeof *d->own);
    memset(d->own, 0, MODEL_FEEDS_MAX * sizeof *d->own);
    return d;
}

bool device_is_up(const struct device *d)
{
    return !d->away && !disk_is_off(d->disk);
}

int device_open(struct device *d, ward_replica **out, struct ward_error *err)
{
    return ward_open(out, d->home, &d->options, err);
}

/* An act that failed may have been written all the same: that is looked at before anything is made of it. */
static int open_and_look(struct device *d, ward_replica **out, struct ward_error *err)
{
    int rc = device_open(d, out, err);
    if (!rc && !d->hostile)
        model_observe(d, *out);
    return rc;
}

int device_app(struct device *d, ward_replica **out, struct ward_error *err)
{
    int rc = d->app ? WARD_OK : open_and_look(d, &d->app, err);
    *out = d->app;
    return rc;
}

void device_close_app(struct device *d)
{
    ward_close(d->app);
    ward_close(d->idle);
    d->app = d->idle = NULL;
}

int device_take(struct device *d, ward_replica **out, struct ward_error *err)
{
    if (!d->idle)
        return open_and_look(d, out, err);
    *out = d->idle;
    d->idle = NULL;
    return WARD_OK;
}

void device_give_back(struct device *d, ward_replica *r, bool good)
{
    if (good && r && !d->idle && device_is_up(d) && !dice_chance(&d->w->plan, 80))
        d->idle = r;
    else
        ward_close(r);
}

void device_done(struct device *d, int rc)
{
    bool trouble = rc == WARD_ERR_MEMORY || (rc >= 600 && rc < 700);
    if (d->app && !trouble && device_is_up(d))
        check_after_act(d, d->app);
    if (trouble || disk_is_off(d->disk))
        device_close_app(d);
}

void device_stop(struct device *d)
{
    struct world *w = d->w;
    disk_power_off(d->disk);
    d->away = true;
    net_power_off(d);
    for (size_t i = 0; i < w->proc_count; i++)
        if (w->procs[i]->d == d) {
            w->procs[i]->dead = true;
            proc_wake(w->procs[i]);
        }
    device_close_app(d);
}

bool device_lost(const struct device *d, const struct ward_hash *grant)
{
    for (size_t i = 0; i < d->gone_count; i++)
        if (memcmp(d->gone[i].b, grant->b, sizeof grant->b) == 0)
            return true;
    return false;
}

bool device_was(const struct device *d, const struct ward_hash *grant)
{
    for (size_t i = 0; i < d->was_count; i++)
        if (memcmp(d->was[i].b, grant->b, sizeof grant->b) == 0)
            return true;
    return device_lost(d, grant) || memcmp(d->grant.b, grant->b, sizeof grant->b) == 0;
}

bool device_is_idle(const struct device *d)
{
    for (size_t i = 0; i < d->w->proc_count; i++)
        if (d->w->procs[i]->d == d)
            return false;
    return true;
}

bool device_counts(const struct device *d)
{
    return d->joined && !d->hostile && !d->revoked && !d->stranded;
}

static void boot_later(void *ctx, uint64_t damage)
{
    device_boot(ctx, (enum disk_damage)damage);
}

void device_boot(struct device *d, enum disk_damage damage)
{
    if (!d->away)
        return;
    if (!device_is_idle(d) || disk_open_files(d->disk)) { /* they are about to end */
        sched_at(&d->w->time, d->w->time.now + 10, boot_later, d, (uint64_t)damage);
        return;
    }
    disk_power_on(d->disk, damage, dice_next(&d->w->fault_dice));
    d->away = false;
    d->boot_ms = d->w->time.now;
    trace(d->w, d, "starts again; the disk: %s", disk_damage_name(damage));
    deed(d->w, DEED_BOOT);
    if (d->joined)
        check_after_boot(d);
    work_after_boot(d);
}

bool device_fell(struct device *d)
{
    if (!disk_is_off(d->disk))
        return false;
    if (d->away)
        return true;
    enum disk_damage damage = d->trap == FAULT_KILL ? DISK_KEEP : (enum disk_damage)dice_below(&d->w->fault_dice, DISK_DAMAGES);
    int64_t rest = d->trap == FAULT_KILL ? 1000 : dice_between(&d->w->fault_dice, MINUTE_MS, 4 * HOUR_MS);
    d->trap_left = -1;
    trace(d->w, d, d->trap == FAULT_KILL ? "is killed" : "loses power");
    device_stop(d);
    sched_at(&d->w->time, d->w->time.now + rest, boot_later, d, (uint64_t)damage);
    return true;
}

/* ---------------------------------------------------------------- the story */

#define HASH_START 0xcbf29ce484222325u

void trace(struct world *w, const struct device *who, const char *format, ...)
{
    char line[400];
    int64_t t = w->time.now;
    int n = snprintf(line, sizeof line, "day %-3" PRId64 "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64 "  %-10s ", t / DAY_MS + 1,
                     t / HOUR_MS % 24, t / MINUTE_MS % 60, t / 1000 % 60, t % 1000, who ? who->name : "");
    va_list args;
    va_start(args, format);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
    va_end(args);
    n += m < (int)sizeof line - n - 2 ? m : (int)sizeof line - n - 2;
    line[n++] = '\n';
    for (int i = 0; i < n; i++)
        w->trace_hash = (w->trace_hash ^ (uint8_t)line[i]) * 0x100000001b3u;
    w->trace_lines++;
    if (w->print_trace)
        fwrite(line, 1, (size_t)n, stdout);
    if (!w->keep_trace)
        return;
    while (w->trace_len + (size_t)n + 1 > w->trace_cap) {
        w->trace_cap = w->trace_cap ? 2 * w->trace_cap : 65536;
        w->trace = disk_memory(w->trace, w->trace_cap);
    }
    memcpy(w->trace + w->trace_len, line, (size_t)n);
    w->trace_len += (size_t)n;
    w->trace[w->trace_len] = 0;
}

bool trace_has(const struct world *w, const char *text)
{
    return w->trace && strstr(w->trace, text) != NULL;
}

void violated(struct world *w, const char *which, const char *format, ...)
{
    if (w->failed)
        return;
    w->failed = true;
    int n = snprintf(w->violation, sizeof w->violation, "%s violated: ", which);
    va_list args;
    va_start(args, format);
    vsnprintf(w->violation + n, sizeof w->violation - (size_t)n, format, args);
    va_end(args);
    trace(w, NULL, "%s", w->violation);
}

/* ---------------------------------------------------------------- processes */

static void live(void *arg)
{
    struct proc *p = arg;
    p->fn(p);
}

static void end_proc(struct proc *p)
{
    struct world *w = p->w;
    size_t i = 0;
    while (w->procs[i] != p)
        i++;
    for (; i + 1 < w->proc_count; i++)
        w->procs[i] = w->procs[i + 1];
    w->proc_count--;
    fiber_release(p->fiber);
    free(p->look);
    free(p);
}

static void give_turn(struct world *w, struct proc *p)
{
    struct device *d = p->d;
    w->current = p;
    p->sleeping = false;
    p->token++;
    fiber_resume(p->fiber);
    w->current = NULL;
    if (fiber_ended(p->fiber))
        end_proc(p);
    device_fell(d);
}

static void turn(void *ctx, uint64_t n)
{
    struct world *w = ctx;
    for (size_t i = 0; i < w->proc_count; i++) {
        struct proc *p = w->procs[i];
        if (p->id == (uint32_t)(n >> 32) && p->token == (uint32_t)n && p->sleeping) {
            give_turn(w, p);
            return;
        }
    }
}

static uint64_t turn_of(const struct proc *p)
{
    return (uint64_t)p->id << 32 | p->token;
}

struct proc *proc_start(struct device *d, proc_fn *fn, struct device *peer)
{
    struct world *w = d->w;
    if (w->proc_count == PROCS_MAX || !device_is_up(d))
        return NULL;
    struct proc *p = disk_memory(NULL, sizeof *p);
    *p = (struct proc){.w = w, .d = d, .id = ++w->next_proc, .fn = fn, .peer = peer, .sleeping = true};
    p->fiber = fiber_start(live, p);
    w->procs[w->proc_count++] = p;
    sched_at(&w->time, w->time.now, turn, w, turn_of(p));
    return p;
}

void proc_sleep(struct proc *p, int64_t until)
{
    p->sleeping = true;
    sched_at(&p->w->time, until, turn, p->w, turn_of(p));
    fiber_yield();
}

void proc_wake(struct proc *p)
{
    if (p->sleeping)
        sched_at(&p->w->time, p->w->time.now, turn, p->w, turn_of(p));
}

bool proc_is_running(const struct world *w, uint32_t id)
{
    for (size_t i = 0; i < w->proc_count; i++)
        if (w->procs[i]->id == id)
            return true;
    return false;
}

void world_run(struct world *w, int64_t ms)
{
    int64_t until = w->time.now + ms;
    while (!w->failed && sched_step(&w->time, until))
        ;
}

static bool is_quiet(const struct world *w)
{
    for (size_t i = 0; i < w->proc_count; i++)
        if (w->procs[i]->d->serving != w->procs[i])
            return false;
    return true;
}

bool world_run_until_quiet(struct world *w, int64_t ms_max)
{
    int64_t until = w->time.now + ms_max;
    while (!w->failed && !is_quiet(w) && sched_step(&w->time, until))
        ;
    return is_quiet(w);
}

/* ---------------------------------------------------------------- the whole */

void world_init(struct world *w, uint64_t seed, uint64_t faults)
{
    *w = (struct world){.seed = seed, .faults = faults, .trace_hash = HASH_START};
    world_memory_setup();
    w->plan = dice_for(seed, 1);
    w->net_dice = dice_for(seed, 2);
    w->fault_dice = dice_for(seed, 3);
    w->work_dice = dice_for(seed, 4);
    w->peer_dice = dice_for(seed, 5);
    w->trust_dice = dice_for(seed, 6);
    w->burnt_dice = dice_for(seed, 7);
    w->net = net_new(w);
    w->model = model_new(w);
}

static void free_device(struct device *d)
{
    disk_on_call(d->disk, NULL, NULL);
    device_close_app(d);
    if (d->blocks)
        violated(d->w, "S18", "%s: the library keeps %zu blocks of memory after all was closed", d->name, d->blocks);
    if (disk_open_files(d->disk))
        violated(d->w, "S18", "%s: the library keeps %zu files open", d->name, disk_open_files(d->disk));
    disk_image_free(d->old);
    free(d->old_held);
    for (size_t i = 0; i < DEVICES_MAX; i++)
        free(d->begun[i].p);
    free(d->old_own);
    free(d->held);
    free(d->own);
    disk_free(d->disk);
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (!w->d[i].away)
            device_stop(&w->d[i]);
    while (w->proc_count) {
        struct proc *p = w->procs[0];
        p->dead = true; /* and off the list in its turn. NOLINT(clang-analyzer-unix.Malloc) */
        give_turn(w, p);
    }
    net_free(w->net);
    for (size_t i = w->count; i > 0; i--)
        free_device(&w->d[i - 1]);
    model_free(w->model);
    sched_free(&w->time);
    free(w->trace);
    w->trace = NULL;
}
