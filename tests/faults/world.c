/* world.c - the devices of a small ward: their disks, clocks and randomness; how they come to be and what they write. */
#include "world.h"
#include "inject.h"
#include "replica/ingest.h"
#include "replica/stream.h"
#include "rules/authority.h"
#include "shell/keys.h"
#include "shell/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_MS 1750000000000

static const struct ward_field_def item_fields[] = {
    {TITLE, "title", WARD_TEXT, WARD_CONFLICT, 0},
    {NOTE, "note", WARD_TEXT, WARD_LATEST, 0},
    {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0},
    {COUNTED, "counted", WARD_INT, WARD_SUM, 0},
};
static const struct ward_field_def other_fields[] = {{NAME, "name", WARD_TEXT, WARD_CONFLICT, 0}};
static const struct ward_kind_def all_kinds[] = {
    {KIND_ITEM, "item", item_fields, sizeof item_fields / sizeof item_fields[0]},
    {KIND_OTHER, "other", other_fields, 1},
};
static const struct ward_kind_def few_kinds[] = {{KIND_ITEM, "item", item_fields, 1}};
static const struct ward_index_def indexes[] = {{.kind = KIND_ITEM, .by = {TITLE, COUNTED}, .or_by = TAGS}};
const struct ward_schema full_schema = {.kinds = all_kinds, .kind_count = 2, .version = 1, .indexes = indexes, .index_count = 1};
const struct ward_schema small_schema = {.kinds = few_kinds, .kind_count = 1, .version = 1};

void must(int rc, const struct ward_error *err, const char *what)
{
    if (!rc)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, ward_error_name(rc), err->detail);
    abort();
}

/* ---------------------------------------------------------------- outside world */

static void *take(void *ctx, void *p, size_t size)
{
    struct device *d = ctx;
    if (!size) {
        d->live -= p != NULL;
        free(p);
        return NULL;
    }
    if (d->home[2] == '0' && inject_memory())
        return NULL;
    d->live += p == NULL;
    return realloc(p, size);
}

static int64_t wall(void *ctx)
{
    return ((struct device *)ctx)->wall_ms;
}

/* Goes on with each look, so that nothing is waited for in vain. */
static int64_t mono(void *ctx)
{
    return ((struct device *)ctx)->mono_ms++;
}

static int dice(void *ctx, void *out, size_t len)
{
    struct device *d = ctx;
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++) {
        d->dice = d->dice * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(d->dice >> 56);
    }
    return 0;
}

void world_seed(struct world *w, int step)
{
    for (size_t i = 0; i < DEVICES; i++) {
        w->d[i].dice = (uint64_t)(step + 2) * 1000 + i + 1;
        w->d[i].wall_ms = FIRST_MS + (int64_t)step * 1000;
    }
}

void world_open(struct world *w)
{
    *w = (struct world){.schema = &full_schema};
    for (size_t i = 0; i < DEVICES; i++) {
        struct device *d = &w->d[i];
        char mount[8];
        snprintf(mount, sizeof mount, "/d%zu", i);
        snprintf(d->home, sizeof d->home, "/d%zu/home", i);
        d->disk = disk_new(mount);
        d->env = (struct ward_env){d, take, wall, mono, dice};
        d->options = (struct ward_options){.schema = &full_schema, .env = &d->env, .vfs = DISK_VFS};
    }
    world_seed(w, -1);
}

void world_close(struct world *w)
{
    for (size_t i = 0; i < DEVICES; i++) {
        device_close(w, i);
        disk_image_free(w->d[i].base);
        disk_free(w->d[i].disk);
    }
}

void world_keep(struct world *w)
{
    for (size_t i = 0; i < DEVICES; i++) {
        if (!w->hot)
            device_close(w, i);
        w->d[i].base = disk_copy(w->d[i].disk);
        device_close(w, i);
    }
}

void world_restore(struct world *w)
{
    for (size_t i = 0; i < DEVICES; i++) {
        disk_put(w->d[i].disk, w->d[i].base);
        w->d[i].options.schema = w->schema;
        w->d[i].mono_ms = 0;
    }
    w->attempt = 0;
    disk_platform_env(NULL);
}

void world_part(struct world *w)
{
    if (w->on_part)
        w->on_part(w->ctx);
}

void world_on_event(void *ctx, const struct ward_event *event)
{
    (void)event;
    world_part(ctx);
}

int device_open(struct world *w, size_t i, struct ward_error *err)
{
    return ward_open(&w->d[i].r, w->d[i].home, &w->d[i].options, err);
}

void device_close(struct world *w, size_t i)
{
    ward_close(w->d[i].r);
    w->d[i].r = NULL;
}

/* ---------------------------------------------------------------- runs */

/* The next run of what device `to` lacks of device `from`; *got false if there is none. */
void next_run(struct world *w, size_t from, size_t to, struct ward_buf *frame, bool *got)
{
    ward_replica *r = w->d[from].r;
    struct ward_stream s;
    struct ward_streamed run;
    struct ward_error err = {0};
    inject_pause();
    must(ward_replica_refresh(r, &err), &err, "refresh");
    ward_stream_init(&s, r, ward_directory_grant(&r->dir, &w->d[to].grant));
    for (size_t i = 0; i < r->dir.feed_count; i++) {
        const struct ward_feed *f = &r->dir.feeds[i], *there = ward_directory_feed_by_id(&w->d[to].r->dir, &f->id);
        if (there)
            must(ward_vv_raise(&s.have, &r->env, f->fid, there->head_seq), &err, "vv");
    }
    must(ward_stream_seek(&s, &err), &err, "seek");
    must(ward_stream_next(&s, frame, &run, got, &err), &err, "next run");
    ward_stream_free(&s);
    inject_resume();
}

int take_run(struct world *w, size_t to, const struct ward_buf *frame, struct ward_error *err)
{
    struct ward_apply a;
    struct ward_message m;
    struct ward_ingested in;
    int rc = ward_frame_parse(&m, frame->p, frame->len, err);
    if (!rc)
        rc = ward_apply_begin(&a, w->d[to].r, err);
    if (rc)
        return rc;
    rc = ward_ingest_run(&a, &m.run, &in, err);
    return ward_apply_end(&a, rc, err);
}

/* Run by run: a new device knows no writer of bundles yet. */
static void give(struct world *w, size_t from, size_t to)
{
    struct ward_error err = {0};
    struct ward_buf frame;
    bool got = true;
    ward_buf_init(&frame, &w->d[from].env);
    while (got) {
        next_run(w, from, to, &frame, &got);
        if (got)
            must(take_run(w, to, &frame, &err), &err, "give");
    }
    ward_buf_free(&frame);
}

/* ---------------------------------------------------------------- set-up */

void set_up_found(struct world *w, size_t i, char unit)
{
    struct device *d = &w->d[i];
    struct ward_error err = {0};
    struct ward_self self;
    d->unit = unit_id(unit);
    d->role = WARD_ROLE_OPERATOR;
    must(ward_found(&d->r, d->home, "North wards", &d->unit, "office", &d->options, &err), &err, "found");
    must(ward_self(d->r, &self, &err), &err, "self");
    d->grant = self.grant;
}

static void write_grant(struct world *w, size_t by, const struct ward_grant *g, const struct ward_buf *body)
{
    ward_replica *r = w->d[by].r;
    struct ward_error err = {0};
    struct ward_hash space;
    struct ward_id entity;
    ward_txn *t;
    struct ward_value bytes = ward_value_bytes(body->p, body->len), name = ward_value_text("tablet");
    ward_grant_entity(&entity, &g->id);
    ward_space_of_ward(r, &space);
    must(ward_begin(r, &t, &err), &err, "begin");
    must(ward_put(t, &space, WARD_KIND_GRANT, &entity, WARD_GRANT_BODY, NULL, 0, &bytes, &err), &err, "grant");
    must(ward_put(t, &space, WARD_KIND_GRANT, &entity, WARD_GRANT_NAME, NULL, 0, &name, &err), &err, "grant");
    must(ward_commit(t, NULL, &err), &err, "commit");
}

void set_up_admit(struct world *w, size_t i, size_t by, char unit, enum ward_role role)
{
    struct device *d = &w->d[i];
    struct ward_error err = {0};
    struct ward_keys *keys = ward_keys_new();
    struct ward_grant g = {.role = role, .unit = unit_id(unit)}, checked;
    struct ward_buf body;
    bool made;
    must(ward_keys_generate(keys, &d->env, &err), &err, "keys");
    memcpy(g.sign_pk, keys->sign.pk, sizeof g.sign_pk);
    memcpy(g.link_pk, keys->link_pk, sizeof g.link_pk);
    ward_buf_init(&body, &d->env);
    ward_grant_write(&body, &g);
    must(ward_grant_parse(&checked, body.p, body.len, &err), &err, "grant");
    write_grant(w, by, &checked, &body);
    d->grant = checked.id;
    d->unit = g.unit;
    d->role = role;
    must(ward_dir_make(d->home, &made, &err), &err, "home");
    must(ward_home_create(&d->r, d->home, &d->options, keys, &w->d[by].r->ward, w->d[by].r->root_pk, &checked.id, &err), &err, "home");
    must(ward_home_keep_grant(d->r, body.p, body.len, &err), &err, "grant");
    ward_buf_free(&body);
    ward_keys_free(keys);
    give(w, by, i);
}

void set_up_ward(struct world *w)
{
    set_up_found(w, 0, 'o');
    set_up_admit(w, 1, 0, 'a', WARD_ROLE_CELL);
    set_up_admit(w, 2, 0, 'b', WARD_ROLE_CELL);
}

void set_up_records(struct world *w)
{
    set_up_ward(w);
    must_write(w, 0, "a", 1, "from the office");
    must_carry(w, 0, 1);
    must_write(w, 1, "a", 2, "from the cell");
    must_write(w, 1, "ab", 3, "for two");
    must_carry(w, 1, 0);
}

static void begin_part(size_t i)
{
    if (i)
        inject_pause();
}

static void end_part(size_t i)
{
    if (i)
        inject_resume();
}

int carry(struct world *w, size_t from, size_t to, struct ward_bundle_info *info, struct ward_error *err)
{
    struct ward_bundle_options options = {.for_grant = &w->d[to].grant};
    begin_part(from);
    int rc = ward_bundle_write(w->d[from].r, "/d1/carried", &options, NULL, err);
    end_part(from);
    if (rc)
        return rc;
    begin_part(to);
    rc = ward_bundle_read(w->d[to].r, "/d1/carried", world_on_event, w, info, err);
    end_part(to);
    ward_file_remove("/d1/carried");
    return rc;
}

void must_carry(struct world *w, size_t from, size_t to)
{
    struct ward_error err = {0};
    struct ward_bundle_info info;
    must(carry(w, from, to, &info, &err), &err, "carry");
    if (info.refused)
        must(info.first_refusal, &err, "carry");
}

/* ---------------------------------------------------------------- writing */

struct ward_id unit_id(char letter)
{
    struct ward_id id;
    memset(id.b, letter, sizeof id.b);
    return id;
}

struct ward_id item_id(uint8_t number)
{
    struct ward_id id = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}};
    id.b[15] = number;
    return id;
}

int space_of(struct world *w, size_t i, const char *units, struct ward_hash *out, struct ward_error *err)
{
    struct ward_id circle[8];
    size_t n = strlen(units);
    for (size_t j = 0; j < n; j++)
        circle[j] = unit_id(units[j]);
    return ward_space_of_circle(w->d[i].r, out, circle, n, err);
}

int put_item(struct world *w, size_t i, ward_txn *t, const char *units, uint8_t number, const char *title, struct ward_error *err)
{
    struct ward_hash space;
    struct ward_id id = item_id(number);
    struct ward_value text = ward_value_text(title), yes = ward_value_bool(true), one = ward_value_int(1);
    int rc = space_of(w, i, units, &space, err);
    if (!rc)
        rc = ward_put(t, &space, KIND_ITEM, &id, TITLE, NULL, 0, &text, err);
    if (!rc)
        rc = ward_put(t, &space, KIND_ITEM, &id, TAGS, title, 1, &yes, err);
    return rc ? rc : ward_put(t, &space, KIND_ITEM, &id, COUNTED, NULL, 0, &one, err);
}

int write_item(struct world *w, size_t i, const char *units, uint8_t number, const char *title, struct ward_error *err)
{
    ward_txn *t;
    int rc = ward_begin(w->d[i].r, &t, err);
    if (rc)
        return rc;
    rc = put_item(w, i, t, units, number, title, err);
    if (!rc)
        return ward_commit(t, NULL, err);
    ward_abort(t);
    return rc;
}

void must_write(struct world *w, size_t i, const char *units, uint8_t number, const char *title)
{
    struct ward_error err = {0};
    must(write_item(w, i, units, number, title, &err), &err, "write");
}
