/* What two say to each other in a session about a feed that has parted, where one of its histories is settled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "line.h"
#include "parted.h"
#include "replica/base.h"

/* Of A's feed all up to seq leaves the log there: the space stands with a state. */
static void rest_on_a_state(struct fixture *f, size_t at, uint64_t seq)
{
    struct ward_apply a;
    const struct ward_feed *of_a = feed_of(f, at, A, &f->space);
    const struct ward_base_head head = {of_a->fid, seq};
    OK(&f->w, ward_apply_begin(&a, f->w.d[at].r, &f->w.err));
    int rc = ward_base_settle(&a, of_a->sid, &head, 1, &f->w.err);
    OK(&f->w, ward_apply_end(&a, rc, &f->w.err));
    assert_int_equal(feed_of(f, at, A, &f->space)->base, seq);
}

/* A stands with a state up to its second change, and has gone on; of what a copy wrote there instead, more is settled, and the office
 * stands with the state of that. No change is left that both could show. A is no cell that may not give what the office lacks, for the
 * office shows that it has been where A's state ends: it gives its own, and what A had written beside it is told anew. */
static void beside_the_settled_on_an_older_base(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct pen copy;
    uint64_t depth;
    put(f, A, &f->space, "one");
    put(f, A, &f->space, "two");
    give(&f->w, A, OFFICE);
    put(f, A, &f->space, "three, by A");
    put(f, A, &f->space, "four, by A");
    give(&f->w, A, C); /* published: it does not just give way */
    rest_on_a_state(f, A, 2);
    pen_new(&copy, &f->w, A, &f->space);
    OK(&f->w, ward_chain_at(f->w.d[A].r, feed_of(f, A, A, &f->space)->fid, 2, &copy.head, &depth, &f->w.err));
    pen_start(&copy, 3);
    for (uint64_t seq = 3; seq <= 5; seq++)
        pen_say(&copy, seq, NULL, 0, "by the copy");
    pen_seal(&copy);
    OK(&f->w, pen_send(&copy, OFFICE, &in));
    const struct ward_dep settled = {copy.feed, 5, copy.head};
    pen_free(&copy);
    settle_at(f, &settled);
    rest_on_a_state(f, OFFICE, 4);

    whole_round(&f->w, A, OFFICE);
    whole_round(&f->w, A, OFFICE);
    const struct ward_feed *own = feed_of(f, A, A, &f->space);
    assert_true(own->base >= 4 && own->head_seq > 5 && !own->forked);
    assert_memory_equal(own->head_hash.b, feed_of(f, OFFICE, A, &f->space)->head_hash.b, sizeof own->head_hash.b);
    struct ward_id item = unit_id('+');
    ward_record *rec;
    OK(&f->w, ward_get(f->w.d[OFFICE].r, KIND_ITEM, &item, false, &rec, &f->w.err));
    struct ward_value v = ward_record_value(rec, NOTE);
    assert_true(v.type == WARD_TEXT && v.len == strlen("four, by A") && memcmp(v.p, "four, by A", v.len) == 0);
    ward_record_free(rec);
    assert_sound(&f->w);
}

/* The office holds a branch of C's feed beside what is settled, which makes no fork and is passed over. It seals for C the one history that
 * counts: two entries of one space would be no receipt. */
static void a_receipt_where_a_branch_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_status status;
    struct line l;
    const struct ward_dep settled = named(f, C, 9, 4, "");
    OK(&f->w, send_history(f, C, C, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, OFFICE, 9, 1, 6, "", &in));
    OK(&f->w, send_history(f, C, OFFICE, 1, 1, 5, "below", &in));
    settle_at(f, &settled);
    each_word(f, OFFICE, C, just_take);
    const struct ward_feed *trunk = feed_of(f, OFFICE, C, &f->space), *branch = ward_directory_next(&f->w.d[OFFICE].r->dir, trunk);
    assert_true(!trunk->forked && branch && branch->below && branch->head_seq > branch->base);

    line_open(&l, &f->w, C, OFFICE);
    l.a.talk.hooks.calls = true; /* who calls is who keeps receipts */
    pump(&l, SIZE_MAX);
    assert_live(&l);
    line_close(&l);
    OK(&f->w, ward_status(f->w.d[C].r, &status, &f->w.err));
    assert_int_equal(status.receipted, 6);
    assert_sound(&f->w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(beside_the_settled_on_an_older_base),
        TEST(a_receipt_where_a_branch_is_passed_over),
    };
    return cmocka_run_group_tests_name("parted_talk", tests, NULL, NULL);
}
