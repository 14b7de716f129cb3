/* A hub that no longer holds what it had sealed is noticed, and refilled by whoever holds it. proto/receipt.md, A hub that no longer holds
 * what it sealed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "receipts.h"
#include "shell/store.h"

static void close_device(struct world *w, size_t i)
{
    ward_close(w->d[i].r);
    w->d[i].r = NULL;
}

static void open_device(struct world *w, size_t i)
{
    OK(w, ward_open(&w->d[i].r, w->d[i].home, &w->d[i].options, &w->err));
}

static int note_notice(void *ctx, const struct ward_hub_notice *n)
{
    *(struct ward_hub_notice *)ctx = *n;
    return 0;
}

static void a_restored_hub_is_noticed_and_refilled(void **state)
{
    struct world w;
    struct line l;
    struct ward_hub_notice notice = {.seq = 0};
    char copy[400];
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, OTHER, "b", 1);
    round_of(&w, CELL, HUB);
    round_of(&w, OTHER, HUB);
    close_device(&w, HUB);
    snprintf(copy, sizeof copy, "%s/old", w.dir);
    copy_home(w.d[HUB].home, copy);
    open_device(&w, HUB);
    write_note(&w, CELL, "a", 2);
    write_note(&w, CELL, "a", 3);
    write_note(&w, CELL, "ab", 4); /* a space that the old copy has never heard of */
    assert_int_equal(round_of(&w, CELL, HUB).covered, 3);
    close_device(&w, HUB);
    remove_tree(w.d[HUB].home);
    copy_home(copy, w.d[HUB].home);
    open_device(&w, HUB);

    line_open(&l, &w, CELL, HUB); /* broken off as soon as the heads are known */
    until_heads_are_known(&l);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 3);
    OK(&w, ward_hub_notices(w.d[CELL].r, note_notice, &notice, &w.err));
    assert_memory_equal(notice.grant.b, w.d[HUB].grant.b, 32);
    assert_false(notice.rewritten);
    assert_true(notice.held < notice.seq);

    struct heard heard = round_of(&w, CELL, HUB); /* sent again by itself; a new receipt ends the notice */
    assert_int_equal(heard.lost, 1);
    assert_int_equal(heard.lost_changes, 3);
    assert_true(heard.receipt > 0);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    assert_int_equal(status_of(&w, CELL).receipted, 4);
    assert_int_equal(round_of(&w, OTHER, HUB).lost, 0); /* of the other nothing was lost */
    assert_int_equal(round_of(&w, CELL, HUB).lost, 0);
    world_close(&w);
}

/* A hub with the state alone asks for the history, and all goes out to it again: it holds what it had sealed. */
static void a_hub_that_asks_for_history_has_lost_nothing(void **state)
{
    struct world w;
    struct line l;
    struct ward_apply apply;
    (void)state;
    set_up(&w);
    for (int64_t i = 1; i <= 5; i++)
        write_note(&w, CELL, "a", i);
    round_of(&w, CELL, HUB);
    ward_replica *hub = w.d[HUB].r;
    const struct ward_hash id = feed_of_cell(&w);
    const struct ward_feed *f = ward_directory_feed_by_id(&hub->dir, &id);
    const struct ward_base_head head = {f->fid, f->head_seq};
    OK(&w, ward_apply_begin(&apply, hub, &w.err));
    OK(&w, ward_base_settle(&apply, f->sid, &head, 1, &w.err));
    OK(&w, ward_apply_end(&apply, WARD_OK, &w.err));
    write_note(&w, CELL, "a", 6); /* so that heads are told, and before them what is wanted */
    line_open(&l, &w, CELL, HUB);
    l.b.talk.hooks.history = true;
    pump(&l);
    assert_int_equal(l.b.talk.histories, 1);
    assert_int_equal(l.a.heard.lost, 0);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    world_close(&w);
}

/* Refilled by others before the cell came: what it had noticed ends with the receipt that it asks for. */
static void refilled_by_another(void **state)
{
    struct world w;
    struct line l;
    char copy[400];
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "ab", 1);
    round_of(&w, CELL, HUB);
    close_device(&w, HUB);
    snprintf(copy, sizeof copy, "%s/old", w.dir);
    copy_home(w.d[HUB].home, copy);
    open_device(&w, HUB);
    write_note(&w, CELL, "ab", 2);
    round_of(&w, CELL, HUB);
    round_of(&w, OTHER, HUB);
    close_device(&w, HUB);
    remove_tree(w.d[HUB].home);
    copy_home(copy, w.d[HUB].home);
    open_device(&w, HUB);
    line_open(&l, &w, CELL, HUB);
    until_heads_are_known(&l);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 1);
    round_of(&w, OTHER, HUB);
    struct heard heard = round_of(&w, CELL, HUB);
    assert_int_equal(heard.lost, 0);
    assert_int_equal(heard.receipt, 1);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    world_close(&w);
}

/* Two processes of one device: what the hub has sealed to one while the other waited for its heads, these need not cover. */
static void what_another_process_was_given_meanwhile_is_not_lost(void **state)
{
    struct world w;
    struct line l, other;
    ward_replica *second;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    round_of(&w, CELL, HUB);
    line_open(&l, &w, CELL, HUB); /* hello is on its way */
    write_note(&w, CELL, "a", 2);
    ward_replica *first = w.d[CELL].r;
    OK(&w, ward_open(&second, w.d[CELL].home, &w.d[CELL].options, &w.err));
    w.d[CELL].r = second;
    line_open(&other, &w, CELL, HUB);
    pump(&other);
    assert_int_equal(other.a.heard.covered, 1);
    line_close(&other);
    w.d[CELL].r = first;
    pump(&l); /* the heads are of before */
    assert_int_equal(l.a.heard.lost, 0);
    assert_int_equal(l.a.talk.hub_lost, 0);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    assert_int_equal(status_of(&w, CELL).receipted, 2);
    ward_close(second);
    world_close(&w);
}

/* Nor where it was written before hello: it was sealed to the other process when the heads that the one waits for were on their way. */
static void what_was_said_before_another_was_given_it_is_not_lost(void **state)
{
    struct world w;
    struct line l, other;
    ward_replica *first, *second;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    round_of(&w, CELL, HUB);
    write_note(&w, CELL, "a", 2);
    first = w.d[CELL].r;
    line_open(&l, &w, CELL, HUB);
    while (l.a.talk.s.state == WARD_S_GREETING || l.b.head < l.b.tail) /* the heads that the hub shows are on their way */
        deliver(&l, l.b.head < l.b.tail ? &l.b : &l.a);
    assert_false(l.a.talk.s.streaming);
    OK(&w, ward_open(&second, w.d[CELL].home, &w.d[CELL].options, &w.err));
    w.d[CELL].r = second;
    line_open(&other, &w, CELL, HUB);
    pump(&other);
    assert_int_equal(other.a.heard.covered, 1);
    line_close(&other);
    w.d[CELL].r = first;
    pump(&l);
    assert_int_equal(l.a.heard.lost, 0);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    assert_int_equal(status_of(&w, CELL).receipted, 2);
    assert_int_equal(round_of(&w, CELL, HUB).lost, 0);
    ward_close(second);
    world_close(&w);
}

static void remember(struct line *l)
{
    OK(l->w, ward_talk_remember(&l->a.talk, NULL, &l->w->err));
    OK(l->w, ward_talk_remember(&l->b.talk, NULL, &l->w->err));
}

/* The link broke between the receipt and the end of the session, so that neither side remembers what the other had got: at their next
 * meeting they begin from what they remember, which is less than was sealed. */
static void what_lies_beyond_the_base_is_not_lost(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    remember(&l);
    line_close(&l);
    write_note(&w, CELL, "a", 2);
    assert_int_equal(round_of(&w, CELL, HUB).covered, 1);
    write_note(&w, CELL, "a", 3);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    assert_true(l.a.talk.from_base && l.a.talk.beyond_base);
    assert_int_equal(l.a.heard.lost, 0);
    assert_int_equal(l.a.talk.hub_lost, 0);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_lost, 0);
    assert_int_equal(status_of(&w, CELL).receipted, 3);
    world_close(&w);
}

/* What was read before another process got a newer receipt does not replace it. */
static void the_newer_row_stays(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    struct ward_store *s = w.d[CELL].r->store;
    struct ward_store_receipted newer = {.grant = w.d[HUB].grant, .fid = 1, .seq = 2, .number = 7, .held = WARD_HELD_ALL}, older = newer;
    struct ward_status status;
    older.seq = 1;
    older.held = 1;
    older.number = 6;
    OK(&w, ward_store_begin(s, &w.err));
    OK(&w, ward_store_put_receipted(s, &newer, &w.err));
    OK(&w, ward_store_put_receipted(s, &older, &w.err));
    OK(&w, ward_store_commit(s, &w.err));
    status = status_of(&w, CELL);
    assert_int_equal(status.hub_lost, 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_hub_is_noticed_and_refilled),
        cmocka_unit_test(a_hub_that_asks_for_history_has_lost_nothing),
        cmocka_unit_test(refilled_by_another),
        cmocka_unit_test(what_another_process_was_given_meanwhile_is_not_lost),
        cmocka_unit_test(what_was_said_before_another_was_given_it_is_not_lost),
        cmocka_unit_test(what_lies_beyond_the_base_is_not_lost),
        cmocka_unit_test(the_newer_row_stays),
    };
    return cmocka_run_group_tests_name("hub_restored", tests, NULL, NULL);
}
