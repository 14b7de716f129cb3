/* Spaces that stand with their state instead of their history: given, taken, settled, and written on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "items.h"
#include "line.h"
#include "replica/base.h"
#include "replica/talk.h"
#include "replicas.h"
#include "shell/store.h"

enum { OFFICE, TABLET, LATER };

static uint32_t its_sid(struct world *w, size_t who)
{
    struct ward_hash space = its_space(w, who);
    const struct ward_space *s = ward_directory_space_by_id(&w->d[who].r->dir, &space);
    return s ? s->sid : 0;
}

/* Something of everything: conflicts, members, sums, deletions, proposals; over 64 changes in one space. */
static void write_much(struct world *w)
{
    char text[40];
    for (size_t i = 0; i < 400; i++) { /* much of it is past: the state saves more than half */
        snprintf(text, sizeof text, "việc số %zu", i);
        put(w, i % 2, (char)('A' + i % 20), TITLE, text);
        put_value(w, TABLET, (char)('A' + i % 20), COUNTED, NULL, ward_value_int((int64_t)i + 1));
    }
    put_value(w, OFFICE, 'A', COUNTED, NULL, ward_value_int(1000));
    put_value(w, OFFICE, 'A', TAGS, "gấp", ward_value_bool(true));
    put_value(w, TABLET, 'A', TAGS, "khó", ward_value_bool(true));
    put_value(w, TABLET, 'B', TAGS, "khó", ward_value_bool(true));
    put_value(w, TABLET, 'B', TAGS, "khó", ward_value_bool(false));
    put_value(w, OFFICE, 'C', DUE, NULL, ward_value_int(20261231));
    whole_round(w, OFFICE, TABLET);
    put_value(w, TABLET, 'C', DUE, NULL, ward_value_int(20270131));
    put(w, OFFICE, 'D', TITLE, "một");
    put(w, TABLET, 'D', TITLE, "hai");
    drop(w, OFFICE, 'E');
    put(w, TABLET, 'E', TITLE, "vẫn còn");
    drop(w, OFFICE, 'F');
    whole_round(w, OFFICE, TABLET);
}

static void set_up(struct world *w)
{
    world_found(w, 20261125);
    admit(w, 'a', WARD_ROLE_CELL, 20261125);
    write_much(w);
}

static const struct ward_space *space_of(struct world *w, size_t who)
{
    return ward_directory_space(&w->d[who].r->dir, its_sid(w, who));
}

/* A round of a device that takes states. */
static void round_by_state(struct world *w, size_t giver, size_t taker)
{
    struct line l;
    line_open(&l, w, giver, taker);
    l.b.talk.hooks.states = true;
    pump(&l, SIZE_MAX);
    assert_live(&l);
    line_close(&l);
}

static void assert_wall_times(struct world *w, size_t who)
{
    ward_record *here, *there;
    for (char item = 'A'; item < 'D'; item++) {
        struct ward_id id = unit_id(item);
        OK(w, ward_get(w->d[OFFICE].r, KIND_ITEM, &id, true, &here, &w->err));
        OK(w, ward_get(w->d[who].r, KIND_ITEM, &id, true, &there, &w->err));
        for (size_t i = 0; i < ward_record_live_count(here, TITLE); i++) {
            struct ward_live a, b;
            OK(w, ward_record_live(here, TITLE, i, &a, &w->err));
            OK(w, ward_record_live(there, TITLE, i, &b, &w->err));
            assert_int_equal(a.wall_ms, b.wall_ms);
            assert_memory_equal(a.grant.b, b.grant.b, 32);
        }
        ward_record_free(here);
        ward_record_free(there);
    }
}

static void a_newcomer_takes_the_state(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, TABLET);
    round_by_state(&w, OFFICE, LATER);
    assert_true(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    assert_false(ward_space_has_base(w.d[LATER].r, ward_directory_space(&w.d[LATER].r->dir, 1)));
    assert_converged(&w);
    assert_sound(&w);
    assert_wall_times(&w, LATER);
    /* It writes on, resolves, and is understood; and so are others here. */
    put(&w, LATER, 'K', TITLE, "ba");
    put_value(&w, LATER, 'A', TAGS, "gấp", ward_value_bool(false));
    put_value(&w, TABLET, 'A', TAGS, "mới", ward_value_bool(true));
    put_value(&w, TABLET, 'B', COUNTED, NULL, ward_value_int(77));
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, OFFICE, LATER);
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, TABLET, LATER);
    assert_converged(&w);
    assert_sound(&w);
    /* And opened again. */
    ward_close(w.d[LATER].r);
    OK(&w, ward_open(&w.d[LATER].r, w.d[LATER].home, &w.d[LATER].options, &w.err));
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

static uint64_t logged(struct world *w, size_t who)
{
    uint64_t n = 0;
    const struct ward_space *s = space_of(w, who);
    for (size_t i = 0; i < s->feed_count; i++)
        n += ward_feed_logged(ward_directory_feed(&w->d[who].r->dir, s->feeds[i]));
    return n;
}

/* A state is somebody's word: where it saves little the history goes, which proves itself. */
static void a_state_that_saves_little_is_not_given(void **state)
{
    struct world w;
    char text[40];
    (void)state;
    world_found(&w, 6);
    admit(&w, 'a', WARD_ROLE_CELL, 6);
    for (size_t i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "việc số %zu", i * 7919 % 1000);
        put(&w, TABLET, (char)('!' + i), TITLE, text);
    }
    whole_round(&w, OFFICE, TABLET);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 6);
    whole_round(&w, OFFICE, TABLET);
    round_by_state(&w, OFFICE, LATER);
    assert_false(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    assert_int_equal(logged(&w, LATER), 100);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

static void settle_all(struct world *w, size_t who)
{
    struct ward_apply a;
    struct ward_base_head heads[8];
    size_t n = 0;
    const struct ward_space *s = space_of(w, who);
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&w->d[who].r->dir, s->feeds[i]);
        heads[n++] = (struct ward_base_head){f->fid, f->head_seq};
    }
    OK(w, ward_apply_begin(&a, w->d[who].r, &w->err));
    OK(w, ward_base_settle(&a, its_sid(w, who), heads, n, &w->err));
    OK(w, ward_apply_end(&a, WARD_OK, &w->err));
}

/* What is settled leaves the log; all goes on as if it were there. */
static void settled_history_goes(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    assert_true(logged(&w, OFFICE) > 80);
    settle_all(&w, OFFICE);
    assert_int_equal(logged(&w, OFFICE), 0);
    assert_converged(&w);
    assert_sound(&w);
    put(&w, OFFICE, 'K', TITLE, "ba");
    put(&w, TABLET, 'G', TITLE, "bốn");
    whole_round(&w, OFFICE, TABLET);
    assert_int_equal(logged(&w, OFFICE), 2);
    assert_converged(&w);
    assert_sound(&w);
    settle_all(&w, OFFICE);
    assert_int_equal(logged(&w, OFFICE), 0);
    settle_all(&w, TABLET);
    assert_converged(&w);
    assert_sound(&w);
    /* A newcomer gets it, whether it asks for states or not. */
    admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, OFFICE, LATER);
    assert_converged(&w);
    assert_sound(&w);
    assert_wall_times(&w, LATER);
    world_close(&w);
}

/* A device that was away sends its own work, takes the state, and loses nothing. */
static void a_device_below_loses_nothing(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    admit(&w, 'a', WARD_ROLE_CELL, 20261125);
    put(&w, LATER, 'Z', TITLE, "đã thấy tất cả"); /* with this it names all it has seen */
    whole_round(&w, OFFICE, LATER);
    for (size_t i = 0; i < 10; i++)
        put(&w, TABLET, (char)('G' + i), NOTE, "trong lúc vắng mặt");
    put(&w, TABLET, 'H', TITLE, "một đằng");
    whole_round(&w, OFFICE, TABLET);
    settle_all(&w, OFFICE);
    put(&w, LATER, 'H', TITLE, "một nẻo");
    put(&w, LATER, 'I', TITLE, "viết khi vắng mạng");
    whole_round(&w, OFFICE, LATER);
    assert_true(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    whole_round(&w, OFFICE, TABLET);
    assert_converged(&w);
    assert_sound(&w);
    struct ward_id id = unit_id('H');
    ward_record *rec;
    OK(&w, ward_get(w.d[TABLET].r, KIND_ITEM, &id, true, &rec, &w.err));
    assert_int_equal(ward_record_live_count(rec, TITLE), 2);
    ward_record_free(rec);
    world_close(&w);
}

/* Settled up to a moment that is past: what came since stays in the log. */
static void settled_in_the_middle(void **state)
{
    struct world w;
    struct ward_apply a;
    struct ward_base_head heads[8];
    size_t n = 0;
    char text[40];
    (void)state;
    world_found(&w, 5);
    admit(&w, 'a', WARD_ROLE_CELL, 5);
    for (size_t i = 0; i < 30; i++)
        put(&w, i % 2, (char)('A' + i % 14), TITLE, (snprintf(text, sizeof text, "trước %zu", i), text));
    whole_round(&w, OFFICE, TABLET);
    const struct ward_space *s = space_of(&w, OFFICE);
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct ward_feed *f = ward_directory_feed(&w.d[OFFICE].r->dir, s->feeds[i]);
        heads[n++] = (struct ward_base_head){f->fid, f->head_seq};
    }
    for (size_t i = 0; i < 30; i++)
        put(&w, i % 2, (char)('A' + i % 10), TITLE, (snprintf(text, sizeof text, "sau %zu", i), text));
    whole_round(&w, OFFICE, TABLET);
    OK(&w, ward_apply_begin(&a, w.d[OFFICE].r, &w.err));
    OK(&w, ward_base_settle(&a, its_sid(&w, OFFICE), heads, n, &w.err));
    OK(&w, ward_apply_end(&a, WARD_OK, &w.err));
    assert_int_equal(logged(&w, OFFICE), 30);
    assert_converged(&w);
    assert_sound(&w);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 5);
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, OFFICE, LATER);
    assert_int_equal(logged(&w, LATER), 30);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* On a stick too. */
static void a_bundle_brings_the_state(void **state)
{
    struct world w;
    struct ward_bundle_info info = {0};
    (void)state;
    set_up(&w);
    settle_all(&w, OFFICE);
    put(&w, OFFICE, 'K', TITLE, "sau khi chốt");
    give(&w, OFFICE, TABLET); /* who holds its history keeps it */
    assert_true(logged(&w, TABLET) > 80);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    OK(&w, give_bundle(&w, OFFICE, LATER, false, &info));
    assert_int_equal(info.refused, 0);
    assert_int_equal(info.states, 1);
    give(&w, OFFICE, TABLET);
    assert_converged(&w);
    assert_sound(&w);
    put(&w, LATER, 'K', TITLE, "của máy mới");
    meet_all(&w);
    assert_converged(&w);
    assert_sound(&w);
    give(&w, TABLET, LATER); /* the history comes on a stick as well, and proves the state */
    assert_false(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

static void fetch_history(struct world *w, size_t giver, size_t taker)
{
    struct line l;
    line_open(&l, w, giver, taker);
    l.b.talk.hooks.history = true;
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.b.talk.histories, 1);
    line_close(&l);
}

/* It comes in the log's own order, and then all is as if it had been there from the first. */
static void the_history_is_fetched_after_all(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, TABLET);
    round_by_state(&w, OFFICE, LATER);
    put(&w, LATER, 'K', TITLE, "ba");
    put(&w, TABLET, 'L', TITLE, "bốn");
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, OFFICE, LATER);
    whole_round(&w, OFFICE, TABLET);
    assert_true(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    fetch_history(&w, TABLET, LATER); /* a cell gives it as well as a hub: it proves itself */
    assert_false(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    assert_int_equal(logged(&w, LATER), logged(&w, OFFICE));
    assert_converged(&w);
    assert_sound(&w);
    size_t after = admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, LATER);
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, LATER, after); /* and it gives it on */
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* What rests on it has come first: it is put in causal order, for the state and for whoever gets it from here. */
static void the_history_comes_piece_by_piece(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    for (char item = 'U'; item < 'Y'; item++) { /* each takes the other's place */
        put(&w, OFFICE, item, TITLE, "một");
        whole_round(&w, OFFICE, TABLET);
        put(&w, TABLET, item, TITLE, "hai");
        put(&w, TABLET, (char)(item + 1), NOTE, "ba");
        whole_round(&w, OFFICE, TABLET);
        put(&w, OFFICE, (char)(item + 1), NOTE, "bốn");
        whole_round(&w, OFFICE, TABLET);
    }
    admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, TABLET);
    round_by_state(&w, OFFICE, LATER);
    put(&w, LATER, 'U', TITLE, "năm");
    whole_round(&w, OFFICE, LATER);
    whole_round(&w, OFFICE, TABLET);
    OK(&w, carry_runs(&w, OFFICE, LATER, &(const size_t){TABLET}));
    assert_true(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    OK(&w, carry_runs(&w, OFFICE, LATER, &(const size_t){OFFICE}));
    assert_false(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    assert_converged(&w);
    assert_sound(&w);
    size_t after = admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, LATER);
    whole_round(&w, OFFICE, TABLET);
    give(&w, LATER, after); /* nothing of it is refused there */
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* A cut that lies below the base: nothing can be taken out of it, until the history tells what was there before. */
static void a_cut_below_the_base_waits_for_the_history(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, TABLET);
    round_by_state(&w, OFFICE, LATER);
    OK(&w, ward_revoke_after(w.d[OFFICE].r, &w.d[TABLET].grant, 20, "mất máy", &w.err));
    whole_round(&w, OFFICE, LATER);
    assert_true(ward_space_wants_history(w.d[LATER].r, space_of(&w, LATER)));
    assert_sound(&w);
    whole_round(&w, OFFICE, LATER); /* it asks by itself */
    assert_false(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    struct ward_hash a, b, space = its_space(&w, OFFICE);
    OK(&w, ward_state_digest(w.d[OFFICE].r, &space, &a, &w.err));
    OK(&w, ward_state_digest(w.d[LATER].r, &space, &b, &w.err));
    assert_memory_equal(a.b, b.b, 32);
    assert_sound(&w);
    world_close(&w);
}

/* Frame by frame, of that space alone; it is refused, and nothing of it is kept. */
static void refuses_the_state_of(struct world *w, size_t giver, size_t taker)
{
    struct ward_giving *g;
    struct ward_taking t = {.on = false};
    struct ward_apply a;
    struct ward_buf frame;
    struct ward_message m;
    struct ward_store_part part;
    const struct ward_hash space = its_space(w, taker);
    struct ward_hash before, after;
    bool adopted = false;
    OK(w, ward_state_digest(w->d[taker].r, &space, &before, &w->err));
    ward_buf_init(&frame, &w->d[giver].outside.env);
    OK(w, ward_giving_begin(&g, w->d[giver].r, its_sid(w, giver), &w->err));
    OK(w, ward_apply_begin(&a, w->d[taker].r, &w->err));
    assert_true(ward_giving_next(g, w->d[giver].r, &frame));
    OK(w, ward_frame_parse(&m, frame.p, frame.len, &w->err));
    assert_int_equal(ward_base_take(&t, &a, &m, &adopted, &w->err), WARD_ERR_HISTORY);
    assert_int_equal(ward_store_get_base(w->d[taker].r->store, &space, true, 0, &part, &w->err), WARD_ERR_NOT_FOUND);
    while (ward_giving_next(g, w->d[giver].r, &frame)) {
        OK(w, ward_frame_parse(&m, frame.p, frame.len, &w->err));
        assert_int_equal(ward_base_take(&t, &a, &m, &adopted, &w->err), WARD_ERR_GAP);
    }
    OK(w, ward_apply_end(&a, WARD_OK, &w->err));
    ward_giving_end(&g, w->d[giver].r);
    ward_buf_free(&frame);
    OK(w, ward_state_digest(w->d[taker].r, &space, &after, &w->err));
    assert_memory_equal(before.b, after.b, sizeof before.b);
    assert_sound(w);
}

/* Its maker has cut a feed from its first change on, so that nothing of it is in his state. Here its changes stand in a base, without their
 * history: they would be gone. */
static void a_state_does_not_take_the_place_of_a_base_that_holds_more(void **state)
{
    struct world w;
    struct ward_hash a, b;
    (void)state;
    set_up(&w);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, TABLET);
    round_by_state(&w, OFFICE, LATER);
    OK(&w, ward_revoke_after(w.d[OFFICE].r, &w.d[TABLET].grant, 0, "mất máy", &w.err));
    put(&w, OFFICE, 'K', TITLE, "sau đó");
    refuses_the_state_of(&w, OFFICE, LATER);
    whole_round(&w, OFFICE, LATER); /* who hears of the cut fetches the history */
    whole_round(&w, OFFICE, LATER);
    assert_false(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    const struct ward_hash space = its_space(&w, LATER);
    OK(&w, ward_state_digest(w.d[OFFICE].r, &space, &a, &w.err));
    OK(&w, ward_state_digest(w.d[LATER].r, &space, &b, &w.err));
    assert_memory_equal(a.b, b.b, sizeof a.b);
    assert_sound(&w);
    world_close(&w);
}

/* Nor of one that holds what its maker has never heard of. */
static void a_state_that_lacks_a_feed_of_the_base_is_refused(void **state)
{
    struct world w;
    enum { OTHER = 2, NEW = 3 };
    (void)state;
    world_found(&w, 8);
    admit(&w, 'a', WARD_ROLE_CELL, 8);
    admit(&w, 'o', WARD_ROLE_OPERATOR, 8); /* before anything is written there */
    write_much(&w);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 8);
    whole_round(&w, OFFICE, TABLET);
    round_by_state(&w, OFFICE, NEW);
    assert_true(ward_space_has_base(w.d[NEW].r, space_of(&w, NEW)));
    put(&w, OTHER, 'K', TITLE, "không thấy ai");
    refuses_the_state_of(&w, OTHER, NEW);
    whole_round(&w, OTHER, OFFICE);
    whole_round(&w, OFFICE, NEW);
    whole_round(&w, OFFICE, TABLET);
    assert_converged(&w);
    world_close(&w);
}

/* The last device is a copy of the tablet, as it is now. */
static void copy_tablet(struct world *w)
{
    struct device *tablet = &w->d[TABLET], *d = &w->d[w->count];
    device_init(w, w->count++, 77);
    ward_close(tablet->r);
    copy_home(tablet->home, d->home);
    OK(w, ward_open(&tablet->r, tablet->home, &tablet->options, &w->err));
    OK(w, ward_open(&d->r, d->home, &d->options, &w->err));
    d->grant = tablet->grant;
    d->unit = tablet->unit;
    d->role = tablet->role;
}

/* A device that was put back to an earlier day wrote before it met anyone, at numbers that the base takes in with something else. */
static void a_restored_device_below_loses_nothing(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    copy_tablet(&w);
    for (size_t i = 0; i < 3; i++)
        put(&w, TABLET, (char)('G' + i), NOTE, "trước khi khôi phục");
    whole_round(&w, OFFICE, TABLET);
    settle_all(&w, OFFICE);
    put(&w, LATER, 'M', NOTE, "viết sau khi khôi phục");
    put(&w, LATER, 'G', NOTE, "và việc này");
    whole_round(&w, OFFICE, LATER);
    whole_round(&w, OFFICE, LATER);
    assert_true(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    whole_round(&w, OFFICE, TABLET);
    assert_converged(&w);
    assert_sound(&w);
    struct ward_id m = unit_id('M'), g = unit_id('G');
    ward_record *rec;
    OK(&w, ward_get(w.d[OFFICE].r, KIND_ITEM, &m, true, &rec, &w.err));
    assert_int_equal(ward_record_live_count(rec, NOTE), 1);
    ward_record_free(rec);
    OK(&w, ward_get(w.d[OFFICE].r, KIND_ITEM, &g, true, &rec, &w.err));
    assert_int_equal(ward_record_live_count(rec, NOTE), 2);
    ward_record_free(rec);
    world_close(&w);
}

/* Who was away names in its deps what lies below the base of who began later: that one then fetches the history, by itself. */
static void a_change_that_rests_below_the_base_brings_the_history(void **state)
{
    struct world w;
    enum { AWAY = 2, NEW = 3 };
    (void)state;
    set_up(&w);
    admit(&w, 'a', WARD_ROLE_CELL, 20261125);
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, OFFICE, AWAY);
    for (size_t i = 0; i < 10; i++)
        put(&w, TABLET, (char)('G' + i), NOTE, "trong lúc vắng mặt");
    whole_round(&w, OFFICE, TABLET);
    admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125);
    round_by_state(&w, OFFICE, NEW);
    assert_true(ward_space_has_base(w.d[NEW].r, space_of(&w, NEW)));
    put(&w, AWAY, 'H', TITLE, "viết khi vắng mạng");
    whole_round(&w, OFFICE, AWAY);
    whole_round(&w, OFFICE, NEW);
    assert_false(ward_space_has_base(w.d[NEW].r, space_of(&w, NEW)));
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, OFFICE, AWAY);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* One run that holds what lies below the base and then leaves the feed: its seal is over that, too. */
static void a_branch_is_not_the_history_below_the_base(void **state)
{
    struct world w;
    struct ward_hash id, hash;
    uint64_t depth;
    (void)state;
    world_found(&w, 9);
    admit(&w, 'a', WARD_ROLE_CELL, 9);
    admit(&w, 'a', WARD_ROLE_CELL, 9);
    for (size_t i = 0; i < 3; i++)
        put(&w, TABLET, (char)('A' + i), TITLE, "một");
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, OFFICE, LATER);
    settle_all(&w, LATER);
    copy_tablet(&w);
    const size_t copy = w.count - 1;
    put(&w, TABLET, 'D', TITLE, "hai");
    whole_round(&w, OFFICE, TABLET);
    whole_round(&w, OFFICE, LATER);
    put(&w, copy, 'E', TITLE, "ba");
    OK(&w, carry_runs(&w, copy, LATER, &(const size_t){TABLET}));
    OK(&w, carry_runs(&w, copy, OFFICE, &(const size_t){TABLET}));
    const struct ward_directory *d = &w.d[LATER].r->dir;
    const struct ward_feed *f = ward_directory_feed_of(d, space_of(&w, LATER), &w.d[TABLET].grant, &id);
    assert_int_equal(f->base, 3);
    assert_int_equal(f->head_seq, 4);
    OK(&w, ward_chain_at(w.d[LATER].r, f->fid, 4, &hash, &depth, &w.err));
    assert_memory_equal(hash.b, f->head_hash.b, sizeof hash.b);
    OK(&w, carry_runs(&w, TABLET, LATER, &(const size_t){TABLET}));
    assert_false(ward_space_has_base(w.d[LATER].r, space_of(&w, LATER)));
    assert_int_equal(logged(&w, LATER), logged(&w, OFFICE));
    meet_all(&w);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

static int count_change(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count)
{
    (void)change, (void)ops, (void)op_count;
    ++*(uint64_t *)ctx;
    return 0;
}

/* Who had let the hub in is cut before he did: what it makes nobody takes (402), so it gives the history. */
static void who_was_never_let_in_gives_no_state(void **state)
{
    struct world w;
    uint64_t before = 0;
    (void)state;
    world_found(&w, 20261126);
    const struct ward_history_query by_office = {.grant = &w.d[OFFICE].grant};
    const size_t cell = admit(&w, 'a', WARD_ROLE_CELL, 1), other = admit(&w, 'o', WARD_ROLE_OPERATOR, 2);
    OK(&w, ward_history_find(w.d[OFFICE].r, &by_office, count_change, &before, &w.err));
    const size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 3);
    put(&w, cell, 'A', TITLE, "một");
    give(&w, OFFICE, cell);
    give(&w, cell, hub);
    give(&w, OFFICE, other);
    assert_true(ward_base_may_give(w.d[hub].r, space_of(&w, hub)));
    OK(&w, ward_revoke_after(w.d[other].r, &w.d[OFFICE].grant, before, "mất máy", &w.err));
    give(&w, other, hub);
    assert_false(ward_base_may_give(w.d[hub].r, space_of(&w, hub)));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newcomer_takes_the_state),
        cmocka_unit_test(who_was_never_let_in_gives_no_state),
        cmocka_unit_test(a_state_that_saves_little_is_not_given),
        cmocka_unit_test(settled_history_goes),
        cmocka_unit_test(a_device_below_loses_nothing),
        cmocka_unit_test(a_state_does_not_take_the_place_of_a_base_that_holds_more),
        cmocka_unit_test(a_state_that_lacks_a_feed_of_the_base_is_refused),
        cmocka_unit_test(a_restored_device_below_loses_nothing),
        cmocka_unit_test(settled_in_the_middle),
        cmocka_unit_test(a_bundle_brings_the_state),
        cmocka_unit_test(the_history_is_fetched_after_all),
        cmocka_unit_test(the_history_comes_piece_by_piece),
        cmocka_unit_test(a_branch_is_not_the_history_below_the_base),
        cmocka_unit_test(a_cut_below_the_base_waits_for_the_history),
        cmocka_unit_test(a_change_that_rests_below_the_base_brings_the_history),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
