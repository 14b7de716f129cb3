/* trial.h - one scenario with one fault: what came of it, judged against the undisturbed run. */
#ifndef WARD_FAULTS_TRIAL_H
#define WARD_FAULTS_TRIAL_H

#include "inject.h"
#include "observe.h"

#define STATES_MAX   128
#define STEPS_MAX    24
#define DAMAGE_KINDS 20 /* of one power cut: keep, lose, and six seeds each of tear and mixed, three each of reorder and garbage */

struct trials {
    const struct scenario *scenario;
    struct world w;
    struct ward_hash states[STATES_MAX]; /* of the undisturbed run, in order; 0: before the first step */
    size_t ends[STEPS_MAX + 1];          /* ends[k]: the state that k steps lead to */
    struct ward_hash seen[STEPS_MAX];
    struct names names_before, names_after;
    size_t state_count;
    int step, acked; /* acked: how many steps were reported done before the fault */
    bool recording, failed;
    int64_t sqlite_idle; /* bytes SQLite holds while nothing is open */
    /* of the trial under way, for complaints */
    enum family family;
    bool on;
    uint64_t at;
    int damage; /* -1: none */
    uint64_t calls[FAULTS], points[FAULTS], images, distinct, failures;
};

void trials_open(struct trials *t, const struct scenario *s);
void trials_close(struct trials *t);
/* How many calls of a family the undisturbed run makes. */
uint64_t trials_calls(struct trials *t, enum family family);
/* damage -1: every kind of it. */
void trial_run(struct trials *t, enum family family, uint64_t at, bool on, int damage);

/* judge.c */
void blame(struct trials *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
int trial_open(struct trials *t, struct ward_error *err); /* who is open before the first step */
int trial_steps(struct trials *t, int from, struct ward_error *err);
void trial_close_all(struct trials *t);
void judge_error(struct trials *t, int rc, const struct ward_error *err);
/* The replica as it is open goes on, or says that it must be closed. */
void judge_open(struct trials *t);
/* What any program finds that opens it from now on; the power was cut, or it was not. */
void judge_image(struct trials *t, const struct disk_image *image, const struct disk_image *const peers[DEVICES]);

#endif
