/* travel.c - how what was written comes to the replicas: in some causal order mostly, with errors on the way; and what a replica does of
 * its own: it lets go of what is settled, gives its state away, begins with another's. */
#include "history.h"
#include "tale.h"

#include <string.h>

struct travel {
    struct tale *t;
    struct history *h;
    struct arrival *to;
    size_t reader;
    bool has[CHANGES_MAX];          /* what was sent, whatever came of it */
    bool again;                     /* in the end everything comes once more */
    bool gave[STATES][CHANGES_MAX]; /* what had been sent to who gave that state */
    uint16_t known;                 /* authors whose grants have come, as bits */
    struct ward_buf frame, body;
};

static size_t below(const struct travel *v, size_t n)
{
    return tale_below(v->t, n);
}

static bool chance(const struct travel *v, unsigned percent)
{
    return tale_chance(v->t, percent);
}

static void add_step(struct travel *v, enum act act, size_t number)
{
    if (v->to->count == STEPS_MAX)
        return;
    uint8_t end = act == TAKE_RUN && !chance(v, 40) ? 0 : (uint8_t)(1 + chance(v, 20));
    if (act != TAKE_RUN && v->to->count && !v->to->steps[v->to->count - 1].end)
        v->to->steps[v->to->count - 1].end = 1;
    v->to->steps[v->to->count++] = (struct step){.run = (uint16_t)number, .act = (uint8_t)act, .end = end};
}

static void send(struct travel *v)
{
    add_step(v, TAKE_RUN, history_frame(v->h, v->frame.p, v->frame.len));
}

/* How many changes of the feed, from the first on, have been sent. */
static size_t got(const struct travel *v, size_t feed)
{
    const struct paper_feed *f = &v->t->p->feeds[feed];
    size_t n = 0;
    while (n < f->count && v->has[f->changes[n]])
        n++;
    return n;
}

/* How many more of it, of at most n, would be taken now from an honest peer. */
static size_t takable(const struct travel *v, size_t feed, size_t n)
{
    const struct paper *p = v->t->p;
    size_t author = p->authors[feed / SPACES].of, space = feed % SPACES, from = got(v, feed), i;
    if (!(v->known >> author & 1) || !paper_may_read(p, v->reader, space) || !paper_may_write(p, author, space))
        return 0;
    for (i = 0; i < n; i++) {
        const struct paper_change *c = &p->changes[p->feeds[feed].changes[from + i]];
        for (size_t d = 0; d < p->count; d++)
            if (c->rests[d] && !v->has[d])
                return i;
    }
    return n;
}

static void arrive(struct travel *v, size_t feed, size_t n)
{
    const struct paper_feed *f = &v->t->p->feeds[feed];
    size_t first = got(v, feed) + 1, back = first > 1 && chance(v, 8) ? 1 + below(v, first - 1) : 0;
    paper_run(v->t->p, &v->frame, feed, first - back, n + back);
    send(v);
    for (size_t i = 0; i < n; i++) {
        uint8_t change = f->changes[first - 1 + i];
        v->known |= v->t->brings[change];
        v->has[change] = true;
    }
}

/* What no honest peer sends: too early, twice, or not what the author meant. */
static void arrive_badly(struct travel *v, size_t feed)
{
    struct paper *p = v->t->p;
    const struct paper_feed *f = &p->feeds[feed];
    size_t seq = 1 + below(v, f->count);
    const struct paper_change *c = &p->changes[f->changes[seq - 1]];
    enum paper_lie lie = chance(v, 20) ? LIE_BRANCH : (enum paper_lie)below(v, LIE_BRANCH);
    if (chance(v, 50)) {
        paper_run(p, &v->frame, feed, seq, 1 + below(v, f->count - seq + 1));
    } else if (paper_lie(p, &v->body, c, lie)) {
        paper_false_run(p, &v->frame, feed, seq, v->body.p, v->body.len);
        v->h->branched = true;
    } else {
        return;
    }
    send(v);
    if (chance(v, 10))
        send(v);
}

/* All of a space at once, which others sent one after the other: more of it may come, or all of it again. */
static void take_state(struct travel *v)
{
    size_t number = below(v, v->h->state_count);
    add_step(v, TAKE_STATE, number);
    for (size_t i = 0; i < v->t->p->count; i++)
        if (v->t->p->changes[i].feed % SPACES == v->h->states[number].space + 1 && v->gave[number][i])
            v->has[i] = true;
}

static void give_state(struct travel *v)
{
    size_t number = v->h->state_count++;
    v->h->states[number].space = chance(v, 80) ? SPACE_AB - 1 : below(v, SPACES - 1);
    memcpy(v->gave[number], v->has, sizeof v->has);
    add_step(v, GIVE_STATE, number);
}

static void act_alone(struct travel *v, size_t states_before)
{
    if (v->t->settles && chance(v, 6))
        add_step(v, LET_GO, 0);
    if (states_before && chance(v, 5))
        take_state(v);
    if (v->h->state_count < STATES && chance(v, v->t->meets ? 3 : 1))
        give_state(v);
}

/* A change alone, as some author had it. */
static void send_again(struct travel *v, size_t change)
{
    const struct paper *p = v->t->p;
    size_t feed = p->changes[change].feed;
    if (!paper_may_read(p, v->reader, feed % SPACES))
        return;
    paper_run(v->t->p, &v->frame, feed, p->changes[change].seq, 1);
    send(v);
    v->known |= v->t->brings[change];
    v->has[change] = true;
}

static size_t some_feed(const struct travel *v, bool of_ward)
{
    const struct paper *p = v->t->p;
    for (size_t tries = 0;; tries++) {
        size_t feed = p->changes[below(v, p->count)].feed;
        if (!of_ward || tries > 20 || feed % SPACES == WARD_ITSELF)
            return feed;
    }
}

static void travel(struct travel *v)
{
    struct paper *p = v->t->p;
    size_t most = chance(v, 20) ? below(v, p->count + 1) : SIZE_MAX, bad = chance(v, 25) ? 20 : 0, tries = 4 * p->count;
    size_t states = v->h->state_count;
    bool ward_first = chance(v, states ? 60 : 10);
    for (size_t i = 0; i < tries && v->to->count < most; i++) {
        size_t feed = some_feed(v, ward_first && i < tries / 2), left = p->feeds[feed].count - got(v, feed);
        if (chance(v, (unsigned)bad))
            arrive_badly(v, feed);
        size_t n = left ? takable(v, feed, 1 + below(v, left)) : 0;
        if (n)
            arrive(v, feed, n);
        if (n || chance(v, 10))
            act_alone(v, states);
    }
    for (size_t i = 0; i < p->count && most == SIZE_MAX; i++) { /* what is left, as it was written */
        size_t feed = p->changes[i].feed;
        if (got(v, feed) == p->changes[i].seq - 1u && takable(v, feed, 1))
            arrive(v, feed, 1);
    }
    if (v->t->settles && chance(v, 30))
        add_step(v, LET_GO, 0);
    for (size_t i = 0; i < p->count && most == SIZE_MAX && (v->t->settles || v->t->forks) && v->again; i++)
        send_again(v, i);
    if (v->h->state_count < STATES && chance(v, 15))
        give_state(v);
    if (v->to->count)
        v->to->steps[v->to->count - 1].end = (uint8_t)(1 + chance(v, 50));
}

static void send_to(struct travel *v, size_t reader)
{
    const struct author *a = &v->t->p->authors[reader];
    v->to = &v->h->replicas[v->h->replica_count++];
    v->reader = reader;
    v->known = 1u << ROOT;
    memset(v->has, 0, sizeof v->has);
    v->to->count = 0;
    v->to->reader_len = a->len;
    memcpy(v->to->reader, a->bytes, a->len);
    travel(v);
}

void history_make(struct history *h, struct paper *p, uint64_t seed)
{
    static const uint8_t readers[] = {FIRST, FIRST, FIRST, CHECK, CELL_A, HUB};
    struct tale t;
    struct travel v = {.t = &t, .h = h};
    h->seed = seed;
    h->run_count = h->replica_count = h->state_count = 0;
    ward_buf_clear(&h->frames);
    memcpy(h->root_pk, p->authors[ROOT].key.pk, 32);
    h->circle_count = SPACES - 1;
    memcpy(h->circles, p->spaces + 1, (SPACES - 1) * sizeof p->spaces[0]);
    h->branched = false;
    tale_tell(&t, p, seed);
    ward_buf_init(&v.frame, p->bodies.env);
    ward_buf_init(&v.body, p->bodies.env);
    v.again = chance(&v, 40);
    for (size_t n = chance(&v, 15) || p->writers > AUTHORS ? 3 : 2; n > 0; n--)
        send_to(&v, readers[below(&v, sizeof readers)]);
    /* Of two branches, or where it is not asked what it rests on, only its seal tells what a run is. */
    h->branched |= t.closed || p->writers > AUTHORS || h->state_count > 0;
    ward_buf_free(&v.frame);
    ward_buf_free(&v.body);
}
