/* door.h - four devices, and runs held against each trouble that may meet them at the door: memory that ends, a store that breaks off, by
 * SQLite's own means. Include after <cmocka.h>.
 */
#ifndef WARD_TEST_DOOR_H
#define WARD_TEST_DOOR_H

#include "pen.h"
#include "replica/apply.h"
#include "shell/store_sql.h"

enum { OFFICE, A, B, C };

struct fixture {
    struct world w;
    struct ward_hash space; /* of the circle {a, b} */
};

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct ward_id circle[] = {unit_id('a'), unit_id('b')};
    assert_non_null(f);
    world_found(&f->w, 1);
    admit_silent(&f->w, 'a', WARD_ROLE_CELL, 1);
    admit_silent(&f->w, 'b', WARD_ROLE_CELL, 1);
    admit_silent(&f->w, 'a', WARD_ROLE_CELL, 2); /* C, who writes with the pen alone */
    for (size_t i = A; i <= C; i++)
        carry_raw(&f->w, OFFICE, i);
    for (size_t i = OFFICE; i <= C; i++)
        OK(&f->w, ward_space_of_circle(f->w.d[i].r, &f->space, circle, 2, &f->w.err));
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    world_close(&f->w);
    free(f);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static inline void put_in(struct fixture *f, size_t who, const struct ward_hash *space, uint32_t field, const char *text)
{
    ward_txn *t;
    struct ward_id item = unit_id('+');
    struct ward_value v = ward_value_text(text);
    OK(&f->w, ward_begin(f->w.d[who].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, space, KIND_ITEM, &item, field, NULL, 0, &v, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
}

static inline void put(struct fixture *f, size_t who, const struct ward_hash *space, const char *text)
{
    put_in(f, who, space, NOTE, text);
}

static inline const struct ward_feed *feed_of(struct fixture *f, size_t at, size_t of, const struct ward_hash *space)
{
    struct ward_hash id;
    ward_name_feed(&id, &f->w.d[at].r->ward, space, &f->w.d[of].grant);
    return ward_directory_feed_by_id(&f->w.d[at].r->dir, &id);
}

static inline struct ward_dep dep_on(struct fixture *f, size_t at, size_t of, uint64_t seq)
{
    const struct ward_feed *g = feed_of(f, at, of, &f->space);
    struct ward_dep d = {.feed = g->id, .seq = seq};
    uint64_t depth;
    OK(&f->w, ward_chain_at(f->w.d[at].r, g->fid, seq, &d.hash, &depth, &f->w.err));
    return d;
}

/* Four changes in one run. All pens that write the same write the same bytes, so that any piece of the feed can be sealed. */
static inline void write_upto(struct pen *p, uint64_t first, uint64_t last, uint64_t fork)
{
    p->head = p->feed;
    pen_start(p, 1);
    for (uint64_t seq = 1; seq <= last; seq++) {
        if (seq == first) {
            ward_buf_clear(&p->bodies);
            p->first = first;
        }
        pen_say(p, seq, NULL, 0, seq == fork ? "fork" : "same");
    }
    pen_seal(p);
}

static inline void finish(struct fixture *f)
{
    meet_all(&f->w);
    meet_all(&f->w);
    assert_converged(&f->w);
    assert_sound(&f->w);
}

/* ---------------------------------------------------------------- without memory */

static size_t alloc_calls, alloc_fails_at = SIZE_MAX;
static bool alloc_fails_on; /* and all after it */

static inline void *rationed(void *ctx, void *p, size_t size)
{
    size_t call = size ? alloc_calls++ : 0;
    if (size && (call == alloc_fails_at || (alloc_fails_on && call > alloc_fails_at)))
        return NULL;
    return outside_alloc(ctx, p, size);
}

static inline void digest_of(struct world *w, size_t who, struct ward_hash *out)
{
    struct ward_status s;
    OK(w, ward_status(w->d[who].r, &s, &w->err));
    *out = s.digest;
}

/* The run, in a transaction that is rolled back for all that it was good. */
static inline int try_run(struct world *w, size_t to, const struct ward_run *run, struct ward_ingested *in)
{
    struct ward_apply a;
    w->err = (struct ward_error){0};
    int rc = ward_apply_begin(&a, w->d[to].r, &w->err);
    if (rc)
        return rc;
    rc = ward_ingest_run(&a, run, in, &w->err);
    size_t calls = alloc_calls;
    ward_apply_end(&a, rc ? rc : WARD_ERR_INTERNAL, NULL);
    alloc_calls = calls;
    return rc;
}

/* Each allocation failing: memory is what is said to be missing, nothing of the run is there, and afterwards it is taken in. First all
 * those after it fail as well, and what can be kept for the next time is asked for on the way; then each alone. Returns how many points
 * failed. */
static inline size_t each_shortage_of_a_run(struct world *w, size_t to, const struct ward_run *run)
{
    ward_replica *r = w->d[to].r;
    struct ward_ingested in;
    struct ward_hash before, after;
    size_t points = 0;
    digest_of(w, to, &before);
    for (int alone = 0; alone < 2; alone++) {
        bool failed = true;
        for (size_t at = 0; failed; at++) {
            ward_chain_forget(r);
            r->env.alloc = rationed;
            alloc_calls = 0;
            alloc_fails_at = at;
            alloc_fails_on = !alone;
            int rc = alone ? take_run(w, to, run, &in) : try_run(w, to, run, &in);
            failed = alloc_calls > at;
            r->env.alloc = outside_alloc;
            points += failed;
            if (rc != (failed ? WARD_ERR_MEMORY : WARD_OK))
                fail_msg("at %zu, alone %d: %d, %s", at, alone, rc, w->err.detail);
            if (failed)
                assert_int_equal(w->err.code, WARD_ERR_MEMORY);
            digest_of(w, to, &after);
            if (failed || !alone)
                assert_memory_equal(after.b, before.b, 32);
        }
    }
    alloc_fails_at = SIZE_MAX;
    return points;
}

/* ---------------------------------------------------------------- a store that fails */

static size_t store_steps, store_stops_at = SIZE_MAX;

static inline int stop(void *ctx)
{
    (void)ctx;
    return store_steps++ == store_stops_at;
}

/* The same with the store breaking off, every few of its steps in turn. */
static inline size_t each_stop_of_a_run(struct world *w, size_t to, const struct ward_run *run)
{
    ward_replica *r = w->d[to].r;
    struct ward_ingested in;
    struct ward_hash before, after;
    size_t points = 0;
    bool failed = true;
    digest_of(w, to, &before);
    sqlite3_progress_handler(r->store->db, 4, stop, NULL);
    for (size_t at = 0; failed; at++) {
        ward_chain_forget(r);
        store_steps = 0;
        store_stops_at = at;
        int rc = take_run(w, to, run, &in);
        failed = store_steps > at;
        store_stops_at = SIZE_MAX;
        points += failed;
        assert_int_equal(rc, failed ? WARD_ERR_STORE : WARD_OK);
        if (!failed)
            break;
        assert_int_equal(w->err.code, WARD_ERR_STORE);
        digest_of(w, to, &after);
        assert_memory_equal(after.b, before.b, 32);
    }
    sqlite3_progress_handler(r->store->db, 0, NULL, NULL);
    return points;
}

typedef size_t each_trouble(struct world *w, size_t to, const struct ward_run *run);

#endif
