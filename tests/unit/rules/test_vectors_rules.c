/* The vectors of proto/vectors/ that need the rules: grants, circles and frames, the shape of runs, and merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../vectors.h"
#include "base/arena.h"
#include "rules/authority.h"
#include "rules/frame.h"
#include "rules/slot.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/feed.h"
#include "values/hash.h"
#include "values/seal.h"
#include "values/vv.h"

#include <sodium.h>

/* ---------------------------------------------------------------- grants, circles, frames */

static int check_grant(const json_t *one)
{
    struct hex raw = hex_at(one, "grant");
    struct ward_grant g;
    struct ward_error err = {0};
    int code = ward_grant_parse(&g, raw.p, raw.len, &err);
    if (code == WARD_OK && json_object_get(one, "entity")) {
        struct hex entity = hex_at(one, "entity");
        struct ward_id own;
        ward_grant_entity(&own, &g.id);
        if (memcmp(own.b, entity.p, sizeof own.b) != 0)
            code = WARD_ERR_GRANT_BAD;
        free(entity.p);
    }
    if (code == WARD_OK && !json_object_get(one, "error")) {
        struct ward_hash id = hash_at(one, "id");
        struct ward_buf again;
        assert_hash_equal(&g.id, &id);
        assert_int_equal(g.role, number_at(one, "role"));
        ward_buf_init(&again, &vectors_env);
        ward_grant_write(&again, &g);
        assert_int_equal(again.len, raw.len);
        assert_memory_equal(again.p, raw.p, raw.len);
        ward_buf_free(&again);
    }
    free(raw.p);
    return code;
}

/* A circle is read where a heads frame names one; cut off or with bytes after it, it is another frame. */
static int check_bad_circle(const json_t *one)
{
    int expected = (int)number_at(one, "error");
    if (expected == WARD_ERR_TRUNCATED || expected == WARD_ERR_TRAILING || !strcmp(name_of(one), "no array"))
        return -1;
    struct hex raw = hex_at(one, "circle");
    struct ward_buf frame;
    struct ward_message m;
    struct ward_error err = {0};
    ward_buf_init(&frame, &vectors_env);
    ward_frame_begin(&frame, WARD_MSG_HEADS, 2);
    ward_put_array(&frame, 1);
    ward_put_array(&frame, 2);
    ward_buf_add(&frame, raw.p, raw.len);
    ward_put_array(&frame, 0);
    ward_put_bool(&frame, true);
    int code = ward_frame_parse(&m, frame.p, frame.len, &err);
    ward_buf_free(&frame);
    free(raw.p);
    return code;
}

/* The signature of a join is over what only the session knows. */
static int check_join(const json_t *one, const struct ward_message *m)
{
    struct ward_hash ward = hash_at(one, "ward"), request, expected = hash_at(one, "request");
    struct hex invitation = hex_at(one, "invitation_pk");
    struct ward_buf b;
    ward_buf_init(&b, &vectors_env);
    ward_put_array(&b, 5);
    ward_put_bytes(&b, ward.b, sizeof ward.b);
    ward_put_bytes(&b, invitation.p, invitation.len);
    ward_put_text(&b, (const char *)m->text, m->text_len);
    ward_put_bytes(&b, m->join.sign_pk, 32);
    ward_put_bytes(&b, m->join.link_pk, 32);
    ward_hash_once(&request, "wardsync joinreq", b.p, b.len);
    assert_hash_equal(&request, &expected);
    int bad = crypto_sign_verify_detached(m->join.signature, request.b, sizeof request.b, m->join.sign_pk);
    ward_buf_free(&b);
    free(invitation.p);
    return bad ? WARD_ERR_SEAL : WARD_OK;
}

static int check_frame(const json_t *one)
{
    struct hex raw = hex_at(one, "frame");
    struct ward_message m;
    struct ward_error err = {0};
    int code = ward_frame_parse(&m, raw.p, raw.len, &err);
    if (code == WARD_OK && json_object_get(one, "type"))
        assert_int_equal(m.type, number_at(one, "type"));
    if (code == WARD_OK && json_object_get(one, "ward"))
        code = check_join(one, &m);
    free(raw.p);
    return code;
}

/* ---------------------------------------------------------------- a set of changes, held in memory */

enum { FEEDS_MAX = 16, FRAMES_MAX = 64, GRANTS_MAX = 64 };

struct held {
    struct ward_hash space, feed, grant;
    enum ward_role role;
    uint8_t sign_pk[32];
    size_t count;
    struct held_change {
        struct ward_hash hash;
        struct ward_scratch parsed;
        struct ward_vv seen, context; /* context: of a late change */
    } changes[64];
};
struct world {
    struct ward_hash ward, root_grant;
    uint8_t root_pk[32];
    struct ward_hash spaces[8];
    size_t space_count;
    struct ward_grant grants[GRANTS_MAX];
    size_t grant_count;
    struct held feeds[FEEDS_MAX]; /* fid is the index + 1 */
    size_t feed_count;
    struct hex frames[FRAMES_MAX];
    size_t frame_count;
};

static void world_open(struct world *w, const json_t *setup)
{
    struct hex pk = hex_at(setup, "root_pk");
    size_t i, j;
    json_t *circle, *unit;
    memset(w, 0, sizeof *w);
    memcpy(w->root_pk, pk.p, 32);
    ward_name_ward(&w->ward, pk.p);
    ward_grant_of_root(&w->grants[w->grant_count++], &w->ward, pk.p);
    ward_name_space(&w->spaces[w->space_count++], &w->ward, NULL, 0);
    json_array_foreach(json_object_get(setup, "circles"), i, circle)
    {
        struct ward_id units[8];
        json_array_foreach(circle, j, unit)
        {
            struct hex h = hex_of(unit);
            memcpy(units[j].b, h.p, sizeof units[j].b);
            free(h.p);
        }
        ward_name_space(&w->spaces[w->space_count++], &w->ward, units, json_array_size(circle));
    }
    free(pk.p);
}

static void world_close(struct world *w)
{
    for (size_t f = 0; f < w->feed_count; f++)
        for (size_t i = 0; i < w->feeds[f].count; i++) {
            ward_scratch_free(&w->feeds[f].changes[i].parsed);
            ward_vv_free(&w->feeds[f].changes[i].seen, &vectors_env);
            ward_vv_free(&w->feeds[f].changes[i].context, &vectors_env);
        }
    for (size_t i = 0; i < w->frame_count; i++)
        free(w->frames[i].p);
}

static struct held *feed_of(struct world *w, const struct ward_hash *feed)
{
    for (size_t i = 0; i < w->feed_count; i++)
        if (ward_hash_compare(&w->feeds[i].feed, feed) == 0)
            return &w->feeds[i];
    return NULL;
}

static struct held *feed_of_run(struct world *w, const struct ward_run *run)
{
    struct held f = {0};
    for (size_t i = 0; i < w->space_count; i++)
        if (memcmp(w->spaces[i].b, run->space8, 8) == 0)
            f.space = w->spaces[i];
    for (size_t i = 0; i < w->grant_count; i++)
        if (memcmp(w->grants[i].id.b, run->grant8, 8) == 0) {
            f.grant = w->grants[i].id;
            f.role = w->grants[i].role;
            memcpy(f.sign_pk, w->grants[i].sign_pk, 32);
        }
    ward_name_feed(&f.feed, &w->ward, &f.space, &f.grant);
    struct held *known = feed_of(w, &f.feed);
    if (known)
        return known;
    assert_true(w->feed_count < FEEDS_MAX);
    w->feeds[w->feed_count] = f;
    return &w->feeds[w->feed_count++];
}

/* Every grant that parses is taken: which of them are effective is not what is tried here. */
static void take_grants(struct world *w, const struct ward_scratch *s)
{
    for (size_t i = 0; i < s->op_count; i++)
        if (s->ops[i].kind == WARD_KIND_GRANT && s->ops[i].field == 4 && s->ops[i].value.type == WARD_BYTES &&
            ward_grant_parse(&w->grants[w->grant_count], s->ops[i].value.p, s->ops[i].value.len, NULL) == WARD_OK)
            assert_true(++w->grant_count < GRANTS_MAX);
}

/* Takes a run whose feed goes on where it starts: chain, deps, depth and seal. The error, or WARD_OK. */
static int world_take(struct world *w, const json_t *frame)
{
    assert_true(w->frame_count < FRAMES_MAX);
    struct hex raw = w->frames[w->frame_count++] = hex_of(frame);
    struct ward_message m;
    int code = ward_frame_parse(&m, raw.p, raw.len, NULL);
    if (code)
        return code;
    assert_int_equal(m.type, WARD_MSG_RUN);
    assert_int_equal(m.run.codec, WARD_CODEC_RAW);
    struct held *f = feed_of_run(w, &m.run);
    assert_int_equal(m.run.first, f->count + 1);
    size_t at = 0, used;
    for (uint32_t i = 0; i < m.run.count; i++, at += used) {
        struct held_change *c = &f->changes[f->count], *before = f->count ? c - 1 : NULL;
        ward_scratch_init(&c->parsed, &vectors_env);
        code = ward_change_parse(&c->parsed, m.run.data + at, m.run.len - at, &used, NULL);
        if (code) {
            ward_scratch_free(&c->parsed);
            return code;
        }
        f->count++;
        uint64_t depth = before ? before->parsed.changes[0].depth : 0;
        if (before)
            assert_int_equal(ward_vv_copy(&c->seen, &vectors_env, &before->seen), WARD_OK);
        for (size_t d = 0; d < c->parsed.dep_count; d++) {
            const struct ward_dep *dep = &c->parsed.deps[d];
            const struct held *other = feed_of(w, &dep->feed);
            assert_non_null(other);
            if (ward_dep_is_own(dep)) {
                assert_ptr_equal(other, f);
                continue;
            }
            if (c->parsed.changes[0].late)
                ward_vv_raise(&c->context, &vectors_env, (uint32_t)(other - w->feeds) + 1, dep->seq);
            assert_true(dep->seq <= other->count);
            assert_hash_equal(&other->changes[dep->seq - 1].hash, &dep->hash);
            if (other->changes[dep->seq - 1].parsed.changes[0].depth > depth)
                depth = other->changes[dep->seq - 1].parsed.changes[0].depth;
            ward_vv_raise(&c->seen, &vectors_env, (uint32_t)(other - w->feeds) + 1, dep->seq);
        }
        if (c->parsed.changes[0].depth != depth + 1)
            return WARD_ERR_DEPTH;
        ward_vv_raise(&c->seen, &vectors_env, (uint32_t)(f - w->feeds) + 1, f->count);
        ward_chain(&c->hash, f->count, before ? &before->hash : &f->feed, m.run.data + at, used);
        take_grants(w, &c->parsed);
    }
    if (at != m.run.len)
        return WARD_ERR_TRAILING;
    return ward_seal_check(m.run.sig, &f->feed, f->count, &f->changes[f->count - 1].hash, f->sign_pk) ? WARD_OK : WARD_ERR_SEAL;
}

/* Whether the run starts where its feed ends here: what overlaps needs a replica. */
static bool goes_on(struct world *w, const json_t *frame)
{
    struct hex raw = hex_of(frame);
    struct ward_message m;
    bool on = ward_frame_parse(&m, raw.p, raw.len, NULL) || m.run.first == feed_of_run(w, &m.run)->count + 1;
    free(raw.p);
    return on;
}

/* Runs with nothing compressed whose refusal lies in the bytes: the rest needs a replica. */
static int check_run(const json_t *one)
{
    static struct world w;
    int expected = (int)json_integer_value(json_object_get(one, "error"));
    bool in_bytes = (expected >= WARD_ERR_TRUNCATED && expected <= WARD_ERR_LIMIT_KEY && expected != WARD_ERR_CODEC) ||
                    expected == WARD_ERR_DEPTH || expected == WARD_ERR_SEAL;
    const char *name = name_of(one);
    if ((expected && !in_bytes) || strstr(name, "codec 1") || strstr(name, "codec 2") || strstr(name, "floor")) /* floors too */
        return -1;
    size_t i;
    json_t *frame;
    int code = WARD_OK;
    world_open(&w, json_object_get(one, "setup"));
    bool plain = true; /* what branches needs a replica too */
    json_array_foreach(json_object_get(json_object_get(one, "setup"), "held"), i, frame) if (plain)
    {
        plain = goes_on(&w, frame);
        if (plain)
            assert_int_equal(world_take(&w, frame), WARD_OK);
    }
    if (!plain || !goes_on(&w, json_object_get(one, "run"))) {
        world_close(&w);
        return -1;
    }
    code = world_take(&w, json_object_get(one, "run"));
    if (code == WARD_OK && !expected) {
        struct ward_message m;
        struct ward_hash head = hash_at(one, "head_hash");
        const struct hex *last = &w.frames[w.frame_count - 1];
        assert_int_equal(ward_frame_parse(&m, last->p, last->len, NULL), WARD_OK);
        const struct held *f = feed_of_run(&w, &m.run);
        assert_int_equal(f->count, number_at(one, "head_seq"));
        assert_hash_equal(&f->changes[f->count - 1].hash, &head);
    }
    world_close(&w);
    return code;
}

/* ---------------------------------------------------------------- merging */

struct record {
    uint32_t kind;
    struct ward_id entity;
    struct ward_state state;
};

static struct record *record_of(struct record *v, size_t *count, struct ward_arena *arena, uint32_t kind, const struct ward_id *entity)
{
    for (size_t i = 0; i < *count; i++)
        if (v[i].kind == kind && ward_id_equal(&v[i].entity, entity))
            return &v[i];
    v[*count] = (struct record){.kind = kind, .entity = *entity};
    ward_state_init(&v[*count].state, arena);
    return &v[(*count)++];
}

static void merge_change(const struct held_change *c, uint32_t fid, uint64_t seq, struct record *v, size_t *count, struct ward_arena *arena,
                         const struct ward_authors *authors)
{
    static const uint8_t yes[1] = {0xf5};
    bool named[64] = {false}, late = c->parsed.changes[0].late;
    const struct ward_vv *seen = late ? &c->context : &c->seen;
    for (size_t i = 0; i < c->parsed.op_count; i++) {
        const struct ward_op *op = &c->parsed.ops[i];
        struct record *rec = record_of(v, count, arena, op->kind, &op->entity);
        struct ward_write write = {.field = op->field,
                                   .key = op->key,
                                   .key_len = op->key_len,
                                   .raw = op->raw,
                                   .raw_len = op->raw_len,
                                   .fid = fid,
                                   .seq = seq,
                                   .depth = c->parsed.changes[0].depth,
                                   .late = late,
                                   .own_seen = c->parsed.changes[0].own_seen};
        assert_int_equal(ward_slot_write(&rec->state, &write, seen, authors), WARD_OK);
        assert_true(op->record < 64);
        named[op->record] |= op->field == WARD_FIELD_PRESENCE;
    }
    uint32_t next = 0;
    for (size_t i = 0; i < c->parsed.op_count; i++) {
        const struct ward_op *op = &c->parsed.ops[i];
        if (op->record != next)
            continue;
        next++;
        if (named[op->record])
            continue;
        struct ward_write write = {.field = WARD_FIELD_PRESENCE,
                                   .raw = yes,
                                   .raw_len = 1,
                                   .fid = fid,
                                   .seq = seq,
                                   .depth = c->parsed.changes[0].depth,
                                   .late = late,
                                   .own_seen = c->parsed.changes[0].own_seen};
        assert_int_equal(ward_slot_write(&record_of(v, count, arena, op->kind, &op->entity)->state, &write, seen, authors), WARD_OK);
    }
}

static void compare_live(struct world *w, const json_t *slot, const struct ward_slot *got, const struct ward_authors *authors)
{
    const json_t *live = json_object_get(slot, "live");
    bool sum = number_at(slot, "field") % 4 == WARD_TALLY;
    if (!sum)
        assert_int_equal(got->live_count, json_array_size(live));
    for (size_t i = 0; i < json_array_size(live); i++) {
        const json_t *l = json_array_get(live, i);
        struct ward_hash feed = hash_of(json_array_get(l, 0));
        struct hex value = hex_of(json_array_get(l, 3));
        size_t found = 0;
        for (size_t j = 0; j < got->live_count; j++) {
            const struct ward_live_value *g = &got->live[j];
            if (ward_hash_compare(&w->feeds[g->fid - 1].feed, &feed) != 0 || g->seq != (uint64_t)json_integer_value(json_array_get(l, 1)))
                continue;
            found++;
            assert_int_equal(g->depth, json_integer_value(json_array_get(l, 2)));
            assert_int_equal(g->len, value.len);
            assert_memory_equal(g->raw, value.p, value.len);
        }
        assert_int_equal(found, 1);
        free(value.p);
    }
    if (!sum) {
        const struct ward_live_value *shown = ward_slot_shown(got, authors);
        struct hex expected = hex_at(slot, "shown");
        assert_int_equal(shown->len, expected.len);
        assert_memory_equal(shown->raw, expected.p, expected.len);
        free(expected.p);
    }
}

/* The vector says up to where each feed has effect; its changes are merged in order of feed and seq as far as they are causally closed. */
static void compare_space(struct world *w, const json_t *space)
{
    static struct record records[256];
    struct ward_author rows[FEEDS_MAX + 1] = {0};
    struct ward_authors authors = {rows, w->feed_count + 1};
    struct ward_arena arena;
    struct ward_hash id = hash_at(space, "space"), digest, expected = hash_at(space, "digest");
    const json_t *heads = json_object_get(space, "heads");
    uint64_t done[FEEDS_MAX] = {0}, limit[FEEDS_MAX] = {0};
    size_t count = 0, i, slots = 0;
    json_t *slot;
    struct ward_buf b;

    ward_arena_init(&arena, &vectors_env);
    ward_buf_init(&b, &vectors_env);
    for (size_t f = 0; f < w->feed_count; f++)
        rows[f + 1] = (struct ward_author){.feed = w->feeds[f].feed, .rank = ward_role_rules(w->feeds[f].role)->rank};
    ward_put_array(&b, json_array_size(heads));
    for (i = 0; i < json_array_size(heads); i++) {
        const json_t *head = json_array_get(heads, i);
        struct ward_hash feed = hash_of(json_array_get(head, 0)), hash = hash_of(json_array_get(head, 2));
        const struct held *f = feed_of(w, &feed);
        assert_non_null(f);
        assert_hash_equal(&f->space, &id);
        uint64_t seq = (uint64_t)json_integer_value(json_array_get(head, 1));
        assert_int_equal(seq, f->count);
        assert_hash_equal(&f->changes[seq - 1].hash, &hash);
        ward_put_array(&b, 3);
        ward_put_bytes(&b, f->feed.b, 32);
        ward_put_uint(&b, seq);
        ward_put_bytes(&b, f->changes[seq - 1].hash.b, 32);
    }
    ward_hash_once(&digest, "wardsync heads", b.p, b.len);
    assert_hash_equal(&digest, &expected);
    json_array_foreach(json_object_get(space, "effective"), i, slot)
    {
        struct ward_hash feed = hash_of(json_array_get(slot, 0));
        limit[feed_of(w, &feed) - w->feeds] = (uint64_t)json_integer_value(json_array_get(slot, 1));
    }

    for (bool moved = true; moved;) {
        moved = false;
        for (size_t f = 0; f < w->feed_count; f++) {
            if (done[f] >= limit[f])
                continue;
            const struct held_change *c = &w->feeds[f].changes[done[f]];
            bool ready = true;
            for (size_t d = 0; d < c->parsed.dep_count; d++) {
                size_t other = (size_t)(feed_of(w, &c->parsed.deps[d].feed) - w->feeds);
                uint64_t needed = c->parsed.deps[d].seq < limit[other] ? c->parsed.deps[d].seq : limit[other];
                ready = ready && done[other] >= needed;
            }
            if (!ready)
                continue;
            merge_change(c, (uint32_t)f + 1, ++done[f], records, &count, &arena, &authors);
            moved = true;
        }
    }
    json_array_foreach(json_object_get(space, "slots"), i, slot)
    {
        struct hex entity = hex_at(slot, "entity"), key = hex_at(slot, "key");
        struct ward_id e;
        memcpy(e.b, entity.p, sizeof e.b);
        size_t before = count;
        struct record *rec = record_of(records, &count, &arena, (uint32_t)number_at(slot, "kind"), &e);
        assert_int_equal(before, count);
        uint32_t field = (uint32_t)number_at(slot, "field");
        bool sum = field % 4 == WARD_TALLY;
        const struct ward_slot *got = ward_state_find(&rec->state, field, sum ? NULL : key.p, sum ? 0 : key.len);
        assert_non_null(got);
        compare_live(w, slot, got, &authors);
        slots++;
        free(entity.p);
        free(key.p);
    }
    for (i = 0; i < count; i++)
        for (size_t s = 0; s < records[i].state.slot_count; s++) {
            const struct ward_slot *got = &records[i].state.slots[s];
            slots -= ward_field_class(got->field) == WARD_TALLY ? got->live_count : 1;
        }
    assert_int_equal(slots, 0); /* as many here as there */
    ward_buf_free(&b);
    ward_arena_free(&arena);
}

static int check_history(const json_t *one)
{
    static struct world w;
    size_t i;
    json_t *item;
    world_open(&w, one);
    json_array_foreach(json_object_get(one, "runs"), i, item) assert_int_equal(world_take(&w, item), WARD_OK);
    json_array_foreach(json_object_get(one, "spaces"), i, item) compare_space(&w, item);
    world_close(&w);
    return WARD_OK;
}

static void test_grants(void **state)
{
    (void)state;
    each_vector("grant", check_grant);
    each_vector("grant-bad", check_grant);
}

static void test_bad_circles(void **state)
{
    (void)state;
    each_vector("circle-bad", check_bad_circle);
}

static void test_frames(void **state)
{
    (void)state;
    each_vector("frame", check_frame);
}

static void test_bad_frames(void **state)
{
    (void)state;
    each_vector("frame-bad", check_frame);
}

static void test_runs(void **state)
{
    (void)state;
    each_vector("run", check_run);
    each_vector("run-bad", check_run);
}

static void test_histories(void **state)
{
    (void)state;
    each_vector("history", check_history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grants),     cmocka_unit_test(test_bad_circles), cmocka_unit_test(test_frames),
        cmocka_unit_test(test_bad_frames), cmocka_unit_test(test_runs),        cmocka_unit_test(test_histories),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
