/* check_held.c - what a device holds, between the steps of its processes and after its power failed: nothing of it is lost. */
#include "check_parts.h"
#include "disk_inside.h"
#include "model.h"
#include "replica/replica.h"
#include "work.h"

#include <string.h>

#define MEMORY_MAX ((size_t)64 << 20) /* of one device's processes: more than any session may make them take */

static void S18_memory_stays_in_bounds(struct device *d)
{
    if (d->memory > MEMORY_MAX)
        violated(d->w, "S18", "%s uses %zu bytes of memory", d->name, d->memory);
}

/* All that model_observe goes by. Most steps change nothing of it. */
struct look {
    bool quiet; /* it had found nothing new in that */
    size_t rows, feeds, former;
    uint64_t changes;
    struct ward_hash self;
    struct look_row {
        uint8_t id8[8], head8[8];
        uint64_t seq;
    } row[MODEL_FEEDS_MAX];
    uint64_t held[MODEL_FEEDS_MAX];
};

static bool update(void *was, const void *is, size_t len)
{
    if (memcmp(was, is, len) == 0)
        return false;
    memcpy(was, is, len);
    return true;
}

/* Whether that is as it was; and notes it. */
static bool is_as_before(struct look *l, const struct device *d, const ward_replica *r)
{
    const struct model *m = d->w->model;
    size_t rows = r->dir.feed_count, feeds = m->feed_count;
    bool changed = l->rows != rows || l->feeds != feeds || l->former != r->former_count || l->changes != m->change_count;
    l->rows = rows;
    l->feeds = feeds;
    l->former = r->former_count;
    l->changes = m->change_count;
    changed |= update(&l->self, &r->self, sizeof l->self);
    changed |= update(l->held, d->held, feeds * sizeof *l->held);
    for (size_t i = 0; i < rows && i < MODEL_FEEDS_MAX; i++) {
        const struct ward_feed *f = &r->dir.feeds[i];
        struct look_row row = {.seq = f->head_seq};
        memcpy(row.id8, f->id.b, sizeof row.id8);
        memcpy(row.head8, f->head_hash.b, sizeof row.head8);
        changed |= update(&l->row[i], &row, sizeof row);
    }
    return !changed && rows <= MODEL_FEEDS_MAX;
}

void check_step(struct proc *p)
{
    if (p->r && !p->look) {
        p->look = disk_memory(NULL, sizeof *p->look);
        *p->look = (struct look){0};
    }
    if (p->r && !p->d->hostile && !(is_as_before(p->look, p->d, p->r) && p->look->quiet))
        p->look->quiet = model_observe(p->d, p->r);
    S18_memory_stays_in_bounds(p->d);
}

void check_after_act(struct device *d, ward_replica *r)
{
    model_observe(d, r);
    S18_memory_stays_in_bounds(d);
}

/* Of others: what is too short to tell whether it is what the ward has settled gives way to a state, and comes again with what is. */
static bool is_short_of_settled(const struct device *d, size_t branch)
{
    const struct model *m = d->w->model;
    struct ward_hash hash;
    return m->feeds[branch].author != d && d->held[branch] < model_settled(m, d->held, m->feeds[branch].first, &hash);
}

void check_nothing_is_lost(struct device *d, const ward_replica *r)
{
    const struct model *m = d->w->model;
    uint64_t now[MODEL_FEEDS_MAX] = {0};
    model_look(m, r, now);
    for (size_t i = 0; i < m->feed_count; i++)
        if (now[i] < d->held[i] && now[i] < model_settled_share(m, d->held, i) && !is_short_of_settled(d, i)) /* what is passed over, too */
            violated(d->w, m->feeds[i].author == d ? "S2" : "S1", "%s held %llu changes of %s, and holds %llu now", d->name,
                     (unsigned long long)d->held[i], m->feeds[i].author ? m->feeds[i].author->name : "the root",
                     (unsigned long long)now[i]);
}

void check_file_is_sound(struct device *d, ward_replica *r)
{
    struct ward_error err = {0};
    if (ward_store_integrity(r->store, &err))
        violated(d->w, "S17", "%s: %s", d->name, err.detail);
}

static void keep_grant(struct ward_hash *list, size_t *count, const struct ward_hash *grant)
{
    if (*count < GRANTS_MAX)
        list[(*count)++] = *grant;
}

/* An older copy: with the keys of then, which others have replaced. */
static void take_back_keys(struct device *d, const ward_replica *r)
{
    struct ward_hash had[GRANTS_MAX + 1];
    size_t count = d->was_count;
    memcpy(had, d->was, sizeof d->was);
    had[count++] = d->grant;
    d->was_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!ward_replica_was(r, &had[i]))
            keep_grant(d->gone, &d->gone_count, &had[i]);
        else if (memcmp(had[i].b, r->self.b, sizeof r->self.b) != 0)
            keep_grant(d->was, &d->was_count, &had[i]);
    d->grant = r->self;
    d->revoked = true;
    check_keep_keys(d);
}

void check_after_boot(struct device *d)
{
    ward_replica *r;
    struct ward_error err = {0};
    faults_after_act(d); /* no trap is left from before */
    if (device_open(d, &r, &err)) {
        violated(d->w, "S17", "%s cannot be opened after it went down: %d %s", d->name, err.code, err.detail);
        return;
    }
    check_file_is_sound(d, r);
    if (ward_replica_was(r, &d->grant)) { /* it may have been about to go on under another grant */
        if (memcmp(r->self.b, d->grant.b, sizeof d->grant.b) != 0)
            work_take_grant(d, &r->self);
    } else {
        take_back_keys(d, r);
    }
    model_observe(d, r);
    check_nothing_is_lost(d, r);
    ward_close(r);
}
