#define _XOPEN_SOURCE 700
#include "full.h"
#include "grant.h"
#include "replica/ingest.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "wardsync_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void full_die(const char *what, const struct ward_error *err)
{
    fprintf(stderr, "full_hub: %s: %s\n", what, err && err->code ? err->detail : strerror(errno));
    exit(2);
}

void full_path(const struct full_ward *w, const char *name, char out[512])
{
    snprintf(out, 512, "%s/%s", strcmp(name, "hub") == 0 ? w->dir : w->cells_dir, name);
}

ward_replica *full_open(const struct full_ward *w, const char *name)
{
    struct ward_error err = {0};
    char path[512];
    ward_replica *r = NULL;
    full_path(w, name, path);
    if (ward_open(&r, path, &w->options, &err))
        full_die(path, &err);
    return r;
}

/* ---- the ward */

struct device {
    char name[24];
    struct ward_keys *keys;
    struct ward_grant grant;
};

static void invent(const struct full_ward *w, struct device *d, size_t i)
{
    struct ward_error err = {0};
    snprintf(d->name, sizeof d->name, "c%zu", i);
    d->keys = ward_keys_new();
    if (!d->keys || ward_keys_generate(d->keys, w->options.env, &err))
        full_die("keys", &err);
    d->grant = grant_of_keys(d->keys, WARD_ROLE_CELL);
    w->options.env->random(w->options.env->ctx, d->grant.unit.b, sizeof d->grant.unit.b);
}

static void grant(const struct full_ward *w, ward_txn *t, const struct ward_hash *space, struct device *d)
{
    struct ward_error err = {0};
    struct ward_buf body;
    ward_buf_init(&body, w->options.env);
    if (grant_put(t, space, &d->grant, d->name, &body, &err))
        full_die("grant", &err);
    ward_buf_free(&body);
}

/* What the founder holds of the ward space, as a session would bring it. */
static void give_ward_space(const struct full_ward *w, ward_replica *to, const struct ward_grant *who)
{
    struct ward_error err = {0};
    struct ward_apply a;
    struct ward_stream s;
    struct ward_streamed run;
    struct ward_ingested done;
    struct ward_message m;
    struct ward_buf frame;
    bool got = true;
    ward_buf_init(&frame, w->options.env);
    ward_stream_init(&s, w->hub, who);
    int rc = ward_apply_begin(&a, to, &err);
    while (!rc && got) {
        rc = ward_stream_next(&s, &frame, &run, &got, &err);
        if (!rc && got)
            rc = ward_frame_parse(&m, frame.p, frame.len, &err);
        if (!rc && got)
            rc = ward_ingest_run(&a, &m.run, &done, &err);
    }
    if (rc || ward_apply_end(&a, 0, &err))
        full_die("ward space", &err);
    ward_stream_free(&s);
    ward_buf_free(&frame);
}

/* The first cell's home, made as joining makes it. */
static void settle_first(const struct full_ward *w, struct device *d)
{
    struct ward_error err = {0};
    char path[512];
    bool made;
    ward_replica *r = NULL;
    full_path(w, d->name, path);
    if (ward_dir_make(path, &made, &err) ||
        ward_home_create(&r, path, &w->options, d->keys, &w->hub->ward, w->hub->root_pk, &d->grant.id, &err))
        full_die(path, &err);
    give_ward_space(w, r, &d->grant);
    ward_close(r);
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 16];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t n = 0;
    if (!in || !out)
        full_die(to, NULL);
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
        if (fwrite(bytes, 1, n, out) != n)
            full_die(to, NULL);
    fclose(in);
    if (fclose(out))
        full_die(to, NULL);
}

/* Every other: a copy of that one, with keys and a grant of its own. */
static void settle(const struct full_ward *w, const struct device *first, struct device *d)
{
    struct ward_error err = {0};
    char path[512], key[540], from[540], to[540];
    bool made;
    struct ward_store *store;
    const struct ward_store_options options = {.env = w->options.env};
    full_path(w, first->name, path);
    snprintf(from, sizeof from, "%s/%s", path, WARD_STORE_NAME);
    full_path(w, d->name, path);
    snprintf(to, sizeof to, "%s/%s", path, WARD_STORE_NAME);
    snprintf(key, sizeof key, "%s/%s", path, WARD_DEVICE_KEY);
    if (ward_dir_make(path, &made, &err) || ward_keys_save(d->keys, w->options.env, key, NULL, &err))
        full_die(path, &err);
    copy_file(from, to);
    if (ward_store_open(&store, path, &options, &err) || ward_store_begin(store, &err) ||
        ward_store_meta_put(store, "grant", d->grant.id.b, sizeof d->grant.id.b, &err) || ward_store_commit(store, &err))
        full_die(path, &err);
    ward_store_close(store);
}

#define GRANTS_A_CHANGE 16

void full_found(struct full_ward *w, size_t cells)
{
    struct ward_error err = {0};
    struct ward_hash space;
    struct ward_id unit;
    char path[512];
    struct device *d = calloc(cells, sizeof *d);
    w->options.env->random(w->options.env->ctx, unit.b, sizeof unit.b);
    full_path(w, "hub", path);
    if (!d || ward_found(&w->hub, path, "Phường", &unit, "hub", &w->options, &err))
        full_die("founding", &err);
    ward_space_of_ward(w->hub, &space);
    for (size_t i = 0; i < cells;) {
        ward_txn *t;
        if (ward_begin(w->hub, &t, &err))
            full_die("grant", &err);
        for (size_t j = 0; j < GRANTS_A_CHANGE && i < cells; j++, i++) {
            invent(w, &d[i], i);
            grant(w, t, &space, &d[i]);
        }
        if (ward_commit(t, NULL, &err))
            full_die("grant", &err);
    }
    settle_first(w, &d[0]);
    for (size_t i = 1; i < cells; i++)
        settle(w, &d[0], &d[i]);
    for (size_t i = 0; i < cells; i++)
        ward_keys_free(d[i].keys);
    free(d);
}

void full_write(ward_replica *r, const struct ward_hash *space, const struct ward_id *task, struct dice *dice)
{
    static const char *const words[] = {"rà soát",    "vận động",         "chi bộ",     "tổ dân phố",
                                        "môi trường", "loa truyền thanh", "nghị quyết", "kinh phí"};
    struct ward_error err = {0};
    char text[120];
    ward_txn *t;
    snprintf(text, sizeof text, "%s %s %u", words[dice_below(dice, 8)], words[dice_below(dice, 8)], (unsigned)dice_below(dice, 1000000));
    struct ward_value title = ward_value_text(text), percent = ward_value_int((int64_t)dice_below(dice, 101));
    if (ward_begin(r, &t, &err) || ward_put(t, space, WARD_KIND_TASK, task, WARD_TASK_TITLE, NULL, 0, &title, &err) ||
        ward_put(t, space, WARD_KIND_TASK, task, WARD_TASK_PERCENT, NULL, 0, &percent, &err) || ward_commit(t, NULL, &err))
        full_die("a change", &err);
}

/* ---- figures */

void full_note(struct full_times *t, double ms)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 1024;
        t->v = realloc(t->v, t->cap * sizeof *t->v);
        if (!t->v)
            full_die("figures", NULL);
    }
    t->v[t->count++] = ms;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double full_at(struct full_times *t, double share)
{
    if (t->count == 0)
        return 0;
    qsort(t->v, t->count, sizeof *t->v, ascending);
    return t->v[(size_t)(share * (double)(t->count - 1) + 0.5)];
}

void full_show(const char *what, struct full_times *t)
{
    printf("%-44s %7zu times, p50 %8.0f ms, p99 %8.0f ms, max %8.0f ms\n", what, t->count, full_at(t, 0.5), full_at(t, 0.99),
           full_at(t, 1));
}
