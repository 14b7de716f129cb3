/* What becomes of what several devices wrote without sight of each other. An office and two wards' tablets, bundles between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "replica/commit.h"
#include "replicas.h"

enum { OFFICE, A, B };

struct fixture {
    struct world w;
    struct ward_hash space; /* of the circle {a, b} */
    struct ward_id item;
};

static int setup(void **state)
{
    static uint64_t seed = 1;
    struct fixture *f = calloc(1, sizeof *f);
    const struct ward_id circle[] = {unit_id('b'), unit_id('a'), unit_id('a')};
    assert_non_null(f);
    world_found(&f->w, seed);
    assert_int_equal(admit_silent(&f->w, 'a', WARD_ROLE_CELL, seed), A);
    assert_int_equal(admit_silent(&f->w, 'b', WARD_ROLE_CELL, seed), B);
    seed++;
    carry_raw(&f->w, OFFICE, A);
    carry_raw(&f->w, OFFICE, B);
    for (size_t i = 0; i < 3; i++)
        OK(&f->w, ward_space_of_circle(f->w.d[i].r, &f->space, circle, 3, &f->w.err));
    f->item = unit_id('#');
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    world_close(&f->w);
    free(f);
    return 0;
}

/* ---------------------------------------------------------------- short words */

static int put_in(struct fixture *f, size_t who, const struct ward_hash *space, const struct ward_id *id, uint32_t field, const char *key,
                  struct ward_value v)
{
    ward_txn *t;
    f->w.err = (struct ward_error){0};
    int rc = ward_begin(f->w.d[who].r, &t, &f->w.err);
    assert_int_equal(rc, 0);
    rc = ward_put(t, space, KIND_ITEM, id, field, key, key ? strlen(key) : 0, &v, &f->w.err);
    if (rc) {
        ward_abort(t);
        return rc;
    }
    return ward_commit(t, NULL, &f->w.err);
}

static int put(struct fixture *f, size_t who, uint32_t field, struct ward_value v)
{
    return put_in(f, who, &f->space, &f->item, field, NULL, v);
}

static int tag(struct fixture *f, size_t who, const char *key, bool in)
{
    return put_in(f, who, &f->space, &f->item, TAGS, key, ward_value_bool(in));
}

static int del(struct fixture *f, size_t who)
{
    ward_txn *t;
    f->w.err = (struct ward_error){0};
    assert_int_equal(ward_begin(f->w.d[who].r, &t, &f->w.err), 0);
    int rc = ward_delete(t, &f->space, KIND_ITEM, &f->item, &f->w.err);
    if (rc) {
        ward_abort(t);
        return rc;
    }
    return ward_commit(t, NULL, &f->w.err);
}

static ward_record *get(struct fixture *f, size_t who)
{
    ward_record *rec;
    OK(&f->w, ward_get(f->w.d[who].r, KIND_ITEM, &f->item, false, &rec, &f->w.err));
    return rec;
}

static bool is_text(struct ward_value v, const char *text)
{
    return v.type == WARD_TEXT && v.len == strlen(text) && memcmp(v.p, text, v.len) == 0;
}

static void assert_shows_text(struct fixture *f, size_t who, uint32_t field, const char *text)
{
    ward_record *rec = get(f, who);
    struct ward_value v = ward_record_value(rec, field);
    if (!is_text(v, text))
        print_error("device %zu shows %.*s, not %s\n", who, (int)v.len, v.p ? (const char *)v.p : "", text);
    assert_true(is_text(v, text));
    ward_record_free(rec);
}

static void assert_shows_int(struct fixture *f, size_t who, uint32_t field, int64_t n)
{
    ward_record *rec = get(f, who);
    struct ward_value v = ward_record_value(rec, field);
    assert_int_equal(v.type, WARD_INT);
    assert_int_equal(v.integer, n);
    ward_record_free(rec);
}

static size_t conflicts(struct fixture *f, size_t who)
{
    size_t n;
    OK(&f->w, ward_conflict_count(f->w.d[who].r, &n, &f->w.err));
    return n;
}

/* A copy of the one conflict a device has. */
struct seen_conflict {
    size_t calls;
    struct ward_id id, entity;
    struct ward_hash space;
    uint32_t kind, field;
    size_t count;
    struct ward_live values[4];
    char texts[4][32];
    bool booleans[4];
    bool seen[16];
};

static int note_conflict(void *ctx, const struct ward_conflict *c)
{
    struct seen_conflict *s = ctx;
    s->calls++;
    s->id = c->id;
    s->entity = c->entity;
    s->space = c->space;
    s->kind = c->kind;
    s->field = c->field;
    s->count = c->value_count;
    assert_true(c->value_count <= 4);
    for (size_t i = 0; i < c->value_count; i++) {
        s->values[i] = c->values[i];
        s->booleans[i] = c->values[i].value.boolean;
        if (c->values[i].value.type == WARD_TEXT)
            snprintf(s->texts[i], sizeof s->texts[i], "%.*s", (int)c->values[i].value.len, (const char *)c->values[i].value.p);
    }
    memcpy(s->seen, c->seen, c->value_count * c->value_count);
    return 0;
}

static struct seen_conflict the_conflict(struct fixture *f, size_t who)
{
    struct seen_conflict s = {0};
    OK(&f->w, ward_conflicts(f->w.d[who].r, note_conflict, &s, &f->w.err));
    assert_int_equal(s.calls, 1);
    assert_int_equal(conflicts(f, who), 1);
    return s;
}

static void finish(struct fixture *f)
{
    meet_all(&f->w);
    meet_all(&f->w);
    assert_converged(&f->w);
    assert_sound(&f->w);
}

/* A writes the title, B hears of it: the common ground of most stories. */
static void common_ground(struct fixture *f)
{
    assert_int_equal(put(f, A, TITLE, ward_value_text("boiler")), 0);
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "boiler");
}

/* ---------------------------------------------------------------- registers */

static void different_fields_merge(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("boiler room")), 0);
    assert_int_equal(put(f, B, NOTE, ward_value_text("key at the desk")), 0);
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        assert_shows_text(f, who, TITLE, "boiler room");
        assert_shows_text(f, who, NOTE, "key at the desk");
        assert_int_equal(conflicts(f, who), 0);
    }
    finish(f);
}

static void same_field_is_one_conflict(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), 0);
    meet(&f->w, A, B);
    struct seen_conflict on_a = the_conflict(f, A), on_b = the_conflict(f, B);
    assert_true(ward_id_equal(&on_a.id, &on_b.id));
    for (size_t who = A; who <= B; who++) {
        struct seen_conflict *c = who == A ? &on_a : &on_b;
        assert_int_equal(c->kind, KIND_ITEM);
        assert_int_equal(c->field, TITLE);
        assert_true(ward_id_equal(&c->entity, &f->item));
        assert_memory_equal(c->space.b, f->space.b, 32);
        assert_int_equal(c->count, 2);
        assert_string_equal(c->texts[0], who == A ? on_b.texts[0] : on_a.texts[0]); /* the same one is shown everywhere */
        bool seen_a = false, seen_b = false;
        for (size_t i = 0; i < 2; i++) {
            size_t author = strcmp(c->texts[i], "by a") == 0 ? A : B;
            seen_a |= author == A;
            seen_b |= author == B;
            assert_memory_equal(c->values[i].grant.b, f->w.d[author].grant.b, 32);
            assert_true(ward_id_equal(&c->values[i].unit, &f->w.d[author].unit));
            assert_int_equal(c->values[i].role, WARD_ROLE_CELL);
            assert_int_equal(c->values[i].seq, author == A ? 2 : 1);
            assert_true(c->values[i].wall_ms > 1750000000000 && c->values[i].wall_ms <= f->w.d[author].outside.now_ms);
        }
        assert_true(seen_a && seen_b);
        const bool concurrent[] = {true, false, false, true};
        assert_memory_equal(c->seen, concurrent, 4);
        ward_record *rec = get(f, who);
        struct ward_live live;
        assert_true(ward_record_is_provisional(rec, TITLE));
        assert_false(ward_record_is_provisional(rec, NOTE));
        assert_int_equal(ward_record_conflicts(rec), 1);
        assert_int_equal(ward_record_live_count(rec, TITLE), 2);
        OK(&f->w, ward_record_live(rec, TITLE, 0, &live, &f->w.err));
        assert_true(is_text(live.value, c->texts[0]));
        assert_true(is_text(ward_record_value(rec, TITLE), c->texts[0]));
        OK(&f->w, ward_record_live(rec, TITLE, 1, &live, &f->w.err));
        assert_true(is_text(live.value, c->texts[1]));
        assert_int_equal(ward_record_live(rec, TITLE, 2, &live, NULL), WARD_ERR_NOT_FOUND);
        ward_record_free(rec);
    }
    /* Ranks and depths are equal: the greater feed id is the one shown. */
    assert_true(memcmp(on_a.values[0].feed.b, on_a.values[1].feed.b, 32) > 0);
    finish(f);
}

static void same_value_is_no_conflict(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("kettle")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("kettle")), 0);
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        assert_int_equal(conflicts(f, who), 0);
        assert_shows_text(f, who, TITLE, "kettle");
        ward_record *rec = get(f, who);
        assert_false(ward_record_is_provisional(rec, TITLE));
        assert_int_equal(ward_record_live_count(rec, TITLE), 2);
        ward_record_free(rec);
    }
    /* and the next write replaces both */
    assert_int_equal(put(f, A, TITLE, ward_value_text("pot")), 0);
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "pot");
    finish(f);
}

static void two_clears_or_null_stand_as_values(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_null()), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("x")), 0);
    meet(&f->w, A, B);
    assert_int_equal(the_conflict(f, A).count, 2);
    finish(f);
}

/* ---------------------------------------------------------------- presence */

static void edit_against_deletion(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("still needed")), 0);
    assert_int_equal(del(f, B), 0);
    ward_record *rec;
    assert_int_equal(ward_get(f->w.d[B].r, KIND_ITEM, &f->item, false, &rec, NULL), WARD_ERR_NOT_FOUND);
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        struct seen_conflict c = the_conflict(f, who);
        assert_int_equal(c.field, WARD_FIELD_PRESENCE);
        assert_int_equal(c.count, 2);
        assert_true(c.booleans[0] != c.booleans[1]);
        assert_false(c.seen[1]);
        assert_false(c.seen[2]);
        assert_shows_text(f, who, TITLE, "still needed"); /* shown while in doubt */
    }
    struct seen_conflict c = the_conflict(f, B);
    struct ward_value gone = ward_value_bool(false);
    OK(&f->w, ward_resolve(f->w.d[B].r, &c.id, 2, 0, &gone, "sold", &f->w.err));
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        assert_int_equal(conflicts(f, who), 0);
        assert_int_equal(ward_get(f->w.d[who].r, KIND_ITEM, &f->item, false, &rec, NULL), WARD_ERR_NOT_FOUND);
        OK(&f->w, ward_get(f->w.d[who].r, KIND_ITEM, &f->item, true, &rec, &f->w.err));
        assert_true(ward_record_deleted(rec));
        ward_record_free(rec);
    }
    finish(f);
}

static void presence_conflict_can_keep(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, NOTE, ward_value_text("n")), 0);
    assert_int_equal(del(f, B), 0);
    meet(&f->w, A, B);
    struct seen_conflict c = the_conflict(f, A);
    struct ward_value keep = ward_value_bool(true);
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, 0, &keep, "in use", &f->w.err));
    give(&f->w, A, B);
    assert_int_equal(conflicts(f, B), 0);
    assert_shows_text(f, B, NOTE, "n");
    finish(f);
}

/* Whatever their ranks: a cell that deletes what the office made has asked a question, not answered one; who had seen whom is told. */
static void cell_deletes_what_the_office_made(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, OFFICE, TITLE, ward_value_text("official")), 0);
    give(&f->w, OFFICE, A);
    assert_int_equal(del(f, A), 0);
    struct seen_conflict c = the_conflict(f, A);
    assert_int_equal(c.field, WARD_FIELD_PRESENCE);
    assert_true(c.booleans[0]); /* the office's rank is greater */
    assert_false(c.booleans[1]);
    const bool seen[] = {true, false, true, true}; /* the deletion had seen the record, not the other way */
    assert_memory_equal(c.seen, seen, 4);
    struct ward_value gone = ward_value_bool(false);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, &gone, "r", NULL), WARD_ERR_NO_RIGHT);
    give(&f->w, A, OFFICE);
    OK(&f->w, ward_resolve(f->w.d[OFFICE].r, &c.id, 2, 0, &gone, "agreed", &f->w.err));
    finish(f);
    ward_record *rec;
    for (size_t who = OFFICE; who <= B; who++)
        assert_int_equal(ward_get(f->w.d[who].r, KIND_ITEM, &f->item, false, &rec, NULL), WARD_ERR_NOT_FOUND);
}

static void edits_of_the_deleted_are_refused(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(del(f, A), 0);
    assert_int_equal(put(f, A, NOTE, ward_value_text("x")), WARD_ERR_NOT_FOUND);
    assert_int_equal(tag(f, A, "t", true), WARD_ERR_NOT_FOUND);
    assert_int_equal(del(f, A), WARD_ERR_NOTHING);
    /* It can be brought back on purpose, and then be written again. */
    assert_int_equal(put(f, A, WARD_FIELD_PRESENCE, ward_value_bool(true)), 0);
    assert_int_equal(put(f, A, NOTE, ward_value_text("x")), 0);
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "boiler");
    assert_shows_text(f, B, NOTE, "x");
    finish(f);
}

static void counting_on_the_deleted_is_refused(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(del(f, A), 0);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(1)), WARD_ERR_NOT_FOUND);
    finish(f);
}

/* ---------------------------------------------------------------- governed */

static void cell_cannot_displace_the_office(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, OFFICE, DUE, ward_value_int(20)), 0);
    give(&f->w, OFFICE, A);
    assert_int_equal(put(f, A, DUE, ward_value_int(99)), 0);
    give(&f->w, A, B);
    give(&f->w, A, OFFICE);
    for (size_t who = OFFICE; who <= B; who++) {
        ward_record *rec = get(f, who);
        struct ward_live live;
        assert_int_equal(ward_record_value(rec, DUE).integer, 20);
        assert_int_equal(ward_record_live_count(rec, DUE), 2);
        assert_false(ward_record_is_provisional(rec, DUE)); /* a proposal, not a conflict */
        OK(&f->w, ward_record_live(rec, DUE, 1, &live, &f->w.err));
        assert_int_equal(live.value.integer, 99);
        assert_int_equal(live.role, WARD_ROLE_CELL);
        ward_record_free(rec);
        assert_int_equal(conflicts(f, who), 0);
    }
    /* The cell's next proposal takes the place of its last one; the office's word takes that of both. */
    assert_int_equal(put(f, A, DUE, ward_value_int(98)), 0);
    ward_record *rec = get(f, A);
    assert_int_equal(ward_record_live_count(rec, DUE), 2);
    ward_record_free(rec);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, OFFICE, DUE, ward_value_int(98)), 0);
    give(&f->w, OFFICE, B);
    rec = get(f, B);
    assert_int_equal(ward_record_value(rec, DUE).integer, 98);
    assert_int_equal(ward_record_live_count(rec, DUE), 1);
    ward_record_free(rec);
    finish(f);
}

static void two_cells_conflict_in_a_governed_field(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, DUE, ward_value_int(1)), 0);
    assert_int_equal(put(f, B, DUE, ward_value_int(2)), 0);
    meet(&f->w, A, B);
    assert_int_equal(the_conflict(f, A).field, DUE);
    meet_all(&f->w);
    assert_int_equal(conflicts(f, OFFICE), 1);
    /* A greater rank's word, not having seen them, leaves only proposals. */
    struct ward_id other = unit_id('!');
    assert_int_equal(put_in(f, OFFICE, &f->space, &other, DUE, NULL, ward_value_int(5)), 0);
    struct seen_conflict c = the_conflict(f, OFFICE);
    struct ward_value five = ward_value_int(5);
    OK(&f->w, ward_resolve(f->w.d[OFFICE].r, &c.id, 2, 0, &five, "by the office", &f->w.err));
    finish(f);
    for (size_t who = OFFICE; who <= B; who++)
        assert_shows_int(f, who, DUE, 5);
}

static void greater_rank_concurrent_with_cells(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, A, DUE, ward_value_int(1)), 0);
    assert_int_equal(put(f, B, DUE, ward_value_int(2)), 0);
    assert_int_equal(put(f, OFFICE, DUE, ward_value_int(3)), 0);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_shows_int(f, who, DUE, 3);
        assert_int_equal(conflicts(f, who), 0);
        ward_record *rec = get(f, who);
        assert_int_equal(ward_record_live_count(rec, DUE), 3);
        ward_record_free(rec);
    }
}

/* ---------------------------------------------------------------- sets, sums, max, latest */

static void sets_add_wins(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(tag(f, A, "red", true), 0);
    assert_int_equal(tag(f, A, "blue", true), 0);
    give(&f->w, A, B);
    assert_int_equal(tag(f, A, "red", false), 0);
    assert_int_equal(tag(f, B, "red", false), 0);
    assert_int_equal(tag(f, B, "red", true), 0); /* taken out and put in again, unseen by A */
    assert_int_equal(tag(f, B, "blue", false), 0);
    assert_int_equal(tag(f, A, "green", true), 0);
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        const uint8_t *key;
        size_t len;
        ward_record *rec = get(f, who);
        assert_int_equal(ward_record_member_count(rec, TAGS), 2);
        assert_int_equal(ward_record_member(rec, TAGS, 0, &key, &len), 0);
        assert_int_equal(len, 5);
        assert_memory_equal(key, "green", 5);
        assert_int_equal(ward_record_member(rec, TAGS, 1, &key, &len), 0);
        assert_int_equal(len, 3);
        assert_memory_equal(key, "red", 3);
        assert_int_equal(ward_record_member(rec, TAGS, 2, &key, &len), WARD_ERR_NOT_FOUND);
        ward_record_free(rec);
        assert_int_equal(conflicts(f, who), 0);
    }
    finish(f);
}

static void sums_of_three_devices(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(5)), 0);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(-2)), 0);
    assert_int_equal(put(f, B, COUNTED, ward_value_int(10)), 0);
    assert_int_equal(put(f, OFFICE, COUNTED, ward_value_int(100)), 0);
    assert_shows_int(f, A, COUNTED, 3);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++)
        assert_shows_int(f, who, COUNTED, 113);
    assert_int_equal(put(f, B, COUNTED, ward_value_int(-113)), 0);
    assert_int_equal(put(f, B, COUNTED, ward_value_int(0)), WARD_ERR_NOTHING);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++)
        assert_shows_int(f, who, COUNTED, 0);
    /* Twice in one transaction counts twice. */
    ward_txn *t;
    struct ward_value two = ward_value_int(2);
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, COUNTED, NULL, 0, &two, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, COUNTED, NULL, 0, &two, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    assert_shows_int(f, A, COUNTED, 4);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(INT64_MAX)), WARD_ERR_VALUE);
    finish(f);
}

static void max_and_latest_never_conflict(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    assert_int_equal(put(f, A, LEVEL, ward_value_int(7)), 0);
    assert_int_equal(put(f, A, LEVEL, ward_value_int(3)), 0); /* seen: it replaces */
    assert_int_equal(put(f, B, LEVEL, ward_value_int(-5)), 0);
    assert_int_equal(put(f, B, NOTE, ward_value_text("two")), 0);
    assert_int_equal(put(f, A, NOTE, ward_value_text("one")), 0);
    assert_int_equal(put(f, B, HELD, ward_value_bool(true)), 0);
    assert_int_equal(put(f, A, HELD, ward_value_bool(false)), 0);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_shows_int(f, who, LEVEL, 3);
        assert_shows_text(f, who, NOTE, "one"); /* A's change is the deeper one */
        assert_int_equal(conflicts(f, who), 0);
    }
}

static void fixed_stays(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, A, OWNER, ward_value_text("Lan")), 0);
    assert_int_equal(put(f, A, OWNER, ward_value_text("Minh")), WARD_ERR_FIXED);
    assert_int_equal(put(f, A, OWNER, ward_value_text("Lan")), WARD_ERR_NOTHING);
    give(&f->w, A, B);
    assert_int_equal(put(f, B, OWNER, ward_value_text("Minh")), WARD_ERR_FIXED);
    assert_shows_text(f, B, OWNER, "Lan");
    /* Set twice without sight of each other it is a conflict like any other. */
    struct ward_id other = unit_id('!');
    assert_int_equal(put_in(f, A, &f->space, &other, OWNER, NULL, ward_value_text("x")), 0);
    assert_int_equal(put_in(f, B, &f->space, &other, OWNER, NULL, ward_value_text("y")), 0);
    meet(&f->w, A, B);
    struct seen_conflict c = the_conflict(f, A);
    assert_int_equal(c.field, OWNER);
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, 1, NULL, "asked them", &f->w.err));
    finish(f);
    assert_int_equal(conflicts(f, B), 0);
}

/* ---------------------------------------------------------------- settling */

struct reason_seen {
    size_t count;
    bool fits;
    const char *text;
    const struct ward_id *about;
};

static int note_reason(void *ctx, const ward_record *rec)
{
    struct reason_seen *s = ctx;
    struct ward_value text = ward_record_value(rec, WARD_FIELD(WARD_OPEN, 1)), about = ward_record_value(rec, WARD_FIELD(WARD_OPEN, 2)),
                      kind = ward_record_value(rec, WARD_FIELD(WARD_OPEN, 3)), field = ward_record_value(rec, WARD_FIELD(WARD_OPEN, 4));
    s->count++;
    s->fits |= is_text(text, s->text) && about.type == WARD_BYTES && about.len == 16 && memcmp(about.p, s->about->b, 16) == 0 &&
               kind.integer == KIND_ITEM && field.type == WARD_INT && field.integer == TITLE;
    return 0;
}

static void title_conflict(struct fixture *f)
{
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), 0);
    meet(&f->w, A, B);
}

static void plain_put_waits_for_a_decision(void **state)
{
    struct fixture *f = *state;
    title_conflict(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("third")), WARD_ERR_IN_CONFLICT);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), WARD_ERR_IN_CONFLICT);
    assert_int_equal(put(f, A, NOTE, ward_value_text("other fields go on")), 0);
    finish(f);
}

static void resolved_with_a_reason(void **state)
{
    struct fixture *f = *state;
    title_conflict(f);
    struct seen_conflict c = the_conflict(f, A);
    struct ward_id none = unit_id('?');
    struct ward_value third = ward_value_text("third");
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 3, 0, NULL, "r", NULL), WARD_ERR_STALE);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 1, 0, &third, "r", NULL), WARD_ERR_STALE);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 2, NULL, "r", NULL), WARD_ERR_ARGUMENT);
    assert_int_equal(ward_resolve(f->w.d[A].r, &none, 2, 0, NULL, "r", NULL), WARD_ERR_NOT_FOUND);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, NULL, "", NULL), WARD_ERR_REASON);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, NULL, NULL, NULL), WARD_ERR_REASON);
    struct ward_value wrong = ward_value_int(1);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, &wrong, "r", NULL), WARD_ERR_VALUE);
    assert_int_equal(conflicts(f, A), 1);
    size_t take = strcmp(c.texts[0], "by b") == 0 ? 0 : 1;
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, take, NULL, "b was there", &f->w.err));
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        struct reason_seen seen = {.text = "b was there", .about = &f->item};
        assert_int_equal(conflicts(f, who), 0);
        assert_shows_text(f, who, TITLE, "by b");
        OK(&f->w, ward_each(f->w.d[who].r, 3, note_reason, &seen, &f->w.err));
        assert_int_equal(seen.count, 1);
        assert_true(seen.fits);
        ward_record *rec = get(f, who);
        assert_int_equal(ward_record_live_count(rec, TITLE), 1);
        assert_false(ward_record_is_provisional(rec, TITLE));
        ward_record_free(rec);
    }
}

static void a_value_of_the_office_is_not_a_cells_to_settle(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, OFFICE, TITLE, ward_value_text("by office")), 0);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    meet(&f->w, OFFICE, A);
    struct seen_conflict c = the_conflict(f, A);
    assert_string_equal(c.texts[0], "by office"); /* greatest rank */
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 0, NULL, "r", NULL), WARD_ERR_NO_RIGHT);
    assert_int_equal(ward_resolve(f->w.d[A].r, &c.id, 2, 1, NULL, "r", NULL), WARD_ERR_NO_RIGHT);
    OK(&f->w, ward_resolve(f->w.d[OFFICE].r, &c.id, 2, 1, NULL, "the cell is right", &f->w.err));
    finish(f);
    assert_shows_text(f, B, TITLE, "by a");
}

static void a_third_value_makes_it_stale(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, OFFICE, TITLE, ward_value_text("by office")), 0);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), 0);
    give(&f->w, A, OFFICE);
    struct seen_conflict c = the_conflict(f, OFFICE);
    give(&f->w, B, OFFICE);
    assert_int_equal(ward_resolve(f->w.d[OFFICE].r, &c.id, c.count, 0, NULL, "r", NULL), WARD_ERR_STALE);
    c = the_conflict(f, OFFICE);
    assert_int_equal(c.count, 3);
    OK(&f->w, ward_resolve(f->w.d[OFFICE].r, &c.id, 3, 0, NULL, "r", &f->w.err));
    finish(f);
    assert_shows_text(f, B, TITLE, "by office");
}

/* Between the look at a conflict and the commit another process may take a value in: the commit looks again. */
static void a_third_value_before_the_commit_makes_it_stale(void **state)
{
    struct fixture *f = *state;
    ward_txn *t;
    struct ward_value v = ward_value_text("by office");
    common_ground(f);
    give(&f->w, A, OFFICE);
    assert_int_equal(put(f, OFFICE, TITLE, v), 0);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), 0);
    give(&f->w, A, OFFICE);
    struct seen_conflict c = the_conflict(f, OFFICE);
    OK(&f->w, ward_begin(f->w.d[OFFICE].r, &t, &f->w.err));
    ward_txn_settles(t, KIND_ITEM, &f->item, TITLE, c.count);
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &v, &f->w.err));
    give(&f->w, B, OFFICE);
    assert_int_equal(ward_commit(t, NULL, NULL), WARD_ERR_STALE);
    c = the_conflict(f, OFFICE);
    assert_int_equal(c.count, 3);
}

static void two_resolvers_agree(void **state)
{
    struct fixture *f = *state;
    title_conflict(f);
    struct seen_conflict c = the_conflict(f, A);
    struct ward_value both = ward_value_text("agreed");
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, 0, &both, "a says", &f->w.err));
    OK(&f->w, ward_resolve(f->w.d[B].r, &c.id, 2, 0, &both, "b says", &f->w.err));
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        struct reason_seen seen = {.text = "a says", .about = &f->item};
        assert_int_equal(conflicts(f, who), 0);
        assert_shows_text(f, who, TITLE, "agreed");
        OK(&f->w, ward_each(f->w.d[who].r, 3, note_reason, &seen, &f->w.err));
        assert_int_equal(seen.count, 2);
    }
}

static void two_resolvers_differ(void **state)
{
    struct fixture *f = *state;
    title_conflict(f);
    struct seen_conflict c = the_conflict(f, A);
    struct ward_value x = ward_value_text("x"), y = ward_value_text("y");
    OK(&f->w, ward_resolve(f->w.d[A].r, &c.id, 2, 0, &x, "a says", &f->w.err));
    OK(&f->w, ward_resolve(f->w.d[B].r, &c.id, 2, 0, &y, "b says", &f->w.err));
    meet(&f->w, A, B);
    for (size_t who = A; who <= B; who++) {
        struct seen_conflict again = the_conflict(f, who);
        assert_true(ward_id_equal(&again.id, &c.id)); /* the same question, asked again */
        assert_int_equal(again.count, 2);
        assert_true(strlen(again.texts[0]) == 1 && strlen(again.texts[1]) == 1);
    }
    OK(&f->w, ward_resolve(f->w.d[B].r, &c.id, 2, 0, &x, "talked", &f->w.err));
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_int_equal(conflicts(f, who), 0);
        assert_shows_text(f, who, TITLE, "x");
    }
}

/* ---------------------------------------------------------------- what is not known, not allowed, not well formed */

static void a_smaller_schema_carries_all(void **state)
{
    struct fixture *f = *state;
    struct device *b = &f->w.d[B];
    struct ward_id other = unit_id('!');
    ward_record *rec;
    ward_close(b->r);
    b->options.schema = &small_schema;
    OK(&f->w, ward_open(&b->r, b->home, &b->options, &f->w.err));
    common_ground(f);
    assert_int_equal(put(f, A, DUE, ward_value_int(9)), 0);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(4)), 0);
    assert_int_equal(tag(f, A, "red", true), 0);
    ward_txn *t;
    struct ward_value name = ward_value_text("another kind");
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_OTHER, &other, NAME, NULL, 0, &name, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    give(&f->w, A, B);
    assert_int_equal(ward_get(b->r, KIND_OTHER, &other, false, &rec, NULL), WARD_ERR_UNKNOWN_KIND);
    rec = get(f, B);
    assert_int_equal(ward_record_value(rec, DUE).type, WARD_NULL);
    ward_record_free(rec);
    assert_int_equal(put(f, B, DUE, ward_value_int(1)), WARD_ERR_UNKNOWN_FIELD);
    OK(&f->w, ward_begin(b->r, &t, &f->w.err));
    assert_int_equal(ward_put(t, &f->space, KIND_OTHER, &other, NAME, NULL, 0, &name, NULL), WARD_ERR_UNKNOWN_KIND);
    ward_abort(t);
    assert_int_equal(put(f, B, TITLE, ward_value_text("edited by the small one")), 0);
    give(&f->w, B, OFFICE); /* forwards what it does not know */
    assert_shows_text(f, OFFICE, TITLE, "edited by the small one");
    assert_shows_int(f, OFFICE, DUE, 9);
    assert_shows_int(f, OFFICE, COUNTED, 4);
    OK(&f->w, ward_get(f->w.d[OFFICE].r, KIND_OTHER, &other, false, &rec, &f->w.err));
    assert_true(is_text(ward_record_value(rec, NAME), "another kind"));
    ward_record_free(rec);
    /* A conflict it cannot see is seen once its program is renewed. */
    assert_int_equal(put(f, OFFICE, OWNER, ward_value_text("u")), 0);
    assert_int_equal(put(f, A, OWNER, ward_value_text("v")), 0);
    finish(f);
    assert_int_equal(conflicts(f, A), 1);
    assert_int_equal(conflicts(f, B), 0);
    ward_close(b->r);
    b->options.schema = &full_schema;
    OK(&f->w, ward_open(&b->r, b->home, &b->options, &f->w.err));
    assert_int_equal(conflicts(f, B), 1);
    assert_shows_int(f, B, DUE, 9);
    finish(f);
}

static void two_spaces_in_one_act(void **state)
{
    struct fixture *f = *state;
    struct ward_hash own;
    struct ward_id only = unit_id('a'), other = unit_id('!');
    struct ward_value x = ward_value_text("x"), y = ward_value_text("y");
    struct ward_commit done;
    ward_txn *t;
    ward_record *rec;
    OK(&f->w, ward_space_of_circle(f->w.d[A].r, &own, &only, 1, &f->w.err));
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &own, KIND_ITEM, &other, OWNER, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_put(t, &own, KIND_ITEM, &other, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_commit(t, &done, &f->w.err));
    assert_int_equal(done.changes, 2);
    assert_int_equal(done.ops, 3);
    /* The second space's write is refused: nothing of the first stays. */
    struct ward_hash before, after;
    OK(&f->w, ward_state_digest(f->w.d[A].r, &f->space, &before, &f->w.err));
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &y, &f->w.err));
    int rc = ward_put(t, &own, KIND_ITEM, &other, OWNER, NULL, 0, &y, NULL);
    if (!rc)
        rc = ward_commit(t, NULL, NULL);
    else
        ward_abort(t);
    assert_int_equal(rc, WARD_ERR_FIXED);
    OK(&f->w, ward_state_digest(f->w.d[A].r, &f->space, &after, &f->w.err));
    assert_memory_equal(before.b, after.b, 32);
    assert_shows_text(f, A, TITLE, "x");
    finish(f);
    assert_int_equal(ward_get(f->w.d[B].r, KIND_ITEM, &other, false, &rec, NULL), WARD_ERR_NOT_FOUND); /* not its circle */
    OK(&f->w, ward_get(f->w.d[OFFICE].r, KIND_ITEM, &other, false, &rec, &f->w.err));
    ward_record_free(rec);
}

static void nothing_is_written_for_nothing(void **state)
{
    struct fixture *f = *state;
    struct ward_status before, after;
    ward_txn *t;
    common_ground(f);
    OK(&f->w, ward_status(f->w.d[A].r, &before, &f->w.err));
    assert_int_equal(put(f, A, TITLE, ward_value_text("boiler")), WARD_ERR_NOTHING);
    assert_int_equal(put(f, A, WARD_FIELD_PRESENCE, ward_value_bool(true)), WARD_ERR_NOTHING);
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    assert_int_equal(ward_commit(t, NULL, NULL), WARD_ERR_NOTHING);
    OK(&f->w, ward_status(f->w.d[A].r, &after, &f->w.err));
    assert_memory_equal(before.digest.b, after.digest.b, 32);
    assert_int_equal(before.changes, after.changes);
    /* The last word of one transaction counts, so there and back is nothing. */
    struct ward_value x = ward_value_text("x"), same = ward_value_text("boiler");
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &same, &f->w.err));
    assert_int_equal(ward_commit(t, NULL, NULL), WARD_ERR_NOTHING);
    assert_shows_text(f, A, TITLE, "boiler");
    /* And there again is something, with what was written meanwhile. */
    struct ward_value note = ward_value_text("in the cellar"), more = ward_value_text("in the attic");
    struct ward_commit sum;
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, NOTE, NULL, 0, &note, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &same, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, NOTE, NULL, 0, &more, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, TITLE, NULL, 0, &x, &f->w.err));
    OK(&f->w, ward_commit(t, &sum, &f->w.err));
    assert_int_equal(sum.ops, 2);
    assert_shows_text(f, A, TITLE, "x");
    assert_shows_text(f, A, NOTE, "in the attic");
    finish(f);
}

static void wrong_values_are_refused(void **state)
{
    struct fixture *f = *state;
    char owner[OWNER_MAX + 2];
    memset(owner, 'x', sizeof owner);
    owner[OWNER_MAX] = 0;
    assert_int_equal(put(f, A, OWNER, ward_value_text(owner)), 0);
    owner[OWNER_MAX] = 'x';
    owner[OWNER_MAX + 1] = 0;
    struct ward_id other = unit_id('!');
    assert_int_equal(put_in(f, A, &f->space, &other, OWNER, NULL, ward_value_text(owner)), WARD_ERR_LIMIT_VALUE);
    assert_int_equal(put(f, A, TITLE, ward_value_text("\xc3\x28")), WARD_ERR_UTF8);
    assert_int_equal(put(f, A, TITLE, ward_value_text("\xed\xa0\x80")), WARD_ERR_UTF8);
    struct ward_value zero = {.type = WARD_TEXT, .p = (const uint8_t *)"a\0b", .len = 3};
    assert_int_equal(put(f, A, TITLE, zero), WARD_ERR_UTF8);
    assert_int_equal(put(f, A, TITLE, ward_value_int(3)), WARD_ERR_VALUE);
    assert_int_equal(put(f, A, COUNTED, ward_value_null()), WARD_ERR_VALUE);
    assert_int_equal(put(f, A, TAGS, ward_value_bool(true)), WARD_ERR_VALUE); /* no key */
    assert_int_equal(put_in(f, A, &f->space, &f->item, TITLE, "k", ward_value_text("x")), WARD_ERR_VALUE);
    char key[66];
    memset(key, 'k', sizeof key);
    key[64] = 0;
    assert_int_equal(tag(f, A, key, true), 0);
    key[64] = 'k';
    key[65] = 0;
    assert_int_equal(tag(f, A, key, true), WARD_ERR_LIMIT_KEY);
    /* The protocol's limit, where the schema names none. */
    char *text = calloc(1, 49155);
    assert_non_null(text);
    memset(text, 't', 49152 - 3);
    assert_int_equal(put(f, A, TITLE, ward_value_text(text)), 0);
    text[49152 - 3] = 't';
    assert_int_equal(put(f, A, TITLE, ward_value_text(text)), WARD_ERR_LIMIT_VALUE);
    free(text);
    /* A cell does not write in the ward space, nor in a circle without it. */
    struct ward_hash ward_space, foreign;
    struct ward_id b = unit_id('b');
    ward_space_of_ward(f->w.d[A].r, &ward_space);
    OK(&f->w, ward_space_of_circle(f->w.d[A].r, &foreign, &b, 1, &f->w.err));
    assert_int_equal(put_in(f, A, &ward_space, &f->item, TITLE, NULL, ward_value_text("x")), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(put_in(f, A, &foreign, &f->item, TITLE, NULL, ward_value_text("x")), WARD_ERR_NOT_ENTITLED);
    struct ward_hash nowhere = {{1}};
    assert_int_equal(put_in(f, A, &nowhere, &f->item, TITLE, NULL, ward_value_text("x")), WARD_ERR_SPACE);
    finish(f);
}

/* More than one change's worth in one act: several changes, one durable act. */
static void a_large_act_is_split(void **state)
{
    struct fixture *f = *state;
    ward_txn *t;
    struct ward_commit done;
    OK(&f->w, ward_begin(f->w.d[A].r, &t, &f->w.err));
    for (unsigned i = 0; i < 1500; i++) {
        struct ward_id id = {{(uint8_t)(i >> 8), (uint8_t)i, 1}};
        struct ward_value v = ward_value_text("many");
        OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &id, TITLE, NULL, 0, &v, &f->w.err));
    }
    OK(&f->w, ward_commit(t, &done, &f->w.err));
    assert_int_equal(done.ops, 1500);
    assert_true(done.changes >= 2);
    finish(f);
}

/* ---------------------------------------------------------------- cuts */

static void cut_tail_has_no_effect(void **state)
{
    struct fixture *f = *state;
    struct ward_status status;
    common_ground(f);
    give(&f->w, A, OFFICE);
    give(&f->w, OFFICE, A);
    OK(&f->w, ward_revoke(f->w.d[OFFICE].r, &f->w.d[A].grant, "lost", &f->w.err));
    /* A does not know yet and goes on. */
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a thief")), 0);
    assert_int_equal(put(f, A, COUNTED, ward_value_int(1000)), 0);
    /* B hears the thief first and even answers; the office hears the thief after its own cut. */
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "by a thief");
    assert_int_equal(put(f, B, NOTE, ward_value_text("odd")), 0);
    give(&f->w, A, OFFICE);
    assert_shows_text(f, OFFICE, TITLE, "boiler");
    OK(&f->w, ward_status(f->w.d[OFFICE].r, &status, &f->w.err));
    assert_int_equal(status.quarantined, 2);
    give(&f->w, OFFICE, B);
    assert_shows_text(f, B, TITLE, "boiler");
    give(&f->w, B, OFFICE);
    give(&f->w, OFFICE, A);
    assert_int_equal(put(f, A, TITLE, ward_value_text("again")), WARD_ERR_CUT);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_shows_text(f, who, TITLE, "boiler");
        assert_shows_text(f, who, NOTE, "odd");
        ward_record *rec = get(f, who);
        assert_int_equal(ward_record_value(rec, COUNTED).type, WARD_NULL);
        ward_record_free(rec);
        OK(&f->w, ward_status(f->w.d[who].r, &status, &f->w.err));
        assert_int_equal(status.quarantined, 2);
        assert_int_equal(status.devices, 2); /* the office and B */
    }
    /* Someone who meets it all afterwards, cut first. */
    size_t late = admit(&f->w, 'b', WARD_ROLE_CELL, 77);
    give(&f->w, OFFICE, B);
    give(&f->w, B, late);
    assert_shows_text(f, late, TITLE, "boiler");
    finish(f);
}

static void a_cut_device_cannot_undo_by_deleting(void **state)
{
    struct fixture *f = *state;
    common_ground(f);
    give(&f->w, B, OFFICE);
    OK(&f->w, ward_revoke(f->w.d[OFFICE].r, &f->w.d[A].grant, "gone", &f->w.err));
    assert_int_equal(del(f, A), 0);
    give(&f->w, A, B);
    finish(f);
    for (size_t who = OFFICE; who <= B; who++) {
        assert_shows_text(f, who, TITLE, "boiler");
        assert_int_equal(conflicts(f, who), 0);
    }
    assert_int_equal(ward_revoke(f->w.d[B].r, &f->w.d[A].grant, "r", NULL), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(ward_revoke(f->w.d[OFFICE].r, &f->space, "r", NULL), WARD_ERR_NOT_FOUND);
    assert_int_equal(ward_revoke(f->w.d[OFFICE].r, &f->w.d[B].grant, "", NULL), WARD_ERR_REASON);
}

/* ---------------------------------------------------------------- backups */

static void restored_home_learns_its_own_past(void **state)
{
    struct fixture *f = *state;
    struct device *a = &f->w.d[A];
    char copy[700];
    common_ground(f);
    ward_close(a->r);
    snprintf(copy, sizeof copy, "%s/copy", f->w.dir);
    copy_home(a->home, copy);
    OK(&f->w, ward_open(&a->r, a->home, &a->options, &f->w.err));
    assert_int_equal(put(f, A, TITLE, ward_value_text("after the copy")), 0);
    give(&f->w, A, B);
    ward_close(a->r);
    remove_tree(a->home);
    copy_home(copy, a->home);
    OK(&f->w, ward_open(&a->r, a->home, &a->options, &f->w.err));
    assert_shows_text(f, A, TITLE, "boiler");
    give(&f->w, B, A); /* before it writes anything */
    assert_shows_text(f, A, TITLE, "after the copy");
    assert_int_equal(put(f, A, TITLE, ward_value_text("and on")), 0);
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "and on");
    finish(f);
}

static void restored_home_that_writes_is_a_fork(void **state)
{
    struct fixture *f = *state;
    struct device *a = &f->w.d[A];
    struct ward_bundle_info info;
    char copy[700];
    common_ground(f);
    ward_close(a->r);
    snprintf(copy, sizeof copy, "%s/copy", f->w.dir);
    copy_home(a->home, copy);
    OK(&f->w, ward_open(&a->r, a->home, &a->options, &f->w.err));
    assert_int_equal(put(f, A, TITLE, ward_value_text("first branch")), 0);
    give(&f->w, A, B);
    ward_close(a->r);
    remove_tree(a->home);
    copy_home(copy, a->home);
    OK(&f->w, ward_open(&a->r, a->home, &a->options, &f->w.err));
    assert_int_equal(put(f, A, TITLE, ward_value_text("second branch")), 0);
    OK(&f->w, give_bundle(&f->w, A, B, false, &info));
    assert_int_equal(info.refused, 0);
    assert_shows_text(f, B, TITLE, "boiler"); /* both are kept, and neither has effect */
    OK(&f->w, give_bundle(&f->w, B, A, false, &info));
    assert_int_equal(info.refused, 0);
    assert_shows_text(f, A, TITLE, "boiler");
    assert_int_equal(put(f, A, TITLE, ward_value_text("third")), WARD_ERR_FORKED);
    assert_sound(&f->w);
}

static void backup_opens(void **state)
{
    struct fixture *f = *state;
    struct device *a = &f->w.d[A];
    char home[600], path[700], key[700], own_key[700];
    ward_replica *r;
    struct ward_hash before, after;
    struct ward_verify_result result;
    title_conflict(f);
    snprintf(home, sizeof home, "%s/from-backup", f->w.dir);
    snprintf(path, sizeof path, "%s/replica.db", home);
    snprintf(key, sizeof key, "%s/device.key", home);
    snprintf(own_key, sizeof own_key, "%s/device.key", a->home);
    assert_int_equal(mkdir(home, 0700), 0);
    OK(&f->w, ward_backup(a->r, path, &f->w.err));
    assert_int_equal(ward_backup(a->r, path, NULL), WARD_ERR_EXISTS);
    assert_int_equal(ward_open(&r, home, &a->options, NULL), WARD_ERR_KEY_MISSING);
    copy_file(own_key, key);
    OK(&f->w, ward_open(&r, home, &a->options, &f->w.err));
    OK(&f->w, ward_state_digest(a->r, &f->space, &before, &f->w.err));
    OK(&f->w, ward_state_digest(r, &f->space, &after, &f->w.err));
    assert_memory_equal(before.b, after.b, 32);
    OK(&f->w, ward_verify(r, true, print_bad, NULL, NULL, &result, &f->w.err));
    assert_int_equal(result.bad, 0);
    ward_close(r);
    finish(f);
}

/* Reading again, or in part, changes nothing. */
static void again_is_nothing(void **state)
{
    struct fixture *f = *state;
    struct ward_bundle_info info;
    title_conflict(f);
    OK(&f->w, give_bundle(&f->w, A, B, false, &info));
    assert_int_equal(info.applied, 0);
    assert_true(info.known > 0);
    OK(&f->w, give_bundle(&f->w, A, B, true, &info));
    assert_int_equal(info.applied, 0);
    assert_int_equal(info.refused, 0);
    assert_int_equal(conflicts(f, B), 1);
    finish(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(different_fields_merge),
        TEST(same_field_is_one_conflict),
        TEST(same_value_is_no_conflict),
        TEST(two_clears_or_null_stand_as_values),
        TEST(edit_against_deletion),
        TEST(presence_conflict_can_keep),
        TEST(cell_deletes_what_the_office_made),
        TEST(edits_of_the_deleted_are_refused),
        TEST(counting_on_the_deleted_is_refused),
        TEST(cell_cannot_displace_the_office),
        TEST(two_cells_conflict_in_a_governed_field),
        TEST(greater_rank_concurrent_with_cells),
        TEST(sets_add_wins),
        TEST(sums_of_three_devices),
        TEST(max_and_latest_never_conflict),
        TEST(fixed_stays),
        TEST(plain_put_waits_for_a_decision),
        TEST(resolved_with_a_reason),
        TEST(a_value_of_the_office_is_not_a_cells_to_settle),
        TEST(a_third_value_makes_it_stale),
        TEST(a_third_value_before_the_commit_makes_it_stale),
        TEST(two_resolvers_agree),
        TEST(two_resolvers_differ),
        TEST(a_smaller_schema_carries_all),
        TEST(two_spaces_in_one_act),
        TEST(nothing_is_written_for_nothing),
        TEST(wrong_values_are_refused),
        TEST(a_large_act_is_split),
        TEST(cut_tail_has_no_effect),
        TEST(a_cut_device_cannot_undo_by_deleting),
        TEST(restored_home_learns_its_own_past),
        TEST(restored_home_that_writes_is_a_fork),
        TEST(backup_opens),
        TEST(again_is_nothing),
    };
    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
