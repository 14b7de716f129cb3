/* A device that meets its own past: its home was copied, and both went on. An office, a tablet and its copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "items.h"
#include "line.h"
#include "replica/own.h"
#include "replicas.h"
#include "shell/platform.h"
#include "shell/store_sql.h"

enum { OFFICE, TABLET, COPY };

struct fixture {
    struct world w;
    struct ward_hash space;
    uint32_t fid; /* of the tablet's feed in space */
    uint64_t base;
};

static const struct ward_feed *own_feed(struct world *w, size_t who)
{
    struct ward_hash space = its_space(w, who), id;
    const struct ward_space *s = ward_directory_space_by_id(&w->d[who].r->dir, &space);
    return ward_directory_feed_of(&w->d[who].r->dir, s, &w->d[who].grant, &id);
}

/* The tablet and its copy agree on five items; the office knows them. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct world *w = &f->w;
    world_found(w, 1);
    admit(w, 'a', WARD_ROLE_CELL, 1);
    for (const char *item = "pqrst"; *item; item++)
        put(w, TABLET, *item, TITLE, "as planned");
    put_value(w, TABLET, 'p', COUNTED, NULL, ward_value_int(10));
    give(w, TABLET, OFFICE);
    struct device *d = &w->d[w->count++];
    ward_close(w->d[TABLET].r);
    device_init(w, COPY, 77);
    copy_home(w->d[TABLET].home, d->home);
    OK(w, ward_open(&w->d[TABLET].r, w->d[TABLET].home, &w->d[TABLET].options, &w->err));
    OK(w, ward_open(&d->r, d->home, &d->options, &w->err));
    d->grant = w->d[TABLET].grant;
    d->unit = w->d[TABLET].unit;
    d->role = w->d[TABLET].role;
    f->fid = own_feed(w, COPY)->fid;
    f->base = own_feed(w, COPY)->head_seq;
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

static void withdraw(struct fixture *f)
{
    struct ward_apply a;
    struct world *w = &f->w;
    OK(w, ward_apply_begin(&a, w->d[COPY].r, &w->err));
    OK(w, ward_own_withdraw(&a, f->fid, f->base, &w->err));
    OK(w, ward_apply_end(&a, WARD_OK, &w->err));
    assert_int_equal(own_feed(w, COPY)->head_seq, f->base);
}

/* The copy learns what the tablet wrote, writes its own anew, and all hear of it. */
static void heal(struct fixture *f)
{
    struct world *w = &f->w;
    size_t waiting;
    assert_true(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    withdraw(f);
    give(w, OFFICE, COPY);
    OK(w, ward_own_rewrite(w->d[COPY].r, &w->err));
    OK(w, ward_store_count_waiting(w->d[COPY].r->store, &waiting, &w->err));
    assert_int_equal(waiting, 0);
    give(w, COPY, OFFICE);
    give(w, OFFICE, TABLET);
    assert_converged(w);
    assert_sound(w);
}

static ward_record *get(struct world *w, size_t who, char item)
{
    ward_record *rec;
    struct ward_id id = unit_id(item);
    OK(w, ward_get(w->d[who].r, KIND_ITEM, &id, true, &rec, &w->err));
    return rec;
}

static size_t live(struct world *w, size_t who, char item, uint32_t field)
{
    ward_record *rec = get(w, who, item);
    size_t n = ward_record_live_count(rec, field);
    ward_record_free(rec);
    return n;
}

static void shows(struct world *w, size_t who, char item, uint32_t field, const char *text)
{
    ward_record *rec = get(w, who, item);
    struct ward_value v = ward_record_value(rec, field);
    assert_int_equal(v.len, strlen(text));
    assert_memory_equal(v.p, text, v.len);
    ward_record_free(rec);
}

static void every_edit_of_both_is_there(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, TABLET, 'p', TITLE, "the tablet's");
    put(w, TABLET, 'q', NOTE, "the tablet's");
    put_value(w, TABLET, 'p', COUNTED, NULL, ward_value_int(3));
    give(w, TABLET, OFFICE);
    put(w, COPY, 'p', TITLE, "the copy's first");
    put(w, COPY, 'p', TITLE, "the copy's");
    put(w, COPY, 'r', NOTE, "the copy's");
    put_value(w, COPY, 'p', COUNTED, NULL, ward_value_int(5));
    put(w, COPY, 'u', TITLE, "new");
    heal(f);
    assert_int_equal(live(w, TABLET, 'p', TITLE), 2); /* neither had seen the other: a person decides */
    size_t conflicts;
    OK(w, ward_conflict_count(w->d[OFFICE].r, &conflicts, &w->err));
    assert_int_equal(conflicts, 1);
    shows(w, COPY, 'q', NOTE, "the tablet's");
    shows(w, TABLET, 'r', NOTE, "the copy's");
    shows(w, TABLET, 'u', TITLE, "new");
    ward_record *rec = get(w, OFFICE, 'p');
    assert_int_equal(ward_record_value(rec, COUNTED).integer, 18);
    ward_record_free(rec);
}

static void a_deletion_after_an_edit_is_one(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, TABLET, 'q', NOTE, "the tablet's");
    give(w, TABLET, OFFICE);
    put(w, COPY, 's', NOTE, "soon gone");
    put(w, COPY, 's', TITLE, "soon gone");
    drop(w, COPY, 's');
    heal(f);
    ward_record *rec = get(w, OFFICE, 's');
    assert_true(ward_record_deleted(rec));
    assert_int_equal(ward_record_conflicts(rec), 0);
    ward_record_free(rec);
}

static void an_edit_of_what_the_other_deleted_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    drop(w, TABLET, 's');
    give(w, TABLET, OFFICE);
    put(w, COPY, 's', NOTE, "still at work");
    heal(f);
    ward_record *rec = get(w, OFFICE, 's');
    assert_int_equal(ward_record_conflicts(rec), 1);
    ward_record_free(rec);
}

/* What others wrote and only the tablet had seen is not replaced by the copy. */
static void what_it_had_not_seen_of_others_stands(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, OFFICE, 't', TITLE, "the office's");
    give(w, OFFICE, TABLET);
    put(w, TABLET, 'q', NOTE, "having read it");
    give(w, TABLET, OFFICE);
    put(w, COPY, 't', TITLE, "the copy's");
    heal(f);
    assert_int_equal(live(w, OFFICE, 't', TITLE), 2);
    put(w, COPY, 'r', NOTE, "afterwards"); /* an ordinary change: it has seen all */
    give(w, COPY, OFFICE);
    assert_sound(w);
}

/* By the time that it tells its work again it has seen more; what it tells has not. */
static void told_again_it_has_seen_what_it_had_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, OFFICE, 's', TITLE, "the office's");
    put(w, OFFICE, 't', TITLE, "the office's first");
    give(w, OFFICE, COPY);
    put(w, COPY, 's', TITLE, "the copy's");
    put(w, COPY, 't', TITLE, "the copy's");
    put(w, OFFICE, 't', TITLE, "the office's second");
    put(w, TABLET, 'q', NOTE, "the tablet's");
    give(w, TABLET, OFFICE);
    heal(f);
    assert_int_equal(live(w, OFFICE, 's', TITLE), 1);
    shows(w, OFFICE, 's', TITLE, "the copy's");
    assert_int_equal(live(w, OFFICE, 't', TITLE), 2);
}

/* Withdrawn twice, since the tablet went on once more. */
static void it_may_happen_again_before_anyone_hears_of_it(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, TABLET, 'p', TITLE, "the tablet's");
    give(w, TABLET, OFFICE);
    put(w, COPY, 'p', TITLE, "the copy's");
    put_value(w, COPY, 'p', COUNTED, NULL, ward_value_int(5));
    withdraw(f);
    give(w, OFFICE, COPY);
    OK(w, ward_own_rewrite(w->d[COPY].r, &w->err));
    put(w, COPY, 'r', NOTE, "the copy's");
    f->base++;
    put(w, TABLET, 'q', NOTE, "the tablet's");
    give(w, TABLET, OFFICE);
    heal(f);
    assert_int_equal(live(w, OFFICE, 'p', TITLE), 2);
    shows(w, OFFICE, 'r', NOTE, "the copy's");
    shows(w, OFFICE, 'q', NOTE, "the tablet's");
    ward_record *rec = get(w, OFFICE, 'p');
    assert_int_equal(ward_record_value(rec, COUNTED).integer, 15);
    ward_record_free(rec);
}

/* What waits goes before what is written next. */
static void the_next_commit_writes_it_anew(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    size_t waiting;
    put(w, COPY, 'p', TITLE, "the copy's");
    withdraw(f);
    shows(w, COPY, 'p', TITLE, "as planned");
    put(w, COPY, 'q', NOTE, "more");
    shows(w, COPY, 'p', TITLE, "the copy's");
    OK(w, ward_store_count_waiting(w->d[COPY].r->store, &waiting, &w->err));
    assert_int_equal(waiting, 0);
    give(w, COPY, OFFICE);
    give(w, OFFICE, TABLET);
    assert_converged(w);
    assert_sound(w);
}

static void what_went_out_is_published(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, COPY, 'p', TITLE, "the copy's");
    assert_true(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base));
    give(w, COPY, OFFICE);
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    ward_close(w->d[COPY].r);
    OK(w, ward_open(&w->d[COPY].r, w->d[COPY].home, &w->d[COPY].options, &w->err));
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    put(w, COPY, 'q', NOTE, "more");
    assert_true(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 2));
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
}

static void reopen(struct world *w, size_t who)
{
    ward_close(w->d[who].r);
    OK(w, ward_open(&w->d[who].r, w->d[who].home, &w->d[who].options, &w->err));
}

/* The copy's home is put back to before its last change went out, and that change is written by the next again: it does not know. */
static void forget_that_it_went_out(struct fixture *f)
{
    struct world *w = &f->w;
    ward_replica *r = w->d[COPY].r;
    OK(w, ward_store_begin(r->store, &w->err));
    OK(w, ward_store_put_published(r->store, f->fid, f->base, &w->err));
    OK(w, ward_store_commit(r->store, &w->err));
    reopen(w, COPY);
    assert_true(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
}

/* What somebody sends of it, or shows in a session, he has from nobody else. */
static void what_others_show_is_published(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, COPY, 'p', TITLE, "the copy's");
    give(w, COPY, OFFICE);
    forget_that_it_went_out(f);
    give(w, OFFICE, COPY);
    reopen(w, COPY);
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    forget_that_it_went_out(f);
    put(w, COPY, 'q', NOTE, "not given to anybody");
    put(w, TABLET, 'r', NOTE, "the tablet's");
    give(w, TABLET, OFFICE); /* two histories: they are compared, and both are sent */
    struct line l;
    line_open(&l, w, COPY, OFFICE);
    while (!l.a.talk.asked_branch.len) /* the office's heads have come, and no run */
        pump(&l, l.delivered + 1);
    line_close(&l);
    reopen(w, COPY);
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    assert_true(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 2));
}

/* It went out from an older copy of this home. What comes of another history leaves the feed in two; nothing that others have is taken
 * back for it, as little as what was acknowledged to them in the same breath. */
static void what_others_have_does_not_give_way(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    size_t waiting;
    put(w, COPY, 'p', TITLE, "the copy's");
    give(w, COPY, OFFICE);
    forget_that_it_went_out(f);
    put(w, TABLET, 'r', NOTE, "the tablet's");
    give(w, TABLET, OFFICE);
    give(w, OFFICE, COPY);
    assert_int_equal(own_feed(w, COPY)->head_seq, f->base + 1);
    assert_true(own_feed(w, COPY)->forked);
    OK(w, ward_store_count_waiting(w->d[COPY].r->store, &waiting, &w->err));
    assert_int_equal(waiting, 0);
    assert_sound(w);
}

static int refuse_to_commit(void *ctx)
{
    (void)ctx;
    return 1;
}

static int write_bundle(struct world *w, size_t who)
{
    char path[300];
    const struct ward_bundle_options options = {.for_grant = &w->d[OFFICE].grant};
    snprintf(path, sizeof path, "%s/own.wsb", w->dir);
    unlink(path);
    int rc = ward_bundle_write(w->d[who].r, path, &options, NULL, &w->err);
    assert_true(rc == 0 || !ward_file_exists(path));
    return rc;
}

/* What could not be noted must not go out: it would be taken back once the home is opened again. */
static void what_is_not_noted_does_not_go_out(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, COPY, 'p', TITLE, "the copy's");
    sqlite3 *db = w->d[COPY].r->store->db;
    sqlite3_commit_hook(db, refuse_to_commit, NULL);
    assert_int_not_equal(write_bundle(w, COPY), WARD_OK);
    assert_int_not_equal(w->err.code, WARD_OK);
    assert_true(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    assert_int_not_equal(write_bundle(w, COPY), WARD_OK);
    sqlite3_commit_hook(db, NULL, NULL);
    OK(w, write_bundle(w, COPY));
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
}

/* From a disk without room work must go out all the same. */
static void from_a_full_disk_it_goes_out_unnoted(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    put(w, COPY, 'p', TITLE, "the copy's");
    sqlite3 *db = w->d[COPY].r->store->db;
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA max_page_count = 1; CREATE TEMP TRIGGER big BEFORE INSERT ON main.ward_published BEGIN"
                                  " INSERT INTO ward_waiting(space, body) VALUES(x'', zeroblob(1000000)); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    OK(w, write_bundle(w, COPY));
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    ward_close(w->d[COPY].r);
    struct ward_options look = w->d[COPY].options;
    look.read_only = true;
    OK(w, ward_open(&w->d[COPY].r, w->d[COPY].home, &look, &w->err));
    assert_true(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1));
    OK(w, write_bundle(w, COPY));
}

/* One change-set may be far larger than a change: pieces, shortened segments. */
static void in_pieces(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    ward_txn *t;
    struct ward_hash space = its_space(w, COPY);
    static char text[3000];
    memset(text, 'x', sizeof text - 1);
    OK(w, ward_begin(w->d[COPY].r, &t, &w->err));
    for (int i = 0; i < 200; i++) {
        struct ward_id id = unit_id('!');
        struct ward_value v = ward_value_text(text);
        id.b[0] = (uint8_t)i;
        OK(w, ward_put(t, &space, KIND_ITEM, &id, NOTE, NULL, 0, &v, &w->err));
    }
    OK(w, ward_commit(t, NULL, &w->err));
    put(w, TABLET, 'q', NOTE, "the tablet's");
    give(w, TABLET, OFFICE);
    f->base = own_feed(w, TABLET)->head_seq - 1;
    heal(f);
    struct ward_id last = unit_id('!');
    last.b[0] = 199;
    ward_record *rec;
    OK(w, ward_get(w->d[TABLET].r, KIND_ITEM, &last, false, &rec, &w->err));
    assert_int_equal(ward_record_value(rec, NOTE).len, sizeof text - 1);
    ward_record_free(rec);
}

/* Base lies within a segment: what is kept of it gets a seal of its own. */
static void a_segment_is_shortened(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    struct ward_segment seg;
    put(w, TABLET, 'p', NOTE, "one");
    put(w, TABLET, 'q', NOTE, "two");
    give(w, TABLET, OFFICE);
    give(w, OFFICE, COPY); /* both in one run */
    OK(w, ward_store_find_segment(w->d[COPY].r->store, f->fid, f->base + 1, &seg, &w->err));
    assert_true(seg.count > 1);
    f->base++;
    assert_false(ward_own_unpublished(w->d[COPY].r, f->fid, f->base + 1)); /* what came from others, others have */
    withdraw(f);
    assert_sound(w);
    shows(w, COPY, 'p', NOTE, "one");
    OK(w, ward_own_rewrite(w->d[COPY].r, &w->err));
    shows(w, COPY, 'q', NOTE, "two");
    assert_sound(w);
}

static int find_receipted(void *ctx, const struct ward_store_receipted *row)
{
    *(uint64_t *)ctx += row->seq;
    return WARD_OK;
}

/* Of what gave way it is noted no more who held it, nor who had sealed it; of what stays it is. */
static void notes_of_it_go_with_it(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    ward_replica *r = w->d[COPY].r;
    struct ward_store_peer p = {.grant = w->d[OFFICE].grant};
    struct ward_store_receipted sealed = {.grant = w->d[OFFICE].grant, .fid = f->fid, .seq = f->base + 1, .held = WARD_HELD_ALL},
                                before = {.grant = w->d[TABLET].grant, .fid = f->fid, .seq = f->base, .held = WARD_HELD_ALL};
    uint64_t left = 0;
    put(w, COPY, 'p', TITLE, "the copy's");
    OK(w, ward_store_begin(r->store, &w->err));
    OK(w, ward_store_put_receipted(r->store, &sealed, &w->err));
    OK(w, ward_store_put_receipted(r->store, &before, &w->err));
    assert_int_equal(ward_vv_raise(&p.have, &r->env, f->fid, f->base + 1), WARD_OK);
    OK(w, ward_store_put_peer(r->store, &p, &w->err));
    OK(w, ward_store_commit(r->store, &w->err));
    ward_vv_free(&p.have, &r->env);
    withdraw(f);
    OK(w, ward_store_get_peer(r->store, &p.grant, &p, &w->err));
    assert_int_equal(ward_vv_get(&p.have, f->fid), f->base);
    OK(w, ward_store_each_receipted(r->store, find_receipted, &left, &w->err));
    assert_int_equal(left, f->base);
    ward_vv_free(&p.have, &r->env);
}

/* The tablet has read what the copy lacks: its run cannot be taken yet, so nothing gives way to it. */
static void nothing_gives_way_to_what_is_refused(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    const size_t whose = TABLET;
    size_t waiting;
    put(w, OFFICE, 't', TITLE, "the office's");
    give(w, OFFICE, TABLET);
    put(w, TABLET, 'q', NOTE, "having read it");
    give(w, TABLET, OFFICE);
    put(w, COPY, 'p', TITLE, "the copy's");
    const struct ward_hash head = own_feed(w, COPY)->head_hash;
    assert_int_equal(carry_runs(w, OFFICE, COPY, &whose), WARD_ERR_DEP_MISSING);
    assert_memory_equal(own_feed(w, COPY)->head_hash.b, head.b, sizeof head.b);
    OK(w, ward_store_count_waiting(w->d[COPY].r->store, &waiting, &w->err));
    assert_int_equal(waiting, 0);
    give(w, OFFICE, COPY);
    assert_int_equal(own_feed(w, COPY)->head_seq, f->base + 2); /* the tablet's, and then its own anew */
    give(w, COPY, OFFICE);
    give(w, OFFICE, TABLET);
    assert_converged(w);
    assert_sound(w);
}

/* Two processes have the home open: one takes back what it wrote and writes something else there, and the other sees that it did. */
static void another_process_hears_of_it(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    ward_replica *other;
    put(w, COPY, 'p', TITLE, "the copy's");
    OK(w, ward_open(&other, w->d[COPY].home, &w->d[COPY].options, &w->err));
    const size_t before = other->reused;
    put(w, COPY, 'q', NOTE, "more");
    OK(w, ward_replica_refresh(other, &w->err));
    assert_int_equal(other->reused, before); /* it has grown, and that is all */
    put(w, TABLET, 'p', TITLE, "the tablet's");
    give(w, TABLET, OFFICE);
    withdraw(f);
    OK(w, ward_replica_refresh(other, &w->err));
    assert_int_equal(other->reused, before + 1); /* it is shorter */
    assert_int_equal(other->reuses[before].fid, f->fid);
    put(w, COPY, 'r', NOTE, "once more");
    OK(w, ward_replica_refresh(other, &w->err));
    const size_t then = other->reused;
    withdraw(f);
    put(w, COPY, 's', NOTE, "something else");
    OK(w, ward_replica_refresh(other, &w->err));
    assert_int_equal(other->reused, then + 1); /* it is as long, and another */
    ward_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_edit_of_both_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deletion_after_an_edit_is_one, setup, teardown),
        cmocka_unit_test_setup_teardown(an_edit_of_what_the_other_deleted_is_a_conflict, setup, teardown),
        cmocka_unit_test_setup_teardown(what_it_had_not_seen_of_others_stands, setup, teardown),
        cmocka_unit_test_setup_teardown(told_again_it_has_seen_what_it_had_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(it_may_happen_again_before_anyone_hears_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_commit_writes_it_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(what_went_out_is_published, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_show_is_published, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_have_does_not_give_way, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_noted_does_not_go_out, setup, teardown),
        cmocka_unit_test_setup_teardown(from_a_full_disk_it_goes_out_unnoted, setup, teardown),
        cmocka_unit_test_setup_teardown(in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(a_segment_is_shortened, setup, teardown),
        cmocka_unit_test_setup_teardown(notes_of_it_go_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_gives_way_to_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(another_process_hears_of_it, setup, teardown),
    };
    return cmocka_run_group_tests_name("own", tests, NULL, NULL);
}
