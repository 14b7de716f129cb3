/* The root names two operators, the first of them a cell; then the operators cut each other, themselves and the cell, name the cell again
 * and write, and the cell writes and deletes, on every knowledge they can have. Each order of delivery goes into a replica of its own. */
#include "shell/keys.h"
#include "stage.h"
#include "values/feed.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { CUT_OTHER, CUT_OTHER_WHOLE, CUT_SELF, CUT_CELL, GIVE, EDIT_TOO, OPERATOR_ACTS };
enum { EDIT, DELETE, CELL_ACTS };

#define FOUNDING 2 /* changes that come before all orders */

static const uint8_t people[] = {FIRST, SECOND, CELL_A};

struct small {
    struct paper paper;
    struct history history;
    struct stage stage;
    size_t most;
    uint64_t histories, orders;
};

/* ---------------------------------------------------------------- writing it down */

static void grant(struct paper *p, struct paper_ops *ops, size_t whom)
{
    const struct author *a = &p->authors[whom];
    paper_op(ops, WARD_KIND_GRANT, &a->entity, 4, NULL, ward_value_bytes(a->bytes, a->len));
}

/* At what its author knows, or at nothing. */
static void cut(struct paper *p, struct paper_ops *ops, size_t by, size_t whom, bool whole)
{
    static const size_t spaces[] = {WARD_ITSELF, SPACE_A};
    struct ward_cut_entry entries[2], first;
    struct ward_buf b;
    size_t n = 0;
    for (size_t i = 0; i < 2 && !whole; i++) {
        size_t feed = whom * SPACES + spaces[i], seq = p->knows[by][feed];
        const struct paper_feed *f = &p->feeds[feed];
        if (seq)
            entries[n++] = (struct ward_cut_entry){f->id, seq, p->changes[f->changes[seq - 1]].hash};
    }
    if (n == 2 && ward_hash_compare(&entries[0].feed, &entries[1].feed) > 0) {
        first = entries[0];
        entries[0] = entries[1];
        entries[1] = first;
    }
    ward_buf_init(&b, p->bodies.env);
    ward_cut_write(&b, entries, n);
    paper_op(ops, WARD_KIND_GRANT, &p->authors[whom].entity, 12, NULL, (struct ward_value){.type = WARD_ARRAY, .p = b.p, .len = b.len});
    ward_buf_free(&b);
}

/* An open and a governed field; who writes last on the same knowledge says the same. */
static void edit(struct paper_ops *ops, const char *word)
{
    static const struct ward_id record = {{1}};
    paper_op(ops, 100, &record, 4, NULL, ward_value_text(word));
    paper_op(ops, 100, &record, 5, NULL, ward_value_text(word));
}

static void act(struct paper *p, size_t who, uint8_t what)
{
    static const struct ward_id record = {{1}};
    struct paper_ops ops = {.count = 0, .len = 0};
    size_t space = WARD_ITSELF, other = who == FIRST ? SECOND : FIRST;
    if (who == CELL_A || what == EDIT_TOO)
        space = SPACE_A;
    if (who == CELL_A && what == EDIT)
        edit(&ops, "cell");
    else if (who == CELL_A)
        paper_op(&ops, 100, &record, WARD_FIELD_PRESENCE, NULL, ward_value_bool(false));
    else if (what == EDIT_TOO)
        edit(&ops, "office");
    else if (what == GIVE)
        grant(p, &ops, CELL_A);
    else
        cut(p, &ops, who, what == CUT_CELL ? CELL_A : what == CUT_SELF ? who : other, what == CUT_OTHER_WHOLE);
    paper_write(p, who, space, &ops, FEEDS);
}

/* The founding is change 0 and 1, event i is change FOUNDING + i. */
static void write_down(struct paper *p, const struct event *events, size_t count)
{
    struct paper_ops named = {.count = 0, .len = 0}, cell = {.count = 0, .len = 0};
    paper_clear(p);
    grant(p, &named, FIRST);
    grant(p, &named, SECOND);
    paper_write(p, ROOT, WARD_ITSELF, &named, FEEDS);
    paper_learn(p, FIRST, ROOT, FEEDS);
    grant(p, &cell, CELL_A);
    paper_write(p, FIRST, WARD_ITSELF, &cell, FEEDS);
    for (size_t i = 0; i < 3; i++)
        paper_learn(p, people[i], FIRST, FEEDS);
    for (size_t i = 0; i < count; i++) {
        size_t who = people[events[i].author];
        for (size_t j = 0; j < i; j++)
            if (events[i].knows >> j & 1)
                p->knows[who][p->changes[FOUNDING + j].feed] = p->changes[FOUNDING + j].seq;
        act(p, who, events[i].act);
    }
}

/* ---------------------------------------------------------------- delivering it */

/* Whether change b of the paper can be taken by whoever holds these: what it had seen lies in its own space. */
static bool can_come(const struct paper *p, size_t change, unsigned delivered)
{
    const struct paper_change *c = &p->changes[change];
    for (size_t i = FOUNDING; i < p->count; i++) {
        const struct paper_change *d = &p->changes[i];
        if (i != change && c->seen[d->feed] >= d->seq && !(delivered >> i & 1))
            return false;
    }
    return true;
}

static void deliver(struct small *w, size_t *order, size_t n, unsigned delivered)
{
    struct paper *p = &w->paper;
    if (n == p->count) {
        struct arrival *a = &w->history.replicas[w->history.replica_count++];
        a->count = n;
        a->reader_len = p->authors[FIRST].len;
        memcpy(a->reader, p->authors[FIRST].bytes, a->reader_len);
        for (size_t i = 0; i < n; i++)
            a->steps[i] = (struct step){.run = (uint16_t)order[i], .end = 1};
        return;
    }
    for (size_t i = FOUNDING; i < p->count; i++)
        if (!(delivered >> i & 1) && can_come(p, i, delivered)) {
            order[n] = i;
            deliver(w, order, n + 1, delivered | 1u << i);
        }
}

static void visit(void *ctx, const struct event *events, size_t count)
{
    struct small *w = ctx;
    struct history *h = &w->history;
    struct ward_buf frame;
    size_t order[CHANGES_MAX] = {0, 1};
    write_down(&w->paper, events, count);
    h->seed = w->histories++;
    h->run_count = h->replica_count = 0;
    ward_buf_clear(&h->frames);
    ward_buf_init(&frame, w->paper.bodies.env);
    for (size_t i = 0; i < w->paper.count; i++) {
        paper_run(&w->paper, &frame, w->paper.changes[i].feed, w->paper.changes[i].seq, 1);
        history_frame(h, frame.p, frame.len);
    }
    ward_buf_free(&frame);
    deliver(w, order, FOUNDING, (1u << FOUNDING) - 1);
    w->orders += h->replica_count;
    stage_play(&w->stage, h);
}

void small_replicas(size_t most)
{
    static struct small w;
    static const uint8_t acts[] = {OPERATOR_ACTS, OPERATOR_ACTS, CELL_ACTS};
    const struct world world = {.authors = 3, .acts = acts, .most = most, .visit = visit, .ctx = &w};
    must(ward_crypto_start(NULL), NULL, "sodium");
    stage_open(&w.stage);
    history_init(&w.history, w.stage.env);
    paper_init(&w.paper, w.stage.env);
    memcpy(w.history.root_pk, w.paper.authors[ROOT].key.pk, 32);
    w.history.circle_count = SPACES - 1;
    memcpy(w.history.circles, w.paper.spaces + 1, (SPACES - 1) * sizeof w.paper.spaces[0]);
    world_each(&world);
    history_free(&w.history);
    paper_free(&w.paper);
    stage_close(&w.stage);
    fprintf(stderr, "small world of replicas: %" PRIu64 " histories of up to %zu changes, %" PRIu64 " orders of delivery\n", w.histories,
            most, w.orders);
}
