/* parted.h - feeds that part: histories of one device written by hand, what settles them, and what brings them. Include after <cmocka.h>.
 */
#ifndef WARD_TEST_PARTED_H
#define WARD_TEST_PARTED_H

#include "base/limits.h"
#include "door.h"
#include "rules/floor.h"

static each_trouble *const troubles[] = {each_shortage_of_a_run, each_stop_of_a_run};
#define TROUBLES 2

/* The device's feed up to seq `last`: "same" up to `leaves`, then the words; the run begins at `first`. */
static inline void write_history(struct pen *p, struct fixture *f, size_t who, uint64_t leaves, uint64_t first, uint64_t last,
                                 const char *words)
{
    pen_new(p, &f->w, who, &f->space);
    for (uint64_t seq = 1; seq <= last; seq++) {
        if (seq == first)
            pen_next(p);
        pen_say(p, seq, NULL, 0, seq > leaves ? words : "same");
    }
    pen_seal(p);
}

static inline int send_history(struct fixture *f, size_t who, size_t to, uint64_t leaves, uint64_t first, uint64_t last, const char *words,
                               struct ward_ingested *in)
{
    struct pen p;
    write_history(&p, f, who, leaves, first, last, words);
    int rc = pen_send(&p, to, in);
    pen_free(&p);
    return rc;
}

/* What a history of the device comes to at seq. */
static inline struct ward_dep named(struct fixture *f, size_t who, uint64_t leaves, uint64_t seq, const char *words)
{
    struct pen p;
    write_history(&p, f, who, leaves, 1, seq, words);
    const struct ward_dep d = {p.feed, seq, p.head};
    pen_free(&p);
    return d;
}

/* ---------------------------------------------------------------- words of floors */

static inline void write_word(struct fixture *f, const struct ward_id *entity, uint32_t field, struct ward_value v)
{
    struct ward_hash space;
    ward_txn *t;
    ward_space_of_ward(f->w.d[OFFICE].r, &space);
    OK(&f->w, ward_begin(f->w.d[OFFICE].r, &t, &f->w.err));
    OK(&f->w, ward_put(t, &space, WARD_KIND_FLOOR, entity, field, NULL, 0, &v, &f->w.err));
    OK(&f->w, ward_commit(t, NULL, &f->w.err));
}

/* Proposed and closed by the office, whoever holds it. */
static inline void settle_upto(struct fixture *f, const struct ward_dep *head, uint64_t effect)
{
    const struct ward_floor_entry entry = {.feed = head->feed, .seq = head->seq, .hash = head->hash, .effect = effect};
    struct ward_id entity;
    struct ward_hash name;
    struct ward_buf b;
    ward_floor_entity(&entity, &f->space);
    ward_buf_init(&b, &f->w.d[OFFICE].outside.env);
    ward_floor_write(&b, &entry, 1);
    ward_floor_name(&name, b.p, b.len);
    write_word(f, &entity, WARD_FLOOR_HEADS, (struct ward_value){.type = WARD_ARRAY, .p = b.p, .len = b.len});
    write_word(f, &entity, WARD_FLOOR_CLOSED, ward_value_bytes(name.b, sizeof name.b));
    ward_buf_free(&b);
}

static inline void settle_at(struct fixture *f, const struct ward_dep *head)
{
    settle_upto(f, head, head->seq);
}

/* What one has of a space, run by run, to another, against each trouble. */
static inline size_t each_run_in(struct fixture *f, size_t from, size_t to, const struct ward_hash *space, each_trouble *each)
{
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    struct ward_message m;
    bool got = true;
    size_t points = 0;
    const struct ward_grant as = {.id = f->w.d[to].grant, .unit = f->w.d[to].unit, .role = f->w.d[to].role};
    const uint32_t sid = ward_directory_space_by_id(&f->w.d[from].r->dir, space)->sid;
    ward_stream_init(&s, f->w.d[from].r, &as);
    ward_buf_init(&frame, &f->w.d[from].outside.env);
    for (;;) {
        OK(&f->w, ward_stream_next(&s, &frame, &streamed, &got, &f->w.err));
        if (!got)
            break;
        if (ward_directory_feed(&s.r->dir, streamed.fid)->sid != sid)
            continue;
        OK(&f->w, ward_frame_parse(&m, frame.p, frame.len, &f->w.err));
        points += each(&f->w, to, &m.run);
    }
    ward_stream_free(&s);
    ward_buf_free(&frame);
    return points;
}

static inline size_t each_word(struct fixture *f, size_t from, size_t to, each_trouble *each)
{
    struct ward_hash space;
    ward_space_of_ward(f->w.d[from].r, &space);
    return each_run_in(f, from, to, &space, each);
}

static inline size_t just_take(struct world *w, size_t to, const struct ward_run *run)
{
    struct ward_ingested in;
    OK(w, take_run(w, to, run, &in));
    return 1;
}

/* ---------------------------------------------------------------- rows beside each other */

static inline void stop_at(struct ward_replica *r, int steps, size_t at)
{
    store_steps = 0;
    store_stops_at = at;
    sqlite3_progress_handler(r->store->db, at == SIZE_MAX ? 0 : steps, stop, NULL);
}

#endif
