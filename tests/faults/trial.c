/* trial.c - runs a scenario: undisturbed, to know what can be; then with one fault, to be judged. */
#include "trial.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note_state(struct trials *t)
{
    struct ward_error err = {0};
    struct ward_hash *now = &t->states[t->state_count];
    if (t->state_count == STATES_MAX)
        abort();
    must(observe(&t->w, t->scenario, now, &err), &err, "observe");
    if (t->state_count == 0 || ward_hash_compare(now, now - 1) != 0)
        t->state_count++;
}

/* What is durable in the middle of a step is what another program sees. */
static void on_part(void *ctx)
{
    struct trials *t = ctx;
    ward_replica *own = t->w.d[0].r;
    if (!t->recording || t->step < 0)
        return;
    t->w.d[0].r = NULL;
    note_state(t);
    t->w.d[0].r = own;
}

static void end_step(struct trials *t)
{
    t->step++;
    if (!t->recording) {
        t->acked++;
        return;
    }
    note_state(t);
    t->ends[t->step] = t->state_count - 1;
}

static void check_seen(struct trials *t)
{
    struct ward_hash *seen = &t->seen[t->step];
    if (t->recording)
        *seen = t->w.seen;
    else if (ward_hash_compare(seen, &t->w.seen) != 0)
        blame(t, "step %d: it reads something else than the undisturbed run", t->step);
}

int trial_steps(struct trials *t, int from, struct ward_error *err)
{
    for (t->step = from; t->step < t->scenario->steps;) {
        world_seed(&t->w, t->step);
        memset(&t->w.seen, 0, sizeof t->w.seen);
        *err = (struct ward_error){0};
        int rc = t->scenario->step(&t->w, t->step, err);
        if (rc)
            return rc;
        check_seen(t);
        end_step(t);
    }
    return WARD_OK;
}

int trial_open(struct trials *t, struct ward_error *err)
{
    *err = (struct ward_error){0};
    inject_pause();
    for (size_t i = 1; t->scenario->peers && i < DEVICES; i++)
        if (!t->w.d[i].r)
            must(device_open(&t->w, i, err), err, "open a peer");
    inject_resume();
    return t->scenario->opens && !t->w.d[0].r ? device_open(&t->w, 0, err) : WARD_OK;
}

void trial_close_all(struct trials *t)
{
    device_close(&t->w, 0);
    inject_pause();
    for (size_t i = 1; i < DEVICES; i++)
        device_close(&t->w, i);
    inject_resume();
}

void trials_open(struct trials *t, const struct scenario *s)
{
    struct ward_error err = {0};
    *t = (struct trials){.scenario = s, .recording = true, .damage = -1, .step = -1};
    if (s->steps > STEPS_MAX)
        abort();
    world_open(&t->w);
    s->set_up(&t->w);
    world_keep(&t->w);
    t->sqlite_idle = sqlite3_memory_used();
    t->w.on_part = on_part;
    t->w.ctx = t;
    world_restore(&t->w);
    names_of(&t->w, &t->names_before);
    if (s->fresh)
        t->state_count = 1; /* nothing is there: nothing to observe */
    else
        note_state(t);
    must(trial_open(t, &err), &err, "open");
    must(trial_steps(t, 0, &err), &err, s->name);
    trial_close_all(t);
    names_of(&t->w, &t->names_after);
    t->recording = false;
}

void trials_close(struct trials *t)
{
    world_close(&t->w);
}

uint64_t trials_calls(struct trials *t, enum family family)
{
    struct ward_error err;
    world_restore(&t->w);
    inject_arm(t->w.d[0].disk, family, UINT64_MAX, false);
    must(trial_open(t, &err), &err, "open");
    must(trial_steps(t, 0, &err), &err, t->scenario->name);
    trial_close_all(t);
    return t->calls[family] = inject_disarm(t->w.d[0].disk);
}

/* ---------------------------------------------------------------- one fault */

static const struct {
    enum disk_damage damage;
    uint64_t seed;
} damages[DAMAGE_KINDS] = {{DISK_KEEP, 1},    {DISK_LOSE, 1},    {DISK_TEAR, 1},    {DISK_TEAR, 2},    {DISK_TEAR, 3},
                           {DISK_TEAR, 4},    {DISK_TEAR, 5},    {DISK_TEAR, 6},    {DISK_REORDER, 1}, {DISK_REORDER, 2},
                           {DISK_REORDER, 3}, {DISK_GARBAGE, 1}, {DISK_GARBAGE, 2}, {DISK_GARBAGE, 3}, {DISK_MIXED, 1},
                           {DISK_MIXED, 2},   {DISK_MIXED, 3},   {DISK_MIXED, 4},   {DISK_MIXED, 5},   {DISK_MIXED, 6}};

static void copy_peers(struct trials *t, struct disk_image *peers[DEVICES])
{
    for (size_t i = 0; i < DEVICES; i++)
        peers[i] = i && t->scenario->peers ? disk_copy(t->w.d[i].disk) : NULL;
}

static void free_peers(struct disk_image *peers[DEVICES])
{
    for (size_t i = 0; i < DEVICES; i++)
        disk_image_free(peers[i]);
}

/* Each kind of damage; those that leave the same bytes are looked at once. */
static void judge_cut(struct trials *t, int damage, struct disk_image *const peers[DEVICES])
{
    struct disk_image *images[DAMAGE_KINDS];
    for (int i = 0; i < DAMAGE_KINDS; i++)
        images[i] = disk_survivors(t->w.d[0].disk, damages[i].damage, damages[i].seed * 1000003 + t->at);
    for (int i = 0; i < DAMAGE_KINDS; i++) {
        bool known = false;
        for (int j = 0; j < i && !known; j++)
            known = disk_image_equal(images[i], images[j]);
        t->images++;
        if (known || (damage >= 0 && damage != i))
            continue;
        t->distinct++;
        t->damage = i;
        judge_image(t, images[i], (const struct disk_image *const *)peers);
    }
    t->damage = -1;
    for (int i = 0; i < DAMAGE_KINDS; i++)
        disk_image_free(images[i]);
}

static void judge_fault(struct trials *t, int rc, const struct ward_error *err, struct disk_image *const peers[DEVICES])
{
    if (rc)
        judge_error(t, rc, err);
    struct disk_image *image = disk_copy(t->w.d[0].disk);
    judge_open(t);
    judge_image(t, image, (const struct disk_image *const *)peers);
    disk_image_free(image);
}

void trial_run(struct trials *t, enum family family, uint64_t at, bool on, int damage)
{
    struct ward_error err;
    struct disk_image *peers[DEVICES];
    t->family = family;
    t->at = at;
    t->on = on;
    t->acked = 0;
    t->step = -1;
    t->points[family]++;
    world_restore(&t->w);
    inject_arm(t->w.d[0].disk, family, at, on);
    int rc = trial_open(t, &err);
    if (!rc)
        rc = trial_steps(t, 0, &err);
    t->failed = rc != 0;
    copy_peers(t, peers);
    if (!rc || on || family == FAULT_CRASH)
        trial_close_all(t); /* while it still fails */
    inject_disarm(t->w.d[0].disk);
    if (family == FAULT_CRASH)
        judge_cut(t, damage, peers);
    else
        judge_fault(t, rc, &err, peers);
    free_peers(peers);
}
