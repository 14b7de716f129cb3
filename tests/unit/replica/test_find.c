/* Records found by an index are those found by reading all of them: after random work of three devices, with conflicts, proposals,
 * deletions, replays and a change of schema. A replica that is read by a program with other indexes works the answer out from the records
 * (find.c): that is the slow and obvious one to compare with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "replicas.h"

#define ITEMS 40

#define INDEXES 4

/* The same indexes, counted from the last: under each number the file holds another. */
static struct ward_index_def turned[INDEXES];
static const struct ward_schema stale_schema = {
    .kinds = all_kinds, .kind_count = 2, .version = 1, .indexes = turned, .index_count = INDEXES};

struct fixture {
    struct world w;
    struct ward_hash space;
    struct ward_id items[ITEMS];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    assert_non_null(f);
    for (size_t i = 0; i < INDEXES; i++)
        turned[i] = all_indexes[INDEXES - 1 - i];
    world_found(&f->w, 1);
    admit_silent(&f->w, 'a', WARD_ROLE_CELL, 1);
    admit_silent(&f->w, 'b', WARD_ROLE_CELL, 1);
    carry_raw(&f->w, 0, 1);
    carry_raw(&f->w, 0, 2);
    for (size_t i = 0; i < 3; i++)
        OK(&f->w, ward_space_of_circle(f->w.d[i].r, &f->space, circle, 2, &f->w.err));
    for (size_t i = 0; i < ITEMS; i++)
        OK(&f->w, ward_new_id(f->w.d[0].r, &f->items[i], &f->w.err));
    f->items[1].b[0] = 0x50; /* which also stands before each id, as the head of 16 bytes */
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

static void put(ward_txn *t, struct fixture *f, const struct ward_id *id, uint32_t field, const char *key, struct ward_value v)
{
    uint32_t kind = field == NAME && key == NULL && id == &f->items[0] ? KIND_OTHER : KIND_ITEM;
    ward_put(t, &f->space, kind, id, field, key, key ? strlen(key) : 0, &v, NULL); /* some are refused: a title in conflict, an owner */
}

static void edit(struct fixture *f, size_t who, struct dice *dice)
{
    static const char *const titles[] = {"II.1-2", "II.1-10", "II.2", "", "việc 9", "việc 10"};
    static const char *const tags[] = {"x", "y", "z1", "z02"};
    const struct ward_id *id = &f->items[dice_below(dice, ITEMS)];
    ward_txn *t;
    OK(&f->w, ward_begin(f->w.d[who].r, &t, &f->w.err));
    switch (dice_below(dice, 8)) {
    case 0:
    case 1:
        put(t, f, id, TITLE, NULL, ward_value_text(titles[dice_below(dice, 6)]));
        break;
    case 2:
        put(t, f, id, DUE, NULL, ward_value_int((int64_t)dice_below(dice, 5) - 2));
        break;
    case 3:
        put(t, f, id, TAGS, tags[dice_below(dice, 4)], ward_value_bool(dice_below(dice, 3) > 0));
        break;
    case 4:
        put(t, f, id, COUNTED, NULL, ward_value_int((int64_t)dice_below(dice, 9) - 4));
        break;
    case 5:
        put(t, f, id, LEVEL, NULL, ward_value_int((int64_t)dice_below(dice, 300)));
        break;
    case 6:
        put(t, f, id, OWNER, NULL, ward_value_text(titles[dice_below(dice, 6)]));
        break;
    default:
        ward_put(t, &f->space, KIND_ITEM, id, WARD_FIELD_PRESENCE, NULL, 0,
                 &(struct ward_value){.type = WARD_BOOL, .boolean = dice_below(dice, 2)}, NULL);
    }
    int rc = ward_commit(t, NULL, &f->w.err);
    if (rc && rc != WARD_ERR_NOTHING && rc != WARD_ERR_IN_CONFLICT && rc != WARD_ERR_FIXED && rc != WARD_ERR_NOT_FOUND)
        OK(&f->w, rc);
}

/* ---- answers as text */

struct answer {
    char text[200000];
    size_t len, records;
};

static void say(struct answer *a, const void *p, size_t n)
{
    for (size_t i = 0; i < n && a->len + 3 < sizeof a->text; i++)
        a->len += (size_t)snprintf(a->text + a->len, 3, "%02x", ((const uint8_t *)p)[i]);
}

static int say_record(void *ctx, const ward_record *rec)
{
    struct answer *a = ctx;
    struct ward_value title = ward_record_value(rec, TITLE);
    say(a, ward_record_id(rec), sizeof(struct ward_id));
    say(a, title.p, title.type == WARD_TEXT ? title.len : 0);
    a->records++;
    return 0;
}

static int say_entry(void *ctx, const struct ward_id *id, const struct ward_value *columns, size_t n)
{
    struct answer *a = ctx;
    say(a, id, sizeof *id);
    for (size_t i = 0; i < n; i++) {
        say(a, &columns[i].type, sizeof columns[i].type);
        say(a, &columns[i].integer, sizeof columns[i].integer);
        say(a, columns[i].p, columns[i].len);
    }
    return 0;
}

static void ask(struct fixture *f, ward_replica *r, const struct ward_query *q, struct answer *a)
{
    uint64_t n = 0;
    a->len = a->records = 0;
    OK(&f->w, ward_find(r, q, say_record, a, &f->w.err));
    OK(&f->w, ward_find_entries(r, q, say_entry, a, &f->w.err));
    OK(&f->w, ward_find_count(r, q, &n, &f->w.err));
    assert_int_equal(n, a->records);
    a->text[a->len] = 0;
}

/* Each index, whole and by some of what stands in it, both ways. `slow`: by stale_schema. */
static size_t compare(struct fixture *f, ward_replica *r, ward_replica *slow)
{
    static struct answer fast, obvious;
    const struct ward_value is[] = {ward_value_text("II.1-10"), ward_value_int(1), ward_value_bytes("x", 1), ward_value_null(),
                                    ward_value_int(DUE)};
    size_t found = 0;
    for (size_t index = 0; index < INDEXES; index++)
        for (size_t k = 0; k < 2 * (2 + sizeof is / sizeof is[0]); k++) {
            struct ward_query q = {.index = index, .backward = k % 2};
            if (k / 2 == 1)
                q.begins = "II.1";
            else if (k / 2 > 1)
                q.is = &is[k / 2 - 2], q.is_count = 1;
            ask(f, r, &q, &fast);
            q.index = INDEXES - 1 - index;
            ask(f, slow, &q, &obvious);
            assert_string_equal(fast.text, obvious.text);
            found += fast.records;
        }
    return found;
}

/* ---- what each author had seen, against the version vectors made of all deps before */

struct seen {
    struct fixture *f;
    ward_replica *r;
    size_t yes, no;
};

static int check_seen(void *ctx, const struct ward_conflict *c)
{
    struct seen *s = ctx;
    for (size_t i = 0; i < c->value_count; i++) {
        const struct ward_feed *author = ward_directory_feed_by_id(&s->r->dir, &c->values[i].feed);
        struct ward_vv vv = {0};
        OK(&s->f->w, ward_vv_at(s->r, author->fid, c->values[i].seq, &vv, &s->f->w.err));
        for (size_t j = 0; j < c->value_count; j++) {
            const struct ward_feed *other = ward_directory_feed_by_id(&s->r->dir, &c->values[j].feed);
            bool seen = other == author ? c->values[j].seq <= c->values[i].seq : ward_vv_get(&vv, other->fid) >= c->values[j].seq;
            assert_int_equal(c->seen[i * c->value_count + j], seen);
            s->yes += i != j && seen;
            s->no += i != j && !seen;
        }
        ward_vv_free(&vv, &s->r->env);
    }
    return 0;
}

/* ---- the history of a record or a device, against all of it looked through */

struct story {
    struct ward_hash hash[4000];
    size_t count;
    const struct ward_id *about;
    const struct ward_hash *by;
};

static int tell(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t n)
{
    struct story *s = ctx;
    bool fits = (!s->about || n == 0) && (!s->by || memcmp(s->by, &change->grant, sizeof *s->by) == 0);
    for (size_t i = 0; s->about && i < n; i++)
        fits |= ops[i].kind == KIND_ITEM && ward_id_equal(&ops[i].entity, s->about);
    assert_true(s->count < 4000);
    if (fits)
        s->hash[s->count++] = change->hash;
    return 0;
}

static void same_story(struct fixture *f, ward_replica *r, const struct ward_id *about, const struct ward_hash *by)
{
    static struct story all, some;
    struct ward_history_query q = {.kind = KIND_ITEM, .entity = about, .grant = by};
    all = (struct story){.about = about, .by = by};
    OK(&f->w, ward_history(r, NULL, tell, &all, &f->w.err));
    for (int backward = 0; backward < 2; backward++) {
        some = (struct story){.count = 0};
        q.backward = backward;
        OK(&f->w, ward_history_find(r, &q, tell, &some, &f->w.err));
        assert_int_equal(some.count, all.count);
        for (size_t i = 0; i < some.count; i++)
            assert_memory_equal(&some.hash[i], &all.hash[backward ? all.count - 1 - i : i], sizeof some.hash[i]);
    }
}

static void histories(void **state)
{
    struct fixture *f = *state;
    struct dice dice = {21};
    struct seen seen = {.f = f};
    for (int round = 0; round < 8; round++) {
        for (int k = 0; k < 30; k++)
            edit(f, dice_below(&dice, 3), &dice);
        carry_raw(&f->w, dice_below(&dice, 3), dice_below(&dice, 3));
        carry_raw(&f->w, dice_below(&dice, 3), dice_below(&dice, 3));
        seen.r = f->w.d[dice_below(&dice, 3)].r;
        OK(&f->w, ward_conflicts(seen.r, check_seen, &seen, &f->w.err));
        same_story(f, seen.r, NULL, NULL);
        same_story(f, seen.r, &f->items[dice_below(&dice, ITEMS)], NULL);
        same_story(f, seen.r, &f->items[1], NULL);
        same_story(f, seen.r, NULL, &f->w.d[dice_below(&dice, 3)].grant);
    }
    assert_true(seen.no > 20);
}

static size_t check(struct fixture *f, size_t who)
{
    struct device *d = &f->w.d[who];
    struct ward_verify_result result;
    struct ward_options options = d->options;
    ward_replica *slow;
    options.schema = &stale_schema;
    options.read_only = true;
    OK(&f->w, ward_open(&slow, d->home, &options, &f->w.err));
    size_t found = compare(f, d->r, slow);
    ward_close(slow);
    OK(&f->w, ward_verify(d->r, true, NULL, NULL, NULL, &result, &f->w.err));
    assert_int_equal(result.bad, 0);
    return found;
}

static void random_work(void **state)
{
    struct fixture *f = *state;
    struct dice dice = {11};
    size_t found = 0;
    for (int round = 0; round < 12; round++) {
        for (int k = 0; k < 40; k++)
            edit(f, dice_below(&dice, 3), &dice);
        carry_raw(&f->w, dice_below(&dice, 3), dice_below(&dice, 3));
        carry_raw(&f->w, dice_below(&dice, 3), dice_below(&dice, 3));
        found += check(f, dice_below(&dice, 3));
    }
    assert_true(found > 1000); /* there was something to find */
}

static int stop(void *ctx, const ward_record *rec)
{
    (void)rec;
    return ++*(int *)ctx == 3 ? 77 : 0;
}

static void asked_wrongly(void **state)
{
    struct fixture *f = *state;
    uint64_t n;
    int seen = 0;
    struct dice dice = {5};
    for (int k = 0; k < 60; k++)
        edit(f, 0, &dice);
    assert_int_equal(ward_find_count(f->w.d[0].r, &(struct ward_query){.index = INDEXES}, &n, &f->w.err), WARD_ERR_ARGUMENT);
    assert_int_equal(ward_find(f->w.d[0].r, &(struct ward_query){.index = INDEXES}, stop, &seen, &f->w.err), WARD_ERR_ARGUMENT);
    /* A callback ends it. */
    assert_int_equal(ward_find(f->w.d[0].r, &(struct ward_query){.index = 1}, stop, &seen, &f->w.err), 77);
    assert_int_equal(seen, 3);
}

/* Another program renews the tables and writes; this one finds them made by another, and renews them in turn. */
static void another_schema(void **state)
{
    struct fixture *f = *state;
    struct device *d = &f->w.d[0];
    struct dice dice = {9};
    for (int k = 0; k < 60; k++)
        edit(f, 0, &dice);
    ward_close(d->r);
    d->options.schema = &small_schema;
    OK(&f->w, ward_open(&d->r, d->home, &d->options, &f->w.err));
    edit(f, 0, &dice);
    ward_close(d->r);
    d->options.schema = &full_schema;
    OK(&f->w, ward_open(&d->r, d->home, &d->options, &f->w.err));
    assert_true(check(f, 0) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_work, setup, teardown), cmocka_unit_test_setup_teardown(histories, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_wrongly, setup, teardown), cmocka_unit_test_setup_teardown(another_schema, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
