/* Receipts between a hub and a cell: given for what is durable and nothing else, kept where they fit, refused where they do not; those of a
 * hub that lies; how many are kept. proto/receipt.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "receipts.h"
#include "shell/store.h"

#include <sqlite3.h>

/* Receipts between a hub and a cell over a transport made of memory: given for what is durable and nothing else, kept where they fit,
 * refused where they do not; and a hub that no longer holds what it had sealed is noticed. proto/receipt.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "replica/base.h"
#include "replica/receipt.h"
#include "replicas.h"
#include "shell/store.h"
#include "values/receipt.h"

#include <sqlite3.h>

static void what_is_taken_in_is_sealed(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "ab", 2);
    write_note(&w, CELL, "ab", 3);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    assert_int_equal(l.b.asks, 0);     /* its own runs ask by themselves */
    assert_int_equal(l.a.receipts, 1); /* one for one commit, of both feeds */
    assert_int_equal(l.a.within, 1);
    assert_int_equal(l.a.heard.covered, 3);
    assert_int_equal(l.a.talk.receipted, 3);
    assert_int_equal(status_of(&w, CELL).receipted, 3);

    write_note(&w, CELL, "a", 4); /* live */
    OK(&w, ward_talk_news(&l.a.talk, &w.err));
    pump(&l);
    assert_int_equal(l.a.within, 2);
    assert_int_equal(l.a.heard.covered, 4);
    line_close(&l);
    assert_int_equal(receipts_of(&w, CELL), 2);

    line_open(&l, &w, CELL, HUB); /* nothing new: nothing is asked for */
    pump(&l);
    assert_int_equal(l.b.asks, 0);
    assert_int_equal(l.a.receipts, 0);
    line_close(&l);
    assert_int_equal(receipts_of(&w, HUB), 0);
    world_close(&w);
}

/* S14 for receipts: while a batch is open nothing of it is sealed, whenever the peer asks. */
static void only_what_is_durable_is_sealed(void **state)
{
    struct world w;
    struct line l;
    struct ward_message m;
    struct ward_receipt_entry e;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    round_of(&w, CELL, HUB);
    write_note(&w, CELL, "a", 2);
    line_open(&l, &w, CELL, HUB);
    deliver_all(&l); /* the run is with the hub, and not committed */
    assert_true(l.b.batch.open);
    assert_int_equal(l.a.receipts, 0);
    OK(&w, ward_receipts_note_ask(&l.b.talk, &w.err));
    assert_int_equal(l.a.tail - l.a.head, 1);
    OK(&w, ward_frame_parse(&m, l.a.queue[l.a.head], l.a.lengths[l.a.head], &w.err));
    assert_int_equal(m.type, WARD_MSG_RECEIPT);
    ward_frame_next_receipt(&m, &e);
    assert_int_equal(e.seq, 1);
    bool within;
    OK(&w, ward_receipts_give(&l.b.talk, &within, &w.err)); /* asked out of turn: still not */
    assert_false(within);
    assert_int_equal(l.a.tail - l.a.head, 1);
    pump(&l);
    assert_int_equal(l.a.within, 0); /* it is not known to be for one acknowledgement any more: alone */
    assert_int_equal(l.a.heard.covered, 1);
    assert_int_equal(status_of(&w, CELL).receipted, 2);
    line_close(&l);
    world_close(&w);
}

/* What the acknowledgement says counts, and its receipt where it holds. */
static void what_is_signed_is_derived(void **state)
{
    struct world w;
    (void)state;
    for (int wrong = 0; wrong < 3; wrong++) {
        struct line l;
        set_up(&w);
        write_note(&w, CELL, "a", 1);
        round_of(&w, CELL, HUB);
        write_note(&w, CELL, "a", 2);
        line_open(&l, &w, CELL, HUB);
        deliver_all(&l);
        settle(&l);
        uint8_t *p = l.a.queue[l.a.tail - 1];
        size_t len = l.a.lengths[l.a.tail - 1];
        assert_int_equal(p[2], WARD_MSG_TAKEN);
        assert_true(len <= 75);
        if (wrong == 1) /* another signature */
            p[len - 1] ^= 1;
        if (wrong == 2) /* another change than the one that was signed for: it is not the run that is in flight */
            l.a.talk.flight[0].last = 1;
        pump(&l);
        assert_int_equal(l.a.talk.s.acked, 1);
        assert_int_equal(l.a.heard.covered, wrong ? 0 : 1);
        assert_int_equal(l.a.heard.last_refusal, wrong ? WARD_ERR_RECEIPT_SEAL : 0);
        assert_int_equal(status_of(&w, CELL).receipted, wrong ? 1 : 2);
        line_close(&l);
        world_close(&w);
    }
}

/* Nobody has sent what it would be for. */
static void within_needs_a_run(void **state)
{
    static const uint8_t sig[64] = {1};
    struct world w;
    struct line l;
    struct ward_buf frame;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    ward_buf_init(&frame, &w.d[CELL].outside.env);
    ward_frame_taken(&frame, 1, 5, sig); /* acknowledged before */
    OK(&w, ward_talk_frame(&l.a.talk, frame.p, frame.len, &w.err));
    assert_int_equal(l.a.heard.last_refusal, WARD_ERR_RECEIPT_AHEAD);
    assert_int_equal(l.a.talk.s.state, WARD_S_LIVE);
    ward_buf_free(&frame);
    line_close(&l);
    world_close(&w);
}

/* A run that was refused is acknowledged by itself: the receipt names what it is for. */
static void beside_a_refusal_it_goes_alone(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "ab", 2);
    line_open(&l, &w, CELL, HUB);
    deliver_all(&l);
    l.b.talk.refused_count = 1;
    l.b.talk.refused[0][0] = 2;
    l.b.talk.refused[0][1] = WARD_ERR_SPACE;
    pump(&l);
    assert_int_equal(l.a.receipts, 1);
    assert_int_equal(l.a.within, 0);
    assert_int_equal(l.a.heard.covered, 2);
    line_close(&l);
    world_close(&w);
}

/* A receipt that was lost on its way, and what reached the hub by way of others: the next meeting brings one for all of it. */
static void what_is_held_already_is_sealed_when_asked(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    give(&w, CELL, HUB); /* by a stick */
    give(&w, HUB, CELL);
    struct heard heard = round_of(&w, CELL, HUB);
    assert_int_equal(heard.covered, 1);
    assert_int_equal(status_of(&w, CELL).receipted, 1);
    heard = round_of(&w, CELL, HUB);
    assert_int_equal(heard.receipt, 0);
    world_close(&w);
}

static void cells_seal_nothing_and_who_is_called_keeps_nothing(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "ab", 1);
    write_note(&w, OTHER, "ab", 1);
    line_open(&l, &w, CELL, OTHER);
    pump(&l);
    assert_int_equal(l.b.asks, 0);
    OK(&w, ward_receipts_note_ask(&l.b.talk, &w.err)); /* had it asked all the same */
    assert_true(idle(&l));
    line_close(&l);
    write_note(&w, OFFICE, "a", 2);
    line_open(&l, &w, HUB, OFFICE); /* the hub calls an operator's device that writes too */
    pump(&l);
    assert_int_equal(receipts_of(&w, OFFICE), 0);
    line_close(&l);
    world_close(&w);
}

/* ---------------------------------------------------------------- a hub that lies */

static void wrong_ones_are_refused_and_change_nothing(void **state)
{
    struct world w;
    struct heard heard;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "a", 2);
    round_of(&w, CELL, HUB);
    round_of(&w, CELL, OFFICE);
    write_note(&w, CELL, "a", 3);
    struct ward_hash right = hash_at(&w, CELL, 2), wrong = right;
    wrong.b[31] ^= 1;
    size_t before = receipts_of(&w, CELL);
    assert_int_equal(before, 2);
    assert_int_equal(show(&w, OFFICE, HUB, 2, &right, &heard), WARD_ERR_RECEIPT_SEAL); /* another's seal under its name */
    assert_int_equal(show(&w, HUB, HUB, 4, &right, &heard), WARD_ERR_RECEIPT_AHEAD);
    assert_int_equal(show(&w, OTHER, OTHER, 2, &right, &heard), WARD_ERR_RECEIPT_SIGNER); /* a cell's */
    before = receipts_of(&w, CELL);
    assert_int_equal(show(&w, HUB, HUB, 2, &right, &heard), 0); /* true, and known */
    assert_int_equal(receipts_of(&w, CELL), before);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 0);
    world_close(&w);
}

static void a_cut_signer_is_refused(void **state)
{
    struct world w;
    struct line l;
    struct ward_buf frame;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    line_open(&l, &w, CELL, HUB);
    pump(&l);
    size_t before = receipts_of(&w, CELL);
    write_note(&w, CELL, "a", 2);
    OK(&w, ward_revoke(w.d[OFFICE].r, &w.d[HUB].grant, "máy chủ bị mất", &w.err));
    give(&w, OFFICE, CELL);
    OK(&w, ward_replica_refresh(w.d[CELL].r, &w.err));
    struct ward_hash hash = hash_at(&w, CELL, 2);
    forge(&w, &frame, HUB, HUB, 2, &hash);
    struct ward_message m;
    OK(&w, ward_frame_parse(&m, frame.p, frame.len, &w.err));
    OK(&w, ward_receipts_keep(&l.a.talk, &m, &w.err)); /* past the session, which would close at once */
    assert_int_equal(l.a.heard.last_refusal, WARD_ERR_RECEIPT_SIGNER);
    assert_int_equal(receipts_of(&w, CELL), before);
    assert_int_equal(status_of(&w, CELL).receipted, 1);
    line_close(&l);
    ward_buf_free(&frame);
    world_close(&w);
}

/* The hub has sealed one history, and now seals another: kept, as evidence. Another of which it never sealed anything is the device's own
 * affair (a fork), and nothing against the hub. */
static void another_history_is_evidence(void **state)
{
    struct world w;
    struct heard heard;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "a", 2);
    round_of(&w, CELL, HUB);
    struct ward_hash wrong = hash_at(&w, CELL, 2);
    wrong.b[0] ^= 1;
    assert_int_equal(show(&w, HUB, HUB, 2, &wrong, &heard), 0);
    assert_int_equal(heard.rewrote, 1);
    assert_int_equal(heard.receipt, 0);
    assert_int_equal(receipts_of(&w, CELL), 2);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 1);
    assert_int_equal(status_of(&w, CELL).receipted, 2);
    heard = round_of(&w, CELL, HUB); /* it shows the true one again, and says so by a receipt */
    assert_int_equal(heard.receipt, 1);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 0);
    assert_int_equal(receipts_of(&w, CELL), 3);
    world_close(&w);
}

/* Its heads show another hash where it had sealed one. */
static void other_heads_are_told_until_it_seals_the_true_one_again(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "a", 2);
    round_of(&w, CELL, HUB);
    const struct ward_hash feed = feed_of_cell(&w);
    line_open(&l, &w, CELL, HUB);
    uint32_t fid = ward_directory_feed_by_id(&w.d[CELL].r->dir, &feed)->fid;
    OK(&w, ward_receipts_other_history(&l.a.talk, fid, 3, &w.err)); /* of that it had sealed nothing */
    assert_int_equal(l.a.heard.rewrote, 0);
    OK(&w, ward_receipts_other_history(&l.a.talk, fid, 2, &w.err));
    assert_int_equal(l.a.heard.rewrote, 1);
    assert_true(l.a.talk.hub_rewrote);
    line_close(&l);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 1);
    assert_int_equal(round_of(&w, CELL, HUB).receipt, 1);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 0);
    world_close(&w);
}

static void a_history_it_never_sealed_is_a_fork(void **state)
{
    struct world w;
    struct heard heard;
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    round_of(&w, CELL, HUB);
    write_note(&w, CELL, "a", 2);
    give(&w, CELL, HUB);
    struct ward_hash wrong = hash_at(&w, CELL, 2);
    wrong.b[0] ^= 1;
    struct line l;
    struct ward_buf frame;
    struct ward_message m;
    line_open(&l, &w, CELL, HUB);
    forge(&w, &frame, HUB, HUB, 2, &wrong);
    OK(&w, ward_frame_parse(&m, frame.p, frame.len, &w.err));
    OK(&w, ward_receipts_keep(&l.a.talk, &m, &w.err));
    heard = l.a.heard;
    assert_int_equal(heard.last_refusal, WARD_ERR_FORK);
    assert_int_equal(status_of(&w, CELL).hub_rewrote, 0);
    line_close(&l);
    ward_buf_free(&frame);
    world_close(&w);
}

/* ---------------------------------------------------------------- how many are kept */

static void the_last_ones_are_kept_and_the_newest_of_each_feed(void **state)
{
    struct world w;
    struct ward_store *s;
    static const uint8_t heads[] = {0x80};
    (void)state;
    set_up(&w);
    s = w.d[CELL].r->store;
    OK(&w, ward_store_begin(s, &w.err));
    for (int i = 1; i <= 20; i++) {
        struct ward_store_receipt r = {.grant = w.d[i % 2 ? HUB : OFFICE].grant, .wall_ms = i, .heads = heads, .len = 1};
        OK(&w, ward_store_add_receipt(s, &r, &w.err));
        assert_int_equal(r.number, i);
    }
    const struct ward_store_receipted row = {.grant = w.d[HUB].grant, .fid = 1, .seq = 1, .number = 3, .held = WARD_HELD_ALL};
    OK(&w, ward_store_put_receipted(s, &row, &w.err));
    OK(&w, ward_store_thin_receipts(s, &w.d[HUB].grant, 4, &w.err));
    OK(&w, ward_store_commit(s, &w.err));
    sqlite3 *db;
    sqlite3_stmt *st;
    char path[400];
    int left[20], n = 0;
    snprintf(path, sizeof path, "%s/replica.db", w.d[CELL].home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT number FROM ward_receipt WHERE number % 2 ORDER BY 1", -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        left[n++] = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    const int want[] = {3, 13, 15, 17, 19};
    assert_int_equal(n, 5);
    assert_memory_equal(left, want, sizeof want);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_in_is_sealed),
        cmocka_unit_test(only_what_is_durable_is_sealed),
        cmocka_unit_test(what_is_signed_is_derived),
        cmocka_unit_test(within_needs_a_run),
        cmocka_unit_test(beside_a_refusal_it_goes_alone),
        cmocka_unit_test(what_is_held_already_is_sealed_when_asked),
        cmocka_unit_test(cells_seal_nothing_and_who_is_called_keeps_nothing),
        cmocka_unit_test(wrong_ones_are_refused_and_change_nothing),
        cmocka_unit_test(a_cut_signer_is_refused),
        cmocka_unit_test(another_history_is_evidence),
        cmocka_unit_test(other_heads_are_told_until_it_seals_the_true_one_again),
        cmocka_unit_test(a_history_it_never_sealed_is_a_fork),
        cmocka_unit_test(the_last_ones_are_kept_and_the_newest_of_each_feed),
    };
    return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
