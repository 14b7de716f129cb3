/* replicas.h - a small ward of several devices in one process: founding, admitting, carrying changes about. Include after <cmocka.h>.
 *
 * Clocks and randomness are each device's own and follow from one seed, so that a history can be played again to the byte.
 */
#ifndef WARD_TEST_REPLICAS_H
#define WARD_TEST_REPLICAS_H

#include "../../support/dice.h"
#include "replica/ingest.h"
#include "replica/replica.h"
#include "replica/stream.h"
#include "rules/authority.h"
#include "rules/frame.h"
#include "shell/keys.h"
#include "wardsync.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- schema */

enum {
    KIND_ITEM = 100,
    KIND_OTHER = 101,
    TITLE = WARD_FIELD(WARD_OPEN, 1),
    NOTE = WARD_FIELD(WARD_OPEN, 2),
    LEVEL = WARD_FIELD(WARD_OPEN, 3),
    DUE = WARD_FIELD(WARD_GOVERNED, 4),
    OWNER = WARD_FIELD(WARD_OPEN, 5),
    TAGS = WARD_FIELD(WARD_MEMBER, 6),
    COUNTED = WARD_FIELD(WARD_TALLY, 7),
    HELD = WARD_FIELD(WARD_GOVERNED, 8),
    NAME = WARD_FIELD(WARD_OPEN, 1)
};
#define OWNER_MAX 40

static const struct ward_field_def item_fields[] = {
    {TITLE, "title", WARD_TEXT, WARD_CONFLICT, 0},
    {NOTE, "note", WARD_TEXT, WARD_LATEST, 0},
    {LEVEL, "level", WARD_INT, WARD_MAX, 0},
    {DUE, "due", WARD_INT, WARD_CONFLICT, 0},
    {OWNER, "owner", WARD_TEXT, WARD_FIXED, OWNER_MAX},
    {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0},
    {COUNTED, "counted", WARD_INT, WARD_SUM, 0},
    {HELD, "held", WARD_BOOL, WARD_LATEST, 0},
};
static const struct ward_field_def other_fields[] = {{NAME, "name", WARD_TEXT, WARD_CONFLICT, 0}};
static const struct ward_kind_def all_kinds[] = {
    {KIND_ITEM, "item", item_fields, sizeof item_fields / sizeof item_fields[0]},
    {KIND_OTHER, "other", other_fields, 1},
};
static const struct ward_index_def all_indexes[] = {
    {.kind = KIND_ITEM, .by = {TITLE, LEVEL}, .or_by = TAGS},
    {.kind = KIND_ITEM, .by = {DUE, TITLE, OWNER, COUNTED}},
    {.kind = KIND_ITEM, .by = {WARD_BY_PROPOSED, TITLE}},
    {.kind = KIND_OTHER},
};
static const struct ward_schema full_schema = {.kinds = all_kinds, .kind_count = 2, .version = 1, .indexes = all_indexes, .index_count = 4};
/* What an older program would know: one kind, one field. */
static const struct ward_kind_def few_kinds[] = {{KIND_ITEM, "item", item_fields, 1}};
static const struct ward_schema small_schema = {.kinds = few_kinds, .kind_count = 1, .version = 1};

/* ---------------------------------------------------------------- seeded outside world */

struct outside {
    struct dice dice;
    int64_t now_ms;
    struct ward_env env;
};

static inline void *outside_alloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}

static inline int64_t outside_now(void *ctx)
{
    struct outside *o = ctx;
    return o->now_ms += 10;
}

static inline int outside_random(void *ctx, void *out, size_t len)
{
    struct outside *o = ctx;
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)dice_next(&o->dice);
    return 0;
}

static inline void outside_init(struct outside *o, uint64_t seed)
{
    *o = (struct outside){.dice = {seed}, .now_ms = 1750000000000};
    o->env = (struct ward_env){.ctx = o, .alloc = outside_alloc, .wall_ms = outside_now, .mono_ms = outside_now, .random = outside_random};
}

/* ---------------------------------------------------------------- devices */

#define DEVICES_MAX 6

struct device {
    ward_replica *r;
    struct outside outside;
    struct ward_options options;
    char home[300];
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
};

/* Device 0 is the operator who founded the ward. */
struct world {
    char dir[200];
    struct device d[DEVICES_MAX];
    size_t count;
    struct ward_error err;
};

static inline struct ward_id unit_id(char letter)
{
    struct ward_id id;
    memset(id.b, letter, sizeof id.b);
    return id;
}

/* rc 0, or the story of why not. */
#define OK(w, call)                                                                                                                        \
    do {                                                                                                                                   \
        (w)->err = (struct ward_error){0};                                                                                                 \
        int ok_rc = (call);                                                                                                                \
        if (ok_rc)                                                                                                                         \
            print_error("%s: %d %s: %s\n", #call, ok_rc, ward_error_name(ok_rc), (w)->err.detail);                                         \
        assert_int_equal(ok_rc, WARD_OK);                                                                                                  \
    } while (0)

static inline void make_dir(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");
    struct stat st;
    if (!base)
        base = stat("/dev/shm", &st) == 0 && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(out, size, "%s/ward-test-XXXXXX", base);
    assert_non_null(mkdtemp(out));
}

static inline void remove_tree(const char *path)
{
    char name[700];
    DIR *dir = opendir(path);
    struct dirent *e;
    while (dir && (e = readdir(dir)) != NULL) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        int n = snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (n < 0 || (size_t)n >= sizeof name)
            continue;
        if (lstat(name, &st) == 0 && S_ISDIR(st.st_mode))
            remove_tree(name);
        else
            unlink(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static inline void copy_file(const char *from, const char *to)
{
    static uint8_t bytes[1 << 16];
    struct stat st;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
    fclose(in);
    assert_int_equal(stat(from, &st), 0);
    assert_int_equal(chmod(to, st.st_mode & 0777), 0);
}

/* The home of a closed replica, as a backup program would copy it. */
static inline void copy_home(const char *from, const char *to)
{
    char a[700], b[700];
    DIR *dir = opendir(from);
    struct dirent *e;
    assert_non_null(dir);
    assert_int_equal(mkdir(to, 0700), 0);
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        copy_file(a, b);
    }
    closedir(dir);
}

static inline void device_init(struct world *w, size_t i, uint64_t seed)
{
    struct device *d = &w->d[i];
    outside_init(&d->outside, seed * 1000 + i + 1);
    d->options = (struct ward_options){.schema = &full_schema, .env = &d->outside.env};
    char home[sizeof d->home]; /* by way of here: both lie in *w, and gcc cannot see how far apart */
    snprintf(home, sizeof home, "%s/device-%zu", w->dir, i);
    memcpy(d->home, home, sizeof home);
}

static inline void world_found(struct world *w, uint64_t seed)
{
    struct device *d = &w->d[0];
    struct ward_self self;
    *w = (struct world){.count = 1};
    make_dir(w->dir, sizeof w->dir);
    device_init(w, 0, seed);
    d->unit = unit_id('o');
    d->role = WARD_ROLE_OPERATOR;
    OK(w, ward_found(&d->r, d->home, "North wards", &d->unit, "office", &d->options, &w->err));
    OK(w, ward_self(d->r, &self, &w->err));
    d->grant = self.grant;
    assert_int_equal(self.role, WARD_ROLE_OPERATOR);
}

static inline void world_close(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        ward_close(w->d[i].r);
    remove_tree(w->dir);
}

/* The runs that `to` may read go straight from one store to the other, without a file: all, or those of device `whose`. What came of the
 * last. */
static inline int carry_runs(struct world *w, size_t from, size_t to, const size_t *whose)
{
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_streamed streamed;
    struct ward_apply apply;
    bool got;
    int rc = WARD_OK;
    const struct ward_grant as = {.id = w->d[to].grant, .unit = w->d[to].unit, .role = w->d[to].role};
    OK(w, ward_replica_refresh(w->d[from].r, &w->err));
    ward_stream_init(&s, w->d[from].r, &as);
    ward_buf_init(&frame, &w->d[from].outside.env);
    OK(w, ward_apply_begin(&apply, w->d[to].r, &w->err));
    for (;;) {
        struct ward_message m;
        struct ward_ingested in;
        OK(w, ward_stream_next(&s, &frame, &streamed, &got, &w->err));
        if (!got)
            break;
        OK(w, ward_frame_parse(&m, frame.p, frame.len, &w->err));
        if (!whose || memcmp(m.run.grant8, w->d[*whose].grant.b, 8) == 0)
            rc = ward_ingest_run(&apply, &m.run, &in, &w->err);
        if (!whose)
            OK(w, rc);
    }
    OK(w, ward_apply_end(&apply, WARD_OK, &w->err));
    ward_stream_free(&s);
    ward_buf_free(&frame);
    return rc;
}

/* All that `to` may read, with the circles it lies in: how a device that was let in gets its first words. */
static inline void carry_raw(struct world *w, size_t from, size_t to)
{
    const struct ward_grant as = {.id = w->d[to].grant, .unit = w->d[to].unit, .role = w->d[to].role};
    OK(w, ward_replica_refresh(w->d[from].r, &w->err));
    for (size_t i = 0; i < w->d[from].r->dir.space_count; i++) {
        const struct ward_space *space = &w->d[from].r->dir.spaces[i];
        struct ward_hash id;
        if (ward_may_read(&as, space->circle, space->circle_count))
            assert_int_equal(ward_replica_know_circle(w->d[to].r, space->circle, space->circle_count, &id), WARD_OK);
    }
    OK(w, carry_runs(w, from, to, NULL));
}

/* A new device with keys of its own; the operator writes its grant as the hub would. It has heard nothing yet. */
static inline size_t admit_silent(struct world *w, char unit, enum ward_role role, uint64_t seed)
{
    size_t i = w->count++;
    struct device *d = &w->d[i];
    struct ward_keys *keys = ward_keys_new();
    struct ward_grant g = {.role = role, .unit = unit_id(unit)}, checked;
    struct ward_buf body;
    struct ward_hash space;
    struct ward_id entity;
    ward_txn *t;
    assert_true(i < DEVICES_MAX);
    assert_non_null(keys);
    device_init(w, i, seed);
    OK(w, ward_keys_generate(keys, &d->outside.env, &w->err));
    memcpy(g.sign_pk, keys->sign.pk, 32);
    memcpy(g.link_pk, keys->link_pk, 32);
    ward_buf_init(&body, &d->outside.env);
    ward_grant_write(&body, &g);
    OK(w, ward_grant_parse(&checked, body.p, body.len, &w->err));
    ward_grant_entity(&entity, &checked.id);
    ward_space_of_ward(w->d[0].r, &space);
    struct ward_value bytes = ward_value_bytes(body.p, body.len), name = ward_value_text("tablet");
    OK(w, ward_begin(w->d[0].r, &t, &w->err));
    OK(w, ward_put(t, &space, 1, &entity, WARD_FIELD(WARD_OPEN, 1), NULL, 0, &bytes, &w->err));
    OK(w, ward_put(t, &space, 1, &entity, WARD_FIELD(WARD_OPEN, 2), NULL, 0, &name, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
    d->grant = checked.id;
    d->unit = g.unit;
    d->role = role;
    assert_int_equal(mkdir(d->home, 0700), 0);
    OK(w, ward_home_create(&d->r, d->home, &d->options, keys, &w->d[0].r->ward, w->d[0].r->root_pk, &checked.id, &w->err));
    OK(w, ward_home_keep_grant(d->r, body.p, body.len, &w->err));
    ward_buf_free(&body);
    ward_keys_free(keys);
    return i;
}

static inline size_t admit(struct world *w, char unit, enum ward_role role, uint64_t seed)
{
    size_t i = admit_silent(w, unit, role, seed);
    carry_raw(w, 0, i);
    return i;
}

/* ---------------------------------------------------------------- carrying bundles */

/* One bundle from one to another. What came of reading it is in *info. */
static inline int give_bundle(struct world *w, size_t from, size_t to, bool since_last, struct ward_bundle_info *info)
{
    char path[600];
    struct ward_bundle_options options = {.for_grant = &w->d[to].grant, .since_last = since_last};
    snprintf(path, sizeof path, "%s/bundle-%zu-%zu", w->dir, from, to);
    w->err = (struct ward_error){0};
    int rc = ward_bundle_write(w->d[from].r, path, &options, NULL, &w->err);
    if (!rc)
        rc = ward_bundle_read(w->d[to].r, path, NULL, NULL, info, &w->err);
    unlink(path);
    return rc;
}

static inline void give(struct world *w, size_t from, size_t to)
{
    struct ward_bundle_info info = {0};
    OK(w, give_bundle(w, from, to, false, &info));
    if (info.refused)
        print_error("%zu -> %zu: refused %" PRIu64 ", first %d %s\n", from, to, info.refused, info.first_refusal,
                    ward_error_name(info.first_refusal));
    assert_int_equal(info.refused, 0);
}

static inline void meet(struct world *w, size_t a, size_t b)
{
    give(w, a, b);
    give(w, b, a);
}

/* All hold all that they may: everything to the operator, who may read all, and back. */
static inline void meet_all(struct world *w)
{
    for (size_t i = 1; i < w->count; i++)
        give(w, i, 0);
    for (size_t i = 1; i < w->count; i++)
        give(w, 0, i);
}

/* ---------------------------------------------------------------- comparing */

struct held_space {
    struct ward_hash id, digest;
    struct ward_id circle[8];
    size_t circle_count;
};
struct held {
    struct held_space s[16];
    size_t count;
};

static inline int note_space(void *ctx, const struct ward_space_info *info)
{
    struct held *h = ctx;
    if (!info->changes)
        return 0;
    assert_true(h->count < 16 && info->circle_count <= 8);
    struct held_space *s = &h->s[h->count++];
    *s = (struct held_space){.id = info->id, .digest = info->digest, .circle_count = info->circle_count};
    if (info->circle_count)
        memcpy(s->circle, info->circle, info->circle_count * sizeof s->circle[0]);
    return 0;
}

static inline const struct held_space *held_find(const struct held *h, const struct ward_hash *id)
{
    for (size_t i = 0; i < h->count; i++)
        if (memcmp(h->s[i].id.b, id->b, sizeof id->b) == 0)
            return &h->s[i];
    return NULL;
}

/* Each device holds just the spaces it may read, with the digests and the state of the operator's. */
static inline void assert_converged(struct world *w)
{
    struct held all = {.count = 0};
    OK(w, ward_spaces(w->d[0].r, note_space, &all, &w->err));
    for (size_t i = 1; i < w->count; i++) {
        struct held here = {.count = 0};
        const struct ward_grant g = {.unit = w->d[i].unit, .role = w->d[i].role};
        size_t readable = 0;
        OK(w, ward_spaces(w->d[i].r, note_space, &here, &w->err));
        for (size_t j = 0; j < all.count; j++) {
            struct ward_hash a, b;
            const struct held_space *s = held_find(&here, &all.s[j].id);
            bool may = ward_may_read(&g, all.s[j].circle, all.s[j].circle_count);
            readable += may;
            if (!may) {
                assert_null(s);
                continue;
            }
            assert_non_null(s);
            assert_memory_equal(s->digest.b, all.s[j].digest.b, 32);
            OK(w, ward_state_digest(w->d[0].r, &all.s[j].id, &a, &w->err));
            OK(w, ward_state_digest(w->d[i].r, &all.s[j].id, &b, &w->err));
            assert_memory_equal(a.b, b.b, 32);
        }
        assert_int_equal(here.count, readable);
    }
}

static inline void print_bad(void *ctx, const struct ward_bad *bad)
{
    (void)ctx;
    print_error("verify: %d %s, seq %" PRIu64 ": %s\n", bad->code, ward_error_name(bad->code), bad->seq, bad->what ? bad->what : "");
}

static inline void assert_sound(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct ward_verify_result result;
        OK(w, ward_verify(w->d[i].r, true, print_bad, NULL, NULL, &result, &w->err));
        if (result.bad)
            print_error("device %zu\n", i);
        assert_int_equal(result.bad, 0);
        assert_true(result.changes > 0);
    }
}

#endif
