/* by_files.h - devices that join by files, and write; the latest code is in `code`. Include after <cmocka.h>. */
#ifndef WARD_TEST_BY_FILES_H
#define WARD_TEST_BY_FILES_H

#include "replicas.h"

#define DAY_MS 86400000ll

static char code[WARD_INVITE_MAX];

struct files {
    char request[300], answer[300], other[300];
};

static inline struct files files_of(const struct world *w)
{
    struct files f;
    snprintf(f.request, sizeof f.request, "%s/request", w->dir);
    snprintf(f.answer, sizeof f.answer, "%s/answer", w->dir);
    snprintf(f.other, sizeof f.other, "%s/other", w->dir);
    return f;
}

static inline void invite(struct world *w, size_t by, char unit, enum ward_role role)
{
    struct ward_id id = unit_id(unit);
    OK(w, ward_invite(w->d[by].r, &id, role, NULL, 0, DAY_MS, code, sizeof code, &w->err));
}

/* A device that joins by files, by the word of device `by`. */
static inline size_t join_by_files(struct world *w, size_t by, char unit, enum ward_role role, uint64_t seed)
{
    struct files f = files_of(w);
    size_t i = w->count;
    struct device *d = &w->d[i];
    char words[WARD_FINGERPRINT];
    invite(w, by, unit, role);
    device_init(w, i, seed);
    OK(w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w->err));
    OK(w, ward_admit(w->d[by].r, f.request, f.answer, &d->grant, &w->err));
    OK(w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w->err));
    d->unit = unit_id(unit);
    d->role = role;
    w->count++;
    return i;
}

static inline int write_item(struct world *w, size_t i, char unit, const char *title)
{
    struct ward_hash space;
    struct ward_id id, circle = unit_id(unit);
    struct ward_value text = ward_value_text(title);
    ward_txn *t;
    w->err = (struct ward_error){0};
    int rc = ward_space_of_circle(w->d[i].r, &space, &circle, 1, &w->err);
    if (!rc)
        rc = ward_new_id(w->d[i].r, &id, &w->err);
    if (!rc)
        rc = ward_begin(w->d[i].r, &t, &w->err);
    if (rc)
        return rc;
    rc = ward_put(t, &space, KIND_ITEM, &id, TITLE, NULL, 0, &text, &w->err);
    if (!rc)
        return ward_commit(t, NULL, &w->err);
    ward_abort(t);
    return rc;
}

static inline int count_item(void *ctx, const ward_record *rec)
{
    (void)rec;
    ++*(size_t *)ctx;
    return 0;
}

static inline size_t items(struct world *w, size_t i)
{
    size_t n = 0;
    OK(w, ward_each(w->d[i].r, KIND_ITEM, count_item, &n, &w->err));
    return n;
}

static inline void open_again(struct world *w, size_t i)
{
    OK(w, ward_open(&w->d[i].r, w->d[i].home, &w->d[i].options, &w->err));
}

static inline void reopen(struct world *w, size_t i)
{
    ward_close(w->d[i].r);
    w->d[i].r = NULL;
    open_again(w, i);
}

static inline bool there(const struct world *w, size_t i, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", w->d[i].home, name);
    return access(path, F_OK) == 0;
}

#endif
