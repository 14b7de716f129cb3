#include "check.h"
#include "base/limits.h"
#include "disk_inside.h"
#include "model.h"
#include "net.h"
#include "replica/replica.h"
#include "rules/frame.h"
#include "work.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX ((size_t)64 << 20) /* of one device's processes: more than any session may make them take */

/* ---------------------------------------------------------------- what is held */

static void S18_memory_stays_in_bounds(struct device *d)
{
    if (d->memory > MEMORY_MAX)
        violated(d->w, "S18", "%s uses %zu bytes of memory", d->name, d->memory);
}

/* All that model_observe goes by. Most steps change nothing of it. */
struct look {
    bool quiet; /* it had found nothing new in that */
    size_t rows, feeds, former;
    uint64_t changes;
    struct ward_hash self;
    struct look_row {
        uint8_t id8[8], head8[8];
        uint64_t seq;
    } row[MODEL_FEEDS_MAX];
    uint64_t held[MODEL_FEEDS_MAX];
};

static bool update(void *was, const void *is, size_t len)
{
    if (memcmp(was, is, len) == 0)
        return false;
    memcpy(was, is, len);
    return true;
}

/* Whether that is as it was; and notes it. */
static bool is_as_before(struct look *l, const struct device *d, const ward_replica *r)
{
    const struct model *m = d->w->model;
    size_t rows = r->dir.feed_count, feeds = m->feed_count;
    bool changed = l->rows != rows || l->feeds != feeds || l->former != r->former_count || l->changes != m->change_count;
    l->rows = rows;
    l->feeds = feeds;
    l->former = r->former_count;
    l->changes = m->change_count;
    changed |= update(&l->self, &r->self, sizeof l->self);
    changed |= update(l->held, d->held, feeds * sizeof *l->held);
    for (size_t i = 0; i < rows && i < MODEL_FEEDS_MAX; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        struct look_row row = {.seq = f->head_seq};
        memcpy(row.id8, f->id.b, sizeof row.id8);
        memcpy(row.head8, f->head_hash.b, sizeof row.head8);
        changed |= update(&l->row[i], &row, sizeof row);
    }
    return !changed && rows <= MODEL_FEEDS_MAX;
}

void check_step(struct proc *p)
{
    if (p->r && !p->look) {
        p->look = disk_memory(NULL, sizeof *p->look);
        *p->look = (struct look){0};
    }
    if (p->r && !p->d->hostile && !(is_as_before(p->look, p->d, p->r) && p->look->quiet))
        p->look->quiet = model_observe(p->d, p->r);
    S18_memory_stays_in_bounds(p->d);
}

void check_after_act(struct device *d, ward_replica *r)
{
    model_observe(d, r);
    S18_memory_stays_in_bounds(d);
}

/* Of others: what is too short to tell whether it is what the ward has settled gives way to a state, and comes again with what is. */
static bool is_short_of_settled(const struct device *d, size_t branch)
{
    const struct model *m = d->w->model;
    struct ward_hash hash;
    return m->feeds[branch].author != d && d->held[branch] < model_settled(m, d->held, m->feeds[branch].first, &hash);
}

static void S1_S2_nothing_is_lost(struct device *d, const ward_replica *r)
{
    const struct model *m = d->w->model;
    uint64_t now[MODEL_FEEDS_MAX] = {0};
    model_look(m, r, now);
    for (size_t i = 0; i < m->feed_count; i++)
        if (now[i] < d->held[i] && now[i] < model_settled_share(m, d->held, i) && !is_short_of_settled(d, i)) /* what is passed over, too */
            violated(d->w, m->feeds[i].author == d ? "S2" : "S1", "%s held %llu changes of %s, and holds %llu now", d->name,
                     (unsigned long long)d->held[i], m->feeds[i].author ? m->feeds[i].author->name : "the root",
                     (unsigned long long)now[i]);
}

static void S17_the_file_is_sound(struct device *d, ward_replica *r)
{
    struct ward_error err = {0};
    if (ward_store_integrity(r->store, &err))
        violated(d->w, "S17", "%s: %s", d->name, err.detail);
}

static void keep_grant(struct ward_hash *list, size_t *count, const struct ward_hash *grant)
{
    if (*count < GRANTS_MAX)
        list[(*count)++] = *grant;
}

/* An older copy: with the keys of then, which others have replaced. */
static void take_back_keys(struct device *d, const ward_replica *r)
{
    struct ward_hash had[GRANTS_MAX + 1];
    size_t count = d->was_count;
    memcpy(had, d->was, sizeof d->was);
    had[count++] = d->grant;
    d->was_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!ward_replica_was(r, &had[i]))
            keep_grant(d->gone, &d->gone_count, &had[i]);
        else if (memcmp(had[i].b, r->self.b, sizeof r->self.b) != 0)
            keep_grant(d->was, &d->was_count, &had[i]);
    d->grant = r->self;
    d->revoked = true;
    check_keep_keys(d);
}

void check_after_boot(struct device *d)
{
    ward_replica *r;
    struct ward_error err = {0};
    faults_after_act(d); /* no trap is left from before */
    if (device_open(d, &r, &err)) {
        violated(d->w, "S17", "%s cannot be opened after it went down: %d %s", d->name, err.code, err.detail);
        return;
    }
    S17_the_file_is_sound(d, r);
    if (ward_replica_was(r, &d->grant)) { /* it may have been about to go on under another grant */
        if (memcmp(r->self.b, d->grant.b, sizeof d->grant.b) != 0)
            work_take_grant(d, &r->self);
    } else {
        take_back_keys(d, r);
    }
    model_observe(d, r);
    S1_S2_nothing_is_lost(d, r);
    ward_close(r);
}

/* ---------------------------------------------------------------- frames */

/* At one place in so many the bytes that follow are looked at: wherever a secret stands, one of its first so many places is. */
#define SECRET_STEP 8u

static uint64_t eight(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint8_t *secret_mark(struct world *w, uint64_t x, uint8_t *bit)
{
    uint64_t h = x * 0x9e3779b97f4a7c15u >> 47;
    *bit = (uint8_t)(1u << h % 8);
    return &w->secret_marks[h / 8];
}

void check_keep_secret(struct world *w, const void *p, size_t len)
{
    if (w->secret_count == SECRETS_MAX || len > sizeof w->secrets[0].b || len < SECRET_STEP + sizeof(uint64_t))
        return;
    memcpy(w->secrets[w->secret_count].b, p, len);
    w->secrets[w->secret_count++].len = len;
    for (size_t i = 0; i < SECRET_STEP; i++) {
        uint8_t bit, *mark = secret_mark(w, eight((const uint8_t *)p + i), &bit);
        *mark |= bit;
    }
}

void check_keep_keys(struct device *d)
{
    static const char *const names[] = {"device.key", "root.key"};
    char path[80];
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        snprintf(path, sizeof path, "%s/%s", d->home, names[i]);
        const uint8_t *p = disk_file(d->disk, path, &len);
        if (!p || len < 70)
            continue;
        check_keep_secret(d->w, p + 4, 32); /* [1, seed, link_sk] */
        check_keep_secret(d->w, p + 38, 32);
        if (i == 0)
            crypto_scalarmult_base(d->link_pk, p + 38);
    }
}

static bool stands_around(const struct world *w, const uint8_t *p, size_t len, size_t at)
{
    for (size_t j = 0; j < w->secret_count; j++)
        for (size_t before = 0; before < SECRET_STEP && before <= at; before++)
            if (w->secrets[j].len <= len - (at - before) && memcmp(p + at - before, w->secrets[j].b, w->secrets[j].len) == 0)
                return true;
    return false;
}

static bool holds_secret(struct world *w, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + sizeof(uint64_t) <= len; i += SECRET_STEP) {
        uint8_t bit;
        if (*secret_mark(w, eight(p + i), &bit) & bit && stands_around(w, p, len, i))
            return true;
    }
    return false;
}

static void S19_no_secret(struct world *w, const char *where, const void *p, size_t len)
{
    if (holds_secret(w, p, len))
        violated(w, "S19", "a secret stands in %s", where);
}

/* An acknowledgement goes out: what it names must be durable where it comes from. */
static void S14_ack_names_only_what_is_durable(struct conn *c, int from, struct ward_message *m)
{
    struct device *d = c->side[from].d;
    struct proc *p = c->w->current;
    const struct model *model = c->w->model;
    bool refused[WARD_WINDOW_MAX] = {false};
    uint64_t before = c->runs[from].acked;
    for (size_t i = 0; i < m->count; i++) {
        uint64_t at, code;
        ward_frame_next_refusal(m, &at, &code);
        if (at > before && at <= m->acked)
            refused[(at - 1) % WARD_WINDOW_MAX] = true;
    }
    if (m->acked > c->runs[from].count) {
        violated(c->w, "S14", "%s acknowledges %llu runs, %zu have come", d->name, (unsigned long long)m->acked, c->runs[from].count);
        return;
    }
    if (!p || !p->r || ward_store_in_transaction(p->r->store)) {
        violated(c->w, "S14", "%s acknowledges before it has committed", d->name);
        return;
    }
    model_observe(d, p->r);
    for (uint64_t i = before; i < m->acked; i++) {
        const struct sent_run *run = &c->runs[from].v[i];
        if (!run->last)
            continue;
        size_t branch = model_find_short(model, run->space8, run->grant8);
        while (branch != SIZE_MAX && d->held[branch] < run->last)
            branch = model->feeds[branch].next;
        if (branch == SIZE_MAX && !refused[i % WARD_WINDOW_MAX])
            violated(c->w, "S14", "%s acknowledges a run up to %llu that it does not hold", d->name, (unsigned long long)run->last);
    }
    c->runs[from].acked = m->acked;
}

/* A receipt says the same for longer, and of feeds of the receiver's own (proto/receipt.md). Who asks for one hears of it even while
   changes of somebody else are not committed yet: then what was seen before them counts, for model_observe looks at nothing. */
static void S14_receipt_names_only_what_is_durable(struct conn *c, int from, struct ward_message *m)
{
    struct device *d = c->side[from].d, *to = c->side[1 - from].d;
    const struct model *model = c->w->model;
    model_observe(d, c->w->current->r);
    for (size_t i = 0; i < m->count; i++) {
        struct ward_receipt_entry e;
        ward_frame_next_receipt(m, &e);
        size_t branch = model_find_branch(model, model_find_short(model, e.space8, to->grant.b), e.seq, e.hash);
        if (branch == SIZE_MAX || d->held[branch] < e.seq)
            violated(c->w, "S14", "%s gives %s a receipt up to %llu, which it does not hold", d->name, to->name, (unsigned long long)e.seq);
    }
}

/* proto/session.md: "a device cut while connected gets error 405 and no more". */
static void S10_a_cut_device_gets_no_more(struct conn *c, int from)
{
    const struct device *d = c->side[from].d, *to = c->side[1 - from].d;
    if (to->revoked && model_is_cut(c->w->model, d->held, &to->grant))
        violated(c->w, "S10", "%s sends changes to %s, which it knows to be cut", d->name, to->name);
}

/* What waits at the other side is bounded by what that side has offered. */
static void S18_no_more_is_under_way_than_was_offered(struct conn *c, int from)
{
    uint64_t waiting = ++c->runs[from].sent - c->runs[from].heard;
    if (waiting > c->runs[from].window)
        violated(c->w, "S18", "%s has %llu runs under way to %s, which offered %u", c->side[from].d->name, (unsigned long long)waiting,
                 c->side[1 - from].d->name, c->runs[from].window);
}

void check_frame(struct conn *c, int from, const uint8_t *p, size_t len)
{
    struct ward_message m;
    struct ward_error why = {0};
    if (c->side[from].d->hostile)
        return;
    S19_no_secret(c->w, "a frame", p, len);
    if (ward_frame_parse(&m, p, len, &why)) {
        violated(c->w, "S20", "%s sends a frame that is none: %d %s", c->side[from].d->name, why.code, why.detail);
        return;
    }
    bool piece = m.type == WARD_MSG_PIECE, whole = ward_frame_is_acknowledged(m.type);
    if (piece || whole)
        S10_a_cut_device_gets_no_more(c, from);
    if (whole || (piece && m.piece.left == 0))
        S18_no_more_is_under_way_than_was_offered(c, from);
    if (m.type == WARD_MSG_ACK || m.type == WARD_MSG_TAKEN) /* a receipt within is for what is acknowledged */
        S14_ack_names_only_what_is_durable(c, from, &m);
    if (m.type == WARD_MSG_RECEIPT)
        S14_receipt_names_only_what_is_durable(c, from, &m);
}

/* What has come of a frame in pieces, over whichever connections. With the last one *m is the frame; of no type if it is not known here,
 * for a copied home goes on with what came from the other. */
static void put_together(struct conn *c, int to, struct ward_message *m)
{
    const struct world *w = c->w;
    struct begun *b = &c->side[to].d->begun[c->side[1 - to].d - w->d];
    if (m->piece.at > 0 && !c->runs[to].in_pieces)
        deed(c->w, DEED_GONE_ON);
    c->runs[to].in_pieces = true;
    b->len = m->piece.at <= b->len ? m->piece.at : 0;
    bool last = m->piece.left == 0, known = b->len == m->piece.at;
    if (known) {
        b->p = disk_memory(b->p, b->len + m->piece.len);
        memcpy(b->p + b->len, m->piece.data, m->piece.len);
        b->len += m->piece.len;
    }
    if (last && (!known || ward_frame_parse(m, b->p, b->len, NULL)))
        *m = (struct ward_message){.type = WARD_MSG_PART};
    if (last)
        b->len = 0;
}

void check_arrival(struct conn *c, int to, const uint8_t *p, size_t len)
{
    struct ward_message m;
    if (ward_frame_parse(&m, p, len, NULL))
        return;
    if (m.type == WARD_MSG_PIECE)
        put_together(c, to, &m);
    if (m.type == WARD_MSG_HELLO)
        c->runs[to].window = m.hello.window;
    if (m.type == WARD_MSG_AGREE)
        c->runs[to].window = m.agree.window;
    if (m.type == WARD_MSG_ACK || m.type == WARD_MSG_TAKEN)
        c->runs[to].heard = m.acked;
    bool state = m.type == WARD_MSG_SNAPSHOT || m.type == WARD_MSG_PART; /* counts as a run, and is looked at when all are equal */
    if (m.type == WARD_MSG_SNAPSHOT)
        deed(c->w, DEED_STATES);
    if (m.type != WARD_MSG_RUN && !state)
        return;
    if (c->runs[to].count == c->runs[to].cap) {
        c->runs[to].cap = c->runs[to].cap ? 2 * c->runs[to].cap : 16;
        c->runs[to].v = realloc(c->runs[to].v, c->runs[to].cap * sizeof *c->runs[to].v);
        if (!c->runs[to].v)
            abort();
    }
    struct sent_run *run = &c->runs[to].v[c->runs[to].count++];
    run->last = 0;
    if (state)
        return;
    memcpy(run->space8, m.run.space8, 8);
    memcpy(run->grant8, m.run.grant8 ? m.run.grant8 : c->side[1 - to].d->grant.b, 8);
    run->last = m.run.first + m.run.count - 1;
}

void check_error(struct device *d, const struct ward_error *err)
{
    S19_no_secret(d->w, "an error", err->detail, strlen(err->detail));
}

/* ---------------------------------------------------------------- forks */

static void S11_only_forks_are_called_so(struct proc *p, const struct ward_hash *grant)
{
    const struct model *m = p->w->model;
    for (size_t i = 0; i < m->feed_count; i++)
        if (memcmp(m->feeds[i].grant.b, grant->b, 32) == 0 && m->feeds[i].author &&
            (m->feeds[i].author->may_fork || m->feeds[i].author->hostile || m->feeds[i].next != SIZE_MAX))
            return;
    for (size_t i = 0; i < p->w->count; i++) /* refused runs name the peer that brought them */
        if (p->w->d[i].may_fork || p->w->d[i].hostile)
            return;
    violated(p->w, "S11", "%s is told of a fork, and nobody has two histories", p->d->name);
}

static bool anybody_was_restored(const struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->d[i].may_fork || w->d[i].hostile)
            return true;
    return false;
}

/* No honest hub is blamed, and whose hub was restored is told so. */
static void S14_a_hub_is_blamed_for_what_it_lost(struct proc *p, const struct ward_event *e)
{
    struct world *w = p->w;
    bool lost = e->code == WARD_ERR_HUB_LOST, may = e->code == WARD_ERR_HUB_REWROTE && anybody_was_restored(w);
    for (size_t i = 0; lost && i < w->count; i++)
        may |= w->d[i].may_fork && device_was(&w->d[i], &e->grant);
    deed(w, DEED_HUB_LOST);
    trace(w, p->d, "hears that a hub no longer holds what it had sealed: %s", ward_error_name(e->code));
    if (!may)
        violated(w, "S14", "%s is told that a hub lost what it had sealed, and it was never restored", p->d->name);
}

void check_event(struct proc *p, const struct ward_event *e)
{
    if (e->text)
        S19_no_secret(p->w, "an event", e->text, strlen(e->text));
    if (e->type == WARD_EVENT_HUB)
        S14_a_hub_is_blamed_for_what_it_lost(p, e);
    if (e->type == WARD_EVENT_RECEIPT && !e->code)
        deed(p->w, DEED_RECEIPT);
    p->disk_failed |= e->code >= 600 && e->code < 700;
    bool bad = e->code > 200 && e->code < 600; /* its own disk or memory may fail at any time */
    if (e->type == WARD_EVENT_RECEIPT && bad && !anybody_was_restored(p->w))
        violated(p->w, "S14", "%s refuses a receipt: %s", p->d->name, ward_error_name(e->code));
    if (e->type == WARD_EVENT_FORK) {
        p->fork_told = true;
        trace(p->w, p->d, "hears of two histories");
        S11_only_forks_are_called_so(p, &e->grant);
    }
    if (e->type != WARD_EVENT_RUN_REFUSED)
        return;
    p->refused++;
    deed(p->w, DEED_REFUSED);
}

/* ---------------------------------------------------------------- state */

static void compare_state(struct device *d, ward_replica *r, size_t space, size_t *conflicts)
{
    const struct model *m = d->w->model;
    struct ward_hash have, want, uncut;
    struct ward_error err = {0};
    size_t ignored = 0;
    int rc = ward_state_digest(r, &m->spaces[space].id, &have, &err);
    if (rc && d->w->calm && ward_directory_space_by_id(&r->dir, &m->spaces[space].id))
        violated(d->w, "S15", "%s: the state of a space cannot be told: %d %s", d->name, rc, err.detail);
    if (rc)
        return;          /* it holds nothing of it */
    model_observe(d, r); /* it may have looked at what another process wrote */
    if (d->w->settles && !model_can_tell(m, space, d->held))
        return;
    model_digest(m, space, d->held, true, &want, conflicts, d->options.schema);
    if (memcmp(have.b, want.b, 32) == 0)
        return;
    model_digest(m, space, d->held, false, &uncut, &ignored, d->options.schema);
    bool as_uncut = memcmp(have.b, uncut.b, 32) == 0;
    violated(d->w, as_uncut ? "S10" : "S15", "%s: the state of a space is not the merge of what is held there%s", d->name,
             as_uncut ? ": what lies beyond a cut has effect" : "");
}

void check_space_state(struct device *d, ward_replica *r, size_t space)
{
    size_t conflicts = 0;
    compare_state(d, r, space, &conflicts);
}

static void S8_L4_conflicts_are_shown(struct device *d, ward_replica *r, size_t want)
{
    size_t have = 0;
    struct ward_error err = {0};
    int rc = ward_conflict_count(r, &have, &err);
    if (rc || have != want)
        violated(d->w, "S8", "%s shows %zu conflicts, there are %zu (%d)", d->name, have, want, rc);
    d->w->deeds[DEED_CONFLICT] += want;
}

/* As far as it still holds it: what is passed over beside a floor it may have let go of (S1 sees to the rest). */
static void S16_what_lies_beyond_cuts_is_kept(struct device *d, ward_replica *r)
{
    struct ward_status status = {0};
    struct ward_error err = {0};
    uint64_t now[MODEL_FEEDS_MAX] = {0};
    model_look(d->w->model, r, now);
    uint64_t want = model_quarantined(d->w->model, now);
    int rc = ward_status(r, &status, &err);
    if (rc || status.quarantined != want)
        violated(d->w, "S16", "%s tells of %llu changes beyond cuts, there are %llu (%d)", d->name,
                 rc ? 0 : (unsigned long long)status.quarantined, (unsigned long long)want, rc);
}

/* Exactly the feeds that part in what is held are told, at the change where they do. */
struct told_forks {
    struct device *d;
    size_t count;
};

static int on_fork(void *ctx, const struct ward_fork *fork)
{
    struct told_forks *t = ctx;
    const struct model *m = t->d->w->model;
    size_t branch = model_find_feed(m, &fork->feed);
    t->count++;
    if (branch == SIZE_MAX || model_fork_point(m, branch, t->d->held) != fork->seq)
        violated(t->d->w, "S11", "%s tells of a fork after change %llu, and there is none", t->d->name, (unsigned long long)fork->seq);
    return 0;
}

static void S11_forks_are_told(struct device *d, ward_replica *r)
{
    const struct model *m = d->w->model;
    struct told_forks told = {.d = d};
    struct ward_error err = {0};
    size_t want = 0;
    if (d->w->settles) /* forks below a floor are no forks any more */
        return;
    for (size_t i = 0; i < m->feed_count; i++)
        want += m->feeds[i].stem == SIZE_MAX && model_fork_point(m, i, d->held) != UINT64_MAX;
    if (ward_fork_each(r, on_fork, &told, &err) || told.count != want)
        violated(d->w, "S11", "%s tells of %zu forks, there are %zu", d->name, told.count, want);
}

void check_state(struct device *d, ward_replica *r)
{
    const struct model *m = d->w->model;
    size_t conflicts = 0;
    model_observe(d, r);
    bool can_tell = true;
    for (size_t i = 0; i < m->space_count; i++) {
        compare_state(d, r, i, &conflicts);
        can_tell &= !d->w->settles || !check_may_hold(d, i) || model_can_tell(m, i, d->held);
    }
    if (!can_tell)
        return;
    S8_L4_conflicts_are_shown(d, r, conflicts);
    S16_what_lies_beyond_cuts_is_kept(d, r);
    S11_forks_are_told(d, r);
}

static void on_bad(void *ctx, const struct ward_bad *bad)
{
    struct device *d = ctx;
    violated(d->w, "S15", "%s: verify: %d %s, change %llu", d->name, bad->code, bad->what, (unsigned long long)bad->seq);
}

void check_whole(struct device *d, ward_replica *r)
{
    struct ward_verify_result seen = {0};
    struct ward_error err = {0};
    deed(d->w, DEED_VERIFY);
    if (ward_verify(r, true, on_bad, d, NULL, &seen, &err))
        violated(d->w, "S17", "%s: verify: %d %s", d->name, err.code, err.detail);
}

/* ---------------------------------------------------------------- healed */

static bool may_hold(const struct device *d, const struct model_space *s)
{
    if (s->is_ward || d->role != WARD_ROLE_CELL)
        return true;
    for (size_t i = 0; i < s->unit_count; i++)
        if (memcmp(s->units[i].b, d->unit.b, 16) == 0)
            return true;
    return false;
}

bool check_may_hold(const struct device *d, size_t space)
{
    return may_hold(d, &d->w->model->spaces[space]);
}

/* So many branches that no more are held: which ones is then by chance. */
static bool is_shattered(const struct model *m, size_t branch)
{
    size_t n = 0;
    for (size_t i = model_find_feed(m, &m->feeds[branch].id); i != SIZE_MAX; i = m->feeds[i].next)
        n++;
    return n > WARD_BRANCHES_MAX;
}

static void L1_all_are_equal(struct world *w)
{
    const struct model *m = w->model;
    for (size_t f = 0; f < m->feed_count; f++) {
        size_t space = m->feeds[f].space;
        uint64_t most = 0, share = w->settles ? model_settled_share(m, w->hub->held, f) : UINT64_MAX; /* the rest is passed over */
        if (is_shattered(m, f))
            continue;
        for (size_t i = 0; i < w->count; i++)
            if (device_counts(&w->d[i]) && w->d[i].held[f] > most)
                most = w->d[i].held[f];
        most = most < share ? most : share;
        for (size_t i = 0; i < w->count; i++)
            if (device_counts(&w->d[i]) && may_hold(&w->d[i], &m->spaces[space]) &&
                (w->d[i].held[f] < share ? w->d[i].held[f] : share) != most)
                violated(w, "L1", "%s holds %llu of %llu changes of %s after all have met", w->d[i].name,
                         (unsigned long long)w->d[i].held[f], (unsigned long long)most,
                         m->feeds[f].author ? m->feeds[f].author->name : "the root");
    }
}

/* Who had lost what it had sealed has it again, once it has been met: a desk that answered only once may still be told of. */
static int on_lost(void *ctx, const struct ward_hub_notice *n)
{
    struct device *d = ctx;
    for (size_t i = 0; n->held < n->seq && i < d->w->count; i++)
        if (d->met[i] && memcmp(d->w->d[i].grant.b, n->grant.b, sizeof n->grant.b) == 0)
            violated(d->w, "L1", "%s is told that %s lost %llu of its changes, and has met it since", d->name, d->w->d[i].name,
                     (unsigned long long)(n->seq - n->held));
    return 0;
}

/* Whoever has met the hub holds its word for all that it wrote. */
static void L1_all_is_receipted(struct device *d, ward_replica *r)
{
    const struct model *m = d->w->model;
    struct ward_status status = {0};
    struct ward_error err = {0};
    uint64_t own = 0;
    for (size_t i = 0; i < m->feed_count; i++) {
        bool mine = memcmp(m->feeds[i].grant.b, d->grant.b, 32) == 0 && d->held[i] > m->feeds[i].base;
        if (mine && model_fork_point(m, i, d->held) != UINT64_MAX)
            return;
        own += mine ? d->held[i] - m->feeds[i].base : 0;
    }
    if (!device_counts(d) || d == d->w->hub || d == d->w->hub2)
        return;
    if (ward_status(r, &status, &err) || status.receipted != own)
        violated(d->w, "L1", "%s has receipts of %llu of its %llu changes after all have met", d->name,
                 (unsigned long long)status.receipted, (unsigned long long)own);
    if (ward_hub_notices(r, on_lost, d, &err))
        violated(d->w, "L1", "%s: notices: %d %s", d->name, err.code, err.detail);
}

/* Whoever asked by a file has been answered, one way or the other. */
static void L1_all_are_answered(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (device_counts(&w->d[i]) && w->d[i].errand)
            violated(w, "L1", "%s has asked by a file, and is not answered", w->d[i].name);
}

static void is_ended_by_now(const struct device *d, const struct ward_hash *grant, const char *which)
{
    const uint64_t *held = d->w->hub->held;
    if (model_has_effect(d->w->model, held, grant) && !model_is_cut(d->w->model, held, grant))
        violated(d->w, "S10", "the %s keys of %s are not ended", which, d->name);
}

/* New keys of an operator or a hub end the old ones: those are why they were made. And keys that were lost may be in anybody's hands. Where
 * neither operator can write any more, the recovery sheet is all that is left. */
static void S10_replaced_keys_are_ended(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct device *d = &w->d[i];
        const struct device *by = work_other_operator(d);
        bool asked = d->role != WARD_ROLE_CELL && device_counts(d) && (!by || model_is_in_order(by));
        for (size_t k = 0; asked && k < d->was_count; k++)
            is_ended_by_now(d, &d->was[k], "former");
        for (size_t k = 0; asked && k < d->gone_count; k++)
            is_ended_by_now(d, &d->gone[k], "lost");
    }
}

static void S16_a_device_that_goes_on_tells_again_what_was_set_aside(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        size_t branches = 0;
        uint64_t n = device_counts(&w->d[i]) ? model_waiting(w->model, &w->d[i], &branches) : 0;
        w->deeds[DEED_REUNITED] += branches;
        if (n)
            violated(w, "S16", "%s goes on under a new grant, and %llu changes of its former ones were not written anew", w->d[i].name,
                     (unsigned long long)n);
    }
    w->deeds[DEED_RELEASED] += model_releases(w->model, w->hub->held);
}

static void S2_what_was_taken_back_is_written_anew(struct world *w)
{
    const struct model_withdrawn *x = model_written_anew(w->model);
    if (x && x->of_more)
        violated(w, "S9", "%s writes its change %llu anew and claims to have seen more than it had", x->d->name,
                 (unsigned long long)x->seq);
    else if (x)
        violated(w, "S2", "%s took back its change %llu and has not written it anew", x->d->name, (unsigned long long)x->seq);
}

/* What the hub says of devices that were bought for lost ones: whom they follow, under whose name. */
static int check_follower(void *ctx, const struct ward_device *told)
{
    struct world *w = ctx;
    for (size_t i = 0; i < w->count; i++) {
        const struct device *d = &w->d[i];
        bool same = d->replaces && d->joined && memcmp(told->grant.b, d->place.b, 32) == 0;
        if (!same)
            continue;
        deed(w, DEED_REPLACED);
        if (!told->follows_one || memcmp(told->follows.b, d->lost.b, 32) != 0 || !ward_id_equal(&told->unit, &d->unit) ||
            strcmp(told->name, d->place_name) != 0)
            violated(w, "admission", "%s does not follow %s, or not as %s", d->name, d->replaces->name, d->place_name);
    }
    return 0;
}

/* The model excuses whoever is known to nobody: the hub must say the same. */
static void check_stranded(struct device *hub, const ward_replica *r)
{
    for (size_t i = 0; i < hub->w->count; i++) {
        const struct device *d = &hub->w->d[i];
        if (d->joined && d->stranded && ward_grant_effective(&r->dir, &d->grant) && !ward_grant_is_cut(&r->dir, &d->grant))
            violated(hub->w, "the model", "it takes %s for known to nobody, and the hub knows it", d->name);
    }
}

void check_healed(struct world *w, bool by_links)
{
    size_t one = dice_below(&w->plan, w->count);
    for (size_t i = 0; i < w->count && !w->failed; i++) {
        struct device *d = &w->d[i];
        ward_replica *r;
        struct ward_error err = {0};
        if (!d->joined || d->hostile)
            continue;
        if (device_open(d, &r, &err)) {
            violated(w, "S17", "%s cannot be opened at the end: %d %s", d->name, err.code, err.detail);
            return;
        }
        check_state(d, r);
        S1_S2_nothing_is_lost(d, r);
        if (by_links && d == w->hub)
            check_stranded(d, r);
        if (by_links && d == w->hub)
            ward_devices(r, check_follower, w, NULL);
        if (by_links)
            L1_all_is_receipted(d, r);
        if (i == one)
            check_whole(d, r);
        else
            S17_the_file_is_sound(d, r);
        ward_close(r);
    }
    L1_all_are_equal(w);
    S2_what_was_taken_back_is_written_anew(w);
    S16_a_device_that_goes_on_tells_again_what_was_set_aside(w);
    if (by_links)
        L1_all_are_answered(w);
    S10_replaced_keys_are_ended(w);
    check_secrets_on_disks(w);
}

static void look_at_file(void *ctx, const char *path, const uint8_t *p, size_t len)
{
    size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, ".key") != 0)
        S19_no_secret(ctx, path, p, len);
}

void check_secrets_on_disks(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        disk_each(w->d[i].disk, look_at_file, w);
}
