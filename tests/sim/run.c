#include "run.h"
#include "burnt.h"
#include "check.h"
#include "compact.h"
#include "model.h"
#include "trust.h"
#include "work.h"

#include <string.h>

#define ROUNDS    2 /* within which all are to be equal (L1) */
#define MENDS     3 /* the hub is let in anew, then whom it lets in */
#define CELLS_MIN 3
#define CELLS_MAX 5

static void round_of(struct device *d)
{
    if (d == d->w->hub || d->w->failed)
        return;
    work_sync(d, NULL);
    if (!world_run_until_quiet(d->w, HOUR_MS))
        violated(d->w, "L3", "%s is at its round for more than an hour", d->name);
}

void run_rounds(struct world *w, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        for (size_t j = 0; j < w->count; j++)
            if (&w->d[j] != w->hub2)
                round_of(&w->d[j]);
        if (w->hub2)
            round_of(w->hub2);
    }
}

/* What it had lost comes back to it too, and whoever was told so is told no more. */
static void meet_second_hub(struct world *w)
{
    run_rounds(w, 1);
    for (size_t i = 0; i < w->count && !w->failed; i++)
        if (&w->d[i] != w->hub && &w->d[i] != w->hub2) {
            work_sync(&w->d[i], w->hub2);
            world_run_until_quiet(w, HOUR_MS);
        }
}

/* Within so many all are to be equal; one more where there are two hubs, and where a hub's new keys came on a stick. */
static int rounds(const struct world *w)
{
    return ROUNDS + (w->hub2 != NULL) + ((w->faults & (FAULT_BIT(FAULT_KEYS) | FAULT_BIT(FAULT_BURNT))) != 0);
}

static const struct device *not_joined(const struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (!w->d[i].joined && !w->d[i].shut_out && !w->d[i].stranded)
            return &w->d[i];
    return NULL;
}

static bool somebody_waits(const struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (device_counts(&w->d[i]) && w->d[i].errand)
            return true;
    return not_joined(w) != NULL;
}

static void heal(struct world *w)
{
    faults_end(w);
    for (int i = 0; i < MENDS && burnt_mend(w) && !w->failed; i++)
        world_run(w, DAY_MS);
    work_end(w);
    work_serve(w->hub, 0);
    work_serve(&w->d[0], 0); /* to those whom it let in it is the hub, until they have heard of the ward */
    if (w->hub2)
        work_serve(w->hub2, 0);
    trace(w, NULL, "the faults end");
    run_rounds(w, 1); /* whose disk failed before notices now, and opens it anew */
    world_run(w, MINUTE_MS);
    trust_mend(w);
    run_rounds(w, 1); /* what the hub lost comes back to it, invitations too */
    model_find_stranded(w->model);
    do /* a stick that was still under way may bring somebody back */
        world_run(w, DAY_MS);
    while (!w->failed && model_find_stranded(w->model));
    for (int i = 0; i < MENDS && !w->failed && trust_mend(w); i++)
        world_run(w, DAY_MS);
    if (w->faults & FAULT_BIT(FAULT_HUBS))
        meet_second_hub(w);
    run_rounds(w, rounds(w));
    bool late = (w->faults & (FAULT_BIT(FAULT_KEYS) | FAULT_BIT(FAULT_BURNT))) &&
                !w->failed; /* a hub that was let in anew heard of somebody just now */
    for (int i = 0; i < MENDS && late && (model_find_stranded(w->model) || somebody_waits(w) || trust_end_again(w)); i++) {
        world_run(w, DAY_MS);
        run_rounds(w, rounds(w));
    }
    if (w->settles && !w->failed)
        compact_all(w);
    if (!w->failed && not_joined(w))
        violated(w, "L1", "%s has not joined after a day without faults", not_joined(w)->name);
    if (!w->failed)
        check_healed(w, true);
}

static void report(struct world *w, struct run_result *out)
{
    *out = (struct run_result){.failed = w->failed, .trace_hash = w->trace_hash, .trace_lines = w->trace_lines, .devices = w->count};
    memcpy(out->violation, w->violation, sizeof out->violation);
    memcpy(out->deeds, w->deeds, sizeof out->deeds);
    memcpy(out->injected, w->injected, sizeof out->injected);
    for (size_t i = 0; i < w->model->feed_count; i++)
        out->changes += w->model->feeds[i].count - w->model->feeds[i].base;
}

void run(const struct run_options *options, struct run_result *out)
{
    static struct world w;
    world_init(&w, options->seed, options->faults);
    w.print_trace = options->print_trace;
    size_t cells = CELLS_MIN + dice_below(&w.plan, CELLS_MAX - CELLS_MIN + 1);
    w.calm = true;
    bool apart = dice_chance(&w.plan, 500);
    bool second = dice_chance(&w.plan, 200) || (options->faults & FAULT_BIT(FAULT_HUBS));
    work_found(&w, cells, apart, second);
    burnt_prepare(&w);
    w.calm = false;
    if (!w.failed) {
        faults_begin(&w);
        work_begin(&w);
        world_run(&w, options->weeks * WEEK_MS);
    }
    if (!w.failed)
        heal(&w);
    report(&w, out);
    world_free(&w);
    if (w.failed && !out->failed) {
        out->failed = true;
        memcpy(out->violation, w.violation, sizeof out->violation);
    }
}
