/* Runs read before their turn: what was found is taken where all was asked just the same, and nowhere else; with a second thread, with one
 * that never gets on, and where memory lacks, what comes of a run is what comes of it without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "door.h"
#include "replica/ahead.h"
#include "shell/pack.h"

/* ---------------------------------------------------------------- helpers of two kinds, neither with a thread of its own */

static size_t jobs_run;

static void run(struct ward_job *job)
{
    assert_false(job->done);
    job->run(job);
    job->done = true;
    jobs_run++;
}

static void at_once(void *ctx, struct ward_job *job)
{
    (void)ctx;
    job->done = false;
    run(job);
}

static bool was_done(void *ctx, struct ward_job *job, bool wait)
{
    (void)ctx;
    (void)wait;
    assert_true(job->done);
    return true;
}

static bool too_late(void *ctx, struct ward_job *job)
{
    (void)ctx;
    assert_true(job->done);
    return false;
}

static const struct ward_helper prompt = {NULL, at_once, was_done, too_late};

/* It is at the first all the time, and does nothing before somebody waits for it. */
static struct ward_job *first, *last;

static void later(void *ctx, struct ward_job *job)
{
    (void)ctx;
    job->done = false;
    job->next = NULL;
    *(first ? &last->next : &first) = job;
    last = job;
}

static bool now(void *ctx, struct ward_job *job, bool wait)
{
    (void)ctx;
    while (!job->done && wait) {
        assert_non_null(first);
        run(first);
        first = first->next;
    }
    return job->done;
}

static bool take_back(void *ctx, struct ward_job *job)
{
    struct ward_job *before = first;
    (void)ctx;
    while (before && before->next != job)
        before = before->next;
    if (!before)
        return false;
    before->next = job->next;
    last = last == job ? before : last;
    return true;
}

static const struct ward_helper slow = {NULL, later, now, take_back};

/* ---------------------------------------------------------------- what was asked */

struct asking {
    struct fixture *f;
    struct pen p;
    struct ward_run run;
    struct ward_reading x;
    struct ward_ahead *ahead;
    struct ward_buf raw;
    struct ward_scratch scratch;
};

static struct ward_reading reading_of(const struct pen *p, const struct ward_hash *before)
{
    return (struct ward_reading){
        .feed = p->feed, .first = p->first, .last = p->seq, .before = *before, .sig = p->sig, .sign_pk = p->w->d[C].r->keys->sign.pk};
}

static void ask(struct asking *k, struct fixture *f, const struct ward_helper *helper)
{
    *k = (struct asking){.f = f};
    pen_new(&k->p, &f->w, C, &f->space);
    pen_say(&k->p, 1, NULL, 0, "one");
    pen_say(&k->p, 2, NULL, 0, "two");
    pen_seal(&k->p);
    k->run = pen_run(&k->p);
    k->x = reading_of(&k->p, &k->p.feed);
    ward_buf_init(&k->raw, &f->w.d[B].r->env);
    ward_scratch_init(&k->scratch, &f->w.d[B].r->env);
    assert_int_equal(ward_ahead_open(&k->ahead, &f->w.d[B].r->env, helper), WARD_OK);
}

static void asked(struct asking *k)
{
    ward_ahead_close(k->ahead);
    ward_buf_free(&k->raw);
    ward_scratch_free(&k->scratch);
    pen_free(&k->p);
}

static void it_is_taken(void **state)
{
    struct asking k;
    ask(&k, *state, &prompt);
    assert_null(ward_ahead_take(k.ahead, &k.run, &k.raw));
    ward_ahead_begin(k.ahead, &k.run, &k.x, true);
    struct ward_ahead_run *got = ward_ahead_take(k.ahead, &k.run, &k.raw);
    assert_non_null(got);
    assert_int_equal(k.raw.len, k.run.len);
    assert_memory_equal(k.raw.p, k.run.data, k.run.len);
    k.x.mark = 0;
    assert_true(ward_ahead_read(got, &k.x, &k.scratch));
    assert_int_equal(k.x.code, WARD_OK);
    assert_memory_equal(k.x.hash.b, k.p.head.b, 32);
    assert_int_equal(k.scratch.change_count, 2);
    assert_ptr_equal(k.scratch.changes[0].p, k.raw.p);
    assert_null(ward_ahead_take(k.ahead, &k.run, &k.raw)); /* once */
    asked(&k);
}

/* Every byte of the run, and every word of what is asked. */
static void nothing_else_is(void **state)
{
    struct asking k;
    ask(&k, *state, &prompt);
    uint8_t bytes[256], sig[WARD_SEAL_BYTES];
    assert_true(k.run.len <= sizeof bytes);
    ward_ahead_begin(k.ahead, &k.run, &k.x, true);
    for (size_t i = 0; i < k.run.len; i++) {
        struct ward_run other = k.run;
        memcpy(bytes, k.run.data, k.run.len);
        bytes[i] ^= 1;
        other.data = bytes;
        assert_null(ward_ahead_take(k.ahead, &other, &k.raw));
        ward_ahead_begin(k.ahead, &k.run, &k.x, true); /* so that nobody has given it up meanwhile */
    }
    for (size_t i = 0; i < sizeof sig; i++) {
        struct ward_run other = k.run;
        memcpy(sig, k.run.sig, sizeof sig);
        sig[i] ^= 1;
        other.sig = sig;
        assert_null(ward_ahead_take(k.ahead, &other, &k.raw));
        ward_ahead_begin(k.ahead, &k.run, &k.x, true);
    }
    struct ward_run others[] = {k.run, k.run, k.run, k.run};
    others[0].first++;
    others[1].count--;
    others[2].codec++;
    others[3].len--;
    for (size_t i = 0; i < 4; i++)
        assert_null(ward_ahead_take(k.ahead, &others[i], &k.raw));
    struct ward_reading asks[] = {k.x, k.x, k.x, k.x, k.x, k.x, k.x};
    uint8_t pk[32];
    memcpy(pk, k.x.sign_pk, sizeof pk);
    memcpy(sig, k.x.sig, sizeof sig);
    pk[31] ^= 1;
    sig[63] ^= 1;
    asks[0].feed.b[31] ^= 1;
    asks[1].before.b[31] ^= 1;
    asks[2].first++;
    asks[3].last--;
    asks[4].mark = 1;
    asks[5].sig = sig;
    asks[6].sign_pk = pk;
    struct ward_ahead_run *got = ward_ahead_take(k.ahead, &k.run, &k.raw);
    assert_non_null(got);
    for (size_t i = 0; i < 7; i++)
        assert_false(ward_ahead_read(got, &asks[i], &k.scratch));
    assert_false(ward_ahead_read(NULL, &k.x, &k.scratch));
    assert_true(ward_ahead_read(got, &k.x, &k.scratch));
    asked(&k);
}

/* Runs of one feed that follow each other: where the second begins shows when the first has been read. */
static void one_after_another(void **state)
{
    struct asking k;
    static const struct ward_hash unknown;
    ask(&k, *state, &slow);
    struct pen second = k.p;
    ward_buf_init(&second.bodies, k.p.bodies.env);
    pen_next(&second);
    pen_say(&second, 3, NULL, 0, "three");
    pen_seal(&second);
    const struct ward_run run = pen_run(&second);
    struct ward_reading x = reading_of(&second, &unknown);
    struct ward_run stranger = k.run;
    struct ward_reading of_another = k.x;
    stranger.first = 3;
    of_another.feed = k.p.head;
    ward_ahead_begin(k.ahead, &stranger, &of_another, true); /* the helper is at this one */
    ward_ahead_begin(k.ahead, &k.run, &k.x, true);
    ward_ahead_begin(k.ahead, &run, &x, false);
    assert_non_null(ward_ahead_take(k.ahead, &k.run, &k.raw));
    struct ward_ahead_run *got = ward_ahead_take(k.ahead, &run, &k.raw);
    x.before = k.p.head;
    assert_true(ward_ahead_read(got, &x, &k.scratch));
    assert_int_equal(x.code, WARD_OK);
    assert_memory_equal(x.hash.b, second.head.b, 32);
    pen_free(&second);
    asked(&k);
}

/* While the helper is at one, the next is read here; what it has not come to when its turn is there is left to the caller. */
static void side_by_side(void **state)
{
    struct asking k;
    ask(&k, *state, &slow);
    struct pen pens[3];
    struct ward_run runs[3];
    struct ward_reading x[3];
    for (size_t i = 0; i < 3; i++) {
        pens[i] = k.p;
        ward_buf_init(&pens[i].bodies, k.p.bodies.env);
        pen_start(&pens[i], 11 + 10 * i);
        pen_say(&pens[i], 7, NULL, 0, "one of three");
        pen_seal(&pens[i]);
        runs[i] = pen_run(&pens[i]);
        x[i] = reading_of(&pens[i], &k.p.head);
        ward_ahead_begin(k.ahead, &runs[i], &x[i], true);
    }
    jobs_run = 0;
    struct ward_ahead_run *got = ward_ahead_take(k.ahead, &runs[0], &k.raw);
    assert_true(ward_ahead_read(got, &x[0], &k.scratch));
    assert_int_equal(jobs_run, 1);
    assert_ptr_equal(first, last); /* the third; the second was taken back and read */
    got = ward_ahead_take(k.ahead, &runs[1], &k.raw);
    assert_int_equal(jobs_run, 1);
    assert_true(ward_ahead_read(got, &x[1], &k.scratch));
    assert_memory_equal(x[1].hash.b, pens[1].head.b, 32);
    ward_ahead_begin(k.ahead, &runs[0], &x[0], true);
    assert_null(ward_ahead_take(k.ahead, &runs[0], &k.raw));
    assert_non_null(ward_ahead_take(k.ahead, &runs[2], &k.raw));
    assert_int_equal(jobs_run, 2);
    assert_null(first);
    for (size_t i = 0; i < 3; i++)
        pen_free(&pens[i]);
    asked(&k);
}

/* Turns come in another order: what is nearest behind is read here all the same. */
static void out_of_turn(void **state)
{
    struct asking k;
    struct ward_run runs[5];
    ask(&k, *state, &slow);
    for (uint32_t i = 0; i < 5; i++) {
        runs[i] = k.run;
        runs[i].first = 1 + 10 * i;
    }
    for (uint32_t i = 0; i < 4; i++)
        ward_ahead_begin(k.ahead, &runs[i], &k.x, true);
    assert_null(ward_ahead_take(k.ahead, &runs[1], &k.raw));
    ward_ahead_begin(k.ahead, &runs[4], &k.x, true); /* in its place */
    jobs_run = 0;
    assert_non_null(ward_ahead_take(k.ahead, &runs[0], &k.raw));
    assert_int_equal(jobs_run, 1);
    assert_non_null(ward_ahead_take(k.ahead, &runs[2], &k.raw));
    assert_int_equal(jobs_run, 1);
    asked(&k);
}

/* A run of no bytes is one like others. */
static void of_no_bytes(void **state)
{
    struct asking k;
    ask(&k, *state, &prompt);
    k.run.len = 0;
    ward_ahead_begin(k.ahead, &k.run, &k.x, true);
    struct ward_ahead_run *got = ward_ahead_take(k.ahead, &k.run, &k.raw);
    assert_true(ward_ahead_read(got, &k.x, &k.scratch));
    assert_int_equal(k.x.code, WARD_ERR_TRUNCATED);
    asked(&k);
}

/* So many wait and no more; who is never asked for goes when others have had their turn. */
static void room(void **state)
{
    struct asking k;
    struct ward_run others[WARD_AHEAD_RUNS + 1];
    ask(&k, *state, &slow);
    jobs_run = 0;
    for (uint32_t i = 0; i <= WARD_AHEAD_RUNS; i++) {
        others[i] = k.run;
        others[i].first += i;
        assert_int_equal(ward_ahead_has_room(k.ahead), i < WARD_AHEAD_RUNS);
        ward_ahead_begin(k.ahead, &others[i], &k.x, true);
    }
    assert_null(ward_ahead_take(k.ahead, &others[WARD_AHEAD_RUNS], &k.raw));
    assert_int_equal(jobs_run, 0); /* nobody waits for what is not asked for */
    struct ward_run stranger = k.run;
    stranger.count = 99;
    size_t passed = 0;
    for (; passed <= 64 && !ward_ahead_has_room(k.ahead); passed++)
        ward_ahead_take(k.ahead, &stranger, &k.raw);
    assert_in_range(passed, WARD_AHEAD_RUNS, 64);
    ward_ahead_begin(k.ahead, &others[WARD_AHEAD_RUNS], &k.x, false);
    assert_int_equal(jobs_run, 1);
    assert_non_null(ward_ahead_take(k.ahead, &others[WARD_AHEAD_RUNS], &k.raw));
    asked(&k); /* with some that wait */
    assert_null(first);
}

/* What holds very many operations waits until its turn comes. */
static void many_operations(void **state)
{
    struct fixture *f = *state;
    struct asking k;
    static struct ward_op ops[WARD_OPS_MAX];
    static const uint8_t null[] = {0xf6};
    ask(&k, f, &prompt);
    for (uint32_t i = 0; i < WARD_OPS_MAX; i++)
        ops[i] =
            (struct ward_op){.kind = KIND_ITEM, .entity = unit_id('#'), .field = WARD_FIELD(WARD_OPEN, i + 10), .raw = null, .raw_len = 1};
    for (uint64_t more = 0; more < 2; more++) {
        pen_start(&k.p, 1);
        k.p.head = k.p.feed;
        for (uint64_t i = 1; i <= WARD_AHEAD_OPS / WARD_OPS_MAX + more; i++)
            pen_write(&k.p, i, NULL, 0, ops, WARD_OPS_MAX);
        pen_seal(&k.p);
        const struct ward_run run = pen_run(&k.p);
        struct ward_reading x = reading_of(&k.p, &k.p.feed);
        ward_ahead_begin(k.ahead, &run, &x, true);
        struct ward_ahead_run *got = ward_ahead_take(k.ahead, &run, &k.raw);
        assert_int_equal(ward_ahead_read(got, &x, &k.scratch), more == 0);
    }
    pen_start(&k.p, 1);
    k.p.head = k.p.feed;
    for (uint64_t i = 1; i <= 10; i++)
        pen_write(&k.p, i, NULL, 0, ops, WARD_OPS_MAX);
    struct ward_reading x = reading_of(&k.p, &k.p.feed);
    ward_read_bodies(&x, &k.scratch, k.p.bodies.p, k.p.bodies.len);
    size_t room = k.scratch.op_cap;
    pen_start(&k.p, 1);
    k.p.head = k.p.feed;
    pen_say(&k.p, 1, NULL, 0, "small");
    pen_seal(&k.p);
    k.run = pen_run(&k.p);
    k.x = reading_of(&k.p, &k.p.feed);
    for (int i = 0; i < 2; i++) { /* a scratch that has grown so large comes here by exchange, and is not kept */
        ward_ahead_begin(k.ahead, &k.run, &k.x, true);
        assert_true(ward_ahead_read(ward_ahead_take(k.ahead, &k.run, &k.raw), &k.x, &k.scratch));
        assert_in_range(k.scratch.op_cap, 1, room - 1);
    }
    asked(&k);
}

static void without_a_helper(void **state)
{
    struct asking k;
    struct ward_env poor = {.alloc = rationed};
    alloc_calls = alloc_fails_at = 0;
    assert_int_equal(ward_ahead_open(&k.ahead, &poor, &prompt), WARD_ERR_MEMORY);
    assert_null(k.ahead);
    alloc_fails_at = SIZE_MAX;
    ask(&k, *state, NULL);
    assert_null(k.ahead);
    assert_false(ward_ahead_has_room(k.ahead));
    ward_ahead_begin(k.ahead, &k.run, &k.x, true);
    assert_null(ward_ahead_take(k.ahead, &k.run, &k.raw));
    asked(&k);
}

/* ---------------------------------------------------------------- at the door */

static void lend(struct fixture *f, const struct ward_helper *helper)
{
    ward_ahead_close(f->w.d[B].r->ahead);
    assert_int_equal(ward_ahead_open(&f->w.d[B].r->ahead, &f->w.d[B].r->env, helper), WARD_OK);
}

/* What is wrong is said in the same words, and of several things the same one. */
static void refused_alike(void **state)
{
    struct fixture *f = *state;
    const struct ward_helper *helpers[] = {NULL, &prompt, &slow};
    const struct ward_dep unknown = {.feed = {{9}}, .seq = 1};
    struct ward_error err[8][3];
    for (size_t h = 0; h < 3; h++) {
        struct ward_ingested in;
        struct pen good, deep, lacking;
        lend(f, helpers[h]);
        pen_new(&good, &f->w, C, &f->space);
        pen_say(&good, 1, NULL, 0, "one");
        pen_say(&good, 2, NULL, 0, "two");
        pen_seal(&good);
        pen_new(&deep, &f->w, C, &f->space);
        pen_say(&deep, 1, NULL, 0, "one");
        pen_say(&deep, 4, NULL, 0, "two");
        pen_seal(&deep);
        pen_new(&lacking, &f->w, C, &f->space);
        pen_say(&lacking, 1, &unknown, 1, "one");
        pen_say(&lacking, 2, NULL, 0, "two");
        pen_seal(&lacking);
        struct ward_run runs[] = {pen_run(&good), pen_run(&good), pen_run(&good),    pen_run(&good),
                                  pen_run(&good), pen_run(&deep), pen_run(&lacking), pen_run(&lacking)};
        runs[0].len--;
        runs[1].count--;
        runs[2].count++;
        runs[3].sig = deep.sig;
        runs[4].codec = 7;
        runs[7].len--; /* and it lacks something before that */
        static const int codes[] = {WARD_ERR_TRUNCATED, WARD_ERR_TRAILING, WARD_ERR_TRUNCATED,   WARD_ERR_SEAL,
                                    WARD_ERR_CODEC,     WARD_ERR_DEPTH,    WARD_ERR_DEP_MISSING, WARD_ERR_DEP_MISSING};
        for (size_t i = 0; i < 8; i++) {
            jobs_run = 0;
            ward_ingest_ahead(f->w.d[B].r, &runs[i]);
            assert_int_equal(take_run(&f->w, B, &runs[i], &in), codes[i]);
            assert_int_equal(jobs_run, h > 0);
            err[i][h] = f->w.err;
            assert_int_equal(err[i][h].code, err[i][0].code);
            assert_string_equal(err[i][h].detail, err[i][0].detail);
        }
        pen_free(&good);
        pen_free(&deep);
        pen_free(&lacking);
    }
    assert_null(feed_of(f, B, C, &f->space));
}

/* Runs that follow each other, all of them announced before the first is taken in; by the platform's own thread. */
static void taken_alike(void **state)
{
    struct fixture *f = *state;
    struct ward_helper *helper;
    struct ward_ingested in;
    struct pen pens[3];
    OK(&f->w, ward_helper_open(&helper, &f->w.err));
    lend(f, helper);
    pen_new(&pens[0], &f->w, C, &f->space);
    for (size_t i = 0; i < 3; i++) {
        if (i) {
            pens[i] = pens[i - 1];
            ward_buf_init(&pens[i].bodies, pens[0].bodies.env);
            pen_next(&pens[i]);
        }
        pen_say(&pens[i], 1 + i, NULL, 0, "next");
        pen_seal(&pens[i]);
        const struct ward_run run = pen_run(&pens[i]);
        ward_ingest_ahead(f->w.d[B].r, &run);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pen_send(&pens[i], B, &in), WARD_OK);
        assert_int_equal(in.last, 1 + i);
        assert_int_equal(in.applied, 1);
    }
    for (size_t i = 0; i < 3; i++) { /* once more */
        const struct ward_run run = pen_run(&pens[i]);
        ward_ingest_ahead(f->w.d[B].r, &run);
        assert_int_equal(pen_send(&pens[i], B, &in), WARD_OK);
        assert_int_equal(in.applied, 0);
        pen_free(&pens[i]);
    }
    lend(f, NULL);
    ward_helper_close(helper);
    finish(f);
}

/* Whom nobody knows, where nobody may write, and more than there may be: such runs are not begun. */
static void not_begun(void **state)
{
    struct fixture *f = *state;
    struct pen p;
    const uint8_t nobody[8] = {0};
    lend(f, &slow);
    pen_new(&p, &f->w, C, &f->space);
    pen_say(&p, 1, NULL, 0, "one");
    pen_seal(&p);
    struct ward_run runs[] = {pen_run(&p), pen_run(&p), pen_run(&p)};
    runs[0].grant8 = nobody;
    runs[1].space8 = nobody;
    runs[2].count = WARD_RUN_CHANGES_MAX + 1;
    for (size_t i = 0; i < 3; i++)
        ward_ingest_ahead(f->w.d[B].r, &runs[i]);
    assert_null(first);
    pen_free(&p);
    lend(f, NULL);
}

/* What the helper has no memory for is read anew, and what then lacks is said as ever. */
static void without_memory(void **state)
{
    struct fixture *f = *state;
    struct ward_ingested in;
    struct ward_buf packed;
    struct ward_hash before, after;
    struct pen p;
    size_t failed = 0, survived = 0;
    ward_replica *r = f->w.d[B].r;
    pen_new(&p, &f->w, C, &f->space);
    for (uint64_t i = 1; i <= 20; i++)
        pen_say(&p, i, NULL, 0, "all the same");
    pen_seal(&p);
    struct ward_run run = pen_run(&p);
    ward_buf_init(&packed, p.bodies.env);
    OK(&f->w, ward_pack(NULL, &packed, &run.codec, run.data, run.len, run.count, &f->w.err));
    run.data = packed.p;
    run.len = packed.len;
    digest_of(&f->w, B, &before);
    for (int on = 0; on < 2; on++) {
        bool reached = true;
        for (size_t at = 0; reached; at++) {
            lend(f, &prompt);
            r->env.alloc = rationed;
            alloc_calls = 0;
            alloc_fails_at = at;
            alloc_fails_on = on;
            ward_ingest_ahead(r, &run);
            int rc = try_run(&f->w, B, &run, &in);
            reached = alloc_calls > at;
            r->env.alloc = outside_alloc;
            if (rc && rc != WARD_ERR_MEMORY)
                fail_msg("at %zu, on %d: %d, %s", at, on, rc, f->w.err.detail);
            failed += rc != 0;
            survived += reached && !rc;
            assert_true(reached || !rc);
            digest_of(&f->w, B, &after);
            assert_memory_equal(after.b, before.b, 32);
        }
    }
    alloc_fails_at = SIZE_MAX;
    assert_true(failed > 10 && survived > 3);
    assert_int_equal(take_run(&f->w, B, &run, &in), WARD_OK);
    lend(f, NULL);
    ward_buf_free(&packed);
    pen_free(&p);
    finish(f);
}

/* A replica that is opened with a helper, and one for which there is no memory. */
static void opened_with_it(void **state)
{
    struct fixture *f = *state;
    struct device *d = &f->w.d[B];
    struct ward_options options = d->options;
    ward_replica *again;
    options.helper = &prompt;
    options.read_only = true;
    OK(&f->w, ward_open(&again, d->home, &options, &f->w.err));
    assert_non_null(again->ahead);
    ward_close(again);
}

int main(void)
{
#define DOOR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        DOOR(it_is_taken),    DOOR(nothing_else_is), DOOR(one_after_another), DOOR(side_by_side),  DOOR(out_of_turn), DOOR(of_no_bytes),
        DOOR(room),           DOOR(many_operations), DOOR(without_a_helper),  DOOR(refused_alike), DOOR(taken_alike), DOOR(not_begun),
        DOOR(without_memory), DOOR(opened_with_it),
    };
    if (ward_crypto_start(NULL))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
