/* three.h - an office and two wards' tablets with one item between them, bundles to and fro. Include after <cmocka.h>. */
#ifndef WARD_TEST_THREE_H
#define WARD_TEST_THREE_H

#include "replicas.h"

enum { OFFICE, A, B };

struct fixture {
    struct world w;
    struct ward_hash space; /* of the circle {a, b} */
    struct ward_id item;
};

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    world_close(&f->w);
    free(f);
    return 0;
}

/* ---------------------------------------------------------------- short words */

static inline int put_in(struct fixture *f, size_t who, const struct ward_hash *space, const struct ward_id *id, uint32_t field,
                         const char *key, struct ward_value v)
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

static inline int put(struct fixture *f, size_t who, uint32_t field, struct ward_value v)
{
    return put_in(f, who, &f->space, &f->item, field, NULL, v);
}

static inline int tag(struct fixture *f, size_t who, const char *key, bool in)
{
    return put_in(f, who, &f->space, &f->item, TAGS, key, ward_value_bool(in));
}

static inline int del(struct fixture *f, size_t who)
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

static inline ward_record *get(struct fixture *f, size_t who)
{
    ward_record *rec;
    OK(&f->w, ward_get(f->w.d[who].r, KIND_ITEM, &f->item, false, &rec, &f->w.err));
    return rec;
}

static inline bool is_text(struct ward_value v, const char *text)
{
    return v.type == WARD_TEXT && v.len == strlen(text) && memcmp(v.p, text, v.len) == 0;
}

static inline void assert_shows_text(struct fixture *f, size_t who, uint32_t field, const char *text)
{
    ward_record *rec = get(f, who);
    struct ward_value v = ward_record_value(rec, field);
    if (!is_text(v, text))
        print_error("device %zu shows %.*s, not %s\n", who, (int)v.len, v.p ? (const char *)v.p : "", text);
    assert_true(is_text(v, text));
    ward_record_free(rec);
}

static inline void assert_shows_int(struct fixture *f, size_t who, uint32_t field, int64_t n)
{
    ward_record *rec = get(f, who);
    struct ward_value v = ward_record_value(rec, field);
    assert_int_equal(v.type, WARD_INT);
    assert_int_equal(v.integer, n);
    ward_record_free(rec);
}

static inline size_t conflicts(struct fixture *f, size_t who)
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

static inline int note_conflict(void *ctx, const struct ward_conflict *c)
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

static inline struct seen_conflict the_conflict(struct fixture *f, size_t who)
{
    struct seen_conflict s = {0};
    OK(&f->w, ward_conflicts(f->w.d[who].r, note_conflict, &s, &f->w.err));
    assert_int_equal(s.calls, 1);
    assert_int_equal(conflicts(f, who), 1);
    return s;
}

static inline void finish(struct fixture *f)
{
    meet_all(&f->w);
    meet_all(&f->w);
    assert_converged(&f->w);
    assert_sound(&f->w);
}

/* A writes the title, B hears of it: the common ground of most stories. */
static inline void common_ground(struct fixture *f)
{
    assert_int_equal(put(f, A, TITLE, ward_value_text("boiler")), 0);
    give(&f->w, A, B);
    assert_shows_text(f, B, TITLE, "boiler");
}

/* A and B have each given the item another title, and have met since. */
static inline void title_conflict(struct fixture *f)
{
    common_ground(f);
    assert_int_equal(put(f, A, TITLE, ward_value_text("by a")), 0);
    assert_int_equal(put(f, B, TITLE, ward_value_text("by b")), 0);
    meet(&f->w, A, B);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
