/* Floors between real replicas: proposed, held back, closed; what cuts, branches and late arrivals can do to what is settled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "line.h"
#include "replica/compact.h"
#include "replica/cut.h"
#include "replica/own.h"
#include "replicas.h"

enum { OFFICE, A, B, COPY, COPY_OF_B, C };

static struct ward_hash space_ab(struct world *w, size_t i)
{
    const struct ward_id units[] = {unit_id('a'), unit_id('b')};
    struct ward_hash space;
    OK(w, ward_space_of_circle(w->d[i].r, &space, units, 2, &w->err));
    return space;
}

static void write_title(struct world *w, size_t i, char item, const char *title)
{
    struct ward_id id = unit_id(item);
    struct ward_hash space = space_ab(w, i);
    struct ward_value text = ward_value_text(title);
    ward_txn *t;
    OK(w, ward_begin(w->d[i].r, &t, &w->err));
    OK(w, ward_put(t, &space, KIND_ITEM, &id, TITLE, NULL, 0, &text, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
}

static void write_many(struct world *w, size_t i, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        char title[32];
        snprintf(title, sizeof title, "%zu by %zu", n, i);
        write_title(w, i, (char)('p' + (char)(n % 3)), title);
    }
}

/* What does not pack well. */
static void write_long(struct world *w, size_t i, size_t length)
{
    char title[20000] = "";
    assert_true(length < sizeof title);
    for (size_t at = 0; at < length; at++)
        title[at] = (char)('0' + dice_below(&w->d[i].outside.dice, 64));
    write_title(w, i, 'p', title);
}

/* A session, at the end of which each knows what the other holds. */
static void meet_on_line(struct world *w, size_t a, size_t b)
{
    struct line l;
    line_open(&l, w, a, b);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    OK(w, ward_batch_commit(&l.a.batch, &w->err));
    OK(w, ward_batch_commit(&l.b.batch, &w->err));
    OK(w, ward_talk_remember(&l.a.talk, NULL, &w->err));
    OK(w, ward_talk_remember(&l.b.talk, NULL, &w->err));
    line_close(&l);
}

static const struct ward_feed *feed_at(struct world *w, size_t at, size_t whose)
{
    struct ward_hash id, space = space_ab(w, at);
    OK(w, ward_replica_refresh(w->d[at].r, &w->err));
    const struct ward_space *s = ward_directory_space_by_id(&w->d[at].r->dir, &space);
    assert_non_null(s);
    const struct ward_feed *f = ward_directory_feed_of(&w->d[at].r->dir, s, &w->d[whose].grant, &id);
    assert_non_null(f);
    return f;
}

static struct ward_compact_result compact(struct world *w, uint64_t least, const struct ward_hash *leave, size_t leave_count)
{
    const struct ward_compact_options options = {.least = least, .leave = leave, .leave_count = leave_count};
    struct ward_compact_result result;
    OK(w, ward_compact(w->d[OFFICE].r, &options, &result, &w->err));
    return result;
}

/* With the history kept at the office. */
static struct ward_compact_result compact_keeping(struct world *w)
{
    const struct ward_compact_options options = {.least = 1, .keep = true};
    struct ward_compact_result result;
    OK(w, ward_compact(w->d[OFFICE].r, &options, &result, &w->err));
    return result;
}

struct plan {
    struct ward_compact_space space;
    struct ward_compact_holder holders[4];
};

static int note_plan(void *ctx, const struct ward_compact_space *space)
{
    struct plan *p = ctx;
    if (space->circle_count != 2)
        return 0;
    p->space = *space;
    assert_true(space->holder_count <= 4);
    for (size_t i = 0; i < space->holder_count; i++)
        p->holders[i] = space->holders[i];
    return 0;
}

static struct plan plan_of(struct world *w)
{
    struct plan p = {.space = {.changes = 0}};
    OK(w, ward_compact_plan(w->d[OFFICE].r, note_plan, &p, &w->err));
    return p;
}

static void set_up(struct world *w)
{
    world_found(w, 20261125);
    admit(w, 'a', WARD_ROLE_CELL, 20261125);
    admit(w, 'b', WARD_ROLE_CELL, 20261125);
    write_many(w, A, 6);
    write_many(w, B, 4);
    meet_on_line(w, OFFICE, A);
    meet_on_line(w, OFFICE, B);
}

static void settle_all(struct world *w)
{
    assert_int_equal(compact(w, 1, NULL, 0).proposed, 1);
    meet_on_line(w, OFFICE, A);
    meet_on_line(w, OFFICE, B);
    assert_int_equal(compact(w, 1, NULL, 0).closed, 1);
}

static void held_back_until_all_have_it(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    struct plan p = plan_of(&w); /* A was met before B's changes came */
    assert_int_equal(p.space.changes, 10);
    assert_true(p.space.bytes > 0);
    assert_int_equal(p.space.holding, 1);
    assert_memory_equal(&p.holders[0].grant, &w.d[A].grant, 32);
    assert_int_equal(p.holders[0].behind, 4);
    assert_false(p.holders[0].unheard);
    assert_true(p.holders[0].last_contact_ms > 0);
    assert_string_equal(p.holders[0].name, "tablet");

    assert_int_equal(compact(&w, 11, NULL, 0).proposed, 0); /* not worth its bytes */
    assert_int_equal(compact(&w, 10, NULL, 0).proposed, 1);
    struct ward_compact_result result = compact(&w, 1, NULL, 0);
    assert_true(result.proposed == 0 && result.closed == 0 && result.waiting == 1);
    meet_on_line(&w, OFFICE, A);
    p = plan_of(&w);
    assert_true(p.space.proposed);
    assert_int_equal(p.space.holding, 1); /* B holds the changes, but has not heard of the floor */
    assert_memory_equal(&p.holders[0].grant, &w.d[B].grant, 32);
    assert_int_equal(p.holders[0].behind, 0);
    assert_true(p.holders[0].unheard);
    assert_int_equal(compact(&w, 1, NULL, 0).closed, 0);
    assert_int_equal(feed_at(&w, OFFICE, A)->settled.seq, 0);

    meet_on_line(&w, OFFICE, B);
    assert_int_equal(plan_of(&w).space.holding, 0);
    assert_int_equal(compact(&w, 1, NULL, 0).closed, 1);
    assert_int_equal(feed_at(&w, OFFICE, A)->settled.seq, 6);
    assert_int_equal(feed_at(&w, OFFICE, B)->settled.seq, 4);
    assert_int_equal(plan_of(&w).space.settled, 10);
    result = compact(&w, 1, NULL, 0);
    assert_true(result.proposed == 0 && result.closed == 0 && result.waiting == 0);
    meet_all(&w);
    for (size_t i = A; i <= B; i++) {
        assert_int_equal(feed_at(&w, i, A)->settled.seq, 6);
        assert_int_equal(feed_at(&w, i, B)->settled.effect, 4);
    }
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* What leaves the log leaves the file. */
static void the_file_becomes_smaller(void **state)
{
    struct world w;
    struct stat before, after;
    char path[400];
    (void)state;
    set_up(&w);
    for (int i = 0; i < 100; i++)
        write_long(&w, A, 900);
    meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, B);
    snprintf(path, sizeof path, "%s/replica.db", w.d[OFFICE].home);
    ward_close(w.d[OFFICE].r);
    assert_int_equal(stat(path, &before), 0);
    OK(&w, ward_open(&w.d[OFFICE].r, w.d[OFFICE].home, &w.d[OFFICE].options, &w.err));
    assert_int_equal(compact(&w, 1, NULL, 0).shrunk, 0);
    meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, B);
    const struct ward_compact_result result = compact(&w, 1, NULL, 0);
    assert_true(result.dropped > 100 && result.shrunk > 0 && !result.keeps_size);
    assert_int_equal(compact(&w, 1, NULL, 0).shrunk, 0);
    ward_close(w.d[OFFICE].r);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size < before.st_size);
    OK(&w, ward_open(&w.d[OFFICE].r, w.d[OFFICE].home, &w.d[OFFICE].options, &w.err));
    assert_sound(&w);
    world_close(&w);
}

/* A cell writes none, and closes none. */
static void by_operators_and_hubs(void **state)
{
    struct world w;
    const struct ward_compact_options options = {.least = 1};
    struct ward_compact_result result;
    (void)state;
    set_up(&w);
    OK(&w, ward_compact(w.d[A].r, &options, &result, &w.err));
    assert_int_equal(result.proposed, 0);
    assert_int_equal(w.d[A].r->dir.floor_count, 0);
    assert_int_equal(compact(&w, 1, NULL, 0).proposed, 1);
    meet_on_line(&w, OFFICE, A);
    assert_int_equal(w.d[A].r->dir.floor_count, 1);
    OK(&w, ward_compact_close(w.d[A].r, &result, &w.err));
    assert_int_equal(result.closed, 0);
    world_close(&w);
}

/* A device that nothing waits for: what it wrote meanwhile still counts. */
static void left_behind(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    write_title(&w, B, 'z', "written on the way");
    assert_int_equal(compact(&w, 1, &w.d[B].grant, 1).proposed, 1);
    meet_on_line(&w, OFFICE, A);
    struct ward_compact_result result = compact(&w, 1, &w.d[B].grant, 1);
    assert_int_equal(result.closed, 1);
    assert_int_equal(feed_at(&w, OFFICE, B)->settled.seq, 4);
    meet_on_line(&w, OFFICE, B);
    meet_on_line(&w, OFFICE, A);
    assert_int_equal(feed_at(&w, A, B)->head_seq, 5);
    assert_int_equal(feed_at(&w, A, B)->settled.seq, 4);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* Whoever begins with the state knows at once what is settled: changes of one who was left behind name what lies below. */
static void settled_where_the_state_came(void **state)
{
    struct world w;
    (void)state;
    world_found(&w, 20261125);
    admit(&w, 'a', WARD_ROLE_CELL, 20261125);
    admit(&w, 'b', WARD_ROLE_CELL, 20261125);
    admit(&w, 'a', WARD_ROLE_CELL, 20261125); /* and is not met before the floor is closed */
    write_many(&w, A, 6);
    write_many(&w, B, 4);
    meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, B);
    write_title(&w, B, 'z', "written on the way");
    const struct ward_hash leave[] = {w.d[B].grant, w.d[COPY].grant};
    assert_int_equal(compact(&w, 1, leave, 2).proposed, 1);
    meet_on_line(&w, OFFICE, A);
    assert_int_equal(compact(&w, 1, leave, 2).closed, 1);
    write_title(&w, A, 'y', "after the floor");
    meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, COPY);
    assert_true(feed_at(&w, COPY, A)->base > 0); /* it came as its state */
    assert_int_equal(feed_at(&w, COPY, A)->settled.seq, 6);
    meet_on_line(&w, OFFICE, B);
    meet_on_line(&w, OFFICE, COPY);
    assert_int_equal(feed_at(&w, COPY, B)->head_seq, 5);
    meet_on_line(&w, OFFICE, A);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* What came upon a proposal meanwhile makes it useless: another is written in its place. */
static void outdated(void **state)
{
    struct world w;
    (void)state;
    set_up(&w);
    assert_int_equal(compact(&w, 1, NULL, 0).proposed, 1);
    OK(&w, ward_revoke_after(w.d[OFFICE].r, &w.d[B].grant, 2, "lost", &w.err));
    meet_on_line(&w, OFFICE, A);
    struct ward_compact_result result = compact(&w, 1, NULL, 0);
    assert_true(result.closed == 0 && result.proposed == 1);
    meet_on_line(&w, OFFICE, A);
    assert_int_equal(compact(&w, 1, NULL, 0).closed, 1); /* nobody waits for a device that was cut */
    assert_int_equal(feed_at(&w, OFFICE, B)->settled.seq, 4);
    assert_int_equal(feed_at(&w, OFFICE, B)->settled.effect, 2);
    assert_int_equal(feed_at(&w, OFFICE, B)->limit, 2);
    assert_int_equal(feed_at(&w, OFFICE, A)->limit, UINT64_MAX);
    world_close(&w);
}

/* The program refuses to write such a cut; one that was written elsewhere ends the device at the floor, on every replica. */
static void a_cut_below(void **state)
{
    struct world w;
    struct ward_cut_entry entry;
    struct ward_id entity;
    struct ward_hash ward;
    struct ward_buf b;
    ward_txn *t;
    (void)state;
    set_up(&w);
    settle_all(&w);
    w.err = (struct ward_error){0};
    assert_int_equal(ward_revoke_after(w.d[OFFICE].r, &w.d[A].grant, 5, "lost", &w.err), WARD_ERR_SETTLED);
    assert_string_equal(w.err.detail, "6 of its changes are settled");
    write_title(&w, A, 'z', "later");
    meet_on_line(&w, OFFICE, A);

    const struct ward_feed *f = feed_at(&w, OFFICE, A);
    entry = (struct ward_cut_entry){.feed = f->id, .seq = 2}; /* nobody looks at its hash, and here it is gone */
    ward_buf_init(&b, &w.d[OFFICE].outside.env);
    ward_cut_write(&b, &entry, 1);
    const struct ward_value cut = {.type = WARD_ARRAY, .p = b.p, .len = b.len};
    ward_grant_entity(&entity, &w.d[A].grant);
    ward_space_of_ward(w.d[OFFICE].r, &ward);
    OK(&w, ward_begin(w.d[OFFICE].r, &t, &w.err));
    OK(&w, ward_put(t, &ward, WARD_KIND_GRANT, &entity, WARD_GRANT_CUT, NULL, 0, &cut, &w.err));
    OK(&w, ward_commit(t, NULL, &w.err));
    ward_buf_free(&b);
    give(&w, OFFICE, B);
    assert_int_equal(feed_at(&w, OFFICE, A)->head_seq, 7);
    assert_int_equal(feed_at(&w, OFFICE, A)->limit, 6);
    assert_int_equal(feed_at(&w, B, A)->limit, 6);
    assert_true(ward_grant_is_cut(&w.d[B].r->dir, &w.d[A].grant));
    assert_sound(&w);
    world_close(&w);
}

static void copy_of(struct world *w, size_t of)
{
    const size_t i = w->count++;
    struct device *d = &w->d[i];
    ward_close(w->d[of].r);
    device_init(w, i, 77 + of);
    copy_home(w->d[of].home, d->home);
    OK(w, ward_open(&w->d[of].r, w->d[of].home, &w->d[of].options, &w->err));
    OK(w, ward_open(&d->r, d->home, &d->options, &w->err));
    d->grant = w->d[of].grant;
    d->unit = w->d[of].unit;
    d->role = w->d[of].role;
}

static void give_to_b_of(struct world *w, size_t to)
{
    write_many(w, COPY, 4); /* more than A wrote meanwhile */
    write_title(w, COPY, 'y', "by the copy");
    give(w, COPY, to);
}

static void give_to_b(struct world *w)
{
    give_to_b_of(w, B);
}

/* A copy of A's home, made before all is settled; A goes on, and all of it is settled. */
static void set_up_copy(struct world *w, void (*before_closing)(struct world *w))
{
    set_up(w);
    copy_of(w, A);
    copy_of(w, B);
    write_many(w, A, 3);
    meet_on_line(w, OFFICE, A);
    meet_on_line(w, OFFICE, B);
    assert_int_equal(compact_keeping(w).proposed, 1);
    meet_on_line(w, OFFICE, A);
    meet_on_line(w, OFFICE, B);
    if (before_closing)
        before_closing(w);
    assert_int_equal(compact_keeping(w).closed, 1);
    meet_on_line(w, OFFICE, B);
    assert_int_equal(feed_at(w, B, A)->settled.seq, 9);
}

/* What the copy wrote stands on top, at B too; no feed has branches. */
static void assert_told_anew(struct world *w)
{
    struct ward_hash there, here, space = space_ab(w, B);
    ward_record *rec;
    struct ward_id y = unit_id('y');
    meet_on_line(w, OFFICE, B);
    OK(w, ward_state_digest(w->d[B].r, &space, &there, &w->err));
    OK(w, ward_state_digest(w->d[COPY].r, &space, &here, &w->err));
    assert_memory_equal(&there, &here, sizeof here);
    assert_false(feed_at(w, OFFICE, A)->forked);
    OK(w, ward_get(w->d[B].r, KIND_ITEM, &y, false, &rec, &w->err));
    ward_record_free(rec);
    assert_sound(w);
}

/* Nobody has got what it wrote. */
static void a_copy_that_told_nobody(void **state)
{
    struct world w;
    (void)state;
    set_up_copy(&w, NULL);
    write_title(&w, COPY, 'y', "by the copy");
    meet_on_line(&w, OFFICE, COPY);
    meet_on_line(&w, OFFICE, COPY);
    assert_told_anew(&w);
    world_close(&w);
}

/* It handed it out, but who has heard of the floor takes none of it: it cannot stay, and is not lost. */
static void a_copy_that_told_others(void **state)
{
    struct world w;
    struct ward_bundle_info info = {0};
    (void)state;
    set_up_copy(&w, NULL);
    write_title(&w, COPY, 'y', "by the copy");
    OK(&w, give_bundle(&w, COPY, B, false, &info));
    assert_true(info.refused > 0);
    assert_int_equal(info.first_refusal, WARD_ERR_SETTLED);
    assert_false(feed_at(&w, B, A)->forked);
    meet_on_line(&w, OFFICE, COPY); /* what was settled comes before the word that it is */
    meet_on_line(&w, OFFICE, COPY);
    meet_on_line(&w, OFFICE, COPY);
    assert_told_anew(&w);
    world_close(&w);
}

/* Between its word on the floor and the closing, B is given what the copy wrote; later it takes it for held, and passes it over. The copy
 * hears of that from B, in the middle of a session in which it has sent its own already. */
static void a_copy_that_was_heard_before_the_closing(void **state)
{
    struct world w;
    struct line l;
    (void)state;
    set_up_copy(&w, give_to_b);
    assert_true(ward_directory_next(&w.d[B].r->dir, feed_at(&w, B, A))->below);
    line_open(&l, &w, COPY, B);
    pump(&l, SIZE_MAX);
    assert_live(&l);
    assert_int_equal(l.a.talk.refused_there, 0);
    line_close(&l);
    assert_int_equal(feed_at(&w, B, A)->head_seq, 9 + 4); /* of two titles of one item the later is told */
    meet_on_line(&w, OFFICE, B);
    assert_told_anew(&w);
    world_close(&w);
}

static void give_to_copy_of_b(struct world *w)
{
    give_to_b_of(w, COPY_OF_B);
    write_title(w, COPY_OF_B, 'z', "with sight of it");
}

/* Each of two devices was copied, and one copy writes with sight of what the other wrote: the word of neither was asked. */
static void with_sight_of_what_is_beside(void **state)
{
    struct world w;
    struct ward_id z = unit_id('z');
    ward_record *rec;
    (void)state;
    set_up_copy(&w, give_to_copy_of_b);
    meet_on_line(&w, OFFICE, COPY_OF_B);
    meet_on_line(&w, OFFICE, COPY_OF_B);
    meet_on_line(&w, OFFICE, COPY_OF_B);
    OK(&w, ward_get(w.d[OFFICE].r, KIND_ITEM, &z, false, &rec, &w.err));
    ward_record_free(rec);
    assert_sound(&w);
    world_close(&w);
}

static void give_to_others(struct world *w)
{
    give_to_copy_of_b(w);
    admit(w, 'a', WARD_ROLE_CELL, 20261125);
    meet_on_line(w, OFFICE, C);
    carry_raw(w, COPY, C);
    carry_raw(w, COPY_OF_B, C);
    write_title(w, C, 'x', "with sight of what had it");
    assert_int_equal(feed_at(w, C, B)->head_seq, 5);
}

/* The same, and it was handed on: who had taken it lets go of it, and of nothing else. */
static void with_sight_of_it_and_handed_on(void **state)
{
    struct world w;
    struct ward_hash there, here;
    (void)state;
    set_up_copy(&w, give_to_others);
    for (int i = 0; i < 3; i++) {
        meet_on_line(&w, OFFICE, C);
        OK(&w, ward_own_rewrite(w.d[C].r, &w.err));
        assert_int_equal(feed_at(&w, C, A)->settled.seq, 9);
        assert_int_equal(feed_at(&w, C, B)->head_seq, i ? 5 : 4);
        meet_on_line(&w, OFFICE, COPY_OF_B);
        OK(&w, ward_own_rewrite(w.d[COPY_OF_B].r, &w.err));
        meet_on_line(&w, OFFICE, COPY_OF_B);
    }
    struct ward_hash space = space_ab(&w, OFFICE);
    OK(&w, ward_state_digest(w.d[OFFICE].r, &space, &there, &w.err));
    OK(&w, ward_state_digest(w.d[C].r, &space, &here, &w.err));
    assert_memory_equal(&there, &here, sizeof here);
    assert_int_equal(feed_at(&w, OFFICE, B)->head_seq, 5);
    assert_int_equal(feed_at(&w, OFFICE, C)->head_seq, 1);
    assert_false(feed_at(&w, C, B)->forked);
    world_close(&w);
}

/* A device that was left behind met the copy alone: it takes no run of what is settled, and gets the state, also from who keeps the
 * history. */
static void meet_the_copy_alone(bool cut, size_t length)
{
    enum { ASTRAY = 4 };
    struct world w;
    struct ward_hash there, here, space;
    set_up(&w);
    copy_of(&w, A);
    admit(&w, 'a', WARD_ROLE_CELL, 20261125);
    write_title(&w, COPY, 'y', "by the copy");
    carry_raw(&w, COPY, ASTRAY);
    for (int i = 0; i < 3; i++)
        write_long(&w, A, length);
    meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, B);
    if (cut)
        OK(&w, ward_revoke_after(w.d[OFFICE].r, &w.d[A].grant, 6, "lost", &w.err));
    const struct ward_compact_options options = {.least = 1, .keep = true, .leave = &w.d[ASTRAY].grant, .leave_count = 1};
    struct ward_compact_result result;
    OK(&w, ward_compact(w.d[OFFICE].r, &options, &result, &w.err));
    assert_int_equal(result.proposed, 1);
    OK(&w, ward_compact(w.d[OFFICE].r, &options, &result, &w.err));
    if (!cut)
        meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, B);
    OK(&w, ward_compact(w.d[OFFICE].r, &options, &result, &w.err));
    assert_int_equal(result.closed, 1);
    write_title(&w, ASTRAY, 'z', "by who was left behind");
    assert_int_equal(feed_at(&w, ASTRAY, A)->head_seq, 7);
    meet_on_line(&w, OFFICE, ASTRAY);
    meet_on_line(&w, OFFICE, ASTRAY);
    meet_on_line(&w, OFFICE, B);
    assert_int_equal(feed_at(&w, OFFICE, A)->base, 0);
    assert_int_equal(feed_at(&w, ASTRAY, A)->head_seq, 9);
    assert_memory_equal(feed_at(&w, ASTRAY, A)->head_hash.b, feed_at(&w, B, A)->head_hash.b, 32);
    space = space_ab(&w, B);
    OK(&w, ward_state_digest(w.d[B].r, &space, &there, &w.err));
    OK(&w, ward_state_digest(w.d[ASTRAY].r, &space, &here, &w.err));
    assert_memory_equal(&there, &here, sizeof here);
    assert_sound(&w);
    world_close(&w);
}

static void who_met_the_copy_alone(void **state)
{
    (void)state;
    meet_the_copy_alone(false, 10);
}

/* What the state does not tell of the feed, since it has no effect, is settled as well: what is held in its place gives way. */
static void who_met_the_copy_of_a_lost_one(void **state)
{
    (void)state;
    meet_the_copy_alone(true, 10);
}

/* Of several runs none is taken that does not reach up to the floor: the state it is, which says all of it at once. */
static void who_met_the_copy_and_lacks_much(void **state)
{
    (void)state;
    meet_the_copy_alone(false, 12000);
}

/* A state of a space with a floor goes no further than that: below it nobody looks anything up, and beyond it the history may be asked for.
 */
static void a_state_ends_at_the_floor(void **state)
{
    enum { NEW = 3 };
    struct world w;
    struct line l;
    (void)state;
    set_up(&w);
    for (size_t n = 0; n < 300; n++) {
        char title[80];
        snprintf(title, sizeof title, "%zu", n * n * 7919 * 104729); /* much of it is past: the state saves more than half */
        write_title(&w, A, 's', title);
    }
    meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, B);
    assert_int_equal(compact_keeping(&w).proposed, 1);
    meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, B);
    assert_int_equal(compact_keeping(&w).closed, 1);
    for (char item = 't'; item < 'w'; item++)
        write_title(&w, A, item, "later");
    meet_on_line(&w, OFFICE, A);
    assert_int_equal(admit_silent(&w, 'a', WARD_ROLE_CELL, 20261125), NEW);
    line_open(&l, &w, OFFICE, NEW);
    l.b.talk.hooks.states = true;
    pump(&l, SIZE_MAX);
    assert_live(&l);
    line_close(&l);
    assert_int_equal(feed_at(&w, OFFICE, A)->base, 0); /* it was only looked at */
    assert_int_equal(feed_at(&w, OFFICE, A)->head_seq, 309);
    assert_int_equal(feed_at(&w, NEW, A)->base, 306);
    assert_int_equal(feed_at(&w, NEW, A)->head_seq, 309);
    meet_on_line(&w, OFFICE, A);
    meet_on_line(&w, OFFICE, B);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_back_until_all_have_it),
        cmocka_unit_test(the_file_becomes_smaller),
        cmocka_unit_test(by_operators_and_hubs),
        cmocka_unit_test(left_behind),
        cmocka_unit_test(settled_where_the_state_came),
        cmocka_unit_test(outdated),
        cmocka_unit_test(a_cut_below),
        cmocka_unit_test(a_copy_that_told_nobody),
        cmocka_unit_test(a_copy_that_told_others),
        cmocka_unit_test(a_copy_that_was_heard_before_the_closing),
        cmocka_unit_test(with_sight_of_what_is_beside),
        cmocka_unit_test(with_sight_of_it_and_handed_on),
        cmocka_unit_test(who_met_the_copy_alone),
        cmocka_unit_test(who_met_the_copy_of_a_lost_one),
        cmocka_unit_test(who_met_the_copy_and_lacks_much),
        cmocka_unit_test(a_state_ends_at_the_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
