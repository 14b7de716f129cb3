/* main.c - wardsync-sim: wards simulated from seeds. */
#include "fiber.h"
#include "kept.h"
#include "run.h"

#include <argp.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPTION_CHECK = 256, OPTION_TWICE, OPTION_KEPT };

struct arguments {
    uint64_t seed, seeds, faults;
    unsigned weeks;
    bool fixed_faults, trace, check, twice, kept;
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 's':
        a->seed = strtoull(arg, NULL, 0);
        break;
    case 'n':
        a->seeds = strtoull(arg, NULL, 0);
        break;
    case 'w':
        a->weeks = (unsigned)strtoul(arg, NULL, 0);
        break;
    case 'f':
        a->fixed_faults = strcmp(arg, "some") != 0;
        if (a->fixed_faults && !faults_parse(&a->faults, arg))
            argp_error(state, "no such fault in \"%s\"", arg);
        break;
    case 't':
        a->trace = true;
        break;
    case OPTION_CHECK:
        a->check = true;
        break;
    case OPTION_TWICE:
        a->twice = true;
        break;
    case OPTION_KEPT:
        a->kept = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void one(const struct arguments *a, uint64_t seed, bool print_trace, struct run_result *out)
{
    struct run_options o = {
        .seed = seed, .weeks = a->weeks, .faults = a->fixed_faults ? a->faults : faults_of_seed(seed), .print_trace = print_trace};
    run(&o, out);
}

static bool fails(uint64_t seed, uint64_t faults, unsigned weeks, struct run_result *out)
{
    struct run_options o = {.seed = seed, .faults = faults, .weeks = weeks};
    run(&o, out);
    return out->failed;
}

/* The shortest command that still fails, though perhaps in another way: fewer weeks, then fewer faults, one at a time. */
static void shrink(uint64_t seed, uint64_t faults, unsigned weeks)
{
    struct run_result result, least = {0};
    for (unsigned n = 1; n < weeks; n++)
        if (fails(seed, faults, n, &result)) {
            weeks = n;
            break;
        }
    for (unsigned i = 0; i < FAULTS; i++)
        if ((faults & FAULT_BIT(i)) && fails(seed, faults & ~FAULT_BIT(i), weeks, &result))
            faults &= ~FAULT_BIT(i);
    char list[512];
    faults_print(faults, list, sizeof list);
    if (fails(seed, faults, weeks, &least))
        printf("  %s\n", least.violation);
    printf("  wardsync-sim --seed %" PRIu64 " --weeks %u --faults %s --trace\n", seed, weeks, list);
}

static void add(struct run_result *sum, const struct run_result *r)
{
    for (int i = 0; i < DEEDS; i++)
        sum->deeds[i] += r->deeds[i];
    for (int i = 0; i < FAULTS; i++)
        sum->injected[i] += r->injected[i];
    sum->devices += r->devices;
    sum->changes += r->changes;
}

/* Nothing that is to be proven against may have stayed away. */
static size_t print_counts(const struct run_result *sum)
{
    size_t dead = 0;
    printf("done:    ");
    for (int i = 0; i < DEEDS; i++) {
        printf(" %s %" PRIu64, deed_name((enum deed)i), sum->deeds[i]);
        dead += sum->deeds[i] == 0;
    }
    printf("\ninjected:");
    for (int i = 0; i < FAULTS; i++) {
        printf(" %s %" PRIu64, fault_name((enum fault)i), sum->injected[i]);
        dead += sum->injected[i] == 0;
    }
    printf("\n");
    return dead;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_kept(void)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        struct run_result r;
        uint64_t faults = 0;
        bool known = faults_parse(&faults, kept[i].faults);
        bool fine = known && !fails(kept[i].seed, faults, kept[i].weeks, &r);
        printf("%s %s: %s\n", fine ? "ok" : "not ok", kept[i].name, fine ? kept[i].taught : known ? r.violation : "no such fault");
        failed += !fine;
    }
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"seed", 's', "S", 0, "the first seed (1)", 0},
        {"seeds", 'n', "N", 0, "how many, one after another (1)", 0},
        {"weeks", 'w', "W", 0, "how long each ward lives (4)", 0},
        {"faults", 'f', "LIST", 0,
         "what may go wrong: all, none, some (by the seed), or names of faults or of their groups: network, storage, device, peer", 0},
        {"trace", 't', NULL, 0, "tell the story", 0},
        {"check", OPTION_CHECK, NULL, 0, "fail as well if some deed or fault never occurred", 0},
        {"twice", OPTION_TWICE, NULL, 0, "run each seed twice and compare the stories", 0},
        {"kept", OPTION_KEPT, NULL, 0, "run the seeds that once showed something, and nothing else", 0},
        {0},
    };
    static const struct argp argp = {
        options,
        on_option,
        NULL,
        "Simulates wards: a hub, an operator, cells, on virtual disks, networks and clocks, and checks what must hold.\v"
        "A ward-week is one ward of 5 to 14 devices for seven days of virtual time, each device with about nine acts and five meetings in "
        "it.",
        NULL,
        NULL,
        NULL};
    struct arguments a = {.seed = 1, .seeds = 1, .weeks = 4};
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* disks of memory come and go: what was got from the system is kept */
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (a.kept) {
        int rc = run_kept();
        fiber_release_all();
        return rc;
    }
    struct run_result sum = {0}, r = {0}, again;
    uint64_t failed = 0;
    double start = seconds();
    for (uint64_t seed = a.seed; seed < a.seed + a.seeds; seed++) {
        one(&a, seed, a.trace, &r);
        add(&sum, &r);
        if (a.twice) {
            one(&a, seed, false, &again);
            if (again.trace_hash != r.trace_hash || again.trace_lines != r.trace_lines) {
                printf("seed %" PRIu64 " tells two stories\n", seed);
                failed++;
            }
        }
        if (!r.failed)
            continue;
        failed++;
        printf("seed %" PRIu64 ": %s\n", seed, r.violation);
        shrink(seed, a.fixed_faults ? a.faults : faults_of_seed(seed), a.weeks);
        fflush(stdout);
    }
    double took = seconds() - start;
    size_t dead = print_counts(&sum);
    printf("%" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " ward-weeks of %.1f devices, %.0f changes and %.0f meetings each, in %.1f s: "
           "%.0f ward-weeks a minute on one core; last story %016" PRIx64 "\n",
           a.seeds, failed, a.seeds * a.weeks, (double)sum.devices / (double)a.seeds, (double)sum.changes / (double)(a.seeds * a.weeks),
           (double)(sum.deeds[DEED_SYNC] + sum.deeds[DEED_MEET] + sum.deeds[DEED_SYNC_BROKEN]) / (double)(a.seeds * a.weeks), took,
           took > 0 ? (double)(a.seeds * a.weeks) * 60 / took : 0, r.trace_hash);
    if (a.check && dead)
        printf("%zu deeds or faults never occurred\n", dead);
    fiber_release_all();
    return failed || (a.check && dead) ? 1 : 0;
}
