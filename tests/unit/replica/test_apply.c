/* What is applied, replayed, sent and shown anew where memory ends, the store breaks off, or what it holds is damaged. Two tablets, and a
 * third that writes with the pen alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pen.h"
#include "replica/apply.h"
#include "shell/store_sql.h"

enum { OFFICE, A, B, C };

struct fixture {
    struct world w;
    struct ward_hash space; /* of the circle {a, b} */
    ward_replica *r;        /* B's, which all of this is about */
    struct pen p;           /* C's */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    assert_non_null(f);
    world_found(&f->w, 1);
    admit_silent(&f->w, 'a', WARD_ROLE_CELL, 1);
    admit_silent(&f->w, 'b', WARD_ROLE_CELL, 1);
    admit_silent(&f->w, 'a', WARD_ROLE_CELL, 2);
    for (size_t i = A; i <= C; i++)
        carry_raw(&f->w, OFFICE, i);
    for (size_t i = OFFICE; i <= C; i++)
        OK(&f->w, ward_space_of_circle(f->w.d[i].r, &f->space, circle, 2, &f->w.err));
    f->r = f->w.d[B].r;
    pen_new(&f->p, &f->w, C, &f->space);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pen_free(&f->p);
    world_close(&f->w);
    free(f);
    return 0;
}

static const struct ward_feed *feed_of(struct fixture *f, size_t of)
{
    struct ward_hash id;
    ward_name_feed(&id, &f->r->ward, &f->space, &f->w.d[of].grant);
    return ward_directory_feed_by_id(&f->r->dir, &id);
}

static struct ward_hash digest(struct fixture *f)
{
    struct ward_status s;
    OK(&f->w, ward_status(f->r, &s, &f->w.err));
    return s.digest;
}

static void assert_digest(struct fixture *f, const struct ward_hash *want)
{
    const struct ward_hash now = digest(f);
    assert_memory_equal(now.b, want->b, 32);
}

static void send_run(struct fixture *f)
{
    struct ward_ingested in;
    pen_seal(&f->p);
    OK(&f->w, pen_send(&f->p, B, &in));
    pen_next(&f->p);
}

static int again(struct fixture *f, int (*what)(struct ward_apply *a, uint32_t sid, struct ward_error *err))
{
    struct ward_apply a;
    f->w.err = (struct ward_error){0};
    OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
    return ward_apply_end(&a, what(&a, feed_of(f, C)->sid, &f->w.err), &f->w.err);
}

/* ---------------------------------------------------------------- memory */

static void *nothing(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size == 0)
        free(p);
    return NULL;
}

#define PIECE 8u /* an arena hands out no less */

/* Records come from an arena, which asks for memory seldom: it is left with so many bytes and nothing behind them. */
static void no_room_for_records(void **state)
{
    static const struct ward_env none = {.alloc = nothing};
    struct fixture *f = *state;
    struct ward_apply a;
    struct ward_ingested in;
    const struct ward_state *held;
    static const uint8_t text[] = {0x63, 'o', 'n', 'e'};
    const struct ward_op op = {.kind = KIND_OTHER, .entity = unit_id('#'), .field = NAME, .raw = text, .raw_len = 4};
    const struct ward_hash before = digest(f);
    size_t whole = 0, points = 0;
    OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
    a.records.arena.env = &none;
    while (ward_arena_take(&a.records.arena, PIECE))
        whole += PIECE;
    assert_int_equal(ward_apply_peek(&a, 1, KIND_OTHER, &op.entity, &held, &f->w.err), WARD_ERR_MEMORY);
    assert_int_equal(ward_apply_end(&a, WARD_ERR_MEMORY, NULL), WARD_ERR_MEMORY);
    pen_write(&f->p, 1, NULL, 0, &op, 1);
    pen_seal(&f->p);
    const struct ward_run run = pen_run(&f->p);
    for (int rc = WARD_ERR_MEMORY; rc; points++) {
        OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
        a.records.arena.env = &none;
        assert_true(points * PIECE < whole);
        assert_non_null(ward_arena_take(&a.records.arena, whole - points * PIECE));
        rc = ward_ingest_run(&a, &run, &in, &f->w.err);
        if (!rc) {
            OK(&f->w, ward_apply_peek(&a, feed_of(f, C)->sid, KIND_OTHER, &op.entity, &held, &f->w.err));
            assert_non_null(held); /* not in the store yet */
        }
        rc = ward_apply_end(&a, rc, &f->w.err);
        if (rc) {
            assert_int_equal(rc, WARD_ERR_MEMORY);
            assert_null(feed_of(f, C));
            assert_digest(f, &before);
        }
    }
    print_message("%zu times no room\n", points - 1);
    assert_true(points > 20);
    assert_int_equal(feed_of(f, C)->head_seq, 1);
}

static size_t left; /* blocks that there is memory for */

static void *rationed(void *ctx, void *p, size_t size)
{
    if (size && left-- == 0) {
        left = 0;
        return NULL;
    }
    return outside_alloc(ctx, p, size);
}

/* No memory is not taken for damage. */
static void no_memory_to_replay(void **state)
{
    struct fixture *f = *state;
    size_t points = 0;
    pen_say(&f->p, 1, NULL, 0, "one");
    send_run(f);
    const struct ward_hash before = digest(f);
    f->r->env.alloc = rationed;
    for (int rc = WARD_ERR_MEMORY; rc; points++) {
        struct ward_apply a;
        left = SIZE_MAX;
        ward_scratch_free(&f->r->scratch); /* as after opening */
        OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
        left = points;
        rc = ward_apply_replay(&a, feed_of(f, C)->sid, &f->w.err);
        left = SIZE_MAX;
        rc = ward_apply_end(&a, rc, &f->w.err);
        if (rc)
            assert_int_equal(rc, WARD_ERR_MEMORY);
        assert_digest(f, &before);
    }
    f->r->env.alloc = outside_alloc;
    assert_true(points > 3);
}

/* ---------------------------------------------------------------- the store */

/* As more of them are held, they are found by way of more buckets: without room for these nothing changes. */
static void no_room_for_more_records(void **state)
{
    enum { BLOCK = 65536, FEW = 64 };
    static const struct ward_env none = {.alloc = nothing};
    struct fixture *f = *state;
    size_t points = 0;
    int rc = WARD_ERR_MEMORY;
    for (size_t room = 0; rc; room += PIECE) {
        struct ward_records rs;
        struct ward_held *held[FEW + 1], *found;
        OK(&f->w, ward_records_init(&rs, f->r, &f->w.err));
        for (uint8_t i = 0; i < FEW; i++)
            OK(&f->w, ward_records_find(&rs, 1, KIND_ITEM, &(struct ward_id){{i, 1}}, &held[i], &f->w.err));
        assert_non_null(ward_arena_take(&rs.arena, BLOCK - rs.arena.used - room));
        rs.arena.env = &none;
        rc = ward_records_find(&rs, 1, KIND_ITEM, &(struct ward_id){{FEW, 1}}, &held[FEW], &f->w.err);
        rs.arena.env = &f->r->env;
        assert_true(rc == WARD_OK || rc == WARD_ERR_MEMORY);
        points += rc != WARD_OK;
        if (rc)
            OK(&f->w, ward_records_find(&rs, 1, KIND_ITEM, &(struct ward_id){{FEW, 1}}, &held[FEW], &f->w.err));
        for (uint8_t i = 0; i <= FEW; i++) {
            OK(&f->w, ward_records_find(&rs, 1, KIND_ITEM, &(struct ward_id){{i, 1}}, &found, &f->w.err));
            assert_ptr_equal(found, held[i]);
        }
        assert_int_equal(rs.count, FEW + 1);
        ward_records_free(&rs);
    }
    assert_true(points > 2 * FEW * sizeof(void *) / PIECE);
}

static int when_much_is_held(void *ctx)
{
    const struct ward_apply *a = ctx;
    return a->records.arena.used >= WARD_RECORDS_BYTES;
}

static void no_store_to_write_out_to(void **state)
{
    struct fixture *f = *state;
    struct ward_apply a;
    struct ward_ingested in;
    static uint8_t raw[3 + 45000] = {0x79, 45000 >> 8, 45000 & 255};
    const struct ward_hash before = digest(f);
    size_t taken = 0;
    int rc = WARD_OK;
    memset(raw + 3, 'x', 45000);
    OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
    sqlite3_progress_handler(f->r->store->db, 1, when_much_is_held, &a);
    for (; !rc && taken <= WARD_RECORDS_BYTES / 45000; taken++) {
        const struct ward_op op = {
            .kind = KIND_ITEM, .entity = {{(uint8_t)(taken + 1), 1}}, .field = NOTE, .raw = raw, .raw_len = sizeof raw};
        pen_next(&f->p);
        pen_write(&f->p, taken + 1, NULL, 0, &op, 1);
        pen_seal(&f->p);
        const struct ward_run run = pen_run(&f->p);
        rc = ward_ingest_run(&a, &run, &in, &f->w.err);
    }
    assert_true(taken > 30);
    assert_int_equal(rc, WARD_ERR_STORE);
    sqlite3_progress_handler(f->r->store->db, 0, NULL, NULL);
    assert_int_equal(ward_apply_end(&a, rc, &f->w.err), WARD_ERR_STORE);
    assert_null(feed_of(f, C));
    assert_digest(f, &before);
}

/* However much comes in one batch. A hub on a slow disk makes them long. */
static void a_batch_has_only_so_much_in_hand(void **state)
{
    enum { MOST = 2 << 20, LEN = 45000 };
    struct fixture *f = *state;
    struct ward_apply a;
    struct ward_ingested in;
    static uint8_t raw[3 + LEN] = {0x79, LEN >> 8, LEN & 255};
    memset(raw + 3, 'x', LEN);
    OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
    for (uint64_t i = 1; i <= 2 * MOST / LEN; i++) {
        const struct ward_op op = {.kind = KIND_ITEM, .entity = {{(uint8_t)i, 1}}, .field = NOTE, .raw = raw, .raw_len = sizeof raw};
        pen_next(&f->p);
        pen_write(&f->p, i, NULL, 0, &op, 1);
        pen_seal(&f->p);
        const struct ward_run run = pen_run(&f->p);
        OK(&f->w, ward_ingest_run(&a, &run, &in, &f->w.err));
        assert_in_range(a.records.arena.used, 1, MOST);
    }
    OK(&f->w, ward_apply_end(&a, WARD_OK, &f->w.err));
    assert_int_equal(feed_of(f, C)->head_seq, 2 * MOST / LEN);
}

static void rows_are_put_together_in_one_place(void **state)
{
    enum { MANY = 200 };
    struct fixture *f = *state;
    struct ward_apply a;
    struct ward_ingested in;
    static const uint8_t text[] = {0x63, 'o', 'n', 'e'};
    for (uint64_t i = 1; i <= MANY; i++) {
        const struct ward_op op = {.kind = KIND_ITEM, .entity = {{(uint8_t)i, 1}}, .field = NOTE, .raw = text, .raw_len = sizeof text};
        pen_write(&f->p, i, NULL, 0, &op, 1);
    }
    pen_seal(&f->p);
    const struct ward_run run = pen_run(&f->p);
    OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
    OK(&f->w, ward_ingest_run(&a, &run, &in, &f->w.err));
    size_t before = a.records.arena.used;
    OK(&f->w, ward_apply_write(&a, &f->w.err));
    assert_in_range((a.records.arena.used - before) / MANY, 1, 300); /* its places in the indexes */
    OK(&f->w, ward_apply_end(&a, WARD_OK, &f->w.err));
}

static int always(void *ctx)
{
    (void)ctx;
    return 1;
}

/* What a transaction has applied is written before a space is shown anew. */
static void no_store_before_showing_anew(void **state)
{
    struct fixture *f = *state;
    struct ward_apply a;
    struct ward_ingested in;
    pen_say(&f->p, 1, NULL, 0, "one");
    pen_seal(&f->p);
    const struct ward_run run = pen_run(&f->p);
    OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
    OK(&f->w, ward_ingest_run(&a, &run, &in, &f->w.err));
    sqlite3_progress_handler(f->r->store->db, 1, always, NULL);
    int rc = ward_apply_reshow(&a, feed_of(f, C)->sid, &f->w.err);
    sqlite3_progress_handler(f->r->store->db, 0, NULL, NULL);
    assert_int_equal(rc, WARD_ERR_STORE);
    assert_int_equal(ward_apply_end(&a, rc, NULL), WARD_ERR_STORE);
    assert_null(feed_of(f, C));
}

/* ---------------------------------------------------------------- damage */

static int64_t segment_of(struct fixture *f, uint64_t seq)
{
    struct ward_segment seg;
    OK(&f->w, ward_store_find_segment(f->r->store, feed_of(f, C)->fid, seq, &seg, &f->w.err));
    return seg.seg;
}

/* Turns a byte of what is stored of C's feed, as a disk would; and turns it back. */
static void turn(struct fixture *f, uint64_t seq, int offset)
{
    sqlite3_blob *blob;
    uint8_t byte;
    assert_int_equal(sqlite3_blob_open(f->r->store->db, "main", "ward_segment", "data", segment_of(f, seq), 1, &blob), SQLITE_OK);
    assert_int_equal(sqlite3_blob_read(blob, &byte, 1, offset), SQLITE_OK);
    byte = (uint8_t)~byte;
    assert_int_equal(sqlite3_blob_write(blob, &byte, 1, offset), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
}

static void a_damaged_log(void **state)
{
    struct fixture *f = *state;
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    bool got;
    const struct ward_grant as = {.id = f->w.d[A].grant, .unit = f->w.d[A].unit, .role = WARD_ROLE_CELL};
    struct ward_id item = unit_id('+');
    struct ward_value v = ward_value_text("to depend on");
    ward_txn *t;
    OK(&f->w, ward_begin(f->r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &f->space, KIND_ITEM, &item, NOTE, NULL, 0, &v, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
    const struct ward_feed *own = feed_of(f, B);
    const struct ward_dep dep = {.feed = own->id, .seq = own->head_seq, .hash = own->head_hash};
    pen_say(&f->p, 1, NULL, 0, "one");
    pen_say(&f->p, 2, NULL, 0, "two");
    send_run(f);
    pen_say(&f->p, 3, &dep, 1, "three");
    int named = 0; /* where the other feed is named */
    while (memcmp(f->p.bodies.p + named, dep.feed.b, 32) != 0)
        named++;
    send_run(f);
    const struct ward_hash before = digest(f);

    turn(f, 3, named); /* a feed that is not here */
    assert_int_equal(again(f, ward_apply_replay), WARD_ERR_CORRUPT);
    turn(f, 3, named);
    turn(f, 1, 0); /* no change at all */
    assert_int_equal(again(f, ward_apply_replay), WARD_ERR_CORRUPT);
    assert_digest(f, &before);
    ward_stream_init(&s, f->r, &as);
    ward_buf_init(&frame, &f->r->env);
    for (size_t i = 0; i < f->r->dir.feed_count; i++) /* all but C's second change and third */
        OK(&f->w, ward_vv_raise(&s.have, &f->r->env, f->r->dir.feeds[i].fid,
                                &f->r->dir.feeds[i] == feed_of(f, C) ? 1 : f->r->dir.feeds[i].head_seq));
    OK(&f->w, ward_stream_seek(&s, &f->w.err));
    assert_int_equal(ward_stream_next(&s, &frame, &streamed, &got, &f->w.err), WARD_ERR_CORRUPT);
    turn(f, 1, 0);
    OK(&f->w, ward_stream_seek(&s, &f->w.err));
    OK(&f->w, ward_stream_next(&s, &frame, &streamed, &got, &f->w.err));
    assert_true(got && streamed.last == 3 && streamed.count == 2);
    OK(&f->w, again(f, ward_apply_replay));
    assert_digest(f, &before);
    ward_stream_free(&s);
    ward_buf_free(&frame);
}

/* What stands behind a hole is not joined to what stands before it. */
static void a_hole_in_the_log(void **state)
{
    struct fixture *f = *state;
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    char sql[80];
    uint64_t last = 0, runs = 0;
    const struct ward_grant as = {.id = f->w.d[A].grant, .unit = f->w.d[A].unit, .role = WARD_ROLE_CELL};
    for (uint64_t depth = 1; depth <= 3; depth++) {
        pen_say(&f->p, depth, NULL, 0, "one of three");
        send_run(f);
    }
    snprintf(sql, sizeof sql, "DELETE FROM ward_segment WHERE seg = %lld", (long long)segment_of(f, 2));
    assert_int_equal(sqlite3_exec(f->r->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
    ward_stream_init(&s, f->r, &as);
    ward_buf_init(&frame, &f->r->env);
    OK(&f->w, ward_stream_seek(&s, &f->w.err));
    for (bool got = true; got;) {
        OK(&f->w, ward_stream_next(&s, &frame, &streamed, &got, &f->w.err));
        if (!got || streamed.fid != feed_of(f, C)->fid)
            continue;
        assert_int_equal(streamed.count, 1);
        last = streamed.last;
        runs++;
    }
    assert_int_equal(last, 3);
    assert_int_equal(runs, 2);
    ward_stream_free(&s);
    ward_buf_free(&frame);
}

static void a_damaged_record(void **state)
{
    struct fixture *f = *state;
    pen_say(&f->p, 1, NULL, 0, "one");
    send_run(f);
    assert_int_equal(sqlite3_exec(f->r->store->db, "UPDATE ward_record SET state = x'ff' WHERE kind = 100", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(f->r->store->db), 1);
    assert_int_equal(again(f, ward_apply_reshow), WARD_ERR_CORRUPT);
    OK(&f->w, again(f, ward_apply_replay)); /* the log tells it again */
    OK(&f->w, again(f, ward_apply_reshow));
}

/* Within one transaction authority may fall, rise and fall again (a cut, an earlier one that voids it, a third). What was passed over and
 * what was taken meanwhile must not show: the state is that of the limits at the end. Here they are set by hand. */
static void limits_that_fall_rise_and_fall(void **state)
{
    static const uint64_t limits[] = {1, UINT64_MAX, 1};
    struct fixture *f = *state;
    struct ward_apply a;
    struct ward_hash before, after;
    struct ward_ingested in;
    pen_say(&f->p, 1, NULL, 0, "one");
    send_run(f);
    OK(&f->w, ward_state_digest(f->r, &f->space, &before, &f->w.err));
    OK(&f->w, ward_apply_begin(&a, f->r, &f->w.err));
    for (uint64_t i = 0; i < 2; i++) {
        ward_directory_feed(&f->r->dir, feed_of(f, C)->fid)->limit = limits[i];
        pen_say(&f->p, 2 + i, NULL, 0, i ? "three" : "two");
        pen_seal(&f->p);
        const struct ward_run run = pen_run(&f->p);
        OK(&f->w, ward_ingest_run(&a, &run, &in, &f->w.err));
        assert_int_equal(in.applied, 1);
        pen_next(&f->p);
    }
    ward_directory_feed(&f->r->dir, feed_of(f, C)->fid)->limit = limits[2];
    a.authority_changed = true;
    OK(&f->w, ward_apply_end(&a, WARD_OK, &f->w.err));
    OK(&f->w, ward_state_digest(f->r, &f->space, &after, &f->w.err));
    assert_memory_equal(after.b, before.b, 32);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_room_for_records),
        TEST(no_room_for_more_records),
        TEST(no_memory_to_replay),
        TEST(no_store_to_write_out_to),
        TEST(a_batch_has_only_so_much_in_hand),
        TEST(rows_are_put_together_in_one_place),
        TEST(no_store_before_showing_anew),
        TEST(a_damaged_log),
        TEST(a_hole_in_the_log),
        TEST(a_damaged_record),
        TEST(limits_that_fall_rise_and_fall),
    };
    return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
