/* scenarios_talk.c - sessions: calling, being called, joining. */
#include "base/err.h"
#include "inject.h"
#include "link_pair.h"
#include "replica/base.h"
#include "scenarios.h"
#include "shell/store_sql.h"

#define ADDRESS "tcp://192.0.2.1:7000"

struct listening {
    ward_server *server;
    bool is_ours; /* device 0 listens: its turns are those that fail */
    int rc;
    struct ward_error err;
};

static void turn(void *ctx)
{
    struct listening *l = ctx;
    if (l->rc)
        return;
    if (l->is_ours)
        inject_resume();
    else
        inject_pause();
    l->rc = ward_serve_step(l->server, 0, &l->err);
    if (l->is_ours)
        inject_pause();
    else
        inject_resume();
}

static int listen_at(struct world *w, size_t i, struct listening *l, struct ward_error *err)
{
    static const char *const addresses[] = {ADDRESS};
    struct ward_serve_options options = {.listen = addresses, .listen_count = 1, .on_event = i ? NULL : world_on_event, .ctx = w};
    *l = (struct listening){.is_ours = i == 0};
    int rc = ward_serve_open(w->d[i].r, &options, &l->server, err);
    if (!rc)
        link_pair_turn(turn, l);
    return rc;
}

static void hang_up(struct listening *l)
{
    link_pair_turn(NULL, NULL);
    ward_serve_close(l->server);
}

/* ---------------------------------------------------------------- device 0 calls */

static void set_up_news(struct world *w)
{
    set_up_records(w);
    must_carry(w, 0, 2);
    for (uint8_t i = 0; i < 40; i++)
        must_write(w, 1, i % 3 ? "a" : "ab", (uint8_t)(100 + i), i % 2 ? "odd" : "even");
    must_write(w, 0, "a", 10, "meanwhile");
    must_write(w, 1, "ac", 31, "a new circle");
}

static int call(struct world *w, struct ward_error *err)
{
    struct listening l;
    struct ward_sync_options options = {.address = ADDRESS, .device = &w->d[1].grant, .on_event = world_on_event, .ctx = w};
    struct ward_sync_result result;
    inject_pause();
    must(listen_at(w, 1, &l, err), err, "listen");
    inject_resume();
    int rc = ward_sync(w->d[0].r, &options, &result, err);
    inject_pause();
    must(l.rc, &l.err, "serve");
    hang_up(&l);
    inject_resume();
    return rc;
}

static int sync_step(struct world *w, int k, struct ward_error *err)
{
    return k == 1 ? write_item(w, 0, "a", 40, "after the first round", err) : call(w, err);
}

const struct scenario scenario_sync = {
    .name = "sync", .steps = 3, .opens = true, .clean = true, .peers = true, .set_up = set_up_news, .step = sync_step};

/* ---------------------------------------------------------------- device 0 is called */

static int serve_step(struct world *w, int k, struct ward_error *err)
{
    struct listening l;
    struct ward_error other = {0};
    struct ward_sync_options options = {.address = ADDRESS, .device = &w->d[0].grant};
    struct ward_sync_result result;
    if (k == 1)
        return write_item(w, 0, "a", 40, "after the first round", err);
    int rc = listen_at(w, 0, &l, err);
    if (rc)
        return rc;
    inject_pause();
    rc = ward_sync(w->d[1].r, &options, &result, &other);
    inject_resume();
    hang_up(&l);
    if (l.rc)
        *err = l.err;
    else if (rc)
        *err = other;
    return l.rc ? l.rc : rc;
}

const struct scenario scenario_serve = {
    .name = "serve", .steps = 3, .opens = true, .clean = true, .peers = true, .set_up = set_up_news, .step = serve_step};

/* ---------------------------------------------------------------- device 0 takes a state, and what lies below it later */

static void set_up_states(struct world *w)
{
    set_up_found(w, 1, 'o');
    set_up_admit(w, 0, 1, 'a', WARD_ROLE_CELL);
    set_up_admit(w, 2, 1, 'a', WARD_ROLE_CELL);
    for (unsigned i = 0; i < 400; i++) { /* of few records, so that the state saves more than half of the history */
        char text[40];
        snprintf(text, sizeof text, "what stood there in round %u", i * 7919u % 1000u);
        must_write(w, 1, i % 3 ? "a" : "ab", (uint8_t)(i % 8), text);
    }
    must_carry(w, 1, 2);
    must_write(w, 2, "a", 3, "a conflict");
    must_write(w, 1, "a", 3, "and its other side");
    must_carry(w, 2, 1);
    must_write(w, 0, "ab", 100, "meanwhile");
}

static int states_step(struct world *w, int k, struct ward_error *err)
{
    int rc = k == 1 ? write_item(w, 0, "a", 5, "on top of the state", err) : call(w, err);
    bool based = false;
    for (size_t i = 0; !rc && i < w->d[0].r->dir.space_count; i++)
        based |= ward_space_has_base(w->d[0].r, &w->d[0].r->dir.spaces[i]);
    return rc || based ? rc : ward_fail(err, WARD_ERR_INTERNAL, "no state was taken");
}

const struct scenario scenario_states = {
    .name = "states", .steps = 3, .opens = true, .clean = true, .peers = true, .set_up = set_up_states, .step = states_step};

/* ---------------------------------------------------------------- what is settled leaves the log */

static int settle(struct world *w, struct ward_error *err)
{
    ward_replica *r = w->d[0].r;
    struct ward_apply a;
    struct ward_base_head heads[DEVICES];
    int rc = ward_apply_begin(&a, r, err);
    if (rc)
        return rc;
    for (uint32_t sid = 2; !rc && sid <= r->dir.space_count; sid++) {
        const struct ward_space *s = ward_directory_space(&r->dir, sid);
        size_t n = 0;
        for (size_t i = 0; i < s->feed_count && n < DEVICES; i++)
            heads[n++] = (struct ward_base_head){s->feeds[i], ward_directory_feed(&r->dir, s->feeds[i])->head_seq};
        rc = ward_base_settle(&a, sid, heads, n, err);
    }
    return ward_apply_end(&a, rc, err);
}

static int settle_step(struct world *w, int k, struct ward_error *err)
{
    return k == 1 ? write_item(w, 0, "a", 2, "on top of the base", err) : settle(w, err);
}

const struct scenario scenario_settle = {
    .name = "settle", .steps = 3, .opens = true, .clean = true, .set_up = set_up_records, .step = settle_step};

/* ---------------------------------------------------------------- shrink: what that has left free goes back to the disk */

static void set_up_holes(struct world *w)
{
    struct ward_error err = {0};
    int64_t holes = 0;
    set_up_records(w);
    for (int i = 0; i < 60; i++)
        must_write(w, 0, i % 2 ? "a" : "b", (uint8_t)(10 + i % 20), i % 3 ? "once more" : "and again");
    must(settle(w, &err), &err, "settle");
    must(store_pragma_int(w->d[0].r->store, "PRAGMA freelist_count", &holes, &err), &err, "count");
    must(holes > 0 ? WARD_OK : WARD_ERR_INTERNAL, &err, "nothing is free");
}

static int shrink_step(struct world *w, int k, struct ward_error *err)
{
    uint64_t bytes;
    return k == 1 ? write_item(w, 0, "a", 2, "in the smaller file", err) : ward_store_shrink(w->d[0].r->store, &bytes, err);
}

const struct scenario scenario_shrink = {
    .name = "shrink", .steps = 3, .opens = true, .clean = true, .set_up = set_up_holes, .step = shrink_step};

/* ---------------------------------------------------------------- join */

static void set_up_invitation(struct world *w)
{
    static const char *const addresses[] = {ADDRESS};
    struct ward_error err = {0};
    struct ward_id unit = unit_id('a');
    set_up_found(w, 1, 'o');
    set_up_admit(w, 2, 1, 'b', WARD_ROLE_CELL);
    must(ward_invite(w->d[1].r, &unit, WARD_ROLE_CELL, addresses, 1, 86400000, w->code, sizeof w->code, &err), &err, "invite");
    /* An earlier try has left its keys: what is asked for stays until it is answered. */
    char words[WARD_FINGERPRINT];
    must(ward_join_request(w->d[0].home, w->code, "tablet", "/d0/request", &w->d[0].options, words, &err), &err, "request");
}

static int join_step(struct world *w, int k, struct ward_error *err)
{
    struct device *d = &w->d[0];
    struct listening l;
    (void)k;
    inject_pause();
    must(listen_at(w, 1, &l, err), err, "listen");
    inject_resume();
    int rc = ward_join(&d->r, d->home, w->code, "tablet", 0, &d->options, err);
    inject_pause();
    must(l.rc, &l.err, "serve");
    hang_up(&l);
    inject_resume();
    return rc;
}

const struct scenario scenario_join = {
    .name = "join", .steps = 1, .fresh = true, .peers = true, .set_up = set_up_invitation, .step = join_step};
