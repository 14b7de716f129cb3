/* Two processes on one home: what one commits in the midst of the other's work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "replicas.h"

enum { OFFICE, A, B };

struct fixture {
    struct world w;
    struct ward_hash space; /* of the circle {a, b} */
    struct ward_id item;    /* which B made and A holds */
    ward_replica *other;    /* the second process on A's home */
    size_t armed;           /* it writes at the so-manieth request for memory; 0: not */
};

static void put(struct fixture *f, ward_replica *r, const char *text)
{
    ward_txn *t;
    struct ward_value v = ward_value_text(text);
    OK(&f->w, ward_begin(r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &f->item, NAME, NULL, 0, &v, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    assert_non_null(f);
    world_found(&f->w, 4711);
    assert_int_equal(admit_silent(&f->w, 'a', WARD_ROLE_CELL, 4711), A);
    assert_int_equal(admit_silent(&f->w, 'b', WARD_ROLE_CELL, 4711), B);
    carry_raw(&f->w, OFFICE, A);
    carry_raw(&f->w, OFFICE, B);
    for (size_t i = 0; i < 3; i++)
        OK(&f->w, ward_space_of_circle(f->w.d[i].r, &f->space, circle, 2, &f->w.err));
    f->item = unit_id('#');
    put(f, f->w.d[B].r, "from b");
    carry_raw(&f->w, B, A);
    OK(&f->w, ward_open(&f->other, f->w.d[A].home, &f->w.d[A].options, &f->w.err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ward_close(f->other);
    world_close(&f->w);
    free(f);
    return 0;
}

static struct fixture *interrupted;

/* Whoever asks for memory meanwhile finds that the other process has written. */
static void *interrupting_alloc(void *ctx, void *p, size_t size)
{
    if (interrupted->armed && size && --interrupted->armed == 0)
        put(interrupted, interrupted->other, "from a, for the first time here");
    return outside_alloc(ctx, p, size);
}

static int count(void *ctx, const ward_record *rec)
{
    (void)rec;
    ++*(size_t *)ctx;
    return WARD_OK;
}

/* The other's first change here begins a feed that the reader's directory does not know. */
static void read_while_the_other_begins_a_feed(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[A].r;
    ward_record *rec;
    size_t n = 0;
    interrupted = f;
    r->env.alloc = interrupting_alloc;
    f->armed = 1;
    OK(&f->w, ward_get(r, KIND_ITEM, &f->item, false, &rec, &f->w.err));
    assert_int_equal(f->armed, 0);
    struct ward_value v = ward_record_value(rec, NAME);
    assert_int_equal(v.len, strlen("from b")); /* all of one moment */
    ward_record_free(rec);
    OK(&f->w, ward_each(r, KIND_ITEM, count, &n, &f->w.err));
    assert_int_equal(n, 1);
    OK(&f->w, ward_get(r, KIND_ITEM, &f->item, false, &rec, &f->w.err));
    v = ward_record_value(rec, NAME);
    assert_int_equal(v.len, strlen("from a, for the first time here"));
    ward_record_free(rec);
}

/* A bundle says how many runs follow: also while another process adds to them, whenever that is. */
static void write_a_bundle_while_the_other_writes(void **state)
{
    struct fixture *f = *state;
    struct ward_bundle_info info;
    bool fired = true;
    size_t at;
    interrupted = f;
    f->w.d[A].r->env.alloc = interrupting_alloc;
    for (at = 1; fired; at++) {
        char text[32];
        snprintf(text, sizeof text, "number %zu", at); /* so that the other's text changes something each time */
        put(f, f->other, text);
        f->armed = at;
        assert_int_equal(give_bundle(&f->w, A, B, false, &info), WARD_OK);
        fired = f->armed == 0;
        f->armed = 0;
    }
    assert_true(at > 10);
    print_message("interrupted at %zu places\n", at - 2);
}

/* What the stream finds before its directory knows of it is not passed over: else the next run of that feed would leave a gap. */
static void stream_while_the_other_begins_a_feed(void **state)
{
    struct fixture *f = *state;
    ward_replica *r = f->w.d[A].r;
    const struct ward_grant as = {.id = f->w.d[B].grant, .unit = f->w.d[B].unit, .role = WARD_ROLE_CELL};
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed run;
    bool got = true;
    ward_stream_init(&s, r, &as);
    ward_buf_init(&frame, &r->env);
    OK(&f->w, ward_stream_seek(&s, &f->w.err));
    while (got)
        OK(&f->w, ward_stream_next(&s, &frame, &run, &got, &f->w.err));
    put(f, f->other, "one");
    OK(&f->w, ward_stream_next(&s, &frame, &run, &got, &f->w.err));
    assert_false(got);
    put(f, f->other, "two");
    OK(&f->w, ward_replica_refresh(r, &f->w.err));
    OK(&f->w, ward_stream_next(&s, &frame, &run, &got, &f->w.err));
    assert_true(got);
    assert_int_equal(run.count, 2); /* from the first on */
    assert_int_equal(run.last, 2);
    ward_stream_free(&s);
    ward_buf_free(&frame);
}

static long log_size(const char *home)
{
    char path[400];
    struct stat st;
    snprintf(path, sizeof path, "%s/replica.db-wal", home);
    return stat(path, &st) ? 0 : (long)st.st_size;
}

/* After much was written at once the log is moved to the database while it is large; who opens the file next must not find all of it. */
static void a_large_log_goes_with_who_wrote_it(void **state)
{
    struct fixture *f = *state;
    struct device *d = &f->w.d[B];
    static char text[40000];
    ward_txn *t;
    memset(text, 'x', sizeof text - 1);
    OK(&f->w, ward_begin(d->r, &t, &f->w.err));
    for (int i = 0; i < 150; i++) {
        struct ward_id id;
        struct ward_value v = ward_value_text(text);
        OK(&f->w, ward_new_id(d->r, &id, &f->w.err));
        OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &id, NOTE, NULL, 0, &v, &f->w.err));
    }
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    assert_true(log_size(d->home) > 4 << 20);
    ward_close(d->r);
    assert_int_equal(log_size(d->home), 0);
    OK(&f->w, ward_open(&d->r, d->home, &d->options, &f->w.err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_while_the_other_begins_a_feed, setup, teardown),
        cmocka_unit_test_setup_teardown(write_a_bundle_while_the_other_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(stream_while_the_other_begins_a_feed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_log_goes_with_who_wrote_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
