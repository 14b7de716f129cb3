/* scenarios_write.c - writing: commits, checkpoints, settling, cutting, inviting; and what others were given of it. */
#include "base/err.h"
#include "replica/replica.h"
#include "scenarios.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- commit */

static int write_two_spaces(struct world *w, struct ward_error *err)
{
    ward_txn *t;
    struct ward_hash space;
    struct ward_id gone = item_id(1);
    int rc = ward_begin(w->d[0].r, &t, err);
    if (rc)
        return rc;
    rc = put_item(w, 0, t, "a", 2, "said anew", err);
    if (!rc)
        rc = put_item(w, 0, t, "b", 5, "elsewhere", err);
    if (!rc)
        rc = space_of(w, 0, "a", &space, err);
    if (!rc)
        rc = ward_delete(t, &space, KIND_ITEM, &gone, err);
    if (!rc)
        rc = ward_reason(t, &space, KIND_ITEM, &gone, "no longer needed", err);
    if (!rc)
        return ward_commit(t, NULL, err);
    ward_abort(t);
    return rc;
}

static int write_many(struct world *w, struct ward_error *err)
{
    char title[1200];
    ward_txn *t;
    int rc = ward_begin(w->d[0].r, &t, err);
    if (rc)
        return rc;
    for (uint8_t i = 20; !rc && i < 40; i++) {
        for (size_t j = 0; j < sizeof title - 1; j++)
            title[j] = (char)('a' + (j * 7 + j * j / 3 + i) % 26);
        title[sizeof title - 1] = 0;
        title[40] = 0; /* tags are short */
        rc = put_item(w, 0, t, "a", i, title, err);
    }
    if (!rc)
        return ward_commit(t, NULL, err);
    ward_abort(t);
    return rc;
}

static int commit_step(struct world *w, int k, struct ward_error *err)
{
    switch (k) {
    case 0:
        return write_item(w, 0, "a", 4, "one more", err);
    case 1:
        return write_item(w, 0, "bc", 6, "in a space of its own", err);
    case 2:
        return write_two_spaces(w, err);
    case 3:
        return write_many(w, err);
    default:
        return write_item(w, 0, k % 2 ? "a" : "ab", (uint8_t)(40 + k), "and on", err);
    }
}

const struct scenario scenario_commit = {
    .name = "commit", .steps = 24, .opens = true, .clean = true, .set_up = set_up_records, .step = commit_step};

/* ---------------------------------------------------------------- checkpoint: a log so long that the next commit moves it */

#define FRAME         (24 + 4096)
#define FRAMES_NEARLY 985 /* of the 1,000 after which a commit moves them */

static size_t log_frames(const struct world *w)
{
    size_t len = 0;
    disk_file(w->d[0].disk, "/d0/home/replica.db-wal", &len);
    return len / FRAME;
}

static void set_up_long_log(struct world *w)
{
    char title[32];
    set_up_records(w);
    for (int i = 0; log_frames(w) < FRAMES_NEARLY; i++) {
        snprintf(title, sizeof title, "version %d", i);
        must_write(w, 0, i % 2 ? "a" : "ab", (uint8_t)(10 + i % 60), title);
    }
    w->hot = true;
}

static int checkpoint_step(struct world *w, int k, struct ward_error *err)
{
    return write_item(w, 0, "a", (uint8_t)(50 + k), "after the log was full", err);
}

const struct scenario scenario_checkpoint = {
    .name = "checkpoint", .steps = 12, .opens = true, .clean = true, .set_up = set_up_long_log, .step = checkpoint_step};

/* ---------------------------------------------------------------- join: a commit that joins older segments of its feed */

#define JOINED_AT 320 /* the change with which those about the 50th are joined: the ones before are by then */

static int find_fiftieth(struct world *w, struct ward_segment *out, struct ward_error *err)
{
    ward_replica *r = w->d[0].r;
    struct ward_hash space, feed;
    int rc = space_of(w, 0, "a", &space, err);
    if (rc)
        return rc;
    ward_name_feed(&feed, &r->ward, &space, &w->d[0].grant);
    return ward_store_find_segment(r->store, ward_directory_feed_by_id(&r->dir, &feed)->fid, 50, out, err);
}

static void set_up_long_feed(struct world *w)
{
    struct ward_error err = {0};
    struct ward_segment seg;
    char title[32];
    set_up_records(w);
    for (int i = 2; i < JOINED_AT; i++) {
        snprintf(title, sizeof title, "version %d", i);
        must_write(w, 0, "a", (uint8_t)(10 + i % 60), title);
    }
    must(find_fiftieth(w, &seg, &err), &err, "find");
    must(seg.count == 1 ? WARD_OK : WARD_ERR_INTERNAL, &err, "too early");
}

static int join_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_segment seg;
    if (k == 0)
        return write_item(w, 0, "a", 4, "one more", err);
    int rc = find_fiftieth(w, &seg, err);
    return rc || seg.count > 1 ? rc : ward_fail(err, WARD_ERR_INTERNAL, "nothing was joined");
}

const struct scenario scenario_join_log = {
    .name = "join-log", .steps = 2, .opens = true, .clean = true, .set_up = set_up_long_feed, .step = join_step};

/* ---------------------------------------------------------------- resolve */

static void set_up_conflict(struct world *w)
{
    set_up_records(w);
    must_write(w, 0, "a", 2, "as the office has it");
    must_write(w, 1, "a", 2, "as the cell has it");
    must_carry(w, 1, 0);
}

struct first {
    struct ward_id id;
    size_t values;
};

static int take_first(void *ctx, const struct ward_conflict *c)
{
    *(struct first *)ctx = (struct first){c->id, c->value_count};
    return 0;
}

static int resolve_step(struct world *w, int k, struct ward_error *err)
{
    struct first f = {.values = 0};
    size_t left;
    int rc = k == 0 ? ward_conflicts(w->d[0].r, take_first, &f, err) : ward_conflict_count(w->d[0].r, &left, err);
    if (k == 0 && !rc)
        rc = ward_resolve(w->d[0].r, &f.id, f.values, 1, NULL, "asked them", err);
    return rc;
}

const struct scenario scenario_resolve = {
    .name = "resolve", .steps = 2, .opens = true, .clean = true, .set_up = set_up_conflict, .step = resolve_step};

/* ---------------------------------------------------------------- revoke, invite */

static int revoke_step(struct world *w, int k, struct ward_error *err)
{
    struct ward_hash digest = w->d[2].grant;
    (void)k;
    return ward_revoke(w->d[0].r, k == 0 ? &w->d[1].grant : &digest, "lost on the way", err);
}

/* What the cut sets aside is here already: its space is replayed. */
static void set_up_revoke(struct world *w)
{
    set_up_records(w);
    must_carry(w, 0, 2);
    must_write(w, 2, "ab", 3, "another title");
    must_carry(w, 2, 0);
}

const struct scenario scenario_revoke = {
    .name = "revoke", .steps = 2, .opens = true, .clean = true, .set_up = set_up_revoke, .step = revoke_step};

static int invite_step(struct world *w, int k, struct ward_error *err)
{
    static const char *const hubs[] = {"tcp://192.0.2.1:7000"};
    struct ward_id unit = unit_id('c');
    (void)k;
    return ward_invite(w->d[0].r, &unit, WARD_ROLE_CELL, hubs, 1, 86400000, w->code, sizeof w->code, err);
}

const struct scenario scenario_invite = {
    .name = "invite", .steps = 1, .opens = true, .clean = true, .set_up = set_up_ward, .step = invite_step};

/* ---------------------------------------------------------------- publish: what was tried in vain is written otherwise the next time */

static int publish_step(struct world *w, int k, struct ward_error *err)
{
    char title[32];
    struct ward_bundle_info info;
    if (k % 2)
        return carry(w, 0, 1, &info, err);
    snprintf(title, sizeof title, "attempt %d at %d", w->attempt, k);
    return write_item(w, 0, "a", (uint8_t)(60 + k), title, err);
}

const struct scenario scenario_publish = {.name = "publish",
                                          .steps = 24,
                                          .opens = true,
                                          .clean = true,
                                          .peers = true,
                                          .varies = true,
                                          .set_up = set_up_records,
                                          .step = publish_step};
