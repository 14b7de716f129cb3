/* scenarios_keys.c - a home gets its rights from a file, goes on under a new grant, has its keys replaced. Before the one step that counts
 * it is the old device, after it the new one; asked again it comes to the same end. */
#include "replica/replica.h"
#include "scenarios.h"

#include <string.h>

#define REQUEST "/d0/request"
#define ANSWER  "/d0/answer"

/* Who it is, beside what it holds. */
static int look_at_self(struct world *w, ward_hasher *h, struct ward_error *err)
{
    struct ward_self self;
    int rc = ward_self(w->d[0].r, &self, err);
    if (!rc)
        ward_hash_add(h, self.words, strlen(self.words));
    return rc;
}

static void answer_request(struct world *w)
{
    struct ward_error err = {0};
    struct ward_hash grant;
    must(ward_admit(w->d[1].r, REQUEST, ANSWER, &grant, &err), &err, "admit");
}

static void ask(struct world *w)
{
    struct ward_error err = {0};
    char words[WARD_FINGERPRINT];
    struct ward_id unit = unit_id('a');
    must(ward_invite(w->d[1].r, &unit, WARD_ROLE_CELL, NULL, 0, 86400000, w->code, sizeof w->code, &err), &err, "invite");
    must(ward_join_request(w->d[0].home, w->code, "tablet", REQUEST, &w->d[0].options, words, &err), &err, "request");
}

/* ---------------------------------------------------------------- a home that exists goes on */

static void set_up_going_on(struct world *w)
{
    set_up_found(w, 1, 'o');
    set_up_admit(w, 0, 1, 'a', WARD_ROLE_CELL);
    must_write(w, 0, "a", 1, "before");
    must_carry(w, 0, 1);
    ask(w);
    answer_request(w);
    must_carry(w, 1, 0); /* so that the answer brings the grant alone, in one step */
}

static int accept_step(struct world *w, int k, struct ward_error *err)
{
    struct device *d = &w->d[0];
    (void)k;
    return ward_join_accept(&d->r, d->home, ANSWER, &d->options, err);
}

const struct scenario scenario_go_on = {.name = "go-on", .steps = 1, .set_up = set_up_going_on, .step = accept_step, .look = look_at_self};

/* ---------------------------------------------------------------- its old keys ask */

static void set_up_rotation(struct world *w)
{
    struct ward_error err = {0};
    char words[WARD_FINGERPRINT];
    set_up_found(w, 1, 'o');
    set_up_admit(w, 0, 1, 'a', WARD_ROLE_CELL);
    must_write(w, 0, "a", 1, "before");
    must(ward_rotate_request(w->d[0].r, REQUEST, &w->d[0].options, words, &err), &err, "request");
    answer_request(w);
    must_carry(w, 1, 0);
}

const struct scenario scenario_new_keys = {
    .name = "new-keys", .steps = 1, .set_up = set_up_rotation, .step = accept_step, .look = look_at_self};

/* ---------------------------------------------------------------- granted */

static void set_up_admission(struct world *w)
{
    struct ward_error err = {0};
    char words[WARD_FINGERPRINT];
    struct ward_id unit = unit_id('a');
    set_up_found(w, 0, 'o');
    must(ward_invite(w->d[0].r, &unit, WARD_ROLE_CELL, NULL, 0, 86400000, w->code, sizeof w->code, &err), &err, "invite");
    must(ward_join_request(w->d[1].home, w->code, "tablet", REQUEST, &w->d[1].options, words, &err), &err, "request");
}

static int admit_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_hash grant;
    (void)k;
    int rc = ward_admit(w->d[0].r, REQUEST, ANSWER, &grant, err);
    if (!rc)
        ward_hash_once(&w->seen, "grant", grant.b, sizeof grant.b);
    return rc;
}

const struct scenario scenario_admit = {.name = "admit", .steps = 2, .opens = true, .set_up = set_up_admission, .step = admit_step};
