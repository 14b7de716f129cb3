/* main.c - every scenario with every fault, or a share of them, or one. */
#include "trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct choice {
    const char *scenario; /* NULL: all */
    int family;           /* -1: all */
    uint64_t at;          /* 0: all */
    bool on, list;
    int damage;
    uint64_t share, seed; /* about one allocation of SQLite's in `share`, and ten times as many of all else */
};

static const char usage[] =
    "usage: ward-faults [--list] [--scenario NAME] [--family crash|memory|sqlite|other|io|full|busy] [--at N [--on] [--damage K]]\n"
    "                   [--share N --seed S]\n";

static bool is_chosen(const struct choice *c, const char *name, int family, bool on, uint64_t at)
{
    uint64_t z = c->seed + at * 2 + on, share = family == FAULT_SQLITE ? c->share : c->share / 10;
    if (c->at)
        return c->at == at && c->on == on;
    if (share <= 1)
        return true;
    for (const char *p = name; *p; p++)
        z = (z ^ (uint8_t)*p) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 29) ^ (uint64_t)family) * 0xbf58476d1ce4e5b9u;
    return (z ^ (z >> 32)) % share == 0;
}

static void run_family(struct trials *t, const struct choice *c, enum family family)
{
    uint64_t calls = trials_calls(t, family);
    for (int on = 0; on <= (family == FAULT_CRASH ? 0 : 1); on++)
        for (uint64_t at = 1; at <= calls; at++)
            if (is_chosen(c, t->scenario->name, (int)family, on, at))
                trial_run(t, family, at, on, c->damage);
}

static void sum_up(const struct trials *t)
{
    printf("%s %s:", t->failures ? "not ok" : "ok", t->scenario->name);
    for (int f = 0; f < FAULTS; f++)
        printf(" %s %" PRIu64 "/%" PRIu64, family_name((enum family)f), t->points[f], t->calls[f]);
    printf(" states %zu images %" PRIu64 " distinct %" PRIu64 " failures %" PRIu64 "\n", t->state_count, t->images, t->distinct,
           t->failures);
    fflush(stdout);
}

static uint64_t run_scenario(const struct scenario *s, const struct choice *c, struct trials *sum)
{
    struct trials *t = malloc(sizeof *t);
    if (!t)
        abort();
    trials_open(t, s);
    for (int family = 0; family < FAULTS; family++)
        if (c->family < 0 || c->family == family)
            run_family(t, c, (enum family)family);
    trials_close(t);
    sum_up(t);
    for (int f = 0; f < FAULTS; f++)
        sum->points[f] += t->points[f];
    sum->images += t->images;
    sum->distinct += t->distinct;
    uint64_t failures = t->failures;
    free(t);
    return failures;
}

static bool parse(struct choice *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(name, "--on") == 0 || strcmp(name, "--list") == 0) {
            *(name[2] == 'o' ? &c->on : &c->list) = true;
            continue;
        }
        if (!value)
            return false;
        i++;
        if (strcmp(name, "--scenario") == 0)
            c->scenario = value;
        else if (strcmp(name, "--at") == 0)
            c->at = strtoull(value, NULL, 10);
        else if (strcmp(name, "--damage") == 0)
            c->damage = atoi(value);
        else if (strcmp(name, "--share") == 0)
            c->share = strtoull(value, NULL, 10);
        else if (strcmp(name, "--seed") == 0)
            c->seed = strtoull(value, NULL, 10);
        else if (strcmp(name, "--family") != 0)
            return false;
        for (int f = 0; strcmp(name, "--family") == 0 && f < FAULTS; f++)
            if (strcmp(value, family_name((enum family)f)) == 0)
                c->family = f;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct choice c = {.family = -1, .damage = -1};
    static struct trials sum;
    uint64_t failures = 0, faults = 0;
    if (!parse(&c, argc, argv)) {
        fputs(usage, stderr);
        return 64;
    }
    inject_start();
    if (c.share > 1)
        printf("# --share %" PRIu64 " --seed %" PRIu64 "\n", c.share, c.seed);
    for (size_t i = 0; all_scenarios[i]; i++) {
        const struct scenario *s = all_scenarios[i];
        if (c.list)
            puts(s->name);
        else if (!c.scenario || strcmp(c.scenario, s->name) == 0)
            failures += run_scenario(s, &c, &sum);
    }
    for (int f = FAULT_CRASH + 1; f < FAULTS; f++)
        faults += sum.points[f];
    if (!c.list)
        printf("# %" PRIu64 " crash points, %" PRIu64 " images, %" PRIu64 " of them distinct; %" PRIu64 " other points; %" PRIu64
               " failures\n",
               sum.points[FAULT_CRASH], sum.images, sum.distinct, faults, failures);
    return failures > 0;
}
