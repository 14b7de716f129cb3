#include "observe.h"
#include "inject.h"
#include "replica/replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACES_SEEN 16

struct spaces {
    struct ward_hash id[SPACES_SEEN];
    size_t count;
};

static int note_space(void *ctx, const struct ward_space_info *info)
{
    struct spaces *s = ctx;
    if (s->count < SPACES_SEEN && info->changes)
        s->id[s->count++] = info->id;
    return 0;
}

static int add_states(ward_replica *r, ward_hasher *h, struct ward_error *err)
{
    struct spaces s = {.count = 0};
    struct ward_hash state;
    int rc = ward_spaces(r, note_space, &s, err);
    for (size_t i = 0; !rc && i < s.count; i++) {
        rc = ward_state_digest(r, &s.id[i], &state, err);
        ward_hash_add(h, state.b, sizeof state.b);
    }
    return rc;
}

static int look(struct world *w, const struct scenario *s, struct ward_hash *out, struct ward_error *err)
{
    struct ward_status status = {0};
    ward_hasher h;
    ward_hash_begin(&h, "observed");
    int rc = ward_status(w->d[0].r, &status, err);
    const uint64_t numbers[] = {status.changes, status.conflicts, status.quarantined, status.devices};
    ward_hash_add(&h, numbers, sizeof numbers);
    if (!s->varies)
        ward_hash_add(&h, status.digest.b, sizeof status.digest.b);
    if (!rc && !s->varies)
        rc = add_states(w->d[0].r, &h, err);
    if (!rc && s->look)
        rc = s->look(w, &h, err);
    ward_hash_end(&h, out);
    return rc;
}

int observe(struct world *w, const struct scenario *s, struct ward_hash *out, struct ward_error *err)
{
    bool closed = !w->d[0].r;
    int rc = closed ? device_open(w, 0, err) : WARD_OK;
    if (!rc)
        rc = look(w, s, out, err);
    if (closed)
        device_close(w, 0);
    return rc;
}

/* ---------------------------------------------------------------- names */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static void note_name(void *ctx, const char *path, const uint8_t *p, size_t len)
{
    struct names *n = ctx;
    (void)p, (void)len;
    if (ends_with(path, "-wal") || ends_with(path, "-shm") || ends_with(path, "-journal"))
        return;
    if (n->count == NAMES_MAX)
        abort();
    snprintf(n->name[n->count++], sizeof n->name[0], "%s", path);
}

void names_of(const struct world *w, struct names *out)
{
    out->count = 0;
    disk_each(w->d[0].disk, note_name, out);
}

bool names_hold(const struct names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->name[i], name) == 0)
            return true;
    return false;
}

/* ---------------------------------------------------------------- others */

static bool same_feed(ward_replica *here, ward_replica *there, const struct ward_feed *f)
{
    struct ward_error err = {0};
    struct ward_hash a, b;
    uint64_t depth;
    const struct ward_feed *own = ward_directory_feed_by_id(&here->dir, &f->id);
    return own && own->head_seq >= f->head_seq && !ward_chain_at(here, own->fid, f->head_seq, &a, &depth, &err) &&
           !ward_chain_at(there, f->fid, f->head_seq, &b, &depth, &err) && ward_hash_compare(&a, &b) == 0;
}

bool published_is_held(struct world *w, size_t i)
{
    ward_replica *here = w->d[0].r, *there = w->d[i].r;
    bool same = true;
    for (size_t j = 0; same && j < there->dir.feed_count; j++)
        if (ward_hash_compare(&there->dir.feeds[j].grant, &here->self) == 0 && there->dir.feeds[j].head_seq)
            same = same_feed(here, there, &there->dir.feeds[j]);
    return same;
}
