/* Two servers in one thread, stepped in turn: what another process commits goes out to whoever is on the line, what could not be
 * committed is not acknowledged, and floors are closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "replica/ahead.h"
#include "replicas.h"
#include "shell/platform.h"
#include "shell/store_sql.h"

#define STEPS_MAX 1500 /* of 10 ms */

struct heard {
    char address[128];
    int listening, synced, ingested, ended;
};

static void hear(void *ctx, const struct ward_event *e)
{
    struct heard *h = ctx;
    if (e->type == WARD_EVENT_LISTENING && h->listening++ == 0)
        snprintf(h->address, sizeof h->address, "%s", e->text);
    h->synced += e->type == WARD_EVENT_SYNCED;
    h->ingested += e->type == WARD_EVENT_INGESTED;
    h->ended += e->type == WARD_EVENT_ENDED && e->code == WARD_ERR_CUT;
}

struct line {
    struct world w;
    struct heard at_hub, at_cell;
    ward_server *hub, *cell;
};

/* Whom to call, as joining would have kept it. */
static void introduce(struct line *l, size_t cell)
{
    char addresses[WARD_ADDRESS_MAX + 1] = "";
    struct ward_store *store = l->w.d[cell].r->store;
    snprintf(addresses, sizeof addresses, "%.*s", WARD_ADDRESS_MAX, l->at_hub.address);
    OK(&l->w, ward_store_begin(store, &l->w.err));
    OK(&l->w, ward_store_meta_put(store, "hub_key", l->w.d[0].r->keys->link_pk, 32, &l->w.err));
    OK(&l->w, ward_store_meta_put(store, "hub_addresses", addresses, sizeof addresses, &l->w.err));
    OK(&l->w, ward_store_commit(store, &l->w.err));
}

static void step_until(struct line *l, const int *count, int more_than)
{
    int steps = 0;
    for (; *count <= more_than && steps < STEPS_MAX; steps++) {
        OK(&l->w, ward_serve_step(l->hub, 5, &l->w.err));
        OK(&l->w, ward_serve_step(l->cell, 5, &l->w.err));
    }
    assert_true(steps < STEPS_MAX);
}

static void serve_both(struct line *l)
{
    static const char *const anywhere[] = {"tcp://127.0.0.1:0"};
    struct ward_serve_options hub = {.listen = anywhere, .listen_count = 1, .on_event = hear, .ctx = &l->at_hub};
    struct ward_serve_options cell = {.every_ms = 50, .on_event = hear, .ctx = &l->at_cell};
    for (size_t i = 0; i < 2; i++)
        l->w.d[i].r->env.mono_ms = ward_platform_env()->mono_ms; /* the link's world is a real one */
    OK(&l->w, ward_serve_open(l->w.d[0].r, &hub, &l->hub, &l->w.err));
    introduce(l, 1);
    OK(&l->w, ward_serve_open(l->w.d[1].r, &cell, &l->cell, &l->w.err));
    step_until(l, &l->at_cell.synced, 0);
}

static void open_line(struct line *l)
{
    *l = (struct line){.hub = NULL};
    world_found(&l->w, 7);
    admit(&l->w, 'a', WARD_ROLE_CELL, 7);
    serve_both(l);
}

static void close_line(struct line *l)
{
    ward_serve_close(l->cell);
    ward_serve_close(l->hub);
    world_close(&l->w);
}

/* Another process on a device's home, in the space of the cells' unit. */
static void write_item(struct world *w, size_t i, const char *title)
{
    struct device *d = &w->d[i];
    ward_replica *beside;
    ward_txn *t;
    struct ward_hash space;
    struct ward_id id;
    struct ward_value text = ward_value_text(title);
    OK(w, ward_open(&beside, d->home, &d->options, &w->err));
    OK(w, ward_space_of_circle(beside, &space, &w->d[1].unit, 1, &w->err));
    OK(w, ward_new_id(beside, &id, &w->err));
    OK(w, ward_begin(beside, &t, &w->err));
    OK(w, ward_put(t, &space, KIND_ITEM, &id, TITLE, NULL, 0, &text, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
    ward_close(beside);
}

/* Another process on the hub's home. */
static void write_beside(struct line *l, const char *title)
{
    write_item(&l->w, 0, title);
}

static void what_others_commit_goes_out(void **state)
{
    struct line l;
    (void)state;
    open_line(&l);
    int before = l.at_cell.ingested;
    write_beside(&l, "boiler");
    step_until(&l, &l.at_cell.ingested, before);
    close_line(&l);
}

/* A handshake, a call upward, any reading may see a commit before the server looks for commits: it is news all the same. */
static void even_if_something_else_saw_it_first(void **state)
{
    struct line l;
    (void)state;
    open_line(&l);
    int before = l.at_cell.ingested;
    write_beside(&l, "boiler");
    OK(&l.w, ward_replica_refresh(l.w.d[0].r, &l.w.err));
    step_until(&l, &l.at_cell.ingested, before);
    close_line(&l);
}

/* Each run takes the hub longer than a step is to last. */
static int64_t late_ms;

static int64_t slow_clock(void *ctx)
{
    return ward_platform_env()->mono_ms(ctx) + late_ms;
}

static void hear_slowly(void *ctx, const struct ward_event *e)
{
    hear(ctx, e);
    late_ms += e->type == WARD_EVENT_INGESTED ? 2 * WARD_STEP_MS : 0;
}

/* The platform's second thread; how often it was given something. */
static struct ward_helper *thread;
static int runs_ahead;

static void begin_counted(void *ctx, struct ward_job *job)
{
    (void)ctx;
    runs_ahead++;
    thread->begin(thread->ctx, job);
}

static bool finish_counted(void *ctx, struct ward_job *job, bool wait)
{
    (void)ctx;
    return thread->finish(thread->ctx, job, wait);
}

static bool withdraw_counted(void *ctx, struct ward_job *job)
{
    (void)ctx;
    return thread->withdraw(thread->ctx, job);
}

/* Several have sent: each is told of his own when it is committed, not when the others' is too. While he has his turn the others' is read.
 */
static void who_had_his_turn_does_not_wait_for_the_others(void **state)
{
    enum { CELLS = 3 };
    static const char *const anywhere[] = {"tcp://127.0.0.1:0"};
    struct line l = {.hub = NULL};
    struct heard heard[CELLS] = {0};
    ward_server *cells[CELLS];
    struct ward_serve_options hub = {.listen = anywhere, .listen_count = 1, .on_event = hear_slowly, .ctx = &l.at_hub};
    const struct ward_helper counting = {NULL, begin_counted, finish_counted, withdraw_counted};
    int steps = 0;
    (void)state;
    late_ms = 0;
    world_found(&l.w, 8);
    OK(&l.w, ward_helper_open(&thread, &l.w.err));
    OK(&l.w, ward_ahead_open(&l.w.d[0].r->ahead, &l.w.d[0].r->env, thread ? &counting : NULL));
    for (size_t i = 1; i <= CELLS; i++)
        admit(&l.w, 'a', WARD_ROLE_CELL, (unsigned)i);
    for (size_t i = 0; i <= CELLS; i++)
        l.w.d[i].r->env.mono_ms = i ? ward_platform_env()->mono_ms : slow_clock;
    OK(&l.w, ward_serve_open(l.w.d[0].r, &hub, &l.hub, &l.w.err));
    for (size_t i = 0; i < CELLS; i++) {
        struct ward_serve_options cell = {.every_ms = 50, .on_event = hear, .ctx = &heard[i]};
        introduce(&l, i + 1);
        write_item(&l.w, i + 1, "boiler");
        OK(&l.w, ward_serve_open(l.w.d[i + 1].r, &cell, &cells[i], &l.w.err));
    }
    for (; l.at_hub.ingested < CELLS && steps < STEPS_MAX; steps++) {
        int before = l.at_hub.ingested;
        OK(&l.w, ward_serve_step(l.hub, 5, &l.w.err));
        assert_in_range(l.at_hub.ingested, before, before + 1);
        for (int turn = 0; turn < 5 * CELLS; turn++) /* so that what they send is there together */
            OK(&l.w, ward_serve_step(cells[turn % CELLS], 1, &l.w.err));
    }
    assert_true(steps < STEPS_MAX);
    assert_int_equal(runs_ahead, thread ? CELLS : 0); /* each once */
    for (size_t i = 0; i < CELLS; i++)
        ward_serve_close(cells[i]);
    ward_serve_close(l.hub);
    world_close(&l.w);
    ward_helper_close(thread);
}

/* ---- a disk that takes nothing */

static int refuse_to_commit(void *ctx)
{
    ++*(int *)ctx;
    return 1;
}

static uint64_t unsent(struct world *w, size_t i)
{
    struct ward_status status;
    OK(w, ward_status(w->d[i].r, &status, &w->err));
    return status.unsent;
}

/* What the hub could not commit it has not acknowledged: the cell knows that nobody else holds it. */
static void what_the_hub_cannot_commit_is_not_acknowledged(void **state)
{
    struct line l;
    int refused = 0;
    (void)state;
    open_line(&l);
    sqlite3 *db = l.w.d[0].r->store->db;
    write_item(&l.w, 1, "boiler");
    sqlite3_commit_hook(db, refuse_to_commit, &refused);
    for (int steps = 0; refused == 0 && steps < STEPS_MAX; steps++) {
        ward_serve_step(l.hub, 5, NULL);
        OK(&l.w, ward_serve_step(l.cell, 5, &l.w.err));
    }
    assert_true(refused > 0);
    for (int i = 0; i < 20; i++) /* whatever the hub has sent comes here */
        OK(&l.w, ward_serve_step(l.cell, 5, &l.w.err));
    ward_serve_close(l.cell);
    l.cell = NULL;
    assert_int_equal(unsent(&l.w, 1), 1);
    sqlite3_commit_hook(db, NULL, NULL);
    close_line(&l);
}

static ward_server *answering; /* whenever who calls it looks at his clock */

static int64_t step_the_other(void *ctx)
{
    ward_serve_step(answering, 0, NULL);
    return ward_platform_env()->mono_ms(ctx);
}

/* Nor what a round could not commit. */
static void what_a_round_cannot_commit_is_not_acknowledged(void **state)
{
    static const char *const anywhere[] = {"tcp://127.0.0.1:0"};
    struct line l = {.hub = NULL};
    struct ward_serve_options hub = {.listen = anywhere, .listen_count = 1, .on_event = hear, .ctx = &l.at_hub};
    struct ward_sync_options round = {.address = l.at_hub.address};
    struct ward_sync_result result;
    int refused = 0;
    (void)state;
    world_found(&l.w, 9);
    admit(&l.w, 'a', WARD_ROLE_CELL, 9);
    l.w.d[0].r->env.mono_ms = ward_platform_env()->mono_ms;
    l.w.d[1].r->env.mono_ms = step_the_other;
    OK(&l.w, ward_serve_open(l.w.d[0].r, &hub, &l.hub, &l.w.err));
    answering = l.hub;
    introduce(&l, 1);
    OK(&l.w, ward_sync(l.w.d[1].r, &round, &result, &l.w.err));
    write_item(&l.w, 0, "boiler");
    sqlite3 *db = l.w.d[1].r->store->db;
    sqlite3_commit_hook(db, refuse_to_commit, &refused);
    assert_int_not_equal(ward_sync(l.w.d[1].r, &round, &result, NULL), WARD_OK);
    assert_true(refused > 0);
    sqlite3_commit_hook(db, NULL, NULL);
    for (int i = 0; i < 20; i++)
        OK(&l.w, ward_serve_step(l.hub, 5, &l.w.err));
    assert_int_equal(unsent(&l.w, 0), 1);
    OK(&l.w, ward_sync(l.w.d[1].r, &round, &result, &l.w.err));
    for (int i = 0; i < 20; i++)
        OK(&l.w, ward_serve_step(l.hub, 5, &l.w.err));
    assert_int_equal(unsent(&l.w, 0), 0);
    ward_serve_close(l.hub);
    world_close(&l.w);
}

/* ---- whose rights have ended */

/* Another process on the home reads a bundle of the office. */
static void hear_beside(struct world *w, size_t who)
{
    ward_replica *serving = w->d[who].r;
    OK(w, ward_open(&w->d[who].r, w->d[who].home, &w->d[who].options, &w->err));
    give(w, 0, who);
    ward_close(w->d[who].r);
    w->d[who].r = serving;
}

/* Whoever serves says once that its own rights have ended, however it came to hear of it, and again when it is opened anew. */
static void who_is_ended_says_so(void **state)
{
    static const char *const anywhere[] = {"tcp://127.0.0.1:0"};
    struct line l = {.hub = NULL};
    struct ward_serve_options options = {.listen = anywhere, .listen_count = 1, .on_event = hear, .ctx = &l.at_hub};
    (void)state;
    world_found(&l.w, 11);
    const size_t hub = admit(&l.w, 'h', WARD_ROLE_HUB, 11);
    l.w.d[hub].r->env.mono_ms = ward_platform_env()->mono_ms;
    OK(&l.w, ward_serve_open(l.w.d[hub].r, &options, &l.hub, &l.w.err));
    OK(&l.w, ward_revoke(l.w.d[0].r, &l.w.d[hub].grant, "mất máy", &l.w.err));
    hear_beside(&l.w, hub);
    for (int steps = 0; l.at_hub.ended == 0 && steps < STEPS_MAX; steps++)
        OK(&l.w, ward_serve_step(l.hub, 5, &l.w.err));
    hear_beside(&l.w, hub);
    for (int i = 0; i < 100; i++)
        OK(&l.w, ward_serve_step(l.hub, 5, &l.w.err));
    assert_int_equal(l.at_hub.ended, 1);
    ward_serve_close(l.hub);
    OK(&l.w, ward_serve_open(l.w.d[hub].r, &options, &l.hub, &l.w.err));
    assert_int_equal(l.at_hub.ended, 2);
    ward_serve_close(l.hub);
    world_close(&l.w);
}

/* ---- floors */

/* A floor was proposed before the server came up: it hears who holds what, and closes it by itself. */
static void who_serves_closes_what_all_hold(void **state)
{
    struct line l = {.hub = NULL};
    struct ward_compact_result result;
    const struct ward_compact_options all = {.least = 1};
    const struct ward_directory *d;
    (void)state;
    late_ms = 0;
    world_found(&l.w, 10);
    admit(&l.w, 'a', WARD_ROLE_CELL, 10);
    for (int i = 0; i < 5; i++)
        write_item(&l.w, 0, "boiler");
    OK(&l.w, ward_compact(l.w.d[0].r, &all, &result, &l.w.err));
    assert_int_equal(result.proposed, 1);
    serve_both(&l);
    l.w.d[0].r->env.mono_ms = slow_clock;
    d = &l.w.d[0].r->dir;
    for (; d->closing_count == 0 && late_ms < 40000; late_ms += 100) { /* it remembers who is there every ten seconds */
        OK(&l.w, ward_serve_step(l.hub, 5, &l.w.err));
        OK(&l.w, ward_serve_step(l.cell, 5, &l.w.err));
    }
    assert_int_equal(d->closing_count, 1);
    close_line(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_commit_goes_out),
        cmocka_unit_test(even_if_something_else_saw_it_first),
        cmocka_unit_test(who_had_his_turn_does_not_wait_for_the_others),
        cmocka_unit_test(what_the_hub_cannot_commit_is_not_acknowledged),
        cmocka_unit_test(what_a_round_cannot_commit_is_not_acknowledged),
        cmocka_unit_test(who_is_ended_says_so),
        cmocka_unit_test(who_serves_closes_what_all_hold),
    };
    return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
