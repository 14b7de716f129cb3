/* The vectors of proto/vectors/ that need a whole replica: runs, snapshots, histories in many orders of arrival, bundles, invitation codes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../vectors.h"
#include "base/err.h"
#include "replica/base.h"
#include "replica/ingest.h"
#include "replica/invite.h"
#include "replica/replica.h"
#include "rules/frame.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <dirent.h>
#include <inttypes.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORDERS           20
#define CIRCLE_UNITS_MAX 16

/* Open, governed and sum slots under a policy as in the vectors; the kinds that nobody knows have no conflicts here. */
static const struct ward_field_def fields[] = {
    {.number = 4, .name = "title", .type = WARD_TEXT, .policy = WARD_CONFLICT},
    {.number = 5, .name = "deadline", .type = WARD_TEXT, .policy = WARD_CONFLICT},
    {.number = 6, .name = "with_units", .type = WARD_BOOL, .policy = WARD_ADD_WINS},
    {.number = 7, .name = "reached", .type = WARD_INT, .policy = WARD_SUM},
    {.number = 8, .name = "note", .type = WARD_TEXT, .policy = WARD_CONFLICT},
};
#define TASK 16
static const struct ward_kind_def kinds[] = {
    {.number = TASK, .name = "task", .fields = fields, .field_count = sizeof fields / sizeof fields[0]}};
static const struct ward_schema schema = {.kinds = kinds, .kind_count = 1, .version = 1};

/* ---------------------------------------------------------------- a home */

struct home {
    char dir[256], path[280], file[280];
    ward_replica *r;
    struct ward_error err;
};

static struct ward_hash operator_grant;

static void find_operator(void)
{
    json_error_t why;
    size_t i;
    json_t *doc = json_load_file(WARD_VECTORS_DIR "/grant.json", 0, &why), *one;
    assert_non_null(doc);
    json_array_foreach(json_object_get(doc, "cases"), i, one) if (!strcmp(name_of(one), "operator")) operator_grant = hash_at(one, "id");
    json_decref(doc);
}

static void remove_all(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[600];
    while (d && (e = readdir(d)) != NULL) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            remove_all(path);
        else
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static void know_circles(struct home *h, const json_t *setup)
{
    size_t i, j;
    json_t *circle, *unit;
    json_array_foreach(json_object_get(setup, "circles"), i, circle)
    {
        struct ward_id units[CIRCLE_UNITS_MAX];
        struct ward_hash space;
        assert_true(json_array_size(circle) <= CIRCLE_UNITS_MAX);
        json_array_foreach(circle, j, unit)
        {
            struct hex x = hex_of(unit);
            assert_int_equal(x.len, WARD_ID_BYTES);
            memcpy(units[j].b, x.p, WARD_ID_BYTES);
            free(x.p);
        }
        assert_int_equal(ward_replica_know_circle(h->r, units, json_array_size(circle), &space), WARD_OK);
    }
}

static struct ward_helper *helper; /* runs are read ahead by it: what comes of them is the same */

/* An empty replica of the ward of `setup`, by a device with the reader's grant; an operator may hold everything. */
static void home_open(struct home *h, const json_t *setup)
{
    const char *tmp = getenv("TMPDIR");
    const struct ward_options options = {.schema = &schema, .helper = helper};
    struct hex root = hex_at(setup, "root_pk");
    struct ward_hash ward, self = json_object_get(setup, "reader") ? hash_at(setup, "reader") : operator_grant;
    *h = (struct home){0};
    snprintf(h->dir, sizeof h->dir, "%s/ward-vectors-XXXXXX", tmp ? tmp : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(h->dir));
    snprintf(h->path, sizeof h->path, "%s/home", h->dir);
    snprintf(h->file, sizeof h->file, "%s/bundle", h->dir);
    assert_int_equal(mkdir(h->path, 0700), 0);
    struct ward_keys *keys = ward_keys_new();
    assert_non_null(keys);
    assert_int_equal(ward_keys_generate(keys, ward_platform_env(), &h->err), WARD_OK);
    ward_name_ward(&ward, root.p);
    int rc = ward_home_create(&h->r, h->path, &options, keys, &ward, root.p, &self, &h->err);
    if (rc)
        fail_msg("home: %d %s", rc, h->err.detail);
    ward_keys_free(keys);
    free(root.p);
    know_circles(h, setup);
}

static void home_close(struct home *h)
{
    ward_close(h->r);
    remove_all(h->dir);
}

/* One run in a transaction of its own, which is ended whatever came of the run. */
static int take_bytes(struct home *h, const struct hex *raw, struct ward_ingested *out)
{
    struct ward_message m;
    struct ward_apply a;
    int code = ward_frame_parse(&m, raw->p, raw->len, &h->err);
    if (code)
        return code;
    assert_int_equal(m.type, WARD_MSG_RUN);
    ward_ingest_ahead(h->r, &m.run);
    assert_int_equal(ward_apply_begin(&a, h->r, &h->err), WARD_OK);
    code = ward_ingest_run(&a, &m.run, out, &h->err);
    if (code)
        assert_true(ward_is_refusal(code));
    struct ward_error end = {0};
    if (ward_apply_end(&a, WARD_OK, &end))
        fail_msg("end: %d %s", end.code, end.detail);
    return code;
}

static int take(struct home *h, const json_t *frame, struct ward_ingested *out)
{
    struct hex raw = hex_of(frame);
    int code = take_bytes(h, &raw, out);
    free(raw.p);
    return code;
}

static void take_held(struct home *h, const json_t *setup)
{
    size_t i;
    json_t *frame;
    json_array_foreach(json_object_get(setup, "held"), i, frame)
    {
        struct ward_ingested in;
        int code = take(h, frame, &in);
        if (code)
            fail_msg("held: %d %s", code, h->err.detail);
        assert_true(in.applied > 0);
    }
}

/* ---------------------------------------------------------------- all that a refused run might have touched */

#define SPACES_SEEN 8
#define FEEDS_SEEN  64

struct picture {
    size_t spaces, feeds, grants, cuts, conflicts;
    int64_t segments;
    struct ward_hash space[SPACES_SEEN], digest[SPACES_SEEN], state[SPACES_SEEN], head[FEEDS_SEEN];
    uint64_t seq[FEEDS_SEEN];
};

static void take_picture(struct home *h, struct picture *p)
{
    const struct ward_directory *d = &h->r->dir;
    memset(p, 0, sizeof *p);
    assert_int_equal(ward_replica_reload(h->r, &h->err), WARD_OK); /* what is stored, not what is remembered */
    p->spaces = d->space_count;
    p->feeds = d->feed_count;
    p->grants = d->grant_count;
    p->cuts = d->cut_count;
    assert_true(p->spaces <= SPACES_SEEN && p->feeds <= FEEDS_SEEN);
    for (size_t i = 0; i < p->spaces; i++) {
        p->space[i] = d->spaces[i].id;
        p->digest[i] = d->spaces[i].digest;
        assert_int_equal(ward_state_digest(h->r, &p->space[i], &p->state[i], &h->err), WARD_OK);
    }
    for (size_t i = 0; i < p->feeds; i++) {
        p->head[i] = d->feeds[i].head_hash;
        p->seq[i] = d->feeds[i].head_seq;
    }
    assert_int_equal(ward_store_last_segment(h->r->store, &p->segments, &h->err), WARD_OK);
    assert_int_equal(ward_conflict_count(h->r, &p->conflicts, &h->err), WARD_OK);
}

/* ---------------------------------------------------------------- runs */

static void compare_run(struct home *h, const json_t *one, const struct ward_ingested *in, const struct picture *before)
{
    const struct ward_feed *f = ward_directory_feed(&h->r->dir, in->fid);
    struct ward_hash head = hash_at(one, "head_hash");
    struct picture after;
    assert_non_null(f);
    assert_int_equal(f->head_seq, number_at(one, "head_seq"));
    assert_hash_equal(&f->head_hash, &head);
    bool duplicate = !strcmp(json_string_value(json_object_get(one, "result")), "duplicate");
    assert_int_equal(in->applied == 0, duplicate);
    take_picture(h, &after);
    if (duplicate)
        assert_memory_equal(&after, before, sizeof after);
    else
        assert_int_equal(after.segments, before->segments + 1);
}

static int check_run(const json_t *one)
{
    struct home h;
    struct picture before, after;
    struct ward_ingested in = {0};
    const json_t *setup = json_object_get(one, "setup");
    home_open(&h, setup);
    take_held(&h, setup);
    take_picture(&h, &before);
    int code = take(&h, json_object_get(one, "run"), &in);
    if (code) {
        take_picture(&h, &after);
        if (memcmp(&after, &before, sizeof after) != 0) {
            print_error("%s: something of a refused run was stored\n", name_of(one));
            code = 0;
        }
    } else if (!json_object_get(one, "error")) {
        compare_run(&h, one, &in, &before);
    }
    home_close(&h);
    return code;
}

/* ---------------------------------------------------------------- snapshots */

/* Frames of a snapshot, each in a transaction of its own; the first refusal, after which no base may be there. */
static int take_snapshot(struct home *h, const json_t *frames, bool *adopted)
{
    struct ward_taking taking = {0};
    struct ward_apply a;
    size_t i;
    json_t *frame;
    int code = WARD_OK;
    *adopted = false;
    json_array_foreach(frames, i, frame)
    {
        struct hex raw = hex_of(frame);
        struct ward_message m;
        struct ward_error end = {0};
        code = ward_frame_parse(&m, raw.p, raw.len, &h->err);
        if (!code) {
            assert_int_equal(ward_apply_begin(&a, h->r, &h->err), WARD_OK);
            code = ward_base_take(&taking, &a, &m, adopted, &h->err);
            assert_true(!code || ward_is_refusal(code));
            if (ward_apply_end(&a, WARD_OK, &end))
                fail_msg("end: %d %s", end.code, end.detail);
        }
        free(raw.p);
        if (code)
            break;
    }
    return code;
}

/* Given away again it is the same, byte by byte: of its maker there is no other word. */
static void give_again(struct home *h, uint32_t sid, const json_t *frames)
{
    struct ward_giving *g;
    struct ward_buf frame;
    size_t i = 0;
    assert_int_equal(ward_giving_begin(&g, h->r, sid, &h->err), WARD_OK);
    ward_buf_init(&frame, &vectors_env);
    for (; ward_giving_next(g, h->r, &frame); i++) {
        struct hex raw = hex_of(json_array_get(frames, i));
        assert_int_equal(frame.len, raw.len);
        assert_memory_equal(frame.p, raw.p, raw.len);
        free(raw.p);
    }
    assert_int_equal(i, json_array_size(frames));
    ward_giving_end(&g, h->r);
    ward_buf_free(&frame);
}

static void compare_snapshot(struct home *h, const json_t *one, const struct picture *before, bool adopted)
{
    struct ward_hash id = hash_at(one, "space"), state = hash_at(one, "state"), got;
    struct picture after;
    const struct ward_space *s = ward_directory_space_by_id(&h->r->dir, &id);
    assert_true(adopted);
    assert_non_null(s);
    take_picture(h, &after);
    assert_memory_not_equal(&after, before, sizeof after);
    assert_int_equal(ward_state_digest(h->r, &id, &got, &h->err), WARD_OK);
    assert_hash_equal(&got, &state);
    s = ward_directory_space_by_id(&h->r->dir, &id);
    assert_true(ward_space_has_base(h->r, s));
    assert_int_equal(ward_base_check(h->r, s->sid, &h->err), WARD_OK);
    give_again(h, s->sid, json_object_get(one, "frames"));
}

static int check_snapshot(const json_t *one)
{
    struct home h;
    struct picture before, after;
    bool adopted;
    const json_t *setup = json_object_get(one, "setup");
    home_open(&h, setup);
    take_held(&h, setup);
    take_picture(&h, &before);
    int code = take_snapshot(&h, json_object_get(one, "frames"), &adopted);
    if (code) {
        take_picture(&h, &after);
        if (adopted || memcmp(&after, &before, sizeof after) != 0) {
            print_error("%s: something came of a refused snapshot\n", name_of(one));
            code = 0;
        }
    } else if (!json_object_get(one, "error")) {
        compare_snapshot(&h, one, &before, adopted);
    }
    home_close(&h);
    return code;
}

/* ---------------------------------------------------------------- histories */

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static bool comes_later(int code)
{
    return code == WARD_ERR_GAP || code == WARD_ERR_DEP_MISSING || code == WARD_ERR_GRANT_UNKNOWN || code == WARD_ERR_SPACE;
}

/* Runs in an order by chance; what cannot be taken yet leaves no trace and is tried again. Some share a transaction, some have their own.
 */
static void take_shuffled(struct home *h, struct hex *frames, size_t count, uint64_t seed)
{
    uint64_t dice = seed * 0x9e3779b97f4a7c15u + 1;
    size_t left[64], n = count, idle = 0;
    struct ward_apply a;
    bool open = false;
    assert_true(count <= 64);
    for (size_t i = 0; i < n; i++)
        left[i] = i;
    while (n) {
        size_t at = (size_t)(next_random(&dice) % n);
        struct ward_message m;
        struct ward_ingested in;
        if (!open)
            assert_int_equal(ward_apply_begin(&a, h->r, &h->err), WARD_OK);
        open = true;
        assert_int_equal(ward_frame_parse(&m, frames[left[at]].p, frames[left[at]].len, &h->err), WARD_OK);
        int code = ward_ingest_run(&a, &m.run, &in, &h->err);
        if (code && !comes_later(code))
            fail_msg("order %" PRIu64 ": %d %s", seed, code, h->err.detail);
        if (!code) {
            assert_int_equal(in.applied, m.run.count);
            left[at] = left[--n];
        }
        idle = code ? idle + 1 : 0;
        assert_true(idle < 10000);
        if (next_random(&dice) % 2) {
            assert_int_equal(ward_apply_end(&a, WARD_OK, &h->err), WARD_OK);
            open = false;
        }
    }
    if (open)
        assert_int_equal(ward_apply_end(&a, WARD_OK, &h->err), WARD_OK);
}

struct conflicts {
    struct ward_id id[64];
    size_t count;
};

static int note_conflict(void *ctx, const struct ward_conflict *c)
{
    struct conflicts *v = ctx;
    if (c->kind != TASK)
        return 0;
    assert_true(v->count < 64);
    v->id[v->count++] = c->id;
    return 0;
}

/* Kinds and fields of which both the vectors and the schema say that they conflict. */
static bool schema_has(const json_t *slot)
{
    uint64_t field = number_at(slot, "field");
    return number_at(slot, "kind") == TASK && (field == WARD_FIELD_PRESENCE || field == 4 || field == 5 || field == 8);
}

static size_t compare_conflicts(const json_t *space, const struct conflicts *found)
{
    size_t i, expected = 0;
    json_t *slot;
    json_array_foreach(json_object_get(space, "slots"), i, slot)
    {
        struct hex id = hex_at(slot, "conflict_id");
        size_t hits = 0;
        for (size_t j = 0; j < found->count; j++)
            hits += memcmp(found->id[j].b, id.p, WARD_ID_BYTES) == 0;
        bool wanted = json_is_true(json_object_get(slot, "conflict"));
        if (schema_has(slot)) {
            assert_int_equal(hits, wanted);
            expected += wanted;
        }
        free(id.p);
    }
    return expected;
}

static void compare_space(struct home *h, const json_t *space)
{
    struct ward_hash id = hash_at(space, "space"), digest = hash_at(space, "digest"), state = hash_at(space, "state"), got;
    const struct ward_space *s = ward_directory_space_by_id(&h->r->dir, &id);
    const json_t *heads = json_object_get(space, "heads");
    size_t i;
    json_t *head;
    assert_non_null(s);
    assert_int_equal(s->feed_count, json_array_size(heads));
    json_array_foreach(heads, i, head)
    {
        struct ward_hash feed = hash_of(json_array_get(head, 0)), hash = hash_of(json_array_get(head, 2));
        const struct ward_feed *f = ward_directory_feed_by_id(&h->r->dir, &feed);
        assert_non_null(f);
        assert_int_equal(f->head_seq, json_integer_value(json_array_get(head, 1)));
        assert_hash_equal(&f->head_hash, &hash);
    }
    assert_hash_equal(&s->digest, &digest);
    assert_int_equal(ward_state_digest(h->r, &id, &got, &h->err), WARD_OK);
    assert_hash_equal(&got, &state);
}

static void compare_grants(struct home *h, const json_t *expected)
{
    size_t i, effective = 0;
    json_t *one;
    json_array_foreach(expected, i, one)
    {
        struct ward_hash id = hash_of(one);
        if (ward_hash_compare(&id, &h->r->ward) != 0)
            assert_true(ward_grant_effective(&h->r->dir, &id));
    }
    for (i = 0; i < h->r->dir.grant_count; i++)
        effective += h->r->dir.grants[i].role != WARD_ROLE_ROOT && ward_grant_effective(&h->r->dir, &h->r->dir.grants[i].id);
    assert_int_equal(effective + 1, json_array_size(expected));
}

static void compare_history(struct home *h, const json_t *one)
{
    const json_t *spaces = json_object_get(one, "spaces");
    const struct ward_grant all = {.role = WARD_ROLE_OPERATOR};
    struct ward_hash common = hash_at(one, "common"), got;
    struct conflicts found = {.count = 0};
    size_t i, expected = 0;
    json_t *space;
    assert_int_equal(h->r->dir.space_count, json_array_size(spaces));
    assert_int_equal(ward_conflicts(h->r, note_conflict, &found, &h->err), WARD_OK);
    json_array_foreach(spaces, i, space)
    {
        compare_space(h, space);
        expected += compare_conflicts(space, &found);
    }
    assert_int_equal(found.count, expected);
    compare_grants(h, json_object_get(one, "grants"));
    assert_int_equal(ward_directory_common(&h->r->dir, &all, &all, &got), WARD_OK);
    assert_hash_equal(&got, &common);
}

static const char *current_history;
static uint64_t current_order;

static int check_history(const json_t *one)
{
    const json_t *runs = json_object_get(one, "runs");
    size_t count = json_array_size(runs);
    struct hex frames[64];
    struct home h;
    assert_true(count <= 64);
    current_history = name_of(one);
    for (size_t i = 0; i < count; i++)
        frames[i] = hex_of(json_array_get(runs, i));
    for (current_order = 0; current_order < ORDERS; current_order++) {
        home_open(&h, one);
        take_shuffled(&h, frames, count, current_order);
        compare_history(&h, one);
        assert_int_equal(ward_replica_reload(h.r, &h.err), WARD_OK);
        compare_history(&h, one);
        home_close(&h);
    }
    for (size_t i = 0; i < count; i++)
        free(frames[i].p);
    return WARD_OK;
}

/* ---------------------------------------------------------------- bundles */

static void write_file(const char *path, const struct hex *bytes)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    if (bytes->len)
        assert_int_equal(fwrite(bytes->p, 1, bytes->len, f), bytes->len);
    assert_int_equal(fclose(f), 0);
}

static void compare_bundle(const json_t *one, const struct ward_bundle_info *info, const struct picture *before,
                           const struct picture *after)
{
    const json_t *results = json_object_get(one, "results");
    size_t i, fresh = 0;
    json_t *result;
    json_array_foreach(results, i, result) fresh += !strcmp(json_string_value(result), "new");
    assert_int_equal(info->runs, json_array_size(results));
    assert_int_equal(info->refused, 0);
    assert_int_equal(after->segments - before->segments, fresh);
    assert_int_equal(info->applied + info->known, info->changes);
}

static int check_bundle(const json_t *one)
{
    struct home h;
    struct picture before, shown, after;
    struct ward_bundle_info info = {0};
    struct hex bytes = hex_at(one, "bundle");
    const json_t *setup = json_object_get(one, "setup");
    home_open(&h, setup);
    take_held(&h, setup);
    write_file(h.file, &bytes);
    take_picture(&h, &before);
    int show = ward_bundle_show(h.r, h.file, &info, &h.err);
    take_picture(&h, &shown);
    assert_memory_equal(&shown, &before, sizeof before);
    int code = ward_bundle_read(h.r, h.file, NULL, NULL, &info, &h.err);
    take_picture(&h, &after);
    /* What lies in the runs shows on reading alone; so does a writer whom only they name. */
    if (show != WARD_ERR_BUNDLE_WRITER || !json_object_get(one, "introduces"))
        assert_int_equal(show, code);
    if (!code && info.refused)
        code = info.first_refusal;
    if (json_object_get(one, "error"))
        assert_memory_equal(&after, &before, sizeof before);
    else if (!code)
        compare_bundle(one, &info, &before, &after);
    home_close(&h);
    free(bytes.p);
    return code;
}

/* ---------------------------------------------------------------- invitation codes */

static int check_invitation(const json_t *one)
{
    const json_t *addresses = json_object_get(one, "addresses");
    struct ward_invitation v;
    struct ward_error err = {0};
    int code = ward_invitation_parse(&v, json_string_value(json_object_get(one, "code")), &err);
    if (code || json_object_get(one, "error"))
        return code;
    struct ward_hash ward = hash_at(one, "ward");
    struct hex hub = hex_at(one, "hub_link_pk"), sk = hex_at(one, "link_sk"), pk = hex_at(one, "link_pk");
    assert_hash_equal(&v.ward, &ward);
    assert_memory_equal(v.hub_link_pk, hub.p, 32);
    assert_memory_equal(v.link_sk, sk.p, 32);
    assert_memory_equal(v.link_pk, pk.p, 32);
    assert_int_equal(v.address_count, json_array_size(addresses));
    for (size_t i = 0; i < v.address_count; i++)
        assert_string_equal(v.addresses[i], json_string_value(json_array_get(addresses, i)));
    free(hub.p);
    free(sk.p);
    free(pk.p);
    return WARD_OK;
}

/* ---------------------------------------------------------------- */

static void test_runs(void **state)
{
    (void)state;
    each_vector("run", check_run);
}

static void test_bad_runs(void **state)
{
    (void)state;
    each_vector("run-bad", check_run);
}

static void test_snapshots(void **state)
{
    (void)state;
    each_vector("snapshot", check_snapshot);
}

static void test_bad_snapshots(void **state)
{
    (void)state;
    each_vector("snapshot-bad", check_snapshot);
}

static void test_histories(void **state)
{
    (void)state;
    each_vector("history", check_history);
}

static void test_deep_histories(void **state)
{
    (void)state;
    each_vector("history-deep", check_history);
}

/* ---------------------------------------------------------------- proof files */

static int64_t least_wall(const struct ward_proof *p, const struct ward_hash *signer, uint64_t seq)
{
    int64_t least = -1;
    for (size_t i = 0; i < p->receipt_count; i++) {
        const struct ward_proof_receipt *r = &p->receipts[i];
        if (r->agrees && r->seq >= seq && ward_hash_compare(&r->grant, signer) == 0 && (least < 0 || r->wall_ms < least))
            least = r->wall_ms;
    }
    return least;
}

static void compare_proof(const json_t *one, const struct ward_proof *p)
{
    const json_t *shown = json_object_get(one, "shown"), *receipts = json_object_get(one, "receipts");
    struct ward_hash feed = hash_at(one, "feed"), grant = hash_at(one, "grant");
    assert_hash_equal(&p->feed, &feed);
    assert_hash_equal(&p->grant, &grant);
    assert_int_equal(p->first, number_at(one, "first"));
    assert_int_equal(p->last, number_at(one, "last"));
    assert_int_equal(p->receipt_count, json_array_size(receipts));
    for (size_t i = 0; i < p->receipt_count; i++) {
        const json_t *r = json_array_get(receipts, i);
        struct ward_hash signer = hash_of(json_array_get(r, 0));
        assert_hash_equal(&p->receipts[i].grant, &signer);
        assert_int_equal(p->receipts[i].wall_ms, json_integer_value(json_array_get(r, 1)));
        assert_int_equal(p->receipts[i].seq, json_integer_value(json_array_get(r, 2)));
        assert_int_equal(p->receipts[i].agrees, json_is_true(json_array_get(r, 3)));
    }
    assert_int_equal(p->subject_count, json_array_size(shown));
    for (size_t i = 0; i < p->subject_count; i++) {
        const json_t *by = json_array_get(json_array_get(shown, i), 1);
        assert_int_equal(p->subjects[i], json_integer_value(json_array_get(json_array_get(shown, i), 0)));
        for (size_t j = 0; j < json_array_size(by); j++) {
            struct ward_hash signer = hash_of(json_array_get(json_array_get(by, j), 0));
            assert_int_equal(least_wall(p, &signer, p->subjects[i]), json_integer_value(json_array_get(json_array_get(by, j), 1)));
        }
    }
}

static int check_proof(const json_t *one)
{
    struct home h;
    struct ward_proof proof;
    struct hex bytes = hex_at(one, "proof");
    home_open(&h, json_object_get(one, "setup"));
    take_held(&h, json_object_get(one, "setup"));
    write_file(h.file, &bytes);
    int code = ward_proof_check(h.r, h.file, NULL, NULL, &proof, &h.err);
    if (!code && json_object_get(one, "shown"))
        compare_proof(one, &proof);
    home_close(&h);
    free(bytes.p);
    return code;
}

static void test_proofs(void **state)
{
    (void)state;
    each_vector("proof", check_proof);
    each_vector("proof-bad", check_proof);
}

static int check_fork(const json_t *one)
{
    struct ward_fork_proof p;
    struct hex bytes = hex_at(one, "fork");
    int code = ward_fork_check(bytes.p, bytes.len, &p, NULL);
    free(bytes.p);
    if (code || !json_object_get(one, "feed"))
        return code;
    struct ward_hash ward = hash_at(one, "ward"), space = hash_at(one, "space"), feed = hash_at(one, "feed"), grant = hash_at(one, "grant");
    struct hex unit = hex_at(one, "unit");
    assert_hash_equal(&p.ward, &ward);
    assert_hash_equal(&p.space, &space);
    assert_hash_equal(&p.feed, &feed);
    assert_hash_equal(&p.grant, &grant);
    assert_memory_equal(p.unit.b, unit.p, WARD_ID_BYTES);
    assert_int_equal(p.role, number_at(one, "role"));
    assert_int_equal(p.first, number_at(one, "first"));
    assert_int_equal(p.last, number_at(one, "last"));
    free(unit.p);
    return WARD_OK;
}

static void test_fork_proofs(void **state)
{
    (void)state;
    each_vector("fork", check_fork);
    each_vector("fork-bad", check_fork);
}

static void test_bundles(void **state)
{
    (void)state;
    each_vector("bundle", check_bundle);
}

static void test_bad_bundles(void **state)
{
    (void)state;
    each_vector("bundle-bad", check_bundle);
}

static void test_invitations(void **state)
{
    (void)state;
    each_vector("invite", check_invitation);
}

static void test_bad_invitations(void **state)
{
    (void)state;
    each_vector("invite-bad", check_invitation);
}

/* An assertion within a history names neither it nor the order. */
static int say_which(void **state)
{
    (void)state;
    if (current_order < ORDERS)
        print_error("last: %s, order %" PRIu64 "\n", current_history, current_order);
    return 0;
}

static int start_thread(void **state)
{
    (void)state;
    return ward_helper_open(&helper, NULL);
}

static int end_thread(void **state)
{
    (void)state;
    ward_helper_close(helper);
    helper = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_bad_runs),
        cmocka_unit_test_setup_teardown(test_runs, start_thread, end_thread),
        cmocka_unit_test_setup_teardown(test_bad_runs, start_thread, end_thread),
        cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_bad_snapshots),
        cmocka_unit_test_teardown(test_histories, say_which),
        cmocka_unit_test(test_bundles),
        cmocka_unit_test(test_bad_bundles),
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_fork_proofs),
        cmocka_unit_test(test_invitations),
        cmocka_unit_test(test_bad_invitations),
        cmocka_unit_test_teardown(test_deep_histories, say_which),
    };
    if (ward_crypto_start(NULL))
        return 1;
    find_operator();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
