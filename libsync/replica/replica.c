/* replica.c - a replica in memory: made and closed; its directory kept in step with the store; circles, ids. */
#include "replica/replica.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "replica/ahead.h"
#include "replica/identity.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ward_replica *ward_replica_new(const char *home, const struct ward_options *options, struct ward_error *err)
{
    const struct ward_env *env = options && options->env ? options->env : ward_platform_env();
    if (!env->alloc || !env->wall_ms || !env->mono_ms || !env->random) {
        ward_fail(err, WARD_ERR_ARGUMENT, "env: all its functions are needed");
        return NULL;
    }
    if (!home || !home[0] || strlen(home) >= sizeof((ward_replica *)0)->home) {
        ward_fail(err, WARD_ERR_ARGUMENT, "home");
        return NULL;
    }
    ward_process_harden(); /* keys are about to be held */
    ward_replica *r = ward_alloc(env, sizeof *r);
    struct ward_keys *keys = r ? ward_keys_new() : NULL;
    if (!keys) {
        ward_release(env, r);
        ward_fail(err, WARD_ERR_MEMORY, "replica");
        return NULL;
    }
    r->env = *env;
    r->keys = keys;
    r->schema = options ? options->schema : NULL;
    snprintf(r->home, sizeof r->home, "%s", home);
    ward_scratch_init(&r->scratch, &r->env);
    ward_buf_init(&r->unpacked, &r->env);
    ward_buf_init(&r->packed, &r->env);
    ward_buf_init(&r->bodies, &r->env);
    ward_arena_init(&r->arena, &r->env);
    ward_directory_init(&r->dir, &r->env, &r->ward);
    if (ward_ahead_open(&r->ahead, &r->env, options ? options->helper : NULL)) {
        ward_close(r);
        ward_fail(err, WARD_ERR_MEMORY, "replica");
        return NULL;
    }
    return r;
}

void ward_close(ward_replica *r)
{
    if (!r)
        return;
    ward_ahead_close(r->ahead);
    ward_store_close(r->store);
    ward_directory_free(&r->dir);
    ward_release(&r->env, r->reuses);
    ward_chain_forget(r);
    for (size_t i = 0; i < r->circle_count; i++)
        ward_release(&r->env, r->circles[i].units);
    ward_release(&r->env, r->circles);
    ward_release(&r->env, r->former);
    ward_release(&r->env, r->shares);
    ward_scratch_free(&r->scratch);
    ward_buf_free(&r->unpacked);
    ward_buf_free(&r->packed);
    ward_buf_free(&r->bodies);
    ward_arena_free(&r->arena);
    ward_keys_free(r->keys);
    struct ward_env env = r->env;
    ward_release(&env, r);
}

bool ward_is_read_only(const ward_replica *r)
{
    return ward_store_read_only(r->store);
}

static int note_reused(ward_replica *r, uint32_t fid, uint64_t upto, struct ward_error *err)
{
    if (ward_grow(&r->env, (void **)&r->reuses, &r->reuse_cap, r->reused, sizeof *r->reuses))
        return ward_fail(err, WARD_ERR_MEMORY, "directory");
    r->reuses[r->reused++] = (struct ward_reuse){fid, upto};
    return WARD_OK;
}

int ward_replica_reuse_number(ward_replica *r, uint32_t fid, uint64_t upto, struct ward_error *err)
{
    int rc = ward_store_forget_held(r->store, fid, upto, err);
    if (!rc)
        rc = ward_store_forget_receipted(r->store, fid, upto, err);
    return rc ? rc : note_reused(r, fid, upto, err);
}

/* Whether the row holds what it held: another process may have taken back own changes, and written others in their place. */
static int still_holds(ward_replica *r, const struct ward_feed *was, const struct ward_feed *is, bool *out, struct ward_error *err)
{
    struct ward_hash hash = was->head_hash;
    uint64_t depth;
    int rc = WARD_OK;
    *out = true;
    if (is->parent || was->head_seq < is->base || !ward_replica_was(r, &is->grant))
        return WARD_OK;
    if (was->head_seq <= is->head_seq)
        rc = ward_chain_at(r, is->fid, was->head_seq, &hash, &depth, err);
    *out = was->head_seq <= is->head_seq && ward_hash_compare(&hash, &was->head_hash) == 0;
    return rc;
}

/* `was`: the directory before the one that was just read. */
static int compare_numbers(ward_replica *r, const struct ward_directory *before, struct ward_error *err)
{
    int rc = WARD_OK;
    for (uint32_t fid = 1; !rc && fid <= before->feed_count; fid++) {
        const struct ward_feed *was = ward_directory_feed(before, fid), *is = ward_directory_feed(&r->dir, fid);
        bool same = is && ward_hash_compare(&was->id, &is->id) == 0 && was->parent == is->parent &&
                    (!is->parent || (was->base == is->base && ward_hash_compare(&was->base_hash, &is->base_hash) == 0));
        if (same)
            rc = still_holds(r, was, is, &same, err);
        if (!rc && !same)
            rc = note_reused(r, fid, 0, err);
    }
    return rc;
}

/* What was known stays where it is until the new picture is whole: records in the caller's hands look their authors up in it. */
int ward_replica_reload(ward_replica *r, struct ward_error *err)
{
    struct ward_directory before = r->dir, fresh;
    uint64_t stamp;
    r->stamp = 0; /* on failure the next refresh tries again */
    ward_chain_forget(r);
    int rc = ward_store_look(r->store, err);
    if (rc)
        return rc;
    ward_directory_init(&fresh, &r->env, &r->ward);
    rc = ward_store_stamp(r->store, &stamp, err);
    if (!rc)
        rc = ward_identity_check(r, err);
    if (!rc)
        rc = ward_store_load(r->store, &fresh, err);
    if (!rc) {
        r->dir = fresh;
        rc = compare_numbers(r, &before, err);
    }
    ward_store_looked(r->store);
    if (rc) {
        ward_directory_free(&fresh);
        r->dir = before;
        return rc;
    }
    ward_directory_free(&before);
    r->stamp = stamp;
    return WARD_OK;
}

int ward_replica_refresh(ward_replica *r, struct ward_error *err)
{
    uint64_t stamp;
    int rc = ward_store_stamp(r->store, &stamp, err);
    if (rc || stamp == r->stamp)
        return rc;
    return ward_replica_reload(r, err);
}

int ward_replica_look(ward_replica *r, struct ward_error *err)
{
    int rc = ward_store_look(r->store, err);
    if (rc)
        return rc;
    rc = ward_replica_refresh(r, err);
    if (rc)
        ward_store_looked(r->store);
    return rc;
}

void ward_replica_looked(ward_replica *r)
{
    ward_store_looked(r->store);
}

const struct ward_grant *ward_replica_grant(const ward_replica *r)
{
    const struct ward_grant *arrived = ward_directory_grant(&r->dir, &r->self);
    return arrived ? arrived : ward_hash_compare(&r->own.id, &r->self) == 0 ? &r->own : NULL;
}

int64_t ward_replica_now(const ward_replica *r)
{
    int64_t now = r->env.wall_ms(r->env.ctx);
    return now < 0 ? 0 : now > WARD_WALL_MS_MAX ? WARD_WALL_MS_MAX : now;
}

/* ---- circles */

static struct ward_circle_share *share_of(ward_replica *r, uint64_t by)
{
    for (size_t i = 0; i < r->share_count; i++)
        if (r->shares[i].by == by)
            return &r->shares[i];
    return NULL;
}

static void forget(ward_replica *r, size_t i)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): circles are there where their count is not 0
    struct ward_circle_share *share = share_of(r, r->circles[i].by);
    assert(share); /* there as long as anything is counted in it */
    if (--share->count == 0)
        *share = r->shares[--r->share_count];
    ward_release(&r->env, r->circles[i].units);
}

/* Circles whose space has come into being stand in the directory. */
static void forget_founded(ward_replica *r)
{
    size_t kept = 0;
    // NOLINTBEGIN(clang-analyzer-core.NullDereference): circles are there where their count is not 0
    for (size_t i = 0; i < r->circle_count; i++) {
        if (ward_directory_space_by_id(&r->dir, &r->circles[i].space))
            forget(r, i);
        else
            r->circles[kept++] = r->circles[i];
    }
    // NOLINTEND(clang-analyzer-core.NullDereference)
    r->circle_count = kept;
}

/* The oldest of whoever has most, if that is more than the newcomer has. */
static bool make_room(ward_replica *r, uint64_t newcomer)
{
    const struct ward_circle_share *most = &r->shares[0], *own = share_of(r, newcomer);
    size_t i = 0;
    for (size_t k = 1; k < r->share_count; k++)
        if (r->shares[k].count > most->count)
            most = &r->shares[k];
    if (own && own->count >= most->count)
        return false;
    uint64_t by = most->by;
    while (r->circles[i].by != by)
        i++;
    forget(r, i);
    memmove(&r->circles[i], &r->circles[i + 1], (--r->circle_count - i) * sizeof r->circles[0]);
    return true;
}

static int add_circle(ward_replica *r, const struct ward_circle *c)
{
    struct ward_circle_share *share = share_of(r, c->by);
    int rc = ward_grow(&r->env, (void **)&r->circles, &r->circle_cap, r->circle_count, sizeof r->circles[0]);
    if (!rc && !share) {
        rc = ward_grow(&r->env, (void **)&r->shares, &r->share_cap, r->share_count, sizeof r->shares[0]);
        if (!rc) {
            share = &r->shares[r->share_count++];
            *share = (struct ward_circle_share){.by = c->by};
        }
    }
    if (rc)
        return rc;
    share->count++;
    r->circles[r->circle_count++] = *c;
    return WARD_OK;
}

int ward_replica_hear_circle(ward_replica *r, const struct ward_hash *by, const struct ward_id *units, size_t count,
                             struct ward_hash *space)
{
    struct ward_circle c = {.count = count};
    ward_name_space(space, &r->ward, units, count);
    c.space = *space;
    if (by)
        memcpy(&c.by, by->b, sizeof c.by);
    if (ward_directory_space_by_id(&r->dir, space) || ward_replica_circle(r, space))
        return WARD_OK;
    if (r->circle_count >= WARD_SPACES_MAX)
        forget_founded(r);
    if (r->circle_count >= WARD_SPACES_MAX && !make_room(r, c.by))
        return WARD_ERR_LIMIT_SPACES;
    c.units = ward_alloc(&r->env, (count + 1) * sizeof *c.units);
    if (!c.units)
        return WARD_ERR_MEMORY;
    if (count)
        memcpy(c.units, units, count * sizeof *c.units);
    int rc = add_circle(r, &c);
    if (rc)
        ward_release(&r->env, c.units);
    return rc;
}

int ward_replica_know_circle(ward_replica *r, const struct ward_id *units, size_t count, struct ward_hash *space)
{
    return ward_replica_hear_circle(r, NULL, units, count, space);
}

const struct ward_circle *ward_replica_circle(const ward_replica *r, const struct ward_hash *space)
{
    for (size_t i = r->circle_count; i > 0; i--)
        if (ward_hash_compare(&r->circles[i - 1].space, space) == 0)
            return &r->circles[i - 1];
    return NULL;
}

const struct ward_circle *ward_replica_circle_short(const ward_replica *r, const uint8_t short_id[8])
{
    for (size_t i = r->circle_count; i > 0; i--)
        if (memcmp(r->circles[i - 1].space.b, short_id, 8) == 0)
            return &r->circles[i - 1];
    return NULL;
}

int ward_backup(ward_replica *r, const char *path, struct ward_error *err)
{
    return ward_store_backup(r->store, path, err);
}

int ward_new_id(ward_replica *r, struct ward_id *out, struct ward_error *err)
{
    /* UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, version, 74 bits of randomness, variant. */
    uint64_t ms = (uint64_t)ward_replica_now(r);
    if (r->env.random(r->env.ctx, out->b, sizeof out->b))
        return ward_fail(err, WARD_ERR_RANDOM, "id");
    for (int i = 0; i < 6; i++)
        out->b[i] = (uint8_t)(ms >> (40 - 8 * i));
    out->b[6] = (uint8_t)(0x70 | (out->b[6] & 0x0f));
    out->b[8] = (uint8_t)(0x80 | (out->b[8] & 0x3f));
    return WARD_OK;
}

void ward_space_of_ward(const ward_replica *r, struct ward_hash *out)
{
    ward_name_space(out, &r->ward, NULL, 0);
}

static int compare_ids(const void *a, const void *b)
{
    return ward_id_compare(a, b);
}

int ward_space_of_circle(ward_replica *r, struct ward_hash *out, const struct ward_id *units, size_t count, struct ward_error *err)
{
    if (count == 0 || count > WARD_CIRCLE_MAX)
        return ward_fail(err, count ? WARD_ERR_LIMIT_CIRCLE : WARD_ERR_ARGUMENT, "%zu units", count);
    struct ward_id sorted[WARD_CIRCLE_MAX];
    size_t n = 0;
    memcpy(sorted, units, count * sizeof *units);
    qsort(sorted, count, sizeof sorted[0], compare_ids);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || ward_id_compare(&sorted[n - 1], &sorted[i]) != 0)
            sorted[n++] = sorted[i];
    int rc = ward_replica_know_circle(r, sorted, n, out);
    return rc ? ward_fail(err, rc, "circle") : WARD_OK;
}
