#include "bench.h"
#include "grant.h"
#include "replica/commit.h"
#include "replica/ingest.h"
#include "replica/stream.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

#define WEEK_START_MS 1746403200000 /* a Monday */

static int64_t wall(void *ctx)
{
    return ((struct bench_ward *)ctx)->now_ms;
}

static int seeded(void *ctx, void *out, size_t len)
{
    bench_fill(&((struct bench_ward *)ctx)->rng, out, len);
    return 0;
}

void bench_ward_init(struct bench_ward *w, uint64_t seed)
{
    *w = (struct bench_ward){.env = *ward_platform_env(), .rng = {seed}, .now_ms = WEEK_START_MS};
    w->env.ctx = w; /* the platform's other functions have no use for it */
    w->env.wall_ms = wall;
    w->env.random = seeded;
    w->options = (struct ward_options){.schema = &bench_schema, .env = &w->env};
}

void bench_path(char out[512], const struct bench *b, const char *name)
{
    snprintf(out, 512, "%s/%s", b->dir, name);
}

ward_replica *bench_open(const struct bench_ward *w, const char *path)
{
    struct ward_error err = {0};
    ward_replica *r = NULL;
    if (ward_open(&r, path, &w->options, &err))
        bench_die(path, &err);
    return r;
}

void bench_own_space(ward_replica *r, struct ward_hash *out)
{
    const struct ward_grant *g = ward_replica_grant(r);
    if (!g || ward_replica_know_circle(r, &g->unit, 1, out))
        bench_die("own space", NULL);
}

const struct ward_grant *bench_hub_grant(const ward_replica *r)
{
    for (size_t i = 0; i < r->dir.grant_count; i++)
        if (r->dir.grants[i].role == WARD_ROLE_HUB)
            return &r->dir.grants[i];
    return NULL;
}

/* ---- making the ward */

struct device {
    char name[16];
    struct ward_keys *keys;
    struct ward_grant grant;
};

static void put_grant(ward_txn *t, const struct ward_hash *space, struct bench_ward *w, struct device *d)
{
    struct ward_error err = {0};
    struct ward_buf body;
    ward_buf_init(&body, &w->env);
    if (grant_put(t, space, &d->grant, d->name, &body, &err))
        bench_die("grant", &err);
    ward_buf_free(&body);
}

static void new_device(struct bench_ward *w, struct device *d, const char *name, enum ward_role role)
{
    struct ward_error err = {0};
    snprintf(d->name, sizeof d->name, "%s", name);
    d->keys = ward_keys_new();
    if (!d->keys || ward_keys_generate(d->keys, &w->env, &err))
        bench_die("keys", &err);
    d->grant = grant_of_keys(d->keys, role);
    bench_fill(&w->rng, d->grant.unit.b, sizeof d->grant.unit.b);
}

/* What the founder holds of the ward space, streamed into the new home. */
static void give_ward_space(struct bench_ward *w, ward_replica *op, ward_replica *r, const struct ward_grant *to)
{
    struct ward_error err = {0};
    struct ward_apply a;
    struct ward_stream s;
    struct ward_streamed run;
    struct ward_ingested done;
    struct ward_message m;
    struct ward_buf frame;
    bool got = true;
    ward_buf_init(&frame, &w->env);
    ward_stream_init(&s, op, to);
    int rc = ward_apply_begin(&a, r, &err);
    while (!rc && got) {
        rc = ward_stream_next(&s, &frame, &run, &got, &err);
        if (!rc && got)
            rc = ward_frame_parse(&m, frame.p, frame.len, &err);
        if (!rc && got)
            rc = ward_ingest_run(&a, &m.run, &done, &err);
    }
    if (rc || ward_apply_end(&a, 0, &err) || !ward_replica_grant(r))
        bench_die("ward space", &err);
    ward_stream_free(&s);
    ward_buf_free(&frame);
}

static void make_home(struct bench *b, struct bench_ward *w, ward_replica *op, struct device *d)
{
    struct ward_error err = {0};
    char path[512];
    bool made;
    ward_replica *r = NULL;
    bench_path(path, b, d->name);
    if (ward_dir_make(path, &made, &err) || ward_home_create(&r, path, &w->options, d->keys, &op->ward, op->root_pk, &d->grant.id, &err))
        bench_die(path, &err);
    give_ward_space(w, op, r, &d->grant);
    ward_close(r);
    ward_keys_free(d->keys);
}

void bench_ward_found(struct bench *b, struct bench_ward *w)
{
    static const char *const others[] = {"hub", "op2", "xcommit", "xbatch", "xlaptop"};
    static const enum ward_role roles[] = {WARD_ROLE_HUB, WARD_ROLE_OPERATOR, WARD_ROLE_CELL, WARD_ROLE_CELL, WARD_ROLE_CELL};
    struct ward_error err = {0};
    struct ward_hash space;
    struct ward_id unit;
    char path[512], name[16];
    ward_replica *op = NULL;
    size_t n = 5 + b->scale[b->at].cells;
    struct device *d = calloc(n, sizeof *d);
    bench_fill(&w->rng, unit.b, sizeof unit.b);
    bench_path(path, b, "op");
    if (!d || ward_found(&op, path, "Phường", &unit, "op", &w->options, &err))
        bench_die("founding", &err);
    ward_space_of_ward(op, &space);
    for (size_t i = 0; i < n; i++) {
        ward_txn *t;
        snprintf(name, sizeof name, "c%zu", i - 5);
        new_device(w, &d[i], i < 5 ? others[i] : name, i < 5 ? roles[i] : WARD_ROLE_CELL);
        if (ward_begin(op, &t, &err))
            bench_die("grant", &err);
        put_grant(t, &space, w, &d[i]);
        if (ward_commit(t, NULL, &err))
            bench_die("grant", &err);
    }
    for (size_t i = 0; i < n; i++)
        make_home(b, w, op, &d[i]);
    free(d);
    ward_close(op);
}

/* ---- writing */

void bench_commit(struct bench_ward *w, ward_replica *r, const struct ward_hash *space, const struct bench_week *week, size_t first,
                  size_t n, struct ward_id *ids)
{
    struct ward_error err = {0};
    ward_txn *t;
    int rc = ward_begin(r, &t, &err);
    w->now_ms += 60000 + bench_below(&w->rng, 180000);
    for (size_t i = first; !rc && i < first + n; i++) {
        const struct bench_edit *e = &week->edits[i];
        if (ward_id_is_zero(&ids[e->task]))
            rc = ward_new_id(r, &ids[e->task], &err);
        if (!rc)
            rc = ward_put(t, space, BENCH_KIND_TASK, &ids[e->task], e->field, NULL, 0, &e->value, &err);
    }
    if (rc || ward_commit(t, NULL, &err))
        bench_die("commit", &err);
}
